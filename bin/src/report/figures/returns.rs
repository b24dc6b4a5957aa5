//! Returns of equal periods, and the ratios that are made of them. The risk-free rate is 0 throughout.
//!
//! The formulas, with n returns r, their mean m, and k periods a year:
//! deviation s = √(Σ(r − m)² / (n − 1)), that of a sample; volatility s√k; Sharpe m / s × √k (W. F. Sharpe, The Sharpe
//! Ratio, 1994); downside deviation d = √(Σ min(r, 0)² / n), over all n; Sortino m / d × √k (Sortino and Price, 1994).

/// Returns of periods of one length.
#[derive(Debug, Clone, PartialEq)]
pub struct Returns {
    /// One for each period: 0.01 is a gain of one percent.
    pub each: Vec<f64>,
    /// Periods a year.
    pub per_year: f64,
}

impl Returns {
    fn mean(&self) -> Option<f64> {
        let n = self.each.len();
        (n > 0).then(|| self.each.iter().sum::<f64>() / n as f64)
    }

    fn deviation(&self) -> Option<f64> {
        let (n, mean) = (self.each.len(), self.mean()?);
        let squares = self.each.iter().map(|r| (r - mean).powi(2)).sum::<f64>();
        (n > 1).then(|| (squares / (n - 1) as f64).sqrt())
    }

    fn downside(&self) -> Option<f64> {
        let n = self.each.len();
        let squares = self.each.iter().map(|r| r.min(0.0).powi(2)).sum::<f64>();
        (n > 0).then(|| (squares / n as f64).sqrt())
    }

    /// The annualised deviation; `None` with fewer than two returns.
    pub fn volatility(&self) -> Option<f64> {
        Some(self.deviation()? * self.per_year.sqrt())
    }

    /// `None` with fewer than two returns, or when they do not vary.
    pub fn sharpe(&self) -> Option<f64> {
        let deviation = self.deviation().filter(|deviation| *deviation > 0.0)?;
        Some(self.mean()? / deviation * self.per_year.sqrt())
    }

    /// `None` with fewer than two returns, or when none is a loss.
    pub fn sortino(&self) -> Option<f64> {
        let downside = self.downside().filter(|downside| *downside > 0.0 && self.each.len() > 1)?;
        Some(self.mean()? / downside * self.per_year.sqrt())
    }
}

/// The growth of a year that leads to `growth` (1 is none) in so many years.
pub fn cagr(growth: f64, years: f64) -> Option<f64> {
    (years > 0.0 && growth > 0.0).then(|| growth.powf(1.0 / years) - 1.0)
}

/// Growth of a year over the deepest fall (T. W. Young, 1991); `None` without a fall.
pub fn calmar(cagr: f64, depth: f64) -> Option<f64> {
    (depth > 0.0).then(|| cagr / depth)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn returns(percent: &[f64], per_year: f64) -> Returns {
        Returns { each: percent.iter().map(|r| r / 100.0).collect(), per_year }
    }

    fn close(what: &str, found: Option<f64>, expected: f64) {
        let found = found.unwrap_or(f64::NAN);
        assert!((found - expected).abs() < 1e-8, "{what}: {found}, expected {expected}");
    }

    /// The series and values of empyrical's own tests (quantopian/empyrical, tests/test_stats.py: `mixed_returns` by days,
    /// `weekly_returns` by weeks).
    #[test]
    fn ratios_are_those_that_empyrical_publishes() {
        let mixed = returns(&[1.0, 10.0, -4.0, 2.0, 3.0, 2.0, 1.0, -10.0], 252.0);
        close("volatility", mixed.volatility(), 0.913_646_539_970_463_7);
        close("sharpe", mixed.sharpe(), 1.723_861_396_170_686_6);
        close("downside deviation", mixed.downside().map(|d| d * 252f64.sqrt()), 0.604_483_250_388_296_5);
        let weekly = returns(&[0.0, 1.0, 10.0, -4.0, 2.0, 3.0, 2.0, 1.0, -10.0], 52.0);
        close("volatility", weekly.volatility(), 0.388_515_693_948_705_8);
        close("downside deviation", weekly.downside().map(|d| d * 52f64.sqrt()), 0.258_886_504_519_301_3);
        let growth = weekly.each.iter().map(|r| 1.0 + r).product();
        close("cagr", cagr(growth, 9.0 / 52.0), 0.246_908_305_139_982_1);
        close("calmar", calmar(cagr(growth, 9.0 / 52.0).unwrap(), 0.1), 2.469_083_051_399_820_8);
    }

    /// The worked example of Rollinger and Hoffman, Sortino: A "Sharper" Ratio (Red Rock Capital, 2013): eight yearly
    /// returns, a target of 0, a downside deviation of 2.264 %, a ratio of 4.417.
    #[test]
    fn sortino_is_that_of_the_worked_example() {
        let yearly = returns(&[17.0, 15.0, 23.0, -5.0, 12.0, 9.0, 13.0, -4.0], 1.0);
        assert!((yearly.downside().unwrap() - 0.022_64).abs() < 5e-6);
        assert!((yearly.sortino().unwrap() - 4.417).abs() < 5e-4);
    }

    #[test]
    fn what_cannot_be_said_is_not_said() {
        let nothing = returns(&[], 365.0);
        assert_eq!((nothing.volatility(), nothing.sharpe(), nothing.sortino()), (None, None, None));
        let one = returns(&[1.0], 365.0);
        assert_eq!((one.volatility(), one.sharpe(), one.sortino()), (None, None, None));
        let flat = returns(&[0.0, 0.0, 0.0], 365.0);
        assert_eq!((flat.volatility(), flat.sharpe(), flat.sortino()), (Some(0.0), None, None));
        assert_eq!(returns(&[1.0, 2.0], 365.0).sortino(), None, "no loss");
        assert_eq!((cagr(1.1, 0.0), cagr(0.0, 1.0), calmar(0.1, 0.0)), (None, None, None));
    }

    proptest! {
        #[test]
        fn the_ratios_do_not_change_with_the_scale(each in proptest::collection::vec(-0.1..0.1f64, 3..60), scale in 0.001..50.0f64) {
            let of = Returns { each, per_year: 365.0 };
            let scaled = Returns { each: of.each.iter().map(|r| r * scale).collect(), per_year: 365.0 };
            for (a, b) in [(of.sharpe(), scaled.sharpe()), (of.sortino(), scaled.sortino())] {
                prop_assert_eq!(a.is_some(), b.is_some());
                let (a, b) = (a.unwrap_or(1.0), b.unwrap_or(1.0));
                prop_assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0), "{a} {b}");
            }
        }
    }
}
