//! Orgs: their rows, and whether a token may enter one.

use rusqlite::{Connection, Row};

use super::readers::{all, execute, one};
use super::{Breach, breach, change_log, request_log, rights, settings, tokens, tree};
use crate::auth::{ScopeSet, Subject};
use crate::base::{OrgId, Timestamp, text};
use crate::org::{Change, Org};
use crate::store::{Access, Claim, Error, Outcome};

/// The org, whether the claim still holds there, and what a person may do.
pub(super) fn access(db: &Connection, id: OrgId, claim: &Claim) -> Result<Option<Access>, Error> {
    let Some(org) = org(db, id)? else { return Ok(None) };
    let tokens::Standing { is_live, ends_at, is_listed } = tokens::standing(db, id, claim)?;
    let rights = match &claim.subject {
        Subject::User(user) => rights::of_user(db, id, user.0)?,
        Subject::Client(_) | Subject::External { .. } => ScopeSet::ALL,
    };
    Ok(Some(Access { org: org.into(), is_live, rights, ends_at, is_listed }))
}

/// An org by its id.
pub(super) fn org(db: &Connection, org: OrgId) -> Result<Option<Org>, Error> {
    one(
        db,
        "select id, parent_id, root_id, root_handle, handle, name, active, created, profile, quirks_on, quirks_off, log, choices
         from orgs where id = ?1",
        &[&org.0],
        from_row,
    )
}

/// All orgs, parents before children.
pub(super) fn orgs(db: &Connection) -> Result<Vec<Org>, Error> {
    all(
        db,
        "with recursive tree (id, depth) as (
           select id, 0 from orgs where parent_id is null
           union all
           select o.id, tree.depth + 1 from tree join orgs o on o.parent_id = tree.id
         )
         select o.id, o.parent_id, o.root_id, o.root_handle, o.handle, o.name, o.active, o.created,
           o.profile, o.quirks_on, o.quirks_off, o.log, o.choices
         from tree join orgs o on o.id = tree.id
         order by tree.depth, o.id",
        &[],
        from_row,
    )
}

/// Writes what happened to an org.
pub(super) fn write(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    match change {
        Change::OrgCreated { below, org, doc } => {
            if let Some(parent) = org.parent {
                tree::check_new(db, below.unwrap_or(parent), parent)?;
            }
            create(db, org, doc)
        }
        Change::OrgChanged { below, id, expected, doc, parent, at } => {
            tree::change(db, (*below, *id), *expected, doc.as_deref(), *parent, *at)
        }
        Change::OrgDeleted { below, id, expected, children } => tree::delete(db, (*below, *id), *expected, *children),
        Change::Audited { events } => change_log::write(db, events),
        Change::RequestsLogged { entries } => request_log::write(db, entries),
        Change::RequestsExpired { since, at, surplus } => request_log::expire(db, *since, *at, surplus),
        Change::SettingsChanged { org, expected, settings } => settings::write(db, *org, expected, settings),
    }
}

fn create(db: &Connection, org: &Org, doc: &str) -> Result<Outcome, Error> {
    execute(
        db,
        // What holds in the parent holds in it, until it chooses.
        "insert into orgs (id, parent_id, root_id, root_handle, handle, name, name_key, active_own, active, created,
           last_modified, doc, profile, quirks_on, quirks_off, log, choices)
         select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8 and coalesce(p.active, 1), ?9, ?9, ?10, p.profile,
           coalesce(p.quirks_on, 0), coalesce(p.quirks_off, 0), p.log, coalesce(p.choices, '{}')
         from (select ?2 as id) it left join orgs p on p.id = it.id",
        &[
            &org.id.0,
            &org.parent.map(|parent| parent.0),
            &org.root.0,
            &org.root_handle,
            &org.handle,
            &org.name,
            &text::fold(&org.name),
            &org.active,
            &org.created.0,
            &doc,
        ],
    )
    .map_err(|error| match breach(&error, "orgs.handle") {
        Some(Breach::Unique) => Error::Taken { attribute: "handle" },
        Some(Breach::Foreign) => Error::NotFound,
        None => error.into(),
    })?;
    Ok(Outcome::Written { version: 1, last_modified: org.created })
}

fn from_row(row: &Row<'_>) -> Result<Org, rusqlite::Error> {
    Ok(Org {
        id: OrgId(row.get(0)?),
        parent: row.get::<_, Option<_>>(1)?.map(OrgId),
        root: OrgId(row.get(2)?),
        root_handle: row.get(3)?,
        handle: row.get(4)?,
        name: row.get(5)?,
        active: row.get(6)?,
        created: Timestamp(row.get(7)?),
        settings: settings::from_row(row, 8)?,
    })
}
