//! Letters on their way: into files, to mail servers of every mood, and past whatever would stop them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::app::invitations::tests::{Stage, stage, user};
use crate::base::limit::INVITATION_LIFETIME;
use crate::console::State;
use crate::invite::{Answer, Delivery, Invitation};

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

/// One round of the carrier.
async fn round(stage: &Stage, post: &Arc<Post>) -> usize {
    carrier::carry_due(&stage.app, post).await.expect("the outbox reads")
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
    let page = stage.app.invitation_page(org, invitation.id, code, Some(Answer::Accept), None).await.expect("a page");
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
        let org = stage.partners.org.id;
        let invitation = stage.app.store.invitation(org, id).await.expect("read").expect("there");
        let code = crate::invite::code(stage.app.settings.invitation_key.expose(), id, invitation.generation);
        let page = stage.app.invitation_page(org, id, &code, None, Some("fr")).await.expect("a page");
        assert_eq!(page.language.tag, if expected == "en" { "fr" } else { expected }, "{name}: else the browser's");
        let page = stage.app.invitation_page(org, id, "wrong", None, Some("es-AR,en;q=0.9")).await.expect("a page");
        assert_eq!((page.state, page.language.tag), (State::Unknown, "es"));
    }
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
    for (name, email) in [("poison", "eve@x, mallory@y"), ("crlf\r\nBcc: x@y", "ok@acme.test"), ("long", "ok@acme.test")] {
        let name = if name == "long" { "n".repeat(250) } else { name.to_owned() };
        let body = json!({"userName": name, "emails": [{"value": email}], "displayName": "x\r\ny"});
        let mut body = body;
        body["schemas"] = json!(["urn:ietf:params:scim:schemas:core:2.0:User"]);
        // What the directory refuses cannot be invited either.
        let _ = stage.app.user_create(&stage.acme, body.as_object().expect("an object").clone()).await;
    }
    let mut sent = 0;
    let mut failed = 0;
    let answer = stage.invite(json!({"userNames": ["ada", "poison", "crlf\r\nBcc: x@y", "n".repeat(250), "bob"]})).await;
    let invited = answer["invited"].as_u64().expect("a count");
    let post = Arc::new(files(&stage));
    round(&stage, &post).await;
    for result in answer["results"].as_array().expect("results") {
        let Some(id) = result["invitation"]["id"].as_str() else { continue };
        let id = id.parse().expect("an id");
        let found = stage.app.store.invitation(stage.partners.org.id, id).await.expect("read").expect("there");
        match found.delivery.state.as_str() {
            "sent" => sent += 1,
            "failed" => failed += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!(sent + failed, invited);
    assert!(sent >= 3, "ada, bob and the long name");
    assert_eq!(letters(&stage).len(), usize::try_from(sent).expect("few"));
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
    let now = stage.app.now();
    let leased = stage.app.store.letters_due(now, now + Duration::from_secs(60), 8).await.expect("leased");
    stage.answer(&code, Answer::Decline).await.expect("declined");
    let change = carrier::carry_one(&stage.app, &files(&stage), &leased[0]).await;
    let crate::outbox::Change::LetterFailed { answer, .. } = change else { panic!("{change:?}") };
    assert_eq!(answer, "not sent: the invitation is declined");
    assert!(letters(&stage).is_empty());
    // An older generation, and one that expired.
    let (second, _) = stage.invited("bob").await;
    let older = crate::outbox::Letter { generation: 0, invitation: second.id, ..leased[0].clone() };
    let change = carrier::carry_one(&stage.app, &files(&stage), &older).await;
    assert!(matches!(change, crate::outbox::Change::LetterFailed { .. }), "{change:?}");
    stage.clock.advance(INVITATION_LIFETIME);
    assert_eq!(round(&stage, &Arc::new(files(&stage))).await, 1);
    assert_eq!(delivery(&stage, &second).await.state, "failed");
    assert!(letters(&stage).is_empty());
    assert_eq!(delivery(&stage, &invitation).await.state, "queued", "its letter went with the answer");
}

/// A mail server that greets, and then answers each command as `mood` says, nothing being the end. Sends what it was given as DATA.
async fn server(mood: fn(&str) -> Option<&'static str>) -> (u16, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (taken, given) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let taken = taken.clone();
            tokio::spawn(async move {
                let (read, mut write) = stream.into_split();
                let mut read = BufReader::new(read);
                let _ = write.write_all(b"220 sink\r\n").await;
                let mut line = String::new();
                while read.read_line(&mut line).await.is_ok_and(|count| count > 0) {
                    let command = line.split_whitespace().next().unwrap_or_default().to_uppercase();
                    let usual = match command.as_str() {
                        "EHLO" => "250-sink\r\n250 8BITMIME",
                        "DATA" => "354 go on",
                        "QUIT" => "221 bye",
                        _ => "250 ok",
                    };
                    let answer = mood(&command).unwrap_or(usual);
                    if answer.is_empty() {
                        return;
                    }
                    let _ = write.write_all(format!("{answer}\r\n").as_bytes()).await;
                    if answer.starts_with("354") {
                        let mut letter = String::new();
                        while !letter.ends_with("\r\n.\r\n") && read.read_line(&mut letter).await.is_ok_and(|count| count > 0) {
                        }
                        let _ = taken.send(letter);
                        let answer = mood("END").unwrap_or("250 2.0.0 queued as 42");
                        if answer.is_empty() {
                            return;
                        }
                        let _ = write.write_all(format!("{answer}\r\n").as_bytes()).await;
                    }
                    line.clear();
                }
            });
        }
    });
    (port, given)
}

#[tokio::test]
async fn a_mail_server_gets_the_letter_once_for_one_recipient() {
    let stage = stage().await;
    let (invitation, _) = stage.invited("ada").await;
    let (port, mut given) = server(|_| None).await;
    round(&stage, &Arc::new(smtp(port))).await;
    let letter = given.recv().await.expect("a letter");
    assert!(letter.contains("\r\nTo: ada@acme.test\r\n") || letter.starts_with("To: ada@acme.test\r\n"), "{letter}");
    assert!(given.try_recv().is_err());
    let delivery = delivery(&stage, &invitation).await;
    assert_eq!((delivery.state.as_str(), delivery.answer.as_deref()), ("sent", Some("250 2.0.0 queued as 42")));
}

#[tokio::test]
async fn a_no_for_now_is_tried_again_and_a_no_for_good_is_not() {
    // SEC F-21.
    type Mood = fn(&str) -> Option<&'static str>;
    let moods: [(Mood, &str); 8] = [
        (|command| (command == "END").then_some(""), "deferred"),
        (|command| (command == "RCPT").then_some("451 4.7.1 greylisted"), "deferred"),
        (|command| (command == "END").then_some("452 4.3.1 full"), "deferred"),
        (|command| (command == "MAIL").then_some(""), "deferred"),
        (|command| (command == "RCPT").then_some("550 5.1.1 no such user"), "failed"),
        (|command| (command == "END").then_some("554 5.6.0 no"), "failed"),
        (|command| (command == "RCPT").then_some("HTTP/1.1 200 OK"), "deferred"),
        (|command| (command == "EHLO").then_some("\u{1}\u{2}garbage"), "deferred"),
    ];
    for (at, (mood, state)) in moods.into_iter().enumerate() {
        let stage = stage().await;
        let (invitation, _) = stage.invited("ada").await;
        let (port, _given) = server(mood).await;
        let post = Arc::new(smtp(port));
        round(&stage, &post).await;
        let after = delivery(&stage, &invitation).await;
        assert_eq!((after.state.as_str(), after.attempts), (state, 1), "mood {at}: {:?}", after.answer);
        assert_eq!(round(&stage, &post).await, 0, "mood {at}: not at once");
        stage.clock.advance(Duration::from_secs(5));
        assert_eq!(round(&stage, &post).await, usize::from(state == "deferred"), "mood {at}: after five seconds");
    }
}

#[tokio::test]
async fn a_server_that_takes_letters_and_hangs_up_gets_three_of_one_id() {
    // SEC F-18.
    let stage = stage().await;
    let (invitation, _) = stage.invited("ada").await;
    let (port, mut given) = server(|command| (command == "END").then_some("")).await;
    let post = Arc::new(smtp(port));
    for _ in 0..100 {
        round(&stage, &post).await;
        stage.clock.advance(Duration::from_secs(1800));
    }
    assert_eq!(delivery(&stage, &invitation).await.state, "failed");
    let mut ids = Vec::new();
    while let Ok(letter) = given.try_recv() {
        ids.extend(letter.lines().find(|line| line.starts_with("Message-ID:")).map(str::to_owned));
    }
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_server_that_is_away_gets_the_letter_when_it_comes_back() {
    // SEC F-17; the same Message-ID on every try (SEC F-16).
    let stage = stage().await;
    let (invitation, _) = stage.invited("ada").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let away = listener.local_addr().expect("an address").port();
    drop(listener);
    let post = Arc::new(smtp(away));
    let mut tries = 0;
    while tries < 4 {
        tries += u32::try_from(round(&stage, &post).await).expect("few");
        stage.clock.advance(Duration::from_secs(60));
    }
    let deferred = delivery(&stage, &invitation).await;
    assert_eq!((deferred.state.as_str(), deferred.attempts), ("deferred", 4));
    stage.clock.advance(Duration::from_secs(2 * 3600));
    let (port, mut given) = server(|_| None).await;
    round(&stage, &Arc::new(smtp(port))).await;
    assert!(given.recv().await.is_some());
    assert_eq!(delivery(&stage, &invitation).await.state, "sent");
    // And a server that never comes back ends with the link.
    let (lost, _) = stage.invited("bob").await;
    for _ in 0..80 {
        round(&stage, &post).await;
        stage.clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(delivery(&stage, &lost).await.state, "failed");
}

#[tokio::test]
async fn without_tls_a_server_that_must_have_it_gets_nothing() {
    let stage = stage().await;
    let (invitation, _) = stage.invited("ada").await;
    let (port, mut given) = server(|_| None).await;
    let transport = Transport::Smtp { host: "127.0.0.1".into(), port, tls: Tls::Starttls, user: None, password: None };
    let post = Post::open(&MailSettings { from: "usher@acme.test".into(), transport }, "h").expect("a way out");
    round(&stage, &Arc::new(post)).await;
    assert_ne!(delivery(&stage, &invitation).await.state, "sent");
    assert!(given.try_recv().is_err());
}

#[tokio::test]
async fn an_invitation_wakes_the_carrier_and_stop_ends_it() {
    let stage = stage().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let carrier = tokio::spawn(carry(stage.app.clone(), files(&stage), async move {
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
