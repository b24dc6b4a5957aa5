//! The tables that are written there: their columns are ours, their keys too, and how a row takes the place of another is as
//! it is in DuckDB, so that both sides come to the same rows.

use crate::duck::rows;
use crate::duck::sheet::Kind;
use crate::migrate::encode::sql_type;
use crate::postgres::catalog::quoted;

/// How far the rows reach, and whose they are.
pub const SINK_OFFSET: &str = "sink_offset";
/// Which records were given up.
pub const SKIPPED: &str = "skipped";

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What a row is known by. Of a hypertable the time must be part of it.
    pub key: &'static [&'static str],
    /// The column of time.
    pub time: &'static str,
    /// What is looked for beside the key.
    pub index: &'static [&'static str],
    /// What happens to a row whose key is there.
    pub(super) again: Again,
    /// How it is cut by time.
    pub(super) cut: Cut,
}

/// What happens to a row whose key is there already.
#[derive(Debug, Clone, Copy)]
pub(super) enum Again {
    /// It is the same one.
    Keep,
    /// These columns are set.
    Set(&'static [&'static str]),
    /// These columns are set unless the revision that is there is higher.
    SetNewer(&'static [&'static str]),
}

/// How a table is cut by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Not at all.
    Not,
    /// A hypertable where TimescaleDB is installed.
    Hypertable {
        /// The length of its chunks.
        chunk: &'static str,
        /// By which columns rows are put together when a chunk is compressed.
        segment_by: &'static str,
        /// After which time.
        compress_after: &'static str,
        /// Where it is not installed: a partition for each day of UTC.
        by_day: bool,
    },
}

/// Every one of them, parents before children.
const TABLES: &[Table] = &[
    Table {
        name: "orders",
        key: &["order_id"],
        time: "created_at",
        index: &["created_at"],
        again: Again::Set(&[
            "quantity",
            "price",
            "stop_price",
            "filled_quantity",
            "average_fill_price",
            "status",
            "reason_code",
            "reason",
            "submitted_at",
            "updated_at",
            "filled_at",
            "commission",
            "commission_asset",
        ]),
        cut: Cut::Not,
    },
    Table {
        name: "order_ids",
        key: &["order_id", "attempt"],
        time: "since",
        index: &["since"],
        again: Again::Set(&["venue_order_id"]),
        cut: Cut::Not,
    },
    Table {
        name: "order_events",
        key: &["order_id", "number"],
        time: "timestamp",
        index: &["timestamp"],
        again: Again::Keep,
        cut: Cut::Not,
    },
    Table {
        name: "trades",
        key: &["trade_id"],
        time: "executed_at",
        index: &["executed_at"],
        again: Again::Keep,
        cut: Cut::Not,
    },
    Table {
        name: "positions",
        key: &["position_id"],
        time: "snapshot_time",
        index: &["snapshot_time"],
        again: Again::Keep,
        cut: Cut::Not,
    },
    Table {
        name: "balances",
        key: &["balance_id"],
        time: "timestamp",
        index: &["timestamp"],
        again: Again::Keep,
        cut: Cut::Not,
    },
    Table {
        name: "portfolio_snapshots",
        key: &["snapshot_id"],
        time: "snapshot_time",
        index: &["snapshot_time"],
        again: Again::Keep,
        cut: Cut::Not,
    },
    Table {
        name: "ohlcv_bars",
        key: &["exchange", "symbol", "timeframe", "timestamp"],
        time: "timestamp",
        index: &["timestamp"],
        again: Again::SetNewer(&[
            "open",
            "high",
            "low",
            "close",
            "volume",
            "notional",
            "vwap",
            "trade_count",
            "revision",
            "is_complete",
        ]),
        cut: Cut::Hypertable {
            chunk: "30 days",
            segment_by: "exchange, symbol, timeframe",
            compress_after: "90 days",
            by_day: false,
        },
    },
    Table {
        name: "market_ticks",
        key: &["timestamp", "tick_id"],
        time: "timestamp",
        index: &["symbol", "timestamp"],
        again: Again::Keep,
        cut: Cut::Hypertable { chunk: "1 day", segment_by: "symbol", compress_after: "8 days", by_day: true },
    },
];

/// The tables that are written there: no others are.
#[must_use]
pub fn tables() -> &'static [Table] {
    TABLES
}

/// True for the name of a table that the sink makes in its schema; whatever else stands there is somebody else's.
pub(in crate::migrate) fn is_ours(name: &str) -> bool {
    table(name).is_some() || [SINK_OFFSET, SKIPPED].contains(&name)
}

/// The table of that name.
pub(super) fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

impl Table {
    /// Its columns, in their order.
    pub(super) fn columns(&self) -> &'static [(&'static str, Kind)] {
        rows::columns(self.name)
    }

    /// Its columns with their types there, as a list.
    fn typed(&self) -> String {
        let column = |(name, kind): &(&str, Kind)| format!("{} {}", quoted(name), sql_type(*kind));
        self.columns().iter().map(column).collect::<Vec<_>>().join(", ")
    }

    /// Makes it in a schema, with its key. What is cut by day has no rows before it has a partition.
    pub(super) fn create(&self, schema: &str, is_partitioned: bool) -> String {
        let (name, typed, key) = (self.in_schema(schema), self.typed(), list(self.key));
        let cut = if is_partitioned { format!(" PARTITION BY RANGE ({})", quoted(self.time)) } else { String::new() };
        let index = list(self.index);
        format!("CREATE TABLE {name} ({typed}, PRIMARY KEY ({key})){cut}; CREATE INDEX ON {name} ({index})")
    }

    /// Its name with the schema.
    pub(super) fn in_schema(&self, schema: &str) -> String {
        format!("{}.{}", quoted(schema), quoted(self.name))
    }

    /// Where rows wait for the end of their transaction.
    pub(super) fn staging(&self) -> String {
        format!("pg_temp.{}", quoted(&format!("staging_{}", self.name)))
    }

    /// Makes that place, for this connection alone.
    pub(super) fn create_staging(&self) -> String {
        let name = format!("staging_{}", self.name);
        format!("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DELETE ROWS", quoted(&name), self.typed())
    }

    /// Takes the rows from there.
    pub(super) fn take_staged(&self, schema: &str) -> String {
        let into = self.in_schema(schema);
        let columns = list(&self.columns().iter().map(|(name, _)| *name).collect::<Vec<_>>());
        let set = |names: &[&str]| {
            let one = |name: &&str| format!("{0} = excluded.{0}", quoted(name));
            format!("DO UPDATE SET {}", names.iter().map(one).collect::<Vec<_>>().join(", "))
        };
        let again = match self.again {
            Again::Keep => "DO NOTHING".to_owned(),
            Again::Set(names) => set(names),
            Again::SetNewer(names) => format!("{} WHERE excluded.revision >= there.revision", set(names)),
        };
        let (from, key) = (self.staging(), list(self.key));
        format!("INSERT INTO {into} AS there ({columns}) SELECT {columns} FROM {from} ON CONFLICT ({key}) {again}")
    }
}

/// Names, as a list of SQL.
fn list(names: &[&str]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiers;

    #[test]
    fn keys_and_times_are_columns_and_the_times_are_those_of_the_tiers() {
        for table in tables() {
            let has = |name: &&str| table.columns().iter().any(|(column, _)| column == name);
            assert!(table.key.iter().all(&has), "{}", table.name);
            assert!(table.index.iter().all(has), "{}", table.name);
            assert!(table.columns().contains(&(table.time, Kind::Time)), "{}", table.name);
            let ours = tiers::table(table.name).map(|t| t.time);
            assert!(ours.is_none_or(|time| time == table.time), "{}", table.name);
            let is_cut = matches!(table.cut, Cut::Hypertable { .. });
            assert!(!is_cut || table.key.contains(&table.time), "{}: its time belongs into the key", table.name);
        }
    }

    #[test]
    fn what_is_set_is_a_column_and_no_key() {
        for table in tables() {
            let set = match table.again {
                Again::Keep => &[][..],
                Again::Set(names) | Again::SetNewer(names) => names,
            };
            for name in set {
                assert!(!table.key.contains(name), "{}.{name}", table.name);
                assert!(table.columns().iter().any(|(column, _)| column == name), "{}.{name}", table.name);
            }
        }
    }
}
