//! Our orders at the venue, and when the day ends for those that live for a day.
//!
//! Invariant: `expiring` holds exactly the orders that expire, so the next end is known without a search.

use std::collections::{BTreeMap, BTreeSet};

use messages::orders::OrderRequest;
use messages::{ClientOrderId, Quantity, UtcNanos};

/// One of our orders at the venue.
#[derive(Debug, Clone)]
pub struct Working {
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
    /// Size before it at its price; `None` while its price is not shown.
    pub queue: Option<Quantity>,
    expires: Option<UtcNanos>,
}

impl Working {
    /// An order that ends by itself when it `expires`.
    pub fn new(request: OrderRequest, arrival: u64, expires: Option<UtcNanos>) -> Self {
        Self { request, arrival, filled: Quantity::ZERO, fills: 0, triggered: false, queue: None, expires }
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
}

impl WorkingOrders {
    /// Takes an order in; one of the same id goes.
    pub fn insert(&mut self, id: ClientOrderId, working: Working) {
        self.remove(id);
        self.expiring.extend(working.expires.map(|at| (at, id)));
        self.by_id.insert(id, working);
    }

    /// Takes an order out.
    pub fn remove(&mut self, id: ClientOrderId) -> Option<Working> {
        let working = self.by_id.remove(&id)?;
        if let Some(at) = working.expires {
            self.expiring.remove(&(at, id));
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

    fn working(expires: Option<i64>) -> Working {
        let instrument = Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() };
        let request = OrderRequest::market(instrument, Side::Buy, Quantity::ONE);
        Working::new(request, 1, expires.map(UtcNanos))
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
                    Some(true) => orders.insert(id, working(Some(since))),
                    Some(false) => orders.insert(id, working(None)),
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
