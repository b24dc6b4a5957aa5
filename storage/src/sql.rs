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
use crate::query::Stores;
use crate::sql_tiers::{self, Named, Scope};

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
    /// The tiers that it reaches.
    #[error(transparent)]
    Tiers(#[from] sql_tiers::Error),
    /// DuckDB's answer to the question.
    #[error("{0}")]
    Refused(String),
    /// It took too long.
    #[error("the query was interrupted after {}; narrow it or raise --timeout", seconds(*.0))]
    TimedOut(Duration),
    /// More bytes than allowed.
    #[error("the answer is larger than {0} MiB; ask for fewer rows or columns")]
    TooLarge(usize),
    /// More rows than allowed.
    #[error("the answer has more than {0} rows; add a LIMIT or an aggregate")]
    TooManyRows(usize),
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f32())
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

/// Answers one question over what is local.
///
/// # Errors
/// [`Error`] says whether the question was refused, failed, or took too long.
pub fn run(db: &Connection, sql: &str, limits: Limits) -> Result<Answer, Error> {
    check(db, sql)?;
    in_read_only_transaction(db, || in_time(db, sql, limits))
}

/// Answers one question over as much of the tiers as its scope says. The time that it may take begins when cold files
/// are there.
///
/// # Errors
/// As [`run`]; and when a part of the answer is cold and no range is given.
pub fn run_over(db: &Connection, stores: &Stores, sql: &str, scope: Scope, limits: Limits) -> Result<Answer, Error> {
    let named = check(db, sql)?;
    in_read_only_transaction(db, || {
        let prepared = sql_tiers::prepare(db, stores, &named, scope)?;
        prepared.make(db)?;
        in_time(db, sql, limits)
    })
}

fn in_time(db: &Connection, sql: &str, limits: Limits) -> Result<Answer, Error> {
    let watchdog = Watchdog::start(db, limits.time);
    match fetch(db, sql, limits.rows) {
        Err(Error::Refused(_)) if watchdog.has_fired() => Err(Error::TimedOut(limits.time)),
        other => other,
    }
}

fn fetch(db: &Connection, sql: &str, max_rows: usize) -> Result<Answer, Error> {
    let mut statement = db.prepare(sql).map_err(refused)?;
    let mut stream = statement.stream_arrow([]).map_err(refused)?;
    let schema = stream.get_schema();
    let mut batches = Vec::new();
    let (mut rows, mut bytes) = (0, 0);
    for batch in &mut stream {
        let batch = batch.map_err(refused)?;
        rows += batch.num_rows();
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

/// Refuses everything but one SELECT without functions that reach outside. Returns the tables that it names.
fn check(db: &Connection, sql: &str) -> Result<Named, Error> {
    let tree: String = db.query_row("SELECT json_serialize_sql(?)", [sql], |row| row.get(0)).map_err(refused)?;
    let tree: Value = serde_json::from_str(&tree).map_err(|e| Error::NotASelect { why: e.to_string() })?;
    if tree["error"].as_bool() != Some(false) {
        let why = tree["error_message"].as_str().unwrap_or("it does not parse").to_owned();
        return Err(Error::NotASelect { why });
    }
    match tree["statements"].as_array().map_or(0, Vec::len) {
        1 => {
            let mut named = Named::default();
            walk(&tree["statements"], &mut named)?;
            Ok(named)
        }
        n => Err(Error::NotASelect { why: format!("{n} statements") }),
    }
}

/// Looks for forbidden functions, and for files named as tables, anywhere in the syntax tree.
fn walk(node: &Value, named: &mut Named) -> Result<(), Error> {
    match node {
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, named)),
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
            if fields.get("type").and_then(Value::as_str) == Some("BASE_TABLE") {
                let path: Vec<&str> = path.into_iter().flatten().filter_map(Value::as_str).collect();
                named.add(&path);
            }
            fields.values().try_for_each(|field| walk(field, named))
        }
        _ => Ok(()),
    }
}

/// Interrupts a query that takes too long.
struct Watchdog {
    done: flume::Sender<()>,
    thread: Option<std::thread::JoinHandle<bool>>,
}

impl Watchdog {
    #[expect(
        clippy::disallowed_methods,
        reason = "a query's time limit is real time; DuckDB is interrupted from another thread"
    )]
    fn start(db: &Connection, limit: Duration) -> Self {
        let handle = db.interrupt_handle();
        let (done, rx) = flume::bounded::<()>(1);
        let thread = std::thread::spawn(move || {
            let timed_out = rx.recv_timeout(limit) == Err(flume::RecvTimeoutError::Timeout);
            if timed_out {
                handle.interrupt();
            }
            timed_out
        });
        Self { done, thread: Some(thread) }
    }

    fn has_fired(mut self) -> bool {
        let _ = self.done.try_send(());
        self.thread.take().and_then(|t| t.join().ok()).unwrap_or(false)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let _ = self.done.try_send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
