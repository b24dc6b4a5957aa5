//! One side of a book: price levels with their sizes. Hears absolute sizes, zero removes; says its
//! levels from the touch outward.
//!
//! Invariant: every level has a size above zero, and at most [`caps::BOOK_LEVELS`] are kept; the
//! levels farthest from the touch go first.

use std::collections::BTreeMap;

use messages::caps;
use messages::market::Level;
use messages::number::{Price, Quantity, Size};

/// Which way the touch lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// Bids: the highest price is the best.
    Highest,
    /// Asks: the lowest price is the best.
    Lowest,
}

/// The levels of one side. A sorted vector was measured too: 7 % slower on recorded depth, which
/// often changes levels far from the touch, and much slower at the cap.
#[derive(Debug)]
pub struct Ladder {
    touch: Touch,
    /// By price, negated for asks: the best level is the last one on either side.
    levels: BTreeMap<Price, Size>,
}

impl Ladder {
    /// An empty side.
    pub fn new(touch: Touch) -> Self {
        Self { touch, levels: BTreeMap::new() }
    }

    /// A price as the key of its level, and back.
    fn turn(&self, price: Price) -> Price {
        match self.touch {
            Touch::Highest => price,
            Touch::Lowest => -price,
        }
    }

    fn level(&self, (&key, &size): (&Price, &Size)) -> Level {
        Level { price: self.turn(key), size }
    }

    /// Sets the size at each price, then drops the levels beyond the cap. Returns how many went.
    pub fn apply(&mut self, levels: &[Level]) -> usize {
        for level in levels {
            let key = self.turn(level.price);
            if level.size.is_zero() {
                self.levels.remove(&key);
            } else {
                self.levels.insert(key, level.size);
            }
        }
        let beyond = self.levels.len().saturating_sub(caps::BOOK_LEVELS);
        for _ in 0..beyond {
            self.levels.pop_first();
        }
        beyond
    }

    /// Forgets every level.
    pub fn clear(&mut self) {
        self.levels.clear();
    }

    /// The level at the touch.
    pub fn best(&self) -> Option<Level> {
        self.levels.last_key_value().map(|entry| self.level(entry))
    }

    /// The size at a price; zero where nobody stands.
    pub fn size_at(&self, price: Price) -> Size {
        self.levels.get(&self.turn(price)).copied().unwrap_or_default()
    }

    /// Levels from the touch outward.
    pub fn iter(&self) -> impl Iterator<Item = Level> {
        self.levels.iter().rev().map(|entry| self.level(entry))
    }

    /// Levels.
    pub fn len(&self) -> usize {
        self.levels.len()
    }

    /// The sum of all sizes.
    ///
    /// # Panics
    /// Never: [`caps::BOOK_LEVELS`] of the largest sizes fit a quantity a trillion times over.
    pub fn total(&self) -> Quantity {
        let sum = self.levels.values().map(|size| size.to_quantity().raw()).sum();
        Quantity::from_raw(sum).expect("a bounded number of sizes fits a quantity")
    }
}
