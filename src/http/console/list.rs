//! Lists: the pages and the search of every section.

use serde::Serialize;
use serde_json::{Map, Value};

use super::visit::Visit;
use crate::http::error::Rejection;
use crate::http::scim::query;
use crate::scim::list::SearchRequest;
use crate::scim::{ResourceType, filter};

/// Rows of a page.
const ROWS: usize = 25;

/// A page of a list, as templates show it.
#[derive(Default, Serialize)]
pub(super) struct List {
    pub(super) total: u64,
    pub(super) items: Vec<Value>,
    /// Cursors.
    pub(super) next: Option<String>,
    pub(super) previous: Option<String>,
}

impl List {
    /// The same with other rows.
    pub(super) fn map(self, row: impl Fn(&Value) -> Value) -> List {
        List { items: self.items.iter().map(row).collect(), ..self }
    }
}

/// What somebody looks for: words, or for experts a filter.
#[derive(Serialize)]
pub(super) struct Search {
    /// As it was typed.
    q: String,
    /// Whether it was read as a filter.
    is_filter: bool,
    /// Where the list goes on: ready for a cursor.
    here: String,
    #[serde(skip)]
    pub(super) filter: Option<String>,
    /// Whether that can be a part of another filter.
    #[serde(skip)]
    is_whole: bool,
}

impl Search {
    /// What the address asks for. What reads as a filter is one; anything else is looked for in `attributes`.
    pub(super) fn of(visit: &Visit, resource_type: &ResourceType, attributes: &[&str]) -> Search {
        let q = visit.query.get("q");
        let parses = filter::parse(q, resource_type, visit.caller.profile()).is_ok();
        // With quotes, a slip in a filter is told rather than looked for.
        let is_filter = q.contains('"') || parses;
        let filter = match q {
            "" => None,
            filter if is_filter => Some(filter.to_owned()),
            words => {
                let words = Value::from(words).to_string();
                let each = attributes.iter().map(|attribute| format!("{attribute} co {words}"));
                Some(each.collect::<Vec<_>>().join(" or "))
            }
        };
        let here = visit.query.kept(&visit.here(), &["q"]);
        Search { q: q.to_owned(), is_filter: is_filter && !q.is_empty(), here, filter, is_whole: parses || !is_filter }
    }

    /// The same among those that `condition` finds, on the page at `path` of the console.
    pub(super) fn within(self, visit: &Visit, path: &str, condition: &str) -> Search {
        let filter = match self.filter {
            Some(filter) if self.is_whole => format!("{condition} and ({filter})"),
            Some(slip) => slip,
            None => condition.to_owned(),
        };
        Search { here: visit.query.kept(&format!("{}{path}", visit.home), &["q"]), filter: Some(filter), ..self }
    }
}

impl Visit {
    /// A page of the resources that `filter` finds, as SCIM's own lists find them, by the cursor of the address. `-` before
    /// `sort_by` turns the order round.
    pub(super) async fn list(
        &self,
        resource_type: &ResourceType,
        filter: Option<String>,
        sort_by: &str,
        attributes: &str,
    ) -> Result<List, Rejection> {
        self.page(resource_type, filter, (sort_by, attributes), self.query.get("cursor")).await
    }

    /// The first of them, wherever the list of the page is.
    pub(super) async fn first(
        &self,
        resource_type: &ResourceType,
        filter: Option<String>,
        sort_by: &str,
        attributes: &str,
    ) -> Result<List, Rejection> {
        self.page(resource_type, filter, (sort_by, attributes), "").await
    }

    async fn page(
        &self,
        resource_type: &ResourceType,
        filter: Option<String>,
        (sort_by, attributes): (&str, &str),
        cursor: &str,
    ) -> Result<List, Rejection> {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let request = SearchRequest {
            filter,
            sort_by: some(sort_by.trim_start_matches('-')),
            sort_order: Some("descending".to_owned()).filter(|_| sort_by.starts_with('-')),
            count: Some(ROWS.to_string()),
            cursor: Some(cursor.to_owned()),
            attributes: some(attributes),
            ..SearchRequest::default()
        };
        self.found(resource_type, &request).await
    }

    /// What `request` finds.
    pub(super) async fn found(&self, resource_type: &ResourceType, request: &SearchRequest) -> Result<List, Rejection> {
        let body = query::list(resource_type, &self.caller, request).await?;
        let mut body: Map<String, Value> = serde_json::from_slice(&body).map_err(Rejection::failure)?;
        let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
        Ok(List {
            total: body.get("totalResults").and_then(Value::as_u64).unwrap_or_default(),
            next: text(body.remove("nextCursor")),
            previous: text(body.remove("previousCursor")),
            items: match body.remove("Resources") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            },
        })
    }

    /// How many resources `filter` finds.
    pub(super) async fn count(&self, resource_type: &ResourceType, filter: Option<&str>) -> Result<u64, Rejection> {
        let request =
            SearchRequest { filter: filter.map(str::to_owned), count: Some("0".to_owned()), ..SearchRequest::default() };
        Ok(self.found(resource_type, &request).await?.total)
    }
}
