//! The settings of this crate; `config/default.toml` says what each is for.

use std::time::Duration;

use serde::{Deserialize, Serialize};

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
