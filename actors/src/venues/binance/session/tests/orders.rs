//! Orders over a session: what is written once, what is told, and what is asked when an answer leaves it open.

use messages::orders::Replacement;

use super::*;

impl Play {
    fn replace(&mut self, name: &str, new: &str, price: &str) {
        self.change(name, new, Replacement { quantity: None, price: Some(price.parse().unwrap()), stop_price: None });
    }

    /// Makes it smaller where it stands.
    fn amend(&mut self, name: &str, new: &str, quantity: &str) {
        self.change(
            name,
            new,
            Replacement { quantity: Some(quantity.parse().unwrap()), price: None, stop_price: None },
        );
    }

    fn change(&mut self, name: &str, new: &str, replacement: Replacement) {
        self.request(VenueRequest::Replace {
            client_order_id: id(name),
            new_client_order_id: id(new),
            venue_order_id: None,
            instrument: btc(),
            replacement,
            at: self.now,
        });
    }

    /// The venue counts so much of 6000 in this minute.
    fn weigh(&mut self, count: u32) {
        let limits = json!([{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": count}]);
        self.frame(&json!({"id": null, "status": 200, "result": {}, "rateLimits": limits}));
        self.take();
    }
}

fn execution(name: &str, changes: &Value) -> Value {
    let mut event = json!({
        "e": "executionReport", "E": 1_700_000_000_000_i64, "s": "BTCUSDT", "c": name, "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "1.0",
        "p": "100.0", "C": "", "x": "NEW", "X": "NEW", "r": "NONE", "i": 7, "l": "0.0", "z": "0.0", "L": "0.0", "n": "0", "N": null,
        "T": 1_700_000_000_000_i64, "t": -1, "w": true, "m": false
    });
    for (field, value) in changes.as_object().unwrap() {
        event[field] = value.clone();
    }
    event
}

fn fill(name: &str, trade: u64, quantity: &str, cumulative: &str) -> Value {
    execution(
        name,
        &json!({"x": "TRADE", "X": "PARTIALLY_FILLED", "t": trade, "l": quantity, "z": cumulative, "L": "100.0", "n": "0.1", "N": "USDT"}),
    )
}

#[test]
fn an_order_is_written_once_and_told() {
    let mut play = Play::up();
    play.submit("me-1-a");
    play.check(&["order.place", "me-1-a Submitted"]);
    play.answer(&order("me-1-a", 7, "NEW", "0"));
    play.event(&execution("me-1-a", &json!({})));
    play.event(&fill("me-1-a", 1, "0.25", "0.25"));
    play.check(&["me-1-a Accepted", "me-1-a Accepted", "me-1-a fill 0.25 of 0.25"]);
    play.cancel("me-1-a");
    let mut canceled = order("cancel-1", 7, "CANCELED", "0.25");
    canceled["origClientOrderId"] = "me-1-a".into();
    play.answer(&canceled);
    play.check(&["order.cancel", "me-1-a Accepted", "me-1-a Canceled"]);
    assert!(play.session.known.is_empty());
}

#[test]
fn without_an_answer_it_is_open_and_never_written_again() {
    let mut play = Play::up();
    play.submit("me-1-a");
    play.take();
    play.pass(Duration::from_secs(15));
    play.check(&["me-1-a is open"]);
    play.step(|session, now, out| session.closed("reset", now, out));
    play.connect();
    let written = play.take();
    assert!(!written.contains(&"order.place".to_owned()), "{written:?}");
}

#[test]
fn what_finds_no_connection_is_never_sent_later() {
    let mut play = Play::new("hush");
    play.submit("me-1-a");
    play.query("me-1-a");
    play.check(&["me-1-a not taken: not_connected"]);
    play.connect();
    play.check(&["Open", "time", "userDataStream.subscribe.signature", "Connected"]);
}

#[test]
fn a_query_is_answered_with_every_fill_and_then_where_it_stands() {
    let mut play = Play::up();
    play.query("me-1-a");
    play.query("me-1-a");
    play.check(&["order.status"]);
    play.answer(&order("me-1-a", 7, "PARTIALLY_FILLED", "0.75"));
    play.answer(&json!([trade(7, 2, "0.25"), trade(7, 1, "0.5")]));
    play.check(&["myTrades", "me-1-a fill 0.5 of 0.5", "me-1-a fill 0.25 of 0.75", "me-1-a Accepted"]);
}

#[test]
fn fills_of_many_pages_are_all_told() {
    let mut play = Play::up();
    play.query("me-1-a");
    play.answer(&order("me-1-a", 7, "FILLED", "1"));
    let page: Vec<Value> = (0..1_000).map(|n| trade(7, n, "0.0005")).collect();
    play.answer(&Value::from(page));
    assert_eq!(play.written[0]["params"]["fromId"], 1_000);
    let page: Vec<Value> = (1_000..2_000).map(|n| trade(7, n, "0.0005")).collect();
    play.answer(&Value::from(page));
    play.answer(&json!([]));
    let said = play.take();
    assert_eq!(said.iter().filter(|line| line.contains("fill")).count(), 2_000);
    assert_eq!(said[said.len() - 2..], ["me-1-a fill 0.0005 of 1", "me-1-a Accepted"]);
}

#[test]
fn an_order_of_this_session_that_is_not_known_is_unknown_at_once() {
    let mut play = Play::up();
    play.submit("me-1-a");
    play.take();
    play.query("me-1-a");
    play.written.remove(0);
    play.refuse(400, -2013, "Order does not exist.");
    play.check(&["order.status", "me-1-a Unknown"]);
}

#[test]
fn one_that_ended_or_is_not_known_is_looked_for_under_its_later_names() {
    // Of an earlier session: nobody here knows whether it was replaced.
    let mut play = Play::up();
    play.query("me-1-a");
    play.answer(&order("me-1-a", 7, "CANCELED", "0"));
    play.check(&["order.status", "allOrders"]);
    assert_eq!(play.written[0]["params"]["orderId"], 7);
    play.answer(&json!([order("me-1-a", 7, "CANCELED", "0"), order("me-1-a-r1", 8, "PARTIALLY_FILLED", "0.5")]));
    play.answer(&json!([trade(8, 1, "0.5")]));
    play.check(&[
        "me-1-a-r1 replaced Some(1) Some(100)",
        "myTrades",
        "me-1-a-r1 fill 0.5 of 0.5",
        "me-1-a-r1 Accepted",
    ]);

    play.query("me-1-b");
    play.answer(&order("me-1-b", 9, "CANCELED", "0"));
    play.answer(&json!([order("me-1-b", 9, "CANCELED", "0")]));
    play.check(&["order.status", "allOrders", "me-1-b Accepted", "me-1-b Canceled"]);

    // Renamed where it stands: it is known by the later name alone.
    play.query("me-1-c");
    play.refuse(400, -2013, "Order does not exist.");
    play.answer(&json!([order("me-1-c-r1", 10, "NEW", "0")]));
    play.check(&["order.status", "allOrders", "me-1-c-r1 replaced Some(1) Some(100)", "me-1-c-r1 Accepted"]);

    play.query("me-1-d");
    play.refuse(400, -2013, "Order does not exist.");
    play.answer(&json!([]));
    play.check(&["order.status", "allOrders", "me-1-d Unknown"]);

    // What cannot be read may be the very order: nothing is said of it.
    play.query("me-1-e");
    play.refuse(400, -2013, "Order does not exist.");
    play.answer(&json!([{"orderId": "seven"}]));
    let said = play.take();
    assert!(
        said.iter().any(|line| line.starts_with("unknown:")) && !said.iter().any(|line| line.contains("me-1-e")),
        "{said:?}"
    );
}

#[test]
fn a_replacement_is_one_request_whose_first_half_is_no_end() {
    let mut play = Play::up();
    play.submit("me-1-a");
    play.answer(&order("me-1-a", 7, "NEW", "0"));
    play.take();
    play.replace("me-1-a", "me-1-a-r1", "101");
    play.event(&execution("me-1-a-r1.c", &json!({"x": "CANCELED", "X": "CANCELED", "C": "me-1-a"})));
    play.query("me-1-a");
    play.check(&["order.cancelReplace", "order.status"]);
    // The question sees the first half alone.
    let replace = play.written.remove(0);
    play.answer(&order("me-1-a", 7, "CANCELED", "0"));
    play.check(&["me-1-a is open"]);
    play.written.insert(0, replace);
    play.event(&execution("me-1-a-r1", &json!({"i": 8, "p": "101.0"})));
    play.answer(&json!({"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS", "newOrderResponse": order("me-1-a-r1", 8, "NEW", "0")}));
    play.check(&["me-1-a-r1 Accepted", "me-1-a-r1 replaced None Some(101)"]);
    assert_eq!(play.session.known[&id("me-1-a-r1")].request.price.unwrap().to_string(), "101");
    assert_eq!(play.session.known.len(), 1);
}

#[test]
fn an_amendment_that_is_told_twice_leaves_the_next_one_on_its_way() {
    let mut play = Play::up();
    play.submit("me-1-a");
    play.answer(&order("me-1-a", 7, "NEW", "0"));
    play.take();
    play.amend("me-1-a", "me-1-a-r1", "0.9");
    play.event(&execution("me-1-a-r1", &json!({"x": "REPLACED", "C": "me-1-a", "q": "0.9"})));
    play.amend("me-1-a-r1", "me-1-a-r2", "0.8");
    play.check(&["order.amend.keepPriority", "me-1-a-r1 replaced Some(0.9) None", "order.amend.keepPriority"]);
    let mut amended = order("me-1-a-r1", 7, "NEW", "0");
    amended["origClientOrderId"] = "me-1-a".into();
    amended["origQty"] = "0.9".into();
    play.answer(&json!({"transactTime": 1_700_000_000_000_i64, "executionId": 1, "amendedOrder": amended}));
    play.take();
    // The answer to the second is lost, and the order may live under either name.
    play.written.clear();
    play.step(|session, now, out| session.closed("reset", now, out));
    play.connect();
    play.take();
    play.query("me-1-a-r1");
    play.refuse(400, -2013, "Order does not exist.");
    play.check(&["order.status", "allOrders"]);
}

#[test]
fn the_terms_of_an_order_of_an_earlier_session_are_asked_for() {
    let mut play = Play::up();
    play.replace("me-1-a", "me-1-a-r1", "101");
    play.answer(&order("me-1-a", 7, "NEW", "0"));
    play.check(&["order.status", "order.cancelReplace"]);
    let params = &play.written[0]["params"];
    assert_eq!((&params["price"], &params["quantity"], &params["side"]), (&json!("101"), &json!("1"), &json!("BUY")));
    let mut play = Play::up();
    play.replace("me-1-a", "me-1-a-r1", "101");
    play.refuse(400, -2013, "Order does not exist.");
    play.check(&["order.status", "me-1-a-r1 replace rejected binance.unknown_order"]);
}

#[test]
fn a_replacement_leaves_soon_or_not_at_all() {
    let mut play = Play::up();
    play.weigh(6_000);
    play.replace("me-1-a", "me-1-a-r1", "101");
    play.check(&["me-1-a-r1 replace rejected binance.rate_limit"]);
    play.pass(Duration::from_secs(40));
    play.check(&[]);
    play.replace("me-1-a", "me-1-a-r2", "101");
    play.pass(Duration::from_secs(3));
    play.answer(&order("me-1-a", 7, "NEW", "0"));
    play.check(&["order.status", "me-1-a-r2 replace rejected binance.terms"]);
}

#[test]
fn an_order_whose_replacement_waits_for_its_terms_has_not_ended() {
    let mut play = Play::up();
    play.replace("me-1-a", "me-1-a-r1", "101");
    play.query("me-1-a");
    play.check(&["order.status", "order.status"]);
    play.written.remove(0);
    play.answer(&order("me-1-a", 7, "CANCELED", "0"));
    play.check(&["me-1-a is open"]);
}

#[test]
fn fills_that_were_never_told_are_asked_for() {
    let mut play = Play::up();
    play.submit("me-1-a");
    play.answer(&order("me-1-a", 7, "NEW", "0"));
    play.cancel("me-1-a");
    play.take();
    let mut canceled = order("cancel-1", 7, "CANCELED", "0.5");
    canceled["origClientOrderId"] = "me-1-a".into();
    play.answer(&canceled);
    // The end comes behind the fills that it counts.
    play.check(&["order.status", "me-1-a Accepted"]);
    play.answer(&order("me-1-a", 7, "CANCELED", "0.5"));
    play.answer(&json!([trade(7, 1, "0.5")]));
    play.check(&["myTrades", "me-1-a fill 0.5 of 0.5", "me-1-a Accepted", "me-1-a Canceled"]);
}

#[test]
fn an_end_that_is_heard_waits_for_the_fills_that_it_counts() {
    for (kind, end) in [("CANCELED", "me-1-a Canceled"), ("EXPIRED", "me-1-a Expired { reason: \"binance.expired\" }")]
    {
        let mut play = Play::up();
        play.submit("me-1-a");
        play.answer(&order("me-1-a", 7, "NEW", "0"));
        play.take();
        // Half of it was filled while nobody listened.
        play.event(&execution("me-1-a", &json!({"x": kind, "X": kind, "z": "0.5"})));
        play.check(&["order.status"]);
        play.answer(&order("me-1-a", 7, kind, "0.5"));
        play.answer(&json!([trade(7, 1, "0.5")]));
        play.check(&["myTrades", "me-1-a fill 0.5 of 0.5", "me-1-a Accepted", end]);
    }
}

#[test]
fn a_fill_behind_a_gap_does_not_stand_for_those_before_it() {
    let mut play = Play::up();
    play.submit("me-1-a");
    play.answer(&order("me-1-a", 7, "NEW", "0"));
    play.take();
    play.event(&fill("me-1-a", 2, "0.25", "0.5"));
    play.event(&execution("me-1-a", &json!({"x": "CANCELED", "X": "CANCELED", "z": "0.5"})));
    play.check(&["me-1-a fill 0.25 of 0.5", "order.status"]);
}

#[test]
fn an_end_that_is_told_twice_with_all_its_fills_is_not_asked_about() {
    let event = execution("cancel-1", &json!({"x": "CANCELED", "X": "CANCELED", "C": "me-1-a", "z": "0.25"}));
    let mut answer = order("cancel-1", 7, "CANCELED", "0.25");
    answer["origClientOrderId"] = "me-1-a".into();
    for answers_first in [true, false] {
        let mut play = Play::up();
        play.submit("me-1-a");
        play.answer(&order("me-1-a", 7, "NEW", "0"));
        play.event(&fill("me-1-a", 1, "0.25", "0.25"));
        play.cancel("me-1-a");
        play.take();
        if answers_first {
            play.answer(&answer);
            play.event(&event);
            play.check(&["me-1-a Accepted", "me-1-a Canceled", "me-1-a Canceled"]);
        } else {
            play.event(&event);
            play.answer(&answer);
            play.check(&["me-1-a Canceled", "me-1-a Accepted", "me-1-a Canceled"]);
        }
    }
}

/// The venue counts a fill before it lists it.
#[test]
fn an_end_waits_until_all_its_fills_are_listed() {
    let mut play = Play::up();
    play.query("me-1-a");
    play.answer(&order("me-1-a", 7, "EXPIRED", "0.5"));
    play.answer(&json!([trade(7, 1, "0.25")]));
    play.check(&["order.status", "myTrades", "me-1-a is open", "me-1-a fill 0.25 of 0.25"]);
    play.pass(Duration::from_secs(1));
    play.check(&["order.status"]);
    play.answer(&order("me-1-a", 7, "EXPIRED", "0.5"));
    play.answer(&json!([trade(7, 1, "0.25"), trade(7, 2, "0.25")]));
    play.check(&[
        "myTrades",
        "me-1-a fill 0.25 of 0.25",
        "me-1-a fill 0.25 of 0.5",
        "me-1-a Accepted",
        "me-1-a Expired { reason: \"binance.expired\" }",
    ]);
    play.pass(Duration::from_secs(30));
    play.check(&[]);
}

#[test]
fn an_end_that_waits_is_asked_about_again_where_an_answer_fails() {
    let mut play = Play::up();
    play.event(&execution("me-1-a", &json!({"x": "CANCELED", "X": "CANCELED", "z": "0.5"})));
    play.check(&["order.status"]);
    // Its answer is owed: there is no second question.
    play.pass(Duration::from_secs(1));
    play.check(&[]);
    play.refuse(500, -1000, "down");
    play.check(&["me-1-a is open"]);
    // It has ended there: a cancel would be refused, and the order taken for one that works.
    play.cancel("me-1-a");
    play.check(&[]);
    play.pass(Duration::from_secs(2));
    play.check(&["order.status"]);
}

#[test]
fn an_answer_that_overtakes_a_fill_ends_nothing() {
    let mut play = Play::up();
    play.submit("me-1-a");
    play.answer(&order("me-1-a", 7, "NEW", "0"));
    play.cancel("me-1-a");
    play.take();
    let mut canceled = order("cancel-1", 7, "CANCELED", "0.5");
    canceled["origClientOrderId"] = "me-1-a".into();
    play.answer(&canceled);
    play.check(&["order.status", "me-1-a Accepted"]);
    play.event(&fill("me-1-a", 1, "0.5", "0.5"));
    play.event(&execution("cancel-1", &json!({"x": "CANCELED", "X": "CANCELED", "C": "me-1-a", "z": "0.5"})));
    play.check(&["me-1-a fill 0.5 of 0.5", "me-1-a Canceled"]);
}

#[test]
fn beyond_the_limits_orders_are_refused_and_cancels_and_questions_wait() {
    let mut play = Play::up();
    play.weigh(6_000);
    play.submit("me-1-a");
    play.cancel("me-1-b");
    play.query("me-1-c");
    play.check(&["me-1-a not taken: binance.rate_limit"]);
    let due = play.session.next_due(play.now);
    assert!(due.since(play.now) <= 60_000_000_000, "{due}");
    play.now = due;
    play.step(Session::on_timer);
    play.check(&["order.cancel", "order.status"]);
}

#[test]
fn a_venue_that_takes_no_orders_for_now_is_still_told_of_cancels_and_asked() {
    for (status, code) in [(503, -1008), (429, -1015)] {
        let mut play = Play::up();
        play.cancel("me-1-a");
        play.refuse(status, code, "Please try again.");
        play.take();
        play.cancel("me-1-a");
        play.query("me-1-b");
        play.submit("me-1-c");
        play.check(&["order.cancel", "order.status", "me-1-c not taken: binance.rate_limit"]);
        play.pass(Duration::from_secs(10));
        play.submit("me-1-d");
        play.check(&["order.place", "me-1-d Submitted"]);
    }
}

/// A rejected cancel would be said by nobody again, and the order would live on.
#[test]
fn a_cancel_that_is_refused_for_its_rate_waits_when_it_is_said_again() {
    let mut play = Play::up();
    play.cancel("me-1-a");
    play.refuse(429, -1003, "Too many requests.");
    let said = play.take();
    assert!(said[0] == "order.cancel" && said[1].starts_with("Limited("), "{said:?}");
    assert_eq!(said[2..], ["me-1-a is open"]);
    play.cancel("me-1-a");
    play.check(&[]);
    play.session.alive(play.now.after(Duration::from_secs(59)));
    play.pass(Duration::from_secs(60));
    play.check(&["order.cancel"]);
    let mut canceled = order("cancel-1", 7, "CANCELED", "0");
    canceled["origClientOrderId"] = "me-1-a".into();
    play.answer(&canceled);
    play.check(&["me-1-a Accepted", "me-1-a Canceled"]);
}

#[test]
fn a_cancel_is_not_said_again_while_it_waits_or_its_answer_is_owed() {
    let mut play = Play::up();
    play.weigh(6_000);
    for _ in 0..3 {
        play.cancel("me-1-a");
    }
    play.now = play.session.next_due(play.now);
    play.step(Session::on_timer);
    play.check(&["order.cancel"]);
    play.cancel("me-1-a");
    play.cancel("me-1-b");
    play.check(&["order.cancel"]);
    // Without an answer it may be said again.
    play.pass(Duration::from_secs(15));
    play.check(&["me-1-a is open", "me-1-b is open"]);
    play.cancel("me-1-a");
    play.check(&["order.cancel"]);
}

#[test]
fn cancels_go_before_questions_and_find_room_that_others_leave_them() {
    let mut play = Play::up();
    play.weigh(5_400);
    play.query("me-1-a");
    play.submit("me-1-b");
    play.cancel("me-1-c");
    play.check(&["me-1-b not taken: binance.rate_limit", "order.cancel"]);
    play.refuse(400, -2011, "Unknown order sent.");
    play.weigh(6_000);
    play.cancel("me-1-d");
    play.check(&[]);
    play.now = play.session.next_due(play.now);
    play.step(Session::on_timer);
    play.check(&["order.cancel", "order.status"]);
}
