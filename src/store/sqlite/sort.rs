//! RFC 7644 §3.4.2.3: `sortBy` and `sortOrder` as `order by`.

use rusqlite::types::Value;

use super::attributes::{Context, Place, place};
use super::filter::Params;
use crate::base::Timestamp;
use crate::scim::Kind;
use crate::scim::filter::Attr;
use crate::scim::list::SortOrder;

/// The terms of `order by` for the row `r`. Missing values come last ascending and first descending (O-03), the id breaks
/// ties (O-06).
pub(super) fn order_by(sort: Option<&(Attr, SortOrder)>, kind: Kind, now: Timestamp, params: &mut Vec<Value>) -> String {
    let Some((attr, order)) = sort else { return "r.id".into() };
    let term = match place(attr, kind, Context::Resource, now, &mut Params(params)) {
        Place::One(scalar) => scalar.comparable(attr),
        // Of several values the primary one, else the first.
        Place::Many { from, scalar } if from.starts_with("json_each") => {
            let value = scalar.comparable(attr);
            format!(
                "(select {value} from {from} \
                order by iif(e.type = 'object', coalesce(json_extract(e.value, '$.primary'), 0), 0) desc, e.key limit 1)"
            )
        }
        Place::Many { from, scalar } => format!("(select min({}) from {from})", scalar.comparable(attr)),
    };
    match order {
        SortOrder::Ascending => format!("{term} asc nulls last, r.id"),
        SortOrder::Descending => format!("{term} desc nulls first, r.id"),
    }
}
