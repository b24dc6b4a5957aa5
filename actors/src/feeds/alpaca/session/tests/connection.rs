//! Connecting, authenticating, and every way in which it ends.

use super::*;

const STOCKS: [Channel; 2] = [Channel::Trades, Channel::Quotes];

#[test]
fn the_keys_stand_in_the_handshake_and_in_no_text() {
    let mut play = Play::new(settings(Feed::Iex, &["AAPL"], &STOCKS));
    let [Do::Open { url, headers, .. }] = play.out.effects.as_slice() else { panic!("{:?}", play.out.effects) };
    assert_eq!(url, "wss://stream.data.alpaca.markets/v2/iex");
    assert_eq!(headers[1], ("APCA-API-SECRET-KEY", "secret".to_owned()));
    let printed = format!("{:?}", play.out.effects);
    assert!(printed.contains("APCA-API-SECRET-KEY") && !printed.contains("secret"), "{printed}");
    assert_eq!(play.open().unwrap(), ["AAPL"]);
    assert!(!format!("{:?}", play.out.effects).contains("secret"));
    play.acknowledge_all();
    assert_eq!(play.state(), "live");
}

#[test]
fn who_is_not_authenticated_in_time_connects_again() {
    let mut play = Play::new(settings(Feed::Iex, &["AAPL"], &STOCKS));
    let (first, opened) = (play.link, play.now);
    play.hear(Heard::Opened(first));
    assert!(play.wake().effects.contains(&Do::Close(first)));
    assert_eq!(play.now, opened.after(Duration::from_secs(10)));
    assert_eq!(play.state(), "waiting");
    play.wake();
    assert_ne!(play.link, first);
    assert_eq!(play.state(), "connecting");
}

#[test]
fn codes_end_the_connection_as_the_table_says() {
    for (code, state, longest) in [
        (401, "waiting", Duration::from_millis(500)),
        (404, "waiting", Duration::from_millis(500)),
        (500, "waiting", Duration::from_millis(500)),
        (406, "waiting", Duration::from_secs(60)),
        (402, "failed", Duration::ZERO),
        (409, "failed", Duration::ZERO),
        (411, "failed", Duration::ZERO),
        (403, "connecting", Duration::from_secs(10)),
        (407, "connecting", Duration::from_secs(10)),
        (499, "connecting", Duration::from_secs(10)),
    ] {
        let mut play = Play::new(settings(Feed::Iex, &["AAPL"], &STOCKS));
        play.hear(Heard::Opened(play.link));
        let told = !play.error(code).notices.is_empty();
        assert_eq!((play.state(), told), (state.to_owned(), code != 403), "{code}");
        assert_eq!(play.session.status(play.now).counters.errors, 1, "{code}");
        match play.session.next_due() {
            None => assert_eq!(state, "failed", "{code}"),
            Some(due) => {
                let half = longest / 2;
                assert!(play.now.after(half) <= due && due <= play.now.after(longest), "{code}");
            }
        }
    }
}

#[test]
fn a_failed_session_stays_so() {
    let mut play = Play::new(settings(Feed::Sip, &["AAPL"], &STOCKS));
    play.hear(Heard::Opened(play.link));
    assert!(matches!(play.error(409).notices.as_slice(), [Notice::Fatal(_)]));
    play.hear(Heard::Closed(play.link, "gone"));
    play.out.clear();
    play.session.begin(play.now, &mut play.out);
    assert!(play.out.effects.is_empty() && play.session.next_due().is_none());
    assert_eq!(play.state(), "failed");
}

#[test]
fn a_connection_that_is_silent_is_dead_and_a_ping_is_life() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL"], &STOCKS));
    play.pass(Duration::from_secs(59));
    play.hear(Heard::Alive(play.link));
    let alive = play.now;
    play.wake();
    assert_eq!((play.now, play.state()), (alive.after(Duration::from_secs(60)), "waiting".to_owned()));
    assert_eq!(play.gap_list(), ["AAPL trades disconnect open", "AAPL quotes disconnect open"]);
    assert_eq!(play.gaps()[0].from, BEGIN.parse().unwrap(), "since it was subscribed");
}

#[test]
fn waits_grow_until_a_connection_holds() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL"], &STOCKS));
    let mut waits = Vec::new();
    for n in 0..12 {
        if n % 2 == 1 {
            // The venue acknowledges and drops us.
            play.open();
            play.acknowledge_all();
        }
        play.hear(Heard::Closed(play.link, "reset"));
        let since = play.now;
        play.wake();
        waits.push(play.now.since(since));
    }
    assert!(waits[0] <= 500_000_000 && waits[11] >= 30_000_000_000, "{waits:?}");
    play.open();
    play.acknowledge_all();
    play.pass(Duration::from_secs(60));
    play.hear(Heard::Closed(play.link, "reset"));
    let since = play.now;
    play.wake();
    assert!(play.now.since(since) <= 500_000_000);
}

#[test]
fn what_comes_of_an_old_connection_is_not_heard() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL"], &STOCKS));
    let old = play.link;
    play.hear(Heard::Closed(old, "reset"));
    play.wake();
    let frame = trade("AAPL", 1, BEGIN);
    assert!(play.hear(Heard::Frame(old, frame.as_bytes())).items.is_empty());
    play.hear(Heard::Closed(old, "again"));
    assert_eq!(play.state(), "connecting");
}

#[test]
fn an_undecodable_frame_is_shown_and_the_next_one_heard() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL"], &STOCKS));
    assert_eq!(play.frame(r#"[{"T":"t","S":"AAPL"}]"#).undecodable.len(), 1);
    play.frame(&trade("AAPL", 1, BEGIN));
    assert_eq!((play.trades(), play.state()), (1, "live".to_owned()));
}

#[test]
fn what_is_said_beside_market_data_stands_in_the_status() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL"], &STOCKS));
    play.frame(
        r#"[{"T":"l","S":"AAPL","u":3.24,"d":2.65,"i":"B","t":"2021-04-05T13:34:45.565004401Z","z":"C"},
            {"T":"s","S":"AAPL","sc":"T","sm":"Trade Resumption","t":"2021-02-22T19:15:00Z","z":"C"},
            {"T":"x","S":"AAPL","i":9,"x":"M","p":39.2,"s":100,"a":"C","z":"C","t":"2023-04-06T15:15:42.8Z"}]"#,
    );
    let counters = play.session.status(play.now).counters;
    assert_eq!((counters.bands, counters.statuses, counters.cancels, counters.corrections), (1, 1, 1, 0));
}

#[test]
fn a_pause_opens_gaps_with_its_cause_and_begin_goes_on() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL"], &STOCKS));
    play.out.clear();
    play.session.pause(Pause::Overload, play.now, &mut play.out);
    assert_eq!(play.gap_list(), ["AAPL trades overload open", "AAPL quotes overload open"]);
    assert_eq!((play.state(), play.session.next_due()), ("paused".to_owned(), None));
    play.session.begin(play.now, &mut play.out);
    play.find_link();
    play.open();
    play.acknowledge_all();
    assert_eq!(play.state(), "live");
}

#[test]
fn a_pause_frees_no_failed_session_and_cuts_no_wait_short() {
    let paused = |code: u32| {
        let mut play = Play::new(settings(Feed::Iex, &["AAPL"], &STOCKS));
        play.hear(Heard::Opened(play.link));
        play.error(code);
        play.out.clear();
        play.session.pause(Pause::Overload, play.now, &mut play.out);
        play.pass(Duration::from_secs(1));
        play.session.begin(play.now, &mut play.out);
        assert!(play.out.effects.is_empty(), "{code}");
        play
    };
    assert_eq!(paused(402).state(), "failed");
    let mut play = paused(406);
    assert_eq!(play.state(), "waiting");
    play.wake();
    assert!(play.now >= BEGIN.parse::<UtcNanos>().unwrap().after(Duration::from_secs(30)));
    assert_eq!(play.state(), "connecting");
}

#[test]
fn an_acknowledgement_behind_the_error_that_ends_it_counts_for_no_connection() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL"], &[Channel::Trades]));
    play.frame(r#"[{"T":"error","code":500,"msg":"no"},{"T":"subscription","trades":["AAPL"]}]"#);
    assert_eq!(play.state(), "waiting");
    play.wake();
    assert_eq!(play.open().unwrap(), ["AAPL"], "it is asked for again");
}
