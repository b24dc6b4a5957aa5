//! A lease: one reader for one question, from the moment it was handed out until it is back, clean.

use std::sync::Arc;
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
}

impl Lease {
    pub(super) fn new(shared: Arc<Shared>, db: Connection, class: Class, limits: Limits, asked: Instant) -> Self {
        let number = shared.leases.begin();
        Self { shared, db: Some(db), number, class, limits, asked, is_dirty: false }
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
        let began = now();
        let result = work(&reader);
        let took = began.elapsed();
        let interrupted = guard.end();
        let (outcome, result) = match result {
            Ok(answer) => {
                self.is_dirty = false;
                (Outcome::Answered, Ok(answer))
            }
            Err(_) if interrupted == Some(Why::Time) => {
                (Outcome::TimedOut, Err(Error::TimedOut { after: self.limits.execute }.into()))
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
            Some(Ok(())) => Ok(Turn(turns.clone())),
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
struct Turn(Line<()>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.give(());
    }
}
