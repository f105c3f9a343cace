//! `/Bulk`: RFC 7644 §3.7, many operations in one request.

use poem_openapi::OpenApi;
use serde_json::{Map, Value, json};

use super::Tag;
use crate::app::bulk::Entry;
use crate::http::resource::{BulkRequest, BulkResponse};
use crate::http::{Answered, Authed, Rejection, ScimBody};
use crate::scim::{etag, urn};

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
        /// The operations.
        request: ScimBody<BulkRequest>,
    ) -> Result<Answered<BulkResponse>, Rejection> {
        let entries = caller.app.bulk(&caller.who, request.map).await?;
        let operations: Vec<Value> = entries.into_iter().map(|entry| shown(entry, &caller)).collect();
        let response = json!({ "schemas": [urn::BULK_RESPONSE], "Operations": operations });
        Ok(Answered::new(response.to_string().into_bytes()))
    }
}

/// B-11, B-12, B-13: `status` is a string, as in all samples of the RFC.
fn shown(entry: Entry, caller: &Authed) -> Value {
    let mut shown = Map::new();
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
            if let Some(cause) = &rejection.cause {
                tracing::error!(org.id = %caller.who.org.id, cause = &**cause as &dyn std::error::Error, "an operation failed");
            }
            shown.insert("status".into(), rejection.status.as_str().into());
            shown.insert("response".into(), rejection.body());
        }
    }
    shown.into()
}
