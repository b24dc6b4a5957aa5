//! Files that are missing or damaged, and days that rows still arrive for.

use std::fs;

use super::super::{Action, Error, Step};
use super::{directory, run, sums, tiers};
use crate::duck::file::catch_up;
use crate::duck::instance::{Instance, Options};
use crate::tiers::{Published, Tier};

const FIRST: &str = "market_ticks/day=2024-08-08/exchange=binance/symbol=BTC%2FUSD/part-0.parquet";
const OTHER: &str = "market_ticks/day=2024-08-09/exchange=binance/symbol=BTC%2FUSD/part-0.parquet";

#[test]
fn a_file_that_cannot_be_read_keeps_nothing_from_opening_and_is_missed_in_no_answer() {
    let (_dir, instance, paths) = directory();
    run(&instance, &paths, tiers(), "2024-08-17").unwrap();
    let before = sums(&instance);
    drop(instance);
    let (file, aside) = (paths.places.file(FIRST), paths.root.join("aside"));
    for damage in ["missing", "garbage"] {
        fs::rename(&file, &aside).unwrap();
        if damage == "garbage" {
            fs::write(&file, "this is no Parquet file").unwrap();
        }
        let instance = Instance::open(&paths.database, &Options::small(), &paths.places).unwrap();
        let archive = super::archive(&instance, &paths, tiers(), &|_| {});
        let db = instance.connect().unwrap();
        for question in ["SELECT count(*) FROM market_ticks", "SELECT count(*) FROM market_ticks WHERE symbol = 'x'"] {
            let answer = db.query_row(question, [], |row| row.get::<_, u64>(0));
            let error = answer.expect_err(damage).to_string();
            assert!(error.contains(FIRST) && error.contains("archive verify"), "{error}");
        }
        assert_eq!(db.query_row("SELECT count(*) FROM orders", [], |row| row.get(0)), Ok(0));
        let (looked, findings) = archive.verify(true, &|_| {}).unwrap();
        assert_eq!((looked, findings.len(), findings[0].what.as_str()), (4, 1, FIRST));
        assert!(archive.status().is_ok());
        drop((db, archive));
        fs::rename(&aside, &file).unwrap();
    }
    let instance = Instance::open(&paths.database, &Options::small(), &paths.places).unwrap();
    drop(catch_up(instance.connect().unwrap(), &paths, Published::default()).unwrap());
    assert_eq!(sums(&instance), before);
}

#[test]
fn a_damaged_file_that_is_to_move_is_named_itself() {
    let (_dir, instance, paths) = directory();
    run(&instance, &paths, tiers(), "2024-08-17").unwrap();
    fs::copy(paths.places.file(OTHER), paths.places.file(FIRST)).unwrap();
    let archive = super::archive(&instance, &paths, tiers(), &|_| {});
    let report = archive.run("2024-12-01".parse().unwrap(), &[]).unwrap();
    let (_, why) = &report.failed[0];
    assert!(why.contains(&paths.places.file(FIRST).display().to_string()) && !why.contains("staging"), "{why}");
    assert!(paths.places.file(FIRST).is_file());
}

#[test]
fn a_day_that_takes_rows_is_not_moved() {
    let (_dir, instance, paths) = directory();
    let archive = super::archive(&instance, &paths, tiers(), &|_| {});
    for action in [Action::Move { from: Tier::Disk, to: Tier::Warm }, Action::Delete { from: Tier::Disk }] {
        let (table, period) = ("market_ticks".to_owned(), "2024-08-08".to_owned());
        let refused = archive.perform(&Step { table, period, part: 0, action, rows: None, bytes: None, files: 0 });
        assert!(matches!(refused, Err(Error::NotSealed { .. })), "{refused:?}");
    }
    let mut statement = archive.db.prepare("FROM disk.ticks_20240808").unwrap();
    assert_eq!(statement.query_map([], |_| Ok(())).unwrap().count(), 1_000);
}

#[test]
fn a_part_that_was_deleted_at_its_end_is_not_missed() {
    let (_dir, instance, paths) = directory();
    let look = || super::archive(&instance, &paths, tiers(), &|_| {}).look_through().unwrap();
    instance.connect().unwrap().execute_batch("UPDATE manifest SET part = 1 WHERE period = '2024-08-08'").unwrap();
    assert_eq!(look().len(), 1);
    let what = "market_ticks 2024-08-08 part 0 deleted from cold at the end of its life";
    instance.connect().unwrap().execute("INSERT INTO manifest_versions VALUES (9, ?)", [what]).unwrap();
    assert_eq!(look(), []);
}
