//! What does not fit stays there, and is shown: never rounded, never guessed, never lost without a word.

use super::*;
use crate::migrate::{plan, trial};
use crate::postgres::tests::running::running;

#[test]
fn rows_that_do_not_fit_stand_in_a_file_and_come_over_once_they_do() {
    let Some(running) = running() else { return };
    let session = running.database("rejects");
    session.execute("make their tables", &trades()).unwrap();
    let spoil = "UPDATE raw_trades SET price = 'NaN' WHERE trade_id = 7;
        UPDATE raw_trades SET price = 0.123456789 WHERE trade_id = 8;
        UPDATE raw_trades SET price = NULL WHERE trade_id = 9;
        UPDATE raw_trades SET time = NULL WHERE trade_id = 2000;
        UPDATE raw_trades SET time = '-infinity' WHERE trade_id = 2001";
    session.execute("spoil rows", spoil).unwrap();
    let way = Way::new(&running, "rejects", plans(&session, MAPPING));
    let summary = way.bring(&missing(), &|_, _| {}).unwrap();
    assert_eq!((summary.rows, summary.refused, summary.rejects.len()), (4_315, 5, 2), "{summary:?}");
    let text = |start: &str| {
        std::fs::read_to_string(way.rejects().join(format!("public.raw_trades-market_ticks-{start}.csv"))).unwrap()
    };
    let day = text("2026-01-02");
    assert_eq!(
        day.lines().nth(1),
        Some(
            "symbol=ETHUSDT time=2026-01-02 00:07:00.000000 price=NaN qty=0.5 trade_id=7,last_price,NaN,is no finite number"
        )
    );
    assert!(day.contains("last_price,0.123456789,has more than 8 decimals"), "{day}");
    assert!(day.contains("last_price,NULL,must have a value"), "{day}");
    let no_time = text("no-time");
    assert!(no_time.contains("timestamp,NULL,must have a value"), "{no_time}");
    assert!(no_time.contains("-infinity,is infinite; expected an instant"), "{no_time}");
    assert_eq!((summary.total.slices, summary.total.rows, summary.total.refused), (3, 4_315, 5));
    let refused = |day: &str| way.manifest().of_period("market_ticks", day)[0].origin.as_ref().unwrap().refused;
    assert_eq!((refused("2026-01-02"), refused("2026-01-03")), (3, 0));
    session.execute("mend rows", "UPDATE raw_trades SET price = 1 WHERE trade_id IN (7, 8, 9)").unwrap();
    let summary = way.bring(&again("2026-01-02", "2026-01-03"), &|_, _| {}).unwrap();
    assert_eq!((summary.rows, summary.refused), (1_440, 2), "the two without a time are refused again");
    assert!(!way.rejects().join("public.raw_trades-market_ticks-2026-01-02.csv").exists());
    way.assert_sound();
}

#[test]
fn a_trial_refuses_the_times_that_a_backfill_refuses() {
    let Some(running) = running() else { return };
    let session = running.database("far_times");
    session.execute("make their tables", &trades()).unwrap();
    // An instant of ours could be each of them, and no whole year has any.
    let far = "INSERT INTO raw_trades SELECT at, 'BTC/USD', 9000, 1, 1 FROM unnest(ARRAY[
        '1677-12-31 23:59:59.999999+00', '2262-01-01 00:00:00+00', '2262-03-01 00:00:00+00']::timestamptz[]) at";
    session.execute("add rows", far).unwrap();
    let way = Way::new(&running, "far_times", plans(&session, MAPPING));
    let tried = trial::run(&session, &way.plans[0], Range::ALL, &|_| {}).unwrap();
    let brought = way.bring(&missing(), &|_, _| {}).unwrap();
    assert_eq!((tried.refused, brought.refused, tried.digest.rows), (3, 3, 4_321));
    let first = tried.first[0].1.to_string();
    assert_eq!(first, "timestamp = 1677-12-31 23:59:59.999999: lies outside of the years 1678 to 2261");
    let file = std::fs::read_to_string(&brought.rejects[0]).unwrap();
    for (_, refusal) in &tried.first {
        assert!(file.contains(&format!("{},{},{}", refusal.column, refusal.value, refusal.reason)), "{file}");
    }
}

#[test]
fn a_mapping_that_is_wrong_ends_the_run_with_what_was_refused() {
    let Some(running) = running() else { return };
    let session = running.database("too_many");
    session.execute("make their tables", &trades()).unwrap();
    session.execute("spoil rows", "UPDATE raw_trades SET price = price / 3 WHERE trade_id >= 1440").unwrap();
    let mut way = Way::new(&running, "too_many", plans(&session, MAPPING));
    way.limits.max_rejects = 50;
    let ended = way.bring(&missing(), &|_, _| {}).unwrap_err();
    let Error::TooManyRefused { table, most, first, file, .. } = &ended else { panic!("{ended}") };
    assert_eq!((table.as_str(), *most, first.len()), ("public.raw_trades", 50, 10));
    assert!(
        file.is_file() && ended.to_string().contains("last_price = ") && ended.to_string().contains("max_rejects"),
        "{ended}"
    );
    assert_eq!(way.manifest().of_period("market_ticks", "2026-01-04"), []);
    way.assert_sound();
}

#[test]
fn a_column_that_changed_its_type_is_named_and_nothing_of_it_is_read() {
    let Some(running) = running() else { return };
    let session = running.database("changed");
    session.execute("make their tables", &trades()).unwrap();
    let way = Way::new(&running, "changed", plans(&session, MAPPING));
    session.execute("change a column", "ALTER TABLE raw_trades ALTER trade_id TYPE double precision").unwrap();
    let changed = way.bring(&missing(), &|_, _| {}).unwrap_err();
    let is_named = matches!(&changed, Error::Plan(plan::Error::Changed { column, .. }) if column == "trade_id");
    assert!(is_named && changed.to_string().contains("bigint"), "{changed}");
    assert_eq!(way.manifest().all().count(), 0);
}

#[test]
fn what_cannot_be_is_said_before_anything_is_read() {
    let Some(running) = running() else { return };
    let session = running.database("cannot");
    session
        .execute(
            "make their tables",
            "CREATE TABLE b1 (account text, asset text, total numeric, at timestamptz); CREATE TABLE b2 (LIKE b1)",
        )
        .unwrap();
    let one = |from: &str| {
        format!(
            "[[table]]\nfrom = \"public.{from}\"\ninto = \"balances\"\n[table.columns]\naccount = {{ from = \"account\" }}\n
             asset = {{ from = \"asset\" }}\ntotal = {{ from = \"total\" }}\ntimestamp = {{ from = \"at\" }}\n"
        )
    };
    let way = Way::new(&running, "cannot", plans(&session, &(one("b1") + &one("b2"))));
    let two = way.bring(&missing(), &|_, _| {}).unwrap_err().to_string();
    assert!(
        two.contains("public.b1 and public.b2 are both mapped into balances") && two.contains("UNION ALL"),
        "{two}"
    );
    let named = Wanted { tables: vec!["public.b3".to_owned().try_into().unwrap()], ..missing() };
    let unknown = way.bring(&named, &|_, _| {}).unwrap_err().to_string();
    assert!(unknown.contains("no table public.b3; it has public.b1, public.b2"), "{unknown}");
    let full = Way {
        limits: Limits { reserve_bytes: u64::MAX / 2, ..way.limits },
        ..Way::new(&running, "cannot", plans(&session, &one("b1")))
    };
    session.execute("add a row", "INSERT INTO b1 VALUES ('a', 'USD', 1, '2026-01-02')").unwrap();
    let full = full.bring(&missing(), &|_, _| {}).unwrap_err();
    assert!(matches!(full, Error::Archive(crate::archive::Error::NoRoom { .. })), "{full}");
}
