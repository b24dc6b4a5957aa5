//! Rows of our own tables in PostgreSQL as batches: the counterpart of `encode`.
//!
//! Unlike a mapping it refuses no value: what a hand put there is to be found and named, and not to stop the comparison. A
//! number or a time that none of ours can be (NaN, an infinity) becomes one beyond what our columns hold, so that it equals none.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Decimal64Builder, Decimal128Builder, FixedSizeBinaryBuilder, Float64Builder,
    Int16Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::shape::Shape;
use crate::duck::sheet::Kind;
use crate::postgres::copy::Row;
use crate::postgres::numeric;

/// From 1970 to 2000, where PostgreSQL's times begin, in microseconds.
const EPOCH: i64 = 946_684_800_000_000;
/// Decimals of prices, and of quantities and money.
const SCALES: (u32, u32) = (8, 9);

/// What a number becomes that none of ours can be, in a column of this scale.
#[must_use]
pub fn unreadable(scale: i8) -> i128 {
    if u32::try_from(scale) == Ok(SCALES.0) { i64::MIN.into() } else { i128::MIN }
}

/// Why bytes are no cell of ours: the server's table is of other types than the ones that were made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the column {column} holds {bytes} bytes, which is no {kind:?} of ours: its type was changed; make it what it was, or move the table aside and let the sink make it anew"
)]
pub struct Misread {
    column: &'static str,
    bytes: usize,
    kind: Kind,
}

/// Rows on their way into a batch.
pub struct Rows {
    names: Vec<&'static str>,
    columns: Vec<Column>,
    len: usize,
}

impl Rows {
    /// None yet.
    #[must_use]
    pub fn new(shape: &Shape) -> Self {
        let columns = shape.columns.iter().map(|(_, kind)| Column::new(*kind)).collect();
        Self { names: shape.names().collect(), columns, len: 0 }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds a row.
    ///
    /// # Errors
    /// A cell is not in the form of its type.
    pub fn push(&mut self, row: Row<'_>) -> Result<(), Misread> {
        for (at, column) in self.columns.iter_mut().enumerate() {
            let cell = row.cell(at);
            if column.push(cell).is_none() {
                let (column, kind) = (self.names[at], column.kind());
                return Err(Misread { column, bytes: cell.map_or(0, <[u8]>::len), kind });
            }
        }
        self.len += 1;
        Ok(())
    }

    /// Takes them out.
    ///
    /// # Panics
    /// Never: columns are filled row by row.
    pub fn take(&mut self) -> RecordBatch {
        self.len = 0;
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(Column::finish).collect();
        let fields: Vec<Field> = self
            .names
            .iter()
            .zip(&arrays)
            .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
            .collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns are filled row by row")
    }
}

enum Column {
    Text(StringBuilder),
    Int(Int64Builder),
    Small(Int16Builder),
    P(Decimal64Builder),
    Q(Decimal128Builder),
    Time(TimestampMicrosecondBuilder),
    Flag(BooleanBuilder),
    Id(FixedSizeBinaryBuilder),
    Real(Float64Builder),
}

impl Column {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Int => Self::Int(Int64Builder::new()),
            Kind::Small => Self::Small(Int16Builder::new()),
            Kind::P => Self::P(Decimal64Builder::new().with_data_type(DataType::Decimal64(18, 8))),
            Kind::Q => Self::Q(Decimal128Builder::new().with_data_type(DataType::Decimal128(38, 9))),
            Kind::Time => Self::Time(
                TimestampMicrosecondBuilder::new().with_data_type(DataType::Timestamp(TimeUnit::Microsecond, None)),
            ),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
            Kind::Id => Self::Id(FixedSizeBinaryBuilder::new(16)),
            Kind::Real => Self::Real(Float64Builder::new()),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Int(_) => Kind::Int,
            Self::Small(_) => Kind::Small,
            Self::P(_) => Kind::P,
            Self::Q(_) => Kind::Q,
            Self::Time(_) => Kind::Time,
            Self::Flag(_) => Kind::Flag,
            Self::Id(_) => Kind::Id,
            Self::Real(_) => Kind::Real,
        }
    }

    /// Adds a cell; `None` if its bytes are not in the form of the type.
    fn push(&mut self, cell: Option<&[u8]>) -> Option<()> {
        match self {
            Self::Text(b) => b.append_option(read(cell, |bytes| str::from_utf8(bytes).ok())?),
            Self::Int(b) => b.append_option(read(cell, |bytes| sized(bytes).map(i64::from_be_bytes))?),
            Self::Small(b) => b.append_option(read(cell, |bytes| sized(bytes).map(i16::from_be_bytes))?),
            Self::P(b) => b.append_option(cell.map(price)),
            Self::Q(b) => b.append_option(cell.map(|bytes| scaled(bytes, SCALES.1))),
            Self::Time(b) => b.append_option(read(cell, |bytes| sized(bytes).map(time))?),
            Self::Flag(b) => b.append_option(read(cell, |bytes| sized(bytes).map(|one: [u8; 1]| one != [0]))?),
            Self::Id(b) => match cell {
                Some(bytes) => b.append_value(bytes).ok()?,
                None => b.append_null(),
            },
            Self::Real(b) => b.append_option(read(cell, |bytes| sized(bytes).map(f64::from_be_bytes))?),
        }
        Some(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(b) => Arc::new(b.finish()),
            Self::Int(b) => Arc::new(b.finish()),
            Self::Small(b) => Arc::new(b.finish()),
            Self::P(b) => Arc::new(b.finish()),
            Self::Q(b) => Arc::new(b.finish()),
            Self::Time(b) => Arc::new(b.finish()),
            Self::Flag(b) => Arc::new(b.finish()),
            Self::Id(b) => Arc::new(b.finish()),
            Self::Real(b) => Arc::new(b.finish()),
        }
    }
}

/// A NULL is a value like others; only bytes that cannot be read are none.
fn read<'a, T>(cell: Option<&'a [u8]>, how: impl FnOnce(&'a [u8]) -> Option<T>) -> Option<Option<T>> {
    match cell {
        None => Some(None),
        Some(bytes) => how(bytes).map(Some),
    }
}

fn sized<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

fn price(bytes: &[u8]) -> i64 {
    i64::try_from(scaled(bytes, SCALES.0)).unwrap_or(i64::MIN)
}

fn scaled(bytes: &[u8], scale: u32) -> i128 {
    numeric::decode(bytes, scale).unwrap_or(i128::MIN)
}

fn time(bytes: [u8; 8]) -> i64 {
    i64::from_be_bytes(bytes).saturating_add(EPOCH)
}
