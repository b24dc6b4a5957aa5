//! How quick orders is: from the receive time of a tick to the order that a strategy decided on it, and to the durable
//! order in the hands of the venue. Fixed memory; quantiles of the last minute or two.

use std::collections::VecDeque;
use std::time::Duration;

use hdrhistogram::Histogram;
use messages::UtcNanos;
use messages::telemetry::Quantiles;
use storage::recent::Spread;

/// How long a window is; a summary is of the one before and the one that is open.
const WINDOW: Duration = Duration::from_secs(60);
/// Longer times count as this, in nanoseconds: an hour.
const LONGEST: u64 = 3_600_000_000_000;

/// Both times, as quantiles; `None` while there was no order in the window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Latencies {
    /// Tick to decided order.
    pub to_order: Option<Spread>,
    /// Tick to the order let out.
    pub to_venue: Option<Spread>,
}

/// Measures both.
#[derive(Default)]
pub struct Latency {
    to_order: Windows,
    to_venue: Windows,
    /// The ticket of the gate behind which an order waits, and when its tick was received. In the order of tickets.
    waiting: VecDeque<(u64, UtcNanos)>,
}

impl Latency {
    /// An order was decided now on a tick received then; it waits behind `ticket`.
    pub fn decided(&mut self, ticket: u64, received: UtcNanos, now: UtcNanos) {
        self.to_order.saw(received, now);
        self.waiting.push_back((ticket, received));
    }

    /// Everything up to `ticket` was let out now.
    pub fn let_out(&mut self, ticket: u64, now: UtcNanos) {
        while let Some((waits, received)) = self.waiting.front().copied()
            && waits <= ticket
        {
            self.waiting.pop_front();
            self.to_venue.saw(received, now);
        }
    }

    /// Both times of late.
    #[must_use]
    pub fn summary(&self) -> Latencies {
        Latencies { to_order: self.to_order.spread(), to_venue: self.to_venue.spread() }
    }
}

/// Two windows, so that there is always a whole one.
struct Windows {
    ends: UtcNanos,
    open: Histogram<u64>,
    before: Histogram<u64>,
}

impl Default for Windows {
    fn default() -> Self {
        let empty = || Histogram::new_with_max(LONGEST, 2).expect("bounds that a histogram may have");
        Self { ends: UtcNanos::MIN, open: empty(), before: empty() }
    }
}

impl Windows {
    fn saw(&mut self, received: UtcNanos, now: UtcNanos) {
        if now >= self.ends {
            // After a long silence the window before is as old as the last one.
            let is_next = now < self.ends.after(WINDOW);
            std::mem::swap(&mut self.open, &mut self.before);
            self.open.reset();
            if !is_next {
                self.before.reset();
            }
            self.ends = now.after(WINDOW);
        }
        self.open.saturating_record(u64::try_from(now.since(received)).unwrap_or(0));
    }

    fn spread(&self) -> Option<Spread> {
        let mut all = self.before.clone();
        all.add(&self.open).expect("both have the same bounds");
        let seconds = |quantile| all.value_at_quantile(quantile) as f64 / 1e9;
        let quantiles =
            || Quantiles { p50: seconds(0.5), p95: seconds(0.95), p99: seconds(0.99), p999: seconds(0.999) };
        (!all.is_empty())
            .then(|| Spread { of: usize::try_from(all.len()).unwrap_or(usize::MAX), quantiles: quantiles() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> UtcNanos {
        UtcNanos(micros * 1_000)
    }

    #[test]
    fn an_order_counts_when_it_is_decided_and_again_when_its_ticket_is_let_out() {
        let mut latency = Latency::default();
        assert_eq!(latency.summary(), Latencies::default());
        latency.decided(1, at(0), at(40));
        latency.decided(2, at(10), at(50));
        latency.let_out(1, at(400));
        let found = latency.summary();
        let (order, venue) = (found.to_order.unwrap(), found.to_venue.unwrap());
        assert_eq!((order.of, venue.of), (2, 1), "the second waits for the ledger");
        assert!((order.quantiles.p50 - 40e-6).abs() < 1e-6, "{order:?}");
        assert!((venue.quantiles.p99 - 400e-6).abs() < 5e-6, "{venue:?}");
        latency.let_out(9, at(500));
        assert_eq!(latency.summary().to_venue.unwrap().of, 2);
    }

    #[test]
    fn what_is_two_minutes_old_is_forgotten() {
        let mut latency = Latency::default();
        latency.decided(1, at(0), at(10));
        latency.decided(2, at(61_000_000), at(61_000_020));
        assert_eq!(latency.summary().to_order.unwrap().of, 2);
        latency.decided(3, at(300_000_000), at(300_000_020));
        assert_eq!(latency.summary().to_order.unwrap().of, 1);
    }
}
