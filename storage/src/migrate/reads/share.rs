//! Who answers, as the ledger and the environment have it: written by whoever moves the phase, read with each question.

use std::sync::{PoisonError, RwLock};

use messages::UtcNanos;
use messages::migration::{Migration, Phase, Watermark};

use super::Error;
use super::route::{self, Side};
use crate::query::Query;

/// How questions are divided.
#[derive(Debug, Default)]
pub struct Share(RwLock<Divided>);

/// The same at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Divided {
    /// The step of the way.
    pub phase: Phase,
    /// How many of a hundred questions DuckDB answers while reads move over.
    pub percent: u8,
    /// Before this, rows are those of their tables; from it on, of the sink's.
    pub watermark: Option<Watermark>,
    /// What `USE_DUCKDB` says, where it is set.
    pub use_duckdb: Option<bool>,
}

impl Share {
    /// How it stands now.
    #[must_use]
    pub fn get(&self) -> Divided {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Divides as the ledger has it, and says whether other questions are DuckDB's now. To be called when the change is durable.
    pub fn set(&self, state: &Migration) -> bool {
        let mut divided = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Migration { phase, percent, watermark, .. } = state;
        let before = (divided.phase, divided.percent);
        *divided = Divided { phase: *phase, percent: *percent, watermark: *watermark, ..*divided };
        before != (*phase, *percent)
    }

    /// Lets one side answer everything, whatever the phase.
    pub fn set_override(&self, use_duckdb: Option<bool>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).use_duckdb = use_duckdb;
    }
}

impl Divided {
    /// Who answers a question.
    #[must_use]
    pub fn side(&self, query: &Query) -> Side {
        match (self.use_duckdb, self.phase) {
            (Some(true), _) => Side::DuckDb,
            (Some(false), _) => Side::Postgres,
            // DuckDB lacks what was not brought over yet, or may still differ.
            (None, Phase::DualWrite | Phase::Backfill | Phase::Compare) => Side::Postgres,
            (None, Phase::GradualReads) => route::side(query, self.percent),
            (None, Phase::Off | Phase::DuckdbPrimary | Phase::Decommissioned) => Side::DuckDb,
        }
    }

    /// Where rows that DuckDB alone recorded may belong into the answer: up to which record they are, and to which time.
    #[must_use]
    pub fn own_of(&self, query: &Query) -> Option<Watermark> {
        let (Query::Ticks { range, .. } | Query::Bars { range, .. }) = query else { return None };
        let watermark = self.watermark?;
        let at = watermark.own_until()?;
        (range.from < at).then_some(Watermark { at, ..watermark })
    }

    /// True while questions may be PostgreSQL's to answer.
    #[must_use]
    pub fn may_ask_postgres(&self) -> bool {
        match self.use_duckdb {
            Some(use_duckdb) => !use_duckdb,
            None => match self.phase {
                Phase::DualWrite | Phase::Backfill | Phase::Compare => true,
                Phase::GradualReads => self.percent < 100,
                Phase::Off | Phase::DuckdbPrimary | Phase::Decommissioned => false,
            },
        }
    }

    /// True if DuckDB holds all that PostgreSQL does, and may answer where that cannot.
    #[must_use]
    pub fn may_fall_back(&self) -> bool {
        self.use_duckdb.is_none() && self.phase == Phase::GradualReads
    }

    /// True while both sides are to give the same answers.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        matches!(self.phase, Phase::Compare | Phase::GradualReads)
    }

    /// Where rows of theirs end.
    ///
    /// # Errors
    /// Nothing of ours stands there.
    pub fn watermark(&self) -> Result<UtcNanos, Error> {
        match (self.phase, self.watermark) {
            (Phase::Off | Phase::Decommissioned, _) | (_, None) => {
                Err(Error::NothingThere { why: format!("the phase is {}", self.phase) })
            }
            (_, Some(watermark)) => Ok(watermark.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use messages::ledger::Seq;
    use messages::{Exchange, Instrument, caps};

    use super::*;
    use crate::query::{Of, Page, Range};

    /// How far ahead of ours a venue's clock may be.
    const AHEAD: Duration = caps::CLOCK_TOLERANCE;

    #[test]
    fn the_phase_says_who_answers_and_the_environment_has_the_last_word() {
        let query = Query::Positions { at: UtcNanos::MAX, of: Of::default() };
        let check = |phase, percent, expected: [Side; 3]| {
            let share = Share::default();
            share.set(&Migration { phase, percent, ..Migration::default() });
            for (use_duckdb, expected) in [None, Some(true), Some(false)].into_iter().zip(expected) {
                share.set_override(use_duckdb);
                assert!(share.get().may_ask_postgres() == (expected == Side::Postgres));
                assert_eq!(share.get().side(&query), expected, "{phase}, {percent} %, {use_duckdb:?}");
            }
        };
        let (duck, postgres) = (Side::DuckDb, Side::Postgres);
        check(Phase::Off, 0, [duck, duck, postgres]);
        check(Phase::DualWrite, 100, [postgres, duck, postgres]);
        check(Phase::Backfill, 0, [postgres, duck, postgres]);
        check(Phase::Compare, 0, [postgres, duck, postgres]);
        check(Phase::GradualReads, 0, [postgres, duck, postgres]);
        check(Phase::GradualReads, 100, [duck, duck, postgres]);
        check(Phase::DuckdbPrimary, 0, [duck, duck, postgres]);
        check(Phase::Decommissioned, 0, [duck, duck, postgres]);
    }

    #[test]
    fn what_duckdb_alone_recorded_is_added_where_a_question_is_about_that_time() {
        let at = UtcNanos(1_000_000_000_000);
        let instrument = Instrument { exchange: Exchange::Simulated, symbol: "BTC/USD".parse().unwrap() };
        let own_of = |market, query: &Query| {
            let share = Share::default();
            let watermark = Some(Watermark { market: Seq(market), at });
            share.set(&Migration { phase: Phase::DualWrite, watermark, ..Migration::default() });
            share.get().own_of(query)
        };
        let ticks = |from| Query::Ticks { instrument, range: Range { from, ..Range::ALL }, page: Page::Oldest(1) };
        let until = at.after(AHEAD);
        let own = Some(Watermark { market: Seq(7), at: until });
        assert_eq!(own_of(7, &ticks(at.before(AHEAD))), own);
        assert_eq!(own_of(7, &ticks(at)), own);
        assert_eq!(own_of(7, &ticks(until)), None);
        assert_eq!(own_of(0, &ticks(UtcNanos::MIN)), None, "nothing was recorded before");
        let fills = Query::Trades { range: Range::ALL, of: Of::default(), page: Page::Oldest(1) };
        assert_eq!(own_of(7, &fills), None, "all of the ledger is there");
    }

    #[test]
    fn who_asks_postgresql_where_nothing_is_written_there_is_told_so() {
        let watermark = Some(Watermark { market: Seq(7), at: UtcNanos(5_000) });
        let of = |phase, watermark| {
            let share = Share::default();
            share.set(&Migration { phase, watermark, ..Migration::default() });
            share.get().watermark().map_err(|error| error.to_string())
        };
        assert!(of(Phase::Off, watermark).unwrap_err().contains("the phase is off"));
        assert!(of(Phase::Decommissioned, watermark).unwrap_err().contains("USE_DUCKDB=false"));
        assert_eq!(of(Phase::DualWrite, watermark), Ok(UtcNanos(5_000)));
    }
}
