//! `/Bulk`: RFC 7644 §3.7, many operations in one request.

use poem::http::StatusCode;
use poem_openapi::OpenApi;
use serde_json::{Map, Value, json};

use super::Tag;
use super::parameter::ListHeader;
use crate::app::bulk::Entry;
use crate::app::idempotency::{Ticket, Turn};
use crate::http::resource::{BulkRequest, BulkResponse};
use crate::http::{Answered, Authed, Rejection, ScimBody};
use crate::scim::{etag, urn};
use crate::store::Kept;

/// The one operation that holds others.
pub struct Bulk;

#[OpenApi(tag = "Tag::Bulk")]
impl Bulk {
    /// Do many operations
    ///
    /// RFC 7644 §3.7. Up to 1000 operations on users, groups and invitations, done in the order of the request, each as its own
    /// endpoint would do it and with the scope that it needs there: one that fails harms no other, and the answer tells of each.
    /// With `failOnErrors`, nothing more is done after so many failures.
    ///
    /// A new resource has a `bulkId`, and `bulkId:x` stands for its `id` wherever others refer to it: in `members`, in
    /// `manager`, in the path. One that refers to a later operation waits for it; those that refer to each other are made
    /// together. 409 for what refers to one that failed.
    #[oai(path = "/Bulk", method = "post", operation_id = "bulk")]
    async fn bulk(
        &self,
        caller: Authed,
        /// Your own name for this request: sent again within 24 hours, it is not carried out again but answered the same.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: ListHeader,
        /// The operations.
        request: ScimBody<BulkRequest>,
    ) -> Result<Answered<BulkResponse>, Rejection> {
        let response = match caller.app.turn(&caller.who, idempotency_key.as_deref(), "POST /Bulk", &request.map).await? {
            Turn::Again(Kept::Answered(response)) => response,
            Turn::Again(_) => return Err(Rejection::failure("a bulk request is kept without its answer")),
            // Whoever hangs up does not cut it short.
            Turn::First(ticket) => tokio::spawn(carry_out(caller, ticket, request.map)).await.map_err(Rejection::failure)??,
        };
        Ok(Answered::new(response.into_bytes()))
    }
}

async fn carry_out(caller: Authed, ticket: Option<Ticket>, request: Map<String, Value>) -> Result<String, Rejection> {
    let entries = caller.app.bulk(&caller.who, ticket.as_ref(), request).await?;
    let operations: Vec<Value> = entries.into_iter().map(|entry| shown(entry, &caller)).collect();
    let response = json!({ "schemas": [urn::BULK_RESPONSE], "Operations": operations }).to_string();
    if let Some(ticket) = &ticket
        && let Err(error) = caller.app.request_answered(&caller.who, ticket, &response).await
    {
        // It was carried out all the same.
        tracing::error!(error = &error as &dyn std::error::Error, "the answer to a bulk request could not be kept");
    }
    Ok(response)
}

/// B-11, B-12, B-13: `status` is a string, as in all samples of the RFC.
fn shown(entry: Entry, caller: &Authed) -> Value {
    let mut shown = Map::new();
    let resource = entry.resource.as_ref().and_then(|(_, id)| id.parse().ok());
    if let Some((endpoint, id)) = entry.resource {
        shown.insert("location".into(), format!("{}{endpoint}/{id}", caller.base).into());
    }
    shown.insert("method".into(), entry.method.into());
    shown.extend(entry.bulk_id.map(|name| ("bulkId".to_owned(), name.into())));
    match entry.outcome {
        Ok(written) => {
            shown.extend(written.version.map(|version| ("version".to_owned(), etag::format(version).into())));
            shown.insert("status".into(), written.status.to_string().into());
        }
        Err(error) => {
            let rejection = Rejection::from(error);
            if rejection.status == StatusCode::FORBIDDEN {
                caller.refused("/Bulk", resource, &rejection.detail);
            }
            if let Some(cause) = &rejection.cause {
                tracing::error!(org.id = %caller.who.org.id, cause = &**cause as &dyn std::error::Error, "an operation failed");
            }
            shown.insert("status".into(), rejection.status.as_str().into());
            shown.insert("response".into(), rejection.body());
        }
    }
    shown.into()
}
