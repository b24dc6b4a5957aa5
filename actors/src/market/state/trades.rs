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
use super::recent::Recent;
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
    seen: bool,
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
        self.seen = true;
        if self.newest.is_none_or(|(newest, _)| newest <= mark) {
            self.newest = Some((mark, trade));
        }
    }

    /// The trade at `mark` was corrected or cancelled; `recent` knows how it is now.
    pub fn corrected(&mut self, mark: Mark, recent: &Recent) {
        if self.newest.is_some_and(|(newest, _)| newest == mark) {
            self.newest = recent.newest();
        }
    }

    /// Whether the instrument's trades come in.
    pub fn seen(&self) -> bool {
        self.seen
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
    /// Empty until one arrives out of order: up to then those that arrived are sorted.
    sorted: VecDeque<i64>,
}

impl Window {
    /// False when the sequence is in the window already.
    fn insert(&mut self, sequence: i64) -> bool {
        if self.sorted.is_empty() && self.arrived.back().is_some_and(|&last| last >= sequence) {
            if self.arrived.binary_search(&sequence).is_ok() {
                return false;
            }
            self.sorted.extend(&self.arrived);
        }
        if !self.sorted.is_empty() && !self.sort_in(sequence) {
            return false;
        }
        self.arrived.push_back(sequence);
        if self.arrived.len() > caps::TRADE_ID_WINDOW {
            self.forget_oldest();
        }
        true
    }

    fn sort_in(&mut self, sequence: i64) -> bool {
        if self.sorted.back().is_some_and(|&highest| highest < sequence) {
            self.sorted.push_back(sequence);
            return true;
        }
        let place = self.sorted.binary_search(&sequence);
        place.map_err(|place| self.sorted.insert(place, sequence)).is_err()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Mostly the next number, sometimes a repeated, late or skipped one.
    fn steps() -> impl Strategy<Value = Vec<i64>> {
        proptest::collection::vec(prop_oneof![40 => Just(1i64), 1 => -6_000..6_000i64], 0..12_000)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_window_holds_the_last_that_arrived(steps in steps()) {
            let (mut window, mut model) = (Window::default(), VecDeque::new());
            let mut sequence = 0;
            for step in steps {
                sequence += step;
                let fresh = !model.contains(&sequence);
                prop_assert_eq!(window.insert(sequence), fresh);
                if fresh {
                    model.push_back(sequence);
                    model.drain(..model.len().saturating_sub(caps::TRADE_ID_WINDOW));
                }
            }
        }
    }
}
