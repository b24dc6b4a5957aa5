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

/// The last record that a consumer has taken in for good. Unlike a durable watermark it may be set back: to where a
/// restored server stands, or to the beginning as long as nobody knows.
#[derive(Debug, Clone, Default)]
pub struct Taken(Arc<AtomicU64>);

impl Taken {
    /// The last record.
    #[must_use]
    pub fn get(&self) -> Seq {
        Seq(self.0.load(Ordering::Acquire))
    }

    /// It has taken in all up to this record, and needs what follows.
    pub fn set(&self, last: Seq) {
        self.0.store(last.0, Ordering::Release);
    }

    /// It needs nothing, whatever comes.
    pub fn needs_nothing(&self) {
        self.set(Seq(u64::MAX));
    }
}
