//! What a reconciliation finds and enters, and what latches count of it.

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

/// An account whose losses are limited, in which somebody buys seven by hand while no price is known; and the prices.
fn bought_without_a_price(mut pair: Pair) -> (Pair, ByInstrument<Prices>) {
    pair.bench.limit_account(LimitName::MaxDailyLossPercent, "5");
    pair.wait(2);
    let prices = std::mem::take(&mut pair.bench.orders.prices);
    pair.venue.move_by(Side::Buy, "7".parse().unwrap());
    (pair, prices)
}

fn check_entered(pair: &Pair, outcome: Ended, entries: &[&str], day_began_with: Option<&str>) {
    let entered: Vec<String> = pair.last().entries.iter().map(ToString::to_string).collect();
    assert_eq!((pair.last().outcome, entered.join(", ")), (outcome, entries.join(", ")));
    let began_with = pair.bench.orders.watch.losses.day_began_with();
    assert_eq!(began_with, day_began_with.map(|value| value.parse().unwrap()), "the day's first value");
}

#[test]
fn an_asset_without_a_price_is_entered_once_it_has_one_and_losses_are_counted_on() {
    let (mut pair, prices) = bought_without_a_price(began());
    pair.ask(begin()).unwrap();
    pair.wait(10);
    check_entered(&pair, Ended::Unsettled, &["simulated:A 7 under manual at 100", "-701 USD"], Some("99299"));
    pair.bench.orders.prices = prices;
    pair.ask(begin()).unwrap();
    pair.wait(2);
    check_entered(&pair, Ended::Settled, &["7 A"], Some("99999"));
    pair.check_agreed();
}

#[test]
fn the_first_price_may_be_on_its_way() {
    let (mut pair, prices) = bought_without_a_price(began());
    pair.ask(begin()).unwrap();
    pair.wait(3);
    pair.bench.orders.prices = prices;
    pair.wait(2);
    check_entered(&pair, Ended::Settled, &["simulated:A 7 under manual at 100", "7 A", "-701 USD"], Some("99999"));
}

#[test]
fn where_nothing_can_be_lost_yet_nothing_waits_for_a_price() {
    let (mut pair, _) = bought_without_a_price(Pair::new());
    pair.connect();
    pair.wait(2);
    check_entered(&pair, Ended::Settled, &["simulated:A 7 under manual at 100", "7 A", "99299 USD"], None);
    assert_eq!(pair.waits(), None);
    pair.check_agreed();
}

/// What people were told.
fn told(pair: &Pair) -> Vec<&str> {
    let effects = pair.bench.effects.iter();
    effects.filter_map(|effect| if let Effect::Alert(text) = effect { Some(text.as_str()) } else { None }).collect()
}

#[test]
fn what_an_account_begins_with_is_told_as_that_and_is_no_alarm() {
    let mut pair = Pair::new();
    pair.venue.position = "7".parse().unwrap();
    pair.connect();
    pair.wait(2);
    let opening = "the account held this before us, which is entered as its opening and counts as paid in: \
         simulated:A 7 under manual at 100, 7 A, 100000 USD; \
         what is under manual is kept until `merganser flatten --strategy manual` closes it; \
         `merganser reconcile --show` has all of it";
    assert_eq!(told(&pair), [opening]);
    assert_eq!((pair.bench.orders.counters().alarms, pair.waits()), (0, None));
    pair.check_agreed();
    // What comes later is what nobody here can explain, over a start, too.
    pair.venue.move_by(Side::Buy, "1".parse().unwrap());
    pair.ask(begin()).unwrap();
    pair.wait(2);
    assert_eq!(pair.bench.orders.counters().alarms, 1);
    assert!(told(&pair)[1].starts_with("our books and the venue's: "), "{:?}", told(&pair));
    pair.venue.move_by(Side::Buy, "1".parse().unwrap());
    let asks = pair.bench.restart();
    pair.exchange(asks);
    pair.connect();
    pair.wait(2);
    assert_eq!((pair.bench.orders.counters().alarms, told(&pair).len()), (1, 3));
}

/// As in a directory from before books were held against the venue's: a fill of that order may have been missed.
#[test]
fn what_differs_where_an_order_of_ours_has_left_is_an_alarm_at_the_first_look_too() {
    let mut pair = Pair::new();
    pair.bench.orders.reconciling.waits = None;
    let name = pair.place("buy", 7);
    pair.venue.orders.get_mut(&name).unwrap().end = Some(ReportKind::Canceled);
    pair.report(name, ReportKind::Canceled);
    pair.venue.position = "7".parse().unwrap();
    pair.connect();
    pair.wait(2);
    let holdings = [DifferenceKind::Position, DifferenceKind::Balance];
    assert!(pair.kinds().iter().all(|(kind, settled)| *settled && holdings.contains(kind)), "{:?}", pair.kinds());
    assert_eq!(pair.bench.orders.counters().alarms, 1);
    let said = told(&pair);
    assert!(said.len() == 1 && said[0].starts_with("our books and the venue's: "), "{said:?}");
    pair.check_agreed();
}

#[test]
fn somebody_elses_order_is_an_alarm_at_the_first_look_too() {
    let mut pair = Pair::new();
    elsewhere(&mut pair, 1);
    pair.connect();
    assert_eq!(pair.kinds(), [(DifferenceKind::ForeignOrder, true), (DifferenceKind::Balance, true)]);
    assert_eq!(pair.bench.orders.counters().alarms, 1);
}
