//! Questions as plain data, and who answers them.
//!
//! A [`Query`] says what is wanted and never where it is; a [`Source`] answers it with rows and with
//! how far those rows are complete. DuckDB's tiers are one source; PostgreSQL will be another.

mod disk;
mod duck;
pub(crate) mod hot;

pub use crate::duck::stored::StoredTick;
pub use duck::Duck;
pub(crate) use duck::answer;

use messages::ledger::Seq;
use messages::market::{Bar, Timeframe};
use messages::{Instrument, UtcNanos};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Query {
    /// The newest bars that ended at or before `to`, oldest first.
    Bars {
        /// Of which instrument.
        instrument: Instrument,
        /// Of which length.
        timeframe: Timeframe,
        /// No bar that ends later.
        to: UtcNanos,
        /// At most so many.
        limit: u32,
    },
    /// The newest ticks of a range of exchange time, oldest first, corrections beside what they correct.
    Ticks {
        /// Of which instrument.
        instrument: Instrument,
        /// The first instant of the range.
        from: UtcNanos,
        /// The first instant after it.
        to: UtcNanos,
        /// At most so many.
        limit: u32,
    },
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// Bars, oldest first.
    Bars(Vec<Bar>),
    /// Ticks, by time and number.
    Ticks(Vec<StoredTick>),
}

/// Where rows stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// In memory.
    Hot,
    /// In the file.
    Disk,
}

/// Rows, and how far they are complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What was found.
    pub rows: Rows,
    /// The one tier that answered.
    pub tier: Tier,
    /// Every market record up to this one is in the answer.
    pub complete_to: Seq,
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
}

/// Who answers questions.
pub trait Source {
    /// Answers one question.
    ///
    /// # Errors
    /// [`Error`] says why there is no answer.
    fn ask(&self, query: &Query) -> Result<Answer, Error>;
}
