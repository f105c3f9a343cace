//! What is kept of a request, so that a retry does nothing twice.

use uuid::Uuid;

use super::Change;
use crate::base::{OrgId, Timestamp};

/// A request with an `Idempotency-Key`, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKept {
    /// Where it was sent.
    pub org: OrgId,
    /// Of caller and key, so that one caller's keys are not another's.
    pub key: [u8; 32],
    /// Of what was sent.
    pub request: [u8; 32],
    /// What came of it. Only what was begun can be answered; else, where the key is kept already, it is `Stale`.
    pub outcome: Kept,
    /// When it was sent.
    pub at: Timestamp,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Nobody knows yet.
    Begun,
    /// This resource.
    Made(Uuid),
    /// This answer.
    Answered(String),
}

impl From<RequestKept> for Change {
    fn from(kept: RequestKept) -> Change {
        Change::Request(kept)
    }
}
