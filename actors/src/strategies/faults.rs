//! When a failed strategy is started again, and when no more: one pure policy.

use std::collections::VecDeque;
use std::time::Duration;

use messages::UtcNanos;
use messages::strategies::Fault;

/// Faults within [`WINDOW`] that end in quarantine.
const MOST: usize = 5;
/// The window in which faults are counted.
const WINDOW: Duration = Duration::from_secs(600);
/// Hangs that end in quarantine: a hung thread cannot be killed, and each costs one.
const MOST_HANGS: u32 = 2;
/// The first back-off, doubled with every fault in the window.
const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
/// The longest back-off.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(10);

/// What becomes of a failed strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The next generation starts after this.
    RestartAfter(Duration),
    /// It stays down until somebody resumes it.
    Quarantine,
}

/// The faults of one strategy.
#[derive(Debug, Default)]
pub struct Faults {
    recent: VecDeque<UtcNanos>,
    hangs: u32,
    total: u32,
    abandoned: u32,
}

impl Faults {
    /// Counts a fault and decides.
    pub fn decide(&mut self, fault: Fault, now: UtcNanos) -> Decision {
        self.total += 1;
        if fault == Fault::Hung {
            self.hangs += 1;
            self.abandoned += 1;
        }
        self.recent.push_back(now);
        while self.recent.front().is_some_and(|at| *at <= now.before(WINDOW)) {
            self.recent.pop_front();
        }
        if self.recent.len() >= MOST || self.hangs >= MOST_HANGS {
            return Decision::Quarantine;
        }
        let doublings = self.recent.len().saturating_sub(1) as u32;
        Decision::RestartAfter(FIRST_BACK_OFF.saturating_mul(1 << doublings.min(10)).min(LONGEST_BACK_OFF))
    }

    /// Somebody resumed it: the count begins anew.
    pub fn forgive(&mut self) {
        self.recent.clear();
        self.hangs = 0;
    }

    /// Faults so far.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Threads that hung and were abandoned.
    #[must_use]
    pub fn abandoned(&self) -> u32 {
        self.abandoned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(faults: &[(Fault, i64)], expected: &[Option<u64>]) {
        let mut policy = Faults::default();
        let decide = |(fault, secs): &(Fault, i64)| match policy.decide(*fault, UtcNanos(secs * 1_000_000_000)) {
            Decision::RestartAfter(back_off) => Some(back_off.as_millis() as u64),
            Decision::Quarantine => None,
        };
        assert_eq!(faults.iter().map(decide).collect::<Vec<_>>(), expected, "{faults:?}");
    }

    #[test]
    fn restarts_slow_down_and_end_in_quarantine() {
        use Fault::{Hung, Lagging, Panicked};
        let every = |secs: i64| (0..5).map(|n| (Panicked, n * secs)).collect::<Vec<_>>();
        check(&every(10), &[Some(100), Some(200), Some(400), Some(800), None]);
        check(&every(700), &[Some(100); 5]);
        check(&[(Hung, 0), (Hung, 10_000)], &[Some(100), None]);
        check(&[(Lagging, 0), (Hung, 1), (Panicked, 2)], &[Some(100), Some(200), Some(400)]);
    }
}
