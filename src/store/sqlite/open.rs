//! Opening the file: who may, with which settings, and with which schema.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use crate::base::{Timestamp, UserId, text};
use crate::store::Error;

/// Below it, a write and a checkpoint at the same moment can corrupt the WAL (SEC D-10).
const VERSION_MIN: i32 = 3_051_003;
/// How long a commit waits for one of another process, such as a command of the CLI.
pub(super) const BUSY: Duration = Duration::from_secs(10);
/// Statements that a connection keeps compiled.
const STATEMENTS_MAX: usize = 512;
/// Schema versions, oldest first; forward only.
const MIGRATIONS: [&str; 12] = [
    include_str!("../../../migrations/sqlite/0001_directory.sql"),
    include_str!("../../../migrations/sqlite/0002_change_log.sql"),
    include_str!("../../../migrations/sqlite/0003_settings.sql"),
    include_str!("../../../migrations/sqlite/0004_idempotency.sql"),
    include_str!("../../../migrations/sqlite/0005_tombstones.sql"),
    include_str!("../../../migrations/sqlite/0006_resources.sql"),
    include_str!("../../../migrations/sqlite/0007_request_log.sql"),
    include_str!("../../../migrations/sqlite/0008_mail.sql"),
    include_str!("../../../migrations/sqlite/0009_orgs.sql"),
    include_str!("../../../migrations/sqlite/0010_tokens.sql"),
    include_str!("../../../migrations/sqlite/0011_invitation_life.sql"),
    include_str!("../../../migrations/sqlite/0012_sessions.sql"),
];

/// Who opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// A server: the only one on this file.
    Serve,
    /// A command, which may work beside a server.
    Command,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Write,
    Read,
}

/// Refuses an old engine, makes the file if it is not there, and takes the server's lock.
pub(super) fn claim(path: &Path, mode: OpenMode) -> Result<Option<File>, Error> {
    if rusqlite::version_number() < VERSION_MIN {
        return Err(refusal(format!("sqlite {} is too old, need 3.51.3 or newer", rusqlite::version())));
    }
    let lock = match mode {
        OpenMode::Command => None,
        OpenMode::Serve => Some(lock(path)?),
    };
    private_file(path)?;
    Ok(lock)
}

/// Brings the schema to the newest version and says which that is. A newer one is refused and left as it is (SEC F-26).
pub(super) fn migrate(connection: &mut Connection) -> Result<usize, Error> {
    let found: i64 = connection.query_row("select user_version from pragma_user_version", [], |row| row.get(0))?;
    let newest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > newest {
        return Err(refusal(format!(
            "the database has schema version {found}, this program knows {newest}: use the newer program"
        )));
    }
    if found < newest {
        let steps = Migrations::new(MIGRATIONS.iter().map(|sql| M::up(sql)).collect());
        steps.to_latest(connection).map_err(|error| Error::Engine(error.into()))?;
    }
    Ok(MIGRATIONS.len())
}

/// A connection with the settings of its role.
pub(super) fn connection(path: &Path, role: Role) -> Result<Connection, Error> {
    // A reader opens for writing too: with the WAL to recover or its index to make, a read-only one could not read.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    if role == Role::Write {
        // Before the first statement that writes; a WAL file stays one for all who open it later.
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
    }
    prepare(&connection, role)?;
    Ok(connection)
}

/// Settings, functions and limits of an open connection.
pub(super) fn prepare(connection: &Connection, role: Role) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // A plan stays: without, a statement is compiled anew whenever another `limit` is bound to it, which costs more than a look-up.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // As much as SQLite was built for, 2 GiB: what is not mapped is copied page by page.
    connection.pragma_update(None, "mmap_size", 1_i64 << 40)?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    match role {
        Role::Write => {
            // D-8: what is acknowledged survives a power cut. fullfsync is what macOS needs for the same.
            connection.pragma_update(None, "synchronous", "full")?;
            connection.pragma_update(None, "fullfsync", true)?;
            // SEC D-11: a WAL that a slow reader made large shrinks again.
            connection.pragma_update(None, "journal_size_limit", 64_i64 << 20)?;
            // In memory, the journal of a savepoint is a list that each statement walks from its head: a move that ends ten thousand
            // guests took nine minutes. In a file it is one only beyond 64 KiB.
            connection.pragma_update(None, "temp_store", "file")?;
        }
        Role::Read => {
            connection.pragma_update(None, "temp_store", "memory")?;
            connection.pragma_update(None, "query_only", true)?;
        }
    }
    functions(connection)
}

/// What filters over documents need and SQL has not: the one folding, and instants.
fn functions(connection: &Connection) -> Result<(), rusqlite::Error> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    // O-04: what is no text is sorted as it stands.
    connection.create_scalar_function("fold", 1, flags, |call| {
        Ok(match call.get(0)? {
            Value::Text(text) => Value::Text(text::fold(&text)),
            other => other,
        })
    })?;
    connection
        .create_scalar_function("user_name_key", 1, flags, |call| Ok(value_text(call.get_raw(0)).map(text::user_name_key)))?;
    connection.create_scalar_function("instant", 1, flags, |call| {
        Ok(value_text(call.get_raw(0)).and_then(Timestamp::parse).map(|at| at.0))
    })?;
    connection.create_scalar_function("id_text", 1, flags, |call| {
        let ValueRef::Blob(bytes) = call.get_raw(0) else { return Ok(None) };
        Ok(uuid::Uuid::from_slice(bytes).ok().map(|id| id.to_string()))
    })?;
    connection.create_scalar_function("text_id", 1, flags, |call| {
        let id = value_text(call.get_raw(0)).and_then(|text| text.parse::<UserId>().ok());
        Ok(id.map(|UserId(id)| id.into_bytes().to_vec()))
    })
}

fn value_text(value: ValueRef<'_>) -> Option<&str> {
    value.as_str().ok()
}

/// The lock of the server of the database `path`: on a file beside it, since SQLite has locks of its own on that.
fn lock(path: &Path) -> Result<File, Error> {
    let file = private_file(&path.with_file_name("usher.lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(refusal(format!("another server works on {}", path.display()))),
        Err(TryLockError::Error(error)) => Err(Error::Engine(error.into())),
    }
}

/// Makes the file for its owner alone, or refuses one that others may read (S-76). SQLite gives its side files the same mode.
fn private_file(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| refusal(format!("{}: {error}", path.display())))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(|error| Error::Engine(error.into()))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(refusal(format!("{} may be read by others (mode {mode:03o}), want 600", path.display())));
        }
    }
    Ok(file)
}

pub(super) fn refusal(text: String) -> Error {
    Error::Engine(text.into())
}
