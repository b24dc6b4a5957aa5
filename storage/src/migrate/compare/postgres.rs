//! PostgreSQL's side: the rows that the sink wrote, by COPY BINARY, in the session's snapshot.

use super::Error;
use super::decode::Rows;
use super::shape::Shape;
use super::side::{Part, Side, Take};
use crate::postgres::catalog::quoted;
use crate::postgres::{FIRST, LAST, Session, instant};
use messages::caps;

/// The rows of a table of ours there.
pub struct Sunk<'a> {
    session: &'a Session,
    shape: &'a Shape,
    sql: String,
    conditions: Vec<String>,
}

impl<'a> Sunk<'a> {
    /// Those of a table in `schema`, as far as `conditions` hold.
    #[must_use]
    pub fn new(session: &'a Session, schema: &str, shape: &'a Shape, conditions: &[String]) -> Self {
        let columns: Vec<String> = shape.names().map(quoted).collect();
        let sql = format!("SELECT {} FROM {}.{}", columns.join(", "), quoted(schema), quoted(shape.table.name));
        Self { session, shape, sql, conditions: conditions.to_vec() }
    }
}

impl Side for Sunk<'_> {
    fn each(&mut self, part: &Part<'_>, take: &mut Take<'_>) -> Result<(), Error> {
        let time = quoted(self.shape.table.time);
        let mut conditions = self.conditions.clone();
        conditions.extend((part.from > FIRST).then(|| format!("{time} >= {}", instant(part.from))));
        conditions.extend((part.to < LAST).then(|| format!("{time} < {}", instant(part.to))));
        conditions.extend(part.symbol.map(|symbol| format!("symbol = '{}'", symbol.replace('\'', "''"))));
        let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        let mut rows = Rows::new(self.shape);
        self.session.copy_out("compare rows", &format!("{}{filter}", self.sql), |row| -> Result<(), Error> {
            rows.push(row)?;
            if rows.len() == caps::TRIAL_ROWS {
                take(&rows.take())?;
            }
            Ok(())
        })?;
        take(&rows.take())
    }
}
