//! Whether the market flows: how long its counters have stood still. Pure.

use std::time::Duration;

use messages::UtcNanos;

/// What was seen last, and since when.
#[derive(Default)]
pub struct Flow(Option<(u64, UtcNanos)>);

impl Flow {
    /// How long nothing has come, as far as its looks tell; a first look finds a market that has just come.
    pub fn silent_for(&mut self, seen: u64, now: UtcNanos) -> Duration {
        match self.0 {
            Some((last, since)) if last == seen => {
                Duration::from_nanos(u64::try_from(now.since(since)).unwrap_or_default())
            }
            _ => {
                self.0 = Some((seen, now));
                Duration::ZERO
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_lasts_from_the_look_that_last_saw_something() {
        let (mut flow, at) = (Flow::default(), |secs: u64| UtcNanos(0).after(Duration::from_secs(secs)));
        let found =
            [(5, 0), (5, 10), (5, 30), (6, 40), (6, 45)].map(|(seen, secs)| flow.silent_for(seen, at(secs)).as_secs());
        assert_eq!(found, [0, 10, 30, 0, 5]);
    }
}
