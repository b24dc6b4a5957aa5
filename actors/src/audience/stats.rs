//! What is counted between the tree and those who watch it: written at the edge and by who tells, read by telemetry.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that several threads count with.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
    /// One less: of what comes and goes.
    pub fn leave(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
    /// One more, unless there are `most` already.
    pub fn enter(&self, most: u64) -> bool {
        let enter = |count| (count < most).then_some(count + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter).is_ok()
    }
    /// So many.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Counters of the stream.
        #[derive(Debug, Default)]
        pub struct Stats { $($(#[$doc])* pub $name: Counter),+ }

        /// [`Stats`] at one moment.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Counts { $($(#[$doc])* pub $name: u64),+ }

        impl Stats {
            /// All of them now.
            #[must_use]
            pub fn counts(&self) -> Counts { Counts { $($name: self.$name.get()),+ } }
        }
    };
}

stats! {
    /// Clients that are connected now.
    clients,
    /// Clients that ever were.
    connected,
    /// Clients that were turned away because there were too many.
    turned_away,
    /// Topics that clients are subscribed to now, each client counted.
    subscriptions,
    /// Messages handed to clients.
    messages,
    /// Bytes of these.
    bytes,
    /// Messages encoded; each goes to all who are subscribed to its topic.
    encoded,
    /// Messages with quotes that a client did not get because newer ones followed.
    conflated,
    /// Times that a client got a snapshot in place of messages that did not fit.
    resynced,
    /// Clients that were closed because orders and fills alone did not fit.
    closed_slow,
    /// Clients that were closed because they did not answer.
    closed_silent,
    /// Clients that were closed because they said too much or what is no protocol.
    closed_faulty,
    /// Events that did not fit the way from the tree to the edge.
    lost_events,
    /// Batches of market data that did not.
    lost_batches,
    /// Log lines that did not.
    lost_lines,
}
