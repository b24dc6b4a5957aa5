//! The equity curve in one pass: snapshots go in, in the order of time, and nothing is kept of them but sums and a bounded
//! number of points for the chart.

use messages::{Cash, UtcNanos};

use super::drawdown::{Drawdowns, Falls};
use super::growth::{Growth, Valued};
use super::months::{Month, Months};
use super::returns::Returns;
use super::samples::{Period, Samples, YEAR};

/// Stretches of time that the chart is divided into. Of each stand its lowest, its highest and its last point, so that no
/// fall is lost: at most 1,500 points, more than a screen has.
const STRETCHES: i64 = 500;

/// A point of the curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When.
    pub at: UtcNanos,
    /// What the account was worth.
    pub value: Cash,
    /// What one unit of its money had grown to.
    pub index: f64,
    /// How far that was below its peak: in [0, 1].
    pub drawdown: f64,
}

/// The curve, in the making.
#[derive(Debug, Clone)]
pub struct Curve {
    stretch: i64,
    growth: Growth,
    drawdowns: Drawdowns,
    samples: Samples,
    months: Months,
    chart: Vec<Point>,
    /// The lowest, the highest and the last point of the stretch that is not over.
    open: Option<[Point; 3]>,
    first: Option<Valued>,
    last: Option<Valued>,
    values: Mean,
}

/// What came out.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The first snapshot.
    pub first: Valued,
    /// The last.
    pub last: Valued,
    /// What one unit of money grew to.
    pub growth: f64,
    /// Money that was paid in between them, less what was paid out.
    pub paid_in: Cash,
    /// Whether nothing was left at some moment.
    pub is_ruined: bool,
    /// The mean of all values.
    pub mean_value: f64,
    /// The falls.
    pub falls: Falls,
    /// Returns of periods.
    pub returns: Returns,
    /// Returns of months.
    pub months: Vec<Month>,
    /// Points for a chart.
    pub chart: Vec<Point>,
}

impl Finished {
    /// Years between the first snapshot and the last.
    pub fn years(&self) -> f64 {
        self.last.at.since(self.first.at) as f64 / YEAR
    }

    /// The same stretch of time, where the curve is not known but at its beginning.
    pub fn unknown(self) -> Self {
        let returns = Returns { each: Vec::new(), ..self.returns };
        Self { returns, falls: Falls::default(), months: Vec::new(), chart: Vec::new(), ..self }
    }
}

impl Curve {
    /// Of this stretch of time, sampled by this period.
    pub fn new(from: UtcNanos, to: UtcNanos, period: Period) -> Self {
        Self {
            stretch: (to.since(from) / STRETCHES).max(1),
            growth: Growth::default(),
            drawdowns: Drawdowns::default(),
            samples: Samples::new(period),
            months: Months::default(),
            chart: Vec::new(),
            open: None,
            first: None,
            last: None,
            values: Mean::default(),
        }
    }

    /// Hears the next snapshot. What comes before the first money is no part of the curve.
    pub fn at(&mut self, now: Valued) {
        let Some(index) = self.growth.at(now) else { return };
        let drawdown = self.drawdowns.at(now.at, index);
        self.samples.at(now.at, index);
        self.months.at(now.at, index);
        self.values.add(now.value.to_f64());
        self.first.get_or_insert(now);
        self.last = Some(now);
        self.draw(Point { at: now.at, value: now.value, index, drawdown });
    }

    /// What came out; `None` when there was never any money.
    pub fn finish(mut self) -> Option<Finished> {
        let (first, last) = self.first.zip(self.last)?;
        let growth = self.open.map_or(1.0, |[_, _, last]| last.index);
        self.close_stretch();
        Some(Finished {
            first,
            last,
            growth,
            paid_in: self.growth.paid_in(),
            is_ruined: self.growth.is_ruined(),
            mean_value: self.values.value(),
            falls: self.drawdowns.finish(),
            returns: self.samples.finish(last.at),
            // One snapshot is no return, of a month neither.
            months: if first.at < last.at { self.months.finish() } else { Vec::new() },
            chart: self.chart,
        })
    }

    fn draw(&mut self, point: Point) {
        let is_other = |open: &[Point; 3]| open[2].at.0.div_euclid(self.stretch) != point.at.0.div_euclid(self.stretch);
        if self.open.as_ref().is_some_and(is_other) {
            self.close_stretch();
        }
        let [lowest, highest, last] = self.open.get_or_insert([point; 3]);
        if point.index < lowest.index {
            *lowest = point;
        }
        if point.index > highest.index {
            *highest = point;
        }
        *last = point;
    }

    fn close_stretch(&mut self) {
        let mut points: Vec<Point> = self.open.take().into_iter().flatten().collect();
        points.sort_by_key(|point| point.at);
        points.dedup_by_key(|point| point.at);
        self.chart.extend(points);
    }
}

/// A mean, in the making.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    /// The mean; not a number without any value.
    pub fn value(&self) -> f64 {
        self.sum / self.count as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curve(values: &[i64]) -> Finished {
        let at = |n: usize| UtcNanos(n as i64 * 1_000_000_000);
        let mut curve = Curve::new(at(0), at(values.len()), Period::Minute);
        for (n, value) in values.iter().enumerate() {
            let value = Cash::from_raw(i128::from(*value) * 1_000_000_000).unwrap();
            curve.at(Valued { at: at(n), value, profit: None });
        }
        curve.finish().unwrap()
    }

    #[test]
    fn what_comes_before_the_first_money_is_left_out() {
        let found = curve(&[0, 0, 100, 150, 120]);
        assert_eq!((found.first.at, found.growth), (UtcNanos(2_000_000_000), 1.2));
        assert_eq!(found.mean_value, (100.0 + 150.0 + 120.0) / 3.0);
        assert_eq!(found.chart.len(), 3);
    }

    #[test]
    fn a_chart_of_many_points_is_bounded_and_keeps_the_deepest() {
        let mut values: Vec<i64> = (0..100_000).map(|n| 1_000 + n % 7).collect();
        values[77_777] = 10;
        values[33_333] = 9_000;
        let found = curve(&values);
        assert!(found.chart.len() <= 1_503, "{}", found.chart.len());
        assert!(found.chart.is_sorted_by(|a, b| a.at < b.at));
        let lowest = found.chart.iter().map(|p| p.value).min().unwrap();
        let highest = found.chart.iter().map(|p| p.value).max().unwrap();
        assert_eq!((lowest.to_string(), highest.to_string()), ("10".to_owned(), "9000".to_owned()));
        let deepest = found.chart.iter().map(|p| p.drawdown).fold(0.0, f64::max);
        assert_eq!(deepest, found.falls.depth());
    }

    proptest! {
        #[test]
        fn the_returns_of_all_months_and_of_all_periods_make_up_the_growth(values in proptest::collection::vec(1i64..1_000_000, 2..80)) {
            let found = curve(&values);
            let months: f64 = found.months.iter().filter_map(|m| m.value).map(|r| 1.0 + r).product();
            prop_assert!((months / found.growth - 1.0).abs() < 1e-9, "{months} {}", found.growth);
            prop_assert_eq!(found.returns.each.len(), (values.len() - 1) / 60);
        }
    }
}
