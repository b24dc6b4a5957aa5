//! Numbered migrations: each runs once, in its own transaction, and is never changed afterwards.

use std::path::Path;

use duckdb::Connection;

use super::Error;

/// Every migration, oldest first.
const MIGRATIONS: &[(i64, &str, Step)] = &[
    (1, "tables", Step::Sql(include_str!("migrations/0001_tables.sql"))),
    (2, "tiers", Step::MoveToDisk(include_str!("migrations/0002_tiers.sql"))),
    (3, "decisions", Step::Sql(include_str!("migrations/0003_decisions.sql"))),
    (4, "origin", Step::Sql(include_str!("migrations/0004_origin.sql"))),
    (5, "comparisons", Step::Sql(include_str!("migrations/0005_comparisons.sql"))),
];

/// What a migration does.
enum Step {
    /// Runs a script.
    Sql(&'static str),
    /// Moves the tables that archiving takes rows from into the schema `disk`, so that their names are free for views
    /// over all tiers; then runs a script.
    MoveToDisk(&'static str),
}

/// Brings the tables up to date.
///
/// # Errors
/// DuckDB refuses, or the file was written by a newer program.
pub fn migrate(db: &Connection, path: &Path) -> Result<(), Error> {
    db.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT PRIMARY KEY, name VARCHAR NOT NULL)",
    )
    .map_err(Error::duck("create schema_migrations"))?;
    let found: i64 = db
        .query_row("SELECT coalesce(max(version), 0) FROM schema_migrations", [], |row| row.get(0))
        .map_err(Error::duck("read schema_migrations"))?;
    let known = MIGRATIONS.last().map_or(0, |(version, ..)| *version);
    if found > known {
        return Err(Error::Newer { path: path.to_owned(), found, known });
    }
    for (version, name, step) in MIGRATIONS.iter().filter(|(version, ..)| *version > found) {
        db.execute_batch("BEGIN").map_err(Error::duck("begin a migration"))?;
        let sql = match step {
            Step::Sql(sql) => sql,
            Step::MoveToDisk(sql) => {
                move_to_disk(db).map_err(Error::duck("move the tables into the schema disk"))?;
                sql
            }
        };
        let script = format!("{sql}; INSERT INTO schema_migrations VALUES ({version}, '{name}'); COMMIT;");
        db.execute_batch(&script).map_err(Error::duck("run a migration"))?;
    }
    Ok(())
}

/// Parents before children.
const MOVED: &[&str] = &[
    "orders",
    "order_events",
    "trades",
    "positions",
    "balances",
    "portfolio_snapshots",
    "ohlcv_bars",
    "system_metrics",
    "application_logs",
];

/// A table cannot change its schema: it is made there by its own definition, filled, and dropped here.
fn move_to_disk(db: &Connection) -> Result<(), duckdb::Error> {
    db.execute_batch("DROP VIEW IF EXISTS market_ticks; DROP VIEW current_positions; CREATE SCHEMA disk")?;
    let days: Vec<String> = db
        .prepare("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND table_name LIKE 'ticks_2%' ORDER BY 1")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let moved: Vec<&str> = MOVED.iter().copied().chain(days.iter().map(String::as_str)).collect();
    for name in &moved {
        let made: String = db.query_row(
            "SELECT sql FROM duckdb_tables() WHERE schema_name = 'main' AND table_name = ?",
            [name],
            |row| row.get(0),
        )?;
        let made = made.replacen(&format!("CREATE TABLE {name}("), &format!("CREATE TABLE disk.{name}("), 1);
        let made = made.replace("REFERENCES orders(", "REFERENCES disk.orders(");
        db.execute_batch(&format!("{made}; INSERT INTO disk.{name} FROM main.{name}"))?;
    }
    moved.iter().rev().try_for_each(|name| db.execute_batch(&format!("DROP TABLE main.{name}")))
}
