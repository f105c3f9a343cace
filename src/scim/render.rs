//! The bytes of an answer. A stored document is answered as it stands: its derived tail is spliced on, and nothing is parsed.

use serde_json::{Map, Value};

use super::project::Projection;
use super::{Kind, Record, Reference, ResourceType, urn};

/// A resource as it is answered unless the client says otherwise. `base` is the public URL of the org's SCIM root.
pub fn resource(resource_type: &ResourceType, record: &Record, base: &str) -> Vec<u8> {
    projected(resource_type, record, base, &Projection::default())
}

fn whole(resource_type: &ResourceType, record: &Record, base: &str) -> Vec<u8> {
    let references = record.references.len() * (base.len() + 160);
    let mut out = Vec::with_capacity(record.doc.len() + base.len() + 320 + references);
    push_resource(&mut out, resource_type, record, base);
    out
}

/// A resource with the attributes that the projection leaves.
pub fn projected(resource_type: &ResourceType, record: &Record, base: &str, projection: &Projection) -> Vec<u8> {
    let whole = whole(resource_type, record, base);
    if is_whole(resource_type, projection) {
        return whole;
    }
    let mut map = serde_json::from_slice::<Map<String, Value>>(&whole).expect("what is stored is a JSON object");
    projection.apply(resource_type, &mut map);
    Value::Object(map).to_string().into_bytes()
}

/// Which part of a list an answer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// From the resource with this number, counted from 1.
    Index(usize),
    /// RFC 9865: where the pages beside it are, if there are any.
    Cursor {
        /// `nextCursor`
        next: Option<String>,
        /// `previousCursor`
        previous: Option<String>,
    },
}

/// A `ListResponse` (G-05): `records` out of `total` that match. `Resources` is there even when empty (C-09).
pub fn list(
    resource_type: &ResourceType,
    records: &[Record],
    total: usize,
    window: &Window,
    base: &str,
    projection: &Projection,
) -> Vec<u8> {
    mixed(records.iter().map(|record| (resource_type, projection, record)), total, window, base)
}

/// A `ListResponse` of resources of several types, each with its own schemas and meta (Q-06).
pub fn mixed<'a>(
    entries: impl ExactSizeIterator<Item = (&'a ResourceType, &'a Projection, &'a Record)>,
    total: usize,
    window: &Window,
    base: &str,
) -> Vec<u8> {
    let place = match window {
        Window::Index(start_index) => format!(r#","startIndex":{start_index}"#),
        Window::Cursor { next, previous } => [("nextCursor", next), ("previousCursor", previous)]
            .into_iter()
            // K-01: nothing in a cursor needs an escape.
            .filter_map(|(name, cursor)| Some(format!(r#","{name}":"{}""#, cursor.as_ref()?)))
            .collect(),
    };
    let mut out = format!(
        r#"{{"schemas":["{}"],"totalResults":{total},"itemsPerPage":{}{place},"Resources":["#,
        urn::LIST_RESPONSE,
        entries.len()
    )
    .into_bytes();
    for (index, (resource_type, projection, record)) in entries.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if is_whole(resource_type, projection) {
            push_resource(&mut out, resource_type, record, base);
        } else {
            out.extend(projected(resource_type, record, base, projection));
        }
    }
    out.extend_from_slice(b"]}");
    out
}

/// Whether the answer holds all that is stored.
fn is_whole(resource_type: &ResourceType, projection: &Projection) -> bool {
    projection.is_default() && !resource_type.hides()
}

/// `meta.location`, also the `Location` header.
pub fn location(resource_type: &ResourceType, id: uuid::Uuid, base: &str) -> String {
    format!("{base}{}/{id}", resource_type.endpoint)
}

fn push_resource(out: &mut Vec<u8>, resource_type: &ResourceType, record: &Record, base: &str) {
    let open = record.doc.trim_end().strip_suffix('}').expect("what is stored is a JSON object");
    match record.references.first() {
        Some(manager) if resource_type.kind == Kind::User && manager.kind == Kind::User => {
            push_managed(out, open, manager, base)
        }
        _ => out.extend_from_slice(open.as_bytes()),
    }
    if !open.trim_end().ends_with('{') {
        out.push(b',');
    }
    push_references(out, resource_type.kind, &record.references, base);
    let head = format!(
        r#""meta":{{"resourceType":"{}","created":"{}","lastModified":"{}","location":"#,
        resource_type.name, record.created, record.last_modified
    );
    out.extend_from_slice(head.as_bytes());
    push_text(out, &location(resource_type, record.id, base));
    out.extend_from_slice(format!(r#","version":"W/\"{}\""}}}}"#, record.version).as_bytes());
}

// S-16: no empty array; S-38, S-42: what the elements hold.
fn push_references(out: &mut Vec<u8>, kind: Kind, references: &[Reference], base: &str) {
    let attribute = match kind {
        Kind::User => "groups",
        Kind::Group => "members",
        Kind::Organization => return push_ancestors(out, references, base),
        Kind::Invitation | Kind::Custom(_) => return,
    };
    let references = || references.iter().filter(|reference| kind != Kind::User || reference.kind == Kind::Group);
    for (index, reference) in references().enumerate() {
        let before = if index == 0 { format!("\"{attribute}\":[") } else { ",".to_owned() };
        out.extend_from_slice(format!(r#"{before}{{"value":"{}","$ref":"#, reference.id).as_bytes());
        let name = if reference.kind == Kind::Group { "Group" } else { "User" };
        push_text(out, &format!("{base}/{name}s/{}", reference.id));
        out.extend_from_slice(br#","display":"#);
        push_text(out, &reference.display);
        let type_of = if kind == Kind::User { "direct" } else { name };
        out.extend_from_slice(format!(r#","type":"{type_of}"}}"#).as_bytes());
    }
    if references().next().is_some() {
        out.extend_from_slice(b"],");
    }
}

/// The path to an org, the root first, and its parent, the last of it. What stands above the org of the address cannot be
/// fetched from there, so it has no `$ref` (S-08).
fn push_ancestors(out: &mut Vec<u8>, ancestors: &[Reference], base: &str) {
    let Some(parent) = ancestors.last() else { return };
    let is_here = |org: &Reference| base.ends_with(&format!("/o/{}/scim2", org.id));
    let here = ancestors.iter().position(is_here).unwrap_or(ancestors.len());
    let push = |out: &mut Vec<u8>, at: usize, org: &Reference| {
        out.extend_from_slice(format!(r#"{{"value":"{}","#, org.id).as_bytes());
        if at >= here {
            out.extend_from_slice(br#""$ref":"#);
            push_text(out, &format!("{base}/Organizations/{}", org.id));
            out.push(b',');
        }
        out.extend_from_slice(br#""display":"#);
        push_text(out, &org.display);
        out.push(b'}');
    };
    out.extend_from_slice(br#""parent":"#);
    push(out, ancestors.len() - 1, parent);
    for (at, org) in ancestors.iter().enumerate() {
        out.extend_from_slice(if at == 0 { br#","ancestors":["# } else { b"," });
        push(out, at, org);
    }
    out.extend_from_slice(b"],");
}

/// S-43: what is derived of a manager goes into the middle of the document, which holds nothing of it but the `value`. Unescaped
/// quotes are no part of a text, so what is found is the attribute and not somebody's words.
fn push_managed(out: &mut Vec<u8>, document: &str, manager: &Reference, base: &str) {
    let stored = format!(r#""manager":{{"value":"{}""#, manager.id);
    let extension = document.find(&format!("\"{}\":{{", urn::ENTERPRISE_USER)).unwrap_or_default();
    let Some(at) = document[extension..].find(&stored).map(|at| extension + at + stored.len()) else {
        return out.extend_from_slice(document.as_bytes());
    };
    out.extend_from_slice(&document.as_bytes()[..at]);
    out.extend_from_slice(br#","$ref":"#);
    push_text(out, &format!("{base}/Users/{}", manager.id));
    out.extend_from_slice(br#","displayName":"#);
    push_text(out, &manager.display);
    out.extend_from_slice(&document.as_bytes()[at..]);
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a string is written to memory");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::scim::{Profile, Schemas};
    use serde_json::json;
    use uuid::Uuid;

    const BASE: &str = "http://h/t/acme/o/1/scim2";

    fn group(references: Vec<Reference>) -> Record {
        Record {
            id: Uuid::from_u128(1),
            version: 3,
            created: Timestamp(0),
            last_modified: Timestamp(1000),
            doc: format!(r#"{{"schemas":["{}"],"id":"{}","displayName":"D"}}"#, urn::GROUP, Uuid::from_u128(1)),
            references,
        }
    }

    fn ada() -> Reference {
        Reference { id: Uuid::from_u128(2), kind: Kind::User, display: "\"Ada\"\n".to_owned() }
    }

    const META: &str = r#""meta":{"resourceType":"Group","created":"1970-01-01T00:00:00.000Z","lastModified":"1970-01-01T00:00:01.000Z","location":"http://h/t/acme/o/1/scim2/Groups/00000000-0000-0000-0000-000000000001","version":"W/\"3\""}}"#;

    #[test]
    fn a_resource_is_its_document_and_a_tail() {
        let whole = |record: Record| String::from_utf8(resource(Schemas::core().group(), &record, BASE)).expect("utf-8");
        let head = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"00000000-0000-0000-0000-000000000001","displayName":"D","#;
        assert_eq!(whole(group(vec![])), format!("{head}{META}"));
        let member = r#"{"value":"00000000-0000-0000-0000-000000000002","$ref":"http://h/t/acme/o/1/scim2/Users/00000000-0000-0000-0000-000000000002","display":"\"Ada\"\n","type":"User"}"#;
        assert_eq!(whole(group(vec![ada()])), format!(r#"{head}"members":[{member}],{META}"#));
        assert_eq!(whole(group(vec![ada(), ada()])), format!(r#"{head}"members":[{member},{member}],{META}"#));
    }

    #[test]
    fn a_managers_name_stands_where_the_manager_does() {
        // S-43.
        let id = Uuid::from_u128(2);
        let manager = |value: &str| json!({ "employeeNumber": "7", "manager": { "value": value }, "department": "D" });
        let words = format!("\"{}\":{{\"manager\":{{\"value\":\"{id}\"}}}}", urn::ENTERPRISE_USER);
        let doc =
            json!({ "userName": words, urn::ENTERPRISE_USER: manager(&id.to_string()), "urn:x": manager(&id.to_string()) });
        let team = Reference { id: Uuid::from_u128(3), kind: Kind::Group, display: "Team".to_owned() };
        let record = Record { doc: doc.to_string(), references: vec![ada(), team], ..group(vec![]) };
        let mut answer: Value = serde_json::from_slice(&resource(Schemas::core().user(), &record, BASE)).expect("JSON");
        assert_eq!(answer["groups"].as_array().map(Vec::len), Some(1));
        let derived = answer[urn::ENTERPRISE_USER]["manager"].as_object_mut().expect("a manager");
        assert_eq!(derived.remove("displayName"), Some(json!("\"Ada\"\n")));
        assert_eq!(derived.remove("$ref"), Some(format!("{BASE}/Users/{id}").into()));
        for name in ["userName", urn::ENTERPRISE_USER, "urn:x"] {
            assert_eq!(answer[name], doc[name], "{name} is what it was");
        }
    }

    #[test]
    fn an_organizations_path_points_at_what_can_be_seen_from_here() {
        // S-08.
        let org = |id: u128| Reference { id: Uuid::from_u128(id), kind: Kind::Organization, display: format!("org {id}") };
        let base = format!("http://h/t/acme/o/{}/scim2", Uuid::from_u128(2));
        let record = Record { references: vec![org(1), org(2), org(3)], ..group(vec![]) };
        let answer = resource(Schemas::core().organization(), &record, &base);
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        let shown = |id: u128| json!({ "value": Uuid::from_u128(id), "display": format!("org {id}") });
        let linked = |id: u128| {
            let mut shown = shown(id);
            shown["$ref"] = format!("{base}/Organizations/{}", Uuid::from_u128(id)).into();
            shown
        };
        assert_eq!(answer["ancestors"], json!([shown(1), linked(2), linked(3)]));
        assert_eq!(answer["parent"], linked(3));
    }

    #[test]
    fn a_list_joins_what_single_answers_hold() {
        let records = [group(vec![ada()]), group(vec![])];
        let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
        for attributes in [None, Some("members.value")] {
            let projection =
                Projection::parse(attributes, None, Schemas::core().group(), Profile::Lenient).expect("a projection");
            let answer = read(&list(Schemas::core().group(), &records, 7, &Window::Index(3), BASE, &projection));
            let single = records.each_ref().map(|record| read(&projected(Schemas::core().group(), record, BASE, &projection)));
            let expected = json!({"schemas": [urn::LIST_RESPONSE], "totalResults": 7, "startIndex": 3, "itemsPerPage": 2, "Resources": single});
            assert_eq!(answer, expected);
        }
        let empty = read(&list(Schemas::core().user(), &[], 0, &Window::Index(1), BASE, &Projection::default()));
        assert_eq!(empty["Resources"], json!([]), "C-09");
    }
}
