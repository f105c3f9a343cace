//! Letters that wait to be carried: when to try again, and when to give up.
//!
//! Rules only; `store` keeps the rows, `worker` carries. Nothing secret is in a row: the link is derived when the letter is
//! rendered, so a retried letter carries the same link.

use uuid::Uuid;

use crate::base::{InvitationId, OrgId, Timestamp};

/// A letter that is due, leased to one carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Also the `Message-ID`, so that receiving systems can fold duplicates.
    pub id: Uuid,
    /// The inviting org.
    pub org: OrgId,
    /// What it is about.
    pub invitation: InvitationId,
    /// Of which link; an older generation's letter is never sent.
    pub generation: u32,
    /// Tries before this one.
    pub attempts: u32,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The server took it, or the file is written.
    LetterSent {
        /// Which letter.
        id: Uuid,
        /// When.
        at: Timestamp,
        /// The server's answer.
        answer: String,
    },
    /// To be tried again.
    LetterDeferred {
        /// Which letter.
        id: Uuid,
        /// When it was tried.
        at: Timestamp,
        /// Not before.
        due: Timestamp,
        /// What went wrong.
        answer: String,
    },
    /// Given up; a letter that kills its carrier must not hold up the others (F-20).
    LetterFailed {
        /// Which letter.
        id: Uuid,
        /// When.
        at: Timestamp,
        /// What went wrong.
        answer: String,
    },
}
