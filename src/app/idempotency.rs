//! `Idempotency-Key`: a request that is sent again is not carried out again (B-16).
//!
//! What a POST makes and the note of it are one transaction, so no crash comes between them. A bulk request is noted before and
//! after; one that was cut off is told as such, for then nobody knows how far it came. Refusals are not kept: nothing was done.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;

use super::{App, Error};
use crate::auth::{Principal, Scope};
use crate::base::limit::{REQUEST_ANSWER_BYTES_MAX, REQUEST_KEY_CHARS_MAX};
use crate::base::{OrgId, Timestamp};
use crate::scim::{self, Kind, Record, ScimType};
use crate::store::{self, Actor, Kept, References, RequestKept};

/// Whose turn it is.
pub enum Turn {
    /// That of the request; with a ticket, if it has a key.
    First(Option<Ticket>),
    /// It was carried out before.
    Again(Kept),
}

/// The right to carry out the request of one key; nobody else gets it meanwhile.
pub struct Ticket {
    org: OrgId,
    key: [u8; 32],
    request: [u8; 32],
    under_way: UnderWay,
}

/// The keys of the requests that this process is carrying out; it is the only one that serves its database.
pub(super) type UnderWay = Arc<Mutex<HashSet<[u8; 32]>>>;

impl Ticket {
    pub(super) fn kept(&self, outcome: Kept, at: Timestamp) -> RequestKept {
        RequestKept { org: self.org, key: self.key, request: self.request, outcome, at }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl App {
    /// Whether the request of `body` to `operation` is to be carried out. 422 if another one came with this key, 409 while it is
    /// under way, and where it was cut off. Keys of two clients never meet.
    pub async fn turn(
        &self,
        who: &Principal,
        key: Option<&str>,
        operation: &str,
        body: &Map<String, Value>,
    ) -> Result<Turn, Error> {
        // Who may write nothing does nothing that could be done twice, and gets no room for it.
        let writes =
            [Scope::UsersWrite, Scope::GroupsWrite, Scope::InvitationsWrite, Scope::OrganizationsWrite, Scope::ResourcesWrite];
        let may_write = writes.into_iter().any(|scope| who.scopes.contains(scope));
        let Some(key) = key.map(str::trim).filter(|_| may_write) else { return Ok(Turn::First(None)) };
        // The draft has a quoted string; clients send it bare as well.
        let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
        if !(1..=REQUEST_KEY_CHARS_MAX).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let detail = format!("`Idempotency-Key` is not 1 to {REQUEST_KEY_CHARS_MAX} visible ASCII characters");
            return Err(scim::Error::bad(ScimType::InvalidValue, detail).into());
        }
        let subject = Actor::Subject(who.subject.clone()).to_string();
        let body = serde_json::to_vec(body).map_err(|_| Error::Task("printing a body"))?;
        let key = self.mac(&[b"key", who.org.id.0.as_bytes(), subject.as_bytes(), key.as_bytes()]);
        let request = self.mac(&[b"request", operation.as_bytes(), &body]);
        if !self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
            return Err(Error::UnderWay);
        }
        let ticket = Ticket { org: who.org.id, key, request, under_way: self.under_way.clone() };
        match self.store.request_kept(who.org.id, key, self.now()).await? {
            None => Ok(Turn::First(Some(ticket))),
            Some(kept) if kept.request != request => {
                Err(scim::Error::status(422, "another request came with this `Idempotency-Key`").into())
            }
            Some(RequestKept { outcome: Kept::Begun, .. }) => {
                let detail = "the request of this `Idempotency-Key` was cut off or its answer was too large to be kept: \
                              see what was done, and send the rest with another key";
                Err(scim::Error::status(409, detail).into())
            }
            Some(kept) => Ok(Turn::Again(kept.outcome)),
        }
    }

    /// What a request has made before, as it is now. 410 if it is gone.
    pub async fn made(&self, who: &Principal, kind: Kind, kept: Kept, references: References) -> Result<Record, Error> {
        who.require(match kind {
            Kind::User => Scope::UsersWrite,
            Kind::Invitation => Scope::InvitationsWrite,
            Kind::Organization => Scope::OrganizationsWrite,
            Kind::Group | Kind::Custom(_) => Scope::GroupsWrite,
        })?;
        let Kept::Made(id) = kept else { return Err(Error::Task("finding what a request made")) };
        match self.load(who, kind, id, references).await {
            Err(Error::Store(store::Error::NotFound)) => Err(scim::Error::status(410, "what this request made is gone").into()),
            found => found,
        }
    }

    /// Keeps the answer to a bulk request for whoever sends it again.
    pub async fn request_answered(&self, who: &Principal, ticket: &Ticket, answer: &str) -> Result<(), Error> {
        if answer.len() <= REQUEST_ANSWER_BYTES_MAX {
            self.commit_one(who, ticket.kept(Kept::Answered(answer.to_owned()), self.now())).await?;
        }
        Ok(())
    }

    /// Under a key of the server, since a plain digest of a body with a password would tell when it was guessed.
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let key = self.settings.invitation_key.expose();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
        mac.update(b"usher idempotency");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}
