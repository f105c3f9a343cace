//! Trees of orgs: whatever is made, moved and deleted in whatever order, nothing is left of what is gone.
//!
//! What refers to what is read from the schema itself, so that a table of tomorrow is looked at as well.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use usher::auth::{self, Bearer, Client, Proof, ProvisioningToken};
use usher::base::{ClientId, TokenId, TypeId};
use usher::org::log::{Entry, Logged};
use usher::org::{self, Children, Settings};
use usher::scim::Quirks;
use usher::scim::schema::Claim;
use usher::store::{Kept, RequestKept};

use super::*;

/// References that no foreign key holds, and why. All others are one, so that nothing outlives what it belongs to.
const WEAK: &[(&str, &str, &str)] = &[
    ("change_log", "org_id", "history outlives all"),
    ("change_log", "resource_id", "history outlives all"),
    ("chains", "org_id", "history outlives all"),
    ("users", "home_org_id", "the end of the chain of sources, which are foreign keys"),
    ("users", "home_id", "the end of the chain of sources, which are foreign keys"),
    ("users", "invitation_id", "an invitation may be deleted, its guest stays"),
    ("users", "external_id", "the client's own"),
    ("users", "manager_id", "S-44: a weak reference"),
    ("groups", "external_id", "the client's own"),
    ("invitations", "guest_id", "who it made stays told"),
    ("invitation_groups", "group_id", "a group that vanished is told as such"),
    ("tombstones", "source_org_id", "what it stood for may be a tombstone, too"),
    ("tombstones", "source_id", "what it stood for may be a tombstone, too"),
    ("tombstones", "home_org_id", "what it stood for may be a tombstone, too"),
    ("tombstones", "home_id", "what it stood for may be a tombstone, too"),
    ("tombstones", "invitation_id", "an invitation may be deleted"),
    ("tombstone_members", "group_id", "either end may be a tombstone"),
    ("tombstone_members", "member_id", "either end may be a tombstone"),
    ("tokens", "client_id", "of the token alone, no client has it"),
    ("revoked_subjects", "subject_id", "a user, a client or the org; it may come back"),
    ("resources", "type_id", "of a definition, by its name"),
    ("resources", "external_id", "the client's own"),
];

/// Tables that outlive an org.
const HISTORY: &[&str] = &["change_log", "chains", "author"];

#[tokio::test]
async fn every_reference_is_a_foreign_key_or_says_why_not() {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for (table, columns) in tables(&world) {
        let held: Vec<String> = rows(&world, &format!("select \"from\" from pragma_foreign_key_list('{table}')"));
        for column in columns.iter().filter(|column| column.ends_with("_id") && !held.contains(column)) {
            if !WEAK.iter().any(|(weak, name, _)| *weak == table && name == column) {
                wrong.push(format!("{table}.{column}"));
            }
        }
        // A table of an org goes with it.
        if columns.iter().any(|column| column == "org_id") && !HISTORY.contains(&&*table) {
            let sql = format!("select on_delete from pragma_foreign_key_list('{table}') where \"from\" = 'org_id'");
            let cascades = rows(&world, &sql).iter().any(|action| action == "CASCADE");
            wrong.extend((!cascades).then(|| format!("{table} has an org and does not go with it")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Each table with its columns.
fn tables(world: &World) -> BTreeMap<String, Vec<String>> {
    let names = rows(world, "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'");
    names
        .into_iter()
        .map(|name| (name.clone(), rows(world, &format!("select name from pragma_table_info('{name}')"))))
        .collect()
}

/// The texts of the first column.
fn rows(world: &World, sql: &str) -> Vec<String> {
    let db = world.sql();
    let mut statement = db.prepare(sql).expect(sql);
    let rows = statement.query_map([], |row| row.get(0)).expect(sql);
    rows.collect::<Result<_, _>>().expect(sql)
}

/// A world, its file through SQL on one connection, and what tables that has.
struct Forest {
    world: World,
    db: rusqlite::Connection,
    tables: BTreeMap<String, Vec<String>>,
}

impl std::ops::Deref for Forest {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Forest {
    async fn new() -> Forest {
        let world = World::new().await;
        Forest { db: world.sql(), tables: tables(&world), world }
    }

    fn number(&self, sql: &str) -> i64 {
        self.db.prepare_cached(sql).expect(sql).query_row([], |row| row.get(0)).expect(sql)
    }

    /// What belongs to orgs.
    fn mortal(&self) -> impl Iterator<Item = (&String, &Vec<String>)> {
        self.tables.iter().filter(|(table, _)| !HISTORY.contains(&table.as_str()))
    }

    /// The row of `from` that `pick` hits: two ids, org first.
    fn pick(&self, from: &str, pick: usize) -> Option<(OrgId, Uuid)> {
        let count = self.number(&format!("select count(*) from {from}"));
        let at = pick.checked_rem(usize::try_from(count).expect("a count"))?;
        let sql = format!("select org_id, id from {from} order by org_id, id limit 1 offset {at}");
        Some(self.db.query_row(&sql, [], |row| Ok((OrgId(row.get(0)?), row.get(1)?))).expect("a row"))
    }

    fn pick_org(&self, pick: usize) -> OrgId {
        let (org, _) = self.pick("(select id as org_id, id from orgs)", pick).expect("a root is always there");
        org
    }

    async fn parent_of(&self, org: OrgId) -> Option<OrgId> {
        self.store.org(org).await.expect("a read").expect("an org").parent
    }

    /// One random step. `next` is an id that nobody has.
    async fn step(&self, (op, a, b): (u8, usize, usize), next: u128) -> Result<(), Error> {
        let org = self.pick_org(a);
        let name = format!("n{next}");
        match op {
            0..4 => {
                let above = self.store.org(org).await.expect("a read").expect("an org");
                let id = OrgId(id(next));
                let new = Org { id, parent: Some(org), handle: name.clone(), name, ..above };
                self.write(directory::orgs::created(new)).await?;
            }
            4..8 => {
                self.user(org, next, &name).await;
            }
            8..14 => {
                let Some(parent) = self.parent_of(org).await else { return Ok(()) };
                let source = format!("(select org_id, id from users where org_id = x'{}')", parent.0.simple());
                let Some((_, source)) = self.pick(&source, b) else { return Ok(()) };
                let groups = format!("(select org_id, id from groups where org_id = x'{}')", org.0.simple());
                let groups: Vec<u128> = self.pick(&groups, b).iter().map(|(_, group)| group.as_u128()).collect();
                let source = UserId(source);
                let invited = self.invite(org, parent, source, next, &groups).await;
                // Invited already, or a guest.
                let Ok(_) = invited else { return Ok(()) };
                if op < 12 {
                    let accepted = self.accept(org, next, next + 1, NOW).await;
                    assert!(matches!(accepted, Ok(_) | Err(Error::Stale)), "shut, or: {accepted:?}");
                }
            }
            14..17 => {
                let of = |table: &str| format!("(select org_id, id from {table} where org_id = x'{}')", org.0.simple());
                let members = [self.pick(&of("users"), b), self.pick(&of("groups"), b)];
                let members: Vec<u128> = members.iter().flatten().map(|(_, id)| id.as_u128()).collect();
                self.group(org, next, &name, &members).await;
            }
            17 => {
                let proof = Proof::Secret { hash: [7; 32], before: None };
                let client_id = ClientId(id(next));
                let client =
                    Client { id: client_id, org, name: None, scope: name.clone(), proof, created: NOW, last_used: None };
                self.write(auth::Change::ClientCreated(client.clone())).await?;
                let below = format!("(select parent_id as org_id, id from orgs where parent_id = x'{}')", org.0.simple());
                if let Some((_, below)) = self.pick(&below, b) {
                    let guest = Client { org: OrgId(below), proof: Proof::Elsewhere, ..client };
                    self.write(auth::Change::ClientAdmitted { client: guest, parent: org }).await?;
                }
                let used = auth::Change::AssertionUsed { client: client_id, id: [7; 32], expires_at: NOW };
                self.write(used).await?;
                let listed = ProvisioningToken {
                    id: TokenId(id(next + 1)),
                    org,
                    name: None,
                    bearer: Bearer::Machine(client_id),
                    scope: name,
                    created: NOW,
                    expires_at: Timestamp(NOW.0 + 1),
                    last_used: None,
                    replaced_by: None,
                };
                self.write(auth::Change::TokenCreated(listed, None)).await?;
                self.write(auth::Change::SubjectRevoked { org, subject: id(next), at: NOW }).await?;
                let (token, expires_at) = (TokenId(id(next)), NOW);
                self.write(auth::Change::TokenRevoked { org, token, expires_at }).await?;
            }
            18 => {
                let (type_id, id) = (TypeId(id(7)), id(next));
                let doc = document("urn:x", next, json!({}));
                let type_name = "X".to_owned();
                self.write(directory::Change::ResourceCreated { org, type_id, type_name, id, doc, at: NOW }).await?;
                let claims = vec![Claim { place: "X a".into(), key: name.clone(), value: name }];
                self.write(directory::Change::ValuesClaimed { org, owner: id, claims }).await?;
            }
            19 => {
                let entry = Entry {
                    org,
                    id: id(next),
                    at: NOW,
                    method: "GET".into(),
                    path: "/Users".into(),
                    status: 400,
                    duration_us: 1,
                    client: None,
                    user_agent: None,
                    quirks: Quirks::of(usher::scim::Quirk::OpCase),
                    reason: None,
                    body: None,
                };
                self.write(org::Change::RequestsLogged { entries: vec![entry] }).await?;
                let key = std::array::from_fn(|at| (next >> (8 * (at % 16))) as u8);
                self.write(RequestKept { org, key, request: key, outcome: Kept::Begun, at: NOW }).await?;
            }
            20..22 => {
                let Some((org, user)) = self.pick("users", b) else { return Ok(()) };
                self.write(directory::Change::UserDeleted { org, id: UserId(user), expected: None, at: NOW }).await?;
            }
            22 => {
                let Some((org, group)) = self.pick("groups", b) else { return Ok(()) };
                self.write(directory::Change::GroupDeleted { org, id: GroupId(group), expected: None, at: NOW }).await?;
            }
            23..26 if org != self.foreign => {
                let children = if op == 23 { Children::Block } else { Children::Go };
                let subtree = format!("select hex(org_id) from org_paths where ancestor_id = x'{}'", org.0.simple());
                let subtree = rows(&self.world, &subtree);
                match self.write(org::Change::OrgDeleted { below: org, id: org, expected: None, children }).await {
                    Err(Error::InUse(_)) if children == Children::Block && subtree.len() > 1 => {}
                    deleted => {
                        deleted?;
                        subtree.iter().for_each(|org| self.holds_nothing_of(org));
                    }
                }
            }
            26..29 => {
                let record = self.read(self.root_of(org).await, Kind::Organization, org.0.as_u128()).await.expect("an org");
                let parent = self.pick_org(b);
                let change = org::Change::OrgChanged {
                    below: self.root_of(org).await,
                    id: org,
                    expected: record.version,
                    doc: None,
                    parent: Some(parent),
                    at: NOW,
                };
                let moved = self.write(change).await;
                assert!(matches!(moved, Ok(_) | Err(Error::InUse(_))), "{moved:?}");
                if moved.is_ok() {
                    assert_eq!(self.parent_of(org).await, Some(parent));
                }
            }
            29 => {
                let root = self.root_of(org).await;
                let record = self.read(root, Kind::Organization, org.0.as_u128()).await.expect("an org");
                let active = b % 2 == 0;
                let attributes = json!({ "handle": "h", "name": name, "active": active });
                let doc = Some(document(urn::ORGANIZATION, org.0.as_u128(), attributes));
                let expected = record.version;
                let change = org::Change::OrgChanged { below: root, id: org, expected, doc, parent: None, at: NOW };
                self.write(change).await?;
            }
            _ => {
                let expected = self.store.settings(org).await.expect("a read").expect("an org");
                let log = [None, Some(Logged::All), Some(Logged::Writes)][b % 3];
                let settings = Settings { log, ..expected.clone() };
                self.write(org::Change::SettingsChanged { org, expected, settings }).await?;
            }
        }
        Ok(())
    }

    async fn root_of(&self, org: OrgId) -> OrgId {
        self.store.org(org).await.expect("a read").expect("an org").root
    }

    /// No column of any table but of history has the id, as bytes or within a text.
    fn holds_nothing_of(&self, org: &str) {
        let bytes: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&org[2 * at..2 * at + 2], 16).expect("hex")).collect();
        let text = Uuid::from_slice(&bytes).expect("16 bytes").to_string();
        for (table, columns) in self.mortal() {
            for column in columns {
                let sql = format!("select count(*) from {table} where \"{column}\" = ?1 or instr(\"{column}\", ?2)");
                let found: i64 = self.db.query_row(&sql, (&bytes, &text), |row| row.get(0)).expect("a count");
                assert_eq!(found, 0, "{table}.{column} still has the organization {text}");
            }
        }
    }

    /// What holds after every step.
    async fn is_sound(&self) {
        assert_eq!(self.number("select count(*) from pragma_foreign_key_check"), 0, "a row refers to what is gone");
        for (table, columns) in self.mortal() {
            for column in columns.iter().filter(|column| column.ends_with("org_id") || *column == "root_id") {
                let sql = format!("select count(*) from {table} where {column} not in (select id from orgs)");
                assert_eq!(self.number(&sql), 0, "{table}.{column}");
            }
        }
        for (sql, why) in [
            (
                "select count(*) from orgs o where user_count <> (select count(*) from users where org_id = o.id)
                   or group_count <> (select count(*) from groups where org_id = o.id)
                   or invitation_count <> (select count(*) from invitations where org_id = o.id)",
                "sizes",
            ),
            (
                "select count(*) from users u
                 where not exists (select 1 from users h where h.org_id = u.home_org_id and h.id = u.home_id)",
                "home users",
            ),
            (
                "select count(*) from tombstones t where source_id is not null
                   and not exists (select 1 from users s where s.org_id = t.source_org_id and s.id = t.source_id)
                   and not exists (select 1 from tombstones s where s.org_id = t.source_org_id and s.id = t.source_id)",
                "tombstones of guests",
            ),
            (
                "select count(*) from unique_values v where not exists (select 1 from resources where org_id = v.org_id and id = v.owner)",
                "unique values",
            ),
            (
                "select count(*) from users u join orgs o on o.id = u.org_id
                 where source_org_id is not null and source_org_id is not o.parent_id",
                "guests of somebody else than the parent",
            ),
        ] {
            assert_eq!(self.number(sql), 0, "{why}");
        }
        let orgs = self.store.orgs().await.expect("a read");
        let find = |id: OrgId| orgs.iter().find(|org| org.id == id).expect("parents before children, and all of them");
        let mut paths = BTreeSet::new();
        for org in &orgs {
            let own = self.store.settings(org.id).await.expect("a read").expect("an org");
            let above = org.parent.map(|parent| find(parent).settings.clone()).unwrap_or_default();
            assert_eq!(org.settings, own.below(&above), "what holds in {org:?}");
            let (mut at, mut distance, mut is_active) = (Some(org.id), 0, true);
            while let Some(id) = at {
                paths.insert((id.0, org.id.0, distance));
                let active = format!("select active_own from orgs where id = x'{}'", id.0.simple());
                is_active &= self.number(&active) == 1;
                (at, distance) = (find(id).parent, distance + 1);
            }
            assert_eq!(org.active, is_active, "{org:?}");
        }
        let mut statement = self.db.prepare("select ancestor_id, org_id, distance from org_paths").expect("a statement");
        let kept = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
        assert_eq!(kept.collect::<Result<BTreeSet<(Uuid, Uuid, i64)>, _>>().expect("rows"), paths);
    }
}

async fn live(steps: &[(u8, usize, usize)]) {
    let world = Forest::new().await;
    for (at, step) in steps.iter().enumerate() {
        world.step(*step, 0x10_0000 + 2 * at as u128).await.unwrap_or_else(|error| panic!("{step:?}: {error:?}"));
        world.is_sound().await;
    }
    // At last everything.
    while let Some((org, _)) = world.pick("(select id as org_id, id from orgs where parent_id is null)", 0) {
        let deleted = org::Change::OrgDeleted { below: org, id: org, expected: None, children: Children::Go };
        world.write(deleted).await.expect("it goes");
    }
    for (table, _) in world.mortal() {
        assert_eq!(world.number(&format!("select count(*) from {table}")), 0, "{table} outlives all organizations");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    /// T-08, S-46, V-70
    #[test]
    fn nothing_outlives_what_it_belongs_to(
        steps in prop::collection::vec((0..31u8, 0..1000usize, 0..1000usize), 60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(live(&steps));
    }
}

#[tokio::test]
async fn an_org_does_not_stand_below_itself_nor_too_deep() {
    let world = World::new().await;
    let below_itself = world.sql().execute("update orgs set parent_id = ?1 where id = ?2", [world.child.0, world.parent.0]);
    assert!(below_itself.expect_err("refused").to_string().contains("below itself"));
    let mut lowest = world.child;
    for number in 4..=31_u128 {
        let above = world.store.org(lowest).await.expect("a read").expect("an org");
        let id = OrgId(id(0x5000 + number));
        let new = Org { id, parent: Some(lowest), handle: format!("h{number}"), ..above };
        world.write(directory::orgs::created(new)).await.expect("31 levels");
        lowest = id;
    }
    let to = async |org: OrgId, parent: OrgId| {
        let change =
            org::Change::OrgChanged { below: world.root, id: org, expected: 1, doc: None, parent: Some(parent), at: NOW };
        world.write(change).await
    };
    let low = to(world.sibling, lowest).await.expect("the 32nd level");
    assert_eq!(low, written(2, NOW));
    // The subtree of `parent` has 31 levels now.
    let error = to(world.parent, world.foreign).await.expect_err("another tree");
    assert!(matches!(&error, Error::InUse(detail) if detail.contains("there is no organization")), "{error:?}");
    let above = world.store.org(world.root).await.expect("a read").expect("an org");
    let extra = OrgId(id(0x6000));
    let new = Org { id: extra, parent: Some(world.root), handle: "extra".into(), ..above };
    world.write(directory::orgs::created(new)).await.expect("an org");
    // What was decided for the parent's old place is decided anew.
    for (below, parent) in [(world.parent, extra), (world.root, world.sibling)] {
        let above = world.store.org(parent).await.expect("a read").expect("an org");
        let new = Org { id: OrgId(id(0x6001)), parent: Some(parent), handle: "late".into(), ..above };
        let org::Change::OrgCreated { org, doc, .. } = directory::orgs::created(new) else { panic!("another change") };
        let late = world.write(org::Change::OrgCreated { below: Some(below), org, doc }).await;
        assert!(matches!(late, Err(Error::Stale)), "{late:?}");
    }
    let error = to(world.parent, extra).await.expect_err("too deep");
    assert!(matches!(&error, Error::InUse(detail) if detail.contains("at most 32 levels")), "{error:?}");
}

/// V-70, S-46
#[tokio::test]
async fn a_move_ends_guests_down_the_tree_and_what_waits_to_be_restored_of_them() {
    let world = World::new().await;
    let delete = async |org: OrgId, number: u128| {
        let gone = directory::Change::UserDeleted { org, id: user_id(number), expected: None, at: NOW };
        world.write(gone).await.expect("it goes");
    };
    // ada is a guest of a guest; eve's guest is deleted; grace's guest below is.
    for (number, name) in [(1, "ada"), (2, "eve"), (3, "grace")] {
        let user = world.user(world.root, number, name).await;
        world.guest(world.parent, world.root, user, number + 10).await;
    }
    world.guest(world.child, world.parent, user_id(11), 21).await;
    world.guest(world.child, world.parent, user_id(13), 23).await;
    delete(world.parent, 12).await;
    delete(world.child, 23).await;
    world.group(world.child, 30, "Staff", &[21]).await;
    let manager = json!({ "manager": { "value": id(21) } });
    world.user_with(world.child, 31, json!({ "userName": "zoe", urn::ENTERPRISE_USER: manager })).await;
    let ben = world.user(world.parent, 32, "ben").await;
    world.guest(world.child, world.parent, ben, 33).await;
    let ann = world.user(world.parent, 34, "ann").await;
    world.guest(world.child, world.parent, ann, 35).await;
    delete(world.child, 35).await;
    world.invite(world.parent, world.root, user_id(2), 40, &[]).await.expect("an invitation");
    world.invite(world.child, world.parent, user_id(13), 41, &[]).await.expect("an invitation");

    let ends = world.store.org_uprooted(world.root, world.parent, world.sibling, NOW).await.expect("a preview");
    assert_eq!((ends.guests, ends.invitations), (3, 1));
    let (below, org, parent) = (world.root, world.parent, Some(world.sibling));
    let change = org::Change::OrgChanged { below, id: org, expected: 1, doc: None, parent, at: NOW };
    world.write(change).await.expect("a move");

    let users =
        rows(&world, "select user_name from users where org_id <> x'00000000000000000000000000000f01' order by user_name");
    assert_eq!(users, ["ann", "ben", "ben", "zoe"], "ben's parent and its child are where they were to each other");
    assert_eq!(world.total(world.parent, Kind::Invitation).await, 0);
    assert_eq!(world.total(world.child, Kind::Invitation).await, 2, "those of ben and ann");
    assert_eq!(rows(&world, "select display from tombstones"), ["ann"], "whom the child may still have back");
    let staff = world.read(world.child, Kind::Group, 30).await.expect("a group");
    assert_eq!((staff.version, staff.references.len()), (2, 0));
    assert_eq!(world.doc(world.child, 31).await.get(urn::ENTERPRISE_USER), None);
    let late = world.accept(world.parent, 40, 50, NOW).await;
    assert!(matches!(late, Err(Error::Stale)), "{late:?}");
    // Back where it was, nobody is there again.
    let back = org::Change::OrgChanged { below, id: org, expected: 2, doc: None, parent: Some(world.root), at: NOW };
    world.write(back).await.expect("a move");
    assert_eq!(world.total(world.parent, Kind::User).await, 2);
}
