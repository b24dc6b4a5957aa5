//! The venues that come with Merganser, and what people are told about where orders go.

mod rules;

use std::sync::Arc;
use std::time::Duration;

use actors::clock::Clock;
use actors::venues::alpaca::{self, connector::AlpacaConnector};
use actors::venues::binance::{self, connector::BinanceConnector, key::ApiKey};
use actors::venues::place::Place;
use actors::venues::{Route, Venues};
use actors::wire::alpaca::Keys;
use actors::wire::reach::Reach;
use anyhow::Context;
use config::Settings;
use messages::Account;

use crate::keys;

pub use rules::ask;

/// The names in `venues.orders_to`.
const BINANCE: &str = "binance";
const ALPACA: &str = "alpaca";
/// Which setting names the file of the keys.
const KEYS: &str = "venues.parameters.credentials_file";
/// The longest that a request by REST may take: the venues give up themselves after ten seconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

type BinanceParameters = binance::settings::Parameters;
type AlpacaParameters = alpaca::settings::Parameters;

/// The venues that come with Merganser.
#[must_use]
pub fn shipped() -> Venues {
    let mut venues = Venues::default();
    venues.add_placed(BINANCE, binance::CAPABILITIES, binance_place, |parameters: BinanceParameters| {
        let key = binance_key(&parameters).map_err(|error| format!("{error:#}"))?;
        BinanceConnector::new(&parameters, Arc::new(key), reach()?, Clock::wall())
    });
    venues.add_placed(ALPACA, alpaca::CAPABILITIES, alpaca_place, |parameters: AlpacaParameters| {
        let keys = alpaca_keys(&parameters).map_err(|error| format!("{error:#}"))?;
        let clock = Clock::wall();
        // Two instances that lost the same venue do not come back in step.
        let seed = clock.now().0.unsigned_abs();
        AlpacaConnector::new(parameters, keys, reach()?, clock, seed)
    });
    venues
}

/// Money is at every host of the exchange but those of its demo mode, which are of the same domain.
fn binance_place(parameters: &BinanceParameters) -> Result<Place, String> {
    let moves_money = |host: &str| host.ends_with(".binance.com") && !host.starts_with("demo-");
    parameters.place()?.reached_at([parameters.address(), parameters.rest_address()], moves_money)
}

fn alpaca_place(parameters: &AlpacaParameters) -> Result<Place, String> {
    let moves_money = |host: &str| host == "api.alpaca.markets";
    parameters.place()?.reached_at([parameters.trading_address(), parameters.stream_address()], moves_money)
}

fn reach() -> Result<Reach, String> {
    Reach::from_environment(REQUEST_TIMEOUT).context("no venue can be reached").map_err(|error| format!("{error:#}"))
}

fn binance_key(parameters: &BinanceParameters) -> anyhow::Result<ApiKey> {
    let pair = keys::BINANCE.read(KEYS, &parameters.credentials_file)?;
    Ok(ApiKey::new(&pair.public, &pair.secret)?)
}

fn alpaca_keys(parameters: &AlpacaParameters) -> anyhow::Result<Keys> {
    let keys::Pair { public: id, secret } = keys::ALPACA.read(KEYS, &parameters.credentials_file)?;
    Ok(Keys { id, secret })
}

/// Where orders go by the settings, with everything that can be known of it before anything is sent: its parameters agree, and its
/// keys are there and are keys.
///
/// # Errors
/// What is wrong, with the next step.
pub fn checked_route(venues: &Venues, settings: &Settings) -> anyhow::Result<Route> {
    let route = venues.route(settings.account.name, &settings.venues)?;
    if let Route::Remote(remote) = &route {
        (remote.make)().map_err(|why| anyhow::anyhow!("venue `{}` cannot be used: {why}", remote.name))?;
    }
    Ok(route)
}

/// One line for who starts it: where orders go, and whether that is real money.
#[must_use]
pub fn announcement(orders_to: &str, place: Option<Place>, account: Account) -> String {
    match place {
        Some(Place { profile, is_live: true }) => {
            format!("orders go to {orders_to}, profile {profile}: LIVE, REAL MONEY of account {account}")
        }
        Some(Place { profile, is_live: false }) if profile == orders_to => {
            format!("orders go to {orders_to}: no real money")
        }
        Some(Place { profile, is_live: false }) => {
            format!("orders go to {orders_to}, profile {profile}: no real money")
        }
        None => format!("orders go to {orders_to}, which does not say whether that is real money; account {account}"),
    }
}

#[cfg(test)]
mod tests {
    use actors::settings::VenueSettings;

    use super::*;

    fn route(account: &str, venue: &str, parameters: &str) -> Result<(), String> {
        let waits = "query_after = '5s'\nnot_received_after = '0s'";
        let text = format!("orders_to = '{venue}'\n{waits}\n[parameters]\n{parameters}");
        let settings: VenueSettings = toml::from_str(&text).unwrap();
        shipped().route(account.parse().unwrap(), &settings).map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_where_orders_move_money_needs_the_words_for_it() {
        for (venue, parameters) in [
            (BINANCE, "url = 'wss://ws-api.binance.com:443/ws-api/v3'"),
            (BINANCE, "rest_url = 'https://api1.binance.com'"),
            (BINANCE, "profile = 'demo'\nurl = 'wss://ws-api.binance.com/ws-api/v3'"),
            (ALPACA, "trading_url = 'https://api.alpaca.markets'"),
            (ALPACA, "stream_url = 'wss://api.alpaca.markets/stream'"),
        ] {
            let why = route("mine", venue, parameters).unwrap_err();
            assert!(why.contains("where orders move money"), "{parameters}: {why}");
        }
        for (venue, parameters) in [
            (BINANCE, ""),
            (BINANCE, "profile = 'demo'"),
            (BINANCE, "url = 'ws://127.0.0.1:1'"),
            (ALPACA, ""),
            (ALPACA, "trading_url = 'http://127.0.0.1:1'\nstream_url = 'ws://127.0.0.1:1'"),
        ] {
            assert_eq!(route("mine", venue, parameters), Ok(()), "{parameters}");
        }
        for venue in [BINANCE, ALPACA] {
            assert_eq!(route("mine-live", venue, "profile = 'live'\nconfirm = 'live'"), Ok(()));
        }
    }

    #[test]
    fn money_is_announced_as_such() {
        let check =
            |place, expected: &str| assert_eq!(announcement("binance", place, "a-live".parse().unwrap()), expected);
        let live = Place { profile: "live", is_live: true };
        check(Some(live), "orders go to binance, profile live: LIVE, REAL MONEY of account a-live");
        check(Some(Place { profile: "test", is_live: false }), "orders go to binance, profile test: no real money");
        check(None, "orders go to binance, which does not say whether that is real money; account a-live");
        let paper = announcement("paper", Route::Paper.place(), "paper".parse().unwrap());
        assert_eq!(paper, "orders go to paper: no real money");
    }
}
