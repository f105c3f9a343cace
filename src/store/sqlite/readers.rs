//! Reading: where a read runs.
//!
//! SEC D-11: no read transaction lives longer than the call that opened it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use deadpool_sqlite::{Config, Hook, HookError, Pool, PoolConfig, Runtime};
use rusqlite::{Connection, Row, ToSql};

use super::open::{self, Role, refusal};
use crate::base::limit::QUERY_DEADLINE;
use crate::store::Error;

/// The way to all read connections.
pub(super) struct Readers {
    file: Arc<OpenFile>,
    pool: Pool,
}

struct OpenFile {
    path: PathBuf,
    is_closed: AtomicBool,
}

thread_local! {
    /// This thread's own connection to each open file.
    static INLINE: RefCell<Vec<(Weak<OpenFile>, Connection)>> = const { RefCell::new(Vec::new()) };
}

impl Readers {
    pub(super) fn new(path: &Path) -> Result<Readers, Error> {
        let mut config = Config::new(path);
        config.pool = Some(PoolConfig::new(std::thread::available_parallelism().map_or(4, |n| n.get().max(4))));
        let pool = config
            .builder(Runtime::Tokio1)
            .map_err(|error| Error::Engine(error.into()))?
            .post_create(Hook::sync_fn(|connection, _| {
                let guard = connection.lock().map_err(|_| HookError::message("a new connection is poisoned"))?;
                open::prepare(&guard, Role::Read).map_err(HookError::Backend)
            }))
            .build()
            .map_err(|error| Error::Engine(error.into()))?;
        let file = OpenFile { path: path.to_owned(), is_closed: AtomicBool::new(false) };
        Ok(Readers { file: Arc::new(file), pool })
    }

    /// Runs a read of a few index probes where it is asked: the way to another thread would cost more than the read.
    pub(super) fn inline<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        if self.file.is_closed.load(Ordering::Acquire) {
            return Err(refusal("the store is closed".into()));
        }
        INLINE.with_borrow_mut(|connections| {
            let here = connections.iter().position(|(file, _)| std::ptr::eq(file.as_ptr(), Arc::as_ptr(&self.file)));
            let at = match here {
                Some(at) => at,
                None => {
                    connections.retain(|(file, _)| file.strong_count() > 0);
                    connections.push((Arc::downgrade(&self.file), open::connection(&self.file.path, Role::Read)?));
                    connections.len() - 1
                }
            };
            read(&connections[at].1)
        })
    }

    /// Runs a read that may scan on a connection of the pool.
    pub(super) async fn pooled<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.unhurried(|db| within(db, QUERY_DEADLINE, read)).await
    }

    /// The same without an end, for an operator.
    pub(super) async fn unhurried<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let connection = self.pool.get().await.map_err(|error| Error::Engine(error.into()))?;
        let answer = connection.interact(|db| read(db)).await;
        answer.unwrap_or_else(|error| Err(refusal(format!("a read ended early: {error}"))))
    }

    pub(super) fn close(&self) {
        self.file.is_closed.store(true, Ordering::Release);
        self.pool.close();
    }
}

/// One moment of the database, for several statements: they see the same, and lock the file once.
pub(super) struct Moment<'a>(&'a Connection);

impl<'a> Moment<'a> {
    pub(super) fn of(db: &'a Connection) -> Result<Moment<'a>, Error> {
        db.prepare_cached("begin")?.execute([])?;
        Ok(Moment(db))
    }
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        // Nothing was written; a statement that failed may have ended the transaction by itself.
        if !self.0.is_autocommit() {
            let _ = self.0.prepare_cached("commit").and_then(|mut end| end.execute([]));
        }
    }
}

/// Gives `read` up when its time is over; the connection stays good.
pub(super) fn within<T>(
    db: &Connection,
    time: Duration,
    read: impl FnOnce(&Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    let end = Instant::now() + time;
    db.progress_handler(STEPS, Some(move || Instant::now() >= end))?;
    let answer = read(db);
    db.progress_handler(0, None::<fn() -> bool>)?;
    answer
}

/// Instructions of SQLite's machine between two looks at the clock: less than a millisecond.
const STEPS: i32 = 10_000;

/// At most one row, through the cache of statements.
pub(super) fn one<T>(
    db: &Connection,
    sql: &str,
    params: &[&dyn ToSql],
    read: impl FnOnce(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Result<Option<T>, Error> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    Ok(rows.next()?.map(read).transpose()?)
}

/// All rows, through the cache of statements.
pub(super) fn all<T>(
    db: &Connection,
    sql: &str,
    params: &[&dyn ToSql],
    read: impl FnMut(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params, read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Executes one statement, through the cache of statements, and says how many rows it changed.
pub(super) fn execute(db: &Connection, sql: &str, params: &[&dyn ToSql]) -> Result<usize, rusqlite::Error> {
    db.prepare_cached(sql)?.execute(params)
}

/// A count as SQLite keeps it.
pub(super) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_without_end_is_given_up_and_the_next_one_is_answered() {
        // F-31.
        let db = Connection::open_in_memory().expect("memory");
        let endless = "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n";
        let count = |sql: &'static str, time| within(&db, time, |db| one(db, sql, &[], |row| row.get::<_, i64>(0)));
        assert!(matches!(count(endless, Duration::from_millis(20)), Err(Error::TooMuch)));
        assert!(matches!(count("select 7", Duration::from_millis(20)), Ok(Some(7))));
        let long = "with recursive n (i) as (select 1 union all select i + 1 from n limit 100000) select count(*) from n";
        assert!(matches!(one(&db, long, &[], |row| row.get::<_, i64>(0)), Ok(Some(100_000))), "no clock is left behind");
    }
}
