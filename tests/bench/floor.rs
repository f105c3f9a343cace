//! What SQLite alone does with the same rows.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use tempfile::TempDir;
use usher::base::{Clock, Random, clock::SystemClock, random::SystemRandom};

use super::stage;

const SCHEMA: &str = include_str!("../../migrations/sqlite/0001_directory.sql");
/// As many as the server's writer may find waiting at 16 connections.
const ROWS_A_COMMIT: u64 = 16;

/// A database of its own, with the server's own schema and settings.
pub(crate) struct Floor {
    _dir: TempDir,
    db: Connection,
    org: uuid::Uuid,
    next: u64,
}

impl Floor {
    pub(crate) fn new() -> Floor {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let db = Connection::open(dir.path().join("floor.db")).expect("a database");
        for (name, value) in [("journal_mode", "wal"), ("synchronous", "full"), ("foreign_keys", "on")] {
            db.pragma_update(None, name, value).expect("a pragma");
        }
        db.execute_batch(SCHEMA).expect("the schema");
        let org = SystemRandom.uuid(SystemClock.now());
        let insert =
            "insert into orgs (id, root_id, root_handle, handle, name, active, created) values (?1, ?1, 'a', 'a', 'a', 1, 0)";
        db.execute(insert, params![org]).expect("an org");
        Floor { _dir: dir, db, org, next: 0 }
    }

    /// Rows a second.
    pub(crate) fn run(&mut self, time: Duration) -> f64 {
        let start = Instant::now();
        let first = self.next;
        while start.elapsed() < time {
            let transaction = self.db.transaction().expect("a transaction");
            for _ in 0..ROWS_A_COMMIT {
                self.next += 1;
                let id = SystemRandom.uuid(SystemClock.now());
                let (name, address) = stage::name(1_000_000_000 + self.next);
                let doc = stage::document(id, 1_000_000_000 + self.next);
                let mut user = transaction
                    .prepare_cached(
                        "insert into users (org_id, id, home_org_id, home_id, user_name, user_name_key, display_name,
                           display_name_key, family_name_key, given_name_key, external_id, active, active_own, created,
                           last_modified, version, doc)
                         values (?1, ?2, ?1, ?2, ?3, ?3, ?3, ?3, 'stone', 'test', ?3, 1, 1, 0, 0, 1, ?4)",
                    )
                    .expect("a statement");
                user.execute(params![self.org, id, name, doc]).expect("a user");
                let mut email = transaction
                    .prepare_cached("insert into user_emails (org_id, key, user_id) values (?1, ?2, ?3)")
                    .expect("a statement");
                email.execute(params![self.org, address, id]).expect("an address");
            }
            transaction.commit().expect("a commit");
        }
        (self.next - first) as f64 / start.elapsed().as_secs_f64()
    }
}
