//! The columns of a record batch, taken by name with their types checked.

use std::path::Path;

use arrow::array::{Array, AsArray, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, TimeUnit};
use arrow::error::ArrowError;
use messages::UtcNanos;

use super::error::InputError;

/// What a file must have, for the errors.
pub const ALL_NEEDED: &str = "exchange, symbol, timestamp, kind, bid_price, ask_price, bid_size, ask_size, last_price, \
                          volume, aggressor_side, sequence_number";

/// A time column: integers and how many nanoseconds one is.
pub struct Times {
    values: Int64Array,
    unit: i64,
}

impl Times {
    /// The time of a row; `None` for NULL and beyond what 64 bits hold.
    pub fn at(&self, row: usize) -> Option<UtcNanos> {
        value(&self.values, row)?.checked_mul(self.unit).map(UtcNanos)
    }
}

/// A batch whose columns are being taken.
pub struct Source<'a> {
    pub path: &'a Path,
    pub batch: &'a RecordBatch,
}

impl<'a> Source<'a> {
    fn column(&self, name: &'static str) -> Result<&'a dyn Array, InputError> {
        match self.batch.column_by_name(name) {
            Some(column) => Ok(column.as_ref()),
            None => Err(InputError::MissingColumn { path: self.path.to_owned(), column: name, needed: ALL_NEEDED }),
        }
    }

    /// A column that may be absent.
    pub fn optional<T>(
        &self,
        name: &'static str,
        take: impl Fn(&Self, &'static str) -> Result<T, InputError>,
    ) -> Result<Option<T>, InputError> {
        if self.batch.column_by_name(name).is_none() { Ok(None) } else { take(self, name).map(Some) }
    }

    /// Texts, in any of the ways that arrow keeps them.
    pub fn texts(&self, name: &'static str) -> Result<StringArray, InputError> {
        let column = self.column(name)?;
        let texts = cast(column, &DataType::Utf8).map_err(|source| self.failed(source))?;
        texts.as_string_opt::<i32>().cloned().ok_or_else(|| self.mistyped(name, column, "text"))
    }

    /// Integers of any width.
    pub fn integers(&self, name: &'static str) -> Result<Int64Array, InputError> {
        let column = self.column(name)?;
        if !column.data_type().is_integer() {
            return Err(self.mistyped(name, column, "an integer"));
        }
        let integers = cast(column, &DataType::Int64).map_err(|source| self.failed(source))?;
        integers.as_primitive_opt::<Int64Type>().cloned().ok_or_else(|| self.mistyped(name, column, "an integer"))
    }

    /// Times of any unit.
    pub fn times(&self, name: &'static str) -> Result<Times, InputError> {
        let column = self.column(name)?;
        let unit = match column.data_type() {
            DataType::Timestamp(TimeUnit::Second, _) => 1_000_000_000,
            DataType::Timestamp(TimeUnit::Millisecond, _) => 1_000_000,
            DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000,
            DataType::Timestamp(TimeUnit::Nanosecond, _) => 1,
            _ => return Err(self.mistyped(name, column, "TIMESTAMP")),
        };
        let values = cast(column, &DataType::Int64).map_err(|source| self.failed(source))?;
        let values = values.as_primitive_opt::<Int64Type>().cloned();
        Ok(Times { values: values.ok_or_else(|| self.mistyped(name, column, "TIMESTAMP"))?, unit })
    }

    /// Decimals of scale 8, nothing else.
    pub fn decimals(&self, name: &'static str) -> Result<Decimal128Array, InputError> {
        let column = self.column(name)?;
        let scale_8 = matches!(column.data_type(), DataType::Decimal128(_, 8));
        let decimals = column.as_primitive_opt::<Decimal128Type>().filter(|_| scale_8).cloned();
        decimals.ok_or_else(|| self.mistyped(name, column, "DECIMAL(18,8)"))
    }

    fn mistyped(&self, column: &'static str, found: &dyn Array, expected: &'static str) -> InputError {
        let found = found.data_type().to_string();
        InputError::ColumnType { path: self.path.to_owned(), column, found, expected }
    }

    fn failed(&self, source: ArrowError) -> InputError {
        InputError::Arrow { path: self.path.to_owned(), source }
    }
}

/// The integer of a row; `None` for NULL.
pub fn value(column: &Int64Array, row: usize) -> Option<i64> {
    column.is_valid(row).then(|| column.value(row))
}
