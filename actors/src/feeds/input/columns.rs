//! The columns of a CSV of ticks: which stand where, under which of their names.

use std::path::Path;

use super::error::InputError;

/// What a header must have, for the error.
const NEEDED: &str = "timestamp, symbol and price, size (trades) or bid_price, bid_size, ask_price, ask_size (quotes)";

/// A column that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Timestamp,
    Symbol,
    Exchange,
    Price,
    Size,
    Side,
    Id,
    BidPrice,
    BidSize,
    AskPrice,
    AskSize,
}

impl Column {
    const ALL: [Self; 11] = [
        Self::Timestamp,
        Self::Symbol,
        Self::Exchange,
        Self::Price,
        Self::Size,
        Self::Side,
        Self::Id,
        Self::BidPrice,
        Self::BidSize,
        Self::AskPrice,
        Self::AskSize,
    ];

    /// Its name, and the name of our own table where it differs: what we export can be read again.
    const fn names(self) -> [&'static str; 2] {
        match self {
            Self::Timestamp => ["timestamp", "timestamp"],
            Self::Symbol => ["symbol", "symbol"],
            Self::Exchange => ["exchange", "exchange"],
            Self::Price => ["price", "last_price"],
            Self::Size => ["size", "volume"],
            Self::Side => ["side", "aggressor_side"],
            Self::Id => ["id", "sequence_number"],
            Self::BidPrice => ["bid_price", "bid_price"],
            Self::BidSize => ["bid_size", "bid_size"],
            Self::AskPrice => ["ask_price", "ask_price"],
            Self::AskSize => ["ask_size", "ask_size"],
        }
    }

    /// Its name in errors.
    pub const fn name(self) -> &'static str {
        self.names()[0]
    }
}

/// Where each column stands.
pub struct Columns([Option<usize>; Column::ALL.len()]);

impl Columns {
    /// Finds the columns in a header, in any order and case.
    ///
    /// # Errors
    /// A column that is needed is missing.
    pub fn find(header: &csv::StringRecord, path: &Path) -> Result<Self, InputError> {
        let find = |name: &str| header.iter().position(|field| field.trim().eq_ignore_ascii_case(name));
        let columns = Self(Column::ALL.map(|column| {
            let [name, ours] = column.names();
            find(name).or_else(|| find(ours))
        }));
        columns.check(path)?;
        Ok(columns)
    }

    fn check(&self, path: &Path) -> Result<(), InputError> {
        let has = |column: Column| self.0[column as usize].is_some();
        let quotes = has(Column::BidPrice) || has(Column::AskPrice);
        let pairs = [(Column::BidPrice, Column::BidSize), (Column::AskPrice, Column::AskSize)];
        let missing = if !has(Column::Timestamp) {
            Some(Column::Timestamp)
        } else if !has(Column::Symbol) {
            Some(Column::Symbol)
        } else if !has(Column::Price) && !quotes {
            Some(Column::Price)
        } else if has(Column::Price) && !has(Column::Size) {
            Some(Column::Size)
        } else {
            pairs.into_iter().find(|(price, size)| has(*price) && !has(*size)).map(|(_, size)| size)
        };
        match missing {
            None => Ok(()),
            Some(column) => {
                Err(InputError::MissingColumn { path: path.to_owned(), column: column.name(), needed: NEEDED })
            }
        }
    }

    /// The text of a column in a row; `None` where the column is not there or empty.
    pub fn get<'a>(&self, row: &'a csv::StringRecord, column: Column) -> Option<&'a str> {
        let text = row.get(self.0[column as usize]?)?.trim();
        (!text.is_empty()).then_some(text)
    }
}
