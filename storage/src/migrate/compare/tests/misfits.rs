//! Rows of their tables that are held against nothing here: those that do not fit, wherever they stand, and those from behind
//! the watermark. They are counted, and said.

use super::Both;
use super::brought::{bring, compare, compare_accepting, plans, theirs};
use crate::migrate::backfill;
use crate::migrate::compare::report::{Behind, Known, Refused};
use crate::postgres::tests::running::running;

/// What is said where more do not fit than somebody has looked at.
fn more_than(accepted: u64, now: u64) -> Vec<Refused> {
    let [origin, from, to] = ["all that is mapped", "the beginning", "the watermark"].map(str::to_owned);
    vec![Refused { origin, from, to, now, known: Known::Accepted(accepted) }]
}

#[test]
fn rows_that_do_not_fit_are_counted_between_the_slices_and_outside_all_time() {
    let Some(running) = running() else { return };
    let both = Both::without_sink(&running, "compare_misfits");
    both.in_postgres(&theirs());
    let plans = plans(&both);
    assert_eq!(bring(&both, &plans, &backfill::Wanted::default()).unwrap().total.refused, 1);
    let found = |accepted| compare_accepting(&both, &plans, false, Some(accepted)).refused;
    assert_eq!(found(1), []);
    // One where no slice is, and each time that none can have.
    let misfits = [
        "('2025-12-30 12:00:00+00', 'ETHUSDT', 9001, 'NaN', 1)",
        "('infinity', 'ETHUSDT', 9002, 1, 1)",
        "('-infinity', 'ETHUSDT', 9003, 1, 1)",
        "(NULL, 'ETHUSDT', 9004, 1, 1)",
    ];
    for (n, row) in (2..).zip(misfits) {
        both.in_postgres(&format!("INSERT INTO public.raw_trades VALUES {row}"));
        assert_eq!(found(n - 1), more_than(n - 1, n), "{row}");
        assert_eq!(found(n), [], "{row}");
    }
    let report = compare_accepting(&both, &plans, false, Some(4));
    assert!(!report.is_clean() && report.mismatches.is_empty(), "{:?}", report.mismatches);
    assert!(compare_accepting(&both, &plans, false, Some(5)).is_clean());
}

/// Amounts rank by their time, and of an instant there are only so many numbers.
#[test]
fn rows_that_have_no_number_fit_neither_where_they_are_brought_over_nor_where_they_are_compared() {
    let Some(running) = running() else { return };
    let both = Both::without_sink(&running, "compare_ranks");
    both.in_postgres(&theirs());
    both.in_postgres(
        "INSERT INTO public.cash SELECT '2026-01-01 12:00:00+00'::timestamptz, 'C' || i, i FROM generate_series(1, 1026) i",
    );
    let plans = plans(&both);
    let brought = bring(&both, &plans, &backfill::Wanted::default()).unwrap();
    assert_eq!((brought.refused, brought.total.refused), (3, 3));
    let report = compare_accepting(&both, &plans, false, Some(3));
    assert!(report.is_clean(), "{:?} {:?}", report.mismatches, report.refused);
    assert_eq!(compare_accepting(&both, &plans, false, Some(2)).refused, more_than(2, 3));
}

#[test]
fn rows_that_nobody_accepted_are_not_forgotten_behind_a_repair_of_something_else() {
    let Some(running) = running() else { return };
    let both = Both::without_sink(&running, "compare_misfits_kept");
    both.in_postgres(&theirs());
    let plans = plans(&both);
    bring(&both, &plans, &backfill::Wanted::default()).unwrap();
    both.in_postgres("UPDATE public.cash SET amount = 7 WHERE amount = 201");
    let report = compare_accepting(&both, &plans, true, Some(0));
    assert_eq!((report.repaired, report.unrepaired), (1, 0), "{:#?}", report.repairs);
    assert!(!report.is_clean());
    assert_eq!(report.after.unwrap().refused, more_than(0, 1));
    assert!(compare_accepting(&both, &plans, true, Some(1)).is_clean());
}

#[test]
fn rows_from_behind_the_watermark_are_counted_by_their_table_and_are_no_mismatch() {
    let Some(running) = running() else { return };
    let both = Both::without_sink(&running, "compare_behind");
    both.in_postgres(&theirs());
    let plans = plans(&both);
    bring(&both, &plans, &backfill::Wanted::default()).unwrap();
    let behind = |table: &str, rows| Behind { origin: format!("public.{table}"), rows };
    // A row of each minute from 18:00 on to midnight.
    let report = compare(&both, &plans, false);
    assert!(report.is_clean());
    assert_eq!(report.behind, vec![behind("raw_trades", 360)]);
    both.in_postgres("DELETE FROM public.raw_trades WHERE time > '2026-01-03 18:00:00+00'");
    both.in_postgres("INSERT INTO public.cash VALUES ('2026-02-01', 'USDT', 1), ('2026-02-02', 'USDT', 'NaN')");
    let report = compare(&both, &plans, false);
    assert!(report.is_clean());
    assert_eq!(report.behind, vec![behind("raw_trades", 1), behind("cash", 2)]);
    both.in_postgres("DELETE FROM public.raw_trades WHERE time = '2026-01-03 18:00:00+00'");
    both.in_postgres("DELETE FROM public.cash WHERE at > '2026-01-31'");
    assert_eq!(compare(&both, &plans, false).behind, []);
}
