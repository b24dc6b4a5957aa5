//! Digest: what rows are, whoever reads them and in whatever order: how many, between which times, exact sums,
//! and a sum of hashes of each row.
//!
//! A row's hash is over its cells in a plain form that does not depend on how a file or a database keeps them: a number
//! as its digits, a text as its bytes, NULL as NULL. Rows are added up, so their order makes no difference, and parts
//! can be digested one by one.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Decimal64Type, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type, SchemaRef, TimeUnit,
    TimestampMicrosecondType, i256,
};

use crate::tiers::Table;

/// A column of a kind that no table of ours has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the column {column} has the type {found}, which no table here has")]
pub struct UnknownType {
    /// The column.
    pub column: String,
    /// Its type.
    pub found: String,
}

/// What rows are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Digest {
    /// How many.
    pub rows: u64,
    /// Bytes of their cells in plain form.
    pub plain_bytes: u64,
    /// The earliest and the latest time, in microseconds.
    pub times: Option<(i64, i64)>,
    /// The lowest and the highest number.
    pub ids: Option<(i64, i64)>,
    /// Sums of the columns that are numbers, with their scale.
    pub sums: BTreeMap<String, (i256, i8)>,
    /// The sum of the rows' hashes.
    hash: u128,
}

impl Digest {
    /// Adds the rows of a batch.
    ///
    /// # Errors
    /// A column of an unknown kind.
    pub fn add(&mut self, table: &Table, batch: &RecordBatch) -> Result<(), UnknownType> {
        self.add_rows(table, &PlainRows::of(batch)?, 0..batch.num_rows());
        Ok(())
    }

    /// Adds some rows of a batch.
    pub fn add_rows(&mut self, table: &Table, rows: &PlainRows<'_>, which: impl Iterator<Item = usize> + Clone) {
        let mut row_bytes = Vec::with_capacity(256);
        for row in which.clone() {
            self.hash = self.hash.wrapping_add(rows.hash(row, &mut row_bytes));
            self.plain_bytes += row_bytes.len() as u64;
            self.rows += 1;
        }
        for (name, column) in &rows.columns {
            self.summarize(table, name, column, which.clone());
        }
    }

    fn summarize(&mut self, table: &Table, name: &str, column: &Column<'_>, rows: impl Iterator<Item = usize>) {
        let mut numbers = rows.filter_map(|row| column.number(row)).peekable();
        if numbers.peek().is_none() {
            return;
        }
        // What 128 bits do not hold goes over into the wide sum.
        let (mut sum, mut part, mut low, mut high) = (i256::ZERO, 0i128, i64::MAX, i64::MIN);
        for number in numbers {
            part = part.checked_add(number).unwrap_or_else(|| {
                sum = sum.wrapping_add(i256::from_i128(part));
                number
            });
            // Times and numbers of rows have 64 bits; others are not looked at.
            let short = number.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
            (low, high) = (low.min(short), high.max(short));
        }
        let sum = sum.wrapping_add(i256::from_i128(part));
        let widen = |known: Option<(i64, i64)>| Some(known.map_or((low, high), |k| (k.0.min(low), k.1.max(high))));
        if name == table.time {
            self.times = widen(self.times);
        } else if Some(name) == table.id {
            self.ids = widen(self.ids);
        } else if let Some(scale) = column.cells.scale() {
            if let Some(known) = self.sums.get_mut(name) {
                known.0 = known.0.wrapping_add(sum);
            } else {
                self.sums.insert(name.to_owned(), (sum, scale));
            }
        }
    }

    /// Adds the digest of other rows.
    pub fn merge(&mut self, other: &Self) {
        let both = |a: Option<(i64, i64)>, b: Option<(i64, i64)>| match (a, b) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        self.rows += other.rows;
        self.plain_bytes += other.plain_bytes;
        self.times = both(self.times, other.times);
        self.ids = both(self.ids, other.ids);
        self.hash = self.hash.wrapping_add(other.hash);
        for (name, (sum, scale)) in &other.sums {
            let known = self.sums.entry(name.clone()).or_insert((i256::ZERO, *scale));
            known.0 = known.0.wrapping_add(*sum);
        }
    }

    /// The hash of the rows, as text.
    #[must_use]
    pub fn row_hash(&self) -> String {
        format!("{:032x}", self.hash)
    }

    /// The sum of the rows' hashes, as a number.
    #[must_use]
    pub fn hash_sum(&self) -> u128 {
        self.hash
    }

    /// The sums as JSON: decimals as text, at full scale.
    #[must_use]
    pub fn sums_json(&self) -> String {
        serde_json::to_string(&self.sums_text()).expect("plain texts")
    }

    /// The sums as text, at full scale.
    #[must_use]
    pub fn sums_text(&self) -> BTreeMap<String, String> {
        self.sums.iter().map(|(name, (sum, scale))| (name.clone(), decimal(*sum, *scale))).collect()
    }
}

/// The rows of a batch in plain form.
pub struct PlainRows<'a> {
    columns: Vec<(String, Column<'a>)>,
}

impl<'a> PlainRows<'a> {
    /// Those of this batch.
    ///
    /// # Errors
    /// A column of an unknown kind.
    pub fn of(batch: &'a RecordBatch) -> Result<Self, UnknownType> {
        let schema = batch.schema();
        let column = |(field, column): (&arrow::datatypes::FieldRef, &'a arrow::array::ArrayRef)| {
            Ok((field.name().clone(), Column::new(field.name(), column.as_ref())?))
        };
        Ok(Self { columns: schema.fields().iter().zip(batch.columns()).map(column).collect::<Result<_, _>>()? })
    }

    /// The hash of a row; `bytes` then holds its plain form.
    pub fn hash(&self, row: usize, bytes: &mut Vec<u8>) -> u128 {
        bytes.clear();
        self.columns.iter().for_each(|(_, column)| column.write(row, bytes));
        let hash = blake3::hash(bytes);
        let half: [u8; 16] = hash.as_bytes()[..16].try_into().expect("half of 32 bytes");
        u128::from_le_bytes(half)
    }
}

/// A scaled number as text.
#[must_use]
pub fn decimal(value: i256, scale: i8) -> String {
    let scale = usize::try_from(scale).unwrap_or(0);
    let (sign, digits) = match value.to_string().strip_prefix('-') {
        Some(digits) => ("-", digits.to_owned()),
        None => ("", value.to_string()),
    };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, rest) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{rest}")
}

/// A column.
struct Column<'a> {
    /// Which of its cells are NULL; `None` where none is.
    nulls: Option<&'a NullBuffer>,
    cells: Cells<'a>,
}

impl<'a> Column<'a> {
    fn new(name: &str, column: &'a dyn Array) -> Result<Self, UnknownType> {
        Ok(Self { nulls: column.nulls().filter(|nulls| nulls.null_count() > 0), cells: Cells::new(name, column)? })
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    /// Appends a cell in plain form.
    fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            out.push(0);
        } else {
            out.push(1);
            self.cells.write(row, out);
        }
    }

    /// A cell that is a number, unscaled; a time in microseconds.
    fn number(&self, row: usize) -> Option<i128> {
        if self.is_null(row) { None } else { self.cells.number(row) }
    }
}

/// A column's cells.
enum Cells<'a> {
    Text(&'a arrow::array::StringArray),
    LongText(&'a arrow::array::LargeStringArray),
    Small(&'a arrow::array::Int16Array),
    Int(&'a arrow::array::Int32Array),
    Long(&'a arrow::array::Int64Array),
    Decimal64(&'a arrow::array::Decimal64Array, i8),
    Decimal(&'a arrow::array::Decimal128Array, i8),
    Time(&'a arrow::array::TimestampMicrosecondArray),
    Flag(&'a arrow::array::BooleanArray),
    Real(&'a arrow::array::Float64Array),
    Id(&'a arrow::array::FixedSizeBinaryArray),
    Struct(Vec<Column<'a>>),
}

impl<'a> Cells<'a> {
    fn new(name: &str, column: &'a dyn Array) -> Result<Self, UnknownType> {
        Ok(match column.data_type() {
            DataType::Utf8 => Self::Text(column.as_string()),
            DataType::LargeUtf8 => Self::LongText(column.as_string()),
            DataType::Int16 => Self::Small(column.as_primitive::<Int16Type>()),
            DataType::Int32 => Self::Int(column.as_primitive::<Int32Type>()),
            DataType::Int64 => Self::Long(column.as_primitive::<Int64Type>()),
            DataType::Decimal64(_, scale) => Self::Decimal64(column.as_primitive::<Decimal64Type>(), *scale),
            DataType::Decimal128(_, scale) => Self::Decimal(column.as_primitive::<Decimal128Type>(), *scale),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Self::Time(column.as_primitive::<TimestampMicrosecondType>())
            }
            DataType::Boolean => Self::Flag(column.as_boolean()),
            DataType::Float64 => Self::Real(column.as_primitive::<Float64Type>()),
            DataType::FixedSizeBinary(16) => Self::Id(column.as_fixed_size_binary()),
            DataType::Struct(fields) => {
                let of = |(field, column): (&arrow::datatypes::FieldRef, &'a arrow::array::ArrayRef)| {
                    Column::new(field.name(), column.as_ref())
                };
                Self::Struct(fields.iter().zip(column.as_struct().columns()).map(of).collect::<Result<_, _>>()?)
            }
            other => return Err(UnknownType { column: name.to_owned(), found: other.to_string() }),
        })
    }

    /// Appends a cell that is not NULL.
    fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Text(a) => text(a.value(row), out),
            Self::LongText(a) => text(a.value(row), out),
            // An id is a text for some and bytes for others.
            Self::Id(a) => match uuid::Uuid::from_slice(a.value(row)) {
                Ok(id) => text(&id.to_string(), out),
                Err(_) => out.extend_from_slice(a.value(row)),
            },
            Self::Flag(a) => out.push(u8::from(a.value(row))),
            Self::Real(a) => out.extend_from_slice(&a.value(row).to_bits().to_le_bytes()),
            Self::Decimal(a, scale) if *scale > 8 => out.extend_from_slice(&a.value(row).to_le_bytes()),
            Self::Struct(fields) => fields.iter().for_each(|column| column.write(row, out)),
            Self::Small(_) | Self::Int(_) | Self::Long(_) | Self::Decimal64(..) | Self::Decimal(..) | Self::Time(_) => {
                let number = self.number(row).unwrap_or_default();
                out.extend_from_slice(&(number as i64).to_le_bytes());
            }
        }
    }

    /// One that is a number.
    fn number(&self, row: usize) -> Option<i128> {
        match self {
            Self::Small(a) => Some(a.value(row).into()),
            Self::Int(a) => Some(a.value(row).into()),
            Self::Long(a) => Some(a.value(row).into()),
            Self::Decimal64(a, _) => Some(a.value(row).into()),
            Self::Decimal(a, _) => Some(a.value(row)),
            Self::Time(a) => Some(a.value(row).into()),
            _ => None,
        }
    }

    /// The scale of a column that may be added up.
    fn scale(&self) -> Option<i8> {
        match self {
            Self::Small(_) | Self::Int(_) | Self::Long(_) => Some(0),
            Self::Decimal64(_, scale) | Self::Decimal(_, scale) => Some(*scale),
            _ => None,
        }
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// The hash of the columns' names and types.
#[must_use]
pub fn schema_hash(schema: &SchemaRef) -> String {
    let mut text = String::new();
    for field in schema.fields() {
        text += &format!("{} {};", field.name(), field.data_type());
    }
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Decimal128Array};

    use super::*;

    #[test]
    fn sums_are_exact_beyond_what_128_bits_hold() {
        let most = 10i128.pow(38) - 1;
        let digest = |cells: Vec<Option<i128>>| {
            let column = Decimal128Array::from(cells).with_precision_and_scale(38, 9).unwrap();
            let batch = RecordBatch::try_from_iter([("quantity", Arc::new(column) as ArrayRef)]).unwrap();
            let mut digest = Digest::default();
            digest.add(crate::tiers::table("trades").unwrap(), &batch).unwrap();
            digest
        };
        let text = |digest: &Digest| digest.sums_text().remove("quantity");
        let many = digest([vec![Some(most); 5], vec![None, Some(1)]].concat());
        assert_eq!(text(&many).as_deref(), Some("499999999999999999999999999999.999999996"));
        let less = digest(vec![Some(-most); 5]);
        assert_eq!(text(&less).as_deref(), Some("-499999999999999999999999999999.999999995"));
        let mut both = many;
        both.merge(&less);
        assert_eq!((text(&both).as_deref(), both.rows), (Some("0.000000001"), 12));
        assert_eq!(text(&digest(vec![None])), None);
    }
}
