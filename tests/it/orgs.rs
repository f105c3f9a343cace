//! Organizations over HTTP: what an administrator of one sees and does of those below it.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Answer, ORGANIZATION, Persona, Server, text};

/// `acme` over `partners` and `suppliers`; `partners` over `east` and `west`; `east` over `harbour`.
struct Stage {
    server: Server,
    root: Persona,
    partners: String,
    suppliers: String,
    east: String,
    west: String,
    harbour: String,
}

impl Stage {
    async fn new() -> Stage {
        let server = Server::start();
        let root = server.admin(&server.tree.root);
        let partners = make(&root, "partners", None).await.id();
        let suppliers = make(&root, "suppliers", None).await.id();
        let east = make(&root, "east", Some(&partners)).await.id();
        let west = make(&root, "west", Some(&partners)).await.id();
        let harbour = make(&root, "harbour", Some(&east)).await.id();
        Stage { server, root, partners, suppliers, east, west, harbour }
    }

    /// Somebody who may do everything in `org`.
    fn admin(&self, org: &str) -> Persona {
        self.server.admin(org)
    }
}

async fn make(by: &Persona, handle: &str, parent: Option<&str>) -> Answer {
    let mut body = json!({ "schemas": [ORGANIZATION], "handle": handle });
    if let Some(parent) = parent {
        body["parent"] = json!({ "value": parent });
    }
    by.post("/Organizations", &body).await.expect(201)
}

fn handles(list: &Answer) -> BTreeSet<String> {
    list.all("handle").into_iter().collect()
}

fn set(handles: &[&str]) -> BTreeSet<String> {
    handles.iter().map(|handle| (*handle).to_owned()).collect()
}

#[tokio::test]
async fn one_sees_what_is_below_and_nothing_beside_or_above() {
    let stage = Stage::new().await;
    let partners = stage.admin(&stage.partners);
    assert_eq!(handles(&stage.root.get("/Organizations").await.expect(200)), set(&["partners", "suppliers"]));
    assert_eq!(handles(&partners.get("/Organizations").await.expect(200)), set(&["east", "west"]));
    assert_eq!(handles(&partners.get("/Organizations?depth=32").await.expect(200)), set(&["east", "west", "harbour"]));
    assert_eq!(handles(&stage.root.get("/Organizations?depth=2").await.expect(200)).len(), 4);
    assert_eq!(handles(&stage.admin(&stage.harbour).get("/Organizations?depth=99").await.expect(200)), set(&[]));
    // T-06: neither an id nor a filter reaches what is not below.
    for hidden in [&stage.suppliers, &stage.server.tree.root] {
        partners.get(&format!("/Organizations/{hidden}")).await.expect_error(404, None);
        for body in [json!([{ "op": "replace", "path": "name", "value": "x" }])] {
            partners.patch(&format!("/Organizations/{hidden}"), body).await.expect_error(404, None);
        }
        partners.delete(&format!("/Organizations/{hidden}?recursive=true")).await.expect_error(404, None);
        partners.get(&format!("/Organizations/{hidden}/.deletion")).await.expect_error(404, None);
        for filter in [format!(r#"id eq "{hidden}""#), format!(r#"parent.value eq "{hidden}" and handle eq "suppliers""#)] {
            let found = partners.query("/Organizations", &[("filter", &filter), ("depth", "32")]).await.expect(200);
            assert_eq!(found.total(), 0, "{filter}");
        }
        let body = json!({ "schemas": [ORGANIZATION], "handle": "x", "parent": { "value": hidden } });
        let answer = partners.post("/Organizations", &body).await.expect_error(400, Some("invalidValue"));
        assert!(text(&answer.body, "detail").contains("there is no organization"), "{}", answer.text);
        let to = json!([{ "op": "replace", "path": "parent.value", "value": hidden }]);
        partners.patch(&format!("/Organizations/{}", stage.west), to).await.expect_error(400, Some("invalidValue"));
    }
    // Its own path is told, and it is changed from above alone.
    let own = partners.get(&format!("/Organizations/{}", stage.partners)).await.expect(200).body;
    assert_eq!(own["ancestors"][0]["display"], "acme");
    assert_eq!(own["parent"].get("$ref"), None, "S-08: it cannot be fetched from here");
    let rename = json!([{ "op": "replace", "path": "name", "value": "x" }]);
    partners.patch(&format!("/Organizations/{}", stage.partners), rename).await.expect_error(403, None);
    partners.delete(&format!("/Organizations/{}", stage.partners)).await.expect_error(403, None);
    // S-08: what has a `$ref` can be fetched with the same token.
    let harbour = partners.get(&format!("/Organizations/{}", stage.harbour)).await.expect(200).body;
    let names: Vec<&str> =
        harbour["ancestors"].as_array().expect("a path").iter().filter_map(|org| org["display"].as_str()).collect();
    assert_eq!(names, ["acme", "partners", "east"]);
    assert_eq!(harbour["parent"]["value"], json!(stage.east));
    for org in harbour["ancestors"].as_array().expect("a path").iter().filter_map(|org| org["$ref"].as_str()) {
        let path = org.strip_prefix(&partners.base).expect("of this org");
        assert!(path.ends_with(&text(&partners.get(path).await.expect(200).body, "id")));
    }
}

#[tokio::test]
async fn lists_filter_sort_page_and_project_as_everything_does() {
    let stage = Stage::new().await;
    let tag = json!([{ "op": "add", "path": "attributes", "value": [{ "type": "region", "value": "EMEA" }] }]);
    stage.root.patch(&format!("/Organizations/{}", stage.east), tag).await.expect(200);
    let all = async |filter: &str| {
        let list = stage.root.query("/Organizations", &[("filter", filter), ("depth", "9")]).await.expect(200);
        handles(&list)
    };
    for (filter, expected) in [
        (r#"handle eq "EAST""#.to_owned(), &["east"][..]),
        (r#"name sw "ea""#.to_owned(), &["east"]),
        (format!(r#"parent.value eq "{}""#, stage.partners), &["east", "west"]),
        (format!(r#"parent eq "{}""#, stage.partners), &["east", "west"]),
        (r#"parent.display eq "East""#.to_owned(), &["harbour"]),
        (format!(r#"ancestors.value eq "{}""#, stage.partners), &["east", "west", "harbour"]),
        (r#"ancestors.display eq "east""#.to_owned(), &["harbour"]),
        (r#"ancestors[display sw "part"]"#.to_owned(), &["east", "west", "harbour"]),
        (r#"attributes[type eq "region" and value eq "EMEA"]"#.to_owned(), &["east"]),
        ("attributes pr".to_owned(), &["east"]),
        (r#"hasChildren eq true and not (handle eq "east")"#.to_owned(), &["partners"]),
        (r#"status eq "active" and active eq true and hasChildren eq false"#.to_owned(), &["suppliers", "west", "harbour"]),
        (r#"meta.resourceType eq "Organization" and handle ew "t""#.to_owned(), &["east", "west"]),
        (format!(r#"schemas eq "{ORGANIZATION}" and handle co "u""#), &["suppliers", "harbour"]),
        ("externalId pr".to_owned(), &[]),
    ] {
        assert_eq!(all(&filter).await, set(expected), "{filter}");
    }
    let sorted = stage.root.get("/Organizations?depth=9&sortBy=name&sortOrder=descending&attributes=handle").await.expect(200);
    assert_eq!(sorted.all("handle"), ["west", "suppliers", "partners", "harbour", "east"]);
    assert!(sorted.body["Resources"][0].get("parent").is_none(), "{}", sorted.text);
    // Index and cursor lead through the same list.
    let (mut by_index, mut by_cursor, mut cursor) = (Vec::new(), Vec::new(), String::new());
    for start in [1, 3, 5] {
        let page = stage.root.get(&format!("/Organizations?depth=9&sortBy=name&count=2&startIndex={start}")).await.expect(200);
        assert_eq!(page.total(), 5);
        by_index.extend(page.all("handle"));
        let parameters = [("depth", "9"), ("sortBy", "name"), ("count", "2"), ("cursor", cursor.as_str())];
        let page = stage.root.query("/Organizations", &parameters).await.expect(200);
        by_cursor.extend(page.all("handle"));
        cursor = page.body["nextCursor"].as_str().unwrap_or_default().to_owned();
        if start == 1 {
            // K-06: a cursor of another depth is none.
            let other = stage.root.query("/Organizations", &[("sortBy", "name"), ("count", "2"), ("cursor", &cursor)]).await;
            other.expect_error(400, Some("invalidCursor"));
        }
    }
    assert_eq!(
        (by_index.as_slice(), cursor.as_str()),
        (&["east", "harbour", "partners", "suppliers", "west"].map(String::from)[..], "")
    );
    assert_eq!(by_index, by_cursor);
    let search = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "depth": 9,
        "filter": format!(r#"parent.value eq "{}""#, stage.partners) });
    assert_eq!(stage.root.post("/Organizations/.search", &search).await.expect(200).total(), 2);
    assert_eq!(stage.root.query("/", &[("filter", r#"handle eq "partners""#)]).await.expect(200).total(), 1, "Q-02");
}

#[tokio::test]
async fn an_organization_is_written_like_every_resource() {
    let stage = Stage::new().await;
    let body = json!({ "schemas": [ORGANIZATION], "handle": "north", "name": "North Ltd", "externalId": "n-1",
        "attributes": [{ "type": "region", "value": "EMEA" }] });
    let made = stage.root.post("/Organizations", &body).await.expect(201);
    assert_eq!(made.header("location"), made.body["meta"]["location"].as_str());
    assert_eq!((made.body["status"].as_str(), made.body["hasChildren"].as_bool()), (Some("active"), Some(false)));
    let path = format!("/Organizations/{}", made.id());
    let etag = made.header("etag").expect("a version").to_owned();
    let known = stage.root.request(Method::GET, &path).header("if-none-match", &etag);
    assert_eq!(crate::server::answer(known).await.status, 304);
    stage.root.post("/Organizations", &body).await.expect_error(409, Some("uniqueness"));
    // S-26: the handle is for ever. The name, and what else there is, can change.
    let answer = stage.root.patch(&path, json!([{ "op": "replace", "path": "handle", "value": "south" }])).await;
    answer.expect_error(400, Some("mutability"));
    let same = stage.root.patch(&path, json!([{ "op": "replace", "path": "name", "value": "North Ltd" }])).await.expect(200);
    assert_eq!(same.header("etag"), Some(&*etag), "P-08");
    let operations = json!([
        { "op": "replace", "path": "name", "value": "North GmbH" },
        { "op": "replace", "path": "attributes[type eq \"region\"].value", "value": "DACH" },
        { "op": "add", "path": "attributes", "value": [{ "type": "tier", "value": "gold" }] },
    ]);
    let changed = stage.root.patch(&path, operations).await.expect(200);
    assert_eq!(changed.body["attributes"], json!([{ "type": "region", "value": "DACH" }, { "type": "tier", "value": "gold" }]));
    assert_ne!(changed.header("etag"), Some(&*etag));
    let stale = stage.root.request(Method::DELETE, &path).header("if-match", &etag);
    crate::server::answer(stale).await.expect_error(412, None);
    let put = json!({ "schemas": [ORGANIZATION], "handle": "north" });
    let replaced = stage.root.put(&path, &put).await.expect(200).body;
    assert_eq!(
        (&replaced["name"], replaced.get("attributes"), replaced.get("externalId")),
        (&json!("north"), None, None),
        "S-17"
    );
    assert_eq!(replaced["parent"]["value"], json!(stage.server.tree.root), "it stays where it is");
    for (body, status, kind) in [
        (json!({ "handle": "Not A Label" }), 400, "invalidValue"),
        (json!({ "name": "no handle" }), 400, "invalidValue"),
        (json!({ "handle": "x", "name": "a\u{7}" }), 400, "invalidValue"),
        (json!({ "handle": "x", "parent": { "value": "not-an-id" } }), 400, "invalidValue"),
        (
            json!({ "handle": "x", "attributes": [{ "type": "a", "value": "1" }, { "type": "a", "value": "2" }] }),
            400,
            "invalidValue",
        ),
        (json!({ "handle": "x", "attributes": [{ "type": "a".repeat(65), "value": "1" }] }), 400, "invalidValue"),
        (json!({ "handle": "x", "attributes": [{ "type": "a", "value": "1".repeat(1025) }] }), 400, "invalidValue"),
    ] {
        let mut whole = json!({ "schemas": [ORGANIZATION] });
        whole.as_object_mut().expect("an object").extend(body.as_object().cloned().expect("an object"));
        stage.root.post("/Organizations", &whole).await.expect_error(status, Some(kind));
    }
    let gone = stage.root.patch(&path, json!([{ "op": "remove", "path": "parent" }])).await;
    gone.expect_error(400, Some("invalidValue"));
    stage.root.delete(&path).await.expect(204);
    stage.root.get(&path).await.expect_error(404, None);
}

#[tokio::test]
async fn who_makes_a_child_is_its_first_administrator() {
    let stage = Stage::new().await;
    let partners = stage.admin(&stage.partners);
    partners.user("ada").await;
    let token = stage.server.tree.token_of("ada", &stage.partners, "organizations:write");
    let ada = stage.server.stranger("acme", &stage.partners, Some(token));
    let child = make(&ada, "ada-labs", None).await.id();
    let inside = stage.admin(&child);
    let users = inside.get("/Users").await.expect(200);
    assert_eq!(users.all("userName"), ["ada"]);
    let membership = &users.body["Resources"][0]["urn:usher:scim:schemas:extension:membership:2.0:User"];
    assert_eq!((&membership["type"], &membership["sourceOrg"]), (&json!("guest"), &json!(stage.partners)));
    let groups = inside.get("/Groups").await.expect(200);
    assert_eq!(groups.all("displayName"), ["Administrators"]);
    assert_eq!(groups.body["Resources"][0]["members"][0]["value"], users.body["Resources"][0]["id"]);
    let gives = &groups.body["Resources"][0]["urn:usher:scim:schemas:extension:access:2.0:Group"]["scopes"];
    assert_eq!(gives.as_array().map(Vec::len), Some(crate::server::ALL_SCOPES.split_whitespace().count()), "{gives}");
    // Further down the rule of the parent lets nobody in, and a machine is no person.
    for org in [make(&ada, "below", Some(&child)).await.id(), make(&partners, "by-machine", None).await.id()] {
        let inside = stage.admin(&org);
        assert_eq!((inside.get("/Users").await.total(), inside.get("/Groups").await.total()), (0, 0));
    }
}

#[tokio::test]
async fn what_is_not_active_is_shut_with_all_below_at_once() {
    let stage = Stage::new().await;
    let (east, harbour, west) = (stage.admin(&stage.east), stage.admin(&stage.harbour), stage.admin(&stage.west));
    let active = async |org: &str, value: bool| {
        let operations = json!([{ "op": "replace", "path": "active", "value": value }]);
        stage.root.patch(&format!("/Organizations/{org}"), operations).await.expect(200).body
    };
    let statuses = async || {
        let list = stage.root.get("/Organizations?depth=9&sortBy=handle&attributes=status").await.expect(200);
        list.all("status").join(" ")
    };
    for inside in [&east, &harbour] {
        inside.get("/Users").await.expect(200);
    }
    // T-08, SEC S-27: nobody enters with the next request, whatever the token.
    assert_eq!(active(&stage.east, false).await["status"], "inactive");
    for inside in [&east, &harbour] {
        inside.get("/Users").await.expect_error(401, None);
    }
    west.get("/Users").await.expect(200);
    assert_eq!(statuses().await, "inactive suspended active active active");
    // Its children keep their own choice, and what is made below is shut as well.
    assert_eq!(active(&stage.harbour, false).await["status"], "inactive");
    assert_eq!(active(&stage.east, true).await["status"], "active");
    east.get("/Users").await.expect(200);
    harbour.get("/Users").await.expect_error(401, None);
    active(&stage.partners, false).await;
    assert_eq!(active(&stage.harbour, true).await["status"], "suspended");
    assert_eq!(make(&stage.root, "late", Some(&stage.east)).await.body["status"], "suspended");
    active(&stage.partners, true).await;
    harbour.get("/Users").await.expect(200);
}

#[tokio::test]
async fn a_deletion_is_told_before_blocked_by_children_and_leaves_nothing() {
    // T-08, V-70
    let stage = Stage::new().await;
    let (partners, east, harbour) = (stage.admin(&stage.partners), stage.admin(&stage.east), stage.admin(&stage.harbour));
    partners.user("ada").await;
    east.user("eve").await;
    harbour.group("Staff", &[]).await;
    let ada = json!({ "userName": "ada" });
    east.post("/Invitations", &ada).await.expect(201);
    let path = format!("/Organizations/{}", stage.east);
    let preview = stage.root.get(&format!("{path}/.deletion")).await.expect(200).body;
    let counts = ["organizations", "users", "guests", "groups", "invitations", "resources"].map(|name| preview[name].as_u64());
    assert_eq!(counts.map(|count| count.expect("a count")), [1, 1, 0, 1, 1, 0]);
    assert!(preview["tokens"].as_u64() >= Some(2), "those of the personas: {preview}");
    let answer = stage.root.delete(&path).await.expect_error(409, None);
    assert!(text(&answer.body, "detail").starts_with("organizations below it: 1;"), "{}", answer.text);
    east.get("/Users").await.expect(200);
    stage.root.delete(&format!("{path}?recursive=true")).await.expect(204);
    for inside in [&east, &harbour] {
        inside.get("/Users").await.expect_error(404, None);
    }
    stage.root.get(&path).await.expect_error(404, None);
    assert_eq!(handles(&partners.get("/Organizations?depth=9").await.expect(200)), set(&["west"]));
    make(&stage.root, "east", Some(&stage.partners)).await;
}

#[tokio::test]
async fn a_move_ends_what_the_rule_no_longer_allows_and_nothing_else() {
    let stage = Stage::new().await;
    let (partners, east, harbour) = (stage.admin(&stage.partners), stage.admin(&stage.east), stage.admin(&stage.harbour));
    stage.root.api().put("/settings", &json!({ "log": "all" })).await.expect(200);
    let suppliers = stage.admin(&stage.suppliers).api();
    suppliers.put("/settings", &json!({ "invitations": { "lifetime": 600 } })).await.expect(200);
    for name in ["ada", "bob"] {
        partners.user(name).await;
    }
    let eve = east.user("eve").await;
    east.post("/Invitations", &json!({ "userName": "ada" })).await.expect(201);
    harbour.post("/Invitations", &json!({ "userName": "eve" })).await.expect(201);
    let path = format!("/Organizations/{}", stage.east);
    let body = |dry_run: bool| json!({ "parent": { "value": stage.suppliers }, "dryRun": dry_run });
    let preview = stage.root.post(&format!("{path}/.move"), &body(true)).await.expect(200).body;
    assert_eq!((&preview["guests"], &preview["invitations"], &preview["dryRun"]), (&json!(0), &json!(1), &json!(true)));
    assert_eq!(east.get("/Invitations").await.total(), 1, "nothing was done");
    // The settings of suppliers would hold in east: whoever may not choose those does not choose where they hold.
    let mover = stage.server.persona(&stage.server.tree.root, "organizations:read organizations:write");
    mover.post(&format!("{path}/.move"), &body(false)).await.expect_error(403, None);
    let there = json!([{ "op": "replace", "path": "parent.value", "value": stage.suppliers }]);
    mover.patch(&path, there).await.expect_error(403, None);
    let misspelt = json!({ "parent": { "value": stage.suppliers }, "dryrum": true });
    stage.root.post(&format!("{path}/.move"), &misspelt).await.expect_error(400, Some("invalidValue"));
    assert_eq!(east.get("/Invitations").await.total(), 1, "a word that nobody knows moves nothing");
    stage.root.post(&format!("{path}/.move"), &body(false)).await.expect(200);
    // Both parents are told.
    for parent in [&partners, &stage.admin(&stage.suppliers)] {
        let told = parent.api().get(&format!("/audit?resourceId={}&action=changed", stage.east)).await.expect(200).body;
        assert_eq!(told["entries"].as_array().map(Vec::len), Some(1), "{told}");
    }
    let moved = stage.root.get(&path).await.expect(200).body;
    assert_eq!(moved["parent"]["value"], json!(stage.suppliers));
    assert_eq!(east.get("/Invitations").await.total(), 0);
    assert_eq!(harbour.get("/Invitations").await.total(), 1, "its parent is the same");
    east.get(&format!("/Users/{eve}")).await.expect(200);
    let holds = harbour.api().get("/settings").await.expect(200).body;
    assert_eq!((&holds["effective"]["invitations"]["lifetime"], &holds["effective"]["log"]), (&json!(600), &json!("all")));
    assert_eq!(handles(&stage.admin(&stage.suppliers).get("/Organizations?depth=9").await), set(&["east", "harbour"]));
    assert_eq!(handles(&partners.get("/Organizations?depth=9").await), set(&["west"]));
    // Not below itself, and not where the caller cannot see.
    for (org, parent) in [(&stage.east, &stage.harbour), (&stage.east, &stage.east)] {
        let to = json!([{ "op": "replace", "path": "parent.value", "value": parent }]);
        let answer = stage.root.patch(&format!("/Organizations/{org}"), to).await.expect_error(400, Some("invalidValue"));
        assert!(text(&answer.body, "detail").contains("below itself"), "{}", answer.text);
    }
    let back = json!([{ "op": "replace", "path": "parent.value", "value": stage.partners }, { "op": "replace", "path": "name", "value": "East" }]);
    let answer = stage.root.patch(&path, back).await.expect(200).body;
    assert_eq!((&answer["parent"]["value"], &answer["name"]), (&json!(stage.partners), &json!("East")));
}

#[tokio::test]
async fn bulk_makes_and_changes_organizations() {
    let stage = Stage::new().await;
    let operations = json!([
        { "method": "POST", "path": "/Organizations", "bulkId": "a", "data": { "schemas": [ORGANIZATION], "handle": "a" } },
        { "method": "POST", "path": "/Organizations", "bulkId": "b",
          "data": { "schemas": [ORGANIZATION], "handle": "b", "parent": { "value": "bulkId:a" } } },
        { "method": "PATCH", "path": format!("/Organizations/{}", stage.west),
          "data": { "schemas": [crate::server::PATCH_OP], "Operations": [{ "op": "replace", "path": "name", "value": "West" }] } },
        { "method": "DELETE", "path": format!("/Organizations/{}", stage.east) },
        { "method": "DELETE", "path": format!("/Organizations/{}", stage.harbour) },
    ]);
    let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations });
    let answer = stage.root.post("/Bulk", &body).await.expect(200).body;
    let statuses: Vec<&str> =
        answer["Operations"].as_array().expect("results").iter().filter_map(|one| one["status"].as_str()).collect();
    assert_eq!(statuses, ["201", "201", "200", "409", "204"]);
    let found = stage.root.query("/Organizations", &[("depth", "9"), ("filter", r#"parent.display eq "a""#)]).await.expect(200);
    assert_eq!(found.all("handle"), ["b"]);
}

#[tokio::test]
async fn a_setting_is_inherited_until_somebody_below_chooses() {
    let stage = Stage::new().await;
    let api = |org: &str| stage.admin(org).api();
    let choice = json!({ "invitations": { "lifetime": 3600, "lifetimeMax": 86400 } });
    let shown = api(&stage.partners).send(Method::PATCH, "/settings", Some(&choice)).await.expect(200).body;
    assert_eq!((&shown["invitations"], &shown["effective"]["invitations"]), (&choice["invitations"], &choice["invitations"]));
    let own = json!({ "invitations": { "lifetime": 600 } });
    api(&stage.east).send(Method::PATCH, "/settings", Some(&own)).await.expect(200);
    let effective = async |org: &str| api(org).get("/settings").await.expect(200).body["effective"]["invitations"].clone();
    assert_eq!(effective(&stage.harbour).await, json!({ "lifetime": 600, "lifetimeMax": 86400 }));
    assert_eq!(effective(&make(&stage.root, "new", Some(&stage.west)).await.id()).await, choice["invitations"]);
    let wrong = json!({ "invitations": { "lifetime": 7200, "lifetimeMax": 3600 } });
    api(&stage.east).put("/settings", &wrong).await.expect_error(400, Some("invalidValue"));
    let back = json!({ "invitations": Value::Null });
    api(&stage.east).send(Method::PATCH, "/settings", Some(&back)).await.expect(200);
    assert_eq!(effective(&stage.harbour).await, choice["invitations"]);
}

#[test]
fn the_settings_in_the_document_are_those_there_are() {
    let document = include_str!("../../docs/organizations.md");
    for setting in usher::org::Setting::ALL {
        let line = format!("| `{}.{}` | {} |", setting.section(), setting.name(), setting.about());
        assert!(document.contains(&line), "docs/organizations.md lacks\n{line}");
    }
}
