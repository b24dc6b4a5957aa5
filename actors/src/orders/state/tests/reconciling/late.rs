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
