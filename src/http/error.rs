//! The only place that turns an error's kind into a status, in the SCIM dialect (RFC 7644 §3.12).
//!
//! A [`Rejection`] is what handlers return; it documents itself in the OpenAPI document. `http::guardrail` catches everything
//! else that can go wrong around a handler and gives it the same form.

use std::error::Error as StdError;

use poem::Response;
use poem::error::ResponseError;
use poem::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use poem::http::{HeaderName, HeaderValue, StatusCode};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaResponses, Registry};

use super::answer;
use super::payload::media_types;
use super::resource::{ScimError, Shape};
use super::tenant::OrgContext;
use crate::app::{self, ErrorKind};
use crate::auth;
use crate::invite;
use crate::scim::{self, ScimType};

/// Why a request got no other answer.
#[derive(Debug)]
pub struct Rejection {
    /// The status.
    pub status: StatusCode,
    /// Only where RFC 7644 has a word for it (E-02).
    pub scim_type: Option<ScimType>,
    /// What the client may read.
    pub detail: String,
    /// `WWW-Authenticate`, `Allow` and such.
    pub headers: Vec<(HeaderName, String)>,
    /// For the log, never for the client.
    pub cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Rejection {
    /// By status and sentence alone.
    pub fn status(status: StatusCode, detail: impl Into<String>) -> Self {
        Rejection { status, scim_type: None, detail: detail.into(), headers: Vec::new(), cause: None }
    }

    /// What another org owns, and what was never there, alike.
    pub fn not_found() -> Self {
        scim::Error::not_found().into()
    }

    /// 413: the body is larger than is taken.
    pub fn too_large() -> Self {
        let most = crate::base::limit::BODY_BYTES_MAX;
        Rejection::status(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {most} bytes"))
    }

    /// 408: the body did not arrive in time.
    pub fn too_slow() -> Self {
        Rejection::status(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")
    }

    /// 400: the connection or its framing broke within the body.
    pub fn cut_off() -> Self {
        scim::Error::bad(ScimType::InvalidSyntax, "the body ended too early").into()
    }

    /// 415.
    pub fn media_type(detail: &str) -> Self {
        Rejection::status(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// 503: the answer took too long, or too much waits.
    pub fn busy(detail: &str) -> Self {
        Rejection::status(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// 500: our fault; `cause` is for the log.
    pub fn failure(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let detail = "the server failed, the request id finds the reason in its log";
        Rejection { cause: Some(cause.into()), ..Rejection::status(StatusCode::INTERNAL_SERVER_ERROR, detail) }
    }

    /// 400: the query is not one.
    pub fn query() -> Self {
        scim::Error::bad(ScimType::InvalidValue, "the query string is not form-encoded UTF-8").into()
    }

    /// 405: this address takes only the methods of `allow`.
    pub fn method(allow: &str) -> Self {
        let detail = format!("this address takes only {allow}");
        Rejection::status(StatusCode::METHOD_NOT_ALLOWED, detail).with(ALLOW, allow.to_owned())
    }

    fn with(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// A challenge also tells where the client finds out how to get a token (RFC 9728 §5.1).
    pub(super) fn tell_metadata(mut self, context: &OrgContext) -> Self {
        let challenge = self.headers.iter_mut().find(|(name, _)| name == WWW_AUTHENTICATE);
        if let (Some((_, challenge)), Some(url)) = (challenge, context.metadata()) {
            *challenge += &format!(", resource_metadata=\"{url}\"");
        }
        self
    }

    /// What poem or its extractors refused, in our words.
    pub fn of(error: poem::Error) -> Result<Rejection, Box<Response>> {
        let error = match error.downcast::<Rejection>() {
            Ok(rejection) => return Ok(rejection),
            Err(error) => error,
        };
        if error.is_from_response() {
            return Err(Box::new(error.into_response()));
        }
        let bad = |scim_type, detail: String| Ok(scim::Error::bad(scim_type, detail).into());
        if error.is::<poem::error::NotFoundError>()
            || error.is::<poem::error::ParsePathError>()
            || error.is::<poem_openapi::error::ParsePathError>()
        {
            return Ok(Rejection::not_found());
        }
        if let Some(error) = error.downcast_ref::<poem_openapi::error::ParseParamError>() {
            return bad(ScimType::InvalidValue, format!("parameter `{}`: {}", error.name, error.reason));
        }
        if let Some(error) = error.downcast_ref::<poem_openapi::error::ParseRequestPayloadError>() {
            return bad(ScimType::InvalidSyntax, error.reason.clone());
        }
        if let Some(poem::error::ReadBodyError::PayloadTooLarge) = error.downcast_ref() {
            return Ok(Rejection::too_large());
        }
        let status = error.status();
        match status.canonical_reason() {
            Some(reason) if status.is_client_error() => Ok(Rejection::status(status, reason.to_ascii_lowercase())),
            _ => Ok(Rejection::failure(error.to_string())),
        }
    }

    /// RFC 7644 §3.12.
    pub fn body(&self) -> serde_json::Value {
        scim::Error { status: self.status.as_u16(), scim_type: self.scim_type, detail: self.detail.clone() }.body()
    }

    /// The answer, as SCIM says it.
    pub fn to_response(&self) -> Response {
        let mut response = answer::scim(self.status, self.body().to_string().into());
        let headers = response.headers_mut();
        for (name, text) in &self.headers {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.entry(RETRY_AFTER).or_insert(HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<scim::Error> for Rejection {
    fn from(error: scim::Error) -> Self {
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Rejection { scim_type: error.scim_type, ..Rejection::status(status, error.detail) }
    }
}

impl From<app::Error> for Rejection {
    fn from(error: app::Error) -> Self {
        let status = match (error.kind(), error) {
            (_, app::Error::Scim(error)) => return error.into(),
            (_, app::Error::Auth(error)) => return error.into(),
            (_, error @ app::Error::UnderWay) => {
                return Rejection::status(StatusCode::CONFLICT, error.to_string()).with(RETRY_AFTER, "1".to_owned());
            }
            (ErrorKind::Failure, error) => return Rejection::failure(error),
            (_, app::Error::Invite(error @ invite::Error::SignIn)) => {
                let challenge = r#"Bearer realm="usher""#.to_owned();
                return Rejection::status(StatusCode::UNAUTHORIZED, error.to_string()).with(WWW_AUTHENTICATE, challenge);
            }
            (_, app::Error::Invite(error @ invite::Error::TooSoon(seconds))) => {
                let detail = error.to_string();
                return Rejection::status(StatusCode::TOO_MANY_REQUESTS, detail).with(RETRY_AFTER, seconds.to_string());
            }
            (_, error @ app::Error::TooMany { seconds }) => {
                let detail = error.to_string();
                return Rejection::status(StatusCode::TOO_MANY_REQUESTS, detail).with(RETRY_AFTER, seconds.to_string());
            }
            (kind, error) => (status_of(kind), error),
        };
        Rejection::status(status.0, status.1.to_string())
    }
}

/// RFC 6750 §3: the challenge carries an error code only where credentials were sent (SEC S-10).
impl From<auth::Error> for Rejection {
    fn from(error: auth::Error) -> Self {
        let detail = error.to_string();
        let (status, code, scope) = match error {
            auth::Error::NoCredentials => (StatusCode::UNAUTHORIZED, None, None),
            auth::Error::InvalidToken(_) => (StatusCode::UNAUTHORIZED, Some("invalid_token"), None),
            auth::Error::InsufficientScope(scope) => (StatusCode::FORBIDDEN, Some("insufficient_scope"), Some(scope)),
            auth::Error::KeysUnavailable => return Rejection::busy(&detail),
            auth::Error::InvalidClient | auth::Error::SignIn | auth::Error::Session => (StatusCode::UNAUTHORIZED, None, None),
            _ => return Rejection::status(StatusCode::BAD_REQUEST, detail),
        };
        let mut challenge = r#"Bearer realm="usher""#.to_owned();
        if let Some(code) = code {
            challenge += &format!(r#", error="{code}", error_description="{}""#, detail.replace('"', "'"));
        }
        if let Some(scope) = scope {
            challenge += &format!(r#", scope="{scope}""#);
        }
        Rejection::status(status, detail).with(WWW_AUTHENTICATE, challenge)
    }
}

/// The table of statuses.
fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Scim => StatusCode::BAD_REQUEST,
        ErrorKind::Auth => StatusCode::UNAUTHORIZED,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Gone => StatusCode::GONE,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::TooOften => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Precondition => StatusCode::PRECONDITION_FAILED,
        ErrorKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Failure => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl StdError for Rejection {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

impl ResponseError for Rejection {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn as_response(&self) -> Response {
        self.to_response()
    }
}

/// Every answer that is not the wished one. `http::docs` leaves out those that an operation cannot give.
const DOCUMENTED: [(u16, &str); 14] = [
    (400, "The request is wrong; `scimType` and `detail` say how."),
    (401, "No token, or one that is not believed."),
    (403, "The token lacks the scope that `WWW-Authenticate` names, or the operation is not allowed."),
    (404, "No such resource in this organization, or no such organization."),
    (409, "A unique value is taken, or the resource changed meanwhile."),
    (410, "It was there and has ended."),
    (412, "`If-Match` names another version than the present one."),
    (413, "The body is too large."),
    (415, "The body is not JSON in UTF-8."),
    (422, "Another request came with this `Idempotency-Key`."),
    (428, "The organization wants `If-Match` with such a write."),
    (429, "Too often; try again after `Retry-After` seconds."),
    (500, "The server failed."),
    (503, "Too much waits; try again after `Retry-After` seconds."),
];

impl ApiResponse for Rejection {
    fn meta() -> MetaResponses {
        let responses = DOCUMENTED
            .iter()
            .map(|&(status, description)| {
                let headers: &[&str] = match status {
                    401 | 403 => &["WWW-Authenticate"],
                    429 | 503 => &["Retry-After"],
                    _ => &[],
                };
                answer::meta(status, description, media_types::<ScimError>(), headers)
            })
            .collect();
        MetaResponses { responses }
    }

    fn register(registry: &mut Registry) {
        ScimError::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    #[test]
    fn a_failure_shows_nothing_of_its_cause() {
        let error = app::Error::from(store::Error::Engine("no such table: users".into()));
        let rejection = Rejection::from(error);
        assert_eq!(rejection.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!rejection.detail.contains("table"), "{}", rejection.detail);
        assert!(rejection.source().is_some(), "the log wants the cause");
    }

    #[test]
    fn whoever_is_put_off_is_told_for_how_long() {
        // E-06.
        let busy = Rejection::from(app::Error::from(store::Error::Busy)).to_response();
        assert_eq!((busy.status().as_u16(), busy.header("retry-after")), (503, Some("1")));
        let many = Rejection::from(app::Error::from(invite::Error::TooSoon(42))).to_response();
        assert_eq!((many.status().as_u16(), many.header("retry-after")), (429, Some("42")));
        let many = Rejection::from(app::Error::TooMany { seconds: 6 }).to_response();
        assert_eq!((many.status().as_u16(), many.header("retry-after")), (429, Some("6")));
        assert_eq!(Rejection::not_found().to_response().header("retry-after"), None);
    }

    #[test]
    fn what_the_protocol_says_is_passed_on() {
        let rejection = Rejection::from(app::Error::from(scim::Error::taken("userName", "ada")));
        assert_eq!((rejection.status.as_u16(), rejection.scim_type), (409, Some(ScimType::Uniqueness)));
    }
}
