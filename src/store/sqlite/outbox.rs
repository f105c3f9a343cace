//! Letters that wait, and what became of them.

use rusqlite::Connection;
use uuid::Uuid;

use super::readers::{all, execute, one};
use crate::base::{InvitationId, OrgId, Timestamp};
use crate::outbox::{Change, Letter};
use crate::store::{Error, Outcome};

/// Leases up to `most` due letters. The try is counted when it begins: one that kills its carrier has used it up (SEC F-20).
pub(super) fn lease(db: &Connection, now: Timestamp, until: Timestamp, most: usize) -> Result<Vec<Letter>, Error> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let letters = all(
        db,
        "select id, org_id, invitation_id, generation, attempts from letters where due <= ?1 order by due, id limit ?2",
        &[&now.0, &most],
        |row| {
            Ok(Letter {
                id: row.get(0)?,
                org: OrgId(row.get(1)?),
                invitation: InvitationId(row.get(2)?),
                generation: row.get(3)?,
                attempts: row.get(4)?,
            })
        },
    )?;
    for letter in &letters {
        execute(db, "update letters set due = ?2, attempts = attempts + 1 where id = ?1", &[&letter.id, &until.0])?;
    }
    Ok(letters)
}

/// Writes how a try ended. A letter that is no longer there changes nothing.
pub(super) fn write(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    let (id, at, state, answer) = match change {
        Change::LetterSent { id, at, answer } => (*id, *at, "sent", answer),
        Change::LetterDeferred { id, at, answer, .. } => (*id, *at, "deferred", answer),
        Change::LetterFailed { id, at, answer } => (*id, *at, "failed", answer),
    };
    tell(db, id, at, state, answer)?;
    match change {
        Change::LetterDeferred { due, .. } => {
            execute(db, "update letters set due = ?2 where id = ?1", &[&id, &due.0])?;
        }
        Change::LetterSent { .. } | Change::LetterFailed { .. } => {
            execute(db, "delete from letters where id = ?1", &[&id])?;
        }
    }
    Ok(Outcome::Done)
}

/// Shows the state of the letter on its invitation, unless a newer letter is under way.
fn tell(db: &Connection, id: Uuid, at: Timestamp, state: &str, answer: &str) -> Result<(), Error> {
    let letter: Option<(Uuid, Uuid, i64, i64)> =
        one(db, "select org_id, invitation_id, generation, attempts from letters where id = ?1", &[&id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    let Some((org, invitation, generation, attempts)) = letter else { return Ok(()) };
    let sent_at = (state == "sent").then_some(at.0);
    execute(
        db,
        "update invitations set delivery_state = ?4, delivery_attempts = ?5, delivery_answer = ?6, delivery_sent_at = ?7,
           last_modified = ?8, version = version + 1
         where org_id = ?1 and id = ?2 and generation = ?3",
        &[&org, &invitation, &generation, &state, &attempts, &answer, &sent_at, &at.0],
    )?;
    Ok(())
}
