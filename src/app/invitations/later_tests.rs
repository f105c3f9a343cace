//! What becomes of an invitation later on.

use super::*;

#[tokio::test]
async fn an_invitation_ends_no_later_than_the_membership_it_offers() {
    let stage = stage().await;
    let until = stage.app.now() + 2 * HOUR;
    let (invitation, code) = stage.invited_with("ada", json!({ "until": until })).await;
    assert_eq!((invitation.expires_at, invitation.remind_at), (until, None));
    stage.clock.advance(RESEND_PAUSE);
    for body in [json!({}), json!({ "expiresIn": 48 * 3600 })] {
        stage.app.invitation_resend(&stage.partners, invitation.id, &object(body)).await.expect("sent again");
        stage.clock.advance(RESEND_PAUSE);
        assert_eq!(stage.found(invitation.id).await.expires_at, until);
    }
    let newest = stage.code(&stage.found(invitation.id).await);
    assert_ne!(newest, code);
    // Then all say the same, and it makes room.
    stage.clock.set(until);
    assert_eq!(stage.shown(invitation.id).await["status"], "expired");
    let late = stage.answer(&newest, Answer::Accept).await.expect_err("over");
    assert!(matches!(late, Error::Invite(invite::Error::Expired)), "{late}");
    let page = stage.page(invitation.id, &newest, Some(Answer::Accept), None).await;
    assert_eq!(page.state, State::Expired);
    stage.invited("ada").await;
}

#[tokio::test]
async fn a_person_answers_own_invitations_with_a_token() {
    let stage = stage().await;
    let (invitation, _) = stage.invited("ada").await;
    let (declined, _) = stage.invited("bob").await;
    let (ada, bob, eve) = (stage.person("ada").await, stage.person("bob").await, stage.person("eve").await);
    let mine = stage.app.me_invitations(&ada).await.expect("a list");
    assert_eq!(mine.iter().map(|opened| opened.invitation.id).collect::<Vec<_>>(), [invitation.id]);
    assert!(stage.app.me_invitations(&eve).await.expect("a list").is_empty());
    stage.app.me_invitations(&stage.acme).await.expect_err("a client is nobody");
    let accept = async |who: &Principal, id| stage.app.invitation_answer(Holder::User(who, id), Answer::Accept).await;
    assert_eq!(accept(&eve, invitation.id).await.expect_err("not hers").kind(), ErrorKind::NotFound);
    let opened = accept(&ada, invitation.id).await.expect("accepted");
    assert_eq!(opened.invitation.ending.as_ref().and_then(|ending| ending.via), Some(Via::Token));
    assert_eq!(accept(&ada, invitation.id).await.expect_err("used").kind(), ErrorKind::Gone);
    stage.app.invitation_answer(Holder::User(&bob, declined.id), Answer::Decline).await.expect("declined");
    assert!(stage.app.me_invitations(&bob).await.expect("a list").is_empty());
    // V-34: a token that comes with a link must be the invitee's.
    let (_, code) = stage.invited("bob").await;
    let link = |who| Holder::Link { org: stage.partners.org.id, id: None, code: &code, who: Some(who), asked: None };
    let wrong = stage.app.invitation_answer(link(&eve), Answer::Accept).await.expect_err("somebody else's");
    assert_eq!(wrong.kind(), ErrorKind::Forbidden);
    stage.app.invitation_answer(link(&bob), Answer::Accept).await.expect("accepted");
}

#[tokio::test]
async fn old_invitations_are_forgotten_and_those_that_wait_are_not() {
    let stage = stage().await;
    let (ended, code) = stage.invited("ada").await;
    let (expired, _) = stage.invited("bob").await;
    stage.answer(&code, Answer::Accept).await.expect("accepted");
    let list = async || {
        let query = Query { count: 10, ..Query::default() };
        stage.app.invitation_list(&stage.partners, &query).await.expect("a list").total
    };
    stage.clock.set(expired.expires_at);
    stage.app.invitations_tend().await.expect("tended");
    stage.clock.set(ended.created + INVITATIONS_KEPT);
    stage.app.invitations_forget().await.expect("forgotten");
    assert_eq!(list().await, 2, "to the last moment");
    stage.clock.advance(Duration::from_millis(1));
    stage.app.invitations_forget().await.expect("forgotten");
    assert_eq!(list().await, 1);
    let (waiting, _) = stage.invited("eve").await;
    stage.clock.set(expired.expires_at + INVITATIONS_KEPT + Duration::from_millis(1));
    stage.app.invitations_forget().await.expect("forgotten");
    assert_eq!(list().await, 1);
    stage.found(waiting.id).await;
    let guest = stage.app.store.account(stage.partners.org.id, "ada").await.expect("read");
    assert!(guest.is_some(), "the guest it made stays");
}

#[tokio::test]
async fn nothing_is_lost_by_a_crash_between_two_steps() {
    // SEC F-15, F-16.
    let stage = stage().await;
    let (invitation, code) = stage.invited("ada").await;
    let stage = stage.crash().await;
    assert_eq!(stage.due().await.len(), 1, "committed together with its letter");
    let stage = stage.crash().await;
    assert_eq!(stage.due().await.len(), 1, "taken up and not sent: it is sent later");
    stage.carried(End::Sent, "250 ok").await;
    stage.clock.advance(48 * HOUR);
    stage.app.invitations_tend().await.expect("tended");
    let stage = stage.crash().await;
    stage.app.invitations_tend().await.expect("tended");
    assert_eq!(stage.due().await.iter().filter(|letter| letter.is_reminder).count(), 1);
    stage.app.invitation_resend(&stage.partners, invitation.id, &Map::new()).await.expect("sent again");
    let stage = stage.crash().await;
    assert_eq!(stage.answer(&code, Answer::Accept).await.expect_err("dead").kind(), ErrorKind::NotFound);
    assert_eq!(stage.due().await.iter().map(|letter| letter.generation).collect::<Vec<_>>(), [2]);
    let code = stage.code(&stage.found(invitation.id).await);
    stage.answer(&code, Answer::Accept).await.expect("accepted");
    let stage = stage.crash().await;
    let used = stage.answer(&code, Answer::Accept).await.expect_err("used");
    assert!(matches!(used, Error::Invite(invite::Error::Used)), "{used}");
    let guest = stage.app.store.account(stage.partners.org.id, "ada").await.expect("read").expect("the guest").id;
    let crew: GroupId = stage.crew.parse().expect("an id");
    let group = stage.app.group_get(&stage.partners, crew, References::Include).await.expect("the group");
    assert_eq!(group.references.iter().map(|member| member.id).collect::<Vec<_>>(), [guest.0]);
    assert_eq!(stage.due().await, []);
    // A person who comes back later can be invited anew.
    user(&stage.app, &stage.acme, json!({ "userName": "zoe", "emails": [{ "value": "zoe@acme.test" }] })).await;
    stage.invited("zoe").await;
}
