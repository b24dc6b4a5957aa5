//! The tables that move with age: how each is divided into periods and files, and in which order its rows
//! stand in a file. What is not here stays on disk.

use super::period::Unit;

/// A table that moves.
#[derive(Debug)]
pub struct Table {
    /// Its name in SQL; its rows on disk stand in the schema `disk`.
    pub name: &'static str,
    /// What a row is known by.
    pub key: &'static str,
    /// How long its periods are.
    pub unit: Unit,
    /// The column of time: what a query's range is compared with.
    pub time: &'static str,
    /// Columns whose values are folders: one file for each combination.
    pub folders: &'static [&'static str],
    /// The order of rows in a file.
    pub order: &'static str,
    /// Its rising number, where it has one.
    pub id: Option<&'static str>,
    /// Which rows of a period move, and when it is ready.
    pub moves: Moves,
    /// How a row replaces another that is in another part, where that can be.
    pub newest: Option<Newest>,
}

/// Which rows on disk belong to a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moves {
    /// A table of its own for each part: all of it.
    Whole,
    /// The rows whose time lies in the period.
    ByTime,
    /// Those, but for rows that this condition keeps on disk.
    ByTimeBut(&'static str),
    /// The rows of the orders that were created in the period, once all of these have ended.
    ByOrder,
}

/// Which of several rows with one key is shown.
#[derive(Debug)]
pub struct Newest {
    /// What they have in common.
    pub key: &'static str,
    /// The rows that are shown are the first in this order.
    pub rank: &'static str,
}

/// Every table that moves. Those that refer to orders stand before them: they leave the disk first.
pub const TABLES: &[Table] = &[
    Table {
        name: "market_ticks",
        key: "tick_id",
        unit: Unit::Day,
        time: "timestamp",
        folders: &["exchange", "symbol"],
        order: "exchange, symbol, kind, \"timestamp\", tick_id",
        id: Some("tick_id"),
        moves: Moves::Whole,
        // A tick without a number of the venue is corrected by nobody.
        newest: Some(Newest {
            // A venue's numbers may come again on another day.
            key: "exchange, symbol, \"timestamp\"::DATE, kind, coalesce(sequence_number, -tick_id)",
            rank: "revision DESC",
        }),
    },
    Table {
        name: "ohlcv_bars",
        key: "exchange, symbol, timeframe, \"timestamp\"",
        unit: Unit::Month,
        time: "timestamp",
        folders: &["timeframe"],
        order: "exchange, symbol, \"timestamp\"",
        id: Some("bar_id"),
        moves: Moves::ByTime,
        newest: Some(Newest { key: "exchange, symbol, timeframe, \"timestamp\"", rank: "revision DESC, bar_id DESC" }),
    },
    Table {
        name: "trades",
        key: "trade_id",
        unit: Unit::Month,
        time: "executed_at",
        folders: &[],
        order: "executed_at, trade_id",
        id: None,
        moves: Moves::ByOrder,
        newest: None,
    },
    Table {
        name: "order_events",
        key: "order_id, number",
        unit: Unit::Month,
        time: "timestamp",
        folders: &[],
        order: "order_id, number",
        id: None,
        moves: Moves::ByOrder,
        newest: None,
    },
    Table {
        name: "orders",
        key: "order_id",
        unit: Unit::Month,
        time: "created_at",
        folders: &[],
        order: "created_at, order_id",
        id: None,
        moves: Moves::ByOrder,
        newest: Some(Newest { key: "order_id", rank: "updated_at DESC, filled_quantity DESC" }),
    },
    Table {
        name: "positions",
        key: "position_id",
        unit: Unit::Month,
        time: "snapshot_time",
        folders: &[],
        order: "position_id",
        id: Some("position_id"),
        // What is held now is found on disk, however long nothing has changed.
        moves: Moves::ByTimeBut(
            "position_id IN (SELECT max(position_id) FROM disk.positions GROUP BY account, exchange, symbol, strategy_id)",
        ),
        newest: None,
    },
    Table {
        name: "balances",
        key: "balance_id",
        unit: Unit::Month,
        time: "timestamp",
        folders: &[],
        order: "balance_id",
        id: Some("balance_id"),
        moves: Moves::ByTimeBut("balance_id IN (SELECT max(balance_id) FROM disk.balances GROUP BY account, asset)"),
        newest: None,
    },
    Table {
        name: "portfolio_snapshots",
        key: "snapshot_id",
        unit: Unit::Month,
        time: "snapshot_time",
        folders: &[],
        order: "snapshot_id",
        id: Some("snapshot_id"),
        moves: Moves::ByTimeBut("snapshot_type = 'eod'"),
        newest: None,
    },
    Table {
        name: "system_metrics",
        key: "metric_id",
        unit: Unit::Day,
        time: "timestamp",
        folders: &[],
        order: "metric_name, metric_id",
        id: Some("metric_id"),
        moves: Moves::ByTime,
        newest: None,
    },
    Table {
        name: "application_logs",
        key: "log_id",
        unit: Unit::Day,
        time: "timestamp",
        folders: &[],
        order: "log_id",
        id: Some("log_id"),
        moves: Moves::ByTime,
        newest: None,
    },
];

/// The table of that name, if it moves.
#[must_use]
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

/// Ticks.
#[must_use]
pub fn ticks() -> &'static Table {
    &TABLES[0]
}

impl Table {
    /// Where its rows stand on disk; ticks have a table for each part instead.
    #[must_use]
    pub fn on_disk(&self) -> String {
        format!("disk.{}", self.name)
    }

    /// A table with its columns.
    #[must_use]
    pub fn template(&self) -> String {
        if self.moves == Moves::Whole { "main.ticks_template".to_owned() } else { self.on_disk() }
    }

    /// That a row stands in the period of its own time, and not of its order's.
    #[must_use]
    pub fn is_by_time(&self) -> bool {
        self.moves != Moves::ByOrder || self.time == "created_at"
    }

    /// A condition that holds for its rows of a period on disk, as far as they may move.
    #[must_use]
    pub fn belongs(&self, period: super::Period) -> String {
        match self.moves {
            Moves::Whole => "true".to_owned(),
            Moves::ByTime => period.holds(self.time),
            Moves::ByTimeBut(stays) => format!("{} AND NOT ({stays})", period.holds(self.time)),
            Moves::ByOrder if self.name == "orders" => period.holds("created_at"),
            Moves::ByOrder => {
                format!("order_id IN (SELECT order_id FROM disk.orders WHERE {})", period.holds("created_at"))
            }
        }
    }
}
