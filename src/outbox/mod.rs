//! Letters that wait to be carried: when to try again, and when to give up.
//!
//! Rules only; `store` keeps the rows, `worker` carries. Nothing secret is in a row: the link is derived when the letter is
//! rendered, so a retried letter carries the same link.

use std::time::Duration;

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
    /// Given up; a letter that kills its carrier must not hold up the others (SEC F-20).
    LetterFailed {
        /// Which letter.
        id: Uuid,
        /// When.
        at: Timestamp,
        /// What went wrong.
        answer: String,
    },
}

/// Tries of one letter at the most. The schedule gives fewer; only a letter that takes the process down gets here (SEC F-20).
pub const TRIES_MAX: u32 = 100;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Pauses after the first, second … failed try; the last repeats. RFC 5321's days would outlive the link.
const PAUSES: [Duration; 7] = [
    Duration::from_secs(5),
    MINUTE.saturating_mul(5),
    MINUTE.saturating_mul(30),
    HOUR.saturating_mul(2),
    HOUR.saturating_mul(5),
    HOUR.saturating_mul(10),
    HOUR.saturating_mul(10),
];

/// When to try again after `tries` failed ones, the last of them at `now`. None if the link would be dead by then.
pub fn next_try(tries: u32, now: Timestamp, expires_at: Timestamp) -> Option<Timestamp> {
    let at = usize::try_from(tries.saturating_sub(1)).map_or(PAUSES.len(), |at| at).min(PAUSES.len() - 1);
    let due = now + PAUSES[at];
    (tries < TRIES_MAX && due < expires_at).then_some(due)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a letter is tried whose every try fails, in seconds after the invitation.
    fn tries(lifetime: Duration) -> Vec<i64> {
        let (mut now, expires_at) = (Timestamp(0), Timestamp(0) + lifetime);
        let mut tried = vec![0];
        while let Some(due) = next_try(u32::try_from(tried.len()).expect("few"), now, expires_at) {
            tried.push(due.seconds());
            now = due;
        }
        tried
    }

    #[test]
    fn pauses_grow_until_the_link_is_dead() {
        const H: i64 = 3600;
        let start = [0, 5, 305, 2105, 2105 + 2 * H, 2105 + 7 * H, 2105 + 17 * H, 2105 + 27 * H];
        assert_eq!(tries(HOUR * 28), start);
        assert_eq!(tries(HOUR * 72), [&start[..], &[2105 + 37 * H, 2105 + 47 * H, 2105 + 57 * H, 2105 + 67 * H]].concat());
        assert_eq!(tries(Duration::from_secs(305)), [0, 5], "nothing is sent at the moment of its death");
        assert_eq!(tries(Duration::from_secs(5)), [0]);
    }

    #[test]
    fn a_letter_is_given_up_in_the_end() {
        assert_eq!(next_try(TRIES_MAX, Timestamp(0), Timestamp(i64::MAX)), None);
        assert_eq!(next_try(u32::MAX, Timestamp(0), Timestamp(i64::MAX)), None);
        assert!(tries(crate::base::limit::INVITATION_LIFETIME_MAX).len() < 100, "sooner, for the longest lifetime");
    }
}
