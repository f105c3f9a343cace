//! Members of groups, as rows: adding one costs the same in a group of ten and of a hundred thousand (P-30).

use std::collections::HashSet;

use rusqlite::Connection;
use uuid::Uuid;

use super::readers::{all, execute, one};
use super::rights;
use crate::base::{GroupId, OrgId};
use crate::directory::MemberChange;
use crate::scim::{Kind, Reference};
use crate::store::Error;

/// Whether any row was written or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    Yes,
    No,
}

/// The direct members of a group, users before groups, each by id.
pub(super) fn of_group(db: &Connection, org: OrgId, group: Uuid) -> Result<Vec<Reference>, Error> {
    let mut members = all(
        db,
        "select u.id, coalesce(u.display_name, u.user_name)
         from members m join users u on u.org_id = m.org_id and u.id = m.user_id
         where m.org_id = ?1 and m.group_id = ?2 and m.user_id is not null
         order by m.user_id",
        &[&org.0, &group],
        |row| Ok(Reference { id: row.get(0)?, kind: Kind::User, display: row.get(1)? }),
    )?;
    members.extend(all(
        db,
        "select g.id, g.display_name
         from members m join groups g on g.org_id = m.org_id and g.id = m.subgroup_id
         where m.org_id = ?1 and m.group_id = ?2 and m.subgroup_id is not null
         order by m.subgroup_id",
        &[&org.0, &group],
        |row| Ok(Reference { id: row.get(0)?, kind: Kind::Group, display: row.get(1)? }),
    )?);
    Ok(members)
}

/// The first `count` groups that are direct members of a group, by name.
pub(super) fn subgroups(db: &Connection, org: OrgId, group: GroupId, count: usize) -> Result<Vec<Reference>, Error> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    all(
        db,
        "select g.id, g.display_name
         from members m join groups g on g.org_id = m.org_id and g.id = m.subgroup_id
         where m.org_id = ?1 and m.group_id = ?2 and m.subgroup_id is not null
         order by g.display_name_key, g.id
         limit ?3",
        &[&org.0, &group.0, &count],
        |row| Ok(Reference { id: row.get(0)?, kind: Kind::Group, display: row.get(1)? }),
    )
}

/// Those of `ids` that can be members.
pub(super) fn known(db: &Connection, org: OrgId, ids: Vec<Uuid>) -> Result<HashSet<Uuid>, Error> {
    let mut known = HashSet::new();
    for id in ids {
        let found = one(
            db,
            "select 1 from users where org_id = ?1 and id = ?2 union all select 1 from groups where org_id = ?1 and id = ?2",
            &[&org.0, &id],
            |_| Ok(()),
        )?;
        if found.is_some() {
            known.insert(id);
        }
    }
    Ok(known)
}

/// Does `changes` in their order.
pub(super) fn change(db: &Connection, org: OrgId, group: GroupId, changes: &[MemberChange]) -> Result<Changed, Error> {
    let mut changed = Changed::No;
    for change in changes {
        let this = match change {
            MemberChange::Added(ids) => add(db, org, group, ids)?,
            MemberChange::Removed(ids) => remove(db, org, group, ids)?,
            MemberChange::Replaced(ids) => replace(db, org, group, ids)?,
        };
        if this == Changed::Yes {
            changed = Changed::Yes;
        }
    }
    Ok(changed)
}

/// Makes each of `ids` a member; those that are stay. Who makes one has to hold what it gives.
pub(super) fn add(db: &Connection, org: OrgId, group: GroupId, ids: &[Uuid]) -> Result<Changed, Error> {
    let mut count = 0;
    for id in ids {
        let is_user = one(db, "select 1 from users where org_id = ?1 and id = ?2", &[&org.0, id], |_| Ok(()))?.is_some();
        if is_user {
            count += execute(
                db,
                "insert into members (org_id, group_id, user_id) values (?1, ?2, ?3) on conflict do nothing",
                &[&org.0, &group.0, id],
            )?;
            continue;
        }
        if one(db, "select 1 from groups where org_id = ?1 and id = ?2", &[&org.0, id], |_| Ok(()))?.is_none() {
            return Err(Error::NoSuchMember(*id));
        }
        if contains(db, org, *id, group.0)? {
            return Err(Error::MemberCycle(*id));
        }
        count += execute(
            db,
            "insert into members (org_id, group_id, subgroup_id) values (?1, ?2, ?3) on conflict do nothing",
            &[&org.0, &group.0, id],
        )?;
    }
    if count > 0 {
        rights::check(db, group.0, rights::of_member(db, org, group.0)?)?;
    }
    Ok(changed(count))
}

fn remove(db: &Connection, org: OrgId, group: GroupId, ids: &[Uuid]) -> Result<Changed, Error> {
    let mut count = 0;
    for id in ids {
        let users =
            execute(db, "delete from members where org_id = ?1 and group_id = ?2 and user_id = ?3", &[&org.0, &group.0, id])?;
        count += users;
        if users == 0 {
            count += execute(
                db,
                "delete from members where org_id = ?1 and group_id = ?2 and subgroup_id = ?3",
                &[&org.0, &group.0, id],
            )?;
        }
    }
    Ok(changed(count))
}

/// Writes only the difference, so that sending the same members again writes nothing (U-10).
fn replace(db: &Connection, org: OrgId, group: GroupId, ids: &[Uuid]) -> Result<Changed, Error> {
    let before: HashSet<Uuid> = all(
        db,
        "select coalesce(user_id, subgroup_id) from members where org_id = ?1 and group_id = ?2",
        &[&org.0, &group.0],
        |row| row.get(0),
    )?
    .into_iter()
    .collect();
    let after: HashSet<Uuid> = ids.iter().copied().collect();
    let gone: Vec<Uuid> = before.difference(&after).copied().collect();
    let new: Vec<Uuid> = ids.iter().filter(|id| !before.contains(id)).copied().collect();
    let removed = remove(db, org, group, &gone)?;
    let added = add(db, org, group, &new)?;
    Ok(changed(usize::from(removed == Changed::Yes) + usize::from(added == Changed::Yes)))
}

/// Whether `outer` is `inner` or holds it, directly or through others.
fn contains(db: &Connection, org: OrgId, outer: Uuid, inner: Uuid) -> Result<bool, Error> {
    let found = one(
        db,
        "with recursive held (id) as (
           select ?2
           union
           select m.subgroup_id from held join members m on m.org_id = ?1 and m.group_id = held.id
           where m.subgroup_id is not null
         )
         select 1 from held where id = ?3",
        &[&org.0, &outer, &inner],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

fn changed(rows: usize) -> Changed {
    if rows > 0 { Changed::Yes } else { Changed::No }
}
