//! A machine caller with its own credentials and scopes in one org, and provisioning tokens, for those who can only paste one.

use super::{Error, Key, ScopeSet, jwks};
use crate::base::limit::{CLIENT_KEYS_BYTES_MAX, EXPIRES_SOON};
use crate::base::{ClientId, OrgId, Timestamp, TokenId, UserId};

/// A client as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The `client_id`.
    pub id: ClientId,
    /// The org that it is a client of.
    pub org: OrgId,
    /// What an administrator calls it.
    pub name: Option<String>,
    /// The most it may ask for, as a space-separated `scope` (RFC 6749 §3.3).
    pub scope: String,
    /// How it proves who it is.
    pub proof: Proof,
    /// When it was made.
    pub created: Timestamp,
    /// When it last got a token, to the minute.
    pub last_used: Option<Timestamp>,
}

/// How a client proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By a secret of 256 bits of chance, so that a plain SHA-256 suffices (S-65).
    Secret {
        /// Of the secret.
        hash: [u8; 32],
        /// Of the one before, and until when that is good.
        before: Option<([u8; 32], Timestamp)>,
    },
    /// By a signature with its private key (RFC 7523); the JWK set of the public ones, as it was sent.
    Keys(String),
    /// By what it showed in the parent org: a guest.
    Elsewhere,
}

impl Client {
    /// What it may ask for.
    pub fn scopes(&self) -> ScopeSet {
        ScopeSet::known(&self.scope)
    }

    /// The keys its assertions are signed with; none where it has a secret.
    pub fn keys(&self) -> Vec<Key> {
        match &self.proof {
            Proof::Keys(set) => jwks::parse(set.as_bytes()).map(|parsed| parsed.keys).unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

/// Checks the JWK set of a client: public keys alone, and every one of them usable.
pub fn check_keys(set: &serde_json::Value) -> Result<String, Error> {
    let text = set.to_string();
    let wrong = |reason: String| Error::ClientKeys(reason);
    if text.len() > CLIENT_KEYS_BYTES_MAX {
        return Err(wrong(format!("they are larger than {CLIENT_KEYS_BYTES_MAX} bytes")));
    }
    let keys = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    if keys.iter().any(|key| ["d", "k", "p", "q"].iter().any(|part| key.get(part).is_some())) {
        return Err(wrong("a key is private, expected public ones".into()));
    }
    let parsed = jwks::parse(text.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    match parsed.ignored.first() {
        Some((kid, why)) => Err(wrong(format!("key {kid:?}: {why}"))),
        None if parsed.keys.len() < keys.len() => Err(wrong("there are too many".into())),
        None => Ok(text),
    }
}

/// A token that is listed by its id, as it is stored: without the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisioningToken {
    /// Its `jti`.
    pub id: TokenId,
    /// The one org it enters.
    pub org: OrgId,
    /// What an administrator calls it.
    pub name: Option<String>,
    /// In whose name.
    pub bearer: Bearer,
    /// What it may do.
    pub scope: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it is good for nothing any more; before its `exp` where another took its place.
    pub expires_at: Timestamp,
    /// When it was last shown, to the minute.
    pub last_used: Option<Timestamp>,
    /// The one that took its place.
    pub replaced_by: Option<TokenId>,
}

/// In whose name a provisioning token speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// Its own: a `client_id` that nothing else has, and that stays when another token takes its place.
    Machine(ClientId),
    /// A person's.
    Person(UserId),
}

impl ProvisioningToken {
    /// Whether somebody should see to it: it ends soon, and none has taken its place.
    pub fn expires_soon(&self, now: Timestamp) -> bool {
        self.replaced_by.is_none() && self.expires_at <= now + EXPIRES_SOON
    }
}
