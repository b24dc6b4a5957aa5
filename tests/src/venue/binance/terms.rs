//! Orders in Binance's words, both ways: parameters to terms, orders to JSON. Source: `rest-api.md`, "New order".

use messages::orders::{Side, TimeInForce};
use messages::{Cash, Price, Quantity, UtcNanos};
use serde_json::{Value, json};

use super::super::exchange::order::{Amount, Order, State, Terms, Trail, Trigger};
use super::super::exchange::{Exchange, Execution};
use super::params::{ApiError, Params, expiry};

/// What Binance keeps of an order beside its terms.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// LIMIT, STOP_LOSS_LIMIT, …
    pub kind: String,
    /// Of an iceberg.
    pub iceberg: Option<Quantity>,
    /// The client's.
    pub strategy: (Option<i64>, Option<i64>),
    /// What happens when an account meets itself.
    pub self_trade: String,
    /// In hundredths of a percent.
    pub trailing: Option<i64>,
}

/// A number of nine decimals with Binance's eight.
#[must_use]
pub fn eight(raw: i128) -> String {
    let (sign, raw) = (if raw < 0 { "-" } else { "" }, raw.unsigned_abs() / 10);
    format!("{sign}{}.{:08}", raw / 100_000_000, raw % 100_000_000)
}

/// A price with eight decimals; zero for none.
#[must_use]
pub fn price(price: Option<Price>) -> String {
    eight(i128::from(price.unwrap_or_default().raw()) * 10)
}

/// Milliseconds, as Binance's times are.
#[must_use]
pub const fn ms(at: UtcNanos) -> i64 {
    at.0.div_euclid(1_000_000)
}

/// Reads a new order.
///
/// # Errors
/// The code of the parameter that is missing, malformed or not wanted.
pub fn read(params: &Params) -> Result<(Terms, Extras), ApiError> {
    let kind = params.need("type")?.to_owned();
    let side = match params.need("side")? {
        "BUY" => Side::Buy,
        "SELL" => Side::Sell,
        _ => return Err(ApiError::new(-1117, "Invalid side.")),
    };
    let (has_limit, conditional) = match kind.as_str() {
        "MARKET" => (false, None),
        "LIMIT" | "LIMIT_MAKER" => (true, None),
        "STOP_LOSS" => (false, Some(false)),
        "STOP_LOSS_LIMIT" => (true, Some(false)),
        "TAKE_PROFIT" => (false, Some(true)),
        "TAKE_PROFIT_LIMIT" => (true, Some(true)),
        _ => return Err(ApiError::new(-1116, "Invalid orderType.")),
    };
    for name in ["pegPriceType", "pegOffsetType", "pegOffsetValue"] {
        unwanted(params, name, false)?;
    }
    unwanted(params, "price", has_limit)?;
    unwanted(params, "stopPrice", conditional.is_some())?;
    unwanted(params, "quoteOrderQty", kind == "MARKET")?;
    let limit: Option<Price> = if has_limit { Some(params.need_parsed("price")?) } else { None };
    let time_in_force = match (has_limit && kind != "LIMIT_MAKER", params.get("timeInForce")) {
        (true, None) => return Err(params.need("timeInForce").unwrap_err()),
        (false, Some(_)) => return Err(ApiError::new(-1106, "Parameter 'timeInForce' sent when not required.")),
        (_, None | Some("GTC")) => TimeInForce::Gtc,
        (_, Some("IOC")) => TimeInForce::Ioc,
        (_, Some("FOK")) => TimeInForce::Fok,
        (_, Some(_)) => return Err(ApiError::new(-1115, "Invalid timeInForce.")),
    };
    let amount = match (params.parsed::<Quantity>("quantity")?, params.parsed::<Cash>("quoteOrderQty")?) {
        (None, Some(quote)) => Amount::Quote(quote),
        (Some(_), Some(_)) => return Err(ApiError::new(-1128, "Combination of optional parameters invalid.")),
        _ => Amount::Base(params.need_parsed("quantity")?),
    };
    let trailing: Option<i64> = params.parsed("trailingDelta")?;
    let trigger = match conditional {
        None => None,
        Some(profit) => Some(trigger(params, profit, trailing)?),
    };
    let iceberg: Option<Quantity> = params.parsed("icebergQty")?;
    if iceberg.is_some() && (!has_limit || time_in_force != TimeInForce::Gtc) {
        return Err(ApiError::new(-1106, "Parameter 'icebergQty' sent when not required."));
    }
    let extras = Extras {
        iceberg,
        strategy: (params.parsed("strategyId")?, params.parsed("strategyType")?),
        self_trade: params.get("selfTradePreventionMode").unwrap_or("EXPIRE_MAKER").to_owned(),
        trailing,
        kind: kind.clone(),
    };
    let symbol = params.need("symbol")?.to_owned();
    Ok((Terms { symbol, side, amount, limit, trigger, time_in_force, post_only: kind == "LIMIT_MAKER" }, extras))
}

fn trigger(params: &Params, profit: bool, trailing: Option<i64>) -> Result<Trigger, ApiError> {
    let at: Option<Price> = params.parsed("stopPrice")?;
    match (trailing, at) {
        (Some(delta), activation) => {
            Ok(Trigger::Trail { by: Trail::Millionths(delta * 100), extreme: None, activation })
        }
        (None, Some(at)) => Ok(if profit { Trigger::TakeProfit(at) } else { Trigger::Stop(at) }),
        (None, None) => {
            Err(ApiError::new(-1102, "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!"))
        }
    }
}

fn unwanted(params: &Params, name: &str, wanted: bool) -> Result<(), ApiError> {
    if wanted || params.get(name).is_none() {
        return Ok(());
    }
    Err(ApiError::new(-1106, format!("Parameter '{name}' sent when not required.")))
}

/// An order's status.
#[must_use]
pub fn status(order: &Order) -> &'static str {
    match order.state {
        State::Held => "PENDING_NEW",
        State::Open if order.filled.is_positive() => "PARTIALLY_FILLED",
        State::Open => "NEW",
        State::Filled => "FILLED",
        State::Canceled | State::Replaced => "CANCELED",
        State::Expired(_) => "EXPIRED",
        State::Rejected => "REJECTED",
    }
}

/// BUY or SELL.
#[must_use]
pub const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

/// GTC, IOC or FOK.
#[must_use]
pub const fn time_in_force(order: &Order) -> &'static str {
    match order.terms.time_in_force {
        TimeInForce::Ioc => "IOC",
        TimeInForce::Fok => "FOK",
        TimeInForce::Gtc | TimeInForce::Day => "GTC",
    }
}

/// An order's quantity and its quote quantity, of which one is zero while nothing is filled.
#[must_use]
pub const fn quantities(order: &Order) -> (i128, i128) {
    match order.terms.amount {
        Amount::Base(all) => (all.raw(), 0),
        Amount::Quote(quote) => (order.filled.raw(), quote.raw()),
    }
}

/// The price of an order's trigger as it was sent; the activation of a trailing one.
#[must_use]
pub const fn stop_price(order: &Order) -> Option<Price> {
    match order.terms.trigger {
        Some(Trigger::Stop(at) | Trigger::TakeProfit(at)) => Some(at),
        Some(Trigger::Trail { activation, .. }) => activation,
        None => None,
    }
}

/// What every answer about an order tells.
#[must_use]
pub fn order_json(order: &Order, extras: &Extras) -> Value {
    let (quantity, quote) = quantities(order);
    let mut json = json!({
        "symbol": order.terms.symbol, "orderId": order.id,
        "orderListId": order.list.map_or(json!(-1), |list| json!(list)), "clientOrderId": order.client_id,
        "price": price(order.terms.limit), "origQty": eight(quantity), "executedQty": eight(order.filled.raw()),
        "origQuoteOrderQty": eight(quote), "cummulativeQuoteQty": eight(order.quote_filled.raw()),
        "status": status(order), "timeInForce": time_in_force(order), "type": extras.kind,
        "side": side(order.terms.side), "selfTradePreventionMode": extras.self_trade,
        "workingTime": order.working_at.map_or(-1, ms),
    });
    if order.terms.trigger.is_some() {
        json["stopPrice"] = json!(price(stop_price(order)));
    }
    if let State::Expired(why) = order.state {
        json["expiryReason"] = json!(expiry(why));
    }
    if let Some(iceberg) = extras.iceberg {
        json["icebergQty"] = json!(eight(iceberg.raw()));
    }
    if let Some(delta) = extras.trailing {
        json["trailingDelta"] = json!(delta);
    }
    if let (Some(id), _) = extras.strategy {
        json["strategyId"] = json!(id);
    }
    if let (_, Some(kind)) = extras.strategy {
        json["strategyType"] = json!(kind);
    }
    json
}

/// An order as it is asked for.
#[must_use]
pub fn asked_json(order: &Order, extras: &Extras) -> Value {
    let mut json = order_json(order, extras);
    json["stopPrice"] = json!(price(stop_price(order)));
    json["icebergQty"] = json!(eight(extras.iceberg.unwrap_or_default().raw()));
    json["time"] = json!(ms(order.created_at));
    json["updateTime"] = json!(ms(order.updated_at));
    json["isWorking"] = json!(order.working_at.is_some());
    json
}

/// The answer to a new order: ACK, RESULT or FULL.
#[must_use]
pub fn placed_json(exchange: &Exchange, id: u64, extras: &Extras, wanted: Option<&str>) -> Value {
    let order = &exchange.orders[&id];
    let usual = if matches!(extras.kind.as_str(), "MARKET" | "LIMIT") { "FULL" } else { "ACK" };
    let wanted = wanted.unwrap_or(usual);
    if wanted == "ACK" {
        return json!({
            "symbol": order.terms.symbol, "orderId": id, "orderListId": order.list.map_or(json!(-1), |l| json!(l)),
            "clientOrderId": order.client_id, "transactTime": ms(order.created_at),
        });
    }
    let mut json = order_json(order, extras);
    json["transactTime"] = json!(ms(order.updated_at));
    if wanted == "FULL" {
        json["fills"] = exchange.fills(id).map(fill_json).collect();
    }
    json
}

fn fill_json(fill: &Execution) -> Value {
    let (asset, fee) = fee(fill);
    json!({
        "price": price(Some(fill.price)), "qty": eight(fill.quantity.raw()), "commission": fee,
        "commissionAsset": asset, "tradeId": fill.trade,
    })
}

/// The asset and the amount of a fill's fee.
#[must_use]
pub fn fee(fill: &Execution) -> (Value, String) {
    match &fill.fee {
        Some((asset, fee)) => (json!(asset), eight(fee.raw())),
        None => (Value::Null, "0".to_owned()),
    }
}
