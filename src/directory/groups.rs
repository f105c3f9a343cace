//! Groups: what a body or a PATCH makes of one.
//!
//! Members are rows, not part of the document: a PATCH that only adds and removes members reads neither (P-30).

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Change, MemberChange, document};
use crate::base::limit::MEMBERS_MAX;
use crate::base::{GroupId, OrgId, Timestamp};
use crate::scim::filter::{self, Filter};
use crate::scim::patch::{self, MemberOp, Operation};
use crate::scim::{Error, Kind, Profile, Quirk, Quirks, Record, Reference, ResourceType, ScimType, resource, urn};

/// Evaluations of a filter over a member in one request (S-60).
const EVALUATIONS_MAX: usize = 1_000_000;

/// The body of a POST or PUT, judged by the schema alone.
#[derive(Debug)]
pub struct Draft<'s> {
    resource_type: &'s ResourceType,
    attributes: Map<String, Value>,
    /// None where the body does not speak of them.
    members: Option<Vec<Uuid>>,
    /// Whether the body speaks of what the group gives.
    names_access: bool,
}

/// The operations of a PATCH, judged by the schema alone.
#[derive(Debug)]
pub struct Edits<'s> {
    resource_type: &'s ResourceType,
    operations: Vec<Operation<'s>>,
    members: Vec<MemberOp>,
}

/// What has to be loaded before [`patch`] can decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: the changes commute with those of others.
    Nothing,
    /// The document.
    Document,
    /// The document and the members.
    Members,
}

impl<'s> Draft<'s> {
    /// Judges `body`. Members named twice are one (S-14).
    pub fn parse(
        body: Map<String, Value>,
        resource_type: &'s ResourceType,
        profile: Profile,
        quirks: &mut Quirks,
    ) -> Result<Draft<'s>, Error> {
        // U-08: an empty array still says that there are none.
        let is_silent = !body.keys().any(|key| key.eq_ignore_ascii_case("members"));
        let names_access = body.keys().any(|key| is_access(key));
        let mut attributes = resource::accept(resource_type, body, profile, quirks)?;
        known_scopes(resource_type, &attributes)?;
        let members = match attributes.remove("members") {
            Some(members) => Some(resource::member_ids(&members, profile, quirks)?),
            None => (!is_silent).then(Vec::new),
        };
        at_most(members.as_ref().map_or(0, Vec::len))?;
        Ok(Draft { resource_type, attributes, members, names_access })
    }
}

impl<'s> Edits<'s> {
    /// Judges `body`, a `PatchOp`, and takes the operations on members apart from the others.
    pub fn parse(
        body: Map<String, Value>,
        resource_type: &'s ResourceType,
        profile: Profile,
        quirks: &mut Quirks,
    ) -> Result<Edits<'s>, Error> {
        let (members, operations): (Vec<Operation<'_>>, Vec<Operation<'_>>) =
            patch::parse(body, resource_type, profile, quirks)?.into_iter().partition(|operation| operation.is_on("members"));
        let members = members.iter().map(|operation| patch::member_change(operation, profile, quirks));
        let members = members.collect::<Result<Vec<MemberOp>, Error>>()?;
        at_most(members.iter().map(named).sum())?;
        Ok(Edits { resource_type, operations, members })
    }

    /// What has to be loaded.
    pub fn needs(&self) -> Needs {
        if self.members.iter().any(|change| matches!(change, MemberOp::RemoveMatching(_))) {
            Needs::Members
        } else if !self.operations.is_empty() || self.members.is_empty() {
            Needs::Document
        } else {
            Needs::Nothing
        }
    }

    /// The changes of members that need no look at the group, in order.
    fn blind(&self) -> Vec<MemberChange> {
        self.members.iter().filter_map(blind).collect()
    }
}

/// A group from `draft`.
pub fn create(org: OrgId, id: GroupId, draft: &Draft<'_>, at: Timestamp) -> Result<Change, Error> {
    resource::require_extensions(draft.resource_type, &draft.attributes)?;
    let doc = document::write(Kind::Group, id.0, &draft.attributes)?;
    Ok(Change::GroupCreated { org, id, doc, members: draft.members.clone().unwrap_or_default(), at })
}

/// `current`, loaded without members, replaced by `draft`. A body without `members` clears them, unless the profile
/// keeps them (U-08). Whether the members change, the store finds out (U-10). What the group gives stays where the body does
/// not speak of it: identity providers know nothing of it, and must not take rights away by the way (S-17).
pub fn replace(
    org: OrgId,
    current: &Record,
    draft: &Draft<'_>,
    profile: Profile,
    quirks: &mut Quirks,
    at: Timestamp,
) -> Result<Change, Error> {
    let before = document::read(current)?;
    let mut after = draft.attributes.clone();
    after.insert("id".into(), current.id.to_string().into());
    if let (false, Some(access)) = (draft.names_access, before.get(urn::ACCESS)) {
        after.insert(urn::ACCESS.into(), access.clone());
    }
    resource::carry(draft.resource_type, &before, &mut after)?;
    resource::require_extensions(draft.resource_type, &after)?;
    let doc = changed(current, &before, after)?;
    let members = match &draft.members {
        None if quirks.allow(profile, Quirk::MembersKept) => Vec::new(),
        members => vec![MemberChange::Replaced(members.clone().unwrap_or_default())],
    };
    Ok(Change::GroupChanged { org, id: current.id.into(), expected: Some(current.version), doc, members, at })
}

/// The group `id` after `edits` that need nothing of it ([`Needs::Nothing`]). `expected` is the version that the client
/// insists on.
pub fn patch_members(org: OrgId, id: GroupId, expected: Option<u64>, edits: &Edits<'_>, at: Timestamp) -> Change {
    Change::GroupChanged { org, id, expected, doc: None, members: edits.blind(), at }
}

/// `current`, loaded as far as [`Edits::needs`] says, after `edits`; none where nothing is to be written (P-08).
pub fn patch(
    org: OrgId,
    current: &Record,
    edits: &Edits<'_>,
    profile: Profile,
    quirks: &mut Quirks,
    at: Timestamp,
) -> Result<Option<Change>, Error> {
    let before = document::read(current)?;
    let mut after = before.clone();
    patch::apply(&mut after, &edits.operations, edits.resource_type, profile, quirks)?;
    known_scopes(edits.resource_type, &after)?;
    resource::require_extensions(edits.resource_type, &after)?;
    let doc = changed(current, &before, after)?;
    let members =
        if edits.needs() == Needs::Members { resolved(current, &edits.members, profile, quirks)? } else { edits.blind() };
    if doc.is_none() && members.is_empty() {
        return Ok(None);
    }
    Ok(Some(Change::GroupChanged { org, id: current.id.into(), expected: Some(current.version), doc, members, at }))
}

/// The ids that `change` makes members.
pub fn new_members(change: &Change) -> Vec<Uuid> {
    match change {
        Change::GroupCreated { members, .. } => members.clone(),
        Change::GroupChanged { members, .. } => members.iter().flat_map(becoming).copied().collect(),
        _ => Vec::new(),
    }
}

fn becoming(change: &MemberChange) -> &[Uuid] {
    match change {
        MemberChange::Added(ids) | MemberChange::Replaced(ids) => ids,
        MemberChange::Removed(_) => &[],
    }
}

/// `change` with nobody new but those of `known`.
pub fn only(mut change: Change, known: &HashSet<Uuid>) -> Change {
    match &mut change {
        Change::GroupCreated { members, .. } => members.retain(|id| known.contains(id)),
        Change::GroupChanged { members, .. } => {
            for step in members {
                if let MemberChange::Added(ids) | MemberChange::Replaced(ids) = step {
                    ids.retain(|id| known.contains(id));
                }
            }
        }
        _ => {}
    }
    change
}

/// Whether `key` of a body is the access extension, or an attribute of it at the top (EN-04, EN-09).
fn is_access(key: &str) -> bool {
    let starts = key.get(..urn::ACCESS.len()).is_some_and(|start| start.eq_ignore_ascii_case(urn::ACCESS));
    starts || key.eq_ignore_ascii_case("scopes")
}

/// Elsewhere canonical values are suggestions (S-31). A right that nobody knows gives nothing today, and something unforeseen
/// one day.
fn known_scopes(resource_type: &ResourceType, attributes: &Map<String, Value>) -> Result<(), Error> {
    let scopes = resource_type.extension(urn::ACCESS).and_then(|access| access.schema.attribute("scopes"));
    let (Some(scopes), Some(given)) = (scopes, attributes.get(urn::ACCESS).and_then(|access| access["scopes"].as_array()))
    else {
        return Ok(());
    };
    let is_known =
        |value: &&Value| value.as_str().is_some_and(|value| scopes.canonical_values.iter().any(|known| known == value));
    match given.iter().find(|value| !is_known(value)) {
        Some(unknown) => {
            let known = scopes.canonical_values.join(" ");
            let detail = format!("`{}:scopes`: unknown scope {unknown}, known are {known}", urn::ACCESS);
            Err(Error::bad(ScimType::InvalidValue, detail))
        }
        None => Ok(()),
    }
}

fn changed(current: &Record, before: &Map<String, Value>, after: Map<String, Value>) -> Result<Option<String>, Error> {
    if document::is_same(before, &after) { Ok(None) } else { document::write(Kind::Group, current.id, &after).map(Some) }
}

fn blind(change: &MemberOp) -> Option<MemberChange> {
    match change {
        MemberOp::Add(ids) => Some(MemberChange::Added(distinct(ids))),
        MemberOp::Remove(ids) => Some(MemberChange::Removed(distinct(ids))),
        MemberOp::Replace(ids) => Some(MemberChange::Replaced(distinct(ids))),
        MemberOp::RemoveMatching(_) => None,
    }
}

/// The changes with every filter replaced by the ids that it matches, at its turn (P-05). Of members added by the same
/// request only `value` is known.
fn resolved(current: &Record, changes: &[MemberOp], profile: Profile, quirks: &mut Quirks) -> Result<Vec<MemberChange>, Error> {
    let filters = changes.iter().filter(|change| matches!(change, MemberOp::RemoveMatching(_))).count();
    let evaluations = filters.saturating_mul(current.references.len());
    if evaluations > EVALUATIONS_MAX {
        let detail = format!("{filters} filters over {} members, remove by `value` instead", current.references.len());
        return Err(Error::bad(ScimType::TooMany, detail));
    }
    let mut present: HashMap<Uuid, Value> = current.references.iter().map(|member| (member.id, element(member))).collect();
    let mut resolved = Vec::new();
    for change in changes {
        let step = match change {
            MemberOp::RemoveMatching(filter) => MemberChange::Removed(matching(current, &present, filter)),
            MemberOp::Add(ids) => MemberChange::Added(distinct(ids)),
            MemberOp::Remove(ids) => MemberChange::Removed(distinct(ids)),
            MemberOp::Replace(ids) => MemberChange::Replaced(distinct(ids)),
        };
        match &step {
            MemberChange::Added(ids) => add(&mut present, ids),
            MemberChange::Removed(ids) => {
                for id in ids {
                    present.remove(id);
                }
            }
            MemberChange::Replaced(ids) => {
                let kept = ids.iter().filter_map(|id| present.remove_entry(id)).collect();
                present = kept;
                add(&mut present, ids);
            }
        }
        match (change, &step) {
            // P-18: a filter that matches nobody changes nothing.
            (MemberOp::RemoveMatching(_), MemberChange::Removed(nobody)) if nobody.is_empty() => {
                if !quirks.allow(profile, Quirk::RemoveWithoutMatch) {
                    return Err(Error::bad(ScimType::NoTarget, "`members`: the filter of a `remove` matched nobody"));
                }
            }
            _ => resolved.push(step),
        }
    }
    Ok(resolved)
}

fn add(present: &mut HashMap<Uuid, Value>, ids: &[Uuid]) {
    for id in ids {
        present.entry(*id).or_insert_with(|| json!({ "members": [{ "value": id }] }));
    }
}

/// The ids of the members that fulfil `filter`, whose attributes are those of `members`; the oldest first.
fn matching(current: &Record, present: &HashMap<Uuid, Value>, filter: &Filter) -> Vec<Uuid> {
    let is_match = |id: &Uuid| present.get(id).is_some_and(|group| filter::matches(filter, group));
    let old = current.references.iter().map(|member| member.id).filter(is_match);
    let mut ids: Vec<Uuid> = old.collect();
    let known: HashSet<Uuid> = ids.iter().copied().collect();
    ids.extend(present.keys().filter(|id| !known.contains(id)).filter(|id| is_match(id)));
    ids
}

/// A group whose only member is `member`, to be asked whether a filter matches.
fn element(member: &Reference) -> Value {
    let (kind, endpoint) = if member.kind == Kind::Group { ("Group", "Groups") } else { ("User", "Users") };
    let reference = format!("{endpoint}/{}", member.id);
    json!({ "members": [{ "value": member.id, "display": member.display, "type": kind, "$ref": reference }] })
}

fn named(change: &MemberOp) -> usize {
    match change {
        MemberOp::Add(ids) | MemberOp::Remove(ids) | MemberOp::Replace(ids) => ids.len(),
        MemberOp::RemoveMatching(_) => 0,
    }
}

/// S-60: more has to come in several requests.
fn at_most(members: usize) -> Result<(), Error> {
    if members <= MEMBERS_MAX {
        return Ok(());
    }
    Err(Error::status(413, format!("{members} members in one request, at most {MEMBERS_MAX} are taken")))
}

/// Every id once, where it first stands.
fn distinct(ids: &[Uuid]) -> Vec<Uuid> {
    let mut seen = HashSet::with_capacity(ids.len());
    ids.iter().copied().filter(|id| seen.insert(*id)).collect()
}

#[cfg(test)]
mod tests;
