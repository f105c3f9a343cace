//! The resource types of a tree, put together from what the program, the server's configuration and the tree itself define.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::define::{invalid, is_name, text};
use super::{Extension, ResourceType, Schema, read};
use crate::base::TypeId;
use crate::base::limit::{SCHEMAS_MAX, TREE_ATTRIBUTES_MAX};
use crate::scim::{Error, Kind, json};

/// The resource types of a tree of orgs: users, groups, invitations and orgs, and what the tree added.
#[derive(Debug, PartialEq, Eq)]
pub struct Schemas {
    /// The four that are always there come first.
    types: Vec<ResourceType>,
    /// Counts the changes of what the tree itself defines, from 0.
    epoch: u64,
}

/// Schemas and resource types that somebody defined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definitions {
    /// Schemas, whether or not a resource type has them.
    pub schemas: Vec<Schema>,
    /// Resource types, and what is attached to users and groups.
    pub types: Vec<TypeDefinition>,
}

/// RFC 7643 §6, as it is written down: a resource type that names its schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeDefinition {
    /// `Role`; for `User` and `Group`, which are there already, only `extensions` count.
    pub name: String,
    /// `/Roles`.
    pub endpoint: String,
    /// For people.
    pub description: String,
    /// The URN of the base schema.
    pub schema: String,
    /// URN of each extension, and whether each resource must carry it (S-33).
    pub extensions: Vec<(String, bool)>,
}

/// First segments of a path that mean something already, or may.
const ENDPOINTS: [&str; 9] =
    ["Users", "Groups", "Invitations", "Organizations", "Me", "Bulk", "Schemas", "ResourceTypes", "ServiceProviderConfig"];

/// What the log of changes calls that is no resource type of a tree; nobody may forge its events.
const NAMES: [&str; 7] = ["Organization", "Client", "Token", "Settings", "Schemas", "Definition", "Tombstone"];

impl Schemas {
    /// Those that this program brings along.
    pub fn core() -> &'static Arc<Schemas> {
        &CORE
    }

    /// The core with what `server` and then `tree` define. `epoch` counts the changes of `tree`. Refused is what contradicts
    /// itself or what stands before it, by name.
    pub fn with(server: &Definitions, tree: &Definitions, epoch: u64) -> Result<Schemas, Error> {
        let mut types = CORE.types.clone();
        let mut known: Vec<&Schema> = Vec::new();
        for schema in server.schemas.iter().chain(&tree.schemas) {
            let is_taken = known.iter().copied().chain(CORE.types.iter().flat_map(ResourceType::schemas));
            if is_taken.into_iter().any(|other| other.id.eq_ignore_ascii_case(&schema.id)) {
                return Err(invalid(format!("schema `{}`: there is one of this URN", schema.id)));
            }
            known.push(schema);
        }
        if known.len() > SCHEMAS_MAX || server.types.len() + tree.types.len() > SCHEMAS_MAX {
            return Err(invalid(format!("at most {SCHEMAS_MAX} schemas and as many resource types are kept")));
        }
        let find = |urn: &str| known.iter().copied().find(|schema| schema.id.eq_ignore_ascii_case(urn));
        for definition in server.types.iter().chain(&tree.types) {
            add(&mut types, definition, find)
                .map_err(|error| Error { detail: format!("resource type `{}`: {}", definition.name, error.detail), ..error })?;
        }
        // Each request of the tree may walk through them, and each type holds a copy of its own.
        let size: usize = types.iter().flat_map(ResourceType::schemas).map(|schema| schema.attributes.len()).sum();
        if size > TREE_ATTRIBUTES_MAX {
            return Err(invalid(format!("the resource types have {size} attributes, at most {TREE_ATTRIBUTES_MAX} are kept")));
        }
        Ok(Schemas { types, epoch })
    }

    /// All resource types, in the order in which they are published.
    pub fn types(&self) -> &[ResourceType] {
        &self.types
    }

    /// The schemas of all resource types, each once.
    pub fn schemas(&self) -> Vec<&Schema> {
        let mut schemas: Vec<&Schema> = Vec::new();
        for schema in self.types.iter().flat_map(ResourceType::schemas) {
            if !schemas.iter().any(|other| other.id == schema.id) {
                schemas.push(schema);
            }
        }
        schemas
    }

    /// Of users.
    pub fn user(&self) -> &ResourceType {
        &self.types[0]
    }

    /// Of groups.
    pub fn group(&self) -> &ResourceType {
        &self.types[1]
    }

    /// Of invitations.
    pub fn invitation(&self) -> &ResourceType {
        &self.types[2]
    }

    /// Of orgs.
    pub fn organization(&self) -> &ResourceType {
        &self.types[3]
    }

    /// Those that somebody added.
    pub fn custom(&self) -> &[ResourceType] {
        &self.types[4..]
    }

    /// The one of this kind.
    pub fn get(&self, kind: Kind) -> Option<&ResourceType> {
        self.types.iter().find(|resource_type| resource_type.kind == kind)
    }

    /// How often what the tree defines has changed.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }
}

fn add<'a>(
    types: &mut Vec<ResourceType>,
    definition: &TypeDefinition,
    find: impl Fn(&str) -> Option<&'a Schema>,
) -> Result<(), Error> {
    let schema = |urn: &str| find(urn).cloned().ok_or_else(|| invalid(format!("no schema `{urn}` was defined")));
    let mut extensions = Vec::new();
    for (urn, required) in &definition.extensions {
        extensions.push(Extension { schema: schema(urn)?, required: *required });
    }
    let at = match types.iter().position(|other| other.name.eq_ignore_ascii_case(&definition.name)) {
        Some(at) if matches!(types[at].kind, Kind::User | Kind::Group) => at,
        Some(_) => return Err(invalid("there is one of this name")),
        None if types.iter().any(|other| other.endpoint.eq_ignore_ascii_case(&definition.endpoint)) => {
            return Err(invalid(format!("`{}` is taken", definition.endpoint)));
        }
        None => {
            let schema = schema(&definition.schema)?;
            if types.iter().any(|other| other.schema.id == schema.id) {
                return Err(invalid(format!("`{}` is the base of another one", schema.id)));
            }
            types.push(ResourceType {
                kind: Kind::Custom(type_id(&definition.name)),
                name: definition.name.clone(),
                endpoint: definition.endpoint.clone(),
                description: definition.description.clone(),
                schema,
                extensions: vec![],
                hides: false,
                claims: false,
            });
            types.len() - 1
        }
    };
    let made = &mut types[at];
    made.extensions.extend(extensions);
    made.settle();
    let urns: Vec<&String> = made.schemas().map(|schema| &schema.id).collect();
    match urns.iter().enumerate().find(|(at, urn)| urns[..*at].contains(urn)) {
        Some((_, urn)) => Err(invalid(format!("`{urn}` is attached twice"))),
        None => Ok(()),
    }
}

/// The same for the same name, in every tree and after every start.
fn type_id(name: &str) -> TypeId {
    let digest = Sha256::digest(name.to_ascii_lowercase());
    TypeId(Uuid::from_slice(&digest[..16]).expect("16 bytes"))
}

impl TypeDefinition {
    /// What `body` defines, in the form in which `/ResourceTypes` shows it.
    pub fn parse(mut body: Map<String, Value>) -> Result<TypeDefinition, Error> {
        let name = match (text(&mut body, "name")?, text(&mut body, "id")?) {
            (Some(name), id) if id.as_ref().is_none_or(|id| *id == name) => name,
            (None, Some(id)) => id,
            _ => return Err(invalid("a resource type needs a `name`, and its `id` is the same")),
        };
        let within = |error: Error| Error { detail: format!("resource type `{name}`: {}", error.detail), ..error };
        let definition = TypeDefinition::read(name.clone(), &mut body).map_err(within)?;
        match body.keys().find(|key| !["schemas", "meta"].contains(&key.to_ascii_lowercase().as_str())) {
            Some(key) => Err(within(invalid(format!("`{key}` is no part of a resource type")))),
            None => Ok(definition),
        }
    }

    fn read(name: String, body: &mut Map<String, Value>) -> Result<TypeDefinition, Error> {
        let (endpoint, schema) = (text(body, "endpoint")?, text(body, "schema")?);
        let description = text(body, "description")?.unwrap_or_default();
        let mut extensions = Vec::new();
        for item in json::take(body, "schemaExtensions").as_ref().and_then(Value::as_array).into_iter().flatten() {
            let urn = item["schema"].as_str().ok_or_else(|| invalid("an extension names no `schema`"))?;
            let required = match &item["required"] {
                Value::Null => false,
                required => required.as_bool().ok_or_else(|| invalid(format!("`required` of `{urn}` is no boolean")))?,
            };
            // What is there already need not be attached; it may be shown.
            let own = CORE.types.iter().filter(|core| core.name.eq_ignore_ascii_case(&name));
            let is_there = own
                .flat_map(|core| &core.extensions)
                .any(|one| one.schema.id.eq_ignore_ascii_case(urn) && one.required == required);
            if !is_there {
                extensions.push((urn.to_owned(), required));
            }
        }
        if let Some(core) = [CORE.user(), CORE.group()].into_iter().find(|core| core.name.eq_ignore_ascii_case(&name)) {
            let differs = endpoint.is_some_and(|endpoint| endpoint != core.endpoint)
                || schema.is_some_and(|schema| schema != core.schema.id);
            if differs {
                return Err(invalid("it is built in, only `schemaExtensions` can be added"));
            }
            let (name, endpoint, schema) = (core.name.clone(), core.endpoint.clone(), core.schema.id.clone());
            return Ok(TypeDefinition { name, endpoint, description: core.description.clone(), schema, extensions });
        }
        let endpoint = endpoint.ok_or_else(|| invalid("it needs an `endpoint`"))?;
        let segment = endpoint.strip_prefix('/').unwrap_or_default();
        let is_version = segment.strip_prefix(['v', 'V']).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
        if !is_name(&name) || !is_name(segment) || segment.contains('$') || is_version {
            return Err(invalid("expected a `name` like `Role` and an `endpoint` like `/Roles`"));
        }
        if NAMES.iter().any(|taken| taken.eq_ignore_ascii_case(&name)) {
            return Err(invalid(format!("the name `{name}` is taken")));
        }
        if ENDPOINTS.iter().any(|taken| taken.eq_ignore_ascii_case(segment)) {
            return Err(invalid(format!("`{endpoint}` is taken")));
        }
        let schema = schema.ok_or_else(|| invalid("it needs a `schema`, the URN of its base"))?;
        Ok(TypeDefinition { name, endpoint, description, schema, extensions })
    }

    /// As it is written down, so that [`parse`](TypeDefinition::parse) reads the same.
    pub fn body(&self) -> Value {
        let extension = |(urn, required): &(String, bool)| json!({ "schema": urn, "required": required });
        let extensions: Vec<Value> = self.extensions.iter().map(extension).collect();
        let mut body = json!({ "name": self.name, "endpoint": self.endpoint, "schema": self.schema });
        if !self.description.is_empty() {
            body["description"] = self.description.as_str().into();
        }
        body["schemaExtensions"] = extensions.into();
        body
    }
}

impl Definitions {
    /// Adds what `value` defines: a schema, a resource type, an array of them, or the answer of some server's `/Schemas` or
    /// `/ResourceTypes`.
    pub fn read(&mut self, value: Value) -> Result<(), Error> {
        match value {
            Value::Array(items) => items.into_iter().try_for_each(|item| self.read(item)),
            Value::Object(mut body) => match json::take(&mut body, "Resources") {
                Some(items) => self.read(items),
                None if body.contains_key("attributes") => {
                    self.schemas.push(Schema::define(body)?);
                    Ok(())
                }
                None => {
                    self.types.push(TypeDefinition::parse(body)?);
                    Ok(())
                }
            },
            other => Err(invalid(format!("it is {}, expected a schema or a resource type", json::kind_of(&other)))),
        }
    }
}

static CORE: LazyLock<Arc<Schemas>> = LazyLock::new(|| {
    let core = |kind, name: &str, description: &str, schema| ResourceType {
        kind,
        name: name.to_owned(),
        endpoint: format!("/{name}s"),
        description: description.to_owned(),
        schema: read(schema),
        extensions: vec![],
        hides: false,
        claims: false,
    };
    let optional = |text| Extension { schema: read(text), required: false };
    let user = core(Kind::User, "User", "A user of the organization, resident or guest", include_str!("user.json"));
    let group = core(Kind::Group, "Group", "A group of the organization", include_str!("group.json"));
    let invitation = core(
        Kind::Invitation,
        "Invitation",
        "An invitation of a user of the parent organization",
        include_str!("invitation.json"),
    );
    let organization = core(
        Kind::Organization,
        "Organization",
        "An organization below the one of the address, or that one itself",
        include_str!("organization.json"),
    );
    let of_user = vec![optional(include_str!("enterprise_user.json")), optional(include_str!("membership.json"))];
    let of_group = vec![optional(include_str!("access.json"))];
    let (user, group) = (ResourceType { extensions: of_user, ..user }, ResourceType { extensions: of_group, ..group });
    Arc::new(Schemas { types: vec![user, group, invitation, organization], epoch: 0 })
});

#[cfg(test)]
mod tests {
    use super::*;

    const BADGE: &str = "urn:example:scim:schemas:2.0:Badge";
    const ROLE: &str = "urn:okta:scim:schemas:core:1.0:Role";

    fn definitions(values: &[Value]) -> Result<Definitions, Error> {
        let mut definitions = Definitions::default();
        values.iter().try_for_each(|value| definitions.read(value.clone())).map(|()| definitions)
    }

    fn schema(urn: &str) -> Value {
        json!({ "id": urn, "attributes": [{ "name": "a", "required": true }] })
    }

    fn role() -> Value {
        json!({ "name": "Role", "endpoint": "/Roles", "schema": ROLE, "schemaExtensions": [{ "schema": BADGE, "required": true }] })
    }

    #[track_caller]
    fn refused(values: &[Value], why: &str) {
        let result = definitions(values).and_then(|tree| Schemas::with(&Definitions::default(), &tree, 1));
        assert_eq!(result.expect_err(why).detail, why);
    }

    #[test]
    fn a_tree_has_types_and_extensions_of_its_own() {
        // OK-11, S-33: also in the form in which a server lists them.
        let users = json!({ "name": "User", "schemaExtensions": [{ "schema": BADGE }] });
        let list = json!({ "schemas": [], "Resources": [schema(ROLE), schema(BADGE), role(), users] });
        let tree = definitions(&[list]).expect("definitions");
        let schemas = Schemas::with(&Definitions::default(), &tree, 7).expect("they agree");
        let [made] = schemas.custom() else { panic!("one type") };
        assert_eq!((made.name.as_str(), made.endpoint.as_str(), made.schema.id.as_str()), ("Role", "/Roles", ROLE));
        assert_eq!(schemas.get(made.kind), Some(made));
        assert!(made.extension(BADGE).is_some_and(|badge| badge.required));
        assert!(schemas.user().extension(BADGE).is_some_and(|badge| !badge.required));
        assert!(schemas.group().extension(BADGE).is_none() && Schemas::core().user().extension(BADGE).is_none());
        assert_eq!(schemas.schemas().iter().filter(|schema| schema.id == BADGE).count(), 1, "D-04: each once");
        for definition in &tree.types {
            let body = definition.body().as_object().cloned().expect("an object");
            assert_eq!(TypeDefinition::parse(body).as_ref(), Ok(definition));
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused_by_name() {
        refused(&[schema(BADGE), schema(BADGE)], &format!("schema `{BADGE}`: there is one of this URN"));
        let user = crate::scim::urn::USER;
        refused(&[schema(user)], &format!("schema `{user}`: there is one of this URN")); // S-22
        refused(&[role()], &format!("resource type `Role`: no schema `{BADGE}` was defined"));
        let again = json!({ "name": "ROLE", "endpoint": "/More", "schema": ROLE });
        refused(&[schema(ROLE), schema(BADGE), role(), again], "resource type `ROLE`: there is one of this name");
        let same = json!({ "name": "Other", "endpoint": "/roles", "schema": ROLE });
        refused(&[schema(ROLE), schema(BADGE), role(), same], "resource type `Other`: `/roles` is taken");
        for endpoint in ["/Users", "/bulk", "/me"] {
            let taken = json!({ "name": "Role", "endpoint": endpoint, "schema": ROLE });
            refused(&[schema(ROLE), taken], &format!("resource type `Role`: `{endpoint}` is taken"));
        }
        for endpoint in ["Roles", "/", "/a/b", "/v2", "/.search", "/a?b"] {
            let wrong = json!({ "name": "Role", "endpoint": endpoint, "schema": ROLE });
            refused(&[wrong], "resource type `Role`: expected a `name` like `Role` and an `endpoint` like `/Roles`");
        }
        let twice = json!({ "name": "Group", "schemaExtensions": [{ "schema": BADGE }, { "schema": BADGE }] });
        refused(&[schema(BADGE), twice], &format!("resource type `Group`: `{BADGE}` is attached twice"));
        let moved = json!({ "name": "User", "endpoint": "/People" });
        refused(&[moved], "resource type `User`: it is built in, only `schemaExtensions` can be added");
        let invitations = json!({ "name": "Invitation", "endpoint": "/Inv", "schema": ROLE });
        refused(&[schema(ROLE), invitations], "resource type `Invitation`: there is one of this name");
    }
}
