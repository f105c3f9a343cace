//! Recorded conversations of identity providers, replayed over HTTP against a server of their own.
//!
//! `tests/data/idp/*/*.json` hold the steps: a request, what of the answer matters, and what to keep for later steps as
//! `{{name}}`. An object in `expect.body` names only the members that matter; an array is compared element by element, and its
//! length counts. `"$any"` stands for any value, `"$absent"` for a member or header that is not there.

use std::{collections::BTreeMap, collections::BTreeSet, path::Path};

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::server::{Server, answer, encode};

macro_rules! conversations {
    ($($name:ident: $file:literal;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                replay($file).await;
            }
        )*
        const FILES: &[&str] = &[$($file),*];
    };
}

conversations! {
    authentik_sync: "authentik/sync.json";
    entra_connection_test: "entra/connection_test.json";
    entra_deprovision: "entra/deprovision.json";
    entra_group: "entra/group.json";
    entra_manager: "entra/manager.json";
    entra_patch_capital: "entra/patch_capital.json";
    entra_patch_pathless: "entra/patch_pathless.json";
    entra_patch_values: "entra/patch_values.json";
    entra_provision_user: "entra/provision_user.json";
    google_provision: "google/provision.json";
    jumpcloud_activation: "jumpcloud/activation.json";
    keycloak_groups: "keycloak/groups.json";
    okta_connection_test: "okta/connection_test.json";
    okta_create_user: "okta/create_user.json";
    okta_deactivate: "okta/deactivate.json";
    okta_group_push: "okta/group_push.json";
    okta_import: "okta/import.json";
    okta_update_by_put: "okta/update_by_put.json";
    onelogin_provision: "onelogin/provision.json";
    ping_provision: "ping/provision.json";
    rippling_provision: "rippling/provision.json";
    sailpoint_aggregate: "sailpoint/aggregate.json";
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    name: String,
    #[serde(default, rename = "rows")]
    _rows: Vec<String>,
    request: Request,
    expect: Expect,
    #[serde(default)]
    save: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: String,
    /// Below the SCIM root. `{{…}}` is replaced; what stands between `<` and `>` is then percent-encoded.
    path: String,
    /// A header `authorization` stands in the place of the token; an empty one sends none.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
}

async fn replay(file: &str) {
    let server = Server::start();
    let persona = server.admin(&server.tree.root);
    let nobody = server.stranger("acme", &server.tree.root, None);
    let mut names = BTreeMap::from([("base".to_owned(), persona.base.clone())]);
    for step in steps(file) {
        let at = format!("{file}: {}", step.name);
        let method = Method::from_bytes(step.request.method.as_bytes()).expect("a method");
        let speaker = if step.request.headers.contains_key("authorization") { &nobody } else { &persona };
        let mut request = speaker.request(method, &address(&fill(&step.request.path, &names)));
        for (name, value) in step.request.headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(name, fill(value, &names));
        }
        if let Some(body) = &step.request.body {
            if !step.request.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
                request = request.header("content-type", "application/scim+json; charset=utf-8");
            }
            request = request.body(fill(&body.to_string(), &names));
        }
        let answer = answer(request).await;
        assert_eq!(answer.status, step.expect.status, "{at}: {}", answer.text);
        no_nothing(&at, &answer.body);
        for (name, expected) in &step.expect.headers {
            let found = answer.header(name).map_or(Value::Null, Into::into);
            let found = (found != Value::Null).then_some(&found);
            compare(&format!("{at}: header {name}"), &fill(expected, &names).into(), found);
        }
        match &step.expect.body {
            Some(expected) => {
                let expected: Value = serde_json::from_str(&fill(&expected.to_string(), &names)).expect("still JSON");
                compare(&at, &expected, (answer.body != Value::Null).then_some(&answer.body));
            }
            None => assert!(answer.text.is_empty() || answer.status != 204, "{at}: a body with 204: {}", answer.text),
        }
        for (name, pointer) in step.save {
            let value = answer.body.pointer(&pointer).unwrap_or_else(|| panic!("{at}: no {pointer} in {}", answer.text));
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            names.insert(name, value);
        }
    }
}

fn steps(file: &str) -> Vec<Step> {
    let path = folder().join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/idp"))
}

/// Puts what was saved in the place of `{{name}}`.
pub(crate) fn fill(text: &str, names: &BTreeMap<String, String>) -> String {
    let filled = names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value));
    assert!(!filled.contains("{{"), "a name that nothing saved: {filled}");
    filled
}

/// Percent-encodes what stands between `<` and `>`.
pub(crate) fn address(path: &str) -> String {
    let mut out = String::new();
    for (n, part) in path.split(['<', '>']).enumerate() {
        out.push_str(&if n % 2 == 1 { encode(part) } else { part.to_owned() });
    }
    out
}

/// S-16: what has no value is left out; neither null nor an empty array is ever sent, but for the page of a list.
fn no_nothing(at: &str, value: &Value) {
    let Value::Object(members) = value else { return };
    for (name, value) in members {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        assert!(!values.is_empty() || name == "Resources", "{at}: `{name}` is empty");
        for value in values {
            assert!(!value.is_null(), "{at}: `{name}` is null");
            no_nothing(at, value);
        }
    }
}

pub(crate) fn compare(at: &str, expected: &Value, found: Option<&Value>) {
    match (expected, found) {
        (Value::String(word), None) if word == "$absent" => {}
        (Value::String(word), Some(found)) if word == "$absent" => panic!("{at}: should be absent, is {found}"),
        (Value::String(word), Some(_)) if word == "$any" => {}
        (_, None) => panic!("{at}: absent, expected {expected}"),
        (Value::Object(expected), Some(Value::Object(found))) => {
            for (name, value) in expected {
                compare(&format!("{at} / {name}"), value, found.get(name));
            }
        }
        (Value::Array(expected), Some(Value::Array(values))) => {
            assert_eq!(expected.len(), values.len(), "{at}: number of values in {found:?}");
            for (n, (expected, value)) in expected.iter().zip(values).enumerate() {
                compare(&format!("{at} / {n}"), expected, Some(value));
            }
        }
        (expected, Some(found)) => assert_eq!(expected, found, "{at}"),
    }
}

#[test]
fn every_recorded_conversation_has_its_test() {
    let mut found = BTreeSet::new();
    for provider in std::fs::read_dir(folder()).expect("the folder is there") {
        let provider = provider.expect("it can be read");
        for file in std::fs::read_dir(provider.path()).expect("a folder of files") {
            let file = file.expect("it can be read");
            found.insert(format!("{}/{}", provider.file_name().to_string_lossy(), file.file_name().to_string_lossy()));
        }
    }
    assert_eq!(found, FILES.iter().map(|&file| file.to_owned()).collect());
}

#[test]
fn a_comparison_finds_what_differs() {
    let found = serde_json::json!({ "a": [{ "b": 1, "c": 2 }], "d": "x" });
    let differs = |expected: Value| std::panic::catch_unwind(|| compare("", &expected, Some(&found))).is_err();
    assert!(!differs(serde_json::json!({ "a": [{ "b": 1 }], "d": "$any", "e": "$absent" })));
    assert!(differs(serde_json::json!({ "a": [{ "b": 2 }] })));
    assert!(differs(serde_json::json!({ "a": [] })));
    assert!(differs(serde_json::json!({ "d": "$absent" })));
    assert!(differs(serde_json::json!({ "e": "$any" })));
    assert!(differs(serde_json::json!({ "d": 1 })));
}
