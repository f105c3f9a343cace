//! The one writer: takes all commits that wait, runs each in its own savepoint, and answers after the shared commit.
//!
//! D-9: a durable commit costs one wait for the disk however much it holds, so those who wait together share it. One that
//! fails is rolled back to its savepoint and harms no other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::admission::{Admission, may_shut_out};
use super::change_log::Signatures;
use super::latest::{self, Latest};
use super::open::{BUSY, refusal};
use super::{outbox, rights, write};
use crate::base::{Timestamp, limit};
use crate::outbox::Letter;
use crate::store::{Author, Change, Commit, Error, Outcome, Refused};

/// Commits that share one transaction; bounds how long the first of them waits.
const BATCH_MAX: usize = 256;
/// After so long without a write, the WAL is written back and cut (SEC D-11).
const IDLE: Duration = Duration::from_secs(15);

/// The way to the writer thread.
pub(super) struct Writer {
    queue: SyncSender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
    pub(super) latest: Arc<Latest>,
}

enum Job {
    Commit(Author, Vec<Change>, oneshot::Sender<Result<Vec<Outcome>, Error>>),
    Each { author: Author, commits: Arc<[Commit]>, failures_max: usize, reply: oneshot::Sender<Each> },
    Lease { now: Timestamp, until: Timestamp, ids: Vec<Uuid>, reply: oneshot::Sender<Result<Vec<Letter>, Error>> },
    Close(oneshot::Sender<()>),
}

impl Job {
    /// What time it is, for whoever sent it.
    fn at(&self) -> Option<Timestamp> {
        match self {
            Job::Commit(author, ..) | Job::Each { author, .. } => Some(author.at),
            Job::Lease { now, .. } => Some(*now),
            Job::Close(_) => None,
        }
    }
}

type Each = Vec<Result<Vec<Outcome>, Refused>>;

/// What a job came to; told to whoever waits once the shared commit is durable.
enum Ran {
    Commit(Result<Vec<Outcome>, Error>, oneshot::Sender<Result<Vec<Outcome>, Error>>),
    Each(Each, oneshot::Sender<Each>),
    Lease(Result<Vec<Letter>, Error>, oneshot::Sender<Result<Vec<Letter>, Error>>),
}

impl Writer {
    pub(super) fn start(connection: Connection, admission: Arc<Admission>) -> Result<Writer, Error> {
        let (queue, jobs) = sync_channel(limit::WRITER_QUEUE_MAX);
        let latest = Arc::new(Latest::read(&connection)?);
        let known = latest.clone();
        let thread = std::thread::Builder::new()
            .name("usher-writer".into())
            .spawn(move || work(&connection, &jobs, &admission, &known))
            .map_err(|error| Error::Engine(error.into()))?;
        Ok(Writer { queue, thread: Mutex::new(Some(thread)), latest })
    }

    pub(super) async fn commit(&self, author: Author, changes: Vec<Change>) -> Result<Vec<Outcome>, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Commit(author, changes, reply))?;
        answer.await.map_err(|_| closed())?
    }

    pub(super) async fn commit_each(&self, author: Author, commits: Arc<[Commit]>, failures_max: usize) -> Each {
        let (reply, answer) = oneshot::channel();
        let error = match self.send(Job::Each { author, commits, failures_max, reply }) {
            Ok(()) => match answer.await {
                Ok(each) => return each,
                Err(_) => closed(),
            },
            Err(error) => error,
        };
        vec![Err(Refused { at: 0, error })]
    }

    pub(super) async fn lease(&self, now: Timestamp, until: Timestamp, ids: Vec<Uuid>) -> Result<Vec<Letter>, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Lease { now, until, ids, reply })?;
        answer.await.map_err(|_| closed())?
    }

    /// Lets the thread finish what waits, write the WAL back and end.
    pub(super) async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        let mut job = Job::Close(reply);
        while let Err(TrySendError::Full(back)) = self.queue.try_send(job) {
            job = back;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let _ = answer.await;
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    fn send(&self, job: Job) -> Result<(), Error> {
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Disconnected(_) => closed(),
        })
    }
}

fn closed() -> Error {
    refusal("the store is closed".into())
}

fn work(db: &Connection, jobs: &Receiver<Job>, admission: &Admission, latest: &Latest) {
    let mut written: Option<Instant> = None;
    let mut batch = Vec::with_capacity(BATCH_MAX);
    loop {
        match jobs.recv_timeout(IDLE) {
            Ok(job) => batch.push(job),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        while batch.len() < BATCH_MAX
            && let Ok(job) = jobs.try_recv()
        {
            batch.push(job);
        }
        let mut farewell = None;
        if let Some(at) = batch.iter().position(|job| matches!(job, Job::Close(_))) {
            // Those behind it are dropped unanswered, which they hear as "closed".
            batch.truncate(at + 1);
            farewell = match batch.pop() {
                Some(Job::Close(reply)) => Some(reply),
                _ => None,
            };
        }
        if !batch.is_empty() {
            written = Some(Instant::now());
            run(db, &mut batch, admission, latest);
        }
        if written.take_if(|at| at.elapsed() >= IDLE).is_some() {
            checkpoint(db);
        }
        if let Some(reply) = farewell {
            checkpoint(db);
            let _ = reply.send(());
            break;
        }
    }
}

/// Runs `batch` in one transaction and answers everybody.
fn run(db: &Connection, batch: &mut Vec<Job>, admission: &Admission, latest: &Latest) {
    let begun = db.execute_batch("begin immediate").map_err(Error::from).and_then(|()| Signatures::new(db));
    let mut signatures = match begun {
        Ok(signatures) => signatures,
        Err(error) => {
            let text = chain(&error);
            batch.drain(..).for_each(|job| fail(job, &text));
            if !db.is_autocommit() {
                let _ = db.execute_batch("rollback");
            }
            return;
        }
    };
    let matters = |change: &Change| may_shut_out(change) || rights::may_change(db, change).unwrap_or(true);
    let mut shuts_out = batch.iter().any(|job| match job {
        Job::Commit(_, changes, _) => changes.iter().any(matters),
        Job::Each { commits, .. } => commits.iter().flat_map(|commit| &commit.changes).any(matters),
        Job::Lease { .. } | Job::Close(_) => false,
    });
    let mut now = latest.get();
    let mut ran = Vec::with_capacity(batch.len());
    for job in batch.drain(..) {
        if let Some(at) = job.at() {
            if latest::has_gone_back(now, at) {
                shuts_out = true;
                match guarded(db, || latest::settle(db, &mut signatures, now)) {
                    Ok(()) => now = at,
                    // SEC F-23: until it can be, the clock is not believed.
                    Err(error) => {
                        tracing::error!(error = &error as &dyn std::error::Error, "what was over could not be put down");
                    }
                }
            }
            now = now.max(at);
        }
        ran.push(run_one(db, &mut signatures, job));
    }
    // An engine that runs out of disk ends the whole transaction by itself; then nothing of it was written.
    let committed = match db.is_autocommit() {
        true => Err("the transaction was lost".to_owned()),
        false => signatures.close(db, now).and_then(|()| Ok(db.execute_batch("commit")?)).map_err(|error| chain(&error)),
    };
    if committed.is_err() && !db.is_autocommit() {
        let _ = db.execute_batch("rollback");
    }
    if committed.is_ok() {
        latest.set(now);
    }
    if shuts_out {
        admission.end();
    }
    for ran in ran {
        answer(ran, committed.as_ref().err());
    }
}

fn run_one(db: &Connection, signatures: &mut Signatures, job: Job) -> Ran {
    match job {
        Job::Commit(author, changes, reply) => {
            let work = || {
                signatures.sign(db, &author)?;
                changes.iter().map(|change| write(db, change)).collect()
            };
            Ran::Commit(guarded(db, work), reply)
        }
        Job::Each { author, commits, failures_max, reply } => {
            Ran::Each(run_each(db, signatures, &author, &commits, failures_max), reply)
        }
        Job::Lease { now, until, ids, reply } => Ran::Lease(guarded(db, || outbox::lease(db, now, until, &ids)), reply),
        Job::Close(_) => unreachable!("taken out of the batch before"),
    }
}

fn run_each(db: &Connection, signatures: &mut Signatures, author: &Author, commits: &[Commit], failures_max: usize) -> Each {
    if let Err(error) = guarded(db, || signatures.sign(db, author)) {
        return vec![Err(Refused { at: 0, error })];
    }
    let mut results = Each::with_capacity(commits.len());
    let mut failures = 0;
    for commit in commits {
        let mut at = 0;
        let work = || {
            if commit.needs.iter().any(|&needed| results.get(needed).is_none_or(Result::is_err)) {
                return Err(Error::NotFound);
            }
            let mut outcomes = Vec::with_capacity(commit.changes.len());
            for (place, change) in commit.changes.iter().enumerate() {
                at = place;
                outcomes.push(write(db, change)?);
            }
            Ok(outcomes)
        };
        let result = guarded(db, work).map_err(|error| Refused { at, error });
        failures += usize::from(result.is_err());
        let is_stale = matches!(&result, Err(Refused { error: Error::Stale, .. }));
        results.push(result);
        if is_stale || failures >= failures_max {
            break;
        }
    }
    results
}

/// Runs `work` in its own savepoint; a failure or a panic takes back what it wrote, and nothing else.
fn guarded<T>(db: &Connection, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    if db.is_autocommit() {
        return Err(refusal("the transaction was lost".into()));
    }
    db.prepare_cached("savepoint job")?.execute([])?;
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(refusal("a write panicked".into())));
    if result.is_err() && !db.is_autocommit() {
        db.prepare_cached("rollback to job")?.execute([])?;
    }
    if !db.is_autocommit() {
        db.prepare_cached("release job")?.execute([])?;
    }
    result
}

/// The error with what caused it.
fn chain(error: &Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

fn answer(ran: Ran, lost: Option<&String>) {
    fn end<T>(result: Result<T, Error>, lost: Option<&String>) -> Result<T, Error> {
        match lost {
            Some(text) if result.is_ok() => Err(refusal(text.clone())),
            _ => result,
        }
    }
    // Whoever no longer waits needs no answer.
    match ran {
        Ran::Commit(result, reply) => drop(reply.send(end(result, lost))),
        Ran::Lease(result, reply) => drop(reply.send(end(result, lost))),
        Ran::Each(mut each, reply) => {
            if let Some(text) = lost {
                let is_ok = each.iter_mut().filter(|result| result.is_ok());
                is_ok.for_each(|result| *result = Err(Refused { at: 0, error: refusal(text.clone()) }));
            }
            drop(reply.send(each));
        }
    }
}

fn fail(job: Job, text: &str) {
    match job {
        Job::Commit(_, _, reply) => drop(reply.send(Err(refusal(text.into())))),
        Job::Each { reply, .. } => drop(reply.send(vec![Err(Refused { at: 0, error: refusal(text.into()) })])),
        Job::Lease { reply, .. } => drop(reply.send(Err(refusal(text.into())))),
        Job::Close(reply) => drop(reply.send(())),
    }
}

/// Writes the WAL back and cuts it. A reader in the way only delays it to the next time.
fn checkpoint(db: &Connection) {
    let is_busy = db
        .busy_timeout(Duration::from_millis(250))
        .and_then(|()| db.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get::<_, bool>(0)));
    match is_busy.and_then(|is_busy| db.busy_timeout(BUSY).map(|()| is_busy)) {
        Ok(false) => {}
        Ok(true) => tracing::warn!("a reader kept the write-ahead log from being cut"),
        Err(error) => tracing::warn!(%error, "the write-ahead log could not be written back"),
    }
}
