//! One resource, and pages of them: the statements that lists become.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use uuid::Uuid;

use super::filter::{self, Params, Purpose};
use super::readers::{Moment, one};
use super::sort::{self, Order};
use super::{groups, invitations, members, resources, tree, users};
use crate::base::{OrgId, Timestamp};
use crate::directory::ended_guest;
use crate::scim::filter::{CompareOp, Node};
use crate::scim::list::{Query, Start};
use crate::scim::{Kind, Record};
use crate::store::{Error, Page, References};

/// One resource of `org`.
pub(super) fn resource(
    db: &Connection,
    org: OrgId,
    kind: Kind,
    id: Uuid,
    references: References,
    now: Timestamp,
) -> Result<Option<Record>, Error> {
    let references = references == References::Include;
    let condition = match kind {
        // Also the org itself.
        Kind::Organization => "exists (select 1 from org_paths where ancestor_id = ?1 and org_id = r.id)",
        _ => "r.org_id = ?1",
    };
    let mut sql = format!("select {} from {} r where {condition} and r.id = ?2", columns(kind, references, "r"), table(kind));
    match kind {
        Kind::Invitation => return invitations::record(db, org, id, now),
        Kind::Custom(type_id) => {
            sql.push_str(" and r.type_id = ?3");
            return one(db, &sql, &[&org.0, &id, &type_id.0], record);
        }
        Kind::User | Kind::Group | Kind::Organization => {}
    }
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query((org.0, id))?;
    rows.next()?.map(|row| whole(db, org, kind, row, references, now)).transpose()
}

/// Whether the query is a look-up by an indexed, all but unique attribute.
pub(super) fn is_probe(kind: Kind, query: &Query) -> bool {
    let Some(filter) = &query.filter else { return false };
    let Node::Compare(attr, CompareOp::Eq, _) = &filter.nodes[filter.root] else { return false };
    match (kind, attr.name.as_str()) {
        (_, _) if attr.extension.is_some() => false,
        // The members of a large group are no probe.
        (Kind::Group, "id" | "displayName" | "externalId") => !query.references,
        (_, "id") => true,
        (Kind::User, "userName" | "externalId") => true,
        (Kind::User, "emails") => !attr.case_exact && attr.sub.as_deref().is_none_or(|sub| sub == "value"),
        _ => false,
    }
}

/// A page of resources of `org`. Its total and its records are of one moment.
pub(super) fn page(db: &Connection, org: OrgId, kind: Kind, query: &Query, now: Timestamp) -> Result<Page, Error> {
    // A statement that stands on a row holds the moment for what else is read; other pages may need two, one after the other.
    let _moment = (!matches!(query.start, Start::Offset(0..=NEAR))).then(|| Moment::of(db)).transpose()?;
    let window = Window::of(db, org, kind, query)?;
    let mut page = Page::default();
    let mut total = window.size;
    if query.count > 0 {
        'page: for (sql, params) in selects(org, kind, query, &window, now) {
            let mut statement = db.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter(&params))?;
            while let Some(row) = rows.next()? {
                if page.records.len() == query.count {
                    page.has_more = true;
                    total = Some(self::total(db, org, kind, query, now)?);
                    break 'page;
                }
                page.keys.push(sort::key(row.get_ref("key")?)?);
                match kind {
                    Kind::Invitation => page.records.extend(invitations::record(db, org, row.get(0)?, now)?),
                    _ => page.records.push(whole(db, org, kind, row, query.references, now)?),
                }
            }
        }
    }
    page.total = match (total, &query.start) {
        (Some(total), _) => total,
        (None, Start::Offset(offset)) if !page.records.is_empty() || *offset == 0 && query.count > 0 => {
            offset + page.records.len()
        }
        (None, _) => self::total(db, org, kind, query, now)?,
    };
    if window.size.is_some() {
        page.has_more = window.offset > 0;
    }
    if window.size.is_some() || matches!(query.start, Start::Before(_)) {
        page.records.reverse();
        page.keys.reverse();
    }
    Ok(page)
}

/// Rows that are passed over from either end alike.
const NEAR: usize = 100;

/// Which rows are read.
struct Window {
    limit: usize,
    /// So many are passed over, each of which costs a step.
    offset: usize,
    /// How many there are, where they are counted from the last one, which is nearer.
    size: Option<usize>,
}

impl Window {
    fn of(db: &Connection, org: OrgId, kind: Kind, query: &Query) -> Result<Window, Error> {
        // One more tells whether there are more.
        let limit = query.count + 1;
        let offset = match query.start {
            Start::Offset(offset) => offset,
            Start::After(_) | Start::Before(_) => 0,
        };
        let is_counted = matches!(kind, Kind::User | Kind::Group | Kind::Invitation) && query.filter.is_none();
        if offset > NEAR && is_counted {
            let size = size(db, org, kind)?;
            let end = offset.saturating_add(query.count).min(size);
            if offset < end && size - end < offset {
                return Ok(Window { limit: end - offset, offset: size - end, size: Some(size) });
            }
        }
        Ok(Window { limit, offset, size: None })
    }
}

/// How many match.
fn total(db: &Connection, org: OrgId, kind: Kind, query: &Query, now: Timestamp) -> Result<usize, Error> {
    if query.filter.is_none() && query.deeper == 0 {
        return size(db, org, kind);
    }
    let (sql, params) = select_count(org, kind, query, now);
    Ok(count(db.prepare_cached(&sql)?.query_row(params_from_iter(&params), |row| row.get(0))?))
}

/// The statements whose rows, one after the other, are a page and the row behind it; and what is bound to them.
///
/// The rows are found and sorted without their documents, which are read only of those found. A look-up finds too few for that.
fn selects(org: OrgId, kind: Kind, query: &Query, window: &Window, now: Timestamp) -> Vec<(String, Vec<Value>)> {
    let (table, condition, mut params) = matching(org, kind, query, now, Purpose::Find);
    let order = Order::new(query.sort.as_ref(), kind, now, &mut params, window.size.is_some());
    let [limit, offset] =
        [window.limit, window.offset].map(|n| Params(&mut params).add(Value::Integer(i64::try_from(n).unwrap_or(i64::MAX))));
    let key = order.key();
    let select = |run: sort::Run| {
        let found = format!(
            "from {table} r where {condition} and {} order by {} limit {limit} offset {offset}",
            run.condition, run.order
        );
        let sql = if is_probe(kind, query) {
            format!("select {}, {key} as key {found}", columns(kind, query.references, "r"))
        } else {
            let columns = columns(kind, query.references, "d");
            format!(
                "select {columns}, p.key from (select r.rowid as row, {key} as key {found}) p \
                cross join {table} d on d.rowid = p.row"
            )
        };
        (sql, params.iter().cloned().chain(run.params).collect())
    };
    order.runs(&query.start, params.len()).into_iter().map(select).collect()
}

/// What [`whole`] reads of the row `r`.
fn columns(kind: Kind, references: bool, r: &str) -> String {
    let columns = format!("{r}.id, {r}.version, {r}.created, {r}.last_modified, {r}.doc");
    match (kind, references) {
        (Kind::Invitation, _) => format!("{r}.id"),
        (Kind::User, true) => format!(
            "{columns}, {r}.manager_id, {r}.until, \
            exists (select 1 from members x where x.org_id = {r}.org_id and x.user_id = {r}.id)"
        ),
        (Kind::User, false) => format!("{columns}, {r}.manager_id, {r}.until, 0"),
        (Kind::Organization, _) => {
            format!("{r}.id, {r}.version, {r}.created, {r}.last_modified, {}", tree::document(r))
        }
        (Kind::Group | Kind::Custom(_), _) => columns,
    }
}

/// The statement that counts what a filter matches.
fn select_count(org: OrgId, kind: Kind, query: &Query, now: Timestamp) -> (String, Vec<Value>) {
    let (table, condition, params) = matching(org, kind, query, now, Purpose::Count);
    (format!("select count(*) from {table} r where {condition}"), params)
}

fn matching(org: OrgId, kind: Kind, query: &Query, now: Timestamp, purpose: Purpose) -> (&'static str, String, Vec<Value>) {
    let mut params = vec![Value::Blob(org.0.as_bytes().to_vec())];
    let mut condition = match (kind, query.deeper) {
        (Kind::Organization, 0) => "r.parent_id = ?1".to_owned(),
        (Kind::Organization, deeper) => format!(
            "r.id in (select org_id from org_paths where ancestor_id = ?1 and distance between 1 and {})",
            deeper.saturating_add(1)
        ),
        _ => "r.org_id = ?1".to_owned(),
    };
    if let Kind::Custom(type_id) = kind {
        params.push(Value::Blob(type_id.0.as_bytes().to_vec()));
        condition.push_str(" and r.type_id = ?2");
    }
    if let Some(filter) = &query.filter {
        condition = format!("{condition} and {}", filter::compile(filter, kind, now, purpose, &mut params));
    }
    (table(kind), condition, params)
}

fn table(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "users",
        Kind::Group => "groups",
        Kind::Invitation => "invitations",
        Kind::Organization => "orgs",
        Kind::Custom(_) => "resources",
    }
}

fn size(db: &Connection, org: OrgId, kind: Kind) -> Result<usize, Error> {
    let sql = match kind {
        Kind::User => "select user_count from orgs where id = ?1",
        Kind::Group => "select group_count from orgs where id = ?1",
        Kind::Invitation => "select invitation_count from orgs where id = ?1",
        Kind::Organization => "select count(*) from orgs where parent_id = ?1",
        Kind::Custom(type_id) => return Ok(count(resources::count(db, org, type_id)?)),
    };
    Ok(count(one(db, sql, &[&org.0], |row| row.get(0))?.unwrap_or(0)))
}

/// A record with what is derived for it: the name of a manager who is a user of the org (S-43, S-44), and with `references` the
/// groups of a user, the members of a group or the ancestors of an org. A guest whose time is over by `now` is not active (V-33).
fn whole(db: &Connection, org: OrgId, kind: Kind, row: &Row<'_>, references: bool, now: Timestamp) -> Result<Record, Error> {
    let mut record = record(row)?;
    match kind {
        Kind::User => {
            if let Some(manager) = row.get::<_, Option<String>>(5)?.and_then(|id| id.parse().ok()) {
                record.references.extend(users::name(db, org, manager)?);
            }
            if row.get::<_, Option<i64>>(6)?.is_some_and(|until| until <= now.0) {
                record.doc = ended_guest(&record.doc);
            }
            if row.get(7)? {
                record.references.extend(groups::of_user(db, org, record.id)?);
            }
        }
        Kind::Group if references => record.references = members::of_group(db, org, record.id)?,
        Kind::Organization if references => record.references = tree::ancestors(db, record.id)?,
        _ => {}
    }
    Ok(record)
}

/// From the columns id, version, created, last_modified, doc.
fn record(row: &Row<'_>) -> Result<Record, rusqlite::Error> {
    Ok(Record {
        id: row.get(0)?,
        version: row.get::<_, i64>(1)?.unsigned_abs(),
        created: Timestamp(row.get(2)?),
        last_modified: Timestamp(row.get(3)?),
        doc: row.get(4)?,
        references: Vec::new(),
    })
}

fn count(rows: i64) -> usize {
    usize::try_from(rows).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::open::{self, Role};
    use super::*;
    use crate::scim::list::{self, ListParams, Position, SortKey};
    use crate::scim::{Profile, Schemas};

    fn database() -> Connection {
        let mut db = Connection::open_in_memory().expect("memory");
        open::prepare(&db, Role::Write).expect("settings");
        open::migrate(&mut db).expect("the schema");
        db
    }

    fn plan(db: &Connection, kind: Kind, params: ListParams<'_>, start: Start) -> String {
        let resource_type = Schemas::core().types().iter().find(|each| each.kind == kind).expect("a type of each kind");
        let query = Query { start, ..list::parse(&params, resource_type, Profile::Lenient).expect("a query") };
        let window = Window { limit: 2, offset: 0, size: None };
        let plans = selects(OrgId(Uuid::nil()), kind, &query, &window, Timestamp(0))
            .into_iter()
            .map(|statement| explain(db, statement));
        plans.collect::<Vec<_>>().join("\n---\n")
    }

    fn explain(db: &Connection, (sql, params): (String, Vec<Value>)) -> String {
        let mut statement = db.prepare(&format!("explain query plan {sql}")).expect("a statement");
        let rows = statement.query_map(params_from_iter(&params), |row| row.get::<_, String>(3)).expect("a plan");
        rows.collect::<Result<Vec<_>, _>>().expect("rows").join("\n")
    }

    #[test]
    fn a_search_inside_names_is_counted_without_documents() {
        let db = database();
        for name in ["userName", "displayName", "name.familyName", "name.givenName", "emails.value"] {
            for op in ["co", "sw", "ew"] {
                let filter = format!("{name} {op} \"x\"");
                let params = ListParams { filter: Some(&filter), ..ListParams::default() };
                let query = list::parse(&params, Schemas::core().user(), Profile::Lenient).expect("a query");
                let plan = explain(&db, select_count(OrgId(Uuid::nil()), Kind::User, &query, Timestamp(0)));
                let mut rows = plan.lines().filter(|line| line.contains(" r ") || line.contains(" user_emails "));
                assert!(
                    rows.all(|line| line.contains("COVERING") || line.contains("PRIMARY KEY (org_id=?")),
                    "{filter}:\n{plan}"
                );
            }
        }
    }

    #[test]
    fn what_identity_providers_look_up_is_found_on_an_index() {
        // F-26.
        let db = database();
        for (kind, filter, index) in [
            (Kind::User, r#"id eq "x""#, "r USING INDEX sqlite_autoindex_users_1 (org_id=? AND id=?)"),
            (Kind::User, r#"userName eq "x""#, "r USING INDEX sqlite_autoindex_users_2 (org_id=? AND user_name_key=?)"),
            (Kind::User, r#"userName sw "x""#, "sqlite_autoindex_users_2 (org_id=? AND user_name_key>? AND user_name_key<?)"),
            (Kind::User, r#"externalId eq "x""#, "users_by_external_id (org_id=? AND external_id=?)"),
            (Kind::User, r#"displayName eq "x""#, "users_by_display_name (org_id=? AND display_name_key=?)"),
            (Kind::User, r#"name.familyName sw "x""#, "users_by_name (org_id=? AND family_name_key>?"),
            (Kind::User, r#"emails.value eq "x""#, "user_emails USING PRIMARY KEY (org_id=? AND key=?)"),
            (Kind::User, r#"emails[type eq "work"].value eq "x""#, "user_emails USING PRIMARY KEY (org_id=? AND key=?)"),
            (Kind::User, r#"manager eq "x""#, "users_by_manager (org_id=? AND manager_id=?)"),
            (Kind::User, r#"groups.value eq "x""#, "members USING COVERING INDEX members_of_group (org_id=? AND group_id=?"),
            (
                Kind::User,
                r#"meta.lastModified gt "2026-01-01T00:00:00Z""#,
                "users_by_last_modified (org_id=? AND last_modified>?)",
            ),
            (Kind::User, r#"emails.value sw "x""#, "user_emails USING PRIMARY KEY (org_id=? AND key>? AND key<?)"),
            // What no order finds is searched for in an index that holds it, never in the documents.
            (Kind::User, r#"userName co "x""#, "x USING COVERING INDEX sqlite_autoindex_users_2 (org_id=?)"),
            (Kind::User, r#"displayName co "x""#, "x USING COVERING INDEX users_by_display_name (org_id=?)"),
            (Kind::User, r#"name.familyName ew "x""#, "x USING COVERING INDEX users_by_name (org_id=?)"),
            (Kind::User, r#"name.givenName co "x""#, "x USING COVERING INDEX users_by_name (org_id=?)"),
            (Kind::User, r#"name.givenName sw "x""#, "x USING COVERING INDEX users_by_name (org_id=?)"),
            (Kind::User, r#"emails co "x""#, "user_emails USING COVERING INDEX user_emails_by_user (org_id=?)"),
            (Kind::User, r#"userName co "x" or displayName co "x" or emails co "x""#, "MULTI-INDEX OR"),
            (Kind::Group, r#"displayName co "x""#, "x USING COVERING INDEX groups_by_display_name (org_id=?)"),
            (Kind::Group, r#"displayName eq "x""#, "groups_by_display_name (org_id=? AND display_name_key=?)"),
            (Kind::Group, r#"externalId eq "x""#, "groups_by_external_id (org_id=? AND external_id=?)"),
            (Kind::Group, r#"members.value eq "x""#, "members_by_user (org_id=? AND user_id=?)"),
            (Kind::Group, r#"members eq "x""#, "members_by_subgroup (org_id=? AND subgroup_id=?)"),
            (Kind::Group, r#"id eq "x" and members eq "x""#, "sqlite_autoindex_groups_1 (org_id=? AND id=?)"),
            (Kind::Organization, r#"name eq "x""#, "orgs_by_name (parent_id=? AND name_key=?)"),
            (Kind::Organization, r#"handle eq "x""#, "orgs_by_parent (parent_id=?)"),
            (Kind::Organization, r#"ancestors.value eq "x""#, "org_paths USING PRIMARY KEY (ancestor_id=?)"),
            (Kind::Invitation, r#"userName eq "x""#, "invitations_by_user_name (org_id=? AND user_name_key=?)"),
            (Kind::Invitation, r#"groups.value eq "x""#, "invitation_groups USING COVERING INDEX"),
        ] {
            let plan = plan(&db, kind, ListParams { filter: Some(filter), ..ListParams::default() }, Start::default());
            assert!(plan.contains(index), "{filter} wants {index}, got\n{plan}");
            assert!(!plan.contains("SCAN r"), "{plan}");
        }
    }

    #[test]
    fn a_page_in_an_indexed_order_begins_where_it_should_and_sorts_nothing() {
        let db = database();
        let [text, at] = [SortKey::Text("x".into()), SortKey::Integer(5)];
        for (sort_by, key, from) in [
            (None, None, "sqlite_autoindex_users_1 (org_id=? AND id"),
            (Some("displayName"), Some(&text), "users_by_display_name (org_id=? AND (display_name_key,id)"),
            (Some("displayName"), None, "users_by_display_name (org_id=? AND display_name_key=? AND id"),
            (Some("name.familyName"), Some(&text), "users_by_name (org_id=? AND (family_name_key,id)"),
            (Some("meta.lastModified"), Some(&at), "users_by_last_modified (org_id=? AND (last_modified,id)"),
        ] {
            let position = Position { key: key.cloned(), id: Uuid::nil() };
            let places = [Start::After(position.clone()), Start::Before(position)].map(|start| (start, from));
            for (start, wanted) in [(Start::default(), "(org_id=?")].into_iter().chain(places) {
                for sort_order in ["ascending", "descending"] {
                    let params = ListParams { sort_by, sort_order: Some(sort_order), ..ListParams::default() };
                    let plan = plan(&db, Kind::User, params, start.clone());
                    assert!(plan.contains(wanted), "{sort_by:?} wants {wanted}, got\n{plan}");
                    assert!(!plan.contains("TEMP B-TREE"), "{plan}");
                    // G-09: what is passed over is passed over in an index, documents are read of the page alone.
                    assert!(plan.contains("r USING COVERING INDEX") && !plan.contains("SCAN d"), "{plan}");
                }
            }
        }
    }
}
