//! Recovery: finds the end of a log, cuts a torn last frame, refuses damage elsewhere.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use messages::ledger::Seq;

use super::Error;
use super::frame::{self, Parsed};
use super::segment::{self, Log, Segment};

/// What a log holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The number that the next record gets.
    pub next: Seq,
    /// The segment to go on with, and its length.
    pub last_segment: Option<(PathBuf, u64)>,
    /// Bytes of a torn frame that were cut; they are kept beside the segment as `.torn`.
    pub cut: u64,
}

/// Checks every frame of the last segment, cuts a torn one at its end, and tells where to go on.
/// Earlier segments are read, and so checked, by whoever needs them and by [`verify`].
///
/// # Errors
/// The disk refuses, or the segment is damaged elsewhere than in its last frame.
pub fn recover(dir: &Path, log: Log) -> Result<Recovered, Error> {
    loop {
        let segments = segment::list(dir)?;
        let Some(last) = segments.last() else {
            return Ok(Recovered { next: Seq(1), last_segment: None, cut: 0 });
        };
        let bytes = fs::read(&last.path).map_err(|e| Error::io("read", &last.path, e))?;
        if bytes.get(..segment::HEADER) != Some(&segment::header(log, last.first_seq)[..]) {
            // Only a crash between creating the file and syncing its header leaves this, and then no frame follows.
            if bytes.len() <= segment::HEADER {
                fs::remove_file(&last.path).map_err(|e| Error::io("remove", &last.path, e))?;
                continue;
            }
            return Err(damaged(last, 0, "no segment header", log));
        }
        let end = scan(last, &bytes, log)?;
        let cut = (bytes.len() - end.offset) as u64;
        if cut > 0 {
            cut_tail(last, &bytes[end.offset..], end.offset as u64)?;
        }
        return Ok(Recovered { next: end.next, last_segment: Some((last.path.clone(), end.offset as u64)), cut });
    }
}

/// Where the intact frames of a segment end.
struct End {
    next: Seq,
    offset: usize,
}

/// Walks the frames; a broken one is the end unless an intact one follows it.
fn scan(segment: &Segment, bytes: &[u8], log: Log) -> Result<End, Error> {
    let mut end = End { next: Seq(segment.first_seq), offset: segment::HEADER };
    loop {
        match frame::parse(&bytes[end.offset..]) {
            Parsed::End => return Ok(end),
            Parsed::Frame(header, payload) if header.first_seq == end.next.0 => {
                end.offset += frame::HEADER + payload.len();
                end.next = Seq(header.first_seq + u64::from(header.records));
            }
            Parsed::Frame(header, _) => {
                let what = format!("record {} where {} was expected", header.first_seq, end.next);
                return Err(damaged(segment, end.offset, &what, log));
            }
            Parsed::Broken(what) => {
                if frame::intact_frame_follows(&bytes[end.offset..], end.next.0) {
                    return Err(damaged(segment, end.offset, what, log));
                }
                return Ok(end);
            }
        }
    }
}

/// Sets the torn bytes aside and shortens the segment.
fn cut_tail(segment: &Segment, torn: &[u8], end: u64) -> Result<(), Error> {
    let aside = segment.path.with_extension("torn");
    fs::write(&aside, torn).map_err(|e| Error::io("write", &aside, e))?;
    let file = File::options().write(true).open(&segment.path).map_err(|e| Error::io("open", &segment.path, e))?;
    file.set_len(end).and_then(|()| file.sync_all()).map_err(|e| Error::io("truncate", &segment.path, e))?;
    tracing::warn!(segment = %segment.path.display(), bytes = torn.len(), "cut a torn last frame; its bytes are kept as .torn");
    Ok(())
}

fn damaged(segment: &Segment, offset: usize, what: &str, log: Log) -> Error {
    Error::Damaged { path: segment.path.clone(), offset: offset as u64, what: what.to_owned(), log }
}

/// What [`verify`] found in one segment.
#[derive(Debug)]
pub struct Verified {
    /// The segment.
    pub segment: Segment,
    /// Records in intact frames, up to the first problem.
    pub records: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Damage, or a torn end.
    pub problem: Option<Error>,
}

/// Checks every frame of every segment, and that the numbers go on without a hole. Changes nothing.
///
/// # Errors
/// The disk refuses; damage is part of the answer.
pub fn verify(dir: &Path, log: Log) -> Result<Vec<Verified>, Error> {
    let segments = segment::list(dir)?;
    let mut found = Vec::with_capacity(segments.len());
    let mut expected = segments.first().map_or(1, |s| s.first_seq);
    let firsts: Vec<u64> = segments.iter().skip(1).map(|s| s.first_seq).collect();
    for (n, segment) in segments.into_iter().enumerate() {
        let bytes = fs::read(&segment.path).map_err(|e| Error::io("read", &segment.path, e))?;
        let checked = check_segment(&segment, &bytes, expected, log);
        let (next, problem) = match checked {
            Ok(end) if end.offset < bytes.len() => {
                let problem = damaged(&segment, end.offset, "a frame that is torn or damaged", log);
                (end.next.0, Some(problem))
            }
            Ok(end) => (end.next.0, None),
            Err(problem) => (segment.first_seq, Some(problem)),
        };
        // Behind a damaged segment the next one begins where it says.
        expected = if problem.is_some() { firsts.get(n).copied().unwrap_or(next) } else { next };
        found.push(Verified { records: next - segment.first_seq, bytes: bytes.len() as u64, segment, problem });
    }
    Ok(found)
}

fn check_segment(segment: &Segment, bytes: &[u8], expected: u64, log: Log) -> Result<End, Error> {
    if bytes.get(..segment::HEADER) != Some(&segment::header(log, segment.first_seq)[..]) {
        return Err(damaged(segment, 0, "no segment header", log));
    }
    if segment.first_seq != expected {
        let what = format!("begins with record {} where {expected} was expected", segment.first_seq);
        return Err(damaged(segment, 0, &what, log));
    }
    scan(segment, bytes, log)
}
