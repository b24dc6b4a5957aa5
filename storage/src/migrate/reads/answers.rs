//! The answers of one side to questions: all are counted, those of the last minutes are kept for what they took.

use std::collections::VecDeque;
use std::time::Duration;

use messages::telemetry::Quantiles;

use crate::recent::Spread;

/// Over what time answers are looked at.
const WINDOW: Duration = Duration::from_secs(300);
/// Answers that are looked at, at most: enough for a p99, and some hundred kilobytes.
const KEPT: usize = 10_000;

/// One answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// When it came.
    pub(super) at: Duration,
    /// How long it took.
    pub(super) took: Duration,
    /// Whether it failed.
    pub(super) is_failed: bool,
}

/// The answers of one side.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Since the start.
    count: u64,
    /// Of them, those that failed.
    failed: u64,
    newest: VecDeque<Seen>,
}

/// How a side answers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SideStats {
    /// Answers since the start.
    pub count: u64,
    /// Of them, those that failed.
    pub errors: u64,
    /// Seconds that the answers of the last minutes took; none without any.
    pub seconds: Option<Spread>,
}

impl Answers {
    /// Another one.
    pub(super) fn add(&mut self, seen: Seen) {
        self.count += 1;
        self.failed += u64::from(seen.is_failed);
        self.forget(seen.at);
        if self.newest.len() == KEPT {
            self.newest.pop_front();
        }
        self.newest.push_back(seen);
    }

    /// How the side answers.
    pub(super) fn stats(&self, now: Duration) -> SideStats {
        SideStats { count: self.count, errors: self.failed, seconds: self.spread(now) }
    }

    /// What was seen says nothing any more; counts stay.
    pub(super) fn forget_all(&mut self) {
        self.newest.clear();
    }

    fn forget(&mut self, now: Duration) {
        while self.newest.front().is_some_and(|seen| now.saturating_sub(seen.at) > WINDOW) {
            self.newest.pop_front();
        }
    }

    fn within(&self, now: Duration) -> impl Iterator<Item = &Seen> {
        self.newest.iter().filter(move |seen| now.saturating_sub(seen.at) <= WINDOW)
    }

    /// How many of the last minutes failed, and of how many.
    pub(super) fn failures(&self, now: Duration) -> (usize, usize) {
        (self.within(now).filter(|seen| seen.is_failed).count(), self.within(now).count())
    }

    /// What those of the last minutes took that are answers: what failed at once is not quick.
    pub(super) fn spread(&self, now: Duration) -> Option<Spread> {
        let answered = || self.within(now).filter(|seen| !seen.is_failed);
        let quantiles = Quantiles::of(answered().map(|seen| seen.took.as_secs_f64()))?;
        Some(Spread { of: answered().count(), quantiles })
    }
}
