//! Rows of ours in a table of PostgreSQL: the cells of a batch in the binary form of COPY.
//!
//! The counterpart of `convert`. Their columns are of the types that [`sql_type`] names, and hold each value exactly, but
//! for a NUL byte in a text, which [`plain`] replaces.

use std::borrow::Cow;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Decimal64Type, Decimal128Type, Float64Type, Int16Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};

use crate::duck::sheet::Kind;
use crate::postgres::{EPOCH, copy, numeric};

/// The type of a column there that holds what one of ours does.
#[must_use]
pub fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Int => "bigint",
        Kind::Small => "smallint",
        Kind::P => "numeric(18, 8)",
        Kind::Q => "numeric(38, 9)",
        Kind::Time => "timestamptz",
        Kind::Flag => "boolean",
        Kind::Id => "uuid",
        Kind::Real => "double precision",
    }
}

/// What stands in place of a NUL byte, which no text of PostgreSQL may hold.
pub const IN_PLACE_OF_NUL: char = char::REPLACEMENT_CHARACTER;

/// A text as it stands there.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', IN_PLACE_OF_NUL.encode_utf8(&mut [0; 4])).into() } else { text.into() }
}

/// Appends the rows of a batch of a `Sheet`.
///
/// # Panics
/// When a column has a type that no sheet has: a mistake in the program.
pub fn rows(batch: &RecordBatch, out: &mut copy::Writer) {
    for row in 0..batch.num_rows() {
        out.begin_row();
        for column in batch.columns() {
            if column.is_null(row) {
                out.null();
            } else {
                out.cell(|bytes| cell(column.as_ref(), row, bytes));
            }
        }
    }
}

fn cell(column: &dyn Array, row: usize, out: &mut Vec<u8>) {
    match column.data_type() {
        DataType::Utf8 => text(column.as_string::<i32>().value(row), out),
        DataType::Int16 => out.extend_from_slice(&column.as_primitive::<Int16Type>().value(row).to_be_bytes()),
        DataType::Int64 => out.extend_from_slice(&column.as_primitive::<Int64Type>().value(row).to_be_bytes()),
        DataType::Float64 => out.extend_from_slice(&column.as_primitive::<Float64Type>().value(row).to_be_bytes()),
        DataType::Decimal64(_, scale) => {
            numeric::encode(column.as_primitive::<Decimal64Type>().value(row).into(), *scale as u32, out);
        }
        DataType::Decimal128(_, scale) => {
            numeric::encode(column.as_primitive::<Decimal128Type>().value(row), *scale as u32, out);
        }
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            out.extend_from_slice(&since_2000(micros).to_be_bytes());
        }
        DataType::Boolean => out.push(u8::from(column.as_boolean().value(row))),
        DataType::FixedSizeBinary(16) => out.extend_from_slice(column.as_fixed_size_binary().value(row)),
        other => unreachable!("no sheet has a column of {other}"),
    }
}

/// Microseconds since 2000. What a hand put into DuckDB is copied as well: its two infinities are those of the server, and
/// what lies before all that can be counted is one of them.
fn since_2000(since_1970: i64) -> i64 {
    if since_1970 == i64::MAX { i64::MAX } else { since_1970.saturating_sub(EPOCH) }
}

fn text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(plain(text).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_postgresql_does_not_take_stands_there_in_another_way() {
        assert_eq!(plain("a\0b\0"), "a\u{fffd}b\u{fffd}");
        assert!(matches!(plain("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn every_time_of_duckdb_is_one_there() {
        assert_eq!((since_2000(EPOCH), since_2000(0)), (0, -EPOCH));
        assert_eq!((since_2000(i64::MAX), since_2000(-i64::MAX)), (i64::MAX, i64::MIN));
    }
}
