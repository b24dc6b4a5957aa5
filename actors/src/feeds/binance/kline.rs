//! The venue's own bars (`kline`): compared with ours where its trades come in, published where they do not.
//! A running one comes every second or two and would be a revision each time, so only the closed one counts.

use messages::market::{Bar, Timeframe};
use messages::{Cash, MarketId, Notional, Price, Quantity};
use serde::Deserialize;

use super::{instrument, required, text, tick, time};
use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, Field};

const EVENT: &str = "kline";
/// Lengths that do not divide a UTC day: no bars of ours.
const NOT_OURS: [&str; 3] = ["3d", "1w", "1M"];

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "k")]
    kline: Option<Kline<'a>>,
}

#[derive(Deserialize)]
struct Kline<'a> {
    #[serde(rename = "t")]
    open_time: Option<i64>,
    #[serde(borrow, rename = "s")]
    symbol: Option<Text<'a>>,
    #[serde(borrow, rename = "i")]
    interval: Option<Text<'a>>,
    #[serde(borrow, rename = "o")]
    open: Option<Text<'a>>,
    #[serde(borrow, rename = "h")]
    high: Option<Text<'a>>,
    #[serde(borrow, rename = "l")]
    low: Option<Text<'a>>,
    #[serde(borrow, rename = "c")]
    close: Option<Text<'a>>,
    #[serde(borrow, rename = "v")]
    volume: Option<Text<'a>>,
    #[serde(borrow, rename = "q")]
    quote_volume: Option<Text<'a>>,
    #[serde(rename = "n")]
    trades: Option<u64>,
    #[serde(rename = "x")]
    closed: Option<bool>,
}

/// A bar that has closed; `None` for a running one, for a length that is not ours, and for a day of another time zone
/// (`@+08:00`).
pub fn kline(data: &str) -> Result<Option<Bar>, DecodeError> {
    let event: Event<'_> = json::read(data, EVENT)?;
    let kline = required(event.kline, EVENT, "k")?;
    let Some(timeframe) = timeframe(text(&kline.interval, EVENT, "i")?)? else { return Ok(None) };
    let open_time = time(kline.open_time, EVENT, "t")?;
    if open_time.floor_to(timeframe.duration()) != open_time {
        return Ok(None);
    }
    let price = |value, field| -> Result<Price, DecodeError> { tick::price(text(value, EVENT, field)?) };
    let bar = Bar {
        bar_id: MarketId(0),
        instrument: instrument(text(&kline.symbol, EVENT, "s")?.symbol()?),
        timeframe,
        open_time,
        open: price(&kline.open, "o")?,
        high: price(&kline.high, "h")?,
        low: price(&kline.low, "l")?,
        close: price(&kline.close, "c")?,
        volume: volume(text(&kline.volume, EVENT, "v")?)?,
        notional: notional(text(&kline.quote_volume, EVENT, "q")?)?,
        trade_count: required(kline.trades, EVENT, "n")?,
        revision: 0,
        is_complete: required(kline.closed, EVENT, "x")?,
    };
    // Read whole even so: a running bar that is damaged is told like any other.
    Ok(bar.is_complete.then_some(bar))
}

fn timeframe(interval: Field<'_>) -> Result<Option<Timeframe>, DecodeError> {
    if NOT_OURS.contains(&interval.text) {
        return Ok(None);
    }
    interval.text.parse().map(Some).map_err(|_| interval.invalid("not a bar length"))
}

fn volume(field: Field<'_>) -> Result<Quantity, DecodeError> {
    let volume = Quantity::parse(field.text.as_bytes()).map_err(|e| field.number(e))?;
    if volume.is_negative() { Err(field.invalid("negative")) } else { Ok(volume) }
}

/// Quote volume, from the 1e-9 of cash to the 1e-17 of a notional: exact.
fn notional(field: Field<'_>) -> Result<Notional, DecodeError> {
    let cash = Cash::parse(field.text.as_bytes()).map_err(|e| field.number(e))?;
    let raw = cash.raw().checked_mul(100_000_000).filter(|raw| *raw >= 0);
    raw.map(Notional::from_raw).ok_or_else(|| field.invalid("out of range"))
}
