//! What may be chosen about the venue, and which of its worlds orders go to.

use messages::{Account, Symbol};
use serde::Deserialize;

/// The word that live trading asks for.
const CONFIRMED: &str = "live";

/// Which of the venue's worlds. Only one of them has money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Spot Test Network: its own keys, its own prices.
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
}

/// The parameters of the venue, as `venues.parameters` has them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Which world.
    pub profile: Profile,
    /// `live` for orders with money.
    #[serde(default)]
    pub confirm: String,
    /// Whose orders.
    pub account: Account,
    /// A file with `api_key` and `secret`: that of an HMAC key, or an Ed25519 private key as PEM.
    pub credentials_file: String,
    /// Symbols whose rules are asked for at the start.
    #[serde(default)]
    pub symbols: Vec<Symbol>,
    /// Another address of the WebSocket API than the profile's: a server that plays the venue. None for live.
    #[serde(default)]
    pub url: Option<String>,
}

impl Parameters {
    /// Where to connect.
    ///
    /// # Errors
    /// Live without its confirmation, or with an address of somebody else.
    pub fn address(&self) -> Result<&str, String> {
        if self.profile == Profile::Live && self.confirm != CONFIRMED {
            return Err(format!(
                "profile \"live\" sends orders with money and asks for confirm = \"{CONFIRMED}\"; it is \"{}\". Give it, or profile = \"test\"",
                self.confirm
            ));
        }
        match (&self.url, self.profile) {
            (Some(_), Profile::Live) => {
                Err("profile \"live\" goes to the venue's own address; leave out `url`".to_owned())
            }
            (Some(url), _) => Ok(url),
            (None, profile) => Ok(profile.url()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_asks_for_a_word_and_goes_to_the_venue_alone() {
        let read = |text: &str| {
            let whole = format!("account = \"binance\"\ncredentials_file = \"k.toml\"\n{text}");
            let parameters: Parameters = toml::from_str(&whole).unwrap();
            parameters.address().map(str::to_owned)
        };
        assert_eq!(read("profile = \"test\"").unwrap(), Profile::Test.url());
        assert_eq!(read("profile = \"demo\"\nurl = \"ws://127.0.0.1:1\"").unwrap(), "ws://127.0.0.1:1");
        assert!(read("profile = \"live\"").unwrap_err().contains("confirm = \"live\""));
        assert!(read("profile = \"live\"\nconfirm = \"yes\"").is_err());
        assert_eq!(read("profile = \"live\"\nconfirm = \"live\"").unwrap(), Profile::Live.url());
        assert!(read("profile = \"live\"\nconfirm = \"live\"\nurl = \"ws://127.0.0.1:1\"").is_err());
    }
}
