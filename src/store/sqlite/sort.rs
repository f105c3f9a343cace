//! RFC 7644 §3.4.2.3: `sortBy` and `sortOrder` as `order by`, and the place of a cursor in that order.

use rusqlite::types::{Value, ValueRef};

use super::attributes::{Context, Place, place};
use super::filter::Params;
use crate::base::Timestamp;
use crate::scim::Kind;
use crate::scim::filter::Attr;
use crate::scim::list::{SortKey, SortOrder, Start};
use crate::store::Error;

/// The order of the rows `r`. Missing values come last ascending and first descending (O-03), the id breaks ties (O-06).
pub(super) struct Order {
    /// What is sorted by before the id.
    term: Option<String>,
    /// Whether it is read upwards.
    is_up: bool,
}

/// A part of the table in the order of an index, if there is one for it.
pub(super) struct Run {
    pub(super) condition: String,
    pub(super) order: String,
    pub(super) params: Vec<Value>,
}

impl Order {
    /// `is_from_end`: read from the last row on.
    pub(super) fn new(
        sort: Option<&(Attr, SortOrder)>,
        kind: Kind,
        now: Timestamp,
        params: &mut Vec<Value>,
        is_from_end: bool,
    ) -> Order {
        let Some((attr, order)) = sort else { return Order { term: None, is_up: !is_from_end } };
        let term = match place(attr, kind, Context::Resource, now, &mut Params(params)) {
            Place::One(scalar) => scalar.comparable(attr),
            // O-01: of several values the primary one, else the first.
            Place::Many { from, scalar } if from.starts_with("json_each") => {
                let value = scalar.comparable(attr);
                format!(
                    "(select {value} from {from} \
                    order by iif(e.type = 'object', coalesce(json_extract(e.value, '$.primary'), 0), 0) desc, e.key limit 1)"
                )
            }
            Place::Many { from, scalar } => format!("(select min({}) from {from})", scalar.comparable(attr)),
        };
        Order { term: Some(term), is_up: (*order == SortOrder::Ascending) != is_from_end }
    }

    /// What [`key`] reads.
    pub(super) fn key(&self) -> &str {
        self.term.as_deref().unwrap_or("null")
    }

    /// What is to be read from `start` on, one after the other. `bound` values are bound before those of a run.
    pub(super) fn runs(&self, start: &Start, bound: usize) -> Vec<Run> {
        let is_up = self.is_up != matches!(start, Start::Before(_));
        let (way, beyond) = if is_up { ("asc", ">") } else { ("desc", "<") };
        let by_id = format!("r.id {way}");
        let run = |condition: String, order: &str, params: Vec<Value>| Run { condition, order: order.to_owned(), params };
        let (first, second) = (bound + 1, bound + 2);
        let (position, term) = match (start, &self.term) {
            (Start::Offset(_), None) => return vec![run("true".into(), &by_id, vec![])],
            (Start::Offset(_), Some(term)) => {
                let nulls = if is_up { "last" } else { "first" };
                return vec![run("true".into(), &format!("{term} {way} nulls {nulls}, {by_id}"), vec![])];
            }
            (Start::After(position) | Start::Before(position), term) => (position, term),
        };
        let id = Value::Blob(position.id.as_bytes().to_vec());
        let Some(term) = term else { return vec![run(format!("r.id {beyond} ?{first}"), &by_id, vec![id])] };
        // A range and the missing values, each on its own, so that an index finds where to begin.
        let by_term = format!("{term} {way}, {by_id}");
        match &position.key {
            Some(key) => {
                let condition = format!("({term}, r.id) {beyond} (?{first}, ?{second})");
                let rest = run(condition, &by_term, vec![value(key), id]);
                let missing = is_up.then(|| run(format!("{term} is null"), &by_id, vec![]));
                std::iter::once(rest).chain(missing).collect()
            }
            None => {
                let rest = run(format!("{term} is null and r.id {beyond} ?{first}"), &by_id, vec![id]);
                let present = (!is_up).then(|| run(format!("{term} is not null"), &by_term, vec![]));
                std::iter::once(rest).chain(present).collect()
            }
        }
    }
}

/// What a row is sorted by.
pub(super) fn key(value: ValueRef<'_>) -> Result<Option<SortKey>, Error> {
    Ok(match value {
        ValueRef::Null => None,
        ValueRef::Integer(key) => Some(SortKey::Integer(key)),
        ValueRef::Real(key) => Some(SortKey::Real(key)),
        ValueRef::Text(key) => Some(SortKey::Text(String::from_utf8_lossy(key).into_owned())),
        ValueRef::Blob(key) => Some(SortKey::Bytes(key.to_owned())),
    })
}

fn value(key: &SortKey) -> Value {
    match key {
        SortKey::Integer(key) => Value::Integer(*key),
        SortKey::Real(key) => Value::Real(*key),
        SortKey::Text(key) => Value::Text(key.clone()),
        SortKey::Bytes(key) => Value::Blob(key.clone()),
    }
}
