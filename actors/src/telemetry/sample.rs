//! One sample: what actors, journals, queues and the system said at one instant, as metrics. Pure.

use std::collections::VecDeque;

use messages::UtcNanos;
use messages::risk::TradingState;
use messages::telemetry::{Labels, Metric, MetricKind, Quantiles};
use storage::pool::{Spread, Stats};

use super::process::Process;
use crate::ports::{FeedStatus, MarketStatus, OrdersStatus, StrategyStatus};

/// How a journal and the tables behind it stand.
pub struct JournalStatus {
    /// Batches that wait for its thread.
    pub waiting: usize,
    /// Its last durable record.
    pub durable: u64,
    /// The last of its records that the tables hold, once that is known.
    pub applied: Option<u64>,
}

/// Metrics of one instant.
pub struct Sample {
    at: UtcNanos,
    /// Of what the next metrics are.
    labels: Labels,
    metrics: Vec<Metric>,
}

impl Sample {
    /// Nothing yet.
    pub fn new(at: UtcNanos) -> Self {
        Self { at, labels: Labels::default(), metrics: Vec::new() }
    }

    /// The metrics, in the order in which they were added.
    pub fn take(self) -> Vec<Metric> {
        self.metrics
    }

    /// The market actor, and the feeds in front of it.
    pub fn market(&mut self, status: &MarketStatus) {
        self.of("feeds", None);
        self.gauge("feed_frames_waiting", status.waiting as f64);
        self.counter("feed_frames", status.frames);
        self.counter("feed_frames_undecodable", status.undecodable);
        self.of("market", None);
        let c = &status.counters;
        for (name, value) in [
            ("market_trades", c.trades),
            ("market_quotes", c.quotes),
            ("market_depths", c.depths),
            ("market_gaps", c.gaps),
            ("market_bars", c.bars),
            ("market_bar_revisions", c.revisions),
            ("market_duplicate_trades", c.duplicate_trades),
            ("market_superseded_trades", c.superseded_trades),
            ("market_late_quotes", c.late_quotes),
            ("market_crossed_quotes", c.crossed_quotes),
            ("market_out_of_range", c.out_of_range),
            ("market_corrections", c.corrections),
            ("market_inexact_corrections", c.inexact_corrections),
            ("market_venue_bars", c.venue_bars),
            ("market_venue_bars_differ", c.venue_bars_differ),
            ("market_too_late_trades", c.too_late),
            ("market_bar_overflows", c.bar_overflows),
            ("market_book_gaps", c.book_gaps),
            ("market_clock_steps_back", c.clock_steps_back),
        ] {
            self.counter(name, value);
        }
        for clock in &status.clocks {
            self.labels.venue = Some(clock.exchange.as_str().to_owned());
            self.gauge("clock_offset_seconds", clock.nanos as f64 / 1e9);
        }
    }

    /// A live feed.
    pub fn feed(&mut self, status: &FeedStatus) {
        self.of("feeds", Some(&status.name));
        let session = &status.session;
        self.gauge("feed_live", f64::from(u8::from(session.state == "live")));
        self.gauge("feed_links", session.links.len() as f64);
        self.gauge("feed_symbols", session.symbols.len() as f64);
        self.gauge("feed_symbols_stale", session.symbols.iter().filter(|s| s.state != "live").count() as f64);
        self.gauge("feed_waiting", status.waiting as f64);
        self.gauge("feed_backlog", status.backlog as f64);
        let c = &session.counters;
        for (name, value) in [
            ("feed_link_frames", c.frames),
            ("feed_link_bytes", c.bytes),
            ("feed_connects", c.connects),
            ("feed_disconnects", c.disconnects),
            ("feed_handovers", c.handovers),
            ("feed_gaps", c.gaps),
            ("feed_trades_backfilled", c.backfilled),
            ("feed_book_resyncs", c.resyncs),
            ("feed_undecodable", c.undecodable),
            ("feed_requests", c.requests),
            ("feed_errors", c.errors),
            ("feed_quotes_conflated", status.conflated),
            ("feed_recording_lines_lost", status.recordings_lost),
        ] {
            self.counter(name, value);
        }
        if let Some(lag) = status.lag {
            self.gauge("feed_lag_p50_seconds", lag.p50_micros as f64 / 1e6);
            self.gauge("feed_lag_p99_seconds", lag.p99_micros as f64 / 1e6);
            self.gauge("feed_lag_max_seconds", lag.max_micros as f64 / 1e6);
        }
    }

    /// The orders actor.
    pub fn orders(&mut self, status: &OrdersStatus) {
        self.of("orders", None);
        self.gauge("trading_active", f64::from(u8::from(status.trading == TradingState::Active)));
        self.gauge("orders_open", status.open.len() as f64);
        self.gauge("orders_effects_waiting", status.waiting as f64);
        let c = &status.counters;
        for (name, value) in [
            ("orders_denied", c.denied),
            ("orders_requests_refused", c.refused),
            ("orders_reports_ignored", c.ignored),
            ("orders_reports_unknown", c.unknown),
            ("orders_alarms", c.alarms),
        ] {
            self.counter(name, value);
        }
    }

    /// A strategy.
    pub fn strategy(&mut self, status: &StrategyStatus) {
        self.of("strategies", Some(&status.name));
        self.gauge("strategy_running", f64::from(u8::from(status.state == "running")));
        self.gauge("strategy_generation", f64::from(status.generation));
        self.counter("strategy_faults", u64::from(status.faults));
        self.counter("strategy_threads_abandoned", u64::from(status.abandoned));
    }

    /// How an actor has answered so far, in seconds: how full its mailbox is, and whether it is stuck.
    pub fn answers(&mut self, actor: &str, missed: u64, seconds: &VecDeque<f64>) {
        self.of("actors", Some(actor));
        self.counter("actor_answers_missed", missed);
        if let Some(quantiles) = Quantiles::of(seconds.iter().copied()) {
            self.push("actor_answer_seconds", MetricKind::Histogram, seconds.len() as f64, Some(quantiles));
        }
    }

    /// A journal, and the tables behind it.
    pub fn journal(&mut self, log: &str, status: &JournalStatus) {
        self.of("journal", Some(log));
        self.gauge("journal_batches_waiting", status.waiting as f64);
        self.counter("journal_durable_seq", status.durable);
        if let Some(applied) = status.applied {
            self.labels.tier = Some("disk".to_owned());
            self.counter("tables_applied_seq", applied);
            self.gauge("tables_lag_records", status.durable.saturating_sub(applied) as f64);
        }
    }

    /// A bulk queue.
    pub fn queue(&mut self, actor: &str, waiting: usize) {
        self.of("bulk", Some(actor));
        self.gauge("bulk_batches_waiting", waiting as f64);
    }

    /// The readers of the database, and the questions that they answered, class by class.
    pub fn readers(&mut self, stats: &Stats) {
        self.of("readers", None);
        self.gauge("readers_in_use", stats.in_use as f64);
        self.gauge("readers_executing", stats.executing as f64);
        self.gauge("readers_waiting", stats.waiting as f64);
        self.counter("readers_busy", stats.busy);
        self.spread("reader_wait_seconds", stats.wait_seconds);
        for class in &stats.classes {
            self.of("readers", Some(class.class.as_str()));
            self.counter("queries", class.ended);
            self.counter("queries_failed", class.failed);
            self.counter("queries_timed_out", class.timed_out);
            self.counter("queries_slow", class.slow);
            self.counter("query_rows", class.rows);
            self.spread("query_seconds", class.seconds);
        }
    }

    /// Runs of the archive, and steps of them that failed.
    pub fn archive(&mut self, (runs, failed): (u64, u64)) {
        self.of("archive", None);
        self.counter("archive_runs", runs);
        self.counter("archive_steps_failed", failed);
    }

    /// This process; what the system does not say has no metric.
    pub fn process(&mut self, process: &Process) {
        self.of("process", None);
        if let Some(bytes) = process.memory_bytes {
            self.gauge("process_memory_bytes", bytes as f64);
        }
        if let Some(threads) = process.threads {
            self.gauge("process_threads", threads as f64);
        }
        if let Some(seconds) = process.cpu_seconds {
            self.push("process_cpu_seconds", MetricKind::Counter, seconds, None);
        }
    }

    /// Telemetry itself.
    pub fn telemetry(&mut self, waiting: usize, logs_dropped: u64, metrics_dropped: u64) {
        self.of("telemetry", None);
        self.gauge("telemetry_waiting", waiting as f64);
        self.counter("logs_dropped", logs_dropped);
        self.counter("metrics_dropped", metrics_dropped);
    }

    fn of(&mut self, component: &str, actor: Option<&str>) {
        let actor = actor.map(str::to_owned);
        self.labels = Labels { component: Some(component.to_owned()), actor, ..Labels::default() };
    }

    fn counter(&mut self, name: &str, value: u64) {
        self.push(name, MetricKind::Counter, value as f64, None);
    }

    fn gauge(&mut self, name: &str, value: f64) {
        self.push(name, MetricKind::Gauge, value, None);
    }

    fn spread(&mut self, name: &str, spread: Option<Spread>) {
        if let Some(Spread { of, quantiles }) = spread {
            self.push(name, MetricKind::Histogram, of as f64, Some(quantiles));
        }
    }

    fn push(&mut self, name: &str, kind: MetricKind, value: f64, quantiles: Option<Quantiles>) {
        let (at, labels) = (self.at, self.labels.clone());
        self.metrics.push(Metric { at, name: name.to_owned(), kind, value, labels, quantiles });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_says_what_is_known_and_of_what() {
        let mut sample = Sample::new(UtcNanos(7));
        sample.journal("ledger", &JournalStatus { waiting: 1, durable: 10, applied: Some(4) });
        sample.journal("market", &JournalStatus { waiting: 0, durable: 3, applied: None });
        sample.process(&Process { memory_bytes: Some(5), ..Process::default() });
        sample.answers("orders", 2, &VecDeque::new());
        let shown: Vec<String> = sample
            .take()
            .iter()
            .map(|m| format!("{} {} {:?} {:?} {}", m.name, m.kind.as_str(), m.labels.actor, m.labels.tier, m.value))
            .collect();
        let expected = [
            "journal_batches_waiting gauge Some(\"ledger\") None 1",
            "journal_durable_seq counter Some(\"ledger\") None 10",
            "tables_applied_seq counter Some(\"ledger\") Some(\"disk\") 4",
            "tables_lag_records gauge Some(\"ledger\") Some(\"disk\") 6",
            "journal_batches_waiting gauge Some(\"market\") None 0",
            "journal_durable_seq counter Some(\"market\") None 3",
            "process_memory_bytes gauge None None 5",
            "actor_answers_missed counter Some(\"orders\") None 2",
        ];
        assert_eq!(shown, expected);
    }
}
