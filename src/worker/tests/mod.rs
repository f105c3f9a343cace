//! Letters on their way: into files, to mail servers of every mood, and past whatever would stop them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use self::sink::{WAIT, server};

use super::carrier::{Carrier, carry_one};
use super::post::Way;
use super::smtp::Deadlines;
use super::*;
use crate::app::invitations::tests::{Stage, stage, user};
use crate::base::limit::INVITATION_LIFETIME;
use crate::console::State;
use crate::invite::{Answer, Delivery, Invitation};
use crate::outbox::{Change, End, Letter, Shares};

mod servers;
mod sink;

fn files(stage: &Stage) -> Post {
    let dir = stage.folder.path().join("mail");
    Post::open(&MailSettings { from: "Usher <usher@acme.test>".into(), transport: Transport::Files { dir } }, "h")
        .expect("a folder")
}

fn smtp(port: u16) -> Post {
    let transport = Transport::Smtp { host: "127.0.0.1".into(), port, tls: Tls::None, user: None, password: None };
    Post::open(&MailSettings { from: "usher@acme.test".into(), transport }, "usher.acme.test").expect("a way out")
}

async fn delivery(stage: &Stage, invitation: &Invitation) -> Delivery {
    stage.app.store.invitation(invitation.org, invitation.id).await.expect("read").expect("there").delivery
}

/// Rounds of the carrier until nothing is due any more; says how many letters it took up.
async fn round(stage: &Stage, post: &Arc<Post>) -> usize {
    let mut carrier = Carrier::new(stage.app.clone(), post.clone());
    let mut count = 0;
    loop {
        match carrier.look().await.expect("the outbox reads") {
            0 => return count,
            more => count += more,
        }
        carrier.finish().await;
    }
}

/// The letters that are due, leased as by a carrier that then dies.
async fn leased(stage: &Stage) -> Vec<Letter> {
    let now = stage.app.now();
    stage.app.store.letters_due(now, now + Duration::from_secs(300), &Shares::default()).await.expect("leased")
}

fn letters(stage: &Stage) -> Vec<Vec<u8>> {
    let dir = std::fs::read_dir(stage.folder.path().join("mail")).expect("a folder");
    let mut paths: Vec<_> = dir.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a letter")).collect()
}

#[tokio::test]
async fn the_link_in_the_letter_opens_the_invitation() {
    let stage = stage().await;
    let (invitation, _) = stage.invited("ada").await;
    let post = Arc::new(files(&stage));
    assert_eq!(round(&stage, &post).await, 1);
    assert_eq!(round(&stage, &post).await, 0, "once");
    let letters = letters(&stage);
    assert_eq!(letters.len(), 1);
    let letter = mail_parser::MessageParser::default().parse(&letters[0]).expect("a message");
    let text = letter.body_text(0).expect("a text part");
    let link = text.lines().find(|line| line.starts_with("https://")).expect("a link");
    let (page, code) = link.split_once("?code=").expect("a code");
    let org = stage.partners.org.id;
    assert_eq!(page, format!("https://usher.acme.test/t/acme/o/{org}/invitations/{}", invitation.id));
    let delivery = delivery(&stage, &invitation).await;
    assert_eq!((delivery.state.as_str(), delivery.attempts), ("sent", 1));
    assert!(delivery.answer.is_some_and(|answer| answer.ends_with(".eml") && !answer.contains(code)));
    let page = stage.page(invitation.id, code, Some(Answer::Accept), None).await;
    assert_eq!(page.state, State::Accepted);
}

#[tokio::test]
async fn a_letter_speaks_its_readers_language() {
    // The inviter's choice, else `preferredLanguage` and then `locale` of the invitee, else English; RFC 4647 §3.4.
    let stage = stage().await;
    for (name, preferred, locale, line, expected) in [
        ("u1", Some("de-AT"), Some("fr-FR"), None, "de"),
        ("u2", Some("ja, pt;q=0.5"), Some("si_LK"), None, "si"),
        ("u3", None, Some("es-MX"), None, "es"),
        ("u4", Some("de"), Some("de-DE"), Some("fr-CA"), "fr"),
        ("u5", None, None, Some("tlh"), "en"),
    ] {
        let mut body = json!({"userName": name, "emails": [{"value": format!("{name}@acme.test")}]});
        for (key, value) in [("preferredLanguage", preferred), ("locale", locale)] {
            if let Some(value) = value {
                body[key] = json!(value);
            }
        }
        user(&stage.app, &stage.acme, body).await;
        let mut one = json!({"userName": name});
        if let Some(line) = line {
            one["locale"] = json!(line);
        }
        let answer = stage.invite(json!({"invitations": [one]})).await;
        let id = answer["results"][0]["invitation"]["id"].as_str().expect("invited").parse().expect("an id");
        round(&stage, &Arc::new(files(&stage))).await;
        let letter = letters(&stage).pop().expect("the newest letter");
        stage.clock.advance(Duration::from_secs(1));
        let letter = String::from_utf8(letter).expect("ASCII");
        assert!(letter.contains(&format!("Content-Language: {expected}\r\n")), "{name}: {letter}");
        let invitation = stage.app.store.invitation(stage.partners.org.id, id).await.expect("read").expect("there");
        let code = crate::invite::code(stage.app.settings.invitation_key.expose(), id, invitation.generation);
        let page = stage.page(id, &code, None, Some("fr")).await;
        assert_eq!(page.language.tag, if expected == "en" { "fr" } else { expected }, "{name}: else the browser's");
        let page = stage.page(id, "wrong", None, Some("es-AR,en;q=0.9")).await;
        assert_eq!((page.state, page.language.tag), (State::Unknown, "es"));
    }
}

#[tokio::test]
async fn a_letter_follows_the_profile_where_nobody_chose_its_language() {
    let stage = stage().await;
    let (invitation, _) = stage.invited("ada").await;
    assert_eq!(invitation.locale, None);
    let ada = stage.app.store.account(stage.acme.org.id, "ada").await.expect("read").expect("there").id;
    let body = json!({
        "schemas": [crate::scim::urn::USER], "userName": "ada", "preferredLanguage": "fr", "emails": [{"value": "a@acme.test"}],
    });
    let body = body.as_object().expect("an object").clone();
    stage.app.user_replace(&stage.acme, ada, None, body, crate::store::References::Omit).await.expect("changed");
    round(&stage, &Arc::new(files(&stage))).await;
    let letter = String::from_utf8(letters(&stage).remove(0)).expect("ASCII");
    assert!(letter.contains("Content-Language: fr\r\n"), "{letter}");
}

#[cfg(unix)]
#[tokio::test]
async fn letters_in_files_are_for_the_servers_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let stage = stage().await;
    stage.invited("ada").await;
    let post = Arc::new(files(&stage));
    round(&stage, &post).await;
    let folder = stage.folder.path().join("mail");
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        assert_eq!((mode(&path), path.extension().and_then(|end| end.to_str())), (0o600, Some("eml")));
    }
}

#[tokio::test]
async fn a_letter_that_cannot_be_written_holds_up_no_other() {
    // SEC F-20.
    let stage = stage().await;
    let long = "n".repeat(250);
    for (name, email) in [("poison", "eve@x, mallory@y"), ("crlf\r\nBcc: x@y", "ok@acme.test"), (&long, "ok@acme.test")] {
        let emails = json!([{"value": email}]);
        user(&stage.app, &stage.acme, json!({"userName": name, "emails": emails, "displayName": "x\r\ny"})).await;
    }
    let answer = stage.invite(json!({"userNames": ["ada", "poison", "crlf\r\nBcc: x@y", long, "bob"]})).await;
    let post = Arc::new(files(&stage));
    round(&stage, &post).await;
    let mut states = Vec::new();
    for result in answer["results"].as_array().expect("results") {
        let id = result["invitation"]["id"].as_str().expect("invited").parse().expect("an id");
        let found = stage.app.store.invitation(stage.partners.org.id, id).await.expect("read").expect("there");
        states.push(found.delivery.state);
    }
    assert_eq!(states, ["sent", "failed", "sent", "sent", "sent"]);
    assert_eq!(letters(&stage).len(), 4);
    assert_eq!(round(&stage, &post).await, 0, "the poison is out of the way");
}

#[tokio::test]
async fn a_carrier_that_panics_gives_up_its_letter_and_lives() {
    // D-6: lettre panics on this sender, which no configuration can produce.
    let stage = stage().await;
    let (invitation, _) = stage.invited("ada").await;
    let mut post = files(&stage);
    post.from.name = Some("Usher\r\nBcc: eve@evil.test".into());
    assert_eq!(round(&stage, &Arc::new(post)).await, 1);
    let failed = delivery(&stage, &invitation).await;
    assert_eq!((failed.state.as_str(), failed.attempts), ("failed", 1));
    let (next, _) = stage.invited("bob").await;
    let post = Arc::new(files(&stage));
    assert_eq!(round(&stage, &post).await, 1);
    assert_eq!(delivery(&stage, &next).await.state, "sent");
}

#[tokio::test]
async fn what_was_answered_while_its_letter_waited_is_not_sent() {
    let stage = stage().await;
    let (invitation, code) = stage.invited("ada").await;
    let letter = leased(&stage).await.remove(0);
    stage.answer(&code, Answer::Decline).await.expect("declined");
    let change = carry_one(&stage.app, &files(&stage), letter).await;
    let Change::LetterTried { answer, end: End::Failed, .. } = change else { panic!("{change:?}") };
    assert_eq!(answer, "not sent: the invitation is declined");
    assert!(letters(&stage).is_empty());
    // An older generation, and one that expired.
    let (second, _) = stage.invited("bob").await;
    let older = Letter { generation: 0, ..leased(&stage).await.remove(0) };
    assert_eq!(older.invitation, second.id);
    let change = carry_one(&stage.app, &files(&stage), older).await;
    let Change::LetterTried { answer, end: End::Failed, .. } = change else { panic!("{change:?}") };
    assert_eq!(answer, "not sent: a newer letter took its place");
    stage.clock.advance(INVITATION_LIFETIME);
    assert_eq!(round(&stage, &Arc::new(files(&stage))).await, 1);
    assert_eq!(delivery(&stage, &second).await.state, "failed");
    assert!(letters(&stage).is_empty());
    assert_eq!(delivery(&stage, &invitation).await.state, "queued", "its letter went with the answer");
}

#[tokio::test]
async fn what_is_answered_at_the_last_moment_is_not_sent_either() {
    // Between the look at the invitation and DATA: a server that lets RCPT wait gives the time for it.
    let stage = stage().await;
    let (_, code) = stage.invited("ada").await;
    let (port, mut given) = server(|line| line.starts_with("RCPT").then_some("WAIT 250 ok")).await;
    let letter = leased(&stage).await.remove(0);
    let (app, post) = (stage.app.clone(), smtp(port));
    let carried = tokio::spawn(async move { carry_one(&app, &post, letter).await });
    tokio::time::sleep(WAIT / 2).await;
    stage.answer(&code, Answer::Accept).await.expect("accepted");
    let change = carried.await.expect("no panic");
    let Change::LetterTried { answer, end: End::Failed, .. } = change else { panic!("{change:?}") };
    assert_eq!(answer, "not sent: the invitation was answered or ended meanwhile");
    assert!(given.try_recv().is_err());
}

#[tokio::test]
async fn a_crash_before_the_letter_leaves_costs_nothing_and_one_after_it_a_duplicate() {
    let stage = stage().await;
    let (ada, _) = stage.invited("ada").await;
    let (port, mut given) = server(|_| None).await;
    let post = Arc::new(smtp(port));
    // SEC F-15: leased, and then the process is gone.
    leased(&stage).await;
    assert_eq!(round(&stage, &post).await, 0, "leased");
    stage.clock.advance(Duration::from_secs(300));
    // SEC F-16: taken by the server, and nobody wrote it down; twice.
    for _ in 0..2 {
        let letter = leased(&stage).await.remove(0);
        let change = carry_one(&stage.app, &post, letter).await;
        assert!(matches!(change, Change::LetterTried { end: End::Sent, .. }), "{change:?}");
        stage.clock.advance(Duration::from_secs(300));
    }
    assert_eq!(round(&stage, &post).await, 1);
    let lost = delivery(&stage, &ada).await;
    assert_eq!((lost.state.as_str(), lost.unclear), ("failed", 2), "a third time never: {:?}", lost.answer);
    let (one, other) = (given.recv().await.expect("a letter"), given.recv().await.expect("its duplicate"));
    assert_eq!(message_id(&one), message_id(&other));
    assert!(given.try_recv().is_err());
    // After one such crash it is sent, and it shows that it may have come twice.
    let (bob, _) = stage.invited("bob").await;
    let letter = leased(&stage).await.remove(0);
    carry_one(&stage.app, &post, letter).await;
    stage.clock.advance(Duration::from_secs(300));
    round(&stage, &post).await;
    let sent = delivery(&stage, &bob).await;
    assert_eq!((sent.state.as_str(), sent.unclear), ("sent", 1));
}

#[tokio::test]
async fn an_organization_that_is_shut_sends_nothing_until_it_is_opened() {
    let stage = stage().await;
    let (ada, _) = stage.invited("ada").await;
    let switch = async |active: bool| {
        let operation = json!([{ "op": "replace", "path": "active", "value": active }]);
        let body = json!({ "schemas": [crate::scim::urn::PATCH_OP], "Operations": operation });
        stage.app.org_edit(stage.acme.org.id, body.as_object().expect("an object").clone()).await.expect("switched");
    };
    switch(false).await;
    let post = Arc::new(files(&stage));
    round(&stage, &post).await;
    assert_eq!((delivery(&stage, &ada).await.state.as_str(), letters(&stage).len()), ("deferred", 0));
    switch(true).await;
    stage.clock.advance(Duration::from_secs(6));
    round(&stage, &post).await;
    assert_eq!((delivery(&stage, &ada).await.state.as_str(), letters(&stage).len()), ("sent", 1));
}

fn message_id(letter: &str) -> String {
    letter.lines().find(|line| line.starts_with("Message-ID:")).expect("an id").to_owned()
}

#[tokio::test]
async fn an_invitation_wakes_the_carrier_and_stop_ends_it() {
    let stage = stage().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let carrier = tokio::spawn(carry(stage.app.clone(), Arc::new(files(&stage)), async move {
        let _ = stopped.await;
    }));
    let (invitation, _) = stage.invited("ada").await;
    user(&stage.app, &stage.acme, json!({"userName": "zoe", "emails": [{"value": "z@acme.test"}]})).await;
    let (second, _) = stage.invited("zoe").await;
    tokio::time::timeout(Duration::from_secs(20), async {
        while delivery(&stage, &invitation).await.state != "sent" || delivery(&stage, &second).await.state != "sent" {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("both are sent");
    stop.send(()).expect("it still runs");
    tokio::time::timeout(Duration::from_secs(20), carrier).await.expect("it ends").expect("without a panic");
}
