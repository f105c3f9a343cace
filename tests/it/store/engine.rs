//! The file, its one server, and the writer that many share.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use usher::auth::{self, Client, Proof, Subject};
use usher::base::{ClientId, TokenId, limit};
use usher::store::{Access, Claim};

use super::*;

fn words(error: &Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    source.unwrap_or_else(|| error.to_string())
}

#[tokio::test]
async fn sqlite_is_built_as_the_stack_wants_it() {
    let world = World::new().await;
    let db = world.sql();
    let mut statement = db.prepare("pragma compile_options").expect("a pragma");
    let options: Vec<String> =
        statement.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("text");
    // `.cargo/config.toml` sets them; without them parallel readers are half as fast.
    assert!(!options.iter().any(|option| option == "ENABLE_MEMORY_MANAGEMENT"), "{options:?}");
    assert!(options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"), "{options:?}");
    assert!(rusqlite::version_number() >= 3_051_003, "SEC D-10");
    let mode: String = db.query_row("pragma journal_mode", [], |row| row.get(0)).expect("a mode");
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn a_second_server_is_refused_and_a_command_is_not() {
    let world = World::new().await;
    let path = world.dir.path().join("usher.db");
    let error = Sqlite::open(&path, OpenMode::Serve).err().expect("SEC F-14: one server");
    assert!(words(&error).contains("another server"), "{}", words(&error));
    let command = Sqlite::open(&path, OpenMode::Command).expect("a command beside it");
    command
        .commit(author(), vec![user_created(world.root, 1, json!({ "userName": "ada" })).into()])
        .await
        .expect("a write beside");
    assert_eq!(world.doc(world.root, 1).await["userName"], "ada");
    world.store.close().await;
    drop(world.store);
    Sqlite::open(&path, OpenMode::Serve).expect("the next server");
}

#[tokio::test]
async fn files_are_for_their_owner_alone() {
    let world = World::new().await;
    world.user(world.root, 1, "ada").await;
    for name in ["usher.db", "usher.db-wal", "usher.db-shm", "usher.lock"] {
        let mode = std::fs::metadata(world.dir.path().join(name)).expect(name).permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    let other = tempfile::tempdir().expect("a folder");
    let path = other.path().join("usher.db");
    std::fs::write(&path, "").expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    let error = Sqlite::open(&path, OpenMode::Command).err().expect("S-76: refused");
    assert!(words(&error).contains("may be read by others (mode 644)"), "{}", words(&error));
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_as_it_is() {
    let world = World::new().await;
    world.store.close().await;
    let path = world.dir.path().join("usher.db");
    drop(world.store);
    let db = rusqlite::Connection::open(&path).expect("the file");
    db.pragma_update(None, "user_version", 99).expect("a version");
    drop(db);
    let before = std::fs::read(&path).expect("bytes");
    for error in [Sqlite::open(&path, OpenMode::Serve).err(), Sqlite::migrate(&path).err()] {
        let words = words(&error.expect("SEC F-26: refused"));
        assert!(words.contains("schema version 99, this program knows"), "{words}");
    }
    assert!(std::fs::read(&path).expect("bytes") == before, "the file was touched");
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let world = World::new().await;
    world.user(world.root, 1, "ada").await;
    world.store.close().await;
    let error = world.store.org(world.root).await.expect_err("closed");
    assert!(words(&error).contains("closed"));
    assert!(world.write(user_created(world.root, 2, json!({ "userName": "eve" }))).await.is_err());
    let path = world.dir.path().join("usher.db");
    drop(world.store);
    let store = Sqlite::open(&path, OpenMode::Serve).expect("again");
    let record = store.resource(world.root, Kind::User, id(1), References::Omit, NOW).await.expect("a read");
    assert_eq!(record.map(|record| record.version), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_commit_harms_no_other_of_its_batch() {
    let world = Arc::new(World::new().await);
    world.user(world.root, 0xaaa, "taken").await;
    // While another process writes, commits pile up and then share one transaction.
    let other = world.sql();
    other.execute_batch("begin immediate").expect("a writer besides");
    let tasks: Vec<_> = (1..=100)
        .map(|number: u128| {
            let world = Arc::clone(&world);
            // Every third commit writes one good user and then one whose name is taken.
            let names = if number.is_multiple_of(3) { vec!["good", "taken"] } else { vec!["good"] };
            let changes = (0..).zip(names).map(|(part, name)| {
                let user_name = if name == "good" { format!("user {number}") } else { name.to_owned() };
                user_created(world.root, number * 2 + part, json!({ "userName": user_name })).into()
            });
            let changes: Vec<Change> = changes.collect();
            tokio::spawn(async move { (number, world.store.commit(author(), changes).await) })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    other.execute_batch("rollback").expect("out of the way");
    for task in tasks {
        let (number, result) = task.await.expect("a task");
        let is_there = world.read(world.root, Kind::User, number * 2).await.is_some();
        match number.is_multiple_of(3) {
            true => assert!(matches!(result, Err(Error::Taken { attribute: "userName" })) && !is_there, "{number}: {result:?}"),
            false => assert!(result.is_ok() && is_there, "{number}: {result:?}"),
        }
    }
    assert_eq!(world.total(world.root, Kind::User).await, 1 + 67);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_answers_busy_at_once() {
    let world = Arc::new(World::new().await);
    let other = world.sql();
    other.execute_batch("begin immediate").expect("a writer besides");
    let count = limit::WRITER_QUEUE_MAX + 400;
    let tasks: Vec<_> = (1..=count as u128)
        .map(|number| {
            let world = Arc::clone(&world);
            let change = user_created(world.root, number, json!({ "userName": number.to_string() }));
            tokio::spawn(async move { world.write(change).await })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    other.execute_batch("rollback").expect("out of the way");
    let (mut written, mut busy) = (0, 0);
    for task in tasks {
        match task.await.expect("a task") {
            Ok(_) => written += 1,
            Err(Error::Busy) => busy += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(busy > 0 && written >= limit::WRITER_QUEUE_MAX, "{written} written, {busy} busy");
    assert_eq!(world.total(world.root, Kind::User).await, written);
}

#[tokio::test]
async fn orgs_come_parents_first() {
    let world = World::new().await;
    let orgs = world.store.orgs().await.expect("orgs");
    assert_eq!(
        orgs.iter().map(|org| org.handle.as_str()).collect::<Vec<_>>(),
        ["root", "foreign", "parent", "sibling", "child"]
    );
    assert_eq!(world.store.org(world.child).await.expect("a read"), Some(orgs[4].clone()));
    let new = Org { id: OrgId(id(9)), ..orgs[4].clone() };
    for taken in [new.clone(), Org { parent: None, root: new.id, handle: "foreign".into(), ..new.clone() }] {
        let error = world.write(directory::orgs::created(taken)).await.expect_err("in its tree, or among all roots");
        assert!(matches!(error, Error::Taken { attribute: "handle" }), "{error:?}");
    }
    let elsewhere = Org { parent: Some(world.foreign), root: world.foreign, ..new };
    world.write(directory::orgs::created(elsewhere)).await.expect("another tree has its own names");
}

#[tokio::test]
async fn access_says_whether_the_subject_still_lives_in_this_org() {
    let world = World::new().await;
    let ada = world.user(world.parent, 1, "ada").await;
    let client = Client {
        id: ClientId(id(2)),
        org: world.parent,
        name: None,
        scope: "users:read".into(),
        proof: Proof::Secret { hash: [7; 32], before: None },
        created: NOW,
        last_used: None,
    };
    world.write(auth::Change::ClientCreated(client.clone())).await.expect("a client");
    assert_eq!(world.store.client(client.id).await.expect("a read"), Some(client.clone()));

    let external = Subject::External { issuer: "https://idp.test".into(), subject: "ada".into() };
    let (user, machine) = (Subject::User(ada), Subject::Client(client.id));
    let token = TokenId(id(3));
    let live = async |org: OrgId, subject: &Subject| {
        let claim = Claim::of(subject.clone(), Some(token));
        world.store.access(org, &claim).await.expect("a read").map(|Access { is_live, .. }| is_live)
    };
    for subject in [&user, &machine, &external] {
        assert_eq!(live(world.parent, subject).await, Some(true), "{subject:?}");
    }
    // A user of the parent is no user of the child, and a client of one org none of another.
    assert_eq!(live(world.child, &user).await, Some(false));
    assert_eq!(live(world.child, &machine).await, Some(false));
    // SEC S-25: a client and a user never mix, whatever their ids.
    assert_eq!(live(world.parent, &Subject::Client(ClientId(ada.0))).await, Some(false));
    assert_eq!(live(OrgId(id(0xdead)), &user).await, None);

    world.replace(world.parent, 1, 1, json!({ "userName": "ada", "active": false })).await.expect("deactivated");
    assert_eq!(live(world.parent, &user).await, Some(false));
    world.write(auth::Change::TokenRevoked { org: world.parent, token, expires_at: NOW }).await.expect("revoked");
    assert_eq!(live(world.parent, &machine).await, Some(false));
    assert_eq!(live(world.parent, &external).await, Some(false));
}

#[tokio::test]
async fn a_revoked_token_is_forgotten_a_day_after_its_end() {
    let world = World::new().await;
    let token = TokenId(id(3));
    world.write(auth::Change::TokenRevoked { org: world.parent, token, expires_at: NOW }).await.expect("revoked");
    let external = Subject::External { issuer: "https://idp.test".into(), subject: "ada".into() };
    let claim = Claim::of(external, Some(token));
    for (later_ms, is_live) in [(86_400_000, false), (86_400_001, true)] {
        let now = Timestamp(NOW.0 + later_ms);
        world.write(Change::Swept(now)).await.expect("swept");
        let access = world.store.access(world.parent, &claim).await.expect("a read");
        assert_eq!(access.map(|access| access.is_live), Some(is_live));
    }
}

#[tokio::test]
async fn what_is_out_of_date_goes_a_bounded_part_at_a_time() {
    let world = World::new().await;
    world
        .sql()
        .execute(
            "insert into requests_kept (org_id, key, request, at)
             with recursive n (i) as (select 1 union all select i + 1 from n where i < 2500)
             select ?1, randomblob(32), randomblob(32), ?2 - (i = 1) from n",
            (world.parent.0, NOW.0 + 1),
        )
        .expect("kept");
    let left = || world.sql().query_row("select count(*) from requests_kept", [], |row| row.get::<_, i64>(0)).expect("a count");
    let sweep = async |now: Timestamp| world.write(Change::Swept(now)).await.expect("swept");
    assert_eq!((sweep(NOW + limit::REQUESTS_KEPT).await, left()), (Outcome::Done, 2500), "kept so long");
    assert_eq!((sweep(NOW + limit::REQUESTS_KEPT + Duration::from_millis(1)).await, left()), (Outcome::Done, 2499));
    let end = NOW + limit::REQUESTS_KEPT + Duration::from_millis(2);
    assert_eq!((sweep(end).await, left()), (Outcome::More, 1499));
    assert_eq!((sweep(end).await, left()), (Outcome::More, 499));
    assert_eq!((sweep(end).await, left()), (Outcome::Done, 0));
    // Who asks for letters forgets nothing, and waits for nobody who does.
    let token = TokenId(id(3));
    world.write(auth::Change::TokenRevoked { org: world.parent, token, expires_at: NOW }).await.expect("revoked");
    let later = NOW + Duration::from_secs(400 * 24 * 3600);
    world.store.letters_due(later, later, &Default::default()).await.expect("letters");
    let left: i64 = world.sql().query_row("select count(*) from revoked_tokens", [], |row| row.get(0)).expect("a count");
    assert_eq!(left, 1);
}
