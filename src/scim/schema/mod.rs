//! RFC 7643 §6 and §7: resource types, schemas and the characteristics of attributes.
//!
//! The definitions are JSON files in this folder, read once. What is published at `/Schemas` is what is enforced (D-10); an
//! omitted characteristic has the default of RFC 7643 §2.2 (S-05).

mod define;
mod registry;
mod types;
mod unique;

use std::sync::LazyLock;

pub use registry::{Definitions, Schemas, TypeDefinition};
pub use types::{Attribute, Mutability, Returned, Schema, Type, Uniqueness};
pub use unique::Claim;

use super::Kind;

/// A type of resources: its endpoint, its schema, its extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// Which one.
    pub kind: Kind,
    /// `User`, also the id.
    pub name: String,
    /// `/Users`.
    pub endpoint: String,
    /// For people.
    pub description: String,
    /// The base schema.
    pub schema: Schema,
    /// What else a resource may carry.
    pub extensions: Vec<Extension>,
    /// Whether documents hold what a plain answer does not show, so that none can be answered as it stands.
    hides: bool,
    /// Whether documents hold values that may occur once.
    claims: bool,
}

/// An extension of a resource type.
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// Its base schema and those of its extensions.
    pub fn schemas(&self) -> impl Iterator<Item = &Schema> {
        std::iter::once(&self.schema).chain(self.extensions.iter().map(|extension| &extension.schema))
    }

    /// Whether a plain answer shows less than is stored.
    pub fn hides(&self) -> bool {
        self.hides
    }

    /// What may hold secrets and unique values that no column of the store knows: all but the core of users, groups and
    /// invitations.
    fn own(&self) -> impl Iterator<Item = (&Schema, &Attribute)> {
        let is_core = !matches!(self.kind, Kind::Custom(_));
        let schemas = self.schemas().skip(usize::from(is_core));
        schemas.flat_map(|schema| schema.attributes.iter().map(move |attribute| (schema, attribute)))
    }

    /// Notes what follows from the attributes.
    fn settle(&mut self) {
        let is_hidden = |attribute: &Attribute| matches!(attribute.returned, Returned::Never | Returned::Request);
        let is_unique = |attribute: &Attribute| attribute.uniqueness != Uniqueness::None;
        let any = |test: fn(&Attribute) -> bool| {
            self.own().any(|(_, attribute)| test(attribute) || attribute.sub_attributes.iter().any(test))
        };
        (self.hides, self.claims) = (any(is_hidden), any(is_unique));
    }

    /// Common and core attributes in the order in which a document holds them.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        common().attributes.iter().chain(&self.schema.attributes)
    }
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

fn read(text: &str) -> Schema {
    serde_json::from_str(text).expect("the embedded schemas parse, as a test shows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_parses_and_follows_rfc_7643() {
        let resources = Schemas::core().types().iter().flat_map(ResourceType::schemas);
        for schema in resources.chain(meta_schemas()).chain([common()]) {
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
        let user = Schemas::core().user();
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
