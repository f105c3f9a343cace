//! What was deleted and comes back, seen from outside.

use serde_json::{Value, json};

use crate::server::{Persona, Server, Tree, USER, text};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

impl Persona {
    async fn deleted(&self) -> Value {
        self.get("/../api/deleted").await.expect(200).body
    }

    async fn restore(&self, id: &str) -> crate::server::Answer {
        self.send(reqwest::Method::POST, &format!("/../api/deleted/{id}/.restore"), None).await
    }
}

/// C-11: an identity provider deletes by mistake; the administrator gets everything back but what its org cannot decide.
#[tokio::test]
async fn a_mistake_of_a_provisioner_is_undone() {
    let server = Server::start();
    let root = server.tree.root.clone();
    let admin = server.admin(&root);
    let child = server.admin(&server.tree.org(&root, "partners"));
    let provisioner = server.persona(&root, "users:read users:write groups:read groups:write");
    let (ada, bob) = (admin.user("ada").await, admin.user("bob").await);
    let (crew, deck) = (admin.group("Crew", &[&ada, &bob]).await, admin.group("Deck", &[&ada]).await);
    let before = admin.get(&format!("/Users/{ada}")).await.expect(200).body;

    for gone in [format!("/Users/{ada}"), format!("/Groups/{deck}"), format!("/Users/{bob}")] {
        provisioner.delete(&gone).await.expect(204);
        provisioner.get(&gone).await.expect_error(404, None);
    }
    for (endpoint, filter) in [("/Users", "userName pr"), ("/Groups", "displayName eq \"Deck\"")] {
        assert_eq!(provisioner.find(endpoint, filter).await.expect(200).total(), 0);
    }
    // Whoever provisions neither sees nor undoes it, nor makes it final.
    provisioner.get("/../api/deleted").await.expect_error(403, None);
    provisioner.restore(&ada).await.expect_error(403, None);
    provisioner.delete(&format!("/../api/deleted/{ada}")).await.expect_error(403, None);

    let list = admin.deleted().await;
    assert_eq!((&list["totalResults"], &list["startIndex"], &list["itemsPerPage"]), (&json!(3), &json!(1), &json!(3)));
    let names: Vec<&Value> = list["Resources"].as_array().expect("a list").iter().map(|one| &one["display"]).collect();
    assert_eq!(names, ["bob", "Deck", "ada"], "the latest first");
    let until = |one: &Value, name: &str| chrono::DateTime::parse_from_rfc3339(&text(one, name)).expect("a time");
    let span = until(&list["Resources"][0], "restorableUntil") - until(&list["Resources"][0], "deletedAt");
    assert_eq!(span.num_days(), 30);
    let groups = admin.get("/../api/deleted?type=Group&startIndex=1&count=5").await.expect(200).body;
    assert_eq!((&groups["totalResults"], &groups["Resources"][0]["id"]), (&json!(1), &json!(deck)));
    let page = admin.get("/../api/deleted?startIndex=3&count=1").await.expect(200).body;
    assert_eq!((&page["itemsPerPage"], &page["Resources"][0]["id"]), (&json!(1), &json!(ada)));
    for wrong in ["type=Invitation", "type=user", "count=x"] {
        admin.get(&format!("/../api/deleted?{wrong}")).await.expect_error(400, Some("invalidValue"));
    }

    let restored = admin.restore(&ada).await.expect(200).body;
    let expected = json!({
        "id": ada, "type": "User", "location": format!("{}/Users/{ada}", admin.base),
        "memberships": 1, "missingTotal": 1, "missing": [{ "value": deck, "reason": "deleted" }],
    });
    assert_eq!(restored, expected);
    let after = admin.get(&format!("/Users/{ada}")).await.expect(200);
    assert_ne!(after.header("etag"), before["meta"]["version"].as_str());
    for name in ["userName", "emails", "name"] {
        assert_eq!(after.body[name], before[name], "{name}");
    }
    assert_eq!(after.body["meta"]["created"], before["meta"]["created"]);
    assert_eq!(after.body["groups"].as_array().map(Vec::len), Some(1));
    assert_eq!(admin.restore(&deck).await.expect(200).body["memberships"], 1);
    let members = admin.get(&format!("/Groups/{deck}")).await.expect(200).body["members"].clone();
    assert_eq!((&members[0]["value"], members.as_array().map(Vec::len)), (&json!(ada), Some(1)));
    admin.restore(&ada).await.expect_error(404, None);

    // The name of the other one is taken meanwhile.
    admin.user("BOB").await;
    let refused = admin.restore(&bob).await.expect_error(409, Some("uniqueness"));
    assert_eq!(refused.body["detail"], "`userName` \"bob\" is already used in this organization");
    admin.delete(&format!("/../api/deleted/{bob}")).await.expect(204);
    admin.delete(&format!("/../api/deleted/{bob}")).await.expect_error(404, None);
    assert_eq!(admin.deleted().await["totalResults"], 0);
    assert_eq!(admin.get(&format!("/Groups/{crew}")).await.expect(200).body["members"][0]["value"], json!(ada));
    // T-03: another org's is not there.
    child.restore(&bob).await.expect_error(404, None);
    assert_eq!(child.deleted().await["totalResults"], 0);
    for id in ["x", "..", "019aa000-0000-7000-8000-00000000beef"] {
        child.restore(id).await.expect_error(404, None);
    }
}

/// S-46: nobody comes back to a manager who went meanwhile.
#[tokio::test]
async fn who_is_restored_reports_to_nobody_who_is_gone() {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    let boss = admin.user("boss").await;
    let reports = async |name: &str, to: &str| {
        let body =
            json!({ "schemas": [USER], "userName": name, ENTERPRISE: { "manager": { "value": to }, "department": "Deck" } });
        admin.post("/Users", &body).await.expect(201).id()
    };
    let (ada, bob) = (reports("ada", &boss).await, reports("bob", "by-post").await);
    for gone in [&ada, &bob, &boss] {
        admin.delete(&format!("/Users/{gone}")).await.expect(204);
    }
    for (back, manager) in [(&ada, Value::Null), (&bob, json!("by-post"))] {
        admin.restore(back).await.expect(200);
        let person = admin.get(&format!("/Users/{back}")).await.expect(200).body[ENTERPRISE].take();
        assert_eq!((&person["manager"]["value"], &person["department"]), (&manager, &json!("Deck")));
    }
}

#[tokio::test]
async fn an_operator_may_keep_nothing_or_too_much_is_refused() {
    let server = Tree::new(&[("USHER_RESTORABLE_DAYS", "0")]).serve();
    let admin = server.admin(&server.tree.root);
    let id = admin.post("/Users", &json!({ "schemas": [USER], "userName": "ada" })).await.expect(201).id();
    admin.delete(&format!("/Users/{id}")).await.expect(204);
    assert_eq!(admin.deleted().await["totalResults"], 0);
    admin.restore(&id).await.expect_error(404, None);

    let tree = Tree::new(&[]);
    let output = tree.command(&["serve"]).env("USHER_RESTORABLE_DAYS", "366").output().expect("it starts");
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("restorable_days"));
}
