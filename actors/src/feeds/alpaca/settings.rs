//! What may be chosen about an Alpaca feed, and what each of its feeds is.

use std::time::Duration;

use messages::Symbol;
use messages::instrument::{Calendar, Sessions};

use crate::wire::alpaca::Keys;

/// Which of Alpaca's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feed {
    /// Stocks at IEX alone; free.
    Iex,
    /// Stocks at all US exchanges.
    Sip,
    /// The same, fifteen minutes late.
    DelayedSip,
    /// The symbol FAKEPACA, around the clock.
    Test,
    /// Crypto of Alpaca's own market.
    Crypto,
}

/// Where and how a feed's history is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct History {
    /// The path before `trades` or `bars`.
    pub path: &'static str,
    /// `feed=`, where the path has it.
    pub feed: Option<&'static str>,
    /// By how much the stream is late; REST refuses what is younger.
    pub delay: Duration,
}

impl Feed {
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Iex => "/v2/iex",
            Self::Sip => "/v2/sip",
            Self::DelayedSip => "/v2/delayed_sip",
            Self::Test => "/v2/test",
            Self::Crypto => "/v1beta3/crypto/us",
        }
    }

    /// When its market trades.
    pub(super) const fn sessions(self) -> Sessions {
        match self {
            Self::Iex | Self::Sip | Self::DelayedSip => Sessions::UsEquities,
            Self::Test | Self::Crypto => Sessions::AroundTheClock,
        }
    }

    /// By how much the stream is late.
    pub(super) const fn delay(self) -> Duration {
        match self {
            Self::DelayedSip => Duration::from_secs(15 * 60),
            Self::Iex | Self::Sip | Self::Test | Self::Crypto => Duration::ZERO,
        }
    }

    /// `None` where there is no history.
    pub(super) const fn history(self) -> Option<History> {
        let (path, feed) = match self {
            Self::Iex => ("/v2/stocks/", Some("iex")),
            Self::Sip | Self::DelayedSip => ("/v2/stocks/", Some("sip")),
            Self::Crypto => ("/v1beta3/crypto/us/", None),
            Self::Test => return None,
        };
        Some(History { path, feed, delay: self.delay() })
    }
}

/// What can be subscribed. Corrections and cancels come with the trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Channel {
    /// Trades.
    Trades,
    /// Quotes.
    Quotes,
    /// Bars of a minute.
    Bars,
    /// Those again, when late trades came.
    UpdatedBars,
    /// The running bars of the day.
    DailyBars,
    /// Trading statuses of stocks.
    Statuses,
    /// Limit-up/limit-down bands of stocks.
    Lulds,
    /// Order books of crypto.
    Orderbooks,
}

impl Channel {
    /// As Alpaca writes it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Quotes => "quotes",
            Self::Bars => "bars",
            Self::UpdatedBars => "updatedBars",
            Self::DailyBars => "dailyBars",
            Self::Statuses => "statuses",
            Self::Lulds => "lulds",
            Self::Orderbooks => "orderbooks",
        }
    }

    /// Whether the feed has it.
    pub(super) const fn is_in(self, feed: Feed) -> bool {
        match self {
            Self::Statuses | Self::Lulds => !matches!(feed, Feed::Crypto),
            Self::Orderbooks => matches!(feed, Feed::Crypto),
            _ => true,
        }
    }
}

/// What may be chosen about a feed.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `wss://stream.data.alpaca.markets`.
    pub stream_url: String,
    /// `https://data.alpaca.markets`.
    pub data_url: String,
    /// Which stream.
    pub feed: Feed,
    /// Whose.
    pub keys: Keys,
    /// The symbols, the most wanted first: where not all fit, the last are left out.
    pub symbols: Vec<Symbol>,
    /// What is subscribed of each.
    pub channels: Vec<Channel>,
    /// A symbol of which nothing came for longer is stale, while its market is open.
    pub stale_after: Duration,
    /// When stocks trade.
    pub calendar: Calendar,
    /// A connection on which nothing came for longer, not even an answer to our ping, is dead.
    pub silence: Duration,
    /// The first wait before connecting again.
    pub backoff_first: Duration,
    /// The longest.
    pub backoff_longest: Duration,
    /// The wait when another connection of this account holds the only slot (406). After a dirty drop that is our own,
    /// which the server forgets in a while.
    pub backoff_slot: Duration,
    /// Of the jitter.
    pub seed: u64,
    /// Symbols that the subscription allows, where that is known. Otherwise the server tells by refusing.
    pub symbol_limit: Option<usize>,
    /// Requests by REST in a minute: half of the 200 that the free plan allows an account, which feeds of stocks and of
    /// crypto share.
    pub requests_per_minute: usize,
}

impl Settings {
    /// Alpaca's addresses and the usual waits.
    #[must_use]
    pub fn new(feed: Feed, keys: Keys, symbols: Vec<Symbol>, channels: Vec<Channel>) -> Self {
        Self {
            stream_url: "wss://stream.data.alpaca.markets".to_owned(),
            data_url: "https://data.alpaca.markets".to_owned(),
            feed,
            keys,
            symbols,
            channels,
            stale_after: Duration::from_secs(60),
            calendar: Calendar::default(),
            silence: Duration::from_secs(60),
            backoff_first: Duration::from_millis(500),
            backoff_longest: Duration::from_secs(60),
            backoff_slot: Duration::from_secs(60),
            seed: 0,
            symbol_limit: None,
            requests_per_minute: 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_print_shows_the_keys() {
        let keys = Keys { id: "PKABC".to_owned(), secret: "hush".to_owned() };
        let printed = format!("{:?}", Settings::new(Feed::Iex, keys, Vec::new(), Vec::new()));
        assert!(!printed.contains("PKABC") && !printed.contains("hush"), "{printed}");
    }
}
