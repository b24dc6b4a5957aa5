//! Alpaca market data: one frame, a JSON array of messages, to ticks and crypto books.
//!
//! Hears the frames of a socket or a recording. Says trades (`t`), quotes (`q`) and crypto books
//! (`o`); bars, statuses, bands, imbalances, corrections, cancels and news are passed over.
//! Source: docs.alpaca.markets, streaming market data.
//!
//! One-letter keys mean different things by message (`c` is conditions or a close, `i` an id or an
//! indicator), so fields keep their JSON text until the message's kind is known. Numbers are JSON
//! numbers: they are read from that text, never through floating point.
//!
//! Invariant: an error leaves `out` as it was.

mod number;

use std::collections::BTreeMap;

use messages::caps::DEPTH_LEVELS;
use messages::instrument::{Exchange, Instrument};
use messages::market::{Conditions, Depth, DepthKind, FeedItem, Level, Tick, TickBody};
use messages::orders::Side;
use messages::{Price, Size, Symbol, UtcNanos};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{self, Text};
use super::{DecodeError, Field, Frame, cut};

/// Crypto books whose updates are numbered; more than Alpaca lists pairs.
const BOOKS: usize = 1_024;

/// Decodes the frames of one connection, or of one recording of one.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Sizes whose ninth decimal was rounded half to even.
    pub rounded_sizes: u64,
    /// The number given to the last update of each crypto book.
    books: BTreeMap<Symbol, u64>,
}

/// Any message. Fields whose meaning depends on the kind are kept as JSON text.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, rename = "T")]
    kind: Option<Text<'a>>,
    #[serde(borrow, rename = "S")]
    symbol: Option<Text<'a>>,
    #[serde(borrow, rename = "t")]
    time: Option<&'a RawValue>,
    #[serde(borrow, rename = "i")]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "p")]
    price: Option<&'a RawValue>,
    #[serde(borrow, rename = "s")]
    size: Option<&'a RawValue>,
    #[serde(borrow, rename = "c")]
    conditions: Option<&'a RawValue>,
    #[serde(borrow, rename = "tks")]
    taker_side: Option<&'a RawValue>,
    #[serde(borrow, rename = "bp")]
    bid_price: Option<&'a RawValue>,
    #[serde(borrow, rename = "bs")]
    bid_size: Option<&'a RawValue>,
    #[serde(borrow, rename = "ap")]
    ask_price: Option<&'a RawValue>,
    #[serde(borrow, rename = "as")]
    ask_size: Option<&'a RawValue>,
    #[serde(borrow, rename = "b")]
    bids: Option<&'a RawValue>,
    #[serde(borrow, rename = "a")]
    asks: Option<&'a RawValue>,
    #[serde(borrow, rename = "r")]
    reset: Option<&'a RawValue>,
}

/// A level of a crypto book.
#[derive(Deserialize)]
struct BookLevel<'a> {
    #[serde(borrow, rename = "p")]
    price: Option<&'a RawValue>,
    #[serde(borrow, rename = "s")]
    size: Option<&'a RawValue>,
}

impl Decoder {
    /// A decoder that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes one frame and pushes what it says. The receive time is not needed, for every message
    /// carries its own; it stands here to keep the decoders alike.
    ///
    /// # Errors
    /// [`DecodeError`] says what is wrong with the frame; nothing was pushed then.
    pub fn decode(&mut self, frame: &[u8], _received: UtcNanos, out: &mut Vec<FeedItem>) -> Result<Frame, DecodeError> {
        let (items, rounded) = (out.len(), self.rounded_sizes);
        let result = json::text(frame).and_then(|text| self.frame(text, out));
        if result.is_err() {
            out.truncate(items);
            self.rounded_sizes = rounded;
        }
        result
    }

    fn frame(&mut self, text: &str, out: &mut Vec<FeedItem>) -> Result<Frame, DecodeError> {
        let mut all = Frame::Ignored;
        for message in json::read::<Vec<Message<'_>>>(text, "frame")? {
            match self.message(&message, out)? {
                Frame::Ignored => {}
                Frame::Control if all == Frame::Market => {}
                frame => all = frame,
            }
        }
        Ok(all)
    }

    fn message(&mut self, message: &Message<'_>, out: &mut Vec<FeedItem>) -> Result<Frame, DecodeError> {
        let kind = message.kind.as_deref().ok_or(DecodeError::Missing { event: "message", field: "T" })?;
        out.push(match kind {
            "t" => FeedItem::Tick(message.trade(&mut self.rounded_sizes)?),
            "q" => FeedItem::Tick(message.quote(&mut self.rounded_sizes)?),
            "o" => FeedItem::Depth(self.book(message)?),
            "b" | "u" | "d" | "s" | "l" | "c" | "x" | "i" | "n" => return Ok(Frame::Ignored),
            "success" | "error" | "subscription" => return Ok(Frame::Control),
            _ => return Err(DecodeError::UnknownEvent { kind: cut(kind) }),
        });
        Ok(Frame::Market)
    }

    fn book(&mut self, message: &Message<'_>) -> Result<Depth, DecodeError> {
        let (symbol, time) = (message.symbol("book")?, message.time("book")?);
        let bids = levels(message.bids, ["b", "b[].p", "b[].s"], &mut self.rounded_sizes)?;
        let asks = levels(message.asks, ["a", "a[].p", "a[].s"], &mut self.rounded_sizes)?;
        let reset = message.reset.is_some_and(|reset| reset.get() == "true");
        let (kind, last) = self.number(symbol, time, reset);
        Ok(Depth { instrument: instrument(symbol), time, kind, last, bids, asks })
    }

    /// Alpaca numbers no updates, so the number is the update's time in nanoseconds, made rising.
    /// Each follows the last without a hole; one that no reset came before opens a hole, because
    /// what it changes is not known.
    fn number(&mut self, symbol: Symbol, time: UtcNanos, reset: bool) -> (DepthKind, u64) {
        let known = self.books.get(&symbol).copied();
        let last = u64::try_from(time.0).unwrap_or(0).max(known.map_or(0, |known| known.saturating_add(1)));
        if known.is_some() || (reset && self.books.len() < BOOKS) {
            self.books.insert(symbol, last);
        }
        if reset {
            return (DepthKind::Snapshot, last);
        }
        (DepthKind::Diff { first: known.map_or(last, |known| known.saturating_add(1)) }, last)
    }
}

impl Message<'_> {
    fn trade(&self, rounded: &mut u64) -> Result<Tick, DecodeError> {
        const EVENT: &str = "trade";
        let body = TickBody::Trade {
            price: price(self.price, EVENT, "p")?,
            size: size(self.size, EVENT, "s", rounded)?,
            aggressor: self.aggressor()?,
            conditions: conditions(self.conditions)?,
        };
        let sequence = self.id.and_then(|id| id.get().parse().ok());
        Ok(Tick { instrument: instrument(self.symbol(EVENT)?), time: self.time(EVENT)?, sequence, revision: 0, body })
    }

    fn quote(&self, rounded: &mut u64) -> Result<Tick, DecodeError> {
        const EVENT: &str = "quote";
        let mut side = |prices, price_name, sizes, size_name| -> Result<Option<Level>, DecodeError> {
            let price = price(prices, EVENT, price_name)?;
            let size = size(sizes, EVENT, size_name, rounded)?;
            Ok((!price.is_zero() || !size.is_zero()).then_some(Level { price, size }))
        };
        let body = TickBody::Quote {
            bid: side(self.bid_price, "bp", self.bid_size, "bs")?,
            ask: side(self.ask_price, "ap", self.ask_size, "as")?,
        };
        Ok(Tick {
            instrument: instrument(self.symbol(EVENT)?),
            time: self.time(EVENT)?,
            sequence: None,
            revision: 0,
            body,
        })
    }

    fn symbol(&self, event: &'static str) -> Result<Symbol, DecodeError> {
        match &self.symbol {
            Some(text) => Field { event, name: "S", text }.symbol(),
            None => Err(DecodeError::Missing { event, field: "S" }),
        }
    }

    fn time(&self, event: &'static str) -> Result<UtcNanos, DecodeError> {
        let raw = raw(self.time, event, "t")?;
        let text: Text<'_> = json::read(raw.text, event)?;
        text.parse().map_err(|_| raw.invalid("not an RFC 3339 time"))
    }

    /// Who took: crypto says it (`tks`), stocks do not.
    fn aggressor(&self) -> Result<Option<Side>, DecodeError> {
        match self.taker_side.map(RawValue::get) {
            None | Some(r#""""#) => Ok(None),
            Some(r#""B""#) => Ok(Some(Side::Buy)),
            Some(r#""S""#) => Ok(Some(Side::Sell)),
            Some(text) => Err(Field { event: "trade", name: "tks", text }.invalid("not a side; expected B or S")),
        }
    }
}

/// The condition codes joined by commas: as many of the first as fit, each whole.
fn conditions(codes: Option<&RawValue>) -> Result<Conditions, DecodeError> {
    let mut joined = Conditions::new();
    let Some(codes) = codes else { return Ok(joined) };
    for code in json::read::<Vec<Text<'_>>>(codes.get(), "trade")? {
        let comma = usize::from(!joined.is_empty());
        if code.len() + comma > joined.remaining_capacity() {
            break;
        }
        joined.push_str(&","[..comma]);
        joined.push_str(&code);
    }
    Ok(joined)
}

fn levels(side: Option<&RawValue>, names: [&'static str; 3], rounded: &mut u64) -> Result<Vec<Level>, DecodeError> {
    const EVENT: &str = "book";
    let [field, price_name, size_name] = names;
    let raw: Vec<BookLevel<'_>> = json::read(raw(side, EVENT, field)?.text, EVENT)?;
    if raw.len() > DEPTH_LEVELS {
        return Err(DecodeError::TooManyLevels { field, max: DEPTH_LEVELS });
    }
    let mut levels = Vec::with_capacity(raw.len());
    for level in &raw {
        let price = price(level.price, EVENT, price_name)?;
        levels.push(Level { price, size: size(level.size, EVENT, size_name, rounded)? });
    }
    Ok(levels)
}

/// A field that must be there, as JSON text.
fn raw<'a>(value: Option<&'a RawValue>, event: &'static str, name: &'static str) -> Result<Field<'a>, DecodeError> {
    value.map(|raw| Field { event, name, text: raw.get() }).ok_or(DecodeError::Missing { event, field: name })
}

fn price(value: Option<&RawValue>, event: &'static str, name: &'static str) -> Result<Price, DecodeError> {
    let field = raw(value, event, name)?;
    let plain = number::plain(field.text).ok_or_else(|| field.invalid("not a number in range"))?;
    Price::parse_tick(plain.as_bytes()).map_err(|e| field.number(e))
}

fn size(
    value: Option<&RawValue>,
    event: &'static str,
    name: &'static str,
    rounded: &mut u64,
) -> Result<Size, DecodeError> {
    let field = raw(value, event, name)?;
    let plain = number::plain(field.text).ok_or_else(|| field.invalid("not a number in range"))?;
    Field { text: &plain, ..field }.size(rounded)
}

fn instrument(symbol: Symbol) -> Instrument {
    Instrument { exchange: Exchange::Alpaca, symbol }
}

#[cfg(test)]
mod tests;
