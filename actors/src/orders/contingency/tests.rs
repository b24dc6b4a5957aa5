//! What is to be done, by how the orders of a family stand: one row each.

use messages::orders::EventKind;

use super::*;
use crate::orders::table::{self, Outcome};

fn id(number: u32) -> OrderId {
    OrderId(format!("00000000-0000-0000-0000-{number:012}").parse().unwrap())
}

/// `accepted 3/10`, with `stop` for one that waits for a price, and `triggered`, `misses`, `rests`.
fn member(number: u32, text: &str) -> Member {
    let mut words = text.split_whitespace();
    let status = words.next().unwrap();
    let (filled, quantity) = words.next().unwrap().split_once('/').unwrap();
    let rest: Vec<&str> = words.collect();
    Member {
        id: id(number),
        status: *Status::ALL.iter().find(|s| s.as_str() == status).unwrap(),
        quantity: quantity.parse().unwrap(),
        filled: filled.parse().unwrap(),
        is_conditional: rest.contains(&"stop"),
        triggered: rest.contains(&"triggered"),
        misses: rest.contains(&"misses"),
        rests: rest.contains(&"rests") || status == "pending_cancel",
    }
}

fn family(how: Contingency, rows: &[&str]) -> Family {
    let others = (2..).zip(&rows[1..]).map(|(number, row)| member(number, row)).collect();
    Family { head: member(1, rows[0]), how, others }
}

fn say(family: &Family) -> String {
    let number = |of: OrderId| (1..9).find(|n| id(*n) == of).unwrap();
    let watched = family.watched().map(|of| format!("watch {}", number(of)));
    let step = family.next().map(|step| match step {
        Step::Send { id, quantity } => format!("send {} {quantity}", number(id)),
        Step::End { id, why } => format!("end {} {why}", number(id)),
        Step::Cancel { id } => format!("cancel {}", number(id)),
        Step::MakeRoom { id, successor, quantity } => {
            format!("cancel {} for {} {quantity}", number(id), number(successor))
        }
    });
    watched.chain(step).collect::<Vec<_>>().join(", ")
}

/// The entry, the order that takes the profit, the one that stops the loss; what is watched, and the step where no price is
/// reached.
#[test]
fn a_bracket_takes_one_step_after_another() {
    let rows = [
        // Nothing is filled.
        (["accepted 0/10", "held 0/10", "held 0/10 stop"], ""),
        (["pending_cancel 0/10", "held 0/10", "held 0/10 stop"], ""),
        (["canceled 0/10", "held 0/10", "held 0/10 stop"], "end 2 contingency.parent_ended"),
        (["rejected 0/10", "canceled 0/10", "held 0/10 stop"], "end 3 contingency.parent_ended"),
        // A part is: the stop is watched, and takes the rest of the entry with it.
        (["partially_filled 4/10", "held 0/10", "held 0/10 stop"], "watch 3"),
        (["partially_filled 4/10", "held 0/10", "held 0/10 stop triggered"], "cancel 1"),
        (["pending_cancel 4/10", "held 0/10", "held 0/10 stop triggered"], ""),
        (["canceled 4/10", "held 0/10", "held 0/10 stop triggered"], "send 3 4"),
        (["canceled 4/10", "held 0/10", "accepted 0/4 stop triggered"], ""),
        // The entry ends with a part, or with all.
        (["canceled 4/10", "held 0/10", "held 0/10 stop"], "watch 3, send 2 4"),
        (["canceled 4/10", "accepted 0/4", "held 0/10 stop"], "watch 3"),
        (["filled 10/10", "held 0/10", "held 0/10 stop"], "watch 3, send 2 10"),
        (["filled 10/10", "submitted 0/10", "held 0/10 stop"], "watch 3"),
        // One is filled in part: the other waits, and will be for the rest.
        (["filled 10/10", "partially_filled 3/10", "held 0/10 stop"], "watch 3"),
        (["filled 10/10", "filled 10/10", "held 0/10 stop"], "end 3 contingency.rival_filled"),
        // The price is reached.
        (["filled 10/10", "partially_filled 3/10", "held 0/10 stop triggered"], "cancel 2 for 3 7"),
        (["filled 10/10", "pending_cancel 3/10", "held 0/10 stop triggered"], ""),
        (["filled 10/10", "partially_filled 3/10 rests", "held 0/10 stop triggered"], ""),
        (["filled 10/10", "canceled 5/10", "held 0/10 stop triggered"], "send 3 5"),
        (["filled 10/10", "filled 10/10", "held 0/10 stop triggered"], "end 3 contingency.rival_filled"),
        // What is left has grown since one was sent: the other is for all of it.
        (["filled 10/10", "canceled 0/4", "held 0/10 stop triggered"], "send 3 10"),
        // One that is to close a part alone.
        (["filled 10/10", "canceled 3/10", "held 0/6 stop triggered"], "send 3 6"),
        (["filled 10/10", "canceled 5/10", "accepted 0/5 stop triggered"], ""),
        // One is gone without the other: that one goes to the venue as it is.
        (["filled 10/10", "canceled 3/10", "held 0/10 stop"], "watch 3, send 3 7"),
        (["filled 10/10", "rejected 0/10", "held 0/10 stop"], "watch 3, send 3 10"),
        (["filled 10/10", "held 0/10", "canceled 0/10 stop"], "send 2 10"),
        (["filled 10/10", "canceled 0/10", "canceled 0/10 stop"], ""),
        // Risk has just refused one.
        (["filled 10/10", "held 0/10 rests", "held 0/10 stop"], "watch 3"),
        (["filled 10/10", "canceled 0/10", "held 0/10 stop triggered rests"], ""),
        (["filled 10/10", "accepted 0/10", "held 0/10 stop triggered rests"], ""),
        (["partially_filled 4/10", "held 0/10", "held 0/10 stop triggered rests"], "cancel 1"),
    ];
    for (orders, expected) in rows {
        assert_eq!(say(&family(Contingency::Oto, &orders)), expected, "{orders:?}");
    }
}

/// A stop-loss that never had a rival, or has none any more.
#[test]
fn a_lone_stop_is_watched_here_until_it_leaves() {
    let rows = [
        (["accepted 0/10", "held 0/10 stop"], ""),
        (["partially_filled 4/10", "held 0/10 stop"], "watch 2"),
        (["pending_cancel 4/10", "held 0/10 stop"], "watch 2"),
        (["partially_filled 4/10", "held 0/10 stop triggered"], "cancel 1"),
        (["canceled 4/10", "held 0/10 stop triggered"], "send 2 4"),
        (["canceled 4/10", "held 0/10 stop"], "watch 2, send 2 4"),
        (["filled 10/10", "held 0/10 stop"], "watch 2, send 2 10"),
        (["filled 10/10", "held 0/10 stop rests"], "watch 2"),
        (["filled 10/10", "held 0/10 stop triggered rests"], ""),
    ];
    for (orders, expected) in rows {
        assert_eq!(say(&family(Contingency::Oto, &orders)), expected, "{orders:?}");
    }
    let without_profit = ["partially_filled 4/10", "canceled 0/10", "held 0/10 stop"];
    assert_eq!(say(&family(Contingency::Oto, &without_profit)), "watch 3");
}

/// A venue counts more of an order as filled than it has told.
#[test]
fn what_is_held_waits_for_the_fills_that_are_counted() {
    let rows = [
        (["canceled 4/10 misses", "held 0/10", "held 0/10 stop"], "watch 3"),
        (["canceled 0/10 misses", "held 0/10", "held 0/10 stop"], ""),
        (["canceled 4/10 misses", "held 0/10", "held 0/10 stop triggered"], ""),
        (["filled 10/10", "partially_filled 3/10 misses", "held 0/10 stop"], "watch 3"),
        (["filled 10/10", "canceled 3/10 misses", "held 0/10 stop"], "watch 3"),
        (["filled 10/10", "canceled 3/10 misses", "held 0/10 stop triggered"], ""),
        // What must leave need not wait.
        (["partially_filled 4/10 misses", "held 0/10", "held 0/10 stop triggered"], "cancel 1"),
        (["filled 10/10", "partially_filled 3/10 misses", "held 0/10 stop triggered"], "cancel 2 for 3 7"),
    ];
    for (orders, expected) in rows {
        assert_eq!(say(&family(Contingency::Oto, &orders)), expected, "{orders:?}");
    }
    let missing = |orders: &[&str]| family(Contingency::Oto, orders).missing().count();
    assert_eq!(missing(&["filled 10/10", "canceled 3/10 misses", "held 0/10 stop"]), 1);
    assert_eq!(missing(&["filled 10/10", "canceled 3/10 misses", "canceled 0/10 stop"]), 0, "nothing waits for it");
}

/// An order and the one that waits for a price.
#[test]
fn of_two_that_rival_one_is_at_the_venue() {
    let rows = [
        (["pending_submit 0/10", "held 0/10 stop"], "watch 2"),
        (["partially_filled 4/10", "held 0/10 stop"], "watch 2"),
        (["filled 10/10", "held 0/10 stop"], "end 2 contingency.rival_filled"),
        (["accepted 0/10", "held 0/10 stop triggered"], "cancel 1 for 2 10"),
        (["partially_filled 4/10", "held 0/10 stop triggered"], "cancel 1 for 2 6"),
        (["accepted 0/10", "held 0/10 stop triggered rests"], ""),
        (["canceled 0/10", "held 0/10 stop triggered"], "send 2 10"),
        (["canceled 0/10", "filled 10/10 stop triggered"], ""),
        (["expired 4/10", "held 0/10 stop"], "watch 2, send 2 6"),
        (["canceled 0/10", "canceled 0/10 stop"], ""),
    ];
    for (orders, expected) in rows {
        assert_eq!(say(&family(Contingency::Oco, &orders)), expected, "{orders:?}");
    }
}

#[test]
fn of_two_that_wait_for_a_price_the_first_that_is_reached_goes_alone() {
    let check =
        |orders: &[&str], expected: &str| assert_eq!(say(&family(Contingency::Oto, orders)), expected, "{orders:?}");
    check(&["filled 10/10", "held 0/10 stop", "held 0/10 stop"], "watch 2, watch 3");
    check(&["filled 10/10", "held 0/10 stop triggered", "held 0/10 stop"], "send 2 10");
    check(&["filled 10/10", "accepted 0/10 stop triggered", "held 0/10 stop"], "");
    check(&["filled 10/10", "rejected 0/10 stop triggered", "held 0/10 stop"], "watch 3, send 3 10");
}

#[test]
fn what_went_wrong_is_counted() {
    let of = |rows: &[&str]| family(Contingency::Oto, rows);
    let count = |rows: &[&str]| (of(rows).excess().to_string(), of(rows).uncovered().to_string());
    assert_eq!(count(&["filled 10/10", "filled 10/10", "canceled 4/10 stop"]), ("4".into(), "0".into()));
    assert_eq!(count(&["filled 10/10", "accepted 0/10", "held 0/10 stop"]), ("0".into(), "0".into()));
    assert_eq!(count(&["filled 10/10", "rejected 0/10", "denied 0/10 stop"]), ("0".into(), "10".into()));
    assert_eq!(count(&["canceled 5/10", "accepted 1/4", "held 0/3 stop"]), ("0".into(), "1".into()));
    assert_eq!(count(&["canceled 5/10", "accepted 1/4", "held 0/10 stop"]), ("0".into(), "0".into()));
    assert_eq!(count(&["partially_filled 5/10", "held 0/10", "held 0/10 stop"]), ("0".into(), "0".into()));
}

#[test]
fn a_trigger_is_reached_from_its_own_side() {
    let instrument = messages::Instrument { exchange: messages::Exchange::Simulated, symbol: "A".parse().unwrap() };
    let rows = [
        (OrderType::Stop, Side::Sell, "95", [true, true, false]),
        (OrderType::StopLimit, Side::Buy, "95", [false, true, true]),
        (OrderType::TakeProfit, Side::Sell, "95", [false, true, true]),
        (OrderType::TakeProfit, Side::Buy, "95", [true, true, false]),
    ];
    for (order_type, side, at, expected) in rows {
        let stop_price = at.parse().ok();
        let request = OrderRequest { order_type, stop_price, ..OrderRequest::market(instrument, side, Quantity::ONE) };
        let reached = ["94.99", "95", "95.01"].map(|price| is_reached(&request, price.parse().unwrap()));
        assert_eq!(reached, expected, "{order_type} {side}");
    }
}

#[test]
fn what_is_held_hears_nothing_of_a_venue() {
    use EventKind as E;
    for event in [E::Submitted, E::Accepted, E::PartiallyFilled, E::Filled, E::Rejected, E::Expired, E::NotReceived] {
        assert_eq!(table::decide(Status::Held, event), Outcome::Alarm, "{event}");
    }
}
