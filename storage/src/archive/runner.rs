//! The runner: the archive of a running directory, for the actor on its schedule and for people, one run at a time.
//!
//! It ends before the database does: a connection that lives on would be a second instance beside the next one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
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
    /// False when the database is about to close.
    is_open: RwLock<bool>,
    stop: AtomicBool,
    runs: Mutex<Runs>,
}

/// What the runs since the start came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Runs {
    /// How many have begun.
    pub begun: u64,
    /// Steps of them that failed; a run that could not begin its steps counts as one.
    pub steps_failed: u64,
    /// Whether the last one that ended has failed; `None` before one has.
    pub last_failed: Option<bool>,
    /// The time that the last good one was told.
    pub last_good: Option<UtcNanos>,
}

impl Runs {
    fn ended(&mut self, now: UtcNanos, failed: u64) {
        self.steps_failed += failed;
        self.last_failed = Some(failed > 0);
        if failed == 0 {
            self.last_good = Some(now);
        }
    }
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
        let (running, is_open, stop) = (Mutex::new(()), RwLock::new(true), AtomicBool::new(false));
        let runs = Mutex::default();
        Self(Arc::new(Inner { database, changes, places, cold, settings, running, is_open, stop, runs }))
    }

    /// Does everything that is due, on a thread that steps back for those that trade.
    ///
    /// # Errors
    /// What keeps all of it from being done; another run is under way.
    pub fn run(&self, now: UtcNanos, tables: &[String]) -> Result<Report, Error> {
        let _one = self.claim()?;
        self.page().begun += 1;
        let report = on_a_thread(|| self.with(|archive| archive.run(now, tables)));
        let failed = report.as_ref().map_or(1, |r| r.failed.len() as u64 + u64::from(r.unrecorded.is_some()));
        self.page().ended(now, failed);
        report
    }

    fn claim(&self) -> Result<MutexGuard<'_, ()>, Error> {
        match self.0.running.try_lock() {
            Ok(guard) => Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Error::Busy),
        }
    }

    /// Does something long with the files of the tiers, while no run moves any of them. Its thread gets behind those that
    /// trade by itself, if it is to be there.
    ///
    /// # Errors
    /// A run is under way, the database is not open yet, or what the work says.
    pub fn alone<T, E: From<Error>>(&self, work: impl FnOnce(&Archive<'_>) -> Result<T, E>) -> Result<T, E> {
        let _one = self.claim()?;
        self.opened(work)
    }

    /// Looks at something.
    ///
    /// # Errors
    /// The database is not open yet, or what the work says.
    pub fn with<T>(&self, work: impl FnOnce(&Archive<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.opened(work)
    }

    fn opened<T, E: From<Error>>(&self, work: impl FnOnce(&Archive<'_>) -> Result<T, E>) -> Result<T, E> {
        let inner = &self.0;
        let is_open = inner.is_open.read().unwrap_or_else(PoisonError::into_inner);
        if !*is_open {
            return Err(Error::Stopped.into());
        }
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
                let go_on = || !inner.stop.load(Ordering::Acquire);
                readers.is_none_or(|pool| pool.wait_until_readers_before_now_are_done(SETTLE, &go_on) == Earlier::Done)
            },
            go_on: &|| !inner.stop.load(Ordering::Acquire),
        };
        work(&archive)
    }

    /// Lets a run end after the file that it writes. Waits for nothing.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::Release);
        // A store that does not answer would be waited for.
        self.0.cold.leave();
    }

    /// As [`Self::stop`]; lets none begin any more, and returns when nothing is done.
    pub fn close(&self) {
        self.stop();
        *self.0.is_open.write().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// What the runs since the start came to.
    #[must_use]
    pub fn runs(&self) -> Runs {
        *self.page()
    }

    fn page(&self) -> MutexGuard<'_, Runs> {
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The priority of a thread cannot be raised again: threads that are lent out keep theirs.
fn on_a_thread<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("archive".to_owned()).spawn_scoped(scope, || {
            crate::background::step_back();
            work()
        });
        let thread = thread.map_err(super::io("start the thread of", "the archive"))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_run_alone_says_whether_the_archive_fails() {
        let mut runs = Runs::default();
        assert_eq!((runs.last_failed, runs.last_good), (None, None));
        runs.ended(UtcNanos(1), 0);
        runs.ended(UtcNanos(2), 3);
        assert_eq!((runs.last_failed, runs.last_good, runs.steps_failed), (Some(true), Some(UtcNanos(1)), 3));
        runs.ended(UtcNanos(5), 0);
        assert_eq!((runs.last_failed, runs.last_good, runs.steps_failed), (Some(false), Some(UtcNanos(5)), 3));
    }
}
