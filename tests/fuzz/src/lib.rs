//! What must hold for any bytes that somebody sends. Each function is a target; `fuzz_targets/` hands it to libFuzzer.
//!
//! The rooms `base` and `scim` are compiled into this package, for they use no other: a target is built in seconds and
//! nothing but the code in question is instrumented.

#[path = "../../../src/base/mod.rs"]
pub mod base;
#[path = "../../../src/scim/mod.rs"]
pub mod scim;

use scim::bulk::{self, BulkRequest, Target};
use scim::path::Resolved;
use scim::{Error, Profile, Quirks, ResourceType, Schemas, ScimType, filter, json, list, patch, path, resource, urn};
use serde_json::{Map, Value, json};

const PROFILES: [Profile; 3] = [Profile::Lenient, Profile::Strict, Profile::Interop];

/// Every resource type in every profile.
fn each() -> impl Iterator<Item = (&'static ResourceType, Profile)> {
    Schemas::core().types().iter().flat_map(|of| PROFILES.map(|profile| (of, profile)))
}

/// Where no recursion may go deep (V-19, D-12).
pub fn on_a_small_stack(target: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let small = std::thread::Builder::new().stack_size(256 * 1024);
        small.spawn_scoped(scope, target).expect("a thread").join().expect("the target holds");
    });
}

/// A filter is refused with `invalidFilter`, or what is shown of it parses to the same.
pub fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for (of, profile) in each() {
        match filter::parse(text, of, profile) {
            Ok(filter) => {
                let shown = filter.to_string();
                assert_eq!(filter::parse(&shown, of, Profile::Strict).as_ref(), Ok(&filter), "{shown}");
                filter::matches(&filter, &document(of).into());
            }
            Err(error) => refused(&error, ScimType::InvalidFilter),
        }
    }
}

/// A path is refused, or what is shown of it names the same; in `attributes`, in `sortBy` and in PATCH.
pub fn path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for (of, profile) in each() {
        if let Resolved::Attribute(name) = path::resolve(text, of, profile) {
            let again = path::resolve(&name.to_string(), of, Profile::Strict);
            assert!(matches!(again, Resolved::Attribute(again) if again.to_string() == name.to_string()), "{name}");
        }
        let projection = scim::project::Projection::parse(Some(text), None, of, profile);
        if let Ok(projection) = projection {
            projection.apply(of, &mut document(of));
        }
        let params = list::ListParams { sort_by: Some(text), ..list::ListParams::default() };
        let _ = list::parse(&params, of, profile);

        let removal = |path: &str, profile| {
            let body = json!({ "schemas": [urn::PATCH_OP], "Operations": [{ "op": "remove", "path": path }] });
            patch::parse(object(body), of, profile, &mut Quirks::new())
        };
        for operation in removal(text, profile).unwrap_or_default() {
            let shown = operation.target.to_string();
            let again = removal(&shown, Profile::Strict).unwrap_or_else(|error| panic!("{shown}: {}", error.detail));
            assert!(again.iter().any(|again| again.target.to_string() == shown), "{shown}");
        }
    }
}

/// A PATCH is refused and changes nothing, or leaves a document that a PUT takes as it is (P-05, P-27).
pub fn patch(data: &[u8]) {
    let Ok(body) = json::object(data) else { return };
    for (of, profile) in each() {
        let before = document(of);
        let Ok(operations) = patch::parse(body.clone(), of, profile, &mut Quirks::new()) else { continue };
        let (members, others) = operations.into_iter().partition::<Vec<_>, _>(|operation| operation.is_on("members"));
        for operation in members {
            let _ = patch::member_change(&operation, profile, &mut Quirks::new());
        }
        let mut after = before.clone();
        match patch::apply(&mut after, &others, of, profile, &mut Quirks::new()) {
            Ok(is_changed) => {
                assert_eq!(is_changed, after != before);
                let accepted = resource::accept(of, after.clone(), profile, &mut Quirks::new());
                after.shift_remove("id");
                assert_eq!(accepted, Ok(after));
            }
            Err(_) => assert_eq!(after, before),
        }
    }
}

/// A bulk request is refused, or each of its operations has one place, and none stands before one that it waits for (B-06).
pub fn bulk(data: &[u8]) {
    let Ok(body) = json::object(data) else { return };
    for profile in PROFILES {
        let request = match BulkRequest::parse(body.clone(), Schemas::core(), profile, &mut Quirks::new()) {
            Ok(request) => request,
            Err(error) => {
                assert!([400, 413].contains(&error.status), "{}", error.detail);
                continue;
            }
        };
        let steps = bulk::order(&request.operations);
        let mut places: Vec<usize> = steps.iter().flatten().copied().collect();
        places.sort_unstable();
        assert!(places.into_iter().eq(0..request.operations.len()), "{steps:?}");

        let mut is_done = vec![false; request.operations.len()];
        for step in steps {
            step.iter().for_each(|&at| is_done[at] = true);
            for asked in step.iter().filter_map(|&at| request.operations[at].request.as_ref().ok()) {
                if let Some(Target::Made(at)) = asked.target {
                    assert!(is_done[at], "an operation on what is not there yet");
                }
                request.data(asked, |at| {
                    assert!(is_done[at], "a reference to what is not there yet");
                    Some(uuid::Uuid::nil())
                });
            }
        }
    }
}

/// There is one reading of a body (S-58); what is accepted is accepted again as it is.
pub fn body(data: &[u8]) {
    let parsed = match json::parse(data) {
        Ok(parsed) => parsed,
        Err(error) => return refused(&error, ScimType::InvalidSyntax),
    };
    assert_eq!(json::parse(parsed.to_string().as_bytes()).as_ref(), Ok(&parsed));
    let Value::Object(body) = parsed else { return };
    for (of, profile) in each() {
        if let Ok(accepted) = resource::accept(of, body.clone(), profile, &mut Quirks::new()) {
            assert_eq!(resource::accept(of, accepted.clone(), profile, &mut Quirks::new()), Ok(accepted));
        }
        if let Ok(search) = list::SearchRequest::parse(body.clone(), profile, &mut Quirks::new()) {
            let _ = list::parse(&search.params(), of, profile);
        }
    }
}

/// A client's fault, said in few words whatever was sent.
fn refused(error: &Error, scim_type: ScimType) {
    assert_eq!((error.status, error.scim_type), (400, Some(scim_type)), "{}", error.detail);
    assert!(!error.detail.is_empty() && error.detail.len() < 2000, "{}", error.detail);
}

/// One of each, as the store keeps it.
fn document(of: &ResourceType) -> Map<String, Value> {
    let mut document = object(json!({ "schemas": [of.schema.id], "id": "01890a5d-ac96-774b-bcce-b302099a8057" }));
    document.append(&mut object(match of.name.as_str() {
        "User" => json!({
            "schemas": [urn::USER, urn::ENTERPRISE_USER], "userName": "ada", "active": true, "name": { "familyName": "Lovelace" },
            "emails": [{ "value": "a@b", "type": "work" }, { "value": "c@d", "type": "home", "primary": true }],
            urn::ENTERPRISE_USER: { "manager": { "value": "7" } },
        }),
        "Group" => json!({ "displayName": "Pilots" }),
        _ => json!({ "userName": "ada" }),
    }));
    document
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("an object, not {other}"),
    }
}
