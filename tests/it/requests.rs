//! The request log: what identity providers asked, as an administrator reads it.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Persona, Server, USER, answer};

/// The page at `path` below `api`, as soon as `is_there`: the log is written beside the requests.
async fn page(api: &Persona, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let body = api.get(path).await.expect(200).body;
        if is_there(&body) {
            return body;
        }
        assert!(Instant::now() < until, "{path}: {body}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn lines(page: &Value) -> &Vec<Value> {
    page["requests"].as_array().expect("lines")
}

fn has(count: usize) -> impl Fn(&Value) -> bool {
    move |page| lines(page).len() == count
}

/// OK-15, X-08, S-47: writes, failures and quirks, and nothing about a person.
#[tokio::test]
async fn an_administrator_sees_what_went_wrong_and_nobody_elses_data() {
    let server = Server::start();
    let child = server.tree.org(&server.tree.root, "child");
    let admin = server.admin(&server.tree.root);
    let api = admin.api();
    admin.get("/Users").await.expect(200);
    let body = json!({ "schemas": [USER], "userName": "ada@x.test", "password": "correct horse", "nope": "secret" });
    let create = admin.request(Method::POST, "/Users").header("user-agent", "Okta SCIM Client 1.0.0");
    let create = create.header("content-type", "application/scim+json").body(body.to_string());
    answer(create).await.expect(201);
    admin.post("/Users", &json!({ "schemas": [USER], "userName": "ADA@x.test" })).await.expect(409);
    admin.find("/Users", "userName eq ada@x.test").await.expect(200);
    admin.find("/Users", "userName regex \"ada@x.test\"").await.expect(400);

    let all = page(&api, "/requests", has(4)).await;
    for secret in ["ada@x.test", "correct horse", "secret"] {
        assert!(!all.to_string().to_lowercase().contains(secret), "{all}");
    }
    let of = |field: &str| -> Vec<Value> { lines(&all).iter().map(|line| line[field].clone()).collect() };
    assert_eq!(of("status"), [400, 200, 409, 201], "the newest first, and no plain read");
    assert_eq!(of("quirks"), [json!([]), json!(["bare-word"]), json!([]), json!(["unknown-attribute"])]);
    assert_eq!(of("reason")[2], r#"`userName` "…" is already used in this organization"#);
    assert_eq!(of("path")[1], "/scim2/Users?filter=userName eq …", "F-32");
    assert_eq!(of("path")[0], "/scim2/Users?filter=userName …");
    let created = &lines(&all)[3];
    assert_eq!((&created["method"], &created["provider"]), (&json!("POST"), &json!("okta")));
    assert_eq!(created["body"], format!(r#"{{"schemas":["{USER}"],"userName":"…","password":"…","nope":"…"}}"#));
    assert!(created["client"].is_string() && created["durationMs"].as_f64().is_some_and(|ms| ms > 0.0));

    for (query, statuses) in [
        ("status=4xx", vec![400, 409]),
        ("status=409", vec![409]),
        ("method=get", vec![400, 200]),
        ("quirk=bare-word", vec![200]),
        ("client=nobody", vec![]),
        ("until=2026-01-01T00:00:00Z", vec![]),
        ("since=2026-01-01T00:00:00Z&limit=1", vec![400]),
    ] {
        let found = api.get(&format!("/requests?{query}")).await.expect(200).body;
        let found: Vec<u64> = lines(&found).iter().filter_map(|line| line["status"].as_u64()).collect();
        assert_eq!(found, statuses, "{query}");
    }
    let mut read = Vec::new();
    let mut next = String::new();
    loop {
        let found = api.get(&format!("/requests?limit=3{next}")).await.expect(200).body;
        read.extend(lines(&found).iter().map(|line| line["status"].clone()));
        let Some(before) = found["next"].as_str() else { break };
        next = format!("&before={before}");
    }
    assert_eq!(read, of("status"), "page by page");
    for query in ["status=5", "status=abc", "quirk=nope", "since=today", "limit=x", "before=x"] {
        api.get(&format!("/requests?{query}")).await.expect_error(400, Some("invalidValue"));
    }

    // T-06: another org sees neither lines nor counts, not even by id.
    let other = server.admin(&child).api();
    let id = created["id"].as_str().expect("an id");
    assert_eq!(api.get(&format!("/requests/{id}")).await.expect(200).body, *created);
    other.get(&format!("/requests/{id}")).await.expect_error(404, None);
    // Its failure is in its own log.
    let theirs = page(&other, "/requests", has(1)).await;
    assert_eq!(lines(&theirs)[0]["status"], 404);
    assert_eq!(other.get("/quirks").await.expect(200).body, json!({ "quirks": [] }));
    let counts = api.get("/quirks").await.expect(200).body;
    let counts: Vec<_> = counts["quirks"].as_array().expect("counts").iter().map(|one| one["quirk"].clone()).collect();
    assert_eq!(counts, ["bare-word", "unknown-attribute"]);
}

#[tokio::test]
async fn reads_are_logged_where_the_org_wants_them() {
    let server = Server::start();
    let child = server.tree.org(&server.tree.root, "child");
    let settings = server.tree.json(&["org", "set", "--org", &server.tree.root, "--log", "all"]);
    assert_eq!((&settings["log"], &settings["effective"]["log"]), (&json!("all"), &json!("all")));
    let admin = server.admin(&child);
    admin.get("/Groups?count=5").await.expect(200);
    let is_there = |page: &Value| lines(page).iter().any(|line| line["path"] == "/scim2/Groups?count=5");
    page(&admin.api(), "/requests?method=GET", is_there).await;
}

/// What was answered before the end is in the log after it.
#[tokio::test]
async fn the_end_of_the_server_loses_no_line() {
    let server = Server::start();
    server.admin(&server.tree.root).user("ada").await;
    let (code, tree) = server.terminate();
    assert_eq!(code, Some(0));
    let server = tree.serve();
    let log = server.admin(&server.tree.root).api().get("/requests").await.expect(200).body;
    assert_eq!(lines(&log)[0]["status"], 201);
}

/// Anybody could fill the log of anybody.
#[tokio::test]
async fn who_was_not_let_in_leaves_no_line() {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    server.stranger("acme", &server.tree.root, Some("nonsense".into())).post("/Users", &json!({})).await.expect(401);
    admin.user("ada").await;
    let log = page(&admin.api(), "/requests", |page| !lines(page).is_empty()).await;
    assert_eq!(lines(&log).iter().map(|line| line["status"].clone()).collect::<Vec<_>>(), [201]);
}

/// What was forgiven counts as well where the request fails in the end, and is told once.
#[tokio::test]
async fn a_patch_that_fails_shows_what_it_needed_until_then() {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    let (id, _) = (admin.user("ada").await, admin.user("eve").await);
    let remove = json!({ "op": "remove", "path": "emails[type eq \"nope\"]" });
    let taken = json!([remove, { "op": "replace", "path": "userName", "value": "eve" }]);
    admin.patch(&format!("/Users/{id}"), taken).await.expect(409);
    admin.patch(&format!("/Users/{id}"), json!([remove])).await.expect(200);
    let all = page(&admin.api(), "/requests?method=PATCH", has(2)).await;
    for line in lines(&all) {
        assert_eq!(line["quirks"], json!(["remove-without-match"]), "{line}");
    }
    assert_eq!(server.log().matches("read in a dialect").count(), 2, "once for each request");
}
