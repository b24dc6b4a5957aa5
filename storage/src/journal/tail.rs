//! The tail: from which record on the newest bytes of a log reach.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use messages::ledger::Seq;

use super::Error;
use super::frame::{self, Header};
use super::segment::{self, Segment};

/// The first record of the newest `bytes` bytes of the log, at a frame's start. Frames are stepped over by
/// their headers, so that this costs little however long the log is.
///
/// # Errors
/// The disk refuses.
pub fn tail_start(dir: &Path, bytes: u64) -> Result<Seq, Error> {
    let mut left = bytes;
    let mut start = Seq(1);
    for segment in segment::list(dir)?.iter().rev() {
        let len = std::fs::metadata(&segment.path).map_err(|e| Error::io("look at", &segment.path, e))?.len();
        start = Seq(segment.first_seq);
        if len >= left {
            return Ok(first_behind(segment, len - left)?.unwrap_or(start));
        }
        left -= len;
    }
    Ok(start)
}

/// The first record whose frame begins at or behind `offset`.
fn first_behind(segment: &Segment, offset: u64) -> Result<Option<Seq>, Error> {
    let error = |e| Error::io("read", &segment.path, e);
    let mut file = File::open(&segment.path).map_err(error)?;
    let mut at = segment::HEADER as u64;
    let mut head = [0; frame::HEADER];
    loop {
        file.seek(SeekFrom::Start(at)).map_err(error)?;
        if file.read_exact(&mut head).is_err() {
            return Ok(None);
        }
        let Some(header) = Header::decode(&head) else { return Ok(None) };
        if at >= offset {
            return Ok(Some(Seq(header.first_seq)));
        }
        at += (frame::HEADER + header.payload_len as usize) as u64;
    }
}
