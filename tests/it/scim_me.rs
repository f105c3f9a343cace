//! `/Me`: the user whose token it is, at an address of its own.

use reqwest::Method;
use serde_json::json;

use crate::server::{ALL_SCOPES, Persona, Server, USER, answer};

/// An administrator, and `ada` with these scopes.
async fn cast(scope: &str) -> (Server, Persona, Persona, String) {
    let server = Server::start();
    let root = server.tree.root.clone();
    let admin = server.admin(&root);
    let id = admin.user("ada").await;
    let ada = server.stranger("acme", &root, Some(server.tree.token_of("ada", &root, scope)));
    (server, admin, ada, id)
}

/// M-01, M-02, M-03
#[tokio::test]
async fn me_is_the_user_whose_token_it_is() {
    let (_server, admin, ada, id) = cast(ALL_SCOPES).await;
    let home = format!("{}/Users/{id}", ada.base);
    let me = ada.get("/Me").await.expect(200);
    let at_home = admin.get(&format!("/Users/{id}")).await.expect(200);
    assert_eq!((&me.body, me.header("etag")), (&at_home.body, at_home.header("etag")));
    for header in ["location", "content-location"] {
        assert_eq!(me.header(header), Some(home.as_str()), "M-02: {header}");
    }
    assert_eq!(me.body["meta"]["location"], home);
    assert_eq!(at_home.header("location"), None, "no alias, no `Location`");

    let known = ada.request(Method::GET, "/Me").header("if-none-match", me.header("etag").expect("an ETag"));
    assert_eq!(answer(known).await.expect(304).header("location"), Some(home.as_str()));
    let named = ada.get("/Me?attributes=userName").await.expect(200);
    assert_eq!(named.body, json!({ "schemas": [USER], "id": id, "userName": "ada" }));

    let patched = ada.patch("/Me", json!([{ "op": "replace", "path": "title", "value": "Countess" }])).await.expect(200);
    assert_eq!((&patched.body["title"], patched.header("location")), (&json!("Countess"), Some(home.as_str())));
    let replaced = ada.put("/Me", &json!({ "schemas": [USER], "userName": "ada", "nickName": "A" })).await.expect(200);
    assert_eq!((&replaced.body["nickName"], replaced.header("location")), (&json!("A"), Some(home.as_str())));
    assert_eq!(replaced.body.get("title"), None);
    assert_eq!(admin.get(&format!("/Users/{id}")).await.expect(200).body, replaced.body);
    let stale = ada.request(Method::DELETE, "/Me").header("if-match", me.header("etag").expect("an ETag"));
    answer(stale).await.expect_error(412, None);

    ada.delete("/Me").await.expect(204);
    ada.get("/Me").await.expect_error(401, None);
    admin.get(&format!("/Users/{id}")).await.expect_error(404, None);
    // M-03: nobody registers themselves.
    admin.post("/Me", &json!({ "schemas": [USER], "userName": "eve" })).await.expect_error(405, None);
}

/// M-04
#[tokio::test]
async fn a_client_is_nobody_and_is_told_so() {
    let (_server, admin, reader, id) = cast("users:read").await;
    let refused = [
        admin.get("/Me").await,
        admin.put("/Me", &json!({ "schemas": [USER], "userName": "x" })).await,
        admin.patch("/Me", json!([])).await,
        admin.delete("/Me").await,
    ];
    for refused in refused {
        let refused = refused.expect_error(404, None);
        assert!(refused.body["detail"].as_str().is_some_and(|detail| detail.contains("no user")), "{}", refused.text);
    }
    // Being oneself gives no right to write.
    reader.patch("/Me", json!([{ "op": "replace", "path": "title", "value": "x" }])).await.expect_error(403, None);
    reader.delete("/Me").await.expect_error(403, None);
    assert_eq!(reader.get("/Me").await.expect(200).id(), id);
}
