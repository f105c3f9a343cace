//! The log of every write: triggers fill it (`migrations/sqlite/0002_change_log.sql`), this file tells them for whom.

use rusqlite::Connection;

use super::readers::execute;
use crate::base::{Timestamp, limit};
use crate::store::{Author, Error};

/// What is written from here on is `author`'s.
pub(super) fn sign(db: &Connection, author: &Author) -> Result<(), Error> {
    execute(db, "update author set actor = ?1, at = ?2", &[&author.actor.to_string(), &author.at.0])?;
    Ok(())
}

/// Nobody's: a later statement that does not come through the writer must not count as the last author's.
pub(super) fn sign_off(db: &Connection) -> Result<(), Error> {
    execute(db, "update author set actor = 'sql', at = null", &[])?;
    Ok(())
}

/// Forgets the oldest events, a hundred at a time, once they have been kept long enough.
pub(super) fn sweep(db: &Connection, now: Timestamp) -> Result<(), Error> {
    let kept_ms = i64::try_from(limit::CHANGES_KEPT.as_millis()).unwrap_or(i64::MAX);
    execute(
        db,
        "delete from change_log where seq in (select seq from change_log order by seq limit 100) and at < ?1",
        &[&now.0.saturating_sub(kept_ms)],
    )?;
    Ok(())
}
