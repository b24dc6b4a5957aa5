//! What may vary: the settings, composed from the sections of each crate, loaded in layers, checked as a
//! whole. Everything that is wrong is said at once, with the path of each key.

mod check;
mod http;
mod load;
mod override_reads;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actors::alerts::settings::AlertSettings;
use actors::clock::Clock;
use actors::orders::risk::Limits;
use actors::runtime::Plan;
use actors::settings::{
    AccountSettings, BarSettings, CalendarSettings, Deciding, FeedSettings, InstrumentSettings, PaperSettings,
    SnapshotSettings, StrategySettings, TelemetrySettings, VenueSettings,
};
use actors::strategies::registry::Registry;
use actors::venues::Route;
use actors::venues::paper::models::Models;
use actors::venues::rules::Rules as VenueRules;
use messages::Exchange;
use messages::ledger::Mode;
use serde::{Deserialize, Serialize};
use storage::datadir::Paths;
use storage::settings::{DuckDb, Hot, Journal, Tiers, Timescale};

pub use http::{Http, Scope, Token};
pub use load::{Layers, load};
pub use override_reads::use_duckdb;

/// The embedded defaults: every key with its unit and reason.
pub const DEFAULTS: &str = include_str!("../default.toml");

/// `[instance]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// In every client order id.
    pub name: String,
}

/// All settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `[instance]`
    pub instance: Instance,
    /// `[account]`
    pub account: AccountSettings,
    /// `[bars]`
    pub bars: BarSettings,
    /// `[risk]`
    pub risk: Limits,
    /// `[paper]`
    pub paper: PaperSettings,
    /// `[venues]`
    pub venues: VenueSettings,
    /// `[snapshots]`
    pub snapshots: SnapshotSettings,
    /// `[strategies]`
    pub strategies: StrategySettings,
    /// `[feeds]`
    pub feeds: FeedSettings,
    /// `[journal]`
    pub journal: Journal,
    /// `[duckdb]`
    pub duckdb: DuckDb,
    /// `[tiers]`
    pub tiers: Tiers,
    /// `[timescale]`
    pub timescale: Timescale,
    /// `[telemetry]`
    pub telemetry: TelemetrySettings,
    /// `[alerts]`
    pub alerts: AlertSettings,
    /// `[hot]`
    pub hot: Hot,
    /// `[http]`
    pub http: Http,
    /// `[calendar]`
    pub calendar: CalendarSettings,
    /// `[instruments]`
    pub instruments: BTreeMap<String, InstrumentSettings>,
    /// What the venue that orders go to says of instruments; asked of it before a run, and written by nobody.
    #[serde(skip)]
    pub venue_rules: BTreeMap<String, VenueRules>,
}

impl Settings {
    /// The settings that decide, for data of these exchanges.
    #[must_use]
    pub fn deciding(&self, exchanges: Vec<Exchange>) -> Deciding {
        Deciding {
            account: self.account.clone(),
            bars: self.bars.clone(),
            paper: self.paper.clone(),
            venues: self.venues.clone(),
            snapshots: self.snapshots.clone(),
            risk: self.risk.clone(),
            strategies: self.strategies.clone(),
            instruments: self.instruments.clone(),
            venue_rules: self.venue_rules.clone(),
            calendar: self.calendar.clone(),
            exchanges,
        }
    }

    /// A run on paper with these settings, of data from these exchanges, which nothing brings yet and nobody watches: who has
    /// more says it with `Plan { …, ..settings.plan(…) }`.
    #[must_use]
    pub fn plan(&self, paths: &Paths, exchanges: Vec<Exchange>, registry: Registry, clock: Clock) -> Plan {
        Plan {
            deciding: self.deciding(exchanges),
            instance: self.instance.name.clone(),
            mode: Mode::Run,
            paths: paths.clone(),
            registry: Arc::new(registry),
            frames: None,
            live: Vec::new(),
            frames_queue: self.feeds.queue,
            clock,
            ledger_writes: Arc::new(AtomicBool::new(true)),
            telemetry_every: self.telemetry.every,
            alerts: self.alerts.clone(),
            edge: None,
            tiers: self.tiers.clone(),
            timescale: self.timescale.clone(),
            route: Route::Paper,
            models: Models::shipped(),
            audience: None,
        }
    }

    /// As TOML, complete.
    ///
    /// # Panics
    /// Never: settings are plain data.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("settings are plain data")
    }
}

/// Everything that is wrong with the settings, one line each, with paths.
#[derive(Debug, thiserror::Error)]
#[error("the settings are wrong:\n  {}\nrun `merganser config show` to see all keys with their units", problems.join("\n  "))]
pub struct Error {
    /// One line each.
    pub problems: Vec<String>,
}

#[cfg(test)]
mod tests;
