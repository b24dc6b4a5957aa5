//! The segment: a file that begins with a header and is named by its first record.
//!
//! `NNN.journal` is plain, `NNN.journal.zst` is the same bytes compressed; where both are there, a crash came
//! between the two and the plain one counts.
//!
//! Header, 24 bytes: magic `MERGJRNL`, log u8, format u8, two zero bytes, first seq u64, crc u32 of
//! the 20 before. No clock: the same records give the same bytes.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::Error;

/// Bytes of a segment's header.
pub const HEADER: usize = 24;
const MAGIC: &[u8; 8] = b"MERGJRNL";
const FORMAT: u8 = 1;
/// Ends the name of a plain segment.
const PLAIN: &str = ".journal";
/// Ends the name of a compressed segment.
const PACKED: &str = ".journal.zst";

/// Which of the two logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Log {
    /// What was decided.
    Ledger,
    /// What was seen.
    Market,
}

impl Log {
    /// The name of the log and of its folder.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Market => "market",
        }
    }
    const fn tag(self) -> u8 {
        match self {
            Self::Ledger => b'L',
            Self::Market => b'M',
        }
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A segment on disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    /// The number of its first record.
    pub first_seq: u64,
    /// Its file.
    pub path: PathBuf,
}

impl Segment {
    /// True when its file is compressed.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        self.path.extension().is_some_and(|e| e == "zst")
    }

    /// That it is damaged. The offset is counted in plain bytes.
    pub(super) fn damaged(&self, offset: u64, what: &str, log: Log) -> Error {
        let what = if self.is_packed() { format!("{what} (counted in what it unpacks to)") } else { what.to_owned() };
        Error::Damaged { path: self.path.clone(), offset, what, log }
    }
}

/// Where a segment's plain file and its compressed file are.
pub fn names(dir: &Path, first_seq: u64) -> (PathBuf, PathBuf) {
    let name = |end| dir.join(format!("{first_seq:020}{end}"));
    (name(PLAIN), name(PACKED))
}

/// The segments of a log, oldest first. A folder that is not there holds none.
///
/// # Errors
/// The folder cannot be read.
pub fn list(dir: &Path) -> Result<Vec<Segment>, Error> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("list", dir, e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| Error::io("list", dir, e))?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let number = name.strip_suffix(PACKED).or_else(|| name.strip_suffix(PLAIN));
        if let Some(first_seq) = number.and_then(|n| n.parse().ok()) {
            found.push(Segment { first_seq, path });
        }
    }
    // The plain file's name sorts before the compressed one's.
    found.sort();
    found.dedup_by_key(|s| s.first_seq);
    Ok(found)
}

/// The header of a segment.
pub fn header(log: Log, first_seq: u64) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8] = log.tag();
    bytes[9] = FORMAT;
    bytes[12..20].copy_from_slice(&first_seq.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..20]);
    bytes[20..24].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Creates a segment and makes its name durable.
pub fn create(dir: &Path, log: Log, first_seq: u64) -> Result<(File, PathBuf), Error> {
    let (path, _) = names(dir, first_seq);
    let mut file =
        OpenOptions::new().create_new(true).append(true).open(&path).map_err(|e| Error::io("create", &path, e))?;
    let write = file.write_all(&header(log, first_seq)).and_then(|()| file.sync_data());
    if let Err(e) = write {
        // A half-made segment must not stand in the way of the next try.
        let _ = fs::remove_file(&path);
        return Err(Error::io("write", &path, e));
    }
    sync_dir(dir)?;
    Ok((file, path))
}

/// Makes the names in a folder durable.
pub fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| Error::io("sync", dir, e))
}
