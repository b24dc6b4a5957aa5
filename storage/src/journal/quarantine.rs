//! Quarantine: sets a damaged segment aside and goes on with its intact records.
//!
//! The new segment holds every intact frame of the old one and, where frames are missing, records
//! of the kind [`MISSING`], so that numbers go on without a hole and every reader knows what is lost.
//! It is plain, whatever the old one was.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Error;
use super::frame::{self, Header, Parsed};
use super::packed;
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
    match recover::recover(dir, log) {
        // The damage is what this is for.
        Ok(_) | Err(Error::Damaged { .. }) => {}
        Err(error) => return Err(error),
    }
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
    let folder = dir.join("quarantine");
    fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, e))?;
    let aside = free_name(&folder, segment);
    let (plain, _) = segment::names(dir, segment.first_seq);
    let fresh = plain.with_extension("new");
    let write = fs::File::create(&fresh).and_then(|mut file| {
        file.write_all(&segment::header(log, segment.first_seq))?;
        let salvaged = salvage(&bytes, segment, end, &mut file)?;
        file.sync_all()?;
        Ok(salvaged)
    });
    let (kept, missing) = write.map_err(|e| Error::io("write", &fresh, e))?;
    // The damaged bytes are linked aside before the fresh segment takes their place: no instant without either.
    fs::hard_link(&segment.path, &aside).map_err(|e| Error::io("set aside", &segment.path, e))?;
    segment::sync_dir(&folder)?;
    fs::rename(&fresh, &plain).map_err(|e| Error::io("replace", &plain, e))?;
    segment::sync_dir(dir)?;
    if segment.is_packed() {
        // The plain one counts from here on.
        fs::remove_file(&segment.path).map_err(|e| Error::io("remove", &segment.path, e))?;
        segment::sync_dir(dir)?;
    }
    Ok(Quarantined { aside, kept, missing })
}

/// A name that no earlier quarantine has taken.
fn free_name(folder: &Path, segment: &Segment) -> PathBuf {
    let name = segment.path.file_name().expect("a segment has a name").to_string_lossy();
    let numbered = |n: u32| folder.join(if n == 0 { name.to_string() } else { format!("{name}.{n}") });
    (0..).map(numbered).find(|path| !path.exists()).expect("a folder does not hold 2^32 files")
}

/// Writes the frames of a fresh segment, made from the bytes of a damaged one. Returns how many records
/// are kept, and the ranges that are not.
fn salvage(
    bytes: &[u8],
    segment: &Segment,
    end: Option<u64>,
    out: &mut dyn Write,
) -> io::Result<(u64, Vec<(u64, u64)>)> {
    // A record takes more than a byte, and no byte unpacks to more than 2^15: a segment without a
    // following one cannot go further than this, whatever a frame in it says.
    let most = (bytes.len() as u64).saturating_mul(if segment.is_packed() { 1 << 15 } else { 1 });
    let below = end.unwrap_or(segment.first_seq.saturating_add(most));
    let mut salvage = Salvage { out, kept: 0, missing: Vec::new(), next: segment.first_seq, below };
    if segment.is_packed() {
        packed::each_block(bytes, |block| salvage.take(block))?;
    } else {
        salvage.take(bytes)?;
    }
    if let Some(end) = end {
        salvage.fill_to(end)?;
    }
    Ok((salvage.kept, salvage.missing))
}

struct Salvage<'a> {
    out: &'a mut dyn Write,
    kept: u64,
    missing: Vec<(u64, u64)>,
    next: u64,
    /// Numbers from here on are not this segment's.
    below: u64,
}

impl Salvage<'_> {
    /// Keeps the intact frames among these bytes.
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut at = 0;
        while at < bytes.len() {
            match frame::parse(&bytes[at..]) {
                Parsed::Frame(header, payload) if self.belongs(&header) => {
                    self.fill_to(header.first_seq)?;
                    let len = frame::HEADER + payload.len();
                    self.out.write_all(&bytes[at..at + len])?;
                    self.kept += u64::from(header.records);
                    self.next = header.first_seq + u64::from(header.records);
                    at += len;
                }
                _ => at += 1,
            }
        }
        Ok(())
    }

    fn belongs(&self, header: &Header) -> bool {
        header.first_seq >= self.next && header.first_seq + u64::from(header.records) <= self.below
    }

    /// Stands records of the kind `MISSING` in for what is lost before `seq`.
    fn fill_to(&mut self, seq: u64) -> io::Result<()> {
        if seq <= self.next {
            return Ok(());
        }
        self.missing.push((self.next, seq - 1));
        while self.next < seq {
            let count = (seq - self.next).min(FILLER_RECORDS);
            let mut payload = Vec::new();
            for _ in 0..count {
                frame::push_record(&mut payload, MISSING, 1, &[]);
            }
            let header = Header::of(&payload, self.next, u32::try_from(count).expect("bounded"));
            self.out.write_all(&header.encode())?;
            self.out.write_all(&payload)?;
            self.next += count;
        }
        Ok(())
    }
}
