//! What must hold before a step is taken: that both sides are level, that they agree, and for how long.

use std::time::Duration;

use messages::UtcNanos;
use messages::durations;

use super::{Refusal, Step, not_accepted, refuse};

/// Rows of PostgreSQL may be behind by so much and still be called level.
const LEVEL_WITHIN: Duration = Duration::from_secs(5);

/// How old a comparison by hand may be and still say that both sides agree.
const BY_HAND_WITHIN: Duration = Duration::from_hours(24);

/// However often they are compared: a comparison takes its time, and so does whoever goes on.
pub(super) const COMPARED_WITHIN_LEAST: Duration = Duration::from_mins(10);

impl Step<'_> {
    /// PostgreSQL has all that is durable here, but for what comes this moment.
    pub(super) fn level(&self, what: &str) -> Result<(), Refusal> {
        let needed = durations::format(LEVEL_WITHIN);
        match self.facts.lag {
            Some(lag) if lag <= LEVEL_WITHIN => Ok(()),
            Some(lag) => refuse(
                format!("PostgreSQL is {} behind and must be within {needed} before {what}", durations::format(lag)),
                "wait until `merganser migrate timescale status` shows that it has caught up",
            ),
            None => refuse(
                format!("how far PostgreSQL is behind is not known, and it must be within {needed} before {what}"),
                "`merganser migrate timescale status` says why it is not written to",
            ),
        }
    }

    /// Both sides have agreed for long enough, and do so now.
    pub(super) fn clean(&self, what: &str) -> Result<(), Refusal> {
        self.all_accepted()?;
        let Some(compared) = self.state.compared else {
            return refuse(
                format!(
                    "both sides were not compared since dual write or the last backfill began, and must agree before {what}"
                ),
                "`merganser migrate timescale compare`",
            );
        };
        let Some(since) = compared.clean_since else {
            if compared.differing == 0 {
                let why = format!(
                    "both sides answered a question differently since they were compared, and must agree before {what}"
                );
                return refuse(why, "`merganser migrate timescale compare`");
            }
            let next = "`merganser migrate timescale compare --repair`, then compare again";
            return refuse(format!("{} before {what}", differ(compared.differing)), next);
        };
        self.lately(compared.at, what)?;
        self.long_enough("both sides have agreed", since, self.facts.clean_for, "timescale.clean_for")
    }

    /// What was left behind was looked at.
    pub(super) fn all_accepted(&self) -> Result<(), Refusal> {
        match self.state.backfilled {
            Some(done) if done.refused > done.accepted => not_accepted(done.refused, done.accepted),
            _ => Ok(()),
        }
    }

    /// Both sides were compared not long ago: what was found then says nothing of what came in days since.
    fn lately(&self, at: UtcNanos, what: &str) -> Result<(), Refusal> {
        let every = self.facts.compare_every;
        let twice = every.saturating_mul(2);
        let (within, setting) = if every.is_zero() {
            (BY_HAND_WITHIN, "")
        } else if twice < COMPARED_WITHIN_LEAST {
            (COMPARED_WITHIN_LEAST, "")
        } else {
            (twice, " (twice timescale.compare_every)")
        };
        let ago = self.been(at);
        if ago <= within {
            return Ok(());
        }
        let (ago, within) = (durations::format(ago), durations::format(within));
        refuse(
            format!(
                "both sides were last compared {ago} ago, and must have been within {within}{setting} before {what}"
            ),
            "`merganser migrate timescale compare`",
        )
    }

    fn been(&self, since: UtcNanos) -> Duration {
        Duration::from_secs(u64::try_from(self.facts.now.since(since)).unwrap_or(0) / 1_000_000_000)
    }

    pub(super) fn long_enough(
        &self,
        what: &str,
        since: UtcNanos,
        needed: Duration,
        setting: &str,
    ) -> Result<(), Refusal> {
        let been = self.been(since);
        if been >= needed {
            return Ok(());
        }
        let (been, needed) = (durations::format(been), durations::format(needed));
        refuse(format!("{what} for {been}, and {needed} are needed ({setting})"), "wait, or set it shorter")
    }

    pub(super) fn not_overridden(&self) -> Result<(), Refusal> {
        let Some(all) = self.facts.use_duckdb else { return Ok(()) };
        let who = if all { "DuckDB" } else { "PostgreSQL" };
        refuse(
            format!("USE_DUCKDB={all} in the environment lets {who} answer all reads, whatever is decided here"),
            "start merganser without it",
        )
    }
}

/// Both sides were compared and are not the same.
pub(super) fn differ(slices: u64) -> String {
    format!("the last comparison found {slices} slices in which the sides differ, and there must be none")
}
