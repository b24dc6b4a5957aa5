//! All that the market actor knows of one instrument, and the rules by which its messages are
//! judged before they get a number. Hears ticks; says use, pass on or drop.
//!
//! Invariant: a tick that is dropped leaves no trace but a count.

use messages::market::{Bar, Level, Tick, TickBody};
use messages::{Instrument, UtcNanos};

use super::bars::Bars;
use super::counters::Counters;
use super::open_gaps::OpenGaps;
use super::plan::Plan;
use super::quotes::{Judged, Quotes};
use super::recent::Recent;
use super::trades::Trades;
use super::venue_bars::VenueBars;
use super::watch::Watch;
use crate::book::Book;

/// The state of one instrument.
#[derive(Debug)]
pub struct Entry {
    /// Whose.
    pub instrument: Instrument,
    /// Its exchange's place among the clocks.
    pub clock: usize,
    /// Last quote.
    pub quotes: Quotes,
    /// Trade ids and last trade.
    pub trades: Trades,
    /// Trades that may still be corrected.
    pub recent: Recent,
    /// Gaps that have no end yet.
    pub open_gaps: OpenGaps,
    /// When it was not watched.
    pub watch: Watch,
    /// Bars made from its trades.
    pub bars: Bars,
    /// The venue's bars that were published.
    pub venue_bars: VenueBars,
    /// The order book, once a depth message came.
    pub book: Option<Box<Book>>,
}

/// What is to be done with a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Number it, pass it on, and follow it.
    Use,
    /// Number it and pass it on; bars and last prices follow what it corrects.
    Correct,
    /// Number it and pass it on; last prices and bars do not follow.
    PassOn,
    /// Count it; nobody sees it.
    Drop,
}

impl Entry {
    /// Nothing known yet.
    pub fn new(instrument: Instrument, clock: usize, plan: &Plan) -> Self {
        Self {
            instrument,
            clock,
            quotes: Quotes::default(),
            trades: Trades::default(),
            recent: Recent::of(instrument.exchange),
            open_gaps: OpenGaps::default(),
            watch: Watch::default(),
            bars: Bars::new(plan),
            venue_bars: VenueBars::default(),
            book: None,
        }
    }

    /// Judges a tick; all but plain use is counted.
    pub fn judge(&mut self, tick: &Tick, received: UtcNanos, counters: &mut Counters) -> Verdict {
        if tick.time.is_ahead_of(received) || !is_possible(&tick.body) {
            counters.out_of_range += 1;
            return Verdict::Drop;
        }
        if tick.revision > 0 {
            return self.judge_correction(tick, counters);
        }
        match &tick.body {
            TickBody::Trade { conditions, .. } => {
                if !self.trades.admits(tick.sequence, conditions, counters) {
                    Verdict::Drop
                } else if tick.is_price() {
                    Verdict::Use
                } else {
                    counters.empty_trades += 1;
                    Verdict::PassOn
                }
            }
            TickBody::Quote { bid, ask } => match self.quotes.judge(tick.sequence, *bid, *ask, counters) {
                Judged::Sound => Verdict::Use,
                Judged::Crossed => Verdict::PassOn,
                Judged::Late => Verdict::Drop,
            },
        }
    }

    /// It repeats a sequence on purpose, but two links may bring it twice.
    fn judge_correction(&self, tick: &Tick, counters: &mut Counters) -> Verdict {
        if self.recent.has_heard(tick) {
            counters.duplicate_trades += 1;
            return Verdict::Drop;
        }
        counters.corrections += 1;
        Verdict::Correct
    }
}

/// A venue's bar that can be.
pub fn is_bar(bar: &Bar, received: UtcNanos) -> bool {
    let prices = [bar.open, bar.high, bar.low, bar.close];
    let spans = prices.iter().all(|&price| bar.low <= price && price <= bar.high);
    let amounts = !bar.volume.is_negative() && bar.notional.raw() >= 0;
    spans && bar.low.is_positive() && amounts && !bar.open_time.is_ahead_of(received)
}

fn is_possible(body: &TickBody) -> bool {
    match *body {
        TickBody::Trade { price, size, .. } => Level { price, size }.is_possible(),
        TickBody::Quote { bid, ask } => [bid, ask].iter().flatten().all(Level::is_possible),
    }
}
