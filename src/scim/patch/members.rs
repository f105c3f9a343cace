//! Operations on `members`, which are rows and not part of a document, so that adding one costs the same in any group (P-30).

use serde_json::{Value, json};
use uuid::Uuid;

use super::dialect::refused;
use super::{Op, Operation, Target, in_operation};
use crate::scim::filter::{CompareOp, Filter, Literal, Node, NodeId};
use crate::scim::{Error, Profile, Quirk, Quirks, ScimType, resource};

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
/// (P-18, P-31). Where a filter must match, what it names is not taken on trust.
pub fn member_change(operation: &Operation<'_>, profile: Profile, quirks: &mut Quirks) -> Result<MemberOp, Error> {
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
    let mut added = |value: Option<Value>| {
        let ids = resource::member_ids(&value.unwrap_or_default(), profile, quirks);
        ids.map_err(|error| in_operation(operation.index, error))
    };
    match (operation.op, filter) {
        (Op::Add, None) => added(value).map(MemberOp::Add),
        (Op::Replace, None) => added(value).map(MemberOp::Replace),
        (Op::Remove, None) if name.sub.is_some() => Err(immutable()),
        (Op::Remove, None) => Ok(match value {
            None => MemberOp::Replace(Vec::new()), // P-17
            Some(value) => MemberOp::Remove(value.as_array().into_iter().flatten().filter_map(id).collect()), // EN-11
        }),
        (Op::Remove, Some(filter)) => Ok(match named(filter).filter(|_| profile.has(Quirk::RemoveWithoutMatch)) {
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
            added(Some(described)).map(MemberOp::Add)
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::filter::matches_element;
    use crate::scim::{Schemas, patch, urn};

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    const OTHER: &str = "01890a5d-ac96-774b-bcce-b302099a8058";

    fn op(op: &str, path: &str, value: Value) -> Value {
        json!([{"op": op, "path": path, "value": value}])
    }

    fn remove(path: &str) -> Value {
        json!([{"op": "remove", "path": path}])
    }

    fn parse(operations: &Value) -> Vec<Operation<'static>> {
        let body = json!({"schemas": [urn::PATCH_OP], "Operations": operations});
        let body = body.as_object().cloned().expect("an object");
        patch::parse(body, Schemas::core().group(), Profile::Lenient, &mut Quirks::new()).expect("a patch")
    }

    #[track_caller]
    fn members(operations: Value, expected: Result<MemberOp, &str>) {
        let parsed = parse(&operations);
        assert!(parsed.iter().all(|operation| operation.is_on("members")));
        let got = member_change(&parsed[0], Profile::Lenient, &mut Quirks::new()).map_err(|error| error.detail);
        assert_eq!(got, expected.map_err(str::to_owned), "{operations}");
    }

    #[test]
    fn operations_on_members_become_changes_of_rows() {
        let id = |text: &str| text.parse::<Uuid>().expect("an id");
        let both = json!([{"value": ID, "$ref": null}, {"value": OTHER, "display": "O"}]);
        members(op("Add", "members", both.clone()), Ok(MemberOp::Add(vec![id(ID), id(OTHER)]))); // EN-10
        members(op("add", "members", json!({"value": ID})), Ok(MemberOp::Add(vec![id(ID)])));
        members(op("add", "members.value", json!(ID)), Ok(MemberOp::Add(vec![id(ID)])));
        members(op("add", &format!("members[value eq {ID:?}]"), json!({"type": "User"})), Ok(MemberOp::Add(vec![id(ID)])));
        members(op("replace", "members", both.clone()), Ok(MemberOp::Replace(vec![id(ID), id(OTHER)]))); // OK-06
        members(op("replace", "members", json!([])), Ok(MemberOp::Replace(vec![])));
        members(remove("members"), Ok(MemberOp::Replace(vec![]))); // P-17
        // P-19, EN-11; P-31, P-18: what is no id is no member.
        members(op("Remove", "members", both), Ok(MemberOp::Remove(vec![id(ID), id(OTHER)])));
        members(op("Remove", "members", json!([{"value": ID.to_uppercase()}])), Ok(MemberOp::Remove(vec![])));
        members(remove(&format!("members[value eq {ID:?}]")), Ok(MemberOp::Remove(vec![id(ID)])));
        members(
            remove(&format!("members[value eq {ID:?} or value eq {OTHER:?}]")),
            Ok(MemberOp::Remove(vec![id(ID), id(OTHER)])),
        );
        // S-45, S-26.
        members(
            op("add", "members", json!([{"value": "ada"}])),
            Err(r#"operation 1: `members.value` "ada" is no user or group"#),
        );
        let fixed = format!("operation 1: `members[value eq {ID:?}].type` cannot be changed, expected the member as a whole");
        members(op("replace", &format!("members[value eq {ID:?}].type"), json!("Group")), Err(&fixed));
        let swap = op("replace", &format!("members[value eq {ID:?}]"), json!({"value": OTHER}));
        members(swap, Err(&fixed.replace("].type", "]")));
        // P-19: an empty array removes nothing, rather than all.
        let nothing = parse(&op("remove", "members", json!([])));
        assert!(nothing.is_empty());
        let users = parse(&remove(r#"members[type eq "User"]"#));
        let change = |operation, profile| member_change(operation, profile, &mut Quirks::new());
        let Ok(MemberOp::RemoveMatching(filter)) = change(&users[0], Profile::Lenient) else { panic!("a filter") };
        assert!(matches_element(&filter, &json!({"type": "User"})) && !matches_element(&filter, &json!({"type": "Group"})));
        // P-18.
        let named = parse(&remove(&format!("members[value eq {ID:?}]")));
        assert!(matches!(change(&named[0], Profile::Strict), Ok(MemberOp::RemoveMatching(_))));
    }
}
