//! A stored document: a JSON object that opens with `schemas` and `id`, without `meta` and without what other rows tell.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::base::limit::RESOURCE_BYTES_MAX;
use crate::scim::{Error, Kind, Record, resource};

/// The text of the document of `id` with `attributes`. 413 where it is too large to be kept.
pub(super) fn write(kind: Kind, id: Uuid, attributes: &Map<String, Value>) -> Result<String, Error> {
    let text = resource::document(kind, id, attributes);
    if text.len() > RESOURCE_BYTES_MAX {
        let detail = format!("the resource has {} bytes, at most {RESOURCE_BYTES_MAX} are kept", text.len());
        return Err(Error::status(413, detail));
    }
    Ok(text)
}

/// The attributes of a stored document.
pub(super) fn read(record: &Record) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(&record.doc).map_err(|_| Error::status(500, format!("the document of {} is not JSON", record.id)))
}

/// Whether two documents say the same. `schemas` and the keys of an object have no order (S-01, S-11).
pub(super) fn is_same(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    one.len() == other.len()
        && one.iter().all(|(name, value)| {
            other.get(name).is_some_and(|found| if name == "schemas" { is_same_set(value, found) } else { value == found })
        })
}

fn is_same_set(one: &Value, other: &Value) -> bool {
    match (one.as_array(), other.as_array()) {
        (Some(one), Some(other)) => one.len() == other.len() && one.iter().all(|value| other.contains(value)),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).expect("an object")
    }

    #[test]
    fn a_document_opens_with_schemas_and_id_and_holds_nothing_derived() {
        let attributes = map(json!({
            "userName": "ada", "id": "forged", "meta": {}, "groups": [1], "password": "x", "schemas": ["u"],
        }));
        assert_eq!(
            write(Kind::User, Uuid::from_u128(1), &attributes).expect("small"),
            r#"{"schemas":["u"],"id":"00000000-0000-0000-0000-000000000001","userName":"ada"}"#
        );
    }

    #[test]
    fn what_is_too_large_is_refused_by_name_of_the_limit() {
        let error =
            write(Kind::User, Uuid::nil(), &map(json!({ "title": "x".repeat(RESOURCE_BYTES_MAX) }))).expect_err("too large");
        assert_eq!(error.status, 413);
        assert!(error.detail.contains("at most 262144 are kept"), "{error}");
    }

    #[test]
    fn order_of_keys_and_of_schemas_means_nothing_and_order_of_values_does() {
        let one = map(json!({ "schemas": ["a", "b"], "name": { "x": 1, "y": 2 }, "emails": [1, 2] }));
        assert!(is_same(&one, &map(json!({ "emails": [1, 2], "name": { "y": 2, "x": 1 }, "schemas": ["b", "a"] }))));
        assert!(!is_same(&one, &map(json!({ "schemas": ["a", "b"], "name": { "x": 1, "y": 2 }, "emails": [2, 1] }))));
        assert!(!is_same(&one, &map(json!({ "schemas": ["a", "b"], "name": { "x": 1, "y": 2 } }))));
    }
}
