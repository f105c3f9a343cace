//! `Idempotency-Key`: a request that is sent again is not carried out again. B-16 throughout.

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Answer, GROUP, Persona, Server, USER, answer, text};

async fn send(who: &Persona, path: &str, key: &str, body: &Value) -> Answer {
    let request = who.request(Method::POST, path).header("Idempotency-Key", key);
    answer(request.header("content-type", "application/scim+json").body(body.to_string())).await
}

fn user(name: &str) -> Value {
    json!({ "schemas": [USER], "userName": name, "password": "correct horse battery staple" })
}

fn group(name: &str) -> Value {
    json!({ "schemas": [GROUP], "displayName": name })
}

fn same(one: &Answer, other: &Answer) {
    assert_eq!((one.status, &one.body), (other.status, &other.body));
    for header in ["location", "etag"] {
        assert_eq!(one.header(header), other.header(header), "{header}");
    }
}

/// B-16
#[tokio::test]
async fn a_post_that_is_sent_again_is_answered_again() {
    let server = Server::start();
    let root = server.tree.root.clone();
    let token = server.tree.token(&root, crate::server::ALL_SCOPES);
    let admin = server.stranger("acme", &root, Some(token.clone()));
    let ada = send(&admin, "/Users", "k-1", &user("ada")).await.expect(201);
    same(&ada, &send(&admin, "/Users", "\"k-1\"", &user("ada")).await);
    let crew = send(&admin, "/Groups", "k-2", &group("crew")).await.expect(201);
    same(&crew, &send(&admin, "/Groups", "k-2", &group("crew")).await);
    assert_eq!(admin.get("/Groups").await.total(), 1);

    // Another body, another address, another key.
    send(&admin, "/Users", "k-1", &user("eve")).await.expect_error(422, None);
    send(&admin, "/Groups", "k-1", &user("ada")).await.expect_error(422, None);
    send(&admin, "/Users", "k-3", &user("ada")).await.expect_error(409, Some("uniqueness"));
    for bad in ["", "\"\"", "a b", &"x".repeat(256)] {
        send(&admin, "/Users", bad, &user("bad")).await.expect_error(400, Some("invalidValue"));
    }
    // What was refused did nothing, so its key is free.
    send(&admin, "/Users", "k-4", &json!({ "schemas": [USER] })).await.expect_error(400, Some("invalidValue"));
    send(&admin, "/Users", "k-4", &user("bob")).await.expect(201);
    // The rights are asked anew, and the keys of others are others.
    let reader = server.persona(&root, "users:read");
    send(&reader, "/Users", "k-1", &user("ada")).await.expect_error(403, None);
    send(&server.admin(&root), "/Users", "k-1", &user("eve")).await.expect(201);
    let child = server.tree.org(&root, "partners");
    send(&server.admin(&child), "/Users", "k-1", &user("eve")).await.expect(201);

    // It was on disk together with the user.
    let server = server.kill().serve();
    let admin = server.stranger("acme", &root, Some(token));
    let again = send(&admin, "/Users", "k-1", &user("ada")).await.expect(201);
    assert_eq!((again.id(), again.header("etag")), (ada.id(), ada.header("etag")));
    admin.delete(&format!("/Users/{}", ada.id())).await.expect(204);
    send(&admin, "/Users", "k-1", &user("ada")).await.expect_error(410, None);
}

/// B-16
#[tokio::test]
async fn a_bulk_request_that_is_sent_again_is_not_carried_out_again() {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    let bulk = |name: &str| {
        let post = json!({ "method": "POST", "path": "/Groups", "bulkId": name, "data": group(name) });
        let wrong = json!({ "method": "DELETE", "path": "/Groups/7" });
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [post, wrong] })
    };
    let first = send(&admin, "/Bulk", "k", &bulk("crew")).await.expect(200);
    assert_eq!(text(&first.body["Operations"][0], "status"), "201");
    let again = send(&admin, "/Bulk", "k", &bulk("crew")).await.expect(200);
    assert_eq!(first.text, again.text);
    assert_eq!(admin.get("/Groups").await.total(), 1);
    send(&admin, "/Bulk", "k", &bulk("other")).await.expect_error(422, None);
    // One that was refused as a whole did nothing.
    send(&admin, "/Bulk", "k-2", &json!({ "Operations": [] })).await.expect_error(400, Some("invalidSyntax"));
    send(&admin, "/Bulk", "k-2", &bulk("other")).await.expect(200);
}

/// B-16
#[tokio::test]
async fn of_many_at_once_one_is_carried_out() {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let admin = admin.clone();
        tasks.spawn(async move { send(&admin, "/Groups", "k", &group("crew")).await });
    }
    let mut made = std::collections::BTreeSet::new();
    while let Some(answer) = tasks.join_next().await {
        let answer = answer.expect("it is answered");
        match answer.status {
            201 => drop(made.insert(answer.id())),
            _ => assert_eq!(answer.expect_error(409, None).header("retry-after"), Some("1")),
        }
    }
    assert_eq!((made.len(), admin.get("/Groups").await.total()), (1, 1));
}
