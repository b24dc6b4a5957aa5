//! What may be chosen about a connection to Binance.

use std::time::Duration;

use messages::Symbol;

/// The streams of every symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channels {
    /// Every trade.
    pub trade: bool,
    /// Trades of one taker order at one price as one. Where plain trades come too, the market uses those.
    pub agg_trade: bool,
    /// The best bid and ask.
    pub book_ticker: bool,
    /// Depth diffs every 100 ms, and by them the whole book.
    pub depth: bool,
    /// The venue's own bars of this interval (`1m`).
    pub kline: Option<String>,
}

/// What may be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where the streams are: `wss://…` without a path.
    pub stream_url: String,
    /// Where questions are answered: `https://…` without a path.
    pub rest_url: String,
    /// Symbols from the start.
    pub symbols: Vec<Symbol>,
    /// Streams of every symbol.
    pub channels: Channels,
    /// A symbol of which nothing came for this long shows as stale.
    pub stale_after: Duration,
    /// A link that says nothing, not even a ping, for this long is half open, and is replaced.
    pub silence: Duration,
    /// First wait before a lost link is opened again.
    pub backoff_first: Duration,
    /// Longest wait.
    pub backoff_longest: Duration,
    /// Decides the jitter.
    pub seed: u64,
    /// Weight that requests may use in a minute.
    pub weight_per_minute: u32,
    /// Age at which a link is replaced, less up to a hundredth of it.
    pub max_age: Duration,
    /// How long a missing trade may still come by the stream before it is asked for.
    pub grace: Duration,
    /// How long a new link may say nothing of a symbol before the session asks whether there was something.
    pub quiet_after: Duration,
    /// How long an old link is kept beside the new one for symbols of which nothing comes.
    pub handover_wait: Duration,
    /// Levels a side of a snapshot: 100, 500, 1,000 or 5,000.
    pub snapshot_levels: u16,
    /// Trades of one gap that are fetched at most.
    pub backfill: u32,
    /// Answers without a missing trade before it is given up.
    pub absent_answers: u32,
    /// Requests that come to nothing before what they asked for is given up.
    pub failed_requests: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // The hosts that have market data only and know no accounts.
            stream_url: "wss://data-stream.binance.vision".to_owned(),
            rest_url: "https://data-api.binance.vision".to_owned(),
            symbols: Vec::new(),
            channels: Channels { trade: true, agg_trade: false, book_ticker: true, depth: true, kline: None },
            stale_after: Duration::from_secs(30),
            // The venue pings every 20 s and so do we: a living link is heard about every ten.
            silence: Duration::from_secs(30),
            backoff_first: Duration::from_millis(500),
            backoff_longest: Duration::from_secs(60),
            seed: 0,
            // Two thirds of the 6,000 that an address has: orders and people need some too.
            weight_per_minute: 4_000,
            // The venue closes a link after 24 hours. Ours are gone before, each at its own time.
            max_age: Duration::from_secs(23 * 3_600 + 50 * 60),
            grace: Duration::from_secs(2),
            quiet_after: Duration::from_secs(10),
            handover_wait: Duration::from_secs(10),
            // All that the venue shows; levels beyond stay unknown until they change.
            snapshot_levels: 5_000,
            // 200 requests, 5,000 of weight: an hour of the busiest symbol takes little more than a minute.
            backfill: 200_000,
            // Waits of 2, 4 and 8 s between them: a trade that is in no answer then is in none.
            absent_answers: 4,
            // With waits of up to a minute a quarter of an hour.
            failed_requests: 20,
        }
    }
}

impl Settings {
    /// Weight of a snapshot.
    pub(super) fn snapshot_weight(&self) -> u32 {
        match self.snapshot_levels {
            0..=100 => 5,
            101..=500 => 25,
            501..=1_000 => 50,
            _ => 250,
        }
    }
}

impl Channels {
    /// Streams of one symbol.
    pub(super) fn count(&self) -> usize {
        [self.trade, self.agg_trade, self.book_ticker, self.depth, self.kline.is_some()]
            .into_iter()
            .filter(|wanted| *wanted)
            .count()
    }

    /// The names of a symbol's streams: in lower case, as the venue wants them.
    pub(super) fn streams(&self, symbol: Symbol) -> Vec<String> {
        let symbol = symbol.as_str().to_lowercase();
        let kline = self.kline.as_ref().map(|interval| format!("kline_{interval}"));
        let plain = [
            (self.trade, "trade"),
            (self.agg_trade, "aggTrade"),
            (self.book_ticker, "bookTicker"),
            (self.depth, "depth@100ms"),
        ];
        let plain = plain.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| name.to_owned());
        plain.chain(kline).map(|name| format!("{symbol}@{name}")).collect()
    }
}
