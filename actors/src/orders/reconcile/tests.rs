//! One row per way in which the two sides may differ.

use std::collections::BTreeMap;

use messages::account::{
    AccountSnapshot, Difference, DifferenceKind, OpeningEntry, VenueBalance, VenueFill, VenueOrder, VenuePosition,
};
use messages::instrument::{Rules, Sessions};
use messages::orders::{Attempt, Order, OrderRequest, OrderType, Side, Status, TimeInForce};
use messages::{Cash, CorrelationId, Exchange, Instrument, Notional, OrderId, Price, Quantity, StrategyId, UtcNanos};

use super::holdings::{self, Gap, Held};
use super::orders::compare;

const ASKED: UtcNanos = UtcNanos(1_000);

fn instrument() -> Instrument {
    Instrument { exchange: Exchange::Alpaca, symbol: "AAPL".parse().unwrap() }
}

fn number(text: &str) -> Quantity {
    text.parse().unwrap()
}

/// An accepted order of 10 at 100 of which some is filled, last heard of before the question.
fn ours(filled: &str) -> Order {
    let price = "100".parse().unwrap();
    let client_order_id = "t-1-1".parse().unwrap();
    Order {
        order_id: OrderId::of_key("test".parse().unwrap(), "1"),
        account: "test".parse().unwrap(),
        strategy: "a".parse().unwrap(),
        client_order_id,
        request: OrderRequest::limit(instrument(), Side::Buy, number("10"), price),
        status: Status::Accepted,
        filled: number(filled),
        filled_notional: Notional::ZERO,
        acknowledged: true,
        triggered: false,
        attempts: vec![Attempt {
            client_order_id,
            venue_order_id: "v1".parse().ok(),
            since: UtcNanos(0),
            confirmed: true,
        }],
        replacing: None,
        reason: None,
        reason_text: String::new(),
        created_at: UtcNanos(1),
        submitted_at: Some(UtcNanos(1)),
        updated_at: UtcNanos(2),
        filled_at: None,
        commission: None,
        correlation_id: CorrelationId(OrderId::of_key("test".parse().unwrap(), "1").0),
        as_of: 1,
    }
}

fn theirs(filled: &str) -> VenueOrder {
    VenueOrder {
        client_order_id: "t-1-1".to_owned(),
        venue_order_id: "v1".parse().unwrap(),
        instrument: instrument(),
        side: Side::Buy,
        order_type: Some(OrderType::Limit),
        time_in_force: Some(TimeInForce::Gtc),
        quantity: Some(number("10")),
        price: "100".parse().ok(),
        stop_price: None,
        filled: number(filled),
        filled_notional: None,
        status: "new".to_owned(),
    }
}

fn execution(key: &str, cumulative: &str) -> VenueFill {
    VenueFill {
        venue_order_id: "v1".parse().unwrap(),
        instrument: instrument(),
        side: Side::Buy,
        execution_id: key.parse().unwrap(),
        price: "100".parse().unwrap(),
        quantity: number("1"),
        cumulative: cumulative.parse().ok(),
        liquidity: None,
        fee: None,
        executed_at: UtcNanos(5),
    }
}

fn snapshot(open: Vec<VenueOrder>, fills: Vec<VenueFill>) -> AccountSnapshot {
    AccountSnapshot {
        account: "test".parse().unwrap(),
        asked: ASKED,
        time: ASKED,
        open,
        fills,
        positions: None,
        balances: Vec::new(),
        missing: Vec::new(),
    }
}

/// What is found of one order of ours, which knows the fill `x`.
fn check(order: Order, open: Vec<VenueOrder>, fills: Vec<VenueFill>, expected: Option<DifferenceKind>) {
    let said = snapshot(open, fills);
    let found = compare(&[&order], |_, fill| fill.execution_id.as_str() == "x", &said);
    let kinds: Vec<DifferenceKind> = found.doubts.values().map(|doubt| doubt.kind).collect();
    assert_eq!(kinds, Vec::from_iter(expected), "{found:?}");
    assert!(found.foreign_orders.is_empty() && found.foreign_fills.is_empty());
}

#[test]
fn open_orders_agree_or_are_asked_about() {
    use DifferenceKind::{MissedFill, MoreFilledHere, NotOpenThere, OpenThere, Terms};
    check(ours("0"), vec![theirs("0")], vec![], None);
    check(ours("4"), vec![theirs("4")], vec![], None);
    check(ours("0"), vec![theirs("4")], vec![], Some(MissedFill));
    check(ours("4"), vec![theirs("3")], vec![], Some(MoreFilledHere));
    check(ours("0"), vec![], vec![], Some(NotOpenThere));
    check(Order { status: Status::Canceled, ..ours("0") }, vec![theirs("0")], vec![], Some(OpenThere));
    check(Order { status: Status::Canceled, ..ours("0") }, vec![], vec![], None);
    let dearer = || VenueOrder { price: "101".parse().ok(), ..theirs("0") };
    check(ours("0"), vec![dearer()], vec![], Some(Terms));
    check(ours("0"), vec![VenueOrder { quantity: Some(number("8")), ..theirs("0") }], vec![], Some(Terms));
    let stop = || OrderRequest { price: None, stop_price: "100".parse().ok(), ..ours("0").request };
    check(Order { request: stop(), ..ours("0") }, vec![dearer()], vec![], None);
    let replacing = messages::orders::Replacement { quantity: None, price: "101".parse().ok(), stop_price: None };
    check(Order { replacing: Some(replacing), ..ours("0") }, vec![dearer()], vec![], None);
    // Behind a replacement its quantity may be counted from there or from the beginning; what is neither is another.
    let mut replaced = ours("4");
    replaced.attempts.push(Attempt { client_order_id: "t-1-1-r1".parse().unwrap(), ..replaced.attempts[0] });
    let counted = |all: &str, filled: &str| VenueOrder { quantity: Some(number(all)), ..theirs(filled) };
    check(replaced.clone(), vec![counted("6", "0")], vec![], None);
    check(replaced.clone(), vec![counted("10", "0")], vec![], None);
    check(replaced.clone(), vec![counted("9", "4")], vec![], Some(Terms));
    // Under the venue's id, where somebody there gave it another name.
    check(ours("0"), vec![VenueOrder { client_order_id: "x".to_owned(), ..theirs("0") }], vec![], None);
}

#[test]
fn what_came_after_the_question_is_no_difference() {
    check(Order { created_at: ASKED, updated_at: ASKED, ..ours("0") }, vec![], vec![], None);
    check(Order { status: Status::Held, ..ours("0") }, vec![], vec![], None);
    check(Order { updated_at: ASKED, ..ours("4") }, vec![theirs("3")], vec![], None);
    check(Order { status: Status::Filled, updated_at: ASKED, ..ours("10") }, vec![theirs("3")], vec![], None);
}

#[test]
fn a_fill_is_known_by_its_key_or_its_count() {
    use DifferenceKind::MissedFill;
    let ended = |filled| Order { status: Status::Canceled, ..ours(filled) };
    check(ended("1"), vec![], vec![execution("x", "")], None);
    check(ended("1"), vec![], vec![execution("y", "1")], None);
    check(ended("1"), vec![], vec![execution("y", "2")], Some(MissedFill));
    check(ended("1"), vec![], vec![execution("y", "")], Some(MissedFill));
    // Behind a replacement the venue may count anew.
    let mut replaced = ended("3");
    replaced.attempts.push(Attempt { client_order_id: "t-1-1-r1".parse().unwrap(), ..replaced.attempts[0] });
    check(replaced, vec![], vec![execution("y", "2")], Some(MissedFill));
}

#[test]
fn orders_of_two_symbols_may_have_one_number() {
    let ended = || Order { status: Status::Canceled, ..ours("0") };
    let (order, mut other) = (ended(), ended());
    other.order_id = OrderId::of_key("test".parse().unwrap(), "2");
    other.request.instrument.symbol = "SPY".parse().unwrap();
    other.attempts[0].client_order_id = "t-1-2".parse().unwrap();
    let said = snapshot(vec![], vec![execution("y", "")]);
    let found = compare(&[&order, &other], |_, _| false, &said);
    assert_eq!(found.doubts.keys().collect::<Vec<_>>(), [&order.order_id]);
}

#[test]
fn what_is_of_no_order_of_ours_is_told() {
    let foreign =
        VenueOrder { client_order_id: "a person's".to_owned(), venue_order_id: "v9".parse().unwrap(), ..theirs("0") };
    let fill = VenueFill { venue_order_id: "v9".parse().unwrap(), ..execution("z", "1") };
    let said = snapshot(vec![foreign.clone()], vec![fill.clone()]);
    let found = compare(&[], |_, _| false, &said);
    assert_eq!((found.foreign_orders, found.foreign_fills), (vec![&foreign], vec![&fill]));
}

fn rules() -> BTreeMap<Instrument, Rules> {
    let rules = Rules {
        instrument: instrument(),
        base: "AAPL".parse().unwrap(),
        quote: "USD".parse().unwrap(),
        price_step: Price::ZERO,
        quantity_step: Quantity::ZERO,
        min_quantity: Quantity::ZERO,
        max_quantity: Quantity::ZERO,
        min_notional: Cash::ZERO,
        sessions: Sessions::AroundTheClock,
    };
    [(instrument(), rules)].into()
}

/// Holds a position and balances here against those there; what differs, as `subject: here and there`.
fn gaps(
    position: &str,
    balances: &[(&str, &str)],
    positions: Option<Vec<VenuePosition>>,
    there: &[(&str, &str, &str)],
) -> (Vec<String>, Vec<Gap>) {
    let positions_here = [(instrument(), number(position))].into();
    let balances = balances.iter().map(|(asset, total)| (asset.parse().unwrap(), total.parse().unwrap())).collect();
    let balance = |(asset, free, locked): &(&str, &str, &str)| VenueBalance {
        asset: asset.parse().unwrap(),
        free: free.parse().unwrap(),
        locked: locked.parse().unwrap(),
    };
    let balances_there = there.iter().map(balance).collect();
    let said = AccountSnapshot { positions, balances: balances_there, ..snapshot(vec![], vec![]) };
    let rules = rules();
    let held = Held { positions: &positions_here, balances: &balances, rules: &rules };
    let (gaps, unknown) = holdings::compare(held, &said);
    let words = |d: Difference| format!("{}: {}", d.subject, d.text);
    (gaps.iter().map(Gap::difference).chain(unknown).map(words).collect(), gaps)
}

fn at(symbol: &str, quantity: &str, price: Option<&str>) -> VenuePosition {
    let instrument = Instrument { exchange: Exchange::Alpaca, symbol: symbol.parse().unwrap() };
    let average_entry = price.map(|price| price.parse().unwrap());
    VenuePosition { instrument, quantity: number(quantity), average_entry }
}

#[test]
fn positions_and_what_follows_from_them_agree_or_are_entered() {
    let held = [("AAPL", "5"), ("USD", "900")];
    let (none, _) = gaps("5", &held, Some(vec![at("AAPL", "5", None)]), &[("USD", "900", "0")]);
    assert!(none.is_empty(), "{none:?}");
    let (told, found) = gaps("5", &held, Some(vec![at("AAPL", "8", Some("101"))]), &[("USD", "900", "0")]);
    assert_eq!(told, ["alpaca:AAPL: 5 here and 8 there", "AAPL: 5 here and 8 there"]);
    let mark = "103".parse().ok();
    let entries: Vec<String> =
        found.iter().map(|gap| gap.entry(Quantity::ZERO, mark, |_, _| None).unwrap().to_string()).collect();
    assert_eq!(entries, ["alpaca:AAPL 3 under manual at 103", "3 AAPL"]);
    let (told, _) = gaps("5", &held, Some(vec![at("MSFT", "2", None)]), &[("USD", "900", "0")]);
    assert_eq!(told.len(), 3, "the position is gone, and its asset, and one has no name here: {told:?}");
}

#[test]
fn a_market_of_assets_says_all_its_balances() {
    let (told, found) = gaps("0", &[("BTC", "1"), ("BNB", "2")], None, &[("BTC", "0.4", "0.5"), ("USDT", "7", "0")]);
    assert_eq!(told, ["BNB: 2 here and 0 there", "BTC: 1 here and 0.9 there", "USDT: unknown here and 7 there"]);
    let change = |gap: &Gap| gap.entry(Quantity::ZERO, None, |_, _| None).unwrap().to_string();
    assert_eq!(found.iter().map(change).collect::<Vec<_>>(), ["-2 BNB", "-0.1 BTC", "7 USDT"]);
}

#[test]
fn what_is_opened_has_a_price_and_what_is_closed_needs_none() {
    let gap = |here, there, price: Option<&str>| Gap::Position {
        instrument: instrument(),
        here: number(here),
        there: number(there),
        price: price.map(|price| price.parse().unwrap()),
    };
    let entered = |gap: Gap, own: &str, mark: Option<&str>| {
        gap.entry(number(own), mark.map(|mark| mark.parse().unwrap()), |_, _| None).map(|entry| match entry {
            OpeningEntry::Position { change, price, strategy, .. } => {
                assert_eq!(strategy, StrategyId::manual());
                (change.to_string(), price.map(|price| price.to_string()))
            }
            OpeningEntry::Balance { .. } => panic!("a balance"),
        })
    };
    let made = |change: &str, price: Option<&str>| Some((change.to_owned(), price.map(str::to_owned)));
    assert_eq!(entered(gap("0", "5", Some("101")), "0", Some("99")), made("5", Some("101")));
    assert_eq!(entered(gap("0", "5", None), "0", Some("99")), made("5", Some("99")));
    assert_eq!(entered(gap("0", "5", None), "0", None), None, "nobody says what it cost");
    // 100 of a strategy at 90 and 10 by hand at 120: the average of all is what neither cost.
    let beside = || gap("100", "110", Some("92.7"));
    assert_eq!(entered(beside(), "0", Some("120")), made("10", Some("120")));
    assert_eq!(entered(beside(), "0", None), None, "nor does the average say it");
    assert_eq!(entered(gap("-100", "-110", Some("92.7")), "0", Some("80")), made("-10", Some("80")));
    assert_eq!(entered(gap("100", "90", Some("92.7")), "0", Some("120")), made("-10", Some("120")), "sold by hand");
    assert_eq!(entered(gap("5", "2", None), "5", None), made("-3", None));
    assert_eq!(entered(gap("5", "2", Some("101")), "5", Some("99")), made("-3", Some("99")), "what it is worth");
    assert_eq!(entered(gap("5", "-2", Some("90")), "5", Some("99")), made("-7", Some("90")), "all of it is theirs");
}
