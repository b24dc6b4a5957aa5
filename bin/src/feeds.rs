//! The feeds of a run, made from the settings; the environment comes in here.

pub mod rules;

use std::path::Path;
use std::sync::Arc;

use actors::feeds::alpaca::{self, AlpacaSession};
use actors::feeds::binance::{self, session::BinanceSession};
use actors::feeds::live::{LiveFeed, MakeSession, recorder};
use actors::feeds::player::{Frames, MakeFrames};
use actors::feeds::session::Session;
use actors::feeds::simulated::{Simulated, SimulatedSymbol};
use actors::settings::{AlpacaFeed, FeedName};
use actors::wire::alpaca::Keys;
use actors::wire::reach::Reach;
use anyhow::Context;
use config::Settings;
use messages::{Exchange, Instrument};

use crate::keys;

/// What comes in.
pub struct Incoming {
    /// The simulated market, if it runs.
    pub frames: Option<MakeFrames>,
    /// Feeds of venues outside.
    pub live: Vec<LiveFeed>,
    /// Whose markets these are.
    pub exchanges: Vec<Exchange>,
}

/// The feeds of the settings. The instruments of live feeds get the rules that their venue says now.
///
/// # Errors
/// Keys are missing, or nothing is known of an instrument.
pub fn of(settings: &mut Settings, data_dir: &Path) -> anyhow::Result<Incoming> {
    let mut exchanges: Vec<Exchange> = settings.feeds.run.iter().map(|name| name.exchange()).collect();
    exchanges.sort_unstable();
    exchanges.dedup();
    let runs_simulated = settings.feeds.run.contains(&FeedName::Simulated);
    let names: Vec<FeedName> = settings.feeds.run.iter().copied().filter(|n| *n != FeedName::Simulated).collect();
    let mut live = Vec::new();
    if !names.is_empty() {
        let reach = Reach::from_environment(settings.feeds.request_timeout).context("no venue can be reached")?;
        rules::ask(settings, &names, &reach)?;
        for name in names {
            live.push(feed(settings, name, &reach, data_dir)?);
        }
    }
    let frames = if runs_simulated { Some(simulated(settings)?) } else { None };
    Ok(Incoming { frames, live, exchanges })
}

fn feed(settings: &Settings, name: FeedName, reach: &Reach, data_dir: &Path) -> anyhow::Result<LiveFeed> {
    let feeds = &settings.feeds;
    let recording = feeds.record.then(|| recorder::Settings {
        folder: data_dir.join("recordings"),
        file_bytes: feeds.record_file_bytes,
        reserve_bytes: settings.duckdb.reserve_bytes,
    });
    Ok(LiveFeed {
        name: name.as_str().to_owned(),
        exchange: name.exchange(),
        make: session(settings, name)?,
        reach: reach.clone(),
        connect_timeout: feeds.connect_timeout,
        queue: feeds.queue,
        recording,
    })
}

/// The keys of a feed of Alpaca; a free account gives them.
fn keys_of(section: &AlpacaFeed) -> anyhow::Result<Keys> {
    let setting = format!(
        "feeds.{}.credentials_file",
        if section.feed == alpaca::Feed::Crypto { "alpaca_crypto" } else { "alpaca" }
    );
    let keys::Pair { public: id, secret } = keys::ALPACA.read(&setting, &section.credentials_file)?;
    Ok(Keys { id, secret })
}

/// Makes the session of a feed, each time that it is needed.
fn session(settings: &Settings, name: FeedName) -> anyhow::Result<MakeSession> {
    let feeds = &settings.feeds;
    let wrong = |why: String| anyhow::anyhow!("feeds.{}: {why}", name.as_str());
    Ok(match name {
        FeedName::Alpaca | FeedName::AlpacaCrypto => {
            let section = if name == FeedName::Alpaca { &feeds.alpaca } else { &feeds.alpaca_crypto };
            let of_session = feeds.alpaca_session(section, keys_of(section)?, settings.calendar.calendar());
            Arc::new(move |seed| {
                let session = AlpacaSession::new(alpaca::Settings { seed, ..of_session.clone() });
                Ok(Box::new(session) as Box<dyn Session>)
            })
        }
        _ => {
            let of_session = feeds.binance_session().map_err(wrong)?;
            Arc::new(move |seed| {
                let session = BinanceSession::new(binance::session::Settings { seed, ..of_session.clone() })?;
                Ok(Box::new(session) as Box<dyn Session>)
            })
        }
    })
}

/// The simulated market of the settings.
fn simulated(settings: &Settings) -> anyhow::Result<MakeFrames> {
    let rules = settings.deciding(Vec::new()).rules().map_err(anyhow::Error::msg)?;
    let symbol = |(symbol, s): (&messages::Symbol, &actors::settings::SimulatedSymbol)| {
        let instrument = Instrument { exchange: Exchange::Simulated, symbol: *symbol };
        rules.get(&instrument).map(|rules| s.with_rules(*symbol, rules))
    };
    let symbols: Vec<SimulatedSymbol> = settings.feeds.simulated.iter().filter_map(symbol).collect();
    Ok(Box::new(move |seed, start| {
        let market = Simulated::new(seed, &symbols, start).map_err(|e| e.to_string())?;
        let frames: Box<dyn Frames> = Box::new(market);
        Ok(frames)
    }))
}
