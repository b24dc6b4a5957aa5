//! The watchdog: one thread that interrupts whatever runs longer than it may, and queries that together hold more
//! memory than they may.
//!
//! DuckDB forgets an interrupt that comes while a statement is still being prepared, so it is said again
//! until the question ends. Nobody is interrupted after its end: both happen under one lock.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use duckdb::{Connection, InterruptHandle};

use super::memory::{LOOK, Memory};
use super::now;

/// How soon an interrupt is said again.
const AGAIN: Duration = Duration::from_millis(20);

/// How long after its end a query is one that does not hear: DuckDB listens between vectors of 2,048 rows only.
const DEAF: Duration = Duration::from_secs(5);

/// The running watchdog.
pub struct Watchdog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// `None` when the database is being closed.
    memory: Mutex<Option<Memory>>,
}

#[derive(Default)]
struct State {
    /// What runs, by its end and a number.
    running: BTreeMap<(Instant, u64), Running>,
    /// What has passed its end, since when, and is told so until it ends.
    late: BTreeMap<u64, Late>,
    next: u64,
    stops: bool,
}

struct Running {
    handle: Arc<InterruptHandle>,
    /// That it may be anything, and hold any memory.
    is_foreign: bool,
}

/// Why something was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its time was over.
    Time,
    /// It held too much memory, or another one that ran beside it did.
    Memory,
    /// Nobody waits for it any more.
    Gone,
}

struct Late {
    why: Why,
    since: Instant,
    handle: Arc<InterruptHandle>,
    is_told: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, Option<Memory>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watchdog {
    /// Starts it.
    ///
    /// # Errors
    /// The thread cannot be started.
    #[expect(clippy::disallowed_methods, reason = "the limit of a question is real time; another thread interrupts it")]
    pub fn start(memory: Memory) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { memory: Mutex::new(Some(memory)), ..Shared::default() });
        let watching = shared.clone();
        let thread = std::thread::Builder::new().name("duckdb-watchdog".to_owned()).spawn(move || watch(&watching))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Watches what runs on this connection until the answer is dropped or asked. `is_foreign`: its memory too.
    pub fn guard(&self, db: &Connection, most: Duration, is_foreign: bool) -> Guard<'_> {
        let handle = db.interrupt_handle();
        let mut state = self.shared.state();
        state.next += 1;
        let number = state.next;
        // An end beyond all time is none.
        let end = now().checked_add(most).map(|end| (end, number));
        if let Some(end) = end {
            let is_first_foreign = is_foreign && !state.has_foreign();
            state.running.insert(end, Running { handle, is_foreign });
            // Only a new first end is news to the thread, and that it must look at the memory.
            if is_first_foreign || state.running.first_key_value().is_some_and(|(first, _)| *first == end) {
                self.shared.changed.notify_one();
            }
        }
        Guard { shared: &self.shared, number, end }
    }

    /// Interrupts what this watch is of, whatever time it has left; nothing where it has ended.
    pub fn end_now(&self, number: u64) {
        let mut state = self.shared.state();
        let Some(end) = state.running.keys().find(|(_, of)| *of == number).copied() else { return };
        if let Some(Running { handle, .. }) = state.running.remove(&end) {
            state.late.insert(number, Late { why: Why::Gone, since: now(), handle, is_told: false });
            self.shared.changed.notify_one();
        }
    }

    /// How much memory foreign queries may hold together, in bytes; `None` when the database is being closed.
    pub fn memory(&self) -> Option<u64> {
        self.shared.memory().as_ref().map(Memory::most)
    }

    /// Lets go of its connection.
    pub fn close(&self) {
        *self.shared.memory() = None;
    }
}

impl State {
    fn has_foreign(&self) -> bool {
        self.running.values().any(|running| running.is_foreign)
    }

    /// Has everything interrupted that may hold any memory.
    fn end_foreign(&mut self, since: Instant) {
        let foreign: Vec<_> = self.running.iter().filter(|(_, r)| r.is_foreign).map(|(end, _)| *end).collect();
        for end in foreign {
            if let Some(Running { handle, .. }) = self.running.remove(&end) {
                self.late.insert(end.1, Late { why: Why::Memory, since, handle, is_told: false });
            }
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.state().stops = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Something that is watched.
pub struct Guard<'a> {
    shared: &'a Shared,
    number: u64,
    end: Option<(Instant, u64)>,
}

impl Guard<'_> {
    /// Which watch it is; from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Ends the watch. Says why it was interrupted, if it was.
    pub fn end(self) -> Option<Why> {
        self.leave()
    }

    fn leave(&self) -> Option<Why> {
        let mut state = self.shared.state();
        if let Some(end) = self.end {
            state.running.remove(&end);
        }
        state.late.remove(&self.number).map(|late| late.why)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

fn watch(shared: &Shared) {
    let mut state = shared.state();
    while !state.stops {
        let now = now();
        while let Some(first) = state.running.first_entry().filter(|first| first.key().0 <= now) {
            let ((since, number), Running { handle, .. }) = first.remove_entry();
            state.late.insert(number, Late { why: Why::Time, since, handle, is_told: false });
        }
        for late in state.late.values_mut() {
            late.handle.interrupt();
            if !late.is_told && now.duration_since(late.since) >= DEAF {
                late.is_told = true;
                let late_by = now.duration_since(late.since).as_secs();
                tracing::error!(event = "query_is_deaf", late_by, "a query does not hear that its time is over");
            }
        }
        let next = state.running.first_key_value().map(|((end, _), _)| end.saturating_duration_since(now));
        let looks = state.has_foreign();
        let soon = if looks { Some(LOOK) } else { (!state.late.is_empty()).then_some(AGAIN) };
        let sleep = next.into_iter().chain(soon).min();
        state = match sleep {
            Some(sleep) => shared.changed.wait_timeout(state, sleep).unwrap_or_else(PoisonError::into_inner).0,
            None => shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
        if looks && state.has_foreign() {
            // Nobody waits for the look.
            drop(state);
            let is_over = shared.memory().as_ref().is_some_and(Memory::is_over);
            state = shared.state();
            if is_over {
                state.end_foreign(super::now());
            }
        }
    }
}
