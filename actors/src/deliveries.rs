//! The record of deliveries: what a deciding actor was given, in the order in which it took it.
//!
//! Written before anything that follows from the delivery can be seen, so that the order of the records
//! is an order of causes.

use messages::ledger::{Decider, Delivery, Handled, MarketRecord};
use messages::{MarketId, UtcNanos};
use storage::journal::{Journal, Refused};

/// The number below the first delivery of a start: the epoch in the high bits, so that numbers rise
/// over all starts without asking any journal. Holds 2^32 deliveries of one actor in one start.
#[must_use]
pub const fn first_number(epoch: u64) -> u64 {
    epoch << 32
}

/// The deliveries of one actor.
pub struct Deliveries {
    actor: Decider,
    generation: u32,
    number: u64,
    recorded: MarketId,
    journal: Journal<MarketRecord>,
}

impl Deliveries {
    /// The deliveries of `actor` in its `generation`, numbered above `number`.
    #[must_use]
    pub fn new(actor: Decider, generation: u32, number: u64, journal: Journal<MarketRecord>) -> Self {
        Self { actor, generation, number, recorded: MarketId(0), journal }
    }

    /// The number of the last delivery.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The next delivery begins with this event: what was published before it and not delivered never will be.
    pub fn begins_with(&mut self, first: MarketId) {
        self.recorded = self.recorded.max(MarketId(first.0.saturating_sub(1)));
    }

    fn next(&mut self, now: UtcNanos, market_to: MarketId, delivery: Delivery) -> MarketRecord {
        self.number += 1;
        let market_from = self.recorded;
        self.recorded = market_to.max(market_from);
        let (actor, generation, number, market_to) = (self.actor, self.generation, self.number, self.recorded);
        MarketRecord::Handled(Handled { actor, number, generation, now, market_from, market_to, delivery })
    }

    /// Records a delivery and returns its number.
    pub async fn record(&mut self, now: UtcNanos, market_to: MarketId, delivery: Delivery) -> u64 {
        let record = self.next(now, market_to, delivery);
        // Orders must not wait for a full disk: while the journal cannot write, trading is HALTED, and what does
        // not fit its queue is not re-run. A journal that has ended is the supervisor's business.
        match self.journal.try_append(vec![record], None) {
            Err(Refused::Full(records)) if self.journal.writes() => drop(self.journal.append(records, None).await),
            _ => {}
        }
        self.number
    }

    /// As [`Self::record`], for a strategy's thread.
    pub fn record_blocking(&mut self, now: UtcNanos, market_to: MarketId, delivery: Delivery) -> u64 {
        let record = self.next(now, market_to, delivery);
        let _ = self.journal.append_blocking(vec![record], None);
        self.number
    }
}
