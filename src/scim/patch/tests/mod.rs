//! PATCH as data: a document, the operations sent, what becomes of it (P-.., EN-.., OK-..).

use serde_json::{Value, json};

use super::*;
use crate::scim::Schemas;

mod dialect;
mod random;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

fn body(operations: Value) -> Map<String, Value> {
    map(json!({"schemas": [urn::PATCH_OP], "Operations": operations}))
}

/// The document before, less what every one has.
fn user(mut attributes: Value) -> Map<String, Value> {
    let schemas: Vec<&str> = if attributes.get(ENTERPRISE).is_some() { vec![urn::USER, ENTERPRISE] } else { vec![urn::USER] };
    let mut doc = map(json!({"schemas": schemas, "id": ID, "userName": "ada"}));
    doc.append(attributes.as_object_mut().expect("an object"));
    doc
}

fn patched(
    profile: Profile,
    before: &Map<String, Value>,
    operations: Value,
    quirks: &mut Quirks,
) -> Result<(Map<String, Value>, bool), Error> {
    let mut doc = before.clone();
    let operations = parse(body(operations), Schemas::core().user(), profile, quirks)?;
    let is_changed = apply(&mut doc, &operations, Schemas::core().user(), profile, quirks);
    if is_changed.is_err() {
        assert_eq!(doc, *before, "P-05: all or none");
    }
    is_changed.map(|is_changed| (doc, is_changed))
}

/// In both profiles.
#[track_caller]
fn check(before: Value, operations: Value, after: Value) {
    strict(before.clone(), operations.clone(), after.clone());
    lenient(before, operations, after);
}

#[track_caller]
fn strict(before: Value, operations: Value, after: Value) {
    run(Profile::Strict, before, operations, after);
}

#[track_caller]
fn lenient(before: Value, operations: Value, after: Value) {
    run(Profile::Lenient, before, operations, after);
}

#[track_caller]
fn run(profile: Profile, before: Value, operations: Value, after: Value) {
    let (before, after) = (user(before), user(after));
    let got = patched(profile, &before, operations.clone(), &mut Quirks::new());
    assert_eq!(got, Ok((after.clone(), after != before)), "{profile:?} {operations}");
}

#[track_caller]
fn refused(profile: Profile, before: Value, operations: Value, scim_type: ScimType, detail: &str) {
    let error = patched(profile, &user(before), operations.clone(), &mut Quirks::new()).expect_err(&operations.to_string());
    assert_eq!((error.status, error.scim_type, error.detail.as_str()), (400, Some(scim_type), detail), "{operations}");
}

fn op(op: &str, path: &str, value: Value) -> Value {
    json!([{"op": op, "path": path, "value": value}])
}

fn remove(path: &str) -> Value {
    json!([{"op": "remove", "path": path}])
}

#[test]
fn add_follows_the_rfc() {
    let work = json!({"type": "work", "value": "a@b"});
    let home = json!({"type": "home", "value": "c@d"});
    // P-07.
    check(json!({}), op("add", "title", json!("T")), json!({"title": "T"}));
    check(json!({"title": "S"}), op("add", "TITLE", json!("T")), json!({"title": "T"}));
    let merged = json!({"name": {"givenName": "A", "familyName": "L"}});
    check(json!({"name": {"givenName": "A"}}), op("add", "name", json!({"FamilyName": "L"})), merged.clone());
    check(json!({"name": {"givenName": "A"}}), op("add", "name.familyName", json!("L")), merged);
    check(json!({"emails": [work]}), op("add", "emails", json!([home])), json!({"emails": [work, home]}));
    check(json!({"emails": [work]}), op("add", "emails", home.clone()), json!({"emails": [work, home]}));
    // P-08, S-14: what is there stays, and the (type, value) pair is one element.
    check(json!({"emails": [work]}), op("add", "emails", json!([work])), json!({"emails": [work]}));
    let shown = json!({"type": "work", "value": "a@b", "display": "A"});
    check(json!({"emails": [work]}), op("add", "emails", shown.clone()), json!({"emails": [shown]}));
    // P-06.
    let value = json!({"title": "T", "emails": [home], ENTERPRISE: {"department": "D"}});
    let after = json!({"emails": [work, home], "title": "T", ENTERPRISE: {"department": "D"}});
    check(json!({"emails": [work]}), json!([{"op": "add", "value": value}]), after);
    // P-03, EN-21.
    check(
        json!({}),
        op("add", &format!("{ENTERPRISE}:manager.value"), json!("7")),
        json!({ENTERPRISE: {"manager": {"value": "7"}}}),
    );
    check(json!({}), op("add", ENTERPRISE, json!({"division": "D"})), json!({ENTERPRISE: {"division": "D"}}));
    check(json!({}), op("replace", &format!("{}:name.givenName", urn::USER), json!("A")), json!({"name": {"givenName": "A"}}));
    // An add to chosen elements merges.
    check(
        json!({"emails": [work]}),
        op("add", r#"emails[type eq "work"]"#, json!({"display": "A"})),
        json!({"emails": [shown]}),
    );
}

#[test]
fn replace_follows_the_rfc() {
    let (a, b) = (json!({"type": "work", "value": "a"}), json!({"type": "home", "value": "b"}));
    let c = json!({"value": "c"});
    check(json!({"title": "S"}), op("replace", "title", json!("T")), json!({"title": "T"})); // P-11
    check(json!({}), op("replace", "title", json!("T")), json!({"title": "T"}));
    let name = json!({"name": {"givenName": "A", "familyName": "L"}});
    check(name, op("replace", "name", json!({"givenName": "B"})), json!({"name": {"givenName": "B", "familyName": "L"}})); // P-12
    check(json!({"emails": [a, b]}), op("replace", "emails", json!([c])), json!({"emails": [c]})); // P-13
    check(json!({"emails": [a, b]}), op("replace", "emails", json!([])), json!({}));
    check(json!({"title": "T"}), op("replace", "title", json!(null)), json!({})); // P-25
    // P-14.
    check(json!({"emails": [a, b]}), op("replace", r#"emails[type eq "work"]"#, c.clone()), json!({"emails": [c, b]}));
    let moved = json!({"emails": [{"type": "work", "value": "z"}, b]});
    check(json!({"emails": [a, b]}), op("replace", r#"emails[type eq "WORK" and value eq "a"].VALUE"#, json!("z")), moved);
    let both = |display: &str| json!({"emails": [{"type": "work", "value": "a", "display": display}, {"type": "work", "value": "b", "display": display}]});
    check(both("old"), op("replace", r#"emails[type eq "work"].display"#, json!("new")), both("new"));
    // A string in a filter may hold brackets.
    let odd = json!({"type": "a]b[", "value": "a"});
    check(json!({"emails": [odd]}), remove(r#"emails[type eq "a]b["]"#), json!({}));
    // V-05: nothing changes.
    check(json!({"title": "T"}), op("replace", "title", json!("T")), json!({"title": "T"}));
}

#[test]
fn remove_follows_the_rfc() {
    let (a, b) = (json!({"type": "work", "value": "a"}), json!({"type": "home", "value": "b"}));
    // P-17.
    check(json!({"title": "T"}), remove("title"), json!({}));
    check(
        json!({"name": {"givenName": "A", "familyName": "L"}}),
        remove("name.givenName"),
        json!({"name": {"familyName": "L"}}),
    );
    check(json!({"name": {"givenName": "A"}}), remove("name.givenName"), json!({}));
    check(json!({"emails": [a, b]}), remove("emails"), json!({}));
    check(json!({"emails": [a, b]}), remove(r#"emails[type eq "work"]"#), json!({"emails": [b]}));
    check(json!({"emails": [a]}), remove(r#"emails[type eq "work"]"#), json!({}));
    check(
        json!({"emails": [{"value": "a", "display": "A", "type": "t"}]}),
        remove("emails.display"),
        json!({"emails": [{"value": "a", "type": "t"}]}),
    );
    // P-24: `schemas` follows.
    check(json!({ENTERPRISE: {"department": "D"}}), remove(&format!("{ENTERPRISE}:department")), json!({}));
    check(json!({ENTERPRISE: {"department": "D"}}), remove(ENTERPRISE), json!({}));
    // P-18.
    check(json!({}), remove("title"), json!({}));
    check(json!({}), remove("emails.display"), json!({}));
    check(json!({}), remove(&format!("{ENTERPRISE}:manager.value")), json!({}));
    lenient(json!({"emails": [b]}), remove(r#"emails[type eq "work"]"#), json!({"emails": [b]}));
    let nothing = r#"operation 1: `emails[type eq "work"]` matched nothing"#;
    refused(Profile::Strict, json!({"emails": [b]}), remove(r#"emails[type eq "work"]"#), ScimType::NoTarget, nothing);
    // P-20, P-16.
    refused(Profile::Lenient, json!({}), remove("userName"), ScimType::Mutability, "operation 1: `userName` is required");
    refused(Profile::Lenient, json!({}), json!([{"op": "remove"}]), ScimType::NoTarget, "operation 1: `remove` has no path");
}

#[test]
fn operations_see_what_earlier_ones_did() {
    // P-05, EN-08.
    let operations = json!([
        {"op": "Add", "path": r#"addresses[type eq "work"].country"#, "value": "GB"},
        {"op": "Add", "path": r#"addresses[type eq "work"].Locality"#, "value": "London"},
        {"op": "Replace", "path": "title", "value": "T"},
        {"op": "Remove", "path": "title"},
    ]);
    lenient(json!({}), operations, json!({"addresses": [{"type": "work", "country": "GB", "locality": "London"}]}));
    let half = json!([{"op": "replace", "path": "title", "value": "T"}, {"op": "remove", "path": "userName"}]);
    refused(Profile::Lenient, json!({}), half, ScimType::Mutability, "operation 2: `userName` is required");
}

#[test]
fn one_value_at_most_becomes_primary() {
    let (a, b) = (json!({"value": "a", "primary": true}), json!({"value": "b", "primary": true}));
    let was = json!({"value": "a", "primary": false});
    // P-22.
    check(json!({"emails": [a]}), op("add", "emails", json!([b])), json!({"emails": [was, b]}));
    check(
        json!({"emails": [a, {"value": "b"}]}),
        op("replace", r#"emails[value eq "b"].primary"#, json!(true)),
        json!({"emails": [was, b]}),
    );
    let later = json!([{"op": "add", "path": "emails", "value": [b]}, {"op": "add", "path": "emails", "value": [a]}]);
    check(json!({}), later, json!({"emails": [{"value": "b", "primary": false}, a]}));
    // P-23.
    lenient(json!({}), op("replace", "emails", json!([a, b])), json!({"emails": [was, b]}));
    let two = "operation 1: `emails` is given more than one primary value";
    refused(Profile::Strict, json!({}), op("replace", "emails", json!([a, b])), ScimType::InvalidValue, two);
}

#[test]
fn what_may_not_be_written_is_refused() {
    // P-21, S-25, S-38.
    let echo = json!([{"op": "replace", "value": {"id": ID, "schemas": [urn::USER], "title": "T"}}]);
    check(json!({}), echo, json!({"title": "T"})); // OK-05, AU-03
    let id = "operation 1: `id` is read-only";
    refused(Profile::Lenient, json!({}), op("replace", "id", json!("other")), ScimType::Mutability, id);
    refused(Profile::Lenient, json!({}), remove("id"), ScimType::Mutability, id);
    lenient(json!({}), op("add", "groups", json!([{"value": "1"}])), json!({}));
    lenient(json!({}), op("replace", "meta.version", json!("x")), json!({}));
    refused(
        Profile::Strict,
        json!({}),
        op("add", "groups", json!([])),
        ScimType::Mutability,
        "operation 1: `groups` is read-only",
    );
    // S-43.
    lenient(json!({}), op("replace", &format!("{ENTERPRISE}:manager.displayName"), json!("Eve")), json!({}));
    // A guest's origin.
    let origin = format!("operation 1: `{}:homeOrg` is read-only", urn::MEMBERSHIP);
    let forged = op("replace", &format!("{}:homeOrg", urn::MEMBERSHIP), json!("1"));
    refused(Profile::Lenient, json!({}), forged, ScimType::Mutability, &origin);
    let mut guest = user(json!({urn::MEMBERSHIP: {"type": "guest"}}));
    let operations =
        parse(body(remove(urn::MEMBERSHIP)), Schemas::core().user(), Profile::Lenient, &mut Quirks::new()).expect("a patch");
    let error =
        apply(&mut guest, &operations, Schemas::core().user(), Profile::Lenient, &mut Quirks::new()).expect_err("read-only");
    assert_eq!(error.scim_type, Some(ScimType::Mutability));
}

#[test]
fn what_is_malformed_is_refused() {
    use ScimType::{InvalidFilter, InvalidPath, InvalidSyntax, InvalidValue};
    let refused = |operations, scim_type, detail: &str| refused(Profile::Lenient, json!({}), operations, scim_type, detail);
    // P-02.
    refused(
        op("set", "title", json!("x")),
        InvalidSyntax,
        r#"operation 1: `op` is "set", expected `add`, `remove` or `replace`"#,
    );
    refused(json!(["x"]), InvalidSyntax, "operation 1: it is a string, expected an object");
    // P-04, F-33.
    refused(op("add", "emails[", json!("x")), InvalidPath, "operation 1: `emails[` has no closing `]`");
    refused(op("add", "nope", json!("x")), InvalidPath, "operation 1: `nope` names no attribute of this resource type");
    refused(
        op("add", "emails.nope", json!("x")),
        InvalidPath,
        "operation 1: `emails.nope` names no attribute of this resource type",
    );
    refused(
        op("add", "title[value pr]", json!("x")),
        InvalidPath,
        "operation 1: `title` has no elements that a filter could choose",
    );
    refused(
        op("add", "emails[type pr]value", json!("x")),
        InvalidPath,
        r#"operation 1: `emails[type pr]value` has "value" after `]`, expected a sub-attribute"#,
    );
    refused(json!([{"op": "add", "path": 1, "value": 2}]), InvalidPath, "operation 1: `path` is a number, expected a string");
    refused(
        op("add", "emails[]", json!("x")),
        InvalidFilter,
        "operation 1: unexpected end at 0 in filter, expected an attribute, `not` or `(`",
    );
    refused(op("add", "emails[nope eq 1]", json!("x")), InvalidFilter, "operation 1: no such attribute: `nope` at 0 in filter");
    // P-25, P-26.
    refused(json!([{"op": "add", "path": "title"}]), InvalidValue, "operation 1: `title` is given no value");
    refused(json!([{"op": "add"}]), InvalidValue, "operation 1: `value` is not there");
    refused(
        json!([{"op": "add", "value": "x"}]),
        InvalidValue,
        "operation 1: `value` is a string, expected an object as there is no path",
    );
    refused(op("replace", "title", json!(1)), InvalidValue, "operation 1: `title` is a number, expected a string");
    refused(op("replace", "userName", json!("")), InvalidValue, "operation 1: `userName` is required");
    refused(op("replace", "userName", json!(" ")), InvalidValue, "`userName` is required"); // P-27
}

#[test]
fn a_body_is_a_patch_op() {
    // P-01, EN-23, S-60.
    let parsed = |body: Value, profile| {
        let parsed = parse(map(body), Schemas::core().user(), profile, &mut Quirks::new());
        parsed.map(|operations| operations.len()).map_err(|error| (error.status, error.scim_type))
    };
    let syntax = Err((400, Some(ScimType::InvalidSyntax)));
    let one = remove("title");
    assert_eq!(parsed(json!({"SCHEMAS": [urn::PATCH_OP], "operations": one}), Profile::Strict), Ok(1));
    assert_eq!(parsed(json!({"Operations": one}), Profile::Lenient), Ok(1));
    assert_eq!(parsed(json!({"Operations": one}), Profile::Strict), syntax);
    assert_eq!(parsed(json!({"schemas": [urn::USER], "Operations": one}), Profile::Lenient), syntax);
    assert_eq!(parsed(json!({"schemas": [urn::PATCH_OP]}), Profile::Lenient), syntax);
    assert_eq!(parsed(json!({"schemas": [urn::PATCH_OP], "Operations": {}}), Profile::Lenient), syntax);
    assert_eq!(parsed(json!({"schemas": [urn::PATCH_OP], "Operations": []}), Profile::Lenient), Ok(0));
    assert_eq!(parsed(json!({"schemas": [urn::PATCH_OP], "Operations": []}), Profile::Strict), syntax);
    let many = vec![one[0].clone(); PATCH_OPERATIONS_MAX + 1];
    assert_eq!(parsed(json!({"schemas": [urn::PATCH_OP], "Operations": many}), Profile::Lenient), Err((413, None)));
}

#[test]
fn a_password_is_left_to_the_caller() {
    let operations =
        parse(body(op("replace", "password", json!("secret"))), Schemas::core().user(), Profile::Lenient, &mut Quirks::new());
    let operations = operations.expect("a patch");
    assert!(operations[0].is_on("password") && !operations[0].is_on("userName"));
    check(json!({}), op("replace", "password", json!("secret")), json!({"password": "secret"}));
}

#[test]
fn a_costly_patch_is_refused_quickly() {
    // S-60.
    let emails: Vec<Value> = (0..9000).map(|index| json!({"value": index.to_string()})).collect();
    let mut operations = vec![json!({"op": "add", "path": "emails", "value": emails})];
    operations.extend(
        (0..900).map(|index| json!({"op": "replace", "path": format!("emails[value eq \"x{index}\"].display"), "value": "x"})),
    );
    let costly = "operation 24: `emails[value eq \"x22\"].display` costs too much: too many operations, filters and values for one request";
    refused(Profile::Lenient, json!({}), operations.into(), ScimType::TooMany, costly);
    // Keys of a path-less value count as operations.
    let keys: Map<String, Value> =
        (0..2000).map(|index| (format!("emails[value eq \"{index}\"].display"), "x".into())).collect();
    let parsed =
        parse(body(json!([{"op": "add", "value": keys}])), Schemas::core().user(), Profile::Lenient, &mut Quirks::new());
    assert_eq!(parsed.map(|_| ()).map_err(|error| error.status), Err(413));
}
