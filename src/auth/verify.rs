//! Whether a token is believed.
//!
//! jsonwebtoken does the cryptography and nothing else: its defaults accept tokens without issuer or audience, with unknown
//! critical headers, of any type and any lifetime (D-7). Everything else is decided here and in [`jws`](super::jws), row by row of
//! SEC S-14 … S-26, in two steps, because only the token says whose keys are needed: [`Token::parse`], then [`Token::verify`].

use std::time::Duration;

use super::claims::{self, Claims};
use super::issue::OPERATOR_CLIENT_ID;
use super::jws::Jws;
use super::key::Key;
use super::{Refusal, ScopeSet, Source, Subject};
use crate::base::{ClientId, OrgId, Timestamp, TokenId};

/// How far an issuer's clock may be off (SEC S-20).
pub const LEEWAY: Duration = Duration::from_secs(30);

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
    /// When it was issued; ours to the millisecond, which their `jti` tells.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// The tokens it was exchanged from, the first one first.
    pub sources: Vec<Source>,
    /// The clients that act for the subject, the present one first (SEC S-32). No right hangs on it.
    pub actors: Vec<ClientId>,
}

impl Verified {
    /// What of its scopes counts, where the groups of a person give `rights`. All of them in a token that the operator made by
    /// hand; whoever has the data directory has everything.
    pub fn scopes_within(&self, rights: ScopeSet) -> ScopeSet {
        match self.subject {
            Subject::User(_) if self.client_id.as_deref() != Some(OPERATOR_CLIENT_ID) => self.scopes.and(rights),
            _ => self.scopes,
        }
    }
}

/// A well-formed token that is not believed yet.
pub struct Token<'a> {
    claims: Claims,
    jws: Jws<'a>,
}

impl<'a> Token<'a> {
    /// Size, shape, header and claims; no signature work.
    pub fn parse(text: &'a str) -> Result<Token<'a>, Refusal> {
        let jws = Jws::parse(text)?;
        Ok(Token { claims: claims::read(&jws.payload)?, jws })
    }

    /// `iss`, to find the issuer by.
    pub fn issuer(&self) -> &str {
        &self.claims.issuer
    }

    /// Whether `keys` hold one that this token may be signed with; if not, the issuer may have a new one.
    pub fn has_key_in(&self, keys: &[Key]) -> bool {
        self.jws.has_key_in(keys)
    }

    /// Believes the token, or names the rule it breaks. `keys` are those of `issuer` and of nobody else (SEC S-16).
    pub fn verify(&self, issuer: &Issuer, keys: &[Key], now: Timestamp) -> Result<Verified, Refusal> {
        if self.claims.issuer != issuer.issuer {
            return Err(Refusal::Issuer);
        }
        self.check_typ(issuer.typ)?;
        self.jws.check_signature(keys)?;
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
        let found = self.jws.typ();
        let is_tolerated = typ == Typ::AnyJwt && found == "jwt";
        if found == "at+jwt" || is_tolerated { Ok(()) } else { Err(Refusal::Type) }
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
        let Claims { subject, client_id, id, issued_at, .. } = &self.claims;
        let mut verified = Verified {
            org: self.claims.org,
            subject: Subject::External { issuer: self.claims.issuer.clone(), subject: subject.clone() },
            client_id: client_id.clone(),
            scopes: self.claims.scopes,
            token: None,
            issued_at: *issued_at,
            expires_at: self.claims.expires_at,
            sources: Vec::new(),
            actors: Vec::new(),
        };
        if subjects == Subjects::Own {
            let token: TokenId = id.as_ref().and_then(|id| id.parse().ok()).ok_or(Refusal::Claims)?;
            let is_client = client_id.as_ref() == Some(subject);
            verified.subject = Subject::parse(subject, is_client).ok_or(Refusal::Subject)?;
            verified.token = Some(token);
            verified.issued_at = token.born().filter(|born| born.seconds() == issued_at.seconds()).unwrap_or(*issued_at);
            verified.sources = claims::sources(&self.jws.payload)?;
            verified.actors = claims::actors(&self.jws.payload)?;
        }
        Ok(verified)
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
