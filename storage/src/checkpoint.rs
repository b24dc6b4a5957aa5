//! A checkpoint of the ledger: what somebody folded from its records, so that a start reads only its tail.
//!
//! A file beside the segments, replaced whole: magic, version of the content, the last record that is in it, a hash of
//! that record, length, CRC of all before and of the content. It holds nothing that the ledger does not: one that does
//! not fit (torn, of another version, of another ledger) is ignored, and the whole ledger is read.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use messages::ledger::{LedgerRecord, Seq};

use crate::journal::{Error, record_hash};

const NAME: &str = "checkpoint";
const MAGIC: &[u8; 8] = b"MERGCKPT";
/// Magic, version u32, record u64, its hash, length u64, CRC u32.
const HEADER: usize = 8 + 4 + 8 + 32 + 8 + 4;

/// The content of a checkpoint, and the last record that is in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last record.
    pub upto: Seq,
    /// What was folded.
    pub content: Vec<u8>,
}

/// Replaces the checkpoint of a ledger.
///
/// # Errors
/// The disk refuses, or the record cannot be read; the old checkpoint is still there then.
pub fn write(ledger: &Path, version: u32, checkpoint: &Checkpoint) -> Result<(), Error> {
    let mut bytes = Vec::with_capacity(HEADER + checkpoint.content.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&checkpoint.upto.0.to_le_bytes());
    bytes.extend_from_slice(&record_hash::<LedgerRecord>(ledger, checkpoint.upto)?.unwrap_or_default());
    bytes.extend_from_slice(&(checkpoint.content.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&crc(&bytes, &checkpoint.content).to_le_bytes());
    bytes.extend_from_slice(&checkpoint.content);
    let (fresh, path) = (ledger.join("checkpoint.tmp"), ledger.join(NAME));
    let written = File::create(&fresh).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    let io = |what: &'static str| {
        let path = path.clone();
        move |source| Error::Io { what, path, source }
    };
    written.map_err(io("write"))?;
    fs::rename(&fresh, &path).map_err(io("replace"))?;
    File::open(ledger).and_then(|dir| dir.sync_all()).map_err(io("sync the folder of"))
}

/// The checkpoint of a ledger, if there is one of this version that reaches no farther than `durable` and belongs to it.
#[must_use]
pub fn read(ledger: &Path, version: u32, durable: Seq) -> Option<Checkpoint> {
    let bytes = fs::read(ledger.join(NAME)).ok()?;
    let (header, content) = bytes.split_at_checked(HEADER)?;
    let word = |at: usize| header[at..at + 8].try_into().map(u64::from_le_bytes).ok();
    let half = |at: usize| header[at..at + 4].try_into().map(u32::from_le_bytes).ok();
    let upto = Seq(word(12)?);
    let is_ours = header[..8] == *MAGIC && half(8)? == version && word(52)? == content.len() as u64;
    let is_whole = half(60)? == crc(&header[..60], content);
    if !is_ours || !is_whole || upto > durable || upto == Seq(0) {
        return None;
    }
    let hash = record_hash::<LedgerRecord>(ledger, upto).ok()??;
    (hash == header[20..52]).then(|| Checkpoint { upto, content: content.to_owned() })
}

fn crc(header: &[u8], content: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(header);
    crc.update(content);
    crc.finalize()
}

#[cfg(test)]
mod tests {
    use messages::UtcNanos;

    use super::*;
    use crate::journal::Writer;

    fn ledger(dir: &Path, first: i64) {
        let mut writer = Writer::open(dir, 1 << 20).unwrap();
        for n in first..first + 10 {
            writer.append(&LedgerRecord::Stopped { at: UtcNanos(n) }).unwrap();
        }
        writer.sync().unwrap();
    }

    #[test]
    fn it_comes_back_only_whole_of_its_version_and_to_its_ledger() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        ledger(dir.path(), 1);
        ledger(other.path(), 2);
        assert_eq!(read(dir.path(), 1, Seq(10)), None);
        let made = Checkpoint { upto: Seq(7), content: b"folded".to_vec() };
        write(dir.path(), 1, &made).unwrap();
        assert_eq!(read(dir.path(), 1, Seq(10)), Some(Checkpoint { upto: Seq(7), content: b"folded".to_vec() }));
        assert_eq!(read(dir.path(), 1, Seq(6)), None, "it reaches too far");
        assert_eq!(read(dir.path(), 2, Seq(10)), None, "of another version");
        let whole = fs::read(dir.path().join(NAME)).unwrap();
        fs::write(other.path().join(NAME), &whole).unwrap();
        assert_eq!(read(other.path(), 1, Seq(10)), None, "of another ledger");
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(dir.path().join(NAME), &damaged).unwrap();
            assert_eq!(read(dir.path(), 1, Seq(10)), None, "byte {at} flipped");
            fs::write(dir.path().join(NAME), &whole[..at]).unwrap();
            assert_eq!(read(dir.path(), 1, Seq(10)), None, "cut at {at}");
        }
    }
}
