//! One transaction: rows, and how far they reach.
//!
//! Rows are copied into tables of this connection alone and taken from there, for COPY knows no row that is there already.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::min;
use arrow::datatypes::Int64Type;

use super::days::Days;
use super::offset::{Offsets, Step};
use super::tables::{self, Table};
use super::{Error, Position};
use crate::migrate::encode;
use crate::postgres::{Session, copy};

/// Rows that are sent in one piece: about a megabyte of ticks.
const PIECE: usize = 8_192;

/// Where it goes to.
pub(super) struct There {
    pub(super) session: Session,
    pub(super) schema: String,
    pub(super) offsets: Offsets,
    /// The partitions of ticks, where they are cut by day.
    pub(super) days: Option<Days>,
}

/// Rows of tables that are written there.
pub(super) struct Batch {
    rows: Vec<(&'static Table, RecordBatch)>,
    days: Vec<i64>,
}

impl Batch {
    /// Those of our batches that go there. `days` are those of its ticks.
    pub(super) fn new(batches: Vec<(&'static crate::duck::rows::Table, RecordBatch)>, days: Vec<i64>) -> Self {
        let rows = batches.into_iter().filter_map(|(ours, batch)| Some((tables::table(ours.name)?, batch))).collect();
        Self { rows, days }
    }

    /// How many rows.
    pub(super) fn len(&self) -> u64 {
        self.rows.iter().map(|(_, batch)| batch.num_rows() as u64).sum()
    }

    /// The lowest number of its ticks.
    pub(super) fn first_tick(&self) -> Option<i64> {
        let ticks = self.rows.iter().filter(|(table, _)| table.name == "market_ticks");
        ticks.filter_map(|(_, batch)| min(batch.column(0).as_primitive::<Int64Type>())).min()
    }
}

impl There {
    /// Makes the tables of this connection in which rows wait.
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub(super) fn prepare(&self) -> Result<(), Error> {
        let all: Vec<String> = tables::tables().iter().map(Table::create_staging).collect();
        Ok(self.session.execute("make its temporary tables", &all.join("; "))?)
    }

    /// Writes a batch with its offset, or nothing of both.
    ///
    /// # Errors
    /// The server refuses or is gone: then only its offset says whether the batch is there.
    pub(super) fn write(&mut self, batch: &Batch, before: Position, step: &Step) -> Result<(), Error> {
        self.session.execute("begin a transaction", "BEGIN")?;
        if let Some(days) = &mut self.days {
            days.make(&self.session, batch.days.iter().copied())?;
        }
        let mut script = Vec::new();
        let mut staged: Vec<&Table> = Vec::new();
        for (table, rows) in &batch.rows {
            self.stage(table, rows)?;
            if !staged.iter().any(|before| before.name == table.name) {
                staged.push(table);
                script.push(table.take_staged(&self.schema));
            }
        }
        script.extend(step.skipped.iter().map(|range| self.offsets.note_skipped(*range)));
        self.session.execute("write rows", &script.join("; "))?;
        self.offsets.advance(&self.session, before, step)?;
        Ok(self.session.execute("commit", "COMMIT")?)
    }

    /// Copies rows to where they wait.
    fn stage(&self, table: &Table, rows: &RecordBatch) -> Result<(), Error> {
        let mut writer = copy::Writer::new(rows.num_columns());
        let mut copy_in = self.session.copy_in("copy rows", &table.staging())?;
        for from in (0..rows.num_rows()).step_by(PIECE) {
            encode::rows(&rows.slice(from, PIECE.min(rows.num_rows() - from)), &mut writer);
            copy_in.send(writer.take())?;
        }
        copy_in.send(writer.finish())?;
        copy_in.finish()?;
        Ok(())
    }
}
