//! Who calls, for which org, with which scopes; and the rules by which a token is believed.
//!
//! No I/O: keys and facts come in as arguments. `app` asks the store whether the subject still lives, `http` reads headers.

pub mod assertion;
mod claims;
pub mod client;
pub mod delegation;
pub mod error;
pub mod exchange;
pub mod issue;
pub mod jwks;
mod jws;
pub mod key;
mod members;
pub mod principal;
pub mod property;
pub mod scope;
pub mod session;
pub mod verify;

pub use assertion::Assertion;
pub use client::{Bearer, Client, Proof, ProvisioningToken};
pub use delegation::NotHeld;
pub use error::{Error, Refusal};
pub use issue::Grant;
pub use key::{Key, KeyError, SigningKey};
pub use principal::Principal;
pub use scope::{Scope, ScopeSet, UnknownScope};
pub use session::Session;
pub use verify::{Issuer, Verified};

use session::SessionId;
use uuid::Uuid;

use crate::base::{ClientId, OrgId, Timestamp, TokenId, UserId};

/// What happened to credentials.
#[derive(Clone, Debug)]
pub enum Change {
    /// A client was made.
    ClientCreated(Client),
    /// A client of the parent became a guest, or may do something else from now on.
    ClientAdmitted {
        /// Its `id` and what it may ask for in `org`, its org.
        client: Client,
        /// The parent.
        parent: OrgId,
    },
    /// A client has another secret. The one before is good until `until`.
    SecretRotated {
        /// Its org.
        org: OrgId,
        /// The client.
        client: ClientId,
        /// Of the new secret.
        hash: [u8; 32],
        /// When the one before ends.
        until: Timestamp,
    },
    /// A client is gone, or a guest among clients. Its tokens are not believed any more.
    ClientDeleted {
        /// The org.
        org: OrgId,
        /// The client.
        client: ClientId,
    },
    /// A provisioning token was made. Where it takes the place of another, that one is good until the instant given.
    TokenCreated(ProvisioningToken, Option<(TokenId, Timestamp)>),
    /// A token is no longer believed; the row may go once `expires_at` has passed.
    TokenRevoked {
        /// Its org.
        org: OrgId,
        /// Its `jti`.
        token: TokenId,
        /// Its `exp`.
        expires_at: Timestamp,
    },
    /// Every token of `subject` in `org` that was issued until `at` is no longer believed.
    SubjectRevoked {
        /// The org.
        org: OrgId,
        /// The id of a user or a client; of the org itself for all its tokens.
        subject: Uuid,
        /// The instant.
        at: Timestamp,
    },
    /// An assertion was used. `Stale` where it was before.
    AssertionUsed {
        /// The client.
        client: ClientId,
        /// SHA-256 of its `jti`.
        id: [u8; 32],
        /// When it can be forgotten.
        expires_at: Timestamp,
    },
    /// Credentials were used: clients and tokens of these orgs.
    Used(Vec<(OrgId, Uuid, Timestamp)>),
    /// Somebody signed in. `Stale` where it is not the user's password any more, or the user not active.
    SessionStarted {
        /// The session.
        session: Session,
        /// The hash that the password was compared with.
        password_hash: String,
    },
    /// Sessions were used.
    SessionsSeen(Vec<(SessionId, Timestamp)>),
    /// Somebody signed out.
    SessionEnded(SessionId),
    /// Provisioning tokens that ended before then leave the list.
    TokensExpired {
        /// The instant.
        before: Timestamp,
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

impl Subject {
    /// One of ours, by the `sub` of a token.
    fn parse(text: &str, is_client: bool) -> Option<Subject> {
        if is_client { text.parse().map(Subject::Client).ok() } else { text.parse().map(Subject::User).ok() }
    }

    /// Its id, of one of ours.
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Subject::Client(id) => Some(id.0),
            Subject::User(id) => Some(id.0),
            Subject::External { .. } => None,
        }
    }
}

/// A token that another one was exchanged from: what the end of that one depends on, and so the end of this one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// The org it enters.
    pub org: OrgId,
    /// Its `jti`.
    pub token: TokenId,
    /// Its subject there.
    pub subject: Subject,
    /// The client that it came through.
    pub client: Option<ClientId>,
    /// When it was issued.
    pub issued_at: Timestamp,
}
