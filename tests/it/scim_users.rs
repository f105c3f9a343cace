//! Users: lists, pages, orders, versions, no-ops and projections, seen from outside.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Persona, Server, USER, answer, text};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn admin() -> (Server, Persona) {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    (server, admin)
}

async fn named(admin: &Persona, user_name: &str, more: Value) -> String {
    let mut body = json!({ "schemas": [USER], "userName": user_name });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    admin.post("/Users", &body).await.expect(201).id()
}

/// G-01 … G-07, C-09, O-08
#[tokio::test]
async fn a_page_starts_and_ends_where_it_says() {
    let (_server, admin) = admin();
    let empty = admin.get("/Users").await.expect(200);
    assert_eq!(empty.body["Resources"], json!([]));
    assert_eq!((empty.total(), &empty.body["startIndex"], &empty.body["itemsPerPage"]), (0, &json!(1), &json!(0)));
    let names = ["u1", "u2", "u3", "u4", "u5"];
    for name in names {
        named(&admin, name, json!({})).await;
    }
    for (start, count, expected, at) in [
        ("1", "2", &names[..2], 1),
        ("3", "2", &names[2..4], 3),
        ("5", "2", &names[4..], 5),
        ("0", "2", &names[..2], 1),
        ("-5", "2", &names[..2], 1),
        ("6", "2", &[], 6),
        ("9000000000", "2", &[], 9_000_000_000u64),
        ("1", "0", &[], 1),
        ("1", "-1", &[], 1),
        ("1", "1000000", &names[..], 1),
    ] {
        let page = admin.query("/Users", &[("startIndex", start), ("count", count)]).await.expect(200);
        assert_eq!(page.all("userName"), expected, "startIndex={start} count={count}");
        assert_eq!(page.total(), 5, "startIndex={start} count={count}");
        assert_eq!(page.body["startIndex"], json!(at), "startIndex={start} count={count}");
        assert_eq!(page.body["itemsPerPage"], json!(expected.len()), "startIndex={start} count={count}");
    }
    for (name, value) in [("count", "ten"), ("startIndex", "x"), ("count", ""), ("startIndex", "1.5"), ("count", "1e3")] {
        admin.query("/Users", &[(name, value)]).await.expect_error(400, Some("invalidValue"));
    }
    // G-08: without a count a page holds at least a hundred.
    for n in 0..100 {
        named(&admin, &format!("more{n:03}"), json!({})).await;
    }
    assert_eq!(admin.get("/Users").await.expect(200).body["itemsPerPage"], 100);
    // G-10
    let mut seen = BTreeSet::new();
    for start in (1..=105).step_by(10) {
        let page = admin.query("/Users", &[("startIndex", &start.to_string()), ("count", "10")]).await.expect(200);
        for id in page.all("id") {
            assert!(seen.insert(id), "a user is on two pages");
        }
    }
    assert_eq!(seen.len(), 105);
}

/// O-01 … O-06
#[tokio::test]
async fn a_sorted_list_puts_what_is_missing_last_and_reversed_first() {
    let (_server, admin) = admin();
    named(&admin, "carl", json!({ "title": "beta", "name": { "familyName": "Zorn" } })).await;
    named(
        &admin,
        "Anna",
        json!({ "title": "Alpha", "emails": [{ "value": "z@a.test" }, { "value": "a@a.test", "primary": true }] }),
    )
    .await;
    named(&admin, "berta", json!({ "emails": [{ "value": "m@a.test" }], "name": { "familyName": "Älm" } })).await;
    for (by, order, expected) in [
        ("userName", "ascending", ["Anna", "berta", "carl"]),
        ("USERNAME", "descending", ["carl", "berta", "Anna"]),
        ("title", "ascending", ["Anna", "carl", "berta"]),
        ("title", "descending", ["berta", "carl", "Anna"]),
        ("emails", "ascending", ["Anna", "berta", "carl"]),
        ("emails.value", "descending", ["carl", "berta", "Anna"]),
        ("name.familyName", "descending", ["Anna", "berta", "carl"]),
        ("urn:ietf:params:scim:schemas:core:2.0:User:title", "ascending", ["Anna", "carl", "berta"]),
        ("meta.created", "descending", ["berta", "Anna", "carl"]),
    ] {
        let list = admin.query("/Users", &[("sortBy", by), ("sortOrder", order)]).await.expect(200);
        assert_eq!(list.all("userName"), expected, "sortBy={by} {order}");
    }
    let list = admin.query("/Users", &[("sortBy", "title")]).await.expect(200);
    assert_eq!(list.all("userName"), ["Anna", "carl", "berta"], "ascending is the default");
    admin.query("/Users", &[("sortBy", "title"), ("sortOrder", "up")]).await.expect_error(400, Some("invalidValue"));
    for by in ["name", "shoeSize", "password"] {
        assert_eq!(admin.query("/Users", &[("sortBy", by)]).await.status, 400, "sortBy={by}");
    }
    let page = admin.query("/Users", &[("sortBy", "title"), ("startIndex", "2"), ("count", "1")]).await.expect(200);
    assert_eq!(page.all("userName"), ["carl"]);
}

/// F-02, F-03, F-06 … F-11, F-14, F-15, F-18 … F-21, F-25, F-29 against one population
#[tokio::test]
async fn a_filter_finds_what_it_means() {
    let (_server, admin) = admin();
    named(&admin, "ada", json!({
        "title": "Captain", "name": { "familyName": "Straße" }, "externalId": "X1",
        "emails": [{ "type": "work", "value": "ada@Work.test", "primary": true }, { "type": "home", "value": "ada@home.test" }],
        ENTERPRISE: { "department": "Deck", "employeeNumber": "7" },
    })).await;
    named(&admin, "bob", json!({ "emails": [{ "type": "home", "value": "bob@work.test" }], "active": false })).await;
    named(&admin, "o\"hara+😀", json!({ "displayName": "50% _off\\" })).await;
    for (filter, expected) in [
        ("userName eq \"ADA\"", &["ada"][..]),
        ("USERNAME Eq \"ada\" AND NOT (active EQ False)", &["ada"]),
        ("userName eq \"o\\\"hara+\\ud83d\\ude00\"", &["o\"hara+😀"]),
        ("userName eq \"o\\\"hara+😀\"", &["o\"hara+😀"]),
        ("externalId eq \"X1\"", &["ada"]),
        ("externalId eq \"x1\"", &[]),
        ("emails[type eq \"work\" and value co \"work\"]", &["ada"]),
        ("emails.type eq \"home\" and emails.value co \"work.test\"", &["ada", "bob"]),
        ("emails[type eq \"home\" and value co \"work.test\"]", &["bob"]),
        ("emails co \"WORK\"", &["ada", "bob"]),
        ("emails pr", &["ada", "bob"]),
        ("not (emails pr)", &["o\"hara+😀"]),
        ("name pr", &["ada"]),
        ("name.familyName eq \"STRASSE\"", &["ada"]),
        ("title sw \"cap\" or userName eq \"bob\" and active eq true", &["ada"]),
        ("(title sw \"cap\" or userName eq \"bob\") and active eq false", &["bob"]),
        ("active eq true", &["ada", "o\"hara+😀"]),
        ("title eq null", &["bob", "o\"hara+😀"]),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"A\"", &["ada"]),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"deck\"", &["ada"]),
        ("displayName co \"% _\"", &["o\"hara+😀"]),
        ("displayName ew \"\\\\\"", &["o\"hara+😀"]),
        ("displayName co \"a\"", &[]),
        ("meta.created gt \"2020-01-01T00:00:00+02:00\"", &["ada", "bob", "o\"hara+😀"]),
        ("meta.lastModified lt \"2020-01-01T00:00:00\"", &[]),
        ("meta.resourceType eq \"User\"", &["ada", "bob", "o\"hara+😀"]),
        ("schemas eq \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\"", &["ada"]),
        ("userName ne \"ada\" and title ne \"Captain\"", &["bob", "o\"hara+😀"]),
        ("emails[(type eq \"work\" or type eq \"home\") and not (primary eq true)]", &["ada", "bob"]),
    ] {
        let found = admin.find("/Users", filter).await;
        assert_eq!(found.status, 200, "{filter}: {}", found.text);
        assert_eq!(found.all("userName"), expected, "{filter}");
        assert_eq!(found.total(), expected.len() as u64, "{filter}");
        // the same by POST.
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter });
        let searched = admin.post("/Users/.search", &body).await.expect(200);
        assert_eq!(searched.body, found.body, "{filter} by .search");
    }
    let many = vec!["userName eq \"x\""; 10_000].join(" or ");
    let deep = format!("{}userName pr{}", "(".repeat(2000), ")".repeat(2000));
    for filter in [
        "",
        " ",
        "userName",
        "userName eq",
        "userName eq \"x",
        "userName eq \"x\" junk",
        "userName regex \"x\"",
        "(userName pr",
        "userName pr)",
        "emails[type eq \"x\"",
        "a[b[c eq 1]]",
        "name eq \"x\"",
        "active gt true",
        "active eq 7",
        "shoeSize pr",
        "password eq \"x\"",
        "password pr",
        "not userName",
        "userName eq \"x\" and",
        "x509Certificates.value gt \"x\"",
        &deep,
    ] {
        let refused = admin.find("/Users", filter).await;
        assert_eq!(refused.status, 400, "{:.60}: {}", filter, refused.text);
        refused.expect_error(400, Some("invalidFilter"));
    }
    let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": many });
    admin.post("/Users/.search", &body).await.expect_error(400, Some("invalidFilter"));
}

/// V-01 … V-05, U-06, U-09, S-21, C-02
#[tokio::test]
async fn a_version_changes_with_the_representation_and_guards_it() {
    let (_server, admin) = admin();
    let made = admin.post("/Users", &json!({ "schemas": [USER], "userName": "ada", "title": "Mate" })).await.expect(201);
    let one = format!("/Users/{}", made.id());
    assert_eq!(made.header("location"), Some(format!("{}{one}", admin.base).as_str()));
    let first = made.header("etag").expect("an ETag").to_owned();
    assert_eq!(made.body["meta"]["version"], first);
    assert_eq!(made.body["meta"]["created"], made.body["meta"]["lastModified"]);
    let got = admin.get(&one).await.expect(200);
    assert_eq!((got.header("etag"), &got.body), (Some(first.as_str()), &made.body));
    assert_eq!(got.header("content-location"), Some(format!("{}{one}", admin.base).as_str()), "H-11");
    assert_eq!(admin.get("/Users").await.expect(200).body["Resources"][0]["meta"]["version"], first);

    let when = |method: Method, name: &'static str, tag: &str| {
        admin.request(method, &one).header(name, tag).header("content-type", "application/scim+json")
    };
    let strong = first.trim_start_matches("W/").to_owned();
    for tag in [first.as_str(), &strong, "*", &format!("\"other\", {first}")] {
        let fresh = answer(when(Method::GET, "if-none-match", tag)).await.expect(304);
        assert_eq!((fresh.text.as_str(), fresh.header("etag")), ("", Some(first.as_str())), "{tag}");
    }
    answer(when(Method::GET, "if-none-match", "W/\"77\"")).await.expect(200);

    let patch = |title: &str| {
        json!({ "schemas": [crate::server::PATCH_OP], "Operations": [{ "op": "replace", "path": "title", "value": title }] })
            .to_string()
    };
    let put = json!({ "schemas": [USER], "userName": "ada", "title": "Boatswain" }).to_string();
    answer(when(Method::PATCH, "if-match", "W/\"77\"").body(patch("Pilot"))).await.expect_error(412, None);
    answer(when(Method::PUT, "if-match", "W/\"77\"").body(put.clone())).await.expect_error(412, None);
    answer(when(Method::DELETE, "if-match", "W/\"77\"")).await.expect_error(412, None);
    assert_eq!(admin.get(&one).await.expect(200).body, made.body, "nothing of it happened");

    let second = answer(when(Method::PATCH, "if-match", &strong).body(patch("Pilot"))).await.expect(200);
    let tag = second.header("etag").expect("an ETag").to_owned();
    assert_ne!(tag, first);
    assert_eq!(second.body["meta"]["created"], made.body["meta"]["created"]);
    answer(when(Method::PATCH, "if-match", &first).body(patch("Cook"))).await.expect_error(412, None);
    answer(when(Method::GET, "if-none-match", &first)).await.expect(200);

    // V-05, P-08, U-07: what changes nothing moves nothing.
    let same = [
        answer(when(Method::PATCH, "if-match", "*").body(patch("Pilot"))).await.expect(200),
        admin.patch(&one, json!([{ "op": "add", "path": "title", "value": "Pilot" }, { "op": "remove", "path": "nickName" }])).await.expect(200),
        admin.patch(&one, json!([{ "op": "replace", "path": "title", "value": "x" }, { "op": "replace", "path": "title", "value": "Pilot" }])).await.expect(200),
        admin.put(&one, &second.body).await.expect(200),
        admin.put(&one, &json!({ "title": "Pilot", "userName": "ada", "schemas": [USER] })).await.expect(200),
    ];
    for same in same {
        assert_eq!((&same.body, same.header("etag")), (&second.body, Some(tag.as_str())));
    }
    answer(when(Method::DELETE, "if-match", &tag)).await.expect(204);
    assert!(matches!(answer(when(Method::DELETE, "if-match", "*")).await.status, 404 | 412));
}

/// C-04, S-29, S-30, S-34, C-11, T-04
#[tokio::test]
async fn a_user_name_is_taken_once_in_an_org_whatever_its_case() {
    let (server, admin) = admin();
    let id = named(&admin, "Straße", json!({})).await;
    let other = named(&admin, "bob", json!({})).await;
    named(&admin, "Ren\u{e9}", json!({})).await;
    // X-06, F-15: lowered, composed and folded.
    for taken in ["Straße", "straße", "STRASSE", "RENE\u{301}"] {
        admin.post("/Users", &json!({ "schemas": [USER], "userName": taken })).await.expect_error(409, Some("uniqueness"));
    }
    let body = json!({ "schemas": [USER], "userName": "BOB" });
    admin.post("/Users", &body).await.expect_error(409, Some("uniqueness"));
    admin.put(&format!("/Users/{id}"), &body).await.expect_error(409, Some("uniqueness"));
    admin
        .patch(&format!("/Users/{id}"), json!([{ "op": "replace", "path": "userName", "value": "Bob" }]))
        .await
        .expect_error(409, Some("uniqueness"));
    let own = admin
        .patch(&format!("/Users/{other}"), json!([{ "op": "replace", "path": "userName", "value": "Bob" }]))
        .await
        .expect(200);
    assert_eq!(own.body["userName"], "Bob", "its own name in another case");
    let child = server.tree.org(&server.tree.root, "partners");
    server.admin(&child).user("bob").await;
    admin.delete(&format!("/Users/{other}")).await.expect(204);
    assert_ne!(named(&admin, "bob", json!({})).await, other, "C-11: a new id");
    for blank in ["", " ", "\t"] {
        admin.post("/Users", &json!({ "schemas": [USER], "userName": blank })).await.expect_error(400, Some("invalidValue"));
    }
}

/// Of many simultaneous creates of one name, one is there.
#[tokio::test]
async fn a_race_for_a_name_has_one_winner() {
    let (_server, admin) = admin();
    let tries = (0..30).map(|_| {
        let admin = admin.clone();
        tokio::spawn(async move { admin.post("/Users", &json!({ "schemas": [USER], "userName": "ada" })).await.status })
    });
    let mut statuses = Vec::new();
    for one in tries.collect::<Vec<_>>() {
        statuses.push(one.await.expect("it ends"));
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, &[409; 29][..]));
}

/// A-01 … A-07, S-27, S-28, S-39
#[tokio::test]
async fn a_projection_shows_what_was_named_and_always_the_id() {
    let (_server, admin) = admin();
    let body = json!({
        "schemas": [USER, ENTERPRISE], "userName": "ada", "password": "Nine-lives-9", "title": "Pilot",
        "name": { "givenName": "Ada", "familyName": "Stone" }, "emails": [{ "type": "work", "value": "ada@a.test" }],
        ENTERPRISE: { "department": "Deck", "employeeNumber": "7" },
    });
    let made = admin.query_post("/Users", "attributes=userName", &body).await.expect(201);
    assert_eq!(keys(&made.body), BTreeSet::from(["id", "schemas", "userName"]), "C-06");
    let one = format!("/Users/{}", made.id());
    for (parameters, expected) in [
        ("attributes=title", &["id", "schemas", "title"][..]),
        ("attributes=TITLE,%20userName", &["id", "schemas", "title", "userName"]),
        ("attributes=title&attributes=userName", &["id", "schemas", "title", "userName"]),
        ("attributes=password", &["id", "schemas"]),
        ("attributes=nothing", &["id", "schemas"]),
        ("attributes=emails.value", &["emails", "id", "schemas"]),
        ("attributes=urn:ietf:params:scim:schemas:core:2.0:User:title", &["id", "schemas", "title"]),
        ("attributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", &["id", "schemas", ENTERPRISE]),
        ("excludedAttributes=id,schemas,meta,emails,title,name,active", &["id", "schemas", ENTERPRISE, "userName"]),
    ] {
        let got = admin.get(&format!("{one}?{parameters}")).await.expect(200);
        assert_eq!(keys(&got.body), expected.iter().copied().collect(), "{parameters}");
        let listed = admin.get(&format!("/Users?{parameters}")).await.expect(200);
        assert_eq!(listed.body["Resources"][0], got.body, "{parameters} in a list");
    }
    let named = admin
        .get(&format!("{one}?attributes=name.givenName,urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"))
        .await
        .expect(200);
    assert_eq!(named.body["name"], json!({ "givenName": "Ada" }));
    assert_eq!(named.body[ENTERPRISE], json!({ "department": "Deck" }));
    let whole = admin.get(&format!("{one}?attributes=name")).await.expect(200);
    assert_eq!(whole.body["name"], body["name"], "A-07");
    let less = admin.get(&format!("{one}?excludedAttributes=name.givenName")).await.expect(200);
    assert_eq!(less.body["name"], json!({ "familyName": "Stone" }));
    let patch =
        json!({ "schemas": [crate::server::PATCH_OP], "Operations": [{ "op": "replace", "path": "title", "value": "Cook" }] });
    let patched = admin.send(Method::PATCH, &format!("{one}?attributes=title"), Some(&patch)).await.expect(200);
    assert_eq!(patched.body, json!({ "schemas": made.body["schemas"], "id": made.id(), "title": "Cook" }), "A-10, A-13");
    let all = admin.get(&one).await.expect(200);
    assert!(!all.text.contains("password") && !all.text.contains("Nine-lives"), "S-27: {}", all.text);
}

impl Persona {
    async fn query_post(&self, path: &str, query: &str, body: &Value) -> crate::server::Answer {
        self.post(&format!("{path}?{query}"), body).await
    }
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// S-18, S-20, S-25, C-05, P-21, P-20
#[tokio::test]
async fn what_the_server_sets_no_client_sets() {
    let (_server, admin) = admin();
    let body = json!({
        "schemas": [USER], "id": "mine", "userName": "ada", "groups": [{ "value": "x" }],
        "meta": { "created": "2001-01-01T00:00:00Z", "version": "W/\"9\"", "resourceType": "Group" },
    });
    let made = admin.post("/Users", &body).await.expect(201);
    assert_ne!(made.id(), "mine");
    assert_eq!(made.body["meta"]["resourceType"], "User");
    assert_ne!(made.body["meta"]["created"], "2001-01-01T00:00:00Z");
    let one = format!("/Users/{}", made.id());
    for (op, path, value) in
        [("replace", "id", json!("other")), ("remove", "userName", Value::Null), ("remove", "id", Value::Null)]
    {
        let refused = admin.patch(&one, json!([{ "op": op, "path": path, "value": value }])).await;
        assert_eq!(refused.status, 400, "{op} {path}: {}", refused.text);
        refused.expect_error(400, Some("mutability"));
    }
    // Lenient rule 10: what is echoed from an answer is no attempt to write it.
    for (path, value) in [("id", json!(made.id())), ("meta.created", json!("2001-01-01T00:00:00Z")), ("groups", json!([]))] {
        let same = admin.patch(&one, json!([{ "op": "replace", "path": path, "value": value }])).await.expect(200);
        assert_eq!(same.body, made.body, "{path}");
    }
    for (op, kind) in [
        (json!({ "op": "remove" }), "noTarget"),
        (json!({ "op": "replace", "path": "emails[", "value": "x" }), "invalidFilter"),
        (json!({ "op": "replace", "path": "title" }), "invalidValue"),
        (json!({ "op": "replace", "path": "active", "value": "maybe" }), "invalidValue"),
        (json!({ "op": "replace", "path": "1title", "value": "x" }), "invalidPath"),
        (json!({ "op": "copy", "path": "title", "value": "x" }), "invalidSyntax"),
    ] {
        let first = json!({ "op": "replace", "path": "title", "value": "changed" });
        let refused = admin.patch(&one, json!([first, op])).await;
        assert_eq!(refused.status, 400, "{op}: {}", refused.text);
        let found = refused.body["scimType"].clone();
        assert!(found == kind || (kind == "invalidFilter" && found == "invalidPath"), "{op}: {}", refused.text);
    }
    assert_eq!(admin.get(&one).await.expect(200).body["meta"]["version"], made.body["meta"]["version"], "P-05: all or none");
}

/// S-13, P-22, P-23
#[tokio::test]
async fn one_value_at_most_is_primary() {
    let (_server, admin) = admin();
    let two = json!([{ "value": "a@a.test", "primary": true }, { "value": "b@a.test", "primary": true }]);
    admin
        .post("/Users", &json!({ "schemas": [USER], "userName": "x", "emails": two }))
        .await
        .expect_error(400, Some("invalidValue"));
    let one = json!([{ "value": "a@a.test", "type": "work", "primary": true }]);
    let id = named(&admin, "ada", json!({ "emails": one })).await;
    let added = json!([{ "op": "add", "path": "emails", "value": [{ "value": "b@a.test", "type": "home", "primary": true }] }]);
    let emails = admin.patch(&format!("/Users/{id}"), added).await.expect(200).body["emails"].clone();
    let primaries: Vec<String> =
        emails.as_array().expect("emails").iter().filter(|e| e["primary"] == true).map(|e| text(e, "value")).collect();
    assert_eq!((primaries, emails.as_array().map(Vec::len)), (vec!["b@a.test".to_owned()], Some(2)));
}

/// HEAD is GET without a body (C-17); a bare `?` and a slash at the end are tolerated (ON-03, H-07).
#[tokio::test]
async fn head_a_bare_question_mark_and_a_trailing_slash_are_answered() {
    let (_server, admin) = admin();
    let id = admin.user("ada").await;
    let got = admin.get(&format!("/Users/{id}")).await.expect(200);
    let head = admin.send(Method::HEAD, &format!("/Users/{id}"), None).await.expect(200);
    assert_eq!((head.text.as_str(), head.header("etag")), ("", got.header("etag")));
    assert_eq!(head.header("content-length"), Some(got.text.len().to_string().as_str()));
    for path in [format!("/Users/{id}?"), format!("/Users/{id}/")] {
        assert_eq!(admin.get(&path).await.expect(200).body, got.body, "{path}");
    }
    admin.get("/Users/").await.expect(200);
    admin.get("/Users?").await.expect(200);
    let missing = admin.send(Method::HEAD, "/Users/x", None).await.expect(404);
    assert_eq!(missing.text, "");
}
