//! Crypto books: whole on a reset, absolute sizes in between. Alpaca numbers no updates, so we do.
//!
//! Invariant: each update follows the last without a hole, from a reset on; one that no reset came before on its
//! connection opens a hole, because what it changes is not known.

use std::collections::BTreeMap;

use messages::caps::DEPTH_LEVELS;
use messages::market::{Depth, DepthKind, Level};
use messages::{Symbol, UtcNanos};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{level, raw};
use super::tick::Message;
use crate::wire::alpaca::instrument;
use crate::wire::{DecodeError, json};

/// Crypto books whose updates are numbered; more than Alpaca lists pairs.
const BOOKS: usize = 1_024;

/// The number of a book's last update, and whether this connection has sent it whole.
#[derive(Debug, Clone, Copy)]
struct Numbered {
    last: u64,
    whole: bool,
}

/// The numbers given to books.
#[derive(Debug, Default)]
pub struct Books(BTreeMap<Symbol, Numbered>);

/// A level of a crypto book.
#[derive(Deserialize)]
struct BookLevel<'a> {
    #[serde(borrow, rename = "p")]
    price: Option<&'a RawValue>,
    #[serde(borrow, rename = "s")]
    size: Option<&'a RawValue>,
}

impl Books {
    /// A new connection begins: what was missed in between is not known.
    pub fn connected(&mut self) {
        self.0.values_mut().for_each(|book| book.whole = false);
    }

    /// An update of a book could not be read: what it changes is not known.
    pub fn broken(&mut self, symbol: Symbol) {
        if let Some(book) = self.0.get_mut(&symbol) {
            book.whole = false;
        }
    }

    /// Reads an update and numbers it.
    pub fn decode(&mut self, message: &Message<'_>, rounded: &mut u64) -> Result<Depth, DecodeError> {
        let (symbol, time) = (message.symbol("book")?, message.time("book")?);
        let bids = levels(message.bids, ["b", "b[].p", "b[].s"], rounded)?;
        let asks = levels(message.asks, ["a", "a[].p", "a[].s"], rounded)?;
        let reset = message.reset.is_some_and(|reset| reset.get() == "true");
        let (kind, last) = self.number(symbol, time, reset);
        Ok(Depth { instrument: instrument(symbol), time, kind, last, bids, asks })
    }

    /// The number is the update's time in nanoseconds, made rising.
    fn number(&mut self, symbol: Symbol, time: UtcNanos, reset: bool) -> (DepthKind, u64) {
        let known = self.0.get(&symbol).copied();
        let whole = known.is_some_and(|known| known.whole);
        let next = known.map_or(0, |known| known.last.saturating_add(1));
        // One number is left out to make the hole.
        let least = if reset || whole { next } else { next.saturating_add(1) };
        let last = u64::try_from(time.0).unwrap_or(0).max(least);
        if known.is_some() || (reset && self.0.len() < BOOKS) {
            self.0.insert(symbol, Numbered { last, whole: reset || whole });
        }
        if reset {
            return (DepthKind::Snapshot, last);
        }
        (DepthKind::Diff { first: if whole { next } else { last } }, last)
    }
}

fn levels(side: Option<&RawValue>, names: [&'static str; 3], rounded: &mut u64) -> Result<Vec<Level>, DecodeError> {
    const EVENT: &str = "book";
    let [field, price_name, size_name] = names;
    let raw: Vec<BookLevel<'_>> = json::read(raw(side, EVENT, field)?.text, EVENT)?;
    if raw.len() > DEPTH_LEVELS {
        return Err(DecodeError::TooManyLevels { field, max: DEPTH_LEVELS });
    }
    raw.iter().map(|of| level(EVENT, [(price_name, of.price), (size_name, of.size)], rounded)).collect()
}
