//! What the file's writer has committed, for those who read: the manifest, and how far the tables are.
//!
//! Who is about to read takes the newest manifest without asking the database, and looks afterwards whether it was
//! changed meanwhile: if not, it was the one of its snapshot.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use duckdb::Connection;
use messages::ledger::Seq;

use super::Manifest;
use super::manifest::version;
use crate::duck::Error;
use crate::journal::{Log, Watermark};

/// What was committed last. A clone shows the same.
#[derive(Clone)]
pub struct Published(Arc<Shared>);

struct Shared {
    newest: Mutex<Arc<Manifest>>,
    /// Odd while a change is being committed.
    changes: AtomicU64,
    ledger: Watermark,
    market: Watermark,
}

/// A manifest that nobody was changing.
#[derive(Debug, Clone)]
pub struct Look {
    /// The manifest.
    pub manifest: Arc<Manifest>,
    changes: u64,
}

/// A change that is being committed, as long as it lives.
#[must_use]
pub struct Turn<'a>(&'a AtomicU64);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Default for Published {
    fn default() -> Self {
        Self(Arc::new(Shared {
            newest: Mutex::default(),
            changes: AtomicU64::new(0),
            ledger: Watermark::new(Seq(0)),
            market: Watermark::new(Seq(0)),
        }))
    }
}

impl Published {
    /// The records of a log that the tables hold: a snapshot that is taken later holds all of them.
    #[must_use]
    pub fn applied(&self, log: Log) -> &Watermark {
        match log {
            Log::Ledger => &self.0.ledger,
            Log::Market => &self.0.market,
        }
    }

    /// Begins to change the manifest. From before the commit until the new one is shown, nobody trusts the old one.
    pub fn turn(&self) -> Turn<'_> {
        self.0.changes.fetch_add(1, Ordering::SeqCst);
        Turn(&self.0.changes)
    }

    /// Shows a manifest that was committed.
    pub fn set(&self, manifest: Arc<Manifest>) {
        *self.0.newest.lock().unwrap_or_else(PoisonError::into_inner) = manifest;
    }

    /// The newest.
    #[must_use]
    pub fn newest(&self) -> Arc<Manifest> {
        self.0.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest, to read by it; `None` while it is being changed, and before there is one.
    #[must_use]
    pub fn look(&self) -> Option<Look> {
        let changes = self.0.changes.load(Ordering::SeqCst);
        let manifest = self.newest();
        (changes.is_multiple_of(2) && manifest.version > 0).then_some(Look { manifest, changes })
    }

    /// True if it was the manifest of every snapshot that was taken since the look.
    #[must_use]
    pub fn was_unchanged_since(&self, look: &Look) -> bool {
        self.0.changes.load(Ordering::SeqCst) == look.changes
    }

    /// The manifest of the snapshot in which the connection reads: the newest, if it is that, or else the one that
    /// stands in the table.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn of_snapshot(&self, db: &Connection) -> Result<Arc<Manifest>, Error> {
        let newest = self.newest();
        if newest.version == version(db)? && newest.version > 0 {
            return Ok(newest);
        }
        Manifest::load(db).map(Arc::new)
    }
}

impl std::fmt::Debug for Published {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Published").field(&self.newest().version).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_good_until_a_change_begins() {
        let published = Published::default();
        assert!(published.look().is_none());
        let mut first = Manifest::default();
        first.version = 1;
        published.set(Arc::new(first));
        let look = published.look().unwrap();
        assert!(published.was_unchanged_since(&look));
        let turn = published.turn();
        assert!(published.look().is_none() && !published.was_unchanged_since(&look));
        drop(turn);
        assert!(published.look().is_some() && !published.was_unchanged_since(&look));
    }
}
