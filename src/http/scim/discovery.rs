//! `/ServiceProviderConfig`, `/ResourceTypes`, `/Schemas`: RFC 7644 §4.

use poem::http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use serde_json::Value;

use super::Tag;
use crate::http::resource::{ResourceType, ResourceTypeListResponse, Schema, SchemaListResponse, ServiceProviderConfig};
use crate::http::{Answered, Authed, OrgContext, Rejection};
use crate::scim::discovery;

/// What the server says about itself.
pub struct Discovery;

#[OpenApi(tag = "Tag::Discovery")]
impl Discovery {
    /// What this server supports
    ///
    /// Needs no token (RFC 7643 §5): it also tells how to get in.
    #[oai(path = "/ServiceProviderConfig", method = "get", operation_id = "getServiceProviderConfig")]
    async fn service_provider_config(&self, org: OrgContext) -> Result<Answered<ServiceProviderConfig>, Rejection> {
        let profile = org.load().await?.settings.profile(org.app.settings.profile);
        let documentation = format!("{}/docs", org.app.settings.public_url);
        let mut config = discovery::service_provider_config(&org.base, &documentation);
        if discovery::is_interop_conformant(profile) {
            config["interopProfileConformant"] = true.into();
        }
        Ok(json(&config))
    }

    /// The types of resources and their endpoints
    #[oai(path = "/ResourceTypes", method = "get", operation_id = "listResourceTypes")]
    async fn resource_types(
        &self,
        auth: Authed,
        /// Refused with 403 (RFC 7644 §4).
        filter: Query<Option<String>>,
    ) -> Result<Answered<ResourceTypeListResponse>, Rejection> {
        refuse(filter.0)?;
        Ok(json(&discovery::resource_types(&auth.who.schemas, &auth.base)))
    }

    /// One type of resources
    #[oai(path = "/ResourceTypes/:name", method = "get", operation_id = "getResourceType")]
    async fn resource_type(&self, auth: Authed, name: Path<String>) -> Result<Answered<ResourceType>, Rejection> {
        Ok(json(&discovery::resource_type(&auth.who.schemas, &auth.base, &name).ok_or_else(Rejection::not_found)?))
    }

    /// The schemas of all resources
    #[oai(path = "/Schemas", method = "get", operation_id = "listSchemas")]
    async fn schemas(
        &self,
        auth: Authed,
        /// Refused with 403 (RFC 7644 §4).
        filter: Query<Option<String>>,
    ) -> Result<Answered<SchemaListResponse>, Rejection> {
        refuse(filter.0)?;
        Ok(json(&discovery::schemas(&auth.who.schemas, &auth.base)))
    }

    /// One schema
    #[oai(path = "/Schemas/:urn", method = "get", operation_id = "getSchema")]
    async fn schema(&self, auth: Authed, urn: Path<String>) -> Result<Answered<Schema>, Rejection> {
        Ok(json(&discovery::schema(&auth.who.schemas, &auth.base, &urn).ok_or_else(Rejection::not_found)?))
    }
}

/// D-06.
fn refuse(filter: Option<String>) -> Result<(), Rejection> {
    match filter {
        Some(_) => Err(Rejection::status(StatusCode::FORBIDDEN, "discovery takes no filter")),
        None => Ok(()),
    }
}

fn json<T: crate::http::resource::Shape>(body: &Value) -> Answered<T> {
    Answered::new(body.to_string().into_bytes())
}
