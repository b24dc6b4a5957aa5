//! The transaction that drops, and what is written down of it.

use std::collections::BTreeSet;

use super::super::record::{Exported, OfTable};
use super::*;

/// Two partitioned tables, as hypertables are, and tables that each refer to one or the other.
const REFERRING: &str = "
    CREATE TABLE symbols (symbol text PRIMARY KEY);
    CREATE TABLE ticks (time timestamptz PRIMARY KEY, symbol text REFERENCES symbols) PARTITION BY RANGE (time);
    CREATE TABLE ticks_2026 PARTITION OF ticks FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE TABLE remarks (time timestamptz REFERENCES ticks, remark text) PARTITION BY LIST (remark);
    CREATE TABLE remarks_low PARTITION OF remarks FOR VALUES IN ('low');
    INSERT INTO symbols VALUES ('A');
    INSERT INTO ticks VALUES ('2026-01-02', 'A');
    INSERT INTO remarks VALUES ('2026-01-02', 'low')";

fn exported(session: &Session, names: &[&str]) -> Exported {
    let table = |name: &&str| {
        let (name, sql) = (format!("public.{name}"), format!(r#""public"."{name}""#));
        let columns = server::columns(session, &sql).unwrap();
        let fingerprint = server::fingerprint(session, &sql, &columns).unwrap();
        OfTable {
            name,
            sql,
            form: "table".to_owned(),
            is_table: true,
            columns,
            rows: 0,
            fingerprint,
            files: Vec::new(),
        }
    };
    let tables = names.iter().map(table).collect();
    Exported { tables, ..Exported::new(session.server(), UtcNanos(0)) }
}

#[test]
fn what_goes_in_a_statement_of_its_own_goes_whoever_refers_to_it_and_to_whomever_it_refers() {
    let Some(running) = running() else { return };
    let session = running.database("referring");
    session.execute("make tables", REFERRING).unwrap();
    let names = ["remarks", "symbols", "ticks"];
    let all = exported(&session, &names);
    // As if TimescaleDB were there.
    let hypertables = BTreeSet::from(["public.ticks".to_owned()]);
    // One that stays refers to it: none goes, and all that refer to it still do.
    session.execute("refer to it", "CREATE TABLE stays (time timestamptz REFERENCES ticks)").unwrap();
    let depended = dropping::drop_with(&session, &all, &hypertables).unwrap_err();
    assert!(
        matches!(&depended, Error::Depended { reason } if reason.contains("on table stays depends on table ticks")),
        "{depended}"
    );
    let constraints = "pg_constraint WHERE contype = 'f' AND conparentid = 0 AND confrelid = 'ticks'::regclass";
    assert_eq!((count(&session, constraints), count(&session, "remarks")), (2, 1));
    session.execute("drop it", "DROP TABLE stays").unwrap();
    let dropped = dropping::drop_with(&session, &all, &hypertables).unwrap();
    assert_eq!(dropped, names.map(|name| format!("public.{name}")));
    assert_eq!(count(&session, "pg_tables WHERE schemaname = 'public'"), 0);
}

#[test]
fn what_was_dropped_is_written_down_by_the_next_run_where_a_crash_kept_it_from_being() {
    let Some(running) = running() else { return };
    let session = running.database("unwritten");
    session.execute("make tables", TABLES).unwrap();
    let place = Place::new(&running, "unwritten");
    let exported = place.leave(Drop::No, &|_| {}).unwrap().exported;
    // The plug is pulled when the server has just dropped them.
    dropping::drop_all(&server::open(&place.server).unwrap(), &exported).unwrap();
    assert!(!place.folder("dropped.json").exists());
    let report = place.leave(Drop::Yes("unwritten"), &|_| {}).unwrap();
    assert_eq!((report.was_there, report.dropped), (true, DROPPED.map(str::to_owned).to_vec()));
    let written = std::fs::read_to_string(place.folder("dropped.json")).unwrap();
    assert!(DROPPED.iter().all(|name| written.contains(name)), "{written}");
    // It is not written anew, whoever asks.
    assert_eq!(place.leave(Drop::No, &|_| {}).unwrap().dropped.len(), DROPPED.len());
    assert_eq!(std::fs::read_to_string(place.folder("dropped.json")).unwrap(), written);
}
