//! What may be traded, by which rules and until when, asked of the venues before a run begins: the answer is part of what the run
//! is made from, and stands in its ledger.
//!
//! A venue that does not answer leaves the rules as the settings have them; an instrument of which nothing is known at
//! all is refused by name.

use std::time::Duration;

use actors::clock::Clock;
use actors::feeds::alpaca::Feed;
use actors::feeds::binance::exchange_info::{self as info, ExchangeInfo};
use actors::feeds::live::rest;
use actors::settings::{AlpacaFeed, BinanceFeed, FeedName, InstrumentSettings, UtcTime};
use actors::wire::alpaca::{Keys, asset, calendar};
use actors::wire::reach::Reach;
use anyhow::{Context, bail};
use config::Settings;
use messages::instrument::Rules;
use messages::{Exchange, Instrument, Symbol, UtcNanos};

/// Puts the rules of every symbol of these feeds into the settings.
///
/// # Errors
/// Nothing is known of a symbol, and the venue did not tell.
pub fn ask(settings: &mut Settings, feeds: &[FeedName], reach: &Reach) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start tokio")?;
    for name in feeds {
        let (symbols, answer) = match name {
            FeedName::Binance => {
                let section = &settings.feeds.binance;
                (section.symbols.clone(), runtime.block_on(binance(section, reach)))
            }
            FeedName::Alpaca => {
                let section = settings.feeds.alpaca.clone();
                let keys = super::keys_of(&section)?;
                match runtime.block_on(closes(&section, &keys, reach)) {
                    Ok(closes) => settings.calendar.us_equities_close = closes,
                    Err(why) => tracing::warn!(feed = name.as_str(), "days end as the settings have them: {why}"),
                }
                (section.symbols.clone(), runtime.block_on(alpaca(&section, &keys, reach)))
            }
            FeedName::AlpacaCrypto => {
                let section = &settings.feeds.alpaca_crypto;
                (section.symbols.clone(), runtime.block_on(alpaca(section, &super::keys_of(section)?, reach)))
            }
            FeedName::Simulated => continue,
        };
        take_over(settings, *name, &symbols, answer)?;
    }
    Ok(())
}

/// A day.
const DAY: Duration = Duration::from_secs(86_400);

type Answer = Result<Vec<Rules>, String>;

async fn alpaca(section: &AlpacaFeed, keys: &Keys, reach: &Reach) -> Answer {
    // The symbol of the test feed is no asset.
    if section.feed == Feed::Test {
        return Ok(Vec::new());
    }
    let listed = alpaca_assets(&section.trading_url, &section.symbols, keys, reach).await?;
    Ok(listed.into_iter().map(|listed| listed.rules).collect())
}

/// What Alpaca lists of these symbols.
///
/// # Errors
/// It does not list one of them, or does not answer.
pub async fn alpaca_assets(
    address: &str,
    symbols: &[Symbol],
    keys: &Keys,
    reach: &Reach,
) -> Result<Vec<asset::Listed>, String> {
    let mut listed = Vec::new();
    for symbol in symbols {
        let url = rest::url(address, &["v2", "assets", symbol.as_str()], &[])?;
        let response = rest::get(&reach.client, &url, &keys.headers()).await?;
        listed.push(asset::read_one(response.success()?).map_err(|e| e.to_string())?);
    }
    Ok(listed)
}

/// The ends of the sessions from a week ago to a year from now.
async fn closes(section: &AlpacaFeed, keys: &Keys, reach: &Reach) -> Result<Vec<UtcTime>, String> {
    let now = Clock::wall().now();
    let date = |at: UtcNanos| at.to_string().chars().take(10).collect::<String>();
    let (start, end) = (date(now.before(DAY * 7)), date(now.after(DAY * 365)));
    let url = rest::url(&section.trading_url, &["v2", "calendar"], &[("start", &start), ("end", &end)])?;
    let response = rest::get(&reach.client, &url, &keys.headers()).await?;
    let calendar = calendar::Calendar::read(response.success()?).map_err(|e| e.to_string())?;
    Ok(calendar.closes().map(UtcTime).collect())
}

async fn binance(section: &BinanceFeed, reach: &Reach) -> Answer {
    let mut rules = Vec::new();
    for body in exchange_info(&section.rest_url, &section.symbols, reach).await? {
        rules.extend(binance_rules(info::read(&body).map_err(|e| e.to_string())?));
    }
    Ok(rules)
}

/// The bodies of `exchangeInfo` that tell of these symbols: one, or one each where the venue does not have all of them.
///
/// # Errors
/// It does not answer.
pub async fn exchange_info(rest_url: &str, symbols: &[Symbol], reach: &Reach) -> Result<Vec<Vec<u8>>, String> {
    match listed(rest_url, symbols, reach).await {
        // One symbol that is not there makes the venue refuse all of them.
        Err(_) if symbols.len() > 1 => {
            let mut bodies = Vec::new();
            for symbol in symbols {
                match listed(rest_url, &[*symbol], reach).await {
                    Ok(body) => bodies.push(body),
                    Err(why) => tracing::warn!("the rules of {symbol} are not had: {why}"),
                }
            }
            Ok(bodies)
        }
        answer => answer.map(|body| vec![body]),
    }
}

async fn listed(rest_url: &str, symbols: &[Symbol], reach: &Reach) -> Result<Vec<u8>, String> {
    let list = symbols.iter().map(|s| format!("\"{s}\"")).collect::<Vec<_>>().join(",");
    let symbols = format!("[{list}]");
    let url = rest::url(rest_url, &["api", "v3", "exchangeInfo"], &[("symbols", &symbols)])?;
    let response = rest::get(&reach.client, &url, &[]).await?;
    response.success().map(<[u8]>::to_vec)
}

/// The rules of what Binance lists; what cannot be read or is not traded now is said.
pub fn binance_rules(info: ExchangeInfo) -> Vec<Rules> {
    for (symbol, why) in &info.refused {
        tracing::warn!("the rules of {symbol} cannot be read: {why}");
    }
    for listed in info.symbols.iter().filter(|listed| !listed.is_trading()) {
        tracing::warn!("{} is not traded now: {}", listed.rules.instrument, listed.status);
    }
    info.symbols.into_iter().map(|listed| listed.rules).collect()
}

fn take_over(settings: &mut Settings, name: FeedName, symbols: &[Symbol], answer: Answer) -> anyhow::Result<()> {
    let asked = match answer {
        Ok(rules) => {
            for rules in rules {
                settings.instruments.insert(rules.instrument.to_string(), section(&rules));
            }
            "the venue does not list it, or did not say".to_owned()
        }
        Err(why) => {
            tracing::warn!(feed = name.as_str(), "the rules stay as the settings have them: {why}");
            why
        }
    };
    let exchange: Exchange = name.exchange();
    for symbol in symbols {
        let key = Instrument { exchange, symbol: *symbol }.to_string();
        if !settings.instruments.contains_key(&key) {
            bail!(
                "nothing is known of `{key}`, which feeds.{}.symbols names: {asked}; take it out, or add [instruments.\"{key}\"]",
                name.as_str()
            );
        }
    }
    Ok(())
}

/// As the settings have them.
pub fn section(rules: &Rules) -> InstrumentSettings {
    InstrumentSettings {
        base: rules.base,
        quote: rules.quote,
        price_step: rules.price_step,
        quantity_step: rules.quantity_step,
        min_quantity: rules.min_quantity,
        max_quantity: rules.max_quantity,
        min_notional: rules.min_notional,
        sessions: rules.sessions,
    }
}
