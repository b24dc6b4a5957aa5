//! What each fault leaves behind at the exchange and on the links.

use serde_json::json;

use super::super::faults::Rule;
use super::super::standard;
use super::*;
use crate::venue::alpaca::AlpacaVenue;

const NOW: UtcNanos = UtcNanos(1_789_738_690_000_000_000);

fn venue() -> Venue<AlpacaVenue> {
    let mut venue = Venue::new(standard::alpaca(false, NOW), Faults::new(1));
    venue.opened(1, &Asked { path: "/stream".to_owned(), ..Asked::default() }, NOW).unwrap();
    venue.heard(1, r#"{"action":"auth","key":"key","secret":"secret"}"#, NOW);
    venue.heard(1, r#"{"action":"listen","data":{"streams":["trade_updates"]}}"#, NOW);
    venue.acts(NOW, &mut Vec::new());
    venue
}

fn place(venue: &mut Venue<AlpacaVenue>, id: &str) -> Reply {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let body = json!({
        "symbol": "AAPL", "qty": "1", "side": "buy", "type": "limit", "time_in_force": "gtc", "limit_price": "100",
        "client_order_id": id,
    });
    let asked = Asked {
        method: "POST".to_owned(),
        path: "/v2/orders".to_owned(),
        query: String::new(),
        headers: vec![header("APCA-API-KEY-ID", "key"), header("APCA-API-SECRET-KEY", "secret")],
        body: body.to_string(),
    };
    venue.asked(&asked, NOW)
}

type Holds = Box<dyn Fn(&Reply) -> bool>;

/// The events of link 1 up to a time, by name; its end as `cut` or `silent`.
fn told(venue: &mut Venue<AlpacaVenue>, now: UtcNanos) -> Vec<String> {
    let mut acts = Vec::new();
    venue.acts(now, &mut acts);
    let name = |act: Act| match act {
        Act::Send(Frame::Text(text)) => match serde_json::from_str::<Value>(&text) {
            Ok(frame) => frame["data"]["event"].as_str().unwrap_or("answer").to_owned(),
            Err(_) => "unreadable".to_owned(),
        },
        Act::Send(other) => format!("{other:?}"),
        Act::Cut => "cut".to_owned(),
        Act::FallSilent => "silent".to_owned(),
    };
    acts.into_iter().map(|(_, act)| name(act)).collect()
}

#[test]
fn a_request_is_done_or_not_as_its_fault_says() {
    let broken = |status| move |reply: &Reply| matches!(reply, Reply::Answer(_, a) if a.status == status);
    let rows: [(Fault, bool, Holds); 9] = [
        (Fault::Lose, false, Box::new(|r| *r == Reply::Cut)),
        (Fault::LoseAnswer, true, Box::new(|r| *r == Reply::Cut)),
        (Fault::FailBefore(503), false, Box::new(broken(503))),
        (Fault::FailAfter(500), true, Box::new(broken(500))),
        (
            Fault::TooMany(7),
            false,
            Box::new(
                |r| matches!(r, Reply::Answer(_, a) if a.status == 429 && a.headers == [("Retry-After", "7".to_owned())]),
            ),
        ),
        (Fault::Banned(9), false, Box::new(broken(418))),
        (Fault::HalfOpen, false, Box::new(|r| *r == Reply::Silence)),
        (
            Fault::Malformed,
            true,
            Box::new(|r| matches!(r, Reply::Answer(_, a) if serde_json::from_str::<Value>(&a.body).is_err())),
        ),
        (
            Fault::Delay(Duration::from_millis(5)),
            true,
            Box::new(|r| matches!(r, Reply::Answer(after, _) if after.as_millis() == 5)),
        ),
    ];
    for (fault, done, answered) in rows {
        let mut venue = venue();
        venue.faults.add(Rule::once("POST /v2/orders", fault));
        let reply = place(&mut venue, "a");
        assert!(answered(&reply), "{fault:?}: {reply:?}");
        assert_eq!(venue.face.exchange().by_client_id("main", "a").is_some(), done, "{fault:?}");
        assert!(matches!(place(&mut venue, "b"), Reply::Answer(_, a) if a.status == 200), "{fault:?} happens once");
    }
}

#[test]
fn frames_are_lost_repeated_late_or_the_last() {
    let later = Duration::from_millis(10);
    let rows: [(Fault, &[&str], &[&str]); 8] = [
        (Fault::Lose, &["new"], &[]),
        (Fault::Duplicate, &["pending_new", "pending_new", "new"], &[]),
        (Fault::Delay(later), &[], &["pending_new", "new"]),
        (Fault::Reorder(later), &["new"], &["pending_new"]),
        (Fault::Malformed, &["unreadable", "new"], &[]),
        (Fault::Unknown, &["never_seen_before", "pending_new", "new"], &[]),
        (Fault::Disconnect, &["pending_new", "cut", "new"], &[]),
        (Fault::HalfOpen, &["silent"], &[]),
    ];
    for (fault, at_once, afterwards) in rows {
        let mut venue = venue();
        venue.faults.add(Rule::once("event:pending_new", fault));
        place(&mut venue, "a");
        assert_eq!(told(&mut venue, NOW), at_once, "{fault:?}");
        assert_eq!(told(&mut venue, NOW.after(later)), afterwards, "{fault:?}");
    }
}

#[test]
fn a_plan_gives_the_same_faults_for_the_same_seed() {
    let run = |seed| {
        let mut venue = venue();
        venue.faults = Faults::new(seed);
        venue.faults.plan(20_000);
        let replies: Vec<Reply> = (0..400).map(|n| place(&mut venue, &n.to_string())).collect();
        (replies, venue.faults.done)
    };
    let (first, done) = run(5);
    assert_eq!(done.len(), 5, "every kind that the plan has for this request: {done:?}");
    assert_eq!((first.clone(), done), run(5));
    assert_ne!(first, run(6).0);
}

#[test]
fn a_rule_waits_for_its_turn() {
    let mut faults = Faults::new(0);
    faults.add(Rule { skip: 2, times: 2, ..Rule::once("GET", Fault::Lose) });
    let hit: Vec<bool> = (0..6).map(|_| faults.at("GET /v2/clock").is_some()).collect();
    assert_eq!(hit, [false, false, true, true, false, false]);
    assert_eq!(faults.at("POST /v2/orders"), None);
}
