//! Our orders at the venue, and when the day ends for those that live for a day.
//!
//! Invariant: `expiring` holds exactly the orders that expire, so the next end is known without a search; `names` and
//! `dependents` hold each order once, by its own id and by that of the order it belongs to.

use std::collections::{BTreeMap, BTreeSet};

use messages::orders::OrderRequest;
use messages::{Cash, ClientOrderId, OrderId, Price, Quantity, UtcNanos};

/// One of our orders at the venue.
#[derive(Debug, Clone)]
pub struct Working {
    /// Its id, by which others belong to it.
    pub order_id: OrderId,
    /// What was asked, with its newest terms.
    pub request: OrderRequest,
    /// Its place among all that arrived.
    pub arrival: u64,
    /// What was filled.
    pub filled: Quantity,
    /// In how many fills.
    pub fills: u32,
    /// Its trigger price was reached.
    pub triggered: bool,
    /// The best price that a trailing stop has seen since it began to trail.
    pub best: Option<Price>,
    /// It waits for the order that it belongs to.
    pub held: bool,
    /// The last event that the venue had seen when it began to work: no event up to it does anything to it.
    pub since: u64,
    /// Where it stands in its queue; `None` while its price is not shown.
    pub place: Option<Place>,
    /// price × quantity of its fills.
    pub value: Cash,
    /// Fees of its fills.
    pub paid: Cash,
    expires: Option<UtcNanos>,
}

/// A place in the queue at a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What stands before it.
    pub ahead: Quantity,
    /// What was shown at its price when last looked at.
    pub shown: Quantity,
    /// What traded at its price since.
    pub traded: Quantity,
}

impl Working {
    /// An order that ends by itself when it `expires`.
    pub fn new(order_id: OrderId, request: OrderRequest, arrival: u64, expires: Option<UtcNanos>) -> Self {
        Self {
            order_id,
            request,
            arrival,
            filled: Quantity::ZERO,
            fills: 0,
            triggered: false,
            best: None,
            held: false,
            since: 0,
            place: None,
            value: Cash::ZERO,
            paid: Cash::ZERO,
            expires,
        }
    }

    /// What is left of it.
    pub fn remaining(&self) -> Quantity {
        self.request.quantity.checked_sub(self.filled).unwrap_or(Quantity::ZERO)
    }

    /// True while its trigger price was not reached.
    pub fn waits_for_trigger(&self) -> bool {
        self.request.order_type.is_conditional() && !self.triggered
    }
}

/// All of our orders at the venue.
#[derive(Debug, Default)]
pub struct WorkingOrders {
    by_id: BTreeMap<ClientOrderId, Working>,
    expiring: BTreeSet<(UtcNanos, ClientOrderId)>,
    names: BTreeMap<OrderId, ClientOrderId>,
    dependents: BTreeMap<OrderId, BTreeSet<ClientOrderId>>,
}

impl WorkingOrders {
    /// Takes an order in; one of the same id goes.
    pub fn insert(&mut self, id: ClientOrderId, working: Working) {
        self.remove(id);
        self.expiring.extend(working.expires.map(|at| (at, id)));
        self.names.insert(working.order_id, id);
        if let Some(parent) = working.request.parent {
            self.dependents.entry(parent).or_default().insert(id);
        }
        self.by_id.insert(id, working);
    }

    /// Takes an order out.
    pub fn remove(&mut self, id: ClientOrderId) -> Option<Working> {
        let working = self.by_id.remove(&id)?;
        if let Some(at) = working.expires {
            self.expiring.remove(&(at, id));
        }
        self.names.remove(&working.order_id);
        if let Some(parent) = working.request.parent
            && let Some(ids) = self.dependents.get_mut(&parent)
        {
            ids.remove(&id);
            if ids.is_empty() {
                self.dependents.remove(&parent);
            }
        }
        Some(working)
    }

    /// An order.
    pub fn get(&self, id: ClientOrderId) -> Option<&Working> {
        self.by_id.get(&id)
    }

    /// An order, to be changed.
    pub fn get_mut(&mut self, id: ClientOrderId) -> Option<&mut Working> {
        self.by_id.get_mut(&id)
    }

    /// All of them, by client order id.
    pub fn iter(&self) -> impl Iterator<Item = &Working> {
        self.by_id.values()
    }

    /// The name of the order with this id.
    pub fn name(&self, order_id: OrderId) -> Option<ClientOrderId> {
        self.names.get(&order_id).copied()
    }

    /// The orders that belong to this one, by client order id.
    pub fn dependents(&self, order_id: OrderId) -> impl Iterator<Item = ClientOrderId> + '_ {
        self.dependents.get(&order_id).into_iter().flatten().copied()
    }

    /// When the next of them expires.
    pub fn next_expiry(&self) -> Option<UtcNanos> {
        self.expiring.first().map(|(at, _)| *at)
    }

    /// Those that have expired by `now`, by id.
    pub fn expired(&self, now: UtcNanos) -> Vec<ClientOrderId> {
        let mut ids: Vec<_> = self.expiring.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect();
        ids.sort_unstable();
        ids
    }
}

#[cfg(test)]
mod tests {
    use messages::orders::Side;
    use messages::{Exchange, Instrument};
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400_000_000_000;

    fn working(name: u8, expires: Option<i64>) -> Working {
        let instrument = Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() };
        let request = OrderRequest::market(instrument, Side::Buy, Quantity::ONE);
        let order_id = messages::ids::IdMaker::new(u64::from(name), "test").next_order_id();
        Working::new(order_id, request, 1, expires.map(UtcNanos))
    }

    proptest! {
        /// Orders come, go and are replaced by others of their id: what is kept is what a search finds.
        #[test]
        fn the_next_expiry_is_that_of_a_search(
            steps in proptest::collection::vec((0u8..8, any::<Option<bool>>(), 0..5 * DAY, 0..6 * DAY), 0..80),
        ) {
            let mut orders = WorkingOrders::default();
            for (name, step, since, now) in steps {
                let id: ClientOrderId = format!("o{name}").parse().unwrap();
                match step {
                    Some(true) => orders.insert(id, working(name, Some(since))),
                    Some(false) => orders.insert(id, working(name, None)),
                    None => drop(orders.remove(id)),
                }
                let ends = || orders.by_id.iter().filter_map(|(id, w)| Some((w.expires?, *id)));
                prop_assert_eq!(orders.next_expiry(), ends().map(|(at, _)| at).min());
                let expired: Vec<_> = ends().filter(|(at, _)| at.0 <= now).map(|(_, id)| id).collect();
                prop_assert_eq!(orders.expired(UtcNanos(now)), expired);
            }
        }
    }
}
