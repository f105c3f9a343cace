//! The OpenAPI document: checked in, printed, served and shown are one and the same.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::server::{Server, Tree, answer, http};

fn checked_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/usher.json")
}

fn printed() -> String {
    String::from_utf8(Tree::new(&[]).run(&["openapi"]).stdout).expect("UTF-8")
}

#[test]
fn the_document_in_the_repository_is_what_the_binary_prints() {
    let kept = std::fs::read_to_string(checked_in()).unwrap_or_default();
    let same = kept.trim_end() == printed().trim_end();
    assert!(same, "openapi/usher.json is stale: regenerate it with `cargo run -- openapi > openapi/usher.json`");
}

#[tokio::test]
async fn the_served_document_differs_in_nothing_but_its_addresses() {
    let server = Server::start();
    let served = answer(http().get(format!("{}/openapi.json", server.url))).await.expect(200);
    assert!(served.header("content-type").is_some_and(|kind| kind.starts_with("application/json")), "{served:?}");
    let relative =
        served.text.replace(&format!("{}/t/", server.url), "/t/").replace(&format!("{}/oauth2/", server.url), "/oauth2/");
    let relative: Value = serde_json::from_str(&relative).expect("JSON");
    assert_eq!(relative, serde_json::from_str::<Value>(&printed()).expect("JSON"));
}

/// D-4: the page works without the internet.
#[tokio::test]
async fn the_page_fetches_nothing_from_elsewhere() {
    let server = Server::start();
    let page = answer(http().get(format!("{}/docs", server.url))).await.expect(200);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(!policy.contains("http:") && !policy.contains("https:") && !policy.contains('*'), "{policy}");
    for tag in page.text.split('<').filter(|tag| ["script", "link", "img", "iframe"].iter().any(|name| tag.starts_with(name))) {
        let tag = tag.split('>').next().unwrap_or_default();
        for attribute in ["src=", "href="] {
            let value = tag.split(attribute).nth(1).unwrap_or_default().trim_start_matches(['"', '\'']);
            assert!(!value.starts_with("http") && !value.starts_with("//"), "an asset from elsewhere: <{tag}>");
        }
    }
    assert!(page.text.contains("swagger"), "it is Swagger UI");
}

#[test]
fn every_operation_has_an_id_of_its_own_a_summary_and_its_errors() {
    let document: Value = serde_json::from_str(&printed()).expect("JSON");
    let mut ids = std::collections::BTreeSet::new();
    let operations = document["paths"].as_object().expect("paths").iter();
    for (path, method, operation) in
        operations.flat_map(|(p, all)| all.as_object().expect("operations").iter().map(move |(m, o)| (p, m, o)))
    {
        // A path may have `servers` of its own beside its operations.
        if !operation.is_object() {
            continue;
        }
        let at = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{at}: no operationId"));
        assert!(ids.insert(id.to_owned()), "{at}: a second {id}");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{at}: no summary");
        assert!(operation["tags"].as_array().is_some_and(|tags| !tags.is_empty()), "{at}: no tag");
        let answers = operation["responses"].as_object().expect("responses");
        assert!(answers.keys().any(|status| status.starts_with('2')), "{at}: no good answer");
        if path.starts_with("/oauth2/") || path.starts_with("/.well-known/") {
            // These belong to no org: nobody needs a token to get one.
            continue;
        }
        assert!(answers.keys().any(|status| status.starts_with('4')), "{at}: no error");
        // The code of the link is the credential, unless the org wants the invitee's token as well.
        let secured = operation["security"].as_array().is_some_and(|all| !all.is_empty())
            || ["/Invitations/.accept", "/Invitations/.decline"].contains(&path.as_str());
        assert_eq!(secured, answers.contains_key("401"), "{at}: 401 and a token go together");
    }
    assert!(ids.len() > 20, "{ids:?}");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.0")));
}

/// With `openapi-spec-validator` (PyPI) on the path, or where `USHER_TEST_OPENAPI_VALIDATOR` says.
#[test]
fn a_validator_of_somebody_else_takes_the_document() {
    let named = std::env::var_os("USHER_TEST_OPENAPI_VALIDATOR").map(PathBuf::from).filter(|path| path.exists());
    let validator = named.unwrap_or_else(|| PathBuf::from("openapi-spec-validator"));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("usher.json");
    std::fs::write(&file, printed()).expect("it can be written");
    match Command::new(&validator).arg(&file).output() {
        Ok(output) => {
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{out}{err}");
        }
        Err(error) => eprintln!("skipped: {} does not start ({error}); `make test` installs it", validator.display()),
    }
}
