//! What was brought over, held against the tables that it came from: slice by slice, as the backfill took them.
//!
//! Columns that are ours to give are left out: theirs have none of them. Rows of theirs that do not fit are counted apart, and are
//! expected to be as many as when they were brought over. What stands in their table between the slices has not come over.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Field, Schema};
use messages::{UtcNanos, caps};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::found::Found;
use super::live::{self, kept_since};
use super::report::{Known, Refused};
use super::shape::Shape;
use super::side::{Part, Side, Sides, Take};
use super::watch::Watch;
use super::{Compare, Error, cells};
use crate::migrate::backfill::Fitting;
use crate::migrate::backfill::slices::YEARS;
use crate::migrate::plan::Plan;
use crate::postgres::Session;
use crate::query::fetch::{Fetched, fetch};
use crate::query::{self, Range, Stores};
use crate::tiers::{Manifest, Origin, Piece};

/// A stretch of time of one of their tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Its range, half open, in microseconds.
    pub from: i64,
    pub to: i64,
    /// Rows of it that did not fit when it was brought over; none where it has not been.
    pub refused: Option<u64>,
}

/// The slices of a table that were brought over, and what lies between them, in the order of time, as far as it lies in `range`.
pub(super) fn stretches<'a>(origins: impl Iterator<Item = &'a Origin>, range: (i64, i64)) -> Vec<Stretch> {
    let mut slices: Vec<&Origin> = origins.filter(|o| o.start < range.1 && range.0 < o.end).collect();
    slices.sort_by_key(|origin| (origin.start, origin.end));
    // Each piece of a slice tells the same.
    slices.dedup_by_key(|origin| (origin.start, origin.end));
    let (mut found, mut at) = (Vec::new(), range.0);
    for slice in slices {
        if at < slice.start {
            found.push(Stretch { from: at, to: slice.start, refused: None });
        }
        found.push(Stretch { from: slice.start, to: slice.end, refused: Some(slice.refused) });
        at = at.max(slice.end);
    }
    if at < range.1 {
        found.push(Stretch { from: at, to: range.1, refused: None });
    }
    found
}

/// Rows of a stretch that do not fit.
pub(super) struct Misfits {
    /// Of a slice: they are not as many as when it was brought over.
    pub refused: Option<Refused>,
    /// Of what lies between the slices: how many.
    pub between: u64,
}

/// One of their tables, and what came of it.
pub(super) struct Old<'a> {
    pub plan: &'a Plan,
    pub shape: &'a Shape,
    pub session: &'a Session,
    pub stores: &'a Stores,
    pub manifest: &'a Manifest,
}

impl<'a> Old<'a> {
    /// The pieces of its rows.
    fn pieces(&self) -> impl Iterator<Item = (&'a Arc<Piece>, &'a Origin)> {
        let from = self.plan.from.to_string();
        let of_table = self.manifest.of_table(self.plan.into.table);
        let with_origin = of_table.filter_map(|piece| Some((piece, piece.origin.as_ref()?)));
        with_origin.filter(move |(_, origin)| origin.from == from)
    }

    /// Everything from before the watermark, in stretches.
    pub fn stretches(&self, ctx: &Compare<'_>, wanted: Range) -> Vec<Stretch> {
        let kept = kept_since(ctx.tiers.limits(self.plan.into.table), ctx.now);
        // What is earlier than any instant of ours is counted apart.
        let from = kept.map_or(wanted.from, |kept| kept.max(wanted.from)).max(YEARS.from);
        stretches(self.pieces().map(|(_, origin)| origin), (from.micros(), wanted.to.min(ctx.watermark.at).micros()))
    }

    /// Rows without a time that any stretch has.
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub fn outside(&self) -> Result<u64, Error> {
        Ok(self.plan.count(self.session, &self.plan.select_outside(YEARS))?)
    }

    /// Rows from behind the watermark, in a range.
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub fn behind(&self, ctx: &Compare<'_>, wanted: Range) -> Result<u64, Error> {
        let range = Range { from: wanted.from.max(ctx.watermark.at), to: wanted.to.min(YEARS.to) };
        if range.from >= range.to { Ok(0) } else { Ok(self.plan.count(self.session, &self.plan.select(range))?) }
    }

    /// Holds one stretch against each other.
    ///
    /// # Errors
    /// A side cannot be read.
    pub fn compare(&self, stretch: &Stretch, (most, watch): (usize, &Watch)) -> Result<(Found<'a>, Misfits), Error> {
        let (from, to) = (stretch.from, stretch.to);
        watch.begin(format!("{} before {}", self.plan.from, cells::time(to)));
        let own = self.pieces().filter(|(_, origin)| (origin.start, origin.end) == (from, to));
        let pieces: Vec<Arc<Piece>> = own.map(|(piece, _)| piece.clone()).collect();
        let fetched = fetch(self.stores, &pieces)?;
        let mut duckdb = Brought { files: &fetched, shape: self.shape };
        let mut postgres = Mapped { session: self.session, plan: self.plan, shape: self.shape, refused: None };
        let mut sides = Sides { shape: self.shape, duckdb: &mut duckdb, postgres: &mut postgres, watch };
        let part = Part { from, to, symbol: None };
        let found = live::find(&mut sides, &part, Some(self.plan.from.to_string()), most)?;
        let now = postgres.refused.unwrap_or_default();
        let refused = stretch.refused.filter(|then| *then != now).map(|then| Refused {
            origin: self.plan.from.to_string(),
            from: cells::time(from),
            to: cells::time(to),
            now,
            known: Known::BroughtOver(then),
        });
        Ok((found, Misfits { refused, between: if stretch.refused.is_none() { now } else { 0 } }))
    }
}

/// Rows of theirs, as the mapping makes them.
struct Mapped<'a> {
    session: &'a Session,
    plan: &'a Plan,
    shape: &'a Shape,
    /// How many of the first part that was read did not fit: it is all of the stretch.
    refused: Option<u64>,
}

impl Side for Mapped<'_> {
    fn each(&mut self, part: &Part<'_>, take: &mut Take<'_>) -> Result<(), Error> {
        let at = |micros: i64, beyond: UtcNanos| micros.checked_mul(1_000).map_or(beyond, UtcNanos);
        let range = Range { from: at(part.from, Range::ALL.from), to: at(part.to, Range::ALL.to) };
        let (mut rows, mut refused) = (Fitting::of(self.plan), 0);
        let mut show = |rows: &mut Fitting<'_>| match part.symbol {
            None => take(&rows.take().0),
            // What they call it is the mapping's matter.
            Some(_) => take(&part.only(self.shape, &rows.take().0)),
        };
        self.session.in_one_snapshot("compare", |session| -> Result<(), Error> {
            self.plan.hold(session)?;
            self.plan.confirm(session)?;
            session.copy_out("compare rows", &Fitting::question(self.plan, range), |row| -> Result<(), Error> {
                refused += u64::from(rows.push(row).is_err());
                if rows.len() == caps::TRIAL_ROWS { show(&mut rows) } else { Ok(()) }
            })?;
            show(&mut rows)
        })?;
        self.refused.get_or_insert(refused);
        Ok(())
    }
}

/// The files of what was brought over. The parquet crate reads what it wrote; DuckDB has read them before they were published.
struct Brought<'a> {
    files: &'a Fetched,
    shape: &'a Shape,
}

impl Brought<'_> {
    fn read(&self, file: &PathBuf, part: &Part<'_>, take: &mut Take<'_>) -> Result<(), Error> {
        let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| {
            Error::Archive(crate::archive::Error::Unreadable { path: file.clone(), source })
        };
        let opened = File::open(file).map_err(|source| Error::Io { what: "open", path: file.clone(), source })?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(|e| unreadable(Box::new(e)))?;
        for batch in reader.build().map_err(|e| unreadable(Box::new(e)))? {
            let batch = batch.map_err(|e| unreadable(Box::new(e)))?;
            let own = columns(self.shape, &batch).ok_or_else(|| unreadable("it lacks a column of its table".into()))?;
            take(&part.only(self.shape, &own))?;
        }
        Ok(())
    }
}

impl Side for Brought<'_> {
    fn each(&mut self, part: &Part<'_>, take: &mut Take<'_>) -> Result<(), Error> {
        let read = self.files.parts.pieces.iter().try_for_each(|(_, file)| self.read(file, part, take));
        read.map_err(|error| match self.files.gone() {
            Some(file) => query::Error::Moved { file: file.to_owned() }.into(),
            None => error,
        })
    }
}

/// The columns of a shape out of a row as it is stored; what an order says beside its columns stands in a struct.
fn columns(shape: &Shape, batch: &RecordBatch) -> Option<RecordBatch> {
    let said = batch.column_by_name("metadata").and_then(|column| column.as_struct_opt());
    let column =
        |name: &str| -> Option<ArrayRef> { batch.column_by_name(name).or_else(|| said?.column_by_name(name)).cloned() };
    let arrays: Vec<ArrayRef> = shape.names().map(column).collect::<Option<_>>()?;
    let fields: Vec<Field> =
        shape.names().zip(&arrays).map(|(name, array)| Field::new(name, array.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::backfill::tests::piece;

    #[test]
    fn slices_and_what_lies_between_them_are_everything_once() {
        let origin = |start, end, refused| Origin { from: "public.t".to_owned(), start, end, refused };
        let check = |origins: &[Origin], range, expected: &[(i64, i64, Option<u64>)]| {
            let found = stretches(origins.iter(), range);
            let found: Vec<_> = found.iter().map(|s| (s.from, s.to, s.refused)).collect();
            assert_eq!(found, expected);
        };
        check(&[], (0, 100), &[(0, 100, None)]);
        check(&[origin(0, 100, 2)], (0, 100), &[(0, 100, Some(2))]);
        let two = [origin(50, 60, 0), origin(10, 20, 1), origin(10, 20, 1)];
        check(&two, (0, 100), &[(0, 10, None), (10, 20, Some(1)), (20, 50, None), (50, 60, Some(0)), (60, 100, None)]);
        // A slice is compared as a whole.
        check(&two, (15, 55), &[(10, 20, Some(1)), (20, 50, None), (50, 60, Some(0))]);
        check(&two, (20, 50), &[(20, 50, None)]);
    }

    #[test]
    fn a_file_that_the_archive_has_moved_meanwhile_is_read_where_it_is_then() {
        let dir = tempfile::tempdir().unwrap();
        let (here, gone) = (dir.path().join("here.parquet"), dir.path().join("gone.parquet"));
        std::fs::write(&here, "no rows").unwrap();
        let shape = Shape::of("market_ticks").unwrap();
        let read = |file: &PathBuf| {
            let mut files = Fetched::default();
            files.parts.pieces.push((Arc::new(piece("public.t", UtcNanos(0), UtcNanos(1_000))), file.clone()));
            let mut brought = Brought { files: &files, shape: &shape };
            brought.each(&Part::ALL, &mut |_: &RecordBatch| Ok(()))
        };
        assert!(matches!(read(&gone), Err(Error::Query(query::Error::Moved { file })) if file == gone));
        assert!(matches!(read(&here), Err(Error::Archive(_))), "what is there and broken is no file that moved");
    }
}
