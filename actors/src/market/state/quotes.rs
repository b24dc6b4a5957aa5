//! The last quote of an instrument. Hears each quote with its sequence; says whether it is late or
//! crossed, and keeps the newest sound one.
//!
//! Invariant: the sequence of the last quote never falls, and its bid is below its ask.

use messages::market::Level;
use messages::{MarketId, UtcNanos};

use super::counters::Counters;

/// The best bid and ask as last quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastQuote {
    /// Best bid; `None` where the venue shows nobody there.
    pub bid: Option<Level>,
    /// Best ask; `None` where the venue shows nobody there.
    pub ask: Option<Level>,
    /// Exchange time; the receive time where the message has none.
    pub time: UtcNanos,
    /// When it was received; staleness is measured from here.
    pub received: UtcNanos,
    /// Its number.
    pub id: MarketId,
}

/// What is to be done with a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// It becomes the last quote.
    Sound,
    /// It is passed on, but nobody should value anything by it.
    Crossed,
    /// A newer one was seen.
    Late,
}

/// The quote rules of one instrument.
#[derive(Debug, Default)]
pub struct Quotes {
    newest: Option<i64>,
    last: Option<LastQuote>,
}

impl Quotes {
    /// Judges a quote; what is not sound is counted.
    pub fn judge(
        &mut self,
        sequence: Option<i64>,
        bid: Option<Level>,
        ask: Option<Level>,
        counters: &mut Counters,
    ) -> Judged {
        if sequence.is_some() && sequence <= self.newest {
            counters.late_quotes += 1;
            return Judged::Late;
        }
        self.newest = sequence.or(self.newest);
        if bid.zip(ask).is_some_and(|(bid, ask)| bid.price >= ask.price) {
            counters.crossed_quotes += 1;
            return Judged::Crossed;
        }
        Judged::Sound
    }

    /// Makes a sound quote the last one.
    pub fn keep(&mut self, quote: LastQuote) {
        self.last = Some(quote);
    }

    /// The last sound quote.
    pub fn last(&self) -> Option<&LastQuote> {
        self.last.as_ref()
    }
}
