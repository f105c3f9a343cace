//! The audit log: what happens beside the writes waits in memory until the worker writes it, and administrators read it all.
//!
//! Writes leave their entries in their own transaction. Sign-ins and refusals change nothing, so no answer waits for them; a crash
//! loses those of the last second, and of what is counted those of the last minute.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{App, Error, other_client};
use crate::auth::{Principal, Scope, Subject};
use crate::base::limit::{AUDIT_QUEUE_MAX, LOG_BATCH_MAX};
use crate::base::{OrgId, TokenId};
use crate::org::Change;
use crate::org::audit::{Action, Entry, EntryId, Event, UNAUTHENTICATED, Wanted, hex};
use crate::org::log::reason;
use crate::org::watch::{Due, Watch};
use crate::store::{self, Actor};

/// What waits to be written, and what could not be written at the first try.
#[derive(Default)]
pub(super) struct Waiting(Mutex<(Watch, Vec<Event>)>);

/// What was asked and refused, in the program's own words.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: &'static str,
    /// The address, with `:` and a name in the place of what the client chose.
    pub pattern: Arc<str>,
    /// The resource in it.
    pub resource: Option<Uuid>,
    /// The request.
    pub request: Option<Arc<str>>,
}

impl App {
    /// Puts it in the log of its org, soon.
    pub(super) fn audit(&self, event: Event) {
        self.audit.0.lock().unwrap_or_else(PoisonError::into_inner).0.take(event);
    }

    /// Writes what is due. What cannot be written waits for the next call.
    pub async fn audit_flush(&self, due: Due) -> Result<(), store::Error> {
        let events = {
            let mut waiting = self.audit.0.lock().unwrap_or_else(PoisonError::into_inner);
            let (events, lost) = waiting.0.due(due, self.now());
            if lost > 0 {
                tracing::warn!(lost, "the audit log of sign-ins and refusals was full");
            }
            let mut all = std::mem::take(&mut waiting.1);
            all.extend(events);
            all
        };
        for at in (0..events.len()).step_by(LOG_BATCH_MAX) {
            let batch = events[at..].iter().take(LOG_BATCH_MAX).cloned().collect();
            if let Err(error) =
                self.store.commit(self.author(Actor::Worker), vec![Change::Audited { events: batch }.into()]).await
            {
                let again = &events[at..];
                let room = again.len().min(AUDIT_QUEUE_MAX);
                self.audit.0.lock().unwrap_or_else(PoisonError::into_inner).1.extend_from_slice(&again[..room]);
                if again.len() > room {
                    tracing::warn!(lost = again.len() - room, "the audit log of sign-ins and refusals was full");
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// The caller might not do what was asked, for the reason that `detail` gives.
    pub fn refused(&self, org: OrgId, subject: &Subject, client: Option<&str>, asked: &Asked, detail: &str) {
        let address = asked.pattern.split('/').map(|part| if part.starts_with(':') { "*" } else { part });
        let address = address.collect::<Vec<_>>().join("/");
        let event = Event {
            org,
            at: self.now(),
            actor: Actor::Subject(subject.clone()).to_string(),
            client: other_client(subject, client),
            request: asked.request.as_deref().map(str::to_owned),
            action: Action::Refused,
            resource_type: "Request",
            resource: asked.resource,
            detail: Some(format!("{} {address}: {}", asked.method, reason(detail))),
            count: 1,
        };
        self.audit(event);
    }

    /// `bearer` did not open the org that was asked. In whose log that belongs is known where the token is sound: in that of its own
    /// org. Anything else anybody could send.
    pub async fn refused_token(&self, bearer: &str, asked: &Asked, detail: &str) {
        let Ok(verified) = self.issuers.verify(bearer, self.now()).await else { return };
        let Ok(Some(org)) = self.store.org(verified.org).await else { return };
        self.refused(org.id, &verified.subject, verified.client_id.as_deref(), asked, detail);
    }

    /// `who` could not invite users of the parent, each with its id there, if it has one, and why; that org alone may know.
    pub(super) fn withheld(&self, who: &Principal, parent: OrgId, users: impl Iterator<Item = (Option<Uuid>, &'static str)>) {
        for (resource, code) in users {
            self.audit(Event {
                org: parent,
                at: self.now(),
                actor: Actor::Subject(who.subject.clone()).to_string(),
                client: other_client(&who.subject, who.client_id.as_deref()),
                request: who.request.as_deref().map(str::to_owned),
                action: Action::Withheld,
                resource_type: "User",
                resource,
                detail: Some(format!("organization {} could not invite, and was not told why: {code}", who.org.id)),
                count: 1,
            });
        }
    }

    /// `actor` got a token, in the way and with the rights that `detail` tells.
    pub(super) fn issued(&self, org: OrgId, actor: &Actor, token: TokenId, detail: String, request: Option<&str>) -> Event {
        Event {
            org,
            at: self.now(),
            actor: actor.to_string(),
            client: None,
            request: request.map(str::to_owned),
            action: Action::Issued,
            resource_type: "Token",
            resource: Some(token.0),
            detail: Some(detail),
            count: 1,
        }
    }

    /// Somebody gave a wrong secret for a `Client` or `User` that exists.
    pub(super) fn unproven(&self, org: OrgId, (resource_type, id): (&'static str, Uuid), request: Option<&str>) -> Event {
        Event {
            org,
            at: self.now(),
            actor: UNAUTHENTICATED.to_owned(),
            client: None,
            request: request.map(str::to_owned),
            action: Action::Refused,
            resource_type,
            resource: Some(id),
            detail: Some("not its secret".to_owned()),
            count: 1,
        }
    }

    /// The entries of the caller's org that are wanted, the newest first, and where the next page starts.
    pub async fn audit_list(&self, who: &Principal, wanted: &Wanted) -> Result<Value, Error> {
        who.require(Scope::AuditRead)?;
        self.org_audit(who.org.id, wanted).await
    }

    /// The same of any org. For operators; requests come by [`App::audit_list`].
    pub async fn org_audit(&self, org: OrgId, wanted: &Wanted) -> Result<Value, Error> {
        let entries = self.store.audit(org, wanted).await?;
        let next = entries.last().filter(|_| entries.len() == wanted.limit).map(Entry::id);
        let mut body = json!({ "entries": entries.iter().map(show).collect::<Vec<_>>() });
        if let Some(next) = next {
            body["next"] = next.to_string().into();
        }
        Ok(body)
    }

    /// One entry of the caller's org.
    pub async fn audit_get(&self, who: &Principal, id: EntryId) -> Result<Value, Error> {
        who.require(Scope::AuditRead)?;
        let entry = self.store.audit_entry(who.org.id, id).await?;
        Ok(show(&entry.ok_or(store::Error::NotFound)?))
    }
}

fn show(entry: &Entry) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            shown.insert(name.to_owned(), value);
        }
    };
    put("id", entry.id().to_string().into());
    put("place", entry.place.into());
    put("at", json!(entry.at));
    put("actor", entry.actor.clone().into());
    put("client", json!(entry.client));
    put("request", json!(entry.request));
    put("action", entry.action.clone().into());
    put("resourceType", entry.resource_type.clone().into());
    put("resourceId", json!(entry.resource));
    put("versionBefore", json!(entry.version_before));
    put("versionAfter", json!(entry.version_after));
    put("detail", json!(entry.detail));
    put("count", entry.count.into());
    put("hash", hex(&entry.hash).into());
    Value::Object(shown)
}
