//! What a crash left: files that are being written by nobody, and files that nobody owns.
//!
//! Only names that the archive itself gives are touched. In an object store nothing is touched unless it is known to be
//! this directory's: another one may be writing there for the first time.

use std::path::{Path, PathBuf};

use super::record::Store;
use super::{Archive, Did, Error, io, moves};
use crate::tiers::tables::TABLES;
use crate::tiers::{Manifest, Tier};

impl Archive<'_> {
    /// Removes what a crash left, in the store only if that is ours. Returns what it was.
    pub(super) fn sweep(&self, is_ours: bool) -> Result<Vec<String>, Error> {
        for folder in [&self.places.warm, &self.places.cache] {
            std::fs::create_dir_all(folder).map_err(io("make the folder", folder))?;
        }
        if self.places.staging.exists() {
            std::fs::remove_dir_all(&self.places.staging).map_err(io("empty", &self.places.staging))?;
        }
        std::fs::create_dir_all(&self.places.staging).map_err(io("make the folder", &self.places.staging))?;
        let mut swept = Vec::new();
        for path in self.warm_orphans()? {
            moves::remove(&self.places.file(&path), &self.places.warm)?;
            (self.on)(&Did::Removed(path.clone()));
            swept.push(path);
        }
        match if is_ours { self.objects_of_nobody() } else { Ok(Vec::new()) } {
            Ok(orphans) => {
                for path in orphans {
                    self.cold.delete(&path)?;
                    (self.on)(&Did::Removed(path.clone()));
                    swept.push(path);
                }
            }
            Err(Error::Cold(error)) => tracing::warn!(%error, "the object store is not tidied in this run"),
            Err(error) => return Err(error),
        }
        Ok(swept)
    }

    /// Warm files that nobody owns.
    pub(super) fn warm_orphans(&self) -> Result<Vec<String>, Error> {
        let manifest = Manifest::load(&self.db)?;
        let mut found = Vec::new();
        for table in TABLES {
            let folder = self.places.warm.join(table.name);
            files(&folder, &mut found).map_err(io("look through", &folder))?;
        }
        let relative = |file: PathBuf| Some(file.strip_prefix(&self.places.warm).ok()?.to_str()?.to_owned());
        let owned: std::collections::BTreeSet<&str> =
            manifest.all().filter(|p| p.tier == Tier::Warm).map(|p| p.location.as_str()).collect();
        Ok(found.into_iter().filter_map(relative).filter(|path| !owned.contains(path.as_str())).collect())
    }

    /// Cold objects that nobody owns.
    pub(super) fn cold_orphans(&self) -> Result<Vec<String>, Error> {
        if self.store()? != Store::Ours {
            return Ok(Vec::new());
        }
        self.objects_of_nobody()
    }

    fn objects_of_nobody(&self) -> Result<Vec<String>, Error> {
        let manifest = Manifest::load(&self.db)?;
        let owned: std::collections::BTreeSet<&str> =
            manifest.all().filter(|p| p.tier == Tier::Cold).map(|p| p.location.as_str()).collect();
        let mut found = Vec::new();
        for table in TABLES {
            found.extend(self.cold.list(&format!("{}/", table.name))?.into_iter().map(|listed| listed.path));
        }
        found.retain(|path| is_ours(path) && !owned.contains(path.as_str()));
        Ok(found)
    }
}

/// A name that the archive gives.
fn is_ours(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("part-") && name.ends_with(".parquet")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), std::io::Error> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else if path.to_str().is_some_and(is_ours) {
            found.push(path);
        }
    }
    Ok(())
}
