//! What the session knows of one symbol: when it last heard of it, which trades are missing, whether the book is whole,
//! and which gaps are open.
//!
//! Invariant: of each channel at most one gap without an end is open, and each gap that was opened is closed once.

use std::time::Duration;

use messages::market::{Gap, GapCause, GapChannel};
use messages::{Exchange, Instrument, Symbol, UtcNanos};

use super::book_ids::{BookIds, Diff};
use super::limits::LONGEST_RETRY;
use super::settings::Settings;
use super::trade_ids::{Patience, TradeIds};

/// A symbol.
#[derive(Debug)]
pub struct SymbolState {
    /// The group whose link serves it.
    pub slot: u32,
    /// When its last message was received.
    pub heard: Option<UtcNanos>,
    /// Since when its streams are confirmed; `None` while they are not.
    pub ready_at: Option<UtcNanos>,
    /// Why the venue does not want it.
    pub refused: Option<String>,
    pub trades: Option<TradeState>,
    pub quotes: Option<QuoteState>,
    pub book: Option<BookState>,
    /// When it is on the agenda.
    pub planned: Option<UtcNanos>,
}

/// Its trades.
#[derive(Debug)]
pub struct TradeState {
    pub ids: TradeIds,
    /// A question about them is in the queue or under way.
    pub asking: bool,
    /// When to ask whether there were any while nobody listened.
    pub probe_at: Option<UtcNanos>,
    pub probes: u32,
    /// An id that is not to be believed was told of.
    pub told: bool,
}

/// Its quotes.
#[derive(Debug)]
pub struct QuoteState {
    pub newest: i64,
    heard: Option<UtcNanos>,
    gap: Option<OpenGap>,
    instrument: Instrument,
}

/// Its book.
#[derive(Debug)]
pub struct BookState {
    pub ids: BookIds,
    heard: Option<UtcNanos>,
    gap: Option<OpenGap>,
    /// A question for it is in the queue or under way.
    pub asking: bool,
    /// When to ask for it.
    pub wanted_at: Option<UtcNanos>,
    /// Times it was lost, but for the links'.
    pub resyncs: u64,
    attempts: u32,
    instrument: Instrument,
}

#[derive(Debug, Clone, Copy)]
struct OpenGap {
    from: UtcNanos,
    cause: GapCause,
}

impl OpenGap {
    fn gap(self, instrument: Instrument, channel: GapChannel, cause: GapCause, to: Option<UtcNanos>) -> Gap {
        Gap { instrument, channel, cause, from: self.from, to, first_missing: None, resumed_at: None }
    }
}

impl SymbolState {
    /// Nothing heard.
    pub fn new(symbol: Symbol, slot: u32, settings: &Settings) -> Self {
        let instrument = Instrument { exchange: Exchange::Binance, symbol };
        let channels = &settings.channels;
        let patience = Patience {
            grace: settings.grace,
            longest: settings.backfill.into(),
            answers: settings.absent_answers,
            failures: settings.failed_requests,
        };
        let trades = (channels.trade || channels.agg_trade).then(|| TradeState {
            ids: TradeIds::new(instrument, patience),
            asking: false,
            probe_at: None,
            probes: 0,
            told: false,
        });
        let quotes = channels.book_ticker.then_some(QuoteState { newest: -1, heard: None, gap: None, instrument });
        let book = channels.depth.then(|| BookState::new(instrument));
        Self { slot, heard: None, ready_at: None, refused: None, trades, quotes, book, planned: None }
    }

    /// Its streams are confirmed on the link that counts.
    pub fn confirmed(&mut self, now: UtcNanos, settings: &Settings) {
        self.ready_at = Some(now);
        let quiet_at = now.after(settings.quiet_after);
        if let Some(trades) = self.trades.as_mut().filter(|trades| trades.ids.away_since().is_some()) {
            trades.probe_at = Some(quiet_at);
        }
        if let Some(book) = self.book.as_mut().filter(|book| !book.ids.is_synced() && !book.asking) {
            // With diffs that wait there is a book to ask for; else it is asked for although nothing changes in it.
            book.wanted_at = Some(if book.ids.has_diffs() { now } else { quiet_at });
        }
    }

    /// The session begins: what comes before the first link has it is missed.
    pub fn begin(&mut self, now: UtcNanos, gaps: &mut Vec<Gap>) {
        self.miss(GapCause::Stopped, Some(now), Lost::ALL, gaps);
    }

    /// Its link is gone, which was opened then.
    pub fn lost(&mut self, cause: GapCause, linked: Option<UtcNanos>, which: Lost, gaps: &mut Vec<Gap>) {
        self.miss(cause, linked.filter(|_| self.ready_at.is_some()), which, gaps);
    }

    fn miss(&mut self, cause: GapCause, linked: Option<UtcNanos>, which: Lost, gaps: &mut Vec<Gap>) {
        if let Some(trades) = self.trades.as_mut().filter(|_| which.trades) {
            trades.ids.lost(cause, linked, gaps);
            trades.probe_at = None;
            trades.probes = 0;
        }
        if let Some(quotes) = self.quotes.as_mut().filter(|_| which.quotes) {
            quotes.lost(cause, linked, gaps);
        }
        if let Some(book) = self.book.as_mut().filter(|_| which.book) {
            book.lost(cause, linked, gaps);
        }
    }

    /// Nobody wants it any more: what is open is closed as it is.
    pub fn close(&mut self, now: UtcNanos, gaps: &mut Vec<Gap>) {
        if let Some(trades) = &mut self.trades {
            trades.ids.close(now, gaps);
        }
        let quotes = self.quotes.as_mut().and_then(|quotes| {
            let gap = quotes.gap.take()?;
            Some(gap.gap(quotes.instrument, GapChannel::Quotes, gap.cause, Some(now)))
        });
        let book = self.book.as_mut().and_then(|book| {
            let gap = book.gap.take()?;
            Some(gap.gap(book.instrument, GapChannel::Depth, gap.cause, Some(now)))
        });
        gaps.extend(quotes.into_iter().chain(book));
    }

    /// When something of it is due.
    pub fn due(&self) -> Option<UtcNanos> {
        if self.refused.is_some() {
            return None;
        }
        let report = self.trades.as_ref().and_then(|trades| trades.ids.report_due());
        let trades = self.trades.as_ref().filter(|trades| !trades.asking);
        let probe = trades.filter(|_| self.ready_at.is_some()).and_then(|trades| trades.probe_at);
        let book = self.book.as_ref().filter(|book| self.ready_at.is_some() && !book.asking);
        [report, trades.and_then(|trades| trades.ids.due()), probe, book.and_then(|book| book.wanted_at)]
            .into_iter()
            .flatten()
            .min()
    }
}

/// Of which channels something was lost.
#[derive(Debug, Clone, Copy)]
pub struct Lost {
    pub trades: bool,
    pub quotes: bool,
    pub book: bool,
}

impl Lost {
    /// Of all.
    pub const ALL: Self = Self { trades: true, quotes: true, book: true };
}

impl QuoteState {
    /// A quote came.
    pub fn heard(&mut self, update_id: i64, now: UtcNanos, gaps: &mut Vec<Gap>) {
        self.newest = self.newest.max(update_id);
        self.heard = Some(now);
        if let Some(gap) = self.gap.take() {
            // Quotes cannot be fetched: what was missed stays missing.
            gaps.push(gap.gap(self.instrument, GapChannel::Quotes, gap.cause, Some(now)));
        }
    }

    fn lost(&mut self, cause: GapCause, linked: Option<UtcNanos>, gaps: &mut Vec<Gap>) {
        let Some(from) = self.heard.or(linked).filter(|_| self.gap.is_none()) else { return };
        let gap = OpenGap { from, cause };
        self.gap = Some(gap);
        gaps.push(gap.gap(self.instrument, GapChannel::Quotes, cause, None));
    }
}

impl BookState {
    fn new(instrument: Instrument) -> Self {
        Self {
            ids: BookIds::default(),
            heard: None,
            gap: None,
            asking: false,
            wanted_at: None,
            resyncs: 0,
            attempts: 0,
            instrument,
        }
    }

    /// A diff came. True when the book was lost by it.
    pub fn diff(&mut self, first: u64, last: u64, now: UtcNanos) -> bool {
        self.heard = Some(now);
        let is_gap = self.ids.diff(first, last) == Diff::Gap;
        self.resyncs += u64::from(is_gap);
        // Behind an attempt that failed it waits its time.
        if !self.ids.is_synced() && !self.asking && self.attempts == 0 {
            self.wanted_at = Some(self.wanted_at.map_or(now, |wanted| wanted.min(now)));
        }
        is_gap
    }

    /// A snapshot came. False when it is of no use.
    pub fn snapshot(&mut self, as_of: u64, now: UtcNanos, gaps: &mut Vec<Gap>) -> bool {
        self.asking = false;
        if !self.ids.snapshot(as_of) {
            self.try_later(now);
            return false;
        }
        (self.wanted_at, self.attempts, self.heard) = (None, 0, Some(now));
        if let Some(gap) = self.gap.take() {
            gaps.push(gap.gap(self.instrument, GapChannel::Depth, GapCause::Recovered, Some(now)));
        }
        true
    }

    /// The snapshot did not come, or was of no use.
    pub fn try_later(&mut self, now: UtcNanos) {
        self.asking = false;
        let wait = Duration::from_secs(1 << self.attempts.min(10)).min(LONGEST_RETRY);
        self.attempts += 1;
        self.wanted_at = Some(now.after(wait));
    }

    fn lost(&mut self, cause: GapCause, linked: Option<UtcNanos>, gaps: &mut Vec<Gap>) {
        self.ids.lost();
        (self.asking, self.wanted_at, self.attempts) = (false, None, 0);
        let Some(from) = self.heard.or(linked).filter(|_| self.gap.is_none()) else { return };
        let gap = OpenGap { from, cause };
        self.gap = Some(gap);
        gaps.push(gap.gap(self.instrument, GapChannel::Depth, cause, None));
    }
}
