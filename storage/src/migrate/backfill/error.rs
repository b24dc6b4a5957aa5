//! What can end a backfill, each with what to do next. Whatever it is, a later run goes on where this one ended.

use std::path::PathBuf;

use messages::UtcNanos;

use super::super::plan::{self, Refusal};
use crate::{archive, duck, postgres};

/// Why a backfill ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// A column that has changed, or the server.
    #[error(transparent)]
    Plan(#[from] plan::Error),
    /// The archive, whose steps it takes.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// DuckDB.
    #[error(transparent)]
    Duck(#[from] duck::Error),
    /// A table that is not mapped.
    #[error("the mapping has no table {table}; it has {mapped}")]
    NotMapped {
        /// What was asked for.
        table: String,
        /// What there is.
        mapped: String,
    },
    /// Rows of a table that was mapped once.
    #[error(
        "{rows} rows of {from} stand in {into} here, and the mapping no longer has {from} into {into}: the same rows under another name would come twice; map {from} into {into} again (a view of that name will do), and run the backfill again; or take its rows out of {into} here, with `merganser migrate timescale backfill --again --table {from}`"
    )]
    Unmapped {
        /// Theirs.
        from: String,
        /// Ours.
        into: String,
        /// Its rows here.
        rows: u64,
    },
    /// Two of their tables in one of ours whose rows rank by their time.
    #[error(
        "{first} and {second} are both mapped into {into}, whose rows rank by their time and the table that they come from; make a view there over both (UNION ALL) and map that"
    )]
    TwoTables {
        /// Ours.
        into: &'static str,
        /// One of theirs.
        first: String,
        /// The other.
        second: String,
    },
    /// More rows of a slice do not fit than may be.
    #[error(
        "more than {most} rows of {table} from {start} do not fit (timescale.max_rejects); the first: {}; all that were read are in {}; correct the mapping or the rows, and run `merganser migrate timescale backfill` again",
        shown(first),
        file.display()
    )]
    TooManyRefused {
        /// Theirs.
        table: String,
        /// Where the slice begins.
        start: String,
        /// How many may be.
        most: u64,
        /// The first of them, each with the number of its row.
        first: Vec<(u64, Refusal)>,
        /// Where they are.
        file: PathBuf,
    },
    /// A file where one of a slice belongs.
    #[error(
        "{} stands where a file of this backfill belongs, and no table owns it: it was put there while the backfill ran; copy it elsewhere if it is wanted, for the next run removes it: `merganser migrate timescale backfill`",
        file.display()
    )]
    InTheWay {
        /// It.
        file: PathBuf,
    },
    /// A slice would have less than it has.
    #[error(
        "not repaired: {}; to take what is there now, `merganser migrate timescale backfill --again --from '{from}' --to '{to}'`",
        lost(table, start, *rows, *refused)
    )]
    WouldLose {
        /// Theirs.
        table: String,
        /// The period of the slice.
        start: String,
        /// Its first instant.
        from: UtcNanos,
        /// The first instant behind it.
        to: UtcNanos,
        /// Rows of it here, and those there that fit.
        rows: (u64, u64),
        /// Rows that did not fit when it came over, and those that do not now.
        refused: (u64, u64),
    },
    /// A file of rejects cannot be written.
    #[error("cannot {what} {}; the slice was not brought over: make room or mend its rights, and run the backfill again", path.display())]
    Rejects {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The files do not hold what was read.
    #[error(
        "the files of {table} from {start} do not hold what was read from the server ({expected} expected, {found} found); nothing of it was published: check the disk and run the backfill again"
    )]
    Differs {
        /// Theirs.
        table: String,
        /// Where the slice begins.
        start: String,
        /// Rows and hash that were read.
        expected: String,
        /// Rows and hash that were found.
        found: String,
    },
    /// Somebody asked to stop.
    #[error("stopped before it was done; `merganser migrate timescale backfill` goes on with the slices that are not")]
    Stopped,
}

impl Error {
    /// The same, of who had been told to stop before: that nobody waited for the server any more says nothing else.
    pub(super) fn stopped(self) -> Self {
        match self {
            Self::Postgres(postgres::Error::Left { .. })
            | Self::Plan(plan::Error::Postgres(postgres::Error::Left { .. })) => Self::Stopped,
            other => other,
        }
    }
}

fn lost(table: &str, start: &str, (had, has): (u64, u64), (had_refused, refused): (u64, u64)) -> String {
    if has == 0 && refused == 0 {
        return format!("the server has no rows of {table} of {start} any more, and DuckDB keeps its {had}");
    }
    format!(
        "{table} of {start} has {had} rows here and {has} there that fit, and {refused} that do not where {had_refused} did not; DuckDB keeps what it has"
    )
}

fn shown(first: &[(u64, Refusal)]) -> String {
    let one = |(row, refusal): &(u64, Refusal)| format!("row {row}: {refusal}");
    first.iter().map(one).collect::<Vec<_>>().join("; ")
}
