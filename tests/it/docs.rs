//! What the documentation tells people to type, typed: each `sh` block of a page, against a server.

use std::process::Command;

use serde_json::{Value, json};

use crate::server::{ALL_SCOPES, Server, text};

/// The `sh` blocks of a page of `docs`.
fn blocks(page: &str) -> Vec<String> {
    let path = format!("{}/docs/{page}", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path).expect("a page");
    page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// What a page names beside the names of [`run`].
type More<'a> = &'a dyn Fn(&Server, &str) -> Vec<(&'static str, String)>;

/// Runs the blocks of `page`, of which there are at least so many, each in an org of its own, in which bob is invited and of which ada is
/// a user; every command must succeed.
async fn run(page: &str, least: usize, more: More<'_>) {
    let blocks = blocks(page);
    assert!(blocks.len() >= least, "{page}: {} blocks", blocks.len());
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl");
        return;
    }
    let server = Server::start();
    let root = server.admin(&server.tree.root);
    for name in ["ada", "bob", "eve"] {
        root.user(name).await;
    }
    let bob = server.tree.token_of("bob", &server.tree.root, "users:read");
    for (at, block) in blocks.iter().enumerate() {
        let org = server.tree.org(&server.tree.root, &format!("child-{at}"));
        let admin = server.admin(&org);
        let invited = admin.post("/Invitations/.invite", &json!({ "userNames": ["bob"], "sendMail": false })).await.expect(200);
        let invitation = &invited.body["results"][0]["invitation"];
        let values = [
            ("ROOT", "acme".to_owned()),
            ("ORG", org.clone()),
            ("CHILD", server.tree.org(&org, &format!("below-{at}"))),
            ("OTHER", server.tree.org(&org, &format!("beside-{at}"))),
            ("BASE", admin.base.clone()),
            ("API", admin.api().base),
            ("PARENT", root.base.clone()),
            ("TOKEN", server.tree.token(&org, ALL_SCOPES)),
            ("USER_TOKEN", bob.clone()),
            ("USER_ID", admin.user("ada").await),
            ("GROUP", admin.group("Crew", &[]).await),
            ("ID", text(invitation, "id")),
            ("CODE", text(invitation, "code")),
        ];
        shell(&server, block, values.into_iter().chain(more(&server, &org)));
    }
}

/// What `block` tells; every command must succeed.
fn shell(server: &Server, block: &str, values: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let prelude = "set -eu -o pipefail\n\
        curl() { command curl --silent --show-error --fail-with-body \"$@\"; echo; }\n\
        usher() { command \"$USHER\" \"$@\" --data \"$DATA\"; }\n";
    let mut command = Command::new("bash");
    command.current_dir(server.tree.dir()).arg("-c").arg(format!("{prelude}{block}"));
    command.env("USHER", env!("CARGO_BIN_EXE_usher")).env("DATA", server.tree.data()).env("URL", &server.url);
    let output = command.envs(values).output().expect("bash starts");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{block}\n{told}\n{errors}");
    told.into_owned()
}

#[tokio::test]
async fn the_pages_do_what_they_say() {
    for (page, least) in [("invitations.md", 6), ("organizations.md", 6), ("rights.md", 1), ("mail.md", 3), ("audit.md", 2)] {
        run(page, least, &|_, _| Vec::new()).await;
    }
}

#[tokio::test]
async fn the_page_on_schemas_does_what_it_says_in_the_root_organization() {
    run("schemas.md", 1, &|server, _| {
        let root = &server.tree.root;
        vec![("API", server.admin(root).api().base), ("TOKEN", server.tree.token(root, ALL_SCOPES))]
    })
    .await;
}

#[tokio::test]
async fn the_page_on_compatibility_does_what_it_says_at_both_addresses() {
    let guests = |address: String| vec![("GUESTS", format!("{address}/api/server/v1/guests"))];
    run("compatibility.md", 2, &|server, org| guests(format!("{}/t/acme/o/{org}", server.url))).await;
    run("compatibility.md", 2, &|server, _| guests(format!("{}/t/acme/o", server.url))).await;
}

/// Each block with a client of its own in acme, and bob, who is a guest of the child.
#[tokio::test]
async fn the_page_on_tokens_does_what_it_says() {
    let blocks = blocks("tokens.md");
    assert!(blocks.len() >= 7, "{} blocks", blocks.len());
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl");
        return;
    }
    let server = Server::start();
    let root = server.tree.root.clone();
    let child = server.tree.org(&root, "partners");
    let (above, below) = (server.admin(&root), server.admin(&child));
    above.user("bob").await;
    let invited = below.post("/Invitations/.invite", &json!({ "userNames": ["bob"], "sendMail": false })).await.expect(200);
    let accept = json!({ "code": invited.body["results"][0]["invitation"]["code"] });
    below.post("/Invitations/.accept", &accept).await.expect(200);
    let guest = below.get("/Users").await.expect(200).body["Resources"][0]["id"].clone();
    let access = "urn:usher:scim:schemas:extension:access:2.0:Group";
    let group = json!({ "displayName": "Readers", "members": [{ "value": guest }], access: { "scopes": ["users:read"] } });
    below.post("/Groups", &group).await.expect(201);
    let bob = server.tree.token_of("bob", &root, "users:read groups:read");
    let mut told = Vec::new();
    for block in &blocks {
        let made = json!({ "name": "docs", "scope": "users:read" });
        let client = above.api().post("/clients", &made).await.expect(201).body;
        let listed = above.api().post("/tokens", &made).await.expect(201).body;
        let values = [
            ("API", above.api().base),
            ("TOKEN", server.tree.token(&root, ALL_SCOPES)),
            ("CLIENT_ID", text(&client, "id")),
            ("CLIENT_SECRET", text(&client, "secret")),
            ("TOKEN_ID", text(&listed, "id")),
            ("SUBJECT_TOKEN", bob.clone()),
            ("CHILD", child.clone()),
            ("CHILD_API", below.api().base),
            ("CHILD_TOKEN", server.tree.token(&child, ALL_SCOPES)),
        ];
        told.push(shell(&server, block, values));
    }
    let switched = told.iter().find(|told| told.contains("issued_token_type")).expect("an exchange");
    let token: Value = serde_json::from_str(switched).expect("JSON");
    assert_eq!(token["scope"], "users:read");
    let there = server.stranger("acme", &child, Some(text(&token, "access_token")));
    assert_eq!(there.get("/Me").await.expect(200).body["id"], guest, "bob, as whom he is there");
    assert!(told.iter().any(|told| told.contains("\"totalResults\":1") && told.contains(&child)), "where bob may go");
}
