//! What the runtime says about itself: log lines and metrics on their way into the tables.
//!
//! Neither is journaled and neither decides anything: two runs of the same input may differ here and
//! nowhere else.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::CorrelationId;
use crate::time::UtcNanos;

/// How much a log line matters, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something failed.
    Error,
    /// Something that a person should look at.
    Warn,
    /// What happens.
    Info,
    /// How it happens.
    Debug,
}

impl Level {
    /// The name in rows and settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The row of `application_logs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When, on the wall clock.
    pub at: UtcNanos,
    /// How much it matters.
    pub level: Level,
    /// Which program.
    pub service: String,
    /// Which part of it.
    pub component: String,
    /// Its words.
    pub message: String,
    /// A stable name of what happened, where it has one.
    pub event: Option<String>,
    /// About which order.
    pub order_id: Option<String>,
    /// What it belongs together with: an order, its events, fills and positions.
    pub correlation_id: Option<CorrelationId>,
    /// About which symbol.
    pub symbol: Option<String>,
    /// About which strategy.
    pub strategy: Option<String>,
    /// About which venue.
    pub venue: Option<String>,
    /// Everything else that it carries, as a JSON object.
    pub data: Option<String>,
    /// What failed.
    pub exception: Option<Exception>,
    /// The source file, where known.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
    /// The module that says it.
    pub target: String,
}

/// What failed, as a log line tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// What kind of failure: `error` or `panic`.
    pub kind: String,
    /// Its words, with those of its causes.
    pub message: String,
    /// Where it came from, when `RUST_BACKTRACE` asks for it.
    pub backtrace: Option<String>,
}

/// How a metric's value is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// Counts since the start of the process; only ever rises.
    Counter,
    /// What is now.
    Gauge,
    /// How many observations the quantiles are of.
    Histogram,
}

impl MetricKind {
    /// The name in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The row of `system_metrics`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// When it was taken, on the wall clock.
    pub at: UtcNanos,
    /// Its name; the unit stands last, as in `process_memory_bytes`.
    pub name: String,
    /// How its value is to be read.
    pub kind: MetricKind,
    /// Its value.
    pub value: f64,
    /// Of what.
    pub labels: Labels,
    /// Of a histogram.
    pub quantiles: Option<Quantiles>,
}

/// What a metric is about; `None` where that does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Labels {
    /// Which part of the program.
    pub component: Option<String>,
    /// Which actor or strategy.
    pub actor: Option<String>,
    /// Which venue.
    pub venue: Option<String>,
    /// Which symbol.
    pub symbol: Option<String>,
    /// Which tier.
    pub tier: Option<String>,
}

/// Values that this share of the observations does not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Half of them.
    pub p50: f64,
    /// 95 %.
    pub p95: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
}

impl Quantiles {
    /// Of these observations, by nearest rank; `None` of none.
    #[must_use]
    pub fn of(observations: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = observations.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        // Per mille, so that the rank is exact.
        let rank = |per_mille: usize| sorted[(sorted.len() * per_mille).div_ceil(1_000).saturating_sub(1).min(last)];
        Some(Self { p50: rank(500), p95: rank(950), p99: rank(990), p999: rank(999) })
    }
}

/// What goes into the telemetry tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Telemetry {
    /// A row of `application_logs`.
    Log(Box<LogLine>),
    /// A row of `system_metrics`.
    Metric(Box<Metric>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_observations_by_nearest_rank() {
        fn check(count: u32, expected: Option<[f64; 4]>) {
            let found = Quantiles::of((1..=count).rev().map(f64::from)).map(|q| [q.p50, q.p95, q.p99, q.p999]);
            assert_eq!(found, expected, "of 1 to {count}");
        }
        check(0, None);
        check(1, Some([1.0; 4]));
        check(2, Some([1.0, 2.0, 2.0, 2.0]));
        check(1_000, Some([500.0, 950.0, 990.0, 999.0]));
    }
}
