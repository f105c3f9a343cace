//! Schemas and resource types that a tree defines for itself: what is published is what is enforced.

use serde_json::{Value, json};

use crate::server::{GROUP, Persona, Server, Tree, USER, encode};

const GADGET: &str = "urn:example:scim:schemas:2.0:Gadget";
const BADGE: &str = "urn:example:scim:schemas:extension:2.0:Badge";

/// Every type, every characteristic.
fn gadget() -> Value {
    json!({ "id": GADGET, "name": "Gadget", "attributes": [
        { "name": "model", "required": true },
        { "name": "serial", "mutability": "immutable", "uniqueness": "server", "caseExact": true },
        { "name": "code", "uniqueness": "server" },
        { "name": "state", "mutability": "readOnly" },
        { "name": "pin", "mutability": "writeOnly", "returned": "never" },
        { "name": "tag", "returned": "always" },
        { "name": "note", "returned": "request" },
        { "name": "color", "canonicalValues": ["red", "blue"] },
        { "name": "weight", "type": "decimal" },
        { "name": "count", "type": "integer" },
        { "name": "on", "type": "boolean" },
        { "name": "built", "type": "dateTime" },
        { "name": "blob", "type": "binary" },
        { "name": "home", "type": "reference", "referenceTypes": ["external"] },
        { "name": "links", "type": "reference", "referenceTypes": ["User"], "multiValued": true },
        { "name": "size", "type": "complex", "subAttributes": [
            { "name": "width", "type": "integer" }, { "name": "fixed", "mutability": "immutable" },
        ] },
        { "name": "parts", "type": "complex", "multiValued": true, "subAttributes": [
            { "name": "value", "caseExact": true }, { "name": "type" }, { "name": "primary", "type": "boolean" },
            { "name": "number", "type": "integer" }, { "name": "maker", "mutability": "immutable" },
            { "name": "secret", "returned": "never" },
        ] },
        { "name": "codes", "type": "complex", "multiValued": true, "subAttributes": [
            { "name": "value", "returned": "never" }, { "name": "type" },
        ] },
    ] })
}

fn badge() -> Value {
    json!({ "id": BADGE, "name": "Badge", "attributes": [
        { "name": "number", "type": "integer", "uniqueness": "server", "required": true },
        { "name": "level" },
        { "name": "pin", "mutability": "writeOnly", "returned": "never" },
        { "name": "doors", "multiValued": true, "type": "complex", "subAttributes": [
            { "name": "value", "uniqueness": "server" }, { "name": "primary", "type": "boolean" },
        ] },
    ] })
}

async fn define(root: &Persona, schema: &Value) {
    let urn = schema["id"].as_str().expect("an id");
    root.api().put(&format!("/schemas/{urn}"), schema).await.expect(200);
}

async fn declare(root: &Persona, resource_type: &Value) {
    let name = resource_type["name"].as_str().expect("a name");
    root.api().put(&format!("/resource-types/{name}"), resource_type).await.expect(200);
}

fn gadgets() -> Value {
    json!({ "name": "Gadget", "endpoint": "/Gadgets", "description": "A thing.", "schema": GADGET })
}

/// A server whose tree has gadgets, an administrator of its root, and one of a child org.
async fn stage() -> (Server, Persona, Persona) {
    let server = Server::start();
    let child = server.tree.org(&server.tree.root, "partners");
    let (root, child) = (server.admin(&server.tree.root), server.admin(&child));
    define(&root, &gadget()).await;
    declare(&root, &gadgets()).await;
    (server, root, child)
}

fn with(more: &Value) -> Value {
    let mut body = json!({ "schemas": [GADGET], "model": "m" });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

/// D-10, S-05, S-06, S-07, S-23, S-49: each attribute takes what its type says and nothing else.
#[tokio::test]
async fn every_type_of_a_schema_of_our_own_is_enforced() {
    let (_server, _, child) = stage().await;
    let full = with(&json!({
        "MODEL": "M", "color": "green", "weight": 1.5, "count": 3, "on": true, "built": "2026-01-01T01:00:00+01:00", "blob": "AAA=",
        "home": "https://example.com/a", "links": ["../Users/1", "../Users/2"], "state": "ignored",
        "size": { "width": 2, "fixed": "f" }, "parts": [{ "value": "p", "number": 1, "primary": true }],
    }));
    let mut full = full;
    full.as_object_mut().expect("an object").remove("model");
    let made = child.post("/Gadgets", &full).await.expect(201);
    // S-03, S-25, S-31.
    assert_eq!(made.body["model"], "M");
    assert_eq!(made.body["state"], Value::Null);
    assert_eq!(made.body["color"], "green");
    assert_eq!(made.body["built"], "2026-01-01T00:00:00.000Z");
    assert_eq!(made.body["links"], json!(["../Users/1", "../Users/2"]));
    assert_eq!(made.body["meta"]["resourceType"], "Gadget");
    let location = format!("{}/Gadgets/{}", child.base, made.id());
    assert_eq!((made.header("location"), &made.body["meta"]["location"]), (Some(location.as_str()), &json!(location)));
    for (attribute, wrong) in [
        ("model", json!(1)),
        ("weight", json!("1.5")),
        ("count", json!(1.5)),
        ("count", json!("x")),
        ("on", json!("maybe")),
        ("built", json!("yesterday")),
        ("blob", json!("AAA")),
        ("home", json!(7)),
        ("size", json!("large")),
        ("model", json!("x".repeat(257))),
        ("code", json!("x".repeat(257))),
        ("note", json!("x".repeat(8193))),
    ] {
        let refused = child.post("/Gadgets", &with(&json!({ attribute: wrong }))).await;
        let refused = refused.expect_error(400, Some("invalidValue"));
        assert!(refused.text.contains(&format!("`{attribute}`")), "{}", refused.text);
    }
    for missing in [json!({ "schemas": [GADGET] }), json!({ "schemas": [GADGET], "model": " " })] {
        child.post("/Gadgets", &missing).await.expect_error(400, Some("invalidValue"));
    }
    // S-13.
    let two = json!({ "parts": [{ "value": "a", "primary": true }, { "value": "b", "primary": true }] });
    child.post("/Gadgets", &with(&two)).await.expect_error(400, Some("invalidValue"));
}

/// D-10, S-25, S-26, S-27, S-28, P-20, P-21: who may write an attribute when, and which answer shows it.
#[tokio::test]
async fn mutability_and_returned_hold_on_every_way() {
    let (_server, root, child) = stage().await;
    let body = with(&json!({ "serial": "s", "pin": "1234", "tag": "t", "note": "n", "size": { "width": 1, "fixed": "f" },
        "parts": [{ "value": "p", "maker": "m", "secret": "x" }] }));
    let made = child.post("/Gadgets", &body).await.expect(201);
    let address = format!("/Gadgets/{}", made.id());
    let plain = |answer: &Value| {
        assert!(answer.get("pin").is_none() && answer.get("note").is_none(), "{answer}");
        assert_eq!((&answer["tag"], &answer["parts"]), (&json!("t"), &json!([{ "value": "p", "maker": "m" }])), "{answer}");
    };
    plain(&made.body);
    plain(&child.get(&address).await.expect(200).body);
    plain(&child.get("/Gadgets").await.expect(200).body["Resources"][0]);
    plain(&child.find("/", r#"meta.resourceType eq "Gadget""#).await.expect(200).body["Resources"][0]);
    let keys = |answer: &Value| answer.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let shown = async |query: &str| keys(&child.get(&format!("{address}?{query}")).await.expect(200).body);
    assert_eq!(shown("attributes=note").await, ["schemas", "id", "tag", "note"]);
    assert_eq!(shown("attributes=pin,parts.secret").await, ["schemas", "id", "tag"]);
    assert_eq!(shown("excludedAttributes=tag,model,size,parts,serial,meta").await, ["schemas", "id", "tag"]);
    // U-03: an immutable attribute: the same, or left out, or nothing.
    let put = async |more: Value| child.put(&address, &with(&more)).await;
    let rest = json!({ "pin": "1234", "tag": "t", "note": "n", "parts": body["parts"] });
    let kept = put(rest.clone()).await.expect(200);
    assert_eq!(kept.body["serial"], "s", "left out");
    assert!(kept.body.get("size").is_none(), "a value goes as a whole, and may then be another");
    put(json!({ "serial": "other" })).await.expect_error(400, Some("mutability"));
    put(json!({ "size": { "width": 1, "fixed": "f" }, "tag": "t", "parts": body["parts"] })).await.expect(200);
    put(json!({ "size": { "width": 1, "fixed": "g" } })).await.expect_error(400, Some("mutability"));
    let kept = put(json!({ "serial": "s", "size": { "width": 2 }, "tag": "t", "parts": body["parts"] })).await.expect(200);
    assert_eq!(kept.body["size"], json!({ "width": 2, "fixed": "f" }));
    for (op, path, value) in [
        ("replace", "serial", json!("other")),
        ("add", "serial", json!("other")),
        ("replace", "state", json!("x")),
        ("replace", "size.fixed", json!("g")),
        ("replace", "size", json!({ "fixed": "g" })),
        ("replace", r#"parts[value eq "p"].maker"#, json!("other")),
        ("remove", "serial", Value::Null),
        ("remove", "model", Value::Null),
    ] {
        let refused = child.patch(&address, json!([{ "op": op, "path": path, "value": value }])).await;
        refused.expect_error(400, Some("mutability"));
    }
    let patched = child.patch(&address, json!([{ "op": "replace", "value": { "serial": "s", "count": 7 } }])).await.expect(200);
    assert_eq!(patched.body["count"], 7);
    plain(&patched.body);
    // Versions.
    let version = patched.header("etag").expect("an ETag").to_owned();
    let same = child.patch(&address, json!([{ "op": "replace", "path": "count", "value": 7 }])).await.expect(200);
    assert_eq!(same.header("etag"), Some(version.as_str()), "V-05");
    let conditional = |name: &'static str| child.request(reqwest::Method::GET, &address).header(name, version.as_str());
    assert_eq!(crate::server::answer(conditional("if-none-match")).await.status, 304);
    let stale = child.request(reqwest::Method::DELETE, &address).header("if-match", "W/\"1\"");
    crate::server::answer(stale).await.expect_error(412, None);
    // T-03, C-10, C-11.
    root.get(&address).await.expect_error(404, None);
    child.delete(&address).await.expect(204);
    child.get(&address).await.expect_error(404, None);
    child.delete(&address).await.expect_error(404, None);
}

/// S-29, S-30, C-04, C-11: a unique value is taken once in an org, by whichever way, and given back.
#[tokio::test]
async fn unique_values_are_unique_in_the_org() {
    let (_server, root, child) = stage().await;
    let one = child.post("/Gadgets", &with(&json!({ "code": "Abc", "serial": "x" }))).await.expect(201).id();
    let refused = child.post("/Gadgets", &with(&json!({ "code": "aBC" }))).await.expect_error(409, Some("uniqueness"));
    assert!(refused.text.contains("code") && refused.text.contains("aBC"), "{}", refused.text);
    child.post("/Gadgets", &with(&json!({ "serial": "x" }))).await.expect_error(409, Some("uniqueness"));
    let two = child.post("/Gadgets", &with(&json!({ "serial": "X", "code": "other" }))).await.expect(201).id();
    root.post("/Gadgets", &with(&json!({ "code": "abc" }))).await.expect(201);
    let operations = json!([{ "op": "replace", "path": "code", "value": "ABC" }]);
    child.patch(&format!("/Gadgets/{two}"), operations.clone()).await.expect_error(409, Some("uniqueness"));
    child.put(&format!("/Gadgets/{two}"), &with(&json!({ "code": "abc" }))).await.expect_error(409, Some("uniqueness"));
    assert_eq!(child.get(&format!("/Gadgets/{two}")).await.expect(200).body["code"], "other", "nothing was written");
    child.patch(&format!("/Gadgets/{one}"), json!([{ "op": "remove", "path": "code" }])).await.expect(200);
    child.patch(&format!("/Gadgets/{two}"), operations).await.expect(200);
    child.delete(&format!("/Gadgets/{two}")).await.expect(204);
    child.post("/Gadgets", &with(&json!({ "code": "abc", "serial": "X" }))).await.expect(201);
    // Many at once: one.
    let body = with(&json!({ "code": "race" }));
    let mut many = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (child, body) = (child.clone(), body.clone());
        many.spawn(async move { child.post("/Gadgets", &body).await.status });
    }
    let mut statuses = many.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

/// D-10, F-16, F-25, O-01, G-05: filter, sort and pages by whatever the schema has.
#[tokio::test]
async fn filters_and_sorting_follow_the_schema() {
    let (_server, _, child) = stage().await;
    for (model, more) in [
        (
            "one",
            json!({ "code": "A-1", "serial": "Q", "weight": 0.5, "count": 10, "on": true, "built": "2026-01-01T00:00:00Z",
            "blob": "AAA=", "home": "https://h/1", "links": ["u/1"], "pin": "1", "parts": [{ "value": "x", "type": "t", "number": 1 }] }),
        ),
        (
            "two",
            json!({ "code": "b-2", "serial": "q", "weight": 10, "count": 9, "on": false, "built": "2026-06-01T00:00:00Z",
            "links": ["u/1", "u/2"], "parts": [{ "value": "x", "type": "u", "number": 5 }, { "value": "y", "type": "t", "number": 9 }] }),
        ),
        ("three", json!({ "externalId": "E", "size": { "width": 4 } })),
    ] {
        let mut body = with(&more);
        body["model"] = model.into();
        child.post("/Gadgets", &body).await.expect(201);
    }
    for (filter, expected) in [
        (r#"code eq "a-1""#, vec!["one"]),
        (r#"serial eq "q""#, vec!["two"]),
        ("weight gt 0.5", vec!["two"]),
        ("count lt 10", vec!["two"]),
        ("on eq true", vec!["one"]),
        (r#"built gt "2026-01-01T01:00:00+01:00""#, vec!["two"]),
        (r#"built eq "2026-01-01T01:00:00+01:00""#, vec!["one"]),
        (r#"blob eq "AAA=""#, vec!["one"]),
        (r#"blob eq "aaa=""#, vec![]),
        (r#"home sw "https://h""#, vec!["one"]),
        (r#"links eq "u/2""#, vec!["two"]),
        (r#"parts[type eq "T" and number gt 5]"#, vec!["two"]),
        (r#"parts[value eq "X"]"#, vec![]),
        ("size.width eq 4", vec!["three"]),
        ("not (code pr)", vec!["three"]),
        (r#"externalId eq "E""#, vec!["three"]),
        (r#"meta.resourceType eq "Gadget" and model co "o""#, vec!["one", "two"]),
        (&format!("{GADGET}:model eq \"one\""), vec!["one"]),
        (&format!("schemas eq \"{GADGET}\" and count pr"), vec!["one", "two"]),
    ] {
        let found = child.find("/Gadgets", filter).await.expect(200);
        assert_eq!(found.all("model"), expected, "{filter}");
        assert_eq!(found.total(), expected.len() as u64, "{filter}");
    }
    for refused in [
        r#"pin eq "1""#,
        r#"parts.secret eq "x""#,
        r#"codes sw "1""#,
        r#"userName eq "x""#,
        "on gt true",
        r#"blob gt "AA==""#,
        "count eq \"x\"",
    ] {
        child.find("/Gadgets", refused).await.expect_error(400, Some("invalidFilter"));
    }
    for (by, order, expected) in [
        ("weight", "ascending", ["one", "two", "three"]),
        ("count", "ascending", ["two", "one", "three"]),
        ("count", "descending", ["three", "one", "two"]),
        ("built", "ascending", ["one", "two", "three"]),
        ("on", "ascending", ["two", "one", "three"]),
        ("model", "ascending", ["one", "three", "two"]),
        ("parts.number", "ascending", ["one", "two", "three"]),
    ] {
        let found = child.query("/Gadgets", &[("sortBy", by), ("sortOrder", order)]).await.expect(200);
        assert_eq!(found.all("model"), expected, "{by} {order}");
    }
    for hidden in ["pin", "codes", "codes.value"] {
        child.query("/Gadgets", &[("sortBy", hidden)]).await.expect_error(400, Some("invalidValue"));
    }
    let page = child.get("/Gadgets?startIndex=2&count=1&attributes=model").await.expect(200);
    assert_eq!((page.total(), page.all("model")), (3, vec!["two".to_owned()]));
    let first = child.get("/Gadgets?cursor=&count=2&sortBy=weight").await.expect(200);
    let next = first.body["nextCursor"].as_str().expect("a next page");
    let second = child.get(&format!("/Gadgets?cursor={next}&count=2&sortBy=weight")).await.expect(200);
    assert_eq!([first.all("model"), second.all("model")].concat(), ["one", "two", "three"]);
    let search = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "on eq false", "attributes": ["model"] });
    assert_eq!(child.post("/Gadgets/.search", &search).await.expect(200).all("model"), ["two"]);
}

/// B-02, S-29: a bulk request takes resources of our own like any others.
#[tokio::test]
async fn bulk_writes_what_the_tree_added() {
    let (_server, _, child) = stage().await;
    let made = child.post("/Gadgets", &with(&json!({ "code": "old" }))).await.expect(201).id();
    let gone = child.post("/Gadgets", &with(&json!({}))).await.expect(201).id();
    let patch =
        json!({ "schemas": [crate::server::PATCH_OP], "Operations": [{ "op": "replace", "path": "code", "value": "ONE" }] });
    let operations = json!([
        { "method": "POST", "path": "/Gadgets", "bulkId": "a", "data": with(&json!({ "code": "one" })) },
        { "method": "POST", "path": "/Gadgets", "bulkId": "b", "data": with(&json!({ "code": "two" })) },
        { "method": "PATCH", "path": format!("/Gadgets/{made}"), "data": patch },
        { "method": "PUT", "path": format!("/Gadgets/{made}"), "data": with(&json!({ "code": "three" })) },
        { "method": "DELETE", "path": format!("/Gadgets/{gone}") },
    ]);
    let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations });
    let answer = child.post("/Bulk", &body).await.expect(200).body;
    let statuses: Vec<&str> =
        answer["Operations"].as_array().expect("operations").iter().filter_map(|one| one["status"].as_str()).collect();
    assert_eq!(statuses, ["201", "201", "409", "200", "204"], "{answer}");
    assert_eq!(answer["Operations"][3]["version"], "W/\"2\"");
    assert_eq!(child.query("/Gadgets", &[("sortBy", "code")]).await.expect(200).all("code"), ["one", "three", "two"]);
}

/// S-01, S-32, S-33, S-29, S-22: users and groups carry extensions of the tree.
#[tokio::test]
async fn users_and_groups_carry_what_the_tree_attached() {
    let server = Server::start();
    let child = server.tree.org(&server.tree.root, "partners");
    let (root, child) = (server.admin(&server.tree.root), server.admin(&child));
    root.user("before").await;
    define(&root, &badge()).await;
    let attach =
        |name: &str, required: bool| json!({ "name": name, "schemaExtensions": [{ "schema": BADGE, "required": required }] });
    // Somebody is there who has none.
    let refused = root.api().put("/resource-types/User", &attach("User", true)).await.expect_error(409, None);
    assert!(refused.text.contains("without"), "{}", refused.text);
    declare(&root, &attach("User", false)).await;
    declare(&root, &attach("Group", true)).await;
    let ada = json!({ "schemas": [USER, BADGE], "userName": "ada",
        BADGE: { "number": 7, "LEVEL": "high", "pin": "1", "doors": [{ "value": "North" }] } });
    let made = root.post("/Users", &ada).await.expect(201);
    assert_eq!(made.body["schemas"], json!([USER, BADGE]));
    // However the URN is spelled, those who have it are found.
    let spelled = json!({ "name": "User", "schemaExtensions": [{ "schema": BADGE.to_uppercase().replace("URN", "urn"), "required": false }] });
    declare(&root, &spelled).await;
    root.api().delete("/resource-types/User").await.expect_error(409, None);
    assert_eq!(made.body[BADGE], json!({ "number": 7, "level": "high", "doors": [{ "value": "North" }] }));
    let address = format!("/Users/{}", made.id());
    assert_eq!(root.get(&address).await.expect(200).body[BADGE], made.body[BADGE]);
    assert_eq!(root.get("/Users").await.expect(200).body["Resources"][1][BADGE], made.body[BADGE]);
    // What it requires is required where it is there at all.
    let without = json!({ "schemas": [USER], "userName": "b", BADGE: { "level": "low" } });
    root.post("/Users", &without).await.expect_error(400, Some("invalidValue"));
    for taken in [json!({ "number": 7 }), json!({ "number": 8, "doors": [{ "value": "NORTH" }] })] {
        let body = json!({ "schemas": [USER], "userName": "b", BADGE: taken });
        root.post("/Users", &body).await.expect_error(409, Some("uniqueness"));
    }
    assert_eq!(root.find("/Users", "userName eq \"b\"").await.expect(200).total(), 0);
    let filter = format!("{BADGE}:doors[value eq \"north\"] and {BADGE}:number eq 7");
    assert_eq!(root.find("/Users", &filter).await.expect(200).all("userName"), ["ada"]);
    root.find("/Users", &format!("{BADGE}:pin eq \"1\"")).await.expect_error(400, Some("invalidFilter"));
    let level = root.get(&format!("{address}?attributes={}", encode(&format!("{BADGE}:level")))).await.expect(200);
    assert_eq!(level.body[BADGE], json!({ "level": "high" }));
    let operations = json!([{ "op": "replace", "path": format!("{BADGE}:level"), "value": "low" }]);
    assert_eq!(root.patch(&address, operations).await.expect(200).body[BADGE]["level"], "low");
    root.delete(&address).await.expect(204);
    // Who is restored has its values again, unless somebody else has them meanwhile.
    let restore = format!("{}/.restore", address.replace("/Users", "/deleted"));
    let number = json!({ "schemas": [USER], "userName": "b", BADGE: { "number": 7 } });
    root.api().post(&restore, &json!({})).await.expect(200);
    root.post("/Users", &number).await.expect_error(409, Some("uniqueness"));
    root.delete(&address).await.expect(204);
    let other = root.post("/Users", &number).await.expect(201).id();
    root.api().post(&restore, &json!({})).await.expect_error(409, Some("uniqueness"));
    root.delete(&format!("/Users/{other}")).await.expect(204);
    root.post("/Users", &ada).await.expect(201);
    // Of groups it is required.
    root.post("/Groups", &json!({ "schemas": [GROUP], "displayName": "G" })).await.expect_error(400, Some("invalidValue"));
    let group = json!({ "schemas": [GROUP], "displayName": "G", BADGE: { "number": 7 } });
    let group = root.post("/Groups", &group).await.expect(201).id();
    let bare = json!({ "schemas": [GROUP], "displayName": "G" });
    root.put(&format!("/Groups/{group}"), &bare).await.expect_error(400, Some("invalidValue"));
    let remove = json!([{ "op": "remove", "path": BADGE }]);
    root.patch(&format!("/Groups/{group}"), remove).await.expect_error(400, Some("invalidValue"));
    // T-05: the tree's other orgs have the same schemas, and values of their own.
    let elsewhere = json!({ "schemas": [USER], "userName": "eve", BADGE: { "number": 7 } });
    child.post("/Users", &elsewhere).await.expect(201);
}

/// T-05, D-03, D-04, D-05, OK-11: what is defined is announced in every org of the tree, and in no other.
#[tokio::test]
async fn okta_finds_roles_and_entitlements_by_discovery() {
    let server = Server::start();
    let child = server.tree.org(&server.tree.root, "partners");
    let other = server.tree.root("globex");
    let (root, child) = (server.admin(&server.tree.root), server.admin(&child));
    let other = server.stranger("globex", &other, Some(server.tree.token(&other, crate::server::ALL_SCOPES)));
    for name in ["Role", "Entitlement"] {
        let urn = format!("urn:okta:scim:schemas:core:1.0:{name}");
        define(
            &root,
            &json!({ "id": urn, "name": name, "attributes": [
            { "name": "displayName", "required": true }, { "name": "type" }, { "name": "description" },
        ] }),
        )
        .await;
        let endpoint = if name == "Role" { "/Roles" } else { "/Entitlements" };
        declare(&root, &json!({ "name": name, "endpoint": endpoint, "schema": urn })).await;
        let announced = child.get(&format!("/ResourceTypes/{name}")).await.expect(200).body;
        assert_eq!((&announced["endpoint"], &announced["schema"]), (&json!(endpoint), &json!(urn)));
        let schema = child.get(&format!("/Schemas/{}", urn.to_uppercase())).await.expect(200).body;
        assert_eq!(
            schema["attributes"][1],
            json!({ "name": "type", "type": "string", "multiValued": false, "required": false,
            "caseExact": false, "mutability": "readWrite", "returned": "default", "uniqueness": "none" })
        );
        assert!(!schema.to_string().contains("null"), "D-04");
        let made = child.post(endpoint, &json!({ "schemas": [urn], "displayName": "Reader" })).await.expect(201);
        assert_eq!(
            child.get(&format!("{endpoint}?filter=displayName%20eq%20%22reader%22")).await.expect(200).all("id"),
            [made.id()]
        );
        other.get(endpoint).await.expect_error(404, None);
        other.get(&format!("/Schemas/{urn}")).await.expect_error(404, None);
        other.get(&format!("/ResourceTypes/{name}")).await.expect_error(404, None);
    }
    let types = child.get("/ResourceTypes").await.expect(200);
    assert_eq!(types.all("name"), ["User", "Group", "Invitation", "Organization", "Role", "Entitlement"]);
    assert_eq!(other.get("/ResourceTypes").await.expect(200).all("name"), ["User", "Group", "Invitation", "Organization"]);
    let document = child.api().get("/openapi.json").await.expect(200).body;
    assert_eq!(document["paths"]["/Roles/{id}"]["patch"]["operationId"], "patchRole");
    assert!(other.api().get("/openapi.json").await.expect(200).body["paths"].get("/Roles").is_none());
}

/// S-04, S-10, S-22, T-05: who may define what, and what may change while values are stored.
#[tokio::test]
async fn definitions_change_as_far_as_what_is_stored_allows() {
    let (_server, root, child) = stage().await;
    let (api, below) = (root.api(), child.api());
    let gadget_at = format!("/schemas/{GADGET}");
    // One scope each, and the root alone.
    below.put(&gadget_at, &gadget()).await.expect_error(403, None);
    below.delete("/resource-types/Gadget").await.expect_error(403, None);
    assert_eq!(below.get("/schemas").await.expect(200).all("id"), [GADGET]);
    assert_eq!(below.get("/resource-types/gadget").await.expect(200).body["endpoint"], "/Gadgets");
    below.get("/schemas/urn:example:none").await.expect_error(404, None);
    // What cannot be held to is refused by name.
    let nested = json!({ "id": "urn:example:x:y", "attributes": [{ "name": "a", "type": "complex", "subAttributes": [
        { "name": "b", "type": "complex", "subAttributes": [{ "name": "c" }] }] }] });
    let refused = api.put("/schemas/urn:example:x:y", &nested).await.expect_error(400, Some("invalidValue"));
    assert!(refused.text.contains("a.b"), "{}", refused.text);
    for attributes in [json!([{ "name": "id" }]), json!([{ "name": "1" }]), json!([])] {
        let body = json!({ "id": "urn:example:x:y", "attributes": attributes });
        api.put("/schemas/urn:example:x:y", &body).await.expect_error(400, Some("invalidValue"));
    }
    let user = json!({ "id": USER, "attributes": [{ "name": "a" }] });
    api.put(&format!("/schemas/{USER}"), &user).await.expect_error(400, Some("invalidValue"));
    // What cannot be held to is not passed over: a core extension stays as the core has it.
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let demanded = json!({ "name": "User", "schemaExtensions": [{ "schema": enterprise, "required": true }] });
    api.put("/resource-types/User", &demanded).await.expect_error(400, Some("invalidValue"));
    let event = json!({ "name": "Client", "endpoint": "/Things", "schema": GADGET });
    api.put("/resource-types/Client", &event).await.expect_error(400, Some("invalidValue"));
    let mine = json!({ "name": "Thing", "endpoint": "/Users", "schema": GADGET });
    api.put("/resource-types/Thing", &mine).await.expect_error(400, Some("invalidValue"));
    // While nothing is stored, anything goes.
    let changed = |name: &str, value: Value| {
        let mut schema = gadget();
        let attributes = schema["attributes"].as_array_mut().expect("attributes");
        for attribute in attributes.iter_mut().filter(|attribute| attribute["name"] == "note") {
            attribute[name] = value.clone();
        }
        schema
    };
    api.put(&gadget_at, &changed("type", json!("integer"))).await.expect(200);
    api.put(&gadget_at, &gadget()).await.expect(200);
    let made = child.post("/Gadgets", &with(&json!({ "note": "n", "code": "c" }))).await.expect(201).id();
    for (name, value) in [
        ("type", json!("integer")),
        ("multiValued", json!(true)),
        ("required", json!(true)),
        ("uniqueness", json!("server")),
        ("name", json!("renamed")),
    ] {
        let refused = api.put(&gadget_at, &changed(name, value)).await.expect_error(409, None);
        assert!(refused.text.contains("note"), "{}", refused.text);
    }
    // What was sent as a secret stays one.
    let mut told = gadget();
    for pin in told["attributes"].as_array_mut().expect("attributes").iter_mut().filter(|one| one["name"] == "pin") {
        *pin = json!({ "name": "pin" });
    }
    let refused = api.put(&gadget_at, &told).await.expect_error(409, None);
    assert!(refused.text.contains("`returned` of `pin`"), "{}", refused.text);
    api.delete(&gadget_at).await.expect_error(409, None);
    api.delete("/resource-types/Gadget").await.expect_error(409, None);
    let moved = json!({ "name": "Gadget", "endpoint": "/Things", "schema": GADGET });
    api.put("/resource-types/Gadget", &moved).await.expect_error(409, None);
    // More is always possible, and there at once.
    let mut more = changed("canonicalValues", json!(["a"]));
    more["attributes"].as_array_mut().expect("attributes").push(json!({ "name": "extra", "type": "integer" }));
    api.put(&gadget_at, &more).await.expect(200);
    let operations = json!([{ "op": "add", "path": "extra", "value": 5 }]);
    assert_eq!(child.patch(&format!("/Gadgets/{made}"), operations).await.expect(200).body["extra"], 5);
    // What is unique no more may be there twice.
    let mut loose = more.clone();
    loose["attributes"][2]["uniqueness"] = "none".into();
    api.put(&gadget_at, &loose).await.expect(200);
    let twin = child.post("/Gadgets", &with(&json!({ "code": "C" }))).await.expect(201).id();
    for id in [made, twin] {
        child.delete(&format!("/Gadgets/{id}")).await.expect(204);
    }
    api.delete("/resource-types/Gadget").await.expect(204);
    api.delete(&gadget_at).await.expect(204);
    child.get("/Gadgets").await.expect_error(404, None);
    assert_eq!(api.get("/schemas").await.expect(200).total(), 0);
}

/// D-10: files of the configuration define for every tree; an error names file and attribute.
#[tokio::test]
async fn the_configuration_defines_for_all_trees() {
    let tree = Tree::new(&[("USHER_SCHEMAS", "[\"schemas/*.json\"]")]);
    let folder = tree.dir().join("schemas");
    std::fs::create_dir(&folder).expect("a folder");
    let write = |name: &str, value: &Value| std::fs::write(folder.join(name), value.to_string()).expect("written");
    write("broken.json", &json!({ "id": BADGE, "attributes": [{ "name": "a", "type": "int" }] }));
    let output = tree.run(&["serve", "--listen", "127.0.0.1:0"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("broken.json") && told.contains("`a`"), "{told}");
    std::fs::remove_file(folder.join("broken.json")).expect("removed");
    write("gadget.json", &json!([gadget(), gadgets()]));
    let server = tree.serve();
    let other = server.tree.root("globex");
    let other = server.stranger("globex", &other, Some(server.tree.token(&other, crate::server::ALL_SCOPES)));
    let admin = server.admin(&server.tree.root);
    for admin in [&admin, &other] {
        admin.post("/Gadgets", &with(&json!({ "code": "one" }))).await.expect(201);
        assert_eq!(admin.api().get("/schemas").await.expect(200).total(), 0, "not the tree's own");
    }
    // The server's come first; a tree cannot have the same.
    admin.api().put(&format!("/schemas/{GADGET}"), &gadget()).await.expect_error(400, Some("invalidValue"));
    define(&admin, &badge()).await;
    let tree = server.kill();
    write("more.json", &badge());
    let output = tree.run(&["serve", "--listen", "127.0.0.1:0"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains(&tree.root) && told.contains(BADGE), "{told}");
}
