//! Users: what a body or a PATCH makes of one.
//!
//! A guest's identity is owned further up, so here only `active` of it can be changed; whatever else a write would change is
//! refused (the account-takeover lesson of GitLab's CVE-2022-1680).

use serde_json::{Map, Value};

use super::{Change, document, password};
use crate::base::text::user_name_key;
use crate::base::{OrgId, Secret, Timestamp, UserId};
use crate::scim::patch::{self, Op, Operation};
use crate::scim::{Error, Kind, Profile, Quirks, Record, ResourceType, ScimType, resource, urn};

/// The body of a POST or PUT, judged by the schema alone.
#[derive(Debug)]
pub struct Draft<'s> {
    resource_type: &'s ResourceType,
    attributes: Map<String, Value>,
    password: Option<Secret<String>>,
}

/// The operations of a PATCH, judged by the schema alone.
#[derive(Debug)]
pub struct Edits<'s> {
    resource_type: &'s ResourceType,
    operations: Vec<Operation<'s>>,
    password: Option<Secret<String>>,
}

impl<'s> Draft<'s> {
    /// Judges `body`: required attributes, types, one primary; what is read-only falls away (C-03, U-04).
    pub fn parse(
        body: Map<String, Value>,
        resource_type: &'s ResourceType,
        profile: Profile,
        quirks: &mut Quirks,
    ) -> Result<Draft<'s>, Error> {
        let mut attributes = resource::accept(resource_type, body, profile, quirks)?;
        let password = password::take(&mut attributes)?;
        Ok(Draft { resource_type, attributes, password })
    }

    /// The new password, if there is one; to be hashed by the caller.
    pub fn password(&self) -> Option<&Secret<String>> {
        self.password.as_ref()
    }

    /// The `userName`, for a message that it is taken.
    pub fn user_name(&self) -> Option<&str> {
        self.attributes.get("userName").and_then(Value::as_str)
    }
}

impl<'s> Edits<'s> {
    /// Judges `body`, a `PatchOp`. Of several passwords the last one counts.
    pub fn parse(
        body: Map<String, Value>,
        resource_type: &'s ResourceType,
        profile: Profile,
        quirks: &mut Quirks,
    ) -> Result<Edits<'s>, Error> {
        let (passwords, operations): (Vec<Operation<'_>>, Vec<Operation<'_>>) =
            patch::parse(body, resource_type, profile, quirks)?.into_iter().partition(|operation| operation.is_on("password"));
        let mut password = None;
        for operation in passwords {
            password = Some(new_password(&operation)?);
        }
        Ok(Edits { resource_type, operations, password })
    }

    /// The new password, if there is one; to be hashed by the caller.
    pub fn password(&self) -> Option<&Secret<String>> {
        self.password.as_ref()
    }
}

/// A resident from `draft`. Without `active` it is active.
pub fn create(
    org: OrgId,
    id: UserId,
    draft: &Draft<'_>,
    password_hash: Option<String>,
    at: Timestamp,
) -> Result<Change, Error> {
    let mut attributes = draft.attributes.clone();
    resource::require_extensions(draft.resource_type, &attributes)?;
    attributes.entry("active").or_insert(Value::Bool(true));
    Ok(Change::UserCreated { org, id, doc: document::write(Kind::User, id.0, &attributes)?, password_hash, at })
}

/// `current` replaced by `draft`, or none where that changes nothing (U-07).
///
/// Omitted attributes are cleared, but for `password` (U-02) and `active`: nobody comes back to life by omission.
pub fn replace(
    org: OrgId,
    current: &Record,
    draft: &Draft<'_>,
    password_hash: Option<String>,
    at: Timestamp,
) -> Result<Option<Change>, Error> {
    let before = document::read(current)?;
    let mut after = draft.attributes.clone();
    if before.contains_key(urn::MEMBERSHIP) {
        only_active(&before, draft.attributes.iter(), draft.password.is_some())?;
        // What is shown is the whole chain's `active`; to write it back says nothing about the guest's own.
        let active = after.get("active").filter(|active| before.get("active") != Some(*active)).cloned();
        return active.map(|active| guest_replaced(org, current, before, active, at)).transpose();
    }
    after.insert("id".into(), current.id.to_string().into());
    resource::carry(draft.resource_type, &before, &mut after)?;
    resource::require_extensions(draft.resource_type, &after)?;
    if let Some(active) = before.get("active") {
        after.entry("active").or_insert_with(|| active.clone());
    }
    replaced(org, current, &before, after, password_hash, at)
}

/// `current` after `edits`, or none where they change nothing (P-08).
pub fn patch(
    org: OrgId,
    current: &Record,
    edits: &Edits<'_>,
    password_hash: Option<String>,
    profile: Profile,
    quirks: &mut Quirks,
    at: Timestamp,
) -> Result<Option<Change>, Error> {
    let before = document::read(current)?;
    let mut after = before.clone();
    patch::apply(&mut after, &edits.operations, edits.resource_type, profile, quirks)?;
    if before.contains_key(urn::MEMBERSHIP) {
        let removed = before.iter().filter(|(name, _)| !after.contains_key(*name)).map(|(name, _)| (name, &Value::Null));
        only_active(&before, after.iter().chain(removed), edits.password.is_some())?;
        // An inactive source may hide what the guest's own row says, so what the client names is written, shown or not.
        let is_named = edits.operations.iter().any(|operation| operation.is_on("active"));
        let active = after.get("active").or(before.get("active")).cloned().unwrap_or(Value::Bool(true));
        return is_named.then(|| guest_replaced(org, current, before, active, at)).transpose();
    }
    resource::require_extensions(edits.resource_type, &after)?;
    // As with PUT: nobody gets back in because a client no longer says that somebody is out.
    after.entry("active").or_insert_with(|| before.get("active").cloned().unwrap_or(Value::Bool(true)));
    replaced(org, current, &before, after, password_hash, at)
}

/// The document of a user whose manager is gone (S-46).
pub fn without_manager(doc: &str) -> String {
    let mut doc: Map<String, Value> = serde_json::from_str(doc).unwrap_or_default();
    let extension = doc.get_mut(urn::ENTERPRISE_USER).and_then(Value::as_object_mut);
    let is_empty = extension.is_some_and(|extension| {
        extension.shift_remove("manager");
        extension.is_empty()
    });
    if is_empty {
        doc.shift_remove(urn::ENTERPRISE_USER);
        // S-01: an extension is named where it has a value.
        if let Some(schemas) = doc.get_mut("schemas").and_then(Value::as_array_mut) {
            schemas.retain(|schema| schema != urn::ENTERPRISE_USER);
        }
    }
    Value::Object(doc).to_string()
}

/// What the document of a user names as its manager.
pub fn manager(doc: &str) -> Option<String> {
    // Most documents have none, which is seen without reading them.
    if !doc.contains("\"manager\"") {
        return None;
    }
    let doc: Value = serde_json::from_str(doc).ok()?;
    doc[urn::ENTERPRISE_USER]["manager"]["value"].as_str().map(str::to_owned)
}

/// Where letters to the user of this document go: the primary address, else the first. Blanks are none.
pub fn address(doc: &Map<String, Value>) -> Option<&str> {
    let emails = doc.get("emails")?.as_array()?;
    let primary = emails.iter().filter(|email| email["primary"] == true);
    primary.chain(emails).filter_map(|email| email["value"].as_str()).map(str::trim).find(|address| !address.is_empty())
}

/// Whether this is a guest.
pub fn is_guest(user: &Record) -> bool {
    // Few documents are worth parsing for this.
    user.doc.contains(urn::MEMBERSHIP) && document::read(user).is_ok_and(|doc| doc.contains_key(urn::MEMBERSHIP))
}

fn new_password(operation: &Operation<'_>) -> Result<Secret<String>, Error> {
    match (&operation.op, &operation.value) {
        (Op::Add | Op::Replace, Some(value)) if !value.is_null() => password::prepare(value),
        (Op::Remove, _) | (_, Some(_)) => Err(Error::bad(ScimType::Mutability, "`password` can be replaced but not removed")),
        (_, None) => Err(Error::bad(ScimType::InvalidValue, format!("operation {}: `value` is missing", operation.index))),
    }
}

fn replaced(
    org: OrgId,
    current: &Record,
    before: &Map<String, Value>,
    after: Map<String, Value>,
    password_hash: Option<String>,
    at: Timestamp,
) -> Result<Option<Change>, Error> {
    if password_hash.is_none() && document::is_same(before, &after) {
        return Ok(None);
    }
    let doc =
        if document::is_same(before, &after) { current.doc.clone() } else { document::write(Kind::User, current.id, &after)? };
    Ok(Some(Change::UserReplaced { org, id: current.id.into(), expected: current.version, doc, password_hash, at }))
}

fn guest_replaced(
    org: OrgId,
    current: &Record,
    mut doc: Map<String, Value>,
    active: Value,
    at: Timestamp,
) -> Result<Change, Error> {
    doc.insert("active".into(), active);
    let doc = document::write(Kind::User, current.id, &doc)?;
    Ok(Change::UserReplaced { org, id: current.id.into(), expected: current.version, doc, password_hash: None, at })
}

/// 400 `mutability` naming the first attribute, other than `active`, whose value is not the one that the guest has.
fn only_active<'a>(
    guest: &Map<String, Value>,
    wanted: impl Iterator<Item = (&'a String, &'a Value)>,
    has_password: bool,
) -> Result<(), Error> {
    let is_fixed = |name: &str| !matches!(name, "active" | "id" | "schemas" | "meta" | "groups");
    let mut changed = wanted.filter(|(name, _)| is_fixed(name)).filter(|(name, value)| match guest.get(*name) {
        Some(Value::String(found)) if name.as_str() == "userName" => {
            value.as_str().is_none_or(|value| user_name_key(value) != user_name_key(found))
        }
        found => found != Some(*value),
    });
    let attribute = changed.next().map(|(name, _)| name.as_str()).or(has_password.then_some("password"));
    match attribute {
        None => Ok(()),
        Some(name) => {
            let detail = format!("`{name}` of a guest belongs to its home organization, only `active` can be changed here");
            Err(Error::bad(ScimType::Mutability, detail))
        }
    }
}

#[cfg(test)]
mod tests;
