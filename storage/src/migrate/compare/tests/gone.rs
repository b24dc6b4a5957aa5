//! Market records that were given up before the sink had written any: their rows are missed, and come from DuckDB.

use std::fs;

use messages::migration::Watermark;
use messages::{UtcNanos, caps};

use super::{Both, until};
use crate::journal;
use crate::migrate::compare::{Report, Wanted};
use crate::postgres::tests::running::running;

/// As much earlier as a tick from before the watermark may be ahead of it.
fn a_day_before(time: &str) -> UtcNanos {
    time.parse::<UtcNanos>().unwrap().before(caps::CLOCK_TOLERANCE)
}

fn ticks(both: &Both, watermark: Watermark, repair: bool) -> Report {
    let what = Wanted { tables: vec!["market_ticks".to_owned()], repair, ..Wanted::all() };
    both.compare_before(&[], &what, watermark).unwrap()
}

#[test]
fn ticks_that_were_given_up_before_the_first_that_was_written_differ_and_come_from_duckdb() {
    let Some(running) = running() else { return };
    // A segment for each group.
    let mut both = Both::started(&running, "compare_given_up", 256);
    both.write(2);
    let market = both.storage().market.watermark().get();
    both.write(3);
    let last = both.storage().market.watermark().get();
    until("the tables hold them", || both.storage().applied_market().get() == last);
    both.write(1);
    let kept = || journal::segments(&both.opened.paths.market).unwrap().into_iter().filter(|s| s.first_seq <= last.0);
    // One that is compressed just then would come back. The newest that is closed stays plain.
    until("they are compressed", || kept().filter(|segment| !segment.is_packed()).count() <= 1);
    kept().for_each(|segment| fs::remove_file(&segment.path).unwrap());
    both.sink_from(market);
    both.level();
    // Ticks of the third group are the first with a time that none from before the watermark may have.
    let watermark = Watermark { market, at: a_day_before("2026-01-02 23:59:21") };
    let noted = both.theirs.as_ref().unwrap().ask("look", "SELECT last_seq FROM merganser.skipped", &[]).unwrap();
    assert_eq!(noted.len(), 1);
    let report = ticks(&both, watermark, false);
    assert!(!report.is_clean());
    // Those from before the watermark are DuckDB's alone, and no difference.
    assert_eq!((report.totals[0].duckdb, report.totals[0].postgres), (4 * 20, 20));
    assert_eq!(report.mismatches.len(), 3 * 20);
    let report = ticks(&both, watermark, true);
    assert_eq!((report.repaired, report.unrepaired), (3 * 20, 0), "{:#?}", report.repairs);
    assert!(report.is_clean(), "{:#?}", report.after);
    let after = report.after.unwrap();
    assert_eq!((after.totals[0].duckdb, after.totals[0].postgres), (4 * 20, 4 * 20));
}

#[test]
fn ticks_that_were_given_up_before_any_was_written_differ() {
    let Some(running) = running() else { return };
    let mut both = Both::started(&running, "compare_none_written", 1 << 20);
    both.write(2);
    let market = both.storage().market.watermark().get();
    both.sink_from(market);
    both.level();
    // The sink has passed over the second group, and the next one has not come yet.
    let watermark = Watermark { market, at: a_day_before("2026-01-02 23:59:14") };
    let report = ticks(&both, watermark, false);
    assert_eq!((report.totals[0].duckdb, report.totals[0].postgres, report.is_clean()), (20, 0, false));
}
