//! Their table is written anew while rows of it are read.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::postgres::tests::running::{running, until};

/// Writes the table anew, and ends that when somebody waits for it.
fn rewrite(session: &Session, decimals: u32, began: &flume::Sender<()>) {
    let sql = format!("BEGIN; ALTER TABLE raw_trades ALTER qty TYPE numeric(20, {decimals})");
    session.execute("write the table anew", &sql).unwrap();
    began.send(()).unwrap();
    let waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'raw_trades'::regclass AND NOT granted";
    let waiting = || session.ask("look at locks", waiting, &[]).unwrap()[0].get::<_, i64>(0);
    until("somebody waits for the table", || waiting() > 0);
    session.execute("end it", "COMMIT").unwrap();
}

#[test]
fn a_table_that_is_written_anew_meanwhile_is_not_taken_for_an_empty_one() {
    let Some(running) = running() else { return };
    let session = running.database("rewritten");
    session.execute("make their tables", &trades()).unwrap();
    let mut way = Way::new(&running, "rewritten", plans(&session, MAPPING));
    way.limits.connections = 1;
    let ((go, goes), (began, begun)) = (flume::unbounded::<()>(), flume::unbounded::<()>());
    let server = way.server.clone();
    std::thread::scope(|threads| {
        threads.spawn(move || {
            let session = Session::open(&server).unwrap();
            for decimals in 8.. {
                if goes.recv().is_err() {
                    return;
                }
                rewrite(&session, decimals, &began);
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
        // Once while it is looked at, and once while a slice is to be read.
        begin();
        let summary = way.bring(&missing(), &did).unwrap();
        assert_eq!((summary.rows, summary.slices_done, summary.slices_empty), (4_320, 3, 0));
    });
    way.assert_sound();
}
