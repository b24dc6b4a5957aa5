//! Trades and quotes, the messages that come most.

use messages::market::{Level, Tick, TickBody};
use messages::orders::Side;
use messages::{Symbol, UtcNanos};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{self, conditions, level};
use super::sequence::sequence;
use crate::wire::alpaca::instrument;
use crate::wire::json::Text;
use crate::wire::{DecodeError, Field};

/// A message with the fields of trades, quotes and books, or one trade of an answer by REST, which has no kind and no
/// symbol. Fields whose meaning depends on the kind are kept as JSON text.
#[derive(Deserialize)]
pub struct Message<'a> {
    #[serde(borrow, rename = "T")]
    pub kind: Option<Text<'a>>,
    #[serde(borrow, rename = "S")]
    pub symbol: Option<Text<'a>>,
    #[serde(borrow, rename = "t")]
    pub time: Option<&'a RawValue>,
    #[serde(borrow, rename = "i")]
    pub id: Option<&'a RawValue>,
    #[serde(borrow, rename = "x")]
    pub exchange: Option<&'a RawValue>,
    #[serde(borrow, rename = "p")]
    price: Option<&'a RawValue>,
    #[serde(borrow, rename = "s")]
    size: Option<&'a RawValue>,
    #[serde(borrow, rename = "c")]
    conditions: Option<&'a RawValue>,
    #[serde(borrow, rename = "tks")]
    taker_side: Option<&'a RawValue>,
    /// In answers by REST: what became of the trade.
    #[serde(borrow, rename = "u")]
    pub update: Option<&'a RawValue>,
    #[serde(borrow, rename = "bp")]
    bid_price: Option<&'a RawValue>,
    #[serde(borrow, rename = "bs")]
    bid_size: Option<&'a RawValue>,
    #[serde(borrow, rename = "ap")]
    ask_price: Option<&'a RawValue>,
    #[serde(borrow, rename = "as")]
    ask_size: Option<&'a RawValue>,
    #[serde(borrow, rename = "b")]
    pub bids: Option<&'a RawValue>,
    #[serde(borrow, rename = "a")]
    pub asks: Option<&'a RawValue>,
    #[serde(borrow, rename = "r")]
    pub reset: Option<&'a RawValue>,
}

impl Message<'_> {
    /// Its symbol.
    pub fn symbol(&self, event: &'static str) -> Result<Symbol, DecodeError> {
        fields::symbol(self.symbol.as_ref(), event)
    }

    /// Its time.
    pub fn time(&self, event: &'static str) -> Result<UtcNanos, DecodeError> {
        fields::time(self.time, event)
    }

    /// As a trade of `symbol`.
    pub fn trade(&self, symbol: Symbol, rounded: &mut u64) -> Result<Tick, DecodeError> {
        const EVENT: &str = "trade";
        let Level { price, size } = level(EVENT, [("p", self.price), ("s", self.size)], rounded)?;
        let (aggressor, conditions) = (self.aggressor()?, conditions(self.conditions)?);
        let body = TickBody::Trade { price, size, aggressor, conditions };
        let time = self.time(EVENT)?;
        let sequence = sequence(self.exchange, self.id, time);
        Ok(Tick { instrument: instrument(symbol), time, sequence, revision: 0, body })
    }

    /// As a quote.
    pub fn quote(&self, rounded: &mut u64) -> Result<Tick, DecodeError> {
        const EVENT: &str = "quote";
        let mut side = |of| -> Result<Option<Level>, DecodeError> {
            let level = level(EVENT, of, rounded)?;
            Ok((!level.price.is_zero() || !level.size.is_zero()).then_some(level))
        };
        let body = TickBody::Quote {
            bid: side([("bp", self.bid_price), ("bs", self.bid_size)])?,
            ask: side([("ap", self.ask_price), ("as", self.ask_size)])?,
        };
        let (instrument, time) = (instrument(self.symbol(EVENT)?), self.time(EVENT)?);
        Ok(Tick { instrument, time, sequence: None, revision: 0, body })
    }

    /// Who took: crypto says it (`tks`), stocks do not.
    fn aggressor(&self) -> Result<Option<Side>, DecodeError> {
        match self.taker_side.map(RawValue::get) {
            None | Some(r#""""#) => Ok(None),
            Some(r#""B""#) => Ok(Some(Side::Buy)),
            Some(r#""S""#) => Ok(Some(Side::Sell)),
            Some(text) => Err(Field { event: "trade", name: "tks", text }.invalid("not a side; expected B or S")),
        }
    }
}
