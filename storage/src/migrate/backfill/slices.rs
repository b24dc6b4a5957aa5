//! What there is to do: stretches of time cut into slices, and which of these are due. Pure: nothing is asked or read here.

use std::collections::BTreeSet;

use messages::UtcNanos;

use super::super::plan::Plan;
use crate::archive::{Place, place};
use crate::query::Range;
use crate::settings::Tiers;
use crate::tiers::period::Unit;
use crate::tiers::{Manifest, Origin, Period, Tier};

/// The first instant of the first whole year that an instant of ours can lie in: a time before it is refused.
pub const FIRST: UtcNanos = UtcNanos(-9_214_560_000_000_000_000);

/// What one of their tables has in one period of ours, before the watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// The place of its plan among all.
    pub plan: usize,
    /// The day or month.
    pub period: Period,
    /// The first instant of it, that of its period.
    pub start: UtcNanos,
    /// The first instant behind it.
    pub end: UtcNanos,
    /// The tier that its period belongs to.
    pub tier: Tier,
}

impl Slice {
    /// Its time.
    #[must_use]
    pub fn range(&self) -> Range {
        Range { from: self.start, to: self.end }
    }
}

/// The periods that hold any of these stretches, the newest first, each up to the watermark.
#[must_use]
pub fn cut(unit: Unit, stretches: &[Range], before: UtcNanos) -> Vec<(Period, Range)> {
    let mut periods = BTreeSet::new();
    for stretch in stretches {
        let (mut at, to) = (stretch.from.max(FIRST), stretch.to.min(before));
        while at < to {
            let period = Period::of(unit, at);
            periods.insert(period);
            at = period.end();
        }
    }
    let range = |period: Period| Range { from: period.start(), to: period.end().min(before) };
    periods.into_iter().rev().map(|period| (period, range(period))).collect()
}

/// Slices by what is to be done with them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// To be brought over, in this order.
    pub slices: Vec<Slice>,
    /// Done before.
    pub before: usize,
    /// Of an age at which rows are deleted here.
    pub past: usize,
}

impl Due {
    /// Adds the slices of a plan.
    pub fn add(
        &mut self,
        (plan, of): (usize, &Plan),
        cut: Vec<(Period, Range)>,
        (manifest, settings, now): (&Manifest, &Tiers, UtcNanos),
        again: Option<Range>,
    ) {
        let table = of.table();
        let from = of.from.to_string();
        for (period, range) in cut {
            let pieces = manifest.of_period(table.name, &period.to_string());
            let origins = || pieces.iter().filter_map(|piece| piece.origin.as_ref());
            // What was read up to a later watermark is read up to there again.
            let same = origins().filter(|o| o.overlaps(&from, range.from, range.to));
            let end = same.map(Origin::end).fold(range.to, UtcNanos::max);
            let is_done = origins().any(|o| o.covers(&from, range.from, range.to));
            let tier = match place(settings.limits(table.name), period, now) {
                Place::Gone => {
                    self.past += 1;
                    continue;
                }
                Place::In(Tier::Cold) => Tier::Cold,
                // Files are owned by warm at the least; a table that has no warm tier moves on from there in time.
                Place::In(Tier::Hot | Tier::Disk | Tier::Warm) => Tier::Warm,
            };
            let is_due = again.map_or(!is_done, |again| again.from < end && range.from < again.to);
            if is_due {
                self.slices.push(Slice { plan, period, start: range.from, end, tier });
            } else {
                self.before += usize::from(is_done);
            }
        }
    }

    /// The newest first, whichever table they are of.
    pub fn sort(&mut self) {
        self.slices.sort_by_key(|slice| (std::cmp::Reverse(slice.start), slice.plan));
    }
}
