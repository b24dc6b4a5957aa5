//! What the shell has passed on of its strategy's own order events, so that nothing is told twice after the trading group
//! was restored: the ledger is read while checkpoints go on, so neither it nor they can say.
//!
//! Invariant: of every open order, and of the last that ended, the newest event that was told is known.

use std::collections::{BTreeMap, VecDeque};

use messages::OrderId;
use messages::caps::ENDED_ORDERS;
use messages::orders::OrderUpdate;
use messages::strategies::Checkpoint;

/// The newest event told of each order.
#[derive(Debug, Default)]
pub struct Told {
    newest: BTreeMap<OrderId, u32>,
    /// Ended ones, oldest first.
    ended: VecDeque<OrderId>,
}

impl Told {
    /// What a process begins with: the last checkpoint's events were told by an earlier one.
    #[must_use]
    pub fn by(checkpoint: Option<&Checkpoint>) -> Self {
        let seen = checkpoint.map(|c| c.seen.iter().copied().collect()).unwrap_or_default();
        Self { newest: seen, ended: VecDeque::new() }
    }

    /// The event, or a later one of its order, was told.
    #[must_use]
    pub fn has(&self, update: &OrderUpdate) -> bool {
        self.newest.get(&update.event.order_id).is_some_and(|newest| update.event.number <= *newest)
    }

    /// It is told now.
    pub fn tell(&mut self, update: &OrderUpdate) {
        let order = update.event.order_id;
        let newest = self.newest.entry(order).or_default();
        *newest = update.event.number.max(*newest);
        if update.order.status.is_open() || self.ended.back() == Some(&order) {
            return;
        }
        self.ended.push_back(order);
        if self.ended.len() > ENDED_ORDERS {
            self.ended.pop_front().map(|oldest| self.newest.remove(&oldest));
        }
    }
}

#[cfg(test)]
mod tests {
    use messages::orders::Status;

    use super::*;
    use crate::strategies::since::tests::{saved, update};

    fn ended(order: u128, number: u32) -> OrderUpdate {
        let mut update = update(order, number);
        update.order.status = Status::Filled;
        update
    }

    #[test]
    fn what_was_told_is_known_however_many_checkpoints_there_were_since() {
        let mut told = Told::by(Some(&saved(&[(1, 4)])));
        told.tell(&ended(2, 3));
        assert!(told.has(&update(1, 4)) && !told.has(&update(1, 5)), "an event of a process before");
        assert!(told.has(&update(2, 2)) && told.has(&update(2, 3)) && !told.has(&update(2, 4)));
        assert!(!told.has(&update(3, 1)));
    }

    #[test]
    fn of_ended_orders_the_oldest_are_forgotten() {
        let mut told = Told::default();
        let last = ENDED_ORDERS as u128 + 1;
        (1..=last).for_each(|order| told.tell(&ended(order, 1)));
        assert!(!told.has(&update(1, 1)) && told.has(&update(2, 1)) && told.has(&update(last, 1)));
        assert_eq!(told.newest.len(), ENDED_ORDERS);
    }
}
