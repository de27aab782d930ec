//! Opens the file: mode, damage, migrations, connections.

use std::{
    fs, io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, SqliteConnection, SqlitePool,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{broadcast, mpsc, watch};

use crate::{
    error::StoreError,
    feed::CommittedEvent,
    store::{Mode, Options},
};

use super::{
    classify,
    errors::{damaged, lost},
    faults::Faults,
    writer::{Request, Writer},
};

/// Waiting requests; more and the caller waits to queue.
const QUEUE_MAX: usize = 1024;
/// Events a slow reader of the feed may lie behind.
const FEED_EVENTS: usize = 512;
/// A database up to this size is checked page by page at every start; a larger one only where it is read, and by [`check_whole`].
const CHECK_BYTES_MAX: u64 = 8 << 20;
const READERS_MAX: u32 = 3;
/// A reader unused for so long is closed and its memory given back.
const READER_IDLE: Duration = Duration::from_secs(60);

/// What a store needs of an opened database.
pub(crate) struct Opened {
    pub readers: SqlitePool,
    /// `None`: opened read-only.
    pub writer: Option<mpsc::Sender<Request>>,
    pub feed: broadcast::WeakSender<CommittedEvent>,
    pub owed: watch::Receiver<()>,
    pub faults: Faults,
}

/// Opens, and when writing creates and migrates, the database at `path`.
pub(crate) async fn open(path: &Path, options: &Options) -> Result<Opened, StoreError> {
    let faults = Faults::default();
    let sender = broadcast::Sender::new(FEED_EVENTS);
    let feed = sender.downgrade();
    let (owes, owed) = watch::channel(());
    let writer = match options.mode {
        Mode::ReadOnly => None,
        Mode::ReadWrite => {
            let write_options = write_options(path, options);
            let conn = prepare(path, (&write_options, &read_options(path, options)), options.existing).await?;
            let (requests, queue) = mpsc::channel(QUEUE_MAX);
            let writer = Writer {
                path: path.to_owned(),
                options: write_options,
                conn: Some(conn),
                durability: None,
                queue,
                feed: sender,
                owed: owes,
                faults: faults.clone(),
                batches: 0,
            };
            tokio::spawn(writer.run());
            Some(requests)
        }
    };
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS_MAX)
        .acquire_timeout(options.busy_timeout.max(Duration::from_secs(1)))
        .idle_timeout(READER_IDLE)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(read_options(path, options));
    if options.mode == Mode::ReadOnly {
        match readers.acquire().await.map_err(|e| classify(path, "open the database", e)) {
            // What can still be read of it turns out with each read.
            Ok(_) | Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Opened { readers, writer, feed, owed, faults })
}

/// The first connection, on a file that is whole and migrated. `existing`: one that was migrated before.
async fn prepare(
    path: &Path,
    (options, read_only): (&SqliteConnectOptions, &SqliteConnectOptions),
    existing: bool,
) -> Result<SqliteConnection, StoreError> {
    if existing && fs::metadata(path).map_or(0, |meta| meta.len()) == 0 {
        return Err(lost(path));
    }
    let io_error = |source: io::Error| StoreError::Io { path: path.to_owned(), source: Arc::new(source) };
    let size = create(path).map_err(io_error)?;
    let lock = migration_lock(path).await.map_err(io_error)?;
    let failed = |e| classify(path, "open the database", e);
    if size > 0 {
        check(path, read_only, size, existing).await?;
    }
    let mut conn = options.connect().await.map_err(failed)?;
    migrate(&mut conn).await.map_err(failed)?;
    drop(lock);
    Ok(conn)
}

/// Whether the file is sound, as far as that is quickly found out. Only reads: a connection that may write would move what
/// stands in the log into a damaged file.
async fn check(path: &Path, read_only: &SqliteConnectOptions, size: u64, existing: bool) -> Result<(), StoreError> {
    let failed = |e| classify(path, "check the database", e);
    let mut conn = read_only.connect().await.map_err(failed)?;
    let found = match size <= CHECK_BYTES_MAX {
        true => quick_check(&mut conn).await,
        false => Ok("ok".to_owned()),
    };
    let tables = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM sqlite_schema").fetch_one(&mut conn).await;
    // It only read, so that nothing is lost if it ends badly.
    let _ = conn.close().await;
    sound(path, found.map_err(failed)?.as_str())?;
    match tables.map_err(failed)? {
        0 if existing => Err(lost(path)),
        _ => Ok(()),
    }
}

/// Every page, with the whole log: what a start only does with a small database. Only reads.
pub(crate) async fn check_whole(path: &Path, readers: &SqlitePool) -> Result<(), StoreError> {
    let failed = |e| classify(path, "check the database", e);
    let mut conn = readers.acquire().await.map_err(failed)?;
    sound(path, quick_check(&mut conn).await.map_err(failed)?.as_str())
}

async fn quick_check(conn: &mut SqliteConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)").fetch_one(conn).await
}

fn sound(path: &Path, found: &str) -> Result<(), StoreError> {
    match found {
        "ok" => Ok(()),
        wrong => Err(damaged(path, Some(sqlx::Error::Protocol(wrong.to_owned())))),
    }
}

/// Makes the file if it is missing, readable for its owner alone either way. Its size in bytes.
///
/// An existing file is not opened here: closing it again would drop the locks that SQLite holds for this process.
fn create(path: &Path) -> io::Result<u64> {
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(_) => Ok(0),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            let meta = fs::metadata(path)?;
            if meta.permissions().mode() & 0o077 != 0 {
                fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
            }
            Ok(meta.len())
        }
        Err(e) => Err(e),
    }
}

/// Held while migrating: SQLite's own migration lock does nothing. Released when dropped.
async fn migration_lock(path: &Path) -> io::Result<fs::File> {
    let path = beside(path, ".lock");
    let locked = tokio::task::spawn_blocking(move || {
        let file = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        file.lock()?;
        Ok(file)
    });
    locked.await.map_err(io::Error::other)?
}

/// The file beside `path` with `suffix` added to its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

async fn migrate(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let each = [
        (1, "first", include_str!("../../migrations/sqlite/0001_first.sql")),
        (2, "parent and state", include_str!("../../migrations/sqlite/0002_parent_and_state.sql")),
    ];
    let migrations = each.map(|(version, name, sql)| {
        let sql = sqlx::SqlSafeStr::into_sql_str(sql);
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    });
    let migrator = Migrator::with_migrations(migrations.into());
    migrator.run(conn).await.map_err(|e| sqlx::Error::Migrate(Box::new(e)))
}

fn write_options(path: &Path, options: &Options) -> SqliteConnectOptions {
    let mut connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(false)
        .busy_timeout(options.busy_timeout)
        .statement_cache_capacity(96)
        .thread_name(|_| "store-writer".into())
        .pragma("cache_size", "-1024")
        .pragma("temp_store", "MEMORY")
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        // Fewer, larger checkpoints: a page that many commits touch is moved once. 16 MB of log at most.
        .pragma("wal_autocheckpoint", "4000")
        // Erased means gone from the file, not only from its index.
        .pragma("secure_delete", "ON");
    if let Some(bytes) = options.max_bytes {
        connect = connect.pragma("max_page_count", (bytes / 4096).max(1).to_string());
    }
    connect.disable_statement_logging()
}

fn read_options(path: &Path, options: &Options) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .foreign_keys(false)
        .busy_timeout(options.busy_timeout)
        .statement_cache_capacity(32)
        .row_buffer_size(256)
        .thread_name(|n| format!("store-reader-{n}"))
        .pragma("cache_size", "-1024")
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

/// A consistent copy of the database at `path` in the new file `to`, made while others write.
pub(crate) async fn backup(path: &Path, to: &Path) -> Result<(), StoreError> {
    let failed = |e| classify(path, "back up the database", e);
    let io_error = |source: io::Error| StoreError::Io { path: to.to_owned(), source: Arc::new(source) };
    // Made first and for the owner alone: SQLite accepts an empty file as the target.
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(io_error)?;
    let options = SqliteConnectOptions::new().filename(path).pragma("cache_size", "-1024").disable_statement_logging();
    let mut conn = options.connect().await.map_err(failed)?;
    let quoted = to.to_string_lossy().replace('\'', "''");
    let copied = sqlx::query(AssertSqlSafe(format!("VACUUM INTO '{quoted}'"))).execute(&mut conn).await;
    // The copy is what counts; this connection only read.
    let _ = conn.close().await;
    copied.map_err(failed)?;
    file.sync_all().map_err(io_error)
}
