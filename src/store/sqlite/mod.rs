//! The embedded engine: one SQLite file, one writer thread, readers that never wait for it.
//!
//! No SQL stands outside this folder. A read that is one index probe runs where it is asked, on the thread's own connection;
//! what can scan goes to the pool. Every write goes through [`writer`]. The schema is `migrations/sqlite`.

mod admission;
mod attributes;
mod audit;
mod change_log;
mod clients;
mod columns;
mod definitions;
mod entrances;
mod filter;
mod groups;
mod idempotency;
mod invitation_life;
mod invitations;
mod latest;
mod members;
mod open;
mod orgs;
mod outbox;
mod pages;
mod readers;
mod request_log;
mod resources;
mod rights;
mod sessions;
mod settings;
mod sort;
mod tokens;
mod tombstones;
mod tree;
mod users;
mod writer;

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use uuid::Uuid;

pub use open::OpenMode;

use crate::auth::session::SessionId;
use crate::auth::{Client, ProvisioningToken, ScopeSet, Session, Subject};
use crate::base::{ClientId, GroupId, InvitationId, OrgId, Timestamp, UserId};
use crate::directory::deleted::Tombstone;
use crate::invite::{Due, Invitation, Invitee};
use crate::org::audit::{EntryId, Head, Verified};
use crate::org::log::{Entry, QuirkCount, Wanted};
use crate::org::{self, Contents, Org, Settings, Uprooted};
use crate::outbox::{Letter, Shares};
use crate::scim::list::Query;
use crate::scim::{Kind, Record, Reference};
use crate::store::{
    Access, Account, Author, Change, Claim, Commit, Credentials, Defined, Deleted, Enterable, Entrance, Error, Outcome, Page,
    References, Refused, RequestKept, Store,
};

/// A database file, open.
pub struct Sqlite {
    readers: readers::Readers,
    writer: writer::Writer,
    admission: Arc<admission::Admission>,
    /// Held for as long as a server runs; the operating system lets go of it when the process ends, however that happens.
    _lock: Option<File>,
}

impl Sqlite {
    /// Opens the database at `path`, or makes it, with the newest schema. Fails in words for a person if another server has
    /// it, others may read it, or a newer program made it.
    pub fn open(path: &Path, mode: OpenMode) -> Result<Sqlite, Error> {
        let lock = open::claim(path, mode)?;
        let mut connection = open::connection(path, open::Role::Write)?;
        open::migrate(&mut connection)?;
        let admission = Arc::new(admission::Admission::default());
        let writer = writer::Writer::start(connection, admission.clone())?;
        Ok(Sqlite { readers: readers::Readers::new(path)?, writer, admission, _lock: lock })
    }

    /// Brings the database at `path` to the newest schema and says which version that is.
    pub fn migrate(path: &Path) -> Result<usize, Error> {
        open::claim(path, OpenMode::Command)?;
        open::migrate(&mut open::connection(path, open::Role::Write)?)
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn access(&self, org: OrgId, claim: &Claim) -> Result<Option<Access>, Error> {
        self.admission.access(org, claim, || self.readers.inline(|db| orgs::access(db, org, claim)))
    }

    async fn org(&self, org: OrgId) -> Result<Option<Org>, Error> {
        self.readers.inline(|db| orgs::org(db, org))
    }

    async fn orgs(&self) -> Result<Vec<Org>, Error> {
        self.readers.pooled(orgs::orgs).await
    }

    async fn org_contents(&self, below: OrgId, org: OrgId) -> Result<Contents, Error> {
        self.readers.pooled(move |db| tree::contents(db, below, org)).await
    }

    async fn org_uprooted(&self, below: OrgId, org: OrgId, parent: OrgId, now: Timestamp) -> Result<Uprooted, Error> {
        self.readers.pooled(move |db| tree::uprooted(db, (below, org), parent, now)).await
    }

    async fn request_log(&self, org: OrgId, wanted: &Wanted) -> Result<Vec<Entry>, Error> {
        let wanted = wanted.clone();
        self.readers.pooled(move |db| request_log::list(db, org, &wanted)).await
    }

    async fn request_logged(&self, org: OrgId, id: Uuid) -> Result<Option<Entry>, Error> {
        self.readers.inline(|db| request_log::entry(db, org, id))
    }

    async fn requests_surplus(&self, rows: u32) -> Result<Vec<(OrgId, u64)>, Error> {
        self.readers.pooled(move |db| request_log::surplus(db, rows)).await
    }

    async fn quirk_counts(&self, org: OrgId) -> Result<Vec<QuirkCount>, Error> {
        self.readers.inline(|db| request_log::counts(db, org))
    }

    async fn audit(&self, org: OrgId, wanted: &org::audit::Wanted) -> Result<Vec<org::audit::Entry>, Error> {
        let wanted = wanted.clone();
        self.readers.pooled(move |db| audit::list(db, org, &wanted)).await
    }

    async fn audit_entry(&self, org: OrgId, id: EntryId) -> Result<Option<org::audit::Entry>, Error> {
        self.readers.inline(|db| audit::entry(db, org, id))
    }

    async fn audit_heads(&self, org: Option<OrgId>) -> Result<Vec<Head>, Error> {
        self.readers.inline(|db| audit::heads(db, org))
    }

    async fn audit_verify(&self, org: Option<OrgId>, noted: Vec<Head>) -> Result<Verified, Error> {
        self.readers.unhurried(move |db| audit::verify(db, org, &noted)).await
    }

    async fn settings(&self, org: OrgId) -> Result<Option<Settings>, Error> {
        self.readers.inline(|db| settings::own(db, org))
    }

    async fn client(&self, client: ClientId) -> Result<Option<Client>, Error> {
        self.readers.inline(|db| clients::client(db, client))
    }

    async fn clients(&self, org: OrgId, query: &Credentials) -> Result<(usize, Vec<Client>), Error> {
        let query = query.clone();
        self.readers.pooled(move |db| clients::page(db, org, &query)).await
    }

    async fn tokens(&self, org: OrgId, query: &Credentials) -> Result<(usize, Vec<ProvisioningToken>), Error> {
        let query = query.clone();
        self.readers.pooled(move |db| tokens::page(db, org, &query)).await
    }

    async fn tokens_ending(&self, from: Timestamp, until: Timestamp) -> Result<Vec<ProvisioningToken>, Error> {
        self.readers.pooled(move |db| tokens::ending(db, (from, until))).await
    }

    async fn session(&self, id: &SessionId) -> Result<Option<Session>, Error> {
        self.readers.inline(|db| sessions::session(db, id))
    }

    async fn entrance(&self, from: OrgId, subject: &Subject, to: OrgId, now: Timestamp) -> Result<Option<Entrance>, Error> {
        let now = self.writer.latest.of(now);
        self.readers.inline(|db| entrances::entrance(db, from, subject, to, now))
    }

    async fn enterable(
        &self,
        from: OrgId,
        subject: &Subject,
        query: &Enterable,
        now: Timestamp,
    ) -> Result<(usize, Vec<Org>), Error> {
        let (subject, query, now) = (subject.clone(), query.clone(), self.writer.latest.of(now));
        self.readers.pooled(move |db| entrances::enterable(db, from, &subject, &query, now)).await
    }

    async fn account(&self, org: OrgId, user_name: &str) -> Result<Option<Account>, Error> {
        self.readers.inline(|db| users::account(db, org, user_name))
    }

    async fn resource(
        &self,
        org: OrgId,
        kind: Kind,
        id: Uuid,
        references: References,
        now: Timestamp,
    ) -> Result<Option<Record>, Error> {
        let now = self.writer.latest.of(now);
        // The members of a large group are no single probe.
        if kind == Kind::Group && references == References::Include {
            return self.readers.pooled(move |db| pages::resource(db, org, kind, id, references, now)).await;
        }
        self.readers.inline(|db| pages::resource(db, org, kind, id, references, now))
    }

    async fn resources(&self, org: OrgId, kind: Kind, query: &Query, now: Timestamp) -> Result<Page, Error> {
        let now = self.writer.latest.of(now);
        if pages::is_probe(kind, query) {
            return self.readers.inline(|db| pages::page(db, org, kind, query, now));
        }
        let query = query.clone();
        self.readers.pooled(move |db| pages::page(db, org, kind, &query, now)).await
    }

    async fn invitation(&self, org: OrgId, invitation: InvitationId) -> Result<Option<Invitation>, Error> {
        let found = self.readers.inline(|db| invitations::invitation(db, org, invitation))?;
        Ok(found.map(|invitation| self.writer.latest.aged(invitation)))
    }

    async fn invitees(
        &self,
        org: OrgId,
        user_names: &[String],
        shields: &[GroupId],
        now: Timestamp,
    ) -> Result<Vec<Option<Invitee>>, Error> {
        let now = self.writer.latest.of(now);
        self.readers.inline(|db| {
            user_names.iter().map(|name| invitations::invitee(db, org, invitations::Whom::Name(name), shields, now)).collect()
        })
    }

    async fn invitee(&self, org: OrgId, source: UserId, shields: &[GroupId], now: Timestamp) -> Result<Option<Invitee>, Error> {
        let now = self.writer.latest.of(now);
        self.readers.inline(|db| invitations::invitee(db, org, invitations::Whom::Id(source), shields, now))
    }

    async fn invitations_today(&self, org: OrgId, recipient: Uuid, now: Timestamp) -> Result<u32, Error> {
        self.readers.inline(|db| invitations::today(db, org, recipient, now))
    }

    async fn invitations_addressed(
        &self,
        source_org: OrgId,
        source: UserId,
        id: Option<InvitationId>,
        now: Timestamp,
    ) -> Result<Vec<Invitation>, Error> {
        let now = self.writer.latest.of(now);
        let found = self.readers.inline(|db| invitations::addressed(db, source_org, source, id, now))?;
        Ok(found.into_iter().map(|invitation| self.writer.latest.aged(invitation)).collect())
    }

    async fn invitation_org(&self, id: InvitationId) -> Result<Option<OrgId>, Error> {
        self.readers.inline(|db| invitations::org_of(db, id))
    }

    async fn invitations_due(&self, now: Timestamp) -> Result<Due, Error> {
        self.readers.inline(|db| invitations::due(db, now))
    }

    async fn invitations_ended(&self, before: Timestamp) -> Result<Vec<OrgId>, Error> {
        self.readers.pooled(move |db| invitations::orgs_with_ended(db, before)).await
    }

    async fn members_known(&self, org: OrgId, ids: Vec<Uuid>) -> Result<HashSet<Uuid>, Error> {
        self.readers.pooled(move |db| members::known(db, org, ids)).await
    }

    async fn subgroups(&self, org: OrgId, group: GroupId, count: usize) -> Result<Vec<Reference>, Error> {
        self.readers.pooled(move |db| members::subgroups(db, org, group, count)).await
    }

    async fn group_names(&self, org: OrgId, groups: &[Uuid]) -> Result<Vec<Option<String>>, Error> {
        self.readers.inline(|db| groups.iter().map(|id| groups::name(db, org, *id)).collect())
    }

    async fn holds(&self, org: OrgId, subject: &Subject, now: Timestamp) -> Result<ScopeSet, Error> {
        let now = self.writer.latest.of(now);
        self.readers.inline(|db| rights::of_subject(db, org, subject, now))
    }

    async fn groups_give(&self, org: OrgId, groups: &[Uuid]) -> Result<Vec<ScopeSet>, Error> {
        self.readers.inline(|db| groups.iter().map(|id| rights::of_member(db, org, *id)).collect())
    }

    async fn request_kept(&self, org: OrgId, key: [u8; 32], now: Timestamp) -> Result<Option<RequestKept>, Error> {
        self.readers.inline(|db| idempotency::kept(db, org, key, now))
    }

    async fn schema_epoch(&self, root: OrgId) -> Result<u64, Error> {
        self.readers.inline(|db| definitions::epoch(db, root))
    }

    async fn definitions(&self, root: OrgId) -> Result<Defined, Error> {
        self.readers.inline(|db| definitions::defined(db, root))
    }

    async fn letters_due(&self, now: Timestamp, lease_until: Timestamp, under_way: &Shares) -> Result<Vec<Letter>, Error> {
        let (orgs, domains) = (under_way.full_orgs(), under_way.full_domains());
        let waiting = self.readers.pooled(move |db| outbox::waiting(db, now, &orgs, &domains)).await?;
        // Who looks when nothing is due does not come to the writer.
        match under_way.choose(waiting) {
            none if none.is_empty() => Ok(Vec::new()),
            chosen => self.writer.lease(now, lease_until, chosen).await,
        }
    }

    async fn deleted(&self, org: OrgId, query: &Deleted) -> Result<(usize, Vec<Tombstone>), Error> {
        let query = query.clone();
        self.readers.pooled(move |db| tombstones::page(db, org, &query)).await
    }

    async fn commit(&self, author: Author, changes: Vec<Change>) -> Result<Vec<Outcome>, Error> {
        self.writer.commit(author, changes).await
    }

    async fn commit_each(
        &self,
        author: Author,
        commits: Arc<[Commit]>,
        failures_max: usize,
    ) -> Vec<Result<Vec<Outcome>, Refused>> {
        self.writer.commit_each(author, commits, failures_max).await
    }

    async fn close(&self) {
        self.writer.close().await;
        self.readers.close();
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OperationInterrupted) => Error::TooMuch,
            _ => Error::Engine(error.into()),
        }
    }
}

/// Writes one change and says what it came to.
fn write(db: &Connection, change: &Change) -> Result<Outcome, Error> {
    match change {
        Change::Org(change) => orgs::write(db, change),
        Change::Auth(change) => tokens::write(db, change),
        Change::Directory(change) => match change {
            crate::directory::Change::UserCreated { .. }
            | crate::directory::Change::UserReplaced { .. }
            | crate::directory::Change::UserDeleted { .. }
            | crate::directory::Change::GuestCreated { .. } => users::write(db, change),
            crate::directory::Change::Restored { .. }
            | crate::directory::Change::Erased { .. }
            | crate::directory::Change::Expired { .. } => tombstones::write(db, change),
            crate::directory::Change::GroupCreated { .. }
            | crate::directory::Change::GroupChanged { .. }
            | crate::directory::Change::GroupDeleted { .. } => groups::write(db, change),
            _ => resources::write(db, change),
        },
        Change::Invite(change) => invitation_life::write(db, change),
        Change::Outbox(change) => outbox::write(db, change),
        Change::Request(kept) => idempotency::write(db, kept),
        Change::Definitions(change) => definitions::write(db, change),
        Change::Swept(now) => sweep(db, *now),
    }
}

/// Forgets up to [`SWEEP_MAX`] rows of each kind: whoever writes meanwhile does not wait for all of them.
fn sweep(db: &Connection, now: Timestamp) -> Result<Outcome, Error> {
    let mut most = 0;
    for forget in [tokens::sweep, sessions::sweep, change_log::sweep, idempotency::sweep, invitation_life::sweep] {
        most = most.max(forget(db, now, SWEEP_MAX)?);
    }
    Ok(if most < SWEEP_MAX { Outcome::Done } else { Outcome::More })
}

/// Rows of one kind that are forgotten by one commit.
const SWEEP_MAX: usize = 1000;

/// What a failed constraint means to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breach {
    /// A unique constraint that holds this column.
    Unique,
    /// A row on the other end is not there.
    Foreign,
}

/// Which constraint `error` is about, if it is about one; `column` is looked for in SQLite's list of columns.
fn breach(error: &rusqlite::Error, column: &str) -> Option<Breach> {
    let rusqlite::Error::SqliteFailure(failure, text) = error else { return None };
    match failure.extended_code {
        rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Some(Breach::Foreign),
        rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
            text.as_deref().is_some_and(|text| text.contains(column)).then_some(Breach::Unique)
        }
        _ => None,
    }
}
