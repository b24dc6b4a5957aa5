//! The index at equal distances, and the returns between them.
//!
//! Instants are whole multiples of the period since 1970, in UTC: minutes, hours, days. At each stands the last index that
//! was known at it or before it. What lies before the first instant and behind the last is a part of a period, and no
//! return. All time counts, nights and weekends too, so that a year is 365 days for every market.

use std::time::Duration;

use clap::ValueEnum;
use messages::UtcNanos;
use serde::Serialize;

use super::returns::Returns;

/// Nanoseconds of a year of 365 days.
pub const YEAR: f64 = 365.0 * 86_400.0 * 1e9;

/// Fewer returns than this say little: the longest period that gives as many is taken.
const ENOUGH: i64 = 30;

/// How far apart samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
pub enum Period {
    /// A minute.
    #[value(name = "1m")]
    #[serde(rename = "1m")]
    Minute,
    /// An hour.
    #[value(name = "1h")]
    #[serde(rename = "1h")]
    Hour,
    /// A UTC day.
    #[value(name = "1d")]
    #[serde(rename = "1d")]
    Day,
}

impl Period {
    /// Its length.
    pub fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        })
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    /// How many make a year of 365 days.
    pub fn per_year(self) -> f64 {
        YEAR / self.nanos() as f64
    }

    /// For so many values over a stretch of time, in nanoseconds: the longest that gives 30 returns; where none does, the
    /// shortest that is not shorter than the values are apart.
    pub fn fitting(span: i64, values: u64) -> Self {
        if let Some(long) = [Self::Day, Self::Hour, Self::Minute].into_iter().find(|p| span / p.nanos() >= ENOUGH) {
            return long.max_apart(span, values);
        }
        Self::Minute.max_apart(span, values)
    }

    /// This one, or the shortest longer one that values so far apart fill. A tenth is left to clocks.
    fn max_apart(self, span: i64, values: u64) -> Self {
        let apart = span as f64 / values.saturating_sub(1).max(1) as f64 * 0.9;
        let longer = [Self::Minute, Self::Hour, Self::Day].into_iter().filter(|p| p.nanos() >= self.nanos());
        longer.into_iter().find(|p| p.nanos() as f64 >= apart).unwrap_or(Self::Day)
    }

    fn nanos(self) -> i64 {
        messages::time::nanos(self.length())
    }
}

/// Returns between samples, in the making.
#[derive(Debug, Clone)]
pub struct Samples {
    period: Period,
    /// The instant of the next sample; `None` before the first index.
    next: Option<UtcNanos>,
    /// The newest index.
    index: f64,
    /// The index of the sample before.
    before: Option<f64>,
    each: Vec<f64>,
}

impl Samples {
    /// None yet.
    pub fn new(period: Period) -> Self {
        Self { period, next: None, index: 0.0, before: None, each: Vec::new() }
    }

    /// Hears the index at an instant, in the order of time.
    pub fn at(&mut self, at: UtcNanos, index: f64) {
        let first = at.before(Duration::from_nanos(1)).floor_to(self.period.length()).after(self.period.length());
        self.next.get_or_insert(first);
        self.sample_while(|next| next < at);
        self.index = index;
    }

    /// The returns up to the end.
    pub fn finish(mut self, end: UtcNanos) -> Returns {
        self.sample_while(|next| next <= end);
        Returns { each: self.each, per_year: self.period.per_year() }
    }

    fn sample_while(&mut self, is_due: impl Fn(UtcNanos) -> bool) {
        while let Some(next) = self.next.filter(|next| is_due(*next)) {
            // After nothing is left there is no return.
            if let Some(before) = self.before.filter(|before| *before > 0.0) {
                self.each.push(self.index / before - 1.0);
            }
            self.before = Some(self.index);
            self.next = Some(next.after(self.period.length()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    fn check(points: &[(f64, f64)], end: f64, expected: &[f64]) {
        let instant = |minutes: f64| UtcNanos((minutes * MINUTE as f64) as i64);
        let mut samples = Samples::new(Period::Minute);
        points.iter().for_each(|(minutes, index)| samples.at(instant(*minutes), *index));
        assert_eq!(samples.finish(instant(end)).each, expected, "{points:?}");
    }

    #[test]
    fn a_sample_is_the_last_value_at_its_instant_or_before() {
        check(&[(0.0, 1.0), (1.0, 2.0), (2.0, 1.0)], 2.0, &[1.0, -0.5]);
        check(&[(0.0, 1.0), (0.9, 2.0), (1.1, 8.0), (2.0, 1.0)], 2.9, &[1.0, -0.5]);
    }

    #[test]
    fn parts_of_a_period_are_no_returns() {
        check(&[(0.5, 1.0), (1.5, 2.0)], 1.9, &[]);
        check(&[(0.5, 1.0), (1.5, 2.0), (2.5, 4.0)], 2.5, &[1.0]);
    }

    #[test]
    fn a_gap_holds_the_last_value() {
        check(&[(0.0, 1.0), (3.5, 2.0)], 5.0, &[0.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn after_nothing_is_left_there_is_no_return() {
        check(&[(0.0, 1.0), (1.0, 0.0)], 4.0, &[-1.0]);
    }

    #[test]
    fn the_period_is_the_longest_with_enough_returns_that_the_values_fill() {
        let check = |minutes: i64, values: u64, expected: Period| {
            assert_eq!(Period::fitting(minutes * MINUTE, values), expected, "{minutes} min, {values} values");
        };
        check(11, 13, Period::Minute);
        check(30 * 60, 1_801, Period::Hour);
        check(29 * 60, 1_741, Period::Minute);
        check(30 * 1_440, 43_201, Period::Day);
        check(40 * 60, 9, Period::Day);
        check(5 * 1_440, 121, Period::Hour);
        check(20 * 1_440, 21, Period::Day);
    }
}
