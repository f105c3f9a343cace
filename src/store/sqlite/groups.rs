//! Groups: rows and columns. Their members are rows of their own, in [`members`](super::members).

use rusqlite::Connection;
use uuid::Uuid;

use super::columns::GroupColumns;
use super::members::{self, Changed};
use super::readers::{all, execute, int, one};
use super::users::Life;
use super::{Breach, breach, columns, rights, settings, tombstones};
use crate::auth::{ScopeSet, delegation};
use crate::base::{GroupId, OrgId, Timestamp};
use crate::directory::{Change, MemberChange};
use crate::scim::{Kind, Quirk, Reference};
use crate::store::{Error, Outcome};

/// The display name of a group, if it is there.
pub(super) fn name(db: &Connection, org: OrgId, id: Uuid) -> Result<Option<String>, Error> {
    one(db, "select display_name from groups where org_id = ?1 and id = ?2", &[&org.0, &id], |row| row.get(0))
}

/// The groups that a user is a direct member of.
pub(super) fn of_user(db: &Connection, org: OrgId, user: Uuid) -> Result<Vec<Reference>, Error> {
    all(
        db,
        "select g.id, g.display_name
         from members m join groups g on g.org_id = m.org_id and g.id = m.group_id
         where m.org_id = ?1 and m.user_id = ?2
         order by m.group_id",
        &[&org.0, &user],
        |row| Ok(Reference { id: row.get(0)?, kind: Kind::Group, display: row.get(1)? }),
    )
}

/// Writes what happened to a group.
pub(super) fn write(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    match change {
        Change::GroupCreated { org, id, doc, members, at } => create(db, *org, *id, doc, members, *at),
        Change::GroupChanged { org, id, expected, doc, members, at } => {
            alter(db, *org, *id, *expected, doc.as_deref(), members, *at)
        }
        Change::GroupDeleted { org, id, expected, at } => delete(db, *org, *id, *expected, *at),
        _ => unreachable!("a change of anything else is written by its own file"),
    }
}

fn create(db: &Connection, org: OrgId, id: GroupId, doc: &str, first: &[Uuid], at: Timestamp) -> Result<Outcome, Error> {
    insert(db, org, id.0, doc, &Life::new(at))?;
    members::add(db, org, id, first)?;
    Ok(Outcome::Written { version: 1, last_modified: at })
}

/// The row of a group, without its members.
pub(super) fn insert(db: &Connection, org: OrgId, id: Uuid, doc: &str, life: &Life) -> Result<(), Error> {
    let columns = columns::group(&columns::object(doc)?);
    rights::check(db, id, given(&columns))?;
    execute(
        db,
        "insert into groups (org_id, id, display_name, display_name_key, external_id, scopes, created, last_modified, version, doc)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &[
            &org.0,
            &id,
            &columns.display_name,
            &columns.display_name_key,
            &columns.external_id,
            &columns.scopes,
            &life.created.0,
            &life.at.0,
            &life.version,
            &doc,
        ],
    )
    .map_err(|error| match breach(&error, "groups.id") {
        Some(Breach::Foreign) => Error::NotFound,
        _ => error.into(),
    })?;
    unique(db, org, id, &GroupColumns::default(), &columns)?;
    Ok(())
}

/// What the group itself gives.
fn given(columns: &GroupColumns) -> ScopeSet {
    columns.scopes.as_deref().map_or(ScopeSet::NONE, ScopeSet::known)
}

/// S-19, EN-26.
fn unique(db: &Connection, org: OrgId, id: Uuid, before: &GroupColumns, after: &GroupColumns) -> Result<(), Error> {
    let sql = "select 1 from groups where org_id = ?1 and id <> ?2 and external_id = ?3";
    let (was, is) = (before.external_id.as_deref(), after.external_id.as_deref());
    settings::unique(db, (org, id), Quirk::ExternalIdUnique, ("externalId", sql), was, is)?;
    let sql = "select 1 from groups where org_id = ?1 and id <> ?2 and display_name_key = ?3";
    let (was, is) = (Some(before.display_name_key.as_str()), Some(after.display_name_key.as_str()));
    settings::unique(db, (org, id), Quirk::GroupNameUnique, ("displayName", sql), was, is)
}

fn alter(
    db: &Connection,
    org: OrgId,
    id: GroupId,
    expected: Option<u64>,
    doc: Option<&str>,
    changes: &[MemberChange],
    at: Timestamp,
) -> Result<Outcome, Error> {
    let (version, last_modified, before): (i64, i64, String) =
        one(db, "select version, last_modified, doc from groups where org_id = ?1 and id = ?2", &[&org.0, &id.0], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .ok_or(Error::NotFound)?;
    if expected.is_some_and(|expected| int(expected) != version) {
        return Err(Error::Stale);
    }
    let doc = doc.filter(|doc| *doc != before);
    if let Some(doc) = doc {
        let (before, columns) = (columns::group(&columns::object(&before)?), columns::group(&columns::object(doc)?));
        rights::check(db, id.0, delegation::changed(given(&before), given(&columns)))?;
        unique(db, org, id.0, &before, &columns)?;
        execute(
            db,
            "update groups set display_name = ?3, display_name_key = ?4, external_id = ?5, scopes = ?6, doc = ?7
             where org_id = ?1 and id = ?2",
            &[&org.0, &id.0, &columns.display_name, &columns.display_name_key, &columns.external_id, &columns.scopes, &doc],
        )?;
    }
    let members = members::change(db, org, id, changes)?;
    // V-05: what changed nothing leaves no trace.
    if doc.is_none() && members == Changed::No {
        return Ok(Outcome::Written { version: version.unsigned_abs(), last_modified: Timestamp(last_modified) });
    }
    touch(db, org, id.0, at)?;
    Ok(Outcome::Written { version: version.unsigned_abs() + 1, last_modified: at })
}

/// Counts a change of the group.
pub(super) fn touch(db: &Connection, org: OrgId, id: Uuid, at: Timestamp) -> Result<(), Error> {
    execute(
        db,
        "update groups set version = version + 1, last_modified = ?3 where org_id = ?1 and id = ?2",
        &[&org.0, &id, &at.0],
    )?;
    Ok(())
}

fn delete(db: &Connection, org: OrgId, id: GroupId, expected: Option<u64>, at: Timestamp) -> Result<Outcome, Error> {
    let version =
        one(db, "select version from groups where org_id = ?1 and id = ?2", &[&org.0, &id.0], |row| row.get::<_, i64>(0))?
            .ok_or(Error::NotFound)?;
    if expected.is_some_and(|expected| int(expected) != version) {
        return Err(Error::Stale);
    }
    tombstones::keep_group(db, org, id.0, at)?;
    execute(
        db,
        "update groups set version = version + 1, last_modified = ?3
         where org_id = ?1 and id in (select group_id from members where org_id = ?1 and subgroup_id = ?2)",
        &[&org.0, &id.0, &at.0],
    )?;
    execute(db, "delete from groups where org_id = ?1 and id = ?2", &[&org.0, &id.0])?;
    Ok(Outcome::Done)
}
