//! 20,000 ticks/s: a frame a millisecond with quotes and trades of two instruments, and of a third a trade to order on every
//! 20 ms.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actors::clock::Clock;
use actors::feeds::input::InputError;
use actors::feeds::player::Frames;
use messages::market::{FeedBatch, FeedItem, Source, Tick, TickBody};
use messages::{Exchange, Instrument, Size, UtcNanos};

use crate::commands::bench::probe::{level, wait};

/// What is traded.
pub const TRADED: &str = "binance:BTCUSDT";
/// What else is quoted.
pub const OTHERS: [&str; 2] = ["ETHUSDT", "LOADUSDT"];
/// Ticks of the others in each frame.
const PER_FRAME: u32 = 20;
const FRAME: Duration = Duration::from_millis(1);
/// Frames from one trade to order on to the next.
const ORDER_EVERY: u64 = 20;

/// The instruments.
pub fn instruments() -> Vec<Instrument> {
    ["BTCUSDT"].into_iter().chain(OTHERS).map(instrument).collect()
}

fn instrument(symbol: &str) -> Instrument {
    let symbol = symbol.parse().unwrap_or_else(|_| unreachable!("short names"));
    Instrument { exchange: Exchange::Binance, symbol }
}

/// Plays until it is told to end.
pub struct Load {
    clock: Clock,
    ends: Arc<AtomicBool>,
    next: UtcNanos,
    frames: u64,
    sequence: i64,
    others: [Instrument; 2],
    traded: Instrument,
}

impl Load {
    pub fn new(clock: Clock, ends: Arc<AtomicBool>) -> Self {
        let next = clock.now();
        let (others, traded) = (OTHERS.map(instrument), instrument("BTCUSDT"));
        Self { clock, ends, next, frames: 0, sequence: 0, others, traded }
    }

    fn tick(&mut self, instrument: Instrument, time: UtcNanos, body: TickBody) -> FeedItem {
        self.sequence += 1;
        FeedItem::Tick(Tick { instrument, time, sequence: Some(self.sequence), revision: 0, body })
    }

    /// Every fourth is a trade.
    fn other(&mut self, n: u32, now: UtcNanos) -> FeedItem {
        let instrument = self.others[n as usize % 2];
        let body =
            if n.is_multiple_of(4) { trade(3_000) } else { TickBody::Quote { bid: level(2_999), ask: level(3_001) } };
        self.tick(instrument, now, body)
    }
}

impl Frames for Load {
    fn next_frame(&mut self) -> Result<Option<FeedBatch>, InputError> {
        if self.ends.load(Ordering::Acquire) {
            return Ok(None);
        }
        self.next = self.next.after(FRAME);
        wait(self.clock.until(self.next));
        let now = self.clock.now();
        self.frames += 1;
        let mut items: Vec<FeedItem> = (0..PER_FRAME).map(|n| self.other(n, now)).collect();
        if self.frames.is_multiple_of(ORDER_EVERY) {
            items.push(self.tick(self.traded, now, TickBody::Quote { bid: level(59_999), ask: level(60_001) }));
            items.push(self.tick(self.traded, now, trade(60_000)));
        }
        Ok(Some(FeedBatch { source: Source::Simulated, received: now, items }))
    }
}

fn trade(price: i64) -> TickBody {
    let price = level(price).map(|level| level.price).unwrap_or_default();
    TickBody::Trade { price, size: Size::ONE, aggressor: None, conditions: Default::default() }
}
