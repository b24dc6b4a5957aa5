//! Rows in memory into files: the parquet crate writes them, in the columns of the files that DuckDB writes, and DuckDB reads
//! them again.

use std::fs::File;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{FieldRef, SchemaRef};
use arrow::error::ArrowError;
use duckdb::Connection;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, Type, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::SchemaDescriptor;

use super::digest::Digest;
use super::export::{content, copy, digest_of};
use super::{Error, io};
use crate::tiers::Table;
use crate::tiers::manifest::Content;
use crate::tiers::places::quoted;

/// Rows of a group in a file, as DuckDB reads them at once.
pub const GROUP_ROWS: usize = 122_880;

type Reason = Box<dyn std::error::Error + Send + Sync>;

/// How the files of a table are written.
pub struct Form {
    table: &'static Table,
    columns: SchemaRef,
    descriptor: SchemaDescriptor,
    properties: WriterProperties,
}

impl Form {
    /// Of a table, at a level of compression: the columns are those of a file without rows that DuckDB writes into `folder`, so
    /// that files of both are read alike.
    ///
    /// # Errors
    /// DuckDB or the disk refuses, or there is no such level.
    pub fn of(db: &Connection, table: &'static Table, folder: &Path, level: u32) -> Result<Self, Error> {
        let file = folder.join("columns.parquet");
        copy(db, table, &format!("(FROM {} LIMIT 0)", table.template()), &file, level)?;
        let unreadable = |source: Reason| Error::Unreadable { path: file.clone(), source };
        let opened = File::open(&file).map_err(io("open", &file))?;
        let found = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(|e| unreadable(e.into()))?;
        let (columns, descriptor) = (found.schema().clone(), found.parquet_schema().clone());
        let properties =
            properties(&descriptor, level).map_err(|source| Error::Unwritable { path: file.clone(), source })?;
        std::fs::remove_file(&file).map_err(io("remove", &file))?;
        Ok(Self { table, columns, descriptor, properties })
    }

    /// Writes batches of rows into a file, one behind the other.
    ///
    /// # Errors
    /// The disk refuses, or a value does not fit its column.
    pub fn write(&self, file: &Path, batches: impl Iterator<Item = RecordBatch>) -> Result<(), Error> {
        let folder = file.parent().unwrap_or(file);
        std::fs::create_dir_all(folder).map_err(io("make the folder", folder))?;
        self.write_all(file, batches).map_err(|source| Error::Unwritable { path: file.to_owned(), source })
    }

    fn write_all(&self, file: &Path, mut batches: impl Iterator<Item = RecordBatch>) -> Result<(), Reason> {
        let options = ArrowWriterOptions::new()
            .with_properties(self.properties.clone())
            .with_parquet_schema(self.descriptor.clone())
            .with_skip_arrow_metadata(true);
        let mut writer = ArrowWriter::try_new_with_options(File::create(file)?, self.columns.clone(), options)?;
        batches.try_for_each(|batch| Ok::<_, Reason>(writer.write(&self.cast(&batch)?)?))?;
        writer.close()?;
        Ok(())
    }

    fn cast(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let strictly = CastOptions { safe: false, ..CastOptions::default() };
        let column = |field: &FieldRef| {
            let missing = || ArrowError::SchemaError(format!("there is no column {}", field.name()));
            cast_with_options(batch.column_by_name(field.name()).ok_or_else(missing)?, field.data_type(), &strictly)
        };
        let columns = self.columns.fields().iter().map(column).collect::<Result<_, _>>()?;
        RecordBatch::try_new(self.columns.clone(), columns)
    }

    /// What a file holds, read by DuckDB.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn look(&self, db: &Connection, file: &Path) -> Result<(Digest, Content), Error> {
        let sql = format!("SELECT * FROM read_parquet([{}], hive_partitioning = false)", quoted(file));
        let digest = digest_of(db, self.table, &sql)?;
        let content = content(file, &digest, &self.columns)?;
        Ok((digest, content))
    }
}

/// Version 2, groups of as many rows as DuckDB's; numbers of a group lie in one page. Most of them rise, or differ by little:
/// their differences are kept, where a dictionary would hold nearly all of them. Where a dictionary of others grows too large, the
/// rest is in encodings of version 2, which DuckDB reads.
fn properties(columns: &SchemaDescriptor, level: u32) -> Result<WriterProperties, Reason> {
    let all = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(i32::try_from(level)?)?))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_data_page_row_count_limit(GROUP_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true);
    let encoded = columns.columns().iter().fold(all, |properties, column| match column.physical_type() {
        Type::INT32 | Type::INT64 => properties
            .set_column_dictionary_enabled(column.path().clone(), false)
            .set_column_encoding(column.path().clone(), Encoding::DELTA_BINARY_PACKED),
        Type::BYTE_ARRAY => properties.set_column_encoding(column.path().clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY),
        _ => properties.set_column_encoding(column.path().clone(), Encoding::PLAIN),
    });
    Ok(encoded.build())
}
