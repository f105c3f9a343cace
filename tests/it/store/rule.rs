//! The rule is in the schema: what SQLite itself refuses, whatever code asks for it.

use super::*;

const GUEST: &str = "insert into users (org_id, id, source_org_id, source_id, home_org_id, home_id, since, user_name,
      user_name_key, active, active_own, created, last_modified, version, doc)
    values (?1, ?2, ?3, ?4, ?3, ?4, 0, ?5, ?5, 1, 1, 0, 0, 1, '{}')";

fn guest(world: &World, org: OrgId, source_org: OrgId, source: UserId) -> Result<usize, rusqlite::Error> {
    let name = format!("guest of {source_org}");
    world.sql().execute(GUEST, rusqlite::params![org.0, Uuid::from_u128(0xbad), source_org.0, source.0, name])
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, rusqlite::Error>, why: &str) {
    let text = result.expect_err("SQLite refuses it").to_string();
    assert!(text.contains(why), "{text}");
}

#[tokio::test]
async fn a_guest_comes_from_the_parent_and_from_nowhere_else() {
    let world = World::new().await;
    for (number, org) in [(1, world.root), (2, world.parent), (3, world.sibling), (4, world.foreign), (5, world.child)] {
        world.user(org, number, "ada").await;
    }
    refused(guest(&world, world.child, world.root, user_id(1)), "FOREIGN KEY"); // a grandparent's
    refused(guest(&world, world.parent, world.sibling, user_id(3)), "FOREIGN KEY"); // a sibling's
    refused(guest(&world, world.child, world.sibling, user_id(3)), "FOREIGN KEY"); // an uncle's
    refused(guest(&world, world.child, world.foreign, user_id(4)), "FOREIGN KEY"); // another tree's
    refused(guest(&world, world.parent, world.child, user_id(5)), "FOREIGN KEY"); // a child's
    refused(guest(&world, world.child, world.child, user_id(5)), "FOREIGN KEY"); // its own
    refused(guest(&world, world.root, world.foreign, user_id(4)), "FOREIGN KEY"); // a root has no parent
    // The parent named, and a grandparent's user: the source must be a user of the named org.
    refused(guest(&world, world.child, world.parent, user_id(1)), "FOREIGN KEY");
    assert_eq!(guest(&world, world.child, world.parent, user_id(2)).expect("the parent's is welcome"), 1);
}

#[tokio::test]
async fn a_guest_keeps_its_source_and_its_org() {
    let world = World::new().await;
    let ada = world.user(world.parent, 1, "ada").await;
    world.user(world.parent, 2, "eve").await;
    world.guest(world.child, world.parent, ada, 3).await;
    for change in ["source_id = ?2", "home_id = ?2", "source_id = null, source_org_id = null", "org_id = ?2"] {
        let sql = format!("update users set {change} where id = ?1 and ?2 is not null");
        assert!(world.sql().execute(&sql, [id(3), id(2)]).is_err(), "{change}");
    }
}

#[tokio::test]
async fn a_member_belongs_to_the_org_of_the_group() {
    let world = World::new().await;
    world.user(world.parent, 1, "ada").await;
    world.group(world.parent, 2, "Staff", &[]).await;
    world.group(world.child, 3, "Partners", &[]).await;
    let insert = "insert into members (org_id, group_id, user_id, subgroup_id) values (?1, ?2, ?3, ?4)";
    let none = None::<Uuid>;
    for org in [world.parent, world.child] {
        refused(world.sql().execute(insert, rusqlite::params![org.0, id(3), id(1), none]), "FOREIGN KEY");
        refused(world.sql().execute(insert, rusqlite::params![org.0, id(3), none, id(2)]), "FOREIGN KEY");
    }
    world.sql().execute(insert, rusqlite::params![world.parent.0, id(2), id(1), none]).expect("its own user");
}

#[tokio::test]
async fn an_invitation_asks_a_user_of_the_parent_and_only_once() {
    let world = World::new().await;
    let (grand, ada) = (world.user(world.root, 1, "ada").await, world.user(world.parent, 2, "ada").await);
    let insert = |number: u128, org: OrgId, source_org: OrgId, source: UserId| {
        world.sql().execute(
            "insert into invitations (org_id, id, source_org_id, source_id, user_name, user_name_key, email, status, generation,
               inviter, expires_at, delivery_state, delivery_attempts, created, last_modified, version)
             values (?1, ?2, ?3, ?4, 'ada', 'ada', '', 'pending', 1, '', 9, 'queued', 0, 0, 0, 1)",
            rusqlite::params![org.0, id(number), source_org.0, source.0],
        )
    };
    refused(insert(7, world.child, world.root, grand), "FOREIGN KEY");
    refused(insert(7, world.child, world.parent, grand), "FOREIGN KEY");
    insert(7, world.child, world.parent, ada).expect("the first");
    refused(insert(8, world.child, world.parent, ada), "UNIQUE");
}

#[tokio::test]
async fn a_tree_of_orgs_stays_one_tree() {
    let world = World::new().await;
    let insert = "insert into orgs (id, parent_id, root_id, root_handle, handle, name, active, created)
        values (?1, ?2, ?3, 'x', 'x', 'x', 1, 0)";
    let lost = rusqlite::params![id(9), world.parent.0, world.foreign.0];
    refused(world.sql().execute(insert, lost), "FOREIGN KEY");
    refused(world.sql().execute(insert, rusqlite::params![id(9), None::<Uuid>, world.foreign.0]), "CHECK");
    let handle = world.sql().execute("update orgs set handle = 'root' where id = ?1", [world.child.0]);
    refused(handle, "UNIQUE");
}

/// Of clients, too: only one of the immediate parent is a guest, and under another parent no more.
#[tokio::test]
async fn no_client_but_one_of_the_parent_is_a_guest() {
    use usher::auth::{Change, Client, Proof};
    let world = World::new().await;
    let proof = Proof::Secret { hash: [7; 32], before: None };
    let client = |number, org| Client {
        id: id(number).into(),
        org,
        name: None,
        scope: String::new(),
        proof: proof.clone(),
        created: NOW,
        last_used: None,
    };
    for (number, org) in [(1, world.root), (2, world.parent), (3, world.sibling), (4, world.foreign)] {
        world.write(Change::ClientCreated(client(number, org))).await.expect("a client");
    }
    let admit = async |number: u128, org, parent| {
        let client = Client { proof: Proof::Elsewhere, ..client(number, org) };
        world.write(Change::ClientAdmitted { client, parent }).await.is_ok()
    };
    for (number, org, parent) in [
        (1, world.child, world.root),
        (1, world.child, world.parent),
        (3, world.child, world.parent),
        (3, world.child, world.sibling),
        (4, world.child, world.parent),
        (2, world.parent, world.root),
        (9, world.child, world.parent),
    ] {
        assert!(!admit(number, org, parent).await, "{number} in {org}");
    }
    assert!(admit(2, world.child, world.parent).await && admit(2, world.child, world.parent).await, "twice is once");
    let db = world.sql();
    let count = || db.query_row("select count(*) from guest_clients", [], |row| row.get::<_, i64>(0)).expect("a count");
    assert_eq!(count(), 1);
    // SEC S-54
    db.execute("update orgs set parent_id = ?2 where id = ?1", [world.child.0, world.sibling.0]).expect("moved");
    assert_eq!(count(), 0);
}
