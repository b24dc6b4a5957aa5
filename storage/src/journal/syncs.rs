//! How long the syncs of a log take: written by its thread, looked at by telemetry.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::recent::{Recent, Spread};

/// The syncs of one log. A clone counts the same.
#[derive(Clone, Default)]
pub struct Syncs(Arc<Mutex<(u64, Recent)>>);

impl Syncs {
    fn page(&self) -> MutexGuard<'_, (u64, Recent)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more.
    pub fn count(&self, took: Duration) {
        let mut page = self.page();
        page.0 += 1;
        page.1.push(took);
    }

    /// How many there were, and what the newest took.
    pub fn summary(&self) -> (u64, Option<Spread>) {
        // Sorting a thousand numbers is not for the time that the log's thread may have to wait.
        let (count, recent) = self.page().clone();
        (count, recent.spread())
    }
}
