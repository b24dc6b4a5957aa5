//! Times of the day in which nothing new is begun: around a settlement, the news, a night without anybody at the desk.

use messages::UtcNanos;
use messages::risk::Refusal;
use serde::{Deserialize, Serialize};

use super::{Context, refuse};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MINUTE: i64 = 60_000_000_000;
const DAY_MINUTES: i64 = 24 * 60;

/// A span of the day in UTC, on some days of the week: `21:55-22:10`, `fri 20:00-24:00`, `sat,sun 00:00-24:00`. One that ends
/// before it begins goes on into the next day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Blackout {
    text: String,
    days: [bool; 7],
    from: i64,
    to: i64,
}

impl TryFrom<String> for Blackout {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let (days, span) = text.trim().rsplit_once(' ').unwrap_or(("", text.trim()));
            let (from, to) = span.split_once('-')?;
            let (from, to) = (minutes(from)?, minutes(to)?);
            Some((days_of(days)?, from, to)).filter(|_| from != to)
        };
        let Some((days, from, to)) = read() else {
            return Err(format!(
                "`{text}` is no span of a day; expected one in UTC, as \"21:55-22:10\" or \"sat,sun 00:00-24:00\""
            ));
        };
        Ok(Self { text, days, from, to })
    }
}

impl From<Blackout> for String {
    fn from(blackout: Blackout) -> Self {
        blackout.text
    }
}

impl std::fmt::Display for Blackout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.text)
    }
}

fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let is_short = hours.len() == 2 && minutes.len() == 2;
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    let all = i64::from(hours) * 60 + i64::from(minutes);
    (is_short && minutes < 60 && all <= DAY_MINUTES).then_some(all)
}

fn days_of(text: &str) -> Option<[bool; 7]> {
    if text.trim().is_empty() {
        return Some([true; 7]);
    }
    let mut days = [false; 7];
    for name in text.split(',') {
        days[DAYS.iter().position(|day| *day == name.trim())?] = true;
    }
    Some(days)
}

impl Blackout {
    /// Whether it holds at an instant.
    #[must_use]
    pub fn holds(&self, at: UtcNanos) -> bool {
        let day = at.day();
        let minute = at.0.div_euclid(MINUTE) - day * DAY_MINUTES;
        // 1970-01-01 was a Thursday.
        let on = |day: i64| self.days[(day + 3).rem_euclid(7) as usize];
        if self.from < self.to {
            on(day) && (self.from..self.to).contains(&minute)
        } else {
            on(day) && minute >= self.from || on(day - 1) && minute < self.to
        }
    }
}

pub(super) fn check(c: &Context<'_>) -> Result<(), Refusal> {
    match c.limits.blackouts.iter().find(|blackout| blackout.holds(c.now)) {
        Some(blackout) => refuse("risk.blackout", format!("nothing new is begun at {blackout} UTC (risk.blackouts)")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_hold_on_their_days_and_over_midnight() {
        let check = |span: &str, at: &str, expected: bool| {
            let blackout = Blackout::try_from(span.to_owned()).unwrap();
            assert_eq!(blackout.holds(at.parse().unwrap()), expected, "{span} at {at}");
            assert_eq!(String::from(blackout), span);
        };
        check("21:55-22:10", "2026-11-24T21:54:59Z", false);
        check("21:55-22:10", "2026-11-24T21:55:00Z", true);
        check("21:55-22:10", "2026-11-24T22:10:00Z", false);
        // The 27th is a Friday.
        check("fri 20:00-24:00", "2026-11-27T23:59:59Z", true);
        check("fri 20:00-24:00", "2026-11-26T23:59:59Z", false);
        check("fri 22:00-02:00", "2026-11-28T01:59:59Z", true);
        check("fri 22:00-02:00", "2026-11-27T01:59:59Z", false);
        check("sat,sun 00:00-24:00", "2026-11-29T12:00:00Z", true);
        check("sat,sun 00:00-24:00", "2026-11-30T00:00:00Z", false);
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in ["", "21:55", "21:55-21:55", "1:00-2:00", "25:00-26:00", "21:60-22:00", "so 10:00-11:00", "-"] {
            assert!(Blackout::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
