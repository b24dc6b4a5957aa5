//! The venue's own bars: of a minute (`b`), that minute again when late trades came (`u`), and the running day (`d`).
//!
//! All are for upsert by (symbol, length, open time); the market gives the revisions. The notional is Alpaca's average
//! price × volume, as exact as the average that it sends.

use messages::market::{Bar, Timeframe};
use messages::{MarketId, Price, Symbol};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{self, price, raw, volume};
use crate::wire::alpaca::instrument;
use crate::wire::json::Text;
use crate::wire::{DecodeError, Field};

const EVENT: &str = "bar";
const DAY_SECONDS: u32 = 86_400;

/// A bar of a stream, or of an answer by REST, which has no symbol.
#[derive(Deserialize)]
pub struct Message<'a> {
    #[serde(borrow, rename = "S")]
    symbol: Option<Text<'a>>,
    #[serde(borrow, rename = "t")]
    time: Option<&'a RawValue>,
    #[serde(borrow, rename = "o")]
    open: Option<&'a RawValue>,
    #[serde(borrow, rename = "h")]
    high: Option<&'a RawValue>,
    #[serde(borrow, rename = "l")]
    low: Option<&'a RawValue>,
    #[serde(borrow, rename = "c")]
    close: Option<&'a RawValue>,
    #[serde(borrow, rename = "v")]
    volume: Option<&'a RawValue>,
    #[serde(borrow, rename = "n")]
    trades: Option<&'a RawValue>,
    #[serde(borrow, rename = "vw")]
    average: Option<&'a RawValue>,
}

impl Message<'_> {
    /// Its symbol.
    pub fn symbol(&self) -> Result<Symbol, DecodeError> {
        fields::symbol(self.symbol.as_ref(), EVENT)
    }

    /// As a bar of a minute.
    pub fn minute(&self, symbol: Symbol) -> Result<Bar, DecodeError> {
        let open_time = fields::time(self.time, EVENT)?;
        self.bar(Bar { open_time, ..empty(symbol, Timeframe::MINUTE) })
    }

    /// As the running bar of a day. A stock's day begins at midnight in New York, but our days are UTC's; the bar is
    /// given to the UTC day that it begins in, whose session it is.
    pub fn day(&self, symbol: Symbol) -> Result<Bar, DecodeError> {
        let day = Timeframe::from_secs(DAY_SECONDS).ok_or(DecodeError::Missing { event: EVENT, field: "t" })?;
        let open_time = fields::time(self.time, EVENT)?.floor_to(day.duration());
        self.bar(Bar { open_time, is_complete: false, ..empty(symbol, day) })
    }

    fn bar(&self, bar: Bar) -> Result<Bar, DecodeError> {
        let count = raw(self.trades, EVENT, "n")?;
        let volume = volume(self.volume, EVENT, "v")?;
        let average = raw(self.average, EVENT, "vw")?;
        let notional = price_rounded(average)?.notional(volume).ok_or_else(|| average.invalid("out of range"))?;
        Ok(Bar {
            open: price(self.open, EVENT, "o")?,
            high: price(self.high, EVENT, "h")?,
            low: price(self.low, EVENT, "l")?,
            close: price(self.close, EVENT, "c")?,
            volume,
            notional,
            trade_count: count.text.parse().map_err(|_| count.invalid("not a count"))?,
            ..bar
        })
    }
}

/// An average has more decimals than a price keeps; it is rounded to those.
fn price_rounded(field: Field<'_>) -> Result<Price, DecodeError> {
    let rounded = Field { text: &fields::plain(field)?, ..field }.size(&mut 0)?;
    Price::from_raw(rounded.raw()).ok_or_else(|| field.invalid("out of range"))
}

/// A bar that holds nothing yet.
fn empty(symbol: Symbol, timeframe: Timeframe) -> Bar {
    Bar {
        bar_id: MarketId(0),
        instrument: instrument(symbol),
        timeframe,
        open_time: messages::UtcNanos::MIN,
        open: Price::ZERO,
        high: Price::ZERO,
        low: Price::ZERO,
        close: Price::ZERO,
        volume: messages::Quantity::ZERO,
        notional: messages::Notional::ZERO,
        trade_count: 0,
        revision: 0,
        is_complete: true,
    }
}
