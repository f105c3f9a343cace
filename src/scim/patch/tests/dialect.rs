//! What identity providers send (EN-..).

use serde_json::json;

use super::*;

#[test]
fn what_entra_sends_is_understood() {
    lenient(json!({"active": true}), op("Replace", "active", json!("False")), json!({"active": false})); // EN-01, EN-02
    // EN-03, EN-04.
    let flat = json!([{"op": "Replace", "value": {"name.givenName": "A", "displayName": "B", format!("{ENTERPRISE}:employeeNumber"): "1"}}]);
    lenient(json!({}), flat, json!({"name": {"givenName": "A"}, "displayName": "B", ENTERPRISE: {"employeeNumber": "1"}}));
    let keyed = json!([{"op": "Add", "value": {r#"emails[type eq "work"].value"#: "a@b"}}]);
    lenient(json!({}), keyed, json!({"emails": [{"type": "work", "value": "a@b"}]}));
    // EN-05.
    lenient(
        json!({}),
        op("Add", "department", json!([{"$ref": null, "value": "Sales"}])),
        json!({ENTERPRISE: {"department": "Sales"}}),
    );
    // EN-06, P-09, P-15, EN-07.
    for name in ["add", "replace"] {
        let path = r#"emails[type eq "work"].Value"#;
        lenient(json!({}), op(name, path, json!("a@b")), json!({"emails": [{"type": "work", "value": "a@b"}]}));
        let nothing = r#"operation 1: `emails[type eq "work"].value` matched nothing"#;
        refused(Profile::Strict, json!({}), op(name, path, json!("a@b")), ScimType::NoTarget, nothing);
    }
    let vague = op("Add", r#"emails[type ne "work"].value"#, json!("a@b"));
    refused(
        Profile::Lenient,
        json!({}),
        vague,
        ScimType::NoTarget,
        r#"operation 1: `emails[type ne "work"].value` matched nothing"#,
    );
    let whole = op("replace", r#"emails[type eq "work" and primary eq "True"]"#, json!({"value": "a@b"}));
    lenient(json!({}), whole, json!({"emails": [{"type": "work", "primary": true, "value": "a@b"}]}));
    // EN-09.
    let managed = json!({ENTERPRISE: {"manager": {"value": "7"}}});
    lenient(json!({}), op("Add", "manager", json!("7")), managed.clone());
    lenient(json!({}), op("Replace", &format!("{ENTERPRISE}:manager"), json!([{"value": "7"}])), managed.clone());
    lenient(managed, op("Replace", "manager", json!("")), json!({}));
    // EN-12.
    let (a, b) = (json!({"type": "work", "value": "a", "primary": true}), json!({"type": "home", "value": "b"}));
    let gone = op("Remove", r#"emails[type eq "work"].value"#, json!("whatever"));
    lenient(json!({"emails": [a, b]}), gone, json!({"emails": [b]}));
    // EN-20.
    lenient(json!({}), op("Replace", "roles", json!(r#"{"id":1}"#)), json!({"roles": [{"value": r#"{"id":1}"#}]}));
    // P-19.
    lenient(json!({"emails": [a, b]}), op("Remove", "emails", json!([{"value": "A"}])), json!({"emails": [b]}));
    lenient(json!({"emails": [a, b]}), op("Remove", "emails", json!([])), json!({"emails": [a, b]}));
    // EN-14, S-47: extensions that are not ours.
    lenient(json!({}), op("Add", "urn:ietf:params:scim:schemas:extension:Custom:2.0:User:tag", json!("x")), json!({}));
    lenient(json!({}), json!([{"op": "Add", "value": {"nope": 1, "title": "T"}}]), json!({"title": "T"}));
    let mut quirks = Quirks::new();
    patched(Profile::Lenient, &user(json!({})), op("add", r#"emails[type eq "work"].value"#, json!(["x"])), &mut quirks)
        .expect("a patch");
    assert_eq!(quirks.names(), ["array-for-single-value", "value-path-created"]);
}
