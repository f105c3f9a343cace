//! Users: rows, columns, and the guests that follow their source.

use rusqlite::Connection;
use uuid::Uuid;

use super::columns::{self, UserColumns};
use super::readers::{all, execute, int, one};
use super::{Breach, breach, invitation_life, rights, settings, tombstones};
use crate::base::{InvitationId, OrgId, Timestamp, UserId, text};
use crate::directory::{Change, Membership, guest_doc, without_manager};
use crate::scim::{Kind, Quirk, Reference};
use crate::store::{Account, Error, Outcome};

/// A person who may sign in.
pub(super) fn account(db: &Connection, org: OrgId, user_name: &str) -> Result<Option<Account>, Error> {
    one(
        db,
        "select u.id, u.active, u.home_org_id, u.home_id, h.password_hash
         from users u join users h on h.org_id = u.home_org_id and h.id = u.home_id
         where u.org_id = ?1 and u.user_name_key = ?2",
        &[&org.0, &text::user_name_key(user_name)],
        |row| {
            Ok(Account {
                id: UserId(row.get(0)?),
                active: row.get(1)?,
                home_org: OrgId(row.get(2)?),
                home: UserId(row.get(3)?),
                password_hash: row.get(4)?,
            })
        },
    )
}

/// How others call a user, if it is there.
pub(super) fn name(db: &Connection, org: OrgId, id: UserId) -> Result<Option<Reference>, Error> {
    one(db, "select coalesce(display_name, user_name) from users where org_id = ?1 and id = ?2", &[&org.0, &id.0], |row| {
        Ok(Reference { id: id.0, kind: Kind::User, display: row.get(0)? })
    })
}

/// Writes what happened to a user.
pub(super) fn write(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    match change {
        Change::UserCreated { org, id, doc, password_hash, at } => {
            insert_resident(db, *org, id.0, doc, password_hash.as_deref(), &Life::new(*at))?;
            Ok(Outcome::Written { version: 1, last_modified: *at })
        }
        Change::UserReplaced { org, id, expected, doc, password_hash, at } => {
            replace(db, *org, *id, *expected, doc, password_hash.as_deref(), *at)
        }
        Change::UserDeleted { org, id, expected, at } => delete(db, *org, *id, *expected, *at),
        Change::GuestCreated { org, id, source_org, source, at } => {
            let (source_org, source) = (*source_org, *source);
            let guest = Guest { source_org, source, invitation: None, since: *at, until: None, active_own: true };
            insert_guest(db, *org, id.0, &guest, &Life::new(*at))?;
            Ok(Outcome::Written { version: 1, last_modified: *at })
        }
        _ => unreachable!("a change of anything else is written by its own file"),
    }
}

/// Where a guest comes from.
pub(super) struct Guest {
    pub(super) source_org: OrgId,
    pub(super) source: UserId,
    pub(super) invitation: Option<InvitationId>,
    pub(super) since: Timestamp,
    pub(super) until: Option<Timestamp>,
    /// Its own share of `active`.
    pub(super) active_own: bool,
}

/// Since when a resource is there, and how often it has changed.
pub(super) struct Life {
    pub(super) created: Timestamp,
    pub(super) version: i64,
    /// `meta.lastModified`.
    pub(super) at: Timestamp,
}

impl Life {
    /// Of what was not there before.
    pub(super) fn new(at: Timestamp) -> Life {
        Life { created: at, version: 1, at }
    }
}

struct NewUser<'a> {
    org: OrgId,
    id: Uuid,
    guest: Option<(&'a Guest, (OrgId, Uuid))>,
    columns: UserColumns,
    active: bool,
    password_hash: Option<&'a str>,
    doc: &'a str,
    life: &'a Life,
}

fn insert(db: &Connection, user: &NewUser<'_>) -> Result<(), Error> {
    let columns = &user.columns;
    let guest = user.guest.map(|(guest, _)| guest);
    let (home_org, home) = user.guest.map_or((user.org, user.id), |(_, home)| home);
    execute(
        db,
        "insert into users (org_id, id, source_org_id, source_id, home_org_id, home_id, invitation_id, since, user_name,
           user_name_key, display_name, display_name_key, family_name_key, given_name_key, external_id, manager_id, active,
           active_own, password_hash, created, last_modified, version, doc, until)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
           ?24)",
        &[
            &user.org.0,
            &user.id,
            &guest.map(|guest| guest.source_org.0),
            &guest.map(|guest| guest.source.0),
            &home_org.0,
            &home,
            &guest.and_then(|guest| guest.invitation).map(|invitation| invitation.0),
            &guest.map(|guest| guest.since.0),
            &columns.user_name,
            &columns.user_name_key,
            &columns.display_name,
            &columns.display_name_key,
            &columns.family_name_key,
            &columns.given_name_key,
            &columns.external_id,
            &columns.manager_id,
            &user.active,
            &guest.map_or(user.active, |guest| guest.active_own),
            &user.password_hash,
            &user.life.created.0,
            &user.life.at.0,
            &user.life.version,
            &user.doc,
            &guest.and_then(|guest| guest.until).map(|until| until.0),
        ],
    )
    .map_err(refused)?;
    for key in &columns.email_keys {
        execute(db, "insert into user_emails (org_id, key, user_id) values (?1, ?2, ?3)", &[&user.org.0, key, &user.id])?;
    }
    Ok(())
}

fn refused(error: rusqlite::Error) -> Error {
    match (breach(&error, "users.user_name_key"), breach(&error, "users.source_id")) {
        (Some(Breach::Unique), _) => Error::Taken { attribute: "userName" },
        (_, Some(Breach::Unique)) => Error::Taken { attribute: "source" },
        (Some(Breach::Foreign), _) => Error::NotFound,
        (None, _) => error.into(),
    }
}

/// A user as it is before a change.
struct Found {
    version: u64,
    last_modified: Timestamp,
    is_guest: bool,
    home: (Uuid, Uuid),
    active_own: bool,
    columns: UserColumns,
    doc: String,
}

impl Found {
    /// What a change that changed nothing came to.
    fn outcome(&self) -> Outcome {
        Outcome::Written { version: self.version, last_modified: self.last_modified }
    }
}

fn found(db: &Connection, org: OrgId, id: Uuid) -> Result<Option<Found>, Error> {
    let row = one(
        db,
        "select version, last_modified, source_id is not null, home_org_id, home_id, active_own, doc
         from users where org_id = ?1 and id = ?2",
        &[&org.0, &id],
        |row| {
            Ok(Found {
                version: row.get::<_, i64>(0)?.unsigned_abs(),
                last_modified: Timestamp(row.get(1)?),
                is_guest: row.get(2)?,
                home: (row.get(3)?, row.get(4)?),
                active_own: row.get(5)?,
                columns: UserColumns::default(),
                doc: row.get(6)?,
            })
        },
    )?;
    row.map(|mut found| {
        found.columns = columns::user(&columns::object(&found.doc)?);
        Ok(found)
    })
    .transpose()
}

fn replace(
    db: &Connection,
    org: OrgId,
    id: UserId,
    expected: u64,
    doc: &str,
    password_hash: Option<&str>,
    at: Timestamp,
) -> Result<Outcome, Error> {
    let before = found(db, org, id.0)?.ok_or(Error::NotFound)?;
    if before.version != expected {
        return Err(Error::Stale);
    }
    if password_hash.is_some() {
        rights::check_password(db, org, id)?;
    }
    let columns = columns::user(&columns::object(doc)?);
    let outcome = if before.is_guest {
        execute(db, "update users set active_own = ?3 where org_id = ?1 and id = ?2", &[&org.0, &id.0, &columns.active])?;
        project(db, org, id.0, at)?
    } else {
        if doc == before.doc {
            // V-05: nothing that anybody can read has changed.
            if let Some(hash) = password_hash {
                execute(db, "update users set password_hash = ?3 where org_id = ?1 and id = ?2", &[&org.0, &id.0, &hash])?;
            }
            return Ok(before.outcome());
        }
        unique(db, org, id.0, before.columns.external_id.as_deref(), columns.external_id.as_deref())?;
        let after = Row { columns: &columns, active: columns.active, active_own: columns.active, password_hash, doc };
        update(db, org, id.0, &before, &after, at)?
    };
    follow(db, org, id.0, at)?;
    Ok(outcome)
}

/// S-19.
fn unique(db: &Connection, org: OrgId, id: Uuid, before: Option<&str>, external_id: Option<&str>) -> Result<(), Error> {
    let sql = "select 1 from users where org_id = ?1 and id <> ?2 and external_id = ?3";
    settings::unique(db, (org, id), Quirk::ExternalIdUnique, ("externalId", sql), before, external_id)
}

struct Row<'a> {
    columns: &'a UserColumns,
    active: bool,
    active_own: bool,
    /// None keeps the one that is there.
    password_hash: Option<&'a str>,
    doc: &'a str,
}

/// Writes the row and counts the version.
fn update(db: &Connection, org: OrgId, id: Uuid, before: &Found, after: &Row<'_>, at: Timestamp) -> Result<Outcome, Error> {
    let columns = after.columns;
    execute(
        db,
        "update users set user_name = ?3, user_name_key = ?4, display_name = ?5, display_name_key = ?6, family_name_key = ?7,
           given_name_key = ?8, external_id = ?9, manager_id = ?10, active = ?11, active_own = ?12, last_modified = ?13,
           version = version + 1, doc = ?14, password_hash = coalesce(?15, password_hash)
         where org_id = ?1 and id = ?2",
        &[
            &org.0,
            &id,
            &columns.user_name,
            &columns.user_name_key,
            &columns.display_name,
            &columns.display_name_key,
            &columns.family_name_key,
            &columns.given_name_key,
            &columns.external_id,
            &columns.manager_id,
            &after.active,
            &after.active_own,
            &at.0,
            &after.doc,
            &after.password_hash,
        ],
    )
    .map_err(refused)?;
    for key in before.columns.email_keys.difference(&columns.email_keys) {
        execute(db, "delete from user_emails where org_id = ?1 and key = ?2 and user_id = ?3", &[&org.0, key, &id])?;
    }
    for key in columns.email_keys.difference(&before.columns.email_keys) {
        execute(db, "insert into user_emails (org_id, key, user_id) values (?1, ?2, ?3)", &[&org.0, key, &id])?;
    }
    Ok(Outcome::Written { version: before.version + 1, last_modified: at })
}

/// Rewrites the guests of a user that has changed, and theirs, down the tree.
fn follow(db: &Connection, org: OrgId, id: Uuid, at: Timestamp) -> Result<(), Error> {
    let mut sources = vec![(org.0, id)];
    while let Some((source_org, source)) = sources.pop() {
        let guests: Vec<(Uuid, Uuid)> = all(
            db,
            "select org_id, id from users where source_org_id = ?1 and source_id = ?2",
            &[&source_org, &source],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        for (org, guest) in guests {
            project(db, OrgId(org), guest, at)?;
            sources.push((org, guest));
        }
    }
    Ok(())
}

/// Rewrites one guest from its home user and the activity of its source, if anything differs.
fn project(db: &Connection, org: OrgId, guest: Uuid, at: Timestamp) -> Result<Outcome, Error> {
    let before = found(db, org, guest)?.ok_or(Error::NotFound)?;
    let (membership, source_active) = one(
        db,
        "select g.source_org_id, g.since, g.invitation_id, s.active, g.until
         from users g join users s on s.org_id = g.source_org_id and s.id = g.source_id
         where g.org_id = ?1 and g.id = ?2",
        &[&org.0, &guest],
        |row| {
            let membership = Membership {
                home_org: OrgId(before.home.0),
                source_org: OrgId(row.get(0)?),
                since: Timestamp(row.get(1)?),
                invitation: row.get::<_, Option<Uuid>>(2)?.map(InvitationId),
                until: row.get::<_, Option<i64>>(4)?.map(Timestamp),
            };
            Ok((membership, row.get::<_, bool>(3)?))
        },
    )?
    .ok_or(Error::NotFound)?;
    let active = before.active_own && source_active;
    let (columns, doc) = guest_row(db, org, guest, before.home.1, active, &membership)?;
    // The document shows the effective `active`, so it says all that a reader can see.
    if doc == before.doc {
        return Ok(before.outcome());
    }
    let after = Row { columns: &columns, active, active_own: before.active_own, password_hash: None, doc: &doc };
    update(db, org, guest, &before, &after, at)
}

/// Makes a resident, for the first time or again.
pub(super) fn insert_resident(
    db: &Connection,
    org: OrgId,
    id: Uuid,
    doc: &str,
    password_hash: Option<&str>,
    life: &Life,
) -> Result<(), Error> {
    let columns = columns::user(&columns::object(doc)?);
    let active = columns.active;
    let row = NewUser { org, id, guest: None, columns, active, password_hash, doc, life };
    insert(db, &row)?;
    unique(db, org, id, None, row.columns.external_id.as_deref())
}

/// Makes a guest, for the first time or again, as long as its source is a user of the parent.
pub(super) fn insert_guest(db: &Connection, org: OrgId, id: Uuid, guest: &Guest, life: &Life) -> Result<(), Error> {
    let (home_org, home, source_active) = one(
        db,
        "select home_org_id, home_id, active from users where org_id = ?1 and id = ?2",
        &[&guest.source_org.0, &guest.source.0],
        |row| Ok((OrgId(row.get(0)?), row.get(1)?, row.get::<_, bool>(2)?)),
    )?
    .ok_or(Error::NoSource)?;
    let active = guest.active_own && source_active;
    let Guest { source_org, invitation, since, until, .. } = *guest;
    let membership = Membership { home_org, source_org, invitation, since, until };
    let (columns, doc) = guest_row(db, org, id, home, active, &membership)?;
    let row = Some((guest, (home_org, home)));
    insert(db, &NewUser { org, id, guest: row, columns, active, password_hash: None, doc: &doc, life })?;
    invitation_life::overtake(db, org, guest.source, invitation, life.at)
}

fn guest_row(
    db: &Connection,
    org: OrgId,
    guest: Uuid,
    home: Uuid,
    active: bool,
    membership: &Membership,
) -> Result<(UserColumns, String), Error> {
    let (home_name, home_doc): (String, String) =
        one(db, "select user_name, doc from users where org_id = ?1 and id = ?2", &[&membership.home_org.0, &home], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .ok_or(Error::NotFound)?;
    let user_name = free_name(db, org, guest, &home_name, membership.source_org)?;
    let doc = guest_doc(&home_doc, UserId(guest), &user_name, active, membership);
    Ok((columns::user(&columns::object(&doc)?), doc))
}

/// The home user's name, or `name@parent-handle` where another user of the org has that; nobody is un-invitable because of a
/// clash.
fn free_name(db: &Connection, org: OrgId, guest: Uuid, name: &str, source_org: OrgId) -> Result<String, Error> {
    let is_taken = |name: &str| {
        one(
            db,
            "select 1 from users where org_id = ?1 and user_name_key = ?2 and id <> ?3",
            &[&org.0, &text::user_name_key(name), &guest],
            |_| Ok(()),
        )
        .map(|found| found.is_some())
    };
    if !is_taken(name)? {
        return Ok(name.to_owned());
    }
    let handle: String =
        one(db, "select handle from orgs where id = ?1", &[&source_org.0], |row| row.get(0))?.ok_or(Error::NotFound)?;
    let mut candidate = format!("{name}@{handle}");
    let mut count = 1;
    while is_taken(&candidate)? {
        count += 1;
        candidate = format!("{name}@{handle}-{count}");
    }
    Ok(candidate)
}

/// Removes a user, and the guests that stand for it; each leaves a tombstone.
pub(super) fn delete(db: &Connection, org: OrgId, id: UserId, expected: Option<u64>, at: Timestamp) -> Result<Outcome, Error> {
    let version =
        one(db, "select version from users where org_id = ?1 and id = ?2", &[&org.0, &id.0], |row| row.get::<_, i64>(0))?
            .ok_or(Error::NotFound)?;
    if expected.is_some_and(|expected| int(expected) != version) {
        return Err(Error::Stale);
    }
    // Its guests go with it, as the rows of members do; the groups that lose one have changed.
    let gone: Vec<(Uuid, Uuid)> = all(
        db,
        "with recursive gone (org_id, id) as (
           select ?1, ?2
           union all
           select u.org_id, u.id from gone join users u on u.source_org_id = gone.org_id and u.source_id = gone.id
         )
         select org_id, id from gone",
        &[&org.0, &id.0],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (org, user) in &gone {
        tombstones::keep_user(db, OrgId(*org), *user, at)?;
        execute(
            db,
            "update groups set version = version + 1, last_modified = ?3
             where org_id = ?1 and id in (select group_id from members where org_id = ?1 and user_id = ?2)",
            &[org, user, &at.0],
        )?;
    }
    execute(db, "delete from users where org_id = ?1 and id = ?2", &[&org.0, &id.0])?;
    for (org, user) in gone {
        release(db, OrgId(org), user, at)?;
    }
    Ok(Outcome::Done)
}

/// Removes every guest whose membership was over by `at`.
pub(super) fn end_memberships(db: &Connection, at: Timestamp) -> Result<(), Error> {
    let over: Vec<(Uuid, Uuid)> =
        all(db, "select org_id, id from users where until <= ?1", &[&at.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (org, id) in over {
        match delete(db, OrgId(org), UserId(id), None, at) {
            // It went with its source.
            Ok(_) | Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Takes a manager who is gone out of the documents of the reports (S-46).
fn release(db: &Connection, org: OrgId, manager: Uuid, at: Timestamp) -> Result<(), Error> {
    let reports: Vec<Uuid> =
        all(db, "select id from users where org_id = ?1 and manager_id = ?2", &[&org.0, &manager.to_string()], |row| {
            row.get(0)
        })?;
    for report in reports {
        let Some(before) = found(db, org, report)? else { continue };
        let doc = without_manager(&before.doc);
        let columns = UserColumns { manager_id: None, ..before.columns.clone() };
        let after =
            Row { columns: &columns, active: columns.active, active_own: before.active_own, password_hash: None, doc: &doc };
        update(db, org, report, &before, &after, at)?;
    }
    Ok(())
}
