//! Cases for users: what each body and PATCH becomes.

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::base::{InvitationId, limit::RESOURCE_BYTES_MAX};
use crate::directory::{Membership, guest_doc};
use crate::scim::Schemas;

const ORG: OrgId = OrgId(Uuid::from_u128(1));
const ID: Uuid = Uuid::from_u128(2);
const NOW: Timestamp = Timestamp(1000);

fn map(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).expect("an object")
}

fn record(doc: Value) -> Record {
    text_record(doc.to_string())
}

fn text_record(doc: String) -> Record {
    Record { id: ID, version: 7, created: Timestamp(0), last_modified: Timestamp(0), doc, references: Vec::new() }
}

fn resident() -> Record {
    record(json!({
        "schemas": [urn::USER], "id": ID, "userName": "ada", "name": { "givenName": "Ada", "familyName": "Lovelace" },
        "active": false, "emails": [{ "value": "ada@acme.test", "type": "work", "primary": true }],
    }))
}

fn guest() -> Record {
    let membership = Membership {
        home_org: OrgId(Uuid::from_u128(8)),
        source_org: OrgId(Uuid::from_u128(9)),
        invitation: Some(InvitationId(Uuid::from_u128(10))),
        since: Timestamp(0),
        until: None,
    };
    text_record(guest_doc(&resident().doc, UserId(ID), "ada", true, &membership))
}

fn put(current: &Record, body: Value) -> Result<Option<Change>, Error> {
    let draft = Draft::parse(map(body), Schemas::core().user(), Profile::Lenient, &mut Quirks::new())?;
    replace(ORG, current, &draft, draft.password().map(|_| "hash".to_owned()), NOW)
}

fn change(current: &Record, operations: Value) -> Result<Option<Change>, Error> {
    let body = map(json!({ "schemas": [urn::PATCH_OP], "Operations": operations }));
    let mut quirks = Quirks::new();
    let edits = Edits::parse(body, Schemas::core().user(), Profile::Lenient, &mut quirks)?;
    let hash = edits.password().map(|_| "hash".to_owned());
    patch(ORG, current, &edits, hash, Profile::Lenient, &mut quirks, NOW)
}

/// The document that a change writes, and the hash.
fn written(change: Result<Option<Change>, Error>) -> (Value, Option<String>) {
    match change.expect("accepted").expect("something changes") {
        Change::UserReplaced { org, id, expected, doc, password_hash, at } => {
            assert_eq!((org, id.0, expected, at), (ORG, ID, 7, NOW));
            (serde_json::from_str(&doc).expect("a document"), password_hash)
        }
        other => panic!("not a replacement: {other:?}"),
    }
}

#[track_caller]
fn refused(change: Result<Option<Change>, Error>, scim_type: ScimType, name: &str) {
    let error = change.expect_err(name);
    assert_eq!((error.status, error.scim_type), (400, Some(scim_type)), "{error}");
    assert!(error.detail.contains(name), "{error}");
}

#[test]
fn a_new_user_is_active_and_keeps_nothing_that_is_the_servers_or_secret() {
    // C-03, OK-02, S-18: Okta sends `groups` and a password.
    let body = json!({
        "schemas": [urn::USER], "userName": "ada", "id": "forged", "meta": { "created": "1970-01-01T00:00:00Z" }, "groups": [],
        "password": "s3cret", urn::MEMBERSHIP: { "type": "guest", "homeOrg": "x" },
    });
    let draft = Draft::parse(map(body), Schemas::core().user(), Profile::Lenient, &mut Quirks::new()).expect("accepted");
    assert_eq!(draft.password().map(|password| password.expose().as_str()), Some("s3cret"));
    let Change::UserCreated { doc, password_hash, .. } =
        create(ORG, UserId(ID), &draft, Some("hash".into()), NOW).expect("small")
    else {
        panic!("not a creation");
    };
    assert_eq!(doc, format!(r#"{{"schemas":["{}"],"id":"{ID}","userName":"ada","active":true}}"#, urn::USER));
    assert_eq!(password_hash.as_deref(), Some("hash"));
}

#[test]
fn a_user_without_a_name_or_too_large_is_refused() {
    for body in [json!({ "schemas": [urn::USER] }), json!({ "schemas": [urn::USER], "userName": "  " })] {
        let error = Draft::parse(map(body), Schemas::core().user(), Profile::Lenient, &mut Quirks::new()).expect_err("S-34");
        assert_eq!(error.scim_type, Some(ScimType::InvalidValue), "S-23, S-34: {error}");
    }
    let emails: Vec<Value> = (0..40).map(|n| json!({ "value": format!("{n:08000}") })).collect();
    const { assert!(40 * 8000 > RESOURCE_BYTES_MAX) };
    let body = json!({ "schemas": [urn::USER], "userName": "ada", "emails": emails });
    let patch = json!([{ "op": "add", "path": "emails", "value": emails }]);
    for result in [put(&resident(), body), change(&resident(), patch)] {
        let error = result.expect_err("S-49");
        assert!(error.status == 413 && error.detail.contains("at most 262144"), "{error}");
    }
}

#[test]
fn a_put_that_says_what_is_there_changes_nothing() {
    // U-07, S-11, U-04: order of keys, read-only attributes and those of the server do not count.
    let body = json!({
        "emails": [{ "primary": true, "type": "work", "value": "ada@acme.test" }], "active": false, "userName": "ada",
        "name": { "familyName": "Lovelace", "givenName": "Ada" }, "schemas": [urn::USER], "id": ID, "meta": { "version": "x" },
        "groups": [{ "value": "g" }],
    });
    assert!(put(&resident(), body).expect("accepted").is_none());
}

#[test]
fn a_put_clears_what_it_omits_but_revives_nobody() {
    let (doc, hash) = written(put(&resident(), json!({ "schemas": [urn::USER], "userName": "ada" })));
    assert_eq!(doc, json!({ "schemas": [urn::USER], "id": ID, "userName": "ada", "active": false }), "U-02");
    assert_eq!(hash, None, "U-02: the password stays");
}

#[test]
fn a_password_alone_is_written_and_leaves_the_document() {
    let (doc, hash) = written(change(&resident(), json!([{ "op": "replace", "path": "password", "value": "n3w" }])));
    assert_eq!((doc.to_string(), hash.as_deref()), (resident().doc, Some("hash")));
    let (doc, hash) =
        written(change(&resident(), json!([{ "op": "Add", "value": { "password": "n3w", "title": "Countess" } }])));
    assert_eq!((doc["title"].as_str(), doc.get("password"), hash.as_deref()), (Some("Countess"), None, Some("hash")));
    refused(change(&resident(), json!([{ "op": "remove", "path": "password" }])), ScimType::Mutability, "`password`");
    refused(
        change(&resident(), json!([{ "op": "replace", "path": "password", "value": "" }])),
        ScimType::Mutability,
        "`password`",
    );
}

type Holds = fn(&Value) -> bool;

#[test]
fn patches_as_the_providers_send_them() {
    let name = |doc: &Value| doc["name"]["givenName"].as_str().map(str::to_owned);
    let cases: [(&str, Value, Holds); 8] = [
        ("EN-01, EN-02", json!([{ "op": "Replace", "path": "active", "value": "True" }]), |doc| doc["active"] == true),
        ("OK-04", json!([{ "op": "replace", "value": { "active": true } }]), |doc| doc["active"] == true),
        ("EN-03", json!([{ "op": "Replace", "value": { "name.givenName": "Augusta" } }]), |doc| {
            doc["name"]["givenName"] == "Augusta"
        }),
        ("EN-06", json!([{ "op": "Add", "path": "emails[type eq \"home\"].value", "value": "a@h.test" }]), |doc| {
            doc["emails"][1] == json!({ "type": "home", "value": "a@h.test" })
        }),
        ("EN-09", json!([{ "op": "Add", "path": "manager", "value": "m1" }]), |doc| {
            doc[urn::ENTERPRISE_USER]["manager"]["value"] == "m1" && doc["schemas"] == json!([urn::USER, urn::ENTERPRISE_USER])
        }),
        ("P-10", json!([{ "op": "replace", "value": { "id": ID, "title": "Countess" } }]), |doc| doc["title"] == "Countess"),
        ("P-17", json!([{ "op": "remove", "path": "emails[type eq \"work\"]" }]), |doc| doc.get("emails").is_none()),
        ("P-22", json!([{ "op": "add", "path": "emails", "value": [{ "value": "b@h.test", "primary": true }] }]), |doc| {
            doc["emails"][0].get("primary") != Some(&json!(true)) && doc["emails"][1]["primary"] == true
        }),
    ];
    for (row, operations, holds) in cases {
        let (doc, _) = written(change(&resident(), operations));
        assert!(holds(&doc), "{row}: {doc}");
    }
    assert_eq!(
        name(
            &written(change(
                &resident(),
                json!([{ "op": "remove", "path": "title" }, { "op": "add", "path": "title", "value": "x" }])
            ))
            .0
        ),
        Some("Ada".into())
    );
}

#[test]
fn a_patch_that_changes_nothing_writes_nothing() {
    for (row, operations) in [
        ("P-08", json!([{ "op": "add", "path": "userName", "value": "ada" }])),
        (
            "P-08",
            json!([{ "op": "add", "path": "emails", "value": [{ "value": "ada@acme.test", "type": "work", "primary": true }] }]),
        ),
        ("P-18", json!([{ "op": "remove", "path": "title" }])),
        ("V-05", json!([{ "op": "replace", "path": "name", "value": { "familyName": "Lovelace" } }])),
        ("EN-23", json!([])),
    ] {
        assert!(change(&resident(), operations.clone()).expect(row).is_none(), "{row}: {operations}");
    }
}

#[test]
fn what_is_the_servers_cannot_be_patched() {
    for (path, value) in [("id", json!("x")), (urn::MEMBERSHIP, json!({ "type": "guest" })), ("meta.version", json!("x"))] {
        let result = change(&resident(), json!([{ "op": "replace", "path": path, "value": value }]));
        assert!(result.as_ref().is_ok_and(Option::is_none) || result.is_err(), "{path}: {result:?}");
    }
    let forged = format!("{}:homeOrg", urn::MEMBERSHIP);
    refused(change(&resident(), json!([{ "op": "add", "path": forged, "value": "x" }])), ScimType::Mutability, "homeOrg");
    refused(change(&resident(), json!([{ "op": "remove", "path": "userName" }])), ScimType::Mutability, "userName");
}

#[test]
fn nobody_gets_back_in_by_an_omission() {
    assert!(change(&resident(), json!([{ "op": "remove", "path": "active" }])).expect("P-17").is_none(), "still inactive");
    let mut inactive: Value = serde_json::from_str(&guest().doc).expect("an object");
    inactive["active"] = false.into();
    let removed = written(change(&record(inactive), json!([{ "op": "remove", "path": "active" }])));
    assert_eq!(removed.0["active"], false);
}

#[test]
fn of_a_guest_only_active_can_be_changed() {
    let everything = || map(serde_json::from_str(&guest().doc).expect("an object"));
    for (name, value) in [
        ("userName", json!("root")),
        ("emails", json!([{ "value": "mallory@evil.test" }])),
        ("externalId", json!("x")),
        ("password", json!("n3w")),
        ("title", json!("CEO")),
    ] {
        let mut body = everything();
        body.insert(name.into(), value.clone());
        refused(put(&guest(), Value::Object(body)), ScimType::Mutability, &format!("`{name}`"));
        let patched = change(&guest(), json!([{ "op": "add", "path": name, "value": value }]));
        refused(patched, ScimType::Mutability, &format!("`{name}`"));
    }
    refused(change(&guest(), json!([{ "op": "remove", "path": "emails" }])), ScimType::Mutability, "`emails`");
    let mut body = everything();
    body.insert("active".into(), false.into());
    let mut expected = everything();
    expected.insert("active".into(), false.into());
    assert_eq!(written(put(&guest(), Value::Object(body))), (Value::Object(expected.clone()), None));
    let patched = written(change(&guest(), json!([{ "op": "replace", "path": "active", "value": false }])));
    assert_eq!(patched, (Value::Object(expected), None));
}

#[test]
fn of_a_guest_what_is_shown_can_be_written_back() {
    let shown = serde_json::from_str(&guest().doc).expect("an object");
    assert!(put(&guest(), shown).expect("U-04").is_none());
    assert!(
        put(&guest(), json!({ "schemas": [urn::USER], "userName": "ADA" })).expect("what is omitted is not asserted").is_none()
    );
    let named = change(&guest(), json!([{ "op": "replace", "path": "active", "value": true }]));
    assert_eq!(written(named).0["active"], true, "an inactive source may hide what the guest's own row says");
}

#[test]
fn a_letter_goes_to_the_primary_address_else_to_the_first_that_is_one() {
    for (emails, address) in [
        (json!([{ "value": "home@x.test" }, { "value": "work@x.test", "primary": true }]), Some("work@x.test")),
        (json!([{ "value": " home@x.test " }, { "value": "work@x.test", "primary": false }]), Some("home@x.test")),
        (json!([{ "type": "home" }, { "value": "work@x.test" }, { "value": " ", "primary": true }]), Some("work@x.test")),
        (json!([{ "value": "" }]), None),
        (json!([]), None),
    ] {
        assert_eq!(super::address(&map(json!({ "emails": emails }))), address, "{emails}");
    }
    assert_eq!(super::address(&map(json!({}))), None);
}
