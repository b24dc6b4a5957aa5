//! Binance Spot market streams: one frame of JSON text to ticks, depth and bars.
//!
//! Hears the frames of a socket or a recording, combined (`{"stream": …, "data": …}`) and raw.
//! Says trades, aggregate trades, quotes, depth (diff, partial, snapshot) and the venue's own bars;
//! passes over what it knows and does not use. Source: `web-socket-streams.md` of the Spot API.
//!
//! Answers by REST that are market data come as lines that name the question: `{"rest": …, "data": …}` (see [`rest`]).
//!
//! Some messages do not say what they are: bookTicker and partial depth have no event kind, and
//! partial depth no symbol either. The stream name says it then, else the shape.
//!
//! Invariant: an error leaves `out` as it was.

mod depth;
pub mod exchange_info;
mod kline;
pub mod rest;
mod scan;
pub mod session;
mod shape;
mod tick;

use messages::instrument::{Exchange, Instrument};
use messages::market::FeedItem;
use messages::{Symbol, UtcNanos};
use serde_json::value::RawValue;

use self::shape::Shape;
use super::Frame;
use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, Field, cut};

/// Events that we know and do not use.
const IGNORED: &[&str] = &[
    "24hrTicker",
    "24hrMiniTicker",
    "1hTicker",
    "4hTicker",
    "1dTicker",
    "avgPrice",
    "referencePrice",
    "blockTrade",
    "markPriceUpdate",
    "indexPriceUpdate",
    "continuous_kline",
    "forceOrder",
];

/// Decodes the frames of one connection, or of one recording of one.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Sizes whose ninth decimal was rounded half to even.
    pub rounded_sizes: u64,
    diffs: DiffStreams,
}

/// The symbols of which depth diffs came: a REST snapshot does not name its own.
#[derive(Debug, Default, Clone, Copy)]
enum DiffStreams {
    #[default]
    None,
    Only(Symbol),
    Several,
}

impl DiffStreams {
    fn saw(&mut self, symbol: Symbol) {
        *self = match *self {
            Self::None => Self::Only(symbol),
            Self::Only(known) if known == symbol => return,
            _ => Self::Several,
        };
    }

    fn only(self) -> Result<Symbol, DecodeError> {
        match self {
            Self::Only(symbol) => Ok(symbol),
            Self::None => Err(DecodeError::SnapshotWithoutSymbol { seen: "no" }),
            Self::Several => Err(DecodeError::SnapshotWithoutSymbol { seen: "several" }),
        }
    }
}

/// What a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Trade,
    AggTrade,
    BookTicker,
    Kline,
    Depth,
    Control,
    Ignored,
}

impl Decoder {
    /// A decoder that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes one frame and pushes what it says.
    ///
    /// # Errors
    /// [`DecodeError`] says what is wrong with the frame; nothing was pushed then.
    pub fn decode(&mut self, frame: &[u8], received: UtcNanos, out: &mut Vec<FeedItem>) -> Result<Frame, DecodeError> {
        let before = (out.len(), self.rounded_sizes);
        let result = json::text(frame).and_then(|text| match self.usual(text, received, out) {
            Some(frame) => Ok(frame),
            None => self.frame(text, received, out),
        });
        if result.is_err() {
            out.truncate(before.0);
            self.rounded_sizes = before.1;
        }
        result
    }

    /// A combined frame of a stream whose name says all, spelled as usual; else `None`, and nothing
    /// is changed.
    fn usual(&mut self, text: &str, received: UtcNanos, out: &mut Vec<FeedItem>) -> Option<Frame> {
        let (stream, data) = scan::combined(text)?;
        let kind = kind_of_stream(stream).filter(|kind| *kind != Kind::Control && data.starts_with('{'))?;
        let rounded = self.rounded_sizes;
        let frame = self.payload(data, kind, Some(stream), received, out);
        if frame.is_err() {
            self.rounded_sizes = rounded;
        }
        frame.ok()
    }

    fn frame(&mut self, text: &str, received: UtcNanos, out: &mut Vec<FeedItem>) -> Result<Frame, DecodeError> {
        if text.trim_start().starts_with('[') {
            return self.array(text, None, received, out);
        }
        let shape: Shape<'_> = json::read(text, "frame")?;
        if let (Some(question), Some(data)) = (shape.rest.as_deref(), shape.data) {
            return self.answer(question, data.get(), received, out);
        }
        let Some(data) = shape.data else {
            return self.payload(text, shape.kind(text)?, None, received, out);
        };
        let (data, stream) = (data.get(), shape.stream.as_deref());
        if data.starts_with('[') {
            return self.array(data, stream, received, out);
        }
        let kind = match stream.and_then(kind_of_stream) {
            Some(kind) => kind,
            None => json::read::<Shape<'_>>(data, "payload")?.kind(data)?,
        };
        self.payload(data, kind, stream, received, out)
    }

    /// The payload of an `!…@arr` stream: each element says itself what it is.
    fn array(
        &mut self,
        text: &str,
        stream: Option<&str>,
        received: UtcNanos,
        out: &mut Vec<FeedItem>,
    ) -> Result<Frame, DecodeError> {
        let elements: Vec<&RawValue> = json::read(text, "array of payloads")?;
        let mut all = Frame::Ignored;
        for element in elements {
            let kind = json::read::<Shape<'_>>(element.get(), "payload")?.kind(element.get())?;
            match self.payload(element.get(), kind, stream, received, out)? {
                Frame::Ignored => {}
                Frame::Control if all == Frame::Market => {}
                frame => all = frame,
            }
        }
        Ok(all)
    }

    fn payload(
        &mut self,
        text: &str,
        kind: Kind,
        stream: Option<&str>,
        received: UtcNanos,
        out: &mut Vec<FeedItem>,
    ) -> Result<Frame, DecodeError> {
        let rounded = &mut self.rounded_sizes;
        out.push(match kind {
            Kind::Trade => FeedItem::Tick(tick::trade(text, rounded)?),
            Kind::AggTrade => FeedItem::Tick(tick::agg_trade(text, rounded)?),
            Kind::BookTicker => FeedItem::Tick(tick::book_ticker(text, received, rounded)?),
            Kind::Depth => {
                FeedItem::Depth(depth::depth(text, depth::Origin::Stream(stream), &mut self.diffs, received, rounded)?)
            }
            Kind::Kline => match kline::kline(text)? {
                Some(bar) => FeedItem::Bar(bar),
                None => return Ok(Frame::Ignored),
            },
            Kind::Control => return Ok(Frame::Control),
            Kind::Ignored => return Ok(Frame::Ignored),
        });
        Ok(Frame::Market)
    }
}

/// What the payloads of a stream are, where its name says it: `btcusdt@kline_1m`, `!bookTicker`.
fn kind_of_stream(stream: &str) -> Option<Kind> {
    let channel = stream.split_once('@').map_or(stream, |(_, channel)| channel);
    match channel {
        "trade" => Some(Kind::Trade),
        "bookTicker" | "!bookTicker" => Some(Kind::BookTicker),
        "aggTrade" => Some(Kind::AggTrade),
        "!serverShutdown" => Some(Kind::Control),
        _ if channel.starts_with("depth") => Some(Kind::Depth),
        _ if channel.starts_with("kline_") => Some(Kind::Kline),
        _ => None,
    }
}

fn kind_of_event(event: &str) -> Result<Kind, DecodeError> {
    Ok(match event {
        "trade" => Kind::Trade,
        "aggTrade" => Kind::AggTrade,
        "bookTicker" => Kind::BookTicker,
        "kline" => Kind::Kline,
        "depthUpdate" => Kind::Depth,
        "serverShutdown" => Kind::Control,
        _ if IGNORED.contains(&event) => Kind::Ignored,
        _ => return Err(DecodeError::UnknownEvent { kind: cut(event) }),
    })
}

/// A field that must be there.
fn required<T>(value: Option<T>, event: &'static str, field: &'static str) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::Missing { event, field })
}

/// A text field that must be there.
fn text<'a>(value: &'a Option<Text<'_>>, event: &'static str, name: &'static str) -> Result<Field<'a>, DecodeError> {
    match value {
        Some(text) => Ok(Field { event, name, text }),
        None => Err(DecodeError::Missing { event, field: name }),
    }
}

/// A time field that must be there.
fn time(value: Option<i64>, event: &'static str, name: &'static str) -> Result<UtcNanos, DecodeError> {
    let value = required(value, event, name)?;
    super::millis_or_micros(value)
        .ok_or_else(|| Field { event, name, text: &value.to_string() }.invalid("not a time since 1970"))
}

fn instrument(symbol: Symbol) -> Instrument {
    Instrument { exchange: Exchange::Binance, symbol }
}

#[cfg(test)]
mod tests;
