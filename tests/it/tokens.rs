//! Clients and tokens, from the first one to the end of each; and what a client finds out by itself.

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Answer, Persona, Server, answer, encode, http, text};

/// POSTs a form to an OAuth endpoint.
pub(crate) async fn form(server: &Server, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let request = http().post(format!("{}{path}", server.url)).header("content-type", "application/x-www-form-urlencoded");
    answer(request.body(body.join("&"))).await
}

/// A token of a client, by its secret.
async fn issued(server: &Server, client: &Value) -> Answer {
    let (id, secret) = (text(client, "id"), text(client, "secret"));
    let fields = [("grant_type", "client_credentials"), ("client_id", &*id), ("client_secret", &*secret)];
    form(server, "/oauth2/token", &fields).await
}

async fn enters(server: &Server, org: &str, answer: &Answer) -> u16 {
    server.stranger("acme", org, Some(text(&answer.body, "access_token"))).get("/Users").await.status
}

/// SEC S-34, RFC 9728 §3.3: from a refusal alone a client finds where to get a token, and for what.
#[tokio::test]
async fn a_refused_client_finds_out_whose_tokens_are_taken() {
    let server = Server::start();
    let root = server.tree.root.clone();
    let nobody = server.stranger("acme", &root, None);
    for (persona, path) in [(&nobody, "/Users"), (&nobody.api(), "/settings")] {
        let refused = persona.get(path).await.expect(401);
        let challenge = refused.header("www-authenticate").expect("a challenge").to_owned();
        assert!(challenge.starts_with("Bearer realm=") && !challenge.contains("error="), "SEC S-10: {challenge}");
        let url = challenge.split("resource_metadata=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a URL");
        let found = answer(http().get(url)).await.expect(200).body;
        assert_eq!(found["resource"], json!(persona.base));
        assert_eq!(found["bearer_methods_supported"], json!(["header"]));
        let elsewhere = answer(http().get(url).header("host", "evil.test")).await;
        elsewhere.expect(404);
    }
    let garbage = server.stranger("acme", &root, Some("x".into())).get("/Users").await.expect(401);
    let challenge = garbage.header("www-authenticate").expect("a challenge");
    assert!(challenge.contains("error=\"invalid_token\"") && challenge.contains("resource_metadata="), "{challenge}");
    for (path, resource) in
        [("", server.url.clone()), (&*format!("/t/acme/o/{root}"), format!("{}/t/acme/o/{root}", server.url))]
    {
        let url = format!("{}/.well-known/oauth-protected-resource{path}", server.url);
        assert_eq!(answer(http().get(url)).await.expect(200).body["resource"], json!(resource));
    }
    // Whether there is such an org is nobody's business.
    let absent = "01890a5d-ac96-774b-bcce-b302099a8057";
    let of = async |root: &str, org: &str, area: &str| {
        let url = format!("{}/.well-known/oauth-protected-resource/t/{root}/o/{org}/{area}", server.url);
        answer(http().get(url)).await.status
    };
    assert_eq!(of("acme", absent, "scim2").await, 200);
    assert_eq!(
        (of("acme", "1", "scim2").await, of("AC\"ME", absent, "scim2").await, of("acme", absent, "x").await),
        (404, 404, 404)
    );
}

/// SEC S-35, RFC 8414 §3.3: the issuer that the metadata names is the one they were fetched from, and the one of the tokens.
#[tokio::test]
async fn the_metadata_of_the_issuer_names_it_and_its_endpoints_answer() {
    let server = crate::server::Tree::new(&[("USHER_PUBLIC_URL", "https://id.acme.test")]).serve();
    let at = |url: &str| url.replace("https://id.acme.test", &server.url);
    let metadata = answer(http().get(at("https://id.acme.test/.well-known/oauth-authorization-server"))).await.expect(200).body;
    assert_eq!(metadata["issuer"], "https://id.acme.test");
    for name in ["token_endpoint", "revocation_endpoint"] {
        answer(http().post(at(&text(&metadata, name)))).await.expect(400);
    }
    answer(http().get(at(&text(&metadata, "jwks_uri")))).await.expect(200);
}

#[tokio::test]
async fn a_client_lives_from_its_creation_to_its_deletion() {
    let server = Server::start();
    let root = server.tree.root.clone();
    let api = server.admin(&root).api();
    let made = api.post("/clients", &json!({ "name": "Okta", "scope": "users:read" })).await.expect(201).body;
    assert_eq!((&made["name"], &made["authentication"]), (&json!("Okta"), &json!("client_secret")));
    let first = issued(&server, &made).await.expect(200);
    assert_eq!(enters(&server, &root, &first).await, 200);

    // The secret is never shown again, and rests nowhere (SEC S-13).
    let id = text(&made, "id");
    let (list, one) = (api.get("/clients").await.expect(200), api.get(&format!("/clients/{id}")).await.expect(200));
    assert!(list.text.contains(&id) && one.body["name"] == "Okta");
    for shown in [&list.text, &one.text] {
        assert!(!shown.contains("usher_secret_") && !shown.contains("hash"), "{shown}");
    }
    for file in ["usher.db", "usher.db-wal"] {
        let bytes = std::fs::read(server.tree.data().join(file)).expect("a file");
        let secret = text(&made, "secret");
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file}");
    }

    // with overlap, so that nothing stops in between.
    let rotated = api.post(&format!("/clients/{id}/.rotate?overlap=3600"), &json!({})).await.expect(200).body;
    assert!(rotated["oldSecretUntil"].is_string() && rotated["secret"] != made["secret"]);
    issued(&server, &made).await.expect(200);
    issued(&server, &rotated).await.expect(200);
    let rotated = api.send(Method::POST, &format!("/clients/{id}/.rotate?overlap=0"), None).await.expect(200).body;
    issued(&server, &made).await.expect(401);
    api.send(Method::POST, &format!("/clients/{id}/.rotate?overlap=2592001"), None)
        .await
        .expect_error(400, Some("invalidValue"));
    api.send(Method::POST, &format!("/clients/{id}/.rotate?overlap=x"), None).await.expect_error(400, Some("invalidValue"));

    // SEC S-27: what it holds ends with it.
    let last = issued(&server, &rotated).await.expect(200);
    api.delete(&format!("/clients/{id}")).await.expect(204);
    assert_eq!((enters(&server, &root, &first).await, enters(&server, &root, &last).await), (401, 401));
    issued(&server, &rotated).await.expect(401);
    api.delete(&format!("/clients/{id}")).await.expect_error(404, None);
    api.get(&format!("/clients/{id}")).await.expect_error(404, None);
}

///
#[tokio::test]
async fn a_provisioning_token_lives_from_its_creation_to_its_revocation() {
    let server = Server::start();
    let root = server.tree.root.clone();
    let api = server.admin(&root).api();
    let made = api.post("/tokens", &json!({ "name": "Entra ID", "scope": "users:read" })).await.expect(201).body;
    let with = |made: &Value| server.stranger("acme", &root, Some(text(made, "token")));
    with(&made).get("/Users").await.expect(200);
    let span = |made: &Value| (text(made, "created"), text(made, "expiresAt"));
    let days = |(from, to): (String, String)| {
        let at = |text: &str| usher::base::Timestamp::parse(text).expect("an instant").0;
        (at(&to) - at(&from) + 60_000) / 86_400_000
    };
    assert_eq!((days(span(&made)), &made["expiresSoon"]), (180, &json!(false)), "SEC S-11");
    let short = api.post("/tokens", &json!({ "scope": "users:read", "expiresIn": 86_400 })).await.expect(201).body;
    assert_eq!((days(span(&short)), &short["expiresSoon"]), (1, &json!(true)));

    let id = text(&made, "id");
    let listed = api.get(&format!("/tokens/{id}")).await.expect(200);
    assert!(listed.body.get("token").is_none() && !listed.text.contains(&text(&made, "token")));
    let new = api.send(Method::POST, &format!("/tokens/{id}/.rotate"), None).await.expect(200).body;
    with(&made).get("/Users").await.expect(200);
    with(&new).get("/Users").await.expect(200);
    let old = api.get(&format!("/tokens/{id}")).await.expect(200).body;
    assert_eq!((&old["replacedBy"], days((text(&new, "created"), text(&old, "expiresAt")))), (&new["id"], 7));
    api.send(Method::POST, &format!("/tokens/{id}/.rotate"), None).await.expect_error(409, None);
    api.delete(&format!("/tokens/{id}")).await.expect(204);
    with(&made).get("/Users").await.expect(401);
    with(&new).get("/Users").await.expect(200);

    // All at once, the caller's own included.
    api.post("/tokens/.revoke", &json!({ "all": true })).await.expect(204);
    with(&new).get("/Users").await.expect(401);
    api.get("/tokens").await.expect(401);
    for body in
        [json!({}), json!({ "all": false }), json!({ "all": true, "user": id }), json!({ "token": "x" }), json!({ "who": 1 })]
    {
        server.admin(&root).api().post("/tokens/.revoke", &body).await.expect_error(400, Some("invalidValue"));
    }
}

/// SEC S-51, S-53: nobody comes to hold more by way of a credential than they hold, neither by making one nor by renewing one.
#[tokio::test]
async fn credentials_give_nobody_what_they_do_not_have() {
    let server = Server::start();
    let root = server.tree.root.clone();
    let child = server.tree.org(&root, "partners");
    let admin = server.admin(&root).api();
    let some = server.persona(&root, "clients:read clients:write tokens:read tokens:write users:read").api();
    let strong = admin.post("/clients", &json!({ "scope": "users:write" })).await.expect(201).id();
    let token = admin.post("/tokens", &json!({ "scope": "users:write" })).await.expect(201).id();
    for (path, body) in [
        ("/clients", json!({ "scope": "users:write" })),
        ("/clients", json!({ "scope": "users:read groups:read" })),
        ("/tokens", json!({ "scope": "users:write" })),
        (&format!("/clients/{strong}/.rotate"), json!({})),
        (&format!("/tokens/{token}/.rotate"), json!({})),
    ] {
        let refused = some.post(path, &body).await.expect_error(403, None);
        assert!(refused.header("www-authenticate").is_some_and(|told| told.contains("insufficient_scope")), "{path}");
    }
    let below = server.persona(&child, "clients:write users:read").api();
    let guest = |scope: &str| json!({ "id": strong, "scope": scope });
    below.post("/clients/.admit", &guest("users:write")).await.expect_error(403, None);
    below.post("/clients/.admit", &guest("users:read")).await.expect(200);
    some.post("/clients/.admit", &guest("users:read")).await.expect_error(400, None);
    for (path, body) in [
        ("/clients", json!({ "scope": "" })),
        ("/clients", json!({ "scope": "users:rule" })),
        ("/clients", json!({})),
        ("/clients", json!({ "scope": "users:read", "secret": "mine" })),
        ("/clients", json!({ "scope": "users:read", "name": "a\u{7}" })),
        ("/clients", json!({ "scope": "users:read", "jwks": { "keys": [] } })),
        ("/clients", json!({ "scope": "users:read", "jwks": { "keys": [{ "kty": "oct", "k": "AAAA" }] } })),
        ("/tokens", json!({ "scope": "users:read", "expiresIn": 34_560_001 })),
        ("/tokens", json!({ "scope": "users:read", "expiresIn": 0 })),
    ] {
        let refused = some.post(path, &body).await;
        assert_eq!(refused.status, 400, "{path} {body}: {}", refused.text);
    }
    // A person's token is not made into another one by somebody else.
    server.admin(&root).user("ada").await;
    server.tree.token_of("ada", &root, "users:read");
    let listed = admin.get("/tokens").await.expect(200).body;
    let of_ada = listed["Resources"].as_array().expect("tokens").iter().find(|one| one["user"].is_string()).expect("Ada's");
    admin.send(Method::POST, &format!("/tokens/{}/.rotate", text(of_ada, "id")), None).await.expect_error(409, None);
}

/// RFC 7009
#[tokio::test]
async fn a_client_revokes_its_own_tokens_and_no_others() {
    let server = Server::start();
    let root = server.tree.root.clone();
    let api = server.admin(&root).api();
    let one = api.post("/clients", &json!({ "scope": "users:read" })).await.expect(201).body;
    let other = api.post("/clients", &json!({ "scope": "users:read" })).await.expect(201).body;
    let revoke = async |client: &Value, token: &str| {
        let (id, secret) = (text(client, "id"), text(client, "secret"));
        form(&server, "/oauth2/revoke", &[("client_id", &id), ("client_secret", &secret), ("token", token)]).await
    };
    let mine = issued(&server, &one).await.expect(200);
    let token = text(&mine.body, "access_token");
    assert_eq!(revoke(&other, &token).await.expect(400).body["error"], "unauthorized_client");
    assert_eq!(enters(&server, &root, &mine).await, 200);
    let wrong = json!({ "id": one["id"], "secret": other["secret"] });
    assert_eq!(revoke(&wrong, &token).await.expect(401).body["error"], "invalid_client");
    assert_eq!(enters(&server, &root, &mine).await, 200);
    for token in [&*token, &*token, "x", "a.b.c"] {
        revoke(&one, token).await.expect(200);
    }
    assert_eq!(enters(&server, &root, &mine).await, 401);
    assert_eq!(enters(&server, &root, &issued(&server, &one).await).await, 200);
}

/// The command line does what the API does.
#[tokio::test]
async fn an_operator_lists_rotates_and_revokes() {
    let server = Server::start();
    let tree = &server.tree;
    let root = &tree.root;
    let made = tree.json(&["client", "create", "--org", root, "--scope", "users:read", "--name", "Okta"]);
    let id = text(&made, "client_id");
    let list = tree.json(&["client", "list", "--org", root]);
    assert_eq!((&list[0]["id"], &list[0]["name"]), (&json!(id), &json!("Okta")));
    let rotated = tree.json(&["client", "rotate", "--org", root, &id, "--overlap", "0s"]);
    let of = |made: &Value| json!({ "id": id, "secret": made["client_secret"] });
    issued(&server, &of(&made)).await.expect(401);
    let held = issued(&server, &of(&rotated)).await.expect(200);
    tree.json(&["client", "delete", "--org", root, &id]);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    // SEC S-27: another process's change is seen within a second.
    while enters(&server, root, &held).await != 401 {
        assert!(std::time::Instant::now() < until, "still let in");
    }

    let token = tree.json(&["token", "create", "--org", root, "--scope", "users:read", "--expires", "30d", "--name", "Entra"]);
    let jti = text(&token, "jti");
    let with = |token: &Value| -> Persona { server.stranger("acme", root, Some(text(token, "access_token"))) };
    let new = tree.json(&["token", "rotate", "--org", root, &jti, "--overlap", "1h"]);
    with(&token).get("/Users").await.expect(200);
    with(&new).get("/Users").await.expect(200);
    let list = tree.json(&["token", "list", "--org", root]);
    assert!(
        list.as_array().is_some_and(|all| all.iter().any(|one| one["id"] == new["jti"] && one["name"] == "Entra")),
        "{list}"
    );
    tree.json(&["token", "revoke", "--org", root, &text(&new, "jti")]);
    tree.json(&["token", "revoke", "--org", root, "--all"]);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    for token in [&token, &new] {
        while with(token).get("/Users").await.status != 401 {
            assert!(std::time::Instant::now() < until, "still let in");
        }
    }
}

/// SEC S-30, S-31, S-33: the way of a client into an org below, and what is said to those who ask for something else.
#[tokio::test]
async fn a_client_switches_to_an_organization_that_admitted_it() {
    const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
    const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
    let server = Server::start();
    let root = server.tree.root.clone();
    let child = server.tree.org(&root, "partners");
    let made = server.admin(&root).api().post("/clients", &json!({ "scope": "users:read users:write" })).await.expect(201).body;
    let admission = json!({ "id": made["id"], "name": "The parent's", "scope": "users:read groups:read" });
    let guest = server.admin(&child).api().post("/clients/.admit", &admission).await.expect(200).body;
    assert_eq!((&guest["id"], &guest["authentication"]), (&made["id"], &json!("parent")));
    let own = text(&issued(&server, &made).await.expect(200).body, "access_token");
    let (id, secret) = (text(&made, "id"), text(&made, "secret"));
    let ask = async |fields: &[(&str, &str)]| {
        let client = [("client_id", &*id), ("client_secret", &*secret)];
        form(&server, "/oauth2/token", &[&client, fields].concat()).await
    };
    let url = format!("{}/t/acme/o/{child}", server.url);
    for target in [url.clone(), format!("{url}/scim2"), format!("{url}/api"), child.clone()] {
        let name = if target == child { "audience" } else { "resource" };
        let fields = [
            ("grant_type", EXCHANGE),
            ("subject_token", &*own),
            ("subject_token_type", ACCESS_TOKEN),
            ("requested_token_type", ACCESS_TOKEN),
            (name, &*target),
        ];
        let switched = ask(&fields).await.expect(200);
        assert_eq!((&switched.body["scope"], &switched.body["token_type"]), (&json!("users:read"), &json!("Bearer")));
        assert_eq!(switched.body["issued_token_type"], ACCESS_TOKEN);
        assert!(switched.body["expires_in"].as_u64().is_some_and(|left| (1..=3600).contains(&left)));
        assert!(switched.body.get("refresh_token").is_none());
        assert_eq!((enters(&server, &child, &switched).await, enters(&server, &root, &switched).await), (200, 404));
    }
    let switch = [("grant_type", "organization_switch"), ("token", &*own), ("switching_organization", &*child)];
    let switched = ask(&switch).await.expect(200);
    assert_eq!(enters(&server, &child, &switched).await, 200);

    let exchange = [("grant_type", EXCHANGE), ("subject_token", &*own), ("subject_token_type", ACCESS_TOKEN)];
    let other = "https://other.test/t/acme/o/x";
    for (more, error) in [
        (&[][..], "invalid_request"),
        (&[("audience", &*server.url)], "invalid_target"),
        (&[("resource", other)], "invalid_target"),
        (&[("resource", &*url), ("audience", &*root)], "invalid_target"),
        (&[("resource", &*url), ("resource", other)], "invalid_target"),
        (&[("resource", &*url), ("scope", "groups:read")], "invalid_scope"),
        (&[("resource", &*url), ("scope", "users:rule")], "invalid_scope"),
        (&[("resource", &*url), ("actor_token", &*own)], "invalid_request"),
        (&[("resource", &*url), ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")], "invalid_request"),
    ] {
        assert_eq!(ask(&[&exchange, more].concat()).await.expect(400).body["error"], error, "{more:?}");
    }
    let refused = form(&server, "/oauth2/token", &[&exchange[..], &[("resource", &*url)]].concat()).await.expect(401);
    assert_eq!(refused.body["error"], "invalid_client", "SEC S-30");

    // Where to, and the end of it.
    let client = server.stranger("acme", &root, Some(own.clone())).api();
    let all = client.get("/enterable-organizations").await.expect(200).body;
    assert_eq!((&all["totalResults"], &all["Resources"][0]["url"]), (&json!(1), &json!(url)));
    assert_eq!(client.get("/enterable-organizations?search=ARTN").await.expect(200).total(), 1);
    assert_eq!(client.get("/enterable-organizations?startIndex=2").await.expect(200).total(), 1);
    assert_eq!(client.get("/enterable-organizations?search=other").await.expect(200).total(), 0);
    server.admin(&child).api().delete(&format!("/clients/{id}")).await.expect(204);
    assert_eq!(enters(&server, &child, &switched).await, 401);
    assert_eq!(client.get("/enterable-organizations").await.expect(200).total(), 0);
    assert_eq!(ask(&switch).await.expect(400).body["error"], "invalid_target");
    issued(&server, &made).await.expect(200);
}
