//! The manifest: every part of every period with the one tier that owns it.
//!
//! Its truth is the table `manifest`, one row for each piece: a file, or a table on disk. It changes only in the
//! file thread's transactions, each of which inserts a higher version, so that a reader knows in its own
//! snapshot whether what it holds in memory is the manifest of that snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use duckdb::{Connection, Row, params};
use messages::UtcNanos;
use serde::{Deserialize, Serialize};

use super::{Origin, Period, Table, Tier};
use crate::duck::Error;

/// A file, or a table on disk, that holds rows of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The table.
    pub table: String,
    /// The day or month.
    pub period: String,
    /// Which part of it.
    pub part: u32,
    /// Its folders below the period: `exchange=binance/symbol=BTCUSDT`; empty where there are none.
    pub slice: String,
    /// Who owns it.
    pub tier: Tier,
    /// The table on disk, or the path below the warm folder or the object store.
    pub location: String,
    /// The storage class in the object store.
    pub storage_class: Option<String>,
    /// What is in it; unknown while rows still arrive.
    pub content: Option<Content>,
    /// True when no row of another part can be inserted into it any more.
    pub sealed: bool,
    /// True when a row of it may replace one of another part of its period.
    pub has_revisions: bool,
    /// Where its rows came from, if they were brought over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Rows.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of the values in it, each in its plain form.
    pub plain_bytes: u64,
    /// The earliest and the latest time of a row, in microseconds.
    pub times: (i64, i64),
    /// The lowest and the highest number of a row, where the table has one.
    pub ids: Option<(i64, i64)>,
    /// The order-independent hash of its rows.
    pub row_hash: String,
    /// Exact sums of its numeric columns, as JSON.
    pub sums: String,
    /// The hash of its bytes.
    pub file_hash: String,
    /// The hash of its columns' names and types.
    pub schema_hash: String,
}

/// All pieces, by table and period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Which one it is.
    pub version: i64,
    pieces: BTreeMap<(String, String), Vec<Arc<Piece>>>,
}

const CELLS: &str = "table_name, period, part, slice, tier, location, storage_class, sealed, has_revisions, \"rows\", \
    bytes, plain_bytes, epoch_us(min_time), epoch_us(max_time), min_id, max_id, row_hash, sums, file_hash, schema_hash, \
    origin";

impl Manifest {
    /// Reads the manifest of the connection's snapshot.
    ///
    /// # Errors
    /// DuckDB refuses, or a row is not what it must be.
    pub fn load(db: &Connection) -> Result<Self, Error> {
        let mut manifest = Self { version: version(db)?, pieces: BTreeMap::new() };
        let mut statement = db
            .prepare(&format!("SELECT {CELLS} FROM manifest ORDER BY table_name, period, part, slice"))
            .map_err(Error::duck("read the manifest"))?;
        let rows = statement.query_map([], read).map_err(Error::duck("read the manifest"))?;
        for piece in rows {
            manifest.add(piece.map_err(Error::duck("read the manifest"))?);
        }
        Ok(manifest)
    }

    /// From pieces.
    #[cfg(test)]
    pub fn from_pieces(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let mut manifest = Self::default();
        pieces.into_iter().for_each(|piece| manifest.add(piece));
        manifest
    }

    fn add(&mut self, piece: Piece) {
        let pieces = self.pieces.entry((piece.table.clone(), piece.period.clone())).or_default();
        let at = pieces.partition_point(|p| (p.part, &p.slice) < (piece.part, &piece.slice));
        pieces.insert(at, Arc::new(piece));
    }

    /// Every piece, by table, period, part and slice.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Piece>> {
        self.pieces.values().flatten()
    }

    /// The pieces of a table, by period.
    pub fn of_table(&self, table: &str) -> impl Iterator<Item = &Arc<Piece>> {
        let from = (table.to_owned(), String::new());
        self.pieces.range(from..).take_while(move |((name, _), _)| name == table).flat_map(|(_, pieces)| pieces)
    }

    /// Some of its pieces.
    #[must_use]
    pub fn keep(&self, is_wanted: impl Fn(&Piece) -> bool) -> Self {
        let mut kept = self.clone();
        kept.pieces.values_mut().for_each(|pieces| pieces.retain(|piece| is_wanted(piece)));
        kept
    }

    /// The pieces of a period.
    #[must_use]
    pub fn of_period(&self, table: &str, period: &str) -> &[Arc<Piece>] {
        self.pieces.get(&(table.to_owned(), period.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// The number of the next part of a period.
    #[must_use]
    pub fn next_part(&self, table: &str, period: &str) -> u32 {
        self.of_period(table, period).iter().map(|piece| piece.part + 1).max().unwrap_or(0)
    }

    /// True when a row of one part of the period may replace one of another.
    #[must_use]
    pub fn has_revisions(&self, table: &str, period: &str) -> bool {
        self.of_period(table, period).iter().any(|piece| piece.has_revisions)
    }

    /// The piece of an object with this key.
    #[must_use]
    pub fn piece(&self, key: &Key) -> Option<&Arc<Piece>> {
        self.of_period(&key.table, &key.period).iter().find(|piece| piece.part == key.part && piece.slice == key.slice)
    }
}

/// What a piece is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The table.
    pub table: String,
    /// The day or month.
    pub period: String,
    /// Which part of it.
    pub part: u32,
    /// Its folders.
    pub slice: String,
}

impl Piece {
    /// What it is known by.
    #[must_use]
    pub fn key(&self) -> Key {
        let Self { table, period, part, slice, .. } = self;
        Key { table: table.clone(), period: period.clone(), part: *part, slice: slice.clone() }
    }

    /// A table on disk to which rows are still added.
    #[must_use]
    pub fn open(table: &Table, period: Period, part: u32, location: String) -> Self {
        Self {
            table: table.name.to_owned(),
            period: period.to_string(),
            part,
            slice: String::new(),
            tier: Tier::Disk,
            location,
            storage_class: None,
            content: None,
            sealed: false,
            has_revisions: false,
            origin: None,
        }
    }

    /// Its path below the warm folder and the object store.
    #[must_use]
    pub fn path(table: &str, period: Period, slice: &str, part: u32) -> String {
        let slash = if slice.is_empty() { "" } else { "/" };
        format!("{table}/{}{slash}{slice}/part-{part}.parquet", period.folder())
    }

    /// True when a row in the range of time may be in it, as far as is known.
    #[must_use]
    pub fn overlaps(&self, from: UtcNanos, to: UtcNanos) -> bool {
        let Some(content) = &self.content else { return true };
        content.times.0 < to.micros().saturating_add(1) && content.times.1 >= from.micros()
    }
}

fn read(row: &Row<'_>) -> Result<Piece, duckdb::Error> {
    let tier: String = row.get(4)?;
    let unknown = || duckdb::Error::InvalidColumnType(4, tier.clone(), duckdb::types::Type::Text);
    let rows: Option<u64> = row.get(9)?;
    let content = match rows {
        None => None,
        Some(rows) => Some(Content {
            rows,
            bytes: row.get(10)?,
            plain_bytes: row.get(11)?,
            times: (row.get(12)?, row.get(13)?),
            ids: row.get::<_, Option<i64>>(14)?.zip(row.get::<_, Option<i64>>(15)?),
            row_hash: row.get(16)?,
            sums: row.get(17)?,
            file_hash: row.get(18)?,
            schema_hash: row.get(19)?,
        }),
    };
    let origin: Option<String> = row.get(20)?;
    let unread = |e| duckdb::Error::FromSqlConversionFailure(20, duckdb::types::Type::Text, Box::new(e));
    let origin = origin.map(|text| serde_json::from_str(&text).map_err(unread)).transpose()?;
    Ok(Piece {
        table: row.get(0)?,
        period: row.get(1)?,
        part: row.get(2)?,
        slice: row.get(3)?,
        tier: Tier::owner(&tier).ok_or_else(unknown)?,
        location: row.get(5)?,
        storage_class: row.get(6)?,
        content,
        sealed: row.get(7)?,
        has_revisions: row.get(8)?,
        origin,
    })
}

/// The manifest's version in the connection's snapshot.
///
/// # Errors
/// DuckDB refuses.
pub fn version(db: &Connection) -> Result<i64, Error> {
    let sql = "SELECT coalesce(max(version), 0) FROM manifest_versions";
    let mut statement = db.prepare_cached(sql).map_err(Error::duck("read the manifest's version"))?;
    statement.query_row([], |row| row.get(0)).map_err(Error::duck("read the manifest's version"))
}

/// Writes changes of the manifest, inside the caller's transaction. Returns the manifest with them.
///
/// # Errors
/// DuckDB refuses.
pub fn change(
    db: &Connection,
    old: &Manifest,
    removed: &[Key],
    added: &[Piece],
    what: &str,
) -> Result<Manifest, Error> {
    let mut new = old.clone();
    for key in removed {
        db.execute(
            "DELETE FROM manifest WHERE table_name = ? AND period = ? AND part = ? AND slice = ?",
            params![key.table, key.period, key.part, key.slice],
        )
        .map_err(Error::duck("remove from the manifest"))?;
        if let Some(pieces) = new.pieces.get_mut(&(key.table.clone(), key.period.clone())) {
            pieces.retain(|piece| piece.key() != *key);
        }
    }
    for piece in added {
        insert(db, piece)?;
        new.add(piece.clone());
    }
    new.pieces.retain(|_, pieces| !pieces.is_empty());
    new.version += 1;
    db.execute("INSERT INTO manifest_versions VALUES (?, ?)", params![new.version, what])
        .map_err(Error::duck("write the manifest's version"))?;
    Ok(new)
}

fn insert(db: &Connection, p: &Piece) -> Result<(), Error> {
    let c = p.content.as_ref();
    let values = params![
        p.table,
        p.period,
        p.part,
        p.slice,
        p.tier.as_str(),
        p.location,
        p.storage_class,
        p.sealed,
        p.has_revisions,
        c.map(|c| c.rows),
        c.map(|c| c.bytes),
        c.map(|c| c.plain_bytes),
        c.map(|c| c.times.0),
        c.map(|c| c.times.1),
        c.and_then(|c| c.ids).map(|ids| ids.0),
        c.and_then(|c| c.ids).map(|ids| ids.1),
        c.map(|c| c.row_hash.as_str()),
        c.map(|c| c.sums.as_str()),
        c.map(|c| c.file_hash.as_str()),
        c.map(|c| c.schema_hash.as_str()),
        p.origin.as_ref().map(|origin| serde_json::to_string(origin).expect("plain data")),
    ];
    let sql = "INSERT INTO manifest VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
               make_timestamp(?), make_timestamp(?), ?, ?, ?, ?, ?, ?, ?)";
    let mut statement = db.prepare_cached(sql).map_err(Error::duck("write the manifest"))?;
    statement.execute(values).map(drop).map_err(Error::duck("write the manifest"))
}
