//! Rows as columns that are named as in the tables, decimals at full scale.

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};

use super::{Answer, Rows, StoredTick};
use crate::duck::sheet::Sheet;
use crate::duck::{rows, ticks};
use crate::sql;

impl Answer {
    /// Its rows as a table. A bar that fills a gap has no `bar_id`, for it is no row.
    #[must_use]
    pub fn into_table(self) -> sql::Answer {
        let batch = match self.rows {
            Rows::Table { schema, batches } => return sql::Answer { schema, batches },
            Rows::Ticks(found) => with_correlation(&of_ticks(&found)),
            Rows::Bars(found) => {
                let mut sheet = Sheet::new(rows::columns("ohlcv_bars"));
                found.iter().for_each(|bar| rows::write_bar(&mut sheet, bar));
                sheet.take()
            }
        };
        sql::Answer { schema: batch.schema(), batches: vec![batch] }
    }
}

fn of_ticks(found: &[StoredTick]) -> RecordBatch {
    let mut sheet = Sheet::new(ticks::COLUMNS);
    for stored in found {
        ticks::push(&mut sheet, stored.id, &stored.tick, stored.source, stored.received);
    }
    sheet.take()
}

/// With the one column that the runtime does not write, before the last: on a tick it is NULL.
fn with_correlation(batch: &RecordBatch) -> RecordBatch {
    let mut fields: Vec<Field> = batch.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    let mut columns = batch.columns().to_vec();
    let before = columns.len() - 1;
    fields.insert(before, Field::new("correlation_id", DataType::Utf8, true));
    columns.insert(before, new_null_array(&DataType::Utf8, batch.num_rows()));
    RecordBatch::try_new(Schema::new(fields).into(), columns).expect("every column has its rows")
}
