//! The directory that is restored into: empty before, marked until it is whole, and empty again if it never is.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::{Error, io};
use crate::datadir::{Paths, UNFINISHED};

/// The directory that is being made; nobody opens it before it is whole.
pub struct Target<'a> {
    paths: &'a Paths,
    marker: PathBuf,
}

impl<'a> Target<'a> {
    /// Takes it.
    pub fn claim(paths: &'a Paths) -> Result<Self, Error> {
        for dir in folders(paths) {
            if !is_empty(dir)? {
                return Err(Error::NotEmpty { dir: dir.to_owned() });
            }
        }
        fs::create_dir_all(&paths.root).map_err(io("make the folder", &paths.root))?;
        let marker = paths.root.join(UNFINISHED);
        // Only one of two that restore here at once makes it.
        File::create_new(&marker).and_then(|file| file.sync_all()).map_err(io("write", &marker))?;
        sync(&paths.root)?;
        for dir in folders(paths).into_iter().chain([paths.market.as_path()]) {
            fs::create_dir_all(dir).map_err(io("make the folder", dir))?;
        }
        Ok(Self { paths, marker })
    }

    /// Makes everything in it durable.
    pub fn sync(&self) -> Result<(), Error> {
        folders(self.paths).into_iter().try_for_each(sync_all)
    }

    /// It is whole.
    pub fn finish(self) -> Result<(), Error> {
        fs::remove_file(&self.marker).map_err(io("remove", &self.marker))?;
        sync(&self.paths.root)
    }

    /// Removes what was put there, the marker last: what cannot be removed stays marked.
    pub fn give_up(self) {
        for dir in folders(self.paths).into_iter().rev() {
            for path in fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()) {
                let removed = match path.is_dir() {
                    _ if path == self.marker || is_of_the_disk(&path) => Ok(()),
                    true => fs::remove_dir_all(&path),
                    false => fs::remove_file(&path),
                };
                if let Err(error) = removed {
                    tracing::warn!(path = %path.display(), %error, "what was restored cannot be removed");
                    return;
                }
            }
        }
        let _ = fs::remove_file(&self.marker);
    }
}

/// The folders that must be empty.
fn folders(paths: &Paths) -> BTreeSet<&Path> {
    BTreeSet::from([paths.root.as_path(), paths.ledger.as_path()])
}

fn is_empty(dir: &Path) -> Result<bool, Error> {
    match fs::read_dir(dir) {
        Ok(entries) => {
            for entry in entries {
                if !is_of_the_disk(&entry.map_err(io("list", dir))?.path()) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(io("list", dir)(error)),
    }
}

/// What a file system puts at its own root.
fn is_of_the_disk(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "lost+found")
}

/// Makes the names of everything below a folder durable; the files are already.
fn sync_all(dir: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(dir).map_err(io("list", dir))? {
        let path = entry.map_err(io("list", dir))?.path();
        if path.is_dir() && !is_of_the_disk(&path) {
            sync_all(&path)?;
        }
    }
    sync(dir)
}

fn sync(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io("sync the folder", dir))
}
