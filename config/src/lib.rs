//! What may vary: the settings, composed from the sections of each crate, loaded in layers, checked as a
//! whole. Everything that is wrong is said at once, with the path of each key.

mod check;
mod http;
mod load;

use std::collections::BTreeMap;

use actors::alerts::settings::AlertSettings;
use actors::orders::risk::Limits;
use actors::settings::{
    AccountSettings, BarSettings, CalendarSettings, Deciding, FeedSettings, InstrumentSettings, PaperSettings,
    SnapshotSettings, StrategySettings, TelemetrySettings, VenueSettings,
};
use messages::Exchange;
use serde::{Deserialize, Serialize};
use storage::settings::{DuckDb, Hot, Journal, Tiers, Timescale};

pub use http::{Http, Scope, Token};
pub use load::{Layers, load};

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
            calendar: self.calendar.clone(),
            exchanges,
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
