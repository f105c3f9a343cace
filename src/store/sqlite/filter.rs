//! A filter as SQL: every value bound, every shape of filter one text, so that statements are compiled once.
//!
//! SQL knows "unknown" where a value is missing and SCIM does not. `and` and `or` of unknowns come to the same as of falses;
//! the one place where it matters is `not`, which is written `is not true`.

use rusqlite::types::Value;

use super::attributes::{Context, Form, Place, Scalar, elements, literal, path, place};
use crate::base::{Timestamp, UserId, text};
use crate::scim::filter::{Attr, CompareOp, Filter, Literal, Node, NodeId};
use crate::scim::{Kind, urn};

/// The values bound to a statement; the org is always `?1`.
pub(super) struct Params<'a>(pub(super) &'a mut Vec<Value>);

impl Params<'_> {
    /// Binds `value` and names its place.
    pub(super) fn add(&mut self, value: Value) -> String {
        self.0.push(value);
        format!("?{}", self.0.len())
    }
}

/// What a statement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To find rows, in some order.
    Find,
    /// To count them.
    Count,
}

/// A condition on the row `r` of the table of `kind`. Its values are added to `params`.
pub(super) fn compile(filter: &Filter, kind: Kind, now: Timestamp, purpose: Purpose, params: &mut Vec<Value>) -> String {
    let is_count = purpose == Purpose::Count;
    let mut compiler = Compiler { filter, kind, now, is_count, params: Params(params) };
    compiler.node(filter.root, Context::Resource)
}

struct Compiler<'a> {
    filter: &'a Filter,
    kind: Kind,
    now: Timestamp,
    is_count: bool,
    params: Params<'a>,
}

impl Compiler<'_> {
    /// Recursion is bounded by `limit::FILTER_TERMS_MAX` and `FILTER_DEPTH_MAX`, which the lexer holds.
    fn node(&mut self, id: NodeId, context: Context) -> String {
        match &self.filter.nodes[id] {
            Node::And(left, right) => format!("({} and {})", self.node(*left, context), self.node(*right, context)),
            Node::Or(left, right) => format!("({} or {})", self.node(*left, context), self.node(*right, context)),
            Node::Not(inner) => format!("({} is not true)", self.node(*inner, context)),
            Node::Compare(attr, op, value) => self.compare(attr, *op, value, context),
            Node::Present(attr) => self.present(attr, context),
            Node::ValuePath(attr, inner) => self.value_path(attr, *inner),
            Node::Extension(urn) => match self.kind {
                Kind::Invitation => "false".into(),
                _ => {
                    let path = literal(&format!("$.\"{}\"", urn.replace('"', "")));
                    format!("exists (select 1 from json_each(r.doc, {path}))")
                }
            },
            Node::Schema(urn) => self.schema(urn),
            Node::Never => "false".into(),
        }
    }

    fn compare(&mut self, attr: &Attr, op: CompareOp, value: &Literal, context: Context) -> String {
        if context == Context::Resource
            && let Some(probe) = self.probe(attr, op, value)
        {
            return probe;
        }
        match place(attr, self.kind, context, self.now, &mut self.params) {
            Place::One(scalar) => {
                let (left, right) = self.sides(&scalar, attr, op, value);
                match op {
                    // F-07: an unset singular attribute differs from every value.
                    CompareOp::Ne => format!("{left} is not {}", self.params.add(right)),
                    // Who asks what has changed since then expects little; the planner, left alone, a quarter of everything.
                    CompareOp::Gt | CompareOp::Ge if left == "r.last_modified" => {
                        format!("likelihood({}, 0.001)", self.comparison(&left, op, right))
                    }
                    _ => match self.narrow(&left, op) {
                        Some((table, key)) => {
                            let condition = self.comparison(&left.replacen("r.", "x.", 1), op, right);
                            format!("r.{key} in (select x.{key} from {table} x where x.org_id = ?1 and {condition})")
                        }
                        None => self.comparison(&left, op, right),
                    },
                }
            }
            Place::Many { from, scalar } => {
                let (left, right) = self.sides(&scalar, attr, op, value);
                let condition = self.comparison(&left, op, right);
                format!("exists (select 1 from {from} and {condition})")
            }
        }
    }

    /// The table and the key by which to find, on an index that holds the value, what no order of an index finds: thirty
    /// times faster to walk than the documents. The index of `userName` has no ids, that of given names another order.
    fn narrow(&self, left: &str, op: CompareOp) -> Option<(&'static str, &'static str)> {
        let is_ordered = !matches!(op, CompareOp::Co | CompareOp::Ew);
        match (self.kind, left) {
            // Alone and counted, it is walked like this anyway.
            _ if self.is_count && matches!(self.filter.nodes[self.filter.root], Node::Compare(..)) => None,
            (Kind::User, "r.given_name_key") => Some(("users", "id")),
            _ if is_ordered => None,
            (Kind::User, "r.user_name_key") => Some(("users", "rowid")),
            (Kind::User, "r.display_name_key" | "r.family_name_key") => Some(("users", "id")),
            (Kind::Group, "r.display_name_key") => Some(("groups", "id")),
            (Kind::Invitation, "r.user_name_key") => Some(("invitations", "id")),
            _ => None,
        }
    }

    /// A comparison that a table besides answers on an index (F-26): found there first, not tested row by row.
    fn probe(&mut self, attr: &Attr, op: CompareOp, value: &Literal) -> Option<String> {
        let (Literal::Text(value), None) = (value, &attr.extension) else { return None };
        if attr.sub.as_deref().is_some_and(|sub| sub != "value") {
            return None;
        }
        match (self.kind, attr.name.as_str(), op) {
            (Kind::User, "emails", CompareOp::Eq | CompareOp::Co | CompareOp::Sw | CompareOp::Ew) if !attr.case_exact => {
                let condition = self.comparison("key", op, text::fold(value).into());
                return Some(format!("r.id in (select user_id from user_emails where org_id = ?1 and {condition})"));
            }
            (_, _, CompareOp::Eq) => {}
            _ => return None,
        }
        match (self.kind, attr.name.as_str()) {
            (Kind::Group, "members") => {
                let id = self.params.add(id(value));
                Some(format!(
                    "r.id in (select group_id from members where org_id = ?1 and user_id = {id} \
                    union all select group_id from members where org_id = ?1 and subgroup_id = {id})"
                ))
            }
            (Kind::User, "groups") => {
                let id = self.params.add(id(value));
                Some(format!(
                    "r.id in (select user_id from members where org_id = ?1 and group_id = {id} and user_id is not null)"
                ))
            }
            (Kind::Organization, "ancestors") => {
                let id = self.params.add(id(value));
                Some(format!("r.id in (select org_id from org_paths where ancestor_id = {id} and distance > 0)"))
            }
            (Kind::Invitation, "groups") => {
                let id = self.params.add(id(value));
                Some(format!("r.id in (select invitation_id from invitation_groups where org_id = ?1 and group_id = {id})"))
            }
            _ => None,
        }
    }

    fn value_path(&mut self, attr: &Attr, inner: NodeId) -> String {
        if !attr.multi_valued {
            let condition = self.node(inner, Context::Resource);
            return match (self.kind, attr.name.as_str()) {
                (Kind::Invitation, _) | (_, "meta") => condition,
                (Kind::Organization, "parent") => format!("(r.parent_id is not null and {condition})"),
                _ => format!("(json_extract(r.doc, {}) is not null and {condition})", path(attr, None)),
            };
        }
        let mut condition = format!("exists (select 1 from {} and ", elements(attr, self.kind));
        condition.push_str(&self.node(inner, Context::Element));
        condition.push(')');
        // What must hold of one element holds of some element, and that may be on an index.
        let mut wanted = vec![inner];
        while let Some(id) = wanted.pop() {
            match &self.filter.nodes[id] {
                Node::And(left, right) => wanted.extend([*left, *right]),
                Node::Compare(attr, op, value) => {
                    if let Some(probe) = self.probe(attr, *op, value) {
                        condition = format!("({probe} and {condition})");
                    }
                }
                _ => {}
            }
        }
        condition
    }

    fn present(&mut self, attr: &Attr, context: Context) -> String {
        let is_whole = attr.sub.is_none();
        match place(attr, self.kind, context, self.now, &mut self.params) {
            Place::One(scalar) if is_whole && scalar.form == Form::Json && context == Context::Resource => {
                // F-14: a simple value that is not empty, or any sub-attribute of a complex one.
                format!(
                    "exists (select 1 from json_each(r.doc, {}) e where e.value is not null and e.value <> '')",
                    path(attr, None)
                )
            }
            Place::One(_) if is_whole && self.kind == Kind::Organization && attr.name == "parent" => {
                "r.parent_id is not null".into()
            }
            Place::One(_) if is_whole && attr.name == "meta" => "true".into(),
            Place::One(_) if is_whole && self.kind == Kind::Invitation && attr.name == "guest" => {
                "r.guest_id is not null".into()
            }
            Place::One(_) if is_whole && self.kind == Kind::Invitation && attr.name == "delivery" => "true".into(),
            Place::One(scalar) => present(&scalar),
            Place::Many { from, scalar: _ } if is_whole => format!("exists (select 1 from {from})"),
            Place::Many { from, scalar } => format!("exists (select 1 from {from} and {})", present(&scalar)),
        }
    }

    fn schema(&mut self, urn: &str) -> String {
        match self.kind {
            Kind::Invitation if text::fold(urn) == text::fold(urn::INVITATION) => "true".into(),
            Kind::Invitation => "false".into(),
            _ => {
                let urn = self.params.add(text::fold(urn).into());
                format!("exists (select 1 from json_each(r.doc, '$.schemas') e where fold(e.value) = {urn})")
            }
        }
    }

    /// Both sides of a comparison, in one form.
    fn sides(&mut self, scalar: &Scalar, attr: &Attr, op: CompareOp, value: &Literal) -> (String, Value) {
        match (value, scalar.form) {
            (Literal::Text(value), Form::Id) => match op {
                CompareOp::Eq | CompareOp::Ne => (scalar.raw.clone(), id(value)),
                _ => (format!("id_text({})", scalar.raw), value.clone().into()),
            },
            (Literal::Text(value), _) => {
                let value = match attr.case_exact {
                    true => value.clone(),
                    false if attr.name == "userName" => text::user_name_key(value),
                    false => text::fold(value),
                };
                (scalar.comparable(attr), value.into())
            }
            (Literal::Instant(at), Form::Millis) => (scalar.raw.clone(), at.0.into()),
            (Literal::Instant(at), _) => (format!("instant({})", scalar.raw), at.0.into()),
            (Literal::Number(number), _) => (scalar.raw.clone(), (*number).into()),
            (Literal::Bool(value), _) => (scalar.raw.clone(), i64::from(*value).into()),
        }
    }

    fn comparison(&mut self, left: &str, op: CompareOp, right: Value) -> String {
        let is_empty = matches!(&right, Value::Text(text) if text.is_empty());
        let operator = match op {
            CompareOp::Co | CompareOp::Sw | CompareOp::Ew if is_empty => return format!("{left} is not null"),
            // `instr` and `substr`, not `like`: `%` and `_` in a value are just letters.
            CompareOp::Co => return format!("instr({left}, {}) > 0", self.params.add(right)),
            CompareOp::Ew => {
                let end = self.params.add(right);
                return format!("substr({left}, -length({end})) = {end}");
            }
            CompareOp::Sw => return self.prefix(left, right),
            CompareOp::Eq => "=",
            CompareOp::Ne => "<>",
            CompareOp::Gt => ">",
            CompareOp::Ge => ">=",
            CompareOp::Lt => "<",
            CompareOp::Le => "<=",
        };
        format!("{left} {operator} {}", self.params.add(right))
    }

    /// A prefix is a range, which an index can find: from itself to the next text that does not begin with it.
    fn prefix(&mut self, left: &str, right: Value) -> String {
        let next = match &right {
            Value::Text(text) => after_prefix(text),
            _ => None,
        };
        let from = self.params.add(right);
        match next {
            Some(next) => format!("({left} >= {from} and {left} < {})", self.params.add(next.into())),
            None => format!("{left} >= {from}"),
        }
    }
}

fn present(scalar: &Scalar) -> String {
    match scalar.form {
        Form::Plain | Form::Json => format!("({0} is not null and {0} <> '')", scalar.raw),
        _ => format!("{} is not null", scalar.raw),
    }
}

/// The bytes of an id; of a text that is none, no bytes, which differ from those of every id.
fn id(text: &str) -> Value {
    Value::Blob(text.parse::<UserId>().map_or_else(|_| Vec::new(), |UserId(id)| id.as_bytes().to_vec()))
}

/// The least text greater than every text that begins with `prefix`; none if there is no such.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut next = prefix.to_owned();
    while let Some(last) = next.pop() {
        let above = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            _ => char::from_u32(u32::from(last) + 1),
        };
        if let Some(above) = above {
            next.push(above);
            return Some(next);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_range_is_the_next_text() {
        for (prefix, end) in
            [("ab", Some("ac")), ("a\u{D7FF}", Some("a\u{E000}")), ("a\u{10FFFF}", Some("b")), ("\u{10FFFF}", None)]
        {
            assert_eq!(after_prefix(prefix).as_deref(), end, "{prefix:?}");
        }
    }
}
