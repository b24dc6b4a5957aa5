//! Trades and quotes. This is the path that nearly every frame takes: one pass, nothing copied.

use messages::market::{Conditions, Level, Tick, TickBody};
use messages::orders::Side;
use messages::{Price, Symbol, UtcNanos};
use serde::Deserialize;

use super::scan::{self, Value, once};
use super::{instrument, required, text, time};
use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, Field};

/// `trade` and `aggTrade`. Old spot trades have order ids in `a` and `b`.
#[derive(Default, Deserialize)]
struct Trade<'a> {
    #[serde(borrow, rename = "s")]
    symbol: Option<Text<'a>>,
    #[serde(rename = "t")]
    trade_id: Option<i64>,
    #[serde(rename = "a")]
    aggregate_id: Option<i64>,
    #[serde(borrow, rename = "p")]
    price: Option<Text<'a>>,
    #[serde(borrow, rename = "q")]
    quantity: Option<Text<'a>>,
    #[serde(rename = "T")]
    time: Option<i64>,
    #[serde(rename = "m")]
    buyer_is_maker: Option<bool>,
}

impl<'a> Trade<'a> {
    fn read(data: &'a str, event: &'static str) -> Result<Self, DecodeError> {
        Self::scan(data).map_or_else(|| json::read(data, event), Ok)
    }

    fn scan(data: &'a str) -> Option<Self> {
        let mut trade = Self::default();
        scan::flat(data, |key, value| match (key, value) {
            ("s", Value::Text(text)) => once(&mut trade.symbol, text.into()),
            ("t", Value::Integer(id)) => once(&mut trade.trade_id, id),
            ("a", Value::Integer(id)) => once(&mut trade.aggregate_id, id),
            ("p", Value::Text(text)) => once(&mut trade.price, text.into()),
            ("q", Value::Text(text)) => once(&mut trade.quantity, text.into()),
            ("T", Value::Integer(time)) => once(&mut trade.time, time),
            ("m", Value::Bool(maker)) => once(&mut trade.buyer_is_maker, maker),
            ("s" | "t" | "a" | "p" | "q" | "T" | "m", _) => None,
            _ => Some(()),
        })?;
        Some(trade)
    }
}

/// One trade.
pub fn trade(data: &str, rounded: &mut u64) -> Result<Tick, DecodeError> {
    let trade = Trade::read(data, "trade")?;
    let sequence = required(trade.trade_id, "trade", "t")?;
    let symbol = text(&trade.symbol, "trade", "s")?.symbol()?;
    tick(&trade, "trade", symbol, sequence, Conditions::new(), rounded)
}

/// Trades of one taker order at one price, told apart from single trades by the condition `agg`.
pub fn agg_trade(data: &str, rounded: &mut u64) -> Result<Tick, DecodeError> {
    let trade = Trade::read(data, "aggTrade")?;
    let symbol = text(&trade.symbol, "aggTrade", "s")?.symbol()?;
    aggregate(&trade, symbol, rounded)
}

/// An aggregate trade of an answer by REST, which does not repeat the symbol that was asked for.
pub fn asked_agg_trade(data: &str, symbol: Symbol, rounded: &mut u64) -> Result<Tick, DecodeError> {
    aggregate(&Trade::read(data, "aggTrade")?, symbol, rounded)
}

/// A trade of an answer by REST (`historicalTrades`), which names its fields in words and not its symbol.
pub fn asked_trade(data: &str, symbol: Symbol, rounded: &mut u64) -> Result<Tick, DecodeError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row<'a> {
        id: Option<i64>,
        #[serde(borrow)]
        price: Option<Text<'a>>,
        #[serde(borrow)]
        qty: Option<Text<'a>>,
        time: Option<i64>,
        is_buyer_maker: Option<bool>,
    }
    const EVENT: &str = "historical trade";
    let row: Row<'_> = json::read(data, EVENT)?;
    let sequence = required(row.id, EVENT, "id")?;
    for (missing, field) in [(row.price.is_none(), "price"), (row.qty.is_none(), "qty"), (row.time.is_none(), "time")] {
        required((!missing).then_some(()), EVENT, field)?;
    }
    let trade = Trade {
        price: row.price,
        quantity: row.qty,
        time: row.time,
        buyer_is_maker: Some(required(row.is_buyer_maker, EVENT, "isBuyerMaker")?),
        ..Trade::default()
    };
    tick(&trade, EVENT, symbol, sequence, Conditions::new(), rounded)
}

fn aggregate(trade: &Trade<'_>, symbol: Symbol, rounded: &mut u64) -> Result<Tick, DecodeError> {
    let sequence = required(trade.aggregate_id, "aggTrade", "a")?;
    let conditions = Conditions::from("agg").expect("three bytes fit");
    tick(trade, "aggTrade", symbol, sequence, conditions, rounded)
}

fn tick(
    trade: &Trade<'_>,
    event: &'static str,
    symbol: Symbol,
    sequence: i64,
    conditions: Conditions,
    rounded: &mut u64,
) -> Result<Tick, DecodeError> {
    let aggressor = match required(trade.buyer_is_maker, event, "m")? {
        true => Side::Sell,
        false => Side::Buy,
    };
    Ok(Tick {
        instrument: instrument(symbol),
        time: time(trade.time, event, "T")?,
        sequence: Some(sequence),
        revision: 0,
        body: TickBody::Trade {
            price: price(text(&trade.price, event, "p")?)?,
            size: text(&trade.quantity, event, "q")?.size(rounded)?,
            aggressor: Some(aggressor),
            conditions,
        },
    })
}

/// `bookTicker`. Spot sends no time; futures sends `T`.
#[derive(Default, Deserialize)]
struct BookTicker<'a> {
    #[serde(rename = "u")]
    update_id: Option<i64>,
    #[serde(borrow, rename = "s")]
    symbol: Option<Text<'a>>,
    #[serde(borrow, rename = "b")]
    bid: Option<Text<'a>>,
    #[serde(borrow, rename = "B")]
    bid_size: Option<Text<'a>>,
    #[serde(borrow, rename = "a")]
    ask: Option<Text<'a>>,
    #[serde(borrow, rename = "A")]
    ask_size: Option<Text<'a>>,
    #[serde(rename = "T")]
    time: Option<i64>,
}

impl<'a> BookTicker<'a> {
    fn scan(data: &'a str) -> Option<Self> {
        let mut quote = Self::default();
        scan::flat(data, |key, value| match (key, value) {
            ("u", Value::Integer(id)) => once(&mut quote.update_id, id),
            ("s", Value::Text(text)) => once(&mut quote.symbol, text.into()),
            ("b", Value::Text(text)) => once(&mut quote.bid, text.into()),
            ("B", Value::Text(text)) => once(&mut quote.bid_size, text.into()),
            ("a", Value::Text(text)) => once(&mut quote.ask, text.into()),
            ("A", Value::Text(text)) => once(&mut quote.ask_size, text.into()),
            ("T", Value::Integer(time)) => once(&mut quote.time, time),
            ("u" | "s" | "b" | "B" | "a" | "A" | "T", _) => None,
            _ => Some(()),
        })?;
        Some(quote)
    }
}

const QUOTE: &str = "bookTicker";

/// The best bid and ask.
pub fn book_ticker(data: &str, received: UtcNanos, rounded: &mut u64) -> Result<Tick, DecodeError> {
    let quote = BookTicker::scan(data).map_or_else(|| json::read(data, QUOTE), Ok)?;
    let bid = side(text(&quote.bid, QUOTE, "b")?, text(&quote.bid_size, QUOTE, "B")?, rounded)?;
    let ask = side(text(&quote.ask, QUOTE, "a")?, text(&quote.ask_size, QUOTE, "A")?, rounded)?;
    Ok(Tick {
        instrument: instrument(text(&quote.symbol, QUOTE, "s")?.symbol()?),
        time: if quote.time.is_some() { time(quote.time, QUOTE, "T")? } else { received },
        sequence: Some(required(quote.update_id, QUOTE, "u")?),
        revision: 0,
        body: TickBody::Quote { bid, ask },
    })
}

/// One side; the venue writes 0 at 0 where nobody stands.
fn side(price_field: Field<'_>, size: Field<'_>, rounded: &mut u64) -> Result<Option<Level>, DecodeError> {
    let level = Level { price: price(price_field)?, size: size.size(rounded)? };
    Ok((!level.price.is_zero() || !level.size.is_zero()).then_some(level))
}

/// A price as streams write it.
pub fn price(field: Field<'_>) -> Result<Price, DecodeError> {
    Price::parse_tick(field.text.as_bytes()).map_err(|e| field.number(e))
}
