//! Risk: the rules that an order must pass before it may be written down as an intent.
//!
//! One rule per file; each looks at the state after the order, open orders included, and answers with
//! a refusal that has a stable code and the figures. The first refusal counts. Rules know no clock.
//!
//! Limits bind an order, a strategy, a symbol and the account ([`limits`]); people change them while orders are made
//! ([`rulebook`]). What only stops new risk lets pass what makes the strategy's own position smaller.

mod account;
pub mod average;
pub mod blackout;
pub mod book;
mod by_name;
mod collar;
mod concentration;
mod distance;
mod duplicate;
pub mod exposure;
mod instrument;
pub mod latch;
mod leverage;
pub mod limits;
pub mod losses;
mod open_orders;
mod position;
mod rate;
pub mod recent;
pub mod reconciling;
pub mod rulebook;
mod session;
mod size;
mod stale;
mod supported;
mod trading;
mod usual_size;
mod venue;

use messages::instrument::{Calendar, Rules};
use messages::market::Level;
use messages::orders::OrderRequest;
use messages::risk::{InstrumentStatus, Refusal, TradingState};
use messages::venues::Capabilities;
use messages::{Cash, Price, Quantity, Reason, StrategyId, UtcNanos};
use serde::{Deserialize, Serialize};

use crate::accounting;
use crate::venue_rules::{Seen, VenueRules};
use book::Stake;
use exposure::Totals;
use latch::Latches;
pub use limits::{AccountLimits, Limits};
use reconciling::Waits;

/// What an account may do with what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// Nothing is sold that is not held, nothing is bought that is not paid.
    Cash,
    /// Short positions and borrowed cash are allowed, within the other limits.
    Margin,
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

    /// What a holding is valued at: the middle of the quote, rounded half to even; the last trade without one.
    #[must_use]
    pub fn mark(&self) -> Option<Price> {
        let middle = self.bid.zip(self.ask).and_then(|(bid, ask)| {
            let sum = i128::from(bid.price.raw()) + i128::from(ask.price.raw());
            i64::try_from(messages::number::div_half_even(sum, 2)).ok().and_then(Price::from_raw)
        });
        middle.or(self.last)
    }
}

/// All that a rule may look at.
pub struct Context<'a> {
    /// Whose order it is.
    pub strategy: StrategyId,
    /// What is asked. For a replacement: the order with its new terms.
    pub request: &'a OrderRequest,
    /// The part of it that is not filled yet; of an order by value all that it [asks](asked) for.
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
    /// The venue's own rules of the instrument, and what they look at; `None` when it told none.
    pub venue_rules: Option<(&'a dyn VenueRules, Seen)>,
    /// The newest prices.
    pub prices: Prices,
    /// The strategy's stake in the instrument, this order's earlier terms left out.
    pub own: Stake,
    /// The account's, all strategies netted, the same left out.
    pub all: Stake,
    /// Open orders of the strategy, the same left out.
    pub open_orders: usize,
    /// Open orders of all.
    pub open_orders_of_all: usize,
    /// How often the strategy ordered within the window of the rate, and how often all did.
    pub recent: (usize, usize),
    /// When the strategy ordered the same within the window of duplicates.
    pub same_at: Option<UtcNanos>,
    /// The mean size of its newest orders in the instrument.
    pub usual: Option<Quantity>,
    /// What the strategy's stakes come to once the order is filled; `None` where no limit asks.
    pub own_totals: Option<Totals>,
    /// What the account's do.
    pub totals: Option<Totals>,
    /// What the account is worth; `None` where no limit asks, or a price is unknown.
    pub equity: Option<Cash>,
    /// What new orders wait for, where they wait for our books.
    pub waits: Option<Waits>,
    /// The latches that have fallen.
    pub latches: &'a Latches,
    /// What its venue takes for the instrument.
    pub status: InstrumentStatus,
    /// When sessions are.
    pub calendar: &'a Calendar,
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

    /// What `quantity` of the order is worth; an order by value says that itself. `None` while there is no price.
    #[must_use]
    pub fn value(&self, quantity: Quantity) -> Option<Cash> {
        self.request.quote_quantity.or_else(|| self.price()?.times(quantity))
    }

    /// True when the order only makes the strategy's own position smaller, with all that is open on its side filled first. One by
    /// value never does for certain: how much it trades is decided by the price at which it fills.
    #[must_use]
    pub fn reduces(&self) -> bool {
        self.request.quote_quantity.is_none() && self.remaining <= self.own.reducible(self.request.side)
    }
}

/// How much an order asks for, in base asset: by value, what that comes to at the market. `None` while that has no price.
#[must_use]
pub fn asked(request: &OrderRequest, prices: &Prices) -> Option<Quantity> {
    match request.quote_quantity {
        Some(value) => accounting::quantity_for(value, prices.reference(request.side)?),
        None => Some(request.quantity),
    }
}

pub use rate::WINDOW as RATE_WINDOW;

type Rule = fn(&Context<'_>) -> Result<(), Refusal>;

/// The rules in order: first what cannot be right, then what is not allowed now, then the figures.
const RULES: &[Rule] = &[
    supported::check,
    instrument::check,
    venue::check,
    session::status,
    reconciling::check,
    latch::check,
    trading::check,
    losses::check,
    stale::check,
    size::check,
    collar::check,
    distance::check,
    open_orders::check,
    position::check,
    account::check,
    rate::check,
];

/// The rules that only stop new risk: an order that makes the strategy's own position smaller passes them all.
const NEW_RISK: &[Rule] = &[
    blackout::check,
    session::check,
    usual_size::check,
    duplicate::check,
    position::of_account,
    exposure::gross,
    exposure::net,
    leverage::check,
    concentration::check,
];

/// The verdict.
///
/// # Errors
/// The first refusal, which is a value of normal life.
pub fn decide(context: &Context<'_>) -> Result<(), Refusal> {
    RULES.iter().try_for_each(|rule| rule(context))?;
    if context.reduces() { Ok(()) } else { NEW_RISK.iter().try_for_each(|rule| rule(context)) }
}

/// A refusal with its code and figures.
fn refuse(code: &'static str, text: String) -> Result<(), Refusal> {
    Err(Refusal { reason: Reason::code(code), text })
}

#[cfg(test)]
mod tests;
