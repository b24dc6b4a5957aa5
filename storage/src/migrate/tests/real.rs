//! Against a real PostgreSQL: rows of every table go there and come back, and their digest tells one changed cell.

use arrow::array::RecordBatch;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::super::encode::{self, sql_type};
use super::super::mapping::{self, Mapping, check, propose};
use super::super::plan::{self, Plan};
use super::super::targets::{TARGETS, Target};
use super::super::trial;
use super::round::{Random, plan, random, sheet};
use super::theirs::hidden;
use crate::archive::digest::Digest;
use crate::postgres::catalog::Form;
use crate::postgres::tests::running::running;
use crate::postgres::{self, Server, Session, catalog, copy};
use crate::query::Range;
use crate::tiers;

const ROWS: usize = 200;

/// Random rows of a table.
fn rows() -> Vec<Vec<Random>> {
    let strategy = proptest::collection::vec(proptest::collection::vec(random(), 7), ROWS);
    strategy.new_tree(&mut TestRunner::deterministic()).unwrap().current()
}

pub fn create(session: &Session, target: &Target) {
    let columns: Vec<String> =
        target.columns().map(|(name, kind)| format!("{} {}", catalog::quoted(name), sql_type(kind))).collect();
    session.execute("make a table", &format!("CREATE TABLE {} ({})", target.table, columns.join(", "))).unwrap();
}

/// Rows into the table of their target.
pub fn copy_rows(session: &Session, target: &Target, batch: &RecordBatch) {
    let mut writer = copy::Writer::new(batch.num_columns());
    encode::rows(batch, &mut writer);
    let mut copy_in = session.copy_in("copy rows", target.table).unwrap();
    // In two pieces, as a long copy is sent.
    let mut bytes = writer.finish();
    let rest = bytes.split_off(bytes.len() / 3);
    copy_in.send(bytes).unwrap();
    copy_in.send(rest).unwrap();
    assert_eq!(copy_in.finish().unwrap(), batch.num_rows() as u64);
}

/// The digest of what a plan reads.
pub fn digest(session: &Session, plan: &Plan, range: Range) -> Result<Digest, plan::Error> {
    let mut rows = plan.rows();
    session.copy_out("copy rows", &plan.select(range), |row| rows.push(row).map_err(plan::Error::from))?;
    let mut digest = Digest::default();
    digest.add(tiers::table(plan.into.table).unwrap(), &rows.take()).unwrap();
    Ok(digest)
}

#[test]
fn rows_of_every_table_go_there_and_come_back_with_the_same_digest() {
    let Some(running) = running() else { return };
    let session = running.database("round");
    for target in TARGETS {
        create(&session, target);
        let batch = sheet(target, &rows()).take();
        let mut ours = Digest::default();
        ours.add(tiers::table(target.table).unwrap(), &batch).unwrap();
        copy_rows(&session, target, &batch);
        let catalog = catalog::read(&session).unwrap();
        let plan = plan(target, &format!("public.{}", target.table), &catalog);
        plan.confirm(&session).unwrap();
        let theirs = digest(&session, &plan, Range::ALL).unwrap();
        assert_eq!((theirs.row_hash(), theirs), (ours.row_hash(), ours.clone()), "{}", target.table);
        // Elsewhere in the heap, and so in another order: the same rows.
        let time = catalog::quoted(target.time);
        let half = format!("UPDATE {} SET {time} = {time} WHERE ctid::text LIKE '%1)'", target.table);
        session.execute("move rows", &half).unwrap();
        assert_eq!(digest(&session, &plan, Range::ALL).unwrap(), ours, "{}", target.table);
        // One cell by its last digit: another digest.
        let one = format!(
            "UPDATE {} SET {time} = {time} + INTERVAL '1 microsecond' WHERE ctid = (SELECT min(ctid) FROM {0})",
            target.table
        );
        session.execute("change a row", &one).unwrap();
        let changed = digest(&session, &plan, Range::ALL).unwrap();
        assert_eq!(changed.rows, ours.rows);
        assert_ne!(changed.row_hash(), ours.row_hash(), "{}", target.table);
    }
}

#[test]
fn nothing_of_a_copy_is_there_before_it_ends() {
    let Some(running) = running() else { return };
    let session = running.database("unfinished");
    session.execute("make a table", "CREATE TABLE t (a bigint)").unwrap();
    let mut writer = copy::Writer::new(1);
    writer.begin_row();
    writer.cell(|bytes| bytes.extend_from_slice(&7i64.to_be_bytes()));
    let mut broken_off = session.copy_in("copy rows", "t").unwrap();
    broken_off.send(writer.take()).unwrap();
    drop(broken_off);
    assert_eq!(session.ask("count", "SELECT count(*) FROM t", &[]).unwrap()[0].get::<_, i64>(0), 0);
}

/// Tables of another program, with a mapping that was proposed and completed by hand.
const THEIRS: &str = "
    CREATE TYPE way AS ENUM ('BUY', 'SELL');
    CREATE TABLE raw_trades (time timestamptz NOT NULL, symbol text NOT NULL, trade_id bigint, price numeric NOT NULL,
        qty double precision NOT NULL, side way);
    INSERT INTO raw_trades
        SELECT '2026-01-02 00:00:00+00'::timestamptz + i * INTERVAL '1 hour', 'BTCUSDT', i, 61837.63 + i, 0.1 * i, 'BUY'
        FROM generate_series(0, 47) i";

fn theirs(session: &Session) -> Plan {
    session.execute("make their tables", THEIRS).unwrap();
    let catalog = catalog::read(session).unwrap();
    let text = propose(&catalog).replace("[table.columns]", "[table.columns]\nexchange = { value = \"binance\" }");
    let mut checked = check(&Mapping::parse(&text).unwrap(), &catalog);
    assert_eq!(checked.problems, [], "{text}");
    checked.plans.remove(0)
}

#[test]
fn what_is_proposed_brings_the_rows_of_children_and_views_over_once() {
    let Some(running) = running() else { return };
    let session = running.database("once");
    session.execute("make their tables", THEIRS).unwrap();
    let more = "
        CREATE TABLE a_child () INHERITS (raw_trades);
        INSERT INTO a_child SELECT time + INTERVAL '1 minute', symbol, trade_id + 100, price, qty, side FROM raw_trades LIMIT 10;
        CREATE VIEW a_view AS SELECT * FROM raw_trades;
        CREATE MATERIALIZED VIEW kept AS SELECT * FROM a_view";
    session.execute("make more of them", more).unwrap();
    let catalog = catalog::read(&session).unwrap();
    assert_eq!(catalog.tables.len(), 4);
    let text = propose(&catalog).replace("\n[table.columns]", "\n[table.columns]\nexchange = { value = \"binance\" }");
    let checked = check(&Mapping::parse(&text).unwrap(), &catalog);
    assert_eq!((checked.problems, checked.doubts), (vec![], vec![]), "{text}");
    let rows: Vec<u64> = checked.plans.iter().map(|plan| digest(&session, plan, Range::ALL).unwrap().rows).collect();
    assert_eq!(rows, [58], "{text}");
}

#[test]
fn their_rows_are_read_by_the_half_open_range_of_a_slice() {
    let Some(running) = running() else { return };
    let session = running.database("slices");
    let plan = theirs(&session);
    let day = |from: &str, to: &str| Range { from: from.parse().unwrap(), to: to.parse().unwrap() };
    let all = digest(&session, &plan, Range::ALL).unwrap();
    let first = digest(&session, &plan, day("2026-01-02", "2026-01-03")).unwrap();
    let second = digest(&session, &plan, day("2026-01-03", "2026-01-04")).unwrap();
    assert_eq!((all.rows, first.rows, second.rows), (48, 24, 24));
    let mut both = first;
    both.merge(&second);
    assert_eq!(both, all, "what slices are together is what the table is");
    // 0.1 × (0 + … + 47), as decimals: no floating-point sum gives it exactly.
    assert!(all.sums_json().contains(r#""volume":"112.80000000""#), "{}", all.sums_json());
}

#[test]
fn a_value_that_does_not_fit_is_refused_with_its_column() {
    let Some(running) = running() else { return };
    let session = running.database("refused");
    let plan = theirs(&session);
    session.execute("change a row", "UPDATE raw_trades SET price = 0.123456789 WHERE trade_id = 7").unwrap();
    let refused = digest(&session, &plan, Range::ALL).unwrap_err();
    assert_eq!(refused.to_string(), "last_price = 0.123456789: has more than 8 decimals");
    // The stream was left in its middle; the session goes on.
    assert_eq!(
        digest(&session, &plan, Range { from: "2026-01-03".parse().unwrap(), to: Range::ALL.to }).unwrap().rows,
        24
    );
}

#[test]
fn a_trial_counts_what_does_not_fit_and_goes_on() {
    let Some(running) = running() else { return };
    let session = running.database("trial");
    let plan = theirs(&session);
    let sound = digest(&session, &plan, Range::ALL).unwrap();
    let more =
        "INSERT INTO raw_trades SELECT time, symbol, trade_id, 'NaN', qty, side FROM raw_trades WHERE trade_id < 12";
    session.execute("add rows that do not fit", more).unwrap();
    let found = trial::run(&session, &plan, Range::ALL, &|_| {}).unwrap();
    assert_eq!((found.refused, found.first.len()), (12, 10));
    assert!(found.first[0].1.to_string().ends_with("last_price = NaN: is no finite number"), "{:?}", found.first);
    assert_eq!(found.digest, sound, "the others are what they were");
    session.execute("change a column", "ALTER TABLE raw_trades ALTER trade_id TYPE double precision").unwrap();
    assert!(matches!(trial::run(&session, &plan, Range::ALL, &|_| {}), Err(plan::Error::Changed { .. })));
    // Neither is left inside its transaction.
    session.execute("write", "DELETE FROM raw_trades").unwrap();
}

#[test]
fn a_table_that_cannot_be_tried_says_why_and_leaves_the_others_to_be_tried() {
    let Some(running) = running() else { return };
    let session = running.database("trial_unfilled");
    let plan = theirs(&session);
    session
        .execute("make a view", "CREATE MATERIALIZED VIEW unfilled AS SELECT * FROM raw_trades WITH NO DATA")
        .unwrap();
    let mut unfilled = plan.clone().standing_as(&Form::View);
    unfilled.from = "public.unfilled".to_owned().try_into().unwrap();
    let refused = trial::run(&session, &unfilled, Range::ALL, &|_| {}).unwrap_err();
    assert!(refused.is_of_its_table(), "{refused}");
    let words = refused.to_string();
    assert!(words.contains("\"unfilled\"") && words.contains("let its owner run REFRESH MATERIALIZED VIEW"), "{words}");
    assert_eq!(trial::run(&session, &plan, Range::ALL, &|_| {}).unwrap().digest.rows, 48);
    session.execute("fill it", "REFRESH MATERIALIZED VIEW unfilled").unwrap();
    assert_eq!(trial::run(&session, &unfilled, Range::ALL, &|_| {}).unwrap().digest.rows, 48);
    let gone = plan::Error::Postgres(postgres::Error::Left { server: "db".to_owned() });
    assert!(!gone.is_of_its_table(), "a server that is gone has no table to try");
}

#[test]
fn all_tables_that_the_server_would_not_give_are_found_at_once_whatever_the_catalog_says() {
    let Some(running) = running() else { return };
    let owner = running.database("unreadable");
    let mapping = hidden(&owner);
    let reader = Session::open(&Server::new(&running.settings_of("unreadable", "reader")).unwrap()).unwrap();
    let found = |mapping: &str| {
        let checked = check(&Mapping::parse(mapping).unwrap(), &catalog::read(&reader).unwrap());
        let found = mapping::unreadable(&reader, &checked.to_ask).unwrap();
        (checked.problems.len(), found.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let (problems, all) = found(&mapping);
    assert_eq!((problems, all.len()), (0, 3), "{all:?}");
    for (found, (place, next_step)) in all.iter().zip([
        ("public.raw_trades: ", "BYPASSRLS"),
        ("public.seen: ", "BYPASSRLS"),
        ("public.unfilled: ", "REFRESH MATERIALIZED VIEW"),
    ]) {
        assert!(found.starts_with(place) && found.contains(next_step), "{found}");
    }
    // What is wrong with the mapping of one hides nothing of them.
    assert_eq!(found(&mapping.replacen("\"qty\"", "\"quantity\"", 1)), (1, all));
    let mend = "ALTER TABLE raw_trades DISABLE ROW LEVEL SECURITY; REFRESH MATERIALIZED VIEW unfilled";
    owner.execute("mend them", mend).unwrap();
    assert_eq!(found(&mapping), (0, Vec::new()));
    // One that the catalog says may not be read is said once.
    owner.execute("take the right", "REVOKE SELECT ON kept FROM reader").unwrap();
    assert_eq!(found(&mapping), (1, Vec::new()));
}

#[test]
fn a_trial_finds_what_a_backfill_would_refuse_for_want_of_a_number() {
    let Some(running) = running() else { return };
    let session = running.database("trial_ranks");
    // The last of the 1,027 rows of one instant stand among those of a later one.
    let cash = "CREATE TABLE cash (at timestamptz, currency text, amount numeric);
        INSERT INTO cash SELECT '2026-01-02 00:00:00+00'::timestamptz + i % 2 * INTERVAL '1 hour', 'C' || i, i FROM generate_series(2055, 2, -1) i
            WHERE i % 2 = 0 OR i < 20";
    session.execute("make their table", cash).unwrap();
    let mapping =
        "[[table]]\nfrom = \"public.cash\"\ninto = \"balances\"\n[table.columns]\naccount = { value = \"paper\" }
        asset = { from = \"currency\" }\ntotal = { from = \"amount\" }\ntimestamp = { from = \"at\" }";
    let plan = super::theirs::plans(&session, mapping).remove(0);
    let found = trial::run(&session, &plan, Range::ALL, &|_| {}).unwrap();
    assert_eq!((found.digest.rows, found.refused), (1_024 + 9, 3));
    assert!(found.first[0].1.to_string().contains("more than 1024 rows"), "{:?}", found.first);
}

#[test]
fn a_column_that_changed_its_type_midway_is_found_before_it_is_read() {
    let Some(running) = running() else { return };
    let session = running.database("midway");
    let plan = theirs(&session);
    plan.confirm(&session).unwrap();
    // Eight bytes before and after: only the type tells that they mean something else.
    session.execute("change a column", "ALTER TABLE raw_trades ALTER trade_id TYPE double precision").unwrap();
    let changed = plan.confirm(&session).unwrap_err();
    assert!(matches!(&changed, plan::Error::Changed { column, .. } if column == "trade_id"), "{changed}");
    session.execute("drop a column", "ALTER TABLE raw_trades DROP trade_id").unwrap();
    let gone = plan.confirm(&session).unwrap_err();
    assert!(matches!(gone, plan::Error::Postgres(postgres::Error::Missing { .. })), "{gone}");
}
