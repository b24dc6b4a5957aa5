//! What a reconciliation finds, and what latches count of it.

use messages::risk::Latch;

use super::*;

/// Somebody places so many orders on the venue's own page.
fn elsewhere(pair: &mut Pair, orders: u32) {
    for number in 1..=orders {
        let there = There { request: limit("buy", "1", "90"), fills: Vec::new(), end: None };
        pair.venue.orders.insert(format!("web_{number}").parse().unwrap(), there);
    }
}

#[test]
fn an_order_that_is_adopted_is_no_answer_of_the_venue() {
    let mut pair = began();
    pair.bench.limit_account(LimitName::MaxRejectPercent, "50");
    pair.bench.orders.settings.foreign_orders = ForeignOrders::Adopt;
    for _ in 0..2 {
        pair.submit("buy", 1);
        let name = pair.bench.orders.order(order_id(pair.orders)).unwrap().client_order_id;
        pair.report(name, ReportKind::Rejected { reason: Reason::code("venue.says_so"), text: "no".to_owned() });
    }
    elsewhere(&mut pair, 3);
    pair.ask(begin()).unwrap();
    assert_eq!(pair.bench.orders.open_orders().count(), 3);
    assert_eq!(pair.bench.orders.watch.answers.of_last(4), (2, 2));
    pair.place("buy", 1);
    assert_eq!(pair.bench.orders.watch.first_fallen(), None, "2 of 3, and the window is 4");
    pair.place("buy", 1);
    assert_eq!(pair.bench.orders.watch.first_fallen(), Some(Latch::Rejects));
    pair.bench.check_restored();
}
