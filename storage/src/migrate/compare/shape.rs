//! The shape of what is compared: a table, the columns that both sides give in one order, and what a row is known by.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;

use crate::duck::sheet::Kind;
use crate::duck::{rows, ticks};
use crate::migrate::plan::Plan;
use crate::tiers::period::Unit;
use crate::tiers::tables::Moves;
use crate::tiers::{self, Table};

/// The tables that are written twice: parents before children.
pub const TWICE: [&str; 9] = [
    "orders",
    "order_ids",
    "order_events",
    "trades",
    "positions",
    "balances",
    "portfolio_snapshots",
    "ohlcv_bars",
    "market_ticks",
];

/// The numbers under which a venue knows an order: a table that stays on disk.
static ORDER_IDS: Table = Table {
    name: "order_ids",
    key: "order_id, attempt",
    unit: Unit::Month,
    time: "since",
    folders: &[],
    order: "order_id, attempt",
    id: None,
    moves: Moves::ByTime,
    newest: None,
};

/// What both sides give of a table.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The table.
    pub table: &'static Table,
    /// The columns, in the order of every batch.
    pub columns: Vec<(&'static str, Kind)>,
    key: Vec<usize>,
    time: usize,
    symbol: Option<usize>,
}

impl Shape {
    /// Of a table that is written twice: all of its columns, by its own key. `None` of any other.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let name = TWICE.into_iter().find(|twice| *twice == name)?;
        let table = if name == ORDER_IDS.name { &ORDER_IDS } else { tiers::table(name)? };
        let columns = if name == "market_ticks" { ticks::COLUMNS } else { rows::columns(name) };
        let key: Vec<&str> = table.key.split(", ").map(|column| column.trim_matches('"')).collect();
        Self::new(table, columns.to_vec(), &key)
    }

    /// Of the rows that a mapping makes of a table of theirs. Where the number of a row is ours to give, it is known by what it
    /// says. `None` where the mapping gives none of that.
    #[must_use]
    pub fn mapped(plan: &Plan) -> Option<Self> {
        let table = tiers::table(plan.into.table)?;
        let made = plan.columns();
        let columns: Vec<(&'static str, Kind)> = plan.into.columns().filter(|(name, _)| made.contains(name)).collect();
        let key: &[&str] = match table.name {
            "market_ticks" => &["exchange", "symbol", "kind", "timestamp", "sequence_number"],
            "ohlcv_bars" => &["exchange", "symbol", "timeframe", "timestamp"],
            "orders" => &["order_id"],
            "trades" => &["trade_id"],
            "positions" => &["account", "exchange", "symbol", "strategy_id", "snapshot_time"],
            "balances" => &["account", "asset", "timestamp"],
            _ => &["account", "snapshot_time", "snapshot_type"],
        };
        Self::new(table, columns, key)
    }

    fn new(table: &'static Table, columns: Vec<(&'static str, Kind)>, key: &[&str]) -> Option<Self> {
        let at = |wanted: &str| columns.iter().position(|(name, _)| *name == wanted);
        let (time, symbol) = (at(table.time)?, at("symbol"));
        let key: Vec<usize> = key.iter().filter_map(|name| at(name)).collect();
        (!key.is_empty()).then_some(Self { table, columns, key, time, symbol })
    }

    /// The columns' names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|(name, _)| *name)
    }

    /// Where the columns stand that a row is known by.
    #[must_use]
    pub fn key(&self) -> &[usize] {
        &self.key
    }

    /// The names of these columns.
    pub fn key_names(&self) -> impl Iterator<Item = &'static str> {
        self.key.iter().map(|at| self.columns[*at].0)
    }

    /// True if it has a column for the symbol.
    #[must_use]
    pub fn has_symbol(&self) -> bool {
        self.symbol.is_some()
    }

    /// When and of what each row of a batch is: microseconds, and the symbol, empty where a table has none.
    ///
    /// # Panics
    /// When the batch is not of this shape: a mistake in the program.
    pub fn marks<'a>(&self, batch: &'a RecordBatch) -> impl Iterator<Item = (i64, &'a str)> {
        let times = batch.column(self.time).as_primitive::<TimestampMicrosecondType>();
        let symbols = self.symbol.map(|at| batch.column(at).as_string::<i32>());
        (0..batch.num_rows()).map(move |row| {
            let symbol = symbols.filter(|symbols| symbols.is_valid(row)).map_or("", |symbols| symbols.value(row));
            (times.value(row), symbol)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_that_is_written_twice_has_a_shape_with_its_key() {
        for name in TWICE {
            let shape = Shape::of(name).unwrap();
            let declared: Vec<&str> = shape.table.key.split(", ").map(|column| column.trim_matches('"')).collect();
            assert_eq!(shape.key_names().collect::<Vec<_>>(), declared, "{name}");
        }
        assert!(Shape::of("application_logs").is_none());
    }
}
