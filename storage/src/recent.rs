//! The newest observations of how long something took, and their quantiles: bounded memory, soon forgotten.

use std::collections::VecDeque;
use std::time::Duration;

use messages::telemetry::Quantiles;

/// Observations that quantiles are of: enough for a p99.
const KEPT: usize = 1_000;

/// Quantiles of the newest observations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// How many they are of.
    pub of: usize,
    /// What they are.
    pub quantiles: Quantiles,
}

/// The newest observations, in seconds.
#[derive(Debug, Clone, Default)]
pub struct Recent(VecDeque<f64>);

impl Recent {
    /// Adds one; the oldest goes when there are too many.
    pub fn push(&mut self, took: Duration) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(took.as_secs_f64());
    }

    /// Their quantiles; `None` of none.
    #[must_use]
    pub fn spread(&self) -> Option<Spread> {
        Quantiles::of(self.0.iter().copied()).map(|quantiles| Spread { of: self.0.len(), quantiles })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_count() {
        let mut recent = Recent::default();
        assert_eq!(recent.spread(), None);
        recent.push(Duration::from_secs(3_600));
        (0..KEPT).for_each(|_| recent.push(Duration::from_millis(2)));
        let spread = recent.spread().unwrap();
        assert_eq!((spread.of, spread.quantiles.p999), (KEPT, 0.002));
    }
}
