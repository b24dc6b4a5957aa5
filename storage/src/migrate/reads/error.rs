//! Why PostgreSQL gives no answer, and what the reader can do about it.

use std::time::Duration;

use messages::durations::format as duration;
use messages::ledger::Seq;

use super::shape::TooLarge;
use crate::migrate::mapping::Unusable;
use crate::migrate::plan;
use crate::{duck, postgres, query};

/// What goes on where PostgreSQL cannot answer.
pub const OTHERWISE: &str =
    "until then, USE_DUCKDB=true at a start lets DuckDB answer, which lacks the rows that were not brought over yet";

/// What can go wrong with a question to PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// A table of theirs.
    #[error(transparent)]
    Plan(#[from] plan::Error),
    /// A row that no table may hold.
    #[error(transparent)]
    Row(#[from] duck::Error),
    /// A count that its column cannot hold.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The mapping says not which rows of theirs belong into an answer.
    #[error(transparent)]
    Mapping(#[from] Unusable),
    /// The server lacks what the answer must hold.
    #[error(
        "{server} holds {log} records up to {found} and the answer must hold {wanted} ({cause}); see `merganser migrate timescale status`, ask again when it has caught up, or without waiting for what is new"
    )]
    Behind {
        /// The server.
        server: String,
        /// Which journal.
        log: &'static str,
        /// What it holds.
        found: Seq,
        /// What it must hold.
        wanted: Seq,
        /// Why it does not.
        cause: String,
    },
    /// Market records that never came there.
    #[error(
        "{server} lacks the market records {first} to {last}, which were given up while it was away; `merganser migrate timescale compare --repair` brings their rows there"
    )]
    GivenUp {
        /// The server.
        server: String,
        /// The first.
        first: Seq,
        /// The last.
        last: Seq,
    },
    /// Nothing of ours stands there.
    #[error(
        "PostgreSQL has no rows of merganser's ({why}); start without USE_DUCKDB=false, or begin with `merganser migrate timescale init`"
    )]
    NothingThere {
        /// Why not.
        why: String,
    },
    /// No connection was free in time.
    #[error(
        "no connection to {server} was free within {}, and {waiting} more questions wait; ask again later, or raise timescale.connections",
        duration(*.waited)
    )]
    Busy {
        /// The server.
        server: String,
        /// How long it waited.
        waited: Duration,
        /// How many wait still.
        waiting: usize,
    },
    /// It took too long.
    #[error(
        "{server} was given {} for the answer, and was stopped; narrow the question, or look why it is so slow",
        duration(*.after)
    )]
    TimedOut {
        /// The server.
        server: String,
        /// What it was given.
        after: Duration,
    },
    /// It took too long a moment ago.
    #[error("{server} did not answer in time a moment ago, and is asked again in some seconds")]
    Hung {
        /// The server.
        server: String,
    },
    /// What DuckDB alone recorded before dual write cannot be read.
    #[error("DuckDB alone has what was recorded before dual write, and cannot add it to the answer")]
    Alone(#[from] query::Error),
    /// DuckDB is not there yet.
    #[error("DuckDB alone has what was recorded before dual write, and {why}; ask again in some seconds")]
    NotOpen {
        /// Why not.
        why: &'static str,
    },
    /// Who asked does not wait for the answer any more.
    #[error("nobody waits for the answer any more")]
    Gone,
    /// The connections are being closed.
    #[error("merganser is stopping; ask again when it runs")]
    Closed,
}

impl Error {
    /// True where the answer failed through no fault of PostgreSQL's: who asked has left, all of this ends, or DuckDB could not
    /// add its part.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Gone | Self::Closed | Self::Alone(_) | Self::NotOpen { .. })
    }
}
