//! Bars that the venue makes itself. Where an instrument's trades come in, ours are made from them and the venue's are
//! only compared; where no trade ever came, the venue's are published.
//!
//! Hears the venue's bars; says them with a number, and again as a revision when their content changed. Invariant: a bar
//! (length, open time) that was published from the venue stays the venue's, so it never holds a trade twice; what is kept
//! is bounded by age and by count, and a bar that is no longer kept is not published again.

use messages::UtcNanos;
use messages::market::{Bar, Batch, Event, EventBody, Timeframe};

use super::line::REVISABLE;
use super::{Market, entry};

/// Bars of one instrument that may still be revised: ten minutes of seconds, and all longer lengths beside them.
const KEPT: usize = 1_024;

/// The venue's bars of one instrument that were published and may still be revised, as last published.
#[derive(Debug, Default)]
pub struct VenueBars {
    kept: Vec<Bar>,
}

impl VenueBars {
    /// The last publication of a bar.
    pub fn last(&self, timeframe: Timeframe, open: UtcNanos) -> Option<&Bar> {
        self.kept.iter().rev().find(|bar| (bar.timeframe, bar.open_time) == (timeframe, open))
    }

    /// Keeps what was published; false when there is no room.
    #[must_use]
    pub fn keep(&mut self, bar: Bar, venue_now: UtcNanos) -> bool {
        let same = |known: &&mut Bar| (known.timeframe, known.open_time) == (bar.timeframe, bar.open_time);
        if let Some(known) = self.kept.iter_mut().rev().find(same) {
            *known = bar;
            return true;
        }
        self.kept.retain(|known| !is_settled(known, venue_now));
        let room = self.kept.len() < KEPT;
        if room {
            self.kept.push(bar);
        }
        room
    }
}

/// Too old to be published or revised.
fn is_settled(bar: &Bar, venue_now: UtcNanos) -> bool {
    bar.end_time().after(REVISABLE) <= venue_now
}

impl Market {
    /// A bar that the venue made.
    pub(super) fn on_bar(&mut self, bar: &Bar, out: &mut Batch) {
        if !entry::is_bar(bar, self.received) {
            self.counters.out_of_range += 1;
            return;
        }
        let Some(row) = self.plan.find(bar.timeframe).filter(|&row| self.plan.rows()[row].published) else { return };
        let at = self.place(bar.instrument);
        let entry = &self.entries[at];
        if entry.trades.seen() && entry.venue_bars.last(bar.timeframe, bar.open_time).is_none() {
            self.compare(at, row, bar);
        } else {
            self.publish_venue_bar(at, row, bar, out);
        }
    }

    /// Both sides must have closed and hold all of the bar.
    fn compare(&mut self, at: usize, row: usize, bar: &Bar) {
        let entry = &self.entries[at];
        let ahead = self.clocks[entry.clock].1.ahead();
        if !bar.is_complete || entry.watch.misses(bar.open_time, bar.end_time(), ahead) {
            return;
        }
        let Some(ours) = entry.bars.line(row).summary_at(bar.open_time) else { return };
        self.counters.venue_bars += 1;
        self.counters.venue_bars_differ += u64::from(!ours.has_content_of(bar));
    }

    fn publish_venue_bar(&mut self, at: usize, row: usize, bar: &Bar, out: &mut Batch) {
        let Self { entries, clocks, counters, numbers, received, .. } = self;
        let entry = &mut entries[at];
        let venue_now = clocks[entry.clock].1.venue_time(*received);
        if is_settled(bar, venue_now) {
            counters.too_late += 1;
            return;
        }
        let known = entry.venue_bars.last(bar.timeframe, bar.open_time).copied();
        // An earlier run published it: the rebuild took it over as any bar.
        let known = known.or_else(|| entry.bars.line(row).published_at(bar.instrument, bar.timeframe, bar.open_time));
        if known.is_some_and(|known| known == Bar { bar_id: known.bar_id, revision: known.revision, ..*bar }) {
            return;
        }
        let id = numbers.give();
        let name = known.map_or(Some((id, 0)), |known| Some((known.bar_id, known.revision.checked_add(1)?)));
        let bar = name.map(|(bar_id, revision)| Bar { bar_id, revision, ..*bar });
        let Some(bar) = bar.filter(|bar| entry.venue_bars.keep(*bar, venue_now)) else {
            counters.bar_overflows += 1;
            return;
        };
        *(if bar.revision == 0 { &mut counters.bars } else { &mut counters.revisions }) += 1;
        out.events.push(Event { id, body: EventBody::Bar(bar) });
    }

    /// A bar that an earlier run published at another open than ours have: it was the venue's.
    pub(super) fn follow_venue_bar(&mut self, at: usize, bar: &Bar) {
        let entry = &mut self.entries[at];
        let venue_now = self.clocks[entry.clock].1.venue_time(self.received);
        // Without room its next state is published as a new bar, which a reader sees as the newer one.
        let _ = entry.venue_bars.keep(*bar, venue_now);
    }
}
