//! The chains of the audit log: they hold, whoever touches them is found, and what they say of each write.

use std::sync::Arc;

use usher::base::limit::CHANGES_KEPT;
use usher::org::audit::{Action, Broken, Event, Head, Verified, Wanted, Wrong, hex};

use super::*;

impl World {
    async fn verify(&self, noted: &[Head]) -> Verified {
        self.store.audit_verify(None, noted.to_vec()).await.expect("a walk")
    }

    async fn broken(&self, noted: &[Head]) -> Option<(OrgId, u64, Wrong)> {
        self.verify(noted).await.broken.map(|Broken { org, place, wrong }| (org, place, wrong))
    }

    async fn sweep(&self, now: Timestamp) {
        self.store.commit(Author::new(Actor::Worker, now), vec![Change::Swept(now)]).await.expect("swept");
    }

    async fn head(&self, org: OrgId) -> Head {
        self.store.audit_heads(Some(org)).await.expect("a head")[0]
    }

    /// Action, type and versions of the entries of `org`, the oldest first.
    async fn actions(&self, org: OrgId) -> Vec<String> {
        let entries = self.store.audit(org, &Wanted { limit: 100, ..Wanted::default() }).await.expect("entries");
        let version = |version: Option<i64>| version.map_or("-".to_owned(), |version| version.to_string());
        let show = |entry: &usher::org::audit::Entry| {
            let (before, after) = (version(entry.version_before), version(entry.version_after));
            format!("{} {} {before}>{after}", entry.action, entry.resource_type)
        };
        entries.iter().rev().map(show).collect()
    }
}

#[tokio::test]
async fn every_kind_of_write_has_its_word() {
    let world = World::new().await;
    let ada = world.user(world.parent, 1, "ada").await;
    world.replace(world.parent, 1, 1, json!({ "userName": "Ada" })).await.expect("changed");
    world.guest(world.child, world.parent, ada, 5).await;
    for (number, status) in [(7, Status::Declined), (8, Status::Revoked)] {
        let other = world.user(world.parent, number, &format!("user{number}")).await;
        world.invite(world.child, world.parent, other, number, &[]).await.expect("invited");
        let ending = invite::Ending { by: "someone".into(), via: None, reason: None };
        let ended = invite::Change::InvitationEnded { org: world.child, id: InvitationId(id(number)), status, ending, at: NOW };
        world.write(ended).await.expect("ended");
    }
    world
        .write(directory::Change::UserDeleted { org: world.parent, id: user_id(7), expected: None, at: NOW })
        .await
        .expect("gone");
    let restored = directory::Change::Restored { org: world.parent, id: id(7), after: Timestamp(0), at: NOW };
    world.write(restored).await.expect("there again");
    let of =
        async |org| world.actions(org).await.into_iter().filter(|line| !line.contains(" Organization ")).collect::<Vec<_>>();
    assert_eq!(
        of(world.parent).await,
        [
            "created User ->1",
            "changed User 1>2",
            "created User ->1",
            "created User ->1",
            "deleted User 1>-",
            "restored User ->2"
        ]
    );
    assert_eq!(
        of(world.child).await,
        [
            "invited Invitation ->1",
            "created User ->1",
            "accepted Invitation 1>2",
            "invited Invitation ->1",
            "declined Invitation 1>2",
            "invited Invitation ->1",
            "revoked Invitation 1>2",
            "deleted Invitation 2>-"
        ]
    );
    let revoked = usher::auth::Change::SubjectRevoked { org: world.sibling, subject: id(1), at: NOW };
    world.write(revoked).await.expect("revoked");
    assert_eq!(of(world.sibling).await, ["revoked Revocation ->-"]);
    assert_eq!(world.broken(&[]).await, None);
}

#[tokio::test]
async fn an_entry_of_the_future_keeps_no_other_from_being_forgotten() {
    let world = World::new().await;
    let ahead = Author::new(Actor::Operator, NOW + CHANGES_KEPT * 3);
    let ada = user_created(world.parent, 1, json!({ "userName": "ada" }));
    world.store.commit(ahead, vec![ada.into()]).await.expect("written");
    for (number, name) in [(2, "bob"), (3, "eve")] {
        world.user(world.parent, number, name).await;
    }
    world.sweep(NOW + CHANGES_KEPT + std::time::Duration::from_millis(1)).await;
    assert_eq!(world.actions(world.parent).await, ["created User ->1"], "the newest stays");
    assert_eq!(world.broken(&[]).await, None);
}

#[tokio::test]
async fn an_entry_says_for_whom_and_in_which_request() {
    let world = World::new().await;
    let author = |client: Option<&str>, request: &str| Author {
        client: client.map(str::to_owned),
        request: Some(Arc::from(request)),
        ..author()
    };
    // Side by side in the queue, so that some share a transaction.
    let writes = (0..20_u128).map(|number| {
        let (store, org) = (world.store.clone(), world.root);
        let author = author((number % 2 == 0).then_some("sync"), &format!("r{number}"));
        let refused = author.clone();
        tokio::spawn(async move {
            let user = |number, name: String| user_created(org, number, json!({ "userName": name }));
            store.commit(author, vec![user(number + 1, format!("user{number}")).into()]).await.expect("a user");
            let taken = vec![user(number + 100, format!("new{number}")).into(), user(number + 1, "taken".into()).into()];
            store.commit(refused, taken).await.expect_err("an id is given once");
        })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.expect("written");
    }
    let entries = world.store.audit(world.root, &Wanted { limit: 100, ..Wanted::default() }).await.expect("entries");
    let users: Vec<_> = entries.iter().filter(|entry| entry.resource_type == "User").collect();
    assert_eq!(users.len(), 20, "what was taken back has no entry");
    for entry in users {
        let number = entry.resource.expect("an id").as_u128() - 1;
        assert_eq!(entry.request, Some(format!("r{number}")));
        assert_eq!(entry.client.is_some(), number % 2 == 0);
    }
    assert_eq!(world.broken(&[]).await, None);
}

/// Each of these is one statement of somebody who can write the file.
#[tokio::test]
async fn whoever_touches_the_log_is_found() {
    let world = World::new().await;
    for number in 1..=5 {
        world.user(world.root, number, &format!("user{number}")).await;
        world.user(world.foreign, number, &format!("user{number}")).await;
    }
    let (root, foreign) = (world.root, world.foreign);
    let db = world.sql();
    db.execute_batch("create table kept as select * from change_log; create table kept_chains as select * from chains")
        .expect("kept");
    let noted = [world.head(root).await, world.head(foreign).await];
    assert_eq!(noted[1].length, 6, "its birth and five users");
    let found = world.verify(&noted).await;
    assert_eq!((found.orgs, found.forgotten, found.noted, found.broken), (3, 0, 2, None));
    let of = "org_id = (select org_id from orgs join chains on org_id = id where handle = 'foreign')";
    for (statement, place, wrong) in [
        ("update change_log set actor = 'worker' where {of} and place = 3", 3, Wrong::Changed),
        ("update change_log set at = at + 1 where {of} and place = 6", 6, Wrong::Changed),
        ("update change_log set detail = '' || 'x' where {of} and place = 1", 1, Wrong::Changed),
        ("update change_log set hash = zeroblob(32) where {of} and place = 2", 2, Wrong::Changed),
        ("delete from change_log where {of} and place = 4", 4, Wrong::Missing),
        ("delete from change_log where {of} and place = 1", 1, Wrong::Missing),
        ("delete from change_log where {of} and place > 4", 4, Wrong::Cut),
        ("delete from change_log where {of}", 0, Wrong::Cut),
        ("update change_log set place = 9 - place where {of} and place in (4, 5)", 4, Wrong::Missing),
        ("update change_log set place = null where {of} and place = 5", 4, Wrong::Inserted),
        (
            "insert into change_log (at, org_id, actor, action, resource_type, place, hash)
             select at, org_id, actor, action, resource_type, place, hash from change_log where {of} and place = 2",
            6,
            Wrong::Inserted,
        ),
        (
            "insert into change_log (at, org_id, actor, resource_type) select 1, org_id, 'eve', 'User' from chains where {of}",
            6,
            Wrong::Inserted,
        ),
        ("update chains set length = 5 where {of}", 5, Wrong::Inserted),
        ("update chains set length = 7 where {of}", 6, Wrong::Cut),
        ("update chains set hash = zeroblob(32) where {of}", 6, Wrong::Head),
        ("delete from chains where {of}", 6, Wrong::Head),
        ("update chains set forgotten = 2 where {of}", 2, Wrong::Inserted),
        // The end of the chain, as if the last user had never been: only the head that was noted elsewhere tells.
        (
            "update chains set length = 5, hash = (select hash from change_log c where c.{of} and place = 5) where {of};
             delete from change_log where {of} and place = 6",
            5,
            Wrong::Cut,
        ),
    ] {
        db.execute_batch(&statement.replace("{of}", of)).expect(statement);
        assert_eq!(world.broken(&noted).await, Some((foreign, place, wrong)), "{statement}");
        assert_eq!(world.store.audit_verify(Some(root), Vec::new()).await.expect("a walk").broken, None, "{statement}");
        db.execute_batch(
            "delete from change_log; insert into change_log select * from kept;
             delete from chains; insert into chains select * from kept_chains",
        )
        .expect("as before");
        assert_eq!(world.broken(&noted).await, None, "{statement}");
    }
    let other = Head { hash: noted[0].hash, ..noted[1] };
    assert_eq!(world.broken(&[other]).await, Some((foreign, 6, Wrong::Other)), "a chain made anew");
}

#[tokio::test]
async fn what_somebody_wrote_with_sql_is_chained_with_the_next_commit() {
    let world = World::new().await;
    world.user(world.root, 1, "ada").await;
    world.sql().execute("update users set version = 7", []).expect("changed");
    assert_eq!(world.broken(&[]).await.map(|(_, _, wrong)| wrong), Some(Wrong::Inserted), "not yet");
    world.user(world.sibling, 2, "eve").await;
    assert_eq!(world.broken(&[]).await, None);
    let wanted = Wanted { actor: Some("sql".into()), limit: 9, ..Wanted::default() };
    let entries = world.store.audit(world.root, &wanted).await.expect("entries");
    assert_eq!((entries.len(), &*entries[0].action, entries[0].version_after), (1, "changed", Some(7)));
    // Whoever removed the newest gets no new one into its place.
    world.sql().execute("delete from change_log where seq = (select max(seq) from change_log)", []).expect("removed");
    world.user(world.sibling, 3, "ada").await;
    assert_eq!(world.broken(&[]).await.map(|(org, _, wrong)| (org, wrong)), Some((world.sibling, Wrong::Missing)));
}

/// SEC S-84
#[tokio::test]
async fn what_was_kept_long_enough_goes_from_the_start_and_the_rest_holds() {
    let world = World::new().await;
    for number in 1..=30 {
        world.user(world.root, number, &format!("user{number}")).await;
    }
    let head = world.head(world.root).await;
    let count = async |org| world.store.audit(org, &Wanted { limit: 1000, ..Wanted::default() }).await.expect("entries").len();
    let before = count(world.root).await;
    let late = NOW + CHANGES_KEPT;
    world.sweep(late).await;
    assert_eq!(count(world.root).await, before, "not a moment too early");
    let late = Timestamp(late.0 + 1);
    world.sweep(late).await;
    let found = world.verify(&[head]).await;
    assert_eq!((count(world.root).await, found.entries, found.broken), (1, 1, None), "the newest stays");
    let early = Head { length: 1, hash: [7; 32], ..head };
    assert_eq!(world.verify(&[early]).await.noted, 0, "nothing to compare it with");
    let last = Head { length: head.length - 1, hash: [7; 32], ..head };
    assert_eq!(world.broken(&[last]).await, Some((world.root, last.length, Wrong::Other)));
    world.user(world.root, 500, "late").await;
    assert_eq!((world.head(world.root).await.length, world.broken(&[head]).await), (head.length + 1, None));
}

#[tokio::test]
async fn events_beside_the_writes_are_links_of_the_same_chain() {
    let world = World::new().await;
    world.user(world.root, 1, "ada").await;
    let event = Event {
        org: world.root,
        at: Timestamp(7),
        actor: "user x".into(),
        client: Some("app".into()),
        request: Some("r1".into()),
        action: Action::Refused,
        resource_type: "Request",
        resource: None,
        detail: Some("GET /Users".into()),
        count: 12,
    };
    let worker = Author { request: Some(Arc::from("other")), ..Author::new(Actor::Worker, NOW) };
    world.store.commit(worker, vec![usher::org::Change::Audited { events: vec![event] }.into()]).await.expect("written");
    let wanted = Wanted { action: Some("refused".into()), limit: 9, ..Wanted::default() };
    let entries = world.store.audit(world.root, &wanted).await.expect("entries");
    let entry = &entries[0];
    assert_eq!((entry.at, &*entry.actor, entry.count), (Timestamp(7), "user x", 12));
    assert_eq!((entry.client.as_deref(), entry.request.as_deref()), (Some("app"), Some("r1")));
    let head = world.head(world.root).await;
    assert_eq!((entry.place, hex(&entry.hash)), (head.length, hex(&head.hash)));
    assert_eq!(world.store.audit_entry(world.root, entry.id()).await.expect("a read").as_ref(), Some(entry));
    assert_eq!(world.store.audit_entry(world.sibling, entry.id()).await.expect("a read"), None, "T-06");
    assert_eq!(world.broken(&[]).await, None);
}
