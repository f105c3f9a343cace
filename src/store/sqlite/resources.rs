//! Resources of types that somebody added, and the unique values of resources of any type.

use rusqlite::Connection;
use uuid::Uuid;

use super::readers::{execute, int, one};
use super::{Breach, breach, columns};
use crate::base::{OrgId, TypeId};
use crate::directory::Change;
use crate::scim::schema::Claim;
use crate::store::{Error, Outcome};

/// Writes what happened to such a resource.
pub(super) fn write(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    match change {
        Change::ResourceCreated { org, type_id, type_name, id, doc, at } => {
            let external_id = columns::text(columns::object(doc)?.get("externalId"));
            execute(
                db,
                "insert into resources (org_id, type_id, id, type_name, external_id, created, last_modified, version, doc)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1, ?7)",
                &[&org.0, &type_id.0, id, type_name, &external_id, &at.0, doc],
            )
            .map_err(|error| match breach(&error, "resources.id") {
                Some(Breach::Foreign) => Error::NotFound,
                _ => error.into(),
            })?;
            Ok(Outcome::Written { version: 1, last_modified: *at })
        }
        Change::ResourceReplaced { org, type_id, id, expected, doc, at } => {
            check(db, *org, *type_id, *id, Some(*expected))?;
            let external_id = columns::text(columns::object(doc)?.get("externalId"));
            execute(
                db,
                "update resources set external_id = ?4, doc = ?5, last_modified = ?6, version = version + 1
                 where org_id = ?1 and type_id = ?2 and id = ?3",
                &[&org.0, &type_id.0, id, &external_id, doc, &at.0],
            )?;
            Ok(Outcome::Written { version: expected + 1, last_modified: *at })
        }
        Change::ResourceDeleted { org, type_id, id, expected } => {
            check(db, *org, *type_id, *id, *expected)?;
            execute(db, "delete from resources where org_id = ?1 and type_id = ?2 and id = ?3", &[&org.0, &type_id.0, id])?;
            Ok(Outcome::Done)
        }
        Change::ValuesClaimed { org, owner, claims } => claim(db, *org, *owner, claims),
        _ => unreachable!("a change of a user or group is written by its own file"),
    }
}

fn check(db: &Connection, org: OrgId, type_id: TypeId, id: Uuid, expected: Option<u64>) -> Result<(), Error> {
    let sql = "select version from resources where org_id = ?1 and type_id = ?2 and id = ?3";
    let version: i64 = one(db, sql, &[&org.0, &type_id.0, &id], |row| row.get(0))?.ok_or(Error::NotFound)?;
    if expected.is_some_and(|expected| int(expected) != version) { Err(Error::Stale) } else { Ok(()) }
}

/// The resource claims these values and no others. Whoever comes second is refused (S-29).
pub(super) fn claim(db: &Connection, org: OrgId, owner: Uuid, claims: &[Claim]) -> Result<Outcome, Error> {
    execute(db, "delete from unique_values where org_id = ?1 and owner = ?2", &[&org.0, &owner])?;
    for Claim { place, key, value } in claims {
        execute(
            db,
            "insert into unique_values (org_id, place, key, owner) values (?1, ?2, ?3, ?4)",
            &[&org.0, place, key, &owner],
        )
        .map_err(|error| match breach(&error, "unique_values.key") {
            Some(Breach::Unique) => {
                let attribute = place.split_once(' ').map_or(place.as_str(), |(_, attribute)| attribute).to_owned();
                Error::ValueTaken { attribute, value: value.clone() }
            }
            Some(Breach::Foreign) => Error::NotFound,
            None => error.into(),
        })?;
    }
    Ok(Outcome::Done)
}

/// How many there are of a type.
pub(super) fn count(db: &Connection, org: OrgId, type_id: TypeId) -> Result<i64, Error> {
    let sql = "select count(*) from resources where org_id = ?1 and type_id = ?2";
    Ok(one(db, sql, &[&org.0, &type_id.0], |row| row.get(0))?.unwrap_or(0))
}
