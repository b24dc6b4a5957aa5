//! The settings of this crate; `config/default.toml` says what each is for.

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use crate::cold::{RestoreSpeed, StorageClass};

/// `[journal]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// Another folder for the ledger; empty for one in the data directory.
    pub ledger_dir: String,
    /// Bytes after which a ledger segment is closed.
    pub ledger_segment_bytes: u64,
    /// Bytes after which a market segment is closed.
    pub market_segment_bytes: u64,
    /// Bytes of all market segments beyond which the oldest go.
    pub market_max_bytes: u64,
    /// Milliseconds that a market group waits for more before it is synced.
    pub market_linger_ms: u64,
    /// Batches that may wait for the market journal.
    pub market_queue: usize,
    /// Batches that may wait for the ledger.
    pub ledger_queue: usize,
}

/// `[hot]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hot {
    /// The most bytes of memory; 0 keeps nothing there.
    pub max_bytes: u64,
    /// How far back from the newest tick.
    #[serde(with = "messages::durations")]
    pub keep: Duration,
}

impl Hot {
    /// As the hot tier takes them; `None` where it is switched off.
    #[must_use]
    pub fn options(&self) -> Option<crate::duck::hot::Options> {
        (self.max_bytes > 0).then_some(crate::duck::hot::Options { max_bytes: self.max_bytes, keep: self.keep })
    }
}

/// `[duckdb]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DuckDb {
    /// Memory for DuckDB, in bytes.
    pub memory_bytes: u64,
    /// Threads that one query may use beside its own.
    pub threads: u32,
    /// Size of the WAL at which a checkpoint is due, in bytes.
    pub checkpoint_bytes: u64,
    /// Bytes of the disk that the tables leave free.
    pub reserve_bytes: u64,
    /// Connections for questions.
    pub readers: usize,
    /// Questions that are executed at a time; 0 for as many as there are cores.
    pub executing: usize,
    /// Memory that one operator of a query may take, in bytes.
    pub query_memory_bytes: u64,
    /// The longest that a question waits for a reader and its turn.
    #[serde(with = "messages::durations")]
    pub acquire_timeout: Duration,
    /// The longest that a question runs that does not say otherwise.
    #[serde(with = "messages::durations")]
    pub query_timeout: Duration,
    /// A question that takes longer is told, with its plan.
    #[serde(with = "messages::durations")]
    pub slow_query: Duration,
}

impl DuckDb {
    /// As the instance takes them.
    #[must_use]
    pub fn options(&self) -> crate::duck::instance::Options {
        crate::duck::instance::Options {
            memory_bytes: self.memory_bytes,
            threads: self.threads,
            checkpoint_bytes: self.checkpoint_bytes,
            reserve_bytes: self.reserve_bytes,
            pool: crate::pool::Options {
                readers: self.readers,
                executing: self.executing,
                query_memory_bytes: self.query_memory_bytes,
                limits: crate::pool::Limits { acquire: self.acquire_timeout, execute: self.query_timeout },
                slow_query: self.slow_query,
            },
        }
    }
}

/// `[timescale]`: the PostgreSQL server that is to be left, with TimescaleDB or without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timescale {
    /// `postgres://user@host:port/database`; empty for none.
    pub url: String,
    /// A file whose first line is the password; empty for none.
    pub password_file: String,
    /// Whether the way there is encrypted.
    pub tls: Tls,
    /// A file with the authorities that vouch for the server; empty for the system's.
    pub ca_file: String,
    /// The longest that connecting may take.
    #[serde(with = "messages::durations")]
    pub connect_timeout: Duration,
    /// The longest that the server may take for an answer, or for the next rows of a copy.
    #[serde(with = "messages::durations")]
    pub answer_timeout: Duration,
    /// The mapping file; empty for `timescale.toml` in the data directory.
    pub mapping_file: String,
    /// The schema there that the runtime writes its rows to.
    pub schema: String,
    /// Bytes of the market journal that are kept for PostgreSQL alone.
    pub journal_max_bytes: u64,
    /// Connections for backfill, and for reads.
    pub connections: usize,
    /// Rows that a backfill may read in a second; 0 for as many as it can.
    pub backfill_rows_per_second: u64,
    /// Rows of a slice that may not fit before a backfill stops.
    pub max_rejects: u64,
    /// How often both sides are compared while rows are written to both; 0 for by hand only.
    #[serde(with = "messages::durations")]
    pub compare_every: Duration,
    /// How long both sides must have agreed before reads move over, and before DuckDB alone answers.
    #[serde(with = "messages::durations")]
    pub clean_for: Duration,
    /// One of so many questions is asked of both sides; 0 for none.
    pub shadow_every: u64,
    /// What 99 of 100 answers may take.
    #[serde(with = "messages::durations")]
    pub read_budget: Duration,
    /// How many of a hundred questions may fail.
    pub read_errors: u64,
    /// How long PostgreSQL stays a standby, or frozen, before it may be left.
    #[serde(with = "messages::durations")]
    pub standby_for: Duration,
}

/// Whether a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// It is not.
    Off,
    /// It is, and the server must prove who it is.
    Verify,
}

/// `[tiers]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiers {
    /// When the archive runs, as a cron line in UTC; empty for by hand only.
    pub schedule: String,
    /// ZSTD level of warm files.
    pub warm_level: u32,
    /// ZSTD level of cold files.
    pub cold_level: u32,
    /// `[tiers.cold]`
    pub cold: Cold,
    /// How long each table stays where.
    pub market_ticks: Limits,
    /// Bars.
    pub ohlcv_bars: Limits,
    /// Orders with their events and fills, positions and balances.
    pub orders: Limits,
    /// Intraday snapshots; those of the end of a day stay on disk.
    pub portfolio_snapshots: Limits,
    /// Metrics.
    pub system_metrics: Limits,
    /// Log lines.
    pub application_logs: Limits,
}

#[cfg(test)]
impl Limits {
    /// So many days on disk and warm, then cold for `cold`; kept at the end of it.
    pub(crate) fn of_tests(disk: u64, warm: u64, cold: Age) -> Self {
        let days = |n: u64| Age::For(Duration::from_secs(n * 86_400));
        let (at_end, storage_class) = (AtEnd::Keep, StorageClass::GlacierIr);
        Self { disk: days(disk), warm: days(warm), cold, at_end, storage_class }
    }
}

#[cfg(test)]
impl Tiers {
    /// Ticks by the first, all others by the second; cold files stand in the directory.
    pub(crate) fn of_tests(market_ticks: Limits, others: Limits) -> Self {
        Self {
            schedule: String::new(),
            warm_level: 1,
            cold_level: 3,
            cold: Cold::of_tests(""),
            market_ticks,
            ohlcv_bars: others.clone(),
            orders: others.clone(),
            portfolio_snapshots: others.clone(),
            system_metrics: others.clone(),
            application_logs: others,
        }
    }
}

impl Tiers {
    /// The limits of a table.
    ///
    /// # Panics
    /// When the table does not move: a mistake in the program.
    #[must_use]
    pub fn limits(&self, table: &str) -> &Limits {
        match table {
            "market_ticks" => &self.market_ticks,
            "ohlcv_bars" => &self.ohlcv_bars,
            "orders" | "order_events" | "trades" | "positions" | "balances" => &self.orders,
            "portfolio_snapshots" => &self.portfolio_snapshots,
            "system_metrics" => &self.system_metrics,
            "application_logs" => &self.application_logs,
            other => panic!("{other} does not move"),
        }
    }
}

/// How long a table stays in each tier, counted from the end of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// On disk.
    pub disk: Age,
    /// In local Parquet; not longer than `disk` for not at all.
    pub warm: Age,
    /// In the object store; not longer than `warm` for not at all.
    pub cold: Age,
    /// What happens then.
    pub at_end: AtEnd,
    /// The storage class of its objects.
    pub storage_class: StorageClass,
}

/// What happens at the end of a table's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AtEnd {
    /// It stays in its last tier.
    Keep,
    /// It is deleted.
    Delete,
}

/// A duration, or for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// So long.
    For(Duration),
    /// Without end.
    Forever,
}

impl Age {
    /// True while so many nanoseconds are not beyond it.
    #[must_use]
    pub fn holds(self, nanos: i64) -> bool {
        match self {
            Self::Forever => true,
            Self::For(limit) => nanos < messages::time::nanos(limit),
        }
    }
}

impl Serialize for Age {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Forever => s.serialize_str("forever"),
            Self::For(limit) => messages::durations::serialize(limit, s),
        }
    }
}

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        if text == "forever" {
            return Ok(Self::Forever);
        }
        messages::durations::parse(&text).map(Self::For).map_err(serde::de::Error::custom)
    }
}

/// `[tiers.cold]`: where old data goes, and how it comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cold {
    /// `file:///…` or `s3://bucket/prefix`; empty for the folder `cold` in the data directory.
    pub url: String,
    /// A file with the keys of the store; empty for the usual `AWS_*` variables.
    pub credentials_file: String,
    /// The address of a server other than Amazon's; empty for `AWS_ENDPOINT_URL`, or Amazon.
    pub endpoint: String,
    /// The region; empty for `AWS_REGION`, or `us-east-1`.
    pub region: String,
    /// How long the store may take to answer one request; an upload gets more, by its size.
    #[serde(with = "messages::durations")]
    pub request_timeout: Duration,
    /// How often a request is tried again.
    pub retries: u32,
    /// The most bytes of fetched files on the local disk.
    pub cache_bytes: u64,
    /// Days that a restored file stays readable.
    pub restore_days: u32,
    /// How fast an archived file is restored.
    pub restore_speed: RestoreSpeed,
}

impl Cold {
    /// The folder, where the store is one elsewhere: DuckDB must be allowed to read there.
    #[must_use]
    pub fn folder(&self) -> Option<std::path::PathBuf> {
        crate::cold::folder_of(&self.url)
    }

    /// The settings of a store at `url`, which gives up soon.
    #[cfg(test)]
    pub(crate) fn of_tests(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            credentials_file: String::new(),
            endpoint: String::new(),
            region: String::new(),
            request_timeout: Duration::from_secs(5),
            retries: 1,
            cache_bytes: 1 << 20,
            restore_days: 2,
            restore_speed: RestoreSpeed::Standard,
        }
    }
}
