//! The own rules of the venue that orders go to, asked of it before a run: what it allows for every instrument that is watched. The
//! answer is part of what the run is made from, and risk holds it against every order.
//!
//! A venue that does not answer leaves the rules as the feeds and the settings have them, and judges orders itself.

use actors::feeds::binance::exchange_info;
use actors::settings::FeedName;
use actors::venues::binance::filters::{self, Filters};
use actors::venues::rules::Rules as VenueRules;
use actors::venues::{self, Route};
use actors::wire::alpaca::asset::Listed;
use actors::wire::reach::Reach;
use anyhow::{Context, bail};
use config::Settings;
use messages::instrument::Rules;
use messages::{Exchange, Instrument, Symbol};

use super::{ALPACA, AlpacaParameters, BINANCE, BinanceParameters, REQUEST_TIMEOUT, alpaca_keys};
use crate::feeds::rules::{self, alpaca_assets, binance_rules};

/// What a venue says of one instrument.
struct Told {
    rules: Rules,
    own: VenueRules,
}

/// Puts what the venue allows into the settings.
///
/// # Errors
/// The venue does not list what a feed watches, or its parameters are wrong.
pub fn ask(settings: &mut Settings, route: &Route) -> anyhow::Result<()> {
    let Route::Remote(remote) = route else { return Ok(()) };
    let name = &remote.name;
    if !remote
        .capabilities
        .exchanges
        .iter()
        .any(|exchange| settings.feeds.run.iter().any(|f| f.exchange() == *exchange))
    {
        let exchanges: Vec<&str> = remote.capabilities.exchanges.iter().map(|exchange| exchange.as_str()).collect();
        bail!(
            "venues.orders_to: `{name}` trades what {} lists, and no feed watches it; add one to feeds.run",
            exchanges.join(" or ")
        );
    }
    let reach = Reach::from_environment(REQUEST_TIMEOUT).context("no venue can be reached")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start tokio")?;
    let (exchange, symbols, answer) = match name.as_str() {
        BINANCE => {
            let parameters: BinanceParameters = parameters(settings)?;
            let symbols = watched(settings, Exchange::Binance);
            let answer = runtime.block_on(binance(&parameters, &symbols, &reach));
            (Exchange::Binance, symbols, answer)
        }
        ALPACA => {
            let parameters: AlpacaParameters = parameters(settings)?;
            let symbols = watched(settings, Exchange::Alpaca);
            let keys = alpaca_keys(&parameters)?;
            let address = parameters.trading_address();
            let listed = runtime.block_on(alpaca_assets(address, &symbols, &keys, &reach));
            let told = |asset: Listed| Told { rules: asset.rules.clone(), own: VenueRules::Alpaca(Box::new(asset)) };
            (Exchange::Alpaca, symbols, listed.map(|all| all.into_iter().map(told).collect()))
        }
        // One of a user's own tells no rules.
        _ => return Ok(()),
    };
    match answer {
        Ok(told) => take_over(settings, exchange, &symbols, told),
        Err(why) => {
            tracing::warn!(venue = %name, "its own rules are not had, so that it judges orders itself: {why}");
            Ok(())
        }
    }
}

fn parameters<P: serde::de::DeserializeOwned>(settings: &Settings) -> anyhow::Result<P> {
    venues::parameters(settings.account.name, &settings.venues)
        .map_err(|why| anyhow::anyhow!("venues.parameters: {why}"))
}

/// What running feeds watch on an exchange.
fn watched(settings: &Settings, exchange: Exchange) -> Vec<Symbol> {
    let feeds = &settings.feeds;
    let of = |name: &FeedName| match name {
        FeedName::Binance => feeds.binance.symbols.as_slice(),
        FeedName::Alpaca => feeds.alpaca.symbols.as_slice(),
        FeedName::AlpacaCrypto => feeds.alpaca_crypto.symbols.as_slice(),
        FeedName::Simulated => &[],
    };
    feeds.run.iter().filter(|name| name.exchange() == exchange).flat_map(of).copied().collect()
}

async fn binance(parameters: &BinanceParameters, symbols: &[Symbol], reach: &Reach) -> Result<Vec<Told>, String> {
    let mut told = Vec::new();
    for body in rules::exchange_info(parameters.rest_address(), symbols, reach).await? {
        let (all, unreadable) = filters::read(&body).map_err(|e| e.to_string())?;
        for why in unreadable {
            tracing::warn!("{why}");
        }
        let info = exchange_info::read(&body).map_err(|e| e.to_string())?;
        for rules in binance_rules(info) {
            let Some(own) = all.iter().find(|own| own.instrument == rules.instrument) else { continue };
            say_unknown(own);
            told.push(Told { rules, own: VenueRules::Binance(Box::new(own.clone())) });
        }
    }
    Ok(told)
}

fn say_unknown(filters: &Filters) {
    if !filters.unknown.is_empty() {
        let (symbol, unknown) = (filters.instrument.symbol, filters.unknown.join(", "));
        tracing::warn!("filters of {symbol} that nobody here knows, so that the venue judges them: {unknown}");
    }
}

fn take_over(settings: &mut Settings, exchange: Exchange, symbols: &[Symbol], told: Vec<Told>) -> anyhow::Result<()> {
    for Told { rules, own } in told {
        let key = rules.instrument.to_string();
        settings.instruments.insert(key.clone(), rules::section(&rules));
        settings.venue_rules.insert(key, own);
    }
    for symbol in symbols {
        let key = Instrument { exchange, symbol: *symbol }.to_string();
        if !settings.venue_rules.contains_key(&key) {
            bail!(
                "venue `{}` does not list `{key}`, which a feed watches; take it out of the feed's symbols",
                settings.venues.orders_to
            );
        }
    }
    Ok(())
}
