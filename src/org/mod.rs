//! An organization: its place in a tree and its state.
//!
//! Decisions only; `store` keeps the rows and its foreign keys hold the parent-only rule.

pub mod audit;
pub mod definitions;
pub mod log;
mod setting;
mod settings;
pub mod watch;

pub use setting::{Choices, Form, Setting};
pub use settings::Settings;

use crate::base::{OrgId, Timestamp, limit};
use crate::scim::{Error, ScimType};

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
    /// Immutable and unique in its tree, a root's among all roots: lower-case letters, digits and inner hyphens.
    pub handle: String,
    /// Free text.
    pub name: String,
    /// Whether it may be entered at all.
    pub active: bool,
    /// When it was made.
    pub created: Timestamp,
    /// What holds here, its own choice or that of an ancestor.
    pub settings: Settings,
}

/// What happened to an org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was made. What holds in its parent holds in it.
    OrgCreated {
        /// The org that the decision was made in, which has to stand above its parent still, or is that one; none where an
        /// operator decided.
        below: Option<OrgId>,
        /// Its row; `active` is its own share.
        org: Org,
        /// The document.
        doc: String,
    },
    /// It was changed or moved. What follows for those below it is written as well.
    OrgChanged {
        /// The org that the decision was made in, which has to stand above it still, or is itself.
        below: OrgId,
        /// Which org.
        id: OrgId,
        /// The version that the decision saw.
        expected: u64,
        /// The new document, if there is one.
        doc: Option<String>,
        /// Its new parent, if it is moved: also below `below`, or that one.
        parent: Option<OrgId>,
        /// `meta.lastModified`.
        at: Timestamp,
    },
    /// It is gone, with all that belongs to it.
    OrgDeleted {
        /// The org that the decision was made in, which has to stand above it still, or is itself.
        below: OrgId,
        /// Which org.
        id: OrgId,
        /// The version that the client insisted on.
        expected: Option<u64>,
        /// What becomes of the orgs below it.
        children: Children,
    },
    /// This happened beside the writes, in any org.
    Audited {
        /// What.
        events: Vec<audit::Event>,
    },
    /// It was asked this, and so were others.
    RequestsLogged {
        /// The lines, of any org.
        entries: Vec<log::Entry>,
    },
    /// Some lines of the log have been kept long enough.
    RequestsExpired {
        /// What is older is forgotten, whatever the org.
        since: Timestamp,
        /// The present, from which an org's own choice counts.
        at: Timestamp,
        /// Orgs that keep too many lines, and how many too many.
        surplus: Vec<(OrgId, u64)>,
    },
    /// It chose anew; what holds below follows in the same transaction.
    SettingsChanged {
        /// Which org.
        org: OrgId,
        /// Its choice as the decision saw it.
        expected: Settings,
        /// Its choice now.
        settings: Settings,
    },
}

/// What becomes of the orgs below one that is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Children {
    /// They are in the way.
    Block,
    /// They go too.
    Go,
}

/// What a deletion takes along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Contents {
    /// Orgs below it.
    pub organizations: u64,
    /// Residents, in it and below, as is all that follows.
    pub users: u64,
    pub guests: u64,
    pub groups: u64,
    pub invitations: u64,
    /// Its own, and those of its parent that it admitted.
    pub clients: u64,
    /// Provisioning tokens.
    pub tokens: u64,
    /// Of types that somebody added.
    pub resources: u64,
}

impl Contents {
    /// Each count with its name.
    pub fn counts(&self) -> [(&'static str, u64); 8] {
        [
            ("organizations", self.organizations),
            ("users", self.users),
            ("guests", self.guests),
            ("groups", self.groups),
            ("invitations", self.invitations),
            ("clients", self.clients),
            ("tokens", self.tokens),
            ("resources", self.resources),
        ]
    }
}

/// What a move ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uprooted {
    /// Guests of the org, and those further down who stand for one of them.
    pub guests: u64,
    /// Invitations of the org that are pending.
    pub invitations: u64,
    /// Clients of the parent that the org admitted.
    pub clients: u64,
}

/// A new org under `ancestors`, its parent first and the root last; a root without any. The name is the handle where none is
/// given.
pub fn create(id: OrgId, ancestors: &[Org], handle: &str, name: Option<&str>, now: Timestamp) -> Result<Org, Error> {
    if !is_handle(handle) {
        let detail = format!("`handle` {handle:?}: expected 1 to 63 lower-case letters, digits and inner hyphens");
        return Err(Error::bad(ScimType::InvalidValue, detail));
    }
    let name = name.unwrap_or(handle);
    check_name(name)?;
    if ancestors.len() >= limit::ORG_DEPTH_MAX {
        let detail = format!("a tree of organizations has at most {} levels", limit::ORG_DEPTH_MAX);
        return Err(Error::bad(ScimType::InvalidValue, detail));
    }
    let (root, root_handle) = ancestors.last().map_or((id, handle), |root| (root.id, &root.handle));
    Ok(Org {
        id,
        parent: ancestors.first().map(|parent| parent.id),
        root,
        root_handle: root_handle.to_owned(),
        handle: handle.to_owned(),
        name: name.to_owned(),
        active: true,
        created: now,
        settings: ancestors.first().map(|parent| parent.settings.clone()).unwrap_or_default(),
    })
}

/// 400 unless `name` can be an org's.
pub fn check_name(name: &str) -> Result<(), Error> {
    if name.trim().is_empty() || name.chars().count() > limit::NAME_CHARS_MAX || name.contains(char::is_control) {
        let detail = format!("`name`: expected 1 to {} characters, none of them a control character", limit::NAME_CHARS_MAX);
        return Err(Error::bad(ScimType::InvalidValue, detail));
    }
    Ok(())
}

/// A label of a host name (RFC 1123 §2.1) in lower case, so that a handle fits into a URL as it stands.
pub fn is_handle(text: &str) -> bool {
    let is_label = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    is_label && (1..=63).contains(&text.len()) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(ancestors: &[Org], handle: &str) -> Result<Org, Error> {
        create(OrgId(uuid::Uuid::from_u128(ancestors.len() as u128 + 1)), ancestors, handle, None, Timestamp(0))
    }

    #[test]
    fn a_child_knows_its_parent_and_its_root() {
        let root = org(&[], "acme").expect("a root");
        let child = org(std::slice::from_ref(&root), "partners").expect("a child");
        let grandchild = org(&[child.clone(), root.clone()], "shops").expect("a grandchild");
        assert_eq!((root.root, root.parent), (root.id, None));
        assert_eq!((grandchild.root, grandchild.parent), (root.id, Some(child.id)));
        assert_eq!(grandchild.root_handle, "acme");
    }

    #[test]
    fn a_handle_is_a_lower_case_label() {
        for handle in ["", "Acme", "a b", "-a", "a-", "a/b", "ä", &"a".repeat(64)] {
            assert!(org(&[], handle).is_err(), "{handle}");
        }
        assert!(org(&[], "acme-2").is_ok());
    }

    #[test]
    fn a_tree_does_not_grow_without_bound() {
        let mut ancestors = Vec::new();
        while let Ok(next) = org(&ancestors, "a") {
            ancestors.insert(0, next);
        }
        assert_eq!(ancestors.len(), limit::ORG_DEPTH_MAX);
    }
}
