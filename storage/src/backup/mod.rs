//! Backup: a data directory, running or stopped, into a repository, and back out of it.
//!
//! A repository is a folder or a bucket: `objects/<blake3>`, each file once, whoever names it, and `backups/<id>.json`,
//! which names the files of one backup. The record is written last and only if it is absent: before it there is no
//! backup, behind it all of it is there. Nothing is ever replaced.
//!
//! A backup is one snapshot of the database, the files that this snapshot names, and then both journals up to what is
//! durable: so the journals reach at least as far as the tables, and a restore is a start behind a crash, which
//! applies what the tables lack.
//!
//! - [`record`]: what a backup is, as data.
//! - [`repository`]: where backups are kept.
//! - [`snapshot`], [`segments`], [`create`]: how one is made.
//! - [`point`], [`target`], [`restore`]: how a directory is made from one, or from an older database and newer journals.
//! - [`check`]: whether everything is what it was, and what is not needed any more.

mod check;
mod create;
mod point;
mod record;
mod repository;
mod restore;
mod segments;
mod snapshot;
mod target;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use check::{Damaged, Finding, Pruned, Verified, prune, verify};
pub use create::{Source, Tables, create};
pub use point::Point;
pub use record::{Backup, Listed};
pub use repository::Repository;
pub use restore::{Restored, Wanted, restore};
pub use snapshot::Stop;

use crate::{cold, duck, journal};

/// What can go wrong with a backup.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// DuckDB.
    #[error(transparent)]
    Duck(#[from] duck::Error),
    /// A journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The repository's store.
    #[error("the backups cannot be reached")]
    Store(#[from] cold::Error),
    /// The local disk.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// There is no repository.
    #[error("there are no backups in {at}; make one with `merganser backup create --to {at}`, or give another address")]
    NoRepository {
        /// Where it was looked for.
        at: String,
    },
    /// There is no such backup.
    #[error("there is no backup {wanted} in {store}; see `merganser backup list`")]
    NoBackup {
        /// What was asked for.
        wanted: String,
        /// The repository.
        store: String,
    },
    /// A record that cannot be read.
    #[error(
        "{path} in {store} is no record of a backup that this merganser can read; use the newer merganser that wrote it, or remove it there"
    )]
    Unreadable {
        /// The record.
        path: String,
        /// The repository.
        store: String,
        /// What the reader says; none where its form is newer.
        source: Option<serde_json::Error>,
    },
    /// A file of a backup is not what it was.
    #[error(
        "{file} of the backup {backup} is not what was put there; nothing was restored: see `merganser backup verify`, and restore another backup"
    )]
    Damaged {
        /// The file.
        file: String,
        /// The backup.
        backup: String,
        /// What is wrong.
        source: Box<cold::Error>,
    },
    /// Another backup of the directory is being made.
    #[error("a backup of {} is being made already; wait until it is done", dir.display())]
    Busy {
        /// The data directory.
        dir: PathBuf,
    },
    /// The database of a running directory is still being opened.
    #[error("the database is still opening; ask again in a moment")]
    NotOpen,
    /// There is no room for a copy.
    #[error("{} has {free} bytes free and {needed} are needed for {what}; make room there", path.display())]
    NoRoom {
        /// The folder.
        path: PathBuf,
        /// What was to be done.
        what: &'static str,
        /// What is needed, in bytes.
        needed: u64,
        /// What is there.
        free: u64,
    },
    /// Files went away again and again while they were to be sent.
    #[error(
        "files moved from tier to tier faster than they could be backed up; try again when the archive has ended its run"
    )]
    Moving,
    /// A file of the directory has gone, and nobody moved it.
    #[error(
        "{} is named by the tables and is not there; no backup was made: bring it back from an older backup, and see `merganser archive verify`", path.display()
    )]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// What had been sent is not there any more.
    #[error(
        "objects that this backup needs were removed from {store} meanwhile; make the backup again, and do not prune while one is being made"
    )]
    Pruned {
        /// The repository.
        store: String,
    },
    /// A backup of that name is there.
    #[error("{path} is already in {store}; make the backup again")]
    Taken {
        /// The record.
        path: String,
        /// The repository.
        store: String,
    },
    /// Something is where the restore is to go.
    #[error("{} is not empty; restore into an empty or a new directory with --data-dir (and an empty journal.ledger_dir)", dir.display())]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
    },
    /// No backup reaches the point.
    #[error(
        "{wanted} cannot be reached: these backups reach from {earliest} to {latest}; choose a point between them, or a whole backup from `merganser backup list`"
    )]
    OutOfReach {
        /// The point.
        wanted: String,
        /// The first that can be.
        earliest: String,
        /// The last that can be.
        latest: String,
    },
    /// Somebody asked to stop.
    #[error("stopped before it was done; no backup was made")]
    Stopped,
}

/// What is being done: which file, how many bytes so far, and of how many where that is known.
#[derive(Debug, Clone, Copy)]
pub struct Doing<'a> {
    /// The file, or what is done.
    pub what: &'a str,
    /// Bytes that are done.
    pub done: u64,
    /// Bytes in all.
    pub of: Option<u64>,
}

fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.into();
    move |source| Error::Io { what, path, source }
}

/// Refuses to begin what the disk has no room for.
fn room(path: &std::path::Path, needed: u64, what: &'static str) -> Result<(), Error> {
    let free = crate::disk::free(path).map_err(io("look at the room of", path))?;
    if free < needed { Err(Error::NoRoom { path: path.to_owned(), what, needed, free }) } else { Ok(()) }
}
