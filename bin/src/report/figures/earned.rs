//! Profit over time, by strategy, at equal distances: what fills realized less their fees, and what open positions gained.
//!
//! Instants are whole multiples of the step since 1970. What happens up to an instant, and with it, is in its sum. The step
//! is the shortest that gives at most 2,000 instants, but for ranges of more than five years: those have one a day.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::{Cash, StrategyId, UtcNanos};

use super::fills::Key;
use super::grid::shortest_step;
use super::sum::plus;

/// The most instants, where that is not less than one a day.
const INSTANTS: i64 = 2_000;

/// The profit, in the making.
#[derive(Debug, Clone)]
pub struct Earned {
    origin: UtcNanos,
    step: Duration,
    count: usize,
    by_strategy: BTreeMap<StrategyId, Vec<Cash>>,
    unrealized: BTreeMap<Key, Cash>,
}

impl Earned {
    /// Between these instants.
    pub fn new(from: UtcNanos, to: UtcNanos) -> Self {
        let step = shortest_step(from, to, INSTANTS);
        let origin = from.floor_to(step);
        let count = (to.since(origin) / messages::time::nanos(step) + 1) as usize;
        Self { origin, step, count, by_strategy: BTreeMap::new(), unrealized: BTreeMap::new() }
    }

    /// The first instant of the first step, and how long a step is.
    pub fn grid(&self) -> (UtcNanos, Duration) {
        (self.origin, self.step)
    }

    /// The instants that the sums stand at.
    pub fn instants(&self) -> impl Iterator<Item = UtcNanos> {
        (1..=self.count).map(|n| UtcNanos(self.origin.0 + n as i64 * messages::time::nanos(self.step)))
    }

    /// A position is worth this beyond its cost when the report begins.
    pub fn begin(&mut self, key: Key, unrealized: Cash) {
        self.unrealized.insert(key, unrealized);
    }

    /// A strategy gained this.
    ///
    /// # Errors
    /// The sums do not fit.
    pub fn add(&mut self, strategy: StrategyId, at: UtcNanos, gain: Cash) -> anyhow::Result<()> {
        let nanos = messages::time::nanos(self.step);
        let step = (at.since(self.origin).saturating_sub(1)).div_euclid(nanos);
        self.add_at(strategy, usize::try_from(step).unwrap_or(0), gain)
    }

    /// A position is worth this beyond its cost at the end of a step; steps come in their order.
    ///
    /// # Errors
    /// The sums do not fit.
    pub fn valued(&mut self, key: Key, step: usize, unrealized: Cash) -> anyhow::Result<()> {
        let before = self.unrealized.insert(key, unrealized).unwrap_or_default();
        self.add_at(key.0, step, plus(unrealized, -before)?)
    }

    /// What each strategy had earned at each instant.
    ///
    /// # Errors
    /// The sums do not fit.
    pub fn finish(&self) -> anyhow::Result<BTreeMap<StrategyId, Vec<Cash>>> {
        let sums = |gains: &Vec<Cash>| -> anyhow::Result<Vec<Cash>> {
            let mut sum = Cash::ZERO;
            gains
                .iter()
                .map(|gain| {
                    sum = plus(sum, *gain)?;
                    Ok(sum)
                })
                .collect()
        };
        self.by_strategy.iter().map(|(strategy, gains)| Ok((*strategy, sums(gains)?))).collect()
    }

    fn add_at(&mut self, strategy: StrategyId, step: usize, gain: Cash) -> anyhow::Result<()> {
        let gains = self.by_strategy.entry(strategy).or_insert_with(|| vec![Cash::ZERO; self.count]);
        let place = step.min(self.count - 1);
        gains[place] = plus(gains[place], gain)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use messages::{Exchange, Instrument};

    use super::*;

    fn at(text: &str) -> UtcNanos {
        text.parse().unwrap()
    }

    #[test]
    fn the_instants_reach_from_the_first_step_to_behind_the_end() {
        let check = |to: &str, minutes: u64, count: usize| {
            let earned = Earned::new(at("2026-01-01 00:00:30"), at(to));
            assert_eq!((earned.grid().1.as_secs() / 60, earned.instants().count()), (minutes, count), "{to}");
        };
        check("2026-01-01 00:10:00", 1, 11);
        check("2026-01-03", 5, 577);
        check("2026-03-01", 60, 1_417);
        check("2034-01-01", 1_440, 2_923);
    }

    #[test]
    fn gains_add_up_and_positions_change_by_their_difference() {
        let cash = |text: &str| text.parse::<Cash>().unwrap();
        let instrument = Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() };
        let strategy = "s".parse().unwrap();
        let mut earned = Earned::new(at("2026-01-01"), at("2026-01-01 00:03:00"));
        earned.begin((strategy, instrument), cash("5"));
        earned.add(strategy, at("2026-01-01 00:01:00"), cash("1")).unwrap();
        earned.valued((strategy, instrument), 1, cash("7")).unwrap();
        earned.valued((strategy, instrument), 2, cash("4")).unwrap();
        earned.add(strategy, at("2026-01-01 00:02:00.5"), cash("-3")).unwrap();
        assert_eq!(earned.finish().unwrap()[&strategy], ["1", "3", "-3", "-3"].map(cash));
    }
}
