//! Recovery: finds the end of a log, cuts a torn last frame, refuses damage elsewhere.

use std::fs::{self, File};
use std::path::Path;

use messages::ledger::Seq;

use super::Error;
use super::frame::{self, Parsed};
use super::segment::{self, Log, Segment};
use super::source::{Frames, Step};

/// What a log holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The number that the next record gets.
    pub next: Seq,
    /// The segment to go on with, and its length; none where a new one is to be begun.
    pub last_segment: Option<(Segment, u64)>,
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
        if last.is_packed() {
            // Closed long ago, and what came behind it held nothing yet.
            let end = walk(last, log)?;
            return end.problem.map_or(Ok(Recovered { next: end.next, last_segment: None, cut: 0 }), Err);
        }
        let bytes = fs::read(&last.path).map_err(|e| Error::io("read", &last.path, e))?;
        if bytes.get(..segment::HEADER) != Some(&segment::header(log, last.first_seq)[..]) {
            // Only a crash between creating the file and syncing its header leaves this, and then no frame follows.
            if bytes.len() <= segment::HEADER {
                fs::remove_file(&last.path).map_err(|e| Error::io("remove", &last.path, e))?;
                continue;
            }
            return Err(last.damaged(0, "no segment header", log));
        }
        let end = scan(last, &bytes, log)?;
        let cut = (bytes.len() - end.offset) as u64;
        if cut > 0 {
            cut_tail(last, &bytes[end.offset..], end.offset as u64)?;
        }
        return Ok(Recovered { next: end.next, last_segment: Some((last.clone(), end.offset as u64)), cut });
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
                return Err(segment.damaged(end.offset as u64, &what, log));
            }
            Parsed::Broken(what) => {
                if frame::intact_frame_follows(&bytes[end.offset..], end.next.0) {
                    return Err(segment.damaged(end.offset as u64, what, log));
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

/// What [`verify`] found in one segment.
#[derive(Debug)]
pub struct Verified {
    /// The segment.
    pub segment: Segment,
    /// Records in intact frames, up to the first problem.
    pub records: u64,
    /// Its bytes up to the first problem, unpacked.
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
    let following: Vec<Option<u64>> = segments.iter().skip(1).map(|s| Some(s.first_seq)).chain([None]).collect();
    let mut found = Vec::with_capacity(segments.len());
    for (segment, following) in segments.into_iter().zip(following) {
        let Walked { next, offset, mut problem } = walk(&segment, log)?;
        if let (None, Some(following)) = (&problem, following.filter(|f| *f != next.0)) {
            let what = format!("it ends before record {next}, and the next segment begins with {following}");
            problem = Some(segment.damaged(offset, &what, log));
        }
        found.push(Verified { records: next.0 - segment.first_seq, bytes: offset, segment, problem });
    }
    Ok(found)
}

/// How far the frames of a segment are intact.
struct Walked {
    next: Seq,
    offset: u64,
    problem: Option<Error>,
}

/// Reads a segment front to back, a frame at a time.
fn walk(segment: &Segment, log: Log) -> Result<Walked, Error> {
    let mut walked = Walked { next: Seq(segment.first_seq), offset: 0, problem: None };
    let result = frames(segment, log, &mut walked);
    match result {
        Err(Error::Damaged { .. }) => walked.problem = result.err(),
        other => other?,
    }
    Ok(walked)
}

fn frames(segment: &Segment, log: Log, walked: &mut Walked) -> Result<(), Error> {
    let mut frames = Frames::open(segment, log)?;
    loop {
        walked.offset = frames.offset();
        let Step::Frame(header) = frames.next(0)? else { return Ok(()) };
        if header.first_seq != walked.next.0 {
            let what = format!("record {} where {} was expected", header.first_seq, walked.next);
            return Err(segment.damaged(walked.offset, &what, log));
        }
        walked.next = Seq(header.first_seq + u64::from(header.records));
    }
}
