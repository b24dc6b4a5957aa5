//! Numbered migrations: each runs once, in its own transaction, and is never changed afterwards.

use std::path::Path;

use duckdb::Connection;

use super::Error;

/// Every migration, oldest first.
const MIGRATIONS: &[(i64, &str, &str)] = &[(1, "tables", include_str!("migrations/0001_tables.sql"))];

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
    for (version, name, sql) in MIGRATIONS.iter().filter(|(version, ..)| *version > found) {
        let script = format!("BEGIN; {sql}; INSERT INTO schema_migrations VALUES ({version}, '{name}'); COMMIT;");
        db.execute_batch(&script).map_err(Error::duck("run a migration"))?;
    }
    Ok(())
}
