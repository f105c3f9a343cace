//! Resources of types that somebody added: what a body or a PATCH makes of one. What they are, their schemas say.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Change, document};
use crate::base::{OrgId, Timestamp, TypeId};
use crate::scim::patch::{self, Operation};
use crate::scim::{Error, Kind, Profile, Quirks, Record, ResourceType, resource};

/// The body of a POST or PUT, judged by the schema alone.
#[derive(Debug)]
pub struct Draft<'s> {
    resource_type: &'s ResourceType,
    attributes: Map<String, Value>,
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
        let attributes = resource::accept(resource_type, body, profile, quirks)?;
        Ok(Draft { resource_type, attributes })
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

/// A resource from `draft`.
pub fn create(org: OrgId, type_id: TypeId, id: Uuid, draft: &Draft<'_>, at: Timestamp) -> Result<Change, Error> {
    resource::require_extensions(draft.resource_type, &draft.attributes)?;
    let doc = document::write(Kind::Custom(type_id), id, &draft.attributes)?;
    Ok(Change::ResourceCreated { org, type_id, type_name: draft.resource_type.name.clone(), id, doc, at })
}

/// `current` replaced by `draft`, or none where that changes nothing (U-07).
pub fn replace(
    org: OrgId,
    type_id: TypeId,
    current: &Record,
    draft: &Draft<'_>,
    at: Timestamp,
) -> Result<Option<Change>, Error> {
    let before = document::read(current)?;
    let mut after = draft.attributes.clone();
    after.insert("id".into(), current.id.to_string().into());
    resource::carry(draft.resource_type, &before, &mut after)?;
    replaced(org, type_id, draft.resource_type, current, &before, &after, at)
}

/// `current` after `edits`, or none where they change nothing (P-08).
pub fn patch(
    org: OrgId,
    type_id: TypeId,
    current: &Record,
    edits: &Edits<'_>,
    profile: Profile,
    quirks: &mut Quirks,
    at: Timestamp,
) -> Result<Option<Change>, Error> {
    let before = document::read(current)?;
    let mut after = before.clone();
    patch::apply(&mut after, &edits.operations, edits.resource_type, profile, quirks)?;
    replaced(org, type_id, edits.resource_type, current, &before, &after, at)
}

fn replaced(
    org: OrgId,
    type_id: TypeId,
    resource_type: &ResourceType,
    current: &Record,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    at: Timestamp,
) -> Result<Option<Change>, Error> {
    resource::require_extensions(resource_type, after)?;
    if document::is_same(before, after) {
        return Ok(None);
    }
    let doc = document::write(Kind::Custom(type_id), current.id, after)?;
    Ok(Some(Change::ResourceReplaced { org, type_id, id: current.id, expected: current.version, doc, at }))
}
