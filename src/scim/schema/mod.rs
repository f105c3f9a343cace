//! RFC 7643 §6 and §7: resource types, schemas and the characteristics of attributes.
//!
//! The definitions are JSON files in this folder, read once. What is published at `/Schemas` is what is enforced (D-10); an
//! omitted characteristic has the default of RFC 7643 §2.2 (S-05).

mod types;

use std::sync::LazyLock;

pub use types::{Attribute, Mutability, Returned, Schema, Type, Uniqueness};

use super::Kind;

/// A type of resources: its endpoint, its schema, its extensions.
#[derive(Debug)]
pub struct ResourceType {
    /// Which one.
    pub kind: Kind,
    /// `User`, also the id.
    pub name: &'static str,
    /// `/Users`.
    pub endpoint: &'static str,
    /// For people.
    pub description: &'static str,
    /// The base schema.
    pub schema: Schema,
    /// What else a resource may carry.
    pub extensions: Vec<Extension>,
}

/// An extension of a resource type.
#[derive(Debug)]
pub struct Extension {
    /// Its schema.
    pub schema: Schema,
    /// Whether each resource must carry it (S-33).
    pub required: bool,
}

impl ResourceType {
    /// A core or common attribute, whatever the case of `name` (S-03).
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.schema.attribute(name).or_else(|| common().attribute(name))
    }

    /// An extension by its URN, whatever its case.
    pub fn extension(&self, urn: &str) -> Option<&Extension> {
        self.extensions.iter().find(|extension| extension.schema.id.eq_ignore_ascii_case(urn))
    }

    /// Common and core attributes in the order in which a document holds them.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        common().attributes.iter().chain(&self.schema.attributes)
    }
}

/// The resource type of a kind.
pub fn resource_type(kind: Kind) -> &'static ResourceType {
    let [user, group, invitation] = &*RESOURCE_TYPES;
    match kind {
        Kind::User => user,
        Kind::Group => group,
        Kind::Invitation => invitation,
    }
}

/// All resource types, in the order in which they are published.
pub fn resource_types() -> &'static [ResourceType] {
    &*RESOURCE_TYPES
}

/// The attributes that every resource has, RFC 7643 §3.1.
pub fn common() -> &'static Schema {
    &COMMON
}

/// The schemas of discovery itself: ServiceProviderConfig, ResourceType, Schema.
pub fn meta_schemas() -> &'static [Schema] {
    &*META
}

static COMMON: LazyLock<Schema> = LazyLock::new(|| read(include_str!("common.json")));

static META: LazyLock<[Schema; 3]> = LazyLock::new(|| {
    [include_str!("service_provider_config.json"), include_str!("resource_type.json"), include_str!("schema.json")].map(read)
});

static RESOURCE_TYPES: LazyLock<[ResourceType; 3]> = LazyLock::new(|| {
    let optional = |text| Extension { schema: read(text), required: false };
    [
        ResourceType {
            kind: Kind::User,
            name: "User",
            endpoint: "/Users",
            description: "A user of the organization, resident or guest",
            schema: read(include_str!("user.json")),
            extensions: vec![optional(include_str!("enterprise_user.json")), optional(include_str!("membership.json"))],
        },
        ResourceType {
            kind: Kind::Group,
            name: "Group",
            endpoint: "/Groups",
            description: "A group of the organization",
            schema: read(include_str!("group.json")),
            extensions: vec![],
        },
        ResourceType {
            kind: Kind::Invitation,
            name: "Invitation",
            endpoint: "/Invitations",
            description: "An invitation of a user of the parent organization",
            schema: read(include_str!("invitation.json")),
            extensions: vec![],
        },
    ]
});

fn read(text: &str) -> Schema {
    serde_json::from_str(text).expect("the embedded schemas parse, as a test shows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_parses_and_follows_rfc_7643() {
        let core = resource_types().iter().map(|kind| &kind.schema);
        let extensions = resource_types().iter().flat_map(|kind| &kind.extensions).map(|extension| &extension.schema);
        for schema in core.chain(extensions).chain(meta_schemas()).chain([common()]) {
            for attribute in &schema.attributes {
                let name = format!("{} {}", schema.id, attribute.name);
                assert!(!attribute.description.is_empty(), "{name}");
                assert_eq!(attribute.kind == Type::Complex, !attribute.sub_attributes.is_empty(), "{name}");
                assert_eq!(attribute.kind == Type::Reference, !attribute.reference_types.is_empty(), "S-09 {name}");
                // S-10; of all schemas only that of schemas itself nests deeper (`attributes.subAttributes`).
                let nests = attribute.sub_attributes.iter().any(|sub| sub.kind == Type::Complex);
                assert!(!nests || schema.id.ends_with(":Schema"), "S-10 {name}");
                // S-27.
                assert!(attribute.mutability != Mutability::WriteOnly || attribute.returned == Returned::Never, "{name}");
            }
        }
    }

    #[test]
    fn names_and_urns_have_no_case() {
        let user = resource_type(Kind::User);
        assert_eq!(user.attribute("USERNAME").map(|a| a.name.as_str()), Some("userName"), "S-03");
        assert_eq!(user.attribute("externalid").map(|a| a.name.as_str()), Some("externalId"));
        assert!(user.extension("URN:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:user").is_some(), "S-32");
        assert!(user.attribute("department").is_none());
    }

    #[test]
    fn an_omitted_characteristic_has_the_default_of_the_rfc() {
        let plain: Attribute = serde_json::from_str(r#"{"name":"plain"}"#).expect("a definition");
        let published = serde_json::to_value(&plain).expect("json");
        // S-05; D-04: no nulls.
        let expected = serde_json::json!({"name": "plain", "type": "string", "multiValued": false, "required": false,
            "caseExact": false, "mutability": "readWrite", "returned": "default", "uniqueness": "none"});
        assert_eq!(published, expected);
    }
}
