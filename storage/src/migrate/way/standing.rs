//! How both sides stand.

use std::time::Duration;

use messages::ledger::Seq;

use super::Way;
use crate::journal::Kept;
use crate::migrate::reads::Stats;
use crate::migrate::sink::State;
use crate::postgres::Server;
use crate::settings::Timescale;

/// Both sides, and the reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The server, or why there is none.
    pub server: String,
    /// What writes to it.
    pub sink: SinkStanding,
    /// The reads of either side; none where no server is named.
    pub reads: Option<Stats>,
    /// What `USE_DUCKDB` says.
    pub use_duckdb: Option<bool>,
}

/// What writes to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkStanding {
    /// What it does, in a word; `off` where it is not to run.
    pub state: &'static str,
    /// Records of the ledger that are durable and not there.
    pub ledger_lag: u64,
    /// Records of the market journal.
    pub market_lag: u64,
    /// For how long the server has lacked something; none while it does not run.
    pub lag: Option<Duration>,
    /// Rows written since its start.
    pub rows: u64,
    /// Market records that were given up since its start, for the server was away for too long.
    pub given_up: u64,
    /// What is kept of the market journal for it alone.
    pub kept: Kept,
    /// Why it does not work.
    pub error: Option<String>,
}

impl SinkStanding {
    /// Of one that does not run.
    #[must_use]
    pub fn off() -> Self {
        Self {
            state: "off",
            ledger_lag: 0,
            market_lag: 0,
            lag: None,
            rows: 0,
            given_up: 0,
            kept: Kept::default(),
            error: None,
        }
    }
}

/// The server that settings name, or why there is none.
fn server(settings: &Timescale) -> String {
    Server::new(settings).map_or_else(|error| error.to_string(), |server| server.name())
}

impl Standing {
    /// While merganser does not run.
    #[must_use]
    pub fn stopped(settings: &Timescale) -> Self {
        Self { server: server(settings), sink: SinkStanding::off(), reads: None, use_duckdb: None }
    }
}

impl Way {
    /// How both sides stand now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let server = server(self.settings());
        let (sink, reads, use_duckdb) = (self.sink_standing(), self.parts.reads.stats(), self.use_duckdb());
        Standing { server, sink, reads, use_duckdb }
    }

    fn sink_standing(&self) -> SinkStanding {
        let Some(handle) = self.parts.sink.handle() else { return SinkStanding::off() };
        let status = handle.status();
        let (ledger, market) = (self.parts.durable.0.get(), self.parts.durable.1.get());
        let behind = |durable: Seq, applied: Seq| durable.0.saturating_sub(applied.0);
        let error = match &status.state {
            State::Failed { error, .. } => Some(error.clone()),
            _ => None,
        };
        SinkStanding {
            state: status.state.as_str(),
            ledger_lag: behind(ledger, status.applied.0),
            market_lag: behind(market, status.applied.1),
            lag: status.was_level.then_some(status.lag),
            rows: status.rows,
            given_up: status.given_up,
            kept: status.kept,
            error,
        }
    }
}
