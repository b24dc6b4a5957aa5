//! What stands there is made: once, in one transaction, and looked at again at every start.
//!
//! A table that is there already is one of ours, column for column, or nothing is written at all: nobody's own table is ever
//! taken for ours because it has its name.

use std::collections::BTreeMap;

use super::hyper::{self, Extension};
use super::offset;
use super::tables::{self, Cut, Table};
use super::{Error, Plan};
use crate::migrate::encode::sql_type;
use crate::postgres::Session;
use crate::postgres::catalog::quoted;

const LOOK: &str = "look at its tables";
const MAKE: &str = "make its tables";

/// A table that is there: what `pg_class` calls it, and its columns with their types.
struct Found {
    kind: String,
    columns: Vec<String>,
}

/// What stands there now.
pub(super) struct Made {
    /// True when ticks need a partition for each day.
    pub(super) by_day: bool,
    /// Tables that were missing, and are empty.
    pub(super) missing: Vec<&'static str>,
}

/// Makes what is missing, in the caller's transaction.
///
/// # Errors
/// The server refuses or is gone, a right is missing, or a table is there that is not ours.
pub(super) fn make(session: &Session, plan: &Plan) -> Result<Made, Error> {
    make_schema(session, &plan.schema)?;
    let found = look(session, &plan.schema)?;
    let offsets = offset::TABLES.iter().map(|table| (table.name, table.columns()));
    for (name, columns) in tables::tables().iter().map(|table| (table.name, columns(table))).chain(offsets) {
        if let Some(there) = found.get(name) {
            confirm(session, (name, &columns), there, &plan.schema)?;
        }
    }
    let extension = Extension::find(session)?;
    let mut missing = Vec::new();
    for table in tables::tables().iter().filter(|table| !found.contains_key(table.name)) {
        create(session, table, plan, extension.as_ref())?;
        missing.push(table.name);
    }
    for table in offset::TABLES.iter().filter(|table| !found.contains_key(table.name)) {
        session.execute(MAKE, &table.create(&plan.schema))?;
    }
    if let Some(extension) = &extension {
        let cut = tables::tables().iter().filter(|table| table.cut != Cut::Not);
        let lives: Vec<_> = cut.map(|table| (table, hyper::life(plan.tiers.limits(table.name)))).collect();
        extension.retain(session, &plan.schema, &lives)?;
    }
    let by_day = found.get("market_ticks").map(|there| there.kind == "p");
    Ok(Made { by_day: by_day.unwrap_or(extension.is_none()), missing })
}

fn make_schema(session: &Session, schema: &str) -> Result<(), Error> {
    // IF NOT EXISTS asks for the right to make one even where it is there.
    let there = session.ask(LOOK, "SELECT 1 FROM pg_namespace WHERE nspname = $1", &[&schema])?;
    if there.is_empty() {
        session.execute("make its schema", &format!("CREATE SCHEMA {}", quoted(schema)))?;
    }
    Ok(())
}

fn look(session: &Session, schema: &str) -> Result<BTreeMap<String, Found>, Error> {
    let select = "
        SELECT c.relname::text, c.relkind::text,
            array_agg(a.attname::text || ' ' || format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') GROUP BY 1, 2";
    let rows = session.ask(LOOK, select, &[&schema])?;
    Ok(rows.iter().map(|row| (row.get(0), Found { kind: row.get(1), columns: row.get(2) })).collect())
}

/// The columns of a table as we make it.
fn columns(table: &Table) -> Vec<String> {
    table.columns().iter().map(|(name, kind)| format!("{name} {}", shown(sql_type(*kind)))).collect()
}

/// Whether a table that is there is as we make it. Columns behind ours are its owner's.
fn confirm(session: &Session, (name, expected): (&str, &[String]), there: &Found, schema: &str) -> Result<(), Error> {
    let mut pairs = expected.iter().zip(there.columns.iter().map(Some).chain(std::iter::repeat(None)));
    let mut difference = pairs.find(|(expected, found)| Some(*expected) != *found).map(|(expected, found)| {
        format!("its column {} should be {expected}", found.map_or("that is not there", String::as_str))
    });
    if !matches!(there.kind.as_str(), "r" | "p") {
        difference = Some("it is a view, or stands on another server".to_owned());
    }
    let Some(difference) = difference else { return Ok(()) };
    Err(Error::NotOurs { server: session.server().name(), table: format!("{schema}.{name}"), difference })
}

/// A type as PostgreSQL shows it.
fn shown(sql_type: &str) -> String {
    sql_type.replace(", ", ",").replace("timestamptz", "timestamp with time zone")
}

fn create(session: &Session, table: &Table, plan: &Plan, extension: Option<&Extension>) -> Result<(), Error> {
    let by_day = matches!(table.cut, Cut::Hypertable { by_day: true, .. });
    session.execute(MAKE, &table.create(&plan.schema, by_day && extension.is_none()))?;
    match extension {
        Some(extension) => extension.create(session, table, &plan.schema),
        None => Ok(()),
    }
}
