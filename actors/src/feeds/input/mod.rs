//! Recorded inputs: files of frames or ticks, read as the feeds would have said them.
//!
//! Hears a path and a format; says one [`FeedBatch`] per frame or row, with its receive time, or an
//! [`InputError`] that names the file and what to do. Plain, gzip and zstd are told by their first
//! bytes, not by the file's name. A frame that cannot be decoded is counted and set aside and the
//! reading goes on, as it would on a live feed; a row of a table that cannot be read stops the
//! reading, for a table is corrected and imported again.
//!
//! Invariant: receive times never run backwards, within an input and in a [`Merged`] set of them.
//! What is held in memory does not depend on the length of the file.

mod batch;
mod bytes;
mod columns;
mod error;
mod frames;
mod merged;
mod parquet;
mod table;
mod typed;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use messages::UtcNanos;
use messages::caps::UNDECODABLE_KEPT;
use messages::market::{FeedBatch, FeedItem, Source};

pub use self::error::InputError;
pub use self::merged::Merged;
pub use self::table::EXCHANGE as CSV_EXCHANGE;

use self::bytes::{Bytes, Progress};
use self::frames::{Frames, Venue};
use self::parquet::Parquet;
use self::table::Table;

/// How an input is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Binance frames, one a line: `<receive time, ns> <json>`.
    BinanceFrames,
    /// Alpaca frames, one a line: `<receive time, ns> <json>`.
    AlpacaFrames,
    /// A table of ticks with a header.
    Csv,
    /// Our tick columns.
    Parquet,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::BinanceFrames, Self::AlpacaFrames, Self::Csv, Self::Parquet];

    /// The name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BinanceFrames => "binance-frames",
            Self::AlpacaFrames => "alpaca-frames",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that is no input format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an input format; expected binance-frames, alpaca-frames, csv or parquet")]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;
    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|f| f.as_str() == text).ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// A frame that could not be decoded, set aside for inspection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    /// When it was received; that of the frame before where its own cannot be read.
    pub received: UtcNanos,
    /// Why.
    pub error: String,
    /// Its first 4 KiB.
    pub frame: Vec<u8>,
}

/// One recorded input.
pub struct Input {
    reader: Reader,
    source: Source,
    progress: Progress,
    /// The receive time of the last batch: the next may not lie before it.
    last: UtcNanos,
    backward: u64,
    aside: Aside,
}

/// A file of one format.
enum Reader {
    Frames(Frames),
    Table(Box<Table>),
    Parquet(Box<Parquet>),
}

/// What one step of a reader found.
enum Step {
    /// Items with their receive time.
    Items(UtcNanos, Vec<FeedItem>),
    /// Nothing to hand on: an ignored frame, an empty line.
    Nothing,
    /// A frame that cannot be decoded.
    Aside(Undecodable),
    /// The end.
    End,
}

/// Undecodable frames: the first few not taken yet, and how many there were.
#[derive(Default)]
struct Aside {
    kept: Vec<Undecodable>,
    total: u64,
}

impl Input {
    /// Opens a file. Every tick will say that it came from `source`.
    ///
    /// # Errors
    /// The file cannot be read, is compressed in a way that is not known, or lacks columns.
    pub fn open(path: &Path, format: Format, source: Source) -> Result<Self, InputError> {
        let (reader, progress) = match format {
            Format::BinanceFrames => Self::frames(path, Venue::Binance(Box::default()))?,
            Format::AlpacaFrames => Self::frames(path, Venue::Alpaca(Box::default()))?,
            Format::Csv => {
                let bytes = Bytes::open(path)?;
                let progress = bytes.progress();
                (Reader::Table(Box::new(Table::open(path, bytes)?)), progress)
            }
            Format::Parquet => {
                let (parquet, progress) = Parquet::open(path)?;
                (Reader::Parquet(Box::new(parquet)), progress)
            }
        };
        Ok(Self { reader, source, progress, last: UtcNanos::MIN, backward: 0, aside: Aside::default() })
    }

    fn frames(path: &Path, venue: Venue) -> Result<(Reader, Progress), InputError> {
        let bytes = Bytes::open(path)?;
        let progress = bytes.progress();
        Ok((Reader::Frames(Frames::new(bytes, venue)), progress))
    }

    /// The next frame or row that says something; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read further, or a row of a table is wrong.
    pub fn next_batch(&mut self) -> Result<Option<FeedBatch>, InputError> {
        loop {
            let step = match &mut self.reader {
                Reader::Frames(frames) => frames.step(&mut self.last, &mut self.backward)?,
                Reader::Table(table) => table.step()?,
                Reader::Parquet(parquet) => parquet.step()?,
            };
            match step {
                Step::End => return Ok(None),
                Step::Nothing => {}
                Step::Aside(frame) => self.aside.keep(frame),
                Step::Items(received, items) => {
                    let received = monotone(received, &mut self.last, &mut self.backward);
                    return Ok(Some(FeedBatch { source: self.source, received, items }));
                }
            }
        }
    }

    /// The undecodable frames found since the last call, the first [`UNDECODABLE_KEPT`] of them.
    pub fn take_undecodable(&mut self) -> Vec<Undecodable> {
        std::mem::take(&mut self.aside.kept)
    }

    /// All undecodable frames so far, kept or not.
    #[must_use]
    pub fn undecodable(&self) -> u64 {
        self.aside.total
    }

    /// Frames and rows whose receive time lay before the one before, and was raised to it.
    #[must_use]
    pub fn backward_times(&self) -> u64 {
        self.backward
    }

    /// Sizes whose ninth decimal was rounded half to even.
    #[must_use]
    pub fn rounded_sizes(&self) -> u64 {
        match &self.reader {
            Reader::Frames(frames) => frames.rounded_sizes(),
            Reader::Table(table) => table.rounded_sizes,
            // Its sizes are decimals of our own scale.
            Reader::Parquet(_) => 0,
        }
    }

    /// Bytes of the file read so far, and all of them; compressed bytes where it is compressed.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        self.progress.get()
    }
}

impl Aside {
    fn keep(&mut self, frame: Undecodable) {
        self.total += 1;
        if self.kept.len() < UNDECODABLE_KEPT {
            self.kept.push(frame);
        }
    }
}

/// `received`, raised to `last` where it lies before; counts when it does.
fn monotone(received: UtcNanos, last: &mut UtcNanos, backward: &mut u64) -> UtcNanos {
    *backward += u64::from(received < *last);
    *last = (*last).max(received);
    *last
}

#[cfg(test)]
mod tests;
