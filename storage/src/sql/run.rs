//! How a question from outside is run: looked at, then read-only, then no longer than it may and no larger.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use messages::caps;

use super::{Error, Limits, guard, refused};
use crate::pool::{self, Class, Lease, Pool, Reader};
use crate::query::Stores;
use crate::sql_tiers::{self, Scope};

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

/// Answers one question on this thread.
///
/// # Errors
/// [`Error`] says whether the question was refused, failed, or took too long.
pub fn run(pool: &Pool, stores: &Stores, sql: &str, scope: Scope, limits: Limits) -> Result<Answer, Error> {
    let acquire = pool.limits().acquire;
    ask(pool.lease(Class::Sql, pool::Limits { acquire, execute: limits.time })?, stores, sql, scope, limits.rows)
}

/// Answers one question with this reader, in at most so many rows.
///
/// # Errors
/// [`Error`] says whether the question was refused, failed, or took too long.
pub fn ask(lease: Lease, stores: &Stores, sql: &str, scope: Scope, rows: usize) -> Result<Answer, Error> {
    lease.run(|reader| answer(reader, stores, sql, scope, rows))
}

/// Answers one question over a reader, in at most so many rows, for who has one already.
///
/// # Errors
/// [`Error`] says whether the question was refused or failed.
pub fn answer(reader: &Reader<'_>, stores: &Stores, sql: &str, scope: Scope, rows: usize) -> Result<Answer, Error> {
    let named = guard::check(reader, sql)?;
    in_read_only_transaction(reader, || {
        // Files that are cold are fetched, and stay, until all is read.
        let prepared = sql_tiers::prepare(reader, stores, &named, scope)?;
        prepared.make(reader)?;
        fetch(reader, sql, rows)
    })
}

fn fetch(reader: &Reader<'_>, sql: &str, max_rows: usize) -> Result<Answer, Error> {
    reader.execute(sql, &[], |db| {
        let mut statement = db.prepare(sql).map_err(refused)?;
        let mut stream = statement.stream_arrow([]).map_err(refused)?;
        let schema = stream.get_schema();
        let mut batches = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        for batch in &mut stream {
            let batch = batch.map_err(refused)?;
            rows += batch.num_rows();
            reader.add_rows(batch.num_rows());
            if rows > max_rows {
                return Err(Error::TooManyRows(max_rows));
            }
            bytes += batch.get_array_memory_size();
            if bytes > caps::ANSWER_BYTES {
                return Err(Error::TooLarge(caps::ANSWER_BYTES >> 20));
            }
            batches.push(batch);
        }
        Ok(Answer { schema, batches })
    })
}

/// Stops what the guard may have overlooked: a part that writes.
fn in_read_only_transaction<T>(reader: &Reader<'_>, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    reader.execute_batch("BEGIN TRANSACTION READ ONLY").map_err(refused)?;
    let result = work();
    // Nothing was written: how the transaction ends makes no difference to the answer.
    let _ = reader.execute_batch("ROLLBACK");
    result
}
