//! Sessions against a real store, with a clock that is moved.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Stage, map, patch, refused};
use crate::app::provisioning::Revoked;
use crate::app::sessions::{Session, Started};
use crate::app::{Error, ErrorKind};
use crate::auth::session::{CLIENT, IDLE, LIFETIME, SEEN};
use crate::auth::{self, Principal, ScopeSet, Subject};
use crate::base::{OrgId, Secret, UserId};
use crate::org::audit::Wanted;
use crate::org::watch::Due;
use crate::scim::urn::{ACCESS, GROUP, USER};
use crate::store::Actor;
use crate::store::References::Omit;

const PASSWORD: &str = "correct horse";

/// `ada` of acme, a guest of child and of grandchild below.
struct House {
    stage: Stage,
    acme: Principal,
    child: Principal,
    grandchild: Principal,
    ada: UserId,
    guest: UserId,
}

async fn house() -> House {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let child = stage.org(Some(&acme), "child").await;
    let grandchild = stage.org(Some(&child), "grandchild").await;
    let emails = json!([{ "value": "ada@acme.test" }]);
    let body = json!({ "schemas": [USER], "userName": "Ada", "password": PASSWORD, "emails": emails });
    let ada = UserId(stage.app.user_create(&acme, map(body)).await.expect("a new user").id);
    let guest = stage.guest(&child, "ada").await;
    stage.guest(&grandchild, "ada").await;
    House { stage, acme, child, grandchild, ada, guest }
}

impl House {
    async fn try_start(&self, org: OrgId, name: &str, password: &str) -> Result<Started, Error> {
        self.stage.app.session_start(org, name, Secret::new(password.into()), "192.0.2.1", None).await
    }

    async fn start(&self, org: &Principal) -> Secret<String> {
        self.try_start(org.org.id, "ada", PASSWORD).await.expect("signed in").secret
    }

    async fn enter(&self, secret: &Secret<String>, org: &Principal) -> Result<Session, Error> {
        self.stage.app.session_enter(secret.expose(), org.org.id).await
    }

    async fn is_over(&self, secret: &Secret<String>) -> bool {
        match self.enter(secret, &self.acme).await {
            Ok(_) => false,
            Err(Error::Auth(auth::Error::Session)) => true,
            Err(error) => panic!("{error}"),
        }
    }

    async fn change(&self, org: &Principal, id: UserId, operations: Value) {
        self.stage.app.user_patch(org, id, None, patch(operations), Omit).await.expect("a change");
    }

    async fn set_active(&self, org: &Principal, id: UserId, active: bool) {
        self.change(org, id, json!([{ "op": "replace", "path": "active", "value": active }])).await;
    }
}

#[tokio::test]
async fn a_person_enters_every_org_down_the_chain_with_the_rights_of_the_groups_there() {
    let house = house().await;
    let other = house.stage.org(Some(&house.acme), "other").await;
    let foreign = house.stage.org(None, "foreign").await;
    let group = json!({
        "schemas": [GROUP, ACCESS], "displayName": "Readers", "members": [{ "value": house.guest }],
        ACCESS: { "scopes": ["users:read"] },
    });
    house.stage.app.group_create(&house.child, map(group), Omit).await.expect("a group");
    // At the org of a guest one signs in as well, as whoever one is at home.
    for at in [&house.acme, &house.child, &house.grandchild] {
        let secret = house.start(at).await;
        let home = house.enter(&secret, &house.acme).await.expect("at home");
        assert_eq!((home.home, home.user, &home.who.subject), (house.acme.org.id, house.ada, &Subject::User(house.ada)));
        assert_eq!((home.who.scopes, home.who.client_id.as_deref()), (ScopeSet::NONE, Some(CLIENT)));
        let below = house.enter(&secret, &house.child).await.expect("a guest");
        assert_eq!((below.home, below.user, below.csrf == home.csrf), (home.home, home.user, true));
        assert_eq!((below.who.subject, below.who.scopes.to_string()), (Subject::User(house.guest), "users:read".into()));
        assert_eq!(below.who.org.id, house.child.org.id);
        let last = house.enter(&secret, &house.grandchild).await.expect("a guest of the guest's");
        assert_eq!((last.who.org.id, last.who.scopes), (house.grandchild.org.id, ScopeSet::NONE));
        let absent = OrgId(uuid::Uuid::from_u128(1));
        for org in [other.org.id, foreign.org.id, absent] {
            let error = house.stage.app.session_enter(secret.expose(), org).await.expect_err("no way in");
            assert_eq!(error.to_string(), crate::scim::Error::not_found().to_string(), "foreign and absent alike");
            assert_eq!(error.kind(), ErrorKind::Scim);
        }
    }
    let [one, other] = [house.start(&house.acme).await, house.start(&house.acme).await];
    let [one, other] = [house.enter(&one, &house.acme).await, house.enter(&other, &house.acme).await];
    assert_ne!(one.expect("one").csrf, other.expect("another").csrf);
    assert!(house.is_over(&Secret::new(String::new())).await && house.is_over(&Secret::new("A".repeat(43))).await);
}

/// SEC S-69: nothing tells a name that is there from one that is not. That the time is the same is in the code: a hash is computed in
/// every case, and `NOBODYS` costs what a user's does.
#[tokio::test]
async fn whatever_is_wrong_at_sign_in_is_one_answer() {
    let house = house().await;
    for name in ["bob", "eve", "tim"] {
        let emails = json!([{ "value": format!("{name}@acme.test") }]);
        let mut body = map(json!({ "schemas": [USER], "userName": name, "emails": emails }));
        if name != "bob" {
            body.insert("password".into(), PASSWORD.into());
        }
        house.stage.app.user_create(&house.acme, body).await.expect("made");
    }
    let eve = house.stage.app.store.account(house.acme.org.id, "eve").await.expect("a read").expect("there").id;
    house.set_active(&house.acme, eve, false).await;
    let dark = house.stage.guest(&house.child, "tim").await;
    house.set_active(&house.child, dark, false).await;
    let off = house.stage.org(Some(&house.acme), "off").await;
    house.stage.guest(&off, "ada").await;
    let closed = patch(json!([{ "op": "replace", "path": "active", "value": false }]));
    house.stage.app.org_patch(&house.acme, off.org.id, None, closed).await.expect("closed");
    let (acme, child, off) = (house.acme.org.id, house.child.org.id, off.org.id);
    let mut said = Vec::new();
    for (org, name, password) in [
        (acme, "nobody", PASSWORD),
        (acme, "ada", "wrong"),
        (acme, "ada", ""),
        (acme, "ada", "\u{7}"),
        (acme, "bob", PASSWORD),
        (acme, "bob", ""),
        (acme, "eve", PASSWORD),
        (child, "tim", PASSWORD),
        (child, "bob", PASSWORD),
        (off, "ada", PASSWORD),
        (OrgId(uuid::Uuid::from_u128(1)), "ada", PASSWORD),
    ] {
        let error = house.try_start(org, name, password).await.expect_err(name);
        assert!(matches!(error, Error::Auth(auth::Error::SignIn)), "{name}: {error}");
        said.push(error.to_string());
    }
    said.dedup();
    assert_eq!(said.len(), 1);
    assert!(house.try_start(acme, "ADA", PASSWORD).await.is_ok(), "as a user name is compared");
}

/// SEC S-27: with the next request.
#[tokio::test]
async fn a_session_ends_with_whom_it_belongs_to_and_does_not_begin_again() {
    let house = house().await;
    let (stage, acme) = (&house.stage, &house.acme);
    let secret = house.start(acme).await;
    let other = house.start(acme).await;
    stage.app.session_end(secret.expose(), None).await.expect("signed out");
    stage.app.session_end(secret.expose(), None).await.expect("twice is once");
    assert!(house.is_over(&secret).await && !house.is_over(&other).await);

    house.set_active(acme, house.ada, false).await;
    assert!(house.is_over(&other).await);
    house.set_active(acme, house.ada, true).await;
    assert!(house.is_over(&other).await, "whoever was shut out signs in again");

    let secret = house.start(acme).await;
    let title = json!([{ "op": "replace", "path": "title", "value": "Countess" }]);
    house.change(acme, house.ada, title).await;
    assert!(!house.is_over(&secret).await, "what is no password ends nothing");
    house.change(acme, house.ada, json!([{ "op": "replace", "path": "password", "value": PASSWORD }])).await;
    assert!(house.is_over(&secret).await, "also where it is the same again");

    for whom in [Revoked::Subject(house.ada.0), Revoked::All] {
        let secret = house.start(acme).await;
        stage.app.tokens_end(Actor::Operator, acme.org.id, whom).await.expect("revoked");
        assert!(house.is_over(&secret).await);
        stage.clock.advance(Duration::from_millis(1));
    }
    let secret = house.start(acme).await;
    assert!(!house.is_over(&secret).await, "one that began later");
    stage.app.user_delete(acme, house.ada, None).await.expect("gone");
    assert!(house.is_over(&secret).await);
    stage.app.deleted_restore(acme, house.ada.0).await.expect("there again");
    assert!(house.is_over(&secret).await);
}

#[tokio::test]
async fn who_is_shut_out_below_is_let_in_at_home() {
    let house = house().await;
    let secret = house.start(&house.grandchild).await;
    let ways = async || {
        let mut ways = Vec::new();
        for org in [&house.acme, &house.child, &house.grandchild] {
            let entered = house.enter(&secret, org).await;
            ways.push(entered.is_ok());
            if let Err(error) = entered {
                refused(Err::<(), _>(error), 404, "no such resource");
            }
        }
        ways
    };
    assert_eq!(ways().await, [true, true, true]);
    house.set_active(&house.child, house.guest, false).await;
    assert_eq!(ways().await, [true, false, false], "nor through a link that is broken");
    house.set_active(&house.child, house.guest, true).await;
    assert_eq!(ways().await, [true, true, true]);
    house.stage.app.tokens_end(Actor::Operator, house.child.org.id, Revoked::Subject(house.guest.0)).await.expect("revoked");
    assert_eq!(ways().await, [true, false, true], "the child takes back what enters the child");
    let closed = patch(json!([{ "op": "replace", "path": "active", "value": false }]));
    house.stage.app.org_patch(&house.acme, house.grandchild.org.id, None, closed).await.expect("closed");
    assert_eq!(ways().await, [true, false, false]);
    house.stage.app.user_delete(&house.child, house.guest, None).await.expect("sent home");
    assert_eq!(ways().await, [true, false, false]);
}

#[tokio::test]
async fn a_guest_whose_time_is_over_has_no_way_in_nor_below() {
    let house = house().await;
    let (stage, child) = (&house.stage, &house.child);
    stage.app.user_delete(child, house.guest, None).await.expect("sent home");
    let until = stage.app.now() + Duration::from_secs(3600);
    let invited = stage.app.invitation_create(child, None, &map(json!({ "userName": "ada", "until": until }))).await;
    let id = crate::base::InvitationId(invited.expect("an invitation").id);
    let code = crate::invite::code(stage.app.settings.invitation_key.expose(), id, 1);
    let link = crate::app::invitations::Holder::Link { org: child.org.id, id: None, code: &code, who: None, asked: None };
    stage.app.invitation_answer(link, crate::invite::Answer::Accept).await.expect("accepted");
    stage.guest(&house.grandchild, "ada").await;
    let secret = house.start(&house.grandchild).await;
    assert!(house.enter(&secret, child).await.is_ok() && house.enter(&secret, &house.grandchild).await.is_ok());
    stage.clock.set(until);
    for org in [child, &house.grandchild] {
        refused(house.enter(&secret, org).await, 404, "no such resource");
        let error = house.try_start(org.org.id, "ada", PASSWORD).await.expect_err("over");
        assert!(matches!(error, Error::Auth(auth::Error::SignIn)), "{error}");
    }
    assert!(house.enter(&secret, &house.acme).await.is_ok());
    let session = house.enter(&secret, &house.acme).await.expect("at home");
    assert_eq!(stage.app.session_orgs(&session, None, 0, 10).await.expect("a list").0, 1);
}

#[tokio::test]
async fn a_session_ends_by_itself_sooner_if_nobody_uses_it() {
    let house = house().await;
    let (app, clock) = (&house.stage.app, &house.stage.clock);
    let started = house.try_start(house.acme.org.id, "ada", PASSWORD).await.expect("signed in");
    assert_eq!(started.expires_at, app.now() + LIFETIME);
    let used = started.secret;
    let idle = house.start(&house.acme).await;
    let end = app.now() + LIFETIME;
    while app.now() + IDLE < end {
        clock.advance(IDLE - SEEN);
        assert!(!house.is_over(&used).await, "{}", app.now());
        app.last_uses_flush().await.expect("written");
    }
    assert!(house.is_over(&idle).await);
    clock.set(end - Duration::from_millis(1));
    assert!(!house.is_over(&used).await);
    clock.set(end);
    assert!(house.is_over(&used).await);
    let kept = async || app.store.session(&auth::session::id(used.expose())).await.expect("a read").is_some();
    assert!(kept().await);
    app.sweep().await.expect("swept");
    assert!(!kept().await, "nothing of it is left");
}

/// SEC S-63
#[tokio::test]
async fn whoever_guesses_is_held_back_and_nobody_else() {
    let house = house().await;
    let acme = house.acme.org.id;
    for name in ["ada", "nobody"] {
        for _ in 0..10 {
            assert!(matches!(house.try_start(acme, name, "guess").await, Err(Error::Auth(auth::Error::SignIn))));
        }
        for password in ["guess", PASSWORD] {
            let error = house.try_start(acme, name, password).await.expect_err("too many");
            assert!(matches!(error, Error::TooMany { seconds: 6 }), "{name}: {error}");
        }
    }
    let below = house.try_start(house.child.org.id, "ada", "guess").await;
    assert!(matches!(below, Err(Error::TooMany { .. })), "SEC S-63: nor is a guest's password guessed faster: {below:?}");
    let elsewhere = house.stage.app.session_start(acme, "ada", Secret::new(PASSWORD.into()), "192.0.2.2", None).await;
    assert!(elsewhere.is_ok(), "a stranger locks nobody out");
    house.stage.clock.advance(Duration::from_secs(6));
    for _ in 0..20 {
        assert!(house.try_start(acme, "ada", PASSWORD).await.is_ok(), "what is right does not count");
    }
}

#[tokio::test]
async fn an_org_is_listed_with_its_place_and_only_where_one_may_enter() {
    let house = house().await;
    let off = house.stage.org(Some(&house.acme), "off").await;
    house.stage.guest(&off, "ada").await;
    house.stage.org(Some(&house.acme), "other").await;
    let closed = patch(json!([{ "op": "replace", "path": "active", "value": false }]));
    house.stage.app.org_patch(&house.acme, off.org.id, None, closed).await.expect("closed");
    let secret = house.start(&house.child).await;
    let session = house.enter(&secret, &house.child).await.expect("entered");
    let list = async |search, offset, count| {
        let (total, places) = house.stage.app.session_orgs(&session, search, offset, count).await.expect("a list");
        (total, places.into_iter().map(|place| place.path.join(" / ")).collect::<Vec<_>>())
    };
    let all = ["acme", "acme / child", "acme / child / grandchild"];
    assert_eq!(list(None, 0, 10).await, (3, all.map(String::from).to_vec()));
    assert_eq!(list(None, 1, 1).await, (3, vec![all[1].into()]));
    assert_eq!(list(Some("GRAND"), 0, 10).await, (1, vec![all[2].into()]));
    assert_eq!(list(None, 9, 10).await, (3, Vec::new()));
}

#[tokio::test]
async fn who_signed_in_and_who_did_not_is_in_the_log() {
    let house = house().await;
    let app = &house.stage.app;
    let secret = app.session_start(house.child.org.id, "ada", Secret::new(PASSWORD.into()), "", Some("r1")).await;
    let _ = app.session_start(house.child.org.id, "ada", Secret::new("wrong".into()), "", Some("r2")).await;
    app.session_end(secret.expect("signed in").secret.expose(), Some("r3")).await.expect("signed out");
    app.audit_flush(Due::All).await.expect("written");
    let log = async |org: &Principal| {
        let wanted = Wanted { limit: 100, ..Wanted::default() };
        let log = app.org_audit(org.org.id, &wanted).await.expect("a log");
        let entries = log["entries"].as_array().expect("a list").iter();
        let of = entries.filter(|entry| entry.get("request").is_some()).map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
            [text("request"), text("actor"), text("action"), text("resourceType"), text("resourceId")].join(" ")
        });
        let mut of: Vec<_> = of.collect();
        of.sort_unstable();
        of
    };
    let (ada, guest) = (house.ada, house.guest);
    let at_home = [format!("r1 user {ada} issued Session -"), format!("r3 user {ada} ended Session -")];
    assert_eq!(log(&house.acme).await, at_home);
    let below = [format!("r1 user {guest} issued Session -"), format!("r2 unauthenticated refused User {guest}")];
    assert_eq!(log(&house.child).await, below);
}
