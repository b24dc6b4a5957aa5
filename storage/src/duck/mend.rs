//! Rows on disk that are not what the journal says are made so, by the one writer and in one transaction: deleted, put in
//! place, or inserted.
//!
//! The truth is read on up to the record that the tables hold at that moment, so that a row that goes on changing is not set
//! back. Rows in Parquet files are never touched.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, Schema, TimestampMicrosecondType};
use duckdb::Connection;
use messages::UtcNanos;
use messages::ledger::Seq;

use super::Error;
use super::rows::sql_type;
use super::ticks;
use crate::migrate::compare::{Key, Truth};
use crate::postgres::catalog::quoted;
use crate::tiers::period::Unit;
use crate::tiers::tables::{self, Moves};
use crate::tiers::{Manifest, Period, Piece, Tier};

/// Rows to be put right.
#[derive(Debug, Clone)]
pub struct Mend {
    /// What the journal says of them.
    pub truth: Truth,
    /// How many rows on disk each of these keys has: if it has others by now, nothing is done.
    pub rows: BTreeMap<Key, u64>,
    /// The days on which these stand, for a table that has one for each.
    pub days: BTreeSet<i64>,
}

/// The columns of an index beside the key's: DuckDB deletes and inserts a row whose cell in one of them is set.
const INDEXED: &[(&str, &[&str])] = &[
    ("orders", &["client_order_id"]),
    ("order_ids", &["client_order_id"]),
    ("trades", &["account", "order_id", "exchange", "execution_id"]),
    ("ohlcv_bars", &["bar_id"]),
];

const KEYS: &str = "temp.mend_keys";
const ROWS: &str = "temp.mend_rows";

impl Mend {
    /// The same, with what the journals say up to these records.
    ///
    /// # Errors
    /// A journal is damaged.
    pub(super) fn brought_to(&self, at: (Seq, Seq)) -> Result<Self, Error> {
        let mut mend = self.clone();
        mend.truth.read_to(at, &|| true)?;
        Ok(mend)
    }

    /// Puts the rows right, inside the caller's transaction. Returns parts that are new.
    ///
    /// # Errors
    /// DuckDB refuses, or the rows are not those that were seen.
    pub(super) fn perform(&self, db: &Connection, manifest: &Manifest) -> Result<Vec<Piece>, Error> {
        let table = self.truth.shape().table;
        self.stage_keys(db)?;
        let truth = self.truth.rows(self.rows.keys());
        let added = if table.moves == Moves::Whole {
            self.mend_ticks(db, manifest, truth.as_ref())?
        } else {
            self.mend_rows(db, truth)?;
            Vec::new()
        };
        for staged in [KEYS, ROWS] {
            db.execute_batch(&format!("DROP TABLE IF EXISTS {staged}"))
                .map_err(Error::duck("drop rows that were mended"))?;
        }
        Ok(added)
    }

    /// The keys as texts, in a table of this connection.
    fn stage_keys(&self, db: &Connection) -> Result<(), Error> {
        let names: Vec<&str> = self.truth.shape().key_names().collect();
        let texts = |at: usize| -> ArrayRef {
            std::sync::Arc::new(self.rows.keys().map(|key| key[at].as_deref()).collect::<StringArray>())
        };
        let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
        let columns = (0..names.len()).map(texts).collect();
        let batch = RecordBatch::try_new(Schema::new(fields).into(), columns).expect("a text for each key");
        let list: Vec<String> = names.iter().map(|name| format!("{} VARCHAR", quoted(name))).collect();
        stage(db, KEYS, &list, Some(batch))
    }

    /// That a row `t` has one of the keys.
    fn is_one(&self, t: &str) -> String {
        let shape = self.truth.shape();
        let typed = |name: &str| {
            let kind = shape.columns.iter().find(|(column, _)| *column == name).map(|(_, kind)| sql_type(*kind));
            format!("{}::{}", quoted(name), kind.unwrap_or("VARCHAR"))
        };
        let names: Vec<String> = shape.key_names().map(|name| format!("{t}.{}", quoted(name))).collect();
        let keys: Vec<String> = shape.key_names().map(typed).collect();
        format!("({}) IN (SELECT ({}) FROM {KEYS})", names.join(", "), keys.join(", "))
    }

    /// Refuses rows that are not those that were seen: some of them have moved, or others have come.
    fn expect(&self, found: u64) -> Result<(), Error> {
        if found == self.rows.values().sum::<u64>() {
            return Ok(());
        }
        let table = self.truth.shape().table.name.to_owned();
        Err(Error::Changed { table, period: "rows that were compared".to_owned() })
    }

    /// Ticks have no key in DuckDB: all that have the numbers go, and the right ones come.
    fn mend_ticks(
        &self,
        db: &Connection,
        manifest: &Manifest,
        truth: Option<&RecordBatch>,
    ) -> Result<Vec<Piece>, Error> {
        let ticks = tables::ticks();
        let mut open: BTreeMap<i64, String> = BTreeMap::new();
        let mut deleted = 0;
        for piece in manifest.of_table(ticks.name).filter(|piece| piece.tier == Tier::Disk) {
            let Some(day) = piece.period.parse::<Period>().ok().map(|period| period.start().day()) else { continue };
            if self.days.contains(&day) {
                let sql = format!("DELETE FROM {} AS t WHERE {}", piece.location, self.is_one("t"));
                deleted += db.execute(&sql, []).map_err(Error::duck("delete ticks that are to be mended"))? as u64;
            }
            open.insert(day, piece.location.clone());
        }
        self.expect(deleted)?;
        let mut added = Vec::new();
        for (day, rows) in truth.map(by_day).unwrap_or_default() {
            let location = match open.get(&day) {
                Some(location) => location.clone(),
                None => {
                    let period = Period::of(Unit::Day, UtcNanos::start_of_day(day));
                    let part = manifest.next_part(ticks.name, &period.to_string());
                    added.push(ticks::create_part(db, period, part)?);
                    added[added.len() - 1].location.clone()
                }
            };
            append(db, "disk", location.trim_start_matches("disk."), &rows)?;
        }
        Ok(added)
    }

    /// Rows with a key: the wrong ones go, and those that are there get their values; an order stays, for its fills refer to it.
    fn mend_rows(&self, db: &Connection, truth: Option<RecordBatch>) -> Result<(), Error> {
        let refused = || Error::duck("mend rows");
        let shape = self.truth.shape();
        let moves = tables::table(shape.table.name).is_some();
        let table = if moves { shape.table.on_disk() } else { shape.table.name.to_owned() };
        let count = format!("SELECT count(*) FROM {table} AS t WHERE {}", self.is_one("t"));
        self.expect(db.query_row(&count, [], |row| row.get(0)).map_err(refused())?)?;
        let columns: Vec<String> =
            shape.columns.iter().map(|(name, kind)| format!("{} {}", quoted(name), sql_type(*kind))).collect();
        stage(db, ROWS, &columns, truth)?;
        self.script(&table).iter().try_for_each(|sql| db.execute_batch(sql)).map_err(refused())
    }

    /// From the staged keys and rows into a table.
    fn script(&self, table: &str) -> Vec<String> {
        let shape = self.truth.shape();
        let keys: Vec<&str> = shape.key_names().collect();
        let same = keys.iter().map(|name| format!("t.{0} = s.{0}", quoted(name))).collect::<Vec<_>>().join(" AND ");
        let indexed = INDEXED.iter().find(|(name, _)| *name == shape.table.name).map_or(&[][..], |(_, names)| names);
        let (said, plain): (Vec<&str>, Vec<&str>) = shape
            .names()
            .filter(|name| !keys.contains(name) && !indexed.contains(name))
            .partition(|name| is_said(shape.table.name, name));
        let mut set: Vec<String> = plain.iter().map(|name| format!("{0} = s.{0}", quoted(name))).collect();
        let packed = "struct_pack(origin := s.origin, note := s.note, risk := s.risk)";
        set.extend((!said.is_empty()).then(|| format!("metadata = {packed}")));
        let all =
            if said.is_empty() { "s.*".to_owned() } else { format!("s.* EXCLUDE (origin, note, risk), {packed}") };
        let update =
            |set: &str, only: &str| format!("UPDATE {table} AS t SET {set} FROM {ROWS} AS s WHERE {same}{only}");
        let mut script = vec![
            format!(
                "DELETE FROM {table} AS t WHERE {} AND NOT EXISTS (SELECT 1 FROM {ROWS} AS s WHERE {same})",
                self.is_one("t")
            ),
            update(&set.join(", "), ""),
        ];
        script.extend(indexed.iter().map(|name| {
            update(&format!("{0} = s.{0}", quoted(name)), &format!(" AND t.{0} IS DISTINCT FROM s.{0}", quoted(name)))
        }));
        script.push(format!(
            "INSERT INTO {table} SELECT {all} FROM {ROWS} AS s WHERE NOT EXISTS (SELECT 1 FROM {table} AS t WHERE {same})"
        ));
        script
    }
}

/// What an order says beside its columns stands in a struct.
fn is_said(table: &str, column: &str) -> bool {
    table == "orders" && matches!(column, "origin" | "note" | "risk")
}

/// Ticks by the day of their time.
fn by_day(rows: &RecordBatch) -> BTreeMap<i64, RecordBatch> {
    let mut days = BTreeMap::<i64, Vec<u32>>::new();
    let times = rows.column_by_name("timestamp").map(|column| column.as_primitive::<TimestampMicrosecondType>());
    for (row, time) in times.into_iter().flat_map(|times| times.values()).enumerate() {
        days.entry(time.div_euclid(86_400_000_000)).or_default().push(row as u32);
    }
    let taken = |rows_of: Vec<u32>| take_record_batch(rows, &UInt32Array::from(rows_of)).expect("rows of this batch");
    days.into_iter().map(|(day, of_day)| (day, taken(of_day))).collect()
}

/// Puts rows into a new table of this connection.
fn stage(db: &Connection, name: &str, columns: &[String], batch: Option<RecordBatch>) -> Result<(), Error> {
    let plain = name.trim_start_matches("temp.");
    db.execute_batch(&format!("CREATE OR REPLACE TEMP TABLE {plain} ({})", columns.join(", ")))
        .map_err(Error::duck("create a table for rows that are to be mended"))?;
    let Some(batch) = batch else { return Ok(()) };
    let mut appender = db
        .appender_to_catalog_and_db(plain, "temp", "main")
        .map_err(Error::duck("append rows that are to be mended"))?;
    appender.append_record_batch(batch).map_err(Error::duck("append rows that are to be mended"))?;
    appender.flush().map_err(Error::duck("append rows that are to be mended"))
}

fn append(db: &Connection, schema: &str, table: &str, rows: &RecordBatch) -> Result<(), Error> {
    let names = rows.schema();
    let names: Vec<&str> = names.fields().iter().map(|field| field.name().as_str()).collect();
    let mut appender =
        db.appender_with_columns_to_db(table, schema, &names).map_err(Error::duck("append mended ticks"))?;
    appender.append_record_batch(rows.clone()).map_err(Error::duck("append mended ticks"))?;
    appender.flush().map_err(Error::duck("append mended ticks"))
}
