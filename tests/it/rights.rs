//! What groups give, as an administrator meets it: `docs/rights.md` in deeds. `app::test::rights` knocks at every door.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::server::{ALL_SCOPES, GROUP, Server, answer, http};

const ACCESS: &str = "urn:usher:scim:schemas:extension:access:2.0:Group";

/// The body of the `n`th `curl` of the page, with `id` for that of the user.
fn example(n: usize, id: &str) -> Value {
    let page = include_str!("../../docs/rights.md");
    let body = page.split(" -d '").nth(n + 1).and_then(|rest| rest.split("}'").next()).expect("an example");
    let body = format!("{body}}}").replace("'$USER_ID'", id);
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

/// SEC S-52, S-53: without `groups:read` nobody learns who is in which group, on no path, and the answer is the same whether or not
/// there is such a group.
#[tokio::test]
async fn what_tells_of_groups_is_seen_by_who_may_read_groups() {
    let server = Server::start();
    let root = &server.tree.root;
    let (admin, reader) = (server.admin(root), server.persona(root, "users:read users:write"));
    let ada = admin.user("ada").await;
    let crew = admin.group("Crew", &[&ada]).await;
    let me = server.stranger("acme", root, Some(server.tree.token_of("ada", root, "users:read users:write")));
    let path = format!("/Users/{ada}");

    let title = json!([{ "op": "replace", "path": "title", "value": "x" }]);
    let whole = json!({ "schemas": [crate::server::USER], "userName": "ada", "title": "y" });
    let search = |filter: Option<&str>| {
        let mut body =
            json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "attributes": ["groups", "userName"] });
        body["filter"] = filter.into();
        body
    };
    let shown = async |who: &crate::server::Persona| {
        vec![
            who.get(&path).await.expect(200),
            who.get(&format!("{path}?attributes=groups,userName")).await.expect(200),
            who.get("/Users").await.expect(200),
            who.get("/Users?cursor=").await.expect(200),
            who.get("/Users?sortBy=userName&attributes=groups.display").await.expect(200),
            who.post("/Users/.search", &search(None)).await.expect(200),
            who.get("/").await.expect(200),
            who.get("/?sortBy=userName").await.expect(200),
            who.post("/.search", &search(None)).await.expect(200),
            who.patch(&path, title.clone()).await.expect(200),
            who.put(&path, &whole).await.expect(200),
        ]
    };
    for answer in shown(&reader).await {
        assert!(!answer.text.contains(&crew) && !answer.text.contains("Crew"), "{answer:?}");
        assert!(answer.text.contains(&ada), "{answer:?}");
    }
    for answer in shown(&admin).await {
        assert!(answer.text.contains("Crew"), "{answer:?}");
    }
    for path in ["/Me", &path] {
        assert!(me.get(path).await.expect(200).text.contains(&crew), "one's own");
    }
    assert!(!me.get("/Users").await.expect(200).text.contains(&crew));

    let mut told = Vec::new();
    for id in [crew.as_str(), "01890a5d-ac96-774b-bcce-b302099a8057", "x"] {
        for filter in [
            format!("groups eq \"{id}\""),
            format!("groups.value eq \"{id}\""),
            format!("groups[value eq \"{id}\" and type eq \"direct\"]"),
            format!("not (userName eq \"ada\" and groups.value ne \"{id}\")"),
            format!("userName eq \"nobody\" and groups.display sw \"{id}\""),
            "groups pr".into(),
        ] {
            for endpoint in ["/Users", "/"] {
                told.push(reader.find(endpoint, &filter).await.expect_error(403, None).body);
                let endpoint = format!("{}/.search", endpoint.trim_end_matches('/'));
                told.push(reader.post(&endpoint, &search(Some(&filter))).await.expect_error(403, None).body);
                admin.find("/Users", &filter).await.expect(200);
            }
        }
    }
    for query in ["/Users?sortBy=groups.display", "/Users?sortBy=groups&cursor=", "/?sortBy=groups.value", "/Groups"] {
        told.push(reader.get(query).await.expect_error(403, None).body);
    }
    assert_eq!(told[0]["detail"], "this needs the scope `groups:read`");
    assert!(told.iter().all(|body| *body == told[0]), "{told:?}");
}

/// SEC S-52: an inviter knows the name, not the address.
#[tokio::test]
async fn the_address_of_a_parents_user_is_seen_by_who_may_read_users() {
    let server = Server::start();
    let child = server.tree.org(&server.tree.root, "child");
    server.admin(&server.tree.root).user("ada").await;
    let inviter = server.persona(&child, "invitations:read invitations:write");
    let made = inviter.post("/Invitations", &json!({ "userName": "ada" })).await.expect(201);
    let id = made.id();
    let guests = inviter.base.replace("/scim2", "/api/server/v1/guests");
    let listed = |token: String| answer(http().get(format!("{guests}/invitations")).bearer_auth(token));
    let token = |scope: &str| server.tree.token(&child, scope);
    let answers = [
        inviter.get(&format!("/Invitations/{id}")).await.expect(200),
        inviter.get("/Invitations?attributes=email,userName,delivery").await.expect(200),
        inviter.get("/").await.expect(200),
        inviter.post(&format!("/Invitations/{id}/.revoke"), &json!({})).await.expect(200),
        listed(token("invitations:read")).await.expect(200),
        made,
    ];
    assert!(answers.iter().all(|answer| !answer.text.contains("ada@mail.test")), "{answers:?}");
    for filter in ["email eq \"ada@mail.test\"", "email co \"x\"", "delivery[answer co \"ada@\"]", "delivery.answer pr"] {
        inviter.find("/Invitations", filter).await.expect_error(403, None);
        inviter.find("/", filter).await.expect_error(403, None);
    }
    inviter.get("/Invitations?sortBy=email").await.expect_error(403, None);
    assert_eq!(inviter.find("/Invitations", "delivery.state pr and userName eq \"ada\"").await.expect(200).total(), 1);
    let reader = server.persona(&child, "invitations:read users:read");
    assert_eq!(reader.get(&format!("/Invitations/{id}")).await.expect(200).body["email"], "ada@mail.test");
    assert_eq!(reader.find("/Invitations", "email eq \"ada@mail.test\"").await.expect(200).total(), 1);
}
