//! Both sides held against each other: DuckDB, and the PostgreSQL that is to be left.
//!
//! What is written to both is compared at exactly the same record, while the market runs ([`live`]); what was brought over, with
//! the tables that it came from ([`old`]). Each side is read once, and digested by table, UTC day and symbol; a slice that differs
//! is searched for its rows. What differs is named, written down, and put right if that is asked for, by what the journals say.
//!
//! - `shape`: the columns that both sides give, and what a row is known by; `side`: who gives them, in batches.
//! - `duck`, `postgres` (with `decode`), `old`: the sides.
//! - `slice`: digests by day and symbol; `bisect`: from a slice to its rows; `rows`, `cells`: rows laid beside each other.
//! - `found`: what was found of a table; [`report`]: of all; `record`: that in tables; `watch`: how far it has come.
//! - `truth`: what the journals say; `repair`: what is done about a difference; `mend`: that in PostgreSQL.
//! - [`answers`]: the answers of both sides to one question.
//!
//! Invariant: a comparison writes to neither side. A repair writes what a journal says; where that has gone, to PostgreSQL
//! what DuckDB has, and a row that PostgreSQL alone has stays.

pub mod answers;
mod bisect;
mod cells;
mod decode;
mod duck;
mod found;
mod live;
mod mend;
mod old;
mod postgres;
mod record;
mod repair;
pub mod report;
mod rows;
mod run;
mod shape;
mod side;
mod slice;
#[cfg(test)]
mod tests;
mod truth;
mod watch;

use std::path::PathBuf;

use messages::UtcNanos;
use messages::ledger::Seq;
use messages::migration::{Backfilled, Watermark};

pub use live::kept_since;
pub use record::Compared;
pub use report::Report;
pub use rows::Key;
pub use run::run;
pub use shape::TWICE;
pub use truth::{Folders, Truth};
pub use watch::Progress;

use super::plan::{self, Plan};
use super::sink::{self, Position, SinkHandle};
use crate::archive::digest::UnknownType;
use crate::archive::{self, Runner};
use crate::journal::{self, Log};
use crate::postgres::catalog::TableName;
use crate::postgres::{self as server, Server};
use crate::query::{self, Range};
use crate::service::Database;
use crate::{duck as database, settings};

/// What a comparison works with.
pub struct Compare<'a> {
    /// DuckDB.
    pub database: &'a Database,
    /// The archive, which gives the one writer, and does nothing else while rows are put right.
    pub archive: &'a Runner,
    /// The journals.
    pub folders: Folders,
    /// The server.
    pub server: &'a Server,
    /// The schema there that is ours.
    pub schema: &'a str,
    /// Who writes there; none where nothing does.
    pub sink: Option<&'a SinkHandle>,
    /// Whether rows are to go to both sides: then they are compared, or nothing is. Otherwise only what was brought over is.
    pub writes: bool,
    /// The checked mapping; none where nothing was brought over.
    pub plans: &'a [Plan],
    /// What the backfill came to, with the rows of theirs that did not fit and are left there, as somebody accepted; none while
    /// no run of it has come to its end.
    pub backfilled: Option<Backfilled>,
    /// Where dual write began.
    pub watermark: Watermark,
    /// How long rows live.
    pub tiers: &'a settings::Tiers,
    /// The time by which rows have come to the end of their lives.
    pub now: UtcNanos,
    /// Brings a stretch of a table of theirs over again.
    pub again: Again<'a>,
}

/// What brings a stretch of a table over again, as long as the last one says that it is wanted.
pub type Again<'a> = &'a (dyn Fn(&TableName, Range, &dyn Fn() -> bool) -> Result<(), String> + Sync);

/// What is to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// These tables of ours; empty for all.
    pub tables: Vec<String>,
    /// Of this range of time.
    pub range: Range,
    /// Whether what differs is to be put right.
    pub repair: bool,
}

impl Wanted {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self { tables: Vec::new(), range: Range::ALL, repair: false }
    }

    fn is_whole(&self) -> bool {
        self.tables.is_empty() && self.range == Range::ALL
    }

    fn has(&self, table: &str) -> bool {
        self.tables.is_empty() || self.tables.iter().any(|named| named == table)
    }
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server.
    #[error(transparent)]
    Postgres(#[from] server::Error),
    /// DuckDB.
    #[error(transparent)]
    Duck(#[from] database::Error),
    /// The tiers cannot be read.
    #[error(transparent)]
    Query(#[from] query::Error),
    /// The archive.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// The sink.
    #[error(transparent)]
    Sink(Box<sink::Error>),
    /// Rows of theirs.
    #[error(transparent)]
    Plan(#[from] plan::Error),
    /// A journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// A column.
    #[error(transparent)]
    Unknown(#[from] UnknownType),
    /// A column there.
    #[error(transparent)]
    Misread(#[from] decode::Misread),
    /// What was asked for is not compared.
    #[error("{table} is not written to both sides and cannot be compared; expected one of {}", TWICE.join(", "))]
    NoTable {
        /// What was asked for.
        table: String,
    },
    /// Nobody writes to the server, and somebody should.
    #[error(
        "rows are to go to {server} and nothing writes there now, so that nothing was compared; the log says why at `sink_failed`: put it right, it is tried again by itself, and compare again"
    )]
    NotWritten {
        /// The server.
        server: String,
    },
    /// DuckDB is not open.
    #[error("the database is still opening; ask again in a moment")]
    NotOpen,
    /// DuckDB does not get as far as PostgreSQL.
    #[error(
        "DuckDB holds {log} records up to {applied} and PostgreSQL up to {wanted}, and it does not get there; `merganser status` shows whether its tables wait for room on the disk"
    )]
    Behind {
        /// Of which journal.
        log: Log,
        /// How far DuckDB is.
        applied: Seq,
        /// How far it should be.
        wanted: Seq,
    },
    /// The server does not hold what the sink says.
    #[error(
        "{server} holds ledger {} and market {} where DuckDB holds {} and {}; somebody else has changed sink_offset there, or restored the server from a backup: compare again",
        there.0, there.1, here.0, here.1
    )]
    Apart {
        /// The server.
        server: String,
        /// The records that it holds.
        there: Position,
        /// Those that it should.
        here: Position,
    },
    /// The local disk, or the system.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Somebody asked to stop.
    #[error("stopped before both sides were compared; nothing was changed after that")]
    Stopped,
}

impl From<sink::Error> for Error {
    fn from(error: sink::Error) -> Self {
        match error {
            sink::Error::Stopped => Self::Stopped,
            error => Self::Sink(Box::new(error)),
        }
    }
}

fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Io { what, path: "a comparison".into(), source }
}
