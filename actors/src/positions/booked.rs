//! The fills that were booked: the last of them, so that none is booked twice and memory stays bounded.
//!
//! That a window is enough is orders' doing. It hands a fill on once, for it knows an order's fills as long as it
//! knows the order, and takes reports of orders that it has forgotten for unknown. Only what was on its way when the
//! trading group restarted can come again, and that is among the newest.

use std::collections::{BTreeMap, VecDeque};

use messages::{Cash, TradeId, caps};

/// The last [`caps::BOOKED_FILLS`].
#[derive(Debug, Default)]
pub struct BookedFills {
    /// With what each realized.
    known: BTreeMap<TradeId, Cash>,
    /// The same, oldest first.
    order: VecDeque<TradeId>,
}

impl BookedFills {
    /// True when it is among the last that were booked.
    pub fn contains(&self, trade_id: &TradeId) -> bool {
        self.known.contains_key(trade_id)
    }

    /// What it realized; `None` of one that is not among them.
    pub fn realized(&self, trade_id: &TradeId) -> Option<Cash> {
        self.known.get(trade_id).copied()
    }

    /// All of them, oldest first.
    pub fn oldest_first(&self) -> impl Iterator<Item = (TradeId, Cash)> {
        self.order.iter().filter_map(|id| Some((*id, self.realized(id)?)))
    }

    /// Remembers one; the oldest is forgotten for it.
    pub fn insert(&mut self, trade_id: TradeId, realized: Cash) {
        if self.known.insert(trade_id, realized).is_some() {
            return;
        }
        self.order.push_back(trade_id);
        if self.order.len() > caps::BOOKED_FILLS
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_known_and_the_oldest_forgotten() {
        let id = |n: usize| TradeId::of("paper".parse().unwrap(), "simulated", format!("{n}").parse().unwrap());
        let mut booked = BookedFills::default();
        for n in 0..=caps::BOOKED_FILLS {
            booked.insert(id(n), Cash::ONE);
            booked.insert(id(n), Cash::ONE);
        }
        assert_eq!((booked.realized(&id(0)), booked.realized(&id(1))), (None, Some(Cash::ONE)));
        assert!(!booked.contains(&id(0)) && booked.contains(&id(1)) && booked.contains(&id(caps::BOOKED_FILLS)));
    }
}
