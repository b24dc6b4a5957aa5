//! What the user data stream says. Source: `user-data-stream.md`; the recorded session in `user_data_market_fill_2026.jsonl`.

use serde_json::{Value, json};

use super::super::exchange::order::State;
use super::super::exchange::{Event, List, What};
use super::params::expiry;
use super::terms::{self, Extras, eight, fee, ms, price, quantities, side, stop_price, time_in_force};

/// The messages of an event: what faults call each, and itself.
#[must_use]
pub fn messages(event: &Event, extras: &Extras, first_report: u64) -> Vec<(String, Value)> {
    let mut said = Vec::new();
    if let Some(report) = report(event, extras, first_report) {
        let kind = report["x"].as_str().unwrap_or_default().to_owned();
        said.push((format!("executionReport:{kind}"), report));
    }
    // A trigger and an amendment move no money.
    if !matches!(event.what, What::Triggered | What::Held) {
        said.push(("outboundAccountPosition".to_owned(), position(event)));
    }
    said
}

fn position(event: &Event) -> Value {
    let balances = event.balances.iter();
    let balances = balances.map(|b| json!({"a": b.asset, "f": eight(b.free.raw()), "l": eight(b.held.raw())}));
    json!({
        "e": "outboundAccountPosition", "E": ms(event.at), "u": ms(event.at), "B": balances.collect::<Value>(),
    })
}

fn report(event: &Event, extras: &Extras, first_report: u64) -> Option<Value> {
    let order = &event.order;
    let kind = match &event.what {
        What::New | What::Held | What::Triggered => "NEW",
        What::Fill(_) => "TRADE",
        What::Canceled => "CANCELED",
        What::Expired(_) => "EXPIRED",
        What::Amended | What::Replaced => "REPLACED",
        // Binance has no such report: money moves, and that is all that it says.
        What::Busted(_) => return None,
    };
    let fill = match &event.what {
        What::Fill(fill) => Some(fill),
        _ => None,
    };
    let (quantity, quote) = quantities(order);
    let (asset, fee) = fill.map_or((Value::Null, "0".to_owned()), fee);
    let (client_id, original) = match (&event.what, &order.canceled_by) {
        (What::Canceled, Some(request)) => (request.as_str(), order.client_id.as_str()),
        _ => (order.client_id.as_str(), ""),
    };
    let mut json = json!({
        "e": "executionReport", "E": ms(event.at), "s": order.terms.symbol, "c": client_id, "S": side(order.terms.side),
        "o": extras.kind, "f": time_in_force(order), "q": eight(quantity), "p": price(order.terms.limit),
        "P": price(stop_price(order)), "F": eight(extras.iceberg.unwrap_or_default().raw()),
        "g": order.list.map_or(json!(-1), |list| json!(list)), "C": original, "x": kind, "X": terms::status(order),
        "r": "NONE", "i": order.id, "l": eight(fill.map_or(0, |f| f.quantity.raw())), "z": eight(order.filled.raw()),
        "L": price(fill.map(|f| f.price)), "n": fee, "N": asset, "T": ms(event.at),
        "t": fill.map_or(json!(-1), |f| json!(f.trade)), "I": first_report + event.number,
        "w": order.lives() && order.working_at.is_some(), "m": fill.is_some_and(|f| f.maker), "M": fill.is_some(),
        "O": ms(order.created_at), "Z": eight(order.quote_filled.raw()), "Y": eight(fill.map_or(0, |f| f.quote.raw())),
        "Q": eight(quote), "V": extras.self_trade,
    });
    if let Some(at) = order.working_at {
        json["W"] = json!(ms(at));
    }
    if let Some(delta) = extras.trailing {
        json["d"] = json!(delta);
    }
    if let (Some(id), _) = extras.strategy {
        json["j"] = json!(id);
    }
    if let (_, Some(kind)) = extras.strategy {
        json["J"] = json!(kind);
    }
    if let State::Expired(why) = order.state {
        json["eR"] = json!(expiry(why));
    }
    Some(json)
}

/// The state of a list: when it begins, and when all of it is done.
#[must_use]
pub fn list_status(list: &List, symbol: &str, orders: &[(u64, String)], done: bool, at: messages::UtcNanos) -> Value {
    json!({
        "e": "listStatus", "E": ms(at), "s": symbol, "g": list.id,
        "c": if list.working.is_some() { "OTO" } else { "OCO" },
        "l": if done { "ALL_DONE" } else { "EXEC_STARTED" }, "L": if done { "ALL_DONE" } else { "EXECUTING" },
        "r": "NONE", "C": list.client_id, "T": ms(at),
        "O": orders.iter().map(|(id, client)| json!({"s": symbol, "i": id, "c": client})).collect::<Value>(),
    })
}
