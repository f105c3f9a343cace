//! The command line, as an operator and their scripts meet it.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::server::{Server, Tree, USER, answer, http, text};

fn shown(output: &Output) -> (String, String) {
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[track_caller]
fn refused(output: &Output, code: i32, words: &[&str]) {
    let (out, err) = shown(output);
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    assert_eq!(out, "", "what went wrong is said on stderr");
    for word in words {
        assert!(err.to_lowercase().contains(&word.to_lowercase()), "no {word:?} in: {err}");
    }
    assert!(!err.contains("panicked"), "{err}");
}

fn is_id(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.len() == 36 && text.chars().filter(|&c| c == '-').count() == 4
}

#[test]
fn every_command_explains_itself() {
    let tree = Tree::new(&[]);
    let commands: [&[&str]; 23] = [
        &[],
        &["quickstart"],
        &["init"],
        &["serve"],
        &["org"],
        &["org", "create"],
        &["org", "list"],
        &["org", "move"],
        &["org", "delete"],
        &["client"],
        &["client", "create"],
        &["client", "list"],
        &["client", "rotate"],
        &["client", "delete"],
        &["token"],
        &["token", "create"],
        &["token", "list"],
        &["token", "rotate"],
        &["token", "revoke"],
        &["mail", "preview"],
        &["mail", "test"],
        &["migrate"],
        &["openapi"],
    ];
    for command in commands {
        let output = Command::new(env!("CARGO_BIN_EXE_usher")).args(command).arg("--help").output().expect("it starts");
        let (out, err) = shown(&output);
        assert_eq!((output.status.code(), err.as_str()), (Some(0), ""), "{command:?}");
        assert!(out.contains("Usage: usher") && out.contains("--data") && out.contains("--json"), "{command:?}: {out}");
    }
    let top = shown(&Command::new(env!("CARGO_BIN_EXE_usher")).arg("--help").output().expect("it starts")).0;
    for command in ["quickstart", "init", "serve", "org", "client", "token", "mail", "migrate", "openapi"] {
        assert!(top.contains(command), "{command} is not in the help");
    }
    let version = tree.command(&["--version"]).output().expect("it starts");
    assert!(shown(&version).0.starts_with("usher 0."), "{:?}", shown(&version));
}

#[test]
fn arguments_that_make_no_sense_are_2_and_what_is_refused_is_1() {
    let tree = Tree::new(&[]);
    refused(&tree.run(&["dance"]), 2, &["dance"]);
    refused(&tree.run(&[]), 2, &["Usage"]);
    refused(&tree.run(&["init"]), 2, &["--root"]);
    refused(&tree.run(&["org", "create", "--parent", "x", "--handle", "y"]), 2, &["--parent", "x"]);
    refused(&tree.run(&["serve", "--listen", "here"]), 2, &["--listen"]);
    refused(&tree.run(&["token", "create", "--org", &tree.root, "--expires", "soon"]), 2, &["--expires"]);
    let unknown = "019aa000-0000-7000-8000-00000000beef";
    refused(&tree.run(&["init", "--root", "again"]), 1, &["already"]);
    refused(&tree.run(&["org", "create", "--parent", unknown, "--handle", "x"]), 1, &[unknown]);
    refused(&tree.run(&["client", "create", "--org", unknown, "--scope", "users:read"]), 1, &[unknown]);
    refused(&tree.run(&["client", "create", "--org", &tree.root, "--scope", "users:rule"]), 1, &["users:rule"]);
    refused(&tree.run(&["token", "create", "--org", unknown]), 1, &[unknown]);
    refused(&tree.run(&["token", "create", "--org", &tree.root, "--user", "nobody"]), 1, &["nobody"]);
    refused(&tree.run(&["token", "create", "--org", &tree.root, "--scope", "everything"]), 1, &["everything"]);
    tree.org(&tree.root, "partners");
    refused(&tree.run(&["org", "create", "--parent", &tree.root, "--handle", "partners"]), 1, &["partners"]);
    refused(&tree.run(&["org", "create", "--parent", &tree.root, "--handle", "no/slash"]), 1, &["no/slash"]);
    refused(&tree.run(&["org", "create", "--handle", "acme"]), 1, &["acme"]);

    // Without a data directory.
    let empty = tempfile::tempdir().expect("a temporary directory");
    for command in [&["serve"][..], &["org", "list"], &["migrate"], &["token", "create", "--org", unknown]] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_usher")).current_dir(empty.path()).args(command).output().expect("it starts");
        refused(&output, 1, &["usher-data", "usher init"]);
    }
    assert_eq!(std::fs::read_dir(empty.path()).expect("it is there").count(), 0, "a refused command makes nothing");
}

#[test]
fn json_is_one_value_of_a_known_shape_and_text_is_for_people() {
    let tree = Tree::new(&[]);
    assert!(is_id(&json!(tree.root)));
    let child = tree.json(&["org", "create", "--parent", &tree.root, "--handle", "partners", "--name", "ACME Partners"]);
    assert!(is_id(&child["org"]) && child.as_object().map(serde_json::Map::len) == Some(1), "{child}");
    let list = tree.json(&["org", "list"]);
    let all = list.as_array().expect("an array");
    assert_eq!(all.len(), 2);
    assert_eq!((&all[0]["handle"], &all[0]["parent"], &all[0]["root"]), (&json!("acme"), &Value::Null, &json!("acme")));
    assert_eq!(
        (&all[1]["handle"], &all[1]["parent"], &all[1]["name"]),
        (&json!("partners"), &json!(tree.root), &json!("ACME Partners"))
    );
    let client = tree.json(&["client", "create", "--org", &tree.root, "--scope", "users:read users:write"]);
    assert!(is_id(&client["client_id"]) && text(&client, "client_secret").len() >= 32, "{client}");
    let token = tree.json(&["token", "create", "--org", &tree.root, "--scope", "users:read", "--expires", "2h"]);
    assert_eq!(text(&token, "access_token").split('.').count(), 3);
    assert_eq!((&token["expires_in"], &token["scope"]), (&json!(7200), &json!("users:read")));
    assert!(tree.json(&["migrate"]).is_object());

    let (plain, _) = shown(&tree.run(&["token", "create", "--org", &tree.root]));
    assert_eq!(plain.trim_end().split('.').count(), 3, "bare, for TOKEN=$(…)");
    assert!(!plain.trim_end().contains(char::is_whitespace));
    let (plain, _) = shown(&tree.run(&["org", "create", "--parent", &tree.root, "--handle", "suppliers"]));
    assert!(is_id(&json!(plain.trim_end())), "{plain}");
    let (plain, _) = shown(&tree.run(&["org", "list"]));
    let lines: Vec<&str> = plain.lines().collect();
    assert!(lines.len() == 3 && lines[0].contains("  acme (") && lines[1].contains("    partners (ACME Partners)"), "{plain}");
}

/// S-76
#[test]
fn keys_and_database_are_for_the_owner_alone() {
    let tree = Tree::new(&[]);
    let mut found = 0;
    for entry in std::fs::read_dir(tree.data()).expect("it is there") {
        let entry = entry.expect("it can be read");
        let mode = entry.metadata().expect("it can be read").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} is {mode:o}", entry.file_name());
        found += 1;
    }
    assert!(found >= 3, "database and two keys");
    let mode = std::fs::metadata(tree.data()).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o077, 0, "the directory is {mode:o}");
    let key = tree.data().join("invitation.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("it is ours");
    refused(&tree.run(&["serve", "--listen", "127.0.0.1:0"]), 1, &["invitation.key"]);
}

#[test]
fn a_key_of_the_configuration_that_is_unknown_is_named() {
    let tree = Tree::new(&[]);
    let file = tree.dir().join("odd.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\npublick_url = \"https://id.acme.test\"\n").expect("it can be written");
    let file = file.to_string_lossy().into_owned();
    refused(&tree.run(&["serve", "--config", &file]), 1, &["publick_url", "odd.toml"]);
    std::fs::write(tree.data().join("usher.toml"), "[mail]\nhots = \"x\"\n").expect("it can be written");
    refused(&tree.run(&["serve", "--listen", "127.0.0.1:0"]), 1, &["hots", "mail"]);
    std::fs::remove_file(tree.data().join("usher.toml")).expect("it is there");
    for (name, value, words) in [
        ("USHER_MAIL__HOTS", "x", &["hots"][..]),
        ("USHER_LISTNE", "x", &["listne"]),
        ("USHER_LISTEN", "nowhere", &["listen"]),
        ("USHER_MAIL__TLS", "maybe", &["tls"]),
    ] {
        let output = tree.command(&["serve"]).env(name, value).output().expect("it starts");
        refused(&output, 1, words);
    }
    refused(&tree.run(&["serve", "--config", "/nowhere/usher.toml"]), 1, &["/nowhere/usher.toml"]);
}

/// SEC S-01, S-66, X-05
#[test]
fn plain_http_beyond_loopback_is_refused_unless_a_proxy_speaks_tls() {
    let tree = Tree::new(&[]);
    refused(&tree.run(&["serve", "--listen", "0.0.0.0:0"]), 1, &["tls_proxy"]);
}

#[tokio::test]
async fn every_command_works_while_the_server_runs_and_a_second_server_does_not() {
    let server = Server::start();
    let tree = &server.tree;
    let root = server.admin(&tree.root);
    let child = tree.org(&tree.root, "partners");
    server.admin(&child).user("carl").await;
    root.user("ada").await;
    let own = tree.json(&["token", "create", "--org", &tree.root, "--user", "ada", "--scope", "users:read"]);
    let ada = server.stranger("acme", &tree.root, Some(text(&own, "access_token")));
    ada.get("/Users").await.expect(200);
    assert_eq!(tree.json(&["org", "list"]).as_array().map(Vec::len), Some(2));
    tree.json(&["migrate"]);
    assert!(tree.run(&["openapi"]).status.success());
    refused(&tree.run(&["serve", "--listen", "127.0.0.1:0"]), 1, &["another server", "usher.db"]);
    let taken = server.url.trim_start_matches("http://").to_owned();
    refused(&tree.run(&["serve", "--listen", &taken]), 1, &[&taken]);
    root.get("/Users").await.expect(200);

    // SEC S-27: a person's token ends with the person.
    let found = root.find("/Users", r#"userName eq "ada""#).await.expect(200).all("id").remove(0);
    root.delete(&format!("/Users/{found}")).await.expect(204);
    ada.get("/Users").await.expect_error(401, None);
}

#[tokio::test]
async fn what_was_written_is_there_after_a_kill_and_a_term_ends_in_order() {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    let id = admin.user("ada").await;
    let base = admin.base.clone();
    let tree = server.kill();
    let again = tree.serve();
    let admin = again.admin(&again.tree.root);
    assert_ne!(admin.base, base, "another port");
    let found = admin.get(&format!("/Users/{id}")).await.expect(200);
    assert_eq!(found.body["meta"]["location"], format!("{}/Users/{id}", admin.base), "H-08: from the present URL");
    let (code, tree) = again.terminate();
    assert_eq!(code, Some(0));
    let third = tree.serve();
    third.admin(&third.tree.root).get(&format!("/Users/{id}")).await.expect(200);
}

#[tokio::test]
async fn health_is_told_without_a_token_and_the_documents_can_be_hidden() {
    let server = Tree::new(&[("USHER_DOCS", "false")]).serve();
    for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/docs", 404), ("/openapi.json", 404)] {
        assert_eq!(answer(http().get(format!("{}{path}", server.url))).await.status, status, "{path}");
    }
    let shown = Tree::new(&[]).serve();
    for path in ["/docs", "/openapi.json"] {
        answer(http().get(format!("{}{path}", shown.url))).await.expect(200);
    }
}

#[tokio::test]
async fn links_and_locations_come_from_the_configured_url_whatever_the_host_header_says() {
    let server = Tree::new(&[("USHER_PUBLIC_URL", "https://id.acme.test")]).serve();
    let admin = server.admin(&server.tree.root);
    let request =
        admin.request(reqwest::Method::POST, "/Users").header("host", "evil.test").header("x-forwarded-host", "evil.test");
    let body = json!({ "schemas": [USER], "userName": "ada" }).to_string();
    let made = answer(request.header("content-type", "application/json").body(body)).await.expect(201);
    let home = format!("https://id.acme.test/t/acme/o/{}/scim2/Users/{}", server.tree.root, made.id());
    assert_eq!(made.body["meta"]["location"], home);
    assert_eq!(made.header("location"), Some(home.as_str()));
    assert!(!made.text.contains("evil.test"));
}

/// S-75, S-78, X-08, F-32: nothing of this may be in a log, nor may a stranger's bytes break its lines.
#[tokio::test]
async fn the_log_holds_no_token_no_address_no_query_and_every_line_is_json() {
    let server = Tree::new(&[("USHER_LOG", "trace")]).serve();
    let admin = server.admin(&server.tree.root);
    let token = server.tree.token(&server.tree.root, "users:read");
    admin.user("canary-name").await;
    admin.find("/Users", r#"emails.value eq "canary-name@mail.test""#).await.expect(200);
    server.stranger("acme", &server.tree.root, Some(token.clone())).get("/Users?x=canary-query").await.expect(200);
    server.stranger("acme", &server.tree.root, Some("canary-token".into())).get("/Users").await.expect(401);
    admin.get("/Users/%1b%5b31m%0d%0aforged").await.expect(404);
    let log = server.log();
    assert!(!log.is_empty(), "nothing was logged at all");
    for word in ["canary-", token.as_str(), &token[token.len() - 20..]] {
        let line = log.lines().find(|line| line.contains(word)).unwrap_or_default();
        assert_eq!(line, "", "{word} is in the log");
    }
    for line in log.lines() {
        let parsed: Result<Value, _> = serde_json::from_str(line);
        assert!(parsed.is_ok_and(|value| value.is_object()), "no JSON: {line}");
        assert!(!line.contains('\u{1b}'), "{line}");
    }
}

/// The first page of the README: one command, and what it prints works.
#[tokio::test]
async fn a_second_quickstart_finds_everything_as_it_was() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut users = Vec::new();
    let mut hellos = Vec::new();
    for _ in 0..2 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_usher"))
            .args(["quickstart", "--listen", "127.0.0.1:0", "--json"])
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("a line");
        let hello: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let base = format!("{}/t/acme/o/{}/scim2", text(&hello, "listening"), text(&hello["root"], "org"));
        let request = http().get(format!("{base}/Users?sortBy=userName")).bearer_auth(text(&hello, "rootToken"));
        let list = answer(request).await.expect(200);
        users.push(list.body["Resources"].as_array().expect("users").iter().map(|user| text(user, "id")).collect::<Vec<_>>());
        let request = http().get(format!("{base}/Groups?filter=members.value+eq+%22{}%22", list.all("id")[1]));
        let groups = answer(request.bearer_auth(text(&hello, "rootToken"))).await.expect(200);
        assert_eq!((groups.all("displayName"), list.all("userName")[1].as_str()), (vec!["Administrators".to_owned()], "admin"));
        let gives = &groups.body["Resources"][0]["urn:usher:scim:schemas:extension:access:2.0:Group"]["scopes"];
        assert_eq!(gives.as_array().map(Vec::len), Some(crate::server::ALL_SCOPES.split_whitespace().count()), "{gives}");
        let child_base = format!("{}/t/acme/o/{}/scim2", text(&hello, "listening"), text(&hello["child"], "org"));
        let invite = json!({
            "schemas": ["urn:usher:scim:schemas:messages:2.0:InviteRequest"], "userNames": ["ada"],
            "groups": [{ "value": hello["group"] }], "dryRun": true,
        });
        let request = http().post(format!("{child_base}/Invitations/.invite")).bearer_auth(text(&hello, "childToken"));
        let tried = answer(request.header("content-type", "application/scim+json").body(invite.to_string())).await.expect(200);
        assert_eq!(tried.body["failed"], 0, "{}", tried.text);
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        hellos.push(hello);
    }
    assert!(users[0].len() >= 5);
    assert_eq!(users[0], users[1]);
    for name in ["root", "child", "group", "userName", "password"] {
        assert_eq!(hellos[0][name], hellos[1][name], "{name}");
    }
}

/// T-08
#[test]
fn organizations_are_set_moved_and_deleted_with_a_preview() {
    let tree = Tree::new(&[]);
    let (partners, suppliers) = (tree.org(&tree.root, "partners"), tree.org(&tree.root, "suppliers"));
    let east = tree.org(&partners, "east");
    let parent_of = |org: &str| {
        let list = tree.json(&["org", "list"]);
        let found = list.as_array().expect("orgs").iter().find(|one| one["id"] == org).cloned();
        found.map(|org| (text(&org, "parent"), text(&org, "name"), org["active"] == true))
    };
    let set = ["org", "set", "--org", &east, "--name", "East", "--active", "false", "--setting", "invitations.lifetime=3600"];
    assert_eq!(tree.json(&set)["effective"]["invitations"]["lifetime"], 3600);
    assert_eq!(parent_of(&east), Some((partners.clone(), "East".to_owned(), false)));
    let inherit = tree.json(&["org", "set", "--org", &east, "--active", "true", "--setting", "invitations.lifetime=inherit"]);
    assert_eq!(inherit["effective"].get("invitations"), None);
    for wrong in ["nope", "invitations.nope=1", "invitations.lifetime=soon", "profile.x=1"] {
        refused(
            &tree.run(&["org", "set", "--org", &east, "--profile", "strict", "--setting", wrong]),
            1,
            &[wrong.split('=').next().expect("a word")],
        );
    }
    let shift = ["org", "move", "--org", &east, "--parent", &suppliers];
    assert_eq!(tree.json(&[&shift[..], &["--dry-run"]].concat()), json!({ "guests": 0, "invitations": 0, "clients": 0 }));
    assert_eq!(parent_of(&east).map(|(parent, ..)| parent), Some(partners.clone()), "nothing was done");
    tree.json(&shift);
    assert_eq!(parent_of(&east), Some((suppliers.clone(), "East".to_owned(), true)));
    refused(&tree.run(&["org", "move", "--org", &suppliers, "--parent", &east]), 1, &["below itself"]);
    refused(&tree.run(&["org", "move", "--org", &tree.root, "--parent", &east]), 1, &["below itself"]);

    refused(&tree.run(&["org", "delete", "--org", &suppliers]), 1, &["organizations below it: 1"]);
    let preview = tree.json(&["org", "delete", "--org", &suppliers, "--recursive", "--dry-run"]);
    assert_eq!((&preview["organizations"], &preview["users"]), (&json!(1), &json!(0)));
    tree.json(&["org", "delete", "--org", &suppliers, "--recursive"]);
    refused(&tree.run(&["org", "delete", "--org", &suppliers]), 1, &[&suppliers]);
    assert_eq!(tree.json(&["org", "list"]).as_array().map(Vec::len), Some(2));
    tree.json(&["org", "delete", "--org", &tree.root, "--recursive"]);
    assert_eq!(tree.json(&["org", "list"]), json!([]));
}
