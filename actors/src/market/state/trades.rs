//! Which trades of an instrument are used: no trade twice, and either its plain trades or its
//! aggregate trades, never both. Hears each trade's sequence and kind; says keep or drop.
//!
//! Invariant: the window holds the last [`caps::TRADE_ID_WINDOW`] sequences by arrival, whatever
//! their order. (Alpaca numbers trades per exchange, so numbers of one symbol do not simply rise.)

use std::collections::VecDeque;

use messages::caps;
use messages::market::Conditions;
use messages::number::{Price, Size};
use messages::{MarketId, UtcNanos};

use super::counters::Counters;
use super::summary::Mark;

/// The condition by which decoders mark an aggregate trade.
const AGGREGATE: &str = "agg";

/// The newest trade of an instrument by exchange time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastTrade {
    /// Its price.
    pub price: Price,
    /// Its size.
    pub size: Size,
    /// Exchange time.
    pub time: UtcNanos,
    /// When it was received.
    pub received: UtcNanos,
    /// Its number.
    pub id: MarketId,
}

/// The trade rules of one instrument, and its last trade.
#[derive(Debug, Default)]
pub struct Trades {
    window: Window,
    plain_seen: bool,
    newest: Option<(Mark, LastTrade)>,
}

impl Trades {
    /// Whether the trade is to be used; what is dropped is counted.
    pub fn admits(&mut self, sequence: Option<i64>, conditions: &Conditions, counters: &mut Counters) -> bool {
        let aggregate = conditions.as_str() == AGGREGATE;
        if aggregate && self.plain_seen {
            counters.superseded_trades += 1;
            return false;
        }
        if !aggregate && !self.plain_seen {
            // Aggregates have numbers of their own, which say nothing about plain trades.
            self.window = Window::default();
            self.plain_seen = true;
        }
        let fresh = sequence.is_none_or(|sequence| self.window.insert(sequence));
        counters.duplicate_trades += u64::from(!fresh);
        fresh
    }

    /// Remembers the trade as the last one, unless a newer one came before it.
    pub fn keep(&mut self, mark: Mark, trade: LastTrade) {
        if self.newest.is_none_or(|(newest, _)| newest <= mark) {
            self.newest = Some((mark, trade));
        }
    }

    /// The newest trade.
    pub fn last(&self) -> Option<&LastTrade> {
        self.newest.as_ref().map(|(_, trade)| trade)
    }
}

/// The last sequences: by arrival, to know which one goes, and sorted, to find one.
#[derive(Debug, Default)]
struct Window {
    arrived: VecDeque<i64>,
    sorted: VecDeque<i64>,
}

impl Window {
    /// False when the sequence is in the window already.
    fn insert(&mut self, sequence: i64) -> bool {
        if self.sorted.back().is_none_or(|&highest| highest < sequence) {
            self.sorted.push_back(sequence);
        } else {
            let Err(place) = self.sorted.binary_search(&sequence) else { return false };
            self.sorted.insert(place, sequence);
        }
        self.arrived.push_back(sequence);
        if self.arrived.len() > caps::TRADE_ID_WINDOW {
            self.forget_oldest();
        }
        true
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.arrived.pop_front() else { return };
        if self.sorted.front() == Some(&oldest) {
            self.sorted.pop_front();
        } else if let Ok(place) = self.sorted.binary_search(&oldest) {
            self.sorted.remove(place);
        }
    }
}
