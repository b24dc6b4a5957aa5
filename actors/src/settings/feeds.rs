//! The settings of the feeds.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::instrument::{Calendar, Exchange, Rules, Symbol};
use messages::{Price, Size};
use serde::{Deserialize, Serialize};

use crate::feeds::alpaca;
use crate::feeds::binance::session as binance;
use crate::wire::alpaca::Keys;

/// A feed that can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedName {
    /// The seeded market inside Merganser.
    Simulated,
    /// Binance Spot.
    Binance,
    /// US stocks from Alpaca.
    Alpaca,
    /// Crypto from Alpaca.
    AlpacaCrypto,
}

impl FeedName {
    /// As people say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Simulated => "simulated",
            Self::Binance => "binance",
            Self::Alpaca => "alpaca",
            Self::AlpacaCrypto => "alpaca_crypto",
        }
    }
    /// Whose market it is.
    #[must_use]
    pub const fn exchange(self) -> Exchange {
        match self {
            Self::Simulated => Exchange::Simulated,
            Self::Binance => Exchange::Binance,
            Self::Alpaca | Self::AlpacaCrypto => Exchange::Alpaca,
        }
    }
}

/// `[feeds]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedSettings {
    /// The feeds that run.
    pub run: Vec<FeedName>,
    /// The symbols of the simulated market.
    pub simulated: BTreeMap<Symbol, SimulatedSymbol>,
    /// Batches that may wait for the market actor, and frames that may wait for a live feed.
    pub queue: usize,
    /// A symbol of which nothing came for so long is stale.
    #[serde(with = "crate::durations")]
    pub stale_after: Duration,
    /// A link that says nothing for so long, not even an answer to a ping, is dead.
    #[serde(with = "crate::durations")]
    pub silence: Duration,
    /// The wait before the first attempt to connect again, doubled with each one that fails.
    #[serde(with = "crate::durations")]
    pub reconnect_first: Duration,
    /// The longest of these waits.
    #[serde(with = "crate::durations")]
    pub reconnect_longest: Duration,
    /// The longest that opening a connection may take.
    #[serde(with = "crate::durations")]
    pub connect_timeout: Duration,
    /// The longest that a request by REST may take.
    #[serde(with = "crate::durations")]
    pub request_timeout: Duration,
    /// Whether raw frames are recorded.
    pub record: bool,
    /// Bytes after which a new file of the recording begins.
    pub record_file_bytes: u64,
    /// `[feeds.binance]`
    pub binance: BinanceFeed,
    /// `[feeds.alpaca]`
    pub alpaca: AlpacaFeed,
    /// `[feeds.alpaca_crypto]`
    pub alpaca_crypto: AlpacaFeed,
}

/// `[feeds.binance]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinanceFeed {
    /// What is watched.
    pub symbols: Vec<Symbol>,
    /// What of it.
    pub channels: Vec<String>,
    /// Where streams come from.
    pub stream_url: String,
    /// Where REST is asked.
    pub rest_url: String,
}

impl FeedSettings {
    /// What Binance's session is made from; the seed is the run's.
    ///
    /// # Errors
    /// A channel that Binance does not have, in words.
    pub fn binance_session(&self) -> Result<binance::Settings, String> {
        let section = &self.binance;
        let mut channels =
            binance::Channels { trade: false, agg_trade: false, book_ticker: false, depth: false, kline: None };
        for name in &section.channels {
            match (name.as_str(), name.strip_prefix("kline_")) {
                ("trade", _) => channels.trade = true,
                ("aggTrade", _) => channels.agg_trade = true,
                ("bookTicker", _) => channels.book_ticker = true,
                ("depth", _) => channels.depth = true,
                (_, Some(interval)) if channels.kline.is_none() => channels.kline = Some(interval.to_owned()),
                _ => {
                    return Err(format!(
                        "channels: `{name}` is not one; expected trade, aggTrade, bookTicker, depth, and one kline_…"
                    ));
                }
            }
        }
        Ok(binance::Settings {
            stream_url: section.stream_url.clone(),
            rest_url: section.rest_url.clone(),
            symbols: section.symbols.clone(),
            channels,
            stale_after: self.stale_after,
            silence: self.silence,
            backoff_first: self.reconnect_first,
            backoff_longest: self.reconnect_longest,
            ..binance::Settings::default()
        })
    }
}

impl FeedSettings {
    /// What a session of Alpaca is made from; the seed is the run's.
    #[must_use]
    pub fn alpaca_session(&self, section: &AlpacaFeed, keys: Keys, calendar: Calendar) -> alpaca::Settings {
        alpaca::Settings {
            stream_url: section.stream_url.clone(),
            data_url: section.data_url.clone(),
            stale_after: self.stale_after,
            calendar,
            silence: self.silence,
            backoff_first: self.reconnect_first,
            backoff_longest: self.reconnect_longest,
            ..alpaca::Settings::new(section.feed, keys, section.symbols.clone(), section.channels.clone())
        }
    }
}

/// `[feeds.alpaca]` and `[feeds.alpaca_crypto]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlpacaFeed {
    /// Which of Alpaca's feeds.
    pub feed: alpaca::Feed,
    /// What is watched.
    pub symbols: Vec<Symbol>,
    /// What of it.
    pub channels: Vec<alpaca::Channel>,
    /// Where streams come from.
    pub stream_url: String,
    /// Where history is asked.
    pub data_url: String,
    /// Where assets, clock and calendar are asked.
    pub trading_url: String,
    /// A file with the account's keys.
    pub credentials_file: String,
}

/// `[feeds.simulated.SYMBOL]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedSymbol {
    /// Where its price begins.
    pub price: Price,
    /// How far its price moves in a minute, in hundredths of a percent.
    pub volatility_bps: u32,
    /// Trades per second.
    pub trades_per_sec: u32,
    /// Quotes per second.
    pub quotes_per_sec: u32,
}

impl SimulatedSymbol {
    /// The smallest steps of a simulated symbol come from its instrument's rules.
    #[must_use]
    pub fn with_rules(&self, symbol: Symbol, rules: &Rules) -> crate::feeds::simulated::SimulatedSymbol {
        let size_step = i64::try_from(rules.quantity_step.raw() / 10).ok().and_then(Size::from_raw);
        crate::feeds::simulated::SimulatedSymbol {
            symbol,
            price: self.price,
            price_step: rules.price_step,
            size_step: size_step.unwrap_or(Size::ONE),
            volatility_bps: self.volatility_bps,
            trades_per_sec: self.trades_per_sec,
            quotes_per_sec: self.quotes_per_sec,
        }
    }
}
