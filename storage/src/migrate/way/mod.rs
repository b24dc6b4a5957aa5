//! The way itself: the pieces of this folder put together, as the migration actor uses them.
//!
//! It holds no phase: what the ledger says is given to it, and it follows. Everything here may be called from any thread; what
//! takes long says so by its progress and looks whether it is to go on.
//!
//! - [`Work`]: what takes long; [`Standing`]: how both sides stand.

mod backfill;
mod compare;
mod end;
mod init;
mod leave;
mod standing;
#[cfg(test)]
mod tests;
mod turn;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use messages::UtcNanos;
use messages::ledger::Seq;
use messages::migration::{Migration, Phase, Watermark as Begin};

pub use standing::{SinkStanding, Standing};
pub use turn::Alone;
pub use work::{Done, Progress, Work};

use super::apart::watched;
use super::compare::Wanted;
use super::mapping;
use super::reads::watch::StepBack;
use super::reads::{Follows, Need, Reads};
use super::sink::{self, Sink, SinkHandle, State};
use crate::archive::{Runner, chain};
use crate::datadir::Paths;
use crate::disk::Reserve;
use crate::journal::{Room, Watermark};
use crate::postgres::{self, Server};
use crate::service::Database;
use crate::settings::{self, Timescale};
use end::End;
use turn::Turn;

/// What can go wrong on the way.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server, or the settings that lead to it.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// The server cannot be left as it is.
    #[error("{server}: {findings}")]
    Unfit {
        /// The server.
        server: String,
        /// What is in the way.
        findings: String,
    },
    /// Rows do not get there.
    #[error(transparent)]
    Sink(#[from] sink::Error),
    /// The server did not take the first rows.
    #[error("{why}")]
    NotTaken {
        /// Why, with the next step.
        why: String,
    },
    /// Somebody asked to stop, or it took too long.
    #[error("stopped before it was done")]
    Stopped,
    /// The mapping file.
    #[error(transparent)]
    Mapping(#[from] mapping::Unusable),
    /// A table that the mapping does not name.
    #[error("the mapping has no table {table}; it has {mapped}")]
    NotMapped {
        /// What was asked for.
        table: String,
        /// What there is.
        mapped: String,
    },
    /// The backfill.
    #[error(transparent)]
    Backfill(#[from] super::backfill::Error),
    /// The comparison.
    #[error(transparent)]
    Compare(#[from] super::compare::Error),
    /// The export.
    #[error(transparent)]
    Leave(#[from] super::leave::Error),
    /// Both sides are not the same.
    #[error(
        "the last comparison found {differing} slices in which the sides differ, and nothing was exported; `merganser migrate timescale compare --repair`, then leave again"
    )]
    NotEqual {
        /// How many.
        differing: u64,
    },
    /// Nothing is compared or left before dual write.
    #[error("rows do not go to both sides yet; `merganser migrate timescale init` begins it")]
    NotBegun,
    /// The archive.
    #[error(transparent)]
    Archive(#[from] crate::archive::Error),
    /// DuckDB.
    #[error(transparent)]
    Duck(#[from] crate::duck::Error),
}

/// The pieces, put together. A clone is the same.
#[derive(Clone)]
pub struct Way {
    parts: Arc<Parts>,
    /// Whose turn it is to do long work.
    turn: Turn,
    /// Whether anything may still be done.
    end: End,
}

/// What it is made from.
pub struct Parts {
    /// The settings.
    pub settings: Timescale,
    /// How long rows live.
    pub tiers: settings::Tiers,
    /// Where things are.
    pub paths: Paths,
    /// The database.
    pub database: Database,
    /// The archive.
    pub archive: Runner,
    /// The place of the sink.
    pub sink: Sink,
    /// Who answers reads.
    pub reads: Reads,
    /// Up to where the journals are durable: the ledger and the market journal.
    pub durable: (Watermark, Watermark),
    /// The room on the disk of the tables, and whether the market journal has room.
    pub room: (Reserve, Room),
    /// The wall clock.
    pub wall: Box<dyn Fn() -> UtcNanos + Send + Sync>,
}

impl Way {
    /// Of these. Reads may go to the server from when the phase says so.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let way = Self { parts: Arc::new(parts), turn: Turn::default(), end: End::default() };
        if let Err(error) = way.open_reads() {
            // Whoever asks for a step is told so again.
            tracing::error!(event = "migration_failed", "PostgreSQL answers no reads: {error}");
        }
        way
    }

    /// Lets reads go to the server, where one is named and they do not yet.
    fn open_reads(&self) -> Result<(), postgres::Error> {
        let Parts { settings, sink, reads, .. } = &*self.parts;
        if settings.url.is_empty() || reads.postgres().is_some() {
            return Ok(());
        }
        let sink = sink.clone();
        reads.open(settings, self.mapping_file(), Arc::new(move || follows(&sink)))
    }

    /// Which of their columns become which of ours.
    fn mapping_file(&self) -> PathBuf {
        match self.settings().mapping_file.as_str() {
            "" => self.parts.paths.root.join("timescale.toml"),
            named => PathBuf::from(named),
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Timescale {
        &self.parts.settings
    }

    /// Who answers reads.
    #[must_use]
    pub fn reads(&self) -> &Reads {
        &self.parts.reads
    }

    /// What `USE_DUCKDB` says.
    #[must_use]
    pub fn use_duckdb(&self) -> Option<bool> {
        self.parts.reads.share().get().use_duckdb
    }

    /// Where dual write would begin now.
    #[must_use]
    pub fn watermark(&self, now: UtcNanos) -> Begin {
        let at = UtcNanos(now.0 - now.0.rem_euclid(1_000));
        Begin { market: self.parts.durable.1.get(), at }
    }

    /// Does what follows from a state: rows go to both sides or do not, reads are answered by one or the other. It blocks for
    /// as long as it takes to end a sink: seconds, where the server does not answer.
    pub fn follow(&self, state: &Migration) {
        let _ = self.end.before(|| self.follow_now(state));
    }

    fn follow_now(&self, state: &Migration) {
        // A setting that could not be read at the start may have been put right since; that it was not was said then.
        let _ = self.open_reads();
        self.parts.reads.divide(state);
        let sink = &self.parts.sink;
        match state.watermark.filter(|_| state.writes()) {
            None => sink.release(sink::TO_FINISH),
            Some(_) if sink.runs() => {}
            Some(watermark) => {
                if let Err(error) = self.begin(watermark.market) {
                    tracing::error!(event = "sink_failed", "rows do not go to PostgreSQL: {}", chain(&error));
                }
            }
        }
    }

    /// Lets rows go there.
    fn begin(&self, watermark: Seq) -> Result<SinkHandle, Error> {
        let Parts { settings, tiers, sink, .. } = &*self.parts;
        let plan =
            sink::Plan { settings: settings.clone(), schema: settings.schema.clone(), tiers: tiers.clone(), watermark };
        Ok(sink.start(plan)?)
    }

    /// For how long the server has lacked something; none while that is not known.
    #[must_use]
    pub fn lag(&self) -> Option<Duration> {
        let status = self.parts.sink.handle()?.status();
        (status.was_level && matches!(status.state, State::Following | State::Held)).then_some(status.lag)
    }

    /// How far reads are to go back, and why; none where nothing is wrong with them, or nothing were otherwise then.
    #[must_use]
    pub fn step_back(&self, state: &Migration) -> Option<StepBack> {
        // While both sides are compared none is DuckDB's to give back, but what was compared may count no more.
        if !matches!(state.phase, Phase::Compare | Phase::GradualReads) || self.use_duckdb().is_some() {
            return None;
        }
        self.parts.reads.judge().filter(|back| back.changes(state))
    }

    /// Lets the work that is under way end. Waits for nothing.
    pub fn stop(&self) {
        self.end.ask_for();
    }

    /// As [`Self::stop`]; lets none begin any more, and returns when nothing is done: only then may the storage end.
    pub fn close(&self) {
        self.end.close();
    }

    /// The turn of one piece of work; none while another has it, were it of an actor that is no more.
    #[must_use]
    pub fn turn(&self) -> Option<Alone> {
        self.turn.take()
    }

    /// Does long work, in its turn.
    ///
    /// # Errors
    /// Why it did not come to its end.
    pub fn perform(
        &self,
        _: &Alone,
        work: &Work,
        state: &Migration,
        on: &dyn Fn(Progress),
        go_on: &dyn Fn() -> bool,
    ) -> Result<Done, Error> {
        let go_on: &dyn Fn() -> bool = &|| go_on() && !self.end.is_asked_for();
        self.end.before(|| self.perform_now(work, state, on, go_on)).unwrap_or(Err(Error::Stopped))
    }

    fn perform_now(
        &self,
        work: &Work,
        state: &Migration,
        on: &dyn Fn(Progress),
        go_on: &dyn Fn() -> bool,
    ) -> Result<Done, Error> {
        match work {
            Work::Init => self.init(state, on, go_on),
            Work::Backfill { tables, range, again } => self.backfill(state, (tables, *range, *again), on, go_on),
            Work::Compare { tables, range, repair, .. } => {
                let wanted = Wanted { tables: tables.clone(), range: *range, repair: *repair };
                self.compare(state, wanted, on, go_on)
            }
            Work::Decommission { drop } => self.leave(state, drop.as_deref(), on, go_on),
        }
    }

    /// Asks the server, as long as the answer is wanted.
    fn ask<T: Send>(
        &self,
        go_on: &dyn Fn() -> bool,
        ask: impl FnOnce(&Server) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let server = Server::new(self.settings())?;
        watched(&server, go_on, || ask(&server)).map_err(|error| if go_on() { error } else { Error::Stopped })
    }
}

/// How far the sink is, for who asks the server for what is new.
fn follows(sink: &Sink) -> Follows {
    let Some(status) = sink.handle().map(|handle| handle.status()) else {
        return Follows { applied: Need::default(), trouble: Some("nothing is written to it now".to_owned()) };
    };
    let trouble = match status.state {
        State::Failed { error, .. } => Some(error),
        State::Ended => Some("nothing is written to it any more".to_owned()),
        State::Connecting | State::Following | State::Held => None,
    };
    Follows { applied: Need { ledger: status.applied.0, market: status.applied.1 }, trouble }
}
