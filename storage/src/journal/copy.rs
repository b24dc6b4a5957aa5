//! Copies of a log: up to a record, for a backup that does not wait for the end of a segment, and for a restore that
//! ends earlier than the log did. Frames are copied whole, and checked on the way.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use messages::ledger::Seq;

use super::codec::Record;
use super::reader::Reader;
use super::segment::{self, Log, Segment};
use super::source::{Frames, Step};
use super::{Error, packed};

/// Copies the groups of a segment that end at or before `upto` to a plain segment in `dir`. Returns its file and its
/// last record.
///
/// # Errors
/// The disk refuses, or one of these groups is damaged.
pub fn copy(segment: &Segment, log: Log, upto: Seq, dir: &Path) -> Result<(PathBuf, Seq), Error> {
    let (to, _) = segment::names(dir, segment.first_seq);
    let refused = |e| Error::io("write", &to, e);
    let mut frames = Frames::open(segment, log)?;
    let mut file = BufWriter::new(File::create(&to).map_err(refused)?);
    file.write_all(&segment::header(log, segment.first_seq)).map_err(refused)?;
    let mut last = Seq(segment.first_seq.saturating_sub(1));
    // Behind the last durable record there may be half a frame.
    while last < upto {
        let Step::Frame(header) = frames.next(0)? else { break };
        let end = Seq(header.first_seq + u64::from(header.records) - 1);
        if end > upto {
            break;
        }
        file.write_all(frames.frame()).map_err(refused)?;
        last = end;
    }
    file.into_inner().map_err(|e| refused(e.into_error()))?.sync_all().map_err(refused)?;
    Ok((to, last))
}

/// Compresses a closed segment to a file in `dir`, as housekeeping does in place: the same segment gives the same bytes.
///
/// # Errors
/// The disk refuses, or the segment is damaged.
pub fn pack_to(segment: &Segment, log: Log, dir: &Path) -> Result<PathBuf, Error> {
    let (_, to) = segment::names(dir, segment.first_seq);
    packed::pack_to(segment, &to, log)?;
    Ok(to)
}

/// Ends a log that nobody uses with the last group that lies at or before `upto`. Returns its last record.
///
/// # Errors
/// The disk refuses, or a group before it is damaged.
pub fn cut(dir: &Path, log: Log, upto: Seq) -> Result<Seq, Error> {
    let (kept, gone): (Vec<_>, Vec<_>) = segment::list(dir)?.into_iter().partition(|s| s.first_seq <= upto.0 + 1);
    for segment in gone.iter().rev() {
        fs::remove_file(&segment.path).map_err(|e| Error::io("remove", &segment.path, e))?;
    }
    let Some(segment) = kept.last() else { return Ok(Seq(0)) };
    let beside = dir.join("cut");
    fs::create_dir_all(&beside).map_err(|e| Error::io("create", &beside, e))?;
    // One that holds no group any more stays: its name says which record comes next.
    let (short, last) = copy(segment, log, upto, &beside)?;
    let (plain, _) = segment::names(dir, segment.first_seq);
    fs::rename(&short, &plain).map_err(|e| Error::io("rename", &short, e))?;
    if segment.is_packed() {
        fs::remove_file(&segment.path).map_err(|e| Error::io("remove", &segment.path, e))?;
    }
    fs::remove_dir(&beside).map_err(|e| Error::io("remove", &beside, e))?;
    segment::sync_dir(dir)?;
    Ok(last)
}

/// What tells one log from another that has as many records: the hash of a record. `None` where it is gone, or lost.
///
/// # Errors
/// The disk refuses, or the log is damaged.
pub fn record_hash<R: Record>(dir: &Path, seq: Seq) -> Result<Option<[u8; 32]>, Error> {
    if seq == Seq(0) {
        return Ok(None);
    }
    let group = match Reader::<R>::new(dir, seq).next_group(Seq(u64::MAX)) {
        Err(Error::Gone { .. }) => None,
        other => other?,
    };
    let record = group.and_then(|g| g.records.into_iter().find(|(s, _)| *s == seq));
    Ok(record.map(|(_, record)| {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        messages::ids::hash(&bytes)
    }))
}
