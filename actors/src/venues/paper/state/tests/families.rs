//! Orders that belong together.

use super::*;

fn belongs(parent: &str, contingency: Contingency) -> impl FnOnce(&mut OrderRequest) {
    let parent = order_id(parent);
    move |r| (r.parent, r.contingency) = (Some(parent), Some(contingency))
}

fn stop(parent: &str, contingency: Contingency, at: &str) -> impl FnOnce(&mut OrderRequest) {
    let (belongs, at) = (belongs(parent, contingency), at.parse().ok());
    move |r| {
        belongs(r);
        (r.order_type, r.time_in_force, r.stop_price) = (OrderType::Stop, TimeInForce::Gtc, at);
    }
}

/// A market at 99 / 101, an entry that rests at 99, and its bracket: profit at 105, loss at 95.
fn bracket() -> Bench {
    let mut b = Bench::new();
    b.quote("99", "5", "101", "5");
    b.order("entry", Side::Buy, "1", Some("99"), |_| {});
    let said = b.order("profit", Side::Sell, "1", Some("105"), belongs("entry", Contingency::Oto));
    assert_eq!(said, ["profit Submitted", "profit Accepted"]);
    b.order("loss", Side::Sell, "1", None, stop("entry", Contingency::Oto, "95"));
    b
}

#[test]
fn a_bracket_waits_for_its_entry_and_one_leg_cancels_the_other() {
    let mut b = bracket();
    assert!(b.trade("106", "1").is_empty(), "nothing is held yet that could be sold");
    assert_eq!(b.trade("98", "1"), ["entry maker 1 @ 99 of 1 fee 0"]);
    assert_eq!(b.trade("106", "1"), ["profit maker 1 @ 105 of 1 fee 0", "loss Canceled"]);
    let mut b = bracket();
    b.trade("98", "1");
    assert_eq!(b.trade("95", "1"), ["loss Triggered", "loss taker 1 @ 99 of 1 fee 0.099", "profit Canceled"]);
}

#[test]
fn a_bracket_ends_with_an_entry_that_is_not_filled() {
    let mut b = bracket();
    let (client_order_id, at) = ("entry".parse().unwrap(), b.now);
    let cancel = VenueRequest::Cancel { client_order_id, venue_order_id: None, instrument: instrument(), at };
    assert_eq!(b.send(cancel), ["entry Canceled", "loss Canceled", "profit Canceled"]);
    let late = b.order("late", Side::Sell, "1", Some("105"), belongs("entry", Contingency::Oto));
    assert_eq!(late[1..], ["late paper.orphan"]);
}

#[test]
fn an_order_behind_an_entry_that_is_filled_already_works_at_once() {
    let mut b = Bench::new();
    b.quote("99", "5", "101", "5");
    b.order("entry", Side::Buy, "1", None, |_| {});
    b.order("profit", Side::Sell, "1", Some("105"), belongs("entry", Contingency::Oto));
    assert_eq!(b.trade("106", "1"), ["profit maker 1 @ 105 of 1 fee 0"]);
}

#[test]
fn the_first_fill_of_one_cancels_the_other_once() {
    let mut b = Bench::new();
    b.quote("99", "5", "101", "5");
    b.order("a", Side::Buy, "3", Some("99"), |_| {});
    b.order("b", Side::Sell, "3", Some("101"), belongs("a", Contingency::Oco));
    assert_eq!(b.trade("99", "6"), ["a maker 1 @ 99 of 1 fee 0", "b Canceled"]);
    assert_eq!(b.trade("98", "1"), ["a maker 2 @ 99 of 3 fee 0"], "the one that was filled in part works on");
}

#[test]
fn the_trade_that_fills_an_entry_fills_nothing_that_waited_for_it() {
    let mut b = Bench::new();
    b.quote("99", "5", "101", "5");
    b.order("entry", Side::Buy, "1", Some("99"), |_| {});
    // Any trade below 99 that fills the entry lies beyond this limit, too.
    b.order("more", Side::Buy, "1", Some("98.5"), belongs("entry", Contingency::Oto));
    assert_eq!(b.trade("98", "9"), ["entry maker 1 @ 99 of 1 fee 0"]);
    assert_eq!(b.trade("98", "9"), ["more maker 1 @ 98.5 of 1 fee 0"]);
}

#[test]
fn a_bracket_is_held_again_after_a_restart_in_whatever_order_it_is_told() {
    let order = |name: &str, side, price: &str, change: Option<&str>| {
        let mut request = OrderRequest::limit(instrument(), side, "1".parse().unwrap(), price.parse().unwrap());
        if let Some(parent) = change {
            belongs(parent, Contingency::Oto)(&mut request);
        }
        Order {
            order_id: order_id(name),
            account: "paper".parse().unwrap(),
            strategy: "s".parse().unwrap(),
            client_order_id: name.parse().unwrap(),
            request,
            status: Status::Accepted,
            filled: Quantity::ZERO,
            filled_notional: Default::default(),
            acknowledged: true,
            triggered: false,
            attempts: Vec::new(),
            replacing: None,
            reason: None,
            reason_text: String::new(),
            created_at: UtcNanos(0),
            submitted_at: None,
            updated_at: UtcNanos(0),
            filled_at: None,
            commission: None,
            correlation_id: messages::CorrelationId(order_id(name).0),
            as_of: 0,
        }
    };
    let (entry, profit) = (order("entry", Side::Buy, "99", None), order("profit", Side::Sell, "105", Some("entry")));
    for orders in [[&entry, &profit], [&profit, &entry]] {
        let mut b = Bench::new();
        orders.into_iter().for_each(|order| b.paper.restore(order));
        assert!(b.trade("106", "1").is_empty(), "the entry is open");
        assert_eq!(b.trade("98", "1"), ["entry maker 1 @ 99 of 1 fee 0"]);
        assert_eq!(b.trade("106", "1"), ["profit maker 1 @ 105 of 1 fee 0"]);
    }
}
