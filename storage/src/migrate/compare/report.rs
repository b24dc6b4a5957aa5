//! What a comparison comes to: each slice with what both sides have of it, each row that differs by its key, and what was
//! done about it.

use std::collections::BTreeMap;

use messages::caps;
use serde::{Deserialize, Serialize};

/// What a side has of a slice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Has {
    /// Rows.
    pub rows: u64,
    /// The earliest time.
    pub from: Option<String>,
    /// The latest.
    pub to: Option<String>,
    /// Exact sums of the columns that are numbers.
    pub sums: BTreeMap<String, String>,
    /// The hash of the rows.
    pub hash: String,
}

/// A table, a UTC day and a symbol on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// The table of ours.
    pub table: String,
    /// The table of theirs, where the rows came over by backfill.
    pub origin: Option<String>,
    /// The day.
    pub day: String,
    /// The symbol; empty where the table has none.
    pub symbol: String,
    /// What DuckDB has.
    pub duckdb: Has,
    /// What PostgreSQL has.
    pub postgres: Has,
    /// Whether that is the same.
    pub is_equal: bool,
}

/// Who has a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// DuckDB alone.
    OnlyDuckdb,
    /// PostgreSQL alone.
    OnlyPostgres,
    /// Both, and it differs.
    Differs,
}

impl On {
    /// The name in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnlyDuckdb => "only_duckdb",
            Self::OnlyPostgres => "only_postgres",
            Self::Differs => "differs",
        }
    }
}

/// A column with its value on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// The column.
    pub column: String,
    /// What DuckDB has; none for NULL, and where it has no such row.
    pub duckdb: Option<String>,
    /// What PostgreSQL has; none for NULL, and where it has no such row.
    pub postgres: Option<String>,
}

/// A row that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// The table of ours.
    pub table: String,
    /// The table of theirs, where the row came over by backfill.
    pub origin: Option<String>,
    /// The day of the row.
    pub day: String,
    /// Its symbol; empty where the table has none.
    pub symbol: String,
    /// What it is known by: `tick_id=5`.
    pub key: String,
    /// Who has it.
    pub side: On,
    /// The columns that differ; of a row that one side has alone, those that have a value.
    pub columns: Vec<Cell>,
}

/// How many rows that do not fit there should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// As many as did not fit when the slice was brought over.
    BroughtOver(u64),
    /// As many as somebody has accepted, at most.
    Accepted(u64),
}

/// Rows of theirs that do not fit, and should not be so many: in a slice, or in all that is mapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The table of theirs.
    pub origin: String,
    /// The first instant of the slice.
    pub from: String,
    /// The first instant behind it.
    pub to: String,
    /// How many there are now.
    pub now: u64,
    /// How many there should be.
    pub known: Known,
}

/// Rows of theirs that are not from before the watermark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// The table of theirs.
    pub origin: String,
    /// How many.
    pub rows: u64,
}

/// What was held against each other of one table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Total {
    /// The table of ours.
    pub table: String,
    /// The table of theirs, where the rows came over by backfill.
    pub origin: Option<String>,
    /// Slices.
    pub slices: u64,
    /// Slices that differ.
    pub differing: u64,
    /// Rows of DuckDB.
    pub duckdb: u64,
    /// Rows of PostgreSQL.
    pub postgres: u64,
    /// The hash of all rows of DuckDB.
    pub duckdb_hash: String,
    /// The hash of all rows of PostgreSQL.
    pub postgres_hash: String,
}

/// What was done about a row, or a slice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// The table of ours.
    pub table: String,
    /// The row by its key, or the slice.
    pub what: String,
    /// What was done, or why nothing was, and what helps.
    pub how: String,
    /// Whether it was done.
    pub is_done: bool,
}

/// What a comparison comes to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// The last ledger record that was in both sides when all that was asked for was looked at.
    pub ledger: u64,
    /// The last market record that was.
    pub market: u64,
    /// Tables of ours that were not compared: nothing is written to both sides any more.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// Tables of theirs whose rows stand here, and that the mapping no longer has: these have nothing to be held against.
    #[serde(default)]
    pub unmapped: Vec<String>,
    /// True where the mapping names no table though a backfill has ended: nothing of theirs was looked at.
    #[serde(default)]
    pub maps_none: bool,
    /// By tables.
    pub totals: Vec<Total>,
    /// Slices that differ, and as many of the others as fit.
    pub slices: Vec<Slice>,
    /// Slices that are not shown.
    pub slices_left_out: u64,
    /// Rows that are not the same, up to a bound.
    pub mismatches: Vec<Mismatch>,
    /// True when there are more.
    pub has_more: bool,
    /// Tables of theirs with rows from behind the watermark, which another program wrote: these did not come over.
    #[serde(default)]
    pub behind: Vec<Behind>,
    /// Slices in which another number of rows does not fit than when they were brought over; all that is mapped, where more do
    /// not than somebody has accepted.
    pub refused: Vec<Refused>,
    /// What was done about the differences, up to a bound.
    pub repairs: Vec<Repair>,
    /// Rows and slices that were put right.
    pub repaired: u64,
    /// Those that were not.
    pub unrepaired: u64,
    /// What a second comparison found after a repair: of the tables that differed, or of all.
    pub after: Option<Box<Report>>,
    /// How long it took.
    pub seconds: f64,
    /// Rows of both sides together per second.
    pub rows_per_second: f64,
}

impl Report {
    /// Slices in which the sides differ, of rows or of what was refused.
    #[must_use]
    pub fn differing(&self) -> u64 {
        self.totals.iter().map(|total| total.differing).sum::<u64>() + self.refused.len() as u64
    }

    /// Rows that were held against each other, of both sides together.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.totals.iter().map(|total| total.duckdb + total.postgres).sum()
    }

    /// The last look: the one after a repair, where there was one.
    #[must_use]
    pub fn latest(&self) -> &Self {
        self.after.as_deref().unwrap_or(self)
    }

    /// True when both sides are the same now.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.latest().differing() == 0
    }

    /// Adds what was done.
    pub(super) fn add_repair(&mut self, repair: Repair) {
        if repair.is_done {
            self.repaired += 1;
        } else {
            self.unrepaired += 1;
        }
        if self.repairs.len() < caps::COMPARE_MISMATCHES {
            self.repairs.push(repair);
        }
    }
}
