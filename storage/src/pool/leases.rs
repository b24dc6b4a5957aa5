//! Which leases run: so that somebody who changes what readers see can wait for those who saw it before.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::now;

/// How a wait for earlier readers ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// None of them is left.
    Done,
    /// The time passed first.
    StillReading {
        /// How many are left.
        readers: usize,
        /// How long the oldest of them has had its reader.
        oldest: Duration,
    },
}

/// The leases that run, in the order in which they began.
#[derive(Default)]
pub struct Leases {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    running: BTreeMap<u64, Instant>,
    next: u64,
}

impl Leases {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lease begins.
    pub fn begin(&self) -> u64 {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.running.insert(number, now());
        number
    }

    /// It ends.
    pub fn end(&self, number: u64) {
        self.state().running.remove(&number);
        self.ended.notify_all();
    }

    /// What no lease has reached yet.
    pub fn mark(&self) -> u64 {
        self.state().next
    }

    /// Waits until every lease before the mark has ended.
    pub fn wait_for(&self, mark: u64, most: Duration) -> Earlier {
        let waited =
            self.ended.wait_timeout_while(self.state(), most, |state| state.running.range(..mark).next().is_some());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let mut left = state.running.range(..mark);
        match left.next() {
            None => Earlier::Done,
            Some((_, oldest)) => Earlier::StillReading { readers: 1 + left.count(), oldest: oldest.elapsed() },
        }
    }
}
