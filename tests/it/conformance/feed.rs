//! The market that a bench shows to its runtime: one quote, told again and again so that it never is stale.

use std::time::Duration;

use actors::feeds::input::InputError;
use actors::feeds::player::Frames;
use messages::market::{FeedBatch, FeedItem, Level, Source, Tick, TickBody};
use messages::{Instrument, Price, Size};
use testkit::feeds::serve::now;

/// How often a quote is told again.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// A quote: bid, ask, and what may be taken at either.
pub type Quote = (Price, Price, Size);

/// Tells the quotes that come over a channel.
pub struct Shown {
    pub instrument: Instrument,
    pub quotes: flume::Receiver<Quote>,
    pub last: Quote,
}

impl Frames for Shown {
    fn next_frame(&mut self) -> Result<Option<FeedBatch>, InputError> {
        match self.quotes.recv_timeout(AGAIN_AFTER) {
            Ok(quote) => self.last = quote,
            Err(flume::RecvTimeoutError::Timeout) => {}
            Err(flume::RecvTimeoutError::Disconnected) => return Ok(None),
        }
        let (time, (bid, ask, size)) = (now(), self.last);
        let level = |price| Some(Level { price, size });
        let body = TickBody::Quote { bid: level(bid), ask: level(ask) };
        let tick = Tick { instrument: self.instrument, time, sequence: None, revision: 0, body };
        Ok(Some(FeedBatch { source: Source::Stream, received: time, items: vec![FeedItem::Tick(tick)] }))
    }
}
