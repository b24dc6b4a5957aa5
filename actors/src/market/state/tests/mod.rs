//! Tests of the market state: one desk that feeds it and remembers what it said, and short
//! constructors for what a feed hears.

mod bars;
mod books;
mod corrections;
mod gaps;
mod properties;
mod rebuild;
mod recording;
mod speed;
mod ticks;
mod venue_bars;

use messages::caps::MARKET_ID_BLOCK;
use messages::market::*;
use messages::{Exchange, Instrument, MarketId, UtcNanos};

use super::{Market, Settings};

/// Nanoseconds of a millisecond.
const MS: i64 = 1_000_000;

/// A market and all that it has said.
struct Desk {
    market: Market,
    out: Batch,
    said: Vec<Batch>,
}

impl Desk {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn bars(texts: &[&str]) -> Self {
        Self::with(Settings { bars: texts.iter().map(|t| t.parse().unwrap()).collect(), ..Settings::default() })
    }

    fn with(settings: Settings) -> Self {
        let mut market = Market::new(settings);
        market.reserve(MarketId(1), MarketId(1 + MARKET_ID_BLOCK));
        Self { market, out: batch(), said: Vec::new() }
    }

    /// Feeds one frame; returns what it said.
    fn feed(&mut self, received_ms: i64, items: Vec<FeedItem>) -> Vec<EventBody> {
        let frame = FeedBatch { source: Source::Stream, received: ms(received_ms), items };
        self.market.on_feed(&frame, &mut self.out);
        self.note()
    }

    fn timer(&mut self, at_ms: i64) -> Vec<EventBody> {
        self.market.on_timer(ms(at_ms), &mut self.out);
        self.note()
    }

    fn stop(&mut self, at_ms: i64) -> Vec<EventBody> {
        self.market.stop(ms(at_ms), &mut self.out);
        self.note()
    }

    fn note(&mut self) -> Vec<EventBody> {
        self.said.push(self.out.clone());
        self.out.events.iter().map(|event| event.body.clone()).collect()
    }

    /// Every bar said so far, oldest first.
    fn said_bars(&self) -> Vec<Bar> {
        self.said.iter().flat_map(|batch| &batch.events).filter_map(|event| as_bar(&event.body)).collect()
    }
}

fn batch() -> Batch {
    Batch { source: Source::Stream, received: UtcNanos::MIN, events: Vec::new() }
}

fn ms(ms: i64) -> UtcNanos {
    UtcNanos(ms * MS)
}

fn instrument(symbol: &str) -> Instrument {
    Instrument { exchange: Exchange::Binance, symbol: symbol.parse().unwrap() }
}

fn btc() -> Instrument {
    instrument("BTCUSDT")
}

fn level(price: &str, size: &str) -> Level {
    Level { price: price.parse().unwrap(), size: size.parse().unwrap() }
}

fn tick_of(time_ms: i64, sequence: i64, body: TickBody) -> Tick {
    Tick { instrument: btc(), time: ms(time_ms), sequence: Some(sequence), revision: 0, body }
}

fn trade_tick(time_ms: i64, sequence: i64, price: &str, size: &str) -> Tick {
    let Level { price, size } = level(price, size);
    tick_of(time_ms, sequence, TickBody::Trade { price, size, aggressor: None, conditions: Conditions::new() })
}

fn trade(time_ms: i64, sequence: i64, price: &str, size: &str) -> FeedItem {
    FeedItem::Tick(trade_tick(time_ms, sequence, price, size))
}

fn aggregate(time_ms: i64, sequence: i64, price: &str) -> FeedItem {
    let mut tick = trade_tick(time_ms, sequence, price, "1");
    if let TickBody::Trade { conditions, .. } = &mut tick.body {
        *conditions = Conditions::from("agg").unwrap();
    }
    FeedItem::Tick(tick)
}

fn quote(time_ms: i64, sequence: i64, bid: &str, ask: &str) -> FeedItem {
    let side = |price: &str| (!price.is_empty()).then(|| level(price, "1"));
    FeedItem::Tick(tick_of(time_ms, sequence, TickBody::Quote { bid: side(bid), ask: side(ask) }))
}

fn gap(channel: GapChannel, from_ms: i64, to_ms: Option<i64>) -> FeedItem {
    gap_for(GapCause::Disconnect, channel, from_ms, to_ms)
}

fn gap_for(cause: GapCause, channel: GapChannel, from_ms: i64, to_ms: Option<i64>) -> FeedItem {
    FeedItem::Gap(Gap {
        instrument: btc(),
        channel,
        cause,
        from: ms(from_ms),
        to: to_ms.map(ms),
        first_missing: None,
        resumed_at: None,
    })
}

fn as_bar(body: &EventBody) -> Option<Bar> {
    match body {
        EventBody::Bar(bar) => Some(*bar),
        _ => None,
    }
}

/// A bar in one line: length, open in seconds, prices, volume, trades, revision, whether complete.
fn line(bar: &Bar) -> String {
    format!(
        "{} {} {}/{}/{}/{} {} {} r{}{}",
        bar.timeframe,
        bar.open_time.secs(),
        bar.open,
        bar.high,
        bar.low,
        bar.close,
        bar.volume,
        bar.trade_count,
        bar.revision,
        if bar.is_complete { "" } else { " incomplete" }
    )
}

fn lines(said: &[EventBody]) -> Vec<String> {
    said.iter().filter_map(as_bar).map(|bar| line(&bar)).collect()
}
