//! Long work of the way: what it is, what lets it begin, how far it is, and what it came to.

use messages::UtcNanos;
use serde_json::Value;

use super::Way;
use crate::migrate::phase::Ask;
use crate::query::Range;

/// Work that takes long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// To make the server ready for our rows.
    Init,
    /// To bring over what stood there before.
    Backfill {
        /// Only these tables of theirs; empty for all of the mapping.
        tables: Vec<String>,
        /// Of their time.
        range: Range,
        /// Also what came over before: it is replaced.
        again: bool,
    },
    /// To hold both sides against each other.
    Compare {
        /// Only these tables of ours; empty for all.
        tables: Vec<String>,
        /// Of their time.
        range: Range,
        /// Whether what differs is mended.
        repair: bool,
        /// Refused rows that a person has looked at.
        accept_rejects: u64,
    },
    /// To export what stands in PostgreSQL.
    Decommission {
        /// The name of the database whose exported tables are dropped; none for none.
        drop: Option<String>,
    },
}

impl Work {
    /// A comparison of everything, without a repair.
    #[must_use]
    pub fn compare_all() -> Self {
        Self::Compare { tables: Vec::new(), range: Range::ALL, repair: false, accept_rejects: 0 }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Backfill { .. } => "backfill",
            Self::Compare { .. } => "compare",
            Self::Decommission { .. } => "decommission",
        }
    }

    /// What lets it begin.
    #[must_use]
    pub fn ask(&self, way: &Way, now: UtcNanos) -> Ask {
        match self {
            Self::Init => Ask::Init(way.watermark(now)),
            Self::Backfill { .. } => Ask::Backfill,
            Self::Compare { accept_rejects, .. } => Ask::Compare { accept_rejects: *accept_rejects },
            Self::Decommission { .. } => Ask::Decommission,
        }
    }

    /// Whether the phase changes as it begins. Rows go to a server that is ready, and one is left when all of it is exported.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        matches!(self, Self::Backfill { .. } | Self::Compare { .. })
    }
}

/// How far work is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// What it does now, in words.
    pub step: String,
    /// Steps that are done.
    pub done: u64,
    /// All steps, as far as is known.
    pub all: u64,
    /// Rows so far.
    pub rows: u64,
}

impl Progress {
    /// A step of which nothing is counted.
    #[must_use]
    pub fn of(step: &str) -> Self {
        Self { step: step.to_owned(), ..Self::default() }
    }
}

/// What work came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// What is to be remembered of it.
    pub ask: Option<Ask>,
    /// In words.
    pub text: String,
    /// Whether it found what it should.
    pub is_good: bool,
    /// All of it.
    pub report: Option<Value>,
    /// What the ledger is to hold of it beside the phase, in words.
    pub noted: Option<String>,
    /// What is to be done next, once all of that stands in the ledger.
    pub then: Option<Work>,
}
