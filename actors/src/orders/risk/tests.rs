use messages::orders::{Contingency, OrderType, Side, TimeInForce};
use messages::{Exchange, Instrument};

use super::*;
use crate::venues::paper::state::CAPABILITIES;

fn instrument() -> Instrument {
    Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() }
}

fn rules() -> Rules {
    Rules {
        instrument: instrument(),
        base: "A".parse().unwrap(),
        quote: "USD".parse().unwrap(),
        price_step: "0.01".parse().unwrap(),
        quantity_step: "0.1".parse().unwrap(),
        min_quantity: "0.1".parse().unwrap(),
        max_quantity: "1000".parse().unwrap(),
        min_notional: "5".parse().unwrap(),
        sessions: messages::instrument::Sessions::AroundTheClock,
    }
}

fn limits() -> Limits {
    Limits {
        max_order_quantity: "100".parse().unwrap(),
        max_order_notional: "5000".parse().unwrap(),
        max_position_notional: "8000".parse().unwrap(),
        max_open_orders: 3,
        price_collar_percent: 5,
        max_orders_per_second: 2,
        stale_quote_after: Duration::from_secs(5),
    }
}

/// What a row of the table changes on an order that passes: a limit buy of 10 at 100, market 99.99 / 100.01.
struct Case {
    request: OrderRequest,
    limits: Limits,
    rules: Option<Rules>,
    venue: Option<Capabilities>,
    trading: TradingState,
    kind: AccountKind,
    age: Duration,
    quoted: bool,
    position: &'static str,
    open: (&'static str, &'static str, usize),
    recent: usize,
    free: (&'static str, &'static str),
}

fn check(code: &str, change: impl FnOnce(&mut Case)) {
    let mut case = Case {
        request: OrderRequest::limit(instrument(), Side::Buy, "10".parse().unwrap(), "100".parse().unwrap()),
        limits: limits(),
        rules: Some(rules()),
        venue: Some(CAPABILITIES),
        trading: TradingState::Active,
        kind: AccountKind::Margin,
        age: Duration::ZERO,
        quoted: true,
        position: "0",
        open: ("0", "0", 0),
        recent: 0,
        free: ("1000", "10"),
    };
    change(&mut case);
    let now = UtcNanos(1_000_000_000_000);
    let level = |price: &str| Level { price: price.parse().unwrap(), size: messages::Size::ONE };
    let prices =
        Prices { bid: Some(level("99.99")), ask: Some(level("100.01")), last: None, received: now.before(case.age) };
    let recent = (0..case.recent).map(|_| now).collect();
    let verdict = decide(&Context {
        remaining: case.request.quantity,
        request: &case.request,
        is_replacement: false,
        now,
        limits: &case.limits,
        trading: case.trading,
        rules: case.rules.as_ref(),
        venue: case.venue,
        prices: if case.quoted { prices } else { Prices::default() },
        position: case.position.parse().unwrap(),
        open_buys: case.open.0.parse().unwrap(),
        open_sells: case.open.1.parse().unwrap(),
        open_orders: case.open.2,
        recent: &recent,
        kind: case.kind,
        free_quote: case.free.0.parse().ok(),
        free_base: case.free.1.parse().ok(),
    });
    let found = verdict.err().map_or_else(String::new, |r| r.reason.to_string());
    assert_eq!(found, code);
}

#[test]
fn what_cannot_be_is_refused() {
    check("", |_| {});
    check("venue.none", |c| c.venue = None);
    check("venue.order_type", |c| {
        c.venue = Some(Capabilities { order_types: &[OrderType::Market], ..CAPABILITIES });
    });
    check("order.trail_amount", |c| {
        c.request.price = None;
        c.request.order_type = OrderType::TrailingStop;
    });
    check("", |c| {
        c.request.price = None;
        c.request.order_type = OrderType::TrailingStop;
        c.request.trail_amount = "1".parse().ok();
    });
    let tied = |c: &mut Case| {
        c.request.parent = Some(messages::OrderId::of_key("a".parse().unwrap(), "parent"));
        c.request.contingency = Some(Contingency::Oto);
    };
    check("", tied);
    check("venue.contingency", |c| {
        tied(c);
        c.venue = Some(Capabilities { contingencies: &[], ..CAPABILITIES });
    });
    check("order.contingency", |c| c.request.contingency = Some(Contingency::Oco));
    check("venue.post_only", |c| {
        c.request =
            OrderRequest { post_only: true, ..OrderRequest::market(instrument(), Side::Buy, "1".parse().unwrap()) };
    });
    check("venue.quote_quantity", |c| c.request.quote_quantity = Some(Cash::ONE));
    check("order.price", |c| c.request.price = None);
    check("order.stop_price", |c| c.request.order_type = OrderType::StopLimit);
    check("", |c| {
        c.request.order_type = OrderType::StopLimit;
        c.request.stop_price = "101".parse().ok();
        c.request.time_in_force = TimeInForce::Day;
    });
}

#[test]
fn the_instruments_rules_hold() {
    check("instrument.unknown", |c| c.rules = None);
    check("instrument.quantity", |c| c.request.quantity = "0".parse().unwrap());
    check("instrument.quantity", |c| c.request.quantity = "-1".parse().unwrap());
    check("instrument.lot", |c| c.request.quantity = "0.15".parse().unwrap());
    check("instrument.max_quantity", |c| c.request.quantity = "1001".parse().unwrap());
    check("instrument.tick", |c| c.request.price = "100.001".parse().ok());
    check("instrument.price", |c| c.request.price = "-100".parse().ok());
    check("instrument.min_notional", |c| {
        c.request.quantity = "0.1".parse().unwrap();
        c.request.price = "10".parse().ok();
    });
}

#[test]
fn trading_states_hold() {
    check("risk.halted", |c| c.trading = TradingState::Halted);
    check("risk.reducing", |c| c.trading = TradingState::Reducing);
    check("", |c| (c.trading, c.position) = (TradingState::Reducing, "-10"));
    check("risk.reducing", |c| (c.trading, c.position) = (TradingState::Reducing, "-9"));
    check("risk.reducing", |c| (c.trading, c.position, c.open) = (TradingState::Reducing, "-10", ("1", "0", 1)));
    check("order.reduce_only", |c| c.request.reduce_only = true);
}

#[test]
fn figures_are_limited() {
    check("risk.max_quantity", |c| c.request.quantity = "100.1".parse().unwrap());
    check("risk.max_notional", |c| c.request.quantity = "50.1".parse().unwrap());
    check("", |c| {
        c.limits.max_order_notional = Cash::ZERO;
        c.request.quantity = "50.1".parse().unwrap();
    });
    check("risk.price_collar", |c| c.request.price = "105.02".parse().ok());
    check("", |c| c.request.price = "105.01".parse().ok());
    check("risk.price_collar", |c| {
        c.request.side = Side::Sell;
        c.request.price = "94.99".parse().ok();
    });
    check("risk.open_orders", |c| c.open = ("0", "0", 3));
    check("risk.max_position", |c| c.position = "70.1");
    check("", |c| c.position = "70");
    check("risk.max_position", |c| c.open = ("70.1", "0", 1));
    check("", |c| c.position = "-75");
    check("risk.order_rate", |c| c.recent = 2);
}

#[test]
fn prices_must_be_known_and_fresh() {
    check("risk.no_quote", |c| c.quoted = false);
    check("risk.stale_quote", |c| c.age = Duration::from_millis(5_001));
    check("", |c| c.age = Duration::from_secs(5));
}

#[test]
fn a_cash_account_spends_what_it_has() {
    check("", |c| c.kind = AccountKind::Cash);
    check("risk.buying_power", |c| (c.kind, c.free) = (AccountKind::Cash, ("999.99", "0")));
    check("risk.holdings", |c| {
        (c.kind, c.free) = (AccountKind::Cash, ("0", "9.9"));
        c.request.side = Side::Sell;
    });
}
