//! Cases for groups: what each body and PATCH becomes.

use serde_json::json;

use super::*;
use crate::scim::{Schemas, urn};

const ORG: OrgId = OrgId(Uuid::from_u128(1));
const ID: Uuid = Uuid::from_u128(2);
const NOW: Timestamp = Timestamp(1000);
const ADA: Uuid = Uuid::from_u128(0xa);
const BOB: Uuid = Uuid::from_u128(0xb);
const TEAM: Uuid = Uuid::from_u128(0xc);

fn map(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).expect("an object")
}

fn group(references: Vec<Reference>) -> Record {
    let doc = json!({ "schemas": [urn::GROUP], "id": ID, "displayName": "Engineers" }).to_string();
    Record { id: ID, version: 7, created: Timestamp(0), last_modified: Timestamp(0), doc, references }
}

fn members() -> Vec<Reference> {
    let member = |id, kind, display: &str| Reference { id, kind, display: display.to_owned() };
    vec![member(ADA, Kind::User, "Ada"), member(BOB, Kind::User, "Bob"), member(TEAM, Kind::Group, "Team")]
}

fn edits(operations: Value) -> Result<Edits<'static>, Error> {
    let body = map(json!({ "schemas": [urn::PATCH_OP], "Operations": operations }));
    Edits::parse(body, Schemas::core().group(), Profile::Lenient, &mut Quirks::new())
}

fn decided(edits: &Edits, references: Vec<Reference>) -> Result<Option<Change>, Error> {
    patch(ORG, &group(references), edits, Profile::Lenient, &mut Quirks::new(), NOW)
}

/// Version relied on, display name written, steps.
fn parts(change: Change) -> (Option<u64>, Option<String>, Vec<MemberChange>) {
    match change {
        Change::GroupChanged { org, id, expected, doc, members, at } => {
            assert_eq!((org, id.0, at), (ORG, ID, NOW));
            let doc = doc.map(|doc| serde_json::from_str::<Value>(&doc).expect("a document"));
            let name = doc.and_then(|doc| doc["displayName"].as_str().map(str::to_owned));
            (expected, name, members)
        }
        other => panic!("not a change of a group: {other:?}"),
    }
}

#[test]
fn operations_on_members_alone_need_nothing_of_the_group() {
    let one = |id: Uuid| json!([{ "$ref": null, "value": id }]);
    for (row, operations, expected) in [
        ("EN-10", json!([{ "op": "Add", "path": "members", "value": one(ADA) }]), vec![MemberChange::Added(vec![ADA])]),
        ("EN-11", json!([{ "op": "Remove", "path": "members", "value": one(ADA) }]), vec![MemberChange::Removed(vec![ADA])]),
        (
            "EN-11",
            json!([{ "op": "Remove", "path": format!("members[value eq \"{ADA}\"]") }]),
            vec![MemberChange::Removed(vec![ADA])],
        ),
        (
            "OK-06",
            json!([{ "op": "remove", "path": format!("members[value eq \"{ADA}\"]") },
                   { "op": "add", "path": "members", "value": [{ "value": BOB, "display": "bob" }] }]),
            vec![MemberChange::Removed(vec![ADA]), MemberChange::Added(vec![BOB])],
        ),
        ("OK-06", json!([{ "op": "replace", "path": "members", "value": one(BOB) }]), vec![MemberChange::Replaced(vec![BOB])]),
        ("P-13", json!([{ "op": "replace", "path": "members", "value": [] }]), vec![MemberChange::Replaced(vec![])]),
        ("P-17", json!([{ "op": "remove", "path": "members" }]), vec![MemberChange::Replaced(vec![])]),
        ("P-06", json!([{ "op": "add", "value": { "members": [{ "value": ADA }] } }]), vec![MemberChange::Added(vec![ADA])]),
        (
            "S-14",
            json!([{ "op": "add", "path": "members", "value": [{ "value": ADA }, { "value": ADA }] }]),
            vec![MemberChange::Added(vec![ADA])],
        ),
    ] {
        let edits = edits(operations.clone()).expect(row);
        assert_eq!(edits.needs(), Needs::Nothing, "P-30, {row}: {operations}");
        let change = patch_members(ORG, GroupId(ID), None, &edits, NOW);
        assert_eq!(parts(change), (None, None, expected), "{row}: {operations}");
    }
}

#[test]
fn a_rename_among_member_operations_relies_on_the_version() {
    // OK-05: a push begins with a path-less replace of the name and the same id.
    let edits = edits(json!([
        { "op": "replace", "value": { "id": ID, "displayName": "Makers" } },
        { "op": "add", "path": "members", "value": [{ "value": ADA }] },
    ]))
    .expect("OK-05");
    assert_eq!(edits.needs(), Needs::Document);
    let change = decided(&edits, vec![]).expect("accepted").expect("a change");
    assert_eq!(parts(change), (Some(7), Some("Makers".into()), vec![MemberChange::Added(vec![ADA])]));
}

#[test]
fn a_patch_that_changes_nothing_writes_nothing() {
    for operations in [json!([]), json!([{ "op": "replace", "value": { "displayName": "Engineers" } }])] {
        let edits = edits(operations).expect("EN-23");
        assert_eq!(edits.needs(), Needs::Document, "whether the group is there has still to be asked");
        assert!(decided(&edits, vec![]).expect("V-05").is_none());
    }
}

#[test]
fn a_filter_over_members_is_read_at_its_turn() {
    let new = Uuid::from_u128(0xd);
    let edits = edits(json!([
        { "op": "add", "path": "members", "value": [{ "value": new }] },
        { "op": "remove", "path": format!("members[type eq \"User\" or value eq \"{new}\"]") },
        { "op": "remove", "path": "members[display eq \"nobody\"]" },
    ]))
    .expect("accepted");
    assert_eq!(edits.needs(), Needs::Members);
    let change = decided(&edits, members()).expect("accepted").expect("a change");
    let expected = vec![MemberChange::Added(vec![new]), MemberChange::Removed(vec![ADA, BOB, new])];
    assert_eq!(parts(change), (Some(7), None, expected), "P-05, P-18");
}

#[test]
fn filters_over_a_large_group_are_bounded() {
    let many = (0..20_000).map(|n| Reference { id: Uuid::from_u128(n), kind: Kind::User, display: String::new() });
    let filters: Vec<Value> = (0..100).map(|_| json!({ "op": "remove", "path": "members[display co \"x\"]" })).collect();
    let error = decided(&edits(json!(filters)).expect("accepted"), many.collect()).expect_err("S-60");
    assert_eq!(error.scim_type, Some(ScimType::TooMany));
}

#[test]
fn a_member_who_cannot_be_is_named() {
    for operations in [
        json!([{ "op": "add", "path": "members", "value": [{ "value": "nobody" }] }]),
        json!([{ "op": "replace", "path": "members", "value": [{ "value": "nobody" }] }]),
    ] {
        let error = edits(operations).expect_err("S-45");
        assert_eq!(error.scim_type, Some(ScimType::InvalidValue));
        assert!(error.detail.contains("nobody"), "{error}");
    }
}

#[test]
fn ten_thousand_members_are_taken_and_one_more_is_not() {
    let body = |count: usize| {
        let members: Vec<Value> = (0..count).map(|n| json!({ "value": Uuid::from_u128(n as u128) })).collect();
        map(json!({ "schemas": [urn::GROUP], "displayName": "all", "members": members }))
    };
    assert!(Draft::parse(body(MEMBERS_MAX), Schemas::core().group(), Profile::Lenient, &mut Quirks::new()).is_ok());
    let error =
        Draft::parse(body(MEMBERS_MAX + 1), Schemas::core().group(), Profile::Lenient, &mut Quirks::new()).expect_err("S-60");
    assert!(error.status == 413 && error.detail.contains("10000"), "{error}");
}

#[test]
fn a_put_replaces_the_members_and_without_any_there_are_none() {
    let put = |body: Value, keeps_members| {
        let draft = Draft::parse(map(body), Schemas::core().group(), Profile::Lenient, &mut Quirks::new()).expect("accepted");
        let mut quirks = Quirks::new();
        let keeps = Profile(Quirks(Profile::Lenient.0.0 | Quirks::of(Quirk::MembersKept).0));
        let profile = if keeps_members { keeps } else { Profile::Lenient };
        parts(replace(ORG, &group(vec![]), &draft, profile, &mut quirks, NOW).expect("decided"))
    };
    let same = json!({ "displayName": "Engineers", "schemas": [urn::GROUP], "id": "other", "members": [{ "value": ADA }] });
    assert_eq!(put(same, false), (Some(7), None, vec![MemberChange::Replaced(vec![ADA])]), "U-10");
    let bare = json!({ "schemas": [urn::GROUP], "displayName": "Makers" });
    assert_eq!(put(bare.clone(), false), (Some(7), Some("Makers".into()), vec![MemberChange::Replaced(vec![])]), "U-08");
    assert_eq!(put(bare.clone(), true), (Some(7), Some("Makers".into()), vec![]), "U-08, KC-01");
    let none = json!({ "schemas": [urn::GROUP], "displayName": "Engineers", "members": [] });
    assert_eq!(put(none, true), (Some(7), None, vec![MemberChange::Replaced(vec![])]), "an empty array says so");
}

#[test]
fn a_new_group_keeps_its_members_out_of_its_document() {
    // EN-13: Entra adds a schema of its own and `meta`.
    let body = json!({
        "schemas": [urn::GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "displayName": "Engineers", "externalId": "e1", "meta": { "resourceType": "Group" }, "members": [{ "value": ADA }],
    });
    let draft = Draft::parse(map(body), Schemas::core().group(), Profile::Lenient, &mut Quirks::new()).expect("EN-13");
    let Change::GroupCreated { doc, members, .. } = create(ORG, GroupId(ID), &draft, NOW).expect("small") else {
        panic!("not a creation");
    };
    let doc: Value = serde_json::from_str(&doc).expect("a document");
    let expected = json!({ "schemas": [urn::GROUP], "id": ID, "displayName": "Engineers", "externalId": "e1" });
    assert_eq!((doc, members), (expected, vec![ADA]));
    let nameless =
        Draft::parse(map(json!({ "schemas": [urn::GROUP] })), Schemas::core().group(), Profile::Lenient, &mut Quirks::new());
    assert_eq!(nameless.expect_err("S-42").scim_type, Some(ScimType::InvalidValue));
}
