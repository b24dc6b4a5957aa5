//! Rows of DuckDB's into files: it writes them, the parquet crate reads them again.
//!
//! One snapshot for all of a part: its digest, its slices and its files are of the same rows.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use duckdb::Connection;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::digest::{Digest, schema_hash};
use super::plan::{DiskRows, OnDisk};
use super::{Error, io};
use crate::cold::FileHash;
use crate::duck;
use crate::tiers::manifest::Content;
use crate::tiers::period::Unit;
use crate::tiers::places::{folder, quoted};
use crate::tiers::tables::{Moves, TABLES};
use crate::tiers::{Period, Table};

/// A value of each folder, and the path that they make.
pub struct Slice {
    /// `exchange=binance/symbol=BTCUSDT`.
    pub path: String,
    /// A condition for its rows.
    pub condition: String,
}

/// Rows on disk, by table and period, of the tables that hold many.
///
/// # Errors
/// DuckDB refuses.
pub fn on_disk(db: &Connection) -> Result<DiskRows, Error> {
    let mut found = DiskRows::new();
    for table in TABLES.iter().filter(|t| t.moves != Moves::Whole) {
        let format = if table.unit == Unit::Month { "%Y-%m" } else { "%Y-%m-%d" };
        let own = table.on_disk();
        let sql = match table.moves {
            // An order that has not ended, or whose fills are not all here, keeps its whole month; unless its fills have
            // left the disk before it.
            Moves::ByOrder => format!(
                "WITH filled AS (SELECT order_id, sum(quantity) AS fills FROM disk.trades GROUP BY 1),
                     own AS (SELECT order_id, count(*) AS n FROM {own} GROUP BY 1)
                 SELECT strftime(o.created_at, '{format}') AS p, coalesce(sum(n), 0)::UBIGINT,
                     bool_and(o.status IN ('denied', 'filled', 'canceled', 'rejected', 'expired'))
                     AND (bool_and(o.filled_quantity = coalesce(fills, 0)) OR count(fills) = 0
                          OR p IN (SELECT period FROM manifest WHERE table_name = 'trades' AND origin IS NULL))
                 FROM disk.orders o LEFT JOIN filled USING (order_id) LEFT JOIN own USING (order_id) GROUP BY p",
            ),
            Moves::ByTimeBut(stays) => format!(
                "SELECT strftime(\"{}\", '{format}'), count(*), true FROM {own} WHERE NOT ({stays}) GROUP BY 1",
                table.time
            ),
            Moves::ByTime | Moves::Whole => {
                format!("SELECT strftime(\"{}\", '{format}'), count(*), true FROM {own} GROUP BY 1", table.time)
            }
        };
        let read = || duck::Error::duck("count rows that may move");
        let mut statement = db.prepare(&sql).map_err(read())?;
        let rows =
            statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?))).map_err(read())?;
        for row in rows {
            let (period, rows, is_ready) = row.map_err(read())?;
            if let Ok(period) = period.parse::<Period>() {
                found.insert((table.name, period), OnDisk { rows, is_ready });
            }
        }
    }
    Ok(found)
}

/// The digest of the rows that a query gives.
pub fn digest_of(db: &Connection, table: &Table, sql: &str) -> Result<Digest, Error> {
    let read = || duck::Error::duck("sum up the rows of a part");
    let mut digest = Digest::default();
    let mut statement = db.prepare(sql).map_err(read())?;
    for batch in statement.stream_arrow([]).map_err(read())? {
        add(&mut digest, table, &batch.map_err(read())?, Path::new(table.name))?;
    }
    Ok(digest)
}

fn add(digest: &mut Digest, table: &Table, batch: &RecordBatch, path: &Path) -> Result<(), Error> {
    digest.add(table, batch).map_err(|e| Error::Unreadable { path: path.to_owned(), source: Box::new(e) })
}

/// The files that rows are to go to: one for each combination of the table's folders.
pub fn slices(db: &Connection, table: &Table, from: &str) -> Result<Vec<Slice>, Error> {
    if table.folders.is_empty() {
        return Ok(vec![Slice { path: String::new(), condition: "true".to_owned() }]);
    }
    let read = || duck::Error::duck("find the slices of a part");
    let columns = table.folders.join(", ");
    let sql = format!("SELECT DISTINCT {columns} FROM {from} ORDER BY {columns}");
    let mut statement = db.prepare(&sql).map_err(read())?;
    let rows = statement
        .query_map([], |row| (0..table.folders.len()).map(|n| row.get::<_, String>(n)).collect())
        .map_err(read())?;
    let values: Result<Vec<Vec<String>>, _> = rows.collect();
    let slice = |values: Vec<String>| {
        let pairs = || table.folders.iter().zip(&values);
        let path: Vec<String> = pairs().map(|(column, value)| folder(column, value)).collect();
        let conditions: Vec<String> =
            pairs().map(|(column, value)| format!("{column} = '{}'", value.replace('\'', "''"))).collect();
        Slice { path: path.join("/"), condition: conditions.join(" AND ") }
    };
    Ok(values.map_err(read())?.into_iter().map(slice).collect())
}

/// Writes the rows of `from` into a file.
pub fn copy(db: &Connection, table: &Table, from: &str, file: &Path, level: u32) -> Result<(), Error> {
    let folder = file.parent().unwrap_or(file);
    std::fs::create_dir_all(folder).map_err(io("make the folder", folder))?;
    let sql = format!(
        "COPY (SELECT * FROM {from} ORDER BY {}) TO {} (FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd,
            COMPRESSION_LEVEL {level}, ROW_GROUP_SIZE 122880)",
        table.order,
        quoted(file)
    );
    Ok(db.execute_batch(&sql).map_err(duck::Error::duck("write a Parquet file"))?)
}

/// Brings a file to the disk.
pub fn sync(file: &Path) -> Result<(), Error> {
    File::open(file).and_then(|f| f.sync_all()).map_err(io("sync", file))
}

/// Brings the names of a folder's files to the disk, and those of the folders above it up to `root`.
pub fn sync_folders(folder: &Path, root: &Path) -> Result<(), Error> {
    let mut next = Some(folder);
    while let Some(folder) = next.filter(|f| f.starts_with(root)) {
        File::open(folder).and_then(|f| f.sync_all()).map_err(io("sync", folder))?;
        next = folder.parent();
    }
    Ok(())
}

/// What a file holds, read by another reader than the one that wrote it.
pub fn look(table: &Table, file: &Path) -> Result<(Digest, Content), Error> {
    let unreadable =
        |source: Box<dyn std::error::Error + Send + Sync>| Error::Unreadable { path: file.to_owned(), source };
    let opened = File::open(file).map_err(io("open", file))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(|e| unreadable(Box::new(e)))?;
    let schema = builder.schema().clone();
    let mut digest = Digest::default();
    for batch in builder.build().map_err(|e| unreadable(Box::new(e)))? {
        add(&mut digest, table, &batch.map_err(|e| unreadable(Box::new(e)))?, file)?;
    }
    let content = content(file, &digest, &schema)?;
    Ok((digest, content))
}

/// What the manifest says of a file with these rows.
pub fn content(file: &Path, digest: &Digest, schema: &SchemaRef) -> Result<Content, Error> {
    let of_file = FileHash::of_file(file).map_err(io("read", file))?;
    Ok(Content {
        rows: digest.rows,
        bytes: of_file.bytes,
        plain_bytes: digest.plain_bytes,
        times: digest.times.unwrap_or_default(),
        ids: digest.ids,
        row_hash: digest.row_hash(),
        sums: digest.sums_json(),
        file_hash: of_file.hash.map(|hash| hash.to_string()).unwrap_or_default(),
        schema_hash: schema_hash(schema),
    })
}

/// Refuses a file whose rows are not the expected ones.
pub fn expect(file: &Path, expected: (u64, &str), found: (u64, &str)) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    let text = |(rows, hash): (u64, &str)| format!("{rows} rows with hash {hash}");
    Err(Error::Differs { path: file.to_owned(), expected: text(expected), found: text(found) })
}

/// Refuses to begin what the disk has no room for.
pub fn room(folder: &Path, needed: u64, what: &str) -> Result<(), Error> {
    let free = crate::disk::free(folder).map_err(io("look at the room of", folder))?;
    if free >= needed {
        return Ok(());
    }
    Err(Error::NoRoom { path: PathBuf::from(folder), what: what.to_owned(), needed, free })
}
