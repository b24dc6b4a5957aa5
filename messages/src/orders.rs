//! Orders: what may be asked for, what an order is, what can happen to it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{Account, ClientOrderId, CorrelationId, ExecutionId, OrderId, Reason, StrategyId, VenueOrderId};
use crate::instrument::{Asset, Instrument};
use crate::number::{Cash, Notional, Price, Quantity};
use crate::time::UtcNanos;

/// Defines an enum whose variants have a fixed name in rows, journals and answers.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }
        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The name in rows.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $text),+ } }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(self.as_str()) }
        }
    };
}
pub(crate) use named;

named! {
    /// Which way.
    Side {
        /// Base asset comes, quote asset goes.
        Buy = "buy",
        /// Base asset goes, quote asset comes.
        Sell = "sell",
    }
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
    /// `quantity` with this side's sign: positive for a buy.
    #[must_use]
    pub fn signed(self, quantity: Quantity) -> Quantity {
        match self {
            Self::Buy => quantity,
            Self::Sell => -quantity,
        }
    }
}

named! {
    /// How an order finds its price.
    OrderType {
        /// At any price.
        Market = "market",
        /// At `price` or better.
        Limit = "limit",
        /// A market order once the price reaches `stop_price`.
        Stop = "stop",
        /// A limit order once the price reaches `stop_price`.
        StopLimit = "stop_limit",
        /// A market order once the price reaches `stop_price` from the other side.
        TakeProfit = "take_profit",
        /// A stop that follows the price at `trail_amount`.
        TrailingStop = "trailing_stop",
    }
}

impl OrderType {
    /// True for types that wait for a trigger price.
    #[must_use]
    pub const fn is_conditional(self) -> bool {
        !matches!(self, Self::Market | Self::Limit)
    }
    /// True for types with a limit price.
    #[must_use]
    pub const fn has_limit(self) -> bool {
        matches!(self, Self::Limit | Self::StopLimit)
    }
}

named! {
    /// How long an order lives.
    TimeInForce {
        /// Until it is canceled.
        Gtc = "gtc",
        /// What fills at once fills; the rest expires.
        Ioc = "ioc",
        /// All at once or nothing.
        Fok = "fok",
        /// Until the end of the day: UTC for crypto, the session for equities.
        Day = "day",
    }
}

named! {
    /// What an order is meant to do to a position, where a venue wants to know.
    PositionIntent {
        /// Open or enlarge a long position.
        BuyToOpen = "buy_to_open",
        /// Close or reduce a short position.
        BuyToClose = "buy_to_close",
        /// Open or enlarge a short position.
        SellToOpen = "sell_to_open",
        /// Close or reduce a long position.
        SellToClose = "sell_to_close",
    }
}

named! {
    /// How an order is tied to others.
    Contingency {
        /// One cancels the other.
        Oco = "oco",
        /// One triggers the other.
        Oto = "oto",
    }
}

named! {
    /// Where an order stands.
    Status {
        /// Made, not judged yet. Never stored: the verdict falls in the same instant.
        Initialized = "initialized",
        /// Refused by us, by risk or because it is not supported.
        Denied = "denied",
        /// Its intent is durable; it may be on its way.
        PendingSubmit = "pending_submit",
        /// Handed to the venue; no answer yet, or an ambiguous one.
        Submitted = "submitted",
        /// The venue has it.
        Accepted = "accepted",
        /// Its stop price was reached.
        Triggered = "triggered",
        /// A part is filled.
        PartiallyFilled = "partially_filled",
        /// All is filled.
        Filled = "filled",
        /// A cancel is on its way.
        PendingCancel = "pending_cancel",
        /// Canceled; what was filled stays.
        Canceled = "canceled",
        /// A replacement is on its way.
        PendingReplace = "pending_replace",
        /// Refused by the venue, or never received by it.
        Rejected = "rejected",
        /// Its time in force ended.
        Expired = "expired",
        /// It waits here for the order that it belongs to: its venue has never heard of it.
        Held = "held",
    }
}

impl Status {
    /// True when nothing more is expected to happen.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Denied | Self::Filled | Self::Canceled | Self::Rejected | Self::Expired)
    }
    /// True while the order may still trade.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !self.is_terminal() && !matches!(self, Self::Initialized)
    }
}

named! {
    /// What can happen to an order.
    EventKind {
        /// Risk and rules refused it.
        Denied = "denied",
        /// Its intent was written.
        Intended = "intended",
        /// It was handed to the venue.
        Submitted = "submitted",
        /// The venue took it.
        Accepted = "accepted",
        /// Its stop price was reached.
        Triggered = "triggered",
        /// A fill that leaves a rest.
        PartiallyFilled = "partially_filled",
        /// The fill that completes it.
        Filled = "filled",
        /// We ask to cancel.
        CancelRequested = "cancel_requested",
        /// The venue canceled it.
        Canceled = "canceled",
        /// The venue refused to cancel.
        CancelRejected = "cancel_rejected",
        /// We ask to replace.
        ReplaceRequested = "replace_requested",
        /// The venue replaced it.
        Replaced = "replaced",
        /// The venue refused to replace.
        ReplaceRejected = "replace_rejected",
        /// The venue refused it.
        Rejected = "rejected",
        /// Its time in force ended.
        Expired = "expired",
        /// The venue does not know it, after the request can no longer be valid.
        NotReceived = "not_received",
        /// The venue undid a fill: what it filled is filled no more.
        Busted = "busted",
        /// It is kept here until the order that it belongs to lets it go to the venue.
        Held = "held",
    }
}

named! {
    /// Whether a fill made or took liquidity.
    Liquidity {
        /// It rested in the book.
        Maker = "maker",
        /// It crossed the book.
        Taker = "taker",
    }
}

/// What a strategy or a person asks for. Everything that a venue may need has its place here; what a
/// venue does not support is denied with a code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Which instrument.
    pub instrument: Instrument,
    /// Which way.
    pub side: Side,
    /// How it finds its price.
    pub order_type: OrderType,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// How much, in base asset. Zero when `quote_quantity` says it.
    pub quantity: Quantity,
    /// How much, in quote asset, for market orders.
    pub quote_quantity: Option<Cash>,
    /// Limit price.
    pub price: Option<Price>,
    /// Trigger price.
    pub stop_price: Option<Price>,
    /// Distance of a trailing stop.
    pub trail_amount: Option<Price>,
    /// Refuse rather than take liquidity.
    pub post_only: bool,
    /// Only ever make the position smaller.
    pub reduce_only: bool,
    /// What it is meant to do to the position.
    pub position_intent: Option<PositionIntent>,
    /// The order that this one belongs to.
    pub parent: Option<OrderId>,
    /// How it is tied to its parent.
    pub contingency: Option<Contingency>,
    /// A word from its owner, at most [`crate::caps::NOTE_BYTES`].
    pub note: String,
}

impl OrderRequest {
    /// A market order, immediate or cancel.
    #[must_use]
    pub fn market(instrument: Instrument, side: Side, quantity: Quantity) -> Self {
        Self {
            instrument,
            side,
            order_type: OrderType::Market,
            time_in_force: TimeInForce::Ioc,
            quantity,
            quote_quantity: None,
            price: None,
            stop_price: None,
            trail_amount: None,
            post_only: false,
            reduce_only: false,
            position_intent: None,
            parent: None,
            contingency: None,
            note: String::new(),
        }
    }

    /// A limit order, good till canceled.
    #[must_use]
    pub fn limit(instrument: Instrument, side: Side, quantity: Quantity, price: Price) -> Self {
        Self {
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            price: Some(price),
            ..Self::market(instrument, side, quantity)
        }
    }
}

/// At which prices an entry is closed again: with a gain, with a loss, or with either.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exits {
    /// The limit of the order that closes it with a gain.
    pub take_profit: Option<Price>,
    /// The trigger of the one that closes it with a loss.
    pub stop_loss: Option<Price>,
    /// The limit of that one; at any price without it.
    pub stop_limit: Option<Price>,
}

impl Exits {
    /// A bracket: the entry under its id, then the order that takes the profit and the one that stops the loss, each under
    /// an id made from the entry's (its parts 1 and 2). They live for the day where the entry does, else until canceled.
    #[must_use]
    pub fn bracket(self, id: OrderId, entry: OrderRequest) -> Vec<(OrderId, OrderRequest)> {
        let is_for_the_day = entry.time_in_force == TimeInForce::Day;
        let exit = |order_type, price, stop_price| OrderRequest {
            order_type,
            time_in_force: if is_for_the_day { TimeInForce::Day } else { TimeInForce::Gtc },
            price,
            stop_price,
            parent: Some(id),
            contingency: Some(Contingency::Oto),
            note: entry.note.clone(),
            ..OrderRequest::market(entry.instrument, entry.side.opposite(), entry.quantity)
        };
        let stop = if self.stop_limit.is_some() { OrderType::StopLimit } else { OrderType::Stop };
        let profit = self.take_profit.map(|price| (id.part(1), exit(OrderType::Limit, Some(price), None)));
        let loss = self.stop_loss.map(|at| (id.part(2), exit(stop, self.stop_limit, Some(at))));
        let exits: Vec<_> = profit.into_iter().chain(loss).collect();
        std::iter::once((id, entry)).chain(exits).collect()
    }
}

/// New terms for an open order; what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// New total quantity, filled part included.
    pub quantity: Option<Quantity>,
    /// New limit price.
    pub price: Option<Price>,
    /// New trigger price.
    pub stop_price: Option<Price>,
}

/// A command to the orders actor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A new order. The sender makes the id, so that it knows its order before any answer.
    Submit {
        /// The new order's id.
        order_id: OrderId,
        /// Its terms.
        request: Box<OrderRequest>,
    },
    /// Cancel one order.
    Cancel {
        /// Which.
        order_id: OrderId,
    },
    /// Change one order.
    Replace {
        /// Which.
        order_id: OrderId,
        /// Its new terms.
        replacement: Replacement,
    },
    /// Cancel all open orders of the sender.
    CancelAll,
    /// A new order that was sent before the trading group was restored: if nobody there knows it, it is denied.
    Recall {
        /// The order's id.
        order_id: OrderId,
        /// Its terms.
        request: Box<OrderRequest>,
    },
    /// Close every position at the market, each under the name of the strategy that holds it.
    Flatten {
        /// What the ids of its orders are made from.
        id: OrderId,
    },
    /// New orders that belong together, all taken or all denied: the first, and those that name it as their parent.
    SubmitList {
        /// Each with the id that the sender made for it.
        orders: Vec<(OrderId, OrderRequest)>,
    },
    /// Close every position of one strategy at the market. Nobody else's orders or positions change.
    FlattenStrategy {
        /// Which strategy.
        strategy: StrategyId,
        /// What the ids of its orders are made from.
        id: OrderId,
    },
}

/// Who gives a command. A generation exists for strategies only: a command of an older one is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The strategy, or `manual`.
    pub strategy: StrategyId,
    /// Its restart count.
    pub generation: u32,
}

/// An order as it stands: the row of `orders`, and what the state machine needs beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Our id.
    pub order_id: OrderId,
    /// Whose money.
    pub account: Account,
    /// Who asked.
    pub strategy: StrategyId,
    /// The id of its first submission; never changed.
    pub client_order_id: ClientOrderId,
    /// What was asked, with the terms of the last replacement that took effect.
    pub request: OrderRequest,
    /// Where it stands.
    pub status: Status,
    /// Filled so far.
    pub filled: Quantity,
    /// price × quantity of all fills, exact.
    pub filled_notional: Notional,
    /// Whether the venue has ever said that it has the order.
    pub acknowledged: bool,
    /// Whether its trigger price was reached.
    pub triggered: bool,
    /// Every id it was known by at the venue, oldest first.
    pub attempts: Vec<Attempt>,
    /// The replacement on its way.
    pub replacing: Option<Replacement>,
    /// Why it was refused or ended.
    pub reason: Option<Reason>,
    /// The venue's or the rule's own words.
    pub reason_text: String,
    /// When it was asked for.
    pub created_at: UtcNanos,
    /// When it was handed to the venue.
    pub submitted_at: Option<UtcNanos>,
    /// When anything last happened.
    pub updated_at: UtcNanos,
    /// When it was completely filled.
    pub filled_at: Option<UtcNanos>,
    /// Fees so far, and in what.
    pub commission: Option<Fee>,
    /// What belongs together.
    pub correlation_id: CorrelationId,
    /// The number of the `handled` record of the decision that made it.
    pub as_of: u64,
}

/// A fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fee {
    /// How much; negative for a rebate.
    pub amount: Cash,
    /// In what.
    pub asset: Asset,
}

/// One name of an order at its venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Our id for this submission or replacement.
    pub client_order_id: ClientOrderId,
    /// The venue's id, once known.
    pub venue_order_id: Option<VenueOrderId>,
    /// Since when.
    pub since: UtcNanos,
    /// Whether the venue knows the order by this name: true for the first, for a replacement once it says so.
    pub confirmed: bool,
}

impl Order {
    /// What is not filled yet; zero when overfilled.
    #[must_use]
    pub fn remaining(&self) -> Quantity {
        let rest = self.request.quantity.checked_sub(self.filled).unwrap_or(Quantity::ZERO);
        if rest.is_negative() { Quantity::ZERO } else { rest }
    }
    /// The average price of its fills.
    #[must_use]
    pub fn average_fill_price(&self) -> Option<Price> {
        self.filled_notional.average(self.filled)
    }
    /// The name under which the venue knows it now.
    #[must_use]
    pub fn current(&self) -> Option<&Attempt> {
        self.attempts.iter().rev().find(|a| a.confirmed)
    }
    /// The client order id under which the venue knows it now.
    #[must_use]
    pub fn current_client_order_id(&self) -> ClientOrderId {
        self.current().map_or(self.client_order_id, |a| a.client_order_id)
    }
}

/// One execution at a venue, or the undoing of one: that has the price of what it undoes, and its quantity and fee negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The venue's key of this execution: applied once.
    pub execution_id: ExecutionId,
    /// At what price.
    pub price: Price,
    /// How much; negative where one is undone, and zero where that one was never booked here.
    pub quantity: Quantity,
    /// Filled of the order after this one, as the venue counts: the second guard.
    pub cumulative: Quantity,
    /// Made or took.
    pub liquidity: Option<Liquidity>,
    /// Its fee.
    pub fee: Option<Fee>,
    /// When it happened, by the venue.
    pub executed_at: UtcNanos,
}

/// What happened to one order: the row of `order_events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderEvent {
    /// Which order.
    pub order_id: OrderId,
    /// Its n-th event, from 1.
    pub number: u32,
    /// What happened.
    pub kind: EventKind,
    /// Where the order stands after it.
    pub status: Status,
    /// Why.
    pub reason: Option<Reason>,
    /// In other words.
    pub reason_text: String,
    /// When it was handled.
    pub at: UtcNanos,
    /// The fill, for fills.
    pub fill: Option<Fill>,
    /// The number of the `handled` record.
    pub as_of: u64,
}

/// An event with the order as it stands after it: what the ledger keeps and peers hear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderUpdate {
    /// The event.
    pub event: OrderEvent,
    /// The order after it.
    pub order: Order,
}
