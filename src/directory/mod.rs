//! Users and groups: create, replace, patch and delete, as changes.
//!
//! Decisions only: documents and facts in, changes out. `scim` supplies the protocol, `app` loads and commits, `store` keeps.

pub mod deleted;
pub mod document;
pub mod groups;
pub mod guest;
pub mod orgs;
pub mod password;
pub mod resources;
pub mod users;

pub use guest::{Membership, ended_guest, guest_doc};
pub use users::{is_guest, without_manager};

use uuid::Uuid;

use crate::base::{GroupId, OrgId, Timestamp, TypeId, UserId};
use crate::scim::schema::Claim;

/// What happened to the directory of one org.
#[derive(Clone, Debug)]
pub enum Change {
    /// A resident was made. The store derives its columns from `doc` (see [`Record::doc`](crate::scim::Record::doc)).
    UserCreated {
        /// Its org.
        org: OrgId,
        /// Its id, also in `doc`.
        id: UserId,
        /// The document.
        doc: String,
        /// Argon2id hash in PHC form, where a password was set.
        password_hash: Option<String>,
        /// `meta.created`.
        at: Timestamp,
    },
    /// A user's document changed. The guests below it follow in the same transaction.
    UserReplaced {
        /// Its org.
        org: OrgId,
        /// Which user.
        id: UserId,
        /// The version the decision saw.
        expected: u64,
        /// The whole document. Of a guest, only `active` is taken, as its own share of what is shown: the chain above it
        /// has the rest.
        doc: String,
        /// A new hash; `None` keeps the old one.
        password_hash: Option<String>,
        /// `meta.lastModified`.
        at: Timestamp,
    },
    /// A user is gone, with its memberships and its guests below; each leaves a tombstone.
    UserDeleted {
        /// Its org.
        org: OrgId,
        /// Which user.
        id: UserId,
        /// The version the client insisted on.
        expected: Option<u64>,
        /// `meta.lastModified` of the groups it was a member of.
        at: Timestamp,
    },
    /// A user of the parent became a guest without an invitation.
    GuestCreated {
        /// The guest's org.
        org: OrgId,
        /// Its id there.
        id: UserId,
        /// The parent.
        source_org: OrgId,
        /// The user there.
        source: UserId,
        /// `meta.created`.
        at: Timestamp,
    },
    /// A group was made.
    GroupCreated {
        /// Its org.
        org: OrgId,
        /// Its id, also in `doc`.
        id: GroupId,
        /// The document, without members.
        doc: String,
        /// Its first members, by id, in order.
        members: Vec<Uuid>,
        /// `meta.created`.
        at: Timestamp,
    },
    /// A group's document or members changed. If neither really does, version and time stay (V-05).
    GroupChanged {
        /// Its org.
        org: OrgId,
        /// Which group.
        id: GroupId,
        /// The version the decision or the client relied on; member changes alone commute and need none.
        expected: Option<u64>,
        /// The new document, if the decision made one.
        doc: Option<String>,
        /// Member changes, in the order of the request.
        members: Vec<MemberChange>,
        /// `meta.lastModified`.
        at: Timestamp,
    },
    /// A group is gone, with its memberships; it leaves a tombstone.
    GroupDeleted {
        /// Its org.
        org: OrgId,
        /// Which group.
        id: GroupId,
        /// The version the client insisted on.
        expected: Option<u64>,
        /// `meta.lastModified` of the groups it was a member of.
        at: Timestamp,
    },
    /// What was deleted is there again, under its id, with those memberships whose other end is there.
    Restored {
        /// Its org.
        org: OrgId,
        /// Its id.
        id: Uuid,
        /// What was deleted no later can no longer be restored.
        after: Timestamp,
        /// `meta.lastModified`.
        at: Timestamp,
    },
    /// What was deleted can no longer be restored, and nothing of it is left.
    Erased {
        /// Its org.
        org: OrgId,
        /// Its id.
        id: Uuid,
    },
    /// Some of what was deleted so long ago is forgotten, in every org.
    Expired {
        /// What was deleted no later, whatever the org.
        until: Timestamp,
        /// The present, from which an org's own choice counts.
        at: Timestamp,
    },
    /// A resource of a type that somebody added was made.
    ResourceCreated {
        /// Its org.
        org: OrgId,
        /// Its type.
        type_id: TypeId,
        /// `meta.resourceType`.
        type_name: String,
        /// Its id, also in `doc`.
        id: Uuid,
        /// The document.
        doc: String,
        /// `meta.created`.
        at: Timestamp,
    },
    /// Its document changed.
    ResourceReplaced {
        /// Its org.
        org: OrgId,
        /// Its type.
        type_id: TypeId,
        /// Which one.
        id: Uuid,
        /// The version the decision saw.
        expected: u64,
        /// The whole document.
        doc: String,
        /// `meta.lastModified`.
        at: Timestamp,
    },
    /// It is gone.
    ResourceDeleted {
        /// Its org.
        org: OrgId,
        /// Its type.
        type_id: TypeId,
        /// Which one.
        id: Uuid,
        /// The version the client insisted on.
        expected: Option<u64>,
    },
    /// A resource of any type has these values of unique attributes, beside `userName`, and no others (S-29).
    ValuesClaimed {
        /// Its org.
        org: OrgId,
        /// Which one.
        owner: Uuid,
        /// The values.
        claims: Vec<Claim>,
    },
}

/// One step of a change of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// These are members; those that were stay (S-14). An id of no user or group of the org is refused (S-45).
    Added(Vec<Uuid>),
    /// These are not members; those that were not change nothing (P-18).
    Removed(Vec<Uuid>),
    /// Exactly these are members; only the difference is written (U-10).
    Replaced(Vec<Uuid>),
}
