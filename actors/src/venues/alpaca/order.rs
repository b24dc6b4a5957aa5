//! Order objects, as answers and updates hold them. Source: docs.alpaca.markets, the order object.
//!
//! What we must know of an order stands here; the many other fields are not read, so that a change of theirs costs nothing.

use std::fmt;

use messages::orders::{Replacement, Side};
use messages::{Cash, ClientOrderId, Price, Quantity, UtcNanos, VenueOrderId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::Fields;
use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, cut};

const ORDER: Fields = Fields("order");

named_there! {
    /// Where an order stands at Alpaca.
    OrderStatus {
        /// Routed, and working.
        New = "new",
        /// A part is filled.
        PartiallyFilled = "partially_filled",
        /// All is filled.
        Filled = "filled",
        /// Nothing more happens today.
        DoneForDay = "done_for_day",
        /// Cancelled.
        Canceled = "canceled",
        /// Its time in force ended.
        Expired = "expired",
        /// Another order stands for it.
        Replaced = "replaced",
        /// A cancel is under way.
        PendingCancel = "pending_cancel",
        /// A replacement is under way.
        PendingReplace = "pending_replace",
        /// Received, not routed yet: outside of the session.
        Accepted = "accepted",
        /// Routed, not taken yet.
        PendingNew = "pending_new",
        /// Evaluated for pricing.
        AcceptedForBidding = "accepted_for_bidding",
        /// A trade is guaranteed and has not happened yet.
        Stopped = "stopped",
        /// Refused.
        Rejected = "rejected",
        /// Not eligible for trading.
        Suspended = "suspended",
        /// Done for the day, with a settlement under way.
        Calculated = "calculated",
        /// A leg that waits for its entry.
        Held = "held",
        /// Looked at by the broker.
        PendingReview = "pending_review",
    }
}

impl OrderStatus {
    /// True when nothing more happens to it, but a bust or a correction.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Filled | Self::Canceled | Self::Expired | Self::Replaced | Self::Rejected)
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An order as Alpaca tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderObject {
    /// The venue's id; a replacement has another.
    pub id: VenueOrderId,
    /// The client order id, as the venue has it: not ours where somebody else placed the order, or where it is a leg.
    pub client_order_id: String,
    /// The symbol.
    pub symbol: String,
    /// Where it stands.
    pub status: OrderStatus,
    /// Which way.
    pub side: Option<Side>,
    /// Its type, as the venue names it: a buy stop is a stop-limit order there.
    pub order_type: String,
    /// How long it lives, as the venue names it.
    pub time_in_force: String,
    /// How much; `None` for an order by value.
    pub quantity: Option<Quantity>,
    /// By value, in quote asset.
    pub notional: Option<Cash>,
    /// Limit price.
    pub limit_price: Option<Price>,
    /// Trigger price; of a trailing stop the one of this moment.
    pub stop_price: Option<Price>,
    /// Filled so far, by this id.
    pub filled: Quantity,
    /// At what price on average, rounded half to even.
    pub average: Option<Price>,
    /// Which order stands for it now.
    pub replaced_by: Option<VenueOrderId>,
    /// Which order it stands for.
    pub replaces: Option<VenueOrderId>,
    /// When it was submitted.
    pub submitted_at: Option<UtcNanos>,
    /// When anything last happened to it.
    pub updated_at: Option<UtcNanos>,
    /// The orders that hang on it.
    pub legs: Vec<OrderObject>,
}

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    client_order_id: Option<Text<'a>>,
    #[serde(borrow)]
    symbol: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    side: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    order_type: Option<Text<'a>>,
    #[serde(borrow)]
    time_in_force: Option<Text<'a>>,
    #[serde(borrow)]
    qty: Option<&'a RawValue>,
    #[serde(borrow)]
    notional: Option<&'a RawValue>,
    #[serde(borrow)]
    limit_price: Option<&'a RawValue>,
    #[serde(borrow)]
    stop_price: Option<&'a RawValue>,
    #[serde(borrow)]
    filled_qty: Option<&'a RawValue>,
    #[serde(borrow)]
    filled_avg_price: Option<&'a RawValue>,
    #[serde(borrow)]
    replaced_by: Option<Text<'a>>,
    #[serde(borrow)]
    replaces: Option<Text<'a>>,
    #[serde(borrow)]
    submitted_at: Option<Text<'a>>,
    #[serde(borrow)]
    updated_at: Option<Text<'a>>,
    #[serde(borrow)]
    legs: Option<Vec<&'a RawValue>>,
}

/// Orders below orders that are read: a bracket has one level.
const DEPTH: usize = 4;

impl OrderObject {
    /// Reads one.
    ///
    /// # Errors
    /// No such object, or a field that cannot be read.
    pub fn read(text: &str) -> Result<Self, DecodeError> {
        Self::nested(text, DEPTH)
    }

    /// Reads a body that holds one.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_body(body: &[u8]) -> Result<Self, DecodeError> {
        Self::read(json::text(body)?)
    }

    /// Reads a body that lists orders; one that cannot be read does not hide the others.
    ///
    /// # Errors
    /// It is no list.
    pub fn read_list(body: &[u8]) -> Result<Vec<Result<Self, DecodeError>>, DecodeError> {
        let texts: Vec<&RawValue> = json::read(json::text(body)?, ORDER.0)?;
        Ok(texts.into_iter().map(|text| Self::read(text.get())).collect())
    }

    fn nested(text: &str, depth: usize) -> Result<Self, DecodeError> {
        let shape: Shape<'_> = json::read(text, ORDER.0)?;
        let legs = shape.legs.iter().flatten().filter(|_| depth > 0).map(|leg| Self::nested(leg.get(), depth - 1));
        let side = match shape.side.as_deref() {
            Some("buy") => Some(Side::Buy),
            Some("sell" | "sell_short") => Some(Side::Sell),
            _ => None,
        };
        let own = |text: Option<&Text<'_>>| text.map_or_else(String::new, |text| cut(text));
        Ok(Self {
            id: ORDER.required("id", ORDER.name("id", shape.id.as_ref())?)?,
            client_order_id: own(Some(ORDER.required("client_order_id", shape.client_order_id.as_ref())?)),
            symbol: own(shape.symbol.as_ref()),
            status: OrderStatus::of(ORDER.required("status", shape.status.as_ref())?),
            side,
            order_type: own(shape.order_type.as_ref()),
            time_in_force: own(shape.time_in_force.as_ref()),
            quantity: ORDER.number("qty", shape.qty)?,
            notional: ORDER.number("notional", shape.notional)?,
            limit_price: ORDER.number("limit_price", shape.limit_price)?,
            stop_price: ORDER.number("stop_price", shape.stop_price)?,
            filled: ORDER.required("filled_qty", ORDER.number("filled_qty", shape.filled_qty)?)?,
            average: ORDER.average("filled_avg_price", shape.filled_avg_price)?,
            replaced_by: ORDER.name("replaced_by", shape.replaced_by.as_ref())?,
            replaces: ORDER.name("replaces", shape.replaces.as_ref())?,
            submitted_at: ORDER.time("submitted_at", shape.submitted_at.as_ref())?,
            updated_at: ORDER.time("updated_at", shape.updated_at.as_ref())?,
            legs: legs.collect::<Result<_, _>>()?,
        })
    }

    /// Its client order id as one of ours; `None` where it cannot be.
    #[must_use]
    pub fn ours(&self) -> Option<ClientOrderId> {
        self.client_order_id.parse().ok()
    }

    /// Its terms, in full; quantities count from `base`, what was filled before it stood for another order.
    #[must_use]
    pub fn terms(&self, base: Quantity) -> Replacement {
        let quantity = self.quantity.and_then(|quantity| quantity.checked_add(base));
        // The trigger of a trailing stop moves by itself and is no term.
        let stop_price = self.stop_price.filter(|_| self.order_type != "trailing_stop");
        Replacement { quantity, price: self.limit_price, stop_price }
    }
}
