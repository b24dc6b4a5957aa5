//! Questions as plain data, and who answers them.
//!
//! A [`Query`] says what is wanted and never where it is; a [`Source`] answers it with rows, with how far those rows
//! are complete, and with what was read for them. DuckDB's tiers are such a source;
//! while PostgreSQL is left it answers the same questions (`migrate::reads`).
//!
//! - `hot`: answers from memory.
//! - [`plan`]: which pieces of the other tiers an answer needs; [`fetch`]: brings cold ones to the local disk.
//! - `answer`: an answer over disk, warm and cold files, in one snapshot; `select`: its SQL; `found`: its rows.
//! - `bars`: gaps between bars, filled.
//! - `table`: rows as columns named as in the tables.
//! - [`stores`]: what a source needs to reach every tier.

pub(crate) mod answer;
pub(crate) mod bars;
mod duck;
pub mod fetch;
mod found;
pub(crate) mod hot;
pub mod plan;
pub(crate) mod select;
pub mod stores;
mod table;
#[cfg(test)]
pub(crate) mod tests;

pub use crate::duck::stored::StoredTick;
pub use crate::migrate::reads::Side;
pub use crate::tiers::Tier;
pub use duck::{Duck, answer, class, first_micros};
pub use stores::Stores;

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use messages::ledger::Seq;
use messages::market::{Bar, Timeframe};
use messages::{Account, Instrument, StrategyId, UtcNanos};
use serde::{Deserialize, Serialize};

use crate::journal::Log;

/// What is asked. Where a row was corrected, its newest revision is in the answer and no older one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// Ticks by exchange time and number.
    Ticks {
        /// Of which instrument.
        instrument: Instrument,
        /// Of exchange time.
        range: Range,
        /// Which of them.
        page: Page,
    },
    /// Bars of any length, by the time that they open. They are merged from those of a second or a minute, and beside these stand
    /// those of the length itself that are stored.
    Bars {
        /// Of which instrument.
        instrument: Instrument,
        /// Of which length.
        timeframe: Timeframe,
        /// They open at or after its beginning and end at or before its end.
        range: Range,
        /// What stands where nothing was traded.
        gaps: Gaps,
        /// Which of them.
        page: Page,
    },
    /// Orders as they are now, by the time that they were created.
    Orders {
        /// Of that time.
        range: Range,
        /// Whose.
        of: Of,
        /// Which of them.
        page: Page,
    },
    /// Fills, by the time of their execution.
    Trades {
        /// Of that time.
        range: Range,
        /// Whose.
        of: Of,
        /// Which of them.
        page: Page,
    },
    /// Positions as they stood at an instant: the newest row of each, without those that were flat.
    Positions {
        /// The instant.
        at: UtcNanos,
        /// Whose.
        of: Of,
    },
    /// The equity curve: portfolio snapshots by their time.
    Equity {
        /// Of that time.
        range: Range,
        /// Of which account; none for all.
        account: Option<Account>,
        /// Which of them.
        page: Page,
    },
}

impl Query {
    /// Which rows of the range are in the answer; positions are as many as there are.
    #[must_use]
    pub fn page(&self) -> Option<Page> {
        match self {
            Self::Ticks { page, .. }
            | Self::Bars { page, .. }
            | Self::Orders { page, .. }
            | Self::Trades { page, .. }
            | Self::Equity { page, .. } => Some(*page),
            Self::Positions { .. } => None,
        }
    }

    /// The table in which the rows of an answer stand.
    #[must_use]
    pub fn table(&self) -> &'static str {
        match self {
            Self::Ticks { .. } => "market_ticks",
            Self::Bars { .. } => "ohlcv_bars",
            Self::Orders { .. } => "orders",
            Self::Trades { .. } => "trades",
            Self::Positions { .. } => "positions",
            Self::Equity { .. } => "portfolio_snapshots",
        }
    }

    /// The journal that those rows come from.
    #[must_use]
    pub fn log(&self) -> Log {
        match self {
            Self::Ticks { .. } | Self::Bars { .. } => Log::Market,
            Self::Orders { .. } | Self::Trades { .. } | Self::Positions { .. } | Self::Equity { .. } => Log::Ledger,
        }
    }

    /// The time that is asked about, to be narrowed; positions are of an instant.
    pub fn range_mut(&mut self) -> Option<&mut Range> {
        match self {
            Self::Ticks { range, .. }
            | Self::Bars { range, .. }
            | Self::Orders { range, .. }
            | Self::Trades { range, .. }
            | Self::Equity { range, .. } => Some(range),
            Self::Positions { .. } => None,
        }
    }
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Its first instant.
    pub from: UtcNanos,
    /// The first instant behind it.
    pub to: UtcNanos,
}

impl Range {
    /// All time.
    pub const ALL: Self = Self { from: UtcNanos::MIN, to: UtcNanos::MAX };

    /// All time up to an instant.
    #[must_use]
    pub fn until(to: UtcNanos) -> Self {
        Self { from: UtcNanos::MIN, to }
    }
}

/// Which rows of a range are in the answer, always the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Page {
    /// At most so many, from its beginning.
    Oldest(u32),
    /// At most so many, up to its end.
    Newest(u32),
}

impl Page {
    /// At most so many.
    #[must_use]
    pub fn limit(self) -> usize {
        let (Self::Oldest(limit) | Self::Newest(limit)) = self;
        limit as usize
    }
}

/// What stands where no bar is, between the first and the last of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gaps {
    /// Nothing.
    Left,
    /// Bars at the last close, without volume and trades and without a number, and not complete: that nothing was
    /// traded is not known, only that nothing was seen.
    Filled,
}

/// Whose rows; what is not said is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Of {
    /// Of this instrument.
    pub instrument: Option<Instrument>,
    /// Of this account.
    pub account: Option<Account>,
    /// Of this strategy.
    pub strategy: Option<StrategyId>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// Bars, oldest first.
    Bars(Vec<Bar>),
    /// Ticks, by time and number.
    Ticks(Vec<StoredTick>),
    /// Rows of a table, with its columns.
    Table {
        /// The columns.
        schema: SchemaRef,
        /// The rows.
        batches: Vec<RecordBatch>,
    },
}

/// Rows, and how far they are complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What was found.
    pub rows: Rows,
    /// That the page is full and the range has more rows, or may have: memory does not look further.
    pub is_cut: bool,
    /// Every record up to this one is in the answer: of the market journal for ticks and bars, else of the ledger.
    pub complete_to: Seq,
    /// What was read for it.
    pub explain: Explain,
}

/// What was read for an answer. What memory answers looks at no file and counts none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Explain {
    /// Who gave it.
    pub answered_by: Side,
    /// Rows of tables there that do not fit into ours, and are left out as they are when rows are brought over.
    pub left_out: u64,
    /// Files of the table, warm and cold.
    pub files_total: u64,
    /// Those that were read.
    pub files_read: u64,
    /// Those that could hold nothing of the answer, and were not.
    pub files_pruned: u64,
    /// Stored rows that the answer is made of, by the tier that has them; each tier that was looked at.
    pub rows_by_tier: BTreeMap<Tier, u64>,
    /// Where the time went.
    pub ms_by_step: Steps,
}

impl Explain {
    /// What was read for two parts of an answer, out of different files of one table.
    fn and(self, more: Self) -> Self {
        let (files_total, files_read) = (self.files_total.max(more.files_total), self.files_read + more.files_read);
        let files_pruned = files_total.saturating_sub(files_read);
        let ms_by_step = self.ms_by_step.and(more.ms_by_step);
        let mut both = Self { files_total, files_read, files_pruned, ms_by_step, ..self };
        for (tier, rows) in more.rows_by_tier {
            *both.rows_by_tier.entry(tier).or_default() += rows;
        }
        both
    }
}

/// Milliseconds of the steps of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Steps {
    /// To see what is to be read.
    #[serde(serialize_with = "to_the_microsecond")]
    pub plan: f64,
    /// To bring cold files to the local disk.
    #[serde(serialize_with = "to_the_microsecond")]
    pub fetch: f64,
    /// To read the rows.
    #[serde(serialize_with = "to_the_microsecond")]
    pub read: f64,
}

impl Steps {
    /// Both times.
    fn and(self, more: Self) -> Self {
        Self { plan: self.plan + more.plan, fetch: self.fetch + more.fetch, read: self.read + more.read }
    }
}

fn to_the_microsecond<S: serde::Serializer>(ms: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((ms * 1_000.0).round() / 1_000.0)
}

/// What can go wrong with a question.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// DuckDB refused.
    #[error(transparent)]
    Duck(#[from] crate::duck::Error),
    /// It found no reader, or was interrupted.
    #[error(transparent)]
    Pool(#[from] crate::pool::Error),
    /// A cold file cannot be had.
    #[error(transparent)]
    Cold(#[from] crate::cold::Error),
    /// Files must be restored before they can be read.
    #[error(
        "the answer needs {files} archived file{}: restore started, ready in about {}; ask again then",
        if *files == 1 { "" } else { "s" },
        messages::durations::format(*ready_about)
    )]
    Restoring {
        /// How many.
        files: usize,
        /// When the last of them can be read, from now.
        ready_about: Duration,
        /// Their paths in the object store.
        tickets: Vec<String>,
    },
    /// Files moved to another tier while they were read, twice.
    #[error("{} is not there: ask again if the archive moves files now; else `merganser archive verify` names what is missing, bring it back from a backup", file.display())]
    Moved {
        /// The first of them that is gone.
        file: std::path::PathBuf,
    },
}

/// Who answers questions.
pub trait Source {
    /// Answers one question.
    ///
    /// # Errors
    /// [`Error`] says why there is no answer.
    fn ask(&self, query: &Query) -> Result<Answer, Error>;
}
