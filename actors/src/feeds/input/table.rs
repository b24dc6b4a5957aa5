//! CSV tables of ticks: a header, then a trade or a quote in each row.
//!
//! A row with a price is a trade, one without is a quote. The receive time of a row is its
//! timestamp, for a table has no other. A row that cannot be read stops the reading with its line
//! and column.

use std::io;
use std::path::{Path, PathBuf};

use messages::instrument::{Exchange, Instrument};
use messages::market::{Conditions, FeedItem, Level, Tick, TickBody};
use messages::orders::Side;
use messages::{Price, Size, UtcNanos};

use super::Step;
use super::bytes::{self, Bytes};
use super::columns::{Column, Columns};
use super::error::InputError;
use crate::wire::cut;

/// The exchange of rows that do not name one.
pub const EXCHANGE: Exchange = Exchange::Binance;

/// Reads a CSV file.
pub struct Table {
    path: PathBuf,
    compression: Option<&'static str>,
    reader: csv::Reader<Bytes>,
    columns: Columns,
    row: csv::StringRecord,
    /// Sizes whose ninth decimal was rounded half to even.
    pub rounded_sizes: u64,
}

impl Table {
    /// Reads the header.
    pub fn open(path: &Path, bytes: Bytes) -> Result<Self, InputError> {
        let compression = bytes.compression();
        let mut reader = csv::Reader::from_reader(bytes);
        let header = reader.headers().map_err(|e| failed(path, compression, e))?;
        let columns = Columns::find(header, path)?;
        let row = csv::StringRecord::new();
        Ok(Self { path: path.to_owned(), compression, reader, columns, row, rounded_sizes: 0 })
    }

    /// Reads one row.
    pub fn step(&mut self) -> Result<Step, InputError> {
        let more = self.reader.read_record(&mut self.row).map_err(|e| failed(&self.path, self.compression, e))?;
        if !more {
            return Ok(Step::End);
        }
        let line = self.row.position().map_or(0, csv::Position::line);
        let row = Row { path: &self.path, columns: &self.columns, record: &self.row, line };
        let tick = row.tick(&mut self.rounded_sizes)?;
        Ok(Step::Items(tick.time, vec![FeedItem::Tick(tick)]))
    }
}

/// A row with what its errors name.
struct Row<'a> {
    path: &'a Path,
    columns: &'a Columns,
    record: &'a csv::StringRecord,
    line: u64,
}

impl<'a> Row<'a> {
    fn tick(&self, rounded: &mut u64) -> Result<Tick, InputError> {
        let symbol = self.needed(Column::Symbol, "a symbol")?;
        let exchange = match self.get(Column::Exchange) {
            None => EXCHANGE,
            Some(_) => self.parsed(Column::Exchange, "an exchange: binance, alpaca or simulated")?,
        };
        let symbol = symbol.parse().map_err(|_| self.wrong(Column::Symbol, "a symbol that fits"))?;
        let sequence = match self.get(Column::Id) {
            None => None,
            Some(_) => Some(self.parsed(Column::Id, "a whole number")?),
        };
        Ok(Tick {
            instrument: Instrument { exchange, symbol },
            time: self.time()?,
            sequence,
            revision: 0,
            body: if self.get(Column::Price).is_some() { self.trade(rounded)? } else { self.quote(rounded)? },
        })
    }

    fn trade(&self, rounded: &mut u64) -> Result<TickBody, InputError> {
        let aggressor = match self.get(Column::Side) {
            None => None,
            Some(side) if side.eq_ignore_ascii_case("buy") || side.eq_ignore_ascii_case("b") => Some(Side::Buy),
            Some(side) if side.eq_ignore_ascii_case("sell") || side.eq_ignore_ascii_case("s") => Some(Side::Sell),
            Some(_) => return Err(self.wrong(Column::Side, "a side: buy, sell or nothing")),
        };
        Ok(TickBody::Trade {
            price: self.price(Column::Price)?,
            size: self.size(Column::Size, rounded)?,
            aggressor,
            conditions: Conditions::new(),
        })
    }

    fn quote(&self, rounded: &mut u64) -> Result<TickBody, InputError> {
        let mut side = |price, size| -> Result<Option<Level>, InputError> {
            if self.get(price).is_none() && self.get(size).is_none() {
                return Ok(None);
            }
            Ok(Some(Level { price: self.price(price)?, size: self.size(size, rounded)? }))
        };
        let bid = side(Column::BidPrice, Column::BidSize)?;
        let ask = side(Column::AskPrice, Column::AskSize)?;
        if bid.is_none() && ask.is_none() {
            return Err(self.wrong(Column::Price, "a price, and there is no bid or ask either"));
        }
        Ok(TickBody::Quote { bid, ask })
    }

    fn time(&self) -> Result<UtcNanos, InputError> {
        const EXPECTED: &str = "a UTC time: text, or seconds, ms, µs or ns since 1970";
        let text = self.needed(Column::Timestamp, EXPECTED)?;
        let time = match text.parse::<i64>() {
            Ok(number) => by_magnitude(number),
            Err(_) => text.parse().ok(),
        };
        time.ok_or_else(|| self.wrong(Column::Timestamp, EXPECTED))
    }

    fn price(&self, column: Column) -> Result<Price, InputError> {
        let text = self.needed(column, "a price")?;
        Price::parse_tick(text.as_bytes()).map_err(|_| self.wrong(column, "a price of at most 8 decimals"))
    }

    fn size(&self, column: Column, rounded: &mut u64) -> Result<Size, InputError> {
        let text = self.needed(column, "a size")?;
        let parsed = Size::parse_tick(text.as_bytes()).ok().filter(|(size, _)| !size.is_negative());
        let (size, was_rounded) = parsed.ok_or_else(|| self.wrong(column, "a size"))?;
        *rounded += u64::from(was_rounded);
        Ok(size)
    }

    fn parsed<T: std::str::FromStr>(&self, column: Column, expected: &'static str) -> Result<T, InputError> {
        self.needed(column, expected)?.parse().map_err(|_| self.wrong(column, expected))
    }

    fn needed(&self, column: Column, expected: &'static str) -> Result<&'a str, InputError> {
        self.get(column).ok_or_else(|| self.wrong(column, expected))
    }

    fn get(&self, column: Column) -> Option<&'a str> {
        self.columns.get(self.record, column)
    }

    fn wrong(&self, column: Column, expected: &'static str) -> InputError {
        let text = cut(self.get(column).unwrap_or_default());
        let (path, line) = (self.path.to_owned(), self.line);
        InputError::Value { path, line, column: column.name(), text, expected }
    }
}

/// An integer time: seconds below 1e11 (the year 5138), then ms, µs and ns, each a thousand times that.
fn by_magnitude(number: i64) -> Option<UtcNanos> {
    let unit = match number.unsigned_abs() {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    number.checked_mul(unit).map(UtcNanos)
}

fn failed(path: &Path, compression: Option<&'static str>, error: csv::Error) -> InputError {
    let line = error.position().map_or(1, csv::Position::line);
    let problem = match error.into_kind() {
        // Our own bound on a record; a plain file gives no other error of this kind.
        csv::ErrorKind::Io(error) if compression.is_none() && error.kind() == io::ErrorKind::InvalidData => {
            error.to_string()
        }
        csv::ErrorKind::Io(error) => return bytes::failed(path, compression, error),
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields; the header has {expected_len}")
        }
        other => format!("{other:?}"),
    };
    InputError::Row { path: path.to_owned(), line, problem }
}
