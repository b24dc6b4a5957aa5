//! Rows of a slice on their way into files: gathered in a table of DuckDB's that nobody else sees, sorted into a file for each
//! combination of the table's folders, and read again by another reader than the one that wrote them.
//!
//! No more rows than a part has are gathered at a time, whatever a day holds. What is expected of the files is digested from
//! what was made of the server's bytes, before DuckDB sees it: all that lies between is looked at.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use duckdb::Connection;

use crate::archive::digest::Digest;
use crate::archive::{self, Did};
use crate::duck;
use crate::tiers::Table;
use crate::tiers::manifest::Content;
use crate::tiers::tables::Moves;

/// Files of a part up to which each is sorted out of all rows; with more all rows are sorted once before.
const FILES_AT_ONCE: usize = 8;

const GATHERED: &str = "backfill_rows";
const SORTED: &str = "backfill_sorted";

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
    gathered: u64,
    expected: Digest,
    found: Digest,
    made: Vec<Vec<Staged>>,
}

impl<'a> Parts<'a> {
    /// None so far.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn begin(maker: Maker<'a>) -> Result<Self, duck::Error> {
        let parts =
            Self { maker, gathered: 0, expected: Digest::default(), found: Digest::default(), made: Vec::new() };
        parts.empty()?;
        Ok(parts)
    }

    /// Adds whole rows.
    ///
    /// # Errors
    /// DuckDB refuses.
    ///
    /// # Panics
    /// When a column is of a kind that no table has: a mistake in the program.
    pub fn add(&mut self, rows: RecordBatch) -> Result<(), duck::Error> {
        self.expected.add(self.maker.table, &rows).expect("a sheet has known types");
        self.gathered += rows.num_rows() as u64;
        let refused = || duck::Error::duck("gather rows that are brought over");
        let mut appender = self.maker.db.appender_to_catalog_and_db(GATHERED, "temp", "main").map_err(refused())?;
        appender.append_record_batch(rows).map_err(refused())?;
        appender.flush().map_err(refused())
    }

    /// Rows that wait for a part.
    pub fn gathered(&self) -> u64 {
        self.gathered
    }

    /// Makes a part of what was gathered.
    ///
    /// # Errors
    /// DuckDB or the disk refuses, or a file cannot be read again.
    pub fn make(&mut self) -> Result<(), archive::Error> {
        if self.gathered == 0 {
            return Ok(());
        }
        let Maker { db, table, folder, level, reserve_bytes, did } = &self.maker;
        archive::room_for(folder, self.gathered, *reserve_bytes, "a backfill")?;
        let slices = archive::slices(db, table, GATHERED)?;
        let from = if slices.len() > FILES_AT_ONCE { self.sort()? } else { GATHERED };
        let (number, mut staged) = (self.made.len(), Vec::new());
        for slice in slices {
            let file = folder.join(number.to_string()).join(&slice.path).join("rows.parquet");
            let rows = format!("(SELECT * FROM {from} WHERE {})", slice.condition);
            let name = file.display().to_string();
            archive::copy(db, table, &rows, &file, *level)?;
            did(&Did::Exported(name.clone()));
            archive::sync(&file)?;
            did(&Did::Synced(name.clone()));
            let (digest, content) = archive::look(table, &file)?;
            did(&Did::Verified(name));
            self.found.merge(&digest);
            staged.push(Staged { file, slice: slice.path, content });
        }
        self.made.push(staged);
        self.gathered = 0;
        Ok(self.empty()?)
    }

    /// What the rows are that were added, what the files hold that were made of them, and the files by part.
    pub fn end(self) -> (Digest, Digest, Vec<Vec<Staged>>) {
        (self.expected, self.found, self.made)
    }

    /// All rows in the order of the folders, so that the rows of a file stand together.
    fn sort(&self) -> Result<&'static str, duck::Error> {
        let Maker { db, table, .. } = &self.maker;
        let order = table.folders.join(", ");
        let sql = format!("CREATE OR REPLACE TEMP TABLE {SORTED} AS FROM {GATHERED} ORDER BY {order}, {}", table.order);
        db.execute_batch(&sql).map_err(duck::Error::duck("sort rows that are brought over"))?;
        Ok(SORTED)
    }

    fn empty(&self) -> Result<(), duck::Error> {
        let Maker { db, table, .. } = &self.maker;
        let like = if table.moves == Moves::Whole { "main.ticks_template".to_owned() } else { table.on_disk() };
        let sql = format!(
            "DROP TABLE IF EXISTS temp.{SORTED}; CREATE OR REPLACE TEMP TABLE {GATHERED} AS FROM {like} LIMIT 0"
        );
        db.execute_batch(&sql).map_err(duck::Error::duck("make room for rows that are brought over"))
    }
}
