//! A reader: a connection for the time of one question, and what is to be said about the question after it.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::time::Duration;

use duckdb::types::{ToSqlOutput, Value};
use duckdb::{Connection, ToSql, params_from_iter};

use super::now;

/// A connection for the time of one question.
pub struct Reader<'a> {
    db: &'a Connection,
    rows: Cell<u64>,
    slowest: RefCell<Option<Statement>>,
}

/// A statement that was executed, with the values that it was executed with.
struct Statement {
    took: Duration,
    sql: String,
    key: Vec<Value>,
}

impl<'a> Reader<'a> {
    /// Reads over this connection.
    #[must_use]
    pub fn new(db: &'a Connection) -> Self {
        Self { db, rows: Cell::new(0), slowest: RefCell::new(None) }
    }

    /// Executes a statement. The slowest one of a question is shown with its plan where the question was slow.
    pub fn execute<T>(&self, sql: &str, key: &[&dyn ToSql], work: impl FnOnce(&Connection) -> T) -> T {
        let began = now();
        let result = work(self.db);
        let took = began.elapsed();
        let mut slowest = self.slowest.borrow_mut();
        if slowest.as_ref().is_none_or(|known| known.took < took) {
            *slowest = Some(Statement { took, sql: sql.to_owned(), key: key.iter().filter_map(value).collect() });
        }
        result
    }

    /// So many more rows were read.
    pub fn add_rows(&self, rows: usize) {
        self.rows.set(self.rows.get() + rows as u64);
    }

    /// Rows that were read.
    pub(super) fn rows(&self) -> u64 {
        self.rows.get()
    }

    /// The text of the slowest statement.
    pub(super) fn slowest_sql(&self) -> Option<String> {
        self.slowest.borrow().as_ref().map(|statement| statement.sql.clone())
    }

    /// How DuckDB goes about the slowest statement; `None` where it does not say.
    pub(super) fn slowest_plan(&self) -> Option<String> {
        let slowest = self.slowest.borrow();
        let statement = slowest.as_ref()?;
        let mut explain = self.db.prepare(&format!("EXPLAIN {}", statement.sql)).ok()?;
        let plans = explain.query_map(params_from_iter(&statement.key), |row| row.get::<_, String>(1)).ok()?;
        Some(plans.filter_map(Result::ok).collect::<Vec<_>>().join("\n"))
    }
}

impl Deref for Reader<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.db
    }
}

fn value(given: &&dyn ToSql) -> Option<Value> {
    match given.to_sql().ok()? {
        ToSqlOutput::Borrowed(value) => Some(value.to_owned()),
        ToSqlOutput::Owned(value) => Some(value),
        _ => None,
    }
}
