//! Rows arrive on both sides while they are compared and put right.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use messages::migration::Watermark;
use messages::{UtcNanos, ledger::Seq};

use super::{Both, all_shown};
use crate::migrate::compare::{Compare, Folders, Wanted, run};
use crate::migrate::sink::tests::records;
use crate::postgres::tests::running::{running, until, wait};

#[test]
fn while_rows_arrive_the_comparison_is_exact_and_a_repair_loses_none() {
    let Some(running) = running() else { return };
    let both = Both::new(&running, "compare_moving", 20);
    let (ledger, market) = (both.storage().ledger.clone(), both.storage().market.clone());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in (21..).take_while(|_| !stop.load(Ordering::Relaxed)) {
                ledger.append_and_wait(records::ledger(n)).unwrap();
                market.append_and_wait(records::market(n)).unwrap();
                wait(Duration::from_millis(5));
            }
        });
        let _ends = Ends(&stop);
        let database = both.storage().database();
        let ctx = Compare {
            database: &database,
            archive: &both.opened.archive,
            folders: Folders { ledger: both.opened.paths.ledger.clone(), market: both.opened.paths.market.clone() },
            server: &both.server,
            schema: &both.settings.schema,
            sink: both.sink.as_ref(),
            writes: true,
            plans: &[],
            backfilled: None,
            watermark: Watermark { market: Seq(0), at: UtcNanos(0) },
            tiers: &both.opened.tiers,
            now: "2026-01-10".parse().unwrap(),
            again: &|_, _, _| Ok(()),
        };
        let repair = Wanted { repair: true, ..Wanted::all() };
        let mut at = (0, 0);
        for _ in 0..3 {
            until("rows have arrived", || both.sink.as_ref().unwrap().applied() > (Seq(at.0), Seq(at.1)));
            let clean = run(&ctx, &Wanted::all(), &|_| {}, &|| true).unwrap();
            assert!(clean.is_clean(), "{:#?}", all_shown(&clean));
            at = (clean.ledger, clean.market);
            both.in_postgres("UPDATE orders SET status = 'rejected' WHERE client_order_id = 'mg-5-1'; DELETE FROM market_ticks WHERE tick_id = 9000");
            both.in_duckdb("UPDATE disk.positions SET side = 'flat' WHERE position_id = 9");
            let report = run(&ctx, &repair, &|_| {}, &|| true).unwrap();
            assert_eq!((report.mismatches.len(), report.repaired), (3, 3), "{:#?}", all_shown(&report));
            assert!(report.is_clean(), "{:#?}", report.after);
        }
    });
    both.level();
    assert!(both.found().is_clean());
}

/// Lets the one who writes end, however the comparison does.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn who_is_asked_to_stop_leaves_both_sides_as_they_are_and_the_sink_goes_on() {
    let Some(running) = running() else { return };
    let mut both = Both::new(&running, "compare_stopped", 3);
    let database = both.storage().database();
    let ctx = Compare {
        database: &database,
        archive: &both.opened.archive,
        folders: Folders { ledger: both.opened.paths.ledger.clone(), market: both.opened.paths.market.clone() },
        server: &both.server,
        schema: &both.settings.schema,
        sink: both.sink.as_ref(),
        writes: true,
        plans: &[],
        backfilled: None,
        watermark: Watermark { market: Seq(0), at: UtcNanos(0) },
        tiers: &both.opened.tiers,
        now: "2026-01-10".parse().unwrap(),
        again: &|_, _, _| Ok(()),
    };
    // A table that nobody may read meanwhile: its question hangs until after the comparison has ended.
    let other = both.server.clone();
    let locked = crate::postgres::Session::open(&other).unwrap();
    locked.execute("lock", &format!("BEGIN; LOCK TABLE {}.trades", both.settings.schema)).unwrap();
    let asked = std::cell::Cell::new(0);
    let go_on = || {
        asked.set(asked.get() + 1);
        asked.get() < 2
    };
    let stopped = run(&ctx, &Wanted::all(), &|_| {}, &go_on);
    assert!(matches!(stopped, Err(crate::migrate::compare::Error::Stopped)), "{stopped:?}");
    // Who left it left no other session of that server.
    locked.execute("let go", "ROLLBACK").unwrap();
    both.write(2);
    both.level();
    assert!(both.found().is_clean());
}
