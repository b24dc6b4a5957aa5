//! What is asked of the server: which tables there are to export, their columns, and what all rows of one are together.

use std::collections::BTreeSet;

use tokio_postgres::Row;

use super::columns::{Column, Kept};
use super::fingerprint::question;
use super::record::{Exported, OfTable};
use super::{Drop, Error};
use crate::migrate::sink;
use crate::postgres::catalog::{self, Form, TableName};
use crate::postgres::{self, Server, Session};

/// Texts are the same whoever's settings the session would have, and no statement of the server's own settings ends a long read.
const SET_UP: &str =
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET DateStyle = 'ISO, YMD';
    SET IntervalStyle = 'postgres'; SET extra_float_digits = 3; SET bytea_output = 'hex'";

/// A domain is sent as the type that it is made of.
const COLUMNS: &str = "
    SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), coalesce(b.typname, t.typname)::text, a.attnotnull
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/// Connects as an export needs it.
///
/// # Errors
/// The server refuses, or is not there.
pub fn open(server: &Server) -> Result<Session, Error> {
    let session = Session::open(server)?;
    session.execute("set up the session", SET_UP)?;
    Ok(session)
}

/// A table that is there.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its name.
    pub name: TableName,
    /// What it is.
    pub form: Form,
}

impl Found {
    /// True for a table, which can be dropped.
    #[must_use]
    pub fn is_table(&self) -> bool {
        matches!(self.form, Form::Plain | Form::Partitioned | Form::Hypertable(_))
    }
}

/// What is there of what is to be exported.
pub struct Tables {
    /// What is there.
    pub there: Vec<Found>,
    /// What the mapping names and is not there.
    pub missing: Vec<String>,
    /// All that there is in the database, whoever's it is.
    all: BTreeSet<String>,
}

impl Tables {
    /// Looks for the tables that are mapped, and for those that the sink made. What else is in its schema is left alone.
    ///
    /// # Errors
    /// One may not be read; the server refuses, or is gone.
    pub fn find(session: &Session, mapped: &[TableName], schema: &str) -> Result<Self, Error> {
        let catalog = catalog::read(session)?;
        let missing =
            mapped.iter().filter(|name| !catalog.tables.contains_key(name)).map(ToString::to_string).collect();
        let all = catalog.tables.keys().map(ToString::to_string).collect();
        let mut there = Vec::new();
        for (name, table) in catalog.tables {
            let is_ours = name.schema == schema && sink::is_ours(&name.table);
            if !is_ours && !mapped.contains(&name) {
                continue;
            }
            if !table.may_read {
                return Err(Error::Denied { table: name.to_string() });
            }
            if table.columns.is_empty() {
                return Err(Error::NoColumns { table: name.to_string() });
            }
            there.push(Found { name, form: table.form });
        }
        Ok(Self { there, missing, all })
    }

    /// True for what was exported, is no table, and is gone since: nothing of it is ever dropped, the store holds what it
    /// showed when it was exported, and where it depended on a table it had to go first.
    fn is_let_go(&self, exported: &OfTable) -> bool {
        !exported.is_table && !self.all.contains(&exported.name)
    }

    /// What the mapping names and is not there, but for what this export lets go.
    #[must_use]
    pub fn missing_beside(&self, exported: Option<&Exported>) -> Vec<&str> {
        let let_go = |name: &str| {
            let is_it = |table: &OfTable| table.name == name && self.is_let_go(table);
            exported.is_some_and(|exported| exported.tables.iter().any(is_it))
        };
        self.missing.iter().map(String::as_str).filter(|name| !let_go(name)).collect()
    }

    /// Why an export is not what stands there: the mapping names other tables that stand there, or they have changed.
    #[must_use]
    pub fn other_than(&self, exported: &Exported, mapped: &[TableName]) -> Error {
        let is_held = |name: &str| exported.tables.iter().any(|table| table.name == name);
        let is_meant = |name: &str| self.there.iter().any(|found| found.name.to_string() == name);
        let names: BTreeSet<String> = mapped.iter().map(ToString::to_string).collect();
        let new = names.iter().filter(|name| !is_held(name)).map(|name| format!("{name} is new"));
        let left = exported.tables.iter().filter(|table| self.all.contains(&table.name) && !is_meant(&table.name));
        let left = left.map(|table| format!("{} is named no more", table.name));
        let (since, tables) = (exported.at.clone(), new.chain(left).collect::<Vec<_>>().join(", "));
        if tables.is_empty() { Error::Changed { since } } else { Error::MappedOtherwise { since, tables } }
    }

    /// That an export was dropped: every table of it is gone, and nothing has come that it does not hold.
    #[must_use]
    pub fn are_left_by(&self, exported: &Exported) -> bool {
        let is_held = |name: &str| exported.tables.iter().any(|table| table.name == name);
        exported.droppable().next().is_some()
            && exported.droppable().all(|table| !self.all.contains(&table.name))
            && self.missing.iter().all(|name| is_held(name))
            && self.there.iter().all(|found| is_held(&found.name.to_string()))
    }
}

/// The columns of a table.
///
/// # Errors
/// The server refuses, or is gone.
pub fn columns(session: &Session, table: &str) -> Result<Vec<Column>, Error> {
    let what = "read the columns of a table";
    let rows = session.ask(what, COLUMNS, &[&table])?;
    let unreadable = |e: tokio_postgres::Error| {
        Error::Postgres(postgres::Error::Unreadable { server: session.server().name(), what, reason: e.to_string() })
    };
    let column = |row: &Row| {
        let type_name: String = row.try_get(2)?;
        Ok(Column {
            name: row.try_get(0)?,
            kind: row.try_get(1)?,
            is_required: row.try_get(3)?,
            kept_as: Kept::of(&type_name),
        })
    };
    rows.iter().map(|row| column(row).map_err(unreadable)).collect()
}

/// What all rows of a table are together, as the server says it: how many, and the sum of the hashes of their texts.
///
/// # Errors
/// The server refuses, or is gone.
pub fn fingerprint(session: &Session, table: &str, columns: &[Column]) -> Result<String, Error> {
    let what = "add up the rows of a table";
    let found = session.ask(what, &question(table, columns), &[])?;
    found.first().and_then(|found| found.try_get(0).ok()).ok_or_else(|| {
        let reason = "no row of an aggregate".to_owned();
        postgres::Error::Unreadable { server: session.server().name(), what, reason }.into()
    })
}

/// That what was exported is still what stands there: the same tables, with the same columns and rows, but for what was no table
/// and is gone. The rows of what is to be dropped are left to `dropping`, which has to look at them under its lock.
///
/// # Errors
/// The server refuses, or is gone.
pub fn is_unchanged(session: &Session, exported: &Exported, tables: &Tables, drop: Drop<'_>) -> Result<bool, Error> {
    let held: Vec<&OfTable> = exported.tables.iter().filter(|table| !tables.is_let_go(table)).collect();
    let known: Vec<&str> = held.iter().map(|table| table.name.as_str()).collect();
    let there: Vec<String> = tables.there.iter().map(|found| found.name.to_string()).collect();
    if known != there {
        return Ok(false);
    }
    for table in held {
        let columns = columns(session, &table.sql)?;
        if columns != table.columns {
            return Ok(false);
        }
        let is_looked_at_later = drop != Drop::No && table.is_table;
        if !is_looked_at_later && fingerprint(session, &table.sql, &columns)? != table.fingerprint {
            return Ok(false);
        }
    }
    Ok(true)
}
