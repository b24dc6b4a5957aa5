//! Latches: what has once gone too far stops new risk until a person sets it free, over restarts too.
//!
//! Three fall by themselves: the day's loss, of the account or of one strategy, the fall from the highest value
//! ([`super::losses`]), and the share of orders that the venue refused, counted here over the last orders that it answered.
//! A strategy's latch stops that strategy alone.

use std::collections::BTreeMap;

use messages::risk::{Latch, Refusal, whose};
use messages::{StrategyId, UtcNanos};
use serde::{Deserialize, Serialize};

use super::{Context, refuse};

/// A latch that has fallen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallen {
    /// Why.
    pub why: String,
    /// When.
    pub at: UtcNanos,
}

/// The latches that have fallen, each with the strategy whose it is; the account's have none.
pub type Latches = BTreeMap<(Latch, Option<StrategyId>), Fallen>;

/// The command that sets a latch free.
#[must_use]
pub fn remedy(latch: Latch, strategy: Option<StrategyId>) -> String {
    let whose = strategy.map(|strategy| format!(" --strategy {strategy}")).unwrap_or_default();
    format!("`merganser risk reset {latch}{whose} --why …`")
}

/// How the venue answered the last orders: one bit each, the newest lowest, 1 for a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answers {
    bits: u64,
    count: u32,
}

impl Answers {
    /// The venue took or refused an order.
    pub fn note(&mut self, refused: bool) {
        self.bits = self.bits << 1 | u64::from(refused);
        self.count = (self.count + 1).min(u64::BITS);
    }

    /// Refusals among the last `window`, and of how many, which may be fewer.
    #[must_use]
    pub fn of_last(&self, window: u32) -> (u32, u32) {
        let window = window.clamp(1, u64::BITS);
        let mask = u64::MAX >> (u64::BITS - window);
        ((self.bits & mask).count_ones(), self.count.min(window))
    }

    /// Why its latch falls: so many of a full window were refused.
    #[must_use]
    pub fn check(&self, window: u32, percent: u32) -> Option<String> {
        let (refused, of) = self.of_last(window);
        let is_full = of == window.clamp(1, u64::BITS);
        (percent > 0 && is_full && u64::from(refused) * 100 >= u64::from(percent) * u64::from(of))
            .then(|| format!("the venue refused {refused} of the last {of} orders; the limit is {percent} %"))
    }
}

pub(super) fn check(c: &Context<'_>) -> Result<(), Refusal> {
    if c.latches.is_empty() || c.reduces() {
        return Ok(());
    }
    let binds = |whose: &Option<StrategyId>| whose.is_none_or(|strategy| strategy == c.strategy);
    match c.latches.iter().find(|((_, whose), _)| binds(whose)) {
        Some(((latch, strategy), Fallen { why, .. })) => {
            let (what, remedy) = (whose(*latch, *strategy), remedy(*latch, *strategy));
            refuse("risk.latched", format!("{what} has fallen: {why}; {remedy} sets it free"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_a_full_window_falls() {
        let check = |answers: &str, window, percent, expected: bool| {
            let mut found = Answers::default();
            answers.chars().for_each(|c| found.note(c == 'x'));
            assert_eq!(found.check(window, percent).is_some(), expected, "{answers} of {window} at {percent} %");
        };
        check("xxx", 4, 50, false);
        check("xx..", 4, 50, true);
        check("xx...", 4, 50, false);
        check("..xx", 4, 51, false);
        check("xxxx", 4, 0, false);
        check(&"x".repeat(70), 64, 100, true);
        check(&"x".repeat(63), 64, 100, false);
    }
}
