//! RFC 7644 §3.5.2.1 to §3.5.2.3: operations done to a document, in order, all or none.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::dialect::{described, refused};
use super::{Op, Operation, Target};
use crate::base::text::fold;
use crate::scim::filter::matches_element;
use crate::scim::path::Name;
use crate::scim::schema::{Attribute, Mutability};
use crate::scim::{Error, Profile, Quirk, Quirks, ResourceType, ScimType, resource};

/// Applies the operations in order to a document, all or none (P-05), and tells whether it changed (P-08). `doc` is as
/// stored: with `id` and `schemas`, without `meta` and references.
///
/// An operation on `password` leaves it in `doc` for the caller to take out. Operations on `members` do not belong here but
/// to [`member_change`](super::member_change), for the document has none.
pub fn apply(
    doc: &mut Map<String, Value>,
    operations: &[Operation<'_>],
    resource_type: &ResourceType,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<bool, Error> {
    let mut next = doc.clone();
    let mut cost = 0;
    for operation in operations {
        cost += cost_of(&next, operation);
        if cost > COST_MAX {
            let detail = "costs too much: too many operations, filters and values for one request";
            return Err(refused(operation, ScimType::TooMany, detail));
        }
        match &operation.target {
            Target::Extension(schema) => {
                let is_fixed = |attribute: &Attribute| {
                    let has = next.get(&schema.id).is_some_and(|values| values.get(&attribute.name).is_some());
                    has && matches!(attribute.mutability, Mutability::ReadOnly | Mutability::Immutable)
                };
                if let Some(attribute) = schema.attributes.iter().find(|attribute| is_fixed(attribute)) {
                    let why = if attribute.is_read_only() { "is read-only" } else { "holds what cannot be changed any more" };
                    return Err(refused(operation, ScimType::Mutability, why));
                }
                next.shift_remove(&schema.id);
            }
            Target::Attribute { name, .. } => {
                if is_writable(&next, operation, *name, profile, quirks)? {
                    write(&mut next, operation, *name, profile, quirks)?;
                }
            }
        }
    }
    for schema in resource_type.schemas() {
        if schema.id == resource_type.schema.id {
            resource::hold(&schema.attributes, doc, &mut next, resource::Omission::Removes)?;
        } else if let (Some(Value::Object(before)), Some(Value::Object(after))) =
            (doc.get(&schema.id), next.get_mut(&schema.id))
        {
            resource::hold(&schema.attributes, before, after, resource::Omission::Removes)?;
        }
    }
    resource::complete(resource_type, &mut next)?;
    // S-11: the order of keys has no meaning, and the comparison of maps knows that.
    let is_changed = next != *doc;
    if is_changed {
        *doc = next;
    }
    Ok(is_changed)
}

/// Elements looked at, times terms they are held against. An ordinary request needs some dozens.
const COST_MAX: usize = 200_000;

// S-60: a thousand filters over ten thousand values that the same request added would take a minute.
fn cost_of(doc: &Map<String, Value>, operation: &Operation<'_>) -> usize {
    let Target::Attribute { name, filter } = &operation.target else { return 1 };
    let count = |value: Option<&Value>| value.and_then(Value::as_array).map_or(0, Vec::len);
    let there = count(doc.get(&name.attribute.name));
    let terms = filter.as_ref().map_or(1, |filter| filter.nodes.len());
    // A `remove` with values holds each element against each value.
    let given = if operation.op == Op::Remove { count(operation.value.as_ref()) } else { 0 };
    1 + there * (terms + given)
}

/// Whether the operation is to be done; false where it would give a read-only attribute the value it has (P-21, OK-05), or
/// where lenient passes over what every client sends back (S-38, S-43).
fn is_writable(
    doc: &Map<String, Value>,
    operation: &Operation<'_>,
    name: Name<'_>,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<bool, Error> {
    let holder = match name.extension {
        Some(schema) => doc.get(&schema.id).and_then(Value::as_object),
        None => Some(doc),
    };
    let whole = holder.and_then(|holder| holder.get(&name.attribute.name));
    let current = match name.sub {
        Some(sub) => whole.and_then(|whole| whole.get(&sub.name)),
        None => whole,
    };
    let is_same = operation.op != Op::Remove && current.is_some() && current == operation.value.as_ref();
    if name.attribute.is_read_only() || name.leaf().is_read_only() {
        let is_echo = match name.attribute.name.as_str() {
            "meta" | "groups" => name.extension.is_none(),
            _ => !name.attribute.is_read_only(),
        };
        if (is_same && quirks.allow(profile, Quirk::EqualReadOnly))
            || (is_echo && quirks.allow(profile, Quirk::ReadOnlyInPatch))
        {
            return Ok(false);
        }
        return Err(refused(operation, ScimType::Mutability, "is read-only"));
    }
    // S-26: the first value is allowed.
    if name.leaf().mutability == Mutability::Immutable && current.is_some() && !is_same {
        return Err(refused(operation, ScimType::Mutability, "cannot be changed any more"));
    }
    if operation.op == Op::Remove && operation.value.is_none() && name.leaf().required {
        return Err(refused(operation, ScimType::Mutability, "is required")); // P-20
    }
    Ok(true)
}

fn write(
    doc: &mut Map<String, Value>,
    operation: &Operation<'_>,
    name: Name<'_>,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<(), Error> {
    let Some(schema) = name.extension else {
        return write_in(doc, operation, name, profile, quirks);
    };
    let values = doc.entry(schema.id.clone()).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(values) = values {
        write_in(values, operation, name, profile, quirks)?;
        if values.is_empty() {
            doc.shift_remove(&schema.id); // P-24
        }
    }
    Ok(())
}

fn write_in(
    holder: &mut Map<String, Value>,
    operation: &Operation<'_>,
    name: Name<'_>,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<(), Error> {
    let key = &name.attribute.name;
    let current = holder.get(key).cloned();
    let next = if name.attribute.multi_valued {
        let mut items = match current {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        let touched = write_items(&mut items, operation, name, profile, quirks)?;
        settle_primary(&mut items, &touched, operation, profile, quirks)?;
        // S-16, S-14: nothing empty, nothing twice.
        let mut seen = HashSet::new();
        items.retain(|item| match item {
            Value::Object(object) => !object.is_empty() && seen.insert(sorted(object)),
            plain => seen.insert(plain.to_string()),
        });
        // RFC 7644 §3.5.2.2: without its last value the attribute is unassigned.
        if items.is_empty() { None } else { Some(Value::Array(items)) }
    } else {
        write_single(current, operation, name, profile)
    };
    set(holder, key, next);
    Ok(())
}

/// P-07, P-11, P-12: a complex value is merged, sub-attribute by sub-attribute, unless `profile` replaces it whole.
fn write_single(current: Option<Value>, operation: &Operation<'_>, name: Name<'_>, profile: Profile) -> Option<Value> {
    let is_whole = operation.op == Op::Replace && profile.has(Quirk::ComplexReplacedWhole);
    let given = operation.value.clone();
    match (name.sub, current, given) {
        (Some(sub), current, given) => {
            let mut object = current.and_then(|current| current.as_object().cloned()).unwrap_or_default();
            set(&mut object, &sub.name, given);
            if object.is_empty() { None } else { Some(Value::Object(object)) }
        }
        (None, Some(Value::Object(mut object)), Some(Value::Object(given))) if !is_whole => {
            object.extend(given);
            Some(Value::Object(object))
        }
        (None, _, given) => given,
    }
}

/// Writes several values; tells which elements were written.
fn write_items(
    items: &mut Vec<Value>,
    operation: &Operation<'_>,
    name: Name<'_>,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<Vec<usize>, Error> {
    let Target::Attribute { filter, .. } = &operation.target else { return Ok(Vec::new()) };
    let given = operation.value.clone();
    let Some(filter) = filter else {
        return Ok(match (name.sub, operation.op, given) {
            (Some(sub), op, given) => {
                if items.is_empty() && op != Op::Remove {
                    items.push(Value::Object(Map::new()));
                }
                let all: Vec<usize> = (0..items.len()).collect();
                set_in(items, &all, sub, given, profile);
                all
            }
            (None, Op::Add, Some(Value::Array(given))) => append(items, given),
            (None, Op::Replace, Some(Value::Array(given))) => {
                *items = given; // P-13
                (0..items.len()).collect()
            }
            (None, Op::Remove, Some(Value::Array(given))) => {
                items.retain(|item| !given.iter().any(|given| is_meant(name.attribute, item, given))); // P-19
                Vec::new()
            }
            (None, ..) => {
                items.clear();
                Vec::new()
            }
        });
    };
    let chosen: Vec<usize> = (0..items.len()).filter(|index| matches_element(filter, &items[*index])).collect();
    if chosen.is_empty() {
        let is_remove = operation.op == Op::Remove;
        let element = described(filter).filter(|_| !is_remove && quirks.allow(profile, Quirk::ValuePathCreated));
        return match element {
            _ if is_remove && quirks.allow(profile, Quirk::RemoveWithoutMatch) => Ok(Vec::new()), // P-18
            // EN-06, EN-08, P-09, P-15.
            Some(mut element) => {
                match (name.sub, given) {
                    (Some(sub), given) => set(&mut element, &sub.name, given),
                    (None, Some(Value::Object(given))) => element.extend(given),
                    (None, _) => {}
                }
                items.push(Value::Object(element));
                Ok(vec![items.len() - 1])
            }
            None => Err(refused(operation, ScimType::NoTarget, "matched nothing")),
        };
    }
    // S-26: an element that is replaced as a whole may differ.
    let is_changed = |sub: &Attribute, item: &Value| item.get(&sub.name).is_some_and(|found| Some(found) != given.as_ref());
    if let Some(sub) = name.sub.filter(|sub| sub.mutability == Mutability::Immutable)
        && chosen.iter().any(|index| is_changed(sub, &items[*index]))
    {
        return Err(refused(operation, ScimType::Mutability, "cannot be changed any more"));
    }
    match (name.sub, operation.op, given) {
        (Some(sub), _, given) => set_in(items, &chosen, sub, given, profile),
        (None, Op::Add, Some(Value::Object(given))) => {
            for index in &chosen {
                if let Value::Object(object) = &mut items[*index] {
                    object.extend(given.clone());
                }
            }
        }
        // P-14; a plain value has nothing to be merged.
        (None, Op::Add | Op::Replace, Some(given)) => chosen.iter().for_each(|index| items[*index] = given.clone()),
        (None, ..) => {
            let mut index = 0;
            items.retain(|_| {
                index += 1;
                chosen.binary_search(&(index - 1)).is_err()
            });
            return Ok(Vec::new());
        }
    }
    Ok(chosen)
}

/// The same text for equal objects, whatever the order of their keys (S-11).
fn sorted(object: &Map<String, Value>) -> String {
    let mut entries: Vec<String> = object.iter().map(|(key, value)| format!("{key} {value}")).collect();
    entries.sort_unstable();
    entries.join("\n")
}

fn set(object: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => object.insert(key.to_owned(), value),
        None => object.shift_remove(key),
    };
}

/// Sets or removes a sub-attribute. EN-12: an element of which only its label is left is emptied, and so dropped, unless
/// `profile` keeps it.
fn set_in(items: &mut [Value], chosen: &[usize], sub: &Attribute, value: Option<Value>, profile: Profile) {
    for index in chosen {
        let Value::Object(object) = &mut items[*index] else { continue };
        let had = object.contains_key(&sub.name);
        set(object, &sub.name, value.clone());
        let is_label = |key: &String| ["type", "primary", "display"].contains(&key.as_str());
        if value.is_none() && had && object.keys().all(is_label) && profile.has(Quirk::LabelsDropped) {
            object.clear();
        }
    }
}

/// S-14: who adds a (type, value) that is there changes that element.
fn append(items: &mut Vec<Value>, given: Vec<Value>) -> Vec<usize> {
    let identity = |item: &Value| match item.get("value") {
        Some(value) => format!("{value} {}", item["type"]),
        None => item.to_string(),
    };
    let mut places: HashMap<String, usize> = items.iter().enumerate().map(|(index, item)| (identity(item), index)).collect();
    given
        .into_iter()
        .map(|item| match places.get(&identity(&item)) {
            Some(&index) => {
                if let (Value::Object(object), Value::Object(item)) = (&mut items[index], item) {
                    object.extend(item);
                }
                index
            }
            None => {
                places.insert(identity(&item), items.len());
                items.push(item);
                items.len() - 1
            }
        })
        .collect()
}

/// Whether `item` is what a `remove` names in its value: it has all that is given, labels aside.
fn is_meant(attribute: &Attribute, item: &Value, given: &Value) -> bool {
    let Value::Object(object) = given else { return item == given };
    let is_equal = |(key, given): (&String, &Value)| match (item.get(key), given) {
        (Some(Value::String(text)), Value::String(given)) if !attribute.sub(key).is_some_and(|sub| sub.case_exact) => {
            fold(text) == fold(given)
        }
        (found, given) => found == Some(given),
    };
    object.iter().filter(|(key, _)| !["display", "$ref", "primary"].contains(&key.as_str())).all(is_equal)
}

/// P-22: who becomes primary takes it from all others. P-23: two at once are refused; lenient takes the last.
fn settle_primary(
    items: &mut [Value],
    touched: &[usize],
    operation: &Operation<'_>,
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<(), Error> {
    let claims: Vec<usize> =
        touched.iter().copied().filter(|index| items.get(*index).is_some_and(|item| item["primary"] == true)).collect();
    let Some(&last) = claims.last() else { return Ok(()) };
    if claims.iter().any(|claim| *claim != last) && !quirks.allow(profile, Quirk::SeveralPrimaries) {
        return Err(refused(operation, ScimType::InvalidValue, "is given more than one primary value"));
    }
    for (index, item) in items.iter_mut().enumerate() {
        if index != last && item["primary"] == true {
            item["primary"] = false.into();
        }
    }
    Ok(())
}
