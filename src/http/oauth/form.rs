//! The body of a token request, and the client's credentials from it or from the `Authorization` header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poem::http::HeaderMap;
use poem::http::header::AUTHORIZATION;
use poem::web::Form;
use poem::{Body, FromRequest, Request, RequestBody, Result};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type as _;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Object};

use super::Refused;
use crate::base::{Secret, limit};

/// Bytes of the body; a subject token will have room.
const FORM_BYTES_MAX: usize = 2 * limit::TOKEN_BYTES_MAX;

/// What was sent, or why it is not a token request. Never fails by itself, so that every error speaks OAuth.
pub struct TokenForm(pub(super) Result<Asked, Refused>);

/// A request that is complete.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) client_id: String,
    pub(super) client_secret: Secret<String>,
    pub(super) scope: Option<String>,
    /// `resource` (RFC 8707) and `audience`: where the token is meant for. Honoured or refused, never ignored (SEC S-33).
    pub(super) targets: Vec<String>,
}

/// A request for an access token (RFC 6749 §4.4.2).
#[derive(Object)]
#[allow(dead_code)] // The document's picture of the form; the fields are read by name below.
struct TokenRequest {
    /// `client_credentials`.
    grant_type: String,
    /// Unless the client authenticates by HTTP Basic.
    client_id: Option<String>,
    /// Unless the client authenticates by HTTP Basic.
    #[oai(validator(max_length = 1024))]
    client_secret: Option<String>,
    /// Scopes with spaces between; all that the client may have, if left out.
    scope: Option<String>,
}

impl<'a> ApiExtractor<'a> for TokenForm {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        TokenRequest::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = MetaMediaType { content_type: "application/x-www-form-urlencoded", schema: TokenRequest::schema_ref() };
        Some(MetaRequest { description: None, content: vec![content], required: true })
    }

    async fn from_request(request: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        let fields = match fields(request, body).await {
            Ok(fields) => fields,
            Err(refused) => return Ok(TokenForm(Err(refused))),
        };
        Ok(TokenForm(asked(request.headers(), fields)))
    }
}

async fn fields(request: &Request, body: &mut RequestBody) -> Result<Vec<(String, String)>, Refused> {
    let invalid = |description: &str| Refused::new("invalid_request", description);
    let body = body.take().map_err(|_| invalid("a body is needed"))?;
    let bytes = tokio::time::timeout(limit::BODY_DEADLINE, body.into_bytes_limit(FORM_BYTES_MAX))
        .await
        .map_err(|_| invalid("the body did not arrive in time"))?
        .map_err(|_| invalid("the body is cut off, or larger than 16384 bytes"))?;
    let mut body = RequestBody::new(Body::from(bytes));
    let form = <Form<Vec<(String, String)>> as FromRequest>::from_request(request, &mut body).await;
    Ok(form.map_err(|_| invalid("the body is not application/x-www-form-urlencoded"))?.0)
}

/// Puts header and form together.
fn asked(headers: &HeaderMap, fields: Vec<(String, String)>) -> Result<Asked, Refused> {
    let invalid = |description: &str| Refused::new("invalid_request", description);
    // RFC 6749 §3.2: nothing twice, and a parameter without a value is none. What is unknown is ignored.
    let mut known = Fields::default();
    let mut targets = Vec::new();
    for (name, value) in fields {
        let slot = match name.as_str() {
            "grant_type" => &mut known.grant_type,
            "client_id" => &mut known.client_id,
            "client_secret" => &mut known.client_secret,
            "scope" => &mut known.scope,
            "resource" | "audience" => {
                targets.push(value);
                continue;
            }
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(invalid(&format!("`{name}` is there twice")));
        }
    }
    let Fields { grant_type, client_id, client_secret, scope } = known;
    let given = |field: Option<String>| field.filter(|value| !value.is_empty());
    match given(grant_type).as_deref() {
        Some("client_credentials") => {}
        Some(_) => return Err(Refused::new("unsupported_grant_type", "only client_credentials is known here")),
        None => return Err(invalid("`grant_type` is missing")),
    }
    let (client_id, client_secret) = match (basic(headers)?, given(client_id), given(client_secret)) {
        // RFC 6749 §2.3: one way of authentication in one request.
        (Some(_), _, Some(_)) => return Err(invalid("credentials both in the header and in the form")),
        (Some((id, _)), Some(other), None) if id != other => return Err(invalid("two different client ids")),
        (Some((id, secret)), _, None) => (id, secret),
        (None, Some(id), Some(secret)) => (id, secret),
        (None, ..) => return Err(Refused::new("invalid_client", "a client id and its secret are needed")),
    };
    Ok(Asked { client_id, client_secret: Secret::new(client_secret), scope: given(scope), targets })
}

#[derive(Default)]
struct Fields {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
}

/// RFC 6749 §2.3.1. Ids and secrets made here hold no character that form encoding would change, so there is nothing to decode.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Refused> {
    let invalid =
        || Refused::new("invalid_client", "the `Authorization` header is not HTTP Basic with a client id and its secret");
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next(), values.next()) else {
        return Err(invalid());
    };
    let Some(value) = value else { return Ok(None) };
    let (scheme, encoded) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(invalid)?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Err(invalid());
    }
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(invalid)?;
    let (id, secret) = decoded.split_once(':').ok_or_else(invalid)?;
    Ok(Some((id.to_owned(), secret.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(authorization: &[&str], form: &str, expected: &str) {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, value.parse().expect("a header"));
        }
        let fields = form.split('&').filter_map(|field| field.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned()));
        let found = match asked(&headers, fields.collect()) {
            Ok(asked) => format!("{} {} {:?}", asked.client_id, asked.client_secret.expose(), asked.scope),
            Err(refused) => refused.error.to_owned(),
        };
        assert_eq!(found, expected, "{authorization:?} {form}");
    }

    #[test]
    fn credentials_come_by_exactly_one_way() {
        let basic = "Basic YTpiOmM="; // a:b:c
        check(&[basic], "grant_type=client_credentials", "a b:c None");
        check(&["basic  YTpiOmM="], "grant_type=client_credentials&client_id=a&scope=x", "a b:c Some(\"x\")");
        check(&[], "grant_type=client_credentials&client_id=a&client_secret=b&scope=", "a b None");
        check(&[basic], "grant_type=client_credentials&client_secret=b", "invalid_request");
        check(&[basic], "grant_type=client_credentials&client_id=z", "invalid_request");
        check(&[basic, basic], "grant_type=client_credentials", "invalid_client");
        check(&["Bearer x"], "grant_type=client_credentials&client_id=a&client_secret=b", "invalid_client");
        check(&["Basic *"], "grant_type=client_credentials", "invalid_client");
        check(&["Basic YQ=="], "grant_type=client_credentials", "invalid_client");
        check(&[], "grant_type=client_credentials&client_id=a", "invalid_client");
        check(&[], "grant_type=client_credentials", "invalid_client");
    }

    #[test]
    fn a_form_says_everything_once() {
        check(&[], "", "invalid_request");
        check(&[], "grant_type=", "invalid_request");
        check(&[], "grant_type=password&client_id=a&client_secret=b", "unsupported_grant_type");
        check(&[], "grant_type=client_credentials&grant_type=client_credentials", "invalid_request");
        check(&[], "grant_type=client_credentials&client_id=a&client_secret=b&scope=x&scope=y", "invalid_request");
        check(&[], "grant_type=client_credentials&client_id=a&client_secret=b&other=1&other=2", "a b None");
    }
}
