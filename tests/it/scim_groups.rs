//! Groups and their members, seen from outside.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{GROUP, PATCH_OP, Persona, Server, answer, text};

fn admin() -> (Server, Persona) {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    (server, admin)
}

fn members(group: &Value) -> Vec<String> {
    group["members"].as_array().map_or_else(Vec::new, |all| all.iter().map(|member| text(member, "value")).collect())
}

/// V-09
#[tokio::test]
async fn fifty_parallel_adds_are_fifty_members() {
    let (_server, admin) = admin();
    let group = admin.group("Crew", &[]).await;
    let mut users = BTreeSet::new();
    for n in 0..50 {
        users.insert(admin.user(&format!("user{n}")).await);
    }
    let adds = users.iter().map(|user| {
        let (admin, path) = (admin.clone(), format!("/Groups/{group}"));
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": user }] }]);
        tokio::spawn(async move { admin.patch(&path, add).await.status })
    });
    for add in adds.collect::<Vec<_>>() {
        assert_eq!(add.await.expect("it ends"), 204);
    }
    let got = admin.get(&format!("/Groups/{group}")).await.expect(200);
    assert_eq!(members(&got.body).into_iter().collect::<BTreeSet<_>>(), users);
    assert_eq!(got.body["meta"]["version"], "W/\"51\"", "each add is a change");
}

/// T-06, S-45: whatever way a stranger's id comes in, nothing of the request is done.
#[tokio::test]
async fn a_user_of_another_org_is_no_member() {
    let (server, admin) = admin();
    let child = server.admin(&server.tree.org(&server.tree.root, "partners"));
    let (above, below) = (admin.user("ada").await, child.user("carl").await);
    let foreign = admin.group("Board", &[]).await;
    let group = child.group("Crew", &[&below]).await;
    let path = format!("/Groups/{group}");
    for stranger in [&above, &foreign, &"019aa000-0000-7000-8000-00000000beef".to_owned(), &"nobody".to_owned(), &String::new()]
    {
        let value = json!([{ "value": stranger }]);
        let both = json!([{ "value": below }, { "value": stranger }]);
        let body = json!({ "schemas": [GROUP], "displayName": "New", "members": both });
        child.post("/Groups", &body).await.expect_error(400, Some("invalidValue"));
        child.put(&path, &body).await.expect_error(400, Some("invalidValue"));
        for (op, value) in [("add", &value), ("add", &both), ("replace", &value)] {
            child
                .patch(&path, json!([{ "op": op, "path": "members", "value": value }]))
                .await
                .expect_error(400, Some("invalidValue"));
        }
    }
    let got = child.get(&path).await.expect(200);
    assert_eq!(
        (members(&got.body), &got.body["displayName"], &got.body["meta"]["version"]),
        (vec![below], &json!("Crew"), &json!("W/\"1\""))
    );
    assert_eq!(child.get("/Groups").await.expect(200).total(), 1);
    assert_eq!(child.find("/Groups", &format!("members eq \"{above}\"")).await.expect(200).total(), 0);
}

/// P-07, P-13, P-17 … P-19, S-14, U-08, U-10
#[tokio::test]
async fn members_come_and_go_by_every_form_of_patch_and_put() {
    let (_server, admin) = admin();
    let (a, b, c) = (admin.user("a").await, admin.user("b").await, admin.user("c").await);
    let path = format!("/Groups/{}", admin.group("Crew", &[&a, &a]).await);
    let v = |id: &str| json!({ "value": id });
    let all = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<String>>();
    for (operations, expected) in [
        (json!([]), all(&[&a])),
        (json!([{ "op": "add", "path": "members", "value": v(&b) }]), all(&[&a, &b])),
        (json!([{ "op": "add", "value": { "members": [v(&c)] } }]), all(&[&a, &b, &c])),
        (json!([{ "op": "remove", "path": "members", "value": [v(&a)] }]), all(&[&b, &c])),
        (json!([{ "op": "remove", "path": "members", "value": [] }]), all(&[&b, &c])),
        (json!([{ "op": "remove", "path": format!("members[value eq \"{b}\"]") }]), all(&[&c])),
        (json!([{ "op": "remove", "path": "members[value eq \"nobody\"]" }]), all(&[&c])),
        (json!([{ "op": "replace", "path": "members", "value": [v(&a), v(&b)] }]), all(&[&a, &b])),
        (json!([{ "op": "replace", "value": { "members": [v(&b), v(&c)], "displayName": "Crew" } }]), all(&[&b, &c])),
        (json!([{ "op": "remove", "path": format!("members[value eq \"{b}\" or value eq \"{c}\"]") }]), all(&[])),
        (
            json!([{ "op": "add", "path": "members", "value": [v(&a), v(&b), v(&a)] }, { "op": "remove", "path": "members" }, { "op": "add", "path": "members", "value": [v(&c)] }]),
            all(&[&c]),
        ),
        (json!([{ "op": "replace", "path": "members", "value": [] }]), all(&[])),
        (json!([{ "op": "add", "path": "members", "value": [v(&a), v(&b)] }]), all(&[&a, &b])),
        (json!([{ "op": "remove", "path": "members" }]), all(&[])),
    ] {
        admin.patch(&path, operations.clone()).await.expect(204);
        let got = admin.get(&path).await.expect(200);
        assert_eq!(members(&got.body).into_iter().collect::<BTreeSet<_>>(), expected, "{operations}");
    }
    let put = |body: Value| {
        let (admin, path) = (admin.clone(), path.clone());
        async move { admin.put(&path, &body).await.expect(200).body }
    };
    assert_eq!(members(&put(json!({ "schemas": [GROUP], "displayName": "Crew", "members": [v(&a), v(&b)] })).await).len(), 2);
    let same = put(json!({ "schemas": [GROUP], "displayName": "Crew", "members": [v(&b), v(&a)] })).await;
    let again = put(json!({ "schemas": [GROUP], "displayName": "Crew", "members": [v(&a), v(&b)] })).await;
    assert_eq!(same["meta"]["version"], again["meta"]["version"], "U-07: the same members are no change");
    assert_eq!(members(&put(json!({ "schemas": [GROUP], "displayName": "Crew" })).await), Vec::<String>::new(), "U-08");
}

/// V-05, P-08, S-14, P-28
#[tokio::test]
async fn a_patch_that_changes_nothing_moves_neither_version_nor_time() {
    let (_server, admin) = admin();
    let (a, b) = (admin.user("a").await, admin.user("b").await);
    let path = format!("/Groups/{}", admin.group("Crew", &[&a]).await);
    let before = admin.get(&path).await.expect(200);
    for operations in [
        json!([{ "op": "add", "path": "members", "value": [{ "value": a }] }]),
        json!([{ "op": "remove", "path": "members", "value": [{ "value": b }] }]),
        json!([{ "op": "replace", "path": "members", "value": [{ "value": a }] }]),
        json!([{ "op": "replace", "path": "displayName", "value": "Crew" }]),
        json!([{ "op": "replace", "value": { "displayName": "Crew", "members": [{ "value": a, "display": "A" }] } }]),
    ] {
        let same = admin.patch(&path, operations.clone()).await.expect(204);
        assert_eq!(same.header("etag"), before.header("etag"), "{operations}");
        assert_eq!(admin.get(&path).await.expect(200).text, before.text, "{operations}");
    }
    let patch = json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "members", "value": [{ "value": b }] }] });
    let shown = admin.send(Method::PATCH, &format!("{path}?attributes=displayName"), Some(&patch)).await.expect(200);
    assert_eq!(shown.body, json!({ "schemas": [GROUP], "id": before.id(), "displayName": "Crew" }), "A-10");
    let request = admin.request(Method::PATCH, &path).header("if-match", before.header("etag").expect("an ETag"));
    answer(request.header("content-type", "application/json").body(patch.to_string())).await.expect_error(412, None);
}

/// A-11, S-42, S-38, S-08: nested groups, `$ref`s that can be fetched, and what is left out on request.
#[tokio::test]
async fn a_group_in_a_group_is_a_member_and_its_references_lead_somewhere() {
    let (_server, admin) = admin();
    let user = admin.user("ada").await;
    let inner = admin.group("Inner", &[&user]).await;
    let outer = admin.group("Outer", &[&inner]).await;
    let got = admin.get(&format!("/Groups/{outer}")).await.expect(200);
    let member = &got.body["members"][0];
    assert_eq!((&member["type"], &member["value"]), (&json!("Group"), &json!(inner)));
    for reference in [&member["$ref"], &admin.get(&format!("/Groups/{inner}")).await.expect(200).body["members"][0]["$ref"]] {
        let path = reference
            .as_str()
            .and_then(|r| r.strip_prefix(&admin.base))
            .unwrap_or_else(|| panic!("a reference outside: {reference}"))
            .to_owned();
        admin.get(&path).await.expect(200);
    }
    let direct = admin.get(&format!("/Users/{user}")).await.expect(200).body["groups"].clone();
    let kinds: BTreeSet<(String, String)> =
        direct.as_array().expect("groups").iter().map(|g| (text(g, "value"), text(g, "type"))).collect();
    assert!(kinds.contains(&(inner.clone(), "direct".into())), "{direct}");
    let lean = admin.get(&format!("/Groups/{outer}?excludedAttributes=members")).await.expect(200);
    assert_eq!(lean.body.get("members"), None);
    let lean = admin.get("/Groups?attributes=displayName&filter=displayName%20eq%20%22outer%22").await.expect(200);
    assert_eq!(lean.body["Resources"], json!([{ "schemas": [GROUP], "id": outer, "displayName": "Outer" }]));
    // A circle is a finite thing.
    admin.patch(&format!("/Groups/{inner}"), json!([{ "op": "add", "path": "members", "value": [{ "value": outer }] }])).await;
    admin.get(&format!("/Groups/{inner}")).await.expect(200);
    admin.get(&format!("/Users/{user}")).await.expect(200);
    admin.delete(&format!("/Groups/{inner}")).await.expect(204);
    assert_eq!(admin.get(&format!("/Groups/{outer}")).await.expect(200).body.get("members"), None, "S-46");
}

/// F-26, G-03, O-03 on groups
#[tokio::test]
async fn groups_are_found_by_name_and_by_member() {
    let (_server, admin) = admin();
    let (a, b) = (admin.user("a").await, admin.user("b").await);
    admin.group("Crew", &[&a, &b]).await;
    admin.group("Deck", &[&b]).await;
    admin.group("Empty", &[]).await;
    for (filter, expected) in [
        (format!("members.value eq \"{a}\""), &["Crew"][..]),
        (format!("members[value eq \"{b}\"]"), &["Crew", "Deck"]),
        (format!("members eq \"{b}\" and displayName sw \"d\""), &["Deck"]),
        ("members pr".to_owned(), &["Crew", "Deck"]),
        ("not (members pr)".to_owned(), &["Empty"]),
        ("displayName eq \"CREW\"".to_owned(), &["Crew"]),
        ("displayName ne \"Crew\"".to_owned(), &["Deck", "Empty"]),
        ("members.type eq \"Group\"".to_owned(), &[]),
    ] {
        let found = admin.query("/Groups", &[("filter", &filter), ("sortBy", "displayName")]).await;
        assert_eq!(found.status, 200, "{filter}: {}", found.text);
        assert_eq!(found.all("displayName"), expected, "{filter}");
    }
    let users = admin.find("/Users", "groups.value pr").await;
    assert!(users.status == 200 || users.status == 400, "{}", users.text);
    let none = admin.query("/Groups", &[("count", "0")]).await.expect(200);
    assert_eq!((none.total(), &none.body["itemsPerPage"]), (3, &json!(0)));
    admin.post("/Groups", &json!({ "schemas": [GROUP] })).await.expect_error(400, Some("invalidValue"));
    admin.post("/Groups", &json!({ "schemas": [GROUP], "displayName": "" })).await.expect_error(400, Some("invalidValue"));
}
