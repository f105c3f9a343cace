//! Invitations: rows, the resource made from them, and the guest that an accepted one makes.

use rusqlite::Connection;
use uuid::Uuid;

use super::readers::{all, execute, int, one};
use super::users::{self, Guest, Life};
use super::{Breach, breach, columns, groups, members};
use crate::base::{GroupId, InvitationId, OrgId, Timestamp, UserId, text};
use crate::invite::{Change, Delivery, Group, Invitation, Invitee, Status};
use crate::scim::{Record, urn};
use crate::store::{Error, Outcome};

/// An invitation of `org`, as it is stored.
pub(super) fn invitation(db: &Connection, org: OrgId, id: InvitationId) -> Result<Option<Invitation>, Error> {
    let found = one(
        db,
        "select source_org_id, source_id, user_name, email, status, generation, message, locale, inviter, expires_at, ended_at,
           guest_id, delivery_state, delivery_attempts, delivery_answer, delivery_sent_at, version, created, last_modified,
           delivery_unclear
         from invitations where org_id = ?1 and id = ?2",
        &[&org.0, &id.0],
        |row| {
            Ok(Invitation {
                id,
                org,
                source_org: OrgId(row.get(0)?),
                source: UserId(row.get(1)?),
                user_name: row.get(2)?,
                email: row.get(3)?,
                status: status(&row.get::<_, String>(4)?),
                generation: row.get(5)?,
                groups: Vec::new(),
                message: row.get(6)?,
                locale: row.get(7)?,
                inviter: row.get(8)?,
                expires_at: Timestamp(row.get(9)?),
                ended_at: row.get::<_, Option<i64>>(10)?.map(Timestamp),
                guest: row.get::<_, Option<Uuid>>(11)?.map(UserId),
                delivery: Delivery {
                    state: row.get(12)?,
                    attempts: row.get(13)?,
                    answer: row.get(14)?,
                    sent_at: row.get::<_, Option<i64>>(15)?.map(Timestamp),
                    unclear: row.get(19)?,
                },
                version: row.get::<_, i64>(16)?.unsigned_abs(),
                created: Timestamp(row.get(17)?),
                last_modified: Timestamp(row.get(18)?),
            })
        },
    )?;
    let Some(mut invitation) = found else { return Ok(None) };
    invitation.groups = all(
        db,
        "select i.group_id, coalesce(g.display_name, i.display), g.id is not null
         from invitation_groups i left join groups g on g.org_id = i.org_id and g.id = i.group_id
         where i.org_id = ?1 and i.invitation_id = ?2
         order by i.position",
        &[&org.0, &id.0],
        |row| Ok(Group { id: GroupId(row.get(0)?), display: row.get(1)?, exists: row.get(2)? }),
    )?;
    Ok(Some(invitation))
}

/// An invitation as a resource.
pub(super) fn record(db: &Connection, org: OrgId, id: Uuid, now: Timestamp) -> Result<Option<Record>, Error> {
    let Some(mut invitation) = invitation(db, org, InvitationId(id))? else { return Ok(None) };
    // Its expiry changes what is shown, so it counts as a change; the row catches up when somebody writes it.
    if invitation.status != invitation.status_at(now) {
        invitation.status = Status::Expired;
        invitation.version += 1;
        invitation.last_modified = invitation.expires_at;
        invitation.ended_at = Some(invitation.expires_at);
    }
    Ok(Some(Record {
        id,
        version: invitation.version,
        created: invitation.created,
        last_modified: invitation.last_modified,
        doc: document(&invitation),
        references: Vec::new(),
    }))
}

fn document(invitation: &Invitation) -> String {
    use serde_json::{Map, Value, json};

    let mut doc = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            doc.insert(name.into(), value);
        }
    };
    put("schemas", json!([urn::INVITATION]));
    put("id", json!(invitation.id));
    put("userName", json!(invitation.user_name));
    put("email", json!(invitation.email));
    put("status", json!(invitation.status.as_str()));
    if !invitation.groups.is_empty() {
        let groups = invitation.groups.iter().map(|group| match group.exists {
            true => json!({ "value": group.id, "display": group.display }),
            false => json!({ "value": group.id, "display": group.display, "vanished": true }),
        });
        put("groups", groups.collect());
    }
    put("message", json!(invitation.message));
    put("locale", json!(invitation.locale));
    put("inviter", json!(invitation.inviter));
    put("expiresAt", json!(invitation.expires_at));
    put("endedAt", json!(invitation.ended_at));
    if let Some(guest) = invitation.guest {
        put("guest", json!({ "value": guest }));
    }
    let mut delivery = json!({ "state": invitation.delivery.state, "attempts": invitation.delivery.attempts });
    if let Some(answer) = &invitation.delivery.answer {
        delivery["answer"] = json!(answer);
    }
    if let Some(sent_at) = invitation.delivery.sent_at {
        delivery["sentAt"] = json!(sent_at);
    }
    if invitation.delivery.unclear > 0 {
        delivery["maybeDuplicate"] = json!(true);
    }
    put("delivery", delivery);
    Value::Object(doc).to_string()
}

/// Who `user_name` is in the parent of `org`.
pub(super) fn invitee(db: &Connection, org: OrgId, user_name: &str, now: Timestamp) -> Result<Option<Invitee>, Error> {
    let found = one(
        db,
        "select s.id, s.user_name, s.active, s.doc,
           exists (select 1 from users g where g.source_org_id = s.org_id and g.source_id = s.id and g.org_id = o.id),
           (select i.id from invitations i
            where i.org_id = o.id and i.source_id = s.id and i.status = 'pending' and i.expires_at > ?3)
         from orgs o join users s on s.org_id = o.parent_id
         where o.id = ?1 and s.user_name_key = ?2",
        &[&org.0, &text::user_name_key(user_name), &now.0],
        |row| {
            let invitee = Invitee {
                source: UserId(row.get(0)?),
                user_name: row.get(1)?,
                active: row.get(2)?,
                email: None,
                display_name: String::new(),
                locale: None,
                is_member: row.get(4)?,
                pending: row.get::<_, Option<Uuid>>(5)?.map(InvitationId),
            };
            Ok((invitee, row.get::<_, String>(3)?))
        },
    )?;
    let Some((mut invitee, doc)) = found else { return Ok(None) };
    let doc = columns::object(&doc)?;
    let is_primary = |email: &&serde_json::Value| email.get("primary") == Some(&true.into());
    let address = |email: &serde_json::Value| columns::text(email.get("value"));
    invitee.email =
        columns::emails(&doc).filter(is_primary).find_map(address).or_else(|| columns::emails(&doc).find_map(address));
    let name = |part: &str| columns::text(doc.get("name").and_then(|name| name.get(part)));
    let parts: Vec<String> = [name("givenName"), name("familyName")].into_iter().flatten().collect();
    invitee.display_name = columns::text(doc.get("displayName"))
        .or_else(|| name("formatted"))
        .or_else(|| (!parts.is_empty()).then(|| parts.join(" ")))
        .unwrap_or_else(|| invitee.user_name.clone());
    invitee.locale = columns::text(doc.get("preferredLanguage")).or_else(|| columns::text(doc.get("locale")));
    Ok(Some(invitee))
}

/// Writes what happened to an invitation.
pub(super) fn write(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    match change {
        Change::InvitationCreated { invitation, letter } => create(db, invitation, *letter),
        Change::InvitationAccepted { org, id, generation, guest, at } => accept(db, *org, *id, *generation, *guest, *at),
        Change::InvitationEnded { org, id, status, at } => end(db, *org, *id, *status, *at),
        Change::InvitationDeleted { org, id, expected } => delete(db, *org, *id, *expected),
    }
}

fn create(db: &Connection, new: &Invitation, letter: Uuid) -> Result<Outcome, Error> {
    let at = new.created;
    execute(
        db,
        "update invitations set status = 'expired', ended_at = expires_at, last_modified = expires_at, version = version + 1
         where org_id = ?1 and source_id = ?2 and status = 'pending' and expires_at <= ?3",
        &[&new.org.0, &new.source.0, &at.0],
    )?;
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
           message, locale, inviter, expires_at, delivery_state, delivery_attempts, created, last_modified, version)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', ?8, ?9, ?10, ?11, ?12, 'queued', 0, ?13, ?13, 1)",
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
            &new.expires_at.0,
            &at.0,
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
    execute(
        db,
        "insert into letters (id, org_id, invitation_id, generation, due) values (?1, ?2, ?3, ?4, ?5)",
        &[&letter, &new.org.0, &new.id.0, &new.generation, &at.0],
    )?;
    Ok(Outcome::Written { version: 1, last_modified: at })
}

fn accept(
    db: &Connection,
    org: OrgId,
    id: InvitationId,
    generation: u32,
    guest: UserId,
    at: Timestamp,
) -> Result<Outcome, Error> {
    // The foreign keys hold the source to the parent; what else was decided on is looked at again here.
    let (origin, version) = one(
        db,
        "select i.source_org_id, i.source_id, i.version
         from invitations i
         join orgs o on o.id = i.org_id and o.active
         join orgs p on p.id = i.source_org_id and p.active
         join users s on s.org_id = i.source_org_id and s.id = i.source_id and s.active
         where i.org_id = ?1 and i.id = ?2 and i.status = 'pending' and i.generation = ?3 and i.expires_at > ?4",
        &[&org.0, &id.0, &generation, &at.0],
        |row| {
            let origin = Guest {
                source_org: OrgId(row.get(0)?),
                source: UserId(row.get(1)?),
                invitation: Some(id),
                since: at,
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
    let granted: Vec<Uuid> = all(
        db,
        "select g.id from invitation_groups i join groups g on g.org_id = i.org_id and g.id = i.group_id
         where i.org_id = ?1 and i.invitation_id = ?2
         order by i.position",
        &[&org.0, &id.0],
        |row| row.get(0),
    )?;
    for group in granted {
        members::add(db, org, GroupId(group), &[guest.0])?;
        groups::touch(db, org, group, at)?;
    }
    execute(
        db,
        "update invitations set status = 'accepted', ended_at = ?3, guest_id = ?4, last_modified = ?3, version = version + 1
         where org_id = ?1 and id = ?2",
        &[&org.0, &id.0, &at.0, &guest.0],
    )?;
    drop_letters(db, org, id)?;
    Ok(Outcome::Written { version: version + 1, last_modified: at })
}

fn end(db: &Connection, org: OrgId, id: InvitationId, status: Status, at: Timestamp) -> Result<Outcome, Error> {
    let found = invitation(db, org, id)?.ok_or(Error::NotFound)?;
    if found.status_at(at) != Status::Pending {
        return Err(Error::Stale);
    }
    execute(
        db,
        "update invitations set status = ?3, ended_at = ?4, last_modified = ?4, version = version + 1
         where org_id = ?1 and id = ?2",
        &[&org.0, &id.0, &status.as_str(), &at.0],
    )?;
    drop_letters(db, org, id)?;
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

/// A link that no longer opens is not mailed.
fn drop_letters(db: &Connection, org: OrgId, id: InvitationId) -> Result<(), Error> {
    execute(db, "delete from letters where org_id = ?1 and invitation_id = ?2", &[&org.0, &id.0])?;
    Ok(())
}

fn status(text: &str) -> Status {
    [Status::Pending, Status::Accepted, Status::Declined, Status::Revoked]
        .into_iter()
        .find(|status| status.as_str() == text)
        .unwrap_or(Status::Expired)
}
