//! Answers by REST as lines of a recording: `{"rest": "<path?query>", "data": <body>}`.
//!
//! A session that asks for a book or for missed trades writes the answer as such a line and reads it back through the
//! decoder; so does a replay, and both get the same. The question stands with the answer because the answer alone
//! names no symbol.

use messages::market::FeedItem;
use messages::{Symbol, UtcNanos};
use serde_json::value::RawValue;

use super::{Decoder, depth, tick};
use crate::feeds::Frame;
use crate::wire::{DecodeError, Field, cut, json, percent};

/// The book of a symbol.
pub const DEPTH: &str = "/api/v3/depth";
/// Trades from an id on. Asks for no key since 2023; weight 25.
pub const TRADES: &str = "/api/v3/historicalTrades";
/// Aggregate trades from an id on; weight 4.
pub const AGG_TRADES: &str = "/api/v3/aggTrades";

const EVENT: &str = "REST answer";

/// The line of a recording that holds the answer to a question.
#[must_use]
pub fn line(question: &str, body: &[u8]) -> Vec<u8> {
    let mut line = br#"{"rest":"#.to_vec();
    line.extend_from_slice(serde_json::Value::from(question).to_string().as_bytes());
    line.extend_from_slice(br#","data":"#);
    // A line break in JSON can only be white space, and a recording has one frame a line.
    line.extend(body.iter().map(|&byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
    line.push(b'}');
    line
}

/// The value of a parameter in a query, with `%XX` read.
fn parameter(query: &str, name: &str) -> Option<String> {
    let found = query.split('&').find_map(|pair| pair.split_once('=').filter(|(known, _)| *known == name));
    found.and_then(|(_, value)| percent::decoded(value))
}

impl Decoder {
    /// The answer to a question by REST.
    pub(super) fn answer(
        &mut self,
        question: &str,
        data: &str,
        received: UtcNanos,
        out: &mut Vec<FeedItem>,
    ) -> Result<Frame, DecodeError> {
        let (path, query) = question.split_once('?').unwrap_or((question, ""));
        let rounded = &mut self.rounded_sizes;
        match path {
            DEPTH => {
                let origin = depth::Origin::Asked(asked_symbol(query)?);
                let snapshot = depth::depth(data, origin, &mut self.diffs, received, rounded)?;
                out.push(FeedItem::Depth(snapshot));
            }
            TRADES | AGG_TRADES => {
                let symbol = asked_symbol(query)?;
                let of_row = if path == TRADES { tick::asked_trade } else { tick::asked_agg_trade };
                for row in json::read::<Vec<&RawValue>>(data, EVENT)? {
                    out.push(FeedItem::Tick(of_row(row.get(), symbol, rounded)?));
                }
            }
            _ => return Err(DecodeError::UnknownEvent { kind: cut(path) }),
        }
        Ok(Frame::Market)
    }
}

fn asked_symbol(query: &str) -> Result<Symbol, DecodeError> {
    let missing = DecodeError::Missing { event: EVENT, field: "symbol" };
    Field { event: EVENT, name: "symbol", text: &parameter(query, "symbol").ok_or(missing)? }.symbol()
}
