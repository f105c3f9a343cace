//! What clients find out by themselves: the authorization server (RFC 8414), and for each address of an org which one that is
//! (RFC 9728). All of it follows from the configuration and the address asked; whether such an org exists is told to nobody.

use std::sync::Arc;

use poem::Request;
use poem::http::header::HOST;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::Tag;
use crate::app::App;
use crate::auth::ScopeSet;
use crate::base::OrgId;
use crate::http::Rejection;
use crate::org::is_handle;

/// The operations.
pub struct MetadataApi;

/// What stands before the path of a resource (RFC 9728 §3.1).
const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// The areas of an org that take tokens.
const AREAS: [&str; 2] = ["scim2", "api"];

/// Where the metadata of an area of an org is, for `WWW-Authenticate` (RFC 9728 §5.1).
pub(in crate::http) fn resource_metadata(public_url: &str, root: &str, org: OrgId, area: &str) -> Option<String> {
    is_handle(root).then(|| format!("{public_url}{PROTECTED_RESOURCE}/t/{root}/o/{org}/{area}"))
}

#[OpenApi(tag = "Tag::Tokens")]
impl MetadataApi {
    /// Get the metadata of the authorization server
    ///
    /// RFC 8414.
    #[oai(path = "/.well-known/oauth-authorization-server", method = "get", operation_id = "getAuthorizationServer")]
    async fn server(&self, app: Data<&Arc<App>>) -> Json<AuthorizationServer> {
        let at = |path: &str| format!("{}{path}", app.settings.public_url);
        let methods: Vec<String> = ["client_secret_basic", "client_secret_post", "private_key_jwt"].map(str::to_owned).into();
        let algorithms: Vec<String> =
            ["ES256", "ES384", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].map(str::to_owned).into();
        Json(AuthorizationServer {
            issuer: app.issuer().to_owned(),
            token_endpoint: at("/oauth2/token"),
            revocation_endpoint: at("/oauth2/revoke"),
            jwks_uri: at("/oauth2/jwks"),
            scopes_supported: scopes(),
            response_types_supported: Vec::new(),
            grant_types_supported: super::GRANT_TYPES.map(str::to_owned).into(),
            token_endpoint_auth_methods_supported: methods.clone(),
            token_endpoint_auth_signing_alg_values_supported: algorithms.clone(),
            revocation_endpoint_auth_methods_supported: methods,
            revocation_endpoint_auth_signing_alg_values_supported: algorithms,
        })
    }

    /// Get the metadata of this server as a protected resource
    ///
    /// RFC 9728.
    #[oai(path = "/.well-known/oauth-protected-resource", method = "get", operation_id = "getProtectedResource")]
    async fn whole(&self, app: Data<&Arc<App>>, request: &Request) -> Result<Json<ProtectedResource>, Rejection> {
        resource(&app, request, "")
    }

    /// Get the metadata of an organization as a protected resource
    ///
    /// RFC 9728. It follows from the address alone; it does not tell whether there is such an organization.
    #[oai(
        path = "/.well-known/oauth-protected-resource/t/:root/o/:org",
        method = "get",
        operation_id = "getOrganizationResource"
    )]
    async fn org(
        &self,
        app: Data<&Arc<App>>,
        request: &Request,
        /// Handle of the root organization.
        root: Path<String>,
        /// Id of the organization.
        org: Path<String>,
    ) -> Result<Json<ProtectedResource>, Rejection> {
        org_resource(&app, request, (&root, &org), None)
    }

    /// Get the metadata of a base URL of an organization as a protected resource
    ///
    /// RFC 9728. It follows from the address alone; it does not tell whether there is such an organization.
    #[oai(
        path = "/.well-known/oauth-protected-resource/t/:root/o/:org/:area",
        method = "get",
        operation_id = "getProtectedArea"
    )]
    async fn area(
        &self,
        app: Data<&Arc<App>>,
        request: &Request,
        /// Handle of the root organization.
        root: Path<String>,
        /// Id of the organization.
        org: Path<String>,
        /// `scim2` or `api`.
        area: Path<String>,
    ) -> Result<Json<ProtectedResource>, Rejection> {
        org_resource(&app, request, (&root, &org), Some(&area))
    }
}

fn org_resource(
    app: &App,
    request: &Request,
    (root, org): (&str, &str),
    area: Option<&str>,
) -> Result<Json<ProtectedResource>, Rejection> {
    let is_known = is_handle(root) && org.parse::<OrgId>().is_ok() && area.is_none_or(|area| AREAS.contains(&area));
    if !is_known {
        return Err(Rejection::not_found());
    }
    let area = area.map(|area| format!("/{area}")).unwrap_or_default();
    resource(app, request, &format!("/t/{root}/o/{org}{area}"))
}

/// SEC S-34: `resource` is the URL that was asked about, byte by byte; under another host there is none.
fn resource(app: &App, request: &Request, path: &str) -> Result<Json<ProtectedResource>, Rejection> {
    let public_url = &app.settings.public_url;
    let authority = public_url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
    if request.headers().get(HOST).is_some_and(|host| !host.as_bytes().eq_ignore_ascii_case(authority.as_bytes())) {
        return Err(Rejection::not_found());
    }
    Ok(Json(ProtectedResource {
        resource: format!("{public_url}{path}"),
        authorization_servers: vec![app.issuer().to_owned()],
        scopes_supported: scopes(),
        bearer_methods_supported: vec!["header".into()],
        resource_name: "Usher".into(),
    }))
}

fn scopes() -> Vec<String> {
    ScopeSet::ALL.iter().map(|scope| scope.to_string()).collect()
}

/// What works here, and nothing else.
#[derive(Object)]
struct AuthorizationServer {
    /// As in the tokens' `iss`.
    issuer: String,
    /// Where tokens are issued.
    token_endpoint: String,
    /// Where they are revoked.
    revocation_endpoint: String,
    /// Where the public keys are.
    jwks_uri: String,
    /// What can be asked for.
    scopes_supported: Vec<String>,
    /// None: nobody is sent to a browser.
    response_types_supported: Vec<String>,
    /// How tokens are asked for.
    grant_types_supported: Vec<String>,
    /// How clients say who they are.
    token_endpoint_auth_methods_supported: Vec<String>,
    /// How they sign assertions.
    token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// How clients say who they are.
    revocation_endpoint_auth_methods_supported: Vec<String>,
    /// How they sign assertions.
    revocation_endpoint_auth_signing_alg_values_supported: Vec<String>,
}

/// What takes tokens, and whose.
#[derive(Object)]
struct ProtectedResource {
    /// Its URL.
    resource: String,
    /// The issuers of its tokens; those of configured external issuers come from them.
    authorization_servers: Vec<String>,
    /// What can be asked for.
    scopes_supported: Vec<String>,
    /// Only in the `Authorization` header (RFC 6750 §2.1).
    bearer_methods_supported: Vec<String>,
    /// For people.
    resource_name: String,
}
