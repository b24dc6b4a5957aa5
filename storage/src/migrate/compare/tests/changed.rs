//! Rows that were changed by hand on either side are found and named exactly: their table, key, column, and both values.

use super::{Both, all_shown};
use crate::postgres::tests::running::running;

/// The order of a group, as both sides know it.
fn order(both: &Both, n: u64) -> String {
    both.sql(&format!("SELECT order_id AS id FROM disk.orders WHERE client_order_id = 'mg-{n}-1'"))
        .trim_start_matches("{'id': ")
        .trim_end_matches('}')
        .to_owned()
}

#[test]
fn one_value_of_every_kind_changed_in_either_is_named_with_both() {
    let Some(running) = running() else { return };
    let both = Both::new(&running, "compare_values", 12);
    let id = order(&both, 5);
    let table = both.ticks_table(7_002);
    // A price, an amount, a time, a text, a whole number, a flag, an id; each to a value, from one and to NULL.
    both.in_postgres("UPDATE market_ticks SET last_price = 1.5 WHERE tick_id = 3002");
    both.in_postgres("UPDATE trades SET realized_pnl = NULL WHERE execution_id = 'x4'");
    both.in_postgres(&format!(
        "UPDATE orders SET note = 'by hand', updated_at = updated_at + INTERVAL '1 microsecond' WHERE order_id = '{id}'"
    ));
    both.in_postgres("UPDATE ohlcv_bars SET is_complete = NOT is_complete WHERE bar_id = 6500");
    both.in_postgres("UPDATE market_ticks SET revision = 3 WHERE tick_id = 4001");
    both.in_duckdb(&format!(
        "UPDATE {table} SET volume = volume + 0.00000001, sequence_number = NULL WHERE tick_id = 7002"
    ));
    both.in_duckdb(
        "UPDATE disk.positions SET correlation_id = '00000000-0000-0000-0000-000000000007' WHERE position_id = 9",
    );
    both.in_duckdb("UPDATE disk.balances SET asset = 'EUR' WHERE balance_id = 8");
    both.in_duckdb("UPDATE disk.portfolio_snapshots SET long_positions = 2 WHERE snapshot_id = 3");
    both.in_duckdb("UPDATE order_ids SET venue_order_id = 'v' WHERE client_order_id = 'mg-2-2'");
    let report = both.found();
    // Two of them are of one day and symbol.
    assert_eq!(report.differing(), 9);
    let found = all_shown(&report);
    let has = |words: &[&str]| {
        let is_it = |line: &&String| words.iter().all(|word| line.contains(word));
        assert_eq!(found.iter().filter(is_it).count(), 1, "{words:?} in {found:#?}");
    };
    assert_eq!(found.len(), 10, "{found:#?}");
    has(&["market_ticks differs tick_id=3002 (last_price: ", " | 1.50000000)"]);
    has(&["trades differs trade_id=", "(realized_pnl: ", " | NULL)"]);
    has(&[
        "orders differs order_id=",
        &id,
        "updated_at: 2026-01-02 23:59:35.000003 | 2026-01-02 23:59:35.000004, note: NULL | by hand)",
    ]);
    has(&["ohlcv_bars differs exchange=binance symbol=", "(is_complete: true | false)"]);
    has(&["market_ticks differs tick_id=4001 (revision: 0 | 3)"]);
    has(&["market_ticks differs tick_id=7002 (volume: 1.00000001 | 1.00000000, sequence_number: NULL | 7)"]);
    has(&["positions differs position_id=9 (correlation_id: 00000000-0000-0000-0000-000000000007 | NULL)"]);
    has(&["balances differs balance_id=8 (asset: EUR | USDT)"]);
    has(&["portfolio_snapshots differs snapshot_id=3 (long_positions: 2 | 1)"]);
    has(&["order_ids differs order_id=", " attempt=2 (venue_order_id: v | v2-2)"]);
    let stored = both.sql("SELECT column_name AS c, duckdb AS d, postgres AS p FROM migration_mismatches WHERE \"key\" = 'tick_id=7002' ORDER BY 1");
    let expected = "{'c': sequence_number, 'd': NULL, 'p': 7};{'c': volume, 'd': 1.00000001, 'p': 1.00000000}";
    assert_eq!(stored, expected);
}

#[test]
fn a_row_deleted_added_or_doubled_in_either_is_named() {
    let Some(running) = running() else { return };
    let both = Both::new(&running, "compare_rows", 8);
    let table = both.ticks_table(2_003);
    both.in_postgres("DELETE FROM market_ticks WHERE tick_id = 1000");
    both.in_postgres("DELETE FROM order_events WHERE number = 2 AND client_order_id = 'mg-3-1'");
    both.in_postgres(
        "INSERT INTO balances SELECT 999, account, asset, total, \"timestamp\" FROM balances WHERE balance_id = 4",
    );
    // Its key there holds the time, and so the same number may stand there twice.
    both.in_postgres(
        "CREATE TEMP TABLE one AS SELECT * FROM market_ticks WHERE tick_id = 2005;
         UPDATE one SET \"timestamp\" = \"timestamp\" + INTERVAL '1 microsecond';
         INSERT INTO market_ticks SELECT * FROM one; DROP TABLE one",
    );
    both.in_duckdb(&format!("INSERT INTO {table} FROM {table} WHERE tick_id = 2003"));
    both.in_duckdb("DELETE FROM disk.positions WHERE position_id = 6");
    both.in_duckdb(
        "INSERT INTO disk.ohlcv_bars SELECT * REPLACE (bar_id + 1 AS bar_id, \"timestamp\" + INTERVAL 1 SECOND AS \"timestamp\")
         FROM disk.ohlcv_bars WHERE bar_id = 4500",
    );
    let found = all_shown(&both.found());
    let has = |words: &str| assert_eq!(found.iter().filter(|l| l.contains(words)).count(), 1, "{words} in {found:#?}");
    assert_eq!(found.len(), 7, "{found:#?}");
    has("market_ticks only_duckdb tick_id=1000 (");
    has("order_events only_duckdb order_id=");
    has("balances only_postgres balance_id=999 (5 columns)");
    has("market_ticks only_postgres tick_id=2005 (");
    has("market_ticks only_duckdb tick_id=2003 (");
    has("positions only_postgres position_id=6 (");
    has("ohlcv_bars only_duckdb exchange=binance symbol=ETHUSDT timeframe=1s timestamp=2026-01-02 23:59:29.000000 (");
}

#[test]
fn a_row_whose_time_or_symbol_was_changed_is_one_row_that_differs() {
    let Some(running) = running() else { return };
    let both = Both::new(&running, "compare_moved", 12);
    let table = both.ticks_table(3_001);
    // Over midnight, and to another symbol: it is missing in one slice, and too much in another.
    both.in_duckdb(&format!("UPDATE {table} SET \"timestamp\" = TIMESTAMP '2026-01-03 00:00:01' WHERE tick_id = 3001"));
    both.in_postgres("UPDATE market_ticks SET symbol = 'XRPUSDT' WHERE tick_id = 3004");
    let report = both.found();
    let found = all_shown(&report);
    let first =
        "market_ticks differs tick_id=3001 (timestamp: 2026-01-03 00:00:01.000000 | 2026-01-02 23:59:21.350000)";
    assert_eq!(found, [first, "market_ticks differs tick_id=3004 (symbol: ETHUSDT | XRPUSDT)"]);
    assert_eq!(report.differing(), 4, "two slices for each");
}

#[test]
fn what_no_column_of_ours_may_hold_is_found_and_does_not_end_the_comparison() {
    let Some(running) = running() else { return };
    let both = Both::new(&running, "compare_nan", 6);
    both.in_postgres("UPDATE market_ticks SET last_price = 'NaN' WHERE tick_id = 3002");
    both.in_postgres("UPDATE balances SET total = 'NaN', \"timestamp\" = 'infinity' WHERE balance_id = 4");
    let found = all_shown(&both.found());
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].starts_with("balances differs balance_id=4 (total: ") && found[0].ends_with(" | infinity)"),
        "{found:#?}"
    );
    assert!(found[1].ends_with(" | no value that this column may hold)"), "{found:#?}");
}

#[test]
fn many_rows_are_counted_and_as_many_named_as_fit() {
    let Some(running) = running() else { return };
    let both = Both::new(&running, "compare_many", 12);
    both.in_postgres("UPDATE market_ticks SET source = 'import'");
    let report = both.found();
    assert_eq!((report.mismatches.len(), report.has_more), (12 * 20, false));
    assert!(report.slices.iter().filter(|slice| slice.table == "market_ticks").all(|slice| !slice.is_equal));
    assert!(report.totals.iter().filter(|total| total.table != "market_ticks").all(|total| total.differing == 0));
}
