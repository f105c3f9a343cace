//! Invitations: from `pending` to `accepted`, `declined`, `revoked` or `expired`.
//!
//! Decisions only. Nothing here reads the clock or the database: the facts come in as arguments and the answer is a list of
//! changes. `app::invitations` loads and commits, `mail` writes the letter.

pub mod answer;
pub mod code;
pub mod error;
pub mod lines;
pub mod policy;
pub mod request;
pub mod resend;

pub use answer::Answer;
pub use code::{Code, code, link, parse_code};
pub use error::{Error, LineCode, LineError};
pub use lines::{Draft, GroupFact, Inviter, Sender};
pub use policy::{MissingGroups, ParentPolicy, Policy, Quota, SignIn};
pub use request::{InviteRequest, InviteResponse, Line, LineResult};

use uuid::Uuid;

use crate::base::{GroupId, InvitationId, OrgId, Timestamp, UserId};

/// An invitation as it is stored: `org` asks the user `source` of its parent to become a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Also in the link.
    pub id: InvitationId,
    /// Who invites.
    pub org: OrgId,
    /// The parent of `org`, always.
    pub source_org: OrgId,
    /// Who is invited: a user of `source_org`.
    pub source: UserId,
    /// The invitee's `userName` in the parent when invited.
    pub user_name: String,
    /// Where the letter goes: the address when invited.
    pub email: String,
    /// As stored; [`Invitation::status_at`] tells whether a pending one has expired.
    pub status: Status,
    /// Counts the links made; only the newest opens.
    pub generation: u32,
    /// Groups to be given on acceptance.
    pub groups: Vec<Group>,
    /// The inviter's words.
    pub message: Option<String>,
    /// Language of the letter, BCP 47.
    pub locale: Option<String>,
    /// The inviter's name, as the letter shows it.
    pub inviter: String,
    /// Who that is, as the log of changes names it; none where that is not known.
    pub inviter_subject: Option<String>,
    /// From when the link is dead.
    pub expires_at: Timestamp,
    /// When the membership ends that it makes.
    pub until: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// By whom.
    pub ending: Option<Ending>,
    /// The guest it made.
    pub guest: Option<UserId>,
    /// State of the newest letter.
    pub delivery: Delivery,
    /// When that was queued.
    pub letter_at: Timestamp,
    /// When a reminder is due.
    pub remind_at: Option<Timestamp>,
    /// Counts the changes, from 1.
    pub version: u64,
    /// `meta.created`.
    pub created: Timestamp,
    /// `meta.lastModified`.
    pub last_modified: Timestamp,
}

impl Invitation {
    /// The status a reader sees at `now`; expiry waits for no job (V-33).
    pub fn status_at(&self, now: Timestamp) -> Status {
        match self.status {
            Status::Pending if self.expires_at <= now => Status::Expired,
            other => other,
        }
    }

    /// Who brings the code to the invitee, of this link as of the first.
    pub fn sender(&self) -> Sender {
        if self.delivery.state == EXTERNAL { Sender::Caller } else { Sender::Usher }
    }

    /// The name of the person who invites; none if that was a machine, for which the org stands.
    pub fn inviter_name(&self) -> Option<&str> {
        let is_machine = self.inviter.starts_with(MACHINE) || self.inviter.is_empty();
        (!is_machine).then_some(self.inviter.as_str())
    }
}

/// What [`Invitation::inviter`] opens with where a machine invited; its id follows.
pub const MACHINE: &str = "client ";

/// The [`Delivery::state`] where somebody else brings the code.
pub const EXTERNAL: &str = "external";

/// A group of an invitation; `exists` is false once it has vanished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id in the inviting org.
    pub id: GroupId,
    /// Its name, when invited or now.
    pub display: String,
    /// Whether it is still there.
    pub exists: bool,
    /// After acceptance: whether the guest was put into it.
    pub is_given: Option<bool>,
}

/// Who ended an invitation, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The name: of the invitee, or of who revoked.
    pub by: String,
    /// What the invitee had to show; none where it was somebody else.
    pub via: Option<Via>,
    /// Why it was revoked.
    pub reason: Option<String>,
}

/// What an invitee who answered had to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The code of the link.
    Link,
    /// A token of the invited user.
    Token,
}

impl Via {
    /// The spelling on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Via::Link => "link",
            Via::Token => "token",
        }
    }
}

/// States of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Status {
    Pending,
    Accepted,
    Declined,
    Revoked,
    Expired,
}

impl Status {
    /// The spelling on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Accepted => "accepted",
            Status::Declined => "declined",
            Status::Revoked => "revoked",
            Status::Expired => "expired",
        }
    }
}

/// How far the newest letter got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// `queued`, `sent`, `deferred`, `failed` or [`EXTERNAL`].
    pub state: String,
    /// Tries so far.
    pub attempts: u32,
    /// The mail server's last words.
    pub answer: Option<String>,
    /// When it was taken.
    pub sent_at: Option<Timestamp>,
    /// Tries that may have delivered it without our knowing.
    pub unclear: u32,
}

/// What is known of a user of the parent, who is to be invited or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitee {
    /// The user of the parent.
    pub source: UserId,
    /// In the spelling of the parent.
    pub user_name: String,
    /// Effective: of a guest there, the whole chain.
    pub active: bool,
    /// Where letters go.
    pub email: Option<String>,
    /// Whether this user is a guest of the inviting org already.
    pub is_member: bool,
    /// The id of the live invitation, if one is pending and has not expired.
    pub pending: Option<InvitationId>,
    /// How many invitations and letters this org has sent to this user today.
    pub today: u32,
    /// Whether the user is a member of a group that the parent lets nobody invite from.
    pub is_shielded: bool,
}

/// What happened to an invitation.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "the large one is the common one")]
pub enum Change {
    /// It was made, and a letter `letter` queued in the same transaction. A pending one of the same person that has expired
    /// by `at` is marked so first; a live one makes this change stale, and so does a quota that is used up.
    InvitationCreated {
        /// The row.
        invitation: Invitation,
        /// Id of the outbox row; none where somebody else delivers the code.
        letter: Option<Uuid>,
        /// What the org may send.
        quota: Quota,
    },
    /// It has another link, and a letter with it is queued, if any. Stale unless it is still pending and of `generation`, and the
    /// quota holds.
    InvitationResent {
        /// The inviting org.
        org: OrgId,
        /// Which.
        id: InvitationId,
        /// Of which link; the next one is the newest from now on.
        generation: u32,
        /// Id of the outbox row; none where somebody else delivers the code.
        letter: Option<Uuid>,
        /// Where the letter goes.
        email: String,
        /// From when the link is dead.
        expires_at: Timestamp,
        /// When a reminder is due.
        remind_at: Option<Timestamp>,
        /// What the org may send.
        quota: Quota,
        /// When.
        at: Timestamp,
    },
    /// It was accepted: the guest `guest` exists, with those of `groups` that still do. Stale unless it is still pending, of
    /// `generation`, not expired by `at`, both orgs active and the source an active user of the parent; and unless all
    /// `groups` are there, where none may be missing.
    InvitationAccepted {
        /// The inviting org.
        org: OrgId,
        /// Which.
        id: InvitationId,
        /// Of which link.
        generation: u32,
        /// Id of the guest to be made.
        guest: UserId,
        /// The groups to be given.
        groups: Vec<GroupId>,
        /// What to do where one is no longer there.
        missing_groups: MissingGroups,
        /// Who accepted.
        ending: Ending,
        /// When.
        at: Timestamp,
    },
    /// It was ended without a guest: `Declined` or `Revoked`. Stale unless still pending.
    InvitationEnded {
        /// The inviting org.
        org: OrgId,
        /// Which.
        id: InvitationId,
        /// How.
        status: Status,
        /// By whom.
        ending: Ending,
        /// When.
        at: Timestamp,
    },
    /// A reminder of it is queued. Changes nothing unless it is still pending, of `generation`, none was queued yet and no letter
    /// waits to be sent.
    InvitationReminded {
        /// The inviting org.
        org: OrgId,
        /// Which.
        id: InvitationId,
        /// Of which link.
        generation: u32,
        /// Id of the outbox row; none where the org wants no reminders.
        letter: Option<Uuid>,
        /// When.
        at: Timestamp,
    },
    /// The row is gone, with its letter.
    InvitationDeleted {
        /// The inviting org.
        org: OrgId,
        /// Which.
        id: InvitationId,
        /// The version the client insisted on.
        expected: Option<u64>,
    },
    /// Of those whose time has passed by `at`, in every org, some are written down as expired. What a reader sees does not
    /// change.
    InvitationsExpired {
        /// When.
        at: Timestamp,
    },
    /// Some of those of `org` that ended before `before` are forgotten.
    InvitationsForgotten {
        /// The inviting org.
        org: OrgId,
        /// What ended earlier.
        before: Timestamp,
    },
}

/// What waits for the worker, a bounded number of each, in every org.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Whether invitations have expired that are not yet written down as such.
    pub has_expired: bool,
    /// Invitations to be reminded of: org, id, generation.
    pub reminders: Vec<(OrgId, InvitationId, u32)>,
    /// Guests whose membership has ended.
    pub guests: Vec<(OrgId, UserId)>,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// 2026-11-24T04:40:00Z.
    pub(crate) const NOW: Timestamp = Timestamp(1_795_495_200_000);

    pub(crate) fn org() -> crate::org::Org {
        crate::org::Org {
            settings: Default::default(),
            id: OrgId(Uuid::from_u128(2)),
            parent: Some(OrgId(Uuid::from_u128(1))),
            root: OrgId(Uuid::from_u128(1)),
            root_handle: "acme".into(),
            handle: "acme-partners".into(),
            name: "Acme Partners".into(),
            active: true,
            created: NOW,
        }
    }

    pub(crate) fn invitation(id: u128) -> Invitation {
        Invitation {
            id: InvitationId(Uuid::from_u128(id)),
            org: OrgId(Uuid::from_u128(2)),
            source_org: OrgId(Uuid::from_u128(1)),
            source: UserId(Uuid::from_u128(3)),
            user_name: "ada".into(),
            email: "ada@acme.test".into(),
            status: Status::Pending,
            generation: 1,
            groups: vec![Group { id: GroupId(Uuid::from_u128(4)), display: "Crew".into(), exists: true, is_given: None }],
            message: None,
            locale: None,
            inviter: "Grace".into(),
            inviter_subject: None,
            expires_at: NOW + crate::base::limit::INVITATION_LIFETIME,
            until: None,
            ended_at: None,
            ending: None,
            guest: None,
            delivery: Delivery { state: "queued".into(), attempts: 0, answer: None, sent_at: None, unclear: 0 },
            letter_at: NOW,
            remind_at: None,
            version: 1,
            created: NOW,
            last_modified: NOW,
        }
    }

    #[test]
    fn a_pending_invitation_expires_without_anybody_doing_anything() {
        // V-33.
        let mut invitation = invitation(1);
        let end = invitation.expires_at;
        assert_eq!(invitation.status_at(Timestamp(end.0 - 1)), Status::Pending);
        assert_eq!(invitation.status_at(end), Status::Expired);
        invitation.status = Status::Accepted;
        assert_eq!(invitation.status_at(end), Status::Accepted);
    }

    #[test]
    fn a_machine_has_no_name_to_show() {
        let mut invitation = invitation(1);
        assert_eq!(invitation.inviter_name(), Some("Grace"));
        for machine in ["", "client 01890a5d-ac96-774b-bcce-b302099a8057"] {
            invitation.inviter = machine.into();
            assert_eq!(invitation.inviter_name(), None, "{machine}");
        }
    }
}
