//! Cursor paging (RFC 9865), seen from outside.

use serde_json::{Value, json};

use crate::server::{Persona, Server, USER};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

async fn world(users: usize) -> (Server, Persona) {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    for number in 1..=users {
        let body = json!({ "schemas": [USER], "userName": format!("u{number}"), "title": format!("t{}", number % 2) });
        admin.post("/Users", &body).await.expect(201);
    }
    (server, admin)
}

fn cursor(body: &Value, name: &str) -> Option<String> {
    body.get(name).map(|cursor| cursor.as_str().expect("text").to_owned())
}

/// K-01 … K-05, K-08, K-13
#[tokio::test]
async fn a_list_is_walked_by_cursor_in_a_url_and_in_a_body() {
    let (_server, admin) = world(6).await;
    // K-01: both mean the first page.
    let first = admin.get("/Users?cursor&count=2").await.expect(200);
    assert_eq!(admin.query("/Users", &[("cursor", ""), ("count", "2")]).await.expect(200).all("id"), first.all("id"));
    assert_eq!(first.body.get("startIndex"), None);
    let (mut seen, mut page) = (first.all("userName"), first);
    loop {
        assert_eq!((page.total(), &page.body["itemsPerPage"]), (6, &json!(2)), "K-08");
        let Some(next) = cursor(&page.body, "nextCursor") else { break };
        assert!(next.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)), "K-01: {next}");
        // K-13: the body takes the same cursor, and the answer is the same page.
        let body = json!({ "schemas": [SEARCH], "cursor": next, "count": 2 });
        let searched = admin.post("/Users/.search", &body).await.expect(200);
        page = admin.query("/Users", &[("cursor", &next), ("count", "2")]).await.expect(200);
        assert_eq!(searched.body["Resources"], page.body["Resources"]);
        seen.extend(page.all("userName"));
        // K-03
        assert!(cursor(&page.body, "previousCursor").is_some());
    }
    assert_eq!(seen, ["u1", "u2", "u3", "u4", "u5", "u6"], "K-02: the last page is full");
    let previous = cursor(&page.body, "previousCursor").expect("a page before");
    let middle = admin.query("/Users", &[("cursor", &previous), ("count", "2")]).await.expect(200);
    assert_eq!(middle.all("userName"), ["u3", "u4"], "K-03");
    let previous = cursor(&middle.body, "previousCursor").expect("a page before");
    let first = admin.query("/Users", &[("cursor", &previous), ("count", "2")]).await.expect(200);
    assert_eq!((first.all("userName"), cursor(&first.body, "previousCursor")), (vec!["u1".into(), "u2".into()], None), "K-03");
    assert!(cursor(&first.body, "nextCursor").is_some(), "K-02");
    // K-04
    for count in ["0", "-7"] {
        let totals = admin.query("/Users", &[("cursor", ""), ("count", count)]).await.expect(200);
        assert_eq!((totals.total(), &totals.body["Resources"]), (6, &json!([])), "count={count}");
        assert_eq!(cursor(&totals.body, "nextCursor"), None, "count={count}");
    }
    // K-05: capped, and the cap is the count from then on.
    assert_eq!(admin.query("/Users", &[("cursor", ""), ("count", "5000")]).await.expect(200).all("id").len(), 6);
    // K-10, K-11: who names no method pages by index.
    let plain = admin.get("/Users").await.expect(200);
    assert_eq!((&plain.body["startIndex"], cursor(&plain.body, "nextCursor")), (&json!(1), None));
    let config = admin.get("/ServiceProviderConfig").await.expect(200);
    let announced = json!({ "cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": 100,
        "maxPageSize": 1000, "cursorTimeout": 86400 });
    assert_eq!(config.body["pagination"], announced, "K-14");
}

/// K-06, K-07, K-12, K-16, K-17
#[tokio::test]
async fn a_cursor_is_good_for_the_same_request_of_the_same_caller() {
    let (server, admin) = world(3).await;
    admin.group("Crew", &[]).await;
    let asked = [("count", "1"), ("filter", "userName sw \"u\""), ("sortBy", "userName"), ("attributes", "userName")];
    let with = |cursor: &str, other: (&'static str, &'static str)| {
        let mut all: Vec<(&str, String)> =
            asked.iter().filter(|(name, _)| *name != other.0).map(|(name, value)| (*name, (*value).to_owned())).collect();
        all.extend([(other.0, other.1.to_owned()), ("cursor", cursor.to_owned())]);
        all
    };
    let ask = async |who: &Persona, endpoint: &str, all: Vec<(&str, String)>| {
        let all: Vec<(&str, &str)> =
            all.iter().filter(|(_, value)| value != "-").map(|(name, value)| (*name, value.as_str())).collect();
        who.query(endpoint, &all).await
    };
    let first = ask(&admin, "/Users", with("", ("sortOrder", "ascending"))).await.expect(200);
    let next = cursor(&first.body, "nextCursor").expect("a next page");
    // K-06: the same filter, written otherwise.
    let same = ask(&admin, "/Users", with(&next, ("filter", "( USERNAME SW \"u\" )"))).await.expect(200);
    assert_eq!(same.all("userName"), ["u2"]);
    let mut refusals = Vec::new();
    for other in [
        ("filter", "userName sw \"x\""),
        ("filter", "-"),
        ("sortBy", "title"),
        ("sortBy", "-"),
        ("sortOrder", "descending"),
        ("attributes", "id"),
        ("excludedAttributes", "title"),
    ] {
        // Lenient: beside `attributes`, `excludedAttributes` does not count.
        if other.0 == "excludedAttributes" {
            ask(&admin, "/Users", with(&next, other)).await.expect(200);
            continue;
        }
        refusals.push(ask(&admin, "/Users", with(&next, other)).await);
    }
    let plain = admin.query("/Users", &[("cursor", ""), ("count", "1")]).await.expect(200);
    let plain = cursor(&plain.body, "nextCursor").expect("a next page");
    refusals.push(admin.query("/Groups", &[("cursor", &plain), ("count", "1")]).await);
    // K-16, K-17: neither another caller, nor the same with other rights, nor another org has it.
    let child = server.tree.org(&server.tree.root, "partners");
    for other in [server.persona(&server.tree.root, "users:read"), server.admin(&child)] {
        refusals.push(other.query("/Users", &[("cursor", &plain), ("count", "1")]).await);
    }
    for forged in ["x", "1", "A", &format!("{plain}A"), &plain[1..]] {
        refusals.push(admin.query("/Users", &[("cursor", forged), ("count", "1")]).await);
    }
    for refused in refusals {
        let detail = refused.body["detail"].clone();
        refused.expect_error(400, Some("invalidCursor"));
        assert_eq!(detail, "`cursor` is none of this list, expected one that an answer to the same request gave", "K-07");
    }
    for count in ["2", "0", "1000000"] {
        let changed = admin.query("/Users", &[("cursor", &plain), ("count", count)]).await;
        changed.expect_error(400, Some("invalidCount")); // K-07
    }
    admin.query("/Users", &[("cursor", ""), ("startIndex", "1")]).await.expect_error(400, Some("invalidValue")); // K-12
    // K-18
    let nobody = server.stranger("acme", &server.tree.root, None);
    nobody.query("/Users", &[("cursor", &plain), ("count", "1")]).await.expect_error(401, None);
    let reader = server.persona(&server.tree.root, "groups:read");
    reader.query("/Users", &[("cursor", ""), ("count", "1")]).await.expect_error(403, None);
}

/// K-19: the place is kept by what it stands between, not by a number.
#[tokio::test]
async fn who_comes_and_goes_between_two_pages_moves_nobody_else() {
    let (_server, admin) = world(4).await;
    let sorted = [("count", "2"), ("sortBy", "userName"), ("cursor", "")];
    let first = admin.query("/Users", &sorted).await.expect(200);
    let ids = first.all("id");
    for id in &ids {
        admin.delete(&format!("/Users/{id}")).await.expect(204);
    }
    admin.user("u25").await;
    admin.user("a").await;
    let next = cursor(&first.body, "nextCursor").expect("a next page");
    let second = admin.query("/Users", &[("count", "2"), ("sortBy", "userName"), ("cursor", &next)]).await.expect(200);
    assert_eq!(second.all("userName"), ["u25", "u3"]);
    // Going back over what is gone: what is there now, from the start, and on from there.
    let previous = cursor(&second.body, "previousCursor").expect("a page before");
    let back = admin.query("/Users", &[("count", "2"), ("sortBy", "userName"), ("cursor", &previous)]).await.expect(200);
    assert_eq!((back.all("userName"), cursor(&back.body, "previousCursor")), (vec!["a".into()], None));
    let next = cursor(&back.body, "nextCursor").expect("K-02: this is not the last page");
    let again = admin.query("/Users", &[("count", "2"), ("sortBy", "userName"), ("cursor", &next)]).await.expect(200);
    assert_eq!(again.all("userName"), ["u25", "u3"]);
    admin.delete(&format!("/Users/{}", back.all("id")[0])).await.expect(204);
    let start = admin.query("/Users", &[("count", "2"), ("sortBy", "userName"), ("cursor", &previous)]).await.expect(200);
    assert_eq!(start.all("userName"), ["u25", "u3"], "nothing is left before, so this is the first page");
    assert_eq!(cursor(&start.body, "previousCursor"), None, "K-03");
}

/// K-15, K-18
#[tokio::test]
async fn a_cursor_needs_a_token_and_outlives_the_server() {
    let server = Server::start();
    let root = server.tree.root.clone();
    let token = Some(server.tree.token(&root, "users:read users:write"));
    let admin = server.stranger("acme", &root, token.clone());
    admin.user("u1").await;
    admin.user("u2").await;
    let first = admin.query("/Users", &[("count", "1"), ("cursor", "")]).await.expect(200);
    let next = cursor(&first.body, "nextCursor").expect("a next page");
    let server = server.kill().serve();
    let nobody = server.stranger("acme", &root, None);
    nobody.query("/Users", &[("count", "1"), ("cursor", &next)]).await.expect_error(401, None);
    let admin = server.stranger("acme", &root, token);
    assert_eq!(admin.query("/Users", &[("count", "1"), ("cursor", &next)]).await.expect(200).all("userName"), ["u2"]);
}
