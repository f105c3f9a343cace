//! Who calls, for which org, with which scopes; and the rules by which a token is believed.
//!
//! No I/O: keys and facts come in as arguments. `app` asks the store whether the subject still lives, `http` reads headers.

mod claims;
pub mod client;
pub mod error;
pub mod issue;
pub mod jwks;
pub mod key;
mod members;
pub mod principal;
pub mod scope;
pub mod verify;

pub use client::Client;
pub use error::{Error, Refusal};
pub use issue::Grant;
pub use key::{Key, KeyError, SigningKey};
pub use principal::Principal;
pub use scope::{Scope, ScopeSet, UnknownScope};
pub use verify::{Issuer, Verified};

use crate::base::{ClientId, OrgId, TokenId, UserId};

/// What happened to credentials.
#[derive(Clone, Debug)]
pub enum Change {
    /// A client was made.
    ClientCreated(Client),
    /// A token is no longer believed; the row may go once `expires_at` has passed.
    TokenRevoked {
        /// Its org.
        org: OrgId,
        /// Its `jti`.
        token: TokenId,
        /// Its `exp`.
        expires_at: crate::base::Timestamp,
    },
}

/// Whose rights a token carries. A client and a user never mix, whatever their ids (SEC S-25).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A machine caller of the embedded issuer.
    Client(ClientId),
    /// A person of the org, by the id in that org.
    User(UserId),
    /// Someone an external issuer vouches for: issuer and `sub` (SEC S-24).
    External {
        /// `iss`.
        issuer: String,
        /// `sub`.
        subject: String,
    },
}
