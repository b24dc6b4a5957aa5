//! The data directory: where everything of one installation lives, and who is using it.
//!
//! A lock file with an exclusive lock of the operating system keeps a second process out; its text
//! (pid, address, token path) tells every command where the running instance answers. The lock ends
//! with the process, however it ends.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

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
    /// It is not there.
    #[error("there is no data directory {}; `merganser run` makes one, or give another --data-dir", dir.display())]
    Missing {
        /// The directory.
        dir: PathBuf,
    },
}

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
}

/// Where things are below a data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The ledger's folder.
    pub ledger: PathBuf,
    /// The market journal's folder.
    pub market: PathBuf,
    /// The database.
    pub database: PathBuf,
    /// The token of the local endpoint.
    pub token: PathBuf,
}

impl Paths {
    /// Below `root`, with the ledger elsewhere if `ledger_dir` says so.
    #[must_use]
    pub fn of(root: &Path, ledger_dir: Option<&Path>) -> Self {
        Self {
            ledger: ledger_dir.map_or_else(|| root.join("ledger"), Path::to_owned),
            market: root.join("market"),
            database: root.join("trading.duckdb"),
            token: root.join("token"),
        }
    }
}

impl DataDir {
    /// Takes the directory for this process, making it if need be.
    ///
    /// # Errors
    /// Another process has it, or it cannot be written.
    pub fn create(root: &Path) -> Result<Self, Error> {
        fs::create_dir_all(root).map_err(unusable(root, "create it"))?;
        Self::open(root)
    }

    /// Takes a directory that is there.
    ///
    /// # Errors
    /// It is not there, another process has it, or it cannot be written.
    pub fn open(root: &Path) -> Result<Self, Error> {
        if !root.is_dir() {
            return Err(Error::Missing { dir: root.to_owned() });
        }
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(lock_path(root))
            .map_err(unusable(root, "write its lock file"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let owner = read_owner(&mut lock);
                return Err(Error::InUse { dir: root.to_owned(), owner });
            }
            Err(TryLockError::Error(e)) => return Err(unusable(root, "lock it")(e)),
        }
        let mut dir = Self { root: root.to_owned(), lock };
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
        let held = DataDir::create(temp.path()).unwrap();
        let Err(Error::InUse { owner: Some(found), .. }) = DataDir::open(temp.path()) else { panic!("not refused") };
        assert_eq!(found.pid, std::process::id());
        assert_eq!(owner(temp.path()), Some(found));
        drop(held);
        assert_eq!(owner(temp.path()), None);
        DataDir::open(temp.path()).unwrap();
    }

    #[test]
    fn a_directory_that_is_not_there_is_not_made_by_a_question() {
        let temp = tempfile::tempdir().unwrap();
        let missing = temp.path().join("no");
        assert!(matches!(DataDir::open(&missing), Err(Error::Missing { .. })));
        assert!(!missing.exists());
    }
}
