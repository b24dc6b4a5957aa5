//! Falls of the index from its highest: how deep, how long, and which were the worst.

use messages::UtcNanos;
use serde::Serialize;

/// How many of the deepest are kept: as many as people read.
const KEPT: usize = 5;

/// A fall from a peak until the peak is reached again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawdown {
    /// When the peak was.
    pub peak_at: UtcNanos,
    /// When the lowest point was.
    pub trough_at: UtcNanos,
    /// When the peak was reached again; `None` while it is not.
    pub recovered_at: Option<UtcNanos>,
    /// The fall, as a fraction of the peak: in [0, 1].
    pub depth: f64,
}

/// The falls of an index, in the making.
#[derive(Debug, Clone, Default)]
pub struct Drawdowns {
    peak: Option<(UtcNanos, f64)>,
    current: Option<Drawdown>,
    worst: Vec<Drawdown>,
    longest: i64,
    last: UtcNanos,
}

/// What came out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Falls {
    /// The deepest, deepest first.
    pub worst: Vec<Drawdown>,
    /// The longest time below a peak, in nanoseconds; one that is not over counts up to the end.
    pub longest: i64,
}

impl Falls {
    /// The largest fall; 0 when there was none.
    pub fn depth(&self) -> f64 {
        self.worst.first().map_or(0.0, |fall| fall.depth)
    }
}

impl Drawdowns {
    /// Hears the index at an instant, and says how far it is below its peak.
    pub fn at(&mut self, at: UtcNanos, index: f64) -> f64 {
        self.last = at;
        let (peak_at, peak) = *self.peak.get_or_insert((at, index));
        if index >= peak {
            if let Some(over) = self.current.take() {
                self.keep(Drawdown { recovered_at: Some(at), ..over });
            }
            self.peak = Some((at, index));
            return 0.0;
        }
        let depth = 1.0 - index / peak;
        let begun = Drawdown { peak_at, trough_at: at, recovered_at: None, depth: 0.0 };
        let current = self.current.get_or_insert(begun);
        if depth > current.depth {
            (current.depth, current.trough_at) = (depth, at);
        }
        depth
    }

    /// What came out.
    pub fn finish(mut self) -> Falls {
        if let Some(open) = self.current.take() {
            self.keep(open);
        }
        Falls { worst: self.worst, longest: self.longest }
    }

    fn keep(&mut self, fall: Drawdown) {
        self.longest = self.longest.max(fall.recovered_at.unwrap_or(self.last).since(fall.peak_at));
        let place = self.worst.partition_point(|other| other.depth >= fall.depth);
        self.worst.insert(place, fall);
        self.worst.truncate(KEPT);
    }
}

impl Serialize for Drawdown {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row {
            depth: f64,
            peak_at: String,
            trough_at: String,
            recovered_at: Option<String>,
        }
        let recovered_at = self.recovered_at.map(|at| at.to_string());
        let Self { depth, peak_at, trough_at, .. } = *self;
        Row { depth, peak_at: peak_at.to_string(), trough_at: trough_at.to_string(), recovered_at }
            .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn falls(index: &[f64]) -> Falls {
        let mut drawdowns = Drawdowns::default();
        for (at, index) in (0..).zip(index) {
            drawdowns.at(UtcNanos(at), *index);
        }
        drawdowns.finish()
    }

    fn from_returns(percent: &[f64]) -> Falls {
        let mut index = vec![1.0];
        percent.iter().for_each(|r| index.push(index[index.len() - 1] * (1.0 + r / 100.0)));
        falls(&index)
    }

    /// The series and values of empyrical's own tests (quantopian/empyrical, tests/test_stats.py, test_max_drawdown).
    #[test]
    fn depths_are_those_that_empyrical_publishes() {
        for (returns, expected) in [
            (&[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0][..], 0.0),
            (&[1.0, 10.0, -4.0, 2.0, 3.0, 2.0, 1.0, -10.0], 0.1),
            (&[0.0, -6.0, -7.0, -1.0, -9.0, -2.0, -6.0, -8.0, -5.0], 0.365_907_303_498_736),
            (&[10.0, -10.0, 10.0], 0.1),
        ] {
            let depth = from_returns(returns).depth();
            assert!((depth - expected).abs() < 1e-12, "{returns:?}: {depth}");
        }
    }

    #[test]
    fn a_fall_is_over_when_its_peak_is_reached_again() {
        let Falls { worst, longest } = falls(&[1.0, 0.9, 0.95, 1.0, 1.2, 0.6, 0.9]);
        let fall = |peak, trough, over: Option<i64>, depth| Drawdown {
            peak_at: UtcNanos(peak),
            trough_at: UtcNanos(trough),
            recovered_at: over.map(UtcNanos),
            depth,
        };
        assert_eq!(worst, [fall(4, 5, None, 0.5), fall(0, 1, Some(3), 1.0 - 0.9)]);
        assert_eq!(longest, 3);
    }

    proptest! {
        #[test]
        fn a_fall_is_between_nothing_and_all(index in proptest::collection::vec(0.0..1e6f64, 1..100)) {
            let mut drawdowns = Drawdowns::default();
            for (at, index) in (0..).zip(index) {
                let depth = drawdowns.at(UtcNanos(at), index);
                prop_assert!((0.0..=1.0).contains(&depth), "{depth}");
            }
            prop_assert!(drawdowns.finish().worst.is_sorted_by(|a, b| a.depth >= b.depth));
        }
    }
}
