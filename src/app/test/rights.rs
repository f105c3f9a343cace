//! What groups give, and to whom, against a real store.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Stage, map, patch, refused};
use crate::app::Error;
use crate::app::invitations::Holder;
use crate::auth::issue::{self, ACCESS_LIFETIME};
use crate::auth::{Grant, Principal, Scope, ScopeSet, Subject};
use crate::base::{ClientId, GroupId, Random, SystemRandom, UserId};
use crate::invite::Answer;
use crate::scim::urn::{ACCESS, BULK_REQUEST, GROUP, INVITE_REQUEST, USER};
use crate::store::References::{Include, Omit};

/// A provisioning client: it may write everything here and do nothing else.
const PROVISIONER: &str = "users:write groups:read groups:write invitations:write deleted:write";
const REFUSED: &str = "`settings:write` is not yours to give or take";

fn scopes(text: &str) -> ScopeSet {
    text.parse().expect("scopes")
}

fn body(name: &str, scopes: &[&str], members: &[Uuid]) -> serde_json::Map<String, Value> {
    let members: Vec<_> = members.iter().map(|id| json!({ "value": id })).collect();
    map(json!({ "schemas": [GROUP, ACCESS], "displayName": name, "members": members, ACCESS: { "scopes": scopes } }))
}

fn add(member: Uuid) -> Value {
    json!([{ "op": "add", "path": "members", "value": [{ "value": member }] }])
}

impl Stage {
    /// A group that gives `scopes`.
    async fn access(&self, org: &Principal, name: &str, scopes: &[&str], members: &[Uuid]) -> GroupId {
        GroupId(self.app.group_create(org, body(name, scopes, members), Omit).await.expect("a new group").id)
    }

    async fn patched(&self, who: &Principal, group: GroupId, operations: Value) -> Result<u64, Error> {
        self.app.group_patch(who, group, None, patch(operations)).await
    }

    /// What `user` holds, whichever token it comes with.
    async fn holds(&self, org: &Principal, user: Uuid) -> ScopeSet {
        let user = Subject::User(UserId(user));
        self.app.store.holds(org.org.id, &user, self.app.now()).await.expect("a read")
    }

    /// What `user` may do with a token for everything that came through `client`.
    async fn may(&self, org: &Principal, user: Uuid, client: Option<ClientId>) -> ScopeSet {
        let subject = Subject::User(UserId(user));
        let token = SystemRandom.uuid(self.app.now()).into();
        let (issued_at, lifetime, user_org, org) = (self.app.now(), ACCESS_LIFETIME, org.org.id, &org.org);
        let (scopes, sources, actors) = (ScopeSet::ALL, &[][..], &[][..]);
        let grant = Grant { org, subject: &subject, client, user_org, scopes, token, issued_at, lifetime, sources, actors };
        let (name, key) = self.app.issuers.embedded();
        let text = issue::issue(key, name, name, &grant).expect("one of our subjects");
        self.app.token_verify(&text, org.id, issued_at).await.expect("believed").scopes
    }
}

/// SEC S-12, S-27: at the next request, whatever was answered a moment ago.
#[tokio::test]
async fn a_person_may_what_the_groups_give_at_this_moment() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let (ada, bob) = (stage.user(&acme, "ada").await, stage.user(&acme, "bob").await);
    let client = Some(stage.app.client_create(acme.org.id, ScopeSet::ALL).await.expect("a client").0);
    let may = async |user| stage.may(&acme, user, client).await;
    assert_eq!(may(ada).await, ScopeSet::NONE, "default deny");

    let readers = stage.access(&acme, "Readers", &["users:read", "groups:read"], &[ada]).await;
    assert_eq!(may(ada).await, scopes("users:read groups:read"));
    let team = stage.group(&acme, "Team", &[ada]).await;
    let writers = stage.access(&acme, "Writers", &["users:read", "users:write"], &[team.0]).await;
    assert_eq!(may(ada).await, scopes("users:read users:write groups:read"), "groups in groups, the union");
    let outer = stage.access(&acme, "Outer", &["requests:read"], &[writers.0]).await;
    assert_eq!(may(ada).await, scopes("users:read users:write groups:read requests:read"), "at any depth");
    assert_eq!(may(bob).await, ScopeSet::NONE);
    assert_eq!(stage.holds(&acme, ada).await, may(ada).await);

    stage.patched(&acme, team, json!([{ "op": "remove", "path": format!("members[value eq \"{ada}\"]") }])).await.expect("out");
    assert_eq!(may(ada).await, scopes("users:read groups:read"), "out of a group in a group that gives");
    stage.patched(&acme, team, add(bob)).await.expect("in");
    assert_eq!(may(bob).await, scopes("users:read users:write requests:read"));
    stage.app.group_delete(&acme, outer, None).await.expect("gone");
    assert_eq!(may(bob).await, scopes("users:read users:write"));
    stage.app.deleted_restore(&acme, outer.0).await.expect("there again");
    assert_eq!(may(bob).await, scopes("users:read users:write requests:read"));
    let path = format!("{ACCESS}:scopes");
    stage.patched(&acme, readers, json!([{ "op": "replace", "path": path, "value": ["groups:read"] }])).await.expect("less");
    assert_eq!(may(ada).await, scopes("groups:read"));
    // One of several, in the words of the RFC.
    let several = json!([{ "op": "add", "path": path, "value": ["users:read", "requests:read"] }]);
    stage.patched(&acme, readers, several).await.expect("more");
    let one = |op: &str| json!([{ "op": op, "path": format!("{path}[value eq \"users:read\"]"), "value": "users:write" }]);
    stage.patched(&acme, readers, one("replace")).await.expect("another");
    assert_eq!(may(ada).await, scopes("groups:read users:write requests:read"));
    refused(stage.patched(&acme, readers, one("replace")).await, 400, "matched nothing");
    let one = json!([{ "op": "remove", "path": format!("{path}[value eq \"users:write\" or value sw \"req\"]") }]);
    stage.patched(&acme, readers, one).await.expect("less");
    assert_eq!(may(ada).await, scopes("groups:read"));
    stage.app.group_replace(&acme, readers, None, body("Readers", &[], &[ada]), Omit).await.expect("nothing");
    assert_eq!(may(ada).await, ScopeSet::NONE);

    // What the operator made by hand, and a client's registration, ask no group.
    assert_eq!(stage.may(&acme, ada, None).await, ScopeSet::ALL);
    let issued = stage.app.token_create(acme.org.id, Some("ada"), ScopeSet::ALL, None).await.expect("a token");
    let who = stage.app.token_verify(issued.access_token.expose(), acme.org.id, stage.app.now()).await.expect("believed");
    assert_eq!((who.subject, who.scopes), (Subject::User(UserId(ada)), ScopeSet::ALL));
    let machine = stage.app.token_create(acme.org.id, None, scopes(PROVISIONER), None).await.expect("a token");
    let who = stage.app.token_verify(machine.access_token.expose(), acme.org.id, stage.app.now()).await.expect("believed");
    assert_eq!(who.scopes, scopes(PROVISIONER));
}

/// SEC S-53: the same rule through every door.
#[tokio::test]
async fn nobody_hands_out_what_he_does_not_hold() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let client = stage.caller(acme.org.clone(), scopes(PROVISIONER));
    let (ada, eve) = (stage.user(&acme, "ada").await, stage.user(&acme, "eve").await);
    let team = stage.group(&acme, "Team", &[]).await;
    let inner = stage.group(&acme, "Inner", &[]).await;
    let admins = stage.access(&acme, "Admins", &["settings:write", "groups:read"], &[ada, inner.0]).await;
    let path = format!("{ACCESS}:scopes");
    let everything = async || {
        let mut all = Vec::new();
        for group in [team, inner, admins] {
            all.push(stage.app.group_get(&acme, group, Include).await.expect("there"));
        }
        all
    };
    let before = everything().await;

    for operations in [
        add(eve),
        add(team.0),
        json!([{ "op": "add", "value": { "members": [{ "value": eve }] } }]),
        json!([{ "op": "replace", "path": "members", "value": [{ "value": eve }] }]),
        json!([{ "op": "remove", "path": "members" }, { "op": "add", "path": "members", "value": [{ "value": ada }] }]),
        json!([{ "op": "replace", "path": "displayName", "value": "x" }, { "op": "add", "path": "members", "value": [eve] }]),
        json!([{ "op": "remove", "path": path }]),
        json!([{ "op": "remove", "path": path, "value": ["settings:write"] }]),
        json!([{ "op": "remove", "path": format!("{path}[value eq \"settings:write\"]") }]),
        json!([{ "op": "replace", "path": format!("{path}[value sw \"settings\"]"), "value": "groups:read" }]),
        json!([{ "op": "replace", "path": path, "value": ["groups:read"] }]),
        json!([{ "op": "replace", "value": { ACCESS: { "scopes": [] } } }]),
    ] {
        refused(stage.patched(&client, admins, operations).await, 403, REFUSED);
    }
    // Who is put into a group gets what holds that group.
    refused(stage.patched(&client, inner, add(eve)).await, 403, REFUSED);
    refused(stage.patched(&client, inner, add(team.0)).await, 403, REFUSED);
    for operations in [
        json!([{ "op": "add", "path": path, "value": ["settings:write"] }]),
        json!([{ "op": "add", "value": { ACCESS: { "scopes": ["settings:write"] } } }]),
        json!([{ "op": "add", "path": "members", "value": [eve] }, { "op": "add", "path": path, "value": ["settings:write"] }]),
    ] {
        refused(stage.patched(&client, team, operations).await, 403, REFUSED);
    }
    let create = async |body| stage.app.group_create(&client, body, Omit).await;
    refused(create(body("Mine", &["settings:write"], &[])).await, 403, REFUSED);
    let put = async |group, body| stage.app.group_replace(&client, group, None, body, Omit).await;
    refused(put(admins, body("Admins", &["settings:write", "groups:read"], &[ada, inner.0, eve])).await, 403, REFUSED);
    refused(put(admins, body("Admins", &[], &[ada, inner.0])).await, 403, REFUSED);
    refused(put(team, body("Team", &["settings:write"], &[])).await, 403, REFUSED);

    let data = |body: serde_json::Map<String, Value>| Value::Object(body);
    let operations = json!([
        { "method": "POST", "path": "/Groups", "bulkId": "a", "data": data(body("Mine", &["settings:write"], &[])) },
        { "method": "PATCH", "path": format!("/Groups/{admins}"), "data": data(patch(add(eve))) },
        { "method": "PUT", "path": format!("/Groups/{team}"), "data": data(body("Team", &["settings:write"], &[])) },
        { "method": "PATCH", "path": format!("/Groups/{inner}"), "data": data(patch(add(eve))) },
        { "method": "PATCH", "path": format!("/Groups/{admins}"), "data": data(patch(add(ada))) },
    ]);
    let entries = stage.app.bulk(&client, None, map(json!({ "schemas": [BULK_REQUEST], "Operations": operations }))).await;
    let mut entries = entries.expect("a bulk answer");
    assert_eq!(entries.pop().and_then(|entry| entry.outcome.ok()).map(|done| done.status), Some(200), "who is in is in");
    for entry in entries {
        refused(entry.outcome, 403, REFUSED);
    }
    assert_eq!(everything().await, before);
}

/// SEC S-53: nor by what was deleted.
#[tokio::test]
async fn a_restoration_hands_out_too() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let client = stage.caller(acme.org.clone(), scopes(PROVISIONER));
    let ada = stage.user(&acme, "ada").await;
    let inner = stage.group(&acme, "Inner", &[ada]).await;
    let admins = stage.access(&acme, "Admins", &["settings:write"], &[ada, inner.0]).await;
    // Taking members out, and a group away, needs no more than writing groups.
    stage.app.user_delete(&client, UserId(ada), None).await.expect("gone");
    refused(stage.app.deleted_restore(&client, ada).await, 403, REFUSED);
    stage.app.group_delete(&client, inner, None).await.expect("gone");
    refused(stage.app.deleted_restore(&client, inner.0).await, 403, REFUSED);
    stage.app.group_delete(&client, admins, None).await.expect("gone");
    refused(stage.app.deleted_restore(&client, admins.0).await, 403, REFUSED);
    stage.app.deleted_restore(&client, ada).await.expect("no group that gives anything is there");
    for id in [admins.0, inner.0] {
        stage.app.deleted_restore(&acme, id).await.expect("who holds it may");
    }
    assert_eq!(stage.holds(&acme, ada).await, scopes("settings:write"));
}

/// SEC S-53: whoever sets a password signs in as the user.
#[tokio::test]
async fn nobody_sets_the_password_of_whom_may_more() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let child = stage.org(Some(&acme), "child").await;
    let client = stage.caller(acme.org.clone(), scopes(PROVISIONER));
    let person = async |name: &str| {
        let emails = json!([{ "value": format!("{name}@acme.test") }]);
        let body = json!({ "schemas": [USER], "userName": name, "password": "f1rst", "emails": emails });
        stage.app.user_create(&client, map(body)).await.expect("whom nobody knows yet").id
    };
    let (ada, bob, eve) = (person("ada").await, person("bob").await, person("eve").await);
    let inner = stage.group(&acme, "Inner", &[ada]).await;
    stage.access(&acme, "Admins", &["settings:write"], &[inner.0]).await;
    let guest = stage.guest(&child, "bob").await;
    stage.access(&child, "Admins", &["settings:write"], &[guest.0]).await;
    stage.access(&acme, "Writers", &["users:write"], &[eve]).await;
    let of = async |user: Uuid| {
        let name = stage.seen(&acme, UserId(user)).await["userName"].as_str().expect("a name").to_owned();
        stage.app.store.account(acme.org.id, &name).await.expect("a read").expect("there").password_hash
    };
    let tries = json!([
        [{ "op": "replace", "path": "password", "value": "s3cret" }],
        [{ "op": "replace", "value": { "password": "s3cret", "title": "Boss" } }],
    ]);
    let put = |name: &str| map(json!({ "schemas": [USER], "userName": name, "password": "s3cret" }));
    for (user, name) in [(ada, "ada"), (bob, "bob")] {
        let before = (of(user).await, stage.seen(&acme, UserId(user)).await);
        for operations in tries.as_array().expect("two") {
            let change = patch(operations.clone());
            refused(stage.app.user_patch(&client, UserId(user), None, change, Omit).await, 403, REFUSED);
        }
        refused(stage.app.user_replace(&client, UserId(user), None, put(name), Omit).await, 403, REFUSED);
        let operations = json!([
            { "method": "PUT", "path": format!("/Users/{user}"), "data": put(name) },
            { "method": "PATCH", "path": format!("/Users/{user}"), "data": patch(tries[0].clone()) },
        ]);
        let entries = stage.app.bulk(&client, None, map(json!({ "schemas": [BULK_REQUEST], "Operations": operations }))).await;
        for entry in entries.expect("a bulk answer") {
            refused(entry.outcome, 403, REFUSED);
        }
        assert_eq!((of(user).await, stage.seen(&acme, UserId(user)).await), before);
    }
    // Nor by the way of a deletion: who comes back has the old one, and into a group comes nobody by it.
    let before = of(ada).await;
    stage.app.user_delete(&client, UserId(ada), None).await.expect("whoever leaves has to go");
    refused(stage.app.deleted_restore(&client, ada).await, 403, REFUSED);
    stage.app.deleted_restore(&acme, ada).await.expect("who holds it may");
    assert_eq!(of(ada).await, before);
    let off = json!([{ "op": "replace", "path": "active", "value": false }]);
    stage.app.user_patch(&client, UserId(ada), None, patch(off), Omit).await.expect("nobody gets anything by it");
    // Of whom may no more than oneself, and of everybody for whom holds all of it.
    for (who, user) in [(&client, eve), (&acme, ada), (&acme, bob)] {
        let before = of(user).await;
        stage.app.user_patch(who, UserId(user), None, patch(tries[0].clone()), Omit).await.expect("a new one");
        assert_ne!(of(user).await, before);
    }
}

#[tokio::test]
async fn what_gives_nothing_new_needs_nothing() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let client = stage.caller(acme.org.clone(), scopes(PROVISIONER));
    let (ada, eve) = (stage.user(&acme, "ada").await, stage.user(&acme, "eve").await);
    let admins = stage.access(&acme, "Admins", &["settings:write"], &[ada, eve]).await;
    // A provider that knows nothing of scopes sends all it knows, again and again.
    let known = json!({ "schemas": [GROUP], "displayName": "Admins", "externalId": "7", "members": [{ "value": eve }] });
    let put = stage.app.group_replace(&client, admins, None, map(known), Include).await.expect("one less");
    assert!(put.doc.contains(r#""scopes":["settings:write"]"#), "what it does not name stays: {}", put.doc);
    assert_eq!(put.references.len(), 1);
    stage.app.group_replace(&client, admins, None, body("Admins", &["settings:write"], &[eve]), Omit).await.expect("the same");
    stage.patched(&client, admins, add(eve)).await.expect("a member is a member");
    stage
        .patched(&client, admins, json!([{ "op": "replace", "path": "displayName", "value": "Admin" }]))
        .await
        .expect("a name");
    stage.patched(&client, admins, json!([{ "op": "remove", "path": "members" }])).await.expect("out");
    assert!(stage.members(&acme, admins).await.is_empty());
    // What it holds itself it can give.
    let writers = stage.access(&client, "Writers", &["users:write"], &[ada]).await;
    stage.patched(&client, writers, add(eve)).await.expect("in");
    let outer = stage.group(&client, "Outer", &[admins.0]).await;
    stage.patched(&client, outer, add(eve)).await.expect("the group holds one that gives, and gives nothing");
    stage.app.group_delete(&client, writers, None).await.expect("gone");
    stage.app.deleted_restore(&client, writers.0).await.expect("there again");
}

#[tokio::test]
async fn an_inviter_gives_no_group_beyond_his_own_scopes() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let child = stage.org(Some(&acme), "child").await;
    let client = stage.caller(child.org.clone(), scopes(PROVISIONER));
    for name in ["ada", "bob", "eve"] {
        stage.person(&acme, name).await;
    }
    let crew = stage.group(&child, "Crew", &[]).await;
    let inner = stage.group(&child, "Inner", &[]).await;
    let admins = stage.access(&child, "Admins", &["settings:write"], &[inner.0]).await;
    let line = |name: &str, group: GroupId| json!({ "userName": name, "groups": [{ "value": group }] });
    let lines = json!([line("ada", admins), line("bob", inner), line("eve", crew)]);
    let request = map(json!({ "schemas": [INVITE_REQUEST], "invitations": lines }));
    let codes = async |who| {
        let answer = stage.app.invitation_invite(who, None, &request).await.expect("an answer");
        let results = answer["results"].as_array().cloned().expect("results");
        results.iter().map(|result| result["error"]["code"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(codes(&client).await, [Some("groupNotAllowed".into()), Some("groupNotAllowed".into()), None], "SEC S-53");
    refused(
        stage.app.invitation_create(&client, None, &map(line("ada", admins))).await,
        403,
        "you may not invite into the group",
    );
    assert_eq!(codes(&child).await, [None, None, Some("alreadyInvited".into())]);
}

#[tokio::test]
async fn at_acceptance_whoever_invited_still_holds_what_a_group_gives() {
    // SEC S-53: whatever kind of caller that was, and until what gave it is taken back.
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let child = stage.org(Some(&acme), "child").await;
    let admins = stage.access(&child, "Admins", &["settings:write"], &[]).await;
    let inviter = scopes("settings:write invitations:write");
    let (app, org) = (&stage.app, child.org.id);
    let client = |id| Principal { subject: Subject::Client(id), ..stage.caller(child.org.clone(), inviter) };
    let own = app.client_create(org, inviter).await.expect("a client").0;
    let guest = app.client_create(acme.org.id, inviter).await.expect("a client").0;
    let admitted = map(json!({ "id": guest, "scope": inviter.to_string() }));
    app.clients_admit(&child, admitted).await.expect("admitted");
    let (boss, hand) = (stage.user(&child, "boss").await, stage.user(&child, "hand").await);
    let bosses = stage.access(&child, "Bosses", &["settings:write", "invitations:write"], &[boss]).await;
    let mut listed = Vec::new();
    for user_name in [None, Some("hand")] {
        let issued = app.token_create(org, user_name, inviter, None).await.expect("a token");
        listed.push((issued.token, app.token_enter(issued.access_token.expose(), app.now()).await.expect("believed")));
    }
    let boss = Principal { subject: Subject::User(UserId(boss)), ..stage.caller(child.org.clone(), inviter) };
    assert_eq!(listed[1].1.subject, Subject::User(UserId(hand)));
    let inviters = [client(own), client(guest), boss, listed[0].1.clone(), listed[1].1.clone()];
    let mut count = 0;
    let mut joins = async |inviter: &Principal, then: Option<usize>| {
        count += 1;
        let name = format!("user{count}");
        stage.person(&acme, &name).await;
        let group = json!([{ "value": admins }]);
        let body = map(json!({ "userNames": [name], "groups": group, "sendMail": false }));
        let answer = app.invitation_invite(inviter, None, &body).await.expect("an answer");
        let code = answer["results"][0]["invitation"]["code"].as_str().unwrap_or_else(|| panic!("{answer}"));
        match then {
            None => {}
            Some(0) => app.clients_delete(&child, own).await.expect("gone"),
            Some(1) => app.clients_delete(&child, guest).await.expect("no longer a guest"),
            Some(2) => app.group_delete(&child, bosses, None).await.expect("gone"),
            Some(at) => app.tokens_delete(&child, listed[at - 3].0).await.expect("revoked"),
        }
        let holder = Holder::Link { org, id: None, code, who: None, asked: None };
        app.invitation_answer(holder, Answer::Accept).await.expect("accepted").invitation.groups[0].is_given
    };
    for (at, inviter) in inviters.iter().enumerate() {
        assert_eq!(joins(inviter, None).await, Some(true), "{at}");
        assert_eq!(joins(inviter, Some(at)).await, Some(false), "{at}: taken back meanwhile");
    }
    assert_eq!(stage.holds(&child, hand).await, ScopeSet::NONE);
}

#[tokio::test]
async fn a_scope_that_nobody_knows_is_refused_by_name() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let group = stage.group(&acme, "all", &[]).await;
    let detail = format!("`{ACCESS}:scopes`: unknown scope \"users:reed\", known are users:read users:write");
    for scopes in [&["users:read", "users:reed"][..], &["users:reed"]] {
        refused(stage.app.group_create(&acme, body("x", scopes, &[]), Omit).await, 400, &detail);
        refused(stage.app.group_replace(&acme, group, None, body("x", scopes, &[]), Omit).await, 400, &detail);
        let operation = json!([{ "op": "replace", "path": format!("{ACCESS}:scopes"), "value": scopes }]);
        refused(stage.patched(&acme, group, operation).await, 400, &detail);
    }
    assert_eq!(Scope::ALL.len(), stage.all_scopes(&acme, group).await.len(), "and all that are known are taken");
}

impl Stage {
    async fn all_scopes(&self, org: &Principal, group: GroupId) -> Vec<Value> {
        let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        let group = self.app.group_replace(org, group, None, body("all", &all, &[]), Omit).await.expect("known");
        super::doc(&group)[ACCESS]["scopes"].as_array().cloned().unwrap_or_default()
    }
}
