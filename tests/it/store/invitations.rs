//! Invitations: once pending, once accepted, and never more than the groups that still exist.

use std::sync::Arc;

use usher::invite::Invitee;
use usher::outbox::{Change, End, Letter, Shares};

use super::*;

const LATER: Timestamp = Timestamp(NOW.0 + 10);
const TOO_LATE: Timestamp = Timestamp(NOW.0 + 1000);

async fn shown(world: &World, number: u128, now: Timestamp) -> (Value, u64) {
    let record = world.store.resource(world.child, Kind::Invitation, id(number), References::Omit, now).await.expect("a read");
    let record = record.expect("an invitation");
    (serde_json::from_str(&record.doc).expect("a document"), record.version)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_simultaneous_accepts_exactly_one_succeeds() {
    let world = Arc::new(World::new().await);
    let ada = world.user(world.parent, 1, "ada").await;
    world.invite(world.child, world.parent, ada, 7, &[]).await.expect("an invitation");
    let tasks: Vec<_> = (0x100..0x164)
        .map(|guest| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.accept(world.child, 7, guest, LATER).await })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        match task.await.expect("a task") {
            Ok(_) => accepted += 1,
            Err(error) => assert!(matches!(error, Error::Stale), "{error:?}"),
        }
    }
    assert_eq!((accepted, world.total(world.child, Kind::User).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_simultaneous_invitations_one_is_pending() {
    let world = Arc::new(World::new().await);
    let ada = world.user(world.parent, 1, "ada").await;
    let tasks: Vec<_> = (0x100..0x132)
        .map(|number| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.invite(world.child, world.parent, ada, number, &[]).await.is_ok() })
        })
        .collect();
    let mut invited = 0;
    for task in tasks {
        invited += usize::from(task.await.expect("a task"));
    }
    assert_eq!((invited, world.total(world.child, Kind::Invitation).await), (1, 1));
}

#[tokio::test]
async fn an_accepted_invitation_makes_a_guest_with_the_groups_that_still_exist() {
    let world = World::new().await;
    let ada = world.user_with(world.parent, 1, json!({ "userName": "ada", "title": "Countess" })).await;
    world.group(world.child, 2, "Partners", &[]).await;
    world.group(world.child, 3, "Vanishing", &[]).await;
    world.invite(world.child, world.parent, ada, 7, &[2, 3]).await.expect("an invitation");
    let delete = directory::Change::GroupDeleted { org: world.child, id: group_id(3), expected: None, at: NOW };
    world.write(delete).await.expect("gone");
    assert_eq!(world.accept(world.child, 7, 8, LATER).await.expect("accepted"), written(2, LATER));

    let doc = world.doc(world.child, 8).await;
    assert_eq!((&doc["userName"], &doc["title"], &doc["active"]), (&json!("ada"), &json!("Countess"), &json!(true)));
    let membership = json!({ "type": "guest", "homeOrg": world.parent, "sourceOrg": world.parent,
        "since": LATER, "invitation": id(7) });
    assert_eq!(doc[urn::MEMBERSHIP], membership);
    let partners = world.read(world.child, Kind::Group, 2).await.expect("a group");
    assert_eq!((partners.references[0].id, partners.version, partners.last_modified), (id(8), 2, LATER));
    let (doc, version) = shown(&world, 7, TOO_LATE).await;
    assert_eq!(
        (doc, version),
        (
            json!({
                "schemas": [urn::INVITATION], "id": id(7), "userName": "ada", "email": "ada@acme.test", "status": "accepted",
                "groups": [
                    { "value": id(2), "display": "Partners", "assigned": true },
                    { "value": id(3), "display": "group 3", "vanished": true, "assigned": false },
                ],
                "inviter": "Grace", "expiresAt": TOO_LATE, "endedAt": LATER, "endedBy": "ada",
                "endedVia": "link", "guest": { "value": id(8) },
                "delivery": { "state": "queued", "attempts": 0 },
            }),
            2
        )
    );
    let error = world.invite(world.child, world.parent, ada, 9, &[]).await.expect_err("a guest already");
    assert!(matches!(error, Error::Stale), "{error:?}");
}

#[tokio::test]
async fn accepting_looks_at_everything_again() {
    let world = World::new().await;
    let ada = world.user(world.parent, 1, "ada").await;
    world.invite(world.child, world.parent, ada, 7, &[]).await.expect("an invitation");
    let is_stale = async |org: OrgId, invitation, at| {
        matches!(world.accept(org, invitation, 8, at).await, Err(Error::Stale))
            && world.read(org, Kind::User, 8).await.is_none()
    };
    assert!(is_stale(world.child, 7, TOO_LATE).await, "expired");
    assert!(is_stale(world.child, 6, LATER).await, "unknown");
    assert!(is_stale(world.sibling, 7, LATER).await, "another org's");
    let mut generation = world.accepted(world.child, 7, 8, LATER).await;
    if let invite::Change::InvitationAccepted { generation, .. } = &mut generation {
        *generation = 2;
    }
    assert!(matches!(world.write(generation).await, Err(Error::Stale)), "another link");
    world.replace(world.parent, 1, 1, json!({ "userName": "ada", "active": false })).await.expect("deactivated");
    assert!(is_stale(world.child, 7, LATER).await, "an inactive source");
    world.replace(world.parent, 1, 2, json!({ "userName": "ada", "active": true })).await.expect("activated");
    for org in [world.child, world.parent] {
        world.sql().execute("update orgs set active = 0 where id = ?1", [org.0]).expect("suspended");
        assert!(is_stale(world.child, 7, LATER).await, "a suspended org");
        world.sql().execute("update orgs set active = 1 where id = ?1", [org.0]).expect("resumed");
    }
    world.accept(world.child, 7, 8, LATER).await.expect("now it may");
    assert!(matches!(world.accept(world.child, 7, 9, LATER).await, Err(Error::Stale)), "used");
}

#[tokio::test]
async fn an_expired_invitation_makes_room_for_the_next() {
    let world = World::new().await;
    let ada = world.user(world.parent, 1, "ada").await;
    world.invite(world.child, world.parent, ada, 7, &[]).await.expect("an invitation");
    assert!(matches!(world.invite(world.child, world.parent, ada, 8, &[]).await, Err(Error::Stale)));
    let (doc, version) = shown(&world, 7, TOO_LATE).await;
    assert_eq!((&doc["status"], &doc["endedAt"], version), (&json!("expired"), &json!(TOO_LATE), 2));
    let again = Invitation { created: TOO_LATE, ..invitation(world.child, world.parent, ada, 8, &[]) };
    world
        .write(invite::Change::InvitationCreated { invitation: again, letter: Some(id(8)), quota: QUOTA })
        .await
        .expect("the next");
    assert_eq!(shown(&world, 7, TOO_LATE).await, (doc, version), "marked, it looks as it did");
    assert_eq!(world.total(world.child, Kind::Invitation).await, 2);
}

#[tokio::test]
async fn an_ended_invitation_stays_ended() {
    let world = World::new().await;
    let ada = world.user(world.parent, 1, "ada").await;
    world.invite(world.child, world.parent, ada, 7, &[]).await.expect("an invitation");
    let end = |org, number, status, at| {
        let (id, ending) = (InvitationId(id(number)), ending());
        invite::Change::InvitationEnded { org, id, status, ending, at }
    };
    assert!(matches!(world.write(end(world.child, 7, Status::Revoked, TOO_LATE)).await, Err(Error::Stale)));
    assert!(matches!(world.write(end(world.sibling, 7, Status::Revoked, LATER)).await, Err(Error::NotFound)));
    assert_eq!(world.write(end(world.child, 7, Status::Declined, LATER)).await.expect("declined"), written(2, LATER));
    assert!(matches!(world.write(end(world.child, 7, Status::Revoked, LATER)).await, Err(Error::Stale)));
    assert!(matches!(world.accept(world.child, 7, 8, LATER).await, Err(Error::Stale)));
    let letters = world.store.letters_due(LATER, TOO_LATE, &Shares::default()).await.expect("letters");
    assert_eq!(letters, [], "a dead link is not mailed");
    let delete = |expected| invite::Change::InvitationDeleted { org: world.child, id: InvitationId(id(7)), expected };
    assert!(matches!(world.write(delete(Some(1))).await, Err(Error::Stale)));
    assert_eq!(world.write(delete(Some(2))).await.expect("gone"), Outcome::Done);
    assert_eq!(world.total(world.child, Kind::Invitation).await, 0);
}

#[tokio::test]
async fn nobody_but_the_parents_users_is_invited() {
    let world = World::new().await;
    let grand = world.user(world.root, 1, "ada").await;
    let (sibling, foreign) = (world.user(world.sibling, 2, "ada").await, world.user(world.foreign, 3, "ada").await);
    for (source_org, source) in [(world.root, grand), (world.parent, grand), (world.sibling, sibling), (world.foreign, foreign)]
    {
        let error = world.invite(world.child, source_org, source, 7, &[]).await.expect_err("not the parent's");
        assert!(matches!(error, Error::Stale), "{error:?}");
    }
    let names = ["ada".to_owned()];
    assert_eq!(world.store.invitees(world.child, &names, &[], NOW).await.expect("a read"), [None]);
    assert_eq!(world.store.invitees(world.root, &names, &[], NOW).await.expect("a root has no parent"), [None]);
}

#[tokio::test]
async fn invitees_are_told_in_the_order_asked() {
    let world = World::new().await;
    let ada = world
        .user_with(
            world.parent,
            1,
            json!({ "userName": "Ada",
                "emails": [{ "value": "home@x.test" }, { "value": "work@x.test", "primary": true }] }),
        )
        .await;
    let eve = world.user_with(world.parent, 2, json!({ "userName": "eve", "active": false })).await;
    world.guest(world.child, world.parent, ada, 3).await;
    world.invite(world.child, world.parent, eve, 7, &[]).await.expect("an invitation");
    let names = ["eve", "nobody", "ADA"].map(str::to_owned);
    let facts = |source, user_name: &str| Invitee {
        source,
        user_name: user_name.into(),
        active: true,
        email: None,
        is_member: false,
        pending: None,
        today: 0,
        is_shielded: false,
    };
    let eve = Invitee { active: false, pending: Some(InvitationId(id(7))), today: 1, ..facts(eve, "eve") };
    let ada = Invitee { today: 1, email: Some("work@x.test".into()), is_member: true, ..facts(ada, "Ada") };
    assert_eq!(
        world.store.invitees(world.child, &names, &[], LATER).await.expect("a read"),
        [Some(eve.clone()), None, Some(ada)]
    );
    let by_id = async |org, source, now| world.store.invitee(org, source, &[], now).await.expect("a read");
    assert_eq!(by_id(world.child, eve.source, LATER).await.as_ref(), Some(&eve));
    for org in [world.sibling, world.parent, world.root] {
        assert_eq!(by_id(org, eve.source, LATER).await, None, "no user of the parent of that org");
    }
    let later = world.store.invitees(world.child, &names[..1], &[], TOO_LATE).await.expect("a read");
    let eve = Invitee { pending: None, ..eve };
    assert_eq!((&later[..], by_id(world.child, eve.source, TOO_LATE).await), (&[Some(eve.clone())][..], Some(eve)));
}

#[tokio::test]
async fn a_letter_is_leased_to_one_and_its_fate_is_shown() {
    let world = World::new().await;
    let ada = world.user(world.parent, 1, "ada").await;
    world.invite(world.child, world.parent, ada, 7, &[]).await.expect("an invitation");
    let letter = |attempts, unclear| Letter {
        id: id(7),
        org: world.child,
        invitation: InvitationId(id(7)),
        generation: 1,
        domain: "acme.test".into(),
        attempts,
        unclear,
        is_reminder: false,
    };
    let due = async |now: i64| {
        let none = Shares::default();
        world.store.letters_due(Timestamp(now), Timestamp(now + 5), &none).await.expect("letters")
    };
    assert_eq!(due(NOW.0).await, [letter(0, 0)]);
    assert_eq!(due(NOW.0 + 4).await, [], "leased");
    assert_eq!(due(NOW.0 + 5).await, [letter(1, 0)], "the lease has run out, and the try counts (SEC F-20)");
    let at = Timestamp(NOW.0 + 6);
    let tried = |letter, at, end, answer: &str| Change::LetterTried { letter, at, end, answer: answer.into() };
    world.write(tried(letter(0, 0), at, End::Sent, "250 too late")).await.expect("passed over");
    assert!(
        matches!(world.write(Change::LetterBegun { letter: letter(0, 0), at }).await, Err(Error::Stale)),
        "another's lease"
    );
    world.write(Change::LetterBegun { letter: letter(1, 0), at }).await.expect("begun");
    let again = due(NOW.0 + 10).await;
    assert_eq!(again, [letter(2, 1)], "SEC F-16: whoever takes it up knows that it may have been delivered");
    world.write(tried(letter(2, 1), at, End::Deferred(Timestamp(NOW.0 + 50)), "451 later")).await.expect("deferred");
    let delivery = json!({ "state": "deferred", "attempts": 3, "answer": "451 later", "maybeDuplicate": true });
    assert_eq!(shown(&world, 7, LATER).await.0["delivery"], delivery);
    assert_eq!(due(NOW.0 + 49).await, []);
    assert_eq!(due(NOW.0 + 50).await, [letter(3, 1)]);
    let at = Timestamp(NOW.0 + 51);
    world.write(tried(letter(3, 1), at, End::Sent, "250 ok")).await.expect("sent");
    let (doc, version) = shown(&world, 7, LATER).await;
    let delivery = json!({ "state": "sent", "attempts": 4, "answer": "250 ok", "sentAt": at, "maybeDuplicate": true });
    assert_eq!(doc["delivery"], delivery);
    assert_eq!(version, 3);
    assert_eq!(due(TOO_LATE.0).await, []);
}

#[tokio::test]
async fn a_clock_that_went_back_is_not_believed_before_what_was_over_is_put_down() {
    // SEC F-23.
    let world = World::new().await;
    let ada = world.user(world.parent, 1, "ada").await;
    world.invite(world.child, world.parent, ada, 7, &[]).await.expect("an invitation");
    let write = async |number: u128, at| {
        let change = user_created(world.parent, number, json!({ "userName": format!("user{number}") }));
        world.store.commit(Author::new(Actor::Operator, at), vec![change.into()]).await.expect("written");
        shown(&world, 7, NOW).await.0["status"].clone()
    };
    assert_eq!(write(2, Timestamp(TOO_LATE.0 + 60_000)).await, "expired");
    let broken = "create trigger broken before update on invitations begin select raise(abort, 'no'); end";
    world.sql().execute_batch(broken).expect("a fault");
    assert_eq!(write(3, NOW).await, "expired", "nobody has put it down yet");
    world.sql().execute_batch("drop trigger broken").expect("mended");
    assert_eq!(write(4, NOW).await, "expired", "and from here on the clock is believed");
}
