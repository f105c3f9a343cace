//! RFC 7644 §3.4.2 and §3.4.3: what a list or search asks for.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::filter::{Attr, Filter};
use super::path::{Resolved, resolve};
use super::schema::ResourceType;
use super::{Error, Kind, Profile, Quirk, Quirks, ScimType, filter, json, urn};
use crate::base::limit::{ORG_DEPTH_MAX, PAGE_DEFAULT, PAGE_MAX};

/// A query within one resource type, resolved and bounded.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Which resources; all if none.
    pub filter: Option<Filter>,
    /// By what; by id, which is by creation, if none (O-08). The id always breaks ties (O-06).
    pub sort: Option<(Attr, SortOrder)>,
    /// Where the page starts.
    pub start: Start,
    /// At most so many resources; 0 asks for the total alone (G-03).
    pub count: usize,
    /// Whether `groups`, `members` or `ancestors` are read as well (A-11).
    pub references: bool,
    /// Of orgs: how many levels below the next one are looked at too.
    pub deeper: usize,
    /// What was forgiven in reading it.
    pub quirks: Quirks,
}

/// Where a page starts.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// After so many resources: `startIndex` less one.
    Offset(usize),
    /// After the place of a resource, which need not be there any more (RFC 9865 `nextCursor`).
    After(Position),
    /// So that it ends before that place (RFC 9865 `previousCursor`).
    Before(Position),
}

impl Start {
    /// `startIndex`, for pages that know theirs.
    pub fn index(&self) -> usize {
        match self {
            Start::Offset(passed) => passed.saturating_add(1),
            Start::After(_) | Start::Before(_) => 1,
        }
    }
}

impl Default for Start {
    fn default() -> Self {
        Start::Offset(0)
    }
}

/// The place of a resource in a sorted list.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// What the list is sorted by; none where the resource has no value or the list is in the order of ids.
    pub key: Option<SortKey>,
    /// Breaks ties.
    pub id: Uuid,
}

/// A value as the store sorts it.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum SortKey {
    /// Also instants and truths.
    Integer(i64),
    /// Other numbers.
    Real(f64),
    /// Folded unless case matters; sorted by code points.
    Text(String),
    /// Ids.
    Bytes(Vec<u8>),
}

/// RFC 7644 §3.4.2.3. Descending is the reverse of ascending, ties included. Missing values come last ascending, first descending (O-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SortOrder {
    /// The default.
    #[default]
    Ascending,
    /// The reverse.
    Descending,
}

/// The parameters of a list, as sent.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct ListParams<'a> {
    pub filter: Option<&'a str>,
    pub sort_by: Option<&'a str>,
    pub sort_order: Option<&'a str>,
    pub start_index: Option<&'a str>,
    pub count: Option<&'a str>,
    /// RFC 9865: empty asks for the first page. [`Seal::open`](super::cursor::Seal::open) reads every other.
    pub cursor: Option<&'a str>,
    /// Of orgs: how many levels down.
    pub depth: Option<&'a str>,
}

/// The query that the parameters ask for. Asks for references; the caller, who knows the projection, may take that back.
pub fn parse(params: &ListParams<'_>, resource_type: &ResourceType, profile: Profile) -> Result<Query, Error> {
    let mut quirks = Quirks::new();
    let filter = params.filter.map(|text| filter::parse_noting(text, resource_type, profile, &mut quirks)).transpose()?;
    let sort = params.sort_by.map(|name| sort_by(name, resource_type, profile, &mut quirks)).transpose()?;
    bounded(params, resource_type.kind, filter, sort, quirks)
}

/// The query within `own`, for a search over all `types` (RFC 7644 §3.4.2.1). Without `sort` where `own` lacks the attribute
/// that the others are sorted by.
pub fn parse_among(
    params: &ListParams<'_>,
    own: &ResourceType,
    types: &[ResourceType],
    profile: Profile,
) -> Result<Query, Error> {
    let mut quirks = Quirks::new();
    let filter = params.filter.map(|text| filter::parse_among(text, own, types, profile, &mut quirks)).transpose()?;
    let mut sort_by = |name, resource_type| sort_by(name, resource_type, profile, &mut quirks);
    let sort = match params.sort_by.map(|name| (name, sort_by(name, own))) {
        Some((name, Err(error))) if !types.iter().any(|other| sort_by(name, other).is_ok()) => return Err(error),
        Some((_, sort)) => sort.ok(),
        None => None,
    };
    bounded(params, own.kind, filter, sort, quirks)
}

fn bounded(
    params: &ListParams<'_>,
    kind: Kind,
    filter: Option<Filter>,
    sort: Option<Attr>,
    quirks: Quirks,
) -> Result<Query, Error> {
    if params.cursor.is_some() && params.start_index.is_some() {
        return Err(invalid("`cursor` and `startIndex` exclude each other, expected one of them")); // K-12
    }
    let order = sort_order(params.sort_order)?;
    // G-01, G-02, G-04, K-04: what is out of bounds is moved into them.
    let start_index = integer("startIndex", params.start_index)?.unwrap_or(1).max(1);
    let count = integer("count", params.count)?.map_or(PAGE_DEFAULT, |count| usize::try_from(count.max(0)).unwrap_or(PAGE_MAX));
    let depth = integer("depth", params.depth)?.map_or(1, |depth| usize::try_from(depth).unwrap_or(1));
    Ok(Query {
        filter,
        sort: sort.map(|attr| (attr, order)),
        start: Start::Offset(usize::try_from(start_index - 1).unwrap_or(usize::MAX)),
        count: count.min(PAGE_MAX),
        references: true,
        deeper: if kind == Kind::Organization { depth.clamp(1, ORG_DEPTH_MAX) - 1 } else { 0 },
        quirks,
    })
}

fn sort_order(text: Option<&str>) -> Result<SortOrder, Error> {
    match text {
        None => Ok(SortOrder::Ascending),
        Some(text) if text.eq_ignore_ascii_case("ascending") => Ok(SortOrder::Ascending),
        Some(text) if text.eq_ignore_ascii_case("descending") => Ok(SortOrder::Descending),
        Some(other) => Err(invalid(format!("`sortOrder` is {other:?}, expected `ascending` or `descending`"))),
    }
}

// O-01, O-05. Sorting by a password would tell it letter by letter (F-25).
fn sort_by(text: &str, resource_type: &ResourceType, profile: Profile, quirks: &mut Quirks) -> Result<Attr, Error> {
    let Resolved::Attribute(name) = resolve(text, resource_type, profile) else {
        return Err(invalid(format!("`sortBy` names no attribute: {text:?}")));
    };
    if name.is_bare_in(text) {
        quirks.note(Quirk::BareExtension);
    }
    match name.comparable() {
        Some(name) if !name.is_hidden() => Ok(name.attr()),
        _ => Err(invalid(format!("`sortBy` cannot be `{name}`, expected an attribute with a simple value"))),
    }
}

// G-07. A number beyond i64 is still a number: G-04 wants it capped.
fn integer(name: &str, text: Option<&str>) -> Result<Option<i64>, Error> {
    let Some(text) = text else { return Ok(None) };
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid(format!("`{name}` is {text:?}, expected an integer")));
    }
    let beyond = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Ok(Some(text.parse().unwrap_or(beyond)))
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::bad(ScimType::InvalidValue, detail)
}

/// RFC 7644 §3.4.3: the body of `POST …/.search` (Q-03).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct SearchRequest {
    /// Comma-separated, as in a query string.
    pub attributes: Option<String>,
    /// Comma-separated, as in a query string.
    pub excluded_attributes: Option<String>,
    pub filter: Option<String>,
    pub sort_by: Option<String>,
    pub sort_order: Option<String>,
    pub start_index: Option<String>,
    pub count: Option<String>,
    pub cursor: Option<String>,
    /// Passed over by what has no levels.
    pub depth: Option<String>,
}

impl SearchRequest {
    /// Reads a body. Unknown members are passed over or refused, as `profile` says (Q-07).
    pub fn parse(body: Map<String, Value>, profile: Profile, quirks: &mut Quirks) -> Result<SearchRequest, Error> {
        let mut request = SearchRequest::default();
        let mut is_search = false;
        for (key, value) in body {
            let slot = match key.to_ascii_lowercase().as_str() {
                "schemas" => {
                    is_search = names(&key, &value)?.split(',').any(|schema| schema.eq_ignore_ascii_case(urn::SEARCH_REQUEST));
                    continue;
                }
                // A-12: arrays of strings; a string with commas is understood.
                "attributes" | "excludedattributes" if value.is_null() => continue,
                "attributes" => {
                    request.attributes = Some(names(&key, &value)?);
                    continue;
                }
                "excludedattributes" => {
                    request.excluded_attributes = Some(names(&key, &value)?);
                    continue;
                }
                "filter" => &mut request.filter,
                "sortby" => &mut request.sort_by,
                "sortorder" => &mut request.sort_order,
                "startindex" => &mut request.start_index,
                "count" => &mut request.count,
                "cursor" => &mut request.cursor,
                "depth" => &mut request.depth,
                _ if !quirks.allow(profile, Quirk::UnknownAttribute) => {
                    return Err(Error::bad(ScimType::InvalidSyntax, format!("`{key}` is no member of a search request")));
                }
                _ => continue,
            };
            *slot = match value {
                Value::Null => None,
                Value::String(text) => Some(text),
                Value::Number(number) => Some(number.to_string()),
                other => return Err(invalid(format!("`{key}` is {}, expected one value", json::kind_of(&other)))),
            };
        }
        if !is_search {
            let detail = format!("`schemas` does not hold `{}`", urn::SEARCH_REQUEST);
            return Err(Error::bad(ScimType::InvalidSyntax, detail));
        }
        Ok(request)
    }

    /// What [`parse`] takes.
    pub fn params(&self) -> ListParams<'_> {
        ListParams {
            filter: self.filter.as_deref(),
            sort_by: self.sort_by.as_deref(),
            sort_order: self.sort_order.as_deref(),
            start_index: self.start_index.as_deref(),
            count: self.count.as_deref(),
            cursor: self.cursor.as_deref(),
            depth: self.depth.as_deref(),
        }
    }
}

fn names(key: &str, value: &Value) -> Result<String, Error> {
    let wrong = || invalid(format!("`{key}` is {}, expected an array of strings", json::kind_of(value)));
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Array(items) => {
            let names: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            names.map(|names| names.join(",")).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::Schemas;

    #[track_caller]
    fn page(start_index: Option<&str>, count: Option<&str>, expected: (usize, usize)) {
        let params = ListParams { start_index, count, ..ListParams::default() };
        let query = parse(&params, Schemas::core().user(), Profile::Strict).expect("a query");
        assert_eq!((query.start, query.count), (Start::Offset(expected.0), expected.1), "{start_index:?} {count:?}");
    }

    #[test]
    fn a_page_is_moved_into_its_bounds() {
        page(None, None, (0, PAGE_DEFAULT)); // G-08
        page(Some("1"), Some("10"), (0, 10));
        page(Some("0"), Some("0"), (0, 0)); // G-01, G-03
        page(Some("-5"), Some("-1"), (0, 0)); // G-01, G-02
        page(Some("101"), Some("1000000"), (100, PAGE_MAX)); // G-04
        page(Some("99999999999999999999"), Some("99999999999999999999"), (i64::MAX as usize - 1, PAGE_MAX));
    }

    #[track_caller]
    fn refused(params: ListParams<'_>, detail: &str) {
        let error = parse(&params, Schemas::core().user(), Profile::Lenient).expect_err(detail);
        assert_eq!((error.scim_type, error.detail.as_str()), (Some(ScimType::InvalidValue), detail));
    }

    #[test]
    fn what_is_no_number_or_no_attribute_is_refused() {
        let none = ListParams::default();
        refused(ListParams { count: Some(""), ..none }, r#"`count` is "", expected an integer"#); // G-07
        refused(ListParams { count: Some("ten"), ..none }, r#"`count` is "ten", expected an integer"#);
        refused(ListParams { start_index: Some("1.5"), ..none }, r#"`startIndex` is "1.5", expected an integer"#);
        refused(ListParams { start_index: Some("-"), ..none }, r#"`startIndex` is "-", expected an integer"#);
        // K-12.
        let both = ListParams { cursor: Some(""), start_index: Some("1"), ..none };
        refused(both, "`cursor` and `startIndex` exclude each other, expected one of them");
        // O-02, O-05, F-25.
        refused(ListParams { sort_order: Some("up"), ..none }, r#"`sortOrder` is "up", expected `ascending` or `descending`"#);
        refused(ListParams { sort_by: Some("nope"), ..none }, r#"`sortBy` names no attribute: "nope""#);
        for name in ["name", "password"] {
            let detail = format!("`sortBy` cannot be `{name}`, expected an attribute with a simple value");
            refused(ListParams { sort_by: Some(name), ..none }, &detail);
        }
    }

    #[test]
    fn sorting_by_a_complex_attribute_means_its_value() {
        // O-01.
        let params = ListParams { sort_by: Some("EMAILS"), sort_order: Some("Descending"), ..ListParams::default() };
        let (attr, order) = parse(&params, Schemas::core().user(), Profile::Strict).expect("a query").sort.expect("sorted");
        assert_eq!((attr.name.as_str(), attr.sub.as_deref(), order), ("emails", Some("value"), SortOrder::Descending));
    }

    #[test]
    fn a_search_request_is_a_query_in_a_body() {
        let body = serde_json::json!({"schemas": [urn::SEARCH_REQUEST], "attributes": ["userName", "id"], "Filter": "userName pr",
            "startIndex": 2, "count": "5", "sortBy": null, "other": true});
        let body = body.as_object().cloned().expect("an object");
        let expected = SearchRequest {
            attributes: Some("userName,id".to_owned()),
            filter: Some("userName pr".to_owned()),
            start_index: Some("2".to_owned()),
            count: Some("5".to_owned()),
            ..SearchRequest::default()
        };
        assert_eq!(SearchRequest::parse(body.clone(), Profile::Lenient, &mut Quirks::new()), Ok(expected));
        assert!(SearchRequest::parse(body, Profile::Strict, &mut Quirks::new()).is_err(), "Q-07");
        assert!(SearchRequest::parse(Map::new(), Profile::Lenient, &mut Quirks::new()).is_err(), "Q-03: no schemas");
    }
}
