//! Pace: how fast rows are read, by all workers together, and whether they are read at all just now.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Error;

/// How long a worker sleeps before it looks again.
const LOOK: Duration = Duration::from_millis(20);

/// The pace of a run; shared by its workers.
#[derive(Debug)]
pub struct Pace {
    began: Instant,
    rows_per_second: u64,
    /// Rows that were let through.
    rows: AtomicU64,
    /// Rows among them that did not fit.
    refused: AtomicU64,
    is_stopped: AtomicBool,
    must_wait: AtomicBool,
}

impl Pace {
    /// Begins; 0 is as fast as rows come.
    #[expect(clippy::disallowed_methods, reason = "the rate of reading is real time by nature")]
    pub fn begin(rows_per_second: u64) -> Self {
        let (is_stopped, must_wait) = (AtomicBool::new(false), AtomicBool::new(false));
        let (rows, refused) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { began: Instant::now(), rows_per_second, rows, refused, is_stopped, must_wait }
    }

    /// Lets rows through as soon as it is their time.
    ///
    /// # Errors
    /// It was stopped.
    pub fn pass(&self, rows: usize) -> Result<(), Error> {
        let before = self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        loop {
            if self.is_stopped() {
                return Err(Error::Stopped);
            }
            if !self.must_wait.load(Ordering::Acquire) && self.elapsed() >= self.due(before) {
                return Ok(());
            }
            self.rest();
        }
    }

    /// Sleeps for a moment.
    #[expect(clippy::disallowed_methods, reason = "the rate of reading is real time by nature")]
    pub fn rest(&self) {
        std::thread::sleep(LOOK);
    }

    /// True when it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// When a row is due that comes behind so many others.
    fn due(&self, rows: u64) -> f64 {
        if self.rows_per_second == 0 { 0.0 } else { rows as f64 / self.rows_per_second as f64 }
    }

    /// Ends all that is under way.
    pub fn stop(&self) {
        self.end();
    }

    /// As [`Self::stop`]; true if it had been stopped before.
    pub fn end(&self) -> bool {
        self.is_stopped.swap(true, Ordering::AcqRel)
    }

    /// Lets all wait, or go on.
    pub fn hold(&self, must_wait: bool) {
        self.must_wait.store(must_wait, Ordering::Release);
    }

    /// Seconds since it began.
    pub fn elapsed(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Counts a row that did not fit.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Rows that did not fit.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Rows that were let through.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_no_faster_than_they_may() {
        let pace = Pace::begin(1_000);
        for _ in 0..4 {
            pace.pass(50).unwrap();
        }
        assert!(pace.elapsed() >= 0.15, "{}", pace.elapsed());
        assert_eq!(pace.rows(), 200);
    }

    #[test]
    fn who_waits_is_let_go_by_a_stop() {
        let pace = Pace::begin(0);
        pace.hold(true);
        std::thread::scope(|threads| {
            let waits = threads.spawn(|| pace.pass(1));
            pace.stop();
            assert!(matches!(waits.join().unwrap(), Err(Error::Stopped)));
        });
    }
}
