//! Orders, updates and errors as Alpaca documents or was recorded with them.

use std::collections::BTreeSet;

use super::super::face::{Asked, Face, Frame};
use super::super::standard;
use super::*;

const NOW: UtcNanos = UtcNanos(1_789_738_690_019_303_395);

fn ask(venue: &mut AlpacaVenue, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![header("APCA-API-KEY-ID", "key"), header("APCA-API-SECRET-KEY", "secret")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let asked = Asked { method: method.to_owned(), path: path.to_owned(), query: query.to_owned(), headers, body };
    let answer = venue.asked(&asked, NOW);
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
}

fn listening(venue: &mut AlpacaVenue) -> Vec<Value> {
    assert!(venue.opened(1, &Asked { path: "/stream".to_owned(), ..Asked::default() }, NOW));
    let data = json!({"key_id": "key", "secret_key": "secret"});
    venue.heard(1, &json!({"action": "authenticate", "data": data}).to_string(), NOW);
    venue.heard(1, &json!({"action": "listen", "data": {"streams": ["trade_updates"]}}).to_string(), NOW);
    heard(venue)
}

fn heard(venue: &mut AlpacaVenue) -> Vec<Value> {
    let binary = |said: Said| match said.frame {
        Frame::Binary(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("a binary frame was expected, not {other:?}"),
    };
    venue.says(NOW).into_iter().map(binary).collect()
}

/// Every field that was recorded is told; ours may tell no field that was not, but those of a leg's own.
#[test]
fn updates_have_the_fields_that_were_recorded() {
    let Some(path) = crate::recording("alpaca/trade_updates_2026.jsonl") else { return };
    let recorded: Vec<Value> =
        std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut venue = standard::alpaca(true, NOW);
    let mut ours = listening(&mut venue);
    let body = json!({"symbol": "BTC/USD", "qty": "0.01", "side": "buy", "type": "market", "time_in_force": "gtc", "position_intent": "buy_to_open"});
    assert_eq!(ask(&mut venue, "POST", "/v2/orders", &body).0, 200);
    ours.extend(heard(&mut venue));
    assert_eq!(ours.len(), recorded.len());
    for (ours, theirs) in ours.iter().zip(&recorded) {
        assert_eq!(ours["stream"], theirs["stream"]);
        assert_eq!(ours["data"]["event"], theirs["data"]["event"]);
        assert_eq!(ours["data"]["order"]["status"], theirs["data"]["order"]["status"]);
        let names =
            |value: &Value| value.as_object().into_iter().flatten().map(|(n, _)| n.clone()).collect::<BTreeSet<_>>();
        // Settlement is not simulated.
        let mut expected = names(&theirs["data"]);
        expected.retain(|name| !matches!(name.as_str(), "swap_rate" | "settle_date"));
        assert_eq!(names(&ours["data"]), expected);
        assert_eq!(names(&ours["data"]["order"]), names(&theirs["data"]["order"]));
    }
}

#[test]
fn a_replaced_order_gets_a_new_id_and_both_know_of_it() {
    let mut venue = standard::alpaca(true, NOW);
    let body = json!({"symbol": "AAPL", "qty": 5, "side": "buy", "type": "limit", "time_in_force": "gtc", "limit_price": "140"});
    let old = ask(&mut venue, "POST", "/v2/orders", &body).1;
    let path = format!("/v2/orders/{}", old["id"].as_str().unwrap());
    let new = ask(&mut venue, "PATCH", &path, &json!({"limit_price": "141"})).1;
    assert_eq!((&new["replaces"], &new["limit_price"], &new["qty"]), (&old["id"], &json!("141"), &json!("5")));
    let old = ask(&mut venue, "GET", &path, &Value::Null).1;
    assert_eq!((&old["replaced_by"], &old["status"]), (&new["id"], &json!("replaced")));
    assert_eq!(ask(&mut venue, "DELETE", &path, &Value::Null).0, 422);
}

#[test]
fn what_breaks_a_rule_is_refused_with_its_code() {
    let rows = [
        (json!({"limit_price": "140.123"}), 422, 42_210_000),
        (json!({"limit_price": null}), 422, 40_010_001),
        (json!({"qty": "0.5", "time_in_force": "gtc"}), 422, 42_210_000),
        (json!({"qty": "0.001"}), 403, 40_310_000),
        (json!({"qty": "5000"}), 403, 40_310_000),
        (json!({"symbol": "NONE"}), 404, 40_410_000),
        (json!({"time_in_force": "opg"}), 422, 40_010_001),
        (json!({"extended_hours": true, "time_in_force": "gtc"}), 422, 42_210_000),
        (json!({"client_order_id": "x".repeat(49)}), 422, 40_010_001),
    ];
    for (change, status, code) in rows {
        let mut venue = standard::alpaca(true, NOW);
        let mut body = json!({"symbol": "AAPL", "qty": "1", "side": "buy", "type": "limit", "time_in_force": "day", "limit_price": "140"});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (found, error) = ask(&mut venue, "POST", "/v2/orders", &body);
        assert_eq!((found, error["code"].as_u64()), (status, Some(code)), "{change}: {error}");
    }
}

#[test]
fn a_position_turns_short_with_its_own_cost() {
    let mut venue = standard::alpaca(true, NOW);
    let order = |venue: &mut AlpacaVenue, side: &str, quantity: &str| {
        let body = json!({"symbol": "AAPL", "qty": quantity, "side": side, "type": "market", "time_in_force": "day"});
        assert_eq!(ask(venue, "POST", "/v2/orders", &body).0, 200);
    };
    order(&mut venue, "buy", "10");
    order(&mut venue, "sell", "10");
    assert_eq!(ask(&mut venue, "GET", "/v2/positions/AAPL", &Value::Null).0, 404);
    order(&mut venue, "sell", "4");
    let position = ask(&mut venue, "GET", "/v2/positions/AAPL", &Value::Null).1;
    assert_eq!(
        (&position["qty"], &position["side"], &position["avg_entry_price"], &position["cost_basis"]),
        (&json!("-4"), &json!("short"), &json!("150"), &json!("-600"))
    );
}

#[test]
fn the_wrong_keys_hear_nothing() {
    let mut venue = standard::alpaca(false, NOW);
    venue.opened(1, &Asked { path: "/stream".to_owned(), ..Asked::default() }, NOW);
    venue.heard(1, r#"{"action":"auth","key":"key","secret":"wrong"}"#, NOW);
    venue.heard(1, r#"{"action":"listen","data":{"streams":["trade_updates"]}}"#, NOW);
    let frames = venue.says(NOW);
    assert_eq!(frames.len(), 2);
    assert!(frames.iter().all(|said| matches!(&said.frame, Frame::Text(text) if text.contains("unauthorized"))));
}
