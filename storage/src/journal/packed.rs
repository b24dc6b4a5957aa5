//! The compressed segment: the bytes of a closed one, in blocks that unpack each for itself.
//!
//! A block holds whole frames and is one frame of zstd, so that a bit that rots costs its block and not all
//! that comes behind it. `pack` writes beside, syncs, unpacks and compares, renames, and only then removes
//! the plain file: after a crash at any step one of the two is whole. Every byte is read twice and written
//! once, on the housekeeping thread alone.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use messages::caps::JOURNAL_FRAME_BYTES;
use zstd::bulk::Compressor;
use zstd::stream::read::Decoder;

use super::Error;
use super::segment::{self, Log, Segment};
use super::source::{Frames, Step, WINDOW_LOG};

/// How hard it compresses. Measured on recorded Binance frames, on a busy machine: level 1 packs 215 MB/s
/// at 2.8 : 1, level 3 138 MB/s at 3.1 : 1; what is saved of a core is worth more beside trading.
const LEVEL: i32 = 1;

/// Plain bytes after which a block is closed.
const BLOCK: usize = 4 << 20;

/// The most that a block unpacks to: it is closed behind the frame that fills it.
const BLOCK_MAX: u64 = (BLOCK + JOURNAL_FRAME_BYTES + super::frame::HEADER) as u64;

/// The first bytes of a block, as zstd writes them.
const BLOCK_MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// Ends the name of a compressed segment that is being made.
const UNFINISHED: &str = ".tmp.zst";

/// What became of a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Packed {
    /// It is compressed: bytes before and after.
    Done {
        /// Bytes of the plain file.
        from: u64,
        /// Bytes of the compressed one.
        to: u64,
    },
    /// It was given up when asked to.
    GivenUp,
}

/// Compresses a closed segment and removes the plain file. `go_on` is asked between frames.
///
/// # Errors
/// The disk refuses, or the segment is damaged: then it stays as it is.
pub fn pack(dir: &Path, plain: &Segment, log: Log, go_on: impl Fn() -> bool) -> Result<Packed, Error> {
    let (_, done) = segment::names(dir, plain.first_seq);
    let unfinished = dir.join(format!("{:020}{UNFINISHED}", plain.first_seq));
    let checked = write(plain, &unfinished, log, &go_on).and_then(|written| match written {
        Some((sum, size)) => Ok(compare(plain, &unfinished, log, &sum, &go_on)?.then_some((sum.bytes, size))),
        None => Ok(None),
    });
    let (from, to) = match checked {
        Ok(Some(sizes)) => sizes,
        other => {
            let _ = fs::remove_file(&unfinished);
            return other.map(|_| Packed::GivenUp);
        }
    };
    fs::rename(&unfinished, &done).map_err(|e| Error::io("rename", &unfinished, e))?;
    segment::sync_dir(dir)?;
    fs::remove_file(&plain.path).map_err(|e| Error::io("remove", &plain.path, e))?;
    segment::sync_dir(dir)?;
    Ok(Packed::Done { from, to })
}

/// Compresses a segment to the file `to`, and leaves it where it is.
///
/// # Errors
/// The disk refuses, or the segment is damaged.
pub fn pack_to(plain: &Segment, to: &Path, log: Log) -> Result<(), Error> {
    match write(plain, to, log, &|| true)? {
        Some((sum, _)) => compare(plain, to, log, &sum, &|| true).map(drop),
        None => Ok(()),
    }
}

/// What a crash in [`pack`] or in a quarantine may leave: unfinished files, and a compressed segment beside its plain one.
///
/// # Errors
/// The disk refuses.
pub fn tidy(dir: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(dir).map_err(|e| Error::io("list", dir, e))? {
        let path = entry.map_err(|e| Error::io("list", dir, e))?.path();
        if path.file_name().is_some_and(|n| n.to_string_lossy().ends_with(UNFINISHED)) {
            fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
        }
    }
    for segment in segment::list(dir)?.iter().filter(|s| !s.is_packed()) {
        let (_, packed) = segment::names(dir, segment.first_seq);
        if packed.exists() {
            fs::remove_file(&packed).map_err(|e| Error::io("remove", &packed, e))?;
        }
    }
    Ok(())
}

/// The sum of a segment's bytes: that two files hold the same.
#[derive(Debug, PartialEq, Eq)]
struct Sum {
    frames: u64,
    bytes: u64,
    crc: u32,
}

/// Takes the checked frames of a segment in and sums them up; each goes through `take`.
fn each_frame(
    segment: &Segment,
    log: Log,
    mut take: impl FnMut(&[u8]) -> Result<bool, Error>,
) -> Result<Option<Sum>, Error> {
    let mut frames = Frames::open(segment, log)?;
    let (mut crc, mut count) = (crc32fast::Hasher::new(), 0);
    loop {
        let Step::Frame(_) = frames.next(0)? else {
            return Ok(Some(Sum { frames: count, bytes: frames.offset(), crc: crc.finalize() }));
        };
        crc.update(frames.frame());
        count += 1;
        if !take(frames.frame())? {
            return Ok(None);
        }
    }
}

/// Writes the compressed file and syncs it. Returns what it holds and its size; `None` when given up.
fn write(plain: &Segment, to: &Path, log: Log, go_on: &impl Fn() -> bool) -> Result<Option<(Sum, u64)>, Error> {
    let refused = |e| Error::io("write", to, e);
    let mut file = File::create(to).map_err(refused)?;
    let mut compressor = Compressor::new(LEVEL).map_err(refused)?;
    let mut size = 0;
    let mut block = segment::header(log, plain.first_seq).to_vec();
    let mut close = |block: &mut Vec<u8>| {
        let packed = compressor.compress(block).map_err(refused)?;
        block.clear();
        size += packed.len() as u64;
        file.write_all(&packed).map_err(refused)
    };
    let sum = each_frame(plain, log, |frame| {
        block.extend_from_slice(frame);
        if block.len() >= BLOCK {
            close(&mut block)?;
        }
        Ok(go_on())
    })?;
    let Some(sum) = sum else { return Ok(None) };
    if !block.is_empty() {
        close(&mut block)?;
    }
    file.sync_all().map_err(refused)?;
    Ok(Some((sum, size)))
}

/// Unpacks what was written and checks that it is what was to be written. False when given up.
fn compare(plain: &Segment, packed: &Path, log: Log, written: &Sum, go_on: &impl Fn() -> bool) -> Result<bool, Error> {
    let segment = Segment { first_seq: plain.first_seq, path: packed.to_owned() };
    let Some(read) = each_frame(&segment, log, |_| Ok(go_on()))? else { return Ok(false) };
    if read == *written {
        return Ok(true);
    }
    let what = format!("{read:?} was read back where {written:?} was written");
    Err(segment.damaged(0, &what, log))
}

/// Unpacks the blocks of a damaged compressed segment, as far as each can be; `take` gets the plain bytes.
///
/// # Errors
/// What `take` says.
pub fn each_block(bytes: &[u8], mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut at = 0;
    while let Some(begin) = find(&bytes[at..], BLOCK_MAGIC) {
        at += begin;
        let (plain, used) = unpack(&bytes[at..]);
        take(&plain)?;
        // Behind a block that is damaged the next one is looked for.
        at += used.unwrap_or(1).max(1);
    }
    Ok(())
}

/// What the block at the start of `bytes` unpacks to, and its length if it is whole.
fn unpack(bytes: &[u8]) -> (Vec<u8>, Option<usize>) {
    let mut plain = Vec::new();
    let Ok(decoder) = Decoder::with_buffer(bytes) else { return (plain, None) };
    let mut decoder = decoder.single_frame();
    if decoder.window_log_max(WINDOW_LOG).is_err() {
        return (plain, None);
    }
    let mut limited = decoder.take(BLOCK_MAX);
    let whole = limited.read_to_end(&mut plain).is_ok();
    let mut decoder = limited.into_inner();
    let whole = whole && decoder.finish_frame().is_ok();
    (plain, whole.then(|| bytes.len() - decoder.finish().len()))
}

fn find(bytes: &[u8], wanted: [u8; 4]) -> Option<usize> {
    bytes.windows(4).position(|w| w == wanted)
}
