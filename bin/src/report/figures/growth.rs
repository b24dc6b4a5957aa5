//! What one unit of the account's money grew to, whatever was paid in or out meanwhile.
//!
//! Hears the account's value and its profit at each snapshot; says the index at it. Between two snapshots the index
//! moves by the change of profit over the value, so that money that was paid in is no gain. As long as nothing is paid
//! in, the index is value / first value, from exact sums, divided once.

use messages::{Cash, UtcNanos};

/// The account at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Valued {
    /// When.
    pub at: UtcNanos,
    /// What it is worth.
    pub value: Cash,
    /// That, less what was paid in; `None` where an asset that was paid in has no rate.
    pub profit: Option<Cash>,
}

/// The index, in the making.
#[derive(Debug, Clone, Default)]
pub struct Growth {
    /// Since money was last paid in or out.
    base: Option<Base>,
    last: Option<Valued>,
    /// The account had nothing left: there is no return on nothing.
    ruined: bool,
    /// Money that was paid in since the first snapshot, less what was paid out.
    paid_in: Cash,
}

#[derive(Debug, Clone, Copy)]
struct Base {
    index: f64,
    capital: Cash,
    gained: Cash,
}

impl Growth {
    /// The index at the next snapshot: 1 at the first with a positive value, 0 from the moment that nothing is left.
    /// `None` before the first, or when the sums do not fit.
    pub fn at(&mut self, now: Valued) -> Option<f64> {
        let Some((base, last)) = self.base.as_mut().zip(self.last) else {
            if !now.value.is_positive() {
                return None;
            }
            self.base = Some(Base { index: 1.0, capital: now.value, gained: Cash::ZERO });
            self.last = Some(now);
            return Some(1.0);
        };
        let change = now.value.checked_sub(last.value)?;
        let gain = match now.profit.zip(last.profit) {
            Some((profit, before)) => profit.checked_sub(before)?,
            None => change,
        };
        let flow = change.checked_sub(gain)?;
        base.gained = base.gained.checked_add(gain)?;
        let worth = base.capital.checked_add(base.gained)?;
        let index = base.index * (worth.to_f64() / base.capital.to_f64());
        self.last = Some(now);
        self.paid_in = self.paid_in.checked_add(flow)?;
        self.ruined |= index <= 0.0 || !now.value.is_positive();
        if self.ruined {
            return Some(0.0);
        }
        if !flow.is_zero() {
            *base = Base { index, capital: now.value, gained: Cash::ZERO };
        }
        Some(index)
    }

    /// Money that was paid in since the first snapshot, less what was paid out.
    pub fn paid_in(&self) -> Cash {
        self.paid_in
    }

    /// Whether the account had nothing left at some moment.
    pub fn is_ruined(&self) -> bool {
        self.ruined
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn valued(value: &str, profit: &str) -> Valued {
        let cash = |text: &str| text.parse().unwrap();
        Valued { at: UtcNanos(0), value: cash(value), profit: (!profit.is_empty()).then(|| cash(profit)) }
    }

    fn indices(points: &[(&str, &str)]) -> Vec<Option<f64>> {
        let mut growth = Growth::default();
        points.iter().map(|(value, profit)| growth.at(valued(value, profit))).collect()
    }

    #[test]
    fn money_that_is_paid_in_is_no_gain() {
        // 100 grows by a tenth, 90 are paid in, 200 grow by a tenth.
        let found = indices(&[("100", "0"), ("110", "10"), ("200", "10"), ("220", "30")]);
        assert_eq!(found[..3], [Some(1.0), Some(1.1), Some(1.1)]);
        assert!((found[3].unwrap() - 1.21).abs() < 1e-15, "{found:?}");
    }

    #[test]
    fn it_begins_with_the_first_money_and_ends_with_the_last() {
        let found = indices(&[("0", "0"), ("100", "0"), ("50", "-50"), ("-1", "-101"), ("40", "-60")]);
        assert_eq!(found, [None, Some(1.0), Some(0.5), Some(0.0), Some(0.0)]);
    }

    #[test]
    fn without_a_known_profit_the_value_alone_speaks() {
        assert_eq!(indices(&[("100", "0"), ("110", ""), ("121", "21")]), [Some(1.0), Some(1.1), Some(1.21)]);
    }

    proptest! {
        #[test]
        fn without_flows_it_is_value_over_first_value(values in proptest::collection::vec(1i64..1_000_000_000_000, 2..50)) {
            let cash = |raw: i64| Cash::from_raw(i128::from(raw)).unwrap();
            let mut growth = Growth::default();
            for raw in &values {
                let profit = Some(cash(raw - values[0]));
                let index = growth.at(Valued { at: UtcNanos(0), value: cash(*raw), profit }).unwrap();
                let expected = cash(*raw).to_f64() / cash(values[0]).to_f64();
                prop_assert!((index / expected - 1.0).abs() < 1e-12, "{index} {expected}");
            }
            prop_assert_eq!(growth.paid_in(), Cash::ZERO);
        }
    }
}
