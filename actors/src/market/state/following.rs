//! What becomes of one item of a frame: judged, numbered, then followed.
//!
//! Hears ticks, depth and gaps; says them with their numbers. The `follow` half has no output and
//! serves the live path and the rebuild alike, so the two cannot drift apart. Invariant: nothing
//! follows an item that was dropped.

use messages::market::{Batch, Depth, DepthKind, Event, EventBody, Gap, GapCause, GapChannel, Tick, TickBody};
use messages::{Exchange, MarketId, UtcNanos};

use super::entry::Verdict;
use super::summary::{Mark, Summary};
use super::{LastQuote, LastTrade, Market};

impl Market {
    /// Numbers one event.
    pub(super) fn say(&mut self, body: EventBody, out: &mut Batch) {
        out.events.push(Event { id: self.numbers.give(), body });
    }

    /// A tick of a frame.
    pub(super) fn on_tick(&mut self, tick: &Tick, out: &mut Batch) {
        let at = self.place(tick.instrument);
        let verdict = self.entries[at].judge(tick, self.received, &mut self.counters);
        if verdict == Verdict::Drop {
            return;
        }
        match tick.body {
            TickBody::Trade { .. } => self.counters.trades += 1,
            TickBody::Quote { .. } => self.counters.quotes += 1,
        }
        let mut tick = *tick;
        if verdict == Verdict::Correct {
            // It stands where the trade stands that it replaces, whenever the venue said so.
            tick.time = self.entries[at].recent.time_of(&tick).unwrap_or(tick.time);
        }
        let id = self.numbers.give();
        out.events.push(Event { id, body: EventBody::Tick(tick) });
        self.follow(at, &tick, id, verdict);
    }

    /// Lets last prices, clock and bars follow a tick that has its number.
    pub(super) fn follow(&mut self, at: usize, tick: &Tick, id: MarketId, verdict: Verdict) {
        let Self { entries, clocks, received, .. } = self;
        let entry = &mut entries[at];
        // A quote may bear the receive time instead of the venue's.
        let stamp = matches!(tick.body, TickBody::Trade { .. }).then_some(tick.time);
        entry.watch.seen(*received, stamp);
        match verdict {
            Verdict::Use => {}
            Verdict::Correct => return self.follow_correction(at, tick, id),
            Verdict::PassOn | Verdict::Drop => return,
        }
        let (time, received) = (tick.time, *received);
        match tick.body {
            TickBody::Quote { bid, ask } => entry.quotes.keep(LastQuote { bid, ask, time, received, id }),
            TickBody::Trade { price, size, .. } => {
                let mark = Mark { time, sequence: tick.sequence };
                let trade = LastTrade { price, size, time, received, id };
                entry.trades.keep(mark, trade);
                entry.recent.keep(mark, trade, clocks[entry.clock].1.venue_time(received));
                self.add_to_bars(at, mark, Summary::of_trade(mark, price, size));
            }
        }
    }

    /// A depth message of a frame: passed on whether or not the book is synced.
    pub(super) fn on_depth(&mut self, depth: &Depth, out: &mut Batch) {
        if !depth.is_sound(self.received) {
            self.counters.out_of_range += 1;
            return;
        }
        self.counters.depths += 1;
        // The gap comes first, so that a listener knows before it reads on.
        if let Some(gap) = self.follow_depth(depth) {
            self.counters.book_gaps += 1;
            self.counters.gaps += 1;
            self.say(EventBody::Gap(Box::new(gap)), out);
        }
        self.say(EventBody::Depth(Box::new(depth.clone())), out);
    }

    /// Lets clock and book follow. Returns the gap that the book found.
    pub(super) fn follow_depth(&mut self, depth: &Depth) -> Option<Gap> {
        let at = self.place(depth.instrument);
        // A snapshot comes by REST and bears the receive time.
        let stamp = matches!(depth.kind, DepthKind::Diff { .. }).then_some(depth.time);
        if let Some(stamp) = stamp {
            self.observe(at, stamp);
        }
        let entry = &mut self.entries[at];
        entry.watch.seen(self.received, stamp);
        entry.book.get_or_insert_default().on_depth(depth, self.received)
    }

    /// Missing data that a feed noticed.
    pub(super) fn on_gap(&mut self, gap: &Gap, out: &mut Batch) {
        self.counters.gaps += 1;
        self.say(EventBody::Gap(Box::new(gap.clone())), out);
        self.follow_gap(gap);
    }

    /// Lets bars or book follow a gap that was reported, and remembers it while it is open.
    pub(super) fn follow_gap(&mut self, gap: &Gap) {
        let at = self.place(gap.instrument);
        self.entries[at].open_gaps.follow(gap);
        match gap.channel {
            GapChannel::Ticks | GapChannel::Trades => self.judge_bars(at, gap),
            // No bar is made of quotes.
            GapChannel::Quotes => {}
            GapChannel::Depth if gap.cause == GapCause::Recovered => {}
            GapChannel::Depth => self.entries[at].book.iter_mut().for_each(|book| book.lost()),
        }
    }

    /// The gaps that an earlier run left open end here: the feed of this run knows nothing of them, and what it missed
    /// meanwhile stays missing.
    pub(super) fn close_old_gaps(&mut self, out: &mut Batch) {
        let places: Vec<usize> = self.places.values().copied().collect();
        for at in places {
            for gap in self.entries[at].open_gaps.take() {
                self.on_gap(&Gap { to: Some(self.received), ..gap }, out);
            }
        }
    }

    /// A feed of the exchange has failed and begins anew: its gaps end here, and so does one in all that may have been lost
    /// with it, from each instrument's last tick on.
    ///
    /// # Panics
    /// When numbers run out.
    pub fn feed_begins_anew(&mut self, exchange: Exchange, now: UtcNanos, out: &mut Batch) {
        self.begin(now, out);
        let places: Vec<usize> =
            self.places.iter().filter(|(of, _)| of.exchange == exchange).map(|(_, at)| *at).collect();
        for at in places {
            for gap in self.entries[at].open_gaps.take() {
                self.on_gap(&Gap { to: Some(self.received), ..gap }, out);
            }
            let entry = &self.entries[at];
            let heard = [entry.quotes.last().map(|q| q.received), entry.trades.last().map(|t| t.received)];
            if let Some(from) = heard.into_iter().flatten().max() {
                let (instrument, to) = (entry.instrument, Some(self.received));
                let (channel, cause) = (GapChannel::Ticks, GapCause::Crash);
                let gap = Gap { instrument, channel, cause, from, to, first_missing: None, resumed_at: None };
                self.on_gap(&gap, out);
            }
        }
        self.publish_due(out);
    }
}
