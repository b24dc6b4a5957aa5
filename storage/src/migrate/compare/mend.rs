//! Rows of ours in PostgreSQL are put right: what has their keys goes, and the right ones come, in one transaction, while the sink
//! waits.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;

use super::live::Level;
use super::rows::Key;
use super::shape::Shape;
use super::slice::DAY;
use super::{Error, live};
use crate::migrate::encode::{self, sql_type};
use crate::migrate::sink;
use crate::postgres::catalog::quoted;
use crate::postgres::{Session, copy};

const WHAT: &str = "put rows right";

/// Rows that are sent in one piece: about a megabyte of ticks.
const PIECE: usize = 8_192;

/// Replaces the rows of these keys.
///
/// # Errors
/// The server refuses or is gone: then nothing has changed. [`Error::Apart`]: somebody else has moved the offset.
pub(super) fn write(
    level: &Level<'_>,
    schema: &str,
    shape: &Shape,
    keys: &BTreeSet<&Key>,
    rows: &[RecordBatch],
) -> Result<(), Error> {
    let session = level.session;
    session.execute(WHAT, "BEGIN")?;
    let written = replace(session, schema, shape, keys, rows).and_then(|()| {
        let (there, _) = live::offset(session, schema)?;
        let (server, here) = (session.server().name(), level.snapshot.at);
        if there == here { Ok(()) } else { Err(Error::Apart { server, there, here }) }
    });
    if written.is_err() {
        // What failed has ended the transaction already, or the server is gone.
        let _ = session.execute(WHAT, "ROLLBACK");
        return written;
    }
    Ok(session.execute(WHAT, "COMMIT")?)
}

fn replace(
    session: &Session,
    schema: &str,
    shape: &Shape,
    keys: &BTreeSet<&Key>,
    rows: &[RecordBatch],
) -> Result<(), Error> {
    let table = format!("{}.{}", quoted(schema), quoted(shape.table.name));
    let kind = |name: &str| shape.columns.iter().find(|(column, _)| *column == name).map(|(_, kind)| sql_type(*kind));
    let names: Vec<&str> = shape.key_names().collect();
    let columns: Vec<String> = (0..names.len()).map(|at| format!("k{at} text")).collect();
    session.execute(WHAT, &format!("CREATE TEMPORARY TABLE mend_keys ({}) ON COMMIT DROP", columns.join(", ")))?;
    copy_keys(session, names.len(), keys)?;
    let same = |(at, name): (usize, &&str)| format!("t.{} = k.k{at}::{}", quoted(name), kind(name).unwrap_or("text"));
    let all: Vec<String> = names.iter().enumerate().map(same).collect();
    session.execute(WHAT, &format!("DELETE FROM {table} t USING mend_keys k WHERE {}", all.join(" AND ")))?;
    if shape.table.name == "market_ticks" {
        let days: BTreeSet<i64> =
            rows.iter().flat_map(|batch| shape.marks(batch).map(|(time, _)| time.div_euclid(DAY))).collect();
        sink::make_days(session, schema, days)?;
    }
    let columns: Vec<String> = shape.names().map(quoted).collect();
    let into = format!("{table} ({})", columns.join(", "));
    let mut copy_in = session.copy_in(WHAT, &into)?;
    let mut writer = copy::Writer::new(columns.len());
    for batch in rows {
        for from in (0..batch.num_rows()).step_by(PIECE) {
            encode::rows(&batch.slice(from, PIECE.min(batch.num_rows() - from)), &mut writer);
            copy_in.send(writer.take())?;
        }
    }
    copy_in.send(writer.finish())?;
    copy_in.finish()?;
    Ok(())
}

fn copy_keys(session: &Session, cells: usize, keys: &BTreeSet<&Key>) -> Result<(), Error> {
    let mut copy_in = session.copy_in(WHAT, "mend_keys")?;
    let mut writer = copy::Writer::new(cells);
    for key in keys {
        writer.begin_row();
        for cell in *key {
            match cell {
                Some(text) => writer.cell(|bytes| bytes.extend_from_slice(text.as_bytes())),
                None => writer.null(),
            }
        }
        if writer.len() > 1 << 20 {
            copy_in.send(writer.take())?;
        }
    }
    copy_in.send(writer.finish())?;
    copy_in.finish()?;
    Ok(())
}
