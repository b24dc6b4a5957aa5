//! Levels that are shown and gone: what a later message says has gone is met by nobody.

use messages::market::DepthKind;

use super::*;

const DROPS: &str = "drop_stale_levels = true";

#[test]
fn a_trade_beyond_the_best_price_has_cleared_what_was_better() {
    let mut b = Bench::with(DROPS);
    b.quote("99", "5", "100", "5");
    b.trade("103", "1");
    let said = b.order("m", Side::Buy, "2", None, |_| {});
    assert_eq!(said[2..], ["m taker 1 @ 103 of 1 fee 0.103", "m ioc_unfilled"], "the ask of 100 is no more");
    b.quote("102", "5", "103", "5");
    assert_eq!(b.order("n", Side::Buy, "2", None, |_| {})[2], "n taker 2 @ 103 of 2 fee 0.206");
    assert_eq!(b.order("o", Side::Sell, "2", None, |_| {})[2], "o taker 2 @ 102 of 2 fee 0.204");
}

#[test]
fn a_trade_at_the_best_price_has_taken_its_size() {
    let mut b = Bench::with(DROPS);
    b.quote("99", "5", "100", "5");
    b.trade("100", "4");
    let said = b.order("m", Side::Buy, "2", None, |_| {});
    assert_eq!(said[2..], ["m taker 1 @ 100 of 1 fee 0.1", "m ioc_unfilled"]);
    assert_eq!(b.order("n", Side::Sell, "5", None, |_| {})[2], "n taker 5 @ 99 of 5 fee 0.495");
}

#[test]
fn a_stop_pays_the_price_that_triggered_it_and_none_that_was_shown_before() {
    let mut b = Bench::with(DROPS);
    b.quote("99", "5", "100", "5");
    b.order("s", Side::Buy, "1", None, |r| {
        (r.order_type, r.stop_price, r.time_in_force) = (OrderType::Stop, "105".parse().ok(), TimeInForce::Gtc);
    });
    assert_eq!(b.trade("110", "3"), ["s Triggered", "s taker 1 @ 110 of 1 fee 0.11"]);
}

impl Bench {
    fn book(&mut self, last: u64, kind: DepthKind, bids: &[(&str, &str)], asks: &[(&str, &str)]) {
        let level = |(price, size): &(&str, &str)| Level { price: price.parse().unwrap(), size: size.parse().unwrap() };
        let (bids, asks) = (bids.iter().map(level).collect(), asks.iter().map(level).collect());
        self.now = UtcNanos(self.now.0 + 1_000_000);
        let depth = Depth { instrument: instrument(), time: self.now, kind, last, bids, asks };
        let event = Event { id: MarketId(1_000_000 + last), body: EventBody::Depth(Box::new(depth)) };
        let batch = Batch { source: Source::Simulated, received: self.now, events: vec![event] };
        self.paper.on_market(&batch, &mut Vec::new());
    }

    fn numbered_quote(&mut self, number: i64, bid: &str, ask: &str) {
        self.now = UtcNanos(self.now.0 + 1_000_000);
        let level = |price: &str| Some(Level { price: price.parse().unwrap(), size: "1".parse().unwrap() });
        let body = TickBody::Quote { bid: level(bid), ask: level(ask) };
        let tick = Tick { instrument: instrument(), time: self.now, sequence: Some(number), revision: 0, body };
        let event = Event { id: MarketId(2_000_000), body: EventBody::Tick(tick) };
        let batch = Batch { source: Source::Simulated, received: self.now, events: vec![event] };
        self.paper.on_market(&batch, &mut Vec::new());
    }
}

#[test]
fn a_newer_quote_goes_before_an_older_book() {
    for (settings, expected) in [(DROPS, "101"), ("", "100")] {
        let mut b = Bench::with(settings);
        b.book(10, DepthKind::Snapshot, &[("99", "5")], &[("100", "5"), ("101", "5"), ("102", "5")]);
        b.numbered_quote(11, "100", "101");
        let said = b.order("m", Side::Buy, "1", None, |_| {});
        assert!(said[2].starts_with(&format!("m taker 1 @ {expected} ")), "{settings} {said:?}");
    }
    let mut b = Bench::with(DROPS);
    b.numbered_quote(11, "100", "101");
    b.book(12, DepthKind::Snapshot, &[("99", "5")], &[("100", "5"), ("101", "5")]);
    let said = b.order("m", Side::Buy, "6", None, |_| {});
    assert_eq!(said[2..], ["m taker 5 @ 100 of 5 fee 0.5", "m taker 1 @ 101 of 6 fee 0.101"]);
}
