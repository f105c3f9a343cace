//! Clients, and tokens that are no longer believed.

use rusqlite::Connection;

use super::readers::{execute, int, one};
use super::{Breach, breach};
use crate::auth::{Change, Client};
use crate::base::{ClientId, OrgId, Timestamp};
use crate::store::{Error, Outcome};

/// A client by its id, whatever its org.
pub(super) fn client(db: &Connection, client: ClientId) -> Result<Option<Client>, Error> {
    one(db, "select id, org_id, scope, secret_hash, created from clients where id = ?1", &[&client.0], |row| {
        Ok(Client {
            id: ClientId(row.get(0)?),
            org: OrgId(row.get(1)?),
            scope: row.get(2)?,
            secret_hash: row.get(3)?,
            created: Timestamp(row.get(4)?),
        })
    })
}

/// Writes what happened to credentials.
pub(super) fn write(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    match change {
        Change::ClientCreated(client) => execute(
            db,
            "insert into clients (id, org_id, scope, secret_hash, created) values (?1, ?2, ?3, ?4, ?5)",
            &[&client.id.0, &client.org.0, &client.scope, &client.secret_hash, &client.created.0],
        ),
        Change::TokenRevoked { org, token, expires_at } => execute(
            db,
            "insert into revoked_tokens (org_id, id, expires_at) values (?1, ?2, ?3) on conflict do nothing",
            &[&org.0, &token.0, &expires_at.0],
        ),
    }
    .map_err(|error| match breach(&error, "id") {
        Some(Breach::Foreign) => Error::NotFound,
        _ => error.into(),
    })?;
    Ok(Outcome::Done)
}

/// Forgets up to `most` revoked tokens that expired a day ago: no leeway of any clock believes them again.
pub(super) fn sweep(db: &Connection, now: Timestamp, most: usize) -> Result<usize, Error> {
    const DAY_MS: i64 = 24 * 3600 * 1000;
    let sql = "delete from revoked_tokens where (org_id, id) in
       (select org_id, id from revoked_tokens where expires_at < ?1 order by expires_at limit ?2)";
    Ok(execute(db, sql, &[&now.0.saturating_sub(DAY_MS), &int(most as u64)])?)
}
