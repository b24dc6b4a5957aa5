//! Closing everything: each position by reduce-only orders of its own strategy, within the limits of one order.

use messages::risk::LimitName;

use super::*;

fn flatten(bench: &mut Bench) -> Vec<String> {
    let effects = bench.command("manual", 0, Command::Flatten { id: order_id(99) });
    let sent = |effect: &Effect| match effect {
        Effect::Send(_, VenueRequest::Submit { request, .. }) => {
            assert!(request.reduce_only && request.order_type == messages::orders::OrderType::Market);
            Some(format!("{} {}", request.side, request.quantity.raw() / 1_000_000_000))
        }
        _ => None,
    };
    effects.iter().filter_map(sent).collect()
}

/// `a` is 30 long, `b` 10 short.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.step("submit 1 buy 30 @ 100");
    bench.step("venue 1 fill x 30 of 30");
    bench.step("by b submit 2 sell 10 @ 100");
    bench.step("venue 2 fill y 10 of 10");
    bench
}

#[test]
fn every_position_is_closed_under_the_name_that_holds_it() {
    let mut bench = bench();
    bench.step("trading REDUCING");
    assert_eq!(flatten(&mut bench), ["sell 30", "buy 10"]);
    let owners: Vec<String> =
        bench.orders.open_orders().map(|o| format!("{} {}", o.strategy, o.request.side)).collect();
    assert_eq!((owners.contains(&"a sell".to_owned()), owners.contains(&"b buy".to_owned())), (true, true));
    assert_eq!(flatten(&mut bench), [""; 0], "what closes them is on its way already");
    bench.check_restored();
}

#[test]
fn what_closes_a_position_already_is_left_out() {
    let mut bench = bench();
    bench.step("submit 3 sell 5 @ 200");
    bench.step("venue 3 accepted");
    assert_eq!(flatten(&mut bench), ["sell 25", "buy 10"]);
    let mut bench = self::bench();
    bench.orders.settings.kind = AccountKind::Cash;
    // A fee in the asset itself has taken a part of what the fills say.
    bench.orders.on_deposit("A".parse().unwrap(), "-1.5".parse().unwrap());
    let held = bench.orders.balances[&"A".parse().unwrap()].raw() / 1_000_000_000;
    assert_eq!((held, flatten(&mut bench)), (18, vec!["sell 18".to_owned()]));
}

#[test]
fn a_position_larger_than_an_order_may_be_is_closed_by_several() {
    let mut bench = bench();
    bench.limit(LimitName::MaxOrderQuantity, "20");
    assert_eq!(flatten(&mut bench), ["sell 20", "sell 10", "buy 10"]);
    let mut bench = self::bench();
    // 1000 at 99.99 buys 10.001, and an order is for whole ones.
    bench.limit(LimitName::MaxOrderNotional, "1000");
    assert_eq!(flatten(&mut bench), ["sell 10", "sell 10", "sell 10", "buy 9", "buy 1"]);
}

#[test]
fn where_nothing_is_held_nothing_is_done() {
    assert_eq!(flatten(&mut Bench::new()), [""; 0]);
}

/// `a` and `b` hold, and each has an order that rests.
#[test]
fn one_strategy_is_closed_and_the_others_keep_their_orders_and_positions() {
    let mut bench = bench();
    bench.step("submit 3 sell 5 @ 200");
    bench.step("venue 3 accepted");
    bench.step("by b submit 4 buy 5 @ 90");
    bench.step("venue 4 accepted");
    let of_b = |bench: &Bench| {
        let orders: Vec<Order> = bench.orders.open_orders().filter(|o| o.strategy.as_str() == "b").cloned().collect();
        (orders, bench.orders.book.own("b".parse().unwrap(), instrument()))
    };
    let before = of_b(&bench);
    let said = |effects: Vec<Effect>| effects.iter().map(say).collect::<Vec<_>>().join("; ");
    assert_eq!(said(bench.step("flatten a 90")), "3 cancel_requested → pending_cancel; cancel 3", "its orders first");
    assert_eq!(said(bench.step("flatten a 91")), "", "what is being cancelled may still fill");
    bench.step("venue 3 fill z 2 of 2");
    bench.step("venue 3 canceled");
    assert_eq!(said(bench.step("flatten a 92")), "5 intended → pending_submit; send 5 market");
    let closing = bench.orders.order(order_id(92).part(1)).unwrap();
    assert_eq!((closing.request.quantity.to_string(), closing.strategy.as_str()), ("28".to_owned(), "a"));
    assert_eq!(said(bench.step("flatten a 93")), "", "what closes it is on its way");
    bench.step("venue 5 fill w 28 of 28");
    assert_eq!(of_b(&bench), before);
    let all = bench.orders.book.all(instrument()).position;
    assert_eq!((all, bench.orders.book.positions().count()), ("-10".parse().unwrap(), 1));
    bench.check_restored();
}
