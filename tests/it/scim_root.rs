//! Queries at the base: all types at once (RFC 7644 §3.4.2.1).

use serde_json::{Value, json};

use crate::server::{Answer, GROUP, Persona, Server, USER};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// The org `partners`: users ada and bob, groups Crew and bobs, an invitation of eve.
async fn cast() -> (Server, String, Persona) {
    let server = Server::start();
    let partners = server.tree.org(&server.tree.root, "partners");
    let admin = server.admin(&partners);
    let ada = json!({
        "schemas": [USER], "userName": "ada", "displayName": "Zed", "title": "Mate",
        "emails": [{ "type": "work", "value": "ada@a.test" }], ENTERPRISE: { "department": "Deck" },
    });
    let ada = admin.post("/Users", &ada).await.expect(201).id();
    admin.post("/Users", &json!({ "schemas": [USER], "userName": "bob" })).await.expect(201);
    admin.group("Crew", &[&ada]).await;
    admin.group("bobs", &[]).await;
    server.admin(&server.tree.root).user("eve").await;
    admin.post("/Invitations", &json!({ "userName": "eve" })).await.expect(201);
    (server, partners, admin)
}

/// What each result is called.
fn names(list: &Answer) -> Vec<String> {
    let name = |one: &Value| {
        let name = match one["meta"]["resourceType"].as_str() {
            Some("Group") => &one["displayName"],
            Some("Organization") => &one["handle"],
            _ => &one["userName"],
        };
        name.as_str().unwrap_or_else(|| panic!("no name in {one}")).to_owned()
    };
    list.body["Resources"].as_array().expect("a list").iter().map(name).collect()
}

/// G-05
#[tokio::test]
async fn the_base_lists_all_types_each_as_its_own_list_does() {
    let (_server, _, admin) = cast().await;
    let all = admin.get("/").await.expect(200);
    assert_eq!(names(&all), ["ada", "bob", "Crew", "bobs", "eve"]);
    assert_eq!((all.total(), &all.body["itemsPerPage"], &all.body["startIndex"]), (5, &json!(5), &json!(1)));
    let mut single = Vec::new();
    for endpoint in ["/Users", "/Groups", "/Invitations"] {
        single.extend(admin.get(endpoint).await.expect(200).body["Resources"].as_array().expect("a list").clone());
    }
    let shown = all.body["Resources"].as_array().expect("a list");
    assert_eq!(shown[..4], single[..4], "schemas, meta, members and groups are those of each");
    // Sending its letter changes an invitation, whenever that is.
    assert_eq!((&shown[4]["id"], &shown[4]["schemas"]), (&single[4]["id"], &single[4]["schemas"]));

    // Pages run over the borders of types.
    for (start, count, expected) in [
        ("1", "3", &["ada", "bob", "Crew"][..]),
        ("4", "3", &["bobs", "eve"]),
        ("5", "1", &["eve"]),
        ("9", "3", &[]),
        ("2", "0", &[]),
    ] {
        let page = admin.query("/", &[("startIndex", start), ("count", count)]).await.expect(200);
        assert_eq!((names(&page), page.total()), (expected.iter().map(|s| (*s).to_owned()).collect(), 5), "{start} {count}");
        assert_eq!(page.body["startIndex"].to_string(), start);
    }
    let less = admin.get("/?attributes=displayName,userName").await.expect(200);
    let first = &less.body["Resources"][0];
    assert_eq!(first.as_object().expect("an object").keys().collect::<Vec<_>>(), ["schemas", "id", "userName", "displayName"]);
    let without = admin.get("/?excludedAttributes=members,emails").await.expect(200);
    assert!(!without.text.contains("\"members\"") && !without.text.contains("\"emails\""), "{}", without.text);
}

/// F-28, F-23, F-07, F-24, Q-03, Q-04
#[tokio::test]
async fn an_attribute_that_a_type_lacks_has_no_value_there() {
    let (_server, _, admin) = cast().await;
    for (filter, expected) in [
        ("meta.resourceType eq \"Group\"", &["Crew", "bobs"][..]),
        ("meta.resourceType eq User", &["ada", "bob"]),
        ("(meta.resourceType eq User) or (meta.resourceType eq Group)", &["ada", "bob", "Crew", "bobs"]),
        ("userName pr", &["ada", "bob", "eve"]),
        ("userName eq \"ADA\" or displayName eq \"crew\"", &["ada", "Crew"]),
        ("title eq \"mate\"", &["ada"]),
        ("title ne \"mate\"", &["bob", "Crew", "bobs", "eve"]),
        ("title eq null and not (members pr)", &["bob", "bobs", "eve"]),
        ("emails ne \"x\"", &["ada"]),
        ("emails[type eq \"work\"]", &["ada"]),
        ("not (emails[type eq \"work\"])", &["bob", "Crew", "bobs", "eve"]),
        ("emails[type eq \"work\"].value co \"a.test\" or status eq \"pending\"", &["ada", "eve"]),
        ("groups[type eq \"direct\"]", &["ada"]),
        ("groups.type eq \"direct\"", &["ada"]),
        ("schemas eq \"urn:ietf:params:scim:schemas:core:2.0:Group\"", &["Crew", "bobs"]),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"a\"", &["ada"]),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr", &["ada"]),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"deck\"", &["ada"]),
        ("shoeSize eq 43", &[]),
        ("shoeSize ne 43 and userName eq \"bob\"", &["bob"]),
        ("shoeSize eq null and shoeSize ne 5 and not (shoeSize pr) and title pr", &["ada"]),
        ("shoes[size eq 43 or colour pr].size eq 43 or title pr", &["ada"]),
        ("meta.lastModified gt \"2020-01-01T00:00:00Z\" and displayName sw \"B\"", &["bobs"]),
    ] {
        let found = admin.find("/", filter).await;
        assert_eq!(found.status, 200, "{filter}: {}", found.text);
        assert_eq!(
            (names(&found), found.total()),
            (expected.iter().map(|s| (*s).to_owned()).collect(), expected.len() as u64),
            "{filter}"
        );
        let searched = admin.post("/.search", &json!({ "schemas": [SEARCH], "filter": filter })).await.expect(200);
        assert_eq!((names(&searched), searched.total()), (names(&found), found.total()), "{filter} by .search");
    }
    for filter in [
        "",
        "userName",
        "userName eq",
        "shoeSize",
        "shoeSize is 43",
        "shoeSize eq",
        "shoeSize eq )",
        "shoes[size eq 1",
        "shoes[a[b pr]]",
        "emails[nope[x pr]]",
        "active gt true",
        "active eq 7",
        "password eq \"x\"",
        "name eq \"x\"",
        "(userName pr",
    ] {
        admin.find("/", filter).await.expect_error(400, Some("invalidFilter"));
    }
    let strict = [("count", "x"), ("sortOrder", "up"), ("sortBy", "shoeSize"), ("sortBy", "password")];
    for (name, value) in strict {
        admin.query("/", &[(name, value)]).await.expect_error(400, Some("invalidValue"));
    }
}

/// K-13, K-19, K-07
#[tokio::test]
async fn all_types_are_walked_by_one_cursor() {
    let (_server, _, admin) = cast().await;
    for (by, order, expected) in [
        (None, "ascending", ["ada", "bob", "Crew", "bobs", "eve"]),
        (Some("displayName"), "ascending", ["bobs", "Crew", "ada", "bob", "eve"]),
        (Some("displayName"), "descending", ["eve", "bob", "ada", "Crew", "bobs"]),
        (Some("status"), "ascending", ["eve", "ada", "bob", "Crew", "bobs"]),
    ] {
        for count in 1..=5 {
            let (mut cursor, mut seen) = (String::new(), Vec::new());
            loop {
                let mut body = json!({ "schemas": [SEARCH], "cursor": cursor, "count": count, "sortOrder": order });
                if let Some(by) = by {
                    body["sortBy"] = by.into();
                }
                let page = admin.post("/.search", &body).await.expect(200);
                assert_eq!(page.total(), 5);
                assert!(page.body.get("startIndex").is_none() && page.body.get("previousCursor").is_none());
                seen.extend(names(&page));
                let Some(next) = page.body["nextCursor"].as_str() else { break };
                next.clone_into(&mut cursor);
            }
            assert_eq!(seen, expected, "{by:?} {order}, {count} at a time");
        }
    }

    let page = admin.get("/?cursor&count=1").await.expect(200);
    let next = page.body["nextCursor"].as_str().expect("another page").to_owned();
    // Ada goes, and her place stays.
    let ada = page.body["Resources"][0]["id"].as_str().expect("an id");
    admin.delete(&format!("/Users/{ada}")).await.expect(204);
    assert_eq!(names(&admin.query("/", &[("cursor", &next), ("count", "1")]).await.expect(200)), ["bob"]);
    for (path, cursor, filter) in [("/Users", &*next, "id pr"), ("/", "x", "id pr"), ("/", &next, "userName pr")] {
        let query = [("cursor", cursor), ("count", "1"), ("filter", filter)];
        admin.query(path, &query).await.expect_error(400, Some("invalidCursor"));
    }
    admin.query("/", &[("cursor", &next), ("startIndex", "1")]).await.expect_error(400, Some("invalidValue"));
    let totals = admin.get("/?cursor&count=0").await.expect(200);
    assert_eq!((totals.total(), totals.body.get("nextCursor")), (4, None), "K-04");
}

/// O-03, F-31
#[tokio::test]
async fn a_sorted_search_is_one_list() {
    let (_server, _, admin) = cast().await;
    for (by, order, expected) in [
        ("displayName", "ascending", ["bobs", "Crew", "ada", "bob", "eve"]),
        ("displayName", "descending", ["eve", "bob", "ada", "Crew", "bobs"]),
        ("userName", "ascending", ["ada", "bob", "eve", "Crew", "bobs"]),
        ("meta.created", "ascending", ["ada", "bob", "Crew", "bobs", "eve"]),
        ("status", "descending", ["bobs", "Crew", "bob", "ada", "eve"]),
    ] {
        let whole = admin.query("/", &[("sortBy", by), ("sortOrder", order)]).await.expect(200);
        assert_eq!((names(&whole), whole.total()), (expected.map(str::to_owned).to_vec(), 5), "{by} {order}");
        let mut paged = Vec::new();
        for start in ["1", "3", "5"] {
            let page = [("sortBy", by), ("sortOrder", order), ("startIndex", start), ("count", "2")];
            let page = admin.query("/", &page).await.expect(200);
            assert_eq!(page.total(), 5);
            paged.extend(names(&page));
        }
        assert_eq!(paged, expected, "{by} {order} in pages");
    }
    let crew = admin.query("/", &[("sortBy", "displayName"), ("startIndex", "2"), ("count", "1")]).await.expect(200);
    assert_eq!(
        crew.body["Resources"][0],
        admin.find("/Groups", "displayName eq \"Crew\"").await.expect(200).body["Resources"][0]
    );
    let far = [("sortBy", "displayName"), ("startIndex", "10000")];
    admin.query("/", &far).await.expect_error(400, Some("tooMany"));
    admin.query("/", &[("startIndex", "1000000")]).await.expect(200);
}

/// T-06, Q-07, Q-08
#[tokio::test]
async fn the_base_shows_what_the_token_may_read_and_no_more() {
    let (server, partners, admin) = cast().await;
    let reader = server.persona(&partners, "groups:read users:write");
    let list = reader.get("/").await.expect(200);
    assert_eq!((names(&list), list.total()), (vec!["Crew".to_owned(), "bobs".to_owned()], 2));
    assert_eq!(reader.find("/", "userName pr").await.expect(200).total(), 0, "a type that it may not read has no results");
    assert_eq!(reader.find("/", "title ne \"x\"").await.expect(200).total(), 2);
    let writer = server.persona(&partners, "groups:write");
    let refused = writer.get("/").await.expect_error(403, None);
    assert!(refused.header("www-authenticate").is_some_and(|challenge| challenge.contains("insufficient_scope")));
    assert_eq!(
        names(&server.admin(&server.tree.root).get("/").await.expect(200)),
        ["eve", "partners"],
        "the parent has its own"
    );

    let search = json!({ "schemas": [SEARCH] });
    for path in ["/Nothing/.search", "/Schemas/.search", &format!("/Groups/{}/.search", list.all("id")[0])] {
        let refused = admin.post(path, &search).await;
        assert!(matches!(refused.status, 404 | 405), "{path}: {}", refused.text);
        let status = refused.status;
        refused.expect_error(status, None);
    }
    admin.post("/.search", &json!({ "schemas": [GROUP] })).await.expect_error(400, Some("invalidSyntax"));
    let body = json!({ "schemas": [SEARCH], "startIndex": 3, "count": 2, "attributes": ["displayName"], "other": 1 });
    let searched = admin.post("/.search", &body).await.expect(200);
    assert_eq!(searched.all("displayName"), ["Crew", "bobs"]);
}
