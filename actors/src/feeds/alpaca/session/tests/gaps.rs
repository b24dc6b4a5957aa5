//! What is missing, what is fetched, and what stays missing.

use super::*;

const STOCKS: [Channel; 2] = [Channel::Trades, Channel::Quotes];

fn row(id: u32, second: u32) -> String {
    format!(r#"{{"t":"2026-11-24T15:00:{second:02}Z","x":"V","p":10,"s":1,"c":["@"],"i":{id},"z":"C"}}"#)
}

fn page(rows: &[(&str, &[String])], next: &str) -> String {
    let rows: Vec<String> = rows.iter().map(|(symbol, rows)| format!(r#""{symbol}":[{}]"#, rows.join(","))).collect();
    format!(r#"{{"trades":{{{}}},"next_page_token":{next}}}"#, rows.join(","))
}

/// Live with a trade of AAPL at second 1, then cut at second 20 and live again.
fn cut(feed: Feed, names: &[&str], channels: &[Channel]) -> Play {
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
fn what_came_before_the_first_acknowledgement_is_fetched() {
    let mut play = Play::new(settings(Feed::Iex, &["AAPL"], &STOCKS));
    assert_eq!(play.gap_list(), ["AAPL trades stopped open", "AAPL quotes stopped open"]);
    // The slot is still held by the process that was killed.
    play.hear(Heard::Opened(play.link));
    play.error(406);
    assert!(play.gaps().is_empty(), "they are open already");
    play.wake();
    play.open();
    play.acknowledge_all();
    let resumed = play.now;
    play.wake();
    let (id, url) = play.request().unwrap();
    assert!(url.contains("symbols=AAPL&start=2026-11-24T14:59:50"), "{url}");
    play.answer(id, 200, &page(&[("AAPL", &[row(1, 10)])], "null"));
    assert_eq!((play.trades(), play.gap_list()), (1, vec!["AAPL trades recovered closed".to_owned()]));
    assert_eq!((play.gaps()[0].from, play.gaps()[0].to), (BEGIN.parse().unwrap(), Some(resumed)));
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
fn a_second_loss_goes_on_where_the_first_was() {
    let mut play = cut(Feed::Iex, &["AAPL"], &STOCKS);
    play.wake();
    let (stale, _) = play.request().unwrap();
    play.hear(Heard::Closed(play.link, "reset"));
    assert!(play.gaps().is_empty(), "the gap is open already");
    play.answer(stale, 200, &page(&[("AAPL", &[row(2, 10)])], "null"));
    assert!(play.out.items.is_empty());
    play.wake();
    play.open();
    play.acknowledge_all();
    play.wake();
    let (id, url) = play.request().unwrap();
    assert!(url.contains("start=2026-11-24T14:59:51"), "{url}");
    play.answer(id, 200, &page(&[("AAPL", &[row(2, 10)])], "null"));
    assert_eq!((play.trades(), play.gap_list()), (1, vec!["AAPL trades recovered closed".to_owned()]));
}

#[test]
fn an_answer_for_an_older_hole_closes_no_newer_one() {
    let mut play = cut(Feed::Iex, &["AAPL", "MSFT"], &STOCKS);
    play.wake();
    let (first, _) = play.request().unwrap();
    // MSFT is gone again before the answer, and comes back after it.
    play.acknowledge(&["AAPL".to_owned()]);
    play.answer(first, 200, &page(&[], "null"));
    assert_eq!(play.gap_list(), ["AAPL trades recovered closed"]);
    play.pass(Duration::from_secs(1));
    play.acknowledge_all();
    play.wake();
    let (second, url) = play.request().unwrap();
    assert!(url.contains("symbols=MSFT&start=2026-11-24T14:59:51"), "{url}");
    // And once more, this time back before the answer.
    play.acknowledge(&["AAPL".to_owned()]);
    play.pass(Duration::from_secs(1));
    play.acknowledge_all();
    play.answer(second, 200, &page(&[], "null"));
    assert!(play.gaps().is_empty(), "what was lost last is not there yet");
    play.wake();
    let (third, _) = play.request().unwrap();
    play.answer(third, 200, &page(&[], "null"));
    assert_eq!(play.gap_list(), ["MSFT trades recovered closed"]);
}

#[test]
fn a_trade_that_cannot_be_read_is_missing_and_asked_for() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL", "MSFT"], &STOCKS));
    play.frame(&trade("AAPL", 1, "2026-11-24T15:00:01Z"));
    play.pass(Duration::from_secs(2));
    let bad = r#"{"T":"t","S":"MSFT","x":"V","p":0.123456789,"s":1,"t":"2026-11-24T15:00:02Z","i":9}"#;
    let good = trade("AAPL", 2, "2026-11-24T15:00:02Z");
    play.frame(&format!("[{bad},{}", &good[1..]));
    assert_eq!((play.trades(), play.out.undecodable.len()), (1, 1));
    assert_eq!(play.gap_list(), ["MSFT trades sequence open"]);
    assert_eq!(play.gaps()[0].from, BEGIN.parse().unwrap(), "when something was heard before");
    // Those that follow are part of the same gap, and of one request.
    for _ in 0..9 {
        play.pass(Duration::from_secs(1));
        assert!(play.frame(&format!("[{bad}]")).items.is_empty());
    }
    play.wake();
    let (id, url) = play.request().unwrap();
    assert!(url.contains("symbols=MSFT&start=2026-11-24T14:59:50"), "{url}");
    play.answer(id, 200, &page(&[], "null"));
    assert_eq!(play.gap_list(), ["MSFT trades recovered closed"]);
    assert!(play.request().is_none() && play.state() == "live");
}

#[test]
fn what_nobody_can_tell_whose_it_is_is_asked_for_of_all() {
    for frame in ["[{\"T\":\"t\",\"p\":1}]", "[{\"S\":\"AAPL\"}]", "[5]", "[{\"T\":"] {
        let mut play = Play::live(settings(Feed::Iex, &["AAPL"], &[Channel::Trades]));
        assert_eq!(play.frame(frame).undecodable.len(), 1, "{frame}");
        assert_eq!(play.gap_list(), ["AAPL trades disconnect open"], "{frame}");
    }
}

#[test]
fn a_book_that_lacks_an_update_is_subscribed_anew() {
    let mut play = Play::live(settings(Feed::Crypto, &["BTC/USD"], &[Channel::Trades, Channel::Orderbooks]));
    let book = |price: &str, reset: bool| {
        format!(
            r#"[{{"T":"o","S":"BTC/USD","t":"2026-11-24T15:00:00Z","b":[{{"p":{price},"s":1}}],"a":[],"r":{reset}}}]"#
        )
    };
    play.frame(&book("1", true));
    play.frame(&book("null", false));
    assert_eq!(play.gap_list(), ["BTC/USD depth sequence open"]);
    assert_eq!(play.session.status(play.now).symbols[0].book, "waiting");
    assert_eq!(play.sent().unwrap(), ("unsubscribe".to_owned(), vec!["BTC/USD".to_owned()]));
    assert!(!format!("{:?}", play.out.effects).contains("trades"), "the trades go on");
    play.frame(r#"[{"T":"subscription","trades":["BTC/USD"],"orderbooks":[]}]"#);
    assert_eq!(play.sent().unwrap(), ("subscribe".to_owned(), vec!["BTC/USD".to_owned()]));
    play.acknowledge_all();
    play.frame(&book("2", true));
    assert_eq!(play.gap_list(), ["BTC/USD depth recovered closed"]);
    assert_eq!(play.session.status(play.now).symbols[0].book, "synced");
}

#[test]
fn what_was_fetched_is_not_handed_on_again_after_the_next_loss() {
    let mut play = cut(Feed::Iex, &["AAPL"], &STOCKS);
    play.wake();
    let (id, _) = play.request().unwrap();
    // A row without a number counts where the stream was not heard, and only there.
    let nameless = |second: u32| row(2, second).replace(r#""x":"V","#, "");
    play.answer(
        id,
        200,
        &page(&[("AAPL", &[nameless(0), row(2, 10), row(3, 19), nameless(10), nameless(24)])], "null"),
    );
    assert_eq!((play.trades(), play.gap_list()), (3, vec!["AAPL trades recovered closed".to_owned()]));
    play.hear(Heard::Closed(play.link, "reset"));
    play.wake();
    play.open();
    play.acknowledge_all();
    play.wake();
    let (id, _) = play.request().unwrap();
    play.answer(id, 200, &page(&[("AAPL", &[row(2, 10), row(3, 19), row(4, 20)])], "null"));
    assert_eq!(play.trades(), 1);
}

#[test]
fn history_reaches_to_where_the_stream_has_come_by_the_venues_clock() {
    let mut play = cut(Feed::Iex, &["AAPL"], &STOCKS);
    // The venue's clock is a minute ahead.
    play.frame(&trade("AAPL", 3, "2026-11-24T15:01:21Z"));
    play.wake();
    let (_, url) = play.request().unwrap();
    assert!(url.contains("&end=2026-11-24T15:01:21"), "{url}");
}

#[test]
fn bars_that_were_not_fetched_before_the_next_loss_are_asked_for_again() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL"], &[Channel::Bars]));
    for _ in 0..2 {
        play.pass(Duration::from_secs(300));
        play.hear(Heard::Closed(play.link, "reset"));
        play.wake();
        play.open();
        play.acknowledge_all();
    }
    play.wake();
    let (_, url) = play.request().unwrap();
    assert!(url.contains("&start=2026-11-24T14:59:00"), "{url}");
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

#[test]
fn what_a_symbol_misses_while_nobody_wants_it_is_fetched_when_it_comes_back() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL", "MSFT"], &STOCKS));
    play.pass(Duration::from_secs(30));
    play.frame(&trade("MSFT", 1, "2026-11-24T15:00:30Z"));
    let change = |play: &mut Play, add: &[&str], remove: &[&str]| {
        play.out.clear();
        play.session.change(&symbols(add), &symbols(remove), play.now, &mut play.out).unwrap();
    };
    change(&mut play, &[], &["MSFT"]);
    assert_eq!(play.gap_list(), ["MSFT trades stopped open", "MSFT quotes stopped open"]);
    assert_eq!(play.sent().unwrap(), ("unsubscribe".to_owned(), vec!["MSFT".to_owned()]));
    play.acknowledge(&["AAPL".to_owned()]);
    play.pass(Duration::from_secs(600));
    play.hear(Heard::Alive(play.link));
    change(&mut play, &["MSFT"], &[]);
    play.acknowledge_all();
    let resumed = play.now;
    play.wake();
    let (id, url) = play.request().unwrap();
    assert!(url.contains("symbols=MSFT&start=2026-11-24T15:00:20"), "{url}");
    play.answer(id, 200, &page(&[], "null"));
    assert_eq!(play.gap_list(), ["MSFT trades recovered closed"]);
    assert_eq!(play.gaps()[0].to, Some(resumed));
    assert!(play.gaps().iter().all(|gap| gap.channel == GapChannel::Trades && gap.cause == GapCause::Recovered));
}
