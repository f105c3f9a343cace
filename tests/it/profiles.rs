//! Every switch of a profile, on and off, and what the three profiles make of the same request.
//!
//! `tests/data/profiles/*.json` hold the cases: requests before, the request, its answer with the switch `on` and `off`, and
//! which of the two each profile gives, or an answer of its own. Each case runs in an org of each profile, and in one that turns
//! the switch itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::idp::{address, compare, fill};
use crate::server::{Answer, Persona, Server, answer};

const FILES: [&str; 4] = ["body", "filter", "http", "patch"];
const PROFILES: [&str; 3] = ["lenient", "strict", "interop"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    rows: Vec<String>,
    switch: String,
    #[serde(default)]
    before: Vec<Request>,
    request: Request,
    on: Expect,
    off: Expect,
    profiles: BTreeMap<String, Which>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: String,
    /// Below the SCIM root, as in `tests/data/idp`; `{{n}}` is another number in every run.
    path: String,
    /// An empty `content-type` sends none.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    #[serde(default)]
    save: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    status: u16,
    body: Option<Value>,
    /// The switches that the request needed.
    #[serde(default)]
    quirks: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Which {
    Switch(String),
    Own(Expect),
}

fn cases(file: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/profiles").join(format!("{file}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

async fn send(persona: &Persona, request: &Request, names: &mut BTreeMap<String, String>) -> Answer {
    let method = Method::from_bytes(request.method.as_bytes()).expect("a method");
    let mut sent = persona.request(method, &address(&fill(&request.path, names)));
    if request.body.is_some() && !request.headers.contains_key("content-type") {
        sent = sent.header("content-type", "application/scim+json");
    }
    for (name, value) in request.headers.iter().filter(|(_, value)| !value.is_empty()) {
        sent = sent.header(name, value);
    }
    if let Some(body) = &request.body {
        sent = sent.body(fill(&body.to_string(), names));
    }
    let answer = answer(sent).await;
    for (name, pointer) in &request.save {
        let value = answer.body.pointer(pointer).and_then(Value::as_str);
        names.insert(name.clone(), value.unwrap_or_else(|| panic!("no {pointer} in {}", answer.text)).to_owned());
    }
    answer
}

async fn run(at: &str, persona: &Persona, case: &Case, expect: &Expect, n: usize, settings: Option<(&Persona, Value)>) {
    let mut names = BTreeMap::from([("n".to_owned(), n.to_string())]);
    for request in &case.before {
        let answer = send(persona, request, &mut names).await;
        assert!(answer.status < 300, "{at}: before: {}", answer.text);
    }
    if let Some((api, settings)) = settings {
        api.put("/settings", &settings).await.expect(200);
    }
    let answer = send(persona, &case.request, &mut names).await;
    assert_eq!(answer.status, expect.status, "{at}: {}", answer.text);
    if let Some(body) = &expect.body {
        let expected: Value = serde_json::from_str(&fill(&body.to_string(), &names)).expect("still JSON");
        compare(at, &expected, Some(&answer.body));
    }
}

async fn replay(file: &str) {
    let server = Server::start();
    let root = &server.tree.root;
    let api = |org: &str| server.persona(org, "settings:write").api();
    let mut orgs = Vec::new();
    for profile in PROFILES {
        let org = server.tree.org(root, profile);
        api(&org).put("/settings", &json!({ "profile": profile })).await.expect(200);
        orgs.push((profile, server.admin(&org)));
    }
    let own = server.tree.org(root, "own");
    let (own, api) = (server.admin(&own), api(&own));
    let (mut n, mut needed) = (0, BTreeMap::new());
    for case in cases(file) {
        for (profile, persona) in &orgs {
            let expect = match case.profiles.get(*profile) {
                Some(Which::Switch(state)) if state == "on" => &case.on,
                Some(Which::Switch(state)) if state == "off" => &case.off,
                Some(Which::Own(expect)) => expect,
                _ => panic!("{}: {profile} is neither on nor off", case.name),
            };
            n += 1;
            run(&format!("{file}: {} in {profile}", case.name), persona, &case, expect, n, None).await;
            expect.quirks.iter().for_each(|quirk| *needed.entry((*profile, quirk.clone())).or_insert(0) += 1);
        }
        for (is_on, expect) in [(true, &case.on), (false, &case.off)] {
            n += 1;
            let at = format!("{file}: {} with {} {is_on}", case.name, case.switch);
            // What comes before the request is not to be judged by the switch.
            api.put("/settings", &json!({})).await.expect(200);
            let choice = json!({ "profile": "lenient", "quirks": { &case.switch: is_on } });
            run(&at, &own, &case, expect, n, Some((&api, choice))).await;
            expect.quirks.iter().for_each(|quirk| *needed.entry(("own", quirk.clone())).or_insert(0) += 1);
        }
    }
    // Each firing is counted under its name, and nothing else fired.
    orgs.push(("own", own));
    for (name, persona) in &orgs {
        let expected: BTreeMap<&str, u64> =
            needed.iter().filter(|((org, _), _)| org == name).map(|((_, quirk), count)| (quirk.as_str(), *count)).collect();
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let body = persona.api().get("/quirks").await.expect(200).body;
            let counts = body["quirks"].as_array().expect("counts").iter();
            let counts: BTreeMap<&str, u64> =
                counts.map(|one| (one["quirk"].as_str().expect("a name"), one["count"].as_u64().expect("a count"))).collect();
            if counts == expected {
                break;
            }
            assert!(Instant::now() < until, "{file}: {name}: {counts:?}, expected {expected:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn bodies() {
    replay("body").await;
}

#[tokio::test]
async fn filters() {
    replay("filter").await;
}

#[tokio::test]
async fn http() {
    replay("http").await;
}

#[tokio::test]
async fn patches() {
    replay("patch").await;
}

/// T-05
#[tokio::test]
async fn every_switch_has_its_case_and_every_case_its_switch() {
    let server = Server::start();
    let api = server.persona(&server.tree.root, "settings:read").api();
    let settings = api.get("/settings").await.expect(200).body;
    let known: BTreeSet<String> = settings["effective"]["quirks"].as_object().expect("all switches").keys().cloned().collect();
    let all: Vec<Case> = FILES.iter().flat_map(|file| cases(file)).collect();
    assert_eq!(known, all.iter().map(|case| case.switch.clone()).collect());
    let fired: BTreeSet<String> = all.iter().flat_map(|case| case.on.quirks.clone()).collect();
    assert_eq!(fired.difference(&known).count(), 0, "{fired:?}");
    assert!(all.iter().all(|case| !case.rows.is_empty()));
}

/// T-05: what an org chooses holds in it and below, and nowhere else.
#[tokio::test]
async fn settings_are_inherited_until_somebody_chooses() {
    let server = Server::start();
    let tree = &server.tree;
    let child = tree.org(&tree.root, "child");
    let grandchild = tree.org(&child, "grandchild");
    let neighbour = tree.org(&tree.root, "neighbour");
    let api = |org: &str| server.admin(org).api();
    let effective = async |org: &str, switch: &str| {
        let body = api(org).get("/settings").await.expect(200).body;
        (body["effective"]["profile"].as_str().expect("a profile").to_owned(), body["effective"]["quirks"][switch].clone())
    };
    api(&child).put("/settings", &json!({ "profile": "strict", "quirks": { "bare-word": true } })).await.expect(200);
    for org in [&child, &grandchild] {
        assert_eq!(effective(org, "bare-word").await, ("strict".into(), json!(true)));
        assert_eq!(effective(org, "op-case").await, ("strict".into(), json!(false)));
    }
    for org in [&tree.root, &neighbour] {
        assert_eq!(effective(org, "op-case").await, ("lenient".into(), json!(true)));
    }
    let late = tree.org(&grandchild, "late");
    assert_eq!(effective(&late, "op-case").await, ("strict".into(), json!(false)), "a new org takes what holds above it");
    let patch = json!({ "quirks": { "op-case": true } });
    let body = api(&grandchild).send(Method::PATCH, "/settings", Some(&patch)).await.expect(200).body;
    assert_eq!((body.get("profile"), &body["quirks"]), (None, &json!({ "op-case": true })));
    assert_eq!(effective(&late, "op-case").await, ("strict".into(), json!(true)));
    api(&child).put("/settings", &json!({ "profile": "interop" })).await.expect(200);
    assert_eq!(effective(&late, "bare-word").await, ("interop".into(), json!(false)));
    assert_eq!(effective(&late, "op-case").await, ("interop".into(), json!(true)));
}

#[tokio::test]
async fn a_setting_that_does_not_exist_is_named_with_those_that_do() {
    let server = Server::start();
    let api = server.admin(&server.tree.root).api();
    let answer = api.put("/settings", &json!({ "quirks": { "bare-wrd": true } })).await;
    let answer = answer.expect_error(400, Some("invalidValue"));
    let detail = answer.body["detail"].as_str().expect("a detail");
    assert!(detail.contains("`bare-wrd`") && detail.contains("bare-word"), "{detail}");
    let output = server.tree.run(&["org", "set", "--org", &server.tree.root, "--quirk", "bare-wrd=on"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("`bare-wrd`") && error.contains("bare-word"), "{error}");
    let before = api.get("/settings").await.expect(200).body;
    assert_eq!(before["quirks"], json!({}), "nothing was written");
}

/// D-01, W-04
#[tokio::test]
async fn only_an_org_that_keeps_the_interoperability_profile_says_so() {
    let server = Server::start();
    let (org, admin) = (&server.tree.root, server.admin(&server.tree.root));
    for (arguments, conformant) in [
        (&["--profile", "lenient"][..], None),
        (&["--profile", "strict"], None),
        (&["--profile", "interop"], Some(&json!(true))),
        (&["--quirk", "unknown-attribute=on"], None),
        (&["--quirk", "unknown-attribute=inherit"], Some(&json!(true))),
        (&["--profile", "inherit"], None),
    ] {
        server.tree.json(&[&["org", "set", "--org", org], arguments].concat());
        let config = admin.get("/ServiceProviderConfig").await.expect(200).body;
        assert_eq!(config.get("interopProfileConformant"), conformant, "{arguments:?}");
    }
}

#[tokio::test]
async fn the_server_has_a_default_of_its_own() {
    let server = crate::server::Tree::new(&[("USHER_PROFILE", "strict")]).serve();
    let api = server.persona(&server.tree.root, "settings:read").api();
    let settings = api.get("/settings").await.expect(200).body;
    assert_eq!((&settings["effective"]["profile"], settings.get("profile")), (&json!("strict"), None));
    let admin = server.admin(&server.tree.root);
    admin.post("/Users", &json!({ "userName": "ada" })).await.expect_error(400, Some("invalidSyntax"));
}
