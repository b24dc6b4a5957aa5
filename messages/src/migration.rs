//! The way out of PostgreSQL: at which step an installation stands, and what the next step asks for.
//!
//! The state is written whole with every change; the last one in the ledger holds.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::caps;
use crate::ledger::Seq;
use crate::time::UtcNanos;

/// A step of the way. They are in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing of it is on.
    #[default]
    Off,
    /// What comes is written to both sides.
    DualWrite,
    /// What stood in PostgreSQL before comes over.
    Backfill,
    /// Both sides are held against each other.
    Compare,
    /// A share of the reads is answered by DuckDB.
    GradualReads,
    /// DuckDB answers; PostgreSQL is a standby, or is frozen.
    DuckdbPrimary,
    /// PostgreSQL is not needed any more.
    Decommissioned,
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 7] = [
        Self::Off,
        Self::DualWrite,
        Self::Backfill,
        Self::Compare,
        Self::GradualReads,
        Self::DuckdbPrimary,
        Self::Decommissioned,
    ];

    /// The name in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::DualWrite => "dual_write",
            Self::Backfill => "backfill",
            Self::Compare => "compare",
            Self::GradualReads => "gradual_reads",
            Self::DuckdbPrimary => "duckdb_primary",
            Self::Decommissioned => "decommissioned",
        }
    }

    /// The one before it; none before the first.
    #[must_use]
    pub fn before(self) -> Option<Self> {
        Self::ALL[..self as usize].last().copied()
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where dual write began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// The last market record that is not written to PostgreSQL. Of the ledger all of it is.
    pub market: Seq,
    /// What stands in PostgreSQL with a time before this comes over by backfill. A whole microsecond.
    pub at: UtcNanos,
}

impl Watermark {
    /// The time from which on nothing in the market was recorded before it: a venue's clock may be ahead of ours, and not further
    /// than [`caps::CLOCK_TOLERANCE`]. `None` where nothing was recorded before it at all.
    #[must_use]
    pub fn own_until(&self) -> Option<UtcNanos> {
        (self.market > Seq(0)).then(|| self.at.after(caps::CLOCK_TOLERANCE))
    }
}

/// What a backfill came to that left nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfilled {
    /// When it ended.
    pub at: UtcNanos,
    /// Slices that hold rows.
    pub slices: u64,
    /// Rows that came over, in this run and those before.
    pub rows: u64,
    /// Rows that did not fit, which stand in the rejects files.
    pub refused: u64,
    /// How many of them a person has looked at and leaves behind.
    pub accepted: u64,
}

/// What the last full comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// When it ended.
    pub at: UtcNanos,
    /// Rows that were held against each other.
    pub rows: u64,
    /// Slices in which the sides differ; 0 when they agree.
    pub differing: u64,
    /// The end of the first of the comparisons that found both sides equal, one after the other, up to this one.
    pub clean_since: Option<UtcNanos>,
}

/// How far the way was gone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Migration {
    /// The step.
    pub phase: Phase,
    /// Since when.
    pub since: UtcNanos,
    /// Where dual write began.
    pub watermark: Option<Watermark>,
    /// How many of a hundred reads DuckDB answers while reads move over.
    pub percent: u8,
    /// Since when it is so many.
    pub percent_since: UtcNanos,
    /// That nothing is written to PostgreSQL any more, though it could be.
    pub is_frozen: bool,
    /// The last backfill that left nothing.
    pub backfilled: Option<Backfilled>,
    /// The last full comparison.
    pub compared: Option<Compared>,
}

impl Migration {
    /// True while rows are written to PostgreSQL as well.
    #[must_use]
    pub fn writes(&self) -> bool {
        !matches!(self.phase, Phase::Off | Phase::Decommissioned) && !self.is_frozen
    }
}

/// A change of it: how it stands from then on, and who wanted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationChange {
    /// How it stands.
    pub state: Migration,
    /// Who.
    pub by: String,
    /// What: a stable name, as `migration.promote`.
    pub what: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: UtcNanos,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_in_their_order() {
        assert_eq!(Phase::Off.before(), None);
        assert_eq!(Phase::GradualReads.before(), Some(Phase::Compare));
        for (n, phase) in Phase::ALL.into_iter().enumerate() {
            assert_eq!(phase as usize, n);
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.as_str());
        }
    }

    #[test]
    fn what_was_recorded_before_the_watermark_may_bear_a_time_of_a_day_behind_it() {
        let own_until = |market| Watermark { market: Seq(market), at: UtcNanos(5_000) }.own_until();
        assert_eq!(own_until(0), None);
        assert_eq!(own_until(1), Some(UtcNanos(86_400_000_005_000)));
    }

    #[test]
    fn a_frozen_server_is_not_written_to() {
        let state = |phase, is_frozen| Migration { phase, is_frozen, ..Migration::default() };
        assert!(state(Phase::DualWrite, false).writes() && state(Phase::DuckdbPrimary, false).writes());
        assert!(!state(Phase::DuckdbPrimary, true).writes());
        assert!(!state(Phase::Off, false).writes() && !state(Phase::Decommissioned, false).writes());
    }
}
