//! What groups give, as an administrator meets it: `docs/rights.md` in deeds. `app::test::rights` knocks at every door.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::server::{ALL_SCOPES, GROUP, Server};

const ACCESS: &str = "urn:usher:scim:schemas:extension:access:2.0:Group";

/// The body of the `n`th `curl` of the page, with `id` for the ids in capitals.
fn example(n: usize, id: &str) -> Value {
    let page = include_str!("../../docs/rights.md");
    let body = page.split(" -d '").nth(n + 1).and_then(|rest| rest.split("}'").next()).expect("an example");
    let body = format!("{body}}}").replace("USER ID", id);
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

#[tokio::test]
async fn the_examples_of_the_page_do_what_it_says() {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    let ada = admin.user("ada").await;
    let made = admin.post("/Groups", &example(0, &ada)).await.expect(201);
    assert_eq!(made.body[ACCESS], json!({ "scopes": ["users:read", "groups:read"] }));
    let address = format!("/Groups/{}", made.id());
    admin.send(reqwest::Method::PATCH, &address, Some(&example(1, ""))).await.expect(204);
    let group = admin.get(&address).await.expect(200).body;
    assert_eq!(group[ACCESS], json!({ "scopes": ["users:read", "groups:read", "users:write"] }));
    assert_eq!(group["schemas"], json!([GROUP, ACCESS]));

    for (value, total) in [("users:write", 1), ("settings:write", 0)] {
        assert_eq!(admin.find("/Groups", &format!("{ACCESS}:scopes eq \"{value}\"")).await.expect(200).total(), total);
    }
    let plain = admin.get("/Groups?excludedAttributes=members").await.expect(200);
    assert_eq!(plain.body["Resources"][0][ACCESS], group[ACCESS]);
    let without = admin.get(&format!("{address}?excludedAttributes={ACCESS}:scopes")).await.expect(200);
    assert!(without.body.get(ACCESS).is_none(), "{}", without.text);

    let schema = admin.get(&format!("/Schemas/{ACCESS}")).await.expect(200).body;
    let values = schema["attributes"][0]["canonicalValues"].as_array().into_iter().flatten().filter_map(Value::as_str);
    assert_eq!(values.collect::<BTreeSet<_>>(), ALL_SCOPES.split_whitespace().collect(), "every scope there is");
    let groups = admin.get("/ResourceTypes/Group").await.expect(200).body;
    assert_eq!(groups["schemaExtensions"], json!([{ "schema": ACCESS, "required": false }]));
}

/// SEC S-53: what a provisioning client meets that is to keep a group it does not hold.
#[tokio::test]
async fn a_refusal_names_the_group_and_what_is_lacking() {
    let server = Server::start();
    let root = &server.tree.root;
    let (admin, client) = (server.admin(root), server.persona(root, "users:write groups:read groups:write"));
    let (ada, eve) = (admin.user("ada").await, admin.user("eve").await);
    let group = json!({ "displayName": "Admins", "members": [{ "value": ada }], ACCESS: { "scopes": ["settings:write", "users:write"] } });
    let id = admin.post("/Groups", &group).await.expect(201).id();
    let before = admin.get(&format!("/Groups/{id}")).await.expect(200).body;
    let add = json!([{ "op": "Add", "path": "members", "value": [{ "value": eve }] }]);
    let detail = format!("group {id}: `settings:write` is not yours to give or take: your token does not hold it");
    let refused = client.patch(&format!("/Groups/{id}"), add).await.expect_error(403, None);
    assert_eq!(refused.body["detail"], json!(detail));
    let made = client.post("/Groups", &group).await.expect_error(403, None);
    assert!(made.text.contains("`settings:write` is not yours"), "{}", made.text);
    let unknown = json!({ "displayName": "x", ACCESS: { "scopes": ["admin"] } });
    let unknown = admin.post("/Groups", &unknown).await.expect_error(400, Some("invalidValue"));
    assert!(
        unknown.body["detail"].as_str().is_some_and(|detail| detail.contains("unknown scope \"admin\"")),
        "{}",
        unknown.text
    );
    assert_eq!(admin.get(&format!("/Groups/{id}")).await.expect(200).body, before);
    assert_eq!(client.get("/Groups").await.expect(200).total(), 1);
    let remove = json!([{ "op": "Remove", "path": "members", "value": [{ "value": ada }] }]);
    client.patch(&format!("/Groups/{id}"), remove).await.expect(204);
}
