//! What the edge counts, as telemetry asks for it: plain numbers, so that this crate knows nothing of HTTP.

use std::sync::Arc;

use storage::migrate::reads;

/// Asked for each sample; must answer at once.
pub type EdgeSource = Arc<dyn Fn() -> EdgeCounts + Send + Sync>;

/// What the edge has counted since its start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EdgeCounts {
    /// Requests by their class, a fixed list.
    pub requests: Vec<(&'static str, RequestCounts)>,
    /// The stream; `None` where there is none.
    pub stream: Option<StreamCounts>,
    /// Reads on the way out of PostgreSQL; `None` where no server is named.
    pub reads: Option<reads::Stats>,
}

/// Requests of one class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// All of them.
    pub answered: u64,
    /// With a status of 400 to 499.
    pub refused: u64,
    /// With a status of 500 or more.
    pub failed: u64,
}

/// The WebSocket stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Clients now.
    pub clients: u64,
    /// Messages sent.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Updates of quotes left out for a slow client.
    pub conflated: u64,
    /// Clients closed because they did not keep up.
    pub closed_slow: u64,
    /// Clients closed because they said too much, or what is no protocol.
    pub closed_faulty: u64,
    /// Clients closed because nothing was heard of them.
    pub closed_silent: u64,
    /// Clients turned away because there were too many.
    pub turned_away: u64,
    /// Snapshots in place of messages that did not fit.
    pub resynced: u64,
    /// Events missed and answered with new snapshots.
    pub lost: u64,
    /// Log lines missed.
    pub lost_lines: u64,
}
