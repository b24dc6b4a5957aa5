//! Positions as they stood at an instant: the newest row of each, then without those that were flat. The other way round,
//! closed positions come back to life.
//!
//! All rows up to the instant are read and only the newest of each position is held, so that one that does not fit gives
//! place to the one before it. A row of ours is newer than any of theirs; of theirs the later one, and of one instant the one
//! that would be brought over last.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef, TimestampMicrosecondType};
use messages::UtcNanos;

use super::asking::{Asking, Found, of_somebody, picked};
use super::relation::Owner;
use super::{Error, shape};
use crate::migrate::plan::question::{Order, Wanted};
use crate::query::{Of, Range};

/// What a position is known by.
const KEY: [&str; 4] = ["account", "exchange", "symbol", "strategy_id"];

impl Asking<'_> {
    /// The positions of somebody at an instant.
    ///
    /// # Errors
    /// The server refuses, or a row is damaged.
    pub fn positions(&mut self, at: UtcNanos, of: &Of) -> Result<Found, Error> {
        let schema = shape::schema("positions");
        // Rows have microseconds, and those of the instant's own count.
        let to = UtcNanos(at.micros().saturating_add(1).saturating_mul(1_000));
        let (texts, mut newest, mut left_out) = (of_somebody(of), Newest::of(&schema), 0);
        let wanted = Wanted {
            range: Range { from: Range::ALL.from, to },
            texts: &texts,
            is_correction: false,
            order: Order::Any,
            limit: None,
        };
        for relation in &self.relations {
            // Theirs in the order in which they are numbered when they are brought over; ours have numbers.
            let order = if relation.owner == Owner::Them { Order::Oldest } else { Order::Any };
            let wanted = Wanted { order, ..wanted.clone() };
            let read = self.read(relation, &wanted, |batch| {
                newest.add(shape::table(&schema, &batch)?, relation.owner);
                Ok(())
            })?;
            left_out += read.left_out;
        }
        self.left_out += left_out;
        let batch = newest.held();
        Ok(Found { schema, batch, is_cut: false })
    }
}

/// Which of two rows of a position is newer: who wrote it, its time or number, and which came last.
type Rank = (bool, i64, u64);

/// The newest row of each position so far.
struct Newest {
    schema: SchemaRef,
    /// By what a position is known by: its rank, and where its row stands in `rows`.
    of: BTreeMap<[String; 4], (Rank, usize)>,
    rows: RecordBatch,
    seen: u64,
}

impl Newest {
    fn of(schema: &SchemaRef) -> Self {
        Self { schema: schema.clone(), of: BTreeMap::new(), rows: RecordBatch::new_empty(schema.clone()), seen: 0 }
    }

    fn add(&mut self, batch: RecordBatch, owner: Owner) {
        let texts = KEY.map(|name| column(&batch, name).as_string::<i32>());
        let times = column(&batch, "snapshot_time").as_primitive::<TimestampMicrosecondType>();
        let ids = column(&batch, "position_id").as_primitive::<Int64Type>();
        let mut replaced = BTreeMap::new();
        for row in 0..batch.num_rows() {
            self.seen += 1;
            let rank = match owner {
                Owner::Us | Owner::Alone => (true, ids.value(row), self.seen),
                Owner::Them => (false, times.value(row), self.seen),
            };
            let key = texts.map(|texts| texts.value(row).to_owned());
            let known = replaced.get(&key).map(|(rank, _)| rank).or_else(|| self.of.get(&key).map(|(rank, _)| rank));
            if known.is_none_or(|known| *known < rank) {
                replaced.insert(key, (rank, row));
            }
        }
        let is_there = std::mem::take(&mut self.of).into_iter().map(|(key, (rank, row))| (key, (rank, (0, row))));
        let mut all: BTreeMap<_, _> = is_there.collect();
        all.extend(replaced.into_iter().map(|(key, (rank, row))| (key, (rank, (1, row)))));
        let places: Vec<(usize, usize)> = all.values().map(|(_, place)| *place).collect();
        let before = std::mem::replace(&mut self.rows, RecordBatch::new_empty(self.schema.clone()));
        self.rows = picked(&self.schema, &[before, batch], &places);
        self.of = all.into_iter().enumerate().map(|(row, (key, (rank, _)))| (key, (rank, row))).collect();
    }

    /// Those that are not flat, by what they are known by.
    fn held(self) -> RecordBatch {
        let sides = column(&self.rows, "side").as_string::<i32>();
        let rows: Vec<(usize, usize)> =
            self.of.values().filter(|(_, row)| sides.value(*row) != "flat").map(|(_, row)| (0, *row)).collect();
        picked(&self.schema, std::slice::from_ref(&self.rows), &rows)
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> &'a arrow::array::ArrayRef {
    batch.column_by_name(name).expect("an answer has all columns of its table")
}
