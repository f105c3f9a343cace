//! What orgs have chosen, and what therefore holds in them and below.

use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::readers::{all, execute, one};
use crate::base::OrgId;
use crate::org::log::Logged;
use crate::org::{Choices, Settings};
use crate::scim::{Preset, Quirk, Quirks};
use crate::store::{Error, Outcome};

/// What the org itself has chosen.
pub(super) fn own(db: &Connection, org: OrgId) -> Result<Option<Settings>, Error> {
    let sql = "select own_profile, own_on, own_off, own_log, own_choices from orgs where id = ?1";
    one(db, sql, &[&org.0], |row| from_row(row, 0))
}

/// Writes the org's own choice, and what holds now in it and everywhere below.
pub(super) fn write(db: &Connection, org: OrgId, expected: &Settings, new: &Settings) -> Result<Outcome, Error> {
    if own(db, org)?.ok_or(Error::NotFound)? != *expected {
        return Err(Error::Stale);
    }
    if new == expected {
        return Ok(Outcome::Done);
    }
    execute(
        db,
        "update orgs set own_profile = ?2, own_on = ?3, own_off = ?4, own_log = ?5, own_choices = ?6,
           own_version = own_version + 1
         where id = ?1",
        &[
            &org.0,
            &new.profile.map(Preset::name),
            &bits(new.on),
            &bits(new.off),
            &new.log.map(Logged::name),
            &new.choices.print(),
        ],
    )?;
    settle(db, org)?;
    Ok(Outcome::Done)
}

/// Writes what holds in the org and everywhere below, from what was chosen there and what holds in its parent.
pub(super) fn settle(db: &Connection, org: OrgId) -> Result<(), Error> {
    let above = one(
        db,
        "select p.profile, p.quirks_on, p.quirks_off, p.log, p.choices
         from orgs o join orgs p on p.id = o.parent_id where o.id = ?1",
        &[&org.0],
        |row| from_row(row, 0),
    )?;
    let mut open = vec![(org, above.unwrap_or_default())];
    while let Some((org, above)) = open.pop() {
        let holds = own(db, org)?.unwrap_or_default().below(&above);
        execute(
            db,
            "update orgs set profile = ?2, quirks_on = ?3, quirks_off = ?4, log = ?5, choices = ?6 where id = ?1",
            &[
                &org.0,
                &holds.profile.map(Preset::name),
                &bits(holds.on),
                &bits(holds.off),
                &holds.log.map(Logged::name),
                &holds.choices.print(),
            ],
        )?;
        let children = all(db, "select id from orgs where parent_id = ?1", &[&org.0], |row| row.get(0).map(OrgId))?;
        open.extend(children.into_iter().map(|child| (child, holds.clone())));
    }
    Ok(())
}

/// Settings from five columns, the first of them `at`.
pub(super) fn from_row(row: &Row<'_>, at: usize) -> Result<Settings, rusqlite::Error> {
    let profile = row.get_ref(at)?.as_str_or_null()?;
    Ok(Settings {
        // The schema lets no other name in.
        profile: profile.and_then(|name| name.parse().ok()),
        on: Quirks(row.get::<_, i64>(at + 1)?.cast_unsigned()),
        off: Quirks(row.get::<_, i64>(at + 2)?.cast_unsigned()),
        log: row.get_ref(at + 3)?.as_str_or_null()?.and_then(Logged::of),
        choices: Choices::read(row.get_ref(at + 4)?.as_str()?),
    })
}

/// S-19, EN-26: refuses `value`, unless it is what the resource `id` had before, where the org wants it once and another has
/// it. `sql` finds that other one.
pub(super) fn unique(
    db: &Connection,
    (org, id): (OrgId, Uuid),
    quirk: Quirk,
    (attribute, sql): (&'static str, &str),
    before: Option<&str>,
    value: Option<&str>,
) -> Result<(), Error> {
    let Some(value) = value.filter(|value| Some(*value) != before) else { return Ok(()) };
    if has(db, org, quirk)? && one(db, sql, &[&org.0, &id, &value], |_| Ok(()))?.is_some() {
        return Err(Error::Taken { attribute });
    }
    Ok(())
}

/// Whether the org has turned `quirk` on, of those that no profile turns on by itself.
fn has(db: &Connection, org: OrgId, quirk: Quirk) -> Result<bool, Error> {
    let bit = bits(Quirks::of(quirk));
    let found = one(db, "select 1 from orgs where id = ?1 and quirks_on & ?2 <> 0", &[&org.0, &bit], |_| Ok(()))?;
    Ok(found.is_some())
}

fn bits(quirks: Quirks) -> i64 {
    quirks.0.cast_signed()
}
