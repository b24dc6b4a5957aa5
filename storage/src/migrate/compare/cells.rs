//! Cells as texts for people: decimals at full scale, times in UTC, the same text on both sides for the same value.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Decimal64Type, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    i256,
};
use chrono::DateTime;
use uuid::Uuid;

use super::decode;
use crate::archive::digest::decimal;

/// What stands for a value that a column of ours cannot hold.
const NONE_OF_OURS: &str = "no value that this column may hold";

/// A cell; `None` for NULL.
#[must_use]
pub fn text(column: &dyn Array, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => column.as_string::<i64>().value(row).to_owned(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Decimal64(_, scale) => number(column.as_primitive::<Decimal64Type>().value(row).into(), *scale),
        DataType::Decimal128(_, scale) => number(column.as_primitive::<Decimal128Type>().value(row), *scale),
        DataType::Timestamp(..) => time(column.as_primitive::<TimestampMicrosecondType>().value(row)),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::FixedSizeBinary(16) => Uuid::from_slice(column.as_fixed_size_binary().value(row))
            .map_or_else(|e| e.to_string(), |id| id.to_string()),
        other => format!("a value of the type {other}"),
    })
}

fn number(value: i128, scale: i8) -> String {
    if value == decode::unreadable(scale) { NONE_OF_OURS.to_owned() } else { decimal(i256::from_i128(value), scale) }
}

/// An instant in microseconds since 1970. Beyond the years that can be written it is one of the two infinities.
#[must_use]
pub fn time(micros: i64) -> String {
    let beyond = if micros > 0 { "infinity" } else { "-infinity" };
    DateTime::from_timestamp_micros(micros)
        .map_or(beyond.to_owned(), |at| at.format("%Y-%m-%d %H:%M:%S%.6f").to_string())
}

/// A day since 1970.
#[must_use]
pub fn day(day: i64) -> String {
    let text = time(day.saturating_mul(super::slice::DAY));
    text.split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Decimal64Array, Decimal128Array, FixedSizeBinaryArray, StringArray};

    use super::*;

    #[test]
    fn the_same_value_is_the_same_text_whoever_keeps_it() {
        fn check(column: ArrayRef, expected: Option<&str>) {
            assert_eq!(text(column.as_ref(), 0).as_deref(), expected);
        }
        let price = Decimal64Array::from(vec![-10_050_000_000]).with_precision_and_scale(18, 8).unwrap();
        check(Arc::new(price), Some("-100.50000000"));
        let wide = Decimal128Array::from(vec![-10_050_000_000]).with_precision_and_scale(18, 8).unwrap();
        check(Arc::new(wide), Some("-100.50000000"));
        let id = Uuid::from_u128(7);
        let bytes = FixedSizeBinaryArray::try_from_iter([id.as_bytes()].into_iter()).unwrap();
        check(Arc::new(bytes), Some("00000000-0000-0000-0000-000000000007"));
        check(Arc::new(StringArray::from(vec![id.to_string()])), Some("00000000-0000-0000-0000-000000000007"));
        check(Arc::new(StringArray::from(vec![None::<&str>])), None);
    }

    #[test]
    fn times_and_days_are_written_in_utc() {
        assert_eq!(time(1_723_161_255_342_000), "2024-08-08 23:54:15.342000");
        assert_eq!((day(0), day(-1)), ("1970-01-01".to_owned(), "1969-12-31".to_owned()));
        assert_eq!((time(i64::MAX), time(i64::MIN)), ("infinity".to_owned(), "-infinity".to_owned()));
    }
}
