//! The reader: groups of a log in order, from any record on, never beyond a watermark.
//!
//! It holds the file that it reads: a segment that is compressed or dropped meanwhile is read to its end.

use std::path::{Path, PathBuf};

use messages::ledger::Seq;

use super::Error;
use super::codec::{Decoded, Record};
use super::frame::{self, Header};
use super::quarantine::MISSING;
use super::segment::{self, Segment};
use super::source::{Frames, Step};

/// Reads the groups of one log.
pub struct Reader<R> {
    dir: PathBuf,
    /// The next record to hand out.
    next: Seq,
    open: Option<Frames>,
    record: std::marker::PhantomData<fn() -> R>,
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
    /// The checksum of the frame that it stands in: another log has another one at the same record.
    pub checksum: u32,
}

impl<R> Group<R> {
    /// Numbers of its range: its records, and those that a quarantine lost.
    #[must_use]
    pub fn numbers(&self) -> u64 {
        self.last.0 + 1 - self.first.0
    }

    /// Records of the range that a quarantine lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.numbers() - self.records.len() as u64
    }
}

impl<R: Record> Reader<R> {
    /// Reads from record `from` on.
    #[must_use]
    pub fn new(dir: &Path, from: Seq) -> Self {
        let next = Seq(from.0.max(1));
        Self { dir: dir.to_owned(), next, open: None, record: std::marker::PhantomData }
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
            let open = self.open.as_mut().expect("opened before");
            let at = open.offset();
            let Step::Frame(header) = open.next(self.next.0)? else {
                // The end of this segment, and more is durable: it stands in the next one.
                if self.turn()? {
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
                return Err(open.segment().damaged(at, &what, R::LOG));
            };
            let group = self.decode(header, skip as usize)?;
            self.next = last.next();
            return Ok(Some(group));
        }
        Ok(None)
    }

    /// Opens the segment that holds the next record. False when there is none at all.
    fn open_segment(&mut self) -> Result<bool, Error> {
        let mut again = false;
        loop {
            let segments = segment::list(&self.dir)?;
            let Some(found) = segments.iter().rev().find(|s| s.first_seq <= self.next.0) else {
                match segments.first() {
                    None => return Ok(false),
                    Some(_) if !again => again = true,
                    Some(oldest) => {
                        return Err(Error::Gone { log: R::LOG, from: self.next.0, oldest: oldest.first_seq });
                    }
                }
                continue;
            };
            match Frames::open(found, R::LOG) {
                Ok(frames) => {
                    self.open = Some(frames);
                    return Ok(true);
                }
                // Compressed or dropped between the look at the folder and the opening.
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound && !again => {
                    again = true;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Goes on to the segment behind the one that has ended. False when there is none yet.
    fn turn(&mut self) -> Result<bool, Error> {
        // A listing may miss a segment that is renamed meanwhile, never twice.
        for _ in 0..2 {
            match self.following()? {
                None => return Ok(false),
                Some(next) if next.first_seq <= self.next.0 => {
                    self.open = None;
                    return Ok(true);
                }
                Some(_) => {}
            }
        }
        // What was appended before the next segment was begun, and after this one was read to its end.
        let open = self.open.as_mut().expect("its end was reached");
        if open.has_more()? {
            return Ok(true);
        }
        // The one that is read was dropped, and those behind it have gone as well since.
        if let Some(oldest) = segment::list(&self.dir)?.first().filter(|s| s.first_seq > self.next.0) {
            return Err(Error::Gone { log: R::LOG, from: self.next.0, oldest: oldest.first_seq });
        }
        let what = format!("it ends before record {}, which no segment holds", self.next);
        Err(open.damaged(&what))
    }

    /// The segment behind the open one.
    fn following(&self) -> Result<Option<Segment>, Error> {
        let open = self.open.as_ref().expect("its end was reached").segment().first_seq;
        Ok(segment::list(&self.dir)?.into_iter().find(|s| s.first_seq > open))
    }

    fn decode(&self, header: Header, skip: usize) -> Result<Group<R>, Error> {
        let mut records = Vec::with_capacity(header.records as usize - skip);
        let payload = self.open.as_ref().expect("a frame was read").payload();
        for (n, raw) in frame::Records(payload).enumerate().skip(skip) {
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
        Ok(Group { first: Seq(header.first_seq + skip as u64), last, records, checksum: header.payload_crc })
    }
}
