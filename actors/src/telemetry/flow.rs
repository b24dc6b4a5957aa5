//! Whether the market flows: how long its counters have stood still. Pure.

use std::time::Duration;

use messages::UtcNanos;

/// What was seen last, and since when nothing has come.
pub struct Flow {
    seen: Option<u64>,
    since: UtcNanos,
    /// Something came since the first look, so that `since` is when it was noticed.
    has_come: bool,
    /// From when on a silence counts whose beginning nobody saw.
    counts_from: Duration,
}

impl Flow {
    /// Before the first look. How long nothing had come by then is not known: a silence that began before it is told once it
    /// has lasted for `counts_from`, and not as a market that has just come.
    pub fn new(counts_from: Duration, now: UtcNanos) -> Self {
        Self { seen: None, since: now, has_come: false, counts_from }
    }

    /// How long nothing has come, as far as its looks tell; `None` where that is not known. `seen` are the market's counters,
    /// if it has answered: one that hangs brings nothing, either.
    pub fn silent_for(&mut self, seen: Option<u64>, now: UtcNanos) -> Option<Duration> {
        if let Some(seen) = seen {
            // A market that was replaced counts from 0; that is no event.
            if self.seen.is_some_and(|last| last != seen) && seen > 0 {
                (self.since, self.has_come) = (now, true);
            }
            self.seen = Some(seen);
        }
        let silent = Duration::from_nanos(u64::try_from(now.since(self.since)).unwrap_or_default());
        (self.has_come || silent >= self.counts_from).then_some(silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a row of looks finds, each `(seen, second)`, where a silence that was there before counts from 60 s on.
    fn check<const N: usize>(looks: [(Option<u64>, u64); N], expected: [Option<u64>; N]) {
        let at = |secs: u64| UtcNanos(0).after(Duration::from_secs(secs));
        let mut flow = Flow::new(Duration::from_secs(60), at(0));
        assert_eq!(looks.map(|(seen, secs)| flow.silent_for(seen, at(secs)).map(|d| d.as_secs())), expected);
    }

    #[test]
    fn silence_lasts_from_the_look_that_last_saw_something() {
        check(
            [(Some(4), 0), (Some(5), 10), (Some(5), 30), (Some(6), 40), (Some(6), 45)],
            [None, Some(0), Some(20), Some(0), Some(5)],
        );
    }

    #[test]
    fn a_first_look_finds_no_market_that_has_just_come() {
        let dead =
            |count| [(Some(count), 0), (Some(count), 10), (Some(count), 59), (Some(count), 60), (Some(count), 70)];
        for count in [0, 5] {
            check(dead(count), [None, None, None, Some(60), Some(70)]);
        }
        check([(Some(0), 0), (Some(0), 59), (Some(1), 60)], [None, None, Some(0)]);
    }

    #[test]
    fn a_market_that_does_not_answer_is_silent() {
        check([(Some(4), 0), (Some(5), 10), (None, 30), (None, 200)], [None, Some(0), Some(20), Some(190)]);
        check([(None, 0), (None, 59), (None, 60)], [None, None, Some(60)]);
    }

    #[test]
    fn a_market_that_counts_anew_has_not_come_by_that() {
        check([(Some(4), 0), (Some(5), 10), (Some(0), 30), (Some(2), 40)], [None, Some(0), Some(20), Some(0)]);
    }
}
