//! What the venue refuses, and when it does not trade.

use super::*;

#[test]
fn each_rule_refuses_with_its_code() {
    let check = |settings: &str, side, quantity: &str, price: Option<&str>, expected: &str| {
        let mut b = Bench::with(settings);
        b.quote("99", "50", "100", "50");
        b.trade("100", "1");
        let said = b.order("o", side, quantity, price, |_| {});
        assert_eq!(said[1], format!("o {expected}"), "{settings}");
    };
    let filters = "rejects = { rate_ppm = 0, filters = true, price_percent = 0, balance = false }";
    check(filters, Side::Buy, "1", Some("90.001"), "paper.filter_price");
    check(filters, Side::Buy, "0.15", Some("90"), "paper.filter_lot");
    check(filters, Side::Buy, "1", Some("90"), "Accepted");
    let percent = "rejects = { rate_ppm = 0, filters = false, price_percent = 5, balance = false }";
    check(percent, Side::Buy, "1", Some("94.99"), "paper.percent_price");
    check(percent, Side::Buy, "1", Some("95"), "Accepted");
    // The account has 1,000 of the quote asset and nothing else.
    let balance = "rejects = { rate_ppm = 0, filters = false, price_percent = 0, balance = true }";
    check(balance, Side::Buy, "11", Some("95"), "paper.insufficient_balance");
    check(balance, Side::Buy, "10.1", None, "paper.insufficient_balance");
    check(balance, Side::Sell, "0.1", None, "paper.insufficient_balance");
    check(balance, Side::Buy, "10", Some("95"), "Accepted");
    check(
        "rejects = { rate_ppm = 1000000, filters = false, price_percent = 0, balance = false }",
        Side::Buy,
        "1",
        None,
        "paper.random",
    );
}

#[test]
fn what_was_bought_can_be_sold_and_what_is_ordered_is_not_free() {
    let mut b = Bench::with("rejects = { rate_ppm = 0, filters = false, price_percent = 0, balance = true }");
    b.quote("99", "50", "100", "50");
    assert_eq!(b.order("buy", Side::Buy, "5", None, |_| {})[2], "buy taker 5 @ 100 of 5 fee 0.5");
    assert_eq!(b.order("rest", Side::Buy, "4", Some("98"), |_| {})[1], "rest Accepted");
    assert_eq!(b.order("more", Side::Buy, "2", Some("98"), |_| {})[1], "more paper.insufficient_balance");
    assert_eq!(b.order("sell", Side::Sell, "5", None, |_| {})[1], "sell Accepted");
}

#[test]
fn refusals_at_random_come_at_their_rate_and_again_with_the_seed() {
    let refused = || {
        let mut b = Bench::with("rejects = { rate_ppm = 200000, filters = false, price_percent = 0, balance = false }");
        let refused =
            |n: &usize| b.order(&format!("o{n}"), Side::Buy, "1", Some("90"), |_| {})[1].ends_with("paper.random");
        (0..1_000).filter(refused).collect::<Vec<usize>>()
    };
    let found = refused();
    assert!((150..250).contains(&found.len()), "{}", found.len());
    assert_eq!(found, refused());
}

#[test]
fn nothing_fills_or_triggers_in_a_halt_and_cancels_work() {
    let mut b = Bench::with(
        "halts = [{ instrument = 'simulated:A', from = '1970-01-01T00:00:01Z', to = '1970-01-01T00:00:02Z' }]",
    );
    b.quote("99", "5", "100", "5");
    b.order("rests", Side::Buy, "1", Some("98"), |_| {});
    b.order("goes", Side::Buy, "1", Some("97"), |_| {});
    b.now = UtcNanos(1_000_000_000);
    assert!(b.trade("97.5", "1").is_empty());
    assert_eq!(b.order("new", Side::Buy, "1", None, |_| {})[1..], ["new paper.halted"]);
    let cancel = VenueRequest::Cancel {
        client_order_id: "goes".parse().unwrap(),
        venue_order_id: None,
        instrument: instrument(),
        at: b.now,
    };
    assert_eq!(b.send(cancel), ["goes Canceled"]);
    b.now = UtcNanos(2_000_000_000);
    assert_eq!(b.trade("97.5", "1"), ["rests maker 1 @ 98 of 1 fee 0"]);
}

#[test]
fn nothing_fills_beyond_the_band_and_a_trade_beyond_begins_a_pause() {
    let mut b = Bench::with("price_limits = { band_percent = 10, window = '10s', pause = '5s' }");
    b.quote("99", "5", "100", "5");
    b.trade("100", "1");
    b.quote("99", "5", "111", "5");
    assert_eq!(b.order("m", Side::Buy, "1", None, |_| {})[2..], ["m ioc_unfilled"], "111 lies beyond 110");
    b.quote("99", "5", "110", "5");
    assert_eq!(b.order("n", Side::Buy, "1", None, |_| {})[2], "n taker 1 @ 110 of 1 fee 0.11");
    b.order("rests", Side::Buy, "1", Some("95"), |_| {});
    assert!(b.trade("80", "1").is_empty(), "it begins the pause and fills nothing");
    assert_eq!(b.order("o", Side::Buy, "1", None, |_| {})[1..], ["o paper.halted"]);
    b.now = b.now.after(Duration::from_secs(5));
    assert_eq!(b.trade("94", "1"), ["rests maker 1 @ 95 of 1 fee 0"], "behind it the reference begins anew");
}
