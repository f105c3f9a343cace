//! Invitations against the embedded engine: what one caller sees, and what a hundred at once do.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::app::{ErrorKind, Issuers, Settings, tokens};
use crate::auth::ScopeSet;
use crate::auth::Subject;
use crate::base::clock::ManualClock;
use crate::base::limit::INVITATION_LIFETIME;
use crate::base::random::SystemRandom;
use crate::base::{ClientId, Secret};
use crate::invite::Answer;
use crate::scim::{Profile, Schemas};
use crate::store::sqlite::{OpenMode, Sqlite};

const NOW: Timestamp = Timestamp(1_795_495_200_000);

/// acme › partners › makers, with users in acme and a group in partners.
pub(crate) struct Stage {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) acme: Principal,
    pub(crate) partners: Principal,
    pub(crate) makers: Principal,
    pub(crate) crew: String,
    pub(crate) folder: tempfile::TempDir,
}

/// An app over the database in `folder`, as after a start.
fn app(folder: &std::path::Path, clock: &Arc<ManualClock>) -> Arc<App> {
    let store = Sqlite::open(&folder.join("usher.db"), OpenMode::Serve).expect("a database");
    let settings = Settings {
        public_url: "https://usher.acme.test".into(),
        profile: Profile::Lenient,
        restorable: crate::base::limit::RESTORABLE,
        invitation_key: Secret::new([7; 32]),
    };
    let key = crate::auth::SigningKey::from_pem(tokens::signing_key_create().expose()).expect("a key");
    let issuers = Issuers::new("https://usher.acme.test", key, vec![]).expect("issuers");
    Arc::new(App::new(Arc::new(store), clock.clone(), Arc::new(SystemRandom), settings, issuers))
}

pub(crate) async fn stage() -> Stage {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::new(NOW));
    let app = app(folder.path(), &clock);
    let root = app.org_create(None, "acme", Some("Acme")).await.expect("a root");
    let child = app.org_create(Some(root.id), "partners", Some("Acme Partners")).await.expect("a child");
    let grandchild = app.org_create(Some(child.id), "makers", None).await.expect("a grandchild");
    let [acme, partners, makers] = [root, child, grandchild].map(caller);
    for name in ["ada", "bob", "eve"] {
        user(&app, &acme, json!({"userName": name, "emails": [{"value": format!("{name}@acme.test")}]})).await;
    }
    user(&app, &acme, json!({"userName": "mailless"})).await;
    user(&app, &acme, json!({"userName": "asleep", "active": false, "emails": [{"value": "s@acme.test"}]})).await;
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Crew"});
    let group = app.group_create(&partners, object(group), References::Omit).await.expect("a group");
    Stage { crew: group.id.to_string(), app, clock, acme, partners, makers, folder }
}

fn caller(org: Org) -> Principal {
    Principal {
        org: org.into(),
        subject: Subject::Client(ClientId(uuid::Uuid::from_u128(1))),
        client_id: None,
        scopes: ScopeSet::ALL,
        token: None,
        noted: Default::default(),
        request: None,
        expires_at: Timestamp(i64::MAX),
        schemas: Schemas::core().clone(),
    }
}

pub(crate) async fn user(app: &App, who: &Principal, mut body: Value) {
    body["schemas"] = json!(["urn:ietf:params:scim:schemas:core:2.0:User"]);
    app.user_create(who, object(body)).await.expect("a user");
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

impl Stage {
    /// The same after a crash: another process on the same files.
    pub(crate) async fn crash(self) -> Stage {
        let Stage { app: old, clock, acme, partners, makers, crew, folder } = self;
        // Closing writes nothing that was not on disk before; it lets go of the file.
        old.store.close().await;
        drop(old);
        Stage { app: app(folder.path(), &clock), clock, acme, partners, makers, crew, folder }
    }

    pub(crate) async fn invite(&self, body: Value) -> Value {
        self.app.invitation_invite(&self.partners, None, &object(body)).await.expect("an answer")
    }

    /// Invites one user of acme, and returns the invitation and the code of its link.
    pub(crate) async fn invited(&self, name: &str) -> (Invitation, String) {
        let answer = self.invite(json!({"userNames": [name], "groups": [{"value": self.crew}]})).await;
        let id = answer["results"][0]["invitation"]["id"].as_str().expect("invited").parse().expect("an id");
        let invitation = self.app.store.invitation(self.partners.org.id, id).await.expect("read").expect("there");
        let code = invite::code(self.app.settings.invitation_key.expose(), id, invitation.generation);
        (invitation, code)
    }

    pub(crate) fn link<'a>(&self, code: &'a str) -> Holder<'a> {
        Holder::Link { org: self.partners.org.id, id: None, code, who: None, asked: None }
    }

    pub(crate) async fn answer(&self, code: &str, answer: Answer) -> Result<Opened, Error> {
        self.app.invitation_answer(self.link(code), answer).await
    }

    /// The page behind a link.
    pub(crate) async fn page(&self, id: InvitationId, code: &str, answer: Option<Answer>, browser: Option<&str>) -> Page {
        let holder = Holder::Link { org: self.partners.org.id, id: Some(id), code, who: None, asked: None };
        self.app.invitation_page(holder, answer, browser).await.expect("a page")
    }

    async fn users(&self, who: &Principal) -> usize {
        let query = Query { count: 100, ..Query::default() };
        self.app.store.resources(who.org.id, Kind::User, &query, self.app.now()).await.expect("users").total
    }
}

fn codes(answer: &Value) -> Vec<&str> {
    let code = |result: &Value| result["error"]["code"].as_str().map_or("invited", |code| Box::leak(code.to_owned().into()));
    answer["results"].as_array().expect("results").iter().map(code).collect()
}

#[tokio::test]
async fn every_line_is_answered_in_order() {
    let stage = stage().await;
    let body = json!({
        "userNames": ["ada", "nobody", "ADA", "asleep", "mailless"],
        "groups": [{"value": stage.crew}],
        "invitations": [{"userName": "bob", "groups": [{"value": "no-such"}]}, {"userName": "eve"}],
    });
    let expected = ["invited", "userNotInParent", "duplicateLine", "userInactive", "noEmail", "groupNotFound", "invited"];
    let mut dry = body.clone();
    dry["dryRun"] = true.into();
    assert_eq!(codes(&stage.invite(dry).await), expected);
    let answer = stage.invite(body.clone()).await;
    assert_eq!(codes(&answer), expected, "a dry run does nothing");
    assert_eq!((&answer["invited"], &answer["failed"]), (&json!(2), &json!(5)));
    let again =
        ["alreadyInvited", "userNotInParent", "alreadyInvited", "userInactive", "noEmail", "groupNotFound", "alreadyInvited"];
    assert_eq!(codes(&stage.invite(body).await), again);
}

#[tokio::test]
async fn only_the_immediate_parent_is_asked() {
    let stage = stage().await;
    let body = object(json!({"userNames": ["ada"]}));
    let answer = stage.app.invitation_invite(&stage.makers, None, &body).await.expect("an answer");
    assert_eq!(codes(&answer), ["userNotInParent"], "acme is two levels up");
    let error = stage.app.invitation_invite(&stage.acme, None, &body).await.expect_err("a root");
    assert!(matches!(&error, Error::Scim(error) if error.status == 400), "{error}");
    // A guest of partners is a user of the parent of makers.
    let (_, code) = stage.invited("ada").await;
    stage.answer(&code, Answer::Accept).await.expect("accepted");
    let answer = stage.app.invitation_invite(&stage.makers, None, &body).await.expect("an answer");
    assert_eq!(codes(&answer), ["invited"]);
}

#[tokio::test]
async fn a_guest_in_the_middle_of_the_list_harms_no_other_line() {
    // V-43: where the reference system forgets in which organization it looks.
    let stage = stage().await;
    let (_, code) = stage.invited("ada").await;
    stage.answer(&code, Answer::Accept).await.expect("accepted");
    user(&stage.app, &stage.partners, json!({"userName": "zoe", "emails": [{"value": "zoe@partners.test"}]})).await;
    for names in [["zoe", "ada", "bob"], ["ada", "bob", "zoe"], ["bob", "zoe", "ada"]] {
        let body = object(json!({"userNames": names, "dryRun": true}));
        let answer = stage.app.invitation_invite(&stage.makers, None, &body).await.expect("an answer");
        let found: Vec<_> = names.into_iter().zip(codes(&answer)).collect();
        for (name, code) in found {
            assert_eq!(code, if name == "bob" { "userNotInParent" } else { "invited" }, "{names:?} {name}");
        }
    }
}

#[tokio::test]
async fn of_many_accepts_at_once_one_succeeds() {
    // S-74.
    let stage = Arc::new(stage().await);
    let (_, code) = stage.invited("ada").await;
    let before = stage.users(&stage.partners).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (stage, code) = (stage.clone(), code.clone());
        tasks.spawn(async move { stage.answer(&code, Answer::Accept).await.map(|opened| opened.invitation.guest) });
    }
    let ends = tasks.join_all().await;
    let accepted: Vec<_> = ends.iter().filter_map(|end| end.as_ref().ok()).collect();
    assert_eq!(accepted.len(), 1);
    assert!(accepted[0].is_some(), "the guest it made");
    for end in ends.iter().filter_map(|end| end.as_ref().err()) {
        assert!(matches!(end, Error::Invite(invite::Error::Used)), "{end}");
    }
    assert_eq!(stage.users(&stage.partners).await, before + 1);
}

#[tokio::test]
async fn of_many_invites_at_once_one_succeeds_and_the_other_lines_all_do() {
    let stage = Arc::new(stage().await);
    for at in 0..20 {
        let body = json!({"userName": format!("user{at}"), "emails": [{"value": "u@acme.test"}]});
        user(&stage.app, &stage.acme, body).await;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..20 {
        let stage = stage.clone();
        tasks.spawn(async move { stage.invite(json!({"userNames": ["ada", format!("user{at}")]})).await });
    }
    let answers = tasks.join_all().await;
    let ada = answers.iter().filter(|answer| codes(answer)[0] == "invited").count();
    let own = answers.iter().filter(|answer| codes(answer)[1] == "invited").count();
    assert_eq!((ada, own), (1, 20));
}

/// V-30, and section 1.12 of what went wrong elsewhere: whatever the order of lines and of requests, each person is invited once, in
/// one letter, and every request is answered line by line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_of_five_hundred_lines_in_any_order_invite_everybody_once() {
    let stage = Arc::new(stage().await);
    let names: Vec<String> = (0..600).map(|at| format!("user{at}")).collect();
    for name in &names {
        user(&stage.app, &stage.acme, json!({"userName": name, "emails": [{"value": "u@acme.test"}]})).await;
    }
    let mut random = [0; 4];
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let mut names = names.clone();
        for at in (1..names.len()).rev() {
            stage.app.random.fill(&mut random);
            names.swap(at, u32::from_be_bytes(random) as usize % (at + 1));
        }
        names.truncate(500);
        let stage = stage.clone();
        tasks.spawn(async move {
            let answer = stage.invite(json!({ "userNames": names })).await;
            let codes: Vec<_> = codes(&answer).into_iter().map(str::to_owned).collect();
            assert_eq!(codes.len(), 500);
            names.into_iter().zip(codes).collect::<Vec<_>>()
        });
    }
    let results: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let mut invited: Vec<_> = results.iter().filter(|(_, code)| code == "invited").map(|(name, _)| name.clone()).collect();
    assert!(results.iter().all(|(_, code)| code == "invited" || code == "alreadyInvited"), "nothing else happened");
    invited.sort();
    let mut expected = names.clone();
    expected.sort();
    assert!(invited == expected, "{} of {}", invited.len(), expected.len());
    let total = stage.app.store.resources(stage.partners.org.id, Kind::Invitation, &Query::default(), stage.app.now()).await;
    assert_eq!(total.expect("a page").total, 600);
}

#[tokio::test]
async fn how_it_ended_is_told_to_the_holder_of_the_link_and_to_nobody_else() {
    let stage = stage().await;
    let (used, declined, expired) = (stage.invited("ada").await, stage.invited("bob").await, stage.invited("eve").await);
    stage.answer(&used.1, Answer::Accept).await.expect("accepted");
    stage.answer(&declined.1, Answer::Decline).await.expect("declined");
    stage.clock.advance(INVITATION_LIFETIME);
    for (code, error) in
        [(&used.1, invite::Error::Used), (&declined.1, invite::Error::Declined), (&expired.1, invite::Error::Expired)]
    {
        for answer in [Answer::Accept, Answer::Decline] {
            let end = stage.answer(code, answer).await.expect_err("ended");
            assert_eq!(end.kind(), ErrorKind::Gone);
            assert!(matches!(&end, Error::Invite(found) if *found == error), "{end}");
        }
        // V-29, V-35, V-42: from another org, with the id of another invitation, after deletion it is as if it never was.
        for org in [stage.acme.org.id, stage.makers.org.id] {
            let end = stage
                .app
                .invitation_open(Holder::Link { org, id: None, code, who: None, asked: None })
                .await
                .expect_err("another org");
            assert_eq!(end.kind(), ErrorKind::NotFound);
        }
        let org = stage.partners.org.id;
        let other = InvitationId(uuid::Uuid::from_u128(5));
        let end = stage
            .app
            .invitation_open(Holder::Link { org, id: Some(other), code, who: None, asked: None })
            .await
            .expect_err("another id");
        assert_eq!(end.kind(), ErrorKind::NotFound);
    }
    stage.app.invitation_delete(&stage.partners, used.0.id, None).await.expect("deleted");
    assert_eq!(stage.answer(&used.1, Answer::Accept).await.expect_err("gone").kind(), ErrorKind::NotFound);
    let page = stage.page(used.0.id, &used.1, None, None).await;
    assert_eq!(page.state, State::Unknown);
}

#[tokio::test]
async fn looking_changes_nothing_and_answering_does_once() {
    // S-67, V-38: a mail scanner follows the link as often as it likes.
    let stage = stage().await;
    let org = stage.partners.org.id;
    let (before, code) = stage.invited("ada").await;
    for _ in 0..100 {
        let page = stage.page(before.id, &code, None, None).await;
        assert_eq!(page.state, State::Open);
        assert_eq!((page.path, page.groups), (vec!["Acme".into(), "Acme Partners".into()], vec!["Crew".into()]));
    }
    let after = stage.app.store.invitation(org, before.id).await.expect("read").expect("there");
    assert_eq!(before, after);
    for (answer, state) in [
        (Some(Answer::Accept), State::Accepted),
        (Some(Answer::Accept), State::Used),
        (Some(Answer::Decline), State::Used),
        (None, State::Used),
    ] {
        let page = stage.page(before.id, &code, answer, None).await;
        assert_eq!(page.state, state);
    }
    for wrong in ["", "x", &code[1..]] {
        let page = stage.page(before.id, wrong, Some(Answer::Accept), None).await;
        assert_eq!(page.state, State::Unknown, "{wrong}");
    }
}

#[tokio::test]
async fn groups_that_vanished_are_told_and_the_others_given() {
    let stage = stage().await;
    let (invitation, code) = stage.invited("ada").await;
    let crew = stage.crew.parse().expect("an id");
    stage.app.group_delete(&stage.partners, crew, None).await.expect("deleted");
    let accept = Some(Answer::Accept);
    let page = stage.page(invitation.id, &code, accept, None).await;
    assert_eq!(page.state, State::Accepted);
    assert_eq!((page.groups, page.vanished), (vec![], vec!["Crew".to_owned()]));
}

#[tokio::test]
async fn whoever_is_not_active_any_more_cannot_accept() {
    let stage = stage().await;
    let (invitation, code) = stage.invited("ada").await;
    let user = stage.app.store.account(stage.acme.org.id, "ada").await.expect("read").expect("there").id;
    let asleep = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ada", "active": false, "emails": [{"value": "ada@acme.test"}],
    });
    stage.app.user_replace(&stage.acme, user, None, object(asleep), References::Omit).await.expect("replaced");
    assert_eq!(stage.answer(&code, Answer::Accept).await.expect_err("not active").kind(), ErrorKind::Conflict);
    let accept = Some(Answer::Accept);
    let page = stage.page(invitation.id, &code, accept, None).await;
    assert_eq!(page.state, State::Inactive);
    stage.answer(&code, Answer::Decline).await.expect("declined");
    stage.app.user_delete(&stage.acme, user, None).await.expect("deleted");
    assert_eq!(stage.answer(&code, Answer::Accept).await.expect_err("gone").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_expired_invitation_makes_room_for_a_new_one_with_a_new_code() {
    // V-40.
    let stage = stage().await;
    let (_, old) = stage.invited("ada").await;
    stage.clock.advance(INVITATION_LIFETIME);
    let (_, new) = stage.invited("ada").await;
    assert!(matches!(stage.answer(&old, Answer::Accept).await, Err(Error::Invite(invite::Error::Expired))));
    stage.answer(&new, Answer::Accept).await.expect("accepted");
}

#[tokio::test]
async fn a_revoked_invitation_opens_no_more_and_makes_room() {
    let stage = stage().await;
    let (invitation, code) = stage.invited("ada").await;
    let foreign = stage.app.invitation_revoke(&stage.makers, invitation.id, &Map::new()).await.expect_err("another org's");
    assert_eq!(foreign.kind(), ErrorKind::NotFound);
    let record = stage.app.invitation_revoke(&stage.partners, invitation.id, &Map::new()).await.expect("revoked");
    assert!(record.doc.contains(r#""status":"revoked""#), "{}", record.doc);
    let end = stage.answer(&code, Answer::Accept).await.expect_err("revoked");
    assert!(matches!(end, Error::Invite(invite::Error::Revoked)), "{end}");
    assert_eq!(
        stage.app.invitation_revoke(&stage.partners, invitation.id, &Map::new()).await.expect_err("twice").kind(),
        ErrorKind::Gone
    );
    let (_, code) = stage.invited("ada").await;
    stage.answer(&code, Answer::Accept).await.expect("accepted");
}

#[tokio::test]
async fn a_single_invitation_is_a_resource() {
    let stage = stage().await;
    let body = object(json!({"userName": "ADA", "expiresIn": 600}));
    let record = stage.app.invitation_create(&stage.partners, None, &body).await.expect("created");
    let doc: Value = serde_json::from_str(&record.doc).expect("JSON");
    assert_eq!(
        (&doc["userName"], &doc["status"], &doc["delivery"]["state"]),
        (&json!("ada"), &json!("pending"), &json!("queued"))
    );
    for (name, status) in [("ada", 409), ("nobody", 400), ("asleep", 400)] {
        let error =
            stage.app.invitation_create(&stage.partners, None, &object(json!({"userName": name}))).await.expect_err(name);
        assert!(matches!(&error, Error::Scim(error) if error.status == status), "{name}: {error}");
    }
    let read_only = Principal { scopes: "invitations:read".parse().expect("a scope"), ..stage.partners.clone() };
    assert!(matches!(stage.app.invitation_create(&read_only, None, &body).await, Err(Error::Auth(_))));
    assert!(stage.app.invitation_get(&read_only, InvitationId(record.id)).await.is_ok());
    assert_eq!(
        stage.app.invitation_get(&stage.makers, InvitationId(record.id)).await.expect_err("another org").kind(),
        ErrorKind::NotFound
    );
}
