//! The audience: what the tree tells the edge, so that people see it while it happens.
//!
//! Market data goes through a bulk queue as to a strategy that may be slow; what happened to orders, fills, the trading state
//! and strategies goes through a second queue, and not before the ledger holds it. Invariant: nobody in the tree waits for
//! the edge or reads what it knows. What does not fit is lost and counted; who hears of a loss asks for all of it anew.

mod stats;

use std::sync::Arc;

use messages::UtcNanos;
use messages::caps;
use messages::market::Batch;
use messages::orders::{Order, OrderUpdate};
use messages::positions::{Booked, Opened};
use messages::risk::{StateChange, TradingState};

use crate::bulk::{self, Inlet, Outlet};
use crate::ports::StrategyStatus;

pub use stats::{Counts, Stats};

/// What the edge hears beside market data.
#[derive(Debug)]
pub enum Heard {
    /// Every open order, at each start of the trading group and when somebody asked: what came before is in it, what comes
    /// after is not.
    Open {
        /// The open orders.
        orders: Vec<Order>,
        /// What may be traded.
        trading: TradingState,
    },
    /// Something happened to an order.
    Order(Box<OrderUpdate>),
    /// A fill was booked.
    Booked(Box<Booked>),
    /// The entries of a reconciliation were booked.
    Opened(Box<Opened>),
    /// The trading state changed.
    Trading {
        /// The change.
        change: StateChange,
        /// When.
        at: UtcNanos,
    },
    /// A strategy started, stopped or failed.
    Strategy(StrategyStatus),
}

/// The tree's end.
#[derive(Clone)]
pub struct Audience {
    market: Outlet,
    /// The same queue from the other side: to empty it when it is too late for it.
    waiting: Inlet,
    events: flume::Sender<Heard>,
    stats: Arc<Stats>,
}

/// The edge's end.
pub struct Seat {
    /// Market data, quotes conflated when nobody has taken any for long. Nobody is woken for it: it is looked at regularly.
    pub market: Inlet,
    /// Everything else.
    pub events: flume::Receiver<Heard>,
    /// What is counted on both ends.
    pub stats: Arc<Stats>,
}

/// Both ends.
#[must_use]
pub fn channel() -> (Audience, Seat) {
    let (outlet, inlet) = bulk::channel(caps::AUDIENCE_BATCHES, || {});
    let (tx, rx) = flume::bounded(caps::AUDIENCE_EVENTS);
    let stats = Arc::<Stats>::default();
    let audience = Audience { market: outlet, waiting: inlet.clone(), events: tx, stats: stats.clone() };
    (audience, Seat { market: inlet, events: rx, stats })
}

impl Audience {
    /// Says that something happened.
    pub fn tell(&self, heard: Heard) {
        if let Err(flume::TrySendError::Full(_)) = self.events.try_send(heard) {
            self.stats.lost_events.add(1);
        }
    }

    /// Shows market data. A queue that is full of trades is emptied: to conflate it again with each batch would cost the
    /// market more than it may.
    pub fn show(&self, batch: &Arc<Batch>) {
        if self.market.send_conflating(batch.clone()).is_err() {
            let lost = self.waiting.take(usize::MAX).len();
            self.stats.lost_batches.add(lost as u64 + 1);
        }
    }

    /// What is counted on both ends.
    #[must_use]
    pub fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }
}

#[cfg(test)]
mod tests;
