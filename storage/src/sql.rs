//! SQL from outside: one SELECT, read-only, bounded in rows and time.
//!
//! The text is parsed by DuckDB's own parser without being run; only a single SELECT goes on (also
//! DESCRIBE, SHOW and SUMMARIZE, which are selects), and functions that reach outside the database are
//! refused by name. It then runs inside a READ ONLY transaction, which stops a data-modifying CTE, on
//! an instance whose configuration is locked and whose access to files is off.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use duckdb::Connection;
use serde_json::Value;

use crate::duck::hot::DATABASE;
use crate::pool::{self, Class, Lease, Pool, Reader};

/// What can go wrong with SQL from outside.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not exactly one SELECT.
    #[error("only a single SELECT statement is answered here ({why})")]
    NotASelect {
        /// The parser's words.
        why: String,
    },
    /// A function that reaches outside the database.
    #[error("the function `{name}` is not available here: it reaches outside the database")]
    Forbidden {
        /// Its name.
        name: String,
    },
    /// A table of the hot tier.
    #[error(
        "the hot tier is no part of SQL: ask for the table by its own name, as market_ticks, which holds the same rows"
    )]
    HotTier,
    /// A file named as a table.
    #[error("`{name}` names a file, and files are not read here; `merganser import` brings their data into the tables")]
    File {
        /// Its name.
        name: String,
    },
    /// DuckDB's answer to the question.
    #[error("{0}")]
    Refused(String),
    /// It found no reader, or was interrupted.
    #[error(transparent)]
    Pool(#[from] pool::Error),
    /// More bytes than allowed.
    #[error("the answer is larger than {0} MiB; ask for fewer rows or columns")]
    TooLarge(usize),
    /// More rows than allowed.
    #[error("the answer has more than {0} rows; add a LIMIT or an aggregate")]
    TooManyRows(usize),
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

/// What an answer may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Rows.
    pub rows: usize,
    /// Time.
    pub time: Duration,
}

/// Bytes of an answer in memory, whatever its rows: an answer is for a person or a script, a table is for COPY.
const ANSWER_BYTES: usize = 256 << 20;

/// Functions that read the environment, files, secrets or other databases.
const FORBIDDEN: &[&str] = &[
    "getenv",
    "glob",
    "read_text",
    "read_blob",
    "read_csv",
    "read_csv_auto",
    "sniff_csv",
    "read_json",
    "read_json_auto",
    "read_json_objects",
    "read_json_objects_auto",
    "read_ndjson",
    "read_ndjson_auto",
    "read_ndjson_objects",
    "read_parquet",
    "parquet_scan",
    "parquet_metadata",
    "parquet_schema",
    "parquet_file_metadata",
    "parquet_kv_metadata",
    "parquet_bloom_probe",
    "duckdb_secrets",
    "which_secret",
    "query",
    "query_table",
    "pragma_storage_info",
    "force_checkpoint",
    "checkpoint",
    "json_execute_serialized_sql",
    "from_substrait",
    "load_aws_credentials",
];

/// Answers one question on this thread.
///
/// # Errors
/// [`Error`] says whether the question was refused, failed, or took too long.
pub fn run(pool: &Pool, sql: &str, limits: Limits) -> Result<Answer, Error> {
    let acquire = pool.limits().acquire;
    ask(pool.lease(Class::Sql, pool::Limits { acquire, execute: limits.time })?, sql, limits.rows)
}

/// Answers one question with this reader, in at most so many rows.
///
/// # Errors
/// [`Error`] says whether the question was refused, failed, or took too long.
pub fn ask(lease: Lease, sql: &str, rows: usize) -> Result<Answer, Error> {
    lease.run(|reader| {
        check(reader, sql)?;
        in_read_only_transaction(reader, || reader.execute(sql, &[], |db| fetch(db, sql, rows, reader)))
    })
}

fn fetch(db: &Connection, sql: &str, max_rows: usize, reader: &Reader<'_>) -> Result<Answer, Error> {
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
        if bytes > ANSWER_BYTES {
            return Err(Error::TooLarge(ANSWER_BYTES >> 20));
        }
        batches.push(batch);
    }
    Ok(Answer { schema, batches })
}

fn in_read_only_transaction<T>(db: &Connection, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    db.execute_batch("BEGIN TRANSACTION READ ONLY").map_err(refused)?;
    let result = work();
    // Nothing was written: how the transaction ends makes no difference to the answer.
    let _ = db.execute_batch("ROLLBACK");
    result
}

fn refused(error: duckdb::Error) -> Error {
    Error::Refused(error.to_string())
}

/// Refuses everything but one SELECT without functions that reach outside.
fn check(db: &Connection, sql: &str) -> Result<(), Error> {
    let tree: String = db.query_row("SELECT json_serialize_sql(?)", [sql], |row| row.get(0)).map_err(refused)?;
    let tree: Value = serde_json::from_str(&tree).map_err(|e| Error::NotASelect { why: e.to_string() })?;
    if tree["error"].as_bool() != Some(false) {
        let why = tree["error_message"].as_str().unwrap_or("it does not parse").to_owned();
        return Err(Error::NotASelect { why });
    }
    match tree["statements"].as_array().map_or(0, Vec::len) {
        1 => walk(&tree["statements"]),
        n => Err(Error::NotASelect { why: format!("{n} statements") }),
    }
}

/// Looks for forbidden functions, and for files named as tables, anywhere in the syntax tree.
fn walk(node: &Value) -> Result<(), Error> {
    match node {
        Value::Array(items) => items.iter().try_for_each(walk),
        Value::Object(fields) => {
            if let Some(name) = fields.get("function_name").and_then(Value::as_str)
                && FORBIDDEN.contains(&name.to_ascii_lowercase().as_str())
            {
                return Err(Error::Forbidden { name: name.to_owned() });
            }
            if let Some(name) = fields.get("table_name").and_then(Value::as_str)
                && name.contains(['/', '.', '*', '\\'])
            {
                return Err(Error::File { name: name.to_owned() });
            }
            let path = fields.get("qualified_name").and_then(|name| name["path"].as_array());
            if let Some([Value::String(first), _, ..]) = path.map(Vec::as_slice)
                && first.eq_ignore_ascii_case(DATABASE)
            {
                return Err(Error::HotTier);
            }
            fields.values().try_for_each(walk)
        }
        _ => Ok(()),
    }
}
