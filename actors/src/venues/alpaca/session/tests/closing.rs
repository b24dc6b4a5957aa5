//! Orders that are `reduce_only`: they go before others, and wait for their turn as long as the budget needs.

use super::cancels::{next_minute, two_a_minute};
use super::*;

fn close(client: &str) -> VenueRequest {
    let VenueRequest::Submit { client_order_id, order_id, mut request, at } = submit(client) else { unreachable!() };
    request.reduce_only = true;
    VenueRequest::Submit { client_order_id, order_id, request, at }
}

/// All that goes in this minute has gone.
fn used_up() -> Play {
    let mut play = two_a_minute();
    play.request(&submit("m-1"));
    play.says(&["POST orders", "m-1 submitted"]);
    play
}

#[test]
fn what_closes_outlasts_what_opens_and_goes_before_questions() {
    let mut play = used_up();
    play.request(&query("m-0"));
    play.request(&submit("m-2"));
    play.request(&close("m-3"));
    play.wait(2.0);
    play.says(&["m-2 not taken: alpaca.request_limit"]);
    play.wait(28.0);
    play.hear(Heard::Alive);
    play.wait(29.9);
    play.says(&[]);
    play.wait(0.1);
    play.says(&["POST orders", "m-3 submitted", "orders:by_client_order_id?client_order_id=m-0"]);
}

#[test]
fn what_closes_does_not_wait_for_ever() {
    let mut play = Play::live("[]");
    play.request(&submit("m-1"));
    play.answer_with("/v2/orders", Ok((429, Some(Duration::from_secs(300)), "")));
    play.out.clear();
    play.request(&close("m-2"));
    play.wait(50.0);
    play.hear(Heard::Alive);
    play.wait(14.9);
    play.says(&[]);
    assert_eq!(play.session.next_due(play.now), play.now.after(Duration::from_millis(100)));
    play.wait(0.1);
    play.says(&["m-2 not taken: alpaca.request_limit"]);
}

/// The venue would say that it does not know it, and after a minute of that it would be taken for lost.
#[test]
fn what_waits_is_not_asked_about() {
    let mut play = used_up();
    play.request(&close("m-2"));
    play.request(&query("m-2"));
    next_minute(&mut play);
    play.says(&["POST orders", "m-2 submitted"]);
}

#[test]
fn what_waits_is_cancelled_here() {
    let mut play = used_up();
    play.request(&close("m-2"));
    play.request(&close("m-3"));
    play.request(&cancel("m-2"));
    play.says(&["m-2 canceled"]);
    next_minute(&mut play);
    play.says(&["POST orders", "m-3 submitted"]);
}

#[test]
fn what_waits_ends_with_the_connection() {
    let mut play = used_up();
    play.request(&close("m-2"));
    play.hear(Heard::Closed("gone"));
    play.says(&["disconnected: gone", "m-2 not taken: not_connected"]);
}
