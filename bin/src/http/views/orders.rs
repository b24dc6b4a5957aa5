//! Orders and what happened to them.

use messages::orders;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{maybe, text};

/// An order as it stands: the row of `orders`, and whether it is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Order)]
pub struct Order {
    /// Our id.
    pub order_id: String,
    /// Whose money.
    pub account: String,
    /// The id of its first submission, at the venue.
    pub client_order_id: String,
    /// The venue's id, once known.
    pub venue_order_id: Option<String>,
    /// The market.
    pub exchange: String,
    /// The symbol as that market writes it.
    pub symbol: String,
    /// `buy` or `sell`.
    pub side: String,
    /// `market`, `limit`, `stop`, `stop_limit`, `take_profit` or `trailing_stop`.
    pub order_type: String,
    /// `gtc`, `ioc`, `fok` or `day`.
    pub time_in_force: String,
    /// How much, in base asset.
    pub quantity: String,
    /// How much, in quote asset, where it was asked so.
    pub quote_quantity: Option<String>,
    /// Its limit.
    pub price: Option<String>,
    /// What triggers it.
    pub stop_price: Option<String>,
    /// How far it follows the price.
    pub trail_amount: Option<String>,
    /// Only as a maker; null of an order that is in the tables alone.
    pub post_only: Option<bool>,
    /// Only to make a position smaller; null likewise.
    pub reduce_only: Option<bool>,
    /// Filled so far.
    pub filled_quantity: String,
    /// The average price of its fills.
    pub average_fill_price: Option<String>,
    /// Where it stands; `held` where it waits here for the order that it belongs to.
    pub status: String,
    /// Whether it may still trade.
    pub is_open: bool,
    /// The stable code of why it was refused or ended.
    pub reason_code: Option<String>,
    /// The same in words.
    pub reason: Option<String>,
    /// When it was asked for.
    pub created_at: String,
    /// When it was handed to the venue.
    pub submitted_at: Option<String>,
    /// When anything last happened.
    pub updated_at: String,
    /// When it was completely filled.
    pub filled_at: Option<String>,
    /// Fees so far.
    pub commission: Option<String>,
    /// What they were paid in.
    pub commission_asset: Option<String>,
    /// What belongs together.
    pub correlation_id: String,
    /// Who asked: a strategy, or `manual`.
    pub strategy_id: String,
    /// The order that this one belongs to.
    pub parent_order_id: Option<String>,
    /// How: `oto` (it works once that one is filled) or `oco` (one cancels the other).
    pub contingency: Option<String>,
    /// What was noted with it.
    pub note: Option<String>,
}

impl From<&orders::Order> for Order {
    fn from(order: &orders::Order) -> Self {
        let request = &order.request;
        let fee = order.commission;
        Self {
            order_id: text(order.order_id),
            account: text(order.account),
            client_order_id: text(order.client_order_id),
            venue_order_id: maybe(order.current().and_then(|attempt| attempt.venue_order_id)),
            exchange: text(request.instrument.exchange),
            symbol: text(request.instrument.symbol),
            side: text(request.side),
            order_type: text(request.order_type),
            time_in_force: text(request.time_in_force),
            quantity: text(request.quantity),
            quote_quantity: maybe(request.quote_quantity),
            price: maybe(request.price),
            stop_price: maybe(request.stop_price),
            trail_amount: maybe(request.trail_amount),
            post_only: Some(request.post_only),
            reduce_only: Some(request.reduce_only),
            filled_quantity: text(order.filled),
            average_fill_price: maybe(order.average_fill_price()),
            status: text(order.status),
            is_open: order.status.is_open(),
            reason_code: maybe(order.reason),
            reason: Some(order.reason_text.clone()).filter(|words| !words.is_empty()),
            created_at: text(order.created_at),
            submitted_at: maybe(order.submitted_at),
            updated_at: text(order.updated_at),
            filled_at: maybe(order.filled_at),
            commission: maybe(fee.map(|fee| fee.amount)),
            commission_asset: maybe(fee.map(|fee| fee.asset)),
            correlation_id: text(order.correlation_id),
            strategy_id: text(order.strategy),
            parent_order_id: maybe(request.parent),
            contingency: maybe(request.contingency),
            note: Some(request.note.clone()).filter(|note| !note.is_empty()),
        }
    }
}

/// What happened to an order: the row of `order_events`, and the order after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OrderEvent)]
pub struct Event {
    /// Its n-th event, from 1.
    pub number: u32,
    /// What happened.
    pub event: String,
    /// When it was handled.
    pub timestamp: String,
    /// The stable code of why.
    pub reason: Option<String>,
    /// The same in words.
    pub reason_text: Option<String>,
    /// The venue's key of the fill.
    pub execution_id: Option<String>,
    /// How much this fill was; negative where the venue undid one.
    pub last_quantity: Option<String>,
    /// At what price.
    pub last_price: Option<String>,
    /// The order after it.
    pub order: Order,
}

impl From<&orders::OrderUpdate> for Event {
    fn from(update: &orders::OrderUpdate) -> Self {
        let (event, fill) = (&update.event, update.event.fill.as_ref());
        // Of one that was undone before it was heard of nothing is known but its key.
        let known = fill.filter(|fill| !fill.quantity.is_zero());
        Self {
            number: event.number,
            event: text(event.kind),
            timestamp: text(event.at),
            reason: maybe(event.reason),
            reason_text: Some(event.reason_text.clone()).filter(|words| !words.is_empty()),
            execution_id: maybe(fill.map(|fill| fill.execution_id)),
            last_quantity: maybe(known.map(|fill| fill.quantity)),
            last_price: maybe(known.map(|fill| fill.price)),
            order: Order::from(&update.order),
        }
    }
}
