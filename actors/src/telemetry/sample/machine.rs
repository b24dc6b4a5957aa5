//! What goes into a sample of actors, the edge, alerts, telemetry itself and this process.

use storage::recent::Spread;

use super::super::edge::{EdgeCounts, RequestCounts};
use super::super::process::Process;
use super::{Sample, of, whole};
use crate::metrics::*;
use crate::ports::AlertCounts;
use crate::traffic::ActorStatus;

impl Sample {
    /// How an actor has answered so far: how full its mailbox is, and whether it is stuck.
    pub fn answers(&mut self, actor: &str, missed: u64, seconds: Option<Spread>) {
        self.counter(ACTOR_ANSWERS_MISSED, of(actor), missed);
        self.spread(ACTOR_ANSWER_SECONDS, of(actor), seconds);
    }

    /// What an actor has heard.
    pub fn actor(&mut self, status: &ActorStatus) {
        let actor = || of(&status.label());
        self.counter(ACTOR_MESSAGES_HANDLED, actor(), status.handled);
        self.gauge(ACTOR_MESSAGES_WAITING, actor(), status.waiting as f64);
        self.counter(ACTOR_RESTARTS, actor(), u64::from(status.restarts));
        self.flag(ACTOR_RUNNING, actor(), status.is_running());
    }

    /// The edge: requests by class, reads by side, and the stream's clients.
    pub fn edge(&mut self, edge: &EdgeCounts) {
        for (class, RequestCounts { answered, refused, failed }) in &edge.requests {
            self.counter(HTTP_REQUESTS, of(class), *answered);
            self.counter(HTTP_REQUESTS_REFUSED, of(class), *refused);
            self.counter(HTTP_REQUESTS_FAILED, of(class), *failed);
        }
        edge.reads.iter().for_each(|reads| self.reads(reads));
        let Some(stream) = &edge.stream else { return };
        self.gauge(STREAM_CLIENTS, whole(), stream.clients as f64);
        for (metric, value) in [
            (STREAM_MESSAGES, stream.messages),
            (STREAM_SENT_BYTES, stream.bytes),
            (STREAM_CONFLATED, stream.conflated),
            (STREAM_CLOSED_SLOW, stream.closed_slow),
            (STREAM_CLOSED_FAULTY, stream.closed_faulty),
            (STREAM_CLOSED_SILENT, stream.closed_silent),
            (STREAM_TURNED_AWAY, stream.turned_away),
            (STREAM_RESYNCED, stream.resynced),
            (STREAM_LOST, stream.lost),
            (STREAM_LOST_LOG_LINES, stream.lost_lines),
        ] {
            self.counter(metric, whole(), value);
        }
    }

    /// Alerts, and the messages about them.
    pub fn alerts(&mut self, counts: &AlertCounts) {
        self.gauge(ALERTS_OPEN, whole(), counts.open as f64);
        self.gauge(ALERTS_UNACKNOWLEDGED, whole(), counts.unacknowledged as f64);
        self.counter(ALERT_MESSAGES_SENT, whole(), counts.sent);
        self.counter(ALERT_MESSAGES_FAILED, whole(), counts.failed);
        self.counter(ALERT_MESSAGES_HELD_BACK, whole(), counts.held_back);
        self.counter(HEARTBEATS_FAILED, whole(), counts.heartbeats_failed);
    }

    /// This process; what the system does not say has no metric.
    pub fn process(&mut self, process: &Process) {
        self.known(PROCESS_MEMORY_BYTES, whole(), process.memory_bytes.map(|bytes| bytes as f64));
        self.known(PROCESS_THREADS, whole(), process.threads.map(|threads| threads as f64));
        self.known(PROCESS_CPU_SECONDS, whole(), process.cpu_seconds);
    }

    /// Telemetry itself.
    pub fn telemetry(&mut self, waiting: usize, logs_dropped: u64, metrics_dropped: u64) {
        self.gauge(TELEMETRY_WAITING, whole(), waiting as f64);
        self.counter(LOGS_DROPPED, whole(), logs_dropped);
        self.counter(METRICS_DROPPED, whole(), metrics_dropped);
    }
}
