//! Rows of a real PostgreSQL come into the tiers, each once, whatever happens on the way.

mod kills;
mod refused;
mod timescale;
mod whole;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use messages::UtcNanos;

use super::{Again, Backfill, Error, Limits, Progress, Summary, Wanted, run};
use crate::archive::digest::Digest;
use crate::archive::{Archive, Did, Writer};
use crate::cold::{Cold, StorageClass};
use crate::datadir::Paths;
use crate::duck::file::catch_up;
use crate::duck::hot::Hot;
use crate::duck::instance::{Instance, Options};
use crate::migrate::mapping::{Mapping, check};
use crate::migrate::plan::Plan;
use crate::postgres::tests::running::Running;
use crate::postgres::{Server, Session, catalog};
use crate::query::Range;
use crate::settings::{self, Age, AtEnd};
use crate::tiers::period::Unit;
use crate::tiers::{Manifest, Origin, Period, Piece, Published, Tier};

/// What another program keeps: three days of two symbols, a row every minute, the last at midnight behind the third.
const TRADES: &str = "
    CREATE TABLE raw_trades (time timestamptz, symbol text NOT NULL, trade_id bigint, price numeric, qty numeric NOT NULL);
    INSERT INTO raw_trades
        SELECT '2026-01-02 00:00:00+00'::timestamptz + i * INTERVAL '1 minute', CASE i % 2 WHEN 0 THEN 'BTC/USD' ELSE 'ETHUSDT' END,
            i, 61837.63 + i, 0.5
        FROM generate_series(0, 4320) i;
    CREATE INDEX ON raw_trades (time)";

const MAPPING: &str = r#"
    [[table]]
    from = "public.raw_trades"
    into = "market_ticks"
    [table.columns]
    exchange = { value = "binance" }
    kind = { value = "trade" }
    symbol = { from = "symbol" }
    timestamp = { from = "time" }
    last_price = { from = "price" }
    volume = { from = "qty" }
    sequence_number = { from = "trade_id" }
"#;

fn at(text: &str) -> UtcNanos {
    text.parse().unwrap()
}

fn range(from: &str, to: &str) -> Range {
    Range { from: at(from), to: at(to) }
}

/// Ticks are warm for 90 days, then cold; the others are warm.
pub fn tiers() -> settings::Tiers {
    let days = |n: u64| Age::For(Duration::from_secs(n * 86_400));
    let limits = |cold: Age| settings::Limits {
        disk: days(7),
        warm: days(90),
        cold,
        at_end: AtEnd::Keep,
        storage_class: StorageClass::GlacierIr,
    };
    settings::Tiers {
        schedule: String::new(),
        warm_level: 1,
        cold_level: 3,
        cold: settings::Cold::of_tests(""),
        market_ticks: limits(Age::Forever),
        ohlcv_bars: limits(days(0)),
        orders: limits(days(0)),
        portfolio_snapshots: limits(days(0)),
        system_metrics: limits(days(0)),
        application_logs: limits(days(0)),
    }
}

/// A plan for each table of a mapping, held against what is there now.
fn plans(session: &Session, mapping: &str) -> Vec<Plan> {
    let checked = check(&Mapping::parse(mapping).unwrap(), &catalog::read(session).unwrap());
    assert_eq!(checked.problems, []);
    checked.plans
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
        let writer = catch_up(self.db(), &self.paths, Published::default()).unwrap();
        work(&Archive {
            db: self.db(),
            writer: Writer::Own(Box::new(Mutex::new(writer))),
            places: self.paths.places.clone(),
            cold: Cold::open(&self.settings.cold, &self.paths.places.cold).unwrap(),
            settings: self.settings.clone(),
            on,
            settle: &|| true,
            go_on: &|| true,
        })
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
