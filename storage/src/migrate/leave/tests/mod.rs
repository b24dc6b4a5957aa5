//! Everything of a real PostgreSQL is in the store before anything of it is dropped, and what has changed is not.

mod depended;
mod gone;
mod timescale;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::archive::tests::archive;
use crate::datadir::Paths;
use crate::duck::instance::{Instance, Options};
use crate::migrate::backfill::tests::tiers;
use crate::postgres::Session;
use crate::postgres::tests::running::{Running, running};

/// Their tables, with what no other database has; a view that is mapped; one of ours, and one of theirs beside it.
const TABLES: &str = r#"
    CREATE TYPE way AS ENUM ('BUY', 'SELL');
    CREATE TABLE "Odd ones" (id bigint PRIMARY KEY, small smallint, whole integer, flag boolean, price numeric, fixed numeric(18, 8),
        single real, wide double precision, at timestamptz, local timestamp, day date, side way, doc jsonb, raw bytea, ids uuid,
        list integer[], name varchar(20), "NAME" text);
    INSERT INTO "Odd ones" VALUES
        (1, -1, 7, true, 'NaN', 1.5, 0.1, 'Infinity', 'infinity', '-infinity', '2026-01-02', 'BUY', '{"a": 1}', '\x00ff',
            '00000000-0000-0000-0000-000000000007', '{1,2}', 'käse', 'x'),
        (2, NULL, NULL, NULL, 123456789012345678901234567890.123456789, NULL, NULL, NULL, '2026-01-02 03:04:05.678901+00', NULL,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    CREATE TABLE many (id bigint, price numeric);
    INSERT INTO many SELECT i, i * 0.1 FROM generate_series(1, 1000) i;
    CREATE TABLE nothing (id bigint);
    CREATE TABLE unrelated (id bigint);
    CREATE VIEW seen AS SELECT id FROM unrelated;
    CREATE SCHEMA merganser;
    CREATE TABLE merganser.my_notes (id bigint);
    CREATE TABLE merganser.orders (order_id uuid PRIMARY KEY);
    INSERT INTO merganser.orders SELECT gen_random_uuid() FROM generate_series(1, 10)"#;

const MAPPED: [&str; 4] = ["public.Odd ones", "public.many", "public.nothing", "public.seen"];
const EXPORTED: [&str; 5] = ["merganser.orders", "public.Odd ones", "public.many", "public.nothing", "public.seen"];
const DROPPED: [&str; 4] = ["merganser.orders", "public.Odd ones", "public.many", "public.nothing"];

struct Place {
    _dir: tempfile::TempDir,
    paths: Paths,
    instance: Instance,
    server: Server,
    mapped: Vec<TableName>,
}

impl Place {
    fn new(running: &Running, database: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::of(dir.path(), None);
        let instance = Instance::open(&paths.database, &Options::small(), &paths.places).unwrap();
        let server = Server::new(&running.settings_of(database, "owner")).unwrap();
        let mapped: Vec<TableName> = MAPPED.iter().map(|name| (*name).to_owned().try_into().unwrap()).collect();
        Self { _dir: dir, paths, instance, server, mapped }
    }

    fn archive<T>(&self, work: impl FnOnce(&Archive<'_>) -> T) -> T {
        work(&archive(&self.instance, &self.paths, tiers(), &|_| {}))
    }

    fn leave(&self, drop: Drop<'_>, did: &(dyn Fn(&Did) + Sync)) -> Result<Report, Error> {
        self.leave_beside(drop, &|_| {}, did)
    }

    /// As [`Self::leave`], beside what `on` does several times a second.
    fn leave_beside(
        &self,
        drop: Drop<'_>,
        on: &dyn Fn(&Progress),
        did: &(dyn Fn(&Did) + Sync),
    ) -> Result<Report, Error> {
        self.archive(|archive| {
            let ctx = Leave {
                archive,
                server: &self.server,
                mapped: &self.mapped,
                schema: "merganser",
                now: "2026-03-01".parse().unwrap(),
                part_rows: 400,
                reserve_bytes: 0,
                go_on: &|| true,
                on,
                did,
            };
            run(&ctx, drop)
        })
    }

    /// A file or a folder of the first export.
    fn folder(&self, table: &str) -> PathBuf {
        self.export(1).join(table)
    }

    fn export(&self, number: u32) -> PathBuf {
        let all = self.paths.places.cold.join("decommissioned").join(self.server.database());
        all.join(format!("export-{number}"))
    }

    /// A value out of the files of a table.
    fn read(&self, table: &str, what: &str) -> String {
        let files = crate::tiers::places::quoted(&self.folder(table).join("*.parquet"));
        let sql = format!("SELECT ({what})::VARCHAR FROM read_parquet({files}, hive_partitioning = false)");
        self.instance.connect().unwrap().query_row(&sql, [], |row| row.get(0)).unwrap()
    }
}

fn names(exported: &Exported) -> Vec<&str> {
    exported.tables.iter().map(|table| table.name.as_str()).collect()
}

fn count(session: &Session, table: &str) -> i64 {
    session.ask("count", &format!("SELECT count(*) FROM {table}"), &[]).unwrap()[0].get(0)
}

#[test]
fn every_table_is_exported_with_all_that_is_in_it_and_nothing_is_dropped() {
    let Some(running) = running() else { return };
    let session = running.database("exported");
    session.execute("make tables", TABLES).unwrap();
    let place = Place::new(&running, "exported");
    let report = place.leave(Drop::No, &|_| {}).unwrap();
    assert_eq!((names(&report.exported), report.was_there, report.dropped.len()), (EXPORTED.to_vec(), false, 0));
    let of = |name: &str| report.exported.tables.iter().find(|table| table.name == name).unwrap();
    assert_eq!((of("public.many").rows, of("public.many").files.len()), (1_000, 3));
    assert_eq!((of("public.nothing").rows, of("public.nothing").files.len()), (0, 1));
    assert!(!of("public.seen").is_table && of("public.seen").form == "view");
    // What Arrow has stands as that, all else as the server shows it, to the last digit.
    let odd = "public.Odd%20ones";
    let first = "string_agg(concat_ws(' ', id, small, whole, flag, price, fixed, single, wide, side, doc, raw, ids, list, name), '') FILTER (id = 1)";
    assert_eq!(
        place.read(odd, first),
        r#"1 -1 7 true NaN 1.50000000 0.10000000149011612 inf BUY {"a": 1} \x00ff 00000000-0000-0000-0000-000000000007 {1,2} käse"#
    );
    assert_eq!(place.read(odd, "max(price) FILTER (id = 2)"), "123456789012345678901234567890.123456789");
    assert_eq!(place.read(odd, "count(*) FILTER (isinf(\"at\") AND isinf(\"local\") AND day = '2026-01-02')"), "1");
    assert_eq!(place.read(odd, "epoch_us(max(\"at\") FILTER (id = 2))"), "1767323045678901");
    assert_eq!(place.read("public.many", "sum(price::DECIMAL(18, 1))"), "50050.0");
    let text = std::fs::read_to_string(place.folder("report.md")).unwrap();
    assert!(text.contains("| public.many | table | 1000 | 3 |") && text.contains("price numeric"), "{text}");
    // Once more it is what it was; nothing is written again.
    let again = place.leave(Drop::No, &|did| panic!("{did:?}")).unwrap();
    assert_eq!((again.was_there, &again.exported), (true, &report.exported));
    // The archive takes none of it for what a crash left.
    let swept = place.archive(|archive| archive.run("2026-03-02".parse().unwrap(), &[])).unwrap().swept;
    assert_eq!(swept, Vec::<String>::new());
    assert!(place.leave(Drop::No, &|_| {}).unwrap().was_there);
}

#[test]
fn what_all_rows_are_together_is_said_of_those_that_were_read() {
    let Some(running) = running() else { return };
    let session = running.database("hashed");
    session.execute("make tables", TABLES).unwrap();
    // Other rows for whoever asks again.
    let view = "DROP VIEW seen; CREATE VIEW seen AS SELECT random()::text AS x FROM generate_series(1, 3)";
    session.execute("make a view", view).unwrap();
    let place = Place::new(&running, "hashed");
    let exported = place.leave(Drop::No, &|_| {}).unwrap().exported;
    let read = place.read("public.seen", "string_agg(x, ',')");
    let sql = "SELECT '3 rows with sum ' || sum(hashtextextended('(' || x || ')', 0)::numeric)
        FROM unnest(string_to_array($1, ',')) x";
    let expected: String = session.ask("add up", sql, &[&read]).unwrap()[0].get(0);
    assert_eq!(exported.tables[4].fingerprint, expected);
}

#[test]
fn exactly_what_was_exported_is_dropped_and_only_by_the_name_of_the_database() {
    let Some(running) = running() else { return };
    let session = running.database("dropped");
    session.execute("make tables", TABLES).unwrap();
    let place = Place::new(&running, "dropped");
    let other = place.leave(Drop::Yes("postgres"), &|_| {}).unwrap_err();
    assert!(other.to_string().contains("--yes-drop dropped"), "{other}");
    place.leave(Drop::No, &|_| {}).unwrap();
    session.execute("change a row", "UPDATE many SET price = 0.11 WHERE id = 7").unwrap();
    let changed = place.leave(Drop::Yes("dropped"), &|_| {}).unwrap_err();
    assert!(matches!(&changed, Error::ChangedTable { table, .. } if table == "public.many"), "{changed}");
    assert_eq!((count(&session, "many"), count(&session, "merganser.orders")), (1_000, 10));
    assert!(!place.leave(Drop::No, &|_| {}).unwrap().was_there, "exported anew");
    // What is never dropped is never locked: it is looked at before.
    session.execute("change what a view shows", "INSERT INTO unrelated VALUES (1)").unwrap();
    let changed = place.leave(Drop::Yes("dropped"), &|_| {}).unwrap_err();
    assert!(matches!(changed, Error::Changed { .. }), "{changed}");
    session.execute("change it back", "DELETE FROM unrelated").unwrap();
    session.execute("make a view", "CREATE VIEW watching AS SELECT * FROM many").unwrap();
    let depended = place.leave(Drop::Yes("dropped"), &|_| {}).unwrap_err();
    assert!(matches!(depended, Error::Depended { .. }), "{depended}");
    assert_eq!(count(&session, "merganser.orders"), 10, "all or none");
    session.execute("drop the view", "DROP VIEW watching").unwrap();
    let report = place.leave(Drop::Yes("dropped"), &|_| {}).unwrap();
    assert_eq!((report.was_there, report.dropped), (true, DROPPED.map(str::to_owned).to_vec()));
    assert!(report.text.contains("| public.many | table | 1000 | 3 |") && report.text.contains("| dropped |"));
    assert_eq!(
        count(&session, "information_schema.tables WHERE table_name IN ('many', 'nothing', 'Odd ones', 'orders')"),
        0
    );
    assert_eq!(count(&session, "seen"), 0, "what was not exported is there");
    assert_eq!(count(&session, "merganser.my_notes"), 0, "and so is what somebody else made in our schema");
    assert!(place.export(2).join("dropped.json").is_file() && !place.folder("dropped.json").exists());
    // Whoever did not hear the answer asks again.
    let heard = place.leave(Drop::Yes("dropped"), &|_| {}).unwrap();
    assert_eq!((heard.was_there, heard.dropped.len()), (true, 4));
}

#[test]
fn what_was_dropped_stays_in_the_store_whatever_comes_after_it() {
    let Some(running) = running() else { return };
    let session = running.database("kept");
    session.execute("make tables", TABLES).unwrap();
    let place = Place::new(&running, "kept");
    place.leave(Drop::No, &|_| {}).unwrap();
    place.leave(Drop::Yes("kept"), &|_| {}).unwrap();
    // A collector that nobody ended makes its tables anew.
    let anew =
        r#"CREATE TABLE "Odd ones" (id bigint); CREATE TABLE many (id bigint); CREATE TABLE nothing (id bigint)"#;
    session.execute("make tables anew", anew).unwrap();
    let changed = place.leave(Drop::Yes("kept"), &|_| {}).unwrap_err();
    assert!(matches!(changed, Error::Changed { .. }), "{changed}");
    let report = place.leave(Drop::No, &|_| {}).unwrap();
    assert!(!report.was_there && report.folder.ends_with("/kept/export-2"), "{}", report.folder);
    assert_eq!(place.read("public.many", "count(*)"), "1000");
    assert!(place.folder("manifest.json").is_file() && place.folder("dropped.json").is_file());
    assert_eq!(place.leave(Drop::Yes("kept"), &|_| {}).unwrap().dropped.len(), 3);
    assert_eq!(place.read("public.many", "count(*)"), "1000");
}

#[test]
fn tables_are_called_dropped_only_when_all_of_them_are_gone() {
    let Some(running) = running() else { return };
    let session = running.database("by_hand");
    session.execute("make tables", TABLES).unwrap();
    let place = Place::new(&running, "by_hand");
    place.leave(Drop::No, &|_| {}).unwrap();
    session.execute("drop one by hand", "DROP TABLE nothing").unwrap();
    let missing = place.leave(Drop::Yes("by_hand"), &|_| {}).unwrap_err();
    assert!(matches!(&missing, Error::Missing { tables } if tables == "public.nothing"), "{missing}");
    session.execute("drop the others of theirs", r#"DROP TABLE many, "Odd ones""#).unwrap();
    let missing = place.leave(Drop::Yes("by_hand"), &|_| {}).unwrap_err();
    assert!(matches!(missing, Error::Missing { .. }), "{missing}");
    assert_eq!(count(&session, "merganser.orders"), 10);
}

#[test]
fn a_row_that_changes_behind_the_last_look_is_found_under_the_lock() {
    let Some(running) = running() else { return };
    let session = running.database("locked");
    session.execute("make tables", TABLES).unwrap();
    let place = Place::new(&running, "locked");
    let exported = place.leave(Drop::No, &|_| {}).unwrap().exported;
    // As many rows, and another one.
    session
        .execute("change a row", "UPDATE merganser.orders SET order_id = gen_random_uuid() WHERE ctid = '(0,1)'")
        .unwrap();
    let changed = dropping::drop_all(&server::open(&place.server).unwrap(), &exported).unwrap_err();
    assert!(matches!(&changed, Error::ChangedTable { table, .. } if table == "merganser.orders"), "{changed}");
    assert_eq!(count(&session, "many"), 1_000);
}

#[test]
fn a_table_that_is_rewritten_before_its_turn_has_come_is_exported_with_its_rows() {
    let Some(running) = running() else { return };
    let session = running.database("export_rewritten");
    session.execute("make tables", TABLES).unwrap();
    let place = Place::new(&running, "export_rewritten");
    session.execute("rewrite a table", "BEGIN; ALTER TABLE many ALTER COLUMN price TYPE text").unwrap();
    let commit = |_: &Progress| {
        if count(&session, "pg_locks WHERE NOT granted AND relation = 'many'::regclass") > 0 {
            session.execute("rewrite a table", "COMMIT").unwrap();
        }
    };
    let report = place.leave_beside(Drop::No, &commit, &|_| {}).unwrap();
    let many = report.exported.tables.iter().find(|table| table.name == "public.many").unwrap();
    assert_eq!((many.rows, many.columns[1].kind.as_str()), (1_000, "text"));
    // What was exported is what is dropped: the export holds no lock any more that would keep it from being.
    assert_eq!(place.leave(Drop::Yes("export_rewritten"), &|_| {}).unwrap().dropped.len(), DROPPED.len());
}

#[test]
fn an_export_that_is_cut_off_at_any_step_is_done_anew_by_the_next_one() {
    let Some(running) = running() else { return };
    let session = running.database("export_cut");
    session.execute("make tables", TABLES).unwrap();
    let steps = AtomicUsize::new(0);
    let whole = Place::new(&running, "export_cut");
    let counted = |_: &Did| {
        steps.fetch_add(1, Ordering::SeqCst);
    };
    let expected = whole.leave(Drop::No, &counted).unwrap().exported;
    let all = steps.into_inner();
    // Seven files, each written, synced, looked at, and put.
    assert_eq!(all, 7 * 4);
    let place = Place::new(&running, "export_cut");
    for last in 1..=all {
        let steps = AtomicUsize::new(0);
        let cut = |_: &Did| assert!(steps.fetch_add(1, Ordering::SeqCst) + 1 < last, "the plug is pulled");
        assert!(catch_unwind(AssertUnwindSafe(|| place.leave(Drop::No, &cut))).is_err(), "step {last}");
        assert!(!place.folder("manifest.json").exists(), "step {last}: not whole");
    }
    let report = place.leave(Drop::No, &|_| {}).unwrap();
    assert_eq!((report.was_there, report.exported), (false, expected));
}
