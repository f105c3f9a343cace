//! Groups and the rows of their members.

use std::sync::Arc;

use super::*;

const LATER: Timestamp = Timestamp(2_000_000);

fn added(ids: &[u128]) -> MemberChange {
    MemberChange::Added(ids.iter().copied().map(id).collect())
}

fn removed(ids: &[u128]) -> MemberChange {
    MemberChange::Removed(ids.iter().copied().map(id).collect())
}

fn replaced(ids: &[u128]) -> MemberChange {
    MemberChange::Replaced(ids.iter().copied().map(id).collect())
}

async fn member_names(world: &World, group: u128) -> Vec<String> {
    let record = world.read(world.root, Kind::Group, group).await.expect("a group");
    record.references.into_iter().map(|member| member.display).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_parallel_adds_make_fifty_members() {
    let world = Arc::new(World::new().await);
    world.group(world.root, 999, "Staff", &[]).await;
    for number in 1..=50 {
        world.user(world.root, number, &format!("user {number}")).await;
    }
    let tasks: Vec<_> = (1..=50)
        .map(|number| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.members(world.root, 999, added(&[number])).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task").expect("V-09: an add commutes");
    }
    let group = world.read(world.root, Kind::Group, 999).await.expect("the group");
    assert_eq!((group.references.len(), group.version), (50, 51));
}

#[tokio::test]
async fn members_change_by_difference_and_only_a_difference_counts() {
    let world = World::new().await;
    for (number, name) in [(1, "ada"), (2, "eve"), (3, "grace")] {
        world.user(world.root, number, name).await;
    }
    world.group(world.root, 9, "Staff", &[1, 2]).await;
    for (change, outcome, names) in [
        (added(&[1]), written(1, NOW), vec!["ada", "eve"]),
        (removed(&[3]), written(1, NOW), vec!["ada", "eve"]),
        (replaced(&[2, 1]), written(1, NOW), vec!["ada", "eve"]),
        (added(&[1, 3]), written(2, LATER), vec!["ada", "eve", "grace"]),
        (replaced(&[3, 3]), written(3, LATER), vec!["grace"]),
        (removed(&[3, 1]), written(4, LATER), vec![]),
    ] {
        assert_eq!(world.members_at(world.root, 9, change.clone(), LATER).await.expect("a change"), outcome, "{change:?}");
        assert_eq!(member_names(&world, 9).await, names, "{change:?}");
    }
}

#[tokio::test]
async fn a_groups_document_and_its_members_change_together() {
    let world = World::new().await;
    world.user(world.root, 1, "ada").await;
    world.group(world.root, 9, "Staff", &[]).await;
    let change = |expected, name: &str, members| directory::Change::GroupChanged {
        org: world.root,
        id: group_id(9),
        expected,
        doc: Some(document(urn::GROUP, 9, json!({ "displayName": name }))),
        members,
        at: LATER,
    };
    assert_eq!(world.write(change(Some(1), "Staff", vec![])).await.expect("the same"), written(1, NOW));
    assert_eq!(world.write(change(Some(1), "Crew", vec![added(&[1])])).await.expect("both"), written(2, LATER));
    let error = world.write(change(Some(1), "Lost", vec![removed(&[1])])).await.expect_err("an old version");
    assert!(matches!(error, Error::Stale), "{error:?}");
    let error = world.write(change(None, "Lost", vec![added(&[77])])).await.expect_err("no such member");
    assert!(matches!(error, Error::NoSuchMember(missing) if missing == id(77)), "{error:?}");
    let group = world.read(world.root, Kind::Group, 9).await.expect("the group");
    assert_eq!((group.version, group.doc.contains("Crew"), member_names(&world, 9).await), (2, true, vec!["ada".to_owned()]));
}

#[tokio::test]
async fn a_member_is_a_user_or_a_group_of_the_same_org() {
    let world = World::new().await;
    world.user(world.parent, 1, "ada").await;
    world.group(world.parent, 2, "Parents", &[]).await;
    world.group(world.root, 3, "Inner", &[]).await;
    world.group(world.root, 9, "Staff", &[]).await;
    for stranger in [1, 2, 77] {
        let error = world.members(world.root, 9, added(&[3, stranger])).await.expect_err("S-45");
        assert!(matches!(error, Error::NoSuchMember(who) if who == id(stranger)), "{error:?}");
    }
    assert_eq!(member_names(&world, 9).await, Vec::<String>::new(), "nothing of a refused change is written");
    world.members(world.root, 9, added(&[3])).await.expect("a group is a member too");
    assert_eq!(member_names(&world, 9).await, ["Inner"]);
    let error = world.members(world.root, 2, added(&[3])).await.expect_err("another org's group is not there");
    assert!(matches!(error, Error::NotFound), "{error:?}");
}

#[tokio::test]
async fn no_group_contains_itself() {
    let world = World::new().await;
    for (number, name) in [(1, "outer"), (2, "middle"), (3, "inner")] {
        world.group(world.root, number, name, &[]).await;
    }
    world.members(world.root, 1, added(&[2])).await.expect("outer holds middle");
    world.members(world.root, 2, added(&[3])).await.expect("middle holds inner");
    for (group, member) in [(1, 1), (2, 1), (3, 1), (3, 2)] {
        let error = world.members(world.root, group, added(&[member])).await.expect_err("a cycle");
        assert!(matches!(error, Error::MemberCycle(who) if who == id(member)), "{group} {member}: {error:?}");
    }
    world.members(world.root, 1, added(&[3])).await.expect("a diamond is no cycle");
}

#[tokio::test]
async fn deleting_a_group_changes_those_that_held_it() {
    let world = World::new().await;
    world.user(world.root, 1, "ada").await;
    world.group(world.root, 2, "inner", &[1]).await;
    world.group(world.root, 3, "outer", &[2]).await;
    let delete = |expected| directory::Change::GroupDeleted { org: world.root, id: group_id(2), expected, at: LATER };
    assert!(matches!(world.write(delete(Some(7))).await, Err(Error::Stale)));
    assert_eq!(world.write(delete(Some(1))).await.expect("gone"), Outcome::Done);
    assert!(matches!(world.write(delete(None)).await, Err(Error::NotFound)));
    let outer = world.read(world.root, Kind::Group, 3).await.expect("outer");
    assert_eq!((outer.version, outer.last_modified, outer.references.len()), (2, LATER, 0));
    let ada = world.read(world.root, Kind::User, 1).await.expect("ada");
    assert_eq!((ada.version, ada.references.len()), (1, 0), "V-06");
    assert_eq!(world.total(world.root, Kind::Group).await, 1);
    let names = world.store.group_names(world.root, &[id(3), id(2)]).await.expect("names");
    assert_eq!(names, [Some("outer".to_owned()), None]);
}
