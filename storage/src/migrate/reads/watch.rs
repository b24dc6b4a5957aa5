//! The A/B watch: how both sides answer, and when reads are to go a step back. Pure.
//!
//! Steps back give reads to PostgreSQL, so it is DuckDB's answers that are judged; those of PostgreSQL are counted beside
//! them. Invariants: how answers were before a step says nothing about what comes after it; a difference between the two sides is
//! kept until it is judged, whoever moves reads before. One that is judged while nothing is DuckDB's to answer and no comparison
//! counts yet changes nothing: it is counted and logged, and the comparison that must come first finds what stays of it. Once
//! DuckDB alone answers nothing is judged, and the comparisons that go on find it.

use std::fmt;
use std::time::Duration;

use messages::durations::format as duration;
use messages::migration::Migration;

use super::answers::{Answers, Seen};
use super::route::Side;

pub use super::answers::SideStats;

/// Of fewer answers nothing is said: one that is slow or fails would be more than one in a hundred.
const ENOUGH: usize = 100;
/// How long answers must be too slow.
const SLOW_FOR: Duration = Duration::from_secs(300);
/// The shares, the largest first.
const STEPS: [u8; 5] = [100, 50, 10, 1, 0];

/// What is still good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// What 99 of 100 answers may take.
    pub budget: Duration,
    /// How many of a hundred may fail.
    pub errors: u64,
}

/// Why reads go a step back.
#[derive(Debug, Clone, PartialEq)]
pub enum Breach {
    /// Too many answers of DuckDB failed.
    Errors {
        /// How many.
        failed: usize,
        /// Of how many.
        of: usize,
        /// How many of a hundred may.
        most: u64,
    },
    /// They were too slow for too long.
    Slow {
        /// What 99 of 100 took at most.
        p99: Duration,
        /// What they may take.
        budget: Duration,
    },
    /// Both sides answered a question differently.
    Mismatch {
        /// Which question, and how.
        what: String,
    },
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errors { failed, of, most } => {
                write!(f, "{failed} of {of} answers of DuckDB failed; {most} of a hundred may (timescale.read_errors)")
            }
            Self::Slow { p99, budget } => write!(
                f,
                "for {} the p99 of DuckDB's answers was {}; it may be {} (timescale.read_budget)",
                duration(SLOW_FOR),
                duration(Duration::from_millis(u64::try_from(p99.as_millis()).unwrap_or(u64::MAX))),
                duration(*budget)
            ),
            Self::Mismatch { what } => write!(f, "the two sides answered differently: {what}"),
        }
    }
}

/// Reads are to go back.
#[derive(Debug, Clone, PartialEq)]
pub struct StepBack {
    /// To so many of a hundred: of none to none where both sides answered differently, for what was compared counts no more.
    pub to: u8,
    /// Why.
    pub why: Breach,
}

impl StepBack {
    /// Whether anything is otherwise by it: where nothing is left to give back, what was compared may not count already.
    #[must_use]
    pub fn changes(&self, state: &Migration) -> bool {
        let counts = || state.compared.is_some_and(|compared| compared.clean_since.is_some());
        self.to < state.percent || (matches!(self.why, Breach::Mismatch { .. }) && counts())
    }

    /// What is done, and why, where `percent` of a hundred reads were DuckDB's.
    #[must_use]
    pub fn said(&self, percent: u8) -> String {
        let Self { to, why } = self;
        if *to < percent {
            format!("reads go back to {to} of a hundred: {why}")
        } else {
            format!("what was compared counts no more: {why}")
        }
    }
}

/// What was seen so far. Times are since the start.
#[derive(Debug)]
pub struct Watch {
    bounds: Bounds,
    sides: [Answers; 2],
    slow_since: Option<Duration>,
    mismatch: Option<String>,
    /// Questions that were asked of both.
    shadowed: u64,
    /// Of them, those that were answered differently.
    differed: u64,
}

impl Watch {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        let sides = [Answers::default(), Answers::default()];
        Self { bounds, sides, slow_since: None, mismatch: None, shadowed: 0, differed: 0 }
    }

    /// A side has answered, or failed to.
    pub fn answered(&mut self, side: Side, at: Duration, took: Duration, is_failed: bool) {
        self.sides[side as usize].add(Seen { at, took, is_failed });
    }

    /// Both sides were asked the same; what was different, if anything.
    pub fn shadowed(&mut self, difference: Option<String>) {
        self.shadowed += 1;
        if let Some(what) = difference {
            self.differed += 1;
            self.mismatch.get_or_insert(what);
        }
    }

    /// How a side answers.
    #[must_use]
    pub fn side(&self, side: Side, now: Duration) -> SideStats {
        self.sides[side as usize].stats(now)
    }

    /// How many questions were asked of both, and how many of them were answered differently.
    #[must_use]
    pub fn shadows(&self) -> (u64, u64) {
        (self.shadowed, self.differed)
    }

    /// Whether reads are to go back from this share, and how far. To be asked now and then: that answers are slow for long is
    /// known by having asked. Nothing of it is said a second time, and a difference is judged by having asked.
    pub fn judge(&mut self, percent: u8, now: Duration) -> Option<StepBack> {
        let why = self.breach(now)?;
        let to = match (STEPS.into_iter().find(|step| *step < percent), &why) {
            (Some(to), _) => to,
            (None, Breach::Mismatch { .. }) => percent,
            (None, _) => return None,
        };
        self.begin_anew();
        Some(StepBack { to, why })
    }

    /// Reads are divided otherwise from here on: how answers were says nothing any more. Counts stay, and a difference that
    /// nobody has judged: it is one whoever answers.
    pub fn begin_anew(&mut self) {
        self.slow_since = None;
        self.sides.iter_mut().for_each(Answers::forget_all);
    }

    fn breach(&mut self, now: Duration) -> Option<Breach> {
        let slow = self.slow(now);
        if let Some(what) = self.mismatch.take() {
            return Some(Breach::Mismatch { what });
        }
        let answers = &self.sides[Side::DuckDb as usize];
        let (failed, of) = answers.failures(now);
        let most = self.bounds.errors;
        if of >= ENOUGH && failed as u64 * 100 > most * of as u64 {
            return Some(Breach::Errors { failed, of, most });
        }
        slow
    }

    fn slow(&mut self, now: Duration) -> Option<Breach> {
        let budget = self.bounds.budget;
        let spread = self.sides[Side::DuckDb as usize].spread(now).filter(|spread| spread.of >= ENOUGH);
        let slow = spread.map(|spread| Duration::from_secs_f64(spread.quantiles.p99)).filter(|p99| *p99 > budget);
        let Some(p99) = slow else {
            self.slow_since = None;
            return None;
        };
        let since = *self.slow_since.get_or_insert(now);
        (now.saturating_sub(since) >= SLOW_FOR).then_some(Breach::Slow { p99, budget })
    }
}

#[cfg(test)]
mod tests {
    use messages::UtcNanos;
    use messages::migration::Compared;

    use super::*;

    const BOUNDS: Bounds = Bounds { budget: Duration::from_millis(500), errors: 1 };

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// A watch that saw so many answers of a side, of which these failed and these took two seconds.
    fn seen(side: Side, count: usize, failed: usize, slow: usize) -> Watch {
        let mut watch = Watch::new(BOUNDS);
        for n in 0..count {
            let took = if n < slow { secs(2) } else { Duration::from_millis(3) };
            watch.answered(side, secs(1), took, n < failed);
        }
        watch
    }

    #[test]
    fn too_many_errors_of_duckdb_go_a_step_back() {
        let check = |side, count, failed, percent, expected: Option<u8>| {
            let found = seen(side, count, failed, 0).judge(percent, secs(2));
            assert_eq!(found.as_ref().map(|step| step.to), expected, "{failed} of {count}, {percent} %: {found:?}");
        };
        let duck = Side::DuckDb;
        check(duck, 99, 99, 100, None);
        check(duck, 100, 1, 100, None);
        check(duck, 100, 2, 100, Some(50));
        check(duck, 1_000, 10, 100, None);
        check(duck, 1_000, 11, 50, Some(10));
        check(duck, 100, 2, 30, Some(10));
        check(duck, 100, 2, 10, Some(1));
        check(duck, 100, 2, 1, Some(0));
        check(duck, 100, 100, 0, None);
        check(Side::Postgres, 100, 100, 100, None);
    }

    #[test]
    fn answers_must_be_slow_for_long() {
        let check = |slow, looks: &[(u64, bool)]| {
            let mut watch = Watch::new(BOUNDS);
            for (at, goes_back) in looks {
                for n in 0..200 {
                    let took = if n < slow { secs(2) } else { Duration::from_millis(3) };
                    watch.answered(Side::DuckDb, secs(*at), took, false);
                }
                let found = watch.judge(100, secs(*at));
                assert_eq!(found.is_some(), *goes_back, "{slow} of 200 slow, at {at} s: {found:?}");
            }
        };
        check(2, &[(0, false), (200, false), (400, false)]);
        check(10, &[(0, false), (299, false), (300, true), (301, false)]);
        // They were quick in between: it begins anew.
        let mut watch = seen(Side::DuckDb, 200, 0, 10);
        assert_eq!(watch.judge(100, secs(2)), None);
        assert_eq!(watch.judge(100, secs(302)), None, "nothing was asked for five minutes");
        assert_eq!(watch.judge(100, secs(303)), None);
    }

    #[test]
    fn one_answer_that_differs_goes_a_step_back_once() {
        let mut watch = Watch::new(BOUNDS);
        watch.shadowed(None);
        watch.shadowed(Some("bars".to_owned()));
        watch.shadowed(Some("ticks".to_owned()));
        let step = watch.judge(50, secs(1)).unwrap();
        assert_eq!((step.to, step.why), (10, Breach::Mismatch { what: "bars".to_owned() }));
        assert_eq!((watch.judge(10, secs(2)), watch.shadows()), (None, (3, 2)));
    }

    #[test]
    fn an_answer_that_differs_while_duckdb_answers_none_is_said_and_nothing_is_given_back() {
        let mut watch = seen(Side::DuckDb, 200, 200, 0);
        assert_eq!(watch.judge(0, secs(1)), None, "nothing is left to give back");
        watch.shadowed(Some("bars".to_owned()));
        let step = watch.judge(0, secs(2)).unwrap();
        assert_eq!((step.to, step.said(0)), (0, format!("what was compared counts no more: {}", step.why)));
        assert_eq!(watch.judge(0, secs(3)), None, "it is said once");
    }

    #[test]
    fn a_step_back_changes_the_share_or_that_a_comparison_counts() {
        let check = |to, percent, why: &Breach, is_clean: bool, expected| {
            let at = UtcNanos(7);
            let compared = Compared { at, rows: 1, differing: 0, clean_since: is_clean.then_some(at) };
            let state = Migration { percent, compared: Some(compared), ..Migration::default() };
            let step = StepBack { to, why: why.clone() };
            assert_eq!(step.changes(&state), expected, "{percent} to {to}, {why}, {is_clean}");
        };
        let differed = Breach::Mismatch { what: "bars".to_owned() };
        let failed = Breach::Errors { failed: 9, of: 100, most: 1 };
        check(0, 1, &failed, true, true);
        check(0, 1, &differed, false, true);
        check(0, 0, &differed, true, true);
        check(0, 0, &differed, false, false);
        check(0, 0, &failed, true, false);
        let nothing = Migration::default();
        assert!(!StepBack { to: 0, why: differed.clone() }.changes(&nothing), "nothing was compared yet");
        assert!(StepBack { to: 1, why: differed }.said(10).starts_with("reads go back to 1 of a hundred: the two"));
    }

    #[test]
    fn how_answers_were_before_a_person_took_a_step_is_forgotten() {
        let mut watch = seen(Side::DuckDb, 200, 200, 0);
        watch.begin_anew();
        assert_eq!(watch.judge(10, secs(2)), None);
    }

    #[test]
    fn a_difference_that_was_found_just_before_a_person_took_a_step_is_judged_after_it() {
        let mut watch = Watch::new(BOUNDS);
        watch.shadowed(Some("bars".to_owned()));
        watch.begin_anew();
        let step = watch.judge(10, secs(2)).unwrap();
        assert_eq!((step.to, step.why), (1, Breach::Mismatch { what: "bars".to_owned() }));
        watch.begin_anew();
        assert_eq!((watch.judge(1, secs(3)), watch.shadows()), (None, (1, 1)), "it is judged once");
    }

    #[test]
    fn a_step_begins_anew_and_counts_stay() {
        let mut watch = seen(Side::DuckDb, 200, 200, 0);
        assert!(watch.judge(100, secs(2)).is_some_and(|step| step.why.to_string().contains("200 of 200")));
        assert_eq!(watch.judge(50, secs(2)), None);
        let stats = watch.side(Side::DuckDb, secs(2));
        assert_eq!((stats.count, stats.errors, stats.seconds), (200, 200, None));
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let watch = seen(Side::Postgres, 3, 1, 1);
        assert_eq!(watch.side(Side::Postgres, secs(301)).seconds.map(|spread| spread.of), Some(2));
        assert_eq!(watch.side(Side::Postgres, secs(302)), SideStats { count: 3, errors: 1, seconds: None });
    }
}
