//! `/{endpoint}` of resource types that somebody added: RFC 7644 §3.3 to §3.6 by whatever schema they have.
//!
//! Not in the document of the server, since every tree has its own: `http::docs` writes one for a tree, from these operations.

// Every parameter stands in the document by itself.
#![allow(clippy::too_many_arguments)]

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::parameter::{Integer, ListHeader, Names};
use super::{Tag, changed, created, fetched, id, projection, query};
use crate::http::resource::{PatchOp, Resource, ResourceListResponse, SearchRequest};
use crate::http::{Answered, Authed, Changed, Created, Deleted, Fetched, OAuthScope, Rejection, ScimBody};
use crate::scim::ResourceType;

/// The operations on them.
pub struct Resources;

#[OpenApi(tag = "Tag::Resources")]
impl Resources {
    /// Create a resource
    ///
    /// RFC 7644 §3.3.
    #[oai(path = "/:endpoint", method = "post", operation_id = "createResource")]
    async fn create(
        &self,
        #[oai(scope = "OAuthScope::ResourcesWrite")] caller: Authed,
        /// Of the resource type.
        endpoint: Path<String>,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// `return=minimal` for an answer without a body (RFC 7240).
        #[oai(name = "Prefer")]
        prefer: ListHeader,
        /// The resource.
        resource: ScimBody<Resource>,
    ) -> Result<Created<Resource>, Rejection> {
        let resource_type = resource_type(&caller, &endpoint)?;
        let projection = projection(resource_type, &caller, &attributes, &excluded_attributes)?;
        let record = caller.app.resource_create(&caller.who, resource_type, resource.map).await?;
        Ok(created(resource_type, &caller, &record, &projection, &prefer))
    }

    /// List resources
    ///
    /// RFC 7644 §3.4.2. In the order of their creation unless sorted. No match is an empty list, never 404.
    #[oai(path = "/:endpoint", method = "get", operation_id = "listResources")]
    async fn list(
        &self,
        #[oai(scope = "OAuthScope::ResourcesRead")] caller: Authed,
        /// Of the resource type.
        endpoint: Path<String>,
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
    ) -> Result<Answered<ResourceListResponse>, Rejection> {
        let order = (sort_by, sort_order);
        let window = (start_index, count, cursor);
        let request = query::request(filter, order, window, (attributes, excluded_attributes));
        query::list(resource_type(&caller, &endpoint)?, &caller, &request).await.map(Answered::new)
    }

    /// Search resources
    ///
    /// RFC 7644 §3.4.3: the same as a list, with the parameters in the body.
    #[oai(path = "/:endpoint/.search", method = "post", operation_id = "searchResources")]
    async fn search(
        &self,
        #[oai(scope = "OAuthScope::ResourcesRead")] caller: Authed,
        /// Of the resource type.
        endpoint: Path<String>,
        /// The parameters.
        request: ScimBody<SearchRequest>,
    ) -> Result<Answered<ResourceListResponse>, Rejection> {
        query::search(resource_type(&caller, &endpoint)?, &caller, request).await.map(Answered::new)
    }

    /// Read a resource
    ///
    /// RFC 7644 §3.4.1.
    #[oai(path = "/:endpoint/:id", method = "get", operation_id = "getResource")]
    async fn get(
        &self,
        #[oai(scope = "OAuthScope::ResourcesRead")] caller: Authed,
        /// Of the resource type.
        endpoint: Path<String>,
        /// The `id` of the resource.
        id: Path<String>,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// A version already known: 304 if it is still the present one (RFC 7644 §3.14).
        #[oai(name = "If-None-Match")]
        if_none_match: ListHeader,
    ) -> Result<Fetched<Resource>, Rejection> {
        let resource_type = resource_type(&caller, &endpoint)?;
        let projection = projection(resource_type, &caller, &attributes, &excluded_attributes)?;
        let record = caller.app.resource_get(&caller.who, resource_type, key(&id)?).await?;
        Ok(fetched(resource_type, &caller, &record, &projection, &if_none_match))
    }

    /// Replace a resource
    ///
    /// RFC 7644 §3.5.1. What is left out is cleared, but for what is read-only or immutable. A body that changes nothing keeps the
    /// version.
    #[oai(path = "/:endpoint/:id", method = "put", operation_id = "replaceResource")]
    async fn replace(
        &self,
        #[oai(scope = "OAuthScope::ResourcesWrite")] caller: Authed,
        /// Of the resource type.
        endpoint: Path<String>,
        /// The `id` of the resource.
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
        /// The whole resource.
        resource: ScimBody<Resource>,
    ) -> Result<Changed<Resource>, Rejection> {
        let resource_type = resource_type(&caller, &endpoint)?;
        let projection = projection(resource_type, &caller, &attributes, &excluded_attributes)?;
        let (id, if_match) = (key(&id)?, if_match.as_deref());
        let record = caller.app.resource_replace(&caller.who, resource_type, id, if_match, resource.map).await?;
        Ok(changed(resource_type, &caller, &record, &projection, &prefer))
    }

    /// Patch a resource
    ///
    /// RFC 7644 §3.5.2. The operations apply in order, all or none.
    #[oai(path = "/:endpoint/:id", method = "patch", operation_id = "patchResource")]
    async fn patch(
        &self,
        #[oai(scope = "OAuthScope::ResourcesWrite")] caller: Authed,
        /// Of the resource type.
        endpoint: Path<String>,
        /// The `id` of the resource.
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
    ) -> Result<Changed<Resource>, Rejection> {
        let resource_type = resource_type(&caller, &endpoint)?;
        let projection = projection(resource_type, &caller, &attributes, &excluded_attributes)?;
        let (id, if_match) = (key(&id)?, if_match.as_deref());
        let record = caller.app.resource_patch(&caller.who, resource_type, id, if_match, patch.map).await?;
        Ok(changed(resource_type, &caller, &record, &projection, &prefer))
    }

    /// Delete a resource
    ///
    /// RFC 7644 §3.6.
    #[oai(path = "/:endpoint/:id", method = "delete", operation_id = "deleteResource")]
    async fn delete(
        &self,
        #[oai(scope = "OAuthScope::ResourcesWrite")] caller: Authed,
        /// Of the resource type.
        endpoint: Path<String>,
        /// The `id` of the resource.
        id: Path<String>,
        /// The version to be deleted: 412 if it is not the present one (RFC 7644 §3.14).
        #[oai(name = "If-Match")]
        if_match: ListHeader,
    ) -> Result<Deleted, Rejection> {
        let resource_type = resource_type(&caller, &endpoint)?;
        caller.app.resource_delete(&caller.who, resource_type, key(&id)?, if_match.as_deref()).await?;
        Ok(Deleted)
    }
}

/// The type that the caller's tree has at this endpoint.
fn resource_type<'a>(caller: &'a Authed, endpoint: &str) -> Result<&'a ResourceType, Rejection> {
    let found = caller.who.schemas.custom().iter().find(|one| one.endpoint.strip_prefix('/') == Some(endpoint));
    found.ok_or_else(Rejection::not_found)
}

fn key(text: &str) -> Result<uuid::Uuid, Rejection> {
    id::<crate::base::UserId>(text).map(|id| id.0)
}
