//! What the market shows.

use actors::ports::{BookView, MarketView};
use messages::market::{self, Level, TickBody};
use messages::{UtcNanos, instrument};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{maybe, text};

/// What is known of an instrument: the row of `instruments`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Instrument)]
pub struct Instrument {
    /// `exchange:symbol`.
    pub instrument: String,
    /// The market.
    pub exchange: String,
    /// The symbol as that market writes it.
    pub symbol: String,
    /// What is bought and sold.
    pub base: String,
    /// What it is paid in.
    pub quote: String,
    /// Prices are multiples of this; 0 for any.
    pub price_step: String,
    /// Quantities are multiples of this; 0 for any.
    pub quantity_step: String,
    /// The smallest order.
    pub min_quantity: String,
    /// The largest order; 0 for any.
    pub max_quantity: String,
    /// The smallest value of an order.
    pub min_notional: String,
    /// `around_the_clock` or `us_equities`.
    pub sessions: String,
}

impl From<&instrument::Rules> for Instrument {
    fn from(rules: &instrument::Rules) -> Self {
        Self {
            instrument: text(rules.instrument),
            exchange: text(rules.instrument.exchange),
            symbol: text(rules.instrument.symbol),
            base: text(rules.base),
            quote: text(rules.quote),
            price_step: text(rules.price_step),
            quantity_step: text(rules.quantity_step),
            min_quantity: text(rules.min_quantity),
            max_quantity: text(rules.max_quantity),
            min_notional: text(rules.min_notional),
            sessions: rules.sessions.as_str().to_owned(),
        }
    }
}

/// The best bid and ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Quote)]
pub struct Quote {
    /// The highest bid; null where nobody bids.
    pub bid_price: Option<String>,
    /// How much is bid there.
    pub bid_size: Option<String>,
    /// The lowest ask; null where nobody asks.
    pub ask_price: Option<String>,
    /// How much is asked there.
    pub ask_size: Option<String>,
    /// Exchange time.
    pub timestamp: String,
    /// When we received it.
    pub received: String,
}

impl Quote {
    /// Of these sides.
    pub fn of(bid: Option<Level>, ask: Option<Level>, time: UtcNanos, received: UtcNanos) -> Self {
        Self {
            bid_price: maybe(bid.map(|level| level.price)),
            bid_size: maybe(bid.map(|level| level.size)),
            ask_price: maybe(ask.map(|level| level.price)),
            ask_size: maybe(ask.map(|level| level.size)),
            timestamp: text(time),
            received: text(received),
        }
    }
}

/// A trade at the market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Tick)]
pub struct Tick {
    /// Our number; rising.
    pub tick_id: u64,
    /// Its price.
    pub last_price: String,
    /// Its size.
    pub volume: String,
    /// Who took: `buy` or `sell`, where the venue says so.
    pub aggressor_side: Option<String>,
    /// Exchange time.
    pub timestamp: String,
    /// When we received it.
    pub received: String,
}

impl Tick {
    /// Of an event that is a trade; `None` of a quote.
    pub fn of(id: messages::MarketId, tick: &market::Tick, received: UtcNanos) -> Option<Self> {
        let TickBody::Trade { price, size, aggressor, .. } = &tick.body else { return None };
        Some(Self {
            tick_id: id.0,
            last_price: text(price),
            volume: text(size),
            aggressor_side: maybe(*aggressor),
            timestamp: text(tick.time),
            received: text(received),
        })
    }
}

/// The newest prices of an instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Market)]
pub struct Market {
    /// `exchange:symbol`.
    pub instrument: String,
    /// The newest quote; null before the first.
    pub quote: Option<Quote>,
    /// The newest trade; null before the first.
    pub trade: Option<Tick>,
}

/// The best levels of an order book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Book)]
pub struct Book {
    /// `exchange:symbol`.
    pub instrument: String,
    /// Price and size, the highest price first.
    pub bids: Vec<[String; 2]>,
    /// Price and size, the lowest price first.
    pub asks: Vec<[String; 2]>,
    /// Whether it is in step with its venue; while it is not, or its feed has no depth, nothing of it is known.
    pub is_synchronized: bool,
    /// The venue's number of its newest change.
    pub last_update_id: Option<u64>,
    /// When that was received.
    pub received: Option<String>,
}

/// The row of `ohlcv_bars`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Bar)]
pub struct Bar {
    /// The market.
    pub exchange: String,
    /// The symbol as that market writes it.
    pub symbol: String,
    /// Its length, as `1m`.
    pub timeframe: String,
    /// When it opens.
    pub timestamp: String,
    /// The first price.
    pub open: String,
    /// The highest.
    pub high: String,
    /// The lowest.
    pub low: String,
    /// The last.
    pub close: String,
    /// What was traded, in base asset.
    pub volume: String,
    /// Trades.
    pub trade_count: u64,
    /// How often it was published again.
    pub revision: u16,
    /// Whether it is known that nothing of it is missing.
    pub is_complete: bool,
}

impl From<&market::Bar> for Bar {
    fn from(bar: &market::Bar) -> Self {
        Self {
            exchange: text(bar.instrument.exchange),
            symbol: text(bar.instrument.symbol),
            timeframe: text(bar.timeframe),
            timestamp: text(bar.open_time),
            open: text(bar.open),
            high: text(bar.high),
            low: text(bar.low),
            close: text(bar.close),
            volume: text(bar.volume),
            trade_count: bar.trade_count,
            revision: bar.revision,
            is_complete: bar.is_complete,
        }
    }
}

impl Market {
    /// What the market actor shows of an instrument.
    pub fn of(instrument: instrument::Instrument, view: &MarketView) -> Self {
        let quote = view.quote.map(|q| Quote::of(q.bid, q.ask, q.time, q.received));
        let trade = view.trade.map(|trade| Tick {
            tick_id: trade.id.0,
            last_price: text(trade.price),
            volume: text(trade.size),
            aggressor_side: None,
            timestamp: text(trade.time),
            received: text(trade.received),
        });
        Self { instrument: text(instrument), quote, trade }
    }
}

impl Book {
    /// What the market actor shows of a book.
    pub fn of(instrument: instrument::Instrument, book: Option<&BookView>) -> Self {
        let levels = |levels: &[Level]| levels.iter().map(|level| [text(level.price), text(level.size)]).collect();
        Self {
            instrument: text(instrument),
            bids: book.map(|book| levels(&book.bids)).unwrap_or_default(),
            asks: book.map(|book| levels(&book.asks)).unwrap_or_default(),
            is_synchronized: book.is_some(),
            last_update_id: book.map(|book| book.last_id),
            received: maybe(book.map(|book| book.received)),
        }
    }
}
