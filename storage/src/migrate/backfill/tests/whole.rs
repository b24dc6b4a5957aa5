//! What comes over is what was there, by its digest, before the watermark and once.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arrow::array::AsArray;
use messages::ledger::Seq;

use super::super::numbers::BACKFILL_IDS;
use super::*;
use crate::duck::changes::{Change, Publication};
use crate::duck::hot::{HotWindow, HotWriter, Options as HotOptions, Published as Window, rebuild};
use crate::migrate::plan::question::{Order, Wanted as Asked};
use crate::migrate::targets::TARGETS;
use crate::migrate::tests::real::{copy_rows, create, digest};
use crate::migrate::tests::round::{plan, sheet};
use crate::postgres::tests::running::{running, until};
use crate::query::{Of, Query, Source as _};
use crate::tiers::{Piece, Tier};

#[test]
fn rows_before_the_watermark_come_over_once_and_are_the_same() {
    let Some(running) = running() else { return };
    let session = running.database("brought");
    session.execute("make their tables", &trades()).unwrap();
    let way = Way { before: at("2026-01-04 12:00:00"), ..Way::new(&running, "brought", plans(&session, MAPPING)) };
    let last = Cell::new(Progress::default());
    let summary = way.watched(&missing(), &|_, _| {}, &|progress| last.set(*progress), &|| true).unwrap();
    assert_eq!((summary.rows, summary.refused, summary.slices_done, summary.slices_empty), (3_600, 0, 3, 0));
    let progress = last.get();
    assert_eq!((progress.rows, progress.slices_done, progress.slices_all), (3_600, 3, 3));
    let theirs = digest(&session, &way.plans[0], range("2026-01-01", "2026-01-04 12:00:00")).unwrap();
    assert_eq!(way.digest(&way.plans[0]), theirs);
    // A day of 1,440 rows, at most 500 of them sorted at once: three parts of a file for each symbol.
    let manifest = way.manifest();
    let day = manifest.of_period("market_ticks", "2026-01-03");
    assert_eq!(day.iter().map(|piece| piece.part).collect::<Vec<_>>(), [0, 0, 1, 1, 2, 2]);
    assert!(day.iter().all(|piece| piece.tier == Tier::Warm && piece.sealed && !piece.has_revisions));
    let origin = day[0].origin.clone().unwrap();
    assert_eq!((origin.from.as_str(), origin.end()), ("public.raw_trades", at("2026-01-04")));
    let ids = "SELECT count(DISTINCT tick_id) FROM market_ticks WHERE source = 'import' AND revision = 0
        AND ingestion_time = \"timestamp\" AND tick_id >=";
    assert_eq!(way.count(&format!("{ids} {BACKFILL_IDS}")), 3_600);
    way.assert_sound();
    let nothing = way.bring(&missing(), &|_, _| {}).unwrap();
    assert_eq!((nothing.rows, nothing.slices_before, nothing.slices_done), (0, 3, 0));
    // The watermark of another beginning: the day that it cuts is brought over as far as it reaches now.
    let way = Way { before: at("2026-01-04 18:00:00"), ..way };
    assert_eq!(way.bring(&missing(), &|_, _| {}).unwrap().rows, 1_080);
    assert_eq!(way.digest(&way.plans[0]).rows, 3_960);
    way.assert_sound();
}

#[test]
fn texts_that_the_server_takes_for_others_come_over_as_themselves_and_are_found_by_themselves_alone() {
    let Some(running) = running() else { return };
    let session = running.database("loose_texts");
    let script = "CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE DOMAIN folded_text AS text COLLATE folded;
        CREATE TABLE padded (at timestamptz, symbol char(10), side char(6), price char(8));
        INSERT INTO padded VALUES ('2026-01-02 00:00:00+00', 'SOLUSDT', 'buy', '1.5'), ('2026-01-02 00:00:01+00', 'SOLEUR', 'sell', '2');
        CREATE TABLE folded (at timestamptz, symbol text COLLATE folded);
        INSERT INTO folded VALUES ('2026-01-02 00:00:02+00', 'SOLUSDT'), ('2026-01-02 00:00:03+00', 'solusdt'), ('2026-01-02 00:00:04+00', 'SOLUSDT ');
        CREATE TABLE domains (at timestamptz, symbol folded_text);
        INSERT INTO domains VALUES ('2026-01-02 00:00:05+00', 'SOLUSDT'), ('2026-01-02 00:00:06+00', 'Solusdt')";
    session.execute("make their tables", script).unwrap();
    let columns = |price: &str| {
        format!(
            r#"into = "market_ticks"
            [table.columns]
            exchange = {{ value = "simulated" }}
            kind = {{ value = "trade" }}
            timestamp = {{ from = "at" }}
            symbol = {{ from = "symbol" }}
            {price}
            volume = {{ value = "1" }}
            "#
        )
    };
    let (padded, other) = (
        columns("last_price = { from = \"price\" }\naggressor_side = { from = \"side\" }"),
        columns("last_price = { value = \"3\" }"),
    );
    let mapping = format!(
        "[[table]]\nfrom = \"public.padded\"\n{padded}\n[[table]]\nfrom = \"public.folded\"\n{other}\n[[table]]\nfrom = \"public.domains\"\n{other}"
    );
    let way = Way::new(&running, "loose_texts", plans(&session, &mapping));
    let summary = way.bring(&missing(), &|_, _| {}).unwrap();
    assert_eq!((summary.rows, summary.refused), (7, 0), "{summary:?}");
    let bought =
        "SELECT count(*) FROM market_ticks WHERE symbol = 'SOLUSDT' AND aggressor_side = 'buy' AND last_price = 1.5";
    assert_eq!(way.count(bought), 1);
    let there = |symbol: &str| -> u64 {
        let texts = [("symbol", symbol.to_owned())];
        let asked = Asked { texts: &texts, ..Asked::all(Range::ALL) };
        way.plans.iter().map(|plan| plan.count(&session, &plan.question(&asked).unwrap()).unwrap()).sum()
    };
    let expected = [("SOLUSDT", 3), ("SOLEUR", 1), ("solusdt", 1), ("Solusdt", 1), ("SOLUSDT ", 1), ("SOLusdt", 0)];
    for (symbol, expected) in expected {
        let here = way.count(&format!("SELECT count(*) FROM market_ticks WHERE symbol = '{symbol}'"));
        assert_eq!((here, there(symbol)), (expected, expected), "{symbol}");
    }
    way.plans[0].confirm(&session).unwrap();
    way.plans[1].confirm(&session).unwrap();
    session.execute("change a column", "ALTER TABLE folded ALTER symbol TYPE char(12)").unwrap();
    way.plans[1].confirm(&session).unwrap();
    session.execute("change a column", "ALTER TABLE padded ALTER symbol TYPE bytea USING symbol::bytea").unwrap();
    assert!(way.plans[0].confirm(&session).is_err());
}

#[test]
fn rows_of_every_table_are_the_same_and_rank_below_our_own() {
    let Some(running) = running() else { return };
    let session = running.database("all_tables");
    let mut made = Vec::new();
    for target in TARGETS {
        create(&session, target);
        let strategy =
            proptest::collection::vec(proptest::collection::vec(crate::migrate::tests::round::random(), 7), 40);
        let rows =
            proptest::strategy::Strategy::new_tree(&strategy, &mut proptest::test_runner::TestRunner::deterministic());
        copy_rows(&session, target, &sheet(target, &proptest::strategy::ValueTree::current(&rows.unwrap())).take());
        let spread = format!(
            "UPDATE {0} SET {1} = '2026-01-02 00:00:00+00'::timestamptz + n * INTERVAL '1 day'
             FROM (SELECT ctid AS row, row_number() OVER () AS n FROM {0}) r WHERE {0}.ctid = row",
            target.table,
            catalog::quoted(target.time)
        );
        session.execute("spread rows over two months", &spread).unwrap();
        made.push(plan(target, &format!("public.{}", target.table), &catalog::read(&session).unwrap()));
    }
    let way = Way { before: at("2026-03-01"), now: at("2026-03-01"), ..Way::new(&running, "all_tables", made) };
    let summary = way.bring(&missing(), &|_, _| {}).unwrap();
    assert_eq!((summary.rows, summary.refused), (40 * TARGETS.len() as u64, 0), "{summary:?}");
    assert_eq!(summary.tables.len(), TARGETS.len());
    for plan in &way.plans {
        assert_eq!(way.digest(plan), digest(&session, plan, Range::ALL).unwrap(), "{}", plan.into.table);
    }
    assert_eq!(way.count("SELECT count(*) FROM positions WHERE position_id >= 0 OR position_id IS NULL"), 0);
    assert_eq!(way.count("SELECT count(*) FROM orders WHERE metadata IS NULL"), 0);
    way.assert_sound();
    // They are found by who asks for them, wherever they stand.
    let stores = {
        let remote = crate::service::open_cold(&way.paths, &way.settings.cold).unwrap();
        let published = Published::default();
        catch_up(way.db(), &way.paths, published.clone()).unwrap();
        crate::query::Stores::new(&way.db(), published, &way.paths.places, remote).unwrap()
    };
    let pool = way.instance.as_ref().unwrap().pool().clone();
    let duck = crate::query::Duck::new(pool, Hot::default(), stores);
    let rows = |query: &Query| match duck.ask(query).unwrap().rows {
        crate::query::Rows::Table { batches, .. } => {
            batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>()
        }
        other => panic!("{other:?}"),
    };
    let (page, of) = (crate::query::Page::Newest(100), Of::default());
    assert_eq!(rows(&Query::Trades { range: range("2026-01-10", "2026-01-20"), of, page }), 10);
    assert_eq!(rows(&Query::Orders { range: Range::ALL, of, page }), 40);
    assert_eq!(rows(&Query::Equity { range: Range::ALL, account: None, page }), 40);
    let held = way.count(
        "SELECT count(*) FROM (FROM positions QUALIFY row_number() OVER (PARTITION BY account, exchange, symbol,
        strategy_id ORDER BY snapshot_time DESC) = 1) WHERE side <> 'flat'",
    );
    assert_eq!(rows(&Query::Positions { at: at("2026-03-01"), of }) as u64, held);
}

#[test]
fn old_periods_go_to_the_cold_store_and_what_is_deleted_here_stays_there() {
    let Some(running) = running() else { return };
    let session = running.database("ages");
    session.execute("make their tables", &trades()).unwrap();
    // The first day is cold by then, the others warm.
    let now = at("2026-04-03 12:00:00");
    let mut way = Way { now, ..Way::new(&running, "ages", plans(&session, MAPPING)) };
    let summary = way.bring(&missing(), &|_, _| {}).unwrap();
    assert_eq!((summary.rows, summary.slices_done), (4_320, 3));
    let tiers: Vec<Tier> = way.manifest().all().map(|piece| piece.tier).collect();
    assert_eq!((tiers.iter().filter(|t| **t == Tier::Cold).count(), tiers.len()), (6, 18));
    assert!(way.paths.places.cold.join("manifest-1.json").is_file(), "who finds the store can read what is in it");
    way.assert_sound();
    // What the archive moves keeps where it came from.
    let later = at("2026-05-01");
    let report = way.with(&|_| {}, |archive| archive.run(later, &[])).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(way.manifest().all().all(|piece| piece.tier == Tier::Cold && piece.origin.is_some()));
    assert_eq!(way.bring(&missing(), &|_, _| {}).unwrap().slices_before, 3);
    way.settings.market_ticks.cold = Age::For(Duration::from_secs(100 * 86_400));
    way.settings.market_ticks.at_end = AtEnd::Delete;
    let way = Way { now: at("2026-06-01"), ..way };
    let summary = way.bring(&again("2026-01-01", "2026-02-01"), &|_, _| {}).unwrap();
    assert_eq!((summary.slices_past, summary.rows), (3, 0));
}

#[test]
fn a_slice_that_is_done_again_is_there_once() {
    let Some(running) = running() else { return };
    let session = running.database("again");
    session.execute("make their tables", &trades()).unwrap();
    let way = Way::new(&running, "again", plans(&session, MAPPING));
    way.bring(&missing(), &|_, _| {}).unwrap();
    let change = "DELETE FROM raw_trades WHERE trade_id = 1500; UPDATE raw_trades SET price = 1 WHERE trade_id = 1501;
        DELETE FROM raw_trades WHERE time >= '2026-01-04 00:00:00+00'";
    session.execute("change rows", change).unwrap();
    let summary = way.bring(&again("2026-01-03 12:00:00", "2026-01-05"), &|_, _| {}).unwrap();
    assert_eq!((summary.rows, summary.slices_done, summary.slices_empty, summary.slices_before), (1_439, 1, 1, 1));
    let theirs = digest(&session, &way.plans[0], range("2026-01-01", "2026-01-04")).unwrap();
    // Their last day is empty now, and was asked for anew: so it is here.
    let last = way.count("SELECT count(*) FROM market_ticks WHERE \"timestamp\" >= '2026-01-04'");
    assert_eq!((way.digest(&way.plans[0]).rows, last), (theirs.rows, 0));
    way.assert_sound();
}

#[test]
fn a_number_that_a_late_tick_takes_meanwhile_is_not_given_twice() {
    let Some(running) = running() else { return };
    let session = running.database("taken");
    session.execute("make their tables", &trades()).unwrap();
    let way = Way { before: at("2026-01-03"), ..Way::new(&running, "taken", plans(&session, MAPPING)) };
    way.db().execute_batch("CREATE TABLE disk.ticks_20260102 AS FROM main.ticks_template LIMIT 0").unwrap();
    let is_first = AtomicBool::new(true);
    let late = |writer: &Writer, did: &Did| {
        if matches!(did, Did::Placed(_)) && is_first.swap(false, Ordering::SeqCst) {
            let day = "2026-01-02".parse().unwrap();
            let open = Piece::open(crate::tiers::tables::ticks(), day, 0, "disk.ticks_20260102".to_owned());
            let publication = Publication { removed: vec![], added: vec![open], source: None, what: "late".to_owned() };
            writer.change(Change::Publish(publication)).unwrap();
        }
    };
    assert_eq!(way.bring(&missing(), &late).unwrap().rows, 1_440);
    let parts: Vec<(u32, Tier)> = way.manifest().all().map(|piece| (piece.part, piece.tier)).collect();
    assert_eq!(parts[..3], [(0, Tier::Disk), (1, Tier::Warm), (1, Tier::Warm)]);
    assert_eq!(way.count("SELECT count(*) FROM market_ticks"), 1_440);
    way.assert_sound();
}

#[test]
fn a_file_that_somebody_puts_in_the_way_is_named_and_the_next_run_takes_its_place() {
    let Some(running) = running() else { return };
    let session = running.database("in_the_way");
    session.execute("make their tables", &trades()).unwrap();
    let way = Way::new(&running, "in_the_way", plans(&session, MAPPING));
    let put = std::sync::OnceLock::new();
    let ended = way.bring(&missing(), &|_, did| {
        let Did::Placed(location) = did else { return };
        put.get_or_init(|| {
            let next = way.paths.places.file(&location.replace("part-0", "part-1"));
            std::fs::write(&next, "of somebody").unwrap();
            next
        });
    });
    let ended = ended.unwrap_err();
    let Error::InTheWay { file } = &ended else { panic!("{ended}") };
    assert_eq!((Some(file), std::fs::read_to_string(file).unwrap().as_str()), (put.get(), "of somebody"));
    assert!(ended.to_string().contains("`merganser migrate timescale backfill`"), "{ended}");
    way.bring(&missing(), &|_, _| {}).unwrap();
    assert_eq!(way.digest(&way.plans[0]), digest(&session, &way.plans[0], Range::until(way.before)).unwrap());
    way.assert_sound();
}

/// Files that were replaced are removed later than the numbers of their parts are free.
#[test]
fn a_number_that_one_table_gives_up_is_not_given_to_another_whose_file_would_be_removed_for_its() {
    let Some(running) = running() else { return };
    let session = running.database("given_up");
    session.execute("make their tables", &raw_trades(1_439)).unwrap();
    session.execute("make another", "CREATE TABLE quotes AS SELECT * FROM raw_trades WHERE trade_id < 100").unwrap();
    let mapping = format!("{MAPPING}{}", MAPPING.replace("raw_trades", "quotes"));
    let mut way = Way::new(&running, "given_up", plans(&session, &mapping));
    way.limits = Limits { connections: 1, part_rows: 5_000, ..way.limits };
    for name in ["public.quotes", "public.raw_trades"] {
        let wanted = Wanted { tables: vec![name.to_owned().try_into().unwrap()], ..missing() };
        way.bring(&wanted, &|_, _| {}).unwrap();
    }
    let parts = |way: &Way| way.manifest().all().map(|piece| piece.part).collect::<Vec<_>>();
    assert_eq!(parts(&way), [0, 0, 1, 1]);
    // The trades of that day have gone there: their part goes here, and nothing comes in its place.
    session.execute("delete rows", "DELETE FROM raw_trades").unwrap();
    let (published, is_held) = (AtomicUsize::new(0), AtomicBool::new(false));
    // Who removes files hears of it only when the other table has been published as well.
    let did = |_: &Writer, did: &Did| {
        if matches!(did, Did::Published(_)) && published.fetch_add(1, Ordering::SeqCst) == 0 {
            until("the watcher is held", || is_held.load(Ordering::SeqCst));
        }
    };
    let hold = |_: &Progress| {
        if published.load(Ordering::SeqCst) == 1 {
            is_held.store(true, Ordering::SeqCst);
            until("the other table is published", || published.load(Ordering::SeqCst) == 2);
        }
    };
    let summary = way.watched(&again("2026-01-02", "2026-01-03"), &did, &hold, &|| true).unwrap();
    assert_eq!((summary.rows, summary.slices_done, summary.slices_empty), (100, 1, 1));
    assert_eq!(parts(&way), [2, 2]);
    assert_eq!(way.count("SELECT count(*) FROM market_ticks"), 100);
    way.assert_sound();
}

#[test]
fn memory_answers_for_no_time_that_is_brought_over() {
    let Some(running) = running() else { return };
    let session = running.database("memory");
    session.execute("make their tables", &trades()).unwrap();
    let way = Way { before: at("2026-01-04 12:00:00"), ..Way::new(&running, "memory", plans(&session, MAPPING)) };
    let window = HotWindow { from: at("2026-01-04"), complete_to: Seq(1), to: at("2026-01-05"), follows: true };
    way.hot.publish(Window { window, slices: Default::default() });
    way.bring(&missing(), &|_, _| {}).unwrap();
    assert_eq!(way.hot.window().map(|window| window.from), Some(way.before));
    // Our own ticks of that day stand on disk: a start takes them from the watermark on, and no later.
    way.db()
        .execute_batch(
            "CREATE TABLE disk.ticks_20260104 AS SELECT * REPLACE (1::BIGINT AS tick_id, TIMESTAMP '2026-01-04 13:00:00' AS \"timestamp\",
                 TIMESTAMP '2026-01-04 13:00:00' AS ingestion_time) FROM market_ticks LIMIT 1;
             INSERT INTO manifest (table_name, period, part, slice, tier, location, sealed, has_revisions)
                 VALUES ('market_ticks', '2026-01-04', 9, '', 'disk', 'disk.ticks_20260104', false, false)",
        )
        .unwrap();
    let (hot, options) = (Hot::default(), HotOptions { max_bytes: 64 << 20, keep: Duration::from_secs(86_400) });
    let mut writer = HotWriter::open(way.db(), options, &way.paths.market, hot.clone()).unwrap();
    assert!(rebuild(&mut writer, &way.db(), &|| true).unwrap());
    writer.publish(true);
    assert_eq!(hot.window().map(|window| window.from), Some(way.before));
}

/// Who turns pages goes on from an instant and so many of its rows, whichever side answers next.
#[test]
fn rows_of_an_instant_come_in_the_order_in_which_the_server_gives_them() {
    let Some(running) = running() else { return };
    let session = running.database("instants");
    // 900 rows in each of two instants, the newest numbers first: more than a part has, and none where it belongs.
    let scrambled = "CREATE TABLE raw_trades (time timestamptz, symbol text NOT NULL, trade_id bigint, price numeric, qty numeric NOT NULL);
        INSERT INTO raw_trades SELECT '2026-01-02 00:00:00+00'::timestamptz + i % 2 * INTERVAL '1 hour', 'BTC/USD', i, 5, 0.5
            FROM generate_series(1800, 1, -1) i";
    session.execute("make their tables", scrambled).unwrap();
    let way = Way::new(&running, "instants", plans(&session, MAPPING));
    assert_eq!(way.bring(&missing(), &|_, _| {}).unwrap().rows, 1_800);
    let first = Asked { order: Order::Oldest, limit: Some(1_000), ..Asked::all(Range::ALL) };
    let plan = &way.plans[0];
    let (question, mut rows) = (plan.question(&first).unwrap(), plan.rows());
    let taken =
        |row: crate::postgres::copy::Row<'_>| -> Result<(), crate::migrate::plan::Error> { Ok(rows.push(row)?) };
    session.copy_out("read a page", &question, taken).unwrap();
    let page = rows.take();
    let numbers = page.column_by_name("sequence_number").unwrap().as_primitive::<arrow::datatypes::Int64Type>();
    let ours = "SELECT string_agg(n, ',') FROM (SELECT sequence_number AS n FROM market_ticks ORDER BY \"timestamp\", tick_id LIMIT 1000)";
    let ours: String = way.db().query_row(ours, [], |row| row.get(0)).unwrap();
    let theirs: Vec<String> = numbers.values().iter().map(ToString::to_string).collect();
    assert!(ours == theirs.join(","), "{ours}");
    way.assert_sound();
}

/// The bar that was open when dual write began is written by both: by theirs, and by ours from its middle on.
#[test]
fn the_bar_that_the_watermark_cuts_is_there_once() {
    let Some(running) = running() else { return };
    let session = running.database("cut_bar");
    let theirs = "CREATE TABLE bars (at timestamptz NOT NULL, o numeric, v numeric, n bigint);
        INSERT INTO bars SELECT '2026-01-02 00:00:00+00'::timestamptz + i * INTERVAL '1 minute', 100 + i, 1, 5 FROM generate_series(0, 9) i";
    session.execute("make their tables", theirs).unwrap();
    let columns = "exchange = { value = \"binance\" }\nsymbol = { value = \"BTCUSDT\" }\ntimeframe = { value = \"1m\" }
        timestamp = { from = \"at\" }\nopen = { from = \"o\" }\nhigh = { from = \"o\" }\nlow = { from = \"o\" }\nclose = { from = \"o\" }
        volume = { from = \"v\" }\nnotional = { from = \"o\" }\ntrade_count = { from = \"n\" }\nis_complete = { value = \"true\" }";
    let mapping = format!("[[table]]\nfrom = \"public.bars\"\ninto = \"ohlcv_bars\"\n[table.columns]\n{columns}");
    let way = Way { before: at("2026-01-02 00:08:30"), ..Way::new(&running, "cut_bar", plans(&session, &mapping)) };
    way.db()
        .execute_batch(
            "INSERT INTO disk.ohlcv_bars SELECT i, 'binance', 'BTCUSDT', '1m', TIMESTAMP '2026-01-02 00:08:00' + to_minutes(i), 7, 7, 7,
                 7, 1, 7, NULL, 1, 0, true FROM range(3) r(i)",
        )
        .unwrap();
    way.bring(&missing(), &|_, _| {}).unwrap();
    let bars = "SELECT count(*) FROM ohlcv_bars";
    assert_eq!(way.count(bars), 11, "nine of theirs, three of ours, one of them the same");
    // Theirs saw all of its trades.
    assert_eq!(way.count(&format!("{bars} WHERE \"timestamp\" = '2026-01-02 00:08:00' AND \"open\" = 108")), 1);
    way.assert_sound();
}
