//! Depth: diffs, partial books and the REST snapshot, which share their fields but not their names.

use std::fmt;

use messages::caps::DEPTH_LEVELS;
use messages::market::{Depth, DepthKind, Level};
use messages::{Symbol, UtcNanos};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::{DiffStreams, instrument, required, text, tick, time};
use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, Field};

const EVENT: &str = "depth message";

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, rename = "s", alias = "symbol")]
    symbol: Option<Text<'a>>,
    #[serde(rename = "E")]
    event_time: Option<i64>,
    #[serde(rename = "T")]
    time: Option<i64>,
    #[serde(rename = "U")]
    first: Option<u64>,
    #[serde(rename = "u")]
    last: Option<u64>,
    #[serde(rename = "lastUpdateId")]
    last_update_id: Option<u64>,
    #[serde(borrow, rename = "b", alias = "bids")]
    bids: Option<Levels<'a>>,
    #[serde(borrow, rename = "a", alias = "asks")]
    asks: Option<Levels<'a>>,
}

/// Where a depth message comes from, which names the symbol where the payload does not.
#[derive(Clone, Copy)]
pub enum Origin<'a> {
    /// A stream, where its name is known.
    Stream(Option<&'a str>),
    /// A question by REST for the book of a symbol.
    Asked(Symbol),
}

/// One depth message.
pub fn depth(
    data: &str,
    origin: Origin<'_>,
    diffs: &mut DiffStreams,
    received: UtcNanos,
    rounded: &mut u64,
) -> Result<Depth, DecodeError> {
    let message: Message<'_> = json::read(data, EVENT)?;
    let kind = kind(&message, origin)?;
    let symbol = symbol(&message, origin, diffs)?;
    let last = match message.last_update_id {
        Some(last) => last,
        None => required(message.last, EVENT, "u")?,
    };
    let time = match message.time.or(message.event_time) {
        None => received,
        present => time(present, EVENT, if message.time.is_some() { "T" } else { "E" })?,
    };
    let bids = levels(message.bids, ["b", "b[][0]", "b[][1]"], rounded)?;
    let asks = levels(message.asks, ["a", "a[][0]", "a[][1]"], rounded)?;
    if matches!(kind, DepthKind::Diff { .. }) {
        diffs.saw(symbol);
    }
    Ok(Depth { instrument: instrument(symbol), time, kind, last, bids, asks })
}

/// A partial book comes by its own stream, a snapshot by REST. Futures send partial books in the
/// form of diffs; only the stream name (`depth20`) tells them.
fn kind(message: &Message<'_>, origin: Origin<'_>) -> Result<DepthKind, DecodeError> {
    let Origin::Stream(stream) = origin else {
        required(message.last_update_id, EVENT, "lastUpdateId")?;
        return Ok(DepthKind::Snapshot);
    };
    let of_partial_stream = stream
        .and_then(|name| name.split_once("@depth"))
        .is_some_and(|(_, levels)| levels.starts_with(|c: char| c.is_ascii_digit()));
    if of_partial_stream {
        return Ok(DepthKind::Partial);
    }
    if message.last_update_id.is_some() {
        return Ok(if stream.is_some() { DepthKind::Partial } else { DepthKind::Snapshot });
    }
    let first = required(message.first, EVENT, "U")?;
    if message.last.is_some_and(|last| last < first) {
        return Err(Field { event: EVENT, name: "U", text: &first.to_string() }.invalid("later than `u`"));
    }
    Ok(DepthKind::Diff { first })
}

fn symbol(message: &Message<'_>, origin: Origin<'_>, diffs: &DiffStreams) -> Result<Symbol, DecodeError> {
    let stream = match origin {
        Origin::Asked(symbol) => return Ok(symbol),
        Origin::Stream(stream) => stream,
    };
    if message.symbol.is_some() {
        return text(&message.symbol, EVENT, "s")?.symbol();
    }
    match stream.and_then(|name| name.split_once('@')) {
        // Streams are named in lower case, symbols in upper case.
        Some((name, _)) => Field { event: EVENT, name: "stream", text: &name.to_uppercase() }.symbol(),
        None => diffs.only(),
    }
}

fn levels(raw: Option<Levels<'_>>, names: [&'static str; 3], rounded: &mut u64) -> Result<Vec<Level>, DecodeError> {
    let [field, price, size] = names;
    let raw = required(raw, EVENT, field)?;
    if raw.count > DEPTH_LEVELS {
        return Err(DecodeError::TooManyLevels { field, max: DEPTH_LEVELS });
    }
    let mut levels = Vec::with_capacity(raw.kept.len());
    for (price_text, size_text) in &raw.kept {
        levels.push(Level {
            price: tick::price(Field { event: EVENT, name: price, text: price_text })?,
            size: Field { event: EVENT, name: size, text: size_text }.size(rounded)?,
        });
    }
    Ok(levels)
}

/// The levels of a side as texts, never more than the cap, and how many there were.
struct Levels<'a> {
    kept: Vec<(Text<'a>, Text<'a>)>,
    count: usize,
}

impl<'de: 'a, 'a> Deserialize<'de> for Levels<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Levels<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of [price, quantity]")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Levels<'de>, A::Error> {
                let mut levels = Levels { kept: Vec::new(), count: 0 };
                while levels.count < DEPTH_LEVELS {
                    let Some(Pair(price, size)) = seq.next_element()? else { return Ok(levels) };
                    levels.kept.push((price, size));
                    levels.count += 1;
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    levels.count += 1;
                }
                Ok(levels)
            }
        }
        d.deserialize_seq(Collect)
    }
}

/// A level as the venue writes it; old frames have an empty array behind the two texts.
struct Pair<'a>(Text<'a>, Text<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Pair<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Two;
        impl<'de> Visitor<'de> for Two {
            type Value = Pair<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[price, quantity]")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Pair<'de>, A::Error> {
                let missing = |at| serde::de::Error::invalid_length(at, &"a price and a quantity");
                let price = seq.next_element()?.ok_or_else(|| missing(0))?;
                let size = seq.next_element()?.ok_or_else(|| missing(1))?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Pair(price, size))
            }
        }
        d.deserialize_seq(Two)
    }
}
