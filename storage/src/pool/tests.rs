use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::duck::instance::{Instance, Options as DuckOptions};

const SECOND: Duration = Duration::from_secs(1);
const PATIENT: Limits = Limits { acquire: Duration::from_secs(60), execute: Duration::from_secs(60) };
const BOMB: &str = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t";

fn instance(dir: &tempfile::TempDir, readers: usize, executing: usize) -> Instance {
    let mut options = DuckOptions::small();
    (options.pool.readers, options.pool.executing) = (readers, executing);
    Instance::open(&dir.path().join("trading.duckdb"), &options, &crate::tiers::Places::of(dir.path())).unwrap()
}

#[derive(Debug)]
enum Why {
    Pool(Error),
    Duck(#[expect(dead_code, reason = "shown where a test fails")] duckdb::Error),
}

impl From<Error> for Why {
    fn from(error: Error) -> Self {
        Self::Pool(error)
    }
}

fn number(reader: &Reader<'_>, sql: &str) -> Result<i64, Why> {
    reader.query_row(sql, [], |row| row.get(0)).map_err(Why::Duck)
}

#[test]
fn many_ask_at_once_and_no_more_are_executed_than_may_be() {
    let dir = tempfile::tempdir().unwrap();
    let instance = instance(&dir, 5, 2);
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|threads| {
        for n in 0..40 {
            let (pool, now, most) = (instance.pool(), &now, &most);
            threads.spawn(move || {
                let answer = pool.run(Class::Internal, PATIENT, |reader| {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let answer = number(reader, &format!("SELECT sum(i) + {n} - sum(i) FROM range(100000) t(i)"));
                    now.fetch_sub(1, Ordering::SeqCst);
                    answer
                });
                assert_eq!(answer.unwrap(), n);
            });
        }
    });
    assert!((1..=2).contains(&most.into_inner()));
    let stats = instance.pool().stats();
    assert_eq!((stats.in_use, stats.executing, stats.waiting, stats.begun), (0, 0, 0, 40));
    assert_eq!((stats.classes.len(), stats.classes[0].ended, stats.classes[0].failed), (1, 40, 0));
    assert!(stats.wait_seconds.is_some() && stats.classes[0].seconds.is_some());
}

#[test]
fn readers_go_to_who_waits_longest() {
    let line = Line::new(vec!['a']);
    let held = line.stand(9).unwrap().wait(SECOND).unwrap();
    let [first, second, third] = [(); 3].map(|()| line.stand(9).unwrap());
    assert!(line.stand(3).is_none(), "three wait already");
    drop(second);
    line.give(held);
    let late = line.stand(9).unwrap();
    // It was handed to the first before the late one came; if the first leaves, the third is next.
    drop(first);
    assert_eq!(late.wait(Duration::ZERO), Err(Nothing::InTime));
    assert_eq!(third.wait(SECOND), Ok('a'));
    line.close();
    assert_eq!(line.stand(9).unwrap().wait(SECOND), Err(Nothing::Ever));
    line.give('a');
    assert_eq!(line.free(), 0, "a closed line keeps nothing");
}

#[test]
fn tasks_wait_without_threads_and_may_stop_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let instance = instance(&dir, 1, 1);
    let pool = instance.pool();
    let threads = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    threads.block_on(async {
        let held = pool.lease(Class::Internal, PATIENT).unwrap();
        let short = Limits { acquire: Duration::from_millis(50), ..PATIENT };
        let busy = pool.lease_async(Class::Sql, short).await.err().unwrap();
        assert!(matches!(busy, Error::Busy { waiting: 0, setting: "duckdb.readers", .. }), "{busy}");
        let given_up = tokio::time::timeout(Duration::from_millis(50), pool.lease_async(Class::Sql, PATIENT)).await;
        assert!(given_up.is_err() && pool.stats().waiting == 0);
        let waits = tokio::spawn({
            let pool = pool.clone();
            async move { pool.lease_async(Class::Sql, PATIENT).await.is_ok() }
        });
        tokio::task::yield_now().await;
        assert_eq!(pool.stats().waiting, 1);
        drop(held);
        assert!(waits.await.unwrap());
    });
    assert_eq!((pool.stats().in_use, pool.stats().busy), (0, 1));
}

#[test]
fn what_runs_too_long_is_interrupted_and_its_reader_is_clean_again() {
    let dir = tempfile::tempdir().unwrap();
    let instance = instance(&dir, 1, 1);
    let pool = instance.pool();
    let quick = Limits { execute: Duration::from_millis(200), ..PATIENT };
    for _ in 0..3 {
        let late = pool.run(Class::Sql, quick, |reader| {
            reader.execute_batch("BEGIN; CREATE TEMP TABLE left_over (i INT)").map_err(Why::Duck)?;
            number(reader, BOMB)
        });
        assert!(matches!(late, Err(Why::Pool(Error::TimedOut { .. }))), "{late:?}");
    }
    let failed = pool.run(Class::Sql, PATIENT, |reader| {
        reader.execute_batch("BEGIN").map_err(Why::Duck)?;
        number(reader, "SELECT nothing")
    });
    assert!(matches!(failed, Err(Why::Duck(_))));
    let panics = || {
        pool.run(Class::Sql, PATIENT, |reader| -> Result<(), Why> {
            reader.execute_batch("BEGIN").map_err(Why::Duck)?;
            panic!("in the middle of a question")
        })
    };
    assert!(std::thread::scope(|threads| threads.spawn(panics).join().is_err()));
    let begins = pool.run(Class::Sql, PATIENT, |reader| {
        reader.execute_batch("BEGIN; COMMIT").map_err(Why::Duck)?;
        number(reader, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'left_over'")
    });
    assert_eq!(begins.unwrap(), 0);
    let stats = pool.stats();
    let sql = &stats.classes[0];
    assert_eq!((sql.ended, sql.timed_out, sql.failed, stats.in_use, stats.has_failed), (5, 3, 1, 0, false));
}

#[test]
fn sql_from_outside_leaves_a_turn_and_readers_to_others() {
    let dir = tempfile::tempdir().unwrap();
    let instance = instance(&dir, 2, 2);
    let pool = instance.pool();
    let long = pool.lease(Class::Sql, PATIENT).unwrap();
    let ender = long.ender();
    std::thread::scope(|threads| {
        let bomb = threads.spawn(|| long.run(|reader| number(reader, BOMB)));
        let short = Limits { acquire: Duration::from_millis(50), ..PATIENT };
        let second = pool.lease(Class::Sql, short).err().unwrap();
        assert!(matches!(second, Error::Busy { setting: "duckdb.executing", .. }), "{second}");
        assert_eq!(pool.run(Class::Bars, short, |reader| number(reader, "SELECT 1")).unwrap(), 1);
        // Who asked has gone: the question ends long before its time.
        drop(ender);
        let ended = bomb.join().unwrap();
        assert!(matches!(ended, Err(Why::Pool(Error::Gone))), "{ended:?}");
    });
    let gone = pool.lease(Class::Sql, PATIENT).unwrap();
    drop(gone.ender());
    assert!(matches!(gone.run(|reader| number(reader, BOMB)), Err(Why::Pool(Error::Gone))));
    assert_eq!(pool.run(Class::Sql, PATIENT, |reader| number(reader, "SELECT 1")).unwrap(), 1);
}

#[test]
fn a_reader_has_its_bound_of_memory_and_others_do_not_feel_it() {
    let dir = tempfile::tempdir().unwrap();
    let instance = instance(&dir, 2, 2);
    let limit = "SELECT count(*) FROM duckdb_settings() WHERE name = 'operator_memory_limit' AND value = '64.0 MiB'";
    assert_eq!(instance.pool().run(Class::Internal, PATIENT, |reader| number(reader, limit)).unwrap(), 1);
    let unbound: i64 = instance.connect().unwrap().query_row(limit, [], |row| row.get(0)).unwrap();
    assert_eq!(unbound, 0);
}

#[test]
fn who_changes_what_readers_see_waits_for_those_who_saw_it_before() {
    let dir = tempfile::tempdir().unwrap();
    let instance = instance(&dir, 2, 2);
    let pool = instance.pool();
    assert_eq!(pool.wait_until_readers_before_now_are_done(Duration::ZERO, &|| true), Earlier::Done);
    let begun = Barrier::new(2);
    std::thread::scope(|threads| {
        let before = pool.lease(Class::Internal, PATIENT).unwrap();
        let short = pool.wait_until_readers_before_now_are_done(Duration::from_millis(20), &|| true);
        assert!(matches!(short, Earlier::StillReading { readers: 1, .. }));
        let stopped = pool.wait_until_readers_before_now_are_done(600 * SECOND, &|| false);
        assert!(matches!(stopped, Earlier::StillReading { oldest, .. } if oldest < 60 * SECOND));
        let waits = threads.spawn(|| {
            begun.wait();
            pool.wait_until_readers_before_now_are_done(60 * SECOND, &|| true)
        });
        begun.wait();
        drop(before);
        assert_eq!(waits.join().unwrap(), Earlier::Done);
    });
    let leases = Leases::default();
    let (before, mark) = (leases.begin(), leases.mark());
    let _after = leases.begin();
    assert!(matches!(leases.wait_for(mark, Duration::ZERO), Earlier::StillReading { readers: 1, .. }));
    leases.end(before);
    assert_eq!(leases.wait_for(mark, Duration::ZERO), Earlier::Done, "who came later holds nobody up");
}

#[test]
fn a_closed_pool_lends_nothing_and_keeps_nothing_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let instance = instance(&dir, 2, 2);
    let pool = instance.pool().clone();
    let out = pool.lease(Class::Internal, PATIENT).unwrap();
    drop(instance);
    assert!(matches!(pool.lease(Class::Internal, PATIENT), Err(Error::Closed)));
    drop(out);
    assert_eq!(pool.0.readers.free(), 0);
}
