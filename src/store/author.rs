//! Who writes, and what he may hand out.

use std::fmt;
use std::sync::Arc;

use crate::auth::{self, ScopeSet};
use crate::base::Timestamp;

/// For whom something is written, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Who.
    pub actor: Actor,
    /// The moment that the log shows.
    pub at: Timestamp,
    /// What it may hand out: who adds to a group, or changes what a group gives, has to hold that.
    pub holds: ScopeSet,
    /// `client_id` of the token, where there is one.
    pub client: Option<String>,
    /// The request, where there is one.
    pub request: Option<Arc<str>>,
}

/// Outside of any request, and at no moment yet.
impl From<Actor> for Author {
    fn from(actor: Actor) -> Author {
        Author::new(actor, Timestamp(0))
    }
}

impl Author {
    /// Outside of any request. Who calls from outside hands out nothing then.
    pub fn new(actor: Actor, at: Timestamp) -> Author {
        let holds = if matches!(actor, Actor::Subject(_)) { ScopeSet::NONE } else { ScopeSet::ALL };
        Author { actor, at, holds, client: None, request: None }
    }
}

/// Who can write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The subject of a token.
    Subject(auth::Subject),
    /// Whoever holds the link of an invitation.
    Invitee,
    /// Whoever runs commands on the machine.
    Operator,
    /// The worker.
    Worker,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Subject(auth::Subject::Client(id)) => write!(f, "client {id}"),
            Actor::Subject(auth::Subject::User(id)) => write!(f, "user {id}"),
            Actor::Subject(auth::Subject::External { issuer, subject }) => write!(f, "external {issuer} {subject}"),
            Actor::Invitee => f.write_str("invitee"),
            Actor::Operator => f.write_str("operator"),
            Actor::Worker => f.write_str("worker"),
        }
    }
}
