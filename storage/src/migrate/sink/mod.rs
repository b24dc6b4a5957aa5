//! The sink: a second consumer of both journals, which writes the rows of nine tables to a PostgreSQL server.
//!
//! It is a thread that reads behind the journals' durable watermarks as the file thread does, at its own pace, and takes
//! the same batches. Rows, and how far they reach, are committed there in one transaction; whatever breaks off, it goes on
//! from what the server says. It writes into a schema of its own and never to another table.
//!
//! - [`Sink`]: the place for it in a running directory: it is started there and ended. [`SinkHandle`]: what others may ask
//!   of the one that runs.
//! - [`SinkStatus`]: how it stands. [`Held`]: it waits at an exact record, so that both sides can be compared.
//! - `tables`, `schema`, `hyper`, `days`: what stands there, and how it is made.
//! - `offset`: how far the rows reach, whose they are, and which records it had to give up.
//! - `batch`: one transaction; `follower`: reading, transaction by transaction; `thread`: for as long as it is wanted.
//!
//! Invariant: nobody who trades, and no feed, waits for it.

mod batch;
mod days;
mod error;
mod follower;
mod held;
mod hyper;
mod offset;
mod schema;
mod status;
mod tables;
#[cfg(test)]
pub(crate) mod tests;
mod thread;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use messages::ledger::Seq;

use crate::journal::{Taken, Watermark};
use crate::settings::{self, Timescale};

pub(super) use days::make_days;
pub use error::Error;
pub use held::Held;
pub use offset::forget_skipped;
pub use status::{SinkStatus, State};
pub(super) use tables::is_ours;
pub use tables::{SINK_OFFSET, SKIPPED, tables};

use held::Ask;
use status::Shared;
use thread::Running;

/// The last records of the ledger and of the market journal.
pub type Position = (Seq, Seq);

/// Its name as a consumer of the journals.
pub const CONSUMER: &str = "postgres";

/// How long it has at an end to write what is durable.
pub const TO_FINISH: Duration = Duration::from_secs(5);

/// The journals that it reads.
#[derive(Clone)]
pub struct Journals {
    /// The ledger's folder.
    pub ledger_dir: PathBuf,
    /// The market journal's folder.
    pub market_dir: PathBuf,
    /// Up to where the ledger is durable.
    pub ledger: Watermark,
    /// Up to where the market journal is durable.
    pub market: Watermark,
}

/// What it writes, and where.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What leads to the server. Read at each try: a password may be renewed.
    pub settings: Timescale,
    /// The schema there.
    pub schema: String,
    /// How long rows live: what is deleted here at the end of its life is deleted there, where that can be left to TimescaleDB.
    pub tiers: settings::Tiers,
    /// It takes the market records behind this one, and all of the ledger.
    pub watermark: Seq,
}

/// The place for the sink in a running directory. A clone is the same place.
#[derive(Clone)]
pub struct Sink(Arc<Place>);

struct Place {
    journals: Journals,
    /// How much of the market journal is kept for it.
    taken: Taken,
    /// Held by who starts or ends it; who only looks at it waits for neither.
    turn: Mutex<()>,
    running: Mutex<Option<Running>>,
}

impl Sink {
    /// A place where none runs. `taken` says what of the market journal is kept for it.
    #[must_use]
    pub fn new(journals: Journals, taken: Taken) -> Self {
        Self(Arc::new(Place { journals, taken, turn: Mutex::default(), running: Mutex::default() }))
    }

    /// Starts it; one that runs is ended before. What fails from here on shows in its status, and is tried again.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(&self, plan: Plan) -> Result<SinkHandle, Error> {
        let _turn = self.turn();
        // What one that has ended by itself lacked is lacked still, were it ended again and again.
        let lacking = self.handle().and_then(|before| before.shared.ended_lacking());
        self.end(TO_FINISH);
        // Until the server says how far it is, everything that it may lack is kept.
        self.0.taken.set(Seq(0));
        let running = Running::start(self.0.journals.clone(), self.0.taken.clone(), plan)?;
        lacking.into_iter().for_each(|since| running.handle.shared.lacks_since(since));
        let handle = running.handle.clone();
        *self.running() = Some(running);
        Ok(handle)
    }

    /// Ends it: what is durable is still written, if the server takes it within `limit`. The rest waits in the journal for
    /// the next start.
    pub fn stop(&self, limit: Duration) {
        let _turn = self.turn();
        self.end(limit);
    }

    /// As [`Self::stop`], and nothing is kept in the journal for it any more: dual write is off, has not begun, or the server
    /// was frozen. Should it be wanted again, what it lacks of the market comes from DuckDB.
    pub fn release(&self, limit: Duration) {
        let _turn = self.turn();
        self.end(limit);
        self.0.taken.needs_nothing();
    }

    /// The one that runs.
    #[must_use]
    pub fn handle(&self) -> Option<SinkHandle> {
        self.running().as_ref().map(|running| running.handle.clone())
    }

    /// True while one runs: it was started, and its thread has not ended by itself.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.handle().is_some_and(|handle| handle.status().state != State::Ended)
    }

    fn end(&self, limit: Duration) {
        let before = self.running().take();
        if let Some(running) = before {
            running.end(limit);
        }
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.0.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What others may ask of a sink that runs. It never makes them wait longer than they say.
#[derive(Clone)]
pub struct SinkHandle {
    journals: Journals,
    shared: Shared,
    asks: flume::Sender<Ask>,
}

impl SinkHandle {
    /// How it stands.
    #[must_use]
    pub fn status(&self) -> SinkStatus {
        self.shared.status((self.journals.ledger.get(), self.journals.market.get()))
    }

    /// The last records whose rows the server has committed; 0 for both until it was reached.
    #[must_use]
    pub fn applied(&self) -> Position {
        self.shared.applied()
    }

    /// Lets it wait where it is once its transaction has ended.
    ///
    /// # Errors
    /// It does not follow now, waits for somebody else, or did not end its transaction in time; [`Error::Stopped`] once `go_on`
    /// says no.
    pub fn hold(&self, limit: Duration, go_on: &dyn Fn() -> bool) -> Result<Held, Error> {
        Held::ask(&self.asks, limit, go_on)
    }
}
