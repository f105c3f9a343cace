//! Who calls: an argument of every operation that needs a token, so that none can forget it (CVE-2026-32130).

use std::sync::Arc;

use poem::http::header::AUTHORIZATION;
use poem::http::{HeaderMap, StatusCode};
use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaOAuthFlow, MetaOAuthFlows, MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, OAuthScopes};
use uuid::Uuid;

use super::error::Rejection;
use super::exchange::Exchange;
use super::tenant::OrgContext;
use crate::app::audit::Asked;
use crate::app::{self, App};
use crate::auth::{self, Principal, Subject};
use crate::org::Org;
use crate::scim::{Profile, Quirk};

/// The caller, and where the org's resources live. Put it before the body, so that strangers are refused before anything of
/// theirs is read; name the scope as `#[oai(scope = "OAuthScope::UsersRead")]`, the use case requires it.
pub struct Authed {
    /// Whose rights these are, in the org of the path.
    pub who: Principal,
    /// The use cases.
    pub app: Arc<App>,
    /// Public URL of the org's SCIM root, without a slash at the end.
    pub base: Arc<str>,
}

/// The scopes, for the document; the same as [`crate::auth::Scope`].
#[derive(OAuthScopes)]
pub enum OAuthScope {
    /// Read users.
    #[oai(rename = "users:read")]
    UsersRead,
    /// Create, replace, patch and delete users.
    #[oai(rename = "users:write")]
    UsersWrite,
    /// Read groups and their members.
    #[oai(rename = "groups:read")]
    GroupsRead,
    /// Create, replace, patch and delete groups, members included.
    #[oai(rename = "groups:write")]
    GroupsWrite,
    /// Read invitations.
    #[oai(rename = "invitations:read")]
    InvitationsRead,
    /// Invite, resend and revoke.
    #[oai(rename = "invitations:write")]
    InvitationsWrite,
    /// Read the organizations below.
    #[oai(rename = "organizations:read")]
    OrganizationsRead,
    /// Create, change, move and delete organizations below.
    #[oai(rename = "organizations:write")]
    OrganizationsWrite,
    /// Read the settings.
    #[oai(rename = "settings:read")]
    SettingsRead,
    /// Change the settings, and so those of organizations below.
    #[oai(rename = "settings:write")]
    SettingsWrite,
    /// See what was deleted.
    #[oai(rename = "deleted:read")]
    DeletedRead,
    /// Restore what was deleted, or make its deletion final.
    #[oai(rename = "deleted:write")]
    DeletedWrite,
    /// Read resources of types that the tree added.
    #[oai(rename = "resources:read")]
    ResourcesRead,
    /// Create, replace, patch and delete resources of types that the tree added.
    #[oai(rename = "resources:write")]
    ResourcesWrite,
    /// Read what the tree defines for itself.
    #[oai(rename = "schemas:read")]
    SchemasRead,
    /// Define schemas and resource types; in the root organization only.
    #[oai(rename = "schemas:write")]
    SchemasWrite,
    /// Read the request log.
    #[oai(rename = "requests:read")]
    RequestsRead,
    /// See the clients, never their secrets.
    #[oai(rename = "clients:read")]
    ClientsRead,
    /// Make, rotate and delete clients.
    #[oai(rename = "clients:write")]
    ClientsWrite,
    /// See the provisioning tokens, never the tokens themselves.
    #[oai(rename = "tokens:read")]
    TokensRead,
    /// Make, rotate and revoke tokens.
    #[oai(rename = "tokens:write")]
    TokensWrite,
    /// Read the audit log.
    #[oai(rename = "audit:read")]
    AuditRead,
}

/// Names of the two schemes: *Authorize* in Swagger UI takes a client's credentials, or a token that somebody has.
const SCHEMES: [&str; 2] = ["clientCredentials", "bearer"];

impl<'a> ApiExtractor<'a> for Authed {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let scheme = |ty, description| MetaSecurityScheme {
            ty,
            description: Some(description),
            name: None,
            key_in: None,
            scheme: None,
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        };
        let flow = MetaOAuthFlow {
            authorization_url: None,
            token_url: Some("/oauth2/token"),
            refresh_url: None,
            scopes: OAuthScope::meta(),
        };
        let flows = MetaOAuthFlows { implicit: None, password: None, client_credentials: Some(flow), authorization_code: None };
        registry.create_security_scheme(
            SCHEMES[0],
            MetaSecurityScheme { flows: Some(flows), ..scheme("oauth2", "Credentials of a client of the organization.") },
        );
        registry.create_security_scheme(
            SCHEMES[1],
            MetaSecurityScheme {
                scheme: Some("bearer"),
                bearer_format: Some("JWT"),
                ..scheme("http", "An access token or a provisioning token of the organization.")
            },
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        SCHEMES.into()
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        let context = request.data::<OrgContext>().ok_or_else(Rejection::not_found)?;
        let app = &context.app;
        let exchange = Exchange::of(request);
        let token = bearer(request.headers()).map_err(|rejection| rejection.tell_metadata(context))?;
        let found = app.token_verify(token, context.org, app.now()).await;
        let who = admitted(request, app, token, found, |org| context.is(org)).await;
        let who = who.map_err(|rejection| rejection.tell_metadata(context))?;
        exchange.admit(app, &who, request);
        app.admit(&who).map_err(Rejection::from)?;
        if !context.is_tidy && !exchange.allow(Quirk::UntidyAddress) {
            return Err(Rejection::not_found().into());
        }
        let who = Principal { noted: exchange.noted().clone(), request: exchange.request(), ..who };
        Ok(Authed { who, app: context.app.clone(), base: context.base.clone() })
    }
}

impl Authed {
    /// The switches that hold in the org.
    pub fn profile(&self) -> Profile {
        self.app.profile(&self.who)
    }

    /// Notes that one of several things that the caller asked at `pattern` was refused.
    pub fn refused(&self, pattern: &'static str, resource: Option<Uuid>, detail: &str) {
        let Principal { org, subject, client_id, request, .. } = &self.who;
        let asked = Asked { method: "POST", pattern: pattern.into(), resource, request: request.clone() };
        self.app.refused(org.id, subject, client_id.as_deref(), &asked, detail);
    }

    /// Where the resource `id` of `endpoint` (`Users`, `Groups` …) lives: `meta.location`.
    pub fn location(&self, endpoint: &str, id: impl std::fmt::Display) -> String {
        format!("{}/{endpoint}/{id}", self.base)
    }
}

/// Whom `token` was `found` to be, if that is somebody of the org of the path: else there is nothing here (V-40), and whose token it
/// is may know of it.
pub(super) async fn admitted(
    request: &Request,
    app: &App,
    token: &str,
    found: Result<Principal, app::Error>,
    is_here: impl Fn(&Org) -> bool,
) -> Result<Principal, Rejection> {
    let rejection = match found {
        Ok(who) if is_here(&who.org) => return Ok(who),
        found => found.err().map_or_else(Rejection::not_found, Rejection::from),
    };
    app.refused_token(token, &Exchange::of(request).asked(request), &rejection.detail).await;
    Err(rejection)
}

/// The one bearer token of the request (SEC S-09). No credentials: 401 with a bare challenge; two of them: 400 (SEC S-10).
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, Rejection> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(auth::Error::NoCredentials)?;
    if values.next().is_some() {
        return Err(Rejection::status(StatusCode::BAD_REQUEST, "more than one `Authorization` header"));
    }
    let token = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty());
    Ok(token.ok_or(auth::Error::NoCredentials)?)
}

/// The address that a request comes from: where credentials are tried.
pub(super) fn place(request: &Request) -> String {
    request.remote_addr().as_socket_addr().map(|address| address.ip().to_string()).unwrap_or_default()
}

/// The person who signed in, where one did: in the parent of `org`, where the invited user lives. Any other token says nothing
/// here, as if there were none.
pub(super) async fn signed_in(app: &App, org: &Org, headers: &HeaderMap) -> Option<Principal> {
    let who = app.token_verify(bearer(headers).ok()?, org.parent?, app.now()).await.ok()?;
    matches!(who.subject, Subject::User(_)).then_some(who)
}
