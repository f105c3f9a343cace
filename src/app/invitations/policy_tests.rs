//! What an org, or its parent, chose about invitations, and what follows.

use std::time::Duration;

use serde_json::{Value, json};

use super::life_tests::{DAY, HOUR, object};
use super::tests::{Stage, stage};
use super::*;
use crate::app::ErrorKind;
use crate::invite::Answer;
use crate::org::Settings;
use crate::org::audit::Wanted;
use crate::org::watch::Due;
use crate::outbox::End;
use crate::store::Actor;

impl Stage {
    /// The stage after `org` chose `body`.
    async fn after(mut self, org: &str, body: Value) -> Stage {
        let who = if org == "acme" { &mut self.acme } else { &mut self.partners };
        let choose = |own| Settings::parse(own, object(body.clone()));
        self.app.org_settings_change(Actor::Operator.into(), who.org.id, choose).await.expect("chosen");
        // What holds below follows, so that a child sees the choice of its parent.
        for who in [&mut self.acme, &mut self.partners, &mut self.makers] {
            who.org = self.app.store.org(who.org.id).await.expect("read").expect("there").into();
        }
        self
    }
}

#[tokio::test]
async fn lifetimes_are_within_what_the_nearest_org_chose() {
    let bounds = json!({ "invitations": { "lifetimeMin": 600, "lifetime": 3600, "lifetimeMax": 7200 } });
    let stage = stage().await.after("acme", bounds).await;
    let (usual, _) = stage.invited_with("ada", json!({})).await;
    assert_eq!(usual.expires_at, stage.app.now() + Duration::from_secs(3600), "inherited");
    for seconds in [599, 7201] {
        let body = object(json!({ "userNames": ["bob"], "expiresIn": seconds }));
        let error = stage.app.invitation_invite(&stage.partners, None, &body).await.expect_err("out of bounds");
        assert!(error.to_string().ends_with("from 600 to 7200"), "{error}");
    }
    stage.invited_with("bob", json!({ "expiresIn": 7200 })).await;
    let stage = stage.after("partners", json!({ "invitations": { "lifetimeMax": 86_400 } })).await;
    stage.invited_with("eve", json!({ "expiresIn": 86_400 })).await;
}

#[tokio::test]
async fn quotas_are_chosen() {
    let stage = stage().await.after("partners", json!({ "invitations": { "perDay": 3, "perRecipient": 2 } })).await;
    for _ in 0..2 {
        let (invitation, _) = stage.invited("ada").await;
        stage.app.invitation_delete(&stage.partners, invitation.id, None).await.expect("deleted");
    }
    assert_eq!(stage.invite(json!({ "userNames": ["ada"] })).await["results"][0]["error"]["code"], "quotaExceeded");
    let all = stage.invite(json!({ "userNames": ["bob", "eve"] })).await;
    assert_eq!([&all["results"][0]["error"]["code"], &all["results"][1]["error"]["code"]], ["quotaExceeded"; 2]);
    stage.invited("bob").await;
}

#[tokio::test]
async fn all_groups_or_none_where_the_org_wants_that() {
    let stage = stage().await.after("partners", json!({ "invitations": { "missingGroups": "block" } })).await;
    let (invitation, code) = stage.invited("ada").await;
    let crew = stage.crew.parse().expect("an id");
    stage.app.group_delete(&stage.partners, crew, None).await.expect("deleted");
    let refused = stage.answer(&code, Answer::Accept).await.expect_err("a group is gone");
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let page = stage.page(invitation.id, &code, Some(Answer::Accept), None).await;
    assert_eq!(page.state, State::Blocked);
    assert_eq!(stage.shown(invitation.id).await["groups"][0]["vanished"], true, "the inviter sees it coming");
    stage.answer(&code, Answer::Decline).await.expect("declined");
}

#[tokio::test]
async fn the_link_alone_does_not_do_where_the_org_wants_the_user() {
    // V-34.
    let stage = stage().await.after("partners", json!({ "invitations": { "answer": "sign-in" } })).await;
    let (invitation, code) = stage.invited("ada").await;
    let org = stage.partners.org.id;
    for answer in [Answer::Accept, Answer::Decline] {
        let refused = stage.answer(&code, answer).await.expect_err("who is it?");
        assert!(matches!(refused, Error::Invite(invite::Error::SignIn)), "{refused}");
        let page = stage.page(invitation.id, &code, Some(answer), None).await;
        assert_eq!(page.state, State::SignIn);
    }
    let (ada, eve) = (stage.person("ada").await, stage.person("eve").await);
    let link = |who| Holder::Link { org, id: None, code: &code, who: Some(who), asked: None };
    let wrong = stage.app.invitation_answer(link(&eve), Answer::Accept).await.expect_err("somebody else");
    assert_eq!(wrong.kind(), ErrorKind::Forbidden);
    stage.app.invitation_answer(link(&ada), Answer::Accept).await.expect("accepted");
    let page = stage.page(invitation.id, &code, None, None).await;
    assert_eq!(page.state, State::Used, "what has ended asks nobody to sign in");
}

#[tokio::test]
async fn reminders_and_history_are_chosen() {
    let stage = stage().await.after("partners", json!({ "invitations": { "reminder": 3600, "keptDays": 2 } })).await;
    let (early, _) = stage.invited("ada").await;
    assert_eq!(early.remind_at, Some(early.expires_at - HOUR));
    let stage = stage.after("partners", json!({ "invitations": { "reminder": 0 } })).await;
    assert_eq!(stage.invited("bob").await.0.remind_at, None);
    stage.carried(End::Sent, "250 ok").await;
    stage.clock.set(early.expires_at - HOUR);
    stage.app.invitations_tend().await.expect("tended");
    assert!(stage.due().await.iter().all(|letter| !letter.is_reminder), "nor are those from before reminded of");
    stage.clock.set(early.expires_at);
    stage.app.invitations_tend().await.expect("tended");
    stage.clock.set(early.expires_at + 2 * DAY + Duration::from_millis(1));
    stage.app.invitations_forget().await.expect("forgotten");
    let gone = stage.app.invitation_get(&stage.partners, early.id).await.expect_err("forgotten");
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_parent_keeps_users_from_being_invited_and_its_reasons_to_itself() {
    let stage = stage().await;
    let group = |name: &str, member: uuid::Uuid| {
        let members = json!([{ "value": member }]);
        object(json!({ "schemas": [crate::scim::urn::GROUP], "displayName": name, "members": members }))
    };
    let eve = stage.app.store.account(stage.acme.org.id, "eve").await.expect("read").expect("there").id;
    let inner = stage.app.group_create(&stage.acme, group("Board", eve.0), References::Omit).await.expect("a group");
    let outer = stage.app.group_create(&stage.acme, group("Leaders", inner.id), References::Omit).await.expect("a group");
    let stage = stage.after("acme", json!({ "invitees": { "names": ["ADA"], "groups": [outer.id] } })).await;
    let names = json!({ "userNames": ["ada", "eve", "bob", "nobody", "asleep", "mailless"] });
    let codes = |answer: &Value| {
        let results = answer["results"].as_array().cloned().expect("results");
        results.iter().map(|one| one["error"]["code"].as_str().unwrap_or("invited").to_owned()).collect::<Vec<_>>()
    };
    let own = ["notInvitable", "notInvitable", "invited", "userNotInParent", "userInactive", "noEmail"];
    let mut dry = names.clone();
    dry["dryRun"] = true.into();
    assert_eq!(codes(&stage.invite(dry.clone()).await), own);
    let stage = stage.after("acme", json!({ "invitees": { "opaque": true } })).await;
    let answer = stage.invite(names).await;
    let alike = ["notInvitable", "notInvitable", "invited", "notInvitable", "notInvitable", "notInvitable"];
    assert_eq!(codes(&answer), alike);
    let told: Vec<_> = answer["results"].as_array().expect("results").iter().filter_map(|one| one.get("error")).collect();
    assert!(told.iter().all(|error| *error == told[0]), "{told:?}");
    let single = |name: &str| object(json!({ "userName": name }));
    let mut refusals = Vec::new();
    for name in ["ada", "nobody"] {
        let refused = stage.app.invitation_create(&stage.partners, None, &single(name)).await.expect_err(name);
        refusals.push(refused.to_string());
    }
    assert_eq!(refusals[0], refusals[1]);
    // The parent alone may know.
    let ada = stage.app.store.account(stage.acme.org.id, "ada").await.expect("read").expect("there").id;
    let told = refused_in(&stage, &stage.acme).await;
    let reasons: Vec<_> = told.iter().map(|(_, detail)| detail.rsplit(' ').next().unwrap_or_default()).collect();
    let own = ["notInvitable", "notInvitable", "userNotInParent", "userInactive", "noEmail", "notInvitable", "userNotInParent"];
    assert_eq!(reasons, own);
    assert_eq!((told[0].0, told[1].0, told[2].0), (Some(ada.0), Some(eve.0), None));
    let org = stage.partners.org.id.to_string();
    assert!(told.iter().all(|(_, detail)| detail.contains(&org) && !detail.contains("nobody")), "{told:?}");
    assert_eq!(refused_in(&stage, &stage.partners).await, []);
    stage.invite(dry).await;
    assert_eq!(refused_in(&stage, &stage.acme).await.len(), own.len() + 5, "who only asks is noted as well");
}

/// What was refused in the org of `who`: whom it is about, and the words; in the order of time.
async fn refused_in(stage: &Stage, who: &Principal) -> Vec<(Option<uuid::Uuid>, String)> {
    stage.app.audit_flush(Due::All).await.expect("written");
    let wanted = Wanted { action: Some("refused".into()), limit: 100, ..Wanted::default() };
    let mut entries = stage.app.store.audit(who.org.id, &wanted).await.expect("read");
    entries.reverse();
    assert!(entries.iter().all(|entry| entry.resource_type == "User" && entry.actor.starts_with("client ")), "{entries:?}");
    entries.into_iter().map(|entry| (entry.resource, entry.detail.unwrap_or_default())).collect()
}

#[tokio::test]
async fn whom_a_parent_keeps_back_after_the_invitation_neither_joins_nor_is_written_to_again() {
    let stage = stage().await;
    let (invitation, code) = stage.invited("ada").await;
    stage.clock.advance(crate::base::limit::RESEND_PAUSE);
    let resend = async |stage: &Stage| {
        let refused = stage.app.invitation_resend(&stage.partners, invitation.id, &Map::new()).await.expect_err("kept back");
        let Error::Scim(refused) = refused else { panic!("{refused}") };
        (refused.status, refused.detail)
    };
    let stage = stage.after("acme", json!({ "invitees": { "names": ["ada"] } })).await;
    assert_eq!(resend(&stage).await, (403, r#"the parent organization lets nobody invite "ada""#.to_owned()));
    let refused = stage.answer(&code, Answer::Accept).await.expect_err("kept back");
    assert!(matches!(refused, Error::Invite(invite::Error::Inactive)), "{refused}");
    let mine = Holder::User(&stage.person("ada").await, invitation.id);
    stage.app.invitation_answer(mine, Answer::Accept).await.expect_err("not with a token either");
    let stage = stage.after("acme", json!({ "invitees": { "opaque": true } })).await;
    assert_eq!(resend(&stage).await, (403, "this user cannot be invited".to_owned()));
    let told = refused_in(&stage, &stage.acme).await;
    assert!(matches!(&told[..], [(Some(_), detail)] if detail.ends_with("notInvitable")), "{told:?}");
    let stage = stage.after("acme", json!({ "invitees": { "names": [], "opaque": false } })).await;
    stage.answer(&code, Answer::Accept).await.expect("no longer kept back");
}
