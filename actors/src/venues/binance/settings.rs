//! What may be chosen about the venue, and which of its worlds orders go to: `venues.parameters` of the venue `binance`.

use std::time::Duration;

use messages::Account;
use serde::Deserialize;

use crate::venues::place::{Place, Said};

/// The venue takes 300 connections in five minutes: waits that stayed shorter than this would use them up.
const SHORTEST_LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Which of the venue's worlds. Only one of them has money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Spot Test Network: its own keys, its own prices.
    #[default]
    Test,
    /// Demo Mode: play money at the prices of the real market.
    Demo,
    /// Money.
    Live,
}

impl Profile {
    /// The WebSocket API. Sources: `web-socket-api.md`, `testnet/web-socket-api.md`, `demo-mode/general-info.md`.
    #[must_use]
    pub const fn url(self) -> &'static str {
        match self {
            Self::Test => "wss://ws-api.testnet.binance.vision/ws-api/v3",
            Self::Demo => "wss://demo-ws-api.binance.com/ws-api/v3",
            Self::Live => "wss://ws-api.binance.com:443/ws-api/v3",
        }
    }

    /// The REST API, for the rules of symbols. Sources: `rest-api.md`, `testnet/rest-api.md`, `demo-mode/general-info.md`.
    #[must_use]
    pub const fn rest_url(self) -> &'static str {
        match self {
            Self::Test => "https://testnet.binance.vision",
            Self::Demo => "https://demo-api.binance.com",
            Self::Live => "https://api.binance.com",
        }
    }

    const fn place(self) -> Place {
        let profile = match self {
            Self::Test => "test",
            Self::Demo => "demo",
            Self::Live => "live",
        };
        Place { profile, is_live: matches!(self, Self::Live) }
    }
}

/// The parameters of the venue. The key is not among them: it comes from a file or the environment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Which world.
    #[serde(default)]
    pub profile: Profile,
    /// `live` for orders with money.
    #[serde(default)]
    pub confirm: String,
    /// Whose orders: the account's name.
    pub account: Account,
    /// A file with `api_key` and `secret`: that of an HMAC key, or an Ed25519 private key as PEM. Empty for the environment.
    #[serde(default)]
    pub credentials_file: String,
    /// Another address of the WebSocket API than the profile's: a server that plays the venue. None for live.
    #[serde(default)]
    pub url: Option<String>,
    /// The same of the REST API, which is asked for the rules of symbols.
    #[serde(default)]
    pub rest_url: Option<String>,
    /// The longest wait before the next attempt to connect. The first is 250 ms, and each that fails doubles it.
    #[serde(default = "reconnect_longest", with = "crate::durations")]
    pub reconnect_longest: Duration,
}

fn reconnect_longest() -> Duration {
    Duration::from_secs(30)
}

impl Parameters {
    /// Where orders go.
    ///
    /// # Errors
    /// Live without its confirmation, with an account that does not say so, or with an address of somebody else; connections that
    /// would follow one another too fast.
    pub fn place(&self) -> Result<Place, String> {
        if self.reconnect_longest < SHORTEST_LONGEST_WAIT {
            let given = crate::durations::format(self.reconnect_longest);
            return Err(format!(
                "reconnect_longest = \"{given}\"; expected 1s or more, for Binance takes 300 connections in five minutes"
            ));
        }
        let is_elsewhere = self.url.is_some() || self.rest_url.is_some();
        Said { place: self.profile.place(), confirm: &self.confirm, account: self.account, is_elsewhere }.place()
    }

    /// Where to connect.
    #[must_use]
    pub fn address(&self) -> &str {
        self.url.as_deref().unwrap_or(self.profile.url())
    }

    /// Where rules are asked for, without a slash behind it.
    #[must_use]
    pub fn rest_address(&self) -> &str {
        self.rest_url.as_deref().unwrap_or(self.profile.rest_url()).trim_end_matches('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Parameters {
        let account = if text.contains("account") { "" } else { "account = \"binance-test\"\n" };
        toml::from_str(&format!("{account}{text}")).unwrap()
    }

    #[test]
    fn the_test_network_is_the_default_and_money_asks_for_two_words_and_a_name() {
        let test = read("");
        assert_eq!(test.place(), Ok(Place { profile: "test", is_live: false }));
        assert_eq!(test.address(), "wss://ws-api.testnet.binance.vision/ws-api/v3");
        assert_eq!(read("profile = \"demo\"\nurl = \"ws://127.0.0.1:1\"").address(), "ws://127.0.0.1:1");
        assert!(read("reconnect_longest = \"900ms\"").place().unwrap_err().contains("1s or more"));
        let live = |more: &str| read(&format!("profile = \"live\"\n{more}")).place();
        let account = "account = \"binance-live\"";
        assert!(live(account).unwrap_err().contains("confirm = \"live\""));
        assert!(live(&format!("{account}\nconfirm = \"yes\"")).unwrap_err().contains("\"yes\""));
        let confirmed = format!("{account}\nconfirm = \"live\"");
        assert_eq!(live(&confirmed), Ok(Place { profile: "live", is_live: true }));
        assert!(live(&format!("{confirmed}\nurl = \"ws://127.0.0.1:1\"")).unwrap_err().contains("own addresses"));
        assert!(live(&format!("{confirmed}\nrest_url = \"http://127.0.0.1:1\"")).is_err());
        assert!(live("confirm = \"live\"").unwrap_err().contains("-live"));
        assert!(read(account).place().unwrap_err().contains("does not end"));
    }
}
