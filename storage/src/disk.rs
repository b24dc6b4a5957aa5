//! Room on a disk, and what is done when there is little.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes that an ordinary user may still write to the file system of `path`.
///
/// # Errors
/// The system does not say.
pub fn free(path: &Path) -> std::io::Result<u64> {
    space(path).map(|space| space.free)
}

/// A file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What an ordinary user may still write.
    pub free: u64,
    /// What it holds in all.
    pub total: u64,
}

/// The file system of `path`.
///
/// # Errors
/// The system does not say.
pub fn space(path: &Path) -> std::io::Result<Space> {
    let found = rustix::fs::statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Ok(Space { free: bytes(found.f_bavail), total: bytes(found.f_blocks) })
}

/// Room on the disk of the database: below its reserve the tables wait, for the journals need the rest.
#[derive(Debug, Clone, Default)]
pub struct Reserve {
    folder: PathBuf,
    bytes: u64,
    is_short: Arc<AtomicBool>,
}

impl Reserve {
    /// Leaves so many bytes of the disk of a folder free.
    #[must_use]
    pub fn new(folder: &Path, bytes: u64) -> Self {
        Self { folder: folder.to_owned(), bytes, is_short: Arc::default() }
    }

    /// How many.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// True while the tables wait for room.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Acquire)
    }

    /// Looks at the disk, and says so when that has changed.
    pub(crate) fn look(&self) -> bool {
        // A system that does not say is no reason to stand still.
        let free = free(&self.folder).unwrap_or(u64::MAX);
        let is_short = free < self.bytes;
        if is_short != self.is_short.swap(is_short, Ordering::AcqRel) {
            if is_short {
                tracing::error!(
                    event = "disk_short",
                    free,
                    reserve = self.bytes,
                    "the disk of {} has little room: the tables wait, and trading goes on as long as the ledger can be written; make room there",
                    self.folder.display()
                );
            } else {
                tracing::warn!(
                    event = "disk_has_room",
                    free,
                    "the disk of {} has room again: the tables follow",
                    self.folder.display()
                );
            }
        }
        is_short
    }
}
