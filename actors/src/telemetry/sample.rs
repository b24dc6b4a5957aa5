//! One sample: what was found at one instant, as metrics. Pure.
//!
//! What is known goes in under its definition; what is not known has no metric. The files below say what of the market, of
//! trading, of storage and of the machine goes in.

mod machine;
mod market;
mod stores;
#[cfg(test)]
mod tests;
mod trading;

use messages::UtcNanos;
use messages::telemetry::{Labels, Metric, Quantiles};
use storage::recent::Spread;

use crate::metrics::Definition;

pub use stores::JournalStatus;

/// Metrics of one instant.
pub struct Sample {
    at: UtcNanos,
    metrics: Vec<Metric>,
}

/// For what there is one value for all.
fn whole() -> Labels {
    Labels::default()
}

/// Of one actor, strategy, feed, account, class: what the definition says.
fn of(name: &str) -> Labels {
    Labels { actor: Some(name.to_owned()), ..Labels::default() }
}

impl Sample {
    /// Nothing yet.
    #[must_use]
    pub fn new(at: UtcNanos) -> Self {
        Self { at, metrics: Vec::new() }
    }

    /// The metrics, in the order in which they were added.
    #[must_use]
    pub fn take(self) -> Vec<Metric> {
        self.metrics
    }

    fn counter(&mut self, metric: Definition, of: Labels, value: u64) {
        self.push(metric, of, value as f64, None);
    }

    fn gauge(&mut self, metric: Definition, of: Labels, value: f64) {
        self.push(metric, of, value, None);
    }

    fn flag(&mut self, metric: Definition, of: Labels, holds: bool) {
        self.push(metric, of, f64::from(u8::from(holds)), None);
    }

    /// A gauge, where its value is known.
    fn known(&mut self, metric: Definition, of: Labels, value: Option<f64>) {
        if let Some(value) = value {
            self.push(metric, of, value, None);
        }
    }

    fn spread(&mut self, metric: Definition, labels: Labels, spread: Option<Spread>) {
        if let Some(Spread { of, quantiles }) = spread {
            self.push(metric, labels, of as f64, Some(quantiles));
        }
    }

    fn push(&mut self, metric: Definition, of: Labels, value: f64, quantiles: Option<Quantiles>) {
        let labels = Labels { component: Some(metric.component.to_owned()), ..of };
        let (at, name, kind) = (self.at, metric.name.to_owned(), metric.kind);
        self.metrics.push(Metric { at, name, kind, value, labels, quantiles });
    }
}
