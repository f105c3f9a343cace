//! Definitions that others bring along, read and judged before anything is built on them.
//!
//! A refusal names the schema and the attribute. What is taken has every characteristic, so what is published can be enforced
//! (D-10).

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Attribute, Mutability, Returned, Schema, Type, Uniqueness, common, meta_schemas};
use crate::base::limit::{NAME_CHARS_MAX, RESOURCE_BYTES_MAX, SCHEMA_ATTRIBUTES_MAX, STRING_CHARS_MAX};
use crate::scim::{Error, ScimType, json};

impl Schema {
    /// The schema that `body` defines, in the form in which `/Schemas` shows it. What is left out has the default of RFC 7643
    /// §2.2 (S-05).
    pub fn define(mut body: Map<String, Value>) -> Result<Schema, Error> {
        let id = text(&mut body, "id")?.ok_or_else(|| invalid("a schema needs an `id`"))?;
        is_urn(&id)?;
        let within = |error: Error| Error { detail: format!("schema `{id}`: {}", error.detail), ..error };
        let schema = Schema {
            name: text(&mut body, "name").map_err(within)?.unwrap_or_else(|| id.rsplit(':').next().unwrap_or_default().into()),
            description: text(&mut body, "description").map_err(within)?.unwrap_or_default(),
            attributes: attributes(json::take(&mut body, "attributes").unwrap_or_default(), None).map_err(within)?,
            id: id.clone(),
        };
        let count: usize = schema.attributes.iter().map(|attribute| 1 + attribute.sub_attributes.len()).sum();
        if count == 0 || count > SCHEMA_ATTRIBUTES_MAX {
            return Err(within(invalid(format!("it has {count} attributes, expected 1 to {SCHEMA_ATTRIBUTES_MAX}"))));
        }
        match body.keys().find(|key| !["schemas", "meta"].contains(&key.to_ascii_lowercase().as_str())) {
            Some(key) => Err(within(invalid(format!("`{key}` is no part of a schema")))),
            None if serde_json::to_string(&schema).is_ok_and(|text| text.len() > RESOURCE_BYTES_MAX) => {
                Err(within(invalid(format!("it takes more than {RESOURCE_BYTES_MAX} bytes"))))
            }
            None => Ok(schema),
        }
    }
}

fn attributes(value: Value, parent: Option<&str>) -> Result<Vec<Attribute>, Error> {
    let items = match value {
        Value::Null => return Ok(vec![]),
        Value::Array(items) => items,
        other => return Err(invalid(format!("its attributes are {}, expected an array", json::kind_of(&other)))),
    };
    let mut names = HashSet::new();
    let mut attributes = Vec::with_capacity(items.len());
    for item in items {
        let Value::Object(item) = item else {
            return Err(invalid(format!("an attribute is {}, expected an object", json::kind_of(&item))));
        };
        let attribute = attribute(item, parent)?;
        if !names.insert(attribute.name.to_ascii_lowercase()) {
            return Err(invalid(format!("attribute `{}` is defined twice", attribute.name)));
        }
        attributes.push(attribute);
    }
    Ok(attributes)
}

fn attribute(mut item: Map<String, Value>, parent: Option<&str>) -> Result<Attribute, Error> {
    // D-04: others publish null for what does not apply.
    item.retain(|_, value| !value.is_null());
    let name = item.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let path = parent.map_or_else(|| name.clone(), |parent| format!("{parent}.{name}"));
    let wrong = |what: String| invalid(format!("attribute `{path}`: {what}"));
    if !is_name(&name) {
        let detail = "its `name` is no letter followed by letters, digits, `-`, `_` or `$`";
        return Err(wrong(detail.to_owned())); // S-04
    }
    // S-22.
    if parent.is_none() && (common().attribute(&name).is_some() || name.eq_ignore_ascii_case("schemas")) {
        return Err(wrong("every resource has it, it cannot be defined anew".into()));
    }
    let subs = item.shift_remove("subAttributes").unwrap_or_default();
    let mut attribute: Attribute = serde_json::from_value(Value::Object(item)).map_err(|error| wrong(error.to_string()))?;
    attribute.sub_attributes = attributes(subs, Some(&path))?;
    check(&mut attribute, parent).map_err(|what| wrong(what.to_owned()))?;
    Ok(attribute)
}

fn check(attribute: &mut Attribute, parent: Option<&str>) -> Result<(), &'static str> {
    let is_complex = attribute.kind == Type::Complex;
    let longest = attribute.canonical_values.iter().chain([&attribute.description]).map(String::len).max();
    if longest > Some(STRING_CHARS_MAX) || attribute.canonical_values.len() > SCHEMA_ATTRIBUTES_MAX {
        return Err("it is described at too great a length");
    }
    match attribute.kind {
        Type::Complex if parent.is_some() => return Err("a complex attribute cannot hold a complex one (S-10)"),
        // RFC 7643 §2.3.6, §2.3.7.
        Type::Binary | Type::Reference => attribute.case_exact = true,
        _ => {}
    }
    if is_complex == attribute.sub_attributes.is_empty() {
        return Err("`subAttributes` belong to type `complex`, which needs some");
    }
    if (attribute.kind == Type::Reference) == attribute.reference_types.is_empty() {
        return Err("`referenceTypes` belong to type `reference`, which needs some (S-09)");
    }
    match attribute.uniqueness {
        Uniqueness::None => {}
        Uniqueness::Server if !matches!(attribute.kind, Type::Complex | Type::Boolean | Type::Binary) => {}
        Uniqueness::Server => return Err("values of its type cannot be unique"),
        Uniqueness::Global => return Err("`uniqueness` `global` cannot be promised, organizations know nothing of each other"),
    }
    if attribute.mutability == Mutability::WriteOnly && attribute.returned != Returned::Never {
        return Err("what is `writeOnly` is `returned` `never` (S-27)");
    }
    if attribute.mutability == Mutability::ReadOnly && attribute.required {
        return Err("nobody could supply what is required and `readOnly`");
    }
    Ok(())
}

/// A name as RFC 7643 §2.1 has it; `$ref` as well (S-04).
pub(super) fn is_name(name: &str) -> bool {
    let rest = name.strip_prefix('$').unwrap_or(name);
    let is_legal = |c: char| c.is_ascii_alphanumeric() || "-_$".contains(c);
    name.len() <= NAME_CHARS_MAX && rest.starts_with(|c: char| c.is_ascii_alphabetic()) && rest.chars().all(is_legal)
}

fn is_urn(id: &str) -> Result<(), Error> {
    let lower = id.to_ascii_lowercase();
    let is_legal = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    let parts = lower.split(':').count();
    if !lower.starts_with("urn:") || parts < 3 || lower.split(':').any(str::is_empty) || !id.chars().all(is_legal) {
        return Err(invalid(format!("schema {id:?}: its `id` is no URN such as `urn:example:scim:schemas:2.0:Badge`")));
    }
    let is_ours = lower.starts_with("urn:usher:") || meta_schemas().iter().any(|meta| meta.id.eq_ignore_ascii_case(id));
    // S-02.
    if is_ours || lower.contains(":messages:2.0:") {
        return Err(invalid(format!("schema `{id}`: the URN is reserved")));
    }
    Ok(())
}

/// The text under `name`, bounded.
pub(super) fn text(body: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Error> {
    let most = if name == "description" { STRING_CHARS_MAX } else { NAME_CHARS_MAX };
    match json::take(body, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= most && !text.trim().is_empty() => Ok(Some(text)),
        Some(_) => Err(invalid(format!("`{name}` is no text of at most {most} characters"))),
    }
}

pub(super) fn invalid(detail: impl Into<String>) -> Error {
    Error::bad(ScimType::InvalidValue, detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URN: &str = "urn:example:scim:schemas:2.0:Badge";

    fn define(attributes: Value) -> Result<Schema, Error> {
        let body = json!({ "id": URN, "attributes": attributes });
        Schema::define(body.as_object().cloned().expect("an object"))
    }

    #[track_caller]
    fn refused(attributes: Value, why: &str) {
        let error = define(attributes).expect_err(why).detail;
        assert_eq!(error, format!("schema `{URN}`: {why}"));
    }

    #[test]
    fn what_is_left_out_has_the_default_of_the_rfc() {
        // S-05; S-04: the whole alphabet of names.
        let schema = define(json!([{ "name": "co-lor_$1", "subAttributes": null }])).expect("a schema");
        let published = serde_json::to_value(&schema).expect("json");
        let expected = json!({"id": URN, "name": "Badge", "attributes": [{"name": "co-lor_$1", "type": "string",
            "multiValued": false, "required": false, "caseExact": false, "mutability": "readWrite", "returned": "default",
            "uniqueness": "none"}]});
        assert_eq!(published, expected);
    }

    #[test]
    fn a_definition_that_cannot_be_kept_is_refused_by_name() {
        for name in ["", "1a", "a b", "a.b", "ä", "_a", "a\"b"] {
            refused(
                json!([{ "name": name }]),
                &format!("attribute `{name}`: its `name` is no letter followed by letters, digits, `-`, `_` or `$`"),
            );
        }
        // S-22: also in another case.
        for name in ["id", "externalid", "META", "schemas"] {
            let why = format!("attribute `{name}`: every resource has it, it cannot be defined anew");
            refused(json!([{ "name": name }]), &why);
        }
        let nested = json!([{"name": "a", "type": "complex", "subAttributes": [{"name": "b", "type": "complex",
            "subAttributes": [{"name": "c"}]}]}]);
        refused(nested, "attribute `a.b`: a complex attribute cannot hold a complex one (S-10)");
        refused(json!([{ "name": "a" }, { "name": "A" }]), "attribute `A` is defined twice");
        refused(
            json!([{ "name": "a", "type": "complex" }]),
            "attribute `a`: `subAttributes` belong to type `complex`, which needs some",
        );
        refused(
            json!([{ "name": "a", "type": "reference" }]),
            "attribute `a`: `referenceTypes` belong to type `reference`, which needs some (S-09)",
        );
        refused(
            json!([{ "name": "a", "mutability": "writeOnly" }]),
            "attribute `a`: what is `writeOnly` is `returned` `never` (S-27)",
        );
        refused(
            json!([{ "name": "a", "type": "boolean", "uniqueness": "server" }]),
            "attribute `a`: values of its type cannot be unique",
        );
        refused(
            json!([{ "name": "a", "mutability": "readOnly", "required": true }]),
            "attribute `a`: nobody could supply what is required and `readOnly`",
        );
        refused(json!([]), "it has 0 attributes, expected 1 to 256");
        let error = define(json!([{ "name": "a", "type": "int" }])).expect_err("a type").detail;
        assert!(error.contains("attribute `a`") && error.contains("`int`"), "{error}");
    }

    #[test]
    fn a_urn_has_a_form_and_some_are_taken() {
        for id in ["", "badge", "urn:x", "urn:x:", "urn:a:b c", "urn:a:\"b", "http://a/b"] {
            let body = json!({ "id": id, "attributes": [{ "name": "a" }] });
            assert!(Schema::define(body.as_object().cloned().expect("an object")).is_err(), "{id}");
        }
        // S-02.
        for id in ["urn:usher:x", "urn:ietf:params:scim:api:messages:2.0:Mine", crate::scim::urn::SCHEMA] {
            let body = json!({ "id": id, "attributes": [{ "name": "a" }] });
            let error = Schema::define(body.as_object().cloned().expect("an object")).expect_err(id).detail;
            assert!(error.contains("reserved"), "{error}");
        }
    }
}
