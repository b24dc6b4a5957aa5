//! Rows of a slice on their way into files: gathered, sorted into a file for each combination of the table's folders, and read
//! again by another reader than the one that wrote them.
//!
//! No more than a part has, in rows and in bytes, is gathered at a time, whatever a day holds. What is expected of the files is digested from
//! what was made of the server's bytes, before they are sorted: all that lies between is looked at.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use duckdb::Connection;
use messages::caps;

use super::sorted::{At, OfFile, files};
use crate::archive::digest::Digest;
use crate::archive::{self, Did, Form};
use crate::tiers::Table;
use crate::tiers::manifest::Content;

/// A file that is on the disk and was looked at.
#[derive(Debug)]
pub struct Staged {
    /// Where it is.
    pub file: PathBuf,
    /// Its folders below the period.
    pub slice: String,
    /// What is in it.
    pub content: Content,
}

/// Where files are made, and how.
#[derive(Clone, Copy)]
pub struct Maker<'a> {
    /// A connection of its own.
    pub db: &'a Connection,
    /// The table.
    pub table: &'static Table,
    /// A folder that nobody else uses.
    pub folder: &'a Path,
    /// The level of their compression.
    pub level: u32,
    /// Bytes of the disk that stay free.
    pub reserve_bytes: u64,
    /// Hears each step.
    pub did: &'a (dyn Fn(&Did) + Sync),
}

/// The parts of a slice, as far as they are made.
pub struct Parts<'a> {
    maker: Maker<'a>,
    form: Form,
    gathered: Vec<RecordBatch>,
    /// Bytes that these take.
    bytes: usize,
    expected: Digest,
    found: Digest,
    made: Vec<Vec<Staged>>,
}

impl<'a> Parts<'a> {
    /// None so far.
    ///
    /// # Errors
    /// DuckDB or the disk refuses.
    pub fn begin(maker: Maker<'a>) -> Result<Self, archive::Error> {
        let form = Form::of(maker.db, maker.table, maker.folder, maker.level)?;
        let (expected, found) = (Digest::default(), Digest::default());
        Ok(Self { maker, form, gathered: Vec::new(), bytes: 0, expected, found, made: Vec::new() })
    }

    /// Adds whole rows.
    ///
    /// # Panics
    /// When a column is of a kind that no table has: a mistake in the program.
    pub fn add(&mut self, rows: RecordBatch) {
        self.expected.add(self.maker.table, &rows).expect("a sheet has known types");
        self.bytes += rows.get_array_memory_size();
        self.gathered.push(rows);
    }

    /// Whether what waits is a part, where one has so many rows at most.
    pub fn is_full(&self, part_rows: usize) -> bool {
        self.rows() >= part_rows || self.bytes >= caps::BACKFILL_PART_BYTES
    }

    fn rows(&self) -> usize {
        self.gathered.iter().map(RecordBatch::num_rows).sum()
    }

    /// Makes a part of what was gathered.
    ///
    /// # Errors
    /// DuckDB or the disk refuses, or a file cannot be read again.
    pub fn make(&mut self) -> Result<(), archive::Error> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let Maker { db, table, folder, reserve_bytes, did, .. } = &self.maker;
        archive::room_for(folder, self.rows() as u64, *reserve_bytes, "a backfill")?;
        let folder = folder.join(self.made.len().to_string());
        let gathered = std::mem::take(&mut self.gathered);
        self.bytes = 0;
        let mut staged = Vec::new();
        for OfFile { slice, rows } in files(table, &gathered) {
            let file = folder.join(&slice).join("rows.parquet");
            let name = file.display().to_string();
            self.form.write(&file, in_order(&gathered, &rows))?;
            did(&Did::Exported(name.clone()));
            archive::sync(&file)?;
            did(&Did::Synced(name.clone()));
            let (digest, content) = self.form.look(db, &file)?;
            did(&Did::Verified(name));
            self.found.merge(&digest);
            staged.push(Staged { file, slice, content });
        }
        self.made.push(staged);
        Ok(())
    }

    /// What the rows are that were added, what the files hold that were made of them, and the files by part.
    pub fn end(self) -> (Digest, Digest, Vec<Vec<Staged>>) {
        (self.expected, self.found, self.made)
    }
}

/// These rows, some at a time.
fn in_order(batches: &[RecordBatch], rows: &[At]) -> impl Iterator<Item = RecordBatch> {
    let all: Vec<&RecordBatch> = batches.iter().collect();
    let some = move |rows: &[At]| interleave_record_batch(&all, rows).expect("batches have the same columns");
    rows.chunks(caps::BACKFILL_BATCH_ROWS).map(some)
}
