//! All fills of a report in one pass: sums per strategy and instrument, round trips, time in the market, profit over time,
//! and the fills to be drawn on prices. Nothing is kept of a fill but these.
//!
//! Money is exact. A fee in the quote asset counts as it is, one in the base asset at the fill's price; a fee in a third
//! asset has no rate here and stands apart. Sums are by currency: nothing is added to what it cannot be added to.

use std::collections::BTreeMap;

use anyhow::Context;
use messages::instrument::Asset;
use messages::orders::{Fee, Liquidity, Side};
use messages::{Cash, Instrument, Price, Quantity, StrategyId, UtcNanos};

use super::earned::Earned;
use super::exposure::Exposure;
use super::marks::Marks;
use super::sum::{TOO_LARGE, plus};
use super::trips::sums::Trips;
use super::trips::{Held, Move};

/// A fill as it was booked.
#[derive(Debug, Clone, Copy)]
pub struct Fill {
    /// When, by the venue.
    pub at: UtcNanos,
    /// Of what.
    pub instrument: Instrument,
    /// Whose.
    pub strategy: StrategyId,
    /// Which way.
    pub side: Side,
    /// How much.
    pub quantity: Quantity,
    /// At what price.
    pub price: Price,
    /// What it realized, before fees, in quote asset.
    pub realized: Cash,
    /// Its fee.
    pub fee: Option<Fee>,
    /// Made or took.
    pub liquidity: Option<Liquidity>,
}

/// What an instrument is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// What is bought.
    pub base: Asset,
    /// What it is paid in.
    pub quote: Asset,
}

/// A position of a strategy.
pub type Key = (StrategyId, Instrument);

/// Sums over the fills of one strategy in one instrument.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// Fills.
    pub fills: u64,
    /// Those that made liquidity, of those that say so.
    pub made: u64,
    /// Those that took it.
    pub took: u64,
    /// price × quantity of all.
    pub turnover: Cash,
    /// Realized, before fees.
    pub realized: Cash,
    /// Fees in the quote asset, or worth that.
    pub fees: Cash,
    /// Fees in other assets.
    pub other_fees: BTreeMap<Asset, Cash>,
    /// What the open position was worth beyond its cost when the report begins; `None` while unknown.
    pub unrealized_before: Option<Cash>,
    /// The same at its end.
    pub unrealized_after: Option<Cash>,
    /// Round trips.
    pub trips: Trips,
}

/// A position at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whose, and in what.
    pub key: Key,
    /// How much, signed.
    pub quantity: Quantity,
    /// What it is worth beyond its cost; `None` while no price is known.
    pub unrealized: Option<Cash>,
}

/// The pass, in the making.
pub struct Fills {
    pairs: BTreeMap<Instrument, Pair>,
    currency: Asset,
    lines: BTreeMap<Key, (Line, Held)>,
    exposure: Exposure,
    /// Profit over time, by strategy, in the account's currency.
    pub earned: Earned,
    marks: Marks,
}

/// What came out.
#[derive(Debug, Clone)]
pub struct Booked {
    /// Sums by strategy and instrument.
    pub lines: BTreeMap<Key, Line>,
    /// The time with any position, in nanoseconds.
    pub in_market: i64,
    /// Profit over time, by strategy.
    pub earned: Earned,
    /// Fills to be drawn on prices.
    pub marks: Marks,
}

impl Fills {
    /// Nothing yet, but for the positions that are open when the report begins.
    pub fn new(
        begin: UtcNanos,
        (currency, pairs): (Asset, BTreeMap<Instrument, Pair>),
        before: &[Standing],
        (earned, marks): (Earned, Marks),
    ) -> Self {
        let exposure = Exposure::new(begin);
        let mut fills = Self { pairs, currency, lines: BTreeMap::new(), exposure, earned, marks };
        for standing in before {
            let line = Line { unrealized_before: standing.unrealized, ..Line::default() };
            let held = Held::from_before(standing.quantity, begin);
            fills.exposure.opened(begin, held.is_open());
            if fills.is_in_currency(standing.key.1) {
                fills.earned.begin(standing.key, standing.unrealized.unwrap_or_default());
            }
            fills.lines.insert(standing.key, (line, held));
        }
        fills
    }

    /// Hears the next fill, in the order in which they were booked.
    ///
    /// # Errors
    /// The sums do not fit.
    pub fn fill(&mut self, fill: &Fill) -> anyhow::Result<()> {
        let pair = self.pairs.get(&fill.instrument).copied();
        let value = fill.price.times(fill.quantity).context(TOO_LARGE)?;
        let (fee, other) = fee_in_quote(fill, pair)?;
        let key = (fill.strategy, fill.instrument);
        let flat = || (Line { unrealized_before: Some(Cash::ZERO), ..Line::default() }, Held::default());
        let (line, held) = self.lines.entry(key).or_insert_with(flat);
        line.fills += 1;
        line.made += u64::from(fill.liquidity == Some(Liquidity::Maker));
        line.took += u64::from(fill.liquidity == Some(Liquidity::Taker));
        line.turnover = plus(line.turnover, value)?;
        line.realized = plus(line.realized, fill.realized)?;
        line.fees = plus(line.fees, fee)?;
        if let Some(Fee { amount, asset }) = other {
            let sum = line.other_fees.entry(asset).or_default();
            *sum = plus(*sum, amount)?;
        }
        let was_open = held.is_open();
        let (side, quantity, realized) = (fill.side, fill.quantity, fill.realized);
        if let Some(ended) = held.fill(&Move { at: fill.at, side, quantity, realized, fee })? {
            line.trips.add(ended)?;
        }
        self.exposure.moved(fill.at, was_open, held.is_open());
        self.marks.fill(fill)?;
        if self.is_in_currency(fill.instrument) {
            self.earned.add(fill.strategy, fill.at, plus(fill.realized, -fee)?)?;
        }
        Ok(())
    }

    /// Whether an instrument is paid in the account's currency.
    pub fn is_in_currency(&self, instrument: Instrument) -> bool {
        self.pairs.get(&instrument).is_some_and(|pair| pair.quote == self.currency)
    }

    /// What came out, with the positions that are open at the end.
    pub fn finish(self, end: UtcNanos, after: &[Standing]) -> Booked {
        let mut lines = BTreeMap::new();
        for (key, (mut line, held)) in self.lines {
            line.unrealized_after = match after.iter().find(|standing| standing.key == key) {
                Some(standing) => standing.unrealized,
                None => (!held.is_open()).then_some(Cash::ZERO),
            };
            line.trips.open += u64::from(held.is_open());
            lines.insert(key, line);
        }
        Booked { lines, in_market: self.exposure.finish(end), earned: self.earned, marks: self.marks }
    }
}

impl Line {
    /// realized + change of unrealized − fees; `None` while a price is unknown.
    pub fn net(&self) -> Option<Cash> {
        let change = self.unrealized_change()?;
        self.realized.checked_add(change)?.checked_sub(self.fees)
    }

    /// What open positions gained, beyond what was realized.
    pub fn unrealized_change(&self) -> Option<Cash> {
        self.unrealized_after?.checked_sub(self.unrealized_before?)
    }
}

/// A fee in quote asset, and what of it cannot be said in that.
fn fee_in_quote(fill: &Fill, pair: Option<Pair>) -> anyhow::Result<(Cash, Option<Fee>)> {
    let Some(fee) = fill.fee else { return Ok((Cash::ZERO, None)) };
    match pair {
        Some(pair) if pair.quote == fee.asset => Ok((fee.amount, None)),
        Some(pair) if pair.base == fee.asset => {
            let quantity = Quantity::from_raw(fee.amount.raw()).context(TOO_LARGE)?;
            Ok((fill.price.times(quantity).context(TOO_LARGE)?, None))
        }
        _ => Ok((Cash::ZERO, Some(fee))),
    }
}

#[cfg(test)]
mod tests;
