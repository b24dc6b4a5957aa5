//! The exchange's invariants under random orders and markets, and the manners in which houses differ.

use proptest::prelude::*;

use super::super::standard;
use super::order::Amount;
use super::*;

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn limit(side: Side, quantity: &str, price: &str) -> Terms {
    Terms {
        symbol: "BTCUSDT".to_owned(),
        side,
        amount: Amount::Base(number(quantity)),
        limit: Some(number(price)),
        trigger: None,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
    }
}

fn exchange() -> Exchange {
    let mut exchange = Exchange::new(super::super::binance::RULES, standard::binance_instruments(), 0);
    let account = exchange.accounts.entry("main".to_owned()).or_default();
    account.add("USDT", number("100000"));
    account.add("BTC", number("2"));
    exchange
}

fn names(exchange: &mut Exchange) -> Vec<String> {
    let name = |event: &Event| format!("{:?}", event.what).split(['(', ' ']).next().unwrap_or_default().to_owned();
    exchange.events().iter().map(name).collect()
}

#[test]
fn a_client_id_may_come_again_only_where_the_venue_lets_it() {
    let mut exchange = exchange();
    let terms = limit(Side::Buy, "0.01", "50000");
    let first = exchange.place("main", "a", &terms, UtcNanos(1)).unwrap();
    assert_eq!(exchange.place("main", "a", &terms, UtcNanos(2)), Err(Refusal::DuplicateId));
    exchange.cancel(first, None, UtcNanos(3)).unwrap();
    assert!(exchange.place("main", "a", &terms, UtcNanos(4)).is_ok());
    exchange.rules.client_ids = ClientIds::Forever;
    exchange.cancel(2, None, UtcNanos(5)).unwrap();
    assert_eq!(exchange.place("main", "a", &terms, UtcNanos(6)), Err(Refusal::DuplicateId));
}

#[test]
fn those_who_wait_begin_when_the_working_order_is_filled_and_one_ends_the_other() {
    let mut exchange = exchange();
    let pair = vec![
        ("up".to_owned(), limit(Side::Sell, "0.01", "61000")),
        (
            "down".to_owned(),
            Terms { trigger: Some(Trigger::Stop(number("58000"))), ..limit(Side::Sell, "0.01", "57900") },
        ),
    ];
    let shape = Shape::Oto(("entry".to_owned(), limit(Side::Buy, "0.01", "59000")), pair);
    exchange.place_list("main", "list", &shape, UtcNanos(1)).unwrap();
    assert_eq!(names(&mut exchange), ["Held", "Held", "New"]);
    exchange.quote("BTCUSDT", number("58999"), number("59000"), UtcNanos(2)).unwrap();
    assert_eq!(names(&mut exchange), ["Fill", "New", "New"]);
    exchange.quote("BTCUSDT", number("61000"), number("61001"), UtcNanos(3)).unwrap();
    assert_eq!(names(&mut exchange), ["Fill", "Expired"]);
    assert_eq!(exchange.open("main").count(), 0);
}

#[test]
fn who_stood_on_the_book_gets_their_price_and_who_comes_gets_the_markets() {
    let mut exchange = exchange();
    let rests = exchange.place("main", "a", &limit(Side::Buy, "0.01", "59500"), UtcNanos(1)).unwrap();
    exchange.quote("BTCUSDT", number("59000"), number("59001"), UtcNanos(2)).unwrap();
    let takes = exchange.place("main", "b", &limit(Side::Buy, "0.01", "59500"), UtcNanos(3)).unwrap();
    let price = |id| exchange.fills(id).map(|f| (f.price, f.maker)).collect::<Vec<_>>();
    assert_eq!(price(rests), [(number("59500"), true)]);
    assert_eq!(price(takes), [(number("59001"), false)]);
}

#[test]
fn a_trade_that_is_taken_back_leaves_no_trace_in_the_money() {
    let mut exchange = exchange();
    let before = exchange.accounts["main"].owned.clone();
    let id = exchange.place("main", "a", &limit(Side::Buy, "0.01", "60100"), UtcNanos(1)).unwrap();
    let trade = exchange.fills(id).next().unwrap().trade;
    assert_ne!(exchange.accounts["main"].owned, before);
    exchange.bust(trade, UtcNanos(2)).unwrap();
    assert_eq!(exchange.accounts["main"].owned, before);
    assert!(exchange.orders[&id].filled.is_zero());
    assert_eq!(exchange.bust(trade, UtcNanos(3)), Err(Refusal::UnknownOrder));
}

#[test]
fn a_trailing_stop_follows_the_best_price_only() {
    let mut exchange = exchange();
    let by = order::Trail::Price(number("1000"));
    let trigger = Some(Trigger::Trail { by, extreme: None, activation: None });
    let terms = Terms { trigger, limit: None, ..limit(Side::Sell, "0.01", "1") };
    let id = exchange.place("main", "a", &terms, UtcNanos(1)).unwrap();
    for (bid, ask) in [("62000", "62000"), ("61500", "61500"), ("61001", "61001")] {
        exchange.quote("BTCUSDT", number(bid), number(ask), UtcNanos(2)).unwrap();
        assert_eq!(exchange.orders[&id].trigger_price(), Some(number("61000")));
        assert!(exchange.orders[&id].lives());
    }
    exchange.quote("BTCUSDT", number("61000"), number("61000"), UtcNanos(3)).unwrap();
    assert_eq!(exchange.orders[&id].state, State::Filled);
}

/// Something that a test does to an exchange.
#[derive(Debug, Clone)]
enum Step {
    Place { buy: bool, lots: i64, price: i64, kind: u8 },
    Cancel(usize),
    Amend(usize, i64),
    Quote(i64),
    Available(Option<i64>),
    EndDay,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), 1..50_000_i64, 55_000..65_000_i64, 0..6_u8)
            .prop_map(|(buy, lots, price, kind)| Step::Place { buy, lots, price, kind }),
        1 => any::<usize>().prop_map(Step::Cancel),
        1 => (any::<usize>(), 1..50_000_i64).prop_map(|(which, lots)| Step::Amend(which, lots)),
        3 => (55_000..65_000_i64).prop_map(Step::Quote),
        1 => proptest::option::of(0..20_000_i64).prop_map(Step::Available),
        1 => Just(Step::EndDay),
    ]
}

fn dollars(whole: i64) -> Price {
    Price::from_raw(whole * 100_000_000).unwrap()
}

fn lots(number: i64) -> Quantity {
    Quantity::from_raw(i128::from(number) * 10_000).unwrap()
}

fn terms_of(buy: bool, many: i64, price: i64, kind: u8) -> Terms {
    let side = if buy { Side::Buy } else { Side::Sell };
    let plain = Terms { amount: Amount::Base(lots(many)), limit: Some(dollars(price)), ..limit(side, "1", "1") };
    match kind {
        0 => Terms { limit: None, ..plain },
        1 => Terms { time_in_force: TimeInForce::Ioc, ..plain },
        2 => Terms { time_in_force: TimeInForce::Fok, ..plain },
        3 => Terms { trigger: Some(Trigger::Stop(dollars(price))), ..plain },
        4 => Terms { time_in_force: TimeInForce::Day, ..plain },
        _ => plain,
    }
}

fn take(exchange: &mut Exchange, number: usize, step: &Step) {
    let at = UtcNanos(i64::try_from(number).unwrap());
    let living = |exchange: &Exchange, which: usize| exchange.open("main").map(|o| o.id).nth(which % 7);
    match *step {
        Step::Place { buy, lots, price, kind } => {
            // A refusal is normal life; what it must not do is checked afterwards.
            let _ = exchange.place("main", &number.to_string(), &terms_of(buy, lots, price, kind), at);
        }
        Step::Cancel(which) => {
            if let Some(id) = living(exchange, which) {
                exchange.cancel(id, Some("c"), at).unwrap();
            }
        }
        Step::Amend(which, many) => {
            if let Some(id) = living(exchange, which) {
                let _ = exchange.amend(id, None, lots(many), at);
            }
        }
        Step::Quote(price) => exchange.quote("BTCUSDT", dollars(price), dollars(price + 1), at).unwrap(),
        Step::Available(much) => exchange.instruments.get_mut("BTCUSDT").unwrap().available = much.map(lots),
        Step::EndDay => exchange.end_day(at),
    }
}

fn balances(exchange: &Exchange) {
    for order in exchange.orders.values() {
        let filled = exchange.fills(order.id).fold(Quantity::ZERO, |sum, f| sum.checked_add(f.quantity).unwrap());
        assert_eq!(order.filled, filled, "order {}", order.id);
        assert!(order.rest().is_none_or(|rest| !rest.is_negative()));
        assert_eq!(order.state == State::Filled, order.rest().is_some_and(|rest| rest.is_zero()));
    }
    let mut again = account::Account::default();
    again.add("USDT", number("100000"));
    again.add("BTC", number("2"));
    for fill in &exchange.executions {
        again.settle(fill, "BTC", "USDT");
    }
    assert_eq!(exchange.accounts["main"].owned, again.owned);
    for balance in exchange.balances("main") {
        assert!(!balance.held.is_negative());
        // A stop without a price of its own may cost more than it held.
        let stops = exchange.orders.values().any(|o| o.terms.trigger.is_some());
        assert!(stops || !balance.free.is_negative(), "{balance:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn fills_add_up_and_money_moves_by_them_only(steps in proptest::collection::vec(step(), 1..80)) {
        let mut exchange = exchange();
        let mut told = 0;
        for (number, step) in steps.iter().enumerate() {
            take(&mut exchange, number, step);
            balances(&exchange);
            for event in exchange.events() {
                told += 1;
                prop_assert_eq!(event.number, told);
            }
        }
    }
}
