//! Slices: what the rows of each UTC day and symbol are together, in one pass over the batches of a side.
//!
//! A table without symbols has one slice a day.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::shape::Shape;
use crate::archive::digest::{Digest, PlainRows, UnknownType};

/// Microseconds of a UTC day.
pub const DAY: i64 = 86_400_000_000;

/// Digests, by day since 1970 and symbol.
pub type Slices = BTreeMap<(i64, String), Digest>;

/// Adds the rows of a batch to their slices.
///
/// # Errors
/// A column of a kind that no table of ours has.
pub fn add(slices: &mut Slices, shape: &Shape, batch: &RecordBatch) -> Result<(), UnknownType> {
    let plain = PlainRows::of(batch)?;
    for ((day, symbol), rows) in rows_by_slice(shape, batch) {
        let digest = slices.entry((day, symbol.to_owned())).or_default();
        digest.add_rows(shape.table, &plain, rows.iter().copied());
    }
    Ok(())
}

/// The rows of a batch, by the slice that each belongs to.
fn rows_by_slice<'a>(shape: &Shape, batch: &'a RecordBatch) -> BTreeMap<(i64, &'a str), Vec<usize>> {
    let mut found = BTreeMap::<(i64, &str), Vec<usize>>::new();
    for (row, (time, symbol)) in shape.marks(batch).enumerate() {
        found.entry((time.div_euclid(DAY), symbol)).or_default().push(row);
    }
    found
}
