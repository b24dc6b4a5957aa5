//! When bars close: the part of the market that knows both the clocks and the bars.
//!
//! Hears of trades, gaps and the passing of time; says the bars that are due. A bar is due when it
//! has changed since its last publication and venue time has reached its end + lateness, so first
//! publications and revisions are one rule. Invariant: the bars of one moment leave in order of
//! (end time, length, instrument), whatever order their trades had.

use messages::market::{Batch, Event, EventBody, Gap, GapCause, Source};
use messages::{Instrument, UtcNanos};

use super::Market;
use super::bars::Changed;
use super::entry::Entry;
use super::line::Publication;
use super::summary::{Mark, Summary};

/// A bar about to be published, sorted as bars leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    changed: Changed,
    instrument: Instrument,
    at: usize,
}

/// Up to which end bars close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// Those whose time has come.
    Due,
    /// All: nobody will watch on.
    All,
}

/// Which changed bars a schedule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pending {
    /// All.
    All,
    /// Those whose time has not come: the others are awaited from the journal.
    NotYetDue,
}

impl Market {
    /// An exchange stamped a message `event` that arrived just now.
    pub(super) fn observe(&mut self, at: usize, event: UtcNanos) {
        // History that is fetched or imported says nothing of the clock now.
        if matches!(self.source, Source::Stream | Source::Replay | Source::Simulated) {
            self.clocks[self.entries[at].clock].1.offset.observe(event, self.received);
        }
    }

    /// Adds a trade to the bars of an instrument; `None` is a trade whose notional has no number.
    pub(super) fn add_to_bars(&mut self, at: usize, mark: Mark, trade: Option<Summary>) {
        self.observe(at, mark.time);
        let Self { entries, clocks, plan, counters, .. } = self;
        let Some(trade) = trade else {
            counters.bar_overflows += 1;
            return;
        };
        let entry = &mut entries[at];
        let clock = &mut clocks[entry.clock].1;
        if let Some(end) = entry.bars.trade(plan, &trade, clock.venue_time(self.received), counters) {
            clock.wait_for(end, self.lateness);
        }
    }

    /// A feed missed trades, so bars that were published as complete may not be; or it has got them since, so bars that
    /// were incomplete for them alone are complete.
    pub(super) fn judge_bars(&mut self, at: usize, gap: &Gap) {
        let Entry { watch, bars, clock, .. } = &mut self.entries[at];
        let clock = &mut self.clocks[*clock].1;
        let ahead = clock.ahead();
        let changed = if gap.cause == GapCause::Recovered {
            watch.recovered(gap.from);
            bars.trust(|open, end| watch.misses(open, end, ahead))
        } else {
            watch.gap(gap.from, gap.to);
            bars.doubt(|open, end| watch.misses(open, end, ahead))
        };
        if let Some(end) = changed {
            clock.wait_for(end, self.lateness);
        }
    }

    /// Publishes what is due now.
    pub(super) fn publish_due(&mut self, out: &mut Batch) {
        if self.clocks.iter().any(|(_, clock)| clock.is_due(self.received)) {
            self.close(Closing::Due, out);
        }
    }

    /// Publishes every open bar, as incomplete.
    pub(super) fn publish_open(&mut self, out: &mut Batch) {
        self.close(Closing::All, out);
        for entry in &mut self.entries {
            entry.watch.leave(self.received);
        }
    }

    fn close(&mut self, closing: Closing, out: &mut Batch) {
        let mut due = std::mem::take(&mut self.due);
        due.clear();
        for at in 0..self.entries.len() {
            let limit = self.limit(at, closing);
            self.close_entry(at, limit);
            let Self { entries, plan, .. } = self;
            let instrument = entries[at].instrument;
            due.extend(entries[at].bars.changed_by(plan, limit).map(|changed| Due { changed, instrument, at }));
        }
        due.sort_unstable();
        for which in &due {
            self.publish(which, closing, out);
        }
        self.due = due;
        self.schedule(Pending::All);
    }

    /// Bars that end here or before are to close.
    pub(super) fn limit(&self, at: usize, closing: Closing) -> UtcNanos {
        match closing {
            Closing::Due => {
                let clock = &self.clocks[self.entries[at].clock].1;
                UtcNanos(clock.venue_time(self.received).0.saturating_sub(self.lateness))
            }
            Closing::All => UtcNanos::MAX,
        }
    }

    /// Closes the bars of an instrument that end by `limit`: longer ones take them in.
    pub(super) fn close_entry(&mut self, at: usize, limit: UtcNanos) {
        let Self { entries, clocks, plan, counters, .. } = self;
        let entry = &mut entries[at];
        let venue_now = clocks[entry.clock].1.venue_time(self.received);
        entry.bars.close(plan, limit, venue_now, counters);
    }

    fn publish(&mut self, which: &Due, closing: Closing, out: &mut Batch) {
        let &Due { changed: Changed { end, timeframe, row, open }, instrument, at } = which;
        let entry = &mut self.entries[at];
        let ahead = self.clocks[entry.clock].1.ahead();
        // Where no trade ever came the line holds bars of an earlier run alone; and a bar that was published from the
        // venue stays the venue's.
        if !entry.trades.seen() || entry.venue_bars.last(timeframe, open).is_some() {
            entry.bars.line_mut(row).settle_one(open);
            return;
        }
        let is_complete = closing == Closing::Due && !entry.watch.misses(open, end, ahead);
        let id = self.numbers.give();
        let which = Publication { instrument, timeframe, open, is_complete };
        let Ok(bar) = entry.bars.line_mut(row).publish(which, id) else {
            // Its number stays unused: numbers rise, they need not be dense.
            self.counters.bar_overflows += 1;
            return;
        };
        let count = if bar.revision == 0 { &mut self.counters.bars } else { &mut self.counters.revisions };
        *count += 1;
        out.events.push(Event { id, body: EventBody::Bar(bar) });
    }

    /// Sets when each exchange's next bar is due.
    pub(super) fn schedule(&mut self, pending: Pending) {
        self.clocks.iter_mut().for_each(|(_, clock)| clock.due = UtcNanos::MAX);
        for at in 0..self.entries.len() {
            let after = match pending {
                Pending::All => UtcNanos::MIN,
                Pending::NotYetDue => self.limit(at, Closing::Due),
            };
            let clock = &mut self.clocks[self.entries[at].clock].1;
            if let Some(end) = self.entries[at].bars.next_end(after) {
                clock.wait_for(end, self.lateness);
            }
        }
    }
}
