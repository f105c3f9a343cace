//! Orgs as resources of those above them: what a body or a PATCH makes of one.
//!
//! The document holds what its administrators wrote. Where it stands, and what follows for it from those above, is in rows.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::document;
use crate::base::limit::{ORG_ATTRIBUTE_CHARS_MAX, ORG_ATTRIBUTE_TYPE_CHARS_MAX, ORG_ATTRIBUTES_MAX};
use crate::base::{OrgId, Timestamp};
use crate::org::{self, Change, Org};
use crate::scim::patch::{self, Operation};
use crate::scim::{Error, Kind, Profile, Quirks, Record, ResourceType, ScimType, resource, urn};

/// The body of a POST or PUT, judged by the schema alone.
#[derive(Debug)]
pub struct Draft<'s> {
    resource_type: &'s ResourceType,
    attributes: Map<String, Value>,
    /// None where the body does not speak of it.
    parent: Option<OrgId>,
}

/// The operations of a PATCH, judged by the schema alone.
#[derive(Debug)]
pub struct Edits<'s> {
    resource_type: &'s ResourceType,
    operations: Vec<Operation<'s>>,
}

impl<'s> Draft<'s> {
    /// Judges `body`.
    pub fn parse(
        body: Map<String, Value>,
        resource_type: &'s ResourceType,
        profile: Profile,
        quirks: &mut Quirks,
    ) -> Result<Draft<'s>, Error> {
        let mut attributes = resource::accept(resource_type, body, profile, quirks)?;
        let parent = attributes.remove("parent").map(|parent| parent_id(&parent)).transpose()?;
        Ok(Draft { resource_type, attributes, parent })
    }

    /// The parent that it names.
    pub fn parent(&self) -> Option<OrgId> {
        self.parent
    }
}

impl<'s> Edits<'s> {
    /// Judges `body`, a `PatchOp`.
    pub fn parse(
        body: Map<String, Value>,
        resource_type: &'s ResourceType,
        profile: Profile,
        quirks: &mut Quirks,
    ) -> Result<Edits<'s>, Error> {
        Ok(Edits { resource_type, operations: patch::parse(body, resource_type, profile, quirks)? })
    }
}

/// An org of nothing but handle and name, as a command makes it.
pub fn created(org: Org) -> Change {
    let attributes = json!({ "handle": org.handle, "name": org.name, "active": org.active });
    let doc = text(org.id.0, attributes.as_object().cloned().unwrap_or_default());
    Change::OrgCreated { below: None, org, doc }
}

/// The org `id` from `draft`, decided in `below`, under `ancestors`, its parent first and the root last.
pub fn create(id: OrgId, below: OrgId, ancestors: &[Org], draft: &Draft<'_>, at: Timestamp) -> Result<Change, Error> {
    let text_of = |name: &str| draft.attributes.get(name).and_then(Value::as_str);
    let attributes = complete(draft.attributes.clone())?;
    let made = org::create(id, ancestors, text_of("handle").unwrap_or_default(), text_of("name"), at)?;
    let active = attributes["active"] == true;
    Ok(Change::OrgCreated { below: Some(below), org: Org { active, ..made }, doc: text(id.0, attributes) })
}

/// `current`, loaded with its ancestors by the org `below`, replaced by `draft`; or none where that changes nothing (U-07).
/// Without a `parent` it stays where it is.
pub fn replace(below: OrgId, current: &Record, draft: &Draft<'_>, at: Timestamp) -> Result<Option<Change>, Error> {
    let before = read(current)?;
    let mut after = draft.attributes.clone();
    after.insert("id".into(), current.id.to_string().into());
    resource::carry(draft.resource_type, &before, &mut after)?;
    let parent = draft.parent.map_or_else(|| before.get("parent").cloned(), |parent| Some(json!({ "value": parent })));
    after.extend(parent.map(|parent| ("parent".to_owned(), parent)));
    changed(below, current, before, after, at)
}

/// `current`, loaded with its ancestors by the org `below`, after `edits`; or none where they change nothing (P-08).
pub fn patch(
    below: OrgId,
    current: &Record,
    edits: &Edits<'_>,
    profile: Profile,
    quirks: &mut Quirks,
    at: Timestamp,
) -> Result<Option<Change>, Error> {
    let before = read(current)?;
    let mut after = before.clone();
    patch::apply(&mut after, &edits.operations, edits.resource_type, profile, quirks)?;
    changed(below, current, before, after, at)
}

/// The id in a `parent`.
pub fn parent_id(parent: &Value) -> Result<OrgId, Error> {
    let text = parent["value"].as_str().unwrap_or_default();
    let wrong = || invalid(format!("`parent.value` is {:?}, expected the id of an organization", cut(text)));
    text.parse().map_err(|_| wrong())
}

/// The document, with the parent that rows say it has.
fn read(current: &Record) -> Result<Map<String, Value>, Error> {
    let mut attributes = document::read(current)?;
    if let Some(parent) = current.references.last() {
        attributes.insert("parent".into(), json!({ "value": parent.id.to_string() }));
    }
    Ok(attributes)
}

fn changed(
    below: OrgId,
    current: &Record,
    before: Map<String, Value>,
    after: Map<String, Value>,
    at: Timestamp,
) -> Result<Option<Change>, Error> {
    let parent = match (before.get("parent"), after.get("parent")) {
        (Some(_), None) => return Err(invalid("`parent` cannot be taken away, expected the id of an organization")),
        (old, new) => new.filter(|new| Some(*new) != old).map(parent_id).transpose()?,
    };
    let after = complete(after)?;
    let is_same = document::is_same(&stripped(before), &stripped(after.clone()));
    if is_same && parent.is_none() {
        return Ok(None);
    }
    let doc = (!is_same).then(|| text(current.id, after));
    let (id, expected) = (current.id.into(), current.version);
    Ok(Some(Change::OrgChanged { below, id, expected, doc, parent, at }))
}

/// Refuses what the schema cannot, and fills in what is not said: the handle for a name, and that it is active.
fn complete(mut attributes: Map<String, Value>) -> Result<Map<String, Value>, Error> {
    match attributes.get("name").and_then(Value::as_str) {
        Some(name) => org::check_name(name)?,
        None => {
            let handle = attributes.get("handle").cloned().unwrap_or_default();
            attributes.insert("name".into(), handle);
        }
    }
    attributes.entry("active").or_insert(true.into());
    let pairs = attributes.get("attributes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if pairs.len() > ORG_ATTRIBUTES_MAX {
        return Err(invalid(format!("`attributes` has {} pairs, at most {ORG_ATTRIBUTES_MAX} are kept", pairs.len())));
    }
    let mut seen = HashSet::new();
    for pair in pairs {
        let [name, value] = ["type", "value"].map(|part| pair[part].as_str().unwrap_or_default());
        if name.trim().is_empty() || name.chars().count() > ORG_ATTRIBUTE_TYPE_CHARS_MAX {
            return Err(invalid(format!(
                "`attributes.type` {:?}: expected 1 to {ORG_ATTRIBUTE_TYPE_CHARS_MAX} characters",
                cut(name)
            )));
        }
        if value.is_empty() || value.chars().count() > ORG_ATTRIBUTE_CHARS_MAX {
            let detail = format!("`attributes[type eq {name:?}].value`: expected 1 to {ORG_ATTRIBUTE_CHARS_MAX} characters");
            return Err(invalid(detail));
        }
        if !seen.insert(name) {
            return Err(invalid(format!("`attributes` has the type {name:?} twice, replace its `value` instead")));
        }
    }
    Ok(attributes)
}

/// What the document holds of it.
fn stripped(mut attributes: Map<String, Value>) -> Map<String, Value> {
    for derived in ["parent", "ancestors", "status", "hasChildren"] {
        attributes.shift_remove(derived);
    }
    attributes
}

fn text(id: Uuid, mut attributes: Map<String, Value>) -> String {
    attributes.insert("schemas".into(), json!([urn::ORGANIZATION]));
    resource::document(Kind::Organization, id, &attributes)
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::bad(ScimType::InvalidValue, detail)
}
