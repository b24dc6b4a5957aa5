//! What is asked for by REST: hole by hole, a page at a time, each a bounded number of times.

use messages::UtcNanos;
use messages::market::Gap;

use super::{Page, TradeIds};
use crate::feeds::binance::session::holes::{Hole, Range, retry_wait};
use crate::feeds::binance::session::limits::ROWS;

impl TradeIds {
    /// When the next range is to be asked for.
    pub fn due(&self) -> Option<UtcNanos> {
        self.holes.iter().filter_map(Hole::next_due).min()
    }

    /// What to ask for next.
    pub fn wanted(&self, now: UtcNanos) -> Option<Page> {
        let ranges = self.holes.iter().flat_map(|hole| &hole.ranges);
        let range = ranges.filter(|range| !range.given_up && range.due <= now).min_by_key(|range| range.first)?;
        Some(Page { first: range.first, last: range.last.min(range.first.saturating_add(ROWS - 1)) })
    }

    /// A page was answered and all its trades were heard; the answer covers the ids up to `covered`.
    pub fn answered(&mut self, page: Page, covered: i64, now: UtcNanos, gaps: &mut Vec<Gap>) {
        let answers = self.patience.answers;
        self.count(page.first, covered, now, gaps, |range| {
            range.answers += 1;
            range.given_up = range.answers >= answers;
            range.answers
        });
    }

    /// The request for a page came to nothing.
    pub fn failed(&mut self, page: Page, now: UtcNanos, gaps: &mut Vec<Gap>) {
        let failures = self.patience.failures;
        self.count(page.first, page.last, now, gaps, |range| {
            range.failures += 1;
            range.given_up = range.failures >= failures;
            range.failures
        });
    }

    /// Counts an attempt for the missing ids from `first` to `last`.
    fn count(
        &mut self,
        first: i64,
        last: i64,
        now: UtcNanos,
        gaps: &mut Vec<Gap>,
        mut count: impl FnMut(&mut Range) -> u32,
    ) {
        for at in (0..self.holes.len()).rev() {
            let hole = &mut self.holes[at];
            if !hole.is_open() {
                continue;
            }
            hole.split_behind(last);
            for range in hole.ranges.iter_mut().filter(|r| !r.given_up && r.first >= first && r.last <= last) {
                let attempts = count(range);
                range.due = now.after(retry_wait(attempts));
            }
            self.end_if_done(at, now, gaps);
        }
    }
}
