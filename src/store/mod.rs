//! The store: reads, and one `commit` of changes, all or none.
//!
//! Every call takes the org; what belongs to another org does not exist. Nothing outside `store/sqlite` may know which engine
//! it is. Only what is listed here is remembered: documents, rows of members, invitations, letters, clients.

mod author;
mod kept;
mod page;
pub mod sqlite;

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

pub use author::{Actor, Author};
pub use kept::{Kept, RequestKept};
pub use page::Page;

use crate::auth::session::SessionId;
use crate::auth::{self, Client, NotHeld, ProvisioningToken, ScopeSet, Session, Source};
use crate::base::limit::QUERY_DEADLINE;
use crate::base::{ClientId, GroupId, InvitationId, OrgId, Timestamp, TokenId, UserId};
use crate::directory::deleted::{Restored, Tombstone};
use crate::invite::{Due, Invitation, Invitee};
use crate::org::audit;
use crate::org::log::{Entry, QuirkCount, Wanted};
use crate::org::{self, Contents, Org, Settings, Uprooted};
use crate::outbox::{Letter, Shares};
use crate::scim::list::Query;
use crate::scim::{Kind, Record, Reference};
use crate::{directory, invite, outbox};

/// The one interface to what is remembered.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Whether the org and the token's subject still are what the token says; one index probe each. `None` if there is no
    /// such org.
    async fn access(&self, org: OrgId, claim: &Claim) -> Result<Option<Access>, Error>;

    /// An org by its id.
    async fn org(&self, org: OrgId) -> Result<Option<Org>, Error>;

    /// Every org, parents before children. For operators; no request reaches it.
    async fn orgs(&self) -> Result<Vec<Org>, Error>;

    /// What a deletion of `org`, which stands below `below` or is it, would take along.
    async fn org_contents(&self, below: OrgId, org: OrgId) -> Result<Contents, Error>;

    /// What would end if `org` got this parent, both below `below` or that one itself. `InUse` where it cannot be moved there.
    async fn org_uprooted(&self, below: OrgId, org: OrgId, parent: OrgId, now: Timestamp) -> Result<Uprooted, Error>;

    /// The lines of the request log of `org` that are wanted, the newest first.
    async fn request_log(&self, org: OrgId, wanted: &Wanted) -> Result<Vec<Entry>, Error>;

    /// One line of it.
    async fn request_logged(&self, org: OrgId, id: Uuid) -> Result<Option<Entry>, Error>;

    /// The orgs whose request log has more than `rows` lines, and how many more. For the worker: it counts all of them.
    async fn requests_surplus(&self, rows: u32) -> Result<Vec<(OrgId, u64)>, Error>;

    /// What requests to `org` needed, the most needed first.
    async fn quirk_counts(&self, org: OrgId) -> Result<Vec<QuirkCount>, Error>;

    /// The entries of the audit log of `org` that are wanted, the newest first.
    async fn audit(&self, org: OrgId, wanted: &audit::Wanted) -> Result<Vec<audit::Entry>, Error>;

    /// One of them.
    async fn audit_entry(&self, org: OrgId, id: audit::EntryId) -> Result<Option<audit::Entry>, Error>;

    /// The last entry of each chain, or of that of `org`. For operators.
    async fn audit_heads(&self, org: Option<OrgId>) -> Result<Vec<audit::Head>, Error>;

    /// Whether every chain holds, or that of `org`, and goes through the heads that were `noted` elsewhere. For operators: it reads all.
    async fn audit_verify(&self, org: Option<OrgId>, noted: Vec<audit::Head>) -> Result<audit::Verified, Error>;

    /// What an org itself has chosen; what holds there is in [`Org::settings`].
    async fn settings(&self, org: OrgId) -> Result<Option<Settings>, Error>;

    /// A client by its `client_id`, with the org it is bound to.
    async fn client(&self, client: ClientId) -> Result<Option<Client>, Error>;

    /// A page of the clients of `org`, guests included, the oldest first, and how many there are.
    async fn clients(&self, org: OrgId, query: &Credentials) -> Result<(usize, Vec<Client>), Error>;

    /// A page of the provisioning tokens of `org`, the newest first, and how many there are.
    async fn tokens(&self, org: OrgId, query: &Credentials) -> Result<(usize, Vec<ProvisioningToken>), Error>;

    /// The first thousand provisioning tokens of any org that end between the two and have no successor. For the worker.
    async fn tokens_ending(&self, from: Timestamp, until: Timestamp) -> Result<Vec<ProvisioningToken>, Error>;

    /// The session whose secret has this hash; none where nobody signed in with it, or somebody signed out. Whether it is over is not
    /// asked.
    async fn session(&self, id: &SessionId) -> Result<Option<Session>, Error>;

    /// Whom `subject` of `from` is in `to`, and what it may do there, if it may enter.
    async fn entrance(
        &self,
        from: OrgId,
        subject: &auth::Subject,
        to: OrgId,
        now: Timestamp,
    ) -> Result<Option<Entrance>, Error>;

    /// A page of the orgs that `subject` of `from` may enter from there, by name, and how many there are.
    async fn enterable(
        &self,
        from: OrgId,
        subject: &auth::Subject,
        query: &Enterable,
        now: Timestamp,
    ) -> Result<(usize, Vec<Org>), Error>;

    /// A user of `org` by `userName`, with the password of the user at home.
    async fn account(&self, org: OrgId, user_name: &str) -> Result<Option<Account>, Error>;

    /// One resource of `org`. `references` asks for `groups` or `members` too. `now` decides the status of an invitation.
    async fn resource(
        &self,
        org: OrgId,
        kind: Kind,
        id: Uuid,
        references: References,
        now: Timestamp,
    ) -> Result<Option<Record>, Error>;

    /// A page of resources of `org`, and how many match in all.
    async fn resources(&self, org: OrgId, kind: Kind, query: &Query, now: Timestamp) -> Result<Page, Error>;

    /// An invitation of `org`.
    async fn invitation(&self, org: OrgId, invitation: InvitationId) -> Result<Option<Invitation>, Error>;

    /// For each of `user_names`, who that is in the parent of `org`, and whether a member of `shields` there. In the order asked.
    async fn invitees(
        &self,
        org: OrgId,
        user_names: &[String],
        shields: &[GroupId],
        now: Timestamp,
    ) -> Result<Vec<Option<Invitee>>, Error>;

    /// The same of the user `source` of the parent, whatever its name is by now.
    async fn invitee(&self, org: OrgId, source: UserId, shields: &[GroupId], now: Timestamp) -> Result<Option<Invitee>, Error>;

    /// How many invitations and letters `org` has sent to `recipient` on the day of `now`; to all, under the org's own id.
    async fn invitations_today(&self, org: OrgId, recipient: Uuid, now: Timestamp) -> Result<u32, Error>;

    /// The invitations that wait for `source`, a user of `source_org`; or the one `id` of those it ever had.
    async fn invitations_addressed(
        &self,
        source_org: OrgId,
        source: UserId,
        id: Option<InvitationId>,
        now: Timestamp,
    ) -> Result<Vec<Invitation>, Error>;

    /// Which org invites by the invitation `id`, for a caller who brings its code and nothing else.
    async fn invitation_org(&self, id: InvitationId) -> Result<Option<OrgId>, Error>;

    /// What of invitations and memberships waits for the worker, in every org.
    async fn invitations_due(&self, now: Timestamp) -> Result<Due, Error>;
    /// The orgs that keep an invitation that ended before `before`. For the worker.
    async fn invitations_ended(&self, before: Timestamp) -> Result<Vec<OrgId>, Error>;

    /// Those of `ids` that are users or groups of `org`.
    async fn members_known(&self, org: OrgId, ids: Vec<Uuid>) -> Result<HashSet<Uuid>, Error>;

    /// The first `count` groups that are direct members of `group`, by name.
    async fn subgroups(&self, org: OrgId, group: GroupId, count: usize) -> Result<Vec<Reference>, Error>;

    /// For each of `groups`, its display name in `org`, or none if it is not there. In the order asked.
    async fn group_names(&self, org: OrgId, groups: &[Uuid]) -> Result<Vec<Option<String>>, Error>;

    /// What `subject` holds in `org` at `now`, whichever of its tokens it comes with: a person who is active there what the groups
    /// give and what an operator's tokens do, a machine what it was given here. Of whom another issuer vouches for, only its
    /// token tells, and it is everything.
    async fn holds(&self, org: OrgId, subject: &auth::Subject, now: Timestamp) -> Result<ScopeSet, Error>;

    /// For each of `groups` of `org`, what it lets a member do, the groups that hold it included. In the order asked.
    async fn groups_give(&self, org: OrgId, groups: &[Uuid]) -> Result<Vec<ScopeSet>, Error>;

    /// What is kept of the request that came with `key`.
    async fn request_kept(&self, org: OrgId, key: [u8; 32], now: Timestamp) -> Result<Option<RequestKept>, Error>;

    /// How often what the tree under `root` defines has changed; one index probe.
    async fn schema_epoch(&self, root: OrgId) -> Result<u64, Error>;

    /// What the tree under `root` defines for itself.
    async fn definitions(&self, root: OrgId) -> Result<Defined, Error>;

    /// Due letters for which there is room beside those under way, leased until `lease_until` to whoever asked.
    async fn letters_due(&self, now: Timestamp, lease_until: Timestamp, under_way: &Shares) -> Result<Vec<Letter>, Error>;

    /// What was deleted in `org` and can be restored: how many there are, and a page of them, the latest first.
    async fn deleted(&self, org: OrgId, query: &Deleted) -> Result<(usize, Vec<Tombstone>), Error>;

    /// All changes, or none. The answer has one outcome per change, after the write is durable. What really changed, by itself or
    /// in consequence, is in the change log as `author`'s.
    async fn commit(&self, author: Author, changes: Vec<Change>) -> Result<Vec<Outcome>, Error>;

    /// Each of `commits` by itself and all at one cost, in this order: one result for each that was tried, after the writes are
    /// durable. Nothing is tried after one that is stale, nor after `failures_max` that failed.
    async fn commit_each(
        &self,
        author: Author,
        commits: Arc<[Commit]>,
        failures_max: usize,
    ) -> Vec<Result<Vec<Outcome>, Refused>>;

    /// Writes a consistent end: checkpoint, close. Later calls fail.
    async fn close(&self);
}

/// Whether derived references are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum References {
    /// Read them.
    Include,
    /// Read no row of members.
    Omit,
}

/// What a verified token claims and only the store can confirm.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The subject, if the embedded issuer made it.
    pub subject: auth::Subject,
    /// Its `jti`, if it has one.
    pub token: Option<TokenId>,
    /// The client of ours that it came through.
    pub client: Option<ClientId>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// What it was exchanged from.
    pub sources: Vec<Source>,
}

impl Claim {
    /// Of a token that came through no client, in the beginning of time.
    pub fn of(subject: auth::Subject, token: Option<TokenId>) -> Claim {
        Claim { subject, token, client: None, issued_at: Timestamp(0), sources: Vec::new() }
    }
}

impl From<&auth::Verified> for Claim {
    fn from(verified: &auth::Verified) -> Claim {
        Claim {
            subject: verified.subject.clone(),
            token: verified.token,
            client: verified.client_id.as_ref().and_then(|client| client.parse().ok()),
            issued_at: verified.issued_at,
            sources: verified.sources.clone(),
        }
    }
}

/// What the store says of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The org.
    pub org: Arc<Org>,
    /// Whether the subject exists in this org, is active, and neither the token nor anything it came from is revoked.
    pub is_live: bool,
    /// What a person's groups give; everything for whom no group is asked.
    pub rights: ScopeSet,
    /// When the token ends, if before its `exp`: another took its place, or its subject's membership ends.
    pub ends_at: Option<Timestamp>,
    /// Whether it is a provisioning token, whose last use is remembered.
    pub is_listed: bool,
}

/// Which clients or tokens.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Only this one.
    pub id: Option<Uuid>,
    /// How many to pass over.
    pub offset: usize,
    /// How many at the most.
    pub count: usize,
}

/// A way into an org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrance {
    /// The org.
    pub org: Org,
    /// Whom it is there.
    pub subject: auth::Subject,
    /// The org of the subject itself.
    pub home_org: OrgId,
    /// What the subject may do there.
    pub scopes: auth::ScopeSet,
}

/// Which of the orgs that can be entered.
#[derive(Clone, Debug, Default)]
pub struct Enterable {
    /// Only those with this, folded, in their name or handle.
    pub search: Option<String>,
    /// How many to pass over.
    pub offset: usize,
    /// How many at the most.
    pub count: usize,
    /// Whether the org from which it is asked is one of them, the first then.
    pub has_own: bool,
}

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// In this org.
    pub id: UserId,
    /// Effective.
    pub active: bool,
    /// Where its identity lives: the org of the home user.
    pub home_org: OrgId,
    /// The user there, itself where it is a resident.
    pub home: UserId,
    /// That user's: Argon2id, PHC form.
    pub password_hash: Option<String>,
}

/// What a tree defines, as it was written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defined {
    /// How often it has changed.
    pub epoch: u64,
    /// Schemas, as JSON.
    pub schemas: Vec<String>,
    /// Resource types, as JSON.
    pub types: Vec<String>,
}

/// Which tombstones.
#[derive(Clone, Debug)]
pub struct Deleted {
    /// Only those of this kind.
    pub kind: Option<Kind>,
    /// Only this one.
    pub id: Option<Uuid>,
    /// Only those deleted later; older ones can no longer be restored.
    pub after: Timestamp,
    /// How many to pass over.
    pub offset: usize,
    /// How many at the most.
    pub count: usize,
}

/// Everything that can be written.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
#[allow(clippy::large_enum_variant, reason = "a commit holds a few of them, for a moment")]
pub enum Change {
    Org(org::Change),
    Auth(auth::Change),
    Directory(directory::Change),
    Invite(invite::Change),
    Outbox(outbox::Change),
    Request(RequestKept),
    Definitions(org::definitions::Change),
    /// Some of what nobody needs any more is forgotten: kept requests, old events, revoked tokens that have expired.
    Swept(Timestamp),
}

/// Changes that are done together or not at all, among other commits.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// In order.
    pub changes: Vec<Change>,
    /// Places of earlier commits; where one of them failed this one is not tried and fails as well, with `NotFound`.
    pub needs: Vec<usize>,
}

/// Why one of several commits was refused.
#[derive(Debug)]
pub struct Refused {
    /// Which of its changes.
    pub at: usize,
    /// Why.
    pub error: Error,
}

/// What a change came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Written; for a resource, its version and `meta.lastModified` now. A change that changed nothing keeps both.
    Written {
        /// The version now.
        version: u64,
        /// When it last changed.
        last_modified: Timestamp,
    },
    /// Gone, or nothing that has a version.
    Done,
    /// A part is gone; there is more of it.
    More,
    /// There again.
    Restored(Restored),
}

/// Why the store refused; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The resource is not there, in this org.
    #[error("no such resource")]
    NotFound,
    /// A precondition no longer holds: load and decide again.
    #[error("changed meanwhile")]
    Stale,
    /// A unique attribute's value is taken by another resource of the org.
    #[error("`{attribute}` is already used in this organization")]
    Taken {
        /// `userName`, `handle`, or `source`: a user of the parent is a guest once.
        attribute: &'static str,
    },
    /// A value of another unique attribute is.
    #[error("`{attribute}` is already used in this organization")]
    ValueTaken {
        /// With the URN of its schema.
        attribute: String,
        /// As it was written.
        value: String,
    },
    /// What is there would contradict it.
    #[error("{0}")]
    InUse(String),
    /// The schemas by which this was decided have changed.
    #[error("the schemas changed meanwhile, try again")]
    SchemasChanged,
    /// An id in `members` is no user or group of the org (S-45).
    #[error("no user or group {0}")]
    NoSuchMember(Uuid),
    /// A guest whose source is no user of the parent cannot come back.
    #[error("the user of the parent organization that this guest stands for is not there")]
    NoSource,
    /// A group cannot contain itself, not even through others.
    #[error("group {0} would contain itself")]
    MemberCycle(Uuid),
    /// Who writes would hand out, or take, what he does not hold.
    #[error("group {group}: {lacking}")]
    NotHeld {
        /// The group that gives it.
        group: Uuid,
        /// What is lacking.
        lacking: NotHeld,
    },
    /// Who sets a password would come to hold what he does not.
    #[error("the password of user {user}: {lacking}")]
    NotHeldByPassword {
        /// Whose password it is.
        user: UserId,
        /// What is lacking.
        lacking: NotHeld,
    },
    /// The search was given up (F-31).
    #[error("the search took more than {} seconds, expected a filter that an index answers", QUERY_DEADLINE.as_secs())]
    TooMuch,
    /// Too many commits wait; nothing was tried.
    #[error("the writer is busy")]
    Busy,
    /// The engine failed.
    #[error("the store failed")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
}

macro_rules! from_rooms {
    ($($room:ident => $variant:ident),+) => {$(
        impl From<$room::Change> for Change {
            fn from(change: $room::Change) -> Change {
                Change::$variant(change)
            }
        }
    )+};
}

impl From<org::definitions::Change> for Change {
    fn from(change: org::definitions::Change) -> Change {
        Change::Definitions(change)
    }
}

from_rooms!(org => Org, auth => Auth, directory => Directory, invite => Invite, outbox => Outbox);
