//! A filter asked of a JSON value. The store's SQL must give the same answers; a test compares them.

use std::borrow::Cow;

use serde_json::Value;

use super::ast::{Attr, CompareOp, Filter, Literal, Node, NodeId};
use crate::base::{Timestamp, text};

/// Whether a resource, `meta` and references included, fulfils the filter.
pub fn matches(filter: &Filter, resource: &Value) -> bool {
    holds(filter, filter.root, Subject::Resource(resource))
}

/// Whether one element of a multi-valued attribute fulfils the filter of a value path, from [`super::parse_element`].
pub fn matches_element(filter: &Filter, element: &Value) -> bool {
    holds(filter, filter.root, Subject::Element(element))
}

impl Attr {
    /// What is compared of a text: itself, or its folded key (F-15).
    pub fn key<'a>(&self, value: &'a str) -> Cow<'a, str> {
        match self.name.as_str() {
            _ if self.case_exact => Cow::Borrowed(value),
            "userName" => Cow::Owned(text::user_name_key(value)),
            _ => Cow::Owned(text::fold(value)),
        }
    }
}

/// What the names of a node are looked up in.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Resource(&'a Value),
    Element(&'a Value),
}

// Recursion is bounded by the terms and the nesting of a filter, which the parser bounds.
fn holds(filter: &Filter, node: NodeId, subject: Subject<'_>) -> bool {
    match (&filter.nodes[node], subject) {
        (Node::And(left, right), _) => holds(filter, *left, subject) && holds(filter, *right, subject),
        (Node::Or(left, right), _) => holds(filter, *left, subject) || holds(filter, *right, subject),
        (Node::Not(inner), _) => !holds(filter, *inner, subject),
        (Node::Compare(attr, op, literal), _) => {
            let values = values(attr, subject);
            let is_single = !attr.multi_valued || matches!(subject, Subject::Element(_));
            // F-07: an unset single value is not equal to anything; of several, one must differ.
            (*op == CompareOp::Ne && is_single && values.is_empty())
                || values.iter().any(|value| compares(attr, *op, literal, value))
        }
        (Node::Present(attr), _) => values(attr, subject).into_iter().any(is_present),
        (Node::ValuePath(attr, inner), Subject::Resource(resource)) => {
            let elements = elements(container(attr, resource));
            elements.iter().any(|element| holds(filter, *inner, Subject::Element(element)))
        }
        (Node::Extension(urn), Subject::Resource(resource)) => resource.get(urn).is_some_and(is_present),
        (Node::Schema(urn), Subject::Resource(resource)) => {
            let schemas = elements(resource.get("schemas"));
            schemas.iter().any(|schema| schema.as_str().is_some_and(|schema| schema.eq_ignore_ascii_case(urn)))
        }
        (Node::Never, _) => false,
        // The parser puts none of these into a value path.
        (Node::ValuePath(..) | Node::Extension(_) | Node::Schema(_), Subject::Element(_)) => false,
    }
}

fn container<'a>(attr: &Attr, resource: &'a Value) -> Option<&'a Value> {
    let holder = match &attr.extension {
        Some(urn) => resource.get(urn)?,
        None => resource,
    };
    holder.get(&attr.name)
}

/// A singular value counts as a list of one.
fn elements(value: Option<&Value>) -> &[Value] {
    match value {
        None => &[],
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
    }
}

fn values<'a>(attr: &Attr, subject: Subject<'a>) -> Vec<&'a Value> {
    let found = match subject {
        Subject::Resource(resource) => elements(container(attr, resource)),
        Subject::Element(element) => std::slice::from_ref(element),
    };
    match &attr.sub {
        Some(sub) => found.iter().filter_map(|element| element.get(sub)).filter(|value| is_present(value)).collect(),
        None => found.iter().filter(|value| is_present(value)).collect(),
    }
}

/// F-14: an empty text counts as no value; of a complex value, any sub-attribute.
fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_present),
        Value::Object(map) => map.values().any(is_present),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn compares(attr: &Attr, op: CompareOp, literal: &Literal, value: &Value) -> bool {
    let order = match (literal, value) {
        (Literal::Text(literal), Value::String(value)) => {
            let (value, literal) = (attr.key(value), attr.key(literal));
            match op {
                CompareOp::Co => return value.contains(&*literal),
                CompareOp::Sw => return value.starts_with(&*literal),
                CompareOp::Ew => return value.ends_with(&*literal),
                _ => Some(value.cmp(&literal)),
            }
        }
        (Literal::Bool(literal), Value::Bool(value)) => Some(value.cmp(literal)),
        (Literal::Number(literal), Value::Number(value)) => value.as_f64().and_then(|value| value.partial_cmp(literal)),
        (Literal::Instant(literal), Value::String(value)) => Timestamp::parse(value).map(|value| value.cmp(literal)),
        _ => None,
    };
    let Some(order) = order else { return op == CompareOp::Ne };
    match op {
        CompareOp::Eq => order.is_eq(),
        CompareOp::Ne => order.is_ne(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::Ge => order.is_ge(),
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Co | CompareOp::Sw | CompareOp::Ew => false,
    }
}
