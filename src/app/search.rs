//! A search over all types of resources that the caller may read (RFC 7644 §3.4.2.1).

use std::cmp::Ordering;

use super::{App, Error};
use crate::auth::{self, Principal, Scope};
use crate::base::limit::SORTED_SEARCH_MAX;
use crate::scim::filter::Attr;
use crate::scim::list::{Position, Query, SortKey, SortOrder, Start};
use crate::scim::{self, Kind, Record, ScimType};
use crate::store::{self, References};

/// Which types a caller may read.
pub fn may_read(who: &Principal, kind: Kind) -> Result<(), auth::Error> {
    who.require(match kind {
        Kind::User => Scope::UsersRead,
        Kind::Group => Scope::GroupsRead,
        Kind::Invitation => Scope::InvitationsRead,
        Kind::Organization => Scope::OrganizationsRead,
        Kind::Custom(_) => Scope::ResourcesRead,
    })
}

/// A resource found, and the index of its query.
pub type Found = (usize, Record);

impl App {
    /// A page over several types from `start` on, how many match in all, and where the next page starts, if there is one. The
    /// queries have filters and order of their own, and the number of results in common. Without an order, the types follow each
    /// other as the queries do, and the key of a place is the index of its query.
    pub async fn resources_search(
        &self,
        who: &Principal,
        queries: &[(Kind, Query)],
        start: &Start,
    ) -> Result<(usize, Vec<Found>, Option<Start>), Error> {
        for (kind, _) in queries {
            may_read(who, *kind)?;
        }
        match queries.iter().find_map(|(_, query)| query.sort.as_ref()) {
            Some((_, order)) => self.search_sorted(who, queries, start, *order).await,
            None => self.search_in_turn(who, queries, start).await,
        }
    }

    async fn search_in_turn(
        &self,
        who: &Principal,
        queries: &[(Kind, Query)],
        start: &Start,
    ) -> Result<(usize, Vec<Found>, Option<Start>), Error> {
        let (mut total, mut found, mut has_more) = (0, Vec::new(), false);
        for (at, (kind, query)) in queries.iter().enumerate() {
            let count = query.count - found.len();
            let (start, count) = match start {
                Start::After(place) => match place.key.as_ref().map(|key| key.partial_cmp(&index(at))) {
                    // All of this type is before the page.
                    Some(Some(Ordering::Greater)) => (Start::default(), 0),
                    Some(Some(Ordering::Equal)) => (Start::After(Position { key: None, id: place.id }), count),
                    _ => (Start::default(), count),
                },
                start => (Start::Offset(offset(start).saturating_sub(total)), count),
            };
            let query = Query { start, count, ..query.clone() };
            let page = self.page(who, *kind, &query).await?;
            total += page.total;
            has_more |= page.has_more || found.len() == queries[at].1.count && page.total > 0;
            found.extend(page.records.into_iter().map(|record| (at, record)));
        }
        let next = found.last().filter(|_| has_more);
        let next = next.map(|(at, record)| Start::After(Position { key: Some(index(*at)), id: record.id }));
        Ok((total, found, next))
    }

    /// By index, each type is read up to the end of the page, and what comes before it is thrown away.
    async fn search_sorted(
        &self,
        who: &Principal,
        queries: &[(Kind, Query)],
        start: &Start,
        order: SortOrder,
    ) -> Result<(usize, Vec<Found>, Option<Start>), Error> {
        let count = queries.first().map_or(0, |(_, query)| query.count);
        let passed = offset(start);
        let end = if count == 0 { 0 } else { passed.saturating_add(count) };
        if end > SORTED_SEARCH_MAX {
            let detail = format!(
                "a sorted search over several types ends after {SORTED_SEARCH_MAX} results, expected a filter or `cursor`"
            );
            return Err(scim::Error::bad(ScimType::TooMany, detail).into());
        }
        let (mut total, mut rows, mut has_more) = (0, Vec::new(), false);
        for (at, (kind, query)) in queries.iter().enumerate() {
            let has_attribute = query.sort.is_some();
            let (start, count) = match start {
                Start::After(place) if has_attribute => (Start::After(place.clone()), end),
                // A type that lacks the attribute comes in the order of its ids, where others have no value.
                Start::After(Position { key: None, id }) => {
                    (Start::After(Position { key: Some(SortKey::Bytes(id.as_bytes().to_vec())), id: *id }), end)
                }
                Start::After(_) => (Start::default(), if order == SortOrder::Ascending { end } else { 0 }),
                Start::Offset(_) | Start::Before(_) => (Start::default(), end),
            };
            let sort = query.sort.clone().unwrap_or((by_id(), order));
            let each = Query { sort: Some(sort), start, count, references: false, ..query.clone() };
            let page = self.page(who, *kind, &each).await?;
            total += page.total;
            has_more |= page.has_more;
            let keys = page.keys.into_iter().map(|key| key.filter(|_| has_attribute));
            rows.extend(keys.zip(page.records).map(|(key, record)| (key, at, record)));
        }
        rows.sort_by(|(one, _, first), (other, _, second)| {
            let ascending = compare(one.as_ref(), other.as_ref()).then(first.id.cmp(&second.id));
            if order == SortOrder::Ascending { ascending } else { ascending.reverse() }
        });
        has_more |= rows.len() > end;
        let (mut found, mut last) = (Vec::new(), None);
        for (key, at, record) in rows.into_iter().skip(passed).take(count) {
            last = Some(Position { key, id: record.id });
            let (kind, query) = &queries[at];
            let whole = match query.references {
                true => match self.load(who, *kind, record.id, References::Include).await {
                    // It went meanwhile.
                    Err(Error::Store(store::Error::NotFound)) => None,
                    found => Some(found?),
                },
                false => None,
            };
            found.push((at, whole.unwrap_or(record)));
        }
        Ok((total, found, last.filter(|_| has_more).map(Start::After)))
    }
}

fn offset(start: &Start) -> usize {
    start.index() - 1
}

/// The place of a type among all.
fn index(at: usize) -> SortKey {
    SortKey::Integer(i64::try_from(at).unwrap_or(i64::MAX))
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
