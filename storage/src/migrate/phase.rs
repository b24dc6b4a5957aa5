//! Which step of the way may be taken, forward or back: pure, from the state in the ledger, what is asked, and facts that
//! the caller has measured. A refusal names the fact, its value, what is needed and what to do.
//!
//! - `needs`: what must hold before steps are taken.

mod needs;
#[cfg(test)]
mod tests;

use std::time::Duration;

use messages::UtcNanos;
use messages::migration::{Backfilled, Compared, Migration, Phase, Watermark};

use needs::differ;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// To write to both sides from here on.
    Init(Watermark),
    /// To bring over what stood there before.
    Backfill,
    /// A backfill has left nothing: it is to be remembered.
    BackfillDone(Backfilled),
    /// To hold both sides against each other. So many refused rows are taken as they are.
    Compare {
        /// The refused rows that a person has looked at; none said, none taken.
        accept_rejects: u64,
    },
    /// A full comparison has ended: it is to be remembered.
    CompareDone(Compared),
    /// To let DuckDB answer so many of a hundred reads.
    Reads(u8),
    /// To give reads back because of what was seen of them.
    StepBack {
        /// So many of a hundred are DuckDB's then.
        to: u8,
        /// Whether both sides answered one question differently: what a comparison had shown before counts no more.
        differed: bool,
    },
    /// To let DuckDB alone answer.
    Promote {
        /// Whether nothing is written to PostgreSQL any more.
        freeze: bool,
    },
    /// To go a step back.
    Rollback,
    /// To leave PostgreSQL: everything there was exported.
    Decommission,
}

impl Ask {
    /// The stable name in the ledger.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Init(_) => "migration.init",
            Self::Backfill => "migration.backfill",
            Self::BackfillDone(_) => "migration.backfilled",
            Self::Compare { .. } => "migration.compare",
            Self::CompareDone(_) => "migration.compared",
            Self::Reads(_) | Self::StepBack { .. } => "migration.reads",
            Self::Promote { .. } => "migration.promote",
            Self::Rollback => "migration.rollback",
            Self::Decommission => "migration.decommission",
        }
    }
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The time.
    pub now: UtcNanos,
    /// How far the rows of PostgreSQL are behind; none where that is not known, for it cannot be reached.
    pub lag: Option<Duration>,
    /// What `USE_DUCKDB` says, where it is set.
    pub use_duckdb: Option<bool>,
    /// `timescale.compare_every`; zero for by hand.
    pub compare_every: Duration,
    /// `timescale.clean_for`.
    pub clean_for: Duration,
    /// `timescale.standby_for`.
    pub standby_for: Duration,
}

/// Why a step may not be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}; {next}")]
pub struct Refusal {
    /// What is wrong, with its value and what is needed.
    pub why: String,
    /// What to do.
    pub next: String,
}

fn refuse<T>(why: impl Into<String>, next: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { why: why.into(), next: next.into() })
}

/// How it stands once the step is taken.
///
/// # Errors
/// It may not be taken, and why.
pub fn decide(state: &Migration, ask: Ask, facts: &Facts) -> Result<Migration, Refusal> {
    let step = Step { state, facts };
    match ask {
        Ask::Init(watermark) => step.init(watermark),
        Ask::Backfill => step.backfill(),
        Ask::BackfillDone(done) => {
            Ok(Migration { backfilled: Some(step.backfilled(done)), compared: None, ..state.clone() })
        }
        Ask::Compare { accept_rejects } => step.compare(accept_rejects),
        Ask::CompareDone(done) => Ok(Migration { compared: Some(step.compared(done)), ..state.clone() }),
        Ask::Reads(percent) => step.reads(percent),
        Ask::StepBack { to, differed } => step.step_back(to, differed),
        Ask::Promote { freeze } => step.promote(freeze),
        Ask::Rollback => step.rollback(),
        Ask::Decommission => step.decommission(),
    }
}

struct Step<'a> {
    state: &'a Migration,
    facts: &'a Facts,
}

impl Step<'_> {
    /// The state in another phase, from now on.
    fn to(&self, phase: Phase) -> Migration {
        Migration { phase, since: self.facts.now, ..self.state.clone() }
    }

    fn wrong_phase<T>(&self, command: &str, needed: &str) -> Result<T, Refusal> {
        let why = format!("the phase is {} and `{command}` is for {needed}", self.state.phase);
        refuse(why, next_command(self.state))
    }

    fn init(&self, watermark: Watermark) -> Result<Migration, Refusal> {
        match (self.state.phase, self.state.watermark) {
            // Dual write begins anew where it was broken off: rows that came meanwhile are in the ledger and the journal.
            (Phase::Off, known) => {
                let watermark = Some(known.unwrap_or(watermark));
                Ok(Migration { watermark, compared: None, ..self.to(Phase::DualWrite) })
            }
            _ => self.wrong_phase("init", "off"),
        }
    }

    fn backfill(&self) -> Result<Migration, Refusal> {
        match self.state.phase {
            Phase::DualWrite => {
                self.level("a backfill begins")?;
                Ok(Migration { compared: None, ..self.to(Phase::Backfill) })
            }
            // Rows that another program wrote since are brought over by going again; what was compared before is others.
            Phase::Backfill | Phase::Compare | Phase::GradualReads | Phase::DuckdbPrimary => {
                Ok(Migration { compared: None, ..self.state.clone() })
            }
            Phase::Off | Phase::Decommissioned => self.wrong_phase("backfill", "dual_write and later"),
        }
    }

    /// Who has looked at rows that did not fit has not seen those that came to them since.
    fn backfilled(&self, done: Backfilled) -> Backfilled {
        let accepted = self.state.backfilled.map_or(0, |known| known.accepted).min(done.refused);
        Backfilled { accepted, ..done }
    }

    fn compare(&self, accept_rejects: u64) -> Result<Migration, Refusal> {
        match self.state.phase {
            Phase::Backfill => {
                let backfilled = Some(self.accepting(accept_rejects)?);
                Ok(Migration { backfilled, ..self.to(Phase::Compare) })
            }
            // One that is due by itself accepts nothing.
            Phase::Compare | Phase::GradualReads | Phase::DuckdbPrimary if accept_rejects == 0 => {
                Ok(self.state.clone())
            }
            Phase::Compare | Phase::GradualReads | Phase::DuckdbPrimary => {
                Ok(Migration { backfilled: Some(self.accepting(accept_rejects)?), ..self.state.clone() })
            }
            Phase::DualWrite => {
                refuse("nothing of what stood there before was brought over", "`merganser migrate timescale backfill`")
            }
            Phase::Off | Phase::Decommissioned => self.wrong_phase("compare", "backfill and later"),
        }
    }

    /// The backfill, all of whose refused rows a person accepts: whoever knows how many they are has looked.
    fn accepting(&self, accepted: u64) -> Result<Backfilled, Refusal> {
        let Some(done) = self.state.backfilled else {
            return refuse(
                "the backfill has not come to its end",
                "`merganser migrate timescale backfill` goes on with it",
            );
        };
        if done.refused == accepted {
            Ok(Backfilled { accepted, ..done })
        } else {
            not_accepted(done.refused, accepted)
        }
    }

    /// Comparisons that agree, one after the other, are as old as the first of them.
    fn compared(&self, done: Compared) -> Compared {
        let before = self.state.compared.and_then(|known| known.clean_since);
        Compared { clean_since: (done.differing == 0).then(|| before.unwrap_or(done.at)), ..done }
    }

    fn reads(&self, percent: u8) -> Result<Migration, Refusal> {
        if percent > 100 {
            return refuse(format!("{percent} is more than all of a hundred reads"), "give --percent 0 to 100");
        }
        if !matches!(self.state.phase, Phase::Compare | Phase::GradualReads) {
            return self.wrong_phase("reads", "compare and gradual_reads");
        }
        // To give reads back needs no proof.
        if percent > self.state.percent || self.state.phase == Phase::Compare {
            self.not_overridden()?;
            self.clean("reads move over")?;
        }
        let phase = if self.state.phase == Phase::Compare { self.to(Phase::GradualReads) } else { self.state.clone() };
        let percent_since = if percent == phase.percent { phase.percent_since } else { self.facts.now };
        Ok(Migration { percent, percent_since, ..phase })
    }

    fn step_back(&self, to: u8, differed: bool) -> Result<Migration, Refusal> {
        let back = match self.state.phase {
            Phase::GradualReads => self.reads(to.min(self.state.percent))?,
            // None are DuckDB's yet: what was compared counts no more, and that is all.
            Phase::Compare if differed => self.state.clone(),
            _ => return self.wrong_phase("reads", "gradual_reads"),
        };
        let compared =
            back.compared.map(|known| Compared { clean_since: known.clean_since.filter(|_| !differed), ..known });
        Ok(Migration { compared, ..back })
    }

    fn promote(&self, freeze: bool) -> Result<Migration, Refusal> {
        match self.state.phase {
            Phase::GradualReads => {
                self.not_overridden()?;
                if self.state.percent != 100 {
                    let why = format!("DuckDB answers {} of a hundred reads, and 100 are needed", self.state.percent);
                    return refuse(why, "`merganser migrate timescale reads --percent 100`");
                }
                let since = self.state.percent_since;
                self.long_enough("DuckDB has answered all reads", since, self.facts.clean_for, "timescale.clean_for")?;
                self.clean("DuckDB alone answers")?;
                self.level("PostgreSQL becomes a standby")?;
                Ok(Migration { is_frozen: freeze, ..self.to(Phase::DuckdbPrimary) })
            }
            Phase::DuckdbPrimary if freeze && !self.state.is_frozen => {
                self.level("PostgreSQL is frozen")?;
                // What is written to both is not compared from then on.
                self.clean("PostgreSQL is frozen")?;
                Ok(Migration { is_frozen: true, since: self.facts.now, ..self.state.clone() })
            }
            Phase::DuckdbPrimary if freeze => {
                refuse("nothing is written to PostgreSQL already", "`merganser migrate timescale decommission` is next")
            }
            _ => self.wrong_phase("promote", "gradual_reads (and duckdb_primary with --freeze)"),
        }
    }

    fn rollback(&self) -> Result<Migration, Refusal> {
        match self.state.phase {
            Phase::Off => refuse("the phase is off", "there is nothing before it"),
            Phase::Decommissioned => {
                refuse("PostgreSQL was left", "from there no way leads back; its export is in the cold store")
            }
            // First it gets what it lacks; then it can answer again. Until then it was no standby, and what was compared while it
            // was frozen says nothing of what it gets.
            Phase::DuckdbPrimary if self.state.is_frozen => {
                Ok(Migration { is_frozen: false, compared: None, since: self.facts.now, ..self.state.clone() })
            }
            Phase::DuckdbPrimary => {
                self.level("PostgreSQL answers reads again")?;
                Ok(Migration { percent_since: self.facts.now, ..self.to(Phase::GradualReads) })
            }
            Phase::GradualReads => {
                self.level("PostgreSQL answers all reads again")?;
                Ok(Migration { percent: 0, percent_since: self.facts.now, ..self.to(Phase::Compare) })
            }
            phase => Ok(self.to(phase.before().unwrap_or_default())),
        }
    }

    fn decommission(&self) -> Result<Migration, Refusal> {
        if self.state.phase != Phase::DuckdbPrimary {
            return self.wrong_phase("decommission", "duckdb_primary");
        }
        self.not_overridden()?;
        let what = if self.state.is_frozen { "PostgreSQL has been frozen" } else { "PostgreSQL has been a standby" };
        self.long_enough(what, self.state.since, self.facts.standby_for, "timescale.standby_for")?;
        self.all_accepted()?;
        let since_primary = self.state.compared.filter(|compared| compared.at >= self.state.since);
        match since_primary {
            Some(Compared { differing: 0, .. }) => Ok(Migration { percent: 100, ..self.to(Phase::Decommissioned) }),
            Some(Compared { differing, .. }) => {
                refuse(differ(differing), "`merganser migrate timescale compare --repair`, then compare again")
            }
            None => refuse(
                "both sides were not compared since DuckDB alone answers",
                "`merganser migrate timescale compare`",
            ),
        }
    }
}

fn not_accepted<T>(refused: u64, accepted: u64) -> Result<T, Refusal> {
    let next = format!(
        "look at the files in rejects/ of the data directory, mend the mapping and backfill again, or say `merganser migrate timescale compare --accept-rejects {refused}`"
    );
    refuse(format!("{refused} rows did not fit and {accepted} are accepted"), next)
}

/// What comes next on the way.
#[must_use]
pub fn next_command(state: &Migration) -> &'static str {
    let is_behind = state.backfilled.is_some_and(|done| done.refused > done.accepted);
    match state.phase {
        Phase::Backfill | Phase::Compare | Phase::GradualReads | Phase::DuckdbPrimary if is_behind => {
            "rows that did not fit are in rejects/ of the data directory and nobody has accepted them: look at them, then `merganser migrate timescale compare --accept-rejects` with their number is next"
        }
        Phase::Off => "`merganser migrate timescale init` is next",
        Phase::DualWrite => "`merganser migrate timescale backfill` is next",
        Phase::Backfill if state.backfilled.is_none() => "`merganser migrate timescale backfill` goes on with it",
        Phase::Backfill => "`merganser migrate timescale compare` is next",
        Phase::Compare => "`merganser migrate timescale reads --percent 1` is next",
        Phase::GradualReads if state.percent == 100 => "`merganser migrate timescale promote` is next",
        Phase::GradualReads => "`merganser migrate timescale reads` with a higher percent is next",
        Phase::DuckdbPrimary => "`merganser migrate timescale decommission` is next",
        Phase::Decommissioned => "nothing is left to do",
    }
}
