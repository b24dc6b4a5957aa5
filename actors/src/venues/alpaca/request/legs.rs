//! Orders in one piece with what hangs on them: bracket, one-triggers-other, one-cancels-other.
//!
//! A bracket is an entry with a take-profit (a limit order on the other side) and a stop-loss (a stop or stop-limit order);
//! OTO is an entry with one of the two; OCO is the two without an entry. The venue makes the ids of the legs: ours has no
//! place in them, so they are found by [`Leg`] in the answer. Source: docs.alpaca.markets, orders at Alpaca.

use messages::orders::{OrderRequest, OrderType, Side, TimeInForce};
use messages::risk::Refusal;
use messages::{ClientOrderId, Price};
use serde::Serialize;

use super::{Call, Hours, is_crypto, new_order, post, refuse};

/// The least distance of a stop-loss from the price that it is measured by: a cent.
const STOP_DISTANCE: i64 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct TakeProfit {
    limit_price: Price,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct StopLoss {
    stop_price: Price,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_price: Option<Price>,
}

/// Which of the orders that close a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leg {
    /// Closes with a gain.
    TakeProfit,
    /// Closes with a loss.
    StopLoss,
}

impl Leg {
    /// What an order is as a leg, by its type; `None` where it cannot be one.
    #[must_use]
    pub const fn of(order_type: OrderType) -> Option<Self> {
        match order_type {
            OrderType::Limit => Some(Self::TakeProfit),
            OrderType::Stop | OrderType::StopLimit => Some(Self::StopLoss),
            OrderType::Market | OrderType::TakeProfit | OrderType::TrailingStop => None,
        }
    }
}

/// An entry with one order that closes it (OTO) or two of which one does (bracket).
///
/// # Errors
/// They cannot be sent in one piece; the refusal says what does not fit.
pub fn submit_entry(id: ClientOrderId, entry: &OrderRequest, exits: &[&OrderRequest]) -> Result<Call, Refusal> {
    if exits.iter().any(|exit| exit.side == entry.side) {
        return refuse("alpaca.legs", format!("the legs of a {} close it and are on the other side", entry.side));
    }
    let (take_profit, stop_loss) = legs(entry, exits)?;
    let mut order = new_order(id, entry, Hours::Regular)?;
    order.order_class = match (take_profit, stop_loss) {
        (Some(_), Some(_)) => Some("bracket"),
        (None, None) => return refuse("alpaca.legs", "an entry without legs is a simple order".to_owned()),
        _ => Some("oto"),
    };
    beyond(entry, entry.price.filter(|_| entry.order_type == OrderType::Limit), stop_loss)?;
    (order.take_profit, order.stop_loss) = (take_profit, stop_loss);
    post(&order)
}

/// Two orders that close a position, of which one cancels the other. The take-profit is the order, the stop-loss its leg.
///
/// # Errors
/// They cannot be sent in one piece; the refusal says what does not fit.
pub fn submit_exits(id: ClientOrderId, exits: [&OrderRequest; 2]) -> Result<Call, Refusal> {
    let [first, second] = exits;
    let limit = if Leg::of(first.order_type) == Some(Leg::TakeProfit) { first } else { second };
    if first.side != second.side {
        return refuse("alpaca.legs", "orders that cancel one another are on the same side".to_owned());
    }
    let (Some(take_profit), Some(stop_loss)) = legs(limit, &exits)? else {
        return refuse("alpaca.legs", "an oco is one limit order and one stop or stop_limit order".to_owned());
    };
    let mut order = new_order(id, limit, Hours::Regular)?;
    // The price of the order stands in the leg of the same name.
    (order.limit_price, order.order_class) = (None, Some("oco"));
    (order.take_profit, order.stop_loss) = (Some(take_profit), Some(stop_loss));
    post(&order)
}

type Legs = (Option<TakeProfit>, Option<StopLoss>);

fn legs(order: &OrderRequest, exits: &[&OrderRequest]) -> Result<Legs, Refusal> {
    if !matches!(order.time_in_force, TimeInForce::Day | TimeInForce::Gtc) {
        let text = format!("orders in one piece are day or gtc, not {}", order.time_in_force);
        return refuse("alpaca.time_in_force", text);
    }
    if is_crypto(order) {
        return refuse("alpaca.legs", format!("{} is crypto, which has no orders in one piece", order.instrument));
    }
    let mut found: Legs = (None, None);
    for exit in exits {
        let same = (exit.instrument, exit.quantity) == (order.instrument, order.quantity);
        if !same || exit.time_in_force != order.time_in_force {
            return refuse(
                "alpaca.legs",
                "all orders in one piece have one symbol, quantity and time in force".to_owned(),
            );
        }
        match (Leg::of(exit.order_type), exit.price, exit.stop_price) {
            (Some(Leg::TakeProfit), Some(limit_price), None) if found.0.is_none() => {
                found.0 = Some(TakeProfit { limit_price });
            }
            (Some(Leg::StopLoss), limit_price, Some(stop_price)) if found.1.is_none() => {
                found.1 = Some(StopLoss { stop_price, limit_price });
            }
            _ => {
                let text =
                    format!("a {} order cannot be this leg; expected at most one limit and one stop", exit.order_type);
                return refuse("alpaca.legs", text);
            }
        }
    }
    if let (Some(take), Some(_)) = found
        && let Some(exit) = exits.first()
    {
        beyond_of(exit.side.opposite(), Some(take.limit_price), found.1)?;
    }
    Ok(found)
}

/// A stop-loss lies at least a cent on the losing side of what it is measured by.
fn beyond(entry: &OrderRequest, base: Option<Price>, stop: Option<StopLoss>) -> Result<(), Refusal> {
    beyond_of(entry.side, base, stop)
}

fn beyond_of(entry: Side, base: Option<Price>, stop: Option<StopLoss>) -> Result<(), Refusal> {
    let (Some(base), Some(StopLoss { stop_price, .. })) = (base, stop) else { return Ok(()) };
    let away = match entry {
        Side::Buy => base.raw() - stop_price.raw(),
        Side::Sell => stop_price.raw() - base.raw(),
    };
    if away < STOP_DISTANCE {
        let text = format!("the stop {stop_price} lies not at least 0.01 on the losing side of {base}");
        return refuse("alpaca.legs", text);
    }
    Ok(())
}
