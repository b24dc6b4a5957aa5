//! What the venue says at a bad moment: what is told to people stays true.

use super::*;
use crate::feeds::session::{Answer, RequestId};

/// What the session says to something heard.
fn hear(session: &mut BinanceSession, heard: Heard<'_>, now: UtcNanos) -> Out {
    let mut out = Out::default();
    session.hear(heard, now, &mut out);
    out
}

fn sent(out: &Out) -> String {
    let texts =
        out.effects.iter().filter_map(|effect| if let Do::Send(_, text) = effect { Some(&**text) } else { None });
    texts.collect()
}

#[test]
fn a_silent_link_is_replaced_and_the_timer_never_stands_still() {
    let (mut session, now) = live(&["BTCUSDT"]);
    let mut out = Out::default();
    let (mut time, end, mut opened) = (now, now.after(Duration::from_secs(600)), 0);
    while let Some(due) = session.next_due().filter(|due| *due <= end) {
        assert!(due >= time, "never in the past");
        time = due;
        out.clear();
        session.hear(Heard::Timer, time, &mut out);
        opened += out.effects.iter().filter(|effect| matches!(effect, Do::Open { .. })).count();
        assert!(session.next_due().is_none_or(|next| next > time), "what was due is done at {time}");
    }
    assert!((5..60).contains(&opened), "{opened} links in ten minutes of silence");
    assert_eq!(session.status(end).counters.disconnects, 1, "only one had been open");
}

#[test]
fn a_venue_that_is_busy_is_asked_again_and_no_symbol_is_left_out() {
    let symbols = vec![symbol("BTCUSDT"), symbol("ETHUSDT")];
    let mut session = BinanceSession::new(Settings { symbols, ..Settings::default() }).unwrap();
    session.begin(at(0), &mut Out::default());
    let asked = sent(&hear(&mut session, Heard::Opened(Link(1)), at(10)));
    let busy = br#"{"code":0,"msg":"Internal error","id":1}"#;
    let out = hear(&mut session, Heard::Frame(Link(1), busy), at(20));
    assert!(out.effects.contains(&Do::Close(Link(1))), "{out:?}");
    let due = session.next_due().unwrap();
    hear(&mut session, Heard::Timer, due);
    assert_eq!(sent(&hear(&mut session, Heard::Opened(Link(2)), due)), asked, "all of them again");
    assert!(session.status(due).symbols.iter().all(|symbol| symbol.state != "refused"));
    // What belongs to no message of ours changes nothing.
    assert_eq!(hear(&mut session, Heard::Frame(Link(2), br#"{"code":0,"msg":"x","id":9}"#), due).effects, []);
}

/// Asks what is due until something by REST is asked, and says what.
fn next_question(session: &mut BinanceSession, end: UtcNanos) -> Option<(RequestId, String, UtcNanos)> {
    while let Some(due) = session.next_due().filter(|due| *due <= end) {
        for effect in hear(session, Heard::Timer, due).effects {
            if let Do::Ask { id, url, .. } = effect {
                return Some((id, url, due));
            }
        }
    }
    None
}

fn open_and_confirm(session: &mut BinanceSession, link: Link, now: UtcNanos) {
    hear(session, Heard::Opened(link), now);
    hear(session, Heard::Frame(link, br#"{"result":null,"id":1}"#), now);
}

#[test]
fn an_answer_to_what_a_lost_link_wanted_to_know_closes_no_gap() {
    let channels = Channels { trade: true, agg_trade: false, book_ticker: false, depth: false, kline: None };
    let settings = Settings { symbols: vec![symbol("BTCUSDT")], channels, ..Settings::default() };
    let mut session = BinanceSession::new(settings).unwrap();
    session.begin(at(0), &mut Out::default());
    open_and_confirm(&mut session, Link(1), at(0));
    let trade =
        br#"{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","t":7,"p":"1","q":"1","T":1,"m":true}}"#;
    hear(&mut session, Heard::Frame(Link(1), trade), at(1));
    hear(&mut session, Heard::Closed(Link(1), "gone"), at(2));
    let due = session.next_due().unwrap();
    hear(&mut session, Heard::Timer, due);
    open_and_confirm(&mut session, Link(2), due);
    let (id, _, now) = next_question(&mut session, at(60_000)).unwrap();
    hear(&mut session, Heard::Closed(Link(2), "gone"), now);
    let row = br#"[{"id":7,"price":"1","qty":"1","time":1,"isBuyerMaker":true}]"#;
    let answer = Answer { status: 200, retry_after: None, used_weight: None, body: row };
    let out = hear(&mut session, Heard::Answered(id, Ok(answer)), now);
    assert_eq!(out.items, [], "nobody listens: the gap stays open");
    let due = session.next_due().unwrap();
    hear(&mut session, Heard::Timer, due);
    open_and_confirm(&mut session, Link(3), due);
    let (id, _, now) = next_question(&mut session, due.after(Duration::from_secs(20))).expect("it is asked once more");
    let items = hear(&mut session, Heard::Answered(id, Ok(answer)), now).items;
    assert!(matches!(&items[..], [FeedItem::Gap(gap)] if gap.cause == GapCause::Recovered), "{items:?}");
}

#[test]
fn no_two_gaps_begin_in_the_same_microsecond() {
    let (mut ids, mut gaps) = (ids(), Vec::new());
    // A hole of which only the middle is had, then one of which the oldest are not worth asking for.
    stream(&mut ids, 9, 0, &mut gaps);
    stream(&mut ids, 31, 100, &mut gaps);
    ids.report(at(2_100), &mut gaps);
    let page = ids.wanted(at(2_100)).unwrap();
    for id in 15..=20 {
        ids.saw(id, Source::Rest, at(2_200), &mut gaps);
    }
    for _ in 0..2 {
        ids.answered(page, 30, at(2_200), &mut gaps);
    }
    ids.lost(GapCause::Disconnect, None, &mut gaps);
    stream(&mut ids, 9_000, 2_300, &mut gaps);
    stream(&mut ids, 9_001, 2_300, &mut gaps);
    ids.report(at(5_000), &mut gaps);
    let bounds: BTreeSet<_> = gaps.iter().filter(|gap| gap.to.is_some()).map(|gap| gap.first_missing).collect();
    let ends: BTreeSet<i64> = gaps.iter().filter(|gap| gap.to.is_some()).map(|gap| gap.from.micros()).collect();
    assert_eq!((ends.len(), bounds.len()), (3, 3), "{gaps:#?}");
    let opened: BTreeSet<i64> = gaps.iter().filter(|gap| gap.to.is_none()).map(|gap| gap.from.micros()).collect();
    assert_eq!(opened.len(), 3, "{gaps:#?}");
}

#[test]
fn a_snapshot_that_the_market_does_not_take_is_asked_for_again() {
    let channels = Channels { trade: false, agg_trade: false, book_ticker: false, depth: true, kline: None };
    let settings = Settings { symbols: vec![symbol("BTCUSDT")], channels, ..Settings::default() };
    let (mut session, now) = (BinanceSession::new(settings).unwrap(), at(0));
    session.begin(now, &mut Out::default());
    open_and_confirm(&mut session, Link(1), now);
    for price in ["0", "1"] {
        let (id, url, asked_at) = next_question(&mut session, now.after(Duration::from_secs(20))).unwrap();
        assert!(url.contains("/depth?"), "{url}");
        let body = format!(r#"{{"lastUpdateId":5,"bids":[["{price}","1"]],"asks":[]}}"#);
        let answer = Answer { status: 200, retry_after: None, used_weight: None, body: body.as_bytes() };
        let out = hear(&mut session, Heard::Answered(id, Ok(answer)), asked_at);
        let is_taken = out.items.iter().any(|item| matches!(item, FeedItem::Depth(_)));
        let book = &session.status(asked_at).symbols[0].book;
        assert_eq!((is_taken, book == "synced"), (price == "1", price == "1"), "{price}");
    }
}

/// Links that are opened in five minutes at a venue that closes each after it has lived so long.
fn links_in_five_minutes(life: Duration) -> u32 {
    let mut session =
        BinanceSession::new(Settings { symbols: vec![symbol("BTCUSDT")], ..Settings::default() }).unwrap();
    let (mut now, mut link) = (at(0), 0);
    session.begin(now, &mut Out::default());
    while now < at(300_000) {
        link += 1;
        open_and_confirm(&mut session, Link(link), now);
        now = now.after(life);
        hear(&mut session, Heard::Closed(Link(link), "gone"), now);
        while session.links.is_empty() {
            now = now.max(session.next_due().unwrap());
            hear(&mut session, Heard::Timer, now);
        }
    }
    link
}

#[test]
fn a_venue_that_closes_each_link_at_once_is_not_asked_every_second() {
    assert!((5..20).contains(&links_in_five_minutes(Duration::from_millis(50))));
    // One that lived is missed: the wait is short.
    assert!((4..=5).contains(&links_in_five_minutes(Duration::from_secs(61))));
}

#[test]
fn a_symbol_that_rest_does_not_know_is_left_out_of_the_streams_too() {
    let (mut session, now) = live(&["BTCUSDT"]);
    let (id, _, asked_at) = next_question(&mut session, now.after(Duration::from_secs(20))).unwrap();
    let body = br#"{"code":-1121,"msg":"Invalid symbol."}"#;
    let answer = Answer { status: 400, retry_after: None, used_weight: None, body };
    let said = sent(&hear(&mut session, Heard::Answered(id, Ok(answer)), asked_at));
    assert!(said.contains("UNSUBSCRIBE") && said.contains("btcusdt@trade"), "{said}");
    let quote = br#"{"stream":"btcusdt@bookTicker","data":{"u":5,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}}"#;
    let out = hear(&mut session, Heard::Frame(Link(1), quote), asked_at);
    assert_eq!((out.items, out.record), (vec![], Some(vec![])), "neither handed on nor recorded");
    let mut out = Out::default();
    session.change(&[], &[symbol("BTCUSDT")], asked_at, &mut out).unwrap();
    assert_eq!(sent(&out), "", "once is enough");
}

#[test]
fn a_refused_message_is_not_sent_again_for_what_was_removed_meanwhile() {
    let symbols = vec![symbol("BTCUSDT"), symbol("NONEUSDT")];
    let mut session = BinanceSession::new(Settings { symbols, ..Settings::default() }).unwrap();
    session.begin(at(0), &mut Out::default());
    hear(&mut session, Heard::Opened(Link(1)), at(0));
    session.change(&[], &[symbol("NONEUSDT")], at(500), &mut Out::default()).unwrap();
    hear(&mut session, Heard::Frame(Link(1), br#"{"code":2,"msg":"Invalid request","id":1}"#), at(600));
    let again = sent(&hear(&mut session, Heard::Timer, at(900)));
    assert!(again.contains(r#""SUBSCRIBE""#) && !again.contains("none"), "{again}");
    assert_eq!(session.status(at(900)).symbols[0].state, "lost", "not yet confirmed, and not refused");
}

#[test]
fn connecting_and_subscribing_at_the_start_stands_in_gaps_that_close_with_the_first_data() {
    let settings = Settings { symbols: vec![symbol("BTCUSDT")], ..Settings::default() };
    let mut session = BinanceSession::new(settings).unwrap();
    let mut gaps = Vec::new();
    let mut note = |items: Vec<FeedItem>| {
        gaps.extend(items.into_iter().filter_map(|item| match item {
            FeedItem::Gap(gap) => Some((gap.channel.as_str(), gap.cause, gap.from, gap.to)),
            _ => None,
        }));
    };
    let mut out = Out::default();
    session.begin(at(1), &mut out);
    note(out.items);
    // A link that does not come is no second gap.
    note(hear(&mut session, Heard::Closed(Link(1), "refused"), at(5)).items);
    let due = session.next_due().unwrap();
    hear(&mut session, Heard::Timer, due);
    open_and_confirm(&mut session, Link(2), due);
    let quote = br#"{"stream":"btcusdt@bookTicker","data":{"u":5,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}}"#;
    note(hear(&mut session, Heard::Frame(Link(2), quote), due).items);
    let mut now = due;
    for _ in 0..2 {
        let (id, url, asked_at) = next_question(&mut session, at(60_000)).unwrap();
        let trades = br#"[{"id":7,"price":"1","qty":"1","time":0,"isBuyerMaker":true}]"#;
        let book = br#"{"lastUpdateId":5,"bids":[],"asks":[]}"#;
        let body: &[u8] = if url.contains("/depth?") { book } else { trades };
        let answer = Answer { status: 200, retry_after: None, used_weight: None, body };
        note(hear(&mut session, Heard::Answered(id, Ok(answer)), asked_at).items);
        now = asked_at;
    }
    let (stopped, recovered) = (GapCause::Stopped, GapCause::Recovered);
    assert_eq!(gaps[..3], ["trades", "quotes", "depth"].map(|channel| (channel, stopped, at(1), None)));
    assert_eq!(gaps[3], ("quotes", stopped, at(1), Some(due)));
    let mut ends: Vec<_> = gaps[4..].iter().map(|(channel, cause, from, _)| (*channel, *cause, *from)).collect();
    ends.sort_by_key(|end| end.0);
    assert_eq!(ends, [("depth", recovered, at(1)), ("trades", recovered, at(1))]);
    let mut out = Out::default();
    session.pause(Pause::Overload, now, &mut out);
    out.clear();
    session.begin(now, &mut out);
    assert_eq!(out.items, [], "a pause has its own gaps");
}

#[test]
fn the_first_trade_of_a_quiet_symbol_comes_once_whoever_tells_it_first() {
    let channels = Channels { trade: true, agg_trade: false, book_ticker: false, depth: false, kline: None };
    let trade =
        br#"{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","t":7,"p":"1","q":"1","T":9,"m":true}}"#;
    let trades = |out: &Out| out.items.iter().filter(|item| matches!(item, FeedItem::Tick(_))).count();
    for (stream_is_first, newest) in [(false, 7), (true, 7), (true, 6), (true, 8)] {
        let settings = Settings { symbols: vec![symbol("BTCUSDT")], channels: channels.clone(), ..Settings::default() };
        let mut session = BinanceSession::new(settings).unwrap();
        session.begin(at(0), &mut Out::default());
        open_and_confirm(&mut session, Link(1), at(0));
        let (id, _, now) = next_question(&mut session, at(60_000)).unwrap();
        let body = format!(r#"[{{"id":{newest},"price":"1","qty":"1","time":9,"isBuyerMaker":true}}]"#);
        let answer = Answer { status: 200, retry_after: None, used_weight: None, body: body.as_bytes() };
        let (answer, frame) = (Heard::Answered(id, Ok(answer)), Heard::Frame(Link(1), trade));
        let order = if stream_is_first { [frame, answer] } else { [answer, frame] };
        assert_eq!(order.map(|heard| trades(&hear(&mut session, heard, now))), [1, 0], "{stream_is_first} {newest}");
    }
}
