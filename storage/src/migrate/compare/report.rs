//! What a comparison comes to: each slice with what both sides have of it, each row that differs by its key, and what was
//! done about it.

use std::collections::BTreeMap;

use messages::caps;
use serde::{Deserialize, Serialize};

use super::cells;
use super::rows::{ByKey, Key, Pair, Row};
use super::shape::Shape;
use super::slice::Slices;
use crate::archive::digest::Digest;

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

impl Has {
    fn of(digest: &Digest) -> Self {
        let (from, to) = digest.times.map(|(from, to)| (cells::time(from), cells::time(to))).unzip();
        Self { rows: digest.rows, from, to, sums: digest.sums_text(), hash: digest.row_hash() }
    }
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

/// Rows of theirs that did not fit, in a slice.
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
    /// How many there were when it was brought over; none where it has not been.
    pub then: Option<u64>,
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
    /// The last ledger record that was in both sides.
    pub ledger: u64,
    /// The last market record that was.
    pub market: u64,
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
    /// Slices in which another number of rows does not fit than when they were brought over.
    pub refused: Vec<Refused>,
    /// What was done about the differences, up to a bound.
    pub repairs: Vec<Repair>,
    /// Rows and slices that were put right.
    pub repaired: u64,
    /// Those that were not.
    pub unrepaired: u64,
    /// What a second comparison of the tables that differed found, after a repair.
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

    /// True when both sides are the same now.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.after.as_ref().map_or(self.differing() == 0, |after| after.is_clean())
    }

    /// Adds what was found of a table.
    pub(super) fn add(&mut self, found: &Found<'_>) {
        let (mut total, mut both) = (found.total(), [Digest::default(), Digest::default()]);
        let empty = Digest::default();
        for key in found.keys() {
            let sides = [0, 1].map(|side| found.slices[side].get(key).unwrap_or(&empty));
            both.iter_mut().zip(sides).for_each(|(sum, side)| sum.merge(side));
            total.slices += 1;
            total.differing += u64::from(sides[0] != sides[1]);
            self.add_slice(found, key, sides);
        }
        (total.duckdb, total.postgres) = (both[0].rows, both[1].rows);
        (total.duckdb_hash, total.postgres_hash) = (both[0].row_hash(), both[1].row_hash());
        self.totals.push(total);
        for (key, pairs) in found.differing.iter().map(|(key, rows)| (key, rows.pairs())) {
            for pair in pairs {
                if self.mismatches.len() == caps::COMPARE_MISMATCHES {
                    self.has_more = true;
                    return;
                }
                self.mismatches.push(mismatch(found, key, pair));
            }
        }
        self.has_more |= found.has_more;
    }

    fn add_slice(&mut self, found: &Found<'_>, (day, symbol): &(i64, String), [duckdb, postgres]: [&Digest; 2]) {
        let is_equal = duckdb == postgres;
        if self.slices.len() >= caps::COMPARE_SLICES {
            // One that differs takes the place of one that does not.
            match self.slices.iter().position(|slice| slice.is_equal) {
                Some(place) if !is_equal => drop(self.slices.remove(place)),
                _ => {
                    self.slices_left_out += 1;
                    return;
                }
            }
            self.slices_left_out += 1;
        }
        self.slices.push(Slice {
            table: found.shape.table.name.to_owned(),
            origin: found.origin.clone(),
            day: cells::day(*day),
            symbol: symbol.clone(),
            duckdb: Has::of(duckdb),
            postgres: Has::of(postgres),
            is_equal,
        });
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

/// What was found of a table.
pub(super) struct Found<'a> {
    /// What was compared.
    pub shape: &'a Shape,
    /// The table of theirs.
    pub origin: Option<String>,
    /// What DuckDB has, and PostgreSQL.
    pub slices: [Slices; 2],
    /// Rows that differ.
    pub differing: ByKey,
    /// True when there may be more of these.
    pub has_more: bool,
}

impl Found<'_> {
    fn total(&self) -> Total {
        Total { table: self.shape.table.name.to_owned(), origin: self.origin.clone(), ..Total::default() }
    }

    /// Every slice that one of the sides has.
    fn keys(&self) -> std::collections::BTreeSet<&(i64, String)> {
        self.slices[0].keys().chain(self.slices[1].keys()).collect()
    }

    /// With what was found elsewhere of the same table.
    pub fn merge(&mut self, more: Self) {
        for (all, more) in self.slices.iter_mut().zip(more.slices) {
            more.into_iter().for_each(|(key, digest)| all.entry(key).or_default().merge(&digest));
        }
        more.differing.into_iter().for_each(|(key, rows)| self.differing.entry(key).or_default().merge(rows));
        self.has_more |= more.has_more;
    }

    /// The slices that are not the same.
    pub fn unequal(&self) -> Vec<(i64, String)> {
        self.keys().into_iter().filter(|key| self.slices[0].get(key) != self.slices[1].get(key)).cloned().collect()
    }
}

fn mismatch(found: &Found<'_>, key: &Key, pair: Pair<'_>) -> Mismatch {
    let (side, ours, theirs) = match pair {
        Pair::Differs(ours, theirs) => (On::Differs, Some(ours), Some(theirs)),
        Pair::OnlyDuckdb(ours) => (On::OnlyDuckdb, Some(ours), None),
        Pair::OnlyPostgres(theirs) => (On::OnlyPostgres, None, Some(theirs)),
    };
    let row = ours.or(theirs).expect("one of the two has it");
    let cell = |row: Option<&Row>, at: usize| row.and_then(|row| row.cells.get(at).cloned()).flatten();
    let columns = found.shape.names().enumerate().filter_map(|(at, column)| {
        let (duckdb, postgres) = (cell(ours, at), cell(theirs, at));
        (duckdb != postgres).then(|| Cell { column: column.to_owned(), duckdb, postgres })
    });
    Mismatch {
        table: found.shape.table.name.to_owned(),
        origin: found.origin.clone(),
        day: cells::day(row.time.div_euclid(super::slice::DAY)),
        symbol: row.symbol.clone(),
        key: shown_key(found.shape, key),
        side,
        columns: columns.collect(),
    }
}

/// A key for people: `exchange=binance symbol=BTCUSDT`.
pub(super) fn shown_key(shape: &Shape, key: &Key) -> String {
    let pairs =
        shape.key_names().zip(key).map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("NULL")));
    pairs.collect::<Vec<_>>().join(" ")
}
