//! DuckDB's side: the rows of one snapshot, from whatever tier has them.
//!
//! Ticks come from the stored parts, each revision, and not as they are shown: that is what was written to the other side.
//! Rows that a backfill brought are another comparison's ([`super::old`]).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use duckdb::Connection;
use messages::ledger::Seq;

use super::Error;
use super::shape::Shape;
use super::side::{Part, Side, Take};
use super::watch::Watch;
use crate::duck::sheet::Kind;
use crate::duck::{self, file};
use crate::journal::Log;
use crate::postgres::catalog::quoted;
use crate::query::fetch::{Fetched, fetch};
use crate::query::plan::{Wanted, select};
use crate::query::{self, Range, Stores};
use crate::service::Database;
use crate::tiers::tables::Moves;
use crate::tiers::{Manifest, Piece, Tier, views};

/// The latest instant that either database can tell from infinity: both compare in whole microseconds.
const LAST: i64 = 9_223_371_331_199_999_999;
const FIRST: i64 = -LAST;

/// Everything in DuckDB as it was at one moment.
pub struct Snapshot {
    db: Mutex<Connection>,
    stores: Stores,
    manifest: Arc<Manifest>,
    /// The records of the ledger and the market journal that are in it.
    pub at: (Seq, Seq),
}

impl Snapshot {
    /// That of now. What it is asked ends when `watch` is asked to stop.
    ///
    /// # Errors
    /// DuckDB is not open yet, or refuses.
    pub fn open(database: &Database, watch: &Watch) -> Result<Self, Error> {
        let (db, stores) = database.connect().zip(database.stores().cloned()).ok_or(Error::NotOpen)?;
        watch.asks(&db);
        db.execute_batch("BEGIN TRANSACTION READ ONLY").map_err(duck::Error::duck("begin to compare"))?;
        // The first look at the file is what the snapshot is of.
        let at = (file::offset(&db, Log::Ledger)?, file::offset(&db, Log::Market)?);
        let manifest = stores.manifest.of_snapshot(&db)?;
        Ok(Self { db: Mutex::new(db), stores, manifest, at })
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows of a table that are its own, of a range, as far as `conditions` hold.
    ///
    /// # Errors
    /// A cold file cannot be had.
    pub fn table<'a>(&'a self, shape: &'a Shape, range: Range, conditions: &[String]) -> Result<Stored<'a>, Error> {
        let selected = select(&self.manifest, &Wanted::all(shape.table, range)).pieces;
        let pieces: Vec<Arc<Piece>> = selected.into_iter().filter(|piece| piece.origin.is_none()).collect();
        Ok(self.stored(shape, conditions, fetch(&self.stores, &pieces)?))
    }

    /// Those of its rows that are on disk.
    ///
    /// # Errors
    /// Never: nothing has to be fetched.
    pub fn on_disk<'a>(&'a self, shape: &'a Shape) -> Result<Stored<'a>, Error> {
        let on_disk = self.manifest.of_table(shape.table.name).filter(|piece| piece.tier == Tier::Disk);
        let pieces: Vec<Arc<Piece>> = on_disk.cloned().collect();
        Ok(self.stored(shape, &[], fetch(&self.stores, &pieces)?))
    }

    fn stored<'a>(&'a self, shape: &'a Shape, conditions: &[String], mut files: Fetched) -> Stored<'a> {
        if shape.table.moves == Moves::Whole {
            for (piece, _) in &mut files.parts.pieces {
                *piece = Arc::new(Piece { has_revisions: false, ..Piece::clone(piece) });
            }
        }
        let from = match crate::tiers::table(shape.table.name) {
            Some(table) => format!("({})", views::relation(table, &self.stores.columns, &files.parts)),
            None => shape.table.name.to_owned(),
        };
        let columns: Vec<String> =
            shape.columns.iter().map(|(name, kind)| cell(shape.table.name, name, *kind)).collect();
        let sql = format!("SELECT {} FROM {from} AS t", columns.join(", "));
        Stored { snapshot: self, shape, sql, conditions: conditions.to_vec(), files }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // Nothing was written.
        let _ = self.db().execute_batch("ROLLBACK");
    }
}

/// A column of ours as the other side has it; what an order says beside its columns stands in a struct.
fn cell(table: &str, column: &str, kind: Kind) -> String {
    let (is_said, name) = (table == "orders" && matches!(column, "origin" | "note" | "risk"), quoted(column));
    match kind {
        _ if is_said => format!("t.metadata.{name} AS {name}"),
        // Some counts are narrower in DuckDB.
        Kind::Int => format!("t.{name}::BIGINT AS {name}"),
        _ => format!("t.{name}"),
    }
}

/// The rows of a table in a snapshot.
pub struct Stored<'a> {
    snapshot: &'a Snapshot,
    shape: &'a Shape,
    sql: String,
    conditions: Vec<String>,
    files: Fetched,
}

impl Stored<'_> {
    fn read(&self, sql: &str, take: &mut Take<'_>) -> Result<(), Error> {
        let db = self.snapshot.db();
        let mut statement = db.prepare(sql).map_err(duck::Error::duck("compare rows"))?;
        for batch in statement.stream_arrow([]).map_err(duck::Error::duck("compare rows"))? {
            take(&without_nul(&batch.map_err(duck::Error::duck("compare a row"))?))?;
        }
        Ok(())
    }
}

impl Side for Stored<'_> {
    fn each(&mut self, part: &Part<'_>, take: &mut Take<'_>) -> Result<(), Error> {
        let time = quoted(self.shape.table.time);
        let at = |micros: i64| format!("make_timestamp({}::BIGINT)", micros.clamp(FIRST, LAST));
        let mut conditions = self.conditions.clone();
        conditions.extend((part.from > FIRST).then(|| format!("{time} >= {}", at(part.from))));
        conditions.extend((part.to < LAST).then(|| format!("{time} < {}", at(part.to))));
        conditions.extend(part.symbol.map(|symbol| format!("symbol = '{}'", symbol.replace('\'', "''"))));
        let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        self.read(&format!("{}{filter}", self.sql), take).map_err(|error| match self.files.gone() {
            Some(file) => query::Error::Moved { file: file.to_owned() }.into(),
            None => error,
        })
    }
}

/// PostgreSQL's texts take no NUL: there U+FFFD stands for it, and here as well while both are compared.
pub(super) fn without_nul(batch: &RecordBatch) -> RecordBatch {
    let has_nul = |column: &ArrayRef| *column.data_type() == DataType::Utf8 && holds_nul(column.as_string::<i32>());
    if !batch.columns().iter().any(has_nul) {
        return batch.clone();
    }
    let replaced = |column: &ArrayRef| -> ArrayRef {
        if !has_nul(column) {
            return column.clone();
        }
        let texts = column.as_string::<i32>().iter();
        Arc::new(texts.map(|text| text.map(|text| text.replace('\0', "\u{FFFD}"))).collect::<StringArray>())
    };
    let columns = batch.columns().iter().map(replaced).collect();
    RecordBatch::try_new(batch.schema(), columns).expect("the columns are as long as they were")
}

/// True when a text holds a NUL.
fn holds_nul(texts: &StringArray) -> bool {
    let (first, last) = (texts.value_offsets()[0] as usize, texts.value_offsets()[texts.len()] as usize);
    texts.value_data()[first..last].contains(&0)
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::datatypes::{Field, Schema};

    use super::*;

    #[test]
    fn a_nul_is_compared_as_what_the_other_side_has_for_it() {
        let schema = Schema::new(vec![Field::new("n", DataType::Int64, true), Field::new("t", DataType::Utf8, true)]);
        let texts = StringArray::from(vec![Some("plain"), None, Some("a\0b\0")]);
        let batch =
            RecordBatch::try_new(schema.into(), vec![Arc::new(Int64Array::from(vec![0, 0, 0])), Arc::new(texts)])
                .unwrap();
        let shown = |batch: &RecordBatch| -> Vec<Option<String>> {
            batch.column(1).as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
        };
        let plain = without_nul(&batch);
        assert_eq!(shown(&plain), [Some("plain".to_owned()), None, Some("a\u{FFFD}b\u{FFFD}".to_owned())]);
        // Before the one that holds it nothing is done.
        assert_eq!(without_nul(&batch.slice(0, 2)), batch.slice(0, 2));
    }
}
