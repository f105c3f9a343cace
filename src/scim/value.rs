//! RFC 7643 §2.3: values of attributes, brought into the schema's types and spelling.
//!
//! What identity providers send instead of the type that was published is understood in lenient, and noted.

use std::collections::HashSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Map, Value};

use super::schema::{Attribute, Type, Uniqueness};
use super::{Error, Profile, Quirk, Quirks, ScimType, json};
use crate::base::Timestamp;
use crate::base::limit::{MEMBERS_MAX, NAME_CHARS_MAX, STRING_CHARS_MAX};

/// Where a value stands, for texts: `emails[1].value`.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    name: &'a str,
    index: Option<usize>,
}

impl<'a> Place<'a> {
    pub(super) fn at(name: &'a str) -> Self {
        Place { parent: None, name, index: None }
    }

    fn below(&'a self, name: &'a str) -> Self {
        Place { parent: Some(self), name, index: None }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)?;
        self.index.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
}

/// The value as it is stored, or none if it leaves the attribute unassigned: null, `""`, `[]` and `{}` alike (S-16).
pub(super) fn canonical(
    attribute: &Attribute,
    value: Value,
    place: Place<'_>,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<Option<Value>, Error> {
    if !attribute.multi_valued {
        return element(attribute, value, place, profile, quirks);
    }
    let items = match value {
        Value::Null => return Ok(None),
        Value::Array(items) => items,
        single if quirks.allow(profile, Quirk::SingleValueForArray) => vec![single],
        other => return Err(wrong_type(&other, "an array", place)),
    };
    if items.len() > MEMBERS_MAX {
        let detail = format!("`{place}` has {} values, at most {MEMBERS_MAX} fit in one request", items.len());
        return Err(Error::status(413, detail));
    }
    // S-14: the same value twice is one value.
    let (mut kept, mut seen) = (Vec::with_capacity(items.len()), HashSet::new());
    for (index, item) in items.into_iter().enumerate() {
        let item = element(attribute, item, Place { index: Some(index), ..place }, profile, quirks)?;
        // Elsewhere nothing is left out; here a client's empty id would empty the whole group.
        if item.is_none() && attribute.name == "members" {
            return Err(missing(&"members.value"));
        }
        kept.extend(item.filter(|item| seen.insert(item.to_string())));
    }
    Ok(if kept.is_empty() { None } else { Some(Value::Array(kept)) })
}

/// How many elements claim to be the preferred one.
pub(super) fn primaries(value: &Value) -> usize {
    value.as_array().map_or(0, |items| items.iter().filter(|item| item["primary"] == true).count())
}

/// One element of a multi-valued attribute, or the value of a singular one.
pub(super) fn element(
    attribute: &Attribute,
    value: Value,
    place: Place<'_>,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<Option<Value>, Error> {
    let value = match value {
        Value::Array(items) if quirks.allow(profile, Quirk::ArrayForSingleValue) => match unwrap(attribute, items) {
            Ok(value) => value,
            Err(many) => return Err(wrong_type(&many, "one value", place)),
        },
        other => other,
    };
    match (attribute.kind, value) {
        (_, Value::Null) => Ok(None),
        // F-14, S-16; EN-09: `""` clears.
        (kind, Value::String(text)) if text.is_empty() && !matches!(kind, Type::Boolean | Type::Integer | Type::Decimal) => {
            if quirks.allow(profile, Quirk::EmptyText) {
                Ok(None)
            } else {
                Err(invalid(format!("`{place}` is an empty string")))
            }
        }
        (Type::Complex, Value::Object(map)) => complex(attribute, map, place, profile, quirks),
        // EN-20: an app role, as Entra prints it.
        (Type::Complex, Value::String(text)) if profile.has(Quirk::JsonInText) && unpacked(&text).is_some() => {
            quirks.note(Quirk::JsonInText);
            complex(attribute, unpacked(&text).unwrap_or_default(), place, profile, quirks)
        }
        // EN-09: a bare id for `{"value": id}`.
        (Type::Complex, Value::String(text)) if attribute.sub("value").is_some() && quirks.allow(profile, Quirk::BareValue) => {
            complex(attribute, Map::from_iter([("value".to_owned(), text.into())]), place, profile, quirks)
        }
        (kind, value) => simple(attribute, kind, value, place, profile, quirks).map(Some),
    }
}

/// EN-05, EN-09: `[{"value": x}]` stands for x, or for `{"value": x}` where the attribute is complex.
fn unwrap(attribute: &Attribute, mut items: Vec<Value>) -> Result<Value, Value> {
    if items.len() > 1 {
        return Err(Value::Array(items));
    }
    match items.pop().unwrap_or_default() {
        Value::Object(mut map) if attribute.kind != Type::Complex => Ok(json::take(&mut map, "value").unwrap_or_default()),
        item => Ok(item),
    }
}

fn unpacked(text: &str) -> Option<Map<String, Value>> {
    text.starts_with('{').then(|| json::object(text.as_bytes()).ok()).flatten()
}

fn complex(
    attribute: &Attribute,
    mut map: Map<String, Value>,
    place: Place<'_>,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<Option<Value>, Error> {
    let mut kept = Map::new();
    for sub in &attribute.sub_attributes {
        let below = place.below(&sub.name);
        let mut sent = json::take(&mut map, &sub.name);
        // ON-02: SCIM 1 called the id of a manager `managerId`.
        if sent.is_none() && sub.name == "value" && profile.has(Quirk::ManagerId) {
            sent = json::take(&mut map, "managerId").inspect(|_| quirks.note(Quirk::ManagerId));
        }
        if sub.is_read_only() {
            continue;
        }
        let value = sent.map_or(Ok(None), |value| canonical(sub, value, below, profile, quirks))?;
        match value {
            Some(value) => {
                kept.insert(sub.name.clone(), value);
            }
            None if sub.required => return Err(missing(&below)),
            None => {}
        }
    }
    for (name, value) in map {
        unknown(&place.below(&name), &value, profile, quirks)?;
    }
    Ok(if kept.is_empty() { None } else { Some(Value::Object(kept)) })
}

/// S-47: an attribute that no schema has is passed over, and noted; strict refuses it.
pub(super) fn unknown(place: &dyn fmt::Display, value: &Value, profile: Profile, quirks: &mut Quirks) -> Result<(), Error> {
    if value.is_null() || quirks.allow(profile, Quirk::UnknownAttribute) {
        return Ok(());
    }
    Err(Error::bad(ScimType::InvalidSyntax, format!("`{place}` is no attribute of this resource type")))
}

/// S-23, S-24.
pub(super) fn missing(place: &dyn fmt::Display) -> Error {
    Error::bad(ScimType::InvalidValue, format!("`{place}` is required"))
}

fn simple(
    attribute: &Attribute,
    kind: Type,
    value: Value,
    place: Place<'_>,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<Value, Error> {
    match (kind, &value) {
        (Type::Boolean, Value::Bool(_)) => Ok(value),
        // EN-02.
        (Type::Boolean, Value::String(text)) => match truth(text) {
            Some(truth) if quirks.allow(profile, Quirk::BooleanAsText) => Ok(truth.into()),
            _ => Err(wrong_type(&value, "a boolean", place)),
        },
        (Type::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(value),
        (Type::Decimal, Value::Number(_)) => Ok(value),
        (Type::String | Type::Reference, Value::String(text)) => {
            // What is looked up by is short.
            let is_name = attribute.required || attribute.uniqueness != Uniqueness::None || attribute.name == "externalId";
            let most = if is_name { NAME_CHARS_MAX } else { STRING_CHARS_MAX };
            let is_short = text.len() <= most || text.chars().count() <= most;
            if is_short { Ok(value) } else { Err(invalid(format!("`{place}` is longer than {most} characters"))) }
        }
        (Type::Binary, Value::String(text)) => match STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)) {
            Ok(_) => Ok(value),
            Err(_) => Err(invalid(format!("`{place}` is not base64 with padding"))),
        },
        // S-07: one spelling, so that a no-op is seen as one.
        (Type::DateTime, Value::String(text)) => match Timestamp::parse(text) {
            Some(at) => Ok(at.to_string().into()),
            None => Err(invalid(format!("`{place}` is no dateTime, expected one like `2026-11-24T04:40:37Z`"))),
        },
        (kind, _) => Err(wrong_type(&value, name_of(kind), place)),
    }
}

/// `true` or `false` in any case.
pub(super) fn truth(text: &str) -> Option<bool> {
    [true, false].into_iter().find(|truth| text.eq_ignore_ascii_case(if *truth { "true" } else { "false" }))
}

fn name_of(kind: Type) -> &'static str {
    match kind {
        Type::Boolean => "a boolean",
        Type::Integer => "an integer",
        Type::Decimal => "a number",
        Type::Complex => "an object",
        Type::String | Type::DateTime | Type::Binary | Type::Reference => "a string",
    }
}

fn wrong_type(value: &Value, expected: &str, place: Place<'_>) -> Error {
    invalid(format!("`{place}` is {}, expected {expected}", json::kind_of(value)))
}

fn invalid(detail: String) -> Error {
    Error::bad(ScimType::InvalidValue, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::Schemas;

    #[track_caller]
    fn check(attribute: &str, profile: Profile, value: &str, expected: &str) {
        let user = Schemas::core().user();
        let extension = || user.extensions[0].schema.attribute(attribute);
        let definition = user.attribute(attribute).or_else(extension).expect("an attribute");
        let value = serde_json::from_str(value).expect("JSON");
        let got = match canonical(definition, value, Place::at(attribute), profile, &mut Quirks::new()) {
            Ok(Some(value)) => value.to_string(),
            Ok(None) => "unassigned".to_owned(),
            Err(error) => format!("!! {}", error.detail),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn a_value_has_the_type_of_its_attribute() {
        // S-06.
        let strict = Profile::Strict;
        check("title", strict, r#""x""#, r#""x""#);
        check("title", strict, "1", "!! `title` is a number, expected a string");
        check("title", strict, r#"["x"]"#, "!! `title` is an array, expected a string");
        check("active", strict, "true", "true");
        check("active", strict, r#""True""#, "!! `active` is a string, expected a boolean");
        check("name", strict, r#""x""#, "!! `name` is a string, expected an object");
        check("name", strict, r#"{"GIVENNAME":"x"}"#, r#"{"givenName":"x"}"#);
        check("name", strict, r#"{"nope":"x"}"#, "!! `name.nope` is no attribute of this resource type");
        check("emails", strict, r#"{"value":"x"}"#, "!! `emails` is an object, expected an array");
        check("emails", strict, r#"[{"value":"x"},{"value":1}]"#, "!! `emails[1].value` is a number, expected a string");
        check("x509Certificates", strict, r#"[{"value":"AAA="}]"#, r#"[{"value":"AAA="}]"#);
        check("x509Certificates", strict, r#"[{"value":"AAA"}]"#, "!! `x509Certificates[0].value` is not base64 with padding");
        let long = format!("\"{}\"", "ä".repeat(257));
        check("userName", strict, &long, "!! `userName` is longer than 256 characters");
        check("title", strict, &long, &long);
    }

    #[test]
    fn null_empty_text_and_empty_array_are_unassigned() {
        // S-16, EN-14.
        for (attribute, value) in
            [("title", "null"), ("title", "\"\""), ("emails", "[]"), ("emails", "[null,{},{\"type\":null}]"), ("name", "{}")]
        {
            check(attribute, Profile::Strict, value, "unassigned");
        }
        check("manager", Profile::Lenient, "\"\"", "unassigned");
    }

    #[test]
    fn equal_elements_are_one() {
        // S-14.
        check("emails", Profile::Strict, r#"[{"value":"x"},{"Value":"x"},{"value":"y"}]"#, r#"[{"value":"x"},{"value":"y"}]"#);
    }

    #[test]
    fn what_identity_providers_send_is_understood() {
        let lenient = Profile::Lenient;
        check("active", lenient, r#""True""#, "true"); // EN-02
        check("active", lenient, r#""FALSE""#, "false");
        check("active", lenient, r#""""#, "!! `active` is a string, expected a boolean");
        check("active", lenient, r#""yes""#, "!! `active` is a string, expected a boolean");
        check("title", lenient, r#"[{"$ref":null,"value":"Sales"}]"#, r#""Sales""#); // EN-05
        check("title", lenient, r#"["a","b"]"#, "!! `title` is an array, expected one value");
        check("manager", lenient, r#""7""#, r#"{"value":"7"}"#); // EN-09
        check("manager", lenient, r#"[{"$ref":"../Users/7","value":"7"}]"#, r#"{"value":"7"}"#);
        check("manager", lenient, r#"{"managerId":"7","displayName":"Eve"}"#, r#"{"value":"7"}"#); // ON-02, S-43
        check("emails", lenient, r#"{"value":"x"}"#, r#"[{"value":"x"}]"#);
        check("emails", lenient, r#"["x"]"#, r#"[{"value":"x"}]"#);
        check("roles", lenient, r#"["{\"id\":1}"]"#, r#"[{"value":"{\"id\":1}"}]"#); // EN-20
        check("name", lenient, r#"{"nope":"x","givenName":"y"}"#, r#"{"givenName":"y"}"#); // S-47
    }
}
