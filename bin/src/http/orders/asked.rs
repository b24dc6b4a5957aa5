//! What people ask of orders, and what they are told before: the bodies of requests and of the preview.

use messages::orders::{Exits, OrderRequest, OrderType, Side, TimeInForce};
use messages::{Cash, Instrument, Price, Quantity, caps};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::problem::{Code, Problem};
use crate::http::words;

/// A new order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// `exchange:symbol`.
    #[serde(deserialize_with = "words::instrument", serialize_with = "words::as_text")]
    #[schema(value_type = String, example = "simulated:SIMBTC")]
    pub instrument: Instrument,
    /// `buy` or `sell`.
    #[schema(value_type = String, pattern = "^(buy|sell)$")]
    pub side: Side,
    /// `market`, `limit`, `stop`, `stop_limit`, `take_profit` or `trailing_stop`.
    #[schema(value_type = String, pattern = "^(market|limit|stop|stop_limit|take_profit|trailing_stop)$")]
    pub order_type: OrderType,
    /// `gtc`, `ioc`, `fok` or `day`; what the type usually has where none is given.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(gtc|ioc|fok|day)$")]
    pub time_in_force: Option<TimeInForce>,
    /// In base asset.
    #[schema(value_type = String, example = "0.01")]
    pub quantity: Quantity,
    /// In quote asset, instead, where the venue takes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub quote_quantity: Option<Cash>,
    /// The limit.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub price: Option<Price>,
    /// What triggers it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub stop_price: Option<Price>,
    /// How far it follows the price.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub trail_amount: Option<Price>,
    /// Only as a maker.
    #[serde(default)]
    pub post_only: bool,
    /// Only to make a position smaller.
    #[serde(default)]
    pub reduce_only: bool,
    /// Stands with the order, and in the ledger beside who asked for it.
    #[serde(default)]
    #[schema(max_length = 512)]
    pub note: String,
}

impl NewOrder {
    /// As orders are asked for.
    ///
    /// # Errors
    /// The note is too long.
    pub fn request(self) -> Result<OrderRequest, Problem> {
        if self.note.len() > caps::NOTE_BYTES {
            return Err(Problem::new(Code::Invalid, format!("note: expected at most {} bytes", caps::NOTE_BYTES)));
        }
        let usual = OrderRequest::market(self.instrument, self.side, self.quantity);
        let lives = if self.order_type == OrderType::Market { usual.time_in_force } else { TimeInForce::Gtc };
        Ok(OrderRequest {
            order_type: self.order_type,
            time_in_force: self.time_in_force.unwrap_or(lives),
            quote_quantity: self.quote_quantity,
            price: self.price,
            stop_price: self.stop_price,
            trail_amount: self.trail_amount,
            post_only: self.post_only,
            reduce_only: self.reduce_only,
            note: self.note,
            ..usual
        })
    }
}

/// An entry with the orders that close it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBracket {
    /// The order that opens it.
    pub entry: NewOrder,
    /// The limit of the order that closes it with a gain; none where it is null.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub take_profit: Option<Price>,
    /// The trigger of the order that closes it with a loss; none where it is null.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub stop_loss: Option<Price>,
    /// The limit of that order; at any price where it is null.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub stop_limit: Option<Price>,
}

impl NewBracket {
    /// The entry, and how it is closed.
    ///
    /// # Errors
    /// Nothing closes it, a limit has no trigger, or the note is too long.
    pub fn request(self) -> Result<(OrderRequest, Exits), Problem> {
        let Self { entry, take_profit, stop_loss, stop_limit } = self;
        if take_profit.is_none() && stop_loss.is_none() {
            return Err(Problem::new(Code::Invalid, "a bracket without exits; give take_profit, stop_loss or both"));
        }
        if stop_limit.is_some() && stop_loss.is_none() {
            return Err(Problem::new(
                Code::Invalid,
                "stop_limit without stop_loss; give the price that triggers it, too",
            ));
        }
        Ok((entry.request()?, Exits { take_profit, stop_loss, stop_limit }))
    }
}

/// New terms of an open order; what is not given stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTerms {
    /// The new total quantity, with what is filled.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub quantity: Option<Quantity>,
    /// The new limit.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub price: Option<Price>,
    /// The new trigger.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub stop_price: Option<Price>,
    /// Why; it is written to the ledger.
    #[serde(default)]
    #[schema(max_length = 512)]
    pub why: String,
}

/// What risk would say to an order now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// Whether it would be sent.
    pub allowed: bool,
    /// The code of the first rule that refuses it.
    pub reason_code: Option<String>,
    /// The same in words.
    pub reason: Option<String>,
    /// The price at which it is valued; null where nothing is known.
    pub price: Option<String>,
    /// Its value at that price, in quote asset.
    pub notional: Option<String>,
    /// What is held under the name `manual`, signed.
    pub position: String,
    /// The same, once it is filled.
    pub position_after: Option<String>,
    /// What may still be spent, in quote asset.
    pub free_quote: Option<String>,
    /// When the newest price was received.
    pub priced_at: Option<String>,
}
