//! What was deleted and can come back for a while. SCIM knows nothing of it: its id is 404 and its names are free (C-11).

use uuid::Uuid;

use crate::base::Timestamp;
use crate::scim::Kind;

/// The name of the resource type, as it is kept and shown.
pub fn name(kind: Kind) -> &'static str {
    if kind == Kind::Group { "Group" } else { "User" }
}

/// A user or group that is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Its id, which it has again when it is restored.
    pub id: Uuid,
    /// What it was.
    pub kind: Kind,
    /// Its `userName` or `displayName`.
    pub display: String,
    /// Whether it stood for a user of the parent.
    pub is_guest: bool,
    /// When it was deleted, itself or as a guest of somebody who was.
    pub deleted_at: Timestamp,
}

/// What a restoration came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Its version now; higher than any it had.
    pub version: u64,
    /// Memberships that are there again.
    pub memberships: usize,
    /// Other ends of those that are not.
    pub missing: Vec<Missing>,
}

/// The other end of a membership that could not be restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// A group that it was a member of, or a member that it had.
    pub id: Uuid,
    /// Why.
    pub reason: Reason,
}

/// Why a membership is not restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The other end is deleted too; when it is restored, the membership is.
    Deleted,
    /// The other end is gone for good.
    Gone,
    /// The group would contain itself, by what has changed meanwhile.
    Cycle,
}
