//! The readers: connections of the one instance, lent out for one question each.
//!
//! - [`Pool`]: up to `duckdb.readers` connections, handed out first come first served. Of those who have one,
//!   as many are executed at a time as there are cores (`duckdb.executing`), again first come first served. SQL from
//!   outside stands in a line of its own before that, and leaves one turn to the others where there are two.
//! - `line`: who waits, for a reader or for a turn.
//! - `watchdog`: one thread that interrupts whatever runs longer than it may, or holds too much `memory`.
//! - [`Lease`], [`Reader`]: a reader while it is lent out, and while its question runs.
//! - `leases`: which ones run, for who must wait for those that saw what was before.
//! - [`Stats`]: how all of them do.
//!
//! Each connection has its bound of memory (`duckdb.query_memory_bytes`). Invariant: a connection that waits in the
//! pool has no transaction open.

mod lease;
mod leases;
pub(crate) mod line;
mod memory;
mod reader;
mod stats;
#[cfg(test)]
mod tests;
mod watchdog;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use duckdb::Connection;
use messages::{caps, durations};

use leases::Leases;
use line::{Line, Nothing, Place};
use stats::Book;
use watchdog::Watchdog;

use lease::Turn;
pub use lease::{Ender, Lease};
pub use leases::Earlier;
pub use memory::Memory;
pub use reader::Reader;
pub use stats::{Class, ClassStats, Stats};

/// Prepared statements that a connection keeps: a few on disk, one for each table of the hot tier that it
/// has asked lately.
const STATEMENTS: usize = 64;

/// How often who waits for others looks whether he still should.
const LOOK: Duration = Duration::from_millis(100);

/// How the pool is sized.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections.
    pub readers: usize,
    /// Questions that are executed at a time; 0 for as many as there are cores.
    pub executing: usize,
    /// Memory that one operator of a query may take, in bytes.
    pub query_memory_bytes: u64,
    /// What a question may take that does not say otherwise.
    pub limits: Limits,
    /// A question that takes longer is told.
    pub slow_query: Duration,
}

/// What a question may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest that it waits for a reader and for its turn.
    pub acquire: Duration,
    /// The longest that it runs.
    pub execute: Duration,
}

/// What can go wrong between a question and its reader.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was free in time.
    #[error(
        "the database is busy: no reader was free within {}, and {waiting} more questions wait; ask again later, or raise {setting}",
        durations::format(*.waited)
    )]
    Busy {
        /// How long it waited.
        waited: Duration,
        /// How many wait still.
        waiting: usize,
        /// The setting that bounds what was waited for.
        setting: &'static str,
    },
    /// It took too long.
    #[error(
        "the query was interrupted after {}; narrow it, or give it more time with {setting}",
        durations::format(*.after)
    )]
    TimedOut {
        /// What it was given.
        after: Duration,
        /// What gives it more.
        setting: &'static str,
    },
    /// It held too much memory.
    #[error(
        "the query was interrupted: it and those beside it held more than {} MiB of memory in lists, texts and the like; narrow it, or raise duckdb.memory_bytes",
        most >> 20
    )]
    TooMuchMemory {
        /// How much they may hold together, in bytes.
        most: u64,
    },
    /// Who asked does not wait for the answer any more.
    #[error("nobody waits for the answer any more")]
    Gone,
    /// The database is being closed.
    #[error("the database is being closed; ask again when merganser runs")]
    Closed,
    /// DuckDB has failed as a whole.
    #[error("DuckDB has failed and answers nothing any more; restart merganser, and run `merganser doctor` after it")]
    Failed,
}

/// The readers. Clones are the same pool.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    readers: Line<Connection>,
    turns: Line<()>,
    /// Turns that SQL from outside may take: nobody knows how long it takes them.
    sql: Line<()>,
    /// How many readers and turns there are.
    sizes: (usize, usize),
    watchdog: Watchdog,
    leases: Leases,
    book: Book,
    limits: Limits,
    slow_query: Duration,
    has_failed: AtomicBool,
}

impl Pool {
    /// Lends these connections out, and looks at the memory that SQL from outside holds.
    ///
    /// # Errors
    /// The watchdog's thread cannot be started.
    pub fn new(connections: Vec<Connection>, memory: Memory, options: &Options) -> std::io::Result<Self> {
        connections.iter().for_each(|db| db.set_prepared_statement_cache_capacity(STATEMENTS));
        let turns = match options.executing {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            most => most,
        };
        Ok(Self(Arc::new(Shared {
            sizes: (connections.len(), turns),
            readers: Line::new(connections),
            turns: Line::new(vec![(); turns]),
            sql: Line::new(vec![(); turns.saturating_sub(1).max(1)]),
            watchdog: Watchdog::start(memory)?,
            leases: Leases::default(),
            book: Book::default(),
            limits: options.limits,
            slow_query: options.slow_query,
            has_failed: AtomicBool::new(false),
        })))
    }

    /// What a question may take that does not say otherwise.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// Asks a question on this thread.
    ///
    /// # Errors
    /// Those of the question; or [`Error`], if it finds no reader or is interrupted.
    pub fn run<T, E: From<Error>>(
        &self,
        class: Class,
        limits: Limits,
        work: impl FnOnce(&Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.lease(class, limits)?.run(work)
    }

    /// Waits for a reader on this thread.
    ///
    /// # Errors
    /// None is free in time, or none ever will be.
    pub fn lease(&self, class: Class, limits: Limits) -> Result<Lease, Error> {
        let asked = now();
        let sql = match self.sql_place(class, asked)? {
            Some(place) => Some(self.sql_turn(place.wait(limits.acquire), asked)?),
            None => None,
        };
        let left = limits.acquire.saturating_sub(asked.elapsed());
        let handed = self.place(asked)?.wait(left);
        self.begin(handed, (class, sql), limits, asked)
    }

    /// Waits for a reader as a task of tokio, without a thread. [`Lease::run`] belongs on a thread that may block.
    ///
    /// # Errors
    /// None is free in time, or none ever will be.
    pub async fn lease_async(&self, class: Class, limits: Limits) -> Result<Lease, Error> {
        let asked = now();
        let sql = match self.sql_place(class, asked)? {
            Some(place) => Some(self.sql_turn(place.wait_async(limits.acquire).await, asked)?),
            None => None,
        };
        let left = limits.acquire.saturating_sub(asked.elapsed());
        let handed = self.place(asked)?.wait_async(left).await;
        self.begin(handed, (class, sql), limits, asked)
    }

    /// A place in the line of SQL, for who is SQL.
    fn sql_place(&self, class: Class, asked: Instant) -> Result<Option<Place<()>>, Error> {
        if class != Class::Sql {
            return Ok(None);
        }
        let place = self.0.sql.stand(caps::QUESTIONS_WAITING);
        place.map(Some).ok_or_else(|| self.0.busy(asked, "duckdb.executing"))
    }

    fn sql_turn(&self, handed: Result<(), Nothing>, asked: Instant) -> Result<Turn, Error> {
        match handed {
            Ok(()) => Ok(Turn::of(&self.0.sql)),
            Err(Nothing::Ever) => Err(Error::Closed),
            Err(Nothing::InTime) => Err(self.0.busy(asked, "duckdb.executing")),
        }
    }

    fn place(&self, asked: Instant) -> Result<Place<Connection>, Error> {
        if self.has_failed() {
            return Err(Error::Failed);
        }
        self.0.readers.stand(caps::QUESTIONS_WAITING).ok_or_else(|| self.0.busy(asked, "duckdb.readers"))
    }

    fn begin(
        &self,
        handed: Result<Connection, Nothing>,
        (class, sql): (Class, Option<Turn>),
        limits: Limits,
        asked: Instant,
    ) -> Result<Lease, Error> {
        match handed {
            Ok(db) => Ok(Lease::new(self.0.clone(), db, (class, sql), limits, asked)),
            Err(Nothing::Ever) => Err(Error::Closed),
            Err(Nothing::InTime) => Err(self.0.busy(asked, "duckdb.readers")),
        }
    }

    /// Waits until every lease that began before this call has ended: behind it nobody sees any more what was
    /// before. Says whether it came to that. Ends early when `go_on` says so.
    #[must_use]
    pub fn wait_until_readers_before_now_are_done(&self, most: Duration, go_on: &dyn Fn() -> bool) -> Earlier {
        let (mark, began) = (self.0.leases.mark(), now());
        loop {
            let left = most.saturating_sub(began.elapsed());
            let earlier = self.0.leases.wait_for(mark, left.min(LOOK));
            if earlier == Earlier::Done || left <= LOOK || !go_on() {
                return earlier;
            }
        }
    }

    /// True when DuckDB has failed and answers nothing any more.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.0.has_failed.load(Ordering::Acquire)
    }

    /// How the readers do.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let shared = &self.0;
        let (readers, turns) = shared.sizes;
        shared.book.fill(Stats {
            readers,
            in_use: readers.saturating_sub(shared.readers.free()),
            executing: turns.saturating_sub(shared.turns.free()),
            waiting: shared.waiting(),
            busy: 0,
            has_failed: self.has_failed(),
            wait_seconds: None,
            begun: 0,
            classes: Vec::new(),
        })
    }

    /// Lets go of the connections: those that wait here at once, those that are lent out when they come back.
    pub fn close(&self) {
        self.0.sql.close();
        self.0.readers.close();
        self.0.turns.close();
        self.0.watchdog.close();
    }
}

impl Shared {
    fn waiting(&self) -> usize {
        self.sql.waiting() + self.readers.waiting() + self.turns.waiting()
    }

    fn busy(&self, asked: Instant, setting: &'static str) -> Error {
        self.book.busy();
        Error::Busy { waited: asked.elapsed(), waiting: self.waiting(), setting }
    }

    /// Makes a connection fit for the next question, after one that failed.
    fn clean(&self, db: &Connection) {
        // Where no transaction is open, this is an error that says so.
        let _ = db.execute_batch("ROLLBACK");
        // A fatal error invalidates the database, and with it every connection.
        if let Err(error) = db.execute_batch("SELECT 1")
            && error.to_string().contains("invalidated")
            && !self.has_failed.swap(true, Ordering::AcqRel)
        {
            tracing::error!(event = "database_failed", error = &error as &dyn std::error::Error, "DuckDB has failed");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a question waits and takes is real time")]
fn now() -> Instant {
    Instant::now()
}
