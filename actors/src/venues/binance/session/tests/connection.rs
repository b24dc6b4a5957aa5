//! How a connection is set up, lives and is left.

use super::*;

#[test]
fn a_key_that_can_logs_on_and_another_subscribes_with_its_signature() {
    let mut play = Play::new(PRIVATE);
    play.connect();
    play.check(&["Open", "time", "session.logon", "userDataStream.subscribe", "Connected"]);
    let mut play = Play::new("hush");
    play.connect();
    play.check(&["Open", "time", "userDataStream.subscribe.signature", "Connected"]);
}

#[test]
fn what_is_written_is_signed_where_it_must_be_and_shows_nothing() {
    for (secret, is_signed) in [(PRIVATE, false), ("hush", true)] {
        let mut play = Play::new(secret);
        play.connect();
        play.take();
        play.submit("me-1-a");
        let params = &play.written[0]["params"];
        assert_eq!(params["timestamp"].as_i64(), Some(play.now.0 / 1_000_000));
        assert_eq!(params["signature"].is_string(), is_signed);
        assert_eq!(params["apiKey"].is_string(), is_signed);
        let shown = format!("{:?}", play.done);
        assert!(!shown.contains("signature") && !shown.contains("public"), "{shown}");
    }
}

#[test]
fn stamps_follow_the_venues_clock() {
    let mut play = Play::new("hush");
    play.step(Session::on_timer);
    play.step(Session::opened);
    // The venue is an hour ahead.
    play.answer(&json!({"serverTime": play.now.0 / 1_000_000 + 3_600_000}));
    assert_eq!(play.written[0]["params"]["timestamp"].as_i64(), Some(play.now.0 / 1_000_000 + 3_600_000));
}

#[test]
fn a_refused_session_is_tried_again_later_and_later() {
    let mut play = Play::new("hush");
    let mut waits = Vec::new();
    for _ in 0..12 {
        play.step(Session::on_timer);
        play.step(Session::opened);
        play.answer(&json!({"serverTime": play.now.0 / 1_000_000}));
        play.refuse(401, -2015, "Invalid API-key, IP, or permissions for action.");
        let again_at = play.session.next_due(play.now);
        waits.push(again_at.since(play.now) / 1_000_000);
        play.now = again_at;
    }
    assert_eq!(waits[..4], [250, 500, 1_000, 2_000]);
    assert_eq!(waits[11], 30_000);
    let said = play.take();
    assert!(said.iter().any(|l| l.starts_with("Unauthorized(")), "{said:?}");
    assert!(said.iter().any(|l| l.contains("Disconnected") && l.contains("-2015")), "{said:?}");
}

#[test]
fn a_venue_that_takes_connections_only_to_close_them_is_tried_later_and_later() {
    let mut play = Play::up();
    let mut waits = Vec::new();
    for _ in 0..3 {
        play.step(|session, now, out| session.closed("reset", now, out));
        waits.push(play.session.next_due(play.now).since(play.now) / 1_000_000);
        play.connect();
    }
    assert_eq!(waits, [250, 500, 1_000]);
    play.session.alive(play.now.after(Duration::from_secs(59)));
    play.pass(Duration::from_secs(60));
    play.step(|session, now, out| session.closed("reset", now, out));
    assert_eq!(play.session.next_due(play.now), play.now);
}

#[test]
fn no_wait_is_longer_than_the_longest() {
    let mut play = Play::that_waits("hush", Duration::from_secs(1));
    let mut waits = Vec::new();
    for _ in 0..4 {
        play.connect();
        play.step(|session, now, out| session.closed("reset", now, out));
        waits.push(play.session.next_due(play.now).since(play.now) / 1_000_000);
    }
    assert_eq!(waits, [250, 500, 1_000, 1_000]);
}

#[test]
fn a_ban_is_waited_out_before_the_next_connection() {
    let mut play = Play::up();
    let until = play.now.0 / 1_000_000 + 120_000;
    play.query("me-1-a");
    play.refuse(
        418,
        -1003,
        &format!("Way too much request weight used; IP banned until {until}. Please use WebSocket Streams."),
    );
    play.step(|session, now, out| session.closed("the venue closed the connection", now, out));
    assert_eq!(play.session.next_due(play.now), UtcNanos::from_millis(until).unwrap());
    let said = play.take();
    assert!(said.iter().any(|l| l.starts_with("Limited(") && l.contains("banned until")), "{said:?}");
}

#[test]
fn a_door_that_is_closed_is_waited_out_whatever_the_longest_wait_is() {
    let mut play = Play::that_waits("hush", Duration::from_secs(1));
    for (status, retry_after_secs, waits_secs) in [(418, Some(120), 120), (429, Some(7), 7), (403, None, 60)] {
        play.now = play.now.max(play.session.next_due(play.now));
        play.step(Session::on_timer);
        play.step(|session, now, out| {
            session.refused(&Failure::read(status, "<html>", retry_after_secs, now), now, out);
        });
        let waits = play.session.next_due(play.now).since(play.now) / 1_000_000_000;
        assert_eq!(waits, waits_secs, "{status}");
        let said = play.take();
        assert!(said[1].starts_with("Limited(") && said[2].starts_with("Disconnected("), "{said:?}");
    }
}

#[test]
fn a_silent_connection_is_left_and_one_that_is_pinged_is_not() {
    let mut play = Play::up();
    for _ in 0..10 {
        play.pass(Duration::from_secs(20));
        play.step(|session, now, _| session.alive(now));
    }
    assert!(play.session.is_up());
    play.pass(Duration::from_secs(60));
    assert!(!play.session.is_up());
    let said = play.take();
    assert!(said.contains(&"Close".to_owned()), "{said:?}");
    // At once, for the connection was good.
    play.pass(Duration::ZERO);
    play.check(&["Open"]);
}

#[test]
fn a_connection_is_left_before_its_day_ends_and_when_the_venue_says_so() {
    for event in ["serverShutdown", "eventStreamTerminated"] {
        let mut play = Play::up();
        play.event(&json!({"e": event, "E": 1}));
        play.pass(Duration::ZERO);
        assert!(!play.session.is_up(), "{event}");
    }
    let mut play = Play::up();
    let begun = play.now;
    while play.session.is_up() {
        play.now = play.session.next_due(play.now);
        play.session.alive(play.now);
        play.step(Session::on_timer);
        if !play.written.is_empty() {
            play.answer(&json!({"serverTime": play.now.0 / 1_000_000}));
        }
    }
    let lived = play.now.since(begun) / 1_000_000_000;
    assert!((85_000..86_400).contains(&lived), "{lived} s");
}

#[test]
fn one_that_is_left_waits_a_little_for_the_answers_that_are_owed() {
    let mut play = Play::up();
    play.submit("me-1-a");
    play.event(&json!({"e": "serverShutdown", "E": 1}));
    play.pass(Duration::from_secs(1));
    assert!(play.session.is_up(), "an answer is owed");
    play.answer(&order("me-1-a", 7, "NEW", "0"));
    play.pass(Duration::ZERO);
    assert!(!play.session.is_up());
    let mut play = Play::up();
    play.submit("me-1-a");
    play.event(&json!({"e": "serverShutdown", "E": 1}));
    play.pass(Duration::from_secs(5));
    assert!(!play.session.is_up(), "not forever");
}

#[test]
fn what_cannot_be_read_is_said() {
    let mut play = Play::up();
    play.step(|session, now, out| session.frame("<html>", now, out));
    play.frame(&json!({"hello": 1}));
    play.frame(&json!({"id": 4711, "status": 200, "result": {}}));
    play.event(&json!({"e": "moonPhase"}));
    play.check(&[
        "unknown: a frame that is no JSON",
        "unknown: a frame of no known shape",
        "unknown: an answer to nothing that was asked, or one that is late",
        "unknown: event moonPhase",
    ]);
}

/// What becomes due is always done, whatever came before: the timer never stands still on the same instant.
#[test]
fn the_timer_moves_on() {
    let mut play = Play::up();
    play.submit("me-1-a");
    for _ in 0..200 {
        let due = play.session.next_due(play.now);
        play.now = play.now.max(due);
        play.step(Session::on_timer);
        if play.done.contains(&Effect::Open) {
            play.done.clear();
            play.step(Session::opened);
        }
        play.written.clear();
        let next = play.session.next_due(play.now);
        let is_down = matches!(play.session.stage, Stage::Down(_));
        assert!(next > play.now || is_down, "stands still at {} with {:?}", play.now, play.session.stage);
    }
}
