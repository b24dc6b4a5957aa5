//! Bars of any length: what they are merged from, which ranges hold whole ones, and gaps between them. Pure.

use std::time::Duration;

use messages::market::{Bar, Timeframe};
use messages::time::nanos;
use messages::{MarketId, Notional, Quantity, UtcNanos};

use super::{Page, Range};

/// The length that a bar is merged from, as the market makes it.
pub fn base_of(timeframe: Timeframe) -> Timeframe {
    if timeframe.secs().is_multiple_of(Timeframe::MINUTE.secs()) { Timeframe::MINUTE } else { Timeframe::SECOND }
}

/// What a bar may be merged from, in the order in which it is looked for: the bars that the market makes by default, the
/// length itself, and other usual lengths for who has set `bars.timeframes` otherwise.
pub fn bases_of(timeframe: Timeframe) -> impl Iterator<Item = Timeframe> {
    const OTHERS: [u32; 8] = [3_600, 1_800, 900, 300, 30, 10, 5, 1];
    let first = [base_of(timeframe), timeframe];
    let others =
        OTHERS.into_iter().filter(move |secs| *secs < timeframe.secs() && timeframe.secs().is_multiple_of(*secs));
    let others = others.filter_map(Timeframe::from_secs).filter(move |other| !first.contains(other));
    let count = if first[0] == first[1] { 1 } else { 2 };
    first.into_iter().take(count).chain(others)
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
