use std::time::Duration;

use messages::orders::{Contingency, OrderType, Side, TimeInForce};
use messages::risk::Latch;
use messages::{Exchange, Instrument};

use super::*;
use crate::orders::risk::latch::Fallen;
use crate::orders::risk::limits::SessionRule;
use crate::venues::binance::filters::{self, Filters};
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
        ..Limits::default()
    }
}

/// What a row of the table changes on an order that passes: a limit buy of 10 at 100, market 99.99 / 100.01.
struct Case {
    request: OrderRequest,
    limits: Limits,
    rules: Option<Rules>,
    venue: Option<Capabilities>,
    venue_rules: Option<(Filters, Seen)>,
    trading: TradingState,
    kind: AccountKind,
    age: Duration,
    quoted: bool,
    position: &'static str,
    open: (&'static str, &'static str, usize),
    recent: (usize, usize),
    free: (&'static str, &'static str),
    all: (&'static str, &'static str, &'static str, usize),
    totals: Option<[&'static str; 3]>,
    equity: Option<&'static str>,
    usual: Option<&'static str>,
    same_ago: Option<Duration>,
    waits: Option<Waits>,
    latches: Latches,
    status: InstrumentStatus,
    now: &'static str,
}

fn check(code: &str, change: impl FnOnce(&mut Case)) {
    let mut case = Case {
        request: OrderRequest::limit(instrument(), Side::Buy, "10".parse().unwrap(), "100".parse().unwrap()),
        limits: limits(),
        rules: Some(rules()),
        venue: Some(CAPABILITIES),
        venue_rules: None,
        trading: TradingState::Active,
        kind: AccountKind::Margin,
        age: Duration::ZERO,
        quoted: true,
        position: "0",
        open: ("0", "0", 0),
        recent: (0, 0),
        free: ("1000", "10"),
        all: ("0", "0", "0", 0),
        totals: None,
        equity: None,
        usual: None,
        same_ago: None,
        waits: None,
        latches: Latches::new(),
        status: InstrumentStatus::Trading,
        now: "2026-11-24T12:00:00Z",
    };
    change(&mut case);
    let now: UtcNanos = case.now.parse().unwrap();
    let level = |price: &str| Level { price: price.parse().unwrap(), size: messages::Size::ONE };
    let prices =
        Prices { bid: Some(level("99.99")), ask: Some(level("100.01")), last: None, received: now.before(case.age) };
    let stake = |position: &str, buys: &str, sells: &str| Stake {
        position: position.parse().unwrap(),
        buys: buys.parse().unwrap(),
        sells: sells.parse().unwrap(),
        ..Stake::default()
    };
    let prices = if case.quoted { prices } else { Prices::default() };
    let totals = case.totals.map(|[gross, net, symbol]| Totals {
        gross: gross.parse().ok(),
        net: net.parse().ok(),
        symbol: symbol.parse().ok(),
    });
    let verdict = decide(&Context {
        strategy: "a".parse().unwrap(),
        remaining: asked(&case.request, &prices).unwrap_or_default(),
        request: &case.request,
        is_replacement: false,
        now,
        limits: &case.limits,
        trading: case.trading,
        rules: case.rules.as_ref(),
        venue: case.venue,
        venue_rules: case.venue_rules.as_ref().map(|(rules, seen)| (rules as &dyn VenueRules, *seen)),
        prices,
        own: stake(case.position, case.open.0, case.open.1),
        all: stake(case.all.0, case.all.1, case.all.2),
        open_orders: case.open.2,
        open_orders_of_all: case.all.3,
        recent: case.recent,
        same_at: case.same_ago.map(|ago| now.before(ago)),
        usual: case.usual.map(|usual| usual.parse().unwrap()),
        own_totals: totals,
        totals,
        equity: case.equity.map(|equity| equity.parse().unwrap()),
        waits: case.waits,
        latches: &case.latches,
        status: case.status,
        calendar: &Calendar::default(),
        kind: case.kind,
        free_quote: case.free.0.parse().ok(),
        free_base: case.free.1.parse().ok(),
    });
    let found = verdict.err().map_or_else(String::new, |r| r.reason.to_string());
    assert_eq!(found, code);
}

#[test]
fn the_venues_own_rules_refuse_by_their_names() {
    let info = r#"{"symbols":[{"symbol":"A","status":"TRADING","orderTypes":["LIMIT"],"filters":[
        {"filterType":"PERCENT_PRICE","multiplierUp":"1.1","multiplierDown":"0.9","avgPriceMins":5},
        {"filterType":"MAX_NUM_ORDERS","maxNumOrders":2},{"filterType":"MAX_POSITION","maxPosition":"50"}]}]}"#;
    let told = filters::read(info.as_bytes()).unwrap().0.remove(0);
    let checked = |code: &str, seen: Seen| check(code, |c| c.venue_rules = Some((told.clone(), seen)));
    let average = |price: &str| Seen { average: price.parse().ok(), ..Seen::default() };
    assert_eq!(told.averages_over(), Some(Duration::from_secs(300)));
    checked("", Seen::default());
    checked("", average("91"));
    checked("binance.percent_price", average("90"));
    checked("", Seen { open_orders: 1, ..Seen::default() });
    checked("binance.max_num_orders", Seen { open_orders: 2, ..Seen::default() });
    let holds = |position: &str, open_buys: &str| Seen {
        position: position.parse().ok(),
        open_buys: open_buys.parse().unwrap(),
        ..Seen::default()
    };
    checked("", holds("30", "10"));
    checked("binance.max_position", holds("30", "10.1"));
    // What the venue refuses is refused to an order that reduces, too.
    check("binance.order_type", |c| {
        c.venue_rules = Some((told.clone(), Seen::default()));
        c.request.order_type = OrderType::Market;
        (c.request.price, c.request.time_in_force) = (None, TimeInForce::Ioc);
        c.position = "-20";
    });
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
    check("", |c| {
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

/// Makes the order of the table one for a value.
fn by_value(case: &mut Case, value: &str) {
    case.venue = Some(Capabilities { quote_quantity: true, ..CAPABILITIES });
    case.request = OrderRequest {
        quote_quantity: value.parse().ok(),
        ..OrderRequest::market(instrument(), Side::Buy, Quantity::ZERO)
    };
}

#[test]
fn an_order_by_value_says_it_alone_and_is_judged_by_it() {
    check("", |c| by_value(c, "1000"));
    check("order.quote_quantity", |c| {
        by_value(c, "1000");
        c.request.quantity = "0.001".parse().unwrap();
    });
    check("order.quote_quantity", |c| {
        by_value(c, "1000");
        (c.request.order_type, c.request.price) = (OrderType::Limit, "100".parse().ok());
    });
    check("order.quote_quantity", |c| by_value(c, "0"));
    check("order.quote_quantity", |c| {
        by_value(c, "1000");
        c.request.parent = Some(messages::OrderId::of_key("a".parse().unwrap(), "parent"));
        c.request.contingency = Some(Contingency::Oto);
    });
    check("risk.unknown_value", |c| {
        by_value(c, "1000");
        c.quoted = false;
    });
    // At an ask of 100.01.
    check("", |c| {
        by_value(c, "1000.1");
        c.limits.max_order_quantity = "10".parse().unwrap();
    });
    check("risk.max_quantity", |c| {
        by_value(c, "1000.2");
        c.limits.max_order_quantity = "10".parse().unwrap();
    });
    check("instrument.max_quantity", |c| by_value(c, "100011"));
    check("instrument.min_quantity", |c| by_value(c, "9"));
    check("", |c| by_value(c, "5000"));
    check("risk.max_notional", |c| by_value(c, "5000.01"));
    check("risk.max_position", |c| {
        by_value(c, "1000");
        c.position = "71";
    });
    check("risk.buying_power", |c| {
        by_value(c, "1000.01");
        c.kind = AccountKind::Cash;
    });
    check("risk.unusual_size", |c| {
        by_value(c, "1000");
        (c.limits.max_size_ratio, c.usual) = (5, Some("1.9"));
    });
    // The price at which it fills may make it more than the position.
    check("risk.reducing", |c| {
        by_value(c, "1000");
        (c.trading, c.position) = (TradingState::Reducing, "-20");
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
    check("risk.order_rate", |c| c.recent = (2, 2));
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

/// Makes the order of the table one that only reduces: what stops new risk lets it pass.
fn reduces(case: &mut Case) {
    case.position = "-10";
}

#[test]
fn a_position_is_limited_per_strategy_and_account() {
    check("risk.max_position_quantity", |c| {
        (c.limits.max_position_quantity, c.position) = ("15".parse().unwrap(), "6")
    });
    check("", |c| (c.limits.max_position_quantity, c.position) = ("15".parse().unwrap(), "5"));
    check("risk.account_position_quantity", |c| {
        (c.limits.max_account_position_quantity, c.all) = ("15".parse().unwrap(), ("5", "1", "0", 0));
    });
    check("risk.account_position", |c| {
        (c.limits.max_account_position_notional, c.all) = ("1500".parse().unwrap(), ("0", "6", "0", 0));
    });
    // Another strategy is short: the account nets both.
    check("", |c| {
        (c.limits.max_account_position_notional, c.all) = ("1500".parse().unwrap(), ("-6", "6", "0", 0));
    });
    check("", |c| {
        (c.limits.max_account_position_notional, c.all) = ("1500".parse().unwrap(), ("90", "0", "0", 0));
        reduces(c);
    });
}

#[test]
fn exposure_is_limited_per_strategy_and_account() {
    let limit = || "1000".parse().unwrap();
    check("risk.gross_exposure", |c| (c.limits.max_gross_exposure, c.totals) = (limit(), Some(["1001", "0", "0"])));
    check("", |c| (c.limits.max_gross_exposure, c.totals) = (limit(), Some(["1000", "0", "0"])));
    check("risk.net_exposure", |c| (c.limits.max_net_exposure, c.totals) = (limit(), Some(["5000", "1001", "0"])));
    // What goes towards zero is no new exposure, however large the other side is.
    check("", |c| (c.limits.max_net_exposure, c.totals) = (limit(), Some(["5000", "-3000", "0"])));
    check("risk.account_gross", |c| {
        (c.limits.account.max_gross_exposure, c.totals) = (limit(), Some(["1001", "0", "0"]));
    });
    check("risk.account_net", |c| {
        (c.limits.account.max_net_exposure, c.totals) = (limit(), Some(["1001", "1001", "0"]));
    });
    check("risk.unknown_value", |c| (c.limits.account.max_gross_exposure, c.totals) = (limit(), Some(["?", "1", "1"])));
    check("", |c| {
        (c.limits.account.max_gross_exposure, c.totals) = (limit(), Some(["9999", "0", "0"]));
        reduces(c);
    });
}

#[test]
fn leverage_is_gross_exposure_over_what_the_account_is_worth() {
    let leverage = |c: &mut Case, gross, equity| {
        (c.limits.account.max_leverage_percent, c.totals, c.equity) = (150, Some([gross, "0", "0"]), equity);
    };
    check("", |c| leverage(c, "1500", Some("1000")));
    check("risk.leverage", |c| leverage(c, "1500.000000001", Some("1000")));
    check("risk.leverage", |c| leverage(c, "0", Some("0")));
    check("risk.unknown_value", |c| leverage(c, "1500", None));
    check("", |c| {
        leverage(c, "9999", Some("1"));
        reduces(c);
    });
}

#[test]
fn losses_that_are_limited_must_be_known() {
    let limited = |c: &mut Case| c.limits.account.max_daily_loss_percent = 5;
    check("risk.unknown_value", limited);
    check("risk.unknown_value", |c| c.limits.account.max_drawdown_percent = 5);
    check("", |c| {
        limited(c);
        c.equity = Some("1000");
    });
    check("", |c| {
        limited(c);
        reduces(c);
    });
    check("risk.unknown_value", |c| {
        limited(c);
        reduces(c);
        c.limits.account.on_loss = TradingState::Halted;
    });
}

#[test]
fn one_symbol_has_its_share_once_there_is_something_to_share() {
    let share = |c: &mut Case, gross, symbol| {
        c.limits.account.max_concentration_percent = 40;
        c.limits.account.concentration_above = "1000".parse().unwrap();
        c.totals = Some([gross, "0", symbol]);
    };
    check("", |c| share(c, "1000", "1000"));
    check("", |c| share(c, "2000", "800"));
    check("risk.concentration", |c| share(c, "2000", "800.1"));
    check("risk.unknown_value", |c| share(c, "?", "800"));
}

#[test]
fn fat_fingers_are_stopped() {
    let price = |c: &mut Case, price: &str| {
        (c.limits.max_price_distance_percent, c.request.price) = (10, price.parse().ok());
    };
    check("", |c| price(c, "90"));
    check("risk.price_distance", |c| price(c, "89.99"));
    check("risk.price_distance", |c| {
        price(c, "100");
        (c.request.order_type, c.request.stop_price) = (OrderType::StopLimit, "111".parse().ok());
    });
    check("risk.price_distance", |c| {
        price(c, "89.99");
        reduces(c);
    });
    check("", |c| (c.limits.max_size_ratio, c.usual) = (5, Some("2")));
    check("risk.unusual_size", |c| (c.limits.max_size_ratio, c.usual) = (5, Some("1.9")));
    check("", |c| (c.limits.max_size_ratio, c.usual) = (5, None));
    check("risk.duplicate", |c| c.same_ago = Some(Duration::from_millis(1)));
    check("", |c| {
        c.same_ago = Some(Duration::from_millis(1));
        reduces(c);
    });
}

#[test]
fn the_account_has_rates_and_counts_of_its_own() {
    check("risk.account_order_rate", |c| (c.limits.account.max_orders_per_second, c.recent) = (4, (1, 4)));
    check("", |c| (c.limits.account.max_orders_per_second, c.recent) = (4, (1, 3)));
    check("risk.account_open_orders", |c| (c.limits.account.max_open_orders, c.all) = (4, ("0", "0", "0", 4)));
    check("", |c| (c.limits.account.max_open_orders, c.all) = (4, ("0", "0", "0", 3)));
    check("", |c| {
        (c.limits.account.max_open_orders, c.all, c.open) = (4, ("0", "0", "0", 4), ("0", "0", 3));
        reduces(c);
    });
}

#[test]
fn nothing_passes_before_the_books_agree_and_then_what_reduces() {
    check("risk.reconciling", |c| c.waits = Some(Waits::Books));
    check("risk.reconciling", |c| {
        c.waits = Some(Waits::Books);
        reduces(c);
    });
    check("risk.reconciling", |c| c.waits = Some(Waits::Accept));
    check("", |c| {
        c.waits = Some(Waits::Accept);
        reduces(c);
    });
}

#[test]
fn latches_stop_new_risk_alone() {
    let fell = || Fallen { why: "it was too much".to_owned(), at: UtcNanos(0) };
    let fall = |c: &mut Case| drop(c.latches.insert((Latch::Drawdown, None), fell()));
    check("risk.latched", |c| drop(c.latches.insert((Latch::DailyLoss, "a".parse().ok()), fell())));
    check("", |c| drop(c.latches.insert((Latch::DailyLoss, "b".parse().ok()), fell())));
    check("risk.latched", fall);
    check("", |c| {
        fall(c);
        reduces(c);
    });
}

#[test]
fn times_and_instruments_that_do_not_trade_are_respected() {
    let blackout = |text: &str| limits::Limits { blackouts: vec![text.to_owned().try_into().unwrap()], ..limits() };
    check("risk.blackout", |c| c.limits = blackout("11:55-12:05"));
    check("", |c| c.limits = blackout("12:05-12:10"));
    check("", |c| {
        c.limits = blackout("11:55-12:05");
        reduces(c);
    });
    let equities = |c: &mut Case, now| {
        (c.limits.session, c.now) = (SessionRule::Regular, now);
        c.rules.as_mut().unwrap().sessions = messages::instrument::Sessions::UsEquities;
    };
    check("risk.session", |c| equities(c, "2026-11-24T12:00:00Z"));
    check("", |c| equities(c, "2026-11-24T15:00:00Z"));
    check("", |c| {
        equities(c, "2026-11-24T12:00:00Z");
        reduces(c);
    });
    check("", |c| c.limits.session = SessionRule::Regular);
    check("instrument.halted", |c| c.status = InstrumentStatus::Halted);
    // What its venue does not take is no question of risk.
    check("instrument.cancel_only", |c| {
        c.status = InstrumentStatus::CancelOnly;
        reduces(c);
    });
}
