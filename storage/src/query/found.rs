//! What a statement found: batches of cells with the owners' counts behind them, cut to the page.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Int64Type, SchemaRef};
use arrow::error::ArrowError;
use duckdb::ToSql;

use super::Page;
use super::select::Statement;
use crate::duck::Error;
use crate::pool::Reader;
use crate::tiers::Tier;

/// Rows of an answer.
pub struct Found {
    schema: SchemaRef,
    /// Whose rows are counted behind the cells, in this order.
    owners: Vec<Tier>,
    /// The cells, and behind them the counts.
    pub batches: Vec<RecordBatch>,
}

impl Found {
    /// Asks, with a prepared statement.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn read(db: &Reader<'_>, statement: &Statement) -> Result<Self, Error> {
        let key: Vec<&dyn ToSql> = statement.key.iter().map(|value| value as &dyn ToSql).collect();
        db.execute(&statement.sql, &key, |db| {
            let mut prepared = db.prepare_cached(&statement.sql).map_err(Error::duck("prepare a question"))?;
            let stream = prepared.stream_arrow(key.as_slice()).map_err(Error::duck("answer a question"))?;
            let schema = stream.get_schema();
            let batches: Vec<_> = stream.collect::<Result<_, _>>().map_err(Error::duck("read a row"))?;
            Ok(Self { schema, owners: statement.owners.clone(), batches })
        })
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Keeps what the page holds, the oldest first. Returns whether there was more.
    ///
    /// # Errors
    /// Never for batches of one statement.
    pub fn cut(&mut self, page: Page) -> Result<bool, Error> {
        let is_cut = self.len() > page.limit();
        let mut left = page.limit();
        for batch in &mut self.batches {
            *batch = batch.slice(0, batch.num_rows().min(left));
            left -= batch.num_rows();
        }
        self.batches.retain(|batch| batch.num_rows() > 0);
        if matches!(page, Page::Newest(_)) {
            self.batches.reverse();
            for batch in &mut self.batches {
                let backward = UInt32Array::from_iter_values((0..batch.num_rows() as u32).rev());
                *batch = take_record_batch(batch, &backward).map_err(unlike)?;
            }
        }
        Ok(is_cut)
    }

    /// Of how many stored rows of each tier it is made.
    pub fn by_tier(&self) -> BTreeMap<Tier, u64> {
        let mut counts = BTreeMap::new();
        for batch in &self.batches {
            let first = batch.num_columns() - self.owners.len();
            for (tier, column) in self.owners.iter().zip(first..) {
                let values = batch.column(column).as_primitive::<Int64Type>();
                *counts.entry(*tier).or_default() += values.values().iter().map(|n| n.unsigned_abs()).sum::<u64>();
            }
        }
        counts
    }

    /// The cells alone.
    ///
    /// # Errors
    /// Never for batches of one statement.
    pub fn into_cells(self) -> Result<(SchemaRef, Vec<RecordBatch>), Error> {
        let cells: Vec<usize> = (0..self.schema.fields().len() - self.owners.len()).collect();
        let schema = self.schema.project(&cells).map_err(unlike)?;
        let batches =
            self.batches.iter().map(|batch| batch.project(&cells)).collect::<Result<_, _>>().map_err(unlike)?;
        Ok((schema.into(), batches))
    }
}

fn unlike(error: ArrowError) -> Error {
    Error::BadRow { table: "answer", column: "cells".to_owned(), value: error.to_string() }
}
