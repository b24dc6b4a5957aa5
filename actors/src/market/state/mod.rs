//! The pure state of the market actor: it numbers market events, and keeps last quotes, books and
//! bars from them.
//!
//! It hears frames of the feeds, the passing of time, reserved numbers and, at start, the tail of
//! the market journal. It says batches of numbered events. It knows no clock, no journal and no
//! listener: time comes with the frames and the timer, the shell does the rest.
//!
//! Invariant: the same calls give the same batches; whatever left with a number is in rising order,
//! and its receive time never falls.

mod bars;
mod closing;
mod correcting;
mod counters;
mod entry;
mod following;
mod line;
mod numbers;
mod offset;
mod open_gaps;
mod plan;
mod quotes;
mod rebuild;
mod recent;
mod summary;
mod trades;
mod venue_bars;
mod watch;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use messages::market::{Batch, FeedBatch, FeedItem, Source, Timeframe};
use messages::time::nanos;
use messages::{Exchange, Instrument, MarketId, UtcNanos};

pub use counters::Counters;
pub use offset::ClockOffset;
pub use quotes::LastQuote;
pub use trades::LastTrade;

use crate::book::Book;
use crate::ports::{BookView, MarketView};

use closing::Due;
use entry::Entry;
use numbers::Numbers;
use offset::Clock;
use plan::Plan;

/// What may be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Lengths of bars to publish.
    pub bars: Vec<Timeframe>,
    /// How long after a bar's end, in venue time, its late trades are waited for.
    pub lateness: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { bars: vec![Timeframe::SECOND, Timeframe::MINUTE], lateness: Duration::from_secs(1) }
    }
}

/// The market as we know it.
#[derive(Debug)]
pub struct Market {
    plan: Plan,
    /// In nanoseconds.
    lateness: i64,
    numbers: Numbers,
    counters: Counters,
    clocks: Vec<(Exchange, Clock)>,
    entries: Vec<Entry>,
    places: BTreeMap<Instrument, usize>,
    /// The place of the last tick's instrument: ticks of one instrument come in runs.
    recent: usize,
    received: UtcNanos,
    source: Source,
    /// Between the first rebuilt batch and the first live call.
    rebuilding: bool,
    /// Bars about to be published; kept for its memory.
    due: Vec<Due>,
}

impl Market {
    /// An empty market. Numbers must be reserved before its first frame.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            plan: Plan::new(&settings.bars),
            lateness: nanos(settings.lateness),
            numbers: Numbers::default(),
            counters: Counters::default(),
            clocks: Vec::new(),
            entries: Vec::new(),
            places: BTreeMap::new(),
            recent: 0,
            received: UtcNanos::MIN,
            source: Source::Stream,
            rebuilding: false,
            due: Vec::new(),
        }
    }

    /// Numbers from `first` up to, not including, `end` may now be given. May be called ahead.
    ///
    /// # Panics
    /// When the block is empty or not above all numbers known so far.
    pub fn reserve(&mut self, first: MarketId, end: MarketId) {
        self.numbers.reserve(first, end);
    }

    /// Numbers that can be given before another block is needed.
    #[must_use]
    pub fn ids_left(&self) -> u64 {
        self.numbers.left()
    }

    /// Numbers all of a frame into `out`: first the bars that its receive time closes, then its
    /// items, then the bars that these closed or revised.
    ///
    /// # Panics
    /// When numbers run out.
    pub fn on_feed(&mut self, frame: &FeedBatch, out: &mut Batch) {
        self.counters.clock_steps_back += u64::from(frame.received < self.received);
        self.source = frame.source;
        self.begin(frame.received, out);
        self.publish_due(out);
        for item in &frame.items {
            match item {
                FeedItem::Tick(tick) => self.on_tick(tick, out),
                FeedItem::Depth(depth) => self.on_depth(depth, out),
                FeedItem::Gap(gap) => self.on_gap(gap, out),
                FeedItem::Bar(bar) => self.on_bar(bar, out),
            }
        }
        self.publish_due(out);
    }

    /// Closes the bars whose time has come although the market is silent. The batch bears the
    /// source of the last frame.
    ///
    /// # Panics
    /// When numbers run out.
    pub fn on_timer(&mut self, now: UtcNanos, out: &mut Batch) {
        self.begin(now, out);
        self.publish_due(out);
    }

    /// When [`Self::on_timer`] should be called next, in receive time; `None` while no bar is open.
    #[must_use]
    pub fn next_due(&self) -> Option<UtcNanos> {
        self.clocks.iter().filter_map(|(_, clock)| clock.due_here()).min()
    }

    /// The end of the input, or a stop: closes what is due, then publishes every open bar as
    /// incomplete.
    ///
    /// # Panics
    /// When numbers run out.
    pub fn stop(&mut self, now: UtcNanos, out: &mut Batch) {
        self.begin(now, out);
        self.publish_due(out);
        self.publish_open(out);
    }

    /// The last sound quote of an instrument.
    #[must_use]
    pub fn quote(&self, instrument: Instrument) -> Option<&LastQuote> {
        self.entry(instrument)?.quotes.last()
    }

    /// The newest trade of an instrument.
    #[must_use]
    pub fn last_trade(&self, instrument: Instrument) -> Option<&LastTrade> {
        self.entry(instrument)?.trades.last()
    }

    /// The order book of an instrument, once a depth message of it came.
    #[must_use]
    pub fn book(&self, instrument: Instrument) -> Option<&Book> {
        self.entry(instrument)?.book.as_deref()
    }

    /// The newest prices of an instrument, and `levels` of each side of its book.
    #[must_use]
    pub fn view(&self, instrument: Instrument, levels: usize) -> Option<Box<MarketView>> {
        let entry = self.entry(instrument)?;
        let book = entry.book.as_deref().and_then(|book| {
            Some(BookView {
                bids: book.bids().take(levels).collect(),
                asks: book.asks().take(levels).collect(),
                last_id: book.last_id()?,
                received: book.heard(),
            })
        });
        Some(Box::new(MarketView { quote: entry.quotes.last().copied(), trade: entry.trades.last().copied(), book }))
    }

    /// Every instrument seen, sorted.
    pub fn instruments(&self) -> impl Iterator<Item = Instrument> {
        self.places.keys().copied()
    }

    /// Every book, sorted by instrument.
    pub fn books(&self) -> impl Iterator<Item = (Instrument, &Book)> {
        self.places.iter().filter_map(|(&instrument, &at)| Some((instrument, self.entries[at].book.as_deref()?)))
    }

    /// Nanoseconds by which an exchange's clock is ahead of ours; `None` before a message told.
    #[must_use]
    pub fn clock_offset(&self, exchange: Exchange) -> Option<i64> {
        self.clocks.iter().find(|(known, _)| *known == exchange)?.1.offset.nanos()
    }

    /// The measured clock offset of every exchange that has told one, in order of first sight.
    pub fn clock_offsets(&self) -> impl Iterator<Item = ClockOffset> {
        let told = |(exchange, clock): &(Exchange, Clock)| {
            clock.offset.nanos().map(|nanos| ClockOffset { exchange: *exchange, nanos })
        };
        self.clocks.iter().filter_map(told)
    }

    /// What was counted since the start.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn begin(&mut self, now: UtcNanos, out: &mut Batch) {
        let was_rebuilding = std::mem::take(&mut self.rebuilding);
        if was_rebuilding {
            self.end_rebuild();
        }
        self.received = self.received.max(now);
        out.source = self.source;
        out.received = self.received;
        out.events.clear();
        if was_rebuilding {
            self.close_old_gaps(out);
        }
    }

    fn entry(&self, instrument: Instrument) -> Option<&Entry> {
        self.places.get(&instrument).map(|&at| &self.entries[at])
    }

    /// Where the state of an instrument is; made when it is new.
    fn place(&mut self, instrument: Instrument) -> usize {
        if self.entries.get(self.recent).is_none_or(|entry| entry.instrument != instrument) {
            self.recent = self.places.get(&instrument).copied().unwrap_or_else(|| self.open_place(instrument));
        }
        self.recent
    }

    #[cold]
    fn open_place(&mut self, instrument: Instrument) -> usize {
        let clock = self.clocks.iter().position(|(exchange, _)| *exchange == instrument.exchange);
        let clock = clock.unwrap_or_else(|| {
            self.clocks.push((instrument.exchange, Clock::default()));
            self.clocks.len() - 1
        });
        self.entries.push(Entry::new(instrument, clock, &self.plan));
        self.places.insert(instrument, self.entries.len() - 1);
        self.entries.len() - 1
    }
}
