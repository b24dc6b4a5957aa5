//! An order as an exchange keeps it: its terms, where it stands, and what became of it.

use messages::orders::{Side, TimeInForce};
use messages::{Cash, Price, Quantity, UtcNanos};

/// What makes a conditional order live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The market goes against the order's side of a position: a buy at or above, a sell at or below.
    Stop(Price),
    /// The market goes its way: a buy at or below, a sell at or above.
    TakeProfit(Price),
    /// A stop that follows the best price since `extreme`.
    Trail {
        /// How far behind.
        by: Trail,
        /// The best price so far: highest for a sell, lowest for a buy; `None` until the trail is active.
        extreme: Option<Price>,
        /// Becomes active at this price, as a take-profit would; `None` at once.
        activation: Option<Price>,
    },
}

/// The distance of a trailing stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trail {
    /// In price.
    Price(Price),
    /// In millionths of the extreme.
    Millionths(i64),
}

/// How much is to be traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Of the base asset.
    Base(Quantity),
    /// Of the quote asset, for market orders.
    Quote(Cash),
}

/// What an order says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Which instrument.
    pub symbol: String,
    /// Which side.
    pub side: Side,
    /// How much.
    pub amount: Amount,
    /// The limit; `None` for orders at the market.
    pub limit: Option<Price>,
    /// What makes it live; `None` for at once.
    pub trigger: Option<Trigger>,
    /// For how long.
    pub time_in_force: TimeInForce,
    /// Refused when it would take.
    pub post_only: bool,
}

/// Why an order expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// The rest of an immediate-or-cancel order.
    UnfilledIoc,
    /// A fill-or-kill order that could not be filled whole.
    UnfilledFok,
    /// The rest of a market order.
    NoLiquidity,
    /// Its one-cancels-other partner traded or was triggered.
    PartnerTraded,
    /// The order that it waited for has ended without a fill.
    WorkingEnded,
    /// The day is over.
    DayOver,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for another order's fill.
    Held,
    /// Open: on the book, or waiting for its trigger.
    Open,
    /// Filled whole.
    Filled,
    /// Canceled on request.
    Canceled,
    /// Its time is over.
    Expired(Expiry),
    /// Refused after it was taken.
    Rejected,
    /// Another order stands in its place.
    Replaced,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The exchange's number.
    pub id: u64,
    /// Whose.
    pub account: String,
    /// The client's id.
    pub client_id: String,
    /// What it says now.
    pub terms: Terms,
    /// What it said first: an amendment changes `terms` only.
    pub first_amount: Amount,
    /// Where it stands.
    pub state: State,
    /// It had a trigger, and that was met.
    pub triggered: bool,
    /// Filled so far.
    pub filled: Quantity,
    /// Paid or received for it.
    pub quote_filled: Cash,
    /// The list that it belongs to.
    pub list: Option<u64>,
    /// The order whose place it took.
    pub replaces: Option<u64>,
    /// The order that took its place.
    pub replaced_by: Option<u64>,
    /// Client id of the cancel request that ended it.
    pub canceled_by: Option<String>,
    /// When it was taken.
    pub created_at: UtcNanos,
    /// When it began to work; `None` while it waits for a trigger or another order.
    pub working_at: Option<UtcNanos>,
    /// When it last changed.
    pub updated_at: UtcNanos,
}

impl Order {
    /// True until it has ended.
    #[must_use]
    pub const fn lives(&self) -> bool {
        matches!(self.state, State::Held | State::Open)
    }

    /// True when it can trade now.
    #[must_use]
    pub const fn works(&self) -> bool {
        matches!(self.state, State::Open) && (self.terms.trigger.is_none() || self.triggered)
    }

    /// What is left of it in the base asset; `None` for an order by quote amount.
    #[must_use]
    pub fn rest(&self) -> Option<Quantity> {
        match self.terms.amount {
            Amount::Base(all) => all.checked_sub(self.filled),
            Amount::Quote(_) => None,
        }
    }

    /// The price at which its trigger is met; `None` without one, or for a trail that is not active yet.
    #[must_use]
    pub fn trigger_price(&self) -> Option<Price> {
        self.terms.trigger_price()
    }
}

impl Terms {
    /// The price at which its trigger is met; `None` without one, or for a trail that is not active yet.
    #[must_use]
    pub fn trigger_price(&self) -> Option<Price> {
        match self.trigger? {
            Trigger::Stop(price) | Trigger::TakeProfit(price) => Some(price),
            Trigger::Trail { by, extreme, .. } => {
                let extreme = extreme?;
                let distance = match by {
                    Trail::Price(price) => price,
                    Trail::Millionths(parts) => {
                        let raw = i128::from(extreme.raw()) * i128::from(parts) / 1_000_000;
                        i64::try_from(raw).ok().and_then(Price::from_raw)?
                    }
                };
                match self.side {
                    Side::Sell => extreme.checked_sub(distance),
                    Side::Buy => extreme.checked_add(distance),
                }
            }
        }
    }

    /// True when `last` meets the trigger.
    #[must_use]
    pub fn is_met_by(&self, last: Price) -> bool {
        let Some(at) = self.trigger_price() else { return false };
        let upward = (self.side == Side::Buy) != matches!(self.trigger, Some(Trigger::TakeProfit(_)));
        if upward { last >= at } else { last <= at }
    }

    /// Lets a trailing stop follow the market.
    pub fn follow(&mut self, last: Price) {
        let side = self.side;
        let Some(Trigger::Trail { extreme, activation, .. }) = &mut self.trigger else { return };
        let reached = |at: Price| if side == Side::Sell { last >= at } else { last <= at };
        *extreme = match *extreme {
            Some(best) if side == Side::Sell => Some(best.max(last)),
            Some(best) => Some(best.min(last)),
            None => activation.is_none_or(reached).then_some(last),
        };
    }
}
