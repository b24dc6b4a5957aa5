//! Rows laid beside each other: which of them, known by their key, are not the same on both sides. Pure.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::cells;
use super::shape::Shape;
use crate::archive::digest::{PlainRows, UnknownType};

/// What a row is known by, as texts. No key of ours is ever NULL; a number of the venue may be.
pub type Key = Vec<Option<String>>;

/// A row of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its hash, over every cell.
    pub hash: u128,
    /// Its time, in microseconds.
    pub time: i64,
    /// Its symbol, empty where the table has none.
    pub symbol: String,
    /// Its cells as texts, in the order of the columns.
    pub cells: Vec<Option<String>>,
}

/// The rows of both sides that one key has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rows {
    /// DuckDB's.
    pub duckdb: Vec<Row>,
    /// PostgreSQL's.
    pub postgres: Vec<Row>,
}

/// Rows by their key.
pub type ByKey = BTreeMap<Key, Rows>;

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// DuckDB.
    Duckdb,
    /// PostgreSQL.
    Postgres,
}

/// Adds the rows of a batch of one side.
///
/// # Errors
/// A column of a kind that no table of ours has.
pub fn add(found: &mut ByKey, of: Of, shape: &Shape, batch: &RecordBatch) -> Result<(), UnknownType> {
    let (plain, mut bytes) = (PlainRows::of(batch)?, Vec::new());
    for (row, (time, symbol)) in shape.marks(batch).enumerate() {
        let cells = batch.columns().iter().map(|column| cells::text(column.as_ref(), row)).collect();
        let found_row = Row { hash: plain.hash(row, &mut bytes), time, symbol: symbol.to_owned(), cells };
        let rows = found.entry(key(shape, batch, row)).or_default();
        match of {
            Of::Duckdb => rows.duckdb.push(found_row),
            Of::Postgres => rows.postgres.push(found_row),
        }
    }
    Ok(())
}

/// What a row of a batch is known by.
#[must_use]
pub fn key(shape: &Shape, batch: &RecordBatch, row: usize) -> Key {
    shape.key().iter().map(|at| cells::text(batch.column(*at).as_ref(), row)).collect()
}

/// Two rows of one key that are not the same, or one that only one side has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair<'a> {
    /// Both sides have one, and they differ.
    Differs(&'a Row, &'a Row),
    /// DuckDB has it alone.
    OnlyDuckdb(&'a Row),
    /// PostgreSQL has it alone.
    OnlyPostgres(&'a Row),
}

impl Rows {
    /// True when both sides have the same.
    #[must_use]
    pub fn are_equal(&self) -> bool {
        self.pairs().is_empty()
    }

    /// What is not the same: equal rows cancel each other out, the rest is paired in its order.
    #[must_use]
    pub fn pairs(&self) -> Vec<Pair<'_>> {
        let mut postgres: Vec<&Row> = self.postgres.iter().collect();
        let mut duckdb = Vec::new();
        for row in &self.duckdb {
            match postgres.iter().position(|other| other.hash == row.hash) {
                Some(equal) => drop(postgres.remove(equal)),
                None => duckdb.push(row),
            }
        }
        let both = duckdb.len().min(postgres.len());
        let differ = duckdb.iter().zip(&postgres).map(|(ours, theirs)| Pair::Differs(ours, theirs));
        let only_duckdb = duckdb[both..].iter().map(|row| Pair::OnlyDuckdb(row));
        let only_postgres = postgres[both..].iter().map(|row| Pair::OnlyPostgres(row));
        differ.chain(only_duckdb).chain(only_postgres).collect()
    }

    /// Keeps what says that they differ and not how: there are more than are shown.
    pub fn forget_cells(&mut self) {
        self.duckdb.iter_mut().chain(&mut self.postgres).for_each(|row| row.cells = Vec::new());
    }

    /// With those of another look at the same key.
    pub fn merge(&mut self, more: Self) {
        self.duckdb.extend(more.duckdb);
        self.postgres.extend(more.postgres);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(says: u128) -> Row {
        Row { hash: says, time: 0, symbol: String::new(), cells: vec![Some(says.to_string())] }
    }

    fn shown(duckdb: &[u128], postgres: &[u128]) -> String {
        let rows = |says: &[u128]| says.iter().map(|says| row(*says)).collect();
        let found = Rows { duckdb: rows(duckdb), postgres: rows(postgres) };
        let show = |pair: &Pair<'_>| match pair {
            Pair::Differs(a, b) => format!("{}≠{}", a.hash, b.hash),
            Pair::OnlyDuckdb(a) => format!("{}<", a.hash),
            Pair::OnlyPostgres(b) => format!(">{}", b.hash),
        };
        found.pairs().iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn equal_rows_cancel_each_other_out_and_the_rest_is_paired() {
        fn check(duckdb: &[u128], postgres: &[u128], expected: &str) {
            assert_eq!(shown(duckdb, postgres), expected);
        }
        check(&[], &[], "");
        check(&[1], &[1], "");
        check(&[1], &[2], "1≠2");
        check(&[1], &[], "1<");
        check(&[], &[1], ">1");
        // Doubled on one side.
        check(&[1, 1], &[1], "1<");
        check(&[1], &[1, 1, 1], ">1 >1");
        // The order says nothing.
        check(&[1, 2, 3], &[3, 1, 4], "2≠4");
        check(&[1, 2, 5], &[6, 1], "2≠6 5<");
    }
}
