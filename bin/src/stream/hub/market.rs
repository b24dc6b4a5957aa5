//! What the stream shows of the market: of each instrument the newest quote, the tape, and bars.
//!
//! Invariant: memory is bounded by the number of instruments; nothing is gathered for who does not watch.

use std::collections::BTreeMap;

use messages::market::{Batch, EventBody, Tick, Timeframe};
use messages::{Instrument, MarketId, UtcNanos, caps};

use super::bars::Bars;
use super::tape::Tape;

/// A trade or quote as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Print {
    /// Its number.
    pub id: MarketId,
    /// What it says.
    pub tick: Tick,
    /// When it was received.
    pub received: UtcNanos,
}

/// One instrument.
pub struct Line {
    /// The newest quote.
    pub quote: Option<Print>,
    /// Whether nobody was shown it yet.
    pub is_quote_new: bool,
    /// The tape.
    pub trades: Tape<Print>,
    /// Bars by their length.
    pub bars: BTreeMap<Timeframe, Bars>,
}

/// All instruments.
pub struct Market {
    lines: BTreeMap<Instrument, Line>,
    timeframes: Vec<Timeframe>,
    /// Since when everything is heard.
    since: Option<UtcNanos>,
}

impl Market {
    /// These instruments are known before anything is heard of them; bars of these lengths are published.
    pub fn new(instruments: impl IntoIterator<Item = Instrument>, timeframes: Vec<Timeframe>) -> Self {
        let lines = instruments.into_iter().map(|instrument| (instrument, line(&timeframes))).collect();
        Self { lines, timeframes, since: None }
    }

    /// The lengths of bars.
    pub fn timeframes(&self) -> &[Timeframe] {
        &self.timeframes
    }

    /// One instrument.
    pub fn line(&self, instrument: Instrument) -> Option<&Line> {
        self.lines.get(&instrument)
    }

    /// One instrument.
    pub fn line_mut(&mut self, instrument: Instrument) -> Option<&mut Line> {
        self.lines.get_mut(&instrument)
    }

    /// Takes in what the market published.
    pub fn hear(&mut self, batch: &Batch) {
        let since = *self.since.get_or_insert(batch.received);
        for event in &batch.events {
            let line = self.lines.entry(event.instrument()).or_insert_with(|| line(&self.timeframes));
            match &event.body {
                EventBody::Tick(tick) => {
                    let print = Print { id: event.id, tick: *tick, received: batch.received };
                    line.tick(print, batch.is_price(tick), since);
                }
                EventBody::Bar(bar) => {
                    if let Some(bars) = line.bars.get_mut(&bar.timeframe) {
                        bars.close(*bar);
                    }
                }
                EventBody::Depth(_) | EventBody::Gap(_) => {}
            }
        }
    }

    /// Some of it was lost on its way: tapes have holes, and what bars are open is unknown until the next ones begin.
    pub fn lost(&mut self) {
        self.since = None;
        for line in self.lines.values_mut() {
            line.trades.lost();
            line.bars.values_mut().for_each(Bars::lost);
        }
    }
}

fn line(timeframes: &[Timeframe]) -> Line {
    Line {
        quote: None,
        is_quote_new: false,
        trades: Tape::new(caps::TAPE_SHOWN, caps::TAPE_FRESH),
        bars: timeframes.iter().map(|timeframe| (*timeframe, Bars::new(*timeframe))).collect(),
    }
}

impl Line {
    fn tick(&mut self, print: Print, is_price: bool, since: UtcNanos) {
        if print.tick.is_quote() {
            if is_price {
                self.quote = Some(print);
                self.is_quote_new = true;
            }
            return;
        }
        // What was, as a correction or a fetched trade says it, makes no open bar: its revision tells.
        if is_price {
            self.bars.values_mut().for_each(|bars| bars.trade(&print, since));
        }
        self.trades.push(print);
    }
}
