//! Files that a lost or an older database owned, taken over.

use std::fs;
use std::time::Duration;

use super::super::{Error, skip_dropped};
use super::{archive, directory, limits, run, sums, tiers};
use crate::datadir::Paths;
use crate::duck::file::{catch_up, offset};
use crate::duck::instance::{Instance, Options};
use crate::journal::Log;
use crate::settings::{self, Age, AtEnd};
use crate::tiers::{Manifest, Published, Tier};

/// Nothing goes to the object store.
fn local() -> settings::Tiers {
    let warm = |disk| limits(disk, 9_000, Age::For(Duration::ZERO), AtEnd::Keep);
    settings::Tiers { market_ticks: warm(7), ohlcv_bars: warm(90), orders: warm(90), ..tiers() }
}

fn open(paths: &Paths) -> Instance {
    let instance = Instance::open(&paths.database, &Options::small(), &paths.places).unwrap();
    drop(catch_up(instance.connect().unwrap(), paths, Published::default()).unwrap());
    instance
}

fn lose(instance: Instance, paths: &Paths) -> Instance {
    drop(instance);
    fs::remove_file(&paths.database).unwrap();
    open(paths)
}

/// The ticks of the first day on disk again, as a journal would bring them.
fn first_day(instance: &Instance, from: &str) {
    let script = format!(
        "CREATE TABLE disk.ticks_20240808 AS FROM read_parquet('{from}', hive_partitioning = false);
         INSERT INTO manifest (table_name, period, part, slice, tier, location, sealed, has_revisions)
             VALUES ('market_ticks', '2024-08-08', 0, '', 'disk', 'disk.ticks_20240808', false, false)"
    );
    instance.connect().unwrap().execute_batch(&script).unwrap();
}

const BARS: &str = "INSERT INTO disk.ohlcv_bars (bar_id, exchange, symbol, timeframe, \"timestamp\", \"open\", high, low, \"close\",
        volume, notional, trade_count, revision, is_complete)
    SELECT i, 'binance', 'BTCUSDT', '1m', TIMESTAMP '2024-08-08' + to_minutes(i), 1, 1, 1, 1, i, i, 1, 0, true FROM range(10) r(i)";
const ORDERS: &str = "INSERT INTO disk.orders (order_id, account, client_order_id, exchange, symbol, side, order_type,
        time_in_force, quantity, filled_quantity, status, created_at, updated_at, correlation_id, strategy_id)
    SELECT md5(i::VARCHAR)::UUID, 'paper', i, 'binance', 'BTCUSDT', 'buy', 'market', 'gtc', 2, 1, 'canceled',
        '2024-08-08', '2024-08-08', md5('c')::UUID, 'manual' FROM range(3) r(i);
    INSERT INTO disk.trades (trade_id, account, order_id, exchange, symbol, side, quantity, price, executed_at,
        execution_id, strategy_id, correlation_id)
    SELECT order_id, 'paper', order_id, 'binance', 'BTCUSDT', 'buy', 1, 100, '2024-08-08', client_order_id, 'manual',
        md5('c')::UUID FROM disk.orders";
/// A bar is corrected, and an order is filled late.
const LATER: &str = "UPDATE disk.ohlcv_bars SET volume = 100, revision = 1, bar_id = 77 WHERE bar_id = 7;
    INSERT INTO disk.trades SELECT * REPLACE (uuid() AS trade_id, 'late' AS execution_id)
        FROM disk.trades WHERE execution_id = '2';
    UPDATE disk.orders SET filled_quantity = 2, updated_at = '2025-06-01' WHERE client_order_id = '2'";

#[test]
fn what_only_the_database_has_is_kept_and_nothing_is_doubled() {
    let (_dir, instance, paths) = directory();
    let fill = |db: &duckdb::Connection| db.execute_batch(&format!("{BARS};{ORDERS}")).unwrap();
    fill(&instance.connect().unwrap());
    run(&instance, &paths, local(), "2025-01-20").unwrap();
    let instance = lose(instance, &paths);
    let db = instance.connect().unwrap();
    fill(&db);
    db.execute_batch(LATER).unwrap();
    let rebuilt = archive(&instance, &paths, local(), &|_| {}).rebuild().unwrap();
    assert_eq!((rebuilt.taken, rebuilt.left), (7, Vec::new()));
    let sums = "SELECT (SELECT (count(*), sum(volume), max(revision)) FROM ohlcv_bars)::VARCHAR
        || (SELECT (count(*), sum(filled_quantity)) FROM orders)::VARCHAR
        || (SELECT (count(*), sum(quantity)) FROM trades)::VARCHAR";
    let found: String = db.query_row(sums, [], |row| row.get(0)).unwrap();
    assert_eq!(found, "(10, 138.000000000, 1)(3, 4.000000000)(4, 4.000000000)");
    let on_disk = "SELECT (SELECT count(*) FROM disk.ohlcv_bars), (SELECT count(*) FROM disk.orders)";
    assert_eq!(db.query_row(on_disk, [], |row| Ok((row.get(0)?, row.get(1)?))), Ok((1, 1)));
    drop(db);
    run(&instance, &paths, local(), "2025-07-01").unwrap();
}

#[test]
fn a_damaged_file_is_left_where_it_is_and_takes_no_row_from_the_disk() {
    let (_dir, instance, paths) = directory();
    run(&instance, &paths, tiers(), "2024-08-17").unwrap();
    let of = |day, symbol| {
        paths.places.file(&format!("market_ticks/day=2024-08-0{day}/exchange=binance/symbol={symbol}/part-0.parquet"))
    };
    let (good, damaged) = (of(8, "ETHUSDT"), of(8, "BTC%2FUSD"));
    let kept = paths.root.join("kept.parquet");
    fs::copy(&damaged, &kept).unwrap();
    let instance = lose(instance, &paths);
    first_day(&instance, &damaged.display().to_string());
    // Of the same size, and readable: only its hash says that it is not what it was.
    let mut bytes = fs::read(&damaged).unwrap();
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let rebuilt = archive(&instance, &paths, tiers(), &|_| {}).rebuild().unwrap();
    assert_eq!((rebuilt.taken, rebuilt.left.len()), (3, 1));
    assert_eq!(sums(&instance).0, 2_000);
    // It is not what a crash left.
    let refused = run(&instance, &paths, tiers(), "2024-08-17");
    assert!(matches!(refused, Err(Error::Forgotten { .. })) && damaged.is_file() && good.is_file(), "{refused:?}");
    fs::rename(&kept, &damaged).unwrap();
    let rebuilt = archive(&instance, &paths, tiers(), &|_| {}).rebuild().unwrap();
    assert_eq!((rebuilt.taken, rebuilt.left.len(), sums(&instance).0), (1, 0, 2_000));
    run(&instance, &paths, tiers(), "2024-08-17").unwrap();
}

#[test]
fn with_the_object_store_alone_what_is_lost_is_named_and_the_rest_is_there() {
    let (_dir, instance, paths) = directory();
    run(&instance, &paths, tiers(), "2024-11-07 12:00:00").unwrap();
    fs::remove_dir_all(&paths.places.warm).unwrap();
    let instance = lose(instance, &paths);
    let archive = archive(&instance, &paths, tiers(), &|_| {});
    let rebuilt = archive.rebuild().unwrap();
    assert_eq!((rebuilt.taken, rebuilt.left.len()), (2, 2));
    assert!(rebuilt.left.iter().all(|f| f.what.contains("2024-08-09") && f.finding.contains("missing")));
    drop(archive);
    run(&instance, &paths, tiers(), "2024-12-01").unwrap();
    let manifest = Manifest::load(&instance.connect().unwrap()).unwrap();
    assert_eq!(manifest.all().filter(|p| p.tier == Tier::Cold).count(), 2);
}

#[test]
fn an_older_database_is_found_out_however_far_it_has_gone_and_finds_its_files() {
    let (_dir, instance, paths) = directory();
    run(&instance, &paths, tiers(), "2024-08-17").unwrap();
    drop(instance);
    let old = paths.root.join("old.duckdb");
    fs::copy(&paths.database, &old).unwrap();
    let instance = open(&paths);
    run(&instance, &paths, tiers(), "2024-12-01").unwrap();
    drop(instance);
    fs::rename(&old, &paths.database).unwrap();
    let instance = Instance::open(&paths.database, &Options::small(), &paths.places).unwrap();
    instance
        .connect()
        .unwrap()
        .execute_batch("INSERT INTO manifest_versions VALUES (1000, 'days have passed')")
        .unwrap();
    let archive = archive(&instance, &paths, tiers(), &|_| {});
    let now = "2024-12-01".parse().unwrap();
    let refused = archive.run(now, &[]);
    assert!(matches!(refused, Err(Error::Forgotten { .. })), "{refused:?}");
    // The object store says so by itself as well.
    fs::remove_file(paths.places.warm.join("manifest.json")).unwrap();
    let refused = archive.run(now, &[]);
    assert!(matches!(refused, Err(Error::SecondWriter { .. })), "{refused:?}");
    assert_eq!(archive.rebuild().unwrap().taken, 4);
    drop(archive);
    assert_eq!(
        run(&instance, &paths, tiers(), "2024-12-01").unwrap().len(),
        1,
        "the manifest is recorded, nothing else"
    );
    let manifest = Manifest::load(&instance.connect().unwrap()).unwrap();
    assert!(manifest.all().count() == 4 && manifest.all().all(|p| p.tier == Tier::Cold));
}

#[test]
fn market_records_that_the_journal_has_dropped_are_not_waited_for() {
    let (_dir, instance, _paths) = directory();
    let db = instance.connect().unwrap();
    assert_eq!(skip_dropped(&db, 1).unwrap(), None);
    assert_eq!(skip_dropped(&db, 51).unwrap(), Some((1, 50)));
    assert_eq!((skip_dropped(&db, 51).unwrap(), offset(&db, Log::Market).unwrap().0), (None, 50));
}
