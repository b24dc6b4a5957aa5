//! What the handlers share: the runtime, the database, how far both are, and the ledger, in which stands who did what.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actors::clock::Clock;
use actors::runtime::Runtime;
use actors::venues::place::Place;
use config::Settings;
use messages::ids::IdMaker;
use messages::ledger::{Action, LedgerRecord};
use messages::{OrderId, UtcNanos, durations};
use storage::disk::Reserve;
use storage::journal::{Ack, Journal, Room, Watermark};
use storage::migrate::reads::Need;
use storage::service::Database;

use super::access::Who;
use super::body::Answers;
use super::metrics::Requests;
use super::problem::{Code, Problem};
use super::sides::Sides;
use super::tiers::backup::Directory;

/// The longest that a question waits for the tables to hold what was durable when it was asked.
pub const FRESH_WITHIN: Duration = Duration::from_secs(10);

/// The longest that an action waits for the ledger to hold who does it and why.
const NOTED_WITHIN: Duration = Duration::from_secs(10);

/// What the handlers share.
pub struct Edge {
    /// The tree.
    pub runtime: Arc<Runtime>,
    /// The database.
    pub database: Database,
    /// The memory for its answers.
    pub answers: Answers,
    /// Who answers questions to history.
    pub sides: Sides,
    /// How far the ledger and the market journal are durable, and how far the tables are.
    pub watermarks: Watermarks,
    /// Where actions of people are written down.
    pub ledger: Journal<LedgerRecord>,
    /// False while the ledger cannot write.
    pub ledger_writes: Arc<AtomicBool>,
    /// Whether the disk of the tables has room.
    pub reserve: Reserve,
    /// Whether the market journal has room.
    pub room: Room,
    /// True when DuckDB does not follow any more.
    pub has_failed: Box<dyn Fn() -> bool + Send + Sync>,
    /// The data directory, for a backup.
    pub directory: Directory,
    /// All settings.
    pub settings: Arc<Settings>,
    /// Where exactly orders go; `None` where the venue does not say.
    pub place: Option<Place>,
    /// When this run began.
    pub started: UtcNanos,
    /// Ids of orders for which a person gives no key.
    pub ids: Mutex<IdMaker>,
    /// The wall clock.
    pub wall: Clock,
    /// What was asked so far.
    pub requests: Arc<Requests>,
}

/// How far journals and tables are.
#[derive(Clone)]
pub struct Watermarks {
    /// The ledger.
    pub ledger: (Watermark, Watermark),
    /// The market journal.
    pub market: (Watermark, Watermark),
}

impl Edge {
    /// Writes down who is about to do what, and why; returns once that is durable.
    ///
    /// # Errors
    /// The ledger cannot hold it: then it must not be done.
    pub async fn note(&self, who: &Who, what: &str, subject: impl Display, why: &str) -> Result<(), Problem> {
        if self.has_noted(who, what, subject, why).await {
            return Ok(());
        }
        let text = "the ledger cannot write, and nothing is done that does not stand there; make room on its disk";
        Err(Problem::new(Code::Unavailable, text))
    }

    /// The same for what is done in any case, for it makes things safer. False where the ledger does not hold it yet.
    pub async fn has_noted(&self, who: &Who, what: &str, subject: impl Display, why: &str) -> bool {
        tracing::info!(event = what, by = who.name, %subject, why, "a person acts");
        let action = Action {
            by: who.name.clone(),
            what: what.to_owned(),
            subject: subject.to_string(),
            why: why.to_owned(),
            at: self.wall.now(),
        };
        let record = vec![LedgerRecord::Action(action)];
        if !self.ledger_writes.load(Ordering::Acquire) {
            // It is written when there is room again, if its queue has room now.
            if self.ledger.try_append_acked(record, Box::new(|_| {})).is_err() {
                tracing::warn!(
                    event = what,
                    by = who.name,
                    "the ledger's queue is full; who did it stands in the log alone"
                );
            }
            return false;
        }
        let (tx, rx) = tokio::sync::oneshot::channel();
        let ack: Ack = Box::new(move |durable| _ = tx.send(durable.is_ok()));
        let noted = async { self.ledger.append(record, Some(ack)).await.is_ok() && rx.await.unwrap_or(false) };
        tokio::time::timeout(NOTED_WITHIN, noted).await.unwrap_or(false)
    }

    /// A new id for an order of a person.
    pub fn next_order_id(&self) -> OrderId {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).next_order_id()
    }

    /// Waits until the tables hold what is durable now.
    ///
    /// # Errors
    /// The database is not open yet, or it takes too long.
    pub async fn until_fresh(&self) -> Result<(), Problem> {
        self.database.pool().ok_or_else(opening)?;
        self.watermarks.until_applied(self.watermarks.durable()).await
    }
}

impl Watermarks {
    /// What is durable now.
    pub fn durable(&self) -> Need {
        Need { ledger: self.ledger.0.get(), market: self.market.0.get() }
    }

    /// Waits until the tables hold this.
    ///
    /// # Errors
    /// It takes too long.
    pub async fn until_applied(&self, need: Need) -> Result<(), Problem> {
        let deadline = now() + FRESH_WITHIN;
        while self.ledger.1.get() < need.ledger || self.market.1.get() < need.market {
            if now() > deadline {
                let within = durations::format(FRESH_WITHIN);
                let text = format!(
                    "the tables are more than {within} behind the journals; ask again later, or without waiting for them"
                );
                return Err(Problem::new(Code::Unavailable, text));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

/// Goes on to the end though who asked for it may leave: half of an action is worse than none.
///
/// # Errors
/// What the work says.
pub async fn to_the_end<T: 'static>(work: impl Future<Output = Result<T, Problem>> + 'static) -> Result<T, Problem> {
    let ended = actix_web::rt::spawn(work).await;
    ended.unwrap_or_else(|error| Err(Problem::new(Code::Internal, error.to_string())))
}

/// The answer while the database is not open yet.
pub fn opening() -> Problem {
    Problem::new(Code::Unavailable, "the database is still opening; ask again in a moment")
}

#[expect(clippy::disallowed_methods, reason = "how long a person waits is real time")]
pub(super) fn now() -> Instant {
    Instant::now()
}
