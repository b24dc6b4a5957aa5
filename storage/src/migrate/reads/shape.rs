//! Rows as they were read there, in the shape in which DuckDB answers: the same columns, in the same types and order.
//!
//! What a table of theirs lacks is what a row that is brought over has: its source is an import, its revision 0, it was
//! received when it was traded, and numbers and words that only the runtime gives are absent.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    StructArray, new_null_array,
};
use arrow::datatypes::{DataType, Decimal64Type, Field, Fields, Int64Type, Schema, SchemaRef, TimeUnit};
use messages::market::Source;
use uuid::Uuid;

use crate::duck::rows;
use crate::duck::sheet::Kind;

const TIME: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);
const P: DataType = DataType::Decimal128(18, 8);
const Q: DataType = DataType::Decimal128(38, 9);

/// The cells of [`crate::duck::stored::Ticks`], in its order.
const TICK: [(&str, DataType); 14] = [
    ("tick_id", DataType::Int64),
    ("timestamp", TIME),
    ("bid_price", P),
    ("ask_price", P),
    ("bid_size", P),
    ("ask_size", P),
    ("last_price", P),
    ("volume", P),
    ("aggressor_side", DataType::Utf8),
    ("sequence_number", DataType::Int64),
    ("conditions", DataType::Utf8),
    ("source", DataType::Utf8),
    ("revision", DataType::Int16),
    ("ingestion_time", TIME),
];

/// The cells of [`crate::duck::stored::Bars`], in its order.
const BAR: [(&str, DataType); 12] = [
    ("bar_id", DataType::Int64),
    ("timestamp", TIME),
    ("open", P),
    ("high", P),
    ("low", P),
    ("close", P),
    ("volume", Q),
    ("notional", Q),
    ("trade_count", DataType::Int64),
    ("revision", DataType::Int16),
    ("is_complete", DataType::Boolean),
    ("timeframe", DataType::Utf8),
];

/// The columns of an order that are fields of its `metadata`.
const METADATA: [&str; 3] = ["origin", "note", "risk"];

/// Columns of four bytes.
const NARROW: [&str; 2] = ["long_positions", "short_positions"];

/// A number that a column of an answer cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{column} = {value}: is too large for the column")]
pub struct TooLarge {
    column: String,
    value: i64,
}

/// Ticks, cell by cell.
///
/// # Errors
/// Never: none of their columns is narrower than what is read.
pub fn ticks(batch: &RecordBatch) -> Result<RecordBatch, TooLarge> {
    let absent = |name: &str| match name {
        "source" => Some(Arc::new(StringArray::from(vec![Source::Import.as_str(); batch.num_rows()])) as ArrayRef),
        "ingestion_time" => batch.column_by_name("timestamp").cloned(),
        _ => number(name, batch.num_rows()),
    };
    cells(batch, &TICK, absent)
}

/// Bars, cell by cell.
///
/// # Errors
/// Never: none of their columns is narrower than what is read.
pub fn bars(batch: &RecordBatch) -> Result<RecordBatch, TooLarge> {
    cells(batch, &BAR, |name| number(name, batch.num_rows()))
}

/// What stands in a column of numbers where there is none.
fn number(name: &str, rows: usize) -> Option<ArrayRef> {
    match name {
        "tick_id" | "bar_id" => Some(Arc::new(Int64Array::from(vec![0; rows]))),
        "revision" => Some(Arc::new(Int16Array::from(vec![0; rows]))),
        _ => None,
    }
}

fn cells(
    batch: &RecordBatch,
    wanted: &[(&str, DataType)],
    absent: impl Fn(&str) -> Option<ArrayRef>,
) -> Result<RecordBatch, TooLarge> {
    let mut columns = Vec::with_capacity(wanted.len());
    for (name, kind) in wanted {
        let column = match batch.column_by_name(name) {
            Some(found) => answered(name, found, kind)?,
            None => absent(name).unwrap_or_else(|| new_null_array(kind, batch.num_rows())),
        };
        columns.push((*name, column, true));
    }
    Ok(RecordBatch::try_from_iter_with_nullable(columns).expect("every column has its rows"))
}

/// The columns of a table of history, as DuckDB answers with them.
#[must_use]
pub fn schema(table: &str) -> SchemaRef {
    let has_metadata = table == "orders";
    let stored = rows::columns(table).iter().filter(|(name, _)| !(has_metadata && METADATA.contains(name)));
    let mut fields: Vec<Field> = stored.map(|(name, kind)| Field::new(*name, kind_of(name, *kind), true)).collect();
    if has_metadata {
        fields.push(Field::new("metadata", DataType::Struct(metadata_fields()), true));
    }
    Arc::new(Schema::new(fields))
}

fn kind_of(name: &str, kind: Kind) -> DataType {
    match kind {
        Kind::Text | Kind::Id => DataType::Utf8,
        Kind::Int if NARROW.contains(&name) => DataType::Int32,
        Kind::Int => DataType::Int64,
        Kind::Small => DataType::Int16,
        Kind::P => P,
        Kind::Q => Q,
        Kind::Time => TIME,
        Kind::Flag => DataType::Boolean,
        Kind::Real => DataType::Float64,
    }
}

/// Rows of a table of history.
///
/// # Errors
/// A count that its column cannot hold.
pub fn table(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, TooLarge> {
    let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
        Some(found) => answered(field.name(), found, field.data_type()),
        None if field.name() == "metadata" => Ok(metadata(batch)),
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
    };
    let columns = schema.fields().iter().map(column).collect::<Result<_, _>>()?;
    Ok(RecordBatch::try_new(schema.clone(), columns).expect("every column is of its type"))
}

fn metadata_fields() -> Fields {
    METADATA.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect()
}

fn metadata(batch: &RecordBatch) -> ArrayRef {
    let field = |name: &&str| {
        batch.column_by_name(name).cloned().unwrap_or_else(|| new_null_array(&DataType::Utf8, batch.num_rows()))
    };
    let columns = METADATA.iter().map(field).collect();
    Arc::new(StructArray::new(metadata_fields(), columns, None))
}

/// A column as DuckDB answers with it.
fn answered(name: &str, column: &ArrayRef, kind: &DataType) -> Result<ArrayRef, TooLarge> {
    Ok(match (column.data_type(), kind) {
        (DataType::Decimal64(..), DataType::Decimal128(precision, scale)) => {
            let wide: Decimal128Array =
                column.as_primitive::<Decimal64Type>().iter().map(|cell| cell.map(i128::from)).collect();
            let wide = wide.with_precision_and_scale(*precision, *scale).expect("of the same precision and scale");
            Arc::new(wide)
        }
        (DataType::FixedSizeBinary(_), DataType::Utf8) => {
            let text = |bytes: &[u8]| Uuid::from_slice(bytes).expect("16 bytes").to_string();
            Arc::new(column.as_fixed_size_binary().iter().map(|id| id.map(text)).collect::<StringArray>())
        }
        (DataType::Int64, DataType::Int32) => {
            let narrow = |value: i64| i32::try_from(value).map_err(|_| TooLarge { column: name.to_owned(), value });
            let cells = column.as_primitive::<Int64Type>().iter().map(|cell| cell.map(narrow).transpose());
            Arc::new(cells.collect::<Result<Int32Array, _>>()?)
        }
        _ => column.clone(),
    })
}
