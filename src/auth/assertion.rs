//! `private_key_jwt`: a client proves who it is with a JWT that its own key signed (RFC 7523 §3).

use serde_json::{Map, Value};

use super::jws::Jws;
use super::verify::LEEWAY;
use super::{Key, Refusal, claims};
use crate::base::limit::ASSERTION_LIFETIME_MAX;
use crate::base::{ClientId, Timestamp};

/// `client_assertion_type` (RFC 7523 §2.2).
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Characters of a `jti`.
const ID_CHARS_MAX: usize = 255;

/// A well-formed assertion in good time, whose signature nobody has looked at.
pub struct Assertion<'a> {
    jws: Jws<'a>,
    /// Who it says it is.
    pub client: ClientId,
    /// `jti`, good for one use.
    pub id: String,
    /// `exp`; after it the `jti` may be forgotten.
    pub expires_at: Timestamp,
}

impl<'a> Assertion<'a> {
    /// Everything that no key is needed for. `audiences` are the names under which this server is asked for tokens.
    pub fn parse(text: &'a str, audiences: &[String], now: Timestamp) -> Result<Assertion<'a>, Refusal> {
        let jws = Jws::parse(text)?;
        // SEC S-19: an access token is no assertion, whoever signed it.
        if !matches!(&*jws.typ(), "" | "jwt" | "client-authentication+jwt") {
            return Err(Refusal::Type);
        }
        let members = &jws.payload;
        let issuer = claims::text(members, "iss", Refusal::Issuer)?.ok_or(Refusal::Issuer)?;
        if claims::text(members, "sub", Refusal::Subject)? != Some(issuer) {
            return Err(Refusal::Subject);
        }
        if !claims::audience(members)?.iter().any(|one| audiences.contains(one)) {
            return Err(Refusal::Audience);
        }
        let client = issuer.parse().map_err(|_| Refusal::Issuer)?;
        let expires_at = times(members, now)?;
        let id = claims::text(members, "jti", Refusal::Claims)?.filter(|id| (1..=ID_CHARS_MAX).contains(&id.len()));
        let id = id.ok_or(Refusal::Claims)?.to_owned();
        Ok(Assertion { jws, client, id, expires_at })
    }

    /// Whether one of the client's own `keys` signed it.
    pub fn is_signed_by(&self, keys: &[Key]) -> bool {
        self.jws.check_signature(keys).is_ok()
    }
}

/// `exp`, neither passed nor far away; `nbf` and `iat`, where they are there, not ahead.
fn times(members: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, Refusal> {
    let expires_at = claims::instant(members, "exp")?.ok_or(Refusal::Expired)?;
    if expires_at + LEEWAY <= now {
        return Err(Refusal::Expired);
    }
    if expires_at > now + ASSERTION_LIFETIME_MAX + LEEWAY {
        return Err(Refusal::Lifetime);
    }
    for name in ["nbf", "iat"] {
        if claims::instant(members, name)?.is_some_and(|at| at > now + LEEWAY) {
            return Err(Refusal::Premature);
        }
    }
    Ok(expires_at)
}

#[cfg(test)]
#[path = "assertion_tests.rs"]
mod tests;
