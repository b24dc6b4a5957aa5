//! An answer over disk, warm and cold files, in one snapshot: the manifest of the snapshot says which pieces can hold
//! it, the cold ones of them come to the local disk, and one SELECT over all of them gives the rows.
//!
//! Corrections are resolved by the relation that is asked ([`Relation`]). A page whose rows are all in
//! a few pieces reads no others: the range is widened until the page is full.

use std::sync::Arc;
use std::time::Instant;

use crate::pool::Reader;
use arrow::array::RecordBatch;
use messages::market::{Bar, Timeframe};
use messages::{Instrument, UtcNanos};

use super::fetch::fetch;
use super::found::Found;
use super::plan::{self, Selection, Wanted};
use super::select::{self, Statement};
use super::{Answer, Error, Explain, Gaps, Of, Page, Query, Range, Rows, Steps, Stores, Tier, bars};
use crate::duck;
use crate::duck::stored::{Bars, Ticks};
use crate::tiers::tables::{Moves, ticks};
use crate::tiers::views::Relation;
use crate::tiers::{Manifest, Piece, places::folder, table};

/// Answers from everything below memory.
///
/// # Errors
/// DuckDB refuses, a stored row is not what it must be, or a cold file cannot be had.
pub fn answer(db: &Reader<'_>, stores: &Stores, query: &Query) -> Result<Answer, Error> {
    // What was published is the manifest of the snapshot if nothing was published meanwhile: nobody need ask for it.
    if let Some(look) = stores.manifest.look() {
        let answered = read(db, stores, query, || Ok(look.manifest.clone()));
        if stores.manifest.was_unchanged_since(&look) {
            return answered;
        }
    }
    let read_again = || read(db, stores, query, || stores.manifest.of_snapshot(db));
    // A file that has moved meanwhile is found in its new tier by a new snapshot.
    match read_again() {
        Err(Error::Moved { .. }) => read_again(),
        other => other,
    }
}

/// Answers in one snapshot, by the manifest of it.
fn read(
    db: &Reader<'_>,
    stores: &Stores,
    query: &Query,
    manifest: impl FnOnce() -> Result<Arc<Manifest>, duck::Error>,
) -> Result<Answer, Error> {
    // What is in the tables now is in the snapshot.
    let complete_to = stores.manifest.applied(query.log()).get();
    in_snapshot(db, || {
        let (manifest, plan) = timed(manifest);
        let explain = Explain { ms_by_step: Steps { plan, ..Steps::default() }, ..Explain::default() };
        let mut reading = Reading { db, stores, manifest: manifest?, explain };
        let (rows, is_cut) = reading.rows_of(query)?;
        Ok(Answer { rows, is_cut, complete_to, explain: reading.explain })
    })
}

/// Does all of `work` in one snapshot.
///
/// # Errors
/// As `work`.
pub fn in_snapshot<T, E: From<Error>>(db: &Reader<'_>, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let begun = db.execute_batch("BEGIN TRANSACTION READ ONLY").map_err(duck::Error::duck("begin to read"));
    begun.map_err(Error::from)?;
    let done = work();
    // Nothing was written: how the transaction ends makes no difference to the answer.
    let _ = db.execute_batch("ROLLBACK");
    done
}

/// Some pieces below memory, in one snapshot, for who puts rows of them together with those of another database.
pub(crate) struct Below<'a> {
    db: &'a Reader<'a>,
    stores: &'a Stores,
    manifest: Arc<Manifest>,
}

impl Below<'_> {
    /// Does all of `work` over one snapshot of the pieces that are wanted.
    ///
    /// # Errors
    /// DuckDB refuses, or as `work`.
    pub(crate) fn snapshot<T, E: From<Error>>(
        db: &Reader<'_>,
        stores: &Stores,
        is_wanted: impl Fn(&Piece) -> bool,
        work: impl FnOnce(&Below<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        in_snapshot(db, || {
            let manifest = stores.manifest.of_snapshot(db).map_err(Error::from)?;
            work(&Below { db, stores, manifest: Arc::new(manifest.keep(is_wanted)) })
        })
    }

    /// What a statement finds: all of the range, or no more pieces of it than give `enough` rows from one end.
    ///
    /// # Errors
    /// DuckDB refuses, or a cold file cannot be had.
    pub(crate) fn rows(
        &self,
        wanted: &Wanted,
        enough: Option<Page>,
        statement: impl Fn(&Relation, Range) -> Statement,
    ) -> Result<Vec<RecordBatch>, Error> {
        let Self { db, stores, manifest } = self;
        let mut reading = Reading { db, stores, manifest: manifest.clone(), explain: Explain::default() };
        let ranges = match enough {
            Some(page) => plan::widening(&plan::select(manifest, wanted), wanted, page),
            None => vec![wanted.range],
        };
        let last = ranges.len() - 1;
        for (n, range) in ranges.into_iter().enumerate() {
            let found = reading.look(&Wanted { range, ..wanted.clone() }, |relation| statement(relation, range))?;
            if n == last || enough.is_some_and(|page| found.len() >= page.limit()) {
                return Ok(found.into_cells()?.1);
            }
        }
        unreachable!("the last range is answered")
    }
}

/// One row, whichever comes first.
const ANY: Page = Page::Oldest(1);

/// An answer in the making.
struct Reading<'a> {
    db: &'a Reader<'a>,
    stores: &'a Stores,
    manifest: Arc<Manifest>,
    explain: Explain,
}

impl<'a> Reading<'a> {
    fn rows_of(&mut self, query: &Query) -> Result<(Rows, bool), Error> {
        let (mut rows, mut is_cut) = match query {
            Query::Ticks { instrument, range, page } => self.ticks(*instrument, *range, *page)?,
            Query::Bars { instrument, timeframe, range, page, .. } => {
                self.bars(*instrument, *timeframe, *range, *page)?
            }
            Query::Orders { range, of, page } => self.rows("orders", "order_id", *range, of, *page)?,
            Query::Trades { range, of, page } => self.rows("trades", "trade_id", *range, of, *page)?,
            Query::Positions { at, of } => self.positions(*at, of)?,
            Query::Equity { range, account, page } => {
                let of = Of { account: *account, ..Of::default() };
                self.rows("portfolio_snapshots", "snapshot_id", *range, &of, *page)?
            }
        };
        if let (Query::Bars { gaps: Gaps::Filled, page, .. }, Rows::Bars(found)) = (query, &mut rows) {
            is_cut |= bars::fill(found, *page);
        }
        Ok((rows, is_cut))
    }

    fn ticks(&mut self, instrument: Instrument, range: Range, page: Page) -> Result<(Rows, bool), Error> {
        let wanted = Wanted::of_instrument(ticks(), range, instrument);
        let statement = |relation: &Relation, range| select::ticks(relation, instrument, range, page);
        let (found, is_cut) = self.page(&wanted, page, plan::widening, statement)?;
        let mut rows = Vec::with_capacity(found.len());
        for batch in &found.batches {
            let ticks = Ticks::new(batch)?;
            for row in 0..batch.num_rows() {
                rows.push(ticks.get(row, instrument)?);
            }
        }
        Ok((Rows::Ticks(rows), is_cut))
    }

    fn bars(
        &mut self,
        instrument: Instrument,
        timeframe: Timeframe,
        range: Range,
        page: Page,
    ) -> Result<(Rows, bool), Error> {
        let (found, is_cut) = bars::of_bases(timeframe, page, |base| {
            let before = std::mem::take(&mut self.explain);
            let (mut found, is_cut) = self.bars_from(instrument, (base, timeframe), range, page)?;
            if base != timeframe
                && let Some(last) = found.last_mut()
                && last.is_complete
            {
                last.is_complete = self.has_ended(last, base)?;
            }
            self.explain = before.and(std::mem::take(&mut self.explain));
            Ok::<_, Error>((found, is_cut))
        })?;
        Ok((Rows::Bars(found), is_cut))
    }

    fn bars_from(
        &mut self,
        instrument: Instrument,
        (base, timeframe): (Timeframe, Timeframe),
        range: Range,
        page: Page,
    ) -> Result<(Vec<Bar>, bool), Error> {
        let range = bars::whole_bars(range, timeframe);
        let wanted = of_length(base, range);
        let statement = |relation: &Relation, range| {
            if base == timeframe {
                select::bars(relation, instrument, base, range, page)
            } else {
                select::merged_bars(relation, instrument, (base, timeframe), range, page)
            }
        };
        let ranges = |selection: &Selection, wanted: &Wanted, page| {
            let mut ranges = plan::widening(selection, wanted, page);
            ranges.extend(bars::guess(range, timeframe, page));
            // No bar is merged from a part of its own.
            ranges.iter_mut().for_each(|narrow| *narrow = bars::outward(*narrow, range, timeframe));
            ranges.sort_by_key(|narrow| narrow.to.since(narrow.from));
            ranges
        };
        let (found, is_cut) = self.page(&wanted, page, ranges, statement)?;
        let mut rows = Vec::with_capacity(found.len());
        for batch in &found.batches {
            let bars = Bars::new(batch)?;
            for row in 0..batch.num_rows() {
                rows.push(bars.get(row, instrument)?);
            }
        }
        Ok((rows, is_cut))
    }

    /// That all which a merged bar is made of is stored: something of its last part or later is.
    fn has_ended(&mut self, bar: &Bar, base: Timeframe) -> Result<bool, Error> {
        let range = Range { from: bar.end_time().before(base.duration()), to: UtcNanos::MAX };
        let wanted = of_length(base, range);
        let statement = |relation: &Relation, range| select::bars(relation, bar.instrument, base, range, ANY);
        let explain = std::mem::take(&mut self.explain);
        let (later, _) = self.page(&wanted, ANY, plan::widening, statement)?;
        self.explain = Explain { ms_by_step: explain.ms_by_step.and(self.explain.ms_by_step), ..explain };
        Ok(later.len() > 0)
    }

    fn rows(&mut self, name: &str, id: &str, range: Range, of: &Of, page: Page) -> Result<(Rows, bool), Error> {
        let table = table(name).expect("it moves");
        let columns = self.stores.columns.of(table);
        let statement = |relation: &Relation, range| select::rows(table, id, (&columns, relation), range, of, page);
        let (found, is_cut) = self.page(&Wanted::all(table, range), page, plan::widening, statement)?;
        let (schema, batches) = found.into_cells()?;
        Ok((Rows::Table { schema, batches }, is_cut))
    }

    fn positions(&mut self, at: UtcNanos, of: &Of) -> Result<(Rows, bool), Error> {
        let table = table("positions").expect("positions move");
        let columns = self.stores.columns.of(table);
        let mut wanted = Wanted::all(table, Range::until(UtcNanos(at.0.saturating_add(1_000))));
        // The newest row of each position stays on disk, but of those that were brought over from another database.
        let is_on_disk = self.manifest.of_table(table.name).all(|piece| piece.origin.is_none());
        if is_on_disk && Found::read(self.db, &select::later_position(at))?.len() == 0 {
            // Then nothing else is asked for.
            wanted.range = Range { from: UtcNanos::MAX, to: UtcNanos::MAX };
        }
        let statement = |relation: &Relation| select::positions((&columns, relation), at, of);
        let found = self.look(&wanted, statement)?;
        self.count(&found);
        let (schema, batches) = found.into_cells()?;
        Ok((Rows::Table { schema, batches }, false))
    }

    /// The rows of a page, from no more pieces than it needs.
    fn page(
        &mut self,
        wanted: &Wanted,
        page: Page,
        ranges: impl Fn(&Selection, &Wanted, Page) -> Vec<Range>,
        statement: impl Fn(&Relation, Range) -> Statement,
    ) -> Result<(Found, bool), Error> {
        let (ranges, took) = timed(|| ranges(&plan::select(&self.manifest, wanted), wanted, page));
        self.explain.ms_by_step.plan += took;
        let last = ranges.len() - 1;
        for (n, range) in ranges.into_iter().enumerate() {
            let mut found = self.look(&Wanted { range, ..wanted.clone() }, |relation| statement(relation, range))?;
            if found.len() > page.limit() || n == last {
                let is_cut = found.cut(page)?;
                self.count(&found);
                return Ok((found, is_cut));
            }
        }
        unreachable!("the last range is answered")
    }

    /// Everything that a statement finds in the pieces that can hold what is wanted.
    fn look(&mut self, wanted: &Wanted, statement: impl FnOnce(&Relation) -> Statement) -> Result<Found, Error> {
        let (selection, plan) = timed(|| plan::select(&self.manifest, wanted));
        let (fetched, fetch) = timed(|| fetch(self.stores, &selection.pieces));
        let steps = &mut self.explain.ms_by_step;
        (steps.plan, steps.fetch) = (steps.plan + plan, steps.fetch + fetch);
        self.explain = Explain { ms_by_step: *steps, ..selection.explain() };
        if wanted.table.moves != Moves::Whole {
            self.explain.rows_by_tier.insert(Tier::Disk, 0);
        }
        let fetched = fetched?;
        let relation = Relation::of(wanted.table, &self.stores.columns, &fetched.parts);
        let (found, read) = timed(|| Found::read(self.db, &statement(&relation)));
        self.explain.ms_by_step.read += read;
        found.map_err(|error| match fetched.gone() {
            Some(file) => Error::Moved { file: file.to_owned() },
            None => error.into(),
        })
    }

    fn count(&mut self, found: &Found) {
        for (tier, rows) in found.by_tier() {
            if let Some(count) = self.explain.rows_by_tier.get_mut(&tier) {
                *count = rows;
            }
        }
    }
}

/// Bars of a length.
fn of_length(timeframe: Timeframe, range: Range) -> Wanted {
    let folders = vec![folder("timeframe", &timeframe.to_string())];
    Wanted { table: table("ohlcv_bars").expect("bars move"), range, folders }
}

/// How many milliseconds something takes.
#[expect(clippy::disallowed_methods, reason = "how long a question takes is real time, and decides nothing")]
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed().as_secs_f64() * 1_000.0)
}
