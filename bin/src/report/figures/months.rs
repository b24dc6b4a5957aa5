//! Returns of calendar months, in UTC: the index at the month's last snapshot over that of the month before.

use messages::UtcNanos;
use serde::Serialize;

/// The return of a month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Month {
    /// `2026`.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
    /// 0.01 is a gain of one percent; `None` after nothing was left.
    pub value: Option<f64>,
    /// Whether it was watched from its first day to its last.
    pub is_whole: bool,
}

/// Returns of months, in the making.
#[derive(Debug, Clone, Default)]
pub struct Months {
    over: Vec<Month>,
    current: Option<Current>,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    day: i64,
    year: i32,
    month: u32,
    begun_with: f64,
    index: f64,
    is_from_its_first_day: bool,
}

impl Months {
    /// Hears the index at an instant, in the order of time.
    pub fn at(&mut self, at: UtcNanos, index: f64) {
        let day = at.day();
        if let Some(current) = self.current.as_mut().filter(|current| current.day == day) {
            current.index = index;
            return;
        }
        let (year, month, day_of_month) = date(at);
        let begun_with = match self.current.take() {
            Some(current) if (current.year, current.month) == (year, month) => {
                self.current = Some(Current { day, index, ..current });
                return;
            }
            Some(current) => {
                self.over.push(current.finish());
                current.index
            }
            None => index,
        };
        let is_from_its_first_day = day_of_month == 1;
        self.current = Some(Current { day, year, month, begun_with, index, is_from_its_first_day });
    }

    /// The months, oldest first.
    pub fn finish(mut self) -> Vec<Month> {
        self.over.extend(self.current.map(|current| current.finish()));
        self.over
    }
}

impl Current {
    fn finish(&self) -> Month {
        let (_, month_of_next_day, _) = date(UtcNanos::start_of_day(self.day + 1));
        Month {
            year: self.year,
            month: self.month,
            value: (self.begun_with > 0.0).then(|| self.index / self.begun_with - 1.0),
            is_whole: self.is_from_its_first_day && month_of_next_day != self.month,
        }
    }
}

/// Year, month and day of an instant, in UTC (H. Hinnant, chrono-Compatible Low-Level Date Algorithms, civil_from_days).
fn date(at: UtcNanos) -> (i32, u32, u32) {
    let days = at.day() + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn months(points: &[(&str, f64)]) -> Vec<(i32, u32, Option<f64>, bool)> {
        let mut months = Months::default();
        points.iter().for_each(|(at, index)| months.at(at.parse().unwrap(), *index));
        months.finish().into_iter().map(|m| (m.year, m.month, m.value, m.is_whole)).collect()
    }

    #[test]
    fn a_month_grows_from_the_end_of_the_one_before() {
        let found = months(&[
            ("2026-01-10 12:00:00", 1.0),
            ("2026-01-31 23:59:00", 2.0),
            ("2026-02-01 00:00:30", 3.0),
            ("2026-02-28 23:59:00", 1.0),
            ("2026-03-01 00:00:30", 1.5),
        ]);
        assert_eq!(found, [(2026, 1, Some(1.0), false), (2026, 2, Some(-0.5), true), (2026, 3, Some(0.5), false)]);
    }

    #[test]
    fn a_month_that_was_slept_through_is_not_there() {
        let found = months(&[("2025-12-01", 1.0), ("2025-12-30", 2.0), ("2026-02-03", 4.0)]);
        assert_eq!(found, [(2025, 12, Some(1.0), false), (2026, 2, Some(1.0), false)]);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for text in ["1969-12-31", "1970-01-01", "2000-02-29", "2024-02-29", "2024-12-31", "2100-03-01", "2261-01-01"] {
            let (year, month, day) = date(text.parse().unwrap());
            assert_eq!(format!("{year:04}-{month:02}-{day:02}"), text);
        }
    }
}
