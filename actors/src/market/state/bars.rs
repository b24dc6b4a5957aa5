//! All bars of one instrument. Hears its trades and the passing of venue time; says which bars have
//! changed since they were published.
//!
//! A bar built from trades is handed to the longer ones when it closes; a trade that comes later is
//! handed to them directly. So at every moment a long bar is the merge of its closed short ones.

use messages::UtcNanos;
use messages::market::{Bar, Timeframe};

use super::counters::Counters;
use super::line::{Line, REVISABLE, Refused};
use super::plan::Plan;
use super::summary::Summary;

/// The lines of one instrument, in the plan's order.
#[derive(Debug)]
pub struct Bars {
    lines: Vec<Line>,
}

/// A changed bar, sorted as bars close: by end, then length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    /// The first instant after it.
    pub end: UtcNanos,
    /// Its length.
    pub timeframe: Timeframe,
    /// Its row in the plan.
    pub row: usize,
    /// When it opens.
    pub open: UtcNanos,
}

impl Bars {
    /// No bars yet.
    pub fn new(plan: &Plan) -> Self {
        Self { lines: plan.rows().iter().map(|row| Line::new(row.timeframe)).collect() }
    }

    /// Adds a trade. Returns the earliest end of a bar that it changed.
    pub fn trade(
        &mut self,
        plan: &Plan,
        trade: &Summary,
        venue_now: UtcNanos,
        counters: &mut Counters,
    ) -> Option<UtcNanos> {
        let time = trade.first().time;
        // Judged by the trade, not by bar: otherwise it would be in the minute but not in its second.
        if time.after(REVISABLE) <= venue_now {
            counters.refuse(Refused::TooLate);
            // Longer bars may still be open, and will not hold it.
            return self.spoil(time);
        }
        let mut earliest = None;
        for &at in plan.bases() {
            match self.lines[at].add(time, trade, venue_now) {
                Ok(added) => {
                    earliest = Some(earliest.map_or(added.end, |end: UtcNanos| end.min(added.end)));
                    if added.merged {
                        self.merge_up(plan, at, trade, venue_now, counters);
                    }
                }
                Err(refused) => counters.refuse(refused),
            }
        }
        earliest
    }

    /// Hands `part` to every longer bar that is merged from row `base`.
    fn merge_up(&mut self, plan: &Plan, base: usize, part: &Summary, venue_now: UtcNanos, counters: &mut Counters) {
        if part.count == 0 {
            return;
        }
        for at in plan.merged_from(base) {
            if let Err(refused) = self.lines[at].add(part.first().time, part, venue_now) {
                counters.refuse(refused);
            }
        }
    }

    /// Closes the bars that end by `limit`: longer ones take them in, and scaffolding is settled.
    pub fn close(&mut self, plan: &Plan, limit: UtcNanos, venue_now: UtcNanos, counters: &mut Counters) {
        for &base in plan.bases() {
            if plan.merged_from(base).next().is_some() {
                for part in self.lines[base].take_unmerged(limit) {
                    self.merge_up(plan, base, &part, venue_now, counters);
                }
            }
            if !plan.rows()[base].published {
                self.lines[base].settle(limit);
            }
        }
    }

    /// The changed bars that end by `limit`, in no particular order.
    pub fn changed_by(&self, plan: &Plan, limit: UtcNanos) -> impl Iterator<Item = Changed> {
        self.lines.iter().zip(plan.rows()).enumerate().flat_map(move |(row, (line, planned))| {
            let timeframe = planned.timeframe;
            line.changed_by(limit).map(move |slot| Changed { end: slot.end, timeframe, row, open: slot.open })
        })
    }

    /// The earliest end of a changed bar that ends after `limit`.
    pub fn next_end(&self, limit: UtcNanos) -> Option<UtcNanos> {
        self.lines.iter().filter_map(|line| line.next_end(limit)).min()
    }

    /// The line of a row of the plan, to look at.
    pub fn line(&self, row: usize) -> &Line {
        &self.lines[row]
    }

    /// The line of a row of the plan.
    pub fn line_mut(&mut self, row: usize) -> &mut Line {
        &mut self.lines[row]
    }

    /// A line to look at and another to change.
    ///
    /// # Panics
    /// When they are the same.
    pub fn pair_mut(&mut self, look: usize, change: usize) -> (&Line, &mut Line) {
        assert!(look != change, "no bar is merged from itself");
        let (low, high) = self.lines.split_at_mut(look.max(change));
        if look < change { (&low[look], &mut high[0]) } else { (&high[0], &mut low[change]) }
    }

    /// Published bars for which `misses` holds are to be published again, as incomplete. Returns
    /// the earliest end of one.
    pub fn doubt(&mut self, misses: impl Fn(UtcNanos, UtcNanos) -> bool) -> Option<UtcNanos> {
        for line in &mut self.lines {
            line.doubt(&misses);
        }
        self.next_end(UtcNanos::MIN)
    }

    /// Published bars that are incomplete only because of what is recovered now are to be published again. Returns the
    /// earliest end of one.
    pub fn trust(&mut self, misses: impl Fn(UtcNanos, UtcNanos) -> bool) -> Option<UtcNanos> {
        for line in &mut self.lines {
            line.trust(&misses);
        }
        self.next_end(UtcNanos::MIN)
    }

    /// Whatever holds `time` is incomplete for good. Returns the earliest end of a bar that is to be published again.
    pub fn spoil(&mut self, time: UtcNanos) -> Option<UtcNanos> {
        self.lines.iter_mut().filter_map(|line| line.spoil(time)).min()
    }

    /// Takes over what an earlier run published.
    pub fn adopt(&mut self, plan: &Plan, bar: &Bar, venue_now: UtcNanos, counters: &mut Counters) {
        // A length that is no longer configured is none of ours.
        let Some(row) = plan.find(bar.timeframe) else { return };
        match self.lines[row].adopt(bar, venue_now) {
            Ok(Some(part)) => self.merge_up(plan, row, &part, venue_now, counters),
            Ok(None) => {}
            Err(refused) => counters.refuse(refused),
        }
    }
}

impl Counters {
    fn refuse(&mut self, why: Refused) {
        match why {
            Refused::TooLate => self.too_late += 1,
            Refused::Overflow => self.bar_overflows += 1,
        }
    }
}
