//! What trees define for themselves: schemas and resource types as they were written, and whether data would contradict a change.

use std::time::Duration;

use rusqlite::Connection;

use super::attributes::literal;
use super::readers::{Moment, all, execute, int, one, within};
use crate::base::OrgId;
use crate::org::definitions::{Change, Condition, DefinitionKind, Holds};
use crate::scim::Kind;
use crate::store::{Defined, Error, Outcome};

/// How long a change of definitions may look through documents; everybody's writes wait behind it.
const LOOK: Duration = Duration::from_secs(2);

/// How often the definitions of the tree under `root` have changed.
pub(super) fn epoch(db: &Connection, root: OrgId) -> Result<u64, Error> {
    let epoch = one(db, "select schema_epoch from orgs where id = ?1", &[&root.0], |row| row.get::<_, i64>(0))?;
    epoch.map(i64::unsigned_abs).ok_or(Error::NotFound)
}

/// The definitions of the tree under `root`, oldest first.
pub(super) fn defined(db: &Connection, root: OrgId) -> Result<Defined, Error> {
    let _moment = Moment::of(db)?;
    let of = |kind: DefinitionKind| {
        let sql = "select doc from definitions where root_id = ?1 and kind = ?2 order by rowid";
        all(db, sql, &[&root.0, &kind.as_str()], |row| row.get(0))
    };
    Ok(Defined { epoch: epoch(db, root)?, schemas: of(DefinitionKind::Schema)?, types: of(DefinitionKind::Type)? })
}

/// Writes a change of definitions, if nothing that is stored contradicts it.
pub(super) fn write(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    match change {
        Change::Unchanged { root, epoch: expected } => match epoch(db, *root)? == *expected {
            true => Ok(Outcome::Done),
            false => Err(Error::SchemasChanged),
        },
        Change::Defined { root, epoch: expected, kind, key, doc, conditions, dropped } => {
            if epoch(db, *root)? != *expected {
                return Err(Error::Stale);
            }
            // Others wait for the writer meanwhile.
            within(db, LOOK, |db| conditions.iter().try_for_each(|condition| check(db, *root, condition)))?;
            match doc {
                Some(doc) => execute(
                    db,
                    "insert into definitions (root_id, kind, key, doc) values (?1, ?2, ?3, ?4)
                     on conflict (root_id, kind, key) do update set doc = excluded.doc",
                    &[&root.0, &kind.as_str(), key, doc],
                )?,
                None => execute(
                    db,
                    "delete from definitions where root_id = ?1 and kind = ?2 and key = ?3",
                    &[&root.0, &kind.as_str(), key],
                )?,
            };
            for place in dropped {
                for sql in [
                    "delete from unique_values where org_id in (select id from orgs where root_id = ?1) and place = ?2",
                    "delete from tombstone_values where org_id in (select id from orgs where root_id = ?1) and place = ?2",
                ] {
                    execute(db, sql, &[&root.0, place])?;
                }
            }
            execute(db, "update orgs set schema_epoch = ?2 where id = ?1", &[&root.0, &int(expected + 1)])?;
            Ok(Outcome::Done)
        }
    }
}

/// Refuses unless the condition holds for every resource of the tree. Reads every document of a kind at the worst: definitions
/// are changed seldom.
fn check(db: &Connection, root: OrgId, condition: &Condition) -> Result<(), Error> {
    let (table, of_kind) = match condition.kind {
        Kind::User => ("users", "true".to_owned()),
        Kind::Group => ("groups", "true".to_owned()),
        Kind::Custom(id) => ("resources", format!("r.type_id = x'{}'", id.0.simple())),
        Kind::Invitation | Kind::Organization => return Ok(()),
    };
    let has = |urn: &str| format!("json_type(r.doc, {}) is not null", literal(&format!("$.\"{urn}\"")));
    let is_against = match &condition.holds {
        Holds::NoResource => "true".to_owned(),
        Holds::NoneWith(urn) => has(urn),
        // A guest's document is a projection, and asked for no extension.
        Holds::AllWith(urn) if condition.kind == Kind::User => format!("r.source_id is null and not ({})", has(urn)),
        Holds::AllWith(urn) => format!("not ({})", has(urn)),
    };
    let has_one = |table: &str, of_kind: &str| {
        let sql = format!(
            "select 1 from orgs o join {table} r on r.org_id = o.id where o.root_id = ?1 and {of_kind} and {is_against} limit 1"
        );
        Ok::<_, Error>(one(db, &sql, &[&root.0], |_| Ok(()))?.is_some())
    };
    // What was deleted comes back as it was.
    let is_deleted = match (condition.kind, &condition.holds) {
        (Kind::User, Holds::NoneWith(_)) => has_one("tombstones", "r.kind = 'User'")?,
        (Kind::User, Holds::AllWith(_)) => has_one("tombstones", "r.kind = 'User'")?,
        (Kind::Group, Holds::NoneWith(_) | Holds::AllWith(_)) => has_one("tombstones", "r.kind = 'Group'")?,
        _ => false,
    };
    match is_deleted || has_one(table, &of_kind)? {
        true => Err(Error::InUse(condition.because.clone())),
        false => Ok(()),
    }
}
