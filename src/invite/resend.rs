//! Another letter about the same invitation, with another link.

use std::time::Duration;

use uuid::Uuid;

use super::lines::barred;
use super::{Change, Error, Invitation, Invitee, ParentPolicy, Policy, Sender, answer, policy};
use crate::base::{Timestamp, limit};

/// What must be known for it.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The invitee, as the parent has it now.
    pub invitee: &'a Invitee,
    /// Letters of the org today, to all.
    pub today: u32,
    /// What the org chose.
    pub policy: &'a Policy,
    /// What its parent did.
    pub parent: &'a ParentPolicy,
    /// How long the new link is good for; as long as the old one, where nobody says.
    pub lifetime: Option<Duration>,
}

/// The link of `invitation` is another one from now on, and the letter `letter` brings it to the address that the invitee has
/// now; or nobody does, where the caller brings the code. Whoever could not be invited any more gets none.
pub fn resend(invitation: &Invitation, facts: &Facts<'_>, letter: Uuid, now: Timestamp) -> Result<Change, Error> {
    answer::open(invitation, now)?;
    let next = invitation.letter_at + limit::RESEND_PAUSE;
    // A clock that went back makes nobody wait longer than the pause.
    if now < next && invitation.letter_at <= now {
        let wait_ms = next.0.saturating_sub(now.0).unsigned_abs();
        return Err(Error::TooSoon(wait_ms.div_ceil(1000)));
    }
    let sender = invitation.sender();
    barred(facts.invitee, facts.parent, sender).map_err(Error::Barred)?;
    let quota = facts.policy.quota;
    if facts.today >= quota.per_day || facts.invitee.today >= quota.per_recipient {
        return Err(Error::Quota);
    }
    let expires_at = facts.lifetime.map_or(invitation.expires_at, |lifetime| policy::end(now + lifetime, invitation.until));
    Ok(Change::InvitationResent {
        org: invitation.org,
        id: invitation.id,
        generation: invitation.generation,
        letter: (sender == Sender::Usher).then_some(letter),
        email: facts.invitee.email.clone().unwrap_or_default(),
        expires_at,
        remind_at: facts.policy.remind_at(now, expires_at).filter(|_| sender == Sender::Usher),
        quota,
        at: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invite::tests::{NOW, invitation};
    use crate::invite::{LineCode, Status};

    fn resent(
        invitation: &Invitation,
        today: (u32, u32),
        lifetime: Option<Duration>,
        now: Timestamp,
    ) -> Result<Timestamp, Error> {
        let invitee = Invitee { today: today.1, ..invitee() };
        let (policy, parent) = (&Policy::default(), &ParentPolicy::default());
        let facts = Facts { invitee: &invitee, today: today.0, policy, parent, lifetime };
        match resend(invitation, &facts, Uuid::nil(), now)? {
            Change::InvitationResent { expires_at, email, .. } if email == "new@acme.test" => Ok(expires_at),
            other => panic!("{other:?}"),
        }
    }

    fn invitee() -> Invitee {
        Invitee {
            source: invitation(1).source,
            user_name: "ada".into(),
            active: true,
            email: Some("new@acme.test".into()),
            is_member: false,
            pending: Some(invitation(1).id),
            today: 0,
            is_shielded: false,
        }
    }

    #[test]
    fn whoever_could_not_be_invited_now_is_not_written_to_again() {
        let shield = ParentPolicy { names: ["ada".to_owned()].into(), ..ParentPolicy::default() };
        let none = ParentPolicy::default();
        for (invitee, parent, code) in [
            (Invitee { active: false, ..invitee() }, &none, LineCode::UserInactive),
            (Invitee { is_shielded: true, ..invitee() }, &none, LineCode::NotInvitable),
            (invitee(), &shield, LineCode::NotInvitable),
            (Invitee { email: None, ..invitee() }, &none, LineCode::NoEmail),
        ] {
            let facts = Facts { invitee: &invitee, today: 0, policy: &Policy::default(), parent, lifetime: None };
            match resend(&invitation(1), &facts, Uuid::nil(), NOW + limit::RESEND_PAUSE) {
                Err(Error::Barred(error)) => assert_eq!(error.code, code),
                other => panic!("{code:?}: {other:?}"),
            }
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
