//! The bytes of a file: unpacked when they are gzip or zstd, read in lines of bounded length.
//!
//! Invariant: no line costs more memory than [`FRAME_BYTES`], however long it is.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use messages::caps::FRAME_BYTES;

use super::error::InputError;

/// Bytes read from the disk at once.
const BLOCK: usize = 256 << 10;

/// How far a file has been read; a copy sees what the reader does.
#[derive(Clone, Default)]
pub struct Progress {
    read: Arc<AtomicU64>,
    total: u64,
}

impl Progress {
    pub fn new(total: u64) -> Self {
        Self { read: Arc::default(), total }
    }
    pub fn add(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }
    pub fn get(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed).min(self.total), self.total)
    }
}

/// Counts what is read from the disk.
struct Counted {
    file: File,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.progress.add(count as u64);
        Ok(count)
    }
}

/// The unpacked bytes of a file.
pub struct Bytes {
    path: PathBuf,
    compression: Option<&'static str>,
    progress: Progress,
    reader: BufReader<Box<dyn Read + Send>>,
    record: Record,
}

/// How long the CSV record being read is; a line's end inside quotes does not end it.
#[derive(Default)]
struct Record {
    bytes: usize,
    quoted: bool,
}

/// What a line was.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A line, without its end.
    Whole,
    /// A line beyond the limit; only its beginning was kept.
    TooLong,
    /// The end of the file.
    End,
}

impl Bytes {
    /// Opens a file and looks at its first bytes.
    pub fn open(path: &Path) -> Result<Self, InputError> {
        let file = File::open(path).map_err(|e| InputError::io(path, e))?;
        let total = file.metadata().map_err(|e| InputError::io(path, e))?.len();
        let progress = Progress::new(total);
        let mut packed = BufReader::with_capacity(BLOCK, Counted { file, progress: progress.clone() });
        let magic = packed.fill_buf().map_err(|e| InputError::io(path, e))?;
        let (compression, reader): (_, Box<dyn Read + Send>) = match magic {
            [0x1f, 0x8b, ..] => (Some("gzip"), Box::new(MultiGzDecoder::new(packed))),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                let decoder = zstd::stream::read::Decoder::with_buffer(packed);
                (Some("zstd"), Box::new(decoder.map_err(|e| InputError::io(path, e))?))
            }
            [b'P', b'A', b'R', b'1', ..] => {
                return Err(InputError::WrongFormat { path: path.to_owned(), expected: "text, but Parquet" });
            }
            _ => (None, Box::new(packed)),
        };
        let reader = BufReader::with_capacity(BLOCK, reader);
        Ok(Self { path: path.to_owned(), compression, progress, reader, record: Record::default() })
    }

    /// How far it has been read.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// How the file is compressed.
    pub fn compression(&self) -> Option<&'static str> {
        self.compression
    }

    /// Reads the next line into `line`.
    pub fn line(&mut self, line: &mut Vec<u8>) -> Result<Line, InputError> {
        line.clear();
        // One more byte for the line's end: a frame of exactly the limit is not too long.
        let limit = FRAME_BYTES as u64 + 1;
        let read = (&mut self.reader).take(limit).read_until(b'\n', line);
        if read.map_err(|e| failed(&self.path, self.compression, e))? == 0 {
            return Ok(Line::End);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() > FRAME_BYTES {
            self.reader.skip_until(b'\n').map_err(|e| failed(&self.path, self.compression, e))?;
            return Ok(Line::TooLong);
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Line::Whole)
    }
}

/// For the CSV reader, which has no bound of its own.
impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        for byte in &buffer[..count] {
            self.record.see(*byte)?;
        }
        Ok(count)
    }
}

impl Record {
    fn see(&mut self, byte: u8) -> io::Result<()> {
        self.bytes += 1;
        match byte {
            b'"' => self.quoted = !self.quoted,
            b'\n' if !self.quoted => self.bytes = 0,
            _ if self.bytes > FRAME_BYTES => {
                let problem = format!("a record of more than {FRAME_BYTES} bytes, or a quote that is not closed");
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            _ => {}
        }
        Ok(())
    }
}

/// An error while reading: of the disk where the file is plain, else most likely of its content.
pub fn failed(path: &Path, compression: Option<&'static str>, source: io::Error) -> InputError {
    let path = path.to_owned();
    match compression {
        Some(compression) => InputError::Damaged { path, compression, source },
        None => InputError::Io { path, source },
    }
}
