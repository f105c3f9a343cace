//! The log of every write: triggers fill it (`migrations/sqlite/0002_change_log.sql`), this file tells them for whom, and chains what
//! they wrote. `audit` reads it.

use std::collections::HashMap;

use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::readers::{all, execute, int, one};
use crate::base::{OrgId, Timestamp, limit};
use crate::org::audit::{self, Entry, Event, START};
use crate::store::{Author, Error, Outcome};

/// Entries that are chained between two looks at the table.
const PAGE: i64 = 1000;

/// Events beside the writes.
pub(super) fn write(db: &Connection, events: &[Event]) -> Result<Outcome, Error> {
    for event in events {
        execute(
            db,
            "insert into change_log
               (at, org_id, actor, client, request, action, resource_type, resource_id, detail, count)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            &[
                &event.at.0,
                &event.org.0,
                &event.actor,
                &event.client,
                &event.request,
                &event.action.as_str(),
                &event.resource_type,
                &event.resource,
                &event.detail,
                &event.count,
            ],
        )?;
    }
    Ok(Outcome::Done)
}

/// Who wrote which of the events of one transaction.
pub(super) struct Signatures {
    /// The last event that is chained.
    chained: i64,
    /// What came after which event is whose: client and request.
    since: Vec<(i64, Option<String>, Option<String>)>,
}

impl Signatures {
    /// At the begin of a transaction. What somebody wrote with SQL since the last one is nobody's.
    pub(super) fn new(db: &Connection) -> Result<Signatures, Error> {
        let chained = one(db, "select chained from author", &[], |row| row.get(0))?.unwrap_or_default();
        // Where somebody removed the newest, their numbers are given again.
        Ok(Signatures { chained: newest(db)?.min(chained), since: Vec::new() })
    }

    /// What is written from here on is `author`'s.
    pub(super) fn sign(&mut self, db: &Connection, author: &Author) -> Result<(), Error> {
        execute(
            db,
            "update author set actor = ?1, at = ?2, holds = ?3",
            &[&author.actor.to_string(), &author.at.0, &author.holds.bits()],
        )?;
        self.since.push((newest(db)?, author.client.clone(), author.request.as_deref().map(str::to_owned)));
        Ok(())
    }

    /// At the end of the transaction: chains what is new, and says that what follows is nobody's. Remembers that it was `latest`.
    pub(super) fn close(self, db: &Connection, latest: Timestamp) -> Result<(), Error> {
        let mut chains: HashMap<OrgId, (u64, [u8; 32])> = HashMap::new();
        let mut authors = self.since.into_iter().peekable();
        let (mut client, mut request) = (None, None);
        let mut last = self.chained;
        loop {
            let sql = format!("select {COLUMNS}, seq from change_log where seq > ?1 order by seq limit ?2");
            let page = all(db, &sql, &[&last, &PAGE], |row| Ok((unchained(row)?, row.get::<_, i64>(SEQ)?)))?;
            let is_last = page.len() < PAGE as usize;
            for (mut entry, seq) in page {
                while let Some(author) = authors.next_if(|(since, ..)| *since < seq) {
                    (_, client, request) = author;
                }
                entry.client = entry.client.or_else(|| client.clone());
                entry.request = entry.request.or_else(|| request.clone());
                let (length, hash) = match chains.get(&entry.org) {
                    Some(chain) => *chain,
                    None => chain(db, entry.org)?,
                };
                entry.place = length + 1;
                entry.hash = audit::link(&hash, &entry);
                chains.insert(entry.org, (entry.place, entry.hash));
                execute(
                    db,
                    "update change_log set client = ?2, request = ?3, action = ?4, place = ?5, hash = ?6 where seq = ?1",
                    &[&seq, &entry.client, &entry.request, &entry.action, &int(entry.place), &entry.hash],
                )?;
                last = seq;
            }
            if is_last {
                break;
            }
        }
        for (org, (length, hash)) in chains {
            execute(
                db,
                "insert into chains (org_id, length, hash) values (?1, ?2, ?3)
                 on conflict do update set length = excluded.length, hash = excluded.hash",
                &[&org.0, &int(length), &hash],
            )?;
        }
        // Whoever wrote nothing leaves nothing to be written.
        let sql = "update author set actor = 'sql', at = null, holds = 0, chained = ?1, latest = ?2
                   where actor <> 'sql' or chained <> ?1 or latest > ?2";
        execute(db, sql, &[&last, &latest.0])?;
        Ok(())
    }
}

fn newest(db: &Connection) -> Result<i64, Error> {
    Ok(one(db, "select max(seq) from change_log", &[], |row| row.get::<_, Option<i64>>(0))?.flatten().unwrap_or_default())
}

/// Length and hash of the org's chain.
fn chain(db: &Connection, org: OrgId) -> Result<(u64, [u8; 32]), Error> {
    let found = one(db, "select length, hash from chains where org_id = ?1", &[&org.0], |row| {
        Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?))
    })?;
    Ok(found.unwrap_or((0, START)))
}

/// What an [`Entry`] is read from.
pub(super) const COLUMNS: &str = "org_id, at, actor, client, request, action, resource_type, resource_id, version_before, \
     version_after, detail, count, place, hash";
/// The column after them.
pub(super) const SEQ: usize = 14;

/// An entry that has its place.
pub(super) fn from_row(row: &Row<'_>) -> Result<Entry, rusqlite::Error> {
    Ok(Entry { place: row.get::<_, i64>(12)?.unsigned_abs(), hash: row.get(13)?, ..unchained(row)? })
}

/// One that has none yet.
fn unchained(row: &Row<'_>) -> Result<Entry, rusqlite::Error> {
    let (version_before, version_after) = (row.get(8)?, row.get(9)?);
    let action: Option<String> = row.get(5)?;
    Ok(Entry {
        org: OrgId(row.get(0)?),
        at: Timestamp(row.get(1)?),
        actor: row.get(2)?,
        client: row.get(3)?,
        request: row.get(4)?,
        action: action.unwrap_or_else(|| audit::action(version_before, version_after).to_owned()),
        resource_type: row.get(6)?,
        resource: row.get(7)?,
        version_before,
        version_after,
        detail: row.get(10)?,
        count: row.get(11)?,
        place: 0,
        hash: START,
    })
}

/// Forgets up to `most` of the oldest events, once they have been kept long enough, and notes where each chain now starts. The newest
/// one stays, so that no number is given twice.
pub(super) fn sweep(db: &Connection, now: Timestamp, most: usize) -> Result<usize, Error> {
    let kept_ms = i64::try_from(limit::CHANGES_KEPT.as_millis()).unwrap_or(i64::MAX);
    let before = now.0.saturating_sub(kept_ms);
    let sql = "select seq, at, org_id, place, hash from change_log order by seq limit ?1";
    let oldest = all(db, sql, &[&int(most as u64 + 1)], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    })?;
    // Of each chain from the start, and without a gap. What a wrong clock dated into the future goes with those after it.
    let rest = &oldest[..oldest.len().saturating_sub(1)];
    let passed = rest.iter().take_while(|(_, at, ..)| *at < before || *at > now.0).count();
    let Some(last) = rest[..passed].iter().rposition(|(_, at, ..)| *at < before) else { return Ok(0) };
    let old = &rest[..=last];
    let starts: HashMap<Uuid, (Option<i64>, Option<[u8; 32]>)> =
        old.iter().map(|(_, _, org, place, hash)| (*org, (*place, *hash))).collect();
    let gone = execute(db, "delete from change_log where seq <= ?1", &[&old[last].0])?;
    for (org, (place, hash)) in starts {
        execute(
            db,
            "update chains set forgotten = coalesce(?2, forgotten), forgotten_hash = coalesce(?3, forgotten_hash)
             where org_id = ?1",
            &[&org, &place, &hash],
        )?;
    }
    Ok(gone)
}
