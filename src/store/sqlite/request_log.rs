//! The request log of each org, and how often it needed which quirk.

use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::readers::{all, execute, int, one};
use crate::base::{OrgId, Timestamp};
use crate::org::log::{Entry, QuirkCount, Wanted};
use crate::scim::Quirks;
use crate::store::{Error, Outcome};

/// Rows that one look forgets for one reason; the next one goes on.
const SWEEP_MAX: i64 = 10_000;

/// Writes `entries`, and counts what they needed.
pub(super) fn write(db: &Connection, entries: &[Entry]) -> Result<Outcome, Error> {
    for entry in entries {
        // The org may be gone meanwhile.
        let written = execute(
            db,
            "insert into request_log
               (org_id, id, at, method, path, status, duration_us, client, user_agent, quirks, reason, body)
             select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 where exists (select 1 from orgs where id = ?1)",
            &[
                &entry.org.0,
                &entry.id,
                &entry.at.0,
                &entry.method,
                &entry.path,
                &entry.status,
                &entry.duration_us,
                &entry.client,
                &entry.user_agent,
                &entry.quirks.0.cast_signed(),
                &entry.reason,
                &entry.body,
            ],
        )?;
        for quirk in entry.quirks.names().iter().filter(|_| written > 0) {
            execute(
                db,
                "insert into quirk_counts (org_id, quirk, count, last_seen) values (?1, ?2, 1, ?3)
                 on conflict do update set count = count + 1, last_seen = excluded.last_seen",
                &[&entry.org.0, &quirk, &entry.at.0],
            )?;
        }
    }
    Ok(Outcome::Done)
}

/// The orgs that have more than `rows` lines, and how many more.
pub(super) fn surplus(db: &Connection, rows: u32) -> Result<Vec<(OrgId, u64)>, Error> {
    let sql = "select org_id, count(*) - ?1 from request_log group by org_id having count(*) > ?1";
    all(db, sql, &[&rows], |row| Ok((OrgId(row.get(0)?), row.get::<_, i64>(1)?.unsigned_abs())))
}

/// Forgets some of what is older than `since`, or by `at` as old as its org chose, and of each `surplus`. Every step finds what goes
/// at the start of an index.
pub(super) fn expire(db: &Connection, since: Timestamp, at: Timestamp, surplus: &[(OrgId, u64)]) -> Result<Outcome, Error> {
    execute(
        db,
        "delete from request_log where rowid in (select rowid from request_log where at < ?1 order by at limit ?2)",
        &[&since.0, &SWEEP_MAX],
    )?;
    let chosen = "select id, json_extract(choices, '$.retention.requests') from orgs where choices <> '{}'";
    let chosen = all(db, chosen, &[], |row| Ok((row.get::<_, Uuid>(0)?, row.get::<_, Option<i64>>(1)?)))?;
    for (org, days) in chosen.into_iter().filter_map(|(org, days)| Some((org, days?))) {
        // Ids open with the time at which they were made (RFC 9562 §5.7).
        let before = at.0.saturating_sub(days.saturating_mul(86_400_000)).max(0).unsigned_abs();
        let first = Uuid::from_u128(u128::from(before) << 80);
        let sql = "delete from request_log
           where rowid in (select rowid from request_log where org_id = ?1 and id < ?2 order by id limit ?3)";
        execute(db, sql, &[&org, &first, &SWEEP_MAX])?;
    }
    for (org, surplus) in surplus {
        execute(
            db,
            "delete from request_log
             where rowid in (select rowid from request_log where org_id = ?1 order by id limit min(?2, ?3))",
            &[&org.0, &int(*surplus), &SWEEP_MAX],
        )?;
    }
    Ok(Outcome::Done)
}

/// The lines that are wanted, the newest first.
pub(super) fn list(db: &Connection, org: OrgId, wanted: &Wanted) -> Result<Vec<Entry>, Error> {
    let (least, most) = wanted.status.unwrap_or((0, u16::MAX));
    let quirks = (!wanted.quirks.is_empty()).then_some(wanted.quirks.0.cast_signed());
    all(
        db,
        "select org_id, id, at, method, path, status, duration_us, client, user_agent, quirks, reason, body
         from request_log
         where org_id = ?1 and id < coalesce(?2, x'ffffffffffffffffffffffffffffffffff')
           and status between ?3 and ?4
           and (?5 is null or method = ?5) and (?6 is null or quirks & ?6 <> 0) and (?7 is null or client = ?7)
           and (?8 is null or at >= ?8) and (?9 is null or at < ?9)
         order by id desc limit ?10",
        &[
            &org.0,
            &wanted.before,
            &least,
            &most,
            &wanted.method,
            &quirks,
            &wanted.client,
            &wanted.since.map(|at| at.0),
            &wanted.until.map(|at| at.0),
            &int(wanted.limit as u64),
        ],
        from_row,
    )
}

/// One line.
pub(super) fn entry(db: &Connection, org: OrgId, id: Uuid) -> Result<Option<Entry>, Error> {
    one(
        db,
        "select org_id, id, at, method, path, status, duration_us, client, user_agent, quirks, reason, body
         from request_log where org_id = ?1 and id = ?2",
        &[&org.0, &id],
        from_row,
    )
}

/// What the org needed, the most needed first.
pub(super) fn counts(db: &Connection, org: OrgId) -> Result<Vec<QuirkCount>, Error> {
    let sql = "select quirk, count, last_seen from quirk_counts where org_id = ?1 order by count desc, quirk";
    all(db, sql, &[&org.0], |row| {
        Ok(QuirkCount { quirk: row.get(0)?, count: row.get::<_, i64>(1)?.unsigned_abs(), last_seen: Timestamp(row.get(2)?) })
    })
}

fn from_row(row: &Row<'_>) -> Result<Entry, rusqlite::Error> {
    Ok(Entry {
        org: OrgId(row.get(0)?),
        id: row.get(1)?,
        at: Timestamp(row.get(2)?),
        method: row.get(3)?,
        path: row.get(4)?,
        status: row.get(5)?,
        duration_us: row.get(6)?,
        client: row.get(7)?,
        user_agent: row.get(8)?,
        quirks: Quirks(row.get::<_, i64>(9)?.cast_unsigned()),
        reason: row.get(10)?,
        body: row.get(11)?,
    })
}
