//! What differs is put right by what the journals say, on the side that has something else; then both sides are the same.

use messages::UtcNanos;
use messages::migration::Watermark;

use super::{Both, all_shown, until};
use crate::journal;
use crate::migrate::compare::{Report, Wanted};
use crate::postgres::tests::running::running;
use crate::query::Range;

fn is_repaired(report: &Report, rows: u64) {
    assert_eq!((report.repaired, report.unrepaired), (rows, 0), "{:#?}", report.repairs);
    let after = report.after.as_ref().unwrap();
    assert!(report.is_clean() && after.mismatches.is_empty(), "{:#?}", all_shown(after));
}

#[test]
fn rows_changed_deleted_added_and_doubled_in_postgresql_are_what_the_journal_says() {
    let Some(running) = running() else { return };
    let mut both = Both::new(&running, "repair_postgres", 12);
    both.in_postgres("UPDATE market_ticks SET last_price = 'NaN' WHERE tick_id = 3002");
    both.in_postgres("DELETE FROM market_ticks WHERE tick_id BETWEEN 4000 AND 4004");
    both.in_postgres(
        "INSERT INTO balances SELECT 999, account, asset, total, \"timestamp\" FROM balances WHERE balance_id = 4",
    );
    both.in_postgres("UPDATE orders SET status = 'rejected', origin = NULL WHERE client_order_id = 'mg-5-1'");
    both.in_postgres("UPDATE trades SET quantity = quantity + 1; DELETE FROM order_ids WHERE attempt = 2");
    both.in_postgres("UPDATE ohlcv_bars SET close = close + 1, revision = 900 WHERE bar_id = 6500");
    // All of a day: its partition may be gone as well.
    both.in_postgres("DROP TABLE market_ticks_20260103");
    let report = both.repaired();
    let of_day = report.slices.iter().filter(|slice| slice.table == "market_ticks" && slice.day == "2026-01-03");
    let gone: u64 = of_day.map(|slice| slice.duckdb.rows).sum();
    assert!(gone > 10);
    is_repaired(&report, 1 + 5 + 1 + 1 + 12 + 12 + 1 + gone);
    assert!(report.repairs.iter().all(|repair| repair.how == "PostgreSQL has what the journal says"));
    // The sink goes on with it.
    both.write(3);
    both.level();
    assert!(both.found().is_clean());
}

#[test]
fn rows_changed_deleted_added_and_doubled_in_duckdb_are_what_the_journal_says() {
    let Some(running) = running() else { return };
    let mut both = Both::new(&running, "repair_duckdb", 12);
    let table = both.ticks_table(3_002);
    both.in_duckdb(&format!(
        "UPDATE {table} SET last_price = 1 WHERE tick_id = 3002; DELETE FROM {table} WHERE tick_id = 3003;
         INSERT INTO {table} FROM {table} WHERE tick_id = 3004;
         INSERT INTO {table} SELECT * REPLACE (1999 AS tick_id) FROM {table} WHERE tick_id = 3004"
    ));
    both.in_duckdb("DELETE FROM disk.positions WHERE position_id = 6; UPDATE disk.positions SET side = 'flat' WHERE position_id = 9");
    both.in_duckdb("UPDATE disk.orders SET status = 'rejected', metadata = NULL WHERE client_order_id = 'mg-5-1'");
    both.in_duckdb("UPDATE disk.trades SET execution_id = 'by hand', price = 7 WHERE execution_id = 'x5'");
    both.in_duckdb("DELETE FROM disk.order_events WHERE number = 2; UPDATE order_ids SET client_order_id = 'mg' WHERE client_order_id = 'mg-2-2'");
    both.in_duckdb("UPDATE disk.ohlcv_bars SET bar_id = 77, revision = 3 WHERE bar_id = 6500");
    both.in_duckdb(
        "INSERT INTO disk.ohlcv_bars SELECT * REPLACE (bar_id + 1 AS bar_id, \"timestamp\" + INTERVAL 1 SECOND AS \"timestamp\")
         FROM disk.ohlcv_bars WHERE bar_id = 4500",
    );
    both.in_duckdb(
        "UPDATE disk.portfolio_snapshots SET cash_balance = NULL; DELETE FROM disk.balances WHERE balance_id = 4",
    );
    let report = both.repaired();
    is_repaired(&report, 4 + 2 + 1 + 1 + 12 + 1 + 1 + 1 + 4 + 1);
    assert!(report.repairs.iter().all(|repair| repair.how == "DuckDB has what the journal says"));
    both.write(3);
    both.level();
    assert!(both.found().is_clean());
}

#[test]
fn a_row_that_is_wrong_on_both_sides_is_put_right_on_both() {
    let Some(running) = running() else { return };
    let both = Both::new(&running, "repair_both", 6);
    both.in_postgres("UPDATE balances SET total = 1 WHERE balance_id = 4");
    both.in_duckdb("UPDATE disk.balances SET total = 2 WHERE balance_id = 4");
    let report = both.repaired();
    let how: Vec<&str> = report.repairs.iter().map(|repair| repair.how.as_str()).collect();
    assert_eq!(how, ["DuckDB has what the journal says", "PostgreSQL has what the journal says"]);
    is_repaired(&report, 2);
}

/// An `init` that was broken off has written ticks there before the watermark of the next one.
#[test]
fn a_tick_that_was_written_before_the_watermark_is_what_the_journal_says_and_is_lost_on_neither_side() {
    let Some(running) = running() else { return };
    let both = Both::new(&running, "repair_before", 6);
    both.in_postgres("UPDATE market_ticks SET last_price = 1.5 WHERE tick_id = 3002");
    both.in_postgres("DELETE FROM market_ticks WHERE tick_id = 4002");
    let table = both.ticks_table(5_002);
    both.in_duckdb(&format!("UPDATE {table} SET last_price = 1.5 WHERE tick_id = 5002"));
    let watermark = Watermark { market: both.storage().market.watermark().get(), at: UtcNanos(0) };
    let report = both.compare_before(&[], &Wanted { repair: true, ..Wanted::all() }, watermark).unwrap();
    is_repaired(&report, 3);
    assert_eq!(both.sql("SELECT count(*) AS n FROM market_ticks WHERE last_price = 1.5"), "{'n': 0}");
    let total = both.found().totals.into_iter().find(|total| total.table == "market_ticks").unwrap();
    assert_eq!((total.duckdb, total.postgres, total.differing), (6 * 20, 6 * 20, 0));
}

/// The oldest segments of the market journal go where there is no room for them.
#[test]
fn where_the_journal_has_nothing_any_more_duckdb_is_the_truth_for_postgresql() {
    let Some(running) = running() else { return };
    // A segment for each group.
    let both = Both::with_segments(&running, "repair_skipped", 6, 256);
    both.in_postgres("DELETE FROM market_ticks WHERE tick_id < 3000; DELETE FROM ohlcv_bars WHERE bar_id = 2500");
    both.in_postgres("UPDATE trades SET price = 1 WHERE execution_id = 'x2'");
    both.in_postgres("DELETE FROM market_ticks WHERE tick_id = 6001");
    // Nobody can tell any more that this is not what was written.
    let table = both.ticks_table(2_001);
    both.in_duckdb(&format!("UPDATE {table} SET ask_size = 9 WHERE tick_id = 2001"));
    let segments = journal::segments(&both.opened.paths.market).unwrap();
    let (gone, kept) = segments.split_at(segments.len() - 2);
    assert!(kept[0].first_seq > 6, "what tells of the first groups is gone");
    gone.iter().for_each(|segment| std::fs::remove_file(&segment.path).unwrap());
    let report = both.repaired();
    assert!(report.is_clean(), "{:#?}", report.after);
    let copied = "PostgreSQL has what DuckDB has; the journal has no record of it any more";
    let of = |how: &str| report.repairs.iter().filter(|repair| repair.how == how).count();
    assert_eq!((of(copied), of("PostgreSQL has what the journal says")), (40 + 1, 1 + 1), "the ledger is kept whole");
    assert_eq!(both.sql("SELECT ask_size AS s FROM market_ticks WHERE tick_id = 2001"), "{'s': 9.00000000}");
}

#[test]
fn a_row_that_postgresql_alone_has_stays_where_the_journal_has_nothing_any_more() {
    let Some(running) = running() else { return };
    let both = Both::with_segments(&running, "repair_only_copy", 6, 256);
    for id in [2_001, 2_002, 6_001] {
        let table = both.ticks_table(id);
        both.in_duckdb(&format!("DELETE FROM {table} WHERE tick_id = {id}"));
    }
    both.in_postgres("DELETE FROM market_ticks WHERE tick_id = 2003");
    let segments = journal::segments(&both.opened.paths.market).unwrap();
    let (gone, _) = segments.split_at(segments.len() - 2);
    gone.iter().for_each(|segment| std::fs::remove_file(&segment.path).unwrap());
    let report = both.repaired();
    let of = |words: &str| report.repairs.iter().filter(|repair| repair.how.contains(words)).count();
    assert_eq!((of("PostgreSQL has what DuckDB has"), of("DuckDB has what the journal says")), (1, 1));
    assert_eq!(of("PostgreSQL alone has it and the journal has no record of it any more"), 2, "{:#?}", report.repairs);
    assert_eq!((report.repaired, report.unrepaired, report.is_clean()), (2, 2, false));
    let after: Vec<&str> = report.after.iter().flat_map(|after| &after.mismatches).map(|m| m.key.as_str()).collect();
    assert_eq!(after, ["tick_id=2001", "tick_id=2002"], "they are there and differ still");
}

#[test]
fn a_row_in_a_file_is_not_touched_and_the_next_step_is_said() {
    let Some(running) = running() else { return };
    let both = Both::new(&running, "repair_file", 12);
    // The day is sorted, exported, and its file holds another price than the journal.
    let table = both.ticks_table(3_002);
    both.in_duckdb(&format!("UPDATE {table} SET last_price = 1 WHERE tick_id = 3002"));
    both.opened.archive.run("2026-01-12".parse().unwrap(), &[]).unwrap();
    until("the day is in files", || {
        both.sql("SELECT tier AS t FROM partitions WHERE period = '2026-01-02' AND table_name = 'market_ticks' LIMIT 1")
            == "{'t': warm}"
    });
    let report = both.repaired();
    assert_eq!((report.repaired, report.unrepaired), (0, 1), "{:#?}", report.repairs);
    assert!(report.repairs[0].how.contains("`merganser archive verify`"), "{:#?}", report.repairs);
    assert!(!report.is_clean());
    // What is compared is the file: its rows are on both sides else.
    assert_eq!(report.mismatches.len(), 1);
}

#[test]
fn only_what_was_asked_for_is_put_right() {
    let Some(running) = running() else { return };
    let both = Both::new(&running, "repair_some", 6);
    both.in_postgres("UPDATE trades SET price = 1; UPDATE balances SET total = 1");
    let what = Wanted { tables: vec!["trades".to_owned()], range: Range::ALL, repair: true };
    let report = both.compare(&[], &what).unwrap();
    is_repaired(&report, 6);
    let left = both.found();
    assert!(!left.mismatches.is_empty() && left.mismatches.iter().all(|m| m.table == "balances"), "{left:#?}");
}
