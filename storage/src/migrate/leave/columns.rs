//! How each of their types is kept in Parquet: what Arrow has exactly as that, all else as the text that the server shows.
//! Numbers of any digits are text as well: it holds NaN, infinity and every digit.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int16Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};

use super::fingerprint;
use crate::postgres::EPOCH;
use crate::postgres::catalog::quoted;
use crate::postgres::copy::Row;

/// A column of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as the server writes it: `numeric(18,8)`.
    pub kind: String,
    /// True if it is never NULL.
    pub is_required: bool,
    /// How it is kept.
    pub kept_as: Kept,
}

/// How a column is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// `BOOLEAN`
    Boolean,
    /// `SMALLINT`
    Int16,
    /// `INTEGER`
    Int32,
    /// `BIGINT`
    Int64,
    /// `DOUBLE`, exactly what a `real` or a `double precision` is.
    Double,
    /// A time without a zone, in microseconds.
    Timestamp,
    /// An instant, in microseconds.
    Instant,
    /// The text that the server shows.
    Text,
}

impl Kept {
    /// Of a type by its name in the catalog.
    #[must_use]
    pub fn of(type_name: &str) -> Self {
        match type_name {
            "bool" => Self::Boolean,
            "int2" => Self::Int16,
            "int4" => Self::Int32,
            "int8" => Self::Int64,
            "float4" | "float8" => Self::Double,
            "timestamp" => Self::Timestamp,
            "timestamptz" => Self::Instant,
            _ => Self::Text,
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Text => DataType::Utf8,
        }
    }
}

/// The question for all rows, each column in the form that is kept, and behind them the hash of the row.
#[must_use]
pub fn select(from: &str, columns: &[Column]) -> String {
    let cell = |column: &Column| {
        let name = quoted(&column.name);
        match column.kept_as {
            Kept::Double => format!("{name}::float8"),
            Kept::Text => format!("{name}::text"),
            _ => name,
        }
    };
    let row = fingerprint::row(columns);
    let cells: Vec<String> = columns.iter().map(cell).chain([fingerprint::hash(&row)]).collect();
    format!("SELECT {} FROM {from} {row}", cells.join(", "))
}

enum Builder {
    Boolean(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Double(Float64Builder),
    Time(TimestampMicrosecondBuilder),
    Text(StringBuilder),
}

/// A cell that is not what its type says, or a time too far away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The place of its column.
    pub at: usize,
}

/// Rows on their way into a batch.
pub struct Sheet {
    schema: SchemaRef,
    builders: Vec<Builder>,
    rows: usize,
}

impl Sheet {
    /// No rows of these columns.
    #[must_use]
    pub fn new(columns: &[Column]) -> Self {
        let field = |column: &Column| Field::new(&column.name, column.kept_as.data_type(), true);
        let builder = |column: &Column| match column.kept_as {
            Kept::Boolean => Builder::Boolean(BooleanBuilder::new()),
            Kept::Int16 => Builder::Int16(Int16Builder::new()),
            Kept::Int32 => Builder::Int32(Int32Builder::new()),
            Kept::Int64 => Builder::Int64(Int64Builder::new()),
            Kept::Double => Builder::Double(Float64Builder::new()),
            Kept::Timestamp | Kept::Instant => {
                let data_type = column.kept_as.data_type();
                Builder::Time(TimestampMicrosecondBuilder::new().with_data_type(data_type))
            }
            Kept::Text => Builder::Text(StringBuilder::new()),
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        Self { schema, builders: columns.iter().map(builder).collect(), rows: 0 }
    }

    /// What a batch of it has.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// How many rows wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds a row of the answer to [`select`]. Its hash is not kept.
    ///
    /// # Errors
    /// A cell cannot be kept; the sheet is of no use then.
    pub fn push(&mut self, row: Row<'_>) -> Result<(), Misfit> {
        for (at, builder) in self.builders.iter_mut().enumerate() {
            let cell = (at < row.len()).then(|| row.cell(at)).flatten();
            builder.append(cell).ok_or(Misfit { at })?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Takes them out.
    ///
    /// # Panics
    /// When a row was not added wholly: a mistake in the program.
    pub fn take(&mut self) -> RecordBatch {
        self.rows = 0;
        let arrays = self.builders.iter_mut().map(Builder::finish).collect();
        RecordBatch::try_new(self.schema.clone(), arrays).expect("rows are added whole")
    }
}

impl Builder {
    /// Adds a cell; none if it cannot be kept.
    fn append(&mut self, cell: Option<&[u8]>) -> Option<()> {
        match self {
            Self::Boolean(b) => b.append_option(fixed::<1>(cell)?.map(|[byte]| byte != 0)),
            Self::Int16(b) => b.append_option(fixed(cell)?.map(i16::from_be_bytes)),
            Self::Int32(b) => b.append_option(fixed(cell)?.map(i32::from_be_bytes)),
            Self::Int64(b) => b.append_option(fixed(cell)?.map(i64::from_be_bytes)),
            Self::Double(b) => b.append_option(fixed(cell)?.map(f64::from_be_bytes)),
            Self::Time(b) => {
                let micros = fixed(cell)?.map(i64::from_be_bytes).map(since_1970);
                b.append_option(match micros {
                    Some(micros) => Some(micros?),
                    None => None,
                });
            }
            Self::Text(b) => b.append_option(match cell {
                Some(bytes) => Some(str::from_utf8(bytes).ok()?),
                None => None,
            }),
        }
        Some(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(b) => Arc::new(b.finish()),
            Self::Int16(b) => Arc::new(b.finish()),
            Self::Int32(b) => Arc::new(b.finish()),
            Self::Int64(b) => Arc::new(b.finish()),
            Self::Double(b) => Arc::new(b.finish()),
            Self::Time(b) => Arc::new(b.finish()),
            Self::Text(b) => Arc::new(b.finish()),
        }
    }
}

/// Microseconds since 1970. The two infinities are those of DuckDB, which are the farthest times that there are.
fn since_1970(since_2000: i64) -> Option<i64> {
    match since_2000 {
        i64::MAX => Some(i64::MAX),
        i64::MIN => Some(-i64::MAX),
        micros => micros.checked_add(EPOCH).filter(|micros| *micros < i64::MAX),
    }
}

/// A cell of a type with a fixed size; none if it has another.
fn fixed<const N: usize>(cell: Option<&[u8]>) -> Option<Option<[u8; N]>> {
    match cell {
        None => Some(None),
        Some(bytes) => bytes.try_into().ok().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrow_has_is_kept_as_it_is_and_all_else_as_text() {
        let column = |name: &str, type_name: &str| Column {
            name: name.to_owned(),
            kind: type_name.to_owned(),
            is_required: false,
            kept_as: Kept::of(type_name),
        };
        let columns = [column("a", "int4"), column("b\"c", "numeric"), column("d", "float4"), column("e", "jsonb")];
        assert_eq!(
            select("\"public\".\"t\"", &columns),
            r#"SELECT "a", "b""c"::text, "d"::float8, "e"::text, hashtextextended("row"::text, 0) FROM "public"."t" "row""#
        );
    }

    #[test]
    fn infinities_are_the_farthest_times() {
        assert_eq!(since_1970(0), Some(EPOCH));
        assert_eq!((since_1970(i64::MAX), since_1970(i64::MIN)), (Some(i64::MAX), Some(-i64::MAX)));
        assert_eq!(since_1970(i64::MAX - 1), None);
    }
}
