//! The pieces of the session, each alone. What they do together over bad networks is simulated across crates.

use std::collections::BTreeSet;
use std::time::Duration;

use messages::market::{Depth, DepthKind, FeedItem, Gap, GapCause, Level, Source};
use messages::{Exchange, Instrument, Symbol, UtcNanos};
use proptest::prelude::*;

use super::book_ids::BookIds;
use super::connection::Connection;
use super::control::{self, Control};
use super::requests::{Question, Requests};
use super::settings::{Channels, Settings};
use super::trade_ids::{Page, Patience, Seen, TradeIds};
use super::*;
use crate::book::Book;
use crate::feeds::session::Do;

mod faults;

const INSTRUMENT: fn() -> Instrument = || Instrument { exchange: Exchange::Binance, symbol: symbol("BTCUSDT") };

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

fn at(millis: i64) -> UtcNanos {
    UtcNanos(millis * 1_000_000)
}

fn ids() -> TradeIds {
    let patience = Patience { grace: Duration::from_secs(2), longest: 5_000, answers: 2, failures: 3 };
    TradeIds::new(INSTRUMENT(), patience)
}

fn stream(ids: &mut TradeIds, id: i64, millis: i64, gaps: &mut Vec<Gap>) -> Seen {
    ids.saw(id, Source::Stream, at(millis), gaps)
}

#[test]
fn a_trade_that_comes_late_makes_no_gap() {
    let (mut ids, mut gaps) = (ids(), Vec::new());
    for (id, millis) in [(10, 0), (12, 1), (11, 500)] {
        assert_eq!(stream(&mut ids, id, millis, &mut gaps), Seen::Fresh);
    }
    assert_eq!(stream(&mut ids, 11, 501, &mut gaps), Seen::Known);
    assert_eq!((gaps, ids.due(), ids.missing()), (vec![], None, 0));
}

#[test]
fn a_hole_is_told_behind_its_grace_and_ends_when_it_is_filled_or_given_up() {
    let (mut ids, mut gaps) = (ids(), Vec::new());
    stream(&mut ids, 10, 0, &mut gaps);
    stream(&mut ids, 14, 100, &mut gaps);
    assert_eq!((ids.due(), ids.report_due()), (Some(at(2_100)), Some(at(2_100))));
    ids.report(at(2_100), &mut gaps);
    let page = ids.wanted(at(2_100)).unwrap();
    assert_eq!(page, Page { first: 11, last: 13 });
    let told = gaps.remove(0);
    assert_eq!((told.cause, told.from, told.to), (GapCause::Sequence, at(0), None));
    assert_eq!((told.first_missing, told.resumed_at), (Some(11), Some(14)));
    for id in [11, 12] {
        assert_eq!(ids.saw(id, Source::Rest, at(2_200), &mut gaps), Seen::Fresh);
    }
    for _ in 0..2 {
        ids.answered(page, 13, at(2_200), &mut gaps);
    }
    let lost = gaps.remove(0);
    assert_eq!((lost.cause, lost.from, lost.to), (GapCause::Sequence, at(0), Some(at(2_200))));
    assert_eq!((lost.first_missing, lost.resumed_at), (Some(13), Some(14)));
    // Nobody asks for it any more, but it is welcome.
    assert_eq!((ids.due(), stream(&mut ids, 13, 9_000, &mut gaps)), (None, Seen::Fresh));
    assert_eq!(gaps, []);
}

#[test]
fn what_was_missed_while_away_is_told_by_the_next_id() {
    let (mut ids, mut gaps) = (ids(), Vec::new());
    stream(&mut ids, 10, 0, &mut gaps);
    ids.lost(GapCause::Disconnect, None, &mut gaps);
    ids.lost(GapCause::Disconnect, None, &mut gaps);
    assert_eq!(gaps.len(), 1, "one gap, however often the link is lost");
    stream(&mut ids, 11, 900, &mut gaps);
    assert_eq!((gaps[1].cause, gaps[1].from, gaps[1].to), (GapCause::Recovered, at(0), Some(at(900))));
    ids.lost(GapCause::Overload, None, &mut gaps);
    stream(&mut ids, 20_000, 2_000, &mut gaps);
    assert_eq!(stream(&mut ids, 20_001, 2_001, &mut gaps), Seen::Fresh, "the next one agrees with it");
    // More than is fetched at most: the oldest are given up with their bounds, the newest asked for.
    let told = gaps.last().unwrap();
    assert_eq!((told.cause, told.from, told.to), (GapCause::Overload, at(900), Some(at(2_001))));
    assert_eq!((told.first_missing, told.resumed_at), (Some(12), Some(15_001)));
    assert_eq!(ids.missing(), 5_000);
    assert_eq!(ids.wanted(at(9_000)), Some(Page { first: 15_001, last: 16_000 }));
}

#[test]
fn an_id_that_cannot_be_is_not_believed() {
    let (mut ids, mut gaps) = (ids(), Vec::new());
    assert_eq!(stream(&mut ids, -1, 0, &mut gaps), Seen::Absurd);
    assert_eq!(stream(&mut ids, i64::MAX, 0, &mut gaps), Seen::Absurd);
    stream(&mut ids, 10, 0, &mut gaps);
    assert_eq!(stream(&mut ids, 5_000_000_000, 1, &mut gaps), Seen::Absurd);
    assert_eq!(stream(&mut ids, 11, 2, &mut gaps), Seen::Fresh);
    assert_eq!((ids.missing(), gaps.len()), (0, 0));
}

proptest! {
    /// Whatever order ids come in: fresh once, and missing is what has not come.
    #[test]
    fn ids_are_fresh_once_and_missing_until_they_come(order in Just((1..60i64).collect::<Vec<_>>()).prop_shuffle(),
                                                      heard in 1usize..60) {
        let (mut ids, mut gaps, mut seen) = (ids(), Vec::new(), BTreeSet::new());
        stream(&mut ids, 0, 0, &mut gaps);
        for (step, id) in order.iter().take(heard).enumerate() {
            prop_assert_eq!(stream(&mut ids, *id, 1 + step as i64, &mut gaps), Seen::Fresh);
            seen.insert(*id);
            let missing = (1..*seen.last().unwrap()).filter(|id| !seen.contains(id)).count();
            prop_assert_eq!(ids.missing(), missing as u64);
        }
        for id in &seen {
            prop_assert_eq!(stream(&mut ids, *id, 100, &mut gaps), Seen::Known);
        }
        prop_assert_eq!(gaps, vec![]);
    }

    /// The ids tell exactly what the market's own book does.
    #[test]
    fn book_ids_do_what_the_book_does(steps in proptest::collection::vec((0u8..10, 0u64..6, 0u64..4), 1..200)) {
        let (mut book, mut ids, mut at_id) = (Book::default(), BookIds::default(), 100u64);
        for (what, skip, length) in steps {
            let depth = |kind, last| Depth {
                instrument: INSTRUMENT(), time: at(0), kind, last,
                bids: vec![Level { price: "1".parse().unwrap(), size: "1".parse().unwrap() }], asks: vec![],
            };
            match what {
                0 => { book.lost(); ids.lost(); }
                1 => {
                    let as_of = (at_id + 2).saturating_sub(skip);
                    book.on_depth(&depth(DepthKind::Snapshot, as_of), at(0));
                    ids.snapshot(as_of);
                }
                _ => {
                    // Mostly the next, sometimes one that repeats or leaves out.
                    let first = if skip == 5 { at_id + 3 } else if skip == 4 { at_id - 2 } else { at_id + 1 };
                    let last = first + length;
                    book.on_depth(&depth(DepthKind::Diff { first }, last), at(0));
                    ids.diff(first, last);
                    at_id = at_id.max(last);
                }
            }
            prop_assert_eq!(ids.is_synced(), book.is_synced());
            prop_assert_eq!(ids.has_diffs(), book.buffered() > 0);
        }
    }
}

#[test]
fn a_refused_message_is_halved_until_the_symbol_is_found() {
    let channels = Channels { trade: true, agg_trade: false, book_ticker: true, depth: true, kline: None };
    let symbols: Vec<Symbol> = (0..16).map(|n| symbol(&format!("S{n}"))).collect();
    let mut connection = Connection::new(1, at(0));
    connection.opened_at = Some(at(0));
    connection.subscribe(&symbols, &channels);
    let (mut now, mut refused, mut last) = (0, Vec::new(), None);
    while let Some(sends_at) = connection.sends_at() {
        assert!(last.is_none_or(|last: UtcNanos| sends_at.since(last) >= 400_000_000), "at most three in a second");
        now = now.max(sends_at.0 / 1_000_000);
        last = Some(at(now));
        let text = connection.next_message(&channels, at(now)).unwrap();
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        let is_bad = text.contains("\"s7@") || text.contains("\"s12@");
        if is_bad {
            refused.extend(connection.refuse(None));
        } else {
            connection.confirm(message["id"].as_i64().unwrap());
        }
    }
    assert_eq!(refused, [symbol("S7"), symbol("S12")]);
    assert_eq!(connection.confirmed(), 14);
    assert!(connection.is_settled());
}

#[test]
fn requests_stay_within_the_weight_of_a_minute() {
    let mut requests = Requests::new(1_000);
    for n in 0..10 {
        requests.push(Question::Book(symbol(&format!("S{n}"))), 250);
    }
    let (mut asked, mut now) = (Vec::new(), at(0));
    while let Some(due) = requests.due() {
        now = now.max(due);
        let (id, _) = requests.next_question(now).unwrap();
        asked.push(now);
        requests.answered(id);
    }
    assert_eq!(asked.len(), 10);
    for (n, at) in asked.iter().enumerate() {
        let within = asked[..=n].iter().filter(|other| at.since(**other) < 60_000_000_000).count();
        assert!(within <= 4, "{within} of weight 250 in a minute");
    }
    let id = requests.push(Question::Book(symbol("S")), 5);
    requests.wait_until(now.after(Duration::from_secs(90)));
    assert_eq!(requests.next_question(now.after(Duration::from_secs(89))), None);
    let again = requests.next_question(now.after(Duration::from_secs(90))).unwrap();
    assert_eq!(again.0, id);
}

#[test]
fn control_messages_are_told_apart() {
    let check = |text: &str, expected: Control| assert_eq!(control::read(text.as_bytes()), expected, "{text}");
    let refused = |id, why: &str| Control::Refused { id, code: Some(2), why: why.to_owned() };
    check(r#"{"result":null,"id":7}"#, Control::Confirmed(7));
    check(r#"{"code":2,"msg":"Invalid request"}"#, refused(None, "Invalid request (code 2)"));
    check(r#"{"code":2,"msg":"x","id":3}"#, refused(Some(3), "x (code 2)"));
    check(r#"{"error":{"code":2,"msg":"x"},"id":3}"#, refused(Some(3), "x (code 2)"));
    check(r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}"#, Control::Shutdown);
    check(r#"{"e":"serverShutdown","E":1}"#, Control::Shutdown);
}

/// A session with one link that is open and confirmed.
fn live(symbols: &[&str]) -> (BinanceSession, UtcNanos) {
    let symbols = symbols.iter().map(|text| symbol(text)).collect();
    let mut session = BinanceSession::new(Settings { symbols, ..Settings::default() }).unwrap();
    let (mut out, now) = (Out::default(), at(1_000));
    session.begin(now, &mut out);
    assert!(matches!(&out.effects[..], [Do::Open { link: Link(1), url, .. }] if url.ends_with("/stream")));
    session.hear(Heard::Opened(Link(1)), now, &mut out);
    session.hear(Heard::Frame(Link(1), br#"{"result":null,"id":1}"#), now, &mut out);
    assert_eq!(session.status(now).state, "live");
    (session, now)
}

#[test]
fn symbols_that_cannot_be_are_refused_before_anything_changes() {
    let (mut session, now) = live(&["BTCUSDT"]);
    let mut out = Out::default();
    for wrong in ["btcusdt", "BTC/USDT", "BTC@TRADE"] {
        let error = session.change(&[symbol("ETHUSDT"), symbol(wrong)], &[], now, &mut out).unwrap_err();
        assert!(error.contains(wrong), "{error}");
    }
    assert!(out.effects.is_empty());
    let many: Vec<Symbol> = (0..5_000).map(|n| symbol(&format!("S{n}"))).collect();
    assert!(session.change(&many, &[], now, &mut out).is_err());
    assert_eq!(session.status(now).symbols.len(), 1);
    // As many as fit need more than one link.
    session.change(&many[..1_000], &[], now, &mut out).unwrap();
    let links: Vec<usize> = session.slots.values().map(|slot| slot.symbols.len()).collect();
    assert_eq!(links, [341, 341, 319]);
}

#[test]
fn a_new_link_that_runs_ahead_is_held_back_until_it_leaves_nothing_out() {
    let (mut session, now) = live(&["BTCUSDT"]);
    let mut say = |link: u32, frame: String| {
        let mut out = Out::default();
        session.hear(Heard::Frame(Link(link), frame.as_bytes()), now, &mut out);
        let opened = out.effects.iter().any(|effect| matches!(effect, Do::Open { .. }));
        if opened {
            session.hear(Heard::Opened(Link(2)), now, &mut Out::default());
        }
        let items = out.items.iter().filter(|item| !matches!(item, FeedItem::Gap(_))).count();
        (items, out.effects.contains(&Do::Close(Link(1))))
    };
    let diff = |first, last| {
        let data = format!(r#"{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":{first},"u":{last},"b":[],"a":[]}}"#);
        format!(r#"{{"stream":"btcusdt@depth@100ms","data":{data}}}"#)
    };
    let trade = |id| {
        let data = format!(r#"{{"e":"trade","s":"BTCUSDT","t":{id},"p":"1","q":"1","T":1,"m":true}}"#);
        format!(r#"{{"stream":"btcusdt@trade","data":{data}}}"#)
    };
    let quote = |id| format!(r#"{{"u":{id},"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}}"#);
    for frame in [diff(1, 5), trade(7), quote(5)] {
        assert_eq!(say(1, frame), (1, false));
    }
    say(1, r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}"#.to_owned());
    say(2, r#"{"result":null,"id":1}"#.to_owned());
    assert_eq!(say(2, diff(8, 9)), (0, false), "6 and 7 are still on the old link");
    assert_eq!(say(2, trade(7)), (0, false), "seen before");
    assert_eq!(say(2, quote(5)), (1, false));
    assert_eq!(say(1, diff(6, 9)), (1, false));
    assert_eq!(say(2, diff(10, 11)), (1, true), "all of it was shown: the old link goes");
    let status = session.status(now);
    assert_eq!((status.counters.handovers, status.counters.resyncs, status.counters.gaps), (1, 0, 3));
}
