//! Reconciliation with a venue that keeps books of its own and whose words are lost now and then.

use messages::account::{Cause, DifferenceKind, Outcome as Ended, ReconcileAsk, VenueOrder};
use messages::orders::OrderType;

use super::*;
use crate::orders::risk::reconciling::Waits;
use pair::{Pair, There};

mod ended;
mod entered;
mod late;
mod pair;
mod properties;

fn began() -> Pair {
    let mut pair = Pair::new();
    pair.connect();
    pair
}

fn accept() -> ReconcileAsk {
    ReconcileAsk::Accept { by: "ada".to_owned(), why: "a test".to_owned() }
}

fn begin() -> ReconcileAsk {
    ReconcileAsk::Begin { by: "ada".to_owned() }
}

#[test]
fn nothing_new_leaves_before_the_books_agree() {
    let mut pair = Pair::new();
    let said: Vec<String> = pair.submit("buy", 1).iter().map(say).collect();
    assert_eq!(said, ["1 denied (risk.reconciling)"]);
    pair.connect();
    assert_eq!((pair.waits(), pair.last().outcome, pair.last().cause), (None, Ended::Settled, Cause::Start));
    assert_eq!(pair.kinds(), [(DifferenceKind::Balance, true)]);
    pair.check_agreed();
    let name = pair.place("buy", 1);
    assert!(pair.venue.orders.contains_key(&name));
}

#[test]
fn a_venue_that_does_not_answer_is_told_once_and_asked_again() {
    let mut pair = Pair::new();
    let mut alerts = Vec::new();
    let mut questions = 0;
    let mut take = |effects: Vec<Effect>| {
        for effect in effects {
            match effect {
                Effect::Alert(text) => alerts.push(text),
                Effect::Send(_, VenueRequest::Account { .. }) => questions += 1,
                _ => {}
            }
        }
    };
    take(pair.bench.deliver(|orders, at, out| orders.on_reconnected(at, out)));
    for _ in 0..100 {
        take(pair.bench.deliver(|orders, at, out| orders.on_timer(at, out)));
    }
    assert_eq!((alerts.len(), questions), (1, 4), "{alerts:?}");
}

#[test]
fn what_reduces_and_what_a_person_says_do_not_wait_for_a_venue_that_does_not_answer() {
    let mut pair = began();
    let name = pair.place("buy", 5);
    let now = pair.bench.now;
    let heard = pair.venue.trade(name, 5, now).unwrap();
    pair.report(name, heard);
    let said = |effects: &[Effect]| effects.iter().map(say).collect::<Vec<String>>();
    pair.bench.deliver(|orders, at, out| orders.on_reconnected(at, out));
    assert_eq!(said(&pair.submit("sell", 5)), ["2 denied (risk.reconciling)"]);
    assert!(pair.ask(accept()).unwrap_err().contains("has not said yet"));
    for _ in 0..31 {
        pair.bench.deliver(|orders, at, out| orders.on_timer(at, out));
    }
    assert_eq!(pair.waits(), Some(Waits::Accept));
    assert_eq!(said(&pair.submit("buy", 1)), ["3 denied (risk.reconciling)"]);
    let sold = pair.submit("sell", 5);
    assert_eq!(said(&sold), ["4 intended → pending_submit", "send 4"]);
    pair.exchange(sold);
    pair.ask(accept()).unwrap();
    assert_eq!((pair.waits(), pair.last().outcome), (None, Ended::Accepted));
    assert_eq!(pair.kinds(), [(DifferenceKind::Incomplete, false)]);
    pair.place("buy", 1);
    // The question still stands, and the answer finds that nothing differs.
    pair.wait(31);
    assert_eq!((pair.waits(), pair.last().outcome, pair.last().cause), (None, Ended::Agreed, Cause::Reconnect));
    pair.check_agreed();
}

#[test]
fn a_missed_fill_is_applied_once_and_an_end_that_was_not_heard_is_found() {
    let mut pair = began();
    let (filled, ended) = (pair.place("buy", 5), pair.place("sell", 2));
    let now = pair.bench.now;
    pair.venue.trade(filled, 3, now).unwrap();
    pair.venue.orders.get_mut(&ended).unwrap().end = Some(ReportKind::Canceled);
    pair.ask(begin()).unwrap();
    assert_eq!(pair.kinds(), [(DifferenceKind::MissedFill, true), (DifferenceKind::NotOpenThere, true)]);
    assert!(pair.last().entries.is_empty(), "nothing is entered that history explains");
    pair.check_agreed();
    pair.ask(begin()).unwrap();
    assert_eq!((pair.last().outcome, pair.last().differences), (Ended::Agreed, vec![]));
}

#[test]
fn a_question_without_an_answer_is_asked_again() {
    let mut pair = began();
    let name = pair.place("buy", 5);
    let now = pair.bench.now;
    pair.venue.trade(name, 3, now).unwrap();
    pair.venue.is_silent = true;
    pair.ask(begin()).unwrap();
    assert!(pair.bench.orders.reconcile_status().running.is_some());
    pair.venue.is_silent = false;
    pair.wait(31);
    assert_eq!((pair.kinds(), pair.last().rounds), (vec![(DifferenceKind::MissedFill, true)], 3));
    pair.check_agreed();
}

#[test]
fn a_fill_in_doubt_is_listed_again_though_newer_ones_are_known() {
    let mut pair = began();
    let (ended, open) = (pair.place("buy", 5), pair.place("buy", 4));
    let now = pair.bench.now;
    pair.venue.trade(ended, 2, now).unwrap();
    pair.venue.orders.get_mut(&ended).unwrap().end = Some(ReportKind::Canceled);
    pair.report(ended, ReportKind::Canceled);
    let now = pair.bench.now;
    let heard = pair.venue.trade(open, 1, now).unwrap();
    pair.report(open, heard);
    pair.venue.is_silent = true;
    pair.ask(begin()).unwrap();
    pair.wait(70);
    assert_eq!(pair.waits(), None, "nobody waits for a run that a person began");
    assert_eq!(pair.last().outcome, Ended::Unsettled);
    pair.venue.is_silent = false;
    pair.ask(begin()).unwrap();
    pair.wait(3);
    assert_eq!(pair.last().outcome, Ended::Settled, "{}", pair.last().words());
    pair.check_agreed();
}

#[test]
fn a_fill_of_an_order_that_has_ended_is_found_in_the_list_of_fills() {
    let mut pair = began();
    // Its first fill is heard, and so fills are asked for from there on.
    let name = pair.place("buy", 5);
    let now = pair.bench.now;
    let heard = pair.venue.trade(name, 1, now).unwrap();
    pair.report(name, heard);
    pair.venue.trade(name, 2, now).unwrap();
    pair.venue.orders.get_mut(&name).unwrap().end = Some(ReportKind::Canceled);
    pair.report(name, ReportKind::Canceled);
    pair.ask(begin()).unwrap();
    assert_eq!(pair.kinds(), [(DifferenceKind::MissedFill, true)]);
    pair.check_agreed();
}

#[test]
fn what_history_does_not_explain_is_entered_under_manual() {
    let mut pair = began();
    pair.venue.move_by(Side::Buy, "7".parse().unwrap());
    pair.ask(begin()).unwrap();
    assert_eq!(pair.last().cause, Cause::Start, "one answer alone is no proof");
    pair.wait(2);
    let entries: Vec<String> = pair.last().entries.iter().map(ToString::to_string).collect();
    assert_eq!(entries, ["simulated:A 7 under manual at 100", "7 A", "-701 USD"]);
    assert_eq!(pair.bench.orders.book.own(StrategyId::manual(), instrument()).position.to_string(), "7");
    pair.check_agreed();
    // It cost what it is worth: nobody earned or lost by it.
    let result = |pair: &Pair| pair.bench.orders.result(StrategyId::manual());
    assert_eq!(result(&pair), Some(Cash::ZERO));
    // Nor by what is gone again, whether a price is known by then or not.
    pair.venue.move_by(Side::Sell, "3".parse().unwrap());
    pair.ask(begin()).unwrap();
    pair.wait(2);
    assert_eq!(pair.last().entries[0].to_string(), "simulated:A -3 under manual at 100");
    assert_eq!(result(&pair), Some(Cash::ZERO));
    let prices = std::mem::take(&mut pair.bench.orders.prices);
    pair.venue.move_by(Side::Sell, "3".parse().unwrap());
    pair.ask(begin()).unwrap();
    pair.wait(2);
    assert_eq!(pair.last().entries[0].to_string(), "simulated:A -3 under manual");
    pair.bench.orders.prices = prices;
    assert_eq!(result(&pair), Some(Cash::ZERO));
}

#[test]
fn an_asset_that_was_entered_moves_what_losses_are_counted_from_at_a_start_too() {
    let mut pair = began();
    pair.bench.limit_account(LimitName::MaxDailyLossPercent, "5");
    pair.wait(2);
    let kept = postcard::to_allocvec(&pair.bench.orders.save()).unwrap();
    pair.venue.move_by(Side::Buy, "7".parse().unwrap());
    pair.ask(begin()).unwrap();
    pair.wait(2);
    let began_with = pair.bench.orders.watch.losses.day_began_with();
    assert!(began_with.is_some());
    // No price is known at a start.
    let mut restored = empty();
    restored.load(postcard::from_bytes(&kept).unwrap());
    restored.restore(&LedgerRecord::Reconciled(Box::new(pair.last())));
    assert_eq!(restored.watch.losses.day_began_with(), began_with);
}

/// An order of somebody else.
fn foreign(name: &str, instrument: Instrument) -> VenueOrder {
    VenueOrder {
        client_order_id: name.to_owned(),
        venue_order_id: "V9".parse().unwrap(),
        instrument,
        side: Side::Buy,
        order_type: Some(OrderType::Limit),
        time_in_force: Some(messages::orders::TimeInForce::Gtc),
        quantity: "4".parse().ok(),
        price: "90".parse().ok(),
        stop_price: None,
        filled: Quantity::ZERO,
        filled_notional: None,
        status: "new".to_owned(),
    }
}

#[test]
fn foreign_orders_are_left_alone_or_adopted() {
    let mut pair = began();
    pair.venue.foreign.push(foreign("web_1", instrument()));
    pair.ask(begin()).unwrap();
    assert_eq!(pair.kinds(), [(DifferenceKind::ForeignOrder, true)]);
    assert_eq!(pair.bench.orders.open_orders().count(), 0);

    pair.bench.orders.settings.foreign_orders = ForeignOrders::Adopt;
    pair.ask(begin()).unwrap();
    let adopted = pair.bench.orders.open_orders().next().expect("it is ours now").clone();
    assert_eq!(
        (adopted.client_order_id.as_str(), adopted.strategy, adopted.status),
        ("web_1", StrategyId::manual(), Status::Accepted)
    );
    let canceled = pair.bench.step("by manual cancel all");
    assert!(
        matches!(&canceled[1], Effect::Send(_, VenueRequest::Cancel { venue_order_id: Some(id), .. }) if id.as_str() == "V9")
    );
    pair.bench.check_restored();
}

#[test]
fn two_foreign_orders_with_one_number_in_two_instruments_are_two() {
    let mut pair = began();
    let other = Instrument { symbol: "B".parse().unwrap(), ..instrument() };
    let rules = &mut pair.bench.orders.settings.rules;
    let like = rules[&instrument()].clone();
    rules.insert(other, Rules { instrument: other, base: "B".parse().unwrap(), ..like });
    pair.bench.orders.settings.foreign_orders = ForeignOrders::Adopt;
    pair.venue.foreign.extend([foreign("web_1", instrument()), foreign("web_2", other)]);
    pair.ask(begin()).unwrap();
    let adopted: BTreeSet<_> = pair.bench.orders.open_orders().map(|order| order.client_order_id.to_string()).collect();
    assert_eq!(adopted, BTreeSet::from(["web_1", "web_2"].map(str::to_owned)));
}

#[test]
fn what_an_adopted_order_came_with_counts_once() {
    let mut pair = began();
    let name: ClientOrderId = "web_1".parse().unwrap();
    let there = There { request: limit("buy", "9", "100"), fills: Vec::new(), end: None };
    pair.venue.orders.insert(name, there);
    let now = pair.bench.now;
    pair.venue.trade(name, 1, now).unwrap();
    pair.venue.trade(name, 2, now).unwrap();
    pair.bench.orders.settings.foreign_orders = ForeignOrders::Adopt;
    pair.ask(begin()).unwrap();
    pair.wait(2);
    assert_eq!(pair.last().outcome, Ended::Settled);
    pair.check_agreed();
    pair.connect();
    assert_eq!((pair.waits(), pair.last().outcome), (None, Ended::Agreed));

    // Two fills later of which the newer is heard, the venue tells all four: the first two are not what is missing.
    let now = pair.bench.now;
    pair.venue.trade(name, 2, now).unwrap();
    let heard = pair.venue.trade(name, 1, now).unwrap();
    let asks = pair.report(name, heard);
    pair.exchange(asks);
    pair.check_agreed();
    let asks = pair.bench.restart();
    pair.exchange(asks);
    assert_eq!(pair.bench.orders.counters().alarms, 0, "what counts already is no news after a restart");
    pair.check_agreed();
}

#[test]
fn what_the_answers_do_not_settle_waits_for_a_person() {
    let mut pair = began();
    let name = pair.place("buy", 5);
    // The venue has lost the order, and says so to every question.
    pair.venue.orders.remove(&name);
    pair.connect();
    assert_eq!(pair.waits(), Some(Waits::Accept));
    assert_eq!((pair.last().outcome, pair.last().cause), (Ended::Unsettled, Cause::Reconnect));
    assert_eq!(pair.kinds(), [(DifferenceKind::NotOpenThere, false)]);
    let said: Vec<String> = pair.submit("buy", 1).iter().map(say).collect();
    assert_eq!(said, ["2 denied (risk.reconciling)"]);
    let nothing = ReconcileAsk::Accept { by: "ada".to_owned(), why: " ".to_owned() };
    assert!(pair.ask(nothing).unwrap_err().contains("--why"));
    pair.ask(accept()).unwrap();
    assert_eq!((pair.waits(), pair.last().outcome), (None, Ended::Accepted));
    assert_eq!(pair.bench.show(1), "canceled 0/5 @ 100 reconcile.not_open_there");
    assert!(pair.ask(accept()).unwrap_err().contains("nothing is left"));
    pair.place("buy", 1);
}

#[test]
fn a_gap_that_a_late_fill_has_closed_is_not_entered_once_more() {
    let mut pair = began();
    let (late, lost) = (pair.place("buy", 5), pair.place("buy", 1));
    // The position shows a fill that the history does not list yet, and an order in doubt leaves the gap to a person.
    pair.venue.orders.remove(&lost);
    pair.venue.move_by(Side::Buy, "3".parse().unwrap());
    pair.connect();
    pair.wait(2);
    assert_eq!((pair.waits(), pair.last().entries), (Some(Waits::Accept), vec![]));
    let three: Quantity = "3".parse().unwrap();
    let heard = fill("x1".parse().unwrap(), three, three, pair.bench.now);
    pair.venue.orders.get_mut(&late).unwrap().fills.push(heard.clone());
    pair.report(late, ReportKind::Filled(heard));
    assert!(pair.ask(accept()).unwrap_err().contains("have changed"));
    assert_eq!(pair.waits(), Some(Waits::Accept));
    pair.ask(begin()).unwrap();
    assert_eq!(pair.kinds(), [(DifferenceKind::NotOpenThere, false)]);
    pair.ask(accept()).unwrap();
    assert_eq!((pair.waits(), pair.last().entries), (None, vec![]));
    pair.check_agreed();
}

#[test]
fn an_order_that_lives_there_and_has_ended_here_is_cancelled_once_accepted() {
    let mut pair = began();
    let name = pair.place("buy", 5);
    pair.report(name, ReportKind::Expired { reason: Reason::code("venue.wrong") });
    pair.connect();
    assert_eq!((pair.waits(), pair.kinds()), (Some(Waits::Accept), vec![(DifferenceKind::OpenThere, false)]));
    pair.ask(accept()).unwrap();
    assert_eq!(pair.venue.orders[&name].end, Some(ReportKind::Canceled));
}

#[test]
fn what_could_not_be_learned_is_not_taken_for_nothing() {
    let mut pair = began();
    pair.venue.missing.push("positions: 500".to_owned());
    pair.venue.position = "3".parse().unwrap();
    pair.connect();
    pair.wait(20);
    assert_eq!((pair.waits(), pair.kinds()), (Some(Waits::Accept), vec![(DifferenceKind::Incomplete, false)]));
    // The schedule finds it whole again, and lets orders pass.
    pair.venue.missing.clear();
    pair.wait(320);
    assert_eq!((pair.waits(), pair.last().outcome), (None, Ended::Settled));
    pair.check_agreed();
}

#[test]
fn a_schedule_that_finds_nothing_new_writes_nothing() {
    let mut pair = began();
    let kept = |pair: &Pair| pair.bench.ledger.iter().filter(|r| matches!(r, LedgerRecord::Reconciled(_))).count();
    let before = kept(&pair);
    pair.wait(700);
    assert_eq!((kept(&pair), pair.last().cause, pair.last().outcome), (before, Cause::Schedule, Ended::Agreed));
}
