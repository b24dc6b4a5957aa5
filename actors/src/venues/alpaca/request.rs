//! Orders as Alpaca wants to be told them: from our requests to calls.
//!
//! Numbers go as decimal text, quantities with at most nine decimals, as they are kept. What has no place at Alpaca is a
//! refusal and leaves nothing. Sources: docs.alpaca.markets, orders at Alpaca, `POST /v2/orders`, `PATCH /v2/orders/{id}`.

use messages::orders::{OrderRequest, OrderType, PositionIntent, Replacement, Side, TimeInForce};
use messages::risk::Refusal;
use messages::{Cash, ClientOrderId, Price, Quantity, Reason, VenueOrderId};
use serde::Serialize;

use super::call::{Call, Method};
use crate::wire::percent;

/// What a new order is to Alpaca.
#[derive(Debug, Serialize)]
struct NewOrder<'a> {
    symbol: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    qty: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notional: Option<Cash>,
    side: Side,
    #[serde(rename = "type")]
    order_type: &'static str,
    time_in_force: TimeInForce,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_price: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_price: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trail_price: Option<Price>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    extended_hours: bool,
    client_order_id: ClientOrderId,
    #[serde(skip_serializing_if = "Option::is_none")]
    position_intent: Option<PositionIntent>,
}

#[derive(Debug, Serialize)]
struct Changed {
    #[serde(skip_serializing_if = "Option::is_none")]
    qty: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_price: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_price: Option<Price>,
    client_order_id: ClientOrderId,
}

/// Whether limit orders of the day may trade before the open and after the close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hours {
    /// In the regular session only.
    #[default]
    Regular,
    /// From 4:00 to 20:00 in New York, for what Alpaca allows there: limit orders of the day in stocks.
    Extended,
}

/// A new order.
///
/// # Errors
/// Something of it has no place at Alpaca.
pub fn submit(id: ClientOrderId, request: &OrderRequest, hours: Hours) -> Result<Call, Refusal> {
    let order = new_order(id, request, hours)?;
    Ok(Call { method: Method::Post, path: "/v2/orders".to_owned(), body: Some(json(&order)) })
}

/// New terms for an order that the venue knows by `order`. Alpaca makes a new order of it, with a new id, and takes quantities
/// with the filled part included.
#[must_use]
pub fn replace(order: VenueOrderId, new_id: ClientOrderId, terms: &Replacement) -> Call {
    let Replacement { quantity, price, stop_price } = *terms;
    let changed = Changed { qty: quantity, limit_price: price, stop_price, client_order_id: new_id };
    let path = format!("/v2/orders/{}", percent::encoded(order.as_str()));
    Call { method: Method::Patch, path, body: Some(json(&changed)) }
}

fn new_order(id: ClientOrderId, r: &OrderRequest, hours: Hours) -> Result<NewOrder<'_>, Refusal> {
    if r.post_only {
        return refuse("alpaca.post_only", "Alpaca has no post-only orders".to_owned());
    }
    let order_type = match r.order_type {
        OrderType::Market => "market",
        OrderType::Limit => "limit",
        OrderType::Stop => "stop",
        OrderType::StopLimit => "stop_limit",
        OrderType::TrailingStop => "trailing_stop",
        OrderType::TakeProfit => {
            let text = "Alpaca has no take_profit orders; a limit order on the closing side does the same";
            return refuse("alpaca.order_type", text.to_owned());
        }
    };
    let is_trailing = r.order_type == OrderType::TrailingStop;
    let notional = r.quote_quantity;
    if notional.is_some() && !r.quantity.is_zero() {
        return refuse("alpaca.notional", format!("a value beside quantity {}; give one of the two", r.quantity));
    }
    // Fractions and orders by value wait for the regular session.
    let is_whole = notional.is_none() && r.quantity.is_multiple_of(Quantity::ONE) && !is_crypto(r);
    let is_extended =
        hours == Hours::Extended && is_whole && (r.order_type, r.time_in_force) == (OrderType::Limit, TimeInForce::Day);
    Ok(NewOrder {
        symbol: r.instrument.symbol.as_str(),
        qty: notional.is_none().then_some(r.quantity),
        notional,
        side: r.side,
        order_type,
        time_in_force: r.time_in_force,
        limit_price: r.price.filter(|_| r.order_type.has_limit()),
        // A trailing stop's own stop price is made by the venue, from the best price since and the distance.
        stop_price: r.stop_price.filter(|_| r.order_type.is_conditional() && !is_trailing),
        trail_price: r.trail_amount.filter(|_| is_trailing),
        extended_hours: is_extended,
        client_order_id: id,
        position_intent: r.position_intent,
    })
}

/// Pairs are crypto; stocks have no slash.
pub(super) fn is_crypto(request: &OrderRequest) -> bool {
    request.instrument.symbol.as_str().contains('/')
}

pub(super) fn refuse<T>(code: &'static str, text: String) -> Result<T, Refusal> {
    Err(Refusal { reason: Reason::code(code), text })
}

/// Plain data of ours: texts and numbers.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("structs of texts are json")
}

#[cfg(test)]
pub(super) mod tests;
