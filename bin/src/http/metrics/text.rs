//! Metrics in Prometheus' text format (exposition format 0.0.4).
//!
//! Names begin with `merganser_`, those of counters end in `_total`; a histogram is a summary: its quantiles, as they were
//! measured. The label is named for what it holds, as the definition says. Invariant: a series stands there once.

use std::collections::BTreeSet;
use std::fmt::Write;

use actors::metrics::{ALL, Definition};
use messages::telemetry::{Metric, MetricKind};
use metrics_exporter_prometheus::formatting::{sanitize_label_value, write_help_line, write_type_line};

/// All that are known, in the order of their definitions.
pub fn of(metrics: &[Metric]) -> String {
    let mut text = String::with_capacity(metrics.len() * 128);
    for definition in ALL {
        let found: Vec<&Metric> = metrics.iter().filter(|metric| metric.name == definition.name).collect();
        if !found.is_empty() {
            family(definition, &found, &mut text);
        }
    }
    text
}

fn family(definition: &Definition, metrics: &[&Metric], text: &mut String) {
    let name = definition.exported();
    let kind = match definition.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "summary",
    };
    write_help_line(text, &name, None, None, definition.help);
    write_type_line(text, &name, None, None, kind);
    let mut seen = BTreeSet::new();
    for metric in metrics {
        let labels = labels(definition, metric);
        if !seen.insert(labels.clone()) {
            continue;
        }
        match metric.quantiles {
            None => line(text, &name, &labels, metric.value),
            Some(q) => {
                for (quantile, value) in [("0.5", q.p50), ("0.95", q.p95), ("0.99", q.p99), ("0.999", q.p999)] {
                    let comma = if labels.is_empty() { "" } else { "," };
                    line(text, &name, &format!("{labels}{comma}quantile=\"{quantile}\""), value);
                }
            }
        }
    }
}

fn labels(definition: &Definition, metric: &Metric) -> String {
    let l = &metric.labels;
    let all = [(definition.of, &l.actor), ("venue", &l.venue), ("symbol", &l.symbol), ("tier", &l.tier)];
    let known = all.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let pairs: Vec<String> = known.map(|(name, value)| format!("{name}=\"{}\"", sanitize_label_value(value))).collect();
    pairs.join(",")
}

fn line(text: &mut String, name: &str, labels: &str, value: f64) {
    let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    writeln!(text, "{name}{labels} {value}").expect("a text takes what is written");
}

#[cfg(test)]
mod tests {
    use actors::metrics;
    use messages::UtcNanos;
    use messages::telemetry::{Labels, Quantiles};

    use super::*;

    fn metric(definition: Definition, actor: Option<&str>, value: f64) -> Metric {
        Metric {
            at: UtcNanos(0),
            name: definition.name.to_owned(),
            kind: definition.kind,
            value,
            labels: Labels { actor: actor.map(str::to_owned), ..Labels::default() },
            quantiles: None,
        }
    }

    #[test]
    fn families_have_help_and_type_and_series_stand_once() {
        let found = of(&[
            metric(metrics::ORDERS_OPEN, None, 3.0),
            metric(metrics::STRATEGY_FAULTS, Some("a\"b"), 1.0),
            metric(metrics::STRATEGY_FAULTS, Some("c"), 2.0),
            metric(metrics::STRATEGY_FAULTS, Some("c"), 9.0),
        ]);
        let expected = "\
# HELP merganser_orders_open Open orders.
# TYPE merganser_orders_open gauge
merganser_orders_open 3
# HELP merganser_strategy_faults_total Panics, hangs and lags.
# TYPE merganser_strategy_faults_total counter
merganser_strategy_faults_total{strategy=\"a\\\"b\"} 1
merganser_strategy_faults_total{strategy=\"c\"} 2
";
        assert_eq!(found, expected);
    }

    #[test]
    fn quantiles_are_a_summary() {
        let quantiles = Some(Quantiles { p50: 0.00004, p95: 0.0001, p99: 0.00025, p999: 1.5 });
        let sync = Metric { quantiles, ..metric(metrics::JOURNAL_SYNC_SECONDS, Some("ledger"), 9.0) };
        let found = of(&[sync]);
        let lines: Vec<&str> = found.lines().skip(1).collect();
        let expected = [
            "# TYPE merganser_journal_sync_seconds summary",
            "merganser_journal_sync_seconds{journal=\"ledger\",quantile=\"0.5\"} 0.00004",
            "merganser_journal_sync_seconds{journal=\"ledger\",quantile=\"0.95\"} 0.0001",
            "merganser_journal_sync_seconds{journal=\"ledger\",quantile=\"0.99\"} 0.00025",
            "merganser_journal_sync_seconds{journal=\"ledger\",quantile=\"0.999\"} 1.5",
        ];
        assert_eq!(lines, expected);
    }
}
