//! What must be true in the end: no order is lost or doubled, and no fill, by the ledger and by the venue's own books.

use std::collections::{BTreeMap, BTreeSet};

use messages::ledger::{LedgerRecord, Seq};
use messages::orders::Order;
use messages::{ExecutionId, OrderId, Quantity};
use storage::journal::Reader;

use super::bench::Bench;

fn sum(quantities: impl Iterator<Item = Quantity>) -> Quantity {
    quantities.fold(Quantity::ZERO, |sum, quantity| sum.checked_add(quantity).expect("a sum of orders"))
}

/// Compares; gives the number of fills.
pub fn check(bench: &Bench) -> usize {
    let mut orders: BTreeMap<OrderId, Order> = BTreeMap::new();
    let mut fills: BTreeMap<OrderId, BTreeMap<ExecutionId, Quantity>> = BTreeMap::new();
    let mut booked = BTreeSet::new();
    let mut reader = Reader::<LedgerRecord>::new(&bench.paths.ledger, Seq(1));
    while let Some(group) = reader.next_group(Seq(u64::MAX)).expect("a ledger") {
        for (_, record) in group.records {
            match record {
                LedgerRecord::Order(update) => {
                    let id = update.order.order_id;
                    if let Some(fill) = &update.event.fill {
                        let before = fills.entry(id).or_default().insert(fill.execution_id, fill.quantity);
                        assert!(before.is_none(), "fill {} of {id} stands in the ledger twice", fill.execution_id);
                    }
                    orders.insert(id, update.order);
                }
                LedgerRecord::Booked(booking) => {
                    let key = (booking.trade.order_id, booking.trade.execution_id);
                    assert!(booked.insert(key), "{key:?} is booked twice");
                }
                _ => {}
            }
        }
    }
    let told: BTreeSet<_> =
        fills.iter().flat_map(|(id, fills)| fills.keys().map(|execution| (*id, *execution))).collect();
    booked.retain(|(id, _)| orders.contains_key(id));
    assert_eq!(told, booked, "every fill is booked, and nothing else");
    for (id, order) in &orders {
        let ours = sum(fills.get(id).into_iter().flat_map(BTreeMap::values).copied());
        assert_eq!(ours, order.filled, "fills of {}", order.client_order_id);
    }
    bench.house.outside(|books, _| {
        let mut known = 0;
        for order in orders.values() {
            let names = order.attempts.iter().filter_map(|a| books.by_client_id("main", a.client_order_id.as_str()));
            let theirs: BTreeMap<u64, Quantity> = names.map(|order| (order.id, order.filled)).collect();
            known += theirs.len();
            assert_eq!(sum(theirs.into_values()), order.filled, "{} at the venue", order.client_order_id);
        }
        assert_eq!(known, books.orders.len(), "the venue has our orders, each once, and no others");
        let open: Vec<&str> = books.open("main").map(|order| order.client_id.as_str()).collect();
        assert!(orders.values().filter(|o| !o.status.is_open()).all(|o| !open.contains(&o.client_order_id.as_str())));
    });
    booked.len()
}
