//! Account activities of the kind FILL: the history of executions, which outlives every connection.
//!
//! An activity's id is `<time>::<id of the execution>`. Should the second part not be the execution id of the stream, a fill
//! that was heard there comes again under another key, and the cumulative quantity keeps it from counting twice. Source:
//! docs.alpaca.markets, account activities.

use messages::orders::Side;
use messages::{ExecutionId, Price, Quantity, UtcNanos, VenueOrderId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::Fields;
use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, cut};

const ACTIVITY: Fields = Fields("activity");

/// One execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Its id, which the next page begins behind.
    pub id: String,
    /// The key of the fill.
    pub execution_id: ExecutionId,
    /// Of which order.
    pub order_id: VenueOrderId,
    /// Its symbol, as this list writes it; empty where it does not say.
    pub symbol: String,
    /// Which way; `None` where it does not say.
    pub side: Option<Side>,
    /// At what price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// Filled of the order behind it.
    pub cumulative: Quantity,
    /// When.
    pub time: UtcNanos,
}

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    activity_type: Option<Text<'a>>,
    #[serde(borrow)]
    order_id: Option<Text<'a>>,
    #[serde(borrow)]
    symbol: Option<Text<'a>>,
    #[serde(borrow)]
    side: Option<Text<'a>>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    qty: Option<&'a RawValue>,
    #[serde(borrow)]
    cum_qty: Option<&'a RawValue>,
    #[serde(borrow)]
    transaction_time: Option<Text<'a>>,
}

/// A page of activities, in the order of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Executions.
    pub fills: Vec<Activity>,
    /// What is none, or cannot be read, and why.
    pub others: Vec<DecodeError>,
    /// The id of its last activity; the next page begins behind it.
    pub last: Option<String>,
    /// How many activities it has.
    pub len: usize,
}

impl Page {
    /// Reads the body of an answer; an activity that cannot be read does not hide the others.
    ///
    /// # Errors
    /// It is no list.
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let shapes: Vec<&RawValue> = json::read(json::text(body)?, ACTIVITY.0)?;
        let mut page = Self { len: shapes.len(), ..Self::default() };
        for text in shapes {
            let read = json::read::<Shape<'_>>(text.get(), ACTIVITY.0).and_then(|shape| {
                page.last = shape.id.as_ref().map(|id| id.to_string()).or(page.last.take());
                Activity::of(&shape)
            });
            match read {
                Ok(fill) => page.fills.push(fill),
                Err(error) => page.others.push(error),
            }
        }
        Ok(page)
    }
}

impl Activity {
    fn of(shape: &Shape<'_>) -> Result<Self, DecodeError> {
        let kind = ACTIVITY.required("activity_type", shape.activity_type.as_ref())?;
        if &**kind != "FILL" {
            return Err(DecodeError::UnknownEvent { kind: cut(kind) });
        }
        let id = ACTIVITY.required("id", shape.id.as_ref())?;
        let execution = Text::from(id.split_once("::").map_or(&**id, |(_, execution)| execution));
        Ok(Self {
            id: id.to_string(),
            execution_id: ACTIVITY.required("id", ACTIVITY.name("id", Some(&execution))?)?,
            order_id: ACTIVITY.required("order_id", ACTIVITY.name("order_id", shape.order_id.as_ref())?)?,
            symbol: cut(shape.symbol.as_deref().unwrap_or("")),
            side: match shape.side.as_deref() {
                Some("buy") => Some(Side::Buy),
                Some("sell" | "sell_short") => Some(Side::Sell),
                _ => None,
            },
            price: ACTIVITY.required("price", ACTIVITY.number("price", shape.price)?)?,
            quantity: ACTIVITY.required("qty", ACTIVITY.number("qty", shape.qty)?)?,
            cumulative: ACTIVITY.required("cum_qty", ACTIVITY.number("cum_qty", shape.cum_qty)?)?,
            time: ACTIVITY
                .required("transaction_time", ACTIVITY.time("transaction_time", shape.transaction_time.as_ref())?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_fill_is_named_and_hides_nothing() {
        let body = r#"[{"id":"1::x","activity_type":"CSD"},
            {"id":"2::y","activity_type":"FILL","order_id":"o","price":"1","qty":"2","cum_qty":"2","transaction_time":"2026-01-01T00:00:00Z"},
            {"id":"3::z","activity_type":"FILL","order_id":"o","price":"1"}]"#;
        let page = Page::read(body.as_bytes()).unwrap();
        let keys: Vec<&str> = page.fills.iter().map(|fill| fill.execution_id.as_str()).collect();
        assert_eq!((keys, page.len, page.last.as_deref()), (vec!["y"], 3, Some("3::z")));
        assert!(page.others[0].to_string().contains("CSD") && page.others[1].to_string().contains("`qty`"));
        assert!(Page::read(b"{}").is_err());
    }
}
