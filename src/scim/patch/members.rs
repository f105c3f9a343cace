//! Operations on `members`, which are rows and not part of a document, so that adding one costs the same in any group (P-30).

use serde_json::{Value, json};
use uuid::Uuid;

use super::dialect::refused;
use super::{Op, Operation, Target, in_operation};
use crate::scim::filter::{CompareOp, Filter, Literal, Node, NodeId};
use crate::scim::{Error, ScimType, resource};

/// What an operation does to the members of a group.
#[derive(Clone, Debug, PartialEq)]
pub enum MemberOp {
    /// These become members; those that are stay.
    Add(Vec<Uuid>),
    /// These are members no more.
    Remove(Vec<Uuid>),
    /// Exactly these are members.
    Replace(Vec<Uuid>),
    /// Members that fulfil the filter of a value path are members no more; see
    /// [`matches_element`](crate::scim::filter::matches_element).
    RemoveMatching(Filter),
}

/// What an operation on `members` does. An id that cannot be one is refused when added (S-45) and passed over when removed
/// (P-18, P-31).
pub fn member_change(operation: &Operation) -> Result<MemberOp, Error> {
    let immutable = || refused(operation, ScimType::Mutability, "cannot be changed, expected the member as a whole");
    let Target::Attribute { name, filter } = &operation.target else { return Err(immutable()) };
    // `members.value` and `members[…].value` stand for the member; its other sub-attributes are derived or immutable (S-26).
    if name.sub.is_some_and(|sub| sub.name != "value") {
        return Err(immutable());
    }
    let value = match (&operation.value, name.sub, filter) {
        (Some(text), Some(_), _) => Some(json!([{ "value": text }])),
        (Some(element), None, Some(_)) => Some(json!([element])),
        (value, _, _) => value.clone(),
    };
    match (operation.op, filter) {
        (Op::Add, None) => added(operation, value).map(MemberOp::Add),
        (Op::Replace, None) => added(operation, value).map(MemberOp::Replace),
        (Op::Remove, None) if name.sub.is_some() => Err(immutable()),
        (Op::Remove, None) => Ok(match value {
            None => MemberOp::Replace(Vec::new()), // P-17
            Some(value) => MemberOp::Remove(value.as_array().into_iter().flatten().filter_map(id).collect()), // EN-11
        }),
        (Op::Remove, Some(filter)) => Ok(match named(filter) {
            Some(ids) => MemberOp::Remove(ids.into_iter().filter_map(resource::id).collect()), // OK-06
            None => MemberOp::RemoveMatching(filter.clone()),
        }),
        // P-09: `members[value eq "x"]` describes the member to be added. Another id in its place would change what is
        // immutable.
        (Op::Add | Op::Replace, Some(filter)) => {
            let ids = named(filter).filter(|ids| ids.len() == 1).ok_or_else(immutable)?;
            let described = json!([{ "value": ids[0] }]);
            let given = value.as_ref().and_then(|value| value[0]["value"].as_str());
            if given.is_some_and(|given| given != ids[0]) {
                return Err(immutable());
            }
            added(operation, Some(described)).map(MemberOp::Add)
        }
    }
}

fn added(operation: &Operation, value: Option<Value>) -> Result<Vec<Uuid>, Error> {
    resource::member_ids(&value.unwrap_or_default()).map_err(|error| in_operation(operation.index, error))
}

fn id(member: &Value) -> Option<Uuid> {
    resource::id(member["value"].as_str()?)
}

/// The ids of a filter that only names ids: `value eq "x"`, any number of them joined by `or`.
fn named(filter: &Filter) -> Option<Vec<&str>> {
    let mut ids = Vec::new();
    let mut open: Vec<NodeId> = vec![filter.root];
    while let Some(node) = open.pop() {
        match &filter.nodes[node] {
            Node::Or(left, right) => open.extend([*right, *left]),
            Node::Compare(attr, CompareOp::Eq, Literal::Text(id)) if attr.sub.as_deref() == Some("value") => {
                ids.push(id.as_str())
            }
            _ => return None,
        }
    }
    Some(ids)
}
