//! A market that is not real: random walks in cents, trades among quotes, each instrument in turn by chance.
//! The same seed gives the same ticks, and they are as hard to compress as they look: times, sizes and the order
//! of the instruments have no pattern.

use actors::feeds::simulated::SplitMix64;
use anyhow::Context;
use messages::market::{Event, EventBody, Level, Tick, TickBody};
use messages::orders::Side;
use messages::{Exchange, Instrument, MarketId, Price, Size, UtcNanos};

/// A cent.
const CENT: i64 = 1_000_000;
/// The least step of a size: 0.0001.
const LOT: i64 = 10_000;
/// Of so many ticks one is a trade.
const TRADES: u64 = 4;

/// Instruments with their prices.
pub struct Market {
    chance: SplitMix64,
    walks: Vec<Walk>,
    next: MarketId,
}

struct Walk {
    instrument: Instrument,
    /// In cents.
    price: i64,
    sequence: i64,
}

impl Market {
    /// So many instruments.
    pub fn new(seed: u64, symbols: usize) -> anyhow::Result<Self> {
        let mut chance = SplitMix64::new(seed);
        let walk = |n: usize| {
            let symbol = format!("SYM{n:03}").parse()?;
            let instrument = Instrument { exchange: Exchange::Simulated, symbol };
            anyhow::Ok(Walk { instrument, price: 1_000 + chance.below(1_000_000) as i64, sequence: 0 })
        };
        let walks = (0..symbols).map(walk).collect::<Result<_, _>>()?;
        Ok(Self { chance, walks, next: MarketId(1) })
    }

    /// All of them.
    pub fn instruments(&self) -> Vec<Instrument> {
        self.walks.iter().map(|walk| walk.instrument).collect()
    }

    /// How long after it happened a tick is received: 20 to 80 ms.
    pub fn on_its_way(&mut self) -> i64 {
        20_000_000 + self.chance.below(60_000_000) as i64
    }

    /// A part of a gap.
    pub fn within(&mut self, gap: i64) -> i64 {
        self.chance.below(gap.unsigned_abs().max(1)) as i64
    }

    /// The next tick, at this time.
    pub fn tick(&mut self, time: UtcNanos) -> anyhow::Result<Event> {
        let chance = &mut self.chance;
        let n = chance.below(self.walks.len() as u64) as usize;
        let walk = &mut self.walks[n];
        walk.price = (walk.price + chance.within(2) as i64).max(100);
        walk.sequence += 1 + chance.below(3) as i64;
        let body = if chance.below(TRADES) == 0 {
            let (price, size) = (cents(walk.price)?, size(chance)?);
            let side = if chance.below(2) == 0 { Side::Buy } else { Side::Sell };
            TickBody::Trade { price, size, aggressor: Some(side), conditions: Default::default() }
        } else {
            let spread = 1 + chance.below(3) as i64;
            let bid = Level { price: cents(walk.price)?, size: size(chance)? };
            let ask = Level { price: cents(walk.price + spread)?, size: size(chance)? };
            TickBody::Quote { bid: Some(bid), ask: Some(ask) }
        };
        let id = self.next;
        self.next = MarketId(id.0 + 1);
        let tick = Tick { instrument: walk.instrument, time, sequence: Some(walk.sequence), revision: 0, body };
        Ok(Event { id, body: EventBody::Tick(tick) })
    }
}

fn cents(cents: i64) -> anyhow::Result<Price> {
    Price::from_raw(cents * CENT).context("a price that walked too far")
}

/// Around one, many small and few large.
fn size(chance: &mut SplitMix64) -> anyhow::Result<Size> {
    let lots = 1 + chance.exponential() * 10_000 / 65_536;
    Size::from_raw(lots as i64 * LOT).context("a size that is too large")
}
