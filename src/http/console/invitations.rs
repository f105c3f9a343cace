//! Invitations: the list, one with its history, and what is done to one or to several of them.

use std::collections::BTreeMap;

use poem::http::StatusCode;
use serde_json::{Map, Value, json};

use super::Answer;
use super::history;
use super::invite::parent;
use super::list::{List, Search};
use super::visit::Visit;
use crate::app;
use crate::auth::Scope;
use crate::base::{InvitationId, limit};
use crate::http::error::Rejection;
use crate::invite;
use crate::org::audit::Wanted;

/// How an invitation can stand.
const STATUSES: [&str; 5] = ["pending", "accepted", "declined", "revoked", "expired"];

/// Invitations that something is done to at once.
const SELECTED_MAX: usize = 100;

/// `invitations`: the list, with a search and the status.
pub(super) async fn list(visit: &Visit) -> Answer {
    parent(visit)?;
    let invitation = visit.who().schemas.invitation();
    let search = Search::of(visit, invitation, &["userName"]);
    let status = STATUSES.into_iter().find(|status| *status == visit.query.get("status"));
    let filter = match (status, &search.filter) {
        (None, filter) => filter.clone(),
        (Some(status), None) => Some(format!("status eq \"{status}\"")),
        (Some(status), Some(filter)) => Some(format!("status eq \"{status}\" and ({filter})")),
    };
    let here = visit.query.kept(&visit.here(), &["q", "status"]);
    let page = |list: &List| json!({ "search": search, "here": here, "status": status, "statuses": STATUSES, "list": list });
    // Ids grow with time: the newest first.
    match visit.list(invitation, filter, "-id", "").await {
        Ok(list) => Ok(visit.show("invitations", &page(&list.map(row)))),
        Err(rejection) => visit.again("invitations", &page(&List::default()), rejection),
    }
}

/// `invitations/{id}`.
pub(super) async fn invitation(visit: &Visit, id: &str) -> Answer {
    let id = id.parse().map_err(|_| Rejection::not_found())?;
    let record = visit.app().invitation_get(visit.who(), id).await?;
    let invitation = visit.document(visit.who().schemas.invitation(), &record)?;
    let timeline = timeline(visit, id, &invitation).await?;
    let mut page = row(&invitation);
    for name in ["email", "message", "locale", "until", "reason"] {
        page[name] = invitation[name].clone();
    }
    page["created"] = invitation["meta"]["created"].clone();
    page["guest"] = invitation["guest"]["value"].clone();
    page["answer"] = invitation["delivery"]["answer"].clone();
    page["attempts"] = invitation["delivery"]["attempts"].clone();
    page["maybe_duplicate"] = (invitation["delivery"]["maybeDuplicate"] == true).into();
    page["timeline"] = timeline.into_iter().map(|(at, text)| json!({ "at": at, "text": text })).collect();
    Ok(visit.show("invitation", &page))
}

/// What a list and a page show.
fn row(invitation: &Value) -> Value {
    let groups = invitation["groups"].as_array().into_iter().flatten();
    let state = invitation["delivery"]["state"].as_str().unwrap_or_default();
    json!({
        "id": invitation["id"],
        "userName": invitation["userName"],
        "groups": groups
            .map(|group| json!({
                "id": group["value"],
                "name": group["display"],
                "has_vanished": group["vanished"] == true,
                "was_skipped": group["assigned"] == false,
            }))
            .collect::<Vec<_>>(),
        "inviter": invitation["inviter"],
        "sentAt": invitation["delivery"]["sentAt"],
        "expiresAt": invitation["expiresAt"],
        "status": invitation["status"],
        "state": state,
        "delivery": match state {
            "queued" => "Waits to be sent",
            "sent" => "Sent",
            "deferred" => "Not taken yet, is tried again",
            "failed" => "Cannot be delivered",
            "external" => "No letter: the inviter brings the link",
            other => other,
        },
    })
}

/// What happened, the earliest first: from the invitation, and from the audit log for who may read it.
async fn timeline(visit: &Visit, id: InvitationId, invitation: &Value) -> Result<Vec<(String, String)>, Rejection> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (status, by, user) = (text(&invitation["status"]), text(&invitation["endedBy"]), text(&invitation["userName"]));
    let delivery = &invitation["delivery"];
    let mut told = vec![(text(&invitation["meta"]["created"]), format!("{} invited {user}", text(&invitation["inviter"])))];
    if let Some(at) = delivery["sentAt"].as_str() {
        let answer = delivery["answer"].as_str().map(|answer| format!(": {answer}")).unwrap_or_default();
        told.push((at.to_owned(), format!("The mail server took the letter{answer}")));
    }
    let how = match invitation["endedVia"].as_str() {
        Some("link") => " by the link",
        Some(_) => " after signing in",
        None => "",
    };
    let reason = invitation["reason"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
    match status.as_str() {
        "pending" => told.push((text(&invitation["expiresAt"]), "It expires if nobody answers".to_owned())),
        "expired" => told.push((text(&invitation["expiresAt"]), "It expired".to_owned())),
        ended => told.push((text(&invitation["endedAt"]), format!("{by} {ended} it{how}{reason}"))),
    }
    if visit.may(Scope::AuditRead) {
        told.extend(audited(visit, id, delivery["sentAt"].as_str()).await?);
    }
    told.sort();
    Ok(told)
}

/// What only the log knows: new links, and tries to deliver. Of the try that did, the invitation tells more.
async fn audited(visit: &Visit, id: InvitationId, sent_at: Option<&str>) -> Result<Vec<(String, String)>, Rejection> {
    let wanted = Wanted {
        resource_type: Some("Invitation".to_owned()),
        resource: Some(id.0),
        limit: limit::PAGE_DEFAULT,
        ..Wanted::default()
    };
    let log = visit.app().audit_list(visit.who(), &wanted).await?;
    let (mut told, mut names, mut sent_at) = (Vec::new(), BTreeMap::new(), sent_at);
    for entry in log["entries"].as_array().into_iter().flatten() {
        let (Some(at), Some(actor)) = (entry["at"].as_str(), entry["actor"].as_str()) else { continue };
        let text = match entry["action"].as_str() {
            Some("resent") => {
                if !names.contains_key(actor) {
                    names.insert(actor, history::actor(visit, actor).await?["name"].as_str().unwrap_or(actor).to_owned());
                }
                format!("{} made a new link; the one before is dead", names[actor])
            }
            // Written right after.
            Some("changed") if sent_at.is_some_and(|sent_at| sent_at <= at) => {
                sent_at = None;
                continue;
            }
            Some("changed") => "The mail server was asked to take a letter".to_owned(),
            _ => continue,
        };
        told.push((at.to_owned(), text));
    }
    Ok(told)
}

/// What can be done.
#[derive(Clone, Copy)]
enum Act {
    Resend,
    Revoke,
    Delete,
}

impl Act {
    fn of(name: &str) -> Result<Act, Rejection> {
        match name {
            "resend" => Ok(Act::Resend),
            "revoke" => Ok(Act::Revoke),
            "delete" => Ok(Act::Delete),
            _ => Err(Rejection::not_found()),
        }
    }

    /// Its name, its heading, what it comes to, and what is said when it was done.
    fn words(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Act::Resend => (
                "resend",
                "Send new links",
                "Each user is sent a new letter with a new link. The links before open nothing any more.",
                "A new link was made.",
            ),
            Act::Revoke => (
                "revoke",
                "Revoke invitations",
                "The links open nothing any more. The invitations stay in the list, with who revoked them.",
                "Revoked.",
            ),
            Act::Delete => (
                "delete",
                "Delete invitations",
                "The links open nothing any more, and the invitations are gone from the list. This cannot be undone. \
                 Users who have accepted stay.",
                "Deleted.",
            ),
        }
    }
}

/// `invitations/selected`: what is about to be done to those that were ticked.
pub(super) async fn selected(visit: &Visit) -> Answer {
    let who = visit.who();
    who.require(Scope::InvitationsWrite).map_err(app::Error::from)?;
    let act = Act::of(visit.query.get("do"))?;
    let mut items = Vec::new();
    for id in ids(visit.query.all("id"))? {
        items.push(found(visit, id).await?);
    }
    let (name, title, text, _) = act.words();
    let page = json!({ "act": name, "title": title, "text": text, "items": items });
    Ok(visit.show("invitations-selected", &page))
}

/// Does it, to each by itself.
pub(super) async fn done(visit: &Visit) -> Answer {
    visit.who().require(Scope::InvitationsWrite).map_err(app::Error::from)?;
    let act = Act::of(visit.form.get("do"))?;
    let (name, title, _, good) = act.words();
    let mut lines = Vec::new();
    for id in ids(visit.form.all("id"))? {
        let (user_name, outcome) = match found(visit, id).await {
            Ok(shown) => (shown["userName"].clone(), carry_out(visit, act, id).await),
            Err(rejection) => (json!(id), Err(rejection)),
        };
        let (is_good, text, code) = match outcome {
            Ok(code) => (true, good.to_owned(), code),
            Err(rejection) if rejection.status.is_server_error() => return Err(rejection),
            Err(rejection) => (false, refusal(&rejection), None),
        };
        let link = code.map(|code| invite::code::address(&visit.app().settings.public_url, visit.org(), id, &code));
        lines.push(json!({ "id": id, "userName": user_name, "is_good": is_good, "text": text, "link": link }));
    }
    let failed = lines.iter().filter(|line| line["is_good"] == false).count();
    Ok(visit.show("invitations-done", &json!({ "act": name, "title": title, "lines": lines, "failed": failed })))
}

/// To one. Of a new link that the inviter brings, the code.
async fn carry_out(visit: &Visit, act: Act, id: InvitationId) -> Result<Option<String>, Rejection> {
    let (app, who) = (visit.app(), visit.who());
    let body = |name: &str, value: &str| {
        let body = Some((name.to_owned(), Value::from(value))).filter(|_| !value.is_empty());
        body.into_iter().collect::<Map<_, _>>()
    };
    let record = match act {
        Act::Resend => app.invitation_resend(who, id, &Map::new()).await?,
        Act::Revoke => app.invitation_revoke(who, id, &body("reason", visit.form.get("reason"))).await?,
        Act::Delete => {
            app.invitation_delete(who, id, None).await?;
            return Ok(None);
        }
    };
    let shown = visit.document(who.schemas.invitation(), &record)?;
    Ok(shown["code"].as_str().map(str::to_owned))
}

async fn found(visit: &Visit, id: InvitationId) -> Result<Value, Rejection> {
    let record = visit.app().invitation_get(visit.who(), id).await?;
    Ok(row(&visit.document(visit.who().schemas.invitation(), &record)?))
}

/// Of the boxes that are ticked, each once.
fn ids<'a>(ticked: impl Iterator<Item = &'a str>) -> Result<Vec<InvitationId>, Rejection> {
    let mut ids: Vec<InvitationId> = Vec::new();
    for id in ticked {
        let id = id.parse().map_err(|_| Rejection::not_found())?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let wrong = |detail: String| Err(Rejection::status(StatusCode::BAD_REQUEST, detail));
    match ids.len() {
        0 => wrong("Tick at least one invitation in the list.".to_owned()),
        count if count > SELECTED_MAX => wrong(format!("{count} invitations at once, {SELECTED_MAX} are allowed.")),
        _ => Ok(ids),
    }
}

/// Why nothing was done to it, as a sentence.
fn refusal(rejection: &Rejection) -> String {
    if rejection.status == StatusCode::NOT_FOUND {
        return "There is no such invitation in this organization any more.".to_owned();
    }
    let mut text = rejection.detail.clone();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text + "."
}
