//! `/audit`: who did what in the org, and who was refused.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::Tag;
use super::requests::{instant, wrong};
use crate::base::limit;
use crate::http::answer::Told;
use crate::http::resource::{AuditEntries, AuditEntry};
use crate::http::scim::parameter::Integer;
use crate::http::{Authed, OAuthScope, Rejection};
use crate::org::audit::Wanted;

/// The operations on the audit log.
pub struct AuditApi;

#[OpenApi(tag = "Tag::Audit")]
impl AuditApi {
    /// List audit entries
    ///
    /// The newest first: every write, in the moment it is answered; sign-ins and refusals within seconds. Nobody can change an
    /// entry, and each has a hash over itself and the one before, so that who keeps the files cannot either without being noticed.
    #[allow(clippy::too_many_arguments, reason = "every parameter stands in the document by itself")]
    #[oai(path = "/audit", method = "get", operation_id = "listAuditEntries")]
    async fn list(
        &self,
        #[oai(scope = "OAuthScope::AuditRead")] caller: Authed,
        /// `created`, `changed`, `deleted`, `restored`, `issued`, `revoked`, `refused`, `invited` …
        action: Query<Option<String>>,
        /// Whose doing, as an entry says it: `user` or `client` and the id, `operator`, `worker`, `invitee` …
        actor: Query<Option<String>>,
        /// `User`, `Group`, `Invitation`, `Organization`, `Settings`, `Client`, `Token`, `Request` …
        #[oai(name = "resourceType")]
        resource_type: Query<Option<String>>,
        /// The `id` of the resource.
        #[oai(name = "resourceId")]
        resource_id: Query<Option<String>>,
        /// The `X-Request-Id` of an answer.
        request: Query<Option<String>>,
        /// From then on, such as `2026-11-24T04:40:37Z`.
        since: Query<Option<String>>,
        /// Before then.
        until: Query<Option<String>>,
        /// How many: 100 if not said, 1000 at the most.
        limit: Query<Option<Integer>>,
        /// `next` of the page before.
        before: Query<Option<String>>,
    ) -> Result<Told<AuditEntries>, Rejection> {
        let limit = limit.0.map(|text| text.0);
        let limit = limit.map(|text| text.parse::<usize>().map_err(|_| wrong("limit", &text, "an integer"))).transpose()?;
        let wanted = Wanted {
            action: action.0,
            actor: actor.0,
            resource_type: resource_type.0,
            resource: resource_id.0.map(|text| text.parse().map_err(|_| wrong("resourceId", &text, "an id"))).transpose()?,
            request: request.0,
            since: since.0.map(|text| instant("since", &text)).transpose()?,
            until: until.0.map(|text| instant("until", &text)).transpose()?,
            before: before.0.map(|text| text.parse().map_err(|_| wrong("before", &text, "`next` of a page"))).transpose()?,
            limit: limit.unwrap_or(limit::PAGE_DEFAULT).clamp(1, limit::PAGE_MAX),
        };
        Ok(Told::new(&caller.app.audit_list(&caller.who, &wanted).await?))
    }

    /// Read an audit entry
    #[oai(path = "/audit/:id", method = "get", operation_id = "getAuditEntry")]
    async fn get(
        &self,
        #[oai(scope = "OAuthScope::AuditRead")] caller: Authed,
        /// The `id` of the entry.
        id: Path<String>,
    ) -> Result<Told<AuditEntry>, Rejection> {
        let id = id.parse().map_err(|_| Rejection::not_found())?;
        Ok(Told::new(&caller.app.audit_get(&caller.who, id).await?))
    }
}
