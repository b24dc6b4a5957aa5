//! Answers to what was asked, as reports. Source: `rest-api.md`, `web-socket-api.md`.
//!
//! Invariant: an outcome that the venue leaves open is no report; it is said to be open, and asked about. So is a cancel that the
//! venue turned away unseen: whoever wants it still wants it, and says it again.

use messages::orders::Replacement;
use messages::venues::{ReportKind, VenueReport, VenueRequest};
use messages::{Account, ClientOrderId, Quantity, Reason, UtcNanos};
use serde::Deserialize;
use serde_json::Value;

use super::call::Names;
use super::failure::{Failure, Outcome};
use super::heard::Heard;
use super::order::OrderBody;
use super::report::{at, quantity_alone};

/// What the venue answered.
pub type Answer = Result<Value, Failure>;

/// Whose orders are spoken of, and when.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Whose.
    pub account: Account,
    /// When the answer was received.
    pub now: UtcNanos,
}

impl Context {
    fn report(self, client_order_id: ClientOrderId, kind: ReportKind) -> Heard {
        Heard::Report(VenueReport {
            account: self.account,
            client_order_id,
            venue_order_id: None,
            time: self.now,
            kind,
        })
    }

    fn open(client_order_id: ClientOrderId, failure: &Failure) -> Vec<Heard> {
        vec![Heard::Open { client_order_id, why: failure.to_string() }]
    }
}

/// What an answer to a request of orders says. The answer to a query says where the order stands; its fills are asked for where some
/// are missing.
#[must_use]
pub fn heard(asked: &VenueRequest, answer: &Answer, c: Context) -> Vec<Heard> {
    match (asked, answer) {
        (VenueRequest::Submit { client_order_id: id, .. }, Err(failure)) => match failure.outcome() {
            Outcome::Refused(reason) if failure.is_of_the_moment() => {
                vec![c.report(*id, ReportKind::NotTaken { reason, text: failure.to_string() })]
            }
            Outcome::Refused(reason) => {
                vec![c.report(*id, ReportKind::Rejected { reason, text: failure.to_string() })]
            }
            Outcome::Open | Outcome::NotKnown | Outcome::Archived => Context::open(*id, failure),
        },
        (VenueRequest::Cancel { client_order_id: id, .. }, Err(failure)) => match failure.outcome() {
            Outcome::Refused(_) if failure.is_of_the_moment() => Context::open(*id, failure),
            Outcome::Refused(reason) => vec![c.report(*id, ReportKind::CancelRejected { reason })],
            Outcome::NotKnown => vec![c.report(*id, ReportKind::CancelRejected { reason: unknown_order() })],
            Outcome::Open | Outcome::Archived => Context::open(*id, failure),
        },
        (VenueRequest::Query { client_order_id: id, .. }, Err(failure)) => match failure.outcome() {
            Outcome::NotKnown => vec![c.report(*id, ReportKind::Unknown)],
            Outcome::Archived => vec![c.report(*id, ReportKind::Canceled)],
            Outcome::Refused(_) | Outcome::Open => Context::open(*id, failure),
        },
        (VenueRequest::Replace { client_order_id, new_client_order_id, .. }, Err(failure)) => {
            not_replaced(Names { current: *client_order_id, new: *new_client_order_id }, failure, c)
        }
        (VenueRequest::Replace { new_client_order_id, replacement, .. }, Ok(body)) => {
            replaced(*new_client_order_id, *replacement, body, c)
        }
        // Questions of their own.
        (VenueRequest::Account { .. } | VenueRequest::Rules { .. }, _) => Vec::new(),
        (_, Ok(body)) => match OrderBody::deserialize(body) {
            Ok(order) => order.heard(c.account, c.now),
            Err(error) => vec![Heard::unreadable(format!("an order of an answer: {error}"), &body.to_string())],
        },
    }
}

fn unknown_order() -> Reason {
    Reason::code("binance.unknown_order")
}

/// An amended order, or the two halves of a cancel and a new order.
fn replaced(new: ClientOrderId, terms: Replacement, body: &Value, c: Context) -> Vec<Heard> {
    let amended = &body["amendedOrder"];
    let (order, is_amended) = if amended.is_null() { (&body["newOrderResponse"], false) } else { (amended, true) };
    let read =
        OrderBody::deserialize(order).and_then(|order| Ok((order, body["transactTime"].as_i64().map(at).transpose()?)));
    let (order, amended_at) = match read {
        Ok(read) => read,
        Err(error) => {
            return vec![Heard::unreadable(format!("the answer to a replacement: {error}"), &body.to_string())];
        }
    };
    let replacement = if is_amended { quantity_alone(order.quantity()) } else { terms };
    let time = amended_at.unwrap_or_else(|| order.changed_at(c.now));
    // Under the name that was asked for, which finds the order whatever name the answer writes where.
    let kind = ReportKind::Replaced { replacement };
    let venue_order_id = order.key().venue_order_id();
    let mut out =
        vec![Heard::Report(VenueReport { account: c.account, client_order_id: new, venue_order_id, time, kind })];
    if !is_amended {
        let rest = order.heard(c.account, c.now).into_iter();
        out.extend(rest.filter(|heard| !matches!(heard, Heard::Report(r) if r.kind == ReportKind::Accepted)));
    }
    out
}

/// A replacement that failed, wholly or in its second half.
fn not_replaced(names: Names, failure: &Failure, c: Context) -> Vec<Heard> {
    let half = |name: &str| failure.data[name].as_str().unwrap_or_default();
    let of = |name: &str| {
        let said = &failure.data[name];
        // A half has no status of its own; without a code it says nothing that is certain.
        let code = said["code"].as_i64();
        let text = said["msg"].as_str().unwrap_or_default().to_owned();
        Failure { status: if code.is_some() { 400 } else { 0 }, code, text, ..Failure::default() }.outcome()
    };
    let outcome = match failure.outcome() {
        Outcome::Open => return Context::open(names.new, failure),
        _ if failure.code == Some(-2022) => of("cancelResponse"),
        _ if failure.code == Some(-2021) => of("newOrderResponse"),
        other => other,
    };
    let is_canceled = half("cancelResult") == "SUCCESS";
    let reason = match outcome {
        Outcome::Open => return Context::open(names.new, failure),
        Outcome::Refused(reason) => reason,
        Outcome::NotKnown | Outcome::Archived => unknown_order(),
    };
    let mut out = vec![c.report(names.new, ReportKind::ReplaceRejected { reason })];
    if is_canceled {
        let order = OrderBody::deserialize(&failure.data["cancelResponse"]);
        out.extend(
            order.map_or_else(|_| vec![c.report(names.current, ReportKind::Canceled)], |o| o.heard(c.account, c.now)),
        );
    }
    out
}

/// An order that lives under a later name than the one that was asked about: the newest replacement of `current` among the orders of
/// its symbol. Its name is that of the first order with `-rN`, and N rises.
#[must_use]
pub fn successor(current: ClientOrderId, orders: &[OrderBody]) -> Option<&OrderBody> {
    let (first, number) = attempt(current.as_str());
    let later = orders.iter().filter_map(|order| {
        let (base, n) = attempt(order.name());
        (base == first && n > number).then_some((n, order))
    });
    later.max_by_key(|(n, _)| *n).map(|(_, order)| order)
}

/// Whether `new` is the name of a replacement of the order that was named `old`.
#[must_use]
pub fn is_later(new: ClientOrderId, old: ClientOrderId) -> bool {
    let ((first, n), (base, before)) = (attempt(new.as_str()), attempt(old.as_str()));
    first == base && n > before
}

/// The id of the first order, and the number of the replacement; 0 for the order itself. A first id has three parts,
/// `<instance>-<epoch>-<counter>`, and its counter may look like `r2`.
fn attempt(name: &str) -> (&str, u32) {
    let third = name.match_indices('-').nth(2);
    let split = third.and_then(|(at, _)| Some((&name[..at], name[at..].strip_prefix("-r")?.parse().ok()?)));
    split.unwrap_or((name, 0))
}

/// The terms of a successor, as the replacement that is in force.
#[must_use]
pub fn in_force(order: &OrderBody) -> Replacement {
    let terms = order.terms();
    Replacement {
        quantity: Some(order.quantity()).filter(|q: &Quantity| q.is_positive()),
        price: terms.as_ref().and_then(|t| t.price),
        stop_price: terms.as_ref().and_then(|t| t.stop_price),
    }
}

/// The orders of an answer to `openOrders.status` or `allOrders`, and what of it could not be read.
#[must_use]
pub fn orders(body: &Value) -> (Vec<OrderBody>, Vec<Heard>) {
    rows(body, "an order of a list of orders")
}

/// The fills of an answer to `myTrades`, and what of it could not be read.
#[must_use]
pub fn trades(body: &Value) -> (Vec<super::order::TradeBody>, Vec<Heard>) {
    rows(body, "a trade of myTrades")
}

fn rows<'a, T: Deserialize<'a>>(body: &'a Value, what: &str) -> (Vec<T>, Vec<Heard>) {
    let Some(rows) = body.as_array() else {
        return (Vec::new(), vec![Heard::unreadable(format!("{what}: not a list"), &body.to_string())]);
    };
    let (mut read, mut unread) = (Vec::new(), Vec::new());
    for row in rows {
        match T::deserialize(row) {
            Ok(row) => read.push(row),
            Err(error) => unread.push(Heard::unreadable(format!("{what}: {error}"), &row.to_string())),
        }
    }
    (read, unread)
}

/// The balances of an answer to `account.status`.
#[must_use]
pub fn balances(body: &Value, now: UtcNanos) -> Heard {
    match Vec::deserialize(&body["balances"]) {
        Ok(balances) => Heard::Balances { balances, at: now },
        Err(error) => Heard::unreadable(format!("balances: {error}"), &body.to_string()),
    }
}

/// The venue's time in the answer to `time`.
#[must_use]
pub fn server_time(body: &Value) -> Option<UtcNanos> {
    body["serverTime"].as_i64().and_then(UtcNanos::from_millis)
}

#[cfg(test)]
mod tests;
