//! Issuers: whose tokens are believed, for which orgs, and with which keys at this moment.
//!
//! The embedded issuer signs; external ones are configured, each bound to the orgs it may speak for. Keys from a URL are
//! fetched by [`jwks`](super::jwks); what a token says never makes a request go anywhere but there.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::jwks::{self, Jwks};
use super::verified::{Remembered, fingerprint};
use crate::auth::verify::{Orgs, Subjects, Token, Typ};
use crate::auth::{self, Issuer, Key, KeyError, Refusal, SigningKey, Verified, issue, key};
use crate::base::limit::TOKEN_BYTES_MAX;
use crate::base::{OrgId, Timestamp};

/// Somebody else whose tokens are believed, as an operator configures it.
#[derive(Clone, Debug)]
pub struct ExternalIssuer {
    /// Exactly the tokens' `iss`.
    pub issuer: String,
    /// What their `aud` must hold.
    pub audience: String,
    /// The orgs it may speak for.
    pub orgs: Vec<OrgId>,
    /// Its keys.
    pub keys: KeySource,
    /// Its tokens may say `typ: JWT` (SEC S-18).
    pub allow_typ_jwt: bool,
}

/// Where an external issuer's keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// The text of a PEM file with one or more public keys.
    Pem(String),
    /// The URL of its JWK set: https, or http on loopback.
    JwksUrl(String),
}

/// What an operator configured cannot work.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The PEM text holds no usable public key.
    #[error("issuer {0}: {1}")]
    Key(String, KeyError),
    /// Not a URL that keys may be fetched from (SEC S-36).
    #[error("issuer {0}: {1:?} is not an https URL, nor http on loopback")]
    Url(String, String),
    /// Two issuers with one name, or one that is named like this server.
    #[error("issuer {0} is configured twice")]
    Twice(String),
    /// No request could be made at all.
    #[error("issuer {0}: the client for its keys cannot be built")]
    Client(String, #[source] reqwest::Error),
}

/// All whose tokens are believed.
pub struct Issuers {
    signing: SigningKey,
    /// The embedded one first.
    all: Vec<Trusted>,
    remembered: Remembered,
}

struct Trusted {
    issuer: Issuer,
    keys: RwLock<Arc<[Key]>>,
    source: Option<Jwks>,
}

impl Trusted {
    fn keys(&self) -> Arc<[Key]> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Issuers {
    /// The embedded issuer, which is named `name` in `iss` and `aud`, and `external` ones. Nothing is fetched yet.
    ///
    /// `name` is the *configured* public URL: the command line makes tokens without knowing on which port a server listens.
    pub fn new(name: &str, signing: SigningKey, external: Vec<ExternalIssuer>) -> Result<Issuers, IssuerError> {
        let embedded = Issuer {
            issuer: name.to_owned(),
            audience: name.to_owned(),
            orgs: Orgs::All,
            typ: Typ::AccessToken,
            lifetime_max: issue::LIFETIME_MAX,
            subjects: Subjects::Own,
        };
        let mut all = vec![Trusted { issuer: embedded, keys: RwLock::new(signing.keys().into()), source: None }];
        for one in external {
            if all.iter().any(|known| known.issuer.issuer == one.issuer) {
                return Err(IssuerError::Twice(one.issuer));
            }
            all.push(trusted(one)?);
        }
        Ok(Issuers { signing, all, remembered: Remembered::default() })
    }

    /// The embedded issuer, by its name in `iss`, and its key.
    pub(super) fn embedded(&self) -> (&str, &SigningKey) {
        (&self.all[0].issuer.issuer, &self.signing)
    }

    /// What `bearer` says, if it is to be believed at `now`. From memory where it was believed before.
    pub(super) async fn verify(&self, bearer: &str, now: Timestamp) -> Result<Arc<Verified>, auth::Error> {
        if bearer.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::Size.into());
        }
        let token = fingerprint(bearer);
        if let Some(verified) = self.remembered.get(&token, now) {
            return Ok(verified);
        }
        let epoch = self.remembered.epoch();
        let verified = Arc::new(self.verify_anew(bearer, now).await?);
        self.remembered.put(epoch, token, verified.clone(), now);
        Ok(verified)
    }

    async fn verify_anew(&self, bearer: &str, now: Timestamp) -> Result<Verified, auth::Error> {
        let token = Token::parse(bearer)?;
        let known = self.all.iter().find(|known| known.issuer.issuer == token.issuer()).ok_or(Refusal::Issuer)?;
        let mut keys = known.keys();
        if !token.has_key_in(&keys) && known.source.is_some() {
            // Perhaps it has a new key. However many such tokens come, one fetch in thirty seconds answers them all (V-50).
            self.refresh(known, now).await;
            keys = known.keys();
            if keys.is_empty() {
                return Err(auth::Error::KeysUnavailable);
            }
        }
        Ok(token.verify(&known.issuer, &keys, now)?)
    }

    /// Fetches every JWK set that has not been fetched in the last thirty seconds. A failure keeps the last good keys and is
    /// logged (F-39).
    pub async fn refresh_all(&self, now: Timestamp) {
        for known in &self.all {
            self.refresh(known, now).await;
        }
    }

    async fn refresh(&self, known: &Trusted, now: Timestamp) {
        let Some(source) = &known.source else { return };
        let Some(keys) = source.fetch(&known.issuer.issuer, now).await else { return };
        *known.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
        // A key that is gone must not live on in what was believed with it.
        self.remembered.clear();
    }
}

fn trusted(one: ExternalIssuer) -> Result<Trusted, IssuerError> {
    let (keys, source) = match one.keys {
        KeySource::Pem(text) => {
            (key::public_from_pem(&text).map_err(|error| IssuerError::Key(one.issuer.clone(), error))?, None)
        }
        KeySource::JwksUrl(url) => {
            let url = jwks::allowed(&url).ok_or_else(|| IssuerError::Url(one.issuer.clone(), url.clone()))?;
            let source = Jwks::new(url).map_err(|error| IssuerError::Client(one.issuer.clone(), error))?;
            (Vec::new(), Some(source))
        }
    };
    let issuer = Issuer {
        issuer: one.issuer,
        audience: one.audience,
        orgs: Orgs::Only(one.orgs),
        typ: if one.allow_typ_jwt { Typ::AnyJwt } else { Typ::AccessToken },
        lifetime_max: EXTERNAL_LIFETIME_MAX,
        subjects: Subjects::Foreign,
    };
    Ok(Trusted { issuer, keys: RwLock::new(keys.into()), source })
}

/// The most that another issuer's token may be good for: it cannot be revoked here one by one.
const EXTERNAL_LIFETIME_MAX: Duration = issue::LIFETIME_MAX;

#[cfg(test)]
#[path = "issuers_tests.rs"]
mod tests;
