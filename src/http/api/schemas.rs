//! `/schemas`, `/resource-types`: what a tree defines for itself, and `/openapi.json`, the document with it.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use serde_json::Value;

use super::Tag;
use crate::http::resource::{OpenApiDocument, ResourceType, ResourceTypeListResponse, Schema, SchemaListResponse, Shape};
use crate::http::{Answered, Authed, Deleted, OAuthScope, Rejection, ScimBody, docs};

/// The operations on definitions.
pub struct SchemasApi;

#[OpenApi(tag = "Tag::Schemas")]
impl SchemasApi {
    /// List the tree's own schemas
    ///
    /// What the tree defined itself; all that hold are at `/Schemas` below `scim2`.
    #[oai(path = "/schemas", method = "get", operation_id = "listOwnSchemas")]
    async fn schemas(
        &self,
        #[oai(scope = "OAuthScope::SchemasRead")] caller: Authed,
    ) -> Result<Answered<SchemaListResponse>, Rejection> {
        Ok(json(&caller.app.schema_list(&caller.who).await?))
    }

    /// Read one of the tree's own schemas
    #[oai(path = "/schemas/:urn", method = "get", operation_id = "getOwnSchema")]
    async fn schema(
        &self,
        #[oai(scope = "OAuthScope::SchemasRead")] caller: Authed,
        /// The `id` of the schema.
        urn: Path<String>,
    ) -> Result<Answered<Schema>, Rejection> {
        Ok(json(&caller.app.schema_get(&caller.who, &urn).await?))
    }

    /// Define a schema
    ///
    /// For the whole tree, by its root organization. Attributes may be added at any time; what would make stored values invalid
    /// is 409 while there are such values. A definition that the server could not hold to is 400 and names the attribute.
    #[oai(path = "/schemas/:urn", method = "put", operation_id = "replaceOwnSchema")]
    async fn schema_put(
        &self,
        #[oai(scope = "OAuthScope::SchemasWrite")] caller: Authed,
        /// The `id` of the schema.
        urn: Path<String>,
        /// The whole definition (RFC 7643 §7).
        schema: ScimBody<Schema>,
    ) -> Result<Answered<Schema>, Rejection> {
        Ok(json(&caller.app.schema_put(&caller.who, &urn, schema.map).await?))
    }

    /// Delete a schema
    ///
    /// 409 while a resource type has it.
    #[oai(path = "/schemas/:urn", method = "delete", operation_id = "deleteOwnSchema")]
    async fn schema_delete(
        &self,
        #[oai(scope = "OAuthScope::SchemasWrite")] caller: Authed,
        /// The `id` of the schema.
        urn: Path<String>,
    ) -> Result<Deleted, Rejection> {
        caller.app.schema_delete(&caller.who, &urn).await?;
        Ok(Deleted)
    }

    /// List the tree's own resource types
    ///
    /// With what the tree attached to `User` and `Group`.
    #[oai(path = "/resource-types", method = "get", operation_id = "listOwnResourceTypes")]
    async fn types(
        &self,
        #[oai(scope = "OAuthScope::SchemasRead")] caller: Authed,
    ) -> Result<Answered<ResourceTypeListResponse>, Rejection> {
        Ok(json(&caller.app.type_list(&caller.who).await?))
    }

    /// Read one of the tree's own resource types
    #[oai(path = "/resource-types/:name", method = "get", operation_id = "getOwnResourceType")]
    async fn resource_type(
        &self,
        #[oai(scope = "OAuthScope::SchemasRead")] caller: Authed,
        /// Such as `Role`, `User` or `Group`.
        name: Path<String>,
    ) -> Result<Answered<ResourceType>, Rejection> {
        Ok(json(&caller.app.type_get(&caller.who, &name).await?))
    }

    /// Define a resource type
    ///
    /// For the whole tree, by its root organization. Its resources are at its `endpoint` below `scim2` at once. Of `User` and
    /// `Group`, `schemaExtensions` are what the tree attaches to them.
    #[oai(path = "/resource-types/:name", method = "put", operation_id = "replaceOwnResourceType")]
    async fn type_put(
        &self,
        #[oai(scope = "OAuthScope::SchemasWrite")] caller: Authed,
        /// Such as `Role`, `User` or `Group`.
        name: Path<String>,
        /// The whole definition (RFC 7643 §6).
        resource_type: ScimBody<ResourceType>,
    ) -> Result<Answered<ResourceType>, Rejection> {
        Ok(json(&caller.app.type_put(&caller.who, &name, resource_type.map).await?))
    }

    /// Delete a resource type
    ///
    /// 409 while there are resources of it. Of `User` and `Group`, what the tree attached goes.
    #[oai(path = "/resource-types/:name", method = "delete", operation_id = "deleteOwnResourceType")]
    async fn type_delete(
        &self,
        #[oai(scope = "OAuthScope::SchemasWrite")] caller: Authed,
        /// Such as `Role`, `User` or `Group`.
        name: Path<String>,
    ) -> Result<Deleted, Rejection> {
        caller.app.type_delete(&caller.who, &name).await?;
        Ok(Deleted)
    }

    /// The OpenAPI document of the tree
    ///
    /// This document with the tree's own extensions and endpoints, to generate a client from.
    #[oai(path = "/openapi.json", method = "get", operation_id = "getTreeDocument")]
    async fn document(&self, caller: Authed) -> Result<Answered<OpenApiDocument>, Rejection> {
        Ok(Answered::new(docs::tree_document(&caller.who.schemas, &caller.base).into_bytes()))
    }
}

fn json<T: Shape>(body: &Value) -> Answered<T> {
    Answered::new(body.to_string().into_bytes())
}
