//! What a caller does not see of a resource whose type he may read: what it tells of a type that he may not read (SEC S-52).

use super::{Error, Principal, Scope, Subject};
use crate::scim::Kind;
use crate::scim::filter::{Attr, Node};
use crate::scim::list::Query;

/// A core attribute, or a part of one, and the scope that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property {
    /// Whose it is.
    pub kind: Kind,
    /// The attribute.
    pub name: &'static str,
    /// Its sub-attribute, where that alone is meant.
    pub sub: Option<&'static str>,
    /// Who holds this sees it.
    pub scope: Scope,
}

/// Members of a group are part of the group, as the scope says; whom an invitation is for is part of the invitation, but not the address
/// that the parent has of that person, which a mail server may repeat.
const PROPERTIES: [Property; 3] = [
    Property { kind: Kind::User, name: "groups", sub: None, scope: Scope::GroupsRead },
    Property { kind: Kind::Invitation, name: "email", sub: None, scope: Scope::UsersRead },
    Property { kind: Kind::Invitation, name: "delivery", sub: Some("answer"), scope: Scope::UsersRead },
];

impl Property {
    fn is_named(&self, attr: &Attr) -> bool {
        attr.extension.is_none() && attr.name == self.name && (self.sub.is_none() || attr.sub.as_deref() == self.sub)
    }
}

impl Principal {
    /// What it does not see of resources of `kind`.
    pub fn hidden(&self, kind: Kind) -> impl Iterator<Item = &'static Property> {
        let scopes = self.scopes;
        PROPERTIES.iter().filter(move |property| property.kind == kind && !scopes.contains(property.scope))
    }

    /// Whether it is the user `id` of the org.
    pub fn is_user(&self, id: uuid::Uuid) -> bool {
        matches!(self.subject, Subject::User(own) if own.0 == id)
    }

    /// 403 where `query` asks by what is hidden, whether or not anything would be found.
    pub fn require_visible(&self, kind: Kind, query: &Query) -> Result<(), Error> {
        let filtered = query.filter.iter().flat_map(|filter| &filter.nodes).filter_map(|node| match node {
            Node::Compare(attr, ..) | Node::Present(attr) | Node::ValuePath(attr, _) => Some(attr),
            Node::And(..) | Node::Or(..) | Node::Not(_) | Node::Extension(_) | Node::Schema(_) | Node::Never => None,
        });
        let named: Vec<&Attr> = filtered.chain(query.sort.as_ref().map(|(attr, _)| attr)).collect();
        match self.hidden(kind).find(|property| named.iter().any(|attr| property.is_named(attr))) {
            Some(property) => Err(Error::InsufficientScope(property.scope)),
            None => Ok(()),
        }
    }
}
