//! Tokens: whether one is still believed, and those that are listed by their id.

use rusqlite::{Connection, Row, ToSql};
use uuid::Uuid;

use super::readers::{all, execute, int, one};
use super::{Breach, breach, clients, sessions};
use crate::auth::issue::LIFETIME_MAX;
use crate::auth::{Bearer, Change, ProvisioningToken, Subject};
use crate::base::{ClientId, OrgId, Timestamp, TokenId, UserId};
use crate::store::{Claim, Credentials, Error, Outcome};

/// What the rows say of a token.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// Whether it, its subject, its client and every token it came from are still there and not revoked.
    pub(super) is_live: bool,
    /// When it ends, where another took its place, or the membership of its subject does; or that of one it came from.
    pub(super) ends_at: Option<Timestamp>,
    /// Whether it is one that is listed.
    pub(super) is_listed: bool,
}

/// Whether the claim still holds in `org`: it, and whatever it was exchanged from.
pub(super) fn standing(db: &Connection, org: OrgId, claim: &Claim) -> Result<Standing, Error> {
    let mut standing = one_standing(db, org, &claim.subject, claim.token, claim.client, claim.issued_at)?;
    for source in claim.sources.iter() {
        let token = Some(source.token);
        let above = one_standing(db, source.org, &source.subject, token, source.client, source.issued_at)?;
        let org_is_active = || one(db, "select active from orgs where id = ?1", &[&source.org.0], |row| row.get(0));
        standing.is_live &= above.is_live && org_is_active()?.unwrap_or(false);
        standing.ends_at = [standing.ends_at, above.ends_at].into_iter().flatten().min();
    }
    Ok(standing)
}

/// `?1` org, `?2` token, `?3` subject, `?4` client, `?5` when it was issued. A client's own org may take back what came through
/// it, wherever that led.
macro_rules! statement {
    ($subject:literal) => {
        concat!(
            "select ",
            $subject,
            " and not exists (select 1 from revoked_tokens where org_id = ?1 and id = ?2)
              and not exists (select 1 from revoked_subjects where org_id = ?1 and subject_id in (?1, ?3) and until >= ?5)
              and not exists (
                select 1 from clients c join revoked_subjects r on r.org_id = c.org_id and r.subject_id = c.id
                where c.id = ?4 and r.until >= ?5),
              exists (select 1 from tokens where org_id = ?1 and id = ?2),
              (select expires_at from tokens where org_id = ?1 and id = ?2 and replaced_by is not null),
              (select until from users where org_id = ?1 and id = ?3)"
        )
    };
}

fn one_standing(
    db: &Connection,
    org: OrgId,
    subject: &Subject,
    token: Option<TokenId>,
    client: Option<ClientId>,
    issued_at: Timestamp,
) -> Result<Standing, Error> {
    let (sql, client) = match subject {
        Subject::Client(id) => (
            // Its own, a guest since before the token was issued, or the one behind a provisioning token.
            statement!(
                "(exists (select 1 from clients where id = ?3 and org_id = ?1)
                  or exists (select 1 from guest_clients where org_id = ?1 and client_id = ?3 and created <= ?5)
                  or exists (select 1 from tokens where org_id = ?1 and id = ?2 and client_id = ?3))"
            ),
            Some(*id),
        ),
        Subject::User(_) => (
            statement!(
                "exists (select 1 from users where org_id = ?1 and id = ?3 and active)
                 and (?4 is null or exists (select 1 from clients where id = ?4))"
            ),
            client,
        ),
        // Its issuer vouches for it, for as long as the token lasts.
        Subject::External { .. } => (statement!("?3 is null"), None),
    };
    let (token, client) = (token.map(|token| token.0), client.map(|client| client.0));
    let params: [&dyn ToSql; 5] = [&org.0, &token, &subject.id(), &client, &issued_at.0];
    let found = one(db, sql, &params, |row| {
        let ends: [Option<i64>; 2] = [row.get(2)?, row.get(3)?];
        let ends_at = ends.into_iter().flatten().min().map(Timestamp);
        Ok(Standing { is_live: row.get(0)?, is_listed: row.get(1)?, ends_at })
    })?;
    Ok(found.unwrap_or_default())
}

/// A page of those that are listed, the newest first, and how many there are.
pub(super) fn page(db: &Connection, org: OrgId, query: &Credentials) -> Result<(usize, Vec<ProvisioningToken>), Error> {
    let moment = db.unchecked_transaction()?;
    let sql = "select count(*) from tokens where org_id = ?1 and (?2 is null or id = ?2)";
    let total = one(&moment, sql, &[&org.0, &query.id], |row| row.get::<_, i64>(0))?;
    let tokens = all(
        &moment,
        "select org_id, id, name, client_id, user_id, scope, created, expires_at, last_used, replaced_by
         from tokens where org_id = ?1 and (?2 is null or id = ?2)
         order by id desc limit ?3 offset ?4",
        &[&org.0, &query.id, &int(query.count as u64), &int(query.offset as u64)],
        from_row,
    )?;
    Ok((usize::try_from(total.unwrap_or(0)).unwrap_or(0), tokens))
}

/// Those of any org that end between the two instants and have no successor, the first to end first.
pub(super) fn ending(db: &Connection, (from, until): (Timestamp, Timestamp)) -> Result<Vec<ProvisioningToken>, Error> {
    all(
        db,
        "select org_id, id, name, client_id, user_id, scope, created, expires_at, last_used, replaced_by
         from tokens where expires_at between ?1 and ?2 and replaced_by is null
         order by expires_at limit 1000",
        &[&from.0, &until.0],
        from_row,
    )
}

fn from_row(row: &Row<'_>) -> Result<ProvisioningToken, rusqlite::Error> {
    let bearer = match row.get::<_, Option<Uuid>>(4)? {
        Some(user) => Bearer::Person(UserId(user)),
        None => Bearer::Machine(ClientId(row.get(3)?)),
    };
    Ok(ProvisioningToken {
        org: OrgId(row.get(0)?),
        id: TokenId(row.get(1)?),
        name: row.get(2)?,
        bearer,
        scope: row.get(5)?,
        created: Timestamp(row.get(6)?),
        expires_at: Timestamp(row.get(7)?),
        last_used: row.get::<_, Option<_>>(8)?.map(Timestamp),
        replaced_by: row.get::<_, Option<_>>(9)?.map(TokenId),
    })
}

/// Writes what happened to credentials.
pub(super) fn write(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    let written = match change {
        Change::ClientCreated(client) => return clients::create(db, client),
        Change::ClientAdmitted { client, parent } => return clients::admit(db, client, *parent),
        Change::SecretRotated { org, client, hash, until } => return clients::rotate(db, (*org, *client), hash, *until),
        Change::ClientDeleted { org, client } => return clients::delete(db, *org, *client),
        Change::AssertionUsed { client, id, expires_at } => return clients::assertion_used(db, *client, id, *expires_at),
        Change::TokenCreated(token, before) => {
            if let Some((id, until)) = before
                && supersede(db, token, *id, *until)? == 0
            {
                return Err(Error::Stale);
            }
            create(db, token)
        }
        Change::TokenRevoked { org, token, expires_at } => {
            let listed = execute(db, "delete from tokens where org_id = ?1 and id = ?2", &[&org.0, &token.0])?;
            match listed {
                // What was listed is revoked by its row's going.
                1 => Ok(1),
                _ => execute(
                    db,
                    "insert into revoked_tokens (org_id, id, expires_at) values (?1, ?2, ?3) on conflict do nothing",
                    &[&org.0, &token.0, &expires_at.0],
                ),
            }
        }
        Change::SubjectRevoked { org, subject, at } => {
            // What has ended is not listed any more, and nothing takes its place.
            let listed = "delete from tokens
                where org_id = ?1 and created <= ?3 and (?2 = ?1 or client_id = ?2 or user_id = ?2)";
            // A clock that went back takes nothing back.
            let until = "insert or replace into revoked_subjects (org_id, subject_id, until)
                select ?1, ?2, max(?3, coalesce((select until from revoked_subjects where org_id = ?1 and subject_id = ?2), 0))";
            let ends: [&dyn ToSql; 3] = [&org.0, subject, &at.0];
            execute(db, listed, &ends).and_then(|_| execute(db, until, &ends))
        }
        Change::Used(uses) => uses.iter().try_fold(0, |_, (org, id, at)| used(db, *org, *id, *at)),
        Change::SessionStarted { session, password_hash } => {
            return sessions::start(db, session, password_hash).map(|()| Outcome::Done);
        }
        Change::SessionsSeen(seen) => seen.iter().try_fold(0, |_, (id, at)| sessions::seen(db, id, *at)),
        Change::SessionEnded(id) => sessions::end(db, id),
        Change::TokensExpired { before } => {
            let sql = "delete from tokens where rowid in (select rowid from tokens where expires_at < ?1 limit 1000)";
            execute(db, sql, &[&before.0])
        }
    };
    written.map_err(|error| match breach(&error, "id") {
        Some(Breach::Foreign) => Error::NotFound,
        _ => error.into(),
    })?;
    Ok(Outcome::Done)
}

/// Ends the one before `token`, unless that went meanwhile or another has taken its place.
fn supersede(db: &Connection, token: &ProvisioningToken, id: TokenId, until: Timestamp) -> Result<usize, rusqlite::Error> {
    execute(
        db,
        "update tokens set expires_at = min(expires_at, ?3), replaced_by = ?4
         where org_id = ?1 and id = ?2 and replaced_by is null",
        &[&token.org.0, &id.0, &until.0, &token.id.0],
    )
}

fn create(db: &Connection, token: &ProvisioningToken) -> Result<usize, rusqlite::Error> {
    let (client, user) = match token.bearer {
        Bearer::Machine(client) => (Some(client.0), None),
        Bearer::Person(user) => (None, Some(user.0)),
    };
    execute(
        db,
        "insert into tokens (org_id, id, name, client_id, user_id, scope, created, expires_at)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[&token.org.0, &token.id.0, &token.name, &client, &user, &token.scope, &token.created.0, &token.expires_at.0],
    )
}

fn used(db: &Connection, org: OrgId, id: Uuid, at: Timestamp) -> Result<usize, rusqlite::Error> {
    for sql in [
        "update tokens set last_used = ?3 where org_id = ?1 and id = ?2 and coalesce(last_used, 0) < ?3",
        "update clients set last_used = ?3 where org_id = ?1 and id = ?2 and coalesce(last_used, 0) < ?3",
    ] {
        execute(db, sql, &[&org.0, &id, &at.0])?;
    }
    Ok(1)
}

/// Forgets up to `most` each of revoked tokens that expired a day ago, which no leeway of any clock believes again, of subjects
/// all of whose tokens did, and of used assertions.
pub(super) fn sweep(db: &Connection, now: Timestamp, most: usize) -> Result<usize, Error> {
    const DAY_MS: i64 = 24 * 3600 * 1000;
    let (yesterday, most) = (now.0.saturating_sub(DAY_MS), int(most as u64));
    let revoked = "delete from revoked_tokens where (org_id, id) in
       (select org_id, id from revoked_tokens where expires_at < ?1 order by expires_at limit ?2)";
    let used = "delete from assertions_used where (client_id, id) in
       (select client_id, id from assertions_used where expires_at < ?1 order by expires_at limit ?2)";
    let subjects = "delete from revoked_subjects where (org_id, subject_id) in
       (select org_id, subject_id from revoked_subjects where until < ?1 order by until limit ?2)";
    let ended = yesterday.saturating_sub(i64::try_from(LIFETIME_MAX.as_millis()).unwrap_or(i64::MAX));
    let gone = [
        execute(db, revoked, &[&yesterday, &most])?,
        execute(db, subjects, &[&ended, &most])?,
        execute(db, used, &[&yesterday, &most])?,
    ];
    Ok(gone.into_iter().max().unwrap_or(0))
}
