//! PATCH bodies that nobody would send.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn json_value() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(vec!["", "x", "work", "True", ID, "a@b"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        text.prop_map(Value::from)
    ];
    let keys = prop::sample::select(vec![
        "value",
        "type",
        "primary",
        "Type",
        "givenName",
        "title",
        "emails",
        "id",
        ENTERPRISE,
        "manager",
        "nope",
    ]);
    leaf.prop_recursive(3, 12, 4, move |inner| {
        let array = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from);
        let object = prop::collection::vec((keys.clone(), inner), 0..4);
        prop_oneof![array, object.prop_map(|entries| entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())]
    })
}

proptest! {
    #[test]
    fn no_patch_panics_and_what_it_leaves_is_a_valid_document(operations in prop::collection::vec((
        prop::sample::select(vec!["add", "remove", "replace", "x"]),
        prop::option::of(prop::sample::select(vec!["title", "name", "name.givenName", "emails", "emails.value", "emails[type eq \"work\"]",
            "emails[type eq \"work\"].value", "emails[primary eq true].primary", "emails[", "[", "]", "manager", ENTERPRISE, "id", "active",
            "userName", "schemas", "groups", "x509Certificates.value", "addresses[type pr].country"])),
        json_value(),
    ), 0..5)) {
        let operations: Value = operations.into_iter().map(|(op, path, value)| json!({"op": op, "path": path, "value": value})).collect();
        let before = user(json!({"emails": [{"type": "work", "value": "a"}, {"type": "home", "value": "b", "primary": true}]}));
        for profile in [Profile::Lenient, Profile::Strict] {
            if let Ok((doc, _)) = patched(profile, &before, operations.clone(), &mut Quirks::new()) {
                // P-27: it would be accepted as a PUT, and comes out the same.
                let accepted = crate::scim::resource::accept(Schemas::core().user(), doc.clone(), profile, &mut Quirks::new());
                let mut expected = doc.clone();
                expected.shift_remove("id");
                prop_assert_eq!(accepted, Ok(expected), "{}", operations);
            }
        }
    }
}
