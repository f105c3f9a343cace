//! What HTTP itself asks of every resource: preferences, conditions, addresses.

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Answer, GROUP, PATCH_OP, Persona, Server, USER, answer};

fn admin() -> (Server, Persona) {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    (server, admin)
}

async fn preferring(admin: &Persona, method: Method, path: &str, prefer: &str, body: &Value) -> Answer {
    let request = admin.request(method, path).header("prefer", prefer).header("content-type", "application/scim+json");
    answer(request.body(body.to_string())).await
}

/// H-10, P-28, C-02, V-01, A-10
#[tokio::test]
async fn a_write_answers_as_the_client_prefers() {
    let (server, admin) = admin();
    for (endpoint, schema, name) in [("/Users", USER, "userName"), ("/Groups", GROUP, "displayName")] {
        let plain = json!({ "schemas": [schema], name: "a" });
        let made = preferring(&admin, Method::POST, endpoint, "return=minimal", &plain).await.expect(201);
        let location = made.header("location").expect("a location").to_owned();
        let one = location.strip_prefix(&admin.base).expect("an address of this org").to_owned();
        assert_eq!((made.text.as_str(), made.header("content-type")), ("", None), "{endpoint}");
        assert_eq!(made.header("preference-applied"), Some("return=minimal"), "{endpoint}");
        let whole = admin.get(&one).await.expect(200);
        assert_eq!(made.header("etag"), whole.header("etag"), "C-02: {endpoint}");

        let patch = |value: &str| {
            let operations = json!([{ "op": "replace", "path": name, "value": value }]);
            json!({ "schemas": [PATCH_OP], "Operations": operations })
        };
        let put = |value: &str| json!({ "schemas": [schema], name: value });
        for (method, body) in [(Method::PUT, put("b")), (Method::PATCH, patch("c"))] {
            let minimal = preferring(&admin, method.clone(), &one, "return=minimal", &body).await.expect(204);
            let now = admin.get(&one).await.expect(200);
            assert_eq!((minimal.text.as_str(), minimal.header("etag")), ("", now.header("etag")), "{method} {one}");
            assert_eq!(minimal.header("content-location"), Some(location.as_str()), "{method} {one}");
            assert_eq!(minimal.header("preference-applied"), Some("return=minimal"), "{method} {one}");
        }
        for (method, body) in [(Method::PUT, put("d")), (Method::PATCH, patch("e"))] {
            let full = preferring(&admin, method.clone(), &one, "wait=1, return=representation", &body).await.expect(200);
            let now = admin.get(&one).await.expect(200);
            assert_eq!((&full.body, full.header("etag")), (&now.body, now.header("etag")), "{method} {one}");
            assert_eq!(full.header("preference-applied"), Some("return=representation"), "{method} {one}");
        }
        // who names attributes gets them, and is not told that the preference was followed.
        let named = format!("{one}?attributes={name}");
        let named = preferring(&admin, Method::PATCH, &named, "return=minimal", &patch("f")).await.expect(200);
        assert_eq!((&named.body[name], named.header("preference-applied")), (&json!("f"), None), "{one}");
        let plain = preferring(&admin, Method::PUT, &one, "respond-async", &put("g")).await.expect(200);
        assert_eq!(plain.header("preference-applied"), None, "{one}");
    }
    let partners = server.tree.org(&server.tree.root, "partners");
    admin.user("ada").await;
    let below = server.admin(&partners);
    let invited =
        preferring(&below, Method::POST, "/Invitations", "return=minimal", &json!({ "userName": "ada" })).await.expect(201);
    assert_eq!((invited.text.as_str(), invited.header("preference-applied")), ("", Some("return=minimal")));
}

/// V-02, V-03, V-04
#[tokio::test]
async fn conditions_hold_for_every_type_and_in_every_form() {
    let (server, admin) = admin();
    let (user, group) = (admin.user("ada").await, admin.group("Crew", &[]).await);
    let below = server.admin(&server.tree.org(&server.tree.root, "partners"));
    let invitation = below.post("/Invitations", &json!({ "userName": "ada" })).await.expect(201).id();
    let invitation = format!("/Invitations/{invitation}");
    // Sending its letter changes an invitation, too.
    let sent = async {
        while below.get(&invitation).await.expect(200).body["delivery"]["state"] == "queued" {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), sent).await.expect("a letter goes out");
    for (persona, one) in [(&below, invitation), (&admin, format!("/Users/{user}")), (&admin, format!("/Groups/{group}"))] {
        let tag = persona.get(&one).await.expect(200).header("etag").expect("an ETag").to_owned();
        let get = || persona.request(Method::GET, &one);
        let known = answer(get().header("if-none-match", format!("\"x\", {tag}"))).await.expect(304);
        assert_eq!((known.header("etag"), known.text.as_str()), (Some(tag.as_str()), ""), "{one}");
        assert!(known.header("content-location").is_some_and(|location| location.ends_with(&one)), "RFC 9110 §15.4.5");
        answer(get().header("if-none-match", "*")).await.expect(304);
        // A list may come in several lines.
        answer(get().header("if-none-match", "\"x\"").header("if-none-match", &tag)).await.expect(304);
        answer(get().header("if-none-match", "\"x\"")).await.expect(200);

        // A condition that nobody can read does not hold; it is not as if there were none.
        let unreadable = reqwest::header::HeaderValue::from_bytes(b"\"\xff\"").expect("obs-text");
        for wrong in
            [reqwest::header::HeaderValue::from_static("\"x\""), unreadable, reqwest::header::HeaderValue::from_static("")]
        {
            let delete = persona.request(Method::DELETE, &one).header("if-match", wrong.clone());
            answer(delete).await.expect_error(412, None);
        }
        persona.get(&one).await.expect(200);
        answer(persona.request(Method::DELETE, &one).header("if-match", format!("\"x\", {tag}"))).await.expect(204);
        for header in ["*", tag.as_str()] {
            answer(persona.request(Method::DELETE, &one).header("if-match", header)).await.expect_error(404, None);
        }
    }
    let nobody = "/Users/019aa000-0000-7000-8000-00000000beef";
    for (method, body) in [
        (Method::PUT, json!({ "schemas": [USER], "userName": "x" })),
        (Method::PATCH, json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "replace", "path": "title", "value": "x" }] })),
    ] {
        let request = admin.request(method, nobody).header("if-match", "*").header("content-type", "application/json");
        answer(request.body(body.to_string())).await.expect_error(404, None);
    }
}
