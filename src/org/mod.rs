//! An organization: its place in a tree and its state.
//!
//! Decisions only; `store` keeps the rows and its foreign keys hold the parent-only rule.

use crate::base::{OrgId, Timestamp};

/// An organization as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Org {
    /// Never reused.
    pub id: OrgId,
    /// The immediate parent; none for a root.
    pub parent: Option<OrgId>,
    /// The root of its tree: the unit of tenancy. Itself, for a root.
    pub root: OrgId,
    /// The root's handle, the `{root}` of every URL.
    pub root_handle: String,
    /// Immutable, unique among all orgs: lower-case letters, digits and inner hyphens.
    pub handle: String,
    /// Free text.
    pub name: String,
    /// Whether it may be entered at all.
    pub active: bool,
    /// When it was made.
    pub created: Timestamp,
}

/// What happened to an org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was made.
    OrgCreated(Org),
}
