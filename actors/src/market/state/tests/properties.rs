//! What must hold for any input: order of arrival, merging, missing diffs, and the same twice.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Trades of a few minutes as (milliseconds since the start, price, size); the first is at 0.
fn trades() -> impl Strategy<Value = Vec<(i64, i64, i64)>> {
    prop::collection::vec((0..200_000i64, 1..1_000i64, 1..1_000i64), 1..200).prop_map(|mut trades| {
        trades.sort();
        trades[0].0 = 0;
        trades
    })
}

const START: i64 = 1_200_000;

fn item(sequence: usize, (time, price, size): (i64, i64, i64)) -> FeedItem {
    trade(START + time, sequence as i64, &price.to_string(), &size.to_string())
}

/// The newest version of every bar, without its number.
fn newest(desk: &Desk) -> BTreeMap<(Timeframe, UtcNanos), Bar> {
    let bars = desk.said_bars().into_iter();
    bars.map(|bar| ((bar.timeframe, bar.open_time), Bar { bar_id: MarketId(0), ..bar })).collect()
}

/// Feeds trades, each at its time + its delay, with the timer where the market asks for it.
fn run(trades: &[(i64, i64, i64)], delays: &[i64], bars: &[&str]) -> Desk {
    let mut desk = Desk::bars(bars);
    let mut arrivals: Vec<(i64, usize)> = trades.iter().enumerate().map(|(n, t)| (START + t.0, n)).collect();
    arrivals.iter_mut().zip(delays.iter().cycle()).skip(1).for_each(|((at, _), delay)| *at += delay);
    arrivals.sort();
    for (at, n) in arrivals {
        while let Some(due) = desk.market.next_due().filter(|&due| due < ms(at)) {
            desk.timer(due.0 / MS);
        }
        desk.feed(at, vec![item(n, trades[n])]);
    }
    desk.stop(START + 400_000);
    desk
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arrival_within_the_lateness_does_not_matter(
        trades in trades(),
        delays in prop::collection::vec(0..1_000i64, 1..200),
    ) {
        let lengths = ["1s", "15s", "1m", "5m"];
        let (straight, shuffled) = (run(&trades, &[0], &lengths), run(&trades, &delays, &lengths));
        prop_assert_eq!(newest(&straight), newest(&shuffled));
        prop_assert_eq!(shuffled.market.counters().revisions, 0);
    }

    #[test]
    fn later_arrival_ends_in_the_same_bars_by_revisions(
        trades in trades(),
        delays in prop::collection::vec(0..100_000i64, 1..200),
    ) {
        let content = |desk: &Desk| -> Vec<Bar> {
            newest(desk).into_values().map(|bar| Bar { revision: 0, is_complete: false, ..bar }).collect()
        };
        let lengths = ["1s", "15s", "1m", "5m"];
        prop_assert_eq!(content(&run(&trades, &[0], &lengths)), content(&run(&trades, &delays, &lengths)));
    }

    #[test]
    fn a_longer_bar_is_the_merge_of_its_shorter_ones(
        trades in trades(),
        delays in prop::collection::vec(0..100_000i64, 1..200),
    ) {
        let desk = run(&trades, &delays, &["1s", "5s", "1m", "5m"]);
        let bars: Vec<Bar> = newest(&desk).into_values().collect();
        for (short, long) in [("1s", "5s"), ("5s", "1m"), ("1m", "5m")] {
            let of = |text: &str| { let t: Timeframe = text.parse().unwrap(); move |bar: &&Bar| bar.timeframe == t };
            for long in bars.iter().filter(of(long)) {
                let inside = |bar: &&Bar| long.open_time <= bar.open_time && bar.end_time() <= long.end_time();
                let parts: Vec<&Bar> = bars.iter().filter(of(short)).filter(inside).collect();
                prop_assert_eq!(parts.first().unwrap().open, long.open);
                prop_assert_eq!(parts.last().unwrap().close, long.close);
                prop_assert_eq!(parts.iter().map(|b| b.high).max(), Some(long.high));
                prop_assert_eq!(parts.iter().map(|b| b.low).min(), Some(long.low));
                prop_assert_eq!(parts.iter().map(|b| b.trade_count).sum::<u64>(), long.trade_count);
                prop_assert_eq!(parts.iter().map(|b| b.volume.raw()).sum::<i128>(), long.volume.raw());
                prop_assert_eq!(parts.iter().map(|b| b.notional.raw()).sum::<i128>(), long.notional.raw());
            }
        }
    }

    #[test]
    fn a_removed_diff_is_noticed_at_once(
        widths in prop::collection::vec(1..5u64, 3..40),
        snapshot_at in 0..40usize,
        removed in 1..39usize,
    ) {
        let removed = 1 + removed % (widths.len() - 2);
        let mut desk = Desk::new();
        let mut next = 1;
        for (n, width) in widths.iter().enumerate() {
            let (first, last) = (next, next + width - 1);
            next += width;
            if n == removed {
                continue;
            }
            let gaps = desk.feed(n as i64, vec![books::diff(first, last, &[], &[])]);
            let said = gaps.iter().any(|body| matches!(body, EventBody::Gap(_)));
            prop_assert_eq!(said, n == removed + 1);
            if n == snapshot_at {
                let (instrument, kind) = (btc(), DepthKind::Snapshot);
                let depth = Depth { instrument, time: ms(0), kind, last, bids: vec![], asks: vec![] };
                desk.feed(n as i64, vec![FeedItem::Depth(depth)]);
            }
        }
        prop_assert_eq!(desk.market.counters().book_gaps, 1);
    }

    #[test]
    fn the_same_calls_give_the_same_batches(
        trades in trades(),
        delays in prop::collection::vec(0..100_000i64, 1..200),
    ) {
        let (one, two) = (run(&trades, &delays, &["1s", "1m"]), run(&trades, &delays, &["1s", "1m"]));
        prop_assert_eq!(&one.said, &two.said);
        let ids: Vec<u64> = one.said.iter().flat_map(|batch| &batch.events).map(|event| event.id.0).collect();
        prop_assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_restart_anywhere_ends_in_the_same_bars(trades in trades(), cut in 0..400usize) {
        let lengths = ["1s", "15s", "1m", "5m"];
        let whole = run(&trades, &[0], &lengths);
        let cut = cut.min(whole.said.len() - 1);
        let mut again = Desk::bars(&lengths);
        again.market = Market::new(Settings { bars: lengths.map(|t| t.parse().unwrap()).into(), ..Settings::default() });
        for batch in &whole.said[..cut] {
            again.market.rebuild(batch);
        }
        again.market.reserve(MarketId(1 << 30), MarketId(1 << 31));
        again.said = whole.said[..cut].to_vec();
        let seen = |batch: &Batch| batch.events.iter().filter(|e| matches!(e.body, EventBody::Tick(_))).count();
        let before: usize = whole.said[..cut].iter().map(seen).sum();
        for (n, one) in trades.iter().enumerate().skip(before) {
            while let Some(due) = again.market.next_due().filter(|&due| due < ms(START + one.0)) {
                again.timer(due.0 / MS);
            }
            again.feed(START + one.0, vec![item(n, *one)]);
        }
        again.stop(START + 400_000);
        let content = |desk: &Desk| -> Vec<Bar> {
            newest(desk).into_values().map(|bar| Bar { is_complete: false, ..bar }).collect()
        };
        prop_assert_eq!(content(&whole), content(&again));
    }
}
