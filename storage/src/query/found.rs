//! What a statement found: batches of cells with three counts behind them, cut to the page.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};
use duckdb::{Connection, ToSql};

use super::Page;
use super::select::Statement;
use crate::duck::Error;
use crate::tiers::Tier;

/// What the counts behind the cells count, in their order.
const TIERS: [Tier; 3] = [Tier::Disk, Tier::Warm, Tier::Cold];

/// Rows of an answer.
pub struct Found {
    schema: SchemaRef,
    /// The cells, and behind them the counts.
    pub batches: Vec<RecordBatch>,
}

impl Found {
    /// Asks, with a prepared statement.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn read(db: &Connection, statement: &Statement) -> Result<Self, Error> {
        let key: Vec<&dyn ToSql> = statement.key.iter().map(|value| value as &dyn ToSql).collect();
        let mut prepared = db.prepare_cached(&statement.sql).map_err(Error::duck("prepare a question"))?;
        let stream = prepared.stream_arrow(key.as_slice()).map_err(Error::duck("answer a question"))?;
        let schema = stream.get_schema();
        let batches = stream.collect::<Result<_, _>>().map_err(Error::duck("read a row"))?;
        Ok(Self { schema, batches })
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Keeps what the page holds. Returns whether there was more.
    pub fn cut(&mut self, page: Page) -> bool {
        let (rows, keep) = (self.len(), page.limit());
        if rows <= keep {
            return false;
        }
        let first = if matches!(page, Page::Newest(_)) { rows - keep } else { 0 };
        let mut begins = 0;
        for batch in &mut self.batches {
            let (begin, end) = (begins, begins + batch.num_rows());
            begins = end;
            let from = first.clamp(begin, end);
            *batch = batch.slice(from - begin, (first + keep).clamp(from, end) - from);
        }
        self.batches.retain(|batch| batch.num_rows() > 0);
        true
    }

    /// Of how many stored rows of each tier it is made.
    pub fn by_tier(&self) -> BTreeMap<Tier, u64> {
        let mut counts = BTreeMap::new();
        for batch in &self.batches {
            let first = batch.num_columns() - TIERS.len();
            for (tier, column) in TIERS.into_iter().zip(first..) {
                let values = batch.column(column).as_primitive::<Int64Type>();
                *counts.entry(tier).or_default() += values.values().iter().map(|n| n.unsigned_abs()).sum::<u64>();
            }
        }
        counts
    }

    /// The cells alone.
    ///
    /// # Errors
    /// Never for batches of one statement.
    pub fn into_cells(self) -> Result<(SchemaRef, Vec<RecordBatch>), Error> {
        let cells: Vec<usize> = (0..self.schema.fields().len() - TIERS.len()).collect();
        let arrow = |e: arrow::error::ArrowError| Error::BadRow {
            table: "answer",
            column: "cells".to_owned(),
            value: e.to_string(),
        };
        let schema = self.schema.project(&cells).map_err(arrow)?;
        let batches =
            self.batches.iter().map(|batch| batch.project(&cells)).collect::<Result<_, _>>().map_err(arrow)?;
        Ok((schema.into(), batches))
    }
}
