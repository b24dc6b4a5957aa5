//! A lease: one reader for one question, from the moment it was handed out until it is back, clean.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use duckdb::Connection;

use super::line::{Line, Nothing};
use super::stats::Outcome;
use super::watchdog::Why;
use super::{Class, Error, Limits, Reader, Shared, now};

/// The longest that the plan of a slow question may take.
const PLAN_WITHIN: Duration = Duration::from_secs(1);

/// One reader, for one question.
pub struct Lease {
    shared: Arc<Shared>,
    /// There until the end.
    db: Option<Connection>,
    number: u64,
    class: Class,
    limits: Limits,
    asked: Instant,
    /// True while a question runs on it, or has failed.
    is_dirty: bool,
    early: Arc<Early>,
    /// The turn of SQL from outside; given back last.
    _sql: Option<Turn>,
}

/// That nobody waits for the answer any more, and which watch is to be told.
#[derive(Default)]
struct Early {
    is_gone: AtomicBool,
    /// 0 while nothing runs.
    watch: AtomicU64,
}

/// Held by who waits for the answer of a lease: when it is dropped first, the question is interrupted.
pub struct Ender {
    shared: Arc<Shared>,
    early: Arc<Early>,
}

impl Drop for Ender {
    fn drop(&mut self) {
        self.early.is_gone.store(true, Ordering::SeqCst);
        self.shared.watchdog.end_now(self.early.watch.load(Ordering::SeqCst));
    }
}

impl Lease {
    pub(super) fn new(
        shared: Arc<Shared>,
        db: Connection,
        (class, sql): (Class, Option<Turn>),
        limits: Limits,
        asked: Instant,
    ) -> Self {
        let number = shared.leases.begin();
        let early = Arc::default();
        Self { shared, db: Some(db), number, class, limits, asked, is_dirty: false, early, _sql: sql }
    }

    /// What interrupts the question when it is dropped before the answer is there.
    #[must_use]
    pub fn ender(&self) -> Ender {
        Ender { shared: self.shared.clone(), early: self.early.clone() }
    }

    /// Asks the question on this thread, once it is its turn, and gives the reader back.
    ///
    /// # Errors
    /// Those of the question; or [`Error`], if its turn does not come in time, or it is interrupted.
    pub fn run<T, E: From<Error>>(mut self, work: impl FnOnce(&Reader<'_>) -> Result<T, E>) -> Result<T, E> {
        let shared = self.shared.clone();
        let _turn = self.turn()?;
        shared.book.begun(self.asked.elapsed());
        let Some(db) = &self.db else { return Err(Error::Closed.into()) };
        let reader = Reader::new(db);
        self.is_dirty = true;
        let guard = shared.watchdog.guard(db, self.limits.execute, self.class == Class::Sql);
        self.early.watch.store(guard.number(), Ordering::SeqCst);
        if self.early.is_gone.load(Ordering::SeqCst) {
            shared.watchdog.end_now(guard.number());
        }
        let began = now();
        let result = work(&reader);
        let took = began.elapsed();
        self.early.watch.store(0, Ordering::SeqCst);
        let interrupted = guard.end();
        let (outcome, result) = match result {
            Ok(answer) => {
                self.is_dirty = false;
                (Outcome::Answered, Ok(answer))
            }
            Err(_) if interrupted == Some(Why::Gone) => (Outcome::Failed, Err(Error::Gone.into())),
            Err(_) if interrupted == Some(Why::Time) => {
                let setting = if self.class == Class::Sql { "--timeout" } else { "duckdb.query_timeout" };
                (Outcome::TimedOut, Err(Error::TimedOut { after: self.limits.execute, setting }.into()))
            }
            Err(_) if interrupted == Some(Why::Memory) => {
                let most = shared.watchdog.memory().unwrap_or_default();
                (Outcome::Failed, Err(Error::TooMuchMemory { most }.into()))
            }
            Err(error) => (Outcome::Failed, Err(error)),
        };
        if self.is_dirty {
            self.is_dirty = false;
            shared.clean(db);
        }
        let is_slow = took >= shared.slow_query;
        shared.book.ended(self.class, outcome, took, reader.rows(), is_slow);
        if is_slow {
            self.tell_slow(&reader, outcome, took);
        }
        result
    }

    /// Waits for its turn to be executed, within what is left of its time to wait.
    fn turn(&self) -> Result<Turn, Error> {
        let left = self.limits.acquire.saturating_sub(self.asked.elapsed());
        let turns = &self.shared.turns;
        match turns.stand(usize::MAX).map(|place| place.wait(left)) {
            Some(Ok(())) => Ok(Turn::of(turns)),
            Some(Err(Nothing::Ever)) => Err(Error::Closed),
            Some(Err(Nothing::InTime)) | None => Err(self.shared.busy(self.asked, "duckdb.executing")),
        }
    }

    /// Says which question was slow, and how DuckDB went about it.
    fn tell_slow(&self, reader: &Reader<'_>, outcome: Outcome, took: Duration) {
        let guard = self.shared.watchdog.guard(reader, PLAN_WITHIN, false);
        let plan = reader.slowest_plan();
        guard.end();
        tracing::warn!(
            event = "slow_query",
            class = self.class.as_str(),
            outcome = outcome.as_str(),
            seconds = took.as_secs_f64(),
            rows = reader.rows(),
            sql = reader.slowest_sql(),
            plan,
            "a question to the database was slow"
        );
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(db) = self.db.take() {
            // Only a panic leaves it so.
            if self.is_dirty {
                self.shared.clean(&db);
            }
            self.shared.readers.give(db);
        }
        self.shared.leases.end(self.number);
    }
}

/// The right to be executed, until it is dropped.
pub(super) struct Turn(Line<()>);

impl Turn {
    /// One that was handed out by this line.
    pub(super) fn of(line: &Line<()>) -> Self {
        Self(line.clone())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.give(());
    }
}
