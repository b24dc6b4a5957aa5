//! Which rows go to which file, and in which order they stand there. Pure.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::row::{RowConverter, Rows, SortField};

use crate::tiers::Table;
use crate::tiers::places::folder;

/// A row: the place of its batch, and its own in it.
pub type At = (usize, usize);

/// The rows of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct OfFile {
    /// Its folders below the period.
    pub slice: String,
    /// Its rows, in their order.
    pub rows: Vec<At>,
}

/// The files of a table that rows go to: one for each combination of its folders.
///
/// # Panics
/// When a batch does not have the columns of the table, or NULL in one of its folders: a mistake in the program.
pub fn files(table: &Table, batches: &[RecordBatch]) -> Vec<OfFile> {
    let mut files: BTreeMap<Vec<&str>, Vec<At>> = BTreeMap::new();
    for (number, batch) in batches.iter().enumerate() {
        let columns: Vec<&StringArray> = table.folders.iter().map(|name| column(batch, name).as_string()).collect();
        assert!(columns.iter().all(|column| column.null_count() == 0), "every row has a value of each folder");
        let mut values = Vec::with_capacity(columns.len());
        for row in 0..batch.num_rows() {
            values.clear();
            values.extend(columns.iter().map(|column| column.value(row)));
            match files.get_mut(&values) {
                Some(rows) => rows.push((number, row)),
                None => drop(files.insert(values.clone(), vec![(number, row)])),
            }
        }
    }
    let keys = keys(table, batches);
    let path = |values: &[&str]| {
        let folders = table.folders.iter().zip(values).map(|(column, value)| folder(column, value));
        folders.collect::<Vec<_>>().join("/")
    };
    let sorted = |(values, mut rows): (Vec<&str>, Vec<At>)| {
        // Rows that come in order, which most do, are seen to be.
        rows.sort_by(|a, b| keys[a.0].row(a.1).cmp(&keys[b.0].row(b.1)));
        OfFile { slice: path(&values), rows }
    };
    files.into_iter().map(sorted).collect()
}

/// What the rows of a file are sorted by, of each batch; the folders are the same in all of them.
fn keys(table: &Table, batches: &[RecordBatch]) -> Vec<Rows> {
    let names = table.order.split(", ").map(|name| name.trim_matches('"'));
    let names: Vec<&str> = names.filter(|name| !table.folders.contains(name)).collect();
    let Some(first) = batches.first() else { return Vec::new() };
    let fields = names.iter().map(|name| SortField::new(column(first, name).data_type().clone())).collect();
    let converter = RowConverter::new(fields).expect("a table is sorted by plain columns");
    let of = |batch: &RecordBatch| {
        let columns: Vec<_> = names.iter().map(|name| column(batch, name).clone()).collect();
        converter.convert_columns(&columns).expect("batches have the same columns")
    };
    batches.iter().map(of).collect()
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> &'a arrow::array::ArrayRef {
    batch.column_by_name(name).expect("a column of the table")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, TimestampMicrosecondArray};
    use proptest::prelude::*;

    use super::*;
    use crate::tiers;

    /// Symbol, kind, time and number of a tick.
    type Tick = (u8, u8, i64, i64);

    fn symbol(of: u8) -> &'static str {
        ["BTC/USD", "BTCUSDT", "a"][usize::from(of)]
    }

    fn kind(of: u8) -> &'static str {
        ["trade", "quote"][usize::from(of)]
    }

    fn batch(ticks: &[Tick]) -> RecordBatch {
        let text = |of: &dyn Fn(&Tick) -> &'static str| -> ArrayRef {
            Arc::new(ticks.iter().map(|tick| Some(of(tick))).collect::<StringArray>())
        };
        let times: TimestampMicrosecondArray = ticks.iter().map(|tick| Some(tick.2)).collect();
        RecordBatch::try_from_iter([
            ("tick_id", Arc::new(ticks.iter().map(|tick| Some(tick.3)).collect::<Int64Array>()) as ArrayRef),
            ("timestamp", Arc::new(times)),
            ("exchange", text(&|_| "binance")),
            ("symbol", text(&|tick| symbol(tick.0))),
            ("kind", text(&|tick| kind(tick.1))),
        ])
        .unwrap()
    }

    proptest! {
        #[test]
        fn each_row_goes_to_one_file_which_is_in_order(
            batches in prop::collection::vec(
                prop::collection::vec((0..3u8, 0..2u8, -3..3i64, -3..3i64), 0..40), 0..4,
            ),
        ) {
            let gathered: Vec<RecordBatch> = batches.iter().map(|ticks| batch(ticks)).collect();
            let mut seen = BTreeSet::new();
            let found = files(tiers::tables::ticks(), &gathered);
            for OfFile { slice, rows } in &found {
                let ticks: Vec<Tick> = rows.iter().map(|at| batches[at.0][at.1]).collect();
                let path = |tick: &Tick| format!("exchange=binance/{}", folder("symbol", symbol(tick.0)));
                prop_assert!(ticks.iter().all(|tick| *slice == path(tick)));
                prop_assert!(ticks.is_sorted_by_key(|tick| (kind(tick.1), tick.2, tick.3)), "{:?}", ticks);
                prop_assert!(rows.iter().all(|at| seen.insert(*at)), "a row twice");
            }
            prop_assert_eq!(seen.len(), batches.iter().map(Vec::len).sum::<usize>());
            let slices: BTreeSet<&str> = found.iter().map(|file| file.slice.as_str()).collect();
            prop_assert_eq!(slices.len(), found.len(), "a file for each combination");
        }
    }

    #[test]
    fn a_table_without_folders_has_one_file() {
        let events = tiers::table("positions").unwrap();
        let numbers = |numbers: Vec<i64>| {
            RecordBatch::try_from_iter([("position_id", Arc::new(Int64Array::from(numbers)) as ArrayRef)]).unwrap()
        };
        let found = files(events, &[numbers(vec![5, 2]), numbers(vec![]), numbers(vec![4])]);
        assert_eq!(found, [OfFile { slice: String::new(), rows: vec![(0, 1), (2, 0), (0, 0)] }]);
        assert_eq!(files(events, &[]), []);
    }
}
