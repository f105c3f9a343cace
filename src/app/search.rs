//! A search over all types of resources that the caller may read (RFC 7644 §3.4.2.1).

use std::cmp::Ordering;

use super::{App, Error};
use crate::auth::{self, Principal, Scope};
use crate::base::limit::SORTED_SEARCH_MAX;
use crate::scim::filter::Attr;
use crate::scim::list::{Query, SortKey, SortOrder, Start};
use crate::scim::{self, Kind, Record, ScimType};
use crate::store::References;

/// Which types a caller may read.
pub fn may_read(who: &Principal, kind: Kind) -> Result<(), auth::Error> {
    who.require(match kind {
        Kind::User => Scope::UsersRead,
        Kind::Group => Scope::GroupsRead,
        Kind::Invitation => Scope::InvitationsRead,
        Kind::Custom(_) => Scope::ResourcesRead,
    })
}

/// A resource found, and the index of its query.
pub type Found = (usize, Record);

impl App {
    /// A page over several types, and how many match in all. The queries have filters and order of their own, and the page in
    /// common. Without an order, the types follow each other as the queries do.
    pub async fn resources_search(&self, who: &Principal, queries: &[(Kind, Query)]) -> Result<(usize, Vec<Found>), Error> {
        for (kind, _) in queries {
            may_read(who, *kind)?;
        }
        match queries.iter().find_map(|(_, query)| query.sort.as_ref()) {
            Some((_, order)) => self.search_sorted(who, queries, *order).await,
            None => self.search_in_turn(who, queries).await,
        }
    }

    async fn search_in_turn(&self, who: &Principal, queries: &[(Kind, Query)]) -> Result<(usize, Vec<Found>), Error> {
        let (mut total, mut found) = (0, Vec::new());
        for (at, (kind, query)) in queries.iter().enumerate() {
            let start = Start::Offset(offset(query).saturating_sub(total));
            let query = Query { start, count: query.count - found.len(), ..query.clone() };
            let page = self.store.resources(who.org.id, *kind, &query, self.now()).await?;
            total += page.total;
            found.extend(page.records.into_iter().map(|record| (at, record)));
        }
        Ok((total, found))
    }

    /// Each type is read up to the end of the page, and what comes before it is thrown away.
    async fn search_sorted(
        &self,
        who: &Principal,
        queries: &[(Kind, Query)],
        order: SortOrder,
    ) -> Result<(usize, Vec<Found>), Error> {
        let (passed, count) = queries.first().map_or((0, 0), |(_, query)| (offset(query), query.count));
        let end = passed.saturating_add(count);
        if count > 0 && end > SORTED_SEARCH_MAX {
            let detail =
                format!("a sorted search over several types ends after {SORTED_SEARCH_MAX} results, expected a filter");
            return Err(scim::Error::bad(ScimType::TooMany, detail).into());
        }
        let (mut total, mut rows) = (0, Vec::new());
        for (at, (kind, query)) in queries.iter().enumerate() {
            // A type that lacks the attribute comes in the order of its ids.
            let sort = query.sort.clone().unwrap_or((by_id(), order));
            let (start, count) = (Start::default(), if count == 0 { 0 } else { end });
            let each = Query { sort: Some(sort), start, count, references: false, ..query.clone() };
            let page = self.store.resources(who.org.id, *kind, &each, self.now()).await?;
            total += page.total;
            let keys = page.keys.into_iter().map(|key| key.filter(|_| query.sort.is_some()));
            rows.extend(keys.zip(page.records).map(|(key, record)| (key, at, record)));
        }
        rows.sort_by(|(one, _, first), (other, _, second)| {
            let ascending = compare(one.as_ref(), other.as_ref()).then(first.id.cmp(&second.id));
            if order == SortOrder::Ascending { ascending } else { ascending.reverse() }
        });
        let mut found = Vec::new();
        for (_, at, record) in rows.into_iter().skip(passed).take(count) {
            let (kind, query) = &queries[at];
            let whole = match query.references {
                true => self.store.resource(who.org.id, *kind, record.id, References::Include, self.now()).await?,
                false => None,
            };
            found.push((at, whole.unwrap_or(record)));
        }
        Ok((total, found))
    }
}

fn offset(query: &Query) -> usize {
    query.start.index() - 1
}

fn by_id() -> Attr {
    Attr { extension: None, name: "id".into(), sub: None, multi_valued: false, case_exact: true }
}

/// O-03: what is missing comes last.
fn compare(one: Option<&SortKey>, other: Option<&SortKey>) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => one.partial_cmp(other).unwrap_or(Ordering::Equal),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}
