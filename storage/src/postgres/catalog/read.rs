//! The catalog, as the server tells it.

use std::collections::{BTreeMap, BTreeSet};

use messages::UtcNanos;
use tokio_postgres::Row;

use super::super::{Error, Session};
use super::{Catalog, Column, Facts, Form, Hypertable, Table, TableName, Type};

const WHAT: &str = "read the catalog";

/// What is neither the system's, nor TimescaleDB's own, nor part of an extension, nor a part of another table.
const TABLES: &str = "
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text,
        has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'),
        (WITH RECURSIVE part(oid) AS (
            SELECT c.oid UNION ALL SELECT i.inhrelid FROM pg_inherits i JOIN part ON i.inhparent = part.oid)
         SELECT sum(p.reltuples::float8) FILTER (WHERE p.reltuples >= 0 AND p.relkind <> 'p')::bigint
         FROM part JOIN pg_class p USING (oid))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
        AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'timescaledb_information', 'timescaledb_experimental')
        AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT LIKE '\\_timescaledb\\_%'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

/// Who has rows of whom: a parent those of its children, a view those of what it reads. Of the many parts of a table that are
/// not listed only those that a view reads by themselves.
const HELD: &str = "
    WITH RECURSIVE held(whole, part) AS (
        (SELECT r.ev_class, d.refobjid
        FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
        WHERE r.ev_type = '1'
        UNION
        SELECT i.inhparent, i.inhrelid
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT c.relispartition AND n.nspname NOT LIKE '\\_timescaledb\\_%')
        UNION SELECT i.inhparent, i.inhrelid FROM held JOIN pg_inherits i ON i.inhrelid IN (whole, part))
    SELECT wn.nspname::text, w.relname::text, pn.nspname::text, p.relname::text
    FROM held JOIN pg_class w ON w.oid = whole JOIN pg_namespace wn ON wn.oid = w.relnamespace
        JOIN pg_class p ON p.oid = part JOIN pg_namespace pn ON pn.oid = p.relnamespace
    WHERE p.relkind IN ('r', 'p', 'v', 'm', 'f')";

/// The columns of all of them. A domain is sent as the type that it is made of.
const COLUMNS: &str = "
    SELECT a.attrelid, a.attname::text, coalesce(b.oid, t.oid), coalesce(b.typname, t.typname)::text,
        coalesce(b.typtype, t.typtype)::text, CASE WHEN b.oid IS NULL THEN a.atttypmod ELSE t.typtypmod END,
        format_type(a.atttypid, a.atttypmod), a.attcollation <> coalesce(b.typcollation, t.typcollation)
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
    WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum";

const LABELS: &str = "
    SELECT enumtypid, array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum GROUP BY enumtypid";

/// `reset_val` is what a session has that sets nothing: ours has set UTC.
const FACTS: &str = "
    SELECT current_setting('server_version_num')::int4, current_setting('server_version'),
        (SELECT pg_encoding_to_char(encoding)::text FROM pg_database WHERE datname = current_database()),
        (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'),
        (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, pg_is_in_recovery(),
        has_database_privilege(current_database(), 'CREATE'),
        (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')";

const HYPERTABLES: &str = "
    SELECT h.hypertable_schema::text, h.hypertable_name::text, d.column_name::text, count(c.chunk_name),
        count(*) FILTER (WHERE c.is_compressed)
    FROM timescaledb_information.hypertables h
        JOIN timescaledb_information.dimensions d ON d.hypertable_schema = h.hypertable_schema
            AND d.hypertable_name = h.hypertable_name AND d.dimension_number = 1
        LEFT JOIN timescaledb_information.chunks c ON c.hypertable_schema = h.hypertable_schema
            AND c.hypertable_name = h.hypertable_name
    GROUP BY 1, 2, 3";

const AGGREGATES: &str = "SELECT view_schema::text, view_name::text FROM timescaledb_information.continuous_aggregates";

/// Reads what is in the database.
///
/// # Errors
/// The server refuses, or answers in another way than PostgreSQL does.
pub fn read(session: &Session) -> Result<Catalog, Error> {
    session.in_snapshot(WHAT, |session| Reading { session }.catalog())
}

struct Reading<'a> {
    session: &'a Session,
}

impl Reading<'_> {
    fn catalog(&self) -> Result<Catalog, Error> {
        let facts = self.facts()?;
        let mut forms = BTreeMap::new();
        if facts.timescale.is_some() {
            forms = self.timescale_forms()?;
        }
        Ok(Catalog { facts, tables: self.tables(&forms)? })
    }

    fn facts(&self) -> Result<Facts, Error> {
        let rows = self.session.ask(WHAT, FACTS, &[])?;
        let row = rows.first().ok_or_else(|| self.unreadable("no row of facts".to_owned()))?;
        Ok(Facts {
            version: self.get(row, 0)?,
            version_text: self.get(row, 1)?,
            encoding: self.get(row, 2)?,
            time_zone: self.get(row, 3)?,
            now: UtcNanos(self.get::<i64>(row, 4)?.saturating_mul(1_000)),
            is_standby: self.get(row, 5)?,
            may_create: self.get(row, 6)?,
            timescale: self.get(row, 7)?,
        })
    }

    fn timescale_forms(&self) -> Result<BTreeMap<TableName, Form>, Error> {
        let mut forms = BTreeMap::new();
        for row in self.session.ask(WHAT, HYPERTABLES, &[])? {
            let (time_column, chunks) = (self.get(&row, 2)?, self.get(&row, 3)?);
            let form = Form::Hypertable(Hypertable { time_column, chunks, compressed: self.get(&row, 4)? });
            forms.insert(self.name(&row, 0)?, form);
        }
        for row in self.session.ask(WHAT, AGGREGATES, &[])? {
            forms.insert(self.name(&row, 0)?, Form::ContinuousAggregate);
        }
        Ok(forms)
    }

    fn tables(&self, forms: &BTreeMap<TableName, Form>) -> Result<BTreeMap<TableName, Table>, Error> {
        let (mut columns, held) = (self.columns()?, self.held(forms)?);
        let mut tables = BTreeMap::new();
        for row in self.session.ask(WHAT, TABLES, &[])? {
            let (oid, name): (u32, _) = (self.get(&row, 0)?, self.name(&row, 1)?);
            let form = forms.get(&name).cloned().unwrap_or(match self.get::<String>(&row, 3)?.as_str() {
                "p" => Form::Partitioned,
                "v" | "m" => Form::View,
                "f" => Form::Foreign,
                _ => Form::Plain,
            });
            let table = Table {
                form,
                columns: columns.remove(&oid).unwrap_or_default(),
                rows_about: self.get(&row, 5)?,
                may_read: self.get(&row, 4)?,
                holds: all_held(&held, &name),
            };
            tables.insert(name, table);
        }
        Ok(tables)
    }

    fn held(&self, forms: &BTreeMap<TableName, Form>) -> Result<Held, Error> {
        let mut held = Held::new();
        for row in self.session.ask(WHAT, HELD, &[])? {
            let (whole, part) = (self.name(&row, 0)?, self.name(&row, 2)?);
            // What it reads is aggregated: its rows are others.
            if forms.get(&whole) != Some(&Form::ContinuousAggregate) {
                held.entry(whole).or_default().push(part);
            }
        }
        Ok(held)
    }

    fn columns(&self) -> Result<BTreeMap<u32, Vec<Column>>, Error> {
        let mut labels: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for row in self.session.ask(WHAT, LABELS, &[])? {
            labels.insert(self.get(&row, 0)?, self.get(&row, 1)?);
        }
        let mut columns: BTreeMap<u32, Vec<Column>> = BTreeMap::new();
        for row in self.session.ask(WHAT, COLUMNS, &[])? {
            let labels = labels.get(&self.get(&row, 2)?);
            let (name, form): (String, String) = (self.get(&row, 3)?, self.get(&row, 4)?);
            let kind = match labels.filter(|_| form == "e") {
                Some(labels) => Type::Enum(labels.clone()),
                None => match kind(&name, self.get(&row, 5)?, self.get(&row, 6)?) {
                    Type::Text if self.get(&row, 7)? => Type::LooseText,
                    other => other,
                },
            };
            let column = Column { name: self.get(&row, 1)?, kind };
            columns.entry(self.get(&row, 0)?).or_default().push(column);
        }
        Ok(columns)
    }

    fn name(&self, row: &Row, at: usize) -> Result<TableName, Error> {
        Ok(TableName { schema: self.get(row, at)?, table: self.get(row, at + 1)? })
    }

    fn get<'r, T: tokio_postgres::types::FromSql<'r>>(&self, row: &'r Row, at: usize) -> Result<T, Error> {
        row.try_get(at).map_err(|e| self.unreadable(e.to_string()))
    }

    fn unreadable(&self, reason: String) -> Error {
        Error::Unreadable { server: self.session.server().name(), what: WHAT, reason }
    }
}

/// Whose rows a table has, without theirs in turn.
type Held = BTreeMap<TableName, Vec<TableName>>;

/// Whose rows a table has, with theirs in turn.
fn all_held(held: &Held, name: &TableName) -> BTreeSet<TableName> {
    let (mut found, mut next) = (BTreeSet::new(), vec![name]);
    while let Some(whole) = next.pop() {
        for part in held.get(whole).into_iter().flatten().filter(|part| *part != name) {
            if found.insert(part.clone()) {
                next.push(part);
            }
        }
    }
    found
}

/// The modifier of a type without one.
pub(super) const NO_MODIFIER: i32 = -1;

/// A type by its name in the catalog and its modifier.
pub(super) fn kind(name: &str, modifier: i32, shown: String) -> Type {
    match name {
        "bool" => Type::Bool,
        "int2" => Type::Int(2),
        "int4" => Type::Int(4),
        "int8" => Type::Int(8),
        "float4" => Type::Real,
        "float8" => Type::Double,
        "numeric" => Type::Numeric(scale(modifier)),
        "text" | "varchar" | "name" => Type::Text,
        "bpchar" => Type::LooseText,
        "uuid" => Type::Uuid,
        "timestamptz" => Type::Timestamptz,
        "timestamp" => Type::Timestamp,
        "date" => Type::Date,
        "json" => Type::Json,
        "jsonb" => Type::Jsonb,
        _ => Type::Other(shown),
    }
}

/// The declared scale of a `numeric`: the lower eleven bits behind an offset of four, signed since version 15. One below
/// zero rounds to tens and has no decimals.
fn scale(modifier: i32) -> Option<u32> {
    const OFFSET: i32 = 4;
    if modifier < OFFSET {
        return None;
    }
    let low = (modifier - OFFSET) & 0x7FF;
    let signed = (low ^ 1_024) - 1_024;
    Some(u32::try_from(signed).unwrap_or(0))
}
