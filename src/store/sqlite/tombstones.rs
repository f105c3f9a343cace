//! Tombstones: what a DELETE leaves behind. No statement outside this file reads them (C-11).

use rusqlite::Connection;
use uuid::Uuid;

use super::readers::{all, execute, one};
use super::{groups, members, resources, rights, users};
use crate::base::{GroupId, InvitationId, OrgId, Timestamp, UserId};
use crate::directory::deleted::{self, Missing, Reason, Restored, Tombstone};
use crate::directory::{self, Change, without_manager};
use crate::scim::Kind;
use crate::scim::schema::Claim;
use crate::store::{Deleted, Error, Outcome};

/// Tombstones that one write clears away, so that it does not hold up the others.
const EXPIRED_AT_ONCE: i64 = 500;

/// A page of what was deleted, the latest first, and how many there are.
pub(super) fn page(db: &Connection, org: OrgId, query: &Deleted) -> Result<(usize, Vec<Tombstone>), Error> {
    let moment = db.unchecked_transaction()?;
    let kind = query.kind.map(deleted::name);
    let [count, offset] = [query.count, query.offset].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
    let total: i64 = one(
        &moment,
        "select count(*) from tombstones
         where org_id = ?1 and deleted_at > ?2 and (?3 is null or kind = ?3) and (?4 is null or id = ?4)",
        &[&org.0, &query.after.0, &kind, &query.id],
        |row| row.get(0),
    )?
    .unwrap_or(0);
    let tombstones = all(
        &moment,
        "select id, kind, display, source_id is not null, deleted_at from tombstones
         where org_id = ?1 and deleted_at > ?2 and (?3 is null or kind = ?3) and (?4 is null or id = ?4)
         order by deleted_at desc, id desc limit ?5 offset ?6",
        &[&org.0, &query.after.0, &kind, &query.id, &count, &offset],
        |row| {
            Ok(Tombstone {
                id: row.get(0)?,
                kind: kind_of(&row.get::<_, String>(1)?),
                display: row.get(2)?,
                is_guest: row.get(3)?,
                deleted_at: Timestamp(row.get(4)?),
            })
        },
    )?;
    Ok((usize::try_from(total).unwrap_or(0), tombstones))
}

/// Remembers a user who is about to be deleted.
pub(super) fn keep_user(db: &Connection, org: OrgId, id: Uuid, at: Timestamp) -> Result<(), Error> {
    execute(
        db,
        "insert into tombstones (org_id, id, kind, display, source_org_id, source_id, home_org_id, home_id, invitation_id, since,
           active_own, password_hash, created, version, doc, deleted_at, until)
         select org_id, id, 'User', user_name, source_org_id, source_id, home_org_id, home_id, invitation_id, since,
           active_own, password_hash, created, version, case when source_id is null then doc end, ?3, until
         from users where org_id = ?1 and id = ?2",
        &[&org.0, &id, &at.0],
    )?;
    execute(
        db,
        "insert into tombstone_members (org_id, tombstone_id, group_id, member_id)
         select org_id, user_id, group_id, user_id from members where org_id = ?1 and user_id = ?2",
        &[&org.0, &id],
    )?;
    keep_values(db, org, id)
}

/// Remembers a group that is about to be deleted.
pub(super) fn keep_group(db: &Connection, org: OrgId, id: Uuid, at: Timestamp) -> Result<(), Error> {
    execute(
        db,
        "insert into tombstones (org_id, id, kind, display, created, version, doc, deleted_at)
         select org_id, id, 'Group', display_name, created, version, doc, ?3 from groups where org_id = ?1 and id = ?2",
        &[&org.0, &id, &at.0],
    )?;
    for memberships in [
        "insert into tombstone_members (org_id, tombstone_id, group_id, member_id)
         select org_id, group_id, group_id, coalesce(user_id, subgroup_id) from members where org_id = ?1 and group_id = ?2",
        "insert into tombstone_members (org_id, tombstone_id, group_id, member_id)
         select org_id, subgroup_id, group_id, subgroup_id from members where org_id = ?1 and subgroup_id = ?2",
    ] {
        execute(db, memberships, &[&org.0, &id])?;
    }
    keep_values(db, org, id)
}

/// Remembers what else it had that nobody else may have.
fn keep_values(db: &Connection, org: OrgId, id: Uuid) -> Result<(), Error> {
    execute(
        db,
        "insert into tombstone_values (org_id, tombstone_id, place, key)
         select org_id, owner, place, key from unique_values where org_id = ?1 and owner = ?2",
        &[&org.0, &id],
    )?;
    Ok(())
}

/// Writes what happened to a tombstone.
pub(super) fn write(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    match change {
        Change::Restored { org, id, after, at } => restore(db, *org, *id, *after, *at).map(Outcome::Restored),
        Change::Erased { org, id } => erase(db, *org, *id),
        Change::Expired { until, at } => {
            execute(
                db,
                "delete from tombstones
                 where rowid in (select rowid from tombstones where deleted_at <= ?1 order by deleted_at limit ?2)",
                &[&until.0, &EXPIRED_AT_ONCE],
            )?;
            execute(
                db,
                "delete from tombstones where rowid in (
                   select t.rowid from orgs o join tombstones t on t.org_id = o.id
                   where o.choices <> '{}' and t.deleted_at <= ?1 - 86400000 * json_extract(o.choices, '$.retention.deleted')
                   limit ?2)",
                &[&at.0, &EXPIRED_AT_ONCE],
            )?;
            Ok(Outcome::Done)
        }
        _ => unreachable!("a change of what lives is written by its own file"),
    }
}

/// Forgets it, and with a person the tombstones of its guests, which can never come back without it.
fn erase(db: &Connection, org: OrgId, id: Uuid) -> Result<Outcome, Error> {
    // No trigger can tell this from what is restored or has become too old.
    execute(
        db,
        "insert into change_log (at, org_id, actor, resource_type, resource_id, version_before)
         select coalesce(a.at, unixepoch() * 1000), t.org_id, a.actor, 'Tombstone', t.id, t.version
         from author a, tombstones t
         where t.org_id = ?1 and t.id = ?2 or t.home_org_id = ?1 and t.home_id = ?2",
        &[&org.0, &id],
    )?;
    let gone = execute(db, "delete from tombstones where org_id = ?1 and id = ?2", &[&org.0, &id])?;
    if gone == 0 {
        return Err(Error::NotFound);
    }
    execute(db, "delete from tombstones where home_org_id = ?1 and home_id = ?2", &[&org.0, &id])?;
    Ok(Outcome::Done)
}

/// What a row of `tombstones` says beside the [`Tombstone`].
struct Kept {
    kind: Kind,
    guest: Option<users::Guest>,
    password_hash: Option<String>,
    life: users::Life,
    doc: Option<String>,
}

fn restore(db: &Connection, org: OrgId, id: Uuid, after: Timestamp, at: Timestamp) -> Result<Restored, Error> {
    let kept = one(
        db,
        "select t.kind, t.source_org_id, t.source_id, i.id, t.since, t.active_own, t.password_hash, t.created, t.version, t.doc,
           t.until
         from tombstones t left join invitations i on i.org_id = t.org_id and i.id = t.invitation_id
         where t.org_id = ?1 and t.id = ?2 and t.deleted_at > ?3",
        &[&org.0, &id, &after.0],
        |row| {
            let guest = match row.get::<_, Option<Uuid>>(2)? {
                None => None,
                Some(source) => Some(users::Guest {
                    source_org: OrgId(row.get(1)?),
                    source: UserId(source),
                    invitation: row.get::<_, Option<Uuid>>(3)?.map(InvitationId),
                    since: Timestamp(row.get(4)?),
                    until: row.get::<_, Option<i64>>(10)?.map(Timestamp),
                    active_own: row.get(5)?,
                }),
            };
            Ok(Kept {
                kind: kind_of(&row.get::<_, String>(0)?),
                guest,
                password_hash: row.get(6)?,
                life: users::Life { created: Timestamp(row.get(7)?), version: row.get::<_, i64>(8)? + 1, at },
                doc: row.get(9)?,
            })
        },
    )?
    .ok_or(Error::NotFound)?;
    let doc = kept.doc.as_deref().unwrap_or_default();
    match (kept.kind, &kept.guest) {
        (Kind::User, Some(guest)) => users::insert_guest(db, org, id, guest, &kept.life)?,
        (Kind::User, None) => {
            // S-46: a manager who went meanwhile would have been let go.
            let manager = directory::users::manager(doc).and_then(|id| id.parse().ok());
            let doc = match manager.map(|id| users::name(db, org, id)).transpose()? {
                Some(None) => &without_manager(doc),
                _ => doc,
            };
            users::insert_resident(db, org, id, doc, kept.password_hash.as_deref(), &kept.life)?;
        }
        (_, _) => groups::insert(db, org, id, doc, &kept.life)?,
    }
    let values =
        all(db, "select place, key from tombstone_values where org_id = ?1 and tombstone_id = ?2", &[&org.0, &id], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let claims = values.into_iter().map(|(place, key): (String, String)| Claim { place, value: key.clone(), key });
    resources::claim(db, org, id, &claims.collect::<Vec<_>>())?;
    let (memberships, missing) = rejoin(db, org, id, at)?;
    execute(db, "delete from tombstones where org_id = ?1 and id = ?2", &[&org.0, &id])?;
    Ok(Restored { version: kept.life.version.unsigned_abs(), memberships, missing })
}

/// Makes the memberships again whose other end is there, and says how many and what of the others.
fn rejoin(db: &Connection, org: OrgId, id: Uuid, at: Timestamp) -> Result<(usize, Vec<Missing>), Error> {
    // The users of a large group in one statement; what is left is little, or waits.
    let mut count = execute(
        db,
        "insert into members (org_id, group_id, user_id)
         select t.org_id, t.group_id, t.member_id
         from tombstone_members t join users u on u.org_id = t.org_id and u.id = t.member_id
         where t.org_id = ?1 and t.tombstone_id = ?2 and t.group_id = ?2",
        &[&org.0, &id],
    )?;
    if count > 0 {
        rights::check(db, id, rights::of_member(db, org, id)?)?;
    }
    let left: Vec<(Uuid, Uuid)> = all(
        db,
        "select t.group_id, t.member_id from tombstone_members t
         left join members m on m.org_id = t.org_id and m.group_id = t.group_id and m.user_id = t.member_id
         where t.org_id = ?1 and t.tombstone_id = ?2 and m.user_id is null
         order by t.group_id, t.member_id",
        &[&org.0, &id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut missing = Vec::new();
    for (group, member) in left {
        let other = if group == id { member } else { group };
        let joined = match groups::name(db, org, group)? {
            Some(_) => members::add(db, org, GroupId(group), &[member]),
            None => Err(Error::NoSuchMember(group)),
        };
        let reason = match joined {
            Ok(_) => {
                count += 1;
                if group != id {
                    groups::touch(db, org, group, at)?;
                }
                continue;
            }
            Err(Error::MemberCycle(_)) => Reason::Cycle,
            Err(Error::NoSuchMember(_)) if wait(db, org, other, group, member)? => Reason::Deleted,
            Err(Error::NoSuchMember(_)) => Reason::Gone,
            Err(error) => return Err(error),
        };
        missing.push(Missing { id: other, reason });
    }
    Ok((count, missing))
}

/// Leaves a membership with the tombstone of its other end, if there is one, so that the order of restoring does not matter.
fn wait(db: &Connection, org: OrgId, other: Uuid, group: Uuid, member: Uuid) -> Result<bool, Error> {
    let is_deleted =
        one(db, "select 1 from tombstones where org_id = ?1 and id = ?2", &[&org.0, &other], |_| Ok(()))?.is_some();
    if is_deleted {
        execute(
            db,
            "insert into tombstone_members (org_id, tombstone_id, group_id, member_id) values (?1, ?2, ?3, ?4)
             on conflict do nothing",
            &[&org.0, &other, &group, &member],
        )?;
    }
    Ok(is_deleted)
}

fn kind_of(text: &str) -> Kind {
    if text == "Group" { Kind::Group } else { Kind::User }
}
