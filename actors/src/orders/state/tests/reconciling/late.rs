//! What comes late: a word about an order that was given up, a fill that was entered by then, an answer that nobody waited for.

use super::*;

#[test]
fn an_order_that_was_heard_of_since_is_not_given_up() {
    let mut pair = began();
    let name = pair.place("buy", 5);
    let there = pair.venue.orders.remove(&name).unwrap();
    pair.connect();
    assert_eq!((pair.waits(), pair.kinds()), (Some(Waits::Accept), vec![(DifferenceKind::NotOpenThere, false)]));
    // It lives: a fill of it is heard.
    pair.venue.orders.insert(name, there);
    let now = pair.bench.now;
    let heard = pair.venue.trade(name, 2, now).unwrap();
    pair.report(name, heard);
    assert!(pair.ask(accept()).unwrap_err().contains("`merganser reconcile` looks again"));
    assert_eq!(pair.bench.show(1), "partially_filled 2/5 @ 100");
    pair.ask(begin()).unwrap();
    assert_eq!((pair.waits(), pair.last().outcome), (None, Ended::Agreed));
    pair.check_agreed();
}

#[test]
fn an_order_that_is_given_up_is_cancelled_there_in_case_it_lives() {
    let mut pair = began();
    let name = pair.place("buy", 5);
    let there = pair.venue.orders.remove(&name).unwrap();
    pair.connect();
    pair.venue.orders.insert(name, there);
    pair.ask(accept()).unwrap();
    assert_eq!(pair.bench.show(1), "canceled 0/5 @ 100 reconcile.not_open_there");
    assert_eq!(pair.venue.orders[&name].end, Some(ReportKind::Canceled));
    pair.check_agreed();
}

#[test]
fn a_fill_that_was_accepted_as_a_gap_is_taken_out_of_it_once_it_is_heard_of() {
    let mut pair = began();
    let name = pair.place("buy", 5);
    let now = pair.bench.now;
    let late = pair.venue.trade(name, 3, now).unwrap();
    // Nothing is answered about the order, and so its fill and the gap that it made are left to a person.
    pair.venue.is_silent = true;
    pair.connect();
    pair.wait(70);
    assert_eq!(pair.last().outcome, Ended::Unsettled, "{}", pair.last().words());
    pair.ask(accept()).unwrap();
    assert_eq!(pair.last().entries[0].to_string(), "simulated:A 3 under manual at 100");
    // The schedule would look in five minutes.
    pair.report(name, late);
    pair.wait(5);
    assert_eq!((pair.waits(), pair.last().cause, pair.last().outcome), (None, Cause::Schedule, Ended::Settled));
    let manual = pair.bench.orders.book.own(StrategyId::manual(), instrument());
    assert!(manual.position.is_zero(), "{}", manual.position);
    pair.check_agreed();
}

#[test]
fn nothing_is_entered_beside_an_order_that_may_have_arrived() {
    let mut pair = began();
    // It arrives and is filled, the answer is lost, and the venue's positions are ahead of what it tells of orders.
    pair.submit("buy", 9);
    let nine: Quantity = "9".parse().unwrap();
    pair.venue.move_by(Side::Buy, nine);
    pair.connect();
    pair.wait(2);
    assert_eq!(
        (pair.waits(), pair.last().outcome, pair.last().entries),
        (Some(Waits::Accept), Ended::Unsettled, vec![])
    );
    assert_eq!(pair.kinds()[..2], [(DifferenceKind::NotOpenThere, true), (DifferenceKind::Position, false)]);
    // Asked once more, the venue knows the order.
    let filled = fill("x9".parse().unwrap(), nine, nine, pair.bench.now);
    let there = There { request: limit("buy", "9", "100"), fills: vec![filled], end: None };
    pair.venue.orders.insert(client_id("1"), there);
    pair.wait(9);
    assert_eq!((pair.waits(), pair.last().outcome), (None, Ended::Agreed), "{}", pair.last().words());
    pair.check_agreed();
}

#[test]
fn a_gap_beside_an_order_that_never_arrived_is_entered_once_that_is_known() {
    let mut pair = began();
    pair.submit("buy", 9);
    pair.venue.move_by(Side::Sell, "2".parse().unwrap());
    pair.connect();
    pair.wait(2);
    assert_eq!((pair.waits(), pair.last().entries), (Some(Waits::Accept), vec![]));
    pair.wait(80);
    assert_eq!(pair.bench.show(1), "rejected 0/9 @ 100 not_received");
    assert_eq!((pair.waits(), pair.last().outcome), (None, Ended::Settled));
    assert_eq!(pair.last().entries[0].to_string(), "simulated:A -2 under manual at 100");
    pair.check_agreed();
}

/// Alerts of a venue that is reached and says nothing: once at first, and each second of so many.
fn alerts_of_silence(pair: &mut Pair, seconds: u32) -> usize {
    let mut said = pair.bench.deliver(|orders, at, out| orders.on_reconnected(at, out));
    for _ in 0..seconds {
        said.extend(pair.bench.deliver(|orders, at, out| orders.on_timer(at, out)));
    }
    said.iter().filter(|effect| matches!(effect, Effect::Alert(_))).count()
}

#[test]
fn a_venue_that_is_reached_again_and_again_does_not_begin_the_wait_anew() {
    let mut pair = began();
    let name = pair.place("buy", 5);
    let now = pair.bench.now;
    let heard = pair.venue.trade(name, 5, now).unwrap();
    pair.report(name, heard);
    assert_eq!((alerts_of_silence(&mut pair, 20), pair.waits()), (0, Some(Waits::Books)));
    assert_eq!((alerts_of_silence(&mut pair, 20), pair.waits()), (1, Some(Waits::Accept)));
    assert_eq!((alerts_of_silence(&mut pair, 20), pair.waits()), (0, Some(Waits::Accept)), "and goes on waiting");
    let said: Vec<String> = pair.submit("sell", 5).iter().map(say).collect();
    assert_eq!(said, ["2 intended → pending_submit", "send 2"]);
    pair.ask(accept()).unwrap();
    assert_eq!(pair.waits(), None);
}

#[test]
fn what_reduces_waits_no_longer_for_an_order_than_for_the_account() {
    let mut pair = began();
    let name = pair.place("buy", 5);
    let now = pair.bench.now;
    pair.venue.trade(name, 3, now).unwrap();
    pair.venue.is_silent = true;
    pair.connect();
    pair.wait(28);
    assert_eq!(pair.waits(), Some(Waits::Books));
    let alarms = pair.bench.orders.counters().alarms;
    // The account was answered a second after it was asked for, and so the order is asked about anew only a second later.
    pair.wait(1);
    assert_eq!((pair.waits(), pair.bench.orders.counters().alarms), (Some(Waits::Accept), alarms + 1));
    pair.venue.is_silent = false;
    pair.wait(3);
    assert_eq!((pair.waits(), pair.kinds()), (None, vec![(DifferenceKind::MissedFill, true)]));
    pair.check_agreed();
}

#[test]
fn a_venue_that_answers_after_a_person_went_on_holds_up_what_differs() {
    let mut pair = began();
    let name = pair.place("buy", 5);
    assert_eq!((alerts_of_silence(&mut pair, 31), pair.waits()), (1, Some(Waits::Accept)));
    pair.ask(accept()).unwrap();
    assert_eq!((pair.waits(), pair.last().outcome), (None, Ended::Accepted));
    // It has lost the order, and says so half a minute later.
    pair.venue.orders.remove(&name);
    pair.wait(31);
    assert_eq!((pair.last().outcome, pair.last().cause), (Ended::Unsettled, Cause::Reconnect));
    assert_eq!((pair.waits(), pair.kinds()), (Some(Waits::Accept), vec![(DifferenceKind::NotOpenThere, false)]));
}
