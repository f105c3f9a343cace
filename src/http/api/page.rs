//! Pages of what is no resource, by `startIndex` and `count` as SCIM has them.

use poem_openapi::param::Query;
use serde_json::{Value, json};

use crate::http::scim::parameter::Integer;
use crate::http::{Authed, Rejection};
use crate::scim::list::{self, ListParams};
use crate::scim::{self, Schemas, ScimType};

/// The first result, counted from 1, and how many.
pub(super) fn of(
    caller: &Authed,
    start_index: &Query<Option<Integer>>,
    count: &Query<Option<Integer>>,
) -> Result<(usize, usize), Rejection> {
    let params = ListParams {
        start_index: start_index.0.as_ref().map(|text| &*text.0),
        count: count.0.as_ref().map(|text| &*text.0),
        ..ListParams::default()
    };
    let query = list::parse(&params, Schemas::core().user(), caller.profile())?;
    Ok((query.start.index(), query.count))
}

/// The page, as it is answered.
pub(super) fn print(total: usize, start: usize, page: Vec<Value>) -> Value {
    json!({ "totalResults": total, "startIndex": start, "itemsPerPage": page.len(), "Resources": page })
}

/// A span, in seconds.
pub(super) fn seconds(name: &str, text: &Query<Option<Integer>>) -> Result<Option<u64>, Rejection> {
    let wrong = |text: &Integer| {
        scim::Error::bad(ScimType::InvalidValue, format!("`{name}` is {:?}, expected a number of seconds", text.0))
    };
    Ok(text.0.as_ref().map(|text| text.0.parse().map_err(|_| wrong(text))).transpose()?)
}
