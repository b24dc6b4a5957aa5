//! What is missing, what is fetched, and what stays missing.

use super::*;

pub(super) const STOCKS: [Channel; 2] = [Channel::Trades, Channel::Quotes];

pub(super) fn row(id: u32, second: u32) -> String {
    format!(r#"{{"t":"2026-11-24T15:00:{second:02}Z","x":"V","p":10,"s":1,"c":["@"],"i":{id},"z":"C"}}"#)
}

pub(super) fn page(rows: &[(&str, &[String])], next: &str) -> String {
    let rows: Vec<String> = rows.iter().map(|(symbol, rows)| format!(r#""{symbol}":[{}]"#, rows.join(","))).collect();
    format!(r#"{{"trades":{{{}}},"next_page_token":{next}}}"#, rows.join(","))
}

/// Live with a trade of AAPL at second 1, then cut at second 20 and live again.
pub(super) fn cut(feed: Feed, names: &[&str], channels: &[Channel]) -> Play {
    let mut play = Play::live(settings(feed, names, channels));
    play.pass(Duration::from_secs(1));
    play.frame(&trade("AAPL", 1, "2026-11-24T15:00:01Z"));
    play.pass(Duration::from_secs(19));
    play.hear(Heard::Closed(play.link, "reset"));
    play.wake();
    play.open();
    play.acknowledge_all();
    play
}

#[test]
fn trades_are_fetched_and_their_gap_is_closed_as_recovered() {
    let mut play = cut(Feed::Iex, &["AAPL", "MSFT"], &STOCKS);
    assert!(play.gap_list().is_empty(), "nothing is closed before it is known");
    assert_eq!(play.session.status(play.now).symbols[0].missing_trades, 1);
    let resumed = play.now;
    // A trade of the new connection that history repeats.
    play.frame(&trade("AAPL", 3, "2026-11-24T15:00:21Z"));
    play.wake();
    let (id, url) = play.request().unwrap();
    let end = play.now;
    assert_eq!(end, resumed.after(Duration::from_secs(5)), "history has time to settle");
    let expected = format!(
        "https://data.alpaca.markets/v2/stocks/trades?symbols=AAPL,MSFT&start=2026-11-24T14:59:51.000000000Z\
         &end={end:?}&limit=10000&sort=asc&feed=iex"
    );
    assert_eq!(url, expected);
    play.answer(id, 200, &page(&[("AAPL", &[row(1, 1), row(2, 10)])], r#""next/1""#));
    assert_eq!((play.trades(), play.out.by_rest), (1, true));
    let (id, url) = play.request().unwrap();
    assert!(url.ends_with("&page_token=next%2F1"), "{url}");
    play.answer(id, 200, &page(&[("AAPL", &[row(3, 21)]), ("MSFT", &[row(4, 12)])], "null"));
    assert_eq!(play.trades(), 1, "the repeated one is left out");
    assert_eq!(play.gap_list(), ["AAPL trades recovered closed", "MSFT trades recovered closed"]);
    let gap = &play.gaps()[0];
    assert_eq!((gap.from, gap.to), ("2026-11-24T15:00:01Z".parse().unwrap(), Some(resumed)));
    assert_eq!(play.session.status(play.now).counters.backfilled, 2);
    assert!(play.request().is_none());
}

#[test]
fn what_is_recorded_of_an_answer_gives_the_same_data() {
    let mut play = cut(Feed::Iex, &["AAPL"], &STOCKS);
    play.wake();
    let (id, _) = play.request().unwrap();
    play.answer(id, 200, &page(&[("AAPL", &[row(1, 1), row(2, 10)])], "null"));
    let line = play.out.record.clone().unwrap();
    let mut again = Vec::new();
    super::super::super::Decoder::new().decode(&line, play.now, &mut again).unwrap();
    let ticks: Vec<&FeedItem> = play.out.items.iter().filter(|item| matches!(item, FeedItem::Tick(_))).collect();
    assert_eq!(again.iter().collect::<Vec<_>>(), ticks);
}

#[test]
fn quotes_stay_missing_until_the_first_one() {
    let mut play = cut(Feed::Iex, &["AAPL"], &STOCKS);
    play.pass(Duration::from_secs(1));
    let quote = r#"[{"T":"q","S":"AAPL","bx":"U","bp":10,"bs":1,"ax":"Q","ap":11,"as":1,"t":"2026-11-24T15:00:22Z"}]"#;
    play.frame(quote);
    assert_eq!(play.gap_list(), ["AAPL quotes disconnect closed"]);
    assert_eq!(play.gaps()[0].to, Some(play.now));
    play.frame(quote);
    assert!(play.gaps().is_empty());
}

#[test]
fn a_book_is_whole_again_with_its_reset() {
    let mut play = Play::live(settings(Feed::Crypto, &["BTC/USD"], &[Channel::Orderbooks]));
    let book = |reset: bool| {
        format!(r#"[{{"T":"o","S":"BTC/USD","t":"2026-11-24T15:00:00Z","b":[{{"p":1,"s":1}}],"a":[],"r":{reset}}}]"#)
    };
    assert_eq!(play.session.status(play.now).symbols[0].book, "waiting");
    play.frame(&book(true));
    assert_eq!(play.session.status(play.now).symbols[0].book, "synced");
    play.hear(Heard::Closed(play.link, "reset"));
    assert_eq!(play.gap_list(), ["BTC/USD depth disconnect open"]);
    play.wake();
    play.open();
    play.acknowledge_all();
    play.frame(&book(false));
    assert!(play.gaps().is_empty());
    play.frame(&book(true));
    assert_eq!(play.gap_list(), ["BTC/USD depth recovered closed"]);
    assert_eq!(play.session.status(play.now).symbols[0].resyncs, 1);
}

#[test]
fn refused_history_leaves_a_gap_with_its_bounds() {
    let mut play = cut(Feed::Sip, &["AAPL", "MSFT"], &STOCKS);
    let resumed = play.now;
    play.wake();
    let (id, _) = play.request().unwrap();
    play.answer(id, 200, &page(&[("AAPL", &[row(2, 10)])], r#""more""#));
    let (id, _) = play.request().unwrap();
    play.answer(id, 403, "subscription does not permit querying recent SIP data");
    let expected = [
        // What was fetched of AAPL is there; the rest, and all of MSFT, is not.
        "AAPL trades recovered closed",
        "AAPL trades disconnect closed",
        "MSFT trades disconnect closed",
    ];
    assert_eq!(play.gap_list(), expected);
    let bounds: Vec<_> = play.gaps().iter().map(|gap| (gap.from, gap.to.unwrap())).collect();
    let at = |second: &str| format!("2026-11-24T15:00:{second}Z").parse::<UtcNanos>().unwrap();
    // MSFT was silent, but the connection was not: up to second 1 nothing of it is missing.
    assert_eq!(bounds, [(at("01"), at("10")), (at("10"), resumed), (at("01"), resumed)]);
    assert!(play.out.notices.iter().any(|notice| matches!(notice, Notice::Warning(text) if text.contains("403"))));
}

#[test]
fn a_page_is_tried_again_and_not_for_ever() {
    let mut play = cut(Feed::Iex, &["AAPL"], &STOCKS);
    for attempt in 1.. {
        while play.request().is_none() {
            play.hear(Heard::Alive(play.link));
            play.wake();
        }
        let (id, _) = play.request().unwrap();
        play.answer(id, 503, "");
        if !play.gaps().is_empty() {
            assert_eq!(attempt, 8);
            break;
        }
    }
    assert_eq!(play.gap_list(), ["AAPL trades disconnect closed"]);
}

#[test]
fn a_rate_limit_is_waited_out_and_fails_nothing() {
    let mut play = cut(Feed::Iex, &["AAPL"], &STOCKS);
    play.wake();
    for _ in 0..20 {
        let (id, _) = play.request().unwrap();
        let asked = play.now;
        play.answer(id, 429, "");
        play.hear(Heard::Alive(play.link));
        play.wake();
        assert_eq!(play.now, asked.after(Duration::from_secs(15)));
    }
    let (id, _) = play.request().unwrap();
    play.answer(id, 200, &page(&[], "null"));
    assert_eq!(play.gap_list(), ["AAPL trades recovered closed"]);
}

#[test]
fn requests_keep_to_the_rate() {
    let mut settings = settings(Feed::Iex, &["AAPL"], &STOCKS);
    settings.requests_per_minute = 3;
    settings.silence = Duration::from_secs(3_600);
    let mut play = Play::live(settings);
    play.hear(Heard::Closed(play.link, "reset"));
    play.wake();
    play.open();
    play.acknowledge_all();
    let mut sent = Vec::new();
    while sent.len() < 9 {
        if let Some((id, _)) = play.request() {
            sent.push(play.now);
            play.answer(id, 200, &page(&[], r#""more""#));
        } else {
            play.hear(Heard::Alive(play.link));
            play.wake();
        }
    }
    for pair in sent.windows(4) {
        assert!(pair[3].since(pair[0]) >= 60_000_000_000, "{sent:?}");
    }
}

#[test]
fn the_delayed_feed_asks_for_what_it_may() {
    let play = {
        let mut play = Play::live(settings(Feed::DelayedSip, &["AAPL"], &STOCKS));
        play.frame(&trade("AAPL", 1, "2026-11-24T14:45:00Z"));
        play.pass(Duration::from_secs(20));
        play.hear(Heard::Closed(play.link, "reset"));
        play.wake();
        play.open();
        play.acknowledge_all();
        play.wake();
        play
    };
    let (_, url) = play.request().unwrap();
    // Our clock may be ahead of the venue's by some seconds.
    let end = play.now.before(Duration::from_secs(910));
    assert!(url.contains("start=2026-11-24T14:44:50") && url.contains(&format!("end={end:?}")), "{url}");
    assert!(url.contains("feed=sip"), "{url}");
}

#[test]
fn the_test_feed_has_no_history() {
    let mut play = Play::live(settings(Feed::Test, &["FAKEPACA"], &[Channel::Trades]));
    play.hear(Heard::Closed(play.link, "reset"));
    play.wake();
    play.open();
    play.acknowledge_all();
    assert_eq!(play.gap_list(), ["FAKEPACA trades disconnect closed"]);
}

#[test]
fn bars_are_fetched_where_they_stand_for_trades() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL"], &[Channel::Bars]));
    play.pass(Duration::from_secs(30));
    play.hear(Heard::Closed(play.link, "reset"));
    assert!(play.gaps().is_empty());
    play.wake();
    play.open();
    play.acknowledge_all();
    play.wake();
    let (id, url) = play.request().unwrap();
    assert!(url.contains("/v2/stocks/bars?timeframe=1Min&symbols=AAPL&start=2026-11-24T14:59:00"), "{url}");
    let body = r#"{"bars":{"AAPL":[{"t":"2026-11-24T15:00:00Z","o":1,"h":1,"l":1,"c":1,"v":5,"n":2,"vw":1}]}}"#;
    play.answer(id, 200, body);
    assert!(matches!(play.out.items.as_slice(), [FeedItem::Bar(_)]));
    assert_eq!(play.session.status(play.now).counters.backfilled, 0);
}
