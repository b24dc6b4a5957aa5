//! One question, in one snapshot of the server: which tables it is put to, and its rows out of them.

use std::cell::RefCell;
use std::ops::Deref;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use messages::{Instrument, UtcNanos};

use super::gather::{First, Gathered, Key, gather, rank};
use super::own::Own;
use super::relation::{Owner, Read, Relation};
use super::{Error, shape};
use crate::duck;
use crate::migrate::plan::question::{Order, Wanted};
use crate::postgres::Session;
use crate::query::{Of, Page, Range};
use crate::tiers;

/// What texts stand in which columns.
pub type Texts = Vec<(&'static str, String)>;

/// A question under way.
pub struct Asking<'a> {
    /// The snapshot.
    pub session: &'a Session,
    /// What DuckDB alone has, where the question is about that time.
    pub own: Option<&'a Own<'a>>,
    /// The tables that hold rows of one of ours; DuckDB's own only where there is `own`.
    pub relations: Vec<&'a Relation>,
    /// Where theirs end and those of the sink begin.
    pub watermark: UtcNanos,
    /// Rows of theirs that do not fit.
    pub left_out: u64,
}

/// The texts of an instrument's rows.
#[must_use]
pub fn of_instrument(instrument: Instrument) -> Texts {
    vec![("exchange", instrument.exchange.as_str().to_owned()), ("symbol", instrument.symbol.as_str().to_owned())]
}

/// The texts of somebody's rows.
#[must_use]
pub fn of_somebody(of: &Of) -> Texts {
    let mut texts = of.instrument.map(of_instrument).unwrap_or_default();
    texts.extend(of.account.map(|account| ("account", account.as_str().to_owned())));
    texts.extend(of.strategy.map(|strategy| ("strategy_id", strategy.as_str().to_owned())));
    texts
}

/// The order in which a page is read.
#[must_use]
pub fn order(page: Page) -> Order {
    match page {
        Page::Oldest(_) => Order::Oldest,
        Page::Newest(_) => Order::Newest,
    }
}

impl Asking<'_> {
    /// The part of a range in which a table counts.
    #[must_use]
    pub fn bounded(&self, relation: &Relation, range: Range) -> Range {
        match relation.owner {
            Owner::Us => range,
            Owner::Alone => Range { to: self.own.map_or(range.from, |own| range.to.min(own.until)), ..range },
            Owner::Them => Range { to: range.to.min(self.watermark), ..range },
        }
    }

    /// Reads the rows that are wanted of one table, as far as it counts.
    ///
    /// # Errors
    /// The server or DuckDB refuses, a row of ours is damaged, or `take` fails.
    pub fn read(
        &self,
        relation: &Relation,
        wanted: &Wanted<'_>,
        take: impl FnMut(RecordBatch) -> Result<(), Error>,
    ) -> Result<Read, Error> {
        let wanted = Wanted { range: self.bounded(relation, wanted.range), ..wanted.clone() };
        match (relation.owner, self.own) {
            (Owner::Alone, Some(own)) => own.read(relation.plan.into.table, &wanted, take),
            (Owner::Alone, None) => Ok(Read::default()),
            _ => relation.read(self.session, &wanted, take),
        }
    }

    /// A page of a table whose rows are told apart by `id`.
    ///
    /// # Errors
    /// The server refuses, or a row is damaged.
    pub fn page(&mut self, name: &str, id: Id, range: Range, texts: &Texts, page: Page) -> Result<Found, Error> {
        let table = tiers::table(name).expect("it moves");
        let schema = shape::schema(name);
        let batches = RefCell::new(Vec::<RecordBatch>::new());
        let mut left_out = 0;
        let first = |limit: usize| {
            batches.borrow_mut().clear();
            left_out = 0;
            let wanted = Wanted { range, texts, is_correction: false, order: order(page), limit: Some(limit) };
            let of_table = |(nth, relation): (usize, &&Relation)| {
                let mut rows = Vec::new();
                let rank = rank(relation.owner, false, nth);
                let read = self.read(relation, &wanted, |batch| {
                    let batch = shape::table(&schema, &batch)?;
                    let mut batches = batches.borrow_mut();
                    let keys = Keys::new(&batch, table.time, &id, rank);
                    for row in 0..batch.num_rows() {
                        rows.push((keys.get(row, rows.len(), page)?, (batches.len(), row)));
                    }
                    batches.push(batch);
                    Ok(())
                })?;
                left_out += read.left_out;
                Ok(First { rows, has_more: read.rows >= limit })
            };
            self.relations.iter().enumerate().map(of_table).collect::<Result<Vec<_>, Error>>()
        };
        let keep = |rows: Vec<(Key, (usize, usize))>| {
            Ok(if name == "orders" { newest_orders(&batches.borrow(), rows) } else { rows })
        };
        let Gathered { rows, is_cut } = gather(page, first, keep)?;
        self.left_out += left_out;
        Ok(Found { batch: picked(&schema, &batches.into_inner(), &rows), schema, is_cut })
    }
}

/// Rows of a table.
pub struct Found {
    /// Its columns.
    pub schema: SchemaRef,
    /// Its rows.
    pub batch: RecordBatch,
    /// That there are more.
    pub is_cut: bool,
}

/// What tells rows of one time apart.
pub enum Id {
    /// A UUID that each row has, whoever wrote it.
    Uuid(&'static str),
    /// A number that only ours have; theirs stand before them.
    Number(&'static str),
}

/// The keys of a batch's rows.
struct Keys<'a> {
    times: &'a arrow::array::TimestampMicrosecondArray,
    id: &'a dyn Array,
    is_uuid: bool,
    rank: u16,
}

impl<'a> Keys<'a> {
    fn new(batch: &'a RecordBatch, time: &str, id: &Id, rank: u16) -> Self {
        let column = |name: &str| batch.column_by_name(name).expect("an answer has all columns of its table").deref();
        let (id, is_uuid) = match id {
            Id::Uuid(name) => (column(name), true),
            Id::Number(name) => (column(name), false),
        };
        // A UUID tells rows apart, whoever wrote them.
        let rank = if is_uuid { 0 } else { rank };
        Self { times: column(time).as_primitive::<TimestampMicrosecondType>(), id, is_uuid, rank }
    }

    fn get(&self, row: usize, n: usize, page: Page) -> Result<Key, duck::Error> {
        let number = match (self.is_uuid, self.id.is_valid(row)) {
            (_, false) => 0,
            (true, _) => {
                let text = self.id.as_string::<i32>().value(row);
                text.parse::<uuid::Uuid>().map(|id| id.as_u128()).expect("a UUID was read as one")
            }
            (false, _) => {
                let number = self.id.as_primitive::<arrow::datatypes::Int64Type>().value(row);
                // As unsigned numbers sort, with the negative ones below.
                (i128::from(number) - i128::from(i64::MIN)) as u128
            }
        };
        Ok(Key { micros: self.times.value(row), rank: self.rank, number, place: Key::place(n, page) })
    }
}

/// Of an order that stands in two tables, the newest row.
fn newest_orders(batches: &[RecordBatch], mut rows: Vec<(Key, (usize, usize))>) -> Vec<(Key, (usize, usize))> {
    let newness = |(batch, row): (usize, usize)| {
        let batch: &RecordBatch = &batches[batch];
        let column = |name: &str| batch.column_by_name(name).expect("an order has all columns");
        let updated = column("updated_at").as_primitive::<TimestampMicrosecondType>().value(row);
        (updated, column("filled_quantity").as_primitive::<arrow::datatypes::Decimal128Type>().value(row))
    };
    let mut newest = std::collections::BTreeMap::new();
    for (key, at) in &rows {
        let known = newest.entry(key.number).or_insert(*at);
        if newness(*at) > newness(*known) {
            *known = *at;
        }
    }
    rows.retain(|(key, at)| newest[&key.number] == *at);
    rows
}

/// Rows of batches, in this order.
#[must_use]
pub fn picked(schema: &SchemaRef, batches: &[RecordBatch], rows: &[(usize, usize)]) -> RecordBatch {
    if rows.is_empty() {
        return RecordBatch::new_empty(schema.clone());
    }
    let all: Vec<&RecordBatch> = batches.iter().collect();
    interleave_record_batch(&all, rows).expect("the batches have one schema")
}
