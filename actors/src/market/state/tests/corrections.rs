//! Corrections and cancels of trades: bars and the last trade are as if the trade had been right at once.

use proptest::prelude::*;

use super::*;

fn aapl() -> Instrument {
    Instrument { exchange: Exchange::Alpaca, symbol: "AAPL".parse().unwrap() }
}

fn of(instrument: Instrument, item: FeedItem, revision: u16) -> FeedItem {
    match item {
        FeedItem::Tick(tick) => FeedItem::Tick(Tick { instrument, revision, ..tick }),
        other => other,
    }
}

fn stock(time_ms: i64, sequence: i64, price: &str, size: &str) -> FeedItem {
    of(aapl(), trade(time_ms, sequence, price, size), 0)
}

fn correction(time_ms: i64, sequence: i64, price: &str, size: &str) -> FeedItem {
    of(aapl(), trade(time_ms, sequence, price, size), 1)
}

/// Three trades of one second, after one that made the time watched.
fn desk() -> Desk {
    let mut desk = Desk::bars(&["1s", "1m"]);
    desk.feed(1_000_000, vec![stock(1_000_000, 1, "50", "1")]);
    let trades = vec![stock(1_030_100, 2, "60", "1"), stock(1_030_200, 3, "70", "2"), stock(1_030_300, 4, "65", "1")];
    desk.feed(1_030_400, trades);
    desk
}

fn last_price(desk: &Desk) -> Option<String> {
    desk.market.last_trade(aapl()).map(|trade| trade.price.to_string())
}

#[test]
fn a_correction_of_a_closed_bar_is_a_revision_of_every_bar_that_holds_it() {
    let mut desk = desk();
    assert_eq!(lines(&desk.timer(1_085_000))[..], ["1s 1030 60/70/60/65 4 3 r0", "1m 1020 60/70/60/65 4 3 r0"]);
    // The high was wrong, and the correction bears its own time.
    let said = desk.feed(1_086_000, vec![correction(1_086_000, 3, "62", "3")]);
    assert_eq!(lines(&said), ["1s 1030 60/65/60/65 5 3 r1", "1m 1020 60/65/60/65 5 3 r1"]);
    let EventBody::Tick(tick) = &said[0] else { panic!("{said:?}") };
    assert_eq!((tick.time, tick.revision), (ms(1_030_200), 1), "it stands where the trade stood");
    assert_eq!(lines(&desk.feed(1_086_100, vec![correction(1_086_000, 3, "62", "3")])), [""; 0], "it came twice");
    let counters = desk.market.counters();
    assert_eq!((counters.corrections, counters.inexact_corrections, counters.duplicate_trades), (1, 0, 1));
}

#[test]
fn the_last_trade_follows() {
    let mut desk = desk();
    assert_eq!(last_price(&desk).as_deref(), Some("65"));
    desk.feed(1_031_000, vec![correction(1_031_000, 4, "64", "1")]);
    assert_eq!(last_price(&desk).as_deref(), Some("64"));
    desk.feed(1_031_100, vec![of(aapl(), trade(1_031_100, 4, "64", "0"), 2)]);
    assert_eq!(last_price(&desk).as_deref(), Some("70"), "cancelled: the one before");
    desk.feed(1_031_200, vec![correction(1_031_200, 2, "1", "1")]);
    assert_eq!(last_price(&desk).as_deref(), Some("70"), "an older trade is not the last one");
}

#[test]
fn a_cancel_before_the_bar_is_out_leaves_no_trace_in_it() {
    let mut desk = desk();
    let cancels = [2, 3].map(|sequence| correction(1_031_000, sequence, "60", "0"));
    desk.feed(1_031_000, cancels.to_vec());
    assert_eq!(lines(&desk.timer(1_085_000)), ["1s 1030 65/65/65/65 1 1 r0", "1m 1020 65/65/65/65 1 1 r0"]);
    let mut desk = self::desk();
    let all = [2, 3, 4].map(|sequence| correction(1_031_000, sequence, "60", "0"));
    desk.feed(1_031_000, all.to_vec());
    assert_eq!(lines(&desk.timer(1_085_000)), [""; 0], "there was no trade");
}

#[test]
fn a_bar_that_is_out_and_loses_all_its_trades_says_so() {
    let mut desk = desk();
    desk.timer(1_085_000);
    let all = [2, 3, 4].map(|sequence| correction(1_086_000, sequence, "60", "0"));
    let said = desk.feed(1_086_000, all.to_vec());
    assert_eq!(lines(&said), ["1s 1030 65/65/65/65 0 0 r1", "1m 1020 65/65/65/65 0 0 r1"]);
    // A late trade is then the only one.
    let said = desk.feed(1_087_000, vec![stock(1_030_500, 5, "61", "1")]);
    assert_eq!(lines(&said), ["1s 1030 61/61/61/61 1 1 r2", "1m 1020 61/61/61/61 1 1 r2"]);
}

#[test]
fn what_is_not_remembered_makes_its_bar_incomplete() {
    // Binance corrects nothing, so nothing of it is remembered.
    let mut desk = Desk::bars(&["1s"]);
    desk.feed(1_000_000, vec![trade(1_000_000, 1, "50", "1")]);
    desk.feed(1_030_000, vec![trade(1_030_000, 2, "50", "1")]);
    desk.timer(1_040_000);
    let said = desk.feed(1_041_000, vec![of(btc(), trade(1_030_000, 2, "51", "1"), 1)]);
    assert_eq!(lines(&said), ["1s 1030 50/50/50/50 1 1 r1 incomplete"]);
    assert_eq!(desk.market.counters().inexact_corrections, 1);
}

#[test]
fn a_bar_taken_over_from_an_earlier_run_changes_by_the_difference() {
    let mut old = desk();
    old.timer(1_085_000);
    // The tail begins inside the minute: its first trade is in the bar alone.
    old.said.remove(0);
    let first = old.said[0].events.iter().position(|event| matches!(event.body, EventBody::Tick(_)));
    old.said[0].events.remove(first.unwrap());
    let mut again = super::rebuild::restarted(&old, &["1s", "1m"]);
    let said = again.feed(1_086_000, vec![correction(1_030_300, 4, "65", "5")]);
    assert_eq!(lines(&said), ["1s 1030 60/70/60/65 8 3 r1 incomplete", "1m 1020 60/70/60/65 8 3 r1 incomplete"]);
    assert_eq!(again.market.counters().inexact_corrections, 0, "only a size: the prices are sure");
    again.feed(1_087_000, vec![of(aapl(), trade(1_030_200, 3, "61", "2"), 1)]);
    assert_eq!(again.market.counters().inexact_corrections, 1, "the high may be another trade's");
}

#[test]
fn a_trade_of_nothing_is_no_price() {
    let mut desk = desk();
    let said = desk.feed(1_031_000, vec![stock(1_031_000, 9, "1", "0")]);
    assert_eq!((said.len(), last_price(&desk).as_deref()), (1, Some("65")));
    assert_eq!(desk.market.counters().empty_trades, 1);
}

/// Time in ms from the start, price, size; and of each whether it is corrected, when, to what.
type Step = (i64, i64, i64, Option<(i64, i64, i64)>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = (0..90_000i64, 1..9i64, 1..9i64, proptest::option::of((1..60_000i64, 1..9i64, 0..9i64)));
    proptest::collection::vec(one, 1..60)
}

/// The newest state of every bar that holds a trade.
fn newest(desk: &Desk) -> Vec<String> {
    let mut bars = std::collections::BTreeMap::new();
    for bar in desk.said_bars() {
        bars.insert((bar.timeframe, bar.open_time), Bar { revision: 0, bar_id: MarketId(0), ..bar });
    }
    bars.into_values().filter(|bar| bar.trade_count > 0).map(|bar| line(&bar)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn corrected_trades_end_in_the_bars_of_right_ones(steps in steps()) {
        const LENGTHS: &[&str] = &["1s", "5s", "1m", "5m"];
        let (mut live, mut right) = (Desk::bars(LENGTHS), Desk::bars(LENGTHS));
        let mut heard: Vec<(i64, FeedItem)> = Vec::new();
        for (sequence, (at, price, size, corrected)) in (1..).zip(steps) {
            let at = 1_200_000 + at;
            let text = |number: i64| number.to_string();
            heard.push((at, stock(at, sequence, &text(price), &text(size))));
            let (price, size) = match corrected {
                Some((later, price, size)) => {
                    heard.push((at + later, correction(at + later, sequence, &text(price), &text(size))));
                    (price, size)
                }
                None => (price, size),
            };
            if size > 0 {
                right.feed(1_400_000, vec![stock(at, sequence, &text(price), &text(size))]);
            }
        }
        heard.sort_by_key(|(at, _)| *at);
        for (at, item) in heard {
            live.feed(at, vec![item]);
        }
        live.stop(1_700_000);
        right.stop(1_700_000);
        prop_assert_eq!(live.market.counters().inexact_corrections, 0);
        let contents = |desk: &Desk| newest(desk).iter().map(|bar| bar.replace(" incomplete", "")).collect::<Vec<_>>();
        prop_assert_eq!(contents(&live), contents(&right));
    }
}
