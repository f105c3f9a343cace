//! Users, and the guests that follow them.

use super::*;

const LATER: Timestamp = Timestamp(2_000_000);

#[tokio::test]
async fn a_user_is_read_back_as_written() {
    let world = World::new().await;
    world.user_with(world.root, 1, json!({ "userName": "Ada", "displayName": "Ada L." })).await;
    world.group(world.root, 2, "Staff", &[1]).await;
    let mut record = world.read(world.root, Kind::User, 1).await.expect("a user");
    let staff = usher::scim::Reference { id: id(2), kind: Kind::Group, display: "Staff".into() };
    assert_eq!(std::mem::take(&mut record.references), [staff]);
    let doc = document(urn::USER, 1, json!({ "userName": "Ada", "displayName": "Ada L." }));
    let same = Record { id: id(1), version: 1, created: NOW, last_modified: NOW, doc, references: vec![] };
    assert_eq!(record, same);
    assert_eq!(world.read(world.parent, Kind::User, 1).await, None, "another org has no such user");
    assert_eq!(world.read(world.root, Kind::Group, 1).await, None);
    let account = world.store.account(world.root, "ADA").await.expect("a read").expect("by name, folded");
    assert_eq!((account.id, account.active, account.home_org), (user_id(1), true, world.root));
}

#[tokio::test]
async fn a_user_name_is_taken_once_in_an_org_however_it_is_spelt() {
    let world = World::new().await;
    world.user(world.root, 1, "Straße").await;
    world.user(world.parent, 2, "straße").await;
    world.user(world.root, 3, "eve").await;
    let error = world.write(user_created(world.root, 4, json!({ "userName": "STRASSE" }))).await.expect_err("taken");
    assert!(matches!(error, Error::Taken { attribute: "userName" }), "{error:?}");
    let error = world.replace(world.root, 3, 1, json!({ "userName": "strasse" })).await.expect_err("taken");
    assert!(matches!(error, Error::Taken { attribute: "userName" }), "{error:?}");
    assert_eq!(world.doc(world.root, 3).await["userName"], "eve");
    assert_eq!((world.total(world.root, Kind::User).await, world.total(world.parent, Kind::User).await), (2, 1));
}

#[tokio::test]
async fn a_stale_version_writes_nothing() {
    let world = World::new().await;
    world.user(world.root, 1, "ada").await;
    let new = json!({ "userName": "ada", "title": "Countess" });
    assert_eq!(world.replace_at(world.root, 1, 1, new.clone(), LATER).await.expect("written"), written(2, LATER));
    let error = world.replace(world.root, 1, 1, json!({ "userName": "lost" })).await.expect_err("an old version");
    assert!(matches!(error, Error::Stale), "{error:?}");
    // V-05: the same document again leaves version and time.
    assert_eq!(world.replace(world.root, 1, 2, new).await.expect("the same"), written(2, LATER));
    assert_eq!(world.doc(world.root, 1).await["userName"], "ada");
    let delete = |org, expected| directory::Change::UserDeleted { org, id: user_id(1), expected, at: LATER };
    assert!(matches!(world.write(delete(world.root, Some(1))).await, Err(Error::Stale)));
    assert!(matches!(world.write(delete(world.parent, None)).await, Err(Error::NotFound)));
    let error = world.replace(world.parent, 1, 2, json!({ "userName": "x" })).await.expect_err("another org's");
    assert!(matches!(error, Error::NotFound), "{error:?}");
}

#[tokio::test]
async fn a_commit_is_all_or_nothing() {
    let world = World::new().await;
    let changes = vec![
        user_created(world.root, 1, json!({ "userName": "ada" })).into(),
        user_created(world.root, 2, json!({ "userName": "ADA" })).into(),
    ];
    assert!(world.store.commit(author(), changes).await.is_err());
    assert_eq!((world.read(world.root, Kind::User, 1).await, world.total(world.root, Kind::User).await), (None, 0));
}

#[tokio::test]
async fn guests_and_their_guests_follow_the_home_user() {
    let world = World::new().await;
    let ada = world.user_with(world.root, 1, json!({ "userName": "ada", "externalId": "hr-7" })).await;
    let guest = world.guest(world.parent, world.root, ada, 2).await;
    world.guest(world.child, world.parent, guest, 3).await;
    let new = json!({ "userName": "ada.l", "externalId": "hr-7", "displayName": "Ada", "active": true });
    world.replace_at(world.root, 1, 1, new, LATER).await.expect("renamed");
    for (org, number) in [(world.parent, 2), (world.child, 3)] {
        let doc = world.doc(org, number).await;
        assert_eq!((&doc["userName"], &doc["displayName"]), (&json!("ada.l"), &json!("Ada")));
        assert_eq!((&doc["id"], doc.get("externalId")), (&json!(id(number)), None));
        assert_eq!(doc[urn::MEMBERSHIP]["homeOrg"], json!(world.root));
        let record = world.read(org, Kind::User, number).await.expect("a guest");
        assert_eq!((record.version, record.last_modified), (2, LATER));
        let account = world.store.account(org, "ADA.L").await.expect("a read").expect("found by the new name");
        assert_eq!((account.id, account.home_org), (user_id(number), world.root));
    }
    // What no guest shows changes no guest (V-05).
    let inside = json!({ "userName": "ada.l", "externalId": "hr-8", "displayName": "Ada", "active": true });
    world.replace(world.root, 1, 2, inside).await.expect("changed");
    assert_eq!(world.read(world.child, Kind::User, 3).await.expect("a guest").version, 2);
}

#[tokio::test]
async fn a_guest_is_active_when_the_whole_chain_is() {
    let world = World::new().await;
    let ada = world.user(world.root, 1, "ada").await;
    let guest = world.guest(world.parent, world.root, ada, 2).await;
    world.guest(world.child, world.parent, guest, 3).await;
    let active = async || {
        let mut seen = vec![];
        for (org, number) in [(world.root, 1), (world.parent, 2), (world.child, 3)] {
            let shown = world.doc(org, number).await.get("active").is_none_or(|active| *active == json!(true));
            let account = world.store.account(org, "ada").await.expect("a read").expect("an account");
            assert_eq!(account.active, shown);
            seen.push(shown);
        }
        seen
    };
    let set = async |org, number, active: bool| {
        let version = world.read(org, Kind::User, number).await.expect("a user").version;
        world.replace(org, number, version, json!({ "userName": "ada", "active": active })).await.expect("written");
    };
    assert_eq!(active().await, [true, true, true]);
    set(world.parent, 2, false).await;
    assert_eq!(active().await, [true, false, false]);
    set(world.parent, 2, true).await;
    set(world.root, 1, false).await;
    assert_eq!(active().await, [false, false, false]);
    set(world.root, 1, true).await;
    assert_eq!(active().await, [true, true, true]);
    // Its own share is taken away while the home user is away, and stays away when that comes back.
    set(world.root, 1, false).await;
    set(world.child, 3, false).await;
    set(world.root, 1, true).await;
    assert_eq!(active().await, [true, true, false]);
    set(world.child, 3, true).await;
    assert_eq!(active().await, [true, true, true]);
}

#[tokio::test]
async fn of_a_guests_document_only_active_is_taken() {
    let world = World::new().await;
    let ada = world.user(world.root, 1, "ada").await;
    world.guest(world.parent, world.root, ada, 2).await;
    world.replace(world.parent, 2, 1, json!({ "userName": "eve", "title": "Queen", "active": false })).await.expect("written");
    let doc = world.doc(world.parent, 2).await;
    assert_eq!((&doc["userName"], doc.get("title"), &doc["active"]), (&json!("ada"), None, &json!(false)));
    assert_eq!(world.doc(world.root, 1).await.get("active"), None, "the parent's user is as it was");
}

#[tokio::test]
async fn a_guest_whose_name_is_taken_carries_the_parents_handle() {
    let world = World::new().await;
    let ada = world.user(world.parent, 1, "ada").await;
    world.user(world.child, 2, "ADA").await;
    world.user(world.child, 3, "eve").await;
    world.user(world.child, 4, "eve@parent").await;
    world.guest(world.child, world.parent, ada, 5).await;
    assert_eq!(world.doc(world.child, 5).await["userName"], "ada@parent");
    world.replace(world.parent, 1, 1, json!({ "userName": "eve" })).await.expect("renamed into another clash");
    assert_eq!(world.doc(world.child, 5).await["userName"], "eve@parent-2");
    world.replace(world.parent, 1, 2, json!({ "userName": "grace" })).await.expect("renamed out of it");
    assert_eq!(world.doc(world.child, 5).await["userName"], "grace");
}

#[tokio::test]
async fn deleting_a_user_takes_its_guests_and_their_memberships() {
    let world = World::new().await;
    let ada = world.user_with(world.root, 1, json!({ "userName": "ada", "emails": [{ "value": "a@x.test" }] })).await;
    let guest = world.guest(world.parent, world.root, ada, 2).await;
    world.guest(world.child, world.parent, guest, 3).await;
    world.user(world.child, 4, "eve").await;
    world.group(world.child, 5, "Partners", &[3, 4]).await;
    world.group(world.child, 6, "Others", &[4]).await;
    let delete = directory::Change::UserDeleted { org: world.root, id: ada, expected: Some(1), at: LATER };
    assert_eq!(world.write(delete).await.expect("gone"), Outcome::Done);
    for (org, number) in [(world.root, 1), (world.parent, 2), (world.child, 3)] {
        assert_eq!(world.read(org, Kind::User, number).await, None);
    }
    let partners = world.read(world.child, Kind::Group, 5).await.expect("a group");
    assert_eq!((partners.version, partners.last_modified, partners.references.len()), (2, LATER, 1));
    assert_eq!(world.read(world.child, Kind::Group, 6).await.expect("a group").version, 1);
    assert_eq!(world.total(world.child, Kind::User).await, 1);
    assert_eq!(world.total(world.child, Kind::Invitation).await, 0);
    let left: i64 = world.sql().query_row("select count(*) from user_emails", [], |row| row.get(0)).expect("a count");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn deleting_a_guest_touches_nothing_in_the_parent() {
    let world = World::new().await;
    let ada = world.user(world.parent, 1, "ada").await;
    world.group(world.parent, 2, "Staff", &[1]).await;
    world.guest(world.child, world.parent, ada, 3).await;
    let before = (world.read(world.parent, Kind::User, 1).await, world.read(world.parent, Kind::Group, 2).await);
    let delete = directory::Change::UserDeleted { org: world.child, id: user_id(3), expected: None, at: LATER };
    world.write(delete).await.expect("gone");
    assert_eq!((world.read(world.parent, Kind::User, 1).await, world.read(world.parent, Kind::Group, 2).await), before);
    world.guest(world.child, world.parent, ada, 4).await;
}

/// S-46: a guest who goes with its source leaves no report behind either, in an org that the deletion did not name.
#[tokio::test]
async fn reports_are_released_where_a_guest_was_their_manager() {
    let world = World::new().await;
    let ada = world.user(world.root, 1, "ada").await;
    world.guest(world.parent, world.root, ada, 2).await;
    let managed = |by: u128| json!({ "userName": "bob", urn::ENTERPRISE_USER: { "manager": { "value": id(by) } } });
    world.user_with(world.parent, 3, managed(2)).await;
    world.user_with(world.sibling, 4, managed(2)).await;
    let manager = |record: Record| record.references.into_iter().next().map(|reference| (reference.id, reference.display));
    let read = async |org, number| world.read(org, Kind::User, number).await.expect("a user");
    assert_eq!(manager(read(world.parent, 3).await), Some((id(2), "ada".into())));
    assert_eq!(manager(read(world.sibling, 4).await), None, "another org's guest is nobody here");
    world.write(directory::Change::UserDeleted { org: world.root, id: ada, expected: None, at: LATER }).await.expect("gone");
    let released = read(world.parent, 3).await;
    assert_eq!((released.version, released.last_modified, released.doc.contains("manager")), (2, LATER, false));
    assert_eq!(read(world.sibling, 4).await.version, 1);
}
