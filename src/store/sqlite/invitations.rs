//! Invitations: rows as they are read, and the resource made from them. [`super::invitation_life`] writes them.

use rusqlite::{Connection, ToSql};
use uuid::Uuid;

use super::columns;
use super::readers::{all, int, one};
use crate::base::{GroupId, InvitationId, OrgId, Timestamp, UserId, limit, text};
use crate::directory;
use crate::invite::{Delivery, Due, Ending, Group, Invitation, Invitee, Status, Via};
use crate::scim::{Record, urn};
use crate::store::Error;

/// An invitation of `org`, as it is stored.
pub(super) fn invitation(db: &Connection, org: OrgId, id: InvitationId) -> Result<Option<Invitation>, Error> {
    let found = one(
        db,
        "select source_org_id, source_id, user_name, email, status, generation, message, locale, inviter, expires_at, ended_at,
           guest_id, delivery_state, delivery_attempts, delivery_answer, delivery_sent_at, version, created, last_modified,
           delivery_unclear, inviter_subject, membership_until, ended_by, ended_via, ended_reason, letter_at, remind_at
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
                inviter_subject: row.get(20)?,
                until: row.get::<_, Option<i64>>(21)?.map(Timestamp),
                ending: match row.get::<_, Option<String>>(22)? {
                    None => None,
                    Some(by) => Some(Ending { by, via: via(row.get(23)?), reason: row.get(24)? }),
                },
                letter_at: Timestamp(row.get(25)?),
                remind_at: row.get::<_, Option<i64>>(26)?.map(Timestamp),
            })
        },
    )?;
    let Some(mut invitation) = found else { return Ok(None) };
    invitation.groups = all(
        db,
        "select i.group_id, coalesce(g.display_name, i.display), g.id is not null, i.is_given
         from invitation_groups i left join groups g on g.org_id = i.org_id and g.id = i.group_id
         where i.org_id = ?1 and i.invitation_id = ?2
         order by i.position",
        &[&org.0, &id.0],
        |row| Ok(Group { id: GroupId(row.get(0)?), display: row.get(1)?, exists: row.get(2)?, is_given: row.get(3)? }),
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
    put("email", json!(Some(&invitation.email).filter(|email| !email.is_empty())));
    put("status", json!(invitation.status.as_str()));
    if !invitation.groups.is_empty() {
        let groups = invitation.groups.iter().map(|group| {
            let mut shown = json!({ "value": group.id, "display": group.display });
            if !group.exists {
                shown["vanished"] = true.into();
            }
            if let Some(is_given) = group.is_given {
                shown["assigned"] = is_given.into();
            }
            shown
        });
        put("groups", groups.collect());
    }
    put("message", json!(invitation.message));
    put("locale", json!(invitation.locale));
    put("inviter", json!(invitation.inviter));
    put("expiresAt", json!(invitation.expires_at));
    put("until", json!(invitation.until));
    put("endedAt", json!(invitation.ended_at));
    if let Some(Ending { by, via, reason }) = &invitation.ending {
        put("endedBy", json!(by));
        put("endedVia", json!(via.map(Via::as_str)));
        put("reason", json!(reason));
    }
    if let Some(guest) = invitation.guest {
        put("guest", json!({ "value": guest }));
    }
    let mut delivery = json!({ "state": invitation.delivery.state, "attempts": invitation.delivery.attempts });
    if invitation.generation > 1 {
        delivery["resent"] = json!(invitation.generation - 1);
    }
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

/// Whom to look for in the parent.
pub(super) enum Whom<'a> {
    /// Whoever has this name now.
    Name(&'a str),
    /// This user.
    Id(UserId),
}

/// Who that is in the parent of `org`, and whether a member of one of `shields`.
pub(super) fn invitee(
    db: &Connection,
    org: OrgId,
    whom: Whom<'_>,
    shields: &[GroupId],
    now: Timestamp,
) -> Result<Option<Invitee>, Error> {
    let (column, key): (_, &dyn ToSql) = match &whom {
        Whom::Name(name) => ("user_name_key", &text::user_name_key(name)),
        Whom::Id(id) => ("id", &id.0),
    };
    let found = one(
        db,
        &format!(
            "select s.id, s.user_name, s.active and (s.until is null or s.until > ?3), s.doc,
           exists (select 1 from users g where g.source_org_id = s.org_id and g.source_id = s.id and g.org_id = o.id),
           (select i.id from invitations i
            where i.org_id = o.id and i.source_id = s.id and i.status = 'pending' and i.expires_at > ?3),
           coalesce((select c.count from invitation_counts c
            where c.org_id = o.id and c.day = ?4 and c.recipient = s.id), 0),
           s.org_id
         from orgs o join users s on s.org_id = o.parent_id
         where o.id = ?1 and s.{column} = ?2"
        ),
        &[&org.0, key, &now.0, &day(now)],
        |row| {
            let invitee = Invitee {
                source: UserId(row.get(0)?),
                user_name: row.get(1)?,
                active: row.get(2)?,
                email: None,
                is_member: row.get(4)?,
                pending: row.get::<_, Option<Uuid>>(5)?.map(InvitationId),
                today: row.get(6)?,
                is_shielded: false,
            };
            Ok((invitee, row.get::<_, String>(3)?, row.get(7)?))
        },
    )?;
    let Some((mut invitee, doc, source_org)) = found else { return Ok(None) };
    invitee.is_shielded = !shields.is_empty() && is_within(db, source_org, invitee.source, shields)?;
    invitee.email = directory::users::address(&columns::object(&doc)?).map(str::to_owned);
    Ok(Some(invitee))
}

/// Whether the user is a member of one of `groups`, or of a group within one.
fn is_within(db: &Connection, org: Uuid, user: UserId, groups: &[GroupId]) -> Result<bool, Error> {
    let mut statement = db.prepare_cached(
        "with recursive above (id) as (
           select group_id from members where org_id = ?1 and user_id = ?2
           union
           select m.group_id from above join members m on m.org_id = ?1 and m.subgroup_id = above.id
         )
         select id from above",
    )?;
    let mut rows = statement.query(rusqlite::params![org, user.0])?;
    while let Some(row) = rows.next()? {
        if groups.contains(&GroupId(row.get(0)?)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How many invitations and letters `org` has sent today to `recipient`; to all, under the org's own id.
pub(super) fn today(db: &Connection, org: OrgId, recipient: Uuid, now: Timestamp) -> Result<u32, Error> {
    let sql = "select count from invitation_counts where org_id = ?1 and day = ?2 and recipient = ?3";
    Ok(one(db, sql, &[&org.0, &day(now), &recipient], |row| row.get(0))?.unwrap_or(0))
}

/// Days since 1970 (UTC).
pub(super) fn day(at: Timestamp) -> i64 {
    at.0.div_euclid(86_400_000)
}

/// Those that wait for the answer of `source`, a user of `source_org`; or the one of this id, however it stands.
pub(super) fn addressed(
    db: &Connection,
    source_org: OrgId,
    source: UserId,
    id: Option<InvitationId>,
    now: Timestamp,
) -> Result<Vec<Invitation>, Error> {
    let found = all(
        db,
        "select org_id, id from invitations
         where source_org_id = ?1 and source_id = ?2
           and case when ?3 is null then status = 'pending' and expires_at > ?4 else id = ?3 end
         order by created desc, id limit ?5",
        &[&source_org.0, &source.0, &id.map(|id| id.0), &now.0, &int(limit::PAGE_MAX as u64)],
        |row| Ok((OrgId(row.get(0)?), InvitationId(row.get(1)?))),
    )?;
    let mut invitations = Vec::with_capacity(found.len());
    for (org, id) in found {
        invitations.extend(invitation(db, org, id)?);
    }
    Ok(invitations)
}

/// The org of the invitation of this id, of whichever tree.
pub(super) fn org_of(db: &Connection, id: InvitationId) -> Result<Option<OrgId>, Error> {
    one(db, "select org_id from invitations where id = ?1", &[&id.0], |row| row.get(0).map(OrgId))
}

/// What waits for the worker.
pub(super) fn due(db: &Connection, now: Timestamp) -> Result<Due, Error> {
    let expired = "select 1 from invitations where status = 'pending' and expires_at <= ?1 limit 1";
    Ok(Due {
        has_expired: one(db, expired, &[&now.0], |_| Ok(()))?.is_some(),
        reminders: all(
            db,
            "select org_id, id, generation from invitations where remind_at <= ?1 order by remind_at limit ?2",
            &[&now.0, &int(limit::TENDED_MAX as u64)],
            |row| Ok((OrgId(row.get(0)?), InvitationId(row.get(1)?), row.get(2)?)),
        )?,
        guests: all(
            db,
            "select org_id, id from users where until <= ?1 order by until limit ?2",
            &[&now.0, &int(limit::TENDED_MAX as u64)],
            |row| Ok((OrgId(row.get(0)?), UserId(row.get(1)?))),
        )?,
    })
}

/// Orgs of which an invitation ended before `before`.
pub(super) fn orgs_with_ended(db: &Connection, before: Timestamp) -> Result<Vec<OrgId>, Error> {
    all(
        db,
        "select id from orgs o
         where invitation_count > 0
           and exists (select 1 from invitations i where i.org_id = o.id and i.ended_at < ?1)",
        &[&before.0],
        |row| row.get(0).map(OrgId),
    )
}

fn via(text: Option<String>) -> Option<Via> {
    [Via::Link, Via::Token].into_iter().find(|via| text.as_deref() == Some(via.as_str()))
}

fn status(text: &str) -> Status {
    [Status::Pending, Status::Accepted, Status::Declined, Status::Revoked]
        .into_iter()
        .find(|status| status.as_str() == text)
        .unwrap_or(Status::Expired)
}
