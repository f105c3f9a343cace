//! Nobody hands out what he does not hold (design §6): membership of a group, the scopes of a group, a client, an invitation.

use super::ScopeSet;

/// Scopes that somebody wants to give or take and does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not yours to give or take: your token does not hold it")]
pub struct NotHeld(pub ScopeSet);

/// Whether who holds `holds` may give or take `what`; if not, what is lacking.
pub fn allows(holds: ScopeSet, what: ScopeSet) -> Result<(), NotHeld> {
    let lacking = what.without(holds);
    if lacking.is_empty() { Ok(()) } else { Err(NotHeld(lacking)) }
}

/// What a change of a group's scopes gives and takes: it needs all of it.
pub fn changed(before: ScopeSet, after: ScopeSet) -> ScopeSet {
    before.without(after).or(after.without(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> ScopeSet {
        text.parse().expect("scopes")
    }

    #[test]
    fn one_needs_what_one_gives_and_is_told_what_is_lacking() {
        let holds = scopes("users:read groups:write");
        assert_eq!(allows(holds, ScopeSet::NONE), Ok(()));
        assert_eq!(allows(holds, holds), Ok(()));
        let lacking = allows(holds, scopes("users:read users:write schemas:write")).expect_err("two are lacking");
        assert_eq!(lacking, NotHeld(scopes("users:write schemas:write")));
        let text = "`users:write schemas:write` is not yours to give or take: your token does not hold it";
        assert_eq!(lacking.to_string(), text);
    }

    #[test]
    fn what_stays_needs_nothing() {
        let (before, after) = (scopes("users:read users:write"), scopes("users:read groups:read"));
        assert_eq!(changed(before, after), scopes("users:write groups:read"));
        assert_eq!(changed(after, after), ScopeSet::NONE);
    }
}
