//! The order book of one instrument, kept by Binance's procedure ("How to manage a local order book
//! correctly", web-socket-streams.md): diffs wait in a buffer until a snapshot comes that they
//! continue; then each diff must continue the one before.
//!
//! Hears snapshots, partial depth and diffs; says a gap at the first diff after missing ones, and
//! then throws the book away. Invariant: a synced book holds exactly what the venue has shown up to
//! [`Book::last_id`]; `seen = applied + dropped + buffered` for diffs.

mod ladder;

use std::collections::VecDeque;

use messages::UtcNanos;
use messages::caps;
use messages::market::{Depth, DepthKind, Gap, GapCause, GapChannel, Level};
use messages::number::{Price, Quantity, Size};
use messages::orders::Side;

use ladder::{Ladder, Touch};

/// What a book has counted since its first message, those of a rebuild included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BookCounters {
    /// Diffs that came.
    pub seen: u64,
    /// Diffs applied.
    pub applied: u64,
    /// Diffs dropped: older than the book, thrown away with it, or beyond the buffer.
    pub dropped: u64,
    /// Times that update ids were missing.
    pub gaps: u64,
    /// Snapshots and partial depths too old to be used.
    pub too_old: u64,
    /// Levels dropped beyond [`caps::BOOK_LEVELS`].
    pub trimmed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is known until a snapshot comes.
    Waiting,
    /// All levels that the venue has shown.
    Synced,
    /// The top levels only, of a stream that sends them whole.
    Partial,
}

/// The book of one instrument.
#[derive(Debug)]
pub struct Book {
    state: State,
    last_id: u64,
    bids: Ladder,
    asks: Ladder,
    /// Contiguous diffs that no snapshot has picked up yet. Empty while synced.
    buffer: VecDeque<Depth>,
    heard: UtcNanos,
    counters: BookCounters,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            state: State::Waiting,
            last_id: 0,
            bids: Ladder::new(Touch::Highest),
            asks: Ladder::new(Touch::Lowest),
            buffer: VecDeque::new(),
            heard: UtcNanos::MIN,
            counters: BookCounters::default(),
        }
    }
}

impl Book {
    /// Takes in a depth message. Returns the gap that it reveals.
    pub fn on_depth(&mut self, depth: &Depth, received: UtcNanos) -> Option<Gap> {
        let heard = std::mem::replace(&mut self.heard, received);
        let (known, first) = match depth.kind {
            DepthKind::Diff { first } => (self.on_diff(first, depth)?, first),
            DepthKind::Snapshot => {
                self.on_snapshot(depth);
                return None;
            }
            DepthKind::Partial => {
                self.on_partial(depth);
                return None;
            }
        };
        Some(Gap {
            instrument: depth.instrument,
            channel: GapChannel::Depth,
            cause: GapCause::Sequence,
            from: heard,
            to: Some(received),
            first_missing: i64::try_from(known.saturating_add(1)).ok(),
            resumed_at: i64::try_from(first).ok(),
        })
    }

    /// Returns the last id before the missing ones, if any are missing.
    fn on_diff(&mut self, first: u64, depth: &Depth) -> Option<u64> {
        self.counters.seen += 1;
        let known = self.known_id();
        if known.is_some_and(|known| depth.last <= known) {
            self.counters.dropped += 1;
            return None;
        }
        let before_gap = known.filter(|known| first > known.saturating_add(1));
        if before_gap.is_some() {
            self.counters.gaps += 1;
            self.throw_away();
        }
        if self.state == State::Synced {
            self.apply(depth)
        } else {
            self.wait_with(depth.clone())
        }
        before_gap
    }

    /// The id that the next diff must continue; `None` before the first.
    fn known_id(&self) -> Option<u64> {
        match self.state {
            State::Synced => Some(self.last_id),
            State::Waiting | State::Partial => self.buffer.back().map(|diff| diff.last),
        }
    }

    fn on_snapshot(&mut self, depth: &Depth) {
        let behind_book = self.state == State::Synced && depth.last <= self.last_id;
        let next = depth.last.saturating_add(1);
        let behind_buffer = self.buffer.front().is_some_and(|oldest| first_id(oldest) > next);
        if behind_book || behind_buffer {
            self.counters.too_old += 1;
            return;
        }
        self.replace(depth, State::Synced);
        for diff in std::mem::take(&mut self.buffer) {
            if diff.last <= self.last_id {
                self.counters.dropped += 1;
            } else {
                self.apply(&diff);
            }
        }
    }

    /// Where diffs run, the book holds more than any partial depth: that one is left alone.
    fn on_partial(&mut self, depth: &Depth) {
        let by_diffs = self.state == State::Synced && self.counters.applied > 0;
        let older = self.state != State::Waiting && depth.last < self.last_id;
        if older {
            self.counters.too_old += 1;
        } else if !by_diffs {
            self.replace(depth, State::Partial);
        }
    }

    /// Missing depth that the feed noticed itself: what is known may be wrong from here on.
    pub fn lost(&mut self) {
        self.throw_away();
        self.bids.clear();
        self.asks.clear();
    }

    /// The diffs so far lead nowhere. A partial book does not live by diffs and stays.
    fn throw_away(&mut self) {
        self.counters.dropped += self.buffer.len() as u64;
        self.buffer.clear();
        if self.state == State::Synced {
            self.state = State::Waiting;
            self.bids.clear();
            self.asks.clear();
        }
    }

    fn wait_with(&mut self, diff: Depth) {
        if self.buffer.len() == caps::BOOK_BUFFER {
            self.buffer.pop_front();
            self.counters.dropped += 1;
        }
        self.buffer.push_back(diff);
    }

    fn replace(&mut self, depth: &Depth, state: State) {
        self.state = state;
        self.bids.clear();
        self.asks.clear();
        self.set(depth);
    }

    fn apply(&mut self, diff: &Depth) {
        self.counters.applied += 1;
        self.set(diff);
    }

    fn set(&mut self, depth: &Depth) {
        self.last_id = depth.last;
        let trimmed = self.bids.apply(&depth.bids) + self.asks.apply(&depth.asks);
        self.counters.trimmed += trimmed as u64;
    }

    /// True when the book holds all that the venue has shown; a partial one never does.
    pub fn is_synced(&self) -> bool {
        self.state == State::Synced
    }

    /// True when the book holds the top levels only.
    pub fn is_partial(&self) -> bool {
        self.state == State::Partial
    }

    /// True when diffs wait for a snapshot, or nothing is known at all.
    pub fn wants_snapshot(&self) -> bool {
        self.state == State::Waiting || !self.buffer.is_empty()
    }

    /// The venue's id of the last update in the book; `None` when nothing is known.
    pub fn last_id(&self) -> Option<u64> {
        (self.state != State::Waiting).then_some(self.last_id)
    }

    /// When a depth message last came.
    pub fn heard(&self) -> UtcNanos {
        self.heard
    }

    /// The highest bid.
    pub fn best_bid(&self) -> Option<Level> {
        self.bids.best()
    }

    /// The lowest ask.
    pub fn best_ask(&self) -> Option<Level> {
        self.asks.best()
    }

    /// Bids from the touch outward.
    pub fn bids(&self) -> impl Iterator<Item = Level> {
        self.bids.iter()
    }

    /// Asks from the touch outward.
    pub fn asks(&self) -> impl Iterator<Item = Level> {
        self.asks.iter()
    }

    /// The levels that an order on `side` would meet, from the touch outward.
    pub fn against(&self, side: Side) -> impl Iterator<Item = Level> {
        let ladder = match side {
            Side::Buy => &self.asks,
            Side::Sell => &self.bids,
        };
        ladder.iter()
    }

    /// The size shown at a price on one side; zero where nobody stands.
    #[must_use]
    pub fn size_at(&self, side: Side, price: Price) -> Size {
        match side {
            Side::Buy => self.bids.size_at(price),
            Side::Sell => self.asks.size_at(price),
        }
    }
    /// Bid levels.
    pub fn bid_levels(&self) -> usize {
        self.bids.len()
    }

    /// Ask levels.
    pub fn ask_levels(&self) -> usize {
        self.asks.len()
    }

    /// The sum of all bid sizes.
    pub fn bid_total(&self) -> Quantity {
        self.bids.total()
    }

    /// The sum of all ask sizes.
    pub fn ask_total(&self) -> Quantity {
        self.asks.total()
    }

    /// Diffs that wait for a snapshot.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// What it has counted.
    pub fn counters(&self) -> &BookCounters {
        &self.counters
    }
}

/// The first update id that a depth message covers.
fn first_id(depth: &Depth) -> u64 {
    match depth.kind {
        DepthKind::Diff { first } => first,
        DepthKind::Snapshot | DepthKind::Partial => depth.last,
    }
}
