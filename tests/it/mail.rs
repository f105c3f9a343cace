//! Letters to look at and letters to try, by API and command line.

use std::time::Duration;

use serde_json::{Value, json};

use crate::server::{Persona, Server, Tree};
use crate::smtp::Sink;

pub(crate) fn through(port: u16) -> Tree {
    Tree::new(&[
        ("USHER_MAIL__TRANSPORT", "smtp"),
        ("USHER_MAIL__HOST", "127.0.0.1"),
        ("USHER_MAIL__PORT", &port.to_string()),
        ("USHER_MAIL__TLS", "none"),
        ("USHER_MAIL__FROM", "Usher <usher@acme.test>"),
    ])
}

/// acme and its child partners, of which letters go to `sink`.
fn stage(sink: &Sink) -> (Server, Persona, Persona) {
    let server = through(sink.address.port()).serve();
    let child = server.tree.org(&server.tree.root, "partners");
    let (parent, partners) = (server.admin(&server.tree.root), server.admin(&child));
    (server, parent, partners)
}

async fn test(who: &Persona, body: Value) -> crate::server::Answer {
    who.api().post("/mail/test", &body).await
}

#[tokio::test]
async fn a_letter_can_be_looked_at_in_every_language_and_nothing_is_sent() {
    let sink = Sink::start();
    let (_server, _, partners) = stage(&sink);
    for (query, language, subject) in [
        ("", "en", "Grace Hopper invites you to partners"),
        ("?language=de-AT", "de", "Grace Hopper lädt Sie zu partners ein"),
        ("?language=fr&kind=reminder", "fr", "Rappel\u{a0}: votre invitation à rejoindre partners expire dans 3 jours"),
        ("?language=es-MX&kind=invitation", "es", "Grace Hopper le invita a partners"),
        ("?language=si-LK", "si", "Grace Hopper ඔබට partners වෙත එක්වීමට ආරාධනා කරයි"),
        ("?language=tlh", "en", "Grace Hopper invites you to partners"),
    ] {
        let letter = partners.api().get(&format!("/mail/preview{query}")).await.expect(200).body;
        assert_eq!((&letter["language"], &letter["subject"]), (&json!(language), &json!(subject)), "{query}");
        assert_eq!(letter["from"], "Usher <usher@acme.test>");
        let (text, html) = (letter["text"].as_str().expect("a text"), letter["html"].as_str().expect("HTML"));
        let link = text.lines().find(|line| line.contains("/invitations/")).expect("a link");
        assert!(html.contains(&format!("href=\"{link}\"")) && text.contains("acme › partners"), "{text}");
    }
    let wrong = partners.api().get("/mail/preview?kind=bill").await.expect(400);
    assert!(wrong.text.contains("bill") && wrong.text.contains("invitation"), "{}", wrong.text);
    assert!(sink.another_within(Duration::from_millis(300)).is_none());
}

#[tokio::test]
async fn a_test_letter_goes_to_a_user_of_the_organization_and_to_nobody_else() {
    let sink = Sink::start();
    let (server, parent, partners) = stage(&sink);
    parent.user("ada").await;
    partners.user("bob").await;
    let sent = test(&partners, json!({ "userName": "bob", "kind": "reminder", "language": "de" })).await.expect(200).body;
    assert_eq!(sent, json!({ "userName": "bob", "sent": true, "answer": "250 taken" }));
    let letter = sink.next();
    assert_eq!(letter.to, ["bob@mail.test"]);
    assert!(
        letter.parse().subject().is_some_and(|subject| subject.starts_with("Erinnerung")),
        "{:?}",
        letter.parse().subject()
    );
    // Neither an address, nor the parent's user, nor nobody.
    for (body, word) in [
        (json!({ "to": "eve@evil.test" }), "userName"),
        (json!({ "userName": "bob", "message": "buy" }), "message"),
        (json!({ "userName": "bob@mail.test" }), "bob@mail.test"),
        (json!({ "userName": "ada" }), "ada"),
        (json!({}), "userName"),
        (json!({ "userName": 1 }), "userName"),
        (json!({ "userName": "bob", "kind": "bill" }), "bill"),
    ] {
        let refused = test(&partners, body.clone()).await.expect(400);
        assert!(refused.text.contains(word), "{body}: {}", refused.text);
    }
    // A person needs to name nobody.
    let org = partners.base.split('/').nth(6).expect("an org");
    let token = server.tree.token_of("bob", org, "settings:write");
    let bob = server.stranger("acme", org, Some(token));
    assert_eq!(test(&bob, json!({})).await.expect(200).body["userName"], "bob");
    assert_eq!(sink.next().to, ["bob@mail.test"]);
    // Ten an hour, and each organization its own.
    for _ in 2..10 {
        test(&partners, json!({ "userName": "bob" })).await.expect(200);
        sink.next();
    }
    let refused = test(&partners, json!({ "userName": "bob" })).await.expect(429);
    assert!(refused.text.contains("10 test letters an hour"), "{}", refused.text);
    test(&parent, json!({ "userName": "ada" })).await.expect(200);
    assert_eq!(sink.next().to, ["ada@mail.test"]);
    assert!(sink.another_within(Duration::from_millis(300)).is_none());
}

#[tokio::test]
async fn a_child_writes_under_the_letterhead_of_its_parent_until_it_has_its_own() {
    let sink = Sink::start();
    let (_server, parent, partners) = stage(&sink);
    let set = async |who: &Persona, mail: Value| {
        who.api().send(reqwest::Method::PATCH, "/settings", Some(&json!({ "mail": mail }))).await
    };
    let acme = json!({
        "senderName": "ACME People, Ltd", "replyTo": "people@acme.test", "color": "#ffd400",
        "logo": "https://acme.test/logo.png", "footer": "Questions? people@acme.test", "language": "fr",
    });
    assert_eq!(set(&parent, acme.clone()).await.expect(200).body["mail"], acme);
    let own = set(&partners, json!({ "color": "#7a0019" })).await.expect(200).body;
    assert_eq!((&own["mail"], &own["effective"]["mail"]["replyTo"]), (&json!({ "color": "#7a0019" }), &acme["replyTo"]));
    let letter = partners.api().get("/mail/preview").await.expect(200).body;
    assert_eq!((&letter["language"], &letter["replyTo"]), (&acme["language"], &acme["replyTo"]));
    assert_eq!(letter["from"], "\"ACME People, Ltd\" <usher@acme.test>");
    let html = letter["html"].as_str().expect("HTML");
    for part in
        [r##"background:#7a0019;color:#ffffff"##, r#"<img src="https://acme.test/logo.png" alt="partners""#, "Questions?"]
    {
        assert!(html.contains(part), "{part}: {html}");
    }
    // The real letter looks like it.
    parent.user("ada").await;
    partners.post("/Invitations", &json!({ "userName": "ada" })).await.expect(201);
    let letter = sink.next();
    let parsed = letter.parse();
    let from = parsed.from().and_then(|from| from.first()).expect("a sender");
    assert_eq!((from.name(), from.address()), (Some("ACME People, Ltd"), Some("usher@acme.test")));
    let reply_to = parsed.reply_to().and_then(|to| to.first()).and_then(|to| to.address());
    assert_eq!((reply_to, letter.from.as_str()), (Some("people@acme.test"), "usher@acme.test"));
    assert!(parsed.body_html(0).is_some_and(|html| html.contains("#7a0019") && html.contains("<html lang=\"fr\">")));
    // What does not fit is named, and nothing of the request is kept.
    for (mail, word) in [
        (json!({ "color": "red;background:url(//evil.test)" }), "mail.color"),
        (json!({ "logo": "http://acme.test/logo.png" }), "mail.logo"),
        (json!({ "logo": "https://a/\"><script>" }), "mail.logo"),
        (json!({ "replyTo": "a@acme.test\r\nBcc: eve@evil.test" }), "mail.replyTo"),
        (json!({ "senderName": "x\r\nBcc: eve@evil.test" }), "mail.senderName"),
        (json!({ "senderName": "x".repeat(101) }), "mail.senderName"),
        (json!({ "footer": "x".repeat(201), "color": "#000000" }), "mail.footer"),
        (json!({ "language": "klingon please" }), "mail.language"),
        (json!({ "font": "Comic Sans" }), "mail.font"),
    ] {
        let refused = set(&partners, mail.clone()).await.expect(400);
        assert!(refused.text.contains(word), "{mail}: {}", refused.text);
    }
    assert_eq!(partners.api().get("/settings").await.expect(200).body["mail"], json!({ "color": "#7a0019" }));
}

#[tokio::test]
async fn a_mail_server_that_is_away_is_told_and_is_not_our_fault() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let server = through(port).serve();
    let admin = server.admin(&server.tree.root);
    admin.user("ada").await;
    let told = test(&admin, json!({ "userName": "ada" })).await.expect(200).body;
    assert!(told["sent"] == false && told["answer"].as_str().is_some_and(|answer| answer.contains("refused")), "{told}");
}

#[test]
fn an_operator_looks_and_tries_too() {
    let sink = Sink::start();
    let tree = through(sink.address.port());
    let shown = |args: &[&str]| {
        let output = tree.run(args);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, letter) = shown(&["mail", "preview", "--org", &tree.root, "--language", "fr"]);
    assert!(code == Some(0) && letter.starts_with("Grace Hopper vous invite à rejoindre Example\n\nBonjour,\n"), "{letter}");
    let (_, html) = shown(&["mail", "preview", "--org", &tree.root, "--html", "--kind", "reminder"]);
    assert!(html.starts_with("<!doctype html>") && html.contains("not answered yet"), "{html}");
    assert_eq!(tree.json(&["mail", "preview", "--org", &tree.root])["from"], "Usher <usher@acme.test>");
    let sent = tree.json(&["mail", "test", "--org", &tree.root, "--to", "ops@acme.test"]);
    assert_eq!(sent, json!({ "sent": true, "answer": "250 taken" }));
    assert_eq!(sink.next().to, ["ops@acme.test"]);
    let (code, _) = shown(&["mail", "test", "--org", &tree.root, "--to", "ops@acme.test, eve@evil.test"]);
    assert_eq!(code, Some(1));
    assert_eq!(shown(&["mail", "preview", "--org", &tree.root, "--kind", "bill"]).0, Some(2));
    assert!(sink.another_within(Duration::from_millis(300)).is_none());
}
