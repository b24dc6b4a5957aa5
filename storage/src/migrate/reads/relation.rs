//! Where rows of one of our tables stand: there in the table of our own that the sink writes, or in one of theirs, which a
//! mapping reads, both cell by cell, exactly or not at all; or in DuckDB alone.

use arrow::array::RecordBatch;
use messages::caps;

use super::Error;
use crate::duck::rows;
use crate::duck::sheet::Kind;
use crate::migrate::convert::Rule;
use crate::migrate::plan::question::Wanted;
use crate::migrate::plan::{self, Made, Plan};
use crate::migrate::targets::{Target, target};
use crate::postgres::Session;
use crate::postgres::catalog::{TableName, Type};

/// A table.
#[derive(Debug, Clone)]
pub struct Relation {
    /// How its rows are read.
    pub plan: Plan,
    /// Who writes it.
    pub owner: Owner,
}

/// Who wrote a table's rows. Where rows have one time, theirs have the higher numbers of ticks and the lower ones of all else, and
/// of two of their tables the one that the mapping names later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// The runtime before there was a sink: DuckDB alone has them.
    Alone,
    /// The sink.
    Us,
    /// Whoever did before.
    Them,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Read {
    /// Rows that the server gave.
    pub rows: usize,
    /// Those of them that do not fit, and are left out.
    pub left_out: u64,
}

impl Relation {
    /// The table of ours in a schema, as the sink makes it: every column under its name.
    #[must_use]
    pub fn ours(schema: &str, table: &'static str) -> Self {
        let into = target(table).expect("a table that is written twice is a target");
        let from = TableName { schema: schema.to_owned(), table: table.to_owned() };
        let made = rows::columns(table).iter().map(|(column, kind)| as_named(into, column, *kind)).collect();
        Self { plan: Plan::new(from, into, made).expect("it has its time"), owner: Owner::Us }
    }

    /// The table of DuckDB that has rows which the sink never gets.
    #[must_use]
    pub fn alone(schema: &str, table: &'static str) -> Self {
        Self { owner: Owner::Alone, ..Self::ours(schema, table) }
    }

    /// One of theirs.
    #[must_use]
    pub fn theirs(plan: Plan) -> Self {
        Self { plan, owner: Owner::Them }
    }

    /// Reads the rows that are wanted, some thousand at a time.
    ///
    /// # Errors
    /// The server refuses, or `take` does.
    pub fn read(
        &self,
        session: &Session,
        wanted: &Wanted<'_>,
        mut take: impl FnMut(RecordBatch) -> Result<(), Error>,
    ) -> Result<Read, Error> {
        let mut read = Read::default();
        let Some(sql) = self.plan.question(wanted) else { return Ok(read) };
        let mut rows = self.plan.rows();
        session.copy_out("read history", &sql, |row| {
            read.rows += 1;
            match (rows.push(row), self.owner) {
                (Ok(()), _) => {}
                (Err(_), Owner::Them) => read.left_out += 1,
                // What we wrote ourselves fits, or somebody has changed it there.
                (Err(refusal), Owner::Us | Owner::Alone) => return Err(plan::Error::from(refusal).into()),
            }
            if rows.len() == caps::READ_ROWS { take(rows.take()) } else { Ok(()) }
        })?;
        if !rows.is_empty() {
            take(rows.take())?;
        }
        Ok(read)
    }
}

/// A column of ours in a table of ours.
fn as_named(into: &'static Target, column: &'static str, kind: Kind) -> Made {
    let is_required = !matches!(kind, Kind::Text | Kind::Time | Kind::Id | Kind::P | Kind::Q | Kind::Int);
    let rule = Rule {
        table: into.table,
        column,
        kind,
        is_required,
        source: stored_as(kind),
        values: Default::default(),
        unit: None,
    };
    Made::Read { from: column.to_owned(), rule }
}

/// The type that the sink gives a column: what `encode::sql_type` names.
fn stored_as(kind: Kind) -> Type {
    match kind {
        Kind::Text => Type::Text,
        Kind::Int => Type::Int(8),
        Kind::Small => Type::Int(2),
        Kind::P => Type::Numeric(Some(8)),
        Kind::Q => Type::Numeric(Some(9)),
        Kind::Time => Type::Timestamptz,
        Kind::Flag => Type::Bool,
        Kind::Id => Type::Uuid,
        Kind::Real => Type::Double,
    }
}
