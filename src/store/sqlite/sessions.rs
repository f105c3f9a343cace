//! Sessions: found by the hash of their secret, written beside the log of changes.

use rusqlite::Connection;

use super::readers::{execute, int, one};
use crate::auth::{Session, session::SessionId};
use crate::base::{OrgId, Timestamp, UserId};
use crate::store::Error;

/// The one with this id.
pub(super) fn session(db: &Connection, id: &SessionId) -> Result<Option<Session>, Error> {
    let sql = "select org_id, user_id, created_at, seen_at, expires_at from sessions where id = ?1";
    one(db, sql, &[id], |row| {
        Ok(Session {
            id: *id,
            org: OrgId(row.get(0)?),
            user: UserId(row.get(1)?),
            created_at: Timestamp(row.get(2)?),
            seen_at: Timestamp(row.get(3)?),
            expires_at: Timestamp(row.get(4)?),
        })
    })
}

/// One that begins, as long as the user is active and has the password that was shown.
pub(super) fn start(db: &Connection, session: &Session, password_hash: &str) -> Result<(), Error> {
    let Session { id, org, user, created_at, seen_at, expires_at } = session;
    let written = execute(
        db,
        "insert into sessions (id, org_id, user_id, created_at, seen_at, expires_at)
         select ?1, org_id, id, ?4, ?5, ?6 from users where org_id = ?2 and id = ?3 and active and password_hash = ?7",
        &[id, &org.0, &user.0, &created_at.0, &seen_at.0, &expires_at.0, &password_hash],
    )?;
    if written == 1 { Ok(()) } else { Err(Error::Stale) }
}

/// Notes a use. What has ended meanwhile stays so.
pub(super) fn seen(db: &Connection, id: &SessionId, at: Timestamp) -> Result<usize, rusqlite::Error> {
    execute(db, "update sessions set seen_at = ?2 where id = ?1 and seen_at < ?2", &[id, &at.0])
}

/// Ends one.
pub(super) fn end(db: &Connection, id: &SessionId) -> Result<usize, rusqlite::Error> {
    execute(db, "delete from sessions where id = ?1", &[id])
}

/// Forgets up to `most` that are over.
pub(super) fn sweep(db: &Connection, now: Timestamp, most: usize) -> Result<usize, Error> {
    let sql = "delete from sessions where id in (select id from sessions where expires_at <= ?1 order by expires_at limit ?2)";
    Ok(execute(db, sql, &[&now.0, &int(most as u64)])?)
}
