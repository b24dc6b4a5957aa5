//! What a strategy ordered of late: when, with which terms, and how much it usually orders.
//!
//! Kept in rings that do not grow with each order, and made again from the ledger at a start.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use messages::orders::{OrderRequest, OrderType, Side, TimeInForce};
use messages::{Cash, Instrument, Price, Quantity, StrategyId, UtcNanos};
use serde::{Deserialize, Serialize};

use super::RATE_WINDOW;

/// Orders that say what is usual.
const USUAL_OF: usize = 16;
/// Orders below which nothing is usual yet.
const USUAL_FROM: u8 = 5;
/// Orders of one strategy whose terms are remembered: more than pass its rate within the longest sensible window.
const TERMS: usize = 256;

/// The terms by which two orders are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Terms {
    instrument: Instrument,
    side: Side,
    order_type: OrderType,
    time_in_force: TimeInForce,
    quantity: Quantity,
    quote_quantity: Option<Cash>,
    price: Option<Price>,
    stop_price: Option<Price>,
}

impl Terms {
    fn of(r: &OrderRequest) -> Self {
        Self {
            instrument: r.instrument,
            side: r.side,
            order_type: r.order_type,
            time_in_force: r.time_in_force,
            quantity: r.quantity,
            quote_quantity: r.quote_quantity,
            price: r.price,
            stop_price: r.stop_price,
        }
    }
}

/// The sizes of a strategy's newest orders in one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usual {
    sizes: [Quantity; USUAL_OF],
    count: u8,
    next: u8,
}

impl Usual {
    fn note(&mut self, size: Quantity) {
        self.sizes[usize::from(self.next)] = size;
        self.next = (self.next + 1) % USUAL_OF as u8;
        self.count = (self.count + 1).min(USUAL_OF as u8);
    }

    /// Their mean; `None` while there are too few.
    #[must_use]
    pub fn mean(&self) -> Option<Quantity> {
        let sum =
            self.sizes[..usize::from(self.count)].iter().try_fold(Quantity::ZERO, |sum, s| sum.checked_add(*s))?;
        (self.count >= USUAL_FROM).then(|| Quantity::from_raw(sum.raw() / i128::from(self.count)))?
    }
}

/// What was ordered of late.
#[derive(Debug, Clone, Default)]
pub struct Recent {
    own: BTreeMap<StrategyId, VecDeque<UtcNanos>>,
    all: VecDeque<UtcNanos>,
    terms: BTreeMap<StrategyId, VecDeque<(UtcNanos, Terms)>>,
    usual: BTreeMap<(StrategyId, Instrument), Usual>,
}

impl Recent {
    /// A new order left.
    pub fn ordered(&mut self, strategy: StrategyId, request: &OrderRequest, at: UtcNanos) {
        self.asked(strategy, at);
        let terms = self.terms.entry(strategy).or_default();
        if terms.len() == TERMS {
            terms.pop_front();
        }
        terms.push_back((at, Terms::of(request)));
        // An order by value has no size before it is filled.
        if request.quote_quantity.is_none() {
            self.usual.entry((strategy, request.instrument)).or_default().note(request.quantity);
        }
    }

    /// A new order or a replacement left.
    pub fn asked(&mut self, strategy: StrategyId, at: UtcNanos) {
        for times in [self.own.entry(strategy).or_default(), &mut self.all] {
            while times.front().is_some_and(|old| *old <= at.before(RATE_WINDOW)) {
                times.pop_front();
            }
            times.push_back(at);
        }
    }

    /// How often a strategy asked within the window of the rate, and how often all did.
    #[must_use]
    pub fn rates(&self, strategy: StrategyId, now: UtcNanos) -> (usize, usize) {
        let since = now.before(RATE_WINDOW);
        let count = |times: &VecDeque<UtcNanos>| times.len() - times.partition_point(|at| *at <= since);
        (self.own.get(&strategy).map_or(0, count), count(&self.all))
    }

    /// When a strategy last ordered the same within a window.
    #[must_use]
    pub fn same(&self, strategy: StrategyId, r: &OrderRequest, window: Duration, now: UtcNanos) -> Option<UtcNanos> {
        if window.is_zero() {
            return None;
        }
        let (terms, since) = (Terms::of(r), now.before(window));
        let newest = self.terms.get(&strategy)?.iter().rev().take_while(|(at, _)| *at > since);
        newest.filter(|(_, known)| *known == terms).map(|(at, _)| *at).next()
    }

    /// The mean size of a strategy's newest orders in an instrument.
    #[must_use]
    pub fn usual(&self, strategy: StrategyId, instrument: Instrument) -> Option<Quantity> {
        self.usual.get(&(strategy, instrument))?.mean()
    }

    /// What a checkpoint keeps: what is usual. The rest is younger than a start takes.
    #[must_use]
    pub fn save(&self) -> Vec<((StrategyId, Instrument), Usual)> {
        self.usual.iter().map(|(key, usual)| (*key, *usual)).collect()
    }

    /// Takes what a checkpoint kept.
    pub fn load(&mut self, saved: Vec<((StrategyId, Instrument), Usual)>) {
        self.usual = saved.into_iter().collect();
    }
}
