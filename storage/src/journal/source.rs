//! The bytes of a segment, plain or compressed, front to back, and the frames in them.
//!
//! A compressed segment is unpacked as it is read: whoever reads holds one frame of it and never the whole.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use zstd::stream::read::Decoder;

use super::Error;
use super::frame::{self, Header, Parsed};
use super::segment::{self, Log, Segment};

/// The largest window that is unpacked, as a power of two: what we write needs 2^21 bytes, and bytes
/// that are not ours must not make a reader take more than 8 MiB.
pub const WINDOW_LOG: u32 = 23;

/// The frames of one segment.
pub struct Frames {
    segment: Segment,
    log: Log,
    bytes: Bytes,
    /// Where the next frame begins, in plain bytes.
    offset: u64,
    buffer: Vec<u8>,
}

enum Bytes {
    Plain(File),
    Packed(Box<Decoder<'static, BufReader<File>>>),
}

/// What stands at the position.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: the end of what is written.
    End,
    /// A frame; its bytes are in [`Frames::payload`] unless it was passed over.
    Frame(Header),
}

impl Frames {
    /// Opens a segment and checks its header.
    ///
    /// # Errors
    /// The disk refuses, or the header is not that of this segment.
    pub fn open(segment: &Segment, log: Log) -> Result<Self, Error> {
        let file = File::open(&segment.path).map_err(|e| Error::io("open", &segment.path, e))?;
        let bytes = if segment.is_packed() {
            let mut decoder = Decoder::new(file).map_err(|e| Error::io("unpack", &segment.path, e))?;
            decoder.window_log_max(WINDOW_LOG).map_err(|e| Error::io("unpack", &segment.path, e))?;
            Bytes::Packed(Box::new(decoder))
        } else {
            Bytes::Plain(file)
        };
        let mut frames = Self { segment: segment.clone(), log, bytes, offset: 0, buffer: vec![0; segment::HEADER] };
        let got = frames.fill(0)?;
        if frames.buffer[..got] != segment::header(log, segment.first_seq) {
            return Err(frames.damaged("no segment header"));
        }
        frames.offset = segment::HEADER as u64;
        Ok(frames)
    }

    /// The next frame; one that ends before record `from` is passed over, its payload unread.
    /// At the end it can be asked again: a plain segment may have grown.
    ///
    /// # Errors
    /// The disk refuses, or the bytes are no intact frame.
    pub fn next(&mut self, from: u64) -> Result<Step, Error> {
        self.buffer.clear();
        self.buffer.resize(frame::HEADER, 0);
        let got = self.fill(0)?;
        if got == 0 {
            return Ok(Step::End);
        }
        let Some(header) = Header::decode(&self.buffer[..got]) else {
            return Err(self.damaged("no frame header"));
        };
        let len = header.payload_len as usize;
        if header.first_seq + u64::from(header.records) <= from {
            self.skip(len as u64)?;
        } else {
            self.buffer.resize(frame::HEADER + len, 0);
            let got = self.fill(frame::HEADER)?;
            self.buffer.truncate(frame::HEADER + got);
            if let Parsed::Broken(what) = frame::parse(&self.buffer) {
                return Err(self.damaged(what));
            }
        }
        self.offset += (frame::HEADER + len) as u64;
        Ok(Step::Frame(header))
    }

    /// The payload of the frame that was read last.
    pub fn payload(&self) -> &[u8] {
        &self.buffer[frame::HEADER..]
    }

    /// The bytes of the frame that was read last, its header first.
    pub fn frame(&self) -> &[u8] {
        &self.buffer
    }

    /// Where the next frame begins, in plain bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// True when the file has grown beyond the position.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn has_more(&self) -> Result<bool, Error> {
        let Bytes::Plain(file) = &self.bytes else { return Ok(false) };
        let len = file.metadata().map_err(|e| Error::io("read", &self.segment.path, e))?.len();
        Ok(len > self.offset)
    }

    /// The segment.
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    /// That the segment is damaged at the position.
    pub fn damaged(&self, what: &str) -> Error {
        self.segment.damaged(self.offset, what, self.log)
    }

    /// Fills the buffer from `at` on; fewer bytes where the segment ends.
    fn fill(&mut self, at: usize) -> Result<usize, Error> {
        let mut got = 0;
        while at + got < self.buffer.len() {
            let rest = &mut self.buffer[at + got..];
            let read = match &mut self.bytes {
                Bytes::Plain(file) => file.read(rest),
                Bytes::Packed(decoder) => decoder.read(rest),
            };
            match read {
                Ok(0) => break,
                Ok(n) => got += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.failed(e)),
            }
        }
        Ok(got)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Error> {
        let skipped = match &mut self.bytes {
            Bytes::Plain(file) => file.seek(SeekFrom::Current(bytes as i64)).map(drop),
            Bytes::Packed(decoder) => io::copy(&mut decoder.by_ref().take(bytes), &mut io::sink()).map(drop),
        };
        skipped.map_err(|e| self.failed(e))
    }

    /// What the system refused, or else what the decompressor makes of damaged bytes.
    fn failed(&self, e: io::Error) -> Error {
        if e.raw_os_error().is_some() || !self.segment.is_packed() {
            return Error::io("read", &self.segment.path, e);
        }
        self.damaged(&format!("it cannot be unpacked: {e}"))
    }
}
