//! Whether a token is believed.
//!
//! jsonwebtoken does the cryptography and nothing else: its defaults accept tokens without issuer or audience, with unknown
//! critical headers, of any type and any lifetime (D-7). Everything else is decided here, row by row of SEC S-14 … S-26, in two
//! steps, because only the token says whose keys are needed: [`Token::parse`], then [`Token::verify`].

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::claims::{self, Claims};
use super::key::Key;
use super::{Refusal, ScopeSet, Subject, members};
use crate::base::limit::TOKEN_BYTES_MAX;
use crate::base::{OrgId, Timestamp, TokenId};

/// How far an issuer's clock may be off (SEC S-20).
pub const LEEWAY: Duration = Duration::from_secs(30);
/// Bytes of a `kid`, which is a key of a map and nothing else (SEC S-22).
pub const KID_BYTES_MAX: usize = 128;

/// What is expected of the tokens of one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// `iss`, compared byte by byte.
    pub issuer: String,
    /// What `aud` must contain.
    pub audience: String,
    /// The orgs it may speak for.
    pub orgs: Orgs,
    /// Which `typ` its tokens carry.
    pub typ: Typ,
    /// The most that `exp` − `iat` may be (SEC S-11).
    pub lifetime_max: Duration,
    /// Whose ids `sub` holds.
    pub subjects: Subjects,
}

/// For whom an issuer may speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Orgs {
    /// All there are: the embedded issuer.
    All,
    /// These and no other.
    Only(Vec<OrgId>),
}

/// The `typ` of an access token (SEC S-18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typ {
    /// `at+jwt`, as RFC 9068 §2.1 says.
    AccessToken,
    /// `JWT` too, for an identity provider that cannot set it.
    AnyJwt,
}

/// Whose ids `sub` holds (SEC S-24, S-25).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subjects {
    /// Ours: a client if `sub` equals `client_id`, else a user of the org.
    Own,
    /// The issuer's, which mean nothing without its name.
    Foreign,
}

/// A token that is believed, as far as it and its issuer's keys go. That its org and subject still exist only the store knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The one org it enters.
    pub org: OrgId,
    /// For whom.
    pub subject: Subject,
    /// Through which client.
    pub client_id: Option<String>,
    /// With which rights.
    pub scopes: ScopeSet,
    /// `jti` of the embedded issuer. Another issuer's is not ours to revoke.
    pub token: Option<TokenId>,
    /// `exp`.
    pub expires_at: Timestamp,
}

/// A well-formed token that is not believed yet.
pub struct Token<'a> {
    header: Header,
    claims: Claims,
    signed: &'a str,
    signature: &'a str,
}

struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
}

impl<'a> Token<'a> {
    /// Size, shape, header and claims; no signature work.
    pub fn parse(text: &'a str) -> Result<Token<'a>, Refusal> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::Size);
        }
        // Five parts are a JWE, two an unsigned one.
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::Form);
        };
        let signed = &text[..header.len() + 1 + payload.len()];
        let header = read_header(&object(header)?)?;
        let claims = claims::read(&object(payload)?)?;
        Ok(Token { header, claims, signed, signature })
    }

    /// `iss`, to find the issuer by.
    pub fn issuer(&self) -> &str {
        &self.claims.issuer
    }

    /// Whether `keys` hold one that this token may be signed with; if not, the issuer may have a new one.
    pub fn has_key_in(&self, keys: &[Key]) -> bool {
        self.candidates(keys).next().is_some()
    }

    /// Believes the token, or names the rule it breaks. `keys` are those of `issuer` and of nobody else (SEC S-16).
    pub fn verify(&self, issuer: &Issuer, keys: &[Key], now: Timestamp) -> Result<Verified, Refusal> {
        if self.claims.issuer != issuer.issuer {
            return Err(Refusal::Issuer);
        }
        self.check_typ(issuer.typ)?;
        self.check_signature(keys)?;
        if !self.claims.audience.contains(&issuer.audience) {
            return Err(Refusal::Audience);
        }
        self.check_times(issuer.lifetime_max, now)?;
        match &issuer.orgs {
            Orgs::Only(orgs) if !orgs.contains(&self.claims.org) => return Err(Refusal::Org),
            _ => {}
        }
        self.verified(issuer.subjects)
    }

    fn check_typ(&self, typ: Typ) -> Result<(), Refusal> {
        // RFC 7515 §4.1.9: a media type, so case does not matter, and `application/` may be left out.
        let found = self.header.typ.as_deref().unwrap_or("").to_ascii_lowercase();
        let is_access_token = matches!(found.as_str(), "at+jwt" | "application/at+jwt");
        let is_tolerated = typ == Typ::AnyJwt && matches!(found.as_str(), "jwt" | "application/jwt");
        if is_access_token || is_tolerated { Ok(()) } else { Err(Refusal::Type) }
    }

    fn check_signature(&self, keys: &[Key]) -> Result<(), Refusal> {
        let mut refusal = Refusal::Key;
        for key in self.candidates(keys) {
            // SEC S-14: the key decides, the token can only agree.
            if self.header.alg.parse() != Ok(key.algorithm) {
                refusal = if refusal == Refusal::Key { Refusal::Algorithm } else { refusal };
                continue;
            }
            let verified = jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), &key.decoding, key.algorithm);
            if verified.is_ok_and(|is_valid| is_valid) {
                return Ok(());
            }
            refusal = Refusal::Signature;
        }
        Err(refusal)
    }

    /// The key that `kid` names; else the nameless ones (PEM files). Without `kid`, the only key there is.
    fn candidates<'k>(&self, keys: &'k [Key]) -> impl Iterator<Item = &'k Key> {
        let kid = self.header.kid.as_deref();
        let named = keys.iter().find(|key| kid.is_some() && key.kid.as_deref() == kid);
        let only = (kid.is_none() && keys.len() == 1).then(|| &keys[0]);
        let chosen = named.or(only);
        chosen.into_iter().chain(keys.iter().filter(move |key| chosen.is_none() && key.kid.is_none()))
    }

    fn check_times(&self, lifetime_max: Duration, now: Timestamp) -> Result<(), Refusal> {
        let Claims { expires_at, issued_at, not_before, .. } = self.claims;
        if expires_at + LEEWAY <= now {
            return Err(Refusal::Expired);
        }
        let valid_from = not_before.map_or(issued_at, |not_before| not_before.max(issued_at));
        if valid_from > now + LEEWAY {
            return Err(Refusal::Premature);
        }
        if expires_at > issued_at + lifetime_max {
            return Err(Refusal::Lifetime);
        }
        Ok(())
    }

    fn verified(&self, subjects: Subjects) -> Result<Verified, Refusal> {
        let Claims { subject, client_id, id, .. } = &self.claims;
        let (subject, token) = match subjects {
            Subjects::Foreign => (Subject::External { issuer: self.claims.issuer.clone(), subject: subject.clone() }, None),
            Subjects::Own => {
                let token = id.as_ref().and_then(|id| id.parse().ok()).ok_or(Refusal::Claims)?;
                let own = if client_id.as_ref() == Some(subject) {
                    subject.parse().map(Subject::Client)
                } else {
                    subject.parse().map(Subject::User)
                };
                (own.map_err(|_| Refusal::Subject)?, Some(token))
            }
        };
        Ok(Verified {
            org: self.claims.org,
            subject,
            client_id: client_id.clone(),
            scopes: self.claims.scopes,
            token,
            expires_at: self.claims.expires_at,
        })
    }
}

fn object(part: &str) -> Result<Map<String, Value>, Refusal> {
    members::parse(&URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Form)?)
}

/// `jwk`, `jku`, `x5u` and `x5c` are not looked at: a token does not bring its own key (SEC S-22, V-47).
fn read_header(header: &Map<String, Value>) -> Result<Header, Refusal> {
    if ["crit", "b64", "zip", "cty"].iter().any(|name| header.contains_key(*name)) {
        return Err(Refusal::Extension);
    }
    let text = |name: &str, wrong: Refusal| match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong),
    };
    let kid = text("kid", Refusal::Key)?;
    if kid.as_ref().is_some_and(|kid| kid.len() > KID_BYTES_MAX) {
        return Err(Refusal::Key);
    }
    Ok(Header { alg: text("alg", Refusal::Algorithm)?.ok_or(Refusal::Algorithm)?, typ: text("typ", Refusal::Type)?, kid })
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
