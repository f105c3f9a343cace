//! The document of one tree: the server's, with the extensions and endpoints that the tree has of its own.

use poem_openapi::OpenApiService;
use serde_json::{Map, Value, json};

use super::{document, print, tidy};
use crate::http::scim::Resources;
use crate::scim::schema::{Attribute, Mutability, Returned, Type};
use crate::scim::{ResourceType, Schemas};

/// The document for the org whose SCIM root is `base`.
pub(in crate::http) fn tree_document(schemas: &Schemas, base: &str) -> String {
    let mut document = document();
    let server = |url: &str| json!([{ "url": url, "description": "This organization." }]);
    let (org, origin) = (base.trim_end_matches("/scim2"), base.split("/t/").next().unwrap_or_default());
    for (path, operations) in document["paths"].as_object_mut().into_iter().flatten() {
        if operations.get("servers").is_some() {
            let url = if crate::http::api::is_ours(path) { format!("{org}/api") } else { origin.to_owned() };
            operations["servers"] = server(&url);
        }
    }
    document["servers"] = server(base);
    let generic: Value =
        serde_json::from_str(&OpenApiService::new(Resources, "", "").spec()).expect("poem-openapi prints JSON");
    for resource_type in schemas.types() {
        let core = Schemas::core().get(resource_type.kind);
        let own =
            resource_type.extensions.iter().filter(|one| core.is_none_or(|core| core.extension(&one.schema.id).is_none()));
        let extensions = own.map(|one| (one.schema.id.clone(), object(&one.schema.attributes, &one.schema.description)));
        let extensions: Map<String, Value> = extensions.collect();
        let mut component = match core {
            Some(_) => document["components"]["schemas"][resource_type.name.as_str()].take(),
            None => {
                let attributes: Vec<Attribute> = resource_type.attributes().cloned().collect();
                object(&attributes, &resource_type.description)
            }
        };
        component["properties"].as_object_mut().into_iter().for_each(|properties| properties.extend(extensions.clone()));
        match core {
            Some(_) => document["components"]["schemas"][resource_type.name.as_str()] = component,
            None => add_type(&mut document, &generic, resource_type, component),
        }
    }
    print(&document)
}

/// The operations on all such types, each under its own name.
fn add_type(document: &mut Value, generic: &Value, resource_type: &ResourceType, component: Value) {
    let name = free_name(document, &resource_type.name);
    let list = format!("{name}ListResponse");
    let mut listing = generic["components"]["schemas"]["ResourceListResponse"].clone();
    listing["properties"]["Resources"]["items"] = json!({ "$ref": format!("#/components/schemas/{name}") });
    document["components"]["schemas"][&name] = component;
    if let Some(any) = document["components"]["schemas"]["Resource"]["anyOf"].as_array_mut() {
        any.push(json!({ "$ref": format!("#/components/schemas/{name}") }));
    }
    document["components"]["schemas"][&list] = listing;
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.push(json!({ "name": name, "description": resource_type.description }));
    }
    for (path, operations) in generic["paths"].as_object().into_iter().flatten() {
        let mut operations = operations.clone();
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            let Some(operation) = operation.as_object_mut() else { continue };
            tidy(path, method, operation);
            operation["tags"] = json!([name]);
            let id = operation["operationId"].as_str().unwrap_or_default();
            operation["operationId"] = id.replace("Resource", &name).into();
            if let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) {
                parameters.retain(|parameter| parameter["name"] != "endpoint");
            }
        }
        let text = operations
            .to_string()
            .replace("#/components/schemas/ResourceListResponse\"", &format!("#/components/schemas/{list}\""))
            .replace("#/components/schemas/Resource\"", &format!("#/components/schemas/{name}\""));
        let address = path.replace("/{endpoint}", &resource_type.endpoint);
        document["paths"][address] = serde_json::from_str(&text).expect("names are letters and digits");
    }
}

/// The name of the type, or one like it where another component has it.
fn free_name(document: &Value, name: &str) -> String {
    let mut name: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let is_taken = |name: &str| document["components"]["schemas"].get(name).is_some();
    while is_taken(&name) || is_taken(&format!("{name}ListResponse")) {
        name.push_str("Type");
    }
    name
}

fn object(attributes: &[Attribute], description: &str) -> Value {
    let properties: Map<String, Value> = attributes.iter().map(|one| (one.name.clone(), property(one))).collect();
    let mut object = json!({ "type": "object", "properties": properties });
    if !description.is_empty() {
        object["description"] = description.into();
    }
    object
}

fn property(attribute: &Attribute) -> Value {
    let mut one = match attribute.kind {
        Type::Complex => object(&attribute.sub_attributes, ""),
        Type::Boolean => json!({ "type": "boolean" }),
        Type::Decimal => json!({ "type": "number" }),
        Type::Integer => json!({ "type": "integer" }),
        Type::DateTime => json!({ "type": "string", "format": "date-time" }),
        Type::Binary => json!({ "type": "string", "format": "byte" }),
        Type::String | Type::Reference => json!({ "type": "string" }),
    };
    if attribute.multi_valued {
        one = json!({ "type": "array", "items": one });
    }
    if !attribute.description.is_empty() {
        one["description"] = attribute.description.as_str().into();
    }
    if attribute.is_read_only() {
        one["readOnly"] = true.into();
    }
    if attribute.mutability == Mutability::WriteOnly || attribute.returned == Returned::Never {
        one["writeOnly"] = true.into();
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::Definitions;

    const BADGE: &str = "urn:example:scim:schemas:2.0:Badge";

    #[test]
    fn a_tree_has_a_document_of_its_own() {
        let mut tree = Definitions::default();
        let definitions = json!([
            { "id": BADGE, "attributes": [
                { "name": "number", "type": "integer", "required": true, "description": "On the badge." },
                { "name": "door", "type": "complex", "multiValued": true, "subAttributes": [{ "name": "value" }] },
            ] },
            { "id": "urn:example:scim:schemas:2.0:Robot", "attributes": [{ "name": "model" }] },
            { "name": "Robot", "endpoint": "/Robots", "schema": "urn:example:scim:schemas:2.0:Robot" },
            { "name": "PatchOp", "endpoint": "/Ops", "schema": BADGE },
            { "name": "User", "schemaExtensions": [{ "schema": BADGE, "required": true }] },
        ]);
        tree.read(definitions).expect("definitions");
        let schemas = Schemas::with(&Definitions::default(), &tree, 1).expect("schemas");
        let document: Value = serde_json::from_str(&tree_document(&schemas, "https://h/t/acme/o/1/scim2")).expect("JSON");
        let user = &document["components"]["schemas"]["User"];
        let number = json!({ "type": "integer", "description": "On the badge." });
        assert_eq!(user["properties"][BADGE]["properties"]["number"], number);
        assert_eq!(document["components"]["schemas"]["Robot"]["properties"]["model"], json!({ "type": "string" }));
        let create = &document["paths"]["/Robots"]["post"];
        assert_eq!(create["operationId"], "createRobot");
        let body = &create["requestBody"]["content"]["application/scim+json"]["schema"];
        assert_eq!(body["$ref"], "#/components/schemas/Robot");
        assert!(document["paths"]["/Robots/{id}"]["patch"].is_object() && document["paths"]["/Users"]["get"].is_object());
        assert!(document["components"]["schemas"]["PatchOpType"].is_object(), "a name that is taken");
        assert_eq!(document["servers"][0]["url"], "https://h/t/acme/o/1/scim2");
        assert_eq!(document["paths"]["/schemas"]["servers"][0]["url"], "https://h/t/acme/o/1/api");
        // Every reference leads somewhere.
        let text = document.to_string();
        for part in text.split("\"#/components/schemas/").skip(1) {
            let name = part.split('"').next().expect("a name");
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
    }
}
