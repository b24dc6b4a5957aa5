//! A running directory and a real PostgreSQL that is written to as well: both are compared, changed by hand, and put right.

mod brought;
mod changed;
mod ended;
mod gone;
mod misfits;
mod moving;
mod repaired;
mod timescale;

use messages::UtcNanos;
use messages::ledger::{LedgerRecord, Seq};
use messages::migration::Watermark;

use super::report::{Mismatch, On};
use super::{Again, Compare, Error, Folders, Report, TWICE, Wanted, run};
use crate::archive::tests::Opened;
use crate::migrate::plan::Plan;
use crate::migrate::sink::tests::records;
use crate::migrate::sink::tests::tiers;
use crate::migrate::sink::{self, SinkHandle, State};
use crate::postgres::catalog::TableName;
use crate::postgres::tests::running::{Running, running, until};
use crate::postgres::{Server, Session};
use crate::query::Range;
use crate::service::{Database, Storage};
use crate::settings::Timescale;

/// Both sides.
pub struct Both {
    opened: Opened,
    settings: Timescale,
    server: Server,
    /// For hands in PostgreSQL; none where there is room for one session only.
    theirs: Option<Session>,
    sink: Option<SinkHandle>,
    groups: u64,
}

impl Both {
    /// With so many groups of records, and a database of the test's own.
    pub fn new(running: &Running, database: &str, groups: u64) -> Self {
        Self::with_segments(running, database, groups, 1 << 20)
    }

    /// As [`Self::new`], with segments of the market journal of so many bytes.
    pub fn with_segments(running: &Running, database: &str, groups: u64, segment_bytes: u64) -> Self {
        let mut both = Self::started(running, database, segment_bytes);
        both.sink_from(Seq(0));
        both.write(groups);
        both.level();
        both
    }

    /// A directory that runs and has no sink yet.
    pub fn started(running: &Running, database: &str, segment_bytes: u64) -> Self {
        let both = Self::opened(running, database, segment_bytes);
        both.storage().ledger.append_and_wait(vec![LedgerRecord::Started(records::started("compared"))]).unwrap();
        both
    }

    /// Starts the sink behind a market record.
    pub fn sink_from(&mut self, watermark: Seq) {
        let plan = sink::Plan {
            settings: self.settings.clone(),
            schema: self.settings.schema.clone(),
            tiers: self.opened.tiers.clone(),
            watermark,
        };
        self.sink = Some(self.storage().sink().start(plan).unwrap());
    }

    pub fn without_sink(running: &Running, database: &str) -> Self {
        Self::opened(running, database, 1 << 20)
    }

    fn opened(running: &Running, database: &str, segment_bytes: u64) -> Self {
        let theirs = running.database(database);
        let settings = running.settings_of(database, "owner");
        let mut both = Self::beside(Server::new(&settings).unwrap(), settings, segment_bytes);
        both.theirs = Some(theirs);
        both
    }

    /// Beside a server.
    pub fn beside(server: Server, settings: Timescale, segment_bytes: u64) -> Self {
        let opened = Opened::new(tempfile::tempdir().unwrap(), segment_bytes, tiers(), &settings);
        let both = Self { opened, settings, server, theirs: None, sink: None, groups: 0 };
        until("the database is open", || both.storage().database().stores().is_some());
        both
    }

    pub fn storage(&self) -> &Storage {
        self.opened.storage()
    }

    /// Writes the next groups of records.
    pub fn write(&mut self, groups: u64) {
        for _ in 0..groups {
            self.groups += 1;
            let (ledger, market) = (records::ledger(self.groups), records::market(self.groups));
            self.storage().ledger.append_and_wait(ledger).unwrap();
            self.storage().market.append_and_wait(market).unwrap();
        }
    }

    /// Waits until both sides hold all records.
    pub fn level(&self) {
        let storage = self.storage();
        let ends = (storage.ledger.watermark().get(), storage.market.watermark().get());
        let sink = self.sink.as_ref().unwrap();
        until("both sides are level", || {
            assert!(!matches!(sink.status().state, State::Failed { is_temporary: false, .. }), "{:?}", sink.status());
            let tables = (storage.applied_ledger().get(), storage.applied_market().get());
            sink.applied() == ends && tables == ends
        });
    }

    /// Changes rows of DuckDB by hand.
    pub fn in_duckdb(&self, sql: &str) {
        self.storage().database().connect().unwrap().execute_batch(sql).unwrap();
    }

    /// Changes rows of PostgreSQL by hand.
    pub fn in_postgres(&self, sql: &str) {
        let schema = &self.settings.schema;
        let theirs = self.theirs.as_ref().unwrap();
        theirs.execute("change by hand", &format!("SET search_path = {schema}, public; {sql}")).unwrap();
    }

    pub fn compare(&self, plans: &[Plan], what: &Wanted) -> Result<Report, Error> {
        self.compare_before(plans, what, Watermark { market: Seq(0), at: UtcNanos(0) })
    }

    pub fn compare_before(&self, plans: &[Plan], what: &Wanted, watermark: Watermark) -> Result<Report, Error> {
        let database = self.storage().database();
        let again = |table: &TableName, range: Range, _: &dyn Fn() -> bool| {
            Err(format!("{table} was to be brought over again, {} to {}", range.from, range.to))
        };
        let ctx = Compare { watermark, ..self.compared(&database, plans, &again) };
        run(&ctx, what, &|_| {}, &|| true)
    }

    fn compared<'a>(&'a self, database: &'a Database, plans: &'a [Plan], again: Again<'a>) -> Compare<'a> {
        Compare {
            database,
            archive: &self.opened.archive,
            folders: Folders { ledger: self.opened.paths.ledger.clone(), market: self.opened.paths.market.clone() },
            server: &self.server,
            schema: &self.settings.schema,
            sink: self.sink.as_ref(),
            writes: self.sink.is_some(),
            plans,
            backfilled: None,
            watermark: Watermark { market: Seq(0), at: UtcNanos(0) },
            tiers: &self.opened.tiers,
            now: "2026-01-10".parse().unwrap(),
            again,
        }
    }

    /// Compares everything that is written to both sides.
    pub fn found(&self) -> Report {
        self.compare(&[], &Wanted::all()).unwrap()
    }

    /// Compares it and puts it right.
    pub fn repaired(&self) -> Report {
        self.compare(&[], &Wanted { repair: true, ..Wanted::all() }).unwrap()
    }

    /// Answers with text.
    pub fn sql(&self, sql: &str) -> String {
        let db = self.storage().database().connect().unwrap();
        let sql = format!("SELECT coalesce(string_agg(whole::VARCHAR, ';'), '') FROM ({sql}) whole");
        db.query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    /// The newest tick of a table on disk, by its number.
    pub fn ticks_table(&self, id: i64) -> String {
        let manifest = self.storage().database().stores().unwrap().manifest.newest();
        let tables: Vec<String> = manifest.of_table("market_ticks").map(|piece| piece.location.clone()).collect();
        let has = |table: &&String| !self.sql(&format!("SELECT 1 AS n FROM {table} WHERE tick_id = {id}")).is_empty();
        tables.iter().find(has).unwrap_or_else(|| panic!("no table has the tick {id}")).clone()
    }
}

/// A row that differs, in one line: who has it, its key, and each column with both values; of a row that one side has alone,
/// how many columns.
pub fn shown(m: &Mismatch) -> String {
    let columns = match m.side {
        On::Differs => {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "NULL".to_owned());
            let cell = |c: &super::report::Cell| format!("{}: {} | {}", c.column, value(&c.duckdb), value(&c.postgres));
            m.columns.iter().map(cell).collect::<Vec<_>>().join(", ")
        }
        _ => format!("{} columns", m.columns.len()),
    };
    format!("{} {} {} ({columns})", m.table, m.side.as_str(), m.key)
}

pub fn all_shown(report: &Report) -> Vec<String> {
    report.mismatches.iter().map(shown).collect()
}

#[test]
fn both_sides_are_the_same_in_every_table_and_it_is_shown_of_what() {
    let Some(running) = running() else { return };
    let both = Both::new(&running, "compare_equal", 12);
    let report = both.found();
    assert!(report.is_clean() && report.mismatches.is_empty(), "{:?}", all_shown(&report));
    assert_eq!(report.totals.iter().map(|total| total.table.as_str()).collect::<Vec<_>>(), TWICE);
    for total in &report.totals {
        assert!(total.duckdb > 0 && total.duckdb == total.postgres, "{total:?}");
        assert_eq!(total.duckdb_hash, total.postgres_hash);
    }
    let ends = (both.storage().applied_ledger().get(), both.storage().applied_market().get());
    assert_eq!((Seq(report.ledger), Seq(report.market)), ends);
    // Ticks of three symbols, on both sides of midnight.
    let ticks: Vec<_> = report.slices.iter().filter(|slice| slice.table == "market_ticks").collect();
    assert_eq!(ticks.len(), 6, "{ticks:?}");
    assert!(ticks.iter().all(|slice| slice.is_equal && slice.duckdb == slice.postgres));
    assert!(ticks[0].duckdb.sums.contains_key("last_price"));
    // What was found stands where SQL reaches it.
    let stored = both.sql("SELECT count(*) AS n, sum(differing) AS d FROM migration_comparisons");
    assert_eq!(stored, "{'n': 9, 'd': 0}");
}

#[test]
fn without_who_writes_there_nothing_is_called_the_same() {
    let Some(running) = running() else { return };
    let both = Both::without_sink(&running, "compare_unwritten");
    let database = both.storage().database();
    let again = |_: &TableName, _: Range, _: &dyn Fn() -> bool| Ok(());
    let mut ctx = Compare { writes: true, ..both.compared(&database, &[], &again) };
    let refused = run(&ctx, &Wanted::all(), &|_| {}, &|| true).unwrap_err();
    assert!(matches!(refused, Error::NotWritten { .. }), "{refused}");
    // Frozen by choice: it is said what was not looked at.
    ctx.writes = false;
    assert_eq!(run(&ctx, &Wanted::all(), &|_| {}, &|| true).unwrap().left_out, TWICE);
}

#[test]
fn a_table_that_is_not_written_twice_is_refused_by_name() {
    let Some(running) = running() else { return };
    let both = Both::new(&running, "compare_names", 1);
    let what = Wanted { tables: vec!["application_logs".to_owned()], ..Wanted::all() };
    let refused = both.compare(&[], &what).unwrap_err();
    assert!(refused.to_string().starts_with("application_logs is not written to both sides"), "{refused}");
    let what = Wanted { tables: vec!["trades".to_owned()], range: Range::until(UtcNanos(0)), repair: false };
    let nothing = both.compare(&[], &what).unwrap();
    assert_eq!((nothing.totals.len(), nothing.rows()), (1, 0));
}

#[test]
fn a_role_whose_statements_may_not_take_long_compares_for_as_long_as_it_takes() {
    let Some(running) = running() else { return };
    let both = Both::new(&running, "compare_limited", 3);
    let theirs = both.theirs.as_ref().unwrap();
    theirs.execute("limit", "ALTER ROLE owner IN DATABASE compare_limited SET statement_timeout = '1s'").unwrap();
    // Reading this table takes three seconds.
    theirs.execute("lock", &format!("BEGIN; LOCK TABLE {}.trades", both.settings.schema)).unwrap();
    let asked = std::cell::Cell::new(0);
    let go_on = || {
        asked.set(asked.get() + 1);
        if asked.get() == 15 {
            theirs.execute("let go", "ROLLBACK").unwrap();
        }
        true
    };
    let database = both.storage().database();
    let again = |_: &TableName, _: Range, _: &dyn Fn() -> bool| Ok(());
    let report = run(&both.compared(&database, &[], &again), &Wanted::all(), &|_| {}, &go_on).unwrap();
    assert!(report.is_clean(), "{:?}", all_shown(&report));
    assert!(asked.get() >= 15, "it waited for the table");
}
