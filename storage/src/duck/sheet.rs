//! A sheet: rows on their way into one table, gathered column by column and handed over as one
//! Arrow batch. Its columns are named once; a row is written cell by cell in that order.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Decimal64Builder, Decimal128Builder, FixedSizeBinaryBuilder, Float64Builder,
    Int16Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Metadata, Schema, SchemaRef, TimeUnit};
use messages::{Cash, Price, Quantity, Size, UtcNanos};
use uuid::Uuid;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// VARCHAR
    Text,
    /// BIGINT; narrower integer columns take it with a cast.
    Int,
    /// SMALLINT
    Small,
    /// DECIMAL(18,8)
    P,
    /// DECIMAL(38,9)
    Q,
    /// TIMESTAMP
    Time,
    /// BOOLEAN
    Flag,
    /// UUID
    Id,
    /// DOUBLE: a measured value, never a price or an amount
    Real,
}

/// The cells of a column so far.
pub(crate) enum Column {
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

/// Rows of one table.
pub struct Sheet {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
    cell: usize,
}

impl Sheet {
    /// An empty sheet with these columns.
    pub fn new(spec: &[(&'static str, Kind)]) -> Self {
        let fields: Vec<Field> = spec.iter().map(|(name, kind)| field(name, *kind)).collect();
        Self {
            schema: Arc::new(Schema::new(fields)),
            columns: spec.iter().map(|(_, kind)| Column::new(*kind)).collect(),
            rows: 0,
            cell: 0,
        }
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// How many rows it holds.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Takes the rows out as one batch.
    pub fn take(&mut self) -> RecordBatch {
        assert_eq!(self.cell, 0, "the last row is whole");
        self.rows = 0;
        let arrays = self.columns.iter_mut().map(Column::finish).collect();
        RecordBatch::try_new(self.schema.clone(), arrays).expect("columns are written row by row")
    }

    /// The column of the next cell, for who has what none of our types can be: exactly one cell is to be appended to it.
    pub(crate) fn next_column(&mut self) -> &mut Column {
        let at = self.cell;
        self.cell += 1;
        if self.cell == self.columns.len() {
            self.cell = 0;
            self.rows += 1;
        }
        &mut self.columns[at]
    }

    /// Writes a VARCHAR cell.
    pub fn text<'a>(&mut self, value: impl Into<Option<&'a str>>) -> &mut Self {
        let Column::Text(b) = self.next_column() else { wrong_kind("text") };
        b.append_option(value.into());
        self
    }
    /// Writes an integer cell.
    pub fn int(&mut self, value: impl Into<Option<i64>>) -> &mut Self {
        let Column::Int(b) = self.next_column() else { wrong_kind("int") };
        b.append_option(value.into());
        self
    }
    /// Writes a SMALLINT cell, at most its largest value.
    pub fn small(&mut self, value: u16) -> &mut Self {
        let Column::Small(b) = self.next_column() else { wrong_kind("small") };
        b.append_value(i16::try_from(value).unwrap_or(i16::MAX));
        self
    }
    /// Writes a DECIMAL(18,8) cell.
    pub fn p(&mut self, value: impl Into<Option<Price>>) -> &mut Self {
        let Column::P(b) = self.next_column() else { wrong_kind("p") };
        b.append_option(value.into().map(Price::raw));
        self
    }
    /// Writes a DECIMAL(18,8) cell with a tick's size.
    pub fn size(&mut self, value: impl Into<Option<Size>>) -> &mut Self {
        let Column::P(b) = self.next_column() else { wrong_kind("p") };
        b.append_option(value.into().map(Size::raw));
        self
    }
    /// Writes a DECIMAL(38,9) cell with a quantity.
    pub fn q(&mut self, value: impl Into<Option<Quantity>>) -> &mut Self {
        let Column::Q(b) = self.next_column() else { wrong_kind("q") };
        b.append_option(value.into().map(Quantity::raw));
        self
    }
    /// Writes a DECIMAL(38,9) cell with an amount.
    pub fn cash(&mut self, value: impl Into<Option<Cash>>) -> &mut Self {
        let Column::Q(b) = self.next_column() else { wrong_kind("q") };
        b.append_option(value.into().map(Cash::raw));
        self
    }
    /// Writes a TIMESTAMP cell.
    pub fn time(&mut self, value: impl Into<Option<UtcNanos>>) -> &mut Self {
        let Column::Time(b) = self.next_column() else { wrong_kind("time") };
        b.append_option(value.into().map(UtcNanos::micros));
        self
    }
    /// Writes a BOOLEAN cell.
    pub fn flag(&mut self, value: bool) -> &mut Self {
        let Column::Flag(b) = self.next_column() else { wrong_kind("flag") };
        b.append_value(value);
        self
    }
    /// Writes a UUID cell.
    pub fn id(&mut self, value: impl Into<Option<Uuid>>) -> &mut Self {
        let Column::Id(b) = self.next_column() else { wrong_kind("id") };
        match value.into() {
            Some(id) => b.append_value(id.as_bytes()).expect("a UUID has 16 bytes"),
            None => b.append_null(),
        }
        self
    }
    /// Writes a DOUBLE cell.
    pub fn real(&mut self, value: impl Into<Option<f64>>) -> &mut Self {
        let Column::Real(b) = self.next_column() else { wrong_kind("real") };
        b.append_option(value.into());
        self
    }
}

/// A cell of another kind than its column is a mistake in the program.
fn wrong_kind(kind: &str) -> ! {
    panic!("a {kind} cell in a column of another kind")
}

impl Column {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Int => Self::Int(Int64Builder::new()),
            Kind::Small => Self::Small(Int16Builder::new()),
            Kind::P => Self::P(Decimal64Builder::new().with_data_type(DataType::Decimal64(18, 8))),
            Kind::Q => Self::Q(Decimal128Builder::new().with_data_type(DataType::Decimal128(38, 9))),
            Kind::Time => Self::Time(TimestampMicrosecondBuilder::new()),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
            Kind::Id => Self::Id(FixedSizeBinaryBuilder::new(16)),
            Kind::Real => Self::Real(Float64Builder::new()),
        }
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

/// The field of a column of a batch.
pub(crate) fn field(name: &str, kind: Kind) -> Field {
    let data_type = match kind {
        Kind::Text => DataType::Utf8,
        Kind::Int => DataType::Int64,
        Kind::Small => DataType::Int16,
        Kind::P => DataType::Decimal64(18, 8),
        Kind::Q => DataType::Decimal128(38, 9),
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
        Kind::Flag => DataType::Boolean,
        Kind::Id => DataType::FixedSizeBinary(16),
        Kind::Real => DataType::Float64,
    };
    let field = Field::new(name, data_type, true);
    if kind == Kind::Id {
        let extension = [("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())];
        return field.with_metadata(extension.into_iter().collect::<Metadata>());
    }
    field
}
