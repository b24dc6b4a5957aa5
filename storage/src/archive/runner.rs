//! The runner: the archive of a running directory, for the actor on its schedule and for people, one run at a time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use messages::UtcNanos;

use super::{Archive, Error, Report, Writer};
use crate::cold::Cold;
use crate::duck::changes::Asked;
use crate::pool::Earlier;
use crate::service::Database;
use crate::settings;
use crate::tiers::Places;

/// How long questions that were begun before may take to end, before files that they may read are left to the next run.
const SETTLE: Duration = Duration::from_secs(120);

/// The archive of a running directory; a clone is the same one.
#[derive(Clone)]
pub struct Runner(Arc<Inner>);

struct Inner {
    database: Database,
    changes: flume::Sender<Asked>,
    places: Places,
    cold: Cold,
    settings: settings::Tiers,
    running: Mutex<()>,
    stop: AtomicBool,
    runs: AtomicU64,
    failed: AtomicU64,
}

impl Runner {
    /// For a running directory.
    #[must_use]
    pub fn new(
        database: Database,
        changes: flume::Sender<Asked>,
        places: Places,
        cold: Cold,
        settings: settings::Tiers,
    ) -> Self {
        let (running, stop) = (Mutex::new(()), AtomicBool::new(false));
        let (runs, failed) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Inner { database, changes, places, cold, settings, running, stop, runs, failed }))
    }

    /// Does everything that is due.
    ///
    /// # Errors
    /// What keeps all of it from being done; another run is under way.
    pub fn run(&self, now: UtcNanos, tables: &[String]) -> Result<Report, Error> {
        crate::background::step_back();
        let _one = match self.0.running.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(Error::Busy),
        };
        self.0.runs.fetch_add(1, Ordering::Relaxed);
        let report = self.with(|archive| archive.run(now, tables));
        let failed = report.as_ref().map_or(1, |r| r.failed.len() as u64);
        self.0.failed.fetch_add(failed, Ordering::Relaxed);
        report
    }

    /// Looks at something.
    ///
    /// # Errors
    /// The database is not open yet, or what the work says.
    pub fn with<T>(&self, work: impl FnOnce(&Archive<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let inner = &self.0;
        let db = inner.database.connect().ok_or(Error::NotOpen)?;
        let archive = Archive {
            db,
            writer: Writer::Thread(inner.changes.clone()),
            places: inner.places.clone(),
            cold: inner.cold.clone(),
            settings: inner.settings.clone(),
            on: &|did| tracing::debug!(?did, "archive"),
            settle: &|| {
                let readers = inner.database.pool();
                readers.is_none_or(|pool| pool.wait_until_readers_before_now_are_done(SETTLE) == Earlier::Done)
            },
            go_on: &|| !inner.stop.load(Ordering::Acquire),
            _held: None,
        };
        work(&archive)
    }

    /// Lets a run end after the file that it writes.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::Release);
    }

    /// Runs since the start, and steps of them that failed.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.0.runs.load(Ordering::Relaxed), self.0.failed.load(Ordering::Relaxed))
    }
}
