//! What happens to invitations: made, resent, answered, ended, forgotten; and the guest that an accepted one makes.

use rusqlite::Connection;
use uuid::Uuid;

use super::invitations::{day, invitation};
use super::readers::{all, execute, int, one};
use super::users::{self, Guest, Life};
use super::{Breach, breach, groups, members};
use crate::base::{InvitationId, OrgId, Timestamp, UserId, limit, text};
use crate::invite::{Change, EXTERNAL, Ending, Invitation, MissingGroups, Quota, Status, Via};
use crate::store::{Error, Outcome};

/// Writes what happened to an invitation.
pub(super) fn write(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    match change {
        Change::InvitationCreated { invitation, letter, quota } => create(db, invitation, *letter, *quota),
        Change::InvitationResent { .. } => resend(db, change),
        Change::InvitationAccepted { .. } => accept(db, change),
        Change::InvitationEnded { org, id, status, ending, at } => end(db, *org, *id, (*status, ending), *at),
        Change::InvitationReminded { org, id, generation, letter, at } => remind(db, *org, *id, *generation, *letter, *at),
        Change::InvitationDeleted { org, id, expected } => delete(db, *org, *id, *expected),
        Change::InvitationsExpired { at } => expire(db, *at, limit::TENDED_MAX).map(|()| Outcome::Done),
        Change::InvitationsForgotten { org, before } => {
            execute(
                db,
                "delete from invitations where org_id = ?1 and id in
                   (select id from invitations where org_id = ?1 and ended_at < ?2 order by ended_at limit ?3)",
                &[&org.0, &before.0, &int(limit::TENDED_MAX as u64)],
            )?;
            Ok(Outcome::Done)
        }
    }
}

/// Writes down as expired what is over by `at`, with its letters; `most` at a time.
pub(super) fn expire(db: &Connection, at: Timestamp, most: usize) -> Result<(), Error> {
    let over: Vec<(Uuid, Uuid)> = all(
        db,
        "select org_id, id from invitations where status = 'pending' and expires_at <= ?1 order by expires_at limit ?2",
        &[&at.0, &int(most as u64)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    over.into_iter().try_for_each(|(org, id)| expire_one(db, OrgId(org), InvitationId(id)))
}

fn expire_one(db: &Connection, org: OrgId, id: InvitationId) -> Result<(), Error> {
    execute(
        db,
        "update invitations set status = 'expired', ended_at = expires_at, last_modified = expires_at, remind_at = null,
           version = version + 1
         where org_id = ?1 and id = ?2",
        &[&org.0, &id.0],
    )?;
    drop_letters(db, org, id)
}

/// The one that waits for the answer of a user of the parent, and whether it is over by `at`.
fn pending(db: &Connection, org: OrgId, source: UserId, at: Timestamp) -> Result<Option<(InvitationId, bool)>, Error> {
    one(
        db,
        "select id, expires_at <= ?3 from invitations where org_id = ?1 and source_id = ?2 and status = 'pending'",
        &[&org.0, &source.0, &at.0],
        |row| Ok((InvitationId(row.get(0)?), row.get(1)?)),
    )
}

/// Ends what waits for the answer of `source`, who is a guest from now on by `accepted` or by no invitation: nobody could accept it
/// any more.
pub(super) fn overtake(
    db: &Connection,
    org: OrgId,
    source: UserId,
    accepted: Option<InvitationId>,
    at: Timestamp,
) -> Result<(), Error> {
    match pending(db, org, source, at)? {
        Some((id, _)) if Some(id) == accepted => Ok(()),
        Some((id, true)) => expire_one(db, org, id),
        Some((id, false)) => {
            let actor = one(db, "select actor from author", &[], |row| row.get::<_, String>(0))?.unwrap_or_default();
            let person = actor.strip_prefix("user ").and_then(|id| id.parse().ok());
            let name = person.map(|id| users::name(db, org, id)).transpose()?.flatten().map(|user| user.display);
            let reason = Some("the user became a member without it".to_owned());
            let ending = Ending { by: name.unwrap_or(actor), via: None, reason };
            close(db, org, id, (Status::Revoked, &ending), None, at)
        }
        None => Ok(()),
    }
}

/// Counts one more to `recipient` today, and to all. Stale if that is more than `quota`.
fn count(db: &Connection, org: OrgId, recipient: UserId, quota: Quota, at: Timestamp) -> Result<(), Error> {
    for (recipient, most) in [(org.0, quota.per_day), (recipient.0, quota.per_recipient)] {
        let count: u32 = one(
            db,
            "insert into invitation_counts (org_id, day, recipient, count) values (?1, ?2, ?3, 1)
             on conflict do update set count = count + 1
             returning count",
            &[&org.0, &day(at), &recipient],
            |row| row.get(0),
        )?
        .unwrap_or(0);
        if count > most {
            return Err(Error::Stale);
        }
    }
    Ok(())
}

fn create(db: &Connection, new: &Invitation, letter: Option<Uuid>, quota: Quota) -> Result<Outcome, Error> {
    let at = new.created;
    if let Some((over, true)) = pending(db, new.org, new.source, at)? {
        expire_one(db, new.org, over)?;
    }
    let is_guest = one(
        db,
        "select 1 from users where source_org_id = ?1 and source_id = ?2 and org_id = ?3",
        &[&new.source_org.0, &new.source.0, &new.org.0],
        |_| Ok(()),
    )?;
    if is_guest.is_some() {
        return Err(Error::Stale);
    }
    execute(
        db,
        "insert into invitations (org_id, id, source_org_id, source_id, user_name, user_name_key, email, status, generation,
           message, locale, inviter, inviter_subject, expires_at, membership_until, delivery_state, delivery_attempts, letter_at,
           remind_at, created, last_modified, version)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 0, ?18, ?17, ?16, ?16, 1)",
        &[
            &new.org.0,
            &new.id.0,
            &new.source_org.0,
            &new.source.0,
            &new.user_name,
            &text::user_name_key(&new.user_name),
            &new.email,
            &new.generation,
            &new.message,
            &new.locale,
            &new.inviter,
            &new.inviter_subject,
            &new.expires_at.0,
            &new.until.map(|until| until.0),
            &new.delivery.state,
            &at.0,
            &new.remind_at.map(|at| at.0),
            &new.letter_at.0,
        ],
    )
    // The source is gone, or one is pending already: whoever decided looks again.
    .map_err(|error| match breach(&error, "invitations.source_id") {
        Some(Breach::Unique | Breach::Foreign) => Error::Stale,
        None => error.into(),
    })?;
    for (position, group) in (0_i64..).zip(&new.groups) {
        if groups::name(db, new.org, group.id.0)?.is_none() {
            return Err(Error::Stale);
        }
        execute(
            db,
            "insert into invitation_groups (org_id, invitation_id, position, group_id, display) values (?1, ?2, ?3, ?4, ?5)
             on conflict do nothing",
            &[&new.org.0, &new.id.0, &position, &group.id.0, &group.display],
        )?;
    }
    count(db, new.org, new.source, quota, at)?;
    if let Some(letter) = letter {
        queue(db, letter, (new.org, new.id, new.generation), "invitation", &new.email, at)?;
    }
    Ok(Outcome::Written { version: 1, last_modified: at })
}

fn queue(
    db: &Connection,
    letter: Uuid,
    (org, id, generation): (OrgId, InvitationId, u32),
    kind: &str,
    email: &str,
    at: Timestamp,
) -> Result<(), Error> {
    let domain = email.split_once('@').map_or(email, |(_, domain)| domain).to_ascii_lowercase();
    execute(
        db,
        "insert into letters (id, org_id, invitation_id, generation, kind, domain, due) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[&letter, &org.0, &id.0, &generation, &kind, &domain, &at.0],
    )?;
    Ok(())
}

/// The invitation, if it is still pending at `at` and of `generation`.
fn live(db: &Connection, org: OrgId, id: InvitationId, generation: u32, at: Timestamp) -> Result<Invitation, Error> {
    let found = invitation(db, org, id)?.ok_or(Error::NotFound)?;
    match found.status_at(at) == Status::Pending && found.generation == generation {
        true => Ok(found),
        false => Err(Error::Stale),
    }
}

fn resend(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    let Change::InvitationResent { org, id, generation, letter, email, expires_at, remind_at, quota, at } = change else {
        unreachable!("asked for this one alone")
    };
    let found = live(db, *org, *id, *generation, *at)?;
    count(db, *org, found.source, *quota, *at)?;
    let next = generation.saturating_add(1);
    let (state, letter_at) = if letter.is_some() { ("queued", *at) } else { (EXTERNAL, found.letter_at) };
    execute(
        db,
        "update invitations set generation = ?3, email = ?4, expires_at = ?5, remind_at = ?6, letter_at = ?7, delivery_state = ?8,
           delivery_attempts = 0, delivery_answer = null, delivery_sent_at = null, delivery_unclear = 0, last_modified = ?9,
           version = version + 1
         where org_id = ?1 and id = ?2",
        &[&org.0, &id.0, &next, email, &expires_at.0, &remind_at.map(|at| at.0), &letter_at.0, &state, &at.0],
    )?;
    drop_letters(db, *org, *id)?;
    if let Some(letter) = letter {
        queue(db, *letter, (*org, *id, next), "invitation", email, *at)?;
    }
    Ok(Outcome::Written { version: found.version + 1, last_modified: *at })
}

fn remind(
    db: &Connection,
    org: OrgId,
    id: InvitationId,
    generation: u32,
    letter: Option<Uuid>,
    at: Timestamp,
) -> Result<Outcome, Error> {
    let taken = execute(
        db,
        "update invitations set remind_at = null
         where org_id = ?1 and id = ?2 and generation = ?3 and remind_at is not null",
        &[&org.0, &id.0, &generation],
    )?;
    let found = match live(db, org, id, generation, at) {
        Ok(found) => found,
        Err(Error::Stale | Error::NotFound) => return Ok(Outcome::Done),
        Err(error) => return Err(error),
    };
    // Where the first one is still on its way, it reminds by itself.
    let waits = one(db, "select 1 from letters where org_id = ?1 and invitation_id = ?2", &[&org.0, &id.0], |_| Ok(()))?;
    if let Some(letter) = letter.filter(|_| taken > 0 && waits.is_none()) {
        queue(db, letter, (org, id, generation), "reminder", &found.email, at)?;
    }
    Ok(Outcome::Done)
}

fn accept(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    let Change::InvitationAccepted { org, id, generation, guest, groups: wanted, missing_groups, ending, at } = change else {
        unreachable!("asked for this one alone")
    };
    let (org, id, at) = (*org, *id, *at);
    // The foreign keys hold the source to the parent; what else was decided on is looked at again here.
    let (origin, version) = one(
        db,
        "select i.source_org_id, i.source_id, i.version,
           min(coalesce(i.membership_until, s.until), coalesce(s.until, i.membership_until))
         from invitations i
         join orgs o on o.id = i.org_id and o.active
         join orgs p on p.id = i.source_org_id and p.active
         join users s on s.org_id = i.source_org_id and s.id = i.source_id and s.active and (s.until is null or s.until > ?4)
         where i.org_id = ?1 and i.id = ?2 and i.status = 'pending' and i.generation = ?3 and i.expires_at > ?4",
        &[&org.0, &id.0, generation, &at.0],
        |row| {
            let origin = Guest {
                source_org: OrgId(row.get(0)?),
                source: UserId(row.get(1)?),
                invitation: Some(id),
                since: at,
                until: row.get::<_, Option<i64>>(3)?.map(Timestamp),
                active_own: true,
            };
            Ok((origin, row.get::<_, i64>(2)?.unsigned_abs()))
        },
    )?
    .ok_or(Error::Stale)?;
    users::insert_guest(db, org, guest.0, &origin, &Life::new(at)).map_err(|error| match error {
        // A guest already, by another invitation.
        Error::Taken { attribute: "source" } => Error::Stale,
        error => error,
    })?;
    let mut given = 0;
    for group in wanted {
        if groups::name(db, org, group.0)?.is_none() {
            continue;
        }
        members::add(db, org, *group, &[guest.0])?;
        groups::touch(db, org, group.0, at)?;
        execute(
            db,
            "update invitation_groups set is_given = 1 where org_id = ?1 and invitation_id = ?2 and group_id = ?3",
            &[&org.0, &id.0, &group.0],
        )?;
        given += 1;
    }
    if given < wanted.len() && *missing_groups == MissingGroups::Block {
        return Err(Error::Stale);
    }
    execute(
        db,
        "update invitation_groups set is_given = 0 where org_id = ?1 and invitation_id = ?2 and is_given is null",
        &[&org.0, &id.0],
    )?;
    close(db, org, id, (Status::Accepted, ending), Some(*guest), at)?;
    Ok(Outcome::Written { version: version + 1, last_modified: at })
}

/// Writes how a pending one ended. A link that no longer opens is not mailed.
fn close(
    db: &Connection,
    org: OrgId,
    id: InvitationId,
    (status, ending): (Status, &Ending),
    guest: Option<UserId>,
    at: Timestamp,
) -> Result<(), Error> {
    execute(
        db,
        "update invitations set status = ?3, ended_at = ?4, ended_by = ?5, ended_via = ?6, ended_reason = ?7, guest_id = ?8,
           remind_at = null, last_modified = ?4, version = version + 1
         where org_id = ?1 and id = ?2",
        &[
            &org.0,
            &id.0,
            &status.as_str(),
            &at.0,
            &ending.by,
            &ending.via.map(Via::as_str),
            &ending.reason,
            &guest.map(|guest| guest.0),
        ],
    )?;
    drop_letters(db, org, id)
}

fn end(db: &Connection, org: OrgId, id: InvitationId, end: (Status, &Ending), at: Timestamp) -> Result<Outcome, Error> {
    let found = invitation(db, org, id)?.ok_or(Error::NotFound)?;
    if found.status_at(at) != Status::Pending {
        return Err(Error::Stale);
    }
    close(db, org, id, end, None, at)?;
    Ok(Outcome::Written { version: found.version + 1, last_modified: at })
}

fn delete(db: &Connection, org: OrgId, id: InvitationId, expected: Option<u64>) -> Result<Outcome, Error> {
    let version =
        one(db, "select version from invitations where org_id = ?1 and id = ?2", &[&org.0, &id.0], |row| row.get::<_, i64>(0))?
            .ok_or(Error::NotFound)?;
    if expected.is_some_and(|expected| int(expected) != version) {
        return Err(Error::Stale);
    }
    execute(db, "delete from invitations where org_id = ?1 and id = ?2", &[&org.0, &id.0])?;
    Ok(Outcome::Done)
}

/// Forgets up to `most` counts of days that are over.
pub(super) fn sweep(db: &Connection, now: Timestamp, most: usize) -> Result<usize, Error> {
    let sql = "delete from invitation_counts where (org_id, day, recipient) in
       (select org_id, day, recipient from invitation_counts where day < ?1 order by day limit ?2)";
    Ok(execute(db, sql, &[&day(now), &int(most as u64)])?)
}

fn drop_letters(db: &Connection, org: OrgId, id: InvitationId) -> Result<(), Error> {
    execute(db, "delete from letters where org_id = ?1 and invitation_id = ?2", &[&org.0, &id.0])?;
    Ok(())
}
