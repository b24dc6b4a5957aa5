//! How long frames take from their socket to the market's queue. Hears each frame's receive time and the time of its
//! hand-over; says quantiles of the last ten seconds that are over.

use std::time::Duration;

use hdrhistogram::Histogram;
use messages::UtcNanos;

use crate::ports::Lag;

/// How long a window is.
const WINDOW: Duration = Duration::from_secs(10);
/// Lags above this count as this, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

/// The lags of one feed.
#[derive(Debug)]
pub struct Lags {
    ends: UtcNanos,
    micros: Histogram<u64>,
    last: Option<Lag>,
}

impl Default for Lags {
    fn default() -> Self {
        let micros = Histogram::new_with_max(LONGEST, 2).expect("bounds that a histogram may have");
        Self { ends: UtcNanos::MIN, micros, last: None }
    }
}

impl Lags {
    /// A frame that was received at `received` is handed over `now`.
    pub fn saw(&mut self, received: UtcNanos, now: UtcNanos) {
        if now >= self.ends {
            self.turn(now);
        }
        self.micros.saturating_record(u64::try_from(now.since(received)).unwrap_or(0) / 1_000);
    }

    /// Of the last window that is over and had frames; `None` before there was one.
    #[must_use]
    pub fn summary(&self) -> Option<Lag> {
        self.last
    }

    fn turn(&mut self, now: UtcNanos) {
        if !self.micros.is_empty() {
            self.last = Some(Lag {
                frames: self.micros.len(),
                p50_micros: self.micros.value_at_quantile(0.5),
                p99_micros: self.micros.value_at_quantile(0.99),
                max_micros: self.micros.max(),
            });
        }
        self.micros.reset();
        self.ends = now.after(WINDOW);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_window_that_is_over() {
        let mut lags = Lags::default();
        for n in 1..=100 {
            lags.saw(UtcNanos(0), UtcNanos(n * 1_000_000));
        }
        assert_eq!(lags.summary(), None);
        lags.saw(UtcNanos(60_000_000_000), UtcNanos(60_000_000_000));
        let lag = lags.summary().unwrap();
        assert_eq!(lag.frames, 100);
        assert!((50_000..51_000).contains(&lag.p50_micros), "{lag:?}");
        assert!((99_000..=100_500).contains(&lag.p99_micros), "{lag:?}");
    }
}
