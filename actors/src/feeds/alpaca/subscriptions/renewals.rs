//! Books that have a hole: only the reset that comes with a subscription makes one whole, so it is given up and asked
//! for again.
//!
//! Invariant: a book is renewed once in [`AGAIN`] at most; one that can never be read must not be asked for as fast as
//! the venue answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use messages::{Symbol, UtcNanos};

/// Between two renewals of a book.
const AGAIN: Duration = Duration::from_secs(60);

/// Whose books are to be unsubscribed, and when.
#[derive(Debug, Default)]
pub struct Renewals {
    due: BTreeMap<Symbol, UtcNanos>,
    last: BTreeMap<Symbol, UtcNanos>,
}

impl Renewals {
    /// A book has a hole.
    pub fn add(&mut self, symbol: Symbol, now: UtcNanos) {
        let at = self.last.get(&symbol).map_or(now, |last| last.after(AGAIN).max(now));
        self.due.entry(symbol).or_insert(at);
    }

    /// These books are subscribed now; the others will begin anew in any case.
    pub fn keep(&mut self, books: &BTreeSet<Symbol>) {
        self.due.retain(|symbol, _| books.contains(symbol));
    }

    /// None is to be renewed.
    pub fn clear(&mut self) {
        self.due.clear();
    }

    /// How many are to be.
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// When the next one is due.
    pub fn next_due(&self) -> Option<UtcNanos> {
        self.due.values().min().copied()
    }

    /// Those that are due: they are being renewed.
    pub fn begin(&mut self, now: UtcNanos) -> Vec<Symbol> {
        let due: Vec<Symbol> = self.due.iter().filter(|(_, at)| **at <= now).map(|(symbol, _)| *symbol).collect();
        self.last.extend(due.iter().map(|symbol| (*symbol, now)));
        due
    }
}
