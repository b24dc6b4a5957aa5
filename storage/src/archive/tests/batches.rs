//! Files that are written of rows in memory, beside those that DuckDB writes.

use std::path::Path;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use duckdb::Connection;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::archive::batches::Form;
use crate::archive::{Error, export};
use crate::datadir::Paths;
use crate::duck::instance::{Instance, Options};
use crate::migrate::targets::target;
use crate::tiers::places::quoted;
use crate::tiers::tables::{TABLES, Table};

/// More than a group has, and than a dictionary holds.
const MANY: u64 = 130_000;

/// A value of a type: at a limit, or the one of the row `i` of many.
fn value(kind: &str, is_limit: bool) -> String {
    if let Some(fields) = kind.strip_prefix("STRUCT(").and_then(|fields| fields.strip_suffix(')')) {
        let field = |field: &str| {
            let (name, kind) = field.rsplit_once(' ').unwrap();
            format!("{name} := ({})::{kind}", value(kind, is_limit))
        };
        return format!("struct_pack({})", fields.split(", ").map(field).collect::<Vec<_>>().join(", "));
    }
    let (many, limit) = match kind {
        "VARCHAR" => ("'a text with the number ' || i", "'it''s a µ, and longer than twelve bytes'"),
        "BIGINT" => ("(hash(i) // 2)::BIGINT - 4611686018427387904", "-9223372036854775808"),
        // Differences that 32 bits hold: the parquet crate reads no others of DuckDB's.
        "INTEGER" => ("hash(i) % 1000000 + 1000000000", "2147483647"),
        "SMALLINT" => ("i % 65536 - 32768", "-32768"),
        "BOOLEAN" => ("i % 3 = 0", "true"),
        "UUID" => ("md5(i::VARCHAR)", "'01920000-0000-7000-8000-0000000000ff'"),
        "TIMESTAMP" => ("TIMESTAMP '2026-01-01' + to_microseconds(i * 7919)", "'1999-12-31 23:59:59.999999'"),
        "DECIMAL(18,8)" => ("((i - 65000) * 123456)::DECIMAL(18,8) + 0.00000001", "-9999999999.99999999"),
        "DECIMAL(38,9)" => (
            "(md5_number(i::VARCHAR) % 10000000000000000000000000000)::HUGEINT * (i % 2 * 2 - 1)",
            "99999999999999999999999999999.999999999",
        ),
        other => panic!("values of the type {other} are to be added here"),
    };
    if is_limit { limit } else { many }.to_owned()
}

/// Rows of many values; a row of values at their limits; and one of NULL.
fn rows(db: &Connection, table: &Table) -> [String; 3] {
    let sql = format!("SELECT column_name, column_type FROM (DESCRIBE FROM {})", table.template());
    let mut statement = db.prepare(&sql).unwrap();
    let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let columns: Vec<(String, String)> = columns.collect::<Result<_, _>>().unwrap();
    let row = |value: &dyn Fn(&str) -> String| {
        let cells = columns.iter().map(|(name, kind)| format!("({})::{kind} AS \"{name}\"", value(kind)));
        format!("SELECT {}", cells.collect::<Vec<_>>().join(", "))
    };
    let many = format!("{} FROM range({MANY}) r(i)", row(&|kind| value(kind, false)));
    [many, row(&|kind| value(kind, true)), row(&|_| "NULL".to_owned())]
}

fn read(file: &Path) -> (ParquetRecordBatchReaderBuilder<std::fs::File>, Vec<RecordBatch>) {
    let open = || ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file).unwrap()).unwrap();
    let batches = open().build().unwrap().collect::<Result<_, _>>().unwrap();
    (open(), batches)
}

#[test]
fn files_are_those_that_duckdb_writes_of_the_same_rows() {
    let dir = tempfile::tempdir().unwrap();
    let paths = Paths::of(dir.path(), None);
    let options = Options { memory_bytes: 2 << 30, ..Options::small() };
    let instance = Instance::open(&paths.database, &options, &paths.places).unwrap();
    let db = instance.connect().unwrap();
    // Those that rows come over into.
    for table in TABLES.iter().filter(|table| target(table.name).is_some()) {
        let rows = rows(&db, table);
        let folder = paths.places.staging.join(table.name);
        let all = format!("({})", rows.join(" UNION ALL "));
        assert_alike(&db, table, &folder.join("all"), &all, MANY + 2);
        assert_alike(&db, table, &folder.join("null"), &format!("({})", rows[2]), 1);
    }
}

fn assert_alike(db: &Connection, table: &'static Table, folder: &Path, rows: &str, count: u64) {
    let name = table.name;
    let [theirs, ours] = ["theirs", "ours"].map(|name| folder.join(name).join("rows.parquet"));
    export::copy(db, table, rows, &theirs, 3).unwrap();
    let form = Form::of(db, table, folder, 3).unwrap();
    let (written, batches) = read(&theirs);
    form.write(&ours, batches.into_iter()).unwrap();
    assert_eq!(read(&ours).0.parquet_schema(), written.parquet_schema(), "{name}");
    // What the one reader finds in the one is what both find in the other.
    let (expected, found) = (export::look(table, &theirs).unwrap(), form.look(db, &ours).unwrap());
    assert_eq!(found, export::look(table, &ours).unwrap(), "{name}");
    assert_eq!((&found.0, &found.1.schema_hash), (&expected.0, &expected.1.schema_hash), "{name}");
    assert_eq!(found.0.rows, count, "{name}");
    let [theirs, ours] = [&theirs, &ours].map(|file| format!("SELECT * FROM read_parquet({})", quoted(file)));
    let differ: u64 =
        db.query_row(&format!("SELECT count(*) FROM ({theirs} EXCEPT ALL {ours})"), [], |row| row.get(0)).unwrap();
    assert_eq!(differ, 0, "{name}");
    let texts = |sql: &str| {
        let mut statement = db.prepare(sql).unwrap();
        let texts = statement.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
        texts.collect::<Result<Vec<_>, _>>().unwrap()
    };
    let types = |sql: &str| texts(&format!("SELECT column_type FROM (DESCRIBE {sql})"));
    assert_eq!(types(&ours), types(&theirs), "{name}");
    assert_eq!(types(&ours), types(&format!("FROM {}", table.template())), "{name}");
    // Groups are passed over by what the file says of them.
    for extreme in ["min", "max"] {
        let of = |rows: &str| {
            let time = table.time;
            texts(&format!(
                "SELECT concat_ws(' ', \"{time}\", count(*)) FROM ({rows})
                 WHERE \"{time}\" = (SELECT {extreme}(\"{time}\") FROM ({theirs})) GROUP BY \"{time}\""
            ))
        };
        assert_eq!(of(&ours), of(&theirs), "{name}");
    }
}

#[test]
fn a_value_that_its_column_does_not_hold_is_refused_and_not_changed() {
    let dir = tempfile::tempdir().unwrap();
    let paths = Paths::of(dir.path(), None);
    let instance = Instance::open(&paths.database, &Options::small(), &paths.places).unwrap();
    let db = instance.connect().unwrap();
    let table = crate::tiers::table("portfolio_snapshots").unwrap();
    let file = paths.places.staging.join("rows.parquet");
    let [_, limits, nothing] = rows(&db, table);
    export::copy(&db, table, &format!("({limits} UNION ALL {nothing})"), &file, 3).unwrap();
    let batch = read(&file).1.remove(0);
    let at = batch.schema().index_of("long_positions").unwrap();
    let with = |value: i64| {
        let (mut fields, mut columns) = (batch.schema().fields().to_vec(), batch.columns().to_vec());
        fields[at] = std::sync::Arc::new(Field::new("long_positions", DataType::Int64, true));
        columns[at] = std::sync::Arc::new(Int64Array::from(vec![Some(value), None])) as ArrayRef;
        RecordBatch::try_new(std::sync::Arc::new(Schema::new(fields)), columns).unwrap()
    };
    let form = Form::of(&db, table, &paths.places.staging, 3).unwrap();
    form.write(&file, std::iter::once(with(i32::MAX.into()))).unwrap();
    let refused = form.write(&file, std::iter::once(with(i64::from(i32::MAX) + 1)));
    assert!(matches!(refused, Err(Error::Unwritable { .. })), "{refused:?}");
}
