//! How long to wait before the next attempt: twice as long each time up to a limit, and jittered, so that many who
//! were dropped together do not come back together.

use std::time::Duration;

use messages::ids;

/// The waits between attempts. The jitter comes from a seed: the same one gives the same waits.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    seed: u64,
    attempts: u32,
    /// Waits drawn so far, over all successes.
    drawn: u64,
}

impl Backoff {
    /// From `first`, doubled up to `longest`.
    #[must_use]
    pub fn new(first: Duration, longest: Duration, seed: u64) -> Self {
        Self { first, longest, seed, attempts: 0, drawn: 0 }
    }

    /// The wait before the next attempt: between half of the doubled time and all of it.
    pub fn next_wait(&mut self) -> Duration {
        let doubled = self.first.saturating_mul(1u32.checked_shl(self.attempts).unwrap_or(u32::MAX));
        let full = doubled.min(self.longest);
        self.attempts = (self.attempts + 1).min(31);
        self.drawn += 1;
        let hash = ids::hash(format!("{}/{}", self.seed, self.drawn).as_bytes());
        let share = u32::from(u16::from_le_bytes([hash[0], hash[1]]));
        full / 2 + (full / 2).mul_f64(f64::from(share) / 65_536.0)
    }

    /// It went well: the next wait is the first again.
    pub fn succeeded(&mut self) {
        self.attempts = 0;
    }

    /// Attempts since the last success.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_begin_anew_after_a_success() {
        let (first, longest) = (Duration::from_millis(500), Duration::from_secs(60));
        let mut backoff = Backoff::new(first, longest, 7);
        for attempt in 0..40u32 {
            let full = first.saturating_mul(1 << attempt.min(20)).min(longest);
            let wait = backoff.next_wait();
            assert!(full / 2 <= wait && wait <= full, "{attempt}: {wait:?} of {full:?}");
        }
        backoff.succeeded();
        assert!(backoff.next_wait() <= first);
    }

    #[test]
    fn the_seed_decides_the_jitter() {
        let waits = |seed| {
            let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60), seed);
            [0; 5].map(|_| backoff.next_wait())
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}
