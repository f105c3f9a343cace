//! Letters that wait, and what became of them.

use rusqlite::Connection;
use uuid::Uuid;

use super::readers::{all, execute, int};
use crate::base::{InvitationId, OrgId, Timestamp};
use crate::outbox::{Change, End, Letter, Shares};
use crate::store::{Error, Outcome};

/// Letters that one look considers.
const LOOK_MAX: i64 = 64;
/// How many can be full at the same time.
const ORGS_MAX: usize = Shares::ALL / Shares::ORG;
const DOMAINS_MAX: usize = Shares::ALL / Shares::DOMAIN;

/// Due letters of those who have room: first the oldest of each org, then the next of each; of an org, the oldest to each domain.
pub(super) fn waiting(
    db: &Connection,
    now: Timestamp,
    full_orgs: &[OrgId],
    full_domains: &[String],
) -> Result<Vec<(Uuid, OrgId, String)>, Error> {
    let mut orgs = [Uuid::nil(); ORGS_MAX];
    orgs.iter_mut().zip(full_orgs).for_each(|(place, org)| *place = org.0);
    let mut domains = [None::<&str>; DOMAINS_MAX];
    domains.iter_mut().zip(full_domains).for_each(|(place, domain)| *place = Some(domain));
    let ([a, b], [c, d, e, f]) = (&orgs, &domains);
    all(db, WAITING, &[&now.0, &LOOK_MAX, a, b, c, d, e, f, &int(Shares::DOMAIN as u64)], |row| {
        Ok((row.get(0)?, OrgId(row.get(1)?), row.get(2)?))
    })
}

// From org to org and in each from domain to domain, one index probe a step, and no more letters of each than can go at the same
// time: ten thousand that wait for one server cost no more than ten.
const WAITING: &str = "
  with recursive
    org (id) as (
      select min(org_id) from letters
      union all
      select (select min(org_id) from letters where org_id > org.id) from org where org.id is not null
    ),
    pair (org_id, domain) as (
      select id, (select min(domain) from letters where org_id = org.id) from org where id is not null and id not in (?3, ?4)
      union all
      select org_id, (select min(domain) from letters where org_id = pair.org_id and domain > pair.domain)
      from pair where domain is not null
    ),
    letter (id, org_id, domain, due) as (
      select l.id, l.org_id, l.domain, l.due
      from pair cross join letters l on l.id in (
        select id from letters where org_id = pair.org_id and domain = pair.domain and due <= ?1 order by due, id limit ?9)
      where not coalesce(pair.domain in (?5, ?6, ?7, ?8), 0)
    )
  select id, org_id, domain
  from (
    select id, org_id, domain, due, row_number() over (partition by org_id order by turn, due, id) as org_turn
    from (select *, row_number() over (partition by org_id, domain order by due, id) as turn from letter)
  )
  order by org_turn, due, id
  limit ?2";

/// Leases those of `ids` that are due. The try is counted when it begins: one that kills its carrier has used it up (SEC F-20).
pub(super) fn lease(db: &Connection, now: Timestamp, until: Timestamp, ids: &[Uuid]) -> Result<Vec<Letter>, Error> {
    let mut letters = Vec::with_capacity(ids.len());
    for id in ids {
        letters.extend(all(
            db,
            "update letters set due = ?2, attempts = attempts + 1
             where id = ?1 and due <= ?3
             returning id, org_id, invitation_id, generation, domain, attempts - 1, unclear, kind = 'reminder'",
            &[id, &until.0, &now.0],
            |row| {
                Ok(Letter {
                    id: row.get(0)?,
                    org: OrgId(row.get(1)?),
                    invitation: InvitationId(row.get(2)?),
                    generation: row.get(3)?,
                    domain: row.get(4)?,
                    attempts: row.get(5)?,
                    unclear: row.get(6)?,
                    is_reminder: row.get(7)?,
                })
            },
        )?);
    }
    Ok(letters)
}

/// Writes how far a try got.
pub(super) fn write(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    match change {
        Change::LetterBegun { letter, at } => begin(db, letter, *at),
        Change::LetterTried { letter, at, end, answer } => tried(db, letter, *at, *end, answer),
    }
}

fn begin(db: &Connection, letter: &Letter, at: Timestamp) -> Result<Outcome, Error> {
    let begun = execute(
        db,
        "update letters set unclear = unclear + 1
         where id = ?1 and attempts = ?2 and exists (
           select 1 from invitations i
           where i.org_id = letters.org_id and i.id = letters.invitation_id and i.status = 'pending'
             and i.generation = letters.generation and i.expires_at > ?3
         )",
        &[&letter.id, &int(u64::from(letter.attempts) + 1), &at.0],
    )?;
    if begun == 0 { Err(Error::Stale) } else { Ok(Outcome::Done) }
}

/// Shows it on the invitation too, unless a newer letter is under way. Of a reminder only that it went: the letter before it has
/// not come back.
fn tried(db: &Connection, letter: &Letter, at: Timestamp, end: End, answer: &str) -> Result<Outcome, Error> {
    let (attempt, unclear) = (int(u64::from(letter.attempts) + 1), letter.unclear);
    let (state, changed) = match end {
        End::Deferred(due) => {
            let sql = "update letters set due = ?3, unclear = ?4 where id = ?1 and attempts = ?2";
            ("deferred", execute(db, sql, &[&letter.id, &attempt, &due.0, &unclear])?)
        }
        End::Sent | End::Failed => {
            let sql = "delete from letters where id = ?1 and attempts = ?2";
            (if end == End::Sent { "sent" } else { "failed" }, execute(db, sql, &[&letter.id, &attempt])?)
        }
    };
    if changed == 0 || letter.is_reminder && end != End::Sent {
        return Ok(Outcome::Done);
    }
    let sent_at = (end == End::Sent).then_some(at.0);
    execute(
        db,
        "update invitations set delivery_state = ?4, delivery_attempts = ?5, delivery_answer = ?6, delivery_sent_at = ?7,
           delivery_unclear = ?8, last_modified = ?9, version = version + 1
         where org_id = ?1 and id = ?2 and generation = ?3",
        &[&letter.org.0, &letter.invitation.0, &letter.generation, &state, &attempt, &answer, &sent_at, &unclear, &at.0],
    )?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::open;

    #[test]
    fn those_that_wait_are_not_counted_through() {
        let mut db = Connection::open_in_memory().expect("memory");
        open::prepare(&db, open::Role::Write).expect("settings");
        open::migrate(&mut db).expect("a schema");
        let params: [&dyn rusqlite::ToSql; 9] = [&1, &2, &3, &4, &5, &6, &7, &8, &9];
        let plan = all(&db, &format!("explain query plan {WAITING}"), &params, |row| row.get::<_, String>(3)).expect("a plan");
        assert!(!plan.iter().any(|line| line.starts_with("SCAN letters") || line == "SCAN l"), "{plan:#?}");
        for probe in ["(org_id>?)", "(org_id=?)", "(org_id=? AND domain>?)", "(org_id=? AND domain=? AND due<?)"] {
            assert!(plan.iter().any(|line| line.ends_with(probe) && line.contains(" COVERING ")), "{probe}: {plan:#?}");
        }
    }
}
