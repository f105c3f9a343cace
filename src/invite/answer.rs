//! The invitee's answer: accept or decline, once.

use super::{Change, Ending, Error, Invitation, MissingGroups, Status};
use crate::base::{GroupId, Timestamp, UserId};
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
    /// Whether the invitee is an active user of the parent, whom it lets others invite.
    pub is_invitable: bool,
    /// Groups that the inviter may no longer give.
    pub forbidden: &'a [GroupId],
    /// What to do where a group cannot be given.
    pub missing_groups: MissingGroups,
}

/// The guest `guest` is made, unless the invitation has ended or somebody is not active. The store checks all of it again
/// in the transaction that writes (S-74).
pub fn accept(
    invitation: &Invitation,
    facts: &Facts<'_>,
    guest: UserId,
    ending: Ending,
    now: Timestamp,
) -> Result<Change, Error> {
    open(invitation, now)?;
    if !(facts.org.active && facts.parent.active && facts.is_invitable) {
        return Err(Error::Inactive);
    }
    let given = invitation.groups.iter().filter(|group| group.exists && !facts.forbidden.contains(&group.id));
    let groups: Vec<GroupId> = given.map(|group| group.id).collect();
    if facts.missing_groups == MissingGroups::Block && groups.len() < invitation.groups.len() {
        return Err(Error::MissingGroups);
    }
    let Invitation { org, id, generation, .. } = *invitation;
    let missing_groups = facts.missing_groups;
    Ok(Change::InvitationAccepted { org, id, generation, guest, groups, missing_groups, ending, at: now })
}

/// The invitation ends without a guest. Whoever is not active may still say no.
pub fn decline(invitation: &Invitation, ending: Ending, now: Timestamp) -> Result<Change, Error> {
    end(invitation, Status::Declined, ending, now)
}

/// The inviter takes the invitation back.
pub fn revoke(invitation: &Invitation, ending: Ending, now: Timestamp) -> Result<Change, Error> {
    end(invitation, Status::Revoked, ending, now)
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

fn end(invitation: &Invitation, status: Status, ending: Ending, now: Timestamp) -> Result<Change, Error> {
    open(invitation, now)?;
    Ok(Change::InvitationEnded { org: invitation.org, id: invitation.id, status, ending, at: now })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::OrgId;
    use crate::invite::Via;
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

    fn ending() -> Ending {
        Ending { by: "ada".into(), via: Some(Via::Link), reason: None }
    }

    fn accepts(invitation: &Invitation, now: Timestamp, active: [bool; 3]) -> Result<(), Error> {
        let facts = Facts {
            org: &org(active[0]),
            parent: &org(active[1]),
            is_invitable: active[2],
            forbidden: &[],
            missing_groups: MissingGroups::Skip,
        };
        accept(invitation, &facts, UserId(Uuid::from_u128(9)), ending(), now).map(|_| ())
    }

    #[test]
    fn what_cannot_be_given_is_left_out_or_refuses_all_as_the_org_wants() {
        let (org, parent) = (org(true), org(true));
        let facts =
            Facts { org: &org, parent: &parent, is_invitable: true, forbidden: &[], missing_groups: MissingGroups::Skip };
        let whole = invitation(1);
        let crew = whole.groups[0].id;
        let mut vanished = whole.clone();
        vanished.groups[0].exists = false;
        for (invitation, forbidden, given) in [(&whole, &[][..], &[crew][..]), (&whole, &[crew], &[]), (&vanished, &[], &[])] {
            let facts = Facts { forbidden, ..facts };
            let guest = UserId(Uuid::from_u128(9));
            let Ok(Change::InvitationAccepted { groups, .. }) = accept(invitation, &facts, guest, ending(), NOW) else {
                panic!("accepted without it")
            };
            assert_eq!(groups, given);
            let facts = Facts { missing_groups: MissingGroups::Block, ..facts };
            let end = accept(invitation, &facts, guest, ending(), NOW).map(|_| ());
            assert_eq!(end, if given.is_empty() { Err(Error::MissingGroups) } else { Ok(()) });
        }
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
            assert_eq!(decline(&invitation, ending(), at).map(|_| ()), expected, "{at}");
            assert_eq!(revoke(&invitation, ending(), at).map(|_| ()), expected, "{at}");
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
            assert_eq!(decline(&invitation, ending(), NOW).map(|_| ()), Err(error.clone()));
            // Once accepted, it stays "used" when its time has passed too.
            assert_eq!(accepts(&invitation, Timestamp(i64::MAX), [true; 3]), Err(error));
        }
    }

    #[test]
    fn whoever_is_not_active_can_decline_but_not_accept() {
        for active in [[false, true, true], [true, false, true], [true, true, false]] {
            assert_eq!(accepts(&invitation(1), NOW, active), Err(Error::Inactive), "{active:?}");
        }
        assert!(decline(&invitation(1), ending(), NOW).is_ok());
    }
}
