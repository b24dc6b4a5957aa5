//! Orders that belong together, held at the venue.
//!
//! - OTO (one triggers the other): the order waits until its parent is filled completely. Where the parent ends otherwise, it
//!   is canceled. All that wait for one parent rival each other behind it: a bracket is a parent with two of them.
//! - OCO (one cancels the other): the order and its parent, and all others that name this parent so. The first fill of one
//!   cancels the rest, partial or not, as at Binance; so does the end of one.
//!
//! After a restart an order whose parent is not open any more works: had the parent ended without a fill, the order would have
//! been canceled with it.

use super::*;

/// Orders whose end is remembered: an order may arrive behind the end of its parent.
const REMEMBERED: usize = 1_024;

/// The newest ends, and whether the order was filled.
#[derive(Debug, Default)]
pub struct Ended {
    filled: BTreeMap<OrderId, bool>,
    order: VecDeque<OrderId>,
}

impl Ended {
    fn remember(&mut self, id: OrderId, filled: bool) {
        if self.filled.insert(id, filled).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.filled.remove(&oldest);
        }
    }
}

/// An order among those it belongs to.
#[derive(Clone, Copy)]
pub struct Kin {
    order_id: OrderId,
    parent: Option<(OrderId, Contingency)>,
}

impl Working {
    pub(super) fn kin(&self) -> Kin {
        Kin { order_id: self.order_id, parent: self.request.parent.zip(self.request.contingency) }
    }
}

/// How a new order stands to the order that it belongs to.
pub enum Kinship {
    /// It belongs to none, or to one that is filled.
    Free,
    /// It waits for it.
    Held,
    /// It is refused.
    Orphan,
}

impl Paper {
    /// How an order stands to its parent when it arrives.
    pub(super) fn kinship(&self, request: &OrderRequest) -> Kinship {
        let (Some(parent), Some(contingency)) = (request.parent, request.contingency) else { return Kinship::Free };
        let working = self.orders.name(parent).and_then(|name| self.orders.get(name));
        match (working, contingency, self.ended.filled.get(&parent)) {
            (Some(_), Contingency::Oto, _) => Kinship::Held,
            (Some(parent), Contingency::Oco, _) if parent.held => Kinship::Held,
            (Some(_), Contingency::Oco, _) => Kinship::Free,
            (None, Contingency::Oto, Some(true)) => Kinship::Free,
            (None, ..) => Kinship::Orphan,
        }
    }

    /// Holds a restored order whose parent is open, and those that were restored before it and belong to it.
    pub(super) fn hold(&mut self, id: ClientOrderId) {
        let Some(working) = self.orders.get(id) else { return };
        let (order_id, held) = (working.order_id, matches!(self.kinship(&working.request), Kinship::Held));
        if let Some(working) = self.orders.get_mut(id) {
            working.held = held;
        }
        let dependents: Vec<_> = self.orders.dependents(order_id).filter(|d| *d != id).collect();
        for dependent in dependents {
            let Some(working) = self.orders.get(dependent) else { continue };
            let held = matches!(self.kinship(&working.request), Kinship::Held);
            if held && !working.held {
                self.hold(dependent);
            }
        }
    }

    /// An order has ended: those that wait for it begin to work or end, and its rivals end.
    pub(super) fn ended(&mut self, working: &Working, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let filled = !working.remaining().is_positive();
        self.ended.remember(working.order_id, filled);
        self.cancel_rivals(working.kin(), now, out);
        for dependent in self.waiting_for(working.order_id) {
            if filled {
                self.release(dependent, now, out);
            } else {
                self.drop_order(dependent, now, out);
            }
        }
    }

    /// Those that wait for an order to be filled.
    fn waiting_for(&self, order_id: OrderId) -> Vec<ClientOrderId> {
        self.related(order_id, Contingency::Oto)
    }

    fn related(&self, order_id: OrderId, how: Contingency) -> Vec<ClientOrderId> {
        let is = |id: &ClientOrderId| self.orders.get(*id).is_some_and(|w| w.request.contingency == Some(how));
        self.orders.dependents(order_id).filter(is).collect()
    }

    /// One of a family was filled, or has ended: the others of its OCO end.
    pub(super) fn cancel_rivals(&mut self, kin: Kin, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let mut rivals = self.related(kin.order_id, Contingency::Oco);
        if let Some((parent, contingency)) = kin.parent {
            rivals.extend(self.related(parent, contingency));
            rivals.extend(self.orders.name(parent).filter(|_| contingency == Contingency::Oco));
        }
        for rival in rivals {
            if self.orders.get(rival).is_some_and(|w| w.order_id != kin.order_id) {
                self.drop_order(rival, now, out);
            }
        }
    }

    /// Ends an order whose family has decided it, and those that wait for it.
    fn drop_order(&mut self, id: ClientOrderId, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let Some(working) = self.take_out(id) else { return };
        out.push(self.report(id, now, ReportKind::Canceled));
        self.ended.remember(working.order_id, false);
        let mut followers = self.waiting_for(working.order_id);
        followers.extend(self.related(working.order_id, Contingency::Oco));
        followers.into_iter().for_each(|follower| self.drop_order(follower, now, out));
    }

    /// Lets an order work that waited, and those that rival it.
    fn release(&mut self, id: ClientOrderId, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let events = self.events;
        let Some(working) = self.orders.get_mut(id).filter(|w| w.held) else { return };
        (working.held, working.since) = (false, events);
        let order_id = working.order_id;
        for rival in self.related(order_id, Contingency::Oco) {
            self.release(rival, now, out);
        }
        self.work(id, now, out);
    }
}
