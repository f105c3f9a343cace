//! JSON as the protocol takes it: one reading only.
//!
//! Two parsers that read a duplicate key differently have given attackers administrator's rights (V-44), so a key may occur
//! once, whatever its case: SCIM names have none (S-03, P-32).

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{Error, ScimType};
use crate::base::limit::JSON_DEPTH_MAX;

/// A JSON object, as request bodies must be (C-14).
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, Error> {
    match parse(bytes)? {
        Value::Object(map) => Ok(map),
        other => Err(syntax(format!("the body is {}, expected an object", kind_of(&other)))),
    }
}

/// The JSON value that `bytes` hold. Refuses repeated keys, also in another case, NUL, lone surrogates, a byte order mark,
/// and nesting beyond [`JSON_DEPTH_MAX`]: 400 `invalidSyntax`.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(syntax("the body is empty, expected an object"));
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(syntax("the body starts with a byte order mark, expected an object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Once { depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| syntax(format!("the body is not JSON: {error}")))
}

/// What a value is, in words.
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The value under `name`, whatever the case of the key.
pub fn take(map: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let key = map.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    map.shift_remove(&key)
}

fn syntax(detail: impl Into<String>) -> Error {
    Error::bad(ScimType::InvalidSyntax, detail)
}

#[derive(Clone, Copy)]
struct Once {
    depth: usize,
}

impl Once {
    fn deeper<E: serde::de::Error>(self) -> Result<Once, E> {
        if self.depth == JSON_DEPTH_MAX {
            return Err(E::custom(format!("nested deeper than {JSON_DEPTH_MAX}")));
        }
        Ok(Once { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Once {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        if value.contains('\0') {
            return Err(E::custom("a NUL in a string"));
        }
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(deeper)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let (mut map, mut seen) = (Map::new(), HashSet::new());
        while let Some(key) = entries.next_key::<String>()? {
            if key.contains('\0') {
                return Err(serde::de::Error::custom("a NUL in a key"));
            }
            if !seen.insert(key.to_ascii_lowercase()) {
                let key: String = key.chars().take(64).collect();
                return Err(serde::de::Error::custom(format!("`{key}` occurs twice")));
            }
            let value = entries.next_value_seed(deeper)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: &str) {
        let got = match object(input.as_bytes()) {
            Ok(map) => Value::Object(map).to_string(),
            Err(error) => format!("!! {} {}", error.scim_type.map_or("", ScimType::as_str), error.detail),
        };
        assert!(got.starts_with(expected), "{input:?}\n got {got}\nwant {expected}");
    }

    #[test]
    fn there_is_one_reading_of_a_body() {
        check(r#" {"b":1,"a":[null,true,-1,2.5,"x"]} "#, r#"{"b":1,"a":[null,true,-1,2.5,"x"]}"#);
        // S-58: a number is what its own text is read as; 17 digits tell any.
        check(r#"{"a":20000000000000000000000003691131880531878799}"#, r#"{"a":2e+43}"#);
        check(r#"{"a":2.0000000000000003e+43}"#, r#"{"a":2.0000000000000003e+43}"#);
        // V-44: at every depth, spelled with escapes, in another case.
        check(r#"{"a":1,"a":2}"#, "!! invalidSyntax the body is not JSON: `a` occurs twice at line 1 column 10");
        check(r#"{"x":[{"a":1,"\u0061":2}]}"#, "!! invalidSyntax the body is not JSON: `a` occurs twice");
        check(r#"{"userName":"a","username":"b"}"#, "!! invalidSyntax the body is not JSON: `username` occurs twice");
    }

    #[test]
    fn what_is_not_a_json_object_is_refused() {
        // C-14.
        check("", "!! invalidSyntax the body is empty");
        check(" \n", "!! invalidSyntax the body is empty");
        check("[]", "!! invalidSyntax the body is an array, expected an object");
        check(r#""x""#, "!! invalidSyntax the body is a string, expected an object");
        check("\u{feff}{}", "!! invalidSyntax the body starts with a byte order mark");
        for broken in
            [r#"{"a":NaN}"#, "{", r#"{"a":1}{"#, r#"{"a":"\ud800"}"#, r#"{"a":"\u0000"}"#, r#"{"\u0000":1}"#, r#"{"a":1e999}"#]
        {
            check(broken, "!! invalidSyntax the body is not JSON: ");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err(), "not UTF-8");
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        assert!(object(nested(JSON_DEPTH_MAX).as_bytes()).is_ok());
        check(&nested(JSON_DEPTH_MAX + 1), "!! invalidSyntax the body is not JSON: nested deeper than 32");
        check(&nested(100_000), "!! invalidSyntax the body is not JSON: nested deeper than 32");
    }
}
