//! RFC 7644 §4: what the server says about itself. Each flag is true to behaviour (D-01).

use serde_json::{Value, json};

use super::schema::{self, ResourceType, Schema, Schemas};
use super::{Profile, Quirk, urn};
use crate::base::limit::{BULK_OPERATIONS_MAX, BULK_PAYLOAD_BYTES_MAX, CURSOR_LIFETIME, PAGE_DEFAULT, PAGE_MAX};

/// The answer of `/ServiceProviderConfig`. `base` is the public URL of the org's SCIM root, `documentation` a page for people.
pub fn service_provider_config(base: &str, documentation: &str) -> Value {
    json!({
        "schemas": [urn::SERVICE_PROVIDER_CONFIG],
        "documentationUri": documentation,
        "patch": { "supported": true },
        "bulk": { "supported": true, "maxOperations": BULK_OPERATIONS_MAX, "maxPayloadSize": BULK_PAYLOAD_BYTES_MAX },
        "filter": { "supported": true, "maxResults": PAGE_MAX },
        "changePassword": { "supported": true },
        "sort": { "supported": true },
        "etag": { "supported": true },
        // K-11, K-14.
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": PAGE_DEFAULT,
            "maxPageSize": PAGE_MAX,
            "cursorTimeout": CURSOR_LIFETIME.as_secs(),
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "OAuth Bearer Token",
            "description": "An access token in the Authorization header",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "documentationUri": documentation,
            "primary": true,
        }],
        "meta": { "resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig") },
    })
}

/// Whether an org with these switches does all that the interoperability draft asks of a provider (W-04). The draft's boolean is
/// sent only where it is true: strict clients know no such member (D-09).
pub fn is_interop_conformant(profile: Profile) -> bool {
    let forgiven = [
        Quirk::UnknownAttribute,
        Quirk::UnknownSchema,
        Quirk::BareExtension,
        Quirk::FlatExtension,
        Quirk::ManagerId,
        Quirk::PathlessPatch,
    ];
    profile.has(Quirk::ComplexReplacedWhole) && !forgiven.iter().any(|quirk| profile.has(*quirk))
}

/// The answer of `/ResourceTypes`.
pub fn resource_types(schemas: &Schemas, base: &str) -> Value {
    list(schemas.types().iter().map(|resource_type| type_body(base, resource_type)).collect())
}

/// The answer of `/ResourceTypes/{name}`.
pub fn resource_type(schemas: &Schemas, base: &str, name: &str) -> Option<Value> {
    let found = schemas.types().iter().find(|resource_type| resource_type.name.eq_ignore_ascii_case(name))?;
    Some(type_body(base, found))
}

/// The answer of `/Schemas`: the schemas of resources (D-08).
pub fn schemas(schemas: &Schemas, base: &str) -> Value {
    list(schemas.schemas().into_iter().map(|schema| schema_body(base, schema)).collect())
}

/// The answer of `/Schemas/{urn}`, the schemas of discovery itself included; a URN has no case (D-04).
pub fn schema(schemas: &Schemas, base: &str, urn: &str) -> Option<Value> {
    let found =
        schemas.schemas().into_iter().chain(schema::meta_schemas()).find(|schema| schema.id.eq_ignore_ascii_case(urn))?;
    Some(schema_body(base, found))
}

fn type_body(base: &str, resource_type: &ResourceType) -> Value {
    let mut body = json!({
        "schemas": [urn::RESOURCE_TYPE],
        "id": resource_type.name,
        "name": resource_type.name,
        "endpoint": resource_type.endpoint,
        "schema": resource_type.schema.id,
    });
    if !resource_type.description.is_empty() {
        body["description"] = resource_type.description.as_str().into();
    }
    if !resource_type.extensions.is_empty() {
        let extension =
            |extension: &schema::Extension| json!({ "schema": extension.schema.id, "required": extension.required });
        body["schemaExtensions"] = resource_type.extensions.iter().map(extension).collect();
    }
    let location = format!("{base}/ResourceTypes/{}", resource_type.name);
    body["meta"] = json!({ "resourceType": "ResourceType", "location": location });
    body
}

fn schema_body(base: &str, schema: &Schema) -> Value {
    let mut body = json!({ "schemas": [urn::SCHEMA] });
    let definition = serde_json::to_value(schema).expect("a definition is plain data");
    if let (Value::Object(body), Value::Object(definition)) = (&mut body, definition) {
        body.extend(definition);
    }
    body["meta"] = json!({ "resourceType": "Schema", "location": format!("{base}/Schemas/{}", schema.id) });
    body
}

// D-05: all in one page.
fn list(resources: Vec<Value>) -> Value {
    json!({
        "schemas": [urn::LIST_RESPONSE],
        "totalResults": resources.len(),
        "startIndex": 1,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::{Attribute, Type};

    const BASE: &str = "http://h/scim2";

    /// Every member of `value` is defined and has its type, and what is required is there.
    fn conforms(attributes: &[Attribute], value: &Value, path: &str) {
        let object = value.as_object().unwrap_or_else(|| panic!("{path} is an object"));
        for key in object.keys().filter(|key| !(["schemas", "meta"].contains(&key.as_str()) || path.is_empty() && *key == "id"))
        {
            assert!(attributes.iter().any(|attribute| attribute.name == *key), "{path}.{key} is not defined");
        }
        for attribute in attributes {
            let path = format!("{path}.{}", attribute.name);
            let Some(value) = object.get(&attribute.name) else {
                assert!(!attribute.required, "{path} is missing");
                continue;
            };
            assert_eq!(value.is_array(), attribute.multi_valued, "{path}");
            let one = [value.clone()];
            for value in value.as_array().map_or(&one[..], Vec::as_slice) {
                match attribute.kind {
                    Type::Complex => conforms(&attribute.sub_attributes, value, &path),
                    Type::Boolean => assert!(value.is_boolean(), "{path}"),
                    Type::Integer => assert!(value.is_u64(), "{path}"),
                    _ => assert!(value.is_string(), "{path}: D-04"),
                }
            }
        }
    }

    #[test]
    fn what_is_published_conforms_to_the_published_schemas() {
        // D-01, D-03, D-04, D-10.
        let [config, resource_type, schema] = schema::meta_schemas() else { panic!("three schemas") };
        conforms(&config.attributes, &service_provider_config(BASE, "http://h/docs"), "");
        conforms(&config.attributes[1..2], &json!({ "interopProfileConformant": true }), "");
        for body in resource_types(Schemas::core(), BASE)["Resources"].as_array().expect("an array") {
            conforms(&resource_type.attributes, body, "");
        }
        for body in schemas(Schemas::core(), BASE)["Resources"].as_array().expect("an array") {
            conforms(&schema.attributes, body, "");
        }
    }

    #[test]
    fn each_entry_of_a_list_is_found_by_its_location() {
        for (body, is_found) in [
            (
                resource_types(Schemas::core(), BASE),
                (|id| resource_type(Schemas::core(), BASE, id)) as fn(&str) -> Option<Value>,
            ),
            (schemas(Schemas::core(), BASE), |id| schema(Schemas::core(), BASE, &id.to_uppercase())),
        ] {
            let entries = body["Resources"].as_array().expect("an array");
            assert_eq!(body["totalResults"], entries.len());
            for entry in entries {
                let id = entry["id"].as_str().expect("an id");
                assert!(entry["meta"]["location"].as_str().expect("a location").ends_with(id));
                assert_eq!(is_found(id).as_ref(), Some(entry));
            }
        }
        assert!(schema(Schemas::core(), BASE, urn::SCHEMA).is_some(), "D-08");
        assert_eq!(schema(Schemas::core(), BASE, "urn:nope"), None);
        assert_eq!(resource_type(Schemas::core(), BASE, "Nope"), None);
    }
}
