//! Execution quality: what happened to orders, how long it took, and how far fills were from the market at the decision.
//!
//! Slippage is a cost: for a buy (price − reference) / reference, for a sell (reference − price) / reference, in basis points.
//! The reference is the middle of the last quote that the runtime had received when the order was made, or the last trade
//! where there is no quote. What was received more than a minute before is no reference.

use std::collections::BTreeMap;

use messages::orders::Side;
use serde::Serialize;

use super::figure::Figure;

/// Quantiles of a set of values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    /// How many values.
    pub count: u64,
    /// The middle one.
    pub p50: Option<f64>,
    /// 95 of 100 are at most this.
    pub p95: Option<f64>,
    /// 99 of 100 are at most this.
    pub p99: Option<f64>,
}

impl Spread {
    /// Of these values.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|p| quantile(&values, p));
        Self { count: values.len() as u64, p50, p95, p99 }
    }
}

/// The value below which the fraction `p` of sorted values lies, between two of them in proportion (R. J. Hyndman and
/// Y. Fan, Sample Quantiles in Statistical Packages, 1996, definition 7: what NumPy, R and DuckDB's `quantile_cont` do).
fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    let place = p * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

/// What became of the orders of one type.
#[derive(Debug, Clone, Serialize)]
pub struct Orders {
    /// `market`, `limit` …; `all` for all of them.
    pub order_type: String,
    /// All.
    pub orders: u64,
    /// Those that we refused.
    pub denied: u64,
    /// Those that the venue refused, or never received.
    pub rejected: u64,
    /// Those that were filled, in part or whole.
    pub with_fills: u64,
    /// Those that were filled whole.
    pub filled: u64,
    /// Those that were canceled.
    pub canceled: u64,
    /// Those whose time ended.
    pub expired: u64,
    /// rejected / (orders − denied)
    pub reject_rate: Figure,
    /// with_fills / (orders − denied)
    pub fill_rate: Figure,
}

impl Orders {
    /// None of them yet.
    pub fn none(order_type: &str) -> Self {
        let order_type = order_type.to_owned();
        let (reject_rate, fill_rate) = (Figure::of(None, ""), Figure::of(None, ""));
        let (orders, denied, rejected, with_fills, filled, canceled, expired) = (0, 0, 0, 0, 0, 0, 0);
        Self { order_type, orders, denied, rejected, with_fills, filled, canceled, expired, reject_rate, fill_rate }
    }

    /// Adds so many with this status, of which some have fills.
    pub fn add(&mut self, status: &str, count: u64, with_fills: u64) {
        self.orders += count;
        self.with_fills += with_fills;
        match status {
            "denied" => self.denied += count,
            "rejected" => self.rejected += count,
            "filled" => self.filled += count,
            "canceled" => self.canceled += count,
            "expired" => self.expired += count,
            _ => {}
        }
        let sent = self.orders - self.denied;
        let rate = |part: u64| Figure::of((sent > 0).then(|| part as f64 / sent as f64), "an order that was sent");
        (self.reject_rate, self.fill_rate) = (rate(self.rejected), rate(self.with_fills));
    }
}

/// A fill beside the market at the decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Of which type its order was.
    pub order_type: String,
    /// Which way.
    pub side: Side,
    /// Its price.
    pub price: f64,
    /// Its quantity.
    pub quantity: f64,
    /// The reference; `None` where there is none.
    pub reference: Option<f64>,
}

impl Decision {
    /// What it cost, in basis points; negative for a gain.
    fn basis_points(&self) -> Option<f64> {
        let reference = self.reference.filter(|reference| *reference > 0.0)?;
        let worse = if self.side == Side::Buy { self.price - reference } else { reference - self.price };
        Some(worse / reference * 1e4)
    }
}

/// Slippage of the fills of one order type.
#[derive(Debug, Clone, Serialize)]
pub struct Slippage {
    /// `market`, `limit` …; `all` for all of them.
    pub order_type: String,
    /// Fills that were looked at.
    pub fills: u64,
    /// Those with a reference.
    pub measured: u64,
    /// The mean in basis points, weighted by price × quantity.
    pub mean_bps: Figure,
    /// Quantiles over fills, in basis points.
    pub bps: Spread,
}

/// Slippage of these fills: of all of them, then by order type.
pub fn slippage(decisions: &[Decision]) -> Vec<Slippage> {
    let mut by_type: BTreeMap<&str, Vec<&Decision>> = BTreeMap::new();
    for decision in decisions {
        by_type.entry(&decision.order_type).or_default().push(decision);
    }
    let all = (!decisions.is_empty()).then(|| Slippage::of("all", &decisions.iter().collect::<Vec<_>>()));
    all.into_iter().chain(by_type.iter().map(|(name, of)| Slippage::of(name, of))).collect()
}

/// The basis points of all fills that have some, for a histogram.
pub fn all_basis_points(decisions: &[Decision]) -> Vec<f64> {
    decisions.iter().filter_map(Decision::basis_points).collect()
}

impl Slippage {
    fn of(order_type: &str, decisions: &[&Decision]) -> Self {
        let measured: Vec<(f64, f64)> =
            decisions.iter().filter_map(|d| Some((d.basis_points()?, d.price * d.quantity))).collect();
        let weight: f64 = measured.iter().map(|(_, weight)| weight).sum();
        let mean = measured.iter().map(|(bps, weight)| bps * weight).sum::<f64>() / weight;
        Self {
            order_type: order_type.to_owned(),
            fills: decisions.len() as u64,
            measured: measured.len() as u64,
            mean_bps: Figure::of(Some(mean), "a fill with market data at its decision, on this machine"),
            bps: Spread::of(measured.into_iter().map(|(bps, _)| bps).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of `quantile(1:10, c(.5, .95, .99))` in R, type 7, and of `numpy.percentile` with its default.
    #[test]
    fn quantiles_are_those_of_numpy_and_r() {
        let spread = Spread::of((1..=10).rev().map(f64::from).collect());
        assert_eq!((spread.count, spread.p50), (10, Some(5.5)));
        assert!((spread.p95.unwrap() - 9.55).abs() < 1e-12 && (spread.p99.unwrap() - 9.91).abs() < 1e-12);
        assert_eq!(Spread::of(vec![]), Spread { count: 0, p50: None, p95: None, p99: None });
        assert_eq!(Spread::of(vec![3.0]).p99, Some(3.0));
    }

    fn decision(order_type: &str, side: Side, price: f64, quantity: f64, reference: Option<f64>) -> Decision {
        Decision { order_type: order_type.to_owned(), side, price, quantity, reference }
    }

    #[test]
    fn worse_than_the_reference_is_a_cost_on_both_sides() {
        for (side, price, expected) in [
            (Side::Buy, 101.0, 100.0),
            (Side::Sell, 99.0, 100.0),
            (Side::Buy, 99.0, -100.0),
            (Side::Sell, 101.0, -100.0),
        ] {
            let bps = decision("market", side, price, 1.0, Some(100.0)).basis_points().unwrap();
            assert!((bps - expected).abs() < 1e-9, "{side} at {price}: {bps}");
        }
    }

    #[test]
    fn the_mean_weighs_by_value_and_leaves_out_what_has_no_reference() {
        let found = slippage(&[
            decision("market", Side::Buy, 101.0, 1.0, Some(100.0)),
            decision("limit", Side::Buy, 100.0, 3.0, Some(100.0)),
            decision("limit", Side::Sell, 100.0, 3.0, None),
        ]);
        let names: Vec<_> = found.iter().map(|s| (s.order_type.as_str(), s.fills, s.measured)).collect();
        assert_eq!(names, [("all", 3, 2), ("limit", 2, 1), ("market", 1, 1)]);
        // 100 basis points of 101, none of 300.
        assert!((found[0].mean_bps.value().unwrap() - 100.0 * 101.0 / 401.0).abs() < 1e-9);
        assert_eq!(slippage(&[decision("x", Side::Buy, 1.0, 1.0, None)])[0].mean_bps.value(), None);
        assert!(slippage(&[]).is_empty());
    }

    #[test]
    fn rates_are_of_what_was_sent() {
        let mut orders = Orders::none("all");
        assert_eq!(orders.fill_rate.value(), None);
        for (status, count, with_fills) in [("denied", 5, 0), ("rejected", 1, 0), ("filled", 2, 2), ("canceled", 1, 1)]
        {
            orders.add(status, count, with_fills);
        }
        assert_eq!((orders.orders, orders.with_fills), (9, 3));
        assert_eq!((orders.reject_rate.value(), orders.fill_rate.value()), (Some(0.25), Some(0.75)));
    }
}
