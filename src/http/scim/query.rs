//! Lists: from a query string or the body of `.search`, one way through.

use super::references;
use crate::http::payload::ScimBody;
use crate::http::resource::Shape;
use crate::http::{Authed, Rejection};
use crate::scim::list::{self, SearchRequest};
use crate::scim::project::Projection;
use crate::scim::{Kind, ResourceType, render};
use crate::store::References;

/// The `ListResponse` that `request` asks for (RFC 7644 §3.4.2).
pub(super) async fn list(resource_type: &ResourceType, caller: &Authed, request: &SearchRequest) -> Result<Vec<u8>, Rejection> {
    let profile = caller.app.settings.profile;
    let (attributes, excluded) = (request.attributes.as_deref(), request.excluded_attributes.as_deref());
    let projection = Projection::parse(attributes, excluded, resource_type, profile)?;
    let mut query = list::parse(&request.params(), resource_type, profile)?;
    query.references = references(resource_type.kind, &projection) == References::Include;
    let page = match resource_type.kind {
        Kind::User => caller.app.user_list(&caller.who, &query).await,
        Kind::Group => caller.app.group_list(&caller.who, &query).await,
        Kind::Invitation => caller.app.invitation_list(&caller.who, &query).await,
    }?;
    let start_index = query.offset.saturating_add(1);
    Ok(render::list(resource_type, &page.records, page.total, start_index, &caller.base, &projection))
}

/// The same, from the body of `POST …/.search` (RFC 7644 §3.4.3).
pub(super) async fn search<T: Shape>(
    resource_type: &ResourceType,
    caller: &Authed,
    body: ScimBody<T>,
) -> Result<Vec<u8>, Rejection> {
    let request = SearchRequest::parse(body.map, caller.app.settings.profile)?;
    list(resource_type, caller, &request).await
}
