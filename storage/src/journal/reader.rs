//! The reader: groups of a log in order, from any record on, never beyond a watermark.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use messages::ledger::Seq;

use super::Error;
use super::codec::{Decoded, Record};
use super::frame::{self, Header, Parsed};
use super::quarantine::MISSING;
use super::segment;

/// Reads the groups of one log.
pub struct Reader<R> {
    dir: PathBuf,
    /// The next record to hand out.
    next: Seq,
    open: Option<Open>,
    buffer: Vec<u8>,
    record: std::marker::PhantomData<fn() -> R>,
}

struct Open {
    file: File,
    path: PathBuf,
    offset: u64,
}

/// One synced group.
#[derive(Debug)]
pub struct Group<R> {
    /// The number of its first record.
    pub first: Seq,
    /// The number of its last record.
    pub last: Seq,
    /// The records with their numbers; fewer than the range where a quarantine lost some.
    pub records: Vec<(Seq, R)>,
}

impl<R: Record> Reader<R> {
    /// Reads from record `from` on.
    #[must_use]
    pub fn new(dir: &Path, from: Seq) -> Self {
        let next = Seq(from.0.max(1));
        Self { dir: dir.to_owned(), next, open: None, buffer: Vec::new(), record: std::marker::PhantomData }
    }

    /// The next record that it will hand out.
    #[must_use]
    pub fn next_seq(&self) -> Seq {
        self.next
    }

    /// The next group, if all of it lies at or before `durable`.
    ///
    /// # Errors
    /// The disk refuses, the segment is damaged, the records are gone or of a newer program.
    pub fn next_group(&mut self, durable: Seq) -> Result<Option<Group<R>>, Error> {
        while self.next <= durable {
            if self.open.is_none() && !self.open_segment()? {
                return Ok(None);
            }
            let Some(header) = self.read_frame()? else {
                // The end of this segment, and more is durable: it stands in the next one.
                self.open = None;
                if segment::list(&self.dir)?.iter().any(|s| s.first_seq == self.next.0) {
                    continue;
                }
                return Ok(None);
            };
            let last = Seq(header.first_seq + u64::from(header.records) - 1);
            if last < self.next {
                continue;
            }
            let Some(skip) = self.next.0.checked_sub(header.first_seq) else {
                let what = format!("record {} where {} was expected", header.first_seq, self.next);
                let at = self.open.as_ref().expect("opened before");
                return Err(self.damaged(&at.path, at.offset, &what));
            };
            let skip = skip as usize;
            let group = self.decode(header, skip)?;
            self.next = last.next();
            return Ok(Some(group));
        }
        Ok(None)
    }

    fn open_segment(&mut self) -> Result<bool, Error> {
        let segments = segment::list(&self.dir)?;
        let Some(found) = segments.iter().rev().find(|s| s.first_seq <= self.next.0) else {
            return match segments.first() {
                Some(oldest) => Err(Error::Gone { log: R::LOG, from: self.next.0, oldest: oldest.first_seq }),
                None => Ok(false),
            };
        };
        let path = found.path.clone();
        let mut file = File::open(&path).map_err(|e| Error::io("open", &path, e))?;
        let mut head = [0; segment::HEADER];
        file.read_exact(&mut head).map_err(|e| Error::io("read", &path, e))?;
        if head != segment::header(R::LOG, found.first_seq) {
            return Err(self.damaged(&path, 0, "no segment header"));
        }
        self.open = Some(Open { file, path, offset: segment::HEADER as u64 });
        Ok(true)
    }

    /// Reads the frame at the position into the buffer; skips its payload when it lies before `next`.
    fn read_frame(&mut self) -> Result<Option<Header>, Error> {
        let open = self.open.as_mut().expect("opened before");
        let at = open.offset;
        let path = open.path.clone();
        let read_error = |e| Error::io("read", &path, e);
        open.file.seek(SeekFrom::Start(at)).map_err(read_error)?;
        let mut head = [0; frame::HEADER];
        let got = read_up_to(&mut open.file, &mut head).map_err(read_error)?;
        if got == 0 {
            return Ok(None);
        }
        let Some(header) = Header::decode(&head[..got]) else {
            return Err(self.damaged(&path, at, "no frame header"));
        };
        let len = header.payload_len as usize;
        open.offset = at + (frame::HEADER + len) as u64;
        if header.first_seq + u64::from(header.records) <= self.next.0 {
            return Ok(Some(header));
        }
        self.buffer.clear();
        self.buffer.extend_from_slice(&head);
        self.buffer.resize(frame::HEADER + len, 0);
        let got = read_up_to(&mut open.file, &mut self.buffer[frame::HEADER..]).map_err(read_error)?;
        self.buffer.truncate(frame::HEADER + got);
        match frame::parse(&self.buffer) {
            Parsed::Frame(header, _) => Ok(Some(header)),
            Parsed::Broken(what) => Err(self.damaged(&path, at, what)),
            Parsed::End => Ok(None),
        }
    }

    fn decode(&self, header: Header, skip: usize) -> Result<Group<R>, Error> {
        let mut records = Vec::with_capacity(header.records as usize - skip);
        for (n, raw) in frame::Records(&self.buffer[frame::HEADER..]).enumerate().skip(skip) {
            let raw = raw.expect("the frame was checked");
            let seq = header.first_seq + n as u64;
            let (kind, version) = (raw.kind, raw.version);
            if kind == MISSING {
                continue;
            }
            match R::decode(kind, version, raw.bytes) {
                Decoded::Record(record) => records.push((Seq(seq), record)),
                Decoded::Unknown => return Err(Error::Unknown { log: R::LOG, seq, kind, version }),
                Decoded::Failed(source) => {
                    return Err(Error::Undecodable { log: R::LOG, seq, kind, version, source });
                }
            }
        }
        let last = Seq(header.first_seq + u64::from(header.records) - 1);
        Ok(Group { first: Seq(header.first_seq + skip as u64), last, records })
    }

    fn damaged(&self, path: &Path, offset: u64, what: &str) -> Error {
        Error::Damaged { path: path.to_owned(), offset, what: what.to_owned(), log: R::LOG }
    }
}

/// Reads until the buffer is full or the file ends.
fn read_up_to(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}
