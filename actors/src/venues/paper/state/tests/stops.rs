//! Conditional orders: stops, take-profits and trailing stops.

use super::*;

fn conditional(order_type: OrderType, stop: Option<&str>, trail: Option<&str>) -> impl FnOnce(&mut OrderRequest) {
    let (stop_price, trail_amount) = (stop.map(|s| s.parse().unwrap()), trail.map(|t| t.parse().unwrap()));
    move |r| {
        (r.order_type, r.time_in_force) = (order_type, TimeInForce::Gtc);
        (r.stop_price, r.trail_amount) = (stop_price, trail_amount);
    }
}

#[test]
fn a_take_profit_waits_for_the_price_to_go_its_way() {
    let mut b = Bench::new();
    b.quote("99", "5", "100", "5");
    b.trade("99.5", "1");
    b.order("up", Side::Sell, "1", None, conditional(OrderType::TakeProfit, Some("101"), None));
    b.order("down", Side::Buy, "1", None, conditional(OrderType::TakeProfit, Some("98"), None));
    assert!(b.trade("100.9", "1").is_empty());
    assert_eq!(b.trade("101", "1"), ["up Triggered", "up taker 1 @ 99 of 1 fee 0.099"]);
    assert_eq!(b.trade("98", "1"), ["down Triggered", "down taker 1 @ 100 of 1 fee 0.1"]);
}

#[test]
fn a_trailing_stop_follows_the_best_price() {
    let mut b = Bench::new();
    b.quote("99", "5", "100", "5");
    b.trade("100", "1");
    b.order("t", Side::Sell, "1", None, conditional(OrderType::TrailingStop, None, Some("2")));
    for price in ["101", "103", "101.1", "102"] {
        assert!(b.trade(price, "1").is_empty(), "{price}");
    }
    assert_eq!(b.trade("101", "1")[0], "t Triggered", "two below 103");
}

#[test]
fn a_trailing_stop_begins_at_its_activation_price() {
    let mut b = Bench::new();
    b.quote("99", "5", "100", "5");
    b.trade("100", "1");
    b.order("t", Side::Buy, "1", None, conditional(OrderType::TrailingStop, Some("95"), Some("2")));
    for price in ["104", "96", "99", "95", "94", "95.9"] {
        assert!(b.trade(price, "1").is_empty(), "{price}");
    }
    assert_eq!(b.trade("96", "1")[0], "t Triggered", "two above 94");
}

#[test]
fn a_quote_triggers_where_the_settings_say_so() {
    let mut b = Bench::with("triggers = { by = 'quote', reached = 'reject' }");
    b.quote("99", "5", "100", "5");
    let stop = || conditional(OrderType::Stop, Some("101"), None);
    b.order("s", Side::Buy, "1", None, stop());
    assert!(b.trade("105", "1").is_empty());
    assert_eq!(b.quote("100", "5", "101", "5"), ["s Triggered", "s taker 1 @ 101 of 1 fee 0.101"]);
    assert_eq!(b.order("late", Side::Buy, "1", None, stop())[1..], ["late paper.would_trigger"]);
}
