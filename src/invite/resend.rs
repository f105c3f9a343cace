//! Another letter about the same invitation, with another link.

use std::time::Duration;

use uuid::Uuid;

use super::{Change, Error, Invitation, Invitee, Policy, answer, policy};
use crate::base::{Timestamp, limit};

/// What must be known for it.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who has the invitee's name in the parent now.
    pub invitee: Option<&'a Invitee>,
    /// Letters of the org today: to all, and to the invitee.
    pub today: (u32, u32),
    /// What the org chose.
    pub policy: &'a Policy,
    /// How long the new link is good for; as long as the old one, where nobody says.
    pub lifetime: Option<Duration>,
}

/// The link of `invitation` is another one from now on, and the letter `letter` brings it.
pub fn resend(invitation: &Invitation, facts: &Facts<'_>, letter: Uuid, now: Timestamp) -> Result<Change, Error> {
    answer::open(invitation, now)?;
    let next = invitation.letter_at + limit::RESEND_PAUSE;
    // A clock that went back makes nobody wait longer than the pause.
    if now < next && invitation.letter_at <= now {
        let wait_ms = next.0.saturating_sub(now.0).unsigned_abs();
        return Err(Error::TooSoon(wait_ms.div_ceil(1000)));
    }
    let quota = facts.policy.quota;
    if facts.today.0 >= quota.per_day || facts.today.1 >= quota.per_recipient {
        return Err(Error::Quota);
    }
    let expires_at = facts.lifetime.map_or(invitation.expires_at, |lifetime| policy::end(now + lifetime, invitation.until));
    // The name may be another's by now; then the address of then is what is left.
    let invitee = facts.invitee.filter(|invitee| invitee.source == invitation.source);
    let email = invitee.and_then(|invitee| invitee.email.clone()).unwrap_or_else(|| invitation.email.clone());
    Ok(Change::InvitationResent {
        org: invitation.org,
        id: invitation.id,
        generation: invitation.generation,
        letter,
        email,
        expires_at,
        remind_at: facts.policy.remind_at(now, expires_at),
        quota,
        at: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invite::Status;
    use crate::invite::tests::{NOW, invitation};

    fn resent(
        invitation: &Invitation,
        today: (u32, u32),
        lifetime: Option<Duration>,
        now: Timestamp,
    ) -> Result<Timestamp, Error> {
        let facts = Facts { invitee: None, today, policy: &Policy::default(), lifetime };
        match resend(invitation, &facts, Uuid::nil(), now)? {
            Change::InvitationResent { expires_at, email, .. } if email == invitation.email => Ok(expires_at),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_letter_waits_for_the_one_before() {
        let (invitation, second) = (invitation(1), Duration::from_secs(1));
        let ready = NOW + limit::RESEND_PAUSE;
        assert_eq!(resent(&invitation, (0, 0), None, NOW), Err(Error::TooSoon(60)));
        assert_eq!(resent(&invitation, (0, 0), None, Timestamp(ready.0 - 1)), Err(Error::TooSoon(1)));
        assert_eq!(resent(&invitation, (0, 0), None, ready), Ok(invitation.expires_at));
        assert_eq!(resent(&invitation, (0, 0), Some(second), ready), Ok(ready + second));
        assert_eq!(resent(&invitation, (0, 0), None, Timestamp(NOW.0 - 1)), Ok(invitation.expires_at), "the clock went back");
        let quota = Policy::default().quota;
        for today in [(quota.per_day, 0), (0, quota.per_recipient)] {
            assert_eq!(resent(&invitation, today, None, ready), Err(Error::Quota));
        }
    }

    #[test]
    fn what_has_ended_is_not_sent_again() {
        let mut ended = invitation(1);
        assert_eq!(resent(&ended, (0, 0), None, ended.expires_at), Err(Error::Expired));
        ended.status = Status::Revoked;
        assert_eq!(resent(&ended, (0, 0), None, NOW + limit::RESEND_PAUSE), Err(Error::Revoked));
    }
}
