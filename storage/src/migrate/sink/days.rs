//! A partition for each day of ticks, where there is no TimescaleDB: made as rows of the day first appear.
//!
//! It is made beside and attached, which waits for nobody who reads the table: `CREATE TABLE … PARTITION OF` would wait for a
//! comparison, and everybody for it.

use std::collections::BTreeSet;

use messages::UtcNanos;

use super::Error;
use super::tables::Table;
use crate::postgres::Session;
use crate::postgres::catalog::quoted;

const WHAT: &str = "make a partition for a day of ticks";

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The partitions that are there.
pub(super) struct Days {
    table: &'static Table,
    schema: String,
    there: BTreeSet<String>,
}

impl Days {
    /// Those of a table.
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub(super) fn of(session: &Session, table: &'static Table, schema: &str) -> Result<Self, Error> {
        let parts = format!(
            "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = '{}'::regclass",
            table.in_schema(schema)
        );
        let there = session.ask("see which days have a partition", &parts, &[])?.iter().map(|row| row.get(0)).collect();
        Ok(Self { table, schema: schema.to_owned(), there })
    }

    /// Makes those that are missing, in the caller's transaction. What breaks off after it begins anew with [`Self::of`].
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub(super) fn make(&mut self, session: &Session, days: impl IntoIterator<Item = i64>) -> Result<(), Error> {
        for day in days {
            let name = format!("{}_{}", self.table.name, UtcNanos::day_name(day));
            if self.there.contains(&name) {
                continue;
            }
            let (whole, part) =
                (self.table.in_schema(&self.schema), format!("{}.{}", quoted(&self.schema), quoted(&name)));
            let bound = |day: i64| format!("to_timestamp({})", day * DAY);
            let script = format!(
                "CREATE TABLE {part} (LIKE {whole} INCLUDING ALL);
                 ALTER TABLE {whole} ATTACH PARTITION {part} FOR VALUES FROM ({}) TO ({})",
                bound(day),
                bound(day + 1)
            );
            session.execute(WHAT, &script)?;
            self.there.insert(name);
        }
        Ok(())
    }
}

/// Makes the partitions that ticks of these days need, in the caller's transaction, for who writes there while the sink waits.
///
/// # Errors
/// The server refuses, or is gone.
pub(in crate::migrate) fn make_days(
    session: &Session,
    schema: &str,
    days: impl IntoIterator<Item = i64>,
) -> Result<(), Error> {
    let Some(ticks) = super::tables::table("market_ticks") else { return Ok(()) };
    let is_cut =
        format!("SELECT 1 FROM pg_class WHERE oid = '{}'::regclass AND relkind = 'p'", ticks.in_schema(schema));
    // A hypertable makes its chunks itself.
    if session.ask(WHAT, &is_cut, &[])?.is_empty() {
        Ok(())
    } else {
        Days::of(session, ticks, schema)?.make(session, days)
    }
}
