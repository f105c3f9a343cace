//! `/oauth2/…`: tokens for clients, our public keys, and the metadata that tells where both are.
//!
//! Errors here speak RFC 6749 §5.2, not SCIM. What is sent is judged in [`form`], who it is and what it may have in
//! `app::tokens`.

pub mod form;

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi, Tags};
use serde_json::Value;

use self::form::TokenForm;
use crate::app::{self, App, ErrorKind};
use crate::auth::{self, ScopeSet};

/// The heading in the document.
#[derive(Tags)]
enum Tag {
    /// RFC 6749: access tokens for the clients of an organization.
    Tokens,
}

/// The operations. They stand at the top, not below an org: their paths are whole.
pub struct OauthApi;

/// Whether [`OauthApi`] knows what to do at `path`.
pub(super) fn is_ours(path: &str) -> bool {
    path.starts_with("/oauth2/") || path == "/.well-known/oauth-authorization-server"
}

#[OpenApi(tag = "Tag::Tokens")]
impl OauthApi {
    /// Get an access token
    ///
    /// For a client of an organization, by its id and secret (RFC 6749 §4.4), as HTTP Basic or in the form. The token enters
    /// the client's own organization only, and is good for an hour.
    #[oai(path = "/oauth2/token", method = "post", operation_id = "issueToken")]
    async fn token(&self, app: Data<&Arc<App>>, form: TokenForm) -> TokenAnswer {
        let asked = match form.0 {
            Ok(asked) => asked,
            Err(refused) => return refused.answer(),
        };
        if asked.targets.iter().any(|target| target != app.issuer()) {
            return Refused::new("invalid_target", "tokens are for this server only, and it is named by its issuer").answer();
        }
        match app.token_issue(&asked.client_id, &asked.client_secret, asked.scope.as_deref()).await {
            Ok(issued) => TokenAnswer::Issued(
                Json(AccessToken {
                    access_token: issued.access_token.expose().clone(),
                    token_type: "Bearer".into(),
                    expires_in: issued.lifetime.as_secs(),
                    scope: issued.scopes.to_string(),
                }),
                NO_STORE.into(),
            ),
            Err(error) => Refused::from(error).answer(),
        }
    }

    /// Get the public keys
    ///
    /// With these keys (RFC 7517) anyone can verify the tokens issued here.
    #[oai(path = "/oauth2/jwks", method = "get", operation_id = "getJwks")]
    async fn jwks(&self, app: Data<&Arc<App>>) -> JwksAnswer {
        JwksAnswer::Set(Json(app.jwks()), "public, max-age=300".into())
    }

    /// Get the metadata of the authorization server
    ///
    /// RFC 8414.
    #[oai(path = "/.well-known/oauth-authorization-server", method = "get", operation_id = "getAuthorizationServer")]
    async fn metadata(&self, app: Data<&Arc<App>>) -> Json<AuthorizationServer> {
        let at = |path: &str| format!("{}{path}", app.settings.public_url);
        Json(AuthorizationServer {
            issuer: app.issuer().to_owned(),
            token_endpoint: at("/oauth2/token"),
            jwks_uri: at("/oauth2/jwks"),
            scopes_supported: ScopeSet::ALL.iter().map(|scope| scope.to_string()).collect(),
            response_types_supported: Vec::new(),
            grant_types_supported: vec!["client_credentials".into()],
            token_endpoint_auth_methods_supported: vec!["client_secret_basic".into(), "client_secret_post".into()],
        })
    }
}

const NO_STORE: &str = "no-store";

/// A token and what its holder should know of it.
#[derive(Object)]
struct AccessToken {
    /// A JWT (RFC 9068). Clients send it and do not look into it.
    access_token: String,
    /// Always `Bearer`.
    token_type: String,
    /// Seconds.
    expires_in: u64,
    /// What it may do.
    scope: String,
}

/// Why there is no token.
#[derive(Object)]
#[oai(rename = "OauthError")]
struct OauthError {
    /// `invalid_client`, `invalid_request`, `invalid_scope`, `invalid_target`, `unsupported_grant_type`,
    /// `server_error` or `temporarily_unavailable`.
    error: String,
    /// For the developer.
    error_description: String,
}

/// What works here, and nothing else.
#[derive(Object)]
struct AuthorizationServer {
    /// As in the tokens' `iss`.
    issuer: String,
    /// Where tokens are issued.
    token_endpoint: String,
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
}

#[derive(ApiResponse)]
enum JwksAnswer {
    /// The JWK set.
    #[oai(status = 200)]
    Set(Json<Value>, #[oai(header = "Cache-Control")] String),
}

#[derive(ApiResponse)]
enum TokenAnswer {
    /// The token.
    #[oai(status = 200)]
    Issued(Json<AccessToken>, #[oai(header = "Cache-Control")] String),
    /// The request is wrong, or asks for too much.
    #[oai(status = 400)]
    Bad(Json<OauthError>, #[oai(header = "Cache-Control")] String),
    /// No such client, or not its secret.
    #[oai(status = 401)]
    Client(Json<OauthError>, #[oai(header = "Cache-Control")] String, #[oai(header = "WWW-Authenticate")] String),
    /// The server failed.
    #[oai(status = 500)]
    Failed(Json<OauthError>, #[oai(header = "Cache-Control")] String),
    /// Too much at once; try again.
    #[oai(status = 503)]
    Busy(Json<OauthError>, #[oai(header = "Cache-Control")] String, #[oai(header = "Retry-After")] u32),
}

/// A refusal in the words of RFC 6749 §5.2.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    error: &'static str,
    description: String,
}

impl Refused {
    pub(crate) fn new(error: &'static str, description: impl Into<String>) -> Self {
        Refused { error, description: description.into() }
    }

    fn answer(self) -> TokenAnswer {
        let body = Json(OauthError { error: self.error.into(), error_description: self.description });
        match self.error {
            // RFC 6749 §5.2: the scheme that the client used; telling all the same costs nothing.
            "invalid_client" => TokenAnswer::Client(body, NO_STORE.into(), "Basic realm=\"usher\", charset=\"UTF-8\"".into()),
            "server_error" => TokenAnswer::Failed(body, NO_STORE.into()),
            "temporarily_unavailable" => TokenAnswer::Busy(body, NO_STORE.into(), 1),
            _ => TokenAnswer::Bad(body, NO_STORE.into()),
        }
    }
}

impl From<app::Error> for Refused {
    fn from(error: app::Error) -> Self {
        match (&error, error.kind()) {
            (app::Error::Auth(auth::Error::InvalidClient), _) => Refused::new("invalid_client", error.to_string()),
            (app::Error::Auth(_), _) => Refused::new("invalid_scope", error.to_string()),
            (_, ErrorKind::Busy) => Refused::new("temporarily_unavailable", "the server is busy"),
            _ => {
                tracing::error!(error = &error as &dyn std::error::Error, "no token could be issued");
                Refused::new("server_error", "the server failed")
            }
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
