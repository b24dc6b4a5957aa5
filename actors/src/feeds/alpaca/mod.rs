//! Alpaca market data: one frame, a JSON array of messages, to ticks, bars and crypto books; and the session that
//! keeps the connection (`session`), with what it asks by REST.
//!
//! The decoder hears the frames of a socket or a recording, and the answers by REST that the session recorded, wrapped
//! as `{"rest":"<path?query>","data":<body>}`. It says trades (`t`), their corrections and cancels (`c`, `x`), quotes
//! (`q`), the venue's bars (`b`, `u`, `d`) and crypto books (`o`). Trading statuses (`s`) are signals; those
//! and bands (`l`) are counted and stand in no table; imbalances and news are not asked for. Source: docs.alpaca.markets, streaming market data.
//!
//! One-letter keys mean different things by message (`c` is conditions or a close, `i` an id or an
//! indicator), so fields keep their JSON text until the message's kind is known. Numbers are JSON
//! numbers: they are read from that text, never through floating point.
//!
//! A message that cannot be read costs its frame nothing else: it is a [`Fault`], and the others are handed on.
//!
//! Invariant: an error leaves `out` as it was; a frame of which something was read is none.

mod backfill;
mod bar;
mod book;
mod codes;
mod fault;
mod fields;
mod rest;
mod revision;
mod sequence;
pub mod session;
pub mod settings;
mod signal;
mod subscriptions;
mod tick;
mod watch;

use messages::UtcNanos;
use messages::market::FeedItem;
use serde_json::value::RawValue;

use super::Frame;
use crate::wire::{DecodeError, cut, json};
use book::Books;
use revision::Revisions;

pub use fault::Fault;
pub use session::AlpacaSession;
pub use settings::{Channel, Feed, Settings};
pub use signal::Signal;

/// What was counted beside market data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Corrections of trades.
    pub corrections: u64,
    /// Cancelled trades.
    pub cancels: u64,
    /// Trading statuses.
    pub statuses: u64,
    /// Limit-up/limit-down bands.
    pub bands: u64,
    /// Bars without a count of trades or an average price, which are no bars of ours.
    pub unusable_bars: u64,
}

/// Decodes the frames of one connection, or of one recording of one.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Sizes whose ninth decimal was rounded half to even.
    pub rounded_sizes: u64,
    /// What was counted beside market data.
    pub counted: Counted,
    books: Books,
    revisions: Revisions,
    signals: Vec<Signal>,
    faults: Vec<Fault>,
}

/// The messages of a frame as JSON text, cut only once one is looked at: the kinds that come most are read at once.
struct Elements<'a> {
    frame: &'a str,
    texts: Vec<&'a RawValue>,
}

impl<'a> Elements<'a> {
    fn all(&mut self) -> Result<&[&'a RawValue], DecodeError> {
        if self.texts.is_empty() {
            self.texts = json::read(self.frame, "frame")?;
        }
        Ok(&self.texts)
    }

    fn get(&mut self, at: usize) -> Result<&'a str, DecodeError> {
        Ok(self.all()?.get(at).map_or("", |text| text.get()))
    }
}

impl Decoder {
    /// A decoder that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes one frame, or one wrapped answer by REST, and pushes what it says. The receive time is not needed, for
    /// every message carries its own; it stands here to keep the decoders alike.
    ///
    /// # Errors
    /// [`DecodeError`] says what is wrong with the frame; nothing was pushed then. What is wrong with single messages
    /// of a frame of which others were read, [`Self::take_faults`] tells.
    pub fn decode(&mut self, frame: &[u8], _received: UtcNanos, out: &mut Vec<FeedItem>) -> Result<Frame, DecodeError> {
        let (items, rounded) = (out.len(), self.rounded_sizes);
        self.signals.clear();
        self.faults.clear();
        let result = json::text(frame).and_then(|text| match text.trim_start().starts_with('{') {
            true => self.answer(text, out),
            false => self.frame(text, out),
        });
        if result.is_err() {
            out.truncate(items);
            self.rounded_sizes = rounded;
        }
        result
    }

    /// What the last frame said beside market data.
    pub fn take_signals(&mut self) -> Vec<Signal> {
        std::mem::take(&mut self.signals)
    }

    /// The messages of the last frame that could not be read.
    pub fn take_faults(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.faults)
    }

    fn frame(&mut self, text: &str, out: &mut Vec<FeedItem>) -> Result<Frame, DecodeError> {
        let mut elements = Elements { frame: text, texts: Vec::new() };
        let messages = match json::read::<Vec<tick::Message<'_>>>(text, "frame") {
            Ok(messages) => messages.into_iter().map(Ok).collect(),
            Err(_) => fault::each(elements.all()?),
        };
        let (mut all, mut read) = (Frame::Ignored, messages.is_empty());
        for (at, message) in messages.into_iter().enumerate() {
            let rounded = self.rounded_sizes;
            match message.and_then(|message| self.message(&message, at, &mut elements, out)) {
                Err(error) => {
                    self.rounded_sizes = rounded;
                    self.fault(error, elements.get(at)?);
                    continue;
                }
                Ok(Frame::Ignored) => {}
                Ok(Frame::Control) if all == Frame::Market => {}
                Ok(frame) => all = frame,
            }
            read = true;
        }
        match self.faults.first() {
            Some(fault) if !read => Err(fault.error.clone()),
            _ => Ok(all),
        }
    }

    /// A book that lacks an update is not whole until its next reset; where nobody knows whose update it was, none is.
    fn fault(&mut self, error: DecodeError, text: &str) {
        let fault = Fault::new(error, text);
        match fault.symbol {
            Some(symbol) if fault.kind == "o" => self.books.broken(symbol),
            None if matches!(fault.kind.as_str(), "o" | "") => self.books.connected(),
            _ => {}
        }
        self.faults.push(fault);
    }

    fn message(
        &mut self,
        message: &tick::Message<'_>,
        at: usize,
        elements: &mut Elements<'_>,
        out: &mut Vec<FeedItem>,
    ) -> Result<Frame, DecodeError> {
        let kind = message.kind.as_deref().ok_or(DecodeError::Missing { event: "message", field: "T" })?;
        let rounded = &mut self.rounded_sizes;
        out.push(match kind {
            "t" => FeedItem::Tick(message.trade(message.symbol("trade")?, rounded)?),
            "q" => FeedItem::Tick(message.quote(rounded)?),
            "o" => FeedItem::Depth(self.books.decode(message, rounded)?),
            "b" | "u" | "d" => return self.bar(kind, elements.get(at)?, out),
            "c" | "x" => return self.revision(kind, elements.get(at)?, out),
            "success" | "error" | "subscription" => return self.control(kind, elements.get(at)?),
            "s" => {
                self.signals.extend(signal::status(elements.get(at)?, &mut self.counted)?);
                return Ok(Frame::Ignored);
            }
            "l" => {
                self.counted.bands += 1;
                return Ok(Frame::Ignored);
            }
            // Imbalances and news, which are not asked for.
            "i" | "n" => return Ok(Frame::Ignored),
            _ => return Err(DecodeError::UnknownEvent { kind: cut(kind) }),
        });
        Ok(Frame::Market)
    }

    fn bar(&mut self, kind: &str, text: &str, out: &mut Vec<FeedItem>) -> Result<Frame, DecodeError> {
        let message: bar::Message<'_> = json::read(text, "bar")?;
        let symbol = message.symbol()?;
        let bar = if kind == "d" { message.day(symbol) } else { message.minute(symbol) };
        Ok(self.push_bar(bar, out)?.unwrap_or(Frame::Ignored))
    }

    /// A bar that lacks a field is counted and costs its frame nothing.
    fn push_bar(
        &mut self,
        bar: Result<messages::market::Bar, DecodeError>,
        out: &mut Vec<FeedItem>,
    ) -> Result<Option<Frame>, DecodeError> {
        match bar {
            Ok(bar) => out.push(FeedItem::Bar(bar)),
            Err(DecodeError::Missing { .. }) => {
                self.counted.unusable_bars += 1;
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        Ok(Some(Frame::Market))
    }

    fn revision(&mut self, kind: &str, text: &str, out: &mut Vec<FeedItem>) -> Result<Frame, DecodeError> {
        let tick = if kind == "c" {
            self.counted.corrections += 1;
            self.revisions.correct(&json::read(text, "correction")?, &mut self.rounded_sizes)?
        } else {
            self.counted.cancels += 1;
            self.revisions.cancel(&json::read(text, "cancel")?)?
        };
        out.extend(tick.map(FeedItem::Tick));
        Ok(if tick.is_some() { Frame::Market } else { Frame::Ignored })
    }

    fn control(&mut self, kind: &str, text: &str) -> Result<Frame, DecodeError> {
        let signal = signal::control(kind, text)?;
        if signal == Some(Signal::Connected) {
            self.books.connected();
        }
        self.signals.extend(signal);
        Ok(Frame::Control)
    }

    /// An answer by REST. Trades that were corrected or cancelled since say so.
    fn answer(&mut self, text: &str, out: &mut Vec<FeedItem>) -> Result<Frame, DecodeError> {
        let answer = rest::Wrapped::read(text)?;
        let items = out.len();
        for (symbol, trades) in answer.trades()? {
            for trade in &trades {
                let tick = trade.trade(symbol, &mut self.rounded_sizes)?;
                let update = trade.update.map_or("null", RawValue::get);
                out.extend(self.revisions.fetched(tick, update).map(FeedItem::Tick));
            }
        }
        for (symbol, bars) in answer.bars()? {
            for bar in &bars {
                self.push_bar(bar.minute(symbol), out)?;
            }
        }
        Ok(if out.len() > items { Frame::Market } else { Frame::Ignored })
    }
}

#[cfg(test)]
mod tests;
