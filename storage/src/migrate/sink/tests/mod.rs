//! Against a real PostgreSQL: the same rows on both sides, whatever breaks off.

mod cut;
pub mod directory;
mod equal;
mod gone;
mod held;
pub mod records;
mod refused;
mod restarts;
mod rowless;
mod settings;
mod timescale;
mod wire;

use std::collections::BTreeMap;

use super::follower::Follower;
use super::held::Ask;
use super::tables::{Table, tables};
use super::{Error, Journals, Plan, Position, SinkHandle};
use crate::migrate::encode;
use crate::postgres::catalog::quoted;
use crate::postgres::tests::running::until;
use crate::postgres::{self, Server, Session, copy};
use crate::settings::{Age, Limits, Tiers, Timescale};
use arrow::array::RecordBatch;
use directory::Directory;

/// Rows in the binary form of PostgreSQL, each as one, sorted.
type Rows = Vec<Vec<u8>>;

pub fn tiers() -> Tiers {
    let limits = Limits::of_tests(7, 90, Age::Forever);
    Tiers::of_tests(limits.clone(), limits)
}

fn plan(settings: &Timescale) -> Plan {
    Plan {
        settings: settings.clone(),
        schema: settings.schema.clone(),
        tiers: tiers(),
        watermark: messages::ledger::Seq(0),
    }
}

/// A follower of the server that a plan names.
fn open(plan: &Plan, journals: &Journals) -> Result<Follower, Error> {
    Follower::open(&Server::new(&plan.settings)?, plan, journals)
}

/// The same, once the server has found out that the one before has let go.
fn let_in(plan: &Plan, journals: &Journals) -> Result<Follower, Error> {
    let mut opened = open(plan, journals);
    until("it is let in", || {
        let is_occupied = matches!(opened, Err(Error::Occupied { .. }));
        if is_occupied {
            opened = open(plan, journals);
        }
        !is_occupied
    });
    opened
}

/// Follows up to a position and lets go.
pub(crate) fn follow(plan: &Plan, journals: &Journals, upto: Position) -> Result<(), Error> {
    let mut follower = let_in(plan, journals)?;
    while follower.step(upto)?.is_some() {}
    Ok(())
}

/// Lets its thread end while its place thinks that it runs, as one that panics does.
pub(crate) fn end_by_itself(handle: &SinkHandle) {
    handle.asks.send(Ask::End).unwrap();
}

fn cells(row: copy::Row<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for at in 0..row.len() {
        let cell = row.cell(at);
        bytes.extend_from_slice(&cell.map_or(-1, |cell| cell.len() as i32).to_be_bytes());
        bytes.extend_from_slice(cell.unwrap_or_default());
    }
    bytes
}

/// The rows of a table there.
fn rows_there(session: &Session, table: &Table, schema: &str) -> Rows {
    let columns: Vec<String> = table.columns().iter().map(|(name, _)| quoted(name)).collect();
    let select = format!("SELECT {} FROM {}", columns.join(", "), table.in_schema(schema));
    let mut rows = Rows::new();
    let take = |row: copy::Row<'_>| {
        rows.push(cells(row));
        Ok::<_, postgres::Error>(())
    };
    session.copy_out("copy rows", &select, take).unwrap();
    rows.sort();
    rows
}

/// The rows of all tables there.
fn all_there(session: &Session, schema: &str) -> BTreeMap<&'static str, Rows> {
    tables().iter().map(|table| (table.name, rows_there(session, table, schema))).collect()
}

/// Rows of ours as they would stand there.
fn rows_of(batches: &[RecordBatch]) -> Rows {
    let mut rows = Rows::new();
    for batch in batches {
        let mut writer = copy::Writer::new(batch.num_columns());
        encode::rows(batch, &mut writer);
        let mut stream = copy::Rows::default();
        stream.push(&writer.finish());
        while let Some(row) = stream.next_row().unwrap() {
            rows.push(cells(row));
        }
    }
    rows.sort();
    rows
}

/// What `sink_offset` says of a log.
fn offset(session: &Session, schema: &str, log: &str) -> (i64, Option<i64>) {
    let select = format!("SELECT seq, first_id FROM {schema}.sink_offset WHERE log = '{log}'");
    let rows = session.ask("look", &select, &[]).unwrap();
    (rows[0].get(0), rows[0].get(1))
}
