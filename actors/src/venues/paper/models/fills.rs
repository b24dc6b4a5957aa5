//! Fill models: the queue before a resting order, which no feed of levels shows.
//!
//! All agree on what is a fact. Trades at our price take who stands before us first, then us; a trade beyond our price, or a
//! quote that crosses it, means that all before us are gone. They differ in what they make of orders that were canceled: the
//! level shows less, and nobody says whether those stood before us or behind.

use messages::Quantity;
use serde::Deserialize;

use crate::chance::SplitMix64;

/// How the size that is shown at our price changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// What was shown before, when we last looked.
    pub before: Quantity,
    /// What traded there since, as far as the feed said.
    pub traded: Quantity,
    /// What is shown now.
    pub now: Quantity,
}

impl Change {
    /// What left without trading; zero where the level grew or trades explain all.
    #[must_use]
    pub fn canceled(&self) -> Quantity {
        let left = self.before.checked_sub(self.traded).and_then(|rest| rest.checked_sub(self.now));
        left.unwrap_or_default().max(Quantity::ZERO)
    }

    /// What was there before the cancels: what was shown less what traded.
    #[must_use]
    pub fn stood(&self) -> Quantity {
        self.before.checked_sub(self.traded).unwrap_or_default().max(Quantity::ZERO)
    }
}

/// The queue before a resting order.
pub trait FillModel: Send {
    /// What stands before an order that comes to a price where `shown` is shown.
    fn joins(&mut self, shown: Quantity, chance: &mut SplitMix64) -> Quantity;

    /// What stands before it after a change. `ahead` is what stood before it, trades since counted. Never more than `ahead`:
    /// who comes later stands behind.
    fn changes(&mut self, ahead: Quantity, change: &Change, chance: &mut SplitMix64) -> Quantity;
}

/// A model without parameters.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoParameters {}

/// Behind all that is shown, and never behind more than is shown later: cancels came from behind us as long as they could. The
/// latest fill that the levels allow.
#[derive(Debug, Clone, Copy)]
pub struct Shown;

impl FillModel for Shown {
    fn joins(&mut self, shown: Quantity, _: &mut SplitMix64) -> Quantity {
        shown
    }
    fn changes(&mut self, ahead: Quantity, change: &Change, _: &mut SplitMix64) -> Quantity {
        ahead.min(change.now)
    }
}

/// Behind all that is shown; only trades shorten the queue. Later than what is possible, where much is canceled.
#[derive(Debug, Clone, Copy)]
pub struct Pessimistic;

impl FillModel for Pessimistic {
    fn joins(&mut self, shown: Quantity, _: &mut SplitMix64) -> Quantity {
        shown
    }
    fn changes(&mut self, ahead: Quantity, _: &Change, _: &mut SplitMix64) -> Quantity {
        ahead
    }
}

/// Behind all that is shown; cancels fall on those before and behind us in proportion.
#[derive(Debug, Clone, Copy)]
pub struct Prorated;

impl FillModel for Prorated {
    fn joins(&mut self, shown: Quantity, _: &mut SplitMix64) -> Quantity {
        shown
    }
    fn changes(&mut self, ahead: Quantity, change: &Change, _: &mut SplitMix64) -> Quantity {
        let (canceled, stood) = (change.canceled(), change.stood());
        let bound = ahead.min(change.now);
        if !canceled.is_positive() || !stood.is_positive() {
            return bound;
        }
        let share = canceled.raw().checked_mul(ahead.min(stood).raw()).map(|product| product / stood.raw());
        let left = share.and_then(Quantity::from_raw).and_then(|share| ahead.checked_sub(share)).unwrap_or(ahead);
        left.max(Quantity::ZERO).min(bound)
    }
}

/// Behind all that is shown; each cancel is drawn to stand before us or behind us. The chance that it stood before us is
/// `ahead^power / (ahead^power + behind^power)`: a power of 1 is fair to every share, a higher one says that cancels come from
/// the longer part of the queue.
///
/// The family is that of the queue models of Moallemi and Yuan ("A model for queue position valuation in a limit order book",
/// 2017) and Rigtorp ("Estimating order queue position", 2013).
#[derive(Debug, Clone, Copy)]
pub struct Probabilistic {
    power: i32,
}

/// Its parameters.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Power {
    /// 1 to 4.
    #[serde(default = "one")]
    power: i32,
}

fn one() -> i32 {
    1
}

impl Probabilistic {
    /// From its parameters.
    ///
    /// # Errors
    /// A power beyond 1 to 4.
    pub fn new(p: Power) -> Result<Self, String> {
        if !(1..=4).contains(&p.power) {
            return Err(format!("`power` is {}; expected 1 to 4", p.power));
        }
        Ok(Self { power: p.power })
    }

    /// The chance in a million that a cancel stood before us.
    fn before_us(&self, ahead: Quantity, behind: Quantity) -> u32 {
        // Products of whole numbers: the same on every machine.
        let raised = |quantity: Quantity| (1..self.power).fold(quantity.to_f64(), |x, _| x * quantity.to_f64());
        let (ahead, behind) = (raised(ahead), raised(behind));
        let all = ahead + behind;
        if all > 0.0 { (ahead / all * 1_000_000.0) as u32 } else { 0 }
    }
}

impl FillModel for Probabilistic {
    fn joins(&mut self, shown: Quantity, _: &mut SplitMix64) -> Quantity {
        shown
    }
    fn changes(&mut self, ahead: Quantity, change: &Change, chance: &mut SplitMix64) -> Quantity {
        let (canceled, bound) = (change.canceled(), ahead.min(change.now));
        if !canceled.is_positive() || !ahead.is_positive() {
            return bound;
        }
        let behind = change.stood().checked_sub(ahead).unwrap_or_default().max(Quantity::ZERO);
        if !chance.per_million(self.before_us(ahead, behind)) {
            return bound;
        }
        ahead.checked_sub(canceled).unwrap_or_default().max(Quantity::ZERO).min(bound)
    }
}

/// Always first: the earliest fill that trades allow, and more than a real order gets.
#[derive(Debug, Clone, Copy)]
pub struct Front;

impl FillModel for Front {
    fn joins(&mut self, _: Quantity, _: &mut SplitMix64) -> Quantity {
        Quantity::ZERO
    }
    fn changes(&mut self, _: Quantity, _: &Change, _: &mut SplitMix64) -> Quantity {
        Quantity::ZERO
    }
}
