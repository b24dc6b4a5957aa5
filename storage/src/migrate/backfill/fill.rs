//! Rows as they come out of a plan become whole rows of a table: in the order of its columns, with the ids and whatever else
//! is ours to give, NULL where nobody gives anything.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int16Array, Int64Array, RecordBatch, StringArray, StructArray, new_null_array};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use messages::market::Source;

use super::super::plan::Plan;
use super::super::targets::Target;
use crate::duck::sheet::{Kind, field};
use crate::tiers::Table;

/// How a column is made.
#[derive(Debug)]
enum Given {
    /// It is the column of the plan at this place.
    Read(usize),
    /// The number of the row.
    Id,
    /// What says that it was brought over.
    Import,
    /// The first revision.
    First,
    /// Nobody gives it.
    Nothing,
    /// The fields of `metadata`, each as a column.
    Fields(Vec<Given>),
}

/// Makes whole rows.
#[derive(Debug)]
pub struct Filler {
    schema: SchemaRef,
    given: Vec<Given>,
}

impl Filler {
    /// For the rows of a plan in a table with these columns.
    pub fn new(plan: &Plan, table: &Table, columns: &[String]) -> Self {
        let made = plan.columns();
        let filling = Filling { made: &made, target: plan.into, table };
        let (fields, given): (Vec<Field>, Vec<Given>) =
            columns.iter().map(|quoted| filling.column(quoted.trim_matches('"'))).unzip();
        Self { schema: Arc::new(Schema::new(fields)), given }
    }

    /// Whole rows of rows, with their ids where they are ours to give.
    ///
    /// # Panics
    /// When there is not an id for each row: a mistake in the program.
    pub fn fill(&self, read: &RecordBatch, ids: Option<Vec<i64>>) -> RecordBatch {
        let rows = read.num_rows();
        let ids: Option<ArrayRef> = ids.map(|ids| Arc::new(Int64Array::from(ids)) as ArrayRef);
        let columns = self.given.iter().zip(self.schema.fields());
        let columns = columns.map(|(given, field)| array(given, field, (read, ids.as_ref()), rows)).collect();
        RecordBatch::try_new(self.schema.clone(), columns).expect("a column of each kind for each row")
    }
}

fn array(given: &Given, field: &Field, from: (&RecordBatch, Option<&ArrayRef>), rows: usize) -> ArrayRef {
    match given {
        Given::Read(at) => from.0.column(*at).clone(),
        Given::Id => from.1.expect("ids for a table that has them").clone(),
        Given::Import => Arc::new(StringArray::from(vec![Source::Import.as_str(); rows])),
        Given::First => Arc::new(Int16Array::from(vec![0; rows])),
        Given::Nothing => new_null_array(field.data_type(), rows),
        Given::Fields(given) => {
            let DataType::Struct(fields) = field.data_type() else { unreachable!("only a struct has fields") };
            let arrays = given.iter().zip(fields).map(|(given, field)| array(given, field, from, rows)).collect();
            Arc::new(StructArray::new(fields.clone(), arrays, None))
        }
    }
}

struct Filling<'a> {
    made: &'a [&'static str],
    target: &'static Target,
    table: &'a Table,
}

impl Filling<'_> {
    fn column(&self, name: &str) -> (Field, Given) {
        if name == "metadata" {
            let (fields, given): (Vec<Field>, Vec<Given>) =
                ["origin", "note", "risk"].map(|n| self.column(n)).into_iter().unzip();
            return (Field::new(name, DataType::Struct(Fields::from(fields)), true), Given::Fields(given));
        }
        (field(name, self.kind(name)), self.given(name))
    }

    fn given(&self, name: &str) -> Given {
        let place = |name: &str| self.made.iter().position(|made| *made == name).map(Given::Read);
        match name {
            _ if Some(name) == self.table.id => Given::Id,
            "source" => place(name).unwrap_or(Given::Import),
            "revision" => place(name).unwrap_or(Given::First),
            // When it came here first is not known; that it was not before its own time is.
            "ingestion_time" => place(name).or_else(|| place(self.table.time)).unwrap_or(Given::Nothing),
            _ => place(name).unwrap_or(Given::Nothing),
        }
    }

    /// What a column holds, those among them that are ours to give.
    fn kind(&self, name: &str) -> Kind {
        match name {
            _ if Some(name) == self.table.id => Kind::Int,
            "as_of" => Kind::Int,
            "origin" | "risk" => Kind::Text,
            // Ticks have an id of what caused them, which nothing writes.
            _ => self.target.columns().find(|(column, _)| *column == name).map_or(Kind::Id, |(_, kind)| kind),
        }
    }
}
