//! The JSON objects inside a token: no member twice, few and shallow.
//!
//! RFC 7519 §4 lets a parser take the last of two equal members; that is how two readers come to see two different tokens
//! (SEC S-23, V-44). Names are case-sensitive here, unlike SCIM's.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Refusal;

/// Members of one object (SEC S-26).
const MEMBERS_MAX: usize = 64;
/// Nesting, the object itself included (SEC S-26).
const DEPTH_MAX: usize = 4;

/// The object in `bytes`, and nothing after it.
pub(super) fn parse(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let refused = Cell::new(Refusal::Form);
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0, refused: &refused }.deserialize(&mut json).map_err(|_| refused.get())?;
    json.end().map_err(|_| Refusal::Form)?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(Refusal::Form),
    }
}

/// Reads one value; `refused` carries the reason out, which serde's errors cannot.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    refused: &'a Cell<Refusal>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(&self, refusal: Refusal) -> E {
        self.refused.set(refusal);
        E::custom(refusal)
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX { Err(self.refuse(Refusal::Claims)) } else { Ok(Strict { depth: self.depth + 1, ..self }) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner: Self = self.deeper()?;
        let mut members = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(self.refuse(Refusal::Duplicate));
            }
            if members.len() == MEMBERS_MAX {
                return Err(self.refuse(Refusal::Claims));
            }
            let value = entries.next_value_seed(inner)?;
            members.insert(name, value);
        }
        if members.keys().any(|name| name.contains('\0')) {
            return Err(A::Error::custom("NUL in a name"));
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_twice_is_refused_at_every_depth_and_in_every_spelling() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"b":{"a":1,"a":2}}"#, r#"{"b":[{"a":1,"a":2}]}"#] {
            assert_eq!(parse(text.as_bytes()), Err(Refusal::Duplicate), "{text}");
        }
        assert!(parse(br#"{"sub":1,"Sub":2}"#).is_ok(), "RFC 7519: names are case-sensitive");
    }

    #[test]
    fn only_a_small_object_is_read() {
        for text in ["", "[]", "1", "{", "{} {}", "{\"a\":1}x", "\u{feff}{}", r#"{"a":"\ud800"}"#, r#"{"a\u0000":1}"#] {
            assert_eq!(parse(text.as_bytes()), Err(Refusal::Form), "{text}");
        }
        assert_eq!(parse(&[b'{', 0xff, b'}']), Err(Refusal::Form));
        assert!(parse(br#"{"a":[[[1]]]}"#).is_ok());
        assert_eq!(parse(br#"{"a":[[[[1]]]]}"#), Err(Refusal::Claims));
        let many = |count: usize| {
            let members: Vec<String> = (0..count).map(|at| format!("\"m{at}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(parse(many(64).as_bytes()).is_ok());
        assert_eq!(parse(many(65).as_bytes()), Err(Refusal::Claims));
    }
}
