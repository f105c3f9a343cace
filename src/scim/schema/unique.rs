//! RFC 7643 §7, `uniqueness`: the values of a document that no other resource of the type may have.
//!
//! `userName` has a column of its own; here is what others define.

use serde_json::{Map, Value};

use super::{Attribute, ResourceType, Schema, Uniqueness};
use crate::scim::path::Name;

/// A value that may occur once among the resources of a type in an org.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// Resource type and attribute: `User urn:…:Badge:number`.
    pub place: String,
    /// What is compared: folded unless the attribute is `caseExact` (S-30).
    pub key: String,
    /// As it was written, for a refusal.
    pub value: String,
}

impl ResourceType {
    /// What `document` claims; none where no attribute is unique.
    pub fn claims(&self, document: &Map<String, Value>) -> Vec<Claim> {
        let mut claims = Vec::new();
        for (schema, attribute) in self.own().filter(|_| self.claims) {
            let is_base = schema.id == self.schema.id;
            let holder = if is_base { Some(document) } else { document.get(&schema.id).and_then(Value::as_object) };
            let Some(value) = holder.and_then(|holder| holder.get(&attribute.name)) else { continue };
            let extension = Some(schema).filter(|_| !is_base);
            let mut claim = |attribute, sub, value: &Value| {
                let name = Name { extension, attribute, sub };
                let value = written(value);
                let key = name.attr().key(&value).into_owned();
                claims.push(Claim { place: self.place(schema, attribute, sub), key, value });
            };
            for element in elements(value) {
                if attribute.uniqueness != Uniqueness::None {
                    claim(attribute, None, element);
                }
                for sub in attribute.sub_attributes.iter().filter(|sub| sub.uniqueness != Uniqueness::None) {
                    element.get(&sub.name).into_iter().flat_map(elements).for_each(|value| claim(attribute, Some(sub), value));
                }
            }
        }
        claims.sort_unstable();
        claims.dedup_by(|one, other| one.place == other.place && one.key == other.key);
        claims
    }

    /// Where the unique values of this type stand, for those of its attributes that are unique.
    pub fn claim_places(&self) -> Vec<String> {
        let of = |(schema, attribute): (&Schema, &Attribute)| {
            let own = (attribute.uniqueness != Uniqueness::None).then(|| self.place(schema, attribute, None));
            let subs = attribute.sub_attributes.iter().filter(|sub| sub.uniqueness != Uniqueness::None);
            own.into_iter().chain(subs.map(|sub| self.place(schema, attribute, Some(sub)))).collect::<Vec<_>>()
        };
        self.own().flat_map(of).collect()
    }

    fn place(&self, schema: &Schema, attribute: &Attribute, sub: Option<&Attribute>) -> String {
        let sub = sub.map(|sub| format!(".{}", sub.name)).unwrap_or_default();
        format!("{} {}:{}{sub}", self.name, schema.id, attribute.name)
    }

    /// Whether a write of this type may claim anything.
    pub fn is_claiming(&self) -> bool {
        self.claims
    }
}

fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// A text as it stands; a number in one spelling, so that 1 and 1.0 are the same.
fn written(value: &Value) -> String {
    match (value.as_str(), value.as_i64(), value.as_f64()) {
        (Some(text), ..) => text.to_owned(),
        (_, None, Some(number)) => number.to_string(),
        _ => value.to_string(),
    }
}
