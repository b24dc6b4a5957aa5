//! One venue and one instrument, driven event by event; what it reports, as people would say it.

mod families;
mod latency;
mod levels;
mod queues;
mod refusals;
mod stops;

use std::time::Duration;

use messages::instrument::{Calendar, Sessions};
use messages::market::{Event, Source};
use messages::{Cash, Exchange, MarketId};

use super::super::models::Models;
use super::*;

/// The account's settings that the tests change: TOML on top of a venue without latency, 0.1 % taker and no maker fee.
const PLAIN: &str = "latency = '0s'\nmaker_fee_ppm = 0\ntaker_fee_ppm = 1000\n";

fn instrument() -> Instrument {
    Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() }
}

/// A venue without latency, 0.1 % taker and no maker fee, and a clock that ticks with every step.
struct Bench {
    paper: Paper,
    now: UtcNanos,
    next_id: u64,
}

impl Bench {
    fn new() -> Self {
        Self::with("")
    }

    /// With these settings of `[paper]`, too.
    fn with(settings: &str) -> Self {
        let rules = Rules {
            instrument: instrument(),
            base: "A".parse().unwrap(),
            quote: "USD".parse().unwrap(),
            price_step: "0.01".parse().unwrap(),
            quantity_step: "0.1".parse().unwrap(),
            min_quantity: "0.1".parse().unwrap(),
            max_quantity: Quantity::ZERO,
            min_notional: Cash::ZERO,
            sessions: Sessions::AroundTheClock,
        };
        let settings = Settings {
            account: "paper".parse().unwrap(),
            deposit: Some(("USD".parse().unwrap(), "1000".parse().unwrap())),
            rules: [(instrument(), rules)].into(),
            calendar: Calendar::default(),
            paper: toml::from_str(&format!("{PLAIN}{settings}")).unwrap(),
            seed: 1,
        };
        let models = Models::shipped().choose(&settings.paper).unwrap();
        Self { paper: Paper::new(settings, models).unwrap(), now: UtcNanos(1_000_000), next_id: 0 }
    }

    fn tick(&mut self, body: TickBody) -> Vec<String> {
        self.tick_again(0, body)
    }

    fn tick_again(&mut self, revision: u16, body: TickBody) -> Vec<String> {
        self.now = UtcNanos(self.now.0 + 1_000_000);
        self.next_id += 1;
        let tick = Tick { instrument: instrument(), time: self.now, sequence: None, revision, body };
        let event = Event { id: MarketId(self.next_id), body: EventBody::Tick(tick) };
        let mut out = Vec::new();
        self.paper.on_market(&Batch { source: Source::Simulated, received: self.now, events: vec![event] }, &mut out);
        out.iter().map(say).collect()
    }

    /// A quote as `bid size ask size`.
    fn quote(&mut self, bid: &str, bid_size: &str, ask: &str, ask_size: &str) -> Vec<String> {
        let level =
            |price: &str, size: &str| Some(Level { price: price.parse().unwrap(), size: size.parse().unwrap() });
        self.tick(TickBody::Quote { bid: level(bid, bid_size), ask: level(ask, ask_size) })
    }

    fn trade(&mut self, price: &str, size: &str) -> Vec<String> {
        let (price, size) = (price.parse().unwrap(), size.parse().unwrap());
        self.tick(TickBody::Trade { price, size, aggressor: None, conditions: Default::default() })
    }

    fn send(&mut self, request: VenueRequest) -> Vec<String> {
        let mut out = Vec::new();
        self.paper.on_request(request, self.now, &mut out);
        self.paper.on_timer(self.now, &mut out);
        out.iter().map(say).collect()
    }

    fn order(
        &mut self,
        id: &str,
        side: Side,
        quantity: &str,
        price: Option<&str>,
        change: impl FnOnce(&mut OrderRequest),
    ) -> Vec<String> {
        let quantity = quantity.parse().unwrap();
        let mut request = match price {
            Some(price) => OrderRequest::limit(instrument(), side, quantity, price.parse().unwrap()),
            None => OrderRequest::market(instrument(), side, quantity),
        };
        change(&mut request);
        self.send(VenueRequest::Submit {
            client_order_id: id.parse().unwrap(),
            order_id: order_id(id),
            request: Box::new(request),
            at: self.now,
        })
    }
}

/// The id of the order with this name.
fn order_id(name: &str) -> OrderId {
    OrderId::of_key("paper".parse().unwrap(), name)
}

/// A report as people would say it.
fn say(report: &VenueReport) -> String {
    let id = report.client_order_id;
    match &report.kind {
        ReportKind::Filled(f) => {
            let role = f.liquidity.map_or("?", |l| l.as_str());
            let fee = f.fee.map_or_else(String::new, |f| format!(" fee {}", f.amount));
            format!("{id} {role} {} @ {} of {}{fee}", f.quantity, f.price, f.cumulative)
        }
        ReportKind::Rejected { reason, .. }
        | ReportKind::Expired { reason }
        | ReportKind::CancelRejected { reason } => {
            format!("{id} {reason}")
        }
        other => format!("{id} {other:?}"),
    }
}

#[test]
fn a_market_order_takes_what_is_shown_and_the_rest_expires() {
    let mut b = Bench::new();
    b.quote("99", "5", "100", "2");
    let said = b.order("m", Side::Buy, "3", None, |_| {});
    assert_eq!(said, ["m Submitted", "m Accepted", "m taker 2 @ 100 of 2 fee 0.2", "m ioc_unfilled"]);
    assert_eq!(b.order("n", Side::Buy, "1", None, |_| {})[2..], ["n ioc_unfilled"], "what was taken is gone");
    b.quote("99", "5", "100", "3");
    assert_eq!(b.order("o", Side::Buy, "1", None, |_| {})[2], "o taker 1 @ 100 of 1 fee 0.1");
}

#[test]
fn a_resting_order_waits_behind_what_is_shown() {
    let mut b = Bench::new();
    b.quote("99", "5", "100", "2");
    b.order("l", Side::Buy, "3", Some("99"), |_| {});
    assert!(b.trade("99", "4").is_empty(), "one is left before it");
    assert_eq!(b.trade("99", "2"), ["l maker 1 @ 99 of 1 fee 0"]);
    assert_eq!(b.trade("98.5", "0.1"), ["l maker 2 @ 99 of 3 fee 0"], "a trade behind its price has cleared it");
}

#[test]
fn a_queue_is_never_longer_than_what_is_shown() {
    let mut b = Bench::new();
    b.quote("99", "5", "100", "2");
    b.order("l", Side::Buy, "3", Some("99"), |_| {});
    b.quote("99", "1", "100", "2");
    assert_eq!(b.trade("99", "2"), ["l maker 1 @ 99 of 1 fee 0"]);
}

#[test]
fn an_order_at_a_price_that_is_not_shown_fills_only_when_the_market_goes_beyond() {
    let mut b = Bench::new();
    b.quote("99", "5", "100", "2");
    b.order("deep", Side::Buy, "3", Some("98"), |_| {});
    assert!(b.trade("98", "50").is_empty(), "nobody knows who stood there first");
    assert_eq!(b.trade("97.99", "1"), ["deep maker 3 @ 98 of 3 fee 0"]);
}

#[test]
fn a_trade_that_is_corrected_afterwards_fills_nothing() {
    let mut b = Bench::new();
    b.quote("99", "5", "100", "2");
    b.order("deep", Side::Buy, "3", Some("98"), |_| {});
    for (revision, size) in [(1, "1"), (2, "0"), (0, "0")] {
        let (price, size) = ("97".parse().unwrap(), size.parse().unwrap());
        let body = TickBody::Trade { price, size, aggressor: None, conditions: Default::default() };
        assert!(b.tick_again(revision, body).is_empty(), "revision {revision} of size {size}");
    }
    assert_eq!(b.trade("97", "1"), ["deep maker 3 @ 98 of 3 fee 0"]);
}

#[test]
fn a_quote_that_crosses_fills_up_to_its_size() {
    let mut b = Bench::new();
    b.quote("99", "5", "100", "2");
    b.order("l", Side::Sell, "3", Some("101"), |_| {});
    assert_eq!(b.quote("101", "2", "102", "2"), ["l maker 2 @ 101 of 2 fee 0"]);
}

#[test]
fn fill_or_kill_post_only_and_day() {
    let mut b = Bench::new();
    b.quote("99", "5", "100", "2");
    let fok = b.order("f", Side::Buy, "3", Some("100"), |r| r.time_in_force = TimeInForce::Fok);
    assert_eq!(fok[2..], ["f fok_unfilled"]);
    assert_eq!(
        b.order("g", Side::Buy, "2", Some("100"), |r| r.time_in_force = TimeInForce::Fok)[2],
        "g taker 2 @ 100 of 2 fee 0.2"
    );
    assert_eq!(b.order("p", Side::Sell, "1", Some("99"), |r| r.post_only = true)[1..], ["p paper.would_match"]);
    b.order("d", Side::Buy, "1", Some("90"), |r| r.time_in_force = TimeInForce::Day);
    assert_eq!(b.paper.next_due(), Some(UtcNanos::start_of_day(1)));
    let mut out = Vec::new();
    b.paper.on_timer(UtcNanos::start_of_day(1), &mut out);
    assert_eq!(out.iter().map(say).collect::<Vec<_>>(), ["d day_ended"]);
}

#[test]
fn where_only_trades_are_known_the_last_one_stands_for_both_sides() {
    let mut b = Bench::new();
    b.trade("100", "2");
    let said = b.order("m", Side::Buy, "3", None, |_| {});
    assert_eq!(said[2..], ["m taker 2 @ 100 of 2 fee 0.2", "m ioc_unfilled"]);
    assert_eq!(b.order("n", Side::Sell, "1", None, |_| {})[2], "n taker 1 @ 100 of 1 fee 0.1");
    b.trade("101", "1");
    assert_eq!(b.order("o", Side::Buy, "1", None, |_| {})[2], "o taker 1 @ 101 of 1 fee 0.101");
}

#[test]
fn stops_wait_for_their_price() {
    let mut b = Bench::new();
    b.quote("99", "5", "100", "5");
    b.trade("99.5", "1");
    let stop = |r: &mut OrderRequest| {
        r.order_type = OrderType::Stop;
        r.time_in_force = TimeInForce::Gtc;
        r.stop_price = "101".parse().ok();
    };
    assert_eq!(b.order("s", Side::Buy, "2", None, stop), ["s Submitted", "s Accepted"]);
    assert!(b.trade("100.9", "1").is_empty());
    assert_eq!(b.trade("101", "1"), ["s Triggered", "s taker 2 @ 100 of 2 fee 0.2"]);
    let limit = |r: &mut OrderRequest| {
        r.order_type = OrderType::StopLimit;
        r.stop_price = "99".parse().ok();
    };
    b.order("t", Side::Sell, "1", Some("99.5"), limit);
    assert_eq!(b.trade("98", "1"), ["t Triggered"], "its limit lies above the market: it rests");
}

#[test]
fn cancel_replace_and_query() {
    let mut b = Bench::new();
    let id = |text: &str| text.parse::<ClientOrderId>().unwrap();
    b.quote("99", "5", "100", "2");
    b.order("l", Side::Buy, "3", Some("99"), |_| {});
    let (instrument, at) = (instrument(), b.now);
    let replacement = Replacement { quantity: None, price: "100".parse().ok(), stop_price: None };
    let replace = |from: &str, to: &str| VenueRequest::Replace {
        client_order_id: id(from),
        new_client_order_id: id(to),
        venue_order_id: None,
        instrument,
        replacement,
        at,
    };
    let said = b.send(replace("l", "l-r1"));
    assert!(said[0].starts_with("l-r1 Replaced"), "{said:?}");
    assert_eq!(said[1], "l-r1 taker 2 @ 100 of 2 fee 0.2");
    assert!(b.send(replace("l", "l-r2"))[0].starts_with("l-r2 ReplaceRejected"));
    let cancel =
        |which: &str| VenueRequest::Cancel { client_order_id: id(which), venue_order_id: None, instrument, at };
    let query = |which: &str| VenueRequest::Query { client_order_id: id(which), instrument, at };
    assert_eq!(b.send(query("l-r1")), ["l-r1 Accepted"]);
    assert_eq!(b.send(cancel("l-r1")), ["l-r1 Canceled"]);
    assert_eq!(b.send(cancel("l-r1")), ["l-r1 paper.unknown_order"]);
    assert_eq!(b.send(query("l-r1")), ["l-r1 Unknown"]);
}

#[test]
fn requests_meet_the_market_after_their_latency() {
    let mut b = Bench::with("to_venue = { model = 'fixed', parameters = { delay = '5ms' } }");
    b.quote("99", "5", "100", "2");
    assert_eq!(b.order("m", Side::Buy, "1", None, |_| {}), ["m Submitted"]);
    assert_eq!(b.paper.next_due(), Some(b.now.after(Duration::from_millis(5))));
    b.now = b.now.after(Duration::from_millis(5));
    let said = b.quote("109", "5", "110", "2");
    assert_eq!(said[1], "m taker 1 @ 100 of 1 fee 0.1", "it arrives just before the new quote");
}
