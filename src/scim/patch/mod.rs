//! RFC 7644 §3.5.2: PATCH, as the RFC has it and as identity providers send it.
//!
//! [`parse`] turns a body into operations with resolved targets and values in the schema's types; all leniency towards clients
//! is there and in `dialect`. [`apply`] follows the RFC.

mod dialect;
mod members;
mod ops;

use std::fmt;

use serde_json::{Map, Value};

use super::filter::Filter;
use super::path::{self, Name, Resolved};
use super::schema::{Attribute, ResourceType, Schema};
use super::{Error, Profile, Quirk, Quirks, ScimType, filter, json, urn};
use crate::base::limit::PATCH_OPERATIONS_MAX;

pub use members::{MemberOp, member_change};
pub use ops::apply;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Add,
    Remove,
    Replace,
}

/// One operation. A path-less one has become one for each attribute of its value.
#[derive(Clone, Debug)]
pub struct Operation<'s> {
    /// Its place in the request, from 0.
    pub index: usize,
    /// What it does.
    pub op: Op,
    /// To what.
    pub target: Target<'s>,
    /// In the schema's types and spelling. There for add and replace; for remove, the values to be removed, if only some.
    pub value: Option<Value>,
}

/// What an operation is done to.
#[derive(Clone, Debug)]
pub enum Target<'s> {
    /// `attr`, `attr.sub`, `attr[filter]`, `attr[filter].sub`.
    Attribute {
        /// Attribute and sub-attribute.
        name: Name<'s>,
        /// Which elements.
        filter: Option<Filter>,
    },
    /// An extension as a whole; only of `remove`.
    Extension(&'s Schema),
}

impl<'s> Operation<'s> {
    /// Whether its target is the core attribute `name` or in it.
    pub fn is_on(&self, name: &str) -> bool {
        matches!(&self.target, Target::Attribute { name: on, .. } if on.extension.is_none() && on.attribute.name == name)
    }

    /// The attribute it is done to, if not to a whole extension.
    pub fn attribute(&self) -> Option<&'s Attribute> {
        match &self.target {
            Target::Attribute { name, .. } => Some(name.attribute),
            Target::Extension(_) => None,
        }
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Extension(schema) => f.write_str(&schema.id),
            Target::Attribute { name, filter: None } => name.fmt(f),
            Target::Attribute { name, filter: Some(filter) } => {
                let whole = Name { sub: None, ..*name };
                write!(f, "{whole}[{}]", filter::Brackets(filter))?;
                name.sub.map_or(Ok(()), |sub| write!(f, ".{}", sub.name))
            }
        }
    }
}

/// The operations of a `PatchOp` body, in order, with resolved targets and canonical values. What clears an attribute has
/// become a `remove`; what does nothing is gone.
pub fn parse<'s>(
    mut body: Map<String, Value>,
    resource_type: &'s ResourceType,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<Vec<Operation<'s>>, Error> {
    let schemas = json::take(&mut body, "schemas").unwrap_or_default();
    let is_patch = |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(urn::PATCH_OP));
    let is_named = schemas.as_array().is_some_and(|schemas| schemas.iter().any(is_patch)) || is_patch(&schemas);
    // P-01; a body that names another schema is no PATCH, whatever the profile.
    let is_patch_op = is_named || (schemas.is_null() && quirks.allow(profile, Quirk::SchemasMissing));
    if !is_patch_op {
        return Err(syntax(format!("`schemas` does not hold `{}`", urn::PATCH_OP)));
    }
    let items = match json::take(&mut body, "Operations") {
        Some(Value::Array(items)) => items,
        _ => return Err(syntax("`Operations` is not there, expected an array of operations")),
    };
    // EN-23.
    if items.is_empty() && !quirks.allow(profile, Quirk::EmptyOperations) {
        return Err(syntax("`Operations` is empty, expected at least one operation"));
    }
    if items.len() > PATCH_OPERATIONS_MAX {
        let detail = format!("`Operations` has {} operations, at most {PATCH_OPERATIONS_MAX} fit in one request", items.len());
        return Err(Error::status(413, detail));
    }
    let mut operations = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        operation(index, item, resource_type, profile, quirks, &mut operations).map_err(|error| in_operation(index, error))?;
        if operations.len() > PATCH_OPERATIONS_MAX {
            let detail = format!(
                "`Operations` name more than {PATCH_OPERATIONS_MAX} attributes, which is more than fits in one request"
            );
            return Err(Error::status(413, detail));
        }
    }
    Ok(operations)
}

fn operation<'s>(
    index: usize,
    item: Value,
    resource_type: &'s ResourceType,
    profile: Profile,
    quirks: &mut Quirks,
    out: &mut Vec<Operation<'s>>,
) -> Result<(), Error> {
    let Value::Object(mut item) = item else {
        return Err(syntax(format!("it is {}, expected an object", json::kind_of(&item))));
    };
    let op = op(json::take(&mut item, "op"), profile, quirks)?;
    let (path, value) = (json::take(&mut item, "path"), json::take(&mut item, "value"));
    match path {
        Some(Value::String(path)) if !path.is_empty() => match target(&path, resource_type, profile, quirks)? {
            Some(target) => dialect::expand(index, op, target, value, resource_type, profile, quirks, out),
            // S-47: an extension that is not ours, as on POST.
            None if quirks.allow(profile, Quirk::UnknownAttribute) => Ok(()),
            None => Err(Error::bad(ScimType::InvalidPath, format!("`{path}` is of no schema of this resource type"))),
        },
        None | Some(Value::Null | Value::String(_)) => {
            dialect::expand_pathless(index, op, value, resource_type, profile, quirks, out)
        }
        Some(other) => {
            let detail = format!("`path` is {}, expected a string", json::kind_of(&other));
            Err(Error::bad(ScimType::InvalidPath, detail))
        }
    }
}

// EN-01, P-02.
fn op(sent: Option<Value>, profile: Profile, quirks: &mut Quirks) -> Result<Op, Error> {
    let text = sent.as_ref().and_then(Value::as_str).unwrap_or_default();
    let ops = [("add", Op::Add), ("remove", Op::Remove), ("replace", Op::Replace)];
    let found = ops
        .into_iter()
        .find(|(name, _)| *name == text || name.eq_ignore_ascii_case(text) && quirks.allow(profile, Quirk::OpCase));
    found.map(|(_, op)| op).ok_or_else(|| {
        let shown: String = text.chars().take(64).collect();
        syntax(format!("`op` is {shown:?}, expected `add`, `remove` or `replace`"))
    })
}

/// What `path` names (P-03); none if its URN is none of the type's.
fn target<'s>(
    path: &str,
    resource_type: &'s ResourceType,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<Option<Target<'s>>, Error> {
    let malformed = |detail: String| Error::bad(ScimType::InvalidPath, detail);
    let unknown = || malformed(format!("`{path}` names no attribute of this resource type"));
    let (head, brackets) = match path.split_once('[') {
        Some((head, rest)) => (head, Some(rest)),
        None => (path, None),
    };
    let name = match path::resolve(head.trim(), resource_type, profile) {
        Resolved::Attribute(name) => name,
        Resolved::Extension(extension) if brackets.is_none() => return Ok(Some(Target::Extension(&extension.schema))),
        Resolved::UnknownSchema => return Ok(None),
        Resolved::Extension(_) | Resolved::UnknownAttribute => return Err(unknown()),
    };
    if name.is_bare_in(head) {
        quirks.note(Quirk::BareExtension);
    }
    let Some(rest) = brackets else { return Ok(Some(Target::Attribute { name, filter: None })) };
    // Nothing that may follow the filter holds a bracket, while strings in it may.
    let (inner, tail) = rest.rsplit_once(']').ok_or_else(|| malformed(format!("`{path}` has no closing `]`")))?;
    if name.sub.is_some() || !name.attribute.multi_valued {
        return Err(malformed(format!("`{name}` has no elements that a filter could choose")));
    }
    let sub = match tail.strip_prefix('.') {
        Some(sub) => Some(name.attribute.sub(sub).ok_or_else(unknown)?),
        None if tail.trim().is_empty() => None,
        None => return Err(malformed(format!("`{path}` has {tail:?} after `]`, expected a sub-attribute"))),
    };
    // F-33: what is wrong in the brackets is `invalidFilter`.
    let filter = filter::parse_element(inner, name, profile, quirks)?;
    Ok(Some(Target::Attribute { name: Name { sub, ..name }, filter: Some(filter) }))
}

fn syntax(detail: impl Into<String>) -> Error {
    Error::bad(ScimType::InvalidSyntax, detail)
}

fn in_operation(index: usize, mut error: Error) -> Error {
    error.detail = format!("operation {}: {}", index + 1, error.detail);
    error
}

#[cfg(test)]
mod tests;
