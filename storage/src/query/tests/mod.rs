//! Questions over every tier.

mod bars;
mod plan;
mod restoring;
mod sql;
mod tiers;

use std::path::Path;
use std::sync::Mutex;

use messages::{Exchange, Instrument, UtcNanos};

use super::{Answer, Duck, Query, Range, Source, Stores};
use crate::archive::{Archive, Report, Writer};
use crate::datadir::Paths;
use crate::duck::file::{FileWriter, catch_up};
use crate::duck::hot::Hot;
use crate::duck::instance::{Instance, Options};
use crate::service::open_cold;
use crate::settings::{Age, Cold, Limits, Tiers};
use crate::tiers::{Places, Published};

/// A data directory without a running process, and who asks it.
pub(crate) struct Directory {
    root: tempfile::TempDir,
    instance: Instance,
    manifest: Published,
    stores: Stores,
    duck: Duck,
}

impl Directory {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let options = Options { memory_bytes: 512 << 20, ..Options::small() };
        let paths = Paths::of(root.path(), None);
        let instance = Instance::open(&paths.database, &options, &Places::of(root.path())).unwrap();
        let manifest = Published::default();
        catch_up(instance.connect().unwrap(), &paths, manifest.clone()).unwrap();
        let db = instance.connect().unwrap();
        let remote = open_cold(&paths, &Cold { cache_bytes: 64 << 20, ..Cold::of_tests("") }).unwrap();
        let stores = Stores::new(&db, manifest.clone(), &paths.places, remote).unwrap();
        let duck = Duck::new(instance.pool().clone(), Hot::default(), stores.clone());
        Self { root, instance, manifest, stores, duck }
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    /// Applies what the journals hold.
    pub(crate) fn follow(&self) -> FileWriter {
        let paths = Paths::of(self.path(), None);
        catch_up(self.instance.connect().unwrap(), &paths, self.manifest.clone()).unwrap()
    }

    pub(crate) fn execute(&self, sql: &str) {
        self.instance.connect().unwrap().execute_batch(sql).unwrap();
    }

    fn archive(&self, now: &str) -> Report {
        let archive = Archive {
            db: self.instance.connect().unwrap(),
            writer: Writer::Own(Box::new(Mutex::new(self.follow()))),
            places: self.stores.places.clone(),
            cold: self.stores.cold.clone(),
            settings: limits(),
            on: &|_| {},
            settle: &|| true,
            go_on: &|| true,
        };
        let report = archive.run(at(now), &[]).unwrap();
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        report
    }

    /// A connection of its own, and the tiers below memory.
    pub(crate) fn connect(&self) -> (duckdb::Connection, Stores) {
        (self.instance.connect().unwrap(), self.stores.clone())
    }

    pub(crate) fn ask(&self, query: &Query) -> Answer {
        self.duck.ask(query).unwrap_or_else(|e| panic!("{query:?}: {e}"))
    }
}

/// Ticks: a day on disk, another one warm. Months: a day on disk, ten days warm. Then cold for ever.
pub(crate) fn limits() -> Tiers {
    let [days, months] = [2, 10].map(|warm| Limits::of_tests(1, warm, Age::Forever));
    Tiers { system_metrics: days.clone(), application_logs: days.clone(), ..Tiers::of_tests(days, months) }
}

pub(crate) fn at(text: &str) -> UtcNanos {
    text.parse().unwrap()
}

pub(crate) fn range(from: &str, to: &str) -> Range {
    Range { from: at(from), to: at(to) }
}

pub(crate) fn instrument(symbol: &str) -> Instrument {
    Instrument { exchange: Exchange::Simulated, symbol: symbol.parse().unwrap() }
}
