//! SCIM's definitions as OpenAPI's: what `/Schemas` publishes, `/openapi.json` publishes too.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};

use crate::scim::schema::{self, Attribute, Mutability, ResourceType, Returned, Type};

/// A component made of an attribute's sub-attributes.
struct Part;

/// A resource: common attributes, its own, and its extensions under their URN.
pub(super) fn resource(registry: &mut Registry, resource_type: &'static ResourceType) -> MetaSchema {
    let mut object = object(registry, &resource_type.name, resource_type.attributes(), &resource_type.description);
    for extension in &resource_type.extensions {
        let name = words(&extension.schema.name);
        registry.create_schema::<Part, _>(name.clone(), |registry| {
            self::object(registry, &name, extension.schema.attributes.iter(), &extension.schema.description)
        });
        object.properties.push((&extension.schema.id, MetaSchemaRef::Reference(name)));
    }
    object
}

/// One of the schemas of discovery, which are no resources: no `externalId` there (S-22).
pub(super) fn discovery(registry: &mut Registry, index: usize) -> MetaSchema {
    let schema = &schema::meta_schemas()[index];
    let common = ["schemas", "id", "meta"].iter().filter(|name| schema.attribute(name).is_none());
    let common: Vec<_> = common.filter_map(|name| schema::common().attribute(name)).collect();
    object(registry, &words(&schema.name), common.into_iter().chain(&schema.attributes), &schema.description)
}

fn object(
    registry: &mut Registry,
    owner: &str,
    attributes: impl Iterator<Item = &'static Attribute>,
    description: &'static str,
) -> MetaSchema {
    let mut object = MetaSchema { description: Some(description), ..MetaSchema::new("object") };
    for attribute in attributes {
        object.properties.push((&attribute.name, property(registry, owner, attribute)));
    }
    object
}

fn property(registry: &mut Registry, owner: &str, attribute: &'static Attribute) -> MetaSchemaRef {
    let about = MetaSchema {
        description: Some(&attribute.description).filter(|text| !text.is_empty()).map(String::as_str),
        read_only: attribute.is_read_only(),
        write_only: attribute.mutability == Mutability::WriteOnly || attribute.returned == Returned::Never,
        ..MetaSchema::ANY
    };
    let item = if attribute.kind == Type::Complex {
        MetaSchemaRef::Reference(part(registry, owner, attribute))
    } else {
        MetaSchemaRef::Inline(Box::new(scalar(attribute)))
    };
    match item {
        item if attribute.multi_valued => inline(MetaSchema { ty: "array", items: Some(Box::new(item)), ..about }),
        MetaSchemaRef::Inline(scalar) => {
            let (ty, format, enum_items) = (scalar.ty, scalar.format, scalar.enum_items);
            inline(MetaSchema { ty, format, enum_items, ..about })
        }
        // OpenAPI 3.0 ignores what stands beside a reference, hence the detour.
        reference => inline(MetaSchema { all_of: vec![reference], ..about }),
    }
}

fn scalar(attribute: &'static Attribute) -> MetaSchema {
    let (ty, format) = match attribute.kind {
        Type::Boolean => ("boolean", None),
        Type::Decimal => ("number", None),
        Type::Integer => ("integer", None),
        Type::DateTime => ("string", Some("date-time")),
        Type::Binary => ("string", Some("byte")),
        Type::String | Type::Reference | Type::Complex => ("string", None),
    };
    // S-31: of what a client may write, canonical values are suggestions; an enumeration would make its SDK refuse others.
    let values = if attribute.is_read_only() { &attribute.canonical_values[..] } else { &[] };
    MetaSchema { format, enum_items: values.iter().map(|value| value.as_str().into()).collect(), ..MetaSchema::new(ty) }
}

/// The name of the component of a complex attribute: `UserEmail`, `GroupMember`; `Meta` is the same for all.
fn part(registry: &mut Registry, owner: &str, attribute: &'static Attribute) -> String {
    let is_common = schema::common().attributes.iter().any(|common| std::ptr::eq(common, attribute));
    let name = words(&attribute.name);
    let name = if attribute.multi_valued { singular(&name) } else { &name };
    let name = if is_common { name.to_owned() } else { format!("{owner}{name}") };
    registry.create_schema::<Part, _>(name.clone(), |registry| {
        object(registry, &name, attribute.sub_attributes.iter(), &attribute.description)
    });
    name
}

/// `Enterprise User` and `phoneNumbers` as names of types.
fn words(text: &str) -> String {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|word| Some(word[..1].to_ascii_uppercase() + word.get(1..)?).filter(|_| !word.is_empty()))
        .collect()
}

fn singular(name: &str) -> &str {
    name.strip_suffix("es").filter(|short| short.ends_with("ss")).or_else(|| name.strip_suffix('s')).unwrap_or(name)
}

fn inline(schema: MetaSchema) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_the_name_of_one() {
        for (many, one) in
            [("Emails", "Email"), ("Addresses", "Address"), ("X509Certificates", "X509Certificate"), ("Ims", "Im")]
        {
            assert_eq!(singular(many), one);
        }
        assert_eq!(words("Enterprise User"), "EnterpriseUser");
        assert_eq!(words("phoneNumbers"), "PhoneNumbers");
    }
}
