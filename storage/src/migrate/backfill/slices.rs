//! What there is to do: stretches of time cut into slices, and which of these are due. Pure: nothing is asked or read here.

use std::collections::BTreeSet;

use messages::UtcNanos;

use super::super::plan::Plan;
use super::Again;
use crate::archive::{Place, place};
use crate::query::Range;
use crate::settings::Tiers;
use crate::tiers::period::Unit;
use crate::tiers::{Manifest, Origin, Period, Tier};

/// The first instant of the first whole year that an instant of ours can lie in: a time before it is refused.
pub const FIRST: UtcNanos = UtcNanos(-9_214_560_000_000_000_000);

/// The whole years that an instant of ours can lie in, 1678 to 2261.
pub const YEARS: Range = Range { from: FIRST, to: UtcNanos(9_214_646_400_000_000_000) };

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
        (wanted, again): (Range, Again),
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
            let is_wanted = wanted.from < end && range.from < wanted.to;
            if is_wanted && (again != Again::No || !is_done) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::backfill::tests::{piece, tiers};
    use crate::migrate::mapping::{Mapping, check};
    use crate::migrate::tests::theirs::MAPPING;
    use crate::migrate::tests::{catalog, raw_trades};
    use crate::query::tests::{at, range};
    use crate::settings::{Age, AtEnd};

    #[test]
    fn stretches_are_cut_at_periods_the_newest_first_and_end_before_the_watermark() {
        fn check(unit: Unit, stretches: &[Range], before: &str, expected: &[(&str, &str)]) {
            let found = cut(unit, stretches, at(before));
            let found: Vec<(String, String)> = found
                .iter()
                .map(|(period, range)| (period.to_string(), range.to.to_string()[..19].to_owned()))
                .collect();
            let expected: Vec<(String, String)> =
                expected.iter().map(|(period, to)| ((*period).to_owned(), (*to).to_owned())).collect();
            assert_eq!(found, expected);
        }
        // Two chunks of one day, and one that begins within a day and ends in the next.
        let chunks = [
            range("2026-01-02", "2026-01-02 12:00:00"),
            range("2026-01-02 12:00:00", "2026-01-03"),
            range("2026-01-05 20:00:00", "2026-01-06 20:00:00"),
        ];
        check(
            Unit::Day,
            &chunks,
            "2026-01-06 08:30:00",
            &[
                ("2026-01-06", "2026-01-06 08:30:00"),
                ("2026-01-05", "2026-01-06 00:00:00"),
                ("2026-01-02", "2026-01-03 00:00:00"),
            ],
        );
        check(Unit::Month, &chunks, "2026-01-06 08:30:00", &[("2026-01", "2026-01-06 08:30:00")]);
        check(Unit::Day, &chunks, "2026-01-02", &[]);
        check(Unit::Day, &[], "2026-01-02", &[]);
        // A day that begins at the watermark has nothing before it.
        check(Unit::Day, &[range("2026-01-05", "2026-01-08")], "2026-01-06", &[("2026-01-05", "2026-01-06 00:00:00")]);
        // A time that no instant of ours can be is no reason to look through all of them.
        check(
            Unit::Month,
            &[Range { from: UtcNanos::MIN, to: at("1678-01-15") }],
            "2026-01-01",
            &[("1678-01", "1678-02-01 00:00:00")],
        );
    }

    /// The plan of raw trades.
    fn plan() -> Plan {
        check(&Mapping::parse(MAPPING).unwrap(), &catalog(&[("public.raw_trades", &raw_trades())])).plans.remove(0)
    }

    const MISSING: (Range, Again) = (Range::ALL, Again::No);

    fn due(pieces: &[(&str, &str, &str)], before: &str, wanted: (Range, Again)) -> (Vec<(String, Tier)>, usize, usize) {
        let pieces = pieces.iter().map(|(from, start, end)| piece(from, at(start), at(end)));
        let manifest = Manifest::from_pieces(pieces);
        let mut due = Due::default();
        let mut settings = tiers();
        settings.market_ticks.cold = Age::For(std::time::Duration::from_secs(200 * 86_400));
        settings.market_ticks.at_end = AtEnd::Delete;
        let stretches =
            [range("2025-06-01", "2025-06-02"), range("2026-01-01", "2026-01-02"), range("2026-05-01", "2026-05-03")];
        let cut = cut(Unit::Day, &stretches, at(before));
        due.add((0, &plan()), cut, (&manifest, &settings, at("2026-05-10")), wanted);
        due.sort();
        let slices =
            due.slices.iter().map(|slice| (format!("{} {}", slice.period, &slice.end.to_string()[11..19]), slice.tier));
        (slices.collect(), due.before, due.past)
    }

    #[test]
    fn what_is_due_is_told_by_what_the_manifest_owns() {
        let slice = |text: &str, tier| (text.to_owned(), tier);
        let (warm, cold) = (Tier::Warm, Tier::Cold);
        let noon = "2026-05-02 12:00:00";
        let all = vec![
            slice("2026-05-02 12:00:00", warm),
            slice("2026-05-01 00:00:00", warm),
            slice("2026-01-01 00:00:00", cold),
        ];
        // The oldest one is of an age that is deleted here.
        assert_eq!(due(&[], noon, MISSING), (all.clone(), 0, 1));
        let first = ("public.raw_trades", "2026-05-01", "2026-05-02");
        assert_eq!(due(&[first], noon, MISSING), (vec![all[0].clone(), all[2].clone()], 1, 1));
        // Another table's slice of that day says nothing.
        assert_eq!(due(&[("public.other", "2026-05-01", "2026-05-02")], noon, MISSING).0, all);
        // A day that was cut by an earlier watermark is due as far as the new one reaches; one by a later is done.
        assert_eq!(
            due(&[("public.raw_trades", "2026-05-02", "2026-05-02 06:00:00")], noon, MISSING),
            (all.clone(), 0, 1)
        );
        let longer = ("public.raw_trades", "2026-05-02", "2026-05-02 18:00:00");
        assert_eq!(due(&[longer], noon, MISSING), (all[1..].to_vec(), 1, 1));
        // Once more, as far as it reached.
        let again = (range("2026-05-02 01:00:00", "2026-05-02 02:00:00"), Again::Whatever);
        assert_eq!(due(&[longer, first], noon, again), (vec![slice("2026-05-02 18:00:00", warm)], 1, 1));
        // Of a range, those that are not done.
        let spring = (range("2026-01-01", "2026-05-02"), Again::No);
        assert_eq!(due(&[first], noon, spring), (all[2..].to_vec(), 1, 1));
    }
}
