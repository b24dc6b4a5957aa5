//! Against a real TimescaleDB, as the tests of `migrate` find one: it drops a hypertable with nothing else beside it.

use super::super::record::{Exported, OfTable};
use super::super::{dropping, server};
use crate::migrate::tests::timescale;
use crate::postgres::Session;

const THEIRS: &str = "
    CREATE EXTENSION IF NOT EXISTS timescaledb;
    CREATE SCHEMA leave;
    CREATE TABLE leave.symbols (symbol text PRIMARY KEY);
    CREATE TABLE leave.notes (symbol text REFERENCES leave.symbols, note text);
    CREATE TABLE leave.ticks (time timestamptz PRIMARY KEY, symbol text REFERENCES leave.symbols, price numeric);
    CREATE TABLE leave.bars (time timestamptz NOT NULL, symbol text, high numeric);
    SELECT create_hypertable('leave.ticks', by_range('time', INTERVAL '1 day'));
    SELECT create_hypertable('leave.bars', by_range('time', INTERVAL '1 day'));
    CREATE TABLE leave.remarks (time timestamptz REFERENCES leave.ticks, remark text);
    INSERT INTO leave.symbols VALUES ('A');
    INSERT INTO leave.notes VALUES ('A', 'x');
    INSERT INTO leave.ticks SELECT '2026-01-02 00:00:00+00'::timestamptz + i * INTERVAL '1 hour', 'A', i FROM generate_series(0, 71) i;
    INSERT INTO leave.remarks VALUES ('2026-01-02 05:00:00+00', 'low')";

const TABLES: [&str; 5] = ["bars", "notes", "remarks", "symbols", "ticks"];

fn table(session: &Session, name: &str) -> OfTable {
    let sql = format!(r#""leave"."{name}""#);
    let columns = server::columns(session, &sql).unwrap();
    let fingerprint = server::fingerprint(session, &sql, &columns).unwrap();
    let (name, form) = (format!("leave.{name}"), "table".to_owned());
    OfTable { name, sql, form, is_table: true, columns, rows: 0, fingerprint, files: Vec::new() }
}

#[test]
fn hypertables_go_one_by_one_and_all_tables_or_none() {
    let Some(there) = timescale::server() else { return };
    let session = server::open(&there).unwrap();
    session.execute("clear", "DROP SCHEMA IF EXISTS leave CASCADE").unwrap();
    for statement in THEIRS.split_inclusive(';') {
        session.execute("make their tables", statement).unwrap();
    }
    let tables = TABLES.map(|name| table(&session, name)).to_vec();
    let exported =
        Exported { format: 1, server: there.name(), database: "postgres".to_owned(), at: String::new(), tables };
    let count = || {
        let sql = "SELECT count(*) FROM pg_class WHERE relnamespace = 'leave'::regnamespace AND relkind = 'r'";
        session.ask("count", sql, &[]).unwrap()[0].get::<_, i64>(0)
    };
    session.execute("change a row", "UPDATE leave.notes SET note = 'y'").unwrap();
    dropping::drop_all(&session, &exported).unwrap_err();
    assert_eq!(count(), 5);
    session.execute("change it back", "UPDATE leave.notes SET note = 'x'").unwrap();
    let dropped = dropping::drop_all(&session, &exported).unwrap();
    assert_eq!(dropped, TABLES.map(|name| format!("leave.{name}")));
    assert_eq!(count(), 0);
    session.execute("clear", "DROP SCHEMA leave").unwrap();
}
