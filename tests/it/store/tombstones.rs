//! What a DELETE leaves behind, and what becomes of it.

use usher::directory::Change;
use usher::directory::deleted::{Missing, Reason, Restored, Tombstone};
use usher::store::Deleted;

use super::*;

const LATER: Timestamp = Timestamp(NOW.0 + 5000);

impl World {
    async fn delete_user(&self, org: OrgId, number: u128) {
        self.write(Change::UserDeleted { org, id: user_id(number), expected: None, at: NOW }).await.expect("deleted");
    }

    async fn delete_group(&self, org: OrgId, number: u128) {
        self.write(Change::GroupDeleted { org, id: group_id(number), expected: None, at: NOW }).await.expect("deleted");
    }

    /// What was deleted at [`NOW`] and later.
    async fn restore(&self, org: OrgId, number: u128) -> Result<Restored, Error> {
        let after = Timestamp(NOW.0 - 1);
        match self.write(Change::Restored { org, id: id(number), after, at: LATER }).await? {
            Outcome::Restored(restored) => Ok(restored),
            outcome => panic!("{outcome:?}"),
        }
    }

    async fn deleted(&self, org: OrgId, kind: Option<Kind>) -> Vec<Tombstone> {
        let query = Deleted { kind, id: None, after: Timestamp(NOW.0 - 1), offset: 0, count: 10 };
        let (total, tombstones) = self.store.deleted(org, &query).await.expect("a read");
        assert_eq!(total, tombstones.len());
        tombstones
    }

    async fn members_of(&self, org: OrgId, group: u128) -> Vec<Uuid> {
        let record = self.read(org, Kind::Group, group).await.expect("a group");
        record.references.iter().map(|member| member.id).collect()
    }
}

fn missing(number: u128, reason: Reason) -> Vec<Missing> {
    vec![Missing { id: id(number), reason }]
}

/// C-11, S-46: out of sight at once, and back as it was, under its own id.
#[tokio::test]
async fn a_user_comes_back_with_its_memberships_and_its_password() {
    let world = World::new().await;
    let org = world.parent;
    let attributes = json!({ "userName": "Ada", "emails": [{ "value": "ada@acme.test" }] });
    let doc = document(urn::USER, 1, attributes);
    let password_hash = Some("argon2".to_owned());
    world.write(Change::UserCreated { org, id: user_id(1), doc: doc.clone(), password_hash, at: NOW }).await.expect("made");
    world.group(org, 10, "Staff", &[1]).await;
    world.group(org, 11, "Board", &[1]).await;
    world.delete_user(org, 1).await;
    world.delete_group(org, 11).await;

    assert_eq!((world.read(org, Kind::User, 1).await, world.total(org, Kind::User).await), (None, 0));
    let [board, ada] = &world.deleted(org, None).await[..] else { panic!("two") };
    assert_eq!((&*board.display, board.kind, &*ada.display, ada.kind), ("Board", Kind::Group, "Ada", Kind::User));
    assert_eq!(world.deleted(org, Some(Kind::Group)).await, std::slice::from_ref(board));

    let restored = world.restore(org, 1).await.expect("there again");
    assert_eq!(restored, Restored { version: 2, memberships: 1, missing: missing(11, Reason::Deleted) });
    let record = world.read(org, Kind::User, 1).await.expect("there again");
    assert_eq!((record.doc, record.version, record.created, record.last_modified), (doc, 2, NOW, LATER));
    let account = world.store.account(org, "ada").await.expect("a read").expect("an account");
    assert_eq!(account.password_hash.as_deref(), Some("argon2"));
    let group = world.read(org, Kind::Group, 10).await.expect("a group");
    assert_eq!((group.references.len(), group.version, group.last_modified), (1, 3, LATER), "the group has changed twice");
    let mail = Query { filter: Some(mail("ada@acme.test")), count: 10, ..Query::default() };
    assert_eq!(world.store.resources(org, Kind::User, &mail, NOW).await.expect("a page").total, 1, "found by its address");
    assert_eq!(world.restore(org, 1).await.expect_err("once").to_string(), "no such resource");

    let restored = world.restore(org, 11).await.expect("there again");
    assert_eq!((restored.memberships, restored.missing), (1, vec![]), "it was waiting");
    assert_eq!(world.members_of(org, 11).await, [id(1)]);
}

fn mail(address: &str) -> usher::scim::filter::Filter {
    let text = format!("emails.value eq \"{address}\"");
    usher::scim::filter::parse(&text, usher::scim::Schemas::core().user(), usher::scim::Profile::Lenient).expect("a filter")
}

#[tokio::test]
async fn the_order_of_restoring_does_not_matter() {
    let world = World::new().await;
    let org = world.parent;
    for number in 1..=3 {
        world.user(org, number, &format!("user {number}")).await;
    }
    world.group(org, 10, "Inner", &[1, 2, 3]).await;
    world.group(org, 11, "Outer", &[10]).await;
    world.delete_group(org, 10).await;
    for number in 1..=2 {
        world.delete_user(org, number).await;
    }
    assert!(world.members_of(org, 11).await.is_empty());
    world.restore(org, 1).await.expect("before the group");
    let restored = world.restore(org, 10).await.expect("the group");
    assert_eq!((restored.memberships, restored.missing), (3, missing(2, Reason::Deleted)), "1 and 3, and in 11");
    let restored = world.restore(org, 2).await.expect("after the group");
    assert_eq!((restored.memberships, restored.missing), (1, vec![]));
    assert_eq!(world.members_of(org, 10).await, [id(1), id(2), id(3)]);
    assert_eq!(world.members_of(org, 11).await, [id(10)]);
}

#[tokio::test]
async fn what_cannot_be_joined_again_is_told() {
    let world = World::new().await;
    let org = world.parent;
    world.user(org, 1, "ada").await;
    world.group(org, 10, "Inner", &[1]).await;
    world.group(org, 11, "Outer", &[10]).await;
    world.group(org, 12, "Gone", &[10]).await;
    world.delete_group(org, 10).await;
    world.delete_group(org, 12).await;
    world.write(Change::Erased { org, id: id(12) }).await.expect("erased");
    world.delete_user(org, 1).await;
    world.write(Change::Erased { org, id: id(1) }).await.expect("erased");
    let restored = world.restore(org, 10).await.expect("there again");
    let gone = [missing(1, Reason::Gone), missing(12, Reason::Gone)].concat();
    assert_eq!(restored, Restored { version: 2, memberships: 1, missing: gone });

    // What it was in comes to be in it: the group would contain itself.
    world.delete_group(org, 10).await;
    world.group(org, 13, "Between", &[]).await;
    world.members(org, 13, MemberChange::Added(vec![id(11)])).await.expect("a group in a group");
    world.restore(org, 10).await.expect("there again");
    world.members(org, 11, MemberChange::Removed(vec![id(10)])).await.expect("away");
    world.members(org, 10, MemberChange::Added(vec![id(13)])).await.expect("the other way round");
    world.delete_group(org, 13).await;
    world.members(org, 11, MemberChange::Added(vec![id(10)])).await.expect("no circle as long as it is away");
    let restored = world.restore(org, 13).await.expect("there again");
    assert_eq!((restored.memberships, restored.missing), (1, missing(11, Reason::Cycle)));
}

/// A guest follows its source out, and comes back only by its own org's will, and only after it.
#[tokio::test]
async fn a_guest_comes_back_after_its_source() {
    let world = World::new().await;
    let ada = world.user(world.root, 1, "ada").await;
    let guest = world.guest(world.parent, world.root, ada, 2).await;
    world.guest(world.child, world.parent, guest, 3).await;
    world.group(world.child, 10, "Partners", &[3]).await;
    world.delete_user(world.root, 1).await;
    let deleted = [world.deleted(world.parent, None).await, world.deleted(world.child, None).await];
    assert!(deleted.iter().flatten().all(|tombstone| tombstone.is_guest && tombstone.display == "ada"), "{deleted:?}");
    assert_eq!(deleted.iter().flatten().count(), 2);

    for org in [world.child, world.parent] {
        let number = if org == world.child { 3 } else { 2 };
        assert!(matches!(world.restore(org, number).await, Err(Error::NoSource)), "its source is not there");
    }
    world.restore(world.root, 1).await.expect("the home user");
    assert_eq!(world.total(world.parent, Kind::User).await, 0, "no org gets a guest that it did not ask for");
    assert!(matches!(world.restore(world.child, 3).await, Err(Error::NoSource)), "the link between is missing");
    world.replace(world.root, 1, 2, json!({ "userName": "ada", "displayName": "Countess" })).await.expect("renamed");
    world.restore(world.parent, 2).await.expect("the guest");
    let restored = world.restore(world.child, 3).await.expect("the guest's guest");
    assert_eq!((restored.version, restored.memberships, restored.missing), (2, 1, vec![]));
    let doc = world.doc(world.child, 3).await;
    assert_eq!((&doc["displayName"], &doc[urn::MEMBERSHIP]["type"]), (&json!("Countess"), &json!("guest")), "as she is now");
    assert_eq!(doc[urn::MEMBERSHIP].get("invitation"), None, "that went with the source");
}

#[tokio::test]
async fn a_guest_that_was_invited_anew_is_not_there_twice() {
    let world = World::new().await;
    let ada = world.user(world.parent, 1, "ada").await;
    world.guest(world.child, world.parent, ada, 2).await;
    world.delete_user(world.child, 2).await;
    world.guest(world.child, world.parent, ada, 3).await;
    assert!(matches!(world.restore(world.child, 2).await, Err(Error::Taken { attribute: "source" })));
    world.delete_user(world.child, 3).await;
    world.restore(world.child, 2).await.expect("now it may");
}

/// C-11: the name is free at once, and whoever has it then keeps it.
#[tokio::test]
async fn a_name_that_is_taken_meanwhile_is_not_given_back() {
    let world = World::new().await;
    world.user(world.parent, 1, "ada").await;
    world.group(world.parent, 10, "Staff", &[1]).await;
    world.delete_user(world.parent, 1).await;
    world.user(world.parent, 2, "ADA").await;
    assert!(matches!(world.restore(world.parent, 1).await, Err(Error::Taken { attribute: "userName" })));
    assert!(world.members_of(world.parent, 10).await.is_empty(), "nothing of it was done");
    world.replace(world.parent, 2, 1, json!({ "userName": "grace" })).await.expect("renamed");
    assert_eq!(world.restore(world.parent, 1).await.expect("free again").memberships, 1);
}

#[tokio::test]
async fn what_is_old_or_anothers_is_not_there() {
    let world = World::new().await;
    world.user(world.parent, 1, "ada").await;
    world.delete_user(world.parent, 1).await;
    for org in [world.root, world.child, world.sibling, world.foreign] {
        assert!(world.deleted(org, None).await.is_empty());
        assert!(matches!(world.restore(org, 1).await, Err(Error::NotFound)));
        assert!(matches!(world.write(Change::Erased { org, id: id(1) }).await, Err(Error::NotFound)));
    }
    // Expiry waits for no job.
    let late = Change::Restored { org: world.parent, id: id(1), after: NOW, at: LATER };
    assert!(matches!(world.write(late).await, Err(Error::NotFound)));
    world.write(Change::Expired { until: Timestamp(NOW.0 - 1), at: NOW }).await.expect("a look");
    assert_eq!(world.deleted(world.parent, None).await.len(), 1);
    world.write(Change::Expired { until: NOW, at: NOW }).await.expect("a look");
    assert!(world.deleted(world.parent, None).await.is_empty());
}

#[tokio::test]
async fn nothing_is_left_of_whom_the_home_org_erases() {
    let world = World::new().await;
    let ada = world.user(world.root, 1, "ada lovelace").await;
    let guest = world.guest(world.parent, world.root, ada, 2).await;
    world.guest(world.child, world.parent, guest, 3).await;
    world.group(world.child, 10, "Partners", &[3]).await;
    world.delete_user(world.root, 1).await;
    world.write(Change::Erased { org: world.root, id: id(1) }).await.expect("erased");
    for table in ["users", "user_emails", "tombstones", "tombstone_members", "members", "invitations"] {
        let rows: i64 = world.sql().query_row(&format!("select count(*) from {table}"), [], |row| row.get(0)).expect("a count");
        assert_eq!(rows, 0, "{table}");
    }
    assert!(matches!(world.restore(world.parent, 2).await, Err(Error::NotFound)));
}
