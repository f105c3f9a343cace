//! `/oauth2/…`: tokens for clients, our public keys, and the metadata that tells where both are.
//!
//! Errors here speak RFC 6749 §5.2, not SCIM. What is sent is judged in [`form`], who it is and what it may have in
//! `app::tokens`. [`metadata`] tells what works here, and nothing else.

pub mod form;
mod metadata;

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi, Tags};
use serde_json::Value;

use self::form::{OauthForm, RevocationRequest, Sent, TokenRequest};
pub use self::metadata::MetadataApi;
pub(super) use self::metadata::resource_metadata;
use super::exchange::Exchange;
use crate::app::tokens::Issued;
use crate::app::{self, App, ErrorKind};
use crate::auth::{self, exchange};
use crate::base::OrgId;

/// The heading in the document.
#[derive(Tags)]
enum Tag {
    /// RFC 6749: access tokens for the clients of an organization.
    Tokens,
}

/// The operations. They stand at the top, not below an org: their paths are whole.
pub struct OauthApi;

/// Whether [`OauthApi`] or [`MetadataApi`] knows what to do at `path`.
pub(super) fn is_ours(path: &str) -> bool {
    path.starts_with("/oauth2/") || path.starts_with("/.well-known/")
}

#[OpenApi(tag = "Tag::Tokens")]
impl OauthApi {
    /// Get an access token
    ///
    /// For a client of an organization, by its id and secret, as HTTP Basic or in the form, or by an assertion that its key signed.
    ///
    /// `client_credentials` (RFC 6749 §4.4): the token enters the client's own organization only, and is good for an hour.
    ///
    /// `urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693): the client's own token for one of an organization right below that
    /// admitted it, or a person's for one of an organization further down where the person is a guest, named by `resource` or `audience`;
    /// `organization_switch` with `token` and `switching_organization` is the same. The new token never may more than the old one, and
    /// ends with it.
    #[oai(path = "/oauth2/token", method = "post", operation_id = "issueToken")]
    async fn token(
        &self,
        app: Data<&Arc<App>>,
        exchange: Data<&Exchange>,
        form: OauthForm<TokenRequest>,
    ) -> Result<TokenAnswer, RefusedAnswer> {
        let issued = issue(&app, form, exchange.request().as_deref()).await?;
        Ok(TokenAnswer::Issued(Json(issued), NO_STORE.into()))
    }

    /// Revoke a token
    ///
    /// RFC 7009: from the next request on it is not believed any more, nor what it was exchanged for. A client revokes tokens that
    /// were issued to it. A token that is none, or has ended, is 200 all the same.
    #[oai(path = "/oauth2/revoke", method = "post", operation_id = "revokeToken")]
    async fn revoke(
        &self,
        app: Data<&Arc<App>>,
        exchange: Data<&Exchange>,
        form: OauthForm<RevocationRequest>,
    ) -> Result<RevocationAnswer, RefusedAnswer> {
        revoke(&app, form, exchange.request().as_deref()).await?;
        Ok(RevocationAnswer::Revoked(NO_STORE.into()))
    }

    /// Get the public keys
    ///
    /// With these keys (RFC 7517) anyone can verify the tokens issued here.
    #[oai(path = "/oauth2/jwks", method = "get", operation_id = "getJwks")]
    async fn jwks(&self, app: Data<&Arc<App>>) -> JwksAnswer {
        JwksAnswer::Set(Json(app.jwks()), "public, max-age=300".into())
    }
}

async fn issue(app: &App, form: OauthForm<TokenRequest>, request: Option<&str>) -> Result<AccessToken, Refused> {
    let sent = form.0?;
    match sent.get("grant_type") {
        Some("client_credentials") => {
            if sent.targets.iter().any(|target| target != app.issuer()) {
                let detail = "tokens are for this server only, and it is named by its issuer";
                return Err(Refused::new("invalid_target", detail));
            }
            Ok(app.token_issue(&sent.client, sent.get("scope"), request).await?.into())
        }
        Some(exchange::GRANT_TYPE) => {
            for (name, is_needed) in [("subject_token_type", true), ("requested_token_type", false)] {
                let kind = if is_needed { Some(sent.need(name)?) } else { sent.get(name) };
                if kind.is_some_and(|kind| ![exchange::ACCESS_TOKEN, exchange::JWT].contains(&kind)) {
                    return Err(Refused::new("invalid_request", format!("`{name}` is not that of an access token")));
                }
            }
            if sent.get("actor_token").is_some() {
                return Err(Refused::new("invalid_request", "`actor_token` is not taken: who acts is the client"));
            }
            let targets: Vec<&str> = sent.targets.iter().map(String::as_str).filter(|name| *name != app.issuer()).collect();
            switch(app, &sent, sent.need("subject_token")?, &targets, request).await
        }
        Some(exchange::SWITCH) => {
            switch(app, &sent, sent.need("token")?, &[sent.need("switching_organization")?], request).await
        }
        _ => {
            let known = GRANT_TYPES.join(", ");
            Err(Refused::new("unsupported_grant_type", format!("not one of {known}")))
        }
    }
}

/// A token for the one org that `targets` name, each by its URL or its id.
async fn switch(app: &App, sent: &Sent, token: &str, targets: &[&str], request: Option<&str>) -> Result<AccessToken, Refused> {
    let Some((first, rest)) = targets.split_first() else {
        return Err(Refused::new("invalid_request", "the organization is not named, neither by `resource` nor by `audience`"));
    };
    let target = org_of(app, first).filter(|(org, _)| rest.iter().all(|one| org_of(app, one).is_some_and(|(o, _)| o == *org)));
    let issued = app.token_exchange(&sent.client, token, target, sent.get("scope"), request).await?;
    Ok(AccessToken { issued_token_type: Some(exchange::ACCESS_TOKEN.into()), ..issued.into() })
}

/// `{public_url}/t/{root}/o/{org}`, perhaps with one of its areas, or the bare id: the org, and its root where that is named.
fn org_of<'a>(app: &App, target: &'a str) -> Option<(OrgId, Option<&'a str>)> {
    let Some(path) = target.strip_prefix(&*app.settings.public_url) else { return Some((target.parse().ok()?, None)) };
    let (root, org) = path.strip_prefix("/t/")?.split_once("/o/")?;
    let org = ["/scim2", "/api"].iter().find_map(|area| org.strip_suffix(area)).unwrap_or(org);
    Some((org.parse().ok()?, Some(root)))
}

async fn revoke(app: &App, form: OauthForm<RevocationRequest>, request: Option<&str>) -> Result<(), Refused> {
    let sent: Sent = form.0?;
    Ok(app.token_end(&sent.client, sent.need("token")?, request).await?)
}

impl From<Issued> for AccessToken {
    fn from(issued: Issued) -> Self {
        AccessToken {
            access_token: issued.access_token.expose().clone(),
            token_type: "Bearer".into(),
            expires_in: issued.lifetime.as_secs(),
            scope: issued.scopes.to_string(),
            issued_token_type: None,
        }
    }
}

/// What `grant_type` may be.
const GRANT_TYPES: [&str; 3] = ["client_credentials", exchange::GRANT_TYPE, exchange::SWITCH];

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
    /// Of a token that was got by exchange: `urn:ietf:params:oauth:token-type:access_token`.
    #[oai(skip_serializing_if_is_none)]
    issued_token_type: Option<String>,
}

/// Why there is no token.
#[derive(Object)]
#[oai(rename = "OauthError")]
struct OauthError {
    /// `invalid_client`, `invalid_request`, `invalid_scope`, `invalid_target`, `unauthorized_client`, `unsupported_grant_type`,
    /// `server_error` or `temporarily_unavailable`.
    error: String,
    /// For the developer.
    error_description: String,
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
}

#[derive(ApiResponse)]
enum RevocationAnswer {
    /// Nobody believes it, from now on.
    #[oai(status = 200)]
    Revoked(#[oai(header = "Cache-Control")] String),
}

#[derive(ApiResponse)]
enum RefusedAnswer {
    /// The request is wrong, or asks for too much.
    #[oai(status = 400)]
    Bad(Json<OauthError>, #[oai(header = "Cache-Control")] String),
    /// No such client, or not its secret.
    #[oai(status = 401)]
    Client(Json<OauthError>, #[oai(header = "Cache-Control")] String, #[oai(header = "WWW-Authenticate")] String),
    /// The server failed.
    #[oai(status = 500)]
    Failed(Json<OauthError>, #[oai(header = "Cache-Control")] String),
    /// Too many wrong credentials of this client from this address; try again after `Retry-After` seconds.
    #[oai(status = 429)]
    Often(Json<OauthError>, #[oai(header = "Cache-Control")] String, #[oai(header = "Retry-After")] u32),
    /// Too much at once; try again.
    #[oai(status = 503)]
    Busy(Json<OauthError>, #[oai(header = "Cache-Control")] String, #[oai(header = "Retry-After")] u32),
}

/// A refusal in the words of RFC 6749 §5.2.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    error: &'static str,
    description: String,
    /// To wait, where it was too often.
    seconds: Option<u32>,
}

impl Refused {
    pub(crate) fn new(error: &'static str, description: impl Into<String>) -> Self {
        Refused { error, description: description.into(), seconds: None }
    }
}

impl From<Refused> for RefusedAnswer {
    fn from(refused: Refused) -> Self {
        let body = Json(OauthError { error: refused.error.into(), error_description: refused.description });
        if let Some(seconds) = refused.seconds {
            return RefusedAnswer::Often(body, NO_STORE.into(), seconds);
        }
        match refused.error {
            // RFC 6749 §5.2: the scheme that the client used; telling all the same costs nothing.
            "invalid_client" => RefusedAnswer::Client(body, NO_STORE.into(), "Basic realm=\"usher\", charset=\"UTF-8\"".into()),
            "server_error" => RefusedAnswer::Failed(body, NO_STORE.into()),
            "temporarily_unavailable" => RefusedAnswer::Busy(body, NO_STORE.into(), 1),
            _ => RefusedAnswer::Bad(body, NO_STORE.into()),
        }
    }
}

impl From<app::Error> for Refused {
    fn from(error: app::Error) -> Self {
        let text = error.to_string();
        match (&error, error.kind()) {
            (app::Error::Auth(error), _) => match error {
                auth::Error::InvalidClient | auth::Error::Assertion(_) => Refused::new("invalid_client", text),
                auth::Error::InvalidTarget => Refused::new("invalid_target", text),
                auth::Error::SubjectToken => Refused::new("invalid_request", text),
                auth::Error::NotItsToken => Refused::new("unauthorized_client", text),
                _ => Refused::new("invalid_scope", text),
            },
            (app::Error::TooMany { seconds }, _) => {
                Refused { seconds: Some(*seconds), ..Refused::new("temporarily_unavailable", text) }
            }
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
