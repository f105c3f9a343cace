//! What the documentation tells people to type, typed: each `sh` block of a page, against a server.

use std::process::Command;

use serde_json::json;

use crate::server::{ALL_SCOPES, Server, text};

/// The `sh` blocks of a page of `docs`.
fn blocks(page: &str) -> Vec<String> {
    let path = format!("{}/docs/{page}", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path).expect("a page");
    page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// Runs `blocks`, each in an org of its own, in which bob is invited; every call must succeed.
async fn run(blocks: &[String], guests: &dyn Fn(&Server, &str) -> String) {
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
        let prelude = "set -eu\ncurl() { command curl --silent --show-error --fail-with-body \"$@\"; echo; }\n";
        let mut command = Command::new("bash");
        command.arg("-c").arg(format!("{prelude}{block}"));
        let group = admin.group("Crew", &[]).await;
        for (name, value) in [
            ("BASE", admin.base.clone()),
            ("API", admin.api().base),
            ("PARENT", root.base.clone()),
            ("GUESTS", guests(&server, &org)),
            ("TOKEN", server.tree.token(&org, ALL_SCOPES)),
            ("USER_TOKEN", bob.clone()),
            ("GROUP", group),
            ("ID", text(invitation, "id")),
            ("CODE", text(invitation, "code")),
        ] {
            command.env(name, value);
        }
        let output = command.output().expect("bash starts");
        let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{block}\n{told}\n{errors}");
    }
}

#[tokio::test]
async fn the_page_on_invitations_does_what_it_says() {
    let blocks = blocks("invitations.md");
    assert!(blocks.len() >= 6, "{} blocks", blocks.len());
    run(&blocks, &|_, _| String::new()).await;
}

#[tokio::test]
async fn the_page_on_compatibility_does_what_it_says_at_both_addresses() {
    let blocks = blocks("compatibility.md");
    assert!(blocks.len() >= 2, "{} blocks", blocks.len());
    run(&blocks, &|server, org| format!("{}/t/acme/o/{org}/api/server/v1/guests", server.url)).await;
    run(&blocks, &|server, _| format!("{}/t/acme/o/api/server/v1/guests", server.url)).await;
}
