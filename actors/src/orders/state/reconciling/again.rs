//! A look before it is time. A gap that was accepted beside an order may have been that order's, and counts twice once its fill is
//! heard of; one that was left because an order may be on its way there can be entered once the venue tells.
//!
//! No record holds which orders these are: every start looks anyway.

use super::*;

impl Reconciling {
    /// How much of an order is filled, and whether its venue's word about it was heard: what a gap may hang on.
    pub fn told_of(order: &Order) -> (Quantity, bool) {
        (order.filled, order.acknowledged || order.status.is_terminal())
    }

    /// Something was heard of an order of which this was told before.
    pub fn heard(&mut self, order: &Order, before: (Quantity, bool), now: UtcNanos) {
        if Self::told_of(order) != before && self.awaited.remove(&order.order_id) {
            let soon = now.after(LOOKED_AT_AGAIN_AFTER);
            self.next_at = Some(self.next_at.map_or(soon, |at| at.min(soon)));
        }
    }
}

impl Orders {
    /// What is heard of one of these is followed by another look.
    pub(super) fn look_again_after(&mut self, orders: impl IntoIterator<Item = OrderId>) {
        let Self { reconciling, entries, .. } = self;
        // Of what is forgotten nothing is heard any more.
        reconciling.awaited.retain(|id| entries.contains_key(id));
        reconciling.awaited.extend(orders);
    }
}
