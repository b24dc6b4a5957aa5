//! What comparisons found, in tables that SQL reaches. Only the file thread writes there.
//!
//! Not in the ledger, which holds what nothing else can tell: that a comparison was made and how it ended stands there, and which
//! rows differed is found again by comparing again.

use duckdb::{Connection, params};
use messages::{UtcNanos, caps};

use super::report::{Mismatch, Report};
use crate::duck::Error;

/// A comparison that is to be written down.
#[derive(Debug, Clone)]
pub struct Compared {
    /// When.
    pub at: UtcNanos,
    /// What it found.
    pub report: Report,
}

impl Compared {
    /// Writes it, inside the caller's transaction; of comparisons that are long past only the sums stay.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn write(&self, db: &Connection) -> Result<(), Error> {
        let refused = || Error::duck("write what a comparison found");
        let next = "SELECT coalesce(max(comparison), 0) + 1 FROM migration_comparisons";
        let number: i64 = db.query_row(next, [], |row| row.get(0)).map_err(refused())?;
        let Report { ledger, market, totals, mismatches, .. } = &self.report;
        let mut sums = db
            .prepare("INSERT INTO migration_comparisons VALUES (?, make_timestamp(?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .map_err(refused())?;
        for t in totals {
            let values = params![
                number,
                self.at.micros(),
                ledger,
                market,
                t.table,
                t.origin,
                t.slices,
                t.differing,
                t.duckdb,
                t.postgres,
                t.duckdb_hash,
                t.postgres_hash
            ];
            sums.execute(values).map_err(refused())?;
        }
        let mut rows =
            db.prepare("INSERT INTO migration_mismatches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").map_err(refused())?;
        for m in mismatches {
            let Mismatch { table, origin, day, symbol, key, side, columns } = m;
            for c in columns {
                let values =
                    params![number, table, origin, day, symbol, key, side.as_str(), c.column, c.duckdb, c.postgres];
                rows.execute(values).map_err(refused())?;
            }
        }
        let old = number - caps::COMPARISONS_KEPT;
        db.execute("DELETE FROM migration_mismatches WHERE comparison <= ?", [old]).map(drop).map_err(refused())
    }
}
