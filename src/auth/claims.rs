//! The claims of an access token (RFC 9068 §2.2), read strictly: a claim of the wrong type is never skipped (V-48).

use serde_json::{Map, Value};

use super::{Refusal, ScopeSet, Source, Subject};
use crate::base::limit::{ACTORS_MAX, EXCHANGES_MAX};
use crate::base::{ClientId, OrgId, Timestamp};

/// Words in `scope` (SEC S-26).
const SCOPES_MAX: usize = 50;
/// Bytes of `sub`; OpenID Connect Core §2 allows 255 characters.
const SUBJECT_BYTES_MAX: usize = 255;
/// The last second of the year 9999; a NumericDate beyond it is a mistake.
const SECONDS_MAX: f64 = 253_402_300_799.0;

/// What a token says, well-formed but not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    /// `iss`.
    pub issuer: String,
    /// `aud`, one or more.
    pub audience: Vec<String>,
    /// `sub`.
    pub subject: String,
    /// `client_id`.
    pub client_id: Option<String>,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `nbf`.
    pub not_before: Option<Timestamp>,
    /// `jti`.
    pub id: Option<String>,
    /// `org_id`.
    pub org: OrgId,
    /// `scope`; words unknown here give nothing.
    pub scopes: ScopeSet,
}

/// Reads `claims`. Each error names the first rule that is broken.
pub(super) fn read(claims: &Map<String, Value>) -> Result<Claims, Refusal> {
    Ok(Claims {
        issuer: text(claims, "iss", Refusal::Issuer)?.ok_or(Refusal::Issuer)?.to_owned(),
        audience: audience(claims)?,
        subject: subject(claims)?,
        client_id: text(claims, "client_id", Refusal::Claims)?.map(str::to_owned),
        expires_at: instant(claims, "exp")?.ok_or(Refusal::Expired)?,
        issued_at: instant(claims, "iat")?.ok_or(Refusal::Lifetime)?,
        not_before: instant(claims, "nbf")?,
        id: text(claims, "jti", Refusal::Claims)?.map(str::to_owned),
        org: text(claims, "org_id", Refusal::Org)?.and_then(|id| id.parse().ok()).ok_or(Refusal::Org)?,
        scopes: scopes(claims)?,
    })
}

pub(super) fn text<'a>(claims: &'a Map<String, Value>, name: &str, wrong: Refusal) -> Result<Option<&'a str>, Refusal> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong),
    }
}

/// RFC 7519 §4.1.3: a string, or an array of strings.
pub(super) fn audience(claims: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    match claims.get("aud") {
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(many)) => {
            many.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or(Refusal::Audience)
        }
        _ => Err(Refusal::Audience),
    }
}

fn subject(claims: &Map<String, Value>) -> Result<String, Refusal> {
    let subject = text(claims, "sub", Refusal::Subject)?.ok_or(Refusal::Subject)?;
    let is_usable = !subject.trim().is_empty() && subject.len() <= SUBJECT_BYTES_MAX && !subject.contains(char::is_control);
    if is_usable { Ok(subject.to_owned()) } else { Err(Refusal::Subject) }
}

/// RFC 7519 §2 NumericDate: a number of seconds, a fraction is allowed and dropped.
pub(super) fn instant(claims: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let seconds = value.as_f64().filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds)).ok_or(Refusal::Claims)?;
    #[allow(clippy::cast_possible_truncation)] // In range, and the fraction is meant to go.
    Ok(Some(Timestamp::from_seconds(seconds as i64)))
}

fn scopes(claims: &Map<String, Value>) -> Result<ScopeSet, Refusal> {
    let scope = text(claims, "scope", Refusal::Claims)?.unwrap_or("");
    if scope.split(' ').count() > SCOPES_MAX {
        return Err(Refusal::Claims);
    }
    Ok(ScopeSet::known(scope))
}

/// `sources`, as [`issue`](super::issue) writes them; an object each.
pub(super) fn sources(claims: &Map<String, Value>) -> Result<Vec<Source>, Refusal> {
    let Some(value) = claims.get("sources") else { return Ok(Vec::new()) };
    let sources = value.as_array().filter(|sources| sources.len() <= EXCHANGES_MAX).ok_or(Refusal::Claims)?;
    let read = |value: &Value| -> Option<Source> {
        let text = |name: &str| value.get(name)?.as_str();
        let client = text("client_id");
        Some(Source {
            org: text("org_id")?.parse().ok()?,
            token: text("jti")?.parse().ok()?,
            subject: Subject::parse(text("sub")?, client == text("sub"))?,
            client: client.and_then(|client| client.parse().ok()),
            issued_at: Timestamp(value.get("issued_at_ms")?.as_i64()?),
        })
    };
    sources.iter().map(read).collect::<Option<_>>().ok_or(Refusal::Claims)
}

/// RFC 8693 §4.1 `act`: the present actor outermost.
pub(super) fn actors(claims: &Map<String, Value>) -> Result<Vec<ClientId>, Refusal> {
    let (mut actors, mut next) = (Vec::new(), claims.get("act"));
    while let Some(act) = next {
        let client = act.get("sub").and_then(Value::as_str).and_then(|client| client.parse().ok());
        actors.push(client.filter(|_| actors.len() < ACTORS_MAX).ok_or(Refusal::Claims)?);
        next = act.get("act");
    }
    Ok(actors)
}
