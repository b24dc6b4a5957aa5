//! A PostgreSQL that hung a moment ago is left alone for a while: else each question would wait out its time before DuckDB
//! answers it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long: half the time that a question waits for it, so that who hangs for long costs few questions theirs.
const FOR: Duration = Duration::from_secs(5);

/// Until when, if it is left alone. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Rest(Arc<Mutex<Option<Instant>>>);

impl Rest {
    /// It hung.
    pub fn begin(&self, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now + FOR);
    }

    /// Whether it is still left alone.
    pub fn is_on(&self, now: Instant) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::edge::now;

    #[test]
    fn it_is_asked_again_after_a_while() {
        let (rest, now) = (Rest::default(), now());
        assert!(!rest.is_on(now));
        rest.begin(now);
        assert!(rest.is_on(now + Duration::from_secs(4)));
        assert!(!rest.is_on(now + FOR));
    }
}
