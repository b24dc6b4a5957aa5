//! Who may be late: a consumer of the market journal that can be away for hours, and for which closed segments are kept
//! within a budget of its own, and no longer. Nobody who brings data ever waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use messages::ledger::Seq;

/// A consumer that may be late.
#[derive(Clone)]
pub struct Late {
    /// Its name.
    pub name: &'static str,
    /// What it has taken in.
    pub taken: Taken,
    /// Bytes of closed segments that may be kept for it alone.
    pub max_bytes: u64,
    /// Where the disk has less room than this, less is kept for it: the ledger's room comes first.
    pub min_free_bytes: u64,
}

/// The last record that a consumer has taken in for good, and what is kept for it behind that. Unlike a durable watermark it
/// may be set back: to where a restored server stands, or to the beginning as long as nobody knows.
#[derive(Debug, Clone, Default)]
pub struct Taken(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    last: AtomicU64,
    kept: AtomicU64,
    most: AtomicU64,
}

/// Bytes of closed segments that are kept for one who may be late, and for nobody else, as of when the newest was closed
/// or the disk was last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// How many.
    pub bytes: u64,
    /// How many may be: of what is more the oldest segments are given up.
    pub max_bytes: u64,
}

impl Kept {
    /// The share of what may be kept; 1 when it is all of it.
    #[must_use]
    pub fn ratio(self) -> f64 {
        if self.max_bytes == 0 { 0.0 } else { self.bytes as f64 / self.max_bytes as f64 }
    }
}

impl Taken {
    /// The last record.
    #[must_use]
    pub fn get(&self) -> Seq {
        Seq(self.0.last.load(Ordering::Acquire))
    }

    /// It has taken in all up to this record, and needs what follows.
    pub fn set(&self, last: Seq) {
        self.0.last.store(last.0, Ordering::Release);
    }

    /// What is kept for it.
    #[must_use]
    pub fn kept(&self) -> Kept {
        let read = |bytes: &AtomicU64| bytes.load(Ordering::Relaxed);
        Kept { bytes: read(&self.0.kept), max_bytes: read(&self.0.most) }
    }

    /// So much is kept for it.
    pub(super) fn keep(&self, Kept { bytes, max_bytes }: Kept) {
        self.0.kept.store(bytes, Ordering::Relaxed);
        self.0.most.store(max_bytes, Ordering::Relaxed);
    }

    /// It needs nothing, whatever comes.
    pub fn needs_nothing(&self) {
        self.set(Seq(u64::MAX));
    }
}
