//! `/v2/calendar`: the days on which US stocks trade, early closes included.
//!
//! The calendar's times are those of New York and become instants when they are read, so that nobody who asks it needs
//! to know of time zones. Invariant: sessions are sorted and do not overlap.

use chrono::{NaiveDate, NaiveTime};
use messages::UtcNanos;
use serde::Deserialize;

use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, Field};

const EVENT: &str = "calendar";

/// A day's regular session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Session {
    open: UtcNanos,
    /// 16:00 in New York, earlier before some holidays.
    close: UtcNanos,
}

/// The days of trading that are known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calendar {
    sessions: Vec<Session>,
}

#[derive(Deserialize)]
struct Day<'a> {
    #[serde(borrow)]
    date: Option<Text<'a>>,
    #[serde(borrow)]
    open: Option<Text<'a>>,
    #[serde(borrow)]
    close: Option<Text<'a>>,
}

impl Calendar {
    /// Reads the body of `GET /v2/calendar`.
    ///
    /// # Errors
    /// No such list, or a day that cannot be.
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let days: Vec<Day<'_>> = json::read(json::text(body)?, EVENT)?;
        let mut sessions = days.iter().map(Session::of).collect::<Result<Vec<_>, _>>()?;
        sessions.sort();
        sessions.dedup_by_key(|session| session.open);
        Ok(Self { sessions })
    }

    /// The ends of all regular sessions: the instants at which DAY orders end.
    pub fn closes(&self) -> impl Iterator<Item = UtcNanos> {
        self.sessions.iter().map(|session| session.close)
    }
}

impl Session {
    fn of(day: &Day<'_>) -> Result<Self, DecodeError> {
        let date = field(&day.date, "date")?;
        let on = NaiveDate::parse_from_str(date.text, "%Y-%m-%d").map_err(|_| date.invalid("not a date"))?;
        let (open, close) = (instant(on, field(&day.open, "open")?)?, instant(on, field(&day.close, "close")?)?);
        if open < close { Ok(Self { open, close }) } else { Err(date.invalid("a day out of order")) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testdata;

    const DAYS: &str = r#"[
        {"date":"2026-11-25","open":"09:30","close":"16:00","session_open":"0400","session_close":"2000"},
        {"date":"2026-11-27","open":"09:30","close":"13:00","session_open":"0400","session_close":"1700"},
        {"date":"2026-07-01","open":"09:30","close":"16:00"}]"#;

    #[test]
    fn days_end_with_the_session_early_closes_and_holidays_included() {
        let calendar = Calendar::read(DAYS.as_bytes()).unwrap();
        let closes: Vec<UtcNanos> = calendar.closes().collect();
        // Thanksgiving is none, and the Friday behind it is short.
        let expected = ["2026-07-01T20:00:00Z", "2026-11-25T21:00:00Z", "2026-11-27T18:00:00Z"];
        assert_eq!(closes, expected.map(|at| at.parse().unwrap()));
    }

    #[test]
    fn a_day_that_cannot_be_is_refused() {
        for wrong in ["16:00", "0", "25:00"] {
            assert!(Calendar::read(DAYS.replace("09:30", wrong).as_bytes()).is_err(), "{wrong}");
        }
        assert!(Calendar::read(b"{}").is_err());
    }

    #[test]
    fn recorded_calendars_are_read() {
        let is_calendar = |days: &Vec<serde_json::Value>| {
            !days.is_empty() && days.iter().all(|day| day["open"].is_string() && day["date"].is_string())
        };
        for body in testdata::alpaca_bodies() {
            if let Some(days) = body.as_array().filter(|days| is_calendar(days)) {
                let calendar = Calendar::read(body.to_string().as_bytes()).unwrap();
                assert_eq!(calendar.sessions.len(), days.len());
            }
        }
    }
}
