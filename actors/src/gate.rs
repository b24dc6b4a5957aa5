//! The gate: what may be done only once the ledger holds why.
//!
//! Effects wait in the order in which they were decided; an acknowledgement lets out all up to its own.

use std::collections::VecDeque;

/// Effects that wait for the ledger.
pub struct Gate<E> {
    next: u64,
    waiting: VecDeque<(u64, Vec<E>)>,
}

impl<E> Default for Gate<E> {
    fn default() -> Self {
        Self { next: 0, waiting: VecDeque::new() }
    }
}

impl<E> Gate<E> {
    /// The ticket that [`Self::hold`] gives next.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next + 1
    }

    /// Holds effects back; the ticket is what the acknowledgement must bring.
    pub fn hold(&mut self, effects: Vec<E>) -> u64 {
        self.next += 1;
        self.waiting.push_back((self.next, effects));
        self.next
    }

    /// Holds effects back behind the last ticket, for what needs no record of its own but must keep its place.
    pub fn join(&mut self, effects: Vec<E>) {
        match self.waiting.back_mut() {
            Some((_, waiting)) => waiting.extend(effects),
            None => {
                self.hold(effects);
            }
        }
    }

    /// Lets out everything up to and including `ticket`.
    pub fn open(&mut self, ticket: u64) -> Vec<E> {
        let mut out = Vec::new();
        while self.waiting.front().is_some_and(|(t, _)| *t <= ticket) {
            out.extend(self.waiting.pop_front().into_iter().flat_map(|(_, effects)| effects));
        }
        out
    }

    /// Tickets that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// True when nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
