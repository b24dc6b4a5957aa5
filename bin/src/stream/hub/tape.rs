//! A tape: the newest of something, and what came since it was last shown.

use std::collections::VecDeque;

/// The newest entries, and those that nobody was shown yet. Entries are only gathered for showing while somebody watches.
#[derive(Debug)]
pub struct Tape<T> {
    newest: VecDeque<T>,
    /// How many of the newest a snapshot has.
    kept: usize,
    fresh: Vec<T>,
    /// How many may wait to be shown.
    most: usize,
    is_watched: bool,
    /// More came than may wait: only a snapshot is true.
    overflowed: bool,
}

/// What is to be shown.
#[derive(Debug, PartialEq, Eq)]
pub enum Fresh<T> {
    /// Nothing came.
    Nothing,
    /// These came, the oldest first.
    Entries(Vec<T>),
    /// More than may wait.
    TooMany,
}

impl<T: Clone> Tape<T> {
    /// Keeps `kept` entries for snapshots and gathers at most `most` between two looks.
    pub fn new(kept: usize, most: usize) -> Self {
        Self { newest: VecDeque::new(), kept, fresh: Vec::new(), most, is_watched: false, overflowed: false }
    }

    /// One more.
    pub fn push(&mut self, entry: T) {
        if self.is_watched && self.fresh.len() < self.most {
            self.fresh.push(entry.clone());
        } else if self.is_watched {
            self.overflowed = true;
        }
        if self.kept > 0 {
            if self.newest.len() == self.kept {
                self.newest.pop_front();
            }
            self.newest.push_back(entry);
        }
    }

    /// Something was lost on its way here: only a snapshot is true.
    pub fn lost(&mut self) {
        self.overflowed = self.is_watched;
    }

    /// From now on somebody watches, or nobody any more. What waits was shown to all who watched.
    pub fn watch(&mut self, is_watched: bool) {
        self.is_watched = is_watched;
        self.fresh.clear();
        self.overflowed = false;
    }

    /// What is to be shown now.
    pub fn take(&mut self) -> Fresh<T> {
        if std::mem::take(&mut self.overflowed) {
            self.fresh.clear();
            return Fresh::TooMany;
        }
        if self.fresh.is_empty() { Fresh::Nothing } else { Fresh::Entries(std::mem::take(&mut self.fresh)) }
    }

    /// The newest, the oldest of them first.
    pub fn newest(&self) -> impl ExactSizeIterator<Item = &T> {
        self.newest.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_watched_waits_and_a_flood_ends_in_a_snapshot() {
        let mut tape = Tape::new(2, 3);
        tape.push(1);
        assert_eq!(tape.take(), Fresh::Nothing, "nobody watches");
        tape.watch(true);
        (2..=4).for_each(|n| tape.push(n));
        assert_eq!(tape.take(), Fresh::Entries(vec![2, 3, 4]));
        assert_eq!(tape.take(), Fresh::Nothing);
        (5..=8).for_each(|n| tape.push(n));
        assert_eq!(tape.take(), Fresh::TooMany);
        assert_eq!(tape.newest().copied().collect::<Vec<_>>(), [7, 8]);
        tape.lost();
        assert_eq!((tape.take(), tape.take()), (Fresh::TooMany, Fresh::Nothing));
    }
}
