//! Which orgs the subject of a token may enter from where it is: a client those right below that admitted it.

use rusqlite::{Connection, ToSql};

use super::orgs;
use super::readers::{all, int, one};
use crate::auth::{ScopeSet, Subject};
use crate::base::OrgId;
use crate::org::Org;
use crate::store::{Enterable, Entrance, Error};

/// What `subject` of `from` may do in `to`, if it may enter there; where the two are one, what it may do anyway.
pub(super) fn entrance(db: &Connection, from: OrgId, subject: &Subject, to: OrgId) -> Result<Option<Entrance>, Error> {
    let found = match subject {
        Subject::Client(id) => one(
            db,
            "select scope, org_id from clients where id = ?2 and org_id = ?3 and ?1 = ?3
             union all
             select scope, client_org_id from guest_clients
             where org_id = ?3 and client_id = ?2 and (client_org_id = ?1 or ?1 = ?3)",
            &[&from.0, &id.0, &to.0],
            |row| Ok((ScopeSet::known(&row.get::<_, String>(0)?), OrgId(row.get(1)?))),
        )?,
        Subject::User(_) | Subject::External { .. } => None,
    };
    let Some(org) = orgs::org(db, to)?.filter(|org| org.active) else { return Ok(None) };
    Ok(found.map(|(scopes, home_org)| Entrance { org, home_org, scopes }))
}

/// A page of the active orgs that `subject` of `from` may switch to, by name, and how many there are.
pub(super) fn enterable(
    db: &Connection,
    from: OrgId,
    subject: &Subject,
    query: &Enterable,
) -> Result<(usize, Vec<Org>), Error> {
    let Subject::Client(subject) = subject else { return Ok((0, Vec::new())) };
    let moment = db.unchecked_transaction()?;
    let page = |count: usize, offset: usize| {
        let (count, offset) = (int(count as u64), int(offset as u64));
        let params: [&dyn ToSql; 5] = [&from.0, &subject.0, &query.search, &count, &offset];
        all(
            &moment,
            "select o.id, count(*) over () from guest_clients g join orgs o on o.id = g.org_id
             where g.client_id = ?2 and g.client_org_id = ?1 and o.active
               and (?3 is null or instr(fold(o.name), ?3) > 0 or instr(o.handle, ?3) > 0)
             order by fold(o.name), o.id limit ?4 offset ?5",
            &params,
            |row| Ok((OrgId(row.get(0)?), row.get::<_, i64>(1)?)),
        )
    };
    let found = page(query.count, query.offset)?;
    // A page beyond the end tells nothing of how many there are.
    let total = if found.is_empty() { page(1, 0)?.first().map_or(0, |(_, total)| *total) } else { found[0].1 };
    let orgs = found.iter().map(|(id, _)| orgs::org(&moment, *id)).collect::<Result<Vec<_>, _>>()?;
    Ok((usize::try_from(total).unwrap_or(0), orgs.into_iter().flatten().collect()))
}
