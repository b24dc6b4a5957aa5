//! PostgreSQL's `numeric` in its binary form, to and from scaled integers, without a floating-point number on the way.
//!
//! The form: four 16-bit numbers (how many digits, the weight of the first, the sign, decimals to show) and the digits to
//! base 10,000, most significant first. Source: `numeric_send` in PostgreSQL's `numeric.c`.

use std::fmt::Write as _;

/// Bytes before the digits.
const HEADER: usize = 8;
/// Decimal digits in one digit to base 10,000.
const WIDTH: i32 = 4;
const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const PLUS_INFINITY: u16 = 0xD000;
const MINUS_INFINITY: u16 = 0xF000;

/// Why a number is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// NaN, or an infinity.
    #[error("is no finite number")]
    NotFinite,
    /// Digits beyond the scale, which would be lost.
    #[error("has more than {max} decimals")]
    TooManyDecimals {
        /// Decimals that are kept.
        max: u32,
    },
    /// Too large.
    #[error("is too large for the column")]
    OutOfRange,
    /// Bytes that are no `numeric`.
    #[error("is not in the binary form of a numeric")]
    Malformed,
}

/// The parts of a number.
struct Parts<'a> {
    weight: i32,
    sign: u16,
    decimals: u16,
    digits: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let digits = bytes.get(HEADER..)?;
        let half = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let is_whole = digits.len() == 2 * usize::from(half(0));
        let weight = i32::from(half(2) as i16);
        is_whole.then_some(Self { weight, sign: half(4), decimals: half(6), digits })
    }

    /// The digits to base 10,000, each with the power of ten of its last decimal digit.
    fn digits(&self) -> impl Iterator<Item = (i32, u16)> {
        let powers = (0..).map(|at| WIDTH * (self.weight - at));
        powers.zip(self.digits.as_chunks().0.iter().map(|two| u16::from_be_bytes(*two)))
    }
}

/// The number × 10^`scale`, exactly.
///
/// # Errors
/// [`Misfit`] says why there is none.
pub fn decode(bytes: &[u8], scale: u32) -> Result<i128, Misfit> {
    let parts = Parts::of(bytes).ok_or(Misfit::Malformed)?;
    let is_negative = match parts.sign {
        POSITIVE => false,
        NEGATIVE => true,
        NAN | PLUS_INFINITY | MINUS_INFINITY => return Err(Misfit::NotFinite),
        _ => return Err(Misfit::Malformed),
    };
    let mut value: i128 = 0;
    for (power, digit) in parts.digits().filter(|(_, digit)| *digit != 0) {
        let part = shifted(i128::from(digit), power + scale as i32, scale)?;
        value = value.checked_add(part).ok_or(Misfit::OutOfRange)?;
    }
    Ok(if is_negative { -value } else { value })
}

/// `digit` × 10^`power`, if that is a whole number.
fn shifted(digit: i128, power: i32, scale: u32) -> Result<i128, Misfit> {
    let lost = Misfit::TooManyDecimals { max: scale };
    if power < 0 {
        let unit = 10i128.checked_pow(power.unsigned_abs()).ok_or(lost)?;
        return if digit % unit == 0 { Ok(digit / unit) } else { Err(lost) };
    }
    let unit = 10i128.checked_pow(power.unsigned_abs()).ok_or(Misfit::OutOfRange)?;
    digit.checked_mul(unit).ok_or(Misfit::OutOfRange)
}

/// Appends `value` / 10^`scale`.
pub fn encode(value: i128, scale: u32, out: &mut Vec<u8>) {
    let unit = 10u128.pow(scale);
    let (whole, part) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    let padding = (WIDTH as u32 - scale % WIDTH as u32) % WIDTH as u32;
    let mut digits = to_base(whole, 0);
    let weight = digits.len() as i32 - 1;
    digits.extend(to_base(part * 10u128.pow(padding), (scale + padding) as usize / WIDTH as usize));
    let leading = digits.iter().take_while(|digit| **digit == 0).count();
    let trailing = digits[leading..].iter().rev().take_while(|digit| **digit == 0).count();
    let kept = &digits[leading..digits.len() - trailing];
    let weight = if kept.is_empty() { 0 } else { weight - leading as i32 };
    let sign = if value < 0 { NEGATIVE } else { POSITIVE };
    for half in [kept.len() as u16, weight as u16, sign, scale as u16].iter().chain(kept) {
        out.extend_from_slice(&half.to_be_bytes());
    }
}

/// The digits to base 10,000, most significant first, filled with zeros to `width`.
fn to_base(mut value: u128, width: usize) -> Vec<u16> {
    let mut digits = Vec::with_capacity(12);
    while value > 0 {
        digits.push((value % 10_000) as u16);
        value /= 10_000;
    }
    digits.resize(digits.len().max(width), 0);
    digits.reverse();
    digits
}

/// The number as people write it, for a message about it.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let Some(parts) = Parts::of(bytes) else { return "(not a numeric)".to_owned() };
    match parts.sign {
        PLUS_INFINITY => return "Infinity".to_owned(),
        MINUS_INFINITY => return "-Infinity".to_owned(),
        NAN => return "NaN".to_owned(),
        _ => {}
    }
    let digit_at = |power: i32| parts.digits().find(|(p, _)| *p == power).map_or(0, |(_, digit)| digit);
    let mut whole = String::new();
    for place in (0..=parts.weight.max(0)).rev() {
        let _ = write!(whole, "{:04}", digit_at(WIDTH * place));
    }
    let whole = whole.trim_start_matches('0');
    let mut part = String::new();
    for place in 1..=i32::from(parts.decimals.div_ceil(WIDTH as u16)) {
        let _ = write!(part, "{:04}", digit_at(-WIDTH * place));
    }
    part.truncate(usize::from(parts.decimals));
    let sign = if parts.sign == NEGATIVE { "-" } else { "" };
    let point = if part.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{part}", if whole.is_empty() { "0" } else { whole })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A number in binary form by its parts.
    fn number(weight: i16, sign: u16, decimals: u16, digits: &[u16]) -> Vec<u8> {
        let header = [digits.len() as u16, weight as u16, sign, decimals];
        header.iter().chain(digits).flat_map(|half| half.to_be_bytes()).collect()
    }

    #[test]
    fn what_postgresql_sends_is_read_exactly() {
        fn check(bytes: &[u8], scale: u32, expected: Result<i128, Misfit>, words: &str) {
            assert_eq!(decode(bytes, scale), expected, "{words}");
            assert_eq!(text(bytes), words);
        }
        let lost = Err(Misfit::TooManyDecimals { max: 8 });
        check(&number(1, POSITIVE, 8, &[6, 1837, 6300]), 8, Ok(6_183_763_000_000), "61837.63000000");
        check(&number(0, NEGATIVE, 1, &[1, 5000]), 8, Ok(-150_000_000), "-1.5");
        check(&number(0, POSITIVE, 0, &[]), 8, Ok(0), "0");
        check(&number(-2, POSITIVE, 8, &[1]), 8, Ok(1), "0.00000001");
        check(&number(-3, POSITIVE, 9, &[1000]), 8, lost, "0.000000001");
        check(&number(-3, POSITIVE, 9, &[1000]), 9, Ok(1), "0.000000001");
        check(&number(2, POSITIVE, 0, &[1]), 8, Ok(10_000_000_000_000_000), "100000000");
        check(&number(20, POSITIVE, 0, &[1]), 8, Err(Misfit::OutOfRange), &format!("1{}", "0".repeat(80)));
        check(&number(0, NAN, 0, &[]), 8, Err(Misfit::NotFinite), "NaN");
        check(&number(0, MINUS_INFINITY, 0, &[]), 8, Err(Misfit::NotFinite), "-Infinity");
        check(&[0, 1], 8, Err(Misfit::Malformed), "(not a numeric)");
        check(&[0, 1, 0, 0, 0, 0, 0, 0], 8, Err(Misfit::Malformed), "(not a numeric)");
    }

    #[test]
    fn the_largest_numbers_of_both_columns_come_back() {
        for (value, scale) in [(messages::caps::DECIMAL_38_MAX, 9), (i128::from(messages::caps::DECIMAL_18_MAX), 8)] {
            for value in [value, -value] {
                let mut bytes = Vec::new();
                encode(value, scale, &mut bytes);
                assert_eq!(decode(&bytes, scale), Ok(value));
            }
        }
    }

    proptest! {
        #[test]
        fn a_number_comes_back(value in any::<i64>(), shift in 0u32..18, scale in 0u32..12) {
            let value = i128::from(value) * 10i128.pow(shift);
            let mut bytes = Vec::new();
            encode(value, scale, &mut bytes);
            prop_assert_eq!(decode(&bytes, scale), Ok(value));
            // One decimal more is ten times as much; one less is refused unless the last digit is a zero.
            prop_assert_eq!(decode(&bytes, scale + 1), Ok(value * 10));
            if scale > 0 {
                let expected = if value % 10 == 0 { Ok(value / 10) } else { Err(Misfit::TooManyDecimals { max: scale - 1 }) };
                prop_assert_eq!(decode(&bytes, scale - 1), expected);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40), scale in 0u32..10) {
            let _ = decode(&bytes, scale);
            let _ = text(&bytes);
        }
    }
}
