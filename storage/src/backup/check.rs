//! Whether everything in a repository is what it was, and the removal of what is not needed any more.

use std::collections::BTreeMap;

use serde::Serialize;

use super::record::Backup;
use super::repository::Repository;
use super::{Doing, Error};
use crate::archive::chain;
use crate::cold::{self, FileHash};

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The backup, and its file.
    pub what: String,
    /// What is wrong.
    pub finding: String,
}

/// What [`verify`] looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Backups.
    pub backups: u64,
    /// Objects that were read.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that no backup names, where all backups were looked at: a backup that was broken off left them.
    pub unnamed: u64,
    /// Cold files that stand in stores of their own, in words.
    pub referenced: Vec<String>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// What becomes of an object that is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damaged {
    /// It stays.
    Stays,
    /// It goes, so that the next backup of a directory that has the file sends it again: what is there is never replaced.
    Goes,
}

/// Reads every object of one backup, or of all, and compares its hash.
///
/// # Errors
/// The store does not answer, or there is no such backup.
pub fn verify(
    repository: &Repository,
    id: Option<&str>,
    damaged: Damaged,
    on: &dyn Fn(Doing<'_>),
) -> Result<Verified, Error> {
    let mut verified = Verified::default();
    let mut objects = BTreeMap::new();
    let names = id.map_or_else(|| repository.names(), |id| Ok(vec![id.to_owned()]))?;
    for name in &names {
        let backup = match repository.read(name) {
            Err(error @ Error::Unreadable { .. }) => {
                verified.findings.push(Finding { what: Backup::path(name), finding: chain(&error) });
                continue;
            }
            other => other?,
        };
        verified.backups += 1;
        if let Some(elsewhere) = &backup.referenced {
            verified.referenced.push(format!(
                "{}: {} cold files ({} bytes) stand in {} and were not copied; `merganser archive verify` looks at them",
                backup.id, elsewhere.files, elsewhere.bytes, elsewhere.store
            ));
        }
        for file in backup.files {
            objects.entry((file.hash, file.bytes)).or_insert_with(|| format!("{}: {}", backup.id, file.path));
        }
    }
    let of: u64 = objects.keys().map(|(_, bytes)| bytes).sum();
    for ((hash, bytes), what) in &objects {
        on(Doing { what, done: verified.bytes, of: Some(of) });
        match repository.verify(hash, *bytes) {
            Ok(()) => {}
            Err(error @ (cold::Error::Denied { .. } | cold::Error::Unreachable { .. })) => return Err(error.into()),
            Err(error) => {
                let mut finding = chain(&error);
                if matches!(error, cold::Error::Corrupted { .. }) && damaged == Damaged::Goes {
                    repository.remove(hash)?;
                    finding += "; removed: the next backup sends the file again, if the directory has it still";
                }
                verified.findings.push(Finding { what: what.clone(), finding });
            }
        }
        verified.objects += 1;
        verified.bytes += bytes;
    }
    if id.is_none() {
        let known = |hash: &FileHash, bytes: u64| objects.contains_key(&(*hash, bytes));
        verified.unnamed = repository.objects()?.iter().filter(|(hash, bytes)| !known(hash, **bytes)).count() as u64;
    }
    Ok(verified)
}

/// What [`prune`] removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// The backups.
    pub backups: Vec<String>,
    /// Objects that none of the others names.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Removes all but the newest `keep` backups of each directory, and the objects that none of those names. Not to be done while a backup
/// is being made: one that loses objects by it says so and is not there.
///
/// # Errors
/// The store does not answer, or a record cannot be read: then nothing is removed.
pub fn prune(repository: &Repository, keep: usize, on: &dyn Fn(Doing<'_>)) -> Result<Pruned, Error> {
    let (mut needed, mut old, mut kept) = (BTreeMap::new(), Vec::new(), BTreeMap::<String, usize>::new());
    for backup in repository.list()?.into_iter().rev() {
        let of_directory = kept.entry(backup.directory).or_default();
        if *of_directory < keep.max(1) {
            *of_directory += 1;
            needed.extend(backup.files.into_iter().map(|file| (file.hash, file.bytes)));
        } else {
            old.push(backup.id);
        }
    }
    let mut pruned = Pruned::default();
    for id in old.into_iter().rev() {
        repository.forget(&id)?;
        pruned.backups.push(id);
    }
    for (hash, bytes) in repository.objects()? {
        if !needed.contains_key(&hash) {
            on(Doing { what: "removing what no backup names", done: pruned.bytes, of: None });
            repository.remove(&hash)?;
            pruned.objects += 1;
            pruned.bytes += bytes;
        }
    }
    Ok(pruned)
}
