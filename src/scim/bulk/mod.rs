//! RFC 7644 §3.7: a bulk request in its operations, what they refer to, and the order in which they can be done.
//!
//! Nothing is done here: `app::bulk` does each operation as its own endpoint would, in the [`order`] found here.

mod order;

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Error, Kind, Profile, Quirk, Quirks, ResourceType, Schemas, ScimType, json, resource, urn};
use crate::base::limit::{BULK_ID_CHARS_MAX, BULK_OPERATIONS_MAX};

pub use order::order;

/// What stands before a `bulkId` where an id is expected.
const PREFIX: &str = "bulkId:";

/// The body of a bulk request.
#[derive(Debug)]
pub struct BulkRequest {
    /// After so many failures nothing more is done; never zero.
    pub fail_on_errors: Option<usize>,
    /// In the order of the request.
    pub operations: Vec<Operation>,
    names: Names,
}

/// Which operation has which `bulkId`.
type Names = HashMap<String, usize>;

/// One operation, as far as it can be judged by itself.
#[derive(Debug)]
pub struct Operation {
    /// As sent; its answer repeats it.
    pub method: String,
    /// As sent; its answer repeats it.
    pub bulk_id: Option<String>,
    /// What it asks for, or why it cannot be done.
    pub request: Result<Request, Error>,
}

/// What an operation asks for.
#[derive(Debug)]
pub struct Request {
    /// What is to be done.
    pub method: Method,
    /// To a resource of this type.
    pub kind: Kind,
    /// Which lives there, such as `/Users`.
    pub endpoint: String,
    /// To which; none with POST.
    pub target: Option<Target>,
    /// The version that the client insists on, as in `If-Match` (V-07).
    pub version: Option<String>,
    /// The operations whose resource it refers to; itself may be one.
    pub refers: BTreeSet<usize>,
    data: Map<String, Value>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Method {
    Post,
    Put,
    Patch,
    Delete,
}

/// To which resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The one with this id.
    Id(Uuid),
    /// The one that the operation at this place makes.
    Made(usize),
    /// None: this is not the id of anything.
    Nothing(String),
}

impl BulkRequest {
    /// The operations of `body`. 400 or 413 if the request as a whole cannot be read; what is wrong with one operation stands
    /// there (B-10).
    pub fn parse(
        mut body: Map<String, Value>,
        schemas: &Schemas,
        profile: Profile,
        quirks: &mut Quirks,
    ) -> Result<BulkRequest, Error> {
        check_schemas(json::take(&mut body, "schemas"), profile, quirks)?;
        let fail_on_errors = fail_on_errors(json::take(&mut body, "failOnErrors"))?;
        let items = match json::take(&mut body, "Operations") {
            Some(Value::Array(items)) if !items.is_empty() => items,
            Some(Value::Array(_)) => return Err(syntax("`Operations` is empty, expected at least one operation")),
            _ => return Err(syntax("`Operations` is not there, expected an array of operations")),
        };
        // B-14.
        if items.len() > BULK_OPERATIONS_MAX {
            let detail = format!("`Operations` has {} operations, `maxOperations` is {BULK_OPERATIONS_MAX}", items.len());
            return Err(Error::status(413, detail));
        }
        let (mut names, mut sent) = (Names::new(), Vec::with_capacity(items.len()));
        for (index, item) in items.into_iter().enumerate() {
            let in_operation = |error: Error| Error { detail: format!("operation {}: {}", index + 1, error.detail), ..error };
            let item = Sent::read(item).map_err(in_operation)?;
            // B-03: with two of a name nobody knows which of them is meant.
            if let Some(name) = &item.bulk_id
                && names.insert(name.clone(), index).is_some()
            {
                return Err(in_operation(syntax(format!("the `bulkId` {name:?} occurs twice"))));
            }
            sent.push(item);
        }
        // Only what POST makes can be referred to.
        names.retain(|_, index| sent[*index].method.eq_ignore_ascii_case("POST"));
        let operations = sent.into_iter().map(|sent| sent.judged(schemas, &names, profile, quirks)).collect();
        Ok(BulkRequest { fail_on_errors, operations, names })
    }

    /// The body of `request` with the ids that `id_of` gives in place of the references to operations (B-05).
    pub fn data(&self, request: &Request, id_of: impl Fn(usize) -> Option<Uuid>) -> Map<String, Value> {
        let mut data = request.data.clone();
        if !request.refers.is_empty() {
            each_reference(&mut data, &mut |name| self.names.get(name).and_then(|&index| id_of(index)));
        }
        data
    }
}

/// 409: the operation refers to `name`, which is not made by this request (B-07).
pub fn unresolved(name: &str, why: &str) -> Error {
    Error { status: 409, ..Error::bad(ScimType::InvalidValue, format!("`{PREFIX}{name}` {why}")) }
}

/// An operation as it came.
struct Sent {
    method: String,
    bulk_id: Option<String>,
    rest: Map<String, Value>,
}

impl Sent {
    fn read(item: Value) -> Result<Sent, Error> {
        let Value::Object(mut rest) = item else {
            return Err(syntax(format!("it is {}, expected an object", json::kind_of(&item))));
        };
        let method = match json::take(&mut rest, "method") {
            Some(Value::String(method)) if method.len() <= 16 => method,
            _ => return Err(syntax("`method` is not `POST`, `PUT`, `PATCH` or `DELETE`")),
        };
        let bulk_id = match json::take(&mut rest, "bulkId") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) if (1..=BULK_ID_CHARS_MAX).contains(&name.chars().count()) => Some(name),
            Some(_) => return Err(syntax(format!("`bulkId` is no string of 1 to {BULK_ID_CHARS_MAX} characters"))),
        };
        Ok(Sent { method, bulk_id, rest })
    }

    fn judged(self, schemas: &Schemas, names: &Names, profile: Profile, quirks: &mut Quirks) -> Operation {
        let Sent { method, bulk_id, rest } = self;
        let request = request(&method, bulk_id.as_deref(), rest, schemas, names, profile, quirks);
        Operation { method, bulk_id, request }
    }
}

fn request(
    method: &str,
    bulk_id: Option<&str>,
    mut sent: Map<String, Value>,
    schemas: &Schemas,
    names: &Names,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<Request, Error> {
    let method = method_of(method, profile, quirks)?;
    let mut refers = BTreeSet::new();
    let mut refer = |name: &str| match names.get(name) {
        Some(&index) => Ok(refers.insert(index)).map(|_| index),
        None => Err(unresolved(name, "is made by no operation of this request")),
    };
    let (resource_type, target) = match json::take(&mut sent, "path") {
        Some(Value::String(path)) => address(&path, method, schemas, &mut refer)?,
        _ => return Err(syntax("`path` is not there, expected one like `/Users`")),
    };
    if method == Method::Post && bulk_id.is_none() {
        return Err(syntax("`bulkId` is not there, POST needs one")); // B-03
    }
    let version = match json::take(&mut sent, "version") {
        None | Some(Value::Null) => None,
        Some(Value::String(version)) => Some(version),
        Some(other) => return Err(syntax(format!("`version` is {}, expected a string", json::kind_of(&other)))),
    };
    let mut data = match (method, json::take(&mut sent, "data")) {
        (Method::Delete, _) => Map::new(),
        (_, Some(Value::Object(data))) => data,
        // B-04: the RFC's own samples, before errata 5050 and 7916, leave out the message around the operations.
        (Method::Patch, Some(operations @ Value::Array(_))) if quirks.allow(profile, Quirk::BareOperations) => {
            Map::from_iter([("schemas".to_owned(), json!([urn::PATCH_OP])), ("Operations".to_owned(), operations)])
        }
        (_, data) => {
            let found = data.as_ref().map_or("not there", json::kind_of);
            return Err(syntax(format!("`data` is {found}, expected an object")));
        }
    };
    let mut unknown = None;
    each_reference(&mut data, &mut |name| {
        unknown = unknown.take().or(refer(name).err());
        None
    });
    unknown.map_or(Ok(()), Err)?;
    let (kind, endpoint) = (resource_type.kind, resource_type.endpoint.clone());
    Ok(Request { method, kind, endpoint, target, version, refers, data })
}

fn method_of(sent: &str, profile: Profile, quirks: &mut Quirks) -> Result<Method, Error> {
    let methods = [("POST", Method::Post), ("PUT", Method::Put), ("PATCH", Method::Patch), ("DELETE", Method::Delete)];
    let found = methods.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(sent));
    match found {
        Some((name, method)) if name == sent || quirks.allow(profile, Quirk::MethodCase) => Ok(method),
        _ => Err(syntax(format!("`method` is {sent:?}, expected `POST`, `PUT`, `PATCH` or `DELETE`"))),
    }
}

/// The type and the resource that `path` names. It is looked up, never followed: whatever is not the endpoint of a type, with an
/// id behind it or without, leads nowhere (B-02, T-06).
fn address<'s>(
    path: &str,
    method: Method,
    schemas: &'s Schemas,
    refer: &mut impl FnMut(&str) -> Result<usize, Error>,
) -> Result<(&'s ResourceType, Option<Target>), Error> {
    let end = path.get(1..).and_then(|rest| rest.find('/')).map_or(path.len(), |at| at + 1);
    let (endpoint, id) = path.split_at(end);
    let found = schemas.types().iter().find(|resource_type| resource_type.endpoint == endpoint);
    let found = found.ok_or_else(|| syntax(format!("`path` {path:?} names no resource type")))?;
    let id = id.strip_prefix('/').unwrap_or_default();
    let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte));
    let target = match (method, id, id.strip_prefix(PREFIX)) {
        (Method::Post, "", _) => None,
        (Method::Post, ..) => return Err(syntax(format!("`path` {path:?} names a resource, POST takes `{endpoint}`"))),
        (_, _, Some(name)) => Some(Target::Made(refer(name)?)),
        (_, id, None) if !id.is_empty() && is_plain => {
            Some(resource::id(id).map_or_else(|| Target::Nothing(id.to_owned()), Target::Id))
        }
        _ => return Err(syntax(format!("`path` {path:?} names no resource, expected one like `{endpoint}/{{id}}`"))),
    };
    Ok((found, target))
}

/// Calls `replace` with the name in every `bulkId:name` of `data`, and puts the id that it gives in its place.
fn each_reference(data: &mut Map<String, Value>, replace: &mut dyn FnMut(&str) -> Option<Uuid>) {
    for (key, value) in data {
        reference(key, value, replace);
    }
}

/// No deeper than [`JSON_DEPTH_MAX`](crate::base::limit::JSON_DEPTH_MAX), as every body.
fn reference(key: &str, value: &mut Value, replace: &mut dyn FnMut(&str) -> Option<Uuid>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| reference(key, item, replace)),
        Value::Object(map) => each_reference(map, replace),
        Value::String(text) if text.contains(PREFIX) => {
            if let Some(new) = referenced(key, text, replace) {
                *text = new;
            }
        }
        _ => {}
    }
}

/// A whole value is a reference; so is the end of a `$ref`, and what stands in quotes in the path of a PATCH.
fn referenced(key: &str, text: &str, replace: &mut dyn FnMut(&str) -> Option<Uuid>) -> Option<String> {
    if let Some(name) = text.strip_prefix(PREFIX) {
        return replace(name).map(|id| id.to_string());
    }
    if key.eq_ignore_ascii_case("$ref") {
        let (head, name) = text.rsplit_once(&format!("/{PREFIX}"))?;
        return replace(name).map(|id| format!("{head}/{id}"));
    }
    if !key.eq_ignore_ascii_case("path") {
        return None;
    }
    let mut parts = text.split('"');
    let mut new = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let id = part.strip_prefix(PREFIX).and_then(&mut *replace);
        new = id.map_or_else(|| format!("{new}\"{part}"), |id| format!("{new}\"{id}"));
    }
    Some(new)
}

fn check_schemas(sent: Option<Value>, profile: Profile, quirks: &mut Quirks) -> Result<(), Error> {
    let is_bulk = |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(urn::BULK_REQUEST));
    let is_named = match &sent {
        Some(Value::Array(schemas)) => schemas.iter().any(is_bulk),
        Some(Value::Null) | None => quirks.allow(profile, Quirk::SchemasMissing),
        Some(other) => is_bulk(other),
    };
    if is_named { Ok(()) } else { Err(syntax(format!("`schemas` does not hold `{}`", urn::BULK_REQUEST))) }
}

/// B-09.
fn fail_on_errors(sent: Option<Value>) -> Result<Option<usize>, Error> {
    match sent {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().and_then(|most| usize::try_from(most).ok()) {
            Some(most) if most > 0 => Ok(Some(most)),
            _ => Err(Error::bad(ScimType::InvalidValue, format!("`failOnErrors` is {value}, expected a whole number from 1"))),
        },
    }
}

fn syntax(detail: impl Into<String>) -> Error {
    Error::bad(ScimType::InvalidSyntax, detail)
}

#[cfg(test)]
mod tests;
