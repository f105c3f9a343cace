//! A resource as it is stored and as it is answered.

use std::collections::HashSet;
use std::fmt;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::path::{self, Name, Resolved};
use super::schema::{Attribute, Extension, Mutability, ResourceType, Schema};
use super::value::{self, Place};
use super::{Error, Profile, Quirk, Quirks, ScimType, json};
use crate::base::limit::RESOURCE_BYTES_MAX;
use crate::base::{Timestamp, TypeId, UserId};

/// The resource types of an org.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// RFC 7643 §4.1.
    User,
    /// RFC 7643 §4.2.
    Group,
    /// An invitation of a user of the parent org.
    Invitation,
    /// An org below.
    Organization,
    /// What somebody added.
    Custom(TypeId),
}

/// A resource as the store keeps it: the document without `meta` and without what is derived from other rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The `id`.
    pub id: Uuid,
    /// Counts the changes of the representation, from 1; `W/"n"` as an ETag.
    pub version: u64,
    /// `meta.created`.
    pub created: Timestamp,
    /// `meta.lastModified`.
    pub last_modified: Timestamp,
    /// A JSON object that opens with `schemas` and `id`: the bytes to be answered, but for its tail.
    pub doc: String,
    /// `groups` of a user, `members` of a group or `ancestors` of an org, where the reader asked for them. A user's manager,
    /// where there is one, stands before its groups (S-43).
    pub references: Vec<Reference>,
}

/// One element of `groups`, `members` or `ancestors`, or a `manager`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `value`.
    pub id: Uuid,
    /// What `$ref` points at.
    pub kind: Kind,
    /// `display`.
    pub display: String,
}

/// A POST or PUT body, validated and brought into the schema's types and spelling: canonical names, `schemas` first and as
/// its content demands, nothing read-only, unknown or unassigned. A group's `members` and a user's `password` are kept, for
/// the caller to take out.
pub fn accept(
    resource_type: &ResourceType,
    mut body: Map<String, Value>,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<Map<String, Value>, Error> {
    check_schemas(json::take(&mut body, "schemas"), resource_type, profile, quirks)?;
    let mut out = Map::from_iter([("schemas".to_owned(), Value::Null)]);
    for attribute in resource_type.attributes() {
        // C-03, S-25, U-04: what is read-only is passed over.
        let sent = json::take(&mut body, &attribute.name).filter(|_| !attribute.is_read_only());
        let place = Place::at(&attribute.name);
        let value = sent.map_or(Ok(None), |value| value::canonical(attribute, value, place, profile, quirks))?;
        out.extend(value.map(|value| (attribute.name.clone(), value)));
    }
    for extension in &resource_type.extensions {
        let values = match json::take(&mut body, &extension.schema.id) {
            None | Some(Value::Null) => continue,
            Some(Value::Object(values)) => values,
            Some(other) => {
                let detail = format!("`{}` is {}, expected an object", extension.schema.id, json::kind_of(&other));
                return Err(Error::bad(ScimType::InvalidValue, detail));
            }
        };
        for (name, value) in values {
            match extension.schema.attribute(&name) {
                Some(attribute) => extend(&mut out, &extension.schema, attribute, value, profile, quirks)?,
                None => value::unknown(&format_args!("{}:{name}", extension.schema.id), &value, profile, quirks)?,
            }
        }
    }
    for (key, value) in body {
        match path::resolve(&key, resource_type, profile) {
            // EN-04, EN-09: `urn:…:User:department` or a bare `department` at the top.
            Resolved::Attribute(Name { extension: Some(schema), attribute, sub: None })
                if quirks.allow(profile, if key.contains(':') { Quirk::FlatExtension } else { Quirk::BareExtension }) =>
            {
                extend(&mut out, schema, attribute, value, profile, quirks)?;
            }
            _ => value::unknown(&key, &value, profile, quirks)?,
        }
    }
    complete(resource_type, &mut out)?;
    Ok(out)
}

fn extend(
    out: &mut Map<String, Value>,
    schema: &Schema,
    attribute: &Attribute,
    value: Value,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<(), Error> {
    let Some(value) = value::canonical(attribute, value, Place::at(&attribute.name), profile, quirks)? else { return Ok(()) };
    if !attribute.is_read_only() {
        let values = out.entry(schema.id.clone()).or_insert_with(|| Value::Object(Map::new()));
        values[&attribute.name] = value;
    }
    Ok(())
}

/// What holds for a document as a whole, after a body was accepted or a PATCH applied (P-27): what is required is there
/// (S-23), one value at most is primary (S-13), the size is bounded; and `schemas` says what the content is (S-01, P-24).
pub(super) fn complete(resource_type: &ResourceType, document: &mut Map<String, Value>) -> Result<(), Error> {
    let schemas =
        resource_type.extensions.iter().map(|extension| &extension.schema.id).filter(|urn| document.contains_key(*urn));
    let schemas = std::iter::once(&resource_type.schema.id).chain(schemas).cloned().collect();
    document.insert("schemas".to_owned(), schemas);
    resource_type.attributes().try_for_each(|attribute| whole(attribute, document.get(&attribute.name), &attribute.name))?;
    for Extension { schema, .. } in &resource_type.extensions {
        let Some(values) = document.get(&schema.id) else { continue };
        for attribute in &schema.attributes {
            whole(attribute, values.get(&attribute.name), &format_args!("{}:{}", schema.id, attribute.name))?;
        }
    }
    let bytes: usize = document.iter().filter(|(name, _)| *name != "members").map(|(_, value)| value.to_string().len()).sum();
    if bytes > RESOURCE_BYTES_MAX {
        return Err(Error::status(413, format!("the resource has {bytes} bytes, at most {RESOURCE_BYTES_MAX} are kept")));
    }
    Ok(())
}

fn whole(attribute: &Attribute, value: Option<&Value>, place: &dyn fmt::Display) -> Result<(), Error> {
    // S-34: blank is empty.
    let is_blank = value.is_none_or(|value| value.as_str().is_some_and(|text| text.trim().is_empty()));
    if attribute.required && !attribute.is_read_only() && is_blank {
        return Err(value::missing(place));
    }
    if value.is_some_and(|value| value::primaries(value) > 1) {
        return Err(Error::bad(ScimType::InvalidValue, format!("`{place}` has more than one primary value")));
    }
    Ok(())
}

/// S-33: 400 unless the document has every extension that its type requires. A guest, whose document is a projection, is not
/// asked.
pub fn require_extensions(resource_type: &ResourceType, document: &Map<String, Value>) -> Result<(), Error> {
    let missing = |extension: &&Extension| extension.required && !document.contains_key(&extension.schema.id);
    match resource_type.extensions.iter().find(missing) {
        Some(extension) => Err(value::missing(&extension.schema.id)),
        None => Ok(()),
    }
}

/// Makes of `after`, a body that replaces `before`, what a PUT makes of it: what is read-only or immutable stays where the body
/// leaves it out (S-25); another value of what is immutable is refused with 400 `mutability` (S-26).
pub fn carry(resource_type: &ResourceType, before: &Map<String, Value>, after: &mut Map<String, Value>) -> Result<(), Error> {
    hold(&resource_type.schema.attributes, before, after, Omission::Keeps)?;
    for Extension { schema, .. } in &resource_type.extensions {
        let Some(values) = before.get(&schema.id).and_then(Value::as_object) else { continue };
        let mut kept = after.get(&schema.id).and_then(Value::as_object).cloned().unwrap_or_default();
        hold(&schema.attributes, values, &mut kept, Omission::Keeps)?;
        if !kept.is_empty() {
            after.insert(schema.id.clone(), Value::Object(kept));
        }
    }
    complete(resource_type, after)
}

/// What it means that a write leaves an immutable attribute out.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Omission {
    /// It stays: PUT.
    Keeps,
    /// It was removed: PATCH.
    Removes,
}

/// Holds `after` to what `before` has of immutable attributes and of immutable sub-attributes of single values. Elements of
/// several values come and go as wholes (S-26).
pub(super) fn hold(
    attributes: &[Attribute],
    before: &Map<String, Value>,
    after: &mut Map<String, Value>,
    omission: Omission,
) -> Result<(), Error> {
    for attribute in attributes {
        let Some(old) = before.get(&attribute.name) else { continue };
        match (attribute.mutability, after.get_mut(&attribute.name)) {
            (Mutability::ReadOnly | Mutability::Immutable, None) if omission == Omission::Keeps => {
                after.insert(attribute.name.clone(), old.clone());
            }
            (Mutability::Immutable, new) if new.as_deref() != Some(old) => {
                let detail = format!("`{}` cannot be changed any more", attribute.name);
                return Err(Error::bad(ScimType::Mutability, detail));
            }
            (Mutability::ReadWrite | Mutability::WriteOnly, Some(Value::Object(new))) => {
                if let Some(old) = old.as_object() {
                    let fixed = |sub: &&Attribute| sub.mutability == Mutability::Immutable;
                    let fixed: Vec<Attribute> = attribute.sub_attributes.iter().filter(fixed).cloned().collect();
                    hold(&fixed, old, new, omission).map_err(|error| Error {
                        detail: error.detail.replacen('`', &format!("`{}.", attribute.name), 1),
                        ..error
                    })?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_schemas(
    sent: Option<Value>,
    resource_type: &ResourceType,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<(), Error> {
    let syntax = |detail: String| Err(Error::bad(ScimType::InvalidSyntax, detail));
    let base = &resource_type.schema.id;
    let items = match sent {
        Some(Value::Array(items)) => items,
        // C-15: without `schemas` the endpoint says what is meant.
        None | Some(Value::Null) => vec![],
        Some(other) => vec![other],
    };
    let mut has_base = false;
    for item in items {
        let Value::String(urn) = item else {
            return syntax(format!("`schemas` holds {}, expected URNs", json::kind_of(&item)));
        };
        // S-02.
        if urn.to_ascii_lowercase().contains(":messages:2.0:") {
            return syntax(format!("`schemas` holds the URN of a message, {urn:?}, expected `{base}`"));
        }
        has_base |= urn.eq_ignore_ascii_case(base);
        let is_known = urn.eq_ignore_ascii_case(base) || resource_type.extension(&urn).is_some();
        // S-48: EN-13, EN-15, GO-02.
        if !is_known && !quirks.allow(profile, Quirk::UnknownSchema) {
            return syntax(format!("`schemas` holds {urn:?}, which is no schema of a {}", resource_type.name));
        }
    }
    if has_base || quirks.allow(profile, Quirk::SchemasMissing) {
        return Ok(());
    }
    syntax(format!("`schemas` does not hold `{base}`"))
}

/// The text to be stored: `schemas` and `id` first, then what `attributes` holds, less what is kept elsewhere (`meta`,
/// `members`, `groups`, `password`).
pub fn document(kind: Kind, id: Uuid, attributes: &Map<String, Value>) -> String {
    let elsewhere: &[&str] = match kind {
        Kind::User => &["groups", "password"],
        Kind::Group => &["members"],
        Kind::Organization => &["status", "hasChildren", "parent", "ancestors"],
        Kind::Invitation | Kind::Custom(_) => &[],
    };
    let mut doc = Map::new();
    if let Some(schemas) = attributes.get("schemas") {
        doc.insert("schemas".to_owned(), schemas.clone());
    }
    doc.insert("id".to_owned(), id.to_string().into());
    for (name, value) in attributes {
        if !["schemas", "id", "meta"].contains(&name.as_str()) && !elsewhere.contains(&name.as_str()) {
            doc.insert(name.clone(), value.clone());
        }
    }
    Value::Object(doc).to_string()
}

/// The ids in a value of `members`, as [`accept`] leaves it; each once, in order. What cannot be an id is passed over where
/// `profile` says so, else refused: 400 `invalidValue` naming it (S-45).
pub fn member_ids(members: &Value, profile: Profile, quirks: &mut Quirks) -> Result<Vec<Uuid>, Error> {
    let mut seen = HashSet::new();
    let mut ids = Vec::new();
    for member in members.as_array().into_iter().flatten() {
        let text = member["value"].as_str().ok_or_else(|| value::missing(&"members.value"))?;
        let Some(id) = id(text) else {
            if quirks.allow(profile, Quirk::UnknownMembersSkipped) {
                continue;
            }
            let shown: String = text.chars().take(64).collect();
            return Err(Error::bad(ScimType::InvalidValue, format!("`members.value` {shown:?} is no user or group")));
        };
        ids.extend(seen.insert(id).then_some(id));
    }
    Ok(ids)
}

/// An id in the one spelling that the server gives out; ids are `caseExact` (P-31).
pub(super) fn id(text: &str) -> Option<Uuid> {
    text.parse::<UserId>().ok().map(|id| id.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::{Schemas, urn};
    use serde_json::json;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    fn run(resource_type: &ResourceType, profile: Profile, body: Value) -> (String, Vec<&'static str>) {
        let mut quirks = Quirks::new();
        let body = body.as_object().cloned().expect("an object");
        let got = match accept(resource_type, body, profile, &mut quirks) {
            Ok(map) => Value::Object(map).to_string(),
            Err(error) => format!("!! {} {}", error.scim_type.map_or("", ScimType::as_str), error.detail),
        };
        (got, quirks.names().to_vec())
    }

    #[track_caller]
    fn check(body: Value, expected: &str, quirks: &[&str]) {
        let got = run(Schemas::core().user(), Profile::Lenient, body);
        assert_eq!((got.0.as_str(), got.1.as_slice()), (expected, quirks));
    }

    #[track_caller]
    fn strict(body: Value, expected: &str) {
        assert_eq!(run(Schemas::core().user(), Profile::Strict, body).0, expected);
    }

    #[test]
    fn a_body_comes_out_in_the_schemas_spelling_and_order() {
        let body = json!({"EMAILS": [{"Value": "a@b", "primary": true}], "username": "ada", "schemas": [urn::USER], "externalId": "x",
            "password": "p", "id": "7", "meta": {"version": "1"}, "groups": [{"value": "1"}]});
        let expected = format!(
            r#"{{"schemas":["{}"],"externalId":"x","userName":"ada","password":"p","emails":[{{"value":"a@b","primary":true}}]}}"#,
            urn::USER
        );
        // S-03, C-03, S-18, S-20, S-38: read-only ones are passed over.
        check(body, &expected, &[]);
    }

    #[test]
    fn schemas_say_what_the_content_is() {
        let plain = format!(r#"{{"schemas":["{}"],"userName":"a"}}"#, urn::USER);
        let extended =
            format!(r#"{{"schemas":["{}","{ENTERPRISE}"],"userName":"a","{ENTERPRISE}":{{"department":"D"}}}}"#, urn::USER);
        // S-01: an extension is named exactly when it has a value; ON-02: also if the client did not.
        check(json!({"schemas": [urn::USER, ENTERPRISE], "userName": "a", ENTERPRISE: {"department": null}}), &plain, &[]);
        check(json!({"schemas": [urn::USER], "userName": "a", ENTERPRISE.to_uppercase(): {"Department": "D"}}), &extended, &[]);
        // C-15, EN-13, EN-15, GO-02.
        check(json!({"userName": "a"}), &plain, &["schemas-missing"]);
        check(json!({"schemas": [urn::USER, "urn:scim:schemas:core:1.0"], "userName": "a"}), &plain, &["unknown-schema"]);
        // EN-04, EN-09.
        check(
            json!({"schemas": [urn::USER], "userName": "a", format!("{ENTERPRISE}:department"): "D"}),
            &extended,
            &["flat-extension"],
        );
        check(json!({"schemas": [urn::USER], "userName": "a", "department": "D"}), &extended, &["bare-extension"]);
        // S-02.
        let message =
            format!("!! invalidSyntax `schemas` holds the URN of a message, {:?}, expected `{}`", urn::PATCH_OP, urn::USER);
        check(json!({"schemas": [urn::PATCH_OP], "userName": "a"}), &message, &[]);
        check(json!({"schemas": [1], "userName": "a"}), "!! invalidSyntax `schemas` holds a number, expected URNs", &[]);
        strict(json!({"userName": "a"}), &format!("!! invalidSyntax `schemas` does not hold `{}`", urn::USER));
        strict(
            json!({"schemas": [urn::USER, "urn:x"], "userName": "a"}),
            r#"!! invalidSyntax `schemas` holds "urn:x", which is no schema of a User"#,
        );
        strict(
            json!({"schemas": [urn::USER], "userName": "a", "department": "D"}),
            "!! invalidSyntax `department` is no attribute of this resource type",
        );
    }

    #[test]
    fn what_is_required_must_be_there() {
        // S-23, S-34, C-14.
        for missing in [json!({}), json!({"userName": null}), json!({"userName": " \t"})] {
            check(missing, "!! invalidValue `userName` is required", &["schemas-missing"]);
        }
        check(json!({"userName": ""}), "!! invalidValue `userName` is required", &["empty-text", "schemas-missing"]);
        let (group, _) = run(Schemas::core().group(), Profile::Lenient, json!({"members": []}));
        assert_eq!(group, "!! invalidValue `displayName` is required", "S-42");
    }

    #[test]
    fn one_value_at_most_is_primary() {
        // S-13.
        let two = json!({"schemas": [urn::USER], "userName": "a", "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": "True"}]});
        check(two, "!! invalidValue `emails` has more than one primary value", &["boolean-as-text"]);
    }

    #[test]
    fn a_guests_origin_cannot_be_forged() {
        let body = json!({"schemas": [urn::USER, urn::MEMBERSHIP], "userName": "a", urn::MEMBERSHIP: {"type": "guest", "homeOrg": "1"}});
        check(body, &format!(r#"{{"schemas":["{}"],"userName":"a"}}"#, urn::USER), &[]);
    }

    #[test]
    fn the_size_of_a_resource_is_bounded() {
        let roles: Vec<Value> = (0..40).map(|index| json!({"value": format!("{index}{}", "x".repeat(8000))})).collect();
        let (got, _) = run(Schemas::core().user(), Profile::Lenient, json!({"userName": "a", "roles": roles}));
        assert!(got.starts_with("!!  the resource has 32"), "{got:.80}");
    }

    #[test]
    fn members_are_ids() {
        // EN-10, S-14, P-31.
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let body = json!({"displayName": "G", "members": [{"$ref": null, "value": id}, id, {"value": id, "type": "User"}]});
        let body = body.as_object().cloned().expect("an object");
        let group = accept(Schemas::core().group(), body, Profile::Lenient, &mut Quirks::new()).expect("a group");
        let ids = |members: &Value| member_ids(members, Profile::Lenient, &mut Quirks::new());
        assert_eq!(ids(&group["members"]), Ok(vec![id.parse().expect("an id")]));
        let refused = |value: Value| ids(&json!([value])).map_err(|error| error.detail);
        let upper = json!({"value": id.to_uppercase()});
        assert!(refused(upper).is_err());
        assert_eq!(refused(json!({"value": "ada"})), Err(r#"`members.value` "ada" is no user or group"#.to_owned()));
        assert_eq!(refused(json!({"type": "User"})), Err("`members.value` is required".to_owned()));
    }

    #[test]
    fn a_document_opens_with_schemas_and_id() {
        let attributes = json!({"userName": "a", "password": "p", "schemas": ["u"], "id": "old", "meta": {}, "groups": []});
        let attributes = attributes.as_object().cloned().expect("an object");
        let expected = r#"{"schemas":["u"],"id":"00000000-0000-0000-0000-000000000001","userName":"a"}"#;
        assert_eq!(document(Kind::User, Uuid::from_u128(1), &attributes), expected);
    }
}
