//! Frames of the `trade_updates` stream: what we say on it, and what it says.
//!
//! The paper endpoint sends binary frames that hold JSON text, the live one text; both are the same bytes here. Source:
//! docs.alpaca.markets, websocket streaming, trade updates; events on trade busts and corrections.

use messages::{ExecutionId, Price, Quantity, UtcNanos};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::Fields;
use super::order::OrderObject;
use crate::wire::alpaca::Keys;
use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, cut};

const FRAME: &str = "frame";
const UPDATE: Fields = Fields("trade update");

/// The stream of our orders.
pub const TRADE_UPDATES: &str = "trade_updates";

/// The message that asks for trade updates. It replaces whatever was listened to before.
pub const LISTEN: &str = r#"{"action":"listen","data":{"streams":["trade_updates"]}}"#;

/// The message that proves who we are. It holds the secret: it is sent and kept nowhere.
pub(super) fn authentication(keys: &Keys) -> String {
    serde_json::json!({ "action": "auth", "key": keys.id, "secret": keys.secret }).to_string()
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The answer to our keys.
    Authorization {
        /// Whether they are taken.
        authorized: bool,
        /// The venue's words; empty where it says none.
        message: String,
    },
    /// What is listened to now.
    Listening(Vec<String>),
    /// Something about an order.
    Update(Box<Update>),
    /// Anything else, by its beginning.
    Other(String),
}

named_there! {
    /// What happened to an order.
    Event {
        /// Routed, and working.
        New = "new",
        /// Received, not routed yet.
        Accepted = "accepted",
        /// Routed, not taken yet.
        PendingNew = "pending_new",
        /// The fill that completes it.
        Fill = "fill",
        /// A fill that leaves a rest.
        PartialFill = "partial_fill",
        /// Cancelled.
        Canceled = "canceled",
        /// Its time in force ended.
        Expired = "expired",
        /// Nothing more happens today.
        DoneForDay = "done_for_day",
        /// Another order stands for it.
        Replaced = "replaced",
        /// Refused.
        Rejected = "rejected",
        /// A trade is guaranteed and has not happened yet.
        Stopped = "stopped",
        /// A cancel is under way.
        PendingCancel = "pending_cancel",
        /// A replacement is under way.
        PendingReplace = "pending_replace",
        /// Done for the day, with a settlement under way.
        Calculated = "calculated",
        /// Not eligible for trading.
        Suspended = "suspended",
        /// A replacement was refused.
        ReplaceRejected = "order_replace_rejected",
        /// A cancel was refused.
        CancelRejected = "order_cancel_rejected",
        /// A leg that waits for its entry.
        Held = "held",
        /// Its terms were changed by the venue.
        Restated = "restated",
        /// A trade was undone.
        TradeBust = "trade_bust",
        /// A trade was changed.
        TradeCorrect = "trade_correct",
    }
}

/// Something about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// What.
    pub event: Event,
    /// The execution, of a fill, a bust and a correction; some other events have one, too.
    pub execution_id: Option<ExecutionId>,
    /// The execution that is undone or changed.
    pub previous_execution_id: Option<ExecutionId>,
    /// When it happened.
    pub time: Option<UtcNanos>,
    /// At what price, of a fill.
    pub price: Option<Price>,
    /// How much, of this fill alone; negative for a bust.
    pub quantity: Option<Quantity>,
    /// The position behind it.
    pub position: Option<Quantity>,
    /// The venue's words; empty where it says none.
    pub reason: String,
    /// The order after it.
    pub order: OrderObject,
}

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    stream: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Authorization<'a> {
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Listening {
    streams: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct UpdateShape<'a> {
    #[serde(borrow)]
    event: Option<Text<'a>>,
    #[serde(borrow)]
    execution_id: Option<Text<'a>>,
    #[serde(borrow)]
    previous_execution_id: Option<Text<'a>>,
    #[serde(borrow)]
    timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    at: Option<Text<'a>>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    qty: Option<&'a RawValue>,
    #[serde(borrow)]
    position_qty: Option<&'a RawValue>,
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    #[serde(borrow)]
    order: Option<&'a RawValue>,
}

/// Reads a frame, of text or of bytes that hold text.
///
/// # Errors
/// It cannot be read; nothing of it is used.
pub fn read(frame: &[u8]) -> Result<Frame, DecodeError> {
    let text = json::text(frame)?;
    let shape: Shape<'_> = json::read(text, FRAME)?;
    let data = shape.data.map_or("null", RawValue::get);
    match shape.stream.as_deref() {
        Some("authorization") => {
            let Authorization { status, message } = json::read(data, "authorization")?;
            let message = message.map_or_else(String::new, |text| text.chars().take(200).collect());
            Ok(Frame::Authorization { authorized: status.as_deref() == Some("authorized"), message })
        }
        Some("listening") => {
            let Listening { streams } = json::read(data, "listening")?;
            Ok(Frame::Listening(streams.unwrap_or_default()))
        }
        Some(TRADE_UPDATES) => Ok(Frame::Update(Box::new(update(data)?))),
        _ => Ok(Frame::Other(cut(text))),
    }
}

fn update(data: &str) -> Result<Update, DecodeError> {
    let shape: UpdateShape<'_> = json::read(data, UPDATE.0)?;
    let event = UPDATE.required("event", shape.event.as_ref())?;
    let time = UPDATE.time("timestamp", shape.timestamp.as_ref())?;
    Ok(Update {
        event: Event::of(event),
        execution_id: UPDATE.name("execution_id", shape.execution_id.as_ref())?,
        previous_execution_id: UPDATE.name("previous_execution_id", shape.previous_execution_id.as_ref())?,
        time: time.or(UPDATE.time("at", shape.at.as_ref())?),
        price: UPDATE.number("price", shape.price)?,
        quantity: UPDATE.number("qty", shape.qty)?,
        position: UPDATE.number("position_qty", shape.position_qty)?,
        reason: shape.reason.map_or_else(String::new, |text| text.chars().take(400).collect()),
        order: OrderObject::read(UPDATE.required("order", shape.order)?.get())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venues::alpaca::order::OrderStatus;

    #[test]
    fn the_greetings_are_read_and_the_unknown_is_said() {
        let check = |frame: &str, expected: Frame| assert_eq!(read(frame.as_bytes()).unwrap(), expected);
        let denied = r#"{"stream":"authorization","data":{"action":"authenticate","status":"unauthorized"}}"#;
        check(denied, Frame::Authorization { authorized: false, message: String::new() });
        check(r#"{"stream":"listening","data":{"streams":[]}}"#, Frame::Listening(Vec::new()));
        check(
            r#"{"stream":"account_updates","data":{}}"#,
            Frame::Other(cut(r#"{"stream":"account_updates","data":{}}"#)),
        );
        check(
            r#"{"action":"error","data":{"error_message":"x"}}"#,
            Frame::Other(r#"{"action":"error","data":{"error_message":"x"}}"#.to_owned()),
        );
    }

    #[test]
    fn what_cannot_be_read_names_the_field() {
        let error = |frame: &str| read(frame.as_bytes()).unwrap_err().to_string();
        assert!(error("{").contains("not json"));
        assert!(error(r#"{"stream":"trade_updates","data":{}}"#).contains("`event`"));
        assert!(error(r#"{"stream":"trade_updates","data":{"event":"new"}}"#).contains("`order`"));
        let wrong = r#"{"stream":"trade_updates","data":{"event":"fill","price":"1e","order":{}}}"#;
        assert!(error(wrong).contains("`price`") && error(wrong).contains("1e"));
    }

    #[test]
    fn every_known_event_and_status_keeps_its_name() {
        for name in Event::KNOWN {
            let event = Event::of(name);
            assert!(!matches!(event, Event::Other(_)) && event.as_str() == *name);
        }
        for name in OrderStatus::KNOWN {
            let status = OrderStatus::of(name);
            assert!(!matches!(status, OrderStatus::Other(_)) && status.as_str() == *name);
        }
        assert_eq!((Event::of("melted").as_str(), OrderStatus::of("melted").as_str()), ("melted", "melted"));
    }
}
