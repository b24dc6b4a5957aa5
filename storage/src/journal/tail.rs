//! The tail: from which record on the newest bytes of a log reach.

use std::path::Path;

use messages::ledger::Seq;

use super::Error;
use super::segment::{self, Log, Segment};
use super::source::{Frames, Step};

/// The first record of the newest `bytes` plain bytes of the log, at a frame's start; behind the last record where
/// not even its frame fits. Frames of plain segments are stepped over by their headers, so that this costs little
/// however long the log is; one that is compressed is unpacked, which housekeeping spares the newest.
///
/// # Errors
/// The disk refuses.
pub fn tail_start(dir: &Path, log: Log, bytes: u64) -> Result<Seq, Error> {
    let mut left = bytes;
    let mut start = Seq(1);
    for segment in segment::list(dir)?.iter().rev() {
        let len = plain_len(segment, log)?;
        if len >= left {
            return Ok(walk(segment, log, |at| at >= len - left)?.0);
        }
        start = Seq(segment.first_seq);
        left -= len;
    }
    Ok(start)
}

fn plain_len(segment: &Segment, log: Log) -> Result<u64, Error> {
    if segment.is_packed() {
        return Ok(walk(segment, log, |_| false)?.1);
    }
    std::fs::metadata(&segment.path).map(|m| m.len()).map_err(|e| Error::io("look at", &segment.path, e))
}

/// Steps over frames up to the first whose place is `wanted`, or to the end: the record there, and the place.
fn walk(segment: &Segment, log: Log, wanted: impl Fn(u64) -> bool) -> Result<(Seq, u64), Error> {
    let (mut next, mut at) = (Seq(segment.first_seq), 0);
    let stepped = (|| {
        let mut frames = Frames::open(segment, log)?;
        loop {
            at = frames.offset();
            match frames.next(u64::MAX)? {
                Step::Frame(_) if wanted(at) => return Ok(()),
                Step::Frame(header) => next = Seq(header.first_seq + u64::from(header.records)),
                Step::End => return Ok(()),
            }
        }
    })();
    match stepped {
        // Who reads the records will say what is wrong with them.
        Ok(()) | Err(Error::Damaged { .. }) => Ok((next, at)),
        Err(error) => Err(error),
    }
}
