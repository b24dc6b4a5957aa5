//! DuckDB and PostgreSQL hold the same rows, byte for byte: DuckDB's are put into the binary form of PostgreSQL and held
//! against what stands there.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, FixedSizeBinaryArray, RecordBatch};
use arrow::datatypes::DataType;
use messages::ledger::Seq;
use uuid::Uuid;

use super::super::follower::Follower;
use super::super::tables::{Table, tables};
use super::{Directory, Rows, follow, let_in, offset, plan, rows_of, rows_there};
use crate::duck::file::catch_up;
use crate::duck::instance::{Instance, Options};
use crate::duck::sheet::Kind;
use crate::postgres::tests::running::running;
use crate::tiers::Published;

/// A column as DuckDB is asked for it: integers as wide as ours.
fn asked(table: &Table, name: &str, kind: Kind) -> String {
    match kind {
        Kind::Int => format!("\"{name}\"::BIGINT"),
        Kind::Text if table.name == "orders" && ["origin", "note", "risk"].contains(&name) => {
            format!("metadata.{name}")
        }
        _ => format!("\"{name}\""),
    }
}

/// Ids are texts where DuckDB gives them.
fn ids_as_bytes(batch: &RecordBatch, table: &Table) -> RecordBatch {
    let column = |((_, kind), column): (&(&str, Kind), &ArrayRef)| -> ArrayRef {
        if *kind != Kind::Id || *column.data_type() != DataType::Utf8 {
            return column.clone();
        }
        let ids = column.as_string::<i32>().iter().map(|id| id.map(|id| id.parse::<Uuid>().unwrap().into_bytes()));
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids, 16).unwrap())
    };
    let columns: Vec<ArrayRef> = table.columns().iter().zip(batch.columns()).map(column).collect();
    let names = table.columns().iter().map(|(name, _)| *name);
    RecordBatch::try_from_iter_with_nullable(names.zip(columns).map(|(name, column)| (name, column, true))).unwrap()
}

fn rows_here(instance: &Instance, table: &Table, condition: &str) -> Rows {
    let db = instance.connect().unwrap();
    let columns: Vec<String> = table.columns().iter().map(|(name, kind)| asked(table, name, *kind)).collect();
    let from = if table.name == "market_ticks" {
        "(FROM disk.ticks_20260102 UNION ALL FROM disk.ticks_20260103)"
    } else {
        table.name
    };
    let sql = format!("SELECT {} FROM {from} WHERE {condition}", columns.join(", "));
    let mut statement = db.prepare(&sql).unwrap();
    let batches: Vec<RecordBatch> =
        statement.query_arrow([]).unwrap().map(|batch| ids_as_bytes(&batch, table)).collect();
    rows_of(&batches)
}

#[test]
fn both_sides_hold_the_same_rows_of_every_table_however_the_records_came() {
    let Some(running) = running() else { return };
    let session = running.database("equal");
    let plan = plan(&running.settings_of("equal", "owner"));
    let mut directory = Directory::new("a");
    let (mut seen, mut follower) = (0, None);
    // Some at once, some one by one, with another connection in the middle.
    for groups in [7, 1, 1, 5, 1] {
        directory.write(groups);
        seen += groups;
        let ends = directory.ends();
        let mut connection: Follower = follower.take().unwrap_or_else(|| let_in(&plan, &directory.journals()).unwrap());
        while connection.step(ends).unwrap().is_some() {}
        assert_eq!(connection.applied(), ends);
        follower = (seen % 2 == 0).then_some(connection);
    }
    drop(follower);
    let instance = Instance::open(&directory.paths().database, &Options::small(), &directory.paths().places).unwrap();
    drop(catch_up(instance.connect().unwrap(), &directory.paths(), Published::default()).unwrap());
    for table in tables() {
        let (here, there) = (rows_here(&instance, table, "true"), rows_there(&session, table, &plan.schema));
        assert!(!here.is_empty(), "{}", table.name);
        assert_eq!(here, there, "{}", table.name);
    }
    let parts = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'merganser.market_ticks'::regclass";
    assert_eq!(session.ask("count", parts, &[]).unwrap()[0].get::<_, i64>(0), 2, "a partition for each day");
}

#[test]
fn it_begins_behind_the_watermark_of_the_market_and_at_the_beginning_of_the_ledger() {
    let Some(running) = running() else { return };
    let session = running.database("watermark");
    let mut directory = Directory::new("a");
    directory.write(3);
    let begun =
        super::super::Plan { watermark: directory.ends().1, ..plan(&running.settings_of("watermark", "owner")) };
    directory.write(2);
    follow(&begun, &directory.journals(), directory.ends()).unwrap();
    // Of the fourth group.
    assert_eq!(offset(&session, "merganser", "market"), (directory.ends().1.0 as i64, Some(4_000)));
    let lowest = "SELECT min(tick_id), count(*) FROM merganser.market_ticks";
    let row = &session.ask("look", lowest, &[]).unwrap()[0];
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (4_000, 40));
    let orders = session.ask("look", "SELECT count(*) FROM merganser.orders", &[]).unwrap();
    assert_eq!(orders[0].get::<_, i64>(0), 5);
    // Begun anew further on, it goes on from where its rows end all the same.
    directory.write(1);
    let later = super::super::Plan { watermark: Seq(1_000_000), ..begun };
    follow(&later, &directory.journals(), directory.ends()).unwrap();
    assert_eq!(offset(&session, "merganser", "market"), (directory.ends().1.0 as i64, Some(4_000)));
}
