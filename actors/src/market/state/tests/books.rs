//! The order book's procedure, step by step.

use super::*;
use crate::book::BookCounters;

fn levels(levels: &[(&str, &str)]) -> Vec<Level> {
    levels.iter().map(|(price, size)| level(price, size)).collect()
}

fn depth(kind: DepthKind, last: u64, bids: &[(&str, &str)], asks: &[(&str, &str)]) -> FeedItem {
    let (bids, asks) = (levels(bids), levels(asks));
    FeedItem::Depth(Depth { instrument: btc(), time: UtcNanos(0), kind, last, bids, asks })
}

pub fn diff(first: u64, last: u64, bids: &[(&str, &str)], asks: &[(&str, &str)]) -> FeedItem {
    depth(DepthKind::Diff { first }, last, bids, asks)
}

fn snapshot(last: u64) -> FeedItem {
    depth(DepthKind::Snapshot, last, &[("10", "1"), ("9", "2")], &[("11", "3"), ("12", "0")])
}

fn partial(last: u64) -> FeedItem {
    depth(DepthKind::Partial, last, &[("5", "1")], &[("6", "1")])
}

/// What the steps lead to: state, last id, and seen/applied/dropped/buffered/gaps/too old.
fn check(steps: Vec<FeedItem>, expected: &str) {
    let mut desk = Desk::new();
    let passed = steps.iter().filter(|step| matches!(step, FeedItem::Depth(_))).count();
    let mut said = 0;
    for step in steps {
        said += desk.feed(0, vec![step]).iter().filter(|body| matches!(body, EventBody::Depth(_))).count();
    }
    let (book, counted) = (desk.market.book(btc()).unwrap(), *desk.market.book(btc()).unwrap().counters());
    let state = match (book.is_synced(), book.is_partial()) {
        (true, false) => "synced",
        (false, true) => "partial",
        _ => "waiting",
    };
    let BookCounters { seen, applied, dropped, gaps, too_old, .. } = counted;
    let id = book.last_id().map_or("-".into(), |id| id.to_string());
    let wants = if book.wants_snapshot() { " wants" } else { "" };
    let buffered = book.buffered();
    assert_eq!(format!("{state} {id} {seen}/{applied}/{dropped}/{buffered}/{gaps}/{too_old}{wants}"), expected);
    assert_eq!(seen, applied + dropped + buffered as u64);
    assert_eq!(said, passed, "depth is passed on, synced or not");
}

#[test]
fn a_book_follows_the_official_procedure() {
    let step = |first, last| diff(first, last, &[("10", "5")], &[]);
    check(vec![step(5, 6)], "waiting - 1/0/0/1/0/0 wants");
    check(vec![step(5, 6), step(7, 9), snapshot(6)], "synced 9 2/1/1/0/0/0");
    check(vec![step(5, 6), step(7, 9), snapshot(8)], "synced 9 2/1/1/0/0/0");
    check(vec![step(5, 6), snapshot(4)], "synced 6 1/1/0/0/0/0");
    check(vec![step(5, 6), snapshot(3)], "waiting - 1/0/0/1/0/1 wants");
    check(vec![step(5, 6), snapshot(3), snapshot(5)], "synced 6 1/1/0/0/0/1");
    check(vec![snapshot(5), step(3, 5), step(4, 7), step(8, 8)], "synced 8 3/2/1/0/0/0");
    check(vec![snapshot(5), step(6, 7), step(9, 9)], "waiting - 2/1/0/1/1/0 wants");
    check(vec![snapshot(5), step(6, 7), step(9, 9), snapshot(8)], "synced 9 2/2/0/0/1/0");
    check(vec![step(5, 6), step(8, 9), snapshot(6)], "waiting - 2/0/1/1/1/1 wants");
    check(vec![snapshot(5), step(6, 7), snapshot(6)], "synced 7 1/1/0/0/0/1");
    check(vec![snapshot(u64::MAX), step(1, u64::MAX)], "synced 18446744073709551615 1/0/1/0/0/0");
}

#[test]
fn a_partial_book_is_marked_and_gives_way_to_a_full_one() {
    let step = |first, last| diff(first, last, &[("10", "5")], &[]);
    check(vec![partial(5), partial(4), partial(7)], "partial 7 0/0/0/0/0/1");
    check(vec![partial(5), step(6, 7)], "partial 5 1/0/0/1/0/0 wants");
    check(vec![partial(5), step(6, 7), snapshot(6)], "synced 7 1/1/0/0/0/0");
    check(vec![snapshot(5), partial(6)], "partial 6 0/0/0/0/0/0");
    check(vec![snapshot(5), step(6, 7), partial(8), step(8, 9)], "synced 9 2/2/0/0/0/0");
    check(vec![partial(5), gap(GapChannel::Depth, 0, None), partial(9)], "partial 9 0/0/0/0/0/0");
}

#[test]
fn a_lost_connection_throws_the_book_away() {
    let lost = || gap(GapChannel::Depth, 0, Some(1));
    let mut desk = Desk::new();
    desk.feed(0, vec![snapshot(5), diff(6, 6, &[], &[]), lost()]);
    let book = desk.market.book(btc()).unwrap();
    assert!(book.wants_snapshot() && book.best_bid().is_none() && book.last_id().is_none());
    desk.feed(0, vec![diff(90, 91, &[], &[]), snapshot(90)]);
    assert!(desk.market.book(btc()).unwrap().is_synced());
    assert_eq!(desk.market.counters().book_gaps, 0);
}

#[test]
fn the_buffer_is_bounded_and_stays_contiguous() {
    let mut desk = Desk::new();
    let many = messages::caps::BOOK_BUFFER as u64 + 10;
    for id in 1..=many {
        desk.feed(0, vec![diff(id, id, &[], &[])]);
    }
    desk.feed(0, vec![snapshot(5)]);
    assert!(!desk.market.book(btc()).unwrap().is_synced(), "too old: the diffs after it are gone");
    desk.feed(0, vec![snapshot(10)]);
    assert_eq!(desk.market.book(btc()).unwrap().last_id(), Some(many));
}

#[test]
fn a_missing_diff_is_said_with_its_numbers_before_the_diff() {
    let mut desk = Desk::new();
    desk.feed(10, vec![snapshot(5)]);
    let said = desk.feed(20, vec![diff(8, 9, &[], &[])]);
    let [EventBody::Gap(gap), EventBody::Depth(_)] = &said[..] else { panic!("{said:?}") };
    assert_eq!((gap.channel, gap.cause), (GapChannel::Depth, GapCause::Sequence));
    assert_eq!((gap.first_missing, gap.resumed_at), (Some(6), Some(8)));
    assert_eq!((gap.from, gap.to), (ms(10), Some(ms(20))));
}

#[test]
fn levels_are_absolute_and_sorted_from_the_touch() {
    let mut desk = Desk::new();
    desk.feed(0, vec![snapshot(5), diff(6, 6, &[("9", "0"), ("8", "4"), ("10.5", "7")], &[("11", "1"), ("20", "0")])]);
    let book = desk.market.book(btc()).unwrap();
    let bids: Vec<Level> = book.bids().collect();
    assert_eq!(bids, levels(&[("10.5", "7"), ("10", "1"), ("8", "4")]));
    assert_eq!(book.asks().collect::<Vec<_>>(), levels(&[("11", "1")]));
    assert_eq!((book.best_bid(), book.best_ask()), (Some(bids[0]), Some(level("11", "1"))));
    assert_eq!((book.bid_total(), book.bid_levels()), ("12".parse().unwrap(), 3));
}

#[test]
fn the_farthest_levels_go_first() {
    let mut desk = Desk::new();
    let side = |at: fn(u64) -> u64| -> Vec<(String, &str)> {
        (1..=messages::caps::BOOK_LEVELS as u64 + 5).map(|n| (at(n).to_string(), "1")).collect()
    };
    let (bids, asks) = (side(|n| 100_000 - n), side(|n| 100_000 + n));
    let short = |side: &[(String, &str)]| side.iter().map(|(p, s)| level(p, s)).collect();
    let (bids, asks) = (short(&bids), short(&asks));
    let kind = DepthKind::Snapshot;
    let depth = Depth { instrument: btc(), time: UtcNanos(0), kind, last: 1, bids, asks };
    desk.feed(0, vec![FeedItem::Depth(depth)]);
    let book = desk.market.book(btc()).unwrap();
    assert_eq!((book.bid_levels(), book.ask_levels(), book.counters().trimmed), (20_000, 20_000, 10));
    assert_eq!((book.best_bid(), book.best_ask()), (Some(level("99999", "1")), Some(level("100001", "1"))));
    assert_eq!(book.bids().last(), Some(level("80000", "1")));
}

#[test]
fn a_depth_message_that_cannot_be_is_dropped_whole() {
    let check = |item: FeedItem| {
        let mut desk = Desk::new();
        assert_eq!(desk.feed(0, vec![item]).len(), 0);
        assert_eq!(desk.market.counters().out_of_range, 1);
    };
    check(diff(7, 6, &[], &[]));
    check(diff(6, 6, &[("0", "1")], &[]));
    check(diff(6, 6, &[], &[("1", "-1")]));
}
