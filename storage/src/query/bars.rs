//! Bars of any length: what they are merged from and what stands beside it, which ranges hold whole ones, and gaps between
//! them. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::market::{Bar, Timeframe};
use messages::time::nanos;
use messages::{MarketId, Notional, Quantity, UtcNanos};

use super::{Page, Range};

/// The length that a bar is merged from, as the market makes it.
pub fn base_of(timeframe: Timeframe) -> Timeframe {
    if timeframe.secs().is_multiple_of(Timeframe::MINUTE.secs()) { Timeframe::MINUTE } else { Timeframe::SECOND }
}

/// What else a bar may be merged from, in the order in which it is looked for: other usual lengths, for who has set
/// `bars.timeframes` otherwise.
fn others_of(timeframe: Timeframe) -> impl Iterator<Item = Timeframe> {
    const OTHERS: [u32; 8] = [3_600, 1_800, 900, 300, 30, 10, 5, 1];
    let others =
        OTHERS.into_iter().filter(move |secs| *secs < timeframe.secs() && timeframe.secs().is_multiple_of(*secs));
    others.filter_map(Timeframe::from_secs).filter(move |other| *other != base_of(timeframe))
}

/// A page of bars, and whether there are more.
pub type Found = (Vec<Bar>, bool);

/// A page of bars of a length. `ask` gives that page of those which are merged from a base, or stored where the base is the
/// length itself.
///
/// Bars of the length that were brought over stand beside those that are merged from what the market makes. Other bases stand
/// in where neither has anything.
///
/// # Errors
/// Those of `ask`.
pub fn of_bases<E>(
    timeframe: Timeframe,
    page: Page,
    mut ask: impl FnMut(Timeframe) -> Result<Found, E>,
) -> Result<Found, E> {
    let usual = base_of(timeframe);
    let mut found = ask(usual)?;
    if usual != timeframe {
        found = union(found, ask(timeframe)?, page);
    }
    for other in others_of(timeframe) {
        let (bars, is_cut) = &found;
        if !bars.is_empty() || *is_cut {
            break;
        }
        found = ask(other)?;
    }
    Ok(found)
}

/// One page out of two. Of two bars of one time the merged one is shown, unless it alone is not complete, or the other is of more
/// trades: of the bar in which the market began to be recorded only a part is. Each has its own first bars of the page, so the
/// first of both are among them.
fn union((merged, has_more): Found, (stored, has_more_stored): Found, page: Page) -> Found {
    let mut all: BTreeMap<UtcNanos, Bar> = stored.into_iter().map(|bar| (bar.open_time, bar)).collect();
    for bar in merged {
        let shown = all.entry(bar.open_time).or_insert(bar);
        let is_whole = bar.is_complete && (!shown.is_complete || bar.trade_count >= shown.trade_count);
        if is_whole || !shown.is_complete {
            *shown = bar;
        }
    }
    let (mut bars, limit): (Vec<Bar>, usize) = (all.into_values().collect(), page.limit());
    let is_cut = has_more || has_more_stored || bars.len() > limit;
    match page {
        Page::Oldest(_) => bars.truncate(limit),
        Page::Newest(_) => drop(bars.drain(..bars.len().saturating_sub(limit))),
    }
    (bars, is_cut)
}

fn ceil_to(at: UtcNanos, width: Duration) -> UtcNanos {
    let floor = at.floor_to(width);
    if floor == at { at } else { floor.after(width) }
}

/// The range of the bars that begin and end in a range.
pub fn whole_bars(range: Range, timeframe: Timeframe) -> Range {
    let width = timeframe.duration();
    Range { from: ceil_to(range.from, width), to: range.to.floor_to(width) }
}

/// The range of the bars that a part of `whole` touches.
pub fn outward(part: Range, whole: Range, timeframe: Timeframe) -> Range {
    let width = timeframe.duration();
    Range { from: part.from.floor_to(width).max(whole.from), to: ceil_to(part.to, width).min(whole.to) }
}

/// Where the newest bars most often are: gaps are seldom longer than bars.
pub fn guess(range: Range, timeframe: Timeframe, page: Page) -> Option<Range> {
    let Page::Newest(limit) = page else { return None };
    let from = range.to.before(timeframe.duration().saturating_mul(limit.saturating_add(1)).saturating_mul(4));
    (from > range.from).then_some(Range { from, ..range })
}

/// Fills the gaps between bars, as far as the page holds them. Returns whether it held them all.
pub fn fill(bars: &mut Vec<Bar>, page: Page) -> bool {
    let found = std::mem::take(bars);
    let between = found.windows(2).flat_map(|pair| gap(pair[0], pair[1]).chain(std::iter::once(pair[1])));
    let all = found.first().copied().into_iter().chain(between);
    let most = page.limit().saturating_add(1);
    match page {
        Page::Oldest(limit) => {
            *bars = all.take(most).collect();
            let is_cut = bars.len() == most;
            bars.truncate(limit as usize);
            is_cut
        }
        Page::Newest(limit) => {
            *bars = all.rev().take(most).collect();
            let is_cut = bars.len() == most;
            bars.truncate(limit as usize);
            bars.reverse();
            is_cut
        }
    }
}

/// The bars that are missing between two.
fn gap(before: Bar, after: Bar) -> impl DoubleEndedIterator<Item = Bar> {
    let width = nanos(before.timeframe.duration());
    let missing = (after.open_time.since(before.open_time) / width - 1).max(0);
    (1..=missing).map(move |n| empty(&before, UtcNanos(before.open_time.0 + n * width)))
}

/// A bar in which nothing was seen. It has no number, for it is no row.
fn empty(before: &Bar, open_time: UtcNanos) -> Bar {
    Bar {
        bar_id: MarketId(0),
        open_time,
        open: before.close,
        high: before.close,
        low: before.close,
        volume: Quantity::ZERO,
        notional: Notional::ZERO,
        trade_count: 0,
        revision: 0,
        is_complete: false,
        ..*before
    }
}
