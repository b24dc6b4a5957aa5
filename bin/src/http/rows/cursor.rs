//! Where a page ends and the next one begins: the time of the last row, and how many rows of that instant were given. The
//! next page begins at that instant and leaves out so many, so that rows of one instant are neither lost nor given twice.

use arrow::array::TimestampMicrosecondArray;
use messages::{UtcNanos, caps};
use storage::sql::Answer as Rows;

/// Where a page goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The instant of the last row.
    pub at: UtcNanos,
    /// Rows of that instant that were given.
    pub given: usize,
}

impl Cursor {
    /// As [`Self::text`] wrote it.
    pub fn parse(text: &str) -> Option<Self> {
        let (micros, given) = text.split_once('.')?;
        let at = UtcNanos(micros.parse::<i64>().ok()?.checked_mul(1_000)?);
        let given = given.parse().ok().filter(|given| *given <= caps::HISTORY_ROWS as usize)?;
        Some(Self { at, given })
    }

    /// As a page says it.
    pub fn text(self) -> String {
        format!("{}.{}", self.at.0.div_euclid(1_000), self.given)
    }

    /// Behind these rows, of which the first `before` were given earlier; `None` of none.
    pub fn behind(rows: &Rows, time: &str) -> Option<Self> {
        let at = rows.schema.index_of(time).ok()?;
        let mut times = rows.batches.iter().rev().flat_map(|batch| {
            let column = batch.column(at).as_any().downcast_ref::<TimestampMicrosecondArray>();
            column.into_iter().flat_map(|column| column.values().iter().rev().copied())
        });
        let last = times.next()?;
        let given = 1 + times.take_while(|time| *time == last).count();
        Some(Self { at: UtcNanos(last.checked_mul(1_000)?), given })
    }
}

/// Without the first `given` rows.
pub fn without(mut rows: Rows, mut given: usize) -> Rows {
    rows.batches.retain_mut(|batch| {
        let gone = given.min(batch.num_rows());
        given -= gone;
        *batch = batch.slice(gone, batch.num_rows() - gone);
        batch.num_rows() > 0
    });
    rows
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

    use super::*;

    fn rows(batches: &[&[i64]]) -> Rows {
        let field = Field::new("timestamp", DataType::Timestamp(TimeUnit::Microsecond, None), false);
        let schema = Arc::new(Schema::new(vec![field]));
        let batch = |times: &&[i64]| {
            let column: ArrayRef = Arc::new(TimestampMicrosecondArray::from(times.to_vec()));
            RecordBatch::try_new(schema.clone(), vec![column]).unwrap()
        };
        Rows { batches: batches.iter().map(batch).collect(), schema }
    }

    #[test]
    fn a_cursor_counts_the_rows_of_its_instant() {
        let check = |batches: &[&[i64]], expected: Option<(i64, usize)>| {
            let found = Cursor::behind(&rows(batches), "timestamp");
            assert_eq!(found.map(|c| (c.at.0 / 1_000, c.given)), expected, "{batches:?}");
            assert_eq!(found.and_then(|cursor| Cursor::parse(&cursor.text())), found);
        };
        check(&[], None);
        check(&[&[1, 2, 3]], Some((3, 1)));
        check(&[&[1, 3], &[3, 3]], Some((3, 3)));
        check(&[&[-5, -5]], Some((-5, 2)));
    }

    #[test]
    fn what_was_given_is_left_out() {
        let left: Vec<usize> = (0..=5).map(|n| without(rows(&[&[1, 1], &[1, 2]]), n).batches.len()).collect();
        assert_eq!(left, [2, 2, 1, 1, 0, 0]);
    }

    #[test]
    fn a_wrong_cursor_is_none() {
        for text in ["", "1", "x.1", "1.x", "1.-1", "99999999999999999999.1", "1.99999999"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
