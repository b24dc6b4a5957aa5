//! Orders that ended shortly before a start or a lost connection, and may have fills that nobody heard of.

use super::*;

/// The questions among what is said.
fn asks(said: &[Effect]) -> Vec<String> {
    said.iter().map(say).filter(|said| said.starts_with("ask ")).collect()
}

fn reconnect(pair: &mut Pair) -> Vec<Effect> {
    pair.bench.deliver(|orders, at, out| orders.on_reconnected(at, out))
}

/// An order that is canceled here without a fill, and has one there.
fn misses_a_fill(pair: &mut Pair) -> ClientOrderId {
    let name = pair.place("buy", 5);
    let now = pair.bench.now;
    pair.venue.trade(name, 2, now).unwrap();
    pair.cancel();
    assert_eq!(pair.bench.show(pair.orders), "canceled 0/5 @ 100");
    name
}

/// A fill that was missed is in no list yet, while one of an order that was made later is in the list, which is not whole.
fn is_listed_too_late(pair: &mut Pair) {
    let name = misses_a_fill(pair);
    let open = pair.place("buy", 4);
    let now = pair.bench.now;
    let heard = pair.venue.trade(open, 1, now).unwrap();
    pair.report(open, heard);
    pair.venue.unlisted = Some(name);
    pair.venue.missing.push("fills: only the newest can be listed".to_owned());
}

#[test]
fn orders_that_ended_without_a_fill_cost_no_question() {
    let mut pair = began();
    for _ in 0..20 {
        pair.place("buy", 1);
        pair.cancel();
    }
    let said = reconnect(&mut pair);
    assert_eq!(asks(&said), ["ask for the account"]);
    pair.exchange(said);
    let said = pair.bench.restart();
    assert_eq!(asks(&said), Vec::<String>::new());
    let said = reconnect(&mut pair);
    assert_eq!(asks(&said), ["ask for the account"]);
    pair.exchange(said);
    assert_eq!(pair.waits(), None);
    pair.check_agreed();
}

#[test]
fn a_fill_that_was_missed_before_a_start_is_found_in_the_list() {
    let mut pair = began();
    misses_a_fill(&mut pair);
    let said = pair.bench.restart();
    assert_eq!(asks(&said), Vec::<String>::new());
    pair.connect();
    assert_eq!((pair.waits(), pair.kinds()), (None, vec![(DifferenceKind::MissedFill, true)]));
    assert_eq!(pair.bench.show(1), "canceled 2/5 @ 100");
    pair.check_agreed();
}

#[test]
fn what_no_list_tells_is_asked() {
    let mut pair = began();
    // What is filled of it may have been undone.
    let name = pair.place("buy", 5);
    let now = pair.bench.now;
    let heard = pair.venue.trade(name, 2, now).unwrap();
    pair.report(name, heard);
    pair.cancel();
    // Nobody has told the venue's id of it, by which its fills are listed.
    pair.submit("buy", 1);
    for step in ["venue 2 accepted", "cancel 2", "venue 2 canceled"] {
        pair.bench.step(step);
    }
    let all = ["ask for the account", "ask 1", "ask 2"];
    assert_eq!(asks(&reconnect(&mut pair)), all);
    assert_eq!(asks(&pair.bench.restart()), all[1..]);
    assert_eq!(asks(&reconnect(&mut pair)), all);
}

#[test]
fn the_fills_of_an_instrument_that_is_not_listed_are_asked_for() {
    let mut pair = began();
    misses_a_fill(&mut pair);
    pair.bench.orders.settings.rules.clear();
    assert_eq!(asks(&reconnect(&mut pair)), ["ask for the account", "ask 1"]);
}

#[test]
fn an_exit_that_was_cancelled_while_it_was_held_here_is_not_asked_about() {
    let mut pair = began();
    let venue = Capabilities { account: true, contingencies: &[], ..CAPABILITIES };
    pair.bench.orders.settings.venues = [(Exchange::Simulated, venue)].into();
    let effects = pair.bench.step("bracket 1 buy 5 @ 100 profit 110 loss 90");
    pair.exchange(effects);
    let effects = pair.bench.step("cancel 1");
    pair.exchange(effects);
    assert!(pair.bench.orders.open_orders().next().is_none());
    assert_eq!(asks(&reconnect(&mut pair)), ["ask for the account"]);
    assert_eq!(asks(&pair.bench.restart()), Vec::<String>::new());
}

#[test]
fn where_the_list_does_not_come_whole_the_orders_left_to_it_are_asked_about() {
    let mut pair = began();
    misses_a_fill(&mut pair);
    // Longer ago than a connection alone looks back.
    pair.wait(100);
    pair.place("buy", 1);
    pair.bench.restart();
    pair.venue.missing.push("fills: only the newest can be listed".to_owned());
    pair.connect();
    assert_eq!(pair.bench.show(1), "canceled 2/5 @ 100");
}

#[test]
fn where_no_list_comes_the_orders_left_to_it_are_asked_about() {
    let mut pair = began();
    misses_a_fill(&mut pair);
    let mut said = reconnect(&mut pair);
    for _ in 0..100 {
        said.extend(pair.bench.deliver(|orders, at, out| orders.on_timer(at, out)));
    }
    let asked = asks(&said).into_iter().filter(|ask| ask == "ask 1").count();
    assert_eq!(asked, 1);
}

#[test]
fn a_list_that_was_not_whole_hides_nothing_from_the_next() {
    let mut pair = began();
    is_listed_too_late(&mut pair);
    pair.venue.is_silent = true;
    pair.connect();
    pair.wait(20);
    assert_eq!((pair.waits(), pair.last().outcome), (Some(Waits::Accept), Ended::Unsettled));
    pair.venue.unlisted = None;
    pair.venue.missing.clear();
    pair.venue.is_silent = false;
    pair.connect();
    assert_eq!((pair.waits(), pair.kinds()), (None, vec![(DifferenceKind::MissedFill, true)]));
    pair.check_agreed();
}

#[test]
fn a_fill_of_an_order_that_was_not_heard_of_is_listed_again_once_it_is() {
    let mut pair = began();
    let open = pair.place("buy", 4);
    // It arrives, is filled in part and canceled there, and nothing of that is heard. Another one's fill is.
    for effect in pair.submit("buy", 5) {
        if let Effect::Send(_, request) = effect {
            pair.venue.answer(&request);
        }
    }
    let (name, now) = (client_id("2"), pair.bench.now);
    pair.venue.trade(name, 2, now).unwrap();
    pair.venue.orders.get_mut(&name).unwrap().end = Some(ReportKind::Canceled);
    pair.venue.is_silent = true;
    pair.wait(1);
    let now = pair.bench.now;
    let heard = pair.venue.trade(open, 1, now).unwrap();
    pair.report(open, heard);
    pair.connect();
    pair.wait(100);
    assert!(pair.kinds().contains(&(DifferenceKind::ForeignFill, true)), "{}", pair.last().words());
    // Its end is heard later, and its fill is not.
    pair.report(name, ReportKind::Canceled);
    assert_eq!(pair.bench.show(2), "canceled 0/5 @ 100");
    pair.venue.is_silent = false;
    let said = reconnect(&mut pair);
    assert_eq!(asks(&said), ["ask for the account"]);
    pair.exchange(said);
    pair.wait(3);
    assert_eq!((pair.waits(), pair.bench.show(2).as_str()), (None, "canceled 2/5 @ 100"));
    pair.check_agreed();
}

#[test]
fn a_fill_that_is_listed_late_is_asked_for_before_anything_is_entered() {
    let mut pair = began();
    let name = misses_a_fill(&mut pair);
    pair.bench.restart();
    pair.venue.unlisted = Some(name);
    pair.connect();
    pair.wait(3);
    assert_eq!((pair.waits(), pair.last().outcome, pair.last().entries), (None, Ended::Settled, vec![]));
    assert_eq!(pair.bench.show(1), "canceled 2/5 @ 100");
    pair.check_agreed();
}

#[test]
fn orders_that_a_gap_may_be_of_are_asked_about_once_and_then_it_is_entered() {
    let mut pair = began();
    for _ in 0..3 {
        pair.place("buy", 1);
        pair.cancel();
    }
    pair.venue.cash = pair.venue.cash.checked_add(Cash::ONE).unwrap();
    let before = pair.bench.effects.len();
    pair.connect();
    pair.wait(3);
    let account = "ask for the account";
    assert_eq!(asks(&pair.bench.effects[before..]), [account, account, "ask 1", "ask 2", "ask 3", account]);
    assert_eq!((pair.waits(), pair.last().entries.len()), (None, 1));
    pair.check_agreed();
}

#[test]
fn nothing_is_entered_while_an_ended_order_that_it_may_be_of_owes_its_answer() {
    let mut pair = began();
    let name = misses_a_fill(&mut pair);
    pair.venue.unlisted = Some(name);
    pair.venue.is_silent = true;
    pair.connect();
    pair.wait(70);
    let last = pair.last();
    assert_eq!((pair.waits(), last.outcome, last.entries), (Some(Waits::Accept), Ended::Unsettled, vec![]));
    pair.venue.is_silent = false;
    pair.wait(310);
    assert_eq!((pair.waits(), pair.bench.show(1).as_str()), (None, "canceled 2/5 @ 100"));
    pair.check_agreed();
}

#[test]
fn a_question_that_was_lost_with_a_connection_is_answered_by_the_list_of_the_next() {
    let mut pair = began();
    pair.place("buy", 1);
    pair.cancel();
    reconnect(&mut pair);
    for _ in 0..40 {
        pair.bench.deliver(|orders, at, out| orders.on_timer(at, out));
    }
    assert_eq!(pair.bench.orders.questions(), 1);
    pair.connect();
    assert_eq!((pair.waits(), pair.bench.orders.questions()), (None, 0));
}

#[test]
fn no_mark_passes_an_ended_order_that_owes_its_answer_and_the_schedule_asks_for_it_again() {
    let mut pair = began();
    let name = pair.place("buy", 5);
    let now = pair.bench.now;
    let heard = pair.venue.trade(name, 2, now).unwrap();
    pair.report(name, heard);
    pair.cancel();
    pair.venue.is_silent = true;
    pair.connect();
    let mark = |pair: &Pair| pair.last().marks[0].1.execution_id;
    assert_eq!((pair.waits(), pair.last().outcome), (None, Ended::Agreed));
    assert_eq!((pair.bench.orders.questions(), mark(&pair)), (1, None));
    pair.venue.is_silent = false;
    pair.wait(310);
    assert_eq!(pair.bench.orders.questions(), 0);
    pair.wait(310);
    assert_eq!(mark(&pair), "x1".parse().ok());
}

#[test]
fn a_list_that_was_not_whole_moves_no_mark_where_no_ended_order_was_asked_about() {
    let mut pair = began();
    is_listed_too_late(&mut pair);
    pair.ask(begin()).unwrap();
    pair.wait(20);
    assert_eq!(pair.last().outcome, Ended::Unsettled);
    pair.venue.unlisted = None;
    pair.venue.missing.clear();
    pair.ask(begin()).unwrap();
    pair.wait(3);
    assert_eq!(pair.kinds(), [(DifferenceKind::MissedFill, true)]);
    pair.check_agreed();
}

#[test]
fn an_order_that_may_have_left_is_asked_about() {
    let mut pair = began();
    // The venue has it, and nobody has told its id or that it left.
    pair.submit("buy", 1);
    pair.bench.step("venue 1 canceled");
    assert_eq!(pair.bench.show(1), "canceled 0/1 @ 100");
    assert_eq!(asks(&reconnect(&mut pair)), ["ask for the account", "ask 1"]);
}
