//! `/Groups`: RFC 7644 §3.3 to §3.6 for groups and their members.

// Every parameter stands in the document by itself.
#![allow(clippy::too_many_arguments)]

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::parameter::{Integer, ListHeader, Names};
use super::{Tag, changed, created, fetched, id, projection, query, references};
use crate::app::idempotency::Turn;
use crate::http::resource::{Group, GroupListResponse, PatchOp, SearchRequest};
use crate::http::{Answered, Authed, Changed, Created, Deleted, Fetched, OAuthScope, Preference, Rejection, ScimBody};
use crate::scim::{Kind, render};

/// The operations on groups.
pub struct Groups;

#[OpenApi(tag = "Tag::Groups")]
impl Groups {
    /// Create a group
    ///
    /// RFC 7644 §3.3. `members` may name users and groups of the same organization, up to 10,000 in one request; 400
    /// `invalidValue` names an id that is neither. Scopes that the group gives must be those of the token too, or it is 403.
    #[oai(path = "/Groups", method = "post", operation_id = "createGroup")]
    async fn create(
        &self,
        #[oai(scope = "OAuthScope::GroupsWrite")] caller: Authed,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// `return=minimal` for an answer without a body (RFC 7240).
        #[oai(name = "Prefer")]
        prefer: ListHeader,
        /// Your own name for this request: sent again within 24 hours, it is not carried out again.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: ListHeader,
        /// The group: `schemas` and `displayName` at least.
        group: ScimBody<Group>,
    ) -> Result<Created<Group>, Rejection> {
        let projection = projection(caller.who.schemas.group(), &caller, &attributes, &excluded_attributes)?;
        let wanted = references(Kind::Group, &projection);
        let record = match caller.app.turn(&caller.who, idempotency_key.as_deref(), "POST /Groups", &group.map).await? {
            Turn::First(ticket) => caller.app.group_create_once(&caller.who, ticket.as_ref(), group.map, wanted).await?,
            Turn::Again(kept) => caller.app.made(&caller.who, Kind::Group, kept, wanted).await?,
        };
        Ok(created(caller.who.schemas.group(), &caller, &record, &projection, &prefer))
    }

    /// List groups
    ///
    /// RFC 7644 §3.4.2. In the order of their creation unless sorted. No match is an empty list, never 404. With
    /// `excludedAttributes=members` no member is read, which matters where groups are large.
    #[oai(path = "/Groups", method = "get", operation_id = "listGroups")]
    async fn list(
        &self,
        #[oai(scope = "OAuthScope::GroupsRead")] caller: Authed,
        /// RFC 7644 §3.4.2.2: `attribute operator value`, joined by `and`, `or`, `not ( )`; `members.value eq "…"`.
        filter: Query<Option<String>>,
        /// The attribute to sort by.
        #[oai(name = "sortBy")]
        sort_by: Query<Option<String>>,
        /// `ascending` (the default) or `descending`.
        #[oai(name = "sortOrder")]
        sort_order: Query<Option<String>>,
        /// The first result, counted from 1.
        #[oai(name = "startIndex")]
        start_index: Query<Option<Integer>>,
        /// Results in one page: 100 if not said, 1000 at the most; 0 for `totalResults` alone.
        count: Query<Option<Integer>>,
        /// RFC 9865: empty for the first page, then `nextCursor` with all else as before. Not together with `startIndex`.
        cursor: Query<Option<String>>,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
    ) -> Result<Answered<GroupListResponse>, Rejection> {
        let order = (sort_by, sort_order);
        let window = (start_index, count, cursor);
        let request = query::request(filter, order, window, (attributes, excluded_attributes));
        query::list(caller.who.schemas.group(), &caller, &request).await.map(Answered::new)
    }

    /// Search groups
    ///
    /// RFC 7644 §3.4.3: the same as a list, with the parameters in the body.
    #[oai(path = "/Groups/.search", method = "post", operation_id = "searchGroups")]
    async fn search(
        &self,
        #[oai(scope = "OAuthScope::GroupsRead")] caller: Authed,
        /// The parameters.
        request: ScimBody<SearchRequest>,
    ) -> Result<Answered<GroupListResponse>, Rejection> {
        query::search(caller.who.schemas.group(), &caller, request).await.map(Answered::new)
    }

    /// Read a group
    ///
    /// RFC 7644 §3.4.1. With `excludedAttributes=members` no member is read.
    #[oai(path = "/Groups/:id", method = "get", operation_id = "getGroup")]
    async fn get(
        &self,
        #[oai(scope = "OAuthScope::GroupsRead")] caller: Authed,
        /// The `id` of the group.
        id: Path<String>,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// A version already known: 304 if it is still the present one (RFC 7644 §3.14).
        #[oai(name = "If-None-Match")]
        if_none_match: ListHeader,
    ) -> Result<Fetched<Group>, Rejection> {
        let projection = projection(caller.who.schemas.group(), &caller, &attributes, &excluded_attributes)?;
        let record = caller.app.group_get(&caller.who, self::id(&id)?, references(Kind::Group, &projection)).await?;
        Ok(fetched(caller.who.schemas.group(), &caller, &record, &projection, &if_none_match))
    }

    /// Replace a group
    ///
    /// RFC 7644 §3.5.1. The members become those of the body: without `members` the group has none afterwards. Only the
    /// difference is written, and a body that changes nothing keeps the version. The scopes that the group gives stay where the
    /// body does not name their schema. Who adds members, or changes scopes, has to hold what that gives or takes, or it is 403.
    #[oai(path = "/Groups/:id", method = "put", operation_id = "replaceGroup")]
    async fn replace(
        &self,
        #[oai(scope = "OAuthScope::GroupsWrite")] caller: Authed,
        /// The `id` of the group.
        id: Path<String>,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// The version to be replaced: 412 if it is not the present one (RFC 7644 §3.14).
        #[oai(name = "If-Match")]
        if_match: ListHeader,
        /// `return=minimal` for 204 without a body (RFC 7240).
        #[oai(name = "Prefer")]
        prefer: ListHeader,
        /// The whole group.
        group: ScimBody<Group>,
    ) -> Result<Changed<Group>, Rejection> {
        let projection = projection(caller.who.schemas.group(), &caller, &attributes, &excluded_attributes)?;
        let wanted = references(Kind::Group, &projection);
        let record = caller.app.group_replace(&caller.who, self::id(&id)?, if_match.as_deref(), group.map, wanted).await?;
        Ok(changed(caller.who.schemas.group(), &caller, &record, &projection, &prefer))
    }

    /// Patch a group
    ///
    /// RFC 7644 §3.5.2. The operations apply in order, all or none. Adding and removing members by id costs the same in a
    /// group of ten as of a hundred thousand. Adding who is a member, or removing who is not, changes nothing. The answer is
    /// 204, or 200 with the group where `attributes` or `Prefer: return=representation` ask for it. Who adds members, or
    /// changes scopes, has to hold what that gives or takes, or it is 403.
    #[oai(path = "/Groups/:id", method = "patch", operation_id = "patchGroup")]
    async fn patch(
        &self,
        #[oai(scope = "OAuthScope::GroupsWrite")] caller: Authed,
        /// The `id` of the group.
        id: Path<String>,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// The version to be changed: 412 if it is not the present one (RFC 7644 §3.14).
        #[oai(name = "If-Match")]
        if_match: ListHeader,
        /// `return=representation` for 200 with the group (RFC 7240).
        #[oai(name = "Prefer")]
        prefer: ListHeader,
        /// The operations.
        patch: ScimBody<PatchOp>,
    ) -> Result<Changed<Group>, Rejection> {
        let projection = projection(caller.who.schemas.group(), &caller, &attributes, &excluded_attributes)?;
        let id = self::id(&id)?;
        let version = caller.app.group_patch(&caller.who, id, if_match.as_deref(), patch.map).await?;
        // P-28: Entra ID wants 204 of groups, and the members of a large one are not read for nobody.
        let preference = Preference::parse(prefer.as_deref());
        if projection.is_default() && preference != Some(Preference::Representation) {
            let location = render::location(caller.who.schemas.group(), id.0, &caller.base);
            return Ok(Changed::new(None, version, &location).as_preferred(preference));
        }
        let record = caller.app.group_written(&caller.who, id, references(Kind::Group, &projection)).await?;
        Ok(changed(caller.who.schemas.group(), &caller, &record, &projection, &prefer))
    }

    /// Delete a group
    ///
    /// RFC 7644 §3.6. The group and its memberships are gone at once; its members stay.
    #[oai(path = "/Groups/:id", method = "delete", operation_id = "deleteGroup")]
    async fn delete(
        &self,
        #[oai(scope = "OAuthScope::GroupsWrite")] caller: Authed,
        /// The `id` of the group.
        id: Path<String>,
        /// The version to be deleted: 412 if it is not the present one (RFC 7644 §3.14).
        #[oai(name = "If-Match")]
        if_match: ListHeader,
    ) -> Result<Deleted, Rejection> {
        caller.app.group_delete(&caller.who, self::id(&id)?, if_match.as_deref()).await?;
        Ok(Deleted)
    }
}
