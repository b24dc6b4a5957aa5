//! When bars close, what is in them, and when they are published again.

use super::*;

/// A desk whose clock offset is zero and that watches since 1,000 s: a trade at once.
fn watching(bars: &[&str]) -> Desk {
    let mut desk = Desk::bars(bars);
    desk.feed(1_000_000, vec![trade(1_000_000, 0, "50", "1")]);
    desk
}

#[test]
fn a_bar_closes_at_its_end_plus_lateness_and_not_before() {
    let mut desk = watching(&["1s"]);
    assert_eq!(lines(&desk.timer(1_001_999)), [""; 0]);
    assert_eq!(desk.market.next_due(), Some(ms(1_002_000)));
    assert_eq!(lines(&desk.timer(1_002_000)), ["1s 1000 50/50/50/50 1 1 r0 incomplete"]);
    assert_eq!(desk.market.next_due(), None);
    desk.feed(1_003_100, vec![trade(1_003_000, 1, "51", "2"), trade(1_003_100, 2, "53", "1")]);
    desk.feed(1_003_200, vec![trade(1_003_050, 3, "49", "1.5")]);
    assert_eq!(lines(&desk.feed(1_005_000, vec![])), ["1s 1003 51/53/49/53 4.5 3 r0"]);
}

#[test]
fn the_venues_clock_decides() {
    let mut desk = Desk::bars(&["1s"]);
    // Our clock is 1,250 ms behind; the second trade took 30 ms longer.
    desk.feed(998_750, vec![trade(1_000_000, 1, "50", "1")]);
    desk.feed(998_800, vec![trade(1_000_020, 2, "51", "1")]);
    assert_eq!(desk.market.clock_offset(Exchange::Binance), Some(1_250 * MS));
    assert_eq!(desk.market.next_due(), Some(ms(1_000_750)));
    // Two buckets later the old estimate is forgotten; in between it stands.
    desk.feed(1_060_000, vec![trade(1_061_000, 3, "50", "1")]);
    assert_eq!(desk.market.clock_offset(Exchange::Binance), Some(1_250 * MS));
    desk.feed(1_090_000, vec![trade(1_091_000, 4, "50", "1")]);
    assert_eq!(desk.market.clock_offset(Exchange::Binance), Some(1_000 * MS));
}

#[test]
fn history_says_nothing_of_the_clock() {
    let mut desk = Desk::new();
    let items = vec![trade(900_000, 1, "50", "1")];
    let frame = FeedBatch { source: Source::Rest, received: ms(1_000_000), items };
    desk.market.on_feed(&frame, &mut desk.out);
    assert_eq!(desk.market.clock_offset(Exchange::Binance), None);
}

#[test]
fn quotes_do_not_move_the_clock_but_depth_does() {
    let mut desk = Desk::new();
    desk.feed(1_000, vec![quote(9_000, 1, "1", "2")]);
    assert_eq!(desk.market.clock_offset(Exchange::Binance), None);
    desk.feed(1_000, vec![books::diff(1, 2, &[], &[])]);
    assert_eq!(desk.market.clock_offset(Exchange::Binance), Some(-1_000 * MS));
}

#[test]
fn due_bars_leave_by_end_then_length_then_instrument() {
    let mut desk = Desk::bars(&["1m", "1s"]);
    let of = |symbol: &str, time| {
        let tick = Tick { instrument: instrument(symbol), ..trade_tick(time, 1, "50", "1") };
        FeedItem::Tick(tick)
    };
    desk.feed(1_019_000, vec![of("ZEC", 1_019_000), of("ADA", 1_019_000), of("BTC", 1_018_000)]);
    let said = desk.timer(1_030_000);
    let order: Vec<String> = said
        .iter()
        .filter_map(as_bar)
        .map(|bar| format!("{} {} {}", bar.timeframe, bar.open_time.secs(), bar.instrument.symbol))
        .collect();
    let expected = ["1s 1018 BTC", "1s 1019 ADA", "1s 1019 ZEC", "1m 960 ADA", "1m 960 BTC", "1m 960 ZEC"];
    assert_eq!(order, expected);
}

#[test]
fn a_late_trade_publishes_every_bar_that_holds_it_again() {
    let mut desk = watching(&["1s", "5s", "1m", "5m"]);
    desk.feed(1_005_500, vec![trade(1_005_500, 1, "60", "1")]);
    desk.feed(1_320_000, vec![trade(1_320_000, 2, "70", "1")]);
    let first = desk.said_bars();
    let said = desk.feed(1_320_100, vec![trade(1_005_900, 3, "61", "2")]);
    let expected = [
        "1s 1005 60/61/60/61 3 2 r1",
        "5s 1005 60/61/60/61 3 2 r1",
        "1m 960 50/61/50/61 4 3 r1 incomplete",
        "5m 900 50/61/50/61 4 3 r1 incomplete",
    ];
    assert_eq!(lines(&said), expected);
    for again in said.iter().filter_map(as_bar) {
        let before = first.iter().find(|bar| (bar.timeframe, bar.open_time) == (again.timeframe, again.open_time));
        assert_eq!(before.map(|bar| bar.bar_id), Some(again.bar_id), "the id stays");
    }
    assert_eq!((desk.market.counters().bars, desk.market.counters().revisions), (6, 4));
}

#[test]
fn many_late_trades_in_one_frame_are_one_revision() {
    let mut desk = watching(&["1s"]);
    desk.feed(1_010_000, vec![]);
    let late = (1..=3).map(|n| trade(1_000_000 + n, n, "60", "1")).collect();
    assert_eq!(lines(&desk.feed(1_010_100, late)), ["1s 1000 50/60/50/60 4 4 r1 incomplete"]);
}

#[test]
fn a_late_trade_of_a_silent_second_makes_its_bar() {
    let mut desk = watching(&["1s"]);
    desk.feed(1_010_000, vec![]);
    assert_eq!(lines(&desk.feed(1_010_100, vec![trade(1_005_000, 1, "60", "1")])), ["1s 1005 60/60/60/60 1 1 r0"]);
}

#[test]
fn beyond_the_window_a_late_trade_is_a_tick_only() {
    let mut desk = watching(&["1s", "1m", "1h"]);
    desk.feed(1_700_000, vec![trade(1_700_000, 1, "60", "1")]);
    let said = desk.feed(1_700_100, vec![trade(1_000_500, 2, "60", "1")]);
    assert_eq!((said.len(), lines(&said).len()), (1, 0));
    assert_eq!(desk.market.counters().too_late, 1);
    desk.stop(1_700_200);
    let hour = desk.said_bars().into_iter().find(|bar| bar.timeframe.secs() == 3_600).unwrap();
    assert_eq!(hour.trade_count, 2, "not in the hour either: it is the merge of its minutes");
}

#[test]
fn a_stop_publishes_what_is_open_as_incomplete() {
    let mut desk = watching(&["1s", "1m", "5m"]);
    desk.feed(1_030_000, vec![trade(1_030_000, 1, "60", "1")]);
    let expected = [
        "1s 1030 60/60/60/60 1 1 r0 incomplete",
        "1m 1020 60/60/60/60 1 1 r0 incomplete",
        "5m 900 50/60/50/60 2 2 r0 incomplete",
    ];
    assert_eq!(lines(&desk.stop(1_030_100)), expected);
    assert_eq!(lines(&desk.stop(1_030_200)), [""; 0]);
}

#[test]
fn only_configured_lengths_are_published() {
    let check = |configured: &[&str], expected: &[&str]| {
        let mut desk = watching(configured);
        desk.stop(2_000_000);
        let lengths: Vec<String> = desk.said_bars().iter().map(|bar| bar.timeframe.to_string()).collect();
        assert_eq!(lengths, expected, "{configured:?}");
    };
    check(&["1m"], &["1m"]);
    check(&["5m"], &["5m"]);
    check(&["5s"], &["5s"]);
    check(&["1h", "15s", "1h"], &["15s", "1h"]);
    check(&["90s"], &["90s"]);
    check(&[], &[]);
}

#[test]
fn a_gap_makes_the_bars_that_it_touches_incomplete() {
    let mut desk = watching(&["1s", "1m"]);
    desk.feed(1_021_000, vec![trade(1_021_000, 1, "60", "1")]);
    desk.feed(1_024_000, vec![trade(1_022_500, 2, "60", "1")]);
    // It is known too late: the second 1022 is out and must be said again.
    let said = desk.feed(1_025_000, vec![gap(GapChannel::Ticks, 1_022_600, Some(1_025_000))]);
    assert_eq!(lines(&said), ["1s 1022 60/60/60/60 1 1 r1 incomplete"]);
    desk.feed(1_026_500, vec![trade(1_026_500, 3, "60", "1")]);
    let expected = ["1s 1026 60/60/60/60 1 1 r0", "1m 1020 60/60/60/60 3 3 r0 incomplete"];
    assert_eq!(lines(&desk.timer(1_081_000)), expected);
}

#[test]
fn an_open_gap_lasts_until_it_is_closed() {
    let mut desk = watching(&["1s"]);
    desk.feed(1_010_000, vec![gap(GapChannel::Ticks, 1_009_000, None)]);
    desk.feed(1_015_000, vec![trade(1_014_000, 1, "60", "1")]);
    assert_eq!(lines(&desk.timer(1_020_000)), ["1s 1014 60/60/60/60 1 1 r0 incomplete"]);
    desk.feed(1_030_000, vec![gap(GapChannel::Ticks, 1_009_000, Some(1_030_000))]);
    desk.feed(1_031_500, vec![trade(1_031_500, 2, "60", "1")]);
    assert_eq!(lines(&desk.timer(1_040_000)), ["1s 1031 60/60/60/60 1 1 r0"]);
}

#[test]
fn open_and_close_go_by_exchange_time_and_sequence() {
    let mut desk = watching(&["1s"]);
    let arrived = vec![
        trade(1_005_500, 6, "12", "1"),
        trade(1_005_500, 7, "13", "1"),
        trade(1_005_100, 2, "11", "1"),
        trade(1_005_500, 5, "99", "1"),
        trade(1_005_100, 1, "10", "1"),
    ];
    desk.feed(1_005_900, arrived);
    assert_eq!(lines(&desk.timer(1_007_000)), ["1s 1005 10/99/10/13 5 5 r0"]);
}

#[test]
fn sums_that_no_column_holds_leave_the_bar_as_it_was() {
    let mut desk = watching(&["1s"]);
    let largest = |n| trade(1_005_000, n, "9999999999", "9999999999");
    desk.feed(1_005_000, (1..=40).map(largest).collect());
    assert!(desk.market.counters().bar_overflows > 0);
    let counted = 40 - desk.market.counters().bar_overflows;
    desk.stop(1_006_000);
    assert_eq!(desk.said_bars().last().unwrap().trade_count, counted);
}
