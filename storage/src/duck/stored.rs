//! Rows on their way out: one reader of Arrow batches for every tier, so that the same row is the
//! same value wherever it stood. The counterpart of `sheet`.

use arrow::array::{
    Array, AsArray, BooleanArray, Decimal128Array, Int16Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use messages::market::{Bar, Conditions, Level, Source, Tick, TickBody, Timeframe};
use messages::orders::Side;
use messages::{Cash, Exchange, Instrument, MarketId, Notional, Price, Quantity, Size, UtcNanos};

use super::Error;

/// A tick as the tables keep it; its times are in whole microseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoredTick {
    /// Its number.
    pub id: MarketId,
    /// The trade or quote.
    pub tick: Tick,
    /// Where it came from.
    pub source: Source,
    /// When it was received.
    pub received: UtcNanos,
}

/// The cells that [`Ticks`] reads, in its order.
pub const TICK_CELLS: &str = "tick_id, \"timestamp\", bid_price, ask_price, bid_size, ask_size, last_price, volume, \
    aggressor_side::VARCHAR AS aggressor_side, sequence_number, conditions, source::VARCHAR AS source, revision, ingestion_time";

/// The cells that [`Bars`] reads, in its order.
pub const BAR_CELLS: &str = "bar_id, \"timestamp\", \"open\", high, low, \"close\", volume, notional, trade_count, \
    revision, is_complete, timeframe";

/// The cells that [`Names`] reads, behind those of a row.
pub const NAME_CELLS: &str = "exchange, symbol";

/// The column of a batch as what it must be.
fn column<'a, T: Array + 'static>(table: &'static str, batch: &'a RecordBatch, at: usize) -> Result<&'a T, Error> {
    let found = batch.column(at);
    found.as_any().downcast_ref().ok_or_else(|| {
        let schema = batch.schema();
        bad(table, schema.field(at).name(), &found.data_type().to_string())
    })
}

fn bad(table: &'static str, column: &str, value: &str) -> Error {
    Error::BadRow { table, column: column.to_owned(), value: value.to_owned() }
}

fn time(column: &TimestampMicrosecondArray, row: usize) -> UtcNanos {
    UtcNanos(column.value(row).saturating_mul(1_000))
}

fn text(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// Ticks in a batch.
pub struct Ticks<'a> {
    ids: &'a Int64Array,
    times: &'a TimestampMicrosecondArray,
    decimals: [&'a Decimal128Array; 6],
    sides: &'a StringArray,
    sequences: &'a Int64Array,
    conditions: &'a StringArray,
    sources: &'a StringArray,
    revisions: &'a Int16Array,
    received: &'a TimestampMicrosecondArray,
}

const TICKS: &str = "market_ticks";

impl<'a> Ticks<'a> {
    /// The ticks of a batch with [`TICK_CELLS`].
    ///
    /// # Errors
    /// A column is not what it must be.
    pub fn new(batch: &'a RecordBatch) -> Result<Self, Error> {
        let decimal = |at| column::<Decimal128Array>(TICKS, batch, at);
        Ok(Self {
            ids: column(TICKS, batch, 0)?,
            times: column(TICKS, batch, 1)?,
            decimals: [decimal(2)?, decimal(3)?, decimal(4)?, decimal(5)?, decimal(6)?, decimal(7)?],
            sides: column(TICKS, batch, 8)?,
            sequences: column(TICKS, batch, 9)?,
            conditions: column(TICKS, batch, 10)?,
            sources: column(TICKS, batch, 11)?,
            revisions: column(TICKS, batch, 12)?,
            received: column(TICKS, batch, 13)?,
        })
    }

    /// One of them.
    ///
    /// # Errors
    /// A cell holds what cannot be.
    pub fn get(&self, row: usize, instrument: Instrument) -> Result<StoredTick, Error> {
        let [bid, ask, bid_size, ask_size, last, volume] = &self.decimals;
        let body = match price(last, row, "last_price")? {
            Some(price) => TickBody::Trade {
                price,
                size: size(volume, row, "volume")?.ok_or_else(|| bad(TICKS, "volume", "NULL"))?,
                aggressor: text(self.sides, row).map(side).transpose()?,
                conditions: conditions(text(self.conditions, row).unwrap_or_default())?,
            },
            None => TickBody::Quote {
                bid: level(price(bid, row, "bid_price")?, size(bid_size, row, "bid_size")?),
                ask: level(price(ask, row, "ask_price")?, size(ask_size, row, "ask_size")?),
            },
        };
        let sequence = self.sequences.is_valid(row).then(|| self.sequences.value(row));
        let revision = whole(TICKS, "revision", i64::from(self.revisions.value(row)))?;
        let tick = Tick { instrument, time: time(self.times, row), sequence, revision, body };
        Ok(StoredTick {
            id: MarketId(whole(TICKS, "tick_id", self.ids.value(row))?),
            tick,
            source: source(self.sources.value(row))?,
            received: time(self.received, row),
        })
    }
}

/// A whole number that must not be negative.
fn whole<T: TryFrom<i64>>(table: &'static str, name: &str, cell: i64) -> Result<T, Error> {
    T::try_from(cell).map_err(|_| bad(table, name, &cell.to_string()))
}

fn price(column: &Decimal128Array, row: usize, name: &str) -> Result<Option<Price>, Error> {
    scaled(column, row, |raw| Price::from_raw(i64::try_from(raw).ok()?)).map_err(|raw| bad(TICKS, name, &raw))
}

fn size(column: &Decimal128Array, row: usize, name: &str) -> Result<Option<Size>, Error> {
    scaled(column, row, |raw| Size::from_raw(i64::try_from(raw).ok()?)).map_err(|raw| bad(TICKS, name, &raw))
}

/// A decimal cell as a number of ours; its digits when it lies outside.
fn scaled<T>(column: &Decimal128Array, row: usize, make: impl Fn(i128) -> Option<T>) -> Result<Option<T>, String> {
    if column.is_null(row) {
        return Ok(None);
    }
    make(column.value(row)).map(Some).ok_or_else(|| column.value_as_string(row))
}

fn level(price: Option<Price>, size: Option<Size>) -> Option<Level> {
    Some(Level { price: price?, size: size? })
}

fn side(name: &str) -> Result<Side, Error> {
    [Side::Buy, Side::Sell].into_iter().find(|s| s.as_str() == name).ok_or_else(|| bad(TICKS, "aggressor_side", name))
}

fn conditions(codes: &str) -> Result<Conditions, Error> {
    Conditions::from(codes).map_err(|_| bad(TICKS, "conditions", codes))
}

fn source(name: &str) -> Result<Source, Error> {
    [Source::Stream, Source::Rest, Source::Import, Source::Replay, Source::Simulated]
        .into_iter()
        .find(|s| s.as_str() == name)
        .ok_or_else(|| bad(TICKS, "source", name))
}

/// Bars in a batch.
pub struct Bars<'a> {
    ids: &'a Int64Array,
    times: &'a TimestampMicrosecondArray,
    decimals: [&'a Decimal128Array; 6],
    counts: &'a Int64Array,
    revisions: &'a Int16Array,
    complete: &'a BooleanArray,
    timeframes: &'a StringArray,
}

const BARS: &str = "ohlcv_bars";

impl<'a> Bars<'a> {
    /// The bars of a batch with [`BAR_CELLS`].
    ///
    /// # Errors
    /// A column is not what it must be.
    pub fn new(batch: &'a RecordBatch) -> Result<Self, Error> {
        let decimal = |at| column::<Decimal128Array>(BARS, batch, at);
        Ok(Self {
            ids: column(BARS, batch, 0)?,
            times: column(BARS, batch, 1)?,
            decimals: [decimal(2)?, decimal(3)?, decimal(4)?, decimal(5)?, decimal(6)?, decimal(7)?],
            counts: column(BARS, batch, 8)?,
            revisions: column(BARS, batch, 9)?,
            complete: column(BARS, batch, 10)?,
            timeframes: column(BARS, batch, 11)?,
        })
    }

    /// One of them.
    ///
    /// # Errors
    /// A cell holds what cannot be.
    pub fn get(&self, row: usize, instrument: Instrument) -> Result<Bar, Error> {
        let out = |at: usize, name| bad(BARS, name, &self.decimals[at].value_as_string(row));
        let raw = |at: usize| self.decimals[at].value(row);
        let price = |at, name| i64::try_from(raw(at)).ok().and_then(Price::from_raw).ok_or_else(|| out(at, name));
        let notional = Cash::from_raw(raw(5)).ok_or_else(|| out(5, "notional"))?;
        let timeframe = self.timeframes.value(row);
        Ok(Bar {
            bar_id: MarketId(whole(BARS, "bar_id", self.ids.value(row))?),
            instrument,
            timeframe: timeframe.parse::<Timeframe>().map_err(|_| bad(BARS, "timeframe", timeframe))?,
            open_time: time(self.times, row),
            open: price(0, "open")?,
            high: price(1, "high")?,
            low: price(2, "low")?,
            close: price(3, "close")?,
            volume: Quantity::from_raw(raw(4)).ok_or_else(|| out(4, "volume"))?,
            notional: Notional::from_raw(notional.raw() * 100_000_000),
            trade_count: whole(BARS, "trade_count", self.counts.value(row))?,
            revision: whole(BARS, "revision", i64::from(self.revisions.value(row)))?,
            is_complete: self.complete.value(row),
        })
    }
}

/// The instruments of a batch's rows.
pub struct Names<'a> {
    exchanges: &'a StringArray,
    symbols: &'a StringArray,
}

impl<'a> Names<'a> {
    /// The last two columns of a batch, which are [`NAME_CELLS`].
    #[must_use]
    pub fn new(batch: &'a RecordBatch) -> Self {
        let columns = batch.num_columns();
        Self { exchanges: batch.column(columns - 2).as_string(), symbols: batch.column(columns - 1).as_string() }
    }

    /// The instrument of one of them.
    ///
    /// # Errors
    /// A cell holds what cannot be.
    pub fn get(&self, row: usize) -> Result<Instrument, Error> {
        let (exchange, symbol) = (self.exchanges.value(row), self.symbols.value(row));
        Ok(Instrument {
            exchange: exchange.parse::<Exchange>().map_err(|_| bad("instruments", "exchange", exchange))?,
            symbol: symbol.parse().map_err(|_| bad("instruments", "symbol", symbol))?,
        })
    }
}
