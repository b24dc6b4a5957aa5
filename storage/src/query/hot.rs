//! Answers from the hot tier, where they are whole.
//!
//! What is published is taken once; the tables that it names are asked, the newest first, until the
//! answer is full. If meanwhile the window's beginning has moved behind the question's, a table may have
//! gone under it: then the disk answers.

use std::collections::BTreeMap;

use duckdb::params;
use messages::ledger::Seq;
use messages::market::{Bar, Tick, TickBody, Timeframe};
use messages::{Instrument, UtcNanos};

use super::duck::{each_batch, first_micros, latest_open};
use super::{Answer, Explain, Gaps, Page, Query, Range, Rows, StoredTick, Tier, bars as lengths};
use crate::duck::Error;
use crate::duck::hot::{Content, Hot, HotWindow, Key, Published, Slice};
use crate::duck::stored::{BAR_CELLS, Bars, TICK_CELLS, Ticks};
use crate::pool::Reader;
use crate::tiers::period::Unit;
use crate::tiers::{self, Period};

/// Answers from the hot tier; `None` where it cannot answer wholly, or does not hold the market up to `at_least`.
///
/// # Errors
/// DuckDB refuses, or a stored row is not what it must be.
pub fn answer(
    reader: &Reader<'_>,
    hot: &Hot,
    manifest: &tiers::Published,
    query: &Query,
    at_least: Seq,
) -> Result<Option<Answer>, Error> {
    let Some(published) = hot.get().filter(|published| published.window.complete_to >= at_least) else {
        return Ok(None);
    };
    let is_corrected = has_corrections(&manifest.newest(), published.window, query);
    answer_while(reader, &published, query, is_corrected, |from| hot.window().is_some_and(|window| window.from <= from))
}

/// That a tick of the range's days may correct another.
fn has_corrections(manifest: &tiers::Manifest, window: HotWindow, query: &Query) -> bool {
    let Query::Ticks { range, .. } = query else { return false };
    let days = range.from.max(window.from).day()..=range.to.day().min(window.to.day() + 1);
    let mut periods = days.map(|day| Period::of(Unit::Day, UtcNanos::start_of_day(day)).to_string());
    periods.any(|period| manifest.has_revisions("market_ticks", &period))
}

/// Answers from what was published, if it was still whole from the answer's beginning when all was read.
///
/// # Errors
/// As [`answer`].
pub fn answer_while(
    reader: &Reader<'_>,
    published: &Published,
    query: &Query,
    is_corrected: bool,
    is_still_whole: impl Fn(UtcNanos) -> bool,
) -> Result<Option<Answer>, Error> {
    let window = published.window;
    let found = match query {
        Query::Ticks { instrument, range, page } if window.holds(range.from, range.to) => {
            newest_ticks(reader, published, *instrument, (*range, *page), is_corrected)
                .map(|(found, is_cut)| Some((range.from, Rows::Ticks(found), is_cut)))
        }
        Query::Bars { instrument, timeframe, range, gaps: Gaps::Left, page: Page::Newest(limit) }
            if window.reaches(range.to) && lengths::base_of(*timeframe) == *timeframe =>
        {
            bars(reader, published, (*instrument, *timeframe), *range, *limit as usize).map(|found| {
                let (bars, is_cut) = found?;
                // They are the newest ones if there are enough of them; where they begin is known only now.
                let from = bars.first().map_or(range.from, |bar| bar.open_time);
                Some((from, Rows::Bars(bars), is_cut))
            })
        }
        _ => return Ok(None),
    };
    match found {
        Ok(Some((from, rows, is_cut))) if is_still_whole(from) => {
            Ok(Some(Answer { explain: explain(&rows), rows, is_cut, complete_to: window.complete_to }))
        }
        Ok(_) => Ok(None),
        // A table that went under the question is no failure.
        Err(_) if !is_still_whole(window.from) => Ok(None),
        Err(error) => Err(error),
    }
}

fn explain(rows: &Rows) -> Explain {
    let count = match rows {
        Rows::Bars(bars) => bars.len(),
        Rows::Ticks(ticks) => ticks.len(),
        Rows::Table { .. } => 0,
    };
    Explain { rows_by_tier: [(Tier::Hot, count as u64)].into(), ..Explain::default() }
}

/// The newest revisions of an instrument's ticks that correct others.
#[derive(Default)]
struct Corrections {
    rows: usize,
    newest: BTreeMap<(i64, bool, i64), u16>,
}

impl Corrections {
    fn read(reader: &Reader<'_>, published: &Published, instrument: Instrument) -> Result<Self, Error> {
        let key = Key { instrument, content: Content::Ticks };
        let mut found = Self::default();
        for slice in published.overlapping(&key, UtcNanos::MIN, UtcNanos::MAX) {
            let sql = format!("SELECT {TICK_CELLS} FROM query_table(?) WHERE revision > 0");
            each_batch(reader, &sql, params![slice.table()], |batch| {
                let ticks = Ticks::new(batch)?;
                for row in 0..batch.num_rows() {
                    let tick = ticks.get(row, instrument)?.tick;
                    found.rows += 1;
                    if let Some(key) = Self::key(&tick) {
                        let newest = found.newest.entry(key).or_default();
                        *newest = tick.revision.max(*newest);
                    }
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// What a tick has in common with its corrections. One without the venue's number has none.
    fn key(tick: &Tick) -> Option<(i64, bool, i64)> {
        Some((tick.time.day(), matches!(tick.body, TickBody::Trade { .. }), tick.sequence?))
    }

    fn replaces(&self, tick: &Tick) -> bool {
        Self::key(tick).and_then(|key| self.newest.get(&key)).is_some_and(|newest| tick.revision < *newest)
    }
}

/// Ticks of a page without those that were corrected, and whether the range has more.
fn newest_ticks(
    reader: &Reader<'_>,
    published: &Published,
    instrument: Instrument,
    of: (Range, Page),
    is_corrected: bool,
) -> Result<(Vec<StoredTick>, bool), Error> {
    let found = ticks(reader, published, instrument, of, &Corrections::default())?;
    if !is_corrected && found.0.iter().all(|stored| stored.tick.revision == 0) {
        return Ok(found);
    }
    ticks(reader, published, instrument, of, &Corrections::read(reader, published, instrument)?)
}

/// Ticks of a page, and whether the range has more.
fn ticks(
    reader: &Reader<'_>,
    published: &Published,
    instrument: Instrument,
    (Range { from, to }, page): (Range, Page),
    corrections: &Corrections,
) -> Result<(Vec<StoredTick>, bool), Error> {
    let key = Key { instrument, content: Content::Ticks };
    // No more rows go than there are corrections.
    let most = page.limit().saturating_add(1 + corrections.rows);
    let mut slices = published.overlapping(&key, from, to);
    let is_newest = matches!(page, Page::Newest(_));
    if !is_newest {
        slices.sort_by_key(|slice| slice.first);
    }
    let order = if is_newest { "DESC" } else { "ASC" };
    let mut found: Vec<StoredTick> = Vec::new();
    for slice in slices {
        let lies_behind = |t: &StoredTick| if is_newest { t.tick.time > slice.last } else { t.tick.time < slice.first };
        if found.len() >= most && found.last().is_some_and(lies_behind) {
            break;
        }
        let sql = format!(
            "SELECT {TICK_CELLS} FROM query_table(?)
             WHERE \"timestamp\" >= make_timestamp(?) AND \"timestamp\" < make_timestamp(?)
             ORDER BY \"timestamp\" {order}, tick_id {order} LIMIT ?"
        );
        each_batch(reader, &sql, params![slice.table(), first_micros(from), first_micros(to), most as u64], |batch| {
            let ticks = Ticks::new(batch)?;
            for row in 0..batch.num_rows() {
                found.push(ticks.get(row, instrument)?);
            }
            Ok(())
        })?;
        found.retain(|stored| !corrections.replaces(&stored.tick));
        found.sort_by_key(|t| (t.tick.time, t.id));
        if is_newest {
            found.reverse();
        }
        found.truncate(most);
    }
    let is_cut = found.len() > page.limit();
    found.truncate(page.limit());
    if is_newest {
        found.reverse();
    }
    Ok((found, is_cut))
}

/// The newest revision of a bar, with what decides that it is: the revision, then the later row.
type Newest = BTreeMap<UtcNanos, ((u16, u64), Bar)>;

/// The newest bars of a range, and whether it may have more; `None` where that is not known here.
fn bars(
    reader: &Reader<'_>,
    published: &Published,
    of: (Instrument, Timeframe),
    range: Range,
    limit: usize,
) -> Result<Option<(Vec<Bar>, bool)>, Error> {
    let key = Key { instrument: of.0, content: Content::Bars };
    let latest = latest_open(range.to, of.1);
    let mut newest = Newest::new();
    // Behind this time every table has said all that it holds.
    let mut known_from = published.window.from;
    for slice in published.overlapping(&key, known_from.max(range.from), latest) {
        if oldest_of(&newest, limit + 1).is_some_and(|oldest| oldest > slice.last) {
            break;
        }
        let cut = read_bars(reader, &slice, of, (range.from, latest), limit + 1, &mut newest)?;
        known_from = known_from.max(cut.unwrap_or(known_from));
    }
    let from = oldest_of(&newest, limit).unwrap_or(range.from);
    let is_whole = known_from <= range.from;
    // What is older than the tier reaches is not asked for where the page is full without it.
    let is_cut = newest.len() > limit || !is_whole;
    Ok((known_from <= from).then(|| (newest.range(from..).map(|(_, (_, bar))| *bar).collect(), is_cut)))
}

/// When the oldest of the newest `limit` bars opened.
fn oldest_of(newest: &Newest, limit: usize) -> Option<UtcNanos> {
    newest.keys().rev().nth(limit.checked_sub(1)?).copied()
}

/// Reads the newest rows of one table. Returns the time behind which it has more, where it may have.
fn read_bars(
    reader: &Reader<'_>,
    slice: &Slice,
    (instrument, timeframe): (Instrument, Timeframe),
    (from, latest): (UtcNanos, UtcNanos),
    limit: usize,
    newest: &mut Newest,
) -> Result<Option<UtcNanos>, Error> {
    // Some more than asked for, because of revisions; if that is not enough, the disk answers.
    let most = limit + limit / 4 + 16;
    let sql = format!(
        "SELECT {BAR_CELLS} FROM {}
         WHERE timeframe = ? AND \"timestamp\" >= make_timestamp(?) AND \"timestamp\" <= make_timestamp(?)
         ORDER BY \"timestamp\" DESC, revision DESC, rowid DESC LIMIT ?",
        slice.table()
    );
    let (mut rows, mut last) = (0, None);
    each_batch(
        reader,
        &sql,
        params![timeframe.to_string(), first_micros(from), latest.micros(), most as u64],
        |batch| {
            let bars = Bars::new(batch)?;
            for row in 0..batch.num_rows() {
                let bar = bars.get(row, instrument)?;
                let rank = (bar.revision, slice.number);
                let known = newest.entry(bar.open_time).or_insert((rank, bar));
                if known.0 < rank {
                    *known = (rank, bar);
                }
                (rows, last) = (rows + 1, Some(bar.open_time));
            }
            Ok(())
        },
    )?;
    Ok(last.filter(|_| rows == most))
}
