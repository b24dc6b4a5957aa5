//! What is traded and where: exchanges, symbols, assets and the rules of an instrument.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Timelike};
use serde::{Deserialize, Serialize};

use crate::number::{Cash, Price, Quantity};
use crate::time::UtcNanos;

pub use crate::ids::{AssetName as Asset, SymbolName as Symbol};

/// A market. `simulated` is ours and marked so in every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exchange {
    /// Binance Spot.
    Binance,
    /// Alpaca: US stocks and crypto.
    Alpaca,
    /// The seeded market inside Merganser.
    Simulated,
}

impl Exchange {
    /// Every market.
    pub const ALL: &'static [Self] = &[Self::Binance, Self::Alpaca, Self::Simulated];

    /// The name in rows, files and settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Alpaca => "alpaca",
            Self::Simulated => "simulated",
        }
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that is no exchange of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an exchange; expected binance, alpaca or simulated")]
pub struct UnknownExchange(pub String);

impl FromStr for Exchange {
    type Err = UnknownExchange;
    fn from_str(text: &str) -> Result<Self, UnknownExchange> {
        Self::ALL.iter().copied().find(|e| e.as_str() == text).ok_or_else(|| UnknownExchange(text.to_owned()))
    }
}

/// One instrument: a symbol on its exchange. Copies without allocation and sorts by exchange and name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instrument {
    /// The market.
    pub exchange: Exchange,
    /// The symbol as that market writes it.
    pub symbol: Symbol,
}

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.exchange, self.symbol)
    }
}

impl fmt::Debug for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// When an instrument trades, which decides the end of DAY orders, and when silence means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Sessions {
    /// Around the clock; the day ends at 00:00 UTC.
    #[default]
    AroundTheClock,
    /// US equities; the day ends with the regular session.
    UsEquities,
}

/// What a venue's calendar says of the ends of sessions; where it says nothing, the usual week does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calendar {
    us_equities: Vec<UtcNanos>,
}

impl Calendar {
    /// From the ends of regular sessions of US equities: early closes among them, holidays not.
    #[must_use]
    pub fn of_us_equities(mut closes: Vec<UtcNanos>) -> Self {
        closes.sort_unstable();
        Self { us_equities: closes }
    }

    /// The instant at which a DAY order placed at `at` ends: as [`Sessions::day_ends`], by the calendar where it reaches.
    #[must_use]
    pub fn day_ends(&self, sessions: Sessions, at: UtcNanos) -> UtcNanos {
        let known = match sessions {
            Sessions::AroundTheClock => None,
            Sessions::UsEquities => self.us_equities.get(self.us_equities.partition_point(|close| *close <= at)),
        };
        known.copied().unwrap_or_else(|| sessions.day_ends(at))
    }

    /// Whether a regular session runs at `at`. Those of US equities begin at 9:30 in New York on every day that has an end, early
    /// closes included.
    #[must_use]
    pub fn is_open(&self, sessions: Sessions, at: UtcNanos) -> bool {
        match sessions {
            Sessions::AroundTheClock => true,
            Sessions::UsEquities => {
                let (now, close) = (new_york(at), new_york(self.day_ends(sessions, at)));
                now.date_naive() == close.date_naive() && (now.hour(), now.minute()) >= US_EQUITIES_OPEN
            }
        }
    }
}

/// When the regular session of US equities begins, in New York.
const US_EQUITIES_OPEN: (u32, u32) = (9, 30);
/// When the regular session of US equities ends, in New York.
const US_EQUITIES_CLOSE: (u32, u32) = (16, 0);

impl Sessions {
    /// The name in rows and settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AroundTheClock => "around_the_clock",
            Self::UsEquities => "us_equities",
        }
    }

    /// The instant at which a DAY order placed at `at` ends: the next 00:00 UTC, or the next end of a regular
    /// session, Monday to Friday. Holidays and early closes are in a [`Calendar`].
    #[must_use]
    pub fn day_ends(self, at: UtcNanos) -> UtcNanos {
        let midnight = UtcNanos::start_of_day(at.day() + 1);
        match self {
            Self::AroundTheClock => midnight,
            Self::UsEquities => next_close(at).unwrap_or(midnight),
        }
    }
}

fn new_york(at: UtcNanos) -> chrono::DateTime<chrono_tz::Tz> {
    chrono::DateTime::from_timestamp_nanos(at.0).with_timezone(&chrono_tz::America::New_York)
}

/// The next end of a regular session behind `at`; `None` beyond the years that the calendar knows.
fn next_close(at: UtcNanos) -> Option<UtcNanos> {
    let local = new_york(at);
    let (hour, minute) = US_EQUITIES_CLOSE;
    // A weekend is two days, and the close of the first day may have passed.
    for date in local.date_naive().iter_days().take(4) {
        let close = date.and_hms_opt(hour, minute, 0)?.and_local_timezone(local.timezone()).single()?;
        let close = UtcNanos(close.timestamp_nanos_opt()?);
        let is_weekend = matches!(date.weekday(), chrono::Weekday::Sat | chrono::Weekday::Sun);
        if !is_weekend && close > at {
            return Some(close);
        }
    }
    None
}

/// The rules of an instrument. A zero step or limit switches that rule off, as at Binance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The instrument.
    pub instrument: Instrument,
    /// What is bought and sold.
    pub base: Asset,
    /// What it is paid in.
    pub quote: Asset,
    /// Prices are multiples of this.
    pub price_step: Price,
    /// Quantities are multiples of this.
    pub quantity_step: Quantity,
    /// The smallest order.
    pub min_quantity: Quantity,
    /// The largest order.
    pub max_quantity: Quantity,
    /// The smallest price × quantity.
    pub min_notional: Cash,
    /// When it trades.
    pub sessions: Sessions,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_knows_early_closes_and_holidays_and_the_week_the_rest() {
        let at = |text: &str| text.parse::<UtcNanos>().unwrap();
        // Thanksgiving is no session, and the day behind it is a short one.
        let closes = ["2026-11-27T18:00:00Z", "2026-11-25T21:00:00Z"].map(at);
        let calendar = Calendar::of_us_equities(closes.to_vec());
        let ends = |time: &str| calendar.day_ends(Sessions::UsEquities, at(time)).to_string();
        assert_eq!(ends("2026-11-25T20:00:00Z"), "2026-11-25 21:00:00.000000");
        assert_eq!(ends("2026-11-26T15:00:00Z"), "2026-11-27 18:00:00.000000");
        assert_eq!(ends("2026-11-27T18:00:00Z"), "2026-11-27 21:00:00.000000", "beyond it the usual week");
        let around = calendar.day_ends(Sessions::AroundTheClock, at("2026-11-26T15:00:00Z"));
        assert_eq!(around.to_string(), "2026-11-27 00:00:00.000000");
    }

    #[test]
    fn equities_trade_from_half_past_nine_to_the_close_of_the_day() {
        let at = |text: &str| text.parse::<UtcNanos>().unwrap();
        let closes = ["2026-11-25T21:00:00Z", "2026-11-27T18:00:00Z", "2026-11-30T21:00:00Z"].map(at);
        let calendar = Calendar::of_us_equities(closes.to_vec());
        let check = |time: &str, expected: bool| {
            assert_eq!(calendar.is_open(Sessions::UsEquities, at(time)), expected, "{time}");
            assert!(calendar.is_open(Sessions::AroundTheClock, at(time)), "{time}");
        };
        check("2026-11-25T14:29:59Z", false);
        check("2026-11-25T14:30:00Z", true);
        check("2026-11-25T20:59:59Z", true);
        check("2026-11-25T21:00:00Z", false);
        // The evening in New York that is the next day in UTC.
        check("2026-11-26T01:00:00Z", false);
        // Thanksgiving, a Friday that ends early, a weekend, a Monday, and a Tuesday of which the calendar says nothing.
        check("2026-11-26T16:00:00Z", false);
        check("2026-11-27T17:00:00Z", true);
        check("2026-11-27T18:00:00Z", false);
        check("2026-11-28T16:00:00Z", false);
        check("2026-11-30T16:00:00Z", true);
        check("2026-12-01T16:00:00Z", true);
        // Summer, by the usual week.
        let is_open = |time: &str| Calendar::default().is_open(Sessions::UsEquities, at(time));
        let times = ["2026-07-01T13:29:59Z", "2026-07-01T13:30:00Z", "2026-07-01T20:00:00Z"];
        assert_eq!(times.map(is_open), [false, true, false]);
    }

    #[test]
    fn a_day_ends_with_utc_or_with_the_session_in_new_york() {
        let check = |sessions: Sessions, at: &str, expected: &str| {
            let at: UtcNanos = at.parse().unwrap();
            assert_eq!(sessions.day_ends(at).to_string(), expected, "{at}");
        };
        check(Sessions::AroundTheClock, "2026-11-24T12:00:00Z", "2026-11-25 00:00:00.000000");
        // Winter and summer: 16:00 in New York is 21:00 or 20:00 UTC.
        check(Sessions::UsEquities, "2026-11-24T15:00:00Z", "2026-11-24 21:00:00.000000");
        check(Sessions::UsEquities, "2026-07-01T15:00:00Z", "2026-07-01 20:00:00.000000");
        // At the close the day has ended; behind Friday's comes Monday's.
        check(Sessions::UsEquities, "2026-11-24T21:00:00Z", "2026-11-25 21:00:00.000000");
        check(Sessions::UsEquities, "2026-11-27T22:00:00Z", "2026-11-30 21:00:00.000000");
        check(Sessions::UsEquities, "2026-11-28T10:00:00Z", "2026-11-30 21:00:00.000000");
    }
}
