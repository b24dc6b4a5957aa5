//! Events become reports, whatever their order.

use messages::orders::Side;
use messages::venues::ReportKind as K;

use super::*;

pub fn id(text: &str) -> VenueOrderId {
    text.parse().unwrap()
}

pub fn name(text: &str) -> ClientOrderId {
    text.parse().unwrap()
}

pub fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

pub fn at(second: i64) -> UtcNanos {
    UtcNanos::from_secs(1_800_000_000 + second).unwrap()
}

/// An order of ten at the venue.
pub fn object(venue_id: &str, client: &str, status: OrderStatus, filled: &str) -> OrderObject {
    OrderObject {
        id: id(venue_id),
        client_order_id: client.to_owned(),
        symbol: "AAPL".to_owned(),
        status,
        side: Some(Side::Buy),
        order_type: "limit".to_owned(),
        time_in_force: String::new(),
        quantity: Some(quantity("10")),
        notional: None,
        limit_price: "100".parse().ok(),
        stop_price: None,
        filled: quantity(filled),
        average: None,
        replaced_by: None,
        replaces: None,
        submitted_at: Some(at(0)),
        updated_at: Some(at(1)),
        legs: Vec::new(),
    }
}

pub fn update(event: Event, order: OrderObject) -> Update {
    let (execution_id, previous_execution_id) = (None, None);
    let time = Some(at(2));
    let (price, quantity, position, reason) = (None, None, None, String::new());
    Update { event, execution_id, previous_execution_id, time, price, quantity, position, reason, order }
}

pub fn fill(key: &str, of: &str, order: OrderObject) -> Update {
    let event = if order.status == OrderStatus::Filled { Event::Fill } else { Event::PartialFill };
    let (execution_id, price) = (key.parse().ok(), "100".parse().ok());
    Update { execution_id, price, quantity: Some(quantity(of)), ..update(event, order) }
}

fn books() -> Books {
    Books::new("alpaca-paper".parse().unwrap())
}

fn say(books: &mut Books, update: &Update) -> Vec<Said> {
    let mut out = Vec::new();
    books.update(update, at(9), &mut out);
    out
}

/// What is said, shortly: the report's name and kind, the note's name, or what is looked up.
pub fn short(said: &[Said]) -> Vec<String> {
    said.iter()
        .map(|one| match one {
            Said::LookUp(id) => format!("look up {id}"),
            Said::Note(note) => format!("{note:?}").split([' ', '(']).next().unwrap_or_default().to_owned(),
            Said::Report(report) => {
                let kind = match &report.kind {
                    K::Filled(fill) => {
                        format!("filled {} of {} ({})", fill.quantity, fill.cumulative, fill.execution_id)
                    }
                    K::Replaced { replacement } => {
                        format!("replaced {}", replacement.quantity.map_or("?".to_owned(), |q| q.to_string()))
                    }
                    K::NotTaken { reason, .. } => format!("not taken: {reason}"),
                    K::Rejected { reason, .. }
                    | K::CancelRejected { reason }
                    | K::ReplaceRejected { reason }
                    | K::Expired { reason } => reason.to_string(),
                    other => format!("{other:?}").to_lowercase(),
                };
                format!("{} {kind}", report.client_order_id)
            }
        })
        .collect()
}

#[test]
fn every_event_comes_to_something() {
    use OrderStatus as S;
    let check = |event: &str, status: S, expected: &[&str]| {
        let said = say(&mut books(), &update(Event::of(event), object("v1", "m-1", status, "0")));
        assert_eq!(short(&said), expected, "{event}");
    };
    check("pending_new", S::PendingNew, &["m-1 accepted"]);
    check("accepted", S::Accepted, &["m-1 accepted"]);
    check("new", S::New, &["m-1 accepted"]);
    check("held", S::Held, &["m-1 accepted"]);
    check("canceled", S::Canceled, &["m-1 canceled"]);
    check("expired", S::Expired, &["m-1 alpaca.expired"]);
    check("rejected", S::Rejected, &["m-1 alpaca.rejected"]);
    check("order_cancel_rejected", S::New, &["m-1 alpaca.cancel_rejected"]);
    check("order_replace_rejected", S::New, &["Unusual"]);
    check("replaced", S::Replaced, &["look up v1"]);
    check("pending_cancel", S::PendingCancel, &[]);
    check("pending_replace", S::PendingReplace, &[]);
    for event in ["done_for_day", "stopped", "suspended", "calculated"] {
        check(event, S::of(event), &["Unusual"]);
    }
    check("restated", S::New, &["m-1 replaced 10", "Unusual"]);
    check("trade_bust", S::Filled, &["Bust"]);
    check("trade_correct", S::Filled, &["Correction"]);
    check("melted", S::Other("melted".to_owned()), &["UnknownStatus", "UnknownEvent", "look up v1"]);
    check("fill", S::Filled, &["Incomplete", "look up v1"]);
}

#[test]
fn a_fill_has_its_own_quantity_and_what_the_order_counts() {
    let mut books = books();
    let first = fill("a", "4", object("v1", "m-1", OrderStatus::PartiallyFilled, "4"));
    assert_eq!(short(&say(&mut books, &first)), ["m-1 filled 4 of 4 (a)"]);
    // Once more: its key makes it one.
    assert_eq!(short(&say(&mut books, &first)), ["m-1 filled 4 of 4 (a)"]);
    let last = fill("b", "6", object("v1", "m-1", OrderStatus::Filled, "10"));
    assert_eq!(short(&say(&mut books, &last)), ["m-1 filled 6 of 10 (b)"]);
}

#[test]
fn the_last_fill_of_an_order_by_value_says_that_it_is_the_last() {
    let mut books = books();
    let by_value = |status, filled| OrderObject {
        quantity: None,
        notional: "1000".parse().ok(),
        ..object("v1", "m-1", status, filled)
    };
    let first = fill("a", "4", by_value(OrderStatus::PartiallyFilled, "4"));
    assert_eq!(short(&say(&mut books, &first)), ["m-1 filled 4 of 4 (a)"]);
    let last = fill("b", "5.5", by_value(OrderStatus::Filled, "9.5"));
    assert_eq!(short(&say(&mut books, &last)), ["m-1 completed { filled: 9.5 }", "m-1 filled 5.5 of 9.5 (b)"]);
}

#[test]
fn a_fill_that_does_not_agree_with_its_order_is_told() {
    let mut books = books();
    say(&mut books, &fill("a", "4", object("v1", "m-1", OrderStatus::PartiallyFilled, "4")));
    let said = say(&mut books, &fill("c", "1", object("v1", "m-1", OrderStatus::PartiallyFilled, "8")));
    assert_eq!(short(&said), ["Disagrees", "m-1 filled 1 of 8 (c)"], "three are missing between");
    let said = say(&mut books, &fill("d", "2", object("v1", "m-1", OrderStatus::Filled, "10")));
    assert_eq!(short(&said), ["m-1 filled 2 of 10 (d)"]);
}

#[test]
fn an_end_that_counts_fills_that_were_not_told_is_looked_up() {
    let check = |fills: &[Update], event: Event, filled: &str, expected: &str| {
        let mut books = books();
        say(&mut books, &update(Event::New, object("v1", "m-1", OrderStatus::New, "0")));
        fills.iter().for_each(|fill| drop(say(&mut books, fill)));
        let status = OrderStatus::of(event.as_str());
        let said = say(&mut books, &update(event, object("v1", "m-1", status, filled)));
        assert_eq!(short(&said), [expected], "{filled} after {} fills", fills.len());
    };
    let part =
        |key: &str, of: &str, filled: &str| fill(key, of, object("v1", "m-1", OrderStatus::PartiallyFilled, filled));
    check(&[], Event::Canceled, "0", "m-1 canceled");
    check(&[], Event::Canceled, "4", "look up v1");
    check(&[], Event::Expired, "4", "look up v1");
    check(&[part("a", "4", "4")], Event::Canceled, "4", "m-1 canceled");
    check(&[part("a", "4", "4")], Event::Expired, "4", "m-1 alpaca.expired");
    check(&[part("a", "4", "4"), part("a", "4", "4")], Event::Canceled, "6", "look up v1");
    check(&[part("b", "2", "6")], Event::Canceled, "6", "look up v1");
    check(&[part("a", "4", "4"), part("b", "2", "6")], Event::Canceled, "6", "m-1 canceled");
    // Nothing was heard of it before: whoever knows its fills, not these books.
    let said = say(&mut books(), &update(Event::Canceled, object("v1", "m-1", OrderStatus::Canceled, "4")));
    assert_eq!(short(&said), ["look up v1"]);
}

#[test]
fn what_an_answer_told_needs_no_second_one() {
    let mut books = books();
    let part = object("v1", "m-1", OrderStatus::PartiallyFilled, "4");
    books.learn(name("m-1"), &part, Count::Anew);
    let canceled = || update(Event::Canceled, object("v1", "m-1", OrderStatus::Canceled, "4"));
    assert_eq!(short(&say(&mut books, &canceled())), ["look up v1"], "history was behind");
    books.told(&part);
    assert_eq!(short(&say(&mut books, &canceled())), ["m-1 canceled"]);
}

#[test]
fn a_replacement_is_told_by_the_order_that_stands_for_it() {
    let new = || OrderObject {
        replaces: Some(id("v1")),
        quantity: Some(quantity("12")),
        ..object("v2", "m-1-r1", OrderStatus::New, "0")
    };
    let old = || OrderObject { replaced_by: Some(id("v2")), ..object("v1", "m-1", OrderStatus::Replaced, "0") };
    // The answer to the request says only that it was taken, then both events come, in either order.
    let begin = || {
        let mut books = books();
        say(&mut books, &update(Event::New, object("v1", "m-1", OrderStatus::New, "0")));
        books.replacing(id("v1"), name("m-1-r1"));
        let pending = OrderObject { status: OrderStatus::PendingNew, ..new() };
        books.taken(id("v1"), name("m-1-r1"), &pending);
        assert_eq!(short(&say(&mut books, &update(Event::PendingNew, pending))), [""; 0]);
        books
    };
    let mut books = begin();
    assert_eq!(short(&say(&mut books, &update(Event::Replaced, old()))), ["m-1-r1 replaced 12"]);
    assert_eq!(short(&say(&mut books, &update(Event::New, new()))), ["m-1-r1 accepted"]);
    // Before the end of the older one is known, nobody knows what was filled of it: asked.
    let mut books = begin();
    assert_eq!(short(&say(&mut books, &update(Event::New, new()))), ["look up v2"]);
    assert_eq!(short(&say(&mut books, &update(Event::Replaced, old()))), ["m-1-r1 replaced 12"]);
    // Without the answer the other order is looked up.
    let mut books = self::books();
    assert_eq!(short(&say(&mut books, &update(Event::Replaced, old()))), ["look up v2"]);
}

#[test]
fn what_was_filled_before_a_replacement_counts_once() {
    let part = || fill("a", "4", object("v1", "m-1", OrderStatus::PartiallyFilled, "4"));
    let new =
        |filled: &str| OrderObject { replaces: Some(id("v1")), ..object("v2", "m-1-r1", OrderStatus::New, filled) };
    // The new order counts from nothing …
    let begin = || {
        let mut books = books();
        say(&mut books, &part());
        let old = OrderObject { replaced_by: Some(id("v2")), ..object("v1", "m-1", OrderStatus::Replaced, "4") };
        assert_eq!(short(&say(&mut books, &update(Event::Replaced, old))), ["look up v2"]);
        books
    };
    let mut books = begin();
    assert_eq!(short(&say(&mut books, &update(Event::New, new("0")))), ["m-1-r1 replaced 14"]);
    assert_eq!(short(&say(&mut books, &fill("b", "5", new("5")))), ["m-1-r1 filled 5 of 9 (b)"]);
    // … or goes on.
    let mut books = begin();
    assert_eq!(short(&say(&mut books, &update(Event::New, new("4")))), ["m-1-r1 replaced 10"]);
    assert_eq!(short(&say(&mut books, &fill("b", "5", new("9")))), ["m-1-r1 filled 5 of 9 (b)"]);
    // Its first words may be a fill: from nothing it is plain, beyond it both may be.
    let said = say(&mut begin(), &fill("b", "5", new("5")));
    assert_eq!(short(&said), ["m-1-r1 replaced 14", "m-1-r1 filled 5 of 9 (b)"]);
    let said = say(&mut begin(), &fill("b", "5", new("9")));
    assert_eq!(short(&said), ["look up v2", "look up v2"]);
    // Of the older order nothing is known, after a restart: nothing is guessed.
    let said = say(&mut self::books(), &fill("b", "5", new("5")));
    assert_eq!(short(&said), ["look up v2", "look up v2"]);
}

#[test]
fn a_refused_replacement_leaves_the_order() {
    let mut books = books();
    say(&mut books, &update(Event::New, object("v1", "m-1", OrderStatus::New, "0")));
    books.replacing(id("v1"), name("m-1-r1"));
    let refused = update(Event::ReplaceRejected, object("v1", "m-1", OrderStatus::New, "0"));
    assert_eq!(short(&say(&mut books, &refused)), ["m-1-r1 alpaca.replace_rejected"]);
    let new = OrderObject { replaces: Some(id("v1")), ..object("v2", "m-1-r2", OrderStatus::Rejected, "0") };
    assert_eq!(short(&say(&mut books, &update(Event::Rejected, new))), ["m-1-r2 alpaca.replace_rejected"]);
}

#[test]
fn an_order_of_another_program_is_told_and_nothing_else() {
    let foreign = object("v1", "ccxt_214efabb8ba04f9fbda29883611402a6", OrderStatus::New, "0");
    assert_eq!(short(&say(&mut books(), &update(Event::New, foreign))), ["Foreign"]);
}

/// A trade of ten, and what the venue makes of it.
fn amended(event: Event, execution: Option<&str>, (of, price): (&str, &str), filled: &str) -> Vec<Said> {
    let mut books = books();
    say(&mut books, &fill("a", "10", object("v1", "m-1", OrderStatus::Filled, "10")));
    let change = Update {
        quantity: Some(quantity(of)),
        price: price.parse().ok(),
        previous_execution_id: execution.and_then(|id| id.parse().ok()),
        execution_id: "z".parse().ok(),
        ..update(event, object("v1", "m-1", OrderStatus::Filled, filled))
    };
    say(&mut books, &change)
}

#[test]
fn a_trade_that_is_undone_or_changed_is_a_report() {
    let [Said::Report(bust)] = &amended(Event::TradeBust, Some("a"), ("-10", "100"), "0")[..] else { panic!("one") };
    assert_eq!(bust.kind, K::Busted { execution_id: "a".parse().unwrap() });
    let said = amended(Event::TradeCorrect, Some("a"), ("9", "99"), "9");
    let [Said::Report(VenueReport { kind: K::Corrected { execution_id, fill }, .. })] = &said[..] else {
        panic!("{said:?}")
    };
    let found = (fill.execution_id.as_str(), fill.quantity, fill.cumulative, fill.price.to_string());
    assert_eq!((execution_id.as_str(), found), ("a", ("z", quantity("9"), quantity("9"), "99".to_owned())));
}

#[test]
fn what_was_undone_and_cannot_be_tied_to_a_trade_is_for_a_person() {
    assert_eq!(short(&amended(Event::TradeBust, None, ("-10", "100"), "0")), ["Bust"]);
    assert_eq!(short(&amended(Event::TradeCorrect, None, ("9", "99"), "9")), ["Correction"]);
    let said = amended(Event::TradeBust, Some("a"), ("-4", "100"), "6");
    let [Said::Note(Note::Bust(part))] = &said[..] else { panic!("{said:?}") };
    assert!(Note::Bust(part.clone()).to_string().contains("execution a of order m-1 by z: -4"));
}

#[test]
fn the_answer_to_an_order_leaves_its_fills_to_the_stream() {
    let mut books = books();
    let mut out = Vec::new();
    books.placed(name("m-1"), &object("v1", "m-1", OrderStatus::Filled, "10"), at(1), &mut out);
    assert_eq!(short(&out), ["m-1 accepted"]);
    assert_eq!(books.id_of(name("m-1")), Some(id("v1")));
    let said = say(&mut books, &fill("a", "10", object("v1", "m-1", OrderStatus::Filled, "10")));
    assert_eq!(short(&said), ["m-1 filled 10 of 10 (a)"]);
}
