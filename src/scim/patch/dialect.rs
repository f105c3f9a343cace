//! What identity providers send, said as the RFC would say it: path-less values become one operation an attribute, values get
//! the schema's types, and what clears becomes `remove`.

use serde_json::{Map, Value};

use super::{Op, Operation, Target, in_operation, target};
use crate::scim::filter::{CompareOp, Filter, Literal, Node, NodeId};
use crate::scim::path::{self, Name, Resolved};
use crate::scim::value::{self, Place};
use crate::scim::{Error, Profile, Quirk, Quirks, ResourceType, ScimType, json};

/// P-06, P-10, OK-04: each key of a path-less value names an attribute; EN-03, EN-04: or is a path.
pub(super) fn expand_pathless<'s>(
    index: usize,
    op: Op,
    value: Option<Value>,
    resource_type: &'s ResourceType,
    profile: Profile,
    quirks: &mut Quirks,
    out: &mut Vec<Operation<'s>>,
) -> Result<(), Error> {
    if op == Op::Remove {
        return Err(Error::bad(ScimType::NoTarget, "`remove` has no path")); // P-16
    }
    if !profile.has(Quirk::PathlessPatch) {
        return Err(Error::bad(ScimType::InvalidPath, "`path` is not there, and here no operation is taken without one")); // W-04
    }
    let values = match value {
        Some(Value::Object(values)) => values,
        Some(other) => {
            return Err(invalid(format!("`value` is {}, expected an object as there is no path", json::kind_of(&other))));
        }
        None => return Err(invalid("`value` is not there".to_owned())),
    };
    for key in values.keys() {
        let is_path = match path::resolve(key.split('[').next().unwrap_or_default(), resource_type, profile) {
            Resolved::Attribute(name) => name.sub.is_some() || key.contains(['[', ':']),
            _ => false,
        };
        if is_path && !quirks.allow(profile, Quirk::PathlessKeys) {
            return Err(Error::bad(ScimType::InvalidPath, format!("`{key}` is a path, expected the name of an attribute")));
        }
    }
    expand_keys(index, op, values, resource_type, profile, quirks, out)
}

fn expand_keys<'s>(
    index: usize,
    op: Op,
    values: Map<String, Value>,
    resource_type: &'s ResourceType,
    profile: Profile,
    quirks: &mut Quirks,
    out: &mut Vec<Operation<'s>>,
) -> Result<(), Error> {
    for (key, value) in values {
        let is_known = !matches!(
            path::resolve(key.split('[').next().unwrap_or_default(), resource_type, profile),
            Resolved::UnknownAttribute | Resolved::UnknownSchema
        );
        match if is_known { target(&key, resource_type, profile, quirks)? } else { None } {
            Some(target) => expand(index, op, target, Some(value), resource_type, profile, quirks, out)?,
            None => value::unknown(&key, &value, profile, quirks)?,
        }
    }
    Ok(())
}

/// The operation with its value in the schema's types; several for an object given to a whole extension.
#[allow(clippy::too_many_arguments)]
pub(super) fn expand<'s>(
    index: usize,
    op: Op,
    target: Target<'s>,
    value: Option<Value>,
    resource_type: &'s ResourceType,
    profile: Profile,
    quirks: &mut Quirks,
    out: &mut Vec<Operation<'s>>,
) -> Result<(), Error> {
    let name = match &target {
        Target::Attribute { name, .. } => *name,
        Target::Extension(schema) => {
            let prefixed = |(key, value)| (format!("{}:{key}", schema.id), value);
            return match (op, value) {
                (Op::Remove, _) | (Op::Replace, Some(Value::Null)) => {
                    out.push(Operation { index, op: Op::Remove, target, value: None });
                    Ok(())
                }
                (_, Some(Value::Object(values))) => {
                    let values: Map<String, Value> = values.into_iter().map(prefixed).collect();
                    expand_keys(index, op, values, resource_type, profile, quirks, out)
                }
                (_, other) => {
                    let found = other.as_ref().map_or("not there", json::kind_of);
                    Err(invalid(format!("the value of `{}` is {found}, expected an object", schema.id)))
                }
            };
        }
    };
    // P-24: `schemas` follows from what the document holds.
    if name.extension.is_none() && name.attribute.name == "schemas" {
        return match quirks.allow(profile, Quirk::SchemasInPatch) {
            true => Ok(()),
            false => Err(Error::bad(ScimType::Mutability, "`schemas` follow from the content")),
        };
    }
    let (op, value) = match (op, value) {
        (Op::Add | Op::Replace, None) => return Err(invalid(format!("`{target}` is given no value"))), // P-25
        // What is read-only is compared as it was sent.
        (_, value) if name.attribute.is_read_only() || name.leaf().is_read_only() => (op, value),
        (Op::Remove, value) => match removed(&target, name, value, profile, quirks)? {
            Some(value) => (op, value),
            None => return Ok(()),
        },
        (_, Some(value)) => match typed(&target, name, value, profile, quirks)? {
            Some(value) => (op, Some(value)),
            // Adding nothing to several values adds nothing; else what has no value is cleared (S-16, EN-09, P-13).
            None if op == Op::Add && name.attribute.multi_valued && name.sub.is_none() => return Ok(()),
            None if name.attribute.required && name.sub.is_none() => return Err(value::missing(&name)),
            None => (Op::Remove, None),
        },
    };
    out.push(Operation { index, op, target, value });
    Ok(())
}

/// P-07: what goes to several values may come as one.
fn typed(
    target: &Target<'_>,
    name: Name<'_>,
    value: Value,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<Option<Value>, Error> {
    let place = name.to_string();
    let place = Place::at(&place);
    match (target, name.sub, value) {
        (_, Some(sub), value) => value::canonical(sub, value, place, profile, quirks),
        (Target::Attribute { filter: Some(_), .. }, None, value) => {
            value::element(name.attribute, value, place, profile, quirks)
        }
        (_, None, single) if name.attribute.multi_valued && !matches!(single, Value::Array(_) | Value::Null) => {
            value::canonical(name.attribute, Value::Array(vec![single]), place, profile, quirks)
        }
        (_, None, value) => value::canonical(name.attribute, value, place, profile, quirks),
    }
}

/// EN-11, P-19: `remove` of several values with a `value` means those alone or is refused; never all, not even if it is empty.
/// Elsewhere the value says nothing (EN-12). None if nothing is to be removed.
fn removed(
    target: &Target<'_>,
    name: Name<'_>,
    value: Option<Value>,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<Option<Option<Value>>, Error> {
    match (target, value) {
        (Target::Attribute { filter: None, .. }, Some(value))
            if !value.is_null() && name.attribute.multi_valued && name.sub.is_none() =>
        {
            if !quirks.allow(profile, Quirk::RemoveWithValue) {
                return Err(Error::bad(ScimType::InvalidSyntax, "`remove` has a value, expected a filter in the path"));
            }
            let value = typed(target, name, value, profile, quirks)?;
            Ok(value.map(Some))
        }
        _ => Ok(Some(None)),
    }
}

/// EN-06, P-09: the element that a filter of `eq` terms joined by `and` describes; none for any other filter.
pub(super) fn described(filter: &Filter) -> Option<Map<String, Value>> {
    let mut element = Map::new();
    let mut open: Vec<NodeId> = vec![filter.root];
    while let Some(node) = open.pop() {
        match &filter.nodes[node] {
            Node::And(left, right) => open.extend([*right, *left]),
            Node::Compare(attr, CompareOp::Eq, literal) => {
                let value = match literal {
                    Literal::Text(text) => text.as_str().into(),
                    Literal::Bool(truth) => (*truth).into(),
                    Literal::Number(number) => (*number).into(),
                    Literal::Instant(at) => at.to_string().into(),
                };
                element.insert(attr.sub.clone()?, value);
            }
            _ => return None,
        }
    }
    Some(element)
}

/// For errors of [`super::apply`].
pub(super) fn refused(operation: &Operation<'_>, scim_type: ScimType, why: &str) -> Error {
    in_operation(operation.index, Error::bad(scim_type, format!("`{}` {why}", operation.target)))
}

fn invalid(detail: String) -> Error {
    Error::bad(ScimType::InvalidValue, detail)
}
