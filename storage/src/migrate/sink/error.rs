//! Why rows do not get there, and what the reader can do about it.

use std::time::Duration;

use messages::durations::format as duration;
use uuid::Uuid;

use super::Position;
use crate::journal::{self, Log};
use crate::postgres;

/// What can go wrong with the sink.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// A journal cannot be read.
    #[error("cannot read the journal for PostgreSQL")]
    Journal(#[from] journal::Error),
    /// A right is missing.
    #[error(
        "{server} lets {user} not {what} ({reason}); merganser makes the schema {schema} and owns it: let the owner of the database run GRANT CREATE, TEMPORARY ON DATABASE … TO {user}, and if that schema is there already, make {user} the owner of it and of its tables"
    )]
    MayNotWrite {
        /// The server.
        server: String,
        /// Who asked.
        user: String,
        /// What was asked.
        what: &'static str,
        /// The schema.
        schema: String,
        /// What it said.
        reason: String,
    },
    /// A table there is not ours.
    #[error(
        "{server} has a table {table} that is not as merganser makes it ({difference}), and nothing is written to it; give timescale.schema another name, which no table of yours is in"
    )]
    NotOurs {
        /// The server.
        server: String,
        /// The table.
        table: String,
        /// What is different.
        difference: String,
    },
    /// Rows of another data directory stand there.
    #[error(
        "the schema {schema} of {server} holds the rows of another data directory ({theirs}; this one is {ours}); give timescale.schema another name, or drop that schema if its rows are not wanted any more"
    )]
    OtherDirectory {
        /// The server.
        server: String,
        /// The schema.
        schema: String,
        /// Whose rows it holds.
        theirs: Uuid,
        /// This directory.
        ours: Uuid,
    },
    /// The ledger holds no start of the runtime, by which a directory is known.
    #[error(
        "the ledger holds no start of merganser, by which a data directory is known there; run `merganser run` first"
    )]
    NoStart,
    /// Another process writes there.
    #[error(
        "another merganser writes to the schema {schema} of {server} ({who}); stop it there: its place is taken over then"
    )]
    Occupied {
        /// The server.
        server: String,
        /// The schema.
        schema: String,
        /// Which connection holds it.
        who: String,
    },
    /// The server holds more than the journal.
    #[error(
        "{server} holds {log} records up to {applied} and the {log} here ends at {end}: it was written from a newer state of this directory than the one that runs now; restore the newer one, or give timescale.schema another name: there it is written anew from where dual write began"
    )]
    Ahead {
        /// The server.
        server: String,
        /// Which journal.
        log: Log,
        /// The last record that it holds.
        applied: u64,
        /// The last record here.
        end: u64,
    },
    /// The journal has another record where the server stopped.
    #[error(
        "{log} record {seq}, the last that {server} holds, is another one in the {log} here: it was written from another state of this directory (a restored backup?); give timescale.schema another name: there it is written anew from where dual write began"
    )]
    Diverged {
        /// The server.
        server: String,
        /// Which journal.
        log: Log,
        /// The record.
        seq: u64,
    },
    /// Somebody has dropped tables of ours.
    #[error(
        "{schema} of {server} says how far its rows reach, and lacks {tables}: somebody dropped them; bring them back, or drop all of it (DROP SCHEMA \"{schema}\" CASCADE): then it is written anew, and `merganser migrate timescale compare --repair` brings what the journals have no more"
    )]
    Dropped {
        /// The server.
        server: String,
        /// Our schema there.
        schema: String,
        /// What is missing.
        tables: String,
    },
    /// The offset was changed by somebody else.
    #[error("somebody else has changed sink_offset of {server} meanwhile; nothing was written: it is read again")]
    Moved {
        /// The server.
        server: String,
    },
    /// It does not follow now.
    #[error("PostgreSQL is not being written to now ({state}); see `merganser migrate timescale status`")]
    NotFollowing {
        /// What it does.
        state: String,
    },
    /// Somebody else has it wait.
    #[error("PostgreSQL is being compared by somebody else; try again when that has ended")]
    HeldAlready,
    /// It did not get there in time.
    #[error("writing to PostgreSQL did not {what} within {}; see `merganser migrate timescale status`", duration(*limit))]
    TooLate {
        /// What was asked.
        what: &'static str,
        /// How long it had.
        limit: Duration,
    },
    /// Who waited for it was asked to stop.
    #[error("stopped; writing to PostgreSQL is not waited for any more")]
    Stopped,
    /// It cannot wait exactly there.
    #[error(
        "PostgreSQL holds ledger {} and market {} and was to stop at {} and {}; compare again",
        found.0, found.1, asked.0, asked.1
    )]
    NotThere {
        /// Where it was to stop.
        asked: Position,
        /// Where it is.
        found: Position,
    },
    /// Its thread cannot be started, or has ended.
    #[error("the thread that writes to PostgreSQL {what}; restart merganser")]
    Thread {
        /// What happened.
        what: String,
    },
}

impl Error {
    /// True for what passes by itself: the same is tried again soon.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Postgres(error) => error.is_temporary(),
            Self::Occupied { .. } | Self::Moved { .. } => true,
            _ => false,
        }
    }
}
