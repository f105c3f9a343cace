//! How much is asked at a time, from outside: what a client reads when it is too much, and who is not held back with it.

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use crate::server::{Answer, Persona, Server, Tree, answer, text};
use crate::tokens::form;

/// As many reads at once.
async fn reads(persona: &Persona, count: usize) -> Vec<Answer> {
    let mut many = JoinSet::new();
    for _ in 0..count {
        many.spawn(answer(persona.request(Method::GET, "/Users?count=0")));
    }
    many.join_all().await
}

/// X-11, SEC S-63, V-28: only beyond a share that no identity provider uses up.
#[tokio::test]
async fn an_org_that_asks_for_more_than_its_share_waits_and_the_others_do_not() {
    // With nothing under way but the request itself, more is under way than this.
    let server = Tree::new(&[("USHER_LIMITS__UNDER_WAY", "0")]).serve();
    let child = server.tree.org(&server.tree.root, "partners");
    let (greedy, other) = (server.admin(&server.tree.root), server.admin(&child));
    let first = reads(&greedy, 25).await;
    assert!(first.iter().all(|answer| answer.status == 200), "25 at once, and more");
    let mut refused = None;
    for _ in 0..500 {
        let answers = reads(&greedy, 8).await;
        refused = answers.into_iter().find(|answer| answer.status != 200);
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.expect("sooner or later").expect_error(429, None);
    let seconds: u32 = refused.header("retry-after").and_then(|seconds| seconds.parse().ok()).expect("whole seconds");
    assert!((1..=30).contains(&seconds));
    other.get("/Users?count=0").await.expect(200);
}

#[tokio::test]
async fn while_the_machine_has_room_nobody_waits() {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    for _ in 0..40 {
        let answers = reads(&admin, 8).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
    }
}

/// X-11, SEC S-63: wrong secrets, at both endpoints, in the words of OAuth.
#[tokio::test]
async fn a_client_with_a_wrong_secret_waits_and_no_other_does() {
    let server = Server::start();
    let api = server.admin(&server.tree.root).api();
    let made = json!({ "name": "Okta", "scope": "users:read" });
    let (one, other) = (api.post("/clients", &made).await.expect(201).body, api.post("/clients", &made).await.expect(201).body);
    let ask = async |path: &str, id: &str, secret: &str| {
        let fields = [("grant_type", "client_credentials"), ("token", "x"), ("client_id", id), ("client_secret", secret)];
        form(&server, path, &fields).await
    };
    let (id, secret) = (text(&one, "id"), text(&one, "secret"));
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    for id in [&*id, unknown] {
        for at in 0..10 {
            let path = if at % 2 == 0 { "/oauth2/token" } else { "/oauth2/revoke" };
            assert_eq!(ask(path, id, "guess").await.expect(401).body["error"], "invalid_client");
        }
        for (path, secret) in [("/oauth2/token", "guess"), ("/oauth2/token", &*secret), ("/oauth2/revoke", &*secret)] {
            let refused = ask(path, id, secret).await.expect(429);
            let seconds: u32 = refused.header("retry-after").and_then(|seconds| seconds.parse().ok()).expect("whole seconds");
            assert!((1..=6).contains(&seconds) && refused.header("cache-control") == Some("no-store"));
            assert_eq!(refused.body["error"], "temporarily_unavailable", "known and unknown alike");
        }
    }
    let (id, secret) = (text(&other, "id"), text(&other, "secret"));
    ask("/oauth2/token", &id, &secret).await.expect(200);
}
