//! The clock: the one door through which time comes in.
//!
//! Live it is the wall clock, made monotone. In a replay it is the recording's time, running `speed`
//! times as fast, and never ahead of the input: a machine that is too slow makes time slower, not data old.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use messages::UtcNanos;
use messages::time::nanos;

/// Tells the time of a run.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    began: Instant,
    origin: UtcNanos,
    speed: u32,
    /// Time does not pass beyond this.
    limit: AtomicI64,
}

impl Clock {
    /// The wall clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the home of the clock")]
    pub fn wall() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let inner = Inner {
            began: Instant::now(),
            origin: UtcNanos(nanos(since_1970)),
            speed: 1,
            limit: AtomicI64::new(i64::MAX),
        };
        Self(Arc::new(inner))
    }

    /// A recording that begins at `origin`, `speed` times as fast as it was.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the home of the clock")]
    pub fn replay(origin: UtcNanos, speed: u32) -> Self {
        let inner = Inner { began: Instant::now(), origin, speed: speed.max(1), limit: AtomicI64::new(origin.0) };
        Self(Arc::new(inner))
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> UtcNanos {
        let elapsed = self.0.began.elapsed().saturating_mul(self.0.speed);
        self.0.origin.after(elapsed).min(UtcNanos(self.0.limit.load(Ordering::Acquire)))
    }

    /// The input is complete up to here: a replay's time may pass so far.
    pub fn allow(&self, until: UtcNanos) {
        self.0.limit.fetch_max(until.0, Ordering::AcqRel);
    }

    /// How long a timer must sleep until `at`; at least a millisecond once more when the input holds time back.
    #[must_use]
    pub fn until(&self, at: UtcNanos) -> Duration {
        let passed = self.0.origin.after(self.0.began.elapsed().saturating_mul(self.0.speed));
        let left = u64::try_from(at.since(passed)).map_or(Duration::ZERO, Duration::from_nanos) / self.0.speed;
        if left.is_zero() && self.now() < at { Duration::from_millis(1) } else { left }
    }
}
