//! The user data stream: what happens to orders and balances of the account. Source: `user-data-stream.md`.
//!
//! Invariants: on a cancel `c` is the cancel's own id and `C` the order's, everywhere else `c` is the order's; an end that counts fills
//! says so before it is told, for some of them may have been lost with a connection.

use messages::orders::{Fee, Fill, Liquidity, Replacement};
use messages::venues::ReportKind;
use messages::{Account, Asset, Cash, Price, Quantity, Reason, Symbol, UtcNanos};
use serde::Deserialize;
use serde_json::Value;

use super::call::replacement_of_cancel;
use super::heard::{Balance, Heard, OrderKey};

/// An `executionReport`.
#[derive(Debug, Deserialize)]
struct Execution {
    #[serde(rename = "s")]
    symbol: Symbol,
    #[serde(rename = "i")]
    number: u64,
    #[serde(rename = "c")]
    client_order_id: String,
    #[serde(rename = "C", default)]
    original_id: String,
    #[serde(rename = "o")]
    order_type: String,
    #[serde(rename = "q")]
    quantity: Quantity,
    #[serde(rename = "x")]
    execution: String,
    #[serde(rename = "X")]
    status: String,
    #[serde(rename = "r", default)]
    reject_reason: String,
    #[serde(rename = "eR", default)]
    expiry_reason: Value,
    #[serde(rename = "l", default)]
    last_quantity: Quantity,
    #[serde(rename = "L", default)]
    last_price: Price,
    #[serde(rename = "z", default)]
    cumulative: Quantity,
    #[serde(rename = "Q", default)]
    quote_quantity: Cash,
    #[serde(rename = "n", default)]
    commission: Cash,
    #[serde(rename = "N", default)]
    commission_asset: Option<Asset>,
    #[serde(rename = "t", default)]
    trade: i64,
    #[serde(rename = "m", default)]
    is_maker: bool,
    #[serde(rename = "w", default)]
    is_working: bool,
    #[serde(rename = "A", default)]
    prevented: Quantity,
    #[serde(rename = "T")]
    time: i64,
}

/// Reads an event of the user data stream.
#[must_use]
pub fn event(event: &Value, account: Account) -> Vec<Heard> {
    let read = match event["e"].as_str() {
        Some("executionReport") => Execution::deserialize(event).map(|e| e.heard(account)),
        Some("outboundAccountPosition") => position(event),
        Some("balanceUpdate") => change(event),
        Some("listStatus") => Deserialize::deserialize(event).map(|list| vec![Heard::List(list)]),
        Some("eventStreamTerminated") => Ok(vec![Heard::StreamEnded]),
        Some("serverShutdown") => Ok(vec![Heard::ShuttingDown]),
        Some(kind) => Ok(vec![Heard::unreadable(format!("event {kind}"), &event.to_string())]),
        None => Ok(vec![Heard::unreadable("event without a kind", &event.to_string())]),
    };
    read.unwrap_or_else(|error| vec![Heard::unreadable(error.to_string(), &event.to_string())])
}

impl Execution {
    fn heard(&self, account: Account) -> Vec<Heard> {
        let order = OrderKey { symbol: self.symbol, number: self.number };
        let Some(at) = UtcNanos::from_millis(self.time) else {
            return vec![self.unknown("its time is out of range")];
        };
        let is_cancel = self.execution == "CANCELED" && !self.original_id.is_empty();
        let name = if is_cancel { &self.original_id } else { &self.client_order_id };
        let said = |kind| order.heard(account, name, at, kind);
        match self.execution.as_str() {
            "NEW" if self.is_working && is_conditional(&self.order_type) => {
                vec![said(ReportKind::Accepted), said(ReportKind::Triggered)]
            }
            "NEW" => vec![said(ReportKind::Accepted)],
            "CANCELED" => match (replacement_of_cancel(&self.client_order_id), name.parse()) {
                (Some(replacement), Ok(order)) => vec![Heard::FirstHalf { order, replacement, at }],
                _ => self.ended(order, name, said(ReportKind::Canceled)),
            },
            "REPLACED" => vec![said(ReportKind::Replaced { replacement: quantity_alone(self.quantity) })],
            "REJECTED" => {
                let (reason, text) = (rejection(&self.reject_reason), self.reject_reason.clone());
                vec![said(ReportKind::Rejected { reason, text })]
            }
            "TRADE" => match self.fill(order, at) {
                Some(fill) if self.status == "FILLED" && self.quote_quantity.is_positive() => {
                    vec![said(ReportKind::Completed { filled: self.cumulative }), said(ReportKind::Filled(fill))]
                }
                Some(fill) => vec![said(ReportKind::Filled(fill))],
                None => vec![self.unknown("a trade without a trade id")],
            },
            "EXPIRED" => {
                let reason = expiry(&self.status, &self.expiry_reason);
                self.ended(order, name, said(ReportKind::Expired { reason }))
            }
            "TRADE_PREVENTION" if self.status == "EXPIRED_IN_MATCH" => {
                let reason = expiry(&self.status, &Value::Null);
                self.ended(order, name, said(ReportKind::Expired { reason }))
            }
            // The order goes on, and is smaller by what would have met an order of our own.
            "TRADE_PREVENTION" => match self.quantity.checked_sub(self.prevented) {
                Some(left) => vec![said(ReportKind::Replaced { replacement: quantity_alone(left) })],
                None => vec![self.unknown("a prevented quantity out of range")],
            },
            other => vec![self.unknown(&format!("execution type {other}"))],
        }
    }

    /// An end, behind how much of the order was filled until then.
    fn ended(&self, order: OrderKey, name: &str, end: Heard) -> Vec<Heard> {
        let name = name.parse().ok().filter(|_| self.cumulative.is_positive());
        let quantity = self.cumulative;
        let executed = name.map(|client_order_id| Heard::Executed { client_order_id, order, quantity });
        executed.into_iter().chain([end]).collect()
    }

    fn fill(&self, order: OrderKey, at: UtcNanos) -> Option<Fill> {
        let liquidity = if self.is_maker { Liquidity::Maker } else { Liquidity::Taker };
        Some(Fill {
            execution_id: order.execution_id(u64::try_from(self.trade).ok()?)?,
            price: self.last_price,
            quantity: self.last_quantity,
            cumulative: self.cumulative,
            liquidity: Some(liquidity),
            fee: self.commission_asset.map(|asset| Fee { amount: self.commission, asset }),
            executed_at: at,
        })
    }

    fn unknown(&self, what: &str) -> Heard {
        Heard::unreadable(format!("executionReport: {what}"), &format!("{self:?}"))
    }
}

/// The new total quantity, the rest as it was.
pub(super) fn quantity_alone(quantity: Quantity) -> Replacement {
    Replacement { quantity: Some(quantity), price: None, stop_price: None }
}

/// Types that wait for a trigger price.
pub(super) fn is_conditional(order_type: &str) -> bool {
    order_type.starts_with("STOP_LOSS") || order_type.starts_with("TAKE_PROFIT")
}

/// Our code of the matching engine's reason to reject.
pub(super) fn rejection(reason: &str) -> Reason {
    Reason::code(match reason {
        "INSUFFICIENT_BALANCE" | "INSUFFICIENT_BALANCES" => "binance.insufficient_balance",
        "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY" => "binance.would_trigger",
        "WOULD_MATCH_IMMEDIATELY" => "binance.would_match",
        "OCO_BAD_PRICES" => "binance.list_prices",
        _ => "binance.new_order",
    })
}

/// Our code of why an order expired.
pub(super) fn expiry(status: &str, reason: &Value) -> Reason {
    let code = match (status, reason.as_str()) {
        ("EXPIRED_IN_MATCH", _) => "binance.trade_prevention",
        (_, Some("EXCHANGE_CANCELED")) => "binance.exchange_canceled",
        (_, Some("OCO_TRIGGER")) => "binance.oco_trigger",
        (_, Some("OTO_PHASE_ONE_EXPIRED")) => "binance.oto_phase_one",
        (_, Some("UNFILLED_IOC_QUANTITY_EXPIRED")) => "binance.ioc",
        (_, Some("UNFILLED_FOK_ORDER_EXPIRED")) => "binance.fok",
        (_, Some("INSUFFICIENT_LIQUIDITY")) => "binance.liquidity",
        (_, Some("EXECUTION_RULE_PRICE_RANGE_EXCEEDED")) => "binance.price_range",
        (_, Some("REJECTED")) => "binance.expired_rejected",
        _ => "binance.expired",
    };
    Reason::code(code)
}

fn position(event: &Value) -> Result<Vec<Heard>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Position {
        #[serde(rename = "u")]
        updated: i64,
        #[serde(rename = "B")]
        balances: Vec<Balance>,
    }
    let Position { updated, balances } = Deserialize::deserialize(event)?;
    Ok(vec![Heard::Balances { balances, at: at(updated)? }])
}

fn change(event: &Value) -> Result<Vec<Heard>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Change {
        #[serde(rename = "a")]
        asset: Asset,
        #[serde(rename = "d")]
        delta: Cash,
        #[serde(rename = "T")]
        cleared: i64,
    }
    let Change { asset, delta, cleared } = Deserialize::deserialize(event)?;
    Ok(vec![Heard::BalanceChange { asset, delta, at: at(cleared)? }])
}

/// A time of the venue, in milliseconds.
pub(super) fn at(millis: i64) -> Result<UtcNanos, serde_json::Error> {
    let wrong = || serde::de::Error::custom(format_args!("time {millis} is out of range"));
    UtcNanos::from_millis(millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests;
