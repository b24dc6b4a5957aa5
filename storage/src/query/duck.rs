//! DuckDB as a source of answers.

use duckdb::{Connection, params};
use messages::ledger::Seq;
use messages::market::{Bar, Timeframe};
use messages::{Cash, Instrument, MarketId, Notional, Price, Quantity, UtcNanos};

use super::{Answer, Error, Query, Source};
use crate::duck::{self, file};
use crate::journal::Log;

/// Answers from the tables on disk.
pub struct Duck {
    db: Connection,
}

impl Duck {
    /// Answers over this connection.
    #[must_use]
    pub fn new(db: Connection) -> Self {
        Self { db }
    }
}

impl Source for Duck {
    fn ask(&self, query: &Query) -> Result<Answer, Error> {
        // The offset first: rows that arrive in between only make the answer fresher than it says.
        let complete_to: Seq = file::offset(&self.db, Log::Market)?;
        let Query::Bars { instrument, timeframe, to, limit } = query;
        let bars = bars(&self.db, *instrument, *timeframe, *to, *limit)?;
        Ok(Answer { bars, complete_to })
    }
}

/// Decimals leave as their text: exact, and the same for every width.
const BARS: &str = "
    SELECT * FROM (
        SELECT bar_id, epoch_us(\"timestamp\"), \"open\"::VARCHAR, high::VARCHAR, low::VARCHAR, \"close\"::VARCHAR,
               volume::VARCHAR, notional::VARCHAR, trade_count, revision, is_complete
        FROM ohlcv_bars
        WHERE exchange = ? AND symbol = ? AND timeframe = ? AND epoch_us(\"timestamp\") <= ?
        ORDER BY \"timestamp\" DESC LIMIT ?
    ) ORDER BY 2";

fn bars(
    db: &Connection,
    instrument: Instrument,
    timeframe: Timeframe,
    to: UtcNanos,
    limit: u32,
) -> Result<Vec<Bar>, Error> {
    let latest_open = to.before(timeframe.duration()).micros();
    let mut statement = db.prepare_cached(BARS).map_err(duck::Error::duck("prepare a question"))?;
    let key =
        params![instrument.exchange.as_str(), instrument.symbol.as_str(), timeframe.to_string(), latest_open, limit];
    let mut rows = statement.query(key).map_err(duck::Error::duck("answer a question"))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(duck::Error::duck("read a row"))? {
        found.push(bar(row, instrument, timeframe)?);
    }
    Ok(found)
}

fn bar(row: &duckdb::Row<'_>, instrument: Instrument, timeframe: Timeframe) -> Result<Bar, Error> {
    let cell = duck::Error::duck("read a cell");
    let get = || -> Result<_, duckdb::Error> {
        let ids: (i64, i64) = (row.get(0)?, row.get(1)?);
        let prices: [String; 4] = [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
        let sums: (String, String) = (row.get(6)?, row.get(7)?);
        let rest: (i64, i16, bool) = (row.get(8)?, row.get(9)?, row.get(10)?);
        Ok((ids, prices, sums, rest))
    };
    let ((id, micros), prices, (volume, notional), (count, revision, is_complete)) = get().map_err(cell)?;
    let price = |n: usize, column| prices[n].parse::<Price>().map_err(|_| bad(column, &prices[n]));
    let cash: Cash = notional.parse().map_err(|_| bad("notional", &notional))?;
    Ok(Bar {
        bar_id: MarketId(u64::try_from(id).map_err(|_| bad("bar_id", &id.to_string()))?),
        instrument,
        timeframe,
        open_time: UtcNanos(micros.saturating_mul(1_000)),
        open: price(0, "open")?,
        high: price(1, "high")?,
        low: price(2, "low")?,
        close: price(3, "close")?,
        volume: volume.parse::<Quantity>().map_err(|_| bad("volume", &volume))?,
        notional: Notional::from_raw(cash.raw() * 100_000_000),
        trade_count: u64::try_from(count).map_err(|_| bad("trade_count", &count.to_string()))?,
        revision: u16::try_from(revision).map_err(|_| bad("revision", &revision.to_string()))?,
        is_complete,
    })
}

fn bad(column: &'static str, value: &str) -> Error {
    Error::BadRow { table: "ohlcv_bars", column, value: value.to_owned() }
}
