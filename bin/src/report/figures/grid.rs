//! Steps that a stretch of time is divided into: minutes, hours or days, whole multiples since 1970.

use std::time::Duration;

use messages::UtcNanos;

/// Steps that divide a day, and of which each divides the next, in minutes.
const MINUTES: [u64; 6] = [1, 5, 15, 60, 240, 1_440];

/// The shortest step of which at most so many make up the stretch; a day where none does.
pub fn shortest_step(from: UtcNanos, to: UtcNanos, most: i64) -> Duration {
    let steps = MINUTES.map(|minutes| Duration::from_secs(minutes * 60));
    let fits = |step: &Duration| to.since(from.floor_to(*step)) / messages::time::nanos(*step) < most;
    steps.into_iter().find(fits).unwrap_or(Duration::from_secs(86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_follows_the_range() {
        let check = |to: &str, minutes: u64| {
            let step = shortest_step("2026-01-01 00:00:30".parse().unwrap(), to.parse().unwrap(), 2_000);
            assert_eq!(step.as_secs() / 60, minutes, "{to}");
        };
        check("2026-01-01 00:10:00", 1);
        check("2026-01-03", 5);
        check("2026-03-01", 60);
        check("2034-01-01", 1_440);
    }
}
