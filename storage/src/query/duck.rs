//! DuckDB as a source of answers, through its readers: from memory what lies wholly in the hot tier's window, all else from
//! disk and from files. Never from both: two databases have no instant in common.

use duckdb::ToSql;
use messages::UtcNanos;
use messages::ledger::Seq;
use messages::market::Timeframe;

use super::{Answer, Error, Query, Source, Stores, answer as below, hot};
use crate::duck;
use crate::duck::hot::Hot;
use crate::pool::{Class, Pool, Reader};

/// Answers from DuckDB's tiers.
pub struct Duck {
    pool: Pool,
    hot: Hot,
    stores: Stores,
}

impl Duck {
    /// Answers through these readers.
    #[must_use]
    pub fn new(pool: Pool, hot: Hot, stores: Stores) -> Self {
        Self { pool, hot, stores }
    }
}

impl Source for Duck {
    fn ask(&self, query: &Query) -> Result<Answer, Error> {
        self.pool.run(class(query), self.pool.limits(), |reader| answer(reader, &self.hot, &self.stores, query, Seq(0)))
    }
}

/// Answers one question over a reader, for who has one already; from memory only if that holds the market `at_least`
/// up to a record.
///
/// # Errors
/// DuckDB refuses, a stored row is not what it must be, or a cold file cannot be had.
pub fn answer(reader: &Reader<'_>, hot: &Hot, stores: &Stores, query: &Query, at_least: Seq) -> Result<Answer, Error> {
    let (found, took) = below::timed(|| hot::answer(reader, hot, &stores.manifest, query, at_least));
    match found? {
        Some(mut answer) => {
            answer.explain.ms_by_step.read = took;
            Ok(answer)
        }
        None => below::answer(reader, stores, query),
    }
}

/// What a question is about.
pub fn class(query: &Query) -> Class {
    match query {
        Query::Bars { .. } => Class::Bars,
        Query::Ticks { .. } => Class::Ticks,
        Query::Orders { .. } => Class::Orders,
        Query::Trades { .. } => Class::Trades,
        Query::Positions { .. } => Class::Positions,
        Query::Equity { .. } => Class::Equity,
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
    reader: &Reader<'_>,
    sql: &str,
    key: &[&dyn ToSql],
    mut take: impl FnMut(&arrow::array::RecordBatch) -> Result<(), duck::Error>,
) -> Result<(), duck::Error> {
    reader.execute(sql, key, |db| {
        let mut statement = db.prepare_cached(sql).map_err(duck::Error::duck("prepare a question"))?;
        for batch in statement.stream_arrow(key).map_err(duck::Error::duck("answer a question"))? {
            let batch = batch.map_err(duck::Error::duck("read a row"))?;
            reader.add_rows(batch.num_rows());
            take(&batch)?;
        }
        Ok(())
    })
}
