//! The cold store: where old files go and come back from, a folder or an object store that speaks S3.
//!
//! It knows nothing of tables: an object is a path, a size and a hash, and nothing is believed without its hash.
//! Nothing that is there is ever replaced by something else. Its interface blocks, for ordinary threads; the
//! requests run on a small runtime of its own. Every request ends: tries are bounded, and so is each one's time.

mod answer;
mod archived;
pub mod cache;
mod class;
mod credentials;
mod download;
mod error;
mod hash;
mod http;
mod place;
#[cfg(test)]
mod tests;
mod upload;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use object_store::ObjectStoreExt;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

pub use archived::{Head, Ready, Restore};
pub use cache::{Cache, Cached, Wanted};
pub use class::{RestoreSpeed, StorageClass};
pub use error::Error;
pub use hash::{Content, FileHash};
pub use place::folder_of;
pub use upload::Put;

use crate::settings;
use answer::Asked;
use http::Timed;
use place::{Kind, Place};

/// An open cold store; a clone is the same store.
///
/// Its methods block and must not be called from an asynchronous task, which would panic; from a thread of its own,
/// or one for blocking work (`spawn_blocking`), they may.
#[derive(Clone)]
pub struct Cold(Arc<Inner>);

struct Inner {
    place: Place,
    timed: Timed,
    retries: u32,
    restore_days: u32,
    restore_speed: RestoreSpeed,
    /// Archived objects that were asked for, and how each stood when it was last looked at.
    asked_back: Mutex<BTreeMap<String, Ready>>,
    /// True when nobody waits for the store any more.
    left: watch::Sender<bool>,
    /// Taken only when the last clone goes.
    runtime: Option<Runtime>,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its path in the store.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

impl Cold {
    /// Opens the store that the settings name, or the folder `default_dir`, which is made if need be.
    /// A bucket is not asked for anything yet.
    ///
    /// # Errors
    /// [`Error::Settings`]: a setting or the file with the keys cannot be used; [`Error::Io`]: the folder cannot be made.
    pub fn open(settings: &settings::Cold, default_dir: &Path) -> Result<Self, Error> {
        let place = Place::open(settings, default_dir)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("cold")
            .enable_all()
            .build()
            .map_err(Error::io("start the cold store's thread for", default_dir))?;
        Ok(Self(Arc::new(Inner {
            place,
            timed: Timed { request_timeout: settings.request_timeout },
            retries: settings.retries,
            restore_days: settings.restore_days,
            restore_speed: settings.restore_speed,
            asked_back: Mutex::default(),
            left: watch::Sender::new(false),
            runtime: Some(runtime),
        })))
    }

    /// Ends every request that is under way and every later one, of all clones, with [`Error::Left`]: a store that
    /// does not answer holds nobody up who wants to end.
    pub fn leave(&self) {
        self.0.left.send_replace(true);
    }

    /// Its address, without secrets.
    #[must_use]
    pub fn describe(&self) -> &str {
        &self.0.place.address
    }

    /// Every object below the folder `prefix` (empty for all), by path.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Unreachable`]; [`Error::Io`]: the store's folder is not there.
    pub fn list(&self, prefix: &str) -> Result<Vec<Listed>, Error> {
        let place = &self.0.place;
        let folder = place.folder_key(prefix)?;
        if let Kind::Folder(root) = &place.kind {
            // A disk that is not mounted must not look like a store that is empty.
            fs::read_dir(root).map_err(Error::io("list the cold store's folder", root))?;
        }
        let shown = if prefix.is_empty() { "its list of objects" } else { prefix };
        self.wait(async {
            let mut found = Vec::new();
            let mut objects = place.store.list(Some(&folder));
            while let Some(object) = self.ask(shown, 0, async { objects.next().await.transpose() }).await? {
                found.push(Listed { path: place.path(&object.location), bytes: object.size });
            }
            found.sort();
            Ok(found)
        })
    }

    /// Removes an object; one that is not there is fine.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Unreachable`].
    pub fn delete(&self, path: &str) -> Result<(), Error> {
        let key = self.0.place.key(path)?;
        match self.wait(self.ask(path, 0, self.0.place.store.delete(&key))) {
            Err(Error::Missing { .. }) => Ok(()),
            other => other,
        }
    }

    /// True when the store is a folder, which has no storage classes.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.file("").is_some()
    }

    /// The file of an object, where the store is a folder.
    pub(in crate::cold) fn file(&self, path: &str) -> Option<PathBuf> {
        self.0.place.file(path)
    }

    fn asked<'a>(&'a self, path: &'a str) -> Asked<'a> {
        Asked { path, store: self.describe() }
    }

    /// Runs a request that carries `bytes`, for as long as all its tries may take.
    async fn ask<T>(
        &self,
        path: &str,
        bytes: u64,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        match timeout(self.patience(bytes), request).await {
            Ok(answer) => answer.map_err(|e| self.asked(path).failed(&e, began.elapsed())),
            Err(_) => Err(self.silent(path, began)),
        }
    }

    /// How long all tries of a request that carries `bytes` may take.
    fn patience(&self, bytes: u64) -> Duration {
        let one = self.0.timed.limit(bytes).saturating_add(place::LONGEST_BACKOFF);
        one.saturating_mul(self.0.retries.saturating_add(1))
    }

    fn silent(&self, path: &str, began: Instant) -> Error {
        let tries = self.0.retries.saturating_add(1);
        self.asked(path).unreachable(tries, began.elapsed(), "the answer stopped".to_owned())
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let mut left = self.0.left.subscribe();
        let work = async {
            tokio::select! {
                done = work => done,
                _ = left.wait_for(|left| *left) => Err(Error::Left { store: self.describe().to_owned() }),
            }
        };
        self.0.runtime.as_ref().expect("lives as long as a clone").block_on(work)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Waiting for its threads here would panic where the last clone goes in an asynchronous task.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Cold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cold({})", self.describe())
    }
}
