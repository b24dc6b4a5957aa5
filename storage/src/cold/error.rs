//! What can go wrong with the cold store, told apart by what the caller can do about it.
//!
//! No text here holds a key, a signature or a signed address.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use messages::durations::format as duration;

use super::hash::Content;

/// Why the cold store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object.
    #[error(
        "{path} is not in {store}, where it was expected; list the store, and check that tiers.cold.url is the one it was put in"
    )]
    Missing {
        /// The object.
        path: String,
        /// The store.
        store: String,
    },
    /// The store knows us not, or lets us not do this.
    #[error(
        "{store} denied access to {path} ({reason}); check tiers.cold.credentials_file or the AWS_* variables, and the rights of that user"
    )]
    Denied {
        /// The object.
        path: String,
        /// The store.
        store: String,
        /// What it said.
        reason: String,
    },
    /// The store did not answer, or not in time.
    #[error("{store} could not be reached for {path}: tried {tries} times in {} ({reason}); check the network and tiers.cold.endpoint, or raise tiers.cold.request_timeout or tiers.cold.retries", duration(*waited))]
    Unreachable {
        /// The object.
        path: String,
        /// The store.
        store: String,
        /// How often it was tried.
        tries: u32,
        /// For how long.
        waited: Duration,
        /// What happened at the last try.
        reason: String,
    },
    /// Nobody waits for the store any more.
    #[error("merganser is stopping and does not wait for {store}; what was not done is done by the next run")]
    Left {
        /// The store.
        store: String,
    },
    /// The object must be restored before it can be read.
    #[error(
        "{path} in {store} is archived and cannot be read at once; ask for it with `merganser archive restore` and read it when it is ready"
    )]
    Archived {
        /// The object.
        path: String,
        /// The store.
        store: String,
    },
    /// The content is not what it must be.
    #[error(
        "{path} in {store} is damaged: found {found}, expected {expected}; run `merganser archive verify`, and take it from a backup"
    )]
    Corrupted {
        /// The object, or the file.
        path: String,
        /// The store.
        store: String,
        /// What it must hold.
        expected: Box<Content>,
        /// What it holds.
        found: Box<Content>,
    },
    /// Something else is there under this name.
    #[error(
        "{path} is already in {store} with other content: found {found}, would put {expected}; nothing was replaced: check that no other installation writes to tiers.cold.url"
    )]
    Conflict {
        /// The object.
        path: String,
        /// The store.
        store: String,
        /// What was to be put.
        expected: Box<Content>,
        /// What is there.
        found: Box<Content>,
    },
    /// No space is left.
    #[error("no space is left in {store} for {path} ({reason}); free space there, then run `merganser archive run`")]
    Full {
        /// The object, or the file.
        path: String,
        /// The store.
        store: String,
        /// What it said.
        reason: String,
    },
    /// The store understood and said no.
    #[error(
        "{store} refused {path} ({reason}); check that this server offers what was asked, and tiers.cold in the configuration"
    )]
    Refused {
        /// The object.
        path: String,
        /// The store.
        store: String,
        /// What it said.
        reason: String,
    },
    /// A file on the local disk.
    #[error("cannot {what} {}; check the disk, and that you may read and write there", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file or the folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A setting that cannot be.
    #[error("{key} = \"{value}\" cannot be used: {reason}")]
    Settings {
        /// The setting.
        key: &'static str,
        /// Its value; no secret.
        value: String,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// What is asked for at once does not fit into the cache.
    #[error(
        "{needed} bytes of the cold tier are needed at once, tiers.cold.cache_bytes allows {allowed}; ask for a shorter range, or raise tiers.cold.cache_bytes"
    )]
    CacheTooSmall {
        /// Bytes that must lie on the local disk at the same time.
        needed: u64,
        /// The setting.
        allowed: u64,
    },
}

impl Error {
    /// For `map_err`: what was tried with which local file. A full disk is told apart.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                let reason = format!("cannot {what}: {source}");
                Self::Full { path: path.display().to_string(), store: "the local disk".to_owned(), reason }
            }
            _ => Self::Io { what, path, source },
        }
    }
}
