//! Gaps that open, end and are recovered: what bars and books make of them, and what a restart does with open ones.

use super::*;

fn recovered(channel: GapChannel, from_ms: i64, to_ms: i64) -> FeedItem {
    gap_for(GapCause::Recovered, channel, from_ms, Some(to_ms))
}

/// Watches since 1,000 s; its minute bar is that of 1,020 s.
fn desk() -> Desk {
    let mut desk = Desk::bars(&["1s", "1m"]);
    desk.feed(1_000_000, vec![trade(1_000_000, 0, "50", "1")]);
    desk.feed(1_021_000, vec![trade(1_021_000, 1, "60", "1")]);
    desk
}

#[test]
fn bars_are_complete_again_once_the_missing_trades_have_come() {
    let mut desk = desk();
    desk.feed(1_024_000, vec![gap(GapChannel::Trades, 1_021_000, None)]);
    desk.feed(1_030_000, vec![trade(1_030_000, 5, "60", "1")]);
    let closed = lines(&desk.timer(1_085_000));
    assert_eq!(closed, ["1s 1030 60/60/60/60 1 1 r0 incomplete", "1m 1020 60/60/60/60 2 2 r0 incomplete"]);
    // What was missed comes by REST, in the same frame as the end of the gap.
    let missed = vec![trade(1_022_000, 2, "61", "2"), recovered(GapChannel::Trades, 1_021_000, 1_086_000)];
    let expected = [
        "1s 1021 60/60/60/60 1 1 r2",
        "1s 1022 61/61/61/61 2 1 r0",
        "1s 1030 60/60/60/60 1 1 r1",
        "1m 1020 60/61/60/60 4 3 r1",
    ];
    assert_eq!(lines(&desk.feed(1_086_000, missed)), expected);
}

#[test]
fn what_is_not_recovered_stays_incomplete() {
    let mut desk = desk();
    desk.feed(1_024_000, vec![gap(GapChannel::Trades, 1_021_000, None)]);
    desk.feed(1_030_500, vec![trade(1_030_500, 5, "60", "1"), gap(GapChannel::Trades, 1_021_000, Some(1_030_500))]);
    // Another gap is recovered, which says nothing of this one.
    desk.feed(1_031_000, vec![gap(GapChannel::Trades, 1_030_900, None)]);
    desk.feed(1_032_000, vec![recovered(GapChannel::Trades, 1_030_900, 1_032_000), trade(1_032_000, 6, "60", "1")]);
    desk.timer(1_085_000);
    let said: Vec<String> = desk.said_bars().iter().skip(2).map(line).collect();
    let expected = [
        "1s 1021 60/60/60/60 1 1 r0",
        "1s 1021 60/60/60/60 1 1 r1 incomplete",
        "1s 1030 60/60/60/60 1 1 r0 incomplete",
        "1s 1032 60/60/60/60 1 1 r0",
        "1m 1020 60/60/60/60 3 3 r0 incomplete",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_trade_that_comes_too_late_leaves_the_longer_bars_incomplete_for_good() {
    let mut desk = Desk::bars(&["1m", "1h"]);
    desk.feed(3_500_000, vec![trade(3_500_000, 0, "50", "1")]);
    desk.feed(3_700_000, vec![trade(3_700_000, 1, "60", "1"), gap(GapChannel::Trades, 3_700_000, None)]);
    desk.feed(4_700_000, vec![trade(4_700_000, 9, "60", "1")]);
    desk.feed(4_700_100, vec![trade(3_800_000, 2, "60", "1"), recovered(GapChannel::Trades, 3_700_000, 4_700_100)]);
    assert_eq!(desk.market.counters().too_late, 1);
    let hour = desk.timer(7_300_000).iter().filter_map(as_bar).map(|bar| line(&bar)).next_back();
    assert_eq!(hour.as_deref(), Some("1h 3600 60/60/60/60 2 2 r0 incomplete"));
}

#[test]
fn gaps_of_quotes_doubt_no_bar() {
    let mut desk = desk();
    desk.feed(1_022_000, vec![gap(GapChannel::Quotes, 1_020_000, None)]);
    assert_eq!(lines(&desk.timer(1_085_000))[..], ["1s 1021 60/60/60/60 1 1 r0", "1m 1020 60/60/60/60 1 1 r0"]);
}

#[test]
fn a_book_goes_with_a_gap_and_stays_when_it_is_recovered() {
    let mut desk = Desk::new();
    let snapshot = |last| {
        let levels = |price| vec![level(price, "1")];
        let (bids, asks) = (levels("9"), levels("11"));
        FeedItem::Depth(Depth { instrument: btc(), time: ms(0), kind: DepthKind::Snapshot, last, bids, asks })
    };
    let synced = |desk: &Desk| desk.market.book(btc()).is_some_and(crate::book::Book::is_synced);
    desk.feed(10, vec![snapshot(5)]);
    assert!(synced(&desk));
    desk.feed(20, vec![gap(GapChannel::Depth, 10, None)]);
    assert!(!synced(&desk));
    desk.feed(30, vec![snapshot(9), recovered(GapChannel::Depth, 10, 30)]);
    assert!(synced(&desk));
}

#[test]
fn a_restart_ends_what_was_left_open_and_nothing_else() {
    let mut desk = desk();
    let told = vec![
        gap(GapChannel::Trades, 1_021_000, None),
        gap(GapChannel::Quotes, 1_020_000, None),
        gap(GapChannel::Depth, 1_020_500, None),
    ];
    desk.feed(1_022_000, told);
    desk.feed(1_023_000, vec![gap(GapChannel::Quotes, 1_020_000, Some(1_023_000))]);
    let mut again = super::rebuild::restarted(&desk, &["1s", "1m"]);
    let gaps = |said: Vec<EventBody>| -> Vec<(GapChannel, UtcNanos, Option<UtcNanos>)> {
        let gap = |body| match body {
            EventBody::Gap(gap) => Some((gap.channel, gap.from, gap.to)),
            _ => None,
        };
        said.into_iter().filter_map(gap).collect()
    };
    let ended = |channel, from_ms| (channel, ms(from_ms), Some(ms(1_050_000)));
    let expected = [ended(GapChannel::Trades, 1_021_000), ended(GapChannel::Depth, 1_020_500)];
    assert_eq!(gaps(again.feed(1_050_000, vec![])), expected);
    assert_eq!(gaps(again.feed(1_051_000, vec![])), []);
    // The minute holds time that nobody watched, and so does no later one.
    again.feed(1_052_000, vec![trade(1_052_000, 8, "60", "1")]);
    again.feed(1_090_000, vec![trade(1_090_000, 9, "60", "1")]);
    again.timer(1_150_000);
    let said = again.said_bars();
    let minutes = said.iter().filter(|bar| bar.timeframe == Timeframe::MINUTE);
    assert_eq!(minutes.map(|bar| bar.is_complete).collect::<Vec<_>>(), [false, true]);
}
