//! The mean price of an instrument's trades by volume, over the last minutes: what venues hold limit prices against.
//!
//! Kept by the minute: the mean of the last n minutes is that of the n minutes before this one and of what there is of it. It is
//! nothing until it was watched for so long, and nothing when nobody traded.

use std::collections::VecDeque;
use std::time::Duration;

use messages::number::div_half_even;
use messages::time::nanos;
use messages::{Price, Size, UtcNanos};

const MINUTE: Duration = Duration::from_secs(60);

/// Trades of one minute.
#[derive(Debug, Clone, Copy, Default)]
struct Minute {
    began: UtcNanos,
    /// Price × size, and size, as raw numbers.
    value: i128,
    size: i128,
}

/// The mean price of the last minutes.
#[derive(Debug, Clone)]
pub struct Average {
    over: Duration,
    since: Option<UtcNanos>,
    minutes: VecDeque<Minute>,
}

impl Average {
    /// Over so long; a part of a minute counts as a whole one.
    #[must_use]
    pub fn over(length: Duration) -> Self {
        Self { over: length, since: None, minutes: VecDeque::new() }
    }

    /// A trade.
    pub fn trade(&mut self, price: Price, size: Size, at: UtcNanos) {
        self.since.get_or_insert(at);
        let began = at.floor_to(MINUTE);
        if self.minutes.back().is_none_or(|last| last.began < began) {
            let from = self.from(at);
            self.minutes.retain(|minute| minute.began >= from);
            self.minutes.push_back(Minute { began, ..Minute::default() });
        }
        if let Some(last) = self.minutes.back_mut() {
            let size = i128::from(size.raw());
            last.value = last.value.saturating_add(i128::from(price.raw()).saturating_mul(size));
            last.size = last.size.saturating_add(size);
        }
    }

    /// The mean at a time, rounded half to even.
    #[must_use]
    pub fn at(&self, now: UtcNanos) -> Option<Price> {
        if now.since(self.since?) < nanos(self.over) {
            return None;
        }
        let from = self.from(now);
        let seen = self.minutes.iter().filter(|minute| minute.began >= from);
        let (value, size) = seen.fold((0_i128, 0_i128), |(value, size), minute| {
            (value.saturating_add(minute.value), size.saturating_add(minute.size))
        });
        if size <= 0 || value == i128::MAX {
            return None;
        }
        i64::try_from(div_half_even(value, size)).ok().and_then(Price::from_raw)
    }

    /// The beginning of the first minute that counts.
    fn from(&self, now: UtcNanos) -> UtcNanos {
        now.before(self.over).floor_to(MINUTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_that_of_the_minutes_that_were_seen_whole() {
        let at = |secs: i64| UtcNanos(1_700_000_040_000_000_000 + secs * 1_000_000_000);
        let mut average = Average::over(MINUTE * 2);
        let trade = |average: &mut Average, price: &str, size: &str, secs| {
            average.trade(price.parse().unwrap(), size.parse().unwrap(), at(secs));
        };
        let check = |average: &Average, secs: i64, expected: Option<&str>| {
            assert_eq!(average.at(at(secs)), expected.map(|price| price.parse().unwrap()), "{secs}");
        };
        check(&average, 0, None);
        trade(&mut average, "100", "1", 0);
        trade(&mut average, "110", "3", 30);
        check(&average, 119, None);
        check(&average, 120, Some("107.5"));
        trade(&mut average, "120", "4", 130);
        check(&average, 130, Some("113.75"));
        // The first minute has gone.
        check(&average, 190, Some("120"));
        // And nobody traded.
        check(&average, 400, None);
        trade(&mut average, "90", "1", 401);
        check(&average, 401, Some("90"));
        assert_eq!(average.minutes.len(), 1);
    }
}
