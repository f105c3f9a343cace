//! One resource, and pages of them: the statements that lists become.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use uuid::Uuid;

use super::readers::{Moment, one};
use super::{filter, groups, invitations, members, sort};
use crate::base::{OrgId, Timestamp};
use crate::scim::filter::{CompareOp, Node};
use crate::scim::list::Query;
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
    let sql = match kind {
        Kind::User => "select id, version, created, last_modified, doc from users where org_id = ?1 and id = ?2",
        Kind::Group => "select id, version, created, last_modified, doc from groups where org_id = ?1 and id = ?2",
        Kind::Invitation => return invitations::record(db, org, id, now),
    };
    let _moment = Moment::of(db)?;
    let Some(mut record) = one(db, sql, &[&org.0, &id], record)? else { return Ok(None) };
    if references == References::Include {
        add_references(db, org, kind, &mut record)?;
    }
    Ok(Some(record))
}

/// Whether the query is a look-up by an indexed, all but unique attribute.
pub(super) fn is_probe(kind: Kind, query: &Query) -> bool {
    let Some(filter) = &query.filter else { return false };
    let Node::Compare(attr, CompareOp::Eq, _) = &filter.nodes[filter.root] else { return false };
    match (kind, attr.name.as_str()) {
        (_, _) if attr.extension.is_some() => false,
        (_, "id") => true,
        (Kind::User, "userName" | "externalId") => true,
        (Kind::User, "emails") => !attr.case_exact && attr.sub.as_deref().is_none_or(|sub| sub == "value"),
        (Kind::Group, "displayName" | "externalId") => !query.references,
        _ => false,
    }
}

/// A page of resources of `org`. Its total and its records are of one moment.
pub(super) fn page(db: &Connection, org: OrgId, kind: Kind, query: &Query, now: Timestamp) -> Result<Page, Error> {
    let _moment = Moment::of(db)?;
    let mut records = Vec::new();
    if query.count > 0 {
        let (sql, params) = select(org, kind, query, now);
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(&params))?;
        while let Some(row) = rows.next()? {
            match kind {
                Kind::Invitation => records.extend(invitations::record(db, org, row.get(0)?, now)?),
                _ => records.push(record(row)?),
            }
        }
    }
    let is_whole = query.offset == 0 && records.len() < query.count;
    let total = match &query.filter {
        _ if is_whole => records.len(),
        None => size(db, org, kind)?,
        Some(_) => {
            let (sql, params) = select_count(org, kind, query, now);
            count(db.prepare_cached(&sql)?.query_row(params_from_iter(&params), |row| row.get(0))?)
        }
    };
    if query.references {
        for record in &mut records {
            add_references(db, org, kind, record)?;
        }
    }
    Ok(Page { total, records })
}

/// The statement of a page, and what is bound to it.
fn select(org: OrgId, kind: Kind, query: &Query, now: Timestamp) -> (String, Vec<Value>) {
    let (table, condition, mut params) = matching(org, kind, query, now);
    let order = sort::order_by(query.sort.as_ref(), kind, now, &mut params);
    params.extend([query.count, query.offset].map(|n| Value::Integer(i64::try_from(n).unwrap_or(i64::MAX))));
    let (limit, offset) = (params.len() - 1, params.len());
    let columns = match kind {
        Kind::Invitation => "r.id",
        _ => "r.id, r.version, r.created, r.last_modified, r.doc",
    };
    let sql = format!("select {columns} from {table} r where {condition} order by {order} limit ?{limit} offset ?{offset}");
    (sql, params)
}

/// The statement that counts what a filter matches.
fn select_count(org: OrgId, kind: Kind, query: &Query, now: Timestamp) -> (String, Vec<Value>) {
    let (table, condition, params) = matching(org, kind, query, now);
    (format!("select count(*) from {table} r where {condition}"), params)
}

fn matching(org: OrgId, kind: Kind, query: &Query, now: Timestamp) -> (&'static str, String, Vec<Value>) {
    let table = match kind {
        Kind::User => "users",
        Kind::Group => "groups",
        Kind::Invitation => "invitations",
    };
    let mut params = vec![Value::Blob(org.0.as_bytes().to_vec())];
    let condition = match &query.filter {
        Some(filter) => format!("r.org_id = ?1 and {}", filter::compile(filter, kind, now, &mut params)),
        None => "r.org_id = ?1".into(),
    };
    (table, condition, params)
}

fn size(db: &Connection, org: OrgId, kind: Kind) -> Result<usize, Error> {
    let sql = match kind {
        Kind::User => "select user_count from orgs where id = ?1",
        Kind::Group => "select group_count from orgs where id = ?1",
        Kind::Invitation => "select invitation_count from orgs where id = ?1",
    };
    Ok(count(one(db, sql, &[&org.0], |row| row.get(0))?.unwrap_or(0)))
}

fn add_references(db: &Connection, org: OrgId, kind: Kind, record: &mut Record) -> Result<(), Error> {
    record.references = match kind {
        Kind::User => groups::of_user(db, org, record.id)?,
        Kind::Group => members::of_group(db, org, record.id)?,
        Kind::Invitation => return Ok(()),
    };
    Ok(())
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
    use crate::scim::filter::{Attr, Filter, Literal};
    use crate::scim::list::SortOrder;

    fn attr(name: &str, sub: Option<&str>) -> Attr {
        Attr {
            extension: (name == "manager").then(|| crate::scim::urn::ENTERPRISE_USER.into()),
            name: name.into(),
            sub: sub.map(Into::into),
            multi_valued: ["emails", "members", "groups"].contains(&name),
            case_exact: ["id", "externalId", "members", "groups", "manager"].contains(&name),
        }
    }

    fn plan(db: &Connection, kind: Kind, query: &Query) -> String {
        let (sql, params) = select(OrgId(Uuid::nil()), kind, query, Timestamp(0));
        let mut statement = db.prepare(&format!("explain query plan {sql}")).expect("a statement");
        let rows = statement.query_map(params_from_iter(&params), |row| row.get::<_, String>(3)).expect("a plan");
        rows.collect::<Result<Vec<_>, _>>().expect("rows").join("\n")
    }

    #[test]
    fn what_identity_providers_look_up_is_found_on_an_index() {
        let mut db = Connection::open_in_memory().expect("memory");
        open::prepare(&db, Role::Write).expect("settings");
        open::migrate(&mut db).expect("the schema");
        let text = || Literal::Text("x".into());
        let at = || Literal::Instant(Timestamp(5));
        for (kind, name, sub, op, value, index) in [
            (Kind::User, "id", None, CompareOp::Eq, text(), "r USING INDEX sqlite_autoindex_users_1 (org_id=? AND id=?)"),
            (
                Kind::User,
                "userName",
                None,
                CompareOp::Eq,
                text(),
                "r USING INDEX sqlite_autoindex_users_2 (org_id=? AND user_name_key=?)",
            ),
            (
                Kind::User,
                "userName",
                None,
                CompareOp::Sw,
                text(),
                "sqlite_autoindex_users_2 (org_id=? AND user_name_key>? AND user_name_key<?)",
            ),
            (
                Kind::User,
                "externalId",
                None,
                CompareOp::Eq,
                text(),
                "r USING INDEX users_by_external_id (org_id=? AND external_id=?)",
            ),
            (
                Kind::User,
                "displayName",
                None,
                CompareOp::Eq,
                text(),
                "r USING INDEX users_by_display_name (org_id=? AND display_name_key=?)",
            ),
            (
                Kind::User,
                "name",
                Some("familyName"),
                CompareOp::Sw,
                text(),
                "users_by_family_name (org_id=? AND family_name_key>?",
            ),
            (Kind::User, "emails", Some("value"), CompareOp::Eq, text(), "user_emails USING PRIMARY KEY (org_id=? AND key=?)"),
            (Kind::User, "manager", Some("value"), CompareOp::Eq, text(), "users_by_manager (org_id=? AND manager_id=?)"),
            (
                Kind::User,
                "groups",
                Some("value"),
                CompareOp::Eq,
                text(),
                "members USING COVERING INDEX members_of_group (org_id=? AND group_id=?",
            ),
            (
                Kind::User,
                "meta",
                Some("lastModified"),
                CompareOp::Gt,
                at(),
                "users_by_last_modified (org_id=? AND last_modified>?)",
            ),
            (Kind::User, "displayName", None, CompareOp::Co, text(), "x USING COVERING INDEX users_by_display_name (org_id=?)"),
            (
                Kind::Group,
                "displayName",
                None,
                CompareOp::Eq,
                text(),
                "groups_by_display_name (org_id=? AND display_name_key=?)",
            ),
            (Kind::Group, "externalId", None, CompareOp::Eq, text(), "groups_by_external_id (org_id=? AND external_id=?)"),
            (Kind::Group, "members", Some("value"), CompareOp::Eq, text(), "members_by_user (org_id=? AND user_id=?)"),
            (Kind::Group, "members", Some("value"), CompareOp::Eq, text(), "members_by_subgroup (org_id=? AND subgroup_id=?)"),
            (
                Kind::Invitation,
                "userName",
                None,
                CompareOp::Eq,
                text(),
                "invitations_by_user_name (org_id=? AND user_name_key=?)",
            ),
            (Kind::Invitation, "groups", Some("value"), CompareOp::Eq, text(), "invitation_groups USING COVERING INDEX"),
        ] {
            let node = Node::Compare(attr(name, sub), op, value);
            let query = Query { filter: Some(Filter { nodes: vec![node], root: 0 }), count: 100, ..Query::default() };
            let plan = plan(&db, kind, &query);
            assert!(plan.contains(index), "{name} wants {index}, got\n{plan}");
            assert!(!plan.contains("SCAN r"), "{plan}");
        }
    }

    #[test]
    fn a_page_in_an_indexed_order_sorts_nothing() {
        let mut db = Connection::open_in_memory().expect("memory");
        open::prepare(&db, Role::Write).expect("settings");
        open::migrate(&mut db).expect("the schema");
        for sort in [
            None,
            Some((attr("displayName", None), SortOrder::Ascending)),
            Some((attr("userName", None), SortOrder::Ascending)),
            Some((attr("meta", Some("lastModified")), SortOrder::Ascending)),
        ] {
            let query = Query { sort, count: 100, ..Query::default() };
            let plan = plan(&db, Kind::User, &query);
            assert!(!plan.contains("TEMP B-TREE FOR ORDER BY"), "{plan}");
        }
    }
}
