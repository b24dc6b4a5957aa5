//! Which tables the hot tier has: per instrument and content one that is written and older ones that
//! are only read. Pure: it says what is to be created and dropped, and does neither.
//!
//! A table is dropped whole, never thinned out: a DELETE would leave its memory in use. So time is cut
//! into generations: when one ends, every instrument gets a new table with its next rows. A generation
//! is an eighth of what is kept, in time or in memory, and the oldest one goes as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use messages::{Instrument, UtcNanos};

/// Rows after which a new table begins: DuckDB's row group, beyond which its memory grows in steps.
pub const SLICE_ROWS: u64 = 122_880;

/// Generations over the whole of what is kept: what is lost of the window when memory is full.
pub const GENERATIONS: u32 = 8;

/// What a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// Trades and quotes.
    Ticks,
    /// Bars of every length, every revision of them.
    Bars,
}

impl Content {
    /// The name that its tables begin with.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ticks => "ticks",
            Self::Bars => "bars",
        }
    }
}

/// Whose tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Of which instrument.
    pub instrument: Instrument,
    /// Holding what.
    pub content: Content,
}

/// One table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// What it holds.
    pub content: Content,
    /// Its number, never given twice.
    pub number: u64,
    /// The time of its oldest row; a late row makes it older.
    pub first: UtcNanos,
    /// The time of its newest row.
    pub last: UtcNanos,
    /// Its rows.
    pub rows: u64,
    /// The generation that it belongs to.
    generation: u64,
}

impl Slice {
    /// Its name in its database.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}_{}", self.content.as_str(), self.number)
    }

    /// Its name in SQL.
    #[must_use]
    pub fn table(&self) -> String {
        format!("{}.main.{}", super::DATABASE, self.name())
    }
}

/// Rows that were written, summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The time of the oldest.
    pub first: UtcNanos,
    /// The time of the newest.
    pub last: UtcNanos,
    /// How many.
    pub rows: u64,
}

impl Bounds {
    /// Of no rows.
    pub const NONE: Self = Self { first: UtcNanos::MAX, last: UtcNanos::MIN, rows: 0 };

    /// Counts a row in.
    pub fn add(&mut self, at: UtcNanos) {
        self.first = self.first.min(at);
        self.last = self.last.max(at);
        self.rows += 1;
    }
}

/// All tables, and the time from which they are complete.
pub struct Slices {
    keep: Duration,
    newest: UtcNanos,
    from: UtcNanos,
    made: u64,
    generation: u64,
    /// The newest time when the generation began.
    began: UtcNanos,
    all: BTreeMap<Key, Arc<Vec<Slice>>>,
}

impl Slices {
    /// No tables, complete from `from` on.
    pub fn new(keep: Duration, from: UtcNanos) -> Self {
        let (newest, all) = (UtcNanos::MIN, BTreeMap::new());
        Self { keep, newest, from, made: 0, generation: 0, began: newest, all }
    }

    /// Begins anew from `from` on; says which tables are to go. Numbers go on, so that no name comes twice.
    pub fn restart(&mut self, from: UtcNanos) -> Vec<Slice> {
        self.newest = UtcNanos::MIN;
        self.from = from;
        self.next_generation();
        self.give_up(|_| true)
    }

    /// The time from which everything is kept.
    pub fn from(&self) -> UtcNanos {
        self.from
    }

    /// The tables as readers need them.
    pub fn all(&self) -> &BTreeMap<Key, Arc<Vec<Slice>>> {
        &self.all
    }

    /// Every table.
    pub fn each(&self) -> impl Iterator<Item = &Slice> {
        self.all.values().flat_map(|slices| slices.iter())
    }

    /// Market time has come to `at`; what is older than is kept need not come any more.
    pub fn see(&mut self, at: UtcNanos) {
        if at > self.newest {
            self.newest = at;
            self.from = self.from.max(at.before(self.keep));
        }
        if self.newest >= self.began.after(self.keep / GENERATIONS) {
            self.next_generation();
        }
    }

    /// Ends the generation: rows go into new tables from now on.
    pub fn next_generation(&mut self) {
        self.generation += 1;
        self.began = self.newest;
    }

    /// The table that the next rows of `key` go into, and whether it is a new one.
    pub fn open(&mut self, key: Key) -> (Slice, bool) {
        let slices = Arc::make_mut(self.all.entry(key).or_default());
        if let Some(last) = slices.last()
            && last.rows < SLICE_ROWS
            && last.generation == self.generation
        {
            return (*last, false);
        }
        self.made += 1;
        let Bounds { first, last, rows } = Bounds::NONE;
        let slice = Slice { content: key.content, number: self.made, first, last, rows, generation: self.generation };
        slices.push(slice);
        (slice, true)
    }

    /// Rows went into the open table of `key`.
    pub fn wrote(&mut self, key: Key, bounds: Bounds) {
        let slices = Arc::make_mut(self.all.entry(key).or_default());
        let open = slices.last_mut().expect("opened before it is written");
        open.first = open.first.min(bounds.first);
        open.last = open.last.max(bounds.last);
        open.rows += bounds.rows;
    }

    /// Gives up tables whose rows are all older than is kept.
    pub fn aged(&mut self) -> Vec<Slice> {
        let from = self.from;
        self.give_up(|slice| slice.last < from)
    }

    /// Gives up the oldest generation, and moves the beginning behind its rows.
    pub fn oldest(&mut self) -> Vec<Slice> {
        let Some(oldest) = self.each().map(|slice| slice.generation).min() else { return Vec::new() };
        let rows = self.each().filter(|slice| slice.generation == oldest);
        let last = rows.map(|slice| slice.last).max().unwrap_or(UtcNanos::MIN);
        // Times are kept in whole microseconds.
        self.from = self.from.max(last.after(Duration::from_micros(1)));
        let from = self.from;
        self.give_up(|slice| slice.generation == oldest || slice.last < from)
    }

    fn give_up(&mut self, goes: impl Fn(&Slice) -> bool) -> Vec<Slice> {
        let mut gone = Vec::new();
        for slices in self.all.values_mut().filter(|slices| slices.iter().any(&goes)) {
            let (old, kept) = slices.iter().partition(|slice| goes(slice));
            gone.extend::<Vec<Slice>>(old);
            *slices = Arc::new(kept);
        }
        self.all.retain(|_, slices| !slices.is_empty());
        gone
    }
}

#[cfg(test)]
mod tests {
    use messages::Exchange;

    use super::*;

    const KEEP: Duration = Duration::from_secs(800);

    fn secs(n: i64) -> UtcNanos {
        UtcNanos(n * 1_000_000_000)
    }

    fn key(symbol: &str) -> Key {
        let instrument = Instrument { exchange: Exchange::Simulated, symbol: symbol.parse().unwrap() };
        Key { instrument, content: Content::Ticks }
    }

    fn write(slices: &mut Slices, symbol: &str, first: i64, last: i64, rows: u64) -> (u64, bool) {
        slices.see(secs(last));
        let (slice, is_new) = slices.open(key(symbol));
        slices.wrote(key(symbol), Bounds { first: secs(first), last: secs(last), rows });
        (slice.number, is_new)
    }

    fn numbers(slices: Vec<Slice>) -> Vec<u64> {
        slices.iter().map(|slice| slice.number).collect()
    }

    #[test]
    fn a_table_ends_after_its_rows_or_its_generation() {
        let mut slices = Slices::new(KEEP, UtcNanos::MIN);
        assert_eq!(write(&mut slices, "A", 0, 1, SLICE_ROWS - 1), (1, true));
        assert_eq!(write(&mut slices, "A", 1, 2, 1), (1, false));
        assert_eq!(write(&mut slices, "A", 2, 3, 1), (2, true));
        assert_eq!(write(&mut slices, "B", 3, 100, 1), (3, true));
        // An eighth of what is kept after the first.
        assert_eq!(write(&mut slices, "B", 101, 101, 1), (4, true));
        assert_eq!(write(&mut slices, "A", 101, 101, 1), (5, true));
        // Late rows do not end a table.
        assert_eq!(write(&mut slices, "B", -500, 105, 1), (4, false));
        slices.next_generation();
        assert_eq!(write(&mut slices, "B", 106, 106, 1), (6, true));
    }

    #[test]
    fn old_tables_go_whole() {
        let mut slices = Slices::new(KEEP, UtcNanos::MIN);
        write(&mut slices, "A", 0, 10, 5);
        write(&mut slices, "B", 0, 20, 5);
        slices.see(secs(811));
        assert_eq!(slices.from(), secs(11));
        assert_eq!(numbers(slices.aged()), [1]);
        assert_eq!(slices.each().count(), 1);
        assert!(slices.aged().is_empty());
    }

    #[test]
    fn the_oldest_generation_goes_and_the_beginning_moves() {
        let mut slices = Slices::new(KEEP, UtcNanos::MIN);
        write(&mut slices, "A", 0, 10, 5);
        write(&mut slices, "B", 0, 20, 5);
        slices.next_generation();
        write(&mut slices, "A", 15, 30, 5);
        assert_eq!(numbers(slices.oldest()), [1, 2]);
        assert_eq!(slices.from(), secs(20).after(Duration::from_micros(1)));
        // A name never comes twice.
        assert_eq!(numbers(slices.restart(UtcNanos::MIN)), [3]);
        assert_eq!(write(&mut slices, "A", 31, 31, 1), (4, true));
        assert!(slices.oldest().len() == 1 && slices.oldest().is_empty());
    }
}
