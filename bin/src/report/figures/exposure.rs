//! Time in the market: how long any position was open.

use messages::UtcNanos;

/// The time, in the making.
#[derive(Debug, Clone)]
pub struct Exposure {
    open: u64,
    last: UtcNanos,
    total: i64,
}

impl Exposure {
    /// From here on, without a position.
    pub fn new(begin: UtcNanos) -> Self {
        Self { open: 0, last: begin, total: 0 }
    }

    /// A position was open already, if it was.
    pub fn opened(&mut self, at: UtcNanos, is_open: bool) {
        self.moved(at, false, is_open);
    }

    /// A position came to be or ceased to be. Reports that overtook each other take no time back.
    pub fn moved(&mut self, at: UtcNanos, was_open: bool, is_open: bool) {
        let passed = at.since(self.last).max(0);
        if self.open > 0 {
            self.total += passed;
        }
        self.last = self.last.max(at);
        self.open += u64::from(is_open);
        self.open -= u64::from(was_open);
    }

    /// The time with any position, in nanoseconds.
    pub fn finish(mut self, end: UtcNanos) -> i64 {
        self.moved(end, false, false);
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_positions_at_once_are_one_time() {
        let mut exposure = Exposure::new(UtcNanos(0));
        for (at, was_open, is_open) in [(2, false, true), (3, false, true), (5, true, false), (6, true, false)] {
            exposure.moved(UtcNanos(at), was_open, is_open);
        }
        exposure.moved(UtcNanos(8), false, true);
        assert_eq!(exposure.finish(UtcNanos(10)), 6);
    }

    #[test]
    fn a_report_that_was_overtaken_takes_no_time_back() {
        let mut exposure = Exposure::new(UtcNanos(0));
        exposure.opened(UtcNanos(0), true);
        exposure.moved(UtcNanos(5), true, true);
        exposure.moved(UtcNanos(3), true, false);
        assert_eq!(exposure.finish(UtcNanos(10)), 5);
    }
}
