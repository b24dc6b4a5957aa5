//! Periods: the UTC days and months that tables are divided into, written `2024-08-08` and `2024-08`.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Months, NaiveDate};
use messages::UtcNanos;

/// How long the periods of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// UTC days.
    Day,
    /// UTC months.
    Month,
}

/// A day or a month. Periods of one table are in order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    first: NaiveDate,
    is_month: bool,
}

/// What is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a day nor a month; expected 2024-08-08 or 2024-08")]
pub struct PeriodError(pub String);

impl Period {
    /// The period of this unit that holds an instant.
    #[must_use]
    pub fn of(unit: Unit, at: UtcNanos) -> Self {
        let date = chrono::DateTime::from_timestamp_nanos(at.0).date_naive();
        match unit {
            Unit::Day => Self { first: date, is_month: false },
            Unit::Month => Self { first: date.with_day(1).unwrap_or(date), is_month: true },
        }
    }

    /// Its unit.
    #[must_use]
    pub fn unit(self) -> Unit {
        if self.is_month { Unit::Month } else { Unit::Day }
    }

    /// Its first instant.
    #[must_use]
    pub fn start(self) -> UtcNanos {
        instant(self.first)
    }

    /// The first instant behind it.
    #[must_use]
    pub fn end(self) -> UtcNanos {
        let next = if self.is_month { self.first.checked_add_months(Months::new(1)) } else { self.first.succ_opt() };
        next.map_or(UtcNanos::MAX, instant)
    }

    /// The folder of its files: `day=2024-08-08`, `month=2024-08`.
    #[must_use]
    pub fn folder(self) -> String {
        format!("{}={self}", if self.is_month { "month" } else { "day" })
    }

    /// A condition that holds for a TIMESTAMP of this period.
    #[must_use]
    pub fn holds(self, column: &str) -> String {
        format!("\"{column}\" >= TIMESTAMP '{}' AND \"{column}\" < TIMESTAMP '{}'", self.start(), self.end())
    }
}

fn instant(date: NaiveDate) -> UtcNanos {
    let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc();
    midnight.timestamp_nanos_opt().map_or(UtcNanos::MAX, UtcNanos)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = if self.is_month { "%Y-%m" } else { "%Y-%m-%d" };
        write!(f, "{}", self.first.format(format))
    }
}

impl FromStr for Period {
    type Err = PeriodError;
    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let wrong = || PeriodError(text.to_owned());
        let is_month = text.len() == 7;
        let whole = if is_month { format!("{text}-01") } else { text.to_owned() };
        let first = NaiveDate::parse_from_str(&whole, "%Y-%m-%d").map_err(|_| wrong())?;
        Ok(Self { first, is_month })
    }
}
