//! One token for another (RFC 8693): what the new one may say. It never says more than the old one did (SEC S-28).

use std::time::Duration;

use super::issue::ACCESS_LIFETIME;
use super::{Error, ScopeSet, Source, Subject, Verified};
use crate::base::limit::{ACTORS_MAX, EXCHANGES_MAX};
use crate::base::{ClientId, Timestamp};

/// `grant_type` (RFC 8693 §2.1).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The same, as switchers of other servers ask for it.
pub const SWITCH: &str = "organization_switch";
/// RFC 8693 §3.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// RFC 8693 §3; what every token here is as well.
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// What the new token may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// What it may do.
    pub scopes: ScopeSet,
    /// From now.
    pub lifetime: Duration,
    /// Whose end is its end too.
    pub sources: Vec<Source>,
    /// RFC 8693 §4.1 `act`, the present one first.
    pub actors: Vec<ClientId>,
}

/// What `client`, which may ask for `client_scopes`, gets for `token`, which came through `through`, in an org where the token's
/// subject may do `there`. `asked` is what it asks for; all that there is where it does not say.
pub fn exchange(
    token: &Verified,
    (client, client_scopes): (ClientId, ScopeSet),
    there: ScopeSet,
    asked: Option<ScopeSet>,
    now: Timestamp,
) -> Result<Exchanged, Error> {
    let scopes = token.scopes.and(client_scopes).and(there).and(asked.unwrap_or(ScopeSet::ALL));
    if scopes.is_empty() {
        return Err(Error::ScopeNotGranted(asked.unwrap_or(ScopeSet::NONE).to_string()));
    }
    let left = Duration::from_secs(u64::try_from(token.expires_at.seconds() - now.seconds()).unwrap_or(0));
    let lifetime = left.min(ACCESS_LIFETIME);
    // Without an id of ours it could not be taken back.
    let id = token.token.filter(|_| !lifetime.is_zero() && token.sources.len() < EXCHANGES_MAX);
    let id = id.ok_or(Error::SubjectToken)?;
    let through = token.client_id.as_ref().and_then(|client| client.parse().ok());
    let mut sources = token.sources.clone();
    let subject = token.subject.clone();
    sources.push(Source { org: token.org, token: id, subject, client: through, issued_at: token.issued_at });
    let mut actors = token.actors.clone();
    // For itself nobody acts.
    if token.subject != Subject::Client(client) && actors.first() != Some(&client) {
        actors.insert(0, client);
        actors.truncate(ACTORS_MAX);
    }
    Ok(Exchanged { scopes, lifetime, sources, actors })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::auth::Scope;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn token(scopes: ScopeSet, seconds: i64) -> Verified {
        Verified {
            org: Uuid::from_u128(1).into(),
            subject: Subject::User(Uuid::from_u128(2).into()),
            client_id: Some(Uuid::from_u128(3).to_string()),
            scopes,
            token: Some(Uuid::from_u128(4).into()),
            issued_at: NOW,
            expires_at: Timestamp::from_seconds(NOW.seconds() + seconds),
            sources: Vec::new(),
            actors: Vec::new(),
        }
    }

    fn client() -> ClientId {
        Uuid::from_u128(5).into()
    }

    /// The token that comes out, as the next exchange finds it.
    fn issued(from: &Verified, out: &Exchanged, at: Timestamp, org: u128) -> Verified {
        Verified {
            org: Uuid::from_u128(org).into(),
            client_id: Some(client().to_string()),
            scopes: out.scopes,
            token: Some(Uuid::from_u128(org + 100).into()),
            issued_at: at,
            expires_at: Timestamp::from_seconds(at.seconds()) + out.lifetime,
            sources: out.sources.clone(),
            actors: out.actors.clone(),
            ..from.clone()
        }
    }

    fn scopes() -> impl Strategy<Value = ScopeSet> {
        prop::collection::vec(0..Scope::ALL.len(), 0..12).prop_map(|at| at.into_iter().map(|at| Scope::ALL[at]).collect())
    }

    proptest! {
        /// SEC S-28, V-51: whatever is granted where, and however often one is exchanged for the next, nothing grows.
        #[test]
        fn no_exchange_ever_widens(
            first in scopes(),
            seconds in 0_i64..10_000,
            is_person in any::<bool>(),
            steps in prop::collection::vec((scopes(), scopes(), prop::option::of(scopes()), 0_i64..2000), 1..16),
        ) {
            let (mut held, mut now) = (token(first, seconds), NOW);
            if !is_person {
                held.subject = Subject::Client(client());
            }
            for (at, (of_client, there, asked, wait)) in (10..).zip(steps) {
                now = Timestamp::from_seconds(now.seconds() + wait);
                let Ok(out) = exchange(&held, (client(), of_client), there, asked, now) else { continue };
                for bound in [Some(held.scopes), Some(of_client), Some(there), asked].into_iter().flatten() {
                    prop_assert!(out.scopes.is_within(bound));
                }
                let next = issued(&held, &out, now, at);
                prop_assert!(next.expires_at <= held.expires_at && now < next.expires_at);
                prop_assert!(next.sources.len() == held.sources.len() + 1 && next.sources.starts_with(&held.sources));
                let source = next.sources.last().expect("one more");
                prop_assert_eq!((Some(source.token), source.org, &source.subject), (held.token, held.org, &held.subject));
                prop_assert_eq!(out.actors.first() == Some(&client()), is_person, "who acts for a person is told");
                held = next;
            }
        }
    }

    /// SEC S-32: who acts is written down, the present one first, and gives nothing.
    #[test]
    fn who_acts_is_told_and_gives_no_right() {
        let all = (client(), ScopeSet::ALL);
        let once = exchange(&token("users:read".parse().expect("a scope"), 60), all, ScopeSet::ALL, None, NOW).expect("one");
        assert_eq!(once.actors, [client()]);
        let mut held = issued(&token(once.scopes, 60), &once, NOW, 10);
        assert_eq!(exchange(&held, all, ScopeSet::ALL, None, NOW).expect("again").actors, [client()], "once");
        let admin = Uuid::from_u128(6).into();
        held.actors = vec![admin];
        let out = exchange(&held, all, ScopeSet::ALL, None, NOW).expect("another");
        assert_eq!((out.actors, out.scopes), (vec![client(), admin], held.scopes));
        held.subject = Subject::Client(client());
        held.actors = Vec::new();
        assert_eq!(exchange(&held, all, ScopeSet::ALL, None, NOW).expect("for itself").actors, []);
    }

    #[test]
    fn an_empty_scope_an_end_and_a_long_chain_are_refused() {
        let all = (client(), ScopeSet::ALL);
        let one: ScopeSet = "users:read".parse().expect("a scope");
        let refused = |token: &Verified, there, asked| exchange(token, all, there, asked, NOW).expect_err("refused");
        let other: ScopeSet = "groups:read".parse().expect("a scope");
        assert_eq!(refused(&token(one, 60), ScopeSet::ALL, Some(other)), Error::ScopeNotGranted("groups:read".into()));
        assert_eq!(refused(&token(one, 60), other, None), Error::ScopeNotGranted(String::new()));
        assert_eq!(refused(&token(one, 0), one, None), Error::SubjectToken, "within the leeway of a verifier");
        let mut long = token(one, 60);
        for _ in 0..EXCHANGES_MAX {
            let out = exchange(&long, all, one, None, NOW).expect("not yet");
            long = issued(&long, &out, NOW, 10);
        }
        assert_eq!(refused(&long, one, None), Error::SubjectToken);
    }
}
