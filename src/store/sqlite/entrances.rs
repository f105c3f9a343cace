//! Which orgs somebody may enter from where it is: a person those down the chain of being a guest, a client those right below that
//! admitted it.

use rusqlite::{Connection, Row, ToSql};

use super::readers::{all, int, one};
use super::{orgs, rights};
use crate::auth::{ScopeSet, Subject};
use crate::base::{ClientId, OrgId, Timestamp, UserId};
use crate::org::Org;
use crate::store::{Enterable, Entrance, Error};

// From org to org on the way down to `?3`, one index probe each, however many orgs somebody is a guest of. A cross join is done in the
// order written.
const PERSON: &str = "
  with recursive way (org_id, id, distance) as (
    select u.org_id, u.id, p.distance
    from users u join org_paths p on p.ancestor_id = u.org_id and p.org_id = ?3
    where u.org_id = ?1 and u.id = ?2 and u.active and (u.until is null or u.until > ?4)
    union all
    select u.org_id, u.id, p.distance
    from way
      cross join org_paths p on p.org_id = ?3 and p.distance = way.distance - 1
      cross join users u on u.source_org_id = way.org_id and u.source_id = way.id and u.org_id = p.ancestor_id
    where u.active and (u.until is null or u.until > ?4)
  )
  select u.id, u.home_org_id from way cross join users u on u.org_id = way.org_id and u.id = way.id where way.distance = 0";

const CLIENT: &str = "
  select id, org_id, scope from clients where id = ?2 and org_id = ?3 and ?1 = ?3
  union all
  select client_id, client_org_id, scope from guest_clients
  where org_id = ?3 and client_id = ?2 and (client_org_id = ?1 or ?1 = ?3)";

// `?1` org, `?2` subject, `?3` what is searched for, `?4` now, `?5` whether `?1` is one of them, `?6` how many, `?7` from where.
const REACH: &str = "
  with recursive reach (org_id, id) as (
    select org_id, id from users where org_id = ?1 and id = ?2 and active and (until is null or until > ?4)
    union all
    select u.org_id, u.id from reach cross join users u on u.source_org_id = reach.org_id and u.source_id = reach.id
    where u.active and (u.until is null or u.until > ?4)
  )
  select o.id, count(*) over () from reach cross join orgs o on o.id = reach.org_id
  where (?5 or o.id <> ?1) and o.active and (?3 is null or instr(fold(o.name), ?3) > 0 or instr(o.handle, ?3) > 0)
  order by o.id <> ?1, fold(o.name), o.id limit ?6 offset ?7";

const ADMITTED: &str = "
  select o.id, count(*) over () from orgs o
  where ((?5 and o.id = ?1) or o.id in (select org_id from guest_clients where client_id = ?2 and client_org_id = ?1))
    and ?4 is not null and o.active and (?3 is null or instr(fold(o.name), ?3) > 0 or instr(o.handle, ?3) > 0)
  order by o.id <> ?1, fold(o.name), o.id limit ?6 offset ?7";

/// Whom `subject` of `from` is in `to`, and what it may do there, if it may enter; itself where the two are one.
pub(super) fn entrance(
    db: &Connection,
    from: OrgId,
    subject: &Subject,
    to: OrgId,
    now: Timestamp,
) -> Result<Option<Entrance>, Error> {
    let Some(org) = orgs::org(db, to)?.filter(|org| org.active) else { return Ok(None) };
    let found = match subject {
        Subject::Client(id) => one(db, CLIENT, &[&from.0, &id.0, &to.0], |row| {
            let scopes = ScopeSet::known(&row.get::<_, String>(2)?);
            Ok((Subject::Client(ClientId(row.get(0)?)), OrgId(row.get(1)?), scopes))
        })?,
        Subject::User(id) => {
            let person = |row: &Row<'_>| Ok((UserId(row.get(0)?), OrgId(row.get(1)?)));
            match one(db, PERSON, &[&from.0, &id.0, &to.0, &now.0], person)? {
                Some((user, home_org)) => Some((Subject::User(user), home_org, rights::of_user(db, to, user.0)?)),
                None => None,
            }
        }
        Subject::External { .. } => None,
    };
    Ok(found.map(|(subject, home_org, scopes)| Entrance { org, subject, home_org, scopes }))
}

/// A page of the active orgs that `subject` of `from` may enter from there, by name, and how many there are.
pub(super) fn enterable(
    db: &Connection,
    from: OrgId,
    subject: &Subject,
    query: &Enterable,
    now: Timestamp,
) -> Result<(usize, Vec<Org>), Error> {
    let (sql, subject) = match subject {
        Subject::User(id) => (REACH, id.0),
        Subject::Client(id) => (ADMITTED, id.0),
        Subject::External { .. } => return Ok((0, Vec::new())),
    };
    let moment = db.unchecked_transaction()?;
    let page = |count: usize, offset: usize| {
        let (count, offset) = (int(count as u64), int(offset as u64));
        let params: [&dyn ToSql; 7] = [&from.0, &subject, &query.search, &now.0, &query.has_own, &count, &offset];
        all(&moment, sql, &params, |row| Ok((OrgId(row.get(0)?), row.get::<_, i64>(1)?)))
    };
    let found = page(query.count, query.offset)?;
    // A page beyond the end tells nothing of how many there are.
    let total = if found.is_empty() { page(1, 0)?.first().map_or(0, |(_, total)| *total) } else { found[0].1 };
    let orgs = found.iter().map(|(id, _)| orgs::org(&moment, *id)).collect::<Result<Vec<_>, _>>()?;
    Ok((usize::try_from(total).unwrap_or(0), orgs.into_iter().flatten().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::open;

    #[test]
    fn each_step_down_is_an_index_probe() {
        let mut db = Connection::open_in_memory().expect("memory");
        open::prepare(&db, open::Role::Write).expect("settings");
        open::migrate(&mut db).expect("a schema");
        for (sql, count) in [(PERSON, 4), (REACH, 7)] {
            let params: [&dyn ToSql; 7] = [&1, &2, &3, &4, &5, &6, &7];
            let plan = all(&db, &format!("explain query plan {sql}"), &params[..count], |row| row.get::<_, String>(3));
            let plan = plan.expect("a plan");
            assert!(!plan.iter().any(|line| ["SCAN u", "SCAN o", "SCAN p"].contains(&line.as_str())), "{plan:#?}");
            assert!(plan.iter().any(|line| line.contains("users_by_source (source_org_id=? AND source_id=?")), "{plan:#?}");
        }
    }
}
