//! Cancels: said again by orders until they are answered, and never more than one of an order at a time.

use super::*;

/// What goes in a minute: the list of open orders, and one more.
pub(super) fn two_a_minute() -> Play {
    let mut play = Play::live_with(Settings { per_minute: 2, ..settings() }, "[]");
    play.out.clear();
    play
}

/// Until the next minute, on a connection that lives.
pub(super) fn next_minute(play: &mut Play) {
    play.wait(30.0);
    play.hear(Heard::Alive);
    play.wait(30.0);
}

#[test]
fn a_cancel_that_waits_or_is_under_way_is_not_queued_again() {
    let mut play = two_a_minute();
    for _ in 0..12 {
        play.request(&cancel_of("m-1", "v1"));
        play.request(&cancel_of("m-2", "v2"));
        play.wait(1.0);
    }
    play.says(&["DELETE orders/v1"]);
    next_minute(&mut play);
    play.says(&["DELETE orders/v2"]);
    // Once it is answered it may be said again.
    play.answer("/v2/orders/v2", 504, "");
    play.request(&cancel_of("m-2", "v2"));
    play.says(&["DELETE orders/v2"]);
}

#[test]
fn a_cancel_whose_order_ended_while_it_waited_does_not_go() {
    let mut play = two_a_minute();
    play.request(&cancel_of("m-1", "v1"));
    play.request(&cancel_of("m-2", "v2"));
    play.request(&cancel_of("m-3", "v3"));
    play.says(&["DELETE orders/v1"]);
    play.frame(&event("canceled", &order("v2", "m-2", "canceled", "0", ""), ""));
    play.says(&["m-2 canceled"]);
    next_minute(&mut play);
    play.says(&["DELETE orders/v3"]);
}

#[test]
fn a_cancel_of_an_order_whose_id_is_not_known_finds_it_first_and_once() {
    let mut play = Play::live("[]");
    play.out.clear();
    play.request(&cancel("m-1"));
    play.request(&cancel("m-1"));
    play.says(&["orders:by_client_order_id?client_order_id=m-1"]);
    play.answer("by_client_order_id", 200, &order("v7", "m-1", "new", "0", ""));
    play.says(&["DELETE orders/v7"]);
    play.answer("/v2/orders/v7", 204, "");
    play.says(&[]);
    play.request(&cancel("m-2"));
    play.said();
    play.answer("by_client_order_id", 404, "");
    play.says(&["m-2 alpaca.unknown_order"]);
}
