//! Clients of other people against a live server: a SCIM checker, an API fuzzer, SDKs generated from `openapi/usher.json`.
//!
//! `make clients` installs them into the directory that `USHER_TEST_TOOLS` names and runs these tests, which plain
//! `cargo test` ignores and says so. What is generated and built lies under `target/clients`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::server::{ALL_SCOPES, Server};

/// A root and a child org, served, with tokens that may do everything.
struct Stage {
    server: Server,
    child: String,
    parent_token: String,
    child_token: String,
}

impl Stage {
    fn new() -> Stage {
        let server = Server::start();
        let root = server.tree.root.clone();
        let child = server.tree.org(&root, "partners");
        let (parent_token, child_token) = (server.tree.token(&root, ALL_SCOPES), server.tree.token(&child, ALL_SCOPES));
        Stage { server, child, parent_token, child_token }
    }

    fn base(&self, org: &str) -> String {
        format!("{}/t/acme/o/{org}/scim2", self.server.url)
    }

    /// Runs the story that `tests/clients` tells in three languages, and looks whether it happened here.
    async fn hears(&self, mut program: Command, name: &str) {
        program.env("PARENT_URL", self.base(&self.server.tree.root)).env("PARENT_TOKEN", &self.parent_token);
        succeeds(program.env("CHILD_URL", self.base(&self.child)).env("CHILD_TOKEN", &self.child_token));
        let child = self.server.admin(&self.child);
        let invitations = child.find("/Invitations", &format!(r#"userName eq "{name}""#)).await.expect(200);
        let (email, status) = (&invitations.body["Resources"][0]["email"], &invitations.body["Resources"][0]["status"]);
        assert_eq!((email, status), (&json!(format!("{name}@acme.test")), &json!("pending")));
    }
}

/// A file of this repository.
fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn tool(path: &str) -> Command {
    let tools = std::env::var_os("USHER_TEST_TOOLS").expect("USHER_TEST_TOOLS names the directory that `make clients` filled");
    let program = Path::new(&tools).join(path);
    assert!(program.exists(), "{} is not there; `make clients` installs it", program.display());
    Command::new(program)
}

fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (program, errors) = (command.get_program(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program:?}: {}\n{said}\n{errors}", output.status);
    said
}

/// The SDK of this `generator`, made anew.
fn sdk(generator: &str, dir: &Path, properties: &str) {
    let _ = std::fs::remove_dir_all(dir);
    let mut generate = tool("venv/bin/openapi-generator-cli");
    generate.arg("generate").args(["-g", generator, "-i"]).arg(here("openapi/usher.json")).arg("-o").arg(dir);
    generate.args(["--global-property", "apiDocs=false,modelDocs=false,apiTests=false,modelTests=false"]);
    succeeds(generate.args(["--additional-properties", properties]));
}

#[tokio::test]
#[ignore = "`make clients` installs what it needs and runs it"]
async fn a_generated_python_client_works() {
    let sdk_dir = here("target/clients/python/sdk");
    sdk("python", &sdk_dir, "packageName=usher_sdk");
    let mut program = tool("venv/bin/python");
    program.arg(here("tests/clients/python/story.py")).env("PYTHONPATH", sdk_dir);
    Stage::new().hears(program, "python").await;
}

#[tokio::test]
#[ignore = "`make clients` installs what it needs and runs it"]
async fn a_generated_typescript_client_compiles_and_works() {
    let dir = here("target/clients/typescript");
    sdk("typescript-fetch", &dir.join("sdk"), "supportsES6=true");
    for file in ["story.ts", "tsconfig.json"] {
        std::fs::copy(here("tests/clients/typescript").join(file), dir.join(file)).expect("it can be copied");
    }
    succeeds(tool("node_modules/.bin/tsc").arg("--project").arg(&dir));
    let mut program = Command::new("node");
    program.arg(dir.join("built/story.js"));
    Stage::new().hears(program, "typescript").await;
}

#[tokio::test]
#[ignore = "`make clients` installs what it needs and runs it"]
async fn a_generated_rust_client_compiles_and_works() {
    let dir = here("target/clients/rust");
    // A version of its own, so that the lock file of the story holds for every version of the document.
    sdk("rust", &dir.join("sdk"), "packageName=usher-sdk,packageVersion=0.0.0");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "--manifest-path"]).arg(here("tests/clients/rust/Cargo.toml"));
    succeeds(build.env("CARGO_TARGET_DIR", dir.join("built")));
    Stage::new().hears(Command::new(dir.join("built/debug/usher-sdk-story")), "rust").await;
}

#[test]
#[ignore = "`make clients` installs what it needs and runs it"]
fn a_checker_of_scim_servers_finds_no_fault() {
    let stage = Stage::new();
    let mut tester = tool("venv/bin/python");
    tester.arg(here("tests/clients/checker.py"));
    succeeds(tester.env("URL", stage.base(&stage.server.tree.root)).env("TOKEN", &stage.parent_token));
}

/// No 5xx, no status, content type, header or body that the document does not have, no operation without its token.
///
/// Two of its checks are left out. One wants every body of the right shape accepted, but a schema cannot say that a member
/// must exist; the other wants every other body refused, but null is the same as absent (RFC 7643 §2.5) and more is
/// forgiven.
#[test]
#[ignore = "`make clients` installs what it needs and runs it"]
fn a_fuzzer_that_reads_the_document_finds_no_contradiction() {
    let stage = Stage::new();
    // It does not know that a path can have `servers` of its own: one run for each of them, in the child, for there invitations
    // can be made.
    let document = std::fs::read_to_string(here("openapi/usher.json")).expect("the document");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let mut paths_at = BTreeMap::<&str, Vec<&str>>::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let own = operations["servers"][0]["url"].as_str().or(document["servers"][0]["url"].as_str()).expect("a server");
        paths_at.entry(own).or_default().push(path);
    }
    assert!(paths_at.len() > 1, "{paths_at:?}");
    for (address, paths) in paths_at {
        let seconds = if paths.len() > 10 { "90" } else { "15" };
        let address = address.replace("{root}", "acme").replace("{org}", &stage.child);
        let mut fuzzer = tool("venv/bin/schemathesis");
        fuzzer.arg("run").arg(here("openapi/usher.json")).args(["--url", &format!("{}{address}", stage.server.url)]);
        fuzzer.args(paths.iter().flat_map(|path| ["--include-path", *path]));
        fuzzer.args(["--header", &format!("Authorization: Bearer {}", stage.child_token)]);
        fuzzer.args(["--seed", "1", "--max-examples", "20", "--max-time", seconds, "--continue-on-failure"]);
        fuzzer.args(["--exclude-checks", "positive_data_acceptance,negative_data_rejection"]);
        fuzzer.args(["--generation-database", "none", "--warnings", "off", "--no-color"]);
        succeeds(fuzzer.current_dir(stage.server.tree.dir()));
    }
}
