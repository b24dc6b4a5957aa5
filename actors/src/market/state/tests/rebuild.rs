//! A restart in the middle: the rebuilt market goes on where the old one was.

use super::*;

/// Rebuilds a market from all that another has said.
pub fn restarted(old: &Desk, bars: &[&str]) -> Desk {
    let mut desk = Desk::bars(bars);
    let mut market =
        Market::new(Settings { bars: bars.iter().map(|text| text.parse().unwrap()).collect(), ..Settings::default() });
    for batch in &old.said {
        market.rebuild(batch);
    }
    market.reserve(MarketId(1 << 30), MarketId(1 << 31));
    desk.market = market;
    desk
}

const ALL: &[&str] = &["1s", "5s", "1m", "5m"];

#[test]
fn open_bars_go_on_with_what_they_held() {
    let mut desk = Desk::bars(ALL);
    desk.feed(1_200_000, vec![trade(1_200_000, 1, "50", "1"), trade(1_201_000, 2, "70", "1")]);
    desk.feed(1_262_000, vec![trade(1_262_000, 3, "60", "1")]);
    let mut again = restarted(&desk, ALL);
    // The clock offset is rebuilt too: nothing is due that was not due before.
    assert_eq!(again.market.next_due(), desk.market.next_due());
    again.feed(1_270_000, vec![trade(1_270_000, 4, "65", "1"), trade(1_270_000, 3, "1", "1")]);
    let said = again.stop(1_280_000);
    let expected = [
        "1s 1270 65/65/65/65 1 1 r0 incomplete",
        "5s 1270 65/65/65/65 1 1 r0 incomplete",
        "1m 1260 60/65/60/65 2 2 r0 incomplete",
        "5m 1200 50/70/50/65 4 4 r0 incomplete",
    ];
    assert_eq!(lines(&said), expected);
    assert_eq!(again.market.counters().duplicate_trades, 1, "ids are remembered");
}

#[test]
fn what_was_published_keeps_its_id_and_counts_revisions_on() {
    let mut desk = Desk::bars(ALL);
    desk.feed(1_200_000, vec![trade(1_200_000, 1, "50", "1")]);
    desk.stop(1_230_000);
    let mut again = restarted(&desk, ALL);
    again.feed(1_240_000, vec![trade(1_240_000, 2, "60", "1")]);
    let said = again.timer(1_261_000);
    assert_eq!(lines(&said)[2..], ["1m 1200 50/60/50/60 2 2 r1 incomplete"]);
    let minute = said.iter().filter_map(as_bar).next_back().unwrap();
    let before = desk.said_bars().into_iter().find(|bar| bar.timeframe == Timeframe::MINUTE).unwrap();
    assert_eq!(minute.bar_id, before.bar_id);
}

#[test]
fn a_bar_lost_with_the_last_group_is_published_after_the_restart() {
    let mut desk = Desk::bars(&["1s"]);
    desk.feed(1_000_500, vec![trade(1_000_500, 1, "50", "1")]);
    desk.timer(1_002_500);
    desk.said.pop();
    let mut again = restarted(&desk, &["1s"]);
    assert_eq!(lines(&again.feed(1_002_600, vec![])), ["1s 1000 50/50/50/50 1 1 r0 incomplete"]);
}

#[test]
fn a_tail_of_bars_alone_rebuilds_the_longer_ones() {
    let mut desk = Desk::bars(ALL);
    desk.feed(1_200_000, vec![trade(1_200_000, 1, "50", "1")]);
    desk.feed(1_265_000, vec![trade(1_265_000, 2, "60", "3")]);
    for batch in &mut desk.said {
        batch.events.retain(|event| matches!(event.body, EventBody::Bar(_)));
    }
    desk.stop(1_270_000);
    let mut again = restarted(&desk, ALL);
    again.feed(1_290_000, vec![trade(1_290_000, 3, "55", "1")]);
    again.stop(1_291_000);
    let five = again.said_bars().into_iter().next_back().unwrap();
    assert_eq!(line(&five), "5m 1200 50/60/50/55 5 3 r1 incomplete");
}

#[test]
fn quotes_and_books_come_back() {
    let mut desk = Desk::new();
    desk.feed(10, vec![quote(10, 5, "100", "101"), quote(10, 6, "102", "101")]);
    let depth =
        Depth { instrument: btc(), time: ms(0), kind: DepthKind::Snapshot, last: 5, bids: vec![], asks: vec![] };
    desk.feed(20, vec![FeedItem::Depth(depth)]);
    desk.feed(30, vec![books::diff(6, 7, &[("10", "1")], &[])]);
    let mut again = restarted(&desk, ALL);
    assert_eq!(again.market.quote(btc()), desk.market.quote(btc()));
    assert_eq!(again.market.book(btc()).unwrap().best_bid(), Some(level("10", "1")));
    assert_eq!(again.feed(40, vec![quote(40, 6, "100", "101")]).len(), 0, "its sequence is known");
    // Diffs went by unseen meanwhile: the first one shows it.
    assert_eq!(again.feed(50, vec![books::diff(9, 9, &[], &[])]).len(), 2);
    assert!(again.market.book(btc()).unwrap().wants_snapshot());
}

#[test]
fn a_gap_in_the_journal_is_not_said_again() {
    let mut desk = Desk::new();
    desk.feed(10, vec![books::diff(1, 2, &[], &[])]);
    desk.feed(20, vec![books::diff(4, 5, &[], &[])]);
    let again = restarted(&desk, ALL);
    let (old, new) = (desk.market.book(btc()).unwrap(), again.market.book(btc()).unwrap());
    assert_eq!((new.buffered(), new.wants_snapshot()), (old.buffered(), old.wants_snapshot()));
    assert_eq!(*again.market.counters(), Default::default());
}

#[test]
fn the_time_between_is_unwatched() {
    let mut desk = Desk::bars(&["1s"]);
    desk.feed(1_000_000, vec![trade(1_000_000, 1, "50", "1")]);
    desk.feed(1_010_200, vec![trade(1_010_200, 2, "50", "1")]);
    let mut again = restarted(&desk, &["1s"]);
    again.feed(1_015_300, vec![trade(1_015_300, 3, "50", "1")]);
    again.feed(1_016_300, vec![trade(1_016_300, 4, "50", "1")]);
    let expected = [
        "1s 1010 50/50/50/50 1 1 r0 incomplete",
        "1s 1015 50/50/50/50 1 1 r0 incomplete",
        "1s 1016 50/50/50/50 1 1 r0",
    ];
    again.timer(1_020_000);
    let said: Vec<String> = again.said_bars().iter().map(line).collect();
    assert_eq!(said, expected);
}
