//! Fields of Alpaca's messages, from their JSON text to values. One-letter keys mean different things by message, so
//! fields stay text until the message's kind is known.

use std::borrow::Cow;

use messages::market::{Conditions, Level};
use messages::{Price, Quantity, Size, Symbol, UtcNanos};
use serde_json::value::RawValue;

use crate::wire::alpaca::number;
use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, Field};

/// A field that must be there, as JSON text.
pub fn raw<'a>(value: Option<&'a RawValue>, event: &'static str, name: &'static str) -> Result<Field<'a>, DecodeError> {
    value.map(|raw| Field { event, name, text: raw.get() }).ok_or(DecodeError::Missing { event, field: name })
}

/// A field's number as plain decimal text.
pub fn plain(field: Field<'_>) -> Result<Cow<'_, str>, DecodeError> {
    number::plain(field.text).ok_or_else(|| field.invalid("not a number in range"))
}

/// A price of a tick.
pub fn price(value: Option<&RawValue>, event: &'static str, name: &'static str) -> Result<Price, DecodeError> {
    let field = raw(value, event, name)?;
    Price::parse_tick(plain(field)?.as_bytes()).map_err(|e| field.number(e))
}

/// A price with its size, each by its key and value; counts in `rounded` when a ninth decimal of the size was rounded.
pub fn level(
    event: &'static str,
    [price_of, size_of]: [(&'static str, Option<&RawValue>); 2],
    rounded: &mut u64,
) -> Result<Level, DecodeError> {
    let price = price(price_of.1, event, price_of.0)?;
    let size = raw(size_of.1, event, size_of.0)?;
    let size = Field { text: &plain(size)?, ..size }.size(rounded)?;
    Ok(Level { price, size })
}

/// A sum of sizes. Alpaca adds crypto sizes in floating point (`3.6796028500000003`); what is finer than a quantity is
/// rounded as a tick's size is.
pub fn volume(value: Option<&RawValue>, event: &'static str, name: &'static str) -> Result<Quantity, DecodeError> {
    let field = raw(value, event, name)?;
    let plain = plain(field)?;
    match Quantity::parse(plain.as_bytes()) {
        Ok(volume) if !volume.is_negative() => Ok(volume),
        _ => Field { text: &plain, ..field }.size(&mut 0).map(Size::to_quantity),
    }
}

/// A symbol.
pub fn symbol(value: Option<&Text<'_>>, event: &'static str) -> Result<Symbol, DecodeError> {
    match value {
        Some(text) => Field { event, name: "S", text }.symbol(),
        None => Err(DecodeError::Missing { event, field: "S" }),
    }
}

/// An RFC 3339 time.
pub fn time(value: Option<&RawValue>, event: &'static str) -> Result<UtcNanos, DecodeError> {
    let raw = raw(value, event, "t")?;
    let text: Text<'_> = json::read(raw.text, event)?;
    text.parse().map_err(|_| raw.invalid("not an RFC 3339 time"))
}

/// The condition codes joined by commas: as many of the first as fit, each whole.
pub fn conditions(codes: Option<&RawValue>) -> Result<Conditions, DecodeError> {
    let mut joined = Conditions::new();
    let Some(codes) = codes.filter(|codes| codes.get() != "null") else { return Ok(joined) };
    for code in json::read::<Vec<Text<'_>>>(codes.get(), "trade")? {
        let comma = usize::from(!joined.is_empty());
        if code.len() + comma > joined.remaining_capacity() {
            break;
        }
        joined.push_str(&","[..comma]);
        joined.push_str(&code);
    }
    Ok(joined)
}
