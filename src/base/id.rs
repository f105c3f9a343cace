//! Ids: UUID v7, one type each, so that an org's id cannot be passed where a user's is expected.
//!
//! RFC 7643 §3.1 wants `id` stable, never empty, never reassigned and unique over the whole service provider.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Timestamp;

/// The text is not the canonical form of an id (36 lower-case characters); what it names does not exist.
#[derive(Debug, thiserror::Error)]
#[error("not an id")]
pub struct NotAnId;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                parse(text).map($name)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                $name(id)
            }
        }
    )+};
}

id! {
    /// An organization.
    OrgId,
    /// A user of one org, resident or guest.
    UserId,
    /// A group of one org.
    GroupId,
    /// An invitation of one org.
    InvitationId,
    /// A machine caller of one org.
    ClientId,
    /// The `jti` of a token.
    TokenId,
    /// A resource type that somebody added.
    TypeId,
}

impl TokenId {
    /// When it was made, as far as it tells (RFC 9562 §5.7).
    pub fn born(self) -> Option<Timestamp> {
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        Some(Timestamp(i64::try_from(seconds).ok()?.checked_mul(1000)? + i64::from(nanos / 1_000_000)))
    }
}

/// Ids are `caseExact` (P-31), so only the spelling that the server gave out names anything.
fn parse(text: &str) -> Result<Uuid, NotAnId> {
    let canonical = text.len() == 36 && !text.bytes().any(|b| b.is_ascii_uppercase());
    if !canonical {
        return Err(NotAnId);
    }
    Uuid::try_parse(text).map_err(|_| NotAnId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_is_an_id() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(id.parse::<UserId>().expect("canonical").to_string(), id);
        for other in ["", "1", "01890A5D-AC96-774B-BCCE-B302099A8057", "01890a5dac96774bbcceb302099a8057", "../../etc/passwd"] {
            assert!(other.parse::<UserId>().is_err(), "{other}");
        }
    }
}
