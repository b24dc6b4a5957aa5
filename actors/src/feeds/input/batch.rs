//! A record batch of our tick columns, read row by row into ticks.
//!
//! Prices and sizes are decimals of scale 8, as the table `market_ticks` has them; a file with
//! floating-point prices is refused, because what it held before is no longer known.

use std::path::{Path, PathBuf};

use arrow::array::{Array, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Schema;
use messages::instrument::{Exchange, Instrument};
use messages::market::{Conditions, Level, Tick, TickBody};
use messages::orders::Side;
use messages::{Price, Size, UtcNanos};

use super::error::InputError;
use super::typed::{ALL_NEEDED, Source, Times, value};
use crate::wire::cut;

/// The columns that a file must have.
const NEEDED: [&str; 12] = [
    "exchange",
    "symbol",
    "timestamp",
    "kind",
    "bid_price",
    "ask_price",
    "bid_size",
    "ask_size",
    "last_price",
    "volume",
    "aggressor_side",
    "sequence_number",
];
/// All columns that are read; the last four may be absent.
pub const COLUMNS: [&str; 16] = [
    "exchange",
    "symbol",
    "timestamp",
    "kind",
    "bid_price",
    "ask_price",
    "bid_size",
    "ask_size",
    "last_price",
    "volume",
    "aggressor_side",
    "sequence_number",
    "ingestion_time",
    "conditions",
    "revision",
    "tick_id",
];
/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Trade,
    Quote,
}

/// The columns of a batch.
pub struct TickBatch {
    path: PathBuf,
    exchange: StringArray,
    symbol: StringArray,
    timestamp: Times,
    kind: StringArray,
    bid_price: Decimal128Array,
    ask_price: Decimal128Array,
    bid_size: Decimal128Array,
    ask_size: Decimal128Array,
    last_price: Decimal128Array,
    volume: Decimal128Array,
    aggressor_side: StringArray,
    sequence_number: Int64Array,
    ingestion_time: Option<Times>,
    conditions: Option<StringArray>,
    revision: Option<Int64Array>,
    tick_id: Option<Int64Array>,
}

/// Refuses a file without the columns that we need.
pub fn check_columns(path: &Path, schema: &Schema) -> Result<(), InputError> {
    match NEEDED.into_iter().find(|column| schema.field_with_name(column).is_err()) {
        Some(column) => Err(InputError::MissingColumn { path: path.to_owned(), column, needed: ALL_NEEDED }),
        None => Ok(()),
    }
}

impl TickBatch {
    /// Takes the columns, with their types checked.
    pub fn new(path: &Path, batch: &RecordBatch) -> Result<Self, InputError> {
        let source = Source { path, batch };
        Ok(Self {
            path: path.to_owned(),
            exchange: source.texts("exchange")?,
            symbol: source.texts("symbol")?,
            timestamp: source.times("timestamp")?,
            kind: source.texts("kind")?,
            bid_price: source.decimals("bid_price")?,
            ask_price: source.decimals("ask_price")?,
            bid_size: source.decimals("bid_size")?,
            ask_size: source.decimals("ask_size")?,
            last_price: source.decimals("last_price")?,
            volume: source.decimals("volume")?,
            aggressor_side: source.texts("aggressor_side")?,
            sequence_number: source.integers("sequence_number")?,
            ingestion_time: source.optional("ingestion_time", Source::times)?,
            conditions: source.optional("conditions", Source::texts)?,
            revision: source.optional("revision", Source::integers)?,
            tick_id: source.optional("tick_id", Source::integers)?,
        })
    }

    /// Its rows.
    pub fn rows(&self) -> usize {
        self.kind.len()
    }

    /// The number that the market actor gave to the tick, where the file has it.
    pub fn tick_id(&self, row: usize) -> Option<i64> {
        self.tick_id.as_ref().and_then(|ids| value(ids, row))
    }

    /// What a row is. `number` is its place in the file, for the error.
    pub fn kind(&self, row: usize, number: u64) -> Result<Kind, InputError> {
        match text(&self.kind, row) {
            Some("trade") => Ok(Kind::Trade),
            Some("quote") => Ok(Kind::Quote),
            other => Err(self.wrong("kind", number, other, "trade or quote")),
        }
    }

    /// The tick of a row and its receive time.
    pub fn tick(&self, row: usize, number: u64) -> Result<(Tick, UtcNanos), InputError> {
        let time = self
            .timestamp
            .at(row)
            .ok_or_else(|| self.wrong("timestamp", number, None, "a time between 1677 and 2262"))?;
        let received = self.ingestion_time.as_ref().and_then(|times| times.at(row)).unwrap_or(time);
        let revision = self.revision.as_ref().and_then(|revisions| value(revisions, row)).unwrap_or(0);
        let body = match self.kind(row, number)? {
            Kind::Trade => self.trade(row, number)?,
            Kind::Quote => self.quote(row, number)?,
        };
        let tick = Tick {
            instrument: self.instrument(row, number)?,
            time,
            sequence: value(&self.sequence_number, row),
            revision: u16::try_from(revision)
                .map_err(|_| self.wrong("revision", number, Some(&revision.to_string()), "a revision"))?,
            body,
        };
        Ok((tick, received))
    }

    fn instrument(&self, row: usize, number: u64) -> Result<Instrument, InputError> {
        let exchange = text(&self.exchange, row);
        let symbol = text(&self.symbol, row);
        Ok(Instrument {
            exchange: exchange
                .and_then(|name| name.parse::<Exchange>().ok())
                .ok_or_else(|| self.wrong("exchange", number, exchange, "binance, alpaca or simulated"))?,
            symbol: symbol
                .and_then(|name| name.parse().ok())
                .ok_or_else(|| self.wrong("symbol", number, symbol, "a symbol that fits"))?,
        })
    }

    fn trade(&self, row: usize, number: u64) -> Result<TickBody, InputError> {
        let aggressor = match text(&self.aggressor_side, row) {
            None => None,
            Some("buy") => Some(Side::Buy),
            Some("sell") => Some(Side::Sell),
            other => return Err(self.wrong("aggressor_side", number, other, "buy, sell or NULL")),
        };
        let codes = self.conditions.as_ref().and_then(|conditions| text(conditions, row));
        let price = self.decimal(&self.last_price, "last_price", row, number)?.and_then(Price::from_raw);
        let size = self.decimal(&self.volume, "volume", row, number)?.and_then(Size::from_raw);
        Ok(TickBody::Trade {
            price: price.ok_or_else(|| self.wrong("last_price", number, None, "the price of a trade"))?,
            size: size
                .filter(|size| !size.is_negative())
                .ok_or_else(|| self.wrong("volume", number, None, "the size of a trade"))?,
            aggressor,
            conditions: Conditions::from(codes.unwrap_or_default())
                .map_err(|_| self.wrong("conditions", number, codes, "at most 16 bytes"))?,
        })
    }

    fn quote(&self, row: usize, number: u64) -> Result<TickBody, InputError> {
        let side = |prices, sizes, name| -> Result<Option<Level>, InputError> {
            let price = self.decimal(prices, name, row, number)?.and_then(Price::from_raw);
            let size = self.decimal(sizes, name, row, number)?.and_then(Size::from_raw);
            match (price, size) {
                (None, None) => Ok(None),
                (Some(price), Some(size)) if !size.is_negative() => Ok(Some(Level { price, size })),
                _ => Err(self.wrong(name, number, None, "a price with its size, or NULL with NULL")),
            }
        };
        Ok(TickBody::Quote {
            bid: side(&self.bid_price, &self.bid_size, "bid_price")?,
            ask: side(&self.ask_price, &self.ask_size, "ask_price")?,
        })
    }

    /// A decimal's scaled integer; `None` for NULL.
    fn decimal(
        &self,
        column: &Decimal128Array,
        name: &'static str,
        row: usize,
        number: u64,
    ) -> Result<Option<i64>, InputError> {
        if column.is_null(row) {
            return Ok(None);
        }
        let raw = i64::try_from(column.value(row)).ok().filter(|raw| Price::from_raw(*raw).is_some());
        raw.map(Some).ok_or_else(|| self.wrong(name, number, Some(&column.value_as_string(row)), "a DECIMAL(18,8)"))
    }

    fn wrong(&self, column: &'static str, line: u64, text: Option<&str>, expected: &'static str) -> InputError {
        let text = cut(text.unwrap_or("NULL"));
        InputError::Value { path: self.path.clone(), line, column, text, expected }
    }
}

fn text(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}
