use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use messages::ledger::{Action, LedgerRecord, MarketRecord, Seq};
use messages::market::{Batch, Event, EventBody, Source as Origin, Tick, TickBody};
use messages::telemetry::{Labels, Metric, MetricKind, Telemetry};
use messages::{Exchange, Instrument, MarketId, Price, Size, UtcNanos};

use super::record::File;
use super::*;
use crate::cold::RestoreSpeed;
use crate::datadir::{DataDir, Paths};
use crate::duck::file::catch_up;
use crate::duck::instance::{Instance, Options};
use crate::journal::{self, Journal, Log, Reader, Writer};
use crate::postgres::tests::no_server;
use crate::service::Storage;
use crate::settings;
use crate::tiers::Published;

/// Batches between two looks of the writer at whether it should end, and records of a group of it.
const EVENTS: u64 = 20;

/// A time that the writer moves and everybody reads: a millisecond a batch.
struct Clock(AtomicI64);

impl Clock {
    fn tick(&self) -> UtcNanos {
        UtcNanos(self.0.fetch_add(1_000_000, Ordering::SeqCst))
    }

    fn now(&self) -> UtcNanos {
        UtcNanos(self.0.load(Ordering::SeqCst))
    }
}

fn cold() -> settings::Cold {
    settings::Cold {
        url: String::new(),
        credentials_file: String::new(),
        endpoint: String::new(),
        region: String::new(),
        request_timeout: Duration::from_secs(10),
        retries: 1,
        cache_bytes: 1 << 20,
        restore_days: 1,
        restore_speed: RestoreSpeed::Standard,
    }
}

/// Small segments, so that some are closed, compressed and still being written.
fn journal() -> settings::Journal {
    settings::Journal {
        ledger_dir: String::new(),
        ledger_segment_bytes: 4 << 10,
        market_segment_bytes: 32 << 10,
        market_max_bytes: 1 << 30,
        market_linger_ms: 1,
        market_queue: 1024,
        ledger_queue: 1024,
    }
}

fn batch(first: u64, received: UtcNanos) -> MarketRecord {
    let instrument = Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() };
    let price = Price::from_raw(10_050_000_000).unwrap();
    let body = TickBody::Trade { price, size: Size::ONE, aggressor: None, conditions: Default::default() };
    let tick = |id| Tick { instrument, time: received, sequence: Some(id as i64), revision: 0, body };
    let events = (first..first + EVENTS).map(|id| Event { id: MarketId(id), body: EventBody::Tick(tick(id)) });
    MarketRecord::Batch(Batch { source: Origin::Simulated, received, events: events.collect() })
}

fn action(at: UtcNanos) -> LedgerRecord {
    let text = || "test".to_owned();
    LedgerRecord::Action(Action { by: text(), what: text(), subject: text(), why: "w".repeat(200), at })
}

fn metric(at: UtcNanos) -> Telemetry {
    let (name, labels) = ("m".to_owned(), Labels::default());
    Telemetry::Metric(Box::new(Metric { at, name, kind: MetricKind::Gauge, value: 1.0, labels, quantiles: None }))
}

/// Appends until told to stop: ids are reserved, then used.
fn write(ledger: &Journal<LedgerRecord>, market: &Journal<MarketRecord>, clock: &Clock, from: u64, stop: &AtomicBool) {
    let mut id = from;
    while !stop.load(Ordering::Acquire) {
        let (first, end) = (MarketId(id), MarketId(id + 10 * EVENTS));
        ledger.append_and_wait(vec![LedgerRecord::MarketIds { first, end }]).unwrap();
        for _ in 0..10 {
            let at = clock.tick();
            market.append_blocking(vec![batch(id, at)], None).unwrap();
            id += EVENTS;
        }
        ledger.append_and_wait(vec![action(clock.tick())]).unwrap();
    }
}

/// Sets a flag when it goes.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A running directory.
struct Running {
    paths: Paths,
    storage: Storage,
    clock: Clock,
}

impl Running {
    fn start(root: &Path) -> Self {
        let paths = Paths::of(root, None);
        drop(DataDir::create(&paths).unwrap());
        let storage =
            Storage::open(&paths, &journal(), &cold(), &no_server(), Options::small(), None, |_, _| {}).unwrap();
        while storage.database().pool().is_none() {
            std::thread::yield_now();
        }
        // 2024-08-08, so that it is a time like others.
        Self { paths, storage, clock: Clock(AtomicI64::new(1_723_075_200_000_000_000)) }
    }

    fn back_up(&self, repository: &Repository) -> Result<Backup, Error> {
        let durable = || (self.storage.ledger.watermark().get(), self.storage.market.watermark().get());
        let database = self.storage.database();
        create(repository, &source(Tables::Running(&database), &self.paths, &durable, &|| self.clock.now()))
    }

    /// Does something while rows arrive.
    fn while_writing<T>(&self, from: u64, work: impl FnOnce() -> T) -> T {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| write(&self.storage.ledger, &self.storage.market, &self.clock, from, &stop));
            // However the work ends.
            let _ends = Ends(&stop);
            work()
        })
    }

    /// Until so many more records are durable, and the tables hold some.
    fn wait_for(&self, more: u64) {
        let (storage, enough) = (&self.storage, self.storage.market.watermark().get().0 + more);
        let applied = || storage.applied_ledger().get().min(storage.applied_market().get());
        while storage.market.watermark().get().0 < enough || applied() == Seq(0) {
            std::thread::yield_now();
        }
    }
}

fn source<'a>(
    tables: Tables<'a>,
    paths: &'a Paths,
    durable: &'a dyn Fn() -> (Seq, Seq),
    now: &'a dyn Fn() -> UtcNanos,
) -> Source<'a> {
    static COLD: std::sync::OnceLock<settings::Cold> = std::sync::OnceLock::new();
    let cold = COLD.get_or_init(cold);
    Source { tables, paths, cold, durable, reserve_bytes: 0, now, on: &|_| {}, stop: Stop::default() }
}

/// Opens a stopped directory, brings its tables up to date, and says what each holds: rows and their hash.
fn tables(root: &Path) -> BTreeMap<String, (u64, u64)> {
    let instance = opened(root);
    let names =
        ["market_ticks", "ohlcv_bars", "orders", "trades", "positions", "actions", "system_metrics", "feed_gaps"];
    names.into_iter().map(|name| (name.to_owned(), ask(&instance, name, "true"))).collect()
}

fn ask(instance: &Instance, table: &str, condition: &str) -> (u64, u64) {
    let sql = format!("SELECT count(*), coalesce(bit_xor(hash(t)), 0) FROM {table} t WHERE {condition}");
    instance.connect().unwrap().query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn opened(root: &Path) -> Instance {
    let paths = Paths::of(root, None);
    drop(DataDir::open(&paths).unwrap());
    let instance = Instance::open(&paths.database, &Options::small(), &paths.places).unwrap();
    catch_up(instance.connect().unwrap(), &paths, Published::default()).unwrap();
    instance
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// A directory with the journals of `root` up to a record of each, and tables made from them alone.
fn built(root: &Path, to: &Path, ledger: Seq, market: Seq) {
    for (log, name, end) in [(Log::Ledger, "ledger", ledger), (Log::Market, "market", market)] {
        copy_folder(&root.join(name), &to.join(name));
        assert_eq!(journal::cut(&to.join(name), log, end).unwrap(), end);
    }
}

fn hashes(backup: &Backup) -> BTreeSet<String> {
    backup.files.iter().map(|file| file.hash.to_string()).collect()
}

fn restore_to(repository: &Repository, root: &Path, wanted: &Wanted) -> Result<Restored, Error> {
    restore(repository, wanted, &Paths::of(root, None), &|_| {})
}

fn at(point: UtcNanos) -> Wanted {
    Wanted { backup: None, point: Some(Point::At(point)) }
}

fn object(repository: &Path, file: &File) -> PathBuf {
    repository.join(format!("objects/{}", file.hash))
}

#[test]
fn backups_of_a_running_directory_restore_what_its_journals_held() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("backups");
    let repository = Repository::open(folder.to_str().unwrap(), &cold()).unwrap();
    let running = Running::start(&temp.path().join("d"));
    let root = running.paths.root.clone();
    running.storage.telemetry().send(metric(running.clock.now()));
    let (first, second, between) = running.while_writing(1, || {
        running.wait_for(400);
        let first = running.back_up(&repository).unwrap();
        running.wait_for(200);
        let between = running.clock.now();
        running.wait_for(200);
        (first, running.back_up(&repository).unwrap(), between)
    });
    // Rows went on arriving while the tables were copied, and the journals reach at least as far.
    for backup in [&first, &second] {
        assert!(backup.tables.market.seq > Seq(0) && backup.tables.market.seq <= backup.journals.market, "{backup:?}");
        assert!(backup.tables.ledger.seq <= backup.journals.ledger);
        assert!(backup.tables.ledger.hash.is_some() && backup.tables.market.hash.is_some());
    }
    assert!(second.journals.market > first.journals.market);
    // What was closed at the first is not sent again.
    let again: Vec<_> = hashes(&first).intersection(&hashes(&second)).cloned().collect();
    assert!(again.len() > 4, "{} files are the same", again.len());
    assert_eq!(second.sent.0, (hashes(&second).len() - again.len()) as u64);
    assert_eq!(repository.list().unwrap(), vec![first.clone(), second.clone()]);
    assert!(!running.paths.places.warm.join(".backup").join("trading.duckdb").exists());
    running.storage.finish().unwrap();
    assert_eq!(verify(&repository, None, Damaged::Stays, &|_| {}).unwrap().findings, vec![]);

    // Each as its journals end, telemetry of the snapshot with it.
    for backup in [&first, &second] {
        let (to, expected) = (temp.path().join(&backup.id), temp.path().join(format!("built-{}", backup.id)));
        let wanted = Wanted { backup: Some(backup.id.clone()), point: None };
        let restored = restore_to(&repository, &to, &wanted).unwrap();
        assert_eq!((restored.ledger, restored.market), (backup.journals.ledger, backup.journals.market));
        built(&root, &expected, restored.ledger, restored.market);
        let (mut found, mut expected) = (tables(&to), tables(&expected));
        assert_eq!(found.remove("system_metrics").unwrap().0, 1);
        expected.remove("system_metrics");
        assert_eq!(found, expected);
        assert!(found["market_ticks"].0 > 0 && found["actions"].0 > 0);
    }

    // A point between the two: the tables of the first, the journals of the second, cut.
    let to = temp.path().join("point");
    let restored = restore_to(&repository, &to, &at(between)).unwrap();
    assert_eq!((&restored.tables, &restored.journals), (&first.id, &second.id));
    assert!(restored.market > first.tables.market.seq && restored.market < second.journals.market);
    let expected = temp.path().join("built-point");
    built(&root, &expected, restored.ledger, restored.market);
    let (mut found, mut expected) = (tables(&to), tables(&expected));
    found.remove("system_metrics");
    expected.remove("system_metrics");
    assert_eq!(found, expected);
    // Nothing later is there, and the group behind it holds something later.
    let found = opened(&to);
    for (table, column) in [("market_ticks", "ingestion_time"), ("actions", "timestamp")] {
        assert_eq!(
            ask(&found, table, &format!("\"{column}\" > TIMESTAMP '{between}'")).0,
            0,
            "{table} after {between}"
        );
    }
    drop(found);
    let behind = Reader::<MarketRecord>::new(&root.join("market"), restored.market.next()).next_group(Seq(u64::MAX));
    let is_later = |(_, record): &(Seq, MarketRecord)| matches!(record, MarketRecord::Batch(b) if b.received > between);
    assert!(behind.unwrap().unwrap().records.iter().any(is_later));
    for log in [(&to.join("ledger"), Log::Ledger), (&to.join("market"), Log::Market)] {
        assert!(journal::verify(log.0, log.1).unwrap().iter().all(|segment| segment.problem.is_none()));
    }

    // By number, to a group's end at most; and points that nobody reaches.
    let to = temp.path().join("number");
    let wanted = Wanted {
        backup: None,
        point: Some(Point::Records { ledger: Some(first.journals.ledger), market: Some(first.journals.market) }),
    };
    let restored = restore_to(&repository, &to, &wanted).unwrap();
    assert_eq!((restored.ledger, restored.market), (first.journals.ledger, first.journals.market));
    for point in [first.tables.at.before(Duration::from_secs(1)), second.journals.until.after(Duration::from_secs(1))] {
        let to = temp.path().join("nowhere");
        assert!(matches!(restore_to(&repository, &to, &at(point)), Err(Error::OutOfReach { .. })), "{point}");
        assert!(!to.exists());
    }
}

#[test]
fn a_damaged_object_is_found_and_not_restored() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("backups");
    let repository = Repository::open(folder.to_str().unwrap(), &cold()).unwrap();
    let running = Running::start(&temp.path().join("d"));
    running.while_writing(1, || running.wait_for(300));
    let backup = running.back_up(&repository).unwrap();
    let damaged = backup.files.iter().rev().find(|file| file.path.starts_with("market/")).unwrap();
    let path = object(&folder, damaged);
    let whole = std::fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    bytes[100] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let verified = verify(&repository, None, Damaged::Stays, &|_| {}).unwrap();
    assert_eq!(verified.findings.len(), 1, "{verified:?}");
    assert!(verified.findings[0].what.ends_with(&damaged.path), "{verified:?}");
    let to = temp.path().join("restored");
    let refused = restore_to(&repository, &to, &Wanted::default());
    assert!(matches!(&refused, Err(Error::Damaged { file, .. }) if *file == damaged.path), "{refused:?}");
    assert_eq!(std::fs::read_dir(&to).unwrap().count(), 0, "nothing is left");
    // What is damaged is sent again once it was removed.
    running.clock.tick();
    running.back_up(&repository).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "what is there is trusted");
    assert_eq!(verify(&repository, None, Damaged::Goes, &|_| {}).unwrap().findings.len(), 1);
    running.clock.tick();
    running.back_up(&repository).unwrap();
    running.storage.finish().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    assert_eq!(verify(&repository, None, Damaged::Stays, &|_| {}).unwrap().findings, vec![]);
    restore_to(&repository, &to, &Wanted::default()).unwrap();

    // Not over what is there; and what is broken off is not opened.
    assert!(matches!(restore_to(&repository, &to, &Wanted::default()), Err(Error::NotEmpty { .. })));
    std::fs::write(to.join(crate::datadir::UNFINISHED), "").unwrap();
    let opened = DataDir::open(&Paths::of(&to, None));
    assert!(matches!(opened, Err(crate::datadir::Error::Unfinished { .. })), "{opened:?}");
}

#[test]
fn what_was_broken_off_is_no_backup_and_is_pruned() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("backups");
    let repository = Repository::open(folder.to_str().unwrap(), &cold()).unwrap();
    assert!(matches!(Repository::existing("/no/such/folder", &cold()), Err(Error::NoRepository { .. })));
    let running = Running::start(&temp.path().join("d"));
    running.while_writing(1, || running.wait_for(300));
    // It is stopped behind its first file.
    let durable = || (running.storage.ledger.watermark().get(), running.storage.market.watermark().get());
    let (stop, database) = (Stop::default(), running.storage.database());
    let on = |doing: Doing<'_>| {
        if doing.what.starts_with("ledger/") {
            stop.stop();
        }
    };
    let now = || running.clock.now();
    let source = source(Tables::Running(&database), &running.paths, &durable, &now);
    let stopped = create(&repository, &Source { on: &on, stop: stop.clone(), ..source });
    assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
    // Its store was left with it.
    let repository = Repository::open(folder.to_str().unwrap(), &cold()).unwrap();
    assert_eq!(repository.list().unwrap(), vec![]);
    assert!(matches!(restore_to(&repository, &temp.path().join("x"), &Wanted::default()), Err(Error::NoBackup { .. })));
    assert!(!repository.objects().unwrap().is_empty());

    running.clock.tick();
    let first = running.back_up(&repository).unwrap();
    running.while_writing(100_000, || running.wait_for(100));
    let second = running.back_up(&repository).unwrap();
    running.storage.finish().unwrap();
    // Another directory's only backup, older than both.
    let other =
        Backup { id: "2020-01-01T00-00-00.000000Z".to_owned(), directory: "/other".to_owned(), ..first.clone() };
    repository.commit(&other).unwrap();
    assert_eq!(prune(&repository, 2, &|_| {}).unwrap().backups, Vec::<String>::new());
    assert_eq!(prune(&repository, 1, &|_| {}).unwrap().backups, vec![first.id.clone()]);
    assert_eq!(repository.list().unwrap(), vec![other.clone(), second.clone()]);
    repository.forget(&other.id).unwrap();
    repository.commit(&first).unwrap();
    let verified = verify(&repository, None, Damaged::Stays, &|_| {}).unwrap();
    assert_eq!((verified.backups, verified.findings.len()), (2, 0));
    let pruned = prune(&repository, 1, &|_| {}).unwrap();
    assert_eq!(pruned.backups, vec![first.id]);
    assert!(pruned.objects > 0, "{pruned:?}");
    assert_eq!(repository.objects().unwrap().len(), hashes(&second).len());
    let verified = verify(&repository, Some(&second.id), Damaged::Stays, &|_| {}).unwrap();
    assert_eq!((verified.objects as usize, verified.findings.len()), (hashes(&second).len(), 0));
}

#[test]
fn tables_and_journals_of_two_histories_are_not_put_together() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("backups");
    let repository = Repository::open(folder.to_str().unwrap(), &cold()).unwrap();
    let clock = Clock(AtomicI64::new(1_723_075_200_000_000_000));
    // Two directories with as many records, backed up one after the other into the same place.
    let backups: Vec<Backup> = ["a", "b"]
        .into_iter()
        .map(|name| {
            let paths = Paths::of(&temp.path().join(name), None);
            drop(DataDir::create(&paths).unwrap());
            let mut ledger = Writer::open(&paths.ledger, 1 << 20).unwrap();
            let mut market = Writer::open(&paths.market, 1 << 20).unwrap();
            for n in 0..20 {
                ledger.append(&action(clock.tick())).unwrap();
                ledger.sync().unwrap();
                market.append(&batch(1 + n * EVENTS, clock.tick())).unwrap();
                market.sync().unwrap();
            }
            let instance = opened(&paths.root);
            clock.tick();
            let ends = (ledger.last(), market.last());
            let durable = || ends;
            create(&repository, &source(Tables::Stopped(&instance), &paths, &durable, &|| clock.tick())).unwrap()
        })
        .collect();
    let (first, second) = (&backups[0], &backups[1]);
    assert_eq!(first.tables.ledger.seq, second.tables.ledger.seq);
    assert_ne!(first.tables.ledger.hash, second.tables.ledger.hash);
    // The first's tables lie before this point and the second's journals reach it; they are not of one history.
    let point = first.journals.until.after(Duration::from_millis(10));
    assert!(point < second.tables.at);
    let refused = restore_to(&repository, &temp.path().join("x"), &at(point));
    assert!(matches!(refused, Err(Error::OutOfReach { .. })), "{refused:?}");
}
