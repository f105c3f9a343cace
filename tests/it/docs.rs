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
        let prelude = "set -eu -o pipefail\n\
            curl() { command curl --silent --show-error --fail-with-body \"$@\"; echo; }\n\
            usher() { command \"$USHER\" \"$@\" --data \"$DATA\"; }\n";
        let mut command = Command::new("bash");
        command.current_dir(server.tree.dir()).arg("-c").arg(format!("{prelude}{block}"));
        for (name, value) in [
            ("USHER", env!("CARGO_BIN_EXE_usher").to_owned()),
            ("DATA", server.tree.data().display().to_string()),
            ("URL", server.url.clone()),
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
        ]
        .into_iter()
        .chain(more(&server, &org))
        {
            command.env(name, value);
        }
        let output = command.output().expect("bash starts");
        let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{page}:\n{block}\n{told}\n{errors}");
    }
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
