//! What became of an order, as it is asked and told.

use super::*;

/// When the reports that came say that they were true.
fn times(play: &mut Play) -> Vec<UtcNanos> {
    let time = |one: &Do| if let Do::Report(report) = one { Some(report.time) } else { None };
    play.out.drain(..).filter_map(|one| time(&one)).collect()
}

#[test]
fn that_an_order_stands_is_said_of_the_time_of_the_question() {
    // Both were changed last an hour ago.
    let mut play = Play::live(&format!("[{}]", order("v1", "m-1", "new", "0", "")));
    play.out.clear();
    let listed = play.now;
    play.wait(3.0);
    play.request(&query("m-1"));
    assert_eq!(times(&mut play), [listed]);
    let asked = play.now;
    play.request(&query("m-2"));
    play.wait(2.0);
    play.answer("by_client_order_id", 200, &order("v2", "m-2", "new", "0", ""));
    assert_eq!(times(&mut play), [asked]);
}

#[test]
fn that_an_order_ended_is_said_of_the_time_of_its_end() {
    let mut play = Play::live("[]");
    play.request(&query("m-1"));
    play.answer("by_client_order_id", 200, &order("v1", "m-1", "canceled", "0", ""));
    assert_eq!(times(&mut play), ["2026-11-27T14:00:01Z".parse::<UtcNanos>().unwrap()]);
}
