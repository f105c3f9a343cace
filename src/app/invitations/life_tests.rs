//! The whole life of an invitation: sent again, taken back, ended by time, reminded of, answered by a token, forgotten.

use std::time::Duration;

use serde_json::{Value, json};

use super::tests::{Stage, stage, user};
use super::*;
use crate::app::ErrorKind;
use crate::auth::{ScopeSet, Subject};
use crate::base::limit::{INVITATION_LIFETIME, INVITATIONS_A_DAY_TO_ONE, INVITATIONS_KEPT, RESEND_PAUSE};
use crate::base::{GroupId, UserId};
use crate::invite::{Answer, Via};
use crate::outbox::{self, End, Letter, Shares};
use crate::scim::Profile;
use crate::scim::list::{self, ListParams};
use crate::scim::urn::MEMBERSHIP;
use crate::store::{Actor, Claim};

pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn object(value: Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

impl Stage {
    pub(super) async fn found(&self, id: InvitationId) -> Invitation {
        self.app.store.invitation(self.partners.org.id, id).await.expect("read").expect("there")
    }

    pub(super) async fn shown(&self, id: InvitationId) -> Value {
        let record = self.app.invitation_get(&self.partners, id).await.expect("there");
        let mut doc: Value = serde_json::from_str(&record.doc).expect("JSON");
        doc["version"] = record.version.into();
        doc
    }

    fn code(&self, invitation: &Invitation) -> String {
        invite::code(self.app.settings.invitation_key.expose(), invitation.id, invitation.generation)
    }

    pub(super) async fn due(&self) -> Vec<Letter> {
        let now = self.app.now();
        self.app.store.letters_due(now, now, &Shares::default()).await.expect("letters")
    }

    /// Every letter that is due comes to this end.
    pub(super) async fn carried(&self, end: End, answer: &str) {
        for letter in self.due().await {
            let change = outbox::Change::LetterTried { letter, at: self.app.now(), end, answer: answer.into() };
            self.app.store.commit(self.app.author(Actor::Worker), vec![change.into()]).await.expect("noted");
        }
    }

    /// A token of the user `name` of the parent.
    pub(super) async fn person(&self, name: &str) -> Principal {
        let id = self.app.store.account(self.acme.org.id, name).await.expect("read").expect("there").id;
        Principal { subject: Subject::User(id), scopes: ScopeSet::NONE, ..self.acme.clone() }
    }

    /// One user of acme, invited with what `more` says, as the only line.
    pub(super) async fn invited_with(&self, name: &str, mut more: Value) -> (Invitation, String) {
        more["userNames"] = json!([name]);
        let answer = self.invite(more).await;
        let id = answer["results"][0]["invitation"]["id"].as_str().unwrap_or_else(|| panic!("{answer}"));
        let invitation = self.found(id.parse().expect("an id")).await;
        let code = self.code(&invitation);
        (invitation, code)
    }
}

#[tokio::test]
async fn a_new_link_kills_the_old_one_at_once() {
    // V-40, V-42.
    let stage = stage().await;
    let (first, old) = stage.invited("ada").await;
    let resend = async |body: Value| stage.app.invitation_resend(&stage.partners, first.id, &object(body)).await;
    let early = resend(json!({})).await.expect_err("a letter just went out");
    assert_eq!((early.kind(), early.to_string().contains("60 seconds")), (ErrorKind::TooOften, true), "{early}");
    stage.clock.advance(RESEND_PAUSE);
    resend(json!({ "expiresIn": 1 })).await.expect_err("too short");
    resend(json!({})).await.expect("sent again");
    assert_eq!(stage.answer(&old, Answer::Accept).await.expect_err("dead").kind(), ErrorKind::NotFound);
    let second = stage.found(first.id).await;
    assert_eq!((second.generation, second.expires_at), (2, first.expires_at));
    let letters = stage.due().await;
    assert_eq!(letters.iter().map(|letter| letter.generation).collect::<Vec<_>>(), [2], "the old letter is gone as well");
    assert_eq!(stage.shown(first.id).await["delivery"], json!({ "state": "queued", "attempts": 0, "resent": 1 }));
    // The name and the address may be others by now, the name somebody else's, and the lifetime chosen anew.
    let ada = stage.app.store.account(stage.acme.org.id, "ada").await.expect("read").expect("there").id;
    let body = json!({ "schemas": [crate::scim::urn::USER], "userName": "ada2", "emails": [{ "value": "new@acme.test" }] });
    stage.app.user_replace(&stage.acme, ada, None, object(body), References::Omit).await.expect("moved");
    user(&stage.app, &stage.acme, json!({ "userName": "ada", "emails": [{ "value": "other@acme.test" }] })).await;
    stage.clock.advance(RESEND_PAUSE);
    resend(json!({ "expiresIn": 600 })).await.expect("sent again");
    let third = stage.found(first.id).await;
    assert_eq!((third.email.as_str(), third.expires_at), ("new@acme.test", stage.app.now() + Duration::from_secs(600)));
    stage.answer(&stage.code(&third), Answer::Accept).await.expect("the newest opens");
    stage.clock.advance(RESEND_PAUSE);
    assert_eq!(resend(json!({})).await.expect_err("used").kind(), ErrorKind::Gone);
    let foreign = stage.app.invitation_resend(&stage.makers, first.id, &Map::new()).await.expect_err("another org's");
    assert_eq!(foreign.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn who_ended_it_and_why_is_kept() {
    let stage = stage().await;
    let (revoked, _) = stage.invited("ada").await;
    let reason = object(json!({ "reason": "The project has ended" }));
    stage.app.invitation_revoke(&stage.partners, revoked.id, &reason).await.expect("revoked");
    let shown = stage.shown(revoked.id).await;
    let machine = format!("client {}", uuid::Uuid::from_u128(1));
    assert_eq!(
        [&shown["status"], &shown["reason"], &shown["endedBy"], &shown["endedVia"]],
        [&json!("revoked"), &json!("The project has ended"), &json!(machine), &Value::Null]
    );
    let (accepted, code) = stage.invited("bob").await;
    let opened = stage.answer(&code, Answer::Accept).await.expect("accepted");
    assert_eq!(opened.invitation.groups[0].is_given, Some(true));
    let shown = stage.shown(accepted.id).await;
    assert_eq!([&shown["endedBy"], &shown["endedVia"]], ["bob", "link"]);
    assert_eq!(shown["groups"], json!([{ "value": stage.crew, "display": "Crew", "assigned": true }]));
}

#[tokio::test]
async fn a_quota_bounds_what_one_person_is_sent() {
    let stage = stage().await;
    for _ in 0..INVITATIONS_A_DAY_TO_ONE {
        let (invitation, _) = stage.invited("ada").await;
        // What is deleted has been sent all the same.
        stage.app.invitation_delete(&stage.partners, invitation.id, None).await.expect("deleted");
    }
    let answer = stage.invite(json!({ "userNames": ["ada", "bob"] })).await;
    assert_eq!(answer["results"][0]["error"]["code"], "quotaExceeded");
    assert_eq!(answer["results"][1]["status"], "invited", "each for itself");
    stage.clock.advance(DAY);
    let (invitation, _) = stage.invited("ada").await;
    for _ in 1..INVITATIONS_A_DAY_TO_ONE {
        stage.clock.advance(RESEND_PAUSE);
        stage.app.invitation_resend(&stage.partners, invitation.id, &Map::new()).await.expect("sent again");
    }
    stage.clock.advance(RESEND_PAUSE);
    let error = stage.app.invitation_resend(&stage.partners, invitation.id, &Map::new()).await.expect_err("too many");
    assert!(matches!(error, Error::Invite(invite::Error::Quota)), "{error}");
}

#[tokio::test]
async fn a_request_that_is_sent_again_invites_nobody_twice() {
    // B-16.
    let stage = stage().await;
    let body = object(json!({ "userNames": ["ada", "nobody"], "sendMail": false }));
    let send =
        async |stage: &Stage, body: &Map<String, Value>| stage.app.invitation_invite(&stage.partners, Some("once"), body).await;
    let first = send(&stage, &body).await.expect("an answer");
    assert_eq!(send(&stage, &body).await.expect("the same"), first);
    let other = object(json!({ "userNames": ["bob"] }));
    assert!(matches!(send(&stage, &other).await, Err(Error::Scim(error)) if error.status == 422));
    // A crash loses neither, and what is kept holds no code.
    let stage = stage.crash().await;
    assert_eq!(send(&stage, &body).await.expect("the same"), first);
    let code = first["results"][0]["invitation"]["code"].as_str().expect("the caller brings it");
    stage.app.store.close().await;
    for entry in std::fs::read_dir(stage.folder.path()).expect("the files") {
        let path = entry.expect("a file").path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        // S-65. The first 22 characters are the id.
        let secret = &code.as_bytes()[22..];
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", path.display());
    }
}

#[tokio::test]
async fn whoever_brings_the_code_gets_it_and_no_letter_goes_out() {
    let stage = stage().await;
    let answer = stage.invite(json!({ "userNames": ["ada", "mailless"], "sendMail": false })).await;
    assert_eq!(answer["invited"], 2, "no address is needed");
    assert_eq!(stage.due().await, []);
    for result in answer["results"].as_array().expect("results") {
        let id = result["invitation"]["id"].as_str().expect("an id").parse().expect("an id");
        assert_eq!(stage.shown(id).await["delivery"]["state"], "external");
        stage.answer(result["invitation"]["code"].as_str().expect("a code"), Answer::Accept).await.expect("accepted");
    }
    let answer = stage.invite(json!({ "userNames": ["bob"] })).await;
    assert_eq!(answer["results"][0]["invitation"].get("code"), None, "V-43: nobody else is shown it");
    stage.clock.advance(RESEND_PAUSE);
    let id: InvitationId = answer["results"][0]["invitation"]["id"].as_str().expect("an id").parse().expect("an id");
    let sent = stage.app.invitation_resend(&stage.partners, id, &Map::new()).await.expect("sent again");
    assert!(!sent.doc.contains(r#""code""#), "{}", sent.doc);
}

#[tokio::test]
async fn whoever_brings_the_code_gets_a_new_one_in_its_place() {
    // V-40.
    let stage = stage().await;
    let body = object(json!({ "userNames": ["mailless"], "sendMail": false }));
    let invite = async || stage.app.invitation_invite(&stage.partners, Some("once"), &body).await.expect("an answer");
    let made = invite().await["results"][0]["invitation"].clone();
    let id: InvitationId = made["id"].as_str().expect("an id").parse().expect("an id");
    let old = made["code"].as_str().expect("a code");
    let record = stage.app.invitation_resend(&stage.partners, id, &Map::new()).await.expect("no letter to wait for");
    let doc: Value = serde_json::from_str(&record.doc).expect("JSON");
    assert_eq!(doc["delivery"], json!({ "state": "external", "attempts": 0, "resent": 1 }));
    let code = doc["code"].as_str().expect("the new code");
    assert_ne!(code, old);
    assert_eq!((stage.due().await, stage.found(id).await.remind_at), (vec![], None));
    assert_eq!(stage.shown(id).await.get("code"), None, "V-43: this once");
    assert_eq!(stage.answer(old, Answer::Accept).await.expect_err("dead").kind(), ErrorKind::NotFound);
    // B-16: told again, it is the code that opens.
    assert_eq!(invite().await["results"][0]["invitation"]["code"], code);
    stage.answer(code, Answer::Accept).await.expect("accepted");
    stage.app.invitation_delete(&stage.partners, id, None).await.expect("deleted");
    assert_eq!(invite().await["results"][0]["invitation"].get("code"), None);
}

#[tokio::test]
async fn what_has_expired_stays_expired_when_the_clock_goes_back() {
    // SEC F-22, F-23, V-33: no job runs here.
    let start = stage().await;
    let (invitation, code) = start.invited("ada").await;
    let (other, other_code) = start.invited("bob").await;
    let now = start.app.now();
    start.clock.advance(80 * HOUR);
    let expired = async |stage: &Stage, code: &str| {
        let end = stage.answer(code, Answer::Accept).await;
        matches!(end, Err(Error::Invite(invite::Error::Expired)))
    };
    assert!(expired(&start, &code).await);
    start.clock.set(now);
    assert!(expired(&start, &code).await && expired(&start, &other_code).await, "in the same process");
    assert_eq!(start.shown(invitation.id).await["status"], "expired");
    let after = start.crash().await;
    assert!(expired(&after, &code).await && expired(&after, &other_code).await, "and in the next");
    let pending = after.app.store.resources(after.partners.org.id, Kind::Invitation, &pending_query(), now).await;
    assert_eq!(pending.expect("a list").total, 0);
    // Whatever is written then is of the present again, and leaves what was over as it was.
    let (_, fresh) = after.invited("ada").await;
    assert_eq!(after.found(other.id).await.status, Status::Expired);
    after.answer(&fresh, Answer::Accept).await.expect("a clock that was wrong ends nothing that is made later");
    assert_eq!(after.due().await, [], "no letter of what has expired");
}

#[tokio::test]
async fn expiry_is_written_down_as_it_was_seen() {
    let stage = stage().await;
    let (invitation, _) = stage.invited("ada").await;
    stage.clock.advance(INVITATION_LIFETIME);
    let seen = stage.shown(invitation.id).await;
    assert_eq!((&seen["status"], &seen["endedAt"]), (&json!("expired"), &json!(invitation.expires_at)));
    assert_eq!(stage.found(invitation.id).await.status, Status::Pending);
    stage.app.invitations_tend().await.expect("tended");
    assert_eq!(stage.found(invitation.id).await.status, Status::Expired);
    assert_eq!(stage.shown(invitation.id).await, seen);
}

#[tokio::test]
async fn each_link_is_reminded_of_once() {
    let stage = stage().await;
    let (invitation, code) = stage.invited("ada").await;
    let (answered, answer) = stage.invited("bob").await;
    let (short, _) = stage.invited_with("eve", json!({ "expiresIn": 24 * 3600 })).await;
    stage.answer(&answer, Answer::Decline).await.expect("declined");
    stage.carried(End::Sent, "250 ok").await;
    assert_eq!((answered.remind_at.is_some(), short.remind_at), (true, None), "the notice is as long as its life");
    let reminders = async || {
        stage.app.invitations_tend().await.expect("tended");
        stage.due().await.into_iter().filter(|letter| letter.is_reminder).map(|letter| letter.invitation).collect::<Vec<_>>()
    };
    stage.clock.advance(47 * HOUR);
    assert_eq!(reminders().await, []);
    stage.clock.advance(HOUR);
    assert_eq!(reminders().await, [invitation.id]);
    assert_eq!(reminders().await, [invitation.id], "the same letter");
    stage
        .app
        .invitation_resend(&stage.partners, invitation.id, &object(json!({ "expiresIn": 48 * 3600 })))
        .await
        .expect("sent");
    assert_eq!(stage.answer(&code, Answer::Accept).await.expect_err("dead").kind(), ErrorKind::NotFound);
    assert_eq!(reminders().await, [], "the new link has time again");
    stage.carried(End::Sent, "250 ok").await;
    stage.clock.advance(24 * HOUR);
    assert_eq!(reminders().await, [invitation.id], "once for this one");
}

#[tokio::test]
async fn a_letter_on_its_way_is_reminder_enough_and_a_reminder_takes_nothing_back() {
    let stage = stage().await;
    let ((first, _), (late, _)) = (stage.invited("ada").await, stage.invited("bob").await);
    stage.clock.set(late.remind_at.expect("a reminder"));
    stage.carried(End::Deferred(stage.app.now()), "451 later").await;
    stage.app.invitations_tend().await.expect("tended");
    let waiting = stage.due().await;
    assert!(waiting.len() == 2 && waiting.iter().all(|letter| !letter.is_reminder), "{waiting:?}");
    stage.carried(End::Sent, "250 ok").await;
    let sent = stage.shown(first.id).await["delivery"].clone();
    assert_eq!(sent["state"], "sent");
    // One that was sent before: its reminder is refused.
    let (third, _) = stage.invited("eve").await;
    stage.carried(End::Sent, "250 ok").await;
    let before = stage.shown(third.id).await;
    stage.clock.set(third.remind_at.expect("a reminder"));
    stage.app.invitations_tend().await.expect("tended");
    stage.carried(End::Deferred(stage.app.now()), "451 later").await;
    stage.carried(End::Failed, "550 no such user").await;
    assert_eq!((stage.due().await, stage.shown(third.id).await), (vec![], before));
}

#[tokio::test]
async fn what_waits_for_somebody_who_became_a_guest_otherwise_ends() {
    let stage = stage().await;
    let (_, code) = stage.invited("ada").await;
    let guest = stage.answer(&code, Answer::Accept).await.expect("accepted").invitation.guest.expect("a guest");
    stage.app.user_delete(&stage.partners, guest, None).await.expect("gone");
    let (again, code) = stage.invited("ada").await;
    stage.app.deleted_restore(&stage.partners, guest.0).await.expect("there again");
    let shown = stage.shown(again.id).await;
    let machine = format!("client {}", uuid::Uuid::from_u128(1));
    assert_eq!(
        [&shown["status"], &shown["endedBy"], &shown["reason"]],
        [&json!("revoked"), &json!(machine), &json!("the user became a member without it")]
    );
    assert_eq!(stage.due().await, [], "and no letter goes out");
    let end = stage.answer(&code, Answer::Accept).await.expect_err("a guest already");
    assert!(matches!(end, Error::Invite(invite::Error::Revoked)), "{end}");
    assert_eq!(stage.page(again.id, &code, Some(Answer::Accept), None).await.state, State::Revoked);
    // One that had expired unnoticed stays expired.
    stage.app.user_delete(&stage.partners, guest, None).await.expect("gone");
    let (over, _) = stage.invited("ada").await;
    stage.clock.advance(INVITATION_LIFETIME);
    stage.app.deleted_restore(&stage.partners, guest.0).await.expect("there again");
    assert_eq!((stage.found(over.id).await.status, stage.found(over.id).await.ending), (Status::Expired, None));
}

#[tokio::test]
async fn yesterdays_counts_are_forgotten() {
    let stage = stage().await;
    let (org, ada) = (stage.partners.org.id, stage.invited("ada").await.0.source);
    let day = stage.app.now();
    let counts = async || {
        let of = |recipient| stage.app.store.invitations_today(org, recipient, day);
        (of(org.0).await.expect("read"), of(ada.0).await.expect("read"))
    };
    let sweep = async || {
        let change = store::Change::Swept(stage.app.now());
        stage.app.store.commit(stage.app.author(Actor::Worker), vec![change]).await.expect("swept");
    };
    sweep().await;
    assert_eq!(counts().await, (1, 1), "the day is not over");
    stage.clock.advance(DAY);
    sweep().await;
    assert_eq!(counts().await, (0, 0));
}

#[tokio::test]
async fn a_membership_ends_by_the_clock_and_the_guest_goes() {
    let stage = stage().await;
    let until = stage.app.now() + 2 * DAY;
    let past = object(json!({ "userNames": ["ada"], "until": stage.app.now() }));
    stage.app.invitation_invite(&stage.partners, None, &past).await.expect_err("over before it begins");
    let (_, code) = stage.invited_with("ada", json!({ "until": until })).await;
    let guest = stage.answer(&code, Answer::Accept).await.expect("accepted").invitation.guest.expect("a guest");
    let record = stage.app.user_get(&stage.partners, guest, References::Omit).await.expect("there");
    let doc: Value = serde_json::from_str(&record.doc).expect("JSON");
    assert_eq!(doc[MEMBERSHIP]["until"], json!(until));
    // A guest of the guest ends no later, whatever was asked for.
    let body = object(json!({ "userNames": ["ada"], "until": until + DAY, "sendMail": false }));
    let answer = stage.app.invitation_invite(&stage.makers, None, &body).await.expect("an answer");
    let code = answer["results"][0]["invitation"]["code"].as_str().expect("a code");
    let holder = Holder::Link { org: stage.makers.org.id, id: None, code, who: None, asked: None };
    let below = stage.app.invitation_answer(holder, Answer::Accept).await.expect("accepted").invitation.guest.expect("a guest");
    let until_of = async |org: &Org, id: UserId| {
        let claim = Claim::of(Subject::User(id), None);
        stage.app.store.access(org.id, &claim).await.expect("read").expect("an org").ends_at
    };
    assert_eq!(until_of(&stage.makers.org, below).await, Some(until));
    let seen = async |who: &Principal, id: UserId, filter: &str| {
        let record = stage.app.user_get(who, id, References::Omit).await.expect("there");
        let doc: Value = serde_json::from_str(&record.doc).expect("JSON");
        let params = ListParams { filter: Some(filter), ..ListParams::default() };
        let query = list::parse(&params, who.schemas.user(), Profile::Lenient).expect("a filter");
        let page = stage.app.store.resources(who.org.id, Kind::User, &query, stage.app.now()).await.expect("a page");
        let is_found = page.records.iter().any(|found| found.id == id.0 && found.doc == record.doc);
        (doc["active"].clone(), is_found, page.total)
    };
    stage.clock.set(Timestamp(until.0 - 1));
    for (who, id) in [(&stage.partners, guest), (&stage.makers, below)] {
        assert_eq!(seen(who, id, "active eq true").await, (json!(true), true, 1));
    }
    // V-33: neither active nor believed nor anybody's source from then on, though no worker has run.
    stage.clock.set(until);
    for (who, id) in [(&stage.partners, guest), (&stage.makers, below)] {
        assert_eq!(seen(who, id, "active eq false").await, (json!(false), true, 1));
        assert_eq!(seen(who, id, "active eq true").await, (json!(false), false, 0));
    }
    let names = ["ada".to_owned()];
    let facts = stage.app.store.invitees(stage.makers.org.id, &names, &[], until).await.expect("read");
    assert!(!facts[0].as_ref().expect("still there").active);
    stage.app.invitations_tend().await.expect("tended");
    for (who, id) in [(&stage.partners, guest), (&stage.makers, below)] {
        let gone = stage.app.user_get(who, id, References::Omit).await.expect_err("gone");
        assert_eq!(gone.kind(), ErrorKind::NotFound);
    }
    assert!(stage.app.store.account(stage.acme.org.id, "ada").await.expect("read").is_some(), "at home nothing happened");
}

#[path = "later_tests.rs"]
mod later;
