//! Subscriptions: what is acknowledged, refused, too many, and changed while live.

use super::*;

const TRADES: [Channel; 1] = [Channel::Trades];

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("S{n:03}")).collect()
}

fn many(count: usize, limit: Option<usize>) -> Settings {
    let names = names(count);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Settings { symbol_limit: limit, ..settings(Feed::Iex, &names, &TRADES) }
}

/// Plays a venue that allows `limit` symbols and does not know `bad`; returns how often it was asked.
fn settle(play: &mut Play, limit: usize, bad: &str) -> usize {
    let mut set = std::collections::BTreeSet::new();
    let mut asks = 0;
    let mut request = play.sent();
    while let Some((action, symbols)) = request {
        asks += 1;
        assert!(asks < 100, "it does not end");
        if action == "unsubscribe" {
            set.retain(|symbol| !symbols.contains(symbol));
        } else if symbols.iter().any(|symbol| symbol == bad) {
            play.error(400);
            request = play.sent();
            continue;
        } else if set.len() + symbols.len() > limit {
            play.error(405);
            request = play.sent();
            continue;
        } else {
            set.extend(symbols);
        }
        play.acknowledge(&set.iter().cloned().collect::<Vec<_>>());
        request = play.sent();
    }
    asks
}

fn states(play: &Play) -> Vec<(String, String)> {
    let status = play.session.status(play.now);
    status.symbols.into_iter().map(|symbol| (symbol.symbol.to_string(), symbol.state)).collect()
}

#[test]
fn a_limit_that_nobody_knew_is_found_and_the_last_symbols_are_left_out() {
    for limit in [0, 1, 7, 30, 39] {
        let mut play = Play::new(many(40, None));
        play.open();
        let asks = settle(&mut play, limit, "");
        assert!(asks <= 13, "{asks} requests for a limit of {limit}");
        assert_eq!(play.state(), "live");
        for (n, (symbol, state)) in states(&play).into_iter().enumerate() {
            assert_eq!(state, if n < limit { "silent" } else { "lost" }, "{symbol} of {limit}");
        }
        let told = play.out.notices.iter().any(|n| matches!(n, Notice::Warning(text) if text.contains("S039")));
        assert!(told, "{:?}", play.out.notices);
    }
}

#[test]
fn a_known_limit_is_kept_without_asking() {
    let mut play = Play::new(many(40, Some(30)));
    assert_eq!(play.open().unwrap().len(), 30);
    assert_eq!(settle(&mut play, 30, ""), 1);
    assert!(play.session.change(&symbols(&["NEW"]), &[], play.now, &mut Out::default()).is_err());
}

#[test]
fn the_limit_that_was_found_holds_for_the_next_connection() {
    let mut play = Play::new(many(40, None));
    play.open();
    settle(&mut play, 30, "");
    play.hear(Heard::Closed(play.link, "reset"));
    play.wake();
    play.open();
    assert!(settle(&mut play, 30, "") <= 6);
    assert_eq!(states(&play).iter().filter(|(_, state)| state == "silent").count(), 30);
}

#[test]
fn one_bad_symbol_is_found_and_costs_the_others_nothing() {
    for bad in ["S000", "S017", "S099"] {
        let mut play = Play::new(many(100, None));
        play.open();
        let asks = settle(&mut play, 1_000, bad);
        assert!(asks <= 40, "{asks} requests for {bad}");
        let lost: Vec<String> =
            states(&play).into_iter().filter(|(_, state)| state == "lost").map(|(symbol, _)| symbol).collect();
        assert_eq!(lost, [bad]);
    }
}

#[test]
fn what_is_not_acknowledged_is_asked_again_and_then_left_out() {
    let mut play = Play::new(settings(Feed::Iex, &["AAPL", "MSFT"], &TRADES));
    assert_eq!(play.open().unwrap(), ["AAPL", "MSFT"]);
    let aapl = ["AAPL".to_owned()];
    play.acknowledge(&aapl);
    assert_eq!(play.asked().unwrap(), ["MSFT"]);
    for _ in 0..2 {
        let before = play.now;
        assert!(play.acknowledge(&aapl).effects.is_empty(), "it is not asked again at once");
        play.wake();
        assert_eq!((play.now, play.asked().unwrap()), (before.after(Duration::from_secs(5)), vec!["MSFT".to_owned()]));
        assert_eq!(play.state(), "subscribing");
    }
    play.acknowledge(&aapl);
    assert_eq!((play.asked(), play.state()), (None, "live".to_owned()));
    assert_eq!(states(&play)[1], ("MSFT".to_owned(), "lost".to_owned()));
    // The next connection may know better.
    play.hear(Heard::Closed(play.link, "reset"));
    play.wake();
    assert_eq!(play.open().unwrap(), ["AAPL", "MSFT"]);
}

#[test]
fn what_nobody_asked_for_is_unsubscribed() {
    let mut play = Play::new(settings(Feed::Iex, &["AAPL"], &TRADES));
    play.open();
    play.acknowledge(&["AAPL".to_owned(), "TSLA".to_owned()]);
    assert_eq!(play.sent().unwrap(), ("unsubscribe".to_owned(), vec!["TSLA".to_owned()]));
    play.acknowledge(&["AAPL".to_owned()]);
    assert_eq!(play.state(), "live");
}

#[test]
fn what_cannot_be_unsubscribed_is_not_asked_for_ever() {
    for code in [400, 405, 410, 412, 413] {
        let mut play = Play::new(settings(Feed::Iex, &["AAPL"], &TRADES));
        play.open();
        play.acknowledge(&["AAPL".to_owned(), "TSLA".to_owned()]);
        let mut asks = 0;
        while let Some((action, _)) = play.sent() {
            assert_eq!(action, "unsubscribe");
            asks += 1;
            assert!(asks < 10, "it does not end after {code}");
            play.error(code);
            if play.session.subscriptions.waits_until().is_some() {
                while play.sent().is_none() {
                    play.wake();
                }
            }
        }
        assert_eq!((asks, play.state()), (2, "live".to_owned()), "{code}: the subscription that brought it was a try");
    }
}

#[test]
fn a_symbol_that_lacks_one_channel_has_its_others() {
    let channels = [Channel::Trades, Channel::Quotes];
    let mut play = Play::live(settings(Feed::Iex, &["AAPL"], &channels));
    let ack = r#"[{"T":"subscription","trades":["AAPL"],"quotes":[]}]"#;
    play.frame(ack);
    assert_eq!(play.gap_list(), ["AAPL quotes disconnect open"], "its trades still come");
    while !play.session.subscriptions.left_out().iter().any(|(_, why)| why.contains("acknowledge")) {
        if play.frame(ack).effects.is_empty() && play.session.subscriptions.waits_until().is_some() {
            play.wake();
        }
    }
    assert_eq!(states(&play)[0].1, "silent", "nothing came, but it may");
    play.hear(Heard::Closed(play.link, "reset"));
    assert_eq!(play.gap_list(), ["AAPL trades disconnect open"]);
    play.wake();
    play.open();
    play.frame(ack);
    play.wake();
    assert!(play.request().unwrap().1.contains("symbols=AAPL&"));
}

#[test]
fn a_symbol_that_vanishes_from_the_set_opens_a_gap_and_is_fetched() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL", "MSFT"], &TRADES));
    play.acknowledge(&["AAPL".to_owned()]);
    assert_eq!(play.gap_list(), ["MSFT trades disconnect open"]);
    assert_eq!(play.asked().unwrap(), ["MSFT"]);
    play.acknowledge_all();
    play.wake();
    assert!(play.request().unwrap().1.contains("symbols=MSFT&"));
}

#[test]
fn no_acknowledgement_ends_in_a_new_connection() {
    let mut play = Play::new(settings(Feed::Iex, &["AAPL"], &TRADES));
    play.open();
    for _ in 0..2 {
        play.wake();
        assert_eq!(play.asked().unwrap(), ["AAPL"]);
    }
    play.wake();
    assert_eq!(play.state(), "waiting");
}

#[test]
fn symbols_come_and_go_while_live() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL"], &TRADES));
    play.out.clear();
    play.session.change(&symbols(&["MSFT", "AAPL"]), &symbols(&["TSLA"]), play.now, &mut play.out).unwrap();
    assert_eq!(play.asked().unwrap(), ["MSFT"]);
    play.acknowledge_all();
    assert_eq!(states(&play).len(), 2);
    assert!(play.session.change(&symbols(&["BTC/USD"]), &[], play.now, &mut Out::default()).is_err());
}

#[test]
fn a_symbol_is_stale_by_its_own_silence() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL", "MSFT"], &TRADES));
    play.frame(&trade("AAPL", 1, BEGIN));
    let stale = Duration::from_secs(60);
    let at = |play: &Play, time| play.session.status(play.now.after(time)).symbols[0].state.clone();
    assert_eq!((at(&play, stale), at(&play, stale * 2)), ("live".to_owned(), "stale".to_owned()));
    assert_eq!(states(&play)[1].1, "silent");
}

#[test]
fn a_symbol_of_a_closed_market_may_be_silent() {
    let states_at = |feed: Feed, name: &str, time: &str| {
        let mut play = Play::live(settings(feed, &[name], &TRADES));
        let silent = play.session.status(time.parse().unwrap()).symbols[0].state.clone();
        play.frame(&trade(name, 1, BEGIN));
        (silent, play.session.status(time.parse().unwrap()).symbols[0].state.clone())
    };
    let check = |feed: Feed, name: &str, time: &str, silent: &str, heard: &str| {
        assert_eq!(states_at(feed, name, time), (silent.to_owned(), heard.to_owned()), "{feed:?} at {time}");
    };
    // Stocks end at 21:00 UTC that day; what comes fifteen minutes late then is of an open market.
    for feed in [Feed::Iex, Feed::Sip, Feed::DelayedSip] {
        check(feed, "AAPL", "2026-11-24T20:59:59Z", "silent", "stale");
        check(feed, "AAPL", "2026-11-24T21:15:00Z", "closed", "closed");
    }
    check(Feed::Sip, "AAPL", "2026-11-24T21:00:00Z", "closed", "closed");
    check(Feed::DelayedSip, "AAPL", "2026-11-24T21:14:59Z", "silent", "stale");
    check(Feed::Test, "FAKEPACA", "2026-11-24T23:00:00Z", "silent", "stale");
    // A message says more than a calendar.
    let mut play = Play::live(settings(Feed::Iex, &["AAPL"], &TRADES));
    play.pass(Duration::from_secs(7 * 3_600));
    play.frame(&trade("AAPL", 1, BEGIN));
    assert_eq!(states(&play)[0].1, "live");
}

#[test]
fn channels_that_the_feed_does_not_have_are_told_and_not_asked_for() {
    let mut play = Play::new(settings(Feed::Iex, &["AAPL"], &[Channel::Trades, Channel::Orderbooks]));
    play.open();
    assert!(play.out.notices.iter().any(|n| matches!(n, Notice::Warning(text) if text.contains("orderbooks"))));
    assert!(!format!("{:?}", play.out.effects).contains("orderbooks"));
}
