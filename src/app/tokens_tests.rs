//! Tokens from their birth to their death, on a real database and with a clock that is moved.

use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::app::clients::Shown;
use crate::app::{ErrorKind, Issuers, Settings};
use crate::auth::issue::LIFETIME_MAX;
use crate::auth::{Scope, SigningKey};
use crate::base::clock::ManualClock;
use crate::base::random::SystemRandom;
use crate::base::{Clock as _, UserId};
use crate::directory;
use crate::scim::{Kind, Profile, urn};
use crate::store::Change as Stored;
use crate::store::References;
use crate::store::sqlite::{OpenMode, Sqlite};

const NAME: &str = "https://usher.test";

struct House {
    app: App,
    clock: Arc<ManualClock>,
    acme: OrgId,
    partners: OrgId,
    _folder: TempDir,
}

async fn house() -> House {
    let folder = TempDir::new().expect("a folder");
    let store = Sqlite::open(&folder.path().join("usher.db"), OpenMode::Serve).expect("a database");
    let clock = Arc::new(ManualClock::new(Timestamp(1_800_000_000_000)));
    let settings = Settings {
        public_url: NAME.into(),
        restorable: crate::base::limit::RESTORABLE,
        invitation_key: Secret::new([7; 32]),
        profile: Profile::Lenient,
    };
    let signing = SigningKey::from_pem(signing_key_create().expose()).expect("a key");
    let issuers = Issuers::new(NAME, signing, Vec::new()).expect("one issuer");
    let app = App::new(Arc::new(store), clock.clone(), Arc::new(SystemRandom), settings, issuers);
    let acme = app.org_create(None, "acme", None).await.expect("a root").id;
    let partners = app.org_create(Some(acme), "partners", None).await.expect("a child").id;
    House { app, clock, acme, partners, _folder: folder }
}

impl House {
    async fn verify(&self, issued: &Issued, org: OrgId) -> Result<Principal, Error> {
        self.app.token_verify(issued.access_token.expose(), org, self.clock.now()).await
    }

    /// Ends tokens of acme.
    async fn end(&self, whom: Revoked) -> Result<(), Error> {
        self.app.tokens_end(Actor::Operator, self.acme, whom).await
    }

    async fn write(&self, change: impl Into<Stored>) {
        self.app.store.commit(self.app.author(Actor::Operator), vec![change.into()]).await.expect("written");
    }

    /// Whom `source` of the parent becomes.
    async fn guest(&self, org: OrgId, (source_org, source): (OrgId, UserId)) -> UserId {
        let id = self.app.random.uuid(self.clock.now()).into();
        self.write(directory::Change::GuestCreated { org, id, source_org, source, at: self.clock.now() }).await;
        id
    }

    /// A group of `member` that gives `scopes`.
    async fn group(&self, org: OrgId, member: UserId, scopes: &str) {
        let id: crate::base::GroupId = self.app.random.uuid(self.clock.now()).into();
        let scopes: Vec<_> = scopes.split(' ').collect();
        let doc = serde_json::json!({
            "schemas": [urn::GROUP, urn::ACCESS], "id": id, "displayName": "Crew", urn::ACCESS: { "scopes": scopes },
        });
        let (doc, members, at) = (doc.to_string(), vec![member.0], self.clock.now());
        self.write(directory::Change::GroupCreated { org, id, doc, members, at }).await;
    }

    async fn user(&self, org: OrgId, name: &str) -> UserId {
        let id: UserId = self.app.random.uuid(self.clock.now()).into();
        let doc = format!(
            r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"{id}","userName":"{name}","active":true}}"#
        );
        let created = directory::Change::UserCreated { org, id, doc, password_hash: None, at: self.clock.now() };
        self.app
            .store
            .commit(self.app.author(crate::store::Actor::Operator), vec![Stored::Directory(created)])
            .await
            .expect("a user");
        id
    }
}

fn by_secret(id: &str, secret: &Secret<String>) -> Presented {
    Presented { by: Shown::Secret(id.into(), secret.clone()), place: String::new() }
}

fn refusal(result: Result<Principal, Error>) -> Option<Refusal> {
    match result {
        Err(Error::Auth(auth::Error::InvalidToken(refusal))) => Some(refusal),
        _ => None,
    }
}

fn scopes(text: &str) -> ScopeSet {
    text.parse().expect("scopes")
}

#[tokio::test]
async fn a_client_gets_a_token_for_its_own_org_with_no_more_than_its_scopes() {
    let house = house().await;
    let (id, secret) = house.app.client_create(house.acme, scopes("users:read users:write")).await.expect("a client");
    let id = id.to_string();
    let issued = house.app.token_issue(&by_secret(&id, &secret), None, None).await.expect("a token");
    let who = house.verify(&issued, house.acme).await.expect("believed");
    assert_eq!(who.scopes, scopes("users:read users:write"));
    assert_eq!(who.client_id, Some(id.clone()));
    assert!(who.require(Scope::UsersWrite).is_ok());
    assert_eq!(who.require(Scope::GroupsRead), Err(auth::Error::InsufficientScope(Scope::GroupsRead)));
    let less = house.app.token_issue(&by_secret(&id, &secret), Some("users:read"), None).await.expect("a smaller token");
    assert_eq!(house.verify(&less, house.acme).await.expect("believed").scopes, scopes("users:read"));
    for scope in ["users:read groups:read", "groups:read", "admin", "USERS:READ"] {
        let error = house.app.token_issue(&by_secret(&id, &secret), Some(scope), None).await.expect_err(scope);
        assert!(matches!(error, Error::Auth(auth::Error::ScopeNotGranted(_) | auth::Error::UnknownScope(_))), "{scope}");
    }
}

/// SEC S-13: an unknown client, another client's secret and no secret are one answer.
#[tokio::test]
async fn a_wrong_secret_gets_nothing() {
    let house = house().await;
    let (one, secret) = house.app.client_create(house.acme, ScopeSet::ALL).await.expect("a client");
    let (other, _) = house.app.client_create(house.acme, ScopeSet::ALL).await.expect("another");
    let absent = uuid::Uuid::from_u128(1).to_string();
    let one = one.to_string();
    for (id, secret) in [
        (other.to_string().as_str(), secret.expose().as_str()),
        (&absent, secret.expose()),
        ("not an id", secret.expose()),
        (&one, ""),
        (&one, &secret.expose()[1..]),
        (&one, &secret.expose().to_lowercase()),
    ] {
        let error = house.app.token_issue(&by_secret(id, &Secret::new(secret.into())), None, None).await.expect_err(id);
        assert!(matches!(error, Error::Auth(auth::Error::InvalidClient)), "{id}");
    }
    assert!(house.app.token_issue(&by_secret(&one, &secret), None, None).await.is_ok());
}

#[tokio::test]
async fn a_token_enters_no_other_org_than_its_own() {
    let house = house().await;
    let issued = house.app.token_create(house.acme, None, ScopeSet::ALL, None).await.expect("a token");
    let absent = uuid::Uuid::from_u128(1).into();
    for org in [house.partners, absent] {
        let error = house.verify(&issued, org).await.expect_err("another org");
        assert_eq!(error.to_string(), scim::Error::not_found().to_string(), "the same for a foreign and an absent org");
        assert!(matches!(error, Error::Scim(scim::Error { status: 404, .. })));
    }
    assert!(house.verify(&issued, house.acme).await.is_ok());
}

/// X-10, SEC S-27: the next request, although the token was believed a moment ago.
#[tokio::test]
async fn a_revoked_token_is_dead_at_once_and_no_other_is() {
    let house = house().await;
    let (id, secret) = house.app.client_create(house.acme, ScopeSet::ALL).await.expect("a client");
    let issue = async || house.app.token_issue(&by_secret(&id.to_string(), &secret), None, None).await.expect("a token");
    let (one, other) = (issue().await, issue().await);
    assert!(house.verify(&one, house.acme).await.is_ok());
    house.end(Revoked::Token(one.token)).await.expect("revoked");
    house.end(Revoked::Token(one.token)).await.expect("twice is once");
    assert_eq!(refusal(house.verify(&one, house.acme).await), Some(Refusal::Dead));
    assert!(house.verify(&other, house.acme).await.is_ok());
}

#[tokio::test]
async fn a_users_token_dies_with_the_user() {
    let house = house().await;
    let ada = house.user(house.acme, "ada").await;
    let issued = house.app.token_create(house.acme, Some("Ada"), scopes("users:read"), None).await.expect("a token");
    let who = house.verify(&issued, house.acme).await.expect("believed");
    assert_eq!(who.subject, Subject::User(ada));
    assert_eq!(who.client_id.as_deref(), Some("usher-cli"), "SEC S-25: no client has this id");
    let missing = house.app.token_create(house.acme, Some("eve"), ScopeSet::ALL, None).await.expect_err("no eve");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let elsewhere = house.app.token_create(house.partners, Some("ada"), ScopeSet::ALL, None).await.expect_err("not there");
    assert_eq!(elsewhere.kind(), ErrorKind::NotFound);
    let everything = Principal { scopes: ScopeSet::ALL, ..who };
    house.app.user_delete(&everything, ada, None).await.expect("gone");
    assert_eq!(refusal(house.verify(&issued, house.acme).await), Some(Refusal::Dead));
}

/// X-03
#[tokio::test]
async fn a_remembered_token_expires_on_time() {
    let house = house().await;
    let hour = Duration::from_secs(3600);
    let issued = house.app.token_create(house.acme, None, ScopeSet::ALL, Some(hour)).await.expect("a token");
    assert!(house.verify(&issued, house.acme).await.is_ok());
    house.clock.advance(hour + Duration::from_secs(29));
    assert!(house.verify(&issued, house.acme).await.is_ok());
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(refusal(house.verify(&issued, house.acme).await), Some(Refusal::Expired));
}

#[tokio::test]
async fn a_lifetime_beyond_the_bound_and_an_empty_scope_are_refused() {
    let house = house().await;
    for lifetime in [Duration::ZERO, LIFETIME_MAX + Duration::from_secs(1)] {
        assert!(house.app.token_create(house.acme, None, ScopeSet::ALL, Some(lifetime)).await.is_err(), "{lifetime:?}");
    }
    assert!(house.app.token_create(house.acme, None, ScopeSet::NONE, None).await.is_err());
    assert!(house.app.client_create(house.acme, ScopeSet::NONE).await.is_err());
    let longest = house.app.token_create(house.acme, None, ScopeSet::ALL, Some(LIFETIME_MAX)).await.expect("a token");
    assert!(house.verify(&longest, house.acme).await.is_ok());
}

/// V-53, SEC S-27: a token, all of a user, of a client and of the org; what comes later is believed again.
#[tokio::test]
async fn whatever_is_revoked_is_dead_with_the_next_request_and_what_is_issued_later_is_not() {
    let house = house().await;
    let ada = house.user(house.acme, "ada").await;
    let (id, secret) = house.app.client_create(house.acme, ScopeSet::ALL).await.expect("a client");
    let client = by_secret(&id.to_string(), &secret);
    for (whom, ends) in [
        (Revoked::Subject(ada.0), [false, true, false]),
        (Revoked::Subject(id.0), [true, false, false]),
        (Revoked::All, [true, true, true]),
    ] {
        let all = async || {
            [
                house.app.token_issue(&client, None, None).await.expect("the client's"),
                house.app.token_create(house.acme, Some("ada"), ScopeSet::ALL, None).await.expect("the person's"),
                house.app.token_create(house.acme, None, ScopeSet::ALL, None).await.expect("one for a provider"),
            ]
        };
        let before = all().await;
        for one in &before {
            assert!(house.verify(one, house.acme).await.is_ok());
        }
        house.end(whom.clone()).await.expect("revoked");
        for (one, ends) in before.iter().zip(ends) {
            let expected = ends.then_some(Refusal::Dead);
            assert_eq!(refusal(house.verify(one, house.acme).await), expected, "{whom:?}");
        }
        // What has ended is listed no more, and none takes its place.
        for (one, ends) in before[1..].iter().zip(&ends[1..]) {
            assert_eq!(house.app.org_token(house.acme, one.token).await.is_err(), *ends, "{whom:?}");
        }
        let next = house.app.token_rotate(Actor::Operator, house.acme, before[2].token, None).await;
        assert_eq!(next.is_err(), ends[2], "{whom:?}");
        house.clock.advance(Duration::from_millis(1));
        for one in all().await {
            assert!(house.verify(&one, house.acme).await.is_ok(), "{whom:?}");
        }
    }
    let elsewhere = house.app.token_create(house.partners, None, ScopeSet::ALL, None).await.expect("a token");
    house.end(Revoked::Subject(house.partners.0)).await.expect("no such subject here");
    assert!(house.verify(&elsewhere, house.partners).await.is_ok(), "an org ends its own tokens alone");
}

/// X-10, SEC S-11: the one before is good until the overlap is over, and no longer than it was.
#[tokio::test]
async fn a_token_is_replaced_with_overlap() {
    let house = house().await;
    let day = Duration::from_secs(24 * 3600);
    let old = house.app.token_create(house.acme, None, scopes("users:read"), Some(10 * day)).await.expect("a token");
    let rotate = async |id, seconds| house.app.token_rotate(Actor::Operator, house.acme, id, Some(seconds)).await;
    assert!(rotate(old.token, 31 * 24 * 3600).await.is_err(), "30 days at the most");
    let new = rotate(old.token, 3600).await.expect("another one");
    assert_eq!((new.lifetime, new.scopes), (10 * day, old.scopes));
    let (one, other) = (house.verify(&old, house.acme).await, house.verify(&new, house.acme).await);
    assert_eq!(one.expect("still good").subject, other.expect("good").subject, "the same to whoever reads the logs");
    assert!(rotate(old.token, 0).await.is_err(), "once");
    house.clock.advance(Duration::from_secs(3599));
    assert!(house.verify(&old, house.acme).await.is_ok());
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(refusal(house.verify(&old, house.acme).await), Some(Refusal::Dead));
    let newest = rotate(new.token, 0).await.expect("without overlap");
    assert_eq!(refusal(house.verify(&new, house.acme).await), Some(Refusal::Dead));
    assert!(house.verify(&newest, house.acme).await.is_ok());
    assert!(house.app.token_rotate(Actor::Operator, house.partners, newest.token, None).await.is_err(), "not another org's");
}

#[tokio::test]
async fn a_secret_is_replaced_with_overlap() {
    let house = house().await;
    let (id, old) = house.app.client_create(house.acme, ScopeSet::ALL).await.expect("a client");
    let shows =
        async |secret: &Secret<String>| house.app.token_issue(&by_secret(&id.to_string(), secret), None, None).await.is_ok();
    let new = house.app.client_rotate(Actor::Operator, house.acme, id, Some(60)).await.expect("another");
    assert!(shows(&old).await && shows(&new).await);
    house.clock.advance(Duration::from_secs(60));
    assert!(!shows(&old).await && shows(&new).await);
    let newest = house.app.client_rotate(Actor::Operator, house.acme, id, Some(0)).await.expect("another");
    assert!(!shows(&new).await && shows(&newest).await);
}

#[tokio::test]
async fn a_last_use_is_written_after_the_request_and_to_the_minute() {
    let house = house().await;
    let issued = house.app.token_create(house.acme, None, ScopeSet::ALL, None).await.expect("a token");
    let (id, secret) = house.app.client_create(house.acme, ScopeSet::ALL).await.expect("a client");
    let last = async || {
        let token = house.app.org_token(house.acme, issued.token).await.expect("listed").last_used;
        (token, house.app.org_client(house.acme, id).await.expect("listed").last_used)
    };
    let first = house.clock.now();
    house.verify(&issued, house.acme).await.expect("believed");
    house.app.token_issue(&by_secret(&id.to_string(), &secret), None, None).await.expect("a token");
    assert_eq!(last().await, (None, None), "no request waits for it");
    house.app.last_uses_flush().await.expect("written");
    assert_eq!(last().await, (Some(first), Some(first)));
    house.clock.advance(Duration::from_secs(59));
    house.verify(&issued, house.acme).await.expect("believed");
    house.app.last_uses_flush().await.expect("written");
    assert_eq!(last().await.0, Some(first));
}

#[tokio::test]
async fn a_token_that_ends_soon_is_said_to_and_an_ended_one_leaves_the_list_in_time() {
    let house = house().await;
    let day = Duration::from_secs(24 * 3600);
    let issued = house.app.token_create(house.acme, None, ScopeSet::ALL, None).await.expect("a token");
    let soon = async || house.app.org_token(house.acme, issued.token).await.map(|token| token.expires_soon(house.clock.now()));
    assert_eq!(soon().await.ok(), Some(false), "180 days");
    house.clock.advance(166 * day);
    assert_eq!(soon().await.ok(), Some(true));
    house.clock.advance(43 * day);
    house.app.tokens_look().await.expect("looked");
    assert_eq!(soon().await.ok(), Some(true), "29 days after its end it is still there to be seen");
    house.clock.advance(2 * day);
    house.app.tokens_look().await.expect("looked");
    assert!(soon().await.is_err());
}

#[path = "exchange_tests.rs"]
mod exchange;
