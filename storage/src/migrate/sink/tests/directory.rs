//! Journals that are being written to, and a data directory of nothing else.

use std::path::Path;

use messages::ledger::{LedgerRecord, MarketRecord, Seq};
use tempfile::TempDir;

use super::super::Journals;
use super::records::{ledger, market, started};
use crate::datadir::Paths;
use crate::journal::{Watermark, Writer};

/// Both journals of a folder.
pub struct Written {
    ledger: Writer<LedgerRecord>,
    market: Writer<MarketRecord>,
    journals: Journals,
}

impl Written {
    /// None yet.
    pub fn new(folder: &Path, segment_bytes: u64) -> Self {
        let (ledger_dir, market_dir) = (folder.join("ledger"), folder.join("market"));
        let (ledger, market) = (Watermark::new(Seq(0)), Watermark::new(Seq(0)));
        Self {
            ledger: Writer::open(&ledger_dir, segment_bytes).unwrap(),
            market: Writer::open(&market_dir, segment_bytes).unwrap(),
            journals: Journals { ledger_dir, market_dir, ledger, market },
        }
    }

    /// Writes records, so that they are durable.
    pub fn add(&mut self, ledger: &[LedgerRecord], market: &[MarketRecord]) {
        for record in ledger {
            self.ledger.append(record).unwrap();
        }
        for record in market {
            self.market.append(record).unwrap();
        }
        self.journals.ledger.advance(self.ledger.sync().unwrap());
        self.journals.market.advance(self.market.sync().unwrap());
    }

    pub fn journals(&self) -> Journals {
        self.journals.clone()
    }

    /// The last records of both.
    pub fn ends(&self) -> (Seq, Seq) {
        (self.journals.ledger.get(), self.journals.market.get())
    }
}

/// A data directory that is being written to.
pub struct Directory {
    temp: TempDir,
    written: Written,
    groups: u64,
}

impl Directory {
    /// One that was started by an installation of that name.
    pub fn new(instance: &str) -> Self {
        // A segment holds one group.
        Self::with_segments(instance, 256)
    }

    pub fn with_segments(instance: &str, segment_bytes: u64) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let mut written = Written::new(temp.path(), segment_bytes);
        written.add(&[LedgerRecord::Started(started(instance))], &[]);
        Self { temp, written, groups: 0 }
    }

    pub fn paths(&self) -> Paths {
        Paths::of(self.temp.path(), None)
    }

    pub fn journals(&self) -> Journals {
        self.written.journals()
    }

    /// The last records of both journals.
    pub fn ends(&self) -> (Seq, Seq) {
        self.written.ends()
    }

    /// Writes the next groups, a frame of each journal for each.
    pub fn write(&mut self, groups: u64) {
        for _ in 0..groups {
            self.groups += 1;
            self.write_group(self.groups);
        }
    }

    /// Writes a frame of market records that make no row, as depth makes none.
    pub fn write_rowless(&mut self, records: usize) {
        let record = MarketRecord::Restored { epoch: 1, ledger: Seq(1) };
        self.written.add(&[], &vec![record; records]);
    }

    /// Writes a group that another past would have written.
    pub fn write_group(&mut self, n: u64) {
        self.written.add(&ledger(n), &market(n));
    }
}
