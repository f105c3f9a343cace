//! Schemas and resource types that a tree defines for itself, and what of them may change while resources hold their values.
//!
//! Additions may come at any time. What would make stored data invalid may come only while there is none; the store looks, in
//! the transaction that writes.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::base::OrgId;
use crate::scim::schema::{Attribute, Definitions, ResourceType, Returned, Schema, Schemas, TypeDefinition, Uniqueness};
use crate::scim::{Error, Kind, ScimType};

/// What happened to the definitions of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A definition came, changed or went.
    Defined {
        /// The root of the tree.
        root: OrgId,
        /// How often they had changed when this was decided.
        epoch: u64,
        /// Schema or resource type.
        kind: DefinitionKind,
        /// URN or name, in lower case.
        key: String,
        /// As it is now; none if it is gone.
        doc: Option<String>,
        /// What must hold of the resources of the tree.
        conditions: Vec<Condition>,
        /// Places of unique values that are unique no more.
        dropped: Vec<String>,
    },
    /// Nothing happened: what is written with this was decided by definitions that must still hold.
    Unchanged {
        /// The root of the tree.
        root: OrgId,
        /// How often they had changed.
        epoch: u64,
    },
}

/// The two kinds of definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum DefinitionKind {
    Schema,
    Type,
}

impl DefinitionKind {
    /// As the store spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            DefinitionKind::Schema => "schema",
            DefinitionKind::Type => "type",
        }
    }
}

/// What must hold of all resources of a kind in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which resources.
    pub kind: Kind,
    /// What must hold.
    pub holds: Holds,
    /// What is refused where it does not.
    pub because: String,
}

/// See [`Condition`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// There is none.
    NoResource,
    /// None has a value of this extension.
    NoneWith(String),
    /// All have a value of this extension.
    AllWith(String),
}

/// What a tree has: what the server defines for all, and what it defines itself.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The root of the tree.
    pub root: OrgId,
    /// Of the configuration.
    pub server: &'a Definitions,
    /// Of the tree.
    pub tree: &'a Definitions,
    /// Both, as they hold.
    pub schemas: &'a Schemas,
}

/// The schema `urn` becomes what `body` says.
pub fn schema_put(facts: Facts<'_>, urn: &str, body: Map<String, Value>) -> Result<Change, Error> {
    let schema = Schema::define(body)?;
    if schema.id != urn {
        return Err(invalid(format!("the schema's `id` is `{}`, expected `{urn}`", schema.id)));
    }
    let old = facts.tree.schemas.iter().position(|old| old.id.eq_ignore_ascii_case(urn));
    let mut after = facts.tree.clone();
    let Some(at) = old else {
        after.schemas.push(schema.clone());
        return changed(facts, &after, DefinitionKind::Schema, urn, Some(body_of(&schema)), vec![]);
    };
    let before = std::mem::replace(&mut after.schemas[at], schema.clone());
    if before.id != schema.id {
        return Err(invalid(format!("the schema is spelled `{}`", before.id)));
    }
    let conditions = match narrowed(&before.attributes, &schema.attributes, "") {
        Some(why) => unused(facts, urn, &format!("the schema is in use: {why}")),
        None => vec![],
    };
    changed(facts, &after, DefinitionKind::Schema, urn, Some(body_of(&schema)), conditions)
}

/// The schema `urn` goes. 409 while a resource type has it.
pub fn schema_delete(facts: Facts<'_>, urn: &str) -> Result<Change, Error> {
    let at = facts.tree.schemas.iter().position(|old| old.id.eq_ignore_ascii_case(urn)).ok_or_else(Error::not_found)?;
    let mut after = facts.tree.clone();
    after.schemas.remove(at);
    if let Some(holder) = holders(facts, urn).next() {
        return Err(Error::status(409, format!("the resource type `{}` has this schema", holder.name)));
    }
    changed(facts, &after, DefinitionKind::Schema, urn, None, vec![])
}

/// The resource type `name` becomes what `body` says.
pub fn type_put(facts: Facts<'_>, name: &str, body: Map<String, Value>) -> Result<Change, Error> {
    let mut definition = TypeDefinition::parse(body)?;
    // Documents are looked through for the URN as its schema spells it.
    for (urn, _) in &mut definition.extensions {
        let known = facts.server.schemas.iter().chain(&facts.tree.schemas).find(|schema| schema.id.eq_ignore_ascii_case(urn));
        if let Some(schema) = known {
            urn.clone_from(&schema.id);
        }
    }
    if definition.name != name {
        return Err(invalid(format!("the resource type's `name` is `{}`, expected `{name}`", definition.name)));
    }
    let mut after = facts.tree.clone();
    let old = facts.tree.types.iter().position(|old| old.name.eq_ignore_ascii_case(name));
    match old {
        Some(at) if facts.tree.types[at].name != name => {
            return Err(invalid(format!("the resource type is spelled `{}`", facts.tree.types[at].name)));
        }
        Some(at) => after.types[at] = definition.clone(),
        None => after.types.push(definition.clone()),
    }
    let conditions = retyped(facts, old.map(|at| &facts.tree.types[at]), Some(&definition));
    changed(facts, &after, DefinitionKind::Type, name, Some(definition.body().to_string()), conditions)
}

/// The resource type `name` goes; of users and groups, what the tree attached to them.
pub fn type_delete(facts: Facts<'_>, name: &str) -> Result<Change, Error> {
    let at = facts.tree.types.iter().position(|old| old.name.eq_ignore_ascii_case(name)).ok_or_else(Error::not_found)?;
    let mut after = facts.tree.clone();
    let old = after.types.remove(at);
    changed(facts, &after, DefinitionKind::Type, name, None, retyped(facts, Some(&old), None))
}

fn changed(
    facts: Facts<'_>,
    after: &Definitions,
    kind: DefinitionKind,
    key: &str,
    doc: Option<String>,
    conditions: Vec<Condition>,
) -> Result<Change, Error> {
    let epoch = facts.schemas.epoch();
    let schemas = Schemas::with(facts.server, after, epoch + 1)?;
    let places = |schemas: &Schemas| schemas.types().iter().flat_map(ResourceType::claim_places).collect::<Vec<_>>();
    let kept: HashSet<String> = places(&schemas).into_iter().collect();
    let dropped = places(facts.schemas).into_iter().filter(|place| !kept.contains(place)).collect();
    Ok(Change::Defined { root: facts.root, epoch, kind, key: key.to_ascii_lowercase(), doc, conditions, dropped })
}

fn body_of(schema: &Schema) -> String {
    serde_json::to_string(schema).expect("a definition is plain data")
}

/// The resource types that have the schema `urn`, as base or extension.
fn holders<'a>(facts: Facts<'a>, urn: &'a str) -> impl Iterator<Item = &'a ResourceType> {
    facts.schemas.types().iter().filter(move |holder| holder.schemas().any(|schema| schema.id.eq_ignore_ascii_case(urn)))
}

/// What must hold for the schema `urn` to mean something else: no resource has values of it.
fn unused(facts: Facts<'_>, urn: &str, because: &str) -> Vec<Condition> {
    let condition = |holder: &ResourceType| {
        let is_base = holder.schema.id.eq_ignore_ascii_case(urn);
        let holds = if is_base { Holds::NoResource } else { Holds::NoneWith(urn.to_owned()) };
        Condition { kind: holder.kind, holds, because: because.to_owned() }
    };
    holders(facts, urn).map(condition).collect()
}

/// What must hold for a resource type to change from `old` to `new`.
fn retyped(facts: Facts<'_>, old: Option<&TypeDefinition>, new: Option<&TypeDefinition>) -> Vec<Condition> {
    let name = old.or(new).map(|definition| definition.name.as_str()).unwrap_or_default();
    let Some(holder) = facts.schemas.types().iter().find(|holder| holder.name.eq_ignore_ascii_case(name)) else {
        return vec![];
    };
    let is_custom = matches!(holder.kind, Kind::Custom(_));
    let condition = |holds, because: String| Condition { kind: holder.kind, holds, because };
    let mut conditions = Vec::new();
    let is_moved = new.is_none_or(|new| new.endpoint != holder.endpoint || !new.schema.eq_ignore_ascii_case(&holder.schema.id));
    if is_custom && is_moved {
        let because = format!("there are resources of type `{name}`, its endpoint and schema stay");
        conditions.push(condition(Holds::NoResource, because));
    }
    let extensions = |definition: Option<&TypeDefinition>| definition.map(|one| one.extensions.clone()).unwrap_or_default();
    let (before, after) = (extensions(old), extensions(new));
    let find = |list: &[(String, bool)], urn: &str| list.iter().find(|one| one.0.eq_ignore_ascii_case(urn)).cloned();
    for (urn, _) in before.iter().filter(|(urn, _)| find(&after, urn).is_none()) {
        let because = format!("there are resources of type `{name}` with values of `{urn}`");
        conditions.push(condition(Holds::NoneWith(urn.clone()), because));
    }
    for (urn, _) in after.iter().filter(|(urn, required)| *required && !find(&before, urn).is_some_and(|(_, was)| was)) {
        let because = format!("there are resources of type `{name}` without `{urn}`, it cannot be required");
        conditions.push(condition(Holds::AllWith(urn.clone()), because));
    }
    conditions
}

/// Why documents that follow `before` need not follow `after`; none if they do.
fn narrowed(before: &[Attribute], after: &[Attribute], parent: &str) -> Option<String> {
    for old in before {
        let name = format!("{parent}{}", old.name);
        let Some(new) = after.iter().find(|new| new.name == old.name) else { return Some(format!("`{name}` would go")) };
        let differs = [
            (old.kind != new.kind, "`type`"),
            (old.multi_valued != new.multi_valued, "`multiValued`"),
            (!old.required && new.required, "`required`"),
            (old.uniqueness == Uniqueness::None && new.uniqueness != Uniqueness::None, "`uniqueness`"),
            (new.uniqueness != Uniqueness::None && old.case_exact != new.case_exact, "`caseExact`"),
            // What nobody may see was sent in that belief.
            (old.returned == Returned::Never && new.returned != Returned::Never, "`returned`"),
        ];
        if let Some((_, what)) = differs.iter().find(|(differs, _)| *differs) {
            return Some(format!("{what} of `{name}` would change"));
        }
        if let Some(why) = narrowed(&old.sub_attributes, &new.sub_attributes, &format!("{name}.")) {
            return Some(why);
        }
    }
    let added = after.iter().find(|new| new.required && !before.iter().any(|old| old.name == new.name));
    added.map(|new| format!("`{parent}{}` would be required", new.name))
}

fn invalid(detail: String) -> Error {
    Error::bad(ScimType::InvalidValue, detail)
}
