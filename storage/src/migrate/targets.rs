//! Our tables as targets of a mapping: which columns a row must have, which we give ourselves, and what may stand in them.

use std::fmt;
use std::str::FromStr;

use messages::ids::{Account, AssetName, ClientOrderId, ExecutionId, StrategyId};
use messages::market::{Conditions, Source, Timeframe};
use messages::orders::{Contingency, Liquidity, OrderType, PositionIntent, Side, Status, TimeInForce};
use messages::snapshots::SnapshotType;
use messages::{Exchange, Symbol};
use serde::Deserialize;
use serde::de::value::{Error as Unknown, StrDeserializer};

use crate::duck::rows;
use crate::duck::sheet::Kind;

/// A table that rows can come into.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub table: &'static str,
    /// The time by which it is cut.
    pub time: &'static str,
    /// Columns that are never NULL and that a mapping must give.
    pub required: &'static [&'static str],
    /// Columns that are never NULL and that the runtime fills where a mapping does not give them.
    pub filled: &'static [&'static str],
    /// Columns that only the runtime gives.
    pub ours: &'static [&'static str],
}

/// Every one of them.
pub const TARGETS: &[Target] = &[
    Target {
        table: "market_ticks",
        time: "timestamp",
        required: &["exchange", "symbol", "timestamp", "kind"],
        filled: &["source", "revision", "ingestion_time"],
        ours: &["tick_id"],
    },
    Target {
        table: "ohlcv_bars",
        time: "timestamp",
        required: &[
            "exchange",
            "symbol",
            "timeframe",
            "timestamp",
            "open",
            "high",
            "low",
            "close",
            "volume",
            "notional",
            "trade_count",
            "is_complete",
        ],
        filled: &["revision"],
        ours: &["bar_id"],
    },
    Target {
        table: "orders",
        time: "created_at",
        required: &[
            "order_id",
            "account",
            "client_order_id",
            "exchange",
            "symbol",
            "side",
            "order_type",
            "time_in_force",
            "quantity",
            "filled_quantity",
            "status",
            "created_at",
            "updated_at",
            "correlation_id",
            "strategy_id",
        ],
        filled: &[],
        ours: &["as_of", "origin", "risk"],
    },
    Target {
        table: "trades",
        time: "executed_at",
        required: &[
            "trade_id",
            "account",
            "order_id",
            "exchange",
            "symbol",
            "side",
            "quantity",
            "price",
            "executed_at",
            "execution_id",
            "strategy_id",
            "correlation_id",
        ],
        filled: &[],
        ours: &["as_of"],
    },
    Target {
        table: "positions",
        time: "snapshot_time",
        required: &["account", "exchange", "symbol", "side", "quantity", "cost_basis", "snapshot_time", "strategy_id"],
        filled: &[],
        ours: &["position_id"],
    },
    Target {
        table: "balances",
        time: "timestamp",
        required: &["account", "asset", "total", "timestamp"],
        filled: &[],
        ours: &["balance_id"],
    },
    Target {
        table: "portfolio_snapshots",
        time: "snapshot_time",
        required: &["account", "currency", "snapshot_time", "snapshot_type", "long_positions", "short_positions"],
        filled: &[],
        ours: &["snapshot_id"],
    },
];

/// The target of that name.
#[must_use]
pub fn target(table: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.table == table)
}

impl Target {
    /// Its columns, in their order, without those that are ours to give.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, Kind)> {
        rows::columns(self.table).iter().copied().filter(|(name, _)| !self.ours.contains(name))
    }
}

/// Whether a text may stand in a column of a table; in words what would be right. Columns that are not listed take any text.
///
/// # Errors
/// It may not.
pub fn check_text(table: &str, column: &str, text: &str) -> Result<(), String> {
    match column {
        "exchange" => parsed::<Exchange>(text),
        "symbol" => parsed::<Symbol>(text),
        "timeframe" => parsed::<Timeframe>(text),
        "account" => parsed::<Account>(text),
        "asset" | "commission_asset" | "currency" => parsed::<AssetName>(text),
        "strategy_id" => parsed::<StrategyId>(text),
        "client_order_id" => parsed::<ClientOrderId>(text),
        "execution_id" => parsed::<ExecutionId>(text),
        "conditions" => Conditions::from(text).map(drop).map_err(|e| e.to_string()),
        "kind" => word::<TickKind>(text),
        "side" if table == "positions" => word::<Held>(text),
        "side" | "aggressor_side" => word::<Side>(text),
        "source" => word::<Source>(text),
        "order_type" => word::<OrderType>(text),
        "time_in_force" => word::<TimeInForce>(text),
        "status" => word::<Status>(text),
        "contingency" => word::<Contingency>(text),
        "position_intent" => word::<PositionIntent>(text),
        "liquidity" => word::<Liquidity>(text),
        "snapshot_type" => word::<SnapshotType>(text),
        _ => Ok(()),
    }
}

/// The kinds of a tick, by their names in rows.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum TickKind {
    Trade,
    Quote,
}

/// The sides of a position.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Held {
    Long,
    Short,
    Flat,
}

fn parsed<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<(), String> {
    text.parse::<T>().map(drop).map_err(|e| e.to_string())
}

fn word<'a, T: Deserialize<'a>>(text: &'a str) -> Result<(), String> {
    T::deserialize(StrDeserializer::<Unknown>::new(text)).map(drop).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns of a table that the first migration declares as never NULL.
    fn never_null(table: &str) -> Vec<&'static str> {
        let sql = include_str!("../duck/migrations/0001_tables.sql");
        let (_, rest) = sql.split_once(&format!("CREATE TABLE {table} (")).unwrap();
        let (body, _) = rest.split_once("\n);").unwrap();
        let lines = body.lines().map(str::trim);
        let declared = lines.filter(|line| line.contains("NOT NULL") || line.contains("PRIMARY KEY,"));
        declared.filter_map(|line| line.split_whitespace().next()).map(|name| name.trim_matches('"')).collect()
    }

    #[test]
    fn what_is_never_null_is_given_by_somebody() {
        for target in TARGETS {
            let table = if target.table == "market_ticks" { "ticks_template" } else { target.table };
            let mut needed = never_null(table);
            needed.retain(|name| !target.ours.contains(name) && !target.filled.contains(name));
            assert_eq!(needed, target.required, "{}", target.table);
        }
    }

    #[test]
    fn the_time_is_a_required_column() {
        for target in TARGETS {
            assert!(target.required.contains(&target.time), "{}", target.table);
            assert!(target.columns().any(|(name, kind)| name == target.time && kind == Kind::Time));
            assert_eq!(crate::tiers::table(target.table).map(|t| t.time), Some(target.time));
        }
    }

    #[test]
    fn a_text_that_no_row_may_hold_is_refused_with_what_would_be_right() {
        fn check_in(table: &str, column: &str, text: &str, expected: Result<(), &str>) {
            let found = check_text(table, column, text);
            match expected {
                Ok(()) => assert_eq!(found, Ok(()), "{column} {text}"),
                Err(words) => assert!(found.as_ref().is_err_and(|e| e.contains(words)), "{column} {text}: {found:?}"),
            }
        }
        let check = |column: &str, text: &str, expected| check_in("orders", column, text, expected);
        check_in("positions", "side", "flat", Ok(()));
        check_in("positions", "side", "buy", Err("expected one of `long`, `short`, `flat`"));
        check("side", "buy", Ok(()));
        check("side", "BUY", Err("expected `buy` or `sell`"));
        check("aggressor_side", "long", Err("expected `buy` or `sell`"));
        check("exchange", "binance", Ok(()));
        check("exchange", "kraken", Err("kraken"));
        check("symbol", "BTCUSDT", Ok(()));
        check("symbol", "", Err("symbol"));
        check("timeframe", "1m", Ok(()));
        check("timeframe", "soon", Err("soon"));
        check("kind", "trade", Ok(()));
        check("status", "done", Err("unknown variant"));
        check("note", "anything at all", Ok(()));
    }
}
