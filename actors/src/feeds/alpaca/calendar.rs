//! `/v2/calendar` and `/v2/clock`: on which days and from when to when US stocks trade, early closes included.
//!
//! The calendar's times are those of New York and become instants when they are read, so that nobody who asks it needs
//! to know of time zones. Invariant: sessions are sorted and do not overlap.

use chrono::{NaiveDate, NaiveTime};
use messages::UtcNanos;
use serde::Deserialize;

use crate::feeds::json::{self, Text};
use crate::feeds::{DecodeError, Field};

const EVENT: &str = "calendar";

/// A day on which there is trading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// When the regular session opens.
    pub open: UtcNanos,
    /// When it closes: 16:00 in New York, earlier before some holidays.
    pub close: UtcNanos,
    /// When trading begins before it; the regular opening where the calendar does not say.
    pub extended_open: UtcNanos,
    /// When trading ends behind it; the regular close where the calendar does not say.
    pub extended_close: UtcNanos,
}

/// The days of trading that are known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calendar {
    sessions: Vec<Session>,
}

/// What the venue's clock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Its time.
    pub time: UtcNanos,
    /// Whether the regular session is open.
    pub is_open: bool,
    /// When the next one opens.
    pub next_open: UtcNanos,
    /// When the running or next one closes.
    pub next_close: UtcNanos,
}

#[derive(Deserialize)]
struct Day<'a> {
    #[serde(borrow)]
    date: Option<Text<'a>>,
    #[serde(borrow)]
    open: Option<Text<'a>>,
    #[serde(borrow)]
    close: Option<Text<'a>>,
    #[serde(borrow)]
    session_open: Option<Text<'a>>,
    #[serde(borrow)]
    session_close: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct ClockShape<'a> {
    #[serde(borrow)]
    timestamp: Option<Text<'a>>,
    is_open: Option<bool>,
    #[serde(borrow)]
    next_open: Option<Text<'a>>,
    #[serde(borrow)]
    next_close: Option<Text<'a>>,
}

impl Calendar {
    /// Reads the body of `GET /v2/calendar`.
    ///
    /// # Errors
    /// No such list, or a day that cannot be.
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let days: Vec<Day<'_>> = json::read(json::text(body)?, EVENT)?;
        let mut sessions = days.iter().map(Session::of).collect::<Result<Vec<_>, _>>()?;
        sessions.sort_by_key(|session| session.open);
        sessions.dedup_by_key(|session| session.open);
        Ok(Self { sessions })
    }

    /// The session, hours before and behind it included, that an instant lies in; between two sessions the next one.
    /// `None` beyond what is known.
    #[must_use]
    pub fn session_of(&self, at: UtcNanos) -> Option<Session> {
        let place = self.sessions.partition_point(|session| session.extended_close <= at);
        self.sessions.get(place).copied()
    }

    /// The ends of all regular sessions.
    pub fn closes(&self) -> impl Iterator<Item = UtcNanos> {
        self.sessions.iter().map(|session| session.close)
    }

    /// Whether the regular session is open.
    #[must_use]
    pub fn is_open(&self, at: UtcNanos) -> bool {
        self.session_of(at).is_some_and(|session| session.open <= at && at < session.close)
    }

    /// The instant at which a DAY order placed at `at` ends: the next close of a regular session. `None` beyond what is
    /// known.
    #[must_use]
    pub fn day_ends(&self, at: UtcNanos) -> Option<UtcNanos> {
        let place = self.sessions.partition_point(|session| session.close <= at);
        self.sessions.get(place).map(|session| session.close)
    }
}

impl Session {
    fn of(day: &Day<'_>) -> Result<Self, DecodeError> {
        let date = field(&day.date, "date")?;
        let on = NaiveDate::parse_from_str(date.text, "%Y-%m-%d").map_err(|_| date.invalid("not a date"))?;
        let (open, close) = (instant(on, field(&day.open, "open")?)?, instant(on, field(&day.close, "close")?)?);
        let or = |value: &Option<Text<'_>>, name, regular| match value {
            Some(text) => instant(on, Field { event: EVENT, name, text }),
            None => Ok(regular),
        };
        let extended_open = or(&day.session_open, "session_open", open)?;
        let extended_close = or(&day.session_close, "session_close", close)?;
        let session = Self { open, close, extended_open, extended_close };
        if extended_open <= open && open < close && close <= extended_close {
            Ok(session)
        } else {
            Err(date.invalid("a day out of order"))
        }
    }
}

fn field<'a>(value: &'a Option<Text<'_>>, name: &'static str) -> Result<Field<'a>, DecodeError> {
    value
        .as_deref()
        .map(|text| Field { event: EVENT, name, text })
        .ok_or(DecodeError::Missing { event: EVENT, field: name })
}

/// A time in New York, `09:30` or `0930`.
fn instant(date: NaiveDate, time: Field<'_>) -> Result<UtcNanos, DecodeError> {
    let parsed = ["%H:%M", "%H%M"].iter().find_map(|form| NaiveTime::parse_from_str(time.text, form).ok());
    let local = date.and_time(parsed.ok_or_else(|| time.invalid("not a time"))?);
    let zoned = local.and_local_timezone(chrono_tz::America::New_York).single();
    let nanos = zoned.and_then(|zoned| zoned.timestamp_nanos_opt());
    nanos.map(UtcNanos).ok_or_else(|| time.invalid("not a time in New York"))
}

impl Clock {
    /// Reads the body of `GET /v2/clock`.
    ///
    /// # Errors
    /// No such body.
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        const EVENT: &str = "clock";
        let shape: ClockShape<'_> = json::read(json::text(body)?, EVENT)?;
        let time = |value: &Option<Text<'_>>, name| {
            let text = value.as_deref().ok_or(DecodeError::Missing { event: EVENT, field: name })?;
            text.parse().map_err(|_| Field { event: EVENT, name, text }.invalid("not an RFC 3339 time"))
        };
        Ok(Self {
            time: time(&shape.timestamp, "timestamp")?,
            is_open: shape.is_open.ok_or(DecodeError::Missing { event: EVENT, field: "is_open" })?,
            next_open: time(&shape.next_open, "next_open")?,
            next_close: time(&shape.next_close, "next_close")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeds::alpaca::session::tests::recorded_bodies;

    const DAYS: &str = r#"[
        {"date":"2026-11-25","open":"09:30","close":"16:00","session_open":"0400","session_close":"2000"},
        {"date":"2026-11-27","open":"09:30","close":"13:00","session_open":"0400","session_close":"1700"},
        {"date":"2026-07-01","open":"09:30","close":"16:00"}]"#;

    fn at(text: &str) -> UtcNanos {
        text.parse().unwrap()
    }

    #[test]
    fn days_end_with_the_session_early_closes_and_holidays_included() {
        let calendar = Calendar::read(DAYS.as_bytes()).unwrap();
        let check = |now: &str, expected: &str| assert_eq!(calendar.day_ends(at(now)), Some(at(expected)), "{now}");
        check("2026-07-01T13:00:00Z", "2026-07-01T20:00:00Z");
        check("2026-11-25T15:00:00Z", "2026-11-25T21:00:00Z");
        // Thanksgiving is none, and the Friday behind it is short.
        check("2026-11-25T21:00:00Z", "2026-11-27T18:00:00Z");
        check("2026-11-26T15:00:00Z", "2026-11-27T18:00:00Z");
        assert_eq!(calendar.day_ends(at("2026-11-27T18:00:00Z")), None);
    }

    #[test]
    fn a_session_is_open_in_its_regular_hours() {
        let calendar = Calendar::read(DAYS.as_bytes()).unwrap();
        let check = |now: &str, open: bool| assert_eq!(calendar.is_open(at(now)), open, "{now}");
        check("2026-11-25T14:29:59Z", false);
        check("2026-11-25T14:30:00Z", true);
        check("2026-11-27T17:59:59Z", true);
        check("2026-11-27T18:00:00Z", false);
        let session = calendar.session_of(at("2026-11-25T22:00:00Z")).unwrap();
        assert_eq!((session.close, session.extended_close), (at("2026-11-25T21:00:00Z"), at("2026-11-26T01:00:00Z")));
        assert_eq!(calendar.session_of(at("2026-11-26T12:00:00Z")).unwrap().close, at("2026-11-27T18:00:00Z"));
    }

    #[test]
    fn a_day_that_cannot_be_is_refused() {
        for wrong in ["16:00", "0", "25:00"] {
            assert!(Calendar::read(DAYS.replace("09:30", wrong).as_bytes()).is_err(), "{wrong}");
        }
        assert!(Calendar::read(b"{}").is_err());
    }

    #[test]
    fn recorded_clocks_and_calendars_are_read() {
        let clock = r#"{"timestamp":"2022-05-16T16:32:24.14373588-04:00","is_open":false,"next_open":"2022-05-17T09:30:00-04:00","next_close":"2022-05-17T16:00:00-04:00"}"#;
        let clock = Clock::read(clock.as_bytes()).unwrap();
        assert_eq!((clock.is_open, clock.next_close), (false, at("2022-05-17T20:00:00Z")));
        for body in recorded_bodies() {
            if body["is_open"].is_boolean() {
                Clock::read(body.to_string().as_bytes()).unwrap();
            }
            let is_calendar = |days: &Vec<serde_json::Value>| {
                !days.is_empty() && days.iter().all(|day| day["open"].is_string() && day["date"].is_string())
            };
            if let Some(days) = body.as_array().filter(|days| is_calendar(days)) {
                let calendar = Calendar::read(body.to_string().as_bytes()).unwrap();
                assert_eq!(calendar.sessions.len(), days.len());
            }
        }
    }
}
