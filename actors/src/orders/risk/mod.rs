//! Risk: the rules that an order must pass before it may be written down as an intent.
//!
//! One rule per file; each looks at the state after the order, open orders included, and answers with
//! a refusal that has a stable code and the figures. The first refusal counts. Rules know no clock.

mod account;
mod collar;
mod instrument;
mod open_orders;
mod position;
mod rate;
mod size;
mod stale;
mod supported;
mod trading;

use std::collections::VecDeque;
use std::time::Duration;

use messages::instrument::Rules;
use messages::market::Level;
use messages::orders::OrderRequest;
use messages::risk::{Refusal, TradingState};
use messages::venues::Capabilities;
use messages::{Cash, Price, Quantity, Reason, UtcNanos};
use serde::{Deserialize, Serialize};

/// What an account may do with what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// Nothing is sold that is not held, nothing is bought that is not paid.
    Cash,
    /// Short positions and borrowed cash are allowed, within the other limits.
    Margin,
}

/// The limits. Zero switches a limit off, except where it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Largest quantity of one order, in base asset.
    pub max_order_quantity: Quantity,
    /// Largest value of one order, in quote asset.
    pub max_order_notional: Cash,
    /// Largest value of a strategy's position in one instrument, open orders included, in quote asset.
    pub max_position_notional: Cash,
    /// Most open orders of one strategy.
    pub max_open_orders: u32,
    /// Farthest that a limit price may lie beyond the other side's best price, in percent.
    pub price_collar_percent: u32,
    /// Most new orders and replacements of one strategy per second.
    pub max_orders_per_second: u32,
    /// Oldest quote, by receive time, on which an order may be based.
    #[serde(with = "crate::durations")]
    pub stale_quote_after: Duration,
}

/// The newest prices of an instrument, as risk sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prices {
    /// Best bid.
    pub bid: Option<Level>,
    /// Best ask.
    pub ask: Option<Level>,
    /// Last trade.
    pub last: Option<Price>,
    /// When any of them was received.
    pub received: UtcNanos,
}

impl Prices {
    /// The price that an order on this side would pay; the last trade where nobody is quoted.
    #[must_use]
    pub fn reference(&self, side: messages::orders::Side) -> Option<Price> {
        let best = match side {
            messages::orders::Side::Buy => self.ask,
            messages::orders::Side::Sell => self.bid,
        };
        best.map(|level| level.price).or(self.last)
    }
}

/// All that a rule may look at.
pub struct Context<'a> {
    /// What is asked. For a replacement: the order with its new terms.
    pub request: &'a OrderRequest,
    /// The part of it that is not filled yet.
    pub remaining: Quantity,
    /// True for a replacement.
    pub is_replacement: bool,
    /// When.
    pub now: UtcNanos,
    /// The limits.
    pub limits: &'a Limits,
    /// The trading state.
    pub trading: TradingState,
    /// The instrument's rules; `None` when nobody knows it.
    pub rules: Option<&'a Rules>,
    /// What its venue can do; `None` when no venue trades it.
    pub venue: Option<Capabilities>,
    /// The newest prices.
    pub prices: Prices,
    /// The strategy's position in the instrument, signed.
    pub position: Quantity,
    /// The strategy's open buy quantity in the instrument, this order's earlier terms left out.
    pub open_buys: Quantity,
    /// The same for sells.
    pub open_sells: Quantity,
    /// Open orders of the strategy.
    pub open_orders: usize,
    /// When the strategy last ordered, oldest first.
    pub recent: &'a VecDeque<UtcNanos>,
    /// What the account may do.
    pub kind: AccountKind,
    /// Free quote asset: balance less what open buys of the account may cost. `None` while unknown.
    pub free_quote: Option<Cash>,
    /// Free base asset: balance less what open sells of the account may take. `None` while unknown.
    pub free_base: Option<Quantity>,
}

impl Context<'_> {
    /// The price that values the order: its limit, its trigger, or what the market asks.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        self.request.price.or(self.request.stop_price).or_else(|| self.prices.reference(self.request.side))
    }
}

pub use rate::WINDOW as RATE_WINDOW;

type Rule = fn(&Context<'_>) -> Result<(), Refusal>;

/// The rules in order: first what cannot be right, then what is not allowed now, then the figures.
const RULES: &[Rule] = &[
    supported::check,
    instrument::check,
    trading::check,
    stale::check,
    size::check,
    collar::check,
    open_orders::check,
    position::check,
    account::check,
    rate::check,
];

/// The verdict.
///
/// # Errors
/// The first refusal, which is a value of normal life.
pub fn decide(context: &Context<'_>) -> Result<(), Refusal> {
    RULES.iter().try_for_each(|rule| rule(context))
}

/// A refusal with its code and figures.
fn refuse(code: &'static str, text: String) -> Result<(), Refusal> {
    Err(Refusal { reason: Reason::code(code), text })
}

#[cfg(test)]
mod tests;
