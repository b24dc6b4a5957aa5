//! Money without floating point: four fixed-point numbers over scaled integers.
//!
//! [`Price`] and [`Size`] are `i64` at 1e-8 and fit DECIMAL(18,8); [`Quantity`] and [`Cash`] are
//! `i128` at 1e-9 and fit DECIMAL(38,9); [`Notional`] keeps an exact sum of price × quantity at
//! 1e-17 until it is rounded once, half to even. Arithmetic is checked: `None` means out of range.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::caps::{DECIMAL_18_MAX, DECIMAL_38_MAX, NUMBER_BYTES};

/// Why a text is not one of our numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// No digit at all.
    #[error("empty number")]
    Empty,
    /// Something that is neither a digit nor the one decimal point.
    #[error("not a decimal number")]
    Malformed,
    /// More decimals than the scale keeps exactly.
    #[error("more than {max} decimals")]
    TooManyDecimals {
        /// Decimals that the type keeps.
        max: u32,
    },
    /// Beyond what the column can hold.
    #[error("out of range")]
    OutOfRange,
}

/// What to do with digits beyond the scale.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Excess {
    Refuse,
    RoundHalfEven,
}

/// A parsed number and whether digits were rounded away.
struct Parsed {
    value: i128,
    rounded: bool,
}

/// Reads `[+-]digits[.digits]` at `scale` decimals. No exponent: no venue sends one in text.
fn parse_scaled(text: &[u8], scale: u32, excess: Excess) -> Result<Parsed, NumberError> {
    if text.len() > NUMBER_BYTES {
        return Err(NumberError::OutOfRange);
    }
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut value: i128 = 0;
    let mut decimals: Option<u32> = None;
    let mut seen = false;
    let mut first_cut = 0u8;
    let mut rest_cut = false;
    for &byte in digits {
        if byte == b'.' && decimals.is_none() {
            decimals = Some(0);
            continue;
        }
        if !byte.is_ascii_digit() {
            return Err(NumberError::Malformed);
        }
        seen = true;
        let digit = byte - b'0';
        match &mut decimals {
            Some(n) if *n >= scale => {
                if *n == scale {
                    first_cut = digit;
                } else {
                    rest_cut |= digit != 0;
                }
                *n += 1;
                continue;
            }
            Some(n) => *n += 1,
            None => {}
        }
        value = value.checked_mul(10).and_then(|v| v.checked_add(i128::from(digit))).ok_or(NumberError::OutOfRange)?;
    }
    if !seen {
        return Err(NumberError::Empty);
    }
    let missing = scale - decimals.unwrap_or(0).min(scale);
    value = value.checked_mul(10i128.pow(missing)).ok_or(NumberError::OutOfRange)?;
    let rounded = first_cut != 0 || rest_cut;
    if rounded && excess == Excess::Refuse {
        return Err(NumberError::TooManyDecimals { max: scale });
    }
    if first_cut > 5 || (first_cut == 5 && (rest_cut || value % 2 == 1)) {
        value += 1;
    }
    Ok(Parsed { value: if negative { -value } else { value }, rounded })
}

/// Reads an unsigned `digits[.digits]` of at most 18 significant digits at 1e-8 without 128-bit
/// arithmetic: what nearly every price on a stream looks like. `None` sends the text to the full parser.
fn parse_common(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let mut value: u64 = 0;
    let mut point = None;
    for (at, &byte) in text.iter().enumerate() {
        if byte.is_ascii_digit() {
            value = value * 10 + u64::from(byte - b'0');
        } else if byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    let decimals = point.map_or(0, |at| text.len() - at - 1);
    if decimals > 8 || text.len() == usize::from(point.is_some()) {
        return None;
    }
    const POWERS: [u64; 9] = [100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    let scaled = value.checked_mul(POWERS[decimals])?;
    (scaled <= DECIMAL_18_MAX as u64).then_some(scaled as i64)
}

/// Divides rounding half to even, the rule for everything derived.
///
/// # Panics
/// When `divisor` is not positive.
#[must_use]
pub fn div_half_even(value: i128, divisor: i128) -> i128 {
    assert!(divisor > 0, "a positive divisor");
    let quotient = value.div_euclid(divisor);
    let rest = value.rem_euclid(divisor);
    match (rest).cmp(&(divisor - rest)) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + (quotient & 1),
    }
}

/// Writes a scaled integer without trailing zeros.
fn fmt_scaled(value: i128, scale: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let unit = 10u128.pow(scale);
    let magnitude = value.unsigned_abs();
    let (whole, mut part) = (magnitude / unit, magnitude % unit);
    let mut text = arrayvec::ArrayString::<64>::new();
    use fmt::Write as _;
    write!(text, "{whole}")?;
    if part != 0 {
        let mut width = scale as usize;
        while part.is_multiple_of(10) {
            part /= 10;
            width -= 1;
        }
        write!(text, ".{part:0width$}")?;
    }
    f.pad_integral(value >= 0, "", &text)
}

/// Defines one fixed-point type: its integer, its scale and its largest magnitude.
macro_rules! fixed_point {
    ($(#[$doc:meta])* $name:ident, $raw:ty, $scale:literal, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name($raw);

        impl $name {
            /// Decimals kept.
            pub const SCALE: u32 = $scale;
            /// Nothing.
            pub const ZERO: Self = Self(0);
            /// One, exactly.
            pub const ONE: Self = Self((10 as $raw).pow($scale));
            /// The largest value that its column holds.
            pub const MAX: Self = Self($max);

            /// From a scaled integer; `None` when it does not fit the column.
            #[must_use]
            #[inline]
            pub fn from_raw(raw: $raw) -> Option<Self> {
                (-$max..=$max).contains(&raw).then_some(Self(raw))
            }
            /// The scaled integer.
            #[must_use]
            #[inline]
            pub const fn raw(self) -> $raw { self.0 }
            /// The sum; `None` when it does not fit the column.
            #[must_use]
            #[inline]
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).and_then(Self::from_raw)
            }
            /// The difference; `None` when it does not fit the column.
            #[must_use]
            #[inline]
            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).and_then(Self::from_raw)
            }
            /// Without its sign.
            #[must_use]
            pub fn abs(self) -> Self { Self(self.0.abs()) }
            /// True below zero.
            #[must_use]
            pub fn is_negative(self) -> bool { self.0 < 0 }
            /// True above zero.
            #[must_use]
            pub fn is_positive(self) -> bool { self.0 > 0 }
            /// True at zero.
            #[must_use]
            pub fn is_zero(self) -> bool { self.0 == 0 }
            /// For indicators, charts and statistics only; never for money.
            #[must_use]
            pub fn to_f64(self) -> f64 { self.0 as f64 / (10 as $raw).pow($scale) as f64 }
            /// Reads a decimal text, refusing digits beyond the scale.
            ///
            /// # Errors
            /// [`NumberError`] says what is wrong with the text.
            pub fn parse(text: &[u8]) -> Result<Self, NumberError> {
                narrow(parse_scaled(text, $scale, Excess::Refuse)?.value)
                    .and_then(Self::from_raw).ok_or(NumberError::OutOfRange)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt_scaled(i128::from(self.0), $scale, f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }
        impl FromStr for $name {
            type Err = NumberError;
            fn from_str(text: &str) -> Result<Self, NumberError> { Self::parse(text.as_bytes()) }
        }
        impl std::ops::Neg for $name {
            type Output = Self;
            fn neg(self) -> Self { Self(-self.0) }
        }
        /// Text for people (JSON, TOML), the scaled integer in journals.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                if s.is_human_readable() { s.collect_str(self) } else { self.0.serialize(s) }
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                if d.is_human_readable() {
                    return d.deserialize_any(TextOrWhole(std::marker::PhantomData));
                }
                Self::from_raw(<$raw>::deserialize(d)?)
                    .ok_or_else(|| serde::de::Error::custom(NumberError::OutOfRange))
            }
        }
    };
}

/// Reads a number that people wrote: text, or a whole number. A floating-point number is refused, for
/// it is not what was written.
struct TextOrWhole<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = NumberError>> serde::de::Visitor<'_> for TextOrWhole<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number as text, like \"0.25\", or a whole number")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|e| E::custom(format_args!("`{text}`: {e}")))
    }
    fn visit_i64<E: serde::de::Error>(self, whole: i64) -> Result<T, E> {
        self.visit_str(&whole.to_string())
    }
    fn visit_u64<E: serde::de::Error>(self, whole: u64) -> Result<T, E> {
        self.visit_str(&whole.to_string())
    }
}

/// Narrows the parser's 128 bits to a type's own integer.
fn narrow<T: TryFrom<i128>>(value: i128) -> Option<T> {
    T::try_from(value).ok()
}

fixed_point!(
    /// A price: quote asset per one base asset, at 1e-8.
    Price, i64, 8, DECIMAL_18_MAX
);
fixed_point!(
    /// The size of a tick (one trade, one quote or book level), in base asset, at 1e-8.
    Size, i64, 8, DECIMAL_18_MAX
);
fixed_point!(
    /// The quantity of an order, a fill, a position or a bar's volume, in base asset, at 1e-9.
    Quantity, i128, 9, DECIMAL_38_MAX
);
fixed_point!(
    /// An amount of an asset: cash, fees, profit and loss, at 1e-9.
    Cash, i128, 9, DECIMAL_38_MAX
);

impl Price {
    /// Reads a price as streams write it; the fast path of the decoders.
    ///
    /// # Errors
    /// [`NumberError`] says what is wrong with the text.
    pub fn parse_tick(text: &[u8]) -> Result<Self, NumberError> {
        match parse_common(text) {
            Some(raw) => Ok(Self(raw)),
            None => Self::parse(text),
        }
    }

    /// The nearest multiple of `step` at or below.
    #[must_use]
    pub fn floor_to(self, step: Price) -> Self {
        if step.0 <= 0 { self } else { Self(self.0.div_euclid(step.0) * step.0) }
    }

    /// True when the price is a multiple of `step` (a step of zero allows everything).
    #[must_use]
    pub fn is_multiple_of(self, step: Price) -> bool {
        step.0 <= 0 || self.0 % step.0 == 0
    }

    /// price × quantity, exact.
    #[must_use]
    #[inline]
    pub fn notional(self, quantity: Quantity) -> Option<Notional> {
        i128::from(self.0).checked_mul(quantity.0).map(Notional)
    }

    /// price × quantity, rounded half to even to cash.
    #[must_use]
    pub fn times(self, quantity: Quantity) -> Option<Cash> {
        self.notional(quantity)?.to_cash()
    }
}

impl Size {
    /// Reads a tick's size; a ninth decimal is rounded half to even and reported with `true`.
    ///
    /// # Errors
    /// [`NumberError`] says what is wrong with the text.
    pub fn parse_tick(text: &[u8]) -> Result<(Self, bool), NumberError> {
        if let Some(raw) = parse_common(text) {
            return Ok((Self(raw), false));
        }
        let parsed = parse_scaled(text, Self::SCALE, Excess::RoundHalfEven)?;
        let size = narrow(parsed.value).and_then(Self::from_raw).ok_or(NumberError::OutOfRange)?;
        Ok((size, parsed.rounded))
    }

    /// As a quantity: exact, the scale grows by one digit.
    #[must_use]
    #[inline]
    pub fn to_quantity(self) -> Quantity {
        Quantity(i128::from(self.0) * 10)
    }
}

impl Quantity {
    /// True when the quantity is a multiple of `step` (a step of zero allows everything).
    #[must_use]
    pub fn is_multiple_of(self, step: Quantity) -> bool {
        step.0 <= 0 || self.0 % step.0 == 0
    }

    /// The nearest multiple of `step` at or below.
    #[must_use]
    pub fn floor_to(self, step: Quantity) -> Self {
        if step.0 <= 0 { self } else { Self(self.0.div_euclid(step.0) * step.0) }
    }
}

impl Cash {
    /// This amount × `part` / `whole`, rounded half to even: the cost basis of a partial close.
    ///
    /// # Panics
    /// When `whole` is not positive.
    #[must_use]
    pub fn share(self, part: Quantity, whole: Quantity) -> Option<Self> {
        let product = self.0.checked_mul(part.0);
        let raw = match product {
            Some(product) => div_half_even(product, whole.0),
            // Too large for 128 bits: split off the whole multiples first, exactly.
            None => {
                let (quotient, rest) = (self.0.div_euclid(whole.0), self.0.rem_euclid(whole.0));
                let head = quotient.checked_mul(part.0)?;
                head.checked_add(div_half_even(rest.checked_mul(part.0)?, whole.0))?
            }
        };
        Self::from_raw(raw)
    }

    /// `parts` per million of this amount, rounded half to even: a fee.
    #[must_use]
    pub fn per_million(self, parts: i64) -> Option<Self> {
        let product = self.0.checked_mul(i128::from(parts))?;
        Self::from_raw(div_half_even(product, 1_000_000))
    }

    /// This amount per unit: an average price, rounded half to even. `None` for no quantity.
    #[must_use]
    pub fn per(self, quantity: Quantity) -> Option<Price> {
        Notional(self.0.checked_mul(100_000_000)?).average(quantity)
    }
}

/// An exact sum of price × quantity at 1e-17, kept until it is rounded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Notional(i128);

impl Notional {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From the scaled integer.
    #[must_use]
    pub const fn from_raw(raw: i128) -> Self {
        Self(raw)
    }
    /// The scaled integer.
    #[must_use]
    pub const fn raw(self) -> i128 {
        self.0
    }
    /// From a sum that was rounded to cash already; `None` beyond 128 bits.
    #[must_use]
    pub fn from_cash(cash: Cash) -> Option<Self> {
        cash.0.checked_mul(100_000_000).map(Self)
    }
    /// The sum; `None` beyond 128 bits.
    #[must_use]
    #[inline]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
    /// Rounded half to even to cash; `None` when it does not fit the column.
    #[must_use]
    pub fn to_cash(self) -> Option<Cash> {
        Cash::from_raw(div_half_even(self.0, 100_000_000))
    }
    /// The average price over `quantity` (vwap), rounded half to even; `None` for no quantity.
    #[must_use]
    pub fn average(self, quantity: Quantity) -> Option<Price> {
        if quantity.0 <= 0 {
            return None;
        }
        narrow(div_half_even(self.0, quantity.0)).and_then(Price::from_raw)
    }
}

#[cfg(test)]
mod tests;
