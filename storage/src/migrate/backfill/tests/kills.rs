//! A run that is cut off anywhere: the next one goes on, and no row is missing or there twice.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::migrate::tests::real::digest;
use crate::postgres::tests::running::running;

#[test]
fn a_run_that_is_cut_off_at_any_step_is_done_by_the_next_one() {
    let Some(running) = running() else { return };
    let session = running.database("cut_off");
    session.execute("make their tables", &trades()).unwrap();
    let plans = plans(&session, MAPPING);
    let theirs = digest(&session, &plans[0], range("2026-01-01", "2026-01-04")).unwrap();
    // Two days: the older one is cold by then, the newer one warm.
    let new = |plans: Vec<Plan>| {
        let mut way =
            Way { before: at("2026-01-04"), now: at("2026-04-03 12:00:00"), ..Way::new(&running, "cut_off", plans) };
        way.limits = Limits { connections: 1, part_rows: 2_000, ..way.limits };
        way
    };
    let steps = AtomicUsize::new(0);
    new(plans.clone())
        .bring(&missing(), &|_, _| {
            steps.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    let all = steps.into_inner();
    // Two days, two files: written, synced, looked at and placed, and each day published.
    assert_eq!(all, 2 * (2 * 4 + 1));
    for last in 1..=all {
        let mut way = new(plans.clone());
        let steps = AtomicUsize::new(0);
        let cut = |_: &Writer, _: &Did| {
            let step = steps.fetch_add(1, Ordering::SeqCst) + 1;
            assert!(step < last, "the plug is pulled");
        };
        let ended = catch_unwind(AssertUnwindSafe(|| way.bring(&missing(), &cut)));
        assert!(ended.is_err(), "step {last} of {all}");
        let owned: u64 = way.manifest().all().filter_map(|piece| piece.content.as_ref()).map(|c| c.rows).sum();
        assert_eq!(owned % 1_440, 0, "step {last}: whole slices or none");
        way.start();
        let summary = way.bring(&missing(), &|_, _| {}).unwrap();
        assert_eq!(summary.rows + owned, theirs.rows, "step {last}");
        way.assert_sound();
        assert_eq!(everything(&way), theirs, "step {last}");
        // A slice again, cut off as well: the old one or the new one, never both and never none.
        if last % 5 == 0 {
            let steps = AtomicUsize::new(0);
            let cut =
                |_: &Writer, _: &Did| assert!(steps.fetch_add(1, Ordering::SeqCst) + 1 < last, "the plug is pulled");
            let _ = catch_unwind(AssertUnwindSafe(|| way.bring(&again("2026-01-02", "2026-01-04"), &cut)));
            way.start();
            assert_eq!(everything(&way), theirs, "step {last}");
            assert_eq!(way.bring(&missing(), &|_, _| {}).unwrap().rows, 0);
            way.assert_sound();
        }
    }
}

/// What is in all tiers; a cold store in a folder is read where it is.
fn everything(way: &Way) -> Digest {
    let mut digest = Digest::default();
    let plan = &way.plans[0];
    let files: Vec<String> = way
        .manifest()
        .all()
        .map(|piece| match piece.tier {
            crate::tiers::Tier::Cold => way.paths.places.cold.join(&piece.location),
            _ => way.paths.places.file(&piece.location),
        })
        .map(|file| crate::tiers::places::quoted(&file))
        .collect();
    let columns: Vec<String> = plan.columns().iter().map(|name| format!("\"{name}\"")).collect();
    let sql =
        format!("SELECT {} FROM read_parquet([{}], hive_partitioning = false)", columns.join(", "), files.join(", "));
    let db = way.db();
    let mut statement = db.prepare(&sql).unwrap();
    for batch in statement.stream_arrow([]).unwrap() {
        digest.add(plan.table(), &batch.unwrap()).unwrap();
    }
    digest
}

#[test]
fn a_run_that_is_told_to_stop_ends_with_whole_slices() {
    let Some(running) = running() else { return };
    let session = running.database("stopped");
    session.execute("make their tables", &trades()).unwrap();
    let mut way = Way::new(&running, "stopped", plans(&session, MAPPING));
    way.limits = Limits { connections: 1, rows_per_second: 2_000, ..way.limits };
    let seen = std::cell::Cell::new(0);
    let stopped = way.watched(&missing(), &|_, _| {}, &|progress| seen.set(progress.slices_done), &|| seen.get() < 1);
    assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
    let owned: u64 = way.manifest().all().filter_map(|piece| piece.content.as_ref()).map(|c| c.rows).sum();
    assert!(owned > 0 && owned < 4_320 && owned.is_multiple_of(1_440), "{owned}");
    way.limits.rows_per_second = 0;
    assert_eq!(way.bring(&missing(), &|_, _| {}).unwrap().rows + owned, 4_320);
    way.assert_sound();
}
