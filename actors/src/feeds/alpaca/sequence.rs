//! The sequence of a trade: Alpaca's trade id made unique, so that a repeated trade is known and a correction finds
//! what it corrects.
//!
//! An id of a stock trade is unique per symbol, exchange and day only: `1` comes from each exchange of a symbol, every
//! morning. So the exchange's letter and the day stand in front of it, in decimal digits that a person can read:
//!
//! ```text
//! 123 22 00000000096921
//! day │  id, below 10^14 (the longest seen have 14 digits)
//!     letter: ASCII code − 65 (W = 22, a = 32)
//! ```
//!
//! The day is the number of days since 1970, modulo 900, of the instant six hours earlier: US stocks trade from 4:00 to
//! 20:00 in New York, which is 08:00 to 01:00 UTC, so no session is cut. A correction or cancel carries its own time,
//! and is of the same day.
//!
//! A crypto trade has no exchange; its id is unique per symbol for good and stays as it is. An id that does not fit gives
//! no sequence.

use std::time::Duration;

use messages::UtcNanos;
use serde_json::value::RawValue;

/// What ids are below.
const IDS: i64 = 100_000_000_000_000;
const LETTERS: i64 = 100;
const DAYS: i64 = 900;
/// An hour at which no US exchange trades.
const DAY_BEGINS: Duration = Duration::from_secs(6 * 3_600);

/// The sequence of the trade `id` of the exchange `exchange` at `time`, both as JSON text.
pub fn sequence(exchange: Option<&RawValue>, id: Option<&RawValue>, time: UtcNanos) -> Option<i64> {
    let id: i64 = id?.get().parse().ok()?;
    match exchange.map(|letter| letter.get().as_bytes()) {
        Some([b'"', letter, b'"']) => of_stock(*letter, id, time),
        Some(_) => None,
        None => Some(id),
    }
}

fn of_stock(letter: u8, id: i64, time: UtcNanos) -> Option<i64> {
    let fits = letter.is_ascii_alphabetic() && (0..IDS).contains(&id);
    let day = time.before(DAY_BEGINS).day().rem_euclid(DAYS);
    fits.then(|| (day * LETTERS + i64::from(letter - b'A')) * IDS + id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(exchange: Option<&str>, id: &str, time: &str) -> Option<i64> {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let (exchange, id) = (exchange.map(raw), raw(id));
        sequence(exchange.as_deref(), Some(&id), time.parse().unwrap())
    }

    #[test]
    fn the_same_id_of_another_exchange_or_day_is_another_trade() {
        let morning = "2024-01-02T14:30:00Z";
        let at = |exchange, time| of(Some(exchange), "151", time).unwrap();
        // 2024-01-02 is day 19,724 since 1970, and 824 modulo 900.
        assert_eq!(at("\"D\"", morning), 8_240_300_000_000_000_151);
        assert_eq!(at("\"z\"", morning), 8_245_700_000_000_000_151);
        assert_ne!(at("\"D\"", morning), at("\"P\"", morning));
        assert_ne!(at("\"D\"", morning), at("\"D\"", "2024-01-03T14:30:00Z"));
        // The evening of one session reaches into the next day of UTC.
        assert_eq!(at("\"D\"", morning), at("\"D\"", "2024-01-03T00:59:59Z"));
    }

    #[test]
    fn what_does_not_fit_has_no_sequence() {
        let now = "2026-11-24T15:00:00Z";
        assert_eq!(of(None, "293648598", now), Some(293_648_598), "crypto");
        assert!(of(Some("\"V\""), "99999999999999", now).is_some());
        assert_eq!(of(Some("\"V\""), "100000000000000", now), None);
        assert_eq!(of(Some("\"V\""), "-1", now), None);
        assert_eq!(of(Some("\"VV\""), "1", now), None);
        assert_eq!(of(Some("\"1\""), "1", now), None);
        assert_eq!(of(None, "9223372036854775808", now), None);
    }
}
