//! The one DuckDB instance of a data directory: opened, migrated, locked down.
//!
//! Everything else works on clones of it; nothing ever opens the file a second time, for two
//! instances on one file silently lose rows.

use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use duckdb::{Config, Connection};

use super::hot::DATABASE;
use super::{Error, migrate};
use crate::pool::{self, Memory, Pool};
use crate::tiers::Places;
use crate::tiers::places::quoted;

/// How the instance is sized.
#[derive(Debug, Clone)]
pub struct Options {
    /// Memory for DuckDB, in bytes: hot tier, caches and queries together.
    pub memory_bytes: u64,
    /// Threads that one query may use beside its own.
    pub threads: u32,
    /// Size of the WAL at which a checkpoint is due, in bytes.
    pub checkpoint_bytes: u64,
    /// Bytes of the disk that the tables leave free.
    pub reserve_bytes: u64,
    /// The readers.
    pub pool: pool::Options,
}

#[cfg(test)]
impl Options {
    /// For the few rows of a test.
    pub fn small() -> Self {
        let second = std::time::Duration::from_secs(1);
        let pool = pool::Options {
            readers: 4,
            executing: 2,
            query_memory_bytes: 64 << 20,
            limits: pool::Limits { acquire: 20 * second, execute: 20 * second },
            slow_query: 20 * second,
        };
        Self { memory_bytes: 256 << 20, threads: 1, checkpoint_bytes: 64 << 20, reserve_bytes: 0, pool }
    }
}

/// The instance.
pub struct Instance {
    /// Only ever cloned from, and checkpointed: a connection is not to be shared between threads.
    root: Mutex<Connection>,
    pool: Pool,
}

impl Instance {
    /// Opens or creates the file, brings its tables up to date, attaches the hot tier's empty database, makes the
    /// readers and locks the configuration: no extension is loaded, no file but those of the tiers is read, no setting changes.
    ///
    /// # Errors
    /// The file cannot be opened, is damaged or belongs to a newer program.
    pub fn open(path: &Path, options: &Options, places: &Places) -> Result<Self, Error> {
        check(path)?;
        let root = Connection::open_with_flags(path, config(options)?).map_err(Error::duck("open trading.duckdb"))?;
        migrate::migrate(&root, path)?;
        // Before the configuration is locked, for each has a setting of its own.
        let readers = readers(&root, &options.pool).map_err(Error::duck("open its readers"))?;
        let temp = path.with_extension("tmp");
        let readable = places.readable().map(|folder| quoted(&folder.join("")));
        let lock_down = format!(
            "ATTACH ':memory:' AS {DATABASE};
             SET temp_directory = '{}';
             SET checkpoint_threshold = '{} B';
             SET auto_checkpoint_skip_wal_threshold = 1000000000000;
             SET GLOBAL parquet_metadata_cache = true;
             SET allowed_directories = [{}];
             SET enable_external_access = false;
             SET lock_configuration = true;",
            temp.display().to_string().replace('\'', "''"),
            options.checkpoint_bytes,
            readable.join(", "),
        );
        root.execute_batch(&lock_down).map_err(Error::duck("lock its configuration"))?;
        let watched = root.try_clone().map_err(Error::duck("open another connection"))?;
        let memory = Memory::new(watched, options.memory_bytes);
        let pool = Pool::new(readers, memory, &options.pool)
            .map_err(|e| Error::Thread { name: "watchdog", what: format!("cannot be started: {e}") })?;
        Ok(Self { root: Mutex::new(root), pool })
    }

    /// The readers: who asks something asks through them.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    fn root(&self) -> MutexGuard<'_, Connection> {
        self.root.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another connection to the same instance, for who writes, without the bounds of a reader.
    ///
    /// # Errors
    /// DuckDB has no memory for it.
    pub fn connect(&self) -> Result<Connection, Error> {
        self.root().try_clone().map_err(Error::duck("open another connection"))
    }

    /// Writes the WAL into the file.
    ///
    /// # Errors
    /// The disk refuses, or another write transaction is open.
    pub fn checkpoint(&self) -> Result<(), Error> {
        self.root().execute_batch("CHECKPOINT").map_err(Error::duck("write a checkpoint"))
    }
}

impl Drop for Instance {
    /// Clones of the pool may live on; what they hold of the file must not.
    fn drop(&mut self) {
        self.pool.close();
    }
}

/// Connections for questions, each with its bound of memory.
fn readers(root: &Connection, options: &pool::Options) -> duckdb::Result<Vec<Connection>> {
    let bound = format!("SET operator_memory_limit = '{} B'", options.query_memory_bytes);
    let connect = |_| {
        let db = root.try_clone()?;
        db.execute_batch(&bound)?;
        Ok(db)
    };
    (0..options.readers).map(connect).collect()
}

/// Refuses what is there and is no database, before anything is begun that would need one.
///
/// # Errors
/// It is no DuckDB file, or cannot be read.
pub fn check(path: &Path) -> Result<(), Error> {
    // The format's magic stands behind an eight byte checksum (DuckDB, storage_info).
    let mut head = [0; 12];
    let read = match std::fs::File::open(path) {
        Ok(mut file) => file.read_exact(&mut head),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => Err(error),
    };
    if read.is_ok() && head[8..] == *b"DUCK" {
        return Ok(());
    }
    Err(Error::NoDatabase { path: path.to_owned() })
}

fn config(options: &Options) -> Result<Config, Error> {
    let make = || {
        Config::default()
            .enable_autoload_extension(false)?
            .with("autoinstall_known_extensions", "false")?
            .with("allow_community_extensions", "false")?
            .with("memory_limit", format!("{} B", options.memory_bytes))?
            .with("threads", options.threads.max(1).to_string())
    };
    make().map_err(Error::duck("be configured"))
}
