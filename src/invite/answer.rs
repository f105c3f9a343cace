//! The invitee's answer: accept or decline, once.

use super::{Change, Error, Invitation, Status};
use crate::base::{Timestamp, UserId};
use crate::org::Org;

/// What the invitee says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Become a guest.
    Accept,
    /// Not.
    Decline,
}

/// What must hold beyond the invitation itself when it is accepted.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The inviting org.
    pub org: &'a Org,
    /// Its parent.
    pub parent: &'a Org,
    /// Whether the invitee is an active user of the parent.
    pub source_is_active: bool,
}

/// The guest `guest` is made, unless the invitation has ended or somebody is not active. The store checks all of it again
/// in the transaction that writes (S-74).
pub fn accept(invitation: &Invitation, facts: &Facts<'_>, guest: UserId, now: Timestamp) -> Result<Change, Error> {
    open(invitation, now)?;
    if !(facts.org.active && facts.parent.active && facts.source_is_active) {
        return Err(Error::Inactive);
    }
    Ok(Change::InvitationAccepted { org: invitation.org, id: invitation.id, generation: invitation.generation, guest, at: now })
}

/// The invitation ends without a guest. Whoever is not active may still say no.
pub fn decline(invitation: &Invitation, now: Timestamp) -> Result<Change, Error> {
    end(invitation, Status::Declined, now)
}

/// The inviter takes the invitation back.
pub fn revoke(invitation: &Invitation, now: Timestamp) -> Result<Change, Error> {
    end(invitation, Status::Revoked, now)
}

/// Whether it still waits for an answer; if not, how it ended.
pub fn open(invitation: &Invitation, now: Timestamp) -> Result<(), Error> {
    match invitation.status_at(now) {
        Status::Pending => Ok(()),
        Status::Accepted => Err(Error::Used),
        Status::Declined => Err(Error::Declined),
        Status::Revoked => Err(Error::Revoked),
        Status::Expired => Err(Error::Expired),
    }
}

fn end(invitation: &Invitation, status: Status, now: Timestamp) -> Result<Change, Error> {
    open(invitation, now)?;
    Ok(Change::InvitationEnded { org: invitation.org, id: invitation.id, status, at: now })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::OrgId;
    use crate::invite::tests::{NOW, invitation};
    use uuid::Uuid;

    fn org(active: bool) -> Org {
        Org {
            settings: Default::default(),
            id: OrgId(Uuid::from_u128(1)),
            parent: None,
            root: OrgId(Uuid::from_u128(1)),
            root_handle: "acme".into(),
            handle: "acme".into(),
            name: "Acme".into(),
            active,
            created: NOW,
        }
    }

    fn accepts(invitation: &Invitation, now: Timestamp, active: [bool; 3]) -> Result<(), Error> {
        let facts = Facts { org: &org(active[0]), parent: &org(active[1]), source_is_active: active[2] };
        accept(invitation, &facts, UserId(Uuid::from_u128(9)), now).map(|_| ())
    }

    #[test]
    fn an_invitation_is_good_up_to_the_last_millisecond() {
        // V-33.
        let invitation = invitation(1);
        let end = invitation.expires_at;
        for (at, expected) in
            [(Timestamp(end.0 - 1), Ok(())), (end, Err(Error::Expired)), (Timestamp(end.0 + 1), Err(Error::Expired))]
        {
            assert_eq!(accepts(&invitation, at, [true; 3]), expected, "{at}");
            assert_eq!(decline(&invitation, at).map(|_| ()), expected, "{at}");
            assert_eq!(revoke(&invitation, at).map(|_| ()), expected, "{at}");
        }
    }

    #[test]
    fn each_end_is_told_apart() {
        for (status, error) in [
            (Status::Accepted, Error::Used),
            (Status::Declined, Error::Declined),
            (Status::Revoked, Error::Revoked),
            (Status::Expired, Error::Expired),
        ] {
            let mut invitation = invitation(1);
            invitation.status = status;
            assert_eq!(accepts(&invitation, NOW, [true; 3]), Err(error.clone()));
            assert_eq!(decline(&invitation, NOW).map(|_| ()), Err(error.clone()));
            // Once accepted, it stays "used" when its time has passed too.
            assert_eq!(accepts(&invitation, Timestamp(i64::MAX), [true; 3]), Err(error));
        }
    }

    #[test]
    fn whoever_is_not_active_can_decline_but_not_accept() {
        for active in [[false, true, true], [true, false, true], [true, true, false]] {
            assert_eq!(accepts(&invitation(1), NOW, active), Err(Error::Inactive), "{active:?}");
        }
        assert!(decline(&invitation(1), NOW).is_ok());
    }
}
