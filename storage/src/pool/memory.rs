//! Memory that queries hold and no bound of DuckDB's counts for them: a list, a median, a text that is put together.
//!
//! `operator_memory_limit` bounds sorts, joins and groups, which go to disk. A value that grows is in the memory of
//! the instance alone, and when that is used up it is the next one who fails that asks for more: the writers too, whose
//! tables in memory DuckDB does not keep whole then. So it is looked at, and the queries are interrupted before.

use std::time::Duration;

use duckdb::Connection;

/// How often it is looked at while queries run that may grow. A list grows by 1.3 GB/s (measured).
pub const LOOK: Duration = Duration::from_millis(20);

/// A look at the memory of values.
pub struct Memory {
    db: Connection,
    /// How much of it queries may hold together, in bytes.
    most: u64,
}

impl Memory {
    /// Looks over this connection, at an instance with so much memory: hot tier, writers and caches keep five eighths.
    #[must_use]
    pub fn new(db: Connection, memory_bytes: u64) -> Self {
        Self { db, most: memory_bytes / 8 * 3 }
    }

    /// How much queries may hold together, in bytes.
    #[must_use]
    pub fn most(&self) -> u64 {
        self.most
    }

    /// True when they hold more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let sql = "SELECT coalesce(sum(memory_usage_bytes), 0)::UBIGINT FROM duckdb_memory() WHERE tag = 'ALLOCATOR'";
        let held = self.db.prepare_cached(sql).and_then(|mut held| held.query_row([], |row| row.get::<_, u64>(0)));
        // Where there is no memory left to look, there is too little.
        held.map_or(true, |held| held > self.most)
    }
}
