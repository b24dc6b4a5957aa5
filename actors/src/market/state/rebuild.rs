//! How the market comes back at start: from the tail of its own journal, whose events have their
//! numbers already. Hears those batches; says nothing.
//!
//! It follows events as the live path does, but the journal decides what was published. Invariant:
//! with a tail that begins before the open bars, the rebuilt market goes on as the old one would
//! have, except that the time between is unwatched.

use messages::MarketId;
use messages::market::{Bar, Batch, Event, EventBody, Tick};

use super::Market;
use super::closing::{Closing, Pending};
use super::counters::Counters;
use super::entry::Verdict;

impl Market {
    /// Follows a batch that an earlier run numbered. All batches of the tail come in order, before
    /// the first frame; bars that were due and are not among them are published with that frame.
    pub fn rebuild(&mut self, batch: &Batch) {
        self.rebuilding = true;
        self.source = batch.source;
        self.received = self.received.max(batch.received);
        let counted = self.counters;
        for event in &batch.events {
            self.follow_event(event);
        }
        if self.clocks.iter().any(|(_, clock)| clock.is_due(self.received)) {
            self.close_rebuilt();
        }
        // They were counted when they happened.
        self.counters = counted;
    }

    fn follow_event(&mut self, event: &Event) {
        self.numbers.taken(event.id);
        match &event.body {
            EventBody::Tick(tick) => self.follow_tick(tick, event.id),
            EventBody::Depth(depth) => drop(self.follow_depth(depth)),
            EventBody::Bar(bar) => self.follow_bar(bar),
            EventBody::Gap(gap) => self.follow_gap(gap),
        }
    }

    fn follow_tick(&mut self, tick: &Tick, id: MarketId) {
        let at = self.place(tick.instrument);
        // Judged again to learn its sequence. A repeated one was numbered by a run that could not know.
        match self.entries[at].judge(tick, self.received, &mut Counters::default()) {
            Verdict::Drop => {}
            verdict => self.follow(at, tick, id, verdict),
        }
    }

    fn follow_bar(&mut self, bar: &Bar) {
        let at = self.place(bar.instrument);
        if bar.open_time.floor_to(bar.timeframe.duration()) != bar.open_time {
            self.follow_venue_bar(at, bar);
            return;
        }
        let Self { entries, clocks, plan, counters, .. } = self;
        let venue_now = clocks[entries[at].clock].1.venue_time(self.received);
        entries[at].bars.adopt(plan, bar, venue_now, counters);
    }

    /// Longer bars take in what is closed. What is due stays due until the tail has been read: the
    /// journal may hold its publication yet.
    fn close_rebuilt(&mut self) {
        for at in 0..self.entries.len() {
            let limit = self.limit(at, Closing::Due);
            self.close_entry(at, limit);
        }
        self.schedule(Pending::NotYetDue);
    }

    /// The first live call: nobody watched since the last batch, and what is due is due.
    pub(super) fn end_rebuild(&mut self) {
        for entry in &mut self.entries {
            entry.watch.leave(self.received);
        }
        self.schedule(Pending::All);
    }
}
