//! The writer: gathers records into a group, writes it as one frame, syncs it, rolls segments.
//!
//! It knows no thread and no clock: the journal thread calls it live, the backtest calls it in line.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use messages::caps::{JOURNAL_FRAME_BYTES, JOURNAL_GROUP_BYTES};
use messages::ledger::Seq;

use super::codec::Record;
use super::frame::{self, Header};
use super::segment::{self, Log, Segment};
use super::{Error, recover};

/// Appends records of one log.
pub struct Writer<R> {
    dir: PathBuf,
    segment_bytes: u64,
    current: Option<Current>,
    /// The number that the next record gets.
    next: Seq,
    /// The first record of the group that is being gathered.
    group_first: Seq,
    group: Vec<u8>,
    group_records: u32,
    scratch: Vec<u8>,
    record: std::marker::PhantomData<fn(R)>,
}

struct Current {
    first: Seq,
    file: File,
    path: PathBuf,
    /// Bytes up to the end of the last synced frame.
    len: u64,
}

impl<R: Record> Writer<R> {
    /// Opens the log in `dir` behind its last intact frame, cutting a torn one.
    ///
    /// # Errors
    /// The disk refuses, or the log is damaged elsewhere than at its end.
    pub fn open(dir: &Path, segment_bytes: u64) -> Result<Self, Error> {
        std::fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, e))?;
        let recovered = recover::recover(dir, R::LOG)?;
        let current = match recovered.last_segment {
            Some((Segment { first_seq, path }, len)) => {
                let file = File::options().append(true).open(&path).map_err(|e| Error::io("open", &path, e))?;
                Some(Current { first: Seq(first_seq), file, path, len })
            }
            None => None,
        };
        Ok(Self {
            dir: dir.to_owned(),
            segment_bytes,
            current,
            next: recovered.next,
            group_first: recovered.next,
            group: Vec::new(),
            group_records: 0,
            scratch: Vec::new(),
            record: std::marker::PhantomData,
        })
    }

    /// Adds a record to the group; it is durable after the next [`Self::sync`].
    ///
    /// # Errors
    /// The record is larger than a frame may be.
    pub fn append(&mut self, record: &R) -> Result<Seq, Error> {
        self.scratch.clear();
        let (kind, version) = record.encode(&mut self.scratch);
        let max = JOURNAL_FRAME_BYTES - JOURNAL_GROUP_BYTES - frame::RECORD_HEADER;
        if self.scratch.len() > max {
            return Err(Error::TooLarge { log: R::LOG, bytes: self.scratch.len(), max });
        }
        frame::push_record(&mut self.group, kind, version, &self.scratch);
        self.group_records += 1;
        let seq = self.next;
        self.next = seq.next();
        Ok(seq)
    }

    /// True when the group is large enough to be written.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.group.len() >= JOURNAL_GROUP_BYTES
    }

    /// The last record that was appended, synced or not.
    #[must_use]
    pub fn last(&self) -> Seq {
        Seq(self.next.0 - 1)
    }

    /// The first record of the segment that is being written: those before it are closed. 0 while there is none.
    #[must_use]
    pub fn open_segment(&self) -> Seq {
        self.current.as_ref().map_or(Seq(0), |c| c.first)
    }

    /// Writes the group as one frame and syncs it. Returns the last durable record. After an error
    /// of `write` the group is kept and the file is as before: calling again is safe. After an error
    /// of `sync` it is not (the kernel may have dropped the pages): see [`Error::is_disk_full`].
    ///
    /// # Errors
    /// The disk refuses.
    pub fn sync(&mut self) -> Result<Seq, Error> {
        if self.group.is_empty() {
            return Ok(self.last());
        }
        let frame_len = (frame::HEADER + self.group.len()) as u64;
        if self
            .current
            .as_ref()
            .is_some_and(|c| c.len + frame_len > self.segment_bytes && c.len > segment::HEADER as u64)
        {
            self.current = None;
        }
        if self.current.is_none() {
            let (file, path) = segment::create(&self.dir, R::LOG, self.group_first.0)?;
            self.current = Some(Current { first: self.group_first, file, path, len: segment::HEADER as u64 });
        }
        let current = self.current.as_mut().expect("just made");
        let header = Header::of(&self.group, self.group_first.0, self.group_records).encode();
        let written = current.file.write_all(&header).and_then(|()| current.file.write_all(&self.group));
        if let Err(e) = written {
            // Take back the half-written frame, so that the next try appends behind the last whole one.
            current.file.set_len(current.len).map_err(|e| Error::io("truncate", &current.path, e))?;
            return Err(Error::io("write", &current.path, e));
        }
        current.file.sync_data().map_err(|e| Error::io("sync", &current.path, std::io::Error::other(e)))?;
        current.len += frame_len;
        self.group.clear();
        self.group_records = 0;
        self.group_first = self.next;
        Ok(self.last())
    }

    /// The log that it writes.
    #[must_use]
    pub fn log(&self) -> Log {
        R::LOG
    }
}
