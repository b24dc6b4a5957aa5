//! Answers from the tables on disk.

use duckdb::params;
use messages::ledger::Seq;
use messages::market::{Bar, Timeframe};
use messages::{Instrument, UtcNanos};

use super::duck::{each_batch, first_micros, latest_open};
use super::{Answer, Query, Rows, StoredTick, Tier};
use crate::duck::stored::{BAR_CELLS, Bars, TICK_CELLS, Ticks};
use crate::duck::{Error, file};
use crate::journal::Log;
use crate::pool::Reader;

/// Answers from disk.
///
/// # Errors
/// DuckDB refuses, or a stored row is not what it must be.
pub fn answer(reader: &Reader<'_>, query: &Query) -> Result<Answer, Error> {
    // The offset first: rows that arrive in between only make the answer fresher than it says.
    let complete_to: Seq = file::offset(reader, Log::Market)?;
    let rows = match query {
        Query::Bars { instrument, timeframe, to, limit } => {
            Rows::Bars(bars(reader, *instrument, *timeframe, *to, *limit)?)
        }
        Query::Ticks { instrument, from, to, limit } => Rows::Ticks(ticks(reader, *instrument, (*from, *to), *limit)?),
    };
    Ok(Answer { rows, tier: Tier::Disk, complete_to })
}

fn bars(
    reader: &Reader<'_>,
    instrument: Instrument,
    timeframe: Timeframe,
    to: UtcNanos,
    limit: u32,
) -> Result<Vec<Bar>, Error> {
    let sql = format!(
        "SELECT {BAR_CELLS} FROM ohlcv_bars
         WHERE exchange = ? AND symbol = ? AND timeframe = ? AND \"timestamp\" <= make_timestamp(?)
         ORDER BY \"timestamp\" DESC LIMIT ?"
    );
    let (exchange, symbol) = (instrument.exchange.as_str(), instrument.symbol.as_str());
    let latest = latest_open(to, timeframe).micros();
    let mut found = Vec::new();
    each_batch(reader, &sql, params![exchange, symbol, timeframe.to_string(), latest, limit], |batch| {
        let bars = Bars::new(batch)?;
        for row in 0..batch.num_rows() {
            found.push(bars.get(row, instrument)?);
        }
        Ok(())
    })?;
    found.reverse();
    Ok(found)
}

fn ticks(
    reader: &Reader<'_>,
    instrument: Instrument,
    (from, to): (UtcNanos, UtcNanos),
    limit: u32,
) -> Result<Vec<StoredTick>, Error> {
    let sql = format!(
        "SELECT {TICK_CELLS} FROM market_ticks
         WHERE exchange = ? AND symbol = ? AND \"timestamp\" >= make_timestamp(?) AND \"timestamp\" < make_timestamp(?)
         ORDER BY \"timestamp\" DESC, tick_id DESC LIMIT ?"
    );
    let (exchange, symbol) = (instrument.exchange.as_str(), instrument.symbol.as_str());
    let mut found = Vec::new();
    each_batch(reader, &sql, params![exchange, symbol, first_micros(from), first_micros(to), limit], |batch| {
        let ticks = Ticks::new(batch)?;
        for row in 0..batch.num_rows() {
            found.push(ticks.get(row, instrument)?);
        }
        Ok(())
    })?;
    found.reverse();
    Ok(found)
}
