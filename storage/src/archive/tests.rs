//! What is due when; what rows are, whoever reads them; a walk through all tiers.
//!
//! Beside it: `batches`, files of rows in memory; `store`, whose store it is; `rebuild`, files taken over; `files`, files that are not what they were;
//! `orders`, what moves together; `opened`, a directory that runs.

mod batches;
mod files;
mod opened;
mod orders;
mod rebuild;
mod store;

use std::cell::RefCell;
use std::sync::Mutex;
use std::time::Duration;

pub(crate) use opened::Opened;

use super::plan::{DiskRows, OnDisk, plan};
use super::{Action, Archive, Did, Error, Writer};
use crate::cold::{Cold, RestoreSpeed, StorageClass};
use crate::datadir::Paths;
use crate::duck::changes::Change;
use crate::duck::file::catch_up;
use crate::duck::instance::{Instance, Options};
use crate::postgres::tests::no_server;
use crate::settings::{self, Age, AtEnd, Limits};
use crate::tiers::manifest::{Content, Key};
use crate::tiers::{Manifest, Piece, Published, Tier};

const DAY: u64 = 86_400;

fn limits(disk: u64, warm: u64, cold: Age, at_end: AtEnd) -> Limits {
    let days = |n: u64| Age::For(Duration::from_secs(n * DAY));
    Limits { disk: days(disk), warm: days(warm), cold, at_end, storage_class: StorageClass::GlacierIr }
}

fn tiers() -> settings::Tiers {
    let year = Age::For(Duration::from_secs(365 * DAY));
    let logs = limits(7, 90, Age::For(Duration::ZERO), AtEnd::Keep);
    settings::Tiers {
        schedule: String::new(),
        warm_level: 3,
        cold_level: 19,
        cold: settings::Cold {
            url: String::new(),
            credentials_file: String::new(),
            endpoint: String::new(),
            region: String::new(),
            request_timeout: Duration::from_secs(60),
            retries: 0,
            cache_bytes: 1 << 20,
            restore_days: 1,
            restore_speed: RestoreSpeed::Standard,
        },
        market_ticks: limits(7, 90, year, AtEnd::Keep),
        ohlcv_bars: limits(90, 0, Age::Forever, AtEnd::Keep),
        orders: limits(365, 0, Age::Forever, AtEnd::Keep),
        portfolio_snapshots: limits(90, 0, Age::Forever, AtEnd::Keep),
        system_metrics: logs.clone(),
        application_logs: logs,
    }
}

fn piece(table: &str, period: &str, tier: Tier) -> Piece {
    let content = Content {
        rows: 10,
        bytes: 100,
        plain_bytes: 1_000,
        times: (0, 1),
        ids: None,
        row_hash: String::new(),
        sums: String::new(),
        file_hash: String::new(),
        schema_hash: String::new(),
    };
    Piece {
        table: table.to_owned(),
        period: period.to_owned(),
        part: 0,
        slice: String::new(),
        tier,
        location: String::new(),
        storage_class: None,
        content: (tier != Tier::Disk).then_some(content),
        sealed: tier != Tier::Disk,
        has_revisions: false,
        origin: None,
    }
}

/// What is due of one part at some time.
fn due(settings: &settings::Tiers, piece: Piece, now: &str) -> Vec<Action> {
    let manifest = Manifest::from_pieces([piece]);
    plan(settings, &manifest, &DiskRows::new(), now.parse().unwrap()).into_iter().map(|s| s.action).collect()
}

#[test]
fn a_part_moves_when_its_last_instant_passes_the_limit() {
    let (disk, warm, cold) = (Tier::Disk, Tier::Warm, Tier::Cold);
    let ticks = |tier| piece("market_ticks", "2024-08-08", tier);
    let to = |from, to| Action::Move { from, to };
    let s = tiers();
    assert_eq!(due(&s, ticks(disk), "2024-08-08 23:59:59"), []);
    assert_eq!(due(&s, ticks(disk), "2024-08-09"), [Action::Seal]);
    assert_eq!(due(&s, ticks(disk), "2024-08-15 23:59:59"), [Action::Seal]);
    assert_eq!(due(&s, ticks(disk), "2024-08-16"), [Action::Seal, to(disk, warm)]);
    assert_eq!(due(&s, ticks(warm), "2024-08-16"), []);
    assert_eq!(due(&s, ticks(warm), "2024-11-07"), [to(warm, cold)]);
    // What was imported late goes where it belongs at once.
    assert_eq!(due(&s, ticks(disk), "2024-12-01"), [Action::Seal, to(disk, cold)]);
    assert_eq!(due(&s, ticks(cold), "2034-12-01"), []);
    let delete =
        settings::Tiers { market_ticks: Limits { at_end: AtEnd::Delete, ..s.market_ticks.clone() }, ..tiers() };
    assert_eq!(due(&delete, ticks(cold), "2025-08-08"), []);
    assert_eq!(due(&delete, ticks(cold), "2025-08-09"), [Action::Delete { from: cold }]);
    // No tier takes anything back.
    let longer = settings::Tiers { market_ticks: limits(900, 901, Age::Forever, AtEnd::Keep), ..tiers() };
    assert_eq!(due(&longer, ticks(cold), "2025-08-09"), []);
    // Logs have no object store, and stay in their last tier.
    let logs = |tier| piece("application_logs", "2024-08-08", tier);
    assert_eq!(due(&s, logs(warm), "2034-12-01"), []);
}

#[test]
fn an_order_that_has_not_ended_keeps_its_month_and_fills_go_before_orders() {
    let month = "2024-08".parse().unwrap();
    let check = |is_ready: bool, expected: &[&str]| {
        let rows = |table| ((table, month), OnDisk { rows: 3, is_ready });
        let on_disk: DiskRows = ["orders", "trades", "order_events"].into_iter().map(rows).collect();
        let steps = plan(&tiers(), &Manifest::default(), &on_disk, "2025-10-01".parse().unwrap());
        assert_eq!(steps.iter().map(|s| s.table.as_str()).collect::<Vec<_>>(), expected);
    };
    check(true, &["trades", "order_events", "orders"]);
    check(false, &[]);
}

/// A stopped directory with two days of two symbols.
fn directory() -> (tempfile::TempDir, Instance, Paths) {
    let dir = tempfile::tempdir().unwrap();
    let paths = Paths::of(dir.path(), None);
    let instance = Instance::open(&paths.database, &Options::small(), &paths.places).unwrap();
    drop(catch_up(instance.connect().unwrap(), &paths, Published::default()).unwrap());
    let db = instance.connect().unwrap();
    for (day, n) in [("20240808", 0), ("20240809", 1)] {
        db.execute_batch(&format!(
            "CREATE TABLE disk.ticks_{day} AS FROM ticks_template LIMIT 0;
             INSERT INTO disk.ticks_{day} (tick_id, exchange, symbol, \"timestamp\", kind, last_price, volume, source, revision, ingestion_time)
                 SELECT {n} * 1000 + i, 'binance', CASE i % 2 WHEN 0 THEN 'BTC/USD' ELSE 'ETHUSDT' END,
                     strptime('{day}', '%Y%m%d') + to_seconds(i), 'trade', 100.5 + i, 0.25, 'import', 0, now()::TIMESTAMP
                 FROM range(1000) r(i);
             INSERT INTO manifest (table_name, period, part, slice, tier, location, sealed, has_revisions)
                 VALUES ('market_ticks', '2024-08-0{}', 0, '', 'disk', 'disk.ticks_{day}', false, false)",
            8 + n
        ))
        .unwrap();
    }
    (dir, instance, paths)
}

/// The archive of a stopped directory.
pub(crate) fn archive<'a>(
    instance: &Instance,
    paths: &Paths,
    settings: settings::Tiers,
    on: &'a dyn Fn(&Did),
) -> Archive<'a> {
    let writer = catch_up(instance.connect().unwrap(), paths, Published::default()).unwrap();
    Archive {
        db: instance.connect().unwrap(),
        writer: Writer::Own(Box::new(Mutex::new(writer))),
        places: paths.places.clone(),
        cold: Cold::open(&settings.cold, &paths.places.cold).unwrap(),
        settings,
        on,
        settle: &|| true,
        go_on: &|| true,
    }
}

/// Runs the archive at some time and returns what it did.
fn run(instance: &Instance, paths: &Paths, settings: settings::Tiers, now: &str) -> Result<Vec<Did>, Error> {
    let heard = RefCell::new(Vec::new());
    let on = |did: &Did| heard.borrow_mut().push(did.clone());
    let archive = archive(instance, paths, settings, &on);
    let report = archive.run(now.parse().unwrap(), &[])?;
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let (_, findings) = archive.verify(false, &|_| {})?;
    assert_eq!((findings, archive.look_through()?), (Vec::new(), Vec::new()));
    drop(archive);
    Ok(heard.into_inner())
}

fn sums(instance: &Instance) -> (u64, String) {
    let sql = "SELECT count(*), sum(last_price)::VARCHAR || bit_xor(hash(t))::VARCHAR FROM market_ticks t";
    instance.connect().unwrap().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

#[test]
fn a_walk_through_the_tiers_changes_no_row() {
    let (_dir, instance, paths) = directory();
    run(&instance, &paths, tiers(), "2024-08-08").unwrap();
    let before = sums(&instance);
    assert_eq!(before.0, 2_000);
    let did = run(&instance, &paths, tiers(), "2024-08-10").unwrap();
    assert_eq!(did.iter().filter(|d| matches!(d, Did::Sealed(_))).count(), 2);
    assert_eq!(sums(&instance), before);
    run(&instance, &paths, tiers(), "2024-08-17").unwrap();
    assert!(
        paths.places.file("market_ticks/day=2024-08-08/exchange=binance/symbol=BTC%2FUSD/part-0.parquet").is_file()
    );
    assert_eq!(sums(&instance), before);
    // In the object store they are out of the views' reach, and of the local disk's.
    run(&instance, &paths, tiers(), "2024-12-01").unwrap();
    let cold = Manifest::load(&instance.connect().unwrap()).unwrap();
    assert!(cold.all().all(|p| p.tier == Tier::Cold) && cold.all().count() == 4);
    assert!(!paths.places.warm.join("market_ticks").exists());
    assert!(paths.places.cold.join("manifest-1.json").is_file());
    assert_eq!(run(&instance, &paths, tiers(), "2024-12-01").unwrap(), []);
}

#[test]
fn a_file_that_holds_other_rows_is_found() {
    let (_dir, instance, paths) = directory();
    run(&instance, &paths, tiers(), "2024-08-17").unwrap();
    let location = "market_ticks/day=2024-08-09/exchange=binance/symbol=ETHUSDT/part-0.parquet";
    let other = "market_ticks/day=2024-08-08/exchange=binance/symbol=ETHUSDT/part-0.parquet";
    std::fs::copy(paths.places.file(other), paths.places.file(location)).unwrap();
    let archive = archive(&instance, &paths, tiers(), &|_| {});
    let (looked, findings) = archive.verify(false, &|_| {}).unwrap();
    assert_eq!((looked, findings.len(), findings[0].what.as_str()), (4, 1, location));
}

#[test]
fn another_directory_in_the_same_store_is_refused_and_nothing_is_removed_there() {
    let (_one, first, paths) = directory();
    run(&first, &paths, tiers(), "2024-12-01").unwrap();
    let (_other, second, mut theirs) = directory();
    theirs.places.cold = paths.places.cold.clone();
    let refused = run(&second, &theirs, tiers(), "2024-12-01");
    assert!(matches!(refused, Err(Error::SecondWriter { .. })), "{refused:?}");
    let manifest = Manifest::load(&first.connect().unwrap()).unwrap();
    assert!(manifest.all().all(|p| paths.places.cold.join(&p.location).is_file()));
}

#[test]
fn a_database_that_was_lost_does_not_take_files_for_leftovers_and_takes_them_over() {
    let (_dir, instance, paths) = directory();
    run(&instance, &paths, tiers(), "2024-08-17").unwrap();
    let before = sums(&instance);
    drop(instance);
    // It is built again with the rows of the first day, as a journal would, and one that no file has.
    std::fs::remove_file(&paths.database).unwrap();
    let instance = Instance::open(&paths.database, &Options::small(), &paths.places).unwrap();
    drop(catch_up(instance.connect().unwrap(), &paths, Published::default()).unwrap());
    let file = paths.places.file("market_ticks/day=2024-08-08/exchange=binance/symbol=ETHUSDT/part-0.parquet");
    instance
        .connect()
        .unwrap()
        .execute_batch(&format!(
            "CREATE TABLE disk.ticks_20240808 AS FROM read_parquet('{}', hive_partitioning = false);
             INSERT INTO disk.ticks_20240808 SELECT * REPLACE (9999 AS tick_id) FROM disk.ticks_20240808 LIMIT 1;
             INSERT INTO manifest (table_name, period, part, slice, tier, location, sealed, has_revisions)
                 VALUES ('market_ticks', '2024-08-08', 0, '', 'disk', 'disk.ticks_20240808', false, false)",
            file.display()
        ))
        .unwrap();
    let refused = run(&instance, &paths, tiers(), "2024-08-17");
    assert!(matches!(refused, Err(Error::Forgotten { .. })), "{refused:?}");
    assert!(file.is_file());
    let archive = archive(&instance, &paths, tiers(), &|_| {});
    let rebuilt = archive.rebuild().unwrap();
    assert_eq!((rebuilt.taken, rebuilt.left), (4, Vec::new()));
    assert_eq!(archive.look_through().unwrap(), Vec::new());
    drop(archive);
    assert_eq!(sums(&instance).0, before.0 + 1, "what only the database had stays, and nothing is doubled");
    run(&instance, &paths, tiers(), "2024-08-17").unwrap();
    assert_eq!(sums(&instance).0, before.0 + 1);
}

#[test]
fn the_archive_of_a_running_directory_ends_before_its_database() {
    let mut opened = Opened::new(tempfile::tempdir().unwrap(), 1 << 20, tiers(), &no_server());
    let runner = opened.archive.clone();
    let now = "2024-08-09".parse().unwrap();
    let report = loop {
        match runner.run(now, &[]) {
            Err(Error::NotOpen) => std::thread::yield_now(),
            other => break other.unwrap(),
        }
    };
    let runs = runner.runs();
    assert_eq!((report.done.len(), report.failed.len(), runs.steps_failed), (0, 0, runs.begun - 1));
    runner.close();
    assert!(matches!(runner.run(now, &[]), Err(Error::Stopped)));
    assert!(matches!(runner.with(|archive| archive.status()), Err(Error::Stopped)));
    opened.finish().unwrap();
}

/// A queue keeps what stands in it when its reader goes, and with it who waits for the answer.
#[test]
fn who_waits_for_a_writer_that_has_ended_is_told() {
    let (changes, wanted) = flume::bounded(1);
    let key = Key { table: "market_ticks".to_owned(), period: "2026-01-01".to_owned(), part: 0, slice: String::new() };
    std::thread::scope(|threads| {
        threads.spawn(move || {
            while wanted.is_empty() {
                std::thread::yield_now();
            }
            drop(wanted);
        });
        let changed = Writer::Thread(changes).change(Change::Seal(key));
        assert!(matches!(changed, Err(Error::WriterGone)), "{changed:?}");
    });
}
