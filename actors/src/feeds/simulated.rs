//! The simulated market: quotes and trades made from a seed, marked `simulated` in every row.
//!
//! Hears nothing but the seed; says one batch per event, each at the event's own virtual time.
//! Prices walk at random around their start and are pulled back to it over two hours, so that a day
//! stays sensible; trades come at the bid or ask with a plausible gap between them. It is a market
//! to try strategies' mechanics in, not one to judge their profit by.
//!
//! Invariant: integers only, so the same seed gives the same batches on every machine; bid < ask,
//! both multiples of the step; ids rise per symbol, also over a restart at a later time.

use messages::instrument::{Exchange, Instrument};
use messages::market::{Conditions, FeedBatch, FeedItem, Level, Source, Tick, TickBody};
use messages::orders::Side;
use messages::{Price, Size, Symbol, UtcNanos};

pub use crate::chance::SplitMix64;

/// Most events of one kind per second and symbol: one a microsecond, so that times stay distinct in
/// a TIMESTAMP and ids, counted from the start's microseconds, never overtake time.
pub const MAX_PER_SEC: u32 = 1_000_000;
/// How long the pull back to the start price takes, in seconds.
const REVERSION_SECS: i128 = 2 * 3_600;
const SECOND: u64 = 1_000_000_000;
const MICRO: u64 = 1_000;

/// One symbol of the simulated market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedSymbol {
    /// Its name.
    pub symbol: Symbol,
    /// Where its price starts and returns to.
    pub price: Price,
    /// Prices are multiples of this.
    pub price_step: Price,
    /// Sizes are multiples of this.
    pub size_step: Size,
    /// Standard deviation of the price over a minute, in 1/10,000 of the price.
    pub volatility_bps: u32,
    /// Trades per second, on average; 0 for none.
    pub trades_per_sec: u32,
    /// Quotes per second, on average; at least 1.
    pub quotes_per_sec: u32,
}

/// A symbol that cannot be simulated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("simulated symbol {symbol}: `{field}` must be {expected}")]
pub struct SimulatedError {
    /// The symbol.
    pub symbol: Symbol,
    /// What is wrong with it.
    pub field: &'static str,
    /// What was expected.
    pub expected: &'static str,
}

/// The simulated market.
#[derive(Debug, Clone)]
pub struct Simulated {
    markets: Vec<Market>,
}

/// One symbol's market.
#[derive(Debug, Clone)]
struct Market {
    setup: SimulatedSymbol,
    random: SplitMix64,
    /// The price before it is rounded to steps, scaled like [`Price`].
    fair: i128,
    /// Largest change of `fair` at a quote, scaled like [`Price`].
    swing: i128,
    bid: Level,
    ask: Level,
    next_quote: UtcNanos,
    next_trade: UtcNanos,
    update_id: i64,
    trade_id: i64,
}

impl Simulated {
    /// A market of `symbols` that begins at `start`. Without symbols it never says anything.
    ///
    /// # Errors
    /// A price, step or rate that makes no market.
    pub fn new(seed: u64, symbols: &[SimulatedSymbol], start: UtcNanos) -> Result<Self, SimulatedError> {
        let mut seeds = SplitMix64::new(seed);
        let markets = symbols.iter().map(|setup| Market::new(setup, SplitMix64::new(seeds.next()), start));
        Ok(Self { markets: markets.collect::<Result<_, _>>()? })
    }

    /// When the next event is; [`UtcNanos::MAX`] without symbols.
    #[must_use]
    pub fn next_time(&self) -> UtcNanos {
        self.markets.iter().map(Market::next_time).min().unwrap_or(UtcNanos::MAX)
    }

    /// The next event, of the first symbol in order where several are due. Empty without symbols.
    pub fn next_batch(&mut self) -> FeedBatch {
        let received = self.next_time();
        let due = self.markets.iter_mut().find(|market| market.next_time() == received);
        let items = due.map(|market| FeedItem::Tick(market.step(received))).into_iter().collect();
        FeedBatch { source: Source::Simulated, received, items }
    }
}

impl Market {
    fn new(setup: &SimulatedSymbol, random: SplitMix64, start: UtcNanos) -> Result<Self, SimulatedError> {
        check(setup)?;
        let nobody = Level { price: Price::ZERO, size: Size::ZERO };
        let fair = i128::from(setup.price.raw());
        let first_id = start.micros();
        let mut market = Self {
            setup: setup.clone(),
            random,
            fair,
            swing: swing(setup),
            bid: nobody,
            ask: nobody,
            next_quote: start,
            next_trade: start,
            update_id: first_id,
            trade_id: first_id,
        };
        // The first quote comes before the first trade, which needs its prices.
        market.next_quote = market.gap_from(start, setup.quotes_per_sec);
        market.next_trade = market.gap_from(market.next_quote, setup.trades_per_sec);
        Ok(market)
    }

    fn next_time(&self) -> UtcNanos {
        self.next_quote.min(self.next_trade)
    }

    fn step(&mut self, now: UtcNanos) -> Tick {
        let (sequence, body) = if self.next_quote <= self.next_trade {
            self.next_quote = self.gap_from(now, self.setup.quotes_per_sec);
            self.update_id += 1;
            (self.update_id, self.quote())
        } else {
            self.next_trade = self.gap_from(now, self.setup.trades_per_sec);
            self.trade_id += 1;
            (self.trade_id, self.trade())
        };
        let instrument = Instrument { exchange: Exchange::Simulated, symbol: self.setup.symbol };
        Tick { instrument, time: now, sequence: Some(sequence), revision: 0, body }
    }

    /// Moves the price and stands one to four steps apart around it.
    fn quote(&mut self) -> TickBody {
        let anchor = i128::from(self.setup.price.raw());
        let pull = (anchor - self.fair) / (REVERSION_SECS * i128::from(self.setup.quotes_per_sec));
        let moved = self.fair + pull + self.random.within(self.swing);
        // Half and double of the start are walls, whatever the volatility.
        self.fair = moved.clamp(anchor / 2, anchor * 2);
        let step = i128::from(self.setup.price_step.raw());
        let spread = 1 + i128::from(self.random.below(4));
        let bid = ((self.fair / step) - spread / 2).max(1) * step;
        self.bid = Level { price: price(bid), size: self.size() };
        self.ask = Level { price: price(bid + spread * step), size: self.size() };
        TickBody::Quote { bid: Some(self.bid), ask: Some(self.ask) }
    }

    /// A buyer takes the ask or a seller hits the bid, for at most what stands there.
    fn trade(&mut self) -> TickBody {
        let (level, aggressor) = if self.random.below(2) == 0 { (self.ask, Side::Buy) } else { (self.bid, Side::Sell) };
        let size = self.size().min(level.size);
        TickBody::Trade { price: level.price, size, aggressor: Some(aggressor), conditions: Conditions::new() }
    }

    /// 1 to 999 steps, small ones far more often.
    fn size(&mut self) -> Size {
        let most = 1 + self.random.below(999);
        let steps = 1 + self.random.below(most);
        let raw = i64::try_from(steps).ok().and_then(|steps| steps.checked_mul(self.setup.size_step.raw()));
        raw.and_then(Size::from_raw).unwrap_or(self.setup.size_step)
    }

    /// The time of the next event of a kind with this rate: exponentially distributed gaps.
    fn gap_from(&mut self, now: UtcNanos, per_sec: u32) -> UtcNanos {
        if per_sec == 0 {
            return UtcNanos::MAX;
        }
        let mean = u128::from(SECOND / u64::from(per_sec));
        let nanos = (mean * u128::from(self.random.exponential())) >> 16;
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX).max(MICRO);
        now.after(std::time::Duration::from_nanos(nanos))
    }
}

fn check(setup: &SimulatedSymbol) -> Result<(), SimulatedError> {
    let wrong = |field, expected| Err(SimulatedError { symbol: setup.symbol, field, expected });
    if !setup.price_step.is_positive() {
        return wrong("price_step", "above 0");
    }
    // Room for the walls: half of the price is still a few steps, and double fits the column.
    if setup.price.raw() / 16 < setup.price_step.raw() || setup.price.raw() > Price::MAX.raw() / 4 {
        return wrong("price", "at least 16 price steps, and at most a quarter of the largest price");
    }
    if !setup.size_step.is_positive() || setup.size_step.raw() > Size::MAX.raw() / 1_000 {
        return wrong("size_step", "above 0, and at most a thousandth of the largest size");
    }
    if setup.volatility_bps > 1_000 {
        return wrong("volatility_bps", "at most 1,000");
    }
    if !(1..=MAX_PER_SEC).contains(&setup.quotes_per_sec) {
        return wrong("quotes_per_sec", "1 to 1,000,000");
    }
    if setup.trades_per_sec > MAX_PER_SEC {
        return wrong("trades_per_sec", "0 to 1,000,000");
    }
    Ok(())
}

/// Half the width of a uniform change per quote that adds up to the volatility of a minute: a
/// uniform change within ±w has the standard deviation w / √3, and n of them √n times that.
fn swing(setup: &SimulatedSymbol) -> i128 {
    let per_minute = i128::from(setup.price.raw()) * i128::from(setup.volatility_bps) / 10_000;
    let quotes = 60 * u64::from(setup.quotes_per_sec);
    per_minute * 1_732 / (1_000 * i128::from(quotes.isqrt().max(1)))
}

/// A price that the checks of the setup keep in range.
fn price(raw: i128) -> Price {
    let price = i64::try_from(raw).ok().and_then(Price::from_raw);
    price.expect("at most double the start price and a few steps, which the setup's check has room for")
}

#[cfg(test)]
mod tests;
