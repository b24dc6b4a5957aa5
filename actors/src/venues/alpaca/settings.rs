//! Where Alpaca is reached and with what: `venues.parameters` of the venue `alpaca`.
//!
//! Paper is the default.

use std::time::Duration;

use messages::Account;
use serde::Deserialize;

use super::budget;
use super::request::Hours;
use super::session;
use crate::venues::place::{Place, Said};

/// Whose money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Alpaca's own paper account.
    #[default]
    Paper,
    /// Money.
    Live,
}

impl Profile {
    /// Where requests go.
    #[must_use]
    pub const fn trading_url(self) -> &'static str {
        match self {
            Self::Paper => "https://paper-api.alpaca.markets",
            Self::Live => "https://api.alpaca.markets",
        }
    }

    /// Where trade updates come from.
    #[must_use]
    pub const fn stream_url(self) -> &'static str {
        match self {
            Self::Paper => "wss://paper-api.alpaca.markets/stream",
            Self::Live => "wss://api.alpaca.markets/stream",
        }
    }

    const fn place(self) -> Place {
        let profile = match self {
            Self::Paper => "paper",
            Self::Live => "live",
        };
        Place { profile, is_live: matches!(self, Self::Live) }
    }
}

/// What may be chosen. The keys are not among it: they come from a file or the environment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Paper or live.
    #[serde(default)]
    pub profile: Profile,
    /// `live`, where the profile is.
    #[serde(default)]
    pub confirm: String,
    /// Whose orders it sends: the account's name.
    pub account: Account,
    /// Another address for requests; empty for the profile's.
    #[serde(default)]
    pub trading_url: String,
    /// Another address for trade updates; empty for the profile's.
    #[serde(default)]
    pub stream_url: String,
    /// A file with the two keys; empty for the environment.
    #[serde(default)]
    pub credentials_file: String,
    /// Requests a minute.
    #[serde(default = "per_minute")]
    pub requests_per_minute: u32,
    /// Whether limit orders of the day trade before the open and after the close.
    #[serde(default)]
    pub extended_hours: bool,
    /// A connection that says nothing for so long is dead. We ping every 20 s.
    #[serde(default = "silence", with = "crate::durations")]
    pub silence: Duration,
    /// The wait before the first attempt to connect again, doubled with each that fails.
    #[serde(default = "reconnect_first", with = "crate::durations")]
    pub reconnect_first: Duration,
    /// The longest of these waits.
    #[serde(default = "reconnect_longest", with = "crate::durations")]
    pub reconnect_longest: Duration,
}

fn per_minute() -> u32 {
    budget::PER_MINUTE
}

fn silence() -> Duration {
    Duration::from_secs(60)
}

fn reconnect_first() -> Duration {
    Duration::from_millis(500)
}

fn reconnect_longest() -> Duration {
    Duration::from_secs(60)
}

impl Parameters {
    /// Where orders go.
    ///
    /// # Errors
    /// Live without what it needs, or a limit that lets nothing through: the key, its value, and what is expected.
    pub fn place(&self) -> Result<Place, String> {
        if self.requests_per_minute == 0 {
            return Err("requests_per_minute = 0; expected what the account allows, 200 by default".to_owned());
        }
        let is_elsewhere = !self.trading_url.is_empty() || !self.stream_url.is_empty();
        Said { place: self.profile.place(), confirm: &self.confirm, account: self.account, is_elsewhere }.place()
    }

    /// Where requests go.
    #[must_use]
    pub fn trading_address(&self) -> &str {
        if self.trading_url.is_empty() { self.profile.trading_url() } else { self.trading_url.trim_end_matches('/') }
    }

    /// Where trade updates come from.
    #[must_use]
    pub fn stream_address(&self) -> &str {
        if self.stream_url.is_empty() { self.profile.stream_url() } else { &self.stream_url }
    }

    /// What the session is made from; the seed is the run's.
    #[must_use]
    pub fn session(&self, seed: u64) -> session::Settings {
        session::Settings {
            account: self.account,
            per_minute: self.requests_per_minute,
            hours: if self.extended_hours { Hours::Extended } else { Hours::Regular },
            silence: self.silence,
            back_off: (self.reconnect_first, self.reconnect_longest),
            seed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Parameters {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn paper_is_the_default_and_live_needs_two_words_and_a_name() {
        let paper = read(r#"{"account":"alpaca-paper"}"#);
        assert_eq!((paper.place(), paper.requests_per_minute), (Ok(Place { profile: "paper", is_live: false }), 200));
        assert_eq!(paper.trading_address(), "https://paper-api.alpaca.markets");
        let live = |more: &str| read(&format!(r#"{{"profile":"live"{more}}}"#));
        let confirmed = live(r#","confirm":"live","account":"alpaca-live""#);
        assert_eq!(confirmed.place(), Ok(Place { profile: "live", is_live: true }));
        assert_eq!(confirmed.stream_address(), "wss://api.alpaca.markets/stream");
        let refused = |parameters: Parameters, word: &str| {
            let why = parameters.place().unwrap_err();
            assert!(why.contains(word), "{why}");
        };
        refused(live(r#","account":"alpaca-live""#), "confirm");
        refused(live(r#","confirm":"yes","account":"alpaca-live""#), "\"yes\"");
        refused(live(r#","confirm":"live","account":"alpaca-paper""#), "-live");
        refused(read(r#"{"account":"alpaca-live"}"#), "-live");
        refused(live(r#","confirm":"live","account":"alpaca-live","stream_url":"ws://127.0.0.1:1""#), "own addresses");
        refused(read(r#"{"account":"a","requests_per_minute":0}"#), "requests_per_minute");
        assert!(serde_json::from_str::<Parameters>(r#"{"account":"a","secret":"x"}"#).is_err());
    }
}
