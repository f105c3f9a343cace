//! The body of a request to an OAuth endpoint, and the client's credentials from it or from the `Authorization` header.

use std::collections::HashMap;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poem::http::HeaderMap;
use poem::http::header::AUTHORIZATION;
use poem::web::Form;
use poem::{Body, FromRequest, Request, RequestBody, Result};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Object};

use super::Refused;
use crate::app::clients::{Presented, Shown};
use crate::auth::assertion;
use crate::base::{Secret, limit};
use crate::http::guard::place;

/// Bytes of the body: a subject token and an assertion fit in.
const FORM_BYTES_MAX: usize = 3 * limit::TOKEN_BYTES_MAX;

/// Parameters that are read; what is unknown is ignored (RFC 6749 §3.2).
const KNOWN: [&str; 13] = [
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "token",
    "token_type_hint",
    "subject_token",
    "subject_token_type",
    "requested_token_type",
    "actor_token",
    "switching_organization",
];

/// What was sent, or why it is no request. Never fails by itself, so that every error speaks OAuth.
pub struct OauthForm<T>(pub(super) Result<Sent, Refused>, PhantomData<fn() -> T>);

/// How a form looks in the document.
pub trait FormShape: Type {
    /// What it cannot be without.
    const NEEDS: &'static str;
}

/// A request that is complete.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) client: Presented,
    /// `resource` (RFC 8707) and `audience`: where the token is meant for. Honoured or refused, never ignored (SEC S-33).
    pub(super) targets: Vec<String>,
    fields: HashMap<&'static str, String>,
}

impl Sent {
    /// A parameter that has a value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// One that must be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, Refused> {
        self.get(name).ok_or_else(|| Refused::new("invalid_request", format!("`{name}` is missing")))
    }
}

/// A request for an access token.
#[derive(Object)]
#[allow(dead_code)] // The document's picture of the form; the fields are read by name below.
pub struct TokenRequest {
    /// `client_credentials`, `urn:ietf:params:oauth:grant-type:token-exchange` or `organization_switch`.
    grant_type: String,
    /// Unless the client authenticates by HTTP Basic or by an assertion.
    client_id: Option<String>,
    /// Unless the client authenticates by HTTP Basic or by an assertion.
    #[oai(validator(max_length = 1024))]
    client_secret: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, for `private_key_jwt`.
    client_assertion_type: Option<String>,
    /// A JWT signed by the client's key (RFC 7523 §3): `iss` and `sub` are its id, `aud` is the issuer or the address of this endpoint,
    /// `exp` lies at most ten minutes ahead, `jti` is good for one use.
    client_assertion: Option<String>,
    /// Scopes with spaces between; all that the client may have, if left out.
    scope: Option<String>,
    /// What the token is for, by its URL (RFC 8707): this server, named by its issuer, or in an exchange the base URL of an
    /// organization. What is not honoured is `invalid_target`.
    resource: Option<String>,
    /// The same, by its name: in an exchange also the id of an organization.
    audience: Option<String>,
    /// In an exchange: the token that is given for another.
    subject_token: Option<String>,
    /// In an exchange: `urn:ietf:params:oauth:token-type:access_token`.
    subject_token_type: Option<String>,
    /// In an exchange: the same, if it is there.
    requested_token_type: Option<String>,
    /// With `organization_switch`: the token that is given for another.
    token: Option<String>,
    /// With `organization_switch`: the id of the organization.
    switching_organization: Option<String>,
}

impl FormShape for TokenRequest {
    const NEEDS: &'static str = "grant_type";
}

/// A token that is needed no more.
#[derive(Object)]
#[allow(dead_code)] // As above.
pub struct RevocationRequest {
    /// An access token that was issued to the client.
    token: String,
    /// Not looked at; there is one kind.
    token_type_hint: Option<String>,
    /// Unless the client authenticates by HTTP Basic or by an assertion.
    client_id: Option<String>,
    /// Unless the client authenticates by HTTP Basic or by an assertion.
    #[oai(validator(max_length = 1024))]
    client_secret: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, for `private_key_jwt`.
    client_assertion_type: Option<String>,
    /// As at the token endpoint.
    client_assertion: Option<String>,
}

impl FormShape for RevocationRequest {
    const NEEDS: &'static str = "token";
}

impl<'a, T: FormShape> ApiExtractor<'a> for OauthForm<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = MetaMediaType { content_type: "application/x-www-form-urlencoded", schema: T::schema_ref() };
        Some(MetaRequest { description: None, content: vec![content], required: true })
    }

    async fn from_request(request: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        let sent = match fields(request, body).await {
            Ok(fields) => sent(request.headers(), place(request), fields, T::NEEDS),
            Err(refused) => Err(refused),
        };
        Ok(OauthForm(sent, PhantomData))
    }
}

async fn fields(request: &Request, body: &mut RequestBody) -> Result<Vec<(String, String)>, Refused> {
    let invalid = |description: &str| Refused::new("invalid_request", description);
    let body = body.take().map_err(|_| invalid("a body is needed"))?;
    let bytes = tokio::time::timeout(limit::BODY_DEADLINE, body.into_bytes_limit(FORM_BYTES_MAX))
        .await
        .map_err(|_| invalid("the body did not arrive in time"))?
        .map_err(|_| invalid("the body is cut off, or larger than 24576 bytes"))?;
    let mut body = RequestBody::new(Body::from(bytes));
    let form = <Form<Vec<(String, String)>> as FromRequest>::from_request(request, &mut body).await;
    Ok(form.map_err(|_| invalid("the body is not application/x-www-form-urlencoded"))?.0)
}

/// Puts header and form together; `needs` must be there.
fn sent(headers: &HeaderMap, place: String, form: Vec<(String, String)>, needs: &str) -> Result<Sent, Refused> {
    let invalid = |description: String| Refused::new("invalid_request", description);
    // RFC 6749 §3.2: nothing twice, and a parameter without a value is none.
    let mut fields = HashMap::new();
    let mut targets = Vec::new();
    for (name, value) in form {
        if matches!(&*name, "resource" | "audience") {
            targets.push(value);
        } else if let Some(known) = KNOWN.into_iter().find(|known| *known == name)
            && fields.insert(known, value).is_some()
        {
            return Err(invalid(format!("`{name}` is there twice")));
        }
    }
    fields.retain(|_, value| !value.is_empty());
    if !fields.contains_key(needs) {
        return Err(invalid(format!("`{needs}` is missing")));
    }
    let client = Presented { by: shown(headers, &mut fields)?, place };
    Ok(Sent { client, targets, fields })
}

/// RFC 6749 §2.3: one way of authentication in one request.
fn shown(headers: &HeaderMap, fields: &mut HashMap<&'static str, String>) -> Result<Shown, Refused> {
    let invalid = |description: &str| Refused::new("invalid_request", description);
    let (id, secret) = (fields.remove("client_id"), fields.remove("client_secret"));
    let (kind, assertion) = (fields.remove("client_assertion_type"), fields.remove("client_assertion"));
    match (basic(headers)?, secret, assertion, id) {
        (Some(_), Some(_), _, _) => Err(invalid("credentials both in the header and in the form")),
        (Some(_), _, Some(_), _) | (_, Some(_), Some(_), _) => Err(invalid("both an assertion and a secret")),
        (Some((id, _)), _, _, Some(other)) if id != other => Err(invalid("two different client ids")),
        (Some((id, secret)), ..) | (None, Some(secret), None, Some(id)) => Ok(Shown::Secret(id, Secret::new(secret))),
        (None, None, Some(assertion), id) if kind.as_deref() == Some(assertion::TYPE) => {
            Ok(Shown::Assertion(id, Secret::new(assertion)))
        }
        (None, None, Some(_), _) => Err(invalid("`client_assertion_type` is not one that is taken here")),
        _ => Err(Refused::new("invalid_client", "a client id and its secret, or an assertion, are needed")),
    }
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
        let found = match sent(&headers, String::new(), fields.collect(), "grant_type") {
            Ok(sent) => match &sent.client.by {
                Shown::Secret(id, secret) => format!("{id} {} {:?}", secret.expose(), sent.get("scope")),
                Shown::Assertion(id, assertion) => format!("{id:?} {}", assertion.expose()),
            },
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
        let kind = assertion::TYPE;
        let signed = format!("grant_type=client_credentials&client_assertion_type={kind}&client_assertion=x");
        check(&[], &signed, "None x");
        check(&[], &format!("{signed}&client_id=a"), "Some(\"a\") x");
        check(&[], &format!("{signed}&client_id=a&client_secret=b"), "invalid_request");
        check(&[basic], &signed, "invalid_request");
        check(&[], "grant_type=client_credentials&client_assertion=x", "invalid_request");
        check(&[], "grant_type=client_credentials&client_assertion_type=y&client_assertion=x", "invalid_request");
    }

    #[test]
    fn a_form_says_everything_once() {
        check(&[], "", "invalid_request");
        check(&[], "grant_type=", "invalid_request");
        check(&[], "grant_type=client_credentials&grant_type=client_credentials", "invalid_request");
        check(&[], "grant_type=client_credentials&client_id=a&client_secret=b&scope=x&scope=y", "invalid_request");
        check(&[], "grant_type=client_credentials&client_id=a&client_secret=b&other=1&other=2", "a b None");
    }
}
