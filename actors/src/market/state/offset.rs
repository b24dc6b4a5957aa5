//! The offset between a venue's clock and ours, measured from the market data itself. Hears the
//! exchange time and the receive time of trades and depth diffs; says what to add to our time to
//! get the venue's.
//!
//! The maximum of (exchange time − receive time) is the message that travelled fastest, so the
//! estimate lags the true offset by the shortest latency only. Two buckets let it follow a drift
//! and forget a clock that stepped.
//!
//! Invariant: in silence the estimate stands still, so the instant at which a bar is due does too.

use messages::{Exchange, UtcNanos};

/// Length of a bucket: long enough to hold a fast message of a slow stream, short enough that a
/// stepped clock is forgotten in two minutes.
const BUCKET: i64 = 60_000_000_000;

/// The running maximum over the bucket of the newest message and the one before.
#[derive(Debug, Default)]
pub struct Offset {
    bucket_end: i64,
    newest: Option<i64>,
    before: Option<i64>,
    /// The larger of the two, which is asked for far more often than it changes.
    largest: Option<i64>,
}

impl Offset {
    /// A message that the venue stamped `event` arrived at `received`, which never falls.
    pub fn observe(&mut self, event: UtcNanos, received: UtcNanos) {
        if received.0 >= self.bucket_end {
            self.roll(received.0);
        }
        let offset = event.since(received);
        if self.newest.is_none_or(|newest| newest < offset) {
            self.newest = Some(offset);
            self.largest = self.newest.max(self.before);
        }
    }

    #[cold]
    fn roll(&mut self, received: i64) {
        // The bucket before is the neighbour in time, not whatever was filled last.
        let neighbour = received < self.bucket_end.saturating_add(BUCKET);
        self.before = self.newest.take().filter(|_| neighbour);
        self.bucket_end = received.div_euclid(BUCKET).saturating_add(1).saturating_mul(BUCKET);
    }

    /// Nanoseconds by which the venue's clock is ahead of ours; `None` before the first message.
    pub fn nanos(&self) -> Option<i64> {
        self.largest
    }
}

/// How far an exchange's clock is ahead of ours, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOffset {
    /// Whose clock.
    pub exchange: Exchange,
    /// By how many nanoseconds it is ahead, less the shortest latency of a message: below zero where it is behind.
    pub nanos: i64,
}

/// The clock of one exchange, and when its next bar is due.
#[derive(Debug)]
pub struct Clock {
    /// The measured offset.
    pub offset: Offset,
    /// The earliest venue time at which a bar of the exchange is due; the far end when none is open.
    pub due: UtcNanos,
}

impl Default for Clock {
    fn default() -> Self {
        Self { offset: Offset::default(), due: UtcNanos::MAX }
    }
}

impl Clock {
    /// What to add to our time; nothing while no message has told.
    pub fn ahead(&self) -> i64 {
        self.offset.nanos().unwrap_or(0)
    }

    /// Venue time at our `now`.
    pub fn venue_time(&self, now: UtcNanos) -> UtcNanos {
        UtcNanos(now.0.saturating_add(self.ahead()))
    }

    /// A bar that ends at `end` waits for its late trades.
    pub fn wait_for(&mut self, end: UtcNanos, lateness: i64) {
        self.due = self.due.min(UtcNanos(end.0.saturating_add(lateness)));
    }

    /// A bar is due at our `now`.
    pub fn is_due(&self, now: UtcNanos) -> bool {
        self.due <= self.venue_time(now)
    }

    /// Our time at which the next bar is due.
    pub fn due_here(&self) -> Option<UtcNanos> {
        (self.due < UtcNanos::MAX).then(|| UtcNanos(self.due.0.saturating_sub(self.ahead())))
    }
}
