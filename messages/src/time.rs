//! Time as data: nanoseconds since 1970 in UTC. Nobody in this crate knows what time it is.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};

use crate::caps;

/// Nanoseconds of a UTC day.
const DAY: i64 = 86_400_000_000_000;

/// An instant: nanoseconds since 1970-01-01 00:00:00 UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UtcNanos(pub i64);

impl UtcNanos {
    /// The earliest instant that can be written.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant that can be written (2262).
    pub const MAX: Self = Self(i64::MAX);

    /// From milliseconds since 1970; `None` when 64 bits of nanoseconds do not hold it.
    #[must_use]
    pub fn from_millis(ms: i64) -> Option<Self> {
        ms.checked_mul(1_000_000).map(Self)
    }
    /// From seconds since 1970; `None` when 64 bits of nanoseconds do not hold it.
    #[must_use]
    pub fn from_secs(secs: i64) -> Option<Self> {
        secs.checked_mul(1_000_000_000).map(Self)
    }
    /// Microseconds since 1970: what a TIMESTAMP column holds. Rounds down.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0.div_euclid(1_000)
    }
    /// Whole seconds since 1970. Rounds down.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }
    /// The UTC day as days since 1970.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY)
    }
    /// The first instant of the UTC day `day` (days since 1970).
    #[must_use]
    pub const fn start_of_day(day: i64) -> Self {
        Self(day.saturating_mul(DAY))
    }
    /// The start of the interval of `width` that holds this instant, counted from 1970.
    #[must_use]
    #[inline]
    pub fn floor_to(self, width: Duration) -> Self {
        let width = nanos(width).max(1);
        Self(self.0.div_euclid(width).saturating_mul(width))
    }
    /// Later by `by`, at most [`Self::MAX`].
    #[must_use]
    #[inline]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(nanos(by)))
    }
    /// Earlier by `by`, at least [`Self::MIN`].
    #[must_use]
    #[inline]
    pub fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(by)))
    }
    /// Nanoseconds from `earlier` to here; negative when it lies later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
    /// True for a message's own time that lies further ahead of its receive time than [`caps::CLOCK_TOLERANCE`].
    #[must_use]
    pub fn is_ahead_of(self, received: Self) -> bool {
        self > received.after(caps::CLOCK_TOLERANCE)
    }
    /// The UTC day as `YYYYMMDD`, the name of its table.
    #[must_use]
    pub fn day_name(day: i64) -> String {
        Self::start_of_day(day).date_time().format("%Y%m%d").to_string()
    }
    fn date_time(self) -> DateTime<chrono::Utc> {
        DateTime::from_timestamp_nanos(self.0)
    }
}

/// Nanoseconds of a duration, at most what 64 bits hold.
#[must_use]
#[inline]
pub fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// `YYYY-MM-DD HH:MM:SS.ffffff`, as every answer of the command line writes it.
impl fmt::Display for UtcNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date_time().format("%Y-%m-%d %H:%M:%S%.6f"))
    }
}

impl fmt::Debug for UtcNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date_time().format("%Y-%m-%dT%H:%M:%S%.9fZ"))
    }
}

/// Why a text is not an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a UTC time; expected 2024-08-09, 2024-08-09 00:05:05.123456 or 2024-08-09T00:05:05Z")]
pub struct TimeError(pub String);

/// Reads a date, a date and time in UTC, or RFC 3339 with its offset.
impl FromStr for UtcNanos {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let wrong = || TimeError(text.to_owned());
        let when = if let Ok(when) = DateTime::parse_from_rfc3339(text) {
            when.to_utc()
        } else if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            date.and_hms_opt(0, 0, 0).ok_or_else(wrong)?.and_utc()
        } else {
            let plain = text.replace('T', " ");
            NaiveDateTime::parse_from_str(&plain, "%Y-%m-%d %H:%M:%S%.f").map_err(|_| wrong())?.and_utc()
        };
        when.timestamp_nanos_opt().map(UtcNanos).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_in_every_usual_form() {
        fn check(text: &str, nanos: i64) {
            assert_eq!(text.parse::<UtcNanos>().unwrap().0, nanos, "{text}");
        }
        check("1970-01-02", DAY);
        check("1970-01-01 00:00:01.5", 1_500_000_000);
        check("1970-01-01T00:00:01.000000001Z", 1_000_000_001);
        check("1970-01-01T01:00:00+01:00", 0);
        assert!("yesterday".parse::<UtcNanos>().is_err());
    }

    #[test]
    fn days_before_1970_round_down() {
        assert_eq!(UtcNanos(-1).day(), -1);
        assert_eq!(UtcNanos(-1).micros(), -1);
        assert_eq!(UtcNanos::day_name(0), "19700101");
        assert_eq!(UtcNanos(1_723_161_255_342_000_000).to_string(), "2024-08-08 23:54:15.342000");
    }
}
