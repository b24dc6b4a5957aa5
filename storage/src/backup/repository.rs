//! Where backups are kept: a folder or a bucket, reached as the cold store is.

use std::collections::BTreeMap;
use std::path::Path;

use super::record::{Backup, FORMAT, File};
use super::{Error, io};
use crate::cold::{self, Cold, FileHash, Put, StorageClass};
use crate::settings;

/// An open repository.
#[derive(Debug)]
pub struct Repository {
    pub(super) store: Cold,
}

impl Repository {
    /// Opens the repository at `file:///…`, `s3://bucket/prefix` or the path of a folder, which is made if need be.
    /// Keys, server and patience are those of `tiers.cold`.
    ///
    /// # Errors
    /// The address or a setting cannot be used, or the folder cannot be made.
    pub fn open(at: &str, cold: &settings::Cold) -> Result<Self, Error> {
        let url = if at.contains("://") { at.to_owned() } else { String::new() };
        let settings = settings::Cold { url, ..cold.clone() };
        let folder = std::path::absolute(at).map_err(io("find", at))?;
        Ok(Self { store: Cold::open(&settings, &folder)? })
    }

    /// Opens one that must be there.
    ///
    /// # Errors
    /// As [`Self::open`]; there is no such folder.
    pub fn existing(at: &str, cold: &settings::Cold) -> Result<Self, Error> {
        let folder = at.strip_prefix("file://").unwrap_or(at);
        if !folder.contains("://") && !Path::new(folder).is_dir() {
            return Err(Error::NoRepository { at: at.to_owned() });
        }
        Self::open(at, cold)
    }

    /// The address as another process understands it: paths are made absolute.
    ///
    /// # Errors
    /// The current folder cannot be read.
    pub fn address(at: &str) -> Result<String, Error> {
        if at.contains("://") {
            return Ok(at.to_owned());
        }
        Ok(std::path::absolute(at).map_err(io("find", at))?.display().to_string())
    }

    /// Its address, without secrets.
    #[must_use]
    pub fn describe(&self) -> &str {
        self.store.describe()
    }

    /// Every backup, oldest first.
    ///
    /// # Errors
    /// The store does not answer, or a record cannot be read.
    pub fn list(&self) -> Result<Vec<Backup>, Error> {
        self.names()?.iter().map(|id| self.read(id)).collect()
    }

    /// The names of all backups, oldest first.
    pub(super) fn names(&self) -> Result<Vec<String>, Error> {
        let name = |path: &str| Some(path.strip_prefix("backups/")?.strip_suffix(".json")?.to_owned());
        Ok(self.store.list("backups")?.iter().filter_map(|listed| name(&listed.path)).collect())
    }

    /// One backup.
    pub(super) fn read(&self, id: &str) -> Result<Backup, Error> {
        let path = Backup::path(id);
        let text = match self.store.read(&path) {
            Err(cold::Error::Missing { store, .. }) => return Err(Error::NoBackup { wanted: id.to_owned(), store }),
            other => other?,
        };
        let unreadable = |source| Error::Unreadable { path: path.clone(), store: self.describe().to_owned(), source };
        let backup: Backup = serde_json::from_slice(&text).map_err(|e| unreadable(Some(e)))?;
        if backup.format == FORMAT { Ok(backup) } else { Err(unreadable(None)) }
    }

    /// Every object with its size, but for those whose names are no hashes.
    pub(super) fn objects(&self) -> Result<BTreeMap<FileHash, u64>, Error> {
        let hash = |path: &str| path.strip_prefix("objects/")?.parse().ok();
        let listed = self.store.list("objects")?;
        Ok(listed.into_iter().filter_map(|listed| Some((hash(&listed.path)?, listed.bytes))).collect())
    }

    /// Sends a file; it is read again there.
    pub(super) fn put(&self, file: &Path, hash: &FileHash) -> Result<(), cold::Error> {
        self.store.put(&object(hash), file, StorageClass::Standard, hash)
    }

    /// Makes the backup be there.
    pub(super) fn commit(&self, backup: &Backup) -> Result<(), Error> {
        let path = Backup::path(&backup.id);
        let text = serde_json::to_vec_pretty(backup).expect("plain data");
        match self.store.put_if_absent(&path, text)? {
            Put::Created => Ok(()),
            Put::AlreadyThere => Err(Error::Taken { path, store: self.describe().to_owned() }),
        }
    }

    /// Brings a file of a backup to its place.
    pub(super) fn fetch(&self, backup: &str, file: &File, to: &Path) -> Result<(), Error> {
        self.store.fetch(&object(&file.hash), to, file.bytes, &file.hash).map_err(|source| match source {
            cold::Error::Corrupted { .. } | cold::Error::Missing { .. } => {
                Error::Damaged { file: file.path.clone(), backup: backup.to_owned(), source: Box::new(source) }
            }
            other => other.into(),
        })
    }

    /// Reads an object and compares it.
    pub(super) fn verify(&self, hash: &FileHash, bytes: u64) -> Result<(), cold::Error> {
        self.store.verify(&object(hash), bytes, hash)
    }

    /// Removes the record of a backup.
    pub(super) fn forget(&self, id: &str) -> Result<(), Error> {
        Ok(self.store.delete(&Backup::path(id))?)
    }

    /// Removes an object.
    pub(super) fn remove(&self, hash: &FileHash) -> Result<(), Error> {
        Ok(self.store.delete(&object(hash))?)
    }
}

fn object(hash: &FileHash) -> String {
    format!("objects/{hash}")
}
