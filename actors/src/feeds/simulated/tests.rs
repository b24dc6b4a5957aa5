//! The simulated market is the same every time, and looks like a market.

use messages::UtcNanos;
use messages::market::{FeedItem, Source, Tick, TickBody};

use super::{Simulated, SimulatedSymbol};

const START: UtcNanos = UtcNanos(1_700_000_000_000_000_000);

fn symbol(name: &str, price: &str) -> SimulatedSymbol {
    SimulatedSymbol {
        symbol: name.parse().unwrap(),
        price: price.parse().unwrap(),
        price_step: "0.01".parse().unwrap(),
        size_step: "0.00001".parse().unwrap(),
        volatility_bps: 5,
        trades_per_sec: 5,
        quotes_per_sec: 20,
    }
}

fn ticks(seed: u64, symbols: &[SimulatedSymbol], count: usize) -> Vec<Tick> {
    let mut market = Simulated::new(seed, symbols, START).unwrap();
    let mut next = || {
        let due = market.next_time();
        let batch = market.next_batch();
        assert_eq!((batch.received, batch.source, batch.items.len()), (due, Source::Simulated, 1));
        match batch.items[0] {
            FeedItem::Tick(tick) => {
                assert_eq!(tick.time, due);
                tick
            }
            ref other => panic!("{other:?}"),
        }
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn the_same_seed_gives_the_same_market() {
    let symbols = [symbol("SIMBTC", "60000"), symbol("SIMETH", "3000")];
    let first = ticks(1, &symbols, 5_000);
    assert_eq!(first, ticks(1, &symbols, 5_000));
    assert_ne!(first, ticks(2, &symbols, 5_000));
    assert!(first.iter().any(|t| t.instrument.symbol.as_str() == "SIMETH"));
}

#[test]
fn quotes_do_not_cross_and_trades_meet_them() {
    let setup = symbol("SIMBTC", "60000");
    let (mut touch, mut last, mut ids) = (None, START, [0, 0]);
    for tick in ticks(3, std::slice::from_ref(&setup), 50_000) {
        assert!(tick.time > last);
        last = tick.time;
        let kind = usize::from(matches!(tick.body, TickBody::Trade { .. }));
        assert!(tick.sequence > Some(ids[kind]), "ids rise");
        ids[kind] = tick.sequence.unwrap();
        match tick.body {
            TickBody::Quote { bid: Some(bid), ask: Some(ask) } => {
                assert!(bid.price < ask.price && bid.price.is_positive());
                assert!(bid.price.is_multiple_of(setup.price_step) && ask.price.is_multiple_of(setup.price_step));
                assert!(bid.size.is_positive() && ask.size.is_positive());
                touch = Some([bid, ask]);
            }
            TickBody::Trade { price, size, aggressor: Some(side), .. } => {
                let [bid, ask] = touch.expect("a quote comes first");
                let level = if side == messages::orders::Side::Buy { ask } else { bid };
                assert!(price == level.price && size.is_positive() && size <= level.size);
            }
            other => panic!("{other:?}"),
        }
    }
    // Ids are counted from the start's microseconds and slower than time: a later start goes on.
    assert!(ids.iter().all(|id| *id <= last.micros()));
}

#[test]
fn a_day_stays_sensible_and_has_the_rates_asked_for() {
    let setup = SimulatedSymbol { quotes_per_sec: 2, trades_per_sec: 1, ..symbol("SIMBTC", "60000") };
    let all = ticks(4, &[setup], 86_400 * 3);
    let hours = all.last().unwrap().time.since(START) / 3_600_000_000_000;
    assert!((22..=26).contains(&hours), "{hours} hours");
    let trades: Vec<_> = all
        .iter()
        .filter_map(|t| match t.body {
            TickBody::Trade { price, .. } => Some(price),
            TickBody::Quote { .. } => None,
        })
        .collect();
    let (low, high) = (trades.iter().min().unwrap(), trades.iter().max().unwrap());
    println!("{} trades, {low} to {high}", trades.len());
    assert!((80_000..=93_000).contains(&trades.len()));
    assert!(*low > "55000".parse().unwrap() && *high < "65000".parse().unwrap());
    assert!(high.checked_sub(*low).unwrap() > "100".parse().unwrap(), "the price moves");
}

#[test]
fn setups_that_make_no_market_are_refused() {
    fn check(field: &str, change: impl Fn(&mut SimulatedSymbol)) {
        let mut setup = symbol("SIM", "100");
        change(&mut setup);
        assert_eq!(Simulated::new(1, &[setup], START).unwrap_err().field, field);
    }
    check("price_step", |s| s.price_step = "0".parse().unwrap());
    check("price", |s| s.price = "0.1".parse().unwrap());
    check("size_step", |s| s.size_step = "-1".parse().unwrap());
    check("volatility_bps", |s| s.volatility_bps = 1_001);
    check("quotes_per_sec", |s| s.quotes_per_sec = 0);
    check("trades_per_sec", |s| s.trades_per_sec = 1_000_001);
    let mut silent = Simulated::new(1, &[], START).unwrap();
    assert_eq!((silent.next_time(), silent.next_batch().items.len()), (UtcNanos::MAX, 0));
}
