//! The connection as somebody who plays the venue sees it.

mod cancels;
mod closing;
mod look;
mod questions;
mod rules;

use messages::OrderId;
use messages::orders::{OrderRequest, Replacement, Side};
use messages::venues::ReportKind as K;

use super::super::books::tests::{name, short};
use super::super::call::Method;
use super::super::request::tests::instrument;
use super::*;

fn settings() -> Settings {
    Settings {
        account: "alpaca-paper".parse().unwrap(),
        per_minute: 200,
        hours: Hours::Regular,
        silence: Duration::from_secs(60),
        back_off: (Duration::from_secs(1), Duration::from_secs(30)),
        seed: 7,
    }
}

/// A session with its clock, and what it asked for that is not answered yet.
struct Play {
    session: Session,
    now: UtcNanos,
    out: Vec<Do>,
    /// Calls that were told of and are not answered.
    calls: Vec<Do>,
}

const AUTHORIZED: &str = r#"{"stream":"authorization","data":{"action":"authenticate","status":"authorized"}}"#;
const LISTENING: &str = r#"{"stream":"listening","data":{"streams":["trade_updates"]}}"#;

impl Play {
    fn new(settings: Settings) -> Self {
        let now = "2026-11-27T15:00:00Z".parse().unwrap();
        let mut play = Self { session: Session::new(settings), now, out: Vec::new(), calls: Vec::new() };
        play.hear(Heard::Timer);
        play
    }

    /// Live, with these orders listed as open.
    fn live(orders: &str) -> Self {
        Self::live_with(settings(), orders)
    }

    fn live_with(settings: Settings, orders: &str) -> Self {
        let mut play = Self::new(settings);
        play.greet();
        play.answer("status=open", 200, orders);
        play
    }

    fn greet(&mut self) {
        self.hear(Heard::Opened);
        self.hear(Heard::Frame(AUTHORIZED.as_bytes()));
        self.hear(Heard::Frame(LISTENING.as_bytes()));
    }

    fn hear(&mut self, heard: Heard<'_>) {
        self.session.hear(heard, self.now, &mut self.out);
    }

    fn wait(&mut self, seconds: f64) {
        self.now = self.now.after(Duration::from_secs_f64(seconds));
        self.hear(Heard::Timer);
    }

    fn frame(&mut self, text: &str) {
        self.hear(Heard::Frame(text.as_bytes()));
    }

    fn request(&mut self, request: &VenueRequest) {
        self.hear(Heard::Request(request));
    }

    /// Answers the call whose path holds this.
    #[track_caller]
    fn answer(&mut self, path: &str, status: u16, body: &str) {
        self.answer_with(path, Ok((status, None, body)));
    }

    #[track_caller]
    fn answer_with(&mut self, path: &str, answer: Result<(u16, Option<Duration>, &str), &str>) {
        let holds = |one: &Do| matches!(one, Do::Call(_, call) if call.path.contains(path));
        let all = [&mut self.calls, &mut self.out];
        let found = all.into_iter().find_map(|some| some.iter().position(holds).map(|at| some.remove(at)));
        let Some(Do::Call(id, _)) = found else { panic!("no call of {path}: {:?}", self.out) };
        let answer = answer.map(|(status, retry_after, body)| Answer {
            status,
            retry_after,
            remaining: None,
            reset: None,
            body: body.as_bytes(),
        });
        self.hear(Heard::Answered(id, answer));
    }

    /// What is to be done, shortly; calls stay until they are answered.
    fn said(&mut self) -> Vec<String> {
        let all = std::mem::take(&mut self.out);
        let mut said = Vec::new();
        for one in all {
            said.push(match &one {
                Do::Call(_, call) => {
                    let method = if call.method == Method::Get { "" } else { call.method.as_str() };
                    let path = call.path.trim_start_matches("/v2/").split('&').next().unwrap_or_default();
                    format!("{method} {path}").trim().to_owned()
                }
                Do::Report(report) => short(&[Said::Report(report.clone())]).remove(0),
                Do::Tell(note) => short(&[Said::Note(note.clone())]).remove(0),
                Do::Disconnected(why) => format!("disconnected: {why}"),
                other => format!("{other:?}").to_lowercase(),
            });
            if matches!(one, Do::Call(..)) {
                self.calls.push(one);
            }
        }
        said
    }

    #[track_caller]
    fn says(&mut self, expected: &[&str]) {
        assert_eq!(self.said(), expected);
    }
}

fn order(id: &str, client: &str, status: &str, filled: &str, more: &str) -> String {
    format!(
        r#"{{"id":"{id}","client_order_id":"{client}","symbol":"AAPL","status":"{status}","type":"limit","side":"buy","qty":"10","limit_price":"100","filled_qty":"{filled}","filled_avg_price":null,"submitted_at":"2026-11-27T14:00:00Z","updated_at":"2026-11-27T14:00:01Z"{more}}}"#
    )
}

fn event(event: &str, order: &str, more: &str) -> String {
    format!(
        r#"{{"stream":"trade_updates","data":{{"event":"{event}","timestamp":"2026-11-27T15:00:00Z","order":{order}{more}}}}}"#
    )
}

fn submit(client: &str) -> VenueRequest {
    let order = OrderRequest::limit(instrument("AAPL"), Side::Buy, "10".parse().unwrap(), "100".parse().unwrap());
    let order_id = OrderId::of_key("test".parse().unwrap(), client);
    VenueRequest::Submit { client_order_id: name(client), order_id, request: Box::new(order), at: UtcNanos(0) }
}

fn cancel(client: &str) -> VenueRequest {
    let client_order_id = name(client);
    VenueRequest::Cancel { client_order_id, venue_order_id: None, instrument: instrument("AAPL"), at: UtcNanos(0) }
}

/// The same where the venue's id is known.
fn cancel_of(client: &str, id: &str) -> VenueRequest {
    let VenueRequest::Cancel { client_order_id, instrument, at, .. } = cancel(client) else { unreachable!() };
    VenueRequest::Cancel { client_order_id, venue_order_id: id.parse().ok(), instrument, at }
}

fn query(client: &str) -> VenueRequest {
    VenueRequest::Query { client_order_id: name(client), instrument: instrument("AAPL"), at: UtcNanos(0) }
}

fn replace(client: &str, new_name: &str) -> VenueRequest {
    VenueRequest::Replace {
        client_order_id: name(client),
        new_client_order_id: name(new_name),
        venue_order_id: None,
        instrument: instrument("AAPL"),
        replacement: Replacement { quantity: None, price: "101".parse().ok(), stop_price: None },
        at: UtcNanos(0),
    }
}

#[test]
fn it_is_connected_once_all_open_orders_are_listed() {
    let mut play = Play::new(settings());
    play.says(&["open"]);
    play.hear(Heard::Opened);
    play.says(&["authenticate"]);
    play.frame(AUTHORIZED);
    play.says(&["listen"]);
    play.frame(LISTENING);
    play.says(&["orders?status=open"]);
    assert!(!play.session.is_live());
    play.answer("status=open", 200, "[]");
    play.says(&["connected"]);
    assert!(play.session.is_live());
}

#[test]
fn what_does_not_come_in_time_begins_again() {
    let check = |stage: usize, why: &str, seconds: f64| {
        let mut play = Play::new(settings());
        for step in 0..stage {
            match step {
                0 => play.hear(Heard::Opened),
                1 => play.frame(AUTHORIZED),
                2 => play.frame(LISTENING),
                _ => play.answer("status=open", 200, "[]"),
            }
        }
        play.out.clear();
        play.wait(seconds - 0.001);
        assert_eq!(play.said(), [""; 0], "{why}");
        assert_eq!(play.session.next_due(play.now), play.now.after(Duration::from_millis(1)));
        play.wait(0.001);
        play.says(&["close", &format!("disconnected: {why}")]);
        play.wait(1.0);
        play.says(&["open"]);
    };
    check(0, "the connection does not open", 20.0);
    check(1, "the venue does not answer to the keys", 10.0);
    check(2, "the venue does not acknowledge trade updates", 10.0);
    check(3, "the connection is silent", 60.0);
    check(4, "the connection is silent", 60.0);
}

#[test]
fn a_sign_of_life_keeps_the_connection() {
    let mut play = Play::live("[]");
    play.out.clear();
    play.wait(59.0);
    play.hear(Heard::Alive);
    play.wait(59.0);
    play.says(&[]);
}

#[test]
fn keys_that_are_not_taken_wait_long() {
    let mut play = Play::new(settings());
    play.hear(Heard::Opened);
    play.out.clear();
    play.frame(r#"{"stream":"authorization","data":{"status":"unauthorized"}}"#);
    play.says(&["Unauthorized", "close", "disconnected: the keys are not taken"]);
    play.wait(59.0);
    play.says(&[]);
    play.wait(1.0);
    play.says(&["open"]);
}

#[test]
fn an_order_leaves_once_and_is_reported() {
    let mut play = Play::live("[]");
    play.out.clear();
    play.request(&submit("m-1"));
    play.says(&["POST orders", "m-1 submitted"]);
    play.answer("/v2/orders", 200, &order("v1", "m-1", "pending_new", "0", ""));
    play.says(&["m-1 accepted"]);
    play.frame(&event(
        "fill",
        &order("v1", "m-1", "filled", "10", ""),
        r#","price":"100","qty":"10","execution_id":"e1""#,
    ));
    play.says(&["m-1 filled 10 of 10 (e1)"]);
    play.request(&cancel("m-1"));
    play.says(&["DELETE orders/v1"]);
    play.answer("/v2/orders/v1", 422, r#"{"code":42210000,"message":"order is already in \"filled\" state"}"#);
    play.says(&["m-1 alpaca.not_cancelable"]);
}

#[test]
fn only_a_refusal_refuses() {
    let after = |answer: Result<(u16, Option<Duration>, &str), &str>| {
        let mut play = Play::live("[]");
        play.request(&submit("m-1"));
        play.said();
        play.answer_with("/v2/orders", answer);
        play.said()
    };
    let asked = "orders:by_client_order_id?client_order_id=m-1";
    let insufficient = r#"{"code":40310000,"message":"insufficient buying power"}"#;
    assert_eq!(after(Ok((403, None, insufficient))), ["m-1 alpaca.insufficient"]);
    assert_eq!(after(Ok((401, None, ""))), ["Unauthorized", "m-1 not taken: alpaca.unauthorized"]);
    assert_eq!(after(Ok((429, None, ""))), ["Limited", "m-1 not taken: alpaca.request_limit"]);
    for ambiguous in [Err("timed out"), Ok((500, None, "")), Ok((504, None, "")), Ok((200, None, "{}"))] {
        let said = after(ambiguous);
        assert_eq!(said.last().map(String::as_str), Some(asked), "{said:?}");
        assert!(said.iter().all(|one| !one.starts_with("m-1")), "{said:?}");
    }
}

#[test]
fn a_question_about_an_order_that_is_not_there_says_so() {
    let mut play = Play::live("[]");
    play.request(&query("m-1"));
    // Asked twice at once it is asked once.
    play.request(&query("m-1"));
    assert_eq!(play.said().iter().filter(|one| one.contains("m-1")).count(), 1);
    play.answer("by_client_order_id", 404, r#"{"code":40410000,"message":"order not found"}"#);
    play.says(&["m-1 unknown"]);
    play.request(&query("m-1"));
    play.says(&["orders:by_client_order_id?client_order_id=m-1"]);
}

#[test]
fn what_the_sweep_lists_is_not_asked_for_again() {
    let orders =
        format!("[{},{}]", order("v1", "m-1", "new", "0", ""), order("v2", "m-2", "partially_filled", "4", ""));
    let mut play = Play::live(&orders);
    assert_eq!(play.said().last().map(String::as_str), Some("account/activities/FILL?direction=asc"));
    play.answer(
        "/activities/FILL",
        200,
        r#"[{"id":"1::e1","activity_type":"FILL","order_id":"v2","price":"100","qty":"4","cum_qty":"4","transaction_time":"2026-11-27T14:30:00Z"}]"#,
    );
    play.says(&["connected"]);
    play.request(&query("m-1"));
    play.request(&query("m-2"));
    play.says(&["m-1 accepted", "m-2 filled 4 of 4 (e1)", "m-2 accepted"]);
    // Once only: what is asked again is asked of the venue.
    play.request(&query("m-1"));
    play.says(&["orders:by_client_order_id?client_order_id=m-1"]);
}

#[test]
fn what_the_stream_changed_since_is_asked_for() {
    let mut play = Play::live(&format!("[{}]", order("v1", "m-1", "new", "0", "")));
    play.frame(&event("canceled", &order("v1", "m-1", "canceled", "0", ""), ""));
    play.said();
    play.request(&query("m-1"));
    play.says(&["orders:by_client_order_id?client_order_id=m-1"]);
}

#[test]
fn a_thousand_open_orders_are_listed_in_pages_and_told_without_calls() {
    let page = |from: usize| {
        let orders: Vec<String> = (from..from + 500)
            .map(|n| {
                order(&format!("v{n}"), &format!("m-{n}"), "new", "0", "")
                    .replace("14:00:00Z", &format!("14:00:00.{:03}Z", 999 - n % 1000))
            })
            .collect();
        format!("[{}]", orders.join(","))
    };
    let mut play = Play::new(settings());
    play.greet();
    play.answer("status=open", 200, &page(0));
    play.answer("status=open", 200, &page(500));
    play.answer("status=open", 200, "[]");
    assert!(play.session.is_live());
    play.out.clear();
    for n in 0..1_000 {
        play.request(&query(&format!("m-{n}")));
    }
    let said = play.said();
    assert_eq!(said.len(), 1_000);
    assert!(said.iter().all(|one| one.ends_with(" accepted")), "{:?}", &said[..3]);
}

#[test]
fn a_sweep_that_fails_is_done_one_by_one() {
    for answer in [Err("timed out"), Ok((500, None, "")), Ok((200, None, "{}"))] {
        let mut play = Play::new(settings());
        play.greet();
        play.answer_with("status=open", answer);
        assert!(play.session.is_live());
        play.out.clear();
        play.request(&query("m-1"));
        play.says(&["orders:by_client_order_id?client_order_id=m-1"]);
    }
    // Too many requests: the same again, in its time.
    let mut play = Play::new(settings());
    play.greet();
    play.answer_with("status=open", Ok((429, Some(Duration::from_secs(3)), "")));
    assert!(!play.session.is_live());
    play.said();
    play.wait(2.9);
    play.says(&[]);
    play.wait(0.1);
    play.says(&["orders?status=open"]);
}

#[test]
fn an_answer_to_an_older_sweep_is_not_taken_for_this_one() {
    let mut play = Play::new(settings());
    play.greet();
    let Some(Do::Call(older, _)) = play.out.pop() else { panic!("no sweep") };
    play.hear(Heard::Closed("gone"));
    play.wait(1.0);
    play.greet();
    play.out.clear();
    let answer = Answer { status: 200, retry_after: None, remaining: None, reset: None, body: b"[]" };
    play.hear(Heard::Answered(older, Ok(answer)));
    play.says(&[]);
    assert!(!play.session.is_live());
}

#[test]
fn a_lost_connection_refuses_what_is_new_and_asks_about_all_that_is_open() {
    let mut play = Play::live("[]");
    play.out.clear();
    play.hear(Heard::Closed("reset by peer"));
    play.says(&["disconnected: reset by peer"]);
    play.request(&submit("m-1"));
    play.request(&replace("m-0", "m-0-r1"));
    play.says(&["m-1 not taken: not_connected", "m-0-r1 not_connected"]);
    play.request(&cancel("m-0"));
    play.request(&query("m-0"));
    play.says(&[]);
    play.wait(1.0);
    play.says(&["open"]);
    play.greet();
    play.answer("status=open", 200, "[]");
    assert_eq!(play.said().last().map(String::as_str), Some("connected"));
}

#[test]
fn an_unreadable_frame_makes_all_orders_asked_about() {
    let mut play = Play::live("[]");
    play.out.clear();
    play.frame(r#"{"stream":"trade_updates","data":{"event":"fill"}}"#);
    play.says(&[
        "Unreadable",
        "disconnected: a frame could not be read; all orders are asked about",
        "orders?status=open",
    ]);
    play.answer("status=open", 200, "[]");
    play.says(&["connected"]);
    play.frame(r#"{"stream":"weather","data":{}}"#);
    play.says(&["UnknownMessage"]);
}

#[test]
fn new_orders_that_would_come_late_are_refused_and_cancels_are_not() {
    let mut play = Play::live_with(Settings { per_minute: 10, ..settings() }, "[]");
    for n in 0..9 {
        play.request(&submit(&format!("m-{n}")));
    }
    play.said();
    // The list took one, eight orders the others; one is left to cancels.
    play.request(&submit("m-9"));
    play.says(&[]);
    play.wait(1.9);
    play.says(&[]);
    play.wait(0.2);
    play.says(&["m-8 not taken: alpaca.request_limit", "m-9 not taken: alpaca.request_limit"]);
    play.request(&cancel_of("m-1", "v1"));
    play.request(&cancel_of("m-2", "v2"));
    play.says(&["DELETE orders/v1"]);
    assert!(play.session.next_due(play.now) > play.now);
    play.wait(60.0);
    assert!(play.said().contains(&"DELETE orders/v2".to_owned()));
}

#[test]
fn a_replacement_is_taken_then_in_force() {
    let mut play = Play::live("[]");
    play.frame(&event("new", &order("v1", "m-1", "new", "0", ""), ""));
    play.said();
    play.request(&replace("m-1", "m-1-r1"));
    play.says(&["PATCH orders/v1"]);
    let new = |status: &str| order("v2", "m-1-r1", status, "0", r#","replaces":"v1""#);
    play.answer("/v2/orders/v1", 200, &new("accepted"));
    play.says(&[]);
    play.frame(&event("replaced", &order("v1", "m-1", "replaced", "0", r#","replaced_by":"v2""#), ""));
    play.says(&["m-1-r1 replaced 10"]);
    // The venue would refuse to replace what it has not taken yet.
    play.frame(&event("pending_new", &order("v3", "m-3", "pending_new", "0", ""), ""));
    play.said();
    play.request(&replace("m-3", "m-3-r1"));
    play.says(&["m-3-r1 alpaca.replace"]);
}

#[test]
fn a_replacement_whose_answer_was_lost_is_looked_up() {
    let mut play = Play::live("[]");
    play.frame(&event("new", &order("v1", "m-1", "new", "0", ""), ""));
    play.request(&replace("m-1", "m-1-r1"));
    play.said();
    play.answer_with("/v2/orders/v1", Err("timed out"));
    let old = order("v1", "m-1", "replaced", "0", r#","replaced_by":"v2""#);
    play.frame(&event("replaced", &old, ""));
    play.says(&["orders/v2?nested=true"]);
    // What the stream made us ask is asked until it is answered.
    play.answer("/v2/orders/v2", 500, "");
    play.says(&["Unreadable"]);
    play.wait(5.0);
    play.answer("/v2/orders/v2", 200, &order("v2", "m-1-r1", "new", "0", r#","replaces":"v1""#));
    play.answer("/v2/orders/v1", 200, &old);
    let said = play.said();
    assert_eq!(said, ["m-1-r1 replaced 10", "m-1-r1 accepted"]);
}

#[test]
fn what_has_no_place_at_the_venue_is_rejected_here() {
    let mut play = Play::live("[]");
    play.out.clear();
    let VenueRequest::Submit { client_order_id, order_id, mut request, at } = submit("m-1") else { unreachable!() };
    request.post_only = true;
    play.request(&VenueRequest::Submit { client_order_id, order_id, request, at });
    play.says(&["m-1 alpaca.post_only"]);
    assert!(matches!(&play.out[..], []), "{:?}", play.out);
}

#[test]
fn a_submitted_report_precedes_every_other() {
    let mut play = Play::live("[]");
    play.out.clear();
    play.request(&submit("m-1"));
    let kinds: Vec<&K> = play
        .out
        .iter()
        .filter_map(|one| match one {
            Do::Report(report) => Some(&report.kind),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [&K::Submitted]);
}
