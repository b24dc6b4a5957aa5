//! Storage of a running directory: both journals, and DuckDB following behind them.
//!
//! The journals are ready when [`Storage::open`] returns; DuckDB opens beside, for trading does not
//! wait for it. PostgreSQL follows as well while it is wanted ([`Storage::sink`]). Behind the market journal its closed segments are compressed and, when there are too many,
//! dropped. It ends in order: journals first, then what they hold is applied, then a checkpoint.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use messages::ledger::{LedgerRecord, MarketRecord, Seq};
use messages::{UtcNanos, caps};

use crate::cold::{self, Cache, Cold};
use crate::datadir::Paths;
use crate::disk::Reserve;
use crate::duck::file::{CONSUMER, FileThread, FileWriter};
use crate::duck::hot::{Hot, HotWindow, Options as HotOptions};
use crate::duck::instance::{Instance, Options as DuckOptions};
use crate::duck::memory::{Connections, MemoryThread};
use crate::duck::{self};
use crate::journal::{
    self, Consumer, Health, Housekeeping, Journal, KeptFor, Late, Log, Options, Room, Taken, Watermark,
};
use crate::migrate::reads::Reads;
use crate::migrate::sink::{self, Journals, Sink};
use crate::migrate::way::{self, Way};
use crate::pool::{self, Lease, Pool, Reader};
use crate::query::{self, Answer, Duck, Query, Source, Stores};
use crate::tiers::{Published, Tier};
use crate::{archive, settings, telemetry};

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// DuckDB.
    #[error(transparent)]
    Duck(#[from] duck::Error),
    /// The cold store.
    #[error(transparent)]
    Cold(#[from] cold::Error),
}

/// Storage of a running directory.
pub struct Storage {
    /// The ledger.
    pub ledger: Journal<LedgerRecord>,
    /// The market journal.
    pub market: Journal<MarketRecord>,
    writers: Vec<JoinHandle<()>>,
    file: FileThread,
    memory: Option<MemoryThread>,
    housekeeping: Housekeeping,
    sink: Sink,
    reads: Reads,
    database: Database,
    cold: Cold,
    telemetry: telemetry::Sender,
}

/// The database of a running directory, once it is open.
#[derive(Clone, Default)]
pub struct Database {
    instance: Arc<OnceLock<Instance>>,
    hot: Hot,
    manifest: Published,
    stores: Arc<OnceLock<Stores>>,
}

impl Database {
    /// A source of answers; `None` while the database is not open yet.
    #[must_use]
    pub fn source(&self) -> Option<Box<dyn Source + Send>> {
        Some(Box::new(Duck::new(self.pool()?.clone(), self.hot.clone(), self.stores.get()?.clone())))
    }

    /// The readers; `None` while the database is not open yet.
    #[must_use]
    pub fn pool(&self) -> Option<&Pool> {
        Some(self.instance.get()?.pool())
    }

    /// Waits for a reader for a question, as a task of tokio; `None` while the database is not open yet.
    pub async fn lease(&self, query: &Query) -> Option<Result<Lease, pool::Error>> {
        let pool = self.pool()?;
        Some(pool.lease_async(query::class(query), pool.limits()).await)
    }

    /// A connection of its own, for who works long; `None` while the database is not open yet.
    pub(crate) fn connect(&self) -> Option<duckdb::Connection> {
        self.instance.get()?.connect().ok()
    }

    /// The tiers below memory; `None` while the database is not open yet.
    #[must_use]
    pub fn stores(&self) -> Option<&Stores> {
        self.stores.get()
    }

    /// Answers a question over a reader, for who has one already; from memory only if that holds the market `at_least` up
    /// to a record. `None` while the database is not open yet.
    ///
    /// # Errors
    /// DuckDB refuses, a stored row is not what it must be, or a cold file cannot be had.
    pub fn answer(&self, reader: &Reader<'_>, query: &Query, at_least: Seq) -> Option<Result<Answer, query::Error>> {
        Some(query::answer(reader, &self.hot, self.stores.get()?, query, at_least))
    }

    /// Bytes of what the tiers of files own, as the manifest says it.
    #[must_use]
    pub fn tier_bytes(&self) -> BTreeMap<Tier, u64> {
        let mut bytes = BTreeMap::new();
        for piece in self.manifest.newest().all() {
            if let Some(content) = &piece.content {
                *bytes.entry(piece.tier).or_default() += content.bytes;
            }
        }
        bytes
    }

    /// The hot tier: who brings older rows over tells it where its window may begin.
    #[must_use]
    pub fn hot(&self) -> &Hot {
        &self.hot
    }

    /// What the hot tier answers; `None` while it is empty, being filled, or switched off.
    #[must_use]
    pub fn hot_window(&self) -> Option<HotWindow> {
        self.hot.window()
    }
}

/// Opens the cold store and the cache before it.
///
/// # Errors
/// A setting cannot be used, or a folder cannot be made.
pub fn open_cold(paths: &Paths, cold: &settings::Cold) -> Result<(Cold, Cache), cold::Error> {
    let places = &paths.places;
    Ok((Cold::open(cold, &places.cold)?, Cache::open(&places.cache, cold.cache_bytes)?))
}

/// PostgreSQL as a consumer of the market journal. All is kept for it until it is known what it is to get: the ledger says
/// that, and is read later. Below twice the room at which the tables stop, what is kept for it goes first.
fn late(timescale: &settings::Timescale, reserve_bytes: u64) -> Late {
    let (taken, min_free_bytes) = (Taken::default(), reserve_bytes.saturating_mul(2));
    Late { name: sink::CONSUMER, taken, max_bytes: timescale.journal_max_bytes, min_free_bytes }
}

impl Storage {
    /// Recovers both journals, starts their threads, and lets DuckDB follow, with a hot tier if `hot` says how
    /// large. `on_health` hears how each journal is.
    ///
    /// # Errors
    /// A journal is damaged, or the disk refuses.
    pub fn open(
        paths: &Paths,
        journal: &settings::Journal,
        cold: &settings::Cold,
        timescale: &settings::Timescale,
        duck: DuckOptions,
        hot: Option<HotOptions>,
        on_health: impl Fn(Log, Health) + Clone + Send + 'static,
    ) -> Result<Self, Error> {
        let ledger_options = Options {
            segment_bytes: journal.ledger_segment_bytes,
            queue: journal.ledger_queue,
            linger: Duration::ZERO,
        };
        let market_options = Options {
            segment_bytes: journal.market_segment_bytes,
            queue: journal.market_queue,
            linger: Duration::from_millis(journal.market_linger_ms),
        };
        duck::instance::check(&paths.database)?;
        // Wrong settings are said now, not when the first old row is asked for. Nothing is asked of the store yet.
        let remote = open_cold(paths, cold)?;
        let cold = remote.0.clone();
        let heard = on_health.clone();
        let (ledger, ledger_thread) =
            Journal::open(&paths.ledger, ledger_options, move |health| heard(Log::Ledger, health))?;
        let (market, market_thread) =
            Journal::open(&paths.market, market_options, move |health| on_health(Log::Market, health))?;
        let database = Database::default();
        let (to_memory, opened) = flume::bounded(1);
        let memory = hot
            .map(|o| MemoryThread::start(opened, o, &paths.market, market.watermark().clone(), database.hot.clone()))
            .transpose()?;
        let journals = Journals {
            ledger_dir: paths.ledger.clone(),
            market_dir: paths.market.clone(),
            ledger: ledger.watermark().clone(),
            market: market.watermark().clone(),
        };
        let (slot, stores, paths) = (database.instance.clone(), database.stores.clone(), paths.clone());
        let (telemetry, told) = telemetry::channel(caps::TELEMETRY_QUEUE);
        let published = database.manifest.clone();
        let ends = (ledger.watermark().get(), market.watermark().get());
        let reserve_bytes = duck.reserve_bytes;
        let reserve = Reserve::new(&paths.root, reserve_bytes);
        let make = move || {
            let opened = Instance::open(&paths.database, &duck, &paths.places)?;
            let mut writer = FileWriter::open(opened.connect()?, &paths, ends, published.clone())?;
            writer.listen(told)?;
            let _ = stores.set(Stores::new(&opened.connect()?, published, &paths.places, remote)?);
            // Nobody hears it where the hot tier is switched off.
            let _ = to_memory.send(Connections { hot: opened.connect()?, file: opened.connect()? });
            let _ = slot.set(opened);
            Ok(writer)
        };
        let file = FileThread::start(make, ledger.watermark().clone(), market.watermark().clone(), reserve)?;
        // Everybody who must have read a market segment before it may go; the hot tier is a cache and may miss some.
        let applied = database.manifest.applied(Log::Market).clone();
        let consumers = vec![Consumer { name: CONSUMER, applied }];
        let late = late(timescale, reserve_bytes);
        let sink = Sink::new(journals.clone(), late.taken.clone());
        let (max_bytes, open) = (journal.market_max_bytes, market.open_segment().clone());
        let housekeeping = Housekeeping::start(&journals.market_dir, max_bytes, open, KeptFor { consumers, late })?;
        let writers = vec![ledger_thread, market_thread];
        Ok(Self {
            ledger,
            market,
            writers,
            file,
            memory,
            housekeeping,
            sink,
            reads: Reads::default(),
            database,
            cold,
            telemetry,
        })
    }

    /// The way into the tables for log lines and metrics: bounded, and never waited for.
    #[must_use]
    pub fn telemetry(&self) -> telemetry::Sender {
        self.telemetry.clone()
    }

    /// Who answers reads on the way out of PostgreSQL.
    #[must_use]
    pub fn reads(&self) -> Reads {
        self.reads.clone()
    }

    /// The database, for who asks questions.
    #[must_use]
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// The archive.
    #[must_use]
    pub fn archive(&self, paths: &Paths, settings: &settings::Tiers) -> archive::Runner {
        let (database, changes) = (self.database.clone(), self.file.changes.clone());
        archive::Runner::new(database, changes, paths.places.clone(), self.cold.clone(), settings.clone())
    }

    /// The place for what writes to PostgreSQL as well: it is started there, and ended, while all else runs.
    #[must_use]
    pub fn sink(&self) -> Sink {
        self.sink.clone()
    }

    /// The way out of PostgreSQL, with what it works on. `wall` is the wall clock.
    #[must_use]
    pub fn way(
        &self,
        paths: &Paths,
        settings: &settings::Timescale,
        tiers: &settings::Tiers,
        archive: &archive::Runner,
        wall: impl Fn() -> UtcNanos + Send + Sync + 'static,
    ) -> Way {
        Way::new(way::Parts {
            settings: settings.clone(),
            tiers: tiers.clone(),
            paths: paths.clone(),
            database: self.database(),
            archive: archive.clone(),
            sink: self.sink(),
            reads: self.reads.clone(),
            durable: (self.ledger.watermark().clone(), self.market.watermark().clone()),
            room: (self.reserve().clone(), self.room().clone()),
            wall: Box::new(wall),
        })
    }

    /// The last ledger record that the tables hold.
    #[must_use]
    pub fn applied_ledger(&self) -> &Watermark {
        self.database.manifest.applied(Log::Ledger)
    }

    /// The last market record that the tables hold.
    #[must_use]
    pub fn applied_market(&self) -> &Watermark {
        self.database.manifest.applied(Log::Market)
    }

    /// The last market record that the hot tier holds; `None` where it is switched off.
    #[must_use]
    pub fn applied_hot(&self) -> Option<&Watermark> {
        self.memory.as_ref().map(|memory| &memory.market)
    }

    /// Whether the market journal has room: whoever brings data waits while it has none.
    #[must_use]
    pub fn room(&self) -> &Room {
        self.housekeeping.room()
    }

    /// The room on the disk of the tables.
    #[must_use]
    pub fn reserve(&self) -> &Reserve {
        &self.file.reserve
    }

    /// True when DuckDB has stopped following, which must not be.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.watch()()
    }

    /// As [`Self::has_failed`], for who does not hold the storage.
    pub fn watch(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        let (changes, database) = (self.file.changes.clone(), self.database());
        // The file thread hears changes for as long as it lives.
        move || changes.is_disconnected() || database.pool().is_some_and(Pool::has_failed)
    }

    /// Ends in order: what is queued is written, what is written is applied.
    ///
    /// # Errors
    /// What kept DuckDB from following.
    pub fn finish(self) -> Result<(), Error> {
        self.housekeeping.finish();
        self.ledger.close();
        self.market.close();
        for writer in self.writers {
            // A journal's thread ends with an error by itself, and has said so.
            let _ = writer.join();
        }
        self.reads.close();
        // Everything is durable now. What the server does not take in time it gets after the next start.
        self.sink.stop(sink::TO_FINISH);
        if let Some(memory) = self.memory {
            memory.finish();
        }
        self.file.finish()?;
        if let Some(instance) = self.database.instance.get() {
            instance.pool().close();
            instance.checkpoint()?;
        }
        Ok(())
    }
}
