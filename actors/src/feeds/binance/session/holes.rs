//! What was missed of a symbol's trades at one point: the ranges of ids that are still missing, and how often each was
//! asked for.
//!
//! Invariant: the ranges of a hole are in rising order and do not touch those that were seen.

use std::time::Duration;

use messages::UtcNanos;
use messages::market::GapCause;

use super::limits::LONGEST_RETRY;

/// Missing ids in a row.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    pub first: i64,
    pub last: i64,
    pub answers: u32,
    pub failures: u32,
    pub due: UtcNanos,
    /// Nobody asks any more, but a trade that comes yet is not known.
    pub given_up: bool,
}

/// What was missed at one point.
#[derive(Debug)]
pub struct Hole {
    /// Names its gap: the last receive time before it.
    pub from: UtcNanos,
    pub cause: GapCause,
    pub reported: bool,
    /// When it is reported and asked for.
    pub due: UtcNanos,
    pub ranges: Vec<Range>,
}

impl Hole {
    pub fn is_open(&self) -> bool {
        self.ranges.iter().any(|range| !range.given_up)
    }

    pub fn next_due(&self) -> Option<UtcNanos> {
        self.ranges.iter().filter(|range| !range.given_up).map(|range| range.due).min()
    }

    /// Makes `last` the end of a range, where it lies within one.
    pub fn split_behind(&mut self, last: i64) {
        let Some(at) = self.ranges.iter().position(|range| range.first <= last && last < range.last) else { return };
        let range = self.ranges[at];
        self.ranges[at].last = last;
        self.ranges.insert(at + 1, Range { first: last + 1, ..range });
    }
}

/// One second, doubled with each attempt.
pub fn retry_wait(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.min(10)).min(LONGEST_RETRY)
}
