//! Backfill: what stood in another database before the watermark comes into the tiers, slice by slice, each once.
//!
//! A slice is what one table of theirs has in one UTC day, or month, of ours. It is read in a snapshot of the server, made
//! into rows of ours exactly or refused into a file, sorted into Parquet, read again by another reader, placed in the tier
//! where its period belongs, and published in one transaction with its [`Origin`](crate::tiers::Origin). That origin in the
//! manifest, and nothing else, says that a slice is done: what a kill cut in half was never there, and is done again.
//!
//! - [`slices`]: what there is to do, newest first; pure.
//! - `bounds`: in which stretches of time a table has rows, asked of the server.
//! - [`run`]: workers, each with a connection of its own, and who waits for them.
//! - `worker`: a slice from its rows to its owner; `take`: rows of a slice into parts; `fill`: what their tables do not give; `numbers`: the ids that are ours to give; `fitting`: what fits.
//! - `part`: rows into files, and the look at the files; `sorted`: which of them into which, in which order; `publish`: the files placed and owned.
//! - `rejects`: what does not fit, for a person to look at.
//! - `gone`: rows of tables that left the mapping.
//! - `pace`: not faster than was asked for, and not while the market needs the disk.
//!
//! Invariant: a row of theirs is in exactly one part or in a file of rejects, however often and wherever a run ended.

mod bounds;
mod error;
mod fill;
mod fitting;
mod gone;
mod numbers;
mod pace;
mod part;
mod publish;
mod rejects;
mod run;
pub mod slices;
mod sorted;
mod take;
#[cfg(test)]
pub(super) mod tests;
mod worker;

use std::collections::BTreeSet;
use std::path::Path;

use messages::UtcNanos;
use serde::{Deserialize, Serialize};

pub use error::Error;
pub use fitting::Fitting;
pub use gone::unmapped;
pub use numbers::BACKFILL_IDS;
pub use run::run;
pub use worker::open;

use super::plan::Plan;
use crate::archive::{Archive, Did};
use crate::duck::hot::Hot;
use crate::postgres::Server;
use crate::postgres::catalog::TableName;
use crate::query::Range;
use crate::tiers::{Manifest, Piece};

/// What a backfill works with.
pub struct Backfill<'a> {
    /// The archive, which does nothing else meanwhile (`Runner::alone`).
    pub archive: &'a Archive<'a>,
    /// The hot tier, which must not answer for what is brought over.
    pub hot: &'a Hot,
    /// The server.
    pub server: &'a Server,
    /// The checked mapping.
    pub plans: &'a [Plan],
    /// The watermark: only rows from before it.
    pub before: UtcNanos,
    /// The time by which periods belong into their tiers.
    pub now: UtcNanos,
    /// The folder of the files of rejects.
    pub rejects: &'a Path,
    /// How fast, and how much.
    pub limits: Limits,
    /// True while the tables or the market journal wait for room on the disk: then it waits as well.
    pub must_wait: &'a dyn Fn() -> bool,
    /// False when it is to stop.
    pub go_on: &'a dyn Fn() -> bool,
    /// Hears how far it is, several times a second.
    pub on: &'a dyn Fn(&Progress),
    /// Hears each step of each file, on the thread that does it: for a log, or a test that pulls the plug.
    pub did: &'a (dyn Fn(&Did) + Sync),
}

impl Backfill<'_> {
    fn goes_on(&self) -> bool {
        (self.go_on)() && (self.archive.go_on)()
    }
}

/// How fast, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections to the server, each with a worker.
    pub connections: usize,
    /// Rows per second of all workers together; 0 for as many as come.
    pub rows_per_second: u64,
    /// Rows of one slice that may be refused; with more the mapping is wrong, and the run ends.
    pub max_rejects: u64,
    /// Rows of a part at most.
    pub part_rows: usize,
    /// Bytes of the disk that stay free.
    pub reserve_bytes: u64,
}

/// Which slices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of these tables of theirs; empty for all that are mapped.
    pub tables: Vec<TableName>,
    /// Those that overlap this range.
    pub range: Range,
    /// Which of those that are done.
    pub again: Again,
}

impl Default for Wanted {
    /// All that are not done.
    fn default() -> Self {
        Self { tables: Vec::new(), range: Range::ALL, again: Again::No }
    }
}

/// Whether slices that are done are brought over once more, with what is in their tables now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// They are not.
    No,
    /// They are, unless there would be fewer rows here than before, or more that did not fit.
    Keeping,
    /// They are, whatever stands there now: nothing, of a table that is named and that the mapping no longer has.
    Whatever,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Rows that were read in this run.
    pub rows: u64,
    /// Rows among them that did not fit.
    pub refused: u64,
    /// Slices that are done, in this run or before.
    pub slices_done: usize,
    /// Slices in all.
    pub slices_all: usize,
    /// Rows that were read per second, of this run.
    pub rows_per_second: f64,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Rows that were brought over.
    pub rows: u64,
    /// Rows that did not fit, and stand in files of rejects.
    pub refused: u64,
    /// Bytes of the files that were made.
    pub bytes: u64,
    /// Rows that were taken out of here: their table was named, and the mapping no longer has it.
    #[serde(default)]
    pub taken_out: u64,
    /// Slices that were brought over.
    pub slices_done: usize,
    /// Slices that were done before.
    pub slices_before: usize,
    /// Slices without a row that fits.
    pub slices_empty: usize,
    /// Slices that are left out: rows of that age are deleted here.
    pub slices_past: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Rows that were brought over per second.
    pub rows_per_second: f64,
    /// What stands here now, of this run and those before.
    pub total: Total,
    /// By their tables.
    pub tables: Vec<OfTable>,
    /// The files of rejects that were written.
    pub rejects: Vec<String>,
}

/// What was brought over and stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Total {
    /// Slices with rows.
    pub slices: u64,
    /// Rows.
    pub rows: u64,
    /// Rows that did not fit.
    pub refused: u64,
}

impl Total {
    /// As the manifest says it. Rows that did not fit are known of slices that have others as well.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        Self::of_pieces(manifest.all().map(|piece| &**piece))
    }

    fn of_pieces<'a>(pieces: impl IntoIterator<Item = &'a Piece>) -> Self {
        let mut slices = BTreeSet::new();
        let mut total = Self::default();
        for piece in pieces {
            let Some(origin) = &piece.origin else { continue };
            total.rows += piece.content.as_ref().map_or(0, |content| content.rows);
            if slices.insert((&piece.table, &origin.from, origin.start)) {
                total.slices += 1;
                total.refused += origin.refused;
            }
        }
        total
    }
}

/// What came of one of their tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfTable {
    /// Theirs.
    pub from: String,
    /// Ours.
    pub into: String,
    /// Rows that were brought over.
    pub rows: u64,
    /// Rows that did not fit.
    pub refused: u64,
}
