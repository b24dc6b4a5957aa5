//! One snapshot of the database as a file of its own, taken beside whoever writes and asks.
//!
//! DuckDB copies all tables in one statement, and so in one snapshot, into an empty database that is attached in a
//! folder which it may write to. The writer goes on meanwhile: the copy only reads the tables.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use duckdb::{Connection, InterruptHandle};
use messages::ledger::Seq;

use super::{Error, io};
use crate::cold::Cold;
use crate::duck::file::offset;
use crate::duck::{self};
use crate::journal::Log;
use crate::tiers::places::quoted;
use crate::tiers::{Manifest, Places};

/// The name of the copy while it is being made.
const COPY: &str = "backup_copy";

/// How a backup is ended before it is done; clones are the same.
#[derive(Clone, Default)]
pub struct Stop(Arc<StopInner>);

#[derive(Default)]
struct StopInner {
    asked: AtomicBool,
    copying: Mutex<Option<Arc<InterruptHandle>>>,
    store: Mutex<Option<Cold>>,
}

impl Stop {
    /// Ends it at once, a copy of the database and a request to the repository, too.
    pub fn stop(&self) {
        self.0.asked.store(true, Ordering::Release);
        if let Some(store) = self.store().as_ref() {
            store.leave();
        }
        if let Some(copying) = self.copying().as_ref() {
            copying.interrupt();
        }
    }

    /// Goes on only if nobody has asked to stop.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.0.asked.load(Ordering::Acquire) { Err(Error::Stopped) } else { Ok(()) }
    }

    /// Has the repository's store left when it is to stop.
    pub(super) fn leaves(&self, store: &Cold) -> Result<(), Error> {
        *self.store() = Some(store.clone());
        self.check()
    }

    fn store(&self) -> std::sync::MutexGuard<'_, Option<Cold>> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn copying(&self) -> std::sync::MutexGuard<'_, Option<Arc<InterruptHandle>>> {
        self.0.copying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A folder for files on their way, which one backup at a time has; what a crash left there is removed.
pub struct Staging {
    folder: PathBuf,
    _lock: File,
}

impl Staging {
    /// Takes it.
    pub fn take(places: &Places, directory: &Path) -> Result<Self, Error> {
        // Below a folder that DuckDB may write to, and beside the one that the archive empties.
        let folder = places.warm.join(".backup");
        fs::create_dir_all(&folder).map_err(io("make the folder", &folder))?;
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(io("write", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Busy { dir: directory.to_owned() }),
            Err(TryLockError::Error(e)) => return Err(io("lock", &path)(e)),
        }
        let staging = Self { folder, _lock: lock };
        staging.empty()?;
        Ok(staging)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn empty(&self) -> Result<(), Error> {
        for entry in fs::read_dir(&self.folder).map_err(io("list", &self.folder))? {
            let path = entry.map_err(io("list", &self.folder))?.path();
            if path.file_name().is_some_and(|name| name != "lock") {
                fs::remove_file(&path).map_err(io("remove", &path))?;
            }
        }
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What stays is removed by the next one.
        let _ = self.empty();
    }
}

/// The copy, and what is in it.
pub struct Taken {
    /// Its file.
    pub file: PathBuf,
    /// The last record of each log in it.
    pub applied: (Seq, Seq),
    /// The version of the tables.
    pub schema: i64,
    /// Who owns what in it.
    pub manifest: Manifest,
}

/// Copies the database to a file in `folder`.
pub fn take(db: &Connection, folder: &Path, stop: &Stop) -> Result<Taken, Error> {
    let file = folder.join(super::record::DATABASE);
    for old in [&file, &file.with_extension("duckdb.wal")] {
        if old.exists() {
            fs::remove_file(old).map_err(io("remove", old))?;
        }
    }
    let name: String = db
        .query_row("SELECT current_database()", [], |row| row.get(0))
        .map_err(duck::Error::duck("read the database's name"))?;
    let attach = format!("DETACH DATABASE IF EXISTS {COPY}; ATTACH {} AS {COPY}", quoted(&file));
    db.execute_batch(&attach).map_err(duck::Error::duck("make a file for the backup"))?;
    *stop.copying() = Some(db.interrupt_handle());
    let copied = stop.check().and_then(|()| copy(db, &name));
    *stop.copying() = None;
    let detached = db
        .execute_batch(&format!("USE {name}; DETACH {COPY}"))
        .map_err(duck::Error::duck("close the backup of the database"));
    match copied {
        Ok((applied, schema, manifest)) => {
            detached?;
            Ok(Taken { file, applied, schema, manifest })
        }
        // The interrupt is an error of its own.
        Err(error) => Err(stop.check().err().unwrap_or(error)),
    }
}

fn copy(db: &Connection, name: &str) -> Result<((Seq, Seq), i64, Manifest), Error> {
    db.execute_batch(&format!("COPY FROM DATABASE {name} TO {COPY}; CHECKPOINT {COPY}; USE {COPY}"))
        .map_err(duck::Error::duck("copy the tables for the backup"))?;
    let applied = (offset(db, Log::Ledger)?, offset(db, Log::Market)?);
    let schema = db
        .query_row("SELECT coalesce(max(version), 0) FROM schema_migrations", [], |row| row.get(0))
        .map_err(duck::Error::duck("read schema_migrations"))?;
    Ok((applied, schema, Manifest::load(db)?))
}
