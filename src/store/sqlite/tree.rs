//! Orgs as resources of those above them: who stands where, and what follows when that changes.
//!
//! `org_paths`, which triggers keep, has each org with all its ancestors. A statement that names two orgs asks there whether the
//! first stands above the second, or is it.

use rusqlite::Connection;
use uuid::Uuid;

use super::readers::{Moment, all, execute, int, one};
use super::{columns, settings, users};
use crate::base::limit::ORG_DEPTH_MAX;
use crate::base::{OrgId, Timestamp, UserId, text};
use crate::org::{Children, Contents, Uprooted};
use crate::scim::{Kind, Reference};
use crate::store::{Error, Outcome};

/// The document of the org `r`, with what others decide of it.
pub(super) fn document(r: &str) -> String {
    format!(
        "substr({r}.doc, 1, length({r}.doc) - 1) || ',\"status\":\"' \
        || iif({r}.active, 'active', iif({r}.active_own, 'suspended', 'inactive')) || '\",\"hasChildren\":' \
        || iif(exists (select 1 from orgs c where c.parent_id = {r}.id), 'true', 'false') || '}}'"
    )
}

/// The path to an org, the root first.
pub(super) fn ancestors(db: &Connection, org: Uuid) -> Result<Vec<Reference>, Error> {
    all(
        db,
        "select o.id, o.name from org_paths p join orgs o on o.id = p.ancestor_id
         where p.org_id = ?1 and p.distance > 0
         order by p.distance desc",
        &[&org],
        |row| Ok(Reference { id: row.get(0)?, kind: Kind::Organization, display: row.get(1)? }),
    )
}

/// Refuses `parent` as the parent of a new org, unless `below` stands above it and there is room. Stale where that changed while
/// it was decided.
pub(super) fn check_new(db: &Connection, below: OrgId, parent: OrgId) -> Result<(), Error> {
    let sql = "select max(distance) from org_paths where org_id = ?1";
    let levels: Option<i64> = one(db, sql, &[&parent.0], |row| row.get(0))?.flatten();
    let fits = levels.is_none_or(|levels| levels + 2 <= ORG_DEPTH_MAX as i64);
    if fits && stands_above(db, below, parent)? { Ok(()) } else { Err(Error::Stale) }
}

/// Refuses `parent` as the parent of `org`, unless `below` stands above both, and nothing stands below itself or too deep.
fn check_place(db: &Connection, below: OrgId, org: OrgId, parent: OrgId) -> Result<(), Error> {
    if !stands_above(db, below, parent)? {
        return Err(Error::InUse(format!("`parent.value`: there is no organization {parent}")));
    }
    if stands_above(db, org, parent)? {
        return Err(Error::InUse("`parent.value`: an organization cannot stand below itself".into()));
    }
    let sql = "select (select max(distance) from org_paths where org_id = ?2) + max(distance) + 2
               from org_paths where ancestor_id = ?1";
    let levels: i64 = one(db, sql, &[&org.0, &parent.0], |row| row.get(0))?.unwrap_or(0);
    if levels > ORG_DEPTH_MAX as i64 {
        return Err(Error::InUse(format!(
            "a tree of organizations has at most {ORG_DEPTH_MAX} levels, this would make {levels}"
        )));
    }
    Ok(())
}

/// What there is in the org and below it.
pub(super) fn contents(db: &Connection, below: OrgId, org: OrgId) -> Result<Contents, Error> {
    let _moment = Moment::of(db)?;
    check(db, below, org, None)?;
    let contents = one(
        db,
        "select count(*) - 1, sum(o.user_count), sum(o.group_count), sum(o.invitation_count),
           sum((select count(*) from users u
             where u.source_org_id = o.parent_id and u.source_id is not null and u.org_id = o.id)),
           sum((select count(*) from clients c where c.org_id = o.id)
             + (select count(*) from guest_clients c where c.org_id = o.id)),
           sum((select count(*) from tokens t where t.org_id = o.id)),
           sum((select count(*) from resources r where r.org_id = o.id))
         from org_paths p join orgs o on o.id = p.org_id
         where p.ancestor_id = ?1",
        &[&org.0],
        |row| {
            let count = |at: usize| row.get::<_, i64>(at).map(i64::unsigned_abs);
            Ok(Contents {
                organizations: count(0)?,
                users: count(1)? - count(4)?,
                guests: count(4)?,
                groups: count(2)?,
                invitations: count(3)?,
                clients: count(5)?,
                tokens: count(6)?,
                resources: count(7)?,
            })
        },
    )?;
    contents.ok_or(Error::NotFound)
}

/// What would end if the org got this parent; refused as the move would be.
pub(super) fn uprooted(
    db: &Connection,
    (below, org): (OrgId, OrgId),
    parent: OrgId,
    now: Timestamp,
) -> Result<Uprooted, Error> {
    let _moment = Moment::of(db)?;
    check(db, below, org, None)?;
    check_place(db, below, org, parent)?;
    let guests: i64 = one(
        db,
        "with recursive gone (org_id, id) as (
           select u.org_id, u.id from orgs o
             join users u on u.source_org_id = o.parent_id and u.source_id is not null and u.org_id = o.id
           where o.id = ?1
           union all
           select u.org_id, u.id from gone join users u on u.source_org_id = gone.org_id and u.source_id = gone.id
         )
         select count(*) from gone",
        &[&org.0],
        |row| row.get(0),
    )?
    .unwrap_or(0);
    let sql = "select count(*) from invitations where org_id = ?1 and status = 'pending' and expires_at > ?2";
    let invitations: i64 = one(db, sql, &[&org.0, &now.0], |row| row.get(0))?.unwrap_or(0);
    let sql = "select count(*) from guest_clients where org_id = ?1";
    let clients: i64 = one(db, sql, &[&org.0], |row| row.get(0))?.unwrap_or(0);
    let [guests, invitations, clients] = [guests, invitations, clients].map(i64::unsigned_abs);
    Ok(Uprooted { guests, invitations, clients })
}

/// Writes the new document of `org`, its new place, and what follows for those below it.
pub(super) fn change(
    db: &Connection,
    (below, org): (OrgId, OrgId),
    expected: u64,
    doc: Option<&str>,
    parent: Option<OrgId>,
    at: Timestamp,
) -> Result<Outcome, Error> {
    check(db, below, org, Some(expected))?;
    let mut has_switched = false;
    if let Some(doc) = doc {
        let attributes = columns::object(doc)?;
        let name = columns::text(attributes.get("name")).unwrap_or_default();
        let active = attributes.get("active") != Some(&false.into());
        execute(
            db,
            "update orgs set name = ?2, name_key = ?3, doc = ?4 where id = ?1",
            &[&org.0, &name, &text::fold(&name), &doc],
        )?;
        let switched = "update orgs set active_own = ?2 where id = ?1 and active_own <> ?2";
        has_switched = execute(db, switched, &[&org.0, &active])? > 0;
    }
    if let Some(parent) = parent {
        shift(db, below, org, parent, at)?;
    }
    execute(db, "update orgs set version = version + 1, last_modified = ?2 where id = ?1", &[&org.0, &at.0])?;
    if has_switched || parent.is_some() {
        // The whole subtree, since who is active there follows from who is above it.
        execute(
            db,
            "update orgs set active = is_active
             from (
               select p.org_id as id, min(a.active_own) as is_active
               from org_paths p join org_paths q on q.org_id = p.org_id join orgs a on a.id = q.ancestor_id
               where p.ancestor_id = ?1
               group by p.org_id
             ) now
             where orgs.id = now.id and active <> is_active",
            &[&org.0],
        )?;
    }
    Ok(Outcome::Written { version: expected + 1, last_modified: at })
}

/// Puts `org` under another parent. Its guests and invitations are of users of the old one, so they end, and what waits to be
/// restored of them with them.
fn shift(db: &Connection, below: OrgId, org: OrgId, parent: OrgId, at: Timestamp) -> Result<(), Error> {
    check_place(db, below, org, parent)?;
    let guests: Vec<Uuid> =
        all(db, "select id from users where org_id = ?1 and source_id is not null", &[&org.0], |row| row.get(0))?;
    for guest in guests {
        users::delete(db, org, UserId(guest), None, at)?;
    }
    execute(db, "delete from invitations where org_id = ?1", &[&org.0])?;
    execute(db, "delete from tombstones where org_id = ?1 and source_id is not null", &[&org.0])?;
    let orphans = "delete from tombstones as t
         where t.source_id is not null and t.org_id in (select org_id from org_paths where ancestor_id = ?1)
           and not exists (select 1 from users s where s.org_id = t.source_org_id and s.id = t.source_id)
           and not exists (select 1 from tombstones s where s.org_id = t.source_org_id and s.id = t.source_id)";
    while execute(db, orphans, &[&org.0])? > 0 {}
    execute(db, "update orgs set parent_id = ?2 where id = ?1", &[&org.0, &parent.0])?;
    settings::settle(db, org)
}

/// Removes `org` and all that belongs to it, whatever the table.
pub(super) fn delete(
    db: &Connection,
    (below, org): (OrgId, OrgId),
    expected: Option<u64>,
    children: Children,
) -> Result<Outcome, Error> {
    check(db, below, org, expected)?;
    // The lowest first: their guests stand for users of those above them.
    let subtree: Vec<Uuid> =
        all(db, "select org_id from org_paths where ancestor_id = ?1 order by distance desc", &[&org.0], |row| row.get(0))?;
    let others = subtree.len() - 1;
    if others > 0 && children == Children::Block {
        return Err(Error::InUse(format!(
            "organizations below it: {others}; delete them first, or all at once with `recursive=true`"
        )));
    }
    for id in subtree {
        execute(db, "delete from orgs where id = ?1", &[&id])?;
    }
    Ok(Outcome::Done)
}

fn check(db: &Connection, below: OrgId, org: OrgId, expected: Option<u64>) -> Result<(), Error> {
    let sql = "select o.version from org_paths p join orgs o on o.id = p.org_id where p.ancestor_id = ?1 and p.org_id = ?2";
    let version: i64 = one(db, sql, &[&below.0, &org.0], |row| row.get(0))?.ok_or(Error::NotFound)?;
    if expected.is_some_and(|expected| int(expected) != version) { Err(Error::Stale) } else { Ok(()) }
}

/// Whether `upper` stands above `lower`, or is it.
fn stands_above(db: &Connection, upper: OrgId, lower: OrgId) -> Result<bool, Error> {
    let sql = "select 1 from org_paths where ancestor_id = ?1 and org_id = ?2";
    Ok(one(db, sql, &[&upper.0, &lower.0], |_| Ok(()))?.is_some())
}
