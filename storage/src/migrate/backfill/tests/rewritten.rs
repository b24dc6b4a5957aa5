//! Their table, or a part of it, is written anew while rows of it are read.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::postgres::tests::rewriting::{commit_when_awaited, same_rows};
use crate::postgres::tests::running::running;

/// Brings their trades over, with one connection. The table is written anew as often as `rewrite` is asked for, by the number of
/// the time: once while it is looked at, unless that is left out, and once when the first slice has come.
fn bring(way: &mut Way, table: &str, while_looked_at: bool, rewrite: impl Fn(u32) -> String + Send) -> Summary {
    way.limits.connections = 1;
    let ((go, goes), (began, begun)) = (flume::unbounded::<()>(), flume::unbounded::<()>());
    let server = way.server.clone();
    std::thread::scope(|threads| {
        threads.spawn(move || {
            let session = Session::open(&server).unwrap();
            for n in 0.. {
                if goes.recv().is_err() {
                    return;
                }
                session.execute("write the table anew", &format!("BEGIN; {}", rewrite(n))).unwrap();
                began.send(()).unwrap();
                commit_when_awaited(&session, table);
            }
        });
        // Whatever ends this ends the other.
        let (go, begun) = (go, begun);
        let begin = || {
            go.send(()).unwrap();
            begun.recv().unwrap();
        };
        let is_first = AtomicBool::new(true);
        let did = |_: &Writer, did: &Did| {
            if matches!(did, Did::Published(_)) && is_first.swap(false, Ordering::SeqCst) {
                begin();
            }
        };
        if while_looked_at {
            begin();
        }
        way.bring(&missing(), &did).unwrap()
    })
}

#[test]
fn a_table_that_is_written_anew_meanwhile_is_not_taken_for_an_empty_one() {
    let Some(running) = running() else { return };
    let session = running.database("rewritten");
    session.execute("make their tables", &trades()).unwrap();
    let mut way = Way::new(&running, "rewritten", plans(&session, MAPPING));
    let alter = |n| format!("ALTER TABLE raw_trades ALTER qty TYPE numeric(20, {})", 8 + n);
    let summary = bring(&mut way, "raw_trades", true, alter);
    assert_eq!((summary.rows, summary.slices_done, summary.slices_empty), (4_320, 3, 0));
    way.assert_sound();
}

#[test]
fn a_partition_that_is_written_anew_meanwhile_is_not_taken_for_an_empty_one() {
    let Some(running) = running() else { return };
    let session = running.database("rewritten_part");
    let partitioned = "CREATE TABLE whole (LIKE raw_trades) PARTITION BY RANGE (time);
        CREATE TABLE second_day PARTITION OF whole FOR VALUES FROM ('2026-01-03 00:00:00+00') TO ('2026-01-04 00:00:00+00');
        CREATE TABLE others PARTITION OF whole DEFAULT;
        INSERT INTO whole SELECT * FROM raw_trades; DROP TABLE raw_trades; ALTER TABLE whole RENAME TO raw_trades";
    session.execute("make their tables", &trades()).unwrap();
    session.execute("part them", partitioned).unwrap();
    let mut way = Way::new(&running, "rewritten_part", plans(&session, MAPPING));
    // The newest day, the third, comes first: while this one is read next, it is written anew.
    let summary = bring(&mut way, "second_day", false, |_| same_rows("second_day"));
    assert_eq!((summary.rows, summary.refused, summary.slices_done, summary.slices_empty), (4_320, 0, 3, 0));
    way.assert_sound();
}
