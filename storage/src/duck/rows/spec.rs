//! Which columns each table is written with, and how: appended, or put through a staging table and upserted.

use arrow::array::RecordBatch;
use duckdb::Connection;

use super::super::sheet::Kind;
use super::super::{Error, ticks};
use crate::tiers;
use Kind::{Flag, Id, Int, P, Q, Real, Small, Text, Time};

/// How rows get into a table.
pub enum Write {
    /// Every row is new.
    Append,
    /// Rows go through a temporary table; the statement takes them from there.
    Upsert(&'static str),
}

/// A table, its columns in the order of the cells, and how it is written.
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Kind)],
    pub how: Write,
}

impl Table {
    /// The temporary table that stages an upsert.
    fn staging(&self) -> String {
        format!("staging_{}", self.name)
    }

    /// What moves with age stands in the schema of its tier.
    fn schema(&self) -> &'static str {
        if tiers::table(self.name).is_some() { "disk" } else { "main" }
    }

    /// Makes the staging table of this connection.
    pub fn prepare(&self, db: &Connection) -> Result<(), Error> {
        if matches!(self.how, Write::Append) {
            return Ok(());
        }
        let columns: Vec<String> =
            self.columns.iter().map(|(name, kind)| format!("\"{name}\" {}", sql_type(*kind))).collect();
        db.execute_batch(&format!("CREATE OR REPLACE TEMP TABLE {} ({})", self.staging(), columns.join(", ")))
            .map_err(Error::duck("create a staging table"))
    }

    /// Writes rows, inside the caller's transaction.
    pub fn write(&self, db: &Connection, batch: RecordBatch) -> Result<(), Error> {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let mut appender = match self.how {
            Write::Append => db.appender_with_columns_to_db(self.name, self.schema(), &names),
            Write::Upsert(_) => db.appender_to_catalog_and_db(&self.staging(), "temp", "main"),
        }
        .map_err(Error::duck("append rows"))?;
        appender.append_record_batch(batch).map_err(Error::duck("append rows"))?;
        appender.flush().map_err(Error::duck("flush rows"))?;
        drop(appender);
        if let Write::Upsert(statement) = self.how {
            let script = format!("{statement}; DELETE FROM {}", self.staging());
            db.execute_batch(&script).map_err(Error::duck("upsert rows"))?;
        }
        Ok(())
    }
}

/// The type of a column in DuckDB.
pub fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Text => "VARCHAR",
        Int => "BIGINT",
        Small => "SMALLINT",
        P => "DECIMAL(18, 8)",
        Q => "DECIMAL(38, 9)",
        Time => "TIMESTAMP",
        Flag => "BOOLEAN",
        Id => "UUID",
        Real => "DOUBLE",
    }
}

/// Ticks. On disk they stand in a table for each part of a day, which [`ticks`] writes.
pub static TICKS: Table = Table { name: "market_ticks", columns: ticks::COLUMNS, how: Write::Append };

/// Every other table that records become rows of, parents before children.
const TABLES: &[Table] = &[
    Table {
        name: "orders",
        columns: &[
            ("order_id", Id),
            ("account", Text),
            ("client_order_id", Text),
            ("exchange", Text),
            ("symbol", Text),
            ("side", Text),
            ("order_type", Text),
            ("time_in_force", Text),
            ("quantity", Q),
            ("quote_quantity", Q),
            ("price", P),
            ("stop_price", P),
            ("trail_amount", P),
            ("filled_quantity", Q),
            ("average_fill_price", P),
            ("status", Text),
            ("reason_code", Text),
            ("reason", Text),
            ("created_at", Time),
            ("submitted_at", Time),
            ("updated_at", Time),
            ("filled_at", Time),
            ("commission", Q),
            ("commission_asset", Text),
            ("correlation_id", Id),
            ("strategy_id", Text),
            ("parent_order_id", Id),
            ("contingency", Text),
            ("position_intent", Text),
            ("as_of", Int),
            ("origin", Text),
            ("note", Text),
            ("risk", Text),
        ],
        how: Write::Upsert(
            "INSERT INTO disk.orders
             SELECT * EXCLUDE (origin, note, risk), struct_pack(origin := origin, note := note, risk := risk)
             FROM staging_orders
             ON CONFLICT (order_id) DO UPDATE SET
                quantity = excluded.quantity, price = excluded.price, stop_price = excluded.stop_price,
                filled_quantity = excluded.filled_quantity, average_fill_price = excluded.average_fill_price,
                status = excluded.status, reason_code = excluded.reason_code, reason = excluded.reason,
                submitted_at = excluded.submitted_at, updated_at = excluded.updated_at, filled_at = excluded.filled_at,
                commission = excluded.commission, commission_asset = excluded.commission_asset",
        ),
    },
    Table {
        name: "order_ids",
        columns: &[
            ("order_id", Id),
            ("attempt", Int),
            ("client_order_id", Text),
            ("venue_order_id", Text),
            ("since", Time),
        ],
        how: Write::Upsert(
            "INSERT INTO order_ids SELECT * FROM staging_order_ids
             ON CONFLICT (order_id, attempt) DO UPDATE SET venue_order_id = excluded.venue_order_id",
        ),
    },
    Table {
        name: "order_events",
        columns: &[
            ("order_id", Id),
            ("number", Int),
            ("account", Text),
            ("client_order_id", Text),
            ("exchange", Text),
            ("symbol", Text),
            ("strategy_id", Text),
            ("event", Text),
            ("state", Text),
            ("reason", Text),
            ("reason_text", Text),
            ("timestamp", Time),
            ("quantity", Q),
            ("filled_quantity", Q),
            ("execution_id", Text),
            ("last_quantity", Q),
            ("last_price", P),
            ("correlation_id", Id),
            ("as_of", Int),
        ],
        how: Write::Append,
    },
    Table {
        name: "trades",
        columns: &[
            ("trade_id", Id),
            ("account", Text),
            ("order_id", Id),
            ("exchange", Text),
            ("symbol", Text),
            ("side", Text),
            ("quantity", Q),
            ("price", P),
            ("executed_at", Time),
            ("reported_at", Time),
            ("commission", Q),
            ("commission_asset", Text),
            ("liquidity", Text),
            ("realized_pnl", Q),
            ("execution_id", Text),
            ("strategy_id", Text),
            ("correlation_id", Id),
            ("as_of", Int),
        ],
        how: Write::Append,
    },
    Table {
        name: "positions",
        columns: &[
            ("position_id", Int),
            ("account", Text),
            ("exchange", Text),
            ("symbol", Text),
            ("side", Text),
            ("quantity", Q),
            ("cost_basis", Q),
            ("avg_entry_price", P),
            ("current_price", P),
            ("unrealized_pnl", Q),
            ("realized_pnl", Q),
            ("opened_at", Time),
            ("closed_at", Time),
            ("snapshot_time", Time),
            ("strategy_id", Text),
            ("correlation_id", Id),
        ],
        how: Write::Append,
    },
    Table {
        name: "balances",
        columns: &[("balance_id", Int), ("account", Text), ("asset", Text), ("total", Q), ("timestamp", Time)],
        how: Write::Append,
    },
    Table {
        name: "portfolio_snapshots",
        columns: &[
            ("snapshot_id", Int),
            ("account", Text),
            ("currency", Text),
            ("snapshot_time", Time),
            ("snapshot_type", Text),
            ("cash_balance", Q),
            ("portfolio_value", Q),
            ("total_pnl", Q),
            ("daily_pnl", Q),
            ("max_drawdown", Q),
            ("leverage", P),
            ("long_positions", Int),
            ("short_positions", Int),
        ],
        how: Write::Append,
    },
    Table {
        name: "ohlcv_bars",
        columns: &[
            ("bar_id", Int),
            ("exchange", Text),
            ("symbol", Text),
            ("timeframe", Text),
            ("timestamp", Time),
            ("open", P),
            ("high", P),
            ("low", P),
            ("close", P),
            ("volume", Q),
            ("notional", Q),
            ("vwap", P),
            ("trade_count", Int),
            ("revision", Small),
            ("is_complete", Flag),
        ],
        how: Write::Upsert(
            "INSERT INTO disk.ohlcv_bars SELECT * FROM staging_ohlcv_bars
             ON CONFLICT (exchange, symbol, timeframe, \"timestamp\") DO UPDATE SET
                \"open\" = excluded.\"open\", high = excluded.high, low = excluded.low, \"close\" = excluded.\"close\",
                volume = excluded.volume, notional = excluded.notional, vwap = excluded.vwap,
                trade_count = excluded.trade_count, revision = excluded.revision, is_complete = excluded.is_complete
             WHERE excluded.revision >= ohlcv_bars.revision",
        ),
    },
    Table {
        name: "instruments",
        columns: &[
            ("exchange", Text),
            ("symbol", Text),
            ("base", Text),
            ("quote", Text),
            ("price_step", P),
            ("quantity_step", Q),
            ("min_quantity", Q),
            ("max_quantity", Q),
            ("min_notional", Q),
            ("sessions", Text),
        ],
        // The rules of the newest start; a step or limit of 0 is a rule that is off.
        how: Write::Upsert(
            "INSERT INTO instruments SELECT * FROM staging_instruments
             ON CONFLICT (exchange, symbol) DO UPDATE SET
                base = excluded.base, quote = excluded.quote, price_step = excluded.price_step,
                quantity_step = excluded.quantity_step, min_quantity = excluded.min_quantity,
                max_quantity = excluded.max_quantity, min_notional = excluded.min_notional, sessions = excluded.sessions",
        ),
    },
    Table {
        name: "feed_gaps",
        columns: &[
            ("gap_id", Int),
            ("exchange", Text),
            ("symbol", Text),
            ("channel", Text),
            ("cause", Text),
            ("from", Time),
            ("to", Time),
            ("first_missing", Int),
            ("resumed_at", Int),
            ("ends_row", Flag),
        ],
        // What ends a gap takes the row, and with it the id, of the one that opened it. Nothing else looks for a row: a
        // gap may open again at the instant of one that ended, and is another row then.
        how: Write::Upsert(
            "INSERT INTO feed_gaps
             SELECT coalesce(o.gap_id, s.gap_id), s.exchange, s.symbol, s.channel, s.cause, s.\"from\", s.\"to\",
                s.first_missing, s.resumed_at
             FROM staging_feed_gaps s LEFT JOIN feed_gaps o
                ON s.ends_row AND o.\"to\" IS NULL AND o.\"from\" = s.\"from\" AND o.exchange = s.exchange
                AND o.symbol = s.symbol AND o.channel = s.channel
             ON CONFLICT (gap_id) DO UPDATE SET cause = excluded.cause, \"to\" = excluded.\"to\",
                first_missing = excluded.first_missing, resumed_at = excluded.resumed_at",
        ),
    },
    Table {
        name: "undecodable_frames",
        columns: &[
            ("market_seq", Int),
            ("number", Int),
            ("feed", Text),
            ("received", Time),
            ("error", Text),
            ("frame", Text),
        ],
        how: Write::Append,
    },
    Table {
        name: "decisions",
        columns: &[
            ("as_of", Int),
            ("timestamp", Time),
            ("market_from", Int),
            ("market_to", Int),
            ("what", Text),
            ("strategy_id", Text),
            ("generation", Int),
        ],
        how: Write::Append,
    },
    Table {
        name: "strategy_state",
        columns: &[
            ("strategy_id", Text),
            ("generation", Int),
            ("timestamp", Time),
            ("bytes", Int),
            ("ledger_seq", Int),
        ],
        how: Write::Append,
    },
    Table {
        name: "actions",
        columns: &[
            ("ledger_seq", Int),
            ("timestamp", Time),
            ("by", Text),
            ("what", Text),
            ("subject", Text),
            ("why", Text),
        ],
        how: Write::Append,
    },
];

/// Those and the telemetry tables.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().chain(super::telemetry::TABLES)
}

/// The columns of a table.
pub fn columns(table: &str) -> &'static [(&'static str, Kind)] {
    let mut all = TABLES.iter().chain([&TICKS]);
    all.find(|t| t.name == table).expect("every table has its columns in spec").columns
}

/// Makes the staging tables of a connection.
pub fn prepare(db: &Connection) -> Result<(), Error> {
    tables().try_for_each(|table| table.prepare(db))
}
