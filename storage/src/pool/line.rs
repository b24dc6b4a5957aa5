//! A line: things that are lent out, and who waits for one, first come first served.
//!
//! Who gives a thing back hands it to the first who waits, and nobody who comes later can take it on the
//! way. A place in the line is left by dropping it, however that happens; what was handed to it meanwhile
//! goes to the next.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A line for things of one kind.
pub struct Line<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    free: Vec<T>,
    /// Those who wait, by ticket: the first has waited longest.
    waiting: BTreeMap<u64, flume::Sender<T>>,
    next_ticket: u64,
    is_closed: bool,
}

impl<T> Clone for Line<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Line<T> {
    /// A line for these things.
    pub fn new(free: Vec<T>) -> Self {
        let state = State { free, waiting: BTreeMap::new(), next_ticket: 0, is_closed: false };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place at the end of the line, to which a thing is handed at once where one is free. `None` where
    /// `most` wait already.
    pub fn stand(&self, most: usize) -> Option<Place<T>> {
        let mut state = self.state();
        if state.waiting.len() >= most {
            return None;
        }
        let (give, handed) = flume::bounded(1);
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        // Something is free only while nobody waits.
        match state.free.pop() {
            Some(thing) => drop(give.send(thing)),
            None if state.is_closed => {}
            None => drop(state.waiting.insert(ticket, give)),
        }
        drop(state);
        Some(Place { line: self.clone(), ticket, handed })
    }

    /// Gives a thing back: to the first who waits, if anybody does.
    pub fn give(&self, thing: T) {
        let mut state = self.state();
        match state.waiting.pop_first() {
            // A place that is being left takes it as well, and gives it back.
            Some((_, first)) => drop(first.send(thing)),
            None if state.is_closed => {
                // What ends with the thing is none of the line's business.
                drop(state);
                drop(thing);
            }
            None => state.free.push(thing),
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// How many are free.
    pub fn free(&self) -> usize {
        self.state().free.len()
    }

    /// Sends everybody away and lets go of what is free; what is lent out goes when it is given back.
    pub fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.waiting.clear();
        let free = std::mem::take(&mut state.free);
        drop(state);
        drop(free);
    }
}

/// A place in a line.
pub struct Place<T> {
    line: Line<T>,
    ticket: u64,
    handed: flume::Receiver<T>,
}

/// Why nothing was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nothing {
    /// Not within the time.
    InTime,
    /// The line is closed.
    Ever,
}

impl<T> Place<T> {
    /// Waits on this thread.
    pub fn wait(self, most: Duration) -> Result<T, Nothing> {
        match self.handed.recv_timeout(most) {
            Ok(thing) => Ok(thing),
            Err(flume::RecvTimeoutError::Timeout) => Err(Nothing::InTime),
            Err(flume::RecvTimeoutError::Disconnected) => Err(Nothing::Ever),
        }
    }

    /// Waits as a task of tokio, without a thread.
    pub async fn wait_async(self, most: Duration) -> Result<T, Nothing> {
        match tokio::time::timeout(most, self.handed.recv_async()).await {
            Ok(Ok(thing)) => Ok(thing),
            Ok(Err(_)) => Err(Nothing::Ever),
            Err(_) => Err(Nothing::InTime),
        }
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        self.line.state().waiting.remove(&self.ticket);
        if let Ok(thing) = self.handed.try_recv() {
            self.line.give(thing);
        }
    }
}
