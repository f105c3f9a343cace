//! Rights as a token carries them (RFC 6749 §3.3): `users:read`, `groups:write` …

use std::fmt;
use std::str::FromStr;

/// One right. Writing does not imply reading; the answer of a write shows what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Scope {
    /// Read users.
    UsersRead,
    /// Create, replace, patch and delete users.
    UsersWrite,
    /// Read groups and their members.
    GroupsRead,
    /// Create, replace, patch and delete groups, members included.
    GroupsWrite,
    /// Read invitations.
    InvitationsRead,
    /// Invite, resend and revoke.
    InvitationsWrite,
    /// Read the organizations below.
    OrganizationsRead,
    /// Create, change, move and delete them.
    OrganizationsWrite,
    /// Read what the org chose.
    SettingsRead,
    /// Choose for the org, and so for those below it.
    SettingsWrite,
    /// See what was deleted.
    DeletedRead,
    /// Restore what was deleted, or make its deletion final.
    DeletedWrite,
    /// Read resources of types that somebody added.
    ResourcesRead,
    /// Create, replace, patch and delete them.
    ResourcesWrite,
    /// Read what the tree defines: schemas and resource types.
    SchemasRead,
    /// Define; in the root org only.
    SchemasWrite,
    /// Read the request log.
    RequestsRead,
    /// See the clients, never their secrets.
    ClientsRead,
    /// Make, rotate and delete clients.
    ClientsWrite,
    /// See the provisioning tokens, never the tokens themselves.
    TokensRead,
    /// Make, rotate and revoke tokens.
    TokensWrite,
    /// Read the audit log.
    AuditRead,
}

impl Scope {
    /// Every right there is.
    pub const ALL: [Scope; 22] = [
        Scope::UsersRead,
        Scope::UsersWrite,
        Scope::GroupsRead,
        Scope::GroupsWrite,
        Scope::InvitationsRead,
        Scope::InvitationsWrite,
        Scope::OrganizationsRead,
        Scope::OrganizationsWrite,
        Scope::SettingsRead,
        Scope::SettingsWrite,
        Scope::DeletedRead,
        Scope::DeletedWrite,
        Scope::ResourcesRead,
        Scope::ResourcesWrite,
        Scope::SchemasRead,
        Scope::SchemasWrite,
        Scope::RequestsRead,
        Scope::ClientsRead,
        Scope::ClientsWrite,
        Scope::TokensRead,
        Scope::TokensWrite,
        Scope::AuditRead,
    ];

    /// The spelling in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::UsersRead => "users:read",
            Scope::UsersWrite => "users:write",
            Scope::GroupsRead => "groups:read",
            Scope::GroupsWrite => "groups:write",
            Scope::InvitationsRead => "invitations:read",
            Scope::InvitationsWrite => "invitations:write",
            Scope::OrganizationsRead => "organizations:read",
            Scope::OrganizationsWrite => "organizations:write",
            Scope::SettingsRead => "settings:read",
            Scope::SettingsWrite => "settings:write",
            Scope::DeletedRead => "deleted:read",
            Scope::DeletedWrite => "deleted:write",
            Scope::ResourcesRead => "resources:read",
            Scope::ResourcesWrite => "resources:write",
            Scope::SchemasRead => "schemas:read",
            Scope::SchemasWrite => "schemas:write",
            Scope::RequestsRead => "requests:read",
            Scope::ClientsRead => "clients:read",
            Scope::ClientsWrite => "clients:write",
            Scope::TokensRead => "tokens:read",
            Scope::TokensWrite => "tokens:write",
            Scope::AuditRead => "audit:read",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope `{0}`, known are {all}", all = ScopeSet::ALL)]
pub struct UnknownScope(pub String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(word: &str) -> Result<Self, UnknownScope> {
        // RFC 6749 §3.3: case-sensitive.
        Scope::ALL.into_iter().find(|scope| scope.as_str() == word).ok_or_else(|| UnknownScope(word.to_owned()))
    }
}

/// A set of scopes. Prints as a `scope` value, in the order of [`Scope::ALL`].
///
/// ```
/// use usher::auth::{Scope, ScopeSet};
///
/// let scopes: ScopeSet = "groups:read users:read".parse().expect("two scopes");
/// assert!(scopes.contains(Scope::UsersRead) && !scopes.contains(Scope::UsersWrite));
/// assert_eq!(scopes.to_string(), "users:read groups:read");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScopeSet(u32);

impl ScopeSet {
    /// Every right.
    pub const ALL: ScopeSet = ScopeSet((1 << Scope::ALL.len()) - 1);
    /// No right.
    pub const NONE: ScopeSet = ScopeSet(0);

    /// Those of a `scope` value that mean something here. An issuer's token may carry scopes of other resource servers.
    pub fn known(text: &str) -> ScopeSet {
        words(text).filter_map(|word| word.parse::<Scope>().ok()).collect()
    }

    /// Whether `scope` is in it.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// Whether each of its scopes is also in `other`.
    pub const fn is_within(self, other: ScopeSet) -> bool {
        self.0 & !other.0 == 0
    }

    /// What both hold.
    pub const fn and(self, other: ScopeSet) -> ScopeSet {
        ScopeSet(self.0 & other.0)
    }

    /// What is in it and not in `other`.
    pub const fn without(self, other: ScopeSet) -> ScopeSet {
        ScopeSet(self.0 & !other.0)
    }

    /// What either holds.
    pub const fn or(self, other: ScopeSet) -> ScopeSet {
        ScopeSet(self.0 | other.0)
    }

    /// As a number, good for as long as the process lives.
    pub(crate) fn bits(self) -> i64 {
        self.0.into()
    }

    /// What [`bits`](ScopeSet::bits) made; bits that mean nothing give nothing.
    pub(crate) fn of_bits(bits: i64) -> ScopeSet {
        Scope::ALL.into_iter().filter(|scope| bits & (1 << *scope as u8) != 0).collect()
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its scopes, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }
}

/// RFC 6749 §3.3 separates by single spaces; more of them separate as well.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        ScopeSet(scopes.into_iter().fold(0, |bits, scope| bits | (1 << scope as u8)))
    }
}

impl FromStr for ScopeSet {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        words(text).map(str::parse).collect::<Result<_, _>>()
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{scope}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_parses_to_the_same_set() {
        // Every pair, and every set without one.
        let pairs = Scope::ALL.into_iter().flat_map(|one| Scope::ALL.map(|other| ScopeSet::from_iter([one, other])));
        for set in pairs.flat_map(|pair| [pair, ScopeSet::ALL.without(pair)]).chain([ScopeSet::NONE, ScopeSet::ALL]) {
            assert_eq!(set.to_string().parse(), Ok(set));
            assert_eq!(ScopeSet::of_bits(set.bits()), set);
            assert!(set.is_within(ScopeSet::ALL) && ScopeSet::NONE.is_within(set));
        }
    }

    #[test]
    fn what_a_group_may_give_is_published_whole() {
        let group = crate::scim::Schemas::core().group();
        let access = group.extension(crate::scim::urn::ACCESS).expect("an extension of groups");
        let scopes = access.schema.attribute("scopes").expect("its attribute");
        assert_eq!(scopes.canonical_values, Scope::ALL.map(Scope::as_str), "src/scim/schema/access.json");
    }

    #[test]
    fn an_unknown_word_is_an_error_when_asked_for_and_nothing_when_carried() {
        assert_eq!("users:read admin".parse::<ScopeSet>(), Err(UnknownScope("admin".into())));
        assert_eq!(ScopeSet::known("openid users:read Users:Write users:read\u{a0}groups:read").to_string(), "users:read");
        assert_eq!("users:read".parse::<ScopeSet>().map(|set| set.is_within(ScopeSet::known("users:write"))), Ok(false));
    }
}
