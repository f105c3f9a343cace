//! The store, through its trait, on a file of its own; and what the file itself refuses, through plain SQL.

mod agreement;
mod audit;
mod change_log;
mod cursors;
mod engine;
mod groups;
mod invitations;
mod lists;
mod races;
mod rule;
mod tombstones;
mod tree;
mod users;

use serde_json::{Value, json};
use tempfile::TempDir;
use usher::base::{GroupId, InvitationId, OrgId, Timestamp, UserId};
use usher::directory::{self, MemberChange};
use usher::invite::{self, Delivery, Ending, Invitation, MissingGroups, Quota, Status, Via};
use usher::org::Org;
use usher::scim::list::Query;
use usher::scim::{Kind, Record, urn};
use usher::store::sqlite::{OpenMode, Sqlite};
use usher::store::{Actor, Author, Change, Error, Outcome, References, Store};
use uuid::Uuid;

/// The present of these tests.
const NOW: Timestamp = Timestamp(1_000_000);

/// A tree of orgs: `root` over `parent` and `sibling`, `parent` over `child`; and `foreign`, a root of its own.
struct World {
    dir: TempDir,
    store: std::sync::Arc<Sqlite>,
    root: OrgId,
    parent: OrgId,
    child: OrgId,
    sibling: OrgId,
    foreign: OrgId,
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn user_id(number: u128) -> UserId {
    UserId(id(number))
}

fn group_id(number: u128) -> GroupId {
    GroupId(id(number))
}

impl World {
    async fn new() -> World {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Sqlite::open(&dir.path().join("usher.db"), OpenMode::Serve).expect("a fresh database");
        let [root, parent, child, sibling, foreign] = [1, 2, 3, 4, 5].map(|number| OrgId(id(0xf00 + number)));
        let world = World { dir, store: store.into(), root, parent, child, sibling, foreign };
        for (org, above, root, handle) in [
            (root, None, root, "root"),
            (parent, Some(root), root, "parent"),
            (child, Some(parent), root, "child"),
            (sibling, Some(root), root, "sibling"),
            (foreign, None, foreign, "foreign"),
        ] {
            let org = Org {
                settings: Default::default(),
                id: org,
                parent: above,
                root,
                root_handle: if root == foreign { "foreign" } else { "root" }.into(),
                handle: handle.into(),
                name: handle.to_uppercase(),
                active: true,
                created: NOW,
            };
            world.write(directory::orgs::created(org)).await.expect("an org");
        }
        world
    }

    /// The same file through plain SQL, with the settings that SQLite needs to keep its promises.
    fn sql(&self) -> rusqlite::Connection {
        let db = rusqlite::Connection::open(self.dir.path().join("usher.db")).expect("the file");
        db.pragma_update(None, "foreign_keys", true).expect("foreign keys");
        db
    }

    async fn write(&self, change: impl Into<Change>) -> Result<Outcome, Error> {
        Ok(self.store.commit(author(), vec![change.into()]).await?.remove(0))
    }

    async fn user(&self, org: OrgId, number: u128, user_name: &str) -> UserId {
        self.user_with(org, number, json!({ "userName": user_name })).await
    }

    async fn user_with(&self, org: OrgId, number: u128, attributes: Value) -> UserId {
        let change = user_created(org, number, attributes);
        self.write(change).await.expect("a new user");
        user_id(number)
    }

    async fn replace(&self, org: OrgId, number: u128, expected: u64, attributes: Value) -> Result<Outcome, Error> {
        self.replace_at(org, number, expected, attributes, NOW).await
    }

    async fn replace_at(&self, org: OrgId, number: u128, expected: u64, new: Value, at: Timestamp) -> Result<Outcome, Error> {
        let doc = document(urn::USER, number, new);
        let id = user_id(number);
        self.write(directory::Change::UserReplaced { org, id, expected, doc, password_hash: None, at }).await
    }

    async fn group(&self, org: OrgId, number: u128, display_name: &str, members: &[u128]) -> GroupId {
        let change = directory::Change::GroupCreated {
            org,
            id: group_id(number),
            doc: document(urn::GROUP, number, json!({ "displayName": display_name })),
            members: members.iter().copied().map(id).collect(),
            at: NOW,
        };
        self.write(change).await.expect("a new group");
        group_id(number)
    }

    async fn members(&self, org: OrgId, group: u128, change: MemberChange) -> Result<Outcome, Error> {
        self.members_at(org, group, change, NOW).await
    }

    async fn members_at(&self, org: OrgId, group: u128, change: MemberChange, at: Timestamp) -> Result<Outcome, Error> {
        let id = group_id(group);
        self.write(directory::Change::GroupChanged { org, id, expected: None, doc: None, members: vec![change], at }).await
    }

    /// Invites the user `source` of `source_org` into `org`, with `groups`.
    async fn invite(
        &self,
        org: OrgId,
        source_org: OrgId,
        source: UserId,
        number: u128,
        groups: &[u128],
    ) -> Result<Outcome, Error> {
        let invitation = invitation(org, source_org, source, number, groups);
        self.write(invite::Change::InvitationCreated { invitation, letter: Some(id(number)), quota: QUOTA }).await
    }

    async fn accept(&self, org: OrgId, invitation: u128, guest: u128, at: Timestamp) -> Result<Outcome, Error> {
        self.write(self.accepted(org, invitation, guest, at).await).await
    }

    /// The acceptance of the first link, with all groups of the invitation.
    async fn accepted(&self, org: OrgId, invitation: u128, guest: u128, at: Timestamp) -> invite::Change {
        let id = InvitationId(id(invitation));
        let found = self.store.invitation(org, id).await.expect("a read");
        let groups = found.into_iter().flat_map(|invitation| invitation.groups).map(|group| group.id).collect();
        let (missing_groups, ending) = (MissingGroups::Skip, ending());
        invite::Change::InvitationAccepted { org, id, generation: 1, guest: user_id(guest), groups, missing_groups, ending, at }
    }

    /// Makes `source` a guest of `org`.
    async fn guest(&self, org: OrgId, source_org: OrgId, source: UserId, number: u128) -> UserId {
        self.invite(org, source_org, source, number + 0x1000, &[]).await.expect("an invitation");
        self.accept(org, number + 0x1000, number, NOW).await.expect("a guest");
        user_id(number)
    }

    async fn read(&self, org: OrgId, kind: Kind, number: u128) -> Option<Record> {
        self.store.resource(org, kind, id(number), References::Include, NOW).await.expect("a read")
    }

    async fn doc(&self, org: OrgId, number: u128) -> Value {
        let record = self.read(org, Kind::User, number).await.expect("a user");
        serde_json::from_str(&record.doc).expect("a document")
    }

    async fn total(&self, org: OrgId, kind: Kind) -> usize {
        self.store.resources(org, kind, &Query::default(), NOW).await.expect("a count").total
    }
}

fn author() -> Author {
    Author::new(Actor::Operator, NOW)
}

fn document(schema: &str, number: u128, attributes: Value) -> String {
    let mut doc = json!({ "schemas": [schema], "id": id(number) });
    for (name, value) in attributes.as_object().expect("attributes") {
        doc[name] = value.clone();
    }
    doc.to_string()
}

fn user_created(org: OrgId, number: u128, attributes: Value) -> directory::Change {
    let doc = document(urn::USER, number, attributes);
    directory::Change::UserCreated { org, id: user_id(number), doc, password_hash: None, at: NOW }
}

fn ending() -> Ending {
    Ending { by: "ada".into(), via: Some(Via::Link), reason: None }
}

const QUOTA: Quota = Quota { per_day: 1000, per_recipient: 1000 };

fn invitation(org: OrgId, source_org: OrgId, source: UserId, number: u128, groups: &[u128]) -> Invitation {
    Invitation {
        id: InvitationId(id(number)),
        org,
        source_org,
        source,
        user_name: "ada".into(),
        email: "ada@acme.test".into(),
        status: Status::Pending,
        generation: 1,
        groups: groups
            .iter()
            .map(|group| invite::Group {
                id: group_id(*group),
                display: format!("group {group}"),
                exists: true,
                is_given: None,
            })
            .collect(),
        message: None,
        locale: None,
        inviter: "Grace".into(),
        inviter_subject: None,
        expires_at: Timestamp(NOW.0 + 1000),
        until: None,
        ended_at: None,
        ending: None,
        guest: None,
        letter_at: NOW,
        remind_at: None,
        delivery: Delivery { state: "queued".into(), attempts: 0, answer: None, sent_at: None, unclear: 0 },
        version: 1,
        created: NOW,
        last_modified: NOW,
    }
}

fn written(version: u64, last_modified: Timestamp) -> Outcome {
    Outcome::Written { version, last_modified }
}
