//! Bulk, seen from outside: what many operations in one request come to.

use serde_json::{Value, json};

use crate::server::{Answer, GROUP, PATCH_OP, Persona, Server, USER, text};

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn admin() -> (Server, Persona) {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    (server, admin)
}

async fn send(who: &Persona, more: Value, operations: &Value) -> Answer {
    let mut body = json!({ "schemas": [REQUEST], "Operations": operations });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    who.post("/Bulk", &body).await
}

/// The entries of the answer, which is a good one.
async fn bulk(who: &Persona, operations: Value) -> Vec<Value> {
    let answer = send(who, json!({}), &operations).await.expect(200);
    assert_eq!(answer.body["schemas"], json!([RESPONSE]), "B-01");
    answer.body["Operations"].as_array().expect("entries").clone()
}

fn statuses(entries: &[Value]) -> Vec<String> {
    entries.iter().map(|entry| text(entry, "status")).collect()
}

fn id(entry: &Value) -> String {
    text(entry, "location").rsplit('/').next().expect("an id").to_owned()
}

fn user(name: &str, more: Value) -> Value {
    let mut data = json!({ "schemas": [USER], "userName": name });
    data.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    json!({ "method": "POST", "path": "/Users", "bulkId": name, "data": data })
}

fn group(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|member| json!({ "value": member })).collect();
    let data = json!({ "schemas": [GROUP], "displayName": name, "members": members });
    json!({ "method": "POST", "path": "/Groups", "bulkId": name, "data": data })
}

fn patch(path: &str, operations: Value) -> Value {
    json!({ "method": "PATCH", "path": path, "data": { "schemas": [PATCH_OP], "Operations": operations } })
}

fn manager(name: &str) -> Value {
    json!({ ENTERPRISE: { "manager": { "value": name } } })
}

fn members(group: &Answer) -> Vec<String> {
    group.body["members"].as_array().into_iter().flatten().map(|member| text(member, "value")).collect()
}

#[tokio::test]
async fn each_operation_is_answered_in_the_order_of_the_request() {
    let (_server, admin) = admin();
    let old = admin.user("old").await;
    let at = |kind: &str, id: &str| format!("{}/{kind}/{id}", admin.base);
    let entries = bulk(
        &admin,
        json!([
            user("ada", json!({})),
            { "method": "PUT", "path": format!("/Users/{old}"), "data": { "schemas": [USER], "userName": "older" } },
            patch(&format!("/Users/{old}"), json!([{ "op": "add", "path": "title", "value": "x" }])),
            patch("/Users/bulkId:ada", json!([{ "op": "add", "path": "title", "value": "y" }])),
            user("ADA", json!({})),
            { "method": "DELETE", "path": format!("/Users/{old}"), "bulkId": "bye" },
            { "method": "DELETE", "path": format!("/Users/{old}") },
            { "method": "DELETE", "path": "/Users/7" },
        ]),
    )
    .await;
    // B-01, B-02, B-11, B-12, B-13.
    let ada = id(&entries[0]);
    let missing = json!({ "schemas": [crate::server::ERROR], "status": "404", "detail": "no such resource" });
    let taken = json!({ "schemas": [crate::server::ERROR], "status": "409", "scimType": "uniqueness",
        "detail": "`userName` \"ADA\" is already used in this organization" });
    let expected = json!([
        { "location": at("Users", &ada), "method": "POST", "bulkId": "ada", "version": "W/\"1\"", "status": "201" },
        { "location": at("Users", &old), "method": "PUT", "version": "W/\"2\"", "status": "200" },
        { "location": at("Users", &old), "method": "PATCH", "version": "W/\"3\"", "status": "200" },
        { "location": at("Users", &ada), "method": "PATCH", "version": "W/\"2\"", "status": "200" },
        { "method": "POST", "bulkId": "ADA", "status": "409", "response": taken },
        { "location": at("Users", &old), "method": "DELETE", "bulkId": "bye", "status": "204" },
        { "location": at("Users", &old), "method": "DELETE", "status": "404", "response": missing.clone() },
        { "location": at("Users", "7"), "method": "DELETE", "status": "404", "response": missing },
    ]);
    assert_eq!(Value::Array(entries), expected);
    let ada = admin.get(&format!("/Users/{ada}")).await.expect(200);
    assert_eq!((&ada.body["title"], ada.header("etag")), (&json!("y"), Some("W/\"2\"")));
    admin.get(&format!("/Users/{old}")).await.expect(404);
}

#[tokio::test]
async fn references_hold_in_both_directions_and_in_circles() {
    let (_server, admin) = admin();
    let present = admin.group("present", &[]).await;
    let entries = bulk(
        &admin,
        json!([
            // B-05: forward in members, backward and forward in an extension, in a path, in values, in the filter of a path.
            group("crew", &["bulkId:ada", "bulkId:bob", "bulkId:inner"]),
            user("ada", manager("bulkId:bob")),
            user("bob", manager("bulkId:ada")),
            group("inner", &["bulkId:ada"]),
            patch(
                &format!("/Groups/{present}"),
                json!([{ "op": "add", "path": "members", "value": [{ "value": "bulkId:ada" }] }])
            ),
            patch(
                &format!("/Groups/{present}"),
                json!([{ "op": "add", "path": "members", "value": [{ "value": "bulkId:bob" }] }])
            ),
            patch("/Groups/bulkId:crew", json!([{ "op": "remove", "path": "members[value eq \"bulkId:bob\"]" }])),
            user("self", manager("bulkId:self")),
        ]),
    )
    .await;
    assert_eq!(statuses(&entries), ["201", "201", "201", "201", "200", "200", "200", "201"], "{entries:?}");
    let ids: Vec<String> = entries.iter().map(id).collect();
    let boss =
        async |id: &str| admin.get(&format!("/Users/{id}")).await.expect(200).body[ENTERPRISE]["manager"]["value"].clone();
    // B-06.
    assert_eq!((boss(&ids[1]).await, boss(&ids[2]).await), (json!(ids[2]), json!(ids[1])), "who manage each other");
    assert_eq!(boss(&ids[7]).await, json!(ids[7]));
    let crew = admin.get(&format!("/Groups/{}", ids[0])).await.expect(200);
    assert_eq!(members(&crew), [ids[1].as_str(), ids[3].as_str()]);
    assert_eq!(crew.header("etag"), entries[6]["version"].as_str(), "B-13");
    let mut both = [ids[1].clone(), ids[2].clone()];
    both.sort();
    assert_eq!(members(&admin.get(&format!("/Groups/{present}")).await.expect(200)), both);
    assert!(!admin.get("/Users").await.text.contains("bulkId"), "B-05: no reference is kept as text");
}

#[tokio::test]
async fn a_circle_that_cannot_be_leaves_nothing() {
    let (_server, admin) = admin();
    // B-06: groups cannot contain each other; it is tried, and all of the circle is taken back, and nothing else.
    let entries =
        bulk(&admin, json!([group("a", &["bulkId:b"]), group("b", &["bulkId:a"]), group("c", &["bulkId:a"]), group("d", &[])]))
            .await;
    assert_eq!(statuses(&entries), ["409", "409", "409", "201"], "{entries:?}");
    assert_eq!(admin.get("/Groups").await.all("displayName"), ["d"]);
    // A circle of users in which one cannot be made.
    admin.user("taken").await;
    let entries = bulk(&admin, json!([user("one", manager("bulkId:taken")), user("taken", manager("bulkId:one"))])).await;
    assert_eq!(statuses(&entries), ["409", "409"]);
    assert_eq!(entries[0]["response"]["detail"], "`bulkId:taken` is made by an operation that failed", "B-07");
    assert_eq!(entries[1]["response"]["scimType"], "uniqueness");
    assert_eq!(admin.get("/Users").await.all("userName"), ["taken"]);
}

#[tokio::test]
async fn what_refers_to_nothing_fails_alone() {
    let (_server, admin) = admin();
    admin.user("taken").await;
    // B-07, B-10: unknown, failed before, failed after, failed in between.
    let entries = bulk(
        &admin,
        json!([
            group("unknown", &["bulkId:nobody"]),
            user("taken", json!({})),
            group("after", &["bulkId:taken"]),
            user("forward", manager("bulkId:lazy")),
            user("lazy", json!({ "emails": 7 })),
            patch("/Users/bulkId:taken", json!([{ "op": "add", "path": "title", "value": "x" }])),
            group("chain", &["bulkId:after"]),
            group("good", &[]),
        ]),
    )
    .await;
    assert_eq!(statuses(&entries), ["409", "409", "409", "409", "400", "409", "409", "201"], "{entries:?}");
    for (at, detail) in [
        (0, "`bulkId:nobody` is made by no operation of this request"),
        (2, "`bulkId:taken` is made by an operation that failed"),
        (3, "`bulkId:lazy` is made by an operation that failed"),
        (5, "`bulkId:taken` is made by an operation that failed"),
        (6, "`bulkId:after` is made by an operation that failed"),
    ] {
        assert_eq!(entries[at]["response"]["detail"], detail);
        assert_eq!(entries[at]["response"]["scimType"], "invalidValue");
        assert!(entries[at].get("location").is_none(), "B-11: {}", entries[at]);
    }
    assert_eq!(admin.get("/Groups").await.all("displayName"), ["good"]);
    assert_eq!(admin.get("/Users").await.all("userName"), ["taken"]);
}

#[tokio::test]
async fn after_so_many_failures_nothing_more_is_done() {
    let (_server, admin) = admin();
    admin.user("taken").await;
    let operations = json!([
        user("a", json!({})),
        { "method": "GET", "path": "/Users" },
        user("b", json!({})),
        user("taken", json!({})),
        user("c", json!({})),
        { "method": "DELETE", "path": format!("/Users/{NOBODY}") },
        user("d", json!({})),
    ]);
    // B-09.
    for (most, expected, names) in [
        (1, &["201", "400"][..], &["a", "taken"][..]),
        (2, &["409", "400"], &["a", "taken"]),
        (3, &["409", "400", "201", "409"], &["a", "b", "taken"]),
    ] {
        let answer = send(&admin, json!({ "failOnErrors": most }), &operations).await.expect(200);
        let entries = answer.body["Operations"].as_array().expect("entries").clone();
        assert_eq!(statuses(&entries), expected, "failOnErrors {most}: {entries:?}");
        let there = admin.query("/Users", &[("sortBy", "userName")]).await.all("userName");
        assert_eq!(there, names, "failOnErrors {most}");
    }
    // B-10: without it, all is tried.
    let entries = bulk(&admin, operations).await;
    assert_eq!(statuses(&entries), ["409", "400", "409", "409", "201", "404", "201"]);
}

#[tokio::test]
async fn each_operation_needs_its_own_scope_and_its_own_version() {
    let (server, admin) = admin();
    let (ada, crew) = (admin.user("ada").await, admin.group("crew", &[]).await);
    // B-15.
    let operations = json!([
        user("bob", json!({})),
        group("new", &[]),
        patch(&format!("/Groups/{crew}"), json!([{ "op": "add", "path": "members", "value": [{ "value": ada }] }])),
        { "method": "DELETE", "path": format!("/Users/{ada}") },
        { "method": "POST", "path": "/Invitations", "bulkId": "i", "data": { "userName": "x" } },
    ]);
    for (scope, expected) in [
        ("users:read groups:read", ["403", "403", "403", "403", "403"]),
        ("groups:write", ["403", "201", "200", "403", "403"]),
        ("users:write", ["201", "403", "403", "204", "403"]),
    ] {
        let entries = bulk(&server.persona(&server.tree.root, scope), operations.clone()).await;
        assert_eq!(statuses(&entries), expected, "{scope}: {entries:?}");
    }
    // V-07: the version is that of the moment, also within the request.
    let path = format!("/Groups/{crew}");
    let versioned = |version: &str, mut operation: Value| {
        operation["version"] = version.into();
        operation
    };
    let rename = |name: &str| patch(&path, json!([{ "op": "replace", "path": "displayName", "value": name }]));
    let now = admin.get(&path).await.expect(200).header("etag").expect("an ETag").to_owned();
    let entries = bulk(
        &admin,
        json!([
            versioned("W/\"77\"", rename("x")),
            versioned(&now, rename("y")),
            versioned(&now, rename("z")),
            versioned("*", rename("y")),
            versioned(&now, json!({ "method": "PUT", "path": path, "data": { "schemas": [GROUP], "displayName": "z" } })),
            versioned(&now, json!({ "method": "DELETE", "path": path })),
        ]),
    )
    .await;
    assert_eq!(statuses(&entries), ["412", "200", "412", "200", "412", "412"], "{entries:?}");
    assert_eq!(entries[3]["version"], entries[1]["version"], "V-05: what changes nothing keeps the version");
    assert_eq!(admin.get(&path).await.expect(200).body["displayName"], "y");
}

#[tokio::test]
async fn too_much_is_refused_before_anything_is_done() {
    let (_server, admin) = admin();
    let config = admin.get("/ServiceProviderConfig").await.expect(200).body["bulk"].clone();
    // B-14, B-17, D-01.
    assert_eq!(config, json!({ "supported": true, "maxOperations": 1000, "maxPayloadSize": 8_388_608 }));
    let many: Vec<Value> = (0..1001).map(|n| user(&format!("u{n}"), json!({}))).collect();
    let answer = send(&admin, json!({}), &json!(many)).await.expect_error(413, None);
    assert!(text(&answer.body, "detail").contains("`maxOperations` is 1000"), "{}", answer.text);
    // B-03, B-01, B-09
    let twice = json!([user("a", json!({})), user("a", json!({}))]);
    send(&admin, json!({}), &twice).await.expect_error(400, Some("invalidSyntax"));
    send(&admin, json!({ "schemas": [PATCH_OP] }), &json!([user("a", json!({}))]))
        .await
        .expect_error(400, Some("invalidSyntax"));
    send(&admin, json!({ "failOnErrors": 0 }), &json!([user("a", json!({}))])).await.expect_error(400, Some("invalidValue"));
    admin.get("/Bulk").await.expect_error(405, None);
    assert_eq!(admin.get("/Users").await.total(), 0);
}

/// T-06; SEC S-43: the path is looked up in the org of the token and nowhere else.
#[tokio::test]
async fn another_org_cannot_be_reached() {
    let (server, admin) = admin();
    let other_root = server.tree.root("globex");
    let child = server.tree.org(&server.tree.root, "partners");
    let other = server.stranger("globex", &other_root, Some(server.tree.token(&other_root, crate::server::ALL_SCOPES)));
    for there in [other, server.admin(&child)] {
        let (user_id, group_id) = (there.user("eve").await, there.group("crew", &[]).await);
        let base = there.base.strip_prefix(&server.url).expect("under the server");
        let mut operations = vec![
            json!({ "method": "DELETE", "path": format!("/Users/{user_id}") }),
            json!({ "method": "PUT", "path": format!("/Users/{user_id}"), "data": { "schemas": [USER], "userName": "mine" } }),
            patch(&format!("/Groups/{group_id}"), json!([{ "op": "replace", "path": "displayName", "value": "mine" }])),
            group("mine", &[&user_id]),
        ];
        let found = operations.len();
        for path in [
            format!("{base}/Users/{user_id}"),
            format!("{}/Users/{user_id}", there.base),
            format!("/../../{child}/scim2/Users/{user_id}"),
            format!("/Users/../../../{child}/scim2/Users/{user_id}"),
            format!("/Users/%2e%2e/{user_id}"),
            "/Bulk".into(),
            "/Users/.search".into(),
        ] {
            operations.push(json!({ "method": "DELETE", "path": path }));
        }
        let entries = bulk(&admin, json!(operations)).await;
        assert_eq!(statuses(&entries[..found]), ["404", "404", "404", "400"], "{entries:?}");
        assert!(statuses(&entries[found..]).iter().all(|status| status == "400"), "{entries:?}");
        assert_eq!(there.get(&format!("/Users/{user_id}")).await.expect(200).body["userName"], "eve");
        assert_eq!(there.get("/Groups").await.all("displayName"), ["crew"]);
    }
}

#[tokio::test]
async fn what_clients_send_instead_is_understood() {
    let (_server, admin) = admin();
    let ada = admin.user("ada").await;
    // B-02, B-04.
    let operations = json!([{
        "Method": "patch",
        "path": format!("/Users/{ada}"),
        "data": [{ "op": "Replace", "path": "title", "value": "Countess" }],
    }]);
    assert_eq!(statuses(&bulk(&admin, operations).await), ["200"]);
    assert_eq!(admin.get(&format!("/Users/{ada}")).await.expect(200).body["title"], "Countess");
}

#[tokio::test]
async fn invitations_are_made_and_deleted_too() {
    let server = Server::start();
    let (parent, org) = (server.admin(&server.tree.root), server.tree.org(&server.tree.root, "partners"));
    parent.user("ada").await;
    let admin = server.admin(&org);
    let invite = |bulk_id: &str, name: &str, groups: Value| {
        let data = json!({ "schemas": ["urn:usher:scim:schemas:core:2.0:Invitation"], "userName": name, "groups": groups });
        json!({ "method": "POST", "path": "/Invitations", "bulkId": bulk_id, "data": data })
    };
    // B-05: into a group of the same request.
    let entries = bulk(
        &admin,
        json!([
            invite("i", "ada", json!([{ "value": "bulkId:crew" }])),
            group("crew", &[]),
            invite("j", "ada", json!([])),
            { "method": "PUT", "path": "/Invitations/bulkId:i", "data": {} },
        ]),
    )
    .await;
    assert_eq!(statuses(&entries), ["201", "201", "409", "405"], "{entries:?}");
    let invitation = admin.get(&format!("/Invitations/{}", id(&entries[0]))).await.expect(200);
    assert_eq!(invitation.body["groups"][0]["value"], json!(id(&entries[1])));
    let entries = bulk(&admin, json!([{ "method": "DELETE", "path": format!("/Invitations/{}", invitation.id()) }])).await;
    assert_eq!(statuses(&entries), ["204"]);
    assert_eq!(admin.get("/Invitations").await.total(), 0);
}

/// B-18: several runs, and one whole; how long each holds the writer is bounded by `RUN_MAX`.
#[tokio::test]
async fn a_thousand_operations_fit_beside_another_request() {
    let (_server, admin) = admin();
    let crew = admin.group("crew", &[]).await;
    let join = |name: &str| {
        patch(
            &format!("/Groups/{crew}"),
            json!([{ "op": "add", "path": "members", "value": [{ "value": format!("bulkId:{name}") }] }]),
        )
    };
    let names: Vec<String> = (0..500).map(|n| format!("u{n:03}")).collect();
    let operations: Vec<Value> = names.iter().flat_map(|name| [user(name, json!({})), join(name)]).collect();
    let (entries, one) = tokio::join!(bulk(&admin, json!(operations)), admin.user("meanwhile"));
    assert!(entries.iter().all(|entry| entry["status"] == "201" || entry["status"] == "200"), "{entries:?}");
    let group = admin.get(&format!("/Groups/{crew}")).await.expect(200);
    let made: std::collections::BTreeSet<String> = entries.iter().step_by(2).map(id).collect();
    assert_eq!(members(&group).into_iter().collect::<std::collections::BTreeSet<_>>(), made);
    assert_eq!(group.header("etag"), entries.last().expect("a thousand")["version"].as_str());
    admin.get(&format!("/Users/{one}")).await.expect(200);
}

/// S-45, OK-14: where the org passes unknown members over, so does each operation, and what this request makes is known.
#[tokio::test]
async fn unknown_members_are_passed_over_where_the_org_says_so() {
    let (_server, admin) = admin();
    let crew = json!([group("crew", &[NOBODY, "bulkId:ada"]), user("ada", json!({})), user("bob", json!({}))]);
    assert_eq!(statuses(&bulk(&admin, crew.clone()).await), ["400", "201", "201"]);
    admin.put("/../api/settings", &json!({ "quirks": { "unknown-members-skipped": true } })).await.expect(200);
    let crew = json!([group("crew", &[NOBODY, "bulkId:eve"]), user("eve", json!({}))]);
    let entries = bulk(&admin, crew).await;
    assert_eq!(statuses(&entries), ["201", "201"], "{entries:?}");
    let (crew, eve) = (format!("/Groups/{}", id(&entries[0])), id(&entries[1]));
    assert_eq!(members(&admin.get(&crew).await), *std::slice::from_ref(&eve));
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": NOBODY }] }]);
    assert_eq!(statuses(&bulk(&admin, json!([patch(&crew, add)])).await), ["200"]);
    assert_eq!(members(&admin.get(&crew).await), [eve]);
}
