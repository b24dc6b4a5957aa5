//! What can be in the way of leaving, each with what to do next.

use crate::{archive, cold, duck, postgres};

/// Why nothing was dropped, or nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// The archive, under whose lock it works.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// The cold store.
    #[error(transparent)]
    Cold(#[from] cold::Error),
    /// DuckDB.
    #[error(transparent)]
    Duck(#[from] duck::Error),
    /// Another database was named.
    #[error(
        "`{typed}` was typed and the database is `{database}`; nothing was dropped: give --yes-drop {database} if it is the one"
    )]
    OtherName {
        /// What was typed.
        typed: String,
        /// What it is called.
        database: String,
    },
    /// Tables that are to be exported are not there.
    #[error(
        "{tables} cannot be found on the server, and were not dropped together with all that was exported; nothing was done: bring them back, or take them out of the mapping and run `merganser migrate timescale decommission` without --yes-drop again: what was exported of them stays in the store"
    )]
    Missing {
        /// Which.
        tables: String,
    },
    /// Rights are missing.
    #[error("{table} may not be read; nothing was done: let its owner run GRANT SELECT ON {table} for this user")]
    Denied {
        /// Which.
        table: String,
    },
    /// A table without columns.
    #[error("{table} has no columns, and cannot be exported; drop it there by hand, or take it out of the mapping")]
    NoColumns {
        /// Which.
        table: String,
    },
    /// The tables have changed since they were exported, or the rows of what is no table and so is never locked.
    #[error(
        "tables there have changed since they were exported ({since}); nothing was dropped: run `merganser migrate timescale decommission` without --yes-drop again, which exports them beside what was exported then, look at its report, and then drop"
    )]
    Changed {
        /// When they were exported.
        since: String,
    },
    /// The mapping has changed since the export, and not what it names.
    #[error(
        "the mapping names other tables than were exported ({since}): {tables}; nothing was dropped: undo that in the mapping, or run `merganser migrate timescale decommission` without --yes-drop again, which exports what it names now beside what was exported then, look at its report, and then drop"
    )]
    MappedOtherwise {
        /// When they were exported.
        since: String,
        /// Those that it names now and did not then, and the other way round.
        tables: String,
    },
    /// A table has changed since it was exported, as was found when it was locked.
    #[error(
        "{table} has changed since it was exported ({expected} then, {found} now); nothing was dropped: end what writes to it, run `merganser migrate timescale decommission` without --yes-drop again, and then drop"
    )]
    ChangedTable {
        /// Which.
        table: String,
        /// What it was.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Something else depends on a table.
    #[error(
        "the server drops none of the tables: {reason}; drop what depends on them there first, views of the mapping as well (the store holds what they showed when they were exported), and try again"
    )]
    Depended {
        /// What it said.
        reason: String,
    },
    /// A time that no file of ours can hold.
    #[error(
        "{table}.{column} has a time after the year 294246, which Parquet cannot hold; correct that row there, and try again"
    )]
    TooLate {
        /// Which table.
        table: String,
        /// Which column.
        column: String,
    },
    /// A file is not what was written.
    #[error(
        "{path} does not hold what {table} has ({expected} expected, {found} found); nothing was dropped: check the disk and try again"
    )]
    Differs {
        /// The table.
        table: String,
        /// The file.
        path: String,
        /// What went in.
        expected: String,
        /// What came out.
        found: String,
    },
    /// A file cannot be written.
    #[error("cannot write {path}; make room on the disk and try again: nothing was dropped")]
    Unwritable {
        /// The file.
        path: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The record of the export is not one.
    #[error(
        "{path} is no record of an export; move its folder away in the store, and run `merganser migrate timescale decommission` again"
    )]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// Somebody asked to stop.
    #[error("stopped before it was done; nothing was dropped: run `merganser migrate timescale decommission` again")]
    Stopped,
}

impl Error {
    /// The same, where that nobody waits any more is all that it says.
    pub(super) fn stopped(self) -> Self {
        match self {
            Self::Postgres(postgres::Error::Left { .. }) => Self::Stopped,
            other => other,
        }
    }
}
