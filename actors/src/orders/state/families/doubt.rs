//! What people must know of a family: that two rivals were both filled, or that nothing is left to close what was opened.
//!
//! Looked at once nothing is left to do, and only behind what may have made it so: what a person cancels is known to them.

use super::*;

impl Orders {
    /// Something happened to an order that stood as `before`. It may leave open what the order was there to close, or what another
    /// was to close in its place.
    pub(in crate::orders::state) fn doubt(&mut self, order: &Order, before: Status, kind: EventKind) {
        let (id, parent) = (order.order_id, order.request.parent);
        let head = parent.unwrap_or(id);
        let is_tied = parent.is_some() || self.families.members.contains_key(&id);
        let is_filled = matches!(kind, EventKind::PartiallyFilled | EventKind::Filled | EventKind::Busted);
        let has_failed = match kind {
            EventKind::Rejected | EventKind::NotReceived | EventKind::Expired => true,
            EventKind::Canceled => !matches!(before, Status::PendingCancel | Status::Held),
            _ => false,
        };
        let gave_way =
            kind == EventKind::Canceled && before == Status::PendingCancel && self.has_lost_a_successor(head);
        if parent.is_some() && has_failed || is_tied && (is_filled || gave_way) {
            self.families.doubted.insert(head);
        }
    }

    /// True when an order for which others of its family leave the venue was cancelled meanwhile.
    fn has_lost_a_successor(&self, head: OrderId) -> bool {
        let members = self.families.members.get(&head).into_iter().flatten().filter_map(|id| self.entries.get(id));
        members.map(|entry| &entry.order).any(|order| order.triggered && order.status == Status::Canceled)
    }

    /// Says what people must know of a family: that both of two rivals were filled, or that nothing closes what was opened.
    pub(super) fn check_covered(&mut self, family: &Family, out: &mut Vec<Effect>) {
        let head = family.head.id;
        if !self.families.doubted.remove(&head) {
            return;
        }
        let Some(entry) = self.entries.get(&head) else { return };
        let (id, instrument) = (entry.order.client_order_id, entry.order.request.instrument);
        let (excess, uncovered) = (family.excess(), family.uncovered());
        if excess.is_positive() {
            self.counters.alarms += 1;
            out.push(Effect::Alert(format!(
                "orders that rival one another around {id} were both filled: {excess} {instrument} more than there was; look at the position"
            )));
        }
        if uncovered.is_positive() {
            let what = match family.how {
                Contingency::Oto => "are filled and no order closes them any more; close them, or place another order",
                Contingency::Oco => {
                    "are not filled and no order is there for them any more; place another, if they are wanted"
                }
            };
            out.push(Effect::Alert(format!("{uncovered} {instrument} of order {id} {what}")));
        }
    }
}
