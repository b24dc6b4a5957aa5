//! What was found of one table, and how that is told in a report.

use std::collections::BTreeSet;

use messages::caps;

use super::cells;
use super::report::{Cell, Has, Mismatch, On, Report, Slice, Total};
use super::rows::{ByKey, Key, Pair, Row};
use super::shape::Shape;
use super::slice::{DAY, Slices};
use crate::archive::digest::Digest;

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
    fn keys(&self) -> BTreeSet<&(i64, String)> {
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

impl Has {
    fn of(digest: &Digest) -> Self {
        let (from, to) = digest.times.map(|(from, to)| (cells::time(from), cells::time(to))).unzip();
        Self { rows: digest.rows, from, to, sums: digest.sums_text(), hash: digest.row_hash() }
    }
}

impl Report {
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
        day: cells::day(row.time.div_euclid(DAY)),
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
