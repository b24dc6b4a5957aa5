//! The market that a bench shows to its runtime: one quote, told again and again so that it never is stale, and a trade where a
//! case has one.

use std::time::Duration;

use actors::feeds::input::InputError;
use actors::feeds::player::Frames;
use messages::market::{Conditions, FeedBatch, FeedItem, Level, Source, Tick, TickBody};
use messages::{Instrument, Price, Size};
use testkit::feeds::serve::now;

/// How often a quote is told again.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// A quote: bid, ask, and what may be taken at either.
pub type Quote = (Price, Price, Size);

/// What is shown next.
pub enum Show {
    Quote(Quote),
    Trade(Price),
}

/// Tells what comes over a channel.
pub struct Shown {
    pub instrument: Instrument,
    pub shows: flume::Receiver<Show>,
    pub last: Quote,
}

impl Shown {
    fn quote(&self) -> TickBody {
        let (bid, ask, size) = self.last;
        let level = |price| Some(Level { price, size });
        TickBody::Quote { bid: level(bid), ask: level(ask) }
    }
}

impl Frames for Shown {
    fn next_frame(&mut self) -> Result<Option<FeedBatch>, InputError> {
        let body = match self.shows.recv_timeout(AGAIN_AFTER) {
            Ok(Show::Quote(quote)) => {
                self.last = quote;
                self.quote()
            }
            Ok(Show::Trade(price)) => {
                TickBody::Trade { price, size: Size::ONE, aggressor: None, conditions: Conditions::default() }
            }
            Err(flume::RecvTimeoutError::Timeout) => self.quote(),
            Err(flume::RecvTimeoutError::Disconnected) => return Ok(None),
        };
        let time = now();
        let tick = Tick { instrument: self.instrument, time, sequence: None, revision: 0, body };
        Ok(Some(FeedBatch { source: Source::Stream, received: time, items: vec![FeedItem::Tick(tick)] }))
    }
}
