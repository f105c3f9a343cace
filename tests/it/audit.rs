//! The audit log as an administrator and an operator read it: what every operation leaves there, and what never.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::endpoints::{Needs, OPERATIONS, OWN, Stage};
use crate::server::{Answer, Persona, Server, USER, answer, http, text};

/// What an operation leaves where it did what was asked; those that read are not in it.
const EVENTS: &[(&str, &str, &[&str])] = &[
    ("POST", "/Users", &["created User"]),
    ("PUT", "/Users/{id}", &["changed User"]),
    ("PATCH", "/Users/{id}", &["changed User"]),
    ("DELETE", "/Users/{id}", &["deleted User"]),
    // A client is nobody here; `scim_me` shows that these are operations on a user.
    ("PUT", "/Me", &[]),
    ("PATCH", "/Me", &[]),
    ("DELETE", "/Me", &[]),
    ("POST", "/Me/Invitations/{id}/.accept", &[]),
    ("POST", "/Me/Invitations/{id}/.decline", &[]),
    ("POST", "/Groups", &["created Group"]),
    ("PUT", "/Groups/{id}", &["changed Group"]),
    ("PATCH", "/Groups/{id}", &["changed Group"]),
    ("DELETE", "/Groups/{id}", &["deleted Group"]),
    ("POST", "/Invitations", &["invited Invitation"]),
    ("POST", "/Invitations/.invite", &["invited Invitation"]),
    ("POST", "/Invitations/{id}/.resend", &["resent Invitation"]),
    ("POST", "/Invitations/{id}/.revoke", &["revoked Invitation"]),
    ("DELETE", "/Invitations/{id}", &["deleted Invitation"]),
    ("POST", "/Organizations", &["created Organization"]),
    ("PUT", "/Organizations/{id}", &["changed Organization"]),
    ("PATCH", "/Organizations/{id}", &["changed Organization"]),
    ("DELETE", "/Organizations/{id}", &["deleted Organization"]),
    // It would stay where it is.
    ("POST", "/Organizations/{id}/.move", &[]),
    ("POST", "/Bulk", &["created User", "refused Request"]),
    ("POST", "/clients", &["created Client"]),
    ("POST", "/clients/.admit", &["created Client"]),
    ("DELETE", "/clients/{id}", &["deleted Client"]),
    ("POST", "/clients/{id}/.rotate", &["changed Client"]),
    ("POST", "/tokens", &["created Token"]),
    ("POST", "/tokens/.revoke", &["revoked Token"]),
    ("DELETE", "/tokens/{id}", &["revoked Token"]),
    ("POST", "/tokens/{id}/.rotate", &["created Token"]),
    // Sends a letter, and writes nothing.
    ("POST", "/mail/test", &[]),
    ("PUT", "/settings", &["changed Settings"]),
    ("PATCH", "/settings", &["changed Settings"]),
    ("POST", "/deleted/{id}/.restore", &["restored User"]),
    ("DELETE", "/deleted/{id}", &["deleted Tombstone"]),
    // Only in the root organization.
    ("PUT", "/schemas/{urn}", &["refused Request"]),
    ("DELETE", "/schemas/{urn}", &["refused Request"]),
    ("PUT", "/resource-types/{name}", &["refused Request"]),
    ("DELETE", "/resource-types/{name}", &["refused Request"]),
    ("POST", "/Robots", &["created Robot"]),
    ("PUT", "/Robots/{id}", &["changed Robot"]),
    ("PATCH", "/Robots/{id}", &["changed Robot"]),
    ("DELETE", "/Robots/{id}", &["deleted Robot"]),
    // Nobody holds such a link.
    ("POST", "/Invitations/.accept", &[]),
    ("POST", "/Invitations/.decline", &[]),
];

/// The entries of the request that `answer` answered, the oldest first, once there are as many as `expected`, and any that come
/// with them.
async fn entries(api: &Persona, answer: &Answer, expected: usize) -> Vec<Value> {
    let request = answer.header("x-request-id").expect("a request id").to_owned();
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let page = api.get(&format!("/audit?request={request}")).await.expect(200).body;
        let mut entries = page["entries"].as_array().expect("entries").clone();
        if entries.len() >= expected {
            entries.reverse();
            return entries;
        }
        assert!(Instant::now() < until, "{request}: {page}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn words(entries: &[Value]) -> Vec<String> {
    let mut words: Vec<_> =
        entries.iter().map(|entry| format!("{} {}", text(entry, "action"), text(entry, "resourceType"))).collect();
    words.sort();
    words
}

/// SEC S-77, S-79: each operation of the document that writes leaves exactly its events, in the moment of the answer, and each that is
/// refused leaves its refusal; none leaves anything else.
#[tokio::test]
async fn every_operation_leaves_its_events_and_every_refusal_one() {
    let mut stage = Stage::new().await;
    let api = stage.admin.api();
    let nobody = stage.server.persona(&stage.org, "requests:read");
    let (mut refused, mut answered, mut listed, mut wrong) = (Vec::new(), Vec::new(), 0, Vec::new());
    for &(method, path, needs, status) in OPERATIONS.iter().chain(OWN) {
        let http = Method::from_bytes(method.as_bytes()).expect("a method");
        let is_read = method == "GET" || path.ends_with("/.search") || path.ends_with("/.introspect");
        let expected = EVENTS.iter().find(|(other, at, _)| (*other, *at) == (method, path)).map(|(_, _, events)| *events);
        assert_eq!(expected.is_none(), is_read, "{method} {path}: what does it leave?");
        listed += usize::from(!is_read);
        let (address, mut body) = stage.request(method, path).await;
        if path == "/settings" {
            body = Some(json!({ "log": if method == "PUT" { "all" } else { "writes" } }));
        }
        if path == "/Bulk" {
            let new = json!({ "schemas": [USER], "userName": "in bulk" });
            let create = json!({ "method": "POST", "path": "/Users", "bulkId": "1", "data": new });
            let group = json!({ "schemas": [crate::server::GROUP], "displayName": "in bulk" });
            let refused = json!({ "method": "POST", "path": "/Groups", "bulkId": "2", "data": group });
            body.as_mut().expect("a body")["Operations"] = json!([create, refused]);
        }
        if let Needs::Scope(scope) = needs
            && scope != "requests:read"
        {
            let answer = nobody.send(http.clone(), &address, body.as_ref()).await;
            let pattern = path.replace("{id}", "*").replace("{urn}", "*").replace("{name}", "*").replace("/Robots", "/*");
            refused.push((answer.expect(403), method, pattern, scope, address.clone()));
        }
        // Not the groups: an operation of the bulk request is refused.
        let caller = if path == "/Bulk" { stage.server.persona(&stage.org, "users:write") } else { stage.admin.clone() };
        let answer = caller.send(http, &address, body.as_ref()).await.expect(status);
        let expected = expected.unwrap_or_default();
        let least = expected.len().min(usize::from(!is_read));
        let found = entries(&api, &answer, if path == "/Bulk" { 2 } else { least }).await;
        if words(&found) != expected {
            wrong.push(format!("{method} {path}: {:?}", words(&found)));
        }
        for entry in &found {
            assert!(text(entry, "actor").starts_with("client "), "{method} {path}: {entry}");
        }
        answered.push((answer, method, path, expected));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(listed, EVENTS.len(), "an operation of the list is none of the document");
    for (answer, method, pattern, scope, address) in refused {
        let found = entries(&api, &answer, 1).await;
        assert_eq!(words(&found), ["refused Request"], "{method} {pattern}");
        let detail = text(&found[0], "detail");
        assert_eq!(detail, format!("{method} {pattern}: this needs the scope `{scope}`"));
        let id = address.rsplit('/').find(|part| part.len() == 36 && !part.contains('.'));
        assert_eq!(found[0]["resourceId"].as_str(), id, "{method} {address}");
    }
    // What is written later than the answer: once a refusal is there that came after them all, nothing more is on its way.
    entries(&api, &nobody.get("/Users").await.expect(403), 1).await;
    for (answer, method, path, expected) in answered {
        assert_eq!(words(&entries(&api, &answer, 0).await), expected, "{method} {path}: afterwards");
    }
    let verified = stage.server.tree.json(&["audit", "verify"]);
    assert_eq!(verified["holds"], true, "{verified}");
}

/// SEC S-77, S-50: in the log of the token's own org, since whose it is shows the token; anything else anybody could send.
#[tokio::test]
async fn who_is_not_let_in_is_noted_where_the_token_belongs() {
    let server = Server::start();
    let (root, child) = (server.tree.root.clone(), server.tree.org(&server.tree.root, "child"));
    let (admin, other) = (server.admin(&root).api(), server.admin(&child).api());
    let lost = server.stranger("acme", &child, Some(server.tree.token(&root, "users:read")));
    let missing = lost.get("/Users/0189").await.expect(404);
    let found = entries(&admin, &missing, 1).await;
    assert_eq!(text(&found[0], "detail"), "GET /Users/*: no such resource");
    assert_eq!((text(&found[0], "action"), found[0]["count"].clone()), ("refused".into(), json!(1)));
    for token in [None, Some("nonsense".to_owned())] {
        server.stranger("acme", &root, token).get("/Users").await.expect(401);
    }
    let theirs = other.get("/audit?action=refused&limit=1000").await.expect(200).body;
    assert_eq!(theirs["entries"], json!([]), "whose door it was learns nothing, and strangers leave nothing");
    let entry = other.get("/audit?limit=1").await.expect(200).body["entries"][0].clone();
    admin.get(&format!("/audit/{}", text(&entry, "id"))).await.expect_error(404, None);
    assert_eq!(other.get(&format!("/audit/{}", text(&entry, "id"))).await.expect(200).body, entry, "T-06");
}

#[tokio::test]
async fn a_sign_in_is_noted_with_its_rights_and_a_wrong_secret_with_its_client() {
    let server = Server::start();
    let client = server.tree.json(&["client", "create", "--org", &server.tree.root, "--scope", "users:read groups:read"]);
    let (id, secret) = (text(&client, "client_id"), text(&client, "client_secret"));
    let ask = async |secret: &str| {
        let body = "grant_type=client_credentials&scope=users:read";
        let request = http().post(format!("{}/oauth2/token", server.url)).basic_auth(&id, Some(secret));
        answer(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    };
    let (good, bad) = (ask(&secret).await.expect(200), ask("guessed").await.expect(401));
    let api = server.admin(&server.tree.root).api();
    let found = entries(&api, &good, 1).await.remove(0);
    assert_eq!(
        (words(std::slice::from_ref(&found))[0].as_str(), text(&found, "actor")),
        ("issued Token", format!("client {id}"))
    );
    assert_eq!(text(&found, "detail"), "client_credentials: users:read");
    assert!(found["resourceId"].is_string());
    let found = entries(&api, &bad, 1).await.remove(0);
    assert_eq!((text(&found, "actor"), text(&found, "resourceId")), ("unauthenticated".into(), id));
    let made = api.get("/audit?action=created&actor=operator&resourceType=Token").await.expect(200).body;
    assert_eq!(made["entries"].as_array().map(Vec::len), Some(1), "the administrator's own: {made}");
}

#[tokio::test]
async fn a_flood_of_refusals_is_counted_and_hides_nothing() {
    let server = Server::start();
    let nobody = server.persona(&server.tree.root, "groups:read");
    for _ in 0..250 {
        nobody.get("/Users").await.expect(403);
    }
    let tree = server.terminate().1;
    let server = tree.serve();
    let page = server.admin(&server.tree.root).api().get("/audit?action=refused&limit=1000").await.expect(200).body;
    let counts: Vec<u64> =
        page["entries"].as_array().expect("entries").iter().filter_map(|one| one["count"].as_u64()).collect();
    // A minute may have begun anew meanwhile.
    assert!(counts.len() <= 202 && counts.iter().sum::<u64>() == 250, "{counts:?}");
}

/// SEC S-07, S-38, V-31: the whole of the log, of every org, after a story with secrets in it.
#[tokio::test]
async fn nothing_secret_and_nothing_about_a_person_is_in_it() {
    let server = Server::start();
    let child = server.tree.org(&server.tree.root, "child");
    let (admin, inviter) = (server.admin(&server.tree.root), server.admin(&child));
    let client = server.tree.json(&["client", "create", "--org", &child, "--scope", "users:read"]);
    let token = server.tree.token(&child, "users:read");
    let ada = json!({
        "schemas": [USER], "userName": "canary-name", "password": "canary-password", "displayName": "canary-display",
        "emails": [{ "value": "canary@mail.test", "primary": true }],
    });
    let id = admin.post("/Users", &ada).await.expect(201).id();
    admin.patch(&format!("/Users/{id}"), json!([{ "op": "replace", "path": "password", "value": "canary-new" }])).await;
    admin.patch(&format!("/Users/{id}"), json!([{ "op": "add", "path": "title", "value": "canary-title" }])).await;
    admin.post("/Users", &ada).await.expect(409);
    admin.group("canary-group", &[&id]).await;
    inviter.post("/Invitations", &json!({ "userName": "canary-name", "message": "canary-message" })).await.expect(201);
    let guess =
        http().post(format!("{}/oauth2/token", server.url)).basic_auth(text(&client, "client_id"), Some("canary-guess"));
    let form = guess.header("content-type", "application/x-www-form-urlencoded").body("grant_type=client_credentials");
    answer(form).await.expect(401);
    let reader = server.stranger("acme", &child, Some(token.clone()));
    for path in
        ["/Groups/canary-path", "/canary-endpoint", "/canary-endpoint/canary-id", "/Groups?filter=canary-filter", "/Users"]
    {
        reader.send(Method::POST, path, Some(&json!({ "canary-key": "canary-value" }))).await;
        reader.get(path).await;
        server.stranger("acme", &server.tree.root, Some(token.clone())).get(path).await.expect(404);
    }
    inviter.post("/Invitations/.accept", &json!({ "code": "canary-code" })).await;
    inviter.delete("/Invitations/canary-id").await;
    let (code, tree) = server.terminate();
    assert_eq!(code, Some(0));
    let mut all = String::new();
    for org in [&tree.root, &child] {
        all += &tree.json(&["audit", "list", "--org", org, "--limit", "1000"]).to_string();
    }
    for word in ["refused", "invited", "created", "changed"] {
        assert!(all.contains(&format!(r#""action":"{word}""#)), "{word}: {all}");
    }
    let (secret, signature) = (text(&client, "client_secret"), token.rsplit('.').next().expect("a part").to_owned());
    for found in ["canary", "argon2", "eyJ", &secret, &signature] {
        assert!(!all.contains(found), "{found}: {all}");
    }
}

#[tokio::test]
async fn an_administrator_finds_what_is_asked_for_page_by_page() {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    let api = admin.api();
    let ada = admin.user("ada").await;
    admin.patch(&format!("/Users/{ada}"), json!([{ "op": "add", "path": "title", "value": "x" }])).await.expect(200);
    for name in ["eve", "bob", "kim"] {
        admin.user(name).await;
    }
    let all = api.get("/audit").await.expect(200).body["entries"].as_array().expect("entries").clone();
    let places: Vec<u64> = all.iter().filter_map(|entry| entry["place"].as_u64()).collect();
    assert_eq!(places, (1..=places.len() as u64).rev().collect::<Vec<_>>(), "the newest first, without a gap");
    let (mut read, mut next) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/audit?limit=2{next}")).await.expect(200).body;
        read.extend(page["entries"].as_array().expect("entries").clone());
        let Some(before) = page["next"].as_str() else { break };
        next = format!("&before={before}");
    }
    assert_eq!(read, all);
    let actor = text(&all[0], "actor").replace(' ', "+");
    let (first, last) = (text(all.last().expect("an entry"), "at"), text(&all[0], "at"));
    for (query, count) in [
        (format!("resourceId={ada}"), 2),
        (format!("resourceId={ada}&action=changed"), 1),
        (format!("actor={actor}&resourceType=User"), 5),
        ("action=created&resourceType=User".into(), 4),
        (format!("until={first}"), 0),
        (format!("since={first}"), all.len()),
        (format!("since={last}&action=created&limit=1"), 1),
        ("actor=nobody".into(), 0),
    ] {
        let found = api.get(&format!("/audit?{query}")).await.expect(200).body;
        assert_eq!(found["entries"].as_array().map(Vec::len), Some(count), "{query}: {found}");
    }
    for query in ["since=today", "limit=x", "before=x", "before=1-", "resourceId=x"] {
        api.get(&format!("/audit?{query}")).await.expect_error(400, Some("invalidValue"));
    }
    for id in ["x", "1-1", "0-0"] {
        api.get(&format!("/audit/{id}")).await.expect_error(404, None);
    }
}

/// SEC S-77: by whichever door an invitation is answered, the entries name the request; and a token that is somebody else's is noted
/// where it belongs.
#[tokio::test]
async fn an_answer_by_a_link_names_its_request_and_a_stranger_is_noted_at_home() {
    let server = Server::start();
    let child = server.tree.org(&server.tree.root, "child");
    let (root, inviter) = (server.admin(&server.tree.root), server.admin(&child));
    let api = inviter.api();
    for name in ["page", "code", "guests", "me", "eve"] {
        root.user(name).await;
    }
    let body = json!({ "userNames": ["page", "code", "guests", "me"], "sendMail": false });
    let invited = inviter.post("/Invitations/.invite", &body).await.expect(200);
    let invitation = |at: usize| {
        let made = &invited.body["results"][at]["invitation"];
        (text(made, "id"), text(made, "code"))
    };
    let nobody = server.stranger("acme", &child, None);
    let eve = server.stranger("acme", &child, Some(server.tree.token_of("eve", &server.tree.root, "users:read")));

    let refused = eve.post("/Invitations/.accept", &json!({ "code": invitation(1).1 })).await.expect(403);
    let found = entries(&root.api(), &refused, 1).await;
    let detail = "POST /Invitations/.accept: the token is not that of the invited user";
    assert_eq!((words(&found), text(&found[0], "detail")), (vec!["refused Request".into()], detail.into()));

    let (id, code) = invitation(0);
    let page = http().post(format!("{}/t/acme/o/{child}/invitations/{id}", server.url));
    let form = page.header("content-type", "application/x-www-form-urlencoded").body(format!("code={code}&answer=accept"));
    let me = server.stranger("acme", &server.tree.root, Some(server.tree.token_of("me", &server.tree.root, "users:read")));
    let guests = inviter.base.replace("/scim2", "/api/server/v1/guests");
    let guests =
        http().post(format!("{guests}/invitation/accept")).body(json!({ "confirmationCode": invitation(2).1 }).to_string());
    let answers = [
        (answer(form).await.expect(200), "invitee"),
        (nobody.post("/Invitations/.accept", &json!({ "code": invitation(1).1 })).await.expect(200), "invitee"),
        (answer(guests.header("content-type", "application/json")).await.expect(204), "invitee"),
        (me.send(Method::POST, &format!("/Me/Invitations/{}/.accept", invitation(3).0), None).await.expect(200), "user"),
    ];
    for (answer, actor) in answers {
        let found = entries(&api, &answer, 2).await;
        assert_eq!(words(&found), ["accepted Invitation", "created User"], "{answer:?}");
        assert!(found.iter().all(|entry| text(entry, "actor").starts_with(actor)), "{found:?}");
    }
}

/// Beside a server that writes.
#[tokio::test]
async fn an_operator_verifies_lists_and_notes_the_head() {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    admin.user("ada").await;
    let tree = &server.tree;
    let noted = tree.dir().join("noted");
    let head = tree.run(&["audit", "head"]);
    std::fs::write(&noted, &head.stdout).expect("noted");
    let as_json = tree.dir().join("noted.json");
    std::fs::write(&as_json, tree.json(&["audit", "head"]).to_string()).expect("noted");
    admin.user("eve").await;
    for file in [&noted, &as_json] {
        let found = tree.json(&["audit", "verify", "--noted", file.to_str().expect("a path")]);
        assert_eq!((&found["holds"], &found["noted"], &found["forgotten"]), (&json!(true), &json!(1), &json!(0)), "{found}");
        assert_eq!(found["entries"], tree.json(&["audit", "head"])[0]["place"]);
    }
    let listed = tree.run(&["audit", "list", "--org", &tree.root, "--action", "created", "--limit", "1"]);
    let line = String::from_utf8(listed.stdout).expect("UTF-8");
    assert!(line.contains("  created  User  ") && line.lines().count() == 1, "{line}");

    let db = rusqlite::Connection::open(tree.data().join("usher.db")).expect("the database");
    db.execute("update change_log set actor = 'worker' where place = 2", []).expect("changed");
    let output = tree.run(&["audit", "verify", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &found["broken"]["place"]), (Some(1), &json!(2)), "{found}");
    let error = String::from_utf8(tree.run(&["audit", "verify", "--org", &tree.root]).stderr).expect("UTF-8");
    assert!(error.contains(&format!("organization {} does not hold at entry 2: it was changed", tree.root)), "{error}");
    std::fs::write(&noted, "no head").expect("written");
    let output = tree.run(&["audit", "verify", "--noted", noted.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(1));
}
