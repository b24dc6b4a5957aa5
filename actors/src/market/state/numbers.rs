//! The numbers of market events. Hears of blocks that the shell has reserved in the ledger, and
//! gives one number to each event.
//!
//! Invariant: a number is given once, numbers rise, and none is given that was not reserved before.

use std::collections::VecDeque;

use messages::MarketId;

/// Reserved numbers, given one by one.
#[derive(Debug, Default)]
pub struct Numbers {
    next: u64,
    end: u64,
    /// Blocks reserved ahead. Imports reserve from the same row, so blocks need not touch.
    later: VecDeque<(u64, u64)>,
    /// No block may begin below: everything under it is taken.
    floor: u64,
}

impl Numbers {
    /// Numbers from `first` up to, not including, `end` may be given.
    ///
    /// # Panics
    /// When the block is empty or holds a number that is already taken: a mistake of the shell.
    pub fn reserve(&mut self, first: MarketId, end: MarketId) {
        assert!(first < end, "a block of market ids holds at least one: {first} to {end}");
        assert!(first.0 >= self.floor, "market ids below {} are taken, {first} was reserved again", self.floor);
        self.floor = end.0;
        self.later.push_back((first.0, end.0));
    }

    /// A number of an earlier run, found in the journal: later ones lie above it.
    pub fn taken(&mut self, id: MarketId) {
        self.floor = self.floor.max(id.0.saturating_add(1));
    }

    /// Numbers that can be given without another block.
    pub fn left(&self) -> u64 {
        self.later.iter().fold(self.end - self.next, |sum, (first, end)| sum + (end - first))
    }

    /// The next number.
    ///
    /// # Panics
    /// When none is left: the shell reserves ahead.
    pub fn give(&mut self) -> MarketId {
        if self.next == self.end {
            self.next_block();
        }
        let id = MarketId(self.next);
        self.next += 1;
        id
    }

    #[cold]
    fn next_block(&mut self) {
        let block = self.later.pop_front();
        assert!(block.is_some(), "no market id is left; the shell reserves ahead");
        (self.next, self.end) = block.unwrap_or_default();
    }
}
