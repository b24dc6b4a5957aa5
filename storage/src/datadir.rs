//! The data directory: where everything of one installation lives, and who is using it.
//!
//! A lock file with an exclusive lock of the operating system keeps a second process out; its text
//! (pid, address, token path) tells every command where the running instance answers. The lock ends
//! with the process, however it ends.
//!
//! A ledger elsewhere has a lock of its own, `ledger.lock`, whose text names the data directory that it
//! belongs to: two that write one ledger would trade on each other's orders, at once or in turn.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::tiers::Places;

/// What can go wrong with a data directory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process uses it.
    #[error("the data directory {} is in use by process {}; stop it, or give another --data-dir", dir.display(), owner.as_ref().map_or("?".to_owned(), |o| o.pid.to_string()))]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// Who uses it, where that could be read.
        owner: Option<Owner>,
    },
    /// Its ledger is another data directory's.
    #[error("the ledger {} belongs to the data directory {} and cannot be shared with {}; give one of them another journal.ledger_dir", ledger.display(), theirs.display(), ours.display())]
    LedgerShared {
        /// The ledger's folder.
        ledger: PathBuf,
        /// Whose it is.
        theirs: PathBuf,
        /// Who wants it, too.
        ours: PathBuf,
    },
    /// It cannot be written.
    #[error("the data directory {} cannot be used: cannot {what}; check that it exists and that you may write there, or give another --data-dir", dir.display())]
    Unusable {
        /// The directory.
        dir: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A restore into it has not ended.
    #[error("a restore into {} is under way, or was broken off; wait for it, or empty the directory and run `merganser backup restore` again", dir.display())]
    Unfinished {
        /// The directory.
        dir: PathBuf,
    },
    /// It is not there.
    #[error("there is no data directory {}; `merganser run` makes one, or give another --data-dir", dir.display())]
    Missing {
        /// The directory.
        dir: PathBuf,
    },
}

/// Stands in a directory that is being restored into: until it is gone, the directory is not whole.
pub const UNFINISHED: &str = "restore-unfinished";

/// Who uses a data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Its process.
    pub pid: u32,
    /// Where it answers commands, once it does.
    pub address: Option<String>,
    /// The file that holds the token for it.
    pub token_path: Option<PathBuf>,
}

/// A data directory that this process holds.
#[derive(Debug)]
pub struct DataDir {
    root: PathBuf,
    lock: File,
    /// Held as long as this lives; none where there is no ledger yet.
    _ledger: Option<File>,
}

/// Where things are below a data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The data directory.
    pub root: PathBuf,
    /// The ledger's folder.
    pub ledger: PathBuf,
    /// The market journal's folder.
    pub market: PathBuf,
    /// The database.
    pub database: PathBuf,
    /// The token of the local endpoint.
    pub token: PathBuf,
    /// The files of the tiers.
    pub places: Places,
}

impl Paths {
    /// Below `root`, with the ledger elsewhere if `ledger_dir` says so.
    #[must_use]
    pub fn of(root: &Path, ledger_dir: Option<&Path>) -> Self {
        Self {
            root: root.to_owned(),
            ledger: ledger_dir.map_or_else(|| root.join("ledger"), Path::to_owned),
            market: root.join("market"),
            database: root.join("trading.duckdb"),
            token: root.join("token"),
            places: Places::of(root),
        }
    }
}

impl DataDir {
    /// Takes the directory for this process, making it and its ledger's folder if need be.
    ///
    /// # Errors
    /// Another process has it, another directory has its ledger, or it cannot be written.
    pub fn create(paths: &Paths) -> Result<Self, Error> {
        fs::create_dir_all(&paths.root).map_err(unusable(&paths.root, "create it"))?;
        fs::create_dir_all(&paths.ledger).map_err(unusable(&paths.root, "create its ledger's folder"))?;
        Self::open(paths)
    }

    /// Takes a directory that is there.
    ///
    /// # Errors
    /// It is not there, another process has it, another directory has its ledger, or it cannot be written.
    pub fn open(paths: &Paths) -> Result<Self, Error> {
        let root = &paths.root;
        if !root.is_dir() {
            return Err(Error::Missing { dir: root.clone() });
        }
        if root.join(UNFINISHED).exists() {
            return Err(Error::Unfinished { dir: root.clone() });
        }
        let mut lock = open_lock(&lock_path(root)).map_err(unusable(root, "write its lock file"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let owner = read_owner(&mut lock);
                return Err(Error::InUse { dir: root.clone(), owner });
            }
            Err(TryLockError::Error(e)) => return Err(unusable(root, "lock it")(e)),
        }
        let ledger = if paths.ledger.is_dir() { Some(lock_ledger(root, &paths.ledger)?) } else { None };
        let mut dir = Self { root: root.clone(), lock, _ledger: ledger };
        dir.announce(&Owner { pid: std::process::id(), address: None, token_path: None })?;
        Ok(dir)
    }

    /// Says who uses the directory and where it answers.
    ///
    /// # Errors
    /// The lock file cannot be written.
    pub fn announce(&mut self, owner: &Owner) -> Result<(), Error> {
        let text = serde_json::to_string(owner).expect("plain data");
        let mut write = || {
            self.lock.set_len(0)?;
            self.lock.rewind()?;
            self.lock.write_all(text.as_bytes())?;
            self.lock.sync_data()
        };
        write().map_err(unusable(&self.root, "write its lock file"))
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// Who uses `root` right now, if anybody.
#[must_use]
pub fn owner(root: &Path) -> Option<Owner> {
    let mut lock = File::options().read(true).write(true).open(lock_path(root)).ok()?;
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => read_owner(&mut lock),
        _ => None,
    }
}

fn lock_path(root: &Path) -> PathBuf {
    root.join("merganser.lock")
}

fn open_lock(path: &Path) -> std::io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Takes the ledger's folder for the data directory, if it is no other's.
fn lock_ledger(root: &Path, ledger: &Path) -> Result<File, Error> {
    let whole = |path: &Path| fs::canonicalize(path).map_err(unusable(root, "find its ledger's folder"));
    let (ours, folder) = (whole(root)?, whole(ledger)?);
    let around = folder.parent().unwrap_or(&folder);
    let mut lock = open_lock(&folder.join("ledger.lock")).map_err(unusable(root, "write its ledger's lock file"))?;
    let held = match lock.try_lock() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(e)) => return Err(unusable(root, "lock its ledger")(e)),
    };
    let mut named = String::new();
    lock.read_to_string(&mut named).map_err(unusable(root, "read its ledger's lock file"))?;
    // Without a name it belongs to the directory that it lies in.
    let theirs = if named.is_empty() { around.to_owned() } else { PathBuf::from(&named) };
    // A directory that is gone has been moved or given up.
    if held || theirs != ours && lock_path(&theirs).is_file() {
        return Err(Error::LedgerShared { ledger: folder, theirs, ours });
    }
    let ours = if around == ours { String::new() } else { ours.display().to_string() };
    if named != ours {
        let mut write = || {
            lock.set_len(0)?;
            lock.rewind()?;
            lock.write_all(ours.as_bytes())?;
            lock.sync_data()
        };
        write().map_err(unusable(root, "write its ledger's lock file"))?;
    }
    Ok(lock)
}

fn read_owner(lock: &mut File) -> Option<Owner> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn unusable(dir: &Path, what: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    let dir = dir.to_owned();
    move |source| Error::Unusable { dir, what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_and_told_who_has_it() {
        let temp = tempfile::tempdir().unwrap();
        let paths = Paths::of(temp.path(), None);
        let held = DataDir::create(&paths).unwrap();
        let Err(Error::InUse { owner: Some(found), .. }) = DataDir::open(&paths) else { panic!("not refused") };
        assert_eq!(found.pid, std::process::id());
        assert_eq!(owner(temp.path()), Some(found));
        drop(held);
        assert_eq!(owner(temp.path()), None);
        DataDir::open(&paths).unwrap();
    }

    #[test]
    fn a_directory_that_is_not_there_is_not_made_by_a_question() {
        let temp = tempfile::tempdir().unwrap();
        let missing = temp.path().join("no");
        assert!(matches!(DataDir::open(&Paths::of(&missing, None)), Err(Error::Missing { .. })));
        assert!(!missing.exists());
    }

    /// That `second` is refused the ledger, and that both directories are named.
    fn refused(second: &Paths, first: &Paths) {
        let whole = |path: &Path| fs::canonicalize(path).unwrap();
        match DataDir::create(second) {
            Err(Error::LedgerShared { theirs, ours, .. }) => {
                assert_eq!((theirs, ours), (whole(&first.root), whole(&second.root)));
            }
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn two_directories_cannot_share_a_ledger_at_once_or_in_turn() {
        let temp = tempfile::tempdir().unwrap();
        let ledger = temp.path().join("fast-disk");
        let [a, b] = ["a", "b"].map(|name| Paths::of(&temp.path().join(name), Some(&ledger)));
        let held = DataDir::create(&a).unwrap();
        refused(&b, &a);
        drop(held);
        refused(&b, &a);
        DataDir::open(&a).unwrap();
    }

    #[test]
    fn a_ledger_inside_a_directory_is_that_directorys() {
        let temp = tempfile::tempdir().unwrap();
        let a = Paths::of(&temp.path().join("a"), None);
        let b = Paths::of(&temp.path().join("b"), Some(&a.ledger));
        drop(DataDir::create(&a).unwrap());
        refused(&b, &a);
        DataDir::open(&a).unwrap();
    }

    #[test]
    fn a_directory_that_was_moved_keeps_its_ledger() {
        let temp = tempfile::tempdir().unwrap();
        let ledger = temp.path().join("fast-disk");
        let [a, b] = ["a", "b"].map(|name| Paths::of(&temp.path().join(name), Some(&ledger)));
        drop(DataDir::create(&a).unwrap());
        fs::rename(&a.root, &b.root).unwrap();
        drop(DataDir::open(&b).unwrap());
        refused(&a, &b);
    }
}
