//! Rows of a real PostgreSQL come into the tiers, each once, whatever happens on the way.

mod kills;
mod refused;
mod rewritten;
mod timescale;
mod whole;

use std::path::PathBuf;
use std::time::Duration;

use messages::UtcNanos;

use super::{Again, Backfill, Error, Limits, Progress, Summary, Wanted, run};
use crate::archive::digest::Digest;
use crate::archive::tests::archive;
use crate::archive::{Archive, Did, Writer};
use crate::datadir::Paths;
use crate::duck::file::catch_up;
use crate::duck::hot::Hot;
use crate::duck::instance::{Instance, Options};
use crate::migrate::plan::Plan;
use crate::migrate::tests::theirs::{MAPPING, plans, raw_trades};
use crate::postgres::tests::running::Running;
use crate::postgres::{Server, Session, catalog};
use crate::query::Range;
use crate::query::tests::{at, range};
use crate::settings::{self, Age, AtEnd};
use crate::tiers::period::Unit;
use crate::tiers::{Manifest, Origin, Period, Piece, Published, Tier};

/// Their trades of three days, the last at midnight behind the third.
fn trades() -> String {
    raw_trades(4_320)
}

/// Ticks are warm for 90 days, then cold; the others are warm.
pub fn tiers() -> settings::Tiers {
    let others = settings::Limits::of_tests(7, 90, Age::For(Duration::ZERO));
    settings::Tiers::of_tests(settings::Limits::of_tests(7, 90, Age::Forever), others)
}

/// A directory that rows come into, and the server that they come from.
struct Way {
    dir: tempfile::TempDir,
    paths: Paths,
    instance: Option<Instance>,
    server: Server,
    plans: Vec<Plan>,
    settings: settings::Tiers,
    limits: Limits,
    hot: Hot,
    before: UtcNanos,
    now: UtcNanos,
}

impl Way {
    /// From a database of the test's own.
    fn new(running: &Running, database: &str, plans: Vec<Plan>) -> Self {
        Self::from(Server::new(&running.settings_of(database, "owner")).unwrap(), plans)
    }

    fn from(server: Server, plans: Vec<Plan>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::of(dir.path(), None);
        let limits = Limits { connections: 2, rows_per_second: 0, max_rejects: 100, part_rows: 500, reserve_bytes: 0 };
        let (before, now, hot) = (at("2026-01-05"), at("2026-01-06"), Hot::default());
        let mut way = Self { dir, paths, instance: None, server, plans, settings: tiers(), limits, hot, before, now };
        way.start();
        way
    }

    /// Opens the database, as a start does.
    fn start(&mut self) {
        self.instance = None;
        self.instance = Some(Instance::open(&self.paths.database, &Options::small(), &self.paths.places).unwrap());
        self.with(&|_| {}, |_| {});
    }

    fn db(&self) -> duckdb::Connection {
        self.instance.as_ref().unwrap().connect().unwrap()
    }

    fn with<T>(&self, on: &dyn Fn(&Did), work: impl FnOnce(&Archive<'_>) -> T) -> T {
        work(&archive(self.instance.as_ref().unwrap(), &self.paths, self.settings.clone(), on))
    }

    /// Brings over what is wanted.
    fn bring(&self, wanted: &Wanted, did: &(dyn Fn(&Writer, &Did) + Sync)) -> Result<Summary, Error> {
        self.watched(wanted, did, &|_| {}, &|| true)
    }

    fn watched(
        &self,
        wanted: &Wanted,
        did: &(dyn Fn(&Writer, &Did) + Sync),
        on: &dyn Fn(&Progress),
        go_on: &dyn Fn() -> bool,
    ) -> Result<Summary, Error> {
        self.with(&|_| {}, |archive| {
            let writer = &archive.writer;
            let ctx = Backfill {
                archive,
                hot: &self.hot,
                server: &self.server,
                plans: &self.plans,
                before: self.before,
                now: self.now,
                rejects: &self.rejects(),
                limits: self.limits,
                must_wait: &|| false,
                go_on,
                on,
                did: &|step| did(writer, step),
            };
            run(&ctx, wanted)
        })
    }

    fn rejects(&self) -> PathBuf {
        self.dir.path().join("rejects")
    }

    /// What of the plan's columns is in the table here.
    fn digest(&self, plan: &Plan) -> Digest {
        let column =
            |name: &&str| if *name == "note" { "metadata.note AS note".to_owned() } else { format!("\"{name}\"") };
        let columns: Vec<String> = plan.columns().iter().map(column).collect();
        let sql = format!("SELECT {} FROM {}", columns.join(", "), plan.into.table);
        let (db, mut digest) = (self.db(), Digest::default());
        let mut statement = db.prepare(&sql).unwrap();
        for batch in statement.stream_arrow([]).unwrap() {
            digest.add(plan.table(), &batch.unwrap()).unwrap();
        }
        digest
    }

    fn count(&self, sql: &str) -> u64 {
        self.db().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn manifest(&self) -> Manifest {
        Manifest::load(&self.db()).unwrap()
    }

    /// Nothing is missing, doubled, damaged, or without an owner.
    fn assert_sound(&self) {
        self.with(&|_| {}, |archive| {
            assert_eq!(archive.verify(false, &|_| {}).unwrap().1, Vec::new());
            assert_eq!(archive.look_through().unwrap(), Vec::new());
        });
        assert!(!self.paths.places.staging.exists(), "nothing is left half made");
    }
}

fn missing() -> Wanted {
    Wanted::default()
}

fn again(from: &str, to: &str) -> Wanted {
    Wanted { tables: Vec::new(), range: range(from, to), again: Again::Whatever }
}

/// A piece of ticks that was brought over.
pub fn piece(from: &str, start: UtcNanos, end: UtcNanos) -> Piece {
    let day = Period::of(Unit::Day, start);
    let origin = Origin { from: from.to_owned(), start: start.micros(), end: end.micros(), refused: 0 };
    let open = Piece::open(crate::tiers::tables::ticks(), day, 0, String::new());
    Piece { tier: Tier::Warm, sealed: true, origin: Some(origin), ..open }
}
