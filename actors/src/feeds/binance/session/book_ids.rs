//! Whether the market's book of a symbol is whole, told by the update ids alone: what the book itself does with diffs and
//! snapshots (`book`), without its levels. The session asks for a snapshot by it.
//!
//! Invariant: it says `synced` exactly when the market's book is, for both hear the same.

use std::collections::VecDeque;

use messages::caps::BOOK_BUFFER;

/// What a diff is to the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Diff {
    /// All of it is known.
    Known,
    /// It continues what is known.
    Next,
    /// Updates before it are missing: the book is lost.
    Gap,
}

/// The ids of one book.
#[derive(Debug, Default)]
pub struct BookIds {
    synced: bool,
    /// The last id known, of the book or of the diffs that wait.
    last: Option<u64>,
    /// First ids of the diffs that wait.
    waiting: VecDeque<u64>,
}

impl BookIds {
    /// The book holds all that the venue has shown.
    pub fn is_synced(&self) -> bool {
        self.synced
    }

    /// Diffs wait for a snapshot.
    pub fn has_diffs(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether a diff that begins at `first` leaves nothing out.
    pub fn is_continued_by(&self, first: u64) -> bool {
        self.last.is_some_and(|last| first <= last.saturating_add(1))
    }

    /// A diff came.
    pub fn diff(&mut self, first: u64, last: u64) -> Diff {
        if self.last.is_some_and(|known| last <= known) {
            return Diff::Known;
        }
        let gap = self.last.is_some() && !self.is_continued_by(first);
        if gap {
            self.lost();
        }
        self.last = Some(last);
        if !self.synced {
            if self.waiting.len() == BOOK_BUFFER {
                self.waiting.pop_front();
            }
            self.waiting.push_back(first);
        }
        if gap { Diff::Gap } else { Diff::Next }
    }

    /// A snapshot came, as of update id `as_of`. False when it is older than the diffs that wait, and of no use.
    pub fn snapshot(&mut self, as_of: u64) -> bool {
        let next = as_of.saturating_add(1);
        let behind_book = self.synced && self.last.is_some_and(|last| as_of <= last);
        if behind_book || self.waiting.front().is_some_and(|first| *first > next) {
            return false;
        }
        self.synced = true;
        let continued = if self.waiting.is_empty() { None } else { self.last };
        self.waiting.clear();
        self.last = continued.max(Some(as_of));
        true
    }

    /// What is known leads nowhere.
    pub fn lost(&mut self) {
        *self = Self::default();
    }
}
