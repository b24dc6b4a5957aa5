//! The stream of trade updates: authorization in both forms, listening, events. Source: "Websocket streaming" of the trading
//! API's reference; the recorded session of `trade_updates_2026.jsonl`.

use messages::UtcNanos;
use serde_json::{Value, json};

use super::super::exchange::order::Order;
use super::super::exchange::{Event, What};
use super::super::face::{Frame, Said};
use super::AlpacaVenue;
use super::terms::{self, time, uuid};

/// What a link has asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Link {
    /// Its keys were right.
    authorized: bool,
    /// It listens to trade updates.
    listens: bool,
}

/// Crockford's digits of a ULID.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const OLD_FORM: &str = "this authentication format is being deprecated. Please use the format: {\"action\": \"auth\", \"key\": \"x\", \"secret\": \"x\"}";

/// A ULID: the milliseconds of a time, and a number where others have chance.
fn ulid(at: UtcNanos, number: u64) -> String {
    let value = (u128::from(at.0.div_euclid(1_000_000).unsigned_abs()) << 80) | u128::from(number);
    (0..26).rev().map(|place| char::from(DIGITS[(value >> (5 * place)) as usize & 31])).collect()
}

impl AlpacaVenue {
    pub(super) fn frame(&mut self, link: u64, text: &str) {
        let Ok(frame) = serde_json::from_str::<Value>(text) else {
            return self.say(
                link,
                "answer:unreadable",
                &json!({"stream": "error", "data": {"error": "invalid syntax"}}),
            );
        };
        let state = self.links.get(&link).copied().unwrap_or_default();
        match frame["action"].as_str() {
            Some(action @ ("authenticate" | "auth")) => self.authorize(link, action, &frame),
            Some("listen") if state.authorized => {
                let wanted: Vec<&str> =
                    frame["data"]["streams"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let listens = wanted.contains(&"trade_updates");
                // Each listening replaces the one before.
                self.links.insert(link, Link { listens, ..state });
                let streams = if listens { json!(["trade_updates"]) } else { json!([]) };
                self.say(link, "answer:listen", &json!({"stream": "listening", "data": {"streams": streams}}));
            }
            Some("listen") => {
                let data = json!({"action": "listen", "status": "unauthorized"});
                self.say(link, "answer:listen", &json!({"stream": "authorization", "data": data}));
            }
            other => {
                let error = format!("unknown action {}", other.unwrap_or("none"));
                self.say(link, "answer:unknown", &json!({"stream": "error", "data": {"error": error}}));
            }
        }
    }

    fn authorize(&mut self, link: u64, action: &str, frame: &Value) {
        let (id, secret) = match action {
            "auth" => (&frame["key"], &frame["secret"]),
            _ => (&frame["data"]["key_id"], &frame["data"]["secret_key"]),
        };
        let right = *id == self.setup.keys.0 && *secret == self.setup.keys.1;
        self.links.insert(link, Link { authorized: right, listens: false });
        let mut data = json!({"action": action, "status": if right { "authorized" } else { "unauthorized" }});
        if action == "authenticate" {
            data["message"] = json!(OLD_FORM);
        }
        self.say(link, &format!("answer:{action}"), &json!({"stream": "authorization", "data": data}));
    }

    fn say(&mut self, link: u64, point: &str, message: &Value) {
        let text = message.to_string();
        let frame = if self.setup.binary { Frame::Binary(text) } else { Frame::Text(text) };
        self.said.push(Said { link, point: point.to_owned(), frame });
    }

    /// Turns what happened at the exchange into updates for those who listen.
    pub(super) fn tell(&mut self) {
        for event in self.exchange.events() {
            for (name, status) in names(&event) {
                let update = self.update(&event, name, status);
                let links: Vec<u64> = self.links.iter().filter(|(_, l)| l.listens).map(|(link, _)| *link).collect();
                for link in links {
                    self.say(link, &format!("event:{name}"), &json!({"stream": "trade_updates", "data": update}));
                }
            }
        }
    }

    fn update(&mut self, event: &Event, name: &str, status: Option<&str>) -> Value {
        self.updates += 1;
        let status = status.unwrap_or_else(|| terms::status(&event.order, false, false));
        let extras = self.extras.get(&event.order.id).cloned().unwrap_or_default();
        let order = terms::order_json(&event.order, &extras, status, self.legs_json(&event.order));
        let mut update = json!({
            "at": time(event.at), "event_id": ulid(event.at, self.updates), "event": name, "timestamp": time(event.at),
            "order": order,
        });
        if name != "pending_new" {
            update["execution_id"] = json!(uuid("execution", event.number));
        }
        if let What::Fill(fill) | What::Busted(fill) = &event.what {
            update["price"] = json!(fill.price.to_string());
            update["qty"] = json!(fill.quantity.to_string());
            update["position_qty"] = json!(fill.position.to_string());
            // A fill's own id, by which a bust can name it.
            let of = if matches!(event.what, What::Busted(_)) { "previous_execution_id" } else { "execution_id" };
            update[of] = json!(uuid("fill", fill.trade));
        }
        update
    }

    fn legs_json(&self, order: &Order) -> Value {
        let legs: Vec<Value> = self.legs_of(order).iter().map(|leg| self.order_json(leg, false)).collect();
        if legs.is_empty() { Value::Null } else { Value::Array(legs) }
    }
}

/// The updates of an event: their names, and the order's status where it is not the one that it has.
fn names(event: &Event) -> Vec<(&'static str, Option<&'static str>)> {
    match &event.what {
        What::New => vec![("pending_new", Some("pending_new")), ("new", Some("new"))],
        What::Held => vec![("held", Some("held"))],
        What::Triggered | What::Amended => Vec::new(),
        What::Fill(_) if AlpacaVenue::is_ended(&event.order) => vec![("fill", None)],
        What::Fill(_) => vec![("partial_fill", None)],
        What::Canceled => vec![("canceled", None)],
        What::Expired(_) => vec![("expired", None)],
        What::Replaced => vec![("replaced", None)],
        What::Busted(_) => vec![("trade_bust", None)],
    }
}
