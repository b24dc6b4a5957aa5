//! Rows that differ are made what the journals say: on the side that has something else, or on both.
//!
//! Where the market journal no longer has the records of a row, DuckDB's tiers are the truth for PostgreSQL; one that they lack
//! stays there, for it may be the only copy. In DuckDB only rows on disk are changed; one that is wrong in a Parquet file means that
//! the file is damaged, which is another command's matter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema};
use messages::caps;
use uuid::Uuid;

use super::duck::Snapshot;
use super::found::shown_key;
use super::live;
use super::report::Repair;
use super::rows::{self, ByKey, Key, Rows};
use super::shape::Shape;
use super::side::{Part, Side};
use super::slice::DAY;
use super::truth::Truth;
use super::watch::Watch;
use super::{Compare, Error, mend};
use crate::archive::{self, Archive};
use crate::duck::changes::Change;
use crate::duck::mend::Mend;
use crate::duck::sheet::Kind;
use crate::migrate::sink::Position;
use crate::query::Range;

/// Of a row that may be the only copy there is.
const UNKNOWN: &str = "PostgreSQL alone has it and the journal has no record of it any more: nobody can tell whether it is right, and it stays; if DuckDB lost it, restore a backup; if a hand put it there, delete it there";

/// Rows of a table that differ.
pub struct Wrong {
    /// The table.
    pub shape: Shape,
    /// They, by their keys.
    pub rows: ByKey,
}

/// What is to be done about the rows of a table.
#[derive(Default)]
struct Plan {
    /// DuckDB's are to be what the journal says.
    duckdb: BTreeSet<Key>,
    /// PostgreSQL's are.
    postgres: BTreeSet<Key>,
    /// PostgreSQL's are to be what DuckDB has.
    copied: BTreeSet<Key>,
    /// PostgreSQL alone has them, and the journal tells of none: they stay.
    unknown: BTreeSet<Key>,
}

/// Puts rows right that differed when both sides held the records up to `at`.
///
/// # Errors
/// A journal is damaged, or a side cannot be reached. What is written is whole.
pub(super) fn rows(ctx: &Compare<'_>, at: Position, wrong: Vec<Wrong>, watch: &Watch) -> Result<Vec<Repair>, Error> {
    let mut done = Vec::new();
    for wrong in wrong.iter().filter(|wrong| !wrong.rows.is_empty()) {
        watch.begin(format!("repairing {}", wrong.shape.table.name));
        let repaired = ctx.archive.alone(|archive| Table { ctx, archive, wrong, watch }.repair(at))?;
        done.extend(repaired);
    }
    Ok(done)
}

struct Table<'a> {
    ctx: &'a Compare<'a>,
    archive: &'a Archive<'a>,
    wrong: &'a Wrong,
    watch: &'a Watch,
}

impl Table<'_> {
    fn repair(&self, at: Position) -> Result<Vec<Repair>, Error> {
        let mut truth = self.truth();
        self.read_to(&mut truth, at)?;
        let mut plan = plan(&truth, &self.wrong.rows);
        let mut done = self.in_duckdb(&mut plan, &truth)?;
        done.extend(self.in_postgres(&plan, truth)?);
        done.extend(plan.unknown.iter().map(|key| self.repair_of(key, UNKNOWN.to_owned(), false)));
        Ok(done)
    }

    fn read_to(&self, truth: &mut Truth, at: Position) -> Result<(), Error> {
        truth.read_to(at, &|| self.watch.goes_on())?;
        self.watch.read(0)
    }

    /// What the journal says of the rows, from its first record on: an `init` that was broken off may have begun to write before
    /// the watermark, and DuckDB has rows from before that.
    fn truth(&self) -> Truth {
        let wanted = self.wrong.rows.keys().cloned().collect();
        Truth::about(&self.wrong.shape, wanted, self.ctx.folders.clone())
    }

    /// Puts DuckDB's rows right. Those that cannot be are taken out of the plan.
    fn in_duckdb(&self, plan: &mut Plan, truth: &Truth) -> Result<Vec<Repair>, Error> {
        let mut done = Vec::new();
        let in_files = self.in_files(&plan.duckdb)?;
        for key in in_files {
            plan.duckdb.remove(&key);
            let how = "a Parquet file of DuckDB's tiers holds something else than the journal: `merganser archive verify` names the file if it is damaged, and what helps";
            done.push(self.repair_of(&key, how.to_owned(), false));
        }
        let keys: Vec<&Key> = plan.duckdb.iter().collect();
        for keys in keys.chunks(caps::MEND_ROWS) {
            self.watch.read(0)?;
            let rows: BTreeMap<Key, u64> =
                keys.iter().map(|key| ((*key).clone(), self.wrong.rows[*key].duckdb.len() as u64)).collect();
            let mend = Mend { truth: truth.clone(), days: self.days(keys), rows };
            let changed = self.archive.writer.change(Change::Mend(mend));
            let how = match &changed {
                Ok(()) => "DuckDB has what the journal says".to_owned(),
                // The thread has gone, and nobody can mend anything.
                Err(archive::Error::WriterGone) => return changed.map(|()| done).map_err(Error::from),
                Err(error) => archive::chain(error),
            };
            done.extend(keys.iter().map(|key| self.repair_of(key, how.clone(), changed.is_ok())));
        }
        Ok(done)
    }

    /// The days of rows that DuckDB has.
    fn days(&self, keys: &[&Key]) -> BTreeSet<i64> {
        let rows = keys.iter().flat_map(|key| &self.wrong.rows[*key].duckdb);
        rows.map(|row| row.time.div_euclid(DAY)).collect()
    }

    /// The keys among these of which DuckDB's row is not on disk.
    fn in_files(&self, keys: &BTreeSet<Key>) -> Result<BTreeSet<Key>, Error> {
        let has = |key: &&Key| !self.wrong.rows[*key].duckdb.is_empty();
        let mut missing: BTreeSet<Key> = keys.iter().filter(has).cloned().collect();
        if missing.is_empty() {
            return Ok(missing);
        }
        let snapshot = Snapshot::open(self.ctx.database, self.watch)?;
        let shape = &self.wrong.shape;
        let mut on_disk = snapshot.on_disk(shape)?;
        on_disk.each(&self.part(&missing), &mut |batch| {
            for row in 0..batch.num_rows() {
                missing.remove(&rows::key(shape, batch, row));
            }
            self.watch.read(batch.num_rows())
        })?;
        Ok(missing)
    }

    /// The stretch of time in which DuckDB's rows of these keys stand.
    fn part(&self, keys: &BTreeSet<Key>) -> Part<'static> {
        let times = || keys.iter().flat_map(|key| &self.wrong.rows[key].duckdb).map(|row| row.time);
        let (from, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
        Part { from, to: last.saturating_add(1), symbol: None }
    }

    /// Puts PostgreSQL's rows right while nobody else writes there.
    fn in_postgres(&self, plan: &Plan, mut truth: Truth) -> Result<Vec<Repair>, Error> {
        let keys: BTreeSet<&Key> = plan.postgres.iter().chain(&plan.copied).collect();
        let Some(sink) = self.ctx.sink.filter(|_| !keys.is_empty()) else { return Ok(Vec::new()) };
        live::level(self.ctx, sink, self.watch, |level| {
            self.read_to(&mut truth, level.snapshot.at)?;
            let mut rows: Vec<RecordBatch> = truth.rows(plan.postgres.iter()).into_iter().collect();
            rows.extend(self.copied(&level.snapshot, &plan.copied)?);
            mend::write(level, self.ctx.schema, &self.wrong.shape, &keys, &rows)
        })?;
        let how = |key: &Key| {
            let from = if plan.copied.contains(key) {
                "DuckDB has; the journal has no record of it any more"
            } else {
                "the journal says"
            };
            format!("PostgreSQL has what {from}")
        };
        Ok(keys.into_iter().map(|key| self.repair_of(key, how(key), true)).collect())
    }

    /// DuckDB's rows of these keys.
    fn copied(&self, snapshot: &Snapshot, keys: &BTreeSet<Key>) -> Result<Vec<RecordBatch>, Error> {
        let mut found = Vec::new();
        if keys.is_empty() {
            return Ok(found);
        }
        let shape = &self.wrong.shape;
        snapshot.table(shape, Range::ALL, &[])?.each(&self.part(keys), &mut |batch| {
            let wanted: BooleanArray =
                (0..batch.num_rows()).map(|row| Some(keys.contains(&rows::key(shape, batch, row)))).collect();
            let kept = filter_record_batch(batch, &wanted).expect("a mark for each row");
            if kept.num_rows() > 0 {
                found.push(with_ids(shape, &kept));
            }
            self.watch.read(batch.num_rows())
        })?;
        Ok(found)
    }

    fn repair_of(&self, key: &Key, how: String, is_done: bool) -> Repair {
        let shape = &self.wrong.shape;
        Repair { table: shape.table.name.to_owned(), what: shown_key(shape, key), how, is_done }
    }
}

/// With ids as bytes, which DuckDB hands out as texts.
fn with_ids(shape: &Shape, batch: &RecordBatch) -> RecordBatch {
    let ids = |column: &ArrayRef| -> ArrayRef {
        let texts = column.as_string::<i32>().iter();
        let bytes = texts.map(|text| Some(text?.parse::<Uuid>().ok()?.into_bytes()));
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes, 16).expect("16 bytes each"))
    };
    let columns = shape.columns.iter().zip(batch.columns());
    let columns: Vec<ArrayRef> = columns
        .map(|((_, kind), column)| match (kind, column.data_type()) {
            (Kind::Id, DataType::Utf8) => ids(column),
            _ => column.clone(),
        })
        .collect();
    let fields: Vec<Field> =
        shape.names().zip(&columns).map(|(name, column)| Field::new(name, column.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one batch")
}

/// Which side has something else than the journal says.
fn plan(truth: &Truth, differing: &ByKey) -> Plan {
    let mut plan = Plan::default();
    for (key, Rows { duckdb, postgres }) in differing {
        if !truth.knows(key) {
            let stays = duckdb.is_empty();
            let into = if stays { &mut plan.unknown } else { &mut plan.copied };
            into.insert(key.clone());
            continue;
        }
        let right = truth.hash(key);
        let is_right = |rows: &[rows::Row]| match (rows, right) {
            ([], None) => true,
            ([only], Some(right)) => only.hash == right,
            _ => false,
        };
        if !is_right(duckdb) {
            plan.duckdb.insert(key.clone());
        }
        if !is_right(postgres) {
            plan.postgres.insert(key.clone());
        }
    }
    plan
}
