//! The use cases: authorise, load, decide, commit. One file per noun, methods of [`App`] named noun first.
//!
//! Nothing is decided here that a pure room can decide, and no protocol but the store's is spoken here. The org is always the
//! one of the caller's [`Principal`](crate::auth::Principal), never one that a body or a path names.

pub mod audit;
pub mod bulk;
pub mod clients;
pub mod deleted;
pub mod error;
pub mod exchange;
pub mod groups;
pub mod idempotency;
pub mod invitations;
pub mod issuers;
mod jwks;
mod last_uses;
pub mod limits;
pub mod mail;
pub mod orgs;
pub mod passwords;
pub mod provisioning;
pub mod requests;
pub mod resources;
pub mod schemas;
pub mod search;
pub mod sessions;
pub mod settings;
#[cfg(test)]
mod test;
pub mod tokens;
pub mod users;
mod verified;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use error::{Error, ErrorKind};
pub use issuers::Issuers;
use requests::Requests;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::auth::{Principal, Subject};
use crate::base::{Clock, Random, Secret, Timestamp};
use crate::scim::list::Query;
use crate::scim::{self, Kind, Profile, Quirk, Quirks, Record, ScimType, etag};
use crate::store::{self, Actor, Author, Outcome, Page, References, RequestKept, Store};

/// Everything a use case needs; nothing is ambient.
pub struct App {
    /// What is remembered.
    pub store: Arc<dyn Store>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Ids and key material.
    pub random: Arc<dyn Random>,
    /// What an operator chose.
    pub settings: Settings,
    /// Told after a commit that queued a letter, so that the worker need not wait for its next look.
    pub letters: Arc<tokio::sync::Notify>,
    /// What waits to be written to the request log.
    pub requests: Requests,
    /// What waits to be written to the audit log beside the writes.
    audit: audit::Waiting,
    /// Whose tokens are believed.
    pub issuers: Issuers,
    /// Sends a letter while somebody waits; none in a process that sends no mail.
    pub courier: Option<Arc<dyn mail::Courier>>,
    mail_tried: mail::Tried,
    /// When credentials were last used.
    last_uses: last_uses::LastUses,
    /// When sessions were.
    seen: sessions::Seen,
    /// How often what may be tried.
    pub limits: limits::Limits,
    /// Each hash of a password takes 19 MiB and tens of milliseconds; more at once would take the machine (S-60).
    hashing: Arc<Semaphore>,
    /// The schemas and resource types of each tree.
    trees: schemas::Trees,
    is_draining: AtomicBool,
    under_way: idempotency::UnderWay,
    /// Held by whoever invites again because others invited the same people; an org always has the same one.
    inviting: [tokio::sync::Mutex<()>; 16],
}

/// Passwords hashed at the same time; the others wait.
const HASHING_MAX: usize = 2;

/// What an operator chose, once and for all requests.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the world reaches this server: scheme and authority, no trailing slash. The only source of links and of
    /// `meta.location`.
    pub public_url: String,
    /// How much of a provider's own dialect is understood, where no org chose otherwise.
    pub profile: Profile,
    /// For how long what was deleted can be restored.
    pub restorable: Duration,
    /// From which the secrets of invitation links and of cursors are derived.
    pub invitation_key: Secret<[u8; 32]>,
}

impl App {
    /// An app over `store`.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        settings: Settings,
        issuers: Issuers,
    ) -> App {
        let letters = Arc::default();
        let hashing = Arc::new(Semaphore::new(HASHING_MAX));
        App {
            store,
            clock,
            random,
            settings,
            letters,
            issuers,
            courier: None,
            mail_tried: mail::Tried::default(),
            last_uses: last_uses::LastUses::default(),
            seen: sessions::Seen::default(),
            limits: limits::Limits::default(),
            hashing,
            trees: schemas::Trees::default(),
            is_draining: AtomicBool::new(false),
            under_way: Arc::default(),
            inviting: Default::default(),
            requests: Requests::default(),
            audit: audit::Waiting::default(),
        }
    }

    /// Counts a request of `who`; where its org asks for more than its share while much is under way, it is one too many.
    pub fn admit(&self, who: &Principal) -> Result<(), Error> {
        self.limits.request(who.org.id, self.now())
    }

    /// From now on the process finishes what runs and wants nothing new: `/readyz` says so.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
    }

    /// Whether it is about to end.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// In whose name a commit of this moment is logged, where no request asks for it. Who calls from outside hands out what he
    /// holds, see [`author_of`](App::author_of); what the program does itself, or an invitee accepts, was decided before.
    pub(crate) fn author(&self, by: impl Into<Author>) -> Author {
        Author { at: self.now(), ..by.into() }
    }

    /// The same for the caller of a request, who holds what the token and his groups give.
    pub(crate) fn author_of(&self, who: &Principal) -> Author {
        let client = other_client(&who.subject, who.client_id.as_deref());
        let author = self.author(Actor::Subject(who.subject.clone()));
        Author { client, request: who.request.clone(), holds: who.scopes, ..author }
    }

    /// Forgets some of what no request needs any more, whatever its org. Whether there is more of it.
    pub async fn sweep(&self) -> Result<bool, store::Error> {
        let swept = self.store.commit(self.author(Actor::Worker), vec![store::Change::Swept(self.now())]).await?;
        Ok(swept.contains(&Outcome::More))
    }

    /// The switches that hold in the caller's org.
    pub fn profile(&self, who: &Principal) -> Profile {
        who.org.settings.profile(self.settings.profile)
    }

    /// 428 where the org takes no write of what the client may not have seen (V-08).
    fn conditional(&self, who: &Principal, if_match: Option<&str>) -> Result<(), Error> {
        if if_match.is_some() || !self.profile(who).has(Quirk::IfMatchRequired) {
            return Ok(());
        }
        Err(scim::Error::status(428, "`If-Match` is not there, and this organization takes no such write without it").into())
    }

    /// A resource of the caller's org, as the caller may see it; another org's is not there.
    async fn load(&self, who: &Principal, kind: Kind, id: Uuid, references: References) -> Result<Record, Error> {
        let is_hidden = kind == Kind::User && !who.is_user(id) && who.hidden(kind).next().is_some();
        let references = if is_hidden { References::Omit } else { references };
        let found = self.store.resource(who.org.id, kind, id, references, self.now()).await?;
        Ok(seen(who, kind, found.ok_or(store::Error::NotFound)?))
    }

    /// A page of resources of the caller's org, as the caller may see them. 403 where it asks by what that is not.
    async fn page(&self, who: &Principal, kind: Kind, query: &Query) -> Result<Page, Error> {
        who.require_visible(kind, query)?;
        let is_hidden = kind == Kind::User && who.hidden(kind).next().is_some();
        let mut page = match is_hidden && query.references {
            true => {
                let query = Query { references: false, ..query.clone() };
                self.store.resources(who.org.id, kind, &query, self.now()).await?
            }
            false => self.store.resources(who.org.id, kind, query, self.now()).await?,
        };
        page.records = page.records.into_iter().map(|record| seen(who, kind, record)).collect();
        Ok(page)
    }

    /// The version that `If-Match` holds a write to, where the client sent one (V-03).
    async fn expected(&self, who: &Principal, kind: Kind, id: Uuid, if_match: Option<&str>) -> Result<Option<u64>, Error> {
        let Some(header) = if_match else { return Ok(None) };
        let current = self.load(who, kind, id, References::Omit).await?;
        precondition(Some(header), current.version)?;
        Ok(Some(current.version))
    }

    async fn commit_one(&self, who: &Principal, change: impl Into<store::Change>) -> Result<Outcome, store::Error> {
        self.commit_kept(who, change, None).await
    }

    /// Together with the note that it was done.
    async fn commit_kept(
        &self,
        who: &Principal,
        change: impl Into<store::Change>,
        kept: Option<RequestKept>,
    ) -> Result<Outcome, store::Error> {
        let author = self.author_of(who);
        let change = change.into();
        let mut changes = self.besides(who, &change);
        let at = changes.len();
        changes.push(change);
        changes.extend(kept.map(Into::into));
        let written = self.store.commit(author, changes).await;
        let outcomes = written.inspect_err(|error| self.note_schemas(who, error))?;
        Ok(outcomes.into_iter().nth(at).unwrap_or(Outcome::Done))
    }

    /// Tells the log in which dialects a provider speaks, never what it said.
    fn note(&self, who: &Principal, quirks: &Quirks) {
        let quirks = Quirks(quirks.0 & !who.noted.quirks().0);
        who.noted.add(quirks);
        if !quirks.is_empty() {
            tracing::info!(org.id = %who.org.id, client.id = who.client_id.as_deref(), quirks = ?quirks.names(), "read in a dialect");
        }
    }
}

/// The record without what the caller does not see of its document. The groups of a user are not in it: they are not looked up.
fn seen(who: &Principal, kind: Kind, mut record: Record) -> Record {
    let mut hidden = who.hidden(kind).filter(|_| kind != Kind::User).peekable();
    if hidden.peek().is_none() {
        return record;
    }
    let mut doc: Map<String, Value> = serde_json::from_str(&record.doc).unwrap_or_default();
    for property in hidden {
        match property.sub {
            None => doc.shift_remove(property.name),
            Some(sub) => doc.get_mut(property.name).and_then(Value::as_object_mut).and_then(|whole| whole.shift_remove(sub)),
        };
    }
    record.doc = Value::Object(doc).to_string();
    record
}

/// The client whose token a person uses; of a client itself the subject says it.
fn other_client(subject: &Subject, client: Option<&str>) -> Option<String> {
    client.filter(|_| !matches!(subject, Subject::Client(_))).map(str::to_owned)
}

/// U-04: the body of a PUT may name another resource than its address only where the org passes that over.
fn same_id(body: &Map<String, Value>, id: Option<Uuid>, profile: Profile, quirks: &mut Quirks) -> Result<(), Error> {
    let Some(id) = id else { return Ok(()) };
    let sent = body.iter().find(|(name, _)| name.eq_ignore_ascii_case("id")).map(|(_, value)| value);
    if sent.is_none_or(|sent| sent.is_null() || *sent == id.to_string()) || quirks.allow(profile, Quirk::OtherId) {
        return Ok(());
    }
    Err(scim::Error::bad(ScimType::InvalidValue, "`id` is not that of the address").into())
}

/// How often a decision is made, where others change its facts meanwhile.
const TRIES: usize = 4;

/// 412 unless `if_match` names `version`. Weak tags are compared as if they were strong (V-04).
fn precondition(if_match: Option<&str>, version: u64) -> Result<(), Error> {
    match if_match {
        Some(header) if !etag::matches(header, version) => Err(Error::Precondition),
        _ => Ok(()),
    }
}
