//! What goes into a sample of journals, tables, readers, tiers and the archive.

use messages::telemetry::Labels;
use storage::archive::Runs;
use storage::migrate::reads;
use storage::migrate::sink::{SinkStatus, State};
use storage::pool::Stats;
use storage::recent::Spread;
use storage::tiers::Tier;

use super::{Sample, of, whole};
use crate::metrics::*;

/// How a journal and the tables behind it stand.
pub struct JournalStatus {
    /// Batches that wait for its thread.
    pub waiting: usize,
    /// How many may.
    pub capacity: usize,
    /// Its last durable record.
    pub durable: u64,
    /// The last of its records that the tables hold, once that is known.
    pub applied: Option<u64>,
    /// Groups synced since the start.
    pub syncs: u64,
    /// Seconds that the newest of them took.
    pub sync_seconds: Option<Spread>,
}

impl Sample {
    /// A journal, and the tables behind it.
    pub fn journal(&mut self, log: &str, status: &JournalStatus) {
        self.gauge(JOURNAL_BATCHES_WAITING, of(log), status.waiting as f64);
        self.gauge(JOURNAL_QUEUE_RATIO, of(log), share(status.waiting, status.capacity));
        self.counter(JOURNAL_DURABLE_SEQ, of(log), status.durable);
        self.counter(JOURNAL_SYNCS, of(log), status.syncs);
        self.spread(JOURNAL_SYNC_SECONDS, of(log), status.sync_seconds);
        if let Some(applied) = status.applied {
            let tables = || Labels { tier: Some(Tier::Disk.as_str().to_owned()), ..of(log) };
            self.counter(TABLES_APPLIED_SEQ, tables(), applied);
            self.gauge(TABLES_LAG_RECORDS, tables(), status.durable.saturating_sub(applied) as f64);
        }
    }

    /// What is written to PostgreSQL as well.
    pub fn postgres(&mut self, [ledger, market]: [&str; 2], status: &SinkStatus) {
        self.flag(POSTGRES_FOLLOWING, whole(), matches!(status.state, State::Following | State::Held));
        // They say 0 until the server was reached.
        if status.applied.0.0 + status.applied.1.0 > 0 {
            self.counter(POSTGRES_APPLIED_SEQ, of(ledger), status.applied.0.0);
            self.counter(POSTGRES_APPLIED_SEQ, of(market), status.applied.1.0);
            self.gauge(POSTGRES_LAG_RECORDS, whole(), status.lag_records as f64);
        }
        self.gauge(POSTGRES_LAG_SECONDS, whole(), status.lag.as_secs_f64());
        self.counter(POSTGRES_ROWS, whole(), status.rows);
        self.gauge(POSTGRES_JOURNAL_RATIO, whole(), status.kept.ratio());
        self.counter(POSTGRES_RECORDS_GIVEN_UP, whole(), status.given_up);
    }

    /// A bulk queue: who drains it, what waits, and how much may.
    pub fn queue(&mut self, actor: &str, waiting: usize, capacity: usize) {
        self.gauge(BULK_BATCHES_WAITING, of(actor), waiting as f64);
        self.gauge(BULK_QUEUE_RATIO, of(actor), share(waiting, capacity));
    }

    /// The readers of the database, and the questions that they answered, class by class.
    pub fn readers(&mut self, stats: &Stats) {
        self.gauge(READERS_IN_USE, whole(), stats.in_use as f64);
        self.gauge(READERS_EXECUTING, whole(), stats.executing as f64);
        self.gauge(READERS_WAITING, whole(), stats.waiting as f64);
        self.counter(READERS_BUSY, whole(), stats.busy);
        self.spread(READER_WAIT_SECONDS, whole(), stats.wait_seconds);
        for class in &stats.classes {
            let name = || of(class.class.as_str());
            self.counter(QUERIES, name(), class.ended);
            self.counter(QUERIES_FAILED, name(), class.failed);
            self.counter(QUERIES_TIMED_OUT, name(), class.timed_out);
            self.counter(QUERIES_SLOW, name(), class.slow);
            self.counter(QUERY_ROWS, name(), class.rows);
            self.spread(QUERY_SECONDS, name(), class.seconds);
        }
    }

    /// Answers to questions to history, of both sides, and those that were held against each other.
    pub fn reads(&mut self, reads: &reads::Stats) {
        for (side, stats) in &reads.sides {
            let side = || of(side.as_str());
            self.counter(READS, side(), stats.count);
            self.counter(READS_FAILED, side(), stats.errors);
            self.spread(READ_SECONDS, side(), stats.seconds);
        }
        self.counter(READS_COMPARED, whole(), reads.shadowed);
        self.counter(READS_DIFFERENT, whole(), reads.differed);
    }

    /// Runs of the archive since the start, and how long ago the last good one ended.
    pub fn archive(&mut self, runs: &Runs, good_seconds_ago: Option<f64>) {
        self.counter(ARCHIVE_RUNS, whole(), runs.begun);
        self.counter(ARCHIVE_STEPS_FAILED, whole(), runs.steps_failed);
        self.known(ARCHIVE_FAILING, whole(), runs.last_failed.map(|failed| f64::from(u8::from(failed))));
        self.known(ARCHIVE_GOOD_AGE_SECONDS, whole(), good_seconds_ago);
    }

    /// Bytes of a tier.
    pub fn tier(&mut self, tier: Tier, bytes: u64) {
        let labels = Labels { tier: Some(tier.as_str().to_owned()), ..whole() };
        self.gauge(TIER_BYTES, labels, bytes as f64);
    }

    /// The disk of a folder.
    pub fn disk(&mut self, place: &str, space: storage::disk::Space) {
        self.gauge(DISK_FREE_BYTES, of(place), space.free as f64);
        if space.total > 0 {
            self.gauge(DISK_FREE_RATIO, of(place), space.free as f64 / space.total as f64);
        }
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
