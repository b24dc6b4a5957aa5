//! The one transaction that removes anything on the server: it locks every table that was exported, looks whether each is
//! still what it was then, and drops all of them or none.

use std::collections::BTreeSet;

use super::Error;
use super::record::{Exported, OfTable};
use super::server::{columns, fingerprint};
use crate::postgres::catalog::{self, Form};
use crate::postgres::{self, Session};

const WHAT: &str = "drop the tables that were exported";

/// The foreign keys of some tables that refer to one. That of a partition goes with that of its parent.
const REFERENCES: &str = "
    SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint
    WHERE contype = 'f' AND conparentid = 0 AND confrelid = to_regclass($1)
        AND conrelid = ANY (SELECT to_regclass(name) FROM unnest($2::text[]) name)";

/// Drops every table of an export. Returns their names.
///
/// # Errors
/// One has changed, somebody uses it for longer than half a minute, or something else depends on it: then all are as they were.
pub fn drop_all(session: &Session, exported: &Exported) -> Result<Vec<String>, Error> {
    drop_with(session, exported, &hypertables(session)?)
}

/// As [`drop_all`], where these are TimescaleDB's.
pub(super) fn drop_with(
    session: &Session,
    exported: &Exported,
    hypertables: &BTreeSet<String>,
) -> Result<Vec<String>, Error> {
    let tables: Vec<&OfTable> = exported.droppable().collect();
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    session.execute(WHAT, "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
    let done = lock_and_drop(session, &tables, hypertables);
    if done.is_err() {
        // What is broken off must not leave the session inside a transaction.
        let _ = session.execute(WHAT, "ROLLBACK");
    }
    done?;
    Ok(tables.iter().map(|table| table.name.clone()).collect())
}

fn lock_and_drop(session: &Session, tables: &[&OfTable], hypertables: &BTreeSet<String>) -> Result<(), Error> {
    let list = list(tables.iter().copied());
    session.execute(WHAT, "SET LOCAL lock_timeout = '30s'")?;
    session.execute(WHAT, &format!("LOCK TABLE {list} IN ACCESS EXCLUSIVE MODE"))?;
    for table in tables {
        let columns = columns(session, &table.sql)?;
        let found = fingerprint(session, &table.sql, &columns)?;
        if found != table.fingerprint || columns != table.columns {
            let (name, expected) = (table.name.clone(), table.fingerprint.clone());
            return Err(Error::ChangedTable { table: name, expected, found });
        }
    }
    drop_locked(session, tables, hypertables).map_err(|error| match error {
        postgres::Error::Refused { code, reason, .. } if code == postgres::DEPENDED => Error::Depended { reason },
        other => other.into(),
    })?;
    Ok(session.execute(WHAT, "COMMIT")?)
}

/// TimescaleDB drops a hypertable only in a statement of its own; the others go in one, for they may refer to each other. A
/// hypertable may refer to one of the others and so goes first, once none of the tables refers to it.
fn drop_locked(session: &Session, tables: &[&OfTable], hypertables: &BTreeSet<String>) -> Result<(), postgres::Error> {
    let (hyper, plain): (Vec<_>, Vec<_>) = tables.iter().copied().partition(|table| hypertables.contains(&table.name));
    let names: Vec<&str> = tables.iter().map(|table| table.sql.as_str()).collect();
    for table in hyper {
        for row in session.ask(WHAT, REFERENCES, &[&table.sql, &names])? {
            let (from, constraint): (&str, &str) = (row.get(0), row.get(1));
            session.execute(WHAT, &format!("ALTER TABLE {from} DROP CONSTRAINT {constraint}"))?;
        }
        session.execute(WHAT, &format!("DROP TABLE {}", table.sql))?;
    }
    if plain.is_empty() { Ok(()) } else { session.execute(WHAT, &format!("DROP TABLE {}", list(plain))) }
}

/// The tables that are TimescaleDB's now, whatever they were when they were exported.
fn hypertables(session: &Session) -> Result<BTreeSet<String>, Error> {
    let tables = catalog::read(session)?.tables.into_iter();
    Ok(tables
        .filter(|(_, table)| matches!(table.form, Form::Hypertable(_)))
        .map(|(name, _)| name.to_string())
        .collect())
}

fn list<'a>(tables: impl IntoIterator<Item = &'a OfTable>) -> String {
    tables.into_iter().map(|table| table.sql.as_str()).collect::<Vec<_>>().join(", ")
}
