//! What groups give: to a person, to whoever becomes a member; and that nobody gives more than he holds.
//!
//! The check stands where rows are written, so that no door leads past it, and no other commit gets in between.

use rusqlite::Connection;
use uuid::Uuid;

use super::readers::{all, one};
use crate::auth::{NotHeld, ScopeSet, Subject, delegation};
use crate::base::limit::GROUPS_WALKED_MAX;
use crate::base::{OrgId, Timestamp, UserId};
use crate::directory;
use crate::scim::urn;
use crate::store::{Change, Error};

const ANY: &str = "select 1 from groups where org_id = ?1 and scopes is not null limit 1";

// A cross join is done in the order written; the planner takes a walk for larger than an org.
const OF_USER: &str = "
  with recursive held (id) as (
    select group_id from members where org_id = ?1 and user_id = ?2
    union
    select m.group_id from held cross join members m on m.org_id = ?1 and m.subgroup_id = held.id
    limit ?3
  )
  select g.scopes from held cross join groups g on g.org_id = ?1 and g.id = held.id";

const OF_MEMBER: &str = "
  with recursive held (id) as (
    select ?2
    union
    select m.group_id from held cross join members m on m.org_id = ?1 and m.subgroup_id = held.id
    limit ?3
  )
  select g.scopes from held cross join groups g on g.org_id = ?1 and g.id = held.id";

/// What the groups of `user` give, directly or through groups that hold them.
pub(super) fn of_user(db: &Connection, org: OrgId, user: Uuid) -> Result<ScopeSet, Error> {
    if !any(db, org)? {
        return Ok(ScopeSet::NONE);
    }
    Ok(union(db, OF_USER, org, user)?.1)
}

// `?2` the person or the machine, `?3` now. A client of the parent holds here no more than it does at home.
const OF_PERSON: &str = "
  select scope, null from tokens
  where org_id = ?1 and user_id = ?2 and expires_at > ?3 and not exists (
    select 1 from revoked_subjects r where r.org_id = ?1 and r.subject_id in (?1, ?2) and r.until >= created)";
const OF_MACHINE: &str = "
  select scope, null from clients where org_id = ?1 and id = ?2
  union all
  select g.scope, c.scope from guest_clients g join clients c on c.id = g.client_id where g.org_id = ?1 and g.client_id = ?2
  union all
  select scope, null from tokens
  where org_id = ?1 and client_id = ?2 and expires_at > ?3 and not exists (
    select 1 from revoked_subjects r where r.org_id = ?1 and r.subject_id in (?1, ?2) and r.until >= created)";

/// What `subject` holds at `now`, whichever of its tokens it comes with.
pub(super) fn of_subject(db: &Connection, org: OrgId, subject: &Subject, now: Timestamp) -> Result<ScopeSet, Error> {
    let (sql, id, groups) = match subject {
        Subject::User(user) => {
            let active = "select 1 from users where org_id = ?1 and id = ?2 and active and (until is null or until > ?3)";
            if one(db, active, &[&org.0, &user.0, &now.0], |_| Ok(()))?.is_none() {
                return Ok(ScopeSet::NONE);
            }
            (OF_PERSON, user.0, of_user(db, org, user.0)?)
        }
        Subject::Client(client) => (OF_MACHINE, client.0, ScopeSet::NONE),
        Subject::External { .. } => return Ok(ScopeSet::ALL),
    };
    let given = all(db, sql, &[&org.0, &id, &now.0], |row| {
        let bound = row.get::<_, Option<String>>(1)?.map_or(ScopeSet::ALL, |bound| ScopeSet::known(&bound));
        Ok(ScopeSet::known(&row.get::<_, String>(0)?).and(bound))
    })?;
    Ok(given.into_iter().fold(groups, ScopeSet::or))
}

/// What a member of `group` has by it: what it gives, and what the groups give that hold it. Everything, where these are
/// too many to look at: then nobody gives it away by mistake.
pub(super) fn of_member(db: &Connection, org: OrgId, group: Uuid) -> Result<ScopeSet, Error> {
    if !any(db, org)? {
        return Ok(ScopeSet::NONE);
    }
    let (groups, scopes) = union(db, OF_MEMBER, org, group)?;
    Ok(if groups < GROUPS_WALKED_MAX { scopes } else { ScopeSet::ALL })
}

/// Whether any group of the org gives anything; one probe.
fn any(db: &Connection, org: OrgId) -> Result<bool, Error> {
    Ok(one(db, ANY, &[&org.0], |_| Ok(()))?.is_some())
}

/// How many groups were looked at, and what they give together.
fn union(db: &Connection, sql: &str, org: OrgId, start: Uuid) -> Result<(usize, ScopeSet), Error> {
    let most = i64::try_from(GROUPS_WALKED_MAX).unwrap_or(i64::MAX);
    let groups = all(db, sql, &[&org.0, &start, &most], |row| row.get::<_, Option<String>>(0))?;
    let scopes = groups.iter().flatten().fold(ScopeSet::NONE, |scopes, more| scopes.or(ScopeSet::known(more)));
    Ok((groups.len(), scopes))
}

/// Refuses whoever writes, unless he holds what he gives or takes with `group`.
pub(super) fn check(db: &Connection, group: Uuid, what: ScopeSet) -> Result<(), Error> {
    allowed(db, what)?.map_err(|lacking| Error::NotHeld { group, lacking })
}

// Whom a user stands for further down.
const BELOW: &str = "
  with recursive below (org_id, id) as (
    select ?1, ?2
    union all
    select u.org_id, u.id from below cross join users u on u.source_org_id = below.org_id and u.source_id = below.id
  )
  select org_id, id from below";

/// Refuses whoever sets the password of `user`, unless he holds what the groups give it, here and where it is a guest: whoever knows
/// the password signs in as the user. To shut somebody out needs no more than writing users: that gives the writer nothing, and
/// whoever leaves has to go whatever he was.
pub(super) fn check_password(db: &Connection, org: OrgId, user: UserId) -> Result<(), Error> {
    let below = all(db, BELOW, &[&org.0, &user.0], |row| Ok((OrgId(row.get(0)?), row.get(1)?)))?;
    let mut what = ScopeSet::NONE;
    for (org, user) in below {
        what = what.or(of_user(db, org, user)?);
    }
    allowed(db, what)?.map_err(|lacking| Error::NotHeldByPassword { user, lacking })
}

fn allowed(db: &Connection, what: ScopeSet) -> Result<Result<(), NotHeld>, Error> {
    if what.is_empty() {
        return Ok(Ok(()));
    }
    let holds = one(db, "select holds from author", &[], |row| row.get(0))?.map_or(ScopeSet::NONE, ScopeSet::of_bits);
    Ok(delegation::allows(holds, what))
}

/// Whether `change` may change what somebody may do. Asked before it is written: what it takes away is there still, what it
/// adds stands in it.
pub(super) fn may_change(db: &Connection, change: &Change) -> Result<bool, Error> {
    let Change::Directory(change) = change else { return Ok(false) };
    Ok(match change {
        directory::Change::GroupCreated { doc, .. } => doc.contains(urn::ACCESS),
        directory::Change::GroupChanged { org, id, doc, .. } => {
            doc.as_ref().is_some_and(|doc| doc.contains(urn::ACCESS)) || !of_member(db, *org, id.0)?.is_empty()
        }
        directory::Change::GroupDeleted { org, id, .. } => !of_member(db, *org, id.0)?.is_empty(),
        directory::Change::Restored { .. } => true,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::open;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    /// Groups 1 … `count`, each held by the next one; the last one gives `users:read`, user 0 is in the first.
    fn chain(count: usize) -> (Connection, OrgId) {
        let mut db = Connection::open_in_memory().expect("memory");
        open::prepare(&db, open::Role::Write).expect("settings");
        open::migrate(&mut db).expect("a schema");
        let org = OrgId(id(0xacce));
        db.execute(
            "insert into orgs (id, root_id, root_handle, handle, name, active, created) values (?1, ?1, 'a', 'a', 'a', 1, 0)",
            [org.0],
        )
        .expect("an org");
        db.execute(
            "insert into users (org_id, id, home_org_id, home_id, user_name, user_name_key, active, active_own, created,
               last_modified, version, doc) values (?1, ?2, ?1, ?2, 'u', 'u', 1, 1, 0, 0, 1, '{}')",
            (org.0, id(0)),
        )
        .expect("a user");
        for at in 1..=count {
            let scopes = (at == count).then_some("users:read");
            db.execute(
                "insert into groups (org_id, id, display_name, display_name_key, scopes, created, last_modified, version, doc)
                 values (?1, ?2, 'g', 'g', ?3, 0, 0, 1, '{}')",
                (org.0, id(at as u128), scopes),
            )
            .expect("a group");
            let (user, subgroup) = if at == 1 { (Some(id(0)), None) } else { (None, Some(id(at as u128 - 1))) };
            db.execute(
                "insert into members (org_id, group_id, user_id, subgroup_id) values (?1, ?2, ?3, ?4)",
                (org.0, id(at as u128), user, subgroup),
            )
            .expect("a member");
        }
        (db, org)
    }

    #[test]
    fn a_circle_of_groups_has_an_end() {
        let (db, org) = chain(5);
        // No commit makes one; a database that somebody else wrote to may hold it.
        db.execute("insert into members (org_id, group_id, subgroup_id) values (?1, ?2, ?3)", (org.0, id(1), id(5)))
            .expect("a circle");
        let reads = ScopeSet::known("users:read");
        assert_eq!(of_user(&db, org, id(0)).expect("an end"), reads);
        assert_eq!(of_member(&db, org, id(3)).expect("an end"), reads);
        assert_eq!(of_user(&db, OrgId(id(1)), id(0)).expect("another org"), ScopeSet::NONE);
    }

    #[test]
    fn beyond_the_bound_nothing_is_had_and_nothing_can_be_given_away() {
        for (count, has, gives) in
            [(GROUPS_WALKED_MAX - 1, "users:read", ScopeSet::known("users:read")), (GROUPS_WALKED_MAX + 1, "", ScopeSet::ALL)]
        {
            let (db, org) = chain(count);
            assert_eq!(of_user(&db, org, id(0)).expect("an end"), ScopeSet::known(has), "{count}");
            assert_eq!(of_member(&db, org, id(1)).expect("an end"), gives, "{count}");
        }
    }

    #[test]
    fn each_step_is_an_index_probe() {
        let (db, org) = chain(2);
        let plan = |sql: &str| {
            let params: [&dyn rusqlite::ToSql; 3] = [&org.0, &id(1), &9];
            let params = &params[..if sql == ANY {
                1
            } else if sql == BELOW {
                2
            } else {
                3
            }];
            all(&db, &format!("explain query plan {sql}"), params, |row| row.get::<_, String>(3)).expect("a plan").join("\n")
        };
        let (up, group) = ("members_by_subgroup (org_id=? AND subgroup_id=?)", "sqlite_autoindex_groups_1 (org_id=? AND id=?)");
        for (sql, probes) in [
            (ANY, &["groups_with_scopes (org_id=?)"][..]),
            (OF_USER, &["members_by_user (org_id=? AND user_id=?)", up, group]),
            (OF_MEMBER, &[up, group]),
            (BELOW, &["users_by_source (source_org_id=? AND source_id=?)"]),
        ] {
            let plan = plan(sql);
            assert!(probes.iter().all(|probe| plan.contains(probe)), "{plan}");
        }
    }
}
