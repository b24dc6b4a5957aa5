//! What came out of a run: counted while it runs, printed at its end.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::instrument::Asset;
use messages::market::{Batch, EventBody, TickBody};
use messages::orders::{EventKind, OrderUpdate};
use messages::positions::Booked;
use messages::snapshots::Snapshot;
use messages::{Cash, UtcNanos};

/// Counts of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// Trades of the market.
    pub trades: u64,
    /// Quotes of the market.
    pub quotes: u64,
    /// Depth messages.
    pub depth: u64,
    /// Bars published, revisions included.
    pub bars: u64,
    /// Orders that were sent.
    pub orders: u64,
    /// Orders that we refused, by code.
    pub denied: BTreeMap<String, u64>,
    /// Orders that the venue refused.
    pub rejected: u64,
    /// Fills.
    pub fills: u64,
    /// Value of all fills, as it adds up over quote assets.
    pub turnover: Cash,
    /// Fees, by asset.
    pub fees: BTreeMap<Asset, Cash>,
    /// Realized profit before fees.
    pub realized: Cash,
    /// Things that people should look at.
    pub alerts: u64,
    /// Value of the account at each snapshot.
    pub equity: Vec<(UtcNanos, Option<Cash>)>,
    /// The last snapshot.
    pub last: Option<Box<Snapshot>>,
}

impl Tally {
    /// Counts a batch.
    pub fn on_batch(&mut self, batch: &Batch) {
        for event in &batch.events {
            match &event.body {
                EventBody::Tick(tick) => match tick.body {
                    TickBody::Trade { .. } => self.trades += 1,
                    TickBody::Quote { .. } => self.quotes += 1,
                },
                EventBody::Depth(_) => self.depth += 1,
                EventBody::Bar(_) => self.bars += 1,
                EventBody::Gap(_) => {}
            }
        }
    }

    /// Counts what happened to an order.
    pub fn on_update(&mut self, update: &OrderUpdate) {
        match update.event.kind {
            EventKind::Intended => self.orders += 1,
            EventKind::Denied => {
                let code = update.event.reason.map_or_else(String::new, |r| r.to_string());
                *self.denied.entry(code).or_default() += 1;
            }
            EventKind::Rejected => self.rejected += 1,
            _ => {}
        }
    }

    /// Counts a fill.
    pub fn on_booked(&mut self, booked: &Booked) {
        let trade = &booked.trade;
        self.fills += 1;
        let value = trade.price.times(trade.quantity).unwrap_or_default();
        self.turnover = self.turnover.checked_add(value).unwrap_or(self.turnover);
        self.realized = self.realized.checked_add(trade.realized_pnl).unwrap_or(self.realized);
        if let Some(fee) = trade.fee {
            let sum = self.fees.entry(fee.asset).or_default();
            *sum = sum.checked_add(fee.amount).unwrap_or(*sum);
        }
    }

    /// Keeps a snapshot.
    pub fn on_snapshot(&mut self, snapshot: &Snapshot) {
        self.equity.push((snapshot.portfolio.at, snapshot.portfolio.value));
        self.last = Some(Box::new(snapshot.clone()));
    }

    /// The annualised Sharpe ratio of the returns between snapshots `every` apart, without a risk-free
    /// rate: mean / sample standard deviation × √(intervals a year) (W. F. Sharpe, 1994). `None` with
    /// fewer than two returns, or when they do not vary.
    #[must_use]
    pub fn sharpe(&self, every: Duration) -> Option<f64> {
        let known: Vec<(UtcNanos, f64)> =
            self.equity.iter().filter_map(|(at, v)| Some((*at, v.map(Cash::to_f64)?))).collect();
        // A snapshot at a start or stop lies anywhere: a return over less than an interval is none of them.
        let apart = |w: &&[(UtcNanos, f64)]| w[1].0.since(w[0].0) >= messages::time::nanos(every) && w[0].1 > 0.0;
        let returns: Vec<f64> = known.windows(2).filter(apart).map(|w| w[1].1 / w[0].1 - 1.0).collect();
        if returns.len() < 2 {
            return None;
        }
        let n = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / n;
        let variance = returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let intervals = 365.0 * 86_400.0 / every.as_secs_f64();
        (variance > 0.0).then(|| mean / variance.sqrt() * intervals.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sharpe_of_a_known_series() {
        let mut tally = Tally::default();
        assert_eq!(tally.sharpe(Duration::from_secs(86_400)), None);
        for (day, value) in ["100", "101", "100.495"].iter().enumerate() {
            tally.equity.push((UtcNanos::start_of_day(day as i64), Some(value.parse().unwrap())));
        }
        // Returns +1 % and −0.5 %: mean 0.25 %, sample deviation 1.06066 %, √365 = 19.10497.
        let sharpe = tally.sharpe(Duration::from_secs(86_400)).unwrap();
        assert!((sharpe - 4.503_1).abs() < 0.001, "{sharpe}");
    }
}
