//! `/Organizations`: those below the one of the address. RFC 7644 §3.3 to §3.6, and what a deletion or a move would end.

// Every parameter stands in the document by itself.
#![allow(clippy::too_many_arguments)]

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use serde_json::{Value, json};

use super::parameter::{Integer, ListHeader, Names};
use super::{Tag, changed, created, fetched, id, projection, query, references};
use crate::app::orgs::Intent;
use crate::directory::orgs;
use crate::http::resource::{
    Organization, OrganizationDeletion, OrganizationListResponse, OrganizationMove, OrganizationMoved, PatchOp, SearchRequest,
};
use crate::http::{Answered, Authed, Changed, Created, Deleted, Fetched, OAuthScope, Rejection, ScimBody};
use crate::org::{Children, Uprooted};
use crate::scim::list::SearchRequest as Asked;
use crate::scim::{self, Kind, ScimType, urn};

/// The operations on organizations.
pub struct Organizations;

#[OpenApi(tag = "Tag::Organizations")]
impl Organizations {
    /// Create an organization
    ///
    /// RFC 7644 §3.3. A child of this organization, or of the one below it that `parent.value` names. A person who makes a
    /// child of this organization becomes a guest of it and a member of its new group `Administrators`. 409 `uniqueness` if
    /// the handle is taken in the tree; 400 if the tree would have more than 32 levels.
    #[oai(path = "/Organizations", method = "post", operation_id = "createOrganization")]
    async fn create(
        &self,
        #[oai(scope = "OAuthScope::OrganizationsWrite")] caller: Authed,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// `return=minimal` for an answer without a body (RFC 7240).
        #[oai(name = "Prefer")]
        prefer: ListHeader,
        /// The organization: `handle` at least.
        organization: ScimBody<Organization>,
    ) -> Result<Created<Organization>, Rejection> {
        let resource_type = caller.who.schemas.organization();
        let projection = projection(resource_type, &caller, &attributes, &excluded_attributes)?;
        let record = caller.app.org_make(&caller.who, organization.map).await?;
        Ok(created(resource_type, &caller, &record, &projection, &prefer))
    }

    /// List organizations
    ///
    /// RFC 7644 §3.4.2. The children of this organization, or with `depth` more of what stands below it; never what stands
    /// beside or above it. `filter=parent.value eq "…"` leaves the children of one, `ancestors.value eq "…"` all below it.
    #[oai(path = "/Organizations", method = "get", operation_id = "listOrganizations")]
    async fn list(
        &self,
        #[oai(scope = "OAuthScope::OrganizationsRead")] caller: Authed,
        /// How many levels down: 1 if not said, for the children alone; 32 for everything.
        depth: Query<Option<Integer>>,
        /// RFC 7644 §3.4.2.2: `attribute operator value`, joined by `and`, `or`, `not ( )`.
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
    ) -> Result<Answered<OrganizationListResponse>, Rejection> {
        let order = (sort_by, sort_order);
        let window = (start_index, count, cursor);
        let request = query::request(filter, order, window, (attributes, excluded_attributes));
        let request = Asked { depth: depth.0.map(|text| text.0), ..request };
        query::list(caller.who.schemas.organization(), &caller, &request).await.map(Answered::new)
    }

    /// Search organizations
    ///
    /// RFC 7644 §3.4.3: the same as a list, with the parameters in the body, `depth` among them.
    #[oai(path = "/Organizations/.search", method = "post", operation_id = "searchOrganizations")]
    async fn search(
        &self,
        #[oai(scope = "OAuthScope::OrganizationsRead")] caller: Authed,
        /// The parameters.
        request: ScimBody<SearchRequest>,
    ) -> Result<Answered<OrganizationListResponse>, Rejection> {
        query::search(caller.who.schemas.organization(), &caller, request).await.map(Answered::new)
    }

    /// Read an organization
    ///
    /// RFC 7644 §3.4.1. One below this organization, or this one itself, with its path from the root.
    #[oai(path = "/Organizations/:id", method = "get", operation_id = "getOrganization")]
    async fn get(
        &self,
        #[oai(scope = "OAuthScope::OrganizationsRead")] caller: Authed,
        /// The `id` of the organization.
        id: Path<String>,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// A version already known: 304 if it is still the present one (RFC 7644 §3.14).
        #[oai(name = "If-None-Match")]
        if_none_match: ListHeader,
    ) -> Result<Fetched<Organization>, Rejection> {
        let resource_type = caller.who.schemas.organization();
        let projection = projection(resource_type, &caller, &attributes, &excluded_attributes)?;
        let wanted = references(Kind::Organization, &projection);
        let record = caller.app.org_get(&caller.who, self::id(&id)?, wanted).await?;
        Ok(fetched(resource_type, &caller, &record, &projection, &if_none_match))
    }

    /// Replace an organization
    ///
    /// RFC 7644 §3.5.1. Another `parent` moves it, as a PATCH does; without one it stays where it is. 403 for this
    /// organization itself, which is changed from one above it.
    #[oai(path = "/Organizations/:id", method = "put", operation_id = "replaceOrganization")]
    async fn replace(
        &self,
        #[oai(scope = "OAuthScope::OrganizationsWrite")] caller: Authed,
        /// The `id` of the organization.
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
        /// The whole organization.
        organization: ScimBody<Organization>,
    ) -> Result<Changed<Organization>, Rejection> {
        let resource_type = caller.who.schemas.organization();
        let projection = projection(resource_type, &caller, &attributes, &excluded_attributes)?;
        let record = caller.app.org_replace(&caller.who, self::id(&id)?, if_match.as_deref(), organization.map).await?;
        Ok(changed(resource_type, &caller, &record, &projection, &prefer))
    }

    /// Patch an organization
    ///
    /// RFC 7644 §3.5.2. `active` false shuts it and all below it to everybody with the next request. Another `parent.value`
    /// moves it, which ends its guests and invitations: they are of users of the old parent. `.move` with `dryRun` tells how
    /// many before. 403 for this organization itself, which is changed from one above it.
    #[oai(path = "/Organizations/:id", method = "patch", operation_id = "patchOrganization")]
    async fn patch(
        &self,
        #[oai(scope = "OAuthScope::OrganizationsWrite")] caller: Authed,
        /// The `id` of the organization.
        id: Path<String>,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// The version to be changed: 412 if it is not the present one (RFC 7644 §3.14).
        #[oai(name = "If-Match")]
        if_match: ListHeader,
        /// `return=minimal` for 204 without a body (RFC 7240).
        #[oai(name = "Prefer")]
        prefer: ListHeader,
        /// The operations.
        patch: ScimBody<PatchOp>,
    ) -> Result<Changed<Organization>, Rejection> {
        let resource_type = caller.who.schemas.organization();
        let projection = projection(resource_type, &caller, &attributes, &excluded_attributes)?;
        let record = caller.app.org_patch(&caller.who, self::id(&id)?, if_match.as_deref(), patch.map).await?;
        Ok(changed(resource_type, &caller, &record, &projection, &prefer))
    }

    /// Delete an organization
    ///
    /// RFC 7644 §3.6. It and all that belongs to it are gone at once and for good: users, guests, groups, invitations, clients,
    /// resources, settings, logs. Its tokens are 404 from the next request on. 409 while organizations stand below it, unless
    /// `recursive` takes them along; `.deletion` tells what goes. 403 for this organization itself.
    #[oai(path = "/Organizations/:id", method = "delete", operation_id = "deleteOrganization")]
    async fn delete(
        &self,
        #[oai(scope = "OAuthScope::OrganizationsWrite")] caller: Authed,
        /// The `id` of the organization.
        id: Path<String>,
        /// Whether the organizations below it go too.
        recursive: Query<Option<bool>>,
        /// The version to be deleted: 412 if it is not the present one (RFC 7644 §3.14).
        #[oai(name = "If-Match")]
        if_match: ListHeader,
    ) -> Result<Deleted, Rejection> {
        let children = if recursive.0 == Some(true) { Children::Go } else { Children::Block };
        caller.app.org_delete(&caller.who, self::id(&id)?, if_match.as_deref(), children).await?;
        Ok(Deleted)
    }

    /// See what a deletion takes along
    ///
    /// Counts all that a DELETE with `recursive=true` would remove. Changes nothing.
    #[oai(path = "/Organizations/:id/.deletion", method = "get", operation_id = "previewOrganizationDeletion")]
    async fn deletion(
        &self,
        #[oai(scope = "OAuthScope::OrganizationsWrite")] caller: Authed,
        /// The `id` of the organization.
        id: Path<String>,
    ) -> Result<Answered<OrganizationDeletion>, Rejection> {
        let contents = caller.app.org_contents(&caller.who, self::id(&id)?).await?;
        let mut body = json!({ "schemas": [urn::ORGANIZATION_DELETION] });
        for (name, count) in contents.counts() {
            body[name] = count.into();
        }
        Ok(Answered::new(body.to_string().into_bytes()))
    }

    /// Move an organization
    ///
    /// Puts it, with all below it, under another parent, both at or below this organization. Its guests and pending
    /// invitations are of users of the old parent, as admitted clients are of it, and end in the same transaction; organizations below it keep theirs, but for
    /// guests who stand for one of its own guests. Settings that it inherits are those of the new parent,
    /// so the scope `settings:write` is needed too unless that is this organization. With `dryRun` nothing
    /// is done. 400 where it would stand below itself, or the tree have more than 32 levels.
    #[oai(path = "/Organizations/:id/.move", method = "post", operation_id = "moveOrganization")]
    async fn shift(
        &self,
        #[oai(scope = "OAuthScope::OrganizationsWrite")] caller: Authed,
        /// The `id` of the organization.
        id: Path<String>,
        /// Where to.
        request: ScimBody<OrganizationMove>,
    ) -> Result<Answered<OrganizationMoved>, Rejection> {
        let mut body = request.map;
        let parent = orgs::parent_id(&scim::json::take(&mut body, "parent").unwrap_or_default())?;
        let intent = match scim::json::take(&mut body, "dryRun") {
            None | Some(Value::Null | Value::Bool(false)) => Intent::Do,
            Some(Value::Bool(true)) => Intent::Preview,
            Some(_) => return Err(scim::Error::bad(ScimType::InvalidValue, "`dryRun` is no boolean").into()),
        };
        // A misspelt `dryrun_` must not move anything.
        if let Some(name) = body.keys().find(|name| !name.eq_ignore_ascii_case("schemas")) {
            let detail = format!("`{}` is not known here", name.escape_debug());
            return Err(scim::Error::bad(ScimType::InvalidValue, detail).into());
        }
        let Uprooted { guests, invitations, clients } =
            caller.app.org_move(&caller.who, self::id(&id)?, parent, intent).await?;
        let body = json!({
            "schemas": [urn::ORGANIZATION_MOVED],
            "parent": { "value": parent },
            "guests": guests,
            "invitations": invitations,
            "clients": clients,
            "dryRun": intent == Intent::Preview,
        });
        Ok(Answered::new(body.to_string().into_bytes()))
    }
}
