//! Everything recorded of Alpaca's trading API that concerns orders is read; skipped, and said so, where the recordings are not.

use messages::UtcNanos;
use serde_json::Value;

use super::account::{Account, Position};
use super::activity::Page;
use super::order::{OrderObject, OrderStatus};
use super::outcome::Complaint;
use super::stream::{self, Event, Frame};
use crate::wire::alpaca::asset;
use crate::wire::alpaca::calendar;
use crate::wire::testdata;

/// Each body with where it stands.
fn bodies() -> Vec<(String, Value)> {
    let mut bodies = Vec::new();
    for file in ["alpaca/rest_bodies_py.jsonl", "alpaca/rest_bodies_go.jsonl"] {
        let Some(text) = testdata::text(file) else { continue };
        bodies.extend(text.lines().enumerate().map(|(at, line)| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            (format!("{file}:{}", at + 1), line["msg"].take())
        }));
    }
    bodies
}

/// How many of each kind were read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counted {
    orders: usize,
    lists: usize,
    fills: usize,
    complaints: usize,
    accounts: usize,
    positions: usize,
    days: usize,
    assets: usize,
}

/// Reads every object at any depth that is what its fields say.
fn read(place: &str, value: &Value, counted: &mut Counted) {
    let text = value.to_string();
    let has = |value: &Value, fields: &[&str]| fields.iter().all(|field| value.get(field).is_some());
    let each =
        |fields: &[&str]| value.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(|one| has(one, fields)));
    if has(value, &["client_order_id", "status", "filled_qty"]) {
        let order = OrderObject::read(&text).unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(order.client_order_id, value["client_order_id"].as_str().unwrap());
        assert!(!matches!(order.status, OrderStatus::Other(_)), "{place}: {}", order.status);
        assert_eq!(order.quantity.is_some(), !value["qty"].is_null(), "{place}");
        counted.orders += 1;
    } else if has(value, &["code", "message"]) {
        let complaint = Complaint::read(text.as_bytes());
        assert_eq!(complaint.code, value["code"].as_i64(), "{place}");
        counted.complaints += 1;
    } else if has(value, &["buying_power", "cash", "status"]) {
        Account::read(text.as_bytes()).unwrap_or_else(|error| panic!("{place}: {error}"));
        counted.accounts += 1;
    } else if has(value, &["tradable", "class"]) {
        asset::read_one(text.as_bytes()).unwrap_or_else(|error| panic!("{place}: {error}"));
        counted.assets += 1;
    } else if each(&["client_order_id", "status", "filled_qty"]) {
        let orders = OrderObject::read_list(text.as_bytes()).unwrap();
        assert!(orders.iter().all(Result::is_ok), "{place}: {orders:?}");
        counted.lists += 1;
    } else if each(&["activity_type"]) {
        let page = Page::read(text.as_bytes()).unwrap();
        let fills = value.as_array().unwrap().iter().filter(|one| one["activity_type"] == "FILL").count();
        assert_eq!((page.fills.len(), page.others.len()), (fills, page.len - fills), "{place}: {page:?}");
        counted.fills += fills;
        return;
    } else if each(&["avg_entry_price", "qty"]) {
        let positions = Position::read_list(text.as_bytes()).unwrap();
        assert!(positions.iter().all(Result::is_ok), "{place}: {positions:?}");
        counted.positions += positions.len();
        return;
    } else if each(&["date", "open", "close"]) && value[0]["open"].is_string() {
        counted.days += calendar::Calendar::read(text.as_bytes()).unwrap().closes().count();
        return;
    }
    match value {
        Value::Array(all) => all.iter().for_each(|one| read(place, one, counted)),
        Value::Object(all) => all.values().for_each(|one| read(place, one, counted)),
        _ => {}
    }
}

#[test]
fn every_recorded_body_about_orders_is_read() {
    let bodies = bodies();
    if bodies.is_empty() {
        return;
    }
    let mut counted = Counted::default();
    for (place, body) in &bodies {
        read(place, body, &mut counted);
    }
    println!("{counted:?}");
    let least = [counted.orders, counted.lists, counted.fills, counted.complaints];
    assert!(least.into_iter().zip([9, 1, 5, 4]).all(|(read, least)| read >= least), "{counted:?}");
    let rest = [counted.accounts, counted.positions, counted.days, counted.assets];
    assert!(rest.iter().all(|read| *read > 0), "{counted:?}");
}

#[test]
fn the_recorded_session_of_trade_updates_is_read() {
    let Some(text) = testdata::text("alpaca/trade_updates_2026.jsonl") else { return };
    let frames: Vec<Frame> = text.lines().map(|line| stream::read(line.as_bytes()).unwrap()).collect();
    let [Frame::Authorization { authorized: true, message }, Frame::Listening(streams), rest @ ..] = &frames[..] else {
        panic!("{frames:?}");
    };
    assert!(message.contains("deprecated"));
    assert_eq!(streams, &[stream::TRADE_UPDATES]);
    let updates: Vec<_> = rest
        .iter()
        .map(|frame| match frame {
            Frame::Update(update) => update,
            other => panic!("{other:?}"),
        })
        .collect();
    let events: Vec<&Event> = updates.iter().map(|update| &update.event).collect();
    assert_eq!(events, [&Event::PendingNew, &Event::New, &Event::Fill]);
    let fill = updates[2];
    let said =
        [fill.quantity.map(|q| q.to_string()), fill.price.map(|p| p.to_string()), fill.position.map(|p| p.to_string())];
    assert_eq!(said, ["129.7", "0.0851119", "0"].map(|text| Some(text.to_owned())));
    assert_eq!(fill.execution_id.unwrap().as_str(), "a0b4b946-3ed9-4fd6-bb10-d1c5f28415aa");
    assert_eq!(fill.time, Some("2026-09-18T13:24:50.019957863Z".parse::<UtcNanos>().unwrap()));
    assert_eq!((&fill.order.status, fill.order.filled.to_string()), (&OrderStatus::Filled, "129.7".to_owned()));
    // The order is of another program, whose id has no room among ours.
    assert_eq!(fill.order.ours(), None);
}
