//! What a correction or cancel of a trade does to the bars that hold it, and to the last price.
//!
//! A bar whose trades are all remembered is added up again, exactly. Of another one the sums are still exact, by the
//! difference; its prices are kept, and where the old price may have been its open, high, low or close the bar is
//! incomplete for good. Invariant: no bar is published as complete that holds a price which was taken back.

use messages::market::Tick;
use messages::{MarketId, UtcNanos};

use super::Market;
use super::bars::Bars;
use super::line::Corrected;
use super::plan::Plan;
use super::recent::{Kept, Recent};
use super::summary::Summary;

impl Market {
    /// A venue corrected or cancelled a tick.
    pub(super) fn follow_correction(&mut self, at: usize, tick: &Tick, id: MarketId) {
        let Self { entries, clocks, plan, counters, lateness, .. } = self;
        let entry = &mut entries[at];
        let changed = match entry.recent.correct(tick, id) {
            Some((before, after)) => {
                entry.trades.corrected(before.mark, &entry.recent);
                let correction = Correction { before, after, recent: &entry.recent };
                let corrected = entry.bars.correct(plan, &correction);
                counters.inexact_corrections += u64::from(!corrected.is_exact);
                corrected.end
            }
            None if tick.is_quote() => None,
            None => {
                counters.inexact_corrections += 1;
                entry.bars.spoil(tick.time)
            }
        };
        if let Some(end) = changed {
            clocks[entry.clock].1.wait_for(end, *lateness);
        }
    }
}

/// A trade as it was and as it is, and those around it as they are.
struct Correction<'a> {
    before: Kept,
    after: Kept,
    recent: &'a Recent,
}

impl Correction<'_> {
    /// Changes what a bar holds; `is_in` says of a time whether its trade is in the bar. False when prices may be wrong.
    fn apply(&self, summary: &mut Summary, span: (UtcNanos, UtcNanos), is_in: impl Fn(UtcNanos) -> bool) -> bool {
        let all = || self.recent.between(span.0, span.1).filter(|kept| is_in(kept.mark.time));
        let is_it = |kept: &Kept| kept.mark == self.before.mark;
        let before = sum(all().map(|kept| if is_it(kept) { &self.before } else { kept }));
        if before.is_some_and(|before| before == *summary) {
            *summary = sum(all()).unwrap_or_else(|| summary.emptied());
            return true;
        }
        summary.replace(self.before.summary().as_ref(), self.after.summary().as_ref())
    }
}

fn sum<'a>(trades: impl Iterator<Item = &'a Kept>) -> Option<Summary> {
    let mut parts = trades.filter_map(Kept::summary);
    let mut sum = parts.next()?;
    parts.all(|part| sum.merge(&part)).then_some(sum)
}

impl Bars {
    fn correct(&mut self, plan: &Plan, correction: &Correction<'_>) -> Corrected {
        let time = correction.before.mark.time;
        let mut all = Corrected::default();
        for &base in plan.bases() {
            // Longer bars first: what they hold is told by which of the short ones they have taken in.
            if self.line(base).has_merged(time) {
                for at in plan.merged_from(base) {
                    let (short, long) = self.pair_mut(base, at);
                    all.and(
                        long.correct(time, |summary, span| {
                            correction.apply(summary, span, |time| short.has_merged(time))
                        }),
                    );
                }
            }
            let line = self.line_mut(base);
            all.and(line.correct(time, |summary, span| correction.apply(summary, span, |_| true)));
        }
        all
    }
}
