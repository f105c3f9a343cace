//! A machine caller with its own credentials and scopes in one org.

use crate::base::{ClientId, OrgId, Timestamp};

/// A client as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The `client_id`.
    pub id: ClientId,
    /// The only org it can enter.
    pub org: OrgId,
    /// The most it may ask for, as a space-separated `scope` (RFC 6749 §3.3).
    pub scope: String,
    /// SHA-256 of the secret. The secret is 256 bits of chance, so a plain hash suffices (S-65).
    pub secret_hash: [u8; 32],
    /// When it was made.
    pub created: Timestamp,
}
