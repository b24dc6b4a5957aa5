//! The journals: two append-only logs that everything else is rebuilt from.
//!
//! A log is a folder of segments; a segment is a header and frames; a frame is one synced group of
//! records. Because a frame is written and synced before the next one is begun, whatever a crash or
//! a loss of power leaves unfinished is the last frame of the last segment and nothing else: that
//! one is cut, damage anywhere else is refused with its file and offset (ADR 0002). Closed segments of the
//! market journal are compressed behind its back, and the oldest go when there are too many.
//!
//! Invariant: a record is handed out by [`Reader`] or acknowledged only after its frame is synced.

mod codec;
mod copy;
mod frame;
mod housekeeping;
mod late;
mod packed;
mod quarantine;
mod reader;
mod recover;
mod segment;
mod source;
mod syncs;
mod tail;
mod thread;
mod writer;

pub use codec::Record;
pub use copy::{copy, cut, pack_to, record_hash};
pub use housekeeping::{Consumer, Housekeeping, KeptFor, Room};
pub use late::{Kept, Late, Taken};
pub use quarantine::{Quarantined, quarantine};
pub use reader::{Group, Reader};
pub use recover::{Recovered, Verified, recover, verify};
pub use segment::{Log, Segment, list as segments};
pub use tail::tail_start;
pub use thread::{Ack, Health, Journal, Options, Refused, Watermark};
pub use writer::Writer;

use std::path::PathBuf;

/// What can go wrong with a journal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk refused.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Bytes that are not what was written, elsewhere than in the last frame.
    #[error("{} is damaged at byte {offset}: {what}; run `merganser journal verify` to see all of it, then `merganser journal quarantine {log}` to set the segment aside", path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What was found.
        what: String,
        /// The log's name.
        log: Log,
    },
    /// A record of a newer program.
    #[error(
        "{log} record {seq} has kind {kind} version {version}, which this program does not know; use the newer merganser that wrote it"
    )]
    Unknown {
        /// The log's name.
        log: Log,
        /// The record's number.
        seq: u64,
        /// Its kind.
        kind: u8,
        /// Its version.
        version: u8,
    },
    /// A record whose bytes are intact but do not decode.
    #[error("{log} record {seq} (kind {kind} version {version}) does not decode")]
    Undecodable {
        /// The log's name.
        log: Log,
        /// The record's number.
        seq: u64,
        /// Its kind.
        kind: u8,
        /// Its version.
        version: u8,
        /// The decoder's answer.
        source: postcard::Error,
    },
    /// A record beyond what a frame may hold.
    #[error("a {log} record of {bytes} bytes is larger than a frame may be ({max} bytes)")]
    TooLarge {
        /// The log's name.
        log: Log,
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A reader asked for records that no segment holds any more.
    #[error(
        "{log} records from {from} are gone: the oldest that is kept is {oldest}; restore a backup, or, where trading.duckdb was lost, take over what the tiers hold of them with `merganser doctor --rebuild-manifest`"
    )]
    Gone {
        /// The log's name.
        log: Log,
        /// The first record asked for.
        from: u64,
        /// The first record kept.
        oldest: u64,
    },
    /// The journal stopped after an error that must not be retried.
    #[error("the {log} journal has stopped: {why}; restart merganser to recover from disk")]
    Stopped {
        /// The log's name.
        log: Log,
        /// The error that stopped it.
        why: String,
    },
}

impl Error {
    fn io(what: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { what, path: path.into(), source }
    }

    /// True when the disk is full: the one failure that is waited out.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }
}

#[cfg(test)]
mod tests;
