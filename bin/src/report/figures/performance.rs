//! What the account came to: the headline of a report, from its curve and its fills.

use serde::Serialize;

use messages::Cash;

use super::curve::Finished;
use super::figure::Figure;
use super::returns::{cagr, calmar};
use super::samples::Period;

/// The growth of fewer days than this is not said by the year: a good hour would be a fortune.
const DAYS_FOR_A_YEAR: f64 = 30.0;

/// What sums need that are unknown because a part of them is in another currency.
pub const ONE_CURRENCY: &str = "everything to be in the account's currency; Results has the sums of each";

/// Beside the curve.
#[derive(Debug, Clone, Copy)]
pub struct Beside {
    /// How far apart samples are.
    pub period: Period,
    /// The time with any position, in nanoseconds.
    pub in_market: i64,
    /// price × quantity of all fills; `None` where some are in another currency.
    pub turnover: Option<Cash>,
    /// All fees; `None` where some are in another currency.
    pub fees: Option<Cash>,
    /// The mean of exposure / value at the snapshots, and the largest; `None` while unknown.
    pub leverage: Option<(f64, f64)>,
    /// What the curve needs; `None` where it is known.
    pub curve_needs: Option<&'static str>,
}

/// The headline.
#[derive(Debug, Clone, Serialize)]
pub struct Performance {
    /// How far apart the samples are that returns are between.
    pub period: Period,
    /// How many returns.
    pub returns: u64,
    /// Days between the first snapshot and the last.
    pub days: f64,
    /// What the account was worth at the first snapshot.
    pub start_value: Cash,
    /// What it was worth at the last.
    pub end_value: Option<Cash>,
    /// What was paid in between them, less what was paid out, and what changed in price of what had been paid in.
    pub paid_in: Cash,
    /// end_value − start_value − paid_in
    pub profit: Option<Cash>,
    /// Growth of one unit of money, less 1.
    pub total_return: Figure,
    /// The same by the year.
    pub cagr: Figure,
    /// Deviation of returns, by the year.
    pub volatility: Figure,
    /// Mean return over deviation, by the year.
    pub sharpe: Figure,
    /// Mean return over downside deviation, by the year.
    pub sortino: Figure,
    /// cagr / max_drawdown
    pub calmar: Figure,
    /// The largest fall from a peak, in [0, 1].
    pub max_drawdown: Figure,
    /// The longest time below a peak.
    pub longest_drawdown_seconds: Figure,
    /// The part of the time with any position, in [0, 1].
    pub exposure: Figure,
    /// The mean of exposure / value.
    pub mean_leverage: Figure,
    /// The largest exposure / value.
    pub max_leverage: Figure,
    /// price × quantity of all fills.
    pub turnover: Option<Cash>,
    /// turnover / mean value
    pub turnover_of_value: Figure,
    /// The same by the year.
    pub turnover_per_year: Figure,
    /// Fees.
    pub fees: Option<Cash>,
}

impl Performance {
    /// Of a curve.
    pub fn of(curve: &Finished, beside: &Beside) -> Self {
        let Beside { period, in_market, turnover, fees, leverage, curve_needs } = *beside;
        let (returns, years, depth) = (&curve.returns, curve.years(), curve.falls.depth());
        let days = years * 365.0;
        let of_curve = |value: Option<f64>, needs: &str| match curve_needs {
            Some(needs) => Figure::Unknown(needs.to_owned()),
            None => Figure::of(value, needs),
        };
        let over_time = |value: f64| of_curve((years > 0.0).then_some(value), "two snapshots");
        let a_month = format!("at least {DAYS_FOR_A_YEAR} days of snapshots, and here are {days:.2}");
        let long_enough = |value: Option<f64>| value.filter(|_| days >= DAYS_FOR_A_YEAR);
        let two = format!("two returns that differ, of {} each, and here are {}", period.name(), returns.each.len());
        let loss = format!("two returns of {} each, one of them a loss", period.name());
        let by_year = long_enough(cagr(curve.growth, years));
        let calmar_needs = if by_year.is_some() { "a fall from a peak" } else { &a_month };
        let gain = curve.last.value.checked_sub(curve.first.value).and_then(|gain| gain.checked_sub(curve.paid_in));
        let turned = turnover.map(|turnover| turnover.to_f64() / curve.mean_value);
        let [turned_needs, by_year_needs] = match turned {
            Some(_) => ["a value", &a_month],
            None => [ONE_CURRENCY; 2],
        };
        let snapshots = "snapshots of the whole account with a known value";
        Self {
            period,
            returns: returns.each.len() as u64,
            days,
            start_value: curve.first.value,
            end_value: curve_needs.is_none().then_some(curve.last.value),
            paid_in: curve.paid_in,
            profit: gain.filter(|_| curve_needs.is_none() && years > 0.0),
            total_return: over_time(curve.growth - 1.0),
            cagr: of_curve(by_year, &a_month),
            volatility: of_curve(returns.volatility(), &two),
            sharpe: of_curve(returns.sharpe(), &two),
            sortino: of_curve(returns.sortino(), &loss),
            calmar: of_curve(by_year.and_then(|by_year| calmar(by_year, depth)), calmar_needs),
            max_drawdown: over_time(depth),
            longest_drawdown_seconds: over_time(curve.falls.longest as f64 / 1e9),
            exposure: Figure::of(share(in_market, curve.last.at.since(curve.first.at)), "two snapshots"),
            mean_leverage: Figure::of(leverage.map(|(mean, _)| mean), snapshots),
            max_leverage: Figure::of(leverage.map(|(_, max)| max), snapshots),
            turnover,
            turnover_of_value: of_curve(turned, turned_needs),
            turnover_per_year: of_curve(long_enough(turned.map(|turned| turned / years)), by_year_needs),
            fees,
        }
    }
}

/// A part of a stretch of time, at most all of it.
fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use messages::UtcNanos;

    use super::*;
    use crate::report::figures::curve::Curve;
    use crate::report::figures::growth::Valued;

    fn performance(daily: &[&str]) -> Performance {
        let cash = |text: &str| text.parse().ok();
        beside(daily, cash("300"), cash("2"), None)
    }

    fn beside(
        daily: &[&str],
        turnover: Option<Cash>,
        fees: Option<Cash>,
        curve_needs: Option<&'static str>,
    ) -> Performance {
        let at = |day: usize| UtcNanos::start_of_day(20_000 + day as i64);
        let mut curve = Curve::new(at(0), at(daily.len()), Period::Day);
        for (day, value) in daily.iter().enumerate() {
            curve.at(Valued { at: at(day), value: value.parse().unwrap(), profit: None });
        }
        let (period, in_market, leverage) = (Period::Day, 43_200_000_000_000, None);
        Performance::of(&curve.finish().unwrap(), &Beside { period, in_market, turnover, fees, leverage, curve_needs })
    }

    #[test]
    fn what_a_few_days_do_not_say_is_unknown_with_what_it_needs() {
        let p = performance(&["100", "110"]);
        assert!((p.total_return.value().unwrap() - 0.1).abs() < 1e-12);
        let needs = "at least 30 days of snapshots, and here are 1.00".to_owned();
        assert_eq!((&p.cagr, &p.calmar), (&Figure::Unknown(needs.clone()), &Figure::Unknown(needs)));
        let needs = "two returns that differ, of 1d each, and here are 1".to_owned();
        assert_eq!((&p.volatility, &p.sharpe), (&Figure::Unknown(needs.clone()), &Figure::Unknown(needs)));
        assert_eq!((p.max_drawdown.value(), p.exposure.value()), (Some(0.0), Some(0.5)));
        assert_eq!(p.turnover_of_value.value(), Some(300.0 / 105.0));
        assert_eq!((p.mean_leverage.value(), p.turnover_per_year.value()), (None, None));
    }

    #[test]
    fn a_year_that_doubles_grows_by_all_and_calmar_divides_by_the_fall() {
        let mut daily = vec!["100"; 366];
        (daily[100], daily[365]) = ("80", "200");
        let p = performance(&daily);
        assert!((p.cagr.value().unwrap() - 1.0).abs() < 1e-12, "{:?}", p.cagr);
        assert!((p.calmar.value().unwrap() - 5.0).abs() < 1e-9, "{:?}", p.calmar);
        assert_eq!((p.returns, p.longest_drawdown_seconds.value()), (365, Some(2.0 * 86_400.0)));
        assert_eq!(p.profit.unwrap().to_string(), "100");
    }

    #[test]
    fn one_snapshot_says_nothing() {
        let p = performance(&["100"]);
        let figures = [&p.total_return, &p.max_drawdown, &p.longest_drawdown_seconds, &p.exposure];
        assert!(figures.iter().all(|figure| figure.needs() == Some("two snapshots")), "{figures:?}");
        assert_eq!((p.profit, p.end_value), (None, Some("100".parse().unwrap())));
    }

    #[test]
    fn what_is_partly_in_another_currency_is_unknown_and_never_the_part_that_is_known() {
        let p = beside(&["100", "110"], None, None, None);
        assert_eq!((p.turnover, p.fees, p.profit), (None, None, "10".parse().ok()));
        let turned = [&p.turnover_of_value, &p.turnover_per_year];
        assert!(turned.iter().all(|figure| figure.needs() == Some(ONE_CURRENCY)), "{turned:?}");
    }

    #[test]
    fn a_curve_that_is_unknown_says_nothing_but_its_beginning() {
        let p = beside(&["100", "110"], None, None, Some(ONE_CURRENCY));
        assert_eq!((p.start_value, p.end_value, p.profit), ("100".parse().unwrap(), None, None));
        for figure in [&p.total_return, &p.max_drawdown, &p.longest_drawdown_seconds, &p.sharpe, &p.cagr, &p.calmar] {
            assert_eq!(figure.needs(), Some(ONE_CURRENCY));
        }
        assert_eq!((p.days, p.exposure.value()), (1.0, Some(0.5)), "time is known");
    }
}
