//! Reads on the way out of PostgreSQL: which side answers a question to history, and how both do.
//!
//! - [`Reads`]: what who asks, who moves the phase and who counts have in common.
//! - [`Share`], [`route`]: who answers, by the phase, by a share of the questions, or by the environment.
//! - [`Postgres`]: PostgreSQL as a source of answers; `sessions`: its connections.
//! - `asking`: one question in one snapshot; `ticks`, `bars`, `positions`: what is special about each.
//! - `own`: what DuckDB alone recorded before dual write, for PostgreSQL's answers.
//! - `relation`: where rows stand there; `gather`: several of these as one page; `shape`: as DuckDB answers.
//! - [`watch`]: how both sides answer, and when reads go a step back; `answers`: what is kept of a side for it.
//!
//! Invariant: no answer lacks a row that it must hold, or has one that it must not. What cannot be answered so is refused.
//! Questions of strategies, and SQL, are none of this: DuckDB answers them, whatever the phase.

mod answers;
mod asking;
mod bars;
mod error;
mod gather;
mod own;
mod positions;
mod postgres;
mod relation;
pub mod route;
mod sessions;
mod shape;
mod share;
#[cfg(test)]
mod tests;
mod ticks;
pub mod watch;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use messages::ledger::Seq;
use messages::migration::Migration;

pub use error::{Error, OTHERWISE};
pub use own::Alone;
pub use postgres::Postgres;
pub use route::Side;
pub use sessions::{Ender, Lent, Sessions};
pub use share::{Divided, Share};

use crate::postgres as server;
use crate::query::Query;
use crate::settings::Timescale;
use watch::{Bounds, SideStats, StepBack, Watch};

/// The last records that an answer must hold; 0 for whatever is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Need {
    /// Of the ledger.
    pub ledger: Seq,
    /// Of the market journal.
    pub market: Seq,
}

/// How far the sink is, as whoever runs it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follows {
    /// The last records that the server holds.
    pub applied: Need,
    /// What keeps it from going on.
    pub trouble: Option<String>,
}

/// Asked before each question that must hold what is new; must answer at once.
pub type Follow = Arc<dyn Fn() -> Follows + Send + Sync>;

/// Reads of a running directory. A clone is the same.
#[derive(Clone, Default)]
pub struct Reads(Arc<Inner>);

#[derive(Default)]
struct Inner {
    share: Share,
    opened: OnceLock<Opened>,
}

/// What there is once a server is named.
struct Opened {
    postgres: Postgres,
    follow: Follow,
    watch: Mutex<Watch>,
    began: Instant,
}

impl Reads {
    /// Lets questions go to the server that the settings name, from when [`Share`] says so. Connects to nobody yet. A
    /// second call changes nothing.
    ///
    /// # Errors
    /// A setting cannot be used.
    pub fn open(&self, settings: &Timescale, mapping_file: PathBuf, follow: Follow) -> Result<(), server::Error> {
        let sessions = Sessions::new(server::Server::new(settings)?, settings.connections, settings.connect_timeout);
        let postgres = Postgres::new(sessions, &settings.schema, mapping_file);
        let bounds = Bounds { budget: settings.read_budget, errors: settings.read_errors };
        let opened = Opened { postgres, follow, watch: Mutex::new(Watch::new(bounds)), began: now() };
        let _ = self.0.opened.set(opened);
        Ok(())
    }

    /// Who answers, for who moves the phase.
    #[must_use]
    pub fn share(&self) -> &Share {
        &self.0.share
    }

    /// Divides questions as the ledger has it. To be called when the change is durable.
    pub fn divide(&self, state: &Migration) {
        if self.0.share.set(state)
            && let Some((_, mut watch)) = self.watch()
        {
            watch.begin_anew();
        }
    }

    /// PostgreSQL; `None` where no server is named.
    #[must_use]
    pub fn postgres(&self) -> Option<&Postgres> {
        self.0.opened.get().map(|opened| &opened.postgres)
    }

    /// How far the sink is; `None` where no server is named.
    #[must_use]
    pub fn follows(&self) -> Option<Follows> {
        self.0.opened.get().map(|opened| (opened.follow)())
    }

    /// A side has answered, or failed to.
    pub fn answered(&self, side: Side, took: Duration, is_failed: bool) {
        if let Some((opened, mut watch)) = self.watch() {
            watch.answered(side, opened.began.elapsed(), took, is_failed);
        }
    }

    /// Both sides were asked the same; what was different, if anything.
    pub fn shadowed(&self, query: &Query, difference: Option<&str>) {
        if let Some(difference) = difference {
            tracing::error!(event = "shadow_mismatch", ?query, difference, "both sides answered differently");
        }
        if let Some((_, mut watch)) = self.watch() {
            watch.shadowed(difference.map(|difference| format!("{difference}, asked for {query:?}")));
        }
    }

    /// How both sides answer; `None` where no server is named.
    #[must_use]
    pub fn stats(&self) -> Option<Stats> {
        let (opened, watch) = self.watch()?;
        let now = opened.began.elapsed();
        let (shadowed, differed) = watch.shadows();
        Some(Stats { sides: Side::ALL.map(|side| (side, watch.side(side, now))), shadowed, differed })
    }

    /// Whether reads are to go a step back, and how far. To be asked every few seconds, by who then does it.
    #[must_use]
    pub fn judge(&self) -> Option<StepBack> {
        let percent = self.0.share.get().percent;
        let (opened, mut watch) = self.watch()?;
        watch.judge(percent, opened.began.elapsed())
    }

    /// Closes the connections.
    pub fn close(&self) {
        self.postgres().into_iter().for_each(|postgres| postgres.sessions().close());
    }

    fn watch(&self) -> Option<(&Opened, MutexGuard<'_, Watch>)> {
        let opened = self.0.opened.get()?;
        Some((opened, opened.watch.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// How both sides answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    /// Each side.
    pub sides: [(Side, SideStats); 2],
    /// Questions that were asked of both.
    pub shadowed: u64,
    /// Of them, those that were answered differently.
    pub differed: u64,
}

#[expect(clippy::disallowed_methods, reason = "how long answers take is real time, and is in no record")]
fn now() -> Instant {
    Instant::now()
}
