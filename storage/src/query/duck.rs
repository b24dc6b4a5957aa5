//! DuckDB as a source of answers: from memory what lies wholly in the hot tier's window, all else from disk and from
//! files. Never from both: two databases have no instant in common.

use duckdb::{Connection, Params};
use messages::UtcNanos;
use messages::market::Timeframe;

use super::{Answer, Error, Query, Source, Stores, answer as below, hot};
use crate::duck;
use crate::duck::hot::Hot;

/// Prepared statements that a connection keeps: a few on disk, one for each table of the hot tier that it
/// has asked lately.
const STATEMENTS: usize = 64;

/// Answers from DuckDB's tiers.
pub struct Duck {
    db: Connection,
    hot: Hot,
    stores: Stores,
}

impl Duck {
    /// Answers over this connection.
    #[must_use]
    pub fn new(db: Connection, hot: Hot, stores: Stores) -> Self {
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        Self { db, hot, stores }
    }
}

impl Source for Duck {
    fn ask(&self, query: &Query) -> Result<Answer, Error> {
        answer(&self.db, &self.hot, &self.stores, query)
    }
}

/// Answers one question over a connection.
///
/// # Errors
/// DuckDB refuses, a stored row is not what it must be, or a cold file cannot be had.
pub fn answer(db: &Connection, hot: &Hot, stores: &Stores, query: &Query) -> Result<Answer, Error> {
    let (found, took) = below::timed(|| hot::answer(db, hot, &stores.manifest, query));
    match found? {
        Some(mut answer) => {
            answer.explain.ms_by_step.read = took;
            Ok(answer)
        }
        None => below::answer(db, stores, query),
    }
}

/// The first whole microsecond at or after an instant: what a TIMESTAMP of a range is compared with.
pub fn first_micros(at: UtcNanos) -> i64 {
    UtcNanos(at.0.saturating_add(999)).micros()
}

/// The latest open time of a bar that has ended at `to`.
pub fn latest_open(to: UtcNanos, timeframe: Timeframe) -> UtcNanos {
    to.before(timeframe.duration())
}

/// Asks with a prepared statement and hands over the batches of the answer.
pub fn each_batch(
    db: &Connection,
    sql: &str,
    key: impl Params,
    mut take: impl FnMut(&arrow::array::RecordBatch) -> Result<(), duck::Error>,
) -> Result<(), duck::Error> {
    let mut statement = db.prepare_cached(sql).map_err(duck::Error::duck("prepare a question"))?;
    for batch in statement.stream_arrow(key).map_err(duck::Error::duck("answer a question"))? {
        take(&batch.map_err(duck::Error::duck("read a row"))?)?;
    }
    Ok(())
}
