//! The way of log lines and metrics to the file thread: bounded, and never waited for.
//!
//! What does not fit is dropped and counted. Nothing here logs: a line about a lost line would be the next
//! one to be lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use messages::telemetry::Telemetry;

/// The sender's end; whoever has something to tell holds a clone.
#[derive(Clone)]
pub struct Sender {
    queue: flume::Sender<Telemetry>,
    dropped: Arc<Dropped>,
}

#[derive(Default)]
struct Dropped {
    logs: AtomicU64,
    metrics: AtomicU64,
}

/// A way for `capacity` lines and metrics.
#[must_use]
pub fn channel(capacity: usize) -> (Sender, flume::Receiver<Telemetry>) {
    let (queue, receiver) = flume::bounded(capacity);
    (Sender { queue, dropped: Arc::default() }, receiver)
}

impl Sender {
    /// Sends, or counts what does not fit. Never waits.
    pub fn send(&self, telemetry: Telemetry) {
        if let Err(refused) = self.queue.try_send(telemetry) {
            let counter = match refused.into_inner() {
                Telemetry::Log(_) => &self.dropped.logs,
                Telemetry::Metric(_) => &self.dropped.metrics,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Log lines that did not fit.
    #[must_use]
    pub fn logs_dropped(&self) -> u64 {
        self.dropped.logs.load(Ordering::Relaxed)
    }

    /// Metrics that did not fit.
    #[must_use]
    pub fn metrics_dropped(&self) -> u64 {
        self.dropped.metrics.load(Ordering::Relaxed)
    }

    /// Lines and metrics that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }
}

#[cfg(test)]
mod tests {
    use messages::UtcNanos;
    use messages::telemetry::{Labels, Metric, MetricKind};

    use super::*;

    #[test]
    fn what_does_not_fit_is_counted_and_nobody_waits() {
        let (sender, receiver) = channel(2);
        let metric = Metric {
            at: UtcNanos(0),
            name: "m".to_owned(),
            kind: MetricKind::Gauge,
            value: 1.0,
            labels: Labels::default(),
            quantiles: None,
        };
        for _ in 0..5 {
            sender.send(Telemetry::Metric(Box::new(metric.clone())));
        }
        assert_eq!((sender.waiting(), sender.metrics_dropped(), sender.logs_dropped()), (2, 3, 0));
        drop(receiver);
        sender.send(Telemetry::Metric(Box::new(metric)));
        assert_eq!(sender.metrics_dropped(), 4, "nobody listens any more");
    }
}
