//! Who answers an invitation while others do too, or while what it rests on goes: the end is that of one order or the other, and
//! never half of each (S-74). Against the store, where the races are decided; its callers only load and try.

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;
use usher::org;

use super::*;

const ROUNDS: u128 = 200;
const AT_ONCE: u128 = 500;
const LATER: Timestamp = Timestamp(NOW.0 + 1);

/// Users of the parent, each invited into the child and its group 9.
async fn invited(rounds: u128) -> Arc<World> {
    let world = Arc::new(World::new().await);
    let mut changes: Vec<Change> = Vec::new();
    for round in 0..rounds {
        changes.push(user_created(world.parent, 100_000 + round, json!({ "userName": format!("user{round}") })).into());
        let invitation = Invitation {
            user_name: format!("user{round}"),
            ..invitation(world.child, world.parent, user_id(100_000 + round), 200_000 + round, &[9])
        };
        changes.push(invite::Change::InvitationCreated { invitation, letter: None, quota: QUOTA }.into());
    }
    world.group(world.child, 9, "Crew", &[]).await;
    world.store.commit(author(), changes).await.expect("all are invited");
    world
}

/// A child of the parent for each round, with a group 9, into which user 1 of the parent is invited.
async fn asking(world: &World, round: u128) -> OrgId {
    let org = OrgId(id(0xd0_0000 + round));
    let above = world.store.org(world.child).await.expect("a read").expect("an org");
    let handle = format!("round{round}");
    world
        .write(directory::orgs::created(Org { id: org, handle: handle.clone(), name: handle, ..above }))
        .await
        .expect("an org");
    world.group(org, 9, "Crew", &[]).await;
    world.invite(org, world.parent, user_id(1), 200_000 + round, &[9]).await.expect("invited");
    org
}

/// That no row of another table was left behind: guests, members, invitations and letters of `org`.
fn rows_of(world: &World, org: OrgId) -> Vec<i64> {
    let db = world.sql();
    let count = |table: &str| {
        let sql = format!("select count(*) from {table} where org_id = ?1");
        db.query_row(&sql, [org.0], |row| row.get(0)).expect("a count")
    };
    ["users", "members", "invitations", "invitation_groups", "letters"].map(count).to_vec()
}

async fn status(world: &World, round: u128) -> Option<Status> {
    let found = world.store.invitation(world.child, InvitationId(id(200_000 + round))).await.expect("a read");
    found.map(|invitation| invitation.status)
}

/// Both at once, in a different order from round to round as far as that can be had.
async fn race<T: Send + 'static, U: Send + 'static>(
    round: u128,
    one: impl Future<Output = T> + Send + 'static,
    other: impl Future<Output = U> + Send + 'static,
) -> (T, U) {
    let (one, other) = if round.is_multiple_of(2) {
        let one = tokio::spawn(one);
        (one, tokio::spawn(other))
    } else {
        let other = tokio::spawn(other);
        (tokio::spawn(one), other)
    };
    (one.await.expect("it ends"), other.await.expect("it ends"))
}

async fn write(world: Arc<World>, change: impl Into<Change>) -> Result<Outcome, Error> {
    world.write(change).await
}

/// S-74
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_hundred_at_once_one_accepts_two_hundred_times_over() {
    let world = invited(ROUNDS).await;
    for round in 0..ROUNDS {
        let mut tasks = JoinSet::new();
        for n in 0..AT_ONCE {
            let accept = world.accepted(world.child, 200_000 + round, 1_000_000 + round * AT_ONCE + n, LATER).await;
            tasks.spawn(write(world.clone(), accept));
        }
        let ends = tasks.join_all().await;
        assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1, "round {round}");
        assert!(ends.iter().all(|end| matches!(end, Ok(_) | Err(Error::Stale))), "round {round}: {ends:?}");
    }
    let rounds = usize::try_from(ROUNDS).expect("few");
    assert_eq!(world.total(world.child, Kind::User).await, rounds);
    let crew = world.read(world.child, Kind::Group, 9).await.expect("the group");
    assert_eq!(crew.references.len(), rounds, "each of them once in the group");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepted_or_revoked_and_never_both() {
    let world = invited(ROUNDS).await;
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let (id, ending) = (InvitationId(id(200_000 + round)), ending());
        let revoke = invite::Change::InvitationEnded { org: world.child, id, status: Status::Revoked, ending, at: LATER };
        let accept = world.accepted(world.child, 200_000 + round, 300_000 + round, LATER).await;
        let ends = race(round, write(world.clone(), accept), write(world.clone(), revoke)).await;
        let end = match &ends {
            (Ok(_), Err(Error::Stale)) => Status::Accepted,
            (Err(Error::Stale), Ok(_)) => Status::Revoked,
            _ => panic!("round {round}: {ends:?}"),
        };
        assert_eq!(status(&world, round).await, Some(end));
        let is_guest = world.read(world.child, Kind::User, 300_000 + round).await.is_some();
        assert_eq!(is_guest, end == Status::Accepted, "round {round}");
        accepted += usize::from(is_guest);
    }
    assert_eq!(world.total(world.child, Kind::User).await, accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_deleted_leaves_no_guest() {
    let world = invited(ROUNDS).await;
    for round in 0..ROUNDS {
        let id = user_id(100_000 + round);
        let delete = directory::Change::UserDeleted { org: world.parent, id, expected: None, at: LATER };
        let accept = world.accepted(world.child, 200_000 + round, 300_000 + round, LATER).await;
        let (accept, delete) = race(round, write(world.clone(), accept), write(world.clone(), delete)).await;
        assert!(matches!(accept, Ok(_) | Err(Error::Stale)), "round {round}: {accept:?}");
        delete.expect("nothing is in its way");
        assert_eq!(status(&world, round).await, None, "its invitations went with it");
    }
    assert_eq!(world.total(world.child, Kind::User).await, 0);
    assert_eq!(world.total(world.child, Kind::Invitation).await, 0);
    let crew = world.read(world.child, Kind::Group, 9).await.expect("the group");
    assert!(crew.references.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_goes_is_given_before_or_told_as_missing() {
    for missing in [MissingGroups::Skip, MissingGroups::Block] {
        let world = invited(ROUNDS / 4).await;
        for round in 0..ROUNDS / 4 {
            if round > 0 {
                world.group(world.child, 9, "Crew", &[]).await;
            }
            let mut accept = world.accepted(world.child, 200_000 + round, 300_000 + round, LATER).await;
            if let invite::Change::InvitationAccepted { missing_groups, .. } = &mut accept {
                *missing_groups = missing;
            }
            let delete = directory::Change::GroupDeleted { org: world.child, id: group_id(9), expected: None, at: LATER };
            let (accept, delete) = race(round, write(world.clone(), accept), write(world.clone(), delete)).await;
            delete.expect("nothing is in its way");
            let found = world.store.invitation(world.child, InvitationId(id(200_000 + round))).await.expect("a read");
            let found = found.expect("it stays");
            let is_guest = world.read(world.child, Kind::User, 300_000 + round).await.is_some();
            match (accept, missing) {
                (Ok(_), MissingGroups::Skip) => {
                    assert!(is_guest && found.status == Status::Accepted && found.groups[0].is_given.is_some());
                }
                (Ok(_), MissingGroups::Block) => assert!(is_guest && found.groups[0].is_given == Some(true)),
                (Err(Error::Stale), MissingGroups::Block) => assert!(!is_guest && found.status == Status::Pending),
                (other, _) => panic!("round {round}: {other:?}"),
            }
            // The tombstone would keep its id from a new one.
            world.write(directory::Change::Erased { org: world.child, id: id(9) }).await.expect("forgotten");
        }
    }
}

/// SEC S-74, V-30
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_org_that_goes_takes_whoever_came_first_along() {
    let world = Arc::new(World::new().await);
    world.user(world.parent, 1, "ada").await;
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let org = asking(&world, round).await;
        let accept = world.accepted(org, 200_000 + round, 300_000 + round, LATER).await;
        let delete = org::Change::OrgDeleted { below: world.root, id: org, expected: None, children: org::Children::Block };
        let (accept, delete) = race(round, write(world.clone(), accept), write(world.clone(), delete)).await;
        assert!(matches!(accept, Ok(_) | Err(Error::Stale)), "round {round}: {accept:?}");
        delete.expect("nothing is in its way");
        assert_eq!(rows_of(&world, org), [0; 5], "round {round}");
        accepted += usize::from(accept.is_ok());
    }
    assert!((1..ROUNDS as usize).contains(&accepted), "both orders happened: {accepted}");
    assert!(world.read(world.parent, Kind::User, 1).await.is_some(), "at home nothing happened");
}

/// SEC S-74: guests come from the immediate parent, and from the old one nobody is left, in whichever order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_org_that_moves_leaves_the_guests_of_its_old_parent() {
    let world = Arc::new(World::new().await);
    world.user(world.parent, 1, "ada").await;
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let org = asking(&world, round).await;
        let accept = world.accepted(org, 200_000 + round, 300_000 + round, LATER).await;
        let parent = Some(world.sibling);
        let change = org::Change::OrgChanged { below: world.root, id: org, expected: 1, doc: None, parent, at: LATER };
        let (accept, moved) = race(round, write(world.clone(), accept), write(world.clone(), change)).await;
        assert!(matches!(accept, Ok(_) | Err(Error::Stale)), "round {round}: {accept:?}");
        moved.expect("nothing is in its way");
        assert_eq!(world.store.org(org).await.expect("a read").and_then(|org| org.parent), parent);
        assert_eq!(rows_of(&world, org), [0; 5], "round {round}");
        let crew = world.read(org, Kind::Group, 9).await.expect("it moved along");
        // Whoever came was put into it and taken out of it again.
        assert_eq!(crew.version, if accept.is_ok() { 3 } else { 1 }, "round {round}");
        accepted += usize::from(accept.is_ok());
    }
    assert!((1..ROUNDS as usize).contains(&accepted), "both orders happened: {accepted}");
}

/// Nobody enters what is shut: of the two, the one that comes second sees the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_org_that_shuts_lets_in_whoever_came_before() {
    let world = Arc::new(World::new().await);
    world.user(world.parent, 1, "ada").await;
    for round in 0..ROUNDS {
        let org = asking(&world, round).await;
        let accept = world.accepted(org, 200_000 + round, 300_000 + round, LATER).await;
        let doc = Some(document(urn::ORGANIZATION, 0xd0_0000 + round, json!({ "name": "shut", "active": false })));
        let shut = org::Change::OrgChanged { below: world.root, id: org, expected: 1, doc, parent: None, at: LATER };
        let (accept, shut) = race(round, write(world.clone(), accept), write(world.clone(), shut)).await;
        shut.expect("nothing is in its way");
        let found = world.store.invitation(org, InvitationId(id(200_000 + round))).await.expect("a read").expect("it stays");
        let is_guest = world.read(org, Kind::User, 300_000 + round).await.is_some();
        match accept {
            Ok(_) => assert!(is_guest && found.status == Status::Accepted, "round {round}"),
            Err(Error::Stale) => assert!(!is_guest && found.status == Status::Pending, "round {round}"),
            other => panic!("round {round}: {other:?}"),
        }
    }
}
