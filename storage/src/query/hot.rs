//! Answers from the hot tier, where they are whole.
//!
//! What is published is taken once; the tables that it names are asked, the newest first, until the
//! answer is full. If meanwhile the window's beginning has moved behind the question's, a table may have
//! gone under it: then the disk answers.

use std::collections::BTreeMap;

use duckdb::params;
use messages::market::{Bar, Timeframe};
use messages::{Instrument, UtcNanos};

use super::duck::{each_batch, first_micros, latest_open};
use super::{Answer, Query, Rows, StoredTick, Tier};
use crate::duck::Error;
use crate::duck::hot::{Content, Hot, Key, Published, Slice};
use crate::duck::stored::{BAR_CELLS, Bars, TICK_CELLS, Ticks};
use crate::pool::Reader;

/// Answers from the hot tier; `None` where it cannot answer wholly.
///
/// # Errors
/// DuckDB refuses, or a stored row is not what it must be.
pub fn answer(reader: &Reader<'_>, hot: &Hot, query: &Query) -> Result<Option<Answer>, Error> {
    let Some(published) = hot.get() else { return Ok(None) };
    answer_while(reader, &published, query, |from| hot.window().is_some_and(|window| window.from <= from))
}

/// Answers from what was published, if it was still whole from the answer's beginning when all was read.
///
/// # Errors
/// As [`answer`].
pub fn answer_while(
    reader: &Reader<'_>,
    published: &Published,
    query: &Query,
    is_still_whole: impl Fn(UtcNanos) -> bool,
) -> Result<Option<Answer>, Error> {
    let found = match query {
        Query::Ticks { instrument, from, to, limit } if published.window.holds(*from, *to) => {
            ticks(reader, published, *instrument, (*from, *to), *limit as usize)
                .map(|found| Some((*from, Rows::Ticks(found))))
        }
        Query::Bars { instrument, timeframe, to, limit } if published.window.reaches(*to) => {
            let found = bars(reader, published, *instrument, *timeframe, *to, *limit as usize);
            // They are the newest ones if there are enough of them; where they begin is known only now.
            found.map(|bars| bars.and_then(|bars| Some((bars.first()?.open_time, Rows::Bars(bars)))))
        }
        _ => return Ok(None),
    };
    let complete_to = published.window.complete_to;
    match found {
        Ok(Some((from, rows))) if is_still_whole(from) => Ok(Some(Answer { rows, tier: Tier::Hot, complete_to })),
        Ok(_) => Ok(None),
        // A table that went under the question is no failure.
        Err(_) if !is_still_whole(published.window.from) => Ok(None),
        Err(error) => Err(error),
    }
}

fn ticks(
    reader: &Reader<'_>,
    published: &Published,
    instrument: Instrument,
    (from, to): (UtcNanos, UtcNanos),
    limit: usize,
) -> Result<Vec<StoredTick>, Error> {
    let key = Key { instrument, content: Content::Ticks };
    let mut found: Vec<StoredTick> = Vec::new();
    for slice in published.overlapping(&key, from, to) {
        if found.len() >= limit && found.last().is_some_and(|oldest| oldest.tick.time > slice.last) {
            break;
        }
        let sql = format!(
            "SELECT {TICK_CELLS} FROM {}
             WHERE \"timestamp\" >= make_timestamp(?) AND \"timestamp\" < make_timestamp(?)
             ORDER BY \"timestamp\" DESC, tick_id DESC LIMIT ?",
            slice.table()
        );
        each_batch(reader, &sql, params![first_micros(from), first_micros(to), limit as u64], |batch| {
            let ticks = Ticks::new(batch)?;
            for row in 0..batch.num_rows() {
                found.push(ticks.get(row, instrument)?);
            }
            Ok(())
        })?;
        found.sort_by_key(|t| std::cmp::Reverse((t.tick.time, t.id)));
        found.truncate(limit);
    }
    found.reverse();
    Ok(found)
}

/// The newest revision of a bar, with what decides that it is: the revision, then the later row.
type Newest = BTreeMap<UtcNanos, ((u16, u64), Bar)>;

/// Exactly `limit` bars, or `None`: what is older than the tier reaches may then be missing.
fn bars(
    reader: &Reader<'_>,
    published: &Published,
    instrument: Instrument,
    timeframe: Timeframe,
    to: UtcNanos,
    limit: usize,
) -> Result<Option<Vec<Bar>>, Error> {
    let key = Key { instrument, content: Content::Bars };
    let latest = latest_open(to, timeframe);
    let mut newest = Newest::new();
    // Behind this time every table has said all that it holds.
    let mut known_from = published.window.from;
    for slice in published.overlapping(&key, known_from, latest) {
        if oldest_of(&newest, limit).is_some_and(|oldest| oldest > slice.last) {
            break;
        }
        let cut = read_bars(reader, &slice, (instrument, timeframe), latest, limit, &mut newest)?;
        known_from = known_from.max(cut.unwrap_or(known_from));
    }
    let Some(oldest) = oldest_of(&newest, limit).filter(|oldest| *oldest >= known_from) else { return Ok(None) };
    Ok(Some(newest.range(oldest..).map(|(_, (_, bar))| *bar).collect()))
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
    latest: UtcNanos,
    limit: usize,
    newest: &mut Newest,
) -> Result<Option<UtcNanos>, Error> {
    // Some more than asked for, because of revisions; if that is not enough, the disk answers.
    let most = limit + limit / 4 + 16;
    let sql = format!(
        "SELECT {BAR_CELLS} FROM {} WHERE timeframe = ? AND \"timestamp\" <= make_timestamp(?)
         ORDER BY \"timestamp\" DESC, revision DESC, rowid DESC LIMIT ?",
        slice.table()
    );
    let (mut rows, mut last) = (0, None);
    each_batch(reader, &sql, params![timeframe.to_string(), latest.micros(), most as u64], |batch| {
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
    })?;
    Ok(last.filter(|_| rows == most))
}
