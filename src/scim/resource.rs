//! A resource as it is stored and as it is answered.

use uuid::Uuid;

use crate::base::Timestamp;

/// The resource types of an org.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// RFC 7643 §4.1.
    User,
    /// RFC 7643 §4.2.
    Group,
    /// An invitation of a user of the parent org.
    Invitation,
}

/// A resource as the store keeps it: the document without `meta` and without what is derived from other rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The `id`.
    pub id: Uuid,
    /// Counts the changes of the representation, from 1; `W/"n"` as an ETag.
    pub version: u64,
    /// `meta.created`.
    pub created: Timestamp,
    /// `meta.lastModified`.
    pub last_modified: Timestamp,
    /// A JSON object that opens with `schemas` and `id`: the bytes to be answered, but for its tail.
    pub doc: String,
    /// `groups` of a user or `members` of a group, where the reader asked for them.
    pub references: Vec<Reference>,
}

/// One element of `groups` or `members`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `value`.
    pub id: Uuid,
    /// What `$ref` points at: a user or a group.
    pub kind: Kind,
    /// `display`.
    pub display: String,
}
