//! DuckDB: one instance, one thread per database that writes, readers that are clones.
//!
//! - [`instance`]: opens `trading.duckdb`, brings it up to date, locks it down.
//! - [`file`]: the consumer of both journals that writes the tables on disk.
//! - [`changes`]: what it changes between batches: parts that are sealed, moved or dropped.
//! - [`mend`]: rows on disk that are not what the journal says.
//! - [`memory`], [`hot`]: the consumer of the market journal that keeps the newest rows in memory.
//! - [`sheet`], [`rows`], [`ticks`], [`stored`]: how records become rows, and rows values again; [`intake`]: how
//!   telemetry does.
//!
//! Invariant: rows and the journal offset that they came from are committed in one transaction, so
//! that whatever is read again after a crash is applied exactly once.

pub mod changes;
pub mod file;
pub mod hot;
pub mod instance;
mod intake;
pub mod measure;
pub mod memory;
pub mod mend;
mod migrate;
pub(crate) mod rows;
pub(crate) mod sheet;
pub mod stored;
pub(crate) mod ticks;

use std::path::PathBuf;

/// What can go wrong with DuckDB.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// DuckDB refused.
    #[error("DuckDB cannot {what}")]
    Duck {
        /// What was tried.
        what: &'static str,
        /// Its answer.
        source: duckdb::Error,
    },
    /// What is there is no database.
    #[error("{} is no DuckDB database; restore it from a backup, or move it aside: it is built again from what the journals hold", path.display())]
    NoDatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer program.
    #[error("{} has schema version {found}, this merganser knows {known}; use the newer merganser that wrote it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// A stored row is not what its column says.
    #[error("a row of {table} holds `{value}` as its {column}; run `merganser doctor`")]
    BadRow {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
        /// What stands there.
        value: String,
    },
    /// The tables hold records that the journal does not have: it is another directory's.
    #[error("the tables hold {log} records up to {applied} and the {log} in {} ends at {end}: it does not belong to them; if the {log} is kept elsewhere give its folder (journal.ledger_dir), or restore it; without it move trading.duckdb aside, and it is built again from what the journals hold", dir.display())]
    Ahead {
        /// Which journal.
        log: crate::journal::Log,
        /// Where it is.
        dir: PathBuf,
        /// The last record that the tables hold.
        applied: u64,
        /// The last record that it has.
        end: u64,
    },
    /// The tables wait for room on the disk.
    #[error(
        "the disk has less room than duckdb.reserve_bytes: the tables wait, and nothing was changed; make room there and try again"
    )]
    NoRoom,
    /// Rows changed between their export and its publication.
    #[error("rows of {table} {period} changed while they were exported; they move at the next run of the archive")]
    Changed {
        /// The table.
        table: String,
        /// The period.
        period: String,
    },
    /// A number of a part that somebody else took first.
    #[error("{table} {period} got a part {part} from somebody else meanwhile; nothing was changed: try again")]
    PartTaken {
        /// The table.
        table: String,
        /// The period.
        period: String,
        /// The number.
        part: u32,
    },
    /// A journal could not be read.
    #[error("cannot read the journal for DuckDB")]
    Journal(#[from] crate::journal::Error),
    /// A thread could not be started or has ended.
    #[error("the DuckDB thread `{name}` {what}")]
    Thread {
        /// Its name.
        name: &'static str,
        /// What happened.
        what: String,
    },
}

impl Error {
    /// Wraps DuckDB's answer with what was tried.
    pub(crate) fn duck(what: &'static str) -> impl FnOnce(duckdb::Error) -> Self {
        move |source| Self::Duck { what, source }
    }
}

#[cfg(test)]
mod tests;
