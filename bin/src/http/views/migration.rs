//! The way out of PostgreSQL: its phase, both sides, what is under way and what came of it.

use actors::migration as seen;
use messages::telemetry::Quantiles;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::migrate::reads::Stats;
use storage::migrate::reads::watch::SideStats;
use storage::migrate::way;
use utoipa::ToSchema;

use super::{maybe, text};

/// How far the way out of PostgreSQL was gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Migration)]
pub struct Migration {
    /// `off`, `dual_write`, `backfill`, `compare`, `gradual_reads`, `duckdb_primary` or `decommissioned`.
    pub phase: String,
    /// Since when; null before the first step.
    pub since: Option<String>,
    /// What comes next, in words.
    pub next: String,
    /// The server, or why there is none.
    pub server: String,
    /// What stands in PostgreSQL with a time before this comes over by backfill; null before dual write.
    pub watermark: Option<String>,
    /// How many of a hundred reads DuckDB answers.
    pub percent: u8,
    /// That nothing is written to PostgreSQL any more, though it could be.
    pub is_frozen: bool,
    /// What `USE_DUCKDB` in the environment says; null where it is not set.
    pub use_duckdb: Option<bool>,
    /// What writes to PostgreSQL.
    pub sink: Sink,
    /// The last backfill that left nothing; null before one has.
    pub backfill: Option<Backfilled>,
    /// The last full comparison; null before one was.
    pub compare: Option<Compared>,
    /// The reads of either side since the start; null where no server is named.
    pub reads: Option<Reads>,
    /// Work that is under way; null when there is none.
    pub working: Option<Working>,
    /// How the last work ended since the start; null when there was none.
    pub last: Option<Last>,
}

/// What writes to PostgreSQL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = MigrationSink)]
pub struct Sink {
    /// `off`, `connecting`, `following`, `held`, `ended`, or `failed`, which is tried again by itself.
    pub state: String,
    /// Records of the ledger that PostgreSQL lacks.
    pub ledger_lag: u64,
    /// Records of the market journal that it lacks.
    pub market_lag: u64,
    /// For how long it has lacked the oldest of them; null while that is not known.
    pub lag_seconds: Option<f64>,
    /// Rows written since the start.
    pub rows: u64,
    /// Market records that it gave up since the start, for the server was away too long: a comparison with repair brings their
    /// rows.
    pub given_up: u64,
    /// Bytes of the market journal that are kept for it alone.
    pub journal_kept_bytes: u64,
    /// How many may be: `timescale.journal_max_bytes`, or what the disk has room for; of what is more the oldest market records
    /// are given up, orders and fills never are. 0 while that is not known.
    pub journal_max_bytes: u64,
    /// Why it fails; null while it does not.
    pub last_error: Option<String>,
}

/// A backfill that left nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MigrationBackfill)]
pub struct Backfilled {
    /// When it ended.
    pub at: String,
    /// Slices that hold rows.
    pub slices: u64,
    /// Rows that came over.
    pub rows: u64,
    /// Rows that did not fit.
    pub refused: u64,
    /// How many of them a person has looked at and leaves behind: `accept_rejects` of a comparison.
    pub accepted: u64,
}

/// A full comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MigrationCompare)]
pub struct Compared {
    /// When it ended.
    pub at: String,
    /// Rows that were held against each other.
    pub rows: u64,
    /// Slices in which the sides differ.
    pub differing: u64,
    /// Since when comparisons have found both sides equal, one after the other; null if the last did not.
    pub clean_since: Option<String>,
}

/// The reads of either side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = MigrationReads)]
pub struct Reads {
    /// Those that DuckDB answered.
    pub duckdb: Side,
    /// Those that PostgreSQL answered.
    pub postgres: Side,
    /// Answers of both sides that were held against each other.
    pub shadowed: u64,
    /// Those that were not the same.
    pub mismatches: u64,
}

/// The reads of one side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = MigrationSide)]
pub struct Side {
    /// How many were asked of it.
    pub count: u64,
    /// How many it did not answer.
    pub errors: u64,
    /// What half of the newest took at most, in milliseconds; null without reads.
    pub p50_ms: Option<f64>,
    /// What 99 of 100 of them took at most.
    pub p99_ms: Option<f64>,
}

/// Work that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MigrationWorking)]
pub struct Working {
    /// What.
    pub what: String,
    /// Since when.
    pub since: String,
    /// What it does now, in words.
    pub step: String,
    /// Steps that are done.
    pub done: u64,
    /// All steps, as far as is known.
    pub all: u64,
    /// Rows so far.
    pub rows: u64,
}

/// How work ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = MigrationLast)]
pub struct Last {
    /// What.
    pub what: String,
    /// When.
    pub at: String,
    /// Whether it found what it should.
    pub is_good: bool,
    /// What it came to, in words.
    pub text: String,
    /// All of it; null where there is no more to say.
    #[schema(value_type = Option<Object>)]
    pub report: Option<Value>,
}

impl Migration {
    /// As it is shown.
    pub fn of(status: &seen::Status) -> Self {
        let (state, standing) = (&status.state, &status.standing);
        Self {
            phase: text(state.phase),
            since: (state.since.0 > 0).then(|| text(state.since)),
            next: text(status.next),
            server: standing.server.clone(),
            watermark: maybe(state.watermark.map(|watermark| watermark.at)),
            percent: state.percent,
            is_frozen: state.is_frozen,
            use_duckdb: standing.use_duckdb,
            sink: Sink::of(&standing.sink),
            backfill: state.backfilled.map(|done| Backfilled {
                at: text(done.at),
                slices: done.slices,
                rows: done.rows,
                refused: done.refused,
                accepted: done.accepted,
            }),
            compare: state.compared.map(|done| Compared {
                at: text(done.at),
                rows: done.rows,
                differing: done.differing,
                clean_since: maybe(done.clean_since),
            }),
            reads: standing.reads.as_ref().map(Reads::of),
            working: status.working.as_ref().map(Working::of),
            last: status.last.as_ref().map(Last::of),
        }
    }
}

impl Sink {
    fn of(sink: &way::SinkStanding) -> Self {
        Self {
            state: sink.state.to_owned(),
            ledger_lag: sink.ledger_lag,
            market_lag: sink.market_lag,
            lag_seconds: sink.lag.map(|lag| lag.as_secs_f64()),
            rows: sink.rows,
            given_up: sink.given_up,
            journal_kept_bytes: sink.kept.bytes,
            journal_max_bytes: sink.kept.max_bytes,
            last_error: sink.error.clone(),
        }
    }
}

impl Reads {
    fn of(stats: &Stats) -> Self {
        let [(_, duckdb), (_, postgres)] = &stats.sides;
        let (duckdb, postgres) = (Side::of(duckdb), Side::of(postgres));
        Self { duckdb, postgres, shadowed: stats.shadowed, mismatches: stats.differed }
    }
}

impl Side {
    fn of(side: &SideStats) -> Self {
        let ms = |of: fn(&Quantiles) -> f64| side.seconds.map(|spread| of(&spread.quantiles) * 1_000.0);
        Self { count: side.count, errors: side.errors, p50_ms: ms(|q| q.p50), p99_ms: ms(|q| q.p99) }
    }
}

impl Working {
    fn of(working: &seen::Underway) -> Self {
        let progress = &working.progress;
        Self {
            what: text(working.what),
            since: text(working.since),
            step: progress.step.clone(),
            done: progress.done,
            all: progress.all,
            rows: progress.rows,
        }
    }
}

impl Last {
    fn of(last: &seen::Last) -> Self {
        let (what, at) = (text(last.what), text(last.at));
        Self { what, at, is_good: last.is_good, text: last.text.clone(), report: last.report.clone() }
    }
}
