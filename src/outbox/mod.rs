//! Letters that wait to be carried: when to try again, and when to give up.
//!
//! Rules only; `store` keeps the rows, `worker` carries. Nothing secret is in a row: the link is derived when the letter is
//! rendered, so a retried letter carries the same link.

mod shares;

pub use shares::Shares;

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
    /// The recipient's, in lower case.
    pub domain: String,
    /// Tries before this one. Also tells this lease from a later one.
    pub attempts: u32,
    /// How many of them may have delivered it: they were handing it over when they broke off.
    pub unclear: u32,
    /// Whether it reminds of an earlier one.
    pub is_reminder: bool,
}

/// How far a try got. It changes nothing where the letter is gone, or leased anew meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The server is about to be given the text: from here on it may be delivered (SEC F-16). Stale unless the lease and the
    /// invitation's link are good still, so that what was revoked before is never sent.
    LetterBegun {
        /// Which letter, as it was leased.
        letter: Letter,
        /// When.
        at: Timestamp,
    },
    /// The try is over.
    LetterTried {
        /// Which letter, as it was leased; `unclear` counts this try too where its end is not known.
        letter: Letter,
        /// When.
        at: Timestamp,
        /// How it ended.
        end: End,
        /// The mail server's words, or what kept us from it.
        answer: String,
    },
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server took it, or the file is written.
    Sent,
    /// To be tried again, not before then.
    Deferred(Timestamp),
    /// Given up; a letter that kills its carrier must not hold up the others (SEC F-20).
    Failed,
}

/// Tries of one letter at the most. The schedule gives fewer; only a letter that takes the process down gets here (SEC F-20).
pub const TRIES_MAX: u32 = 100;
/// Tries that may have delivered a letter; with a second one it may arrive twice, never a third time (SEC F-16, F-18).
pub const UNCLEAR_MAX: u32 = 2;

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
/// So long before the end of the link it is tried once more, however long the pause would be (SEC F-17).
const LAST: [Duration; 2] = [HOUR, MINUTE];

/// When to try again after `tries` failed ones, the last of them at `now`. None if the link is as good as dead. `chance` makes a
/// pause up to a fifth longer, so that those who failed together do not come back together.
pub fn next_try(tries: u32, now: Timestamp, expires_at: Timestamp, chance: u8) -> Option<Timestamp> {
    let at = usize::try_from(tries.saturating_sub(1)).map_or(PAUSES.len(), |at| at).min(PAUSES.len() - 1);
    let pause = PAUSES[at] + PAUSES[at] * u32::from(chance) / (5 * 255);
    let last = LAST.map(|before| expires_at - before).into_iter().find(|last| *last > now)?;
    (tries < TRIES_MAX).then(|| (now + pause).min(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    const H: i64 = 3600;

    /// When a letter is tried whose every try fails, in seconds after the invitation.
    fn tries(lifetime: Duration, chance: u8) -> Vec<i64> {
        let (mut now, expires_at) = (Timestamp(0), Timestamp(0) + lifetime);
        let mut tried = vec![0];
        while let Some(due) = next_try(u32::try_from(tried.len()).expect("few"), now, expires_at, chance) {
            tried.push(due.seconds());
            now = due;
        }
        tried
    }

    #[test]
    fn pauses_grow_until_the_link_is_dead() {
        let start = [0, 5, 305, 2105, 2105 + 2 * H, 2105 + 7 * H, 2105 + 17 * H, 2105 + 27 * H];
        assert_eq!(tries(HOUR * 29, 0), [&start[..], &[28 * H, 29 * H - 60]].concat());
        let later = [2105 + 37 * H, 2105 + 47 * H, 2105 + 57 * H, 2105 + 67 * H, 71 * H, 72 * H - 60];
        assert_eq!(tries(HOUR * 72, 0), [&start[..], &later].concat());
        assert_eq!(tries(Duration::from_secs(305), 0), [0, 5, 245], "nothing is sent at the moment of its death");
        assert_eq!(tries(Duration::from_secs(60), 0), [0]);
    }

    #[test]
    fn who_failed_together_comes_back_apart() {
        assert_eq!(tries(HOUR * 72, 255)[..5], [0, 6, 366, 2526, 2526 + 8640]);
        let due = |chance| next_try(3, Timestamp(0), Timestamp(i64::MAX), chance).expect("a next try").0;
        let all: std::collections::BTreeSet<_> = (0..=u8::MAX).map(due).collect();
        assert_eq!((all.len(), all.first(), all.last()), (256, Some(&1_800_000), Some(&2_160_000)));
    }

    #[test]
    fn a_letter_is_given_up_in_the_end() {
        assert_eq!(next_try(TRIES_MAX, Timestamp(0), Timestamp(i64::MAX), 0), None);
        assert_eq!(next_try(u32::MAX, Timestamp(0), Timestamp(i64::MAX), 0), None);
        assert!(tries(crate::base::limit::INVITATION_LIFETIME_MAX, 0).len() < 100, "sooner, for the longest lifetime");
    }
}
