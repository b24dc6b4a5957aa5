//! Fields of Alpaca's trading messages. Numbers are decimal text in orders and positions, and JSON numbers in some answers
//! (both occur in recorded bodies); either is read without floating point, exponents included.
//!
//! What is absent, `null` or an empty text is unknown, never zero.

use std::borrow::Cow;
use std::str::FromStr;

use messages::number::NumberError;
use messages::{Cash, Price, Size, UtcNanos};
use serde_json::value::RawValue;

use crate::wire::alpaca::number;
use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, cut};

/// Reads fields of one kind of message.
#[derive(Clone, Copy)]
pub(super) struct Fields(pub &'static str);

impl Fields {
    fn invalid(self, field: &'static str, text: &str, problem: &'static str) -> DecodeError {
        DecodeError::Invalid { event: self.0, field, text: cut(text), problem }
    }

    /// A field that must be there.
    pub fn required<T>(self, field: &'static str, value: Option<T>) -> Result<T, DecodeError> {
        value.ok_or(DecodeError::Missing { event: self.0, field })
    }

    /// A text as one of our names.
    pub fn name<T: FromStr>(self, field: &'static str, value: Option<&Text<'_>>) -> Result<Option<T>, DecodeError> {
        let Some(text) = value.filter(|text| !text.is_empty()) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.invalid(field, text, "not a name that fits"))
    }

    /// An RFC 3339 time.
    pub fn time(self, field: &'static str, value: Option<&Text<'_>>) -> Result<Option<UtcNanos>, DecodeError> {
        let Some(text) = value.filter(|text| !text.is_empty()) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.invalid(field, text, "not an RFC 3339 time"))
    }

    /// A number that must be kept exactly.
    pub fn number<T>(self, field: &'static str, value: Option<&RawValue>) -> Result<Option<T>, DecodeError>
    where
        T: FromStr<Err = NumberError>,
    {
        let Some(text) = self.plain(field, value)? else { return Ok(None) };
        // Zeros behind the last digit that we keep say nothing.
        let short = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        short.parse().map(Some).map_err(|error| self.invalid(field, &text, problem(error)))
    }

    /// An average, which the venue divides itself and may write with more digits than a price has: rounded half to even.
    pub fn average(self, field: &'static str, value: Option<&RawValue>) -> Result<Option<Price>, DecodeError> {
        let Some(text) = self.plain(field, value)? else { return Ok(None) };
        let (rounded, _) =
            Size::parse_tick(text.as_bytes()).map_err(|error| self.invalid(field, &text, problem(error)))?;
        Ok(Price::from_raw(rounded.raw()))
    }

    /// An amount that the venue divides and multiplies itself: what is finer than cash is cut off.
    pub fn amount(self, field: &'static str, value: Option<&RawValue>) -> Result<Option<Cash>, DecodeError> {
        let Some(text) = self.plain(field, value)? else { return Ok(None) };
        let end = text.find('.').map_or(text.len(), |point| text.len().min(point + 1 + Cash::SCALE as usize));
        text[..end].parse().map(Some).map_err(|error| self.invalid(field, &text, problem(error)))
    }

    fn plain<'a>(self, field: &'static str, value: Option<&'a RawValue>) -> Result<Option<Cow<'a, str>>, DecodeError> {
        let Some(raw) = value.map(RawValue::get) else { return Ok(None) };
        if !raw.starts_with('"') {
            return number::plain(raw).map(Some).ok_or_else(|| self.invalid(field, raw, "not a number in range"));
        }
        let text: Cow<'a, str> = json::read(raw, self.0)?;
        if text.is_empty() {
            return Ok(None);
        }
        let plain = number::plain(&text).map(|plain| plain.into_owned());
        plain.map(|plain| Some(Cow::Owned(plain))).ok_or_else(|| self.invalid(field, &text, "not a number in range"))
    }
}

fn problem(error: NumberError) -> &'static str {
    match error {
        NumberError::Empty => "not a number: it has no digit",
        NumberError::Malformed => "not a decimal number",
        NumberError::TooManyDecimals { .. } => "too fine: it has more decimals than are kept exactly",
        NumberError::OutOfRange => "out of range",
    }
}
