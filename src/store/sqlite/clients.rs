//! Clients: those of the org, and those of its parent that may enter it.

use rusqlite::{Connection, Row};

use super::readers::{all, execute, int, one};
use super::{Breach, breach};
use crate::auth::{Client, Proof};
use crate::base::{ClientId, OrgId, Timestamp};
use crate::store::{Credentials, Error, Outcome};

/// A client by its id, in the org it is a client of.
pub(super) fn client(db: &Connection, client: ClientId) -> Result<Option<Client>, Error> {
    one(
        db,
        "select id, org_id, name, scope, created, last_used, secret_hash, jwks, old_secret_hash, old_secret_until
         from clients where id = ?1",
        &[&client.0],
        from_row,
    )
}

/// A page of those of the org, guests included, the oldest first, and how many there are.
pub(super) fn page(db: &Connection, org: OrgId, query: &Credentials) -> Result<(usize, Vec<Client>), Error> {
    let moment = db.unchecked_transaction()?;
    let total = one(
        &moment,
        "select (select count(*) from clients where org_id = ?1 and (?2 is null or id = ?2))
           + (select count(*) from guest_clients where org_id = ?1 and (?2 is null or client_id = ?2))",
        &[&org.0, &query.id],
        |row| row.get::<_, i64>(0),
    )?;
    let clients = all(
        &moment,
        "select id, org_id, name, scope, created, last_used, secret_hash, jwks, old_secret_hash, old_secret_until
         from clients where org_id = ?1 and (?2 is null or id = ?2)
         union all
         select client_id, org_id, name, scope, created, null, null, null, null, null
         from guest_clients where org_id = ?1 and (?2 is null or client_id = ?2)
         order by created, id limit ?3 offset ?4",
        &[&org.0, &query.id, &int(query.count as u64), &int(query.offset as u64)],
        from_row,
    )?;
    Ok((usize::try_from(total.unwrap_or(0)).unwrap_or(0), clients))
}

fn from_row(row: &Row<'_>) -> Result<Client, rusqlite::Error> {
    let before: (Option<[u8; 32]>, Option<i64>) = (row.get(8)?, row.get(9)?);
    let proof = match (row.get(6)?, row.get(7)?) {
        (Some(hash), _) => Proof::Secret { hash, before: before.0.zip(before.1.map(Timestamp)) },
        (None, Some(keys)) => Proof::Keys(keys),
        (None, None) => Proof::Elsewhere,
    };
    Ok(Client {
        id: ClientId(row.get(0)?),
        org: OrgId(row.get(1)?),
        name: row.get(2)?,
        scope: row.get(3)?,
        proof,
        created: Timestamp(row.get(4)?),
        last_used: row.get::<_, Option<_>>(5)?.map(Timestamp),
    })
}

pub(super) fn create(db: &Connection, client: &Client) -> Result<Outcome, Error> {
    let (hash, keys) = match &client.proof {
        Proof::Secret { hash, .. } => (Some(hash), None),
        Proof::Keys(keys) => (None, Some(keys)),
        Proof::Elsewhere => (None, None),
    };
    let made = execute(
        db,
        "insert into clients (id, org_id, name, scope, secret_hash, jwks, created) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[&client.id.0, &client.org.0, &client.name, &client.scope, &hash, &keys, &client.created.0],
    );
    found(made)?;
    Ok(Outcome::Done)
}

/// A guest; in place of what it was before. The schema lets none in but a client of the parent.
pub(super) fn admit(db: &Connection, client: &Client, parent: OrgId) -> Result<Outcome, Error> {
    execute(db, "delete from guest_clients where org_id = ?1 and client_id = ?2", &[&client.org.0, &client.id.0])?;
    let made = execute(
        db,
        "insert into guest_clients (org_id, client_id, client_org_id, name, scope, created) values (?1, ?2, ?3, ?4, ?5, ?6)",
        &[&client.org.0, &client.id.0, &parent.0, &client.name, &client.scope, &client.created.0],
    );
    found(made)?;
    Ok(Outcome::Done)
}

/// Another secret; of a client that has one.
pub(super) fn rotate(
    db: &Connection,
    (org, client): (OrgId, ClientId),
    hash: &[u8; 32],
    until: Timestamp,
) -> Result<Outcome, Error> {
    let changed = execute(
        db,
        "update clients set old_secret_hash = secret_hash, old_secret_until = ?4, secret_hash = ?3, version = version + 1
         where org_id = ?1 and id = ?2 and secret_hash is not null",
        &[&org.0, &client.0, hash, &until.0],
    )?;
    if changed == 0 { Err(Error::NotFound) } else { Ok(Outcome::Done) }
}

/// A client of the org, or its being a guest there.
pub(super) fn delete(db: &Connection, org: OrgId, client: ClientId) -> Result<Outcome, Error> {
    let gone = execute(db, "delete from clients where org_id = ?1 and id = ?2", &[&org.0, &client.0])?
        + execute(db, "delete from guest_clients where org_id = ?1 and client_id = ?2", &[&org.0, &client.0])?;
    if gone == 0 { Err(Error::NotFound) } else { Ok(Outcome::Done) }
}

/// `Stale` where it was used before.
pub(super) fn assertion_used(db: &Connection, client: ClientId, id: &[u8; 32], end: Timestamp) -> Result<Outcome, Error> {
    let sql = "insert into assertions_used (client_id, id, expires_at) values (?1, ?2, ?3) on conflict do nothing";
    let made = found(execute(db, sql, &[&client.0, id, &end.0]))?;
    if made == 0 { Err(Error::Stale) } else { Ok(Outcome::Done) }
}

/// An org or a client that is not there is not found.
fn found(result: Result<usize, rusqlite::Error>) -> Result<usize, Error> {
    result.map_err(|error| match breach(&error, "id") {
        Some(Breach::Foreign) => Error::NotFound,
        _ => error.into(),
    })
}
