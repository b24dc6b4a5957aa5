//! Losses that follow on each other, and what nobody listened to.

use super::gaps::{STOCKS, cut, page, row};
use super::*;

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
fn what_was_fetched_is_not_handed_on_again_after_the_next_loss() {
    let mut play = cut(Feed::Iex, &["AAPL"], &STOCKS);
    play.wake();
    let (id, _) = play.request().unwrap();
    // A row without a number counts where the stream was not heard, and only there.
    let nameless = |second: u32| row(2, second).replace(r#""i":2,"#, "");
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
fn history_reaches_to_where_the_stream_has_come_by_the_venues_clock() {
    let mut play = cut(Feed::Iex, &["AAPL"], &STOCKS);
    // The venue's clock is a minute ahead.
    play.frame(&trade("AAPL", 3, "2026-11-24T15:01:21Z"));
    play.wake();
    let (_, url) = play.request().unwrap();
    assert!(url.contains("&end=2026-11-24T15:01:21"), "{url}");
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
