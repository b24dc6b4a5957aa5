//! Fills that a venue counts and has not told: what is held for their order waits for them, for it would leave for too much.

use super::*;

impl Entry {
    /// True while the venue counts more than was told. Where it undid something its counts do not compare.
    pub(in crate::orders::state) fn misses_fills(&self) -> bool {
        self.reported > self.order.filled && !self.is_amended()
    }
}

impl Orders {
    /// Asks for what is missing, every `query_after` until it is told; `due` is when, `None` the first time: the fill whose count
    /// tells of others is asked about as it comes.
    pub(super) fn ask_for_missing(
        &mut self,
        family: &Family,
        due: Option<UtcNanos>,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let orders: Vec<Order> =
            family.missing().filter_map(|id| self.entries.get(&id)).map(|entry| entry.order.clone()).collect();
        if orders.is_empty() {
            return;
        }
        let again_at = at.now.after(self.settings.query_after);
        if due.is_some_and(|due| due <= at.now) {
            orders.iter().for_each(|order| self.ask(order, at, out));
        }
        let next = due.filter(|due| *due > at.now).unwrap_or(again_at);
        self.families.missing_at.insert(family.head.id, next);
    }
}
