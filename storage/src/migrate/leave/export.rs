//! A table into files: the parquet crate writes them, DuckDB reads them again. What all rows are together comes with them, for a
//! question of its own would have the server read all of the table twice.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use duckdb::Connection;
use messages::caps;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::columns::{Misfit, Sheet, select};
use super::fingerprint::Fingerprint;
use super::record::{OfFile, OfTable};
use super::server::{Found, columns};
use super::store::Folder;
use super::{Error, Said};
use crate::archive::digest::Digest;
use crate::archive::{self, Did, GROUP_ROWS};
use crate::cold::FileHash;
use crate::duck;
use crate::postgres::copy::Row;
use crate::postgres::{self, Session};
use crate::tiers::period::Unit;
use crate::tiers::places::quoted;
use crate::tiers::tables::{Moves, Table};

/// The highest level of compression: at 19, which cold files have by default, compressing is nearly all of the work. On generated
/// columns it took 28 times the processor of 9, for a ninth less bytes.
const MAX_LEVEL: u32 = 9;

/// What a digest needs to know of a table of which nothing is known.
const ANY: Table = Table {
    name: "exported",
    key: "",
    unit: Unit::Month,
    time: "",
    folders: &[],
    order: "",
    id: None,
    moves: Moves::Whole,
    newest: None,
};

/// Makes the files of tables.
pub struct Exporter<'a> {
    /// Reads them again.
    pub db: Connection,
    /// A folder that nobody else uses.
    pub folder: PathBuf,
    /// The level of compression of cold files.
    pub cold_level: u32,
    /// Rows of a file at most.
    pub part_rows: usize,
    /// Bytes of the disk that stay free.
    pub reserve_bytes: u64,
    /// Hears each step.
    pub did: &'a (dyn Fn(&Did) + Sync),
    pub(super) said: &'a Said,
}

impl Exporter<'_> {
    /// Exports a table.
    ///
    /// # Errors
    /// The server, the disk or the store refuses, or a file does not hold what was written.
    pub(super) fn table(&self, session: &Session, found: &Found, into: &Folder<'_>) -> Result<OfTable, Error> {
        session.in_one_snapshot("export a table", |session| {
            let sql = found.name.sql();
            if found.is_table() {
                // Before the snapshot, which the first question fixes: a table that is rewritten or truncated between the two
                // would look empty in it.
                session.execute("export a table", &format!("LOCK TABLE {sql} IN ACCESS SHARE MODE"))?;
            }
            let columns = columns(session, &sql)?;
            let mut files = Files {
                exporter: self,
                into,
                table: found.name.to_string(),
                sheet: Sheet::new(&columns),
                fingerprint: Fingerprint::default(),
                open: None,
                made: Vec::new(),
            };
            let rows = session.copy_out("export a table", &select(&sql, &columns), |row| files.row(row, &columns))?;
            let (fingerprint, files) = (files.fingerprint.to_string(), files.end()?);
            let is_table = found.is_table();
            let (name, form) = (found.name.to_string(), found.form.to_string());
            Ok(OfTable { name, sql, form, is_table, columns, rows, fingerprint, files })
        })
    }

    fn unwritable(&self, file: &Path) -> impl Fn(Box<dyn std::error::Error + Send + Sync>) -> Error + use<> {
        let path = file.display().to_string();
        move |source| Error::Unwritable { path: path.clone(), source }
    }
}

/// The level of an export where cold files have this one.
fn level(cold: u32) -> parquet::errors::Result<ZstdLevel> {
    ZstdLevel::try_new(i32::try_from(cold.min(MAX_LEVEL)).unwrap_or(1))
}

/// A file that rows go into.
struct Open {
    file: PathBuf,
    writer: ArrowWriter<File>,
    digest: Digest,
}

/// The files of a table, as far as they are made.
struct Files<'a> {
    exporter: &'a Exporter<'a>,
    into: &'a Folder<'a>,
    table: String,
    sheet: Sheet,
    fingerprint: Fingerprint,
    open: Option<Open>,
    made: Vec<OfFile>,
}

impl Files<'_> {
    fn row(&mut self, row: Row<'_>, columns: &[super::columns::Column]) -> Result<(), Error> {
        self.fingerprint.add(row).map_err(postgres::Error::from)?;
        self.sheet
            .push(row)
            .map_err(|Misfit { at }| Error::TooLate { table: self.table.clone(), column: columns[at].name.clone() })?;
        if self.sheet.len() >= caps::BACKFILL_BATCH_ROWS.min(self.exporter.part_rows) { self.write() } else { Ok(()) }
    }

    /// Writes the rows that wait; a file that has enough is closed.
    fn write(&mut self) -> Result<(), Error> {
        let rows = self.sheet.take();
        self.exporter.said.rows(rows.num_rows() as u64)?;
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        open.add(&rows).map_err(self.exporter.unwritable(&open.file))?;
        if open.digest.rows >= self.exporter.part_rows as u64 {
            self.close(open)
        } else {
            self.open = Some(open);
            Ok(())
        }
    }

    fn begin(&self) -> Result<Open, Error> {
        let Exporter { folder, cold_level, part_rows, reserve_bytes, .. } = self.exporter;
        std::fs::create_dir_all(folder).map_err(archive::io("make the folder", folder))?;
        archive::room_for(folder, *part_rows as u64, *reserve_bytes, "an export")?;
        let file = folder.join("part.parquet");
        let failed = self.exporter.unwritable(&file);
        let level = level(*cold_level).map_err(|e| failed(e.into()))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let writer = File::create(&file).map_err(|e| failed(e.into()))?;
        let writer =
            ArrowWriter::try_new(writer, self.sheet.schema(), Some(properties)).map_err(|e| failed(e.into()))?;
        Ok(Open { file, writer, digest: Digest::default() })
    }

    /// Brings a file to the disk, looks at it, and puts it into the store, where it is read again.
    fn close(&mut self, open: Open) -> Result<(), Error> {
        let Open { file, writer, digest } = open;
        let path = self.into.part(&self.table, self.made.len());
        let did = self.exporter.did;
        writer.close().map_err(|e| self.exporter.unwritable(&file)(e.into()))?;
        did(&Did::Exported(path.clone()));
        archive::sync(&file)?;
        did(&Did::Synced(path.clone()));
        self.look(&file, &path, &digest)?;
        did(&Did::Verified(path.clone()));
        let content = FileHash::of_file(&file).map_err(archive::io("read", &file))?;
        let file_hash = content.hash.map(|hash| hash.to_string()).unwrap_or_default();
        let of = OfFile { path, bytes: content.bytes, rows: digest.rows, row_hash: digest.row_hash(), file_hash };
        self.into.put_file(&file, &of, did)?;
        std::fs::remove_file(&file).map_err(archive::io("remove", &file))?;
        self.made.push(of);
        Ok(())
    }

    /// Refuses a file that does not hold what was written, read by another reader.
    fn look(&self, file: &Path, path: &str, expected: &Digest) -> Result<(), Error> {
        let read = || duck::Error::duck("read an exported file again");
        let sql = format!("SELECT * FROM read_parquet([{}], hive_partitioning = false)", quoted(file));
        let mut statement = self.exporter.db.prepare(&sql).map_err(read())?;
        let mut found = Digest::default();
        for batch in statement.stream_arrow([]).map_err(read())? {
            found.add(&ANY, &batch.map_err(read())?).map_err(|e| self.exporter.unwritable(file)(e.into()))?;
        }
        // Sums go by the names of columns, of which DuckDB changes those that differ in case alone.
        if (found.rows, found.row_hash()) == (expected.rows, expected.row_hash()) {
            return Ok(());
        }
        let text = |digest: &Digest| format!("{} rows with hash {}", digest.rows, digest.row_hash());
        let (table, path) = (self.table.clone(), path.to_owned());
        Err(Error::Differs { table, path, expected: text(expected), found: text(&found) })
    }

    /// Closes what is open; a table without rows has one file without rows, which says what it was.
    fn end(mut self) -> Result<Vec<OfFile>, Error> {
        if !self.sheet.is_empty() || self.made.is_empty() && self.open.is_none() {
            self.write()?;
        }
        if let Some(open) = self.open.take() {
            self.close(open)?;
        }
        Ok(self.made)
    }
}

impl Open {
    fn add(&mut self, rows: &RecordBatch) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.digest.add(&ANY, rows)?;
        Ok(self.writer.write(rows)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_compressed_as_cold_files_are_at_nine_at_most() {
        let found = [1, 3, 9, 10, 19, 22].map(|cold| level(cold).unwrap().compression_level());
        assert_eq!(found, [1, 3, 9, 9, 9, 9]);
    }
}
