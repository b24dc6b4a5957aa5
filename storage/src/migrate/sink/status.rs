//! How the sink stands, for those who look at it: written by its thread alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Error, Position};
use crate::journal::{Kept, Taken};
use crate::postgres::Server;

/// What it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It reaches for the server, and makes there what is missing.
    Connecting,
    /// It writes what becomes durable.
    Following,
    /// It waits where somebody has asked it to.
    Held,
    /// It did not work, and is tried again.
    Failed {
        /// Why, with the next step.
        error: String,
        /// True for what passes by itself.
        is_temporary: bool,
    },
    /// It has ended.
    Ended,
}

impl State {
    /// In a word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Following => "following",
            Self::Held => "held",
            Self::Failed { .. } => "failed",
            Self::Ended => "ended",
        }
    }
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkStatus {
    /// What it does.
    pub state: State,
    /// The last records that the server holds; 0 for both until it was reached.
    pub applied: Position,
    /// Records that are durable and not there.
    pub lag_records: u64,
    /// For how long the server has lacked something; zero when it lacks nothing.
    pub lag: Duration,
    /// False until everything was there once since its start: it may have lacked something for longer than that.
    pub was_level: bool,
    /// Rows written since its start.
    pub rows: u64,
    /// Market records that were given up since its start because the server was away for too long.
    pub given_up: u64,
    /// What is kept of the market journal for it alone.
    pub kept: Kept,
}

/// What its thread writes and others read.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Known>>);

struct Known {
    state: State,
    applied: Position,
    rows: u64,
    given_up: u64,
    /// Everything that was durable at this instant is there.
    complete_at: Instant,
    was_level: bool,
    /// When it is to write no more; none as long as it is wanted.
    end_at: Option<Instant>,
    /// What of the market journal need not be kept for it; none once it is to end.
    taken: Option<Taken>,
    /// Whom it asks; none before it did.
    server: Option<Server>,
    /// True once nobody waits for the server any more.
    has_left: bool,
}

#[expect(clippy::disallowed_methods, reason = "how long a server lags is real time by nature; no record holds it")]
pub(super) fn now() -> Instant {
    Instant::now()
}

impl Shared {
    /// Of a sink that has not reached its server yet, and says in `taken` how far it has come.
    pub(super) fn new(taken: Taken) -> Self {
        let (state, applied, taken) = (State::Connecting, Position::default(), Some(taken));
        let (complete_at, was_level, end_at) = (now(), false, None);
        Self(Arc::new(Mutex::new(Known {
            state,
            applied,
            rows: 0,
            given_up: 0,
            complete_at,
            was_level,
            end_at,
            taken,
            server: None,
            has_left: false,
        })))
    }

    /// As it stands when the journals end with the records `durable`.
    pub(super) fn status(&self, durable: Position) -> SinkStatus {
        let known = self.known();
        let behind = |durable: u64, applied: u64| durable.saturating_sub(applied);
        let lag_records = behind(durable.0.0, known.applied.0.0) + behind(durable.1.0, known.applied.1.0);
        let lag = if lag_records == 0 { Duration::ZERO } else { now().saturating_duration_since(known.complete_at) };
        let kept = known.taken.as_ref().map(Taken::kept).unwrap_or_default();
        let Known { state, applied, rows, given_up, was_level, .. } = &*known;
        let (state, applied, rows, given_up, was_level) = (state.clone(), *applied, *rows, *given_up, *was_level);
        SinkStatus { state, applied, lag_records, lag, was_level, rows, given_up, kept }
    }

    pub(super) fn applied(&self) -> Position {
        self.known().applied
    }

    /// What it does, in words.
    pub(super) fn words(&self) -> String {
        match &self.known().state {
            State::Failed { error, .. } => error.clone(),
            state => state.as_str().to_owned(),
        }
    }

    /// It is to write no more from this instant on.
    pub(super) fn end_at(&self, instant: Instant) {
        self.known().end_at = Some(instant);
    }

    /// True once it is to end, soon or now.
    pub(super) fn is_to_end(&self) -> bool {
        self.known().end_at.is_some()
    }

    /// True once it is to write no more.
    pub(super) fn is_over(&self) -> bool {
        self.known().end_at.is_some_and(|end| now() >= end)
    }

    /// It asks this server from now on.
    pub(super) fn asks(&self, server: &Server) {
        let mut known = self.known();
        known.server = Some(server.clone());
        if known.has_left {
            server.leave();
        }
    }

    /// Nobody waits for the server any more: what it is asked ends.
    pub(super) fn leave(&self) {
        let mut known = self.known();
        known.has_left = true;
        known.server.iter().for_each(Server::leave);
    }

    /// What it does from now on says nothing about the journal any more: somebody else does.
    pub(super) fn let_go(&self) {
        self.known().taken = None;
    }

    /// What it does from now on.
    pub(super) fn enter(&self, state: State) {
        self.known().state = state;
    }

    /// It did not work. True when that is news.
    pub(super) fn failed(&self, error: &Error) -> bool {
        let state = State::Failed { error: words(error), is_temporary: error.is_temporary() };
        let mut known = self.known();
        let is_news = known.state != state;
        known.state = state;
        is_news
    }

    /// What the server holds, as it says when it is reached.
    pub(super) fn found(&self, applied: Position) {
        self.known().reached(applied);
    }

    /// A transaction was committed.
    pub(super) fn wrote(&self, applied: Position, rows: u64, given_up: u64) {
        let mut known = self.known();
        known.reached(applied);
        known.rows += rows;
        known.given_up += given_up;
    }

    /// Everything that was durable at `instant` is there.
    pub(super) fn complete(&self, instant: Instant) {
        let mut known = self.known();
        (known.complete_at, known.was_level) = (instant, true);
    }

    /// Since when it may lack something, where it has ended.
    pub(super) fn ended_lacking(&self) -> Option<Instant> {
        let known = self.known();
        (known.state == State::Ended).then_some(known.complete_at)
    }

    /// Something may be lacking there since `instant`.
    pub(super) fn lacks_since(&self, instant: Instant) {
        self.known().complete_at = instant;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn reached(&mut self, applied: Position) {
        self.applied = applied;
        if let Some(taken) = &self.taken {
            taken.set(applied.1);
        }
    }
}

/// An error with what is behind it.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::ledger::Seq;

    #[test]
    fn it_lags_only_while_something_is_missing() {
        let taken = Taken::default();
        let shared = Shared::new(taken.clone());
        let before = now().checked_sub(Duration::from_secs(60)).unwrap();
        assert!(!shared.status((Seq(0), Seq(0))).was_level, "nobody knows what was there before");
        shared.complete(before);
        assert!(shared.status((Seq(0), Seq(0))).was_level);
        shared.wrote((Seq(3), Seq(10)), 7, 0);
        let all = shared.status((Seq(3), Seq(10)));
        assert_eq!((all.lag_records, all.lag, all.rows), (0, Duration::ZERO, 7));
        let behind = shared.status((Seq(4), Seq(12)));
        assert!(behind.lag_records == 3 && behind.lag >= Duration::from_secs(60), "{behind:?}");
        // A server that was restored from its own backup holds less than before.
        shared.found((Seq(2), Seq(0)));
        assert_eq!(shared.status((Seq(4), Seq(12))).lag_records, 14);
        assert_eq!(taken.get(), Seq(0), "and the journal is kept for it again");
        shared.complete(now());
        assert!(shared.status((Seq(4), Seq(12))).lag < Duration::from_secs(60));
        shared.let_go();
        shared.found((Seq(4), Seq(12)));
        assert_eq!(taken.get(), Seq(0));
    }
}
