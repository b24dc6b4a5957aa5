//! What was brought over is held against the tables that it came from, and brought over again where it differs.

use messages::UtcNanos;
use messages::ledger::Seq;
use messages::migration::{Backfilled, Watermark};

use super::{Both, all_shown, records};
use crate::duck::hot::Hot;
use crate::migrate::backfill::{self, Again, Backfill, Limits, Summary};
use crate::migrate::compare::report::Known;
use crate::migrate::compare::{Compare, Report, Wanted, run};
use crate::migrate::plan::Plan;
use crate::migrate::tests::theirs::{self, MAPPING, raw_trades};
use crate::postgres::catalog::TableName;
use crate::postgres::tests::running::running;
use crate::query::Range;

/// What another program keeps: trades of two days, one of which does not fit, and amounts.
pub fn theirs() -> String {
    let more = "INSERT INTO public.raw_trades VALUES ('2026-01-02 12:00:00+00', 'ETHUSDT', 9000, 'NaN', 1);
        CREATE TABLE public.cash (at timestamptz, currency text, amount numeric);
        INSERT INTO public.cash SELECT '2026-01-01'::timestamptz + i * INTERVAL '1 hour', 'USDT', 100.5 * i FROM generate_series(0, 9) i";
    format!("{}; {more}", raw_trades(2_879))
}

const CASH: &str = r#"
    [[table]]
    from = "public.cash"
    into = "balances"
    [table.columns]
    account = { value = "paper" }
    asset = { from = "currency" }
    total = { from = "amount" }
    timestamp = { from = "at" }
"#;

pub fn plans(both: &Both) -> Vec<Plan> {
    theirs::plans(both.theirs.as_ref().unwrap(), &format!("{MAPPING}{CASH}"))
}

fn before() -> UtcNanos {
    "2026-01-03 18:00:00".parse().unwrap()
}

/// Brings over what is wanted.
pub fn bring(both: &Both, plans: &[Plan], wanted: &backfill::Wanted) -> Result<Summary, backfill::Error> {
    let hot = Hot::default();
    let limits = Limits { connections: 1, rows_per_second: 0, max_rejects: 100, part_rows: 500, reserve_bytes: 0 };
    both.opened.archive.alone(|archive| {
        let ctx = Backfill {
            archive,
            hot: &hot,
            server: &both.server,
            plans,
            before: before(),
            now: "2026-01-10".parse().unwrap(),
            rejects: &both.opened.paths.root.join("rejects"),
            limits,
            must_wait: &|| false,
            go_on: &|| true,
            on: &|_| {},
            did: &|_| {},
        };
        backfill::run(&ctx, wanted)
    })
}

/// Compares, and brings over again what differs if it is to be repaired.
pub fn compare(both: &Both, plans: &[Plan], repair: bool) -> Report {
    compare_accepting(both, plans, repair, None)
}

/// As [`compare`], where somebody has looked at so many rows that do not fit.
pub fn compare_accepting(both: &Both, plans: &[Plan], repair: bool, accepted: Option<u64>) -> Report {
    let database = both.storage().database();
    let again = |table: &TableName, range: Range, _: &dyn Fn() -> bool| {
        let wanted = backfill::Wanted { tables: vec![table.clone()], range, again: Again::Keeping };
        bring(both, plans, &wanted).map(drop).map_err(|error| crate::archive::chain(&error))
    };
    let watermark = Watermark { market: Seq(0), at: before() };
    let done = |accepted| Backfilled { at: before(), slices: 0, rows: 0, refused: 0, accepted };
    let ctx = Compare { backfilled: accepted.map(done), watermark, ..both.compared(&database, plans, &again) };
    run(&ctx, &Wanted { repair, ..Wanted::all() }, &|_| {}, &|| true).unwrap()
}

#[test]
fn what_was_brought_over_is_the_same_but_for_what_changed_since() {
    let Some(running) = running() else { return };
    let both = Both::without_sink(&running, "compare_brought");
    both.in_postgres(&theirs());
    let plans = plans(&both);
    let missing = compare(&both, &plans, false);
    assert_eq!(missing.totals[0].postgres, 1440 + 1080, "nothing has come over yet");
    assert!(!missing.is_clean() && missing.refused.is_empty());
    bring(&both, &plans, &backfill::Wanted::default()).unwrap();
    let report = compare(&both, &plans, false);
    assert!(report.is_clean(), "{:#?} {:#?}", all_shown(&report), report.refused);
    let total = &report.totals[0];
    assert_eq!((total.origin.as_deref(), total.duckdb, total.slices), (Some("public.raw_trades"), 1440 + 1080, 4));

    both.in_postgres("UPDATE public.raw_trades SET price = 1.25 WHERE trade_id = 100");
    both.in_postgres("DELETE FROM public.raw_trades WHERE trade_id = 101");
    both.in_postgres("INSERT INTO public.raw_trades VALUES ('2026-01-03 00:00:30+00', 'BTC/USD', 70000, 5, 1), ('2025-12-31', 'BTC/USD', 1, 5, 1)");
    both.in_postgres("UPDATE public.raw_trades SET price = 0.123456789 WHERE trade_id = 2000");
    both.in_postgres("UPDATE public.cash SET amount = 7 WHERE amount = 201");
    // Behind the watermark nothing is brought over, and nothing compared.
    both.in_postgres("UPDATE public.raw_trades SET price = 1 WHERE time >= '2026-01-03 18:00:00+00'");
    let report = compare(&both, &plans, false);
    let found = all_shown(&report);
    let key = |symbol: &str, time: &str, n: u32| {
        format!("exchange=binance symbol={symbol} kind=trade timestamp={time}.000000 sequence_number={n}")
    };
    let expected = [
        format!("market_ticks only_postgres {} (7 columns)", key("BTC/USD", "2025-12-31 00:00:00", 1)),
        format!("market_ticks differs {} (last_price: 61937.63000000 | 1.25000000)", key("BTC/USD", "2026-01-02 01:40:00", 100)),
        format!("market_ticks only_postgres {} (7 columns)", key("BTC/USD", "2026-01-03 00:00:30", 70_000)),
        format!("market_ticks only_duckdb {} (7 columns)", key("BTC/USD", "2026-01-03 09:20:00", 2_000)),
        format!("market_ticks only_duckdb {} (7 columns)", key("ETHUSDT", "2026-01-02 01:41:00", 101)),
        "balances differs account=paper asset=USDT timestamp=2026-01-01 02:00:00.000000 (total: 201.000000000 | 7.000000000)".to_owned(),
    ];
    assert_eq!(found, expected, "{found:#?}");
    let refused: Vec<_> = report.refused.iter().map(|r| (r.from.as_str(), r.now, r.known)).collect();
    assert_eq!(refused, [("2026-01-03 00:00:00.000000", 1, Known::BroughtOver(0))]);

    // What was deleted or spoiled there is not taken from here by a repair.
    let report = compare(&both, &plans, true);
    assert_eq!((report.repaired, report.unrepaired), (2, 2), "{:#?}", report.repairs);
    let left: Vec<&str> = report.repairs.iter().filter(|r| !r.is_done).map(|r| r.how.as_str()).collect();
    assert!(
        left[0].contains("has 1440 rows here and 1439 there that fit, and 1 that do not where 1 did not"),
        "{left:?}"
    );
    assert!(left[1].contains("1080 rows here and 1080 there that fit, and 1 that do not where 0 did not"), "{left:?}");
    assert!(left[0].contains("backfill --again --from '2026-01-02 00:00:00"), "{left:?}");
    assert!(!report.is_clean());
    assert_eq!(both.sql("SELECT count(*) AS n FROM market_ticks WHERE sequence_number IN (101, 2000)"), "{'n': 2}");
    let again = backfill::Wanted { again: Again::Whatever, ..backfill::Wanted::default() };
    bring(&both, &plans, &again).unwrap();
    let report = compare(&both, &plans, false);
    assert!(report.is_clean(), "{:#?}", all_shown(&report));
    assert_eq!(both.sql("SELECT count(*) AS n FROM market_ticks WHERE last_price = 1.25"), "{'n': 1}");
}

#[test]
fn a_day_that_was_deleted_there_stays_here_until_somebody_says_otherwise() {
    let Some(running) = running() else { return };
    let both = Both::without_sink(&running, "compare_deleted");
    both.in_postgres(&theirs());
    let plans = plans(&both);
    bring(&both, &plans, &backfill::Wanted::default()).unwrap();
    both.in_postgres("DELETE FROM public.raw_trades WHERE time < '2026-01-03'");
    let report = compare(&both, &plans, true);
    assert_eq!((report.repaired, report.unrepaired), (0, 1), "{:#?}", report.repairs);
    let how = &report.repairs[0].how;
    let nothing = "the server has no rows of public.raw_trades of 2026-01-02 any more, and DuckDB keeps its 1440";
    assert!(how.contains(nothing) && how.contains("--from '2026-01-02 00:00:00.000000' --to '2026-01-03"), "{how}");
    let again = backfill::Wanted { again: Again::Whatever, ..backfill::Wanted::default() };
    bring(&both, &plans, &again).unwrap();
    assert!(compare(&both, &plans, false).is_clean());
    assert_eq!(both.sql("SELECT count(*) AS n FROM market_ticks"), "{'n': 1080}");
}

#[test]
fn rows_of_a_table_that_is_mapped_no_more_are_neither_doubled_nor_called_the_same() {
    let Some(running) = running() else { return };
    let both = Both::without_sink(&running, "compare_unmapped");
    both.in_postgres(&theirs());
    let mapped = plans(&both);
    bring(&both, &mapped, &backfill::Wanted::default()).unwrap();
    both.in_postgres("CREATE VIEW public.trades_v AS SELECT * FROM public.raw_trades");
    let viewed =
        theirs::plans(both.theirs.as_ref().unwrap(), &format!("{}{CASH}", MAPPING.replace("raw_trades", "trades_v")));
    let refused = bring(&both, &viewed, &backfill::Wanted::default()).unwrap_err().to_string();
    let named = "2520 rows of public.raw_trades stand in market_ticks here, and the mapping no longer has";
    assert!(
        refused.starts_with(named) && refused.contains("map public.raw_trades into market_ticks again"),
        "{refused}"
    );
    let report = compare(&both, &viewed, false);
    let total = report.totals.iter().find(|total| total.origin.as_deref() == Some("public.raw_trades")).unwrap();
    assert_eq!((total.duckdb, total.postgres, total.differing, total.slices), (2520, 0, 2, 2));
    assert!(!report.is_clean());
    assert_eq!((report.unmapped, report.maps_none), (vec!["public.raw_trades".to_owned()], false));
    let report = compare(&both, &mapped, false);
    assert!(report.is_clean() && report.unmapped.is_empty());
    // Nor where it no longer names any.
    let emptied = compare_accepting(&both, &[], false, Some(1));
    let found: Vec<_> = emptied.totals.iter().map(|total| (total.origin.as_deref(), total.differing)).collect();
    assert_eq!(found, [(Some("public.cash"), 1), (Some("public.raw_trades"), 2)]);
    assert_eq!(
        (emptied.unmapped, emptied.maps_none),
        (vec!["public.cash".to_owned(), "public.raw_trades".to_owned()], true)
    );
    // As it says, they are taken out by name, and then the view may bring them.
    let old = TableName { schema: "public".to_owned(), table: "raw_trades".to_owned() };
    let named = |again| backfill::Wanted { tables: vec![old.clone()], again, ..backfill::Wanted::default() };
    assert!(refused.contains("backfill --again --table public.raw_trades"), "{refused}");
    for kept in [Again::No, Again::Keeping] {
        assert!(bring(&both, &viewed, &named(kept)).is_err());
    }
    let summary = bring(&both, &viewed, &named(Again::Whatever)).unwrap();
    assert_eq!((summary.taken_out, summary.rows, summary.total.rows), (2520, 0, 10));
    assert_eq!(both.sql("SELECT count(*) AS n FROM market_ticks"), "{'n': 0}");
    bring(&both, &viewed, &backfill::Wanted::default()).unwrap();
    assert!(compare(&both, &viewed, false).is_clean());
    let sound = both.opened.archive.with(|archive| Ok((archive.verify(false, &|_| {})?.1, archive.look_through()?)));
    assert_eq!(sound.unwrap(), (Vec::new(), Vec::new()));
}

#[test]
fn what_is_written_to_both_sides_is_told_from_what_was_brought_over() {
    let Some(running) = running() else { return };
    let mut both = Both::new(&running, "compare_together", 6);
    both.in_postgres(&theirs());
    let plans = plans(&both);
    bring(&both, &plans, &backfill::Wanted::default()).unwrap();
    both.write(3);
    both.level();
    // Bars of the records are from before this watermark, and so are not compared.
    let report = compare(&both, &plans, false);
    assert!(report.is_clean(), "{:#?}", all_shown(&report));
    let rows = |table: &str, origin: Option<&str>| {
        let total = report.totals.iter().find(|t| t.table == table && t.origin.as_deref() == origin).unwrap();
        assert_eq!(total.duckdb, total.postgres);
        total.duckdb
    };
    assert_eq!(rows("market_ticks", None), 9 * 20);
    assert_eq!(rows("market_ticks", Some("public.raw_trades")), 2520);
    assert_eq!((rows("balances", None), rows("balances", Some("public.cash"))), (9 * 2 + 3, 10));
    assert_eq!(rows("ohlcv_bars", None), 0);
}

#[test]
fn what_came_while_something_else_was_repaired_was_not_looked_at() {
    let Some(running) = running() else { return };
    let both = Both::new(&running, "compare_meanwhile", 6);
    both.in_postgres(&theirs());
    let plans = plans(&both);
    bring(&both, &plans, &backfill::Wanted::default()).unwrap();
    both.in_postgres("UPDATE public.cash SET amount = 7 WHERE amount = 201");
    let (database, end) = (both.storage().database(), || both.storage().market.watermark().get().0);
    let ended = end();
    let again = |table: &TableName, range: Range, _: &dyn Fn() -> bool| {
        both.storage().market.append_and_wait(records::market(7)).unwrap();
        both.level();
        let wanted = backfill::Wanted { tables: vec![table.clone()], range, again: Again::Keeping };
        bring(&both, &plans, &wanted).map(drop).map_err(|error| crate::archive::chain(&error))
    };
    let ctx =
        Compare { watermark: Watermark { market: Seq(0), at: before() }, ..both.compared(&database, &plans, &again) };
    let report = run(&ctx, &Wanted { repair: true, ..Wanted::all() }, &|_| {}, &|| true).unwrap();
    assert!(report.is_clean() && report.repaired == 1, "{:#?}", report.repairs);
    assert_eq!((report.market, report.after.unwrap().market, end() > ended), (ended, end(), true));
}
