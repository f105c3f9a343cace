//! A manager: a weak reference whose name is shown where it leads somewhere (RFC 7643 §4.3).

use serde_json::{Value, json};

use crate::server::{Persona, Server, USER};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

async fn report(admin: &Persona, name: &str, extension: Value) -> crate::server::Answer {
    let body = json!({ "schemas": [USER, ENTERPRISE], "userName": name, ENTERPRISE: extension });
    admin.post("/Users", &body).await.expect(201)
}

/// S-43, S-44, V-06, S-08
#[tokio::test]
async fn a_managers_name_is_shown_everywhere_and_is_nobodys_to_write() {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    let boss =
        admin.post("/Users", &json!({ "schemas": [USER], "userName": "eve", "displayName": "Eve" })).await.expect(201).id();
    let made =
        report(&admin, "ada", json!({ "manager": { "value": boss, "displayName": "Mallory", "$ref": "https://evil.test" } }))
            .await;
    let one = format!("/Users/{}", made.id());
    let shown = json!({ "value": boss, "$ref": format!("{}/Users/{boss}", admin.base), "displayName": "Eve" });
    let patched = admin.patch(&one, json!([{ "op": "replace", "path": "title", "value": "x" }])).await.expect(200);
    let replaced = admin.put(&one, &patched.body).await.expect(200);
    let echoed =
        admin.patch(&one, json!([{ "op": "replace", "value": { ENTERPRISE: { "manager": shown } } }])).await.expect(200);
    let got = admin.get(&one).await.expect(200);
    let listed = admin.find("/Users", "userName eq \"ada\"").await.expect(200).body["Resources"][0].clone();
    for (case, body) in
        [("POST", &made.body), ("PATCH", &patched.body), ("PUT", &replaced.body), ("GET", &got.body), ("list", &listed)]
    {
        assert_eq!(body[ENTERPRISE]["manager"], shown, "{case}");
    }
    for same in [&replaced, &echoed, &got] {
        assert_eq!(same.header("etag"), patched.header("etag"), "what is derived changes nothing when it comes back");
    }
    let address = shown["$ref"].as_str().and_then(|url| url.strip_prefix(&admin.base)).expect("an address of this org");
    assert_eq!(admin.get(address).await.expect(200).id(), boss, "S-08");
    let name = format!("{one}?attributes={ENTERPRISE}:manager.displayName");
    assert_eq!(admin.get(&name).await.expect(200).body[ENTERPRISE], json!({ "manager": { "displayName": "Eve" } }));
    let without_groups = admin.get(&format!("{one}?excludedAttributes=groups")).await.expect(200);
    assert_eq!(without_groups.body[ENTERPRISE]["manager"], shown);
    for path in ["manager.displayName", "manager.$ref"] {
        let path = format!("{ENTERPRISE}:{path}");
        let forged = admin.patch(&one, json!([{ "op": "replace", "path": path, "value": "Mallory" }])).await.expect(200);
        assert_eq!(forged.body, got.body, "passed over, as what every client sends back: {path}");
    }

    // V-06: the name follows, the version of the report stays.
    admin
        .patch(&format!("/Users/{boss}"), json!([{ "op": "replace", "path": "displayName", "value": "Eve S." }]))
        .await
        .expect(200);
    let later = admin.get(&one).await.expect(200);
    assert_eq!(later.body[ENTERPRISE]["manager"]["displayName"], "Eve S.");
    assert_eq!((later.header("etag"), &later.body["meta"]), (got.header("etag"), &got.body["meta"]));
    for (filter, total) in [("eq \"EVE s.\"", 1), ("eq \"Eve\"", 0), ("pr", 1)] {
        let filter = format!("{ENTERPRISE}:manager.displayName {filter}");
        assert_eq!(admin.find("/Users", &filter).await.expect(200).total(), total, "{filter}");
    }
    // A user without a display name is called by the other one.
    admin.patch(&format!("/Users/{boss}"), json!([{ "op": "remove", "path": "displayName" }])).await.expect(200);
    assert_eq!(admin.get(&one).await.expect(200).body[ENTERPRISE]["manager"]["displayName"], "eve");
    let freed = admin.patch(&one, json!([{ "op": "remove", "path": "manager" }])).await.expect(200);
    assert_eq!((freed.body.get(ENTERPRISE), &freed.body["schemas"]), (None, &json!([USER])));
}

/// S-44, T-06: whoever is no user of this org is a text and nothing more.
#[tokio::test]
async fn a_manager_who_is_not_there_stays_a_text() {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    let below = server.admin(&server.tree.org(&server.tree.root, "partners"));
    let foreign = below.user("eve").await;
    let group = admin.group("Crew", &[]).await;
    for (n, id) in
        [foreign.as_str(), &group, "019aa000-0000-7000-8000-00000000beef", "E-4711", "\"}},\"manager\":{\"value\":\""]
            .into_iter()
            .enumerate()
    {
        let made = report(&admin, &format!("u{n}"), json!({ "manager": { "value": id }, "department": "D" })).await;
        let got = admin.get(&format!("/Users/{}", made.id())).await.expect(200);
        for body in [&made.body, &got.body] {
            assert_eq!(body[ENTERPRISE], json!({ "manager": { "value": id }, "department": "D" }), "{id}");
        }
    }
}

/// S-46
#[tokio::test]
async fn a_manager_who_is_deleted_is_nobodys_manager_any_more() {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    let (boss, other) = (admin.user("boss").await, admin.user("other").await);
    let alone = report(&admin, "alone", json!({ "manager": { "value": boss } })).await;
    let more = report(&admin, "more", json!({ "department": "D", "manager": { "value": boss } })).await;
    let safe = report(&admin, "safe", json!({ "manager": { "value": other } })).await;
    admin.patch(&format!("/Users/{boss}"), json!([{ "op": "add", "path": "manager", "value": boss }])).await.expect(200);
    admin.delete(&format!("/Users/{boss}")).await.expect(204);
    for (before, extension, schemas) in
        [(&alone, None, json!([USER])), (&more, Some(&json!({ "department": "D" })), json!([USER, ENTERPRISE]))]
    {
        let now = admin.get(&format!("/Users/{}", before.id())).await.expect(200);
        assert_eq!((now.body.get(ENTERPRISE), &now.body["schemas"]), (extension, &schemas));
        assert_ne!(now.header("etag"), before.header("etag"), "what is stored has changed");
    }
    assert_eq!(admin.get(&format!("/Users/{}", safe.id())).await.expect(200).body, safe.body);
    for filter in [format!("manager eq \"{boss}\""), format!("{ENTERPRISE}:manager.value eq \"{boss}\"")] {
        assert_eq!(admin.find("/Users", &filter).await.expect(200).total(), 0, "{filter}");
    }
    assert_eq!(
        admin.find("/Users", &format!("schemas eq \"{ENTERPRISE}\"")).await.expect(200).all("userName"),
        ["more", "safe"]
    );
}
