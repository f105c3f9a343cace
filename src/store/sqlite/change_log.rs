//! The log of every write: triggers fill it (`migrations/sqlite/0002_change_log.sql`), this file tells them for whom.

use rusqlite::Connection;

use super::readers::{execute, int};
use crate::base::{Timestamp, limit};
use crate::store::{Author, Error};

/// What is written from here on is `author`'s.
pub(super) fn sign(db: &Connection, author: &Author) -> Result<(), Error> {
    execute(
        db,
        "update author set actor = ?1, at = ?2, holds = ?3",
        &[&author.actor.to_string(), &author.at.0, &author.holds.bits()],
    )?;
    Ok(())
}

/// Nobody's: a later statement that does not come through the writer must not count as the last author's. Remembers that
/// it was `latest`.
pub(super) fn sign_off(db: &Connection, latest: Timestamp) -> Result<(), Error> {
    // Whoever wrote nothing leaves nothing to be written.
    let sql = "update author set actor = 'sql', at = null, holds = 0, latest = ?1 where actor <> 'sql' or latest > ?1";
    execute(db, sql, &[&latest.0])?;
    Ok(())
}

/// Forgets up to `most` of the oldest events, once they have been kept long enough.
pub(super) fn sweep(db: &Connection, now: Timestamp, most: usize) -> Result<usize, Error> {
    let kept_ms = i64::try_from(limit::CHANGES_KEPT.as_millis()).unwrap_or(i64::MAX);
    let sql = "delete from change_log where seq in (select seq from change_log order by seq limit ?2) and at < ?1";
    Ok(execute(db, sql, &[&now.0.saturating_sub(kept_ms), &int(most as u64)])?)
}
