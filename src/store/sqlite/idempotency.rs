//! Requests that are carried out once.

use rusqlite::Connection;

use super::readers::{execute, int, one};
use super::{Breach, breach};
use crate::base::{OrgId, Timestamp, limit};
use crate::store::{Error, Kept, Outcome, RequestKept};

/// What is kept of the request under `key`, if it is not too long ago.
pub(super) fn kept(db: &Connection, org: OrgId, key: [u8; 32], now: Timestamp) -> Result<Option<RequestKept>, Error> {
    one(
        db,
        "select request, made, answer, at from requests_kept where org_id = ?1 and key = ?2 and at >= ?3",
        &[&org.0, &key, &since(now)],
        |row| {
            let (made, answer) = (row.get(1)?, row.get(2)?);
            let outcome = match (made, answer) {
                (Some(id), _) => Kept::Made(id),
                (None, Some(answer)) => Kept::Answered(answer),
                (None, None) => Kept::Begun,
            };
            Ok(RequestKept { org, key, request: row.get(0)?, outcome, at: Timestamp(row.get(3)?) })
        },
    )
}

/// Keeps a request that nobody has sent under this key before, or the answer to one that was begun.
pub(super) fn write(db: &Connection, kept: &RequestKept) -> Result<Outcome, Error> {
    let RequestKept { org, key, request, outcome, at } = kept;
    let made = match outcome {
        Kept::Answered(answer) => {
            execute(
                db,
                "update requests_kept set answer = ?3 where org_id = ?1 and key = ?2 and request = ?4",
                &[&org.0, key, answer, request],
            )?;
            return Ok(Outcome::Done);
        }
        Kept::Made(id) => Some(id),
        Kept::Begun => None,
    };
    let written = execute(
        db,
        "insert into requests_kept (org_id, key, request, at, made) values (?1, ?2, ?3, ?4, ?5)
         on conflict do update set request = excluded.request, at = excluded.at, made = excluded.made, answer = null
         where at < ?6",
        &[&org.0, key, request, &at.0, &made, &since(*at)],
    )
    .map_err(|error| match breach(&error, "requests_kept.key") {
        Some(Breach::Foreign) => Error::NotFound,
        _ => error.into(),
    })?;
    if written == 0 {
        return Err(Error::Stale);
    }
    // Keys are evenly spread: one write in 256 looks whether there are too many.
    if key[0] == 0 {
        let most = i64::try_from(limit::REQUESTS_KEPT_MAX).unwrap_or(i64::MAX);
        execute(
            db,
            "delete from requests_kept where org_id = ?1 and at <=
               (select at from requests_kept where org_id = ?1 order by at desc limit 1 offset ?2)",
            &[&org.0, &most],
        )?;
    }
    Ok(Outcome::Done)
}

/// Forgets up to `most` of those that were kept long enough.
pub(super) fn sweep(db: &Connection, now: Timestamp, most: usize) -> Result<usize, Error> {
    let sql = "delete from requests_kept where (org_id, key) in
       (select org_id, key from requests_kept where at < ?1 order by at limit ?2)";
    Ok(execute(db, sql, &[&since(now), &int(most as u64)])?)
}

fn since(now: Timestamp) -> i64 {
    now.0.saturating_sub(i64::try_from(limit::REQUESTS_KEPT.as_millis()).unwrap_or(i64::MAX))
}
