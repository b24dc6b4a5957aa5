//! The hot tier: the newest ticks and bars in a database in memory, one table per instrument and slice.
//!
//! - [`window`]: what is in it, as readers see it.
//! - `slices`: which tables there are, and which go next; pure.
//! - `writer`: rows into tables, a tenth of the instruments at a time.
//! - `size`: what a table costs in memory; pure.
//! - `rebuild`: what the file holds already, at a start.
//!
//! It is a cache: nothing is lost with it, and nothing waits for it. Invariant: what a window promises
//! is in the tables before the window is published, and a window that promises less is published
//! before a table is dropped.

mod rebuild;
mod size;
mod slices;
pub mod window;
mod writer;

pub use rebuild::rebuild;
pub use slices::{Content, Key, Slice};
pub use window::{Hot, HotWindow, Published};
pub use writer::{HotWriter, TURNS};

use std::time::Duration;

/// The name of the database in memory.
pub const DATABASE: &str = "hot";

/// How much is kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The most bytes that its tables may take.
    pub max_bytes: u64,
    /// How far back from the newest tick.
    pub keep: Duration,
}

#[cfg(test)]
mod tests;
