//! Which ticks pass, which are dropped, and what is counted.

use messages::market::{EventBody, FeedItem};
use messages::{MarketId, caps};

use super::super::Counters;
use super::*;

/// Feeds the items, one frame each at 1,000 s, and checks how many pass and what is counted.
fn check(items: Vec<FeedItem>, passed: usize, count: fn(&Counters) -> u64, expected: u64) {
    let mut desk = Desk::new();
    let said: usize = items.into_iter().map(|item| desk.feed(1_000_000, vec![item]).len()).sum();
    assert_eq!(said, passed, "passed");
    assert_eq!(count(desk.market.counters()), expected, "{:?}", desk.market.counters());
}

fn correction(mut item: FeedItem) -> FeedItem {
    if let FeedItem::Tick(tick) = &mut item {
        tick.revision = 1;
    }
    item
}

#[test]
fn each_rule_counts_its_own_kind() {
    let t = 1_000_000;
    let day = caps::CLOCK_TOLERANCE.as_millis() as i64;
    let plain = |sequence| trade(t, sequence, "100", "1");
    check(vec![plain(1), plain(2), plain(1)], 2, |c| c.duplicate_trades, 1);
    check(vec![plain(7), plain(3), plain(5), plain(3)], 3, |c| c.duplicate_trades, 1);
    check(vec![quote(t, 5, "1", "2"), quote(t, 5, "1", "2"), quote(t, 4, "1", "2")], 1, |c| c.late_quotes, 2);
    check(vec![quote(t, 5, "2", "1"), quote(t, 6, "2", "2"), quote(t, 7, "", "2")], 3, |c| c.crossed_quotes, 2);
    check(vec![trade(t, 1, "0", "1"), trade(t, 2, "-1", "1")], 0, |c| c.out_of_range, 2);
    check(vec![trade(t, 1, "1", "-1"), quote(t, 1, "-1", "2")], 0, |c| c.out_of_range, 2);
    check(vec![trade(t + day, 1, "1", "0"), trade(t + day + 1, 2, "1", "1")], 1, |c| c.out_of_range, 1);
    check(vec![aggregate(t, 1, "9"), plain(1), aggregate(t, 2, "9"), plain(2)], 3, |c| c.superseded_trades, 1);
    check(vec![plain(1), correction(plain(1)), correction(plain(1))], 3, |c| c.corrections, 2);
}

#[test]
fn a_trade_id_is_remembered_for_the_whole_window_and_no_longer() {
    let mut desk = Desk::new();
    let window = caps::TRADE_ID_WINDOW as i64;
    // The oldest is the highest: age goes by arrival, not by number.
    desk.feed(0, vec![trade(0, 1_000_000, "1", "1")]);
    for sequence in 1..window {
        desk.feed(0, vec![trade(0, sequence, "1", "1")]);
    }
    assert!(desk.feed(0, vec![trade(0, 1_000_000, "1", "1")]).is_empty(), "still in the window");
    desk.feed(0, vec![trade(0, window, "1", "1")]);
    assert_eq!(desk.feed(0, vec![trade(0, 1_000_000, "1", "1")]).len(), 1, "forgotten");
    assert!(desk.feed(0, vec![trade(0, window, "1", "1")]).is_empty());
}

#[test]
fn a_crossed_or_late_quote_is_never_the_last_one() {
    let mut desk = Desk::new();
    desk.feed(10, vec![quote(10, 1, "100", "101")]);
    desk.feed(20, vec![quote(20, 3, "102", "101")]);
    desk.feed(30, vec![quote(30, 2, "99", "101")]);
    let last = desk.market.quote(btc()).unwrap();
    assert_eq!((last.bid, last.id, last.received), (Some(level("100", "1")), MarketId(1), ms(10)));
    assert_eq!(desk.market.last_trade(btc()), None);
}

#[test]
fn the_last_trade_is_the_newest_by_exchange_time() {
    let mut desk = Desk::new();
    desk.feed(10, vec![trade(10, 2, "100", "1")]);
    desk.feed(20, vec![trade(9, 1, "90", "1")]);
    assert_eq!(desk.market.last_trade(btc()).unwrap().price, level("100", "1").price);
    desk.feed(30, vec![trade(10, 3, "110", "1")]);
    assert_eq!(desk.market.last_trade(btc()).unwrap().price, level("110", "1").price);
}

#[test]
fn numbers_rise_over_blocks_and_time_never_falls() {
    let mut desk = Desk { market: Market::new(Settings::default()), out: batch(), said: Vec::new() };
    desk.market.reserve(MarketId(10), MarketId(12));
    desk.market.reserve(MarketId(100), MarketId(200));
    assert_eq!(desk.market.ids_left(), 102);
    desk.feed(50, vec![quote(50, 1, "1", "2"), quote(50, 2, "1", "2"), quote(50, 3, "1", "2")]);
    desk.feed(40, vec![quote(40, 4, "1", "2")]);
    let ids: Vec<u64> = desk.said.iter().flat_map(|b| &b.events).map(|event| event.id.0).collect();
    assert_eq!(ids, [10, 11, 100, 101]);
    assert_eq!(desk.market.ids_left(), 98);
    assert_eq!(desk.said[1].received, ms(50));
    assert_eq!(desk.market.counters().clock_steps_back, 1);
}

#[test]
#[should_panic(expected = "no market id is left")]
fn running_out_of_numbers_is_a_bug() {
    let mut desk = Desk { market: Market::new(Settings::default()), out: batch(), said: Vec::new() };
    desk.market.reserve(MarketId(1), MarketId(2));
    desk.feed(0, vec![quote(0, 1, "1", "2"), quote(0, 2, "1", "2")]);
}

#[test]
#[should_panic(expected = "reserved again")]
fn a_number_is_never_reserved_twice() {
    let mut market = Market::new(Settings::default());
    market.reserve(MarketId(1), MarketId(10));
    market.reserve(MarketId(9), MarketId(20));
}

#[test]
fn gaps_are_numbered_and_passed_on() {
    let mut desk = Desk::new();
    let said = desk.feed(10, vec![gap(GapChannel::Ticks, 0, Some(10))]);
    assert!(matches!(said[..], [EventBody::Gap(_)]));
}
