//! Bulk requests as a client may send them: read, refused, put in order.

use super::*;

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn parse(profile: Profile, body: Value) -> Result<BulkRequest, Error> {
    BulkRequest::parse(body.as_object().cloned().expect("an object"), Schemas::core(), profile, &mut Quirks::new())
}

fn request(operations: Value) -> BulkRequest {
    parse(Profile::Lenient, json!({ "schemas": [urn::BULK_REQUEST], "Operations": operations })).expect("a bulk request")
}

/// A POST of a group with these members.
fn group(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|member| json!({ "value": member })).collect();
    json!({ "method": "POST", "path": "/Groups", "bulkId": name, "data": { "displayName": name, "members": members } })
}

fn shown(error: &Error) -> String {
    format!("{} {} {}", error.status, error.scim_type.map_or("-", ScimType::as_str), error.detail)
}

/// What becomes of one operation: method, type, target, or the refusal.
#[track_caller]
fn check(operation: Value, expected: &str) {
    for profile in [Profile::Lenient, Profile::Strict] {
        let body = json!({ "schemas": [urn::BULK_REQUEST], "Operations": [operation.clone()] });
        let request = parse(profile, body).expect("a bulk request");
        let got = match &request.operations[0].request {
            Ok(request) => format!("{:?} {:?} {:?}", request.method, request.kind, request.target),
            Err(error) => shown(error),
        };
        assert!(got.starts_with(expected), "{operation}\n got {got}\nwant {expected}");
    }
}

#[test]
fn an_operation_names_a_method_a_type_and_a_resource() {
    // B-02.
    let post = |path: &str| json!({ "method": "POST", "path": path, "bulkId": "x", "data": {} });
    let delete = |path: &str| json!({ "method": "DELETE", "path": path });
    check(post("/Users"), "Post User None");
    check(post("/Groups"), "Post Group None");
    check(post("/Users/"), "Post User None");
    check(delete(&format!("/Invitations/{ID}")), &format!("Delete Invitation Some(Id({ID}))"));
    check(delete("/Users/7"), r#"Delete User Some(Nothing("7"))"#);
    check(delete(&format!("/Users/{}", ID.to_uppercase())), "Delete User Some(Nothing("); // P-31
    check(post(&format!("/Users/{ID}")), "400 invalidSyntax `path` ");
    check(delete("/Users"), r#"400 invalidSyntax `path` "/Users" names no resource, expected one like `/Users/{id}`"#);
    check(json!({ "method": "GET", "path": "/Users" }), r#"400 invalidSyntax `method` is "GET""#);
    check(json!({ "method": "POST", "path": "/Users", "data": {} }), "400 invalidSyntax `bulkId` is not there"); // B-03
    check(json!({ "method": "DELETE" }), "400 invalidSyntax `path` is not there");
    // B-04.
    check(json!({ "method": "PUT", "path": format!("/Users/{ID}") }), "400 invalidSyntax `data` is not there");
    check(json!({ "method": "POST", "path": "/Users", "bulkId": "x", "data": [] }), "400 invalidSyntax `data` is an array");
    check(
        json!({ "method": "DELETE", "path": format!("/Users/{ID}"), "version": 1 }),
        "400 invalidSyntax `version` is a number",
    );
}

#[test]
fn a_path_leads_nowhere_else() {
    // B-02, T-06; SEC S-43: looked up, never followed.
    for path in [
        "",
        "/",
        "Users",
        "/Bulk",
        "/.search",
        "/Users/.search",
        "/Invitations/.accept",
        "/Me",
        "/Schemas",
        "//Users/7",
        "/Users//7",
        "/users/7",
        "/v2/Users/7",
        "/Users/7/",
        "/Users/..",
        "/Users/../Groups/7",
        "/Users/%2e%2e/7",
        "/Users/7?attributes=id",
        "/Users/7#x",
        "/../../o/other/scim2/Users/7",
        "/t/acme/o/other/scim2/Users/7",
        "https://usher.test/t/acme/o/other/scim2/Users/7",
        "//other.test/Users/7",
        "/Users/\u{202e}7",
        "é/Users/7",
        "/Users\\7",
    ] {
        check(json!({ "method": "DELETE", "path": path }), "400 invalidSyntax `path` ");
    }
}

#[test]
fn only_lenient_forgives() {
    // B-02, B-04.
    let bare = json!({ "method": "Patch", "path": format!("/Users/{ID}"), "data": [{ "op": "remove", "path": "title" }] });
    let body = json!({ "schemas": [urn::BULK_REQUEST], "Operations": [bare] });
    let lenient = parse(Profile::Lenient, body.clone()).expect("a bulk request");
    let patch = lenient.operations[0].request.as_ref().expect("forgiven");
    let message = json!({ "schemas": [urn::PATCH_OP], "Operations": [{ "op": "remove", "path": "title" }] });
    assert_eq!(Value::Object(lenient.data(patch, |_| None)), message);
    assert_eq!(lenient.operations[0].method, "Patch", "told as it was sent");
    let strict = parse(Profile::Strict, body).expect("a bulk request");
    assert!(strict.operations[0].request.is_err());
    let strict = parse(Profile::Strict, json!({ "Operations": [group("a", &[])] }));
    assert_eq!(
        shown(&strict.expect_err("no schemas")),
        format!("400 invalidSyntax `schemas` does not hold `{}`", urn::BULK_REQUEST)
    );
}

#[test]
fn a_request_that_cannot_be_read_as_a_whole_is_refused_as_a_whole() {
    let refused = |body: Value, expected: &str| {
        let error = parse(Profile::Lenient, body.clone()).expect_err(expected);
        assert!(shown(&error).starts_with(expected), "{body}: {}", shown(&error));
    };
    refused(json!({}), "400 invalidSyntax `Operations` is not there");
    refused(json!({ "Operations": {} }), "400 invalidSyntax `Operations` is not there");
    refused(json!({ "Operations": [] }), "400 invalidSyntax `Operations` is empty");
    refused(json!({ "Operations": [7] }), "400 invalidSyntax operation 1: it is a number");
    refused(json!({ "Operations": [{ "path": "/Users" }] }), "400 invalidSyntax operation 1: `method` is not");
    refused(
        json!({ "schemas": [urn::PATCH_OP], "Operations": [group("a", &[])] }),
        "400 invalidSyntax `schemas` does not hold",
    );
    // B-03.
    refused(
        json!({ "Operations": [group("a", &[]), group("b", &[]), group("a", &[])] }),
        r#"400 invalidSyntax operation 3: the `bulkId` "a" occurs twice"#,
    );
    refused(json!({ "Operations": [group("", &[])] }), "400 invalidSyntax operation 1: `bulkId` is no string of 1 to 256");
    refused(json!({ "Operations": [group(&"x".repeat(257), &[])] }), "400 invalidSyntax operation 1: `bulkId`");
    // B-09.
    for wrong in [json!(0), json!(-1), json!(1.5), json!("1"), json!(true)] {
        let expected = "400 invalidValue `failOnErrors` is ";
        refused(json!({ "failOnErrors": wrong, "Operations": [group("a", &[])] }), expected);
    }
    // B-14.
    let many: Vec<Value> = (0..=BULK_OPERATIONS_MAX).map(|n| group(&n.to_string(), &[])).collect();
    refused(json!({ "Operations": many }), "413 - `Operations` has 1001 operations, `maxOperations` is 1000");
}

#[test]
fn a_reference_is_replaced_wherever_it_stands() {
    // B-05.
    let one = Uuid::from_u128(1);
    let data = json!({
        "manager": { "value": "bulkId:a", "$ref": "../Users/bulkId:a" },
        "members": [{ "value": "bulkId:a" }, { "value": ID }],
        "urn:x": { "deep": [["bulkId:a"]] },
        "Operations": [{ "op": "add", "path": "members[value eq \"bulkId:a\" or value eq \"bulkId:a\"]", "value": "bulkId:a" }],
        "displayName": "see bulkId:a", "note": "\"bulkId:a\"",
    });
    let made = group("a", &[]);
    let request = request(json!([{ "method": "PUT", "path": "/Groups/bulkId:a", "data": data }, made]));
    let put = request.operations[0].request.as_ref().expect("a good one");
    assert_eq!((put.target.as_ref(), put.refers.iter().collect::<Vec<_>>()), (Some(&Target::Made(1)), vec![&1]));
    let expected = json!({
        "manager": { "value": one, "$ref": format!("../Users/{one}") },
        "members": [{ "value": one }, { "value": ID }],
        "urn:x": { "deep": [[one]] },
        "Operations": [{ "op": "add", "path": format!("members[value eq \"{one}\" or value eq \"{one}\"]"), "value": one }],
        "displayName": "see bulkId:a", "note": "\"bulkId:a\"",
    });
    assert_eq!(Value::Object(request.data(put, |at| (at == 1).then_some(one))), expected);
}

#[test]
fn a_reference_to_nothing_fails_its_operation() {
    // B-07.
    let deleted = json!({ "method": "DELETE", "path": format!("/Users/{ID}"), "bulkId": "gone" });
    for (operation, name) in [
        (group("a", &["bulkId:nobody"]), "nobody"),
        (json!({ "method": "DELETE", "path": "/Users/bulkId:nobody" }), "nobody"),
        (group("a", &["bulkId:"]), ""),
        // Only what POST makes has an id of its own.
        (group("a", &["bulkId:gone"]), "gone"),
    ] {
        let request = request(json!([operation, deleted]));
        let error = request.operations[0].request.as_ref().expect_err(name);
        assert_eq!(shown(error), format!("409 invalidValue `bulkId:{name}` is made by no operation of this request"));
    }
}

#[test]
fn only_what_refers_to_later_operations_waits() {
    // B-06, B-08.
    let patch = |path: &str, member: &str| json!({ "method": "PATCH", "path": path, "data": [{ "op": "add", "path": "members", "value": { "value": member } }] });
    let fixed = format!("/Groups/{ID}");
    let check = |operations: Value, expected: &[&[usize]]| {
        assert_eq!(order(&request(operations.clone()).operations), expected, "{operations}");
    };
    check(json!([group("a", &[]), group("b", &["bulkId:a"]), group("c", &[])]), &[&[0], &[1], &[2]]);
    check(json!([group("a", &["bulkId:c"]), group("b", &[]), group("c", &[])]), &[&[1], &[2], &[0]]);
    check(json!([group("a", &["bulkId:b"]), group("b", &["bulkId:c"]), group("c", &[])]), &[&[2], &[1], &[0]]);
    // What comes later for the same resource stays later; the others do not wait.
    let same = json!([patch(&fixed, "bulkId:a"), patch(&fixed, ID), patch("/Groups/7", ID), group("a", &[])]);
    check(same, &[&[2], &[3], &[0], &[1]]);
    let path = json!([patch("/Groups/bulkId:a", "bulkId:b"), group("b", &[]), group("a", &[])]);
    check(path, &[&[1], &[2], &[0]]);
    // Circles: one of two, one of one, two that meet, and what hangs on them.
    check(json!([group("a", &["bulkId:b"]), group("b", &["bulkId:a"]), group("c", &[])]), &[&[2], &[0, 1]]);
    check(json!([group("a", &["bulkId:a"])]), &[&[0]]);
    let chain = json!([
        group("x", &["bulkId:a"]),
        group("a", &["bulkId:b", "bulkId:c"]),
        group("b", &["bulkId:a"]),
        group("c", &["bulkId:d"]),
        group("d", &["bulkId:c"]),
    ]);
    check(chain, &[&[3, 4], &[1, 2], &[0]]);
    // What cannot be read waits for nothing.
    check(json!([group("a", &["bulkId:nobody"]), group("b", &["bulkId:a"])]), &[&[0], &[1]]);
}

#[test]
fn a_thousand_links_overflow_nothing() {
    let last = BULK_OPERATIONS_MAX - 1;
    let link = |from: usize, to: usize| group(&from.to_string(), &[&format!("bulkId:{to}")]);
    let ring: Vec<Value> = (0..=last).map(|n| link(n, if n == last { 0 } else { n + 1 })).collect();
    assert_eq!(order(&request(json!(ring)).operations), [(0..=last).collect::<Vec<_>>()]);
    let mut chain: Vec<Value> = (0..last).map(|n| link(n, n + 1)).collect();
    chain.push(group(&last.to_string(), &[]));
    let backwards: Vec<Vec<usize>> = (0..=last).rev().map(|n| vec![n]).collect();
    assert_eq!(order(&request(json!(chain)).operations), backwards);
}
