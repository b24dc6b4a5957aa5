//! Two sides of one comparison: whoever has the rows, they come as batches of one shape, by time and symbol. Both are read at
//! the same time, each on a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use messages::caps;

use super::bisect::{self, Cut, Look, Seen, Window};
use super::rows::{self, ByKey, Of};
use super::shape::Shape;
use super::slice::{self, DAY, Slices};
use super::watch::Watch;
use super::{Error, io};
use crate::archive::digest::{Digest, PlainRows};

/// Which rows of a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The first instant, in microseconds.
    pub from: i64,
    /// The first instant behind it.
    pub to: i64,
    /// Of this symbol alone.
    pub symbol: Option<&'a str>,
}

impl Part<'_> {
    /// All rows of a side.
    pub const ALL: Self = Self { from: i64::MIN, to: i64::MAX, symbol: None };

    /// What of it lies in a slice.
    #[must_use]
    pub fn of_slice<'k>(&self, (day, symbol): &'k (i64, String), shape: &Shape) -> Part<'k> {
        let from = day.saturating_mul(DAY);
        let symbol = shape.has_symbol().then_some(symbol.as_str());
        Part { from: from.max(self.from), to: from.saturating_add(DAY).min(self.to), symbol }
    }

    /// The rows of a batch that belong to it, for a side that cannot ask for them alone.
    ///
    /// # Panics
    /// Never: every row is either kept or not.
    #[must_use]
    pub fn only(&self, shape: &Shape, batch: &RecordBatch) -> RecordBatch {
        let keeps = |(time, symbol): (i64, &str)| {
            (self.from..self.to).contains(&time) && self.symbol.is_none_or(|wanted| wanted == symbol)
        };
        let kept: BooleanArray = shape.marks(batch).map(|mark| Some(keeps(mark))).collect();
        filter_record_batch(batch, &kept).expect("a mark for each row")
    }
}

/// Hears the batches of a part.
pub type Take<'a> = dyn FnMut(&RecordBatch) -> Result<(), Error> + 'a;

/// Who has rows.
pub trait Side: Send {
    /// Shows the rows of a part, in any order.
    ///
    /// # Errors
    /// They cannot be read, or `take` fails.
    fn each(&mut self, part: &Part<'_>, take: &mut Take<'_>) -> Result<(), Error>;
}

/// Both of them.
pub struct Sides<'s, 'a> {
    /// What they give.
    pub shape: &'s Shape,
    /// DuckDB.
    pub duckdb: &'a mut dyn Side,
    /// PostgreSQL.
    pub postgres: &'a mut dyn Side,
    /// Counts rows, and says when to stop.
    pub watch: &'a Watch,
}

impl Sides<'_, '_> {
    /// What each side has of a part, by day and symbol: DuckDB, then PostgreSQL.
    ///
    /// # Errors
    /// A side cannot be read.
    pub fn slices(&mut self, part: &Part<'_>) -> Result<[Slices; 2], Error> {
        let shape = self.shape;
        self.both(part, Slices::new, |slices, batch| Ok(slice::add(slices, shape, batch)?))
    }

    /// Finds the rows of a part that differ, of which each side has this, and adds them to `found` up to so many keys. False
    /// if there may be more.
    ///
    /// # Errors
    /// A side cannot be read.
    pub fn search(
        &mut self,
        part: &Part<'_>,
        digests: [&Digest; 2],
        found: &mut ByKey,
        most: usize,
    ) -> Result<bool, Error> {
        let [duckdb, postgres] = digests.map(|digest| Seen { rows: digest.rows, hash: digest.hash_sum() });
        let whole = Window { from: part.from, to: part.to, duckdb, postgres };
        bisect::find(&mut Search { sides: self, symbol: part.symbol, found, most }, whole)
    }

    /// Does the same with the batches of both sides.
    fn both<T: Send>(
        &mut self,
        part: &Part<'_>,
        empty: impl Fn() -> T,
        add: impl Fn(&mut T, &RecordBatch) -> Result<(), Error> + Sync,
    ) -> Result<[T; 2], Error> {
        let (watch, has_failed) = (self.watch, AtomicBool::new(false));
        let (mut ours, mut theirs) = (empty(), empty());
        let read = |side: &mut dyn Side, into: &mut T| {
            let read = side.each(part, &mut |batch| {
                watch.read(batch.num_rows())?;
                // Nobody waits for one side where the other cannot be read.
                if has_failed.load(Ordering::Relaxed) { Err(Error::Stopped) } else { add(into, batch) }
            });
            has_failed.fetch_or(read.is_err(), Ordering::Relaxed);
            read
        };
        let (duckdb, postgres) = (&mut *self.duckdb, &mut *self.postgres);
        let (first, second) = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("compare-duckdb".to_owned()).spawn_scoped(scope, || {
                crate::background::step_back();
                read(duckdb, &mut ours)
            });
            let second = read(postgres, &mut theirs);
            let first = thread
                .map_err(io("start a thread for"))
                .and_then(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            (first, second)
        });
        // What one side failed with is said, and not that the other was stopped for it.
        match (first, second) {
            (Err(Error::Stopped), Err(second)) => Err(second),
            (first, second) => first.and(second).map(|()| [ours, theirs]),
        }
    }
}

/// The search through one slice.
struct Search<'a, 's, 'b> {
    sides: &'a mut Sides<'s, 'b>,
    symbol: Option<&'a str>,
    found: &'a mut ByKey,
    most: usize,
}

impl Look for Search<'_, '_, '_> {
    type Error = Error;

    fn look(&mut self, cut: &Cut) -> Result<[Vec<Seen>; 2], Error> {
        let part = Part { from: cut.from, to: cut.to, symbol: self.symbol };
        let shape = self.sides.shape;
        let empty = || vec![Seen::default(); cut.parts()];
        self.sides.both(&part, empty, |seen, batch| {
            let (plain, mut bytes) = (PlainRows::of(batch)?, Vec::new());
            for (row, (time, _)) in shape.marks(batch).enumerate() {
                seen[cut.part(time)].add(plain.hash(row, &mut bytes));
            }
            Ok(())
        })
    }

    fn lay(&mut self, from: i64, to: i64) -> Result<bool, Error> {
        let part = Part { from, to, symbol: self.symbol };
        let shape = self.sides.shape;
        let mut laid = ByKey::new();
        self.sides.duckdb.each(&part, &mut |batch| Ok(rows::add(&mut laid, Of::Duckdb, shape, batch)?))?;
        self.sides.postgres.each(&part, &mut |batch| Ok(rows::add(&mut laid, Of::Postgres, shape, batch)?))?;
        for (key, mut rows) in laid.into_iter().filter(|(_, rows)| !rows.are_equal()) {
            if self.found.len() >= caps::COMPARE_MISMATCHES {
                rows.forget_cells();
            }
            self.found.entry(key).or_default().merge(rows);
        }
        self.sides.watch.read(0)?;
        Ok(self.found.len() < self.most)
    }
}
