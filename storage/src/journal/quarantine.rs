//! Quarantine: sets a damaged segment aside and goes on with its intact records.
//!
//! The new segment holds every intact frame of the old one and, where frames are missing, records
//! of the kind [`MISSING`], so that numbers go on without a hole and every reader knows what is lost.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::Error;
use super::frame::{self, Header, Parsed};
use super::recover;
use super::segment::{self, Log, Segment};

/// The kind of a record that is lost.
pub const MISSING: u8 = 0;

/// Lost records that one filler frame stands for.
const FILLER_RECORDS: u64 = 1 << 20;

/// What was done to one segment.
#[derive(Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Where the damaged segment now is.
    pub aside: PathBuf,
    /// Intact records that were kept.
    pub kept: u64,
    /// Ranges of lost records, first and last.
    pub missing: Vec<(u64, u64)>,
}

/// Sets every damaged segment of a log aside. Segments without damage are not touched; a torn end of
/// the last one is left to recovery.
///
/// # Errors
/// The disk refuses.
pub fn quarantine(dir: &Path, log: Log) -> Result<Vec<Quarantined>, Error> {
    let checked = recover::verify(dir, log)?;
    let ends: Vec<Option<u64>> = checked.iter().skip(1).map(|v| Some(v.segment.first_seq)).chain([None]).collect();
    let mut done = Vec::new();
    for (found, end) in checked.iter().zip(ends) {
        if found.problem.is_some() {
            done.push(set_aside(dir, &found.segment, end, log)?);
        }
    }
    Ok(done)
}

fn set_aside(dir: &Path, segment: &Segment, end: Option<u64>, log: Log) -> Result<Quarantined, Error> {
    let bytes = fs::read(&segment.path).map_err(|e| Error::io("read", &segment.path, e))?;
    let salvage = Salvage::of(&bytes, segment.first_seq, end);

    let folder = dir.join("quarantine");
    fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, e))?;
    let name = segment.path.file_name().expect("a segment has a name");
    let aside = free_name(&folder.join(name));
    let fresh = segment.path.with_extension("new");
    let write = fs::File::create(&fresh).and_then(|mut file| {
        file.write_all(&segment::header(log, segment.first_seq))?;
        file.write_all(&salvage.frames)?;
        file.sync_all()
    });
    write.map_err(|e| Error::io("write", &fresh, e))?;
    // The damaged bytes are linked aside before the fresh segment takes their name: no instant without either.
    fs::hard_link(&segment.path, &aside).map_err(|e| Error::io("set aside", &segment.path, e))?;
    segment::sync_dir(&folder)?;
    fs::rename(&fresh, &segment.path).map_err(|e| Error::io("replace", &segment.path, e))?;
    segment::sync_dir(dir)?;
    Ok(Quarantined { aside, kept: salvage.kept, missing: salvage.missing })
}

/// A name that no earlier quarantine has taken.
fn free_name(wanted: &Path) -> PathBuf {
    let numbered = |n: u32| if n == 0 { wanted.to_owned() } else { wanted.with_extension(format!("{n}.journal")) };
    (0..).map(numbered).find(|path| !path.exists()).unwrap_or_else(|| wanted.to_owned())
}

/// The frames of a fresh segment, made from the bytes of a damaged one.
struct Salvage {
    frames: Vec<u8>,
    kept: u64,
    missing: Vec<(u64, u64)>,
    next: u64,
}

impl Salvage {
    fn of(bytes: &[u8], first_seq: u64, end: Option<u64>) -> Self {
        let mut salvage = Self { frames: Vec::new(), kept: 0, missing: Vec::new(), next: first_seq };
        let mut at = segment::HEADER.min(bytes.len());
        while at < bytes.len() {
            match frame::parse(&bytes[at..]) {
                Parsed::Frame(header, payload)
                    if header.first_seq >= salvage.next && end.is_none_or(|e| header.first_seq < e) =>
                {
                    salvage.fill_to(header.first_seq);
                    let len = frame::HEADER + payload.len();
                    salvage.frames.extend_from_slice(&bytes[at..at + len]);
                    salvage.kept += u64::from(header.records);
                    salvage.next = header.first_seq + u64::from(header.records);
                    at += len;
                }
                _ => at += 1,
            }
        }
        if let Some(end) = end {
            salvage.fill_to(end);
        }
        salvage
    }

    /// Stands records of the kind `MISSING` in for what is lost before `seq`.
    fn fill_to(&mut self, seq: u64) {
        if seq <= self.next {
            return;
        }
        self.missing.push((self.next, seq - 1));
        while self.next < seq {
            let count = (seq - self.next).min(FILLER_RECORDS);
            let mut payload = Vec::new();
            for _ in 0..count {
                frame::push_record(&mut payload, MISSING, 1, &[]);
            }
            let header = Header::of(&payload, self.next, u32::try_from(count).expect("bounded"));
            self.frames.extend_from_slice(&header.encode());
            self.frames.extend_from_slice(&payload);
            self.next += count;
        }
    }
}
