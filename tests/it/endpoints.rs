//! Every operation of the OpenAPI document, called by everybody who should not, and by the one who may. `docs/scopes.md` is the table.
//!
//! [`OPERATIONS`] names all of them with the scope they need; an operation of the document that is missing here fails, and so
//! does one here that is not in the document.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{ALL_SCOPES, ORGANIZATION, Persona, Server, USER, answer, http};

/// Who may call an operation.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Needs {
    /// The scope.
    Scope(&'static str),
    /// Any token of the org.
    Token,
    /// A token with any scope that reads resources.
    Reading,
    /// Nothing: public, and here is the whole list.
    Nothing,
}

use Needs::{Nothing, Reading, Scope, Token};

/// Method, path, what it needs, and what the one who may is answered.
pub(crate) const OPERATIONS: &[(&str, &str, Needs, u16)] = &[
    ("GET", "/ServiceProviderConfig", Nothing, 200),
    ("GET", "/ResourceTypes", Token, 200),
    ("GET", "/ResourceTypes/{name}", Token, 200),
    ("GET", "/Schemas", Token, 200),
    ("GET", "/Schemas/{urn}", Token, 200),
    ("GET", "/", Reading, 200),
    ("POST", "/.search", Reading, 200),
    ("GET", "/Users", Scope("users:read"), 200),
    ("POST", "/Users", Scope("users:write"), 201),
    ("POST", "/Users/.search", Scope("users:read"), 200),
    ("GET", "/Users/{id}", Scope("users:read"), 200),
    ("PUT", "/Users/{id}", Scope("users:write"), 200),
    ("PATCH", "/Users/{id}", Scope("users:write"), 200),
    ("DELETE", "/Users/{id}", Scope("users:write"), 204),
    // The tokens here are those of clients; `scim_me` calls as a person.
    ("GET", "/Me", Scope("users:read"), 404),
    ("PUT", "/Me", Scope("users:write"), 404),
    ("PATCH", "/Me", Scope("users:write"), 404),
    ("DELETE", "/Me", Scope("users:write"), 404),
    ("GET", "/Me/Invitations", Token, 404),
    ("POST", "/Me/Invitations/{id}/.accept", Token, 404),
    ("POST", "/Me/Invitations/{id}/.decline", Token, 404),
    ("GET", "/Groups", Scope("groups:read"), 200),
    ("POST", "/Groups", Scope("groups:write"), 201),
    ("POST", "/Groups/.search", Scope("groups:read"), 200),
    ("GET", "/Groups/{id}", Scope("groups:read"), 200),
    ("PUT", "/Groups/{id}", Scope("groups:write"), 200),
    ("PATCH", "/Groups/{id}", Scope("groups:write"), 204),
    ("DELETE", "/Groups/{id}", Scope("groups:write"), 204),
    ("GET", "/Invitations", Scope("invitations:read"), 200),
    ("POST", "/Invitations", Scope("invitations:write"), 201),
    ("POST", "/Invitations/.search", Scope("invitations:read"), 200),
    ("POST", "/Invitations/.invite", Scope("invitations:write"), 200),
    ("GET", "/Invitations/{id}", Scope("invitations:read"), 200),
    ("DELETE", "/Invitations/{id}", Scope("invitations:write"), 204),
    ("POST", "/Invitations/{id}/.revoke", Scope("invitations:write"), 200),
    ("GET", "/Organizations", Scope("organizations:read"), 200),
    ("POST", "/Organizations", Scope("organizations:write"), 201),
    ("POST", "/Organizations/.search", Scope("organizations:read"), 200),
    ("GET", "/Organizations/{id}", Scope("organizations:read"), 200),
    ("PUT", "/Organizations/{id}", Scope("organizations:write"), 200),
    ("PATCH", "/Organizations/{id}", Scope("organizations:write"), 200),
    ("DELETE", "/Organizations/{id}", Scope("organizations:write"), 204),
    ("GET", "/Organizations/{id}/.deletion", Scope("organizations:write"), 200),
    ("POST", "/Organizations/{id}/.move", Scope("organizations:write"), 200),
    ("POST", "/Invitations/{id}/.resend", Scope("invitations:write"), 200),
    // B-15: each operation in it needs the scope that it needs elsewhere.
    ("POST", "/Bulk", Token, 200),
    ("GET", "/requests", Scope("requests:read"), 200),
    ("GET", "/requests/{id}", Scope("requests:read"), 200),
    ("GET", "/quirks", Scope("requests:read"), 200),
    ("GET", "/audit", Scope("audit:read"), 200),
    ("GET", "/audit/{id}", Scope("audit:read"), 200),
    ("GET", "/settings", Scope("settings:read"), 200),
    ("PUT", "/settings", Scope("settings:write"), 200),
    ("PATCH", "/settings", Scope("settings:write"), 200),
    ("GET", "/mail/preview", Scope("settings:read"), 200),
    ("POST", "/mail/test", Scope("settings:write"), 200),
    ("GET", "/deleted", Scope("deleted:read"), 200),
    ("POST", "/deleted/{id}/.restore", Scope("deleted:write"), 200),
    ("DELETE", "/deleted/{id}", Scope("deleted:write"), 204),
    ("GET", "/schemas", Scope("schemas:read"), 200),
    ("GET", "/schemas/{urn}", Scope("schemas:read"), 200),
    // Who may in the root org may not in another; `scim_schemas` shows who may.
    ("PUT", "/schemas/{urn}", Scope("schemas:write"), 403),
    ("DELETE", "/schemas/{urn}", Scope("schemas:write"), 403),
    ("GET", "/resource-types", Scope("schemas:read"), 200),
    ("GET", "/resource-types/{name}", Scope("schemas:read"), 200),
    ("PUT", "/resource-types/{name}", Scope("schemas:write"), 403),
    ("DELETE", "/resource-types/{name}", Scope("schemas:write"), 403),
    ("GET", "/clients", Scope("clients:read"), 200),
    ("POST", "/clients", Scope("clients:write"), 201),
    ("POST", "/clients/.admit", Scope("clients:write"), 200),
    ("GET", "/clients/{id}", Scope("clients:read"), 200),
    ("DELETE", "/clients/{id}", Scope("clients:write"), 204),
    ("POST", "/clients/{id}/.rotate", Scope("clients:write"), 200),
    // A caller's own way on; `tokens` switches.
    ("GET", "/enterable-organizations", Token, 200),
    ("GET", "/tokens", Scope("tokens:read"), 200),
    ("POST", "/tokens", Scope("tokens:write"), 201),
    ("POST", "/tokens/.revoke", Scope("tokens:write"), 204),
    ("GET", "/tokens/{id}", Scope("tokens:read"), 200),
    ("DELETE", "/tokens/{id}", Scope("tokens:write"), 204),
    ("POST", "/tokens/{id}/.rotate", Scope("tokens:write"), 200),
    ("GET", "/openapi.json", Token, 200),
    // The code in the body is the credential; without a good one there is nothing to be seen.
    ("POST", "/Invitations/.accept", Nothing, 404),
    ("POST", "/Invitations/.decline", Nothing, 404),
    ("POST", "/Invitations/.introspect", Nothing, 404),
];

/// Operations on resources of a type that the tree added; in its document, not in that of the server.
pub(crate) const OWN: &[(&str, &str, Needs, u16)] = &[
    ("GET", "/Robots", Scope("resources:read"), 200),
    ("POST", "/Robots", Scope("resources:write"), 201),
    ("POST", "/Robots/.search", Scope("resources:read"), 200),
    ("GET", "/Robots/{id}", Scope("resources:read"), 200),
    ("PUT", "/Robots/{id}", Scope("resources:write"), 200),
    ("PATCH", "/Robots/{id}", Scope("resources:write"), 200),
    ("DELETE", "/Robots/{id}", Scope("resources:write"), 204),
];

/// The first segments of what stands below `api` and not below `scim2`.
const API: [&str; 12] = [
    "settings",
    "audit",
    "mail",
    "requests",
    "quirks",
    "deleted",
    "schemas",
    "resource-types",
    "clients",
    "enterable-organizations",
    "tokens",
    "openapi.json",
];

/// A schema that the tree added.
const ROBOT: &str = "urn:example:scim:schemas:2.0:Robot";

/// What belongs to no org: method, path, and what is answered to one who brings nothing.
const BESIDE: &[(&str, &str, u16)] = &[
    ("GET", "/.well-known/oauth-authorization-server", 200),
    ("GET", "/.well-known/oauth-protected-resource", 200),
    ("GET", "/.well-known/oauth-protected-resource/t/{root}/o/{org}", 404),
    ("GET", "/.well-known/oauth-protected-resource/t/{root}/o/{org}/{area}", 404),
    ("GET", "/oauth2/jwks", 200),
    ("POST", "/oauth2/token", 400),
    ("POST", "/oauth2/revoke", 400),
];

/// An org with a parent, a child, a sibling, and a neighbour in another tree.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) org: String,
    /// Admin of the org, who prepares and checks.
    pub(crate) admin: Persona,
    parent: Persona,
    made: u32,
}

impl Stage {
    pub(crate) async fn new() -> Stage {
        let server = Server::start();
        let root = server.admin(&server.tree.root).api();
        let schema = json!({ "id": ROBOT, "attributes": [{ "name": "displayName" }] });
        root.put(&format!("/schemas/{ROBOT}"), &schema).await.expect(200);
        let robots = json!({ "name": "Robot", "endpoint": "/Robots", "schema": ROBOT });
        root.put("/resource-types/Robot", &robots).await.expect(200);
        let org = server.tree.org(&server.tree.root, "partners");
        let (admin, parent) = (server.admin(&org), server.admin(&server.tree.root));
        Stage { server, org, admin, parent, made: 0 }
    }

    /// At the address of the org, with some token.
    fn with(&self, token: Option<String>) -> Persona {
        self.server.stranger("acme", &self.org, token)
    }

    /// The path with a fresh resource in it, and a body that would do.
    pub(crate) async fn request(&mut self, method: &str, path: &str) -> (String, Option<Value>) {
        self.made += 1;
        let name = format!("name{}", self.made);
        let invitee = format!("invitee{}", self.made);
        let kind = path.split('/').nth(1).unwrap_or_default();
        let body = match (method, path) {
            ("GET" | "DELETE", _)
            | (_, "/Invitations/{id}/.revoke" | "/Invitations/{id}/.resend" | "/deleted/{id}/.restore") => None,
            (_, path) if path.starts_with("/Me/Invitations/") => None,
            (_, "/clients/{id}/.rotate" | "/tokens/{id}/.rotate") => None,
            (_, "/clients" | "/tokens") => Some(json!({ "name": name, "scope": format!("{kind}:write") })),
            (_, "/clients/.admit") => {
                let made = self.parent.api().post("/clients", &json!({ "scope": "users:read" })).await.expect(201);
                Some(json!({ "id": made.id(), "scope": "clients:write" }))
            }
            (_, "/tokens/.revoke") => Some(json!({ "token": "01890a5d-ac96-774b-bcce-b302099a8057" })),
            (_, "/Bulk") => {
                let delete = json!({ "method": "DELETE", "path": "/Users/0" });
                Some(json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [delete] }))
            }
            (_, "/Invitations") => Some(json!({ "userName": invitee })),
            (_, "/Invitations/.invite") => {
                Some(json!({ "schemas": ["urn:usher:scim:schemas:messages:2.0:InviteRequest"], "userNames": [invitee] }))
            }
            (_, "/Invitations/.accept" | "/Invitations/.decline" | "/Invitations/.introspect") => {
                Some(json!({ "code": "A".repeat(64) }))
            }
            (_, path) if path.ends_with("/.search") => {
                Some(json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"] }))
            }
            (_, "/settings") => Some(json!({})),
            (_, "/mail/test") => {
                self.admin.user(&name).await;
                Some(json!({ "userName": name }))
            }
            (_, "/schemas/{urn}") => Some(json!({ "id": ROBOT, "attributes": [{ "name": "displayName" }] })),
            (_, "/resource-types/{name}") => Some(json!({ "name": "Robot", "endpoint": "/Robots", "schema": ROBOT })),
            (_, "/Organizations/{id}/.move") => Some(json!({ "parent": { "value": self.org }, "dryRun": true })),
            ("PATCH", "/Organizations/{id}") => {
                let operations = json!([{ "op": "replace", "path": "name", "value": name }]);
                Some(json!({ "schemas": [crate::server::PATCH_OP], "Operations": operations }))
            }
            ("PUT", "/Organizations/{id}") => {
                let handle = format!("old{}", self.made);
                Some(json!({ "schemas": [ORGANIZATION], "handle": handle, "name": name }))
            }
            (_, "/Organizations") => Some(json!({ "schemas": [ORGANIZATION], "handle": name })),
            ("PATCH", _) => {
                let operations = json!([{ "op": "replace", "path": "displayName", "value": name }]);
                Some(json!({ "schemas": [crate::server::PATCH_OP], "Operations": operations }))
            }
            (_, path) if path.starts_with("/Users") || path == "/Me" => Some(json!({ "schemas": [USER], "userName": name })),
            (_, path) if path.starts_with("/Groups") => Some(json!({ "schemas": [crate::server::GROUP], "displayName": name })),
            (_, path) if path.starts_with("/Robots") => Some(json!({ "schemas": [ROBOT], "displayName": name })),
            (method, path) => panic!("no body for {method} {path}"),
        };
        if path == "/Invitations" || path == "/Invitations/.invite" || path.starts_with("/Invitations/{id}") {
            self.parent.user(&invitee).await;
        }
        let id = match kind {
            "Users" if path.contains("{id}") => self.admin.user(&format!("old{}", self.made)).await,
            "Groups" if path.contains("{id}") => self.admin.group(&format!("old{}", self.made), &[]).await,
            "Robots" if path.contains("{id}") => {
                self.admin.post("/Robots", &json!({ "schemas": [ROBOT], "displayName": "old" })).await.expect(201).id()
            }
            "Organizations" if path.contains("{id}") => {
                let body = json!({ "schemas": [ORGANIZATION], "handle": format!("old{}", self.made) });
                self.admin.post("/Organizations", &body).await.expect(201).id()
            }
            "Me" => "01938d7a-2f5c-7d3e-9a4b-6c1f0e8d7b52".to_owned(),
            // No letter went out, so that none has to wait for it.
            "Invitations" if path.ends_with("/.resend") => {
                let body = json!({ "userNames": [invitee], "sendMail": false });
                let answer = self.admin.post("/Invitations/.invite", &body).await.expect(200).body;
                crate::server::text(&answer["results"][0]["invitation"], "id")
            }
            "Invitations" if path.contains("{id}") => {
                self.admin.post("/Invitations", &json!({ "userName": invitee })).await.expect(201).id()
            }
            "requests" if path.contains("{id}") => {
                self.admin.post("/Users", &json!({})).await.expect(400);
                let until = Instant::now() + Duration::from_secs(30);
                loop {
                    let log = self.admin.api().get("/requests").await.expect(200).body;
                    match log["requests"][0]["id"].as_str() {
                        Some(id) => break id.to_owned(),
                        None => assert!(Instant::now() < until, "no line: {log}"),
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            "clients" | "tokens" if path.contains("{id}") => {
                let body = json!({ "name": name, "scope": format!("{kind}:write") });
                self.admin.api().post(&format!("/{kind}"), &body).await.expect(201).id()
            }
            "audit" if path.contains("{id}") => {
                let log = self.admin.api().get("/audit?limit=1").await.expect(200).body;
                log["entries"][0]["id"].as_str().expect("an entry").to_owned()
            }
            "deleted" if path.contains("{id}") => {
                let id = self.admin.user(&format!("old{}", self.made)).await;
                self.admin.delete(&format!("/Users/{id}")).await.expect(204);
                id
            }
            _ => String::new(),
        };
        let (name, urn) = if API.contains(&kind) { ("Robot", ROBOT) } else { ("User", USER) };
        let path = path.replace("{id}", &id).replace("{name}", name).replace("{urn}", urn);
        let path = if API.contains(&kind) { format!("/../api{path}") } else { path };
        assert!(!path.contains('{'), "a parameter nobody fills: {path}");
        (path, body)
    }

    /// Those whose tokens were good once, and what they are answered: revoked, of a user who left, of an org that is not active, of
    /// one that is gone.
    async fn ended(&self) -> Vec<(&'static str, Persona, u16)> {
        let tree = &self.server.tree;
        let off = json!([{ "op": "replace", "path": "active", "value": false }]);
        let user = self.admin.user("leaver").await;
        let leaver = self.with(Some(tree.token_of("leaver", &self.org, ALL_SCOPES)));
        let made = tree.json(&["token", "create", "--org", &self.org, "--scope", ALL_SCOPES]);
        let revoked = self.with(made["access_token"].as_str().map(str::to_owned));
        let (closed, gone) = (tree.org(&tree.root, "closed"), tree.org(&tree.root, "gone"));
        let (of_closed, of_gone) = (self.server.admin(&closed), self.server.admin(&gone));
        for persona in [&leaver, &revoked, &of_closed, &of_gone] {
            persona.get("/Users").await.expect(200);
        }
        self.admin.patch(&format!("/Users/{user}"), off.clone()).await.expect(200);
        self.admin.api().post("/tokens/.revoke", &json!({ "token": made["jti"] })).await.expect(204);
        self.parent.patch(&format!("/Organizations/{closed}"), off).await.expect(200);
        self.parent.delete(&format!("/Organizations/{gone}")).await.expect(204);
        let ended = [("revoked token", revoked, 401), ("user who left", leaver, 401)];
        ended.into_iter().chain([("closed org", of_closed, 401), ("org that is gone", of_gone, 404)]).collect()
    }

    /// Everything there is in the org, to be compared.
    async fn everything(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for endpoint in [
            "/Users",
            "/Groups",
            "/Invitations",
            "/Organizations",
            "/Robots",
            "/../api/deleted",
            "/../api/clients",
            "/../api/tokens",
        ] {
            let mut list = self.admin.get(&format!("{endpoint}?count=1000")).await.expect(200).body;
            // A letter may be on its way meanwhile; that is the server's own doing.
            for resource in list["Resources"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
                resource.remove("delivery");
                resource.remove("meta");
                resource.remove("lastUsed");
            }
            all.push(list);
        }
        all
    }
}

#[tokio::test]
async fn the_list_is_the_document() {
    let tree = crate::server::Tree::new(&[]);
    let output = tree.run(&["openapi"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("`usher openapi` prints JSON");
    agree(&document, OPERATIONS);
    let stage = Stage::new().await;
    let document = stage.admin.api().get("/openapi.json").await.expect(200).body;
    agree(&document, &[OPERATIONS, OWN].concat());
}

/// Whether the operations of the document are these, and what is beside them.
#[track_caller]
fn agree(document: &Value, operations: &[(&str, &str, Needs, u16)]) {
    let mut in_document = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let operations = operations.as_object().expect("operations").iter();
        for (method, operation) in operations.filter(|(_, operation)| operation.get("operationId").is_some()) {
            let security = operation["security"].as_array().cloned().unwrap_or_default();
            let mut scopes: Vec<String> = Vec::new();
            for scope in security
                .iter()
                .flat_map(|one| one.as_object().into_iter().flatten())
                .filter_map(|(_, s)| s.as_array())
                .flatten()
            {
                scopes.push(scope.as_str().unwrap_or_default().to_owned());
            }
            scopes.dedup();
            let needs = if security.is_empty() { "nothing".to_owned() } else { format!("token {}", scopes.join(" ")) };
            in_document.insert((method.to_uppercase(), path.clone(), needs.trim().to_owned()));
        }
    }
    let listed: BTreeSet<_> = operations
        .iter()
        .map(|&(method, path, needs, _)| {
            let needs = match needs {
                Nothing => "nothing".to_owned(),
                Token | Reading => "token".to_owned(),
                Scope(scope) => format!("token {scope}"),
            };
            (method.to_owned(), path.to_owned(), needs)
        })
        .chain(BESIDE.iter().map(|&(method, path, _)| (method.to_owned(), path.to_owned(), "nothing".to_owned())))
        .collect();
    let missing: Vec<_> = in_document.difference(&listed).collect();
    let surplus: Vec<_> = listed.difference(&in_document).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "not covered here: {missing:?}\nnot in the document: {surplus:?}");
}

/// SEC S-12, S-48, S-51, S-53, X-04, T-03, T-06, T-07, X-01, X-02
#[tokio::test]
async fn nobody_gets_through_but_the_one_who_may() {
    let mut stage = Stage::new().await;
    let ended = stage.ended().await;
    let tree = &stage.server.tree;
    let child = tree.org(&stage.org, "east");
    let sibling = tree.org(&tree.root, "suppliers");
    let other = tree.root("globex");
    let other_child = tree.org(&other, "partners");
    let strangers: Vec<(String, Persona)> = [
        ("parent", &tree.root),
        ("child", &child),
        ("sibling", &sibling),
        ("other tree", &other),
        ("other tree's child", &other_child),
    ]
    .into_iter()
    .map(|(who, org)| (who.to_owned(), stage.with(Some(tree.token(org, ALL_SCOPES)))))
    .collect();
    let unbelieved = [("nobody", stage.with(None)), ("garbage", stage.with(Some("garbage".into())))];
    let single: Vec<(&str, Persona)> =
        ALL_SCOPES.split(' ').map(|scope| (scope, stage.server.persona(&stage.org, scope))).collect();
    let but_one: Vec<(&str, Persona)> = ALL_SCOPES
        .split(' ')
        .map(|scope| {
            let others: Vec<&str> = ALL_SCOPES.split(' ').filter(|other| *other != scope).collect();
            (scope, stage.server.persona(&stage.org, &others.join(" ")))
        })
        .collect();

    for &(method, path, needs, expected) in OPERATIONS.iter().chain(OWN) {
        let (address, body) = stage.request(method, path).await;
        let before = stage.everything().await;
        let http = Method::from_bytes(method.as_bytes()).expect("a method");
        for (who, persona) in &unbelieved {
            let answer = persona.send(http.clone(), &address, body.as_ref()).await;
            let status = if needs == Nothing { expected } else { 401 };
            assert_eq!(answer.status, status, "{method} {path} by {who}: {}", answer.text);
            if needs != Nothing {
                assert!(answer.expect_error(401, None).header("www-authenticate").is_some(), "{method} {path} by {who}");
            }
        }
        for (who, persona, status) in ended.iter().filter(|_| needs != Nothing) {
            let answer = persona.send(http.clone(), &address, body.as_ref()).await;
            assert_eq!(answer.status, *status, "{method} {path} by the {who}: {}", answer.text);
        }
        for (who, persona) in &strangers {
            let answer = persona.send(http.clone(), &address, body.as_ref()).await;
            let status = if needs == Nothing { expected } else { 404 };
            assert_eq!(answer.status, status, "{method} {path} by the {who}: {}", answer.text);
        }
        let may = |scope: &str| match needs {
            Scope(needed) => needed == scope,
            Reading => {
                ["users:read", "groups:read", "invitations:read", "organizations:read", "resources:read"].contains(&scope)
            }
            Token | Nothing => true,
        };
        for (scope, persona) in single.iter().filter(|(scope, _)| !may(scope)) {
            let answer = persona.send(http.clone(), &address, body.as_ref()).await;
            assert_eq!(answer.status, 403, "{method} {path} with {scope} alone: {}", answer.text);
            answer.expect_error(403, None);
        }
        for (scope, persona) in but_one.iter().filter(|(scope, _)| needs == Scope(scope)) {
            let answer = persona.send(http.clone(), &address, body.as_ref()).await;
            assert_eq!(answer.status, 403, "{method} {path} with everything but {scope}: {}", answer.text);
        }
        assert_eq!(stage.everything().await, before, "{method} {path}: somebody who may not left something behind");
        let allowed: Vec<_> = single.iter().filter(|(scope, _)| may(scope)).collect();
        assert!(!allowed.is_empty(), "{method} {path} needs a scope that nobody has");
        for (scope, persona) in allowed {
            let answer = persona.send(http.clone(), &address, body.as_ref()).await;
            assert_eq!(answer.status, expected, "{method} {path} with {scope}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn what_belongs_to_no_org_takes_nothing_on_trust() {
    let server = Server::start();
    for &(method, path, status) in BESIDE {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let form =
            http().request(method, format!("{}{path}", server.url)).header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(answer(form).await.status, status, "{path}");
    }
}

/// S-57, CVE-2026-32130: an encoding of the address is never a way around the token.
#[tokio::test]
async fn an_encoded_address_needs_a_token_just_the_same() {
    let stage = Stage::new().await;
    let user = stage.admin.user("ada").await;
    let nobody = stage.with(None);
    for path in [
        "/%55sers",
        "/Users%2F",
        "/Users%3Fx",
        "//Users",
        "/./Users",
        "/x/../Users",
        "/Users/%2e",
        "/Users;x=1",
        "/USERS",
        "/Users%00",
        "/Users/.search",
        &format!("/%55sers/{user}"),
        &format!("/Users/{user}%2F"),
        &format!("/Users//{user}"),
        &format!("/Users/{user}.scim"),
        &format!("/Users/%2e/{user}"),
    ] {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE, Method::PATCH, Method::PUT] {
            let answer = nobody.send(method.clone(), path, None).await;
            assert!(matches!(answer.status, 400 | 401 | 404 | 405 | 415), "{method} {path}: {} {}", answer.status, answer.text);
        }
    }
    stage.admin.get(&format!("/Users/{user}")).await.expect(200);
}
