//! The guest invitations of another product: its addresses, field names, codes and statuses; and none of its wounds.

use serde_json::{Value, json};

use crate::server::{Answer, Persona, Server, text};

/// From the SCIM root of an org: where the path names it, and where the token does.
const ADDRESSES: [&str; 2] = ["/../api/server/v1/guests", "/../../api/server/v1/guests"];

/// Partners under acme, whose users are ada, bob, eve and one without an address.
async fn stage() -> (Server, String, Persona, Persona) {
    let server = Server::start();
    let root = server.admin(&server.tree.root);
    for name in ["ada", "bob", "eve"] {
        root.user(name).await;
    }
    root.post("/Users", &json!({ "schemas": [crate::server::USER], "userName": "mailless" })).await.expect(201);
    let org = server.tree.org(&server.tree.root, "partners");
    let admin = server.admin(&org);
    (server, org, root, admin)
}

#[track_caller]
fn refused(answer: Answer, status: u16, code: &str) -> Answer {
    let answer = answer.expect(status);
    assert_eq!(answer.body["code"], code, "{}", answer.text);
    for name in ["message", "description"] {
        assert!(answer.body[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {}", answer.text);
    }
    assert_eq!(answer.body["traceId"].as_str(), answer.header("x-request-id"), "{}", answer.text);
    answer
}

#[tokio::test]
async fn each_user_has_a_result_with_a_code() {
    let (_server, org, _root, admin) = stage().await;
    let crew = admin.group("Crew", &[]).await;
    let guests = ADDRESSES[1];
    let body = json!({ "usernames": ["ada", "nobody", "mailless", "ada"], "groups": [crew], "userDomain": "PRIMARY" });
    let answer = admin.post(&format!("{guests}/invite"), &body).await.expect(201);
    let codes: Vec<_> = answer.body.as_array().expect("results").iter().map(|one| &one["result"]["errorCode"]).collect();
    assert_eq!(codes, [&Value::Null, &json!("OUI-10011"), &json!("OUI-10030"), &json!("OUI-10018")]);
    assert_eq!(answer.body[0], json!({ "username": "ada", "result": { "status": "Successful" } }), "V-43: no code");
    let again = admin.post(&format!("{guests}/invite"), &json!({ "usernames": ["ada"] })).await.expect(201);
    assert_eq!(again.body[0]["result"]["errorCode"], "OUI-10018");

    // Mails managed elsewhere: the code is in the answer, and accepting needs nothing else.
    let properties = json!([{ "key": "manageNotificationsInternally", "value": "false" }]);
    let body = json!({ "usernames": ["bob"], "groups": [crew], "properties": properties });
    let code = text(&admin.post(&format!("{guests}/invite"), &body).await.expect(201).body[0], "confirmationCode");
    let code = json!({ "confirmationCode": code });
    let seen = admin.post(&format!("{guests}/invitation/introspect"), &code).await.expect(200).body;
    assert_eq!(
        [&seen["username"], &seen["status"], &seen["initiatedOrganization"]],
        [&json!("bob"), &json!("PENDING"), &json!(org)]
    );
    let listed = admin.get(&format!("{guests}/invitations?filter=status+eq+PENDING")).await.expect(200).body;
    let mut names: Vec<_> = listed["invitations"].as_array().expect("a list").iter().map(|one| text(one, "username")).collect();
    names.sort();
    assert_eq!(names, ["ada", "bob"]);
    assert_eq!(listed["invitations"][0]["groups"], json!([{ "id": crew, "displayName": "Crew" }]));
    assert!(!listed.to_string().contains("confirmationCode"), "{listed}");
    let none = admin.get(&format!("{guests}/invitations?filter=status+eq+EXPIRED")).await.expect(200).body;
    assert_eq!(none, json!({ "invitations": [] }));
    admin.post(&format!("{guests}/invitation/accept"), &code).await.expect(204);
    refused(admin.post(&format!("{guests}/invitation/accept"), &code).await, 400, "OUI-60010");
    refused(admin.post(&format!("{guests}/invitation/introspect"), &code).await, 400, "OUI-60002");
    let member = admin.post(&format!("{guests}/invite"), &json!({ "usernames": ["bob"] })).await.expect(201);
    assert_eq!(member.body[0]["result"]["errorCode"], "OUI-10032");
    let id = text(&admin.get(&format!("{guests}/invitations")).await.expect(200).body["invitations"][0], "id");
    admin.delete(&format!("{guests}/invitations/{id}")).await.expect(204);
    refused(admin.delete(&format!("{guests}/invitations/{id}")).await, 400, "OUI-60001");
}

#[tokio::test]
async fn what_cannot_be_done_has_a_code_and_nobody_gets_further_than_elsewhere() {
    let (server, org, root, admin) = stage().await;
    for guests in ADDRESSES {
        let (invite, list) = (format!("{guests}/invite"), format!("{guests}/invitations"));
        let (accept, introspect) = (format!("{guests}/invitation/accept"), format!("{guests}/invitation/introspect"));
        for (body, code) in [
            (json!({}), "OUI-60000"),
            (json!({ "usernames": [] }), "OUI-60000"),
            (json!({ "usernames": ["eve"], "roles": ["admin"] }), "OUI-60013"),
            (json!({ "usernames": ["eve"], "groups": ["no-such"] }), "OUI-60014"),
            (json!({ "usernames": ["eve"], "userDomain": "OTHER" }), "OUI-10036"),
            (json!({ "usernames": [1] }), "OUI-65001"),
        ] {
            refused(admin.post(&invite, &body).await, 400, code);
        }
        for (query, code) in [
            ("filter=status+eq+ACCEPTED", "OUI-60009"),
            ("filter=username+eq+ada", "OUI-60009"),
            ("limit=1", "OUI-60004"),
            ("offset=1", "OUI-60005"),
            ("sortOrder=ASC", "OUI-60006"),
            ("sortBy=username", "OUI-60007"),
        ] {
            refused(admin.get(&format!("{list}?{query}")).await, 400, code);
        }
        for code in [json!({}), json!({ "confirmationCode": "" }), json!({ "confirmationCode": "A".repeat(64) })] {
            refused(admin.post(&accept, &code).await, 400, "OUI-60010");
            refused(admin.post(&introspect, &code).await, 400, "OUI-60002");
        }
        // SEC S-12, S-51: the rights are those of `/Invitations`.
        let names = json!({ "usernames": ["eve"] });
        let nobody = server.stranger("acme", &org, None);
        let reader = server.persona(&org, "invitations:read");
        let writer = server.persona(&org, "invitations:write");
        for (who, status) in [(&nobody, 401), (&reader, 403)] {
            let answer = refused(who.post(&invite, &names).await, status, "OUI-65001");
            assert!(answer.header("www-authenticate").is_some());
            refused(who.delete(&format!("{list}/01938d7a-2f5c-7d3e-9a4b-6c1f0e8d7b52")).await, status, "OUI-65004");
        }
        refused(writer.get(&list).await, 403, "OUI-65002");
        refused(writer.post(&introspect, &json!({ "confirmationCode": "A".repeat(64) })).await, 403, "OUI-65003");
        // V-40: the token of another org is no key here; under another root's handle there is nothing.
        let token = server.tree.token(&server.tree.root, crate::server::ALL_SCOPES);
        let parent = server.stranger("globex", &org, Some(token));
        refused(parent.get(&list).await, 404, "OUI-65002");
        // GET changes nothing, and the other methods are not there.
        for path in [&invite, &accept, &introspect] {
            assert_eq!(admin.get(path).await.expect(405).header("allow"), Some("POST"));
        }
        admin.post(&list, &names).await.expect(405);
        admin.get(&format!("{guests}/other")).await.expect(404);
    }
    let foreign = server.stranger("acme", &org, Some(server.tree.token(&server.tree.root, crate::server::ALL_SCOPES)));
    refused(foreign.get(&format!("{}/invitations", ADDRESSES[0])).await, 404, "OUI-65002");
    // Each is in the audit log where the token belongs, as everywhere.
    let refusals = async |who: &Persona, start: &str| {
        for _ in 0..100 {
            let found = who.api().get("/audit?action=refused&limit=1000").await.expect(200).body;
            let mut details = found["entries"].as_array().expect("entries").iter().map(|entry| text(entry, "detail"));
            if let Some(detail) = details.find(|detail| detail.starts_with(start)) {
                return detail;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{start}: no entry")
    };
    let scope = refusals(&admin, "POST /guests/invite: ").await;
    assert_eq!(scope, "POST /guests/invite: this needs the scope `invitations:write`");
    refusals(&admin, "DELETE /guests/invitations/*: this needs").await;
    refusals(&root, "GET /guests/invitations: ").await;
    // A root has no parent, here as elsewhere.
    refused(root.post(&format!("{}/invite", ADDRESSES[1]), &json!({ "usernames": ["eve"] })).await, 400, "OUI-65001");
    assert_eq!(admin.get("/Invitations").await.expect(200).total(), 0, "nothing was left behind");
}
