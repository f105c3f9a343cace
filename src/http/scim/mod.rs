//! The SCIM endpoints of an org. One file per endpoint, unit structs with one method per operation; who calls and for which
//! org comes in as an argument (`guard::Authed`), so one set of routes serves all orgs.

pub mod discovery;

use poem_openapi::Tags;

pub use discovery::Discovery;

/// Headings in the document.
#[derive(Tags)]
pub enum Tag {
    /// RFC 7643 §4.1: residents of the organization and its guests.
    Users,
    /// RFC 7643 §4.2: groups, whose members are users and groups of the organization.
    Groups,
    /// Invitations of users of the parent organization.
    Invitations,
    /// RFC 7644 §4: what this server can do and what its resources look like.
    Discovery,
}
