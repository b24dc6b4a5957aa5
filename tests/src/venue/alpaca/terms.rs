//! Orders in Alpaca's words, both ways: a body to terms, orders to JSON. Source: "Orders" of the trading API's reference;
//! the recorded messages of `trade_updates_2026.jsonl`.

use messages::orders::{Side, TimeInForce};
use messages::{Cash, Price, Quantity, UtcNanos};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::exchange::order::{Amount, Order, State, Terms, Trail, Trigger};
use super::super::exchange::rules::Instrument;
use super::errors::ApiError;

/// What Alpaca keeps of an order beside its terms.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// market, limit, stop, stop_limit or trailing_stop.
    pub kind: String,
    /// Empty, bracket, oco or oto.
    pub class: String,
    /// day, gtc, ioc or fok.
    pub time_in_force: String,
    /// Outside of the session as well.
    pub extended_hours: bool,
    /// buy_to_open, …
    pub intent: Option<String>,
}

/// The upper half of an order's id; the lower half holds its number.
const ORDER_IDS: u64 = 0x6f72_6465_7200_4000;
const VARIANT: u64 = 1 << 63;
/// A stop of a buy order gets a limit so far above: below 50 dollars, and from there on, in millionths.
const STOP_COLLARS: [i64; 2] = [1_040_000, 1_025_000];

/// An order's id.
#[must_use]
pub fn order_uuid(id: u64) -> Uuid {
    Uuid::from_u64_pair(ORDER_IDS, VARIANT | id)
}

/// The order that an id means.
#[must_use]
pub fn order_of(text: &str) -> Option<u64> {
    let (high, low) = text.parse::<Uuid>().ok()?.as_u64_pair();
    (high == ORDER_IDS).then_some(low & !VARIANT)
}

/// Another thing's id: of an execution, an asset, an account.
#[must_use]
pub fn uuid(of: &str, number: u64) -> Uuid {
    let name = of.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    Uuid::from_u64_pair((name & !0xf000) | 0x4000, VARIANT | (number & !(1 << 62)))
}

/// RFC 3339 with nanoseconds.
#[must_use]
pub fn time(at: UtcNanos) -> String {
    format!("{at:?}")
}

/// A number that comes as text or as a JSON number; `None` when it is not there or null.
///
/// # Errors
/// 422 for anything else.
pub fn number<T: std::str::FromStr>(body: &Value, name: &str) -> Result<Option<T>, ApiError> {
    let text = match &body[name] {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err(ApiError::invalid(format!("{name} must be a number"))),
    };
    text.parse().map(Some).map_err(|_| ApiError::invalid(format!("invalid {name} {text}: expected a decimal number")))
}

/// Reads the side of an order.
///
/// # Errors
/// 422.
pub fn side(body: &Value) -> Result<Side, ApiError> {
    match body["side"].as_str() {
        Some("buy") => Ok(Side::Buy),
        Some("sell") => Ok(Side::Sell),
        _ => Err(ApiError::invalid("side must be buy or sell")),
    }
}

/// Reads a time in force.
///
/// # Errors
/// 422; `opg` and `cls` too, for this server has no auctions.
pub fn time_in_force(text: Option<&str>, crypto: bool) -> Result<TimeInForce, ApiError> {
    match text {
        Some("gtc") => Ok(TimeInForce::Gtc),
        Some("ioc") => Ok(TimeInForce::Ioc),
        Some("day") if !crypto => Ok(TimeInForce::Day),
        Some("fok") if !crypto => Ok(TimeInForce::Fok),
        Some(other) if crypto => Err(ApiError::invalid(format!("invalid crypto time_in_force {other}"))),
        Some(other) => Err(ApiError::invalid(format!("invalid time_in_force {other}: expected day, gtc, ioc or fok"))),
        None => Err(ApiError::invalid("time_in_force is required")),
    }
}

/// Reads a new order, its legs left out.
///
/// # Errors
/// 422 with the rule that it breaks.
pub fn read(body: &Value, on: &Instrument) -> Result<(Terms, Extras), ApiError> {
    let crypto = on.symbol.contains('/');
    let side = side(body)?;
    let kind = body["type"].as_str().ok_or_else(|| ApiError::invalid("type is required"))?;
    let amount = match (number::<Quantity>(body, "qty")?, number::<Cash>(body, "notional")?) {
        (Some(quantity), None) if quantity.is_positive() => Amount::Base(quantity),
        (None, Some(notional)) if notional.is_positive() => Amount::Quote(notional),
        (None, None) => return Err(ApiError::invalid("qty or notional is required")),
        (Some(_), Some(_)) => return Err(ApiError::invalid("only one of qty or notional is accepted")),
        _ => return Err(ApiError::invalid("qty must be > 0")),
    };
    let limit = priced(body, "limit_price", matches!(kind, "limit" | "stop_limit"), on)?;
    let stop = priced(body, "stop_price", matches!(kind, "stop" | "stop_limit"), on)?;
    let trigger = match kind {
        "market" | "limit" => None,
        "stop" | "stop_limit" => stop.map(Trigger::Stop),
        "trailing_stop" => Some(Trigger::Trail { by: trail(body)?, extreme: None, activation: None }),
        other => return Err(ApiError::invalid(format!("invalid order type {other}"))),
    };
    if crypto && matches!(kind, "stop" | "trailing_stop") {
        return Err(ApiError::invalid("invalid order type for crypto order"));
    }
    let text = body["time_in_force"].as_str();
    let time_in_force = time_in_force(text, crypto)?;
    let extended_hours = body["extended_hours"].as_bool().unwrap_or(false);
    if extended_hours && (kind != "limit" || time_in_force != TimeInForce::Day) {
        return Err(ApiError::rule("extended hours order must be DAY limit orders"));
    }
    let fraction = match amount {
        Amount::Base(quantity) => !quantity.is_multiple_of(Quantity::ONE),
        Amount::Quote(_) => true,
    };
    if !crypto && fraction && time_in_force != TimeInForce::Day {
        return Err(ApiError::rule("fractional orders must be DAY orders"));
    }
    // A buy stop is held by the venue as a stop-limit, so that a gap does not fill it anywhere.
    let limit = match (kind, side, stop) {
        ("stop", Side::Buy, Some(stop)) => collared(stop, on),
        _ => limit,
    };
    let extras = Extras {
        kind: kind.to_owned(),
        class: body["order_class"].as_str().filter(|c| *c != "simple").unwrap_or_default().to_owned(),
        time_in_force: text.unwrap_or_default().to_owned(),
        extended_hours,
        intent: body["position_intent"].as_str().map(str::to_owned),
    };
    let symbol = on.symbol.clone();
    Ok((Terms { symbol, side, amount, limit, trigger, time_in_force, post_only: false }, extras))
}

fn collared(stop: Price, on: &Instrument) -> Option<Price> {
    let fifty = Price::from_raw(5_000_000_000)?;
    let parts = STOP_COLLARS[usize::from(stop >= fifty)];
    let raw = i128::from(stop.raw()) * i128::from(parts) / 1_000_000;
    i64::try_from(raw).ok().and_then(Price::from_raw).map(|price| price.floor_to(on.tick))
}

/// A price that must be there, or must not; below a dollar stocks have steps of a hundredth of a cent.
fn priced(body: &Value, name: &str, wanted: bool, on: &Instrument) -> Result<Option<Price>, ApiError> {
    let price: Option<Price> = number(body, name)?;
    match (wanted, price) {
        (true, None) => Err(ApiError::invalid(format!(
            "{} orders require {}",
            body["type"].as_str().unwrap_or(""),
            name.replace('_', " ")
        ))),
        (false, Some(_)) => Err(ApiError::invalid(format!(
            "{} orders must not have {}",
            body["type"].as_str().unwrap_or(""),
            name.replace('_', " ")
        ))),
        (_, Some(price)) => on_step(price, name, on).map(Some),
        (false, None) => Ok(None),
    }
}

/// Holds a price against the instrument's step.
///
/// # Errors
/// 42210000.
pub fn on_step(price: Price, name: &str, on: &Instrument) -> Result<Price, ApiError> {
    let fine = Price::from_raw(10_000).unwrap_or_default();
    let step = if price < Price::ONE && !on.symbol.contains('/') { on.tick.min(fine) } else { on.tick };
    if price.is_positive() && price.is_multiple_of(step) {
        return Ok(price);
    }
    Err(ApiError::rule(format!(
        "invalid {name} {price}. sub-penny increment does not fulfill minimum pricing criteria"
    )))
}

/// The distance of a trailing stop.
///
/// # Errors
/// 422 unless there is exactly one.
pub fn trail(body: &Value) -> Result<Trail, ApiError> {
    match (number::<Price>(body, "trail_price")?, number::<Price>(body, "trail_percent")?) {
        (Some(price), None) if price.is_positive() => Ok(Trail::Price(price)),
        (None, Some(percent)) if percent.is_positive() => Ok(Trail::Millionths(percent.raw() / 10_000)),
        _ => Err(ApiError::invalid("trailing stop orders must specify one of trail_price or trail_percent")),
    }
}

/// An order's status.
#[must_use]
pub fn status(order: &Order, held_by_partner: bool, closed: bool) -> &'static str {
    match order.state {
        State::Held => "held",
        State::Open if order.filled.is_positive() => "partially_filled",
        State::Open if held_by_partner => "held",
        State::Open if closed => "accepted",
        State::Open => "new",
        State::Filled => "filled",
        State::Canceled => "canceled",
        State::Expired(_) => "expired",
        State::Rejected => "rejected",
        State::Replaced => "replaced",
    }
}

/// An order with a status; its legs as they are given.
#[must_use]
pub fn order_json(order: &Order, extras: &Extras, status: &str, legs: Value) -> Value {
    let ended = |state: bool| if state { json!(time(order.updated_at)) } else { Value::Null };
    let price = |price: Option<Price>| price.map(|p| p.to_string());
    let crypto = order.terms.symbol.contains('/');
    let (quantity, notional) = match order.terms.amount {
        Amount::Base(all) => (Some(all.to_string()), None),
        Amount::Quote(quote) => (None, Some(quote.to_string())),
    };
    let (trail_price, trail_percent, hwm) = match order.terms.trigger {
        Some(Trigger::Trail { by: Trail::Price(by), extreme, .. }) => (Some(by.to_string()), None, extreme),
        Some(Trigger::Trail { by: Trail::Millionths(by), extreme, .. }) => {
            (None, Price::from_raw(by * 10_000).map(|p| p.to_string()), extreme)
        }
        _ => (None, None, None),
    };
    let has_limit = matches!(extras.kind.as_str(), "limit" | "stop_limit");
    json!({
        "id": order_uuid(order.id), "client_order_id": order.client_id, "created_at": time(order.created_at),
        "updated_at": time(order.updated_at), "submitted_at": time(order.created_at),
        "filled_at": ended(order.state == State::Filled), "expired_at": ended(matches!(order.state, State::Expired(_))),
        "cancel_requested_at": ended(order.state == State::Canceled), "canceled_at": ended(order.state == State::Canceled),
        "failed_at": ended(order.state == State::Rejected), "replaced_at": ended(order.state == State::Replaced),
        "replaced_by": order.replaced_by.map(order_uuid), "replaces": order.replaces.map(order_uuid),
        "asset_id": uuid(&order.terms.symbol, 0), "symbol": order.terms.symbol,
        "asset_class": if crypto { "crypto" } else { "us_equity" }, "notional": notional, "qty": quantity,
        "filled_qty": order.filled.to_string(), "filled_avg_price": price(order.quote_filled.per(order.filled)),
        "order_class": extras.class, "order_type": extras.kind, "type": extras.kind,
        "side": if order.terms.side == Side::Buy { "buy" } else { "sell" }, "position_intent": extras.intent,
        "time_in_force": extras.time_in_force, "limit_price": price(order.terms.limit.filter(|_| has_limit)),
        "stop_price": price(order.trigger_price()), "status": status, "extended_hours": extras.extended_hours,
        "legs": legs, "trail_percent": trail_percent, "trail_price": trail_price, "hwm": price(hwm),
        "expires_at": Value::Null,
    })
}
