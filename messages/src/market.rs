//! Market data: ticks, depth, bars and gaps, as the feeds parse them and the market actor numbers them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};

use crate::caps;
use crate::ids::MarketId;
use crate::instrument::Instrument;
use crate::number::{Notional, Price, Quantity, Size};
use crate::orders::Side;
use crate::time::UtcNanos;

/// Where a tick came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A live stream.
    Stream,
    /// A venue's REST history, after a gap.
    Rest,
    /// A file that a person imported.
    Import,
    /// A recording played again.
    Replay,
    /// The seeded market inside Merganser.
    Simulated,
}

impl Source {
    /// The name in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Rest => "rest",
            Self::Import => "import",
            Self::Replay => "replay",
            Self::Simulated => "simulated",
        }
    }
}

/// Trade conditions as the venue codes them, joined by commas; empty where it has none.
pub type Conditions = ArrayString<{ caps::CONDITIONS_BYTES }>;

/// What a tick says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum TickBody {
    /// A trade.
    Trade {
        /// Price.
        price: Price,
        /// Size in base asset.
        size: Size,
        /// Who took liquidity, where the venue says.
        aggressor: Option<Side>,
        /// The venue's condition codes.
        conditions: Conditions,
    },
    /// The best bid and ask. A side is `None` where the venue shows nobody there.
    Quote {
        /// Best bid.
        bid: Option<Level>,
        /// Best ask.
        ask: Option<Level>,
    },
}

/// A price with the size that stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Level {
    /// Price.
    pub price: Price,
    /// Size; zero removes the level in a diff.
    pub size: Size,
}

impl Level {
    /// True for what a venue can mean: nobody pays nothing, and no size is below zero.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.price.is_positive() && !self.size.is_negative()
    }
}

/// A trade or a quote.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    /// Which instrument.
    pub instrument: Instrument,
    /// Exchange time; the receive time where the message has none (bookTicker).
    pub time: UtcNanos,
    /// The venue's own number: trade id or update id.
    pub sequence: Option<i64>,
    /// 0 for the first version, one more for each correction by the venue.
    pub revision: u16,
    /// Trade or quote.
    pub body: TickBody,
}

impl Tick {
    /// Whether prices may follow it: a correction or cancel says what was, not what is, and a trade of nothing has no price.
    #[must_use]
    #[inline]
    pub fn is_price(&self) -> bool {
        self.revision == 0 && !matches!(self.body, TickBody::Trade { size, .. } if size.is_zero())
    }

    /// Whether it is a quote.
    #[must_use]
    pub fn is_quote(&self) -> bool {
        matches!(self.body, TickBody::Quote { .. })
    }
}

/// How a depth message changes the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DepthKind {
    /// All levels that the venue shows, as of update id `last`.
    Snapshot,
    /// The best few levels, as of update id `last`: replaces what is known.
    Partial,
    /// Changes from update id `first` to `last`; absolute sizes, zero removes.
    Diff {
        /// First update id that the message covers.
        first: u64,
    },
}

/// A depth message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Depth {
    /// Which instrument.
    pub instrument: Instrument,
    /// Exchange time; the receive time where the message has none.
    pub time: UtcNanos,
    /// Snapshot, partial or diff.
    pub kind: DepthKind,
    /// The last update id that the message covers.
    pub last: u64,
    /// Bid levels.
    pub bids: Vec<Level>,
    /// Ask levels.
    pub asks: Vec<Level>,
}

impl Depth {
    /// True for a message that can be. Another is dropped whole, by the market's book and by the session that follows
    /// the book's numbers alike, and the next diff shows the gap.
    #[must_use]
    pub fn is_sound(&self, received: UtcNanos) -> bool {
        let ordered = match self.kind {
            DepthKind::Diff { first } => first <= self.last,
            DepthKind::Snapshot | DepthKind::Partial => true,
        };
        let mut levels = self.bids.iter().chain(&self.asks);
        ordered && !self.time.is_ahead_of(received) && levels.all(Level::is_possible)
    }
}

/// The length of a bar: whole seconds that divide a UTC day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timeframe(u32);

/// A length that no bar has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a bar length; expected seconds, minutes, hours or a day that divide a day, as 1s, 5m, 1h, 1d")]
pub struct TimeframeError(pub String);

impl Timeframe {
    /// One second.
    pub const SECOND: Self = Self(1);
    /// One minute.
    pub const MINUTE: Self = Self(60);

    /// From seconds; `None` when they do not divide a day.
    #[must_use]
    pub fn from_secs(secs: u32) -> Option<Self> {
        (secs > 0 && 86_400u32.is_multiple_of(secs)).then_some(Self(secs))
    }
    /// Its length.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }
    /// Its length in seconds.
    #[must_use]
    pub const fn secs(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, letter) = match self.0 {
            s if s % 86_400 == 0 => (86_400, 'd'),
            s if s % 3_600 == 0 => (3_600, 'h'),
            s if s % 60 == 0 => (60, 'm'),
            _ => (1, 's'),
        };
        f.pad(&format!("{}{letter}", self.0 / unit))
    }
}

impl FromStr for Timeframe {
    type Err = TimeframeError;
    fn from_str(text: &str) -> Result<Self, TimeframeError> {
        let wrong = || TimeframeError(text.to_owned());
        let unit = match text.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            _ => return Err(wrong()),
        };
        let count: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
        count.checked_mul(unit).and_then(Self::from_secs).ok_or_else(wrong)
    }
}

impl TryFrom<String> for Timeframe {
    type Error = TimeframeError;
    fn try_from(text: String) -> Result<Self, TimeframeError> {
        text.parse()
    }
}

impl From<Timeframe> for String {
    fn from(timeframe: Timeframe) -> String {
        timeframe.to_string()
    }
}

/// A bar of one instrument and length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// The id of its first publication; a revision keeps it.
    pub bar_id: MarketId,
    /// Which instrument.
    pub instrument: Instrument,
    /// Its length.
    pub timeframe: Timeframe,
    /// When it opens.
    pub open_time: UtcNanos,
    /// First price by exchange time and sequence.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price by exchange time and sequence.
    pub close: Price,
    /// Base asset traded.
    pub volume: Quantity,
    /// Quote asset traded, exact.
    pub notional: Notional,
    /// Trades in it.
    pub trade_count: u64,
    /// 0 at its first publication; a late trade adds one.
    pub revision: u16,
    /// False where the feed began, stopped or had a gap inside the bar.
    pub is_complete: bool,
}

impl Bar {
    /// The first instant after the bar.
    #[must_use]
    pub fn end_time(&self) -> UtcNanos {
        self.open_time.after(self.timeframe.duration())
    }
}

/// Why market data is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapCause {
    /// The last unsynced group of the market journal was lost with the process.
    Crash,
    /// The connection was down.
    Disconnect,
    /// Update ids were missing in the depth stream.
    Sequence,
    /// Storage could not keep up and the feed was closed.
    Overload,
    /// The input ended or was stopped.
    Stopped,
    /// Nothing is missing any more: what was missed came later, by REST or late. Closes a gap that had another cause.
    Recovered,
}

impl GapCause {
    /// The name in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Disconnect => "disconnect",
            Self::Sequence => "sequence",
            Self::Overload => "overload",
            Self::Stopped => "stopped",
            Self::Recovered => "recovered",
        }
    }
}

/// A stretch of time in which market data of an instrument is known to be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Which instrument.
    pub instrument: Instrument,
    /// What was missed.
    pub channel: GapChannel,
    /// Why.
    pub cause: GapCause,
    /// The last receive time before it.
    pub from: UtcNanos,
    /// The first receive time after it; `None` while it is open.
    pub to: Option<UtcNanos>,
    /// The last number seen before it.
    pub first_missing: Option<i64>,
    /// The number that came instead.
    pub resumed_at: Option<i64>,
}

/// What a gap is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapChannel {
    /// Trades and quotes.
    Ticks,
    /// Depth diffs.
    Depth,
    /// Trades alone.
    Trades,
    /// Quotes alone.
    Quotes,
}

impl GapChannel {
    /// The name in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ticks => "ticks",
            Self::Depth => "depth",
            Self::Trades => "trades",
            Self::Quotes => "quotes",
        }
    }
}

/// What a feed hands to the market actor: parsed, stamped, not numbered yet.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedItem {
    /// A trade or quote.
    Tick(Tick),
    /// A depth message.
    Depth(Depth),
    /// Missing data that the feed itself noticed.
    Gap(Gap),
    /// A bar that the venue made itself; its `bar_id` and `revision` are 0, for the market gives them. `is_complete` is
    /// false while the venue has not closed it.
    Bar(Bar),
}

/// All that one frame of a feed said.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedBatch {
    /// Where it came from.
    pub source: Source,
    /// When the frame was received; monotone within a feed.
    pub received: UtcNanos,
    /// In the order of the frame.
    pub items: Vec<FeedItem>,
}

/// A numbered market event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number.
    pub id: MarketId,
    /// What happened.
    pub body: EventBody,
}

/// What a market event is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EventBody {
    /// A trade or quote.
    Tick(Tick),
    /// A depth message; boxed, for it is rare beside ticks and holds its levels apart.
    Depth(Box<Depth>),
    /// A bar that closed or was revised.
    Bar(Bar),
    /// Missing data.
    Gap(Box<Gap>),
}

impl Event {
    /// The instrument that it is about.
    #[must_use]
    pub fn instrument(&self) -> Instrument {
        match &self.body {
            EventBody::Tick(tick) => tick.instrument,
            EventBody::Depth(depth) => depth.instrument,
            EventBody::Bar(bar) => bar.instrument,
            EventBody::Gap(gap) => gap.instrument,
        }
    }
}

/// Numbered events of one frame, as they travel to all who listen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Where the events came from.
    pub source: Source,
    /// When the frame was received, made monotone over all feeds: the virtual now.
    pub received: UtcNanos,
    /// In order of their numbers.
    pub events: Vec<Event>,
}

impl Batch {
    /// Whether prices may follow a tick of this batch: what was fetched after a gap says what was, as a correction does.
    #[must_use]
    #[inline]
    pub fn is_price(&self, tick: &Tick) -> bool {
        self.source != Source::Rest && tick.is_price()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_lengths_are_read_and_written() {
        for text in ["1s", "5s", "1m", "15m", "1h", "1d"] {
            assert_eq!(text.parse::<Timeframe>().unwrap().to_string(), text);
        }
        for wrong in ["", "0s", "7s", "1w", "2d", "m", "-1m", "1M"] {
            assert!(wrong.parse::<Timeframe>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_depth_message_that_cannot_be_is_not_sound() {
        let check = |change: fn(&mut Depth), expected: bool| {
            let level = Level { price: "1".parse().unwrap(), size: Size::ZERO };
            let instrument = Instrument { exchange: crate::Exchange::Simulated, symbol: "A".parse().unwrap() };
            let (time, kind) = (UtcNanos(0), DepthKind::Diff { first: 5 });
            let mut depth = Depth { instrument, time, kind, last: 5, bids: vec![level], asks: Vec::new() };
            change(&mut depth);
            assert_eq!(depth.is_sound(UtcNanos(0)), expected, "{depth:?}");
        };
        check(|_| {}, true);
        check(|depth| depth.last = 4, false);
        check(|depth| (depth.kind, depth.last) = (DepthKind::Snapshot, 4), true);
        check(|depth| depth.time = UtcNanos(0).after(caps::CLOCK_TOLERANCE), true);
        check(|depth| depth.time = UtcNanos(1).after(caps::CLOCK_TOLERANCE), false);
        check(|depth| depth.bids[0].price = Price::ZERO, false);
    }
}
