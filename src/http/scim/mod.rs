//! The SCIM endpoints of an org. One file per endpoint, unit structs with one method per operation; who calls and for which
//! org comes in as an argument (`guard::Authed`), so one set of routes serves all orgs.
//!
//! A handler parses the path's id, calls one use case and hands over bytes. An id that is none of ours, in whatever form, is
//! 404.

pub mod bulk;
pub mod discovery;
pub mod groups;
pub mod invitations;
pub mod me;
pub mod organizations;
pub(super) mod parameter;
pub(super) mod query;
pub mod resources;
pub mod root;
pub mod users;

use std::str::FromStr;

use poem_openapi::Tags;
use poem_openapi::param::Query;

pub use bulk::Bulk;
pub use discovery::Discovery;
pub use groups::Groups;
pub use invitations::Invitations;
pub use me::Me;
pub use organizations::Organizations;
pub use resources::Resources;
pub use root::Root;
pub use users::Users;

use parameter::{ListHeader, Names};

use super::resource::Shape;
use super::{Authed, Changed, Created, Fetched, Preference, Rejection};
use crate::scim::project::Projection;
use crate::scim::{Kind, Record, ResourceType, etag, render};
use crate::store::References;

/// Headings in the document.
#[derive(Tags)]
pub enum Tag {
    /// RFC 7643 §4.1: residents of the organization and its guests.
    Users,
    /// RFC 7643 §4.2: groups, whose members are users and groups of the organization.
    Groups,
    /// Invitations of users of the parent organization.
    Invitations,
    /// Organizations below this one.
    Organizations,
    /// RFC 7644 §3.4.2.1: all types at once.
    All,
    /// RFC 7644 §3.7: many operations in one request.
    Bulk,
    /// Resources of a type that the tree added.
    Resources,
    /// RFC 7644 §4: what this server can do and what its resources look like.
    Discovery,
}

/// The id in a path; another form than ours names nothing, so it is 404 and not 400.
pub(super) fn id<T: FromStr>(text: &str) -> Result<T, Rejection> {
    text.parse().map_err(|_| Rejection::not_found())
}

/// Which attributes the answer holds (RFC 7644 §3.9).
fn projection(
    resource_type: &ResourceType,
    caller: &Authed,
    attributes: &Query<Option<Names>>,
    excluded: &Query<Option<Names>>,
) -> Result<Projection, Rejection> {
    projected(resource_type, caller, list(attributes), list(excluded))
}

fn projected(
    resource_type: &ResourceType,
    caller: &Authed,
    attributes: Option<&str>,
    excluded: Option<&str>,
) -> Result<Projection, Rejection> {
    let projection = Projection::parse(attributes, excluded, resource_type, caller.profile())?;
    caller.who.noted.add(Projection::quirks(attributes, excluded));
    Ok(projection)
}

fn list(names: &Query<Option<Names>>) -> Option<&str> {
    names.0.as_ref().map(|names| names.0.as_str())
}

/// Whether an answer shows what is derived from rows of members; if not, none is read.
fn references(kind: Kind, projection: &Projection) -> References {
    let derived = match kind {
        Kind::User => "groups",
        Kind::Group => "members",
        Kind::Invitation => return References::Include,
        Kind::Organization if projection.wants("parent") => return References::Include,
        Kind::Organization => "ancestors",
        Kind::Custom(_) => return References::Omit,
    };
    if projection.wants(derived) { References::Include } else { References::Omit }
}

/// The bytes of one resource. As it is stored, unless the client wants less.
fn body(resource_type: &ResourceType, record: &Record, base: &str, projection: &Projection) -> Vec<u8> {
    render::projected(resource_type, record, base, projection)
}

/// 200 with the resource, or 304 where the client knows its version (V-02).
fn fetched<T: Shape>(
    resource_type: &ResourceType,
    caller: &Authed,
    record: &Record,
    projection: &Projection,
    if_none_match: &ListHeader,
) -> Fetched<T> {
    let location = render::location(resource_type, record.id, &caller.base);
    if if_none_match.as_deref().is_some_and(|tags| etag::matches(tags, record.version)) {
        return Fetched::not_modified(record.version, &location);
    }
    Fetched::new(body(resource_type, record, &caller.base, projection), record.version, &location)
}

/// 201, with the resource unless the client prefers none.
fn created<T: Shape>(
    resource_type: &ResourceType,
    caller: &Authed,
    record: &Record,
    projection: &Projection,
    prefer: &ListHeader,
) -> Created<T> {
    let (body, preference) = preferred(resource_type, caller, record, projection, prefer);
    Created::new(body, record.version, &render::location(resource_type, record.id, &caller.base)).as_preferred(preference)
}

/// 200 with the resource, or 204 if the client prefers none (P-28).
fn changed<T: Shape>(
    resource_type: &ResourceType,
    caller: &Authed,
    record: &Record,
    projection: &Projection,
    prefer: &ListHeader,
) -> Changed<T> {
    let (body, preference) = preferred(resource_type, caller, record, projection, prefer);
    Changed::new(body, record.version, &render::location(resource_type, record.id, &caller.base)).as_preferred(preference)
}

/// The body after a write, and the preference that it follows. Who names attributes gets them.
fn preferred(
    resource_type: &ResourceType,
    caller: &Authed,
    record: &Record,
    projection: &Projection,
    prefer: &ListHeader,
) -> (Option<Vec<u8>>, Option<Preference>) {
    match Preference::parse(prefer.as_deref()) {
        Some(Preference::Minimal) if projection.is_default() => (None, Some(Preference::Minimal)),
        preference => {
            let body = body(resource_type, record, &caller.base, projection);
            (Some(body), preference.filter(|preference| *preference == Preference::Representation))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UserId;

    #[test]
    fn an_id_of_another_form_is_not_found() {
        for text in ["", "1", "..", "bulkId:x", "01890A5D-AC96-774B-BCCE-B302099A8057", "01890a5dac96774bbcceb302099a8057"] {
            assert_eq!(id::<UserId>(text).expect_err(text).status.as_u16(), 404, "C-18: {text}");
        }
    }
}
